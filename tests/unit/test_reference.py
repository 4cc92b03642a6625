"""The outputs of a stack, read by a program of another one."""

import pulumi
import pytest

from ssm_profile import SsmInstanceProfile, SsmInstanceProfileReference

STACK = "organization/ssm-profile/dev"
OUTPUTS = {
    "roleName": "web-role",
    "roleArn": "arn:aws:iam::123456789012:role/web-role",
    "instanceProfileName": "web-profile",
    "instanceProfileArn": "arn:aws:iam::123456789012:instance-profile/web-profile",
    "policyJson": "{}",
    "actions": ["ssm:UpdateInstanceInformation"],
}
NAMES = ("role_name", "role_arn", "instance_profile_name", "instance_profile_arn", "policy_json", "actions")


@pytest.fixture
def stack(cloud, monkeypatch):
    """Has the other stack put out what the test says."""

    def put_out(outputs, secret=()):
        new_resource = cloud.new_resource

        def with_outputs(args):
            resource_id, state = new_resource(args)
            if args.typ == "pulumi:pulumi:StackReference":
                state |= {"outputs": outputs, "secretOutputNames": list(secret)}
            return resource_id, state

        monkeypatch.setattr(cloud, "new_resource", with_outputs)

    return put_out


def read_all(reference):
    for name in NAMES:
        pulumi.export(name, getattr(reference, name))


def test_it_has_the_outputs_by_the_component_s_names(stack, deploy):
    stack(OUTPUTS)

    outputs = deploy(lambda: read_all(SsmInstanceProfileReference(STACK)))

    assert outputs == dict(zip(NAMES, OUTPUTS.values(), strict=True))


def test_it_has_the_attributes_of_the_component():
    assert SsmInstanceProfileReference.__annotations__ == SsmInstanceProfile.__annotations__


def test_the_stack_is_read_once(cloud, stack, deploy):
    stack(OUTPUTS)

    deploy(lambda: read_all(SsmInstanceProfileReference(STACK)))

    (reference,) = [each for each in cloud.registered if each.type == "pulumi:pulumi:StackReference"]
    assert reference.inputs == {"name": STACK}


@pytest.mark.parametrize(
    ("outputs", "told"),
    [
        ({}, f"stack {STACK}: found no outputs at all; missing: roleName, roleArn, instanceProfileName"),
        (
            {name: OUTPUTS[name] for name in ("roleName", "roleArn")},
            f"stack {STACK}: found only roleArn, roleName; missing: instanceProfileName, instanceProfileArn, ",
        ),
    ],
)
def test_a_stack_that_is_not_deployed_or_too_old_is_named_with_what_is_missing(cloud, stack, deploy, outputs, told):
    stack(outputs)

    def program():
        reference = SsmInstanceProfileReference(STACK)
        pulumi.export("profile", reference.instance_profile_arn)

    with pytest.raises(pulumi.RunError) as error:
        deploy(program)

    assert str(error.value).startswith(told)
    assert str(error.value).endswith("deploy it with this version of ssm-profile, or name another stack")
    assert [each.type for each in cloud.registered] == ["pulumi:pulumi:StackReference"]


def test_what_is_no_secret_stays_none_beside_one_that_is(stack, deploy):
    stack(OUTPUTS, secret=["policyJson"])
    secret = {}

    def program():
        reference = SsmInstanceProfileReference(STACK)
        for name in NAMES:
            output = getattr(reference, name)
            pulumi.Output.from_input(output.is_secret()).apply(lambda found, name=name: secret.update({name: found}))

    deploy(program)

    assert secret == dict.fromkeys(NAMES, False) | {"policy_json": True}
