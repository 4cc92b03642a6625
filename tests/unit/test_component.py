"""The component under Pulumi's mocks: what it registers, and how the resources depend on each other."""

import hashlib
import json
import re
from typing import ClassVar

import pulumi
import pulumi_aws as aws
import pytest

from ssm_profile import OptionsError, SsmInstanceProfile, policy
from ssm_profile.component import OUTPUTS
from ssm_profile.options import OPTIONS, camel_case, option_at
from tests.expected import DEFAULT, KEY, LOCATION, PROD, QUIET, SHARED_DOCUMENT, SHARED_PARAMETER, TRUST
from tests.option_examples import options_with

COMPONENT = "ssm-profile:index:SsmInstanceProfile"
ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/rolePolicy:RolePolicy"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"

DEFAULT_TAGS = "aws:index/getDefaultTags:getDefaultTags"

BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
SSM_WIDE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"


def export_outputs(component):
    """Export the component's outputs from a program."""
    for name in OUTPUTS:
        pulumi.export(name, getattr(component, name))


def type_and_name(urn):
    """The types and the name in a URN. Its stack and project are not what they are outside of mocks."""
    return urn.split("::", 2)[2].removeprefix("pulumi:pulumi:Stack$")


def name_of(urn):
    return urn.split("::")[-1]


def ending_with(sentence):
    """A pattern of the error about a wrong output. Pulumi puts lines before it that say where the output was used."""
    return rf"\nValueError has risen: {re.escape(sentence)}$"


def policy_name(cloud, component="web"):
    """The name of a component's inline policy in IAM, with the hash of the component's URN."""
    return f"{component}-policy-{hashlib.sha256(cloud.urns[component].encode()).hexdigest()[:7]}"


def attachments_of(cloud, component):
    """The ARN of each of a component's attachments, by the end of its name."""
    return {
        name.removeprefix(f"{component}-"): inputs["policyArn"]
        for name, inputs in iam_inputs(cloud).items()
        if name.startswith(f"{component}-attachment")
    }


def iam_inputs(cloud):
    """The inputs of each IAM resource by its name."""
    return {each.name: each.inputs for each in cloud.registered if each.type.startswith("aws:iam")}


