"""The roles of a fleet, and what could not be read."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ssm_profile.cli.policy_files import FoundRole
from ssm_profile.cli.policy_files.account_details import (
    documents_of,
    found_role,
    policy_arns,
    role_name,
)
from ssm_profile.cli.policy_files.found import map_of, text_of
from ssm_profile.cli.report import code
from ssm_profile.cli.usage import RoleFacts
from ssm_profile.errors import InputError
from ssm_profile.iam.trust import FOR_EC2, Trust, judge_trust

_POLICY_LISTS = ("RolePolicyList", "AttachedManagedPolicies")
_MOST_NAMES = 3
_WRITE_AGAIN = "Write the file again with `aws iam get-account-authorization-details`."


@dataclass(frozen=True)
class Member:
    """A role of an account."""

    found: FoundRole
    """The role, whose policies have the names that IAM has for them."""
    name: str
    path: str
    """Where it was read: a file or an account."""
    facts: RoleFacts
    """What the input says of its use."""
    boundary_arn: str = ""
    """The ARN of its permissions boundary, or an empty string."""
    trust: Trust = FOR_EC2
    """Whether EC2 can assume it."""

    @property
    def arn(self) -> str:
        """Its ARN, or an empty string if the input does not have it."""
        return self.found.arn or ""

    @property
    def account(self) -> str:
        """The ID of its account, or an empty string if the input does not have it."""
        return self.arn.split(":")[4] if self.arn else ""


@dataclass(frozen=True)
class Problem:
    """Something that could not be read or judged. The rest of the fleet is."""

    place: str
    """A file, an account or a role."""
    reason: str
    """A sentence."""


Found = Member | Problem


@dataclass(frozen=True)
class Flaw:
    """What stands for the document of a policy that cannot be judged."""

    reason: str
    """Sentences."""


def roles_of_account(
    policies: Iterable[Mapping[str, Any]], roles: Iterable[Mapping[str, Any]], place: str
) -> Iterator[Found]:
    """The roles of an account.

    Args:
        policies: The managed policies, as ``Policies`` of the output has them.
        roles: The roles, as ``RoleDetailList`` of the output has them.
        place: Where they were read.
    """
    documents = documents_of(policies)
    return (found_in(details, documents, place) for details in roles)


def found_in(details: Mapping[str, Any], documents: Mapping[str, Any], place: str) -> Found:
    """A role of an account.

    Args:
        details: The role, as ``RoleDetailList`` of the output has it.
        documents: The default documents of the managed policies, by ARN. Some can be a :class:`Flaw`.
        place: Where it was read.
    """
    name, problem_place = role_name(details), place_of(details, place)
    for arn in policy_arns(details):
        if isinstance(flaw := documents.get(arn), Flaw):
            return Problem(problem_place, f"Its policy {arn} cannot be judged. {flaw.reason}")
    try:
        found = found_role(details, documents, f"role {name}")
    except InputError as error:
        return Problem(problem_place, str(error))
    if found.trust is None:
        return Problem(problem_place, _unknown_trust(details))
    if missing := next((key for key in _POLICY_LISTS if not isinstance(details.get(key), list)), None):
        return Problem(problem_place, f"Its {missing} is missing, so that its policies are not known. {_WRITE_AGAIN}")
    if not all(text_of(map_of(each).get("PolicyArn")) for each in details["AttachedManagedPolicies"]):
        return Problem(problem_place, f"One of its AttachedManagedPolicies has no PolicyArn. {_WRITE_AGAIN}")
    boundary = text_of(map_of(details.get("PermissionsBoundary")).get("PermissionsBoundaryArn"))
    return Member(found, name, place, _facts(details, found.arn or ""), boundary)


def _facts(details: Mapping[str, Any], arn: str) -> RoleFacts:
    last_use = details.get("RoleLastUsed")
    time = map_of(last_use).get("LastUsedDate")
    return RoleFacts(
        arn,
        created=_time(details.get("CreateDate")),
        is_last_use_known=isinstance(last_use, Mapping) and (time is None or _time(time) is not None),
        last_used=_time(time),
        last_region=text_of(map_of(last_use).get("Region")) or None,
    )


def _time(value: object) -> datetime | None:
    """A time with a time zone: a string in files, an object in the answers of boto3."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None
    return time if isinstance(time, datetime) and time.tzinfo else None


def place_of(details: Mapping[str, Any], place: str) -> str:
    """Where the problem of a role is: its ARN, if it has one."""
    return text_of(details.get("Arn")) or f"{place}, role {role_name(details)}"


def _unknown_trust(details: Mapping[str, Any]) -> str:
    trust = details.get("AssumeRolePolicyDocument")
    reason = "is missing" if trust is None else f"is not a policy document (got {json.dumps(trust)[:80]})"
    return (
        f"Its trust policy (AssumeRolePolicyDocument) {reason}, so that it cannot be known whether EC2 can assume the "
        f"role. {_WRITE_AGAIN}"
    )


@dataclass
class OtherRoles:
    """Counts the roles of other services, each once."""

    without_arn: int = 0
    arns: set[str] = field(default_factory=set[str])

    @property
    def count(self) -> int:
        """How many there are."""
        return self.without_arn + len(self.arns)

    def add(self, member: Member) -> None:
        """Count a role."""
        if member.arn:
            self.arns.add(member.arn)
        else:
            self.without_arn += 1


def for_instances(found: Iterable[Found], others: OtherRoles) -> Iterator[Found]:
    """The roles of EC2 instances, each once, and the problems.

    These are the roles that EC2 can assume, and those in an instance profile: their instances get no credentials if EC2
    cannot assume them. A role is counted where it is read first. A role whose trust policy IAM would refuse is a
    problem. Of roles without an ARN it is not known whether they are the same, so each is counted.

    Args:
        found: The roles and problems.
        others: Counts the other roles.
    """
    places, nameless = dict[str, str](), Counter[tuple[str, str]]()
    again = dict[tuple[str, str], list[str]]()
    for each in found:
        if isinstance(each, Problem):
            yield each
            continue
        try:
            trust = judge_trust(each.found.trust, "The trust policy")
        except InputError as error:
            yield Problem(each.arn or f"{each.path}, {each.found.name}", str(error))
            continue
        if not trust.is_for_ec2 and not each.found.instance_profiles:
            others.add(each)
            continue
        if each.arn in places:
            again.setdefault((each.path, places[each.arn]), []).append(each.arn)
            continue
        if each.arn:
            places[each.arn] = each.path
        else:
            nameless[each.path, each.name] += 1
        yield replace(each, trust=trust)
    for (path, first), arns in again.items():
        yield Problem(path, _counted_once(arns, first))
    for path in dict.fromkeys(path for path, _ in nameless):
        if names := [name for (place, name), count in nameless.items() if place == path and count > 1]:
            yield Problem(path, _counted_again(names))


def _counted_again(names: Sequence[str]) -> str:
    roles = "2 or more roles" if len(names) == 1 else "several roles each"
    shown = ", ".join(map(code, names[:_MOST_NAMES]))
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return (
        f"It has {roles} without an ARN with the name {shown}{more}. Whether they are the same role "
        f"cannot be known, so each is counted. {_WRITE_AGAIN}"
    )


def _counted_once(arns: Sequence[str], place: str) -> str:
    roles = "1 role again, which is" if len(arns) == 1 else f"{len(arns):,} roles again, which are"
    more = f" and {len(arns) - _MOST_NAMES:,} more" if len(arns) > _MOST_NAMES else ""
    return f"It has {roles} counted once, from {place}: {', '.join(arns[:_MOST_NAMES])}{more}."
