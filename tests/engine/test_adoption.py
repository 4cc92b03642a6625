"""What exists is adopted: nothing is replaced, and the permissions never lapse."""

import json
import re
from pathlib import Path

import pytest

from tests import ROOT, require
from tests.engine.conftest import changes, documents, import_by_hand, switch
from tests.expected import DEFAULT, TRUST

PAGE = (ROOT / "docs" / "adopting.md").read_text()
ADOPT = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1]
PROGRAM = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
OLD = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}]}


@pytest.fixture
def core(iam):
    """A policy that stands for AmazonSSMManagedInstanceCore."""
    return iam.create_policy(PolicyName="Core", PolicyDocument=json.dumps(OLD))["Policy"]["Arn"]


@pytest.fixture
def by_hand(iam, core):
    """A role and a profile that somebody made, with permissions."""
    role = iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(TRUST), Description="Made by hand")
    iam.put_role_policy(RoleName="web", PolicyName="old", PolicyDocument=json.dumps(OLD))
    iam.attach_role_policy(RoleName="web", PolicyArn=core)
    profile = iam.create_instance_profile(InstanceProfileName="web")
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    return role["Role"]["RoleId"], profile["InstanceProfile"]["InstanceProfileId"]


@pytest.fixture
def calls(monkeypatch):
    """What is called of IAM, in order."""
    response = require("moto.iam.responses").IamResponse
    call_action, called = response.call_action, []

    def recorded(self):
        called.append(self._get_action())
        return call_action(self)

    monkeypatch.setattr(response, "call_action", recorded)
    return called


def ids(iam):
    return (
        iam.get_role(RoleName="web")["Role"]["RoleId"],
        iam.get_instance_profile(InstanceProfileName="web")["InstanceProfile"]["InstanceProfileId"],
    )


def adopted(sandbox, **config):
    """The dev stack after the page's import."""
    stack = sandbox.stack("dev", config={"roleName": "web", "instanceProfileName": "web", **config})
    directory = Path(stack.workspace.work_dir)
    (directory / "adopt.json").write_text(ADOPT)
    import_by_hand(sandbox, stack, "--file", "adopt.json")
    return stack


def test_a_role_and_a_profile_are_imported_and_nothing_is_replaced(sandbox, iam, by_hand):
    stack = adopted(sandbox)

    assert changes(stack.up()) == {"create": 1, "update": 2}

    assert ids(iam) == by_hand
    assert DEFAULT in documents(iam, "web")
    assert OLD in documents(iam, "web")
    assert changes(stack.up()) == {}


def test_the_old_policies_go_after_the_new_one_is_there(sandbox, iam, by_hand, calls):
    stack = adopted(sandbox, exclusive=True)

    result = stack.up()

    assert not {"replace", "delete"} & changes(result).keys()
    assert ids(iam) == by_hand
    assert documents(iam, "web") == [DEFAULT]
    assert iam.list_attached_role_policies(RoleName="web")["AttachedPolicies"] == []
    assert calls.index("PutRolePolicy") < calls.index("DetachRolePolicy")
    assert calls.index("PutRolePolicy") < calls.index("DeleteRolePolicy")
    assert "RemoveRoleFromInstanceProfile" not in calls


def test_only_the_policy_is_given_to_a_role_that_stays_elsewhere(sandbox, iam, by_hand, core):
    stack = sandbox.stack("dev", config={"existingRoleName": "web"})

    profile = stack.up().outputs["instanceProfileName"].value

    assert ids(iam) == by_hand
    assert DEFAULT in documents(iam, "web")
    held = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
    assert [role["RoleName"] for role in held] == ["web"]
    switch(stack, exclusive=True)
    stack.up()
    assert documents(iam, "web") == [DEFAULT]
    stack.destroy()
    assert ids(iam) == by_hand
    assert iam.get_policy(PolicyArn=core)


def test_a_program_of_one_s_own_imports_by_a_transform(sandbox, iam, by_hand, project):
    stack = sandbox.stack("test", project(PROGRAM))

    result = stack.up()

    assert changes(result) == {"import": 2, "create": 3}  # the component, its policy and the stack are new
    assert ids(iam) == by_hand
    assert DEFAULT in documents(iam, "web")
