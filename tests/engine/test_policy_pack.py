"""The policy pack as the engine runs it."""

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
    """Previews a program under the pack."""
    require("pulumi_policy")
    pack = tmp_path / "pack"  # without the environment that its settings ask for: this one has all that it needs
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
        done = subprocess.run(
            command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    return run


def test_a_stack_with_core_is_refused_and_told_what_to_use(preview):
    code, told = preview(BY_HAND)

    assert code != 0
    assert "[mandatory] no-wide-ssm-policies" in told
    assert "[advisory] profile-after-policies" in told
    assert "core: AmazonSSMManagedInstanceCore is attached. It reads every parameter" in told
    assert "web: it does not wait for core" in told


def test_the_component_passes(preview):
    code, told = preview(COMPONENT)

    assert code == 0, told
    assert "[mandatory]" not in told
    assert "[advisory]" not in told


def test_severity_and_exceptions_are_the_configuration_s(preview):
    code, told = preview(
        BY_HAND,
        **{
            "no-wide-ssm-policies": {"exceptions": ["*::core"]},
            "profile-after-policies": {"enforcementLevel": "mandatory"},
        },
    )

    assert code != 0
    assert "is attached" not in told
    assert "[mandatory]" in told
    assert "web: it does not wait for core" in told
