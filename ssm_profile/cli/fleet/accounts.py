"""Reads the roles of many accounts, some at a time. An account that cannot be read is a problem."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from ssm_profile.cli.aws_client import PATIENT, client, readable_errors
from ssm_profile.cli.interruption import Interrupt, noticed_interrupt
from ssm_profile.cli.report import count_of
from ssm_profile.errors import InputError

from .account import found_in_account, is_whole, read_details
from .account_instances import ACTIONS, read_instances
from .account_options import Chosen
from .assumed_roles import Caller
from .instances import AccountInstances, Instances
from .members import Found, Problem
from .pages import ROLES
from .parallel import completed
from .permissions import LIST, READ
from .progress import Progress
from .saved import Folder

_Found = TypeVar("_Found", bound=Found | AccountInstances)

AT_A_TIME = 10
"""How many accounts are read at a time."""

_ACTIVE = "ACTIVE"
_INTERRUPTED = "It was not read, because the command was interrupted. Run the command again."


@dataclass(frozen=True)
class Account:
    """An account."""

    id: str
    name: str = ""

    @property
    def place(self) -> str:
        """The account, in messages."""
        return f"{self.id} ({self.name})" if self.name else self.id


def read_chosen(chosen: Chosen, progress: Progress, instances: Instances | None = None) -> Iterator[Found]:
    """The roles of the chosen accounts. Ctrl-C ends the reading, and the other accounts are problems.

    Args:
        chosen: The accounts.
        progress: Counts them.
        instances: Gets the instances of the accounts. None if they are not read.

    Raises:
        InputError: If AWS does not answer at all, does not list the accounts, or if the folder cannot be used.
    """
    folder = None if chosen.folder is None else Folder(chosen.folder)
    actions = (READ,) if instances is None else (READ, *ACTIONS)
    caller = Caller(chosen.role, chosen.external_id, actions)
    accounts = list(_of_organization()) if chosen.ids is None else [Account(each) for each in chosen.ids]
    reader = _Reader(caller, folder, instances)
    if folder:
        _tell_of_files(folder, [each for each in accounts if reader.is_saved(each)], len(accounts))
    with noticed_interrupt() as interrupt:
        for each in read_accounts(accounts, reader.found, interrupt, progress):
            if not isinstance(each, AccountInstances):
                yield each
            elif instances:
                instances.accounts.append(each)


def was_interrupted(problems: Iterable[Problem]) -> bool:
    """Whether Ctrl-C ended the reading of which these are the problems."""
    return any(each.reason == _INTERRUPTED for each in problems)


def _tell_of_files(folder: Folder, saved: Sequence[Account], count: int) -> None:
    if oldest := folder.oldest(each.id for each in saved):
        of_all = f"{len(saved):,} of {count_of(count, 'account')}"
        sys.stderr.write(f"{of_all} read from {folder}. The oldest file is of {oldest}.\n")


def _of_organization() -> Iterator[Account]:
    """The accounts of the organization of the credentials, without those whose roles nobody can use.

    Raises:
        InputError: If they cannot be listed.
    """
    with readable_errors("--organization", (LIST,)):
        found = _listed()
        active = [each for each in found if _is_active(each)]
        yield from (Account(each["Id"], each.get("Name", "")) for each in active)
    if others := len(found) - len(active):
        sys.stderr.write(f"{count_of(others, 'account')} of the organization left out: only active ones can be read.\n")


def _listed() -> list[dict[str, Any]]:
    pages = client("organizations", config=PATIENT).get_paginator("list_accounts").paginate()
    try:
        return [each for page in pages for each in page["Accounts"]]
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code not in ("AccessDeniedException", "AWSOrganizationsNotInUseException"):
            raise
        raise InputError(
            f"--organization: AWS does not list the accounts ({code}: {message}). Use credentials of the management "
            f"account, or of a delegated administrator, with the permission {LIST}. Or pass --accounts."
        ) from None


def _is_active(account: dict[str, Any]) -> bool:
    return account.get("State", account.get("Status")) == _ACTIVE  # AWS retires Status in 2026


class _Reader:
    """Reads accounts, for several threads."""

    def __init__(self, caller: Caller, folder: Folder | None, instances: Instances | None) -> None:
        self._caller = caller
        self._folder = folder
        self._instances = instances

    def is_saved(self, account: Account) -> bool:
        """Whether the folder has all of an account that is asked for."""
        folder = self._folder
        return (
            folder is not None
            and folder.path(account.id).exists()
            and (self._instances is None or self._saved_instances(account) is not None)
        )

    def _saved_instances(self, account: Account) -> AccountInstances | None:
        if not (self._folder and self._instances):
            return None
        return self._folder.read_instances(account.id, self._instances.regions)

    def found(self, account: Account) -> list[Found | AccountInstances]:
        """The roles of an account: of its file, or of AWS. What AWS answers is written to the file."""
        try:
            if self._folder and self.is_saved(account):
                saved = self._saved_instances(account)
                return [*self._folder.read(account.id), *([saved] if saved else [])]
            session = self._caller.session(account.id)
            with session.errors(READ):
                details = read_details(session.client("iam"))
        except InputError as error:
            return [Problem(account.place, str(error))]
        instances = self._instances and read_instances(session, account.place, self._instances.regions)
        return [
            *found_in_account(details, account.place),
            *([instances, *instances.problems] if instances else []),
            *self._save(account, details, instances),
        ]

    def _save(
        self, account: Account, details: Mapping[str, Any], instances: AccountInstances | None
    ) -> Iterator[Problem]:
        """Write what AWS answered. What is not the whole account is not written."""
        # A file without roles would be a problem when it is read.
        if not (self._folder and is_whole(details) and details[ROLES]):
            return
        is_for_all = self._instances is not None and not self._instances.regions
        try:
            self._folder.save(account.id, details, instances, is_for_all_regions=is_for_all)
        except OSError as error:
            yield Problem(str(self._folder.path(account.id)), f"It cannot be written: {error.strerror}.")


def read_accounts(
    accounts: Sequence[Account], read: Callable[[Account], list[_Found]], interrupt: Interrupt, progress: Progress
) -> Iterator[_Found | Problem]:
    """The roles of accounts, in the order in which the accounts are read, and then the problems.

    Args:
        accounts: The accounts.
        read: Gives the roles of an account and its problems. It is called in threads.
        interrupt: Tells when to end. The accounts that are not read then are problems.
        progress: Counts the accounts.

    Raises:
        KeyboardInterrupt: If none were read until then.
    """
    problems = dict[Account, list[Problem]]()
    progress.begin_accounts(len(accounts))
    for account, found in completed(read, accounts, interrupt, at_a_time=AT_A_TIME):
        progress.account_read()
        problems[account] = [each for each in found if isinstance(each, Problem)]
        yield from (each for each in found if not isinstance(each, Problem))
    if left := len(accounts) - len(problems):
        if not problems:
            raise KeyboardInterrupt
        text = f"Interrupted: {count_of(left, 'account')} not read. The roles of the others are judged."
        sys.stderr.write(f"{text} Press Ctrl-C again to end at once.\n")
    for account in accounts:
        yield from problems.get(account, [Problem(account.place, _INTERRUPTED)])
