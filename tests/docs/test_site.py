"""What the site changes in a page. The lint builds the site, which checks its links and its navigation."""

from types import SimpleNamespace

import pytest

from tests import ROOT, require

site = require("generators.site")
files = require("mkdocs.structure.files")

REPOSITORY = "https://git.example/me/ssm-profile"


@pytest.fixture(scope="module")
def config():
    config = require("mkdocs.config.defaults").MkDocsConfig()
    config.load_dict({"site_name": "site", "docs_dir": str(ROOT / "docs"), "extra": {"repository": REPOSITORY}})
    assert config.validate() == ([], [])
    return config


@pytest.fixture(scope="module")
def pages(config):
    found = files.get_files(config)
    site.on_files(found, config)
    return found


@pytest.fixture
def show(config, pages):
    """Returns the Markdown that the site shows for a text on a page."""

    def show(page, text):
        return site.on_page_markdown(text, SimpleNamespace(file=pages.get_file_from_path(page)), config, pages)

    return show


@pytest.mark.parametrize(
    ("page", "link", "shown"),
    [
        pytest.param("README.md", "docs/options.md#outputs", "options.md#outputs", id="from the home page"),
        pytest.param("README.md", "docs/actions.svg", "actions.svg", id="picture"),
        pytest.param("using.md", "../README.md", "README.md", id="to the home page"),
        pytest.param("using.md", "changing.md", "changing.md", id="beside it"),
        pytest.param("policies/README.md", "../docs/command.md", "../command.md", id="from a folder"),
        pytest.param("using.md", "../policies", "policies/README.md", id="folder with a page"),
        pytest.param("using.md", "../template", f"{REPOSITORY}/tree/main/template", id="folder without a page"),
        pytest.param("README.md", "LICENSE", f"{REPOSITORY}/blob/main/LICENSE", id="file that is no page"),
        pytest.param("using.md", "../missing.md", "../missing.md", id="MkDocs reports it"),
        pytest.param("using.md", "#template", "#template", id="in the page"),
        pytest.param("using.md", "https://aws.amazon.com/", "https://aws.amazon.com/", id="other site"),
    ],
)
def test_link_leads_to_page_or_repository(show, page, link, shown):
    assert show(page, f"[text]({link})") == f"[text]({shown})"


def test_comments_are_left_out(show):
    """A page that begins with one has no title."""
    text = (
        "<!-- Do not edit. -->\n<!-- test: exit: 1 -->\nfalse\n<!-- [[[cog a ]]] -->\n| b |\n<!-- [[[end]]] -->\n"
        "    <!-- test: skip: c -->\n"
    )

    assert show("using.md", text) == "false\n| b |\n"


def test_names_break_in_tables_only():
    """At words, so that a table fits on a phone."""
    html = "<td><code>session_logs.kmsKeyArn</code> a_b</td><code>a_b</code>"

    assert site.on_page_content(html) == (
        "<td><code>session_<wbr>logs.<wbr>kms<wbr>Key<wbr>Arn</code> a_b</td><code>a_b</code>"
    )


def test_navigation_has_every_example(monkeypatch, tmp_path):
    """In the place of the pattern."""
    monkeypatch.setattr(site, "ROOT", tmp_path)
    nav = [{"Deploy": ["using.md", "examples/*/README.md"]}]
    assert site.expand(nav) == [{"Deploy": ["using.md"]}]
    for name in ("b", "a"):
        (tmp_path / "examples" / name).mkdir(parents=True)
        (tmp_path / "examples" / name / "README.md").touch()

    assert site.expand(nav) == [{"Deploy": ["using.md", "examples/a/README.md", "examples/b/README.md"]}]
