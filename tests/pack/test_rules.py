"""The rules of the policy pack in policies/, one by one and on the resources of the examples.

The cases of each rule are data: the stack, the resources that the rule reports, and why.
"""

import json
import runpy

import pulumi_aws as aws
import pytest

from ssm_profile.catalogue import CAPABILITIES
from ssm_profile.cli.sources import aws_policies
from ssm_profile.options import OPTIONS, SSM_WIDE_POLICIES, camel_case
from ssm_profile.policy import is_granted_by_default
from ssm_profile.risks import SSM_WIDE_REPLACEMENTS
from tests.expected import TRUST
from tests.pack.stacks import (
    ATTACHMENT,
    CORE,
    EXCLUSIVE,
    FOR_ROLES,
    FOR_USER,
    INLINE,
    LAMBDA,
    MANAGED,
    NATIVE_INLINE,
    NATIVE_MANAGED,
    NATIVE_POLICY,
    NATIVE_PROFILE,
    OTHER,
    POLICIES,
    PROFILE,
    ROLE,
    UNKNOWN,
    Resource,
    allow,
    attach,
    document,
    find,
    inline,
    make,
    make_native_role,
    make_role,
    names,
    rules,
)

WIDE, PARAMETERS, SOURCE_ARN, ORDER, REVIEW = rules.RULES


def in_stack(arn=OTHER, policy=None, **more):
    """A managed policy of the stack."""
    return make(MANAGED, "managed", arn=arn, policy=policy or allow(), **more)


def ids(cases):
    return [case[-1] for case in cases]


WIDE_CASES = [
    # The stack, the resources that are reported, why
    ([make_role(), attach()], ["core"], "an instance has it"),
    ([make_role(trust=LAMBDA), attach()], [], "no instance has it"),
    ([attach(role="old")], ["core"], "the role is in another stack: AWS made the policy for instances"),
    ([make_role(managedPolicyArns=[CORE])], ["web"], "it is a property of the role"),
    ([make_role(managedPolicyArns=[UNKNOWN, CORE])], ["web"], "the entry beside it is not known yet"),
    ([make_role(managedPolicyArns=UNKNOWN)], [], "the list is not known yet"),
    ([make_role(managedPolicyArns=[CORE]), attach()], ["core"], "after a refresh, the role lists it too"),
    (
        [
            make_role(),
            in_stack(UNKNOWN, allow("s3:*")),
            make(EXCLUSIVE, "all", roleName="web-role", policyArns=[UNKNOWN, CORE], sources={"policyArns": in_stack()}),
        ],
        ["all"],
        "the entry beside it in the exclusive list is not known yet",
    ),
    ([make_role(), make(FOR_ROLES, "all", roles=["web-role"], policyArn=CORE)], ["all"], "one of many roles"),
    ([make_role(), make(FOR_ROLES, "all", roles=[UNKNOWN, "web-role"], policyArn=CORE)], ["all"], "one role is known"),
    ([make(FOR_ROLES, "all", roles=["old"], policyArn=CORE)], ["all"], "one of many roles, in another stack"),
    ([make(FOR_ROLES, "all", users=["ada"], policyArn=CORE)], [], "a user has it"),
    ([make_role(trust=LAMBDA), make(FOR_ROLES, users=["ada"], roles=["web-role"], policyArn=CORE)], [], "a function"),
    ([make_role(), attach(role=UNKNOWN, sources={"role": make_role()})], ["core"], "the name of the role comes later"),
    ([make(ROLE, assumeRolePolicy=json.dumps(TRUST)), attach(sources={"role": make_role()})], ["core"], "no name yet"),
    ([attach(role=UNKNOWN)], [], "the role is not known yet"),
    ([make_role(), make(ATTACHMENT, "core", policyArn=CORE, sources={"role": make_role()})], ["core"], "left out"),
    (
        [
            make(ROLE, "a", called="web-role", assumeRolePolicy=json.dumps(TRUST)),
            make(ROLE, "b", called="web-role", assumeRolePolicy=json.dumps(LAMBDA)),
            attach(sources={"role": make(ROLE, "b")}),
        ],
        [],
        "a role of the same name in another account",
    ),
    (
        [make_role(assumeRolePolicy=UNKNOWN), attach()],
        [],
        "trust not known",
    ),
    ([make_role(), attach("arn:aws:iam::123456789012:policy/AmazonSSMManagedInstanceCore")], [], "it is not AWS's"),
    ([make_role(), in_stack(CORE), attach(CORE, sources={"policyArn": in_stack()})], ["core"], "by Policy.get"),
    (
        [make_role(), in_stack(CORE), attach(UNKNOWN, sources={"policyArn": in_stack()})],
        ["core"],
        "by Policy.get, later",
    ),
    ([make_role(permissionsBoundary=CORE)], [], "a boundary grants nothing"),
    ([make_native_role(managedPolicyArns=[UNKNOWN, CORE])], ["web"], "a role of aws-native"),
    ([make_native_role(), attach()], ["core"], "a role of aws-native with an attachment of aws"),
    ([make_native_role(trust=LAMBDA, managedPolicyArns=[CORE])], [], "a function's role of aws-native"),
]


