"""``explain``: every action that a policy grants, with its purpose and its consequences."""

from collections.abc import Mapping
from typing import Any

from ssm_profile import policy
from ssm_profile.catalogue import EC2_ADVICE, NO_DEFAULT_HOST_MANAGEMENT, Capability
from ssm_profile.iam.documents import condition_lines
from ssm_profile.options import OPTIONS
from ssm_profile.regions import BUCKETS_DATE, VPC_ENDPOINTS_COPY

from .action_list import data_date, expanded
from .policy import format_tags
from .report import Paragraph, Report, Table, code, code_lines
from .sources import Configured


def explain_policy(configured: Configured) -> dict[str, Any]:
    """The explanation of a policy, as plain data. The keys are those of ``--json``."""
    options, location = configured.options, configured.location
    document = configured.document
    actions = policy.actions(options)
    return {
        "name": configured.name,
        "options": dict(options),
        "actions": [
            {
                "action": grant.action,
                "option": _option(capability),
                **policy.scope_of(grant, options, location),
                "purpose": grant.purpose,
                "symptom": grant.symptom,
                "measured": grant.measured,
                "agents": grant.agents,
                "sources": list(grant.sources),
            }
            for capability in policy.capabilities(options)
            for grant in policy.grants_of(capability, options)
        ],
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
        "bucketsOf": BUCKETS_DATE if options.get("managed_buckets") else None,
        "endpointsOf": VPC_ENDPOINTS_COPY,
        "endpoints": [
            {"name": endpoint.name(location.get("region", "<region>")), "note": endpoint.note}
            for endpoint in policy.vpc_endpoints(options)
        ],
        "tags": configured.tags,
        "defaultHostManagement": False,  # since the heartbeat is always granted
        "policy": document,
        "size": policy.size(document),
        "limit": configured.limit,
    }


def format_explanation(explanation: Mapping[str, Any]) -> Report:
    """The report of :func:`explain_policy`."""
    actions, denies = explanation["actions"], explanation["explicitDenies"]
    sources = list(dict.fromkeys(source for row in (*actions, *denies) for source in row["sources"]))
    numbers = {source: f"[{number}]" for number, source in enumerate(sources, 1)}
    name, count, expanded_count = explanation["name"], explanation["count"], explanation["expandedCount"]
    expansion = f" ({expanded_count} with wildcards expanded)" if expanded_count != count else ""
    return [
        Paragraph(
            f"{name[0].upper()}{name[1:]} grants {count} actions{expansion}. It has {explanation['size']:,} of the "
            f"{explanation['limit']:,} characters that IAM allows."
        ),
        Table(
            "Permissions",
            ("Action", "Resource", "Condition", "Option", "Purpose", "Symptom when missing", "Sources"),
            [
                (
                    code(row["action"]),
                    code_lines([row["Resource"]] if isinstance(row["Resource"], str) else row["Resource"]),
                    code_lines(condition_lines(row.get("Condition", {}))),
                    code(row["option"]) if row["option"] in OPTIONS else row["option"],
                    row["purpose"],
                    row["symptom"],
                    " ".join(numbers[source] for source in row["sources"]),
                )
                for row in actions
            ],
        ),
        Table(
            "Explicit denies",
            ("Option", "Effect", "Condition", "What can break", "Sources"),
            [
                (
                    code(row["option"]),
                    row["summary"],
                    code_lines(condition_lines(row["Condition"])),
                    row["breaks"],
                    " ".join(numbers[source] for source in row["sources"]),
                )
                for row in denies
            ],
        ),
        Table(
            f"Wildcards (AWS actions as of {explanation['dataOf']})",
            ("Action", "Stands for", "Use instead"),
            [
                (code(action), f"{len(members)} actions", EC2_ADVICE if action.startswith("ec2:") else "")
                for action, members in explanation["expanded"].items()
            ],
        ),
        Table(
            f"VPC endpoints for a private subnet ({explanation['endpointsOf']})",
            ("Endpoint", "Purpose"),
            [(code(row["name"]), row["note"]) for row in explanation["endpoints"]],
        ),
        *(
            [Paragraph(f"The names of AWS's buckets are those of AWS's page as of {explanation['bucketsOf']}.")]
            if explanation["bucketsOf"]
            else []
        ),
        *([Paragraph(format_tags(explanation["tags"]))] if explanation["tags"] else []),
        Paragraph(NO_DEFAULT_HOST_MANAGEMENT),
        Table("Sources", ("Number", "URL"), [(numbers[source], source) for source in sources]),
    ]


def _option(capability: Capability) -> str:
    """The option that grants a capability, or ``always``."""
    return capability.name if capability.name in OPTIONS else "always"
