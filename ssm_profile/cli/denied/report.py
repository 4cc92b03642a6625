"""The report of answers, for a terminal and as Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ssm_profile.cli.report import CodeBlock, Paragraph, Report, Table, code
from ssm_profile.cli.stack_yaml import format_stack_config
from ssm_profile.options import OPTIONS, camel_case, option_at
from ssm_profile.validation import FILL_IN

_MOST_CALLERS = 5
"""How many callers are listed. A fleet can have thousands."""

_MOST_LOCATIONS = 5
"""How many regions and accounts are listed."""


def format_answers(answered: Mapping[str, Any]) -> Report:
    """The report of the answers of :func:`.data.answer_denials`."""
    parts: list[Paragraph | CodeBlock | Table] = []
    for answer in answered["answers"]:
        parts += _answer_parts(answer)
    if answered["notAnswered"]:
        parts.append(Paragraph(f"{answered['notAnswered']:,} more denied calls are not answered. Pass them in parts."))
    several = len(answered["stacks"]) > 1
    if several:
        parts.append(
            Paragraph(
                "One stack cannot grant all calls, because a stack has one region and one account. Each block is for "
                "the stack of one location."
            )
        )
    for stack in answered["stacks"]:
        parts += _stack_parts(stack, several=several)
    return parts


def _stack_parts(stack: Mapping[str, Any], *, several: bool) -> Iterator[Paragraph | CodeBlock]:
    calls = f"the calls in {_location_names(stack['locations'])}" if several else "the calls"
    todo = " The lines that begin with # need a decision or a value first." if stack["toComplete"] else ""
    yield Paragraph(_printable(f"To grant {calls}, add this to the stack's file.{todo}"))
    yield CodeBlock(_config(stack))
    yield from (Paragraph(mistake) for mistake in stack["mistakes"])


def _location_names(locations: Sequence[Mapping[str, str | None]]) -> str:
    names = [_location_name(location["region"], location["account"]) for location in locations[:_MOST_LOCATIONS]]
    rest = len(locations) - len(names)
    return " and in ".join(names) + (f" and {rest:,} others" if rest else "")


def _location_name(region: str | None, account: str | None) -> str:
    if region:
        return f"{region} (account {account})" if account else region
    return f"the account {account} (no message names the region)" if account else "a location that no message names"


def _answer_parts(answer: Mapping[str, Any]) -> Iterator[Paragraph | CodeBlock | Table]:
    yield Paragraph(_heading(answer))
    if len(answer["callers"]) > 1 or answer["callers"][0]["arn"]:
        yield Paragraph(_callers(answer["callers"]))
    if answer["why"]:
        yield Paragraph(_printable(" ".join(answer["why"])))
    several = len(answer["options"]) > 1
    for option in answer["options"]:
        if option["notes"]:
            name = f"{code(option['option'])}: " if several else ""
            yield Paragraph(_printable(name + " ".join(option["notes"])))
    if answer["decodeCommand"]:
        yield CodeBlock(answer["decodeCommand"])
    yield Table(
        "Options that grant it",
        ("Option", "Purpose", "Symptom when missing", "Sources"),
        [
            (code(option["option"]), option["purpose"], option["symptom"], "\n".join(option["sources"]))
            for option in answer["options"]
        ],
    )
    sources = dict.fromkeys(source for line in answer["knownLines"] for source in line["sources"])
    yield Table("Sources of the log line", ("Source",), [(source,) for source in sources])


def _heading(answer: Mapping[str, Any]) -> str:
    count = f" ({answer['count']:,} times)" if answer["count"] > 1 else ""
    on_resource = f" on {code(answer['resource'])}" if answer["resource"] else ""
    if answer["action"]:
        missing = f", which needs {code(answer['missingAction'])}" if answer["missingAction"] else ""
        return f"Denied: {code(answer['action'])}{on_resource}{missing}{count}"
    if answer["knownLines"]:
        return f"Found: {answer['knownLines'][0]['name']}{count}"
    return f"Denied: an action in an encoded message{count}"


def _callers(callers: list[Mapping[str, Any]]) -> str:
    shown = [
        (code(caller["arn"]) if caller["arn"] else "a caller that is not named")
        + (f" ({caller['count']:,})" if len(callers) > 1 else "")
        for caller in callers[:_MOST_CALLERS]
    ]
    rest = len(callers) - len(shown)
    return f"Called by: {', '.join(shown)}{f' and {rest:,} others' if rest else ''}"


def _config(stack: Mapping[str, Any]) -> str:
    """The stack config of one stack. What a person must complete first are comments."""
    lines = format_stack_config(stack["options"]).split("\n") if stack["options"] else ["config:"]
    for call in stack["toComplete"]:
        on_resource = f" on {call['resource']}" if call["resource"] else ""
        lines.append(_printable(f"  # {call['action']}{on_resource}"))
        lines.append("  # Choose one of these:" if len(call["choices"]) > 1 else "  # Fill in each ... first:")
        for number, choice in enumerate(call["choices"]):
            lines += ["  # or"] if number else []
            completed = _filled(choice["options"], choice["missing"])
            if again := [name for name in completed if name in stack["options"]]:
                completed |= {name: _united(stack["options"][name], completed[name]) for name in again}
                lines.append(f"  # instead of {' and '.join(camel_case(name) for name in again)} above:")
            lines += [f"  #{line}" for line in format_stack_config(completed).split("\n")[1:]]
    return "\n".join(lines)


def _united(one: Any, other: Any) -> Any:
    """The values of an option together."""
    if isinstance(one, dict):
        return {**one, **{key: _united(one[key], entry) if key in one else entry for key, entry in other.items()}}
    return [*one, *(entry for entry in other if entry not in one)] if isinstance(one, list) else other


def _filled(options: Mapping[str, Any], missing: Sequence[str]) -> dict[str, Any]:
    """Options with a placeholder for each value that is missing."""
    filled = {name: dict(value) if isinstance(value, Mapping) else value for name, value in options.items()}
    for path in missing:
        name, _, key = path.partition(".")
        placeholder = [FILL_IN] if option_at(path).type == "array" else FILL_IN
        if key and OPTIONS[name].is_list_of_maps:
            filled[name] = [{**entry, key: placeholder} for entry in filled.get(name, [{}])]
        elif key:
            filled.setdefault(name, {})[key] = placeholder
        else:
            filled[name] = placeholder
    return filled


def _printable(text: str) -> str:
    """A text without control characters, which an event can contain and a terminal would obey."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
