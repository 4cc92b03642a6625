"""The checks of security groups."""

import pytest

from tests.cli.places import NAT, TGW, check, endpoint, results, rule


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
            (rule("192.0.2.0/24"), [], "wrong"),
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
            (rule("10.9.0.0/16", ports=(0, 65535)), "not known"),
            (rule("10.9.0.0/16", protocol="-1", ports=(None, None)), "not known"),
            (rule(protocol="-1", ports=(None, None), groups=("sg-proxy",)), "not known"),
            (rule(groups=("sg-proxy",)), "not known"),
            (rule("10.9.0.0/16"), "not known"),
            (rule("192.0.2.0/24", "172.16.9.0/24"), "not known"),
            (rule("192.0.2.0/24"), "wrong"),
            (rule("10.0.2.10/32"), "wrong"),  # the address of an endpoint
            (rule("::/0", protocol="-1", ports=(None, None)), "wrong"),  # the instance has no IPv6 address
            (rule("10.0.0.0/8", ports=(22, 22)), "wrong"),
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
            (rule("10.0.0.0/8"), "not known"),  # it can be for a proxy
            (rule("192.0.2.0/24"), "wrong"),
        ],
    )
    def test_outbound_to_the_internet(self, outbound, expected):
        found = check([NAT], endpoints=(), outbound=[outbound])

        assert found["security groups of the instance"].result.value == expected
