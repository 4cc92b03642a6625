"""The catalogue: every action that an option can grant, and why.

This is data. :mod:`ssm_profile.policy` makes a policy document of it, and every explanation that a person reads, in the
terminal or in the documents, is taken from here.

"Measured" says what ``amazon-ssm-agent`` was seen to do: a build of its source of 2024-10-21 (the release after
3.3.987.0), run for eight minutes with two sessions against a recorder in place of AWS.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

USER_GUIDE = "https://docs.aws.amazon.com/systems-manager/latest/userguide"
AUTHORIZATION = "https://docs.aws.amazon.com/service-authorization/latest/reference"
AGENT_SOURCE = "https://github.com/aws/amazon-ssm-agent/blob/1c217c89b42d"

SESSION_PERMISSIONS = f"{USER_GUIDE}/getting-started-create-iam-instance-profile.html"
MESSAGE_APIS = f"{USER_GUIDE}/systems-manager-setting-up-messageAPIs.html"

ANY_INSTANCE = "arn:{partition}:ec2:*:*:instance/*"
"""Every EC2 instance. The agent only ever names its own, so region and account add nothing but two look-ups."""
ANY_ASSOCIATION = "arn:{partition}:ssm:{region}:{account}:association/*"
AWS_DOCUMENTS = "arn:{partition}:ssm:{region}::document/*"
"""The documents that AWS owns, whose ARNs have no account."""
OWN_DOCUMENTS = "arn:{partition}:ssm:{region}:{account}:document/*"
ANY_PATCH_BASELINE = "arn:{partition}:ssm:{region}:*:patchbaseline/*"
"""Of every account, since the predefined patch baselines are in accounts of AWS."""


@dataclass(frozen=True)
class Grant:
    """One action that an instance may call, on which resources, and why."""

    action: str
    """The IAM action. ``{each}`` stands for each entry of the list that ``each`` names."""
    purpose: str
    """What the instance does with it."""
    symptom: str
    """What a person sees when it is missing."""
    measured: str
    """Whether the real agent was seen to call it, and what happened when it was denied."""
    sources: tuple[str, ...]
    """Where this is known from: AWS's pages and the agent's source."""
    resources: tuple[str, ...] = ("*",)
    """ARN templates. Partition, region and account are looked up when, and only when, a granted action needs them."""
    condition: Mapping[str, Mapping[str, tuple[str, ...]]] = field(
        default_factory=dict[str, Mapping[str, tuple[str, ...]]]
    )
    """The condition, its values being templates too."""
    each: str | None = None
    """The list of which ``{each}`` is an entry: an option, or ``option.key`` of one that is a map."""
    needs: str | None = None
    """The ``option.key`` without which this is not granted."""
    agents: str = "all"
    """The agent versions to which it matters."""


@dataclass(frozen=True)
class Capability:
    """Something an instance can do with Systems Manager: the grants that one option switches on."""

    name: str
    """The option that switches it on, or a name of its own where no option does."""
    summary: str
    grants: tuple[Grant, ...]
    default: bool = False
    """Whether it is on when the option is not given."""
    replaces: str | None = None
    """The capability that gives way to this one."""


@dataclass(frozen=True)
class ExplicitDeny:
    """A condition under which everything is denied, whatever else is granted."""

    name: str
    """The option that switches it on."""
    summary: str
    breaks: str
    """What stops working where the deny does not fit."""
    sources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Refusal:
    """Actions that no option grants, although AWS's own policies do or the agent asks for them, and why not."""

    actions: tuple[str, ...]
    """IAM actions, with wildcards."""
    why: str
    """Why none does, and what to do where it is needed all the same."""


@dataclass(frozen=True)
class Endpoint:
    """A VPC endpoint that a subnet without a way to the internet needs, for the service behind it."""

    service: str
    """The end of its name: ``com.amazonaws.<region>.<service>``."""
    prefix: str | None
    """The prefix of the actions that go through it, if every such action does."""
    note: str
    capabilities: tuple[str, ...] = ()
    """Capabilities that need it whatever their actions are."""


MESSAGING = Capability(
    name="messaging",
    summary="The two channels between the agent and Systems Manager: sessions and Run Command.",
    default=True,
    grants=(
        Grant(
            action="ssmmessages:CreateDataChannel",
            purpose="Registers the data channel that carries a session's input and output.",
            symptom="The instance is online, but each session ends after a few seconds.",
            measured="Called once per session. Denied: six tries in four seconds, then the session failed.",
            sources=(SESSION_PERMISSIONS, f"{AGENT_SOURCE}/agent/session/datachannel/datachannel.go#L1167"),
        ),
        Grant(
            action="ssmmessages:OpenDataChannel",
            purpose="Opens the websocket of a session's data channel.",
            symptom="The instance is online, but each session ends after a few seconds.",
            measured="Called once per session. Denied: six tries in four seconds, then the session failed.",
            sources=(SESSION_PERMISSIONS, f"{AGENT_SOURCE}/agent/session/datachannel/datachannel.go#L336"),
        ),
        Grant(
            action="ssmmessages:CreateControlChannel",
            purpose="Registers the control channel, which carries commands and their responses.",
            symptom="Sessions cannot start: the instance never connects for them.",
            measured="Called once at start. Denied: retried for ever, while ec2messages was polled as the fall-back.",
            sources=(SESSION_PERMISSIONS, f"{AGENT_SOURCE}/agent/session/controlchannel/controlchannel.go#L274"),
        ),
        Grant(
            action="ssmmessages:OpenControlChannel",
            purpose="Opens the websocket of the control channel and keeps it open.",
            symptom="Sessions cannot start: the instance never connects for them.",
            measured="Called once at start. Denied: retried for ever, while ec2messages was polled as the fall-back.",
            sources=(SESSION_PERMISSIONS, f"{AGENT_SOURCE}/agent/session/controlchannel/controlchannel.go#L207"),
        ),
    ),
)

