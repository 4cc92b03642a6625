"""Patterns of IAM policies, and the search for a string that some patterns match and others do not.

A pattern is read as IAM's documents describe it:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property, lru_cache
from os.path import commonprefix

from ssm_profile.errors import TooComplexError

VARIABLE = re.compile(r"\$\{(?![*?$]})([^}]*)}")
"""A policy variable in a value or a resource of a policy. The group is its condition key."""

SEGMENTS = 6
"""The parts of an ARN, between colons. The last one can contain colons itself."""

MOST_STATES = 5_000
"""The number of states after which :func:`find_string` gives up."""


class Wildcard(Enum):
    """What a wildcard matches. In the first five parts of an ARN, it does not match a colon."""

    ANY = "*"
    ANY_IN_SEGMENT = "* without a colon"
    ONE = "?"
    ONE_IN_SEGMENT = "? without a colon"


Token = str | Wildcard
"""One character, or a wildcard."""


@dataclass(frozen=True, eq=False)
class Glob:
    """A pattern as tokens. :func:`glob` and :func:`arn_glob` give the same object for the same pattern.

    The positions that a string can reach in it are the bits of a number: bit 0 is the beginning.
    """

    tokens: tuple[Token, ...]

    @cached_property
    def is_everything(self) -> bool:
        """Whether it matches every string."""
        return bool(self.tokens) and all(token is Wildcard.ANY for token in self.tokens)

    @cached_property
    def prefix(self) -> str:
        """The characters before the first wildcard."""
        return _literal(self.tokens)

    @cached_property
    def suffix(self) -> str:
        """The characters after the last wildcard, last one first."""
        return _literal(reversed(self.tokens))

    @property
    def is_literal(self) -> bool:
        """Whether it matches one string only."""
        return len(self.prefix) == len(self.tokens)

    def may_overlap(self, other: "Glob") -> bool:
        """Whether the literal beginnings and ends allow a common string. Cheap, and never wrongly false."""
        return _is_compatible(self.prefix, other.prefix) and _is_compatible(self.suffix, other.suffix)

    def may_cover(self, other: "Glob") -> bool:
        """Whether the literal beginnings and ends allow it to match all that *other* matches. Never wrongly false."""
        return other.prefix.startswith(self.prefix) and other.suffix.startswith(self.suffix)

    def after(self, positions: int, letter: str) -> int:
        """The positions after one more letter."""
        stays, moves = self._colon_masks if letter == ":" else self._other_masks
        moves |= self._letter_masks.get(letter, 0)
        return self._with_skips((positions & stays) | ((positions & moves) << 1))

    def after_string(self, string: str) -> int:
        """The positions after a string from the beginning."""
        if string not in self._reached:
            positions = self._with_skips(1)
            for letter in string:
                positions = self.after(positions, letter)
                if not positions:
                    break
            self._reached[string] = positions
        return self._reached[string]

    def matches(self, positions: int) -> bool:
        """Whether the whole pattern is matched."""
        return bool(positions >> len(self.tokens) & 1)

    def matches_ever_after(self, positions: int) -> bool:
        """Whether the pattern matches, whatever letters follow."""
        return bool(positions & self._final_star)

    def letters(self, positions: int) -> Iterator[str]:
        """The letters that the pattern names at the positions."""
        for letter, mask in self._letter_masks.items():
            if positions & mask:
                yield letter

    def sample(self) -> str:
        """A string that the pattern matches."""
        many = (Wildcard.ANY, Wildcard.ANY_IN_SEGMENT)
        return "".join(each if isinstance(each, str) else "" if each in many else "x" for each in self.tokens)

    @cached_property
    def _masks(self) -> dict[Token, int]:
        masks: dict[Token, int] = dict.fromkeys(Wildcard, 0)
        for position, token in enumerate(self.tokens):
            masks[token] = masks.get(token, 0) | 1 << position
        return masks

    @cached_property
    def _letter_masks(self) -> dict[str, int]:
        return {token: mask for token, mask in self._masks.items() if isinstance(token, str)}

    @cached_property
    def _colon_masks(self) -> tuple[int, int]:
        """The positions at which a colon matches a ``*`` and a ``?``."""
        return self._masks[Wildcard.ANY], self._masks[Wildcard.ONE]

    @cached_property
    def _other_masks(self) -> tuple[int, int]:
        """The positions at which any other letter matches a ``*`` and a ``?``."""
        return self._stars, self._masks[Wildcard.ONE] | self._masks[Wildcard.ONE_IN_SEGMENT]

    @cached_property
    def _reached(self) -> dict[str, int]:
        return {}

    @cached_property
    def _stars(self) -> int:
        return self._masks[Wildcard.ANY] | self._masks[Wildcard.ANY_IN_SEGMENT]

    @cached_property
    def _final_star(self) -> int:
        return self._masks[Wildcard.ANY] & 1 << len(self.tokens) - 1 if self.tokens else 0

    def _with_skips(self, positions: int) -> int:
        """The positions and those after them that an empty string reaches, since a ``*`` can match nothing."""
        while further := (positions & self._stars) << 1 & ~positions:
            positions |= further
        return positions


EVERYTHING = Glob((Wildcard.ANY,))


@cache
def glob(pattern: str) -> Glob:
    """A pattern in which ``*`` matches any string and ``?`` any character, colons included."""
    return Glob(tuple(_tokens(pattern, in_segment=False)))


@cache
def arn_glob(pattern: str) -> Glob:
    """A pattern of ARNs, whose wildcards stay within their part of the ARN.

    Missing parts at the end are wildcards. The string ``*`` stands for every resource, and not only for ARNs.
    """
    if pattern and set(pattern) == {"*"}:
        return EVERYTHING
    parts = pattern.split(":", SEGMENTS - 1)
    parts += ["*"] * (SEGMENTS - len(parts))
    tokens: list[Token] = []
    for number, part in enumerate(parts, 1):
        tokens += _tokens(part, in_segment=number < SEGMENTS)
        if number < SEGMENTS:
            tokens.append(":")
    return Glob(tuple(tokens))


def covers(pattern: Glob, other: Glob) -> bool:
    """Whether a pattern matches every string that another pattern matches.

    Raises:
        TooComplexError: If the patterns have too many wildcards.
    """
    return pattern.is_everything or (pattern.may_cover(other) and find_string([[other]], [pattern]) is None)


def overlap(one: Glob, other: Glob) -> bool:
    """Whether two patterns match a common string.

    Raises:
        TooComplexError: If the patterns have too many wildcards.
    """
    return find_string([[one], [other]]) is not None


def find_string(all_of: Sequence[Sequence[Glob]], none_of: Iterable[Glob] = ()) -> str | None:
    """A string that at least one pattern of each group matches, and that no pattern of another list matches.

    The search goes through the strings letter by letter and keeps, for each pattern, the positions that a string can
    have reached. Letters that no pattern names are equal, so that one of them stands for all.

    Args:
        all_of: Groups of patterns. The first one should be the narrowest.
        none_of: Patterns that must not match.

    Returns:
        The string, or None if there is none.

    Raises:
        TooComplexError: If the patterns have too many wildcards.
    """
    groups = [tuple(group) for group in all_of if not any(each.is_everything for each in group)] or [(EVERYTHING,)]
    first = groups[0]
    groups = [first, *(tuple(each for each in group if any(map(each.may_overlap, first))) for group in groups[1:])]
    excluded = tuple(each for each in none_of if each.is_everything or any(map(each.may_overlap, first)))
    if not all(groups) or any(each.is_everything for each in excluded):
        return None
    if len(groups) == 1 and not excluded:
        return first[0].sample()
    if len(first) == 1 and first[0] in excluded:
        return None
    return _search(tuple(groups), excluded)


_Positions = tuple[tuple[int, int], ...]
"""The patterns of a group that can still match: the number of each, and the positions in it."""

_OTHER_LETTERS = "x0abcdefghijklmnopqrstuvwyz123456789-_."


# The policies of a fleet ask again what others have asked.
@lru_cache(maxsize=10_000)
def _search(groups: tuple[tuple[Glob, ...], ...], excluded: tuple[Glob, ...]) -> str | None:
    everything = (*groups, excluded)
    # Every string begins with what the first patterns have in common.
    string = commonprefix([each.prefix for each in groups[0]])  # noqa: RUF071 - letter by letter is meant
    start = tuple(
        tuple((number, reached) for number, each in enumerate(group) if (reached := each.after_string(string)))
        for group in everything
    )
    if not all(start[:-1]) or _matches_ever_after(excluded, start[-1]):
        return None
    stack, seen = [(start, string)], {start}
    while stack:
        states, string = stack.pop()
        *included_states, excluded_state = states
        if not _matches(excluded, excluded_state) and all(map(_matches, groups, included_states)):
            return string
        named = {
            letter
            for group, state in zip(everything, states, strict=True)
            for number, positions in state
            for letter in group[number].letters(positions)
        }
        other = next((letter for letter in _OTHER_LETTERS if letter not in named), "\N{BULLET}")
        for letter in (*sorted(named, reverse=True), other):
            reached = _after(everything, states, letter)
            if reached is None or reached in seen or _matches_ever_after(excluded, reached[-1]):
                continue
            if len(seen) >= MOST_STATES:
                raise TooComplexError
            seen.add(reached)
            stack.append((reached, string + letter))
    return None


def _after(
    groups: Sequence[Sequence[Glob]], states: Sequence[_Positions], letter: str
) -> tuple[_Positions, ...] | None:
    """The positions in each group after one more letter. None if a group that must match no longer can."""
    reached = list[_Positions]()
    for number, (group, state) in enumerate(zip(groups, states, strict=True), 1):
        following = tuple((each, after) for each, positions in state if (after := group[each].after(positions, letter)))
        if not following and number < len(groups):
            return None
        reached.append(following)
    return tuple(reached)


def _matches(group: Sequence[Glob], state: _Positions) -> bool:
    return any(group[number].matches(positions) for number, positions in state)


def _matches_ever_after(group: Sequence[Glob], state: _Positions) -> bool:
    return any(group[number].matches_ever_after(positions) for number, positions in state)


def _tokens(text: str, *, in_segment: bool) -> Iterator[Token]:
    many, one = (Wildcard.ANY_IN_SEGMENT, Wildcard.ONE_IN_SEGMENT) if in_segment else (Wildcard.ANY, Wildcard.ONE)
    # ${*}, ${?} and ${$} are IAM's way to write these characters themselves.
    for part in re.finditer(r"\$\{([*?$])}|(\*+)|(\?)|(.)", text, re.DOTALL):
        escaped, star, question, letter = part.groups()
        yield many if star else one if question else escaped or letter


def _literal(tokens: Iterable[Token]) -> str:
    letters = list[str]()
    for token in tokens:
        if not isinstance(token, str):
            break
        letters.append(token)
    return "".join(letters)


def _is_compatible(one: str, other: str) -> bool:
    length = min(len(one), len(other))
    return one[:length] == other[:length]
