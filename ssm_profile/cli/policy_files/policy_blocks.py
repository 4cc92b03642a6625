"""Makes a policy document of the blocks of Terraform's data source ``aws_iam_policy_document``."""

from collections.abc import Callable, Mapping
from typing import Any

from ssm_profile.iam.documents import as_list

from .found import map_of, placeholder, text_of, unique
from .parsing import parse_embedded

Names = Callable[[tuple[str | int, ...]], list[str]]
"""Gives the unknown values on which the argument at a path depends."""

SOURCES = ("source_json", "source_policy_documents", "override_policy_documents", "override_json")
"""The arguments that are policy documents, in the order in which they are merged. The statements are in the middle."""

_ELEMENTS = {
    "actions": "Action",
    "not_actions": "NotAction",
    "resources": "Resource",
    "not_resources": "NotResource",
}


class Blocks:
    """The arguments of one data source.

    Args:
        values: The arguments that are known. An unknown element of a list is None, and an unknown argument is missing.
        configured: The arguments that the configuration has.
        names: Gives the unknown values on which an argument depends.
        place: Where the data source is, for error messages.
    """

    def __init__(self, values: Mapping[str, Any], configured: Mapping[str, Any], names: Names, place: str) -> None:
        self.values = values
        self.configured = configured
        self.names = names
        self.place = place
        self.unknown = list[str]()

    def document(self, sources: Mapping[str, list[Any]]) -> dict[str, Any]:
        """The document.

        Args:
            sources: The documents of an argument such as ``source_policy_documents`` that stand for its unknown
                elements; if all of the argument is unknown, its documents.
        """
        statements = list[Any]()
        for key in SOURCES[:2]:
            for document in self._documents(key, sources.get(key, [])):
                statements = _merged(statements, document)
        blocks = as_list(self.values.get("statement"))
        if "statement" not in self.values and "statement" in self.configured:
            blocks = [None]
        statements = _merged(statements, [self._statement(block, number) for number, block in enumerate(blocks)])
        for key in SOURCES[2:]:
            for document in self._documents(key, sources.get(key, [])):
                statements = _merged(statements, document)
        return {"Version": text_of(self.values.get("version"), "2012-10-17"), "Statement": statements}

    def _documents(self, key: str, sources: list[Any]) -> list[list[Any]]:
        """The statements of each document in an argument."""
        values = as_list(self.values.get(key))
        if key not in self.values and key in self.configured:
            values = [None] * max(len(sources), 1)
        remaining, documents = list(sources), list[list[Any]]()
        for value in values:
            content = parse_embedded(value, f"{self.place}, {key}") if value else None
            if value is None:
                content = remaining.pop(0) if remaining else None
            if isinstance(content, Mapping):
                documents.append(as_list(content.get("Statement")))
            elif value != "":
                documents.append([self._placeholder((key,))])
        return documents

    def _statement(self, block: Any, number: int) -> Any:
        path = ("statement", number)
        if not isinstance(block, Mapping):
            return self._placeholder(path)
        statement = dict[str, Any]()
        if sid := text_of(block.get("sid")):
            statement["Sid"] = sid
        statement["Effect"] = self._one(block, "effect", path, "Allow")
        for key, element in _ELEMENTS.items():
            if elements := self._list(block, key, path):
                statement[element] = elements
        for key, element in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
            for principal in map(map_of, as_list(block.get(key))):
                kind = text_of(principal.get("type"))
                statement.setdefault(element, {}).setdefault(kind, []).extend(as_list(principal.get("identifiers")))
        conditions = block.get("condition")
        if "condition" not in block and "condition" in self._configured(path):
            statement["Condition"] = self._placeholder((*path, "condition"))
        for index, condition in enumerate(map(map_of, as_list(conditions))):
            at = (*path, "condition", index)
            test, variable = (self._one(condition, key, at, "") for key in ("test", "variable"))
            keys = statement.setdefault("Condition", {}).setdefault(test, {})
            keys[variable] = [*keys.get(variable, []), *self._list(condition, "values", at)]
        return statement

    def _one(self, block: Mapping[str, Any], key: str, path: tuple[str | int, ...], default: str) -> str:
        if key not in block and key in self._configured(path):
            return self._placeholder((*path, key))
        return text_of(block.get(key)) or default

    def _list(self, block: Mapping[str, Any], key: str, path: tuple[str | int, ...]) -> list[Any]:
        if key not in block:
            return [self._placeholder((*path, key))] if key in self._configured(path) else []
        elements = [self._placeholder((*path, key)) if each is None else each for each in as_list(block[key])]
        return [each for number, each in enumerate(elements) if each not in elements[:number]]

    def _configured(self, path: tuple[str | int, ...]) -> Any:
        value: Any = self.configured
        for part in path:
            if isinstance(part, int):
                value = value[part] if isinstance(value, list) and part < len(value) else {}
            else:
                value = map_of(value).get(part)
        return map_of(value)

    def _placeholder(self, path: tuple[str | int, ...]) -> str:
        names = self.names(path) or [".".join(part for part in path if isinstance(part, str))]
        self.unknown = unique([*self.unknown, *(f"{name} (known after apply)" for name in names)])
        return placeholder(" or ".join(names))


def _merged(statements: list[Any], others: list[Any]) -> list[Any]:
    """Statements, in which those of another document replace the ones with the same Sid."""
    merged = list(statements)
    for other in others:
        sid = map_of(other).get("Sid")
        same = next((number for number, each in enumerate(merged) if sid and map_of(each).get("Sid") == sid), None)
        if same is None:
            merged.append(other)
        else:
            merged[same] = other
    return merged
