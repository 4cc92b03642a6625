"""The rows as one HTML file, which needs no network.

The sentences, the table and the configs are those of :func:`format_fleet`, so that a column or a sentence that it gets
is on the page as well. The page adds the details of each role, and a matrix of roles and capabilities.
"""

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from ssm_profile.cli.audit import BROKEN, LEVELS
from ssm_profile.cli.audit_report import NOT_TOGETHER, format_additions, in_plural
from ssm_profile.cli.report import CodeBlock, Items, Paragraph, Report, Table, escaped, pieces
from ssm_profile.cli.reverse_lookup import FEATURES
from ssm_profile.cli.stack_yaml import format_stack_config, options_as_code
from ssm_profile.cli.verdicts import Verdict
from ssm_profile.options import SSM_WIDE_POLICIES, camel_case
from ssm_profile.version import __version__

from .configs import NOT_SHOWN
from .findings import action_group
from .report import LEVELS_TITLE, Counts, format_fleet
from .roles_table import ACTIONS, CONFIG, LEVEL, NARROWER, PROPOSED, RISKS, ROLES_TITLE, SYSTEMS_MANAGER, verdict_of
from .rows import Row, roles_of
from .use_report import use_tables

_FOLDER = Path(__file__).parent
_CHUNK = 50
"""How many roles one body of the table has. A browser lays out a body only when the reader comes near it."""

_WIDTHS = {
    "Role": "minmax(7em, 2fr)",
    "Account": "8.5em",
    LEVEL: "4.5em",
    SYSTEMS_MANAGER: "minmax(7em, 2.5fr)",
    RISKS: "minmax(7em, 2.5fr)",
    ACTIONS: "5.5em",
    PROPOSED: "5.5em",
    CONFIG: "4em",
    NARROWER: "5.5em",
    "Last used": "6em",
    "Notes": "minmax(7em, 3.5fr)",
}
"""The widths of the columns. If they depended on the cells, a browser would have to lay out all rows first."""
_OTHER_WIDTH = "minmax(5em, 1fr)"
_NUMBERS = (ACTIONS, PROPOSED)
"""The columns that are aligned to the right."""

_MOST_NAMES = 20
"""How many names a row of the matrix shows."""
_OF_CONFIGS = (CONFIG, NARROWER)
_OWN = ("account", "role", "arn", "instanceProfiles", "source", "used", "lastUsed", "lastUsedRegion", "lastUseKnown")
"""The keys of a role that are not about its policies."""
_LINK = re.compile(r"<(https://[^<>\s]+)>")
_IN_JSON = (
    (r"`--html` and `[\w.]+` in `--json` name", "The details of the roles name"),
    (
        r"`--html` has the config of each role, and `--json` has it as `[\w.]+`",
        "The details of each role have its config",
    ),
    (r"`--json` has (it|them) as `[\w.]+`", r"The details of the roles have \1"),
    (r"`--json` contains", "The details of the roles say"),
    (r"\(`--json` names them\)", "(the details of the roles name them)"),
    (r"more \(`--json`\)", "more (in the details of the roles)"),
)
"""Where the sentences of the report look for more, and where the page has it."""
_WHY_LEFT_OUT = {
    Verdict.WORKS.value: NOT_TOGETHER,
    Verdict.PARTLY.value: "The policies grant only a part of what is needed.",
}
"""Why a config leaves out a capability that depends on nothing."""
_VERDICTS = (BROKEN, Verdict.WORKS_IF.value, Verdict.WORKS.value)
LETTERS = {Verdict.WORKS.value: "W", Verdict.WORKS_IF.value: "I", Verdict.PARTLY.value: "P"}
"""The verdicts in the matrix."""


@dataclass(frozen=True)
class _Cell:
    html: Markup
    order: int | None = None
    """By what the column is sorted, if not by the text."""


@dataclass(frozen=True)
class _Role:
    """A row of the table."""

    number: int
    row: Row
    cells: Sequence[_Cell]
    configs: Sequence[str]
    """What the table has of its configs: of the one that replaces its policies, and of one without what is not used."""
    pattern: int
    """The number of its row in the matrix."""
    twin: int | None
    """The number of the first role with the same findings, which are on the page once. None for that role itself."""


@dataclass(frozen=True)
class _Pattern:
    """A row of the matrix: the roles with the same verdicts."""

    number: int
    verdicts: Sequence[str]
    roles: list[tuple[int, Row]] = field(default_factory=list[tuple[int, Row]])

    def granted(self, capabilities: Sequence[str], verdict: str) -> list[str]:
        """The capabilities with a verdict."""
        return [name for name, each in zip(capabilities, self.verdicts, strict=True) if each == verdict]


