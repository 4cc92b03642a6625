"""docs/proof.md is of the proofs that there are."""

import re
import runpy
import subprocess
import sys

import pytest

from tests import ROOT, require

PAGE = (ROOT / "docs" / "proof.md").read_text()


@pytest.fixture(scope="module")
def proof():
    require("rich")
    return runpy.run_path(str(ROOT / "generators" / "proof.py"))


WHERE = {"date": "2026-11-24", "cpu": "a", "cores": 2, "memory": "1 GB", "os": "b", "versions": "c"}
REPORT = """<testsuites><testsuite>
<testcase classname="tests.engine.test_b" name="test_it_works[1]" time="1.2" />
<testcase classname="tests.engine.test_a" name="test_both" time="0.3"><skipped message="needs X" /></testcase>
<testcase classname="tests.engine.test_b" name="test_it_works[2]" time="1.4" />
</testsuite></testsuites>"""


def test_a_row_counts_the_cases_of_a_test_and_says_why_any_was_skipped(proof):
    assert proof["page"]([REPORT], WHERE) == proof["INTRODUCTION"].format_map(WHERE) + (
        "| [both](../tests/engine/test_a.py) | skipped: needs X | |\n"
        "| [it works](../tests/engine/test_b.py) | 2 passed | 3 |\n"
    )


AGAIN = """<testsuite>
<testcase classname="tests.engine.test_b" name="test_it_works[2]" time="5.4">{}</testcase>
</testsuite>"""


def test_a_later_report_counts_in_place_of_an_earlier_one(proof):
    assert "2 passed | 7 |" in proof["page"]([REPORT, AGAIN.format("")], WHERE)


@pytest.mark.parametrize("how", ["failure", "error"])
def test_there_is_no_page_of_what_has_not_passed(proof, how):
    failed = AGAIN.format(f"<{how} message='no' />")

    assert "2 passed" in proof["page"]([failed, REPORT], WHERE)
    with pytest.raises(ValueError, match=r"these have not passed: test_it_works\[2\]"):
        proof["page"]([REPORT, failed], WHERE)


def test_every_proof_has_a_row():
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "proof", "-p", "no:cacheprovider"]
    collected = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=120, check=True).stdout
    proofs = {
        (file, name.replace("_", " "))
        for file, name in re.findall(r"^(tests/\S+)::test_(\w+)", collected, re.MULTILINE)
    }

    assert proofs
    assert {(file, text) for text, file in re.findall(r"^\| \[([^]]+)]\(\.\./([^)]+)\)", PAGE, re.MULTILINE)} == proofs
