"""The catalogue: every action that an option can grant, and the reason for it.

This module is data. :mod:`ssm_profile.policy` builds policy documents from it. The command and the documents take their
explanations from it.

The ``measured`` field describes the behavior of the real ``amazon-ssm-agent``: a build of its source of 2024-10-21 (the
release after 3.3.987.0), which ran for up to eight minutes at a time with sessions and commands. A recorder answered
its calls instead of AWS. tests/data has the calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .regions import gateway_endpoint, interface_endpoint

USER_GUIDE = "https://docs.aws.amazon.com/systems-manager/latest/userguide"
AUTHORIZATION = "https://docs.aws.amazon.com/service-authorization/latest/reference"
AGENT_SOURCE = "https://github.com/aws/amazon-ssm-agent/blob/1c217c89b42d"

CONDITION_KEYS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"
DATA_PERIMETER = "https://github.com/aws-samples/data-perimeter-policy-examples/blob/main"

SESSION_PERMISSIONS = f"{USER_GUIDE}/getting-started-create-iam-instance-profile.html"
MESSAGE_APIS = f"{USER_GUIDE}/systems-manager-setting-up-messageAPIs.html"

ANY_INSTANCE = "arn:{partition}:ec2:*:*:instance/*"
"""Every EC2 instance. The agent names only its own instance, so region and account would only add lookups."""
ANY_ASSOCIATION = "arn:{partition}:ssm:{region}:{account}:association/*"
AWS_DOCUMENTS = "arn:{partition}:ssm:{region}::document/*"
"""The documents that AWS owns. Their ARNs have no account."""
OWN_DOCUMENTS = "arn:{partition}:ssm:{region}:{account}:document/*"
ANY_PATCH_BASELINE = "arn:{partition}:ssm:{region}:*:patchbaseline/*"
"""Every patch baseline, in any account: AWS keeps the predefined patch baselines in its own accounts."""


@dataclass(frozen=True)
class Grant:
    """One action that an instance may call, with its resources and the reason for it."""

    action: str
    """The IAM action. ``{each}`` is replaced by each entry of the list that ``each`` names.

    Of a list of maps, the templates name keys: ``{each[bucket]}``. Each map then has grants of its own.
    """
    purpose: str
    """The use that the instance makes of the action. Begins with a verb: "Opens ..."."""
    symptom: str
    """What a person sees when the action is not allowed."""
    measured: str
    """How often the real agent called the action, and what happened when it was denied."""
    sources: tuple[str, ...]
    """URLs of the evidence: AWS's pages and the agent's source."""
    resources: tuple[str, ...] = ("*",)
    """ARN templates. The partition, the region and the account are looked up only if a template names them."""
    sufficient: tuple[str, ...] = ()
    """ARN templates of what AWS checks, if the action needs less than the resources. Empty if it needs them."""
    condition: Mapping[str, Mapping[str, tuple[str, ...]]] = field(
        default_factory=dict[str, Mapping[str, tuple[str, ...]]]
    )
    """The condition of the statement: operator, condition key, values. The values are templates too."""
    each: str | None = None
    """The option, or ``option.key``, with the list whose entries replace ``{each}``."""
    needs: str | None = None
    """The ``option.key`` that this grant requires. None if it requires none."""
    agents: str = "all"
    """The agent versions that need the action."""
    is_optional: bool = False
    """Whether the capability works without the action. Then the symptom is all that happens."""


@dataclass(frozen=True)
class Capability:
    """One feature that an instance can use: the grants that one option turns on."""

    name: str
    """The option that turns it on. A capability that is always granted has no option, only this name."""
    summary: str
    """One sentence that says what the capability is for."""
    grants: tuple[Grant, ...]
    replaces: str | None = None
    """The capability that is not granted when this one is."""
    alternative_to: str | None = None
    """The capability that grants the same, with an option that excludes the option of this one."""


@dataclass(frozen=True)
class ExplicitDeny:
    """A condition under which every action is denied, whatever other statements allow."""

    name: str
    """The option that turns it on."""
    summary: str
    """One sentence that says what is denied."""
    breaks: str
    """What stops working when the instance's environment does not meet the condition."""
    sources: tuple[str, ...]
    """URLs of the evidence."""
    condition: Mapping[str, Mapping[str, str]]
    """The condition of the statement: operator, condition key, value."""


@dataclass(frozen=True)
class NotGranted:
    """Actions that no option grants, although AWS's managed policies grant them or the agent calls them."""

    actions: tuple[str, ...]
    """IAM actions. They can contain wildcards."""
    why: str
    """The reason, and what to do if software on the instance needs the action."""


@dataclass(frozen=True)
class VpcEndpoint:
    """A VPC endpoint that a subnet without internet access needs."""

    service: str
    """The last part of its name."""
    prefix: str | None
    """The service prefix whose actions all go through the endpoint. None if only some of them do."""
    note: str
    """What the endpoint is for, and what to know about it."""
    capabilities: tuple[str, ...] = ()
    """Capabilities that need the endpoint, whatever their actions are."""
    is_gateway: bool = False
    """Whether it is a gateway endpoint. Otherwise it is an interface endpoint."""

    def name(self, region: str) -> str:
        """Its name in a region, such as ``com.amazonaws.eu-central-1.ssm``."""
        return (gateway_endpoint if self.is_gateway else interface_endpoint)(self.service, region)


MESSAGING = Capability(
    name="messaging",
    summary="Opens the two channels between the agent and Systems Manager, for sessions and Run Command.",
    grants=(
        Grant(
            action="ssmmessages:CreateDataChannel",
            purpose="Registers the data channel that carries a session's input and output.",
            symptom="The instance is online, but every session ends after a few seconds.",
            measured="Called once per session. When denied: six tries in four seconds, then the session failed.",
            sources=(SESSION_PERMISSIONS, f"{AGENT_SOURCE}/agent/session/datachannel/datachannel.go#L1167"),
        ),
        Grant(
            action="ssmmessages:OpenDataChannel",
            purpose="Opens the WebSocket of a session's data channel.",
            symptom="The instance is online, but every session ends after a few seconds.",
            measured="Called once per session. When denied: six tries in four seconds, then the session failed.",
            sources=(SESSION_PERMISSIONS, f"{AGENT_SOURCE}/agent/session/datachannel/datachannel.go#L336"),
        ),
        Grant(
            action="ssmmessages:CreateControlChannel",
            purpose="Registers the control channel, which carries commands and their responses.",
            symptom="Sessions cannot start, because the instance never connects to Session Manager.",
            measured="Called once at start and once for each reconnection. When denied: retried forever, and the agent "
            "kept polling ec2messages.",
            sources=(SESSION_PERMISSIONS, f"{AGENT_SOURCE}/agent/session/controlchannel/controlchannel.go#L274"),
        ),
        Grant(
            action="ssmmessages:OpenControlChannel",
            purpose="Opens the WebSocket of the control channel and keeps it open.",
            symptom="Sessions cannot start, because the instance never connects to Session Manager.",
            measured="Called once at start and once for each reconnection. When denied: retried forever, and the agent "
            "kept polling ec2messages.",
            sources=(SESSION_PERMISSIONS, f"{AGENT_SOURCE}/agent/session/controlchannel/controlchannel.go#L207"),
        ),
    ),
)

