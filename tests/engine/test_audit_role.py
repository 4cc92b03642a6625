"""The command against what a stack really made."""

import json
import os
import subprocess
import sys

import pytest

from tests import ROOT, require


@pytest.fixture
def audit(sandbox):
    """Audits a role of the emulated AWS by the command."""
    require("rich_click")

    def run(role):
        audited = subprocess.run(
            [sys.executable, "-c", "from ssm_profile.cli import main; main()", "audit", "--role", role, "--json"],
            cwd=ROOT,
            env=os.environ | sandbox.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert not audited.stderr
        return audited.returncode, json.loads(audited.stdout)

    return run


def test_the_roles_of_both_environments_are_audited(sandbox, audit):
    dev = audit(sandbox.stack("dev").up().outputs["roleName"].value)
    prod = audit(sandbox.stack("prod").up().outputs["roleName"].value)

    for code, found in (dev, prod):
        assert found["works"] is True
        assert (found["unneeded"], found["deprecated"], found["notes"]) == ([], [], [])
        assert code == (1 if found["unscoped"] else 0)
    assert [row["action"] for row in dev[1]["unscoped"]] == ["ssm:UpdateInstanceInformation", "ec2:Describe*"]
    assert prod[1]["unscoped"] == []
    assert prod[1]["denials"] == ["* on * if NumericLessThan ec2:RoleDelivery 2.0"]
