"""Reads the functions of CloudFormation: ``Ref``, ``Fn::Sub``, ``Fn::Join`` and others. What they give is unknown."""

import re
from collections.abc import Mapping
from typing import Any

from ssm_profile.iam.documents import as_list

from .found import is_iam_variable, placeholder, text_of, unrendered

NO_VALUE = "AWS::NoValue"
_ABSENT = object()


def is_function(value: Any) -> bool:
    """Whether a value is a call of a function: an object whose only key is ``Ref``, ``Condition`` or ``Fn::...``."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    (key,) = value
    return key == "Ref" or str(key).startswith("Fn::") or (key == "Condition" and isinstance(value[key], str))


class Resolver:
    """Replaces functions by their values, or by placeholders for values that only a deployment knows.

    A pseudo parameter such as ``AWS::Region`` and a parameter with a default are unknown: the deployment decides.
    """

    def __init__(self) -> None:
        self._unknown = dict[str, None]()

    @property
    def unknown(self) -> tuple[str, ...]:
        """The values that were unknown until now, as the file writes them."""
        return tuple(self._unknown)

    def resolve(self, value: Any) -> Any:
        """JSON data without functions. ``AWS::NoValue`` removes the member or the element that has it."""
        resolved = self._value(value)
        return None if resolved is _ABSENT else resolved

    def _value(self, value: Any) -> Any:
        if is_function(value):
            ((function, argument),) = value.items()
            return self._call(str(function), argument)
        if isinstance(value, Mapping):
            members = {str(key): self._value(each) for key, each in value.items()}
            for key in members:
                self._note_unrendered(key)
            return {key: each for key, each in members.items() if each is not _ABSENT}
        if isinstance(value, list):
            return [each for each in map(self._value, value) if each is not _ABSENT]
        self._note_unrendered(value)
        return value

    def _note_unrendered(self, value: Any) -> None:
        if isinstance(value, str):
            self._unknown.update(dict.fromkeys(unrendered(value)))

    def _call(self, function: str, argument: Any) -> Any:  # noqa: PLR0911 - a return for each function
        match function, argument:
            case "Ref", "AWS::NoValue":
                return _ABSENT
            case "Ref" | "Condition", str(name):
                return self._placeholder(name, f"{function} {name}")
            case "Fn::GetAtt", str(name):
                return self._placeholder(name, f"{function} {name}")
            case "Fn::GetAtt", [*parts]:
                name = ".".join(text_of(part, "...") for part in parts)
                return self._placeholder(name, f"{function} {name}")
            case "Fn::Sub", str(text):
                return self._substitute(text, {})
            case "Fn::Sub", [str(text), Mapping() as variables]:
                return self._substitute(text, variables)
            case "Fn::Join", [str(delimiter), [*parts]]:
                texts = [self._value(part) for part in parts]
                if all(isinstance(text, str | int | float) or text is _ABSENT for text in texts):
                    return delimiter.join(_scalar(text) for text in texts if text is not _ABSENT)
            case "Fn::Select", [index, [*values]] if str(index).isdecimal() and int(index) < len(values):
                return self._value(values[int(index)])
            case _:
                pass
        name = f"{function} {_subject(argument)}".strip()
        return self._placeholder(name, name)

    def _substitute(self, text: str, variables: Mapping[str, Any]) -> str:
        def replace(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):  # ${!x} is the text ${x}
                return f"${{{name[1:]}}}"
            if name in variables:
                value = self._value(variables[name])
                if isinstance(value, str | int | float):
                    return _scalar(value)
            if is_iam_variable(name) and not name.startswith("AWS::"):
                return match[0]
            return self._placeholder(name, f"Fn::Sub {name}")

        return re.sub(r"\$\{([^{}]*)}", replace, text)

    def _placeholder(self, name: str, unknown: str) -> str:
        self._unknown[unknown] = None
        return placeholder(name)


def references(value: Any) -> set[str]:
    """The names to which ``Ref`` and ``Fn::GetAtt`` refer anywhere in a value."""
    if is_function(value):
        ((function, argument),) = value.items()
        if function == "Ref":
            return {text_of(argument)}
        if function == "Fn::GetAtt":
            first = argument.split(".")[0] if isinstance(argument, str) else next(iter(as_list(argument)), "")
            return {text_of(first)}
    members = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else []
    return {name for member in members for name in references(member)}


def reference(value: Any) -> str | None:
    """The name of the resource or parameter to which a value refers, if it is nothing but a reference."""
    if is_function(value) and next(iter(value)) in ("Ref", "Fn::GetAtt"):
        return next(iter(references(value)), None)
    return None


def _subject(argument: Any) -> str:
    """The first name in the argument of a function: the condition of ``Fn::If``, the map of ``Fn::FindInMap``."""
    if is_function(argument):
        ((function, inner),) = argument.items()
        return _subject(inner) if function == "Ref" else f"{function} {_subject(inner)}".strip()
    if isinstance(argument, Mapping):
        return ""
    if isinstance(argument, list):
        return next((subject for subject in map(_subject, argument[:8]) if subject), "")
    return _scalar(argument)[:200] if isinstance(argument, str | int | float) else ""


def _scalar(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
