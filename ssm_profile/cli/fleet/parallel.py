"""Does work for many items at a time, in threads."""

from collections.abc import Callable, Iterator, Sequence
from queue import Empty, Queue, SimpleQueue
from threading import Event, Thread
from typing import Any, TypeVar

from ssm_profile.cli.interruption import Interrupt

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_Outcome = tuple[Any, Any, BaseException | None]
"""An item with its result, or with the error."""

_INTERVAL = 0.2
"""How often to look for an interrupt, in seconds."""


def completed(
    work: Callable[[_Item], _Result], items: Sequence[_Item], interrupt: Interrupt, *, at_a_time: int
) -> Iterator[tuple[_Item, _Result]]:
    """The items with their results, in the order in which the work on them is done.

    At most *at_a_time* results wait to be used. An interrupt leaves out what is not done then. The threads do not keep
    the process from ending, as those of a ThreadPoolExecutor would.

    Args:
        work: What to do for an item.
        items: The items.
        interrupt: Tells when to end.
        at_a_time: How many threads work.
    """
    waiting, done, ended = SimpleQueue[_Item](), Queue[_Outcome](at_a_time), Event()
    for item in items:
        waiting.put(item)

    def is_over() -> bool:
        return interrupt.happened or ended.is_set()

    for _ in range(min(at_a_time, len(items))):
        Thread(target=_run, args=(work, waiting, done, is_over), daemon=True).start()
    try:
        for _ in items:
            while not (outcome := _first(done, interrupt)):
                if interrupt.happened:
                    return
            item, result, error = outcome
            if error:
                raise error
            yield item, result
    finally:
        ended.set()
        while not done.empty():  # so that a thread that waits for room can end
            done.get_nowait()


def _run(
    work: Callable[[Any], Any], waiting: SimpleQueue[Any], done: Queue[_Outcome], is_over: Callable[[], bool]
) -> None:
    while not is_over():
        try:
            item = waiting.get_nowait()
        except Empty:
            return
        try:
            outcome = item, work(item), None
        except BaseException as error:  # noqa: BLE001 - it is raised where the results are used
            outcome = item, None, error
        done.put(outcome)


def _first(done: Queue[_Outcome], interrupt: Interrupt) -> _Outcome | None:
    """The first of a queue, or None if there is none soon. After an interrupt, none is waited for."""
    try:
        return done.get_nowait() if interrupt.happened else done.get(timeout=_INTERVAL)
    except Empty:
        return None
