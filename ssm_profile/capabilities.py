"""The catalogue: every action that an option can grant, and why.

This is data. :mod:`ssm_profile.policy` makes a policy document of it, and every explanation that a person reads, in the
terminal or in the documents, is taken from here.

"Measured" says what ``amazon-ssm-agent`` was seen to do: a build of its source of 2024-10-21 (the release after
3.3.987.0), run for eight minutes with two sessions against a recorder in place of AWS.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

USER_GUIDE = "https://docs.aws.amazon.com/systems-manager/latest/userguide"
AUTHORIZATION = "https://docs.aws.amazon.com/service-authorization/latest/reference"
AGENT_SOURCE = "https://github.com/aws/amazon-ssm-agent/blob/1c217c89b42d"

SESSION_PERMISSIONS = f"{USER_GUIDE}/getting-started-create-iam-instance-profile.html"
MESSAGE_APIS = f"{USER_GUIDE}/systems-manager-setting-up-messageAPIs.html"

ANY_INSTANCE = "arn:{partition}:ec2:*:*:instance/*"
"""Every EC2 instance. The agent only ever names its own, so region and account add nothing but two look-ups."""


@dataclass(frozen=True)
class Grant:
    """One action that an instance may call, on which resources, and why."""

    action: str
    """The IAM action. ``{each}`` stands for each entry of the capability's own option."""
    purpose: str
    """What the instance does with it."""
    without: str
    """What a person sees when it is missing."""
    measured: str
    """Whether the real agent was seen to call it, and what happened when it was denied."""
    sources: tuple[str, ...]
    """Where this is known from: AWS's pages and the agent's source."""
    resources: tuple[str, ...] = ("*",)
    """ARN templates. ``{partition}`` is looked up when, and only when, a granted action needs it."""


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
class Guard:
    """A condition under which everything is denied, whatever else is granted."""

    name: str
    """The option that switches it on."""
    summary: str
    breaks: str
    """What stops working where the guard does not fit."""
    sources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, str]]


MESSAGING = Capability(
    name="messaging",
    summary="The two channels between the agent and Systems Manager: sessions and Run Command.",
    default=True,
    grants=(
        Grant(
            action="ssmmessages:CreateDataChannel",
            purpose="Registers the data channel that carries a session's input and output.",
            without="The instance is online, but each session ends after a few seconds.",
            measured="Called once per session. Denied: six tries in four seconds, then the session failed.",
            sources=(SESSION_PERMISSIONS, f"{AGENT_SOURCE}/agent/session/datachannel/datachannel.go#L1167"),
        ),
        Grant(
            action="ssmmessages:OpenDataChannel",
            purpose="Opens the websocket of a session's data channel.",
            without="The instance is online, but each session ends after a few seconds.",
            measured="Called once per session. Denied: six tries in four seconds, then the session failed.",
            sources=(SESSION_PERMISSIONS, f"{AGENT_SOURCE}/agent/session/datachannel/datachannel.go#L336"),
        ),
        Grant(
            action="ssmmessages:CreateControlChannel",
            purpose="Registers the control channel, which carries commands and their responses.",
            without="Sessions cannot start: the instance never connects for them.",
            measured="Called once at start. Denied: retried for ever, while ec2messages was polled as the fall-back.",
            sources=(SESSION_PERMISSIONS, f"{AGENT_SOURCE}/agent/session/controlchannel/controlchannel.go#L274"),
        ),
        Grant(
            action="ssmmessages:OpenControlChannel",
            purpose="Opens the websocket of the control channel and keeps it open.",
            without="Sessions cannot start: the instance never connects for them.",
            measured="Called once at start. Denied: retried for ever, while ec2messages was polled as the fall-back.",
            sources=(SESSION_PERMISSIONS, f"{AGENT_SOURCE}/agent/session/controlchannel/controlchannel.go#L207"),
        ),
    ),
)

_HEARTBEAT = Grant(
    action="ssm:UpdateInstanceInformation",
    purpose="Registers the instance and keeps its status up to date: the agent's heartbeat.",
    without="The instance does not appear in Systems Manager at all.",
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
    without="Software that asks EC2 about its surroundings fails with UnauthorizedOperation. The agent does not ask.",
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
            without="About 30 AccessDenied lines in the agent's log in the first minute after each start. No function.",
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
            without="Three AccessDenied lines in the agent's log every ten minutes. No function but associations.",
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

CAPABILITIES: tuple[Capability, ...] = (
    MESSAGING,
    HEARTBEAT,
    SCOPED_HEARTBEAT,
    EC2_DESCRIBE,
    EC2_DESCRIBE_ACTIONS,
    QUIET_AGENT,
)
"""Every capability, in the order in which a policy document lists their actions."""

GUARDS: tuple[Guard, ...] = (
    Guard(
        name="require_imdsv2",
        summary="Denies every call made with credentials that were fetched from the instance by IMDSv1.",
        breaks="Software on the instance that reads its credentials without a session token.",
        sources=(
            "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html#iam-example-instance-metadata",
            f"{AUTHORIZATION}/list_amazonec2.html",
        ),
        condition={"NumericLessThan": {"ec2:RoleDelivery": "2.0"}},
    ),
)
"""Every guard, in the order in which a policy document lists them."""
