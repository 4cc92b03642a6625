"""docs/benchmarks.md and its plot are what the kept results give."""

import json
import re
from xml.etree import ElementTree as ET

import pytest

from benchmarks.page import PAGE, page
from benchmarks.picture import PICTURE, picture
from benchmarks.results import DATA, OURS, cells_of, read_results
from tests import ROOT

RESULTS = read_results()


def test_the_page_is_what_the_results_give():
    assert page(RESULTS) == PAGE.read_text(), "it is stale: `make bench ARGS=--page` writes it"


def test_the_plot_is_what_the_results_give():
    assert picture(RESULTS) == PICTURE.read_text(), "it is stale: `make bench ARGS=--page` writes it"


def test_the_plot_is_a_picture_with_a_title():
    assert ET.fromstring(PICTURE.read_text()).find("{http://www.w3.org/2000/svg}title").text


def test_every_part_is_there_with_its_date_and_machine():
    assert set(RESULTS) == {"mocks", "engine", "start", "terraform", "tests"}
    for part in RESULTS.values():
        about = part["about"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", about["date"])
        assert f"Measured on {about['date']}" in PAGE.read_text()
        for fact in (about["cpu"], f"{about['cores']} cores", about["memory"], about["os"]):
            assert fact in PAGE.read_text()
        for name, version in about["versions"].items():
            assert f"{name} {version}" in PAGE.read_text()


@pytest.mark.parametrize("file", [PAGE, PICTURE, DATA], ids=lambda file: file.suffix)
def test_nothing_of_this_machine_is_in_it(file):
    found = file.read_text()

    assert str(ROOT) not in found
    assert not re.search(r"/(home|root|tmp|work|usr|opt|var)/", found)
    assert not re.search(r"registry\.|127\.0\.0\.1|localhost", found)


def test_a_missing_terraform_is_told_with_its_reason():
    skipped = {"terraform": {"about": RESULTS["terraform"]["about"], "skipped": "there is no `terraform` on PATH"}}

    assert page(skipped).endswith("\nSkipped: there is no `terraform` on PATH.\n")


def test_the_component_does_the_same_for_each_of_a_thousand():
    profiled = [cell for cell in cells_of(RESULTS, "mocks, profiled") if cell["way"] == OURS]
    calls = {cell["count"]: cell["rounds"][0]["calls"]["ssm_profile"] / cell["count"] for cell in profiled}

    assert list(calls) == [1, 10, 100, 1000]
    assert len(set(calls.values())) == 1, json.dumps(calls)
