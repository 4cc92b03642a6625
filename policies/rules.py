"""The rules as pure functions: each finds violations in the resources of a stack."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from typing import Any, NamedTuple

from resources import Resource
from roles import Policy, Role, Stack
from waits import find_awaited

from ssm_profile.catalogue import MESSAGING
from ssm_profile.iam import evaluator
from ssm_profile.iam.conditions import Context, condition_keys, holds, untagged
from ssm_profile.iam.documents import Statement, condition_lines
from ssm_profile.iam.evaluator import Decision, Evaluator, Kind, Need, Outcome
from ssm_profile.iam.instance import instance_context
from ssm_profile.iam.patterns import SEGMENTS
from ssm_profile.options import SSM_WIDE_POLICIES, camel_case
from ssm_profile.risks import RISKS, SSM_WIDE_REPLACEMENTS


class Finding(NamedTuple):
    """A resource and a message that says what is wrong with it and what to do."""

    resource: Resource
    message: str
    is_decided: bool = True
    """Whether it is certain. Otherwise only the rule ``needs-review`` reports it."""


def wide_policies(stack: Stack) -> Iterator[Finding]:
    """A role that EC2 can assume must not have an AWS managed policy that grants Systems Manager too widely."""
    for role in stack.roles:
        if role.is_for_ec2:
            for arn, resources in role.attached.items():
                for each in resources:
                    yield from _wide_policy_findings(each, arn)
    for each, arn in stack.attached_outside:
        yield from _wide_policy_findings(each, arn)


def parameters_everywhere(stack: Stack) -> Iterator[Finding]:
    """A role that EC2 can assume must not be able to read a parameter that no policy names."""
    for role in stack.roles:
        if role.is_for_ec2:
            boundary = role.boundary.statements if role.boundary else None
            denies = [each for policy in role.policies for each in policy.statements or () if not each.allows]
            for policy in role.policies:
                for each in _judged(policy, partial(_parameter_findings, denies=denies, boundary=boundary)):
                    yield each._replace(is_decided=each.is_decided and role.is_known)
    for policy in _without_role(stack):
        denies = [each for each in policy.statements or () if not each.allows]
        for each in _judged(policy, partial(_parameter_findings, denies=denies)):
            yield _without_decision(each)


def source_instance_arn(stack: Stack) -> Iterator[Finding]:
    """A condition on ssm:SourceInstanceARN must not lock instances out: their calls do not have this key."""
    for role in stack.roles:
        if role.is_for_ec2:
            for policy in role.policies:
                yield from _judged(policy, _source_arn_findings)
    for policy in _without_role(stack):
        yield from map(_without_decision, _judged(policy, _source_arn_findings))


def profiles_before_policies(stack: Stack) -> Iterator[Finding]:
    """An instance profile must wait for the policies of its role."""
    awaited = find_awaited(stack.resources, {each.urn for role in stack.roles for each in _givers(role)})
    for profile, roles in stack.profiles():
        missing = {
            each.name: None
            for role in roles
            for givers in role.givers.values()
            if not any(awaited(profile.urn, each.urn) for each in givers)
            for each in givers
        }
        if missing:
            yield Finding(profile, f"The instance profile does not wait for {', '.join(missing)}{_ADD_DEPENDS_ON}")


def undecided(stack: Stack) -> Iterator[Finding]:
    """A person must look at what the other rules cannot decide."""
    for resource, reason in stack.unreadable:
        yield Finding(resource, f"The rules cannot judge this resource. {reason}", is_decided=False)
    for rule in RULES.values():
        if rule is not undecided:
            yield from (each for each in rule(stack) if not each.is_decided)


Rule = Callable[[Stack], Iterator[Finding]]

NEEDS_REVIEW = "needs-review"
RULES: dict[str, Rule] = {
    "no-wide-ssm-policies": wide_policies,
    "no-parameters-everywhere": parameters_everywhere,
    "no-source-instance-arn": source_instance_arn,
    "profile-after-policies": profiles_before_policies,
    NEEDS_REVIEW: undecided,
}
"""The rules by their names in the policy pack."""

ADVISORY = ("profile-after-policies", NEEDS_REVIEW)
"""The rules whose violations are warnings by default."""


def findings(name: str, resources: Sequence[Resource], exceptions: Sequence[str] = ()) -> Iterator[Finding]:
    """The findings of a rule, each once, without those on excepted resources.

    Args:
        name: The name of the rule.
        resources: The resources of the stack.
        exceptions: URNs, or patterns of URNs such as ``*::legacy-*``.
    """
    for each in dict.fromkeys(RULES[name](Stack(resources))):
        is_reported = each.is_decided or name == NEEDS_REVIEW
        if is_reported and not any(fnmatchcase(each.resource.urn, pattern) for pattern in exceptions):
            yield each


def spelled(option: str) -> str:
    """The name of an option in Python and, where it differs, in stack config and in other languages."""
    return "/".join(dict.fromkeys([option, camel_case(option)]))


_NO_ROLE = (
    "The stack does not have the role that this policy is for, so that the rule cannot tell whether an instance has it."
)
_NAME_THE_PATHS = (
    "Grant only the paths that are needed, for example with the option parameters of SsmInstanceProfile: "
    '{"paths": ["/app/prod"]}.'
)
_USE_OTHER_KEYS = (
    "Calls made with an instance profile do not have the key ssm:SourceInstanceARN. To bind credentials to their "
    f"instance, use the options {spelled('require_imdsv2')} and {spelled('vpc_endpoints_only')} of SsmInstanceProfile."
)
_ADD_DEPENDS_ON = (
    ", so an instance can launch without its permissions. Add them to depends_on/dependsOn of the instance profile. "
    "SsmInstanceProfile does this itself."
)
_SOURCE_ARN = "ssm:sourceinstancearn"
_ANY_ACCOUNT, _OTHER_REGION = "?" * 12, "other-region-1"
_CONTEXT = instance_context(partition="?*")
_READING = {
    call.action: call.resources[0] for risk in RISKS if risk.name == "read_all_parameters" for call in risk.calls
}
"""The actions that read parameters, each with resources that no policy names, of which one is enough."""


def _wide_policy_findings(resource: Resource, arn: str) -> Iterator[Finding]:
    name = _wide_policy(arn)
    if name:
        options = ", ".join(map(spelled, SSM_WIDE_REPLACEMENTS[name]))
        instead = f"Use SsmInstanceProfile instead, with the options that you need{options and f': {options}'}."
        yield Finding(resource, f"{name} is attached. {SSM_WIDE_POLICIES[name]} {instead}")


def _wide_policy(arn: Any) -> str | None:
    """The name of an AWS managed policy that is too wide. None for every other policy."""
    name = str(arn).rsplit("/", 1)[-1]
    return name if ":iam::aws:policy/" in str(arn) and name in SSM_WIDE_POLICIES else None


def _without_role(stack: Stack) -> Iterator[Policy]:
    """The policies of which the stack does not say that no instance has them."""
    for each in stack.policies:
        if not each.roles and (each.is_outside or not each.is_used) and ":iam::aws:policy/" not in str(each.arn):
            yield each


def _judged(policy: Policy, judge: Callable[[Policy], Iterator[Finding]]) -> list[Finding]:
    """The findings on a policy. An error is one too: an exception would stop every deployment."""
    try:
        return list(judge(policy))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
        return [Finding(policy.resource, f"The rules cannot judge this resource. {error!r}", is_decided=False)]


def _without_decision(finding: Finding) -> Finding:
    return finding._replace(message=f"{finding.message} {_NO_ROLE}", is_decided=False)


def _parameter_findings(
    policy: Policy, denies: Sequence[Statement], boundary: tuple[Statement, ...] | None = None
) -> Iterator[Finding]:
    allows = [each for each in policy.statements or () if each.allows]
    # The finding on the managed policy itself says more.
    if _wide_policy(policy.arn) or not any(each.has_action(action) for each in allows for action in _READING):
        return
    decisions = _decide((*allows, *denies), boundary)
    by_form = {
        "": [action for action, each in decisions.items() if each.outcome is Outcome.ALLOWED],
        _INCOMPLETE: [action for action, each in decisions.items() if _is_by_incomplete_arn(each, allows)],
    }
    for suffix, actions in by_form.items():
        if actions:
            yield Finding(policy.resource, _parameter_message(allows, actions, suffix))
            return
    conditional = {action: each for action, each in decisions.items() if each.outcome is Outcome.CONDITIONAL}
    if conditional:
        reasons = dict.fromkeys(map(_reason, (each for one in conditional.values() for each in one.reasons)))
        suffix = f"Whether it does depends on {'; '.join(reasons)}."
        yield Finding(policy.resource, _parameter_message(allows, list(conditional), suffix), is_decided=False)


@lru_cache(4096)
def _decide(statements: tuple[Statement, ...], boundary: tuple[Statement, ...] | None) -> dict[str, Decision]:
    """What statements decide about each action that reads parameters. Many roles have the same statements."""
    limits = (*statements, *(boundary or ()))
    decide = Evaluator(evaluator.Policy("", statements, boundary), _context(limits)).decide
    return {action: decide(action, Need(_parameters(limits, patterns))) for action, patterns in _READING.items()}


_INCOMPLETE = (
    "The ARN is incomplete, and AWS does not document which resources such an ARN covers. Write all six parts: "
    "arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE."
)


def _parameter_message(allows: Iterable[Statement], actions: Sequence[str], more: str) -> str:
    granting = [each for each in allows if any(map(each.has_action, actions))]
    scopes = dict.fromkeys(scope for each in granting for scope in each.scope())
    text = f"Allowing {', '.join(actions)} on {', '.join(scopes)} gives access to every parameter, secrets included."
    return " ".join(filter(None, [text, more, _NAME_THE_PATHS]))


def _parameters(statements: Iterable[Statement], patterns: Iterable[str]) -> tuple[str, ...]:
    """Parameters that no policy names, in every region and account that policies name, and in another region.

    To try a few ARNs takes far less time than to search all that the pattern stands for.
    """
    named = [[*each.split(":", SEGMENTS - 1), *[""] * SEGMENTS] for one in statements for each in one.resources]
    partition = next((each[1] for each in named if re.fullmatch(r"aws[a-z-]*", each[1])), "aws")
    accounts = [each[4] for each in named if re.fullmatch(r"\d{12}", each[4])] or ["1" * 12]
    places = [(_OTHER_REGION, account) for account in accounts]
    for each in named:
        if re.fullmatch(r"[a-z0-9*?-]*[a-z][a-z0-9*?-]*", each[3]):
            region = each[3].replace("*", "").replace("?", "x")
            places.append((region, each[4] if each[4] in accounts else accounts[0]))
    return tuple(
        pattern.format(partition=partition, region=region).replace(_ANY_ACCOUNT, account)
        for pattern in patterns
        for region, account in dict.fromkeys(places)
    )


def _context(statements: Iterable[Statement]) -> Context:
    """What is known of a request for a parameter that no policy names: it has no tag that a policy names either."""
    return {**_CONTEXT, **untagged(each.condition for each in statements)}


def _is_by_incomplete_arn(decision: Decision, allows: Sequence[Statement]) -> bool:
    """Whether a decision depends only on how AWS reads an ARN without all its parts."""
    return decision.outcome is Outcome.CONDITIONAL and all(
        each.kind is Kind.UNKNOWN_VALUE and each.statement in allows and _has_incomplete_arn(each.statement)
        for each in decision.reasons
    )


def _has_incomplete_arn(statement: Statement) -> bool:
    resources = statement.resources
    return not any(re.search(r"\$\{", each) for each in resources) and any(
        each.count(":") < SEGMENTS - 1 for each in resources if each.startswith("arn:")
    )


def _reason(reason: evaluator.Reason) -> str:
    kinds = {Kind.CONDITION: "the condition", Kind.EXPLICIT_DENY: "a Deny on", Kind.UNKNOWN_VALUE: "the value of"}
    if reason.kind is Kind.TOO_COMPLEX:
        return "patterns with too many wildcards to compare them"
    return f"{kinds.get(reason.kind, reason.kind.value)} {reason.depends_on}"


def _source_arn_findings(policy: Policy) -> Iterator[Finding]:
    for each in policy.statements or ():
        if _SOURCE_ARN not in condition_keys(each.condition):
            continue
        outcome = holds(each.condition, _CONTEXT)
        condition = " and ".join(condition_lines(each.condition))
        if each.allows and outcome is False and holds(_without_source_arn(each.condition), _CONTEXT) is not False:
            message = f"The condition {condition} never holds, so that the statement allows nothing."
            yield Finding(policy.resource, f"{message} {_USE_OTHER_KEYS}")
        elif not each.allows and outcome and any(each.has_action(grant.action) for grant in MESSAGING.grants):
            message = f"The condition {condition} always holds, so that the statement locks every instance out."
            yield Finding(policy.resource, f"{message} {_USE_OTHER_KEYS}")


def _without_source_arn(condition: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        operator: {key: value for key, value in keys.items() if str(key).lower() != _SOURCE_ARN}
        for operator, keys in condition.items()
        if isinstance(keys, Mapping)
    }


def _givers(role: Role) -> Iterator[Resource]:
    for each in role.givers.values():
        yield from each
