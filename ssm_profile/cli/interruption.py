"""Ctrl-C during long work."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread


class Interrupt:
    """Whether the user has pressed Ctrl-C."""

    happened = False


@contextmanager
def noticed_interrupt() -> Iterator[Interrupt]:
    """Note the first Ctrl-C, so that what was done can be printed. The second one ends the command.

    A KeyboardInterrupt ends it as Ctrl-C does otherwise.
    """
    interrupt = Interrupt()

    def note(*_: object) -> None:
        interrupt.happened = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield interrupt
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, before)
        signal.raise_signal(signal.SIGINT)
        raise
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def ignored_interrupt() -> Iterator[None]:
    """Start processes that Ctrl-C does not end. The terminal sends it to them, too."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def interruptible() -> Iterator[None]:
    """Make Ctrl-C an exception. Elsewhere, it ends the command at once."""
    if current_thread() is not main_thread():  # only the main thread gets signals
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
