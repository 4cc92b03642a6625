"""Reads evidence from files, whatever they are."""

import gzip
import io
import json
import sys
from datetime import timedelta
from itertools import chain, repeat
from types import SimpleNamespace

import pytest

from ssm_profile.cli.usage import json_stream, read_evidence, reading, role_key
from ssm_profile.cli.usage.events import events_in
from ssm_profile.cli.usage.evidence import RegionDays, Source
from ssm_profile.errors import InputError
from tests import ROOT

from .trails import ACCOUNT, NOW, WEB, background, event, write, write_log

EXAMPLES = ROOT / "tests" / "data" / "usage" / "aws-examples.json"
LOG = f"{ACCOUNT}_CloudTrail_us-east-1_20261120T0420Z_9Izun3df7U2QhQQd.json.gz"
NOTHING_IS_UNUSED = "No action counts as unused because CloudTrail files do not show it."
HEARTBEAT = "ssm:UpdateInstanceInformation"


def heartbeats(evidence, role=WEB):
    return evidence.calls[role_key(role)][HEARTBEAT].allowed


class TestExamplesOfAws:
    def test_calls(self):
        evidence = read_evidence([str(EXAMPLES)])

        assert {role: list(calls) for role, calls in evidence.calls.items()} == {
            (ACCOUNT, "example-role"): ["ssm:DeleteDocument"],
            (ACCOUNT, "exampleRole"): ["ssm-guiconnect:StartConnection", "ssmmessages:CreateControlChannel"],
            (ACCOUNT, "aws:ec2-instance"): ["ssm:RequestManagedInstanceRoleToken"],
            ("012345678910", "my-service-role"): ["xray:PutTraceSegments"],
        }
        assert evidence.problems == []

    def test_kinds_of_events(self, tmp_path):
        events = events_in(json.loads(EXAMPLES.read_text()))
        coverage = read_evidence([write_log(tmp_path, events)]).coverage

        assert set(coverage[Source.FILES, ACCOUNT].data_days) == {"ssm", "ssmmessages"}
        assert coverage[Source.FILES, ACCOUNT].regions == {"us-east-2": RegionDays(writes={"2021-12-13"})}
        assert set(coverage[Source.FILES, "012345678910"].data_days) == {"xray"}
        assert coverage[Source.FILES, "012345678910"].regions == {}


