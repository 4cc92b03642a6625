"""The progress bar of ``fleet``."""

import io
import json
import os
import re
import signal
import sys
import threading

import pytest

from tests import require
from tests.cli.accounts import details, role

require("rich_click")

from ssm_profile.cli.app import ssm_profile  # noqa: E402
from ssm_profile.cli.fleet import progress  # noqa: E402

ERASED = "\x1b[1A\x1b[2K"
"""The line above is erased."""


class Terminal(io.StringIO):
    def isatty(self):
        return True

    @property
    def lines(self):
        """Every text that the line had."""
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.getvalue())
        return [line.rstrip(" ━╸╺") for line in re.split(r"[\r\n]+", text)]


@pytest.fixture
def attach_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "_INTERVAL", 0)

    def attach():
        # Not in the fixture: pytest sets standard error again before the test.
        monkeypatch.setattr("sys.stderr", Terminal())
        return sys.stderr

    return attach


@pytest.fixture(autouse=True)
def handler():
    """What handles Ctrl-C around a test is there again after it."""
    before = signal.getsignal(signal.SIGINT)
    yield
    assert signal.getsignal(signal.SIGINT) == before


def work(shown):
    shown.begin_accounts(2)
    shown.account_read()
    list(shown.judged("ab"))


def test_accounts_and_roles(attach_terminal):
    """The line is erased at the end, and no thread refreshes it."""
    terminal = attach_terminal()
    threads = threading.active_count()
    with progress.Progress() as shown:
        work(shown)
        assert threading.active_count() == threads

    assert terminal.lines[:4] == [
        "0 of 2 accounts read, 0 roles judged",
        "1 of 2 accounts read, 0 roles judged",
        "1 of 2 accounts read, 1 role judged",
        "1 of 2 accounts read, 2 roles judged",
    ]
    assert terminal.getvalue().endswith(ERASED)


def test_second_round(attach_terminal):
    """The accounts are counted anew."""
    terminal = attach_terminal()
    with progress.Progress() as shown:
        work(shown)
        shown.begin_accounts(3, "asked")
        shown.account_read()

    assert terminal.lines[-4:-2] == ["0 of 3 accounts asked, 2 roles judged", "1 of 3 accounts asked, 2 roles judged"]


def test_short_work(attach_terminal):
    """It shows nothing."""
    terminal = attach_terminal()
    with progress.Progress() as shown:
        list(shown.judged("abc"))

    assert terminal.getvalue() == ""


def test_interrupt(attach_terminal, monkeypatch):
    """The line is cleared, and the cursor is there again."""
    attach_terminal()
    reading, writing = os.pipe()
    monkeypatch.setattr(progress, "_STANDARD_ERROR", writing)

    with pytest.raises(KeyboardInterrupt), progress.Progress() as shown:  # noqa: PT012 - the signal raises
        work(shown)
        signal.raise_signal(signal.SIGINT)

    os.close(writing)
    with os.fdopen(reading, "rb") as cleared:
        assert cleared.read() == b"\r\x1b[2K\x1b[?25h"


@pytest.mark.parametrize("name", ["dumb", "unknown"])
def test_terminal_without_lines(attach_terminal, monkeypatch, name):
    terminal = attach_terminal()
    monkeypatch.setenv("TERM", name)
    with progress.Progress() as shown:
        work(shown)

    assert terminal.getvalue() == ""


@pytest.mark.parametrize("error", [io.StringIO(), None])
def test_no_terminal(monkeypatch, error):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("sys.stderr", error)
    with progress.Progress() as shown:
        work(shown)

    assert error is None or error.getvalue() == ""


def test_command(attach_terminal, monkeypatch, tmp_path):
    """The report begins where the line was."""
    terminal = attach_terminal()
    monkeypatch.setattr(progress, "_DELAY", 0)
    monkeypatch.setattr("sys.stdout", terminal)
    (tmp_path / "account.json").write_text(json.dumps(details(role("web"))))

    with pytest.raises(SystemExit):
        ssm_profile(["fleet", str(tmp_path / "account.json"), "--csv"])

    line, printed = terminal.getvalue().split(ERASED)
    assert "1 role judged" in line
    assert printed.startswith('"kind","account",')
