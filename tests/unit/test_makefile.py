"""What `make` prints when it installs packages."""

import os
import shutil
import subprocess

import pytest

from tests import ROOT

PYTHON = """#!/bin/sh
mkdir -p "$3/bin"
printf '#!/bin/sh\\n' > "$3/bin/python"
cp "$3/bin/python" "$3/bin/uv"
chmod +x "$3/bin/python" "$3/bin/uv"
"""
"""A `python -m venv DIRECTORY` whose environment installs nothing."""


@pytest.fixture
def make(tmp_path):
    """Runs `make` in a copy of the project and returns its output as lines."""
    if not shutil.which("make"):
        pytest.skip("needs make")
    for file in ("Makefile", "pyproject.toml", *(path.name for path in ROOT.glob("requirements*"))):
        shutil.copy(ROOT / file, tmp_path)
    python, uv = tmp_path / "python", tmp_path / "programs" / "uv"
    uv.parent.mkdir()
    for program, script in ((python, PYTHON), (uv, "#!/bin/sh\nexit 1\n")):
        program.write_text(script)
        program.chmod(0o755)

    # A surrounding `make test` passes its own state in variables whose names begin with MAKE.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment |= {"LC_ALL": "C", "PATH": f"{tmp_path / 'programs'}:{os.environ['PATH']}"}

    def run(target, **variables):
        command = ["make", "--no-print-directory", target, f"PYTHON={python}"]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment | variables, text=True, capture_output=True, check=True
        )
        return (done.stdout + done.stderr).splitlines()

    return run


UV = "Installing uv into .venv."
SETUP = "Installing the Python packages of this project into .venv: about 250 MB when they are not in uv's cache."
OLDEST = (
    "Installing the oldest supported versions of the Python packages into .venv-oldest. This can take some minutes."
)
LINTERS = "Installing the packages of requirements-linters.lock into .venv-linters."


@pytest.mark.parametrize(
    ("target", "lines"),
    [
        ("setup", [UV, SETUP]),
        (".venv-oldest/.ready", [UV, SETUP, OLDEST]),
        (".venv-linters/.ready", [UV, LINTERS]),
    ],
)
def test_installation_prints_one_line(make, target, lines):
    assert make(target) == lines


def test_uv_on_path_is_used(make, tmp_path):
    (tmp_path / "programs" / "uv").write_text("#!/bin/sh\n")

    assert make("setup") == [SETUP]


@pytest.mark.parametrize("target", ["setup", ".venv-oldest/.ready", ".venv-linters/.ready"])
def test_second_run_installs_nothing(make, target):
    make(target)

    (line,) = make(target)

    assert line in (f"make: Nothing to be done for '{target}'.", f"make: '{target}' is up to date.")


@pytest.mark.parametrize(
    ("programs", "lines"),
    [
        (["google-chrome"], []),
        (["id", "apt-get"], ["Installing Chromium with apt-get. This happens once."]),
        (["id"], ["Skipping the tests of HTML: Chromium is not on PATH."]),
    ],
)
def test_chromium(make, tmp_path, programs, lines):
    """It is installed if it is missing and root can do it."""
    folder = tmp_path / "only"
    folder.mkdir()
    (folder / "make").symlink_to(shutil.which("make"))
    for program in programs:
        (folder / program).write_text("#!/bin/sh\necho 0\n")  # the user ID of root
        (folder / program).chmod(0o755)

    assert make("chromium", PATH=str(folder)) == lines
