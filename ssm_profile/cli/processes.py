"""Processes that share work."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread, active_count
from typing import TypeVar

from ssm_profile.errors import InputError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def number_of_processors() -> int:
    """How many processors there are."""
    return os.cpu_count() or 1


def process_pool() -> ProcessPoolExecutor:
    """Processes for all processors, which end when this process ends, however it does."""
    # A fork would copy the locks that the threads of this process hold.
    context = get_context("spawn" if active_count() > 1 else None)
    return ProcessPoolExecutor(mp_context=context, initializer=_end_with_parent)


def _end_with_parent() -> None:
    # A process that a signal ends does not shut its pool down.
    Thread(target=_wait_for_end_of_parent, daemon=True).start()


def _wait_for_end_of_parent() -> None:
    if parent := parent_process():
        wait([parent.sentinel])
        os._exit(1)


def map_in_processes(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """The results of work on items, in the order of the items. Few items wait, however many there are.

    Args:
        work: A function of a module.
        items: The items. They are not taken before there is a process for them.

    Raises:
        InputError: If a process ends before its work.
    """
    pool = process_pool()
    waiting = deque[Future[_Result]]()
    try:
        pool.submit(int)  # so that the processes begin before the items can start threads
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > number_of_processors() + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise InputError(
            "A process of this command ended before its work was done, perhaps because there is not enough memory. "
            "Pass less at a time."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)
