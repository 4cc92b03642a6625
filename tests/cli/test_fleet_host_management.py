"""What ``fleet`` says of Default Host Management."""

import json

import pytest

from tests import require
from tests.cli.accounts import role
from tests.cli.policies import MINIMUM, SCOPED_MINIMUM, allow

require("ijson")
host_management = require("ssm_profile.cli.fleet.host_management")

APPLIES = "With this config, Default Host Management Configuration no longer applies to "


@pytest.fixture
def row(fleet):
    def only(*statements, **details):
        return json.loads(fleet("--json", roles=[role("a", *statements, **details)]).out)

    return only


@pytest.mark.parametrize(
    ("statements", "details", "expected"),
    [
        ([allow(MINIMUM)], {}, False),
        ([allow(MINIMUM[:4])], {}, True),
        ([allow(MINIMUM[4])], {}, False),
        ([allow(MINIMUM, Condition={"StringEquals": {"aws:PrincipalTag/a": "b"}})], {}, None),
        ([allow(MINIMUM)], {"service": "lambda.amazonaws.com"}, True),
    ],
)
def test_key(row, statements, details, expected):
    assert row(*statements, **details)["defaultHostManagement"] is expected


def test_reasons(row):
    """A broken role without the heartbeat works where Default Host Management does."""
    assert host_management.WITHOUT_HEARTBEAT in row(allow("s3:GetObject"))["reasons"][1]
    assert row(allow(MINIMUM), service="lambda.amazonaws.com")["reasons"][1] == host_management.WITHOUT_CREDENTIALS


@pytest.mark.parametrize("details", [{"profiles": ()}, {}])
def test_certainly_broken(row, details):
    """No instance has the role, or the role allows the heartbeat."""
    found = row(allow(MINIMUM[4] if not details else MINIMUM[:4]), **details)

    assert found["level"] == "broken"
    assert not any("Default Host Management" in each for each in found["reasons"])


def test_report(fleet):
    items = fleet(roles=[role("a", allow(MINIMUM[:4])), role("b", *SCOPED_MINIMUM)]).items

    assert any(
        each.startswith("Broken only if Default Host Management Configuration is off: 1 role.") for each in items
    )
    assert any(each.startswith(f"{APPLIES}the instances of the role.") for each in items)


def test_some_roles_of_a_config(fleet):
    """They are named."""
    roles = [role("a", allow(MINIMUM[:4])), role("b", allow([*MINIMUM, "sqs:SendMessage"]))]

    assert any(each.startswith(f"{APPLIES}the instances of 1 role (a).") for each in fleet(roles=roles).items)


def test_sarif(fleet):
    (only,) = fleet("--sarif", roles=[role("a", allow(MINIMUM[:4]))]).json["runs"]

    assert "does not work with it unless Default Host Management" in only["results"][0]["message"]["text"]


def test_online_instance(row):
    """It is evidence that another role manages it."""
    found = row(allow(MINIMUM[:4])) | {"instances": [{"pingStatus": "Online"}, {"pingStatus": None}]}
    shared = found["reasons"]
    host_management.add_evidence(found, "Online")

    assert found["reasons"][1].startswith("1 instance of it is online in Systems Manager")
    assert host_management.WITHOUT_HEARTBEAT in shared
