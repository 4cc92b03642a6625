"""The HTML page of ``fleet`` in Chromium."""

import shutil

import pytest

from ssm_profile.cli.reverse_lookup import FEATURES
from tests import IN_CI, require
from tests.cli.fleet_rows import ACCOUNT, BROKEN, RISKY, a_problem, a_role, page_of

require("jinja2")
playwright = require("playwright.sync_api")

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
OTHER = "210987654321"
PAPER = 964
"""The width of Letter in landscape without margins, in pixels."""
POINTS = 72 / 96
"""The points of a pixel."""
MARKUP = "<img src=x onerror=\"document.title = 'owned'\">"
ACCEPTED = [{"finding": "run_commands", "reason": MARKUP, "expires": "2027-01-31"}]
ROLES = [
    a_role("operator", **RISKY),
    a_role("silent", **BROKEN),
    a_role("twin", account=OTHER, **RISKY),
    a_role(MARKUP, account=OTHER, reasons=[MARKUP], actions=12, readActions=12, accepted=ACCEPTED),
    a_role("scoped"),
]


@pytest.fixture(scope="module")
def browser():
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if not program:
        reason = "requires Chromium: as root on Debian, `make chromium` installs it. Elsewhere, put it on PATH"
        assert not IN_CI, reason
        pytest.skip(reason)
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The page of the roles."""
    path = tmp_path_factory.mktemp("page") / "fleet.html"
    path.write_text(page_of(*ROLES, a_problem("x.json", "It is broken.")))
    return path


@pytest.fixture(scope="module")
def tabs(browser):
    """A tab with scripts and one without, which the tests share: a new one takes longer than a test."""
    return {scripts: browser.new_context(java_script_enabled=scripts).new_page() for scripts in (True, False)}


@pytest.fixture
def opened(tabs, file):
    """Opens a page. It loads nothing else, and its console stays empty."""
    loaded, told = [], []
    listeners = {
        "request": lambda request: loaded.append(request.url),
        "console": lambda message: told.append(message.text),
        "pageerror": lambda error: told.append(str(error)),
    }
    paths, pages = [], []

    def open_page(path=file, *, scripts=True, width=1400, **media):
        page = tabs[scripts]
        page.set_default_timeout(5_000)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(**{"media": "screen", "color_scheme": "light"} | media)
        for event, listener in listeners.items():
            page.on(event, listener)
        page.goto(path.as_uri())
        paths.append(path.as_uri())
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
    assert (loaded, told) == (paths, [])


def roles(page):
    """The roles that the table shows."""
    return [text.strip() for text in page.locator(".roles tbody th").all_text_contents()]


def details(page, number):
    """The details of a role."""
    return page.locator(f"#r{number} details")


def entry(page, number, text):
    """What the details of a role say, also within <noscript>, where get_by_text does not look."""
    return details(page, number).locator("dd", has_text=text)


def contrasts(page):
    """The lowest contrast of the texts of a page."""
    return page.evaluate("""() => {
      const rgb = (color) => color.match(/[\\d.]+/g).map(Number);
      const light = (color) => {
        const [r, g, b] = rgb(color).map((part) => part / 255)
          .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const back = (element) => {
        const color = getComputedStyle(element).backgroundColor;
        return rgb(color)[3] === 0 && element.parentElement ? back(element.parentElement) : color;
      };
      const texts = [...document.querySelectorAll("body *")].filter((element) => element.checkVisibility());
      return Math.min(...texts.map((element) => {
        const [a, b] = [light(getComputedStyle(element).color), light(back(element))].sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05);
      }));
    }""")


class TestSort:
    def test_numbers(self, opened):
        """At least 40 is more than 12. A second click reverses."""
        page = opened()

        header = page.get_by_role("columnheader", name="Actions")
        header.get_by_role("button").click()

        assert roles(page) == ["scoped", MARKUP, "silent", "operator", "twin"]
        assert header.get_attribute("aria-sort") == "ascending"

        header.get_by_role("button").click()

        assert roles(page) == ["operator", "twin", "silent", MARKUP, "scoped"]
        assert header.get_attribute("aria-sort") == "descending"

    def test_keyboard(self, opened):
        page = opened()

        page.get_by_role("button", name="Role").focus()
        page.keyboard.press("Enter")

        assert roles(page) == [MARKUP, "operator", "scoped", "silent", "twin"]

        page.get_by_role("button", name="Risks").focus()
        page.keyboard.press("Enter")

        assert roles(page) == [role["role"] for role in ROLES]


class TestFilter:
    def test_text(self, opened):
        """Each word is looked for in the cells and in the details."""
        page = opened()

        page.get_by_label("Filter").fill("risky patching")

        page.get_by_text("2 of 5 roles").wait_for()
        assert roles(page) == ["operator", "twin"]
        assert [text.split()[0] for text in page.locator("#capabilities tbody tr:visible").all_inner_texts()] == [
            "operator"
        ]

    def test_level_and_account(self, opened):
        page = opened()

        page.get_by_label("Level").select_option("clean")
        page.get_by_label("Account").select_option(ACCOUNT)
        page.get_by_text("1 of 5 roles").wait_for()

        assert roles(page) == ["scoped"]

        page.get_by_role("button", name="Clear").click()

        assert len(roles(page)) == 5

    def test_row_of_the_matrix(self, opened):
        page = opened()

        page.locator("#m3 button").click()

        assert roles(page) == [MARKUP, "scoped"]

    def test_dashes_of_the_matrix(self, opened):
        """A cell without a letter has a dash, the last one, too."""
        last = "[...document.querySelectorAll('.capabilities tbody tr')].map(row => row.lastElementChild)"
        shown = f"{last}.map(cell => cell.textContent || getComputedStyle(cell, '::after').content)"

        assert set(opened().evaluate(shown)) == {"I", '"\u2013"'}

    def test_link_to_a_hidden_role(self, opened):
        page = opened()

        page.get_by_label("Level").select_option("clean")
        page.get_by_text("2 of 5 roles").wait_for()
        page.evaluate("location.hash = 'r2'")

        details(page, 2).get_by_text("secret-policy").wait_for()
        assert len(roles(page)) == 5

    def test_nothing_found(self, opened):
        page = opened()

        page.get_by_label("Filter").fill("nothing has this")

        page.get_by_text("0 of 5 roles. No role matches the filter: change or clear it.").wait_for()


class TestDetails:
    @pytest.mark.parametrize("scripts", [True, False])
    def test_open(self, opened, scripts):
        page = opened(scripts=scripts)

        assert not entry(page, 2, "profile-silent").is_visible()

        details(page, 2).locator("summary").click()

        entry(page, 2, "profile-silent").wait_for()

    def test_same_findings(self, opened):
        """They are copied from the role that has them."""
        page = opened()

        details(page, 3).locator("summary").click()
        entry(page, 3, "It works if x holds.").wait_for()

        shown = details(page, 3).inner_text()
        assert f"arn:aws:iam::{OTHER}:role/twin" in shown
        assert "It works if x holds." in shown
        assert "role/operator" not in shown

    def test_same_findings_without_scripts(self, opened):
        page = opened(scripts=False)

        details(page, 3).locator("summary").click()
        page.locator("#r3 .twin a").click()

        entry(page, 1, "It works if x holds.").wait_for()

    def test_all(self, opened):
        page = opened()

        page.get_by_role("button", name="Open all details").click()

        page.locator(".roles details[open] dl + dl").nth(4).wait_for()

    def test_config(self, opened):
        page = opened()

        page.locator("#r1").get_by_role("link", name="1").click()

        page.locator("#c1").get_by_text("ssm-profile:scopeHeartbeat: true").wait_for()


def test_names_are_text(opened):
    """A page that ran them would have another title and report to the console."""
    page = opened()

    details(page, 4).locator("summary").click()
    entry(page, 4, MARKUP).first.wait_for()

    assert page.locator("img").count() == 0
    assert page.title() == "Roles of EC2 instances"


def test_without_scripts(opened):
    """What needs a script is not there."""
    page = opened(scripts=False)

    assert roles(page) == [role["role"] for role in ROLES]
    assert not page.locator(".filters").is_visible()
    assert page.locator("thead button").count() == 0


@pytest.mark.parametrize(("scheme", "back"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(17, 20, 24)")])
def test_colours(opened, scheme, back):
    """Each text has the contrast of WCAG's level AA."""
    page = opened(color_scheme=scheme)

    page.get_by_role("button", name="Open all details").click()
    page.locator(".roles details[open] dl + dl").nth(4).wait_for()

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == back
    assert contrasts(page) >= 4.5


