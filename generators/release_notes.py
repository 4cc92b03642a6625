"""Print the section of CHANGELOG.md that a tag releases: `python -m generators.release_notes v0.1.0`.

It needs no packages, because the workflow runs it before anything is installed.
"""

import re
import runpy
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent


def release_notes(tag: str, version: str, changelog: str) -> str:
    """Return the section of a version, without its heading.

    Args:
        tag: The git tag, such as `v0.1.0`.
        version: The version of the package.
        changelog: The text of CHANGELOG.md, whose headings have the form `## 0.1.0 - 2027-01-31`.

    Raises:
        ValueError: If the tag is not the version, or the newest section is of another version or has no date.
    """
    if tag != f"v{version}":
        raise ValueError(f"The tag is {tag}, and the version is {version}. Change ssm_profile/version.py or the tag.")
    _, heading, section, *_ = re.split(r"^## (.*)\n", changelog, flags=re.MULTILINE)
    if not re.fullmatch(rf"{re.escape(version)} - \d{{4}}-\d\d-\d\d", heading):
        raise ValueError(
            f"The first heading of CHANGELOG.md is `{heading}`. It must be `{version} - ` and the date of the release, "
            f"for example `{version} - 2027-01-31`."
        )
    return section.strip()


if __name__ == "__main__":
    own_version = runpy.run_path(str(_ROOT / "ssm_profile" / "version.py"))["__version__"]
    try:
        print(release_notes(sys.argv[1], own_version, (_ROOT / "CHANGELOG.md").read_text()))  # noqa: T201
    except ValueError as error:
        sys.exit(str(error))
