"""The findings on a role: what SARIF reports, and what a baseline can accept."""

from collections.abc import Iterator
from dataclasses import dataclass

from ssm_profile.cli.audit import BROKEN, CLEAN, RISKY, WIDE
from ssm_profile.cli.report import code, count_of, first_of
from ssm_profile.cli.verdicts import Verdict
from ssm_profile.options import SSM_WIDE_POLICIES
from ssm_profile.risks import RISKS

from .host_management import is_decisive
from .rows import Row

NOT_WORKING, NOT_CERTAIN, NOT_KNOWN, TOO_WIDE = (
    "systems-manager",
    "systems-manager-condition",
    "content-not-known",
    "too-wide",
)
"""The findings that are no risk and no AWS managed policy."""

FINDINGS = (NOT_WORKING, NOT_CERTAIN, *(risk.name for risk in RISKS), NOT_KNOWN, *SSM_WIDE_POLICIES, TOO_WIDE)
"""The closed list of findings."""


@dataclass(frozen=True)
class Finding:
    """A finding on a role."""

    name: str
    """One of :data:`FINDINGS`."""
    level: str
    """The level of ``--fail-on`` that the finding alone makes."""
    sentences: tuple[str, ...]
    """In Markdown."""
    is_certain: bool = True
    """False for a risk that depends on something that is not known."""


def findings_on(row: Row) -> Iterator[Finding]:
    """The findings on the role of a row. The worst of their levels is the level of the role."""
    if row["level"] == BROKEN:
        unless = " unless Default Host Management Configuration is on" if is_decisive(row) else ""
        yield Finding(NOT_WORKING, BROKEN, (f"Systems Manager does not work with it{unless}.", *row["reasons"]))
    elif row["systemsManager"] == Verdict.WORKS_IF.value:
        sentences = ("Systems Manager works with it only under a condition.", *row["reasons"])
        yield Finding(NOT_CERTAIN, CLEAN, sentences)
    for risk in row["risks"]:
        can = "can" if risk["certain"] else "may be able to"
        sentence = f"An instance with it {can} {risk['summary']}."
        yield Finding(risk["risk"], RISKY, (sentence,), is_certain=risk["certain"])
    if row["unread"]:
        names = ", ".join(dict.fromkeys(row["unread"]))
        several = (f"The input has several documents of {each}." for each in row["ambiguous"])
        yield Finding(NOT_KNOWN, WIDE, (f"The content of {names} is not known.", *several))
    for policy in row["deprecated"]:
        yield Finding(policy, WIDE, (f"It has {policy}.", SSM_WIDE_POLICIES[policy]))
    if row["tooWide"]:
        yield Finding(TOO_WIDE, WIDE, ("Its policies grant more than its capabilities need.", *why_wide(row)))


def why_wide(row: Row) -> Iterator[str]:
    """What the policies of a role grant beyond its capabilities."""
    if row["unneeded"]:
        count = sum(each["count"] for each in row["unneeded"])
        yield f"No capability needs {count_of(count, 'action')}: {first_of(map(action_group, row['unneeded']))}."
    if row["unscoped"]:
        places = dict.fromkeys(f"{code(each['action'])} on {code(each['resource'])}" for each in row["unscoped"])
        yield f"On more resources than needed: {first_of(places)}."


def action_group(group: Row) -> str:
    """A pattern or an action, with the number of actions of a pattern."""
    return code(group["action"]) + (f" ({group['count']:,} actions)" if group["count"] > 1 else "")