class TestWidePolicies:
    @pytest.mark.parametrize(("stack", "reported", "why"), WIDE_CASES, ids=ids(WIDE_CASES))
    def test_cases(self, stack, reported, why):
        assert names(WIDE, *stack) == reported, why

    @pytest.mark.parametrize("name", SSM_WIDE_POLICIES)
    @pytest.mark.parametrize("path", ["", "service-role/"])
    def test_message_names_better_options(self, name, path):
        """Each option is spelled as in Python and, where it differs, as elsewhere."""
        ((_, message),) = find(WIDE, make_role(), attach(f"arn:aws-cn:iam::aws:policy/{path}{name}"))

        assert message.startswith(f"{name} is attached. {SSM_WIDE_POLICIES[name]} Use SsmInstanceProfile instead")
        spellings = {"/".join(dict.fromkeys([option, camel_case(option)])) for option in OPTIONS}
        options = message.rsplit("the options that you need", 1)[1].strip(":. ").split(", ")
        assert set(options) <= spellings if SSM_WIDE_REPLACEMENTS[name] else options == [""]

    def test_exceptions_are_ignored(self):
        role = make_role(managedPolicyArns=[CORE])

        assert find(WIDE, role, exceptions=["*::other"])
        assert not find(WIDE, role, exceptions=["*::web"])
        assert not find(WIDE, role, exceptions=[role.urn])


class TestTrust:
    @pytest.mark.parametrize("form", [json.dumps, dict], ids=["as JSON", "as an object"])
    @pytest.mark.parametrize(("service", "reported"), [("ec2", ["core"]), ("lambda", [])])
    def test_only_roles_for_ec2_are_reported(self, form, service, reported):
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }

        assert names(WIDE, make_role(assumeRolePolicy=form({"Statement": [statement]})), attach()) == reported

    @pytest.mark.parametrize(
        ("trust", "reason"),
        [
            ("{", "not JSON"),
            ("[" * 100_000, "not JSON"),
            ("3", "not a policy document"),
            ([], "not a policy document"),
            ({"Statement": []}, "no statements"),
            ({"Statement": [3]}, "must be an object"),
            ({"Statement": {"Effect": "Allow", "NotPrincipal": "*", "Action": "*"}}, "refuses NotPrincipal"),
            ({"Statement": {"Effect": "Maybe", "Principal": "*", "Action": "*"}}, "Effect must be"),
        ],
    )
    def test_unreadable_needs_review(self, trust, reason):
        role = make_role(assumeRolePolicy=trust)

        ((name, message),) = find(REVIEW, role, attach())
        assert name == "web"
        assert reason in message
        assert not find(WIDE, role, attach())


