"""The component under Pulumi mocks: what it registers, and how the parts hang together."""

import json

import pulumi
import pulumi_aws as aws
import pytest

import ssm_profile
from ssm_profile import SsmInstanceProfile, policy
from ssm_profile.options import OPTIONS
from tests.expected import DEFAULT, KEY, LOCATION, PROD, QUIET, TRUST

COMPONENT = "ssm-profile:index:SsmInstanceProfile"
ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/rolePolicy:RolePolicy"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"

SHAPE = {
    "path": "/ssm/",
    "role_name": "web",
    "instance_profile_name": "web-profile",
    "description": "For the web servers.",
    "tags": {"Team": "web"},
    "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/boundary",
    "service_principals": ["ec2.amazonaws.com.cn"],
}


def outputs_of(component):
    """The component's outputs as a program exports them."""
    names = (
        "role_name",
        "role_arn",
        "instance_profile_name",
        "instance_profile_arn",
        "policy_json",
        "actions",
    )
    for name in names:
        pulumi.export(name, getattr(component, name))


def named(urn):
    """The types and the name in a URN. Its stack and project are not what they are outside of mocks."""
    return urn.split("::", 2)[2].removeprefix("pulumi:pulumi:Stack$")


def test_public_names():
    assert ssm_profile.__all__ == ["SsmInstanceProfile", "SsmInstanceProfileArgs", "SsmInstanceProfileReference"]


def test_default_registers_exactly_these_resources_with_these_inputs(cloud, deploy):
    deploy(lambda: SsmInstanceProfile("web"))

    assert {(made.type, made.name) for made in cloud.registered} == {
        (COMPONENT, "web"),
        (ROLE, "web-role"),
        (POLICY, "web-policy"),
        (PROFILE, "web-profile"),
    }
    role_inputs = dict(cloud.of_type(ROLE).inputs)
    assert json.loads(role_inputs.pop("assumeRolePolicy")) == TRUST
    assert role_inputs == {"description": "Lets AWS Systems Manager manage the EC2 instances that use it."}
    policy_inputs = dict(cloud.of_type(POLICY).inputs)
    assert json.loads(policy_inputs.pop("policy")) == DEFAULT
    assert policy_inputs == {"name": "web-policy", "role": "web-role-1234567"}
    assert cloud.of_type(PROFILE).inputs == {"role": "web-role-1234567"}


def test_the_policy_of_a_new_role_is_there_before_that_of_the_old_one_goes(cloud, deploy):
    deploy(lambda: SsmInstanceProfile("web"))

    request = cloud.requests["web-policy"]
    assert (request.deleteBeforeReplaceDefined, request.deleteBeforeReplace) == (True, False)


def test_default_invokes_nothing(cloud, deploy):
    deploy(lambda: SsmInstanceProfile("web"))

    assert cloud.invoked == []


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({}, DEFAULT),
        ({"quiet_agent": True}, QUIET),
        ({"ec2_describe": False, "scope_heartbeat": True, "require_imdsv2": True}, PROD),
    ],
)
def test_args_reach_the_policy(cloud, deploy, args, expected):
    deploy(lambda: SsmInstanceProfile("web", args))

    assert cloud.policy == expected


def test_partition_is_looked_up_where_an_option_needs_it(cloud, deploy):
    cloud.answers["aws:index/getPartition:getPartition"]["partition"] = "aws-us-gov"

    deploy(lambda: SsmInstanceProfile("web", {"scope_heartbeat": True}))

    assert [call.token for call in cloud.invoked] == ["aws:index/getPartition:getPartition"]
    assert cloud.policy["Statement"][1]["Resource"] == "arn:aws-us-gov:ec2:*:*:instance/*"


def test_region_and_account_are_looked_up_where_an_option_needs_them(cloud, deploy):
    cloud.answers["aws:index/getRegion:getRegion"]["region"] = "cn-north-1"
    cloud.answers["aws:index/getPartition:getPartition"]["partition"] = "aws-cn"
    cloud.answers["aws:index/getCallerIdentity:getCallerIdentity"]["accountId"] = "210987654321"

    deploy(lambda: SsmInstanceProfile("web", {"documents": True}))

    assert {call.token for call in cloud.invoked} == set(cloud.answers) - {"aws:iam/getRole:getRole"}
    assert cloud.policy["Statement"][1]["Resource"] == [
        "arn:aws-cn:ssm:cn-north-1::document/*",
        "arn:aws-cn:ssm:cn-north-1:210987654321:document/*",
    ]