@dataclass(frozen=True)
class _Config:
    """A stack config of the report, with the sentences about it."""

    number: int
    title: str
    text: str
    advice: Sequence[str]


def format_page(rows: Sequence[Row], counts: Counts) -> Iterator[str]:
    """The page, in pieces. They are ASCII, so that no encoding of the output changes them."""
    roles = list(roles_of(rows))
    report = list(format_fleet(rows, counts))
    levels, table = (part for part in report if isinstance(part, Table) and part.title in (LEVELS_TITLE, ROLES_TITLE))
    place = report.index(table)
    of_use = list(use_tables(roles))  # the details have it
    summary, others = report[:place], [part for part in report[place + 1 :] if part not in of_use]
    capabilities, patterns = _matrix(roles)
    configs = list(_configs(others))
    style, script = _text("page.css") + _column_styles(table.columns), _text("page.js")
    page = _template().generate(
        content_policy=_content_policy(style, script),
        style=Markup(style),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704
        version=__version__,
        written=datetime.now(UTC),
        sentences=[_on_page(part.text) for part in summary if isinstance(part, Paragraph)],
        items=[_on_page(item) for part in summary if isinstance(part, Items) for item in part.items],
        levels=levels.rows,
        accounts=sorted({row["account"] for row in roles if row["account"]}),
        columns=table.columns,
        roles=list(_roles(roles, table, patterns)),
        chunk=_CHUNK,
        capabilities=capabilities,
        patterns=patterns,
        letters=LETTERS,
        most_names=_MOST_NAMES,
        configs=configs,
        replaced=_replaced(roles),
        tables=[part for part in others if isinstance(part, Table) and part.rows],
    )
    return (text.encode("ascii", "xmlcharrefreplace").decode() for text in page)


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"code": _code, "markdown": _markdown, "camel_case": camel_case}
    environment.globals |= {
        "actions_of": lambda groups: ", ".join(map(action_group, groups)),
        "additions": format_additions,
        "config_link": _linked,
        "left_out": _left_out,
        "unscoped": _unscoped,
        "use_of": _use,
        "yaml": format_stack_config,
    }
    return environment.get_template("page.html.j2")


def _content_policy(style: str, script: str) -> str:
    """What the page may load and run: itself. An element that a name smuggled into it would do nothing."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _column_styles(columns: Sequence[str]) -> str:
    """The widths of the columns, and their names for narrow screens, where each row is a card."""
    widths = " ".join(_WIDTHS.get(column, _OTHER_WIDTH) for column in columns)
    numbers = ", ".join(
        f".roles tr > :nth-child({number})" for number, column in enumerate(columns, 1) if column in _NUMBERS
    )
    names = "\n".join(
        f'  .roles tbody tr > :nth-child({number})::before {{ content: "{column}"; }}'
        for number, column in enumerate(columns, 1)
    )
    return (
        f".roles tr {{ grid-template-columns: {widths}; }}\n"
        f"@media print, (width > 70rem) {{ {numbers} {{ text-align: right; }} }}\n"
        f"@media screen and (width <= 70rem) {{\n{names}\n}}\n"
    )


@lru_cache(4096)
def _markdown(text: str) -> Markup:
    """Sentences of Markdown as HTML."""
    return Markup("<br>").join(
        Markup().join(
            _code_element(piece) if is_code else _linked_text(piece) for piece, is_code in pieces(escaped(line))
        )
        for line in text.split("\n")
    )


def _linked_text(text: str) -> Markup:
    """A text with its links, such as ``<https://docs.aws.amazon.com>``."""
    return Markup().join(
        Markup('<a href="{0}">{0}</a>').format(piece) if number % 2 else piece
        for number, piece in enumerate(_LINK.split(text))
    )


def _code(value: str) -> Markup:
    """A value as HTML's code."""
    return _code_element(escaped(value))


def _code_element(text: str) -> Markup:
    return Markup("<code>%s</code>") % text


def _roles(roles: Sequence[Row], table: Table, patterns: Sequence[_Pattern]) -> Iterator[_Role]:
    """The rows of the table, which are in the order of the roles."""
    pattern_of = {number: pattern.number for pattern in patterns for number, _ in pattern.roles}
    first = dict[str, int]()
    for number, (row, texts) in enumerate(zip(roles, table.rows, strict=True), 1):
        orders = _orders(row)
        cells = dict(zip(table.columns, texts, strict=True))
        twin = first.setdefault(_findings(row), number)
        yield _Role(
            number,
            row,
            [
                _Cell(_cell(column, text, row), None if _is_number(text) else orders.get(column))
                for column, text in cells.items()
            ],
            [cells[column] for column in _OF_CONFIGS if cells.get(column)],
            pattern_of[number],
            None if twin == number else twin,
        )


