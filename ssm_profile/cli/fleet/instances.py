"""Reads which instances use the instance profiles of an account, and which of them Systems Manager manages."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ssm_profile.cli.aws_client import readable_errors
from ssm_profile.errors import InputError

from .members import Problem

READ_ACTIONS = ("ec2:DescribeInstances", "ssm:DescribeInstanceInformation")
"""The permissions that reading the instances of a Region requires."""

_AT_A_TIME = 8
_PRESENT = ["pending", "running", "stopping", "stopped"]
"""The states of instances that can run again. A terminated one cannot."""

_NOT_THERE = ("AuthFailure", "OptInRequired", "UnrecognizedClientException", "InvalidClientTokenId")

ClientOf = Callable[[str, str], Any]
"""Gives the client of a service in a Region."""


@dataclass(frozen=True)
class Instance:
    """An instance of EC2."""

    id: str
    account: str
    region: str
    state: str
    profile: str | None
    """The name of its instance profile, if it has one."""
    ping: str | None
    """The ping status in Systems Manager: ``Online``, ``ConnectionLost`` or ``Inactive``. None if it is not managed."""
    agent_version: str | None


def read_instances(regions: Collection[str], client_of: ClientOf, place: str) -> Iterator[Instance | Problem]:
    """The instances of an account in some Regions. A Region that cannot be read is a problem.

    Args:
        regions: The Regions.
        client_of: Gives the clients.
        place: The account, in messages.
    """

    def read(region: str) -> list[Instance | Problem]:
        try:
            with readable_errors("--instances", READ_ACTIONS):
                return list(_in_region(region, client_of))
        except InputError as error:
            return [Problem(f"{place}, {region}", str(error))]

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        for found in pool.map(read, sorted(regions)):
            yield from found


def _in_region(region: str, client_of: ClientOf) -> Iterator[Instance]:
    pages = client_of("ec2", region).get_paginator("describe_instances")
    listed = [
        (group, each)
        for page in pages.paginate(Filters=[{"Name": "instance-state-name", "Values": _PRESENT}])
        for group in page["Reservations"]
        for each in group["Instances"]
    ]
    if not listed:
        return
    managed = {
        each["InstanceId"]: each
        for page in client_of("ssm", region).get_paginator("describe_instance_information").paginate()
        for each in page["InstanceInformationList"]
    }
    for group, each in listed:
        registration = managed.get(each["InstanceId"], {})
        yield Instance(
            id=each["InstanceId"],
            account=group["OwnerId"],
            region=region,
            state=each["State"]["Name"],
            profile=(each.get("IamInstanceProfile") or {}).get("Arn", "").rpartition("/")[2] or None,
            ping=registration.get("PingStatus"),
            agent_version=registration.get("AgentVersion"),
        )
