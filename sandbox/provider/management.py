"""The resource types of pulumi-aws for log groups, SSM documents, Auto Scaling groups and CloudFormation stack sets."""

from typing import Any, ClassVar

from .resource import Property, ResourceType, State, tag_list, tag_map, to_aws

_NAME = Property(replaces=True)
_TAGS = Property(default={})


class LogGroup(ResourceType):
    """aws.cloudwatch.LogGroup."""

    type_name = "aws:cloudwatch/logGroup:LogGroup"
    title = "CloudWatch Log Group"
    name_limit = 512
    computed = ("arn", "tagsAll")
    properties: ClassVar = {
        "kmsKeyId": Property(default=""),
        "name": _NAME,
        "retentionInDays": Property(default=0),
        "tags": _TAGS,
    }

    @property
    def logs(self) -> Any:
        return self.client("logs")

    def create(self, inputs: State) -> str:
        key = {"kmsKeyId": inputs["kmsKeyId"]} if inputs.get("kmsKeyId") else {}
        self.logs.create_log_group(logGroupName=inputs["name"], tags=inputs["tagsAll"], **key)
        self._set_retention(inputs)
        return str(inputs["name"])

    def read(self, resource_id: str) -> State | None:
        for group in self.logs.describe_log_groups(logGroupNamePrefix=resource_id)["logGroups"]:
            if group["logGroupName"] == resource_id:
                return {
                    "arn": group["arn"].removesuffix(":*"),
                    "kmsKeyId": group.get("kmsKeyId", ""),
                    "name": resource_id,
                    "retentionInDays": group.get("retentionInDays", 0),
                    "tagsAll": self.logs.list_tags_log_group(logGroupName=resource_id)["tags"],
                }
        return None

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        if changed != {"retentionInDays"}:
            super().update(resource_id, changed, old, new)
        self._set_retention(new)

    def delete(self, resource_id: str, state: State) -> None:
        self.logs.delete_log_group(logGroupName=resource_id)

    def _set_retention(self, inputs: State) -> None:
        if days := int(inputs.get("retentionInDays") or 0):
            self.logs.put_retention_policy(logGroupName=inputs["name"], retentionInDays=days)
        else:
            self.logs.delete_retention_policy(logGroupName=inputs["name"])


class Document(ResourceType):
    """aws.ssm.Document."""

    type_name = "aws:ssm/document:Document"
    title = "SSM Document"
    name_limit = 128
    computed = ("arn", "defaultVersion", "tagsAll")
    properties: ClassVar = {
        "content": Property(required=True, document=True),
        "documentFormat": Property(default="JSON"),
        "documentType": Property(required=True),
        "name": _NAME,
        "tags": _TAGS,
    }

    @property
    def ssm(self) -> Any:
        return self.client("ssm")

    def create(self, inputs: State) -> str:
        self.ssm.create_document(**to_aws(self.given(inputs)), Tags=tag_list(inputs["tagsAll"]))
        return str(inputs["name"])

    def read(self, resource_id: str) -> State | None:
        try:
            document = self.ssm.describe_document(Name=resource_id)["Document"]
        except self.ssm.exceptions.InvalidDocument:
            return None
        tags = self.ssm.list_tags_for_resource(ResourceType="Document", ResourceId=resource_id)["TagList"]
        account = self.client("sts").get_caller_identity()["Account"]
        return {
            "arn": f"arn:aws:ssm:{self.ssm.meta.region_name}:{account}:document/{resource_id}",
            "content": self.ssm.get_document(Name=resource_id)["Content"],
            "defaultVersion": document["DefaultVersion"],
            "documentFormat": document["DocumentFormat"],
            "documentType": document["DocumentType"],
            "name": resource_id,
            "tagsAll": tag_map({"Tags": tags}),
        }

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        if changed != {"content"}:
            super().update(resource_id, changed, old, new)
        updated = self.ssm.update_document(Name=resource_id, Content=new["content"], DocumentVersion="$LATEST")
        version = updated["DocumentDescription"]["DocumentVersion"]
        self.ssm.update_document_default_version(Name=resource_id, DocumentVersion=version)

    def delete(self, resource_id: str, state: State) -> None:
        self.ssm.delete_document(Name=resource_id)


