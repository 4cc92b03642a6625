"""The evaluator's truth table, and what it says when a decision cannot be known."""

from itertools import product

import pytest

from ssm_profile import policy
from ssm_profile.iam.conditions import ABSENT
from ssm_profile.iam.evaluator import NO_RESOURCE, Kind, Need
from tests import count_calls
from tests.expected import LOCATION, NETWORKS
from tests.iam.policies import allow, but, deny, evaluator, outcome

BUCKET = "arn:aws:s3:::logs/*"
WIDER = "arn:aws:s3:::*"
NARROWER = "arn:aws:s3:::logs/web/*"
CROSSING = "arn:aws:s3:::*/web/x"
OTHER = "arn:aws:s3:::data/*"
UNKNOWN = "arn:aws:s3:::${aws:PrincipalTag/bucket}/*"
SOME, WHOLE = Need((BUCKET,)), Need((BUCKET,), whole=True)

ALLOWED, CONDITIONAL, DENIED = "allowed", "conditional", "denied"

TRUTH_TABLE = [
    # The policy's resource, then for Resource and for NotResource: allowed on some, allowed on all
    (WIDER, (ALLOWED, ALLOWED), (DENIED, DENIED)),
    (BUCKET, (ALLOWED, ALLOWED), (DENIED, DENIED)),
    (NARROWER, (ALLOWED, DENIED), (ALLOWED, DENIED)),
    (CROSSING, (ALLOWED, DENIED), (ALLOWED, DENIED)),
    (OTHER, (DENIED, DENIED), (ALLOWED, ALLOWED)),
    (UNKNOWN, (CONDITIONAL, CONDITIONAL), (CONDITIONAL, CONDITIONAL)),
    ("*", (ALLOWED, ALLOWED), (DENIED, DENIED)),
]
"""What one statement that allows decides, by the relation of its resource to the one that is needed."""


class TestVersion:
    """Only documents of the version 2012-10-17 have policy variables."""

    @pytest.mark.parametrize(
        ("version", "resource", "expected"),
        [
            ("2012-10-17", UNKNOWN, CONDITIONAL),
            ("2008-10-17", UNKNOWN, DENIED),
            ("2008-10-17", "arn:aws:s3:::${LogBucket}/*", CONDITIONAL),  # of a template, which is not rendered
            ("2008-10-17", "arn:${AWS::Partition}:s3:::*", CONDITIONAL),
        ],
    )
    def test_resource(self, version, resource, expected):
        assert outcome(SOME, allow("s3:*", resource), version=version) == expected

    def test_deny(self):
        statements = allow("s3:*"), deny("s3:*", UNKNOWN)

        assert outcome(SOME, *statements, version="2008-10-17") == ALLOWED

    def test_condition(self):
        condition = {"StringEquals": {"ec2:RoleDelivery": "${aws:PrincipalTag/delivery}"}}

        assert outcome(SOME, allow(Condition=condition)) == CONDITIONAL
        assert outcome(SOME, allow(Condition=condition), version="2008-10-17") == DENIED


@pytest.mark.parametrize(("request_keys", "is_allowed"), NETWORKS.values(), ids=NETWORKS.keys())
def test_network(request_keys, is_allowed):
    """``vpc_endpoints_only`` denies the calls of an instance that do not come through an endpoint in its own VPC."""
    every_key = {key for keys, _ in NETWORKS.values() for key in keys}
    context = {key.lower(): (request_keys.get(key, ABSENT),) for key in every_key}
    statements = policy.policy_document({"vpc_endpoints_only": True}, LOCATION)["Statement"]

    decided = outcome(NO_RESOURCE, *statements, action="ssmmessages:OpenDataChannel", context=context)

    assert decided == (ALLOWED if is_allowed else DENIED)


