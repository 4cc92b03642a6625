"""The command `audit` with a role that a stack created."""

import json
import os
import subprocess
import sys

import pytest

from tests import ROOT, require


@pytest.fixture
def audit(sandbox):
    """Runs `audit` on a role of the emulated AWS. Returns the exit code and the report."""
    require("rich_click")

    def run(role):
        result = subprocess.run(
            [sys.executable, "-c", "from ssm_profile.cli import main; main()", "audit", "--role", role, "--json"],
            cwd=ROOT,
            env=os.environ | sandbox.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert not result.stderr
        (audited,) = json.loads(result.stdout)["audits"]
        return result.returncode, audited

    return run


def test_roles_of_dev_and_prod(sandbox, audit):
    dev_code, dev = audit(sandbox.stack("dev").up().outputs["roleName"].value)
    prod_code, prod = audit(sandbox.stack("prod").up().outputs["roleName"].value)

    for report in (dev, prod):
        assert report["systemsManager"] == "works"
        assert (report["unneeded"], report["deprecated"], report["notes"]) == ([], [], [])
    assert [row["action"] for row in dev["unscoped"]] == ["ssm:UpdateInstanceInformation", "ec2:Describe*"]
    assert prod["unscoped"] == []
    assert [row["text"] for row in prod["denies"]] == ["* on * if NumericLessThan ec2:RoleDelivery 2.0"]
    assert (dev["level"], prod["level"]) == ("wide", "clean")
    assert (dev_code, prod_code) == (0, 0)