def test_print(opened):
    """Configs are open, and what a reader would click is not there."""
    page = opened(media="print")

    assert page.locator("#c1").get_by_text("ssm-profile:scopeHeartbeat: true").is_visible()
    for control in ("nav", ".filters label", ".roles summary", ".screen"):
        assert not page.locator(control).first.is_visible()


def test_print_on_paper(opened):
    """It fits the narrower of A4 and Letter, so that Chromium does not make the text smaller than 8 points."""
    page = opened(width=PAPER, media="print")

    assert page.evaluate("document.documentElement.scrollWidth") == PAPER
    assert (
        float(
            page.evaluate("""() => Math.min(...[...document.querySelectorAll("body *")]
      .filter((element) => element.checkVisibility() && element.innerText)
      .map((element) => parseFloat(getComputedStyle(element).fontSize)))""")
        )
        * POINTS
        >= 8
    )


def test_print_of_capabilities(opened):
    """Lists stand for the matrix, of the roles that the filter shows."""
    page = opened()

    page.get_by_label("Level").select_option("broken")
    page.get_by_text("1 of 5 roles").wait_for()
    page.emulate_media(media="print")

    assert not page.locator("#capabilities").is_visible()
    assert page.locator(".printed tbody tr:visible").all_inner_texts() == ["silent\tmessaging\t\N{EN DASH}\theartbeat"]


