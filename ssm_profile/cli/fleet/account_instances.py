"""Reads the instances of the account of the AWS credentials, and which of them Systems Manager manages."""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ssm_profile.cli.aws_client import PATIENT, clients, readable_errors
from ssm_profile.cli.usage import Evidence
from ssm_profile.cli.usage.trail_settings import enabled_regions
from ssm_profile.errors import InputError

from .instances import Instance
from .members import Problem

READ_ACTIONS = ("ec2:DescribeInstances", "ssm:DescribeInstanceInformation")
"""The permissions that reading instances requires, in each Region. The names of the Regions require another one."""

_AT_A_TIME = 10
_PRESENT = ["pending", "running", "stopping", "stopped"]
"""The states of instances that can run again. A terminated one cannot."""


def read_instances(regions: Collection[str]) -> Iterator[Instance | Problem]:
    """The instances in some Regions. A Region that cannot be read is a problem.

    Args:
        regions: The Regions. If there are none, those that the account has enabled.
    """
    if not regions:
        found = Evidence()
        regions = enabled_regions(found)
        yield from (Problem("--instances", f"{each} Pass --regions.") for each in found.problems)
    names = sorted(regions)
    of_services = [clients(service, names, PATIENT) for service in ("ec2", "ssm")]
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        for each in pool.map(_found, names, *of_services):
            yield from each


def _found(region: str, ec2: Any, ssm: Any) -> list[Instance | Problem]:
    try:
        with readable_errors("--instances", READ_ACTIONS):
            return list(_in_region(region, ec2, ssm))
    except InputError as error:
        return [Problem(region, str(error))]


def _in_region(region: str, ec2: Any, ssm: Any) -> Iterator[Instance]:
    pages = ec2.get_paginator("describe_instances")
    listed = [
        (group["OwnerId"], each)
        for page in pages.paginate(Filters=[{"Name": "instance-state-name", "Values": _PRESENT}])
        for group in page["Reservations"]
        for each in group["Instances"]
    ]
    if not listed:
        return
    managed = {
        each["InstanceId"]: each
        for page in ssm.get_paginator("describe_instance_information").paginate()
        for each in page["InstanceInformationList"]
    }
    for account, each in listed:
        registration = managed.get(each["InstanceId"], {})
        yield Instance(
            id=each["InstanceId"],
            account=account,
            region=region,
            state=each["State"]["Name"],
            profile=(each.get("IamInstanceProfile") or {}).get("Arn", "").rpartition("/")[2] or None,
            ping=registration.get("PingStatus"),
            agent_version=registration.get("AgentVersion"),
        )
