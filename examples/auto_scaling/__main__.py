"""An Auto Scaling group whose instances have the profile. A new launch template version starts an instance refresh."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from ssm_profile import SsmInstanceProfile

AMAZON_LINUX = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"


def default_subnets() -> pulumi.Output[Sequence[str]]:
    """The default subnets of the region, one for each Availability Zone."""
    return aws.ec2.get_subnets_output(filters=[{"name": "default-for-az", "values": ["true"]}]).ids


config = pulumi.Config()
image = config.get("imageId") or aws.ssm.get_parameter_output(name=AMAZON_LINUX).insecure_value
subnets = config.get_object("subnetIds") or default_subnets()

profile = SsmInstanceProfile("web", {"ec2_describe": False, "scope_heartbeat": True, "require_imdsv2": True})

# No inbound rule is needed. The agent opens a connection to AWS, and sessions use this connection.
group = aws.ec2.SecurityGroup(
    "web",
    description="No inbound traffic, outbound HTTPS",
    vpc_id=config.get("vpcId") or None,
    egress=[{"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["0.0.0.0/0"]}],
)

# The image is not ignored here: `pulumi up` brings the newest one to the instances, one after the other.
template = aws.ec2.LaunchTemplate(
    "web",
    image_id=image,
    instance_type="t3.micro",
    iam_instance_profile={"arn": profile.instance_profile_arn},
    metadata_options={"http_tokens": "required", "http_endpoint": "enabled"},
    block_device_mappings=[{"device_name": "/dev/xvda", "ebs": {"encrypted": "true", "volume_size": 8}}],
    vpc_security_group_ids=[group.id],
)

scaling_group = aws.autoscaling.Group(
    "web",
    min_size=2,
    max_size=4,
    vpc_zone_identifiers=subnets,
    # With "$Latest" as the version, the group would not change, and no refresh would start.
    launch_template={"id": template.id, "version": template.latest_version.apply(str)},
    instance_refresh={
        "strategy": "Rolling",
        "preferences": {"min_healthy_percentage": 50, "auto_rollback": True},
    },
)

pulumi.export("autoScalingGroup", scaling_group.name)
pulumi.export("instanceProfileName", profile.instance_profile_name)
