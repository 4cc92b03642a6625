"""Find the Pulumi CLI on PATH or in the cache; if there is none, run Pulumi's installer or build it with Go."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from pulumi.automation import InvalidVersionError, PulumiCommand
from rich.console import Console
from semver import VersionInfo

from . import SandboxError
from .go_build import build, cache_directory, install_into, locked

MODULE = Path(__file__).parent / "pulumi-cli"
PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
VERSION = re.search(r"github.com/pulumi/pulumi/pkg/v3 v(\S+)", (MODULE / "go.mod").read_text())[1]  # type: ignore[index]
INSTALLER = "https://get.pulumi.com/install.sh"


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
                except (OSError, subprocess.SubprocessError, InvalidVersionError) as error:
                    failures.append(f"{name}: {error}")
            else:
                raise SandboxError("\n  ".join([_INSTRUCTIONS, *failures]))
    return PulumiCommand(root=str(directory))


_INSTRUCTIONS = f"""There is no Pulumi CLI. Provide one in any of these ways, and run the command again:
  1. Install the Pulumi CLI (https://www.pulumi.com/docs/install/), so that `pulumi` is on PATH.
  2. Allow access to get.pulumi.com: the sandbox then runs Pulumi's installer, into its own cache.
  3. Install Go 1.25 or newer, and allow access to a Go module proxy: the sandbox then builds Pulumi {VERSION} once,
     which takes minutes.
The sandbox tried:"""


def _install(part: Path, installer: Callable[[Path, Console], None], console: Console) -> None:
    """Install the CLI into a directory, and run it once."""
    installer(part, console)
    PulumiCommand(root=str(part))


def _download(root: Path, console: Console) -> None:
    """Run Pulumi's installer."""
    urlopen(INSTALLER, timeout=5).close()  # the installer itself has no timeout
    console.print(f"Downloading Pulumi {VERSION} with Pulumi's installer. This happens once.")
    PulumiCommand.install(root=str(root), version=VersionInfo.parse(VERSION))


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


_INSTALLERS: dict[str, Callable[[Path, Console], None]] = {"Pulumi's installer": _download, "build with Go": _build}
