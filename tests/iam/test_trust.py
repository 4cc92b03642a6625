"""Whether EC2 can assume a role."""

import pytest

from ssm_profile.errors import InputError
from ssm_profile.iam.evaluator import Kind
from ssm_profile.iam.trust import is_for_ec2, judge_trust

SOURCE = {"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}
OTHERS = {"Condition": {"StringNotEquals": {"aws:SourceAccount": "123456789012"}}}

TRUST_CASES = [
    # The statements, whether EC2 can assume the role, why
    ([{}], True, "the service is named"),
    ([{"Principal": {"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]}}], True, "one of two services"),
    ([{"Principal": {"Service": "ec2.amazonaws.com.cn"}}], True, "the service in China"),
    ([{"Principal": {"Service": "lambda.amazonaws.com"}}], False, "another service"),
    ([{"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}], False, "an account is no service"),
    ([{"Principal": {"AWS": "*"}}], True, "everyone"),
    ([{"Principal": "*"}], True, "everyone, in the form that IAM refuses in a trust policy today"),
    ([{"Principal": {"Service": "*"}}], False, "IAM refuses a wildcard for a service"),
    ([{"Action": "sts:*"}], True, "the action by a wildcard"),
    ([{"Action": "sts:TagSession"}], False, "another action"),
    ([{}, {"Effect": "Deny"}], False, "a Deny names EC2"),
    ([{}, {"Effect": "Deny", "Principal": "*"}], False, "a Deny for everyone"),
    ([{}, {"Effect": "Deny", "Principal": {"Service": "lambda.amazonaws.com"}}], True, "a Deny for another service"),
    (
        [{}, {"Effect": "Deny", "Principal": "*", "Condition": {"Bool": {"aws:PrincipalIsAWSService": "false"}}}],
        True,
        "a Deny for all but services",
    ),
    (
        [{}, {"Effect": "Deny", "Condition": {"StringNotEquals": {"aws:SourceAccount": "123456789012"}}}],
        True,
        "a Deny that may not apply",
    ),
    ([{"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}], True, "a condition that may hold"),
    (
        [{"Principal": {"AWS": "*"}, "Condition": {"StringEquals": {"sts:ExternalId": "a"}}}],
        False,
        "EC2 passes no external ID",
    ),
    (
        [{"Principal": {"AWS": "*"}, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}],
        False,
        "a service is in no organization",
    ),
    ([{"Principal": {"Service": "ec2.${AWS::URLSuffix}"}}], True, "a service of a template"),
    ([{"Principal": "${Principal}"}], True, "a principal of a template"),
    (["${Statement}"], True, "a statement of a template"),
    (["${Statement}", {"Effect": "Deny"}], False, "a Deny beside a statement of a template"),
    ([{}, {"Effect": "Deny", "Principal": {"Service": "${Service}"}}], True, "a Deny for a service of a template"),
]


def trust_policy(*statements):
    default = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    listed = [each if isinstance(each, str) else default | each for each in statements]
    return {"Version": "2012-10-17", "Statement": listed}


@pytest.mark.parametrize(("statements", "expected", "why"), TRUST_CASES, ids=[each[2] for each in TRUST_CASES])
def test_cases(statements, expected, why):
    assert is_for_ec2(trust_policy(*statements), "trust") is expected, why


REASON_CASES = [
    # The statements, what it depends on whether EC2 can assume the role, why
    ([{}], [], "certain"),
    ([SOURCE], [(Kind.CONDITION, 1, "StringEquals aws:SourceAccount 123456789012")], "no source says what EC2 sends"),
    (
        [{"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:ec2:*:123456789012:instance/*"}}}],
        [(Kind.CONDITION, 1, "ArnLike aws:SourceArn arn:aws:ec2:*:123456789012:instance/*")],
        "the ARN of the instance",
    ),
    (
        [{"Condition": {"StringEquals": {"aws:SourceAccount": "${aws:ResourceAccount}"}}}],
        [(Kind.CONDITION, 1, "StringEquals aws:SourceAccount ${aws:ResourceAccount}")],
        "a policy variable",
    ),
    ([SOURCE, {}], [], "another statement is certain"),
    ([{"Condition": {"Bool": {"aws:PrincipalIsAWSService": "true"}}}], [], "a condition that holds"),
    ([{"Condition": {"StringEquals": {"sts:ExternalId": "a"}}}], [], "EC2 cannot assume it"),
    (
        [{}, OTHERS | {"Effect": "Deny"}],
        [(Kind.EXPLICIT_DENY, 2, "StringNotEquals aws:SourceAccount 123456789012")],
        "a Deny that may apply",
    ),
    ([{}, {"Effect": "Deny", "Condition": {"Null": {"aws:PrincipalServiceName": "true"}}}], [], "it does not apply"),
    ([SOURCE, {"Effect": "Deny"}], [], "denied"),
    ([{"Principal": {"Service": "ec2.${AWS::URLSuffix}"}}], [], "the domain of the partition"),
    ([{"Principal": {"Service": "${S}"}}], [(Kind.UNKNOWN_VALUE, 1, "${S}")], "a service of a template"),
    (
        ["${Statement}", {"Principal": {"Service": "a.b.c"}}],
        [(Kind.CONDITION, 1, "${Statement}"), (Kind.EXPLICIT_DENY, 1, "${Statement}")],
        "a statement of a template",
    ),
    (["${Statement}", SOURCE, {}], [(Kind.EXPLICIT_DENY, 1, "${Statement}")], "it may deny"),
    (
        [{"Principal": {"AWS": "*"}, "Condition": {"StringNotLike": {"aws:PrincipalArn": "*"}}}],
        [(Kind.CONDITION, 1, "StringNotLike aws:PrincipalArn *")],
        "no source says whether a service has this key",
    ),
]


@pytest.mark.parametrize(("statements", "expected", "why"), REASON_CASES, ids=[each[2] for each in REASON_CASES])
def test_reasons(statements, expected, why):
    trust = judge_trust(trust_policy(*statements), "trust")

    assert [(each.kind, each.statement.number, each.depends_on) for each in trust.reasons] == expected, why
    assert {each.statement.policy for each in trust.reasons} <= {"trust policy"}


@pytest.mark.parametrize(
    ("trust", "reason"),
    [
        (3, "trust is not a policy document"),
        ({"Statement": []}, "trust has no statements"),
        ({"Statement": [3]}, "trust, statement 1: a statement must be an object"),
        (
            {"Statement": {"Effect": "Allow", "NotPrincipal": "*", "Action": "*"}},
            "trust: IAM refuses NotPrincipal in a trust policy",
        ),
    ],
)
def test_refused(trust, reason):
    with pytest.raises(InputError, match=reason):
        is_for_ec2(trust, "trust")
