"""Peak memory of processes, by Linux's own count; what ``getrusage`` tells of a child begins with its parent's size."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

INTERVAL = 0.2
"""Seconds between two looks at the processes that are watched."""


def peak_memory(pid: int | str = "self") -> float:
    """The most memory that a process has had so far, in MB; 0 where there is no such process."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    peak = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return int(peak.split()[1]) / 1024 if peak else 0.0  # one that is ending has no memory any more


@contextmanager
def peaks_of_others() -> Iterator[dict[str, float]]:
    """Watch all processes that this one starts, and theirs.

    Yields:
        The peak of the largest process of each program, in MB, by the program's name: ``{"pulumi": 110.5}``.
    """
    peaks: dict[str, float] = {}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(INTERVAL):
            for pid in _descendants(os.getpid()):
                if name := _program(pid):
                    peaks[name] = max(peaks.get(name, 0.0), peak_memory(pid))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def _descendants(pid: int) -> Iterator[int]:
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in map(int, found.split()):
            yield child
            yield from _descendants(child)


def _program(pid: int) -> str:
    """The name of the program that a process runs, or nothing where there is no such process."""
    try:
        return Path(f"/proc/{pid}/exe").readlink().name
    except OSError:
        return ""
