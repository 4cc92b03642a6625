"""The checks of the VPC endpoints of the services that the agent must reach."""

from ssm_profile.cli.report import code
from ssm_profile.regions import interface_endpoint

from .checks import ENDPOINTS, VPC_GUIDE, Check, Result, unread
from .endpoint_policies import judge
from .facts import Endpoint, Unread
from .places import Place, is_available, is_used
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
    return (_used_check if is_used(endpoint) else _unused_check)(service, endpoint, place)


def _name(service: str) -> str:
    return f"VPC endpoint {service}"


def _missing_check(service: str, place: Place) -> Check:
    """The check of a service without a VPC endpoint."""
    name, sources, way = _name(service), (ENDPOINTS,), place.way
    if way.is_open:
        return Check(name, Result.OK, "There is none. Calls take the route to the internet.", sources=sources)
    if way.is_open is None or place.is_shared:
        text = "There is none in this account's view. Whether there is another way cannot be known."
        return Check(name, Result.UNKNOWN, text, sources=sources)
    return Check(
        name,
        Result.WRONG,
        "There is none, and the subnet has no route to the internet.",
        cause=f"no VPC endpoint for {service}",
        fix=f"Create the interface endpoint `{interface_endpoint(service, place.facts.region)}` with private DNS.",
        sources=sources,
    )


def _unused_check(service: str, endpoint: Endpoint, place: Place) -> Check:
    """The check of an endpoint to which the name of its service does not resolve."""
    label = f"The endpoint {code(endpoint.id)}"
    name, way, zones = _name(service), place.way, place.network.hosted_zones
    finding = f"{label} has no private DNS" if is_available(endpoint) else f"{label} is in the state `{endpoint.state}`"
    if way.is_open:
        return Check(name, Result.OK, f"{finding}. Calls take the route to the internet.", sources=(ENDPOINTS,))
    if way.is_open is None:
        return Check(name, Result.UNKNOWN, f"{finding}. Whether there is another way cannot be known.")
    if not is_available(endpoint):
        fix = f"Wait until {code(endpoint.id)} is available, or create it again."
        cause = f"the VPC endpoint {service} is {endpoint.state}"
        return Check(name, Result.WRONG, f"{finding}.", cause=cause, fix=fix, sources=(ENDPOINTS,))
    if isinstance(zones, Unread):
        return unread(name, zones)
    if own := [each for each in zones if _is_zone_of(each, service, place.facts.region)]:
        text = f"{finding}. The private hosted zone {code(own[0])} may resolve the name. Its records are not read."
        return Check(name, Result.UNKNOWN, text, sources=(ENDPOINTS,))
    return Check(
        name,
        Result.WRONG,
        f"{finding}, and no private hosted zone of the VPC has the name of the service, so the agent does not find it. "
        "Profiles of Route 53 and rules of its Resolver are not read.",
        cause=f"the VPC endpoint {service} has no private DNS",
        fix="Turn on private DNS: `aws ec2 modify-vpc-endpoint --private-dns-enabled --vpc-endpoint-id "
        f"{endpoint.id}`.",
        sources=(ENDPOINTS, _DNS),
    )


def _is_zone_of(zone: str, service: str, region: str) -> bool:
    """Whether a hosted zone has the name of a service or of a parent of it, with any DNS suffix."""
    return zone.startswith((f"{service}.{region}.", f"{region}.amazonaws.", "amazonaws."))


def _used_check(service: str, endpoint: Endpoint, place: Place) -> Check:
    """The check of an endpoint through which the calls go."""
    name, label, groups = _name(service), code(endpoint.id), place.network.groups
    if isinstance(groups, Unread):
        return unread(name, groups)
    rules = [rule for each in endpoint.groups if each in groups for rule in groups[each].inbound]
    allowed = lets_in(rules, place.instance)
    verdict = judge(endpoint, service, place.facts, place.instance)
    listed = ", ".join(map(code, endpoint.groups)) or "none"
    findings, fixes, causes = list[str](), list[str](), list[str]()
    if allowed is False:
        findings.append(
            f"No inbound rule of the security groups of {label} ({listed}) allows TCP 443 from the instance."
        )
        sources = (*place.instance.addresses, *place.instance.groups)
        fixes.append(f"Allow inbound TCP 443 from {' or '.join(map(code, sources))}.")
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
    if verdict.problem:
        findings.append(f"The policy of {label} cannot be judged: {verdict.problem}")
    if verdict.depends_on:
        conditions = ", ".join(map(code, verdict.depends_on))
        findings.append(f"The policy of {label} allows the calls of the agent only under conditions: {conditions}.")
    if findings:
        return Check(name, Result.UNKNOWN, " ".join(findings), sources=(_POLICIES,))
    return Check(name, Result.OK, f"{label} is available, lets the instance in, and allows its calls.")
