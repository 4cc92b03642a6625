"""`python -m live`: it asks before it creates or deletes anything, and prints no account number."""

import re
import signal
from types import SimpleNamespace

import pytest

from live import LiveError, TimeBoxError, page
from live.account import masked
from live.cleanup import remove
from live.plan import PRICES, Names, cost, description
from live.run import Result
from tests import ROOT, require
from tests.live.emulated import LOCATION, EmulatedDeployment, moto_client

live = require("live.__main__")
NAMES = Names("r0a1b2c3d")
NO_SUBNET = "error: The region eu-central-1 has no {}. Pass the ID of a subnet with outbound HTTPS to --subnet.\n"


@pytest.fixture
def command(aws, monkeypatch, tmp_path, capsys):
    """Runs the command against the emulated account. Returns the exit code and the lines."""

    class Pulumi:
        version = "3.250.0"

    monkeypatch.setattr(live, "identify", lambda _session, _region: aws.account)
    monkeypatch.setattr(live, "find_pulumi", lambda _: Pulumi())
    monkeypatch.setattr(live, "PulumiDeployment", lambda *_: EmulatedDeployment())
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def run(*arguments, answer=None):
        def answered(_):
            if answer is None:
                raise EOFError
            return answer

        monkeypatch.setattr("builtins.input", answered)
        code = live.main([*arguments, "--page", str(tmp_path / "live.md")])
        return code, capsys.readouterr().out

    run.page = tmp_path / "live.md"
    return run


@pytest.fixture
def nothing_created(aws, monkeypatch):  # noqa: ARG001
    """Fails the test if a run begins."""
    monkeypatch.setattr(live.Run, "perform", lambda _: pytest.fail("the run has begun"))
    yield
    assert moto_client("s3").list_buckets()["Buckets"] == []


class TestConfirmation:
    @pytest.mark.usefixtures("nothing_created")
    @pytest.mark.parametrize("answer", ["", "y", "no", "YES", None])
    def test_everything_but_yes_is_no(self, command, answer):
        code, text = command(answer=answer)

        assert code == 1
        assert text.endswith("Nothing has been created.\n")

    @pytest.mark.usefixtures("nothing_created")
    def test_without_a_person(self, command):
        _, text = command()

        assert "Nobody can answer. Pass --yes where no person starts the command." in text

    @pytest.mark.usefixtures("nothing_created")
    def test_shows_what_and_where(self, command, monkeypatch):
        """The account with its last digits only, the region, what is created and the cost."""
        monkeypatch.setattr("secrets.token_hex", lambda _: "0a1b2c3d")

        _, text = command("--minutes", "30", answer="no")

        assert text.startswith(description(NAMES, LOCATION, 30))
        assert "Account ********8901, region eu-central-1, run r0a1b2c3d" in text
        assert "Cost: at most 0.08 USD" in text
        assert "012345678901" not in text

    @pytest.mark.usefixtures("nothing_created")
    def test_no_default_subnet(self, command):
        """Found before anything is created, also where a default VPC exists."""
        ec2 = moto_client("ec2")
        for each in ec2.describe_subnets()["Subnets"]:
            ec2.delete_subnet(SubnetId=each["SubnetId"])

        assert command("--yes") == (1, NO_SUBNET.format("default subnet"))

    @pytest.mark.usefixtures("nothing_created")
    def test_no_such_subnet(self, command):
        missing = "subnet-0123456789abcdef0"

        assert command("--yes", "--subnet", missing) == (1, NO_SUBNET.format(f"subnet {missing}"))

    @pytest.mark.usefixtures("nothing_created")
    def test_subnet_exists(self, command):
        subnet = moto_client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]

        _, text = command("--subnet", subnet, answer="no")

        assert text.endswith("Nothing has been created.\n")

    @pytest.mark.parametrize("minutes", ["9", "241", "ten", "-5"])
    def test_time_box_has_limits(self, command, minutes, capsys):
        with pytest.raises(SystemExit):
            command("--minutes", minutes)

        assert f"must be a number from 10 to 240 (got '{minutes}')" in capsys.readouterr().err


