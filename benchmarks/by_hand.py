"""The default's resources as a program would have them without this project."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenDataChannel",
                "ssmmessages:CreateControlChannel",
                "ssmmessages:OpenControlChannel",
                "ssm:UpdateInstanceInformation",
                "ec2:Describe*",
            ],
            "Resource": "*",
        }
    ],
}


class ByHand(pulumi.ComponentResource):
    """A component around the three resources, with the same outputs."""

    def __init__(self, name: str) -> None:
        super().__init__("by-hand:index:ByHand", name)
        role, policy, profile = resources(name, self)
        self.register_outputs(
            {
                "roleName": role.name,
                "roleArn": role.arn,
                "instanceProfileName": profile.name,
                "instanceProfileArn": profile.arn,
                "policyJson": policy.policy,
                "actions": sorted(POLICY["Statement"][0]["Action"]),
            }
        )


def resources(
    name: str, parent: pulumi.Resource | None = None
) -> tuple[aws.iam.Role, aws.iam.RolePolicy, aws.iam.InstanceProfile]:
    """A role, its policy and an instance profile that waits for it."""
    child = pulumi.ResourceOptions(parent=parent)
    role = aws.iam.Role(
        f"{name}-role",
        description="Lets AWS Systems Manager manage the EC2 instances that use it.",
        assume_role_policy=json.dumps(TRUST),
        opts=child,
    )
    policy = aws.iam.RolePolicy(f"{name}-policy", role=role.name, policy=json.dumps(POLICY), opts=child)
    waits = pulumi.ResourceOptions(parent=parent, depends_on=[policy])
    return role, policy, aws.iam.InstanceProfile(f"{name}-profile", role=role.name, opts=waits)
