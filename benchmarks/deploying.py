"""``python -m benchmarks.deploying WAY COUNT``: deploys in the sandbox; prints times and peak memory as JSON.

With ``--no-checkpoints`` the engine writes its state once, at the end, and not for each step.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from sandbox.pulumi_cli import find_pulumi
from sandbox.workspace import Sandbox

from .marks import MARKS, read_marks
from .memory import peak_memory, peaks_of_others
from .watching import mark_provider, watched

NO_CHECKPOINTS = "--no-checkpoints"
SKIPPING = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}

PROGRAM = """\
from benchmarks.registering import PROGRAMS

for number in range({count}):
    PROGRAMS[{way!r}](f"p{{number}}")
"""


def main(way: str, count: int, *flags: str) -> None:
    """Deploy a number of profiles in one way."""
    pulumi = find_pulumi(Console(stderr=True))
    with (
        peaks_of_others() as peaks,
        watched() as watch,
        tempfile.TemporaryDirectory() as directory,
        Sandbox(pulumi) as sandbox,
    ):
        if NO_CHECKPOINTS in flags:
            sandbox.environment |= SKIPPING
        mark_provider(sandbox)
        project = Path(directory)
        (project / "Pulumi.yaml").write_text("name: bench\nruntime: python\n")
        (project / "__main__.py").write_text(PROGRAM.format(way=way, count=count))
        sandbox.stack("bench", project, {"aws:region": "eu-central-1"}).up()
        up = watch.command("up")
        calls = [call for call in watch.calls if up.at <= call.at <= up.until]
        moto = sum(call.cpu for call in calls)
        marks = [mark for mark in read_marks(Path(os.environ[MARKS])) if mark["event"] == "created"]
        provider = marks[-1]["cpu"]
    result = {
        "seconds": up.seconds,
        "cpu": {"engine": up.cpu - provider, "provider": provider, "moto": moto, "program": up.own_cpu - moto},
        "calls": len(calls),
        "waited_for": watch.waited_for,
        "peak": {"engine": peaks["pulumi"], "provider": marks[-1]["peak"], "program": peak_memory()},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
