"""What a release is called: the tag, the version and the newest heading of CHANGELOG.md."""

import re

import pytest

from generators.release_notes import release_notes
from ssm_profile.version import __version__
from tests import ROOT

CHANGELOG = """# Changelog

## 0.2.0 - 2027-02-01

### Upgrading

Nothing changes.

## 0.1.0 - 2027-01-01

The first release.
"""


def test_prints_newest_section():
    assert release_notes("v0.2.0", "0.2.0", CHANGELOG) == "### Upgrading\n\nNothing changes."


def test_refuses_tag_of_another_version():
    with pytest.raises(ValueError, match=re.escape("The tag is v0.2.1, and the version is 0.2.0.")):
        release_notes("v0.2.1", "0.2.0", CHANGELOG)


@pytest.mark.parametrize("heading", ["0.2.0 - unreleased", "0.2.0", "0.2.1 - 2027-02-01"])
def test_refuses_heading_without_version_or_date(heading):
    with pytest.raises(ValueError, match=f"The first heading of CHANGELOG.md is `{heading}`."):
        release_notes("v0.2.0", "0.2.0", CHANGELOG.replace("0.2.0 - 2027-02-01", heading))


def test_changelog_begins_with_the_version():
    """The newest section is of the version that the package has, released or not."""
    assert re.search(r"^## (.*) - ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == __version__
