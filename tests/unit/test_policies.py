"""The rules of the policy pack, one by one, and over the resources that the examples register."""

import json
import runpy
import sys

import pulumi
import pytest

from ssm_profile.options import OPTIONS, SSM_WIDE_POLICIES
from tests import ROOT
from tests.expected import TRUST
from tests.unit.test_examples import run_example  # noqa: F401 - a fixture

POLICIES = str(ROOT / "policies")


@pytest.fixture(scope="module")
def rules():
    sys.path.insert(0, POLICIES)
    try:
        import rules as module  # noqa: PLC0415 - the pack's own, which is no package

        yield module
    finally:
        sys.path.remove(POLICIES)
        sys.modules.pop("rules", None)


LAMBDA = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
}
CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"


@pytest.fixture
def made(rules):
    """Makes a resource."""

    def make(type_name, name="web", **more):
        return rules.Resource(type_name, name, f"urn:pulumi:dev::app::{type_name}::{name}", **more)

    return make


def role(rules, made, trust=TRUST, **props):
    return made(rules.ROLE, props={"name": "web-role", "assumeRolePolicy": json.dumps(trust), **props})


def found(rules, name, *resources, exceptions=()):
    return [(resource.name, message) for resource, message in rules.findings(name, resources, exceptions)]


@pytest.mark.parametrize("name", SSM_WIDE_POLICIES)
@pytest.mark.parametrize("path", ["", "service-role/"])
def test_a_wide_policy_on_an_instance_s_role_is_found_with_what_replaces_it(rules, made, name, path):
    attached = made(
        rules.ATTACHMENT, "core", props={"role": "web-role", "policyArn": f"arn:aws-cn:iam::aws:policy/{path}{name}"}
    )

    ((resource, message),) = found(rules, "no-wide-ssm-policies", role(rules, made), attached)

    assert resource == "core"
    assert message.startswith(f"{name} is attached. {SSM_WIDE_POLICIES[name]}")
    assert "SsmInstanceProfile" in message
    named = set(message.rsplit("options ", 1)[1].replace(" and ", ", ").rstrip(".").split(", "))
    assert named <= OPTIONS.keys() or name == "AmazonSSMFullAccess"


def test_a_wide_policy_is_found_before_the_role_s_name_is_known(rules, made):
    of_stack = made(rules.ROLE, props={"assumeRolePolicy": json.dumps(TRUST)})
    attached = made(rules.ATTACHMENT, props={"policyArn": CORE}, sources={"role": frozenset([of_stack.urn])})

    assert found(rules, "no-wide-ssm-policies", of_stack, attached)


def test_a_wide_policy_on_a_role_of_another_stack_is_found(rules, made):
    assert found(rules, "no-wide-ssm-policies", made(rules.ATTACHMENT, props={"role": "old", "policyArn": CORE}))


@pytest.mark.parametrize(
    ("kind", "props"),
    [
        ("aws:iam/policyAttachment:PolicyAttachment", {"policyArn": CORE, "roles": ["web-role"]}),
        ("aws:iam/policyAttachment:PolicyAttachment", {"policyArn": CORE, "roles": ["not-in-the-stack"]}),
        (
            "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
            {"policyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess", CORE], "roleName": "web-role"},
        ),
    ],
)
def test_a_wide_policy_is_found_however_it_is_attached(rules, made, kind, props):
    ((resource, _),) = found(rules, "no-wide-ssm-policies", role(rules, made), made(kind, "more", props=props))

    assert resource == "more"


@pytest.mark.parametrize("roles", [{}, {"roles": []}, {"roles": ["web-role"]}])
def test_an_attachment_to_users_or_to_roles_that_are_not_for_instances_is_not_found(rules, made, roles):
    attached = made("aws:iam/policyAttachment:PolicyAttachment", props={"policyArn": CORE, "users": ["ada"], **roles})

    assert not found(rules, "no-wide-ssm-policies", role(rules, made, trust=LAMBDA), attached)


def test_a_wide_policy_on_a_role_that_is_not_for_instances_is_not(rules, made):
    attached = made(rules.ATTACHMENT, props={"role": "web-role", "policyArn": CORE})

    assert not found(rules, "no-wide-ssm-policies", role(rules, made, trust=LAMBDA), attached)


def test_a_policy_of_one_s_own_with_such_a_name_is_not_found(rules, made):
    arn = "arn:aws:iam::123456789012:policy/AmazonSSMManagedInstanceCore"

    assert not found(
        rules,
        "no-wide-ssm-policies",
        role(rules, made),
        made(rules.ATTACHMENT, props={"role": "web-role", "policyArn": arn}),
    )


def test_a_wide_policy_in_the_role_itself_is_found(rules, made):
    assert found(rules, "no-wide-ssm-policies", role(rules, made, managedPolicyArns=[CORE]))