_HEARTBEAT = Grant(
    action="ssm:UpdateInstanceInformation",
    purpose="Registers the instance and keeps its status up to date: the agent's heartbeat.",
    symptom="The instance does not appear in Systems Manager at all.",
    measured="Called twice at start, then every five minutes. Denied: the agent's worker never started.",
    sources=(
        SESSION_PERMISSIONS,
        f"{AUTHORIZATION}/list_awssystemsmanager.html",
        f"{AGENT_SOURCE}/agent/health/healthcheck.go#L154",
    ),
)

HEARTBEAT = Capability(
    name="heartbeat",
    summary="The instance registers itself and reports its status.",
    default=True,
    grants=(_HEARTBEAT,),
)

SCOPED_HEARTBEAT = Capability(
    name="scope_heartbeat",
    summary="The heartbeat on EC2 instances only, in place of every resource.",
    replaces="heartbeat",
    grants=(replace(_HEARTBEAT, resources=(ANY_INSTANCE,)),),
)

_DESCRIBE = Grant(
    action="ec2:Describe*",
    purpose="Lets software on the instance read about the instance's environment: tags, volumes, network.",
    symptom="Software that asks EC2 about its surroundings fails with UnauthorizedOperation. The agent does not ask.",
    measured="Never called by the agent: its build holds no EC2 client. Denied: nothing changed.",
    sources=(
        f"{AUTHORIZATION}/list_amazonec2.html",
        f"{AGENT_SOURCE}/vendor/github.com/aws/aws-sdk-go/service",
    ),
)

EC2_DESCRIBE = Capability(
    name="ec2_describe",
    summary="Software on the instance may read about its EC2 environment.",
    default=True,
    grants=(_DESCRIBE,),
)

EC2_DESCRIBE_ACTIONS = Capability(
    name="ec2_describe_actions",
    summary="Software on the instance may read what these actions tell about its EC2 environment.",
    replaces="ec2_describe",
    grants=(
        replace(
            _DESCRIBE,
            action="ec2:{each}",
            each="ec2_describe_actions",
            purpose="Lets software on the instance read this about the instance's environment.",
        ),
    ),
)

QUIET_AGENT = Capability(
    name="quiet_agent",
    summary="The calls that the agent polls in any case, so that its log stays free of AccessDenied.",
    grants=(
        Grant(
            action="ec2messages:GetMessages",
            purpose="The agent's older message channel, polled until the control channel is open.",
            symptom="About 30 AccessDenied lines in the agent's log in the first minute after each start. No function.",
            measured="Called four times, then no more. Denied: 27 tries in the first minute; sessions worked.",
            sources=(
                MESSAGE_APIS,
                f"{AUTHORIZATION}/list_amazonmessagedeliveryservice.html",
                f"{AGENT_SOURCE}/agent/runcommand/mds/service.go#L154",
            ),
        ),
        Grant(
            action="ssm:ListInstanceAssociations",
            purpose="Asks which State Manager associations the instance has.",
            symptom="Three AccessDenied lines in the agent's log every ten minutes. No function but associations.",
            measured="Called three times. Denied: ListAssociations was tried in its place; sessions worked.",
            sources=(
                MESSAGE_APIS,
                f"{AUTHORIZATION}/list_awssystemsmanager.html",
                f"{AGENT_SOURCE}/agent/association/service/service.go#L129",
            ),
            resources=(ANY_INSTANCE,),
        ),
    ),
)

_SSM_ACTIONS = f"{AUTHORIZATION}/list_awssystemsmanager.html"


def _legacy(
    action: str,
    purpose: str,
    measured: str = "Not called by the agent of 2024, which receives commands over the control channel.",
) -> Grant:
    return Grant(
        action=f"ec2messages:{action}",
        purpose=purpose,
        symptom="Agents that know no other channel never receive a command; it stays Pending until it times out.",
        measured=measured,
        sources=(MESSAGE_APIS, f"{AUTHORIZATION}/list_amazonmessagedeliveryservice.html"),
        agents="before 3.1.821.0, and every version on Windows Server 2012 and older",
    )


LEGACY_MESSAGING = Capability(
    name="legacy_messaging",
    summary="Run Command over ec2messages, the older channel, for agents that know no other.",
    grants=(
        _legacy("AcknowledgeMessage", "Confirms that a command was received."),
        _legacy("DeleteMessage", "Removes a command that was dealt with; the agent's updater calls it."),
        _legacy("FailMessage", "Says that a command could not be dealt with."),
        _legacy("GetEndpoint", "Asks where to poll. AWS's own policies grant it."),
        _legacy("GetMessages", "Polls for commands.", "Called four times, until the control channel was open."),
        _legacy("SendReply", "Sends a command's result back."),
    ),
)

