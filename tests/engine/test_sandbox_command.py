"""`python -m sandbox` as a person uses it: what it prints, and how it ends when something goes wrong."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest

from tests import ROOT
from tests.expected import LOCATION

ENOUGH = 60  # seconds, for what takes less than ten


@pytest.fixture
def command(pulumi_cli, tmp_path):
    """Starts `python -m sandbox` with a cache of the test's own, which has the CLI in it."""
    cache = tmp_path / "cache"
    environment = os.environ | {"XDG_CACHE_HOME": str(cache), "PYTHONUNBUFFERED": "1"}
    started = []

    def put_cli_into(cache):
        (cache / "ssm-profile").mkdir(parents=True)
        if Path(pulumi_cli.command).is_absolute():
            kept = Path(pulumi_cli.command).parents[1]
            (cache / "ssm-profile" / kept.name).symlink_to(kept)

    def start(*arguments, **extra):
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "sandbox", *arguments],
                cwd=ROOT,
                env=environment | extra,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        )
        return started[-1]

    put_cli_into(cache)
    start.runs = cache / "ssm-profile" / "runs"
    start.put_cli_into = put_cli_into
    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


def run(command, *arguments, **extra):
    process = command(*arguments, **extra)
    output, _ = process.communicate(timeout=ENOUGH)
    return process.returncode, output


