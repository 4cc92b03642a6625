"""The resource types of pulumi-aws for EC2 that a launch needs."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from .resource import PartlyCreatedError, Property, ResourceType, State, tag_list, tag_map, to_aws

_PROFILE_TIMEOUT = 120
"""How many seconds to wait until EC2 sees a new instance profile. The real provider waits as long."""


class Ec2Type(ResourceType):
    """A resource type of EC2."""

    not_found_code: ClassVar[str]
    """The error code of EC2 for a resource that does not exist."""

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    def describe(self, operation: str, key: str, **request: Any) -> list[Any]:
        """Call a Describe operation. Returns an empty list if the resource does not exist."""
        try:
            entries: list[Any] = getattr(self.ec2, operation)(**request)[key]
        except ClientError as error:
            if error.response["Error"]["Code"] == self.not_found_code:
                return []
            raise
        return entries

    def update_tags(self, resource_id: str, old: State, new: State) -> None:
        """Change a resource's tags from the old state to the new one."""
        removed = [{"Key": key} for key in old.get("tagsAll") or {} if key not in new["tagsAll"]]
        if removed:
            self.ec2.delete_tags(Resources=[resource_id], Tags=removed)
        if new["tagsAll"]:
            self.ec2.create_tags(Resources=[resource_id], Tags=tag_list(new["tagsAll"]))

    def tag_specifications(self, kind: str, inputs: State) -> Any:
        """The value of ``TagSpecifications`` in a Create or Run request."""
        return [{"ResourceType": kind, "Tags": tag_list(inputs["tagsAll"])}] if inputs["tagsAll"] else []


class SecurityGroup(Ec2Type):
    """aws.ec2.SecurityGroup."""

    type_name = "aws:ec2/securityGroup:SecurityGroup"
    title = "EC2 Security Group"
    not_found_code = "InvalidGroup.NotFound"
    name_limit = 255
    computed = ("arn", "ownerId", "tagsAll")
    properties: ClassVar = {
        "description": Property(default="Managed by Pulumi", replaces=True),
        "egress": Property(default=[]),
        "ingress": Property(default=[]),
        "name": Property(replaces=True),
        "tags": Property(default={}),
        "vpcId": Property(replaces=True, chosen_by_aws=True),
    }

    def create(self, inputs: State) -> str:
        request = {
            "GroupName": inputs["name"],
            "Description": inputs.get("description") or "Managed by Pulumi",
            "VpcId": inputs.get("vpcId"),
            "TagSpecifications": self.tag_specifications("security-group", inputs),
        }
        created = self.ec2.create_security_group(**{key: value for key, value in request.items() if value})
        resource_id = str(created["GroupId"])
        try:
            # The real provider also removes the rule that EC2 adds.
            self._set_rules(resource_id, {"ingress", "egress"}, inputs)
        except ClientError as error:
            raise PartlyCreatedError(resource_id, error, "ingress", "egress") from error
        return resource_id

    def read(self, resource_id: str) -> State | None:
        for group in self.describe("describe_security_groups", "SecurityGroups", GroupIds=[resource_id]):
            return {
                "arn": group["SecurityGroupArn"],
                "description": group["Description"],
                "egress": [_rule(permission) for permission in group["IpPermissionsEgress"]],
                "ingress": [_rule(permission) for permission in group["IpPermissions"]],
                "name": group["GroupName"],
                "ownerId": group["OwnerId"],
                "tagsAll": tag_map(group),
                "vpcId": group["VpcId"],
            }
        return None

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        self._set_rules(resource_id, changed, new)
        if "tagsAll" in changed:
            self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: State) -> None:
        self.ec2.delete_security_group(GroupId=resource_id)

    def _set_rules(self, resource_id: str, changed: set[str], inputs: State) -> None:
        (group,) = self.ec2.describe_security_groups(GroupIds=[resource_id])["SecurityGroups"]
        for direction, key in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
            if direction not in changed:
                continue
            target = {"GroupId": resource_id}
            if group[key]:
                getattr(self.ec2, f"revoke_security_group_{direction}")(**target, IpPermissions=group[key])
            if rules := [_permission(rule) for rule in inputs.get(direction) or []]:
                getattr(self.ec2, f"authorize_security_group_{direction}")(**target, IpPermissions=rules)


