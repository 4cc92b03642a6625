"""``ssm-profile audit --denied``."""

import json

import pytest

ROLE = "User: arn:aws:sts::123456789012:assumed-role/web/i-0123456789abcdef0 is "
ACCOUNT = "eu-central-1:123456789012"
PARAMETER = f"arn:aws:ssm:{ACCOUNT}:parameter/app/db"
LOG_GROUP = f"arn:aws:logs:{ACCOUNT}:log-group:/ssm/sessions"
MESSAGE_OF_EC2 = f"UnauthorizedOperation: You are {ROLE}not authorized to perform: ec2:DescribeTags because x"
INVENTORY = f"{ROLE}not authorized to perform: ssm:PutInventory on resource: *"
IMPLICIT = "because no identity-based policy allows the ssm:GetParameter action"
CLI = "An error occurred (AccessDeniedException) when calling the GetParameter operation: "
EVENT = {
    "eventVersion": "1.11",
    "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/web/i-0123456789abcdef0"},
    "eventSource": "ssm.amazonaws.com",
    "eventName": "PutInventory",
    "errorCode": "AccessDenied",
}


def message(action, resource="*"):
    return f"{ROLE}not authorized to perform: {action} on resource: {resource}"


@pytest.fixture
def answers(run):
    """The exit code for some text, and an answer for each denied call in it."""

    def run_audit(text):
        answered = run("audit", "--denied", "--json", stdin=text)
        return answered.code, answered.json

    return run_audit


@pytest.fixture
def answer(answers):
    """The exit code for some text, and the answer for the only denied call in it."""

    def only(text):
        code, (answered,) = answers(text)
        return code, answered

    return only


class TestOptions:
    @pytest.mark.parametrize(
        ("text", "options"),
        [
            (f"{CLI}{message('ssm:GetParameter', PARAMETER)} {IMPLICIT}", {"parameters": {"paths": ["/app/db"]}}),
            (message("ec2messages:GetMessages"), {"quiet_agent": True}),
            (
                message("logs:PutLogEvents", f"{LOG_GROUP}:log-stream:x"),
                {"session_logs": {"log_group": "/ssm/sessions"}},
            ),
            (message("s3:PutObject", "arn:aws:s3:::logs/ssm/x.log"), {"session_logs": {"bucket": "logs"}}),
            (
                message("kms:Decrypt", f"arn:aws:kms:{ACCOUNT}:key/1234abcd"),
                {"session_kms_key_arn": f"arn:aws:kms:{ACCOUNT}:key/1234abcd"},
            ),
            (f"{ROLE}not authorized to perform: tag:GetResources", {"patch_baseline_tags": True, "patching": True}),
            (INVENTORY, {"inventory": True, "state_manager": True}),
        ],
    )
    def test_option_with_its_values(self, answer, text, options):
        code, answered = answer(text)

        assert code == 0
        assert options in [each["options"] for each in answered["options"]]
        assert all(each["purpose"] and each["sources"] for each in answered["options"])

    def test_bucket_of_aws(self, answer):
        """An option grants reading AWS's buckets, but not other buckets."""
        own_code, own = answer(message("s3:GetObject", "arn:aws:s3:::mine/x"))
        aws_code, aws = answer(message("s3:GetObject", "arn:aws:s3:::aws-ssm-eu-west-1/x"))

        assert own_code == 1
        assert "attach a policy for that bucket" in own["why"]
        assert aws_code == 0
        assert aws["options"][0]["options"] == {"managed_buckets": True}

    def test_describe_action_alone(self, answer):
        _, answered = answer(MESSAGE_OF_EC2)

        assert {"ec2_describe_actions": ["DescribeTags"]} in [each["options"] for each in answered["options"]]


