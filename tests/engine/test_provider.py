"""The fake AWS provider behaves as the real one where it matters."""

import json
import re

import pulumi_aws
import pytest
from pulumi.automation import CommandError

from tests import require
from tests.engine.conftest import changes, is_empty, own_policy
from tests.expected import DEFAULT, TRUST

types = require("sandbox.provider.iam").TYPES
others = (*require("sandbox.provider.ec2").TYPES, *require("sandbox.provider.storage").TYPES)


ROLE = f"""
role = aws.iam.Role("web", assume_role_policy='{json.dumps(TRUST)}')
pulumi.export("name", role.name)
"""


def python_name(property_name):
    return re.sub(r"([A-Z])", lambda match: f"_{match[1].lower()}", property_name)


def class_of(type_name):
    _, module, name = type_name.split(":")
    return getattr(getattr(pulumi_aws, module.split("/")[0]), name)


@pytest.mark.parametrize("known", [*types, *others], ids=lambda known: known.type_name)
def test_every_property_exists_on_the_class_of_pulumi_aws(known):
    outputs = [*known.properties, *known.computed]

    assert [
        name
        for name in outputs
        if not isinstance(getattr(class_of(known.type_name), python_name(name), None), property)
    ] == []


def test_every_property_that_is_returned_exists_on_the_class_of_pulumi_aws(sandbox, dev, iam):
    everything = {"policyKind": "managed", "exclusive": True, "managedPolicyArns": [own_policy(iam, "z-extra")]}
    other = sandbox.stack("prod", config=everything)
    other.up()
    assert changes(other.up()) == {}  # though IAM lists the policies in another order
    deployed = dev.export_stack().deployment["resources"] + other.export_stack().deployment["resources"]
    resources = [resource for resource in deployed if resource["type"].startswith("aws:")]

    assert {resource["type"] for resource in resources} == {known.type_name for known in types}
    all_are_as_declared(resources)


def all_are_as_declared(resources):
    for resource in resources:
        returned = resource["outputs"].keys() - {"id", "__defaults"}
        known = next(known for known in (*types, *others) if known.type_name == resource["type"])
        required = {name for name, rule in known.properties.items() if rule.required}
        assert [name for name in returned if not hasattr(class_of(resource["type"]), python_name(name))] == []
        assert returned >= {*known.computed, *required}


EVERYTHING_ELSE = """
bucket = aws.s3.Bucket("logs", force_destroy=True)
key = aws.kms.Key("key", description="{0}", enable_key_rotation={1})
group = aws.ec2.SecurityGroup(
    "web",
    ingress=[{{"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["{2}"], "description": "x"}}],
    tags={{"Step": "{0}"}},
)
template = aws.ec2.LaunchTemplate(
    "web",
    image_id="ami-12c6146b",
    instance_type="{3}",
    vpc_security_group_ids=[group.id],
    update_default_version=True,
    tags={{"Step": "{0}"}},
)
instance = aws.ec2.Instance("web", launch_template={{"id": template.id, "version": "1"}}, tags={{"Step": "{0}"}})
"""


def test_what_a_launch_takes_is_made_changed_in_place_refreshed_and_deleted(sandbox, project):
    stack = sandbox.stack("test", project(EVERYTHING_ELSE.format("one", False, "10.0.0.0/8", "t3.micro")))
    stack.up()
    resources = [each for each in stack.export_stack().deployment["resources"] if each["type"].startswith("aws:")]
    assert {resource["type"] for resource in resources} == {known.type_name for known in others}
    all_are_as_declared(resources)
    stack.refresh()
    assert changes(stack.up()) == {}

    again = sandbox.stack("test", project(EVERYTHING_ELSE.format("two", True, "10.1.0.0/16", "t3.small")))
    assert changes(again.up()) == {"update": 4}
    ec2 = sandbox.aws.client("ec2", region_name="eu-central-1")
    (template,) = ec2.describe_launch_templates()["LaunchTemplates"]
    assert (template["LatestVersionNumber"], template["DefaultVersionNumber"]) == (2, 2)
    assert changes(again.up()) == {}

    again.destroy()
    assert ec2.describe_launch_templates()["LaunchTemplates"] == []
    assert sandbox.aws.client("s3").list_buckets()["Buckets"] == []


def test_a_name_of_its_own_is_the_resource_s_and_seven_random_characters(sandbox, project):
    stack = sandbox.stack("test", project(ROLE))

    assert re.fullmatch(r"web-[0-9a-f]{7}", stack.up().outputs["name"].value)


def test_a_name_too_long_for_its_suffix_fails_in_the_preview(sandbox, project):
    stack = sandbox.stack("test", project(ROLE.replace('"web"', f'"{"w" * 57}"')))

    with pytest.raises(CommandError, match="plus 7 random chars is longer than maximum length 64"):
        stack.preview()


