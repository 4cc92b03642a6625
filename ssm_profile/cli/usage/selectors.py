"""Tells which events the event selectors of a trail or of an event data store log.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html
"""

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

_TYPES = {
    "AWS::CloudWatch::Metric": "cloudwatch",
    "AWS::S3::Object": "s3",
    "AWS::SSMMessages::ControlChannel": "ssmmessages",
    "AWS::XRay::Trace": "xray",
}
"""The types of resources of the catalogue's data events, each with its service.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-events.html
"""

_EACH_BUCKET = re.compile(r"arn:aws[a-z-]*:s3(?::::)?")
"""The beginning of the ARN of each object.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DataResource.html
"""


class Logged(Enum):
    """The closed list of what a trail logs of the data events of a service."""

    ALL = "all"
    SOME = "some"
    NONE = "none"


def data_events_of(details: Mapping[str, Any]) -> dict[str, Logged]:
    """What selectors log of the data events of each service, as GetEventSelectors answers them.

    A selector that filters anything else than the type of resource logs some, also one that cannot be read.
    """
    found = dict.fromkeys(_TYPES.values(), Logged.NONE)
    for service, is_all in (*_basic(details.get("EventSelectors")), *_advanced(details.get("AdvancedEventSelectors"))):
        if found[service] is not Logged.ALL:
            found[service] = Logged.ALL if is_all else Logged.SOME
    return found


def selects_all_management_events(details: Mapping[str, Any]) -> bool:
    """Whether selectors select all management events, reads and writes of each service."""
    return any(
        each.get("ReadWriteType") == "All"
        and each.get("IncludeManagementEvents") is True
        and not each.get("ExcludeManagementEventSources")
        for each in _mappings(details.get("EventSelectors"))
    ) or any(
        each.get("FieldSelectors") == [{"Field": "eventCategory", "Equals": ["Management"]}]
        for each in _mappings(details.get("AdvancedEventSelectors"))
    )


def _basic(selectors: Any) -> Iterator[tuple[str, bool]]:
    for selector in _mappings(selectors):
        for resource in _mappings(selector.get("DataResources")):
            if service := _TYPES.get(str(resource.get("Type"))):
                values = resource.get("Values")
                is_each = any(_EACH_BUCKET.fullmatch(str(value)) for value in values or ())
                yield service, service == "s3" and is_each and selector.get("ReadWriteType") == "All"


def _advanced(selectors: Any) -> Iterator[tuple[str, bool]]:
    for selector in _mappings(selectors):
        fields = list(_mappings(selector.get("FieldSelectors")))
        category, types = _only_equals(fields, "eventCategory"), _only_equals(fields, "resources.type")
        if category is not None and "Data" not in category:
            continue
        is_all = category == ["Data"] and len(fields) == len(("eventCategory", "resources.type"))
        for type_, service in _TYPES.items():
            if types is None or type_ in types:
                yield service, is_all and types is not None


def _only_equals(fields: list[Mapping[str, Any]], name: str) -> list[Any] | None:
    """The values of a field that is compared with no other operator. None if it is not there so."""
    found = [each for each in fields if each.get("Field") == name]
    values = found[0].get("Equals") if len(found) == 1 and set(found[0]) == {"Field", "Equals"} else None
    return values if isinstance(values, list) else None


def _mappings(values: Any) -> Iterator[Mapping[str, Any]]:
    return (each for each in (values if isinstance(values, list) else ()) if isinstance(each, Mapping))