def test_an_unknown_function_fails_the_program(cloud, deploy):
    cloud.answers.clear()

    with pytest.raises(Exception, match="getPartition"):
        deploy(lambda: SsmInstanceProfile("web", {"scope_heartbeat": True}))


def test_shape_reaches_role_and_profile(cloud, deploy):
    deploy(lambda: SsmInstanceProfile("web", SHAPE))

    role_inputs = dict(cloud.of_type(ROLE).inputs)
    trust = json.loads(role_inputs.pop("assumeRolePolicy"))
    assert trust["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com.cn"}
    assert role_inputs == {
        "name": "web",
        "path": "/ssm/",
        "description": "For the web servers.",
        "permissionsBoundary": "arn:aws:iam::123456789012:policy/boundary",
        "tags": {"Team": "web"},
    }
    assert cloud.of_type(PROFILE).inputs == {
        "name": "web-profile",
        "path": "/ssm/",
        "role": "web",
        "tags": {"Team": "web"},
    }


def test_everything_taggable_has_the_tags(cloud, deploy):
    deploy(lambda: SsmInstanceProfile("web", {"tags": {"Team": "web"}}))

    taggable = {
        made.type: made.inputs.get("tags")
        for made in cloud.registered
        if hasattr(getattr(aws.iam, made.type.split(":")[-1], None), "tags")
    }
    assert taggable == {ROLE: {"Team": "web"}, PROFILE: {"Team": "web"}}


def test_children_belong_to_the_component(cloud, deploy):
    deploy(lambda: SsmInstanceProfile("web"))

    children = ("web-role", "web-policy", "web-profile")
    assert {named(cloud.requests[name].parent) for name in children} == {f"{COMPONENT}::web"}


MORE = "arn:aws:iam::123456789012:policy/more"

PINNED = {
    "inline": (
        {},
        {
            "web-role": "aws:iam/role:Role",
            "web-policy": "aws:iam/rolePolicy:RolePolicy",
            "web-profile": "aws:iam/instanceProfile:InstanceProfile",
        },
    ),
    "everything else": (
        {"policy_kind": "managed", "exclusive": True, "managed_policy_arns": [MORE]},
        {
            "web-role": "aws:iam/role:Role",
            "web-policy": "aws:iam/policy:Policy",
            "web-policy-attachment": "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            "web-attachment-32783bca": "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            "web-exclusive-policies": "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive",
            "web-exclusive-attachments": "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
            "web-profile": "aws:iam/instanceProfile:InstanceProfile",
        },
    ),
}
"""What the resources are called. A change of any replaces it in every stack, unless an alias has its old name."""


@pytest.mark.parametrize(("args", "children"), PINNED.values(), ids=PINNED)
def test_names_and_types_stay_as_they_are(cloud, deploy, args, children):
    deploy(lambda: SsmInstanceProfile("web", args))

    registered = {each.name: each.type for each in cloud.registered if each.type != "pulumi:pulumi:Stack"}
    assert registered == {"web": "ssm-profile:index:SsmInstanceProfile", **children}


def test_profile_waits_for_the_policy_and_the_role(cloud, deploy):
    deploy(lambda: SsmInstanceProfile("web"))

    assert {named(urn) for urn in cloud.requests["web-profile"].dependencies} == {
        f"{COMPONENT}${ROLE}::web-role",
        f"{COMPONENT}${POLICY}::web-policy",
    }
    assert [named(urn) for urn in cloud.requests["web-policy"].dependencies] == [f"{COMPONENT}${ROLE}::web-role"]


def test_protection_and_provider_reach_the_children_and_the_lookup(cloud, deploy):
    def program():
        provider = aws.Provider("elsewhere", region="us-gov-west-1")
        opts = pulumi.ResourceOptions(protect=True, providers=[provider])
        SsmInstanceProfile("web", {"documents": True}, opts)

    deploy(program)

    provider = "pulumi:providers:aws::elsewhere::elsewhere-1234567"
    assert {named(made.provider) for made in cloud.registered if made.type.startswith("aws:")} == {provider}
    assert [named(call.provider) for call in cloud.invoked] == [provider] * 3
    assert all(cloud.requests[name].protect for name in ("web", "web-role", "web-policy", "web-profile"))