def read_until(process, text):
    """The lines that a process prints, until one that holds the text."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError(f"{text!r} was not printed: {lines}")


def processes_of(session):
    """The processes that a session has left, or that serve as its plugins, as their command lines."""
    listed = subprocess.run(["ps", "-eo", "sid=,stat=,args="], text=True, capture_output=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    return [row[2] for row in rows if int(row[0]) == session and not row[1].startswith("Z")]


def wait_until_gone(session):
    for _ in range(100):
        if not processes_of(session):
            return
        time.sleep(0.1)
    raise AssertionError(f"left running: {processes_of(session)}")


def test_up_shows_every_step_and_the_verdict(command):
    code, output = run(command, "up")

    assert code == 0
    for expected in (
        r"^Pulumi \d.*, and an emulated AWS \(account 123456789012\) at http://127\.0\.0\.1:\d+$",
        r"^pulumi preview --stack dev ",
        r"^  \+ to create +aws:iam/role:Role +ssm-profile-dev-role$",
        r"^  \+ created +aws:iam/instanceProfile:InstanceProfile +ssm-profile-dev-profile$",
        r"instanceProfileName . ssm-profile-dev-profile-[0-9a-f]{7} ",
        r"ssmmessages:OpenDataChannel +. Opens the websocket of a session's data channel",
        r"^  yes the role's only policy is the intended one$",
        r"^  yes what the options attach beside it is attached$",
        r"^  yes the instance profile holds the role$",
        r"^  \+ created +aws:ec2/instance:Instance +launch-dev$",
        r"startSession . aws ssm start-session --target i-[0-9a-f]+ ",
        r"^  yes the instance carries the instance profile$",
        r"^  yes its metadata asks for IMDSv2$",
        r"^  yes it has no key pair$",
        r"^  yes no port is open to it$",
        r"^  - deleted +aws:ec2/instance:Instance +launch-dev$",
        r"^  - deleted +aws:iam/role:Role +ssm-profile-dev-role$",
        r"^Nothing is left\.$",
    ):
        assert re.search(expected, output, re.MULTILINE), expected


def test_up_takes_another_stack_and_options(command):
    options = (
        "quietAgent=true",
        "tags={Team: web}",
        "parameters={paths: [/app]}",
        "policyKind=managed",
        "managedPolicyArns=[arn:aws:iam::aws:policy/ReadOnlyAccess]",
        "exclusive=true",
    )

    code, output = run(command, "up", "--stack", "prod", *(word for option in options for word in ("--set", option)))

    assert code == 0
    assert "ec2messages:GetMessages" in output
    assert "ec2:Describe*" not in output
    assert re.search(r"ssm:GetParameter +. Reads one parameter, for software on the instance\.", output)
    assert "unprotecting it first" in output
    assert "yes the instance carries the instance profile" in output
    assert "NO " not in output
    assert "Nothing is left." in output


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["up", "--stack", "nosuch"], 1, "error: there is no Pulumi.nosuch.yaml; the stacks are dev, prod"),
        (["up", "--set", "quietAgnet=true"], 1, "nearest known key: ssm-profile:quietAgent"),
        (["up", "--set", "quietAgent=maybe"], 1, "must be of type 'boolean'"),
        (["up", "--set", "quietAgent"], 2, "'quietAgent' is not of the form KEY=VALUE"),
        (["up", "--set", "tags={"], 2, "the value of tags is not YAML"),
        (["up", "--nosuch"], 2, "unrecognized arguments: --nosuch"),
        ([], 2, "usage: python -m sandbox"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_said_in_words(command, arguments, code, expected):
    assert (result := run(command, *arguments))[0] == code
    assert expected in result[1]
    assert "Traceback" not in result[1]


def test_a_mistake_is_said_once(command):
    _, output = run(command, "up", "--set", "path=x")

    assert output.count('ssm-profile:path: found "x"') == 1
    assert output.endswith("The engine refused or failed, for the reason above. Nothing is left of the run.\n")


def test_a_port_in_use_is_said(command):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        code, output = run(command, "up", "--port", str(port))

    assert code == 1
    assert f"error: port {port} on 127.0.0.1 is not free (Address already in use): name another with --port" in output
    assert "Traceback" not in output


def test_moto_that_cannot_start_is_said(command, tmp_path):
    (tmp_path / "moto").mkdir()
    (tmp_path / "moto" / "__init__.py").write_text("raise ImportError('broken on purpose')")

    code, output = run(command, "up", PYTHONPATH=str(tmp_path))

    assert code == 1
    assert "error: moto, the emulated AWS, is not installed (broken on purpose): run `make setup`" in output
    assert "Traceback" not in output


def test_a_cache_that_cannot_be_written_is_said(command):
    code, output = run(command, "up", XDG_CACHE_HOME="/proc/nosuch")

    assert code == 1
    assert "error: cannot write to /proc/nosuch/ssm-profile" in output
    assert "Traceback" not in output


def test_a_disk_that_is_full_or_read_only_is_said(command, small_disk, tmp_path):
    cache = tmp_path / "small"
    cache.mkdir()
    disk = small_disk(cache, kilobytes=64)
    command.put_cli_into(cache)

    disk.fill()
    full = run(command, "up", XDG_CACHE_HOME=str(cache))
    disk.remount("ro")
    read_only = run(command, "up", XDG_CACHE_HOME=str(cache))

    where = "the sandbox writes below the user's cache alone; XDG_CACHE_HOME names another place for it"
    for (code, output), what in ((full, "No space left on device"), (read_only, "Read-only file system")):
        assert code == 1
        assert re.search(rf"error: \[Errno \d+\] {what}.*: {where}\n$", output), output
        assert "Traceback" not in output


@pytest.mark.parametrize("whom", ["everybody, as Ctrl-C does", "the command alone, as kill does"])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["to create    pulumi:pulumi:Stack", "created      aws:iam/role"])
def test_an_interruption_ends_cleanly_and_leaves_no_process(command, whom, sent, moment):
    process = command("up")
    read_until(process, moment)

    if whom.startswith("everybody"):
        os.killpg(process.pid, sent)
    else:
        process.send_signal(sent)
    output, _ = process.communicate(timeout=ENOUGH)

    assert process.returncode == 130
    assert "Interrupted. Nothing is left of the run." in output
    assert "Traceback" not in output
    wait_until_gone(process.pid)
    assert list(command.runs.iterdir()) == []


def test_a_killed_run_leaves_no_process_and_the_next_one_works_and_clears_up(command):
    process = command("up")
    read_until(process, "created      aws:iam/role")
    process.kill()
    process.wait()

    wait_until_gone(process.pid)
    assert len(list(command.runs.iterdir())) == 1
    assert run(command, "up")[0] == 0
    assert list(command.runs.iterdir()) == []


def test_serve_prints_an_environment_in_which_pulumi_and_boto3_work_by_hand(command, project):
    process = command("serve")
    lines = read_until(process, "Ctrl-C")
    exports = "".join(line for line in lines if line.startswith(("export ", "unset ")))
    directory = project('pulumi.export("a", 1)')
    script = f"""
    set -eu
    {exports}
    cd {directory}
    pulumi stack init test
    pulumi up --yes --non-interactive
    pulumi stack output a
    {sys.executable} -c 'import boto3; print(boto3.client("iam").list_roles()["Roles"])'
    pulumi destroy --yes --non-interactive
    """

    done = subprocess.run(["bash", "-c", script], text=True, capture_output=True, timeout=ENOUGH, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n1\n[]\n" in done.stdout
    assert "warning" not in (done.stdout + done.stderr)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=ENOUGH)
    assert process.returncode == 130
    assert "Interrupted. Nothing is left of the run." in output
    wait_until_gone(process.pid)


def test_cli_says_which_pulumi_it_is(command, pulumi_cli):
    code, output = run(command, "cli")

    assert code == 0
    assert output.startswith(f"Pulumi {pulumi_cli.version}: /")


def test_a_policy_that_is_not_the_intended_one_is_said_and_fails(sandbox, dev, capsys):
    main, console = import_module("sandbox.__main__"), import_module("rich.console").Console(width=140)
    outputs = {name: output.value for name, output in dev.outputs().items()}

    assert main._read_back(console, sandbox, outputs, {}, LOCATION)
    assert not main._read_back(console, sandbox, outputs, {"quiet_agent": True}, LOCATION)
    assert not main._read_back(
        console, sandbox, outputs, {"managed_policy_arns": ["arn:aws:iam::aws:policy/X"]}, LOCATION
    )

    printed = capsys.readouterr().out
    assert printed.count("  yes the role's only policy is the intended one") == 2
    assert printed.count("  NO  what the options attach beside it is attached") == 1
    assert printed.count("  NO  the role's only policy is the intended one") == 1
