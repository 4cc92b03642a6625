"""``ssm-profile audit --denied``."""

import json

import pytest

ROLE = "User: arn:aws:sts::123456789012:assumed-role/web/i-0123456789abcdef0 is "
ACCOUNT = "eu-central-1:123456789012"
PARAMETER = f"arn:aws:ssm:{ACCOUNT}:parameter/app/db"
LOG_GROUP = f"arn:aws:logs:{ACCOUNT}:log-group:/ssm/sessions"
INVENTORY = f"{ROLE}not authorized to perform: ssm:PutInventory on resource: *"
IMPLICIT = "because no identity-based policy allows the ssm:GetParameter action"
CLI = "An error occurred (AccessDeniedException) when calling the GetParameter operation: "


@pytest.fixture
def denied(run):
    """Answers a pasted text."""

    def answer(text):
        answered = run("audit", "--denied", "--json", given=text)
        return answered.code, answered.json

    return answer


def only(answered):
    code, (found,) = answered
    return code, found


@pytest.mark.parametrize(
    ("message", "options"),
    [
        (
            f"{CLI}{ROLE}not authorized to perform: ssm:GetParameter on resource: {PARAMETER} {IMPLICIT}",
            {"parameters": {"paths": ["/app/db"]}},
        ),
        (f"{ROLE}not authorized to perform: ec2messages:GetMessages on resource: *", {"quiet_agent": True}),
        (
            f"{ROLE}not authorized to perform: logs:PutLogEvents on resource: {LOG_GROUP}:log-stream:x",
            {"session_logs": {"log_group": "/ssm/sessions"}},
        ),
        (
            f"{ROLE}not authorized to perform: s3:PutObject on resource: arn:aws:s3:::logs/ssm/x.log",
            {"session_logs": {"bucket": "logs"}},
        ),
        (
            f"{ROLE}not authorized to perform: kms:Decrypt on resource: arn:aws:kms:{ACCOUNT}:key/1234abcd",
            {"session_kms_key_arn": f"arn:aws:kms:{ACCOUNT}:key/1234abcd"},
        ),
        (f"{ROLE}not authorized to perform: tag:GetResources", {"patch_baseline_tags": True, "patching": True}),
        (
            INVENTORY,
            {"inventory": True, "state_manager": True},
        ),
    ],
)
def test_a_message_is_answered_with_the_option_and_its_values(denied, message, options):
    code, found = only(denied(message))

    assert code == 0
    assert options in [each["options"] for each in found["options"]]
    assert all(each["purpose"] and each["sources"] for each in found["options"])


def test_the_answer_is_lines_for_the_stack_s_file(run):
    answered = run(
        "audit",
        "--denied",
        given=f"{ROLE}not authorized to perform: ssm:GetParameters on resource: {PARAMETER}",
    )

    assert answered.code == 0
    assert "config:\n  ssm-profile:parameters:\n    paths:\n    - /app/db" in answered.out
    (row,) = answered.tables["Granted by"]
    assert row["Option"] == "parameters"


@pytest.mark.parametrize(
    ("action", "why"),
    [
        ("ssm:SendCommand", "take over every other instance"),
        ("ssm:ListAssociations", "after the calls that replaced them were denied"),
        ("s3:ListBucket", "nothing fails"),
        ("iam:PassRole", "permissions beyond"),
        ("lambda:InvokeFunction", "attach a policy of your own"),
        ("ssm:NoSuchAction", "AWS has no action of that name"),
    ],
)
def test_what_no_option_grants_is_said_to_be_so_and_why(denied, action, why):
    code, found = only(denied(f"{ROLE}not authorized to perform: {action} on resource: *"))

    assert code == 1
    assert found["options"] == []
    assert why in found["why"]


def test_an_object_of_a_bucket_of_one_s_own_is_not_one_of_aws_s(denied):
    own = only(denied(f"{ROLE}not authorized to perform: s3:GetObject on resource: arn:aws:s3:::mine/x"))
    aws = only(denied(f"{ROLE}not authorized to perform: s3:GetObject on resource: arn:aws:s3:::aws-ssm-eu-west-1/x"))

    assert own[0] == 1
    assert "attach a policy for that bucket" in own[1]["why"]
    assert aws[0] == 0
    assert aws[1]["options"][0]["options"] == {"managed_buckets": True}


def test_what_the_default_grants_was_denied_by_something_else(denied):
    code, found = only(denied(f"{ROLE}not authorized to perform: ssm:UpdateInstanceInformation on resource: *"))

    assert code == 0
    assert found["options"][0]["option"] == "always granted"
    assert "granted by default" in found["why"]


