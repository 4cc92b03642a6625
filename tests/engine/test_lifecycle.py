"""The project's stacks in the real engine: preview, up, change, drift and destroy."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from pulumi.automation import CommandError, ConfigValue

from ssm_profile import policy
from ssm_profile.options import OPTIONS
from ssm_profile.stack_config import config_key
from tests.engine.stacks import (
    ALLOW_ALL,
    inline_documents,
    is_empty,
    output_values,
    resource_changes,
    set_options,
    tag_dictionary,
)
from tests.expected import DEFAULT, LOCATION, PROD, QUIET, TRUST


class TestUp:
    def test_outputs_match_iam(self, iam, dev):
        outputs = output_values(dev.outputs())

        role = iam.get_role(RoleName=outputs["roleName"])["Role"]
        profile = iam.get_instance_profile(InstanceProfileName=outputs["instanceProfileName"])["InstanceProfile"]
        assert inline_documents(iam, outputs["roleName"]) == [DEFAULT]
        assert role["AssumeRolePolicyDocument"] == TRUST
        assert [each["Arn"] for each in profile["Roles"]] == [outputs["roleArn"]] == [role["Arn"]]
        assert profile["Arn"] == outputs["instanceProfileArn"]
        assert json.loads(outputs["policyJson"]) == DEFAULT
        assert outputs["actions"] == sorted(DEFAULT["Statement"][0]["Action"])
        assert iam.list_attached_role_policies(RoleName=outputs["roleName"])["AttachedPolicies"] == []

    def test_default_tags(self, iam, dev):
        outputs = output_values(dev.outputs())

        role = iam.get_role(RoleName=outputs["roleName"])["Role"]
        profile = iam.get_instance_profile(InstanceProfileName=outputs["instanceProfileName"])["InstanceProfile"]
        assert tag_dictionary(role) == {"Environment": "dev", "ManagedBy": "pulumi"}
        assert tag_dictionary(profile) == {"Environment": "dev", "ManagedBy": "pulumi"}

    def test_second_up_changes_nothing(self, dev):
        assert resource_changes(dev.up()) == {}

    def test_every_switch(self, sandbox, iam):
        """A stack with every boolean option has the policy that policy.py computes."""
        options = {name: True for name, option in OPTIONS.items() if option.type == "boolean"}
        stack = sandbox.stack("dev", config={config_key(name, "ssm-profile"): True for name in options})

        outputs = stack.up().outputs

        assert inline_documents(iam, outputs["roleName"].value) == [policy.policy_document(options, LOCATION)]
        assert resource_changes(stack.up()) == {}

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ({"path": "ssm", "quietAgnet": True}, r"\bssm-profile:path\b.*\bssm\b.*\bssm-profile:quietAgnet\b"),
            ({"quietAgent": "maybe"}, "configuration key 'quietAgent' must be of type 'boolean'"),
        ],
        ids=["options", "type"],
    )
    def test_invalid_config_creates_nothing(self, sandbox, iam, config, message):
        stack = sandbox.stack("dev", config=config)

        with pytest.raises(CommandError, match=f"(?s){message}") as error:
            stack.up()

        assert "Traceback" not in str(error.value)
        assert is_empty(iam)
        resources = stack.export_stack().deployment.get("resources", [])
        assert [resource["type"] for resource in resources if resource["type"] != "pulumi:pulumi:Stack"] == []


def test_preview_shows_policy(sandbox, iam):
    """A preview prints the policy and creates nothing."""
    stack = sandbox.stack("dev")
    printed = []

    preview = stack.preview(on_output=printed.append)

    assert preview.change_summary == {"create": 5}
    assert any("ssmmessages:OpenDataChannel" in line for line in printed)
    assert is_empty(iam)


def test_two_stacks_at_once(sandbox, iam):
    """Two stacks can be deployed at the same time in one account."""
    dev, prod = sandbox.stack("dev"), sandbox.stack("prod")

    with ThreadPoolExecutor() as threads:
        roles = [result.outputs["roleName"].value for result in threads.map(lambda stack: stack.up(), (dev, prod))]

    assert [inline_documents(iam, role) for role in roles] == [[DEFAULT], [PROD]]
    dev.destroy()
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == [roles[1]]


class TestChange:
    def test_option_updates_policy_in_place(self, iam, dev):
        role_arn = dev.outputs()["roleArn"].value
        set_options(dev, quietAgent=True)

        assert resource_changes(dev.up()) == {"update": 1}

        outputs = output_values(dev.outputs())
        assert outputs["roleArn"] == role_arn
        assert inline_documents(iam, outputs["roleName"]) == [QUIET]

    def test_role_is_updated_in_place(self, iam, dev):
        """The description, boundary, principals and tags of the role change without a replacement."""
        role_name = dev.outputs()["roleName"].value
        boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(DEFAULT))["Policy"]["Arn"]
        set_options(dev, description="For the web servers.", permissionsBoundaryArn=boundary)
        dev.set_config("servicePrincipals[0]", ConfigValue("ec2.amazonaws.com.cn"), path=True)
        dev.set_config("tags.Team", ConfigValue("web"), path=True)

        assert resource_changes(dev.up()) == {"update": 2}
        role = iam.get_role(RoleName=role_name)["Role"]
        assert role["Description"] == "For the web servers."
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
        assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com.cn"}
        assert {"Key": "Team", "Value": "web"} in role["Tags"]

        dev.remove_config("permissionsBoundaryArn")
        dev.remove_config("tags")
        assert resource_changes(dev.up()) == {"update": 2}
        role = iam.get_role(RoleName=role_name)["Role"]
        assert "PermissionsBoundary" not in role
        assert tag_dictionary(role).keys() == {"Environment", "ManagedBy"}

    def test_path_replaces_before_deletion(self, iam, dev):
        """A new path replaces the role, its policy and the profile. The new ones exist before the old are deleted."""
        old_name = dev.outputs()["roleName"].value
        events = []
        set_options(dev, path="/ssm/")

        result = dev.up(on_event=events.append)

        assert resource_changes(result) == {"replace": 3}
        steps = [event.res_outputs_event.metadata.op for event in events if event.res_outputs_event]
        steps = [step for step in steps if step in ("create-replacement", "delete-replaced")]
        assert steps == ["create-replacement"] * 3 + ["delete-replaced"] * 3
        outputs = output_values(dev.outputs())
        assert outputs["roleName"] != old_name
        assert outputs["roleArn"].endswith(f":role/ssm/{outputs['roleName']}")
        assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == [outputs["roleName"]]
        assert inline_documents(iam, outputs["roleName"]) == [DEFAULT]


class TestDrift:
    """`refresh` finds a change that was made outside Pulumi, and `up` reverts it."""

    def test_edited_policy(self, iam, dev):
        role = dev.outputs()["roleName"].value
        (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(ALLOW_ALL))

        assert resource_changes(dev.refresh()) == {"update": 1}
        assert resource_changes(dev.up()) == {"update": 1}
        assert inline_documents(iam, role) == [DEFAULT]

    def test_deleted_profile(self, iam, dev):
        outputs = output_values(dev.outputs())
        role, profile = outputs["roleName"], outputs["instanceProfileName"]
        iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role)
        iam.delete_instance_profile(InstanceProfileName=profile)

        assert resource_changes(dev.refresh()) == {"delete": 1}
        assert resource_changes(dev.up()) == {"create": 1}
        assert resource_changes(dev.up()) == {}
        assert len(iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"]) == 1


class TestDestroy:
    def test_removes_everything(self, iam, dev):
        assert resource_changes(dev.destroy()) == {"delete": 5}
        assert is_empty(iam)

    def test_prod_is_protected(self, sandbox, iam):
        prod = sandbox.stack("prod")
        role = prod.up().outputs["roleName"].value

        with pytest.raises(CommandError, match="protected"):
            prod.destroy()

        assert inline_documents(iam, role) == [PROD]
        sandbox.unprotect(prod)
        prod.destroy()
        assert is_empty(iam)
