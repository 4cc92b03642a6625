"""What an instance must not be able to do with its role: data, for the command and the policy pack."""

from dataclasses import dataclass

from .catalogue import AUTHORIZATION

_SSM = f"{AUTHORIZATION}/list_awssystemsmanager.html"
_IAM = f"{AUTHORIZATION}/list_awsidentityandaccessmanagementiam.html"

ANY_INSTANCE = "arn:{partition}:ec2:{region}:????????????:instance/i-0sample"
SHELL_DOCUMENT = "arn:{partition}:ssm:{region}:*:document/AWS-Run*Script"
"""AWS's documents that run any command: AWS-RunShellScript, AWS-RunPowerShellScript, AWS-RunRemoteScript."""
ANY_PARAMETER = "arn:{partition}:ssm:{region}:????????????:parameter/sample"
ANY_OBJECT = "arn:{partition}:s3:::sample-bucket/sample"
ANY_ROLE = "arn:{partition}:iam::????????????:role/sample"
ANY_USER = "arn:{partition}:iam::????????????:user/sample"
ANY_POLICY = "arn:{partition}:iam::????????????:policy/sample"
"""Resources that no policy names, in a partition and a region.

A policy that allows an action on one of them allows it on every other one.
"""


@dataclass(frozen=True)
class Risk:
    """One thing that an instance must not be able to do."""

    name: str
    summary: str
    """What the instance can do, worded to follow "An instance can"."""
    calls: tuple[tuple[str, tuple[str, ...]], ...]
    """Actions, each with the resources on all of which it must be allowed. One action is enough."""
    sources: tuple[str, ...]


RISKS: tuple[Risk, ...] = (
    Risk(
        name="run_commands",
        summary="run commands on other instances",
        calls=(
            ("ssm:SendCommand", (ANY_INSTANCE, SHELL_DOCUMENT)),
            ("ssm:StartSession", (ANY_INSTANCE,)),
            ("ec2-instance-connect:SendSSHPublicKey", (ANY_INSTANCE,)),
            ("ssm:CreateAssociation", (ANY_INSTANCE, SHELL_DOCUMENT)),
        ),
        sources=(_SSM,),
    ),
    Risk(
        name="read_parameters",
        summary="read every parameter, secrets included",
        calls=(
            ("ssm:GetParameter", (ANY_PARAMETER,)),
            ("ssm:GetParameters", (ANY_PARAMETER,)),
            ("ssm:GetParametersByPath", (ANY_PARAMETER,)),
            ("ssm:GetParameterHistory", (ANY_PARAMETER,)),
        ),
        sources=(_SSM, "https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html"),
    ),
    Risk(
        name="write_buckets",
        summary="write to every bucket",
        calls=(("s3:PutObject", (ANY_OBJECT,)),),
        sources=(f"{AUTHORIZATION}/list_amazons3.html",),
    ),
    Risk(
        name="gain_permissions",
        summary="give itself more permissions",
        calls=(
            ("sts:AssumeRole", (ANY_ROLE,)),
            ("iam:AttachRolePolicy", (ANY_ROLE,)),
            ("iam:AttachUserPolicy", (ANY_USER,)),
            ("iam:PutRolePolicy", (ANY_ROLE,)),
            ("iam:PutUserPolicy", (ANY_USER,)),
            ("iam:UpdateAssumeRolePolicy", (ANY_ROLE,)),
            ("iam:CreatePolicyVersion", (ANY_POLICY,)),
            ("iam:SetDefaultPolicyVersion", (ANY_POLICY,)),
            ("iam:CreateAccessKey", (ANY_USER,)),
            ("iam:CreateLoginProfile", (ANY_USER,)),
            ("iam:UpdateLoginProfile", (ANY_USER,)),
        ),
        sources=(_IAM,),
    ),
)
"""Every risk, the worst first."""

SSM_WIDE_REPLACEMENTS = {
    "AmazonEC2RoleforSSM": (
        "state_manager",
        "patching",
        "distributor",
        "managed_buckets",
        "parameters",
        "session_logs",
        "cloudwatch_agent",
        "domain_join",
        "legacy_messaging",
    ),
    "AmazonSSMFullAccess": (),
    "AmazonSSMManagedEC2InstanceDefaultPolicy": ("state_manager", "patching", "distributor", "legacy_messaging"),
    "AmazonSSMManagedInstanceCore": ("parameters", "state_manager", "patching", "distributor", "legacy_messaging"),
}
"""The options that grant what an instance may need of each of :data:`~.options.SSM_WIDE_POLICIES`."""
