"""Inline and managed policies, and existing roles, in the real engine."""

import json

import pytest
from pulumi.automation import CommandError, ConfigValue

from tests.engine.stacks import (
    ALLOW_ALL,
    attached_policies,
    create_managed_policy,
    inline_documents,
    is_empty,
    managed_document,
    resource_changes,
    set_options,
)
from tests.expected import DEFAULT, QUIET, TRUST


class TestPolicyKind:
    def test_change_keeps_role(self, iam, dev):
        """The policy changes between inline and managed. The new one exists before the old one is deleted."""
        role = dev.outputs()["roleName"].value
        events = []
        set_options(dev, policyKind="managed")

        result = dev.up(on_event=events.append)

        assert resource_changes(result) == {"create": 2, "delete": 1}
        metadata = [event.res_outputs_event.metadata for event in events if event.res_outputs_event]
        steps = [(each.op, each.type.split(":")[-1]) for each in metadata]
        assert steps.index(("create", "RolePolicyAttachment")) < steps.index(("delete", "RolePolicy"))
        assert dev.outputs()["roleName"].value == role
        assert inline_documents(iam, role) == []
        (arn,) = attached_policies(iam, role)
        assert managed_document(iam, arn) == DEFAULT

        set_options(dev, policyKind="inline")
        assert resource_changes(dev.up()) == {"create": 1, "delete": 2}
        assert inline_documents(iam, role) == [DEFAULT]
        assert attached_policies(iam, role) == set()

    def test_managed_policy_has_five_versions(self, iam, sandbox):
        """An update of a managed policy that already has as many versions as IAM keeps deletes the oldest one."""
        stack = sandbox.stack("dev", config={"policyKind": "managed"})
        role = stack.up().outputs["roleName"].value
        (arn,) = attached_policies(iam, role)

        for _ in range(4):  # IAM keeps at most five versions
            iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(DEFAULT), SetAsDefault=False)
        set_options(stack, quietAgent=True)

        assert resource_changes(stack.up()) == {"update": 1}
        assert managed_document(iam, arn) == QUIET
        assert len(iam.list_policy_versions(PolicyArn=arn)["Versions"]) == 5

        stack.destroy()
        assert is_empty(iam)
        assert iam.list_policies(Scope="Local")["Policies"] == []


def test_managed_policies_are_attached_and_detached(iam, dev):
    role, extra = dev.outputs()["roleName"].value, create_managed_policy(iam, "extra")
    dev.set_config("managedPolicyArns[0]", ConfigValue(extra), path=True)

    assert resource_changes(dev.up()) == {"create": 1}
    assert attached_policies(iam, role) == {extra}
    dev.remove_config("managedPolicyArns")
    assert resource_changes(dev.up()) == {"delete": 1}
    assert attached_policies(iam, role) == set()


class TestExistingRole:
    def test_outlives_stack(self, iam, sandbox):
        """The stack adds its policy to an existing role, and `destroy` leaves the role unchanged."""
        iam.create_role(RoleName="old", AssumeRolePolicyDocument=json.dumps(TRUST), Description="By hand.")
        before = iam.get_role(RoleName="old")["Role"]
        stack = sandbox.stack("dev", config={"existingRoleName": "old"})

        outputs = stack.up().outputs

        assert outputs["roleName"].value == "old"
        assert outputs["roleArn"].value == before["Arn"]
        assert inline_documents(iam, "old") == [DEFAULT]
        assert resource_changes(stack.up()) == {}
        stack.destroy()
        after = iam.get_role(RoleName="old")["Role"]
        assert {**after, "RoleLastUsed": None} == {**before, "RoleLastUsed": None}
        assert inline_documents(iam, "old") == []

    def test_missing_role_fails_in_preview(self, sandbox):
        with pytest.raises(CommandError, match=r"resource 'none' does not exist"):
            sandbox.stack("dev", config={"existingRoleName": "none"}).preview()


def test_exclusive_removes_other_policies(iam, sandbox):
    """With `exclusive`, `up` removes the policies that others put on the role and keeps those of the options."""
    extra = create_managed_policy(iam, "extra")
    stack = sandbox.stack("dev", config={"exclusive": True, "managedPolicyArns": [extra]})
    role = stack.up().outputs["roleName"].value
    iam.put_role_policy(RoleName=role, PolicyName="by-hand", PolicyDocument=json.dumps(ALLOW_ALL))
    iam.attach_role_policy(RoleName=role, PolicyArn=create_managed_policy(iam, "by-hand"))

    assert resource_changes(stack.up()) == {}  # Pulumi compares with its state, unless it refreshes the state first
    assert resource_changes(stack.refresh()) == {"update": 2}
    assert resource_changes(stack.up()) == {"update": 2}
    assert inline_documents(iam, role) == [DEFAULT]
    assert attached_policies(iam, role) == {extra}
    assert resource_changes(stack.up()) == {}
    stack.destroy()
    assert is_empty(iam)
