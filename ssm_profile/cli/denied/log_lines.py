"""Lines of logs and consoles that mean a permission problem without naming the action. This module is data."""

import re
from dataclasses import dataclass
from functools import cached_property

from ssm_profile.catalogue import AGENT_SOURCE, USER_GUIDE


@dataclass(frozen=True)
class LogLine:
    """A line that is known to mean a permission problem."""

    name: str
    text: str
    """A regular expression. A space in it is any white space. ``(?P<object>...)`` is the S3 object of the line."""
    keyword: str
    """A word that every match contains. It makes the search fast."""
    cause: str
    """What is wrong, and what to do."""
    sources: tuple[str, ...]
    """Where the line comes from: files of the agent's source, AWS's pages, issues."""
    action: str | None = None
    """The action that is not allowed. None if the line has another cause."""
    options: tuple[str, ...] = ()
    """The only options that are for this use of the action. Empty if the use does not matter."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The compiled expression."""
        return re.compile(self.text.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL)


_SHELL = f"{AGENT_SOURCE}/agent/session/shell/shell.go"
_MESSAGES = f"{AGENT_SOURCE}/agent/session/config/config.go"
_CONTROL_CHANNEL = f"{AGENT_SOURCE}/agent/session/controlchannel/controlchannel.go"
_DATA_CHANNEL = f"{AGENT_SOURCE}/agent/session/datachannel/datachannel.go"
_S3 = f"{AGENT_SOURCE}/agent/s3util/s3util.go"
_KMS = f"{AGENT_SOURCE}/agent/session/crypto/kmsservice.go"
_CREDENTIALS = f"{AGENT_SOURCE}/common/identity/credentialproviders/ec2roleprovider/ec2_role_provider.go"
_ISSUES = "https://github.com/aws/amazon-ssm-agent/issues"
_BUCKET_CAUSE = (
    "The agent asks whether the bucket of the session preferences is encrypted. Either the role does not allow the "
    "question, or the bucket is not encrypted. Agents of 2019 and earlier say the same in both cases."
)
_LOG_GROUP_CAUSE = (
    "The agent looks up the log group of the session preferences. Either the role does not allow it, or the log group "
    "does not exist or is not encrypted. The agent says the same in these cases."
)

