"""The engine runs the policy pack."""

import json
import re
import shutil

import pytest

from tests import ROOT, require
from tests.engine.stacks import single_line
from tests.expected import TRUST

CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
HAND_WRITTEN = f"""
role = aws.iam.Role("web", assume_role_policy='{json.dumps(TRUST)}')
attached = aws.iam.RolePolicyAttachment("core", role=role.name, policy_arn="{CORE}")
profile = aws.iam.InstanceProfile("web", role=role.name)
"""
COMPONENT = """
from ssm_profile import SsmInstanceProfile
SsmInstanceProfile("web", {"patching": True, "parameters": {"paths": ["/app"]}})
"""


@pytest.fixture
def preview(cli, project, tmp_path):
    """Previews a program with the policy pack. Returns the exit code and the output in one line."""
    require("pulumi_policy")
    pack = tmp_path / "pack"  # a copy without the virtual environment that its settings name
    shutil.copytree(ROOT / "policies", pack, ignore=shutil.ignore_patterns("__pycache__"))
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\n")

    def run(program, **config):
        directory = project(program)
        options = ["--stack", "test", "--policy-pack", str(pack)]
        if config:
            (tmp_path / "config.json").write_text(json.dumps(config))
            options += ["--policy-pack-config", str(tmp_path / "config.json")]
        cli.run("stack", "init", "test", cwd=directory)
        result = cli.run("preview", *options, cwd=directory, check=False, PYTHONPATH=str(ROOT))
        return result.returncode, single_line(result.stdout, result.stderr)

    return run


def test_core_policy_is_rejected(preview):
    """Hand-written resources with AmazonSSMManagedInstanceCore violate both policies."""
    exit_code, output = preview(HAND_WRITTEN)

    assert exit_code != 0
    assert re.search(r"\[mandatory\] no-wide-ssm-policies .*\bcore: .*\bAmazonSSMManagedInstanceCore\b", output)
    assert re.search(r"\[advisory\] profile-after-policies .*\bweb: .*\bcore\b", output)


def test_component_passes(preview):
    exit_code, output = preview(COMPONENT)

    assert exit_code == 0, output
    assert "[mandatory]" not in output
    assert "[advisory]" not in output


def test_config_sets_level_and_exceptions(preview):
    """The pack's configuration changes the enforcement level of a policy and the resources that it ignores."""
    exit_code, output = preview(
        HAND_WRITTEN,
        **{
            "no-wide-ssm-policies": {"exceptions": ["*::core"]},
            "profile-after-policies": {"enforcementLevel": "mandatory"},
        },
    )

    assert exit_code != 0
    assert "AmazonSSMManagedInstanceCore" not in output
    assert re.search(r"\[mandatory\] profile-after-policies .*\bweb: .*\bcore\b", output)
