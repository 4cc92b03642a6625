"""What the component's trust policy keeps of a role's own."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ssm_profile.iam.documents import Statement, as_list, condition_lines
from ssm_profile.iam.evaluator import Need, Outcome
from ssm_profile.iam.trust import EC2, trusting_statements
from ssm_profile.options import OPTIONS

from .report import code
from .roles import Role
from .verdicts import Judge, partition_of_policy

_SERVICE_PRINCIPALS = "service_principals"
_EC2_OF_CHINA = f"{EC2}.cn"
_SYSTEMS_MANAGER = re.compile(r"ssm\.amazonaws\.com(\.cn)?")
"""The service that assumes the role of hybrid nodes.

Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-service-role.html
"""
_HEARTBEAT = "ssm:UpdateInstanceInformation"
_ASSUME = "sts:AssumeRole"
_MOST_NAMES = 3


class KeptTrust(NamedTuple):
    """A trust policy, as the component can have it."""

    services: tuple[str, ...]
    """The services that can assume the role, EC2 among them."""
    not_kept: tuple[str, ...] = ()
    """What the component's trust policy does not have: sentences in Markdown."""

    @property
    def options(self) -> dict[str, Any]:
        """The options that the trust policy requires."""
        is_default = list(self.services) == OPTIONS[_SERVICE_PRINCIPALS].default
        return {} if is_default else {_SERVICE_PRINCIPALS: list(self.services)}

    @property
    def is_for_hybrid_nodes(self) -> bool:
        """Whether Systems Manager can assume the role for hybrid nodes."""
        return any(map(_SYSTEMS_MANAGER.fullmatch, self.services))


def kept_trust(trust: Mapping[str, Any]) -> KeptTrust:
    """What the component can keep of a trust policy.

    Args:
        trust: The value of the JSON of the trust policy, which IAM accepts.
    """
    return _kept(json.dumps(trust))


@lru_cache(maxsize=1024)  # many roles have the same trust policy
def _kept(trust: str) -> KeptTrust:
    statements = list(trusting_statements(json.loads(trust), "The trust policy"))
    allows = [(_principals(principal), each) for principal, each in statements if each.allows]
    services, others, of_services = set[str](), list[str](), list[Statement]()
    for principals, statement in allows:
        kept = [each for each in principals if _is_kept(*each)] if statement.has_action(_ASSUME) else []
        services.update(name for _, name in kept)
        of_services += [statement] if kept else []
        others += [name for kind, name in principals if (kind, name) not in kept]
    if not services & {EC2, _EC2_OF_CHINA}:
        services.add(EC2)  # the component is for its instances
    has_denies = any(not each.allows for _, each in statements)
    return KeptTrust(tuple(sorted(services)), tuple(_not_kept(others, of_services, has_denies=has_denies)))


def may_send_heartbeat_of_hybrid_nodes(role: Role) -> bool:
    """Whether the policies of a role may let hybrid nodes register."""
    partition = partition_of_policy(role.policy, role.arn)
    nodes = Need((f"arn:{partition}:ssm:*:*:managed-instance/*",))
    return Judge(role.policy, partition, role.arn).decide(_HEARTBEAT, nodes).outcome is not Outcome.DENIED


def _principals(principal: Any) -> list[tuple[str, str]]:
    """The principals of a statement, each with its kind."""
    if not isinstance(principal, Mapping):
        return [("AWS", str(principal))]
    return [(kind, str(each)) for kind, listed in principal.items() for each in as_list(listed)]


def _is_kept(kind: str, name: str) -> bool:
    return kind == "Service" and re.fullmatch(OPTIONS[_SERVICE_PRINCIPALS].pattern or "", name) is not None


def _not_kept(others: Sequence[str], of_services: Sequence[Statement], *, has_denies: bool) -> Iterator[str]:
    if others:
        yield f"The trust policy also lets {_named(others)} assume the role. The component's trust policy does not."
    if actions := [each for one in of_services for each in one.actions if each.lower() != _ASSUME.lower()]:
        yield f"The trust policy also allows {_named(actions)}. The component's trust policy does not."
    if conditions := [" and ".join(condition_lines(each.condition)) for each in of_services if each.condition]:
        yield f"The trust policy has conditions: {_named(conditions)}. The component's trust policy has none."
    if has_denies:
        yield "The trust policy has statements that deny. The component's trust policy has none."


def _named(names: Sequence[str]) -> str:
    """The first of some names, each once, and how many more there are."""
    once = list(dict.fromkeys(names))
    more = f" and {len(once) - _MOST_NAMES:,} more" if len(once) > _MOST_NAMES else ""
    return ", ".join(map(code, once[:_MOST_NAMES])) + more
