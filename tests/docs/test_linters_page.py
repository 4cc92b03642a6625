"""docs/linters.md says what the linters find."""

import pytest

from tests import IN_CI, ROOT, require

PAGE = (ROOT / "docs" / "linters.md").read_text()
ROWS = {cells[0]: cells[1:] for line in PAGE.splitlines() if (cells := line.strip("| ").split(" | "))[1:]}


def test_prod_and_options_have_no_finding():
    assert ROWS["the environment prod"] == ["nothing", "nothing"]
    assert ROWS["every option at once"] == ["nothing", "nothing"]


def test_default_has_only_the_heartbeat():
    assert ROWS["the default (the environment dev)"] == [
        "Unrestricted Infrastructure Modification: `ssm:UpdateInstanceInformation`",
        "CKV_AWS_111: allow write access without constraints",
    ]


@pytest.mark.proof
def test_page_is_fresh():
    """The page of the linters is what they find now."""
    if not (ROOT / ".venv-linters" / ".ready").exists():
        assert not IN_CI
        pytest.skip("needs the linters: `make proof` installs them")
    linters = require("generators.linters")

    assert linters.page() == PAGE, "linters.md is stale: run `make linters`"
