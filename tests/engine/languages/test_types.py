"""The compilers of TypeScript and Go accept the examples and the generated SDKs, and refuse a wrong option."""

import shutil
import subprocess

import pytest

from tests import ROOT
from tests.engine.languages.conftest import compile_typescript, go

pytestmark = pytest.mark.proof


def test_typescript(node_packages):
    """`tsc` accepts the example in TypeScript and the generated SDK, and refuses an option that does not exist."""
    folder = shutil.copytree(ROOT / "examples" / "typescript", node_packages / "types" / "typescript")

    compile_typescript(node_packages / "node_modules" / "@pulumi" / "ssm-profile", "--noEmit")
    compile_typescript(folder, "--noEmit")

    program = folder / "index.ts"
    program.write_text(program.read_text().replace("stateManager:", "stateManagr:"))
    with pytest.raises(subprocess.CalledProcessError) as error:
        compile_typescript(folder, "--noEmit")
    assert "'stateManagr' does not exist in type" in error.value.stdout


def test_go(go_module):
    """`go vet` accepts the example in Go, and refuses an option that does not exist."""
    folder = go_module / "types"
    folder.mkdir()
    text = (ROOT / "examples" / "go" / "main.go").read_text()
    (folder / "main.go").write_text(text)

    go("vet", "./types", cwd=go_module)

    (folder / "main.go").write_text(text.replace("StateManager:", "StateManagr:"))
    with pytest.raises(subprocess.CalledProcessError) as error:
        go("vet", "./types", cwd=go_module)
    assert "unknown field StateManagr in struct literal" in error.value.stderr
