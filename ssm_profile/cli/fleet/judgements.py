"""Judges the policies of roles, each distinct policy once, on all processors."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Self, cast

from ssm_profile.cli.audit import CLEAN, REQUIRED_FEATURES, audit_role
from ssm_profile.cli.audit_report import additions, conditions, denies_to_keep, left_out, reasons
from ssm_profile.cli.granted import granted_actions, granted_by, still_granted
from ssm_profile.cli.interruption import ignored_interrupt
from ssm_profile.cli.policy_files import FoundPolicy, FoundRole
from ssm_profile.cli.processes import number_of_processors, process_pool
from ssm_profile.cli.report import with_changed_code
from ssm_profile.cli.roles import AWS_POLICY, role_of
from ssm_profile.cli.verdicts import Verdict
from ssm_profile.errors import InputError
from ssm_profile.iam.evaluator import Kind
from ssm_profile.validation import FILL_IN

from .members import Member

_ACCOUNT = "210987654321"
_ROLE = "fleet-role"
"""They stand for the account and the name of a role, so that equal policies of two accounts are judged once."""

_ROLE_MATTERS = re.compile("aws:PrincipalArn", re.IGNORECASE)
"""What a policy contains if its answer can depend on the name and the path of the role."""
_VARIABLE = re.compile(r"[*?]+|\$\{[^}]*\}")
_RESOURCE = re.compile(r'"(arn:[^"]*|\*[^"]+)"')
"""What names resources in policies: ARNs, and patterns other than ``*`` alone."""
_ACCOUNT_MATTERS = re.compile(r"aws:PrincipalAccount|SourceInstanceArn|[0-9][*?]|[*?][0-9]", re.IGNORECASE)
"""What a policy contains if its answer can depend on the digits of the account: a key, or a part of an account."""

_NO_CONDITION = "something that is not known"
"""What stands for an alternative to a condition that is no condition."""

_MARK = "⟦"
"""What the stand-ins for the names of policies begin with. It is repeated until no text of a policy contains it."""

_CHUNK = 2_000
_FEWEST_FOR_PROCESSES = 200
"""With fewer policies, starting processes takes longer than it saves."""


@dataclass(frozen=True)
class LeftOut:
    """A capability that the proposed options do not grant, although the policies grant it, or a part, or may do so."""

    capability: str
    verdict: str
    """``works`` if its option excludes another one, ``works if`` or ``partly``."""
    reasons: tuple[str, ...]
    """What it depends on whether it works: sentences in Markdown."""


@dataclass(frozen=True)
class Addition:
    """What the proposed options grant and the policies do not certainly grant."""

    capability: str
    """The capability whose option grants it."""
    action: str
    resources: tuple[str, ...]
    """ARNs, with wildcards for what the option or the deployment decides."""


@dataclass(frozen=True)
class Judgement:
    """What a role's policies grant, and what should replace them."""

    level: str = ""
    """One of the levels of ``audit``."""
    systems_manager: str = ""
    """The verdict: ``works``, ``works if``, ``partly`` or ``missing``."""
    reasons: tuple[str, ...] = ()
    """Why Systems Manager does not work, or what this depends on: sentences in Markdown."""
    risks: tuple[tuple[str, str, bool], ...] = ()
    """The name of each risk, what an instance can do, and whether this is certain."""
    uses_host_management: bool | None = None
    """Whether Default Host Management applies if the account uses it. None where this is not known."""
    is_too_wide: bool = False
    """Whether the policies grant more than the capabilities need."""
    unneeded: tuple[tuple[str, int], ...] = ()
    """Actions that no capability needs, by the patterns that grant them, each with how many there are."""
    unscoped: tuple[tuple[str, str], ...] = ()
    """Actions on more resources than a capability needs, each with a resource."""
    not_kept: tuple[str, ...] = ()
    """The granted actions that a capability needs and that the options do not grant."""
    conditions: tuple[str, ...] = ()
    """The conditions under which the policies grant what Systems Manager needs, and which the options do not have.

    All of them must hold. Alternatives are one, with "or" between them.
    """
    added: tuple[str, ...] = ()
    """The actions that the options grant and the policies that were read do not."""
    capabilities: tuple[tuple[str, str], ...] = ()
    """The name of each capability of which the policies grant something, and the verdict on it."""
    deprecated: tuple[str, ...] = ()
    """The AWS managed policies that AWS or this project advises to replace."""
    actions: int = 0
    """How many actions the policies grant, with wildcards expanded."""
    proposed_actions: int | None = None
    """How many actions the proposed options grant, without those that the boundary or a Deny takes away."""
    options: str | None = None
    """The options that grant what the policies grant, as JSON. None where no option helps."""
    fill_in: tuple[str, ...] = ()
    """The options, or keys of options, whose values are not known: ``parameters.paths``, ``read_buckets[0].bucket``."""
    left_out: tuple[LeftOut, ...] = ()
    """The capabilities that the options leave out."""
    covered: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """The capabilities that need no option of their own, each with those whose options grant what it needs."""
    additional: tuple[Addition, ...] = ()
    """What the options grant and the policies do not certainly grant."""
    denies: tuple[str, ...] = ()
    """The statements that deny and that no option adds, without those of the permissions boundary, in Markdown."""
    unread: tuple[str, ...] = ()
    """The policies whose content is not known. The verdict is not certain then."""
    ambiguous: tuple[str, ...] = ()
    """Those among them of which the input does not say which document counts."""
    copies: tuple[str, ...] = ()
    """The frozen copies of AWS managed policies that stand for policies of the role, with their versions and dates."""
    refusal: str = ""
    """Why the policies cannot be judged. The other fields say nothing then."""

    @property
    def is_replaced(self) -> bool:
        """Whether the options should replace the policies."""
        return self.options is not None and self.level != CLEAN


