"""Writes docs/permissions.md from the catalogue. Part of ``make docs``."""

import sys
from pathlib import Path

from ssm_profile.catalogue import (
    CAPABILITIES,
    EXPLICIT_DENIES,
    NOT_GRANTED,
    VPC_ENDPOINTS,
    Capability,
    ExplicitDeny,
    Grant,
)
from ssm_profile.iam.documents import condition_lines
from ssm_profile.options import OPTIONS
from ssm_profile.policy import is_granted_by_default
from ssm_profile.regions import REGIONS, VPC_ENDPOINTS_COPY
from ssm_profile.visibility import VISIBILITY

PAGE = Path(__file__).parent.parent / "docs" / "permissions.md"

INTRODUCTION = """<!-- Generated from ssm_profile/catalogue.py by `make docs`. Do not edit. -->

# Permissions

This page lists every action that an option can grant. Each action has its purpose, the symptom that you see when it is
missing, and the sources.

"Measured" describes the real amazon-ssm-agent: a build of its source of 2024-10-21 (the release after 3.3.987.0), which
ran for up to eight minutes at a time with sessions and commands. A recorder answered its calls instead of AWS. A newer
agent can behave differently, and nothing was measured on live AWS. [Evidence](evidence.md) lists the runs. A symptom
follows from the agent's source and from AWS's pages where the measurement does not say what happened when the action
was denied.

Resources and conditions contain fields in braces. `{partition}`, `{region}` and `{account}` are those of the
deployment. `{domain_join[directory_id]}` is the value of `domain_join.directory_id`. `{each}` is each entry of a list,
such as `document_arns`. `{parameter_owner}` is the account, or empty for public parameters of AWS. `{dns_suffix}` is
the partition's own DNS suffix, if it is another one than `amazonaws.com`. `{patch_suffix}` and `{snapshot_suffix}` are
parts of the names of AWS's buckets in the region.

"In CloudTrail" says how a call can be seen there. "Never" means that AWS's page about it has the action in no list. A
time without events of an action then does not mean that nothing uses it.
"""


def page() -> str:
    """The whole page."""
    sections = [INTRODUCTION, _matrix()]
    sections += [_capability(capability) for capability in CAPABILITIES]
    sections += [_deny(deny) for deny in EXPLICIT_DENIES]
    sections += [_not_granted(), _vpc_endpoints()]
    return "\n".join(sections)


def _matrix() -> str:
    lines = ["## Actions and their options", "", "| action | granted by |", "| --- | --- |"]
    granted: dict[str, dict[str, None]] = {}
    for capability in CAPABILITIES:
        for grant in capability.grants:
            granted.setdefault(grant.action, {})[_name(capability)] = None
    lines += [f"| `{action}` | {', '.join(names)} |" for action, names in granted.items()]
    return "\n".join([*lines, ""])


def _name(capability: Capability) -> str:
    if capability.name not in OPTIONS:
        return "always"
    return f"`{capability.name}`" + (" (default)" if is_granted_by_default(capability) else "")


def _capability(capability: Capability) -> str:
    lines = [f"## `{capability.name}`", "", capability.summary]
    if capability.name not in OPTIONS:
        lines += ["", "Always granted" + _exceptions(capability)]
    elif is_granted_by_default(capability):
        lines += ["", "Granted by default" + _exceptions(capability)]
    return "\n".join([*lines, "", *[_grant(grant) for grant in capability.grants]])


def _exceptions(capability: Capability) -> str:
    narrower = [f"`{other.name}`" for other in CAPABILITIES if other.replaces == capability.name]
    return f". {' or '.join(narrower)} replaces this grant." if narrower else "."


def _grant(grant: Grant) -> str:
    resources = ", ".join(f"`{resource}`" for resource in grant.resources)
    visibility = VISIBILITY[grant.action]
    sources = ", ".join(f"<{source}>" for source in dict.fromkeys((*grant.sources, visibility.source)))
    return "\n".join(
        [
            f"### `{grant.action}`",
            "",
            grant.purpose,
            "",
            f"- Resources: {resources}",
            *(f"- Condition: `{line}`" for line in condition_lines(grant.condition)),
            f"- If missing: {grant.symptom}",
            f"- Measured: {grant.measured}",
            f"- Agent versions: {grant.agents}",
            f"- In CloudTrail: {visibility.kind.value}",
            f"- Sources: {sources}",
            "",
        ]
    )


def _deny(deny: ExplicitDeny) -> str:
    sources = ", ".join(f"<{source}>" for source in deny.sources)
    conditions = "\n".join(
        f"- Condition: `{operator}` `{key}` `{value}`"
        for operator, keys in deny.condition.items()
        for key, value in keys.items()
    )
    return f"## `{deny.name}`\n\n{deny.summary}\n\n{conditions}\n- Breaks: {deny.breaks}\n- Sources: {sources}\n"


def _not_granted() -> str:
    lines = ["## Actions that no option grants", "", "| actions | reason |", "| --- | --- |"]
    lines += [f"| {', '.join(f'`{action}`' for action in row.actions)} | {row.why} |" for row in NOT_GRANTED]
    return "\n".join([*lines, ""])


def _vpc_endpoints() -> str:
    lines = [
        "## VPC endpoints for a private subnet",
        "",
        "A subnet without internet access needs the VPC endpoints of the options that you use. The names are those of",
        f"{VPC_ENDPOINTS_COPY}.",
        "",
        "| endpoint | needed by | purpose |",
        "| --- | --- | --- |",
    ]
    for endpoint in VPC_ENDPOINTS:
        capability_names = [
            _name(capability)
            for capability in CAPABILITIES
            if capability.name in endpoint.capabilities
            or any(grant.action.split(":")[0] == endpoint.prefix for grant in capability.grants)
        ]
        names = "always" if "always" in capability_names else ", ".join(capability_names)
        lines.append(f"| `{endpoint.name('<region>')}` | {names} | {endpoint.note} |")
    lines += ["", "In these regions the names of some endpoints begin in another way:", "", "| region | endpoints |"]
    lines.append("| --- | --- |")
    for region in REGIONS:
        usual = {endpoint.name("<region>").replace("<region>", region) for endpoint in VPC_ENDPOINTS}
        if others := [name for endpoint in VPC_ENDPOINTS if (name := endpoint.name(region)) not in usual]:
            lines.append(f"| {region} | {', '.join(f'`{name}`' for name in others)} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.stdout.write(f"{PAGE.name}: {PAGE.write_text(page())} characters\n")