_GET_DOCUMENT = Grant(
    action="ssm:GetDocument",
    purpose="Reads the text of an SSM document.",
    symptom="The step fails with AccessDeniedException on ssm:GetDocument.",
    measured="Called by aws:runDocument, and for an association's document. Not called by sessions or Run Command.",
    sources=(_SSM_ACTIONS, f"{AGENT_SOURCE}/agent/plugins/rundocument/rundocument.go#L208"),
    resources=(AWS_DOCUMENTS, OWN_DOCUMENTS),
)
_DESCRIBE_DOCUMENT = Grant(
    action="ssm:DescribeDocument",
    purpose="Reads which versions of a document or package there are.",
    symptom="The step fails with AccessDeniedException on ssm:DescribeDocument.",
    measured="Not reached in the measured runs; the agent's source calls it for packages that are documents.",
    sources=(
        _SSM_ACTIONS,
        f"{AGENT_SOURCE}/agent/plugins/configurepackage/birdwatcher/documentarchive/documentarchive.go#L158",
    ),
    resources=(AWS_DOCUMENTS, OWN_DOCUMENTS),
)

DOCUMENTS = Capability(
    name="documents",
    summary="Reading SSM documents: aws:runDocument and aws:downloadContent in a document that is run.",
    grants=(_GET_DOCUMENT, _DESCRIBE_DOCUMENT),
)

_LIST_INSTANCE_ASSOCIATIONS = QUIET_AGENT.grants[1]
_PUT_COMPLIANCE_ITEMS = Grant(
    action="ssm:PutComplianceItems",
    purpose="Reports whether the instance complies with its associations and patches.",
    symptom="Compliance shows nothing for the instance.",
    measured="Called once for each association that was run.",
    sources=(MESSAGE_APIS, _SSM_ACTIONS, f"{AGENT_SOURCE}/agent/association/compliance/uploader/uploader.go#L129"),
    resources=(ANY_INSTANCE,),
)

STATE_MANAGER = Capability(
    name="state_manager",
    summary="State Manager: the associations of the instance are fetched, run and reported.",
    grants=(
        replace(
            _LIST_INSTANCE_ASSOCIATIONS,
            symptom="No association ever runs: it stays Pending, and the agent's log says AccessDeniedException.",
        ),
        Grant(
            action="ssm:UpdateInstanceAssociationStatus",
            purpose="Reports how an association went.",
            symptom="Associations run, but stay Pending in the console.",
            measured="Called four times for one association.",
            sources=(MESSAGE_APIS, _SSM_ACTIONS, f"{AGENT_SOURCE}/agent/association/service/service.go#L313"),
            resources=(ANY_INSTANCE, ANY_ASSOCIATION),
        ),
        _PUT_COMPLIANCE_ITEMS,
        replace(_GET_DOCUMENT, symptom="Associations fail when their document is fetched."),
    ),
)

_PUT_INVENTORY = Grant(
    action="ssm:PutInventory",
    purpose="Uploads what was found on the instance: software, network, patches.",
    symptom="Inventory stays empty; the association that gathers it fails.",
    measured="Called once by an association with AWS-GatherSoftwareInventory.",
    sources=(_SSM_ACTIONS, f"{AGENT_SOURCE}/agent/plugins/inventory/datauploader/uploader.go#L121"),
)

INVENTORY = Capability(
    name="inventory",
    summary="Inventory: what the inventory association gathers is uploaded.",
    grants=(_PUT_INVENTORY,),
)

_PATCH_DOCUMENTS = f"{USER_GUIDE}/patch-manager-ssm-documents.html"
_PATCH_MEASURED = "Not called by the agent itself: the scripts of AWS-RunPatchBaseline call it. Not measured."

PATCHING = Capability(
    name="patching",
    summary="Patch Manager: scanning and installing with AWS-RunPatchBaseline and its relatives.",
    grants=(
        Grant(
            action="ssm:GetDeployablePatchSnapshotForInstance",
            purpose="Fetches the snapshot of the patch baseline that holds for the instance.",
            symptom="AWS-RunPatchBaseline fails right after its start.",
            measured=_PATCH_MEASURED,
            sources=(_SSM_ACTIONS, _PATCH_DOCUMENTS),
        ),
        replace(
            _PUT_INVENTORY,
            purpose="Uploads the state of each patch.",
            symptom="AWS-RunPatchBaseline fails when it reports, and patch compliance shows nothing.",
            measured=_PATCH_MEASURED,
            sources=(_SSM_ACTIONS, _PATCH_DOCUMENTS),
        ),
        replace(
            _PUT_COMPLIANCE_ITEMS,
            symptom="AWS-RunPatchBaselineAssociation fails when it reports.",
            measured=_PATCH_MEASURED,
            sources=(_SSM_ACTIONS, _PATCH_DOCUMENTS),
        ),
        Grant(
            action="ssm:DescribeAssociation",
            purpose="Reads the association that patches, for AWS-RunPatchBaselineAssociation.",
            symptom="AWS-RunPatchBaselineAssociation fails right after its start.",
            measured=_PATCH_MEASURED,
            sources=(_SSM_ACTIONS, _PATCH_DOCUMENTS),
            resources=(ANY_INSTANCE, ANY_ASSOCIATION, AWS_DOCUMENTS, OWN_DOCUMENTS),
        ),
    ),
)


