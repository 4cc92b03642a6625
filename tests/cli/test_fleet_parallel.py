"""Work for many items at a time."""

import subprocess
import sys
from threading import Barrier, Event, Lock

import pytest

from ssm_profile.cli.fleet.parallel import completed
from ssm_profile.cli.interruption import Interrupt


def test_at_a_time():
    """As many threads as allowed work, and no more."""
    working, most, lock, together = 0, 0, Lock(), Barrier(3, timeout=5)

    def work(_):
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        together.wait()
        with lock:
            working -= 1

    done = list(completed(work, range(9), Interrupt(), at_a_time=3))

    assert (sorted(item for item, _ in done), most) == (list(range(9)), 3)


def test_results_that_wait():
    """Work does not go on while nobody uses the results."""
    started = []
    done = completed(started.append, range(100), Interrupt(), at_a_time=2)

    next(done)
    Event().wait(0.05)

    assert len(started) <= 1 + 2 + 2  # one is used, two wait in the queue, and two threads wait to add theirs
    done.close()


def test_no_items():
    assert list(completed(str, [], Interrupt(), at_a_time=10)) == []


def test_error():
    """It is raised where the results are used."""
    with pytest.raises(ZeroDivisionError):
        list(completed(lambda each: 1 // each, [0], Interrupt(), at_a_time=1))


def test_interrupt():
    """What is done is there. What still waits for an answer is not waited for, and nothing else is begun."""
    interrupt, answer, begun = Interrupt(), Event(), []

    def work(item):
        begun.append(item)
        if item:
            answer.wait()

    done = []
    for item, _ in completed(work, [0, 1, 2, 3], interrupt, at_a_time=2):
        done.append(item)
        interrupt.happened = True
    answer.set()

    assert (done, 3 in begun) == ([0], False)


def test_end_of_the_process():
    """It does not wait for the threads."""
    script = """
from threading import Event
from ssm_profile.cli.fleet.parallel import completed
from ssm_profile.cli.interruption import Interrupt
work = lambda item: item and Event().wait()
next(completed(work, [0, 1, 2], Interrupt(), at_a_time=3))
"""
    assert subprocess.run([sys.executable, "-c", script], timeout=20, check=True).returncode == 0