PARAMETER_CASES = [
    # The policies of the role as JSON, whether the rule reports them, why
    ([allow()], True, "all resources"),
    ([allow(["s3:GetObject", "ssm:GetParameters"])], True, "in a list"),
    ([allow("SSM:getparameter*")], True, "letters of any case, a wildcard"),
    ([allow("ssm:GetParameterHistory")], True, "the history has the values"),
    ([allow("*")], True, "every action"),
    ([allow("ssm:PutInventory")], False, "another action"),
    ([allow(resource="arn:aws:ssm:*:*:parameter/*")], True, "every parameter"),
    ([allow(resource="arn:aws:ssm:eu-central-1:*:parameter/*")], True, "any account, a fixed region"),
    ([allow(resource="arn:aws:ssm:eu-central-1:123456789012:parameter/*")], True, "the account's own"),
    ([allow(resource="arn:aws:ssm:*:*:parameter/**")], True, "two wildcards are one"),
    ([allow("ssm:GetParametersByPath", "arn:aws:ssm:*:*:parameter/")], True, "the path of all parameters"),
    ([allow("ssm:GetParameter", "arn:aws:ssm:*:*:parameter/")], False, "no parameter has this name"),
    ([allow(resource="arn:aws:ssm:*:*:parameter*")], True, "without the slash"),
    ([allow(resource="arn:aws:ssm:*:*:*/*")], True, "every type of resource"),
    ([allow(resource="arn:aws:ssm:*")], True, "missing parts are wildcards"),
    ([allow(resource="arn:aws:ssm:*parameter/*")], True, "an incomplete ARN may cover every parameter"),
    ([allow(resource="*:parameter/*")], False, "IAM refuses it: needs-review says so"),
    ([allow(resource="arn:aws:ssm:eu-central-1:123456789012:parameter/app/*")], False, "a path"),
    (
        [allow(resource=["arn:aws:ssm:eu-central-1:123456789012:parameter/app/*", "*"])],
        True,
        "a path and everything",
    ),
    (
        [
            document(
                {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "arn:aws:ssm:*:*:parameter/app/*"},
                {"Effect": "Allow", "Action": "ssm:PutInventory", "Resource": "*"},
            )
        ],
        False,
        "the parameters are named, and everything is for another action",
    ),
    (
        [allow(resource=["arn:aws:ssm:*:*:parameter/app/*", "arn:aws:s3:::*"])],
        False,
        "the parameters are named beside all buckets",
    ),
    ([allow("*", "arn:aws:s3:::logs/*")], False, "every action on a bucket"),
    ([allow("ssm:*", None, NotResource="arn:aws:ssm:*:*:parameter/*")], False, "all but the parameters"),
    (
        [allow("ssm:*", None, NotResource="arn:aws-cn:ssm:*:123456789012:parameter/*")],
        False,
        "all but the parameters of the account, in China",
    ),
    (
        [allow("ssm:*", None, NotResource="arn:aws:ssm:eu-central-1:123456789012:parameter/*")],
        True,
        "the parameters of the other regions remain",
    ),
    ([allow("ssm:*", None, NotResource="arn:aws:ssm:*:*:parameter/secret/*")], True, "all but some parameters"),
    ([allow(None, NotAction="iam:*")], True, "all actions but those of IAM"),
    ([allow(None, NotAction=["iam:*", "ssm:GetParameter"])], True, "one reading action is left out, three are not"),
    ([allow(None, NotAction=["iam:*", "ssm:*"])], False, "all but those of Systems Manager"),
    (
        [allow(), document({"Effect": "Deny", "Action": "ssm:GetParameter*", "Resource": "*"})],
        False,
        "another policy of the role denies it",
    ),
    (
        [
            allow(),
            document(
                {"Effect": "Deny", "Action": "ssm:Get*", "NotResource": "arn:aws:ssm:*:*:parameter/app/*"},
            ),
        ],
        False,
        "another policy of the role denies it outside of a path",
    ),
    (
        [allow(), document({"Effect": "Deny", "Action": "ssm:GetParameter", "Resource": "*/secret/*"})],
        False,
        "IAM refuses the Deny: needs-review says so",
    ),
    (
        [allow(Condition={"StringEquals": {"ssm:resourceTag/app": "web"}})],
        False,
        "a tag names the parameters as a path does",
    ),
    (
        [allow(Condition={"StringNotEquals": {"aws:ResourceTag/secret": "yes"}})],
        True,
        "every parameter without the tag",
    ),
    ([allow(Condition={"StringEquals": {"aws:PrincipalTag/app": "web"}})], False, "it depends: needs-review says so"),
    ([allow(Condition={"Bool": {"aws:SecureTransport": "false"}})], False, "the condition never holds"),
    ([allow(Condition={"Bool": {"aws:SecureTransport": "true"}})], True, "the condition always holds"),
    ([document({"Effect": "Deny", "Action": "ssm:*", "Resource": "*"})], False, "a Deny grants nothing"),
]


