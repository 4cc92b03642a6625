"""The resource types of pulumi-aws for IAM."""

import json
from operator import itemgetter
from typing import Any, ClassVar
from urllib.parse import unquote

from botocore.exceptions import ClientError

from .resource import PartlyCreatedError, Property, ResourceType, State, tag_list, tag_map

_NAME = Property(replaces=True)
_PATH = Property(default="/", replaces=True)
_TAGS = Property(default={})
_MOST_VERSIONS = 5
_IDENTITY = ("arn", "createDate", "tagsAll", "uniqueId")


class IamType(ResourceType):
    """A resource type of IAM."""

    @property
    def iam(self) -> Any:
        return self.client("iam")

    def get(self, operation: str, key: str, **request: str) -> Any:
        """Call a Get or List operation. Returns None if the entity does not exist."""
        try:
            return getattr(self.iam, operation)(**request)[key]
        except self.iam.exceptions.NoSuchEntityException:
            return None

    def attached_policy_arns(self, role: str) -> list[str] | None:
        """The ARNs of the managed policies attached to a role, or None if the role does not exist."""
        attached = self.get("list_attached_role_policies", "AttachedPolicies", RoleName=role)
        return None if attached is None else [policy["PolicyArn"] for policy in attached]

    def update_tags(self, tag: Any, untag: Any, old: State, new: State, **target: str) -> None:
        """Change a resource's tags from the old state to the new one."""
        removed = [key for key in old.get("tagsAll") or {} if key not in new["tagsAll"]]
        if removed:
            untag(TagKeys=removed, **target)
        if new["tagsAll"]:
            tag(Tags=tag_list(new["tagsAll"]), **target)


class Role(IamType):
    """aws.iam.Role."""

    type_name = "aws:iam/role:Role"
    title = "IAM Role"
    name_limit = 64
    computed = _IDENTITY
    properties: ClassVar = {
        "assumeRolePolicy": Property(required=True, document=True),
        "description": Property(default=""),
        "forceDetachPolicies": Property(default=False),
        "maxSessionDuration": Property(default=3600),
        "name": _NAME,
        "path": _PATH,
        "permissionsBoundary": Property(default=""),
        "tags": _TAGS,
    }

    def create(self, inputs: State) -> str:
        request = {
            "RoleName": inputs["name"],
            "AssumeRolePolicyDocument": inputs["assumeRolePolicy"],
            "Path": inputs.get("path"),
            "Description": inputs.get("description"),
            "MaxSessionDuration": _integer(inputs.get("maxSessionDuration")),
            "PermissionsBoundary": inputs.get("permissionsBoundary"),
            "Tags": tag_list(inputs["tagsAll"]),
        }
        self.iam.create_role(**{key: value for key, value in request.items() if value})
        return str(inputs["name"])

    def read(self, resource_id: str) -> State | None:
        role = self.get("get_role", "Role", RoleName=resource_id)
        return role and _identity(role) | {
            "name": role["RoleName"],
            "assumeRolePolicy": _document_string(role["AssumeRolePolicyDocument"]),
            "description": role.get("Description", ""),
            "maxSessionDuration": role.get("MaxSessionDuration", 3600),
            "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
        }

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        target = {"RoleName": resource_id}
        if "assumeRolePolicy" in changed:
            self.iam.update_assume_role_policy(**target, PolicyDocument=new["assumeRolePolicy"])
        if "description" in changed:
            self.iam.update_role_description(**target, Description=new.get("description") or "")
        if "maxSessionDuration" in changed:
            # The description as well: moto removes it otherwise.
            self.iam.update_role(
                **target,
                Description=new.get("description") or "",
                MaxSessionDuration=_integer(new.get("maxSessionDuration")) or 3600,
            )
        if "permissionsBoundary" in changed:
            if new.get("permissionsBoundary"):
                self.iam.put_role_permissions_boundary(**target, PermissionsBoundary=new["permissionsBoundary"])
            else:
                self.iam.delete_role_permissions_boundary(**target)
        if "tagsAll" in changed:
            self.update_tags(self.iam.tag_role, self.iam.untag_role, old, new, **target)

    def delete(self, resource_id: str, state: State) -> None:
        target = {"RoleName": resource_id}
        for profile in self.iam.list_instance_profiles_for_role(**target)["InstanceProfiles"]:
            self.iam.remove_role_from_instance_profile(**target, InstanceProfileName=profile["InstanceProfileName"])
        if state.get("forceDetachPolicies"):
            for arn in self.attached_policy_arns(resource_id) or []:
                self.iam.detach_role_policy(**target, PolicyArn=arn)
            for name in self.iam.list_role_policies(**target)["PolicyNames"]:
                self.iam.delete_role_policy(**target, PolicyName=name)
        self.iam.delete_role(**target)


