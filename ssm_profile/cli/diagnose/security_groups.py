"""The rules of security groups: whether they allow HTTPS."""

from collections.abc import Container, Iterable, Iterator, Sequence
from ipaddress import ip_address, ip_network

from ssm_profile.catalogue import USER_GUIDE
from ssm_profile.cli.report import code

from .checks import ENDPOINTS, VPC_GUIDE, Check, Result, unread
from .facts import Endpoint, Instance, Rule, Unread
from .places import Place, is_available, resolves_to

_HTTPS = 443
_NO_PROXY = ((22, 22), (53, 53))
"""The ports of rules that are for SSH and DNS, not for a proxy."""
_PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
"""Where a proxy can be to which the agent connects on port 443."""
_TCP = ("tcp", "6")
_PROXY = f"{USER_GUIDE}/configure-proxy-ssm-agent.html"
_ANYWHERE = "0.0.0.0/0"
_GROUPS = f"{VPC_GUIDE}/userguide/vpc-security-groups.html"


def lets_in(rules: Iterable[Rule], instance: Instance) -> bool | None:
    """Whether inbound rules allow HTTPS from an instance. None if this cannot be known."""
    https = [rule for rule in rules if _is_https(rule)]
    if any(set(rule.groups) & set(instance.groups) for rule in https):
        return True
    covered = [any(_covers(rule, each) for rule in https) for each in instance.addresses]
    if covered[:1] == [True]:
        return True
    return None if any(covered) or any(_is_open_question(rule, instance) for rule in https) else False


def _is_open_question(rule: Rule, instance: Instance) -> bool:
    """Whether a rule has addresses that are not compared here: prefix lists, and IPv6 where the instance has it."""
    return bool(rule.prefix_lists) or (instance.has_ipv6 and any(":" in each for each in rule.networks))


def outbound_check(place: Place) -> Check:
    """Whether the security groups of the instance allow HTTPS to where the calls go."""
    name, groups, own = "security groups of the instance", place.network.groups, place.instance.groups
    if isinstance(groups, Unread):
        return unread(name, groups)
    rules = [rule for each in own if each in groups for rule in groups[each].outbound if _is_https(rule)]
    if any(_ANYWHERE in rule.networks for rule in rules):
        return Check(name, Result.OK, "They allow TCP 443 to every address.", sources=(_GROUPS,))
    listed, outcomes = ", ".join(map(code, own)) or "none", _outcomes(rules, place)
    if not outcomes:
        text = "There is no VPC endpoint that is available, so it is not known where they must allow TCP 443 to."
        return Check(name, Result.SKIPPED, text, sources=(_GROUPS,))
    if False in outcomes and not all(each in groups for each in own):
        outcomes = {None}
    if False in outcomes:
        return _closed_check(name, listed, rules, place)
    if fact := next((each for each in outcomes if isinstance(each, Unread)), None):
        return unread(name, fact)
    return _open_check(name, listed, outcomes)


def _open_check(name: str, listed: str, outcomes: Container[bool | Unread | None]) -> Check:
    """The check of outbound rules of which none is known to be too narrow."""
    if None in outcomes:
        text = f"They ({listed}) allow TCP 443 to some addresses. Whether AWS's are among them cannot be known."
        return Check(name, Result.UNKNOWN, text, sources=(_GROUPS,))
    return Check(name, Result.OK, "They allow TCP 443 to the VPC endpoints.", sources=(_GROUPS,))


def _closed_check(name: str, listed: str, rules: Sequence[Rule], place: Place) -> Check:
    """The check of outbound rules that do not allow HTTPS to AWS's endpoints."""
    finding = f"No outbound rule of the instance's security groups ({listed}) allows TCP 443 to AWS's endpoints."
    groups = {} if isinstance(place.network.groups, Unread) else place.network.groups
    allowed = [rule for each in place.instance.groups if each in groups for rule in groups[each].outbound]
    if any(_may_be_for_proxy(rule, place) for rule in allowed):
        text = f"{finding} They allow other connections of TCP. Whether the agent uses a proxy there cannot be known."
        return Check(name, Result.UNKNOWN, text, sources=(_GROUPS, _PROXY))
    heartbeat = (each for each in place.endpoints if each[0] == "ssm")
    return Check(
        name,
        Result.WRONG,
        finding,
        cause="its security groups do not allow HTTPS to AWS",
        fix=f"Allow outbound TCP 443 in {listed}, to 0.0.0.0/0 or to the security groups of the VPC endpoints.",
        sources=(_GROUPS, ENDPOINTS),
        spares_heartbeats=not any(False in _outcome(rules, *each, place) for each in heartbeat),
    )


