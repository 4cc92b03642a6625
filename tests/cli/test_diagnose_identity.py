"""The checks of the credentials of an instance: profile, role, trust policy, policies, the account's default role."""

import json

import pytest

from tests import require
from tests.cli.diagnoses import finding, result_of, results
from tests.cli.faults import (
    NO_HEARTBEAT,
    grant,
    policy_of_endpoint,
    recreate_profile,
    remove_role,
    trust_another_service,
    without_profile,
)
from tests.cli.policies import INSTANCES, MINIMUM, allow
from tests.expected import TRUST

emulated = require("tests.cli.account")


def test_role_put_into_the_profile_later(account, diagnose):
    """It takes up to one hour until the instance has it."""
    account.disconnect()

    assert "within one hour" in finding(diagnose()[1], "instance profile")


def test_heartbeat_is_named_first(account, diagnose):
    """Without it, the instance is not there at all."""
    grant(allow("s3:GetObject"))(account)
    account.disconnect()

    _, found = diagnose()

    assert finding(found, "policies").startswith("ssm:UpdateInstanceInformation, ssmmessages:CreateDataChannel")


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

    @pytest.mark.parametrize(
        ("setting", "expected"),
        [("x/manager", "ok"), ("arn:aws:iam::123456789012:role/x/manager", "ok"), ("manager", "not known")],
    )
    def test_endpoint_policy(self, account, diagnose, setting, expected):
        """The setting has the path of the role."""
        account.default_role = setting
        without_profile(account)
        manager = {"AWS": "arn:aws:iam::123456789012:role/x/manager"}
        asking = ["ssm:RegisterManagedInstance", "ssm:RequestManagedInstanceRoleToken"]
        policy_of_endpoint(
            {"Effect": "Allow", "Action": "ssm:UpdateInstanceInformation", "Principal": manager},
            {"Effect": "Allow", "Action": asking},
        )(account)

        _, found = diagnose()

        assert result_of(found, "VPC endpoint ssm") == expected
        assert "role manager is there instead" in finding(found, "instance profile")


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

        (row,) = [row for row in diagnose()[1]["checks"] if row["check"] == "trust policy"]

        assert row["result"] == expected


class TestControlPolicies:
    """SCPs are named, and not judged."""

    def test_names(self, account, diagnose):
        account.answers |= emulated.organization()

        code, found = diagnose()

        assert (code, results(found, "not checked")) == (0, ["service control policies"])
        assert finding(found, "service control policies") == (
            "This command does not judge them. They can deny what the role allows. "
            "Attached: deny-regions, workloads, FullAWSAccess."
        )

    def test_without_parents(self, account, diagnose):
        account.answers |= emulated.organization()
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
