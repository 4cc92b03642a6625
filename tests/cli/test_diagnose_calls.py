"""Calls of AWS that `diagnose` makes, and those that fail. A fact that is not read is not wrong."""

from types import SimpleNamespace

import pytest

from tests import require
from tests.cli.diagnoses import finding, result_of, results
from tests.cli.faults import outbound, stop, without_profile
from tests.cli.policies import allow, document

boto3 = require("boto3")
exceptions = require("botocore.exceptions")
emulated = require("tests.cli.account")
aws = require("ssm_profile.cli.diagnose.aws")
permissions = require("ssm_profile.cli.diagnose.permissions")

CALLS = {*permissions.PERMISSIONS}
SSM = "com.amazonaws.eu-central-1.ssm"


class TestUnread:
    @pytest.mark.parametrize(
        ("permission", "code"),
        [
            *((permission, "AccessDeniedException") for permission in sorted(CALLS)),
            *((permission, "ThrottlingException") for permission in ("iam:GetRole", "ec2:DescribeVpcEndpoints")),
        ],
    )
    def test_other_checks_go_on(self, account, diagnose, permission, code):
        """A call that fails is named, and nothing is wrong because of it."""
        account.disconnect()
        account.change("ec2", "describe_vpc_endpoints", "VpcEndpoints", PrivateDnsEnabled=False)
        zones = {"HostedZoneSummaries": [zone("ssm"), zone("ssmmessages")], "MaxItems": "100"}
        account.answers["route53", "list_hosted_zones_by_vpc"] = lambda _: zones
        if permission == "route53resolver:ListResolverRules":
            account.forward(rslvr_rr_1="amazonaws.com.")
        if permission == "ssm:GetConnectionStatus":
            account.registrations[account.instance] = emulated.ONLINE
        if permission in ("iam:GetPolicy", "iam:GetPolicyVersion"):
            arn = account.iam.create_policy(PolicyName="b", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
            account.iam.attach_role_policy(RoleName="web", PolicyArn=arn)
        if permission == "ssm:GetServiceSetting":
            without_profile(account)
        if permission == "ec2:DescribeNetworkInterfaces":
            account.let_out(outbound(IpRanges=[{"CidrIp": "10.0.1.0/24"}]))
            account.change("ec2", "describe_vpc_endpoints", "VpcEndpoints")
        if permission == "ec2:DescribeNatGateways":
            account.route(NatGatewayId=account.nat())
        account.deny(*operation(permission), code)

        exit_code, found = diagnose()

        named = [row["permission"] for row in found["checks"] if row["permission"]]
        assert exit_code == 1
        assert results(found) == []
        if code == "AccessDeniedException":
            assert set(named) == {permission}
            assert permission in found["next"][0]
        assert len(found["checks"]) >= 6

    @pytest.mark.parametrize("first", [True, False])
    def test_everything_denied(self, account, run, first):
        """The permissions are listed in one place."""
        account.disconnect()
        for permission in CALLS if first else CALLS - {"ec2:DescribeInstances"}:
            account.deny(*operation(permission))

        printed = run("diagnose", account.instance, "--region", emulated.REGION)

        assert printed.code == 1
        (advice,) = [item for item in printed.items if item.startswith("Use credentials")]
        assert '"Permissions of diagnose" in docs/diagnose.md in the repository of ssm-profile' in advice
        assert advice.count("ec2:") == first

    def test_profiles_of_the_role(self, account, diagnose):
        """They are not read. The verdict on the policies does not need them."""
        account.deny("iam", "list_instance_profiles_for_role")

        assert result_of(diagnose()[1], "policies") == "ok"

    @pytest.mark.parametrize("kind", ["Resource", "ServiceNetwork"])
    def test_endpoint_without_a_service(self, account, diagnose, kind):
        """VPC Lattice has endpoints that are not those of a service."""
        account.disconnect()
        rows = account.ec2.describe_vpc_endpoints()["VpcEndpoints"]
        other = {"VpcEndpointId": "vpce-1", "VpcEndpointType": kind, "VpcId": account.vpc, "State": "Available"}
        account.answers["ec2", "describe_vpc_endpoints"] = lambda _: {"VpcEndpoints": [*rows, other]}

        _, found = diagnose()

        assert (results(found), results(found, "not read")) == ([], [])

    @pytest.mark.parametrize(
        ("operation", "answer", "expected"),
        [
            ("describe_vpc_endpoints", {"VpcEndpoints": [{"ServiceName": SSM}]}, ["network"]),
            ("describe_route_tables", {"RouteTables": [{}]}, ["network"]),
            ("describe_vpc_endpoints", {}, ["VPC endpoints"]),
        ],
    )
    def test_answer_that_lacks_something(self, account, diagnose, operation, answer, expected):
        """It is a fact of one instance that could not be read."""
        account.disconnect()
        account.answers["ec2", operation] = lambda _: answer

        code, found = diagnose()

        assert (code, results(found), results(found, "not read")) == (1, [], expected)

    def test_nat_gateway_that_does_not_exist(self, account, diagnose):
        """EC2 answers with an error some time after it was deleted."""
        account.delete_endpoints("ssm", "ssmmessages")
        account.route(NatGatewayId=account.nat())
        account.disconnect()
        account.deny("ec2", "describe_nat_gateways", "NatGatewayNotFound")

        _, found = diagnose()

        assert (result_of(found, "route to the internet"), results(found, "not read")) == ("not known", [])

    def test_security_group_that_does_not_exist(self, account, diagnose):
        """A group of another VPC can be deleted at any time."""
        rows = account.ec2.describe_vpc_endpoints()["VpcEndpoints"]
        groups = [{"GroupId": account.endpoint_group}, {"GroupId": "sg-0123456789abcdef0"}]
        changed = {"VpcEndpoints": [row | {"Groups": groups} for row in rows]}
        account.answers["ec2", "describe_vpc_endpoints"] = lambda _: changed
        account.disconnect()

        _, found = diagnose()

        assert (results(found), results(found, "not read")) == ([], [])

    @pytest.mark.parametrize("region", ["us-iso-east-1", "eu-west-1"])
    def test_profiles_where_there_are_none(self, region):
        """The service has no endpoint in some partitions."""

        class Unreachable:
            meta = SimpleNamespace(region_name=region)

            def get_paginator(self, _):
                raise exceptions.EndpointConnectionError(endpoint_url="https://route53profiles.test/")

        found = aws.Reader(region, lambda _: Unreachable())._profiles("vpc-1")

        assert (found == ()) == (region == "us-iso-east-1")

    def test_load_balancer_endpoint(self, account, diagnose):
        """A route to it may lead to AWS."""
        rows = account.ec2.describe_vpc_endpoints()["VpcEndpoints"]
        other = {"VpcEndpointId": "vpce-1", "VpcEndpointType": "GatewayLoadBalancer", "ServiceName": "x"}
        account.answers["ec2", "describe_vpc_endpoints"] = lambda _: {"VpcEndpoints": [*rows, other]}
        tables = account.ec2.describe_route_tables()["RouteTables"]
        route = {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1"}
        changed = {"RouteTables": [row | {"Routes": [*row["Routes"], route]} for row in tables]}
        account.answers["ec2", "describe_route_tables"] = lambda _: changed
        account.disconnect()

        assert result_of(diagnose()[1], "route to the internet") == "not known"

    def test_network_interface_that_does_not_exist(self, account, diagnose):
        account.disconnect()
        account.let_out(outbound(IpRanges=[{"CidrIp": "10.0.0.0/16"}]))
        account.deny("ec2", "describe_network_interfaces", "InvalidNetworkInterfaceID.NotFound")

        assert results(diagnose()[1], "not read") == ["security groups of the instance"]

    def test_unreachable_service(self, account, diagnose):
        """A service that cannot be reached is asked once."""
        asked = []

        def fail(_):
            asked.append(1)
            raise require("botocore.exceptions").EndpointConnectionError(endpoint_url="https://iam.amazonaws.com/")

        account.answers["iam", "get_role"] = fail

        code, found = diagnose(account.instance, account.instance)

        assert (code, asked, results(found, "not read")) == (1, [1], ["trust policy", "policies"])
        assert finding(found, "policies").startswith("The service iam cannot be reached: Could not connect")

    @pytest.mark.parametrize("arguments", [(), ("--all",)])
    def test_region_that_does_not_exist(self, account, run, arguments):
        def fail(_):
            raise require("botocore.exceptions").EndpointConnectionError(endpoint_url="https://x.eu-centrl-1.test/")

        for each in (("ec2", "describe_instances"), ("ssm", "describe_instance_information")):
            account.answers[each] = fail

        refused = run("diagnose", *(arguments or [account.instance]), "--region", emulated.REGION)

        assert (refused.code, refused.out) == (2, "")
        assert "Check the region" in refused.error
        assert "The service ec2 cannot be reached: Could not connect to the endpoint URL" in refused.error
        assert ":*" not in refused.error

    def test_policy_that_iam_would_refuse(self, account, diagnose):
        answer = {"RoleName": "web", "PolicyName": "a", "PolicyDocument": '{"Statement": [{"Effect": "Allow"}]}'}
        account.answers["iam", "get_role_policy"] = lambda _: answer

        _, found = diagnose()

        assert finding(found, "policies").startswith("A policy cannot be judged: ")

    def test_instance_that_nothing_knows(self, account, diagnose):
        """Where EC2 does not answer, the ID can be one that does not exist."""
        account.deny("ec2", "describe_instances")

        _, found = diagnose("i-0123456789abcdef0")

        assert "The ID, the region or the account may be wrong." in found["answer"]

    @pytest.mark.parametrize(
        ("service", "operation"),
        [("ec2", "describe_instances"), ("ssm", "describe_instance_information"), ("iam", "get_role")],
    )
    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("ExpiredToken", "The AWS credentials have expired (ExpiredToken: )."),
            ("ExpiredTokenException", "The AWS credentials have expired (ExpiredTokenException: )."),
            ("UnrecognizedClientException", "AWS does not accept the credentials (UnrecognizedClientException: )."),
            ("InvalidClientTokenId", "AWS does not accept the credentials (InvalidClientTokenId: )."),
            ("AuthFailure", "AWS does not accept the credentials (AuthFailure: )."),
        ],
    )
    def test_wrong_credentials(self, account, run, service, operation, code, expected):  # noqa: PLR0913, PLR0917
        """One line, without permissions."""
        account.deny(service, operation, code)

        refused = run("diagnose", account.instance, "--region", emulated.REGION)

        assert (refused.code, refused.out) == (2, "")
        assert refused.error.startswith(f"Error: {expected}")
        assert refused.error.count("\n") == 1
        assert "ec2:Describe" not in refused.error
        if "expired" not in expected:
            assert "or the region eu-central-1 is not enabled for the account." in refused.error

    @pytest.mark.parametrize("arguments", [(), ("--all",)])
    def test_region_that_is_not_enabled(self, account, run, arguments):
        account.deny("ec2", "describe_instances", "OptInRequired")

        refused = run("diagnose", *(arguments or [account.instance]), "--region", emulated.REGION)

        assert (refused.code, refused.out) == (2, "")
        assert refused.error.startswith("Error: The region eu-central-1 is not enabled for the account, or ")

    @pytest.mark.parametrize(
        ("error", "again"),
        [
            (exceptions.ReadTimeoutError, True),
            (exceptions.ConnectTimeoutError, False),
            (exceptions.EndpointConnectionError, False),
        ],
    )
    def test_service_that_does_not_answer_once(self, account, diagnose, error, again):
        """One answer that does not come says nothing about the next."""
        asked = []

        def fail(_):
            asked.append(1)
            raise error(endpoint_url="https://ec2.eu-central-1.amazonaws.com/")

        account.disconnect()
        account.answers["ec2", "describe_vpc_endpoints"] = fail
        account.answers["ec2", "describe_vpcs"] = fail

        _, found = diagnose()

        assert len(asked) == 1 + again
        assert (result_of(found, "route to the internet") == "not read") == (not again)

    @pytest.mark.parametrize(
        "error",
        [
            exceptions.NoCredentialsError(),
            exceptions.TokenRetrievalError(provider="sso", error_msg="Token has expired"),
        ],
    )
    @pytest.mark.parametrize("at_once", [True, False])
    def test_no_credentials(self, account, run, monkeypatch, error, at_once):
        """The SDK says so when it creates a client, or at the first call."""

        def fail(*_):
            raise error

        account.answers["ec2", "describe_instances"] = fail
        if at_once:
            monkeypatch.setattr(require("ssm_profile.cli.diagnose.aws"), "client", fail)

        refused = run("diagnose", account.instance, "--region", emulated.REGION)

        assert (refused.code, refused.out) == (2, "")
        assert refused.error.startswith("Error: There are no AWS credentials that can be used (")
        assert refused.error.count("\n") == 1

    def test_role_of_the_credentials_that_cannot_be_assumed(self, account, run):
        """The SDK renews the credentials within another call."""

        def fail(_):
            answer = {"Error": {"Code": "AccessDenied", "Message": "not authorized to perform: sts:AssumeRole"}}
            raise exceptions.ClientError(answer, "AssumeRole")

        account.answers["iam", "get_role"] = fail

        assert run("diagnose", account.instance, "--region", emulated.REGION).code == 2

    @pytest.mark.parametrize("region", ["EU West", "eu-central", "https://x", "eu-central-1a"])
    @pytest.mark.parametrize("given", [True, False])
    def test_region_that_is_none(self, run, monkeypatch, region, given):
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)

        refused = run("diagnose", "i-0123456789abcdef0", *(["--region", region] if given else []))

        assert (refused.code, refused.out) == (2, "")
        assert f"{region!r} is not the name of an AWS region. Pass a name such as eu-central-1." in refused.error

    def test_status_that_is_not_read(self, account, diagnose):
        account.deny("ssm", "describe_instance_information")
        account.delete_endpoints("ssm")

        _, found = diagnose()

        assert found["managed"] is None
        assert results(found) == []
        assert found["answer"] == (
            f"It cannot be known whether Systems Manager manages {account.instance}. Of the checks, 2 could not be "
            "read and 1 cannot be known."
        )

    def test_status_that_is_not_read_and_a_fault(self, account, diagnose):
        account.deny("ssm", "describe_instance_information")
        stop(account)

        assert diagnose()[1]["answer"].endswith(". Wrong: the instance is stopped.")


