"""Compare what the emulated AWS has with what a stack's options and outputs say."""

from collections.abc import Mapping
from typing import Any

from ssm_profile.policy import Options, policy_document

from .aws import EmulatedAws


def check_role(
    aws: EmulatedAws, outputs: Mapping[str, Any], options: Options, location: Mapping[str, str]
) -> dict[str, bool]:
    """Compare a deployed role and instance profile with the options.

    Args:
        aws: The emulated AWS.
        outputs: The outputs of the stack.
        options: The options of the component.
        location: The partition, region and account of the stack.

    Returns:
        Each check, as a sentence, with its result.
    """
    iam = aws.client("iam", region_name=location["region"])
    role, other_policies = outputs["roleName"], set(options.get("managed_policy_arns", []))
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    attached = {policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]}
    for arn in attached - other_policies:
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        documents.append(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])
    profile = iam.get_instance_profile(InstanceProfileName=outputs["instanceProfileName"])["InstanceProfile"]
    attachment = {"The role has the policies of managedPolicyArns.": other_policies <= attached}
    return {
        "The role has exactly the policy that the options ask for.": documents == [policy_document(options, location)],
        **(attachment if other_policies else {}),
        "The instance profile contains the role.": [member["RoleName"] for member in profile["Roles"]] == [role],
    }


def check_instance(
    aws: EmulatedAws, instance_id: str, outputs: Mapping[str, Any], location: Mapping[str, str]
) -> dict[str, bool]:
    """Compare a launched instance with the instance profile of a stack.

    Args:
        aws: The emulated AWS.
        instance_id: The instance.
        outputs: The outputs of the stack with the instance profile.
        location: The partition, region and account of the stacks.

    Returns:
        Each check, as a sentence, with its result.
    """
    ec2 = aws.client("ec2", region_name=location["region"])
    instance = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
    groups = ec2.describe_security_groups(GroupIds=[group["GroupId"] for group in instance["SecurityGroups"]])
    profile_arn = instance["IamInstanceProfile"]["Arn"]
    return {
        "The instance has the instance profile.": profile_arn == outputs["instanceProfileArn"],
        "The instance requires IMDSv2.": instance["MetadataOptions"]["HttpTokens"] == "required",
        "The instance has no key pair.": not instance.get("KeyName"),
        "The security group opens no port.": not any(group["IpPermissions"] for group in groups["SecurityGroups"]),
    }


def remaining_resources(aws: EmulatedAws, location: Mapping[str, str]) -> list[str]:
    """List what IAM and EC2 still have: roles, instance profiles, policies of the account, instances."""
    iam, ec2 = (aws.client(service, region_name=location["region"]) for service in ("iam", "ec2"))
    existing = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    reservations = ec2.describe_instances(Filters=existing)["Reservations"]
    return [
        *(role["RoleName"] for role in iam.list_roles()["Roles"]),
        *(policy["PolicyName"] for policy in iam.list_policies(Scope="Local")["Policies"]),
        *(profile["InstanceProfileName"] for profile in iam.list_instance_profiles()["InstanceProfiles"]),
        *(instance["InstanceId"] for reservation in reservations for instance in reservation["Instances"]),
    ]
