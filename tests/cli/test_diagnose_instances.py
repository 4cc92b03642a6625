"""The checks of the instance: its metadata service and its agent."""

import pytest

from tests import require
from tests.cli.diagnoses import finding, result_of, results
from tests.cli.faults import NO_HEARTBEAT
from tests.cli.policies import allow, document

emulated = require("tests.cli.account")


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
