"""The component package in the real engine: a program that has the component constructed by the plugin."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from pulumi.automation import CommandError

from tests import ROOT
from tests.engine.conftest import changes, documents, is_empty
from tests.expected import DEFAULT

TOKEN = "ssm-profile:index:SsmInstanceProfile"
REMOTE = """
class SsmInstanceProfile(pulumi.ComponentResource):
    # What Pulumi generates for a package, in short.
    def __init__(self, name, inputs, opts=None):
        outputs = dict.fromkeys(["roleName", "instanceProfileName", "instanceProfileArn", "policyJson", "actions"])
        version = pulumi.ResourceOptions(version="{version}")
        super().__init__(
            "ssm-profile:index:SsmInstanceProfile",
            name,
            outputs | inputs,
            pulumi.ResourceOptions.merge(opts, version),
            remote=True,
        )

{body}
"""


@pytest.fixture
def remote(sandbox, project):
    """Makes a stack whose program uses the component package."""
    from ssm_profile.version import __version__  # noqa: PLC0415

    return lambda body: sandbox.stack("test", project(REMOTE.format(version=__version__, body=body)))


def test_the_package_makes_what_the_component_makes(remote, iam):
    stack = remote("""
web = SsmInstanceProfile("web", {}, pulumi.ResourceOptions(protect=False))
pulumi.export("role", web.roleName)
pulumi.export("actions", web.actions)
template = aws.ec2.LaunchTemplate("web", iam_instance_profile={"arn": web.instanceProfileArn})
""")

    outputs = {name: output.value for name, output in stack.up().outputs.items()}

    assert documents(iam, outputs["role"]) == [DEFAULT]
    assert outputs["actions"] == sorted(DEFAULT["Statement"][0]["Action"])
    assert changes(stack.up()) == {}
    urns = {resource["urn"].split("::", 2)[2] for resource in stack.export_stack().deployment["resources"]}
    assert {
        "ssm-profile:index:SsmInstanceProfile::web",
        "ssm-profile:index:SsmInstanceProfile$aws:iam/role:Role::web-role",
        "ssm-profile:index:SsmInstanceProfile$aws:iam/rolePolicy:RolePolicy::web-policy",
        "ssm-profile:index:SsmInstanceProfile$aws:iam/instanceProfile:InstanceProfile::web-profile",
    } <= urns
    stack.destroy()
    assert is_empty(iam)


def test_outputs_of_other_resources_and_nested_keys_arrive_whole(remote, iam):
    stack = remote("""
key = aws.kms.Key("key")
web = SsmInstanceProfile(
    "web",
    {
        "ec2Describe": False,
        "parameters": {"paths": ["/app"], "recursive": True, "kmsKeyArn": key.arn},
        "tags": {"Team_Name": "web"},
    },
)
pulumi.export("role", web.roleName)
pulumi.export("key", key.arn)
""")

    outputs = {name: output.value for name, output in stack.up().outputs.items()}

    (document,) = documents(iam, outputs["role"])
    (decrypt,) = [each for each in document["Statement"] if each["Action"] == ["kms:Decrypt"]]
    assert decrypt["Resource"] == outputs["key"]
    assert "ssm:GetParametersByPath" in json.dumps(document)
    assert iam.list_role_tags(RoleName=outputs["role"])["Tags"] == [{"Key": "Team_Name", "Value": "web"}]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:coroutine:RuntimeWarning")
def test_mistakes_are_told_in_the_caller_s_words_and_nothing_is_made(remote, iam):
    stack = remote('SsmInstanceProfile("web", {"inventory": True, "roleName": "no spaces please"})')

    with pytest.raises(CommandError) as error:
        stack.up()

    told = str(error.value)
    assert "The inputs cannot be used; nothing was created" in told
    assert "found true without stateManager; allowed: true where both are" in told
    assert 'found "no spaces please"; allowed: 1 to 64 letters, digits' in told
    assert is_empty(iam)


def test_the_cli_finds_the_package_in_its_folder(sandbox, tmp_path):
    folder = tmp_path / "ssm_profile"  # a copy, since the stock language host makes an environment in it
    shutil.copytree(ROOT / "ssm_profile", folder, ignore=shutil.ignore_patterns("__pycache__"))

    shown = subprocess.run(
        [Path(sandbox.pulumi.command).name, "package", "get-schema", str(folder)],
        cwd=tmp_path,
        env=os.environ | sandbox.cli_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert shown.returncode == 0, shown.stderr
    schema, written = json.loads(shown.stdout), json.loads((ROOT / "docs" / "schema.json").read_text())
    assert (schema["name"], schema["version"]) == (written["name"], written["version"])
    assert schema["types"].keys() == written["types"].keys()
    for kind in ("inputProperties", "properties"):
        assert schema["resources"][TOKEN][kind] == without_items_descriptions(written["resources"][TOKEN][kind])


def without_items_descriptions(properties):
    """Properties without the descriptions of lists' and maps' entries, which the CLI leaves out."""
    for known in properties.values():
        for entries in ("items", "additionalProperties"):
            known.get(entries, {}).pop("description", None)
    return properties
