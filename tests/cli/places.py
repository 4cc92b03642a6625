"""An instance in an invented network, and the results of the checks of the network."""

import json

from tests import require
from tests.expected import TRUST

facts = require("ssm_profile.cli.diagnose.facts")
network = require("ssm_profile.cli.diagnose.network")
roles = require("ssm_profile.cli.roles")
evaluator = require("ssm_profile.iam.evaluator")

ACCOUNT, REGION, INSTANCE = "123456789012", "eu-central-1", "i-0123456789abcdef0"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ssm/web"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/web/{INSTANCE}"
OPEN = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]})
"""AWS's default policy of an endpoint."""


def rule(*networks, protocol="tcp", ports=(443, 443), groups=(), prefix_lists=()):
    return facts.Rule(protocol, *ports, networks, groups, prefix_lists)


def endpoint(service, **changes):
    values = {
        "id": f"vpce-{service}",
        "service": f"com.amazonaws.{REGION}.{service}",
        "state": "available",
        "has_private_dns": True,
        "groups": ("sg-endpoint",),
        "interfaces": (f"eni-{service}",),
        "policy": OPEN,
    }
    return facts.Endpoint(**values | changes)


ENDPOINTS = (endpoint("ssm"), endpoint("ssmmessages"))
IGW, NAT = facts.Route("0.0.0.0/0", "igw-1"), facts.Route("0.0.0.0/0", "nat-1")


WORKING_NAT = facts.NatGateway("available", is_public=True, route_table=facts.RouteTable(ACCOUNT, (IGW,)))
FROM_INSTANCE, TO_EVERYWHERE = rule(groups=("sg-own",)), rule("0.0.0.0/0")


def check(  # noqa: PLR0913 - one for each fact
    routes=(),
    *,
    endpoints=ENDPOINTS,
    inbound=(FROM_INSTANCE,),
    outbound=(TO_EVERYWHERE,),
    zones=(),
    dns=(True, True),
    other_dns=(),
    owner=ACCOUNT,
    role=ROLE,
    registration=None,
    channel=None,
    state="running",
    nat=(),
    host_management=None,
    **instance,
):
    """The results of the checks of an instance in a network, with the findings of those that are not ok."""
    groups = {
        "sg-own": facts.SecurityGroup((), tuple(outbound)),
        "sg-endpoint": facts.SecurityGroup(tuple(inbound), ()),
    }
    local = facts.Route("10.0.0.0/16", "local")
    values = {"vpc": "vpc-1", "subnet": "subnet-1", "addresses": ("10.0.1.5",), "groups": ("sg-own",)}
    values |= {"profile_arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/web"} if role else {}
    profile = facts.Profile("AIPA1", role, TRUST, roles.Role(evaluator.Policy("role web", ()))) if role else None
    found = facts.Facts(
        instance_id=INSTANCE,
        region=REGION,
        instance=facts.Instance(ACCOUNT, state, **values | instance),
        registration=registration,
        channel=channel,
        profile=profile,
        host_management=host_management,
        control_policies=None,
        network=facts.Network(
            route_table=facts.RouteTable(owner, (local, *routes)),
            endpoints=tuple(endpoints),
            groups=groups,
            addresses={"eni-ssm": "10.0.2.10", "eni-ssmmessages": "10.0.2.11", "eni-other": "10.0.3.10"},
            dns=dict(zip(("enableDnsSupport", "enableDnsHostnames"), dns, strict=True)) if dns is not UNREAD else dns,
            other_dns=other_dns,
            load_balancers=("vpce-gwlb",),
            nat=WORKING_NAT if nat == () else nat,
            hosted_zones=zones,
        ),
    )
    return {each.name: each for each in network.network_checks(found)}


def results(checks):
    """The results that are not ok."""
    return {name: each.result.value for name, each in checks.items() if each.result.value != "ok"}


UNREAD = facts.Unread("ec2:DescribeVpcAttribute", is_denied=True, message="")
TGW = facts.Route("0.0.0.0/0", "tgw-1")
CLOSED = {"inbound": ()}
"""The security group of the endpoints lets nobody in."""
