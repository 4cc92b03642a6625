"""The outputs of a stack, read by the program of another stack."""

import pulumi
import pytest

from ssm_profile import SsmInstanceProfile, SsmInstanceProfileReference
from ssm_profile.component import OUTPUTS
from ssm_profile.options import camel_case

STACK = "organization/ssm-profile/dev"
STACK_OUTPUTS = [camel_case(output) for output in OUTPUTS]


def export_all(reference):
    """Export every output of a reference from a program."""
    for output in OUTPUTS:
        pulumi.export(output, getattr(reference, output))


def lacks(missing, existing):
    """The message about a stack that lacks outputs."""
    return (
        f"stack {STACK} lacks the outputs {missing}. {existing}. "
        "Deploy it with this version of ssm-profile, or name another stack."
    )


def test_every_output_is_read(cloud, deploy):
    exports = deploy(lambda: export_all(SsmInstanceProfileReference(STACK)))

    assert exports == {output: cloud.stack_outputs[camel_case(output)] for output in OUTPUTS}


def test_reference_has_the_component_s_types():
    assert SsmInstanceProfileReference.__annotations__ == SsmInstanceProfile.__annotations__


def test_stack_is_read_once(cloud, deploy):
    deploy(lambda: export_all(SsmInstanceProfileReference(STACK)))

    (reference,) = [each for each in cloud.registered if each.type == "pulumi:pulumi:StackReference"]
    assert reference.inputs == {"name": STACK}


@pytest.mark.parametrize(
    ("outputs", "missing", "existing"),
    [
        ([], STACK_OUTPUTS, "It has no outputs"),
        (["roleName", "roleArn"], STACK_OUTPUTS[2:], "It has only roleArn, roleName"),
    ],
    ids=["not deployed", "an older version"],
)
def test_stack_without_outputs_is_named(cloud, deploy, outputs, missing, existing):
    """One output is enough to notice that others are missing."""
    cloud.stack_outputs = {output: cloud.stack_outputs[output] for output in outputs}

    def program():
        pulumi.export("profile", SsmInstanceProfileReference(STACK).instance_profile_arn)

    with pytest.raises(pulumi.RunError) as error:
        deploy(program)

    assert str(error.value) == lacks(", ".join(missing), existing)
    assert [each.type for each in cloud.registered] == ["pulumi:pulumi:StackReference"]


@pytest.mark.parametrize("output", STACK_OUTPUTS)
def test_each_missing_output_is_named(cloud, deploy, output):
    del cloud.stack_outputs[output]

    with pytest.raises(pulumi.RunError) as error:
        deploy(lambda: export_all(SsmInstanceProfileReference(STACK)))

    assert str(error.value) == lacks(output, f"It has only {', '.join(sorted(cloud.stack_outputs))}")


def test_only_secret_outputs_are_secret(cloud, deploy):
    cloud.secret_outputs = ["policyJson"]
    secret = {}

    def program():
        reference = SsmInstanceProfileReference(STACK)
        for name in OUTPUTS:
            is_secret = pulumi.Output.from_input(getattr(reference, name).is_secret())
            is_secret.apply(lambda value, name=name: secret.update({name: value}))

    deploy(program)

    assert secret == dict.fromkeys(OUTPUTS, False) | {"policy_json": True}
