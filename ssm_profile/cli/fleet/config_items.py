"""Turns what AWS Config recorded of IAM into the form of account details.

The names of the properties are those of
https://github.com/awslabs/aws-config-resource-schema/tree/master/config/properties/resource-types, which leaves out the
policy documents. They are strings of JSON, URL-encoded, as in the answers of IAM.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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

_NECESSARY = ("assumeRolePolicyDocument", "rolePolicyList", "attachedManagedPolicies")
"""The properties without which a role cannot be judged."""


def role_details(items: Iterable[Item], profiles: Sequence[Item]) -> list[dict[str, Any] | Problem]:
    """The roles of an account, as ``RoleDetailList`` has them, and those of which Config has too little.

    When a role was last used is not recorded.

    Args:
        items: The roles.
        profiles: The instance profiles. They change without the roles in them, so that a role that was recorded
            earlier does not have them.
    """
    names = dict[str, list[str]]()
    for profile in _newest(profiles, _PROFILE_NAMES):
        for role in as_list(_either(profile, ("Roles", "roles"))):
            name = text_of(role) or text_of(map_of(role).get("roleName"))
            names.setdefault(name, []).append(text_of(_either(profile, _PROFILE_NAMES)))
    return [_role(each, names, is_known=bool(names)) for each in _newest(items, ("arn",))]


def _role(role: Item, names: Mapping[str, Sequence[str]], *, is_known: bool) -> dict[str, Any] | Problem:
    name = text_of(role.get("roleName"))
    if missing := next((each for each in _NECESSARY if role.get(each) is None), None):
        return Problem(
            text_of(role.get("arn")) or name,
            f"AWS Config has no {missing} of the role, so that it cannot be judged. Read its account with --accounts.",
        )
    boundary = text_of(map_of(role.get("permissionsBoundary")).get("permissionsBoundaryArn"))
    own = (text_of(map_of(each).get("instanceProfileName")) for each in as_list(role.get("instanceProfileList")))
    profiles = list(dict.fromkeys(each for each in (*own, *names.get(name, ())) if each))
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
            if profiles or is_known
            else {}
        ),
    }


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
        for policy in _newest(items, ("arn",))
    ]


def account_details(roles: list[dict[str, Any]], policies: list[dict[str, Any]]) -> dict[str, Any]:
    """An account, as ``aws iam get-account-authorization-details`` prints it."""
    return {ROLES: roles, POLICIES: policies}


def _newest(items: Iterable[Item], names: tuple[str, ...]) -> Iterator[Item]:
    """The newest configuration of each resource. Each Region that records global resources has an item of its own.

    Args:
        items: The items.
        names: The property that identifies a resource, by the names that it can have.
    """
    newest = dict[Any, Item]()
    for item in items:
        key = _either(_configuration(item), names)
        if key not in newest or text_of(item.get(TIME)) > text_of(newest[key].get(TIME)):
            newest[key] = item
    return map(_configuration, newest.values())


def _configuration(item: Item) -> Item:
    return map_of(item.get("configuration"))


def _either(item: Item, names: tuple[str, ...]) -> Any:
    """The value of the first name that an item has."""
    return next((item[name] for name in names if name in item), None)
