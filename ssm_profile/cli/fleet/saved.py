"""The folder of ``--resume``, which has a file for each account that was read."""

import gzip
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ssm_profile.errors import InputError

from .files import read_files
from .members import Found, Problem


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

    def save(self, account: str, details: Mapping[str, Any]) -> None:
        """Write the file of an account. It is there as a whole or not at all.

        Args:
            account: The ID of the account.
            details: What `aws iam get-account-authorization-details` prints.

        Raises:
            OSError: If it cannot be written.
        """
        content = gzip.compress(json.dumps(details, default=_time).encode())
        # Only its owner can read it, and its name has no ending that is read in a folder.
        descriptor, path = tempfile.mkstemp(prefix=f".{account}.", suffix=".part", dir=self._path)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(path).replace(self.path(account))
        except BaseException:
            Path(path).unlink(missing_ok=True)
            raise


def _time(value: Any) -> str:
    """A time as the AWS CLI prints it."""
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} is not a type of JSON.")
    return value.isoformat()
