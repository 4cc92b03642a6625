"""The options for all answers together, for each stack: a stack has one region and one account."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ssm_profile.policy import Document, policy_document, size
from ssm_profile.regions import SHORTEST_LOCATION
from ssm_profile.validation import find_mistakes, find_size_mistakes

from .answers import Answer
from .proposals import allows, arn_of, document_of, location_of, nested


class StackLocation(NamedTuple):
    """Where a stack must deploy to. None for what is not known."""

    region: str | None = None
    account: str | None = None

    def united(self, other: "StackLocation") -> "StackLocation | None":
        """The location that is both. None if one stack cannot be in both."""
        if any(None not in pair and pair[0] != pair[1] for pair in zip(self, other, strict=True)):
            return None
        return StackLocation(self.region or other.region, self.account or other.account)


@dataclass(frozen=True)
class Stack:
    """The options that one stack needs."""

    locations: Sequence[StackLocation]
    """Where the stack can be: for several locations, each needs such a stack."""
    options: Mapping[str, Any]
    """The options that grant all calls together."""
    open: Sequence[Answer] = ()
    """The answers that a person must complete: several options to choose from, or a value that no message gives."""
    left_out: Mapping[int, str] = field(default_factory=dict[int, str])
    """Why the option of an answer, by its position, is not part of the options although it is complete."""

    @property
    def mistakes(self) -> list[str]:
        """The mistake of options whose policy is longer than IAM allows."""
        document = policy_document(_without_buckets(self.options), SHORTEST_LOCATION)
        return [str(mistake) for mistake in find_size_mistakes(size(document), self.options)]


def stacks_for(answers: Sequence[Answer]) -> list[Stack]:
    """The stacks that grant the calls of all answers, which are one if one can be in every location."""
    proposed = {number: answer for number, answer in enumerate(answers) if answer.proposals and not answer.is_default}
    locations = {number: _locations_of(answer) for number, answer in proposed.items()}
    stacks: list[Stack] = []
    for location, members in _by_location(locations).items():
        stack = _merge(location, {number: proposed[number] for number in members})
        same = next((each for each in stacks if (each.options, each.open) == (stack.options, stack.open)), None)
        if same:
            stacks[stacks.index(same)] = Stack(
                [*same.locations, location], same.options, same.open, {**same.left_out, **stack.left_out}
            )
        else:
            stacks.append(stack)
    return stacks


def _locations_of(answer: Answer) -> list[StackLocation]:
    """The locations in which the call is denied and an option grants it. Several if several accounts call."""
    bound: dict[str, str] = {}
    for proposal in answer.proposals:
        bound |= proposal.location
    accounts = [bound["account"]] if "account" in bound else [each.caller.account for each in answer.solvable]
    return [StackLocation(bound.get("region"), account) for account in dict.fromkeys(accounts)]


def _by_location(locations: Mapping[int, Iterable[StackLocation]]) -> dict[StackLocation, list[int]]:
    """The positions of answers by the location of their stack.

    An answer that leaves a region or an account open belongs to the only stack that it fits. If it fits several, its
    stack is not known.
    """
    stacks: list[StackLocation] = []
    of_account: dict[str | None, list[int]] = {}  # an organization has thousands of accounts
    stack_of: dict[StackLocation, int] = {}
    known = dict.fromkeys(location for each in locations.values() for location in each)
    for location in sorted(known, key=lambda location: (location.region is None, location.account is None)):
        numbers = (
            [*of_account.get(location.account, ()), *of_account.get(None, ())]
            if location.account
            else range(len(stacks))
        )
        united = {number: both for number in numbers if (both := stacks[number].united(location))}
        if len(united) == 1:
            ((number, both),) = united.items()
            stacks[number] = both
        else:
            number = len(stacks)
            stacks.append(location)
            of_account.setdefault(location.account, []).append(number)
        stack_of[location] = number
    members: dict[StackLocation, list[int]] = {}
    for number, each in locations.items():
        for stack in dict.fromkeys(stacks[stack_of[location]] for location in each):
            members.setdefault(stack, []).append(number)
    return members


def _merge(location: StackLocation, answers: Mapping[int, Answer]) -> Stack:
    """The stack for answers in one location. What must be chosen or completed first is not part of its options."""
    values: dict[str, Any] = {}
    left_out: dict[int, str] = {}
    incomplete: set[int] = set()
    certain = [(number, answer.proposals[0]) for number, answer in answers.items() if len(answer.proposals) == 1]
    # An answer that lacks a value can get it from an answer that has it.
    for number, proposal in sorted(certain, key=lambda each: len(each[1].missing)):
        both = _united(values, proposal.values)
        if any(path not in values for path in proposal.missing):
            incomplete.add(number)
        elif both is None or find_mistakes(nested(both)):
            left_out[number] = "Its value conflicts with the value that another denied call needs."
        else:
            values = both
    options, documents = nested(values), dict[str, Document]()
    unanswered = [
        (number, answer)
        for number, answer in answers.items()
        if number not in left_out and not _allowed(answer, options, documents)
    ]
    still_open = [answer for number, answer in unanswered if number in incomplete or len(answer.proposals) > 1]
    left_out |= {
        number: "The options for the other denied calls do not grant it."
        for number, answer in unanswered
        if answer not in still_open
    }
    return Stack([location], options, still_open, left_out)


def _united(values: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any] | None:
    """Two sets of values together. Nothing if an option can take only one of two values."""
    united = dict(values)
    for path, value in more.items():
        if isinstance(value, list) and path in united:
            united[path] = [*united[path], *(entry for entry in value if entry not in united[path])]
        elif path not in united or united[path] == value:
            united[path] = value
        elif path == "session_logs.prefix" and "" in (value, united[path]):
            united[path] = ""  # one of the two objects is in no folder, so that the whole bucket is needed
        else:
            return None
    return united


def _allowed(answer: Answer, options: Mapping[str, Any], documents: dict[str, Document]) -> bool:
    """Whether the options grant a denied call.

    Args:
        answer: The answer for the call.
        options: The options.
        documents: The policy documents of the options, by location. The function adds those that are missing.
    """
    denial = answer.first
    if options.get("managed_buckets") and any(proposal.values.get("managed_buckets") for proposal in answer.proposals):
        return True  # which is checked with the region of the bucket
    location = location_of(denial)
    if str(location) not in documents:
        documents[str(location)] = document_of(_without_buckets(options), location)
    # With a choice, a condition decides whether an option is for this use of the action.
    return allows(documents[str(location)], str(denial.needed), arn_of(denial), conditions=len(answer.proposals) == 1)


def _without_buckets(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options without the one that only some regions have."""
    return {name: value for name, value in options.items() if name != "managed_buckets"}
