"""Judges the policies of roles, each distinct policy once, on all processors."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Self

from ssm_profile.cli.action_list import expanded
from ssm_profile.cli.audit import CLEAN, LEVELS, audit_role
from ssm_profile.cli.audit_report import reasons
from ssm_profile.cli.granted import granted_actions
from ssm_profile.cli.policy_files import FoundPolicy, FoundRole
from ssm_profile.cli.report import code
from ssm_profile.cli.roles import role_of
from ssm_profile.errors import InputError
from ssm_profile.policy import actions

from .members import Member

_ACCOUNT = "210987654321"
_ROLE = "fleet-role"
"""They stand for the account and the name of a role, so that equal policies of two accounts are judged once."""

_ROLE_MATTERS = re.compile("aws:PrincipalArn", re.IGNORECASE)
"""What a policy contains if its answer can depend on the name and the path of the role."""
_ACCOUNT_MATTERS = re.compile(r"aws:PrincipalAccount|SourceInstanceArn|[0-9][*?]|[*?][0-9]", re.IGNORECASE)
"""What a policy contains if its answer can depend on the digits of the account: a key, or a part of an account."""

_CHUNK = 2_000
_FEWEST_FOR_PROCESSES = 200
"""With fewer policies, starting processes takes longer than it saves."""


@dataclass(frozen=True)
class Judgement:
    """What a role's policies grant, and what should replace them."""

    level: str
    """One of the levels of ``audit``."""
    systems_manager: str
    """The verdict: ``works``, ``works if``, ``partly`` or ``missing``."""
    reasons: tuple[str, ...]
    """Why Systems Manager does not work, or what this depends on: sentences in Markdown."""
    risks: tuple[tuple[str, str, bool], ...]
    """The name of each risk, what an instance can do, and whether this is certain."""
    deprecated: tuple[str, ...]
    """The AWS managed policies that AWS or this project advises to replace."""
    actions: int
    """How many actions the policies grant, with wildcards expanded."""
    proposed_actions: int | None
    """How many actions the proposed options grant."""
    options: str | None
    """The options that replace the policies, as JSON. None where no option helps."""
    unread: tuple[str, ...]
    """The policies whose content is not known. The verdict is not certain then."""
    refusal: str = ""
    """Why the policies cannot be judged. The other fields say nothing then."""


@dataclass(frozen=True)
class _Question:
    """Policies without what distinguishes equal ones: the names of policies, of the role and of the account."""

    text: str
    names: dict[str, str]
    """What stands in the text, and what it stands for."""

    @property
    def key(self) -> bytes:
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).digest()


class Judges:
    """Judges of policies. They remember each judgement. Use it in a ``with`` statement."""

    def __init__(self) -> None:
        self._known: dict[bytes, Judgement] = {}
        self._processes: ProcessPoolExecutor | None = None

    @property
    def distinct(self) -> int:
        """How many distinct policies were judged."""
        return len(self._known)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._processes:
            self._processes.shutdown(cancel_futures=True)

    def judge(self, members: Iterable[Member]) -> Iterator[tuple[Member, Judgement]]:
        """Judge roles, some thousands at a time."""
        remaining = iter(members)
        while chunk := list(islice(remaining, _CHUNK)):
            questions = [_question(member) for member in chunk]
            keys = [question.key for question in questions]
            new = {key: each.text for key, each in zip(keys, questions, strict=True) if key not in self._known}
            self._known.update(zip(new, self._answers(list(new.values())), strict=True))
            for member, question, key in zip(chunk, questions, keys, strict=True):
                yield member, _with_names(self._known[key], question.names)

    def _answers(self, texts: Sequence[str]) -> Iterable[Judgement]:
        if len(texts) < _FEWEST_FOR_PROCESSES or (os.cpu_count() or 1) == 1:
            return map(_judged, texts)
        self._processes = self._processes or ProcessPoolExecutor()
        return self._processes.map(_judged, texts, chunksize=16)


def _question(member: Member) -> _Question:
    found = member.found
    named = [*found.policies, *([found.boundary] if isinstance(found.boundary, FoundPolicy) else [])]
    names = {f"⟦{number}⟧": policy.name.removeprefix(f"{found.name}, ") for number, policy in enumerate(named)}
    content: dict[str, Any] = {
        "arn": found.arn,
        "policies": [[each.document, each.left_out] for each in found.policies],
        "managed": found.managed_policy_arns,
        "boundary": [found.boundary.document, found.boundary.left_out]
        if isinstance(found.boundary, FoundPolicy)
        else found.boundary,
        "left_out": found.left_out,
    }
    text = json.dumps(content)
    if found.arn and not _ROLE_MATTERS.search(text):
        content["arn"] = f"{found.arn.split(':role/')[0]}:role/{_ROLE}"
        text = json.dumps(content)
        if _ACCOUNT not in text and not _ACCOUNT_MATTERS.search(text):
            text = text.replace(member.account, _ACCOUNT)
            names[_ACCOUNT] = member.account
    return _Question(text, names)


def _with_names(judgement: Judgement, names: dict[str, str]) -> Judgement:
    """A judgement with the names of one role."""

    def named(text: str) -> str:
        for stand_in, name in names.items():
            text = text.replace(code(stand_in), code(name)).replace(stand_in, name)
        return text

    return replace(
        judgement,
        reasons=tuple(map(named, judgement.reasons)),
        options=named(judgement.options) if judgement.options else judgement.options,
        unread=tuple(map(named, judgement.unread)),
        refusal=named(judgement.refusal),
    )


def _judged(text: str) -> Judgement:
    """The judgement on a question."""
    content = json.loads(text)
    documents = [*content["policies"], *([content["boundary"]] if isinstance(content["boundary"], list) else [])]
    policies = [
        FoundPolicy(f"⟦{number}⟧", document, left_out=tuple(left_out))
        for number, (document, left_out) in enumerate(documents)
    ]
    boundary = policies.pop() if isinstance(content["boundary"], list) else content["boundary"]
    managed, left_out = tuple(content["managed"]), tuple(content["left_out"])
    found = FoundRole("the role", tuple(policies), managed, boundary, left_out=left_out, arn=content["arn"])
    try:
        role = role_of(found)
        audit = audit_role(role)
    except InputError as error:
        return Judgement(LEVELS[0], "", (), (), (), 0, None, None, (), str(error))
    options = audit["options"]
    return Judgement(
        level=audit["level"],
        systems_manager=audit["systemsManager"],
        reasons=(*audit["notes"], *reasons(audit)),
        risks=tuple((risk["risk"], risk["summary"], risk["certain"]) for risk in audit["risks"]),
        deprecated=tuple(each["policy"] for each in audit["deprecated"]),
        actions=len(granted_actions(role.policy)),
        proposed_actions=None if options is None or audit["level"] == CLEAN else _number_of_actions(options),
        options=None if options is None or audit["level"] == CLEAN else json.dumps(options),
        unread=tuple(audit["unread"]),
    )


def _number_of_actions(options: dict[str, Any]) -> int:
    return len({action for pattern in actions(options) for action in expanded(pattern)})
