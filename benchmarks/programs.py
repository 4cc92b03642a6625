"""The Pulumi programs that are compared: this component, and the same resources written by hand."""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws

from ssm_profile import SsmInstanceProfile

from .results import Way

DESCRIPTION = "Lets AWS Systems Manager manage the EC2 instances that use it."
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ACTIONS = [
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenDataChannel",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:OpenControlChannel",
    "ssm:UpdateInstanceInformation",
    "ec2:Describe*",
]
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ACTIONS, "Resource": "*"}]}


class WrittenComponent(pulumi.ComponentResource):
    """A component around the three resources, with the same outputs as this project's."""

    def __init__(self, name: str) -> None:
        super().__init__("benchmark:index:WrittenComponent", name)
        role, policy, profile = written_resources(name, self)
        self.register_outputs(
            {
                "roleName": role.name,
                "roleArn": role.arn,
                "instanceProfileName": profile.name,
                "instanceProfileArn": profile.arn,
                "policyJson": policy.policy,
                "actions": sorted(ACTIONS),
            }
        )


def written_resources(
    name: str, parent: pulumi.Resource | None = None
) -> tuple[aws.iam.Role, aws.iam.RolePolicy, aws.iam.InstanceProfile]:
    """Create a role, its policy, and an instance profile that depends on the policy."""
    child = pulumi.ResourceOptions(parent=parent)
    role = aws.iam.Role(f"{name}-role", description=DESCRIPTION, assume_role_policy=json.dumps(TRUST), opts=child)
    policy = aws.iam.RolePolicy(f"{name}-policy", role=role.name, policy=json.dumps(POLICY), opts=child)
    after_policy = pulumi.ResourceOptions(parent=parent, depends_on=[policy])
    return role, policy, aws.iam.InstanceProfile(f"{name}-profile", role=role.name, opts=after_policy)


PROGRAMS: dict[str, Callable[[str], Any]] = {
    Way.COMPONENT: SsmInstanceProfile,
    Way.WRITTEN_COMPONENT: WrittenComponent,
    Way.WRITTEN_RESOURCES: written_resources,
}
