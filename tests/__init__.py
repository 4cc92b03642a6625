"""The tests. Tests that need more than requirements.txt are skipped without it, but never in CI."""

import cProfile
import importlib
import json
import os
import shutil
import signal
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
IN_CI = os.environ.get("CI") == "true"


def require(module: str) -> Any:
    """Import a module that is not in requirements.txt. Without it, the whole test module is skipped with the reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # parliament leaves files open when it is imported
            return importlib.import_module(module)
    except ImportError as error:
        if IN_CI:
            raise
        reason = f"needs {error.name} of requirements-dev.txt, which `make setup` installs"
        return pytest.skip(reason, allow_module_level=True)


def copy_repository(folder: Path) -> None:
    """Copy what git tracks, and new files that it does not ignore, to a folder."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True)
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():  # a deleted file is listed until the deletion is committed
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def config_text(value: Any) -> str:
    """A config value as the CLI passes it to a program."""
    return value if isinstance(value, str) else json.dumps(value)


def stack_config(stack: str) -> dict[str, Any]:
    """The config of a stack's file."""
    return yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]


@contextmanager
def bounded(seconds: int = 300) -> Iterator[None]:
    """Ends a test that would otherwise run for ever. It says nothing about speed: machines differ."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"not done after {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def count_calls(function: Callable[[], Any]) -> int:
    """The number of calls of Python functions that a call makes."""
    profile = cProfile.Profile()
    profile.runcall(function)
    return sum(entry.callcount for entry in profile.getstats())