class TestForms:
    EVENTS = (event(HEARTBEAT, NOW), event(HEARTBEAT, NOW + timedelta(minutes=5)))

    @pytest.mark.parametrize(
        "text",
        [
            json.dumps({"Records": EVENTS}),
            json.dumps({"Records": EVENTS}, indent=4),
            json.dumps(EVENTS),
            "\n".join(json.dumps(each) for each in EVENTS),
            "\n".join(json.dumps({"Records": [each]}) for each in EVENTS),
            "\n".join(json.dumps({"detail-type": "AWS API Call via CloudTrail", "detail": each}) for each in EVENTS),
            json.dumps({"Events": [{"EventId": "1", "CloudTrailEvent": json.dumps(each)} for each in EVENTS]}),
            "\ufeff" + json.dumps({"Records": EVENTS}),
        ],
        ids=["log file", "indented", "list", "lines", "lines of files", "EventBridge", "lookup-events", "BOM"],
    )
    def test_form(self, tmp_path, text):
        (tmp_path / "a.json").write_text(text)

        assert heartbeats(read_evidence([str(tmp_path / "a.json")])) == 2

    @pytest.mark.parametrize("size", [1, 1000, 1 << 20])
    def test_gzip_of_several_parts(self, tmp_path, size):
        content = json.dumps({"Records": self.EVENTS * 1000}).encode()
        parts = [content[start : start + size] for start in range(0, min(len(content), size * 200), size)]
        parts[-1] = content[size * (len(parts) - 1) :]
        (tmp_path / "a.json.gz").write_bytes(b"".join(map(gzip.compress, parts)))

        assert heartbeats(read_evidence([str(tmp_path / "a.json.gz")])) == 2000

    def test_folder_of_any_depth(self, tmp_path):
        for number in range(3):
            write(tmp_path / "AWSLogs" / str(number) / "2026" / LOG, self.EVENTS)
        write(tmp_path / "AWSLogs" / "CloudTrail-Digest" / LOG, self.EVENTS)

        seen = []
        evidence = read_evidence([str(tmp_path)], progress=seen.append)

        assert heartbeats(evidence) == 6
        assert len(seen) == 3

    def test_link_to_a_folder(self, tmp_path):
        """One to a folder that contains it is not followed."""
        write(tmp_path / "elsewhere.json", [event(HEARTBEAT, NOW)])
        (tmp_path / "evidence").mkdir()
        (tmp_path / "evidence" / "logs").symlink_to(tmp_path)

        assert heartbeats(read_evidence([str(tmp_path / "evidence")])) == 1

    def test_link_to_nothing(self, tmp_path):
        write(tmp_path / "a.json", [event(HEARTBEAT, NOW)])
        (tmp_path / LOG).symlink_to(tmp_path / "nothing")
        evidence = read_evidence([str(tmp_path)])

        assert evidence.problems == [
            f"{tmp_path / LOG} cannot be read (No such file or directory). {NOTHING_IS_UNUSED}"
        ]
        assert evidence.incomplete == {Source.FILES}

    @pytest.mark.parametrize("kind", ["Digest", "Insight", "NetworkActivity", "Aggregated"])
    def test_other_files_of_a_trail(self, tmp_path, kind):
        """Their names tell what they are, in whatever folder."""
        write(tmp_path / LOG, self.EVENTS)
        write(tmp_path / LOG.replace("CloudTrail", f"CloudTrail-{kind}"), self.EVENTS)

        evidence = read_evidence([str(tmp_path)])

        assert heartbeats(evidence) == 2
        assert evidence.problems == []

    def test_insights_event(self, tmp_path):
        """It names a call, but is none."""
        insight = {
            "eventVersion": "1.08",
            "eventTime": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
            "awsRegion": "us-east-1",
            "eventType": "AwsCloudTrailInsight",
            "recipientAccountId": ACCOUNT,
            "insightDetails": {"eventSource": "ssm.amazonaws.com", "eventName": "UpdateInstanceInformation"},
            "eventCategory": "Insight",
        }
        evidence = read_evidence([write(tmp_path / "a.json", [*self.EVENTS, insight])])

        assert heartbeats(evidence) == 2
        assert evidence.problems == []

    @pytest.mark.parametrize("pack", [gzip.compress, bytes])
    def test_standard_input(self, monkeypatch, pack):
        content = pack(json.dumps({"Records": self.EVENTS}).encode())
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

        assert heartbeats(read_evidence(["-"])) == 2

    def test_memory_does_not_grow_with_a_file(self, tmp_path, monkeypatch):
        """The limit is that of an object, not of the file."""
        monkeypatch.setattr(json_stream, "LONGEST_OBJECT", 200_000)
        tracemalloc = pytest.importorskip("tracemalloc")
        line = json.dumps(self.EVENTS[0]) + "\n"
        with gzip.open(tmp_path / "a.json.gz", "wt", compresslevel=1) as file:
            file.writelines([line] * 12_000)

        tracemalloc.start()
        evidence = read_evidence([str(tmp_path / "a.json.gz")])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert heartbeats(evidence) == 12_000
        assert len(line) * 12_000 > 5_000_000
        assert peak < 2_000_000


class TestProcesses:
    """Many files are read by several processes."""

    def read(self, tmp_path, monkeypatch, count):
        monkeypatch.setattr(reading, "_FEWEST_FOR_PROCESSES", count)
        monkeypatch.setattr(reading, "number_of_processors", lambda: 2)
        seen = []
        return read_evidence([str(tmp_path)], progress=seen.append), seen

    def test_same_evidence(self, tmp_path, monkeypatch):
        for number in range(20):
            write(tmp_path / f"{number:02}.json.gz", background(number + 1))
        for number in (3, 11):
            (tmp_path / f"{number:02}x.json").write_text("x")

        alone = self.read(tmp_path, monkeypatch, 100)

        assert self.read(tmp_path, monkeypatch, 20) == alone
        assert heartbeats(alone[0]) == sum(range(21))
        assert len(alone[0].problems) == 2
        assert alone[1] == sorted(alone[1])

    def test_few_files(self, tmp_path, monkeypatch):
        write(tmp_path / "a.json", background())
        monkeypatch.setattr(reading, "map_in_processes", None)

        assert heartbeats(self.read(tmp_path, monkeypatch, 2)[0]) == 30


