"""Each check passes when AWS answers as it should, and fails when AWS does not."""

import json

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from live import checks
from live.checks import check
from live.plan import Names
from live.resources import Support, create_role
from ssm_profile import policy
from tests.live.emulated import DEFAULT_HOST_MANAGEMENT_IS_ON, LOCATION, moto_client

NAMES = Names("r0a1b2c3d")
INSTANCE = "i-0123456789abcdef0"
SESSION = "live-00000000000000001"
TRUST = policy.trust_policy({})
OFFLINE = "not within 900 s: the instance is Online"


@pytest.fixture
def role(aws):
    """Creates a role whose policy comes from options. Returns its name."""

    def create(options=None, document=None):
        create_role(aws.account, NAMES, "test", TRUST, document or policy.policy_document(options or {}, LOCATION))
        return f"{NAMES.base}-test"

    return create


@pytest.fixture
def support(aws):
    """The keys and the bucket for logs, which encrypts with the key for data."""
    return aws.create_support(NAMES)


class TestPolicy:
    def test_passes(self, aws, role):
        assert checks.check_policy(aws.account, role({"quiet_agent": True}), {"quiet_agent": True}) == "388 characters"

    def test_other_policy(self, aws, role):
        outcome = check(checks.check_policy, aws.account, role(), {"quiet_agent": True})

        assert outcome == ("failed", "the role has 1 inline policies, not the one of its options")

    def test_attached_policy(self, aws, role):
        name, iam = role(), moto_client("iam")
        arn = iam.create_policy(PolicyName="more", PolicyDocument=policy.to_json(policy.policy_document({}, LOCATION)))
        iam.attach_role_policy(RoleName=name, PolicyArn=arn["Policy"]["Arn"])

        outcome = check(checks.check_policy, aws.account, name, {})

        assert outcome == ("failed", "arn:aws:iam::012345678901:policy/more is attached to the role")


class TestOnline:
    @pytest.mark.parametrize(
        "answer",
        [
            {"InstanceInformationList": []},
            {
                "InstanceInformationList": [
                    {"InstanceId": INSTANCE, "PingStatus": "ConnectionLost", "AgentVersion": "3"}
                ]
            },
        ],
        ids=["unknown", "lost"],
    )
    def test_fails(self, aws, answer):
        aws.answers["ssm", "describe_instance_information"] = lambda _: answer

        assert check(checks.check_online, aws.account, INSTANCE) == ("failed", OFFLINE)
        assert aws.slept == 900

    def test_denied(self, aws):
        aws.answers["ssm", "describe_instance_information"] = lambda _: "AccessDeniedException"

        outcome, detail = check(checks.check_online, aws.account, INSTANCE)

        assert outcome == "failed"
        assert "AccessDeniedException" in detail

    def test_unreachable(self, aws):
        """An error of the connection fails the check, and the run goes on."""

        def fail(_):
            raise EndpointConnectionError(endpoint_url="https://ssm.eu-central-1.amazonaws.com")

        aws.answers["ssm", "describe_instance_information"] = fail

        outcome, detail = check(checks.check_online, aws.account, INSTANCE)

        assert outcome == "failed"
        assert detail.startswith("Could not connect to the endpoint URL")

    def test_not_connected(self, aws):
        aws.answers["ssm", "get_connection_status"] = lambda _: {"Target": INSTANCE, "Status": "notconnected"}

        outcome = check(checks.check_connected, aws.account, INSTANCE)

        assert outcome == ("failed", "not within 900 s: the control channel is open")


PROD = {"ec2_describe": False, "scope_heartbeat": True}


