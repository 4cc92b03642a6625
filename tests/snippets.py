"""The commands and programs in the documents, with how a test runs each.

A comment above a block says what a reader does not need to read:

- ``<!-- test: before: COMMAND -->``: a command that runs first, such as one that creates what the block uses
- ``<!-- test: cd: FOLDER -->``: the folder in the clone where the block runs
- ``<!-- test: exit: 0 1 -->``: the exit code of each command, where one is not 0
- ``<!-- test: skip: REASON -->``: why no test can run the block
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

_BLOCK = re.compile(r"((?:^[ ]*<!-- test: [^\n]* -->\n)*)^([ ]*)```(\w*)\n(.*?)^\2```$", re.MULTILINE | re.DOTALL)
_DIRECTIVE = re.compile(r"<!-- test: (\w+): (.*) -->")


@dataclass(frozen=True)
class Snippet:
    """A code block of a document."""

    page: str
    line: int
    language: str
    text: str
    before: tuple[str, ...]
    folder: str
    exit_codes: tuple[int, ...] | None
    skip: str | None
    output: str | None
    """The block of text below it, which shows what it prints."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def commands(self) -> list[tuple[str, int]]:
        """The commands of a shell block, each with the exit code that it must have."""
        joined = re.sub(r"\\\n\s*", "", self.text)
        commands = [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        codes = self.exit_codes or (0,) * len(commands)
        return list(zip(commands, codes, strict=True))


def snippets(page: Path, name: str) -> list[Snippet]:
    """The code blocks of a page."""
    return list(_snippets(page.read_text(), name))


def _snippets(text: str, name: str) -> Iterator[Snippet]:
    blocks = list(_BLOCK.finditer(text))
    for block, following in zip_longest(blocks, blocks[1:]):
        directives, indent, language, code = block.groups()
        known = _DIRECTIVE.findall(directives)
        one = dict(known)
        shows_output = following and not text[block.end() : following.start()].strip()
        yield Snippet(
            page=name,
            line=text[: block.start(2)].count("\n") + 1,
            language=language,
            text=re.sub(rf"^{indent}", "", code, flags=re.MULTILINE),
            before=tuple(value for key, value in known if key == "before"),
            folder=one.get("cd", "."),
            exit_codes=tuple(map(int, one["exit"].split())) if "exit" in one else None,
            skip=one.get("skip"),
            output=following[4] if following and shows_output and following[3] in ("text", "yaml") else None,
        )
