"""A baseline: the findings that a team accepts, each with a reason and a date on which this ends."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any

from ssm_profile.cli.audit import CLEAN, LEVELS
from ssm_profile.cli.pulumi_yaml import read_yaml
from ssm_profile.errors import InputError
from ssm_profile.risks import RISKS

from .findings import FINDINGS, Finding, findings_on
from .rows import ROLE, SCHEMA_VERSION, STALE, Row, problems_of, roles_of

_MIDNIGHT = " 00:00:00 +0000 UTC"
"""What :func:`read_yaml` adds to a date without quotes, as Pulumi does."""

_KEYS = ("role", "finding", "reason", "expires")
_OPTIONAL = "certain"
_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
"""The name of a role, which many accounts can have."""
_MOST_ARNS = 3
_RISKS = {risk.name for risk in RISKS}


@dataclass(frozen=True)
class Entry:
    """An accepted finding."""

    role: str
    """The ARN of the role, or its name. ``*`` stands for any characters, ``?`` for one."""
    finding: str
    """One of :data:`~.findings.FINDINGS`."""
    reason: str
    expires: date
    """The last day on which it is accepted."""
    is_certain: bool = True
    """False for a risk that depends on something that is not known. When it is certain, it is not accepted."""
    place: str = ""
    """The file and the number of the entry."""

    @property
    def is_name(self) -> bool:
        """Whether it has only the name of the role."""
        return _NAME.fullmatch(self.role) is not None

    def accepts(self, finding: Finding) -> bool:
        """Whether a finding on the role is the accepted one."""
        return (finding.name, finding.is_certain) == (self.finding, self.is_certain)

    def is_about(self, row: Row) -> bool:
        """Whether a row is the one of the role."""
        if self.is_name:
            return row["role"] == self.role
        pattern = self.role.replace("[", "[[]")  # as in IAM, only * and ? are wildcards
        return fnmatchcase(row["arn"] or row["role"], pattern)


def read_baseline(file: Path) -> tuple[Entry, ...]:
    """The entries of a baseline file.

    Raises:
        InputError: If the file cannot be used.
    """
    content = read_yaml(file)
    if list(content) != ["accepted"] or not isinstance(content["accepted"], list):
        raise InputError(f"{file} must have the key `accepted` with a list of entries, and no other key.")
    return tuple(_entry(each, f"{file}, entry {number}") for number, each in enumerate(content["accepted"], 1))


def _entry(content: Any, place: str) -> Entry:
    if not isinstance(content, Mapping) or sorted({*content} - {_OPTIONAL}) != sorted(_KEYS):
        raise InputError(f"{place}: it must have the keys {', '.join(_KEYS)}, perhaps {_OPTIONAL}, and no others.")
    for key in _KEYS[:3]:
        if not isinstance(content[key], str) or not content[key].strip():
            raise InputError(f"{place}: `{key}` must be a text.")
    if content["finding"] not in FINDINGS:
        nearest = get_close_matches(content["finding"], FINDINGS, n=1)
        hint = f"Did you mean {nearest[0]}?" if nearest else f"Use one of {', '.join(FINDINGS)}."
        raise InputError(f"{place}: {content['finding']} is not a finding. {hint}")
    is_certain = content.get(_OPTIONAL, True)
    if not isinstance(is_certain, bool):
        raise InputError(f"{place}: `{_OPTIONAL}` must be true or false.")
    if not is_certain and content["finding"] not in _RISKS:
        raise InputError(f"{place}: {content['finding']} is always certain. Remove `{_OPTIONAL}`: it is for risks.")
    expires = _date(content["expires"], place)
    return Entry(content["role"], content["finding"], content["reason"], expires, is_certain, place)


def _date(value: object, place: str) -> date:
    try:
        return date.fromisoformat(str(value).removesuffix(_MIDNIGHT))
    except ValueError:
        raise InputError(f"{place}: `expires` must be a date such as 2027-01-31 (got {value}).") from None


@dataclass(frozen=True)
class Baseline:
    """The entries, on a day."""

    entries: tuple[Entry, ...]
    today: date

    def apply(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Note in the rows of roles what is accepted.

        Returns:
            The rows of the entries to remove.

        Raises:
            InputError: If an entry has the name of several roles.
        """
        self._check_names(rows)
        for row in rows:
            if row["kind"] == ROLE:
                self._accept(row)
        return list(self._stale_rows(rows))

    def _check_names(self, rows: Sequence[Row]) -> None:
        named = {entry.role: entry for entry in self.entries if entry.is_name}
        found = dict[str, dict[str, None]]()
        for row in roles_of(rows) if named else ():
            if row["role"] in named:
                found.setdefault(row["role"], {})[row["arn"] or f"one without an ARN ({row['source']})"] = None
        for name, arns in found.items():
            if len(arns) > 1:
                more = f" and {len(arns) - _MOST_ARNS:,} more" if len(arns) > _MOST_ARNS else ""
                listed = ", ".join(islice(arns, _MOST_ARNS)) + more
                raise InputError(
                    f"{named[name].place}: {name} is the name of {len(arns):,} roles: {listed}. Use the ARN as `role`, "
                    "in which * stands for any characters."
                )

    def _accept(self, row: dict[str, Any]) -> None:
        """Note in the row of a role which of its findings are accepted, and its level without them."""
        findings = list(findings_on(row))
        accepted = {
            each.finding: each for each in self._valid() if any(map(each.accepts, findings)) and each.is_about(row)
        }
        levels = [each.level for each in findings if each.name not in accepted]
        row["openLevel"] = min([*levels, CLEAN], key=LEVELS.index)
        row["accepted"] = [
            {"finding": each.finding, "reason": each.reason, "expires": each.expires.isoformat()}
            for each in accepted.values()
        ]

    def _valid(self) -> Iterator[Entry]:
        return (each for each in self.entries if each.expires >= self.today)

    def _stale_rows(self, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
        """A row for each entry that no longer accepts anything.

        An entry for a role that is not in the input is one of them only if nothing is missing in the input.
        """
        is_whole = not any(problems_of(rows))
        for entry in self.entries:
            found = [row for row in roles_of(rows) if entry.is_about(row)]
            if entry.expires < self.today:
                yield _stale_row(entry, f"It expired on {entry.expires}.")
            elif not found and is_whole:
                yield _stale_row(entry, "The input does not have the role.")
            elif found and (why := _why_not_found(entry, [each for row in found for each in findings_on(row)])):
                yield _stale_row(entry, why)


def _why_not_found(entry: Entry, findings: Sequence[Finding]) -> str:
    """Why an entry accepts none of the findings on its roles. Nothing if it accepts one."""
    if any(map(entry.accepts, findings)):
        return ""
    if entry.finding not in {each.name for each in findings}:
        return "The role does not have the finding."
    if entry.is_certain:
        return "It is only possible that the role has the finding. An entry for this has `certain: false`."
    return "It is certain that the role has the finding. An entry for this has no `certain: false`."


def _stale_row(entry: Entry, why: str) -> dict[str, Any]:
    return {
        "schemaVersion": SCHEMA_VERSION,
        "kind": STALE,
        "role": entry.role,
        "finding": entry.finding,
        "reason": f"{why} Remove the entry from the baseline.",
    }
