"""Waiting for jobs of AWS, and cancelling them."""

import signal
import subprocess
import sys
from importlib import import_module

import pytest

from tests import require

require("boto3")
jobs = import_module("ssm_profile.cli.usage.jobs")


def test_time_that_is_over():
    assert jobs.wait_for(lambda: None, seconds=0) is None


def test_answer_that_is_there_needs_no_time():
    assert jobs.wait_for(lambda: "done", seconds=0) == "done"


def test_job_that_ends_is_not_cancelled():
    before, cancelled = signal.getsignal(signal.SIGINT), []
    with jobs.cancelled_early(lambda: cancelled.append(1)):
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    assert cancelled == []
    assert signal.getsignal(signal.SIGINT) is before


def test_error_cancels_the_job():
    cancelled = []
    with pytest.raises(KeyError), jobs.cancelled_early(lambda: cancelled.append(1)):
        raise KeyError

    assert cancelled == [1]


def test_ctrl_c_cancels_the_job_and_ends_the_command():
    """As without a job, the shell sees the signal."""
    script = """
import signal
from ssm_profile.cli.usage.jobs import cancelled_early
signal.signal(signal.SIGINT, signal.SIG_DFL)
with cancelled_early(lambda: print("cancelled", flush=True)):
    signal.raise_signal(signal.SIGINT)
print("not reached")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "cancelled\n", "")
