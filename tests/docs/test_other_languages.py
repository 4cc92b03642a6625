"""The examples in TypeScript and YAML use the component as its schema says. Their language hosts do not run."""

import json
import re

import pytest
import yaml

from tests import ROOT

SCHEMA = json.loads((ROOT / "docs" / "schema.json").read_text())
RESOURCE = SCHEMA["resources"]["ssm-profile:index:SsmInstanceProfile"]
YAML = yaml.safe_load((ROOT / "examples" / "yaml" / "Pulumi.yaml").read_text())
TYPESCRIPT = (ROOT / "examples" / "typescript" / "index.ts").read_text()

OUTPUT = object()
"""Stands for another resource's output."""


def typescript_inputs():
    """The inputs in the TypeScript example. Its object literals are YAML, except for outputs."""
    literal = re.search(r'new ssm\.SsmInstanceProfile\("\w+", (\{.*?\n\})\);', TYPESCRIPT, re.DOTALL)[1]
    return with_outputs(yaml.safe_load(re.sub(r"\b(logs\.\w+)", r"'${\1}'", literal)))


def with_outputs(value):
    if isinstance(value, dict):
        return {key: with_outputs(entry) for key, entry in value.items()}
    return OUTPUT if isinstance(value, str) and value.startswith("${") else value


def differences(value, known, path="inputs"):
    """Where a value differs from the schema."""
    if "$ref" in known:
        known = SCHEMA["types"][known["$ref"].removeprefix("#/types/")] | {"plain": known.get("plain")}
    if value is OUTPUT:
        return [f"{path}: an output instead of a plain value"] if known.get("plain") else []
    kinds = {"boolean": bool, "string": str, "array": list, "object": dict}
    if not isinstance(value, kinds[known["type"]]):
        return [f"{path}: {value!r} is not of type {known['type']}"]
    if isinstance(value, list):
        return [line for entry in value for line in differences(entry, known["items"], path)]
    if isinstance(value, dict) and "properties" in known:
        unknown = [f"{path}.{key}: unknown" for key in value if key not in known["properties"]]
        return unknown + [
            line
            for key in value.keys() & known["properties"].keys()
            for line in differences(value[key], known["properties"][key], f"{path}.{key}")
        ]
    return []


EXAMPLES = {"yaml": with_outputs(YAML["resources"]["web"]["properties"]), "typescript": typescript_inputs()}
INPUTS = {"type": "object", "properties": RESOURCE["inputProperties"]}


@pytest.mark.parametrize("inputs", EXAMPLES.values(), ids=EXAMPLES)
def test_inputs_match_the_schema(inputs):
    assert differences(inputs, INPUTS) == []


def test_examples_are_the_same():
    assert EXAMPLES["yaml"] == EXAMPLES["typescript"]


@pytest.mark.parametrize(
    ("inputs", "difference"),
    [
        ({"statemanager": True}, "inputs.statemanager: unknown"),
        ({"parameters": {"path": []}}, "inputs.parameters.path: unknown"),
        ({"patching": "yes"}, "inputs.patching: 'yes' is not of type boolean"),
        ({"parameters": {"paths": "/web"}}, "inputs.parameters.paths: '/web' is not of type array"),
        ({"patching": OUTPUT}, "inputs.patching: an output instead of a plain value"),
    ],
)
def test_wrong_inputs_are_found(inputs, difference):
    assert differences(inputs, INPUTS) == [difference]


def test_outputs_match_the_schema():
    used = set(re.findall(r"\$\{web\.(\w+)}", json.dumps(YAML["outputs"]))) | set(
        re.findall(r"= web\.(\w+);", TYPESCRIPT)
    )

    assert used == {"instanceProfileName", "actions"}
    assert used <= RESOURCE["properties"].keys()


def test_type_token_matches_the_schema():
    assert YAML["resources"]["web"]["type"] in SCHEMA["resources"]
    assert 'from "@pulumi/ssm-profile"' in TYPESCRIPT  # as Pulumi names what it generates
