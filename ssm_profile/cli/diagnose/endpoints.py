"""The checks of the VPC endpoints of the services that the agent must reach."""

from collections.abc import Iterator
from dataclasses import replace

from ssm_profile.cli.report import code
from ssm_profile.regions import interface_endpoint

from .checks import ENDPOINTS, VPC_GUIDE, Check, Result, unread
from .endpoint_policies import PolicyVerdict, judge
from .facts import Endpoint, Unread
from .places import Place, in_words, is_available, resolves_to, zone_of
from .security_groups import lets_in

_DNS = f"{VPC_GUIDE}/userguide/vpc-dns.html"
_POLICIES = f"{VPC_GUIDE}/privatelink/vpc-endpoints-access.html"


def endpoint_check(service: str, endpoint: Endpoint | None, place: Place) -> Check:
    """Whether calls to a service reach it through its VPC endpoint, or without one.

    Args:
        service: The service, such as ``ssm``.
        endpoint: Its VPC endpoint, if there is one.
        place: Where the instance is.
    """
    if endpoint is None:
        return _missing_check(service, place)
    if place.way.is_open is False:
        return _only_way_check(service, endpoint, place)
    resolves = resolves_to(endpoint, service, place)
    if resolves is None:
        return _either_way_check(service, endpoint, place)
    return (_used_check if resolves else _unused_check)(service, endpoint, place)


def _name(service: str) -> str:
    return f"VPC endpoint {service}"


def _missing_check(service: str, place: Place) -> Check:
    """The check of a service without a VPC endpoint."""
    name, sources, way = _name(service), (ENDPOINTS,), place.way
    if way.is_open is None or place.is_shared:
        text = "There is none in this account's view. Whether there is another way cannot be known."
        return Check(name, Result.UNKNOWN, text, sources=sources)
    zones_matter = isinstance(place.network.hosted_zones, Unread) or zone_of(service, place)
    if (way.is_open or zones_matter) and resolves_to(None, service, place) is None:
        return _unknown_name(service, None, place, "There is none in the VPC.")
    if way.is_open:
        return Check(name, Result.OK, "There is none. Calls take the route to the internet.", sources=sources)
    return Check(
        name,
        Result.WRONG,
        "There is none, and the subnet has no route to the internet.",
        cause=f"no VPC endpoint for {service}",
        fix=_attributes_first(place)
        + f"Create the interface endpoint `{interface_endpoint(service, place.facts.region)}` with private DNS.",
        sources=sources,
    )


def _unused_check(service: str, endpoint: Endpoint, place: Place) -> Check:
    """The check of an endpoint to which the name of its service does not resolve, where there may be another way."""
    why = "the VPC does not resolve its private name" if endpoint.has_private_dns else "it has no private DNS"
    finding = f"Calls do not go through the endpoint {code(endpoint.id)}: {why}."
    if place.way.is_open:
        return Check(_name(service), Result.OK, f"{finding} They take the route to the internet.", sources=(ENDPOINTS,))
    text = f"{finding} Whether there is another way cannot be known."
    return Check(_name(service), Result.UNKNOWN, text, sources=(ENDPOINTS,))


def _either_way_check(service: str, endpoint: Endpoint, place: Place) -> Check:
    """The check of an endpoint that calls may or may not go through."""
    used = _used_check(service, endpoint, place) if is_available(endpoint) and endpoint.has_ipv4 else None
    if used and used.result is Result.OK and place.way.is_open:
        text = f"{used.finding} Whether calls go through it or take the route to the internet cannot be known."
        return Check(_name(service), Result.OK, text, sources=(ENDPOINTS,))
    finding = "" if used is None or used.result is Result.OK else f"{used.finding} This matters if calls go through it."
    return _unknown_name(service, endpoint, place, finding)


def _only_way_check(service: str, endpoint: Endpoint, place: Place) -> Check:
    """The check of an endpoint without which there is no way."""
    name, label = _name(service), f"The endpoint {code(endpoint.id)}"
    if not is_available(endpoint):
        fix = f"Wait until {code(endpoint.id)} is available, or create it again."
        cause, text = f"the VPC endpoint {service} is {endpoint.state}", f"{label} is in the state `{endpoint.state}`."
        return Check(name, Result.WRONG, text, cause=cause, fix=fix, sources=(ENDPOINTS,))
    if not endpoint.has_ipv4:
        return _unknown_name(service, endpoint, place, "")
    if endpoint.has_private_dns:  # the check of the VPC's DNS says whether its name is resolved
        return _used_check(service, endpoint, place)
    if resolves_to(endpoint, service, place) is None:
        return _unknown_name(service, endpoint, place, f"{label} has no private DNS.")
    if zone := zone_of(service, place):  # it would resolve the name if the VPC used private hosted zones
        return Check(
            name,
            Result.WRONG,
            f"{label} has no private DNS, and the VPC does not use the private hosted zone {code(zone)}, which needs "
            "`enableDnsSupport` and `enableDnsHostnames`.",
            cause=f"the VPC does not use the private hosted zone for {service}",
            fix="Turn on `enableDnsSupport` and `enableDnsHostnames` of the VPC.",
            sources=(ENDPOINTS, _DNS),
        )
    return Check(
        name,
        Result.WRONG,
        f"{label} has no private DNS, and nothing else in the VPC resolves the name of the service, so an agent with "
        "its default settings does not find it.",
        cause=f"the VPC endpoint {service} has no private DNS",
        fix=_attributes_first(place)
        + "Turn on private DNS: `aws ec2 modify-vpc-endpoint --private-dns-enabled --vpc-endpoint-id "
        f"{endpoint.id}`.",
        sources=(ENDPOINTS, _DNS),
    )


