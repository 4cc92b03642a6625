"""What the real agent was recorded to call, replayed against the policy. data/agent-calls.json says how it was done."""

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
    "s3:ListBucket": "asks for the bucket's region, and the refusal's header answers it all the same",
    "logs:CreateLogGroup": "is tolerated where the log group exists, which session_logs asks for",
}


def calls(scenario):
    """What the instance profile signed in a scenario."""
    return [call for call in RECORDED["scenarios"][scenario]["calls"] if call["signed_by"] == "instance profile"]


def is_allowed(call, options):
    resources = call["resource"] if isinstance(call["resource"], list) else [call["resource"]]
    statements = [one for one in policy.policy_document(options, LOCATION)["Statement"] if one["Effect"] == "Allow"]
    return all(any(covers(statement, call["action"], resource) for statement in statements) for resource in resources)


def covers(statement, action, resource):
    patterns = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
    return any(fnmatchcase(action, pattern) for pattern in statement["Action"]) and any(
        fnmatchcase(resource, pattern) for pattern in patterns
    )


@pytest.mark.parametrize("name", OPTIONS)
def test_with_the_matching_options_every_call_is_allowed_on_its_resource_but_for_those_denied_on_purpose(name):
    scenario, _, part = name.partition(", ")
    recorded = [call for call in calls(scenario) if not part or of_part(call, part)]
    refused = {call["action"] for call in recorded if not is_allowed(call, OPTIONS[name])}

    assert recorded
    assert refused <= DENIED_ON_PURPOSE.keys()


def of_part(call, part):
    return call["during"] == "start and idle" or call["during"].startswith("session") == (part == "sessions")


def test_every_recorded_call_of_the_features_is_of_one_part():
    assert {call["during"] for call in calls("features")} == {
        call["during"] for part in ("sessions", "commands") for call in calls("features") if of_part(call, part)
    }


@pytest.mark.parametrize("scenario", ["A", "association", "features"])
def test_without_the_options_only_the_five_are_allowed(scenario):
    for call in calls(scenario):
        assert is_allowed(call, {}) == (call["action"] in [*MESSAGING, "ssm:UpdateInstanceInformation"])


@pytest.mark.parametrize("scenario", ["B", "five"])
def test_the_default_allows_and_denies_exactly_what_the_recorder_did(scenario):
    for call in calls(scenario):
        assert is_allowed(call, {}) == call["allowed"], call


@pytest.mark.parametrize("scenario", [name for name in RECORDED["scenarios"] if name.startswith("without-")])
def test_each_ablation_that_broke_sessions_denied_a_call_that_the_default_allows(scenario):
    denied = [call for call in calls(scenario) if not call["allowed"] and is_allowed(call, {})]

    assert {call["action"].split(":")[1] for call in denied} == {scenario.removeprefix("without-")}


def test_calls_on_another_bucket_group_parameter_or_document_s_account_are_denied():
    options = OPTIONS["features, sessions"] | {"documents": True, "parameters": {"paths": ["/demo"]}}
    beside = [
        ("s3:PutObject", "arn:aws:s3:::log-bucket-2/x"),
        ("logs:PutLogEvents", "arn:aws:logs:us-east-1:123456789012:log-group:/ssm/sessions-2:log-stream:x"),
        ("logs:PutLogEvents", "arn:aws:logs:us-east-1:210987654321:log-group:/ssm/sessions:log-stream:x"),
        ("ssm:GetParameters", "arn:aws:ssm:us-east-1:123456789012:parameter/demo-2"),
        ("ssm:GetParameters", "arn:aws:ssm:us-west-2:123456789012:parameter/demo"),
        ("ssm:GetDocument", "arn:aws:ssm:us-east-1:210987654321:document/My-Doc"),
        ("kms:Decrypt", "arn:aws:kms:us-east-1:123456789012:key/k2"),
    ]

    for action, resource in beside:
        assert not is_allowed({"action": action, "resource": resource}, options), (action, resource)
