"""Finding or getting the Pulumi CLI: on PATH, kept from before, the vendor's installer, or a build with Go."""

import fcntl
import os
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
from semver import VersionInfo

from . import SandboxError

MODULE = Path(__file__).parent / "pulumi-cli"
PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
VERSION = re.search(r"github.com/pulumi/pulumi/pkg/v3 v(\S+)", (MODULE / "go.mod").read_text())[1]  # type: ignore[index]
INSTALLER = "https://get.pulumi.com/install.sh"


def cache_directory() -> Path:
    """Where this project keeps what is costly to make, for this user.

    Raises:
        SandboxError: If there is no such directory and it cannot be made.
    """
    directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ssm-profile"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxError(f"cannot write to {directory}: {error.strerror}: set XDG_CACHE_HOME to another") from error
    return directory


def find_pulumi(console: Console, *, get: bool = True) -> PulumiCommand:
    """The first usable Pulumi CLI: the one on PATH, one got before, or one that is got now.

    Args:
        console: Where to say what takes time.
        get: Whether to get one where there is none.

    Raises:
        SandboxError: If there is none and none can be got. The text lists the three ways and what each needs.
    """
    kept = cache_directory() / f"pulumi-{VERSION}"
    reasons = []
    if shutil.which("pulumi"):
        try:
            return PulumiCommand()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, another way may work
            reasons.append(f"on PATH: {shutil.which('pulumi')} cannot be used: {error}")
    else:
        reasons.append("on PATH: there is no `pulumi`")
    with _locked(kept, console):
        if not (kept / "bin" / "pulumi").exists():
            for name, way in _WAYS.items() if get else ():
                try:
                    _get(way, kept, console)
                    break
                except (OSError, subprocess.SubprocessError, InvalidVersionError) as error:
                    reasons.append(f"{name}: {error}")
            else:
                raise SandboxError("\n  ".join([_THREE_WAYS, *reasons]))
    return PulumiCommand(root=str(kept))


_THREE_WAYS = f"""There is no Pulumi CLI, and none could be got. Any one of these is enough:
  1. `pulumi` on PATH: install it as https://www.pulumi.com/docs/install says.
  2. access to get.pulumi.com: the vendor's installer is then run, into the cache of this project.
  3. Go 1.25 or newer, and access to a Go module proxy: version {VERSION} is then built, which takes minutes, once.
What was tried:"""


@contextmanager
def _locked(kept: Path, console: Console) -> Iterator[None]:
    """Hold the lock under which the CLI is got; it ends with this process, even if that is killed."""
    with kept.with_name(f"{kept.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("Waiting for another run, which is getting the Pulumi CLI.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _get(way: Callable[[Path, Console], None], kept: Path, console: Console) -> None:
    """Get the CLI into a directory beside its place, and move it there only when it is whole and runs."""
    for left in kept.parent.glob(f"{kept.name}.part-*"):  # by an interrupted run: the lock is ours
        shutil.rmtree(left)
    part = Path(tempfile.mkdtemp(prefix=f"{kept.name}.part-", dir=kept.parent))
    try:
        way(part, console)
        PulumiCommand(root=str(part))
        part.rename(kept)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _install(root: Path, console: Console) -> None:
    """Run the vendor's installer."""
    urlopen(INSTALLER, timeout=5).close()  # the installer itself would wait for ever
    console.print(f"Getting the Pulumi CLI {VERSION} with the vendor's installer, once.")
    PulumiCommand.install(root=str(root), version=VersionInfo.parse(VERSION))


def _build(root: Path, console: Console) -> None:
    """Build the CLI with Go, as go.mod and go.sum pin it, and show how far it is."""
    if not shutil.which("go"):
        raise FileNotFoundError("there is no `go` on PATH")
    console.print(
        f"There is no Pulumi CLI here, so version {VERSION} is built with Go. This takes about 5 minutes on 2 cores, "
        f"once; the result is kept in {cache_directory()}."
    )
    with console.status("Fetching its modules"):
        listed = _go("list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", PACKAGE)
    to_build = [line for line in listed if not line.startswith("go: ")]  # Go also tells what it downloads
    flags = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={VERSION}"
    columns = (TextColumn("Building"), BarColumn(), MofNCompleteColumn(), TextColumn("packages"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("build", total=len(to_build))
        command = ("build", "-v", "-buildvcs=false", "-ldflags", flags, "-o", str(root / "bin" / "pulumi"), PACKAGE)
        _go(*command, on_line=lambda: progress.advance(task))


def _go(*arguments: str, on_line: Callable[[], None] = lambda: None) -> list[str]:
    """Run Go in the pinned module and give the lines that it printed."""
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
            os.killpg(go.pid, signal.SIGKILL)  # with its compilers, which would go on otherwise
            raise
    if go.returncode:
        raise OSError(f"`go {arguments[0]}` failed: " + "\n    ".join(lines[-5:]))
    return lines


_WAYS: dict[str, Callable[[Path, Console], None]] = {"the vendor's installer": _install, "a build with Go": _build}
