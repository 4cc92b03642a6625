"""The policy pack, which gives the rules to the Pulumi engine."""

from collections.abc import Callable

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)
from resources import Resource, to_plain
from roles import TYPES
from rules import ADVISORY, RULES, findings

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


def validation(name: str) -> Callable[[StackValidationArgs, ReportViolation], None]:
    """The function with which the engine runs a rule."""

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = [
            Resource(
                type=each.resource_type,
                name=each.name,
                urn=each.urn,
                props=to_plain(each.props) if each.resource_type in TYPES else {},
                dependencies=frozenset(other.urn for other in each.dependencies),
                sources={
                    key: frozenset(other.urn for other in others) for key, others in each.property_dependencies.items()
                },
                parent=each.parent.urn if each.parent else None,
            )
            for each in args.resources
        ]
        for each in findings(name, resources, args.get_config().get("exceptions") or ()):
            report(f"{each.resource.name}: {each.message}", each.resource.urn)

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