def test_outputs(deploy):
    outputs = deploy(lambda: outputs_of(SsmInstanceProfile("web")))

    assert json.loads(outputs.pop("policy_json")) == DEFAULT
    assert outputs == {
        "role_name": "web-role-1234567",
        "role_arn": "arn:aws:iam::123456789012:role/web-role-1234567",
        "instance_profile_name": "web-profile-1234567",
        "instance_profile_arn": "arn:aws:iam::123456789012:instance-profile/web-profile-1234567",
        "actions": sorted(DEFAULT["Statement"][0]["Action"]),
    }


def test_outputs_are_registered_under_the_names_of_the_schema(deploy):
    registered = {}

    class Recorded(SsmInstanceProfile):
        def register_outputs(self, outputs):
            registered.update(outputs)
            super().register_outputs(outputs)

    deploy(lambda: Recorded("web"))

    assert registered.keys() == {
        "roleName",
        "roleArn",
        "instanceProfileName",
        "instanceProfileArn",
        "policyJson",
        "actions",
    }


@pytest.mark.parametrize("cloud", ["preview"], indirect=True)
def test_policy_is_a_plain_known_string_in_a_preview(cloud, deploy):
    deploy(lambda: SsmInstanceProfile("web"))

    assert cloud.policy == DEFAULT


@pytest.mark.parametrize("cloud", ["preview"], indirect=True)
def test_a_preview_does_not_need_to_know_any_arn(cloud, deploy):
    deploy(lambda: outputs_of(SsmInstanceProfile("web", {"scope_heartbeat": True})))

    assert {made.name for made in cloud.registered} == {"web", "web-role", "web-policy", "web-profile"}


def test_two_components_do_not_clash(cloud, deploy):
    def program():
        SsmInstanceProfile("web")
        SsmInstanceProfile("batch", {"quiet_agent": True})

    deploy(program)

    policies = {made.name: json.loads(made.inputs["policy"]) for made in cloud.registered if made.type == POLICY}
    assert policies == {"web-policy": DEFAULT, "batch-policy": QUIET}


def test_none_counts_as_not_given(cloud, deploy):
    deploy(lambda: SsmInstanceProfile("web", dict.fromkeys(OPTIONS)))

    assert cloud.of_type(PROFILE).inputs == {"role": "web-role-1234567"}


def test_inputs_may_be_outputs_of_other_resources(cloud, deploy):
    def program():
        boundary = aws.iam.Policy("boundary", policy=json.dumps(DEFAULT))
        arn = boundary.arn.apply(lambda _: SHAPE["permissions_boundary_arn"])
        tags = {"Boundary": boundary.name}
        SsmInstanceProfile(
            "web", {"permissions_boundary_arn": arn, "role_name": pulumi.Output.from_input("web"), "tags": tags}
        )

    deploy(program)

    role_inputs = cloud.of_type(ROLE).inputs
    assert role_inputs["permissionsBoundary"] == SHAPE["permissions_boundary_arn"]
    assert role_inputs["name"] == "web"
    assert role_inputs["tags"] == {"Boundary": "boundary-1234567"}


@pytest.mark.parametrize(
    ("option", "wrong"),
    [
        ("permissions_boundary_arn", "not-an-arn"),
        ("path", "no-slashes"),
        ("tags", {"aws:reserved": "x"}),
    ],
)
def test_an_output_that_turns_out_wrong_fails_before_the_role_is_made(cloud, deploy, option, wrong):
    with pytest.raises(Exception, match=rf"{option}: found .*; allowed: "):
        deploy(lambda: SsmInstanceProfile("web", {option: pulumi.Output.from_input(wrong)}))

    assert [made for made in cloud.registered if made.type.startswith("aws:")] == []


READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def made(cloud):
    return {resource.name: resource.inputs for resource in cloud.registered if resource.type.startswith("aws:iam")}


def test_a_managed_policy_is_attached_before_the_profile_is_made(cloud, deploy):
    outputs = deploy(
        lambda: outputs_of(
            SsmInstanceProfile("web", {"policy_kind": "managed", "path": "/ssm/", "tags": {"Team": "web"}})
        )
    )

    resources = made(cloud)
    assert resources.keys() == {"web-role", "web-policy", "web-policy-attachment", "web-profile"}
    assert json.loads(resources["web-policy"].pop("policy")) == DEFAULT
    assert resources["web-policy"] == {"path": "/ssm/", "tags": {"Team": "web"}}
    assert resources["web-policy-attachment"] == {
        "role": "web-role-1234567",
        "policyArn": "arn:aws:iam::123456789012:policy/web-policy-1234567",
    }
    assert {named(urn).split("::")[-1] for urn in cloud.requests["web-profile"].dependencies} == {
        "web-role",
        "web-policy",
        "web-policy-attachment",
    }
    assert json.loads(outputs["policy_json"]) == DEFAULT


