"""What the component's trust policy keeps of a role's own."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ssm_profile.iam.documents import Statement, as_list, condition_lines
from ssm_profile.iam.evaluator import Need, Outcome
from ssm_profile.iam.trust import EC2, is_unknown, named_service, trusting_statements, unread_statements
from ssm_profile.options import OPTIONS

from .judge import Judge
from .report import code
from .roles import Role
from .verdicts import partition_of_policy

_SERVICE_PRINCIPALS = "service_principals"
_EC2_OF_CHINA = f"{EC2}.cn"
_SYSTEMS_MANAGER = re.compile(r"ssm\.amazonaws\.com(\.cn)?")
"""The service that assumes the role of hybrid nodes.

Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-service-role.html
"""
_HEARTBEAT = "ssm:UpdateInstanceInformation"
_ASSUME = "sts:AssumeRole"
_SERVICE = "Service"
_WAYS_TO_ASSUME = (_ASSUME, "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")
_MOST_NAMES = 3


class KeptTrust(NamedTuple):
    """A trust policy, as the component can have it."""

    services: tuple[str, ...] = (EC2,)
    """The services that can assume the role, EC2 among them."""
    not_kept: tuple[str, ...] = ()
    """What the component's trust policy does not have, or may not have: sentences in Markdown."""
    may_be_for_hybrid_nodes: bool = False
    """Whether Systems Manager can assume the role for hybrid nodes, or whether this is not known."""

    @property
    def options(self) -> dict[str, Any]:
        """The options that the trust policy requires."""
        is_default = list(self.services) == OPTIONS[_SERVICE_PRINCIPALS].default
        return {} if is_default else {_SERVICE_PRINCIPALS: list(self.services)}


def kept_trust(trust: Mapping[str, Any]) -> KeptTrust:
    """What the component can keep of a trust policy.

    Args:
        trust: The value of the JSON of the trust policy, which IAM accepts.
    """
    return _kept(json.dumps(trust))


@lru_cache(maxsize=1024)  # many roles have the same trust policy
def _kept(trust: str) -> KeptTrust:
    document = json.loads(trust)
    statements = list(trusting_statements(document, "The trust policy"))
    services, others, own = set[str](), list[str](), list[Statement]()
    unknown = unread_statements(document)
    for principal, statement in statements:
        if not statement.allows:
            continue
        if not any(map(statement.has_action, _WAYS_TO_ASSUME)):
            own.append(statement)
            continue
        principals = list(_principals(principal))
        unknown += [name for kind, name in principals if kind == _SERVICE and is_unknown(name)]
        kept = [each for each in principals if _is_kept(*each) and statement.has_action(_ASSUME)]
        services.update(name for _, name in kept)
        own += [statement] if kept else []
        others += [name for kind, name in principals if (kind, name) not in kept and name not in unknown]
    if not services & {EC2, _EC2_OF_CHINA}:
        services.add(EC2)  # the component is for its instances
    has_denies = any(not each.allows for _, each in statements)
    return KeptTrust(
        tuple(sorted(services)),
        (*_unknown(unknown), *_not_kept(others, own, has_denies=has_denies)),
        may_be_for_hybrid_nodes=bool(unknown) or any(map(_SYSTEMS_MANAGER.fullmatch, services)),
    )


def with_trust(options: Mapping[str, Any], kept: KeptTrust, role: Callable[[], Role]) -> dict[str, Any]:
    """The options of a role that also keep its trust policy.

    Args:
        options: The options that keep what its policies grant.
        kept: What the component can keep of its trust policy.
        role: Gives the role. It is only called if the role may be for hybrid nodes.
    """
    if kept.may_be_for_hybrid_nodes and _may_send_heartbeat_of_hybrid_nodes(role()):
        options = {name: value for name, value in options.items() if name != "scope_heartbeat"}  # it is for EC2 only
    return {**options, **kept.options}


def _may_send_heartbeat_of_hybrid_nodes(role: Role) -> bool:
    """Whether the policies of a role may let hybrid nodes register."""
    partition = partition_of_policy(role.policy, role.arn)
    nodes = Need((f"arn:{partition}:ssm:*:*:managed-instance/*",))
    return Judge(role.policy, partition, role.arn).decide(_HEARTBEAT, nodes).outcome is not Outcome.DENIED


def _principals(principal: Any) -> Iterator[tuple[str, str]]:
    """The principals of a statement, each with its kind."""
    if not isinstance(principal, Mapping):
        yield _SERVICE if is_unknown(principal) else "AWS", str(principal)
        return
    for kind, listed in principal.items():
        yield from ((kind, str(named_service(each) if kind == _SERVICE else each)) for each in as_list(listed))


def _is_kept(kind: str, name: str) -> bool:
    return kind == _SERVICE and re.fullmatch(OPTIONS[_SERVICE_PRINCIPALS].pattern or "", name) is not None


def _unknown(values: Sequence[str]) -> Iterator[str]:
    """What the input does not say of a trust policy."""
    if values:
        yield (
            f"The trust policy has values that the input does not say: {_named(values)}. Add each that is a service "
            "to `servicePrincipals`."
        )


def _not_kept(others: Sequence[str], own: Sequence[Statement], *, has_denies: bool) -> Iterator[str]:
    """What the component's trust policy does not have.

    Args:
        others: The principals that can assume the role and are no services.
        own: The statements for services, and those that allow something else than to assume the role.
        has_denies: Whether there are statements that deny.
    """
    if others:
        yield f"The trust policy also lets {_named(others)} assume the role. The component's trust policy does not."
    if further := [action for each in own for action in _further_actions(each)]:
        yield f"The trust policy also allows {_named(further)}. The component's trust policy does not."
    if conditions := [" and ".join(condition_lines(each.condition)) for each in own if each.condition]:
        yield f"The trust policy has conditions: {_named(conditions)}. The component's trust policy has none."
    if has_denies:
        yield "The trust policy has statements that deny. The component's trust policy has none."


def _further_actions(statement: Statement) -> Iterator[str]:
    if statement.except_actions:
        yield f"NotAction {', '.join(statement.actions)}"
    else:
        yield from (each for each in statement.actions if each.lower() != _ASSUME.lower())


def _named(names: Sequence[str]) -> str:
    """The first of some names, each once, and how many more there are."""
    once = list(dict.fromkeys(names))
    more = f" and {len(once) - _MOST_NAMES:,} more" if len(once) > _MOST_NAMES else ""
    return ", ".join(map(code, once[:_MOST_NAMES])) + more
