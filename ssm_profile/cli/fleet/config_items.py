"""Turns what AWS Config recorded of IAM into the form of account details.

The names of the properties are those of
https://github.com/awslabs/aws-config-resource-schema/tree/master/config/properties/resource-types, which leaves out the
policy documents. They are strings of JSON, URL-encoded, as in the answers of IAM.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ssm_profile.cli.policy_files.found import map_of, text_of
from ssm_profile.iam.documents import as_list

from .members import Problem
from .pages import POLICIES, ROLES

Item = Mapping[str, Any]
"""What AWS Config recorded of a role, a policy or an instance profile."""

TIME = "configurationItemCaptureTime"
"""The property of an item that says when it was recorded."""

ROLE_PROPERTIES = (
    "arn",
    "roleName",
    "path",
    "createDate",
    "assumeRolePolicyDocument",
    "rolePolicyList",
    "attachedManagedPolicies",
    "instanceProfileList",
    "permissionsBoundary",
)
POLICY_PROPERTIES = ("arn", "policyVersionList")

_PROFILE_NAMES = ("InstanceProfileName", "instanceProfileName")
"""AWS does not document in which case Config writes the properties of instance profiles."""

_NECESSARY = ("arn", "roleName", "assumeRolePolicyDocument", "rolePolicyList", "attachedManagedPolicies")
"""The properties without which a role cannot be judged."""


@dataclass(frozen=True)
class _Profile:
    """What AWS Config recorded of an instance profile."""

    name: str
    time: str
    roles: frozenset[str]
    """The names of the roles that it contains."""


class _Profiles:
    """The instance profiles of an account."""

    def __init__(self, profiles: Iterable[_Profile]) -> None:
        self._by_name = {each.name: each for each in profiles}
        self._of_role = dict[str, list[_Profile]]()
        for each in self._by_name.values():
            for role in each.roles:
                self._of_role.setdefault(role, []).append(each)
        self.are_known = bool(self._by_name)

    def names(self, item: Item) -> list[str]:
        """The names of those that contain a role."""
        role, time = _configuration(item), text_of(item.get(TIME))
        name, listed = text_of(role.get("roleName")), role.get("instanceProfileList")
        own = [text_of(map_of(each).get("instanceProfileName")) for each in as_list(listed)]
        stale = {each for each in own if each in self._by_name and self._by_name[each].time >= time}
        others = [each.name for each in self._of_role.get(name, ()) if listed is None or each.time >= time]
        return list(dict.fromkeys([*(each for each in own if each and each not in stale), *others]))


def role_details(items: Iterable[Item], profiles: Sequence[Item]) -> list[dict[str, Any] | Problem]:
    """The roles of an account, as ``RoleDetailList`` has them, and those of which Config has too little.

    When a role was last used is not recorded.

    Args:
        items: The roles.
        profiles: The instance profiles. They change without the roles in them, so that the newer of the records of a
            role and of an instance profile says whether the one contains the other.
    """
    recorded = _Profiles(each for item in _newest(profiles, _PROFILE_NAMES) if (each := _profile(item)))
    return [_role(each, recorded) for each in _newest(items, ("arn",))]


def _profile(item: Item) -> _Profile | None:
    """An instance profile. None if its record does not say which roles it contains."""
    profile = _configuration(item)
    name, roles = text_of(_either(profile, _PROFILE_NAMES)), _either(profile, ("Roles", "roles"))
    names = [text_of(each) or text_of(_either(map_of(each), ("RoleName", "roleName"))) for each in as_list(roles)]
    if not name or roles is None or "" in names:
        return None
    return _Profile(name, text_of(item.get(TIME)), frozenset(names))


def _role(item: Item, recorded: _Profiles) -> dict[str, Any] | Problem:
    role = _configuration(item)
    name, boundary = text_of(role.get("roleName")), _boundary(role)
    missing = next((each for each in _NECESSARY if role.get(each) is None), None)
    if boundary is None:
        missing = "ARN of the permissions boundary"
    if missing:
        return Problem(
            text_of(role.get("arn")) or name or "a role",
            f"AWS Config has no {missing} of the role, so that it cannot be judged. Read its account with --accounts.",
        )
    profiles = recorded.names(item)
    return {
        "RoleName": name,
        "Arn": role.get("arn"),
        "Path": role.get("path"),
        "CreateDate": role.get("createDate"),
        "AssumeRolePolicyDocument": role.get("assumeRolePolicyDocument"),
        "RolePolicyList": [
            {"PolicyName": each.get("policyName"), "PolicyDocument": each.get("policyDocument")}
            for each in map(map_of, as_list(role["rolePolicyList"]))
        ],
        "AttachedManagedPolicies": [
            {"PolicyName": each.get("policyName"), "PolicyArn": each.get("policyArn")}
            for each in map(map_of, as_list(role["attachedManagedPolicies"]))
        ],
        **({"PermissionsBoundary": {"PermissionsBoundaryArn": boundary}} if boundary else {}),
        # Without any instance profile, it is not known whether they are recorded.
        **(
            {"InstanceProfileList": [{"InstanceProfileName": each} for each in profiles]}
            if profiles or recorded.are_known
            else {}
        ),
    }


def _boundary(role: Item) -> str | None:
    """The ARN of its permissions boundary. Empty if it has none, and None if it has one without an ARN."""
    boundary = role.get("permissionsBoundary")
    return text_of(map_of(boundary).get("permissionsBoundaryArn")) or (None if boundary else "")


def policy_details(items: Iterable[Item]) -> list[dict[str, Any]]:
    """The managed policies of an account, as ``Policies`` has them. Config does not record those of AWS."""
    return [
        {
            "Arn": policy.get("arn"),
            "PolicyVersionList": [
                {"IsDefaultVersion": each.get("isDefaultVersion"), "Document": each.get("document")}
                for each in map(map_of, as_list(policy.get("policyVersionList")))
            ],
        }
        for policy in map(_configuration, _newest(items, ("arn",)))
    ]


def account_details(roles: list[dict[str, Any]], policies: list[dict[str, Any]]) -> dict[str, Any]:
    """An account, as ``aws iam get-account-authorization-details`` prints it."""
    return {ROLES: roles, POLICIES: policies}


def _newest(items: Iterable[Item], names: tuple[str, ...]) -> Iterator[Item]:
    """The newest item of each resource. Each Region that records global resources has an item of its own.

    Args:
        items: The items.
        names: The property that identifies a resource, by the names that it can have.
    """
    newest = dict[Any, Item]()
    for item in items:
        key = text_of(_either(_configuration(item), names)) or id(item)
        if key not in newest or text_of(item.get(TIME)) > text_of(newest[key].get(TIME)):
            newest[key] = item
    yield from newest.values()


def _configuration(item: Item) -> Item:
    return map_of(item.get("configuration"))


def _either(item: Item, names: tuple[str, ...]) -> Any:
    """The value of the first name that an item has."""
    return next((item[name] for name in names if name in item), None)
