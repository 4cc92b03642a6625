"""The commands of the Pulumi CLI that the Automation API runs in this process, with their times."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any
from unittest.mock import patch

from pulumi.automation import PulumiCommand


@contextmanager
def command_seconds() -> Iterator[Counter[str]]:
    """Add up the seconds of each command by its name: ``{"up": 0.7, "stack output": 0.3}``."""
    seconds: Counter[str] = Counter()
    run = PulumiCommand.run

    def timed_run(self: PulumiCommand, args: list[str], *rest: Any, **options: Any) -> Any:
        name = " ".join(takewhile(lambda arg: not arg.startswith("-"), args))
        start = time.perf_counter()
        result = run(self, args, *rest, **options)
        seconds[name] += time.perf_counter() - start
        return result

    with patch.object(PulumiCommand, "run", timed_run):
        yield seconds
