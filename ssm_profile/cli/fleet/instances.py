"""The instances of a fleet, and the roles that they have."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .host_management import add_evidence
from .members import Problem
from .rows import INSTANCE, ROLE, SCHEMA_VERSION, Row

ONLINE = "Online"
"""The ping status of an instance that is connected."""


@dataclass(frozen=True)
class Instance:
    """An instance of EC2."""

    id: str
    account: str
    region: str
    state: str
    profile: str | None
    """The name of its instance profile, if it has one."""
    ping: str | None
    """The ping status in Systems Manager: ``Online``, ``ConnectionLost`` or ``Inactive``. None if it is not managed."""
    agent_version: str | None


@dataclass(frozen=True)
class AccountInstances:
    """The instances of an account."""

    account: str
    regions: tuple[str, ...]
    """The Regions that were read."""
    found: tuple[Instance, ...]
    problems: tuple[Problem, ...] = ()
    """Why other instances are not known."""


@dataclass
class Instances:
    """The instances of a fleet."""

    regions: frozenset[str]
    """The Regions to read. Empty for those that each account has enabled."""
    accounts: list[AccountInstances] = field(default_factory=list[AccountInstances])
    """What was read."""


def add_instances(rows: list[dict[str, Any]], accounts: Iterable[AccountInstances]) -> None:
    """Add instances to the rows of the roles that they have, and a row for each instance without a role.

    A role without instances is one of which none are known if not all instances of its account are.

    Args:
        rows: The rows of a fleet.
        accounts: The instances of its accounts.
    """
    accounts = list(accounts)
    of_profiles = dict[tuple[str, str], list[dict[str, Any]]]()
    for row in rows:
        if row["kind"] == ROLE:
            row["instances"] = []
            for profile in row["instanceProfiles"] or ():
                of_profiles[row["account"] or "", profile] = row["instances"]
    for each in (instance for account in accounts for instance in account.found):
        data = _data(each)
        listed = of_profiles.get((each.account, each.profile or ""))
        if listed is None:
            rows.append(_row(each, data))
        else:
            listed.append(data)
    whole = {each.account for each in accounts if not each.problems}
    for row in rows:
        if row["kind"] == ROLE:
            add_evidence(row, ONLINE)
            if not row["instances"] and row["account"] not in whole:
                row["instances"] = None


def _data(instance: Instance) -> dict[str, Any]:
    return {
        "instance": instance.id,
        "region": instance.region,
        "state": instance.state,
        "pingStatus": instance.ping,
        "agentVersion": instance.agent_version,
    }


def _row(instance: Instance, data: Row) -> dict[str, Any]:
    """The row of an instance without a role of the list."""
    reason = "It has no instance profile."
    if instance.profile:
        reason = f"Its instance profile {instance.profile} contains no role of the list."
    elif instance.ping == ONLINE:
        reason += " Systems Manager manages it with the role of Default Host Management Configuration."
    return {
        "schemaVersion": SCHEMA_VERSION,
        "kind": INSTANCE,
        "account": instance.account,
        "instanceProfile": instance.profile,
        **data,
        "reason": reason,
    }