def _by_baseline_tag(action: str, purpose: str, resource: str = "*") -> Grant:
    return Grant(
        action=action,
        purpose=purpose,
        symptom="AWS-RunPatchBaselineAssociation fails where its BaselineTags are given.",
        measured=_PATCH_MEASURED,
        sources=(_SSM_ACTIONS, f"{USER_GUIDE}/patch-manager-aws-runpatchbaselineassociation.html"),
        resources=(resource,),
    )


PATCH_BASELINE_TAGS = Capability(
    name="patch_baseline_tags",
    summary="Patch baselines that are chosen by their tags, in AWS-RunPatchBaselineAssociation.",
    grants=(
        _by_baseline_tag("ssm:DescribePatchBaselines", "Lists the patch baselines there are."),
        _by_baseline_tag("tag:GetResources", "Finds the patch baselines that have the tags."),
        _by_baseline_tag("ssm:GetPatchBaseline", "Reads the patch baseline that was found.", ANY_PATCH_BASELINE),
        _by_baseline_tag(
            "ssm:DescribeEffectivePatchesForPatchBaseline",
            "Reads which patches that patch baseline approves.",
            ANY_PATCH_BASELINE,
        ),
    ),
)

DISTRIBUTOR = Capability(
    name="distributor",
    summary="Distributor: installing packages with aws:configurePackage.",
    grants=(
        replace(
            _GET_DOCUMENT,
            purpose="Reads a package's document, which says where its files are.",
            symptom="AWS-ConfigureAWSPackage fails: the package is not found.",
            measured="Not reached in the measured runs; the agent's source calls it for packages that are documents.",
        ),
        replace(_DESCRIBE_DOCUMENT, symptom="AWS-ConfigureAWSPackage fails where no version is given."),
        Grant(
            action="ssm:GetManifest",
            purpose="Asks the older package service for a package.",
            symptom="AWS-ConfigureAWSPackage fails for packages of the older kind.",
            measured="Called once by aws:configurePackage.",
            sources=(
                MESSAGE_APIS,
                _SSM_ACTIONS,
                f"{AGENT_SOURCE}/agent/plugins/configurepackage/birdwatcher/birdwatcherarchive/birdwatcherarchive.go#L115",
            ),
        ),
        Grant(
            action="ssm:PutConfigurePackageResult",
            purpose="Reports how an installation went, for the service's own statistics.",
            symptom="An AccessDenied line in the agent's log for each installation. No function.",
            measured="Not reached in the measured runs; the agent's source calls it after each installation.",
            sources=(
                MESSAGE_APIS,
                _SSM_ACTIONS,
                f"{AGENT_SOURCE}/agent/plugins/configurepackage/birdwatcher/birdwatcherservice/birdwatcherservice.go#L160",
            ),
        ),
    ),
)

_PARAMETER_ARNS = (
    "arn:{partition}:ssm:{region}:{account}:parameter{each}",
    "arn:{partition}:ssm:{region}:{account}:parameter{each}/*",
)
_PARAMETERS = Grant(
    action="ssm:GetParameters",
    purpose="Reads the parameters that a document or software on the instance names.",
    symptom="Commands that name a parameter fail: the agent's log says AccessDeniedException on ssm:GetParameters.",
    measured="Called once for a {{ssm:parameter}} in a command, on that parameter.",
    sources=(
        _SSM_ACTIONS,
        f"{USER_GUIDE}/sysman-paramstore-access.html",
        f"{AGENT_SOURCE}/agent/framework/docparser/parameterstore/parameterstore.go#L310",
    ),
    resources=_PARAMETER_ARNS,
    each="parameters.paths",
)

PARAMETERS = Capability(
    name="parameters",
    summary="Parameter Store: reading the parameters at and below the given paths, and no others.",
    grants=(
        replace(
            _PARAMETERS,
            action="ssm:GetParameter",
            purpose="Reads one parameter, for software on the instance.",
            symptom="Software that reads a parameter fails with AccessDeniedException.",
            measured="Not called by the agent, which reads with GetParameters.",
        ),
        _PARAMETERS,
        replace(
            _PARAMETERS,
            action="ssm:GetParametersByPath",
            purpose="Lists the parameters below a path. IAM judges the path alone: a deny on one below has no effect.",
            symptom="Software that lists the parameters below a path fails with AccessDeniedException.",
            measured="Not called by the agent.",
            needs="parameters.recursive",
        ),
        replace(
            _PARAMETERS,
            action="kms:Decrypt",
            purpose="Decrypts SecureString parameters, through Systems Manager and for these parameters only.",
            symptom="Reading a SecureString fails with AccessDeniedException on kms:Decrypt.",
            measured="Not measured. The agent refuses SecureStrings in {{ssm:parameter}}.",
            sources=("https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html",),
            resources=("{parameters[kms_key_arn]}",),
            condition={
                # With a wildcard at the end, since the suffix of the partition aws-cn is not confirmed.
                "StringLike": {
                    "kms:ViaService": ("ssm.{region}.amazonaws.com*",),
                    "kms:EncryptionContext:PARAMETER_ARN": _PARAMETER_ARNS,
                }
            },
            needs="parameters.kms_key_arn",
        ),
    ),
)