class RolePolicy(IamType):
    """aws.iam.RolePolicy. Its ID is ``role:policy``."""

    type_name = "aws:iam/rolePolicy:RolePolicy"
    title = "IAM Role Policy"
    name_limit = 128
    properties: ClassVar = {
        "name": _NAME,
        "policy": Property(required=True, document=True),
        "role": Property(required=True, replaces=True),
    }

    def create(self, inputs: State) -> str:
        self._put(inputs["role"], inputs["name"], inputs["policy"])
        return f"{inputs['role']}:{inputs['name']}"

    def read(self, resource_id: str) -> State | None:
        role, _, name = resource_id.partition(":")
        document = self.get("get_role_policy", "PolicyDocument", RoleName=role, PolicyName=name)
        return document and {"role": role, "name": name, "policy": _document_string(document)}

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        self._put(new["role"], new["name"], new["policy"])

    def delete(self, resource_id: str, state: State) -> None:
        role, _, name = resource_id.partition(":")
        self.iam.delete_role_policy(RoleName=role, PolicyName=name)

    def _put(self, role: str, name: str, policy: str) -> None:
        self.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)


class InstanceProfile(IamType):
    """aws.iam.InstanceProfile."""

    type_name = "aws:iam/instanceProfile:InstanceProfile"
    title = "IAM Instance Profile"
    name_limit = 128
    computed = _IDENTITY
    properties: ClassVar = {"name": _NAME, "path": _PATH, "role": Property(), "tags": _TAGS}

    def create(self, inputs: State) -> str:
        name = str(inputs["name"])
        self.iam.create_instance_profile(
            InstanceProfileName=name, Path=inputs.get("path") or "/", Tags=tag_list(inputs["tagsAll"])
        )
        try:
            self._set_role(name, None, inputs.get("role"))
        except ClientError as error:
            raise PartlyCreatedError(name, error, "role") from error
        return name

    def read(self, resource_id: str) -> State | None:
        profile = self.get("get_instance_profile", "InstanceProfile", InstanceProfileName=resource_id)
        return profile and _identity(profile) | {
            "name": profile["InstanceProfileName"],
            "role": next((role["RoleName"] for role in profile["Roles"]), None),
        }

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        if "role" in changed:
            self._set_role(resource_id, old.get("role"), new.get("role"))
        if "tagsAll" in changed:
            self.update_tags(
                self.iam.tag_instance_profile,
                self.iam.untag_instance_profile,
                old,
                new,
                InstanceProfileName=resource_id,
            )

    def delete(self, resource_id: str, state: State) -> None:
        now = self.read(resource_id) or {}
        self._set_role(resource_id, now.get("role"), None)
        self.iam.delete_instance_profile(InstanceProfileName=resource_id)

    def _set_role(self, name: str, old: str | None, new: str | None) -> None:
        if old:
            self.iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=old)
        if new:
            self.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=new)


class Policy(IamType):
    """aws.iam.Policy. Its ID is its ARN."""

    type_name = "aws:iam/policy:Policy"
    title = "IAM Policy"
    name_limit = 128
    computed = ("arn", "policyId", "tagsAll")
    properties: ClassVar = {
        "description": Property(default="", replaces=True),
        "name": _NAME,
        "path": _PATH,
        "policy": Property(required=True, document=True),
        "tags": _TAGS,
    }

    def create(self, inputs: State) -> str:
        request = {
            "PolicyName": inputs["name"],
            "PolicyDocument": inputs["policy"],
            "Path": inputs.get("path"),
            "Description": inputs.get("description"),
            "Tags": tag_list(inputs["tagsAll"]),
        }
        created = self.iam.create_policy(**{key: value for key, value in request.items() if value})
        return str(created["Policy"]["Arn"])

    def read(self, resource_id: str) -> State | None:
        policy = self.get("get_policy", "Policy", PolicyArn=resource_id)
        if not policy:
            return None
        version = self.iam.get_policy_version(PolicyArn=resource_id, VersionId=policy["DefaultVersionId"])
        return {
            "arn": policy["Arn"],
            "name": policy["PolicyName"],
            "path": policy["Path"],
            "description": policy.get("Description", ""),
            "policy": _document_string(version["PolicyVersion"]["Document"]),
            "policyId": policy["PolicyId"],
            "tagsAll": tag_map(policy),
        }

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        if "policy" in changed:
            self._make_room_for_version(resource_id)
            self.iam.create_policy_version(PolicyArn=resource_id, PolicyDocument=new["policy"], SetAsDefault=True)
        if "tagsAll" in changed:
            self.update_tags(self.iam.tag_policy, self.iam.untag_policy, old, new, PolicyArn=resource_id)

    def delete(self, resource_id: str, state: State) -> None:
        for version in self._old_versions(resource_id):
            self.iam.delete_policy_version(PolicyArn=resource_id, VersionId=version["VersionId"])
        self.iam.delete_policy(PolicyArn=resource_id)

    def _old_versions(self, arn: str) -> list[Any]:
        """The versions that are not the default, the oldest first."""
        versions = self.iam.list_policy_versions(PolicyArn=arn)["Versions"]
        return sorted((each for each in versions if not each["IsDefaultVersion"]), key=itemgetter("CreateDate"))

    def _make_room_for_version(self, arn: str) -> None:
        """Delete the oldest version if the policy has five, which is as many as IAM keeps."""
        old = self._old_versions(arn)
        if len(old) >= _MOST_VERSIONS - 1:
            self.iam.delete_policy_version(PolicyArn=arn, VersionId=old[0]["VersionId"])