_HEARTBEAT = Grant(
    action="ssm:UpdateInstanceInformation",
    purpose="Registers the instance and keeps its status up to date. This call is the agent's heartbeat.",
    symptom="The instance does not appear in Systems Manager.",
    measured="Called three times in the first two seconds, once more within five minutes, then every five minutes. "
    "When denied: the agent's worker never started.",
    sources=(
        SESSION_PERMISSIONS,
        f"{AUTHORIZATION}/list_awssystemsmanager.html",
        f"{AGENT_SOURCE}/agent/health/healthcheck.go#L154",
    ),
)

HEARTBEAT = Capability(
    name="heartbeat",
    summary="Registers the instance and reports its status.",
    grants=(_HEARTBEAT,),
)

SCOPED_HEARTBEAT = Capability(
    name="scope_heartbeat",
    summary="Grants the heartbeat on EC2 instances only, instead of on every resource.",
    replaces="heartbeat",
    grants=(replace(_HEARTBEAT, resources=(ANY_INSTANCE,)),),
)

_DESCRIBE = Grant(
    action="ec2:Describe*",
    purpose="Lets software on the instance read its EC2 environment, such as tags, volumes and networks.",
    symptom="Software on the instance that calls EC2 fails with UnauthorizedOperation. The agent does not call EC2.",
    measured="Not called by the agent, whose build contains no EC2 client. When denied: nothing changed.",
    sources=(
        f"{AUTHORIZATION}/list_amazonec2.html",
        f"{AGENT_SOURCE}/vendor/github.com/aws/aws-sdk-go/service",
    ),
)

EC2_DESCRIBE = Capability(
    name="ec2_describe",
    summary="Lets software on the instance read its EC2 environment.",
    grants=(_DESCRIBE,),
)

EC2_DESCRIBE_ACTIONS = Capability(
    name="ec2_describe_actions",
    summary="Lets software on the instance read its EC2 environment with the listed actions only.",
    replaces="ec2_describe",
    grants=(
        replace(
            _DESCRIBE,
            action="ec2:{each}",
            each="ec2_describe_actions",
            purpose="Lets software on the instance read this part of its EC2 environment.",
        ),
    ),
)

_POLLED = "Called three or four times in the first minute, then not again."

