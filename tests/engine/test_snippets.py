"""The commands and programs in the documents run as they are written, in the real engine where they deploy."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import yaml

from tests import ROOT, copy_repository
from tests.snippets import snippets

FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "policies" / "README.md"]
SNIPPETS = [
    each
    for file in FILES
    for each in snippets(file, str(file.relative_to(ROOT)))
    if each.language in ("bash", "python")
]
PAGES = {
    page: [each for each in SNIPPETS if each.page == page and not each.skip]
    for page in dict.fromkeys(each.page for each in SNIPPETS)
}
SLOW_PAGES = (
    "docs/adopting.md",
    "docs/changing.md",
    "docs/deploying.md",
    "docs/options.md",
    "docs/recovery.md",
    "docs/using.md",
)
"""Pages that take up to half a minute each. Other tests do the same in every run, such as test_adoption.py."""


@pytest.fixture
def virtual_environment(tmp_path):
    """A virtual environment of the reader's own, in which the packages of this one are installed already."""
    folder = tmp_path / "environment"
    venv.create(folder, symlinks=True)
    (site_packages,) = folder.glob("lib/*/site-packages")
    installed = next(path for path in sys.path if path.endswith("site-packages"))
    (site_packages / "installed.pth").write_text(f"{installed}\n")
    pip = folder / "bin" / "pip"
    pip.write_text(f'#!/bin/sh\nexec {folder}/bin/python -m pip "$@"\n')
    pip.chmod(0o755)
    return folder


@pytest.fixture
def reader(sandbox, virtual_environment, tmp_path):
    """Runs commands as a reader of the documents does, in a clone of the repository."""
    clone = tmp_path / "ssm-profile"
    copy_repository(clone)
    # There .venv links to the environment of the tests. If these were newer, `make` would install the clone in it.
    for name in ("pyproject.toml", "requirements-dev.lock"):
        os.utime(clone / name, (0, 0))
    environment = os.environ | sandbox.cli_environment(str(virtual_environment / "bin" / "python"), clone)
    path = [str(virtual_environment / "bin"), environment["PATH"], str(Path(sys.executable).parent)]
    environment |= {
        "HOME": str(tmp_path / "home"),
        "PATH": os.pathsep.join(path),
        "PULUMI_SKIP_CONFIRMATIONS": "true",
        "TEST_ENVIRONMENT": str(Path(sys.executable).parent.parent),
        "VIRTUAL_ENV": str(virtual_environment),
    }
    for name in ("PYTHONPATH", "MAKEFLAGS", "ARGS"):  # `make test ARGS=...` would pass ARGS to `make sandbox`
        environment.pop(name, None)
    (tmp_path / "home").mkdir()

    def run(command, folder="."):
        return subprocess.run(
            ["bash", "-c", command],
            cwd=clone / folder, env=environment, text=True, capture_output=True, timeout=300, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    return run


def run_commands(reader, snippet):
    printed = ""
    for command, code in snippet.commands():
        done = reader(command, snippet.folder)
        assert done.returncode == code, f"{snippet}: {command}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, f"{snippet}: {command}\n{done.stderr}"
        printed += done.stdout
    return printed


def run_program(reader, snippet, project):
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: reader\nruntime: python\n")
    (project / "__main__.py").write_text(snippet.text)
    (project / "Pulumi.test.yaml").write_text(yaml.safe_dump({"config": {"aws:region": "eu-central-1"}}))
    done = reader("pulumi stack init test && pulumi up --stack test", project)
    assert done.returncode == 0, f"{snippet}:\n{done.stdout}{done.stderr}"
    destroyed = reader("pulumi destroy --stack test && pulumi stack rm test --yes", project)
    assert destroyed.returncode == 0, f"{snippet}:\n{destroyed.stdout}{destroyed.stderr}"
    return done.stdout


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[pytest.mark.proof] if page in SLOW_PAGES else []) for page in PAGES]
)
def test_page_runs_from_top_to_bottom(reader, page, tmp_path):
    """A reader runs the blocks of a page one after the other. A block finds what those above it have made."""
    for snippet in PAGES[page]:
        for command in snippet.before:
            done = reader(command)
            assert done.returncode == 0, f"{snippet}: {command}\n{done.stdout}{done.stderr}"
        if snippet.language == "bash":
            printed = run_commands(reader, snippet)
        else:
            printed = run_program(reader, snippet, tmp_path / f"reader-{snippet.line}")
        for line in (snippet.output or "").splitlines():
            assert line in printed, f"{snippet} does not print: {line}"


def test_skipped_blocks_say_why():
    """What needs an account or another language's tools cannot run here."""
    reasons = {each.skip for each in SNIPPETS if each.skip}

    assert reasons == {
        "needs an account at Pulumi Cloud, or a bucket",
        "needs an AWS account",
        "needs Pulumi's own language host for Python; tests/engine/test_policy_pack.py runs the pack",
        "needs a release; tests/engine/test_git_urls.py has a Git server on this machine",
        "takes a minute; tests/engine/test_package.py builds the package",
        "takes as long as the run above; tests/engine/test_sandbox_command.py deploys prod with this option",
        "needs the language host of the program's language",
    }
