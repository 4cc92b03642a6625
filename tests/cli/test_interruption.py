"""Ctrl-C during long work."""

import signal
import subprocess
import sys

import pytest

from ssm_profile.cli.interruption import ignored_interrupt, noticed_interrupt


@pytest.fixture(autouse=True)
def handler():
    """What handles Ctrl-C around a test is there again after it."""
    before = signal.getsignal(signal.SIGINT)
    yield
    assert signal.getsignal(signal.SIGINT) == before


def test_first():
    with noticed_interrupt() as interrupt:
        assert not interrupt.happened
        signal.raise_signal(signal.SIGINT)

        assert interrupt.happened


def test_second():
    with pytest.raises(KeyboardInterrupt), noticed_interrupt():  # noqa: PT012 - the second one raises
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_ignored():
    with ignored_interrupt():
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("ending", ["signal.raise_signal(signal.SIGINT); " * 2, "raise KeyboardInterrupt"])
def test_end_of_the_process(ending):
    """It is that of a process that does not handle Ctrl-C, as the command is."""
    script = f"""
import signal
from ssm_profile.cli.interruption import noticed_interrupt
signal.signal(signal.SIGINT, signal.SIG_DFL)
with noticed_interrupt(): {ending}
"""
    ended = subprocess.run([sys.executable, "-c", script], timeout=20, check=False, capture_output=True)

    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, b"")