STACK_CASES = [
    # The stack, the resources that are reported, those that need review, why
    ([make_role(trust=LAMBDA), inline(allow())], [], [], "the role of a function"),
    ([inline(allow(), role="old")], [], ["policy"], "the role is in another stack: nothing says who assumes it"),
    ([inline(allow(), role=UNKNOWN)], [], [], "the role is not known yet"),
    ([make_role(assumeRolePolicy=UNKNOWN), inline(allow())], [], [], "the trust policy is not known yet"),
    ([in_stack()], [], ["managed"], "attached to nothing: another stack may attach it"),
    ([in_stack(policy=allow("s3:*"))], [], [], "attached to nothing, and harmless"),
    ([make_role(), in_stack(), attach(OTHER)], ["managed"], [], "attached to an instance's role"),
    (
        [make_role(), in_stack(UNKNOWN), attach(UNKNOWN, sources={"policyArn": in_stack()})],
        ["managed"],
        [],
        "later",
    ),
    ([make_role(trust=LAMBDA), in_stack(), attach(OTHER)], [], [], "attached to a function's role"),
    ([in_stack(), make(FOR_USER, user="ada", policyArn=OTHER)], [], [], "attached to a user"),
    ([in_stack(), make(FOR_ROLES, groups=["admins"], policyArn=OTHER)], [], [], "attached to a group"),
    ([make_role(permissionsBoundary=OTHER), in_stack()], [], [], "a boundary grants nothing"),
    (
        [make_role(permissionsBoundary=OTHER), in_stack(policy=allow("s3:*")), inline(allow())],
        [],
        [],
        "the boundary does not allow it",
    ),
    (
        [make_role(permissionsBoundary=OTHER), in_stack(policy=allow("*")), inline(allow())],
        ["policy"],
        [],
        "the boundary allows it",
    ),
    ([make_role(permissionsBoundary=OTHER), inline(allow())], ["policy"], [], "the boundary is in another stack"),
    ([make_role(permissionsBoundary=UNKNOWN), inline(allow())], [], ["policy"], "the boundary is not known yet"),
    (
        [make_role(), inline(allow()), inline(UNKNOWN, "later")],
        [],
        ["policy"],
        "a policy that may deny comes later",
    ),
    ([make_role(), inline(UNKNOWN)], [], [], "the policy is not known yet"),
    (
        [
            make_role(inlinePolicies=[{"name": "p", "policy": allow()}]),
            make(INLINE, called="p", role="web-role", policy=UNKNOWN),
        ],
        [],
        [],
        "after a refresh, the role lists it too, in its old form",
    ),
    ([make_role(inlinePolicies=[{}])], [], [], "this form removes all inline policies"),
    (
        [
            make_native_role(),
            make(NATIVE_MANAGED, "managed", roles=["web-role"], policyDocument=json.loads(allow())),
        ],
        ["managed"],
        [],
        "a managed policy of aws-native names its roles",
    ),
    (
        [make_native_role(), make(NATIVE_POLICY, "old", roles=["web-role"], policyDocument=json.loads(allow()))],
        ["old"],
        [],
        "so does its policy",
    ),
    (
        [make(NATIVE_MANAGED, "managed", users=["ada"], policyDocument=json.loads(allow()))],
        [],
        [],
        "a managed policy of aws-native for a user",
    ),
    ([make_role(), in_stack(CORE), attach(CORE)], [], [], "no-wide-ssm-policies reports AWS's policy"),
    ([make_role(), inline("not JSON")], [], ["policy"], "it cannot be read"),
    ([make_role(), inline(allow(resource="*:parameter/*"))], [], ["policy"], "IAM refuses the resource"),
    (
        [make_role(), inline(allow(Condition={"StringEquals": {"aws:PrincipalTag/app": "web"}}))],
        [],
        ["policy"],
        "the tags of the role decide, which may also come from elsewhere",
    ),
    (
        [make_role(), inline(allow(resource="arn:aws:ssm:*:*:parameter/${aws:PrincipalTag/app}*"))],
        [],
        ["policy"],
        "the tags of the role decide in the resource",
    ),
]


