"""The answer of `ssm-profile diagnose` about an emulated account. Each fault is found, and nothing else is."""

import json

import pytest

from tests import require
from tests.cli.diagnoses import finding, result_of, results
from tests.cli.faults import CHANNEL_FAULTS, FAULTS, disable_metadata, without_profile
from tests.cli.policies import allow, document
from tests.expected import TRUST

emulated = require("tests.cli.account")

LOST = "Systems Manager has lost the connection to"


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


class TestEnded:
    @pytest.mark.parametrize(
        ("change", "state"), [("stop_instances", "stopped"), ("terminate_instances", "terminated")]
    )
    def test_status_that_is_old(self, account, diagnose, change, state):
        """Systems Manager shows an instance as online for some minutes after it ended."""
        getattr(account.ec2, change)(InstanceIds=[account.instance])

        code, found = diagnose()

        assert (code, result_of(found, "ping status")) == (1, "not known")
        assert found["answer"].startswith(
            f"Systems Manager still shows {account.instance} as online, but the instance is {state}."
        )

    def test_terminated(self, account, diagnose):
        """AWS does not say any more what the instance had."""
        account.ec2.terminate_instances(InstanceIds=[account.instance])
        account.registrations.clear()

        _, found = diagnose()

        assert [row["check"] for row in found["checks"]] == ["instance state", "ping status"]
        assert found["causes"] == ["the instance is terminated"]
        assert (found["next"], found["runbook"]) == (["It cannot be started again."], None)
