"""An IAM evaluator of somebody else's, @cloud-copilot/iam-simulate, asked about the policies."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import IN_CI

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def evaluator():
    """Asks the evaluator, which `make test` installs."""
    node = shutil.which("node")
    if not node or not (HERE / "node_modules" / "@cloud-copilot").is_dir():
        assert not IN_CI, "`make test` installs the evaluator, where there is npm"
        pytest.skip("needs Node.js, and the evaluator: `make test` installs it")

    def ask(question):
        command = [node, str(HERE / "evaluate.mjs")]
        done = subprocess.run(
            command, input=json.dumps(question), capture_output=True, text=True, timeout=1800, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ask