@dataclass(frozen=True)
class _Question:
    """Policies without what distinguishes equal ones: the names of policies, of the role and of the account."""

    text: str
    role: str
    """The role, as messages name it."""
    names: Mapping[str, str]
    """What stands for the names of policies in the judgement, and the names."""
    account: str | None
    """The account that :data:`_ACCOUNT` stands for. None if it stands for none."""

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
        """How many distinct policies were judged. Those that IAM would refuse do not count."""
        return sum(not judgement.refusal for judgement in self._known.values())

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
            answers = iter(self._answers(list(new.values())))
            for member, question, key in zip(chunk, questions, keys, strict=True):
                if key not in self._known:
                    self._known[key] = next(answers)
                yield member, _with_names(self._known[key], question)

    def _answers(self, texts: Sequence[str]) -> Iterable[Judgement]:
        if len(texts) < _FEWEST_FOR_PROCESSES or number_of_processors() == 1:
            return map(_judged, texts)
        self._processes = self._processes or process_pool()
        with ignored_interrupt():
            return self._processes.map(_judged, texts, chunksize=16)


def _question(member: Member) -> _Question:
    found = member.found
    named = [*found.policies, *([found.boundary] if isinstance(found.boundary, FoundPolicy) else [])]
    own = _named_arns(found)
    content: dict[str, Any] = {
        "arn": found.arn,
        "policies": [[each.document, each.left_out] for each in found.policies],
        "managed": found.managed_policy_arns,
        "read": [arn for arn in found.read_arns if AWS_POLICY in arn or arn in own],
        "boundary": [found.boundary.document, found.boundary.left_out]
        if isinstance(found.boundary, FoundPolicy)
        else found.boundary,
        "left_out": found.left_out,
        "ambiguous": found.ambiguous_arns,
    }
    text, account = json.dumps(content), None
    if found.arn and found.arn not in own and not _ROLE_MATTERS.search(text):
        content["arn"] = _without_name(found.arn)
        text = json.dumps(content)
        if _ACCOUNT not in text and not _ACCOUNT_MATTERS.search(text):
            text, account = text.replace(member.account, _ACCOUNT), member.account
    names = dict(zip(_stand_ins(text, len(named)), (policy.name for policy in named), strict=True))
    return _Question(text, found.name, names, account)


