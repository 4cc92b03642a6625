"""``make docs``: writes permissions.md from the catalogue."""

import sys
from pathlib import Path

from ssm_profile.catalogue import CAPABILITIES, ENDPOINTS, EXPLICIT_DENIES, REFUSALS, Capability, ExplicitDeny, Grant
from ssm_profile.options import OPTIONS
from ssm_profile.policy import is_granted_by_default

PAGE = Path(__file__).parent.parent / "docs" / "permissions.md"

INTRODUCTION = """<!-- Written by `make docs` from ssm_profile/catalogue.py. Do not edit. -->

# Permissions

Every action that an option can grant, with what it is for, what a person sees without it, and where that is known from.

"Measured" is what amazon-ssm-agent was seen to do: a build of its source of 2024-10-21 (the release after 3.3.987.0),
run for eight minutes with two sessions against a recorder in place of AWS. A newer agent may differ. Nothing was
measured on live AWS. What is seen without an action was measured for the default's actions and for those of
`quiet_agent`; for the others it follows from the agent's source and from AWS's pages.
"""


def page() -> str:
    """The whole page."""
    sections = [INTRODUCTION, _matrix()]
    sections += [_capability(capability) for capability in CAPABILITIES]
    sections += [_deny(deny) for deny in EXPLICIT_DENIES]
    sections += [_refusals(), _endpoints()]
    return "\n".join(sections)


def _matrix() -> str:
    lines = ["## Which option grants what", "", "| action | granted by |", "| --- | --- |"]
    granted: dict[str, list[str]] = {}
    for capability in CAPABILITIES:
        for grant in capability.grants:
            granted.setdefault(grant.action, []).append(_name(capability))
    lines += [f"| `{action}` | {', '.join(names)} |" for action, names in granted.items()]
    return "\n".join([*lines, ""])


def _name(capability: Capability) -> str:
    if capability.name not in OPTIONS:
        return "always"
    return f"`{capability.name}`" + (" (default)" if is_granted_by_default(capability) else "")


def _capability(capability: Capability) -> str:
    lines = [f"## `{capability.name}`", "", capability.summary]
    if capability.name not in OPTIONS:
        lines += ["", "No option; it is always granted" + _replaced(capability)]
    elif is_granted_by_default(capability):
        lines += ["", "On by default" + _replaced(capability)]
    return "\n".join([*lines, "", *[_grant(grant) for grant in capability.grants]])


def _replaced(capability: Capability) -> str:
    by = [f"`{other.name}`" for other in CAPABILITIES if other.replaces == capability.name]
    return f", unless {' or '.join(by)} takes its place." if by else "."


def _grant(grant: Grant) -> str:
    resources = ", ".join(f"`{resource}`" for resource in grant.resources)
    sources = ", ".join(f"<{source}>" for source in grant.sources)
    return "\n".join(
        [
            f"### `{grant.action}`",
            "",
            grant.purpose,
            "",
            f"- On: {resources}",
            f"- Without it: {grant.symptom}",
            f"- Measured: {grant.measured}",
            f"- Agent versions: {grant.agents}",
            f"- Sources: {sources}",
            "",
        ]
    )


def _deny(deny: ExplicitDeny) -> str:
    sources = ", ".join(f"<{source}>" for source in deny.sources)
    conditions = "\n".join(
        f"- Where: `{operator}` `{key}` `{value}`"
        for operator, keys in deny.condition.items()
        for key, value in keys.items()
    )
    return f"## `{deny.name}`\n\n{deny.summary}\n\n{conditions}\n- Breaks: {deny.breaks}\n- Sources: {sources}\n"


def _refusals() -> str:
    lines = ["## What no option grants", "", "| action | why |", "| --- | --- |"]
    lines += [f"| {', '.join(f'`{action}`' for action in each.actions)} | {each.why} |" for each in REFUSALS]
    return "\n".join([*lines, ""])


def _endpoints() -> str:
    lines = ["## VPC endpoints for a subnet without a way to the internet", "", "| endpoint | needed by | for |"]
    lines += ["| --- | --- | --- |"]
    for endpoint in ENDPOINTS:
        needing = [
            _name(capability)
            for capability in CAPABILITIES
            if capability.name in endpoint.capabilities
            or any(grant.action.split(":")[0] == endpoint.prefix for grant in capability.grants)
        ]
        names = "always" if "always" in needing else ", ".join(needing)
        lines.append(f"| `com.amazonaws.<region>.{endpoint.service}` | {names} | {endpoint.note} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.stdout.write(f"{PAGE.name}: {PAGE.write_text(page())} characters\n")
