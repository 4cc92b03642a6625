"""The documentation site, a hook of MkDocs: the pages that are not in docs/, and the links of all pages.

The pages are written for readers of the repository. On the site, a link to a page leads to that page. A link to another
file leads to the repository. Comments are left out: a page that begins with one has no title.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "policies/README.md", "examples/*/README.md")
"""The files outside docs/ that are pages."""

_COMMENT = re.compile(r"^[ ]*<!-- [^\n]*-->\n", re.MULTILINE)
_CELL = re.compile(r"<td>.*?</td>", re.DOTALL)
_NAME = re.compile(r"(?<=<code>)[\w.:]+(?=</code>)")
_BREAK = re.compile(r"[.:_](?=\w)|(?<=[a-z])(?=[A-Z])")
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")


def on_config(config: MkDocsConfig) -> None:
    """Replace each pattern in the navigation by the pages that it matches."""
    config.nav = expand(config.nav)


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages that are not in docs/."""
    for name in _matches(*PAGES):
        files.append(File(name, str(ROOT), config.site_dir, config.use_directory_urls))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the text of a page as the site shows it."""
    path = Path(page.file.abs_src_path or "").relative_to(ROOT)

    def replace(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(path.parent.as_posix(), link[1]))
        for name in (target, f"{target}/README.md"):
            if file := files.get_file_from_path(name.removeprefix("docs/")):
                return posixpath.relpath(file.src_uri, posixpath.dirname(page.file.src_uri) or ".")
        if not (ROOT / target).exists():
            return link[1]  # MkDocs reports it
        kind = "tree" if (ROOT / target).is_dir() else "blob"
        return f"{config.extra['repository']}/{kind}/main/{target}"

    return _LINK.sub(replace, _COMMENT.sub("", markdown))


def on_page_content(html: str, **_: Any) -> str:
    """Return the page with places where the names in its tables may break."""
    return _CELL.sub(lambda cell: _NAME.sub(lambda name: _BREAK.sub(r"\g<0><wbr>", name[0]), cell[0]), html)


def expand(nav: Any) -> Any:
    """Return a navigation, or a part of it, with the pages that its patterns match."""
    if isinstance(nav, dict):
        return {title: expand(entry) for title, entry in nav.items()}
    if isinstance(nav, list):
        return [each for entry in nav for each in (_matches(entry) if "*" in entry else [expand(entry)])]
    return nav


def _matches(*patterns: str) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for pattern in patterns for path in sorted(ROOT.glob(pattern))]
