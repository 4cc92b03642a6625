"""Find the Pulumi CLI on PATH or in the cache; if there is none, download it or build it with Go."""

import hashlib
import platform
import re
import shutil
import subprocess
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from pulumi.automation import InvalidVersionError, PulumiCommand
from rich.console import Console

from . import SandboxError
from .go_build import build, cache_directory, install_into, locked

MODULE = Path(__file__).parent / "pulumi-cli"
PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
VERSION = re.search(r"github.com/pulumi/pulumi/pkg/v3 v(\S+)", (MODULE / "go.mod").read_text())[1]  # type: ignore[index]
ARCHIVES = "https://get.pulumi.com/releases/sdk"
CHECKSUMS = f"https://github.com/pulumi/pulumi/releases/download/v{VERSION}/pulumi-{VERSION}-checksums.txt"


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
    with locked(directory, "the Pulumi CLI", console):
        if not (directory / "bin" / "pulumi").exists():
            for name, installer in _INSTALLERS.items() if install else ():
                try:
                    install_into(directory, lambda part, install=installer: _install(part, install, console))
                    break
                except (OSError, HTTPException, ValueError, subprocess.SubprocessError, InvalidVersionError) as error:
                    failures.append(f"{name}: {error}")
            else:
                raise SandboxError("\n  ".join([_INSTRUCTIONS, *failures]))
    try:
        return PulumiCommand(root=str(directory))
    except Exception as error:
        raise SandboxError(
            f"The Pulumi CLI in {directory} does not work ({error}). Delete this directory, and run the command again."
        ) from error


_INSTRUCTIONS = f"""There is no Pulumi CLI. Provide one in any of these ways, and run the command again:
  1. Install the Pulumi CLI (https://www.pulumi.com/docs/install/), so that `pulumi` is on PATH.
  2. Allow access to get.pulumi.com and github.com: the sandbox then downloads Pulumi {VERSION} and checks its checksum.
  3. Install Go 1.25 or newer, and allow access to a Go module proxy: the sandbox then builds Pulumi {VERSION} once,
     which takes minutes.
The sandbox tried:"""


def _install(part: Path, installer: Callable[[Path, Console], None], console: Console) -> None:
    """Install the CLI into a directory, and run it once."""
    installer(part, console)
    PulumiCommand(root=str(part))


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
    """Build the CLI with Go, in the version that go.mod and go.sum pin."""
    if shutil.which("go"):
        console.print(
            f"Building Pulumi {VERSION} with Go, because no Pulumi CLI is installed. This happens once and takes about "
            f"5 minutes on 2 cores. The result is kept in {cache_directory()}",
            soft_wrap=True,
        )
    flags = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={VERSION}"
    build(MODULE, PACKAGE, root / "bin" / "pulumi", console, flags)


_INSTALLERS: dict[str, Callable[[Path, Console], None]] = {"download": _download, "build with Go": _build}