class TestDefault:
    def test_default_registers_three_resources(self, cloud, deploy):
        deploy(lambda: SsmInstanceProfile("web"))

        assert {(each.type, each.name) for each in cloud.registered} == {
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
        assert policy_inputs == {"name": policy_name(cloud), "role": "web-role-1234567"}
        assert cloud.of_type(PROFILE).inputs == {"role": "web-role-1234567"}

    def test_default_looks_nothing_up(self, cloud, deploy):
        deploy(lambda: SsmInstanceProfile("web"))

        assert cloud.invoked == []

    def test_none_counts_as_not_given(self, cloud, deploy):
        deploy(lambda: SsmInstanceProfile("web", dict.fromkeys(OPTIONS)))

        assert cloud.of_type(PROFILE).inputs == {"role": "web-role-1234567"}
        assert cloud.policy == DEFAULT

    @pytest.mark.parametrize("cloud", ["preview"], indirect=True)
    def test_policy_is_known_in_a_preview(self, cloud, deploy):
        deploy(lambda: SsmInstanceProfile("web"))

        assert cloud.policy == DEFAULT


class TestPolicy:
    @pytest.mark.parametrize(
        ("args", "expected"),
        [
            ({}, DEFAULT),
            ({"quiet_agent": True}, QUIET),
            ({"ec2_describe": False, "scope_heartbeat": True, "require_imdsv2": True}, PROD),
        ],
    )
    def test_args_reach_the_policy(self, cloud, deploy, args, expected):
        deploy(lambda: SsmInstanceProfile("web", args))

        assert cloud.policy == expected

    def test_only_the_partition_is_looked_up(self, cloud, deploy):
        cloud.answers["aws:index/getPartition:getPartition"]["partition"] = "aws-us-gov"

        deploy(lambda: SsmInstanceProfile("web", {"scope_heartbeat": True}))

        assert [call.token for call in cloud.invoked] == ["aws:index/getPartition:getPartition"]
        assert cloud.policy["Statement"][1]["Resource"] == "arn:aws-us-gov:ec2:*:*:instance/*"

    def test_region_and_account_are_looked_up(self, cloud, deploy):
        cloud.answers["aws:index/getRegion:getRegion"]["region"] = "cn-north-1"
        cloud.answers["aws:index/getPartition:getPartition"]["partition"] = "aws-cn"
        cloud.answers["aws:index/getCallerIdentity:getCallerIdentity"]["accountId"] = "210987654321"

        deploy(lambda: SsmInstanceProfile("web", {"documents": True}))

        assert {call.token for call in cloud.invoked} == set(cloud.answers) - {DEFAULT_TAGS}
        assert cloud.policy["Statement"][1]["Resource"] == [
            "arn:aws-cn:ssm:cn-north-1::document/*",
            "arn:aws-cn:ssm:cn-north-1:210987654321:document/*",
        ]

    def test_failed_lookup_fails_the_program(self, cloud, deploy):
        cloud.answers.clear()

        with pytest.raises(Exception, match="getPartition"):
            deploy(lambda: SsmInstanceProfile("web", {"scope_heartbeat": True}))

        assert POLICY not in {each.type for each in cloud.registered}

    @pytest.mark.parametrize("kind", ["inline", "managed"])
    def test_everything_is_replaced_before_deletion(self, cloud, deploy, kind):
        """An instance never lacks its permissions."""

        def program():
            arns = [READ_ONLY, pulumi.Output.from_input(BOUNDARY)]
            SsmInstanceProfile("web", {"policy_kind": kind, "exclusive": True, "managed_policy_arns": arns})

        deploy(program)

        requests = [request for request in cloud.requests.values() if request.type.startswith("aws:")]
        assert len(requests) >= 7
        assert {(each.deleteBeforeReplaceDefined, each.deleteBeforeReplace) for each in requests} == {(True, False)}


class TestResources:
    def test_options_reach_role_and_profile(self, cloud, deploy):
        options = {
            "path": "/ssm/",
            "role_name": "web",
            "instance_profile_name": "web-profile",
            "description": "For the web servers.",
            "tags": {"Team": "web"},
            "permissions_boundary_arn": BOUNDARY,
            "service_principals": ["ec2.amazonaws.com.cn"],
        }

        deploy(lambda: SsmInstanceProfile("web", options))

        role_inputs = dict(cloud.of_type(ROLE).inputs)
        trust = json.loads(role_inputs.pop("assumeRolePolicy"))
        assert trust["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com.cn"}
        assert role_inputs == {
            "name": "web",
            "path": "/ssm/",
            "description": "For the web servers.",
            "permissionsBoundary": BOUNDARY,
            "tags": {"Team": "web"},
        }
        assert cloud.of_type(PROFILE).inputs == {
            "name": "web-profile",
            "path": "/ssm/",
            "role": "web",
            "tags": {"Team": "web"},
        }

    def test_every_taggable_resource_is_tagged(self, cloud, deploy):
        deploy(lambda: SsmInstanceProfile("web", {"tags": {"Team": "web"}}))

        taggable = {
            each.type: each.inputs.get("tags")
            for each in cloud.registered
            if hasattr(getattr(aws.iam, each.type.split(":")[-1], None), "tags")
        }
        assert taggable == {ROLE: {"Team": "web"}, PROFILE: {"Team": "web"}}

    def test_component_is_the_parent(self, cloud, deploy):
        deploy(lambda: SsmInstanceProfile("web"))

        children = ("web-role", "web-policy", "web-profile")
        assert {type_and_name(cloud.requests[name].parent) for name in children} == {f"{COMPONENT}::web"}

    def test_profile_waits_for_role_and_policy(self, cloud, deploy):
        deploy(lambda: SsmInstanceProfile("web"))

        assert {type_and_name(urn) for urn in cloud.requests["web-profile"].dependencies} == {
            f"{COMPONENT}${ROLE}::web-role",
            f"{COMPONENT}${POLICY}::web-policy",
        }
        assert [type_and_name(urn) for urn in cloud.requests["web-policy"].dependencies] == [
            f"{COMPONENT}${ROLE}::web-role"
        ]

    def test_resource_options_reach_every_resource(self, cloud, deploy):
        def program():
            provider = aws.Provider("elsewhere", region="us-gov-west-1")
            opts = pulumi.ResourceOptions(protect=True, providers=[provider])
            SsmInstanceProfile("web", {"documents": True}, opts)

        deploy(program)

        provider = "pulumi:providers:aws::elsewhere::elsewhere-1234567"
        providers = {type_and_name(each.provider) for each in cloud.registered if each.type.startswith("aws:")}
        assert providers == {provider}
        assert [type_and_name(call.provider) for call in cloud.invoked] == [provider] * 3
        assert all(cloud.requests[name].protect for name in ("web", "web-role", "web-policy", "web-profile"))

    def test_two_components_do_not_clash(self, cloud, deploy):
        def program():
            SsmInstanceProfile("web")
            SsmInstanceProfile("batch", {"quiet_agent": True})

        deploy(program)

        policies = {each.name: json.loads(each.inputs["policy"]) for each in cloud.registered if each.type == POLICY}
        assert policies == {"web-policy": DEFAULT, "batch-policy": QUIET}

    @pytest.mark.parametrize(
        ("args", "children"),
        [
            (
                {},
                {
                    "web-role": "aws:iam/role:Role",
                    "web-policy": "aws:iam/rolePolicy:RolePolicy",
                    "web-profile": "aws:iam/instanceProfile:InstanceProfile",
                },
            ),
            (
                {
                    "policy_kind": "managed",
                    "exclusive": True,
                    "managed_policy_arns": ["arn:aws:iam::123456789012:policy/more"],
                },
                {
                    "web-role": "aws:iam/role:Role",
                    "web-policy": "aws:iam/policy:Policy",
                    "web-policy-attachment": "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
                    "web-attachment-32783bc": "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
                    "web-exclusive-policies": "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive",
                    "web-exclusive-attachments": (
                        "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive"
                    ),
                    "web-profile": "aws:iam/instanceProfile:InstanceProfile",
                },
            ),
        ],
        ids=["inline", "managed"],
    )
    def test_names_and_types_never_change(self, cloud, deploy, args, children):
        """A new name or type replaces the resource in every stack, unless an alias has the old one."""
        deploy(lambda: SsmInstanceProfile("web", args))

        registered = {each.name: each.type for each in cloud.registered if each.type != "pulumi:pulumi:Stack"}
        assert registered == {"web": "ssm-profile:index:SsmInstanceProfile", **children}


class TestDefaultTags:
    """Tags that IAM refuses together with the default tags of the provider."""

    @pytest.mark.parametrize("cloud", ["preview", "up"], indirect=True)
    def test_key_in_another_case_is_refused(self, cloud, deploy):
        cloud.answers[DEFAULT_TAGS]["tags"] = {"team": "all"}

        with pytest.raises(Exception, match='`tags` cannot contain the keys "team" and "Team", because IAM does not'):
            deploy(lambda: SsmInstanceProfile("web", {"tags": {"Team": "web"}}))

        assert {each.type for each in cloud.registered} <= {"pulumi:pulumi:Stack", COMPONENT}

    def test_too_many_tags_are_refused(self, cloud, deploy):
        cloud.answers[DEFAULT_TAGS]["tags"] = {f"default-{number}": "x" for number in range(30)}
        tags = {f"own-{number}": "x" for number in range(21)}

        with pytest.raises(Exception, match=r"IAM allows 50 \(got 21 tags and 30 default tags of the provider\)"):
            deploy(lambda: SsmInstanceProfile("web", {"tags": tags}))

    def test_same_key_is_overridden(self, cloud, deploy):
        cloud.answers[DEFAULT_TAGS]["tags"] = {"Team": "all"}

        deploy(lambda: SsmInstanceProfile("web", {"tags": {"Team": "web"}}))

        assert cloud.of_type(ROLE).inputs["tags"] == {"Team": "web"}

    def test_mocks_may_return_none(self, cloud, deploy):
        """The mocks of a user's tests often answer every function with an empty dict."""
        cloud.answers[DEFAULT_TAGS] = {}

        deploy(lambda: SsmInstanceProfile("web", {"tags": {"Team": "web"}}))

        assert cloud.of_type(ROLE).inputs["tags"] == {"Team": "web"}


class TestOutputs:
    def test_outputs(self, deploy):
        outputs = deploy(lambda: export_outputs(SsmInstanceProfile("web")))

        assert json.loads(outputs.pop("policy_json")) == DEFAULT
        assert outputs == {
            "role_name": "web-role-1234567",
            "role_arn": "arn:aws:iam::123456789012:role/web-role-1234567",
            "instance_profile_name": "web-profile-1234567",
            "instance_profile_arn": "arn:aws:iam::123456789012:instance-profile/web-profile-1234567",
            "actions": sorted(DEFAULT["Statement"][0]["Action"]),
        }

    def test_outputs_are_registered_in_camel_case(self, deploy):
        registered = {}

        class Recorded(SsmInstanceProfile):
            def register_outputs(self, outputs):
                registered.update(outputs)
                super().register_outputs(outputs)

        deploy(lambda: Recorded("web"))

        assert list(registered) == [camel_case(output) for output in OUTPUTS]


class TestManagedPolicy:
    def test_managed_policy_is_attached_first(self, cloud, deploy):
        """The instance profile waits for the attachment."""
        args = {"policy_kind": "managed", "path": "/ssm/", "tags": {"Team": "web"}}

        outputs = deploy(lambda: export_outputs(SsmInstanceProfile("web", args)))

        resources = iam_inputs(cloud)
        assert resources.keys() == {"web-role", "web-policy", "web-policy-attachment", "web-profile"}
        assert json.loads(resources["web-policy"].pop("policy")) == DEFAULT
        assert resources["web-policy"] == {"path": "/ssm/", "tags": {"Team": "web"}}
        assert resources["web-policy-attachment"] == {
            "role": "web-role-1234567",
            "policyArn": "arn:aws:iam::123456789012:policy/web-policy-1234567",
        }
        assert {name_of(urn) for urn in cloud.requests["web-profile"].dependencies} == {
            "web-role",
            "web-policy",
            "web-policy-attachment",
        }
        assert json.loads(outputs["policy_json"]) == DEFAULT

    def test_repeated_secret_is_not_shown(self, deploy):
        with pytest.raises(Exception, match=r"cannot contain a policy twice \(got a secret value\)") as error:
            deploy(
                lambda: SsmInstanceProfile("web", {"managed_policy_arns": [BOUNDARY, pulumi.Output.secret(BOUNDARY)]})
            )

        assert BOUNDARY not in str(error.value)

    def test_order_does_not_change_attachment_names(self, cloud, deploy):
        def program():
            SsmInstanceProfile("one", {"managed_policy_arns": [READ_ONLY, BOUNDARY]})
            SsmInstanceProfile("two", {"managed_policy_arns": [BOUNDARY, READ_ONLY]})

        deploy(program)

        assert attachments_of(cloud, "one") == attachments_of(cloud, "two")
        assert sorted(attachments_of(cloud, "one").values()) == sorted([READ_ONLY, BOUNDARY])

    def test_policy_of_this_program_is_attached(self, cloud, deploy):
        def program():
            extra = aws.iam.Policy("extra", policy=json.dumps(DEFAULT))
            SsmInstanceProfile("web", {"managed_policy_arns": [extra.arn]})

        deploy(program)

        assert iam_inputs(cloud)["web-attachment-8d3eded"] == {
            "role": "web-role-1234567",
            "policyArn": "arn:aws:iam::123456789012:policy/extra-1234567",
        }

    def test_output_and_string_give_the_same_attachment(self, cloud, deploy):
        def program():
            SsmInstanceProfile("one", {"managed_policy_arns": [READ_ONLY, pulumi.Output.from_input(BOUNDARY)]})
            SsmInstanceProfile("two", {"managed_policy_arns": [pulumi.Output.from_input(READ_ONLY), BOUNDARY]})

        deploy(program)

        assert attachments_of(cloud, "one") == attachments_of(cloud, "two")

    def test_profile_waits_for_attachments_of_outputs(self, cloud, deploy):
        def program():
            SsmInstanceProfile("web", {"managed_policy_arns": [pulumi.Output.from_input(READ_ONLY)]})

        deploy(program)

        (name,) = {f"web-{suffix}" for suffix in attachments_of(cloud, "web")}
        assert name in {name_of(urn) for urn in cloud.requests["web-profile"].dependencies}

    def test_output_cannot_repeat_a_string(self, cloud, deploy):
        def program():
            SsmInstanceProfile("web", {"managed_policy_arns": [READ_ONLY, pulumi.Output.from_input(READ_ONLY)]})

        with pytest.raises(Exception, match=f'cannot contain a policy twice .got "{READ_ONLY}".'):
            deploy(program)

        assert PROFILE not in {each.type for each in cloud.registered}

    @pytest.mark.parametrize(
        ("kind", "policies", "arns"),
        [
            ("inline", [policy_name], [READ_ONLY]),
            ("managed", [], [READ_ONLY, "arn:aws:iam::123456789012:policy/web-policy-1234567"]),
        ],
    )
    def test_exclusive_keeps_only_given_policies(self, cloud, deploy, kind, policies, arns):
        args = {"exclusive": True, "policy_kind": kind, "managed_policy_arns": [READ_ONLY]}

        deploy(lambda: SsmInstanceProfile("web", args))

        resources = iam_inputs(cloud)
        role = {"roleName": "web-role-1234567"}
        assert resources["web-exclusive-policies"] == role | {"policyNames": [name(cloud) for name in policies]}
        assert resources["web-exclusive-attachments"] == role | {"policyArns": arns}
        given = {name for name in resources if name.startswith(("web-policy", "web-attachment"))}
        for exclusive in ("web-exclusive-policies", "web-exclusive-attachments"):
            assert {name_of(urn) for urn in cloud.requests[exclusive].dependencies} >= given


class TestExistingRole:
    def test_existing_role_is_not_created(self, cloud, deploy):
        name = "w" * 60  # which is too long for the name of a new role

        outputs = deploy(lambda: export_outputs(SsmInstanceProfile(name, {"existing_role_name": "old"})))

        resources = iam_inputs(cloud)
        assert resources.keys() == {f"{name}-role", f"{name}-policy", f"{name}-profile"}
        assert resources.pop(f"{name}-role") == {}  # it is read, not registered
        assert {inputs["role"] for inputs in resources.values()} == {"old"}
        assert (outputs["role_name"], outputs["role_arn"]) == ("old", "arn:aws:iam::123456789012:role/old")

    def test_policy_name_is_unique(self, cloud, deploy):
        """The policies of two components on one role, or of one made by hand, do not overwrite each other."""

        def program():
            SsmInstanceProfile("web", {"existing_role_name": "old"})
            SsmInstanceProfile("batch", {"existing_role_name": "old"})

        deploy(program)

        names = {each.inputs["name"] for each in cloud.registered if each.type == POLICY}
        assert names == {policy_name(cloud), policy_name(cloud, "batch")}


class TestPatchPolicy:
    """The bucket of a patch policy asks for a tag on the role."""

    POLICY: ClassVar = {"account_id": "123456789012", "configuration_id": "q4bkg"}
    PATCHING: ClassVar = {"state_manager": True, "patching": True}

    @pytest.mark.parametrize("tags", [{}, {"tags": {"Team": "web"}}], ids=["none", "tags"])
    @pytest.mark.parametrize("as_input", [lambda text: text, pulumi.Output.from_input], ids=["known", "output"])
    def test_role_and_profile_are_tagged(self, cloud, deploy, tags, as_input):
        given = {key: as_input(text) for key, text in self.POLICY.items()}

        deploy(lambda: SsmInstanceProfile("web", {"patch_policy": given, **self.PATCHING, **tags}))

        expected = {**tags.get("tags", {}), "QSConfigId-q4bkg": "q4bkg"}
        assert [cloud.of_type(each).inputs["tags"] for each in (ROLE, PROFILE)] == [expected, expected]
        assert cloud.policy == policy.policy_document({"patch_policy": self.POLICY, **self.PATCHING}, LOCATION)

    def test_tag_that_is_known_later_conflicts(self, cloud, deploy):
        """It fails the program before the role is registered."""
        tags = pulumi.Output.from_input({"QSConfigId-q4bkg": "other"})
        sentence = '`tags` cannot contain the key "QSConfigId-q4bkg", which `patch_policy` sets. Remove it.'

        with pytest.raises(ValueError, match=ending_with(sentence)):
            deploy(lambda: SsmInstanceProfile("web", {"patch_policy": self.POLICY, **self.PATCHING, "tags": tags}))

        assert iam_inputs(cloud) == {}

    def test_tag_counts(self, cloud, deploy):
        tags = {f"k{number}": "v" for number in range(50)}
        sentence = "`tags` has too many tags: IAM allows 50 (got 51 tags and 0 default tags of the provider)."

        with pytest.raises(ValueError, match=ending_with(sentence)):
            deploy(lambda: SsmInstanceProfile("web", {"patch_policy": self.POLICY, **self.PATCHING, "tags": tags}))

        assert iam_inputs(cloud) == {}


class TestOutputsOfOtherResources:
    def test_strings_and_tags_may_be_outputs(self, cloud, deploy):
        def program():
            boundary = aws.iam.Policy("boundary", policy=json.dumps(DEFAULT))
            arn = boundary.arn.apply(lambda _: BOUNDARY)
            tags = {"Boundary": boundary.name}
            SsmInstanceProfile(
                "web", {"permissions_boundary_arn": arn, "role_name": pulumi.Output.from_input("web"), "tags": tags}
            )

        deploy(program)

        role_inputs = cloud.of_type(ROLE).inputs
        assert role_inputs["permissionsBoundary"] == BOUNDARY
        assert role_inputs["name"] == "web"
        assert role_inputs["tags"] == {"Boundary": "boundary-1234567"}

    def test_values_of_maps_may_be_outputs(self, cloud, deploy):
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

    def test_entries_of_lists_may_be_outputs(self, cloud, deploy):
        def program():
            shared = {"shared_arns": [pulumi.Output.from_input(SHARED_PARAMETER)]}
            args = {"document_arns": [pulumi.Output.from_input(SHARED_DOCUMENT)], "parameters": shared}
            SsmInstanceProfile("web", args)

        deploy(program)

        expected = {"document_arns": [SHARED_DOCUMENT], "parameters": {"shared_arns": [SHARED_PARAMETER]}}
        assert cloud.policy == policy.policy_document(expected, LOCATION)
        assert cloud.invoked == []

    def test_output_is_awaited_without_a_lookup(self, cloud, deploy):
        deploy(lambda: SsmInstanceProfile("web", {"session_kms_key_arn": pulumi.Output.from_input(KEY)}))

        assert cloud.invoked == []
        assert cloud.policy == policy.policy_document({"session_kms_key_arn": KEY}, {})

    @pytest.mark.parametrize("cloud", ["preview"], indirect=True)
    def test_preview_knows_policies_without_outputs(self, cloud, deploy):
        """An unknown value that grants nothing leaves the policy known."""

        def program():
            boundary = aws.iam.Policy("boundary", policy=json.dumps(DEFAULT))
            SsmInstanceProfile("web", {"permissions_boundary_arn": boundary.arn})

        deploy(program)

        assert cloud.policy == DEFAULT

    @pytest.mark.parametrize("cloud", ["preview"], indirect=True)
    def test_preview_needs_no_arns(self, cloud, deploy):
        deploy(lambda: export_outputs(SsmInstanceProfile("web", {"scope_heartbeat": True})))

        assert {each.name for each in cloud.registered} == {"web", "web-role", "web-policy", "web-profile"}

    @pytest.mark.parametrize(
        ("option", "value", "sentence"),
        [
            (
                "permissions_boundary_arn",
                "not-an-arn",
                (
                    f'`permissions_boundary_arn` must be the ARN of a managed policy, for example "{BOUNDARY}" '
                    '(got "not-an-arn").'
                ),
            ),
            (
                "path",
                "no-slashes",
                (
                    '`path` must be a path that begins and ends with "/", of at most 512 printable ASCII characters, '
                    'for example "/ssm/" (got "no-slashes").'
                ),
            ),
            (
                "tags",
                {"aws:reserved": "x"},
                (
                    "`tags` must be a map of at most 50 tags. A key has 1 to 128 characters and does not begin with "
                    '"aws:", a value has at most 256; both consist of letters, digits, spaces and _ . : / = + - @, for '
                    'example {"Team": "web"} (got the tag {"aws:reserved": "x"}).'
                ),
            ),
        ],
    )
    def test_wrong_output(self, cloud, deploy, option, value, sentence):
        """It fails the program before the role is registered."""
        with pytest.raises(ValueError, match=ending_with(sentence)):
            deploy(lambda: SsmInstanceProfile("web", {option: pulumi.Output.from_input(value)}))

        assert [each for each in cloud.registered if each.type.startswith("aws:")] == []

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("role_name", "open sesame"),
            ("tags", {"k": "open;sesame"}),
            ("session_logs", {"bucket": "open sesame"}),
            ("read_buckets", [{"bucket": "open sesame"}]),
            ("managed_policy_arns", ["open sesame"]),
        ],
    )
    def test_wrong_secret_is_not_shown(self, deploy, option, value):
        def secret(entry):
            if isinstance(entry, dict):
                return {key: secret(each) for key, each in entry.items()}
            return [secret(each) for each in entry] if isinstance(entry, list) else pulumi.Output.secret(entry)

        with pytest.raises(ValueError, match="a secret value") as error:
            deploy(lambda: SsmInstanceProfile("web", {option: secret(value)}))

        assert "sesame" not in str(error.value)

    def test_wrong_output_in_a_map(self, cloud, deploy):
        """It fails the program before the policy is registered."""
        sentence = (
            "`session_logs.bucket` must be the name of a bucket: 3 to 63 lowercase letters, digits, dots and hyphens, "
            'for example "logs" (got "*").'
        )

        with pytest.raises(ValueError, match=ending_with(sentence)):
            deploy(lambda: SsmInstanceProfile("web", {"session_logs": {"bucket": pulumi.Output.from_input("*")}}))

        assert [each for each in cloud.registered if each.type in (POLICY, PROFILE)] == []

    def test_wrong_output_in_a_map_of_a_list(self, cloud, deploy):
        """It fails the program before the policy is registered, and names the map."""
        buckets = [{"bucket": "scripts"}, {"bucket": pulumi.Output.from_input("*"), "folders": True}]
        sentence = (
            "`read_buckets[1].bucket` must be the name of a bucket: 3 to 63 lowercase letters, digits, dots and "
            'hyphens, for example "scripts" (got "*").'
        )

        with pytest.raises(ValueError, match=ending_with(sentence)):
            deploy(lambda: SsmInstanceProfile("web", {"read_buckets": buckets}))

        assert [each for each in cloud.registered if each.type in (POLICY, PROFILE)] == []

    def test_outputs_in_the_maps_of_a_list(self, cloud, deploy):
        """A key that is None counts as not given."""
        bucket = {"bucket": pulumi.Output.from_input("scripts"), "prefix": "ansible", "folders": None}
        key = {"bucket": "lists", "kms_key_arn": pulumi.Output.from_input(KEY)}
        known = [{"bucket": "scripts", "prefix": "ansible"}, {"bucket": "lists", "kms_key_arn": KEY}]

        deploy(lambda: SsmInstanceProfile("web", {"read_buckets": [bucket, key]}))

        assert cloud.policy == policy.policy_document({"read_buckets": known}, LOCATION)

    @pytest.mark.parametrize("option", ["document_arns", "parameters.shared_arns"])
    def test_wrong_output_in_a_list_of_the_policy(self, cloud, deploy, option):
        wrong = [option_at(option).example[0], pulumi.Output.from_input("arn:aws:ssm:*:*:*")]
        name, _, key = option.partition(".")
        args = {name: {key: wrong} if key else wrong}

        with pytest.raises(ValueError, match=f"`{option}` must be a list of ARNs .*the entry .arn:aws:ssm:"):
            deploy(lambda: SsmInstanceProfile("web", args))

        assert [each for each in cloud.registered if each.type in (POLICY, PROFILE)] == []

    def test_wrong_output_in_a_list(self, cloud, deploy):
        """The policy is not attached."""
        arns = [READ_ONLY, pulumi.Output.from_input(SSM_WIDE)]
        sentence = (
            f'`managed_policy_arns` cannot contain "{SSM_WIDE}". It reads every parameter and every document in the '
            "account."
        )

        with pytest.raises(ValueError, match=ending_with(sentence)):
            deploy(lambda: SsmInstanceProfile("web", {"managed_policy_arns": arns}))

        assert "web-attachment-1" not in iam_inputs(cloud)

    @pytest.mark.parametrize("option", [name for name, known in OPTIONS.items() if not known.accepts_outputs])
    def test_deciding_options_cannot_be_outputs(self, cloud, deploy, option):
        with pytest.raises(OptionsError) as error:
            deploy(lambda: SsmInstanceProfile("web", options_with(option, pulumi.Output.from_input(True))))

        assert str(error.value) == (
            f"`{option}` must be known before the deployment, since it decides what is created. It cannot be an output "
            "of another resource."
        )
        assert cloud.registered == []