QUIET_AGENT = Capability(
    name="quiet_agent",
    summary="Allows two calls that the agent makes in any case, so that its log has no AccessDenied errors.",
    grants=(
        Grant(
            action="ec2messages:GetMessages",
            purpose="Polls the older message channel until the control channel is open. AWS has this channel only in "
            "regions launched before 2024.",
            symptom="The agent logs 27 AccessDenied errors in the first minute after start. Nothing else fails.",
            measured=f"{_POLLED} When denied: 27 tries in the first minute; sessions worked.",
            sources=(
                MESSAGE_APIS,
                f"{AUTHORIZATION}/list_amazonmessagedeliveryservice.html",
                f"{AGENT_SOURCE}/agent/runcommand/mds/service.go#L154",
            ),
        ),
        Grant(
            action="ssm:ListInstanceAssociations",
            purpose="Lists the State Manager associations of the instance.",
            symptom="The agent logs three AccessDenied errors every ten minutes. Only associations do not work.",
            measured="Called at start, then every ten minutes. When denied: the agent tried ListAssociations instead; "
            "sessions worked.",
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
    measured: str = "Not called by the agent of 2024, which receives commands through the control channel.",
) -> Grant:
    return Grant(
        action=f"ec2messages:{action}",
        purpose=purpose,
        symptom="Commands to agents without the newer channel stay Pending until they time out.",
        measured=measured,
        sources=(
            MESSAGE_APIS,
            f"{AUTHORIZATION}/list_amazonmessagedeliveryservice.html",
            f"{AGENT_SOURCE}/agent/messageservice/interactor/mdsinteractor/mdsinteractor.go#L271",
        ),
        agents="before 3.3.40.0, and every version on Windows Server 2012 and earlier for aws:updateAgent",
    )


LEGACY_MESSAGING = Capability(
    name="legacy_messaging",
    summary="Lets agents without the newer channel receive commands through ec2messages, which AWS has only in "
    "regions launched before 2024.",
    grants=(
        _legacy("AcknowledgeMessage", "Confirms that a command was received."),
        _legacy("DeleteMessage", "Deletes a command that is done. The agent's updater calls it."),
        _legacy("FailMessage", "Reports that a command could not be processed."),
        _legacy("GetEndpoint", "Finds the endpoint to poll. AWS's managed policies grant it."),
        _legacy("GetMessages", "Polls for commands.", _POLLED),
        _legacy("SendReply", "Returns the result of a command."),
    ),
)

_GET_DOCUMENT = Grant(
    action="ssm:GetDocument",
    purpose="Reads the content of an SSM document.",
    symptom="The step fails with AccessDeniedException on ssm:GetDocument.",
    measured="Called once by aws:runDocument, by aws:downloadContent for an SSM document, and for the document of an "
    "association. Not called for sessions or Run Command.",
    sources=(_SSM_ACTIONS, f"{AGENT_SOURCE}/agent/plugins/rundocument/rundocument.go#L208"),
    resources=(AWS_DOCUMENTS, OWN_DOCUMENTS),
)
_DESCRIBE_DOCUMENT = replace(
    _GET_DOCUMENT,
    action="ssm:DescribeDocument",
    purpose="Reads the status and the version of the document of a package.",
    symptom="AWS-ConfigureAWSPackage fails for packages that are SSM documents, with or without a version.",
    measured="Called once for a package that is a document, and by no other plugin. When denied: GetDocument "
    "was not called.",
    sources=(
        _SSM_ACTIONS,
        f"{AGENT_SOURCE}/agent/plugins/configurepackage/birdwatcher/documentarchive/documentarchive.go#L158",
    ),
)

DOCUMENTS = Capability(
    name="documents",
    summary="Reads SSM documents, for aws:runDocument, aws:downloadContent and AWS-RunPatchBaselineWithHooks.",
    grants=(
        replace(
            _GET_DOCUMENT,
            sources=(*_GET_DOCUMENT.sources, f"{USER_GUIDE}/patch-manager-aws-runpatchbaselinewithhooks.html"),
        ),
    ),
)

_SHARED_DOCUMENTS: dict[str, Any] = {"resources": ("{each}",), "each": "document_arns"}

DOCUMENT_ARNS = Capability(
    name="document_arns",
    summary="Reads documents that other accounts share, by their ARNs.",
    grants=(
        replace(
            _GET_DOCUMENT,
            purpose="Reads the content of a document that another account shares.",
            symptom="The step or association fails with AccessDeniedException on ssm:GetDocument.",
            sources=(
                f"{USER_GUIDE}/documents-ssm-sharing.html",
                _SSM_ACTIONS,
                f"{AGENT_SOURCE}/agent/plugins/rundocument/rundocument.go#L208",
            ),
            **_SHARED_DOCUMENTS,
        ),
        replace(
            _DESCRIBE_DOCUMENT,
            purpose="Looks up the version of a package that another account shares.",
            symptom="AWS-ConfigureAWSPackage fails for the packages among the documents.",
            is_optional=True,
            **_SHARED_DOCUMENTS,
        ),
    ),
)

_LIST_INSTANCE_ASSOCIATIONS = QUIET_AGENT.grants[1]
_PUT_COMPLIANCE_ITEMS = Grant(
    action="ssm:PutComplianceItems",
    purpose="Reports whether the instance complies with its associations and patches.",
    symptom="Compliance shows no data for the instance.",
    measured="Called once for each association that ran.",
    sources=(MESSAGE_APIS, _SSM_ACTIONS, f"{AGENT_SOURCE}/agent/association/compliance/uploader/uploader.go#L129"),
    resources=(ANY_INSTANCE,),
)

STATE_MANAGER = Capability(
    name="state_manager",
    summary="Lets State Manager run associations on the instance and report their results.",
    grants=(
        replace(
            _LIST_INSTANCE_ASSOCIATIONS,
            symptom="Associations do not run. They stay Pending, and the agent's log shows AccessDeniedException.",
        ),
        Grant(
            action="ssm:UpdateInstanceAssociationStatus",
            purpose="Reports the result of an association.",
            symptom="Associations run, but they stay Pending in the console.",
            measured="Called four times for one association. When denied: the association ran.",
            sources=(MESSAGE_APIS, _SSM_ACTIONS, f"{AGENT_SOURCE}/agent/association/service/service.go#L313"),
            resources=(ANY_INSTANCE, ANY_ASSOCIATION),
        ),
        _PUT_COMPLIANCE_ITEMS,
        replace(_GET_DOCUMENT, symptom="Associations fail when the agent fetches their document."),
    ),
)

_PUT_INVENTORY = Grant(
    action="ssm:PutInventory",
    purpose="Uploads inventory data, such as software, network configuration and patches.",
    symptom="Inventory stays empty, and the association that collects it fails.",
    measured="Called once for an association with AWS-GatherSoftwareInventory.",
    sources=(_SSM_ACTIONS, f"{AGENT_SOURCE}/agent/plugins/inventory/datauploader/uploader.go#L121"),
)

INVENTORY = Capability(
    name="inventory",
    summary="Uploads the data that an inventory association collects.",
    grants=(_PUT_INVENTORY,),
)

INSPECTOR_PATHS = (
    "arn:{partition}:ssm:{region}:{account}:parameter/inspector-aws/service/inspector-linux-application-paths"
)
INSPECTOR_GUIDE = "https://docs.aws.amazon.com/inspector/latest/user"
_INSPECTOR_ACTIONS = f"{AUTHORIZATION}/list_amazoninspector2.html"
_INSPECTOR_MEASURED = "Not measured. The SSM plugin of Amazon Inspector calls it, not the agent itself."


def _cis(action: str, purpose: str) -> Grant:
    return Grant(
        action=f"inspector2:{action}",
        purpose=purpose,
        symptom="CIS scans end without a single check.",
        measured=_INSPECTOR_MEASURED,
        sources=(
            f"{INSPECTOR_GUIDE}/scanning-cis.html",
            "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonInspector2ManagedCisPolicy.html",
            _INSPECTOR_ACTIONS,
        ),
    )


INSPECTOR = Capability(
    name="inspector",
    summary="Lets Amazon Inspector scan Windows, inspect packages of programming languages, and run CIS scans.",
    grants=(
        replace(
            _PUT_INVENTORY,
            purpose="Uploads the software that a scan of Windows or deep inspection of Linux finds.",
            symptom="Amazon Inspector shows no vulnerabilities of Windows, or of packages of programming languages.",
            measured=_INSPECTOR_MEASURED,
            sources=(
                f"{INSPECTOR_GUIDE}/deep-inspection.html",
                f"{INSPECTOR_GUIDE}/windows-scanning.html",
                _SSM_ACTIONS,
            ),
        ),
        _cis("StartCisSession", "Starts the session of a CIS scan."),
        _cis("StopCisSession", "Ends the session of a CIS scan."),
        _cis("SendCisSessionTelemetry", "Sends the results of the checks."),
        _cis("SendCisSessionHealth", "Reports that the scan is running."),
        Grant(
            action="ssm:GetParameter",
            purpose="Reads the custom paths that deep inspection searches.",
            symptom="Deep inspection fails.",
            measured=_INSPECTOR_MEASURED,
            sources=(
                f"{INSPECTOR_GUIDE}/deep-inspection.html",
                "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonInspector2ServiceRolePolicy.html",
            ),
            resources=(INSPECTOR_PATHS,),
        ),
    ),
)

_PATCH_DOCUMENTS = f"{USER_GUIDE}/patch-manager-ssm-documents.html"
_PATCH_MEASURED = "Not measured. The scripts of AWS-RunPatchBaseline call it, not the agent itself."

PATCHING = Capability(
    name="patching",
    summary="Lets Patch Manager scan for patches and install them with AWS-RunPatchBaseline and similar documents.",
    grants=(
        Grant(
            action="ssm:GetDeployablePatchSnapshotForInstance",
            purpose="Fetches the snapshot of the patch baseline that applies to the instance.",
            symptom="AWS-RunPatchBaseline fails right after it starts.",
            measured=_PATCH_MEASURED,
            sources=(_SSM_ACTIONS, _PATCH_DOCUMENTS),
        ),
        replace(
            _PUT_INVENTORY,
            purpose="Uploads the state of each patch.",
            symptom="AWS-RunPatchBaseline fails when it reports its results, and patch compliance shows no data.",
            measured=_PATCH_MEASURED,
            sources=(_SSM_ACTIONS, _PATCH_DOCUMENTS),
        ),
        replace(
            _PUT_COMPLIANCE_ITEMS,
            symptom="AWS-RunPatchBaselineAssociation fails when it reports its results.",
            measured=_PATCH_MEASURED,
            sources=(_SSM_ACTIONS, _PATCH_DOCUMENTS),
        ),
        Grant(
            action="ssm:DescribeAssociation",
            purpose="Reads the patching association, for AWS-RunPatchBaselineAssociation.",
            symptom="AWS-RunPatchBaselineAssociation fails right after it starts.",
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
        symptom="AWS-RunPatchBaselineAssociation fails when BaselineTags are specified.",
        measured=_PATCH_MEASURED,
        sources=(_SSM_ACTIONS, f"{USER_GUIDE}/patch-manager-aws-runpatchbaselineassociation.html"),
        resources=(resource,),
    )


PATCH_BASELINE_TAGS = Capability(
    name="patch_baseline_tags",
    summary="Lets AWS-RunPatchBaselineAssociation select patch baselines by their tags.",
    grants=(
        _by_baseline_tag("ssm:DescribePatchBaselines", "Lists the patch baselines."),
        _by_baseline_tag("tag:GetResources", "Finds the patch baselines with the tags."),
        _by_baseline_tag("ssm:GetPatchBaseline", "Reads the selected patch baseline.", ANY_PATCH_BASELINE),
        _by_baseline_tag(
            "ssm:DescribeEffectivePatchesForPatchBaseline",
            "Lists the patches that the selected patch baseline approves.",
            ANY_PATCH_BASELINE,
        ),
    ),
)

_PATCH_POLICY_BUCKET = (
    "arn:{partition}:s3:::aws-quicksetup-patchpolicy-{patch_policy[account_id]}-{patch_policy[configuration_id]}"
)

PATCH_POLICY = Capability(
    name="patch_policy",
    summary="Reads the patch baselines of one patch policy of Quick Setup. The bucket also asks for a tag on the role, "
    "which the option adds.",
    grants=(
        Grant(
            action="s3:GetObject",
            purpose="Reads the file with the baselines in the bucket that Quick Setup created for the patch policy.",
            symptom="Patching by the patch policy fails: the script cannot download baseline_overrides.json from S3.",
            measured=_PATCH_MEASURED,
            sources=(
                f"{USER_GUIDE}/quick-setup-patch-manager.html",
                f"{USER_GUIDE}/patch-manager-troubleshooting.html",
                "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSQuickSetupPatchPolicyBaselineAccess.html",
            ),
            resources=(f"{_PATCH_POLICY_BUCKET}/baseline_overrides.json",),
        ),
    ),
)

DISTRIBUTOR = Capability(
    name="distributor",
    summary="Installs Distributor packages with the plugin aws:configurePackage.",
    grants=(
        replace(
            _GET_DOCUMENT,
            purpose="Reads the document of a package, which lists the package's files.",
            symptom="AWS-ConfigureAWSPackage fails for packages that are SSM documents.",
            measured="Called once for a package that is a document. Not called for a package of the package service.",
        ),
        _DESCRIBE_DOCUMENT,
        Grant(
            action="ssm:GetManifest",
            purpose="Finds a package in the package service, or finds that it is a document instead.",
            symptom="AWS-ConfigureAWSPackage fails, also for packages that are documents. It works if the name is the "
            "ARN of a document, or if the version has characters other than letters, digits and dots.",
            measured="Called twice for a package of the package service, once for one that is a document. When denied: "
            "nothing else was called for either.",
            sources=(
                MESSAGE_APIS,
                _SSM_ACTIONS,
                f"{AGENT_SOURCE}/agent/plugins/configurepackage/configurepackage.go#L445",
                f"{AGENT_SOURCE}/agent/plugins/configurepackage/birdwatcher/birdwatcherarchive/birdwatcherarchive.go#L115",
            ),
        ),
        Grant(
            action="ssm:PutConfigurePackageResult",
            purpose="Reports the result of an installation, for the service's own statistics.",
            symptom="The agent logs an AccessDenied error for each installation. Nothing else fails.",
            measured="Called once for each installation, whatever the kind of the package.",
            sources=(
                MESSAGE_APIS,
                _SSM_ACTIONS,
                f"{AGENT_SOURCE}/agent/plugins/configurepackage/birdwatcher/birdwatcherservice/birdwatcherservice.go#L160",
            ),
            is_optional=True,
        ),
    ),
)


def _via_service(service: str, region: str) -> tuple[str, str]:
    """The values of ``kms:ViaService``. In partitions with another DNS suffix, it is not known which one KMS uses.

    The wildcard at the end is for the partition aws-cn. The second value is only for partitions whose DNS suffix is in
    :data:`~.regions.OTHER_DNS_SUFFIXES`.
    """
    return f"{service}.{region}.amazonaws.com*", f"{service}.{region}.{{dns_suffix}}"


_PARAMETER_ARNS = (
    "arn:{partition}:ssm:{region}:{parameter_owner}:parameter{each}",
    "arn:{partition}:ssm:{region}:{parameter_owner}:parameter{each}/*",
)
"""The parameters at and below a path. :func:`ssm_profile.policy.owner_of_parameters` says whose they are."""
_PARAMETERS = Grant(
    action="ssm:GetParameters",
    purpose="Reads the parameters that a document or software on the instance refers to.",
    symptom="Commands with a parameter fail, and the agent's log shows AccessDeniedException on ssm:GetParameters.",
    measured="Called once for a {{ssm:parameter}} in a command, on that parameter.",
    sources=(
        _SSM_ACTIONS,
        f"{USER_GUIDE}/sysman-paramstore-access.html",
        f"{AGENT_SOURCE}/agent/framework/docparser/parameterstore/parameterstore.go#L310",
    ),
    resources=_PARAMETER_ARNS,
    each="parameters.paths",
    needs="parameters.paths",
)
_PARAMETER = replace(
    _PARAMETERS,
    action="ssm:GetParameter",
    purpose="Reads one parameter, for software on the instance.",
    symptom="Software that reads a parameter fails with AccessDeniedException.",
    measured="Not called by the agent, which uses GetParameters.",
)
_PARAMETER_KEY = "https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html"
_SHARED_PARAMETERS = f"{USER_GUIDE}/parameter-store-shared-parameters.html"


def _shared(grant: Grant, **changes: Any) -> Grant:
    """A grant on parameters that other accounts share, instead of those at paths."""
    shared: dict[str, Any] = {"resources": ("{each}",), "needs": "parameters.shared_arns"}
    return replace(
        grant,
        sources=(_SHARED_PARAMETERS, *grant.sources),
        each="parameters.shared_arns",
        **shared | changes,
    )


def _of_parameters(arns: tuple[str, ...], region: str = "{region}") -> dict[str, dict[str, tuple[str, ...]]]:
    """The condition for a key: only through Systems Manager in a region, and only for parameters."""
    return {"StringLike": {"kms:ViaService": _via_service("ssm", region), "kms:EncryptionContext:PARAMETER_ARN": arns}}


_DECRYPT_PARAMETERS = replace(
    _PARAMETERS,
    action="kms:Decrypt",
    purpose="Decrypts SecureString parameters, only through Systems Manager and only for these parameters.",
    symptom="Reading a SecureString parameter fails with AccessDeniedException on kms:Decrypt.",
    measured="Not measured. The agent rejects SecureString parameters in {{ssm:parameter}}.",
    sources=(_PARAMETER_KEY,),
    resources=("{parameters[kms_key_arn]}",),
    condition=_of_parameters(_PARAMETER_ARNS),
    needs="parameters.kms_key_arn",
)

PARAMETERS = Capability(
    name="parameters",
    summary="Reads the parameters of Parameter Store at the given paths and ARNs, and no others. The parameters below "
    "/aws/service are public: AWS owns them, and their ARNs have no account.",
    grants=(
        _PARAMETER,
        _PARAMETERS,
        replace(
            _PARAMETERS,
            action="ssm:GetParametersByPath",
            purpose="Lists the parameters below a path. IAM checks only the path: denying one parameter has no effect.",
            symptom="Software that lists the parameters below a path fails with AccessDeniedException.",
            measured="Not called by the agent.",
            needs="parameters.recursive",
        ),
        _DECRYPT_PARAMETERS,
        _shared(_PARAMETER, purpose="Reads one parameter that another account shares, for software on the instance."),
        _shared(
            replace(
                _PARAMETERS,
                symptom="Software that reads shared parameters fails with AccessDeniedException.",
                measured="Not called by the agent on shared parameters: Run Command does not support them.",
                sources=(_SSM_ACTIONS, f"{USER_GUIDE}/sysman-paramstore-access.html"),
            ),
            purpose="Reads parameters that another account shares, for software on the instance.",
        ),
        _shared(
            _DECRYPT_PARAMETERS,
            purpose="Decrypts shared SecureString parameters, only through Systems Manager and only for them.",
            resources=("{parameters[shared_kms_key_arn]}",),
            condition=_of_parameters(("{each}",), region="*"),  # the ARNs say the regions
            needs="parameters.shared_kms_key_arn",
        ),
    ),
)

_SESSION_PREFERENCES = f"{USER_GUIDE}/getting-started-create-iam-instance-profile.html"

_OF_SESSIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": ("aws:ssm:SessionId",)}
}
"""The condition for a key: only for what is encrypted for a session. The agent sends this context with every call."""

_DECRYPT_SESSION = Grant(
    action="kms:Decrypt",
    purpose="Decrypts the session's data key, which the user who starts the session generates, and nothing else.",
    symptom="Sessions end with a message that the data key could not be decrypted.",
    measured="Called once per session with a key. The agent calls KMS itself, so kms:ViaService is absent. The "
    "encryption context has the keys aws:ssm:SessionId and aws:ssm:TargetId.",
    sources=(
        f"{USER_GUIDE}/session-preferences-enable-encryption.html",
        "https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html",
        f"{AGENT_SOURCE}/agent/session/crypto/kmsservice.go#L73",
        f"{AGENT_SOURCE}/agent/session/crypto/blockcipher.go#L87",
    ),
    resources=("{session_kms_key_arn}",),
    condition=_OF_SESSIONS,
)

SESSION_KEY = Capability(
    name="session_kms_key_arn",
    summary="Decrypts sessions that are encrypted with a KMS key, in addition to TLS.",
    grants=(_DECRYPT_SESSION,),
)

SESSION_KEY_ALIAS = Capability(
    name="session_kms_key_alias",
    summary="Decrypts sessions that are encrypted with the KMS key that has an alias, whichever key that is.",
    grants=(
        replace(
            _DECRYPT_SESSION,
            sources=(
                "https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html",
                *_DECRYPT_SESSION.sources,
            ),
            resources=("arn:{partition}:kms:{region}:{account}:key/*",),
            condition={
                "ForAnyValue:StringEquals": {
                    "kms:ResourceAliases": ("{session_kms_key_alias}",),
                    **_OF_SESSIONS["ForAnyValue:StringEquals"],
                }
            },
        ),
    ),
    alternative_to=SESSION_KEY.name,
)

_LOG_OBJECTS = "arn:{partition}:s3:::{session_logs[bucket]}/{session_logs[prefix]}*"
_LOG_OBJECT = Grant(
    action="s3:PutObject",
    purpose="Uploads session logs and command output.",
    symptom="The session or command works, but its log does not arrive in the bucket.",
    measured="Called once for each session log or command output.",
    sources=(_SESSION_PREFERENCES, f"{AGENT_SOURCE}/agent/s3util/s3util.go#L102"),
    resources=(_LOG_OBJECTS,),
    needs="session_logs.bucket",
)
_LOG_KEY = replace(
    _LOG_OBJECT,
    action="kms:GenerateDataKey",
    purpose="Encrypts uploads to a bucket that uses your own KMS key.",
    symptom="Uploading to the bucket fails with AccessDenied on kms:GenerateDataKey.",
    measured="Not measured. S3 calls KMS on behalf of the agent.",
    sources=(_SESSION_PREFERENCES,),
    resources=("{session_logs[kms_key_arn]}",),
    condition={"StringLike": {"kms:ViaService": _via_service("s3", "*")}},
    needs="session_logs.kms_key_arn",
)
_LOG_RESOURCES = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html"
"""Says that a policy names a log group with ``:*`` at the end.

Messages of denied calls show why: they name ``log-group:NAME:log-stream:STREAM``, and ``log-group:NAME:log-stream:``
for calls without a stream. An ARN without ``:*`` matches neither.
"""


def _log_resources(log_group: str) -> dict[str, Any]:
    arn = f"arn:{{partition}}:logs:{{region}}:{{account}}:log-group:{log_group}"
    return {"resources": (arn, f"{arn}:*"), "sufficient": (f"{arn}:log-stream:*",)}


_LOG_GROUP = Grant(
    action="logs:CreateLogStream",
    purpose="Creates the log stream of a session or command.",
    symptom="The session or command works, but its log does not arrive in the log group.",
    measured="Called once for each session log or command output.",
    sources=(
        f"{AUTHORIZATION}/list_amazoncloudwatchlogs.html",
        _LOG_RESOURCES,
        f"{AGENT_SOURCE}/agent/agentlogstocloudwatch/cloudwatchlogspublisher/cloudwatchlogsservice.go#L232",
    ),
    **_log_resources("{session_logs[log_group]}"),
    needs="session_logs.log_group",
)
_DESCRIBE_LOG_GROUPS = replace(
    _LOG_GROUP,
    action="logs:DescribeLogGroups",
    purpose="Looks up the log group. The action works only on the resource *: a narrower one breaks logging.",
    symptom="Command output does not arrive in the log group. Sessions whose preferences ask for an encrypted log "
    "group end with a message that encryption is not set up on it.",
    measured="Called once for each logged session or command output. When denied: a session ended if encryption was "
    "asked for, else its log was sent; command output was not sent.",
    sources=(
        f"{AUTHORIZATION}/list_amazoncloudwatchlogs.html",
        "https://github.com/aws/amazon-ssm-agent/issues/246",
        f"{AGENT_SOURCE}/agent/session/shell/shell.go#L108",
    ),
    resources=("*",),
    sufficient=(),
)

SESSION_LOGS = Capability(
    name="session_logs",
    summary="Sends session logs and command output to S3, to CloudWatch Logs, or to both.",
    grants=(
        _LOG_OBJECT,
        replace(
            _LOG_OBJECT,
            action="s3:AbortMultipartUpload",
            purpose="Aborts a failed upload of more than 5 MiB, so that no parts of it stay in the bucket.",
            symptom="Parts of failed uploads stay in the bucket and cost money.",
            measured="Not called in the measured runs. The agent's S3 client calls it when a large upload fails.",
            is_optional=True,
        ),
        replace(
            _LOG_OBJECT,
            action="s3:GetEncryptionConfiguration",
            purpose="Checks whether the bucket is encrypted, before the first upload.",
            symptom="Sessions fail if the session preferences require an encrypted bucket. Otherwise uploads continue.",
            measured="Called once or twice for each session log or command output. When denied: a session ended if "
            "encryption was asked for, else its log was uploaded.",
            sources=(_SESSION_PREFERENCES, f"{AGENT_SOURCE}/agent/s3util/s3util.go#L148"),
            resources=("arn:{partition}:s3:::{session_logs[bucket]}",),
        ),
        replace(
            _LOG_OBJECT,
            action="s3:PutObjectAcl",
            purpose="Gives the owner of the bucket full control of the uploaded objects, and sets no other ACL.",
            symptom="Uploads to a bucket in another account fail with AccessDenied. It is not known whether uploads "
            "in the same account fail: the session or command would succeed, and its log would not arrive.",
            measured="Not a call of its own: the agent sends the ACL bucket-owner-full-control with each upload. When "
            "the recorder refused such uploads: no log arrived; the sessions and commands succeeded.",
            sources=(
                "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html",
                f"{AUTHORIZATION}/list_amazons3.html",
                "https://repost.aws/knowledge-center/ssm-s3-bucket-logging-multiple-accounts",
                f"{AGENT_SOURCE}/agent/s3util/s3util.go#L175",
            ),
            condition={"StringEquals": {"s3:x-amz-acl": ("bucket-owner-full-control",)}},
            is_optional=True,
        ),
        _LOG_KEY,
        replace(
            _LOG_KEY,
            action="kms:Decrypt",
            purpose="Lets S3 read the parts of an upload of more than 5 MiB again.",
            symptom="Uploading a log of more than 5 MiB to the bucket fails with AccessDenied on kms:Decrypt.",
        ),
        _DESCRIBE_LOG_GROUPS,
        _LOG_GROUP,
        replace(
            _LOG_GROUP,
            action="logs:DescribeLogStreams",
            purpose="Looks up the log stream before the first write.",
            symptom="The agent logs an AccessDenied error. The log of a session arrives, if it is not streamed.",
            measured="Called once for each session log or command output. When denied: the whole log of a session was "
            "sent at its end. Not measured for streamed logs and command output.",
            is_optional=True,
        ),
        replace(_LOG_GROUP, action="logs:PutLogEvents", purpose="Writes the log to the log stream."),
    ),
)

_AGENT_POLICY = (
    "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudWatchAgentServerPolicy.html",
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/create-iam-roles-for-cloudwatch-agent.html",
)
_CLOUDWATCH_AGENT_SOURCE = "https://github.com/aws/amazon-cloudwatch-agent/blob/0792a3deaf4e"
_LOG_TARGETS = f"{_CLOUDWATCH_AGENT_SOURCE}/plugins/outputs/cloudwatchlogs/internal/pusher/target.go"
"""Every call of the CloudWatch agent about log groups and log streams. DescribeLogStreams is not among them."""


def _cloudwatch(action: str, purpose: str, symptom: str, *, sources: tuple[str, ...] = (), **further: Any) -> Grant:
    grant = Grant(
        action=action,
        purpose=purpose,
        symptom=symptom,
        measured="Not measured. The CloudWatch agent calls it, not the SSM agent.",
        sources=(*_AGENT_POLICY, *sources),
    )
    return replace(grant, **further)


_AGENT_LOG_GROUPS: dict[str, Any] = {**_log_resources("{each}"), "each": "cloudwatch_agent.log_groups"}
_AGENT_LOG_GROUP_PREFIXES: dict[str, Any] = {
    # The wildcard matches the end of the ARN, too, so that no second ARN is needed.
    "resources": ("arn:{partition}:logs:{region}:{account}:log-group:{each}*",),
    "sufficient": (
        "arn:{partition}:logs:{region}:{account}:log-group:{each}*:*",
        "arn:{partition}:logs:{region}:{account}:log-group:{each}*:log-stream:*",
    ),
    "each": "cloudwatch_agent.log_group_prefixes",
}


def _agent_logs(scope: dict[str, Any]) -> tuple[Grant, ...]:
    """What writes to log groups, which *scope* names."""
    common: dict[str, Any] = {
        "symptom": "No log events arrive, and the CloudWatch agent's log shows AccessDeniedException.",
        "sources": (_LOG_TARGETS,),
        "needs": scope["each"],
        **scope,
    }
    return (
        _cloudwatch("logs:CreateLogGroup", "Creates the log group if it does not exist.", **common),
        _cloudwatch("logs:CreateLogStream", "Creates the log stream of the instance.", **common),
        _cloudwatch("logs:PutLogEvents", "Sends log events.", **common),
    )


_RETENTION: dict[str, Any] = {
    "symptom": "The retention time of the log group does not change. Log events still arrive.",
    "sources": (_LOG_TARGETS,),
    "needs": "cloudwatch_agent.retention",
}


_XRAY_POLICY = "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSXRayDaemonWriteAccess.html"
_FOR_SDKS = "Not measured. X-Ray SDKs call it through the CloudWatch agent, which signs the call with the role."
_NO_SAMPLING_RULES = "Applications sample with the default rule of their X-Ray SDK instead of the rules of the account."


def _trace(action: str, purpose: str, symptom: str, measured: str, **optional: bool) -> Grant:
    return _cloudwatch(
        action,
        purpose,
        symptom,
        sources=(_XRAY_POLICY,),
        measured=measured,
        needs="cloudwatch_agent.traces",
        **optional,
    )


CLOUDWATCH_AGENT = Capability(
    name="cloudwatch_agent",
    summary="Lets the CloudWatch agent send metrics, logs and traces, and read its configuration.",
    grants=(
        _cloudwatch(
            "cloudwatch:PutMetricData",
            "Sends metrics, only in the given namespace.",
            "No metrics arrive, and the CloudWatch agent's log shows AccessDenied.",
            condition={"StringEquals": {"cloudwatch:namespace": ("{cloudwatch_agent[namespace]}",)}},
        ),
        _cloudwatch(
            "ssm:GetParameter",
            "Reads the CloudWatch agent's configuration from a parameter with AWS's default name prefix.",
            "AmazonCloudWatch-ManageAgent fails when it fetches the configuration.",
            resources=("arn:{partition}:ssm:{region}:{account}:parameter/AmazonCloudWatch-*",),
        ),
        _cloudwatch(
            "ec2:DescribeTags",
            "Adds the Auto Scaling group name to metrics.",
            "Metrics lack the dimension AutoScalingGroupName.",
        ),
        _cloudwatch(
            "ec2:DescribeVolumes", "Adds volume IDs to disk metrics.", "Disk metrics lack the dimension VolumeId."
        ),
        *_agent_logs(_AGENT_LOG_GROUPS),
        *_agent_logs(_AGENT_LOG_GROUP_PREFIXES),
        _cloudwatch("logs:DescribeLogGroups", "Looks up the retention time of the log group.", **_RETENTION),
        *(
            _cloudwatch(
                "logs:PutRetentionPolicy",
                "Sets the retention time of the log group, which can also delete events early.",
                **_RETENTION,
                **scope,
            )
            for scope in (_AGENT_LOG_GROUPS, _AGENT_LOG_GROUP_PREFIXES)
        ),
        _trace(
            "xray:PutTraceSegments",
            "Sends traces to X-Ray, from X-Ray SDKs and from OpenTelemetry.",
            "No traces arrive, and the CloudWatch agent's log shows AccessDeniedException.",
            "Not measured. The X-Ray exporter of the CloudWatch agent calls it.",
        ),
        _trace(
            "xray:PutTelemetryRecords",
            "Reports how many traces were sent and rejected.",
            "X-Ray shows no telemetry of the agent. Traces still arrive.",
            "Not measured. The X-Ray exporter calls it only if its telemetry is on.",
            is_optional=True,
        ),
        _trace(
            "xray:GetSamplingRules",
            "Reads the sampling rules of the account, for applications that use an X-Ray SDK.",
            _NO_SAMPLING_RULES,
            _FOR_SDKS,
            is_optional=True,
        ),
        _trace(
            "xray:GetSamplingTargets",
            "Reads how many requests each sampling rule may still sample, for applications that use an X-Ray SDK.",
            _NO_SAMPLING_RULES,
            _FOR_SDKS,
            is_optional=True,
        ),
        _trace(
            "xray:GetSamplingStatisticSummaries",
            "Reads how many requests were sampled. AWS's managed policies grant it.",
            "Software that reads the sampling statistics fails with AccessDeniedException. Traces still arrive.",
            "Not measured. No call of the CloudWatch agent to it was found in its source.",
            is_optional=True,
        ),
    ),
)

_JOIN = (
    "https://docs.aws.amazon.com/directoryservice/latest/admin-guide/seamlessly_join_linux_instance.html",
    f"{AGENT_SOURCE}/agent/plugins/domainjoin/domainjoin_unix_script.go#L508",
)


_CROSS_ACCOUNT_ACCESS = (
    "https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples_cross.html"
)
# The question marks match the six characters that Secrets Manager adds to every name.
_JOIN_ARN = (
    "arn:{{partition}}:secretsmanager:{{region}}:{account}:secret:"
    "aws/directory-services/{directory}/seamless-domain-join-??????"
)


def _domain_join(action: str, purpose: str, resource: str, **further: Any) -> Grant:
    grant = Grant(
        action=action,
        purpose=purpose,
        symptom="AWS-JoinDirectoryServiceDomain fails, and the instance does not join the domain.",
        measured="Not measured. The script of the plugin aws:domainJoin calls it.",
        sources=_JOIN,
        resources=(resource,),
    )
    return replace(grant, **further)


DOMAIN_JOIN = Capability(
    name="domain_join",
    summary="Joins the instance to one directory of AWS Directory Service.",
    grants=(
        _domain_join("ds:DescribeDirectories", "Finds the directory's DNS servers.", "*"),
        _domain_join(
            "ds:CreateComputer",
            "Creates the computer account of the instance in the directory, on Windows.",
            "arn:{partition}:ds:{region}:{account}:directory/{domain_join[directory_id]}",
            measured="Not measured. AmazonSSMDirectoryServiceAccess grants it. The script for Linux does not call it.",
        ),
        _domain_join(
            "secretsmanager:GetSecretValue",
            "Reads the secret with the account that joins Linux instances to the directory.",
            _JOIN_ARN.format(account="{account}", directory="{domain_join[directory_id]}"),
        ),
        _domain_join(
            "secretsmanager:GetSecretValue",
            "Reads the secret in the account that owns a shared directory, if the role's own account has none.",
            _JOIN_ARN.format(account="{domain_join[owner_account_id]}", directory="{domain_join[owner_directory_id]}"),
            needs="domain_join.owner_directory_id",
            sources=(*_JOIN, _CROSS_ACCOUNT_ACCESS),
        ),
        _domain_join(
            "kms:Decrypt",
            "Decrypts the secret, only through Secrets Manager and only for secrets of this kind.",
            "{domain_join[kms_key_arn]}",
            symptom="Reading the secret fails with AccessDeniedException on kms:Decrypt.",
            measured="Not measured. Secrets Manager calls KMS on behalf of the script.",
            condition={
                "StringLike": {
                    "kms:ViaService": _via_service("secretsmanager", "{region}"),
                    "kms:EncryptionContext:SecretARN": (_JOIN_ARN.format(account="*", directory="*"),),
                }
            },
            needs="domain_join.kms_key_arn",
            sources=(
                _CROSS_ACCOUNT_ACCESS,
                "https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html",
            ),
        ),
    ),
)

MANAGED_BUCKETS = Capability(
    name="managed_buckets",
    summary="Reads AWS's own S3 buckets in the region, for VPCs that reach S3 through a VPC endpoint.",
    grants=(
        Grant(
            action="s3:GetObject",
            purpose="Downloads agent updates, packages and patches from AWS's buckets with signed requests.",
            symptom="Updates and patching fail behind a VPC endpoint whose policy requires a principal. Elsewhere they "
            "work, because the agent falls back to unsigned HTTPS requests.",
            measured="Not called in the measured runs. The agent's source tries a signed download first.",
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

_READ_OBJECT = Grant(
    action="s3:GetObject",
    purpose="Downloads scripts, Ansible playbooks and patch lists from your bucket.",
    symptom="AWS-RunRemoteScript and AWS-ApplyAnsiblePlaybooks fail to download the file, because the agent falls back "
    "to an unsigned request, which your bucket denies. AWS-RunPatchBaseline fails to read its list.",
    measured="Not measured for a bucket of your own. The agent's source calls it for each file. The scripts of "
    "AWS-RunPatchBaseline read patch lists, not the agent itself.",
    sources=(
        f"{USER_GUIDE}/integration-s3.html",
        f"{USER_GUIDE}/patch-manager-override-lists.html",
        f"{AGENT_SOURCE}/agent/fileutil/artifact/artifact.go",
        "https://github.com/aws/amazon-ssm-agent/issues/338",
    ),
    resources=("arn:{partition}:s3:::{each[bucket]}/{each[prefix]}*",),
    each="read_buckets",
)

READ_BUCKETS = Capability(
    name="read_buckets",
    summary="Reads scripts, Ansible playbooks and patch lists in the given S3 buckets, and in no others.",
    grants=(
        _READ_OBJECT,
        replace(
            _READ_OBJECT,
            action="s3:ListBucket",
            purpose="Lists the files of a folder, for a path that ends in a slash.",
            symptom="A document fails to download a path that ends in a slash. For the path of a file nothing fails: "
            "the agent lists it, too, and then downloads it as a file. Older agents, such as 2.3.1319.0, fail for a "
            "file, too.",
            measured="Not measured for a folder. When denied on a bucket of AWS: the agent went on and downloaded the "
            "file.",
            sources=(
                f"{AUTHORIZATION}/list_amazons3.html",
                f"{AGENT_SOURCE}/agent/plugins/downloadcontent/s3resource/s3resource.go",
                "https://github.com/aws/amazon-ssm-agent/issues/287",
            ),
            resources=("arn:{partition}:s3:::{each[bucket]}",),
            condition={"StringLike": {"s3:prefix": ("{each[prefix]}*",)}},
            needs="read_buckets.folders",
        ),
        replace(
            _READ_OBJECT,
            action="kms:Decrypt",
            purpose="Decrypts objects in a bucket that uses your own KMS key, only through S3.",
            symptom="Downloading fails with AccessDenied on kms:Decrypt.",
            measured="Not measured. S3 calls KMS on behalf of the agent.",
            sources=("https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html",),
            resources=("{each[kms_key_arn]}",),
            condition={"StringLike": {"kms:ViaService": _via_service("s3", "*")}},
            needs="read_buckets.kms_key_arn",
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
    DOCUMENT_ARNS,
    STATE_MANAGER,
    INVENTORY,
    INSPECTOR,
    PATCHING,
    PATCH_BASELINE_TAGS,
    DISTRIBUTOR,
    MANAGED_BUCKETS,
    PATCH_POLICY,
    READ_BUCKETS,
    PARAMETERS,
    SESSION_KEY,
    SESSION_KEY_ALIAS,
    SESSION_LOGS,
    CLOUDWATCH_AGENT,
    DOMAIN_JOIN,
)
"""Every capability, in the order of a policy document."""

EXPLICIT_DENIES: tuple[ExplicitDeny, ...] = (
    ExplicitDeny(
        name="require_imdsv2",
        summary="Denies every call made with credentials that were fetched through IMDSv1.",
        breaks="Software on the instance that fetches its credentials through IMDSv1, without a session token.",
        sources=(
            "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html#iam-example-instance-metadata",
            f"{AUTHORIZATION}/list_amazonec2.html",
        ),
        condition={"NumericLessThan": {"ec2:RoleDelivery": "2.0"}},
    ),
    ExplicitDeny(
        name="vpc_endpoints_only",
        summary="Denies every call that does not come through a VPC endpoint in the instance's own VPC.",
        breaks="Every call to a service that the instance reaches through a NAT gateway, an internet gateway, or a VPC "
        "endpoint in another VPC, such as a central one. Without its own endpoints for ssm and ssmmessages, the "
        "instance goes offline. If the role has further policies: calls to OpenSearch, DAX, Neptune, MSK, EFS and RDS "
        "that IAM authorizes (es, dax, neptune-db, kafka-cluster, elasticfilesystem, rds-db), because they go to a "
        "network interface in the VPC and not through a VPC endpoint.",
        sources=(
            f"{CONDITION_KEYS}#condition-keys-ec2instancesourcevpc",
            f"{DATA_PERIMETER}/service_control_policies/service_specific_controls/README.md",
        ),
        condition={
            "StringNotEquals": {"aws:SourceVpc": "${aws:Ec2InstanceSourceVpc}"},
            "Null": {"ec2:SourceInstanceARN": "false"},
            "BoolIfExists": {"aws:ViaAWSService": "false"},
        },
    ),
)
"""Every explicit deny, in the order of a policy document."""

NOT_GRANTED: tuple[NotGranted, ...] = (
    NotGranted(
        actions=("ssm:ListAssociations", "ssm:UpdateAssociationStatus"),
        why="The agent calls them only as a fallback, after the calls that replaced them were denied. state_manager "
        "grants those calls, and quiet_agent grants the one that the agent polls.",
    ),
    NotGranted(
        actions=("s3:ListBucket",),
        why="read_buckets grants it for the folders that documents download. Elsewhere the agent calls it to find the "
        "region of a bucket, such as that of session_logs. An AccessDenied response contains the region too, so "
        "nothing fails.",
    ),
    NotGranted(
        actions=("s3:GetObject",),
        why="read_buckets grants it on the buckets that you name, and managed_buckets on AWS's own. If your software "
        "reads other buckets, attach a policy for them.",
    ),
    NotGranted(
        actions=("s3:GetBucketLocation", "s3:ListMultipartUploadParts", "s3:ListBucketMultipartUploads"),
        why="The agent does not call them.",
    ),
    NotGranted(
        actions=("ssm:SendCommand", "ssm:StartSession", "ssm:ResumeSession", "ssm:TerminateSession"),
        why="They are for people who connect to instances. An instance with them can take over every other instance.",
    ),
    NotGranted(
        actions=("ssm:PutParameter", "ssm:DeleteParameter", "ssm:DeleteParameters"),
        why="Systems Manager only reads parameters on an instance. If your software writes parameters, attach a policy "
        "for their paths.",
    ),
    NotGranted(
        actions=("ssm:RegisterManagedInstance", "ssm:RequestManagedInstanceRoleToken"),
        why="The agent calls them for Default Host Management and for hybrid nodes. It signs them with its own "
        "identity and not with the instance's role.",
    ),
    NotGranted(
        actions=("iam:*", "sts:AssumeRole"),
        why="Software on the instance could gain permissions beyond those of its role. Systems Manager does not need "
        "these actions.",
    ),
    NotGranted(
        actions=("secretsmanager:*",),
        why="domain_join grants reading the secret of a directory. If your software reads other secrets, attach a "
        "policy for them.",
    ),
    NotGranted(
        actions=("xray:*",),
        why="cloudwatch_agent grants those that send traces, with its key traces. If your software needs others, "
        "attach a policy for them.",
    ),
)
"""Actions that no option grants. The first entry that matches an action applies."""

VPC_ENDPOINTS: tuple[VpcEndpoint, ...] = (
    VpcEndpoint("ssm", "ssm", "The heartbeat and all other calls to Systems Manager."),
    VpcEndpoint("ssmmessages", "ssmmessages", "Sessions and Run Command."),
    VpcEndpoint(
        "ec2messages",
        "ec2messages",
        "Needed only by agents before 3.3.40.0, and on Windows Server 2012 and earlier by documents with "
        "aws:updateAgent. AWS does not offer it in regions launched since 2024.",
    ),
    VpcEndpoint("ec2", "ec2", "Needed only if software on the instance calls EC2. The agent does not call EC2."),
    VpcEndpoint(
        "s3",
        "s3",
        "A gateway endpoint is sufficient. The agent also downloads updates, patches and packages with unsigned "
        "requests, so the endpoint policy must allow every principal to read AWS's buckets. Scans of Windows by Amazon "
        "Inspector read the bucket `inspector2-oval-prod-<region>`.",
        capabilities=("patching", "distributor", "inspector"),
        is_gateway=True,
    ),
    VpcEndpoint(
        "kms",
        None,
        "Decrypting sessions, because the agent calls KMS itself. The keys of Parameter Store and S3 need no endpoint.",
        capabilities=("session_kms_key_arn", "session_kms_key_alias"),
    ),
    VpcEndpoint("inspector2", "inspector2", "CIS scans of Amazon Inspector."),
    VpcEndpoint("logs", "logs", "Session logs, command output, and logs of the CloudWatch agent."),
    VpcEndpoint("monitoring", "cloudwatch", "Metrics of the CloudWatch agent."),
    VpcEndpoint("xray", "xray", "Traces of the CloudWatch agent."),
    VpcEndpoint("tagging", "tag", "Finding patch baselines by their tags."),
    VpcEndpoint("ds", "ds", "Joining the directory."),
    VpcEndpoint(
        "secretsmanager",
        "secretsmanager",
        "Joining the directory on Linux. The script also downloads packages of "
        "the distribution and the AWS CLI from awscli.amazonaws.com, for which it needs internet access or a proxy.",
    ),
)
"""The VPC endpoints that a private subnet needs, from AWS's page about them and from the calls of each service."""

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
