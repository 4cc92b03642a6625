"""The component package in the real engine: the plugin constructs the component for a program."""

import json
import re
import shutil

import pytest
from pulumi.automation import CommandError

from ssm_profile.version import __version__
from tests import ROOT
from tests.engine.lifecycle import case_parameters
from tests.engine.stacks import (
    ignore_unawaited_coroutines,
    inline_documents,
    is_empty,
    output_values,
    resource_changes,
    single_line,
)
from tests.expected import DEFAULT

TOKEN = "ssm-profile:index:SsmInstanceProfile"
PROGRAM = """
class SsmInstanceProfile(pulumi.ComponentResource):
    # A short form of the class that Pulumi generates for a package.
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
def package_stack(sandbox, project):
    """Creates a stack whose program uses the component package."""
    return lambda body: sandbox.stack("test", project(PROGRAM.format(version=__version__, body=body)))


def test_creates_same_resources_as_component(package_stack, iam):
    stack = package_stack("""
web = SsmInstanceProfile("web", {}, pulumi.ResourceOptions(protect=False))
pulumi.export("role", web.roleName)
pulumi.export("actions", web.actions)
template = aws.ec2.LaunchTemplate("web", iam_instance_profile={"arn": web.instanceProfileArn})
""")

    outputs = output_values(stack.up().outputs)

    assert inline_documents(iam, outputs["role"]) == [DEFAULT]
    assert outputs["actions"] == sorted(DEFAULT["Statement"][0]["Action"])
    assert resource_changes(stack.up()) == {}
    urns = {resource["urn"].split("::", 2)[2] for resource in stack.export_stack().deployment["resources"]}
    assert {
        "ssm-profile:index:SsmInstanceProfile::web",
        "ssm-profile:index:SsmInstanceProfile$aws:iam/role:Role::web-role",
        "ssm-profile:index:SsmInstanceProfile$aws:iam/rolePolicy:RolePolicy::web-policy",
        "ssm-profile:index:SsmInstanceProfile$aws:iam/instanceProfile:InstanceProfile::web-profile",
    } <= urns
    stack.destroy()
    assert is_empty(iam)


def test_inputs_keep_outputs_and_keys(package_stack, iam):
    """An input can be another resource's output, and the keys of tags are not converted to camelCase."""
    stack = package_stack("""
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

    outputs = output_values(stack.up().outputs)

    (document,) = inline_documents(iam, outputs["role"])
    (decrypt,) = [each for each in document["Statement"] if each["Action"] == ["kms:Decrypt"]]
    assert decrypt["Resource"] == outputs["key"]
    assert "ssm:GetParametersByPath" in json.dumps(document)
    assert iam.list_role_tags(RoleName=outputs["role"])["Tags"] == [{"Key": "Team_Name", "Value": "web"}]


MISTAKES = {
    "name": (f'SsmInstanceProfile("{"w" * 60}", {{}})', "`name`", "or set `roleName`"),
    "size": (
        'SsmInstanceProfile("web", {"parameters": {"paths": [f"/{number:0900}" for number in range(12)]}})',
        "`policy`",
        'and `policyKind` is "inline". Set fewer options, or shorten this list: `parameters.paths`',
    ),
    "region": (
        'SsmInstanceProfile("web", {"managedBuckets": True}, china)',
        "`managedBuckets`",
        "cannot be true in cn-north-1",
    ),
    "partition": (
        'SsmInstanceProfile("web", {"managedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}, china)',
        "`managedPolicyArns`",
        "is in partition aws, but the deployment is in aws-cn",
    ),
    "output": (
        'SsmInstanceProfile("web", {"parameters": {"paths": ["/a"], "kmsKeyArn": other.key_id}})',
        "`parameters.kmsKeyArn`",
        "must be the ARN of a KMS key",
    ),
    "secret": (
        'SsmInstanceProfile("web", {"sessionKmsKeyArn": pulumi.Output.secret("hunter2")})',
        "`sessionKmsKeyArn`",
        "(got a secret value)",
    ),
}
"""Mistakes that only the component finds: the program, the property, and the reason."""


@ignore_unawaited_coroutines
@pytest.mark.parametrize("case", case_parameters(MISTAKES, ["output", "secret"]))
def test_mistake_of_the_component_has_no_traceback(package_stack, case):
    """A mistake that only the component finds names the property and the reason, and no secret value."""
    body, path, reason = MISTAKES[case]
    china = 'china = pulumi.ResourceOptions(provider=aws.Provider("china", region="cn-north-1"))'
    stack = package_stack(f"{china}\nother = aws.kms.Key('other')\n{body}")

    with pytest.raises(CommandError) as error:
        stack.up()

    message = str(error.value)
    assert f"- property {path} has a problem: " in message
    assert reason in single_line(message)
    assert str(ROOT / "ssm_profile") not in message
    assert "hunter2" not in message


def test_output_without_value_counts_as_not_given(package_stack, iam):
    stack = package_stack("""
key = aws.kms.Key("key")
nothing = key.arn.apply(lambda _: None)
web = SsmInstanceProfile("web", {"sessionKmsKeyArn": nothing, "path": nothing, "tags": nothing})
pulumi.export("role", web.roleName)
pulumi.export("actions", web.actions)
""")

    outputs = output_values(stack.up().outputs)

    assert inline_documents(iam, outputs["role"]) == [DEFAULT]
    assert outputs["actions"] == sorted(DEFAULT["Statement"][0]["Action"])


@ignore_unawaited_coroutines
def test_invalid_inputs_create_nothing(package_stack, iam):
    """An error names all invalid inputs in camelCase, as the caller writes them."""
    stack = package_stack('SsmInstanceProfile("web", {"inventory": True, "roleName": "no spaces please"})')

    with pytest.raises(CommandError) as error:
        stack.up()

    message = single_line(str(error.value))
    assert "othing was created" in message
    assert re.search(r"\binventory\b.*\bstateManager\b", message)
    assert re.search(r'\broleName\b.*"no spaces please"', message)
    assert is_empty(iam)


def test_cli_reads_schema_from_folder(cli, tmp_path):
    folder = tmp_path / "ssm_profile"  # a copy, because the standard language host creates an environment in it
    shutil.copytree(ROOT / "ssm_profile", folder, ignore=shutil.ignore_patterns("__pycache__"))

    schema = json.loads(cli.run("package", "get-schema", str(folder), cwd=tmp_path).stdout)

    published = json.loads((ROOT / "docs" / "schema.json").read_text())
    assert (schema["name"], schema["version"]) == (published["name"], published["version"])
    assert schema["types"].keys() == published["types"].keys()
    for kind in ("inputProperties", "properties"):
        assert schema["resources"][TOKEN][kind] == without_item_descriptions(published["resources"][TOKEN][kind])


def without_item_descriptions(properties):
    """Properties without the descriptions of the items of lists and maps, which the CLI does not print."""
    for schema in properties.values():
        for items in ("items", "additionalProperties"):
            schema.get(items, {}).pop("description", None)
    return properties