_SESSION_PREFERENCES = f"{USER_GUIDE}/getting-started-create-iam-instance-profile.html"

SESSION_KEY = Capability(
    name="session_kms_key_arn",
    summary="Sessions that are encrypted with a KMS key, beyond TLS.",
    grants=(
        Grant(
            action="kms:Decrypt",
            purpose="Decrypts the session's data key. The person who connects generates it.",
            symptom="Sessions end with a message that the data key could not be decrypted.",
            measured="Called once for a session with a key, by the agent itself, so there is no kms:ViaService.",
            sources=(
                f"{USER_GUIDE}/session-preferences-enable-encryption.html",
                f"{AGENT_SOURCE}/agent/session/crypto/kmsservice.go#L73",
            ),
            resources=("{session_kms_key_arn}",),
        ),
    ),
)

_LOG_OBJECTS = "arn:{partition}:s3:::{session_logs[bucket]}/{session_logs[prefix]}*"
_LOG_OBJECT = Grant(
    action="s3:PutObject",
    purpose="Uploads the logs of sessions and the output of commands.",
    symptom="The session or command works, but its log never arrives in the bucket.",
    measured="Called once for each log or output.",
    sources=(_SESSION_PREFERENCES, f"{AGENT_SOURCE}/agent/s3util/s3util.go#L102"),
    resources=(_LOG_OBJECTS,),
    needs="session_logs.bucket",
)
_LOG_KEY = replace(
    _LOG_OBJECT,
    action="kms:GenerateDataKey",
    purpose="Encrypts what is uploaded, where the bucket uses a KMS key of yours.",
    symptom="Uploading to the bucket fails with AccessDenied on kms:GenerateDataKey.",
    measured="Called by S3 on the agent's behalf. Not measured.",
    sources=(_SESSION_PREFERENCES,),
    resources=("{session_logs[kms_key_arn]}",),
    condition={"StringLike": {"kms:ViaService": ("s3.*.amazonaws.com*",)}},
    needs="session_logs.kms_key_arn",
)
_LOG_GROUP_ARNS = (
    "arn:{partition}:logs:{region}:{account}:log-group:{session_logs[log_group]}",
    "arn:{partition}:logs:{region}:{account}:log-group:{session_logs[log_group]}:*",
)
_LOG_GROUP = Grant(
    action="logs:CreateLogStream",
    purpose="Starts the log stream of a session or command.",
    symptom="The session or command works, but its log never arrives in the log group.",
    measured="Called once for each log or output.",
    sources=(
        f"{AUTHORIZATION}/list_amazoncloudwatchlogs.html",
        f"{AGENT_SOURCE}/agent/agentlogstocloudwatch/cloudwatchlogspublisher/cloudwatchlogsservice.go#L232",
    ),
    resources=_LOG_GROUP_ARNS,
    needs="session_logs.log_group",
)
_DESCRIBE_LOG_GROUPS = replace(
    _LOG_GROUP,
    action="logs:DescribeLogGroups",
    purpose="Looks the log group up. The service knows no resource for it: anything but * breaks logging.",
    symptom="Sessions hang or end with a message that encryption is not set up on the log group.",
    measured="Called once for each session that is logged.",
    sources=(
        f"{AUTHORIZATION}/list_amazoncloudwatchlogs.html",
        "https://github.com/aws/amazon-ssm-agent/issues/246",
        f"{AGENT_SOURCE}/agent/session/shell/shell.go#L108",
    ),
    resources=("*",),
)

SESSION_LOGS = Capability(
    name="session_logs",
    summary="Logs of sessions and output of commands, to S3, to CloudWatch Logs, or to both.",
    grants=(
        _LOG_OBJECT,
        replace(
            _LOG_OBJECT,
            action="s3:AbortMultipartUpload",
            purpose="Gives up an upload of more than 5 MiB that failed, so that nothing is left of it.",
            symptom="Parts of failed uploads stay in the bucket, and cost.",
            measured="Not reached in the measured runs; the agent's S3 client calls it when a large upload fails.",
        ),
        replace(
            _LOG_OBJECT,
            action="s3:GetEncryptionConfiguration",
            purpose="Asks whether the bucket is encrypted, before anything is uploaded.",
            symptom="Sessions fail where the preferences ask for an encrypted bucket; else the upload goes on.",
            measured="Called for each log or output.",
            sources=(_SESSION_PREFERENCES, f"{AGENT_SOURCE}/agent/s3util/s3util.go#L148"),
            resources=("arn:{partition}:s3:::{session_logs[bucket]}",),
        ),
        replace(
            _LOG_OBJECT,
            action="s3:PutObjectAcl",
            purpose="Gives the owner of a bucket in another account full control of what is uploaded.",
            symptom="Uploading to a bucket in another account fails with AccessDenied.",
            measured="The agent sends the ACL bucket-owner-full-control with each upload.",
            needs="session_logs.cross_account",
        ),
        _LOG_KEY,
        replace(_LOG_KEY, action="kms:Decrypt", purpose="Reads the parts of an upload of more than 5 MiB again."),
        _DESCRIBE_LOG_GROUPS,
        _LOG_GROUP,
        replace(
            _LOG_GROUP,
            action="logs:DescribeLogStreams",
            purpose="Looks the log stream up before it is written to.",
            measured="Called once or twice for each log or output.",
        ),
        replace(_LOG_GROUP, action="logs:PutLogEvents", purpose="Writes the log."),
    ),
)