class TestRun:
    @pytest.mark.parametrize(("outcome", "code"), [("passed", 0), ("skipped", 0), ("failed", 1)])
    def test_exit_code_and_page(self, command, monkeypatch, outcome, code):
        """A failed check makes the exit code 1, and the page is written in any case."""
        results = [Result("dev", "Parameters", outcome, "of 012345678901")]
        monkeypatch.setattr(live.Run, "perform", lambda run: run.results.extend(results))

        found, text = command("--yes")

        assert found == code
        written = command.page.read_text()
        assert "of ************" in written
        assert "012345678901" not in written + text

    @pytest.mark.usefixtures("command", "nothing_created")
    def test_page_cannot_be_written(self, tmp_path, capsys):
        """It is refused before the run, not after it."""
        page = tmp_path / "nosuch" / "live.md"

        assert live.main(["--yes", "--page", str(page)]) == 1
        assert f"error: There is no directory {page.parent} for --page." in capsys.readouterr().out

    def test_wrong_settings(self, monkeypatch, capsys):
        """The AWS SDK raises a ValueError for some of them."""
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "x")
        monkeypatch.setattr("signal.signal", lambda *_: None)

        assert live.main(["--region", "eu-central-1"]) == 1
        assert capsys.readouterr().out.startswith("error: The settings of the AWS SDK cannot be used (invalid literal")

    def test_error_is_masked(self, command, monkeypatch):
        """The page of an earlier run stays."""

        def fail(_):
            raise LiveError("arn:aws:iam::012345678901:role/x cannot be deleted")

        monkeypatch.setattr(live.Run, "perform", fail)

        code, text = command("--yes")

        assert code == 1
        assert text.endswith("error: arn:aws:iam::************:role/x cannot be deleted\n")
        assert not command.page.exists()

    def test_page_of_a_run_that_ends_early(self, aws, command, plugin):  # noqa: ARG002
        """It has the results so far, and says why there are no more and what is left."""

        def interrupt(_):
            raise KeyboardInterrupt

        aws.answers["ssm", "send_command"] = interrupt
        aws.answers["logs", "delete_log_group"] = lambda _: "AccessDeniedException"

        code, _ = command("--yes")

        assert code == 1
        written = command.page.read_text()
        assert "\nThe run ended early: it was interrupted.\n\nNot everything was deleted: " in written
        assert "log group /ssm-profile-live/" in written
        assert "| dev | The instance is Online | agent 3.3.5226.0 |" in written

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    def test_signals_interrupt(self, command, monkeypatch, number):
        """As Ctrl-C does: the runner of CI stops a job, or a terminal is closed."""
        handlers = {}
        monkeypatch.setattr("signal.signal", handlers.__setitem__)
        monkeypatch.setattr(live.Run, "perform", lambda _: handlers[number](number, None))

        assert command("--yes")[0] == 130

    def test_time_box(self, command, monkeypatch):
        def end(_):
            raise TimeBoxError("The time box of 60 minutes has ended.")

        monkeypatch.setattr(live.Run, "perform", end)

        code, text = command("--yes")

        assert code == 1
        assert text.endswith("error: The time box of 60 minutes has ended.\n")

    def test_closed_terminal(self, monkeypatch):
        """It does not end the deletion."""

        def write(_):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr("sys.stdout", SimpleNamespace(write=write))

        live.reporter()("deleted KMS key x")

    def test_interrupted(self, command, monkeypatch):
        def interrupt(_):
            raise KeyboardInterrupt

        monkeypatch.setattr(live.Run, "perform", interrupt)

        assert command("--yes")[0] == 130


class TestClean:
    def test_nothing_left(self, command):
        assert command("clean") == (0, "Nothing is left in account ********8901, region eu-central-1.\n")

    def test_asks(self, aws, command):
        """It lists what it found, and deletes it after the confirmation only."""
        aws.create_support(NAMES)

        code, text = command("clean", answer="no")

        assert code == 1
        assert "  bucket ssm-profile-live-r0a1b2c3d-logs of run r0a1b2c3d" in text
        assert text.endswith("Nothing has been deleted.\n")
        assert len(moto_client("s3").list_buckets()["Buckets"]) == 2

        assert command("clean", answer="yes")[0] == 0

        assert remove(aws.account, report=print) == []


ABOUT = {"date": "2026-11-26", "region": "eu-central-1"}


