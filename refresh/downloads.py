"""Downloads packages and pages. Reads packages as data: no code of a package runs."""

import json
import subprocess
import sys
import tarfile
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.request import urlopen
from zipfile import ZipFile

from .source import Package, UnreachableError

_TIMEOUT = 300
"""How many seconds a download may take."""


class Registries:
    """The package registries and AWS's pages. Implements :class:`refresh.source.Downloads`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def wheel(self, name: str, pattern: str) -> Package:
        """The newest wheel of a Python package, with the files that a pattern matches."""
        options = ("--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(self._folder))
        _run(name, sys.executable, "-m", "pip", "download", *options, name)
        (file,) = self._folder.glob(f"{name}-*.whl")
        with ZipFile(file) as archive:
            matching = [path for path in archive.namelist() if fnmatchcase(path, pattern)]
            files = {path: archive.read(path).decode() for path in matching}
        return Package(name, file.name.split("-")[1], files)

    def npm(self, name: str, pattern: str) -> Package:
        """The newest release of an npm package, with the files that a pattern matches."""
        (packed,) = json.loads(_run(name, "npm", "pack", "--json", "--pack-destination", str(self._folder), name))
        files: dict[str, str] = {}
        with tarfile.open(self._folder / packed["filename"]) as archive:
            for member in archive:
                path = member.name.removeprefix("package/")
                if fnmatchcase(path, pattern) and (content := archive.extractfile(member)):
                    files[path] = content.read().decode()
        return Package(name, packed["version"], files)

    def page(self, url: str) -> str:
        """The text of a page."""
        try:
            with urlopen(url, timeout=_TIMEOUT) as response:  # noqa: S310 - the sources define the URL
                return response.read().decode()
        except OSError as error:
            raise UnreachableError(f"{url} cannot be read: {error}.") from error


def _run(name: str, *command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=True)  # noqa: S603
    except FileNotFoundError as error:
        raise UnreachableError(f"{name} cannot be downloaded: {command[0]} is not installed.") from error
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f"{name} cannot be downloaded: no answer in {_TIMEOUT} seconds.") from error
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["no message"])[-1]
        raise UnreachableError(f"{name} cannot be downloaded: {reason}") from error
    return done.stdout
