"""Small changes of a source text, each of which takes a rule away or moves a limit: no test may pass over one."""

import ast
import re
from collections.abc import Container, Iterator

_LETTERS = re.compile(r"\[((?:\\.|[^]\\])+)\]")
"""A set of letters in a regular expression, and"""
_LETTER = re.compile(r"(?:\\x..|[^\\])-(?:\\x..|[^\\])|\\x..|\\.|.")
"""one kind of letter in it."""
_COUNT = re.compile(r"(?<=[{,])\d+(?=[,}])")
_REPEATED = re.compile(r"(?<=[])}])[+*]")
_DIGIT = re.compile(r"\\d")


def mutants(source: str, left_alone: Container[str] = ()) -> Iterator[tuple[str, str]]:
    """Each change: the first line that it changes, as it is then, and the source with it.

    Args:
        source: Python's source text.
        left_alone: Functions that are not changed.
    """
    text = source.encode()  # in bytes, as ast counts columns
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in _nodes(ast.parse(source), left_alone):
        for part, others in _changes(node, source):
            start = starts[part.lineno - 1] + part.col_offset
            end = starts[part.end_lineno - 1] + part.end_col_offset
            for other in others:
                changed = (text[:start] + other.encode() + text[end:]).decode()
                yield changed.splitlines()[part.lineno - 1].strip(), changed


def _nodes(node: ast.AST, left_alone: Container[str]) -> Iterator[ast.AST]:
    """Every node but docstrings, types, and what is in f-strings, of which ast does not know the place."""
    match node:
        case ast.FunctionDef(name=name) if name in left_alone:
            return
        case ast.Expr(value=ast.Constant()) | ast.Subscript(slice=ast.Tuple()) | ast.Call(func=ast.Name(id="cast")):
            return
    yield node
    if not isinstance(node, ast.JoinedStr):
        for child in ast.iter_child_nodes(node):
            yield from _nodes(child, left_alone)


def _changes(node: ast.AST, source: str) -> Iterator[tuple[ast.expr, list[str]]]:
    """Parts of a node, and what can be put in the place of each."""
    match node:
        case ast.Constant(value=bool(value)):
            yield node, [str(not value)]
        case ast.Constant(value=int(number)):
            yield node, [str(number + 1), f"({number - 1})"]
        case ast.Constant(value=str()) | ast.JoinedStr():
            yield node, list(_other_patterns(ast.get_source_segment(source, node)))
        case ast.Tuple(elts=entries) | ast.List(elts=entries) if all(
            isinstance(each, ast.Constant) for each in entries
        ):
            for entry in entries:
                others = [each.value for each in entries if each is not entry]
                yield node, [str(others if isinstance(node, ast.List) else tuple(others))]
        case ast.Dict(keys=keys):
            yield from ((key, ['"another"']) for key in keys if isinstance(key, ast.Constant))
        case _:
            yield from _other_conditions(node)


def _other_conditions(node: ast.AST) -> Iterator[tuple[ast.expr, list[str]]]:
    """A condition that always holds, or never; and what is joined to it, taken away."""
    match node:
        case ast.If(test=test) | ast.IfExp(test=test):
            yield test, ["True", "False"]
        case ast.comprehension(ifs=tests):
            yield from ((test, ["True", "False"]) for test in tests)
        case ast.BoolOp(op=operator, values=operands):
            yield from ((operand, [str(isinstance(operator, ast.And))]) for operand in operands)


def _other_patterns(text: str) -> Iterator[str]:
    """A regular expression that accepts less or more, for each piece of it. Other texts have no such pieces."""
    if " " in _LETTERS.sub("", text):
        return
    for letters in _LETTERS.finditer(text):
        yield f"{text[: letters.start()]}[\\s\\S]{text[letters.end() :]}"
        kinds = list(_LETTER.finditer(letters[1]))
        for kind in kinds if len(kinds) > 1 else []:
            start = letters.start(1)
            yield text[: start + kind.start()] + text[start + kind.end() :]
    for count in _COUNT.finditer(text):
        for number in (int(count[0]) - 1, int(count[0]) + 1):
            yield f"{text[: count.start()]}{number}{text[count.end() :]}"
    for repeated in _REPEATED.finditer(text):
        yield f"{text[: repeated.start()]}{'*' if repeated[0] == '+' else ''}{text[repeated.end() :]}"
    for digit in _DIGIT.finditer(text):
        yield f"{text[: digit.start()]}\\w{text[digit.end() :]}"
