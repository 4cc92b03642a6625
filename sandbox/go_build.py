"""Build a program with Go, in the versions that a go.mod and a go.sum pin, and keep it in the user's cache."""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from . import SandboxError

ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
"""The environment variables with which this project runs Go. With the same ones, builds share their parts."""


def cache_directory() -> Path:
    """Return the directory of this project in the user's cache, and create it if needed.

    Raises:
        SandboxError: If it cannot be created.
    """
    try:
        directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ssm-profile"
    except RuntimeError as error:  # without HOME, for a user that the system does not know
        raise SandboxError("There is no home directory. Set HOME, or XDG_CACHE_HOME for the cache.") from error
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxError(
            f"Cannot create {directory}: {error.strerror}. Set XDG_CACHE_HOME to a directory that you can write to."
        ) from error
    return directory


@contextmanager
def locked(directory: Path, name: str, console: Console) -> Iterator[None]:
    """Hold the lock for installing into a directory. The system releases it when this process ends or is killed.

    Args:
        directory: The directory, which need not exist.
        name: What is installed into it, for the message of a run that waits.
        console: Where to print that message.
    """
    with directory.with_name(f"{directory.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print(f"Waiting for another run, which is installing {name}.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install_into(directory: Path, install: Callable[[Path], None]) -> None:
    """Install something into a temporary directory, and rename that when it is complete. The caller has the lock."""
    for leftover in directory.parent.glob(f"{directory.name}.part-*"):  # of an interrupted run
        shutil.rmtree(leftover)
    part = Path(tempfile.mkdtemp(prefix=f"{directory.name}.part-", dir=directory.parent))
    try:
        install(part)
        part.rename(directory)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def build(module: Path, package: str, program: Path, console: Console, flags: str = "-s -w") -> None:
    """Build a program, and show the progress.

    Args:
        module: The directory of go.mod.
        package: The package of the program.
        program: The file to write.
        console: Where to show the progress.
        flags: The flags of the linker.

    Raises:
        OSError: If Go is missing or fails. The message has the end of its output.
    """
    if not shutil.which("go"):
        raise FileNotFoundError("`go` is not on PATH")
    with console.status("Downloading Go modules"):
        output = _go(module, "list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", package)
    packages = [line for line in output if not line.startswith("go: ")]  # Go prints its downloads with this prefix
    columns = (TextColumn("Building"), BarColumn(), MofNCompleteColumn(), TextColumn("packages"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("build", total=len(packages))
        command = ("build", "-v", "-buildvcs=false", "-ldflags", flags, "-o", str(program), package)
        _go(module, *command, on_line=lambda: progress.advance(task))


def _go(module: Path, *arguments: str, on_line: Callable[[], None] = lambda: None) -> list[str]:
    """Run Go in the directory of go.mod and return its output as lines."""
    lines = []
    with subprocess.Popen(
        ["go", *arguments],
        cwd=module,
        env=os.environ | ENVIRONMENT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as go:
        try:
            for line in go.stdout or ():
                lines.append(line.rstrip())
                on_line()
        except BaseException:
            os.killpg(go.pid, signal.SIGKILL)  # with its compilers, which continue otherwise
            raise
    if go.returncode:
        raise OSError(f"`go {arguments[0]}` failed: " + "\n    ".join(lines[-5:]))
    return lines
