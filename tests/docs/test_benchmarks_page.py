"""docs/benchmarks.md and its plot are generated from docs/benchmarks.json."""

import json
import re
from xml.etree import ElementTree as ET

import pytest

from benchmarks.page import PAGE, page
from benchmarks.plot import LINES, PLOT, plot
from benchmarks.programs import PROGRAMS
from benchmarks.results import DATA, Way, ratios, read_results
from tests import ROOT

RESULTS = read_results()
SVG = "{http://www.w3.org/2000/svg}"
STALE = "is stale: `make bench ARGS=--page` generates it"


def test_page_is_current():
    assert page(RESULTS) == PAGE.read_text(), f"{PAGE.name} {STALE}"


def test_plot_is_current():
    assert plot(RESULTS) == PLOT.read_text(), f"{PLOT.name} {STALE}"


def test_plot_has_a_title():
    assert ET.fromstring(plot(RESULTS)).findtext(f"{SVG}title")


def test_lines_differ_without_colour():
    """Each line has its own dashes and a label beside it."""
    drawing = ET.fromstring(plot(RESULTS))
    dashes = [line.get("stroke-dasharray") for line in drawing.iter(f"{SVG}polyline")]
    labels = [text.text for text in drawing.iter(f"{SVG}text") if text.get("class") == "label"]

    assert len(set(dashes)) == len(set(labels)) == len(dashes) == len(LINES)


@pytest.mark.parametrize("name", RESULTS)
def test_page_names_the_conditions(name):
    about = RESULTS[name]["about"]
    versions = [f"{package} {version}" for package, version in about["versions"].items()]
    (line,) = [line for line in page(RESULTS).splitlines() if f"{name} (load {about['load']})" in line]

    assert re.search(rf": {about['date']}: ", line)
    for fact in (about["cpu"], f"{about['cores']} cores", about["memory"], about["os"], *versions):
        assert fact in line


def test_ratios_compare_within_a_round():
    ours, theirs = ([{"seconds": seconds} for seconds in values] for values in ((9, 2), (3, 1)))

    assert ratios(ours, theirs) == [2, 3]


@pytest.mark.parametrize("way", [Way.WRITTEN_COMPONENT, Way.WRITTEN_RESOURCES])
def test_programs_create_the_same_resources(cloud, deploy, way):
    """The hand-written programs stay comparable with the component's default."""
    deploy(lambda: PROGRAMS[Way.COMPONENT]("web"))
    ours = resources(cloud)
    deploy(lambda: PROGRAMS[way]("web"))

    assert len(ours) == 3
    assert resources(cloud) == ours


def resources(cloud):
    """The AWS resources registered since the last call, without their physical names and with policies as data."""
    registered = {
        each.name: (each.type, {key: parsed(value) for key, value in each.inputs.items() if key != "name"})
        for each in cloud.registered
        if each.type.startswith("aws:")
    }
    cloud.registered.clear()
    return registered


def parsed(value):
    return json.loads(value) if value.startswith("{") else value


@pytest.mark.parametrize("file", [PAGE, PLOT, DATA], ids=lambda file: file.suffix)
def test_no_details_of_the_machine(file):
    """Neither paths nor hosts of the machine that measured are in the files."""
    content = file.read_text()

    assert str(ROOT) not in content
    assert not re.search(r"/(home|root|tmp|work|usr|opt|var)/", content)
    assert not re.search(r"registry\.|127\.0\.0\.1|localhost", content)
