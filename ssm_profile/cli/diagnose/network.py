"""Checks of the network: the route to the internet, and the VPC endpoints that replace it.

The way to a service is its VPC endpoint if the name of the service resolves to it, which :func:`~.places.resolves_to`
decides. Otherwise it is the route to the internet.

Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ssm_profile.regions import interface_endpoint

from .checks import ENDPOINTS, VPC_GUIDE, Check, Result, unread
from .endpoints import endpoint_check
from .facts import Endpoint, Facts, Instance, Registration, Unread
from .instances import AGENT_WITHOUT_EC2MESSAGES, has_ec2messages, version_of
from .places import Place, in_words, is_available
from .routes import route_check, way_to_internet
from .security_groups import outbound_check

AGENT_SERVICES = ("ssm", "ssmmessages", "ec2messages")
"""The services that an agent can need."""

_CHANNEL_CHECKS = ("VPC endpoint ssmmessages", "VPC endpoint ec2messages")
"""The checks of what heartbeats do not need."""

_DNS = f"{VPC_GUIDE}/userguide/vpc-dns.html"


def network_checks(facts: Facts) -> Iterator[Check]:
    """The checks of the network of an instance. There are none if its connection shows that the network works."""
    network, instance = facts.network, facts.instance
    if network is None or isinstance(instance, Unread):
        return
    if isinstance(network, Unread):
        yield unread("network", network)
        return
    if not instance.addresses:
        text = "The instance has no IPv4 address. This command checks routes and VPC endpoints for IPv4 only."
        yield Check("network", Result.SKIPPED, text, sources=(ENDPOINTS,))
        return
    known = () if isinstance(network.endpoints, Unread) else network.endpoints
    endpoints = [(service, _endpoint_of(service, facts.region, known)) for service in needed_services(facts)]
    place = Place(facts, instance, network, way_to_internet(network, instance), endpoints)
    for each in _checks(place):
        check = replace(each, spares_heartbeats=True) if each.name in _CHANNEL_CHECKS else each
        doubt = _doubt(check.name, facts, instance) if check.result is Result.WRONG else ""
        yield (
            replace(check, result=Result.UNKNOWN, finding=f"{check.finding} {doubt}", cause="", fix="")
            if doubt
            else check
        )


def _checks(place: Place) -> Iterator[Check]:
    yield route_check(place)
    if isinstance(place.network.endpoints, Unread):
        yield unread("VPC endpoints", place.network.endpoints)
    elif place.has_endpoints or place.way.is_open is not False:  # otherwise the route is what is wrong
        yield _dns_check(place)
        yield outbound_check(place)
        yield from (endpoint_check(service, endpoint, place) for service, endpoint in place.endpoints)


def _doubt(name: str, facts: Facts, instance: Instance) -> str:
    """Why a check of the network that is wrong may not matter. Empty if it does."""
    if facts.has_proxy:
        return "A file of `--log` shows that the agent has a proxy, which can be the way. It is not checked."
    if isinstance(facts.registration, Unread):
        return "Heartbeats may arrive, which could not be read. Then there is a way that this command does not see."
    online = isinstance(facts.registration, Registration) and facts.registration.is_online
    if online and (name not in _CHANNEL_CHECKS or isinstance(facts.channel, Unread)):
        return "Heartbeats arrive, so there may be a way that this command does not see."
    if instance.interfaces > 1:
        others = "Others are in another subnet or have other security groups, and are not checked."
        return f"This is about the primary network interface. {others}"
    return ""


def needed_services(facts: Facts) -> list[str]:
    """The services that the agent must reach. Without its version, it counts as one that does not need ec2messages.

    In a region without ec2messages, the check of the agent's version says what is wrong.
    """
    registration = facts.registration
    version = version_of(registration.agent_version) if isinstance(registration, Registration) else ()
    is_old = version and version < AGENT_WITHOUT_EC2MESSAGES and has_ec2messages(facts.region)
    return list(AGENT_SERVICES[: 3 if is_old else 2])


def _endpoint_of(service: str, region: str, endpoints: Sequence[Endpoint]) -> Endpoint | None:
    """The endpoint of a service: the one that works best if there are several."""
    name = interface_endpoint(service, region)
    own = [each for each in endpoints if each.service == name and each.state.lower() not in ("deleting", "deleted")]
    return min(own, key=lambda each: (not each.has_private_dns, not is_available(each)), default=None)


def _dns_check(place: Place) -> Check:
    """Whether the VPC resolves the names of services, and the private names of endpoints."""
    name, dns, other = "DNS of the VPC", place.network.dns, place.network.other_dns
    if isinstance(dns, Unread):
        return unread(name, dns)
    if isinstance(other, Unread):
        return unread(name, other)
    return _resolver_check(name, dns, other, place)


def _resolver_check(name: str, dns: Mapping[str, bool], other: Sequence[str], place: Place) -> Check:
    """The check of what answers the DNS queries of the VPC."""
    off = [f"`{each}`" for each, is_on in dns.items() if not is_on]
    finding = f"{' and '.join(off)} {'is' if len(off) == 1 else 'are'} off in the VPC." if off else ""
    if other:
        text = f"{finding} {in_words(other)} can resolve names. Which addresses they give cannot be known.".strip()
        return Check(name, Result.UNKNOWN, text, sources=(_DNS,))
    if not off:
        return Check(name, Result.OK, "The VPC resolves names, and the private names of endpoints.", sources=(_DNS,))
    has_private_names = any(endpoint and endpoint.has_private_dns for _, endpoint in place.endpoints)
    if has_private_names and place.way.is_open is False:
        fix = "Turn on `enableDnsSupport` and `enableDnsHostnames` of the VPC."
        text = f"{finding} Private names of endpoints need both, and the VPC names no DNS server but Amazon's."
        return Check(name, Result.WRONG, text, cause="the VPC has no private DNS names", fix=fix, sources=(_DNS,))
    if not dns.get("enableDnsSupport"):
        text = f"{finding} The instance then needs DNS servers of its own, of which nothing is known here."
        return Check(name, Result.UNKNOWN, text, sources=(_DNS,))
    if has_private_names and place.way.is_open is None:
        text = f"{finding} Private names of endpoints need both. Whether there is a way without them cannot be known."
        return Check(name, Result.UNKNOWN, text, sources=(_DNS,))
    return Check(name, Result.OK, f"{finding} Only private names and private hosted zones need it.", sources=(_DNS,))
