"""``make docs``: draws actions.svg, which shows what an instance may do with each of three policies."""

import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ssm_profile.catalogue import ANY_INSTANCE
from ssm_profile.cli.action_list import data_date, expanded, matches, takes_resources
from ssm_profile.cli.granted import granted_actions
from ssm_profile.cli.sources import aws_policies, configured
from ssm_profile.cli.stack_files import read_stack
from ssm_profile.iam.evaluator import Policy
from ssm_profile.policy import explicit_denies

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "actions.svg"

TITLE = "What an EC2 instance may do with each policy"
CORE = "AmazonSSMManagedInstanceCore"
STACK = "prod"
LIMITED_TO = {ANY_INSTANCE.format(partition="aws"): "EC2 instances only"}
"""The words for each scope that is not every resource."""


@dataclass(frozen=True)
class Ability:
    """A row of the picture: something that an instance may do."""

    title: str
    actions: tuple[str, ...]
    """The IAM actions behind it, with wildcards."""


ABILITIES = {
    "Every managed instance needs this": (
        Ability("Open sessions and receive commands", ("ssmmessages:*",)),
        Ability("Register and report its status", ("ssm:UpdateInstanceInformation",)),
    ),
    "Only some instances need this": (
        Ability("Read every parameter", ("ssm:GetParameter*",)),
        Ability("Read every document", ("ssm:GetDocument", "ssm:DescribeDocument")),
        Ability("Read and update every association", ("ssm:*Association*",)),
        Ability("Write compliance data of any instance", ("ssm:PutComplianceItems",)),
        Ability("Write inventory data of any instance", ("ssm:PutInventory",)),
        Ability("Read patch snapshots", ("ssm:GetDeployablePatchSnapshotForInstance",)),
        Ability("Install packages with Distributor", ("ssm:GetManifest", "ssm:PutConfigurePackageResult")),
        Ability("Receive commands as older agents do", ("ec2messages:*",)),
    ),
    "The SSM agent never calls this; other software may": (
        Ability("Read about the whole EC2 environment", ("ec2:Describe*",)),
    ),
}
"""The rows under their headings. Each action of the three policies belongs to exactly one row."""

WIDTH, MARGIN, COLUMN = 800, 20, 156
LABEL = WIDTH - 2 * MARGIN - 3 * COLUMN
LINE, CODE_SIZE = 13, 10.5
CODE_CHARACTERS = int((LABEL - 8) / (CODE_SIZE * 0.61))
"""How many characters of the widest monospaced fonts fit beside the first column."""

STYLE = """
    text { font: 13px "Segoe UI", Helvetica, Arial, "DejaVu Sans", sans-serif; fill: #1f2328 }
    .title { font-size: 18px; font-weight: 600 } .strong { font-weight: 600 }
    .name { font-size: 11.5px; font-weight: 600 } .count { font-size: 16px; font-weight: 600 }
    .small { font-size: 11px } .muted { fill: #57606a }
    .code { font: 10.5px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #57606a }
    .card { fill: #ffffff; stroke: #d0d7de } .band { fill: #eff2f5 } .rule { stroke: #d0d7de }
    .wide { fill: #bc4c00 } .only { stroke: #bc4c00 } .none { stroke: #6e7781 }
    .limited { stroke: #0969da } .half { fill: #0969da }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .muted, .code { fill: #9ea7b3 }
      .card { fill: #161b22; stroke: #3d444d } .band { fill: #262c36 } .rule { stroke: #3d444d }
      .wide { fill: #f0883e } .only { stroke: #f0883e } .none { stroke: #8b949e }
      .limited { stroke: #58a6ff } .half { fill: #58a6ff }
    }
"""
MARKS = {
    "wide": '<circle class="wide" r="7"/>',
    "only": '<circle class="only" r="6" fill="none" stroke-width="2"/>',
    "limited": '<circle class="limited" r="6" fill="none" stroke-width="2"/>'
    '<path class="half" d="M0 -6 A6 6 0 0 1 0 6 z"/>',
    "none": '<path class="none" d="M-6 0 H6" stroke-width="2"/>',
}
"""The shape of each mark, around its centre."""


@dataclass(frozen=True)
class Column:
    """A column of the picture: a policy."""

    heading: tuple[str, str]
    policy: Policy


@dataclass(frozen=True)
class Cell:
    """Whether and on which resources a policy grants an ability."""

    mark: str
    words: str
    note: str = ""


def picture() -> str:
    """The whole picture.

    Raises:
        ValueError: If an action of a policy is in no row or in several, or has a scope that has no words yet.
    """
    columns = _columns()
    _refuse_actions_outside_of_one_row(columns)
    body = list(_header(columns))
    y = 114
    for heading, abilities in ABILITIES.items():
        body.append(f'<rect class="band" x="{MARGIN - 8}" y="{y}" width="{WIDTH - 2 * MARGIN + 16}" height="24"/>')
        body.append(_text(heading, MARGIN, y + 17, "strong"))
        y += 24
        for ability in abilities:
            lines, height = _row(ability, columns, y)
            body += lines
            y += height
    for note in _notes():
        y += 18
        body.append(_text(note, MARGIN, y, "small muted"))
    height = y + 20
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>',
            "  <!-- Drawn by `make docs`. Do not edit. -->",
            f"  <title>{TITLE}</title>",
            f"  <style>{STYLE}  </style>",
            f'  <rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
            *(f"  {line}" for line in body),
            "</svg>",
            "",
        ]
    )