def _named_arns(found: FoundRole) -> set[str]:
    """The ARNs of the role and of its managed policies that its policies tell from others: it may change itself."""
    documents = [each.document for each in (*found.policies, found.boundary) if isinstance(each, FoundPolicy)]
    patterns = set(_RESOURCE.findall(json.dumps(documents)))
    arns = [*([found.arn] if found.arn else []), *found.managed_policy_arns, *found.read_arns]
    return {
        arn for arn in arns if any(_may_match(each, arn) != _may_match(each, _without_name(arn)) for each in patterns)
    }


def _without_name(arn: str) -> str:
    """The ARN of a role or a policy with a name that stands for any."""
    return re.sub(r":(role|policy)/.*", rf":\1/{_ROLE}", arn, flags=re.DOTALL)


def _may_match(pattern: str, arn: str) -> bool:
    """Whether a resource of a policy may match an ARN. A policy variable stands for anything."""
    literal, variable_or_wildcard = _VARIABLE.split(pattern, maxsplit=1)[0], _VARIABLE.search(pattern)
    if not variable_or_wildcard:
        return pattern == arn
    return (
        arn.startswith(literal)
        and re.fullmatch(".*".join(map(re.escape, _VARIABLE.split(pattern))), arn, re.DOTALL) is not None
    )


def _stand_ins(text: str, count: int) -> list[str]:
    """Names for policies, none of which a text of JSON contains."""
    mark = _MARK
    while json.dumps(mark)[1:-1] in text:
        mark += _MARK
    return [f"{mark}{number}⟧" for number in range(count)]


def _with_names(judgement: Judgement, question: _Question) -> Judgement:
    """A judgement with the names of one role."""
    account = {_ACCOUNT: question.account} if question.account else {}
    own = {stand_in: name.removeprefix(f"{question.role}, ") for stand_in, name in question.names.items()}

    def named(text: str) -> str:
        return _replaced(text, own | account)

    def named_in_code(text: str) -> str:
        return with_changed_code(text, named)

    return replace(
        judgement,
        reasons=tuple(map(named_in_code, judgement.reasons)),
        options=judgement.options and _replaced(judgement.options, account),
        unscoped=tuple((action, _replaced(resource, account)) for action, resource in judgement.unscoped),
        left_out=tuple(replace(each, reasons=tuple(map(named_in_code, each.reasons))) for each in judgement.left_out),
        additional=tuple(
            replace(each, resources=tuple(_replaced(arn, account) for arn in each.resources))
            for each in judgement.additional
        ),
        conditions=tuple(_replaced(each, account) for each in judgement.conditions),
        denies=tuple(map(named_in_code, judgement.denies)),
        unread=tuple(map(named, judgement.unread)),
        ambiguous=tuple(map(named, judgement.ambiguous)),
        refusal=_replaced(judgement.refusal, {**question.names, **account}),
    )


def _replaced(text: str, names: Mapping[str, str]) -> str:
    """A text with names for what stands for them. What a name contains stands for nothing."""
    if not any(stand_in in text for stand_in in names):
        return text
    return re.sub("|".join(map(re.escape, names)), lambda found: names[found[0]], text)


