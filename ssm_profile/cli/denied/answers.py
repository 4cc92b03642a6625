"""Answers: denials grouped by action and resource, with options, reasons and one merged set of options."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ssm_profile.catalogue import EXPLICIT_DENIES, NOT_NEEDED
from ssm_profile.cli.action_list import is_known
from ssm_profile.cli.report import bare
from ssm_profile.cli.reverse_lookup import refusal
from ssm_profile.policy import Document, policy_document, size
from ssm_profile.regions import SHORTEST_LOCATION
from ssm_profile.validation import find_mistakes, find_size_mistakes

from .denial import CALLER_KINDS, INSTANCE, OF_ROLE, UNKNOWN, Denial, policy_owner
from .log_lines import LOG_LINES, LogLine
from .proposals import (
    Proposal,
    allows,
    arn_of,
    document_of,
    find_proposals,
    grants_describe_by_default,
    location_of,
    nested,
)

SCHEMA_VERSION = 1
"""The version of the data of ``--json``. It changes when a key is removed or changes its meaning."""

MOST_ANSWERS = 500
"""How many actions on resources are answered. A report of more is not read, and takes long."""

DECODE = "aws sts decode-authorization-message --query DecodedMessage --output text --encoded-message"

_LINES = {line.name: line for line in LOG_LINES}


@dataclass(frozen=True)
class _Answer:
    """The answer for one action on one resource."""

    denials: Sequence[Denial]
    """Every denial of the action on the resource."""
    proposals: Sequence[Proposal]
    why: Sequence[str]
    """Sentences in Markdown."""

    @property
    def first(self) -> Denial:
        """The denial that an option can grant, or the first one."""
        return next((denial for denial in self.denials if _can_help(denial)), self.denials[0])

    @property
    def is_default(self) -> bool:
        """Whether the component always grants the call."""
        return any(proposal.is_default for proposal in self.proposals)


@dataclass(frozen=True)
class _Merged:
    """The options that grant all calls together."""

    options: Mapping[str, Any]
    open: Sequence[_Answer]
    """The answers that a person must complete: several options to choose from, or a value that no message gives."""
    left_out: Mapping[int, str]
    """Why the option of an answer, by its position, is not part of the options although it is complete."""


def answer_denials(denials: Iterable[Denial]) -> dict[str, Any]:
    """The answers for denied calls, as data. The keys are those of ``--json``. Sentences are Markdown.

    Args:
        denials: The denials, as often as they occurred.
    """
    groups = _grouped(denials)
    answers = [_answer(group) for group in groups[:MOST_ANSWERS]]
    merged = _merge(answers)
    return {
        "schemaVersion": SCHEMA_VERSION,
        "answers": [_data(answer, merged.left_out.get(number)) for number, answer in enumerate(answers)],
        "options": dict(merged.options),
        "toComplete": [
            {
                "action": answer.first.needed,
                "resource": answer.first.resource,
                "choices": [
                    {"options": proposal.options, "missing": list(proposal.missing)} for proposal in answer.proposals
                ],
            }
            for answer in merged.open
        ],
        "mistakes": _size_mistakes(merged.options),
        "notAnswered": max(0, len(groups) - MOST_ANSWERS),
    }


def plain(answered: Any) -> Any:
    """Answers whose sentences are plain text and not Markdown."""
    if isinstance(answered, dict):
        return {
            key: [bare(text) for text in value] if key in ("why", "notes", "mistakes") else plain(value)
            for key, value in answered.items()
        }
    return [plain(entry) for entry in answered] if isinstance(answered, list) else answered


def is_granted(answered: Mapping[str, Any]) -> bool:
    """Whether an option, or the component's default policy, grants every denied call."""
    return not answered["notAnswered"] and all(answer["options"] for answer in answered["answers"])


def _grouped(denials: Iterable[Denial]) -> list[list[Denial]]:
    """The denials by action, resource and use. One whose use is not known belongs to those of a known use."""
    calls: dict[tuple[Any, ...], dict[tuple[str, ...] | None, list[Denial]]] = {}
    for denial in denials:
        call = (denial.action, denial.missing_action, denial.resource)
        if denial.action is None:
            call = (denial.encoded, denial.line)
        calls.setdefault(call, {}).setdefault(denial.options, []).append(denial)
    for uses in calls.values():
        if len(uses) > 1 and (unknown := uses.pop(None, None)):
            next(iter(uses.values())).extend(unknown)
    return [group for uses in calls.values() for group in uses.values()]