def zone(service):
    name = f"{service}.{emulated.REGION}.amazonaws.com."
    return {"HostedZoneId": "Z1", "Name": name, "Owner": {"OwningAccount": "123456789012"}}


def operation(permission):
    """The service of a permission, and the name of the operation in botocore."""
    service, name = permission.split(":")
    client = boto3.client(service, region_name=emulated.REGION)
    (found,) = [method for method, name_of in client.meta.method_to_api_mapping.items() if name_of == name]
    return service, found


class TestDns:
    """What answers DNS queries in the place of the VPC."""

    @pytest.mark.parametrize(
        ("servers", "expected"),
        [
            (["AmazonProvidedDNS"], None),
            (["10.0.0.2"], None),  # the VPC's own
            (["169.254.169.253"], None),
            (["fd00:ec2::253", "AmazonProvidedDNS"], None),
            (["10.0.0.9", "AmazonProvidedDNS"], "The DNS server 10.0.0.9 can"),
            ([], "The DNS server that the operating system names (the VPC has no DHCP options) can"),
        ],
    )
    def test_servers(self, account, diagnose, servers, expected):
        account.set_dns_servers(*servers)
        account.disconnect()

        _, found = diagnose()

        assert results(found, "not known") == (["DNS of the VPC"] if expected else [])
        assert finding(found, "DNS of the VPC").startswith(expected or "The VPC resolves names")

    @pytest.mark.parametrize(
        ("servers", "expected"),
        [(["AmazonProvidedDNS"], "wrong"), (["10.0.0.9"], "not known"), ([], "not known"), (None, "not read")],
    )
    def test_support_is_off(self, account, diagnose, servers, expected):
        """It is wrong only if the DHCP options name Amazon's DNS alone."""
        account.ec2.modify_vpc_attribute(VpcId=account.vpc, EnableDnsSupport={"Value": False})
        if servers is None:
            account.deny("ec2", "describe_dhcp_options")
        else:
            account.set_dns_servers(*servers)
        account.disconnect()

        assert result_of(diagnose()[1], "DNS of the VPC") == expected

    @pytest.mark.parametrize(
        ("domain", "expected"),
        [
            ("example.com.", False),
            ("ssm.eu-west-1.amazonaws.com.", False),
            ("ssm.eu-central-1.amazonaws.com.", True),
            ("amazonaws.com.", True),
            (".", True),
        ],
    )
    def test_rules(self, account, diagnose, domain, expected):
        account.forward(rslvr_rr_1=domain, rslvr_autodefined_rr_internet_resolver=".")
        account.disconnect()

        _, found = diagnose()

        assert results(found, "not known") == (["DNS of the VPC"] if expected else [])

    def test_profile(self, account, diagnose):
        rows = {"ProfileAssociations": [{"ProfileId": "rp-1"}]}
        account.answers["route53profiles", "list_profile_associations"] = lambda _: rows
        account.disconnect()

        assert finding(diagnose()[1], "DNS of the VPC").startswith("The Route 53 Profile rp-1 can resolve names.")


def test_only_listed_permissions(account, run):
    """Every call is one of the listed permissions, and each of these is used."""
    account.change("ec2", "describe_vpc_endpoints", "VpcEndpoints", PrivateDnsEnabled=False)
    account.channel = "notconnected"
    account.forward(rslvr_rr_1="example.com.")
    account.route(NatGatewayId=account.nat())
    arn = account.iam.create_policy(PolicyName="b", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    account.iam.attach_role_policy(RoleName="web", PolicyArn=arn)
    account.answers |= emulated.organization()

    run("diagnose", account.instance, "--region", emulated.REGION)

    assert set(account.calls) == CALLS | {*permissions.OPTIONAL_PERMISSIONS}
