"""Every language makes the same stack as Python: the same resources with the same properties, URNs and outputs."""

import json
import re

import pytest

from generators.option_sets import SWITCHES
from ssm_profile.component import OUTPUTS
from ssm_profile.options import camel_case
from tests.engine.languages.projects import RUNTIMES
from tests.engine.stacks import create_managed_policy, output_values, resource_changes
from tests.option_sets import OPTION_SETS, in_camel_case

CASES = {
    "every option": OPTION_SETS["new role"],
    "managed and exclusive": OPTION_SETS["managed policy"],
    "existing role": OPTION_SETS["existing role"],
    "all off": dict.fromkeys(SWITCHES, False),
    "none": {},
}
COMPONENT = "ssm-profile:index:SsmInstanceProfile"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
"""The value that marks a secret in a state."""

PYTHON = """
from ssm_profile import SsmInstanceProfile

{before}
web = SsmInstanceProfile("web", {options})
"""
PYTHON += "\n".join(f'pulumi.export("{camel_case(output)}", web.{output})' for output in OUTPUTS)


def pcl(options, before=""):
    """A program in Pulumi's language for conversions. The values of the options are texts in that language."""
    inputs = "\n".join(f"  {name} = {value}" for name, value in options.items())
    outputs = "\n".join(f"output {name} {{ value = web.{name} }}" for name in map(camel_case, OUTPUTS))
    return f'{before}\nresource web "ssm-profile:index:SsmInstanceProfile" {{\n{inputs}\n}}\n{outputs}\n'


@pytest.fixture
def program(project_of, generator):
    """Converts a program to a language, and returns it as a project of the stack "test"."""
    return lambda language, source: project_of(
        language, lambda folder: generator.write_program(RUNTIMES[language], source, folder)
    )


def check_languages(languages, stack, program, source):
    """Check that a stack of Python does not change when programs in other languages take it over, and back."""
    stack.up()
    before, outputs = component_resources(stack), output_values(stack.outputs())

    for language in languages:
        project = program(language, source)
        assert project.run("up") == {}, language
        assert component_resources(stack) == before, language
        assert output_values(stack.outputs()) == outputs, language
    assert resource_changes(stack.up()) == {}
    assert component_resources(stack) == before
    return before


def component_resources(stack):
    """The component and its resources in the state, without what says when and where they were registered."""
    ignored = {"created", "modified", "sourcePosition", "stackTrace"}
    resources = {
        each["urn"]: {key: value for key, value in each.items() if key not in ignored}
        for each in stack.export_stack().deployment["resources"]
        if "SsmInstanceProfile" in each["urn"]
    }
    for each in resources.values():  # the engine keeps no order
        each["dependencies"] = sorted(each.get("dependencies", []))
        each["propertyDependencies"] = {key: sorted(of) for key, of in each.get("propertyDependencies", {}).items()}
        if each["type"] == COMPONENT:  # the engine adds what the inputs of a component from a package depend on
            del each["dependencies"]
    return resources


@pytest.fixture
def python_stack(sandbox, project):
    """Creates a stack with a program in Python."""
    return lambda before, options: sandbox.stack("test", project(PYTHON.format(before=before, options=options)))


@pytest.fixture
def needed_in_account(iam):
    """What the examples of the options refer to."""
    create_managed_policy(iam, "web")
    create_managed_policy(iam, "boundary")
    iam.create_role(RoleName="old", Path="/ssm/", AssumeRolePolicyDocument="{}")


@pytest.mark.usefixtures("needed_in_account")
@pytest.mark.parametrize(
    ("case", "languages"),
    [
        pytest.param("every option", ("yaml", "typescript"), id="every option"),
        *(pytest.param(case, RUNTIMES, id=f"{case}, all languages", marks=pytest.mark.proof) for case in CASES),
    ],
)
def test_options(case, languages, python_stack, program):
    """A stack with these options changes nothing when YAML, TypeScript and Go take it over, one after the other."""
    options = CASES[case]
    texts = {name: re.sub(r"([$%])\{", r"\1\1{", json.dumps(value)) for name, value in in_camel_case(options).items()}

    check_languages(languages, python_stack("", repr(options)), program, pcl(texts))


@pytest.mark.proof
def test_outputs_and_secrets(python_stack, program):
    """Outputs of other resources and secret values are the same inputs in each language, and secrets stay secret."""
    before = 'key = aws.kms.Key("key")\nlogs = aws.s3.Bucket("logs")'
    options = (
        '{"session_kms_key_arn": key.arn, "session_logs": {"bucket": logs.bucket, "prefix": "web"},'
        ' "tags": {"Team": pulumi.Output.secret("web")}}'
    )
    source = pcl(
        {
            "sessionKmsKeyArn": "key.arn",
            "sessionLogs": '{"bucket" = logs.bucket, "prefix" = "web"}',
            "tags": '{"Team" = secret("web")}',
        },
        'resource key "aws:kms/key:Key" {}\nresource logs "aws:s3/bucket:Bucket" {}',
    )
    resources = check_languages(RUNTIMES, python_stack(before, options), program, source)

    (role,) = [each["outputs"] for each in resources.values() if each["type"] == "aws:iam/role:Role"]
    assert [SECRET in role[name].values() for name in ("tags", "tagsAll")] == [True, True]