def _answer(denials: Sequence[Denial]) -> _Answer:
    why: list[str] = []
    proposals: list[Proposal] = []
    lines = [_LINES[name] for name in dict.fromkeys(denial.line for denial in denials if denial.line)]
    why += [line.cause for line in lines if not all(denial.resource for denial in denials) or not line.action]
    solvable = [denial for denial in denials if _can_help(denial)]
    for denial in {(each.kind, each.explicit, each.policy): each for each in denials}.values():
        why += _about_policy(denial)
    why += _about_callers(denials)
    why += _about_request(denials)
    if any(denial.encoded for denial in denials):
        why.append(_about_encoded(denials))
    if solvable:
        if any(not denial.can_be_granted and denial.caller.can_be_instance for denial in denials):
            why.append("Other messages say that no policy of the role allows it. Both must change.")
        # A line of a log that says what the call was for limits the options.
        denial = next((each for each in solvable if each.options is not None), solvable[0])
        why += [denial.use] if denial.use else []
        proposals, refusals = find_proposals(denial)
        if proposals:
            why += _about_proposals(denial, proposals)
        elif refusals:
            why.append("No option grants it.")
            why += dict.fromkeys(refused.reason for refused in refusals)
            why.append(_OWN_POLICY)
        elif denial.use:
            why.append(f"No option is for this use. {_OWN_POLICY}")
        else:
            why.append(_about_no_option(str(denial.needed)))
    return _Answer(denials, proposals, why)


def _can_help(denial: Denial) -> bool:
    """Whether an option of an instance profile can be what is missing."""
    return denial.action is not None and denial.can_be_granted and denial.caller.can_be_instance


_OWN_POLICY = (
    "If software on the instance needs the call, attach a policy of your own to the role, for example with "
    "`managed_policy_arns`."
)


def _about_policy(denial: Denial) -> Iterator[str]:
    """What a policy that the message names means for the options."""
    if denial.can_be_granted:
        return
    named = f" `{denial.policy}`" if denial.policy else ""
    if denial.kind is None:
        yield (
            f"A policy{named} denies it explicitly. The message does not say which kind of policy, so this cannot be "
            "known. No option can grant it, since an explicit deny overrides every Allow."
        )
        return
    if denial.kind == OF_ROLE:
        denies = " ".join(f"`{deny.name}`: {deny.summary}" for deny in EXPLICIT_DENIES)
        where = f"The policy{named}" if named else "A policy of the role"
        yield (
            f"{where} denies it explicitly, which overrides every Allow. No option can grant it. Ask the owner of the "
            f"role. These options of this component deny calls: {denies}"
        )
        return
    owner = policy_owner(denial.kind, denial.policy) or "the owner of that policy"
    article = "an" if denial.kind.startswith(("identity", "S3")) else "a"
    name = denial.kind if denial.kind.startswith("S3") else f"{article} {denial.kind}"
    how = "denied explicitly" if denial.explicit else "not allowed"
    yield (
        f"It is {how} by {name}{':' if named else ''}{named}. That is not a policy of the role, so no option can grant "
        f"it. It can be changed by {owner}."
    )


def _about_callers(denials: Sequence[Denial]) -> Iterator[str]:
    """What the callers mean for the options."""
    callers = [denial.caller for denial in denials]
    others = list(dict.fromkeys(caller.kind for caller in callers if not caller.can_be_instance))
    for kind in others:
        yield (
            f"The caller is {CALLER_KINDS[kind]}, and not the role of an instance profile. An instance profile is not "
            "the place to grant it."
        )
    if any(map(_can_help, denials)) and all(caller.kind == UNKNOWN for caller in callers):
        yield "Who made the call cannot be known from the message. The answer is for the role of an instance."


def _about_request(denials: Sequence[Denial]) -> Iterator[str]:
    """What is known of a resource that a denied request is for, and that its message does not name."""
    named = denials[0].requested_with
    if named and all(denial.requested_with for denial in denials):
        yield (
            f"Also requested: the message names only `{named}`, and the same request is for this resource, too. "
            "Whether the role allows it cannot be known from the message."
        )


def _about_encoded(denials: Sequence[Denial]) -> str:
    if all(denial.action is None for denial in denials):
        return (
            "The message is encoded, so the action and the resource cannot be known from it. Decode it with the "
            "command below, which needs `sts:DecodeAuthorizationMessage`, and pass the output to "
            "`ssm-profile audit --denied`."
        )
    return (
        "The encoded part of the message names the policies and conditions. Decode it with the command below, which "
        "needs `sts:DecodeAuthorizationMessage`."
    )


def _about_proposals(denial: Denial, proposals: Sequence[Proposal]) -> Iterator[str]:
    if any(proposal.is_default for proposal in proposals):
        # The kind of policy, or its absence, says whose policy lacks the action.
        if denial.kind == OF_ROLE:
            yield (
                "This component grants it by default, and no policy of the role allows it. The role is not one that "
                "this component created with its defaults."
            )
        else:
            yield (
                "This component grants it by default. Either the role is not one that this component created with its "
                "defaults, or another policy limits the role: a permissions boundary, a service control policy, or the "
                "policy of a VPC endpoint. Which one cannot be known, since the message does not say it."
            )
        return
    if grants_describe_by_default(str(denial.needed)):
        yield (
            "This component grants it by default with `ec2_describe`. Either the role is not one that this component "
            "created, or its options limit it."
        )
    if len(proposals) == 1:
        yield "This option grants it."
    else:
        yield "Each of these options grants it. Choose the one whose purpose fits: the message does not say it."
    missing = list(dict.fromkeys(path for proposal in proposals for path in proposal.missing))
    if missing and len(proposals) == 1:
        names = " and ".join(f"`{path}`" for path in missing)
        yield f"The message does not give a value for {names}. Add it."


