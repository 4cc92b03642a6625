"""What an instance must not be able to do with its role: data, for the command and the policy pack."""

from dataclasses import dataclass

from .catalogue import AUTHORIZATION, USER_GUIDE

Resource = tuple[str, ...]
"""ARNs of which one is enough, in a partition and a region."""


def _any(service: str, resource: str, region: str = "{region}", account: str = "?" * 12) -> Resource:
    return (f"arn:{{partition}}:{service}:{region}:{account}:{resource}",)


# Resources that no policy names. A policy that allows an action on one of them allows it on every other one.
ANY_INSTANCE = _any("ec2", "instance/i-0sample")
ANY_NODE = ANY_INSTANCE + _any("ssm", "managed-instance/mi-0sample")
ANY_DOCUMENT = _any("ssm", "document/sample")
ANY_RUNBOOK = ANY_DOCUMENT + _any("ssm", "automation-definition/sample:1")
ANY_ASSOCIATION = _any("ssm", "association/sample")
ANY_WINDOW = _any("ssm", "maintenancewindow/mw-0sample")
ANY_PARAMETER = _any("ssm", "parameter/sample")
ROOT_PATH = _any("ssm", "parameter/")
"""The path of all parameters. Whoever may read a path by GetParametersByPath may read every level below it."""

ANY_SECRET = _any("secretsmanager", "secret:sample-a1b2c3")
ANY_OBJECT = _any("s3", "sample-bucket/sample", region="", account="")
ANY_ROLE = _any("iam", "role/sample", region="")
ANY_USER = _any("iam", "user/sample", region="")
ANY_POLICY = _any("iam", "policy/sample", region="")
ANY_STACK = _any("cloudformation", "stack/sample/sample")
ANY_PROJECT = _any("codebuild", "project/sample")
ANY_TASK_DEFINITION = _any("ecs", "task-definition/sample:1")
ANY_GLUE_JOB = _any("glue", "job/sample")
ANY_FUNCTION = _any("lambda", "function:sample")
ANY_TRAINING_JOB = _any("sagemaker", "training-job/sample")
ANY_SCHEDULE = _any("scheduler", "schedule/default/sample")
ANY_STATE_MACHINE = _any("states", "stateMachine:sample")

NO_RESOURCE: Resource = ("*",)
"""For an action that takes no resources."""

CODE_DOCUMENT: Resource = (
    *_any("ssm", "document/AWS-ApplyAnsiblePlaybooks", account=""),
    *_any("ssm", "document/AWS-ApplyChefRecipes", account=""),
    *_any("ssm", "document/AWS-ApplyDSCMofs", account=""),
    *_any("ssm", "document/AWS-InstallApplication", account=""),
    *_any("ssm", "document/AWS-InstallPowerShellModule", account=""),
    *_any("ssm", "document/AWS-RunAnsiblePlaybook", account=""),
    *_any("ssm", "document/AWS-RunDocument", account=""),
    *_any("ssm", "document/AWS-RunInspecChecks", account=""),
    *_any("ssm", "document/AWS-RunPowerShellScript", account=""),
    *_any("ssm", "document/AWS-RunRemoteScript", account=""),
    *_any("ssm", "document/AWS-RunSaltState", account=""),
    *_any("ssm", "document/AWS-RunShellScript", account=""),
    *ANY_DOCUMENT,
)
"""The documents of AWS that run code of the caller, and every document of the account."""


@dataclass(frozen=True)
class Call:
    """An action with the resources on all of which it must be allowed."""

    action: str
    resources: tuple[Resource, ...]
    passed_to: str = ""
    """The service to which ``iam:PassRole`` passes the role."""
    on_itself: str = ""
    """``role`` if the role itself is enough as the resource, ``policy`` if one of its managed policies is."""


@dataclass(frozen=True)
class Risk:
    """One thing that an instance must not be able to do."""

    name: str
    summary: str
    """What the instance can do, worded to follow "An instance can"."""
    sources: tuple[str, ...]
    calls: tuple[Call, ...] = ()
    """Calls of which one is enough."""
    combinations: tuple[tuple[Call, ...], ...] = ()
    """Further calls that are enough together."""
    takes_tagged: bool = False
    """Whether it is one if the calls are allowed on the resources with some tag only."""

    @property
    def ways(self) -> tuple[tuple[Call, ...], ...]:
        """The calls of which all of one entry are enough."""
        return (*((call,) for call in self.calls), *self.combinations)


