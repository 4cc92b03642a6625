"""Shows on standard error how far long work is."""

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import Any, Self, TypeVar

from ssm_profile.cli.report import count_of

_Judged = TypeVar("_Judged")

_DELAY = 0.5
"""Roles that are judged in this time are not shown, in seconds."""
_INTERVAL = 0.1
"""The time between two numbers of roles, in seconds."""

_WITHOUT_LINES = ("dumb", "unknown")
"""Terminals that cannot clear a line."""
_STANDARD_ERROR = 2
_CLEAR = b"\r\x1b[2K\x1b[?25h"
"""Clears the line, and shows the cursor, which a progress bar hides."""


class Progress:
    """One line, which disappears at the end. Use it in a ``with`` statement.

    It shows nothing if standard error is not a terminal.
    """

    def __init__(self) -> None:
        self._is_shown = False
        self._bar: Any = None
        self._accounts = self._read = self._judged = 0
        self._done = ""
        self._next = monotonic() + _DELAY
        self._before: Any = None

    def __enter__(self) -> Self:
        # A process without standard error has None here.
        if sys.stderr is not None and sys.stderr.isatty():  # pyright: ignore[reportUnnecessaryComparison]
            self._is_shown = os.environ.get("TERM", "").lower() not in _WITHOUT_LINES
        if self._is_shown:
            self._before = signal.signal(signal.SIGINT, self._end)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()
        if self._is_shown:
            signal.signal(signal.SIGINT, self._before)

    def begin_accounts(self, count: int, done: str = "read") -> None:
        """Show how many accounts are to be read, or what else is to be done. This takes a while."""
        self._accounts, self._read, self._done = count, 0, done
        self._show()

    def account_read(self) -> None:
        """Count an account of which this is done, or that cannot be read."""
        self._read += 1
        self._show()

    def judged(self, roles: Iterable[_Judged]) -> Iterator[_Judged]:
        """Count roles as they are judged."""
        for each in roles:
            self._judged += 1
            if monotonic() > self._next:
                self._show()
            yield each

    def _show(self) -> None:
        if not self._is_shown:
            return
        read = f"{self._read:,} of {count_of(self._accounts, 'account')} {self._done}, " if self._accounts else ""
        text = f"{read}{count_of(self._judged, 'role')} judged"
        if self._bar:
            self._bar.update(self._task, description=text, total=self._accounts, completed=self._read, refresh=True)
        else:
            self._start(text)
        self._next = monotonic() + _INTERVAL

    def _start(self, text: str) -> None:
        from rich.console import Console  # noqa: PLC0415 - a pipe does not need it
        from rich.progress import BarColumn, TextColumn  # noqa: PLC0415
        from rich.progress import Progress as Bar  # noqa: PLC0415

        columns = (TextColumn("{task.description}"), *([BarColumn(30)] if self._accounts else []))
        console = Console(stderr=True)
        # No thread refreshes it: a process with threads cannot be forked.
        self._bar = Bar(*columns, console=console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._task = self._bar.add_task(text, total=self._accounts, completed=self._read)
        self._bar.start()

    def _end(self, *_: object) -> None:
        """End by Ctrl-C as without a progress bar."""
        os.write(_STANDARD_ERROR, _CLEAR)
        signal.signal(signal.SIGINT, self._before)
        signal.raise_signal(signal.SIGINT)
