"""Ways to hold the policy, and roles that exist already, in the real engine."""

import json

import pytest
from pulumi.automation import CommandError, ConfigValue

from tests.engine.conftest import changes, documents, is_empty, own_policy, switch
from tests.expected import DEFAULT, QUIET, TRUST

WIDE = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def attached(iam, role):
    return {policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]}


def managed_document(iam, arn):
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def test_the_policy_moves_between_inline_and_managed_and_the_role_stays(iam, dev):
    role = dev.outputs()["roleName"].value
    order = []
    switch(dev, policyKind="managed")

    up = dev.up(on_event=lambda event: order.append(event.res_outputs_event) if event.res_outputs_event else None)

    assert changes(up) == {"create": 2, "delete": 1}
    done = [(event.metadata.op, event.metadata.type.split(":")[-1]) for event in order]
    assert done.index(("create", "RolePolicyAttachment")) < done.index(("delete", "RolePolicy"))
    assert dev.outputs()["roleName"].value == role
    assert documents(iam, role) == []
    (arn,) = attached(iam, role)
    assert managed_document(iam, arn) == DEFAULT
    switch(dev, policyKind="inline")
    assert changes(dev.up()) == {"create": 1, "delete": 2}
    assert documents(iam, role) == [DEFAULT]
    assert attached(iam, role) == set()


def test_a_managed_policy_changes_in_place_however_often(iam, sandbox):
    stack = sandbox.stack("dev", config={"policyKind": "managed"})
    role = stack.up().outputs["roleName"].value
    (arn,) = attached(iam, role)

    for number in range(5):  # with the first version six; IAM keeps five
        switch(stack, quietAgent=number % 2 == 0)
        assert changes(stack.up()) == {"update": 1}
        assert managed_document(iam, arn) == (QUIET if number % 2 == 0 else DEFAULT)

    stack.destroy()
    assert is_empty(iam)
    assert iam.list_policies(Scope="Local")["Policies"] == []


def test_further_policies_are_attached_and_detached(iam, dev):
    role, extra = dev.outputs()["roleName"].value, own_policy(iam, "extra")
    dev.set_config("managedPolicyArns[0]", ConfigValue(extra), path=True)

    assert changes(dev.up()) == {"create": 1}
    assert attached(iam, role) == {extra}
    dev.remove_config("managedPolicyArns")
    assert changes(dev.up()) == {"delete": 1}
    assert attached(iam, role) == set()


def test_an_existing_role_is_adopted_and_stays_when_the_stack_goes(iam, sandbox):
    iam.create_role(RoleName="old", AssumeRolePolicyDocument=json.dumps(TRUST), Description="By hand.")
    before = iam.get_role(RoleName="old")["Role"]
    stack = sandbox.stack("dev", config={"existingRoleName": "old"})

    outputs = stack.up().outputs

    assert outputs["roleName"].value == "old"
    assert outputs["roleArn"].value == before["Arn"]
    assert documents(iam, "old") == [DEFAULT]
    assert changes(stack.up()) == {}
    stack.destroy()
    after = iam.get_role(RoleName="old")["Role"]
    assert {**after, "RoleLastUsed": None} == {**before, "RoleLastUsed": None}
    assert documents(iam, "old") == []


def test_an_existing_role_that_does_not_exist_is_said_in_the_preview(sandbox):
    with pytest.raises(CommandError, match=r"NoSuchEntity.*Role none not found"):
        sandbox.stack("dev", config={"existingRoleName": "none"}).preview()


def test_exclusive_removes_what_others_put_on_the_role_and_leaves_what_is_given_here(iam, sandbox):
    extra = own_policy(iam, "extra")
    stack = sandbox.stack("dev", config={"exclusive": True, "managedPolicyArns": [extra]})
    role = stack.up().outputs["roleName"].value
    iam.put_role_policy(RoleName=role, PolicyName="by-hand", PolicyDocument=WIDE)
    iam.attach_role_policy(RoleName=role, PolicyArn=own_policy(iam, "by-hand"))

    assert changes(stack.refresh()) == {"update": 2}
    assert changes(stack.up()) == {"update": 2}
    assert documents(iam, role) == [DEFAULT]
    assert attached(iam, role) == {extra}
    assert changes(stack.up()) == {}
    stack.destroy()
    assert is_empty(iam)