class TestScopedHeartbeat:
    def test_passes(self, aws, role):
        outcome = check(checks.check_scoped_heartbeat, aws.account, role(PROD), "agent 3")

        assert outcome == ("passed", "Online (agent 3) with the heartbeat on arn:aws:ec2:*:*:instance/*")

    def test_heartbeat_on_everything(self, aws, role):
        outcome = check(checks.check_scoped_heartbeat, aws.account, role({}), "agent 3")

        assert outcome == ("failed", "the heartbeat is granted on *")

    def test_default_host_management(self, aws, role):
        """The instance could be Online with the default role, which says nothing of the profile."""
        aws.answers["ssm", "get_service_setting"] = lambda _: DEFAULT_HOST_MANAGEMENT_IS_ON

        outcome, detail = check(checks.check_scoped_heartbeat, aws.account, role(PROD), "agent 3")

        assert outcome == "skipped"
        assert detail.startswith("Default Host Management Configuration is on in the region")


class TestRunCommand:
    def test_passes(self, aws):
        outcome = check(checks.check_command, aws.account, INSTANCE)

        assert outcome == ("passed", "AWS-RunShellScript returned its output")

    @pytest.mark.parametrize(
        ("invocation", "detail"),
        [
            (
                {"Status": "Failed", "StandardErrorContent": "no\n", "StandardOutputContent": ""},
                "AWS-RunShellScript ended with Failed: no",
            ),
            (
                {"Status": "TimedOut", "StandardErrorContent": "", "StandardOutputContent": ""},
                "AWS-RunShellScript ended with TimedOut: no output",
            ),
            ({"Status": "Success", "StandardOutputContent": "result-$((6*7))\n"}, "the output is 'result-$((6*7))\\n'"),
            ({"Status": "InProgress"}, "not within 180 s: AWS-RunShellScript ends"),
            ("InvocationDoesNotExist", "not within 180 s: AWS-RunShellScript ends"),
        ],
        ids=["failed", "timed out", "other output", "never ends", "never exists"],
    )
    def test_fails(self, aws, invocation, detail):
        aws.answers["ssm", "get_command_invocation"] = lambda _: invocation

        assert check(checks.check_command, aws.account, INSTANCE) == ("failed", detail)

    def test_denied_caller(self, aws):
        aws.answers["ssm", "get_command_invocation"] = lambda _: "AccessDeniedException"

        outcome, detail = check(checks.check_command, aws.account, INSTANCE)

        assert outcome == "failed"
        assert "AccessDeniedException" in detail

    def test_output_in_s3(self, aws, support):
        outcome = check(checks.check_command_output, aws.account, INSTANCE, support)

        assert outcome == ("passed", "in the bucket, encrypted with the KMS key")

    @pytest.mark.parametrize(
        ("algorithm", "key"), [("AES256", None), ("aws:kms", "sessions")], ids=["key of S3", "other key"]
    )
    def test_output_is_not_encrypted(self, aws, support, algorithm, key):
        """Not in the way that the bucket asks for."""
        arn = support.keys.get(key)
        default = {"SSEAlgorithm": algorithm, **({"KMSMasterKeyID": arn} if arn else {})}
        rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
        moto_client("s3").put_bucket_encryption(Bucket=NAMES.bucket, ServerSideEncryptionConfiguration=rules)

        outcome = check(checks.check_command_output, aws.account, INSTANCE, support)

        found = f"the object is encrypted with {algorithm} and the key {arn}"
        assert outcome == ("failed", f"{found}, not with the KMS key {support.keys['data']}")

    def test_output_is_missing(self, aws, support):
        """The command succeeds, as it does when the agent may not upload its output."""
        send = aws.send_command
        aws.answers["ssm", "send_command"] = lambda request: send({**request, "OutputS3BucketName": ""})

        outcome, detail = check(checks.check_command_output, aws.account, INSTANCE, support)

        assert outcome == "failed"
        assert detail.startswith("not within 180 s: an object under sessions/commands/")


