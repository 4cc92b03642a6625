"""The recorded calls of the real agent, evaluated against the policies.

tests/data/agent-calls.json describes the recording.
"""

import json
from fnmatch import fnmatchcase

import pytest

from ssm_profile import policy
from tests import ROOT
from tests.expected import MESSAGING

RECORDED = json.loads((ROOT / "tests" / "data" / "agent-calls.json").read_text())
LOCATION = {"partition": "aws", "region": RECORDED["region"], "account": RECORDED["account"]}
KEY = "arn:aws:kms:us-east-1:123456789012:key/k"

OPTIONS = {
    "A": {"quiet_agent": True},
    "association": {"quiet_agent": True, "state_manager": True, "inventory": True},
    "features, sessions": {
        "quiet_agent": True,
        "session_kms_key_arn": KEY,
        "session_logs": {"bucket": "log-bucket", "log_group": "/ssm/sessions"},
    },
    "features, commands": {
        "quiet_agent": True,
        "documents": True,
        "distributor": True,
        "parameters": {"paths": ["/demo"]},
        "session_logs": {"bucket": "out-bucket", "log_group": "/ssm/commands"},
    },
}

DENIED_ON_PURPOSE = {
    "s3:ListBucket": "asks for the region of the bucket, which a header of the denial contains",
    "logs:CreateLogGroup": "may fail if the log group exists, and session_logs requires that it exists",
}
"""Calls that the agent makes and does not need, with the reason."""


def calls(scenario):
    """The calls in a scenario that were signed with the credentials of the instance profile."""
    return [call for call in RECORDED["scenarios"][scenario]["calls"] if call["signed_by"] == "instance profile"]


def is_allowed(call, options):
    resources = call["resource"] if isinstance(call["resource"], list) else [call["resource"]]
    document = policy.policy_document(options, LOCATION)
    statements = [each for each in document["Statement"] if each["Effect"] == "Allow"]
    return all(any(covers(statement, call["action"], resource) for statement in statements) for resource in resources)


def covers(statement, action, resource):
    patterns = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
    return any(fnmatchcase(action, pattern) for pattern in statement["Action"]) and any(
        fnmatchcase(resource, pattern) for pattern in patterns
    )


def is_in_part(call, part):
    """Whether a call belongs to a part of a scenario, "sessions" or "commands"."""
    return call["during"] == "start and idle" or call["during"].startswith("session") == (part == "sessions")


@pytest.mark.parametrize("name", OPTIONS)
def test_matching_options_allow_every_call(name):
    """Each call is allowed on its resource, except those that are denied on purpose."""
    scenario, _, part = name.partition(", ")
    recorded = [call for call in calls(scenario) if not part or is_in_part(call, part)]
    denied = {call["action"] for call in recorded if not is_allowed(call, OPTIONS[name])}

    assert recorded
    assert denied <= DENIED_ON_PURPOSE.keys()


def test_every_call_is_in_a_part():
    assert {call["during"] for call in calls("features")} == {
        call["during"] for part in ("sessions", "commands") for call in calls("features") if is_in_part(call, part)
    }


@pytest.mark.parametrize("scenario", ["A", "association", "features"])
def test_default_allows_only_five_actions(scenario):
    """ec2:Describe*, the sixth action of the default, is never called."""
    for call in calls(scenario):
        assert is_allowed(call, {}) == (call["action"] in [*MESSAGING, "ssm:UpdateInstanceInformation"])


@pytest.mark.parametrize("scenario", ["B", "five"])
def test_default_agrees_with_the_recorder(scenario):
    for call in calls(scenario):
        assert is_allowed(call, {}) == call["allowed"], call


@pytest.mark.parametrize("scenario", [name for name in RECORDED["scenarios"] if name.startswith("without-")])
def test_every_default_action_is_needed(scenario):
    """In each of these scenarios one action was denied, and sessions failed."""
    denied = [call for call in calls(scenario) if not call["allowed"] and is_allowed(call, {})]

    assert {call["action"].split(":")[1] for call in denied} == {scenario.removeprefix("without-")}


def test_other_resources_are_denied():
    options = OPTIONS["features, sessions"] | {"documents": True, "parameters": {"paths": ["/demo"]}}
    other = [
        ("s3:PutObject", "arn:aws:s3:::log-bucket-2/x"),
        ("logs:PutLogEvents", "arn:aws:logs:us-east-1:123456789012:log-group:/ssm/sessions-2:log-stream:x"),
        ("logs:PutLogEvents", "arn:aws:logs:us-east-1:210987654321:log-group:/ssm/sessions:log-stream:x"),
        ("ssm:GetParameters", "arn:aws:ssm:us-east-1:123456789012:parameter/demo-2"),
        ("ssm:GetParameters", "arn:aws:ssm:us-west-2:123456789012:parameter/demo"),
        ("ssm:GetDocument", "arn:aws:ssm:us-east-1:210987654321:document/My-Doc"),
        ("kms:Decrypt", "arn:aws:kms:us-east-1:123456789012:key/k2"),
    ]

    for action, resource in other:
        assert not is_allowed({"action": action, "resource": resource}, options), (action, resource)
