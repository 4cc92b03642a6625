"""Checks of the instance and of its connection to Systems Manager."""

from collections.abc import Iterator

from ssm_profile.catalogue import MESSAGE_APIS, USER_GUIDE

from .checks import EC2_GUIDE, HOST_MANAGEMENT, REQUIREMENTS, Check, Result, unread
from .facts import Facts, Instance, Registration, Unread

AGENT_WITH_SESSIONS = (2, 3, 68, 0)
"""The first version of the agent with Session Manager."""
AGENT_WITH_TOKENS = (2, 3, 814, 0)
"""The first version that works with IMDSv2 alone. The agent's maintainers say so in issue 277."""
AGENT_WITH_NEW_SDK = (2, 3, 772, 0)
"""The first version with an AWS SDK that knows IMDSv2 (issue 238). Whether it works with IMDSv2 alone is not known."""
AGENT_WITH_HOST_MANAGEMENT = (3, 2, 582, 0)
"""The first version that Default Host Management Configuration manages."""
AGENT_WITHOUT_EC2MESSAGES = (3, 3, 40, 0)
"""The first version that receives commands through ssmmessages."""

AGENT_WITH_DIAGNOSTICS = (3, 1, 501, 0)
"""The first version with ``ssm-cli get-diagnostics``."""

_REGIONS_WITH_EC2MESSAGES = (
    *("af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2"),
    *("ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ca-central-1", "ca-west-1"),
    *("eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3"),
    *("il-central-1", "me-central-1", "me-south-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2"),
    *("cn-north-1", "cn-northwest-1", "us-gov-east-1", "us-gov-west-1"),
    *("us-iso-east-1", "us-iso-west-1", "us-isob-east-1"),
)
"""The regions launched before 2024. AWS does not offer ec2messages in later ones."""

_YOUNG = 10
"""For how many minutes after the start an instance without a heartbeat is no alarm."""

_AGENT_STATUS = f"{USER_GUIDE}/ssm-agent-status-and-restart.html"
_TOKENS = "https://github.com/aws/amazon-ssm-agent/issues/277"
_UPDATE = "Update the agent."
_ONLY_EC2MESSAGES = "Before 3.3.40.0 it receives commands only through `ec2messages`"
ENDED = ("shutting-down", "terminated")
"""The states after which an instance does not run again."""
_STATES = {
    "pending": "Wait until it runs. The agent registers the instance after the start.",
    "stopping": "Start it.",
    "stopped": "Start it.",
    "shutting-down": "It cannot be started again.",
    "terminated": "It cannot be started again.",
}


def state_check(facts: Facts) -> Check:
    """Whether the instance runs."""
    name, instance = "instance state", facts.instance
    if isinstance(instance, Unread):
        return unread(name, instance)
    if instance.state == "running":
        return Check(name, Result.OK, "The instance is running.")
    return Check(
        name,
        Result.WRONG,
        f"The instance is {instance.state}.",
        cause=f"the instance is {instance.state}",
        fix=_STATES.get(instance.state, "Start it."),
        sources=(f"{EC2_GUIDE}/ec2-instance-lifecycle.html",),
    )


def metadata_check(facts: Facts) -> Check:
    """Whether the agent can get credentials from the instance metadata service."""
    name, instance = "instance metadata", facts.instance
    if isinstance(instance, Unread):
        return unread(name, instance)
    source = (f"{EC2_GUIDE}/configuring-instance-metadata-options.html",)
    if not instance.has_metadata:
        return Check(
            name,
            Result.WRONG,
            "The instance metadata service is off (`HttpEndpoint` is `disabled`), so the agent gets no credentials.",
            cause="the instance metadata service is off",
            fix="Turn it on: `aws ec2 modify-instance-metadata-options --http-endpoint enabled --instance-id "
            f"{facts.instance_id}`.",
            sources=source,
        )
    if instance.needs_token and (problem := _token_problem(facts)):
        return problem
    limit = ""
    if instance.hop_limit == 1:
        limit = " Its hop limit is 1: enough for an agent on the host, too low for one in a container."
    return Check(name, Result.OK, f"The instance metadata service is on.{limit}", sources=source)


def _token_problem(facts: Facts) -> Check | None:
    """Why the agent may not work with IMDSv2 alone. None if it does."""
    registration = facts.registration if isinstance(facts.registration, Registration) else None
    written = registration.agent_version if registration else None
    version = version_of(written)
    if version >= AGENT_WITH_TOKENS:
        return None
    finding = "The instance metadata service requires IMDSv2, with which agents work from 2.3.814.0 on."
    sources = (f"{EC2_GUIDE}/configuring-instance-metadata-options.html", _TOKENS)
    if not version:
        text = f"{finding} The version of the agent is not known."
        return Check("instance metadata", Result.UNKNOWN, text, sources=sources)
    finding = f"{finding} The agent has version {written}."
    if version >= AGENT_WITH_NEW_SDK or (registration and registration.is_online):
        why = "Heartbeats arrive." if registration and registration.is_online else "It may get credentials."
        return Check("instance metadata", Result.UNKNOWN, f"{finding} {why}", sources=sources)
    return Check(
        "instance metadata",
        Result.WRONG,
        f"{finding} It gets no credentials.",
        cause=f"the agent ({written}) does not know IMDSv2, which the instance requires",
        fix="Update the agent, or do not require IMDSv2: `aws ec2 modify-instance-metadata-options --http-tokens "
        f"optional --instance-id {facts.instance_id}`.",
        sources=sources,
    )