class TestParameters:
    @pytest.mark.parametrize(("policies", "is_reported", "why"), PARAMETER_CASES, ids=ids(PARAMETER_CASES))
    @pytest.mark.parametrize("form", ["separate", "managed", "within", "native", "native within"])
    def test_cases(self, policies, is_reported, why, form):
        """The form of the stack makes no difference."""
        numbered = list(enumerate(map(json.loads, policies)))
        stack = {
            "separate": [make_role(), *(inline(json.dumps(each), f"p{number}") for number, each in numbered)],
            "managed": [
                make_role(),
                *(make(MANAGED, f"p{number}", arn=f"{OTHER}{number}", policy=each) for number, each in numbered),
                *(attach(f"{OTHER}{number}", f"a{number}") for number, each in numbered),
            ],
            "within": [make_role(inlinePolicies=[{"policy": json.dumps(each)} for _, each in numbered])],
            "native": [
                make_native_role(),
                *(
                    make(NATIVE_INLINE, f"p{number}", roleName="web-role", policyDocument=each)
                    for number, each in numbered
                ),
            ],
            "native within": [make_native_role(policies=[{"policyDocument": each} for _, each in numbered])],
        }[form]

        reported = find(PARAMETERS, *stack)

        assert [name for name, _ in reported] == (["web" if "within" in form else "p0"] if is_reported else []), why
        assert all("option parameters" in message for _, message in reported)

    @pytest.mark.parametrize(("stack", "reported", "review", "why"), STACK_CASES, ids=ids(STACK_CASES))
    def test_stacks(self, stack, reported, review, why):
        assert (names(PARAMETERS, *stack), names(REVIEW, *stack)) == (reported, review), why

    def test_message(self):
        """It names the actions, the resources and the option that grants paths."""
        ((_, message),) = find(PARAMETERS, make_role(), inline(allow(["ssm:GetParameter", "ssm:PutParameter"])))

        assert message.startswith("Allowing ssm:GetParameter on * gives access to every parameter, secrets included.")
        assert '{"paths": [' in message

    def test_incomplete_arn(self):
        """The message says that the access depends on how AWS reads the ARN."""
        ((_, message),) = find(PARAMETERS, make_role(), inline(allow(resource="arn:aws:ssm:*parameter/*")))

        assert "on arn:aws:ssm:*parameter/*" in message
        assert "The ARN is incomplete" in message

    def test_review_says_why(self):
        tags = {"StringEquals": {"aws:PrincipalTag/app": "web"}}

        ((_, conditional),) = find(REVIEW, make_role(), inline(allow(Condition=tags)))
        ((_, refused),) = find(REVIEW, make_role(), inline(allow(resource="*:parameter/*")))
        ((_, unattached),) = find(REVIEW, in_stack())

        assert "depends on the condition StringEquals aws:PrincipalTag/app web" in conditional
        assert "IAM refuses a resource" in refused
        assert "does not have the role" in unattached


def with_condition(effect, condition, action="ssm:UpdateInstanceInformation"):
    return document({"Effect": effect, "Action": action, "Resource": "*", "Condition": condition})


