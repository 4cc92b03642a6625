"""An instance in a subnet without internet access. It reaches Systems Manager only through VPC endpoints."""

import json

import pulumi
import pulumi_aws as aws

from ssm_profile import SsmInstanceProfile, SsmInstanceProfileArgs, policy

# Each option that you add here adds its VPC endpoints below. `ssm-profile explain` names them and says why.
OPTIONS: SsmInstanceProfileArgs = {
    "ec2_describe": False,
    "scope_heartbeat": True,
    "require_imdsv2": True,
    "vpc_endpoints_only": True,
    "patching": True,
}
NETWORK = "10.0.0.0/24"
AMAZON_LINUX = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"

config = pulumi.Config()
region = aws.get_region_output().region
image = config.get("imageId") or aws.ssm.get_parameter_output(name=AMAZON_LINUX).insecure_value

# A new VPC has no internet gateway, and its main route table has only the local route.
vpc = aws.ec2.Vpc(
    "private",
    cidr_block=NETWORK,
    enable_dns_support=True,
    enable_dns_hostnames=True,  # private DNS of the endpoints needs both
    tags={"Name": "private"},
)
subnet = aws.ec2.Subnet("private", vpc_id=vpc.id, cidr_block=NETWORK, tags={"Name": "private"})
endpoint_group = aws.ec2.SecurityGroup(
    "endpoints",
    description="HTTPS from the subnet",
    vpc_id=vpc.id,
    ingress=[{"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": [NETWORK]}],
)

endpoints: list[aws.ec2.VpcEndpoint] = []
prefix_lists: list[pulumi.Output[str]] = []
for needed in policy.vpc_endpoints(OPTIONS):
    service_name = region.apply(needed.name)
    if needed.is_gateway:
        endpoint = aws.ec2.VpcEndpoint(
            needed.service,
            vpc_id=vpc.id,
            vpc_endpoint_type="Gateway",
            service_name=service_name,
            route_table_ids=[vpc.main_route_table_id],
            # AWS's buckets with patches and packages are read without a signature. Nothing can be written.
            policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"},
                    ],
                }
            ),
        )
        prefix_lists.append(endpoint.prefix_list_id)
    else:
        endpoint = aws.ec2.VpcEndpoint(
            needed.service,
            vpc_id=vpc.id,
            vpc_endpoint_type="Interface",
            service_name=service_name,
            subnet_ids=[subnet.id],
            security_group_ids=[endpoint_group.id],
            private_dns_enabled=True,
        )
    endpoints.append(endpoint)

instance_group = aws.ec2.SecurityGroup(
    "instance",
    description="No inbound traffic, HTTPS to the VPC endpoints",
    vpc_id=vpc.id,
    egress=[
        {
            "protocol": "tcp",
            "from_port": 443,
            "to_port": 443,
            "cidr_blocks": [NETWORK],
            "prefix_list_ids": prefix_lists,
        }
    ],
)
profile = SsmInstanceProfile("private", OPTIONS)
template = aws.ec2.LaunchTemplate(
    "private",
    image_id=image,
    instance_type="t3.micro",
    iam_instance_profile={"arn": profile.instance_profile_arn},
    metadata_options={"http_tokens": "required", "http_endpoint": "enabled"},
    block_device_mappings=[{"device_name": "/dev/xvda", "ebs": {"encrypted": "true", "volume_size": 8}}],
    vpc_security_group_ids=[instance_group.id],
    # Without this, each new image of AWS would replace the instance.
    opts=pulumi.ResourceOptions(ignore_changes=["imageId"]),
)
instance = aws.ec2.Instance(
    "private",
    launch_template={"id": template.id, "version": template.latest_version.apply(str)},
    subnet_id=subnet.id,
    tags={"Name": "private"},
    opts=pulumi.ResourceOptions(depends_on=endpoints),
)

pulumi.export("instanceId", instance.id)
pulumi.export("startSession", pulumi.Output.format("aws ssm start-session --target {0}", instance.id))
