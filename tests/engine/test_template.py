"""`pulumi new` creates a project from the template."""

import ast
import re
import subprocess
import sys

import pytest
import yaml

from ssm_profile.component import OUTPUTS
from ssm_profile.options import camel_case
from tests import ROOT

TEMPLATE = ROOT / "template"
FILES = {
    ".gitignore",
    "Pulumi.dev.yaml",
    "Pulumi.prod.yaml",
    "Pulumi.yaml",
    "README.md",
    "__main__.py",
    "requirements.txt",
}


@pytest.fixture
def new_project(cli, tmp_path):
    """The project my-profiles by `pulumi new`, with the default of every prompt."""
    project = tmp_path / "project"
    project.mkdir()
    options = ["--yes", "--name", "my-profiles", "--stack", "dev", "--dir", str(project)]
    result = cli.run("new", str(TEMPLATE), *options, cwd=tmp_path)
    assert "Created project 'my-profiles'" in result.stdout, result.stdout + result.stderr
    return project


def test_both_environments_work(new_project, cli):
    """The second environment needs no change by hand, and the command of the package reads the stack files."""
    cli.run("stack", "init", "prod", cwd=new_project)

    dev = cli.run("preview", "--stack", "dev", cwd=new_project).stdout
    prod = cli.run("preview", "--stack", "prod", "--diff", cwd=new_project).stdout

    assert {each.name for each in new_project.iterdir()} - {"__pycache__"} == FILES
    assert not [each for each in new_project.iterdir() if each.is_file() and "${" in each.read_text()]
    assert "my-profiles-dev-role" in dev
    assert "ec2:RoleDelivery" in prod, "the key requireImdsv2 has no effect"
    command = [sys.executable, "-c", "from ssm_profile.cli import main; main()", "explain", "--stack", "prod"]
    explained = subprocess.run(command, cwd=new_project, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "ssm:UpdateInstanceInformation" in explained
    assert "ec2:Describe*" not in explained


def test_prompts():
    """`pulumi new` asks only for the region: an answer about an option would replace that of Pulumi.prod.yaml."""
    prompts = yaml.safe_load((TEMPLATE / "Pulumi.yaml").read_text())["template"]["config"]

    assert prompts.keys() == {"aws:region"}
    assert all(prompt["description"] and prompt["default"] for prompt in prompts.values())


def test_exports_every_output():
    """In this repository's program a loop does that."""
    exported = re.findall(r'pulumi\.export\("(\w+)", profile\.(\w+)\)', (TEMPLATE / "__main__.py").read_text())

    assert exported == [(camel_case(output), output) for output in OUTPUTS]


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_same_environments_as_here(stack):
    name = f"Pulumi.{stack}.yaml"

    assert (TEMPLATE / name).read_text() == (ROOT / name).read_text().replace("  ssm-profile:", "  ")


def test_program_imports_only_public_names():
    """A project of a user breaks when another name changes."""
    tree = ast.parse((TEMPLATE / "__main__.py").read_text())

    assert {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} == {"ssm_profile"}
