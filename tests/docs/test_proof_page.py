"""docs/proof.md lists the proof tests."""

import inspect
import os
import re
import runpy
import subprocess
import sys
from importlib import import_module
from operator import attrgetter

import pytest

from tests import ROOT, require

PAGE = (ROOT / "docs" / "proof.md").read_text()
MACHINE = {"date": "2026-11-24", "cpu": "a", "cores": 2, "memory": "1 GB", "os": "b", "versions": "c"}


def case(test, description, *, time="1", result=""):
    """A test case in a report. `test` is the module, the class if there is one, and the function."""
    classname, name = test.rsplit(".", 1)
    properties = f'<properties><property name="description" value="{description}" /></properties>'
    return f'<testcase classname="{classname}" name="{name}" time="{time}">{properties}{result}</testcase>'


def report_xml(*cases):
    return f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>"


@pytest.fixture(scope="module")
def proof():
    require("rich")
    return runpy.run_path(str(ROOT / "generators" / "proof.py"))


FIRST = report_xml(
    case("tests.engine.test_b.test_x[1]", "It works.", time="1.2"),
    case("tests.engine.test_a.TestA.test_x", "Both agree.", result="<skipped message='needs X' />"),
    case("tests.engine.test_b.test_x[2]", "It works.", time="1.4"),
)


class TestPage:
    def test_rows(self, proof):
        """A row has the test's description, the number of its cases, and the reason of a skipped case."""
        assert proof["page"]([FIRST], MACHINE) == proof["INTRODUCTION"].format_map(MACHINE) + (
            "| [Both agree](../tests/engine/test_a.py) | skipped: needs X | | 2026-11-24 |\n"
            "| [It works](../tests/engine/test_b.py) | 2 passed | 3 | 2026-11-24 |\n"
        )

    def test_selection_replaces_rows_of_its_tests(self, proof):
        """Each row has the date on which it was measured."""
        previous = proof["page"]([FIRST], MACHINE)
        again = report_xml(
            case("tests.engine.test_b.test_y", "It is new.", time="7"),
            case("tests.engine.test_a.TestA.test_x", "Both agree."),
        )

        page = proof["page"]([again], MACHINE | {"date": "2026-12-01"}, previous)

        assert page.splitlines()[-3:] == [
            "| [Both agree](../tests/engine/test_a.py) | 1 passed | 1 | 2026-12-01 |",
            "| [It is new](../tests/engine/test_b.py) | 1 passed | 7 | 2026-12-01 |",
            "| [It works](../tests/engine/test_b.py) | 2 passed | 3 | 2026-11-24 |",
        ]

    def test_later_report_replaces_earlier(self, proof):
        later = report_xml(case("tests.engine.test_b.test_x[2]", "It works.", time="5.4"))

        assert "2 passed | 7 | 2026-11-24 |" in proof["page"]([FIRST, later], MACHINE)

    @pytest.mark.parametrize("result", ["failure", "error"])
    def test_failed_case_is_refused(self, proof, result):
        failed = report_xml(case("tests.engine.test_b.test_x[2]", "It works.", result=f"<{result} message='no' />"))

        assert "2 passed" in proof["page"]([failed, FIRST], MACHINE)
        with pytest.raises(ValueError, match=r"have not passed: test_x\[2\]"):
            proof["page"]([FIRST, failed], MACHINE)


class TestDescription:
    """pytest writes the description of a proof test into its report."""

    @pytest.fixture
    def report_of(self, tmp_path):
        """Runs pytest with the hooks of tests/conftest.py on a module of proof tests. Returns the report."""

        def run(source):
            (tmp_path / "test_it.py").write_text("import pytest\npytestmark = pytest.mark.proof\n" + source)
            command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "--junitxml", "report.xml"]
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            subprocess.run(command, cwd=tmp_path, env=environment, text=True, capture_output=True, check=True)
            return (tmp_path / "report.xml").read_text()

        return run

    def test_is_first_docstring_line(self, proof, report_of):
        report = report_of(
            'class TestIt:\n    def test_x(self):\n        """It works.\n\n        Always.\n        """\n'
            'def test_y():\n    """It is skipped."""\n    pytest.skip("no X")\n'
        )

        rows = proof["page"]([report], MACHINE).splitlines()

        assert rows[-2].startswith("| [It is skipped](../test_it.py) | skipped: ")
        assert rows[-1].startswith("| [It works](../test_it.py) | 1 passed |")

    def test_missing_docstring_is_refused(self, proof, report_of):
        report = report_of("def test_x(): pass")

        with pytest.raises(ValueError, match=r"the test test_it\.test_x requires a docstring"):
            proof["page"]([report], MACHINE)


def first_docstring_line(test_id):
    """The first line of the docstring of a test function, given as tests/x/test_y.py::TestZ::test_w."""
    file, *names = test_id.split("::")
    function = attrgetter(".".join(names))(import_module(file.removesuffix(".py").replace("/", ".")))
    docstring = inspect.getdoc(function)
    assert docstring, f"{test_id} requires a docstring, because it has the marker `proof`"
    return docstring.splitlines()[0]


def test_every_proof_has_row():
    # Importing the other files takes most of the time. The module lifecycle marks cases, too.
    files = [
        str(file) for file in (ROOT / "tests").rglob("test_*.py") if re.search("proof|lifecycle", file.read_text())
    ]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "proof", "-p", "no:cacheprovider"]
    collected = subprocess.run(
        [*command, *files], cwd=ROOT, text=True, capture_output=True, timeout=120, check=True
    ).stdout
    tests = set(re.findall(r"^(tests/\S+::\w+)", collected, re.MULTILINE))
    expected = {(test.partition("::")[0], first_docstring_line(test).removesuffix(".")) for test in tests}

    rows = re.findall(r"^\| \[([^]]+)]\(\.\./([^)]+)\)", PAGE, re.MULTILINE)

    assert tests
    assert {(file, text) for text, file in rows} == expected, "docs/proof.md is outdated: `make proof` writes it"