def test_the_longest_name_for_its_suffix_is_accepted(sandbox, project):
    stack = sandbox.stack("test", project(ROLE.replace('"web"', f'"{"w" * 56}"')))

    assert len(stack.up().outputs["name"].value) == 64


def test_a_given_name_is_freed_before_its_resource_is_replaced(sandbox, project, iam):
    program = ROLE.replace('"web",', '"web", name="fixed", path="/a/",')
    stack = sandbox.stack("test", project(program))
    stack.up()
    project(program.replace("/a/", "/b/"))

    assert changes(stack.up()) == {"replace": 1}
    assert iam.get_role(RoleName="fixed")["Role"]["Path"] == "/b/"


def test_a_chosen_name_is_chosen_anew_so_that_the_replacement_is_there_before_the_old_one_goes(sandbox, project):
    program = ROLE.replace('"web",', '"web", path="/a/",')
    stack = sandbox.stack("test", project(program))
    before = stack.up().outputs["name"].value
    project(program.replace("/a/", "/b/"))
    steps = []

    after = stack.up(on_event=steps.append).outputs["name"].value

    assert after != before
    done = [event.res_outputs_event.metadata.op for event in steps if event.res_outputs_event]
    assert [step for step in done if "replace" in step] == ["create-replacement", "replace", "delete-replaced"]


@pytest.mark.fake_provider
def test_a_role_that_cannot_be_read_after_its_creation_is_kept_in_the_state_and_mended(
    sandbox, project, iam, monkeypatch
):
    responses, exceptions = require("moto.iam.responses"), require("moto.iam.exceptions")
    stack = sandbox.stack("test", project(ROLE))

    def fail(*_, **__):
        raise exceptions.LimitExceededException("broken on purpose")

    with monkeypatch.context() as broken:
        broken.setattr(responses.IamResponse, "get_role", fail)
        with pytest.raises(CommandError, match=r"creating IAM Role \(web-.*\): GetRole: LimitExceeded: broken on purp"):
            stack.up()

    assert len(iam.list_roles()["Roles"]) == 1
    stack.up()
    assert len(iam.list_roles()["Roles"]) == 1
    stack.destroy()
    assert is_empty(iam)


@pytest.mark.fake_provider
def test_an_error_of_iam_names_the_operation_and_the_resource(sandbox, project, iam):
    iam.create_role(RoleName="fixed", AssumeRolePolicyDocument=json.dumps(TRUST))
    stack = sandbox.stack("test", project(ROLE.replace('"web",', '"web", name="fixed",')))

    with pytest.raises(CommandError, match=r"creating IAM Role \(fixed\): CreateRole: EntityAlreadyExists: ") as error:
        stack.up()

    assert "Traceback" not in str(error.value)


@pytest.mark.fake_provider
def test_a_profile_whose_role_does_not_exist_is_kept_in_the_state_and_can_be_destroyed(sandbox, project, iam):
    stack = sandbox.stack("test", project('aws.iam.InstanceProfile("web", role="missing")'))

    with pytest.raises(
        CommandError, match=r"creating IAM Instance Profile \(web-.*\): AddRoleToInstanceProfile: NoSuch"
    ):
        stack.up()

    assert len(iam.list_instance_profiles()["InstanceProfiles"]) == 1
    stack.destroy()
    assert is_empty(iam)


@pytest.mark.fake_provider
def test_a_property_that_the_fake_provider_does_not_know_is_refused(sandbox, project):
    program = ROLE.replace('"web",', '"web", managed_policy_arns=["arn:aws:iam::aws:policy/ReadOnlyAccess"],')

    with pytest.raises(CommandError, match=r"managedPolicyArns.*the sandbox's fake AWS provider supports only"):
        sandbox.stack("test", project(program)).preview()


@pytest.mark.fake_provider
def test_a_type_that_the_fake_provider_does_not_know_is_refused(sandbox, project):
    with pytest.raises(
        CommandError, match=r"does not support the resource type aws:sqs/queue:Queue. It supports aws:iam/"
    ):
        sandbox.stack("test", project('aws.sqs.Queue("queue")')).preview()


@pytest.mark.fake_provider
def test_a_function_that_the_fake_provider_does_not_know_is_refused(sandbox, project):
    with pytest.raises(
        CommandError, match=r"does not support the function aws:index/getRegions:getRegions\. It supports aws:"
    ):
        sandbox.stack("test", project("aws.get_regions()")).preview()