def _judged(text: str) -> Judgement:
    """The judgement on a question."""
    content = json.loads(text)
    documents = [*content["policies"], *([content["boundary"]] if isinstance(content["boundary"], list) else [])]
    policies = [
        FoundPolicy(name, document, left_out=tuple(left_out))
        for name, (document, left_out) in zip(_stand_ins(text, len(documents)), documents, strict=True)
    ]
    boundary = policies.pop() if isinstance(content["boundary"], list) else content["boundary"]
    found = FoundRole(
        "the role",
        tuple(policies),
        tuple(content["managed"]),
        boundary,
        left_out=tuple(content["left_out"]),
        arn=content["arn"],
        read_arns=tuple(content["read"]),
        ambiguous_arns=tuple(content["ambiguous"]),
    )
    try:
        role = role_of(found)
        audit = audit_role(role)
    except InputError as error:
        return Judgement(refusal=str(error))
    options = audit["options"]
    has_options = options is not None
    # The role keeps its boundary and the statements that deny.
    proposed = still_granted(granted_by(options), role.policy) if has_options else frozenset[str]()
    return Judgement(
        level=audit["level"],
        systems_manager=audit["systemsManager"],
        reasons=(*audit["notes"], *reasons(audit)),
        risks=tuple((risk["risk"], risk["summary"], risk["certain"]) for risk in audit["risks"]),
        uses_host_management=audit["defaultHostManagement"],
        is_too_wide=bool(audit["unneeded"] or audit["unscoped"]),
        unneeded=tuple((each["action"], len(each["actions"])) for each in audit["unneeded"]),
        unscoped=tuple((each["action"], each["resource"]) for each in audit["unscoped"]),
        conditions=tuple(_conditions(audit)) if has_options else (),
        added=tuple(sorted(proposed - granted_actions(role.policy))),
        not_kept=tuple(audit["notKept"]),
        capabilities=tuple(
            (row["capability"], row["verdict"])
            for row in audit["capabilities"]
            if row["verdict"] != Verdict.MISSING.value
        ),
        deprecated=tuple(each["policy"] for each in audit["deprecated"]),
        actions=len(granted_actions(role.policy)),
        proposed_actions=len(proposed) if has_options else None,
        options=json.dumps(options) if has_options else None,
        fill_in=tuple(paths_to_fill_in("", options)),
        left_out=tuple(_left_out(audit)) if has_options else (),
        covered=tuple((row["capability"], tuple(row["by"])) for row in audit["covered"]) if has_options else (),
        additional=tuple(_additional(audit)) if has_options else (),
        denies=tuple(denies_to_keep(audit)) if has_options else (),
        unread=tuple(audit["unread"]),
        ambiguous=tuple(audit["ambiguous"]),
        copies=role.copies,
    )


def _conditions(audit: Mapping[str, Any]) -> Iterator[str]:
    """The conditions on what Systems Manager needs, each once. Alternatives are one, with "or" between them."""
    groups = dict[tuple[str, int], dict[str, None]]()
    for row in audit["capabilities"]:
        for each in row["dependsOn"] if row["capability"] in REQUIRED_FEATURES else ():
            name = each["dependsOn"] if each["kind"] == Kind.CONDITION.value else _NO_CONDITION
            groups.setdefault((row["capability"], each["group"]), {})[name] = None
    found = (group for group in groups.values() if list(group) != [_NO_CONDITION])
    yield from dict.fromkeys(" or ".join(sorted(group, key=_NO_CONDITION.__eq__)) for group in found)


def _left_out(audit: Mapping[str, Any]) -> Iterator[LeftOut]:
    for verdict in (Verdict.WORKS, Verdict.WORKS_IF, Verdict.PARTLY):
        for row in left_out(audit, verdict):
            yield LeftOut(row["capability"], row["verdict"], tuple(conditions(row)))


def _additional(audit: Mapping[str, Any]) -> Iterator[Addition]:
    for each in additions(audit):
        yield Addition(each["capability"], each["action"], tuple(each["resources"]))


def paths_to_fill_in(path: str, value: Any) -> Iterator[str]:
    """The paths of the values at and below a path that are not known."""
    if value in (FILL_IN, [FILL_IN]):
        yield path
    elif isinstance(value, Mapping):
        for key, entry in cast("Mapping[str, Any]", value).items():
            yield from paths_to_fill_in(f"{path}.{key}" if path else key, entry)
    elif isinstance(value, list):
        for number, entry in enumerate(cast("list[Any]", value)):
            yield from paths_to_fill_in(f"{path}[{number}]", entry)
