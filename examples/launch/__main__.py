"""Launches an instance with the profile of an ssm-profile stack. Only Session Manager can connect to it."""

import pulumi
import pulumi_aws as aws

from ssm_profile import SsmInstanceProfileReference

config = pulumi.Config()
profile = SsmInstanceProfileReference(config.require("profileStack"))
name = f"launch-{pulumi.get_stack()}"
tags = {"Name": name}

# Amazon Linux contains the SSM agent. The image ID is not a secret, but Pulumi treats `value` of a parameter as one.
AMAZON_LINUX = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
image = config.get("imageId") or aws.ssm.get_parameter_output(name=AMAZON_LINUX).insecure_value

# No inbound rule is needed. The agent opens a connection to AWS, and sessions use this connection.
group = aws.ec2.SecurityGroup(
    name,
    description="No inbound traffic, outbound HTTPS",
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
    # Without this, each new image of AWS would create a new version of the template.
    opts=pulumi.ResourceOptions(ignore_changes=["imageId"]),
    tags=tags,
)

# EC2 sees a new profile only after some seconds. The provider retries for two minutes.
instance = aws.ec2.Instance(
    name,
    launch_template={"id": template.id, "version": template.latest_version.apply(str)},
    subnet_id=config.get("subnetId") or None,
    tags=tags,
)

pulumi.export("instanceId", instance.id)
pulumi.export("startSession", pulumi.Output.format("aws ssm start-session --target {0}", instance.id))
