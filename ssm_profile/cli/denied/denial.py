"""A denied call: the action, the resource, the caller, and the policy that denied it."""

import re
from dataclasses import dataclass, replace

from .key_uses import KeyUse

INSTANCE = "instance"
UNKNOWN = "unknown"

CALLER_KINDS = {
    INSTANCE: "the role of an EC2 instance",
    UNKNOWN: "unknown: the message does not name the caller",
    "hybrid node": "the service role of a hybrid node, which its activation names",
    "Default Host Management": "the account's default role of Default Host Management Configuration",
    "EC2 identity": "the identity of an instance, which is not the role of its profile",
    "Lightsail instance": "the role of a Lightsail instance, which AWS owns",
    "SSO role": "a person with a role of IAM Identity Center",
    "IAM user": "an IAM user",
    "root user": "the root user of an account",
    "federated user": "a federated user",
    "IAM role": "a role, without the session that uses it",
    "ECS task": "the role of an ECS task",
    "CodeBuild build": "the service role of a CodeBuild build",
    "Lambda function": "the execution role of a Lambda function",
    "AWS service": "an AWS service",
    "other session": "a session whose name is not an instance ID, for example of a person, a Lambda function or a pod",
}
"""Who called, in words. Only the first two can be the role of an instance profile."""

OF_ROLE = "identity-based policy"

POLICY_OWNERS = {
    OF_ROLE: "the owner of the role",
    "service control policy": "the administrators of the AWS organization",
    "resource control policy": "the administrators of the AWS organization of the account that owns the resource",
    "permissions boundary": "the owner of the policy that is the role's permissions boundary",
    "session policy": "whoever assumes the role and passes the policy. EC2 passes none for an instance",
    "VPC endpoint policy": "the owner of the VPC endpoint",
    "resource-based policy": "the owner of the resource, for example of the bucket or the KMS key",
    "role trust policy": "the owner of the role to be assumed",
    "S3 Block Public Access": "the owner of the bucket",
}
"""The kinds of policy that deny calls, as AWS names them, and who can change each.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""


def policy_owner(kind: str | None, policy: str | None) -> str | None:
    """Who can change a policy. The ARN of an organization's policy contains the management account."""
    owner = POLICY_OWNERS.get(kind or "")
    if owner and policy and ":organizations:" in policy and (account := account_of(policy)):
        owner += f", whose management account is {account}"
    return owner


_SESSION = re.compile(r"arn:[^:]*:sts::[^:]*:assumed-role/(?P<role>[^/]+)/(?P<session>.+)")
_IDENTITY_KINDS = {"user": "IAM user", "root": "root user", "role": "IAM role", "federated-user": "federated user"}
_ROLE_KINDS = (
    (r"aws:ec2-.*", "EC2 identity"),
    (r"AmazonLightsailInstanceRole", "Lightsail instance"),
    (r"AWSSystemsManagerDefaultEC2InstanceManagementRole", "Default Host Management"),
    (r"AWSReservedSSO_.*", "SSO role"),
    (r"AWSServiceRoleFor.*", "AWS service"),
)
_SESSION_KINDS = (
    (r"i-.+", INSTANCE),
    (r"mi-.+", "hybrid node"),
    (r"AWSCodeBuild-.+", "CodeBuild build"),
    # Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    (r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ECS task"),
    (r"[\W_]*|[xX*]+|<.*>", UNKNOWN),  # a session whose name was removed
)


@dataclass(frozen=True)
class Caller:
    """Who made a call."""

    arn: str | None = None
    kind: str = UNKNOWN
    """One of :data:`CALLER_KINDS`."""

    @property
    def can_be_instance(self) -> bool:
        """Whether the caller is the role of an instance, or can be one."""
        return self.kind in (INSTANCE, UNKNOWN)

    @property
    def account(self) -> str | None:
        """The account of the caller, if it is known."""
        return account_of(self.arn)


@dataclass(frozen=True)
class Denial:
    """A denied call, from one message."""

    action: str | None = None
    """None if the message does not name the action."""
    resource: str | None = None
    """None if the message does not name a resource."""
    caller: Caller = Caller()
    kind: str | None = None
    """The kind of the policy that denied the call, one of :data:`POLICY_OWNERS`. None if no kind is named."""
    explicit: bool = False
    """Whether a policy denies the call explicitly. Otherwise no policy of the kind allows it."""
    policy: str | None = None
    """The ARN of the policy, or the ID of the VPC endpoint."""
    missing_action: str | None = None
    """The action that no policy allows, if it is not the action that was called."""
    line: str | None = None
    """The name of the known log line that the message is part of."""
    options: tuple[str, ...] | None = None
    """The only options that are for this use of the action. None if the message does not say what the use is."""
    use: str | None = None
    """What the call was for, such as what used a key, as a sentence in Markdown."""
    parameter: str | None = None
    """The ARN of the parameter for which a key was used, if the event says it."""
    requested_with: str | None = None
    """The denied resource that the message names, if the same request is for this resource, too."""
    encoded: str | None = None
    """The encoded authorization message."""

    @property
    def needed(self) -> str | None:
        """The action that must be allowed."""
        return self.missing_action or self.action

    @property
    def is_of_key(self) -> bool:
        """Whether the action is one of KMS."""
        return (self.needed or "").startswith("kms:")

    def with_use(self, use: KeyUse | None) -> "Denial":
        """The denial of a key with what used the key, if that is known and not yet part of it."""
        return self if use is None or self.options is not None else replace(self, options=use.options, use=use.summary)

    @property
    def can_be_granted(self) -> bool:
        """Whether an Allow in a policy of the role can be what is missing."""
        return not self.explicit and self.kind in (None, OF_ROLE)


def caller_of(arn: str | None, issuer: str | None = None) -> Caller:
    """The caller that an ARN names.

    Args:
        arn: The ARN of an identity or of a role session.
        issuer: The type of what the credentials were issued to, from a CloudTrail event: ``AWS::Lambda::Function``.
    """
    issuers = {"AWS::Lambda::Function": "Lambda function", "AWS::ECS::Task": "ECS task"}
    if issuer in issuers:
        return Caller(arn, issuers[issuer])
    if arn is None:
        return Caller()
    if not arn.startswith("arn:"):
        return Caller(arn, "AWS service" if re.fullmatch(r"[\w.-]+\.amazonaws\.com(\.cn)?", arn) else UNKNOWN)
    if session := _SESSION.fullmatch(arn):
        kinds = [kind for pattern, kind in _ROLE_KINDS if re.fullmatch(pattern, session["role"])]
        kinds += [kind for pattern, kind in _SESSION_KINDS if re.fullmatch(pattern, session["session"])]
        return Caller(arn, [*kinds, "other session"][0])
    return Caller(arn, _IDENTITY_KINDS.get(re.split("[:/]", arn.split(":", 5)[-1])[0], UNKNOWN))


def account_of(arn: str | None) -> str | None:
    """The account in an ARN. None if the ARN has none, or if somebody removed it."""
    parts = (arn or "").split(":", 5)
    return parts[4] if len(parts) > 4 and re.fullmatch(r"\d{12}", parts[4]) else None  # noqa: PLR2004 - the fifth part
