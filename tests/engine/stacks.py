"""Helpers for stacks in a sandbox: the Pulumi CLI, the result of an operation, and the policies in IAM."""

import json
import os
import re
import subprocess
from importlib import import_module
from pathlib import Path

import pulumi_aws
import pytest
from pulumi.automation import ConfigValue

ignore_unawaited_coroutines = pytest.mark.filterwarnings(
    "ignore:coroutine:RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
"""For tests of failing programs: Pulumi then leaves coroutines that were never awaited."""

ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

IMAGE = "ami-12c6146b"
"""An image in the emulated EC2, which takes more than a second to list all its images."""


class PulumiCli:
    """The Pulumi CLI as a person runs it against a sandbox.

    Args:
        sandbox: The running sandbox.
        language_host: The Python interpreter that runs the programs and where it finds the sandbox's modules, if they
            are not those of the tests.
    """

    def __init__(self, sandbox, *language_host):
        self.command = Path(sandbox.pulumi.command).name
        self.environment = os.environ | sandbox.cli_environment(*language_host)

    def run(self, *arguments, cwd, check=True, **environment):
        """Run a command. With `check`, its exit code must be 0."""
        result = subprocess.run(
            [self.command, *arguments],
            cwd=cwd,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result

    def import_resources(self, stack, *arguments):
        """Run `pulumi import` on a stack."""
        options = ["--protect=false", "--generate-code=false", "--yes", "--stack", stack.name]
        self.run("import", *arguments, *options, cwd=stack.workspace.work_dir)


def single_line(*texts):
    """Texts without line breaks, so that a test can search for a sentence in wrapped output."""
    return " ".join(" ".join(texts).split())


def require_real_provider():
    """Skip the test, with the reason, if the real AWS provider is not installed."""
    try:
        import_module("sandbox.real_provider").find_real_provider()
    except import_module("sandbox").SandboxError as error:
        pytest.skip(str(error))


KINDS = {"created": "create", "updated": "update", "deleted": "delete", "replaced": "replace", "imported": "import"}


def resource_changes(result):
    """The number of resources that an operation changed, by kind of change: {"create": 5}.

    Pulumi prints them at the end, for example "    + 5 created", "    ~ 1 updated" and "    +-2 replaced".
    """
    _, _, summary = result.stdout.partition("\nResources:")
    rows = re.findall(r"^ +[^\w\s]+ ?(\d+) (?:to )?(\w+)", summary, re.MULTILINE)
    # Pulumi prints them in no fixed order.
    return dict(sorted((KINDS.get(word, word), int(count)) for count, word in rows))


def output_values(outputs):
    """A stack's outputs as plain values."""
    return {name: output.value for name, output in outputs.items()}


def set_options(stack, **options):
    """Set config values of a stack."""
    for name, value in options.items():
        stack.set_config(name, ConfigValue(value if isinstance(value, str) else json.dumps(value)))


def state_files(sandbox, folder, pattern):
    """The files in one folder of the sandbox's state whose names match a pattern. The newest is the last."""
    return sorted((sandbox.directory / "state" / ".pulumi" / folder).rglob(pattern))


def inline_documents(iam, role):
    """The documents of a role's inline policies."""
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]


def managed_document(iam, arn):
    """The document of a managed policy's default version."""
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def attached_policies(iam, role):
    """The ARNs of the managed policies that are attached to a role."""
    return {policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]}


def component_documents(iam, role):
    """The documents of a role's inline policies and of the attached managed policies that the component created."""
    managed = [arn for arn in attached_policies(iam, role) if "/ssm-profile-" in arn]
    return inline_documents(iam, role) + [managed_document(iam, arn) for arn in managed]


def create_managed_policy(iam, name):
    """Create a managed policy in the account. Returns its ARN."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}]}
    return iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))["Policy"]["Arn"]


def tag_dictionary(entity):
    """The tags of an entity in IAM as a dictionary."""
    return {tag["Key"]: tag["Value"] for tag in entity["Tags"]}


def is_empty(iam):
    """Whether the account has no roles and no instance profiles."""
    return not iam.list_roles()["Roles"] and not iam.list_instance_profiles()["InstanceProfiles"]


def pulumi_class(type_name):
    """The class of pulumi_aws for a resource type."""
    _, module, name = type_name.split(":")
    return getattr(getattr(pulumi_aws, module.split("/")[0]), name)


def python_name(property_name):
    """The name of a property in Python."""
    return re.sub(r"([A-Z])", lambda match: f"_{match[1].lower()}", property_name)


def aws_resources(stack):
    """The AWS resources in a stack's state."""
    return [each for each in stack.export_stack().deployment["resources"] if each["type"].startswith("aws:")]


def check_returned_properties(resources):
    """Check that the provider returns all required and computed properties, and none that pulumi_aws does not have."""
    types = {each.type_name: each for each in import_module("sandbox.provider.resource_types").TYPES}
    for resource in resources:
        returned = resource["outputs"].keys() - {"id", "__defaults"}
        declared = types[resource["type"]]
        required = {name for name, rule in declared.properties.items() if rule.required}
        assert [name for name in returned if not hasattr(pulumi_class(resource["type"]), python_name(name))] == []
        assert returned >= {*declared.computed, *required}