def document(action, resource="*", effect="Allow", **more):
    return json.dumps({"Statement": {"Effect": effect, "Action": action, "Resource": resource, **more}})


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
            '{"Statement": {"Effect": "Allow", "Action": "ssm:Get*", "NotResource": "arn:aws:ssm:*:*:parameter/a"}}',
            True,
        ),
        ('{"Statement": {"Effect": "Deny", "NotAction": "iam:*", "NotResource": "a"}}', False),
        ("not JSON", False),
        (None, False),
        ("[]", False),
        ('{"Statement": [3, null]}', False),
    ],
)
def test_parameters_everywhere(rules, made, text, is_found):
    for resource in (
        made(rules.INLINE, props={"policy": text}),
        made(rules.MANAGED, props={"policy": text}),
        role(rules, made, inlinePolicies=[{"policy": text}]),
    ):
        messages = found(rules, "no-parameters-everywhere", resource)
        assert bool(messages) is is_found
        assert all("option parameters" in message for _, message in messages)


@pytest.mark.parametrize("key", ["ssm:SourceInstanceARN", "SSM:sourceInstanceArn"])
def test_a_key_that_is_never_there_is_found(rules, made, key):
    text = document("ssm:UpdateInstanceInformation", Condition={"ArnEquals": {key: "arn:aws:ec2:*:*:instance/*"}})

    ((_, message),) = found(rules, "no-source-instance-arn", made(rules.INLINE, props={"policy": text}))

    assert "locks every instance out" in message
    assert "require_imdsv2" in message


def test_the_key_of_ec2_is_none_of_these(rules, made):
    text = document("ssm:PutInventory", Condition={"Null": {"ec2:SourceInstanceARN": "false"}})

    assert not found(rules, "no-source-instance-arn", made(rules.INLINE, props={"policy": text}))


@pytest.mark.parametrize("waits", [True, False])
def test_a_profile_has_to_wait_for_the_role_s_policies(rules, made, waits):
    attached = made(rules.ATTACHMENT, "more", props={"role": "web-role", "policyArn": "arn:aws:iam::1:policy/x"})
    profile = made(
        rules.INSTANCE_PROFILE,
        "profile",
        props={"role": "web-role"},
        dependencies=frozenset([attached.urn] if waits else []),
    )

    messages = found(rules, "profile-after-policies", role(rules, made), attached, profile)

    assert bool(messages) is not waits
    assert all("does not wait for more" in message for _, message in messages)


def test_policies_of_another_role_are_not_waited_for(rules, made):
    other = made(rules.ROLE, "other", props={"name": "other", "assumeRolePolicy": json.dumps(TRUST)})
    attached = made(rules.ATTACHMENT, props={"role": "other", "policyArn": "arn:aws:iam::1:policy/x"})
    profile = made(rules.INSTANCE_PROFILE, props={"role": "web-role"})

    assert not found(rules, "profile-after-policies", role(rules, made), other, attached, profile)


def test_exceptions_are_passed_over(rules, made):
    resources = role(rules, made, managedPolicyArns=[CORE])

    assert found(rules, "no-wide-ssm-policies", resources, exceptions=["*::other"])
    assert not found(rules, "no-wide-ssm-policies", resources, exceptions=["*::web"])
    assert not found(rules, "no-wide-ssm-policies", resources, exceptions=[resources.urn])


def recorded(rules, cloud):
    """The resources that a program registered, as the engine shows them to a policy pack."""
    return [
        rules.Resource(
            type=each.type,
            name=each.name,
            urn=cloud.urns[each.name],
            props=cloud.new_resource_state(each),
            dependencies=frozenset(cloud.requests[each.name].dependencies),
            sources={
                key: frozenset(value.urns) for key, value in cloud.requests[each.name].propertyDependencies.items()
            },
        )
        for each in cloud.registered
        if each.name in cloud.requests
    ]


@pytest.mark.parametrize("example", ["two_profiles", "launch", "accounts"])
def test_the_examples_break_no_rule(rules, cloud, run_example, example):  # noqa: F811 - the fixture
    cloud.new_resource_state = lambda each: each.inputs | {"name": f"{each.name}-1234567"}
    cloud.answers["aws:ssm/getParameter:getParameter"] = {"insecureValue": "ami-1"}
    run_example(example)
    resources = recorded(rules, cloud)

    assert {each.type for each in resources} >= ({rules.ROLE} if example != "launch" else {"aws:ec2/instance:Instance"})
    for name in rules.RULES:
        assert found(rules, name, *resources) == []


def test_a_profile_by_hand_does_break_one(rules, cloud, deploy):
    cloud.new_resource_state = lambda each: each.inputs | {"name": f"{each.name}-1234567"}

    def program():
        import pulumi_aws as aws  # noqa: PLC0415

        by_hand = aws.iam.Role("web", assume_role_policy=json.dumps(TRUST))
        aws.iam.RolePolicyAttachment("core", role=by_hand.name, policy_arn=CORE)
        aws.iam.InstanceProfile("profile", role=by_hand.name)
        pulumi.export("x", 1)

    deploy(program)
    resources = recorded(rules, cloud)

    assert [name for name, _ in found(rules, "no-wide-ssm-policies", *resources)] == ["core"]
    assert [name for name, _ in found(rules, "profile-after-policies", *resources)] == ["profile"]


def test_the_pack_has_every_rule(rules, monkeypatch):
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
