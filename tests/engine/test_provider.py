"""The fake AWS provider behaves like the real one in what this project uses."""

import inspect
import json
import re
from collections.abc import Sequence
from typing import Union, get_args, get_origin

import pytest
from pulumi.automation import CommandError

from tests import require
from tests.engine.stacks import (
    IMAGE,
    attached_policies,
    aws_resources,
    check_returned_properties,
    create_managed_policy,
    is_empty,
    pulumi_class,
    python_name,
    resource_changes,
    single_line,
    tag_dictionary,
)
from tests.expected import DEFAULT, TRUST

package_schema = require("sandbox.provider.schema").package_schema
iam_types = require("sandbox.provider.iam").TYPES
storage = require("sandbox.provider.storage")
launch_types = (*require("sandbox.provider.ec2").TYPES, storage.Bucket, storage.Key)
resource_types = require("sandbox.provider.resource_types").TYPES

ROLE = f"""
role = aws.iam.Role("web", assume_role_policy='{json.dumps(TRUST)}')
pulumi.export("name", role.name)
"""


def role_program(arguments):
    """A program that creates one role. The arguments begin with its name in Pulumi."""
    return ROLE.replace('"web",', arguments)


class TestResourceTypes:
    @pytest.mark.parametrize("declared", resource_types, ids=lambda declared: declared.type_name)
    def test_properties_exist_in_pulumi_aws(self, declared):
        names = [*declared.properties, *declared.computed]

        assert [
            name
            for name in names
            if not isinstance(getattr(pulumi_class(declared.type_name), python_name(name), None), property)
        ] == []

    @pytest.mark.parametrize("declared", resource_types, ids=lambda declared: declared.type_name)
    def test_schema_has_types_of_pulumi_aws(self, declared):
        """A property of another type than string has a default of that type, or its type."""
        resource = package_schema("7.0.0", [declared])["resources"][declared.type_name]
        known = pulumi_class(declared.type_name)

        def kind(name):
            (value,) = get_args(inspect.get_annotations(getattr(known, python_name(name)).fget)["return"])
            value = get_args(value)[0] if get_origin(value) is Union else value  # Optional
            kinds = {str: "string", bool: "boolean", int: "integer", Sequence: "array"}
            return kinds.get(get_origin(value) or value, "object")

        assert {name: each["type"] for name, each in resource["properties"].items()} == {
            name: kind(name) for name in resource["properties"]
        }

    def test_iam_types(self, sandbox, dev, iam):
        """The stacks use every IAM type, and the provider returns the properties that pulumi_aws has."""
        config = {
            "policyKind": "managed",
            "exclusive": True,
            "managedPolicyArns": [create_managed_policy(iam, "z-extra")],
        }
        other = sandbox.stack("prod", config=config)
        other.up()
        assert resource_changes(other.up()) == {}  # although IAM lists the policies in another order

        resources = aws_resources(dev) + aws_resources(other)

        assert {resource["type"] for resource in resources} == {declared.type_name for declared in iam_types}
        check_returned_properties(resources)

    LAUNCH = """
bucket = aws.s3.Bucket("logs", force_destroy=True)
key = aws.kms.Key("key", description="{0}", enable_key_rotation={1})
group = aws.ec2.SecurityGroup(
    "web",
    ingress=[{{"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["{2}"], "description": "x"}}],
    tags={{"Step": "{0}"}},
)
template = aws.ec2.LaunchTemplate(
    "web",
    image_id="{4}",
    instance_type="{3}",
    vpc_security_group_ids=[group.id],
    update_default_version=True,
    tags={{"Step": "{0}"}},
)
instance = aws.ec2.Instance("web", launch_template={{"id": template.id, "version": "1"}}, tags={{"Step": "{0}"}})
"""

    def test_launch_types(self, sandbox, project):
        """The resources of a launch are created, refreshed, updated in place and deleted."""
        stack = sandbox.stack("test", project(self.LAUNCH.format("one", False, "10.0.0.0/8", "t3.micro", IMAGE)))
        stack.up()
        resources = aws_resources(stack)
        assert {resource["type"] for resource in resources} == {declared.type_name for declared in launch_types}
        check_returned_properties(resources)
        stack.refresh()
        assert resource_changes(stack.up()) == {}

        changed = sandbox.stack("test", project(self.LAUNCH.format("two", True, "10.1.0.0/16", "t3.small", IMAGE)))
        assert resource_changes(changed.up()) == {"update": 4}
        ec2 = sandbox.aws.client("ec2", region_name="eu-central-1")
        (template,) = ec2.describe_launch_templates()["LaunchTemplates"]
        assert (template["LatestVersionNumber"], template["DefaultVersionNumber"]) == (2, 2)
        assert resource_changes(changed.up()) == {}

        changed.destroy()
        assert ec2.describe_launch_templates()["LaunchTemplates"] == []
        assert sandbox.aws.client("s3").list_buckets()["Buckets"] == []


