"""The rules of the policy pack in policies/, one by one and on the resources of the examples."""

import json
import runpy
import sys

import pulumi_aws as aws
import pytest

from ssm_profile.options import OPTIONS, SSM_WIDE_POLICIES
from tests import ROOT
from tests.expected import TRUST

POLICIES = str(ROOT / "policies")

LAMBDA = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
}
CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
ROLE = "aws:iam/role:Role"
INSTANCE_PROFILE = "aws:iam/instanceProfile:InstanceProfile"
INLINE_POLICY = "aws:iam/rolePolicy:RolePolicy"
MANAGED_POLICY = "aws:iam/policy:Policy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
POLICY_ATTACHMENT = "aws:iam/policyAttachment:PolicyAttachment"
ATTACHMENTS_EXCLUSIVE = "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive"


@pytest.fixture(scope="module")
def rules():
    """The module with the rules, which is in no package."""
    sys.path.insert(0, POLICIES)
    try:
        import rules as module  # noqa: PLC0415 - it cannot be imported before

        yield module
    finally:
        sys.path.remove(POLICIES)
        sys.modules.pop("rules", None)


@pytest.fixture
def make(rules):
    """Makes a resource of a stack."""

    def make(type_name, name="web", **more):
        return rules.Resource(type_name, name, f"urn:pulumi:dev::app::{type_name}::{name}", **more)

    return make


@pytest.fixture
def make_role(make):
    """Makes a role for instances."""

    def make_role(trust=TRUST, **props):
        return make(ROLE, props={"name": "web-role", "assumeRolePolicy": json.dumps(trust), **props})

    return make_role


@pytest.fixture
def find(rules):
    """Applies a rule: the name of each resource that breaks it, with the message."""

    def find(rule, *resources, exceptions=()):
        return [(resource.name, message) for resource, message in rules.findings(rule, resources, exceptions)]

    return find


class TestWidePolicies:
    RULE = "no-wide-ssm-policies"

    @pytest.mark.parametrize("name", SSM_WIDE_POLICIES)
    @pytest.mark.parametrize("path", ["", "service-role/"])
    def test_message_names_better_options(self, find, make, make_role, name, path):
        arn = f"arn:aws-cn:iam::aws:policy/{path}{name}"
        attachment = make(ATTACHMENT, "core", props={"role": "web-role", "policyArn": arn})

        ((resource, message),) = find(self.RULE, make_role(), attachment)

        assert resource == "core"
        assert message.startswith(f"{name} is attached. {SSM_WIDE_POLICIES[name]}")
        assert "SsmInstanceProfile" in message
        options = set(message.rsplit("the options that you need", 1)[1].strip(":. ").replace(" and ", ", ").split(", "))
        assert options <= OPTIONS.keys() if name != "AmazonSSMFullAccess" else options == {""}

    def test_role_name_may_be_unknown(self, find, make):
        """In a preview the attachment depends on the role, and the name is not known yet."""
        role = make(ROLE, props={"assumeRolePolicy": json.dumps(TRUST)})
        attachment = make(ATTACHMENT, props={"policyArn": CORE}, sources={"role": frozenset([role.urn])})

        assert find(self.RULE, role, attachment)

    def test_role_may_be_in_another_stack(self, find, make):
        assert find(self.RULE, make(ATTACHMENT, props={"role": "old", "policyArn": CORE}))

    @pytest.mark.parametrize(
        ("kind", "props"),
        [
            (POLICY_ATTACHMENT, {"policyArn": CORE, "roles": ["web-role"]}),
            (POLICY_ATTACHMENT, {"policyArn": CORE, "roles": ["not-in-the-stack"]}),
            (
                ATTACHMENTS_EXCLUSIVE,
                {"policyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess", CORE], "roleName": "web-role"},
            ),
        ],
    )
    def test_other_kinds_of_attachments(self, find, make, make_role, kind, props):
        ((resource, _),) = find(self.RULE, make_role(), make(kind, "more", props=props))

        assert resource == "more"

    def test_policies_within_the_role(self, find, make_role):
        assert find(self.RULE, make_role(managedPolicyArns=[CORE]))

    @pytest.mark.parametrize("roles", [{}, {"roles": []}, {"roles": ["web-role"]}])
    def test_users_and_other_roles_are_ignored(self, find, make, make_role, roles):
        """A role that instances cannot assume may have the policy."""
        attachment = make(POLICY_ATTACHMENT, props={"policyArn": CORE, "users": ["ada"], **roles})

        assert not find(self.RULE, make_role(trust=LAMBDA), attachment)

    def test_role_of_a_function(self, find, make, make_role):
        """Instances cannot assume it."""
        attachment = make(ATTACHMENT, props={"role": "web-role", "policyArn": CORE})

        assert not find(self.RULE, make_role(trust=LAMBDA), attachment)

    def test_own_policy_of_this_name(self, find, make, make_role):
        """A customer managed policy may have the name of one of AWS."""
        arn = "arn:aws:iam::123456789012:policy/AmazonSSMManagedInstanceCore"

        attachment = make(ATTACHMENT, props={"role": "web-role", "policyArn": arn})

        assert not find(self.RULE, make_role(), attachment)

    def test_exceptions_are_ignored(self, find, make_role):
        role = make_role(managedPolicyArns=[CORE])

        assert find(self.RULE, role, exceptions=["*::other"])
        assert not find(self.RULE, role, exceptions=["*::web"])
        assert not find(self.RULE, role, exceptions=[role.urn])


