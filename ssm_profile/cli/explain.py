"""``explain``: every action that a policy grants, what for, and what follows from it."""

from collections.abc import Mapping
from typing import Any

from ssm_profile import policy
from ssm_profile.catalogue import VPC_ENDPOINTS, Capability
from ssm_profile.options import OPTIONS

from .action_list import data_date, expanded
from .evaluator import condition_lines
from .report import Paragraph, Report, Table
from .sources import Configured

NO_DEFAULT_HOST_MANAGEMENT = (
    "Default Host Management Configuration does not apply to the instance: with `ssm:UpdateInstanceInformation` on its "
    "own role, the agent never asks for the default one. Whatever the instance needs has to be granted here."
)
DEFAULT_HOST_MANAGEMENT = (
    "Default Host Management Configuration applies where the account has it: without `ssm:UpdateInstanceInformation` "
    "on its own role, the agent asks for the default one."
)
EC2_ADVICE = (
    "The agent calls none of them. Among them are `ec2:DescribeInstanceAttribute` and "
    "`ec2:DescribeLaunchTemplateVersions`, which read the user data of other instances. In its location: "
    "`ec2_describe_actions` with those that your software calls, or `ec2_describe: false`."
)


def explanation(configured: Configured) -> dict[str, Any]:
    """All that is said of a policy, as plain data; the names are those of ``--json``."""
    options, location = configured.options, configured.location
    document = configured.document
    rows = [
        {
            "action": grant.action,
            "option": option_of(capability),
            **policy.scope_of(grant, options, location),
            "purpose": grant.purpose,
            "symptom": grant.symptom,
            "measured": grant.measured,
            "agents": grant.agents,
            "sources": list(grant.sources),
        }
        for capability in policy.capabilities(options)
        for grant in policy.grants_of(capability, options)
    ]
    actions = policy.actions(options)
    return {
        "name": configured.name,
        "options": dict(options),
        "actions": rows,
        "explicitDenies": [
            {
                "option": deny.name,
                "summary": deny.summary,
                "breaks": deny.breaks,
                "Condition": deny.condition,
                "sources": list(deny.sources),
            }
            for deny in policy.explicit_denies(options)
        ],
        "expanded": {action: list(expanded(action)) for action in actions if "*" in action},
        "expandedCount": len({each for action in actions for each in expanded(action)}),
        "count": len(actions),
        "dataOf": data_date(),
        "endpoints": endpoints(options, location.get("region", "<region>")),
        "defaultHostManagement": False,  # since the heartbeat is always granted
        "policy": document,
        "size": policy.size(document),
        "limit": configured.limit,
    }


def report(found: Mapping[str, Any]) -> Report:
    """An explanation for people."""
    sources = list(
        dict.fromkeys(source for row in (*found["actions"], *found["explicitDenies"]) for source in row["sources"])
    )
    numbers = {source: f"[{number}]" for number, source in enumerate(sources, 1)}
    expanded_count = found["expandedCount"]
    wide = f" ({expanded_count} with wildcards expanded)" if expanded_count != found["count"] else ""
    return [
        Paragraph(
            f"The policy of {found['name']}: {found['count']} actions{wide}; "
            f"{found['size']:,} of the {found['limit']:,} characters that IAM allows."
        ),
        Table(
            "Granted",
            ("Action", "On", "Option", "What for", "Without it", "Source"),
            [
                (
                    f"`{row['action']}`",
                    f"on {_scope(row)}",
                    _option(row["option"]),
                    row["purpose"],
                    row["symptom"],
                    " ".join(numbers[source] for source in row["sources"]),
                )
                for row in found["actions"]
            ],
            stacked=3,
        ),
        Table(
            "Denied, whatever else is granted",
            ("Option", "What", "Where", "What it breaks", "Source"),
            [
                (
                    f"`{row['option']}`",
                    row["summary"],
                    _condition(row["Condition"]),
                    row["breaks"],
                    " ".join(numbers[source] for source in row["sources"]),
                )
                for row in found["explicitDenies"]
            ],
        ),
        Table(
            f"Wildcards (AWS's actions as of {found['dataOf']})",
            ("Action", "Actions that it means", "In its place"),
            [
                (f"`{action}`", str(len(meant)), EC2_ADVICE if action.startswith("ec2:") else "")
                for action, meant in found["expanded"].items()
            ],
        ),
        Table(
            "VPC endpoints for a subnet without a way to the internet",
            ("Endpoint", "What for"),
            [(f"`{row['name']}`", row["note"]) for row in found["endpoints"]],
        ),
        Paragraph(NO_DEFAULT_HOST_MANAGEMENT),
        Table("Sources", ("Number", "Page or file"), [(numbers[source], source) for source in sources]),
    ]


def endpoints(options: policy.Options, region: str) -> list[dict[str, str]]:
    """The VPC endpoints that a private subnet needs."""
    prefixes = {action.split(":")[0] for action in policy.actions(options)}
    enabled = {capability.name for capability in policy.capabilities(options)}
    return [
        {"name": f"com.amazonaws.{region}.{endpoint.service}", "note": endpoint.note}
        for endpoint in VPC_ENDPOINTS
        if endpoint.prefix in prefixes or enabled.intersection(endpoint.capabilities)
    ]


def option_of(capability: Capability) -> str:
    """The option that grants a capability, or ``always``."""
    return capability.name if capability.name in OPTIONS else "always"


def _option(name: str) -> str:
    return f"option `{name}`" if name in OPTIONS else name


def _scope(row: Mapping[str, Any]) -> str:
    resources = row["Resource"] if isinstance(row["Resource"], list) else [row["Resource"]]
    condition = _condition(row["Condition"]) if "Condition" in row else ""
    return "\n".join([*(f"`{resource}`" for resource in resources), *([f"where {condition}"] if condition else [])])


def _condition(condition: Mapping[str, Any]) -> str:
    return "\n".join(f"`{line}`" for line in condition_lines(condition))
