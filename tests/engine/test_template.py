"""`pulumi new` creates a project from this repository."""

import re
import shutil

import pytest
import yaml

from tests import ROOT
from tests.engine.stacks import single_line

IGNORED = {
    ".git",
    ".hypothesis",
    ".pytest_cache",
    ".ruff_cache",
    ".venv",
    ".venv-linters",
    ".venv-oldest",
    "__pycache__",
    "node_modules",
}


@pytest.fixture
def new_project(cli, tmp_path):
    """Runs `pulumi new` for a project named my-profiles, and accepts the default of every prompt."""
    template, project = tmp_path / "template", tmp_path / "project"
    shutil.copytree(ROOT, template, ignore=lambda _, names: IGNORED.intersection(names))

    def create(stack):
        project.mkdir()
        options = ["--yes", "--name", "my-profiles", "--stack", stack, "--dir", str(project)]
        result = cli.run("new", str(template), *options, cwd=tmp_path, check=False)
        assert "Created project 'my-profiles'" in result.stdout, result.stdout + result.stderr
        assert yaml.safe_load((project / "Pulumi.yaml").read_text())["name"] == "my-profiles"
        return project

    return create


def stack_config(project, stack):
    return yaml.safe_load((project / f"Pulumi.{stack}.yaml").read_text())["config"]


def test_prompts(new_project):
    """`pulumi new` asks only for the region and for the widest permission, ec2:Describe*, and explains both."""
    project = new_project("test")

    assert stack_config(project, "test") == {"aws:region": "eu-central-1", "my-profiles:ec2Describe": "true"}
    prompts = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["template"]["config"]
    assert all(prompt["description"] for prompt in prompts.values())


def test_preview(new_project, cli):
    """The preview of a new project's stack succeeds."""
    project = new_project("dev")

    preview = cli.run("preview", "--stack", "dev", cwd=project)

    assert stack_config(project, "dev")["my-profiles:ec2Describe"] == "true"
    assert "ssm-profile-dev-role" in preview.stdout


def test_template_keys_are_rejected(new_project, cli):
    """The preview rejects keys of Pulumi.prod.yaml that still name the template, and shows the right key."""
    project = new_project("dev")
    cli.run("stack", "init", "prod", cwd=project)

    preview = cli.run("preview", "--stack", "prod", cwd=project, check=False)

    assert preview.returncode != 0
    message = single_line(preview.stdout, preview.stderr)
    assert re.search(r"\bssm-profile:requireImdsv2\b.*\bmy-profiles:requireImdsv2\b", message)
    assert "Traceback" not in message
