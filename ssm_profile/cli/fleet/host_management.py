"""What Default Host Management Configuration means for the roles of a fleet, whose input does not say if it is on.

Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/fleet-manager-default-host-management-configuration.html
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ssm_profile.cli.audit import BROKEN
from ssm_profile.cli.report import count_of

from .judgements import Judgement
from .members import Member

Row = Mapping[str, Any]

_DECIDES = (
    "If Default Host Management Configuration is on in the account and Region, the agent uses the account's default "
    "role instead, because {}. The input does not say whether it is on."
)
WITHOUT_HEARTBEAT = _DECIDES.format("this role does not allow `ssm:UpdateInstanceInformation`")
WITHOUT_CREDENTIALS = _DECIDES.format("EC2 cannot assume this role")
_OF_WHICH_IT_DECIDES = (WITHOUT_HEARTBEAT, WITHOUT_CREDENTIALS)


def uses_host_management(member: Member, judgement: Judgement) -> bool | None:
    """Whether the agent uses the account's default role, if there is one. None where this is not known."""
    if not member.trust.is_for_ec2:
        return True  # its instances get no credentials of it
    uses = judgement.uses_host_management
    return None if member.trust.reasons and uses is False else uses


def decides(member: Member, judgement: Judgement) -> list[str]:
    """For a broken role with instances, that Default Host Management decides whether they are managed."""
    if member.found.instance_profiles == () or not uses_host_management(member, judgement):
        return []
    if not member.trust.is_for_ec2:
        return [WITHOUT_CREDENTIALS]
    return [WITHOUT_HEARTBEAT] if judgement.level == BROKEN else []


def add_evidence(row: dict[str, Any], online: str) -> None:
    """Say of a role which of its instances Systems Manager manages although the role does not allow it.

    Args:
        row: The row of a role, with its instances.
        online: The ping status of an instance that is connected.
    """
    managed = sum(each["pingStatus"] == online for each in row["instances"])
    if managed:
        are = "is" if managed == 1 else "are"
        evidence = (
            f"{count_of(managed, 'instance')} of it {are} online in Systems Manager, so the agent has credentials of "
            "another role, most likely of the account's default role."
        )
        # Other roles share the list.
        row["reasons"] = [evidence if each in _OF_WHICH_IT_DECIDES else each for each in row["reasons"]]


def host_management_summary(roles: Sequence[Row]) -> Iterator[str]:
    """How many roles are broken only if Default Host Management Configuration is off."""
    if count := sum(row["level"] == BROKEN and is_decisive(row) for row in roles):
        yield (
            f"Broken only if Default Host Management Configuration is off: {count_of(count, 'role')}. "
            "`ssm-profile diagnose` says for an instance whether it is on."
        )


def is_decisive(row: Row) -> bool:
    """Whether the agent uses the account's default role on the instances of a role, if there is one."""
    return row["defaultHostManagement"] is True and row["instanceProfiles"] != []
