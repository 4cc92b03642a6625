"""The Pulumi CLI is stopped as Ctrl-C stops it, and never in the middle of an operation."""

import os
import signal
import sys
import time
from threading import Timer
from types import SimpleNamespace

import pytest
from pulumi.automation import CommandError

from live import TimeBoxError
from live.run import time_box
from tests import require

deployment = require("live.deployment")
stoppable_command = require("sandbox.stoppable_command")

SLOW = """
import signal, sys, time

def end(*_):
    print("interrupted", flush=True)
    time.sleep(0.5)
    print("recorded", flush=True)
    sys.exit(1)

signal.signal(signal.SIGINT, end)
print("started", flush=True)
time.sleep(30)
"""
"""A CLI that records the operation which has begun when it is interrupted."""

STUBBORN = """
import os, signal, time

signal.signal(signal.SIGINT, signal.SIG_IGN)
print(os.getpid(), flush=True)
time.sleep(30)
"""


@pytest.fixture
def run(tmp_path):
    """Runs a program in place of the CLI. Its lines are in `lines`."""

    def perform(program):
        command = tmp_path / "pulumi"
        command.write_text(f"#!{sys.executable}\n{program}")
        command.chmod(0o755)
        pulumi = stoppable_command.StoppableCommand(SimpleNamespace(command=str(command), version=None))
        return pulumi.run(["up"], str(tmp_path), {"ADDED": "added"}, perform.lines.append)

    perform.lines = []
    return perform


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


class TestStoppableCommand:
    def test_returns_what_it_prints(self, run):
        result = run("import os, sys; print(sys.argv[1:], os.environ['ADDED']); print('more', file=sys.stderr)")

        assert (result.stdout, result.stderr, result.code) == ("['--non-interactive', 'up'] added", "more", 0)
        assert run.lines == ["['--non-interactive', 'up'] added"]

    def test_fails(self, run):
        with pytest.raises(CommandError, match="no such stack"):
            run("raise SystemExit('no such stack')")

    def test_ends_the_operation(self, run):
        """The CLI gets one SIGINT, and time to record what it has begun."""
        with pytest.raises(TimeBoxError), time_box(2):
            run(SLOW)

        time.sleep(0.1)  # until the last line is read
        assert run.lines == ["started", "interrupted", "recorded"]

    def test_is_killed_after_a_limit(self, run, monkeypatch):
        monkeypatch.setattr(stoppable_command, "STOP_SECONDS", 0.2)

        with pytest.raises(TimeBoxError), time_box(2):
            run(STUBBORN)

        assert not is_alive(int(run.lines[0]))

    def test_is_killed_by_a_second_interrupt(self, run):
        """It must not go on while everything is being deleted."""
        for seconds in (2, 2.5):
            Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()

        with pytest.raises(KeyboardInterrupt):
            run(STUBBORN)

        assert not is_alive(int(run.lines[0]))

    def test_terminal_does_not_reach_it(self, run):
        """Ctrl-C in a terminal goes to every process of the session."""
        assert int(run("import os; print(os.getsid(0))").stdout) != os.getsid(0)

    def test_is_used(self, tmp_path):
        """Also for the commands of the workspace."""
        live = deployment.PulumiDeployment(SimpleNamespace(command="pulumi", version=None), tmp_path, print)

        assert isinstance(live._pulumi, stoppable_command.StoppableCommand)
