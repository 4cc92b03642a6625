"""Ctrl-C during long work."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


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
