"""Reads facts about instances from AWS, with read-only calls. A call that fails is a fact that could not be read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from botocore.config import Config

from ssm_profile.cli.aws_client import client, default_region
from ssm_profile.cli.iam_roles import managed_statements, read_role
from ssm_profile.cli.report import bare
from ssm_profile.cli.roles import Role
from ssm_profile.cli.sources import complete_location
from ssm_profile.errors import InputError
from ssm_profile.iam.documents import Statement

from .calls import Clients
from .facts import ControlPolicies, Facts, Instance, Profile, Registration, Unread
from .network_reader import NetworkReader
from .responses import instance_of, registration_of

_T = TypeVar("_T")

_HOST_MANAGEMENT = "/ssm/managed-instance/default-ec2-instance-management-role"
_NO_ROLE = "$None"
_BATCH = 50
"""How many instances one request asks for. Systems Manager accepts 50 values in a filter."""

_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=10, read_timeout=30)
"""Bounds for each call, so that a service that cannot be reached does not hold up the other checks."""


class Reader(NetworkReader):
    """Reads from one region, and asks each question once."""

    def __init__(self, region: str | None = None, clients: Clients | None = None) -> None:
        """Set up the clients.

        Args:
            region: The region. The default is that of the settings of the AWS SDK.
            clients: Gives the client of a service. The default is the AWS SDK's.

        Raises:
            InputError: If there is no region, if it is not one, or if the settings of the SDK cannot be used.
        """
        name = region or (None if clients else default_region())
        if not (name or clients):
            raise InputError("No region is set. Pass --region, or set one as for the AWS CLI.")
        complete_location({"region": name} if name else {})
        super().__init__(clients or (lambda service: client(service, region, _CONFIG)), name or "")
        self._managed = dict[str, tuple[Statement, ...]]()

    def running_instances(self) -> dict[str, Instance | Unread]:
        """Every running instance of the region.

        Raises:
            InputError: If they cannot be listed.
        """
        running = self._instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])
        if isinstance(running, Unread):
            advice = "Pass instance IDs." if running.is_denied else f"Check the region {self.region} and the network."
            raise InputError(f"--all: the running instances cannot be listed ({_why(running)}). {advice}")
        return running

    def registrations(self, instances: Iterable[str]) -> dict[str, Registration | Unread] | Unread:
        """The instances that Systems Manager knows, of some instances."""
        listed, found = list(instances), dict[str, Registration | Unread]()
        for start in range(0, len(listed), _BATCH):
            rows = self._pages(
                "ssm",
                "describe_instance_information",
                "InstanceInformationList",
                Filters=[{"Key": "InstanceIds", "Values": listed[start : start + _BATCH]}],
            )
            if isinstance(rows, Unread):
                return rows
            found |= {row["InstanceId"]: _or_unread(partial(registration_of, row)) for row in rows}
        return found

    def unmanaged(self) -> tuple[dict[str, Callable[[], Facts]], int]:
        """What reads the facts about every running instance that is not online, by its ID, and how many instances run.

        Raises:
            InputError: If it cannot be known which instances these are.
        """
        running = self.running_instances()
        known = self.registrations(running)
        if isinstance(known, Unread):
            raise InputError(
                f"--all: it cannot be known which instances Systems Manager manages ({_why(known)}). Pass instance IDs."
            )
        missing = {name: each for name, each in running.items() if not _is_online(known.get(name))}
        reads = {name: partial(self._facts, name, each, known.get(name)) for name, each in missing.items()}
        return {**reads}, len(running)

    def of(self, instances: Iterable[str]) -> tuple[dict[str, Callable[[], Facts]], list[str]]:
        """What reads the facts about each of some instances, by its ID, and the IDs of those that do not exist.

        Args:
            instances: Their IDs.

        Raises:
            InputError: If none of them is in the region.
        """
        listed = list(dict.fromkeys(instances))
        found = self._instances_by_id(listed)
        known = self.registrations(listed)
        if isinstance(found, Unread) and isinstance(known, Unread) and not (found.is_denied or known.is_denied):
            raise InputError(
                f"Neither EC2 nor Systems Manager of {self.region} can be read ({_why(found)}). Check the region, the "
                "network and the settings of your proxy."
            )
        absent = [] if isinstance(found, Unread) else [name for name in listed if name not in found]
        if len(absent) == len(listed):
            raise InputError(self.about_absent(absent))
        return {
            name: partial(
                self._facts,
                name,
                found if isinstance(found, Unread) else found[name],
                known if isinstance(known, Unread) else known.get(name),
            )
            for name in listed
            if name not in absent
        }, absent

    def about_absent(self, instances: Iterable[str]) -> str:
        """That instances do not exist."""
        return f"AWS does not find {', '.join(instances)} in {self.region}. Check the IDs, the region and the account."

    def _instances_by_id(self, listed: Sequence[str]) -> dict[str, Instance | Unread] | Unread:
        """Some instances. Those that do not exist are left out, which a filter does and a list of IDs does not."""
        found = dict[str, Instance | Unread]()
        for start in range(0, len(listed), _BATCH):
            rows = self._instances(Filters=[{"Name": "instance-id", "Values": listed[start : start + _BATCH]}])
            if isinstance(rows, Unread):
                return rows
            found |= rows
        return found

    def _facts(self, name: str, instance: Instance | Unread, registration: Registration | Unread | None) -> Facts:
        online = _is_online(registration)
        channel = self._ask("ssm", "get_connection_status", Target=name) if online else None
        status = _or_unread(partial(_status_in, channel)) if isinstance(channel, Mapping) else channel
        setting = self._ask("ssm", "get_service_setting", SettingId=_HOST_MANAGEMENT)
        return Facts(
            instance_id=name,
            region=self.region,
            instance=instance,
            registration=registration,
            channel=status,
            profile=instance
            if isinstance(instance, Unread)
            else _or_unread(partial(self._profile, instance.profile_arn)),
            host_management=setting if isinstance(setting, Unread) else _or_unread(partial(_role_in, setting)),
            control_policies=instance
            if isinstance(instance, Unread)
            else _or_unread(partial(self._control_policies, instance.account)),
            network=_or_unread(partial(self.network, instance))
            if status != "connected" and isinstance(instance, Instance)
            else None,
        )

    def _instances(self, **arguments: Any) -> dict[str, Instance | Unread] | Unread:
        reservations = self._pages("ec2", "describe_instances", "Reservations", **arguments)
        if isinstance(reservations, Unread):
            return reservations
        return {
            each["InstanceId"]: _or_unread(partial(instance_of, each, group.get("OwnerId", "")))
            for group in reservations
            for each in group["Instances"]
        }

    def _profile(self, arn: str | None) -> Profile | Unread | None:
        if arn is None:
            return None
        answer = self._ask("iam", "get_instance_profile", InstanceProfileName=arn.rsplit("/", 1)[-1])
        if isinstance(answer, Unread):
            return None if answer.message.startswith("NoSuchEntity") else answer
        found = answer["InstanceProfile"]
        roles = [each["RoleName"] for each in found["Roles"]]
        if not roles:
            return Profile(found["InstanceProfileId"], None, None, None)
        answer = self._ask("iam", "get_role", RoleName=roles[0])
        return Profile(
            id=found["InstanceProfileId"],
            role_arn=found["Roles"][0]["Arn"],
            trust=answer if isinstance(answer, Unread) else answer["Role"]["AssumeRolePolicyDocument"],
            role=answer if isinstance(answer, Unread) else self._role(answer["Role"]),
        )

    def _role(self, found: Mapping[str, Any]) -> Role | Unread:
        """A role with its policies."""
        name = found["RoleName"]
        return self._once(
            f"role {name}", "iam", lambda iam: read_role(iam, name, found=found, managed=self._managed_statements)
        )

    def _managed_statements(self, iam: Any, arn: str) -> tuple[Statement, ...]:
        """The statements of a managed policy, which many roles can have."""
        if arn not in self._managed:
            self._managed[arn] = managed_statements(iam, arn)
        return self._managed[arn]

    def _control_policies(self, account: str) -> ControlPolicies | Unread | None:
        """The names of the policies of the account, of the units that contain it, and of the root."""
        names, target, is_complete = dict[str, None](), account, False
        while target:
            found = self._pages(
                "organizations",
                "list_policies_for_target",
                "Policies",
                TargetId=target,
                Filter="SERVICE_CONTROL_POLICY",
            )
            if isinstance(found, Unread):
                if found.message.startswith("AWSOrganizationsNotInUse"):
                    return None
                return found if target == account else ControlPolicies(tuple(names), is_complete=False)
            names |= dict.fromkeys(each["Name"] for each in found)
            if target.startswith("r-"):
                is_complete = True
                break
            parents = self._pages("organizations", "list_parents", "Parents", ChildId=target)
            target = parents[0]["Id"] if not isinstance(parents, Unread) and parents else ""
        return ControlPolicies(tuple(names), is_complete)


def _why(fact: Unread) -> str:
    if fact.is_denied:
        return f"the credentials do not allow {fact.action}"
    return f"{fact.action} failed: {fact.message}" if fact.action else bare(fact.message).rstrip(".")


def _is_online(registration: Registration | Unread | None) -> bool:
    return isinstance(registration, Registration) and registration.is_online


def _or_unread(read: Callable[[], _T]) -> _T | Unread:
    """A fact from an answer. An answer that lacks something does not keep the other facts from being read."""
    try:
        return read()
    except KeyError as error:
        text = f"An answer of AWS has no {error}, which this command expects. Report this as a bug."
        return Unread("", is_denied=False, message=text)


def _status_in(channel: Mapping[str, Any]) -> str:
    return channel["Status"]


def _role_in(setting: Mapping[str, Any]) -> str | None:
    """The role in the setting of Default Host Management Configuration, with its path."""
    value = setting["ServiceSetting"].get("SettingValue", _NO_ROLE)
    return None if value in ("", _NO_ROLE) else value.rpartition(":role/")[2].lstrip("/")