def _outcomes(rules: Sequence[Rule], place: Place) -> set[bool | Unread | None]:
    """Whether outbound rules allow each way that the calls take."""
    return {outcome for each in place.endpoints for outcome in _outcome(rules, *each, place)}


def _outcome(
    rules: Sequence[Rule], service: str, endpoint: Endpoint | None, place: Place
) -> Iterator[bool | Unread | None]:
    """Whether outbound rules allow the way to a service. Nothing if there is none."""
    usable = endpoint if endpoint and is_available(endpoint) and endpoint.has_ipv4 else None
    if place.way.is_open is False:
        if usable:
            yield _reaches(rules, usable, place)
        return
    resolves = resolves_to(endpoint, service, place)
    if resolves and usable:
        yield _reaches(rules, usable, place)
    elif not rules:
        yield False
    else:
        # A service of AWS has more addresses than a rule for some of them is known to cover.
        is_public = resolves is False and place.way.is_open is True
        yield None if not is_public or any(_may_cover_aws(rule, place.instance) for rule in rules) else False


def _may_cover_aws(rule: Rule, instance: Instance) -> bool:
    return _is_open_question(rule, instance) or any(map(_is_public, rule.networks))


def _reaches(rules: Sequence[Rule], endpoint: Endpoint, place: Place) -> bool | Unread | None:
    """Whether outbound rules allow the addresses of an endpoint."""
    if any(set(rule.groups) & set(endpoint.groups) for rule in rules):
        return True
    network = place.network
    if isinstance(network.addresses, Unread):
        if any(rule.networks for rule in rules):
            return network.addresses
        return None if any(rule.prefix_lists for rule in rules) else False
    addresses = [network.addresses[each] for each in endpoint.interfaces if each in network.addresses]
    covered = [any(_covers(rule, each) for rule in rules) for each in addresses]
    if covered and all(covered):
        return True
    if not addresses or any(covered):
        return None
    return None if any(_is_open_question(rule, place.instance) for rule in rules) else False


def _is_https(rule: Rule) -> bool:
    """Whether a rule is about TCP on port 443."""
    if rule.protocol == "-1":
        return True
    first, last = rule.first_port, rule.last_port
    return rule.protocol in _TCP and (first is None or last is None or first <= _HTTPS <= last)


def _may_be_for_proxy(rule: Rule, place: Place) -> bool:
    """Whether a rule lets the agent reach a proxy: on a port of its own, or on 443 within private networks."""
    is_everything = rule.protocol == "-1"
    if not (is_everything or rule.protocol in _TCP) or (rule.first_port, rule.last_port) in _NO_PROXY:
        return False
    if is_everything or (rule.first_port, rule.last_port) != (_HTTPS, _HTTPS):
        has_ipv4 = any(":" not in each for each in rule.networks)
        return has_ipv4 or place.instance.has_ipv6 or bool(rule.groups or rule.prefix_lists)
    of_endpoints = {group for _, endpoint in place.endpoints if endpoint for group in endpoint.groups}
    addresses = () if isinstance(place.network.addresses, Unread) else place.network.addresses.values()
    return bool(set(rule.groups) - of_endpoints) or any(
        ip_network(each, strict=False).overlaps(private)
        for each in {*rule.networks} - {f"{address}/32" for address in addresses}
        for private in _PRIVATE
        if ":" not in each
    )


def _covers(rule: Rule, address: str) -> bool:
    return any(ip_address(address) in ip_network(each, strict=False) for each in rule.networks)


def _is_public(network: str) -> bool:
    return ip_network(network, strict=False).version == 4 and not ip_network(network, strict=False).is_private  # noqa: PLR2004 - IPv4