class TestPage:
    def test_rows(self):
        results = [
            Result("dev", "A", "passed", "on arn:aws:iam::012345678901:role/x"),
            Result("dev", "B", "failed", "one\ntwo | three"),
            Result("prod", "C", "skipped", "no plugin"),
            Result("questions", "Is it?", "passed", "No."),
        ]

        assert page.page(results, ABOUT, [], LOCATION["account"]) == (
            page.TITLE + "date: 2026-11-26; region: eu-central-1.\n\n"
            "1 of 4 checks failed.\n\n"
            "| stack | check | result |\n| --- | --- | --- |\n"
            "| dev | A | on arn:aws:iam::************:role/x |\n"
            "| dev | B | **failed:** one two \\| three |\n"
            "| prod | C | skipped: no plugin |\n\n"
            "## Questions\n\n| question | answer |\n| --- | --- |\n| Is it? | No. |\n"
        )

    def test_problems(self):
        """In full, as far as they have a length that a person reads."""
        results = [Result("dev", "A", "passed", "on arn:aws:iam::123456789012:role/x")]
        problems = ["The run ended early: one\n  two", f"Not everything was deleted: {'long ' * 1000}"]

        text = page.page(results, ABOUT, problems, LOCATION["account"])

        assert "failed.\n\nThe run ended early: one two\n\nNot everything was deleted: long " in text
        assert "long ...\n\n| stack | check" in text
        assert len(text) < 2000

    def test_page_in_the_repository(self):
        """It says that it has not been run, or has the results of a run. Account numbers are in neither."""
        text = page.PAGE.read_text()

        assert text == page.NOT_RUN or (text.startswith(page.TITLE) and "| stack | check | result |" in text)
        assert not re.search(r"\d{12}", text)


class TestMasked:
    """The page is committed, and the log of CI can be public."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("arn:aws:iam::123456789012:role/x", "arn:aws:iam::************:role/x"),
            (repr("x\n123456789012"), r"'x\n************'"),
            ("bucket-0123456789012026", "bucket-************2026"),
            ("3.3.5226.0 of 1234567890123", "3.3.5226.0 of 1234567890123"),
            (
                "User: arn:aws:sts::123456789012:assumed-role/Admin/alice@example.com is not authorized",
                "User: arn:aws:sts::************:assumed-role/************ is not authorized",
            ),
            (
                "User: arn:aws:iam::123456789012:user/team/alice is",
                "User: arn:aws:iam::************:user/************ is",
            ),
            ("arn:aws:ssm:eu-central-1::session/alice-0a1b", "arn:aws:ssm:eu-central-1::session/************"),
            (repr("SessionId: alice-0a1b2c3d4e5f6a7b8\r\nsh-5.2$ "), r"'SessionId: ************\r\nsh-5.2$ '"),
            ("of alice@example.com-0a1b2c3d4e5f6a7b8.", "of ************."),
            ("AROAEXAMPLE:alice@example.com", "AROAEXAMPLE:************"),
            ("instance i-0123456789abcdef0 of run r0a1b2c3d", "instance i-0123456789abcdef0 of run r0a1b2c3d"),
            ("KMS key 1234abcd-12ab-34cd-56ef-1234567890ab", "KMS key 1234abcd-12ab-34cd-56ef-1234567890ab"),
        ],
    )
    def test_text(self, text, expected):
        assert masked(text, LOCATION["account"]) == expected

    def test_of_the_command(self, command, monkeypatch):
        """Also where the number of the account is a part of a longer one."""
        results = [Result("dev", "Parameters", "passed", f"of x{LOCATION['account']}2026")]
        monkeypatch.setattr(
            live.Run, "perform", lambda run: run.results.extend(results) or run.report(results[0].detail)
        )

        _, text = command("--yes")

        assert LOCATION["account"] not in text + command.page.read_text()


class TestCost:
    def test_is_of_the_whole_time_box(self):
        """Four instances with a disk and an address, and two keys, for two hours."""
        disk = 8 * PRICES["gp3 GiB a month"] / 730
        instance = PRICES["t3.micro"] + PRICES["public IPv4 address"] + disk

        assert cost(4, 2) == pytest.approx(8 * instance + 2 * 2 / 730 + 0.05)

    def test_grows_with_time(self):
        assert cost(4, 4) > cost(4, 1) > 0.1


def test_nothing_depends_on_it():
    """The package and the sandbox know nothing of it."""
    files = [file for folder in ("ssm_profile", "sandbox", "policies") for file in (ROOT / folder).rglob("*.py")]

    assert files
    assert [file for file in files if re.search(r"^\s*(from|import) live\b", file.read_text(), re.MULTILINE)] == []
