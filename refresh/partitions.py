"""AWS's partitions and regions, from botocore, whose endpoint rules use this list."""

import json
import re
from typing import Any

from ssm_profile.regions import PARTITION_PATTERN, REGION_PATTERN

from .source import Downloads, Package, Project, SourceError, Update, as_json, named, refuse_shrinking

PATH = "botocore/data/partitions.json"

FILE = "ssm_profile/aws_data/partitions.json"


def update(downloads: Downloads, project: Project) -> Update:
    """The copy with new partitions and regions at the end of the ones that it has.

    Raises:
        SourceError: If a partition or a region is missing, has another prefix, or has a name of another form.
        UnreachableError: If botocore cannot be downloaded.
    """
    package = downloads.wheel("botocore", PATH)
    before, after = json.loads(project.read(FILE)), published_partitions(package)
    copy, changes = before["partitions"], list[str]()
    refuse_shrinking(f"{package.label}: the list of partitions", copy, after, FILE)
    for name, partition in after.items():
        known = copy.get(name, {**partition, "regions": []})
        refuse_shrinking(f"{package.label}: the partition {name}", known["regions"], partition["regions"], FILE)
        if partition["prefix"] != known["prefix"]:
            raise SourceError(
                f"{package.label}: regions of {name} begin with {partition['prefix']!r}, and began with "
                f"{known['prefix']!r}. Look at the new form, and adapt refresh/partitions.py."
            )
        if partition["dns_suffix"] != known["dns_suffix"]:
            raise SourceError(
                f"{package.label}: the DNS suffix of {name} is {partition['dns_suffix']}, and was "
                f"{known['dns_suffix']}. Look at the new form, and adapt refresh/partitions.py."
            )
        if not partition["prefix"] and name != "aws":
            raise SourceError(
                f"{package.label}: regions of {name} begin with '', which is not a prefix of their own. Look at the "
                "new form, and adapt refresh/partitions.py."
            )
        if added := set(partition["regions"]) - set(known["regions"]):
            changes.append(f"The partition `{name}` has the new regions {named(added)}.")
    if not changes:
        return Update()
    ordered = {name: after[name] for name in (*copy, *(name for name in after if name not in copy))}
    text = as_json({"source": f"{package.label}, partitions.json", "date": project.today, "partitions": ordered})
    return Update({FILE: text}, tuple(changes))


def published_partitions(package: Package) -> dict[str, Any]:
    """The prefix of the names of regions, the DNS suffix and the regions of each partition.

    Raises:
        SourceError: If the name of a partition or a region has another form.
    """
    partitions: dict[str, Any] = {}
    for each in json.loads(package.text(PATH))["partitions"]:
        name = each["id"]
        # botocore lists a pseudo region for the global services of each partition, such as aws-global.
        regions = sorted(region for region in each["regions"] if region != f"{name}-global")
        wrong = [region for region in regions if not re.fullmatch(REGION_PATTERN, region)]
        if wrong or not regions or not re.fullmatch(PARTITION_PATTERN, name):
            raise SourceError(f"{package.label}: the partition {name!r} has the regions {wrong or regions}.")
        partitions[name] = {
            "prefix": "" if name == "aws" else _prefix(each["regionRegex"]),
            "dns_suffix": each["outputs"]["dnsSuffix"],
            "regions": regions,
        }
    return partitions


def _prefix(pattern: str) -> str:
    r"""What every region of a partition begins with: ``us-iso-`` for the pattern ``^us\-iso\-\w+\-\d+$``."""
    return (re.match(r"[a-z-]*", pattern.replace("\\-", "-").removeprefix("^")) or [""])[0]
