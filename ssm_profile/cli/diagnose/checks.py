"""The result of a check."""

from dataclasses import dataclass
from enum import Enum

from ssm_profile.catalogue import USER_GUIDE

from .facts import Unread

EC2_GUIDE = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide"
VPC_GUIDE = "https://docs.aws.amazon.com/vpc/latest"
IAM_GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
REQUIREMENTS = f"{USER_GUIDE}/fleet-manager-troubleshooting-managed-nodes.html"
ENDPOINTS = f"{USER_GUIDE}/setup-create-vpc.html"
HOST_MANAGEMENT = f"{USER_GUIDE}/fleet-manager-default-host-management-configuration.html"


class Result(Enum):
    """What a check says."""

    OK = "ok"
    WRONG = "wrong"
    UNREAD = "not read"
    """AWS did not answer, for example because a permission is missing."""
    UNKNOWN = "not known"
    """The facts do not decide it."""
    SKIPPED = "not checked"


@dataclass(frozen=True)
class Check:
    """What a check says about an instance. Sentences are Markdown."""

    name: str
    result: Result
    finding: str
    """What was found, and why the result is not known where it is not."""
    cause: str = ""
    """If it is wrong: the reason in a few words, worded to follow a colon."""
    fix: str = ""
    """What to do."""
    permission: str = ""
    """The permission that is missing to read the facts."""
    sources: tuple[str, ...] = ()
    spares_heartbeats: bool = False
    """Whether heartbeats arrive even if it is wrong: it is about sessions and commands."""


def unread(name: str, fact: Unread) -> Check:
    """The check of a fact that could not be read."""
    if fact.is_denied:
        finding, permission = f"The credentials do not allow `{fact.action}`.", fact.action
    else:
        finding, permission = f"`{fact.action}` failed: {fact.message}" if fact.action else fact.message, ""
    return Check(name, Result.UNREAD, finding, permission=permission)