LOG_LINES: tuple[LogLine, ...] = (
    LogLine(
        name="no default host management",
        text=r"Systems Manager's instance management role is not configured for account",
        keyword="instance",
        cause="The agent asked for the account's default role, which Default Host Management Configuration sets, and "
        "the account has none. The agent asks for it only if the instance has no instance profile, or if the role of "
        "the profile does not allow ssm:UpdateInstanceInformation. The line before it in the log says which. Attach an "
        "instance profile of this component. The account's default role is not needed then.",
        sources=(
            _CREDENTIALS,
            f"{USER_GUIDE}/managed-instances-default-host-management.html",
            "https://github.com/hashicorp-education/learn-nomad-cluster-setup/issues/21",
        ),
    ),
    LogLine(
        name="no instance profile",
        text=r"EC2RoleRequestError: no EC2 instance role found",
        keyword="EC2RoleRequestError",
        cause="The instance has no instance profile, or the profile has no role. No policy is involved. Attach the "
        "instance profile of this component to the instance.",
        sources=(_CREDENTIALS, f"{_ISSUES}/292"),
    ),
    LogLine(
        name="bucket encryption",
        text=r"(?:encryption is not set up on the selected|unable to validate encryption on) Amazon S3 bucket",
        keyword="encryption",
        cause=_BUCKET_CAUSE,
        sources=(_MESSAGES, _SHELL, f"{_ISSUES}/212"),
        action="s3:GetEncryptionConfiguration",
        options=("session_logs",),
    ),
    LogLine(
        name="bucket encryption call",
        text=r"Encountered an error while calling S3 API GetBucketEncryption AccessDenied",
        keyword="GetBucketEncryption",
        cause="The role does not allow the agent to ask whether the bucket of the session preferences is encrypted.",
        sources=(_S3, f"{_ISSUES}/212"),
        action="s3:GetEncryptionConfiguration",
        options=("session_logs",),
    ),
    LogLine(
        name="log group encryption",
        text=r"(?:encryption is not set up on the selected|unable to validate encryption on) "
        r"CloudWatch Logs log group",
        keyword="encryption",
        cause=_LOG_GROUP_CAUSE,
        sources=(_MESSAGES, _SHELL, f"{_ISSUES}/198"),
        action="logs:DescribeLogGroups",
        options=("session_logs",),
    ),
    LogLine(
        name="log group lookup",
        text=r"The CloudWatch log group specified in session preferences either does not exist or unable to validate "
        r"its existence",
        keyword="preferences",
        cause=_LOG_GROUP_CAUSE,
        sources=(_SHELL,),
        action="logs:DescribeLogGroups",
        options=("session_logs",),
    ),
    LogLine(
        name="control channel",
        text=r"createControlChannel (?:failed with error|request failed)(?:(?!createDataChannel).){0,300}?"
        r"Unauthorized request",
        keyword="ControlChannel",
        cause="The service refuses the control channel. This is how it words a role that does not allow "
        "ssmmessages:CreateControlChannel.",
        sources=(_CONTROL_CHANNEL, f"{_ISSUES}/121", f"{_ISSUES}/126"),
        action="ssmmessages:CreateControlChannel",
    ),
    LogLine(
        name="data channel",
        text=r"createDataChannel (?:failed with|request failed)(?:(?!createControlChannel).){0,300}?"
        r"(?:Unauthorized request|Request is not authenticated)",
        keyword="DataChannel",
        cause="The service refuses the data channel of a session. Maintainers of the agent ask for "
        "ssmmessages:CreateDataChannel in this case. Credentials that have expired can be the cause, too.",
        sources=(_DATA_CHANNEL, f"{_ISSUES}/272"),
        action="ssmmessages:CreateDataChannel",
    ),
    LogLine(
        name="unauthorized request",
        text=r"(?:<message>\s*|(?:ssm|MessageGatewayService|MGSInteractor)[^\n]{0,200}|\A\W*)Unauthorized request",
        keyword="Unauthorized",
        cause="The message service of Systems Manager refuses a call. Which call cannot be known from this line: the "
        "words before it in the log name CreateControlChannel or CreateDataChannel. This component always grants the "
        "four actions of the channels.",
        sources=(_CONTROL_CHANNEL, _DATA_CHANNEL, f"{_ISSUES}/121"),
    ),
    LogLine(
        name="session key of the user",
        text=r"KMSEncryption failed on client",
        keyword="KMSEncryption",
        cause="The user who starts the session must be allowed to call kms:GenerateDataKey on the key of the session "
        "preferences. The role of the instance is not involved.",
        sources=(
            _DATA_CHANNEL,
            f"{USER_GUIDE}/session-preferences-enable-encryption.html",
            "https://github.com/danmx/sigil/issues/46",
        ),
    ),
    LogLine(
        name="session key",
        text=r"(?:Fetching data key failed:|Unable to retrieve data key|Error when decrypting data key)",
        keyword="data",
        cause="The agent could not decrypt the data key of a session whose preferences name a KMS key.",
        sources=(_KMS, _DATA_CHANNEL, "https://github.com/awslabs/landing-zone-accelerator-on-aws/issues/809"),
        action="kms:Decrypt",
        options=("session_kms_key_arn",),
    ),
    LogLine(
        name="unnamed key",
        text=r"The ciphertext refers to a customer master key that does not exist, does not exist in this region, or "
        r"you are not allowed to access",
        keyword="ciphertext",
        cause="KMS does not say which key it is, nor whether the key exists. A SecureString parameter needs "
        "parameters.kms_key_arn, an encrypted session needs session_kms_key_arn, and a bucket with session logs needs "
        "session_logs.kms_key_arn. The key policy must allow the role, too. Which key cannot be known from this line: "
        "look it up at the parameter, in the session preferences or at the bucket.",
        sources=("https://github.com/Droplr/aws-env/issues/29",),
    ),
    LogLine(
        name="upload",
        text=r"Failed (?:to upload|uploading) \S+ to (?P<object>s3://\S+) err:\s*(?:AccessDenied|Access Denied)",
        keyword="s3://",
        cause="The agent could not upload a session log or the output of a command.",
        sources=(_S3,),
        action="s3:PutObject",
        options=("session_logs",),
    ),
    LogLine(
        name="log stream of fluent-bit",
        text=r"CreateLogStream API responded with error='?AccessDeniedException",
        keyword="CreateLogStream",
        cause="Fluent Bit could not create a log stream. The line does not name the log group.",
        sources=("https://github.com/terraform-aws-modules/terraform-aws-eks/issues/3397",),
        action="logs:CreateLogStream",
    ),
    LogLine(
        name="log group of fluent-bit",
        text=r"CreateLogGroup API responded with error='?AccessDeniedException",
        keyword="CreateLogGroup",
        cause="Fluent Bit could not create a log group.",
        sources=("https://github.com/aws/aws-for-fluent-bit/issues/177",),
        action="logs:CreateLogGroup",
    ),
)
"""The known lines. The first that matches a place in a text applies there."""

LINES_BY_NAME = {line.name: line for line in LOG_LINES}
