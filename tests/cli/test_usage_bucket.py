"""Evidence in an S3 bucket, which moto has."""

import gzip
import json
from datetime import date, timedelta
from importlib import import_module

import pytest

from ssm_profile.cli.usage import Evidence, read_evidence, role_key, uses
from ssm_profile.cli.usage.evidence import Source
from ssm_profile.errors import InputError
from tests import require

from .trails import ACCOUNT, DAYS, NOW, OLD, WEB, background, event

boto3 = require("boto3")
moto = require("moto")
aws_client = import_module("ssm_profile.cli.aws_client")
bucket = import_module("ssm_profile.cli.usage.bucket")
answers = import_module("tests.cli.aws_answers")
exceptions = import_module("botocore.exceptions")

BUCKET = "trail"
FOLDER = f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1"
HEARTBEAT = "ssm:UpdateInstanceInformation"
SINCE = date(2026, 10, 29)


def key_of(day, kind="CloudTrail", number=0):
    name = f"{ACCOUNT}_{kind}_us-east-1_{day:%Y%m%d}T0420Z_{number:016}.json.gz"
    return f"AWSLogs/{ACCOUNT}/{kind}/us-east-1/{day:%Y/%m/%d}/{name}"


def packed(events):
    return gzip.compress(json.dumps({"Records": list(events)}).encode(), 1)


