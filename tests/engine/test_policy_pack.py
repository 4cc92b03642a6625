"""The policy pack in the real Pulumi engine."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import ROOT, require
from tests.expected import TRUST

CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
BY_HAND = f"""
role = aws.iam.Role("web", assume_role_policy='{json.dumps(TRUST)}')
attached = aws.iam.RolePolicyAttachment("core", role=role.name, policy_arn="{CORE}")
profile = aws.iam.InstanceProfile("web", role=role.name)
"""
COMPONENT = """
from ssm_profile import SsmInstanceProfile
SsmInstanceProfile("web", {"patching": True, "parameters": {"paths": ["/app"]}})
"""


@pytest.fixture
def preview(sandbox, project, tmp_path):
    """Previews a program with the policy pack and returns the exit code and the output."""
    require("pulumi_policy")
    pack = tmp_path / "pack"  # without its virtual environment, since the one of the tests has what the pack needs
    shutil.copytree(ROOT / "policies", pack, ignore=shutil.ignore_patterns("__pycache__"))
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\n")
    environment = os.environ | sandbox.cli_environment()
    environment["PYTHONPATH"] = str(ROOT)

    def run(program, **config):
        directory = project(program)
        command = [Path(sandbox.pulumi.command).name, "preview", "--stack", "test", "--policy-pack", str(pack)]
        if config:
            (tmp_path / "config.json").write_text(json.dumps(config))
            command += ["--policy-pack-config", str(tmp_path / "config.json")]
        subprocess.run(
            [command[0], "stack", "init", "test"],
            cwd=directory,
            env=environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        process = subprocess.run(
            command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        return process.returncode, " ".join((process.stdout + process.stderr).split())

    return run


def test_stack_with_core_is_stopped(preview):
    code, output = preview(BY_HAND)

    assert code != 0
    assert "[mandatory] no-wide-ssm-policies" in output
    assert "[advisory] profile-after-policies" in output
    assert "core: AmazonSSMManagedInstanceCore is attached. It reads every parameter" in output
    assert "web: The instance profile does not wait for core" in output


def test_component_passes(preview):
    code, output = preview(COMPONENT)

    assert code == 0, output
    assert "[mandatory]" not in output
    assert "[advisory]" not in output


def test_config_sets_severity_and_exceptions(preview):
    code, output = preview(
        BY_HAND,
        **{
            "no-wide-ssm-policies": {"exceptions": ["*::core"]},
            "profile-after-policies": {"enforcementLevel": "mandatory"},
        },
    )

    assert code != 0
    assert "is attached" not in output
    assert "[mandatory]" in output
    assert "web: The instance profile does not wait for core" in output
