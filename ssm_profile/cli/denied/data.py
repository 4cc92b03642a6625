"""The data of ``audit --denied --json``, which docs/denied.schema.json describes. The report is made from it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ssm_profile.cli.report import bare

from .answers import Answer, answer_for, group_denials
from .denial import INSTANCE, Denial, policy_owner
from .log_lines import LINES_BY_NAME, LogLine
from .proposals import Proposal
from .stacks import Stack, stacks_for

SCHEMA_VERSION = 1
"""The version of the data of ``--json``. It changes when a key is removed or changes its meaning."""

MOST_ANSWERS = 500
"""How many actions on resources are answered. A report of more is not read, and takes long."""

DECODE = "aws sts decode-authorization-message --query DecodedMessage --output text --encoded-message"


def answer_denials(denials: Iterable[Denial]) -> dict[str, Any]:
    """The answers for denied calls, as data. The keys are those of ``--json``. Sentences are Markdown.

    Args:
        denials: The denials, as often as they occurred.
    """
    groups = group_denials(denials)
    answers = [answer_for(group) for group in groups[:MOST_ANSWERS]]
    stacks = stacks_for(answers)
    return {
        "schemaVersion": SCHEMA_VERSION,
        "answers": [
            _answer_data(
                answer, list(dict.fromkeys(stack.left_out[number] for stack in stacks if number in stack.left_out))
            )
            for number, answer in enumerate(answers)
        ],
        "stacks": [_stack_data(stack) for stack in stacks if stack.options or stack.open],
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


def _answer_data(answer: Answer, left_out: Sequence[str]) -> dict[str, Any]:
    first = answer.first
    callers = Counter(denial.caller for denial in answer.denials)
    policies = dict.fromkeys((denial.kind, denial.explicit, denial.policy) for denial in answer.denials)
    lines = [LINES_BY_NAME[name] for name in dict.fromkeys(denial.line for denial in answer.denials if denial.line)]
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
        "why": [*answer.why, *(f"It is not part of the merged options. {reason}" for reason in left_out)],
        "knownLines": [_line_data(line) for line in lines],
        "decodeCommand": f"{DECODE} {encoded}" if encoded else None,
    }


def _stack_data(stack: Stack) -> dict[str, Any]:
    return {
        "locations": [location._asdict() for location in stack.locations],
        "options": dict(stack.options),
        "toComplete": [
            {
                "action": answer.first.needed,
                "resource": answer.first.resource,
                "choices": [
                    {"options": proposal.options, "missing": list(proposal.missing)} for proposal in answer.proposals
                ],
            }
            for answer in stack.open
        ],
        "mistakes": stack.mistakes,
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
