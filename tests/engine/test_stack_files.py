"""The command reads the files of a stack as the engine does."""

import json
from pathlib import Path

import pytest

from tests import require

PROJECT = "name: web\nruntime: python\n"
DECLARATIONS = """config:
  quietAgent: {type: boolean, default: false}
  web:patching: {type: boolean, default: true}
  documents: true
  tags: {default: {Team: web}}
  ec2DescribeActions: [DescribeTags]
  aws:region: eu-central-1
  aws:profile: {value: dev}
"""
# fmt: off
SCALARS = [
    "true", "True", "TRUE", "yes", "no", "on", "off", "y", "n", "~", "null", "Null", "'yes'", "010", "0o10",
    "012345678901", "08", "2012-10-17", "2001-1-1", "1.0", "1.50", "1e3", "1_000", "1:30", "0x1F", "0b11", "-0", "+1",
    ".5", "1.", "-1.5", "1e21", "0.1", "1__0", "_1", "+", ".", "nan", "100000000000000000000", "123456789.123",
    '"\\u2603"', "!!str 3", "2012-10-17T10:00:00Z", "[a,yes,1.0]", "[]", "{}", "{a: no,b: ~,c: 010,1: x}",
    "{secure: abc}", "{a: {secure: x}}", "{secure: 3}", "{<<: {a: b},a: c}", "logs-[1]",
]
# fmt: on
NOT_READ = [
    "config: {quietAgent: true, quietAgent: false}",
    "config: {tags: {<<: {a: b}, <<: {c: d}}}",
    "config: {a:b:c: 1}",
    "config: 3",
    "config: [a]",
    "- a",
    "a: [",
    "\ta: 1",
]


@pytest.fixture
def write(cli, tmp_path):
    """Writes the files of the stack dev."""
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    cli.run("stack", "init", "dev", cwd=tmp_path)

    def write(content, project=PROJECT):
        (tmp_path / "Pulumi.yaml").write_text(project)
        (tmp_path / "Pulumi.dev.yaml").write_text(content)

    return write


@pytest.fixture
def of_engine(cli, tmp_path):
    """The config that the engine reads; None if it refuses the files."""

    def read():
        shown = cli.run("config", "--json", "--stack", "dev", cwd=tmp_path, check=False)
        if shown.returncode:
            return None
        return {key: _comparable(value.get("value")) for key, value in json.loads(shown.stdout).items()}

    return read


@pytest.fixture
def of_command(tmp_path):
    """The config that the command reads; None if it refuses the files."""
    stack_files = require("ssm_profile.cli.stack_files")

    def read():
        try:
            config = stack_files.find_stack_file("dev", Path(tmp_path)).config
        except stack_files.InputError:
            return None
        return {key: _comparable(text) for key, text in config.items()}

    return read


def _comparable(text):
    """A value, without the spaces and the order of JSON."""
    return json.loads(text) if text and text[0] in "[{" else text


def test_scalars(write, of_engine, of_command):
    lines = [f"  k{number}: {scalar}" for number, scalar in enumerate(SCALARS)]
    write("\n".join(["config:", *lines]))

    assert of_command() == of_engine() is not None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "config:",
        "config: {quietAgent: true, web:patching: false, web:config:documents: false, other:quietAgent: true}",
        "config: {quietAgent: null, tags: {Team: null}}",
        "config: {sessionLogs.bucket: logs}",
    ],
)
def test_keys(write, of_engine, of_command, content):
    write(content, PROJECT + DECLARATIONS)

    assert of_command() == of_engine() is not None


@pytest.mark.parametrize("content", NOT_READ)
def test_refused_files(write, of_engine, of_command, content):
    write(content)

    assert of_command() is of_engine() is None


def test_missing_value(write, cli, of_command, tmp_path):
    """The engine reads the config, and refuses to deploy with it."""
    write("", f"{PROJECT}config: {{quietAgent: {{type: boolean}}}}")
    (tmp_path / "__main__.py").write_text("")

    refused = cli.run("preview", "--stack", "dev", cwd=tmp_path, check=False)

    assert "missing configuration value 'quietAgent'" in refused.stderr + refused.stdout
    assert of_command() is None