def test_narrow(opened):
    """Each row is a card with the names of the columns, and nothing but the matrix is wider than the screen."""
    page = opened(width=400)

    assert page.evaluate("document.documentElement.scrollWidth") == 400
    label = "getComputedStyle(document.querySelector('#r1 td'), '::before').content"
    assert page.evaluate(label) == '"Account"'


@pytest.mark.parametrize("width", [400, 900, 1130])
def test_long_cells(opened, tmp_path, width):
    """They are wrapped, not cut, and the page is not wider than the screen."""
    risks = [{"risk": "run_commands", "summary": "read every parameter " * 5, "certain": True}]
    used = {"days": 90, "capabilities": [], "options": {"quiet_agent": True}, "addedOptions": [], "otherActions": []}
    long = {"risks": risks, "reasons": [f"`{'a' * 200}`."], "deprecated": ["AmazonSSMFullAccess"], "used": used}
    path = tmp_path / "long.html"
    last = {"lastUsed": "2026-11-01T08:00:00Z", "lastUseKnown": True}
    path.write_text(page_of(a_role("r" * 64, **RISKY | long | last), a_role("twin", account=OTHER)))
    page = opened(path, width=width)

    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("""[...document.querySelectorAll("#r1 > :not(.more)")].every((cell) =>
      cell.scrollHeight <= cell.clientHeight && cell.scrollWidth <= cell.clientWidth)""")


@pytest.mark.parametrize(
    ("accounts", "policy"),
    [([ACCOUNT], "AmazonSSMManagedInstanceCore"), ([ACCOUNT, OTHER], "AmazonEC2RoleforSSM")],
)
def test_notes(opened, tmp_path, accounts, policy):
    """They have room for the name of a policy on a small laptop."""
    path = tmp_path / "notes.html"
    used = {"lastUsed": "2026-11-01T08:00:00Z", "lastUseKnown": True, "deprecated": [policy]}
    path.write_text(page_of(*(a_role("web", account=each, **RISKY | used) for each in accounts)))

    name = opened(path, width=1280).locator("#r1 td:not(.more) code", has_text=policy)

    assert name.evaluate("name => name.getClientRects().length") == 1


def test_account(opened, file):
    """Its number is one line."""
    lines = (
        opened(file, width=1280)
        .locator("#r1 td")
        .first.evaluate("""(cell) => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      return range.getClientRects().length;
    }""")
    )

    assert lines == 1


def test_many_roles(opened, tmp_path):
    """All are sorted, although a browser lays out only those near the reader."""
    path = tmp_path / "many.html"
    path.write_text(page_of(*(a_role(f"web-{number}", readActions=number) for number in range(150))))
    page = opened(path)

    page.get_by_role("button", name="Actions").click()
    page.get_by_role("button", name="Actions").click()

    assert roles(page) == [f"web-{number}" for number in reversed(range(150))]
    assert page.locator(".roles tbody").count() == 3
    assert not page.locator("#r1 th").evaluate("role => role.checkVisibility({ contentVisibilityAuto: true })")


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """A page with all columns."""
    path = tmp_path_factory.mktemp("wide") / "fleet.html"
    used = {
        "days": 90,
        "capabilities": [],
        "options": {"scope_heartbeat": True},
        "addedOptions": [],
        "otherActions": [],
    }
    every = {"lastUsed": "2026-11-01T08:00:00+00:00", "lastUseKnown": True, "used": used}
    capabilities = {"capabilities": [{"capability": feature.name, "verdict": "works"} for feature in FEATURES]}
    many = (a_role(name, account=each, **RISKY | every | capabilities) for name, each in (("a", ACCOUNT), ("b", OTHER)))
    path.write_text(page_of(*many))
    return path


@pytest.mark.parametrize(("media", "width"), [("screen", 1210), ("screen", 400), ("print", 1032)])
def test_no_sideways_scrolling(opened, wide, media, width):
    """A sheet of paper in landscape has 1,032 pixels. A browser prints a page that is wider in smaller letters."""
    page = opened(wide, width=width, media=media)

    assert page.locator(".roles thead th").all_text_contents()[-3:-1] == ["Last used", "Notes"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_links(opened, tmp_path):
    """A URL in a sentence is a link."""
    path = tmp_path / "page.html"
    path.write_text(page_of(a_role("web", reasons=["See <https://example.com/a?b=1&c>."])))

    assert opened(path).locator("#r1 td a").first.get_attribute("href") == "https://example.com/a?b=1&c"
