"""`python -m sandbox`: its output, its errors, and how it ends."""

import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time
from contextlib import suppress
from importlib import import_module
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest

from sandbox.plugin import SANDBOX_PID
from tests import ROOT
from tests.engine.lifecycle import case_parameters
from tests.engine.stacks import single_line
from tests.expected import LOCATION

TIMEOUT = 60  # seconds, for what takes less than ten


@pytest.fixture
def command(pulumi_cli, tmp_path):
    """Starts `python -m sandbox` with a cache of the test's own that contains the Pulumi CLI."""
    cache = tmp_path / "cache"
    environment = os.environ | {"XDG_CACHE_HOME": str(cache), "PYTHONUNBUFFERED": "1"}
    environment.pop("COLUMNS", None)
    processes = []

    def put_cli_into(cache):
        (cache / "ssm-profile").mkdir(parents=True)
        if Path(pulumi_cli.command).is_absolute():
            directory = Path(pulumi_cli.command).parents[1]
            (cache / "ssm-profile" / directory.name).symlink_to(directory)

    def start(*arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **variables):
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", *arguments],
            cwd=cwd,
            env=environment | {"PYTHONPATH": str(cwd)} | variables,
            text=True,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        processes.append(process)
        return process

    put_cli_into(cache)
    start.runs = cache / "ssm-profile" / "runs"
    start.put_cli_into = put_cli_into
    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


@pytest.fixture
def clone(tmp_path):
    """A copy of the repository without what Git ignores."""
    ignored = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "sdks", "tests", "docs")
    return shutil.copytree(ROOT, tmp_path / "clone", ignore=ignored)


def run(command, *arguments, **variables):
    process = command(*arguments, **variables)
    output, _ = process.communicate(timeout=TIMEOUT)
    return process.returncode, output


def run_in_terminal(command, columns, *arguments):
    """Run a command in a terminal of this width, and return what it writes, without colors."""
    terminal, end = pty.openpty()
    termios.tcsetwinsize(end, (24, columns))
    process = command(*arguments, stdout=end, TERM="xterm")
    os.close(end)
    output = b""
    try:
        while data := os.read(terminal, 65536):
            output += data
    except OSError:  # how Linux reports that the other end is closed
        pass
    os.close(terminal)
    return process.wait(timeout=TIMEOUT), re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", output.decode()).replace("\r\n", "\n")


