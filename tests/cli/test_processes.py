"""Processes that share work."""

import os
import signal
import subprocess
import sys
from importlib import import_module
from threading import Event, Thread

import pytest

from ssm_profile.errors import InputError

processes = import_module("ssm_profile.cli.processes")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_processes_end_with_the_command(name):
    """Its output, which they share, is closed then."""
    script = """
import os, time
from ssm_profile.cli.processes import process_pool
pool = process_pool()
print({pool.submit(os.getpid).result() for _ in range(20)}, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as command:
        command.stdout.readline()
        command.send_signal(signal.Signals[name])

        assert command.communicate(timeout=20) == (b"", None)


def test_processes_of_a_command_with_threads():
    """They are no forks, which would have the locks of the threads."""
    ended = Event()
    Thread(target=ended.wait).start()

    with processes.process_pool() as pool:
        assert pool._mp_context.get_start_method() == "spawn"
    ended.set()


def test_results_are_in_the_order_of_the_items():
    assert list(processes.map_in_processes(str, range(40))) == [str(number) for number in range(40)]


def test_items_are_taken_when_a_process_is_free():
    taken = []
    items = (taken.append(number) or number for number in range(1000))
    results = processes.map_in_processes(str, items)

    assert next(results) == "0"
    assert len(taken) == processes.number_of_processors() + 2
    results.close()


def test_error_of_the_work():
    with pytest.raises(ValueError, match="invalid literal"):
        list(processes.map_in_processes(int, ["1", "x"]))


def test_process_that_ends():
    with pytest.raises(InputError, match="not enough memory"):
        list(processes.map_in_processes(os._exit, [1]))
