"""Runs a command and measures it, the processes that it starts included."""

import resource
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_PAUSE = 0.05
_PAGE_BYTES = resource.getpagesize()


def measured(command: Sequence[str], output: Path, *, allowed: Sequence[int] = (0,)) -> dict[str, Any]:
    """Run a command.

    Args:
        command: The command.
        output: The file that its standard output and error go to.
        allowed: The exit codes that it may have.

    Returns:
        The seconds, the seconds of all processors, and the largest resident memory of all its processes together in MB.
        Memory that they share counts once for each of them.

    Raises:
        RuntimeError: If it ends with another exit code.
    """
    before, start, most = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0
    with output.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        while process.poll() is None:
            most = max(most, sum(map(_resident, _with_children(process.pid))))
            time.sleep(_PAUSE)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode not in allowed:
        raise RuntimeError(f"`{' '.join(command)}` failed:\n{output.read_text()[-2000:]}")
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "processor": processor, "peak_mb": most / 1e6}


def _with_children(process: int) -> list[int]:
    found = [process]
    try:
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in (thread / "children").read_text().split():
                found += _with_children(int(child))
    except OSError:  # it has ended
        pass
    return found


def _resident(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):  # it has ended
        return 0
