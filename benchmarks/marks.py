"""Moments of a run, kept in one file by every process that takes part in it."""

import json
import os
import time
from pathlib import Path
from typing import Any

MARKS = "SSM_PROFILE_BENCH_MARKS"
"""The environment variable with the path of the file."""


def mark(event: str, **details: Any) -> None:
    """Add a moment, which is now: a line of the file, as JSON.

    Args:
        event: What happens.
        details: What else to keep of it.
    """
    line = json.dumps({"event": event, "at": time.time(), **details})
    with Path(os.environ[MARKS]).open("a") as file:
        file.write(f"{line}\n")


def read_marks(path: Path) -> list[dict[str, Any]]:
    """All moments, in the order in which they came: ``[{"event": "spawned", "at": <seconds since 1970>}, ...]``."""
    return [json.loads(line) for line in path.read_text().splitlines()]
