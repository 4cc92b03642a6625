"""Conditions, and whether they hold for a request of which not everything is known."""

from datetime import UTC, datetime

import pytest

from ssm_profile.iam.conditions import ABSENT, PRESENT, Chosen, Like, Several, holds
from ssm_profile.iam.instance import instance_context
from tests import require

hypothesis = require("hypothesis")
st = require("hypothesis.strategies")

CONTEXT = {
    "k:known": ("web",),
    "k:number": ("2.0",),
    "k:date": ("2026-01-01T00:00:00Z",),
    "k:address": ("10.0.0.5",),
    "k:arn": ("arn:aws:iam::123456789012:role/web",),
    "k:true": ("true",),
    "k:like": (Like("web-*"),),
    "k:chosen": (Chosen("web-*"),),
    "k:any": (Chosen("*"),),
    "k:absent": (ABSENT,),
    "k:present": (PRESENT,),
    "k:star": ("w*",),
    "k:either": ("web", ABSENT),
    "k:several": (Several(("web", "db")),),
}
YES, NO, UNKNOWN = True, False, None

CASES = [
    ("ForAnyValue:StringEquals", "k:several", "web", YES),
    ("ForAnyValue:StringEquals", "k:several", ["app", "db"], YES),
    ("ForAnyValue:StringEquals", "k:several", "app", NO),
    ("ForAnyValue:StringNotEquals", "k:several", "web", YES),
    ("ForAllValues:StringEquals", "k:several", ["db", "web", "app"], YES),
    ("ForAllValues:StringEquals", "k:several", "web", NO),
    ("ForAllValues:StringLikeIfExists", "k:several", "*b", YES),
    ("ForAnyValue:StringEquals", "k:several", "${aws:PrincipalTag/app}", UNKNOWN),
    ("StringEquals", "k:several", "web", UNKNOWN),
    ("Null", "k:several", "false", YES),
    ("Null", "k:several", "true", NO),
    ("StringEquals", "k:known", "web", YES),
    ("StringEquals", "K:Known", ["db", "web"], YES),
    ("StringEquals", "k:known", "Web", NO),
    ("StringEquals", "k:known", "w*", NO),
    ("StringEqualsIgnoreCase", "k:known", "WEB", YES),
    ("StringNotEquals", "k:known", ["db", "app"], YES),
    ("StringNotEquals", "k:known", ["db", "web"], NO),
    ("StringNotEqualsIgnoreCase", "k:known", "WEB", NO),
    ("StringLike", "k:known", "w?b", YES),
    ("StringLike", "k:known", "w??b", NO),
    ("StringLike", "k:known", "[w]eb", NO),
    ("StringNotLike", "k:known", "w*", NO),
    ("StringEquals", "k:known", "${aws:PrincipalTag/app}", UNKNOWN),
    ("StringLike", "k:known", "${*}", NO),
    ("StringEquals", "k:known", "${K:Known}", YES),
    ("StringNotEquals", "k:known", "${k:known}-x", YES),
    ("StringLike", "k:known", "${k:number}*", NO),
    ("StringEquals", "k:known", "${k:like}", UNKNOWN),
    ("StringEquals", "k:known", "${k:present}", UNKNOWN),
    ("StringEquals", "k:known", "${k:either}", UNKNOWN),
    ("StringEquals", "k:known", "${k:absent}", UNKNOWN),
    ("StringLike", "k:known", "${k:star}", UNKNOWN),
    ("NumericLessThan", "k:number", "2.0", NO),
    ("NumericLessThan", "k:number", 3, YES),
    ("NumericGreaterThanEquals", "k:number", "2", YES),
    ("NumericEquals", "k:number", "two", UNKNOWN),
    ("NumericNotEquals", "k:number", "2", NO),
    ("DateLessThan", "k:date", "2027-01-01T00:00:00Z", YES),
    ("DateGreaterThan", "k:date", "2027-01-01", NO),
    ("DateLessThan", "k:date", 1798761600, YES),  # 2027-01-01
    ("DateGreaterThan", "k:date", "1798761600", NO),
    ("DateLessThan", "k:date", "9" * 30, UNKNOWN),
    ("DateNotEquals", "k:date", "2026-01-01T00:00:00+00:00", NO),
    ("IpAddress", "k:address", "10.0.0.0/8", YES),
    ("IpAddress", "k:address", ["192.0.2.0/24", "2001:db8::/32"], NO),
    ("NotIpAddress", "k:address", "10.0.0.0/8", NO),
    ("ArnLike", "k:arn", "arn:aws:iam::*:role/w*", YES),
    ("ArnEquals", "k:arn", "arn:aws:iam::*:role/*", YES),
    ("ArnLike", "k:arn", "arn:*/web", NO),
    ("ArnNotLike", "k:arn", "arn:aws:iam::*:role/w*", NO),
    ("Bool", "k:true", True, YES),
    ("Bool", "k:true", "TRUE", YES),
    ("Bool", "k:true", "false", NO),
    ("Null", "k:known", "false", YES),
    ("Null", "k:known", True, NO),
    ("Null", "k:absent", "true", YES),
    ("Null", "k:present", "false", YES),
    ("Null", "k:either", "true", UNKNOWN),
    ("Null", "k:unknown", "true", UNKNOWN),
    # A key that is absent
    ("StringEquals", "k:absent", "web", NO),
    ("StringEqualsIfExists", "k:absent", "web", YES),
    ("StringNotEquals", "k:absent", "web", YES),
    ("NumericLessThan", "k:absent", "2", NO),
    ("ForAllValues:StringEquals", "k:absent", "web", YES),
    ("ForAnyValue:StringEquals", "k:absent", "web", NO),
    ("ForAnyValue:StringNotEquals", "k:absent", "web", NO),
    # A value that is not known
    ("StringEquals", "k:present", "web", UNKNOWN),
    ("StringEquals", "k:unknown", "web", UNKNOWN),
    ("StringEqualsIfExists", "k:unknown", "web", UNKNOWN),
    ("StringNotEquals", "k:unknown", "web", UNKNOWN),
    ("StringEquals", "k:either", "db", NO),
    ("StringEquals", "k:either", "web", UNKNOWN),
    ("StringEqualsIfExists", "k:either", "web", YES),
    # A value of which a pattern is known
    ("StringLike", "k:like", "web-*", YES),
    ("StringLike", "k:like", "w*", YES),
    ("StringLike", "k:like", "web-1*", UNKNOWN),
    ("StringEquals", "k:like", "web-1", UNKNOWN),
    ("StringEquals", "k:like", "db-1", NO),
    ("StringNotLike", "k:like", "db-*", YES),
    ("StringNotLike", "k:like", "w*", NO),
    ("NumericLessThan", "k:like", "2", UNKNOWN),
    # A value that the caller chooses
    ("StringEquals", "k:chosen", "web-1", YES),
    ("StringEquals", "k:chosen", "db-1", NO),
    ("StringNotEquals", "k:chosen", "web-1", YES),
    ("StringNotLike", "k:chosen", "web-*", NO),
    ("StringEquals", "k:any", "Web", YES),
    # What IAM does not accept
    ("StringIs", "k:known", "web", UNKNOWN),
    ("StringEquals", "k:known", {"web": True}, UNKNOWN),
    ("StringEquals", "k:known", [None], UNKNOWN),
    ("Null", "k:known", "maybe", UNKNOWN),
]


