"""Asks AWS for the settings of an account's trails, and for the Regions that it has enabled."""

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

from ssm_profile.cli.aws_client import PATIENT, client, clients, readable_errors
from ssm_profile.errors import InputError

from .evidence import Evidence
from .trails import Trails, add_selectors, add_trail

READ_ACTIONS = ("cloudtrail:DescribeTrails", "cloudtrail:GetEventSelectors")
"""The permissions that the settings of trails require. The number of the account requires none."""

REGIONS_ACTION = "ec2:DescribeRegions"
"""The permission that the Regions require."""

_AT_A_TIME = 10

WITHOUT_SETTINGS = "Without all of them, only the events in the evidence show what the trails record."
"""What it means that the settings of trails cannot be read."""
WITHOUT_REGIONS = "No action counts as unused because a trail does not show it."
"""What it means that the Regions cannot be read."""

_NAME = "The settings of trails"


def enabled_regions(evidence: Evidence) -> frozenset[str]:
    """The Regions that the account of the credentials has enabled. It requires :data:`REGIONS_ACTION`.

    Args:
        evidence: What to add a problem to if they cannot be read.

    Returns:
        The Regions. Nothing if they cannot be read.
    """
    try:
        with readable_errors("The Regions of the account", (REGIONS_ACTION,)):
            return listed_regions(client("ec2", config=PATIENT))
    except InputError as error:
        evidence.problems.append(f"{error} {WITHOUT_REGIONS}")
        return frozenset()


def listed_regions(ec2: Any) -> frozenset[str]:
    """The Regions that the account of a client of EC2 has enabled."""
    # Without AllRegions, the answer has only those that are enabled:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
    return frozenset(each["RegionName"] for each in ec2.describe_regions()["Regions"])


def add_trail_settings(evidence: Evidence, regions: Collection[str]) -> None:
    """Add the settings of all trails of the account of the credentials. It requires :data:`READ_ACTIONS`.

    Args:
        evidence: What to add to. What cannot be read is a problem.
        regions: The Regions that the account has enabled. Nothing is added if they are not known: a trail of one Region
            is listed in this Region only.
    """
    if not regions:
        return
    try:
        with _errors(_NAME):
            account = client("sts", config=PATIENT).get_caller_identity()["Account"]
            of_regions = dict(zip(sorted(regions), clients("cloudtrail", sorted(regions), PATIENT), strict=True))
        add_trails(evidence, account, of_regions, _errors)
    except InputError as error:
        evidence.problems.append(f"{error} {WITHOUT_SETTINGS}")


def add_trails(
    evidence: Evidence,
    account: str,
    of_regions: Mapping[str, Any],
    errors: Callable[[str], AbstractContextManager[None]],
    owners: Collection[str] = (),
) -> None:
    """Add the settings of all trails of an account.

    Args:
        evidence: What to add to. Event selectors that cannot be read are a problem.
        account: The account.
        of_regions: A client of CloudTrail for each Region that the account has enabled.
        errors: Turns errors of AWS's API into errors of input, which name what was asked for.
        owners: Other accounts that are asked for the event selectors of their own trails.

    Raises:
        InputError: If the trails cannot be listed.
    """
    with errors(_NAME):
        trails = _described(of_regions.values())
    trails.listed[account] = frozenset(trails.trails)
    for arn, trail in trails.trails.items():
        is_asked_elsewhere = trail.account != account and trail.account in owners
        if trail.has_selectors and trail.home_region in of_regions and not is_asked_elsewhere:
            _add_selectors(evidence, trails, arn, of_regions[trail.home_region], errors)
    evidence.trails.merge(trails)


def _errors(name: str) -> AbstractContextManager[None]:
    return readable_errors(name, READ_ACTIONS)


def _described(of_regions: Iterable[Any]) -> Trails:
    """The trails of some Regions.

    Args:
        of_regions: A client of CloudTrail for each.

    Raises:
        InputError: If a trail cannot be used.
    """
    trails = Trails()
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        # With shadow trails, those of an organization are among them.
        for answer in pool.map(lambda each: each.describe_trails(includeShadowTrails=True), of_regions):
            for details in answer["trailList"]:
                if not add_trail(trails, details, is_listed=True):
                    raise InputError(f"{_NAME}: AWS lists a trail without an ARN or without a home Region.")
    return trails


def _add_selectors(
    evidence: Evidence,
    trails: Trails,
    arn: str,
    of_region: Any,
    errors: Callable[[str], AbstractContextManager[None]],
) -> None:
    """Add the selectors of a trail. A trail whose selectors are not known does not count as complete."""
    try:
        with errors(f"The event selectors of {arn}"):
            add_selectors(trails, arn, of_region.get_event_selectors(TrailName=arn))
    except InputError as error:
        evidence.problems.append(str(error))