class RolePolicyAttachment(IamType):
    """aws.iam.RolePolicyAttachment. Its ID is ``role/arn``."""

    type_name = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    title = "IAM Role Policy Attachment"
    deleted_before_replacement = True
    properties: ClassVar = {
        "policyArn": Property(required=True, replaces=True),
        "role": Property(required=True, replaces=True),
    }

    def create(self, inputs: State) -> str:
        self.iam.attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
        return f"{inputs['role']}/{inputs['policyArn']}"

    def read(self, resource_id: str) -> State | None:
        role, _, arn = resource_id.partition("/")
        return {"role": role, "policyArn": arn} if arn in (self.attached_policy_arns(role) or []) else None

    def delete(self, resource_id: str, state: State) -> None:
        role, _, arn = resource_id.partition("/")
        self.iam.detach_role_policy(RoleName=role, PolicyArn=arn)


class RoleExclusive(IamType):
    """Keeps the policies of one kind on a role as listed. Its ID is the role's name.

    Its deletion changes nothing in IAM.
    """

    list_property: ClassVar[str]
    """The property that lists the policies."""

    def present(self, role: str) -> list[str] | None:
        """The policies of this kind on a role, or None if the role does not exist."""
        raise NotImplementedError

    def add(self, role: str, entry: str) -> None:
        """Put a listed policy of this kind on a role, if that is possible."""
        raise NotImplementedError

    def remove(self, role: str, entry: str) -> None:
        """Remove a policy of this kind from a role."""
        raise NotImplementedError

    def create(self, inputs: State) -> str:
        self.update(inputs["roleName"], set(), {}, inputs)
        return str(inputs["roleName"])

    def read(self, resource_id: str) -> State | None:
        present = self.present(resource_id)
        return None if present is None else {"roleName": resource_id, self.list_property: present}

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        present, listed = self.present(resource_id) or [], new[self.list_property]
        for entry in (entry for entry in listed if entry not in present):
            self.add(resource_id, entry)
        for entry in (entry for entry in present if entry not in listed):
            self.remove(resource_id, entry)

    def delete(self, resource_id: str, state: State) -> None:
        pass


class RolePoliciesExclusive(RoleExclusive):
    """aws.iam.RolePoliciesExclusive."""

    type_name = "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive"
    title = "IAM Role Policies Exclusive"
    list_property = "policyNames"
    properties: ClassVar = {
        "policyNames": Property(required=True, type="array"),
        "roleName": Property(required=True, replaces=True),
    }

    def present(self, role: str) -> list[str] | None:
        names: list[str] | None = self.get("list_role_policies", "PolicyNames", RoleName=role)
        return names

    def add(self, role: str, entry: str) -> None:
        pass  # the list has names only, without documents

    def remove(self, role: str, entry: str) -> None:
        self.iam.delete_role_policy(RoleName=role, PolicyName=entry)


class RolePolicyAttachmentsExclusive(RoleExclusive):
    """aws.iam.RolePolicyAttachmentsExclusive."""

    type_name = "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive"
    title = "IAM Role Policy Attachments Exclusive"
    list_property = "policyArns"
    properties: ClassVar = {
        "policyArns": Property(required=True, type="array"),
        "roleName": Property(required=True, replaces=True),
    }

    def present(self, role: str) -> list[str] | None:
        return self.attached_policy_arns(role)

    def add(self, role: str, entry: str) -> None:
        self.iam.attach_role_policy(RoleName=role, PolicyArn=entry)

    def remove(self, role: str, entry: str) -> None:
        self.iam.detach_role_policy(RoleName=role, PolicyArn=entry)


TYPES: tuple[type[IamType], ...] = (
    Role,
    RolePolicy,
    InstanceProfile,
    Policy,
    RolePolicyAttachment,
    RolePoliciesExclusive,
    RolePolicyAttachmentsExclusive,
)


def _identity(entity: State) -> State:
    unique_id = next(entity[key] for key in ("RoleId", "InstanceProfileId") if key in entity)
    return {
        "arn": entity["Arn"],
        "createDate": entity["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "path": entity["Path"],
        "tagsAll": tag_map(entity),
        "uniqueId": unique_id,
    }


def _document_string(document: Any) -> str:
    return unquote(document) if isinstance(document, str) else json.dumps(document)


def _integer(number: float | None) -> int | None:
    return None if number is None else int(number)
