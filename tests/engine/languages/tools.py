"""Pulumi's generators of SDKs and programs, and its YAML language host: built once with Go and kept in the cache.

`python -m tests.engine.languages.tools` builds them. Without Go the tests of other languages are skipped.
"""

import hashlib
import shutil
from pathlib import Path

from rich.console import Console

from sandbox import SandboxError
from sandbox.go_build import build, cache_directory, install_into, locked

MODULE = Path(__file__).parent / "generator"
YAML_HOST = "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"


def tools_directory():
    """The directory for the tools. Its name changes with their sources and versions."""
    sources = b"".join((MODULE / name).read_bytes() for name in ("go.mod", "go.sum", "main.go"))
    return cache_directory() / f"languages-{hashlib.sha256(sources).hexdigest()[:8]}"


def build_tools(console):
    """Build the tools unless the cache has them.

    Raises:
        OSError: If Go is missing or fails.
    """
    directory = tools_directory()
    with locked(directory, "the tools for other languages", console):
        if not directory.exists():
            console.print(
                "Building Pulumi's generators of SDKs and its YAML language host with Go, for the tests of other "
                f"languages. This happens once and takes about 5 minutes on 2 cores. The result is kept in {directory}",
                soft_wrap=True,
            )
            install_into(directory, lambda part: _build_into(part, console))


def _build_into(part, console):
    build(MODULE, ".", part / "generate", console)
    build(MODULE, YAML_HOST, part / "pulumi-language-yaml", console)


if __name__ == "__main__":
    skipped = "the tests of other languages than Python are skipped, and fail in CI."
    if shutil.which("go"):
        try:
            build_tools(Console())
        except (OSError, SandboxError) as error:
            Console().print(f"{error}\nThe tools for other languages cannot be built: {skipped}", markup=False)
    else:
        Console().print(f"Go is not on PATH: {skipped}")