def too_long(size, kind, listed):
    """The sentence about a policy that is too long."""
    return (
        f"`policy` is too long: it has {size:,} characters without spaces. IAM allows 10,240 in the inline policies of "
        f'a role and 6,144 in a managed policy, and `policy_kind` is "{kind}". Set fewer options, or '
        f"shorten this list: `{listed}`."
    )


def options_of_size(size):
    """Options whose policy has this size and needs no lookup."""
    digits = [100] * (size // 125)

    def options():
        return {"ec2_describe_actions": [f"Describe{number:0{length}}" for number, length in enumerate(digits)]}

    for missing in range(size - policy.size(policy.policy_document(options(), {}))):
        digits[missing % len(digits)] += 1
    return options()


class TestSize:
    @pytest.mark.parametrize(("kind", "limit"), [("inline", 10_240), ("managed", 6_144)])
    def test_policy_at_the_limit_is_accepted(self, deploy, kind, limit):
        args = options_of_size(limit) | {"policy_kind": kind}

        outputs = deploy(lambda: export_outputs(SsmInstanceProfile("web", args)))

        assert len(outputs["policy_json"].replace(" ", "")) == limit

    @pytest.mark.parametrize(("kind", "limit"), [("inline", 10_240), ("managed", 6_144)])
    def test_policy_over_the_limit_is_refused(self, cloud, deploy, kind, limit):
        args = options_of_size(limit + 1) | {"policy_kind": kind}

        with pytest.raises(OptionsError) as error:
            deploy(lambda: SsmInstanceProfile("web", args))

        assert str(error.value) == too_long(limit + 1, kind, "ec2_describe_actions")
        assert cloud.registered == []

    def test_shortest_location_is_refused(self, cloud, deploy):
        """A policy that is too long everywhere is refused before anything is looked up."""
        args = {"parameters": {"paths": [f"/application/environment/{number:04}" for number in range(100)]}}
        shortest = policy.policy_document(args, {"partition": "aws", "region": "us-east-1", "account": "123456789012"})

        with pytest.raises(OptionsError) as error:
            deploy(lambda: SsmInstanceProfile("web", args))

        assert str(error.value) == too_long(policy.size(shortest), "inline", "parameters.paths")
        assert cloud.registered == cloud.invoked == []

    def test_size_with_outputs_is_checked_later(self, cloud, deploy):
        """A long output fails the program before the policy is registered."""
        paths = [f"/application/environment/{number:04}" for number in range(35)]
        args = {"policy_kind": "managed", "parameters": {"paths": paths}, "session_logs": {"log_group": "g" * 512}}
        sentence = too_long(policy.size(policy.policy_document(args, LOCATION)), "managed", "parameters.paths")
        group = pulumi.Output.from_input("g" * 512)

        with pytest.raises(ValueError, match=ending_with(sentence)):
            deploy(lambda: SsmInstanceProfile("web", args | {"session_logs": {"log_group": group}}))

        registered = {each.type for each in cloud.registered}
        assert COMPONENT in registered
        assert PROFILE not in registered
        assert not any("olicy" in each for each in registered)


class TestMistakes:
    def test_every_mistake_is_in_one_error(self, cloud, deploy):
        options = {"quiet_agent": "yes", "path": "x", "quitAgent": True}

        with pytest.raises(OptionsError) as error:
            deploy(lambda: SsmInstanceProfile("w" * 52, options))

        assert [mistake.path for mistake in error.value.mistakes] == ["name", "quiet_agent", "path", "quitAgent"]
        assert str(error.value).splitlines() == [str(mistake) for mistake in error.value.mistakes]
        assert cloud.registered == []

    @pytest.mark.parametrize(("args", "shown"), [(None, "null"), ([], "[]"), ("quiet_agent", '"quiet_agent"')])
    def test_args_must_be_a_dict(self, cloud, deploy, args, shown):
        with pytest.raises(OptionsError) as error:
            deploy(lambda: SsmInstanceProfile("web", args))

        assert str(error.value) == f"`args` must be a dict of options (got {shown})."
        assert cloud.registered == []
