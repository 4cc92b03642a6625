"""The policy pack: the rules, for Pulumi's engine."""

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
            "description": "URNs to pass over, or patterns of them, such as *::legacy-*",
        }
    }
)


def plain(value: Any) -> Any:
    """A value without Pulumi's proxies; None where it is not known yet."""
    if isinstance(value, dict) or hasattr(value, "items"):
        return {key: _known(value, key) for key in value}
    if isinstance(value, list) or (hasattr(value, "__iter__") and not isinstance(value, str)):
        return [plain(entry) for entry in value]
    return value


def _known(mapping: Any, key: str) -> Any:
    try:
        return plain(mapping[key])
    except Exception:  # noqa: BLE001 - pulumi_policy's own error for a value that is known only after the deployment
        return None


def validation(name: str) -> Callable[[StackValidationArgs, ReportViolation], None]:
    """A rule, as the engine calls it."""

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = [
            Resource(
                type=each.resource_type,
                name=each.name,
                urn=each.urn,
                props={key: value for key, value in plain(each.props).items() if value is not None},
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
