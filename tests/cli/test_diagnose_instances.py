"""The checks of the instance: its metadata service and its agent."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from moto.backends import get_backend

from tests import require
from tests.cli.diagnoses import finding, result_of, results
from tests.cli.faults import NO_HEARTBEAT, disable_metadata
from tests.cli.policies import allow, document

emulated = require("tests.cli.account")
facts = require("ssm_profile.cli.diagnose.facts")
instances = require("ssm_profile.cli.diagnose.instances")
network = require("ssm_profile.cli.diagnose.network")
UNREAD = facts.Unread("ec2:DescribeInstances", is_denied=True, message="")


def grant_messaging(condition):
    """Grants the ec2messages actions under a condition."""
    policy = document(allow("ec2messages:*") | {"Condition": condition})
    return lambda account: account.iam.put_role_policy(RoleName="web", PolicyName="b", PolicyDocument=policy)


def minutes(number):
    return datetime.now(UTC) - timedelta(minutes=number, seconds=1)


class TestStart:
    """An agent registers within some minutes after the start."""

    @pytest.mark.parametrize(
        ("age", "said"), [(0, "less than a minute"), (1, "1 minute"), (2, "2 minutes"), (9, "9 minutes")]
    )
    @pytest.mark.parametrize("lost", [True, False])
    def test_just_started(self, account, diagnose, age, said, lost):
        account.change_instance(LaunchTime=minutes(age))
        account.registrations.clear()
        if lost:
            account.disconnect()

        code, found = diagnose()

        assert code == 0
        assert found["answer"] == (
            f"{account.instance} started {said} ago. Its agent registers within some minutes: ask again then."
        )
        assert (result_of(found, "ping status"), found["next"]) == ("not known", [])

    @pytest.mark.parametrize("age", [10, 1000])
    def test_started_before(self, account, diagnose, age):
        account.change_instance(LaunchTime=minutes(age))
        account.registrations.clear()

        code, found = diagnose()

        assert (code, result_of(found, "ping status")) == (1, "wrong")

    def test_fault(self, account, diagnose):
        """What is wrong does not wait."""
        disable_metadata(account)
        account.registrations.clear()
        launched = get_backend("ec2")[emulated.ACCOUNT][emulated.REGION].get_instance(account.instance)
        launched.launch_time = minutes(1)

        code, found = diagnose()

        assert (code, found["causes"]) == (1, ["the instance metadata service is off"])
        assert found["answer"].endswith(": the instance metadata service is off.")


class TestMetadata:
    @pytest.mark.parametrize(
        ("version", "status", "expected"),
        [
            ("2.3.771.0", "ConnectionLost", "wrong"),
            ("2.3.772.0", "ConnectionLost", "not known"),  # it has an SDK that knows IMDSv2, with a fault in the agent
            ("2.3.813.0", "ConnectionLost", "not known"),
            ("2.3.814.0", "ConnectionLost", "ok"),
            ("2.3.771.0", "Online", "not known"),  # its credentials may be from before
            ("3.3.40.0", "Online", "ok"),
            (None, "ConnectionLost", "not known"),
        ],
    )
    def test_imdsv2_only(self, account, diagnose, version, status, expected):
        account.change_instance(MetadataOptions={"HttpEndpoint": "enabled", "HttpTokens": "required"})
        known = {"AgentVersion": version} if version else {}
        account.registrations[account.instance] = {"PingStatus": status, **known}

        _, found = diagnose()

        assert result_of(found, "instance metadata") == expected

    @pytest.mark.parametrize("denied", [True, False])
    def test_imdsv2_only_where_the_agent_is_not_known(self, account, diagnose, denied):
        account.change_instance(MetadataOptions={"HttpEndpoint": "enabled", "HttpTokens": "required"})
        account.registrations.clear()
        if denied:
            account.deny("ssm", "describe_instance_information")

        assert result_of(diagnose()[1], "instance metadata") == "not known"


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

    @pytest.mark.parametrize(
        "plant",
        [
            lambda account: account.deny("iam", "list_role_policies"),
            grant_messaging({"StringEquals": {"aws:PrincipalTag/a": "b"}}),
            lambda account: setattr(account, "default_role", "custom") or NO_HEARTBEAT(account),
        ],
        ids=["denied", "condition", "default role"],
    )
    def test_legacy_messaging_that_is_not_known(self, account, diagnose, plant):
        plant(account)
        account.registrations[account.instance] = emulated.ONLINE | {"AgentVersion": "3.3.39.0"}

        assert result_of(diagnose()[1], "agent version") == "not known"

    @pytest.mark.parametrize("legacy", [True, False, None])
    def test_region_without_ec2messages(self, legacy):
        """AWS does not offer it in regions launched since 2024."""
        registration = facts.Registration("ConnectionLost", "3.3.39.0", None)
        found = facts.Facts("i-1", "mx-central-1", UNREAD, registration, *(None,) * 5)

        check = instances.version_check(found, needs_host_management=False, has_legacy_messaging=legacy)

        assert (check.result.value, check.fix) == ("wrong", "Update the agent.")
        assert "does not offer in mx-central-1" in check.finding
        assert network.needed_services(found) == ["ssm", "ssmmessages"]
        assert network.needed_services(replace(found, region="ca-west-1")) == ["ssm", "ssmmessages", "ec2messages"]

    @pytest.mark.parametrize(
        ("version", "is_old"), [("3.1.500.0", True), ("3.1.501.0", False), ("3.3.40.0", False), (None, False)]
    )
    def test_agent_without_get_diagnostics(self, account, diagnose, version, is_old):
        known = {"AgentVersion": version} if version else {}
        account.registrations[account.instance] = {"PingStatus": "ConnectionLost", **known}

        assert any("has no get-diagnostics" in each for each in diagnose()[1]["next"]) == is_old

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
