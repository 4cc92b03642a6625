"""EC2's resource types that a launch needs, with the behaviour of pulumi-aws."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from .resource import PartlyCreatedError, Property, ResourceType, State, tag_list, tag_map

_PROPAGATION = 120
"""How many seconds to wait until EC2 sees an instance profile, as in the real provider."""


class Ec2Type(ResourceType):
    """A type of resource in EC2."""

    missing: ClassVar[str]
    """The error code of EC2 if the resource does not exist."""

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    def describe(self, operation: str, key: str, **request: Any) -> list[Any]:
        """Return the results of a Describe operation, or an empty list if the resource does not exist."""
        try:
            results: list[Any] = getattr(self.ec2, operation)(**request)[key]
        except ClientError as error:
            if error.response["Error"]["Code"] == self.missing:
                return []
            raise
        return results

    def update_tags(self, resource_id: str, old: State, new: State) -> None:
        """Change a resource's tags from those of the old state to those of the new one."""
        removed = [{"Key": key} for key in old.get("tagsAll") or {} if key not in new["tagsAll"]]
        if removed:
            self.ec2.delete_tags(Resources=[resource_id], Tags=removed)
        if new["tagsAll"]:
            self.ec2.create_tags(Resources=[resource_id], Tags=tag_list(new["tagsAll"]))

    def tag_specifications(self, kind: str, inputs: State) -> Any:
        """Return the tags in the form that Create operations accept."""
        return [{"ResourceType": kind, "Tags": tag_list(inputs["tagsAll"])}] if inputs["tagsAll"] else []


class SecurityGroup(Ec2Type):
    """aws.ec2.SecurityGroup."""

    type_name = "aws:ec2/securityGroup:SecurityGroup"
    title = "EC2 Security Group"
    missing = "InvalidGroup.NotFound"
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
            # The real provider also removes the egress rule that EC2 adds.
            self._set_rules(resource_id, {"ingress", "egress"}, inputs)
        except ClientError as error:
            raise PartlyCreatedError(resource_id, error, "ingress", "egress") from error
        return resource_id

    def read(self, resource_id: str) -> State | None:
        for group in self.describe("describe_security_groups", "SecurityGroups", GroupIds=[resource_id]):
            return {
                "arn": group["SecurityGroupArn"],
                "description": group["Description"],
                "egress": [_rule(each) for each in group["IpPermissionsEgress"]],
                "ingress": [_rule(each) for each in group["IpPermissions"]],
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
            group_id = {"GroupId": resource_id}
            if group[key]:
                getattr(self.ec2, f"revoke_security_group_{direction}")(**group_id, IpPermissions=group[key])
            if rules := [_permission(rule) for rule in inputs.get(direction) or []]:
                getattr(self.ec2, f"authorize_security_group_{direction}")(**group_id, IpPermissions=rules)


class LaunchTemplate(Ec2Type):
    """aws.ec2.LaunchTemplate. A change creates a new version."""

    type_name = "aws:ec2/launchTemplate:LaunchTemplate"
    title = "EC2 Launch Template"
    missing = "InvalidLaunchTemplateId.NotFound"
    name_limit = 128
    computed = ("arn", "latestVersion", "tagsAll")
    data: ClassVar = {
        "iamInstanceProfile": Property(),
        "imageId": Property(),
        "instanceType": Property(),
        "metadataOptions": Property(),
        "vpcSecurityGroupIds": Property(default=[]),
    }
    """The properties of a version."""
    properties: ClassVar = {
        **data,
        "name": Property(replaces=True),
        "tags": Property(default={}),
        "updateDefaultVersion": Property(default=False),
    }

    def create(self, inputs: State) -> str:
        created = self.ec2.create_launch_template(
            LaunchTemplateName=inputs["name"],
            LaunchTemplateData=self._data(inputs),
            TagSpecifications=self.tag_specifications("launch-template", inputs),
        )
        return str(created["LaunchTemplate"]["LaunchTemplateId"])

    def read(self, resource_id: str) -> State | None:
        ids = {"LaunchTemplateIds": [resource_id]}
        for template in self.describe("describe_launch_templates", "LaunchTemplates", **ids):
            versions = self.ec2.describe_launch_template_versions(LaunchTemplateId=resource_id, Versions=["$Latest"])
            data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
            return {
                **{key: _pulumi_names(data.get(_capitalized(key))) for key in self.data},
                "arn": f"arn:aws:ec2:{self.ec2.meta.region_name}:{self._account()}:launch-template/{resource_id}",
                "latestVersion": template["LatestVersionNumber"],
                "name": template["LaunchTemplateName"],
                "tagsAll": tag_map(template) | self._added_tags(resource_id),
            }
        return None

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        if changed & self.data.keys():
            version = self.ec2.create_launch_template_version(
                LaunchTemplateId=resource_id, LaunchTemplateData=self._data(new)
            )["LaunchTemplateVersion"]["VersionNumber"]
            if new.get("updateDefaultVersion"):
                self.ec2.modify_launch_template(LaunchTemplateId=resource_id, DefaultVersion=str(version))
        if "tagsAll" in changed:
            self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: State) -> None:
        self.ec2.delete_launch_template(LaunchTemplateId=resource_id)

    def _added_tags(self, resource_id: str) -> dict[str, str]:
        """Tags that were added after the creation, which moto does not return with the template."""
        return tag_map(self.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [resource_id]}]))

    def _account(self) -> str:
        return str(self.client("sts").get_caller_identity()["Account"])

    def _data(self, inputs: State) -> State:
        return {_capitalized(key): _aws_names(inputs[key]) for key in self.data if inputs.get(key)}


class Instance(Ec2Type):
    """aws.ec2.Instance, launched from a template."""

    type_name = "aws:ec2/instance:Instance"
    title = "EC2 Instance"
    missing = "InvalidInstanceID.NotFound"
    computed = ("arn", "iamInstanceProfile", "instanceState", "privateIp", "tagsAll")
    properties: ClassVar = {
        "launchTemplate": Property(required=True, replaces=True),
        "subnetId": Property(replaces=True, chosen_by_aws=True),
        "tags": Property(default={}),
    }

    def create(self, inputs: State) -> str:
        reference = inputs["launchTemplate"]
        template = {"LaunchTemplateId": reference["id"], "Version": str(reference.get("version", "$Default"))}
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
        response = self._run({key: value for key, value in request.items() if value})
        return str(response["Instances"][0]["InstanceId"])

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
        """Launch an instance, and retry while EC2 does not see the instance profile, as the real provider does."""
        deadline = time.monotonic() + _PROPAGATION
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
    }
    return rule | ({"description": description} if description else {})


def _permission(rule: State) -> State:
    description = {"Description": rule["description"]} if rule.get("description") else {}
    return {
        "IpProtocol": rule["protocol"],
        "FromPort": int(rule["fromPort"]),
        "ToPort": int(rule["toPort"]),
        "IpRanges": [{"CidrIp": block, **description} for block in rule.get("cidrBlocks") or []],
    }


def _capitalized(key: str) -> str:
    return "SecurityGroupIds" if key == "vpcSecurityGroupIds" else key[0].upper() + key[1:]


def _aws_names(value: Any) -> Any:
    """Convert the keys in a value to EC2's names."""
    if isinstance(value, dict):
        return {_capitalized(key): _aws_names(entry) for key, entry in value.items()}
    return int(value) if isinstance(value, float) else value


def _pulumi_names(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: _pulumi_names(entry) for key, entry in value.items()}
    return value
