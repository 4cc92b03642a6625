"""Checks of the network: the route to the internet, and the VPC endpoints that replace it.

The way to a service is its VPC endpoint if the endpoint has private DNS, since the name of the service then resolves to
the endpoint. Otherwise it is the route to the internet.

Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html
"""

from collections.abc import Iterator, Sequence

from ssm_profile.regions import interface_endpoint

from .checks import VPC_GUIDE, Check, Result, unread
from .endpoints import endpoint_check
from .facts import Endpoint, Facts, Registration, Unread
from .instances import AGENT_WITHOUT_EC2MESSAGES, version_of
from .places import Place, is_available
from .routes import route_check, way_to_internet
from .security_groups import outbound_check

AGENT_SERVICES = ("ssm", "ssmmessages", "ec2messages")
"""The services that an agent can need."""

_DNS = f"{VPC_GUIDE}/userguide/vpc-dns.html"


def network_checks(facts: Facts) -> Iterator[Check]:
    """The checks of the network of an instance. There are none if its connection shows that the network works."""
    network, instance = facts.network, facts.instance
    if network is None or isinstance(instance, Unread):
        return
    known = () if isinstance(network.endpoints, Unread) else network.endpoints
    endpoints = [(service, _endpoint_of(service, facts.region, known)) for service in needed_services(facts)]
    place = Place(facts, instance, network, way_to_internet(network, instance), endpoints)
    yield route_check(place)
    if isinstance(network.endpoints, Unread):
        yield unread("VPC endpoints", network.endpoints)
    elif place.has_endpoints or place.way.is_open is not False:  # otherwise the route is what is wrong
        yield _dns_check(place)
        yield outbound_check(place)
        yield from (endpoint_check(service, endpoint, place) for service, endpoint in endpoints)


def needed_services(facts: Facts) -> list[str]:
    """The services that the agent must reach. Without its version, it counts as one that does not need ec2messages."""
    registration = facts.registration
    version = version_of(registration.agent_version) if isinstance(registration, Registration) else ()
    return list(AGENT_SERVICES[: 3 if version and version < AGENT_WITHOUT_EC2MESSAGES else 2])


def _endpoint_of(service: str, region: str, endpoints: Sequence[Endpoint]) -> Endpoint | None:
    """The endpoint of a service: the one that works best if there are several."""
    name = interface_endpoint(service, region)
    own = [each for each in endpoints if each.service == name and each.state.lower() not in ("deleting", "deleted")]
    return min(own, key=lambda each: (not each.has_private_dns, not is_available(each)), default=None)


def _dns_check(place: Place) -> Check:
    """Whether the VPC resolves the names of services, and the private names of endpoints."""
    name, dns = "DNS of the VPC", place.network.dns
    if isinstance(dns, Unread):
        return unread(name, dns)
    off = [each for each, is_on in dns.items() if not is_on]
    if not off:
        return Check(name, Result.OK, "The VPC resolves names, and the private names of endpoints.", sources=(_DNS,))
    finding = f"{' and '.join(f'`{each}`' for each in off)} {'is' if len(off) == 1 else 'are'} off in the VPC."
    has_private_names = any(endpoint and endpoint.has_private_dns for _, endpoint in place.endpoints)
    if has_private_names and place.way.is_open is False:
        fix = "Turn on `enableDnsSupport` and `enableDnsHostnames` of the VPC."
        text = f"{finding} Private names of endpoints need both."
        return Check(name, Result.WRONG, text, cause="the VPC has no private DNS names", fix=fix, sources=(_DNS,))
    if "enableDnsSupport" in off:
        text = f"{finding} The instance then needs DNS servers of its own, of which nothing is known here."
        return Check(name, Result.UNKNOWN, text, sources=(_DNS,))
    return Check(name, Result.OK, f"{finding} Only private names of endpoints need it.", sources=(_DNS,))
