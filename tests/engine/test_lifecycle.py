"""A stack's life in the real engine: up, change, drift, destroy."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from pulumi.automation import CommandError, ConfigValue

from ssm_profile import policy
from ssm_profile.options import OPTIONS
from ssm_profile.settings import config_key
from tests.engine.conftest import changes, documents, is_empty, switch
from tests.expected import DEFAULT, LOCATION, PROD, QUIET, TRUST


def test_up_makes_what_iam_then_has(iam, dev):
    outputs = {name: output.value for name, output in dev.outputs().items()}

    role = iam.get_role(RoleName=outputs["roleName"])["Role"]
    profile = iam.get_instance_profile(InstanceProfileName=outputs["instanceProfileName"])["InstanceProfile"]
    assert documents(iam, outputs["roleName"]) == [DEFAULT]
    assert role["AssumeRolePolicyDocument"] == TRUST
    assert [held["Arn"] for held in profile["Roles"]] == [outputs["roleArn"]] == [role["Arn"]]
    assert profile["Arn"] == outputs["instanceProfileArn"]
    assert json.loads(outputs["policyJson"]) == DEFAULT
    assert outputs["actions"] == sorted(DEFAULT["Statement"][0]["Action"])
    assert iam.list_attached_role_policies(RoleName=outputs["roleName"])["AttachedPolicies"] == []


def test_default_tags_are_on_everything_taggable(iam, dev):
    outputs = dev.outputs()

    role = iam.get_role(RoleName=outputs["roleName"].value)["Role"]
    profile = iam.get_instance_profile(InstanceProfileName=outputs["instanceProfileName"].value)["InstanceProfile"]
    for entity in (role, profile):
        assert {tag["Key"]: tag["Value"] for tag in entity["Tags"]} == {"Environment": "dev", "ManagedBy": "pulumi"}


def test_a_preview_makes_nothing_and_knows_the_policy(sandbox, iam):
    stack = sandbox.stack("dev")
    printed = []

    preview = stack.preview(on_output=printed.append)

    assert preview.change_summary == {"create": 5}
    assert any("ssmmessages:OpenDataChannel" in line for line in printed)
    assert is_empty(iam)


def test_a_second_up_changes_nothing(dev):
    assert changes(dev.up()) == {}


def test_an_option_changes_the_policy_in_place_and_replaces_nothing(iam, dev):
    before = dev.outputs()["roleArn"].value
    switch(dev, quietAgent=True)

    assert changes(dev.up()) == {"update": 1}
    outputs = dev.outputs()
    assert outputs["roleArn"].value == before
    assert documents(iam, outputs["roleName"].value) == [QUIET]


def test_every_switch_at_once_deploys_as_policy_py_has_it(sandbox, iam):
    switches = {config_key(name, "ssm-profile"): True for name, option in OPTIONS.items() if option.type == "boolean"}
    stack = sandbox.stack("dev", config=switches)

    outputs = stack.up().outputs

    options = {name: True for name, option in OPTIONS.items() if option.type == "boolean"}
    assert documents(iam, outputs["roleName"].value) == [policy.policy_document(options, LOCATION)]
    assert changes(stack.up()) == {}


def test_shape_changes_in_place_where_iam_can(iam, dev):
    outputs = dev.outputs()
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(DEFAULT))["Policy"]["Arn"]
    switch(dev, description="For the web servers.", permissionsBoundaryArn=boundary)
    dev.set_config("servicePrincipals[0]", ConfigValue("ec2.amazonaws.com.cn"), path=True)
    dev.set_config("tags.Team", ConfigValue("web"), path=True)

    assert changes(dev.up()) == {"update": 2}
    role = iam.get_role(RoleName=outputs["roleName"].value)["Role"]
    assert role["Description"] == "For the web servers."
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com.cn"}
    assert {"Key": "Team", "Value": "web"} in role["Tags"]
    dev.remove_config("permissionsBoundaryArn")
    dev.remove_config("tags")
    assert changes(dev.up()) == {"update": 2}
    role = iam.get_role(RoleName=outputs["roleName"].value)["Role"]
    assert "PermissionsBoundary" not in role
    assert {tag["Key"] for tag in role["Tags"]} == {"Environment", "ManagedBy"}


def test_a_new_path_replaces_role_policy_and_profile_and_all_are_there_before_the_old_ones_go(iam, dev):
    before = dev.outputs()["roleName"].value
    steps = []
    switch(dev, path="/ssm/")

    up = dev.up(on_event=lambda event: steps.append(event.res_outputs_event) if event.res_outputs_event else None)

    assert changes(up) == {"replace": 3}
    done = [step.metadata.op for step in steps if step.metadata.op in ("create-replacement", "delete-replaced")]
    assert done == ["create-replacement"] * 3 + ["delete-replaced"] * 3
    outputs = dev.outputs()
    assert outputs["roleName"].value != before
    assert outputs["roleArn"].value.endswith(f":role/ssm/{outputs['roleName'].value}")
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == [outputs["roleName"].value]
    assert documents(iam, outputs["roleName"].value) == [DEFAULT]


def test_a_policy_edited_by_hand_is_seen_by_refresh_and_repaired_by_up(iam, dev):
    role = dev.outputs()["roleName"].value
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    widened = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(widened))

    assert changes(dev.refresh()) == {"update": 1}
    assert changes(dev.up()) == {"update": 1}
    assert documents(iam, role) == [DEFAULT]


def test_a_profile_deleted_by_hand_is_seen_by_refresh_and_made_again_by_up(iam, dev):
    outputs = dev.outputs()
    role, profile = outputs["roleName"].value, outputs["instanceProfileName"].value
    iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role)
    iam.delete_instance_profile(InstanceProfileName=profile)

    assert changes(dev.refresh()) == {"delete": 1}
    assert changes(dev.up()) == {"create": 1}
    assert changes(dev.up()) == {}
    assert len(iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"]) == 1


def test_destroy_leaves_no_role_policy_or_profile(iam, dev):
    assert changes(dev.destroy()) == {"delete": 5}
    assert is_empty(iam)


def test_prod_refuses_to_destroy_what_is_protected(sandbox, iam):
    prod = sandbox.stack("prod")
    role = prod.up().outputs["roleName"].value

    with pytest.raises(CommandError, match="protected"):
        prod.destroy()

    assert documents(iam, role) == [PROD]
    sandbox.unprotect(prod)
    prod.destroy()
    assert is_empty(iam)


def test_two_stacks_in_one_account_at_once(sandbox, iam):
    dev, prod = sandbox.stack("dev"), sandbox.stack("prod")

    with ThreadPoolExecutor() as threads:
        roles = [result.outputs["roleName"].value for result in threads.map(lambda stack: stack.up(), (dev, prod))]

    assert [documents(iam, role) for role in roles] == [[DEFAULT], [PROD]]
    dev.destroy()
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == [roles[1]]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"path": "ssm", "quietAgnet": True}, 'ssm-profile:path: found "ssm".*ssm-profile:quietAgnet: found'),
        ({"quietAgent": "maybe"}, "configuration key 'quietAgent' must be of type 'boolean'"),
    ],
)
def test_a_bad_config_creates_nothing(sandbox, iam, config, reason):
    stack = sandbox.stack("dev", config=config)

    with pytest.raises(CommandError, match=f"(?s){reason}") as error:
        stack.up()

    assert "Traceback" not in str(error.value)
    assert is_empty(iam)
    left = stack.export_stack().deployment.get("resources", [])
    assert [resource["type"] for resource in left if resource["type"] != "pulumi:pulumi:Stack"] == []
