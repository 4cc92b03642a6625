"""The examples in TypeScript and YAML use the component as its schema has it; their language hosts are not run."""

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
    """The component's inputs in the TypeScript example, whose object literals are YAML but for outputs."""
    literal = re.search(r'new ssm\.SsmInstanceProfile\("\w+", (\{.*?\n\})\);', TYPESCRIPT, re.DOTALL)[1]
    return with_outputs(yaml.safe_load(re.sub(r"\b(logs\.\w+)", r"'${\1}'", literal)))


def with_outputs(value):
    if isinstance(value, dict):
        return {key: with_outputs(entry) for key, entry in value.items()}
    return OUTPUT if isinstance(value, str) and value.startswith("${") else value


def wrong(value, known, path="inputs"):
    """What in a value is not as the schema has it."""
    if "$ref" in known:
        known = SCHEMA["types"][known["$ref"].removeprefix("#/types/")] | {"plain": known.get("plain")}
    if value is OUTPUT:
        return [f"{path}: an output, where a plain value is asked for"] if known.get("plain") else []
    kinds = {"boolean": bool, "string": str, "array": list, "object": dict}
    if not isinstance(value, kinds[known["type"]]):
        return [f"{path}: {value!r} is no {known['type']}"]
    if isinstance(value, list):
        return [line for entry in value for line in wrong(entry, known["items"], path)]
    if isinstance(value, dict) and "properties" in known:
        unknown = [f"{path}.{key}: unknown" for key in value if key not in known["properties"]]
        return unknown + [
            line
            for key in value.keys() & known["properties"].keys()
            for line in wrong(value[key], known["properties"][key], f"{path}.{key}")
        ]
    return []


EXAMPLES = {"yaml": with_outputs(YAML["resources"]["web"]["properties"]), "typescript": typescript_inputs()}
INPUTS = {"type": "object", "properties": RESOURCE["inputProperties"]}


@pytest.mark.parametrize("inputs", EXAMPLES.values(), ids=EXAMPLES)
def test_inputs_are_those_of_the_schema(inputs):
    assert wrong(inputs, INPUTS) == []


def test_both_examples_ask_for_the_same():
    assert EXAMPLES["yaml"] == EXAMPLES["typescript"]


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"statemanager": True}, "inputs.statemanager: unknown"),
        ({"parameters": {"path": []}}, "inputs.parameters.path: unknown"),
        ({"patching": "yes"}, "inputs.patching: 'yes' is no boolean"),
        ({"parameters": {"paths": "/web"}}, "inputs.parameters.paths: '/web' is no array"),
        ({"patching": OUTPUT}, "inputs.patching: an output, where a plain value is asked for"),
    ],
)
def test_other_inputs_would_be_found(inputs, told):
    assert wrong(inputs, INPUTS) == [told]


def test_outputs_are_those_of_the_schema():
    used = set(re.findall(r"\$\{web\.(\w+)}", json.dumps(YAML["outputs"]))) | set(
        re.findall(r"= web\.(\w+);", TYPESCRIPT)
    )

    assert used == {"instanceProfileName", "actions"}
    assert used <= RESOURCE["properties"].keys()


def test_the_type_s_token_is_the_schema_s():
    assert YAML["resources"]["web"]["type"] in SCHEMA["resources"]
    assert 'from "@pulumi/ssm-profile"' in TYPESCRIPT  # as Pulumi names what it generates
