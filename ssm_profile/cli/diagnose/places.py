"""Where an instance is: what the checks of the network share."""

from collections.abc import Sequence
from dataclasses import dataclass

from ssm_profile.regions import OTHER_DNS_SUFFIXES, partition_of

from .facts import Endpoint, Facts, Instance, Network, RouteTable, Unread

_DNS_SUFFIXES = ("amazonaws.com", "amazonaws.com.cn")


@dataclass(frozen=True)
class Way:
    """Whether there is a way to the internet."""

    is_open: bool | None
    """None if this cannot be known."""
    finding: str
    fix: str = ""


@dataclass(frozen=True)
class Place:
    """An instance in its network."""

    facts: Facts
    instance: Instance
    network: Network
    way: Way
    endpoints: Sequence[tuple[str, Endpoint | None]] = ()
    """The services that the agent must reach, each with its VPC endpoint if there is one."""

    @property
    def has_endpoints(self) -> bool:
        """Whether one of the services has an endpoint."""
        return any(endpoint for _, endpoint in self.endpoints)

    @property
    def is_shared(self) -> bool:
        """Whether another account owns the VPC. A participant does not see what belongs to the owner."""
        table = self.network.route_table
        return table is None or (isinstance(table, RouteTable) and table.owner not in ("", self.instance.account))


def is_available(endpoint: Endpoint) -> bool:
    """Whether an endpoint is ready."""
    return endpoint.state.lower() == "available"


def covers_name(domain: str, service: str, region: str) -> bool:
    """Whether the name of a service is in a domain.

    Args:
        domain: The domain, such as ``amazonaws.com``.
        service: The service, such as ``ssm``.
        region: The region.
    """
    wanted, other = domain.strip(".").lower(), OTHER_DNS_SUFFIXES.get(partition_of(region))
    names = (f".{service}.{region}.{suffix}" for suffix in (*_DNS_SUFFIXES, *([other] if other else [])))
    return not wanted or any(name.endswith(f".{wanted}") for name in names)


def resolves_to(endpoint: Endpoint | None, service: str, place: Place) -> bool | None:
    """Whether the name of a service resolves to its endpoint. None if this cannot be known.

    Private DNS needs both attributes of the VPC, and the DNS server of the VPC. AWS refuses a private hosted zone with
    the name of an endpoint that has private DNS.

    Source: https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html
    """
    if endpoint is None and place.is_shared:
        return None
    dns, zones, other = place.network.dns, place.network.hosted_zones, place.network.other_dns
    if isinstance(dns, Unread) or isinstance(other, Unread) or other or not dns.get("enableDnsSupport"):
        return None
    if endpoint and endpoint.has_private_dns and dns.get("enableDnsHostnames"):
        return True if is_available(endpoint) and endpoint.has_ipv4 else None
    if dns.get("enableDnsHostnames") and (isinstance(zones, Unread) or zone_of(service, place)):
        return None
    return False


def in_words(other_dns: Sequence[str]) -> str:
    """What answers DNS queries in the place of the VPC, at the beginning of a sentence."""
    listed = ", ".join(other_dns)
    return listed[:1].upper() + listed[1:]


def zone_of(service: str, place: Place) -> str:
    """The private hosted zone that has the name of a service or of a parent of it. Empty if there is none."""
    zones = () if isinstance(place.network.hosted_zones, Unread) else place.network.hosted_zones
    return next((each for each in zones if covers_name(each, service, place.facts.region)), "")