class LaunchTemplate(Ec2Type):
    """aws.ec2.LaunchTemplate. A change creates a new version."""

    type_name = "aws:ec2/launchTemplate:LaunchTemplate"
    title = "EC2 Launch Template"
    not_found_code = "InvalidLaunchTemplateId.NotFound"
    name_limit = 128
    computed = ("arn", "latestVersion", "tagsAll")
    version_properties: ClassVar = {
        "blockDeviceMappings": Property(default=[]),
        "iamInstanceProfile": Property(type="object"),
        "imageId": Property(),
        "instanceType": Property(),
        "metadataOptions": Property(type="object"),
        "vpcSecurityGroupIds": Property(default=[]),
    }
    """The properties that belong to a version and not to the template."""
    properties: ClassVar = {
        **version_properties,
        "name": Property(replaces=True),
        "tags": Property(default={}),
        "updateDefaultVersion": Property(default=False),
    }

    def create(self, inputs: State) -> str:
        created = self.ec2.create_launch_template(
            LaunchTemplateName=inputs["name"],
            LaunchTemplateData=self._template_data(inputs),
            TagSpecifications=self.tag_specifications("launch-template", inputs),
        )
        return str(created["LaunchTemplate"]["LaunchTemplateId"])

    def read(self, resource_id: str) -> State | None:
        templates = self.describe("describe_launch_templates", "LaunchTemplates", LaunchTemplateIds=[resource_id])
        for template in templates:
            versions = self.ec2.describe_launch_template_versions(LaunchTemplateId=resource_id, Versions=["$Latest"])
            data = _to_pulumi(versions["LaunchTemplateVersions"][0]["LaunchTemplateData"])
            return {
                **{key: data.get(key) for key in self.version_properties},
                "arn": f"arn:aws:ec2:{self.ec2.meta.region_name}:{self._account()}:launch-template/{resource_id}",
                "latestVersion": template["LatestVersionNumber"],
                "name": template["LaunchTemplateName"],
                "tagsAll": tag_map(template) | self._later_tags(resource_id),
            }
        return None

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        if changed & self.version_properties.keys():
            version = self.ec2.create_launch_template_version(
                LaunchTemplateId=resource_id, LaunchTemplateData=self._template_data(new)
            )["LaunchTemplateVersion"]["VersionNumber"]
            if new.get("updateDefaultVersion"):
                self.ec2.modify_launch_template(LaunchTemplateId=resource_id, DefaultVersion=str(version))
        if "tagsAll" in changed:
            self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: State) -> None:
        self.ec2.delete_launch_template(LaunchTemplateId=resource_id)

    def _later_tags(self, resource_id: str) -> dict[str, str]:
        """The tags that were added after the creation. moto does not return them with the template."""
        return tag_map(self.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [resource_id]}]))

    def _account(self) -> str:
        return str(self.client("sts").get_caller_identity()["Account"])

    def _template_data(self, inputs: State) -> State:
        return _to_launch_data({key: inputs[key] for key in self.version_properties if inputs.get(key)})


