"""The default's resources as a program would have them without this project."""

import json

import pulumi
import pulumi_aws as aws

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
POLICY = {
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
    """A bare component around the three resources."""

    def __init__(self, name: str) -> None:
        super().__init__("by-hand:index:ByHand", name)
        resources(name, self)
        self.register_outputs({})


def resources(name: str, parent: pulumi.Resource | None = None) -> None:
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
    aws.iam.InstanceProfile(f"{name}-profile", role=role.name, opts=waits)
