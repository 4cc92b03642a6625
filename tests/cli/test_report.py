"""The layouts of a report: on a terminal, in a pipe, and as Markdown."""

from collections import Counter
from importlib import import_module

import pytest

from tests import require

hypothesis = require("hypothesis")
st = require("hypothesis.strategies")
report = import_module("ssm_profile.cli.report")

ARN = "arn:aws:ssm:eu-central-1:123456789012:parameter/app/database/*"
CONDITION = "StringLike kms:ViaService ssm.eu-central-1.amazonaws.com*"
PROSE = "Reads the parameters that a document or software on the instance names, and decrypts them with the key."
TABLE = report.Table(
    "Permissions",
    ("Action", "Resource", "Purpose"),
    [("`ssm:GetParameter`", report.code(ARN), PROSE), ("`ssm:*`", "`*`", "")],
)


def terminal(width, *parts):
    """The lines of a report on a terminal, without the marks of code."""
    return [report.format_plain([report.Paragraph(line)])[:-1] for line, _ in report.format_terminal(parts, width)]


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [(1, "day", "1 day"), (2, "day", "2 days"), (2, "policy", "2 policies"), (1200, "role", "1,200 roles")],
)
def test_count(number, noun, text):
    assert report.count_of(number, noun) == text


class TestTerminal:
    def test_a_table_that_fits(self):
        assert terminal(130, TABLE) == [
            "Permissions",
            f"Action            {'Resource':<62}  Purpose",
            f"ssm:GetParameter  {ARN:<62}  Reads the parameters that a document or software",
            f"{'':<82}on the instance names, and decrypts them with",
            f"{'':<82}the key.",
            "ssm:*             *",
            "",
        ]

    def test_records_where_no_table_fits(self):
        assert terminal(80, TABLE) == [
            "Permissions",
            "ssm:GetParameter",
            f"  Resource  {ARN}",
            "  Purpose   Reads the parameters that a document or software on the instance",
            "            names, and decrypts them with the key.",
            "",
            "ssm:*",
            "  Resource  *",
            "",
        ]

    def test_records_with_one_value(self):
        """A short heading shares its line with the value."""
        table = report.Table("Sources", ("Number", "URL"), [("[1]", "a" * 100), ("a long heading", "b")])

        assert terminal(80, table) == ["Sources", f"[1]   {'a' * 100}", "a long heading", "      b", ""]

    def test_rows_of_one_cell(self):
        table = report.Table("Problems", ("Problem",), [(PROSE,)])

        assert terminal(60, table) == ["Problems", PROSE[:55], PROSE[56:], ""]

    def test_long_titles_wrap(self):
        table = report.Table("Only in the second policy, and granted by no option", ("Action",), [("`ssm:*`",)])

        assert terminal(40, table) == ["Only in the second policy, and granted", "by no option", "ssm:*", ""]
        assert [style for _, style in report.format_terminal([table], 40)][:2] == ["bold underline"] * 2

    def test_long_values_are_not_broken(self):
        assert terminal(20, report.Paragraph(f"It is {report.code(CONDITION)}, always.")) == [
            "It is",
            f"{CONDITION},",
            "always.",
            "",
        ]

    def test_code_blocks_keep_their_spaces(self):
        yaml = f"config:\n  key:\n\n  - {'x' * 100}"

        assert terminal(20, report.CodeBlock(yaml)) == [*yaml.split("\n"), ""]

    def test_empty_tables_are_left_out(self):
        assert terminal(80, report.Table("Nothing", ("Action",), [])) == []

    words = st.text(alphabet="ab*:/-", min_size=1, max_size=40)
    values = words | st.lists(words, min_size=2, max_size=4).map(" ".join)
    cells = st.lists(st.tuples(st.booleans(), values), max_size=6)

    @hypothesis.given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=4), st.integers(10, 200))
    @hypothesis.settings(max_examples=200, deadline=None)
    def test_no_word_is_lost_or_broken(self, rows, width):
        marked = [[" ".join(report.code(v) if is_code else v for is_code, v in cell) for cell in row] for row in rows]
        table = report.Table("Title", ("One", "Two", "Three"), [tuple(row) for row in marked])

        lines = terminal(width, table)

        expected = Counter(word for row in rows for cell in row for _, value in cell for word in value.split())
        shown = Counter(" ".join(lines).split())
        assert expected == shown - Counter({word: shown[word] for word in ("Title", "One", "Two", "Three")})
        text = "\n".join(lines)
        assert all(value in text for row in rows for cell in row for is_code, value in cell if is_code)