class Instance(Ec2Type):
    """aws.ec2.Instance, launched from a template."""

    type_name = "aws:ec2/instance:Instance"
    title = "EC2 Instance"
    not_found_code = "InvalidInstanceID.NotFound"
    computed = ("arn", "iamInstanceProfile", "instanceState", "privateIp", "tagsAll")
    properties: ClassVar = {
        "launchTemplate": Property(required=True, replaces=True, type="object"),
        "subnetId": Property(replaces=True, chosen_by_aws=True),
        "tags": Property(default={}),
    }

    def create(self, inputs: State) -> str:
        template_input = inputs["launchTemplate"]
        template = {"LaunchTemplateId": template_input["id"], "Version": str(template_input.get("version", "$Default"))}
        versions = self.ec2.describe_launch_template_versions(
            LaunchTemplateId=template["LaunchTemplateId"], Versions=[template["Version"]]
        )
        data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        request = {
            "LaunchTemplate": template,
            # Unlike EC2, moto does not read these from the template.
            "IamInstanceProfile": data.get("IamInstanceProfile"),
            "MetadataOptions": data.get("MetadataOptions"),
            "SecurityGroupIds": data.get("SecurityGroupIds"),
            "SubnetId": inputs.get("subnetId"),
            "TagSpecifications": self.tag_specifications("instance", inputs),
        }
        launched = self._run({key: value for key, value in request.items() if value})
        return str(launched["Instances"][0]["InstanceId"])

    def read(self, resource_id: str) -> State | None:
        for reservation in self.describe("describe_instances", "Reservations", InstanceIds=[resource_id]):
            (instance,) = reservation["Instances"]
            if instance["State"]["Name"] == "terminated":
                return None
            profile = instance.get("IamInstanceProfile", {}).get("Arn", "")
            return {
                "arn": f"arn:aws:ec2:{self.ec2.meta.region_name}:{reservation['OwnerId']}:instance/{resource_id}",
                "iamInstanceProfile": profile.rsplit("/", 1)[-1],
                "instanceState": instance["State"]["Name"],
                "privateIp": instance["PrivateIpAddress"],
                "subnetId": instance["SubnetId"],
                "tagsAll": {key: value for key, value in tag_map(instance).items() if not key.startswith("aws:")},
            }
        return None

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        if "tagsAll" in changed:
            self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: State) -> None:
        self.ec2.terminate_instances(InstanceIds=[resource_id])

    def _run(self, request: State) -> Any:
        """Launch the instance. Like the real provider, retry while EC2 does not see the instance profile yet."""
        deadline = time.monotonic() + _PROFILE_TIMEOUT
        while True:
            try:
                return self.ec2.run_instances(MinCount=1, MaxCount=1, **request)
            except ClientError as error:
                if "Invalid IAM Instance Profile" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(1)


TYPES: tuple[type[Ec2Type], ...] = (SecurityGroup, LaunchTemplate, Instance)


def _rule(permission: Mapping[str, Any]) -> State:
    ranges = permission["IpRanges"]
    description = next((each["Description"] for each in ranges if each.get("Description")), None)
    rule = {
        "protocol": permission["IpProtocol"],
        "fromPort": permission.get("FromPort", 0),
        "toPort": permission.get("ToPort", 0),
        "cidrBlocks": [each["CidrIp"] for each in ranges],
        "prefixListIds": [each["PrefixListId"] for each in permission.get("PrefixListIds", [])],
        "description": description,
    }
    return {key: value for key, value in rule.items() if value not in (None, [])}


def _permission(rule: State) -> State:
    described = {"Description": rule["description"]} if rule.get("description") else {}
    return {
        "IpProtocol": rule["protocol"],
        "FromPort": int(rule["fromPort"]),
        "ToPort": int(rule["toPort"]),
        "IpRanges": [{"CidrIp": block, **described} for block in rule.get("cidrBlocks") or []],
        "PrefixListIds": [{"PrefixListId": each, **described} for each in rule.get("prefixListIds") or []],
    }


_LAUNCH_NAMES = {"vpcSecurityGroupIds": "SecurityGroupIds"}


def _to_launch_data(value: Any) -> Any:
    """Properties in the form of EC2's requests. Those of a launch template have strings that are true or false."""
    if isinstance(value, dict):
        return {key: _to_launch_data(entry) for key, entry in to_aws(value, _LAUNCH_NAMES).items()}
    if isinstance(value, list):
        return [_to_launch_data(entry) for entry in value]
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _to_pulumi(value: Any) -> Any:
    """Launch template data in the form of Pulumi's properties."""
    if isinstance(value, dict):
        names = {theirs: ours for ours, theirs in _LAUNCH_NAMES.items()}
        return {names.get(key, key[0].lower() + key[1:]): _to_pulumi(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_to_pulumi(entry) for entry in value]
    return str(value).lower() if isinstance(value, bool) else value