@pytest.mark.parametrize(("operator", "key", "values", "expected"), CASES)
def test_operators(operator, key, values, expected):
    assert holds({operator: {key: values}}, CONTEXT) is expected


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], YES),
        ([("k:known", "web"), ("k:true", "true")], YES),
        ([("k:known", "web"), ("k:unknown", "x")], UNKNOWN),
        ([("k:unknown", "x"), ("k:known", "db")], NO),
    ],
)
def test_all_must_hold(conditions, expected):
    """A condition holds if all its parts hold, and fails if one of them fails."""
    assert holds({"StringEquals": dict(conditions)}, CONTEXT) is expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@hypothesis.given(json_values)
@hypothesis.settings(max_examples=300, deadline=None)
def test_any_json(condition):
    """A condition of any shape has an outcome."""
    assert holds(condition, CONTEXT) in (True, False, None)


@hypothesis.given(
    st.dictionaries(
        st.sampled_from([operator for operator, *_ in CASES]),
        st.dictionaries(st.sampled_from(list(CONTEXT)), json_values, max_size=2),
        max_size=2,
    )
)
@hypothesis.settings(max_examples=300, deadline=None)
def test_any_values(condition):
    """Values of any shape have an outcome."""
    assert holds(condition, CONTEXT) in (True, False, None)


def test_too_complex():
    """A pattern that cannot be compared in a reasonable time cannot be known."""
    condition = {"StringLike": {"aws:PrincipalAccount": "*a" + "?" * 14}}

    assert holds(condition, instance_context()) is UNKNOWN


class TestInstance:
    """What is known of the requests of an EC2 instance."""

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, NO),
            ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}, YES),
            ({"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}, NO),
            ({"Bool": {"aws:ViaAWSService": "true"}}, NO),
            ({"Bool": {"aws:SecureTransport": "false"}}, NO),
            ({"NumericLessThan": {"ec2:RoleDelivery": "2.0"}}, NO),
            ({"StringEquals": {"aws:PrincipalTag/team": "web"}}, UNKNOWN),
            ({"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}, UNKNOWN),
            ({"StringLike": {"aws:userid": "*:i-*"}}, YES),
            ({"StringLike": {"aws:userid": "AIDA*"}}, NO),
            ({"StringLike": {"aws:userid": "AROAEXAMPLE:*"}}, UNKNOWN),
            ({"StringEquals": {"aws:username": "jane"}}, NO),
            ({"StringEquals": {"aws:PrincipalType": "User"}}, NO),
            ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/*"}}, NO),
            ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/web"}}, UNKNOWN),
            ({"ArnLike": {"ec2:SourceInstanceARN": "arn:aws:ec2:*:*:instance/*"}}, YES),
            ({"StringLike": {"ssm:SourceInstanceARN": "*"}}, NO),
            ({"StringEquals": {"aws:SourceAccount": "123456789012"}}, NO),
            ({"Null": {"aws:Ec2InstanceSourceVpc": "true"}}, NO),
            ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, YES),
            ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, NO),
            ({"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}, UNKNOWN),
            ({"NumericGreaterThan": {"aws:EpochTime": 1577836800}}, YES),  # 2020-01-01
            ({"DateLessThan": {"aws:EpochTime": "2020-01-01T00:00:00Z"}}, NO),
            ({"NumericLessThan": {"aws:EpochTime": 1893456000}}, UNKNOWN),  # 2030-01-01
            ({"DateLessThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}}, NO),
        ],
    )
    def test_keys(self, condition, expected):
        now = datetime(2026, 11, 25, tzinfo=UTC)

        assert holds(condition, instance_context(now=now)) is expected

    def test_role(self):
        """With the role's ARN, conditions on it are known."""
        context = instance_context(role_arn="arn:aws:iam::123456789012:role/web")

        assert holds({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/web"}}, context) is True
        assert holds({"StringEquals": {"aws:PrincipalAccount": "210987654321"}}, context) is False