KEY = "ssm:SourceInstanceARN"
ANY = "arn:aws:ec2:*:*:instance/*"
SOURCE_CASES = [
    # The effect, the condition, whether the rule reports it, why
    ("Allow", {"ArnEquals": {KEY: ANY}}, True, "never holds"),
    ("Allow", {"ArnEquals": {"SSM:sourceInstanceArn": ANY}}, True, "keys have letters of any case"),
    ("Allow", {"ArnEqualsIfExists": {KEY: ANY}}, False, "holds without the key"),
    ("Allow", {"ArnNotEquals": {KEY: ANY}}, False, "holds without the key"),
    ("Allow", {"Null": {KEY: "false"}}, True, "never holds"),
    ("Allow", {"Null": {KEY: "true"}}, False, "always holds"),
    ("Allow", {"ArnEquals": {KEY: ANY}, "Bool": {"aws:SecureTransport": "false"}}, False, "never holds for both"),
    ("Allow", {"Null": {"ec2:SourceInstanceARN": "false"}}, False, "EC2's key is in every call"),
    ("Deny", {"ArnEquals": {KEY: ANY}}, False, "never denies"),
    ("Deny", {"Null": {KEY: "false"}}, False, "never denies"),
    ("Deny", {"Null": {KEY: "false"}, "ArnNotLikeIfExists": {KEY: ANY}}, False, "denies only calls with the key"),
    ("Deny", {"Null": {KEY: "true"}, "Bool": {"aws:ViaAWSService": "true"}}, False, "never denies an instance's call"),
    ("Deny", {"Null": {KEY: "true"}, "StringEquals": {"aws:PrincipalTag/a": "b"}}, False, "the tag decides"),
    ("Deny", {"ArnNotEquals": {KEY: ANY}}, True, "always denies, since the key is missing"),
    ("Deny", {"ArnNotEqualsIfExists": {KEY: ANY}}, True, "AWS: IfExists in a Deny denies without the key"),
    ("Deny", {"Null": {KEY: "true"}}, True, "always denies"),
]


class TestSourceInstanceArn:
    @pytest.mark.parametrize(("effect", "condition", "is_reported", "why"), SOURCE_CASES, ids=ids(SOURCE_CASES))
    def test_cases(self, effect, condition, is_reported, why):
        """Calls made with an instance profile do not have the key."""
        policy = with_condition(effect, condition, "*")

        assert names(SOURCE_ARN, make_role(), inline(policy)) == (["policy"] if is_reported else []), why

    def test_message(self):
        """It names the options that bind credentials to an instance."""
        never = with_condition("Allow", {"ArnEquals": {KEY: ANY}})
        always = with_condition("Deny", {"ArnNotEquals": {KEY: ANY}}, "ssmmessages:*")

        ((_, message),) = find(SOURCE_ARN, make_role(), inline(never))
        assert f"ArnEquals {KEY} {ANY} never holds" in message
        assert "require_imdsv2/requireImdsv2 and vpc_endpoints_only/vpcEndpointsOnly" in message
        ((_, message),) = find(SOURCE_ARN, make_role(), inline(always))
        assert "locks every instance out" in message

    def test_deny_of_another_service(self):
        """It does not lock an instance out."""
        policy = with_condition("Deny", {"ArnNotEquals": {KEY: ANY}}, "s3:*")

        assert not find(SOURCE_ARN, make_role(), inline(policy))

    def test_only_for_instances(self):
        policy = inline(with_condition("Allow", {"ArnEquals": {KEY: ANY}}))

        assert not find(SOURCE_ARN, make_role(trust=LAMBDA), policy)
        assert not find(SOURCE_ARN, policy)
        assert names(REVIEW, policy) == ["policy"]


FIRST, BETWEEN = attach(OTHER, "first"), make("aws:ec2/instance:Instance", "between", after=[attach(OTHER, "first")])
COMPONENT = make("app:Waits", "component", after=[FIRST])
ORDER_CASES = [
    # The stack, the policies that the profile does not wait for, why
    ([make_role(), FIRST, make(PROFILE, role="web-role")], "first", "it does not wait"),
    ([make_role(), FIRST, make(PROFILE, role="web-role", after=[FIRST])], None, "it waits"),
    ([make_role(), FIRST, BETWEEN, make(PROFILE, role="web-role", after=[BETWEEN])], None, "it waits through another"),
    ([make_role(), FIRST, COMPONENT, make(PROFILE, role="web-role", parent=COMPONENT)], None, "its parent waits"),
    ([make_role(), inline(allow()), make(PROFILE, role="web-role")], "policy", "an inline policy"),
    ([make_role(), attach(OTHER, role="other"), make(PROFILE, role="web-role")], None, "the policy of another role"),
    ([FIRST, make(PROFILE, role="web-role")], None, "the role is in another stack"),
    ([make_role(), attach(UNKNOWN), make(PROFILE, role="web-role")], "core", "the policy is not known yet"),
    (
        [make_role(), make(FOR_ROLES, "all", roles=["web-role"], policyArn=OTHER), make(PROFILE, role="web-role")],
        "all",
        "an attachment to many roles",
    ),
    (
        [
            make_role(),
            FIRST,
            make(EXCLUSIVE, "all", roleName="web-role", policyArns=[OTHER]),
            make(PROFILE, role="web-role", after=[FIRST]),
        ],
        None,
        "the exclusive list attaches nothing more",
    ),
    (
        [
            make_native_role(),
            make(NATIVE_MANAGED, "managed", roles=["web-role"], policyDocument={}),
            make(NATIVE_PROFILE, roles=["web-role"]),
        ],
        "managed",
        "the types of aws-native",
    ),
]