def read_until(process, text):
    """The lines that a process prints, up to one that contains the text."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError(f"{text!r} was not printed: {lines}")


def processes_of(sandbox):
    """The command lines of the CLI and the plugins that a sandbox has started."""
    variable = f"{SANDBOX_PID}={sandbox}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if variable in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text())
    return found


def wait_until_ended(sandbox):
    for _ in range(100):
        if not processes_of(sandbox):
            return
        time.sleep(0.1)
    raise AssertionError(f"still running: {processes_of(sandbox)}")


def contents(directory):
    """The content of each file."""
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for file in directory.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_up_prints_steps_and_checks(command):
    """Each output and each ARN in the policy is in one piece at 80 columns, though the policy is wider."""
    path = "/" + "application/" * 6 + "database"
    options = (
        "quietAgent=true",
        "tags={Team: web}",
        f"parameters={{paths: [{path}]}}",
        "policyKind=managed",
        "managedPolicyArns=[arn:aws:iam::aws:policy/ReadOnlyAccess]",
        "exclusive=true",
    )

    arguments = ("up", "--stack", "prod", *(word for option in options for word in ("--set", option)))
    code, output = run_in_terminal(command, 80, *arguments)

    assert code == 0
    for line in (
        r"^pulumi preview --stack prod$",
        r"^  \+ create +aws:iam/role:Role +ssm-profile-prod-role$",
        r"^  \+ created +aws:iam/instanceProfile:InstanceProfile +ssm-profile-prod-profile$",
        r"^  instanceProfileName +ssm-profile-prod-profile-[0-9a-f]{7}$",
        r"^  instanceProfileArn +arn:aws:iam::123456789012:instance-profile/[\w-]+-[0-9a-f]{7}$",
        r"^  roleArn +arn:aws:iam::123456789012:role/[\w-]+-[0-9a-f]{7}$",
        r"^  ec2messages:GetMessages +\w+",
        r"^  ssm:GetParameter +Reads one parameter, for",
        r"^  ssmmessages:OpenDataChannel +Opens the WebSocket of",
        r"^  yes  The role has exactly the policy that the options ask for\.$",
        r"^  yes  The role has the policies of managedPolicyArns\.$",
        r"^  yes  The instance profile contains the role\.$",
        r"^  \+ created +aws:ec2/instance:Instance +launch-prod$",
        r"^  startSession +aws ssm start-session --target i-[0-9a-f]+$",
        r"^  yes  The instance has the instance profile\.$",
        r"^  yes  The instance requires IMDSv2\.$",
        r"^  yes  The instance has no key pair\.$",
        r"^  yes  The security group opens no port\.$",
        r"^  - deleted +aws:ec2/instance:Instance +launch-prod$",
        r"^  - deleted +aws:iam/role:Role +ssm-profile-prod-role$",
        r"^Both stacks are destroyed: no resource is left\.$",
    ):
        assert re.search(line, output, re.MULTILINE), line
    words = single_line(output)
    assert re.search(
        r"Pulumi \d.* deploys to an emulated AWS \(account 123456789012\) at http://127\.0\.0\.1:\d+ ", words
    )
    assert "The sandbox removes the protection first." in words
    assert "ec2:Describe*" not in output
    assert "NO " not in output
    assert "…" not in output

    policy, _ = json.JSONDecoder().raw_decode(output, output.index("{", output.index("policyJson")))
    resources = [resource for statement in policy["Statement"] for resource in statement["Resource"]]
    assert f"arn:aws:ssm:eu-central-1:123456789012:parameter{path}" in resources


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["up", "--stack", "nosuch"],
            2,
            "error: There is no stack 'nosuch', because there is no file Pulumi.nosuch.yaml",
        ),
        (["serve", "--stack", "nosuch"], 2, "Pass one of these to --stack: dev, prod."),
        (["up", "--set", "quietAgent"], 2, "'quietAgent' must have the form KEY=VALUE, for example quietAgent=true"),
        (["up", "--set", "tags={"], 2, "the value of 'tags' must be YAML (got '{')"),
        (["up", "--port", "65536"], 2, "argument --port: must be a number from 0 to 65535 (got '65536')"),
        (["serve", "--port", "-1"], 2, "argument --port: must be a number from 0 to 65535 (got '-1')"),
        (["up", "--nosuch"], 2, "python -m sandbox up: error: unrecognized arguments: --nosuch"),
        ([], 2, "usage: python -m sandbox"),
    ],
    ids=str,
)
def test_wrong_usage(monkeypatch, capsys, arguments, code, message):
    module = import_module("sandbox.command")
    monkeypatch.setattr(module, "_on_signals", lambda _: None)  # pytest keeps its own handlers
    monkeypatch.setattr(sys, "argv", ["sandbox", *arguments])
    monkeypatch.delenv("COLUMNS", raising=False)

    with pytest.raises(SystemExit) as ended:
        sys.exit(module.main())

    output = "".join(capsys.readouterr())
    assert ended.value.code == code
    assert message in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"config: [", "Pulumi.my.stack.yaml cannot be read as YAML: while parsing a flow node"),
        (b"config: {a: \xe9}", "Pulumi.my.stack.yaml cannot be read as YAML: unacceptable character #x00e9"),
        (b"config: [a]", "Pulumi.my.stack.yaml must have a map of keys and values as `config` (got ['a'])."),
        (b"5", "Pulumi.my.stack.yaml must have a map of keys and values as `config` (got 5)."),
        (b"", "`aws:region` is missing. Set it, for example with --set aws:region=eu-central-1."),
        (b"config: {'aws:region': mx-north-9}", "`aws:region` must be a region of AWS (got 'mx-north-9')."),
        (b"config: {'aws:region': [a]}", "`aws:region` must be a region of AWS (got ['a'])."),
        (None, "Pass one of these to --stack: other.stack."),
    ],
)
@pytest.mark.parametrize("name", ["up", "serve"])
def test_stack_file_that_cannot_be_used(monkeypatch, tmp_path, name, content, message):
    """It is refused before anything is started."""
    module = import_module("sandbox.command")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    file = tmp_path / ("Pulumi.other.stack.yaml" if content is None else "Pulumi.my.stack.yaml")
    file.write_bytes(content or b"")

    with pytest.raises(import_module("sandbox").SandboxError, match=re.escape(message)):
        getattr(module, name)(None, SimpleNamespace(stack="my.stack", set=[]))


def test_stack_file_is_a_directory(monkeypatch, tmp_path):
    module = import_module("sandbox.command")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    (tmp_path / "Pulumi.dev.yaml").mkdir()

    with pytest.raises(
        import_module("sandbox").SandboxError, match=r"^Pulumi\.dev\.yaml cannot be read: Is a directory$"
    ):
        module.up(None, SimpleNamespace(stack="dev", set=[]))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("quietAgnet=true", "quietAgnet"),
        ("quietAgent=maybe", "must be of type 'boolean'"),
        ("existingRoleName=nosuch", "resource 'nosuch' does not exist"),
    ],
)
def test_config_error_is_printed_once(command, setting, message):
    """Whether this project, Pulumi or AWS finds it."""
    code, output = run(command, "up", "--set", setting)

    assert code == 1
    assert output.count(message) == 1, output
    assert "Traceback" not in output
    assert output.endswith("Pulumi failed: see the error above. The emulated AWS and its state are deleted.\n")


def test_port_in_use(command):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        code, output = run(command, "up", "--port", str(port))

    assert code == 1
    assert f"error: Port {port} on 127.0.0.1 cannot be used (Address already in use). Pass another one to" in output
    assert "Traceback" not in output


def test_broken_moto(command, tmp_path):
    (tmp_path / "moto").mkdir()
    (tmp_path / "moto" / "__init__.py").write_text("raise ImportError('broken on purpose')")

    code, output = run(command, "up", PYTHONPATH=str(tmp_path))

    assert code == 1
    assert "error: moto, the emulated AWS, cannot be imported (broken on purpose). Run `make setup`." in output
    assert "Traceback" not in output


def test_cache_cannot_be_created(command):
    code, output = run(command, "up", XDG_CACHE_HOME="/proc/nosuch")

    assert code == 1
    assert "error: Cannot create /proc/nosuch/ssm-profile: No such file or directory. Set XDG_CACHE_HOME to" in output
    assert "Traceback" not in output


def test_full_and_read_only_disk(command, small_disk, tmp_path):
    cache = tmp_path / "small"
    cache.mkdir()
    disk = small_disk(cache, kilobytes=64)
    command.put_cli_into(cache)

    disk.fill()
    full = run(command, "up", XDG_CACHE_HOME=str(cache))
    disk.remount("ro")
    read_only = run(command, "up", XDG_CACHE_HOME=str(cache))

    for (code, output), reason in ((full, "No space left on device"), (read_only, "Read-only file system")):
        assert code == 1
        assert re.search(rf"error: \[Errno \d+\] {reason}.*\. The sandbox writes to the user's cache only: ", output), (
            output
        )
        assert output.endswith("set XDG_CACHE_HOME to another directory.\n")
        assert "Traceback" not in output


MOMENTS = {"start": "create     pulumi:pulumi:Stack", "role": "created    aws:iam/role"}
"""What the sandbox prints at the moment of the interruption."""

INTERRUPTIONS = list(product(("session", "process"), ("SIGINT", "SIGTERM"), MOMENTS))
TYPICAL_INTERRUPTIONS = [*product(("session",), ("SIGINT",), MOMENTS), *product(("process",), ("SIGTERM",), MOMENTS)]
"""Ctrl-C in a terminal, and `kill`."""


@pytest.mark.parametrize("case", case_parameters(INTERRUPTIONS, TYPICAL_INTERRUPTIONS))
def test_interruption_leaves_nothing(command, case):
    """A signal to the sandbox or to its whole session ends it, and no process and no file remains."""
    target, signal_name, moment = case
    process, stop_signal = command("up"), signal.Signals[signal_name]
    read_until(process, MOMENTS[moment])
    assert processes_of(process.pid)

    if target == "session":
        os.killpg(process.pid, stop_signal)
    else:
        process.send_signal(stop_signal)
    output, _ = process.communicate(timeout=TIMEOUT)

    assert process.returncode == 130
    assert "Interrupted. The emulated AWS and its state are deleted." in output
    assert "Traceback" not in output
    wait_until_ended(process.pid)
    assert list(command.runs.iterdir()) == []


@pytest.fixture
def interrupted(command, tmp_path):
    """The exit code and the output of a run that gets a SIGINT when it imports a module."""

    def start(module, also=""):
        (tmp_path / "sitecustomize.py").write_text(HOOK.format(module=module, also=also))
        process = command("up", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
        output, _ = process.communicate(timeout=TIMEOUT)
        return process.returncode, output

    return start


HOOK = """
import os, shutil, signal, sys

