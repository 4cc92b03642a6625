"""The names of VPC endpoints, from AWS CDK, whose compiled module about them has the table."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ssm_profile.catalogue import VPC_ENDPOINTS
from ssm_profile.regions import REGION_PATTERN

from .source import Downloads, Package, Project, SourceError, Update, as_json, named, refuse_shrinking

PATH = "aws-ec2/lib/vpc-endpoint.js"

FILE = "ssm_profile/aws_data/vpc_endpoints.json"

_SERVICE = re.compile(r'VpcEndpointAwsService\("([a-z0-9.-]+)"')
_EXCEPTIONS = re.compile(
    r'getDefaultEndpointPrefix\(name,region\)\{if\((\{.*?\})\[region\](.*?)return"com\.amazonaws"\}'
)
_CASES = re.compile(r'((?:case"[a-z0-9-]+":)+)return"([a-z0-9.-]+)"')


def update(downloads: Downloads, project: Project) -> Update:
    """The copy with new regions, and with new services whose names begin in another way than ``com.amazonaws``.

    Raises:
        SourceError: If a region or a service is missing, if a name begins in another way than in the copy, or if the
            module has another form.
        UnreachableError: If AWS CDK cannot be downloaded.
    """
    package = downloads.npm("aws-cdk-lib", PATH)
    needed = [endpoint.service for endpoint in VPC_ENDPOINTS]
    refuse_shrinking(f"{package.label}: the list of services", needed, _services(package), "the catalogue")
    before, after = json.loads(project.read(FILE))["interface_endpoints"], published_endpoints(package)
    refuse_shrinking(f"{package.label}: the list of regions", before, after, FILE)
    for region, endpoints in before.items():
        found = after[region]
        refuse_shrinking(f"{package.label}: {region}", endpoints["services"], found["services"], FILE)
        if found["prefix"] != endpoints["prefix"]:
            raise SourceError(
                f"{package.label}: names in {region} begin with {found['prefix']}, and began with "
                f"{endpoints['prefix']}. Find out which is right, and change {FILE} by hand."
            )
    changes = tuple(_changes(before, after))
    if not changes:
        return Update()
    text = as_json({"source": package.label, "date": project.today, "interface_endpoints": after})
    return Update({FILE: text}, changes)


def published_endpoints(package: Package) -> dict[str, Any]:
    """The services of each region whose names begin in another way, and how they begin.

    Raises:
        SourceError: If the module has another form.
    """
    text = package.text(PATH)
    if not (found := _EXCEPTIONS.search(text)):
        raise SourceError(f"{package.label} has another form of {PATH}. Adapt refresh/vpc_endpoints.py.")
    prefixes = {
        region: prefix for cases, prefix in _CASES.findall(found[2]) for region in re.findall(REGION_PATTERN, cases)
    }
    services: Mapping[str, list[str]] = json.loads(found[1])
    if prefixes.keys() != services.keys():
        differing = ", ".join(sorted(prefixes.keys() ^ services.keys()))
        raise SourceError(f"{package.label}: {differing} has services or a prefix, and not both. Read {PATH}.")
    return {region: {"prefix": prefixes[region], "services": sorted(services[region])} for region in sorted(services)}


def _services(package: Package) -> set[str]:
    return set(_SERVICE.findall(package.text(PATH)))


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for region, endpoints in after.items():
        if added := set(endpoints["services"]) - set(before.get(region, {"services": ()})["services"]):
            yield f"In `{region}` the names of {named(added)} begin with `{endpoints['prefix']}`."
