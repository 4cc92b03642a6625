"""How long the tests take, and which of them longest."""

import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from sandbox.workspace import ROOT

TARGETS = ("test", "test-unit")
SLOWEST = 10
OUTER_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")
"""What tells a make within `make bench` of the arguments of the outer one."""


def run(target: str) -> dict[str, Any]:
    """Run one of make's targets, and give what pytest reports of it.

    Args:
        target: One of :data:`TARGETS`.
    """
    environment = {name: value for name, value in os.environ.items() if name not in OUTER_MAKE}
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.xml"
        command = ["make", "--no-print-directory", target, f"ARGS=--quiet --junitxml={report}"]
        started = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
        seconds = time.perf_counter() - started
        if not report.exists():
            raise RuntimeError(f"`make {target}` has run no tests:\n{done.stdout}{done.stderr}")
        return {"seconds": seconds, **report_of(report.read_text())}


def report_of(xml: str) -> dict[str, Any]:
    """How many tests there were, what became of them, and the slowest ones with their set-up.

    Args:
        xml: A report of pytest, in JUnit's form.
    """
    suite = ET.fromstring(xml)[0]  # noqa: S314 - pytest has just written it
    counts = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
    cases = sorted(suite.iter("testcase"), key=lambda case: float(case.get("time", 0)), reverse=True)
    slowest = [{"test": _name(case), "seconds": float(case.get("time", 0))} for case in cases[:SLOWEST]]
    return {**counts, "together": sum(float(case.get("time", 0)) for case in cases), "slowest": slowest}


def _name(case: ET.Element) -> str:
    """``engine/test_launch.py::test_it_launches``."""
    folders = case.get("classname", "").removeprefix("tests.").split(".")
    return f"{'/'.join(folders)}.py::{case.get('name')}"
