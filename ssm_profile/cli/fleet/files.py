"""Reads the output of ``aws iam get-account-authorization-details`` from files of any length."""

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ijson

from ssm_profile.cli.policy_files import name_of
from ssm_profile.cli.policy_files.account_details import default_document, distinct_documents
from ssm_profile.cli.policy_files.found import map_of, text_of
from ssm_profile.cli.roles import AWS_POLICY
from ssm_profile.errors import InputError, NotDetailsError

from .content import Files, find_files
from .members import Flaw, Found, Problem, found_in, place_of
from .pages import ACCEPTED, POLICIES, ROLES, Entry, PageEnd, read_pages

MOST_OTHERS = 10_000
"""With more entries that are not roles, a file is something else."""

_ACCOUNT = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):")
_LONGEST_REASON = 300
_BROKEN = (OSError, EOFError, zlib.error, ijson.JSONError, UnicodeDecodeError, NotDetailsError, InputError)


@dataclass
class _File:
    """What is known of a file before its roles are read."""

    path: str
    is_whole: dict[str, bool] = field(default_factory=dict[str, bool])
    """The accounts, and whether the last page of each says that there are no more."""
    roles: set[str] = field(default_factory=set[str])
    """The ARNs of the roles."""
    others: int = 0
    """How many entries of the list of roles are something else."""
    has_aws_policies: bool = False

    @property
    def name(self) -> str:
        """Its name in messages."""
        return name_of(self.path)

    @property
    def is_shared(self) -> bool:
        """Whether it is a page with policies of AWS only, which does not say whose page it is."""
        return self.has_aws_policies and not self.roles and not any(self.is_whole)


def read_files(sources: Iterable[str]) -> Iterator[Found]:
    """The roles of files.

    A managed policy can be in another file of the same account than the role that has it. A file that has policies of
    AWS only counts for all accounts.

    Args:
        sources: The sources, as :func:`find_files` describes them.

    Raises:
        InputError: If a source cannot be used.
    """
    with Files() as opened:
        read = list[_File]()
        for each in find_files(sources):
            if isinstance(each, Problem):
                yield each
                continue
            try:
                file = _surveyed(opened, each)
            except _BROKEN as error:
                yield Problem(name_of(each), _reason(error))
                continue
            read.append(file)
        shared = [file for file in read if file.is_shared]
        groups = _by_account([file for file in read if not file.is_shared])
        if not groups:
            groups, shared = [[file] for file in shared], []
        is_ended = _are_ends_of(shared, groups)
        of_aws = dict[str, dict[str, Any]]()
        yield from _read_documents(opened, shared, of_aws)
        for group in groups:
            for file in group:
                yield from _problems(file, group, is_ended=is_ended)
            yield from _roles(opened, group, _joined(of_aws))


def _surveyed(opened: Files, path: str) -> _File:
    """Read the accounts of a file. This reads it to its end, so that a damaged one is known before it is judged."""
    file = _File(path)
    previous, accounts = {""}, set[str]()
    with opened.opened(path) as content:
        for each in read_pages(content, whole=()):
            if isinstance(each, PageEnd):
                # A page can have nothing but policies of AWS. It belongs to the account of the page before it.
                previous = accounts or previous
                if accounts:
                    file.is_whole.pop("", None)
                file.is_whole.update(dict.fromkeys(previous, each.is_last))
                accounts = set[str]()
                continue
            arn = text_of(map_of(each.value).get("Arn"))
            if account := _ACCOUNT.match(arn):
                accounts.add(account[1])
            file.has_aws_policies = file.has_aws_policies or (each.key == POLICIES and AWS_POLICY in arn)
            if each.key == ROLES:
                if _is_role(each):
                    file.roles.add(arn)
                else:
                    file.others += 1
                if file.others > MOST_OTHERS:
                    raise NotDetailsError(f"It has more than {MOST_OTHERS:,} entries that are not roles. {ACCEPTED}.")
    return file


def _is_role(entry: Entry) -> bool:
    return bool(text_of(map_of(entry.value).get("RoleName")))


def _problems(file: _File, group: Sequence[_File], *, is_ended: bool) -> Iterator[Problem]:
    """What is wrong with a file as a whole, given all files of its accounts.

    Args:
        file: The file.
        group: The files of its accounts.
        is_ended: Whether files of no known account are the last pages of all accounts whose last page is missing.
    """
    if file.others:
        entries = "1 entry that is not a role" if file.others == 1 else f"{file.others:,} entries that are not roles"
        yield Problem(file.name, f"Its RoleDetailList has {entries}. Write the file again.")
    elif not any(each.roles for each in group):
        yield Problem(file.name, f"It has no roles. {ACCEPTED}, with all its pages.")
    partial = [] if is_ended else sorted(each for each in file.is_whole if not _is_whole(each, file, group))
    if partial:
        of = f" for account {', '.join(partial)}" if len(file.is_whole) > 1 else ""
        yield Problem(
            file.name,
            f"The file is not complete{of}: its last page says that there are more roles or policies. Run "
            "`aws iam get-account-authorization-details` again without --max-items and --no-paginate.",
        )