def _columns() -> list[Column]:
    stack = read_stack(STACK, ROOT)
    core = aws_policies()[CORE]
    return [
        Column(("AmazonSSM", CORE.removeprefix("AmazonSSM")), core.policy),
        Column(("This component,", "default options"), configured("default", {}, {}).policy),
        Column(
            ("This component,", f"environment {STACK}"),
            configured(STACK, stack.options, {"region": stack.region} if stack.region else {}).policy,
        ),
    ]


def _notes() -> Iterator[str]:
    yield "Could be narrower: IAM can limit at least one of the actions to certain resources."
    yield "No narrower choice: AWS defines no resources for these actions, so a policy must grant them on *."
    for deny in explicit_denies(read_stack(STACK, ROOT).options):
        yield f"{STACK}, {deny.name}: {deny.summary}"
    yield f"Action counts expand wildcards by AWS's list of actions as of {data_date()}."


def _refuse_actions_outside_of_one_row(columns: Iterable[Column]) -> None:
    abilities = [ability for group in ABILITIES.values() for ability in group]
    for action in sorted(set[str]().union(*(granted_actions(column.policy) for column in columns))):
        rows = [ability.title for ability in abilities if _belongs(action, ability)]
        if len(rows) != 1:
            raise ValueError(f"{action} must be in one row of ABILITIES, and is in {len(rows)}: {rows}")


def _belongs(action: str, ability: Ability) -> bool:
    return any(matches(pattern, action) for pattern in ability.actions)


def _header(columns: Iterable[Column]) -> Iterator[str]:
    yield _text(TITLE, MARGIN, 34, "title")
    for index, column in enumerate(columns):
        x = MARGIN + LABEL + index * COLUMN
        for line, words in enumerate(column.heading):
            yield _text(words, x, 62 + line * 15, "name")
        yield _text(_counted(len(granted_actions(column.policy))), x, 100, "count")


def _row(ability: Ability, columns: list[Column], y: int) -> tuple[list[str], int]:
    """The lines of a row that begins at a height, and how high it is."""
    code = _code_lines(ability, columns)
    height = 29 + len(code) * LINE
    lines = [_text(ability.title, MARGIN, y + 19)]
    lines += [_text(line, MARGIN, y + 34 + index * LINE, "code") for index, line in enumerate(code)]
    for index, column in enumerate(columns):
        x = MARGIN + LABEL + index * COLUMN
        cell = _cell(ability, column.policy)
        lines.append(f'<g transform="translate({x + 7} {y + 15})">{MARKS[cell.mark]}</g>')
        lines.append(_text(cell.words, x + 22, y + 19, "muted" if cell.mark == "none" else ""))
        if cell.note:
            lines.append(_text(cell.note, x + 22, y + 34, "small muted"))
    lines.append(f'<path class="rule" d="M{MARGIN} {y + height}.5 H{WIDTH - MARGIN}"/>')
    return lines, height


def _code_lines(ability: Ability, columns: Iterable[Column]) -> list[str]:
    """The actions of a row as the policies write them, on lines that fit the first column."""
    written = {
        pattern
        for column in columns
        for statement in column.policy.statements
        for pattern in statement.actions
        if statement.allows and any(_belongs(action, ability) for action in expanded(pattern))
    }
    names = [f"{each} ({_counted(len(expanded(each)))})" if "*" in each else each for each in sorted(written)]
    (service,) = {name.partition(":")[0] for name in names}
    text = f"{service}: " + ", ".join(name.partition(":")[2] for name in names)
    return textwrap.wrap(text if len(names) > 1 else names[0], CODE_CHARACTERS, break_long_words=False)


def _cell(ability: Ability, policy: Policy) -> Cell:
    granted = [action for action in sorted(granted_actions(policy)) if _belongs(action, ability)]
    if not granted:
        return Cell("none", "not granted")
    scopes = {
        "; ".join(statement.scope()) + (" under a condition" if statement.condition else "")
        for action in granted
        for statement in policy.allowing(action)
    }
    if scopes == {"*"}:
        if any(map(takes_resources, granted)):
            return Cell("wide", "every resource", "could be narrower")
        return Cell("only", "every resource", "no narrower choice")
    if len(scopes) == 1 and (words := LIMITED_TO.get(next(iter(scopes)))):
        return Cell("limited", words)
    raise ValueError(f"{ability.title}: LIMITED_TO has no words for {', '.join(sorted(scopes))}")


def _counted(number: int) -> str:
    return f"{number} action{'' if number == 1 else 's'}"


def _text(words: str, x: int, y: int, style: str = "") -> str:
    named = f' class="{style}"' if style else ""
    return f'<text{named} x="{x}" y="{y}">{escape(words, quote=False)}</text>'


if __name__ == "__main__":
    sys.stdout.write(f"{PICTURE.name}: {PICTURE.write_text(picture())} characters\n")