@pytest.mark.parametrize(
    ("context", "kind"),
    [
        ("with an explicit deny in a service control policy", "service control policy"),
        (
            "with an explicit deny in a service control policy: arn:aws:organizations::1:policy/x",
            "service control policy",
        ),
        ("because no service control policy allows the ssm:PutInventory action", "service control policy"),
        ("because no VPC endpoint policy allows the ssm:PutInventory action", "VPC endpoint policy"),
        ("because no permissions boundary allows the ssm:PutInventory action", "permissions boundary"),
        ("with an explicit deny in a resource-based policy", "resource-based policy"),
    ],
)
def test_a_denial_by_another_policy_than_the_role_s_is_not_an_option_s_to_mend(denied, context, kind):
    code, found = only(denied(f"{INVENTORY} {context}"))

    assert code == 1
    assert found["options"] == []
    assert f"it is a {kind}" in found["why"]


def test_an_explicit_deny_of_the_role_may_be_one_of_the_guards(denied):
    _, found = only(denied(f"{INVENTORY} with an explicit deny in an identity-based policy"))

    assert "require_imdsv2" in found["why"]
    assert "vpc_endpoints_only" in found["why"]


def test_a_log_with_several_denials_is_answered_for_each_once(denied):
    line = f"2026-11-24 ERROR AccessDeniedException: {ROLE}not authorized to perform: %s on resource: %s\n"
    log = (
        "2026-11-24 INFO all is well\n"
        + line % ("ec2messages:GetMessages", f"arn:aws:ec2messages:{ACCOUNT}:*") * 30
        + line % ("ssm:ListInstanceAssociations", f"arn:aws:ec2:{ACCOUNT}:instance/i-0123456789abcdef0") * 3
        + "\tstatus code: 400, request id: 1\n"
    )

    code, answers = denied(log)

    assert code == 0
    assert [found["action"] for found in answers] == ["ec2messages:GetMessages", "ssm:ListInstanceAssociations"]
    assert answers[1]["resource"] == f"arn:aws:ec2:{ACCOUNT}:instance/i-0123456789abcdef0"


EVENT = {
    "eventVersion": "1.11",
    "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/web/i-0123456789abcdef0"},
    "eventSource": "ssm.amazonaws.com",
    "eventName": "PutInventory",
    "errorCode": "AccessDenied",
}


@pytest.mark.parametrize(
    "given",
    [
        EVENT,
        [EVENT],
        {"Records": [EVENT, {"eventName": "GetDocument", "eventSource": "ssm.amazonaws.com"}]},
        {"Events": [{"EventName": "PutInventory", "CloudTrailEvent": json.dumps(EVENT)}]},
        {"detail-type": "AWS API Call via CloudTrail", "detail": EVENT},
        EVENT | {"errorMessage": INVENTORY},
        EVENT | {"errorMessage": None},
    ],
)
def test_an_event_of_cloudtrail_is_answered(denied, given):
    code, found = only(denied(json.dumps(given)))

    assert code == 0
    assert found["action"] == "ssm:PutInventory"
    assert {"patching": True} in [each["options"] for each in found["options"]]


@pytest.mark.parametrize(
    ("source", "name", "action"),
    [
        ("s3.amazonaws.com", "GetBucketEncryption", "s3:GetEncryptionConfiguration"),
        ("s3.amazonaws.com", "HeadBucket", "s3:ListBucket"),
        ("monitoring.amazonaws.com", "PutMetricData", "cloudwatch:PutMetricData"),
        ("tagging.amazonaws.com", "GetResources", "tag:GetResources"),
        ("ec2.amazonaws.com", "DescribeTags", "ec2:DescribeTags"),
    ],
)
def test_an_operation_is_answered_by_the_action_that_authorises_it(denied, source, name, action):
    code = "Client.UnauthorizedOperation" if source.startswith("ec2") else "AccessDenied"

    _, found = only(denied(json.dumps(EVENT | {"eventSource": source, "eventName": name, "errorCode": code})))

    assert found["action"] == action


def test_a_describe_action_may_be_granted_alone(denied):
    _, found = only(
        denied(f"UnauthorizedOperation: You are {ROLE}not authorized to perform: ec2:DescribeTags because x")
    )

    assert {"ec2_describe_actions": ["DescribeTags"]} in [each["options"] for each in found["options"]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "Access Denied",
        "{",
        "[]",
        '{"eventName": "GetObject"}',
        '{"Records": [1, null, "x"]}',
        '{"Events": [{"CloudTrailEvent": "{"}]}',
        "[" * 100_000,
        "is not authorized to perform: ssm",
    ],
)
def test_a_text_without_a_denial_is_an_error_that_says_what_is_asked_for(run, text):
    refused = run("audit", "--denied", given=text)

    assert refused.code == 2
    assert "found no denied call in the text" in refused.error
    assert "or the event of the call in CloudTrail" in refused.error


def test_a_denial_comes_from_a_file_too(run, policy_file):
    file = policy_file(text=INVENTORY)

    assert run("audit", "--denied", file).code == 0
