"""The descriptions of options and outputs: the docstrings in component.py.

Python keeps no docstring of a class's key, so they are read from the source, as Pulumi does for the schema.
"""

import ast
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

_SOURCE = files("ssm_profile").joinpath("component.py")


@cache
def option_descriptions() -> dict[str, str]:
    """The description of each option and of each key of a map, by its path: ``session_logs.prefix``."""
    classes = _classes()
    descriptions: dict[str, str] = {}
    for name, annotation, text in _described_keys(classes["SsmInstanceProfileArgs"]):
        descriptions[name] = text
        maps = [node.id for node in ast.walk(annotation) if isinstance(node, ast.Name) and node.id in classes]
        for of_map in maps:
            descriptions |= {f"{name}.{key}": of_key for key, _, of_key in _described_keys(classes[of_map])}
    return descriptions


@cache
def output_descriptions() -> dict[str, str]:
    """The description of each output of the component, by its name in Python."""
    return {name: text for name, _, text in _described_keys(_classes()["SsmInstanceProfile"])}


@cache
def _classes() -> dict[str, ast.ClassDef]:
    tree = ast.parse(_SOURCE.read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def _described_keys(of_class: ast.ClassDef) -> Iterator[tuple[str, ast.expr, str]]:
    """The name, the annotation and the docstring of each annotated key that has one."""
    for node, following in zip(of_class.body, of_class.body[1:], strict=False):
        match node, following:
            case (
                ast.AnnAssign(target=ast.Name(id=name), annotation=annotation),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, annotation, text
            case _:
                continue