class AutoScalingGroup(ResourceType):
    """aws.autoscaling.Group. moto has no instance refresh: a change reaches only instances that are launched later."""

    type_name = "aws:autoscaling/group:Group"
    title = "Auto Scaling Group"
    name_limit = 255
    computed = ("arn",)
    properties: ClassVar = {
        "desiredCapacity": Property(chosen_by_aws=True, type="integer"),
        "instanceRefresh": Property(type="object"),
        "launchTemplate": Property(required=True, type="object"),
        "maxSize": Property(required=True, type="integer"),
        "minSize": Property(required=True, type="integer"),
        "name": _NAME,
        "vpcZoneIdentifiers": Property(default=[]),
    }

    @property
    def autoscaling(self) -> Any:
        return self.client("autoscaling")

    def create(self, inputs: State) -> str:
        self.autoscaling.create_auto_scaling_group(**self._request(inputs))
        return str(inputs["name"])

    def read(self, resource_id: str) -> State | None:
        found = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[resource_id])
        for group in found["AutoScalingGroups"]:
            return {
                "arn": group["AutoScalingGroupARN"],
                "desiredCapacity": group["DesiredCapacity"],
                "maxSize": group["MaxSize"],
                "minSize": group["MinSize"],
                "name": resource_id,
            }
        return None

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        self.autoscaling.update_auto_scaling_group(**self._request(new))

    def delete(self, resource_id: str, state: State) -> None:
        self.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=resource_id, ForceDelete=True)

    def _request(self, inputs: State) -> State:
        given = self.given(inputs, "instanceRefresh", "launchTemplate", "name", "vpcZoneIdentifiers")
        template = inputs["launchTemplate"]
        return {
            **to_aws(given),
            "AutoScalingGroupName": inputs["name"],
            "LaunchTemplate": {"LaunchTemplateId": template["id"], "Version": template.get("version", "$Default")},
            "VPCZoneIdentifier": ",".join(inputs.get("vpcZoneIdentifiers") or []),
        }


class CloudFormationType(ResourceType):
    """A resource type of CloudFormation."""

    @property
    def cloudformation(self) -> Any:
        return self.client("cloudformation")


class StackSet(CloudFormationType):
    """aws.cloudformation.StackSet."""

    type_name = "aws:cloudformation/stackSet:StackSet"
    title = "CloudFormation StackSet"
    name_limit = 128
    computed = ("arn", "stackSetId", "tagsAll")
    properties: ClassVar = {
        "autoDeployment": Property(replaces=True, type="object"),
        "callAs": Property(default="SELF"),
        "capabilities": Property(default=[]),
        "description": Property(default=""),
        "managedExecution": Property(type="object"),
        "name": _NAME,
        "operationPreferences": Property(type="object"),
        "permissionModel": Property(default="SELF_MANAGED"),
        "tags": _TAGS,
        "templateBody": Property(required=True, document=True),
    }

    def create(self, inputs: State) -> str:
        request = to_aws(self.given(inputs, "name", "operationPreferences"))
        self.cloudformation.create_stack_set(StackSetName=inputs["name"], **request, Tags=tag_list(inputs["tagsAll"]))
        return str(inputs["name"])

    def read(self, resource_id: str) -> State | None:
        try:
            stack_set = self.cloudformation.describe_stack_set(StackSetName=resource_id)["StackSet"]
        except self.cloudformation.exceptions.StackSetNotFoundException:
            return None
        return {
            "arn": stack_set["StackSetARN"],
            "name": resource_id,
            "stackSetId": stack_set["StackSetId"],
            "tagsAll": tag_map(stack_set),
            "templateBody": stack_set["TemplateBody"],
        }

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        request = to_aws(self.given(new, "name"))
        self.cloudformation.update_stack_set(StackSetName=resource_id, **request, Tags=tag_list(new["tagsAll"]))

    def delete(self, resource_id: str, state: State) -> None:
        self.cloudformation.delete_stack_set(StackSetName=resource_id)


class StackInstances(CloudFormationType):
    """aws.cloudformation.StackInstances, for organizational units. Its ID is ``stack set,SELF,OU``."""

    type_name = "aws:cloudformation/stackInstances:StackInstances"
    title = "CloudFormation Stack Instances"
    computed = ("stackSetId",)
    properties: ClassVar = {
        "callAs": Property(default="SELF"),
        "deploymentTargets": Property(required=True, type="object"),
        "operationPreferences": Property(type="object"),
        "regions": Property(required=True, type="array"),
        "stackSetName": Property(required=True, replaces=True),
    }

    def create(self, inputs: State) -> str:
        self.cloudformation.create_stack_instances(**to_aws(self.given(inputs)))
        return f"{inputs['stackSetName']},{inputs.get('callAs') or 'SELF'},OU"

    def read(self, resource_id: str) -> State | None:
        instances = self._instances(resource_id)
        return {"stackSetId": instances[0]["StackSetId"]} if instances else None

    def delete(self, resource_id: str, state: State) -> None:
        instances = self._instances(resource_id)
        self.cloudformation.delete_stack_instances(
            StackSetName=resource_id.partition(",")[0],
            Accounts=[each["Account"] for each in instances],  # moto does not read DeploymentTargets here
            Regions=[each["Region"] for each in instances],
            RetainStacks=False,
        )

    def _instances(self, resource_id: str) -> list[State]:
        stack_set = resource_id.partition(",")[0]
        return self.cloudformation.list_stack_instances(StackSetName=stack_set)["Summaries"]


TYPES: tuple[type[ResourceType], ...] = (LogGroup, Document, AutoScalingGroup, StackSet, StackInstances)
