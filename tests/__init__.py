"""The tests. Tests that need more than requirements.txt are skipped without it, but never in CI."""

import importlib
import os
import warnings
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
IN_CI = os.environ.get("CI") == "true"


def require(module: str) -> Any:
    """Import a module that is not in requirements.txt. Without it, the whole test module is skipped with the reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # parliament leaves files open when it is imported
            return importlib.import_module(module)
    except ImportError as error:
        if IN_CI:
            raise
        reason = f"needs {error.name} of requirements-dev.txt, which `make setup` installs"
        return pytest.skip(reason, allow_module_level=True)