class TestParameters:
    @pytest.mark.parametrize(
        ("printed", "may_read", "outcome"),
        [
            ({}, True, ("passed", "read inside of the path, denied outside")),
            ({"plain": "AccessDenied"}, True, ("failed", f"{NAMES.parameters}/plain cannot be read: AccessDenied")),
            ({"secret": "AccessDenied"}, True, ("failed", f"{NAMES.parameters}/secret cannot be read: AccessDenied")),
            ({"inside-not": "value-of-the-live-proof"}, True, ("failed", f"{NAMES.outside} can be read")),
            (
                {"inside-not": "ParameterNotFound"},
                True,
                ("failed", f"{NAMES.outside} is not denied by IAM: ParameterNotFound"),
            ),
            ({"plain": "AccessDenied", "secret": "AccessDenied"}, False, ("passed", "denied")),
            ({"plain": "AccessDenied"}, False, ("failed", f"{NAMES.parameters}/secret can be read")),
        ],
        ids=["read", "plain denied", "secret denied", "outside read", "outside missing", "denied", "not denied"],
    )
    def test_outcome(self, aws, monkeypatch, printed, may_read, outcome):
        default = {
            "plain": "value-of-the-live-proof",
            "secret": "value-of-the-live-proof",
            "inside-not": "AccessDenied",
        }
        monkeypatch.setattr(
            aws, "shell", lambda _, line: (default | printed)[line.split("--name ")[1].split()[0].rpartition("/")[2]]
        )

        assert check(checks.check_parameters, aws.account, INSTANCE, NAMES, may_read=may_read) == outcome


class TestSessionLogs:
    @pytest.mark.parametrize(
        ("key", "content"),
        [(None, ""), (f"sessions/{SESSION}.log", "sh-5.2$ exit"), (f"other/{SESSION}.log", "result-42")],
        ids=["missing", "other content", "outside of the prefix"],
    )
    def test_not_in_s3(self, aws, support, key, content):
        if key:
            moto_client("s3").put_object(Bucket=NAMES.bucket, Key=key, Body=content.encode())

        outcome = check(checks.check_session_log_in_s3, aws.account, support, SESSION, "result-42")

        assert outcome == ("failed", "not within 180 s: an object under sessions/ is in the bucket")

    def test_encrypted_with_the_key_of_s3(self, aws, support):
        moto_client("s3").put_object(
            Bucket=NAMES.bucket, Key=f"sessions/{SESSION}.log", Body=b"result-42", ServerSideEncryption="AES256"
        )

        outcome, detail = check(checks.check_session_log_in_s3, aws.account, support, SESSION, "result-42")

        assert outcome == "failed"
        assert detail.startswith("the object is encrypted with AES256 ")

    @pytest.mark.parametrize("stream", [None, "live-00000000000000002", SESSION], ids=["missing", "other", "empty"])
    def test_not_in_cloudwatch(self, aws, support, stream):
        if stream:
            moto_client("logs").create_log_stream(logGroupName=NAMES.log_group, logStreamName=stream)

        outcome = check(checks.check_session_log_in_cloudwatch, aws.account, support, SESSION, "result-42")

        assert outcome == ("failed", "not within 180 s: the log stream of the session has events")


class TestPatchesAndInventory:
    def test_no_patch_state(self, aws):
        aws.answers["ssm", "describe_instance_patch_states"] = lambda _: {"InstancePatchStates": []}

        outcome = check(checks.check_patch_scan, aws.account, INSTANCE)

        assert outcome == ("failed", "Patch Manager has no result for the instance")

    def test_state_of_an_installation(self, aws):
        states = aws.patch_states({"InstanceIds": [INSTANCE]})["InstancePatchStates"]
        answer = {"InstancePatchStates": [{**states[0], "Operation": "Install"}]}
        aws.answers["ssm", "describe_instance_patch_states"] = lambda _: answer

        assert check(checks.check_patch_scan, aws.account, INSTANCE)[0] == "failed"

    def test_no_inventory(self, aws):
        aws.answers["ssm", "list_inventory_entries"] = lambda _: {"Entries": []}

        outcome = check(checks.check_inventory, aws.account, INSTANCE)

        assert outcome == ("failed", "not within 600 s: the inventory has applications")


