"""The policy pack, which gives the rules to the Pulumi engine."""

from collections.abc import Callable
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)
from rules import ADVISORY, RULES, Resource, findings

CONFIG = PolicyConfigSchema(
    {
        "exceptions": {
            "type": "array",
            "items": {"type": "string"},
            "default": [],
            "description": "URNs of resources that the rule skips, or patterns of URNs such as *::legacy-*",
        }
    }
)


def to_plain(value: Any) -> Any:
    """A value as plain dicts and lists, with None for each value that is not known yet."""
    if isinstance(value, dict) or hasattr(value, "items"):
        return {key: _plain_value(value, key) for key in value}
    if isinstance(value, list) or (hasattr(value, "__iter__") and not isinstance(value, str)):
        return [to_plain(entry) for entry in value]
    return value


def _plain_value(mapping: Any, key: str) -> Any:
    try:
        return to_plain(mapping[key])
    except Exception:  # noqa: BLE001 - pulumi_policy raises an error of its own for a value that is not known yet
        return None


def validation(name: str) -> Callable[[StackValidationArgs, ReportViolation], None]:
    """The function with which the engine runs a rule."""

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = [
            Resource(
                type=each.resource_type,
                name=each.name,
                urn=each.urn,
                props={key: value for key, value in to_plain(each.props).items() if value is not None},
                dependencies=frozenset(other.urn for other in each.dependencies),
                sources={
                    key: frozenset(other.urn for other in others) for key, others in each.property_dependencies.items()
                },
            )
            for each in args.resources
        ]
        for resource, message in findings(name, resources, args.get_config().get("exceptions") or ()):
            report(f"{resource.name}: {message}", resource.urn)

    return validate


PolicyPack(
    name="ssm-profile-policies",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[
        StackValidationPolicy(
            name=name,
            description=(rule.__doc__ or name).splitlines()[0],
            validate=validation(name),
            enforcement_level=EnforcementLevel.ADVISORY if name in ADVISORY else EnforcementLevel.MANDATORY,
            config_schema=CONFIG,
        )
        for name, rule in RULES.items()
    ],
)
