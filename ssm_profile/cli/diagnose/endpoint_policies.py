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
from ssm_profile.iam.conditions import Like
from ssm_profile.iam.documents import as_list, statements_of
from ssm_profile.iam.evaluator import NO_RESOURCE, Evaluator, Need, Outcome, Policy
from ssm_profile.iam.instance import instance_context
from ssm_profile.regions import partition_of

from .facts import Endpoint, Facts, Instance
from .identity import caller_role, default_role

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

_OF_EC2 = (
    "aws:ec2instancesourceprivateipv4",
    "aws:ec2instancesourcevpc",
    "aws:userid",
    "ec2:roledelivery",
    "ec2:sourceinstancearn",
    "ssm:sourceinstancearn",
)
"""The condition keys that are known only of credentials that EC2 delivers."""

_NEVER = {"Null": {"aws:SecureTransport": "true"}}
"""A condition that holds for no call of the agent."""


@dataclass(frozen=True)
class PolicyVerdict:
    """What the policy of an endpoint decides about the calls of the agent."""

    denied: tuple[str, ...] = ()
    """The actions that it does not allow."""
    depends_on: tuple[str, ...] = ()
    """The conditions on which it depends whether it allows the others."""
    unsure: tuple[str, ...] = ()
    """The calls with which the agent requests the account's default role, and of which it cannot be known."""
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
    arn = _arn_of(facts, instance)
    caller = _caller_of(facts, instance, partition)
    try:
        evaluator = _evaluator(endpoint, caller, facts, instance)
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
    if service == "ssm" and not caller.is_of_profile and facts.host_management is not None:
        # The agent asks for the default role with another identity of the instance.
        asking = _evaluator(endpoint, _Caller(instance.account, partition), facts, instance)
        unsure = [each for each in _DEFAULT_ROLE if asking.decide(each, NO_RESOURCE).outcome is not Outcome.ALLOWED]
        return PolicyVerdict(tuple(denied), tuple(depends_on), tuple(unsure))
    return PolicyVerdict(tuple(denied), tuple(depends_on))


def _evaluator(endpoint: Endpoint, caller: "_Caller", facts: Facts, instance: Instance) -> Evaluator:
    """What decides about the calls of a caller through an endpoint.

    Raises:
        InputError: If the policy is not one of an endpoint.
    """
    context = {**caller.context(), **_request(endpoint, facts, instance)}
    return Evaluator(_policy(endpoint, caller), context | (_source(facts, instance) if caller.is_of_profile else {}))


def _caller_of(facts: Facts, instance: Instance, partition: str) -> "_Caller":
    """The role of the profile, the account's default role, or a caller that is not known."""
    if role := caller_role(facts):
        session = f"arn:{partition}:sts::{instance.account}:assumed-role/{role.rsplit('/', 1)[-1]}/{facts.instance_id}"
        return _Caller(instance.account, partition, role, session)
    if default := default_role(facts):
        return _Caller(instance.account, partition, f"arn:{partition}:iam::{instance.account}:role/{default}")
    return _Caller(instance.account, partition)


@dataclass(frozen=True)
class _Caller:
    """Who makes the calls of the agent."""

    account: str
    partition: str
    role_arn: str | None = None
    """None if the role is not known."""
    session_arn: str | None = None
    """None if it is not known: EC2 names the sessions of the role of a profile."""

    @property
    def is_of_profile(self) -> bool:
        """Whether EC2 has delivered the credentials."""
        return self.session_arn is not None

    def context(self) -> dict[str, Any]:
        """The condition keys of the caller."""
        roles = f"arn:{self.partition}:iam::{self.account}:role"
        known = dict(instance_context(self.partition, self.role_arn or f"{roles}/?"))
        if self.is_of_profile:
            return known
        for key in (*_OF_EC2, "aws:principalarn"):
            del known[key]
        if self.role_arn:  # the setting of the default role may lack the path
            named = Like(f"{roles}/*/{self.role_arn.rsplit('/', 1)[-1]}")
            known["aws:principalarn"] = (self.role_arn, named)
        return known

    def conditions(self, principal: Any) -> Iterator[dict[str, Any]]:
        """The condition under which a statement with a principal is about the caller, if there is one."""
        if principal == "*":
            return
        named = list(map(str, as_list(principal.get("AWS")))) if isinstance(principal, Mapping) else []
        own = {"*", self.account, f"arn:{self.partition}:iam::{self.account}:root", self.role_arn, self.session_arn}
        if own.intersection(named):
            return
        possible = [each for each in named if self._may_be(each)]
        yield {"StringLike": {"Principal": possible}} if possible else _NEVER

    def _may_be(self, principal: str) -> bool:
        """Whether a principal may be the caller. An ID such as AROA... is never known."""
        if not principal.startswith("arn:"):
            return True
        if self.is_of_profile or principal.split(":")[4:5] != [self.account]:
            return False
        # Of the default role, neither the names of its sessions are known, nor whether its path is complete.
        return self.role_arn is None or self.role_arn.rsplit("/", 1)[-1] in principal.split("/")


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


def _request(endpoint: Endpoint, facts: Facts, instance: Instance) -> dict[str, Any]:
    """The condition keys of a request through an endpoint."""
    one_interface = instance.interfaces == 1 and not instance.has_ipv6
    return {
        "aws:requestedregion": (facts.region,),
        "aws:sourcevpce": (endpoint.id,),
        "aws:sourcevpc": (instance.vpc,),
        **({"aws:vpcsourceip": instance.addresses} if instance.addresses and one_interface else {}),
    }


def _source(facts: Facts, instance: Instance) -> dict[str, Any]:
    """The condition keys of credentials that EC2 delivers to an instance."""
    address = instance.addresses[:1]
    return {
        "aws:ec2instancesourcevpc": (instance.vpc,),
        "ec2:sourceinstancearn": (_arn_of(facts, instance),),
        **({"aws:ec2instancesourceprivateipv4": address} if address else {}),
    }


def _arn_of(facts: Facts, instance: Instance) -> str:
    return f"arn:{partition_of(facts.region)}:ec2:{facts.region}:{instance.account}:instance/{facts.instance_id}"
