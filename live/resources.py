"""What a run creates beside the stacks: each function creates one thing, with the tag, and returns how it is named."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ssm_profile import policy
from ssm_profile.policy import Document

from .account import TAG, Account
from .plan import DISK_GIB, IAM_PATH, LOG_PREFIX, Names

AMAZON_LINUX = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
"""The public parameter with the newest image of Amazon Linux 2023, which contains the agent and the AWS CLI."""
PARAMETER_VALUE = "value-of-the-live-proof"
PLAIN_INPUTS: Mapping[str, Any] = {
    "s3BucketName": "",
    "s3KeyPrefix": "",
    "s3EncryptionEnabled": True,
    "cloudWatchLogGroupName": "",
    "cloudWatchEncryptionEnabled": False,
    "cloudWatchStreamingEnabled": False,
    "kmsKeyId": "",
    "runAsEnabled": False,
    "runAsDefaultUser": "",
}
"""The inputs of a session without logs and without a key. AWS requires all that are true or false.

Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-schema.html
"""
SPARE_MINUTES = 30
"""How long after the time box an instance terminates itself."""


@dataclass(frozen=True)
class Support:
    """What the stacks and the instances of a run use."""

    names: Names
    keys: Mapping[str, str]
    """The ARNs of the KMS keys, by :data:`~live.plan.KEYS`."""


def create_support(account: Account, names: Names, keys: Mapping[str, str]) -> Support:
    """Create the buckets, parameters, the log group and the session documents.

    Args:
        account: The account.
        names: The names of the run.
        keys: The ARNs of the KMS keys, by :data:`~live.plan.KEYS`.
    """
    _create_bucket(account, names, names.bucket, "BucketOwnerEnforced")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": keys["data"]}}
    account.client("s3").put_bucket_encryption(Bucket=names.bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    _create_bucket(account, names, names.acl_bucket, "BucketOwnerPreferred")
    account.client("logs").create_log_group(logGroupName=names.log_group, tags=dict([_tag(names)]))
    for name, kind in (
        (f"{names.parameters}/plain", "String"),
        (f"{names.parameters}/secret", "SecureString"),
        (names.outside, "String"),
    ):
        key = {"KeyId": keys["data"]} if kind == "SecureString" else {}
        account.client("ssm").put_parameter(Name=name, Value=PARAMETER_VALUE, Type=kind, Tags=_tags(names), **key)
    logged = {
        "kmsKeyId": keys["sessions"],
        "s3BucketName": names.bucket,
        "s3KeyPrefix": LOG_PREFIX,
        "cloudWatchLogGroupName": names.log_group,
    }
    for kind, inputs in (("plain", {}), ("logged", logged)):
        _create_session_document(account, names, kind, {**PLAIN_INPUTS, **inputs})
    return Support(names, keys)


def _tag(names: Names) -> tuple[str, str]:
    return TAG, names.run


def _tags(names: Names, **more: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in (_tag(names), *more.items())]


def create_key(account: Account, names: Names, name: str) -> str:
    """Create one of the KMS keys. Returns its ARN."""
    tags = [{"TagKey": TAG, "TagValue": names.run}]
    created = account.client("kms").create_key(Description=f"{names.base} {name}", Tags=tags)
    return str(created["KeyMetadata"]["Arn"])


def _create_bucket(account: Account, names: Names, name: str, ownership: str) -> None:
    s3, region = account.client("s3"), account.location["region"]
    where: dict[str, Any] = (
        {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    )
    s3.create_bucket(Bucket=name, ObjectOwnership=ownership, **where)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": _tags(names)})


def _create_session_document(account: Account, names: Names, kind: str, inputs: Mapping[str, Any]) -> None:
    """A session document, so that the preferences of the account, which may ask for logs, do not apply."""
    content = {
        "schemaVersion": "1.0",
        "description": f"Sessions of {names.base}",
        "sessionType": "Standard_Stream",
        "inputs": inputs,
    }
    account.client("ssm").create_document(
        Name=names.session_document(kind),
        Content=json.dumps(content),
        DocumentType="Session",
        DocumentFormat="JSON",
        Tags=_tags(names),
    )


def create_role(account: Account, names: Names, kind: str, trust: Document, permissions: Document) -> str:
    """Create a role with one inline policy, for a question that the component has no option for. Returns its ARN."""
    iam, name = account.client("iam"), f"{names.base}-{kind}"
    role = iam.create_role(
        RoleName=name, Path=IAM_PATH, AssumeRolePolicyDocument=policy.to_json(trust), Tags=_tags(names)
    )
    iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=policy.to_json(permissions))
    return str(role["Role"]["Arn"])


def create_instance_profile(account: Account, names: Names, kind: str) -> str:
    """Create an instance profile for a role of :func:`create_role`. Returns its ARN."""
    iam, name = account.client("iam"), f"{names.base}-{kind}"
    profile = iam.create_instance_profile(InstanceProfileName=name, Path=IAM_PATH, Tags=_tags(names))
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    return str(profile["InstanceProfile"]["Arn"])


def create_security_group(account: Account, names: Names, subnet: str | None) -> str:
    """Create a security group without inbound traffic and with outbound HTTPS. Returns its ID.

    Args:
        account: The account.
        names: The names of the run.
        subnet: The subnet of the instances. None for the default VPC.
    """
    ec2 = account.client("ec2")
    vpc = {"VpcId": ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]} if subnet else {}
    group = ec2.create_security_group(
        GroupName=names.base,
        Description="No inbound traffic, outbound HTTPS",
        TagSpecifications=[{"ResourceType": "security-group", "Tags": _tags(names)}],
        **vpc,
    )["GroupId"]
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[https])
    return str(group)


@dataclass(frozen=True)
class Placement:
    """Where instances are launched, and for how long."""

    group: str
    """The security group."""
    subnet: str | None
    """The subnet. None for a default one."""
    minutes: int
    """The time box. An instance terminates itself some time after it."""


def launch_instance(account: Account, names: Names, profile_arn: str, placement: Placement) -> str:
    """Launch an instance with the instance profile of an ARN. Returns its ID."""
    image = account.client("ssm").get_parameter(Name=AMAZON_LINUX)["Parameter"]["Value"]
    tags = _tags(names, Name=names.base)
    where = {"SubnetId": placement.subnet} if placement.subnet else {}
    disk = {"VolumeSize": DISK_GIB, "VolumeType": "gp3", "DeleteOnTermination": True}

    def launch() -> str | None:
        try:
            launched = account.client("ec2").run_instances(
                ImageId=image,
                InstanceType="t3.micro",
                MinCount=1,
                MaxCount=1,
                IamInstanceProfile={"Arn": profile_arn},
                SecurityGroupIds=[placement.group],
                MetadataOptions={"HttpTokens": "required"},
                InstanceInitiatedShutdownBehavior="terminate",
                UserData=f"#!/bin/sh\nshutdown -h +{placement.minutes + SPARE_MINUTES}\n",
                BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": disk}],
                TagSpecifications=[{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")],
                **where,
            )
        except ClientError as error:
            # EC2 sees a new instance profile only after some seconds.
            if "Invalid IAM Instance Profile" in str(error):
                return None
            raise
        return str(launched["Instances"][0]["InstanceId"])

    return account.wait_for("EC2 sees the new instance profile", launch, seconds=120, every=5)


def create_inventory_association(account: Account, names: Names, instance: str) -> str:
    """Create the association that collects inventory on one instance. Returns its ID."""
    association = account.client("ssm").create_association(
        Name="AWS-GatherSoftwareInventory",
        AssociationName=names.base,
        Targets=[{"Key": "InstanceIds", "Values": [instance]}],
        Tags=_tags(names),
    )
    return str(association["AssociationDescription"]["AssociationId"])


def assume(account: Account, role_arn: str, service: str) -> Any:
    """The client of a service with the credentials of a role that was just created.

    Raises:
        CheckError: If the role cannot be assumed.
    """

    def credentials() -> Mapping[str, str] | None:
        try:
            return account.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=TAG)["Credentials"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "AccessDenied":
                return None
            raise

    found = account.wait_for("the new role can be assumed", credentials, seconds=60, every=5)
    return account.client_with(service, found)
