"""The evaluator: what the policies of a role decide about an action on resources that patterns describe.

It follows IAM's evaluation logic: an action is allowed if a statement allows it, the permissions boundary allows it,
and no statement denies it. What is not known is kept apart: a condition on something unknown, a policy variable in a
resource. Then the action may be allowed, and it may be denied.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache, cached_property
from typing import NamedTuple

from ssm_profile.errors import TooComplexError

from .conditions import Chosen, Context, Like, Value, holds
from .documents import Statement, condition_lines
from .patterns import SEGMENTS, VARIABLE, Glob, arn_glob, find_string, glob, overlap


@dataclass(frozen=True)
class Policy:
    """The policies of a role together, limited by a permissions boundary if there is one."""

    name: str
    statements: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None = None
    unread: tuple[str, ...] = ()
    """The names of further policies and statements whose content is not known."""
    unread_boundary: str | None = None
    """The name of a permissions boundary whose content is not known."""

    @property
    def boundary_name(self) -> str:
        """The name of the permissions boundary. Empty if there is none."""
        return self.boundary[0].policy if self.boundary else self.unread_boundary or ""

    def with_unread(self) -> "Policy":
        """The policy, with statements that may allow or deny everything for what is not known."""
        unread = [_unread(name, allows=allows) for name in self.unread for allows in (True, False)]
        boundary = self.boundary
        if self.unread_boundary:
            boundary = (_unread(self.unread_boundary, allows=True),)
        return replace(self, statements=(*self.statements, *unread), boundary=boundary)

    def allowing(self, action: str) -> list[Statement]:
        """The statements that allow an action on any resource under any condition.

        None if a statement without a condition denies it everywhere, or if the boundary never allows it.
        """
        if any(each.has_action(action) for each in self._denies_everywhere):
            return []
        if self.boundary is not None and not any(each.allows and each.has_action(action) for each in self.boundary):
            return []
        return [each for each in self.statements if each.allows and each.has_action(action)]

    @cached_property
    def _denies_everywhere(self) -> list[Statement]:
        return [each for each in self.denies() if each.is_everywhere() and not each.condition]

    def denies(self) -> list[Statement]:
        """The statements that deny something, with those of the permissions boundary."""
        return [*self.own_denies(), *self.boundary_denies()]

    def own_denies(self) -> list[Statement]:
        """The statements of the policies that deny something."""
        return [each for each in self.statements if not each.allows]

    def boundary_denies(self) -> list[Statement]:
        """The statements of the permissions boundary that deny something."""
        return [each for each in self.boundary or () if not each.allows]


def _unread(name: str, *, allows: bool) -> Statement:
    return Statement(
        allows=allows,
        actions=("*",),
        except_actions=False,
        resources=("${not known}",),
        except_resources=False,
        condition={},
        policy=name,
        number=0,
    )


@dataclass(frozen=True)
class Need:
    """The resources on which an action must be allowed."""

    patterns: tuple[str, ...]
    """Patterns of ARNs, or ``*`` alone: the action takes no resources, and a policy must name ``*``."""
    exceptions: tuple[str, ...] = ()
    """Patterns of ARNs that are not meant."""
    whole: bool = False
    """Whether the action must be allowed on all of them. Otherwise one of them is enough."""

    @property
    def takes_no_resource(self) -> bool:
        """Whether a policy must name ``*``."""
        return self.patterns == ("*",)


NO_RESOURCE = Need(("*",))


class Outcome(Enum):
    """What the policies decide."""

    ALLOWED = "allowed"
    CONDITIONAL = "conditional"
    """Allowed or denied: this depends on something that is not known."""
    DENIED = "denied"


class Kind(Enum):
    """Why an action is not simply allowed."""

    NOT_ALLOWED = "not allowed"
    OTHER_RESOURCES = "other resources"
    """Statements allow it, but not on these resources."""
    CONDITION = "condition"
    """A statement allows it under a condition that never holds, or that is not known to hold."""
    UNKNOWN_VALUE = "unknown value"
    """A statement names resources with a value that is not known."""
    EXPLICIT_DENY = "explicit deny"
    BOUNDARY = "permissions boundary"
    TOO_COMPLEX = "too complex"
    """The patterns have too many wildcards to compare them."""


@dataclass(frozen=True)
class Reason:
    """One reason, with the statement that it comes from."""

    kind: Kind
    statement: Statement | None = None
    depends_on: str = ""
    """The condition or the resources whose outcome is not known. Empty where the outcome is known."""
    boundary: str = ""
    """The name of the permissions boundary that does not allow the action."""


@dataclass(frozen=True)
class Decision:
    """What the policies decide, and why if the action is not simply allowed."""

    outcome: Outcome
    reasons: tuple[Reason, ...] = ()


_NOT_ALLOWED = Decision(Outcome.DENIED, (Reason(Kind.NOT_ALLOWED),))


class Applied(NamedTuple):
    """A statement whose condition does not fail, with its resources."""

    statement: Statement
    is_certain: bool
    """Whether its condition holds. Otherwise this is not known."""
    certain: dict[Glob, None]
    """What its resources match in any case: the keys."""
    possible: dict[Glob, None]
    """What its resources match at most: the keys."""


class _Selection(NamedTuple):
    """The statements with one action."""

    statements: Sequence[Applied]
    boundary: Sequence[Applied] | None
    failed: Sequence[Statement]
    """Statements that allow the action under a condition that never holds."""
    key: tuple[tuple[int, ...], ...]
    boundary_name: str


class Evaluator:
    """Decides about the requests that have one context."""

    def __init__(self, policy: Policy, context: Context) -> None:
        """Read the policies for one context.

        Args:
            policy: The policies of a role.
            context: What is known of the requests.
        """
        self._failed = list[Statement]()
        self._statements = list(self._applied(policy.statements, context))
        self._boundary_name = policy.boundary_name
        self._boundary = None if policy.boundary is None else list(self._applied(policy.boundary, context))
        self._with_action: dict[str, _Selection] = {}
        self._nothing = _Selection([], None, [], ((), (), ()), self._boundary_name)
        self._decisions: dict[tuple[object, ...], Decision] = {}

    def decide(self, action: str, need: Need) -> Decision:
        """Decide whether an action is allowed.

        Args:
            action: The action, such as ``ssm:GetParameter``.
            need: The resources on which it must be allowed.
        """
        if action not in self._with_action:
            self._with_action[action] = self._select(action)
        selection = self._with_action[action]
        if selection == self._nothing:
            return _NOT_ALLOWED
        service = action.partition(":")[0].lower() if need.takes_no_resource else ""
        # Most actions of a wildcard have the same statements, and so the same answer.
        key = (need, service, selection.key)
        if key not in self._decisions:
            self._decisions[key] = _Question(selection, need, service).answer()
        return self._decisions[key]

    def _select(self, action: str) -> "_Selection":
        statements = [each for each in self._statements if each.statement.has_action(action)]
        boundary = self._boundary and [each for each in self._boundary if each.statement.has_action(action)]
        failed = [each for each in self._failed if each.has_action(action)]
        key = tuple(tuple(map(id, some or ())) for some in (statements, boundary, failed))
        return _Selection(statements, boundary, failed, key, self._boundary_name)

    def _applied(self, statements: Iterable[Statement], context: Context) -> Iterator[Applied]:
        # A statement that denies need not apply to what the caller can choose: it may choose something else.
        denied: dict[str, Sequence[Value]] = {
            key: [Like(value.pattern) if isinstance(value, Chosen) else value for value in values]
            for key, values in context.items()
        }
        for each in statements:
            outcome = holds(each.condition, context if each.allows else denied)
            if outcome is not False:
                pairs = [_globs(resource) for resource in each.resources]
                certain = dict.fromkeys(pattern for sure, _ in pairs for pattern in sure)
                possible = dict.fromkeys(pattern for _, at_most in pairs for pattern in at_most)
                yield Applied(each, outcome is True, certain, possible)
            elif each.allows:
                self._failed.append(each)


class _Question:
    """One need, and the statements with the action."""

    def __init__(self, selection: _Selection, need: Need, service: str) -> None:
        statements, boundary, self.failed, _, self.boundary_name = selection
        self.whole = need.whole
        self.need = [glob("${*}")] if need.takes_no_resource else [arn_glob(each) for each in need.patterns]
        self.exceptions = [arn_glob(each) for each in need.exceptions]
        if need.takes_no_resource:
            statements = [self._with_resources_of_service(each, service) for each in statements]
            boundary = boundary and [self._with_resources_of_service(each, service) for each in boundary]
        self.allows = [each for each in statements if each.statement.allows]
        self.denies = [each for each in (*statements, *(boundary or ())) if not each.statement.allows]
        self.boundary = None if boundary is None else [each for each in boundary if each.statement.allows]

    def answer(self) -> Decision:
        try:
            if self._is_allowed(certainly=True):
                return Decision(Outcome.ALLOWED)
            if self._is_allowed(certainly=False):
                return Decision(Outcome.CONDITIONAL, tuple(self._unknowns()))
            return Decision(Outcome.DENIED, tuple(self._refusals()))
        except TooComplexError:
            return Decision(Outcome.CONDITIONAL, (Reason(Kind.TOO_COMPLEX),))

    def _is_allowed(self, *, certainly: bool, boundary: bool = True, denies: Sequence[Applied] | None = None) -> bool:
        """Whether the need is allowed, with the boundary or without it.

        Args:
            certainly: Whether what is not known counts against it. Otherwise it counts for it.
            boundary: Whether the permissions boundary counts.
            denies: The statements that count of those that deny. The default is all.
        """
        limits = [self.allows] + ([self.boundary] if boundary and self.boundary is not None else [])
        denies = self.denies if denies is None else denies
        counted = [each for each in denies if each.is_certain or certainly]
        if self.whole:
            return not (
                any(self._has_gap(statements, certainly=certainly) for statements in limits)
                or any(self._applies([each], certainly=not certainly) for each in counted)
            )
        groups, excluded = list[list[Glob]](), list[Glob]()
        for each in counted:
            if each.statement.except_resources:
                groups.append(list(each.certain if certainly else each.possible))
            else:
                excluded += each.possible if certainly else each.certain
        return any(
            self._find([*groups, *one[0], *other[0]], [*excluded, *one[1], *other[1]])
            for one in _alternatives(limits[0], certainly=certainly)
            for other in (_alternatives(limits[1], certainly=certainly) if len(limits) > 1 else [((), ())])
        )

    def _applies(self, statements: Sequence[Applied], *, certainly: bool) -> bool:
        """Whether one of the statements applies to some of the resources."""
        return any(self._find(*each) for each in _alternatives(statements, certainly=certainly))

    def _has_gap(self, statements: Sequence[Applied], *, certainly: bool) -> bool:
        """Whether the statements leave out some of the resources."""
        groups, excluded = list[list[Glob]](), list[Glob]()
        for each in statements:
            if certainly and not each.is_certain:
                continue
            if each.statement.except_resources:
                groups.append(list(each.possible if certainly else each.certain))
            else:
                named = each.certain if certainly else each.possible
                if all(need in named for need in self.need):
                    return False  # as with EVERYTHING, there is nothing to search
                excluded += named
        return self._find(groups, excluded)

    def _find(self, groups: Iterable[Sequence[Glob]], excluded: Iterable[Glob]) -> bool:
        return find_string([self.need, *groups], [*self.exceptions, *excluded]) is not None

    def _unknowns(self) -> Iterator[Reason]:
        """What the decision depends on."""
        certain_denies = [each._replace(possible=each.certain) for each in self.denies if each.is_certain]
        without_unknown_denies = self._is_allowed(certainly=True, denies=certain_denies)
        uncertain = [] if without_unknown_denies else [*self.allows, *(self.boundary or ())]
        for each in (*uncertain, *self.denies):
            if not self._applies([each], certainly=False):
                continue
            kind = None if each.statement.allows else Kind.EXPLICIT_DENY
            if not each.is_certain:
                condition = " and ".join(condition_lines(each.statement.condition))
                yield Reason(kind or Kind.CONDITION, each.statement, condition)
            elif each.certain != each.possible:
                yield Reason(kind or Kind.UNKNOWN_VALUE, each.statement, ", ".join(each.statement.scope()))

    def _refusals(self) -> Iterator[Reason]:
        """Why the action is denied."""
        if self._is_allowed(certainly=False, boundary=False, denies=()):
            if not self._is_allowed(certainly=False, denies=()):
                yield Reason(Kind.BOUNDARY, boundary=self.boundary_name)
            for each in self.denies:
                if each.is_certain and self._applies([each], certainly=True):
                    yield Reason(Kind.EXPLICIT_DENY, each.statement)
        elif limits := list(self._limits()):
            yield from limits  # another Allow would change nothing
        elif self.failed or self.allows:
            yield from (Reason(Kind.CONDITION, each) for each in self.failed)
            yield from (Reason(Kind.OTHER_RESOURCES, each.statement) for each in self.allows)
        else:
            yield Reason(Kind.NOT_ALLOWED)

    def _limits(self) -> Iterator[Reason]:
        """What keeps the action from being allowed on any of the resources, whatever else a policy allows."""
        if self.boundary is not None and not self._applies(self.boundary, certainly=False):
            yield Reason(Kind.BOUNDARY, boundary=self.boundary_name)
        for each in self.denies:
            left: _Alternative = (
                ([list(each.possible)], ()) if each.statement.except_resources else ((), [*each.certain])
            )
            if each.is_certain and not self._find(*left):
                yield Reason(Kind.EXPLICIT_DENY, each.statement)

    def _with_resources_of_service(self, applied: Applied, service: str) -> Applied:
        """A statement for an action that takes no resources, to which an ARN of its own service might apply.

        By AWS's reference, only ``*`` applies. But AWS checks some of these actions on an ARN that names no resource,
        such as ``arn:aws:ssmmessages:eu-west-1:123456789012:*``, as messages of denied calls show.
        """
        forms = _unnamed_resources(service)
        patterns = [
            arn_glob(VARIABLE.sub("*", each)) for each in applied.statement.resources if _may_be_of(service, each)
        ]
        if any(overlap(pattern, form) for pattern in patterns for form in forms):
            return applied._replace(possible={**applied.possible, **dict.fromkeys(self.need)})
        return applied


def _may_be_of(service: str, resource: str) -> bool:
    """Whether an ARN can be one of a service."""
    parts = resource.split(":", 3)
    return len(parts) > 2 and (parts[2].lower() == service or bool(set(parts[2]) & set("*?$")))  # noqa: PLR2004


@cache
def _unnamed_resources(service: str) -> tuple[Glob, ...]:
    """The ARNs of a service that name no resource."""
    parts = ["${*}", "", *(["log-group::log-stream:"] if service == "logs" else [])]
    return tuple(arn_glob(f"arn:*:{service}:*:*:{part}") for part in parts)


_Alternative = tuple[Sequence[Sequence[Glob]], Sequence[Glob]]
"""Groups of patterns, of each of which one must match, and patterns that must not match."""


def _alternatives(statements: Iterable[Applied], *, certainly: bool) -> Iterator[_Alternative]:
    """The ways in which one of the statements applies."""
    named = list[Glob]()
    for each in statements:
        if certainly and not each.is_certain:
            continue
        if each.statement.except_resources:
            yield [], list(each.possible if certainly else each.certain)
        else:
            named += each.certain if certainly else each.possible
    if named:
        yield [named], []


MOST_WILDCARDS = 12
"""How many wildcards a resource may have. One with more is taken for unknown after the first of them."""


@cache
def _globs(resource: str) -> tuple[tuple[Glob, ...], tuple[Glob, ...]]:
    """What a resource of a policy matches in any case, and at most."""
    if VARIABLE.search(resource):
        return (), (arn_glob(VARIABLE.sub("*", resource)),)
    pattern = arn_glob(resource)
    if len(re.findall("[*?]+", resource)) > MOST_WILDCARDS:
        return (), (glob(pattern.prefix + "*"),)
    if pattern.is_everything or resource.count(":") >= SEGMENTS - 1:
        return (pattern,), (pattern,)
    # AWS's documents say that a wildcard at the end of a part can match beyond the colon. They do not say when.
    return (pattern,), (pattern, glob(resource))
