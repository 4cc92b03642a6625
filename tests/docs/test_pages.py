"""The hand-written pages say what is true: links lead somewhere, and what they name exists."""

import json
import re

import pytest
import yaml

from ssm_profile import policy
from ssm_profile.catalogue import CAPABILITIES, EXPLICIT_DENIES, VPC_ENDPOINTS
from ssm_profile.options import OPTIONS, option_paths
from ssm_profile.version import __version__
from tests import ROOT, require
from tests.expected import DEFAULT

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "policies/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]
GRANTING = [each.name for each in (*CAPABILITIES, *EXPLICIT_DENIES) if each.name in OPTIONS]


def read(name):
    return (ROOT / name).read_text()


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
class TestLinks:
    def test_files_exist(self, page):
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), target

    def test_anchors_exist(self, page):
        for target, anchor in re.findall(r"\]\((?!https?://)([^)#]*)#([^)]+)\)", page.read_text()):
            assert anchor in anchors((page.parent / target) if target else page), f"{target}#{anchor}"


class TestReadme:
    def test_fits_on_two_screens(self):
        assert len(read("README.md").split()) <= 1_500

    def test_leads_to_every_page(self):
        """Each page is reachable from the README, directly or from a page that it links to."""
        reached, unread = set(), [ROOT / "README.md"]
        while unread:
            page = unread.pop()
            reached.add(page)
            links = re.findall(r"\]\((?!https?://)([^)#]+\.md)", page.read_text())
            unread += {(page.parent / link).resolve() for link in links} - reached

        assert {page.relative_to(ROOT) for page in set(PAGES) - reached} == set()

    def test_names_the_version(self):
        assert f"version {__version__}" in read("README.md")

    @pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
    def test_make_targets_exist(self, page):
        targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))

        assert set(re.findall(r"(?:^|`)make ([a-z-]+)", read(page), re.MULTILINE)) <= targets

    def test_stack_files_exist(self):
        for name in re.findall(r"`(Pulumi\.[a-z]+\.yaml)`", read("README.md")):
            assert (ROOT / name).exists(), name

    def test_prod_is_as_described(self):
        """Five actions, the heartbeat on instances, IMDSv2, protected."""
        prod = yaml.safe_load(read("Pulumi.prod.yaml"))["config"]

        assert {key: value for key, value in prod.items() if key.startswith("ssm-profile:")} == {
            "ssm-profile:ec2Describe": False,
            "ssm-profile:scopeHeartbeat": True,
            "ssm-profile:requireImdsv2": True,
            "ssm-profile:protect": True,
        }
        assert policy.actions({"ec2_describe": False}) == sorted(
            action for action in DEFAULT["Statement"][0]["Action"] if action != "ec2:Describe*"
        )


class TestNewOptions:
    """What a new option needs beside its rule and its rows in the catalogue."""

    @pytest.mark.parametrize("name", GRANTING)
    def test_choosing_has_a_row(self, name):
        rows = [line for line in read("docs/choosing.md").splitlines() if line.startswith("|")]

        assert any(re.search(rf"`{name}(`|: )", row) for row in rows), f"docs/choosing.md has no row with `{name}`"

    def test_choosing_names_no_other(self):
        named = set(re.findall(r"`([a-z0-9_]+)(?:`|: )", read("docs/choosing.md")))

        assert named <= OPTIONS.keys()

    @pytest.mark.parametrize("name", OPTIONS)
    def test_changelog_names_it(self, name):
        assert re.search(rf"[`*]{name}[`*]", read("CHANGELOG.md")), f"CHANGELOG.md does not name `{name}`"


class TestPages:
    def test_deployer_has_every_permission(self):
        """docs/deploying.md lists every call that a deployment was seen to make, and iam:PassRole."""
        lifecycle = require("tests.engine.lifecycle")
        calls = {
            call for phases in lifecycle.EXPECTED_CALLS.values() for text in phases.values() for call in text.split()
        }
        table = "".join(line for line in read("docs/deploying.md").splitlines() if line.startswith("|"))
        listed = set(re.findall(r"`(iam:\w+)`", table))

        assert listed == {call for call in calls if call.startswith("iam:")} | {"iam:PassRole"}

    def test_every_action_is_explained(self):
        page = read("docs/permissions.md")

        for capability in CAPABILITIES:
            assert f"## `{capability.name}`" in page
            assert all(f"### `{grant.action}`" in page for grant in capability.grants)

    def test_symptoms_name_existing_options(self):
        """Each name in code is an option, the service of a VPC endpoint, or one of a few words."""
        named = set(re.findall(r"`([a-z][a-z0-9_]*(?:\.[a-z_]+)?)`", read("docs/symptoms.md")))
        others = {"web", "protect", "notconnected", "baseline_overrides.json"}

        assert named - set(option_paths()) - {endpoint.service for endpoint in VPC_ENDPOINTS} == others

    def test_evidence_is_of_the_default(self):
        """It has the six actions, and each recording with its agent."""
        page = read("docs/evidence.md")

        assert all(action in page for action in DEFAULT["Statement"][0]["Action"])
        for name in ("agent-calls.json", "agent-calls-2026-11.json"):
            recorded = json.loads(read(f"tests/data/{name}"))
            assert f"[{name}]" in page
            assert re.search(r"amazon-ssm-agent (\w+)", recorded["agent"])[1] in page

    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
    def test_site_reads_lists_as_github_does(self, page):
        """MkDocs needs an empty line above a list, and four spaces before what belongs to an entry."""
        text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)

        assert not re.findall(r"^ {1,3}(?:```|<!--).*$", text, re.MULTILINE)
        assert not re.findall(r"^(?! *(?:[-*]|\d+\.) | {2,}).+\n *(?:[-*]|\d+\.) .*$", text, re.MULTILINE)

    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
    def test_commands_are_fenced(self, page):
        """Indented blocks of commands would not be run by tests/engine/test_snippets.py."""
        outside = re.sub(r"^[ ]*```.*?^[ ]*```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)

        assert not re.findall(r"^ {4,}(?:make|pulumi|aws|ssm-profile|pip|python) .*$", outside, re.MULTILINE)
