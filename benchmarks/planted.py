"""An account in which the faults of :mod:`benchmarks.faults` are planted, and what the command reports of it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any

from .accounts import Json, account_of, arn_in, distinct_policies, managed_policy, other_role, role, write_page
from .faults import FAULTS, HEALTHY, Fault

DISTINCT = 28
"""How many distinct sets of policies the roles have in which nothing is planted."""

_REASONS = {
    "trust": "does not let ec2.amazonaws.com assume the role",
    "no profile": "No instance profile contains the role",
    "missing": "no statement allows",
    "resource": "allows .* only on other resources",
    "condition": "the condition of .* does not hold",
    "deny": "statement .* denies",
    "boundary": "the permissions boundary .* does not allow",
}
"""The reasons of the command for which no instance can use a role, or Systems Manager does not work with it."""


@dataclass(frozen=True)
class PlantedAccount:
    """An account with planted faults."""

    roles: Sequence[Json]
    policies: Sequence[Json]
    findings: Mapping[str, frozenset[str]]
    """The findings on each role of EC2, by name. They are no fault of :data:`FAULTS` for roles that are not in it."""
    faults: Mapping[str, Sequence[str]]
    """The names of the roles of each kind of fault."""
    policies_in_doubt: frozenset[str]
    """The ARNs of the policies that have two documents."""

    def without(self, kind: str) -> "PlantedAccount":
        """The account without the roles that have a kind of fault."""
        return replace(self, roles=[each for each in self.roles if each["RoleName"] not in self.faults[kind]])

    def write(self, file: IO[str]) -> None:
        """Write the account as ``aws iam get-account-authorization-details`` does."""
        write_page(file, self.roles, self.policies)

    def reported(self, rows: Iterable[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
        """The findings on each role that rows of ``fleet --json`` have, by its name.

        Args:
            rows: The rows for this account, as the only file.
        """
        found = dict[str, frozenset[str]]()
        in_doubt = ""
        for row in rows:
            if row["kind"] == "role":
                found[row["role"]] = frozenset(self._findings(row))
            elif ":role/" in row["place"]:
                found[row["place"].rpartition("/")[2]] = frozenset({"refused"})
            else:
                in_doubt = row["reason"]
        if f"which document of {len(self.policies_in_doubt)} policies counts" in in_doubt:
            return found
        return {name: each - {"two documents"} for name, each in found.items()}

    def _findings(self, row: Mapping[str, Any]) -> Iterator[str]:
        yield from (each["risk"] if each["certain"] else f"possible {each['risk']}" for each in row["risks"])
        yield from row["deprecated"]
        yield from ["unread"] if row["unread"] else []
        yield from ["two documents"] if self.policies_in_doubt & {*row["unread"]} else []
        if row["level"] == "broken":
            known = [word for word, text in _REASONS.items() if any(re.search(text, each) for each in row["reasons"])]
            yield from known or ["broken for another reason"]


def planted_account(roles: int = 1_000) -> PlantedAccount:
    """An account with every fault of :data:`FAULTS` and :data:`HEALTHY`, among roles of other sets of policies."""
    planted = [(f"planted-{number}", kind, each) for number, (kind, each) in enumerate(_planted())]
    usual = [
        (f"app-{number}", "", Fault(distinct_policies(number % DISTINCT))) for number in range(roles - len(planted))
    ]
    mixed = list(_mixed(planted, usual))
    own, doubtful = dict[str, list[Json]](), set[str]()
    for _, _, fault in mixed:
        for name, each in fault.policies.own.items():
            arn = arn_in(name if name.startswith("arn:") else f"own/{name}", account_of(0))
            own[arn] = [each, *fault.more]
            doubtful |= {arn} if fault.more else set()
    return PlantedAccount(
        [
            each
            for number, (name, _, fault) in enumerate(mixed)
            for each in (
                role(name, number, fault.policies, has_profile=fault.has_profile, **fault.changes),
                *([other_role(number)] if number % 10 == 0 else []),
            )
        ],
        [_policy(arn, each, number) for number, (arn, each) in enumerate(own.items(), 100)],
        {name: fault.policies.findings for name, _, fault in mixed},
        {kind: [name for name, of, _ in planted if of == kind] for kind in FAULTS},
        frozenset(doubtful),
    )


def _planted() -> Iterator[tuple[str, Fault]]:
    for kind, faults in FAULTS.items():
        yield from ((kind, each) for each in faults)
    yield from (("", each) for each in HEALTHY)


def _mixed(
    planted: Sequence[tuple[str, str, Fault]], usual: Sequence[tuple[str, str, Fault]]
) -> Iterator[tuple[str, str, Fault]]:
    step = max(len(usual) // max(len(planted), 1), 1)
    for number, each in enumerate(planted):
        yield from usual[number * step : (number + 1) * step]
        yield each
    yield from usual[len(planted) * step :]


def _policy(arn: str, documents: Sequence[Json], number: int) -> Json:
    policy = managed_policy(arn, *documents, number=number)
    for version in policy["PolicyVersionList"]:
        version["IsDefaultVersion"] = True
    return policy