class TestReasons:
    def test_one_option(self, answer):
        _, answered = answer(message("tag:GetResources"))

        assert answered["why"] == "This option grants it."

    def test_several_options(self, answer):
        _, answered = answer(message("ssm:DescribeDocument", f"arn:aws:ssm:{ACCOUNT}:document/web"))

        assert len(answered["options"]) == 2
        assert answered["why"] == "Each of these options grants it. Choose the one whose purpose fits."

    @pytest.mark.parametrize(
        ("action", "why"),
        [
            ("ssm:SendCommand", "take over every other instance"),
            ("ssm:ListAssociations", "after the calls that replaced them were denied"),
            ("s3:ListBucket", "nothing fails"),
            ("iam:PassRole", "permissions beyond"),
            ("lambda:InvokeFunction", "attach a policy of your own"),
            ("ssm:NoSuchAction", "AWS has no action with this name"),
        ],
    )
    def test_no_option(self, answer, action, why):
        code, answered = answer(message(action))

        assert code == 1
        assert answered["options"] == []
        assert answered["why"].startswith("No option grants it")
        assert why in answered["why"]

    def test_granted_by_default(self, answer):
        """Another policy denies an action that this component grants by default."""
        code, answered = answer(message("ssm:UpdateInstanceInformation"))

        assert code == 0
        assert answered["options"][0]["option"] == "always granted"
        assert answered["why"].startswith("This component grants it by default.")

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
    def test_denied_outside_the_role(self, answer, context, kind):
        """No option helps against a policy that is not a policy of the role."""
        code, answered = answer(f"{INVENTORY} {context}")

        assert code == 1
        assert answered["options"] == []
        assert f"It is denied by a {kind}, not by a policy of the role." in answered["why"]
        assert answered["why"].endswith("Ask the owner of that policy.")

    def test_explicit_deny_of_the_role(self, answer):
        """The reason names the options that deny."""
        _, answered = answer(f"{INVENTORY} with an explicit deny in an identity-based policy")

        assert "require_imdsv2" in answered["why"]
        assert "vpc_endpoints_only" in answered["why"]


class TestText:
    def test_stack_config(self, run):
        answered = run("audit", "--denied", stdin=message("ssm:GetParameters", PARAMETER))

        assert answered.code == 0
        assert answered.out.startswith(f"Denied: ssm:GetParameters on {PARAMETER}\n\nThis option grants it.\n\n")
        assert "config:\n  ssm-profile:parameters:\n    paths:\n    - /app/db" in answered.out
        (row,) = answered.tables["Options that grant it"]
        assert row["Option"] == "parameters"


class TestInput:
    def test_log_with_several_denials(self, answers):
        """Each denied call has one answer, however often it is in the log."""
        line = f"2026-11-24 ERROR AccessDeniedException: {ROLE}not authorized to perform: %s on resource: %s\n"
        log = (
            "2026-11-24 INFO all is well\n"
            + line % ("ec2messages:GetMessages", f"arn:aws:ec2messages:{ACCOUNT}:*") * 30
            + line % ("ssm:ListInstanceAssociations", f"arn:aws:ec2:{ACCOUNT}:instance/i-0123456789abcdef0") * 3
            + "\tstatus code: 400, request id: 1\n"
        )

        code, answered = answers(log)

        assert code == 0
        assert [each["action"] for each in answered] == ["ec2messages:GetMessages", "ssm:ListInstanceAssociations"]
        assert answered[1]["resource"] == f"arn:aws:ec2:{ACCOUNT}:instance/i-0123456789abcdef0"

    def test_message_on_several_lines(self, answer):
        """A message that was copied from an e-mail or a page has line breaks between its words."""
        _, answered = answer(message("ssm:GetParameter", PARAMETER).replace(" ", "\n  "))

        assert (answered["action"], answered["resource"]) == ("ssm:GetParameter", PARAMETER)
        assert answered["principal"] == "arn:aws:sts::123456789012:assumed-role/web/i-0123456789abcdef0"

    def test_file(self, run, policy_file):
        assert run("audit", "--denied", policy_file(text=INVENTORY)).code == 0

    @pytest.mark.parametrize(
        "value",
        [
            EVENT,
            [EVENT],
            {"Records": [EVENT, {"eventName": "GetDocument", "eventSource": "ssm.amazonaws.com"}]},
            {"Events": [{"EventName": "PutInventory", "CloudTrailEvent": json.dumps(EVENT)}]},
            {"detail-type": "AWS API Call via CloudTrail", "detail": EVENT},
            EVENT | {"errorMessage": INVENTORY},
            EVENT | {"errorMessage": None},
        ],
        ids=["event", "list", "log file", "lookup-events", "EventBridge", "with message", "without message"],
    )
    def test_cloudtrail_event(self, answer, value):
        code, answered = answer(json.dumps(value))

        assert code == 0
        assert answered["action"] == "ssm:PutInventory"
        assert {"patching": True} in [each["options"] for each in answered["options"]]

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
    def test_action_of_an_operation(self, answer, source, name, action):
        """The operation in an event can have a different name than its action."""
        code = "Client.UnauthorizedOperation" if source.startswith("ec2") else "AccessDenied"

        _, answered = answer(json.dumps(EVENT | {"eventSource": source, "eventName": name, "errorCode": code}))

        assert answered["action"] == action

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
        ids=range(10),
    )
    def test_no_denied_call(self, run, text):
        refused = run("audit", "--denied", stdin=text)

        assert refused.code == 2
        assert "--denied: the input contains no denied call." in refused.error
        assert refused.error.endswith("or a CloudTrail event in JSON.\n")