_AGENT_POLICY = (
    "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudWatchAgentServerPolicy.html",
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/create-iam-roles-for-cloudwatch-agent.html",
)


def _cloudwatch(action: str, purpose: str, symptom: str, **scope: Any) -> Grant:
    return Grant(
        action=action,
        purpose=purpose,
        symptom=symptom,
        measured="Called by the CloudWatch agent, not by the SSM agent. Not measured.",
        sources=_AGENT_POLICY,
        **scope,
    )


_AGENT_LOGS: dict[str, Any] = {
    "symptom": "The CloudWatch agent's log says AccessDeniedException, and no log events arrive.",
    "resources": (
        "arn:{partition}:logs:{region}:{account}:log-group:{each}",
        "arn:{partition}:logs:{region}:{account}:log-group:{each}:*",
    ),
    "each": "cloudwatch_agent.log_groups",
    "needs": "cloudwatch_agent.log_groups",
}

_ANY_LOG_GROUP: dict[str, Any] = {**_AGENT_LOGS, "resources": ("*",)}

CLOUDWATCH_AGENT = Capability(
    name="cloudwatch_agent",
    summary="The CloudWatch agent: its metrics, its configuration, and logs to the given log groups.",
    grants=(
        _cloudwatch(
            "cloudwatch:PutMetricData",
            "Sends metrics, in the given namespace only.",
            "No metrics arrive; the CloudWatch agent's log says AccessDenied.",
            condition={"StringEquals": {"cloudwatch:namespace": ("{cloudwatch_agent[namespace]}",)}},
        ),
        _cloudwatch(
            "ssm:GetParameter",
            "Reads the agent's configuration, where it is kept in Parameter Store under AWS's usual name.",
            "AmazonCloudWatch-ManageAgent fails when it fetches the configuration.",
            resources=("arn:{partition}:ssm:{region}:{account}:parameter/AmazonCloudWatch-*",),
        ),
        _cloudwatch("ec2:DescribeTags", "Adds the Auto Scaling group to metrics.", "Metrics lack that dimension."),
        _cloudwatch("ec2:DescribeVolumes", "Adds volume IDs to metrics of disks.", "Metrics lack that dimension."),
        _cloudwatch("logs:CreateLogGroup", "Makes the log group where there is none.", **_AGENT_LOGS),
        _cloudwatch("logs:CreateLogStream", "Starts the instance's log stream.", **_AGENT_LOGS),
        _cloudwatch("logs:DescribeLogStreams", "Looks the log stream up.", **_AGENT_LOGS),
        _cloudwatch("logs:PutLogEvents", "Sends log events.", **_AGENT_LOGS),
        _cloudwatch("logs:PutRetentionPolicy", "Sets for how long the log group is kept.", **_AGENT_LOGS),
        _cloudwatch("logs:DescribeLogGroups", "Looks the log group up.", **_ANY_LOG_GROUP),
    ),
)

_JOIN = (
    "https://docs.aws.amazon.com/directoryservice/latest/admin-guide/seamlessly_join_linux_instance.html",
    f"{AGENT_SOURCE}/agent/plugins/domainjoin/domainjoin_unix_script.go#L508",
)


def _domain_join(action: str, purpose: str, resource: str) -> Grant:
    return Grant(
        action=action,
        purpose=purpose,
        symptom="AWS-JoinDirectoryServiceDomain fails, and the instance stays outside the domain.",
        measured="Called by the script of the aws:domainJoin plug-in. Not measured.",
        sources=_JOIN,
        resources=(resource,),
    )


DOMAIN_JOIN = Capability(
    name="domain_join",
    summary="Joining one directory of AWS Directory Service.",
    grants=(
        _domain_join("ds:DescribeDirectories", "Finds the directory's DNS servers.", "*"),
        _domain_join(
            "ds:CreateComputer",
            "Makes the instance's account in the directory.",
            "arn:{partition}:ds:{region}:{account}:directory/{domain_join[directory_id]}",
        ),
        _domain_join(
            "secretsmanager:GetSecretValue",
            "Reads the one secret with the account that joins Linux instances.",
            # The question marks are the six characters that Secrets Manager adds to every name.
            "arn:{partition}:secretsmanager:{region}:{account}:secret:"
            "aws/directory-services/{domain_join[directory_id]}/seamless-domain-join-??????",
        ),
    ),
)

