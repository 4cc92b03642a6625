"""The rules of the policy pack: each one, and all on the resources of the examples."""

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
def create(rules):
    """Creates a resource as the engine gives it to the policy pack."""

    def create_resource(type_name, name="web", **more):
        return rules.Resource(type_name, name, f"urn:pulumi:dev::app::{type_name}::{name}", **more)

    return create_resource


def role(rules, create, trust=TRUST, **props):
    return create(rules.ROLE, props={"name": "web-role", "assumeRolePolicy": json.dumps(trust), **props})


def find(rules, name, *resources, exceptions=()):
    return [(resource.name, message) for resource, message in rules.findings(name, resources, exceptions)]


@pytest.mark.parametrize("name", SSM_WIDE_POLICIES)
@pytest.mark.parametrize("path", ["", "service-role/"])
def test_wide_policy_names_its_replacement(rules, create, name, path):
    attached = create(
        rules.ATTACHMENT, "core", props={"role": "web-role", "policyArn": f"arn:aws-cn:iam::aws:policy/{path}{name}"}
    )

    ((resource, message),) = find(rules, "no-wide-ssm-policies", role(rules, create), attached)

    assert resource == "core"
    assert message.startswith(f"{name} is attached. {SSM_WIDE_POLICIES[name]}")
    assert "SsmInstanceProfile" in message
    named = set(message.rsplit("the options that you need", 1)[1].strip(":. ").replace(" and ", ", ").split(", "))
    assert named <= OPTIONS.keys() if name != "AmazonSSMFullAccess" else named == {""}


def test_wide_policy_before_role_name_is_known(rules, create):
    of_stack = create(rules.ROLE, props={"assumeRolePolicy": json.dumps(TRUST)})
    attached = create(rules.ATTACHMENT, props={"policyArn": CORE}, sources={"role": frozenset([of_stack.urn])})

    assert find(rules, "no-wide-ssm-policies", of_stack, attached)


def test_wide_policy_on_role_of_another_stack(rules, create):
    assert find(rules, "no-wide-ssm-policies", create(rules.ATTACHMENT, props={"role": "old", "policyArn": CORE}))


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
def test_wide_policy_in_other_attachment_types(rules, create, kind, props):
    ((resource, _),) = find(rules, "no-wide-ssm-policies", role(rules, create), create(kind, "more", props=props))

    assert resource == "more"


@pytest.mark.parametrize("roles", [{}, {"roles": []}, {"roles": ["web-role"]}])
def test_wide_policy_of_users_is_accepted(rules, create, roles):
    attached = create("aws:iam/policyAttachment:PolicyAttachment", props={"policyArn": CORE, "users": ["ada"], **roles})

    assert not find(rules, "no-wide-ssm-policies", role(rules, create, trust=LAMBDA), attached)


def test_wide_policy_of_lambda_role_is_accepted(rules, create):
    attached = create(rules.ATTACHMENT, props={"role": "web-role", "policyArn": CORE})

    assert not find(rules, "no-wide-ssm-policies", role(rules, create, trust=LAMBDA), attached)


def test_customer_policy_of_same_name_is_accepted(rules, create):
    arn = "arn:aws:iam::123456789012:policy/AmazonSSMManagedInstanceCore"

    assert not find(
        rules,
        "no-wide-ssm-policies",
        role(rules, create),
        create(rules.ATTACHMENT, props={"role": "web-role", "policyArn": arn}),
    )


def test_wide_policy_in_managed_policy_arns(rules, create):
    assert find(rules, "no-wide-ssm-policies", role(rules, create, managedPolicyArns=[CORE]))


def document(action, resource="*", effect="Allow", **more):
    return json.dumps({"Statement": {"Effect": effect, "Action": action, "Resource": resource, **more}})