def test_further_policies_are_attached_under_names_that_do_not_depend_on_their_order(cloud, deploy):
    boundary = SHAPE["permissions_boundary_arn"]

    def program():
        SsmInstanceProfile("one", {"managed_policy_arns": [READ_ONLY, boundary]})
        SsmInstanceProfile("two", {"managed_policy_arns": [boundary, READ_ONLY]})

    deploy(program)

    attachments = {name: inputs["policyArn"] for name, inputs in made(cloud).items() if "attachment" in name}
    one = {name.removeprefix("one-"): arn for name, arn in attachments.items() if name.startswith("one-")}
    two = {name.removeprefix("two-"): arn for name, arn in attachments.items() if name.startswith("two-")}
    assert one == two
    assert sorted(one.values()) == sorted([READ_ONLY, boundary])


def test_further_policies_may_be_made_in_the_same_program(cloud, deploy):
    def program():
        extra = aws.iam.Policy("extra", policy=json.dumps(DEFAULT))
        SsmInstanceProfile("web", {"managed_policy_arns": [extra.arn]})

    deploy(program)

    assert made(cloud)["web-attachment-0"]["policyArn"] == "arn:aws:iam::123456789012:policy/extra-1234567"


def test_an_existing_role_is_given_the_policy_and_the_profile_and_is_not_made(cloud, deploy):
    outputs = deploy(lambda: outputs_of(SsmInstanceProfile("w" * 60, {"existing_role_name": "old"})))

    resources = made(cloud)
    assert resources.keys() == {f"{'w' * 60}-policy", f"{'w' * 60}-profile"}
    assert {inputs["role"] for inputs in resources.values()} == {"old"}
    assert not any("name" in inputs for inputs in resources.values())  # which would overwrite another component's
    assert (outputs["role_name"], outputs["role_arn"]) == ("old", "arn:aws:iam::123456789012:role/old")


@pytest.mark.parametrize(
    ("kind", "policies", "arns"),
    [
        ("inline", ["web-policy"], [READ_ONLY]),
        ("managed", [], [READ_ONLY, "arn:aws:iam::123456789012:policy/web-policy-1234567"]),
    ],
)
def test_exclusive_names_exactly_the_policies_that_are_given_here(cloud, deploy, kind, policies, arns):
    args = {"exclusive": True, "policy_kind": kind, "managed_policy_arns": [READ_ONLY]}

    deploy(lambda: SsmInstanceProfile("web", args))

    resources = made(cloud)
    role = {"roleName": "web-role-1234567"}
    assert resources["web-exclusive-policies"] == role | {"policyNames": policies}
    assert resources["web-exclusive-attachments"] == role | {"policyArns": arns}
    given = {name for name in resources if name.startswith(("web-policy", "web-attachment"))}
    for exclusive in ("web-exclusive-policies", "web-exclusive-attachments"):
        after = {named(urn).split("::")[-1] for urn in cloud.requests[exclusive].dependencies}
        assert after >= given


def test_maps_may_hold_outputs_of_other_resources(cloud, deploy):
    def program():
        bucket = aws.s3.Bucket("logs")
        args = {
            "session_logs": {"bucket": bucket.bucket.apply(lambda _: "logs"), "prefix": None},
            "session_kms_key_arn": pulumi.Output.from_input(KEY),
        }
        SsmInstanceProfile("web", args)

    deploy(program)

    expected = {"session_logs": {"bucket": "logs"}, "session_kms_key_arn": KEY}
    assert cloud.policy == policy.policy_document(expected, LOCATION)


def test_an_output_is_waited_for_where_nothing_is_looked_up(cloud, deploy):
    deploy(lambda: SsmInstanceProfile("web", {"session_kms_key_arn": pulumi.Output.from_input(KEY)}))

    assert cloud.invoked == []
    assert cloud.policy == policy.policy_document({"session_kms_key_arn": KEY}, {})


@pytest.mark.parametrize("cloud", ["preview"], indirect=True)
def test_what_grants_nothing_and_is_not_known_yet_leaves_the_policy_known(cloud, deploy):
    def program():
        boundary = aws.iam.Policy("boundary", policy=json.dumps(DEFAULT))
        SsmInstanceProfile("web", {"permissions_boundary_arn": boundary.arn})

    deploy(program)

    assert cloud.policy == DEFAULT