class TestPutObjectAcl:
    """The question is answered only if the same upload without an ACL succeeds."""

    @pytest.fixture
    def upload(self, aws):
        denied = {}

        def put_object(request):
            return "AccessDenied" if denied["ACL" in request] else {"ETag": "x"}

        aws.answers["s3", "put_object"] = put_object

        def ask(**outcomes):
            denied.update({True: outcomes["with_acl"], False: outcomes["without"]})
            arn = create_role(aws.account, NAMES, "acl", TRUST, policy.policy_document({}, LOCATION))
            return check(checks.ask_put_object_acl, aws.account, arn, NAMES.bucket)

        return ask

    def test_no(self, upload):
        answer = ("passed", "No. The upload with the ACL succeeded without it.")

        assert upload(without=False, with_acl=False) == answer

    def test_yes(self, upload):
        assert upload(without=False, with_acl=True) == ("passed", "Yes. The upload with the ACL was denied without it.")

    def test_no_answer(self, upload):
        assert upload(without=True, with_acl=True) == (
            "failed",
            "not within 60 s: the role can upload without an ACL",
        )

    def test_other_error(self, aws, upload):
        aws.answers["s3", "put_object"] = lambda _: "AccessControlListNotSupported"

        outcome, detail = upload(without=False, with_acl=False)

        assert outcome == "failed"
        assert "AccessControlListNotSupported" in detail

    def test_role_cannot_be_assumed(self, aws, upload):
        aws.answers["sts", "assume_role"] = lambda _: "AccessDenied"

        outcome = upload(without=False, with_acl=False)

        assert outcome == ("failed", "not within 60 s: the new role can be assumed")

    def test_role_has_no_acl_permission(self, aws):
        """Nor any other action than those that an upload needs."""
        support = Support(NAMES, {"data": "arn:aws:kms:eu-central-1:012345678901:key/k"})

        _, permissions = checks.acl_documents(aws.account, support)

        assert [statement["Action"] for statement in permissions["Statement"]] == [
            "s3:PutObject",
            "kms:GenerateDataKey",
        ]


def test_channels_document(aws):
    """The four actions are moved to ARNs of the account, and nothing else changes."""
    options = {"ec2_describe": False, "scope_heartbeat": True, "require_imdsv2": True}
    original = policy.policy_document(options, LOCATION)["Statement"]

    scoped = checks.channels_document(options, aws.account)["Statement"]

    assert scoped == [{**original[0], "Resource": "arn:aws:ssmmessages:eu-central-1:012345678901:*"}, *original[1:]]
    assert original[0]["Resource"] == "*"


def test_channels_document_of_the_default(aws):
    """The other actions of the statement keep their resource."""
    scoped = checks.channels_document({}, aws.account)["Statement"]

    assert [(len(each["Action"]), each["Resource"]) for each in scoped] == [
        (4, "arn:aws:ssmmessages:eu-central-1:012345678901:*"),
        (2, "*"),
    ]


def test_names_are_accepted(aws):
    """A parameter whose name begins with ssm would be refused, by moto as well as by AWS."""
    aws.create_support(NAMES)

    with pytest.raises(ClientError, match="can't be prefixed"):
        moto_client("ssm").put_parameter(Name="/ssm-profile-live/x", Value="x", Type="String")


REQUIRED_INPUTS = {"s3EncryptionEnabled", "cloudWatchEncryptionEnabled", "cloudWatchStreamingEnabled", "runAsEnabled"}
"""Of https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-schema.html"""


def test_session_documents(aws):
    """They have every input that AWS requires."""
    support = aws.create_support(NAMES)

    plain, logged = (
        json.loads(moto_client("ssm").get_document(Name=NAMES.session_document(kind))["Content"])["inputs"]
        for kind in ("plain", "logged")
    )
    empty = {"s3BucketName", "s3KeyPrefix", "cloudWatchLogGroupName", "kmsKeyId", "runAsDefaultUser"}
    assert plain.keys() == logged.keys() == REQUIRED_INPUTS | empty
    assert {name for name in plain if plain[name] == ""} == empty
    assert {name: logged[name] for name in logged if logged[name] != plain[name]} == {
        "s3BucketName": NAMES.bucket,
        "s3KeyPrefix": "sessions",
        "cloudWatchLogGroupName": NAMES.log_group,
        "kmsKeyId": support.keys["sessions"],
    }