def _with_role(service: str, *calls: Call) -> tuple[Call, ...]:
    """Calls that give a service a role and the code that it runs with this role."""
    return (*calls, Call("iam:PassRole", (ANY_ROLE,), passed_to=f"{service}.amazonaws.com"))


_SSM = f"{AUTHORIZATION}/list_awssystemsmanager.html"
_SSM_API = "https://docs.aws.amazon.com/systems-manager/latest/APIReference"
_EC2 = f"{AUTHORIZATION}/list_amazonec2.html"
_S3 = f"{AUTHORIZATION}/list_amazons3.html"

RISKS: tuple[Risk, ...] = (
    Risk(
        name="run_commands",
        summary="run commands on other instances",
        takes_tagged=True,
        calls=(
            Call("ssm:SendCommand", (ANY_NODE, CODE_DOCUMENT)),
            Call("ssm:StartSession", (ANY_NODE,)),
            Call("ec2-instance-connect:SendSSHPublicKey", (ANY_INSTANCE,)),
            Call("ssm:CreateAssociation", (ANY_NODE, CODE_DOCUMENT)),
            Call("ssm:CreateAssociationBatch", (ANY_NODE, CODE_DOCUMENT)),
        ),
        combinations=(
            (
                Call("ssm:UpdateAssociation", (ANY_ASSOCIATION, CODE_DOCUMENT)),
                Call("ssm:DescribeAssociation", (ANY_ASSOCIATION,)),
            ),
            # Associations and sessions run the default version of a document.
            (
                Call("ssm:UpdateDocument", (ANY_DOCUMENT,)),
                Call("ssm:UpdateDocumentDefaultVersion", (ANY_DOCUMENT,)),
            ),
            # A task without a role runs with the service-linked role of Systems Manager, which may send commands.
            (
                Call("ssm:RegisterTaskWithMaintenanceWindow", (ANY_WINDOW,)),
                Call("ssm:CreateMaintenanceWindow", (NO_RESOURCE,)),
            ),
            # User data can run at each start. It can be changed while the instance is stopped.
            (
                Call("ec2:ModifyInstanceAttribute", (ANY_INSTANCE,)),
                Call("ec2:StopInstances", (ANY_INSTANCE,)),
                Call("ec2:StartInstances", (ANY_INSTANCE,)),
            ),
        ),
        sources=(
            _SSM,
            f"{_SSM_API}/API_UpdateAssociation.html",
            f"{_SSM_API}/API_UpdateDocumentDefaultVersion.html",
            f"{_SSM_API}/API_RegisterTaskWithMaintenanceWindow.html",
            _EC2,
            "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html",
        ),
    ),
    Risk(
        name="gain_permissions",
        summary="give itself more permissions",
        calls=(
            Call("sts:AssumeRole", (ANY_ROLE,)),
            Call("iam:AttachRolePolicy", (ANY_ROLE,), on_itself="role"),
            Call("iam:AttachUserPolicy", (ANY_USER,)),
            Call("iam:PutRolePolicy", (ANY_ROLE,), on_itself="role"),
            Call("iam:PutUserPolicy", (ANY_USER,)),
            Call("iam:UpdateAssumeRolePolicy", (ANY_ROLE,)),
            Call("iam:CreatePolicyVersion", (ANY_POLICY,), on_itself="policy"),
            Call("iam:SetDefaultPolicyVersion", (ANY_POLICY,), on_itself="policy"),
            Call("iam:CreateAccessKey", (ANY_USER,)),
            Call("iam:CreateLoginProfile", (ANY_USER,)),
            Call("iam:UpdateLoginProfile", (ANY_USER,)),
            Call("lambda:UpdateFunctionCode", (ANY_FUNCTION,)),
        ),
        combinations=(
            _with_role("ec2", Call("ec2:RunInstances", (ANY_INSTANCE,))),
            _with_role("ec2", Call("ec2:AssociateIamInstanceProfile", (ANY_INSTANCE,))),
            _with_role("ec2", Call("ec2:ReplaceIamInstanceProfileAssociation", (ANY_INSTANCE,))),
            _with_role("ssm", Call("ssm:StartAutomationExecution", (ANY_RUNBOOK,))),
            _with_role("ssm", Call("ssm:CreateActivation", (NO_RESOURCE,))),
            _with_role("cloudformation", Call("cloudformation:CreateStack", (ANY_STACK,))),
            _with_role(
                "codebuild",
                Call("codebuild:CreateProject", (ANY_PROJECT,)),
                Call("codebuild:StartBuild", (ANY_PROJECT,)),
            ),
            _with_role("ecs-tasks", Call("ecs:RunTask", (ANY_TASK_DEFINITION,))),
            _with_role("glue", Call("glue:CreateJob", (ANY_GLUE_JOB,)), Call("glue:StartJobRun", (ANY_GLUE_JOB,))),
            _with_role(
                "lambda",
                Call("lambda:CreateFunction", (ANY_FUNCTION,)),
                Call("lambda:InvokeFunction", (ANY_FUNCTION,)),
            ),
            _with_role("sagemaker", Call("sagemaker:CreateTrainingJob", (ANY_TRAINING_JOB,))),
            _with_role("scheduler", Call("scheduler:CreateSchedule", (ANY_SCHEDULE,))),
            _with_role(
                "states",
                Call("states:CreateStateMachine", (ANY_STATE_MACHINE,)),
                Call("states:StartExecution", (ANY_STATE_MACHINE,)),
            ),
        ),
        sources=(
            f"{AUTHORIZATION}/list_awsidentityandaccessmanagementiam.html",
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",
            f"{AUTHORIZATION}/reference_policies_actions-resources-contextkeys.html",
            f"{USER_GUIDE}/automation-setup.html",
        ),
    ),
    Risk(
        name="read_all_secrets",
        summary="read every secret",
        calls=(Call("secretsmanager:GetSecretValue", (ANY_SECRET,)),),
        sources=(f"{AUTHORIZATION}/list_awssecretsmanager.html",),
    ),
    Risk(
        name="read_all_parameters",
        summary="read every parameter, secrets included",
        calls=(
            Call("ssm:GetParameter", (ANY_PARAMETER,)),
            Call("ssm:GetParameters", (ANY_PARAMETER,)),
            Call("ssm:GetParametersByPath", (ANY_PARAMETER + ROOT_PATH,)),
            Call("ssm:GetParameterHistory", (ANY_PARAMETER,)),
        ),
        sources=(_SSM, f"{USER_GUIDE}/sysman-paramstore-access.html"),
    ),
    Risk(
        name="write_all_buckets",
        summary="write to every bucket",
        calls=(Call("s3:PutObject", (ANY_OBJECT,)),),
        sources=(_S3,),
    ),
    Risk(
        name="read_all_buckets",
        summary="read every bucket",
        calls=(Call("s3:GetObject", (ANY_OBJECT,)),),
        sources=(_S3,),
    ),
)
"""Every risk, the worst first."""

SSM_WIDE_REPLACEMENTS = {
    "AmazonEC2RoleforSSM": (
        "state_manager",
        "patching",
        "distributor",
        "managed_buckets",
        "read_buckets",
        "parameters",
        "session_logs",
        "cloudwatch_agent",
        "domain_join",
        "legacy_messaging",
    ),
    "AmazonSSMAutomationRole": (),
    "AmazonSSMFullAccess": (),
    "AmazonSSMMaintenanceWindowRole": (),
    "AmazonSSMManagedEC2InstanceDefaultPolicy": ("state_manager", "patching", "distributor", "legacy_messaging"),
    "AmazonSSMManagedInstanceCore": ("parameters", "state_manager", "patching", "distributor", "legacy_messaging"),
    "AmazonSSMReadOnlyAccess": (),
}
"""The options that grant what an instance may need of each of :data:`~.options.SSM_WIDE_POLICIES`."""