class TestFolded:
    """A table that folds stays a table where values are long."""

    TABLE = report.Table(TABLE.title, TABLE.columns, TABLE.rows, folds=True)

    def test_table(self):
        assert terminal(60, self.TABLE) == [
            "Permissions",
            "Action            Resource              Purpose",
            "ssm:GetParameter  arn:aws:ssm:eu-       Reads the parameters",
            f"{'':<18}central-1:            that a document or",
            f"{'':<18}123456789012:         software on the",
            f"{'':<18}parameter/app/        instance names, and",
            f"{'':<18}database/*            decrypts them with",
            f"{'':<40}the key.",
            "ssm:*             *",
            "",
        ]

    def test_values_that_fit(self):
        """They are not broken."""
        assert terminal(130, self.TABLE) == terminal(130, TABLE)

    def test_records_where_it_is_too_narrow(self):
        assert terminal(40, self.TABLE) == terminal(40, TABLE)

    def test_code_stays_code(self):
        lines = [line for line, _ in report.format_terminal([self.TABLE], 60)]

        assert "`arn:aws:ssm:eu-`" in lines[2]
        assert "`database/*`" in lines[6]

    @pytest.mark.parametrize(
        ("word", "parts"),
        [
            ("`ssm:UpdateInstanceInformation`:", ["`ssm:UpdateInstance`", "`Information`:"]),
            ("`StringEquals aws:PrincipalTag/team web`", ["`StringEquals aws:`", "`PrincipalTag/team`", "`web`"]),
            (f"({'x' * 30})", [f"({'x' * 19}", f"{'x' * 11})"]),
            (f"/{'x' * 30}", [f"/{'x' * 19}", "x" * 11]),
            (":" * 21, [":" * 20, ":"]),
            ("`a b c d e f g h i j k`", ["`a b c d e f g h i j`", "`k`"]),
        ],
    )
    def test_words(self, word, parts):
        assert report._wrapped(word, 20, folds=True) == parts

    words = st.text(alphabet="aB*:/-", min_size=1, max_size=40)
    cells = st.lists(st.tuples(st.booleans(), words | st.tuples(words, words).map(" `".join)), max_size=4)

    @hypothesis.given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=4), st.integers(52, 200))
    @hypothesis.settings(max_examples=25, deadline=None)
    def test_nothing_is_lost(self, rows, width):
        marked = [
            tuple(" ".join(report.code(v) if is_code else v.replace("`", "") for is_code, v in cell) for cell in row)
            for row in rows
        ]

        lines = terminal(width, report.Table("Title", ("One", "Two", "Three"), marked, folds=True))

        shown = Counter("".join(lines).replace(" ", ""))
        expected = "".join(report.bare(cell) for row in marked for cell in row) + "TitleOneTwoThree"
        assert shown == Counter(expected.replace(" ", ""))
        assert max(map(len, lines)) <= width


class TestCode:
    @pytest.mark.parametrize(
        "value", ["*", "a`b", "``", "`", "StringLike a `b`", "`a` and ``b``"], ids=lambda value: value.replace("`", "'")
    )
    def test_backticks_are_kept(self, value):
        assert report.format_plain([report.Paragraph(report.code(value))]) == f"{value}\n"

    def test_control_characters_are_escaped(self):
        """A policy cannot send commands to the terminal."""
        assert report.code("a\x1b[2J\nb\tc\u202e") == r"`a\x1b[2J\nb\tc\u202e`"


class TestPlain:
    def test_rows_are_lines_with_tabs(self):
        assert report.format_plain([report.Paragraph("`Code` and prose."), TABLE, report.CodeBlock("a:\n  b")]) == (
            "Code and prose.\n\n"
            "# Permissions\n"
            "Action\tResource\tPurpose\n"
            f"ssm:GetParameter\t{ARN}\t{PROSE}\n"
            "ssm:*\t*\t\n\n"
            "a:\n  b\n"
        )

    def test_lines_of_a_cell_are_joined(self):
        table = report.Table("Title", ("One",), [("`a`\n`b`",)])

        assert report.format_plain([table]) == "# Title\nOne\na b\n"


class TestMarkdown:
    def test_tables_and_code(self):
        table = report.Table("Title", ("One", "Two"), [("`a|b`", "`a`\n`b`")])

        assert report.format_markdown([report.Paragraph("`Code`."), report.CodeBlock("a:\n  b"), table]) == (
            "`Code`.\n\n```\na:\n  b\n```\n\n### Title\n\n| One | Two |\n| --- | --- |\n| `a\\|b` | `a`<br>`b` |\n"
        )
