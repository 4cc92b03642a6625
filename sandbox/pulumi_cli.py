"""Find the Pulumi CLI on PATH or in the cache; if there is none, download it or build it with Go."""

import fcntl
import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from pulumi.automation import InvalidVersionError, PulumiCommand
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from . import SandboxError

MODULE = Path(__file__).parent / "pulumi-cli"
PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
VERSION = re.search(r"github.com/pulumi/pulumi/pkg/v3 v(\S+)", (MODULE / "go.mod").read_text())[1]  # type: ignore[index]
ARCHIVES = "https://get.pulumi.com/releases/sdk"
CHECKSUMS = f"https://github.com/pulumi/pulumi/releases/download/v{VERSION}/pulumi-{VERSION}-checksums.txt"


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


def find_pulumi(console: Console, *, install: bool = True) -> PulumiCommand:
    """Find the Pulumi CLI: on PATH, then in the cache; then install it into the cache.

    Args:
        console: Where to print what takes time.
        install: Whether to install it if there is none.

    Raises:
        SandboxError: If there is none and it cannot be installed. The message lists the ways to provide one.
    """
    directory = cache_directory() / f"pulumi-{VERSION}"
    failures = []
    if on_path := shutil.which("pulumi"):
        try:
            return PulumiCommand()
        except Exception as error:  # noqa: BLE001 - whatever the reason, another CLI may work
            failures.append(f"`pulumi` on PATH: {on_path} does not work: {error}")
    else:
        failures.append("`pulumi` on PATH: not found")
    with _locked(directory, console):
        if not (directory / "bin" / "pulumi").exists():
            for name, installer in _INSTALLERS.items() if install else ():
                try:
                    _install_into(directory, installer, console)
                    break
                except (OSError, subprocess.SubprocessError, InvalidVersionError) as error:
                    failures.append(f"{name}: {error}")
            else:
                raise SandboxError("\n  ".join([_INSTRUCTIONS, *failures]))
    return PulumiCommand(root=str(directory))


_INSTRUCTIONS = f"""There is no Pulumi CLI. Provide one in any of these ways, and run the command again:
  1. Install the Pulumi CLI (https://www.pulumi.com/docs/install/), so that `pulumi` is on PATH.
  2. Allow access to get.pulumi.com and github.com: the sandbox then downloads Pulumi {VERSION} and checks its checksum.
  3. Install Go 1.25 or newer, and allow access to a Go module proxy: the sandbox then builds Pulumi {VERSION} once,
     which takes minutes.
The sandbox tried:"""


@contextmanager
def _locked(directory: Path, console: Console) -> Iterator[None]:
    """Hold the lock for installing into a directory. The system releases it when this process ends or is killed."""
    with directory.with_name(f"{directory.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("Waiting for another run, which is installing the Pulumi CLI.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install_into(directory: Path, installer: Callable[[Path, Console], None], console: Console) -> None:
    """Install the CLI into a temporary directory, and rename that when the CLI is complete and runs."""
    for leftover in directory.parent.glob(f"{directory.name}.part-*"):  # of an interrupted run: this one has the lock
        shutil.rmtree(leftover)
    part = Path(tempfile.mkdtemp(prefix=f"{directory.name}.part-", dir=directory.parent))
    try:
        installer(part, console)
        PulumiCommand(root=str(part))
        part.rename(directory)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _download(root: Path, console: Console) -> None:
    """Download the CLI, compare it with the published checksum, and only then unpack it.

    The checksums come from another host than the archive, so that one changed host is not enough.
    """
    processor = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    name = f"pulumi-v{VERSION}-{platform.system().lower()}-{processor}.tar.gz"
    with urlopen(CHECKSUMS, timeout=5) as response:
        published = re.search(rf"^([0-9a-f]{{64}})\s+{re.escape(name)}$", response.read().decode(), re.MULTILINE)
    if not published:
        raise OSError(f"{CHECKSUMS} has no checksum of {name}")
    console.print(f"Downloading Pulumi {VERSION}. This happens once.")
    archive = root / name
    url = f"{ARCHIVES}/{name}"
    with urlopen(url, timeout=30) as response, archive.open("wb") as file:  # noqa: S310 - ARCHIVES is a constant
        shutil.copyfileobj(response, file)
    with archive.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    if checksum != published[1]:
        raise OSError(f"{url} has the SHA-256 checksum {checksum}, and the published one is {published[1]}")
    subprocess.run(["tar", "-xzf", archive, "-C", root], check=True, capture_output=True)
    archive.unlink()
    (root / "pulumi").rename(root / "bin")


def _build(root: Path, console: Console) -> None:
    """Build the CLI with Go, in the version that go.mod and go.sum pin, and show the progress."""
    if not shutil.which("go"):
        raise FileNotFoundError("`go` is not on PATH")
    console.print(
        f"Building Pulumi {VERSION} with Go, because no Pulumi CLI is installed. This happens once and takes about "
        f"5 minutes on 2 cores. The result is kept in {cache_directory()}",
        soft_wrap=True,
    )
    with console.status("Downloading Go modules"):
        output = _go("list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", PACKAGE)
    packages = [line for line in output if not line.startswith("go: ")]  # Go prints its downloads with this prefix
    flags = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={VERSION}"
    columns = (TextColumn("Building"), BarColumn(), MofNCompleteColumn(), TextColumn("packages"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("build", total=len(packages))
        command = ("build", "-v", "-buildvcs=false", "-ldflags", flags, "-o", str(root / "bin" / "pulumi"), PACKAGE)
        _go(*command, on_line=lambda: progress.advance(task))


def _go(*arguments: str, on_line: Callable[[], None] = lambda: None) -> list[str]:
    """Run Go in the directory of go.mod and return its output as lines."""
    environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    lines = []
    with subprocess.Popen(
        ["go", *arguments],
        cwd=MODULE,
        env=environment,
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


_INSTALLERS: dict[str, Callable[[Path, Console], None]] = {"download": _download, "build with Go": _build}