def test_an_output_in_a_map_that_turns_out_wrong_fails_before_the_policy_is_made(cloud, deploy):
    with pytest.raises(Exception, match=r"session_logs.bucket: found \"\*\"; allowed: the name of a bucket"):
        deploy(lambda: SsmInstanceProfile("web", {"session_logs": {"bucket": pulumi.Output.from_input("*")}}))

    assert [made for made in cloud.registered if made.type in (POLICY, PROFILE)] == []


def test_an_output_in_a_list_that_turns_out_wrong_is_not_attached(cloud, deploy):
    wide = pulumi.Output.from_input("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")

    with pytest.raises(Exception, match=r"managed_policy_arns: found \"arn.*InstanceCore\"; allowed: "):
        deploy(lambda: SsmInstanceProfile("web", {"managed_policy_arns": [READ_ONLY, wide]}))

    assert "web-attachment-1" not in made(cloud)


def test_a_policy_over_iam_s_limit_is_refused_with_the_numbers_before_anything_is_registered(cloud, deploy):
    paths = [f"/application/environment/{number:04}" for number in range(100)]

    with pytest.raises(
        ValueError, match=r"policy: found 1\d,\d{3} characters, .* allowed: 10,240 in a role's inline policies"
    ):
        deploy(lambda: SsmInstanceProfile("web", {"parameters": {"paths": paths}}))

    assert cloud.registered == []


def options_of(size):
    """Options whose policy is of a size, without anything to look up."""
    digits = [100] * (size // 125)

    def options():
        return {"ec2_describe_actions": [f"Describe{number:0{length}}" for number, length in enumerate(digits)]}

    for missing in range(size - policy.size(policy.policy_document(options(), {}))):
        digits[missing % len(digits)] += 1
    return options()


@pytest.mark.parametrize(("kind", "limit"), [("inline", 10_240), ("managed", 6_144)])
def test_a_policy_at_iam_s_limit_is_accepted_and_one_more_character_is_not(cloud, deploy, kind, limit):
    with pytest.raises(ValueError, match=rf"policy: found {limit + 1:,} characters, .*policy_kind is {kind}"):
        deploy(lambda: SsmInstanceProfile("web", options_of(limit + 1) | {"policy_kind": kind}))
    assert cloud.registered == []

    outputs = deploy(lambda: outputs_of(SsmInstanceProfile("web", options_of(limit) | {"policy_kind": kind})))
    assert policy.size(json.loads(outputs["policy_json"])) == limit


def test_a_policy_that_turns_out_too_long_fails_before_it_is_made(cloud, deploy):
    group = pulumi.Output.from_input("g" * 512)
    paths = [f"/application/environment/{number:04}" for number in range(35)]
    args = {"parameters": {"paths": paths}, "session_logs": {"log_group": group}}

    with pytest.raises(Exception, match=r"policy: found 7,\d{3} characters, .*policy_kind is managed"):
        deploy(lambda: SsmInstanceProfile("web", args | {"policy_kind": "managed"}))

    registered = {each.type for each in cloud.registered}
    assert COMPONENT in registered
    assert PROFILE not in registered
    assert not any("olicy" in each for each in registered)


@pytest.mark.parametrize("option", [name for name, known in OPTIONS.items() if not known.accepts_outputs])
def test_what_decides_the_grants_cannot_be_an_output(cloud, deploy, option):
    with pytest.raises(ValueError, match=rf"{option}: found another resource's output; .*"):
        deploy(lambda: SsmInstanceProfile("web", {option: pulumi.Output.from_input(True)}))

    assert cloud.registered == []


def test_every_mistake_is_in_one_error_and_nothing_is_registered(cloud, deploy):
    wrong = {"quiet_agent": "yes", "path": "x", "quitAgent": True}

    with pytest.raises(ValueError, match="found") as error:
        deploy(lambda: SsmInstanceProfile("w" * 52, wrong))

    assert [line.partition(":")[0] for line in str(error.value).splitlines()] == [
        "name",
        "quiet_agent",
        "path",
        "quitAgent",
    ]
    assert cloud.registered == []


@pytest.mark.parametrize("args", [None, [], "quiet_agent"])
def test_args_that_are_not_a_dict_are_refused(cloud, deploy, args):
    with pytest.raises(ValueError, match=r"args: found a .*; allowed: a dict of options"):
        deploy(lambda: SsmInstanceProfile("web", args))

    assert cloud.registered == []