def _is_whole(account: str, file: _File, group: Sequence[_File]) -> bool:
    """Whether the last page of an account was read. It can be in another file, which has none of the same roles."""
    return file.is_whole[account] or any(
        account and each.is_whole.get(account) is True and not each.roles & file.roles for each in group
    )


def _are_ends_of(shared: Sequence[_File], groups: Sequence[Sequence[_File]]) -> bool:
    """Whether shared files are the last pages of all accounts whose last page is missing."""
    missing = {
        account or file.path
        for group in groups
        for file in group
        for account in file.is_whole
        if not _is_whole(account, file, group)
    }
    return len(missing) <= sum(file.is_whole.get("") is True for file in shared)


def _by_account(files: Sequence[_File]) -> list[list[_File]]:
    """The files in groups, so that all files of an account are in one."""
    group_of = dict[str, list[_File]]()
    groups = dict[int, list[_File]]()
    for file in files:
        accounts = [account for account in file.is_whole if account]
        old = {id(group): group for account in accounts if (group := group_of.get(account))}
        joined, *others = old.values() if old else [list[_File]()]
        for group in others:
            joined += group
            del groups[id(group)]
        joined.append(file)
        groups[id(joined)] = joined
        moved = [account for group in others for each in group for account in each.is_whole if account]
        group_of.update(dict.fromkeys([*accounts, *moved], joined))
    return list(groups.values())


def _read_documents(opened: Files, files: Sequence[_File], found: dict[str, dict[str, Any]]) -> Iterator[Problem]:
    """Add the documents of managed policies, by the path of their file and by ARN."""
    for file in files:
        found[file.path] = documents = {}
        try:
            with opened.opened(file.path) as content:
                documents.update(distinct_documents(_documents(content)))
        except _BROKEN as error:  # it was changed after the survey
            yield Problem(file.name, _reason(error))
        if unknown := [arn for arn, document in documents.items() if document is None]:
            policies = f"the policy {unknown[0]}" if len(unknown) == 1 else f"{len(unknown):,} policies"
            yield Problem(file.name, f"It does not say which document of {policies} counts. Write the file again.")


def _joined(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The documents of several files."""
    return distinct_documents(each for of_file in documents.values() for each in of_file.items())


def _roles(opened: Files, group: Sequence[_File], of_aws: Mapping[str, Any]) -> Iterator[Found]:
    """The roles of files that have accounts in common.

    Args:
        opened: The files.
        group: Those that have accounts in common.
        of_aws: The documents of files of no known account.
    """
    own = dict[str, dict[str, Any]]()
    yield from _read_documents(opened, group, own)
    joined = _joined(own)
    for file in group:
        documents = {**of_aws, **joined, **own[file.path]}
        try:
            with opened.opened(file.path) as content:
                for each in read_pages(content, whole=[ROLES]):
                    if isinstance(each, Entry) and each.key == ROLES and _is_role(each):
                        yield _role(each, documents, file.name)
        except _BROKEN as error:
            yield Problem(file.name, _reason(error))


def _documents(content: Any) -> Iterator[tuple[str, Any]]:
    """The ARNs of the managed policies, each with the document of its default version."""
    for each in read_pages(content, whole=[POLICIES]):
        if isinstance(each, Entry) and each.key == POLICIES:
            policy = map_of(each.value)
            document = Flaw(each.flaw) if each.flaw else default_document(policy)
            if document is not None or policy.get("PolicyVersionList"):
                yield text_of(policy.get("Arn")), document


def _role(entry: Entry, documents: Mapping[str, Any], file: str) -> Found:
    if not entry.flaw:
        return found_in(entry.value, documents, file)
    return Problem(place_of(entry.value, file), f"{entry.flaw} It is in {file}.")


def _reason(error: BaseException) -> str:
    text = (str(error) or type(error).__name__).splitlines()[0].strip()[:_LONGEST_REASON]
    if isinstance(error, ijson.IncompleteJSONError) and ("premature" in text or "Incomplete" in text):
        return "The JSON ends too early, or there is none. Write the file again."
    if isinstance(error, ijson.JSONError | UnicodeDecodeError):
        return f"It is not JSON ({text})."
    if isinstance(error, NotDetailsError | InputError):
        return text
    if isinstance(error, OSError) and error.strerror:
        return f"It cannot be read: {error.strerror}."
    return f"It is a damaged gzip file ({text}). Compress it again."
