"""How the use of each action can be seen in AWS CloudTrail. Part of the data of the catalogue.

An action that AWS's pages do not list counts as never recorded, even if an event of it has been seen somewhere: a time
without events of it says nothing.
"""

from dataclasses import dataclass
from enum import Enum

from .catalogue import USER_GUIDE


class Kind(Enum):
    """The closed list of ways in which CloudTrail records a call."""

    MANAGEMENT = "management event"
    """Recorded by every trail, unless the trail leaves out reads, writes, or the events of a service."""
    DATA = "data event, off by default"
    """Recorded only by a trail that selects data events, perhaps of some resources only."""
    NEVER = "never"
    """Not recorded, or in no list of what is recorded."""


@dataclass(frozen=True)
class Visibility:
    """How CloudTrail records the calls of an action."""

    kind: Kind
    source: str
    """The page of AWS that says so. For :attr:`Kind.NEVER`, the page whose lists do not have the action."""


_SYSTEMS_MANAGER = f"{USER_GUIDE}/monitoring-cloudtrail-logs.html"
_CLOUDTRAIL = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide"
_LOG_EXAMPLES = f"{_CLOUDTRAIL}/cloudtrail-log-file-examples.html"
_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html"
_PUT_OBJECT = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html"
_EC2 = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitor-with-cloudtrail.html"
_KMS = "https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html"
_LOGS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/logging_cw_api_calls_cwl.html"
_CLOUDWATCH = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/logging_cw_api_calls.html"
_XRAY = "https://docs.aws.amazon.com/xray/latest/devguide/xray-api-cloudtrail.html"
_INSPECTOR = "https://docs.aws.amazon.com/inspector/latest/user/logging-using-cloudtrail.html"
_DIRECTORY = "https://docs.aws.amazon.com/directoryservice/latest/admin-guide/logging-using-cloudtrail-ads.html"
_SECRETS = "https://docs.aws.amazon.com/secretsmanager/latest/userguide/monitoring-cloudtrail.html"
_TAGS = f"{_CLOUDTRAIL}/cloudtrail-aws-service-specific-topics.html"

_ACTIONS: tuple[tuple[Kind, str, str, str], ...] = (
    # The data channel is in neither list of this page.
    (Kind.NEVER, _SYSTEMS_MANAGER, "ssmmessages", "CreateDataChannel OpenDataChannel"),
    # Their events have the source ssm.amazonaws.com.
    (Kind.DATA, _SYSTEMS_MANAGER, "ssmmessages", "CreateControlChannel OpenControlChannel"),
    (
        Kind.NEVER,
        _SYSTEMS_MANAGER,
        "ec2messages",
        "AcknowledgeMessage DeleteMessage FailMessage GetEndpoint GetMessages SendReply",
    ),
    (
        Kind.MANAGEMENT,
        _SYSTEMS_MANAGER,
        "ssm",
        (
            "DescribeAssociation DescribeDocument DescribeEffectivePatchesForPatchBaseline DescribePatchBaselines "
            "GetDeployablePatchSnapshotForInstance GetDocument GetParameter GetParameters GetParametersByPath "
            "GetPatchBaseline PutComplianceItems PutInventory"
        ),
    ),
    # The agent's heartbeat is the example of an Insights event, which is made from management events.
    (Kind.MANAGEMENT, _LOG_EXAMPLES, "ssm", "UpdateInstanceInformation"),
    # Internal calls. The page says "all API calls", and public CloudTrail logs have both.
    (Kind.MANAGEMENT, _SYSTEMS_MANAGER, "ssm", "ListInstanceAssociations UpdateInstanceAssociationStatus"),
    # Internal calls, too. No event of them was found, and the API reference to which the page refers has neither.
    (Kind.NEVER, _SYSTEMS_MANAGER, "ssm", "GetManifest PutConfigurePackageResult"),
    (Kind.MANAGEMENT, _EC2, "ec2", "Describe* {each} DescribeTags DescribeVolumes"),
    (Kind.MANAGEMENT, _KMS, "kms", "Decrypt GenerateDataKey"),
    (Kind.DATA, _S3, "s3", "AbortMultipartUpload GetObject ListBucket PutObject"),
    # The event is GetBucketEncryption.
    (Kind.MANAGEMENT, _S3, "s3", "GetEncryptionConfiguration"),
    # The agent sends the ACL with PutObject, whose event is all there is.
    (Kind.NEVER, _PUT_OBJECT, "s3", "PutObjectAcl"),
    (
        Kind.MANAGEMENT,
        _LOGS,
        "logs",
        "CreateLogGroup CreateLogStream DescribeLogGroups DescribeLogStreams PutRetentionPolicy",
    ),
    (Kind.NEVER, _LOGS, "logs", "PutLogEvents"),
    (Kind.DATA, _CLOUDWATCH, "cloudwatch", "PutMetricData"),
    (Kind.DATA, _XRAY, "xray", "GetSamplingTargets PutTelemetryRecords PutTraceSegments"),
    (Kind.MANAGEMENT, _XRAY, "xray", "GetSamplingStatisticSummaries"),
    (Kind.NEVER, _XRAY, "xray", "GetSamplingRules"),
    (
        Kind.MANAGEMENT,
        _INSPECTOR,
        "inspector2",
        "SendCisSessionHealth SendCisSessionTelemetry StartCisSession StopCisSession",
    ),
    (Kind.MANAGEMENT, _DIRECTORY, "ds", "CreateComputer DescribeDirectories"),
    (Kind.MANAGEMENT, _SECRETS, "secretsmanager", "GetSecretValue"),
    # Events of it exist, from tagging.amazonaws.com. No page of AWS about them was found.
    (Kind.NEVER, _TAGS, "tag", "GetResources"),
)

VISIBILITY = {
    f"{service}:{name}": Visibility(kind, source)
    for kind, source, service, names in _ACTIONS
    for name in names.split(" ")
}
"""How the use of each action of the catalogue can be seen. The keys are those of the grants."""

CALLED_ONCE = {
    "cloudwatch_agent.retention": "The CloudWatch agent sets the retention of a log group when it starts to use it",
    "domain_join": "An instance joins its directory once",
}
"""Features that an instance uses once, so that the next instance can need what no instance has called for long."""


ASKED_FOR_BY_SESSIONS = ("session_kms_key_arn", "session_kms_key_alias", "session_logs")
"""Capabilities that the session preferences ask for. A session that has not been opened for long can be opened next."""


def visibility_of(action: str) -> Visibility | None:
    """How the use of an action can be seen. None if this is not known.

    Args:
        action: An action, such as ``ec2:DescribeVpcs``, or that of a grant, such as ``ec2:Describe*``.
    """
    if action not in VISIBILITY and action.startswith("ec2:"):
        return VISIBILITY["ec2:Describe*"]  # the page says so of every action of EC2
    return VISIBILITY.get(action)
