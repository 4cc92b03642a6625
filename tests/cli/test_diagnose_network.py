"""The checks of the network that several facts decide: routes, and what makes a verdict uncertain."""

import pytest

from tests import require
from tests.cli.places import ACCOUNT, CLOSED, ENDPOINTS, IGW, NAT, UNREAD, check, facts, results

responses = require("ssm_profile.cli.diagnose.responses")


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
            ([NAT, facts.Route("pl-6da54004", "vpce-1", is_active=False)], "ok"),
            ([NAT, facts.Route("pl-1", "vpce-gwlb")], "not known"),
            ([facts.Route("pl-1", "vpce-gwlb")], "not known"),
            ([NAT, facts.Route("52.94.0.0/16", "nat-2", is_active=False)], "not known"),
            ([NAT, facts.Route("10.0.0.0/8", "nat-2", is_active=False)], "ok"),
            ([facts.Route("52.94.0.0/16", "nat-2", is_active=False)], "wrong"),
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

    @pytest.mark.parametrize("nat", [None, UNREAD])
    def test_nat_gateway_that_was_deleted(self, nat):
        """The route shows that it is not there any more."""
        routes = [facts.Route("0.0.0.0/0", "nat-1", is_active=False)]
        found = check(routes, endpoints=(), nat=nat)["route to the internet"]

        assert (found.result.value, "`blackhole`" in found.finding) == ("wrong", True)
        assert found.fix == "Let the default route lead to a gateway that is available."

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


class TestDoubt:
    """A network that certainly is wrong is the cause. Another one may be."""

    def test_instance_with_ipv6_only(self):
        assert results(check(endpoints=(), addresses=())) == {"network": "not checked"}

    def test_several_network_interfaces(self):
        found = check(endpoints=(), interfaces=2)

        assert results(found) == {"route to the internet": "not known"}
        assert "the primary network interface. Others" in found["route to the internet"].finding

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, 1),
            ({"SubnetId": "subnet-2"}, 2),
            ({"Groups": [{"GroupId": "sg-2"}]}, 2),
            ({"Groups": [{"GroupId": "sg-1"}, {"GroupId": "sg-2"}]}, 2),
            ({"Association": {"PublicIp": "192.0.2.1"}}, 2),
        ],
    )
    def test_network_interfaces_that_are_alike(self, changes, expected):
        """Those of a node of EKS have the same subnet and the same groups."""
        primary = {"Attachment": {"DeviceIndex": 0}, "SubnetId": "subnet-1", "Groups": [{"GroupId": "sg-1"}]}
        primary["PrivateIpAddresses"] = [{"PrivateIpAddress": "10.0.1.5", "Primary": True}]
        other = {**primary, "Attachment": {"DeviceIndex": 1}, **changes}
        other["PrivateIpAddresses"] = [{"PrivateIpAddress": "10.0.1.6", "Primary": True}]
        row = {"State": {"Name": "running"}, "NetworkInterfaces": [other, primary]}

        found = responses.instance_of(row, ACCOUNT)

        assert found.interfaces == expected
        assert found.addresses == (("10.0.1.5", "10.0.1.6") if expected == 1 else ("10.0.1.5",))

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