def _attributes_first(place: Place) -> str:
    """What to do before private DNS can be turned on. Empty if nothing is."""
    dns = place.network.dns
    off = [] if isinstance(dns, Unread) else [f"`{name}`" for name, is_on in dns.items() if not is_on]
    return f"Turn on {' and '.join(off)} of the VPC first. AWS refuses private DNS without both. " if off else ""


def _unknown_name(service: str, endpoint: Endpoint | None, place: Place, finding: str) -> Check:
    """The check of a service of which it cannot be known where its name leads."""
    name, network = _name(service), place.network
    for fact in (network.dns, network.other_dns, network.hosted_zones):
        if isinstance(fact, Unread):
            return replace(unread(name, fact), finding=f"{finding} {unread(name, fact).finding}".strip())
    if network.other_dns and not isinstance(network.other_dns, Unread):
        why = f"{in_words(network.other_dns)} can resolve the name of the service to other addresses."
    elif not isinstance(network.dns, Unread) and not network.dns.get("enableDnsSupport"):
        why = "`enableDnsSupport` is off, so DNS servers of which nothing is known resolve the name of the service."
    elif endpoint and not is_available(endpoint):
        why = f"It is in the state `{endpoint.state}`. Whether the name of the service resolves to it cannot be known."
    elif endpoint and not endpoint.has_ipv4:
        why = "It has only IPv6 addresses. This command checks IPv4 only."
    else:
        why = f"The private hosted zone {code(zone_of(service, place))} may resolve the name. Its records are not read."
    return Check(name, Result.UNKNOWN, f"{finding} {why}".strip(), sources=(ENDPOINTS,))


def _used_check(service: str, endpoint: Endpoint, place: Place) -> Check:
    """The check of an endpoint through which the calls go."""
    name, label, groups = _name(service), code(endpoint.id), place.network.groups
    if isinstance(groups, Unread):
        return unread(name, groups)
    rules = [rule for each in endpoint.groups if each in groups for rule in groups[each].inbound]
    allowed = lets_in(rules, place.instance)
    if allowed is False and not all(each in groups for each in endpoint.groups):
        allowed = None
    verdict = judge(endpoint, service, place.facts, place.instance)
    listed = ", ".join(map(code, endpoint.groups)) or "none"
    findings, fixes, causes = list[str](), list[str](), list[str]()
    if allowed is False:
        findings.append(
            f"No inbound rule of the security groups of {label} ({listed}) allows TCP 443 from the instance."
        )
        sources = place.instance.groups or place.instance.addresses[:1]
        where = f"in {' or '.join(map(code, endpoint.groups))}" if endpoint.groups else f"to {label}"
        fixes.append(f"Allow inbound TCP 443 {where} from {' or '.join(map(code, sources))}.")
        causes.append(f"the security groups of the VPC endpoint {service} do not let it in")
    if verdict.denied:
        actions = ", ".join(map(code, verdict.denied))
        findings.append(f"The policy of {label} does not allow {actions}.")
        fixes.append(f"Allow {actions} in the policy of {label}.")
        causes.append(f"the policy of the VPC endpoint {service} denies the agent's calls")
    if findings:
        fix, cause = " ".join(fixes), " and ".join(causes)
        return Check(name, Result.WRONG, " ".join(findings), cause=cause, fix=fix, sources=(ENDPOINTS, _POLICIES))
    if allowed is None:
        findings.append(f"Whether the security groups of {label} ({listed}) let the instance in cannot be known.")
    findings += _open_questions(label, verdict)
    if findings:
        return Check(name, Result.UNKNOWN, " ".join(findings), sources=(_POLICIES,))
    return Check(name, Result.OK, f"{label} is available, lets the instance in, and allows its calls.")


def _open_questions(label: str, verdict: PolicyVerdict) -> Iterator[str]:
    """What cannot be known of the policy of an endpoint."""
    if verdict.problem:
        yield f"The policy of {label} cannot be judged: {verdict.problem}"
    if verdict.depends_on:
        conditions = ", ".join(map(code, verdict.depends_on))
        yield f"The policy of {label} allows the calls of the agent only under conditions: {conditions}."
    if verdict.unsure:
        actions = ", ".join(map(code, verdict.unsure))
        yield (
            f"Whether the policy of {label} lets the agent request the account's default role ({actions}) cannot be "
            "known."
        )