@pytest.mark.fake_provider
def test_a_region_is_needed(sandbox, project):
    directory = project(ROLE, **{"aws:region": ""})

    with pytest.raises(CommandError, match=r"The AWS region is missing\. Run `pulumi config set aws:region"):
        sandbox.stack("test", directory).preview()


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_place_is_that_of_the_region_and_the_emulated_account(sandbox, project, region, partition):
    program = """
    location = [aws.get_partition().partition, aws.get_region().region, aws.get_caller_identity().account_id]
    pulumi.export("location", location)
    """
    directory = project(program, **{"aws:region": region})

    assert sandbox.stack("test", directory).up().outputs["location"].value == [partition, region, "123456789012"]


def test_an_explicit_provider_has_its_own_default_tags(sandbox, project, iam):
    program = """
    provider = aws.Provider("web", region="eu-west-1", default_tags={"tags": {"Team": "web", "Both": "provider"}})
    opts = pulumi.ResourceOptions(provider=provider)
    role = aws.iam.Role("web", assume_role_policy=POLICY, tags={"Both": "role"}, opts=opts)
    pulumi.export("name", role.name)
    pulumi.export("tags_all", role.tags_all)
    """.replace("POLICY", repr(json.dumps(TRUST)))

    outputs = sandbox.stack("test", project(program)).up().outputs

    assert outputs["tags_all"].value == {"Team": "web", "Both": "role"}
    tags = iam.get_role(RoleName=outputs["name"].value)["Role"]["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"Team": "web", "Both": "role"}


def test_a_secret_stays_a_secret_in_the_state(sandbox, project):
    program = ROLE.replace('"web",', '"web", description=pulumi.Output.secret("open sesame"),')
    stack = sandbox.stack("test", project(program))

    stack.up()

    assert "open sesame" in json.dumps(stack.export_stack().deployment)  # which decrypts
    state = [file.read_text() for file in (sandbox.directory / "state").rglob("*.json")]
    assert state
    assert not [text for text in state if "open sesame" in text]


def test_an_existing_role_is_imported_as_it_is(sandbox, project, iam):
    iam.create_role(
        RoleName="old", Path="/a/", AssumeRolePolicyDocument=json.dumps(TRUST), Tags=[{"Key": "Team", "Value": "web"}]
    )
    given = '"web", name="old", path="/a/", tags={"Team": "web"}, opts=pulumi.ResourceOptions(import_="old"),'
    program = ROLE.replace('"web",', given)
    stack = sandbox.stack("test", project(program))

    assert changes(stack.up()) == {"create": 1, "import": 1}
    project(program.replace(', opts=pulumi.ResourceOptions(import_="old")', ""))
    assert changes(stack.up()) == {}


def test_an_import_of_what_does_not_exist_fails(sandbox, project):
    program = ROLE.replace('"web",', '"web", name="none", opts=pulumi.ResourceOptions(import_="none"),')

    with pytest.raises(CommandError, match=r"none.* does not exist"):
        sandbox.stack("test", project(program)).up()


def test_a_role_that_others_put_into_a_profile_is_detached_and_deleted(sandbox, project, iam):
    stack = sandbox.stack("test", project(ROLE))
    role = stack.up().outputs["name"].value
    iam.create_instance_profile(InstanceProfileName="by-hand")
    iam.add_role_to_instance_profile(InstanceProfileName="by-hand", RoleName=role)

    stack.destroy()

    assert iam.list_roles()["Roles"] == []


@pytest.mark.fake_provider
def test_a_role_to_which_others_attached_a_policy_is_not_deleted_unless_that_is_forced(sandbox, project, iam):
    stack = sandbox.stack("test", project(ROLE))
    role = stack.up().outputs["name"].value
    iam.put_role_policy(RoleName=role, PolicyName="by-hand", PolicyDocument=json.dumps(DEFAULT))

    with pytest.raises(CommandError, match=rf"deleting IAM Role \({role}\): DeleteRole: DeleteConflict: "):
        stack.destroy()

    project(ROLE.replace('"web",', '"web", force_detach_policies=True,'))
    stack.up()
    stack.destroy()
    assert is_empty(iam)


def test_what_was_deleted_by_hand_can_be_destroyed(sandbox, project, iam):
    stack = sandbox.stack("test", project(ROLE))
    iam.delete_role(RoleName=stack.up().outputs["name"].value)

    assert changes(stack.destroy()) == {"delete": 2}


def test_ignored_changes_are_left_alone(sandbox, project, iam):
    given = '"web", description="Old.", opts=pulumi.ResourceOptions(ignore_changes=["description"]),'
    stack = sandbox.stack("test", project(ROLE.replace('"web",', given)))
    role = stack.up().outputs["name"].value
    project(ROLE.replace('"web",', given.replace("Old", "New").replace("],", "], protect=False,")))

    assert changes(stack.up()) == {}
    assert iam.get_role(RoleName=role)["Role"]["Description"] == "Old."