@pytest.mark.parametrize(
    ("text", "violates"),
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
def test_access_to_every_parameter(rules, create, text, violates):
    for resource in (
        create(rules.INLINE, props={"policy": text}),
        create(rules.MANAGED, props={"policy": text}),
        role(rules, create, inlinePolicies=[{"policy": text}]),
    ):
        messages = find(rules, "no-parameters-everywhere", resource)
        assert bool(messages) is violates
        assert all("option parameters" in message for _, message in messages)


@pytest.mark.parametrize("key", ["ssm:SourceInstanceARN", "SSM:sourceInstanceArn"])
def test_source_instance_arn_of_ssm_is_found(rules, create, key):
    text = document("ssm:UpdateInstanceInformation", Condition={"ArnEquals": {key: "arn:aws:ec2:*:*:instance/*"}})

    ((_, message),) = find(rules, "no-source-instance-arn", create(rules.INLINE, props={"policy": text}))

    assert "locks every instance out" in message
    assert "require_imdsv2" in message


def test_source_instance_arn_of_ec2_is_accepted(rules, create):
    text = document("ssm:PutInventory", Condition={"Null": {"ec2:SourceInstanceARN": "false"}})

    assert not find(rules, "no-source-instance-arn", create(rules.INLINE, props={"policy": text}))


@pytest.mark.parametrize("waits", [True, False])
def test_profile_waits_for_policies(rules, create, waits):
    attached = create(rules.ATTACHMENT, "more", props={"role": "web-role", "policyArn": "arn:aws:iam::1:policy/x"})
    profile = create(
        rules.INSTANCE_PROFILE,
        "profile",
        props={"role": "web-role"},
        dependencies=frozenset([attached.urn] if waits else []),
    )

    messages = find(rules, "profile-after-policies", role(rules, create), attached, profile)

    assert bool(messages) is not waits
    assert all("does not wait for more" in message for _, message in messages)


def test_profile_ignores_policies_of_other_roles(rules, create):
    other = create(rules.ROLE, "other", props={"name": "other", "assumeRolePolicy": json.dumps(TRUST)})
    attached = create(rules.ATTACHMENT, props={"role": "other", "policyArn": "arn:aws:iam::1:policy/x"})
    profile = create(rules.INSTANCE_PROFILE, props={"role": "web-role"})

    assert not find(rules, "profile-after-policies", role(rules, create), other, attached, profile)


def test_exceptions_are_skipped(rules, create):
    resources = role(rules, create, managedPolicyArns=[CORE])

    assert find(rules, "no-wide-ssm-policies", resources, exceptions=["*::other"])
    assert not find(rules, "no-wide-ssm-policies", resources, exceptions=["*::web"])
    assert not find(rules, "no-wide-ssm-policies", resources, exceptions=[resources.urn])


def registered_resources(rules, cloud):
    """The resources that a program registered, in the form in which the engine gives them to a policy pack."""
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
def test_examples_pass_every_rule(rules, cloud, run_example, example):  # noqa: F811 - the fixture
    cloud.new_resource_state = lambda each: each.inputs | {"name": f"{each.name}-1234567"}
    cloud.answers["aws:ssm/getParameter:getParameter"] = {"insecureValue": "ami-1"}
    run_example(example)
    resources = registered_resources(rules, cloud)

    assert {each.type for each in resources} >= ({rules.ROLE} if example != "launch" else {"aws:ec2/instance:Instance"})
    for name in rules.RULES:
        assert find(rules, name, *resources) == []


def test_profile_by_hand_violates_two_rules(rules, cloud, deploy):
    cloud.new_resource_state = lambda each: each.inputs | {"name": f"{each.name}-1234567"}

    def program():
        import pulumi_aws as aws  # noqa: PLC0415

        by_hand = aws.iam.Role("web", assume_role_policy=json.dumps(TRUST))
        aws.iam.RolePolicyAttachment("core", role=by_hand.name, policy_arn=CORE)
        aws.iam.InstanceProfile("profile", role=by_hand.name)
        pulumi.export("x", 1)

    deploy(program)
    resources = registered_resources(rules, cloud)

    assert [name for name, _ in find(rules, "no-wide-ssm-policies", *resources)] == ["core"]
    assert [name for name, _ in find(rules, "profile-after-policies", *resources)] == ["profile"]


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