class TestIdentities:
    def test_path_and_session_are_of_the_same_role(self):
        names = (
            WEB,
            WEB.replace("role/", "role/team/a/"),
            f"arn:aws:sts::{ACCOUNT}:assumed-role/web/i-0123456789abcdef0",
        )

        assert {role_key(each) for each in names} == {(ACCOUNT, "web")}
        assert role_key(f"arn:aws:iam::{ACCOUNT}:user/web") is None

    def test_roles_that_no_instance_has(self, tmp_path):
        linked = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM"
        evidence = read_evidence([write(tmp_path / "a.json", [event("ec2:DescribeInstances", NOW, linked)])])

        assert evidence.calls == {}
        assert evidence.accounts() == {ACCOUNT}

    def test_call_into_another_account_says_nothing_of_its_own(self, tmp_path):
        """The trail of the owner of a key has calls of roles of other accounts."""
        other = "arn:aws:iam::210987654321:role/web"
        evidence = read_evidence([write(tmp_path / "a.json", [event("kms:Decrypt", NOW, other)])])

        assert evidence.accounts() == {ACCOUNT}
        assert list(evidence.calls) == [("210987654321", "web")]

    def test_trail_of_an_organization(self, tmp_path):
        """Each account has its own days and calls."""
        other = "210987654321"
        events = [*background(2), *background(3, WEB.replace(ACCOUNT, other), other)]
        evidence = read_evidence([write_log(tmp_path, events)])

        assert {account: len(each.days()) for (_, account), each in evidence.coverage.items()} == {ACCOUNT: 2, other: 3}
        assert heartbeats(evidence) == 2
        assert heartbeats(evidence, WEB.replace(ACCOUNT, other)) == 3

    def test_denied_calls_are_counted_apart(self, tmp_path):
        events = [event("kms:Decrypt", NOW), event("kms:Decrypt", NOW, errorCode="AccessDenied")]
        calls = read_evidence([write(tmp_path / "a.json", events)]).calls[role_key(WEB)]["kms:Decrypt"]

        assert (calls.allowed, calls.denied) == (1, 1)

    @pytest.mark.parametrize("name", ["CopyObject", "UploadPartCopy"])
    def test_copy_of_an_object_reads_it(self, tmp_path, name):
        calls = read_evidence([write(tmp_path / "a.json", [event(f"s3:{name}", NOW)])]).calls[role_key(WEB)]

        assert {action: found.allowed for action, found in calls.items()} == {"s3:PutObject": 1, "s3:GetObject": 1}

    def test_other_errors_are_uses(self, tmp_path):
        events = [event("ssm:GetParameter", NOW, errorCode="ParameterNotFound")]
        calls = read_evidence([write(tmp_path / "a.json", events)]).calls[role_key(WEB)]["ssm:GetParameter"]

        assert (calls.allowed, calls.denied) == (1, 0)


