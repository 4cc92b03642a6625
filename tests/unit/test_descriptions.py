"""The descriptions of options and outputs, which are docstrings in component.py."""

import json
import re

import pytest

from ssm_profile.component import OUTPUTS
from ssm_profile.descriptions import option_descriptions, output_descriptions
from ssm_profile.options import camel_case, option_paths
from tests import ROOT

SCHEMA = json.loads((ROOT / "docs" / "schema.json").read_text())
RESOURCE = SCHEMA["resources"]["ssm-profile:index:SsmInstanceProfile"]
STALE = "docs/schema.json is stale: `make docs` writes it"


def test_every_output_has_a_description():
    assert list(output_descriptions()) == list(OUTPUTS)


@pytest.mark.parametrize("output", OUTPUTS)
def test_output_description_is_a_sentence(output):
    assert re.fullmatch(r"The .*[.]", output_descriptions()[output])


@pytest.mark.parametrize("path", list(option_paths()))
def test_option_description_is_in_the_schema(path):
    """Pulumi reads the same docstrings for the schema, to which the plugin adds rules."""
    name, _, key = path.partition(".")
    assert camel_case(name) in RESOURCE["inputProperties"], STALE
    described = RESOURCE["inputProperties"][camel_case(name)]
    if key:
        of_map = described.get("items", described)["$ref"].removeprefix("#/types/")
        described = SCHEMA["types"][of_map]["properties"][camel_case(key)]

    assert described["description"].startswith(option_descriptions()[path]), STALE


@pytest.mark.parametrize("output", OUTPUTS)
def test_output_description_is_in_the_schema(output):
    assert RESOURCE["properties"][camel_case(output)]["description"] == output_descriptions()[output], STALE