PATCH_BUCKET_SUFFIXES = {
    "us-east-1": "1970c647d",
    "us-east-2": "552881074",
    "us-west-1": "8badb4304",
    "us-west-2": "34d7f99f8",
    "af-south-1": "bdd5f65a9",
    "ap-east-1": "632356271",
    "ap-south-1": "cb7c62ff9",
    "ap-south-2": "32f4b4128",
    "ap-southeast-1": "7fdfd9ef7",
    "ap-southeast-2": "17283a275",
    "ap-southeast-3": "aa48fc462",
    "ap-southeast-4": "01e2c40d3",
    "ap-northeast-1": "4849fa78f",
    "ap-northeast-2": "10467995c",
    "ap-northeast-3": "67373598a",
    "ca-central-1": "3148e69e3",
    "ca-west-1": "9e3a4b2f9",
    "eu-central-1": "9163fdaaf",
    "eu-central-2": "184ce43c8",
    "eu-west-1": "5522fb710",
    "eu-west-2": "902a2bc74",
    "eu-west-3": "29bf85721",
    "eu-south-1": "c52f3f594",
    "eu-south-2": "a4cf248b1",
    "eu-north-1": "795879e9b",
    "il-central-1": "e221cb57b",
    "me-south-1": "a53fc9dce",
    "me-central-1": "2932f2f80",
    "sa-east-1": "ddf4b6a09",
}
"""What the names of AWS's buckets with patch documents end in, for each region that AWS lists. S3's names are global,
so a wildcard in place of it could match a bucket that somebody else registers."""

SNAPSHOT_BUCKET_SUFFIXES = {
    "af-south-1": "-tbxdb5b9",
    "ap-south-2": "-50209442",
    "ap-southeast-3": "-be0a3174",
    "ap-southeast-4": "-dc6f76ce",
    "eu-south-2": "-df2c9d70",
    "me-south-1": "-uduvl7q8",
}
"""What the names of AWS's buckets with patch snapshots end in, in the regions where they end in anything."""

MANAGED_BUCKETS = Capability(
    name="managed_buckets",
    summary="AWS's own buckets of the region, for VPCs that reach S3 by an endpoint.",
    grants=(
        Grant(
            action="s3:GetObject",
            purpose="Downloads agent updates, packages and patches from AWS's buckets with signed requests.",
            symptom="Nothing, where S3 can be reached without signing: the agent falls back to plain HTTPS. Behind an "
            "endpoint whose policy asks for a principal, updates and patching fail.",
            measured="Not reached in the measured runs; the agent's source tries a signed download first.",
            sources=(
                f"{USER_GUIDE}/ssm-agent-technical-details.html",
                f"{USER_GUIDE}/patch-operations-s3-buckets.html",
                f"{AGENT_SOURCE}/agent/fileutil/artifact/artifact.go#L409",
            ),
            resources=(
                "arn:{partition}:s3:::amazon-ssm-{region}/*",
                "arn:{partition}:s3:::aws-ssm-{region}/*",
                "arn:{partition}:s3:::aws-ssm-document-attachments-{region}/*",
                "arn:{partition}:s3:::aws-windows-downloads-{region}/*",
                "arn:{partition}:s3:::aws-patch-manager-{region}-{patch_suffix}/*",
                "arn:{partition}:s3:::aws-patchmanager-macos-{region}-{patch_suffix}/*",
                "arn:{partition}:s3:::patch-baseline-snapshot-{region}{snapshot_suffix}/*",
            ),
        ),
    ),
)

CAPABILITIES: tuple[Capability, ...] = (
    MESSAGING,
    HEARTBEAT,
    SCOPED_HEARTBEAT,
    EC2_DESCRIBE,
    EC2_DESCRIBE_ACTIONS,
    QUIET_AGENT,
    LEGACY_MESSAGING,
    DOCUMENTS,
    STATE_MANAGER,
    INVENTORY,
    PATCHING,
    PATCH_BASELINE_TAGS,
    DISTRIBUTOR,
    MANAGED_BUCKETS,
    PARAMETERS,
    SESSION_KEY,
    SESSION_LOGS,
    CLOUDWATCH_AGENT,
    DOMAIN_JOIN,
)
"""Every capability, in the order in which a policy document lists their actions."""

EXPLICIT_DENIES: tuple[ExplicitDeny, ...] = (
    ExplicitDeny(
        name="require_imdsv2",
        summary="Denies every call made with credentials that were fetched from the instance by IMDSv1.",
        breaks="Software on the instance that reads its credentials without a session token.",
        sources=(
            "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html#iam-example-instance-metadata",
            f"{AUTHORIZATION}/list_amazonec2.html",
        ),
        condition={"NumericLessThan": {"ec2:RoleDelivery": "2.0"}},
    ),
    ExplicitDeny(
        name="vpc_endpoints_only",
        summary="Denies every call that does not come through a VPC endpoint of the instance's own VPC.",
        breaks="Everything, sessions included, where a single service is reached by a NAT or internet gateway.",
        sources=(
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html",
            "https://github.com/aws-samples/data-perimeter-policy-examples",
        ),
        condition={
            "StringNotEquals": {"aws:Ec2InstanceSourceVpc": "${aws:SourceVpc}"},
            "Null": {"ec2:SourceInstanceARN": "false"},
            "BoolIfExists": {"aws:ViaAWSService": "false"},
        },
    ),
)
"""Every deny, in the order in which a policy document lists them."""