@pytest.fixture
def s3(monkeypatch):
    """A client of the emulated S3, with an empty bucket."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with moto.mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        monkeypatch.setattr(bucket, "client", lambda *_, **__: client)
        yield client


@pytest.fixture
def put(s3):
    """Puts an object with events, and gives its key."""

    def object_of(key, *events, content=None):
        s3.put_object(Bucket=BUCKET, Key=key, Body=packed(events) if content is None else content)
        return key

    return object_of


@pytest.fixture
def requests(s3):
    """The requests of listing, each with its prefix and its start."""
    found = []

    def note(params, **_):
        found.append((params.get("Prefix"), params.get("StartAfter")))

    s3.meta.events.register("provide-client-params.s3.ListObjectsV2", note)
    return found


def add(url=f"s3://{BUCKET}/", evidence=None, **options):
    evidence = evidence or Evidence()
    bucket.add_bucket(evidence, url, **options)
    return evidence


def heartbeats(evidence):
    return evidence.calls[role_key(WEB)][HEARTBEAT].allowed


class TestObjects:
    def test_verdict(self, put):
        for number in range(DAYS):
            day = NOW - timedelta(days=number)
            put(key_of(day), *(each for each in background() if each["eventTime"].startswith(f"{day:%Y-%m-%d}")))

        seen = []
        evidence = read_evidence([f"s3://{BUCKET}/"], since=SINCE, progress=seen.append)

        found = uses([HEARTBEAT, "ssm:GetDocument"], evidence, OLD, days=DAYS, now=NOW)
        assert [each["use"] for each in found] == ["used", "unused"]
        assert len(seen) == DAYS
        assert seen[0].startswith(f"s3://{BUCKET}/AWSLogs/")

    def test_other_files(self, put):
        put(key_of(NOW), event(HEARTBEAT, NOW))
        for kind in ("CloudTrail-Digest", "CloudTrail-Insight", "Config", "vpcflowlogs"):
            put(key_of(NOW, kind), event(HEARTBEAT, NOW))
        put(f"{FOLDER}/2026/11/27/", content=b"")
        evidence = add()

        assert heartbeats(evidence) == 1
        assert evidence.problems == []

    def test_days_before_are_not_listed(self, put, requests):
        put(key_of(NOW - timedelta(days=40)), event(HEARTBEAT, NOW))
        put(key_of(NOW), event(HEARTBEAT, NOW))

        assert heartbeats(add(since=SINCE)) == 1
        assert requests[-1] == (f"{FOLDER}/", f"{FOLDER}/2026/10/29")
        assert heartbeats(add()) == 2
        assert heartbeats(add(f"s3://{BUCKET}/{FOLDER}/2026/11/", since=SINCE)) == 1

    def test_other_files_and_days_in_another_folder(self, put):
        for day in (NOW, NOW - timedelta(days=40)):
            put(f"copy/{key_of(day).rpartition('/')[2]}", event(HEARTBEAT, NOW))
        put(f"copy/{key_of(NOW, 'CloudTrail-Insight').rpartition('/')[2]}", event(HEARTBEAT, NOW))

        assert heartbeats(add(f"s3://{BUCKET}/copy", since=SINCE)) == 1

    def test_many_objects_are_read_by_processes(self, put, monkeypatch):
        for number in range(6):
            put(key_of(NOW, number=number), event(HEARTBEAT, NOW))
        put(key_of(NOW, number=7), content=b"x")
        alone = add()
        monkeypatch.setattr(bucket, "_FEWEST_FOR_PROCESSES", 2)
        monkeypatch.setattr(bucket, "_MOST_IN_CHUNK", 2)
        monkeypatch.setattr(bucket, "number_of_processors", lambda: 2)

        assert add() == alone
        assert heartbeats(alone) == 6
        assert len(alone.problems) == 1

    def test_bounded_number_on_the_way(self, put, monkeypatch):
        """Their order stays."""
        keys = [put(key_of(NOW, number=number), event(HEARTBEAT, NOW)) for number in range(9)]
        monkeypatch.setattr(bucket, "_MOST_BYTES", 1)
        seen = []
        add(progress=seen.append)

        assert seen == [f"s3://{BUCKET}/{key}" for key in keys]


class TestObjectsThatCannotBeRead:
    @pytest.fixture
    def refuse(self, s3, monkeypatch):
        """Refuses to give some objects."""
        get = s3.get_object

        def refuse_some(error, part=""):
            def get_object(**request):
                if part in request["Key"]:
                    raise error(request["Key"])
                return get(**request)

            monkeypatch.setattr(s3, "get_object", get_object)

        return refuse_some

    def test_denied(self, put, refuse):
        put(key_of(NOW), event(HEARTBEAT, NOW))
        days = [NOW - timedelta(days=number) for number in (1, 2)]
        keys = [put(key_of(day), event(HEARTBEAT, day)) for day in days]
        refuse(lambda key: answers.refusal("AccessDenied", "GetObject", f"No access to {key}"), "2026112")
        evidence = Evidence()
        with pytest.raises(InputError, match=r"no object can be read\. Amazon S3: AWS refused"):
            add(evidence=evidence)

        refuse(lambda key: answers.refusal("AccessDenied", "GetObject", f"No access to {key}"), "20261126")
        evidence = add()

        [problem] = evidence.problems
        assert problem.startswith(f"s3://{BUCKET}/{keys[0]} cannot be read. Amazon S3: AWS refused the request")
        assert "s3:ListBucket, s3:GetObject, kms:Decrypt" in problem
        assert evidence.coverage[Source.FILES, ACCOUNT].incomplete == {"2026-11-25", "2026-11-26"}
        assert heartbeats(evidence) == 2

    def test_same_reason_is_one_problem(self, put, refuse):
        put(key_of(NOW), event(HEARTBEAT, NOW))
        for number in range(5):
            put(key_of(NOW - timedelta(days=1), number=number), event(HEARTBEAT, NOW))
        refuse(lambda key: answers.refusal("NoSuchKey", "GetObject", f"{key} does not exist"), "20261126")

        [problem] = add().problems
        assert " and 4 other objects cannot be read. " in problem

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (answers.refusal("SlowDown", "GetObject"), "Run the command again later."),
            (
                answers.refusal("InvalidObjectState", "GetObject"),
                "Amazon S3: Details. Restore it from its archive first.",
            ),
            (exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2), "1 read, but total bytes expected is 2"),
            (exceptions.ReadTimeoutError(endpoint_url="https://s3"), "Read timeout on endpoint URL"),
            (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer"),
        ],
    )
    def test_other_errors(self, put, refuse, error, reason):
        put(key_of(NOW), event(HEARTBEAT, NOW))
        put(key_of(NOW - timedelta(days=1)), event(HEARTBEAT, NOW))
        refuse(lambda _: error, "20261126")
        evidence = add()

        [problem] = evidence.problems
        assert reason in problem
        assert evidence.coverage[Source.FILES, ACCOUNT].incomplete == {"2026-11-25", "2026-11-26"}

    def test_damaged(self, put):
        put(key_of(NOW), content=packed([event(HEARTBEAT, NOW)])[:-9])
        evidence = add()

        [problem] = evidence.problems
        assert problem.startswith(f"s3://{BUCKET}/{key_of(NOW)} cannot be read to its end")
        assert evidence.coverage[Source.FILES, ACCOUNT].incomplete == {"2026-11-26", "2026-11-27"}

    def test_too_long(self, put, monkeypatch):
        put(key_of(NOW), *[event(HEARTBEAT, NOW)] * 50)
        put(key_of(NOW - timedelta(days=1)), event(HEARTBEAT, NOW))
        monkeypatch.setattr(bucket, "LONGEST_OBJECT", len(packed([event(HEARTBEAT, NOW)])))

        assert ", more than " in add().problems[0]

    def test_others_are_not_tried_if_none_of_many_can_be_read(self, put, refuse):
        for number in range(60):
            put(key_of(NOW, number=number), content=b"")
        asked = []
        refuse(lambda key: asked.append(key) or answers.refusal("AccessDenied", "GetObject"))

        with pytest.raises(InputError, match=f"s3://{BUCKET}/: none of 20 objects can be read"):
            add()
        assert len(asked) < 60


class TestBucket:
    def test_client_of_the_settings(self, put, monkeypatch):
        put(key_of(NOW), event(HEARTBEAT, NOW))
        monkeypatch.setattr(bucket, "client", aws_client.client)

        assert heartbeats(add()) == 1

    @pytest.mark.usefixtures("s3")
    def test_no_objects(self):
        assert add(since=SINCE).problems == [f"s3://{BUCKET}/ has no log files since 2026-10-29. Check the prefix."]
        with pytest.raises(InputError, match=r"The evidence has no calls\. s3://trail/x has no log files"):
            read_evidence([f"s3://{BUCKET}/x"])

    @pytest.mark.usefixtures("s3")
    def test_missing(self):
        with pytest.raises(InputError, match=r"s3://other-bucket: .* Check the name of the bucket"):
            add("s3://other-bucket")

    @pytest.mark.parametrize(
        ("code", "advice"),
        [
            ("AccessDenied", "s3:ListBucket, s3:GetObject"),
            ("SlowDown", "Run the command again later."),
        ],
    )
    def test_refused(self, monkeypatch, code, advice):
        client = answers.Answers("s3", list_objects_v2=[answers.refusal(code, "ListObjectsV2")])
        monkeypatch.setattr(bucket, "client", lambda *_, **__: client)

        with pytest.raises(InputError) as raised:
            add()
        assert advice in str(raised.value)

    @pytest.mark.parametrize("url", ["s3://", "s3:///x", "s3://UPPER/x", "s3://a b/"])
    def test_wrong_address(self, url):
        with pytest.raises(InputError, match="is not the address of a bucket"):
            add(url)
