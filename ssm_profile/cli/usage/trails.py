"""Reads the settings of trails and event data stores: they show what is recorded where nothing happened.

The settings are the output of ``aws cloudtrail describe-trails`` or ``get-trail``, of ``get-event-selectors``, and of
``get-event-data-store``.
Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Trail.html
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from .selectors import Logged, data_events_of, selects_all_management_events

LONGEST_SETTINGS = 5_000_000
"""The longest file of settings that is read, in bytes."""

CHANGES = frozenset(
    (
        "account:DisableRegion",
        "cloudtrail:CreateEventDataStore",
        "cloudtrail:CreateTrail",
        "cloudtrail:DeleteEventDataStore",
        "cloudtrail:DeleteTrail",
        "cloudtrail:PutEventSelectors",
        "cloudtrail:RestoreEventDataStore",
        "cloudtrail:StartEventDataStoreIngestion",
        "cloudtrail:StartLogging",
        "cloudtrail:StopEventDataStoreIngestion",
        "cloudtrail:StopLogging",
        "cloudtrail:UpdateEventDataStore",
        "cloudtrail:UpdateTrail",
    )
)
"""The actions that change what is recorded, or in which Regions roles can call.

Sources:
- https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Operations.html
- https://docs.aws.amazon.com/accounts/latest/reference/API_DisableRegion.html
"""

_BEGINNING = re.compile(r'\{\s*"(?:trailList|Trail|TrailARN|EventSelectors|AdvancedEventSelectors|EventDataStoreArn)"')
_ARN = re.compile(r"arn:[^:]*:cloudtrail:[^:]*:(\d{12}):trail/.+")
_STORE_ARN = re.compile(r"arn:[^:]*:cloudtrail:[^:]*:(\d{12}):eventdatastore/.+")


@dataclass(frozen=True)
class Trail:
    """The settings of a trail."""

    account: str
    home_region: str
    is_multi_region: bool
    is_of_organization: bool
    has_selectors: bool
    """Whether it has selectors of its own. Without them, it logs all management events."""
    is_listed: bool = False
    """Whether AWS listed it. The user says of the trails in files that they wrote the evidence."""


@dataclass(frozen=True)
class Store:
    """The settings of an event data store."""

    account: str
    is_of_organization: bool
    has_all_management_events: bool
    data_events: Mapping[str, Logged]
    is_listed: bool = False
    """Whether AWS was asked for it. The user says of those in files that the results in files are of them."""


_Settings = TypeVar("_Settings", Trail, Store)


@dataclass
class Trails:
    """The settings of trails and of event data stores, by their ARNs."""

    trails: dict[str, Trail] = field(default_factory=dict)
    selectors: dict[str, bool] = field(default_factory=dict)
    """Whether the selectors of a trail select all management events."""
    data_events: dict[str, dict[str, Logged]] = field(default_factory=dict)
    """What the selectors of a trail log of the data events of each service."""
    listed: dict[str, frozenset[str]] = field(default_factory=dict)
    """The ARNs of the trails of each account whose trails are all known, because AWS listed them."""
    stores: dict[str, Store] = field(default_factory=dict)
    results_of_stores: set[str] = field(default_factory=set)
    """The names of the results of queries whose event data store is not known."""

    def merge(self, other: "Trails") -> None:
        """Add further settings. Those of a file stay what the user said of them."""
        _merge(self.trails, other.trails)
        self.selectors |= other.selectors
        self.data_events |= other.data_events
        self.listed |= other.listed
        _merge(self.stores, other.stores)
        self.results_of_stores |= other.results_of_stores

    def can_be_of_others(self, account: str) -> bool:
        """Whether other accounts can own or change a trail that logs the events of an account.

        Only a list of AWS can show that there is no trail of an organization.
        """
        return account not in self.listed or any(
            each.is_of_organization and (arn in self.listed[account] or not each.is_listed)
            for arn, each in self.trails.items()
        )

    def _of(self, account: str) -> dict[str, Trail]:
        """The trails that can have logged the events of an account."""
        return {arn: each for arn, each in self.trails.items() if self._can_log(arn, each, account)}

    def _can_log(self, arn: str, trail: Trail, account: str) -> bool:
        if trail.is_listed and account in self.listed:
            return arn in self.listed[account]  # AWS listed others in accounts of other organizations
        return trail.is_of_organization or trail.account == account

    def _logs(self, arn: str, trail: Trail, account: str) -> bool:
        """Whether a trail is known to log the events of an account. The settings do not name the organization."""
        return trail.account == account or arn in self.listed.get(account, ())

    def data_events_of(self, account: str, service: str) -> dict[str, Logged]:
        """What each trail that can have logged the events of an account logs of the data events of a service.

        A trail without selectors of its own logs none. A trail whose selectors are not known is left out.
        """
        mine = self._of(account)
        without = {arn for arn, each in mine.items() if not each.has_selectors}
        return dict.fromkeys(without, Logged.NONE) | {
            arn: logged[service]
            for arn, logged in self.data_events.items()
            if arn not in without and (arn in mine or arn not in self.trails)
        }

    def has_unknown_selectors(self, account: str) -> bool:
        """Whether the selectors of a trail of an account are not known."""
        return any(each.has_selectors and arn not in self.data_events for arn, each in self._of(account).items())

    def why_stores_log_less(self, account: str, service: str = "") -> str:
        """Why event data stores can lack events of an account. Nothing if their settings show that they do not.

        Args:
            account: The account.
            service: The service whose data events are asked for. By default, all management events are.
        """
        if self.results_of_stores and all(each.is_listed for each in self.stores.values()):
            return (
                f"It is not known which events the event data store of `{min(self.results_of_stores)}` logs. Pass the "
                "output of `aws cloudtrail get-event-data-store`, too."
            )
        others = [arn for arn, each in self.stores.items() if account != each.account and not each.is_of_organization]
        if others and len(others) == len(self.stores):
            return (
                f"The event data store `{min(others)}` is of another account and not of an organization. Pass the "
                f"output of `aws cloudtrail get-event-data-store` for the one that has the events of account {account}."
            )
        for arn, store in sorted(self.stores.items()):
            has_all = store.data_events[service] is Logged.ALL if service else store.has_all_management_events
            if not has_all:
                kind = f"data events of {service}" if service else "management events"
                return f"The event selectors of `{arn}` do not log all {kind}."
        return ""

    def complete_trails(self, account: str) -> list[Trail]:
        """The trails of an account, if each of them logs all management events of all Regions.

        Log files do not name their trail, so that a single other trail makes it unknown which one wrote them. AWS lists
        the trail of an organization, but not the other trails of its other accounts.
        """
        found = self._of(account)
        is_complete = all(
            (account in self.listed or not each.is_listed)
            and each.is_multi_region
            and (self.selectors.get(arn, False) if each.has_selectors else True)
            for arn, each in found.items()
        )
        return [each for arn, each in found.items() if self._logs(arn, each, account)] if is_complete else []


def _merge(settings: dict[str, _Settings], others: Mapping[str, _Settings]) -> None:
    """Add further settings. Those that a file has were not only listed."""
    for arn, each in others.items():
        settings[arn] = replace(each, is_listed=each.is_listed and settings.get(arn, each).is_listed)


def is_settings(head: str) -> bool:
    """Whether a file that begins so has settings of trails."""
    return _BEGINNING.match(head) is not None


def add_settings(trails: Trails, content: bytes) -> str:
    """Add the settings in a file.

    Args:
        trails: What to add to.
        content: The content of the file.

    Returns:
        Why it cannot be used. Nothing if it can.
    """
    try:
        details = json.loads(content) if len(content) <= LONGEST_SETTINGS else None
    except (ValueError, RecursionError):
        details = None
    if not isinstance(details, Mapping):
        return "It is not JSON."
    listed = details.get("trailList", [details.get("Trail")] if "Trail" in details else [])
    for each in listed if isinstance(listed, list) else [listed]:
        if not add_trail(trails, each):
            return "It has a trail without an ARN or without a home Region."
    if isinstance(details.get("EventDataStoreArn"), str):
        add_store(trails, details)
        return ""
    arn = details.get("TrailARN")
    if isinstance(arn, str) and _ARN.fullmatch(arn):
        add_selectors(trails, arn, details)
    elif not listed:
        return "It has no trail."
    return ""


def add_selectors(trails: Trails, arn: str, details: Mapping[str, Any]) -> None:
    """Add the event selectors of a trail, as GetEventSelectors answers them."""
    trails.selectors[arn] = selects_all_management_events(details)
    trails.data_events[arn] = data_events_of(details)


def add_store(trails: Trails, details: Mapping[str, Any], *, is_listed: bool = False) -> None:
    """Add an event data store, as GetEventDataStore answers it.

    Args:
        trails: What to add to.
        details: The settings of the store, with its ARN.
        is_listed: Whether AWS was asked for it.
    """
    arn = details["EventDataStoreArn"]
    match = _STORE_ARN.fullmatch(arn)
    trails.stores[arn] = Store(
        account=match[1] if match else "",
        is_of_organization=details.get("OrganizationEnabled") is True,
        has_all_management_events=selects_all_management_events(details),
        data_events=data_events_of(details),
        is_listed=is_listed,
    )


def add_trail(trails: Trails, details: Any, *, is_listed: bool = False) -> bool:
    """Add a trail, as DescribeTrails answers it.

    Args:
        trails: What to add to.
        details: The settings of the trail.
        is_listed: Whether AWS listed it.

    Returns:
        Whether it has an ARN and a home Region.
    """
    arn = details.get("TrailARN") if isinstance(details, Mapping) else None
    match = _ARN.fullmatch(arn) if isinstance(arn, str) else None
    if match is None or not isinstance(details.get("HomeRegion"), str):
        return False
    trails.trails[match[0]] = Trail(
        account=match[1],
        home_region=details["HomeRegion"],
        is_multi_region=details.get("IsMultiRegionTrail") is True,
        is_of_organization=details.get("IsOrganizationTrail") is True,
        has_selectors=details.get("HasCustomEventSelectors") is not False,
        is_listed=is_listed,
    )
    return True