class TestBrokenInput:
    """A clear line, and the rest goes on."""

    def read(self, tmp_path):
        write(tmp_path / "z.json.gz", background())
        return read_evidence([str(tmp_path)])

    @staticmethod
    def of_its_days():
        """Events of the day in the name of the file, and of the day before."""
        days = [NOW - timedelta(days=7), NOW - timedelta(days=8)]
        return [event(HEARTBEAT, day) for day in days for _ in range(20)]

    def test_truncated_gzip(self, tmp_path):
        content = gzip.compress(json.dumps({"Records": list(background(3000))}).encode(), 1)
        (tmp_path / "a.json.gz").write_bytes(content[: len(content) // 2])

        evidence = self.read(tmp_path)

        reason = "Compressed file ended before the end-of-stream marker was reached"
        assert evidence.problems == [f"{tmp_path}/a.json.gz cannot be read to its end ({reason}). {NOTHING_IS_UNUSED}"]
        assert evidence.incomplete == {Source.FILES}
        assert heartbeats(evidence) > 30

    def test_truncated_log_file_says_of_which_day(self, tmp_path):
        (tmp_path / LOG).write_bytes(gzip.compress(json.dumps({"Records": self.of_its_days()}).encode())[:-9])

        evidence = self.read(tmp_path)

        effect = f" No action of account {ACCOUNT} counts as unused on 2026-11-20 and the day before."
        assert evidence.problems[0].endswith(effect)
        assert evidence.incomplete == set()
        assert evidence.coverage[Source.FILES, ACCOUNT].incomplete == {"2026-11-19", "2026-11-20"}

    @pytest.mark.parametrize("other", [b"\0" * 100_000, b"\0", b"\x1f", b"a" * 1000])
    def test_something_else_after_gzip(self, tmp_path, other):
        """Zeros are not skipped one by one. What was before is read."""
        (tmp_path / LOG).write_bytes(gzip.compress(json.dumps({"Records": self.of_its_days()}).encode()) + other)

        evidence = self.read(tmp_path)

        [problem] = evidence.problems
        assert "cannot be read to its end (something else than gzip follows the compressed events)." in problem
        assert evidence.coverage[Source.FILES, ACCOUNT].incomplete == {"2026-11-19", "2026-11-20"}
        assert heartbeats(evidence) >= 30

    def test_truncated_file_of_many_days(self, tmp_path):
        """CloudTrail wrote no such file, so that the events of any day can be missing."""
        (tmp_path / LOG.removesuffix(".gz")).write_text(json.dumps({"Records": list(background())})[:-9])

        evidence = self.read(tmp_path)

        assert evidence.problems[0].endswith(NOTHING_IS_UNUSED)
        assert evidence.incomplete == {Source.FILES}

    @pytest.mark.parametrize("missing", [1, 50, -2])
    def test_cut_off_text(self, tmp_path, missing):
        """The last case ends between two events."""
        text = json.dumps({"Records": list(background())})
        (tmp_path / "a.json").write_text(text[:-missing] if missing > 0 else text[: text.rindex(', {"eventVersion')])

        evidence = self.read(tmp_path)

        assert evidence.problems == [f"{tmp_path}/a.json ends within an event. {NOTHING_IS_UNUSED}"]

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b" \n" * 100,
            b"hello\n" * 100,
            bytes(range(256)) * 100,
            b'{"a": 1}\n',
            b"{" * 10_000,
            b'{"a":' * 100_000,
            b"[" * 1_000_000,
            b'{"Records": ["a", [{}], 1e99999999999999999999]}',
        ],
    )
    def test_something_else(self, tmp_path, content):
        (tmp_path / "a.json").write_bytes(content)

        evidence = self.read(tmp_path)

        assert len(evidence.problems) == 1
        assert evidence.problems[0].startswith(f"{tmp_path}/a.json ")
        assert evidence.problems[0].endswith(" It is left out.")
        assert evidence.incomplete == set()

    def test_long_file_of_something_else_is_not_read_to_its_end(self, tmp_path):
        with (tmp_path / "a.json").open("wb") as file:
            file.write(b"a" * 20_000_000)
            file.truncate(2_000_000_000)  # a sparse file

        assert self.read(tmp_path).problems == [
            f"{tmp_path}/a.json is not a file of CloudTrail events. It is left out."
        ]

    @pytest.mark.parametrize(
        ("begin", "part"),
        [(b'"', b"a"), (b'{"a": [', b"1, "), (b"[[", b"{}, "), (b"[", b"["), (b'{"Records": [{', b'"a": 1, ')],
        ids=["string", "list", "list in a list", "levels", "event"],
    )
    def test_endless_json(self, monkeypatch, begin, part):
        """It is neither read to its end nor kept."""
        monkeypatch.setattr(json_stream, "LONGEST_OBJECT", 100_000)
        parts = chain([begin], repeat(part * 1000))
        content = SimpleNamespace(read=lambda size: next(parts) if size else b"")

        with pytest.raises(json_stream.NotJsonError):
            list(json_stream.objects_in(content))

    def test_events_that_lack_a_part(self, tmp_path):
        write(tmp_path / "a.json", [event(HEARTBEAT, NOW) | {"eventTime": "yesterday"}, event(HEARTBEAT, NOW)])

        assert self.read(tmp_path).problems == [
            f"{tmp_path}/a.json has events without a source, a name or a time: 1. {NOTHING_IS_UNUSED}"
        ]

    def test_events_in_a_log_of_text(self, tmp_path):
        """What it has of the role is not known."""
        (tmp_path / "a.log").write_text(f"2026-11-27T12:00:00.000Z {json.dumps(event(HEARTBEAT, NOW))}")

        assert self.read(tmp_path).problems == [
            f"{tmp_path}/a.log has CloudTrail events, but it is not JSON. {NOTHING_IS_UNUSED}"
        ]

    def test_log_file_with_something_else(self, tmp_path):
        """The events of its day are missing."""
        (tmp_path / LOG).write_bytes(b"<Error>AccessDenied</Error>")

        assert self.read(tmp_path).coverage[Source.FILES, ACCOUNT].incomplete == {"2026-11-19", "2026-11-20"}

    def test_utf_16(self, tmp_path):
        """PowerShell writes it."""
        (tmp_path / "a.json").write_text(json.dumps({"Records": [event(HEARTBEAT, NOW)]}), encoding="utf-16")

        assert self.read(tmp_path).problems == [
            f"{tmp_path}/a.json is in UTF-16. Save it in UTF-8. {NOTHING_IS_UNUSED}"
        ]

    def test_empty_log_file_is_damaged(self, tmp_path):
        (tmp_path / LOG).write_bytes(b"")

        assert self.read(tmp_path).coverage[Source.FILES, ACCOUNT].incomplete == {"2026-11-19", "2026-11-20"}

    def test_nothing_at_all(self, tmp_path):
        with pytest.raises(InputError, match=r"The evidence has no calls\. Pass log files of CloudTrail"):
            read_evidence([str(tmp_path)])

    def test_missing(self, tmp_path):
        with pytest.raises(InputError, match=r"b\.json does not exist"):
            read_evidence([str(tmp_path / "b.json")])

    def test_unknown_data_events(self):
        with pytest.raises(InputError, match=r"ssm has no data events that an option grants\. Pass cloudwatch, s3"):
            read_evidence([], data_events=["ssm"])
