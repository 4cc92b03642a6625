"""The policy pack on stacks that nobody expects: any values in any property, and thousands of resources."""

import json

import pytest

from tests import count_calls, require
from tests.expected import TRUST
from tests.pack.stacks import (
    ATTACHMENT,
    INLINE,
    MANAGED,
    PROFILE,
    ROLE,
    UNKNOWN,
    Resource,
    allow,
    find,
    inline,
    make,
    make_role,
    names,
    resources,
    roles,
    rules,
    waits,
)

hypothesis = require("hypothesis")
st = require("hypothesis.strategies")

WORDS = st.sampled_from(
    [
        *["web-role", "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore", "arn:aws:iam::123456789012:policy/other"],
        *["Allow", "Deny", "*", "ssm:*", "sts:AssumeRole", "ec2.amazonaws.com", "arn:aws:ssm:*parameter/*", "", "${a}"],
        *["ssm:SourceInstanceARN", "Null", "ArnNotEqualsIfExists", "true", json.dumps(TRUST), allow(), "{", "[]"],
    ]
)
ELEMENTS = st.sampled_from(
    [
        *["Version", "Statement", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal"],
        *["NotPrincipal", "Condition", "Service", "AWS", "policy", "policyDocument", "Null", "ArnEquals"],
        *["ssm:SourceInstanceARN", "aws:PrincipalTag/a", "ssm:resourceTag/a"],
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | WORDS | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ELEMENTS | st.text(max_size=3), inner, max_size=5),
    max_leaves=12,
)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"])},
    optional=dict.fromkeys(("Action", "NotAction", "Resource", "NotResource", "Principal", "Condition"), VALUES),
)
DOCUMENTS = st.builds(
    lambda statements, form: form({"Statement": statements}),
    STATEMENTS | st.lists(STATEMENTS, max_size=3),
    st.sampled_from([dict, lambda value: json.dumps(value, default=str)]),
)
PROPERTIES = st.sampled_from(
    [
        *["name", "arn", "role", "roles", "users", "policy", "policyArn", "policyArns", "roleName", "policyDocument"],
        *["managedPolicyArns", "inlinePolicies", "policies", "permissionsBoundary"],
        *["assumeRolePolicy", "assumeRolePolicyDocument"],
    ]
)
URNS = st.sampled_from(["a", "b", "c", "d", "missing"])
STACKS = st.lists(
    st.builds(
        Resource,
        type=st.sampled_from(sorted(roles.TYPES)),
        name=st.just("web"),
        urn=URNS,
        props=st.dictionaries(PROPERTIES, VALUES | DOCUMENTS, max_size=6),
        dependencies=st.frozensets(URNS, max_size=3),
        sources=st.dictionaries(PROPERTIES, st.frozensets(URNS, max_size=2), max_size=3),
        parent=st.none() | URNS,
    ),
    max_size=5,
)


class TestAnyValues:
    @hypothesis.given(stack=STACKS)
    @hypothesis.example(
        stack=[make_role(managedPolicyArns=["a"]), make(MANAGED, called=["a"], arn="a", policy=allow())]
    )
    @hypothesis.settings(deadline=None, max_examples=150, suppress_health_check=list(hypothesis.HealthCheck))
    def test_no_rule_crashes(self, stack):
        """Nor does it report an error of its own."""
        for rule in rules.RULES:
            assert not any("Error(" in message for _, message in find(rule, *stack))

    @hypothesis.given(policy=DOCUMENTS | VALUES, trust=DOCUMENTS | VALUES)
    @hypothesis.settings(deadline=None, max_examples=150, suppress_health_check=list(hypothesis.HealthCheck))
    def test_no_document_crashes(self, policy, trust):
        for role in (make_role(), make_role(assumeRolePolicy=trust)):
            for rule in rules.RULES:
                assert not any("Error(" in message for _, message in find(rule, role, inline(policy)))

    def test_error_is_advisory(self, monkeypatch):
        """If a rule has a bug, the resource needs a review, and the deployment goes on."""
        monkeypatch.setattr(rules, "_decide", lambda *_: 1 / 0)
        stack = [make_role(), inline(allow(resource="arn:aws:ssm:*:*:parameter/bug/*"))]

        assert not find("no-parameters-everywhere", *stack)
        ((name, message),) = find("needs-review", *stack)
        assert name == "policy"
        assert "ZeroDivisionError" in message


def profiles(number, first=0):
    """A stack with a number of profiles, each with a role and three policies. Each waits for the one before it."""
    stack = []
    for each in range(first, first + number):
        name = f"role-{each}"
        role = make(ROLE, name, called=name, assumeRolePolicy=json.dumps(TRUST))
        more = {"role": name, "sources": {"role": role}}
        path = allow(resource=f"arn:aws:ssm:*:*:parameter/{each:04}/*")
        policies = [
            make(INLINE, f"path-{each}", policy=path, **more),
            make(INLINE, f"wide-{each}", policy=allow(), **more),
            make(ATTACHMENT, f"core-{each}", policyArn="arn:aws:iam::123456789012:policy/other", **more),
        ]
        stack += [role, *policies, make(PROFILE, f"profile-{each}", after=[*policies[:2], *stack[-1:]], **more)]
    return stack


def calls_of(rule, stack):
    """How many functions a rule calls."""
    rules._decide.cache_clear()
    return count_calls(lambda: find(rule, *stack))


class TestScaling:
    @pytest.mark.parametrize("rule", rules.RULES)
    def test_cost_is_the_same_per_profile(self, rule):
        """Four times as many profiles take four times as many calls."""
        find(rule, *profiles(1))
        few, many = profiles(50, first=1000), profiles(200, first=2000)  # patterns are cached

        assert calls_of(rule, many) < 4.4 * calls_of(rule, few)

    def test_findings(self):
        """The stack of the measurement is one with findings."""
        assert len(names("no-parameters-everywhere", *profiles(3))) == 3
        assert len(names("profile-after-policies", *profiles(3))) == 3


class TestWaits:
    def test_long_chain(self):
        """A chain that is longer than Python's stack is deep."""
        chain = [make("a", "0")]
        for number in range(1, 3000):
            chain.append(make("a", str(number), after=chain[-1:]))

        awaited = waits.find_awaited(chain[::-1], [chain[0].urn])

        assert awaited(chain[-1].urn, chain[0].urn)
        assert not awaited(chain[0].urn, chain[-1].urn)


class TestUnknownValues:
    def test_values_of_the_engine(self):
        """Each value that is not known yet is one, and those beside it stay."""
        proxy = require("pulumi_policy.proxy")
        unknown = proxy.UNKNOWN_STRING_VALUE
        props = {"a": unknown, "b": ["x", unknown, {"c": unknown, "d": 1}], "e": None}

        plain = resources.to_plain(proxy.unknown_checking_proxy(props))

        assert plain == {"a": UNKNOWN, "b": ["x", UNKNOWN, {"c": UNKNOWN, "d": 1}], "e": None}
