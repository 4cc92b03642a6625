"""The IAM evaluator @cloud-copilot/iam-simulate, which is independent of this project."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import IN_CI

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def evaluator():
    """Sends a question to the evaluator and returns its answer. evaluate.mjs describes both."""
    node = shutil.which("node")
    if not node or not (HERE / "node_modules" / "@cloud-copilot").is_dir():
        assert not IN_CI, "the evaluator is missing: `make test` installs it if npm is installed"
        pytest.skip("requires Node.js and the evaluator: install npm, then run `make test`")

    def ask(question):
        command = [node, str(HERE / "evaluate.mjs")]
        result = subprocess.run(
            command, input=json.dumps(question), capture_output=True, text=True, timeout=1800, check=False
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    return ask