def document(action, resource="*", effect="Allow", **more):
    return json.dumps({"Statement": {"Effect": effect, "Action": action, "Resource": resource, **more}})


class TestParameters:
    @pytest.mark.parametrize(
        ("text", "is_found"),
        [
            (document("ssm:GetParameter"), True),
            (document(["s3:GetObject", "ssm:GetParameters"]), True),
            (document("SSM:getparameter*"), True),
            (document("ssm:*"), True),
            (document("*"), True),
            (document("ssm:GetParametersByPath", "arn:aws:ssm:*:*:parameter/*"), True),
            (document("ssm:GetParameter", ["arn:aws:ssm:eu-central-1:123456789012:parameter/app/*", "*"]), True),
            (document("ssm:GetParameter", "arn:aws:ssm:eu-central-1:123456789012:parameter/app/*"), False),
            (document("ssm:PutInventory"), False),
            (document("ssm:GetParameter", effect="Deny"), False),
            ('{"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}}', True),
            ('{"Statement": {"Effect": "Allow", "NotAction": ["iam:*", "ssm:*"], "Resource": "*"}}', False),
            (
                (
                    '{"Statement": {"Effect": "Allow", "Action": "ssm:Get*", "NotResource": '
                    '"arn:aws:ssm:*:*:parameter/a"}}'
                ),
                True,
            ),
            ('{"Statement": {"Effect": "Deny", "NotAction": "iam:*", "NotResource": "a"}}', False),
            ("not JSON", False),
            (None, False),
            ("[]", False),
            ('{"Statement": [3, null]}', False),
        ],
    )
    def test_paths_must_be_named(self, find, make, make_role, text, is_found):
        for resource in (
            make(INLINE_POLICY, props={"policy": text}),
            make(MANAGED_POLICY, props={"policy": text}),
            make_role(inlinePolicies=[{"policy": text}]),
        ):
            findings = find("no-parameters-everywhere", resource)
            assert bool(findings) is is_found
            assert all("option parameters" in message for _, message in findings)


