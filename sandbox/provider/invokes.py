"""The provider's functions that this project calls."""

from collections.abc import Callable, Mapping
from typing import Any

import botocore.session


def _partition(region: str) -> dict[str, Any]:
    session = botocore.session.get_session()
    partition = session.get_partition_for_region(region)
    suffixes = {"aws-cn": "amazonaws.com.cn"}
    suffix = suffixes.get(partition, "amazonaws.com")
    return {
        "id": partition,
        "partition": partition,
        "dnsSuffix": suffix,
        "reverseDnsPrefix": ".".join(reversed(suffix.split("."))),
    }


FUNCTIONS: Mapping[str, Callable[[str], dict[str, Any]]] = {"aws:index/getPartition:getPartition": _partition}
"""Each function by its token: the provider's region in, the result out."""