class Finder:
    def find_spec(self, name, *_):
        if name == "{module}":
            {also}
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize("module", ["boto3", "pulumi.automation", "sandbox.workspace"])
def test_interruption_of_an_import(interrupted, module):
    """Before the command begins, the signal ends the process without a word."""
    assert interrupted(module) == (-signal.SIGINT, "")


def test_interruption_before_the_engine(interrupted):
    assert interrupted("werkzeug.serving") == (130, "\nInterrupted. The emulated AWS and its state are deleted.\n")


def test_interruption_says_what_is_left(command, interrupted):
    code, output = interrupted("pulumi_aws", "shutil.rmtree = lambda *_, **__: None")

    (left,) = command.runs.iterdir()
    assert code == 130
    assert output.endswith(
        f"Interrupted. The emulated AWS is stopped, but {left} could not be deleted. The next run deletes it.\n"
    )


def test_reader_that_stops(command):
    """The Automation API prints the steps in a thread of its own, whose end must stop the CLI as well."""
    process = command("up", stderr=subprocess.PIPE)
    read_until(process, "create     pulumi:pulumi:Stack")
    process.stdout.close()

    assert process.wait(timeout=TIMEOUT) == 2
    assert process.stderr.read() == (
        "error: cannot write the output: Broken pipe. The emulated AWS and its state are deleted.\n"
    )
    wait_until_ended(process.pid)
    assert list(command.runs.iterdir()) == []


