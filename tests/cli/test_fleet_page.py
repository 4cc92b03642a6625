"""The HTML page of ``fleet``, as text. tests/browser opens it."""

import ast
import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import ClassVar

import pytest

from tests import ROOT, require
from tests.cli.accounts import details, role
from tests.cli.fleet_rows import BROKEN, RISKY, a_problem, a_role, page_of

require("jinja2")
require("ijson")
on_page = require("ssm_profile.cli.fleet.page")._on_page
jsonschema = require("jsonschema")

ROWS = [
    a_role("operator", **RISKY),
    a_role("silent", **BROKEN),
    a_role("twin", **RISKY),
    a_role("scoped"),
    a_problem("x.json", "It is `broken`."),
]


class Page(HTMLParser):
    """The elements of a page, and the texts of its rows and cells."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.rows, self._texts = [], {}, []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self._texts = self.rows.setdefault(dict(attrs).get("id"), [])
        elif tag in ("td", "th"):
            self._texts.append("")

    def handle_data(self, data):
        if self._texts:
            self._texts[-1] += data

    def cells(self, row):
        return [" ".join(text.split()) for text in self.rows[row]]

    def named(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def test_rows_follow_the_schema():
    """Those of these tests."""
    schema = json.loads((ROOT / "docs" / "fleet.schema.json").read_text())

    for row in ROWS:
        jsonschema.Draft202012Validator(schema).validate(row)


def test_command(run, tmp_path):
    """The page has the sentences and cells of the text."""
    (tmp_path / "account.json").write_text(json.dumps(details(role("web"), role("job"))))
    text = run("fleet", str(tmp_path / "account.json"))

    done = run("fleet", str(tmp_path / "account.json"), "--html")

    assert (done.code, done.error) == (text.code, "")
    assert done.out.startswith("<!doctype html>")
    assert text.out.split("\n", 1)[0] in done.out
    for row, cells in enumerate(text.tables["Roles"], 1):
        assert Page(done.out).cells(f"r{row}")[:-1] == list(cells.values())


def test_cells():
    page = Page(page_of(*ROWS))

    assert page.cells("r1")[:-1] == [
        "operator", "risky", "works", "run commands on other instances", "1,234", "6", "1",
        "replace AmazonSSMFullAccess;the config leaves out 1 capability that may work today",
    ]  # fmt: skip
    assert page.cells("r2")[4] == "at least 40"


def test_markdown():
    assert "<code>ssm:UpdateInstanceInformation</code>: no statement allows it." in page_of(*ROWS)


def test_details():
    shown = Page(page_of(*ROWS)).cells("r2")[-1]

    for text in ("arn:aws:iam::123456789012:role/silent", "profile-silent", "account.json", "secret-policy"):
        assert text in shown


def test_labels():
    """Each says of what it is."""
    changes = {
        "covered": [{"capability": "documents", "by": ["distributor"]}],
        "unneeded": [{"action": "s3:*", "count": 160}],
        "unscoped": [{"action": name, "resource": "*"} for name in ("ssm:GetDocument", "kms:Decrypt")],
    }
    shown = Page(page_of(a_role("operator", **RISKY | changes))).cells("r1")[-1]

    for text in (
        "An instance can run commands on other instances (run_commands)",
        "Actions that no capability needss3:* (160 actions)",
        "ssm:GetDocument, kms:Decrypt on *",
        "Stack config that replaces the policiesStack config 1",
        "documents, covered by distributor",
        "Capabilities that the stack config leaves outpatching: It works if x holds.",
        "Verdicts on capabilitiesIn the row of operator",
    ):
        assert text in shown


def test_names_of_capabilities():
    """They are those of the YAML everywhere."""
    names = ["read_buckets", "session_logs.log_group"]
    changes = {
        "capabilities": [{"capability": name, "verdict": "works"} for name in names],
        "covered": [{"capability": names[0], "by": names[1:]}],
        "leftOut": [{"capability": names[1], "verdict": "works", "reasons": []}],
    }
    html = page_of(a_role("operator", **RISKY | changes))

    assert not any(name in html for name in names)
    assert "readBuckets</code>, covered by <code>sessionLogs.logGroup" in html


def test_links():
    html = page_of(
        a_role("a"), a_problem("x.json", "See <https://aws.amazon.com/iam/>, not `<https://x>` or <http://y>.")
    )

    assert (
        'See <a href="https://aws.amazon.com/iam/">https://aws.amazon.com/iam/</a>, not <code>&lt;https://x&gt;' in html
    )
    assert "or &lt;http://y&gt;." in html


def test_places():
    """Where the report points at the JSON, the page points at itself."""
    many = [{"capability": f"c{n}", "verdict": "works if", "reasons": ["It works if `x` holds."]} for n in range(13)]
    partly = [{"capability": "patching", "verdict": "partly", "reasons": []}]
    added = [{"capability": "c", "action": f"a:B{n}", "resources": [f"r{n}"]} for n in range(4)]
    lists = {
        "unneeded": [{"action": f"a:C{n}", "count": 1} for n in range(9)],
        "trustNotKept": [f"It does not keep {n}." for n in range(6)],
        "additional": added,
        "leftOut": many,
    }
    same = [a_role(f"p{n}", **RISKY | {"leftOut": [*partly, {**partly[0], "capability": f"d{n}"}]}) for n in range(7)]
    other = [a_role(f"o{n}", **RISKY | {"options": {"role_name": f"o{n}"}}) for n in range(3)]
    kinds = [a_role(f"k{n}", **RISKY | {"options": {"max_session_duration": 3600 + n}}) for n in range(25)]

    html = page_of(a_role("long", **RISKY | lists), *same, *other, *kinds)

    assert "--json" not in html
    assert "The details of the roles name them." in html
    assert "13 capabilities (the details of the roles name them)" in html
    assert "a:C8" in html


def test_why_capabilities_are_left_out():
    """Each has its own reason, also if its verdict depends on nothing."""
    page = require("ssm_profile.cli.fleet.page")
    works_if = {"verdict": "works if", "reasons": ["It works if `x` holds."]}
    left_out = [
        {"capability": "session_kms_key_alias", "verdict": "works", "reasons": []},
        {"capability": "patching", "verdict": "partly", "reasons": []},
        *({"capability": name, **works_if} for name in ("inventory", "inspector")),
    ]

    assert list(page._left_out(a_role("a", leftOut=left_out))) == [
        f"`sessionKmsKeyAlias`: {page.NOT_TOGETHER}",
        "`patching`: The policies grant only a part of what is needed.",
        "`inventory`, `inspector`: They work if `x` holds.",
    ]


def strings_of(module):
    """The strings of a module, with ``x`` for what an f-string fills in."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.JoinedStr):
            yield "".join(each.value if isinstance(each, ast.Constant) else "x" for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_place():
    """The page knows each sentence of the report that names the flag."""
    modules = (each for each in (ROOT / "ssm_profile" / "cli" / "fleet").glob("*.py") if each.name != "page.py")
    whole = {text for module in modules for text in strings_of(module) if "`--json`" in text}
    sentences = {text for text in whole if not any(text != other and text in other for other in whole)}
    of_use = {text for text in sentences if text.startswith("`--json` has the same for ")}  # not on the page

    assert len(sentences) > 8
    assert of_use
    assert [text for text in sentences - of_use if "--json" in on_page(text)] == []


class TestUse:
    USED: ClassVar = {
        "days": 90,
        "capabilities": [
            {
                "capability": "patching",
                "option": "patching",
                "used": [],
                "narrower": None,
                "advice": "could be dropped",
                "unseen": [],
                "reason": None,
                "why": "No call in 90 days.",
            }
        ],
        "options": {"quiet_agent": True},
        "addedOptions": ["quiet_agent"],
        "otherActions": [{"action": "s3:GetObject", "calls": 3, "last": "2026-11-27T08:00:00Z"}],
    }

    def test_details(self):
        """They have what the tables on the use of all roles have."""
        html = page_of(a_role("operator", **RISKY, used=self.USED), a_role("twin", **RISKY))
        shown = Page(html).cells("r1")[-1]

        assert "patching: could be dropped: No call in 90 days." in shown
        assert "s3:GetObject" in shown
        assert "<h2>Use of capabilities" not in html
        assert "No call" not in Page(html).cells("r2")[-1]

    def test_config(self):
        """The one without what is not used is linked, too."""
        html = page_of(a_role("operator", **RISKY, used=self.USED))

        assert '<a href="#c2">2</a>' in html
        assert re.findall('<div id="(c[0-9])"', html) == ["c1", "c2"]


def test_config_that_the_report_does_not_show(monkeypatch):
    """The details have its YAML."""
    monkeypatch.setattr(require("ssm_profile.cli.fleet.configs"), "_MOST_CONFIGS", 0)
    html = page_of(*ROWS)

    assert "#c1" not in html
    assert html.count("ssm-profile:scopeHeartbeat: true") == 1
    assert Page(html).cells("r1")[6] == "in the details"


def test_config_that_another_one_stands_for():
    """The details have its YAML, and a link to the other one."""
    html = page_of(*(a_role(name, **RISKY | {"options": {"role_name": name}}) for name in "ab"))

    assert 'like <a href="#c1">1</a><td' in html
    assert 'Like stack config <a href="#c1">1</a>, with other names:<pre>config:\n  ssm-profile:roleName: b' in html


def test_accepted():
    """The level, by which the page is filtered, is an element of its own."""
    accepted = [{"finding": "run_commands", "reason": "It is <b>the</b> bastion.", "expires": "2027-01-31"}]
    html = page_of(a_role("bastion", **RISKY, accepted=accepted))

    assert '<b class="risky">risky</b>;<br>clean without what is accepted' in html
    assert "run_commands until 2027-01-31: It is <b>the</b> bastion." in Page(html).cells("r1")[-1]


def test_same_findings_are_there_once():
    """10,000 roles with few distinct policies make a small page."""
    html = page_of(*ROWS)

    assert re.findall('<dl id="(d[0-9]+)"', html) == ["d1", "d2", "d4"]
    assert '<a href="#d1">As for <code>operator</code></a>' in html
    assert html.count("ssm-profile:scopeHeartbeat") == 1


class TestMatrix:
    def test_verdicts(self):
        page = Page(page_of(*ROWS))

        assert page.cells("m1")[1:] == ["2", "W", "W", "I"]
        assert page.cells("m2")[1:] == ["1", "W", "P", ""]

    def test_columns(self):
        """A capability that no role has is left out."""
        assert "state_manager" not in page_of(*ROWS)

    def test_many_names(self):
        """A row of the matrix does not repeat 10,000 names."""
        html = page_of(*(a_role(f"web-{number}") for number in range(30)))

        assert "and 10 more, whose details lead to this row" in html


@pytest.mark.parametrize("rows", [[], [a_problem("x.json", "It is `broken`.")]])
def test_no_roles(rows):
    page = page_of(*rows)

    assert "0 roles" in page
    assert 'id="roles"' not in page
    assert ("It is <code>broken</code>." in page) is bool(rows)


class TestUnsafe:
    """Names, ARNs and conditions are text, whatever they contain."""

    TEXT = "</script></noscript></style><img src=x onerror=alert(1)>\"'{{ 7 * 7 }}"

    def test_markup(self):
        text = self.TEXT
        changes = {"arn": text, "account": text, "source": text, "permissionsBoundary": text}
        lists = {key: [text, f"`{text}`"] for key in ("instanceProfiles", "reasons", "unread", "denies", "fillIn")}
        role = a_role(text, **RISKY | changes | lists | {"options": {"tags": {text: text}}})
        safe = a_role("a", **RISKY | dict.fromkeys(changes, "a") | {key: ["a", "`a`"] for key in lists})

        page, normal = Page(page_of(role, a_problem(text, text))), Page(page_of(safe, a_problem("a", "a")))

        assert [tag for tag, _ in page.elements] == [tag for tag, _ in normal.elements]
        assert not {name for _, attrs in page.elements for name in attrs} & {"style", "onerror"}
        assert "49" not in page.cells("r1")[0]

    def test_content_policy(self):
        """Only the style and the script of the page count, and nothing is loaded."""
        html = page_of(*ROWS)
        (policy,) = (attrs["content"] for attrs in Page(html).named("meta") if "http-equiv" in attrs)

        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        for tag in ("style", "script"):
            (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert f"{tag}-src 'sha256-{digest}'" in policy

    def test_no_network(self):
        """A link to a document loads nothing until it is followed."""
        elements = Page(page_of(*ROWS)).elements
        loaded = {attrs[name] for tag, attrs in elements for name in ("src", "href") if name in attrs and tag != "a"}

        assert loaded == {"data:,"}

    @pytest.mark.parametrize("name", ["K\xfcche", "\ud800", "a\0b", "\u202ea"])
    def test_characters(self, name):
        """The page is the same in each encoding of the output."""
        html = page_of(a_role(name))

        assert html.isascii()
        assert "\0" not in html
