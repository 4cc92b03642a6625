"""Whether EC2 can assume a role."""

import pytest

from ssm_profile.errors import InputError
from ssm_profile.iam.trust import is_for_ec2

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


@pytest.mark.parametrize(("statements", "expected", "why"), TRUST_CASES, ids=[each[2] for each in TRUST_CASES])
def test_cases(statements, expected, why):
    default = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    listed = [each if isinstance(each, str) else default | each for each in statements]

    assert is_for_ec2({"Statement": listed}, "trust") is expected, why


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