def _is_number(text: str) -> bool:
    return text.replace(",", "").isdigit()


def _cell(column: str, text: str, row: Row) -> Markup:
    if column == LEVEL:
        level = Markup('<b class="{0}">{0}</b>').format(row["level"])
        return level + _markdown(text.removeprefix(row["level"]))
    if column in _OF_CONFIGS and text:
        return _linked(text)
    return _markdown(text)


def _linked(label: str) -> Markup:
    """What the table has of a config, with a link to the one in the list of configs that it names."""
    if label == NOT_SHOWN:
        return Markup("in the details")
    start, number = label.rpartition("like ")[1:]
    return Markup('{0}<a href="#c{1}">{1}</a>').format(start, number)


def _findings(row: Row) -> str:
    """What the page says of the policies of a role."""
    return json.dumps({key: value for key, value in row.items() if key not in _OWN})


def _orders(row: Row) -> Mapping[str, int | None]:
    """By what the columns of a role are sorted, if not by their text."""
    return {
        LEVEL: LEVELS.index(row["level"]),
        SYSTEMS_MANAGER: _VERDICTS.index(verdict_of(row)),
        ACTIONS: row["readActions"],
        PROPOSED: row["proposedActions"],
    }


def _left_out(row: Row) -> Iterator[str]:
    """The capabilities that the config of a role leaves out: a sentence for all with the same reasons."""
    groups = dict[tuple[str, ...], list[str]]()
    for each in row["leftOut"]:
        groups.setdefault((each["verdict"], *each["reasons"]), []).append(each["capability"])
    for (verdict, *reasons), names in groups.items():
        reason = _WHY_LEFT_OUT.get(verdict) or " ".join(in_plural(each) if len(names) > 1 else each for each in reasons)
        yield f"{options_as_code(names)}: {reason}"


def _unscoped(row: Row) -> list[str]:
    """The actions on more resources than needed: a line for all with the same resource."""
    return list(format_additions({**each, "resources": [each["resource"]]} for each in row["unscoped"]))


def _use(row: Row) -> Iterator[tuple[str, list[str]]]:
    """What is known of the use of a role: titles with sentences."""
    for table in use_tables([row]):
        if isinstance(table, Table) and table.rows:
            yield table.title, [": ".join(cells[2:]) for cells in table.rows]


def _matrix(roles: Sequence[Row]) -> tuple[list[str], list[_Pattern]]:
    """The capabilities of which a role has something, and the rows of the matrix in the order of the roles."""
    verdicts = [{each["capability"]: each["verdict"] for each in row["capabilities"]} for row in roles]
    capabilities = [feature.name for feature in FEATURES if any(feature.name in each for each in verdicts)]
    patterns = dict[tuple[str, ...], _Pattern]()
    for number, (row, verdict) in enumerate(zip(roles, verdicts, strict=True), 1):
        key = tuple(verdict.get(name, "") for name in capabilities)
        patterns.setdefault(key, _Pattern(len(patterns) + 1, key)).roles.append((number, row))
    return capabilities, list(patterns.values())


def _on_page(text: str) -> str:
    """A sentence of the report, with the place on the page instead of that in the JSON."""
    for pattern, place in _IN_JSON:
        text = re.sub(pattern, place, text)
    return text


def _configs(parts: Report) -> Iterator[_Config | str]:
    """The configs of a report, and the sentences between them. A config is a title, the YAML and perhaps a list."""
    for part, following, advice in zip(parts, [*parts[1:], None], [*parts[2:], None, None], strict=False):
        if not isinstance(part, Paragraph):
            continue
        if isinstance(following, CodeBlock) and (found := re.match(r"Stack config (\d+)", part.text)):
            items = [_on_page(each) for each in advice.items] if isinstance(advice, Items) else ()
            yield _Config(int(found[1]), part.text.rstrip(":"), following.text, items)
        else:
            yield _on_page(part.text)


def _replaced(roles: Sequence[Row]) -> dict[str, str]:
    """The policies to replace, with the reasons."""
    names = {name for row in roles for name in row["deprecated"]}
    return {name: reason for name, reason in SSM_WIDE_POLICIES.items() if name in names}
