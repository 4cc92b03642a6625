"""The folder of ``--resume``, which has a file for each account that was read."""

import gzip
import json
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ssm_profile.errors import InputError

from .files import read_files
from .instances import AccountInstances, Instance
from .members import Found, Problem

_FOR_ALL = "isForAllRegions"
"""Whether a file has the instances of all Regions that its account has enabled."""


class Folder:
    """The folder. `fleet` reads it as a source, too. Several threads can use it."""

    def __init__(self, path: str) -> None:
        """Create the folder if there is none. It has the policies of a company, so that only its owner can read it.

        Raises:
            InputError: If it cannot be created, or if files cannot be written to it.
        """
        if not path:
            raise InputError("--resume: The name of the folder is empty. Pass a folder.")
        self._path = path
        try:
            Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=path).close()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise InputError(f"--resume: {path} cannot be written to: {reason}. Pass another folder.") from None

    def __str__(self) -> str:
        return self._path

    def path(self, account: str) -> Path:
        """The file of an account."""
        return Path(self._path, f"{account}.json.gz")

    def _instances_path(self, account: str) -> Path:
        """The file of the instances of an account. Its name has no ending that is read in a folder."""
        return Path(self._path, f"{account}.instances.gz")

    def oldest(self, accounts: Iterable[str]) -> date | None:
        """The day on which the oldest file of accounts was written, in UTC. None if they have no files."""
        times = list[float]()
        for account in accounts:
            with suppress(OSError):
                times.append(self.path(account).stat().st_mtime)
        return datetime.fromtimestamp(min(times), UTC).date() if times else None

    def read(self, account: str) -> Iterator[Found]:
        """The roles in the file of an account.

        Raises:
            InputError: If it cannot be read.
        """
        path = str(self.path(account))
        for each in read_files([path]):
            if isinstance(each, Problem):
                more = " If you delete the file, the command reads the account." if each.place == path else ""
                yield Problem(each.place, f"{each.reason}{more}")
            elif each.account not in ("", account):
                raise InputError(
                    f"{path} has roles of account {each.account}. Delete the file, or give it the name of its account."
                )
            else:
                yield each

    def read_instances(self, account: str, regions: AbstractSet[str]) -> AccountInstances | None:
        """The instances in the file of an account.

        Args:
            account: The ID of the account.
            regions: The Regions. Empty for all that the account has enabled.

        Returns:
            None if there is no file of the instances in these Regions.
        """
        try:
            content = json.loads(gzip.decompress(self._instances_path(account).read_bytes()))
            if not (regions <= set(content["regions"]) if regions else content[_FOR_ALL] is True):
                return None
            found = tuple(Instance(**each) for each in content["instances"])
        except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError):
            return None  # the account is read again, and its file is replaced
        wanted = tuple(sorted(regions or content["regions"]))
        return AccountInstances(account, wanted, tuple(each for each in found if each.region in wanted))

    def save(
        self,
        account: str,
        details: Mapping[str, Any],
        instances: AccountInstances | None = None,
        *,
        is_for_all_regions: bool = False,
    ) -> None:
        """Write the files of an account. Each is there as a whole or not at all.

        Args:
            account: The ID of the account.
            details: What `aws iam get-account-authorization-details` prints.
            instances: The instances. They are written if all are known. Those of an older file are deleted.
            is_for_all_regions: Whether they are those of all Regions that the account has enabled.

        Raises:
            OSError: If they cannot be written.
        """
        path = self._instances_path(account)
        path.unlink(missing_ok=True)
        self._write(self.path(account), details)
        if instances and not instances.problems:
            listed = [asdict(each) for each in instances.found]
            self._write(path, {"regions": instances.regions, _FOR_ALL: is_for_all_regions, "instances": listed})

    def _write(self, path: Path, content: Mapping[str, Any]) -> None:
        compressed = gzip.compress(json.dumps(content, default=_time).encode())
        # Only its owner can read it, and its name has no ending that is read in a folder.
        descriptor, part = tempfile.mkstemp(prefix=f".{path.name.partition('.')[0]}.", suffix=".part", dir=self._path)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(compressed)
            Path(part).replace(path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise


def _time(value: Any) -> str:
    """A time as the AWS CLI prints it."""
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} is not a type of JSON.")
    return value.isoformat()