@pytest.mark.parametrize(
    ("redirection", "reason"), [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")]
)
def test_output_cannot_be_written(command, redirection, reason):
    environment = os.environ | {"XDG_CACHE_HOME": str(command.runs.parents[1])}
    shell = ["bash", "-c", f"{sys.executable} -m sandbox cli {redirection}"]

    done = subprocess.run(shell, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.startswith(f"error: cannot write the output: {reason}.")


def test_next_run_cleans_up_after_kill(command):
    process = command("up")
    read_until(process, "created    aws:iam/role")
    process.kill()
    process.wait()

    wait_until_ended(process.pid)
    assert len(list(command.runs.iterdir())) == 1
    run(command, "up", "--set", "path=x")
    assert list(command.runs.iterdir()) == []


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_serve_prepares_another_terminal(command, clone, tmp_path, shell):
    """The terminal keeps its PATH and virtual environment, and Pulumi changes no file of the repository."""
    if not shutil.which(shell):
        pytest.skip(f"needs {shell}")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    before = contents(clone)
    process = command("serve", cwd=clone)
    lines = read_until(process, "press Ctrl-C")
    source = next(line for line in lines if line.startswith("  source "))
    pulumi_commands = [line for line in lines if line.startswith("  pulumi ")]
    assert [line.split()[1:3] for line in pulumi_commands[:2]] == [["stack", "init"], ["up"]]
    boto3 = (
        'import boto3; iam = boto3.client("iam"); print(iam.meta.region_name, len(iam.list_roles()["Roles"]), "role")'
    )
    script = f"""
    set -eu
    . {tmp_path}/venv/bin/activate
    export PATH="$PATH:/the/end" AWS_PROFILE=own AWS_SESSION_TOKEN=own AWS_ENDPOINT_URL_IAM=http://127.0.0.1:1
    before=$PATH
    {source}
    echo "python: $(command -v python)"
    echo "PATH: ${{PATH#*"$before"}}"
    pulumi stack init dev
    pulumi up --yes --non-interactive
    pulumi stack output
    {sys.executable} -c '{boto3}'
    pulumi destroy --yes --non-interactive
    {sys.executable} -c '{boto3}'
    """

    done = subprocess.run(
        [shell, "-c", script], cwd=clone, text=True, capture_output=True, timeout=TIMEOUT, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert f"python: {tmp_path}/venv/bin/python" in lines
    assert "PATH: " in lines
    assert any("instanceProfileName" in line for line in lines)
    assert "eu-central-1 1 role" in lines
    assert "eu-central-1 0 role" in lines
    assert "warning" not in (done.stdout + done.stderr)
    assert contents(clone) == before
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130
    assert "Interrupted. The emulated AWS and its state are deleted." in output
    wait_until_ended(process.pid)


def test_cli_prints_version_and_path(command, pulumi_cli):
    code, output = run(command, "cli")

    assert code == 0
    assert output.startswith(f"Pulumi {pulumi_cli.version}: /")


def test_check_finds_wrong_policies(sandbox, dev):
    check_role = import_module("sandbox.checks").check_role
    outputs = {name: output.value for name, output in dev.outputs().items()}

    def failures(options):
        checks = check_role(sandbox.aws, outputs, options, LOCATION)
        return [check for check, passed in checks.items() if not passed]

    assert failures({}) == []
    assert failures({"quiet_agent": True}) == ["The role has exactly the policy that the options ask for."]
    other = {"managed_policy_arns": ["arn:aws:iam::aws:policy/X"]}
    assert failures(other) == ["The role has the policies of managedPolicyArns."]
