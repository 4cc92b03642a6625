"""The check of the route to the internet."""

from ipaddress import ip_network

from ssm_profile.cli.report import code

from .checks import ENDPOINTS, VPC_GUIDE, Check, Result, unread
from .facts import Instance, NatGateway, Network, Route, RouteTable, Unread
from .places import Place, Way

_ROUTES = f"{VPC_GUIDE}/userguide/VPC_Route_Tables.html"
_SHARED = f"{VPC_GUIDE}/userguide/vpc-sharing.html"
_CREATE = "Create the VPC endpoints `ssm` and `ssmmessages`, or add a route to a NAT gateway."

_UNKNOWN_TARGETS = {
    "tgw-": "a transit gateway",
    "pcx-": "a peering connection",
    "eni-": "a network interface",
    "i-": "an instance",
    "vgw-": "a virtual private gateway",
    "lgw-": "a local gateway",
    "cagw-": "a carrier gateway",
    "vpce-": "a Gateway Load Balancer endpoint",
    "arn:": "a core network",
}
"""The targets of routes that lead to a network of which nothing is known here, by the beginning of their IDs."""


def way_to_internet(network: Network, instance: Instance) -> Way:
    """Whether the subnet of an instance has a route to the internet."""
    table = network.route_table
    if isinstance(table, Unread):
        return Way(is_open=None, finding="")
    if table is None:
        return Way(is_open=None, finding="AWS lists no route table for the subnet. Another account may own it.")
    return _way_of(table, instance, network)


def _way_of(table: RouteTable, instance: Instance, network: Network) -> Way:
    default, way = table.default, _way_by_default(table.default, instance, network)
    others = [each for each in table.routes if each is not default and _may_matter(each, instance, network)]
    if way.is_open:  # a route to a part of the public addresses is more specific than the default route
        others = [each for each in others if _is_public(each.destination)]
    else:
        others = [each for each in others if each.is_active]
    if way.is_open is None or not others:
        return way
    names = ", ".join(code(f"{each.destination} to {each.target}") for each in others)
    return Way(
        is_open=None,
        finding=f"{way.finding} There are other routes ({names}). Whether they lead to AWS, too, or "
        "away from it cannot be known.",
    )


def _way_by_default(default: Route | None, instance: Instance, network: Network) -> Way:
    """The way that the default route is."""
    if default is None:
        return Way(is_open=False, finding="The subnet has no route to the internet.")
    target = code(default.target)
    if not default.is_active:
        return Way(
            is_open=False,
            finding=f"The default route leads to {target}, which is not available (`blackhole`).",
            fix="Let the default route lead to a gateway that is available."
            if default.target.startswith("nat-")  # it was deleted
            else f"Attach or start {target}, or let the default route lead to another gateway.",
        )
    if default.target.startswith("igw-"):
        return _way_by_internet_gateway(target, instance)
    if default.target.startswith("nat-"):
        return _way_by_nat(target, network.nat)
    kind = next((text for start, text in _UNKNOWN_TARGETS.items() if default.target.startswith(start)), "a target")
    text = f"The default route leads to {kind} ({target}). What is behind it cannot be known."
    return Way(is_open=None, finding=text)


def _way_by_internet_gateway(target: str, instance: Instance) -> Way:
    """The way that a default route to an internet gateway is."""
    finding = f"The default route leads to the internet gateway {target}"
    if instance.has_public_address:
        return Way(is_open=True, finding=f"{finding}.")
    if instance.state != "running":
        text = f"{finding}. Whether the instance gets a public IPv4 address when it runs cannot be known."
        return Way(is_open=None, finding=text)
    return Way(
        is_open=False,
        finding=f"{finding}, but the instance has no public IPv4 address.",
        fix="Give the instance a public IPv4 address, or let the route lead to a NAT gateway.",
    )


def _way_by_nat(target: str, nat: NatGateway | Unread | None) -> Way:
    """The way that a default route to a NAT gateway is."""
    finding = f"The default route leads to the NAT gateway {target}"
    if isinstance(nat, Unread):
        return Way(is_open=None, finding=f"{finding}. Where the gateway leads could not be read.")
    if nat is None:
        return Way(is_open=None, finding=f"{finding}, which AWS does not find.")
    if nat.state != "available":
        is_open = None if nat.state == "pending" else False
        fix = "Let the default route lead to a gateway that is available."
        return Way(is_open, f"{finding}, which is in the state `{nat.state}`.", fix)
    own = nat.route_table.default if isinstance(nat.route_table, RouteTable) else None
    if nat.is_public and own and own.is_active and own.target.startswith("igw-"):
        return Way(is_open=True, finding=f"{finding}, and from there to the internet gateway {code(own.target)}.")
    kind = "" if nat.is_public else " It is a private one."
    return Way(is_open=None, finding=f"{finding}.{kind} Whether it leads to the internet cannot be known.")


def _may_matter(route: Route, instance: Instance, network: Network) -> bool:
    """Whether a route that is not the default one may lead to AWS, or to endpoints elsewhere, or away from them."""
    is_to_endpoint = route.destination.startswith("pl-") and route.target.startswith("vpce-")
    if is_to_endpoint and route.target not in network.load_balancers:  # a gateway endpoint
        return False
    return route.target != "local" and (":" not in route.destination or instance.has_ipv6)


def _is_public(destination: str) -> bool:
    """Whether a destination may contain public addresses of IPv4."""
    if destination.startswith("pl-"):
        return True
    return ":" not in destination and not (destination and ip_network(destination, strict=False).is_private)


def route_check(place: Place) -> Check:
    """Whether there is a route to the internet, where there are no VPC endpoints instead."""
    name, sources, way = "route to the internet", (_ROUTES, ENDPOINTS), place.way
    nat = place.network.nat
    for fact in (place.network.route_table, nat.route_table if isinstance(nat, NatGateway) else nat):
        if isinstance(fact, Unread) and way.is_open is None:
            return unread(name, fact)
    if way.is_open is not False:
        return Check(name, Result.OK if way.is_open else Result.UNKNOWN, way.finding, sources=sources)
    if place.has_endpoints:
        return Check(name, Result.OK, f"{way.finding} The VPC endpoints are the way to AWS.", sources=sources)
    if isinstance(place.network.endpoints, Unread):
        return Check(name, Result.UNKNOWN, f"{way.finding} It needs none if there are VPC endpoints.", sources=sources)
    if place.is_shared:
        text = f"{way.finding} Another account owns the VPC, and its VPC endpoints cannot be seen from this one."
        return Check(name, Result.UNKNOWN, text, sources=(_SHARED,))
    return Check(
        name,
        Result.WRONG,
        f"{way.finding} There are no VPC endpoints for the agent, either. A proxy in the VPC is not checked.",
        cause="there is no way to AWS's endpoints",
        fix=way.fix or _CREATE,
        sources=sources,
    )