REFUSALS: tuple[Refusal, ...] = (
    Refusal(
        actions=("ssm:ListAssociations", "ssm:UpdateAssociationStatus"),
        why="The agent calls it only after the call that took its place was denied: state_manager grants that one, and "
        "quiet_agent grants what keeps the agent from trying.",
    ),
    Refusal(
        actions=("s3:ListBucket",),
        why="The agent asks for the region of the bucket of session_logs, and finds it in a denial just as well: "
        "nothing is lost. Where a document downloads a folder of a bucket of yours, attach a policy for that bucket.",
    ),
    Refusal(
        actions=("s3:GetObject",),
        why="managed_buckets grants it on AWS's own buckets. Where documents or software read a bucket of yours, "
        "attach a policy for that bucket.",
    ),
    Refusal(
        actions=("s3:GetBucketLocation", "s3:ListMultipartUploadParts", "s3:ListBucketMultipartUploads"),
        why="The agent does not call it.",
    ),
    Refusal(
        actions=("ssm:SendCommand", "ssm:StartSession", "ssm:ResumeSession", "ssm:TerminateSession"),
        why="It is for the people who connect to instances. An instance that has it can take over every other one.",
    ),
    Refusal(
        actions=("ssm:PutParameter", "ssm:DeleteParameter", "ssm:DeleteParameters"),
        why="Systems Manager only reads parameters on an instance. Where software of yours writes some, attach a "
        "policy for their paths.",
    ),
    Refusal(
        actions=("ssm:RegisterManagedInstance", "ssm:RequestManagedInstanceRoleToken"),
        why="The agent signs it with an identity of its own, for Default Host Management and hybrid nodes, and not "
        "with the instance's role.",
    ),
    Refusal(
        actions=("iam:*", "sts:AssumeRole"),
        why="Whoever is on the instance could take permissions beyond those of its role. Systems Manager needs no such "
        "call.",
    ),
    Refusal(
        actions=("secretsmanager:*",),
        why="domain_join grants reading its one secret. Where software of yours reads others, attach a policy for "
        "them.",
    ),
    Refusal(
        actions=("xray:*",),
        why="It is for traces by the CloudWatch agent, and no part of Systems Manager. Attach a policy where you use "
        "it.",
    ),
)
"""What no option grants. The first that names an action and its resource holds."""

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("ssm", "ssm", "The heartbeat, and every other call to Systems Manager."),
    Endpoint("ssmmessages", "ssmmessages", "Sessions and Run Command."),
    Endpoint(
        "ec2messages",
        "ec2messages",
        "Only for agents before 3.3.40.0 and on Windows Server 2012 and older. AWS does not offer it in regions "
        "launched since 2024.",
    ),
    Endpoint("ec2", "ec2", "Only where software on the instance calls EC2; the agent does not."),
    Endpoint(
        "s3",
        "s3",
        "A gateway endpoint will do. Updates, patches and packages are also downloaded without a signature, so its "
        "policy has to allow AWS's buckets to everyone.",
        capabilities=("patching", "distributor"),
    ),
    Endpoint(
        "kms",
        None,
        "Decrypting sessions: the agent calls KMS itself. Parameter Store and S3 need no endpoint for their keys.",
        capabilities=("session_kms_key_arn",),
    ),
    Endpoint("logs", "logs", "Logs of sessions, commands and the CloudWatch agent."),
    Endpoint("monitoring", "cloudwatch", "The CloudWatch agent's metrics."),
    Endpoint("tagging", "tag", "Finding patch baselines by their tags."),
    Endpoint("ds", "ds", "Joining the directory."),
    Endpoint("secretsmanager", "secretsmanager", "Joining the directory, on Linux."),
)
"""VPC endpoints, by AWS's page on them and by what each service is called for."""

DEFAULT_HOST_MANAGEMENT = (
    "Default Host Management Configuration applies to the instance if the account uses it: the role of the instance "
    "does not allow `ssm:UpdateInstanceInformation`, so the agent requests the account's default role."
)
"""What follows for an instance whose role does not allow the heartbeat."""

NO_DEFAULT_HOST_MANAGEMENT = (
    "Default Host Management Configuration does not apply to the instance: the role of the instance allows "
    "`ssm:UpdateInstanceInformation`, so the agent never requests the account's default role. Grant everything that "
    "the instance needs to this role."
)
"""What follows for an instance whose role allows the heartbeat."""

EC2_ADVICE = (
    "The agent calls none of these actions. Two of them, `ec2:DescribeInstanceAttribute` and "
    "`ec2:DescribeLaunchTemplateVersions`, read the user data of other instances. List the actions that your software "
    "calls in `ec2_describe_actions`, or set `ec2_describe: false`."
)
"""How to replace `ec2:Describe*`."""

NOT_NEEDED = "No capability of Systems Manager needs it."
"""Why no option grants an action that :data:`REFUSALS` does not name."""