class TestNames:
    def test_generated_name_has_suffix(self, sandbox, project):
        """A generated name is the resource's name in Pulumi with seven random characters."""
        stack = sandbox.stack("test", project(ROLE))

        assert re.fullmatch(r"web-[0-9a-f]{7}", stack.up().outputs["name"].value)

    def test_long_name_fails_in_preview(self, sandbox, project):
        stack = sandbox.stack("test", project(ROLE.replace('"web"', f'"{"w" * 57}"')))

        with pytest.raises(CommandError, match="plus 7 random chars is longer than maximum length 64"):
            stack.preview()

    def test_longest_name_is_accepted(self, sandbox, project):
        stack = sandbox.stack("test", project(ROLE.replace('"web"', f'"{"w" * 56}"')))

        assert len(stack.up().outputs["name"].value) == 64

    def test_fixed_name_is_deleted_first(self, sandbox, project, iam):
        """A resource with a fixed name is deleted before its replacement is created."""
        program = role_program('"web", name="fixed", path="/a/",')
        stack = sandbox.stack("test", project(program))
        stack.up()
        project(program.replace("/a/", "/b/"))

        assert resource_changes(stack.up()) == {"replace": 1}
        assert iam.get_role(RoleName="fixed")["Role"]["Path"] == "/b/"

    def test_generated_name_is_created_first(self, sandbox, project):
        """The replacement of a resource with a generated name gets a new name, and the old one is deleted last."""
        program = role_program('"web", path="/a/",')
        stack = sandbox.stack("test", project(program))
        old_name = stack.up().outputs["name"].value
        project(program.replace("/a/", "/b/"))
        events = []

        new_name = stack.up(on_event=events.append).outputs["name"].value

        assert new_name != old_name
        steps = [event.res_outputs_event.metadata.op for event in events if event.res_outputs_event]
        assert [step for step in steps if "replace" in step] == ["create-replacement", "replace", "delete-replaced"]


@pytest.mark.fake_provider
class TestErrors:
    def test_names_operation_and_resource(self, sandbox, project, iam):
        iam.create_role(RoleName="fixed", AssumeRolePolicyDocument=json.dumps(TRUST))
        stack = sandbox.stack("test", project(role_program('"web", name="fixed",')))

        with pytest.raises(
            CommandError, match=r"creating IAM Role \(fixed\): CreateRole: EntityAlreadyExists: "
        ) as error:
            stack.up()

        assert "Traceback" not in str(error.value)

    def test_unreadable_role_is_completed(self, sandbox, project, iam, monkeypatch):
        """A role that cannot be read after its creation stays in the state, and the next run completes it."""
        responses, exceptions = require("moto.iam.responses"), require("moto.iam.exceptions")
        stack = sandbox.stack("test", project(ROLE))

        def fail(*_, **__):
            raise exceptions.LimitExceededException("broken on purpose")

        with monkeypatch.context() as patch:
            patch.setattr(responses.IamResponse, "get_role", fail)
            message = r"creating IAM Role \(web-.*\): GetRole: LimitExceeded: broken on purp"
            with pytest.raises(CommandError, match=message):
                stack.up()

        assert len(iam.list_roles()["Roles"]) == 1
        stack.up()
        assert len(iam.list_roles()["Roles"]) == 1
        stack.destroy()
        assert is_empty(iam)

    def test_incomplete_profile_can_be_destroyed(self, sandbox, project, iam):
        """An instance profile whose role does not exist stays in the state and can be destroyed."""
        stack = sandbox.stack("test", project('aws.iam.InstanceProfile("web", role="missing")'))

        message = r"creating IAM Instance Profile \(web-.*\): AddRoleToInstanceProfile: NoSuch"
        with pytest.raises(CommandError, match=message):
            stack.up()

        assert len(iam.list_instance_profiles()["InstanceProfiles"]) == 1
        stack.destroy()
        assert is_empty(iam)

    @pytest.mark.parametrize(
        ("program", "unsupported", "supported"),
        [
            (
                role_program('"web", managed_policy_arns=["arn:aws:iam::aws:policy/ReadOnlyAccess"],'),
                "property `managedPolicyArns` of aws:iam/role:Role",
                "assumeRolePolicy, ",
            ),
            ('aws.sqs.Queue("queue")', "resource type aws:sqs/queue:Queue", "aws:iam/role:Role, "),
            ("aws.get_regions()", "function aws:index/getRegions:getRegions", "aws:index/getRegion:getRegion, "),
        ],
        ids=["property", "type", "function"],
    )
    def test_unsupported_names_alternatives(self, sandbox, project, program, unsupported, supported):
        """An unsupported property, type or function is named with the supported ones and the real provider."""
        with pytest.raises(CommandError) as error:
            sandbox.stack("test", project(program)).preview()

        message = single_line(str(error.value))
        assert f"fake AWS provider does not support the {unsupported}" in message
        assert supported in message
        assert "--provider real" in message

    def test_missing_region(self, sandbox, project):
        directory = project(ROLE, **{"aws:region": ""})

        with pytest.raises(CommandError, match=r"region is missing.*`pulumi config set aws:region eu-central-1`"):
            sandbox.stack("test", directory).preview()


