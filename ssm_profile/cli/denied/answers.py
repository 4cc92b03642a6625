"""Answers: denials grouped by action, resource and use, with the options for them and the reasons."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ssm_profile.catalogue import EXPLICIT_DENIES, NOT_NEEDED
from ssm_profile.cli.action_list import data_date, is_known
from ssm_profile.cli.reverse_lookup import refusal

from .denial import CALLER_KINDS, OF_ROLE, UNKNOWN, Denial, policy_owner
from .log_lines import LINES_BY_NAME
from .proposals import Proposal, find_proposals, grants_describe_by_default


@dataclass(frozen=True)
class Answer:
    """The answer for one action on one resource."""

    denials: Sequence[Denial]
    """Every denial of the action on the resource."""
    proposals: Sequence[Proposal]
    why: Sequence[str]
    """Sentences in Markdown."""

    @cached_property
    def first(self) -> Denial:
        """The denial that an option can grant, or the first one."""
        return next(iter(self.solvable), self.denials[0])

    @cached_property
    def solvable(self) -> list[Denial]:
        """The denials that an option can grant."""
        return [denial for denial in self.denials if _can_help(denial)]

    @property
    def is_default(self) -> bool:
        """Whether the component always grants the call."""
        return any(proposal.is_default for proposal in self.proposals)


def group_denials(denials: Iterable[Denial]) -> list[list[Denial]]:
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


def answer_for(denials: Sequence[Denial]) -> Answer:
    """The answer for the denials of one group."""
    why: list[str] = []
    proposals: list[Proposal] = []
    lines = [LINES_BY_NAME[name] for name in dict.fromkeys(denial.line for denial in denials if denial.line)]
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
    return Answer(denials, proposals, why)


def _can_help(denial: Denial) -> bool:
    """Whether an option of an instance profile can be what is missing."""
    return denial.action is not None and denial.can_be_granted and denial.caller.can_be_instance


_OWN_POLICY = (
    "If software on the instance needs the call, attach a policy of your own to the role, for example with "
    "`managed_policy_arns`."
)


_ADD_DEFAULTS = (
    "Pass the role to this component with `existing_role_name`, or attach the policy that `ssm-profile policy` prints "
    "to the role."
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
                f"this component created with its defaults. {_ADD_DEFAULTS}"
            )
        else:
            yield (
                "This component grants it by default. Either the role is not one that this component created with its "
                "defaults, or another policy limits the role: a permissions boundary, a service control policy, or the "
                "policy of a VPC endpoint. Which one cannot be known, since the message does not say it. In the first "
                f"case: {_ADD_DEFAULTS}"
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
        return f"No option grants it: AWS has no action with this name (as of {data_date()})."
    return f"No option grants it. {NOT_NEEDED} {_OWN_POLICY}"
