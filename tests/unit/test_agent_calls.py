"""The recorded calls of the real agent, judged by the evaluator of this project: action, resource and condition.

The runs in tests/data/agent-calls.json had policies that were judged by action alone. Those in
tests/data/agent-calls-2026-11.json had policies of this project. Each has its options, the actions that were taken out
of the policy (``without``), and the condition keys of the calls. In agent-calls.json, the encryption context was added
later: the agent sends these two keys with every call of kms:Decrypt for a session (blockcipher.go#L87).
"""

import json

import pytest

from ssm_profile import policy
from ssm_profile.iam.evaluator import Kind
from tests import ROOT
from tests.agent_calls import decisions, is_allowed
from tests.expected import MESSAGING

BY_ACTION, BY_POLICY = (
    json.loads((ROOT / "tests" / "data" / name).read_text())
    for name in ("agent-calls.json", "agent-calls-2026-11.json")
)
LOCATION = {"partition": "aws", "region": BY_POLICY["region"], "account": BY_POLICY["account"]}

KEYS = "arn:aws:kms:us-east-1:123456789012:key"
SESSION_KEY, LOG_KEY = f"{KEYS}/1234abcd-12ab-34cd-56ef-1234567890ab", f"{KEYS}/b0b0b0b0-12ab-34cd-56ef-1234567890ab"

DEFAULT_ACTIONS = [*MESSAGING, "ssm:UpdateInstanceInformation"]
"""What the agent calls of the default. It never calls ec2:Describe*, the sixth action."""

LOGS = {"bucket": "log-bucket", "kms_key_arn": LOG_KEY, "log_group": "/ssm/sessions"}
OPTIONS = {
    "quiet_agent": True,
    "legacy_messaging": True,
    "documents": True,
    "state_manager": True,
    "inventory": True,
    "patching": True,
    "distributor": True,
    "managed_buckets": True,
    "parameters": {"paths": ["/app/prod", "/demo"]},
    "session_kms_key_arn": SESSION_KEY,
    "session_logs": LOGS,
}
"""Every option that grants an action that the agent called, with the values of the runs."""

VARIANTS = {
    f"{KEYS}/k": {"session_kms_key_arn": f"{KEYS}/k"},
    "arn:aws:s3:::out-bucket": {"session_logs": {**LOGS, "bucket": "out-bucket"}},
    "log-group:/ssm/commands": {"session_logs": {**LOGS, "log_group": "/ssm/commands"}},
}
"""The values of the runs that had others, by a part of the resource."""

GRANTED_BY = {
    "ec2messages:GetMessages": ["quiet_agent", "legacy_messaging"],
    "ssm:ListInstanceAssociations": ["quiet_agent", "state_manager"],
    "ssm:UpdateInstanceAssociationStatus": ["state_manager"],
    "ssm:PutComplianceItems": ["state_manager", "patching"],
    "ssm:PutInventory": ["inventory", "patching"],
    "ssm:GetDocument": ["documents", "state_manager", "distributor"],
    "ssm:DescribeDocument": ["distributor"],
    "ssm:GetManifest": ["distributor"],
    "ssm:PutConfigurePackageResult": ["distributor"],
    "ssm:GetParameters": ["parameters"],
    "kms:Decrypt": ["session_kms_key_arn"],
    "kms:GenerateDataKey": ["session_logs"],
    "s3:GetObject": ["managed_buckets"],
    "s3:GetEncryptionConfiguration": ["session_logs"],
    "s3:PutObject": ["session_logs"],
    "s3:PutObjectAcl": ["session_logs"],
    "logs:DescribeLogGroups": ["session_logs"],
    "logs:CreateLogStream": ["session_logs"],
    "logs:DescribeLogStreams": ["session_logs"],
    "logs:PutLogEvents": ["session_logs"],
}
"""The options each of which is enough for an action that the agent called."""

DENIED_ON_PURPOSE = {
    "ssm:ListAssociations": "is called only after ListInstanceAssociations was denied",
    "s3:ListBucket": "asks for the region of the bucket, which a header of the denial contains",
    "logs:CreateLogGroup": "may fail if the log group exists, and session_logs requires that it exists",
}
"""Actions that the agent calls and does not need, with the reason."""

OUTSIDE = "arn:aws:ssm:us-east-1:123456789012:parameter/other/demo"
"""The parameter outside of the paths. The command that names it was meant to fail."""

GRANTED_LATER = ["s3:PutObjectAcl"]
"""Actions that an option of the runs grants only since then."""


def calls_of(run):
    """The calls of a run that were signed with the credentials of the instance profile."""
    return [call for call in run["calls"] if call["signed_by"].startswith("instance profile")]


def document_of(options, without=()):
    """The policy for some options, without some actions."""
    document = policy.policy_document(options, LOCATION)
    for statement in document["Statement"]:
        if statement["Effect"] == "Allow":
            statement["Action"] = [action for action in statement["Action"] if action not in without]
    return {**document, "Statement": [each for each in document["Statement"] if each["Action"]]}


def options_for(call):
    """All options, with the values of the run that made the call."""
    variants = [values for part, values in VARIANTS.items() if part in str(call["resource"])]
    return OPTIONS | (variants[0] if variants else {})


def is_denied_on_purpose(call):
    return call["action"] in DENIED_ON_PURPOSE or call["resource"] == OUTSIDE


