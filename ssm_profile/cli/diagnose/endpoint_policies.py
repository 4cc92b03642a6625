"""Policies of VPC endpoints: whether they allow the calls of the agent.

A call through an endpoint must be allowed by its policy, by the same logic as for a policy of a role. The policy has
principals in addition. What is not known of the principal becomes a condition that is not known.

Source: https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ssm_profile.errors import InputError
from ssm_profile.iam.documents import as_list, statements_of
from ssm_profile.iam.evaluator import NO_RESOURCE, Evaluator, Need, Outcome, Policy
from ssm_profile.iam.instance import instance_context
from ssm_profile.regions import partition_of

from .facts import Endpoint, Facts, Instance
from .identity import caller_role

ACTIONS: dict[str, tuple[str, ...]] = {
    "ssm": ("ssm:UpdateInstanceInformation",),
    "ssmmessages": (
        "ssmmessages:CreateControlChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenDataChannel",
    ),
    "ec2messages": ("ec2messages:GetMessages",),
}
"""The calls without which Systems Manager does not work, by the service whose endpoint they go through."""

_DEFAULT_ROLE = ("ssm:RegisterManagedInstance", "ssm:RequestManagedInstanceRoleToken")
"""The calls with which the agent requests the account's default role."""

_NEVER = {"Null": {"aws:SecureTransport": "true"}}
"""A condition that holds for no call of the agent."""


@dataclass(frozen=True)
class PolicyVerdict:
    """What the policy of an endpoint decides about the calls of the agent."""

    denied: tuple[str, ...] = ()
    """The actions that it does not allow."""
    depends_on: tuple[str, ...] = ()
    """The conditions on which it depends whether it allows the others."""
    problem: str = ""
    """Why the policy cannot be judged."""


def judge(endpoint: Endpoint, service: str, facts: Facts, instance: Instance) -> PolicyVerdict:
    """Judge the policy of an endpoint.

    Args:
        endpoint: The endpoint.
        service: The service, one of :data:`ACTIONS`.
        facts: The facts about the instance.
        instance: The instance.
    """
    if endpoint.policy is None:
        return PolicyVerdict()
    partition = partition_of(facts.region)
    arn = f"arn:{partition}:ec2:{facts.region}:{instance.account}:instance/{facts.instance_id}"
    caller = _Caller(facts, instance, partition)
    try:
        evaluator = Evaluator(
            _policy(endpoint, caller), {**caller.context(), **_request(endpoint, facts, instance, arn)}
        )
    except InputError as error:
        return PolicyVerdict(problem=str(error))
    denied, depends_on = list[str](), dict[str, None]()
    for action in ACTIONS[service]:
        # The heartbeat is authorized on the instance, and the others take no resource.
        decision = evaluator.decide(action, Need((arn,), whole=True) if service == "ssm" else NO_RESOURCE)
        if decision.outcome is Outcome.DENIED:
            denied.append(action)
        elif decision.outcome is Outcome.CONDITIONAL:
            depends_on |= dict.fromkeys(each.depends_on or each.kind.value for each in decision.reasons)
    if service == "ssm" and caller.role_arn is None and facts.host_management is not None:
        unsure = [each for each in _DEFAULT_ROLE if evaluator.decide(each, NO_RESOURCE).outcome is not Outcome.ALLOWED]
        if unsure:
            return PolicyVerdict(tuple(denied), tuple(depends_on), f"it may not allow {', '.join(unsure)}.")
    return PolicyVerdict(tuple(denied), tuple(depends_on))


class _Caller:
    """Who makes the calls of the agent."""

    def __init__(self, facts: Facts, instance: Instance, partition: str) -> None:
        self.role_arn = caller_role(facts)
        self.account, self.partition = instance.account, partition
        self.principals = {"*", self.account, f"arn:{partition}:iam::{self.account}:root"}
        if self.role_arn:
            name = self.role_arn.rsplit("/", 1)[-1]
            session = f"arn:{partition}:sts::{self.account}:assumed-role/{name}/{facts.instance_id}"
            self.principals |= {self.role_arn, session}

    def context(self) -> dict[str, Any]:
        """The condition keys of the caller."""
        known = dict(instance_context(self.partition, self.role_arn))
        if not self.role_arn:
            known |= dict(instance_context(self.partition, f"arn:{self.partition}:iam::{self.account}:role/?"))
            del known["aws:principalarn"]  # the account's default role, or one that could not be read
        return known

    def conditions(self, principal: Any) -> Iterator[dict[str, Any]]:
        """The condition under which a statement with a principal is about the caller, if there is one."""
        if principal == "*":
            return
        named = list(map(str, as_list(principal.get("AWS")))) if isinstance(principal, Mapping) else []
        if self.principals.intersection(named):
            return
        # Without the role, another ARN of the account can be the caller's. An ID such as AROA... is never known.
        possible = [each for each in named if not each.startswith("arn:") or (not self.role_arn and self._is_own(each))]
        yield {"StringLike": {"Principal": possible}} if possible else _NEVER

    def _is_own(self, arn: str) -> bool:
        return arn.split(":")[4:5] == [self.account]


def _policy(endpoint: Endpoint, caller: _Caller) -> Policy:
    """The policy of an endpoint, with conditions in the place of principals.

    Raises:
        InputError: If it is not a policy of an endpoint.
    """
    try:
        document = json.loads(endpoint.policy or "")
    except (ValueError, RecursionError):
        raise InputError("it is not JSON.") from None
    if not isinstance(document, Mapping):
        raise InputError("it is not a policy document.")
    rows = as_list(document.get("Statement"))
    if not all(isinstance(row, Mapping) and "Principal" in row for row in rows):
        raise InputError("a statement has no Principal.")
    if not all(_is_principal(row["Principal"]) for row in rows):
        raise InputError('a Principal is neither "*" nor an object with principals.')
    if not all(_is_condition(row.get("Condition", {})) for row in rows):
        raise InputError("a Condition is not an object with operators, keys and values.")
    statements = [_without_principal(row, caller) for row in rows]
    return Policy(endpoint.id, statements_of({**document, "Statement": statements}, f"the policy of {endpoint.id}"))


def _is_principal(principal: Any) -> bool:
    if not isinstance(principal, Mapping):
        return principal == "*"
    values = [as_list(each) for each in principal.values()]
    return bool(values) and all(each and all(isinstance(name, str) for name in each) for each in values)


def _is_condition(condition: Any) -> bool:
    return isinstance(condition, Mapping) and all(isinstance(keys, Mapping) for keys in condition.values())


def _without_principal(row: Mapping[str, Any], caller: _Caller) -> dict[str, Any]:
    kept = {key: value for key, value in row.items() if key != "Principal"}
    for condition in caller.conditions(row["Principal"]):
        own = kept.get("Condition", {})
        kept["Condition"] = {**own, **{name: {**own.get(name, {}), **keys} for name, keys in condition.items()}}
    return kept


def _request(endpoint: Endpoint, facts: Facts, instance: Instance, arn: str) -> dict[str, Any]:
    """The condition keys of a request through an endpoint."""
    address = instance.addresses[:1]
    return {
        "aws:requestedregion": (facts.region,),
        "aws:sourcevpce": (endpoint.id,),
        "aws:ec2instancesourcevpc": (instance.vpc,),
        "aws:sourcevpc": (instance.vpc,),
        "ec2:sourceinstancearn": (arn,),
        **({"aws:vpcsourceip": address, "aws:ec2instancesourceprivateipv4": address} if address else {}),
    }
