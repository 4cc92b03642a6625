"""Reads the instances of an account, and which of them Systems Manager manages."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ssm_profile.cli.interruption import Interrupt
from ssm_profile.cli.usage.trail_settings import REGIONS_ACTION
from ssm_profile.errors import InputError

from .assumed_roles import Caller, Session
from .instances import AccountInstances, Instance
from .members import Problem
from .parallel import completed

_INSTANCES, _INFORMATION = "ec2:DescribeInstances", "ssm:DescribeInstanceInformation"

ACTIONS = (REGIONS_ACTION, _INSTANCES, _INFORMATION)
"""The permissions that reading instances requires."""

_AT_A_TIME = 5
"""How many Regions of an account are read at a time."""

_PRESENT = ["pending", "running", "stopping", "stopped"]
"""The states of instances that can run again. A terminated one cannot."""

_ADVICE = "If a service control policy denies the Region, leave it out of --regions."


def read_own_instances(regions: Collection[str]) -> AccountInstances:
    """The instances of the account of the AWS credentials, as :func:`read_instances` gives them.

    Raises:
        InputError: If there are no credentials, or if they are not valid.
    """
    session = Caller().session()
    return read_instances(session, session.account, regions)


def read_instances(session: Session, place: str, regions: Collection[str]) -> AccountInstances:
    """The instances of an account in some Regions. What cannot be read is a problem.

    Args:
        session: Gives the clients for the account.
        place: The account, in messages.
        regions: The Regions. If there are none, those that the account has enabled.
    """
    try:
        names = sorted(regions or session.regions())
    except InputError as error:
        reason = f"Its instances are not known, because its Regions cannot be read. {error} Or pass --regions."
        return AccountInstances(session.account, (), (), (Problem(place, reason),))
    found = dict(completed(lambda region: _in_region(session, region), names, Interrupt(), at_a_time=_AT_A_TIME))
    refused = {region: each for region in names if isinstance(each := found[region], InputError)}
    read = {region: each for region in names if not isinstance(each := found[region], InputError)}
    instances = tuple(instance for each in read.values() for instance in each)
    return AccountInstances(session.account, tuple(read), instances, tuple(_problems(place, refused)))


def _in_region(session: Session, region: str) -> list[Instance] | InputError:
    try:
        return _read(session, region)
    except InputError as error:
        return error


def _read(session: Session, region: str) -> list[Instance]:
    with session.errors(_INSTANCES, advice=_ADVICE):
        pages = session.client("ec2", region).get_paginator("describe_instances")
        listed = [
            (group["OwnerId"], each)
            for page in pages.paginate(Filters=[{"Name": "instance-state-name", "Values": _PRESENT}])
            for group in page["Reservations"]
            for each in group["Instances"]
        ]
    if not listed:
        return []
    with session.errors(_INFORMATION, advice=_ADVICE):
        pages = session.client("ssm", region).get_paginator("describe_instance_information")
        managed = {each["InstanceId"]: each for page in pages.paginate() for each in page["InstanceInformationList"]}
        return [_instance(account, region, each, managed.get(each["InstanceId"], {})) for account, each in listed]


def _instance(account: str, region: str, details: Mapping[str, Any], registration: Mapping[str, Any]) -> Instance:
    return Instance(
        id=details["InstanceId"],
        account=account,
        region=region,
        state=details["State"]["Name"],
        profile=(details.get("IamInstanceProfile") or {}).get("Arn", "").rpartition("/")[2] or None,
        ping=registration.get("PingStatus"),
        agent_version=registration.get("AgentVersion"),
    )


def _problems(place: str, refused: Mapping[str, InputError]) -> Iterator[Problem]:
    """A problem for each reason, because most reasons are the same in all Regions."""
    regions = dict[str, list[str]]()
    for region, error in refused.items():
        regions.setdefault(str(error).replace(region, ""), []).append(region)
    for names in regions.values():
        yield Problem(place, f"Its instances in {', '.join(names)} are not known. {refused[names[0]]}")