class TestProviderConfig:
    @pytest.mark.parametrize(
        ("region", "partition"), [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
    )
    def test_location(self, sandbox, project, region, partition):
        program = """
        location = [aws.get_partition().partition, aws.get_region().region, aws.get_caller_identity().account_id]
        pulumi.export("location", location)
        """
        directory = project(program, **{"aws:region": region})

        assert sandbox.stack("test", directory).up().outputs["location"].value == [partition, region, "123456789012"]

    def test_explicit_provider_has_default_tags(self, sandbox, project, iam):
        program = """
        provider = aws.Provider("web", region="eu-west-1", default_tags={"tags": {"Team": "web", "Both": "provider"}})
        opts = pulumi.ResourceOptions(provider=provider)
        role = aws.iam.Role("web", assume_role_policy=POLICY, tags={"Both": "role"}, opts=opts)
        pulumi.export("name", role.name)
        pulumi.export("tags_all", role.tags_all)
        """.replace("POLICY", repr(json.dumps(TRUST)))

        outputs = sandbox.stack("test", project(program)).up().outputs

        assert outputs["tags_all"].value == {"Team": "web", "Both": "role"}
        assert tag_dictionary(iam.get_role(RoleName=outputs["name"].value)["Role"]) == {"Team": "web", "Both": "role"}


def test_exclusive_attaches_listed_policies(sandbox, project, iam):
    """A role has exactly the listed policies, also those that nothing else attaches."""
    arns = [create_managed_policy(iam, name) for name in ("listed", "other")]
    iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.attach_role_policy(RoleName="web", PolicyArn=arns[1])
    program = f"""
    aws.iam.RolePolicyAttachmentsExclusive("web", role_name="web", policy_arns=[{arns[0]!r}])
    """

    sandbox.stack("test", project(program)).up()

    assert attached_policies(iam, "web") == {arns[0]}


def test_secret_is_encrypted_in_state(sandbox, project):
    arguments = (
        '"web", description=pulumi.Output.secret("open sesame"), tags={"a": pulumi.Output.secret("open sesame")},'
    )
    stack = sandbox.stack("test", project(role_program(arguments)))

    stack.up()

    assert "open sesame" in json.dumps(stack.export_stack().deployment)  # the export is decrypted
    state = [file.read_text() for file in (sandbox.directory / "state").rglob("*.json")]
    assert state
    assert not [content for content in state if "open sesame" in content]


def test_ignored_changes_are_not_applied(sandbox, project, iam):
    arguments = '"web", description="Old.", opts=pulumi.ResourceOptions(ignore_changes=["description"]),'
    stack = sandbox.stack("test", project(role_program(arguments)))
    role = stack.up().outputs["name"].value
    project(role_program(arguments.replace("Old", "New").replace("],", "], protect=False,")))

    assert resource_changes(stack.up()) == {}
    assert iam.get_role(RoleName=role)["Role"]["Description"] == "Old."


class TestImport:
    def test_existing_role(self, sandbox, project, iam):
        iam.create_role(
            RoleName="old",
            Path="/a/",
            AssumeRolePolicyDocument=json.dumps(TRUST),
            Tags=[{"Key": "Team", "Value": "web"}],
        )
        arguments = '"web", name="old", path="/a/", tags={"Team": "web"}, opts=pulumi.ResourceOptions(import_="old"),'
        program = role_program(arguments)
        stack = sandbox.stack("test", project(program))

        assert resource_changes(stack.up()) == {"create": 1, "import": 1}
        project(program.replace(', opts=pulumi.ResourceOptions(import_="old")', ""))
        assert resource_changes(stack.up()) == {}

    def test_missing_role(self, sandbox, project):
        program = role_program('"web", name="none", opts=pulumi.ResourceOptions(import_="none"),')

        with pytest.raises(CommandError, match=r"none.* does not exist"):
            sandbox.stack("test", project(program)).up()


class TestDelete:
    def test_role_in_other_profile(self, sandbox, project, iam):
        """A role is removed from a profile that somebody else created, and then deleted."""
        stack = sandbox.stack("test", project(ROLE))
        role = stack.up().outputs["name"].value
        iam.create_instance_profile(InstanceProfileName="by-hand")
        iam.add_role_to_instance_profile(InstanceProfileName="by-hand", RoleName=role)

        stack.destroy()

        assert iam.list_roles()["Roles"] == []

    @pytest.mark.fake_provider
    def test_role_with_other_policy(self, sandbox, project, iam):
        """A role with a policy that somebody else added is deleted only with force_detach_policies."""
        stack = sandbox.stack("test", project(ROLE))
        role = stack.up().outputs["name"].value
        iam.put_role_policy(RoleName=role, PolicyName="by-hand", PolicyDocument=json.dumps(DEFAULT))

        with pytest.raises(CommandError, match=rf"deleting IAM Role \({role}\): DeleteRole: DeleteConflict: "):
            stack.destroy()

        project(role_program('"web", force_detach_policies=True,'))
        stack.up()
        stack.destroy()
        assert is_empty(iam)

    def test_role_deleted_by_hand(self, sandbox, project, iam):
        stack = sandbox.stack("test", project(ROLE))
        iam.delete_role(RoleName=stack.up().outputs["name"].value)

        assert resource_changes(stack.destroy()) == {"delete": 2}