class TestTruthTable:
    @pytest.mark.parametrize(("resource", "named", "excepted"), TRUTH_TABLE, ids=[row[0] for row in TRUTH_TABLE])
    def test_allow(self, resource, named, excepted):
        statement = allow("s3:*", resource)

        assert (outcome(SOME, statement), outcome(WHOLE, statement)) == named
        assert (outcome(SOME, but(statement)), outcome(WHOLE, but(statement))) == excepted

    @pytest.mark.parametrize(("resource", "named", "excepted"), TRUTH_TABLE, ids=[row[0] for row in TRUTH_TABLE])
    def test_deny(self, resource, named, excepted):
        """A statement that denies decides the reverse: what it names on all is denied on all."""
        reverse = {ALLOWED: DENIED, DENIED: ALLOWED, CONDITIONAL: CONDITIONAL}
        statement = deny("s3:*", resource)

        for denying, (some, whole) in ((statement, named), (but(statement), excepted)):
            assert outcome(WHOLE, allow(), denying) == reverse[some]
            assert outcome(SOME, allow(), denying) == reverse[whole]

    @pytest.mark.parametrize(
        ("effects", "expected"),
        [
            ([], DENIED),
            (["Allow"], ALLOWED),
            (["Deny"], DENIED),
            (["Allow", "Deny"], DENIED),
            (["Deny", "Allow"], DENIED),
            (["Allow", "Allow"], ALLOWED),
        ],
    )
    def test_order_does_not_matter(self, effects, expected):
        statements = [allow() | {"Effect": effect} for effect in effects]

        assert outcome(SOME, allow("ec2:*"), *statements) == expected

    @pytest.mark.parametrize(("one", "other"), list(product((True, False, None), repeat=2)))
    def test_conditions(self, one, other):
        """An Allow and a Deny, each with a condition that holds, fails or is not known."""
        conditions = {
            True: {"Bool": {"aws:SecureTransport": "true"}},
            False: {"Bool": {"aws:SecureTransport": "false"}},
            None: {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}},
        }

        decided = outcome(SOME, allow(Condition=conditions[one]), deny(Condition=conditions[other]))

        if one is False or other is True:
            assert decided == DENIED
        else:
            assert decided == (ALLOWED if (one, other) == (True, False) else CONDITIONAL)


class TestActions:
    @pytest.mark.parametrize(
        ("actions", "expected"),
        [
            ("s3:PutObject", ALLOWED),
            ("S3:putobject", ALLOWED),
            ("s3:Put*", ALLOWED),
            ("s3:P?tObject", ALLOWED),
            ("s3:*Object", ALLOWED),
            ("*", ALLOWED),
            ("*:*", ALLOWED),
            (["ec2:*", "s3:PutObject"], ALLOWED),
            ("s3:PutObjectAcl", DENIED),
            ("s3:Put", DENIED),
            ("ec2:*", DENIED),
        ],
    )
    def test_action(self, actions, expected):
        assert outcome(SOME, allow(actions)) == expected

    def test_not_action(self):
        statement = {"Effect": "Allow", "NotAction": ["ec2:*", "iam:*"], "Resource": "*"}

        assert outcome(SOME, statement) == ALLOWED
        assert outcome(SOME, statement | {"NotAction": "s3:Put*"}) == DENIED
        assert outcome(SOME, allow(), statement | {"Effect": "Deny"}) == DENIED


class TestActionsWithoutResources:
    """An action that takes no resources needs a statement on ``*``."""

    ACTION = "ssmmessages:OpenDataChannel"

    @pytest.mark.parametrize(
        ("statements", "expected"),
        [
            ([allow()], ALLOWED),
            ([allow(resources="**")], ALLOWED),
            ([allow(resources="arn:aws:ssm:*:*:*")], DENIED),
            ([allow(resources="arn:aws:ssmmessages:*:*:*")], CONDITIONAL),
            ([but(allow(resources="arn:aws:s3:::logs"))], ALLOWED),
            ([but(allow())], DENIED),
            ([allow(), deny(resources="arn:aws:ec2:*:*:instance/*")], ALLOWED),
            ([allow(), deny(resources="arn:aws:ssmmessages:*:*:*")], CONDITIONAL),
            ([allow(), but(deny(resources="arn:aws:s3:::logs"))], DENIED),
            ([allow(), but(deny())], ALLOWED),
        ],
    )
    def test_resource(self, statements, expected):
        assert outcome(NO_RESOURCE, *statements, action=self.ACTION) == expected

    @pytest.mark.parametrize(
        ("resource", "expected"),
        [("log-group:*", CONDITIONAL), ("*", CONDITIONAL), ("log-group:/ssm:*", DENIED), ("log-group:/ssm*", DENIED)],
    )
    def test_resource_with_a_name(self, resource, expected):
        """AWS checks such an action on no named resource."""
        statement = allow(resources=f"arn:aws:logs:eu-central-1:123456789012:{resource}")

        assert outcome(NO_RESOURCE, statement, action="logs:DescribeLogGroups") == expected


