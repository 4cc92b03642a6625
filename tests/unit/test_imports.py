"""What the package exports, and what its modules import."""

import subprocess
import sys

import pytest

import ssm_profile
from tests import ROOT

PULUMI_MODULES = {"__main__", "component", "preview", "reference", "settings"}
"""The modules that need Pulumi. The command and its fast start depend on all others."""


def test_public_names():
    assert ssm_profile.__all__ == [
        "OptionsError",
        "SsmInstanceProfile",
        "SsmInstanceProfileArgs",
        "SsmInstanceProfileReference",
        "read_settings",
    ]
    assert all(getattr(ssm_profile, name).__name__ == name for name in ssm_profile.__all__)


def test_other_names_do_not_exist():
    with pytest.raises(AttributeError, match="module 'ssm_profile' has no attribute 'SsmInstanceProfil'"):
        _ = ssm_profile.SsmInstanceProfil


def test_pure_modules_do_not_import_pulumi():
    modules = {path.stem for path in (ROOT / "ssm_profile").glob("*.py")} - PULUMI_MODULES - {"__init__"}
    names = ", ".join(f"ssm_profile.{module}" for module in sorted(modules))
    command = [sys.executable, "-c", f"import sys, {names}; print('pulumi' in sys.modules)"]

    done = subprocess.run(command, cwd=ROOT, check=True, timeout=30, capture_output=True, text=True)

    assert done.stdout == "False\n"
    assert modules >= {"catalogue", "options", "policy", "stack_config", "validation"}
