"""The generated documents, and the generated parts of documents, are what `make docs` writes."""

import re
import subprocess
import sys

import pytest

from tests import ROOT, require

COGGED = re.search(r"^COGGED := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()


@pytest.mark.parametrize("name", COGGED)
def test_generated_part_is_fresh(name):
    require("cogapp")
    command = [sys.executable, "-m", "cogapp", "-I", str(ROOT), "--check", str(ROOT / name)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, f"{name} is stale: run `make docs`. {done.stdout}{done.stderr}"


def test_every_marked_file_is_filled():
    """`make docs` and the test above go over the same list, which must name every file with a marker."""
    pages = [ROOT / "README.md", ROOT / "Pulumi.yaml", *(ROOT / "docs").glob("*.md")]
    marked = {str(page.relative_to(ROOT)) for page in pages if "[[[cog" in page.read_text()}

    assert marked == set(COGGED)


@pytest.mark.parametrize("module", ["permissions", "schema", "fleet_role"])
def test_generated_page_is_fresh(module):
    generator = require(f"generators.{module}")

    assert generator.PAGE.read_text() == generator.page(), f"{generator.PAGE.name} is stale: run `make docs`"