class TestSourceInstanceArn:
    RULE = "no-source-instance-arn"

    @pytest.mark.parametrize("key", ["ssm:SourceInstanceARN", "SSM:sourceInstanceArn"])
    def test_key_of_systems_manager_is_found(self, find, make, key):
        """It is not in calls with the role of an instance profile."""
        text = document("ssm:UpdateInstanceInformation", Condition={"ArnEquals": {key: "arn:aws:ec2:*:*:instance/*"}})

        ((_, message),) = find(self.RULE, make(INLINE_POLICY, props={"policy": text}))

        assert "locks every instance out" in message
        assert "require_imdsv2" in message

    def test_key_of_ec2_is_ignored(self, find, make):
        text = document("ssm:PutInventory", Condition={"Null": {"ec2:SourceInstanceARN": "false"}})

        assert not find(self.RULE, make(INLINE_POLICY, props={"policy": text}))


class TestProfileAfterPolicies:
    RULE = "profile-after-policies"

    @pytest.mark.parametrize("waits", [True, False])
    def test_profile_waits_for_policies(self, find, make, make_role, waits):
        attachment = make(ATTACHMENT, "more", props={"role": "web-role", "policyArn": "arn:aws:iam::1:policy/x"})
        profile = make(
            INSTANCE_PROFILE,
            "profile",
            props={"role": "web-role"},
            dependencies=frozenset([attachment.urn] if waits else []),
        )

        findings = find(self.RULE, make_role(), attachment, profile)

        assert bool(findings) is not waits
        assert all("does not wait for more" in message for _, message in findings)

    def test_policies_of_another_role_are_ignored(self, find, make, make_role):
        other = make(ROLE, "other", props={"name": "other", "assumeRolePolicy": json.dumps(TRUST)})
        attachment = make(ATTACHMENT, props={"role": "other", "policyArn": "arn:aws:iam::1:policy/x"})
        profile = make(INSTANCE_PROFILE, props={"role": "web-role"})

        assert not find(self.RULE, make_role(), other, attachment, profile)


@pytest.fixture
def registered(rules, cloud):
    """Gives the resources that a program registered, as the engine shows them to a policy pack."""
    cloud.answers["aws:ssm/getParameter:getParameter"] = {"insecureValue": "ami-1"}

    def registered():
        return [
            rules.Resource(
                type=each.type,
                name=each.name,
                urn=cloud.urns[each.name],
                props=each.inputs | {"name": f"{each.name}-1234567"},
                dependencies=frozenset(cloud.requests[each.name].dependencies),
                sources={
                    key: frozenset(value.urns) for key, value in cloud.requests[each.name].propertyDependencies.items()
                },
            )
            for each in cloud.registered
            if each.name in cloud.requests
        ]

    return registered


class TestPrograms:
    @pytest.mark.parametrize("example", ["two_profiles", "launch", "accounts"])
    def test_examples_break_no_rule(self, rules, find, registered, run_example, example):
        run_example(example)

        types = {each.type for each in registered()}
        assert types >= ({ROLE} if example != "launch" else {"aws:ec2/instance:Instance"})
        assert [finding for rule in rules.RULES for finding in find(rule, *registered())] == []

    def test_hand_written_profile_breaks_two(self, find, registered, deploy):
        def program():
            role = aws.iam.Role("web", assume_role_policy=json.dumps(TRUST))
            aws.iam.RolePolicyAttachment("core", role=role.name, policy_arn=CORE)
            aws.iam.InstanceProfile("profile", role=role.name)

        deploy(program)

        assert [name for name, _ in find("no-wide-ssm-policies", *registered())] == ["core"]
        assert [name for name, _ in find("profile-after-policies", *registered())] == ["profile"]


def test_pack_has_every_rule(rules, monkeypatch):
    policy = pytest.importorskip("pulumi_policy")
    packs = []
    monkeypatch.setattr(policy, "PolicyPack", lambda **pack: packs.append(pack))
    monkeypatch.syspath_prepend(POLICIES)

    runpy.run_path(POLICIES + "/__main__.py")

    (pack,) = packs
    assert [each.name for each in pack["policies"]] == list(rules.RULES)
    levels = {each.name: each.enforcement_level for each in pack["policies"]}
    assert levels["no-wide-ssm-policies"] == policy.EnforcementLevel.MANDATORY
    assert levels["profile-after-policies"] == policy.EnforcementLevel.ADVISORY
