"""Existing roles and profiles are adopted: nothing is replaced, and the role never lacks its permissions."""

import json
import re
from pathlib import Path

import pytest

from tests import ROOT
from tests.engine.stacks import attached_policies, inline_documents, resource_changes, set_options
from tests.expected import DEFAULT, TRUST

PAGE = (ROOT / "docs" / "adopting.md").read_text()
IMPORT_FILE = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1]
PROGRAM = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
OLD_DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}]}


@pytest.fixture
def core_policy(iam):
    """The ARN of a managed policy that represents AmazonSSMManagedInstanceCore."""
    return iam.create_policy(PolicyName="Core", PolicyDocument=json.dumps(OLD_DOCUMENT))["Policy"]["Arn"]


@pytest.fixture
def existing_ids(iam, core_policy):
    """The IDs of an existing role and instance profile. The role has an inline and a managed policy."""
    iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(TRUST), Description="Made by hand")
    # The name begins as the component's own policy does, which must not overwrite it.
    iam.put_role_policy(RoleName="web", PolicyName="web-policy", PolicyDocument=json.dumps(OLD_DOCUMENT))
    iam.attach_role_policy(RoleName="web", PolicyArn=core_policy)
    iam.create_instance_profile(InstanceProfileName="web")
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    return current_ids(iam)


def current_ids(iam):
    """The IDs of the role and the instance profile named "web"."""
    return (
        iam.get_role(RoleName="web")["Role"]["RoleId"],
        iam.get_instance_profile(InstanceProfileName="web")["InstanceProfile"]["InstanceProfileId"],
    )


@pytest.fixture
def imported_stack(sandbox, cli):
    """Creates the dev stack and runs the import of docs/adopting.md."""

    def create(**config):
        stack = sandbox.stack("dev", config={"roleName": "web", "instanceProfileName": "web", **config})
        (Path(stack.workspace.work_dir) / "adopt.json").write_text(IMPORT_FILE)
        cli.import_resources(stack, "--file", "adopt.json")
        return stack

    return create


class TestImport:
    def test_replaces_nothing(self, iam, existing_ids, imported_stack):
        stack = imported_stack()

        assert resource_changes(stack.up()) == {"create": 1, "update": 2}

        assert current_ids(iam) == existing_ids
        assert DEFAULT in inline_documents(iam, "web")
        assert OLD_DOCUMENT in inline_documents(iam, "web")
        assert resource_changes(stack.up()) == {}

    def test_exclusive_removes_old_policies_last(self, iam, existing_ids, imported_stack, fault_injector):
        """With `exclusive`, the old policies are removed after the new policy is in effect."""
        stack = imported_stack(exclusive=True)
        fault_injector.reset()

        result = stack.up()

        assert not {"replace", "delete"} & resource_changes(result).keys()
        assert current_ids(iam) == existing_ids
        assert inline_documents(iam, "web") == [DEFAULT]
        assert attached_policies(iam, "web") == set()
        calls = fault_injector.calls
        assert calls.index("iam:PutRolePolicy") < calls.index("iam:DetachRolePolicy")
        assert calls.index("iam:PutRolePolicy") < calls.index("iam:DeleteRolePolicy")
        assert "iam:RemoveRoleFromInstanceProfile" not in calls

    def test_program_can_import_by_transform(self, sandbox, iam, existing_ids, project):
        """A program of the user can import the role and the profile with a transform."""
        stack = sandbox.stack("test", project(PROGRAM))

        result = stack.up()

        assert resource_changes(result) == {"import": 2, "create": 3}  # creates the component, its policy and the stack
        assert current_ids(iam) == existing_ids
        assert DEFAULT in inline_documents(iam, "web")
        assert OLD_DOCUMENT in inline_documents(iam, "web")


def test_existing_role_gets_only_policy(sandbox, iam, existing_ids, core_policy):
    """With `existing_role_name`, the role stays outside the stack and receives only the policy."""
    stack = sandbox.stack("dev", config={"existingRoleName": "web"})

    profile = stack.up().outputs["instanceProfileName"].value

    assert current_ids(iam) == existing_ids
    assert DEFAULT in inline_documents(iam, "web")
    roles = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
    assert [role["RoleName"] for role in roles] == ["web"]
    set_options(stack, exclusive=True)
    stack.up()
    assert inline_documents(iam, "web") == [DEFAULT]
    stack.destroy()
    assert current_ids(iam) == existing_ids
    assert iam.get_policy(PolicyArn=core_policy)
