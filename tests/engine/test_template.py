"""``pulumi new`` from this repository."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests import ROOT

MADE_HERE = {".venv", ".git", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis"}


@pytest.fixture
def pulumi(sandbox):
    """Runs the CLI as a person does."""
    environment = os.environ | sandbox.cli_environment()
    command = Path(sandbox.pulumi.command).name

    def run(*arguments, cwd):
        return subprocess.run(
            [command, *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def made(pulumi, tmp_path):
    """A project that was made from this repository, with a name of its own."""
    template, project = tmp_path / "template", tmp_path / "project"
    project.mkdir()
    shutil.copytree(ROOT, template, ignore=lambda _, names: MADE_HERE.intersection(names))
    options = ["--yes", "--name", "my-profiles", "--stack", "dev", "--dir", str(project)]
    done = pulumi("new", str(template), *options, cwd=tmp_path)
    assert "Created project 'my-profiles'" in done.stdout, done.stdout + done.stderr
    return project


def test_a_new_project_is_asked_for_the_region_and_the_widest_grant_alone():
    template = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["template"]

    assert list(template["config"]) == ["aws:region", "ec2Describe"]
    assert all(known["description"] and "default" in known for known in template["config"].values())


def test_a_new_project_previews_and_stale_keys_are_refused(made, pulumi):
    assert yaml.safe_load((made / "Pulumi.yaml").read_text())["name"] == "my-profiles"
    config = yaml.safe_load((made / "Pulumi.dev.yaml").read_text())["config"]
    assert config["my-profiles:ec2Describe"] == "true"

    previewed = pulumi("preview", "--stack", "dev", cwd=made)
    assert previewed.returncode == 0, previewed.stdout + previewed.stderr
    assert "ssm-profile-dev-role" in previewed.stdout

    pulumi("stack", "init", "prod", cwd=made)
    refused = pulumi("preview", "--stack", "prod", cwd=made)
    assert refused.returncode != 0
    told = " ".join((refused.stdout + refused.stderr).split())
    assert (
        "ssm-profile:requireImdsv2: found a key of the project ssm-profile, and this one is my-profiles; "
        "allowed: my-profiles:requireImdsv2" in told
    )
    assert "Traceback" not in told