def _about_no_option(action: str) -> str:
    if reason := refusal(action):
        return f"No option grants it, for this reason: {reason}"
    if not is_known(action):
        return "No option grants it: AWS has no action with this name."
    return f"No option grants it. {NOT_NEEDED} {_OWN_POLICY}"


def _merge(answers: Sequence[_Answer]) -> _Merged:
    """The options of all answers together. What must be chosen or completed first is left out."""
    values: dict[str, Any] = {}
    left_out: dict[int, str] = {}
    incomplete: set[int] = set()
    proposed = [(number, answer) for number, answer in enumerate(answers) if answer.proposals and not answer.is_default]
    certain = [(number, answer.proposals[0]) for number, answer in proposed if len(answer.proposals) == 1]
    # An answer that lacks a value can get it from an answer that has it.
    for number, proposal in sorted(certain, key=lambda each: len(each[1].missing)):
        both = _united(values, proposal.values)
        if any(path not in values for path in proposal.missing):
            incomplete.add(number)
        elif both is None or find_mistakes(nested(both)):
            left_out[number] = "Its value conflicts with the value that another denied call needs."
        else:
            values = both
    options, documents = nested(values), dict[str, Document]()
    unanswered = [
        (number, answer)
        for number, answer in proposed
        if number not in left_out and not _allowed(answer, options, documents)
    ]
    still_open = [answer for number, answer in unanswered if number in incomplete or len(answer.proposals) > 1]
    left_out |= {
        number: "The options for the other denied calls do not grant it."
        for number, answer in unanswered
        if answer not in still_open
    }
    return _Merged(options, still_open, left_out)


def _united(values: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any] | None:
    """Two sets of values together. Nothing if an option can take only one of two values."""
    united = dict(values)
    for path, value in more.items():
        if isinstance(value, list) and path in united:
            united[path] = [*united[path], *(entry for entry in value if entry not in united[path])]
        elif path not in united or united[path] == value:
            united[path] = value
        elif path == "session_logs.prefix" and "" in (value, united[path]):
            united[path] = ""  # one of the two objects is in no folder, so that the whole bucket is needed
        else:
            return None
    return united


def _allowed(answer: _Answer, options: Mapping[str, Any], documents: dict[str, Document]) -> bool:
    """Whether the options grant a denied call.

    Args:
        answer: The answer for the call.
        options: The options.
        documents: The policy documents of the options, by location. The function adds those that are missing.
    """
    denial = answer.first
    if options.get("managed_buckets") and any(proposal.values.get("managed_buckets") for proposal in answer.proposals):
        return True  # which is checked with the region of the bucket
    location = location_of(denial)
    if str(location) not in documents:
        documents[str(location)] = document_of(_without_buckets(options), location)
    # With a choice, a condition decides whether an option is for this use of the action.
    return allows(documents[str(location)], str(denial.needed), arn_of(denial), conditions=len(answer.proposals) == 1)


def _without_buckets(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options without the one that only some regions have."""
    return {name: value for name, value in options.items() if name != "managed_buckets"}


def _size_mistakes(options: Mapping[str, Any]) -> list[str]:
    """The mistake of options whose policy is longer than IAM allows."""
    document = policy_document(_without_buckets(options), SHORTEST_LOCATION)
    return [str(mistake) for mistake in find_size_mistakes(size(document), options)]


def _data(answer: _Answer, left_out: str | None) -> dict[str, Any]:
    first = answer.first
    callers = Counter(denial.caller for denial in answer.denials)
    policies = dict.fromkeys((denial.kind, denial.explicit, denial.policy) for denial in answer.denials)
    lines = [_LINES[name] for name in dict.fromkeys(denial.line for denial in answer.denials if denial.line)]
    encoded = next((denial.encoded for denial in answer.denials if denial.encoded), None)
    return {
        "action": first.action,
        "missingAction": first.missing_action,
        "resource": first.resource,
        "count": len(answer.denials),
        "callers": [
            {"arn": caller.arn, "kind": caller.kind, "isInstance": caller.kind == INSTANCE, "count": count}
            for caller, count in callers.most_common()
        ],
        "policies": [
            {"kind": kind, "explicit": explicit, "policy": policy, "owner": policy_owner(kind, policy)}
            for kind, explicit, policy in policies
        ],
        "options": [_proposal_data(proposal) for proposal in answer.proposals],
        "why": [*answer.why, *([f"It is not part of the merged options. {left_out}"] if left_out else [])],
        "knownLines": [_line_data(line) for line in lines],
        "decodeCommand": f"{DECODE} {encoded}" if encoded else None,
    }


def _proposal_data(proposal: Proposal) -> dict[str, Any]:
    grant = proposal.grant
    return {
        "option": "always granted" if proposal.is_default else proposal.feature.name,
        "options": proposal.options,
        "missing": list(proposal.missing),
        "notes": list(proposal.notes),
        "purpose": grant.purpose,
        "symptom": grant.symptom,
        "sources": list(grant.sources),
    }


def _line_data(line: LogLine) -> dict[str, Any]:
    return {"name": line.name, "cause": line.cause, "sources": list(line.sources)}
