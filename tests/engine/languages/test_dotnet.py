"""The SDK for .NET, as far as it goes without .NET: it is generated, and not compiled."""

import json
import re

from tests import ROOT

SCHEMA = json.loads((ROOT / "docs" / "schema.json").read_text())
(RESOURCE,) = SCHEMA["resources"].values()


def test_sdk(generator, tmp_path):
    """The SDK has every option, every key of an option and every output."""
    generator.write_sdk("dotnet", "ssm-profile", tmp_path)

    component = (tmp_path / "SsmInstanceProfile.cs").read_text()
    assert names("Input", component) == sorted(RESOURCE["inputProperties"])
    assert names("Output", component) == sorted(RESOURCE["properties"])
    for token, described in SCHEMA["types"].items():
        arguments = tmp_path / "Inputs" / f"{token.split(':')[-1]}Args.cs"
        assert names("Input", arguments.read_text()) == sorted(described["properties"])


def names(kind, text):
    """The names of the inputs or outputs of a class, in camelCase."""
    return sorted(re.findall(rf'\[{kind}\("(\w+)"', text))