class TestProfileAfterPolicies:
    @pytest.mark.parametrize(("stack", "missing", "why"), ORDER_CASES, ids=ids(ORDER_CASES))
    def test_cases(self, stack, missing, why):
        messages = [message.split(", so an instance")[0] for _, message in find(ORDER, *stack)]

        assert messages == ([f"The instance profile does not wait for {missing}"] if missing else []), why


@pytest.fixture
def registered(cloud):
    """Gives the resources that a program registered, as the engine shows them to a policy pack."""

    def registered():
        return [
            Resource(
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
    @pytest.mark.parametrize(
        "example", ["two_profiles", "launch", "accounts", "session_logging", "private_subnet", "auto_scaling"]
    )
    def test_examples_break_no_rule(self, registered, run_example, example):
        run_example(example)

        types = {each.type for each in registered()}
        assert types >= ({ROLE} if example != "launch" else {"aws:ec2/instance:Instance"})
        assert [finding for rule in rules.RULES for finding in find(rule, *registered())] == []

    def test_hand_written_profile_breaks_two(self, registered, deploy):
        def program():
            role = aws.iam.Role("web", assume_role_policy=json.dumps(TRUST))
            aws.iam.RolePolicyAttachment("core", role=role.name, policy_arn=CORE)
            aws.iam.InstanceProfile("profile", role=role.name)

        deploy(program)

        assert names(WIDE, *registered()) == ["core"]
        assert names(ORDER, *registered()) == ["profile"]


def test_pack_has_every_rule(monkeypatch):
    policy = pytest.importorskip("pulumi_policy")
    packs = []
    monkeypatch.setattr(policy, "PolicyPack", lambda **pack: packs.append(pack))
    monkeypatch.syspath_prepend(POLICIES)

    runpy.run_path(POLICIES + "/__main__.py")

    (pack,) = packs
    assert [each.name for each in pack["policies"]] == list(rules.RULES)
    levels = {each.name: each.enforcement_level for each in pack["policies"]}
    assert levels[WIDE] == policy.EnforcementLevel.MANDATORY
    assert levels[ORDER] == levels[REVIEW] == policy.EnforcementLevel.ADVISORY


class TestReplacements:
    """The options that replace AWS's policies, compared with AWS's documents."""

    def test_policies_for_people_and_services_have_none(self):
        assert SSM_WIDE_REPLACEMENTS.keys() == SSM_WIDE_POLICIES.keys()
        assert [name for name, options in SSM_WIDE_REPLACEMENTS.items() if not options] == [
            "AmazonSSMAutomationRole",
            "AmazonSSMFullAccess",
            "AmazonSSMMaintenanceWindowRole",
            "AmazonSSMReadOnlyAccess",
        ]

    @pytest.mark.parametrize("name", [name for name, options in SSM_WIDE_REPLACEMENTS.items() if options])
    def test_options_grant_what_the_policy_grants(self, name):
        """Each option has a part in it, and they grant every action of it that any option grants."""
        statements = aws_policies()[name].policy.statements
        granted = {
            each.name: {
                grant.action for grant in each.grants if any(one.has_action(grant.action) for one in statements)
            }
            for each in CAPABILITIES
        }
        chosen = {each.name for each in CAPABILITIES if is_granted_by_default(each)} | {*SSM_WIDE_REPLACEMENTS[name]}

        assert all(granted[option] for option in SSM_WIDE_REPLACEMENTS[name])
        missing = set().union(*granted.values()) - set().union(*(granted[option] for option in chosen))
        assert missing == set()