class TestBoundary:
    @pytest.mark.parametrize(
        ("boundary", "expected"),
        [
            ([allow()], ALLOWED),
            ([allow("s3:*", OTHER)], DENIED),
            ([allow("s3:*", NARROWER)], ALLOWED),
            ([allow("ec2:*")], DENIED),
            ([allow(), deny("s3:PutObject")], DENIED),
            ([allow(Condition={"StringEquals": {"aws:RequestedRegion": "x"}})], CONDITIONAL),
            ([but(allow(resources=BUCKET))], DENIED),
        ],
    )
    def test_limits(self, boundary, expected):
        assert outcome(SOME, allow("s3:*", BUCKET), boundary=boundary) == expected

    def test_grants_nothing(self):
        assert outcome(SOME, allow("ec2:*"), boundary=[allow()]) == DENIED

    def test_both_must_allow_the_same_resource(self):
        """It is not enough that the policy and the boundary each allow some resource."""
        assert (
            outcome(SOME, allow("s3:*", "arn:aws:s3:::logs/a*"), boundary=[allow("s3:*", "arn:aws:s3:::logs/b*")])
            == DENIED
        )


class TestPartitions:
    def test_deny_in_one_partition(self):
        """A Deny on an ARN of the partition counts."""
        instances = Need(("arn:aws:ec2:?*:????????????:instance/i-*",))
        action = "ssm:UpdateInstanceInformation"

        assert outcome(instances, allow(), deny(action, "arn:aws:ec2:*:*:instance/*"), action=action) == DENIED
        assert outcome(instances, allow(), deny(action, "arn:aws-cn:ec2:*:*:instance/*"), action=action) == ALLOWED


class TestIncompleteArns:
    @pytest.mark.parametrize(
        ("resource", "expected"),
        [
            ("arn:aws:kms:*", ALLOWED),
            ("arn:aws:kms", ALLOWED),
            ("arn:aws:kms:eu-central-1", ALLOWED),
            ("arn:aws:s3:*", DENIED),
            # AWS's documents say that a wildcard can match beyond a colon, and not when.
            ("arn:aws:kms:*:key/*", CONDITIONAL),
            ("arn:aws:kms:*key/*", CONDITIONAL),
        ],
    )
    def test_missing_parts(self, resource, expected):
        need = Need(("arn:aws:kms:eu-central-1:123456789012:key/1",), whole=True)

        assert outcome(need, allow(resources=resource), action="kms:Decrypt") == expected


