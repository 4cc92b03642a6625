"""The same instance profile in every account of organizational units, by one service-managed stack set."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws

from ssm_profile import OptionsError, SsmInstanceProfileArgs
from ssm_profile.errors import Mistake
from ssm_profile.policy import GRANTING, policy_document, trust_policy
from ssm_profile.validation import find_mistakes

OPTIONS: SsmInstanceProfileArgs = {"ec2_describe": False, "scope_heartbeat": True, "require_imdsv2": True}
PERCENT_AT_ONCE = 10  # of the accounts. If more than this percentage fails, CloudFormation stops.
USABLE = {*GRANTING, "service_principals"} - {"patch_policy"}  # which adds a tag to the profile
PSEUDO_PARAMETERS = {"partition": "${AWS::Partition}", "region": "${AWS::Region}", "account": "${AWS::AccountId}"}


def substituted(value: Any) -> Any:
    """A value in which CloudFormation fills its pseudo parameters, and only those strings: IAM's variables stay."""
    if isinstance(value, dict):
        return {key: substituted(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [substituted(entry) for entry in value]
    if isinstance(value, str) and "${AWS::" in value:
        return {"Fn::Sub": value}
    return value


def template(options: SsmInstanceProfileArgs, role_name: str) -> dict[str, Any]:
    """The CloudFormation template with the role, its policy and the instance profile.

    Args:
        options: Options that grant or deny something, except ``managed_buckets`` and ``patch_policy``, and
            ``service_principals``.
        role_name: The name of the role and of the instance profile.

    Raises:
        OptionsError: If an option is wrong, or the template cannot have it.
    """
    unusable = [Mistake(name, "cannot be used in this stack set") for name in options if name not in USABLE]
    if mistakes := find_mistakes(options) or unusable:
        raise OptionsError(mistakes)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "An instance profile for AWS Systems Manager",
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": role_name,
                    "Description": "Systems Manager on EC2 instances",
                    "AssumeRolePolicyDocument": trust_policy(options),
                    "Policies": [
                        {
                            "PolicyName": role_name,
                            "PolicyDocument": substituted(policy_document(options, PSEUDO_PARAMETERS)),
                        }
                    ],
                },
            },
            # It refers to the role, so that the role has its policy before an instance can be launched.
            "InstanceProfile": {
                "Type": "AWS::IAM::InstanceProfile",
                "Properties": {"InstanceProfileName": role_name, "Roles": [{"Ref": "Role"}]},
            },
        },
    }


config = pulumi.Config()
stack_set = aws.cloudformation.StackSet(
    "ssm-instance-profile",
    description="An instance profile for AWS Systems Manager in every account",
    permission_model="SERVICE_MANAGED",
    # An account that is added to an organizational unit gets the profile. One that leaves it loses the profile.
    auto_deployment={"enabled": True, "retain_stacks_on_account_removal": False},
    capabilities=["CAPABILITY_NAMED_IAM"],
    managed_execution={"active": True},
    operation_preferences={
        "max_concurrent_percentage": PERCENT_AT_ONCE,
        "failure_tolerance_percentage": PERCENT_AT_ONCE,
    },
    template_body=json.dumps(template(OPTIONS, config.require("roleName")), indent=2),
)
# IAM is the same in all regions, so that one region is enough.
instances = aws.cloudformation.StackInstances(
    "ssm-instance-profile",
    stack_set_name=stack_set.name,
    regions=[aws.get_region_output().region],
    deployment_targets={"organizational_unit_ids": config.require_object("organizationalUnits")},
    operation_preferences={
        "max_concurrent_percentage": PERCENT_AT_ONCE,
        "failure_tolerance_percentage": PERCENT_AT_ONCE,
    },
)

pulumi.export("stackSet", stack_set.name)