EVERY_CALL = list(
    {
        json.dumps([call["action"], call["resource"], call.get("context")]): call
        for file in (BY_ACTION, BY_POLICY)
        for name, run in file["scenarios"].items()
        if name != "prod-imdsv1"
        for call in calls_of(run)
    }.values()
)
"""Every call of the runs, each once."""

OPTIONAL_CALLS = [
    call for call in EVERY_CALL if call["action"] not in DEFAULT_ACTIONS and not is_denied_on_purpose(call)
]


def test_options_allow_every_call():
    """Except those that are denied on purpose."""
    denied = [call for call in EVERY_CALL if not is_allowed(call, document_of(options_for(call)))]

    assert denied == [call for call in EVERY_CALL if is_denied_on_purpose(call)]


def test_default_allows_only_five_actions():
    allowed = [call for call in EVERY_CALL if is_allowed(call, document_of({}))]

    assert allowed == [call for call in EVERY_CALL if call["action"] in DEFAULT_ACTIONS]


@pytest.mark.parametrize("action", GRANTED_BY)
def test_action_needs_its_option(action):
    """Each of the options is enough for its calls, and without them these are denied."""
    granting = GRANTED_BY[action]
    calls = [call for call in OPTIONAL_CALLS if call["action"] == action]

    assert calls
    for call in calls:
        options = options_for(call)
        others = {name: value for name, value in options.items() if name not in granting}
        assert [name for name in granting if not is_allowed(call, document_of({name: options[name]}))] == []
        assert not is_allowed(call, document_of(others)), call


def test_every_action_is_listed():
    assert {call["action"] for call in OPTIONAL_CALLS} == GRANTED_BY.keys()


@pytest.mark.parametrize("name", BY_POLICY["scenarios"])
def test_evaluators_agree(name):
    """This evaluator decides as the independent one did during the run, on what the policies had then."""
    run = BY_POLICY["scenarios"][name]
    document = document_of(run["options"], [*run["without"], *GRANTED_LATER])

    for call in calls_of(run):
        assert is_allowed(call, document) == call["allowed"], call


@pytest.mark.parametrize(
    ("file", "name"),
    [
        *((BY_POLICY, name) for name, run in BY_POLICY["scenarios"].items() if run["without"]),
        *((BY_ACTION, name) for name in BY_ACTION["scenarios"] if name.startswith("without-")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_ablation_denies_what_it_takes_out(file, name):
    """Without some actions, exactly the calls of these actions are denied in addition, and the agent made them all."""
    run = file["scenarios"][name]
    without = run.get("without") or [each for each in DEFAULT_ACTIONS if each.endswith(name.removeprefix("without-"))]
    complete, ablated = document_of(run.get("options", {})), document_of(run.get("options", {}), without)

    broken = {call["action"] for call in calls_of(run) if is_allowed(call, complete) and not is_allowed(call, ablated)}

    assert broken == set(without)
    assert not any(call["allowed"] for call in calls_of(run) if call["action"] in without)


@pytest.mark.parametrize("name", ["B", "five"])
def test_default_agrees_with_the_recorder(name):
    for call in calls_of(BY_ACTION["scenarios"][name]):
        assert is_allowed(call, document_of({})) == call["allowed"], call


def test_imdsv1_credentials_are_denied_explicitly():
    """The agent that got credentials of IMDSv1 stopped at the heartbeat."""
    run = BY_POLICY["scenarios"]["prod-imdsv1"]
    (call,) = calls_of(run)

    (decision,) = decisions(call, document_of(run["options"]))

    assert call["action"] == "ssm:UpdateInstanceInformation"
    assert [reason.kind for reason in decision.reasons] == [Kind.EXPLICIT_DENY]


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("s3:PutObject", "arn:aws:s3:::log-bucket-2/x", {}),
        ("s3:PutObjectAcl", "arn:aws:s3:::log-bucket/x", {"s3:x-amz-acl": "public-read"}),
        ("logs:PutLogEvents", "arn:aws:logs:us-east-1:123456789012:log-group:/ssm/sessions-2:log-stream:x", {}),
        ("logs:PutLogEvents", "arn:aws:logs:us-east-1:210987654321:log-group:/ssm/sessions:log-stream:x", {}),
        ("ssm:GetParameters", "arn:aws:ssm:us-east-1:123456789012:parameter/demo-2", {}),
        ("ssm:GetParameters", "arn:aws:ssm:us-west-2:123456789012:parameter/demo", {}),
        ("ssm:GetDocument", "arn:aws:ssm:us-east-1:210987654321:document/My-Doc", {}),
        ("kms:Decrypt", f"{KEYS}/k2", {}),
        ("kms:Decrypt", SESSION_KEY, {}),
        ("kms:Decrypt", SESSION_KEY, {"kms:EncryptionContext:PARAMETER_ARN": "arn:aws:ssm:us-east-1:1:parameter/x"}),
        ("kms:Decrypt", LOG_KEY, {"kms:ViaService": "ec2.us-east-1.amazonaws.com"}),
        ("kms:GenerateDataKey", LOG_KEY, {"kms:ViaService": "ec2.us-east-1.amazonaws.com"}),
        ("kms:GenerateDataKey", SESSION_KEY, {"kms:ViaService": "s3.us-east-1.amazonaws.com"}),
    ],
)
def test_others_are_denied(action, resource, context):
    call = {"action": action, "resource": resource, "context": context}

    assert not is_allowed(call, document_of(OPTIONS))
