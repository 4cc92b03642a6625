"""Finds the roles of Terraform: of a plan or state as ``terraform show -json`` prints it, and of a state file."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ssm_profile.iam.documents import as_list

from .found import FoundRole, map_of, text_of, unique
from .parsing import parse_embedded
from .policy_blocks import SOURCES, Blocks
from .resources import DOCUMENT, Document, NoReferences, Resource, connect_roles

_INDEX = r'\[(?:\d+|"(?:[^"\\]|\\.)*")\]'
_MODULE = re.compile(rf"module\.([\w-]+)(?:{_INDEX})?")
_REFERENCE = re.compile(rf"((?:data\.)?[A-Za-z][\w-]*\.[\w-]+)({_INDEX})?(?:\.([\w-]+))?")

_Path = tuple[str, ...]
"""The names of nested modules, from the root module."""


def is_plan(data: Mapping[str, Any]) -> bool:
    """Whether an object is a plan, as ``terraform show -json`` prints it."""
    return isinstance(data.get("planned_values"), Mapping)


def is_shown_state(data: Mapping[str, Any]) -> bool:
    """Whether an object is a state, as ``terraform show -json`` prints it."""
    return "format_version" in data and isinstance(data.get("values"), Mapping)


def is_state_file(data: Mapping[str, Any]) -> bool:
    """Whether an object is the content of a state file of version 4."""
    return data.get("version") == 4 and isinstance(data.get("resources"), list)  # noqa: PLR2004 - the format's version


def find_plan_roles(plan: Mapping[str, Any], name: str) -> list[FoundRole]:
    """The roles that a plan creates, changes or keeps.

    An attribute that is known after apply is taken from the data source ``aws_iam_policy_document`` to which it
    refers. If it refers to none, the policy is left out: a plan does not have the content of ``jsonencode``.

    Args:
        plan: The data of the plan.
        name: The name of the file.
    """
    references = _Plan(plan)
    return connect_roles(references.resources, references, name)


def find_shown_state_roles(state: Mapping[str, Any], name: str) -> list[FoundRole]:
    """The roles of a state, as ``terraform show -json`` prints it.

    Args:
        state: The data of the state.
        name: The name of the file.
    """
    return connect_roles(_shown(map_of(state.get("values")).get("root_module")), NoReferences(), name)


def find_state_file_roles(state: Mapping[str, Any], name: str) -> list[FoundRole]:
    """The roles of a state file.

    Args:
        state: The data of the file.
        name: The name of the file.
    """
    return connect_roles(_stored(state), NoReferences(), name)


def _shown(module: Any) -> Iterator[Resource]:
    """The resources of a module and of the modules in it."""
    module = map_of(module)
    for each in map(map_of, as_list(module.get("resources"))):
        yield Resource(
            address=text_of(each.get("address")),
            type=_type(each),
            values=map_of(each.get("values")),
            module=text_of(module.get("address")),
            name=text_of(each.get("name")),
            index=_index(each.get("index")),
        )
    for child in as_list(module.get("child_modules")):
        yield from _shown(child)


def _stored(state: Mapping[str, Any]) -> Iterator[Resource]:
    for each in map(map_of, as_list(state.get("resources"))):
        module, kind, name = text_of(each.get("module")), _type(each), text_of(each.get("name"))
        for instance in map(map_of, as_list(each.get("instances"))):
            index = _index(instance.get("index_key"))
            key = "" if index is None else f"[{index}]" if isinstance(index, int) else f'["{index}"]'
            address = f"{module}.{kind}.{name}{key}".removeprefix(".")
            yield Resource(address, kind, map_of(instance.get("attributes")), module, name, index)


def _type(resource: Mapping[str, Any]) -> str:
    prefix = "data." if resource.get("mode") == "data" else ""
    return f"{prefix}{text_of(resource.get('type'))}"


def _index(value: Any) -> str | int | None:
    return value if isinstance(value, str | int) else None


class _Plan:
    """The resources of a plan, and the configuration, which has the references of unknown attributes."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        planned = list(_shown(map_of(plan["planned_values"]).get("root_module")))
        addresses = {resource.address for resource in planned}
        prior = _shown(map_of(map_of(plan.get("prior_state")).get("values")).get("root_module"))
        # A data source that was read during the plan is in the prior state only.
        self.resources = [
            *planned,
            *(each for each in prior if each.type.startswith("data.") and each.address not in addresses),
        ]
        self._root = map_of(map_of(plan.get("configuration")).get("root_module"))
        self._configurations = dict[_Path, dict[str, Mapping[str, Any]]]()
        self._by_address = dict[tuple[_Path, str], list[Resource]]()
        for resource in self.resources:
            key = (_path(resource.module), f"{resource.type}.{resource.name}")
            self._by_address.setdefault(key, []).append(resource)
        changes = [map_of(change) for change in as_list(plan.get("resource_changes"))]
        self._deleted = {
            (text_of(before.get("role")), text_of(before.get("name") or before.get("policy_arn")))
            for change in changes
            if "delete" in as_list(map_of(change.get("change")).get("actions"))
            for before in [map_of(map_of(change.get("change")).get("before"))]
        }
        self._used = set(self._references_of_resources(self._root, ()))
        self._reading = set[str]()

    def targets(self, resource: Resource, attribute: str) -> list[Resource]:
        """The resources and data sources to which an unknown attribute refers."""
        if (
            attribute in resource.values
            and resource.values[attribute] is not None
            and not _has_null(resource.values[attribute])
        ):
            return []
        return self._targets(resource, self._expression(resource, (attribute,)))

    def names(self, resource: Resource, attribute: str) -> list[str]:
        """The unknown values on which an attribute depends."""
        return self._names(resource, (attribute,))

    def document(self, resource: Resource) -> Document:
        """The content of a policy document, made of its blocks if its JSON is unknown."""
        if isinstance(resource.values.get("json"), str):
            return Document(parse_embedded(resource.values["json"], resource.address))
        if resource.address in self._reading:  # not valid in Terraform
            return Document(None)
        self._reading.add(resource.address)
        blocks = Blocks(
            resource.values,
            self._expressions(resource),
            lambda path: self._names(resource, path),
            resource.address,
        )
        sources = {key: self._sources(resource, key) for key in SOURCES}
        self._reading.discard(resource.address)
        content = blocks.document({key: [each.content for each in found] for key, found in sources.items()})
        unknown = [*blocks.unknown, *(name for found in sources.values() for each in found for name in each.unknown)]
        return Document(content, tuple(unique(unknown)))

    def _sources(self, resource: Resource, key: str) -> list[Document]:
        """The policy documents that stand for the unknown elements of an argument. None if it is not certain which."""
        found = [each for each in self.targets(resource, key) if each.type == DOCUMENT]
        if key in resource.values:
            found = [each for each in found if not isinstance(each.values.get("json"), str)]
            certain = len(found) == as_list(resource.values[key]).count(None)
        else:
            certain = len(found) == len(_specific(_references(self._expression(resource, (key,)))))
        return [self.document(each) for each in found] if certain else []

    def is_used(self, document: Resource) -> bool:
        """Whether a resource, a module or another policy document refers to the policy document."""
        return (_path(document.module), f"{document.type}.{document.name}") in self._used

    def is_deleted(self, role: str, policy: str) -> bool:
        """Whether the plan deletes an inline policy or an attachment of a role."""
        return (role, policy) in self._deleted

    def _module(self, path: _Path) -> Mapping[str, Any]:
        module = self._root
        for name in path:
            module = map_of(map_of(map_of(module.get("module_calls")).get(name)).get("module"))
        return module

    def _configured(self, resource: Resource) -> Mapping[str, Any]:
        path = _path(resource.module)
        if path not in self._configurations:
            configured = map(map_of, as_list(self._module(path).get("resources")))
            self._configurations[path] = {text_of(each.get("address")): each for each in configured}
        return self._configurations[path].get(f"{resource.type}.{resource.name}", {})

    def _expressions(self, resource: Resource) -> Mapping[str, Any]:
        return map_of(self._configured(resource).get("expressions"))

    def _expression(self, resource: Resource, path: tuple[str | int, ...]) -> Any:
        """The expression of an argument. Of a list of blocks, also one that a ``dynamic`` block made."""
        value: Any = self._expressions(resource)
        for part in path:
            if isinstance(part, int):
                blocks = as_list(value)
                value = blocks[part] if part < len(blocks) else blocks
            elif isinstance(value, list):
                return value
            else:
                value = map_of(value).get(part)
        return value

    def _targets(self, resource: Resource, expression: Any) -> list[Resource]:
        found = dict[str, Resource]()
        references = _references(expression)
        if any(each.startswith("each.") for each in references):
            references += _references(self._configured(resource).get("for_each_expression"))
        for path, address, index in self._resolve(references, _path(resource.module), set()):
            candidates = self._by_address.get((path, address), [])
            # Of a resource with several instances, prefer the one in the same module, and that with the same index.
            for narrow in (
                [each for each in candidates if each.module.startswith(resource.module)],
                [each for each in candidates if index and each.address.endswith(f".{address.split('.')[-1]}{index}")],
                [each for each in candidates if not index and each.index is not None and each.index == resource.index],
            ):
                candidates = [each for each in candidates if each in narrow] or candidates
            found.update((each.address, each) for each in candidates)
        return list(found.values())

    def _resolve(
        self, references: list[str], path: _Path, seen: set[tuple[_Path, str]]
    ) -> list[tuple[_Path, str, str]]:
        """The module, the address and the index of the resources to which references lead, also through modules."""
        found = list[tuple[_Path, str, str]]()
        for reference in _specific(references):
            if (path, reference) in seen:
                continue
            seen.add((path, reference))
            kind, _, rest = reference.partition(".")
            if kind == "var" and path:
                call = map_of(map_of(self._module(path[:-1]).get("module_calls")).get(path[-1]))
                expression = map_of(call.get("expressions")).get(rest.split(".")[0].split("[")[0])
                found += self._resolve(_references(expression), path[:-1], seen)
            elif match := _MODULE.match(reference):
                child = (*path, match[1])
                output = reference[match.end() :].lstrip(".").split(".")[0].split("[")[0]
                expression = map_of(map_of(self._module(child).get("outputs")).get(output)).get("expression")
                found += self._resolve(_references(expression), child, seen)
            elif match := _REFERENCE.match(reference):
                found.append((path, match[1], match[2] or ""))
        return found

    def _names(self, resource: Resource, path: tuple[str | int, ...]) -> list[str]:
        names = _specific(_references(self._expression(resource, path)))
        return [name for name in names if not self._is_known(resource, name)] or names

    def _is_known(self, resource: Resource, name: str) -> bool:
        """Whether the value of a reference is known. A local value and a for_each can have both."""
        match = _REFERENCE.fullmatch(name)
        if not match or not match[3]:
            return name.startswith(("var.", "each.", "count.", "path.", "terraform."))
        targets = self._by_address.get((_path(resource.module), match[1]), [])
        return bool(targets) and all(each.values.get(match[3]) is not None for each in targets)

    def _references_of_resources(self, module: Mapping[str, Any], path: _Path) -> Iterator[tuple[_Path, str]]:
        expressions: list[Any] = [map_of(each).get("expressions") for each in as_list(module.get("resources"))]
        for name, call in map_of(module.get("module_calls")).items():
            expressions.append(map_of(call).get("expressions"))
            yield from self._references_of_resources(map_of(map_of(call).get("module")), (*path, name))
        if path:  # the root module's outputs use nothing
            expressions.append(module.get("outputs"))
        for reference in _references(expressions):
            if match := _REFERENCE.match(reference):
                yield path, match[1]


def _path(module: str) -> _Path:
    return tuple(match[1] for match in _MODULE.finditer(module))


def _references(expression: Any) -> list[str]:
    """All references in an expression, or in the expressions of a block."""
    if isinstance(expression, Mapping):
        own = [each for each in as_list(expression.get("references")) if isinstance(each, str)]
        return unique(
            [*own, *(name for key, each in expression.items() if key != "references" for name in _references(each))]
        )
    if isinstance(expression, list):
        return unique([name for each in expression for name in _references(each)])
    return []


def _specific(references: list[str]) -> list[str]:
    """References without those that another one contains: Terraform lists ``x.y.arn`` and ``x.y``."""
    return [
        each
        for each in references
        if not any(other != each and other.startswith((f"{each}.", f"{each}[")) for other in references)
    ]


def _has_null(value: Any) -> bool:
    return isinstance(value, list) and None in value