class TestReasons:
    @staticmethod
    def reasons(*statements, need=SOME, **more):
        decided = evaluator(*statements, **more).decide("s3:PutObject", need)
        return [
            (each.kind, each.statement.label if each.statement else None, each.depends_on) for each in decided.reasons
        ]

    def test_allowed(self):
        assert self.reasons(allow()) == []

    def test_nothing_allows(self):
        assert self.reasons(allow("ec2:*")) == [(Kind.NOT_ALLOWED, None, "")]

    def test_other_resources(self):
        assert self.reasons(allow("s3:*", OTHER)) == [(Kind.OTHER_RESOURCES, "statement 1 of web", "")]

    def test_explicit_deny(self):
        statement = deny("s3:Put*") | {"Sid": "NoUploads"}

        assert self.reasons(allow(), deny("s3:*", OTHER), statement) == [
            (Kind.EXPLICIT_DENY, "statement 3 (NoUploads) of web", "")
        ]

    def test_boundary(self):
        assert self.reasons(allow(), boundary=[allow("ec2:*")]) == [(Kind.BOUNDARY, None, "")]
        assert self.reasons(allow(), boundary=[allow(), deny("s3:*")]) == [
            (Kind.EXPLICIT_DENY, "statement 2 of boundary", "")
        ]

    def test_limits_without_an_allow(self):
        """What another Allow would not change is the reason."""
        other = allow("ec2:*")

        assert self.reasons(other, boundary=[other]) == [(Kind.BOUNDARY, None, "")]
        assert self.reasons(other, deny("s3:*")) == [(Kind.EXPLICIT_DENY, "statement 2 of web", "")]
        assert self.reasons(other, but(deny(resources=OTHER))) == [(Kind.EXPLICIT_DENY, "statement 2 of web", "")]
        for deny_on_some in (deny("s3:*", NARROWER), but(deny("s3:*", NARROWER)), deny("s3:*", UNKNOWN)):
            assert self.reasons(other, deny_on_some) == [(Kind.NOT_ALLOWED, None, "")]

    def test_condition_that_fails(self):
        condition = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}

        assert self.reasons(allow(Condition=condition)) == [(Kind.CONDITION, "statement 1 of web", "")]

    def test_condition_that_is_not_known(self):
        condition = {"StringEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}}

        assert self.reasons(allow(Condition=condition)) == [
            (Kind.CONDITION, "statement 1 of web", "StringEquals aws:RequestedRegion eu-central-1, eu-west-1")
        ]
        assert self.reasons(allow(), deny(Condition=condition)) == [
            (Kind.EXPLICIT_DENY, "statement 2 of web", "StringEquals aws:RequestedRegion eu-central-1, eu-west-1")
        ]

    def test_unknown_value(self):
        assert self.reasons(allow("s3:*", UNKNOWN)) == [(Kind.UNKNOWN_VALUE, "statement 1 of web", UNKNOWN)]

    def test_certain_deny_beside_unknown_allow(self):
        """Where a Deny leaves only what is allowed under a condition, the condition is the reason."""
        condition = {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}
        statements = [allow("s3:*", NARROWER), allow("s3:*", BUCKET, Condition=condition), deny("s3:*", NARROWER)]

        assert self.reasons(*statements) == [
            (Kind.CONDITION, "statement 2 of web", "StringEquals aws:RequestedRegion eu-central-1")
        ]


class TestAlternatives:
    """Statements of which one is enough, and statements that are all needed."""

    ONE, OTHER = ({"StringEquals": {"aws:PrincipalTag/a": value}} for value in "xy")

    @staticmethod
    def alternatives(*statements, need=WHOLE, **more):
        decided = evaluator(*statements, **more).decide("s3:PutObject", need)
        return [
            (each.statement.label, [statement.number for statement in each.alternatives]) for each in decided.reasons
        ]

    @pytest.mark.parametrize("need", [WHOLE, NO_RESOURCE])
    def test_one_is_enough(self, need):
        statements = [allow(Condition=self.ONE), allow(Condition=self.OTHER)]

        assert self.alternatives(*statements, need=need) == [
            ("statement 1 of web", [1, 2]),
            ("statement 2 of web", [1, 2]),
        ]

    def test_boundary(self):
        """It must allow the action, too."""
        limited = self.alternatives(allow(Condition=self.ONE), boundary=[allow(Condition=self.OTHER)])

        assert limited == [("statement 1 of web", []), ("statement 1 of boundary", [])]

    def test_each_has_a_part(self):
        part = allow("s3:*", NARROWER, Condition=self.ONE)
        everything_else = but(allow("s3:*", NARROWER, Condition=self.OTHER))

        assert self.alternatives(part, everything_else) == [("statement 1 of web", []), ("statement 2 of web", [])]

    def test_deny(self):
        """A statement that denies is no alternative."""
        assert self.alternatives(allow(), deny(Condition=self.ONE), deny(Condition=self.OTHER)) == [
            ("statement 2 of web", []),
            ("statement 3 of web", []),
        ]

    def test_what_is_certain(self):
        """Nothing depends on a statement beside one that certainly allows the action."""
        assert self.alternatives(allow(), allow(Condition=self.ONE), boundary=[allow(Condition=self.OTHER)]) == [
            ("statement 1 of boundary", [])
        ]


class TestSize:
    @staticmethod
    def denies(count):
        return [deny("s3:PutObject", f"arn:aws:s3:::logs/{number}-{count}*") for number in range(count)]

    def test_many_denies(self):
        """Ten times as many statements that deny take about ten times as many calls."""

        def decide(count):
            assert outcome(SOME, allow(), *self.denies(count)) == ALLOWED

        assert outcome(Need(("arn:aws:s3:::logs/77-15??",)), allow(), *self.denies(1500)) == ALLOWED
        assert outcome(Need(("arn:aws:s3:::logs/77-1500?",)), allow(), *self.denies(1500)) == DENIED
        assert count_calls(lambda: decide(1500)) < 15 * count_calls(lambda: decide(150))

    def test_too_complex(self):
        """Patterns that cannot be compared give no decision."""
        letters = "*".join("abcdefghijklmnopqrstuvwxyz")
        need = Need(("arn:aws:s3:::logs/?*",), whole=True)
        denies = [
            deny("s3:*", f"arn:aws:s3:::logs/*{first}*{letters}*{second}*") for first in "abcdef" for second in "abcdef"
        ]

        decided = evaluator(allow(), *denies).decide("s3:PutObject", need)

        assert decided.outcome.value in (CONDITIONAL, DENIED)
