"""Launches an instance with the profile that a stack of ssm-profile has made, reachable by Session Manager alone."""

import pulumi
import pulumi_aws as aws

from ssm_profile import SsmInstanceProfileReference

config = pulumi.Config()
profile = SsmInstanceProfileReference(config.require("profileStack"))
name = f"launch-{pulumi.get_stack()}"
tags = {"Name": name}

# Amazon Linux comes with the SSM agent. The ID is no secret, though Pulumi takes a parameter's plain `value` for one.
AMAZON_LINUX = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
image = config.get("imageId") or aws.ssm.get_parameter_output(name=AMAZON_LINUX).insecure_value

# No way in: the agent calls out, and sessions come back on the connection that it keeps open.
group = aws.ec2.SecurityGroup(
    name,
    description="Nothing in, HTTPS out",
    vpc_id=config.get("vpcId") or None,
    egress=[{"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["0.0.0.0/0"]}],
    tags=tags,
)

template = aws.ec2.LaunchTemplate(
    name,
    image_id=image,
    instance_type=config.get("instanceType") or "t3.micro",
    iam_instance_profile={"arn": profile.instance_profile_arn},
    metadata_options={"http_tokens": "required", "http_endpoint": "enabled"},
    vpc_security_group_ids=[group.id],
    # A newer image makes a new version of the template when you take this out, and not whenever AWS releases one.
    opts=pulumi.ResourceOptions(ignore_changes=["imageId"]),
    tags=tags,
)

# Where EC2 does not see a new profile yet, the provider tries again, for two minutes.
instance = aws.ec2.Instance(
    name,
    launch_template={"id": template.id, "version": template.latest_version.apply(str)},
    subnet_id=config.get("subnetId") or None,
    tags=tags,
)

pulumi.export("instanceId", instance.id)
pulumi.export("startSession", pulumi.Output.format("aws ssm start-session --target {0}", instance.id))
