"""The outputs of a stack, read by a program of another one."""

import pulumi
import pytest

from ssm_profile import SsmInstanceProfile, SsmInstanceProfileReference

STACK = "organization/ssm-profile/dev"
NAMES = ("role_name", "role_arn", "instance_profile_name", "instance_profile_arn", "policy_json", "actions")


def read_all(reference):
    for name in NAMES:
        pulumi.export(name, getattr(reference, name))


def test_it_has_the_outputs_by_the_component_s_names(cloud, deploy):
    outputs = deploy(lambda: read_all(SsmInstanceProfileReference(STACK)))

    assert outputs == dict(zip(NAMES, cloud.stack_outputs.values(), strict=True))


def test_it_has_the_attributes_of_the_component():
    assert SsmInstanceProfileReference.__annotations__ == SsmInstanceProfile.__annotations__


def test_the_stack_is_read_once(cloud, deploy):
    deploy(lambda: read_all(SsmInstanceProfileReference(STACK)))

    (reference,) = [each for each in cloud.registered if each.type == "pulumi:pulumi:StackReference"]
    assert reference.inputs == {"name": STACK}


@pytest.mark.parametrize(
    ("put_out", "told"),
    [
        ((), f"stack {STACK}: found no outputs at all; missing: roleName, roleArn, instanceProfileName"),
        (
            ("roleName", "roleArn"),
            f"stack {STACK}: found only roleArn, roleName; missing: instanceProfileName, instanceProfileArn, ",
        ),
    ],
)
def test_a_stack_that_is_not_deployed_or_too_old_is_named_with_what_is_missing(cloud, deploy, put_out, told):
    cloud.stack_outputs = {name: cloud.stack_outputs[name] for name in put_out}

    def program():
        reference = SsmInstanceProfileReference(STACK)
        pulumi.export("profile", reference.instance_profile_arn)

    with pytest.raises(pulumi.RunError) as error:
        deploy(program)

    assert str(error.value).startswith(told)
    assert str(error.value).endswith("deploy it with this version of ssm-profile, or name another stack")
    assert [each.type for each in cloud.registered] == ["pulumi:pulumi:StackReference"]


def test_what_is_no_secret_stays_none_beside_one_that_is(cloud, deploy):
    cloud.secret_outputs = ["policyJson"]
    secret = {}

    def program():
        reference = SsmInstanceProfileReference(STACK)
        for name in NAMES:
            output = getattr(reference, name)
            pulumi.Output.from_input(output.is_secret()).apply(lambda found, name=name: secret.update({name: found}))

    deploy(program)

    assert secret == dict.fromkeys(NAMES, False) | {"policy_json": True}


@pytest.mark.parametrize(
    "output", ["roleName", "roleArn", "instanceProfileName", "instanceProfileArn", "policyJson", "actions"]
)
def test_a_single_output_that_is_missing_is_named(cloud, deploy, output):
    del cloud.stack_outputs[output]

    with pytest.raises(pulumi.RunError, match=rf"found only .*; missing: {output}; deploy it"):
        deploy(lambda: read_all(SsmInstanceProfileReference(STACK)))