def ping_check(facts: Facts) -> Check:
    """Whether heartbeats arrive."""
    name, registration = "ping status", facts.registration
    if isinstance(registration, Unread):
        return unread(name, registration)
    if is_young(facts):
        text = f"No heartbeat has arrived yet. The instance started {started(facts)}."
        return Check(name, Result.UNKNOWN, text, sources=(REQUIREMENTS,))
    if registration is None:
        return Check(
            name,
            Result.WRONG,
            "Systems Manager does not know the instance: no heartbeat has arrived. It can also have forgotten an "
            "instance whose connection was lost for 30 days, or the instance can have a hybrid activation, and so an "
            "ID that begins with mi-.",
            sources=(REQUIREMENTS,),
        )
    if registration.is_online and is_off(facts):
        text = "The ping status is still `Online`. It is old, since the instance does not run."
        return Check(name, Result.UNKNOWN, text, sources=(REQUIREMENTS,))
    if registration.is_online:
        return Check(name, Result.OK, "The instance is online.", sources=(REQUIREMENTS,))
    since = f" The last heartbeat was at {registration.last_ping}." if registration.last_ping else ""
    return Check(name, Result.WRONG, f"The ping status is `{registration.status}`.{since}", sources=(REQUIREMENTS,))


def is_off(facts: Facts) -> bool:
    """Whether an instance certainly does not run."""
    return isinstance(facts.instance, Instance) and facts.instance.state in ("stopped", *ENDED)


def is_young(facts: Facts) -> bool:
    """Whether an instance that is not online started so late that its agent may not have registered yet."""
    instance, registration = facts.instance, facts.registration
    if isinstance(instance, Unread) or isinstance(registration, Unread) or (registration and registration.is_online):
        return False
    return instance.state == "running" and instance.minutes is not None and instance.minutes < _YOUNG


def started(facts: Facts) -> str:
    """When an instance started, in words."""
    minutes = None if isinstance(facts.instance, Unread) else facts.instance.minutes
    if not minutes:
        return "less than a minute ago"
    return f"{minutes} minute{'' if minutes == 1 else 's'} ago"


def has_ec2messages(region: str) -> bool:
    """Whether AWS offers ec2messages in a region."""
    return region in _REGIONS_WITH_EC2MESSAGES


def version_check(facts: Facts, *, needs_host_management: bool, has_legacy_messaging: bool | None) -> Check:
    """Whether the agent is new enough.

    Args:
        facts: The facts about the instance.
        needs_host_management: Whether only Default Host Management Configuration can manage the instance.
        has_legacy_messaging: Whether the role grants the ec2messages actions. None if this is not known.
    """
    name, registration = "agent version", facts.registration
    if isinstance(registration, Unread):
        return unread(name, registration)
    written = registration.agent_version if registration else None
    version = version_of(written)
    if not version:
        return Check(name, Result.UNKNOWN, "Systems Manager does not know the version of the agent.")
    cannot_register = needs_host_management and version < AGENT_WITH_HOST_MANAGEMENT
    if cannot_register:
        finding, fix = "Default Host Management Configuration needs 3.2.582.0 or later.", _UPDATE
    elif version < AGENT_WITH_SESSIONS:
        finding, fix = "It has no Session Manager, which begins with 2.3.68.0.", _UPDATE
    elif version < AGENT_WITHOUT_EC2MESSAGES and not has_ec2messages(facts.region):
        finding, fix = f"{_ONLY_EC2MESSAGES}, which AWS does not offer in {facts.region}.", _UPDATE
    elif version < AGENT_WITHOUT_EC2MESSAGES and has_legacy_messaging is None:
        text = f"The agent has version {written}. {_ONLY_EC2MESSAGES}. Whether its role allows this cannot be known."
        return Check(name, Result.UNKNOWN, text, sources=(MESSAGE_APIS,))
    elif version < AGENT_WITHOUT_EC2MESSAGES and not has_legacy_messaging:
        finding = f"{_ONLY_EC2MESSAGES}, which the role does not allow."
        fix = f"{_UPDATE[:-1]}, or set `legacyMessaging: true`."
    else:
        return Check(name, Result.OK, f"The agent has version {written}.")
    return Check(
        name,
        Result.WRONG,
        f"The agent has version {written}. {finding}",
        cause=f"the agent is too old ({written})",
        fix=fix,
        sources=(MESSAGE_APIS, HOST_MANAGEMENT, _AGENT_STATUS),
        spares_heartbeats=not cannot_register,
    )


def channel_checks(facts: Facts, *, has_legacy_messaging: bool | None) -> Iterator[Check]:
    """Whether an instance that is online is connected to Session Manager.

    Args:
        facts: The facts about the instance.
        has_legacy_messaging: Whether the role grants the ec2messages actions. None if this is not known.
    """
    name, status = "connection to Session Manager", facts.channel
    if isinstance(status, Unread):
        yield unread(name, status)
    elif status == "connected":
        yield Check(name, Result.OK, "The agent is connected, so its network and its credentials work.")
    elif status is not None:
        reach = (
            "Sessions and commands do not reach it."
            if has_legacy_messaging is False
            else "Sessions do not reach it. Commands may, through `ec2messages`."
        )
        yield Check(
            name,
            Result.WRONG,
            f"Heartbeats arrive, but the agent has no control channel. {reach}",
            sources=(f"{USER_GUIDE}/session-manager-troubleshooting.html", MESSAGE_APIS),
        )


def version_of(text: str | None) -> tuple[int, ...]:
    """The parts of a version of the agent. Empty if it is not known."""
    parts = (text or "").split(".")
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()
