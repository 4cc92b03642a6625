"""Policy documents, compared as whole values with those in tests/expected.py."""

import json
import re
from itertools import combinations

import pytest

from generators.option_sets import SWITCHES
from ssm_profile import OptionsError, policy
from ssm_profile.catalogue import CAPABILITIES
from ssm_profile.options import OPTIONS
from ssm_profile.regions import BUCKETS_DATE
from tests.expected import (
    AGENT_LOGS,
    ASSOCIATIONS,
    CLOUDWATCH_CONFIGURATION,
    DEFAULT,
    DEFAULT_ACTIONS,
    DOCUMENTS,
    INSTANCES,
    KEY,
    LOCATION,
    LOG_GROUPS,
    MESSAGING,
    OWNER_IN_CONTROL,
    PROD,
    SESSION_LOG_GROUP,
    SSM,
    SSM_DOCUMENTS,
    TRUST,
    allow,
    document,
    metrics,
)
from tests.option_examples import combined_switches, expected_options

GRANTING = [name for name in OPTIONS if name in policy.GRANTING]


class TestDefault:
    def test_default_is_six_actions(self):
        assert policy.policy_document({}, {}) == DEFAULT

    def test_default_looks_nothing_up(self):
        assert policy.lookups({}) == set()

    def test_default_capabilities(self):
        default = [each.name for each in CAPABILITIES if policy.is_granted_by_default(each)]

        assert default == ["messaging", "heartbeat", "ec2_describe"]

    @pytest.mark.parametrize("name", [name for name in SWITCHES if not OPTIONS[name].default])
    def test_false_grants_nothing(self, name):
        assert policy.policy_document({name: False}, LOCATION) == DEFAULT


class TestOptions:
    @pytest.mark.parametrize("name", GRANTING)
    def test_option_gives_its_expected_document(self, name):
        assert name in DOCUMENTS, f"tests/expected.py has no document for `{name}`"

        assert policy.policy_document(expected_options(name), LOCATION) == DOCUMENTS[name]

    @pytest.mark.parametrize("name", DOCUMENTS)
    def test_expected_document_has_an_option(self, name):
        assert name in OPTIONS, f"ssm_profile/options.py has no option `{name}`"
        assert name in policy.GRANTING, f"ssm_profile/catalogue.py has no capability and no explicit deny `{name}`"

    @pytest.mark.parametrize(
        ("partition", "dns_suffix"),
        [
            ("aws-cn", None),
            ("aws-us-gov", None),
            ("aws-iso", "c2s.ic.gov"),
            ("aws-iso-b", "sc2s.sgov.gov"),
            ("aws-iso-e", "cloud.adc-e.uk"),
            ("aws-iso-f", "csp.hci.ic.gov"),
            ("aws-eusc", "amazonaws.eu"),
        ],
    )
    @pytest.mark.parametrize("name", DOCUMENTS)
    def test_partition(self, name, partition, dns_suffix):
        """The partition is in every ARN. The names of hosts have the usual DNS suffix, and the partition's own."""

        def moved(value):
            text = json.dumps(value).replace('"arn:aws:', f'"arn:{partition}:')
            if dns_suffix:
                text = re.sub(r'"(\w+\.[\w*-]+)\.amazonaws\.com\*"', rf'["\1.amazonaws.com*", "\1.{dns_suffix}"]', text)
            return json.loads(text)

        actual = policy.policy_document(moved(expected_options(name)), LOCATION | {"partition": partition})

        assert actual == moved(DOCUMENTS[name])

    @pytest.mark.parametrize("name", DOCUMENTS)
    def test_lookups_are_enough(self, name):
        options = expected_options(name)
        location = {field: LOCATION[field] for field in policy.lookups(options)}

        assert policy.policy_document(options, location) == DOCUMENTS[name]

    @pytest.mark.parametrize(
        ("name", "fields"),
        [
            ("ec2_describe", set()),
            ("legacy_messaging", set()),
            ("session_kms_key_arn", set()),
            ("document_arns", set()),
            ("session_kms_key_alias", {"partition", "region", "account"}),
            ("require_imdsv2", set()),
            ("vpc_endpoints_only", set()),
            ("scope_heartbeat", {"partition"}),
            ("quiet_agent", {"partition"}),
            ("managed_buckets", {"partition", "region"}),
            ("patch_policy", {"partition", "region", "account"}),
            ("read_buckets", {"partition"}),
            ("documents", {"partition", "region", "account"}),
            ("state_manager", {"partition", "region", "account"}),
            ("patching", {"partition", "region", "account"}),
            ("distributor", {"partition", "region", "account"}),
        ],
    )
    def test_lookups_are_not_more_than_needed(self, name, fields):
        assert policy.lookups(expected_options(name)) == fields

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({"ec2_describe": False}, document(allow([*MESSAGING, "ssm:UpdateInstanceInformation"]))),
            (
                {"ec2_describe_actions": ["DescribeTags", "DescribeInstances", "DescribeTags"]},
                DOCUMENTS["ec2_describe_actions"],
            ),
            (
                {"quiet_agent": True, "scope_heartbeat": True},
                document(
                    allow([*MESSAGING, "ec2:Describe*", "ec2messages:GetMessages"]),
                    allow(["ssm:UpdateInstanceInformation", "ssm:ListInstanceAssociations"], INSTANCES),
                ),
            ),
            ({"ec2_describe": False, "scope_heartbeat": True, "require_imdsv2": True}, PROD),
            (
                {"parameters": {"paths": ["/app/a"]}},
                document(
                    allow(DEFAULT_ACTIONS),
                    allow(
                        ["ssm:GetParameter", "ssm:GetParameters"],
                        [f"{SSM}:parameter/app/a", f"{SSM}:parameter/app/a/*"],
                    ),
                ),
            ),
            (
                {"session_logs": {"bucket": "logs"}},
                document(
                    allow(DEFAULT_ACTIONS),
                    allow(["s3:PutObject", "s3:AbortMultipartUpload"], "arn:aws:s3:::logs/*"),
                    allow(["s3:GetEncryptionConfiguration"], "arn:aws:s3:::logs"),
                    allow(["s3:PutObjectAcl"], "arn:aws:s3:::logs/*", OWNER_IN_CONTROL),
                ),
            ),
            (
                {"session_logs": {"log_group": "/ssm/sessions"}},
                document(allow([*DEFAULT_ACTIONS, "logs:DescribeLogGroups"]), SESSION_LOG_GROUP),
            ),
            (
                {"cloudwatch_agent": {"log_group_prefixes": ["i-"]}},
                document(
                    allow(DEFAULT_ACTIONS),
                    metrics("CWAgent"),
                    CLOUDWATCH_CONFIGURATION,
                    allow(AGENT_LOGS, f"{LOG_GROUPS}:i-*"),
                ),
            ),
            (
                {"cloudwatch_agent": {"log_group_prefixes": ["i-"], "retention": True}},
                document(
                    allow([*DEFAULT_ACTIONS, "logs:DescribeLogGroups"]),
                    metrics("CWAgent"),
                    CLOUDWATCH_CONFIGURATION,
                    allow([*AGENT_LOGS, "logs:PutRetentionPolicy"], f"{LOG_GROUPS}:i-*"),
                ),
            ),
            (
                {"domain_join": {"directory_id": "d-1234567890"}},
                document(*DOCUMENTS["domain_join"]["Statement"][:3]),
            ),
            (
                {"cloudwatch_agent": {}, "ec2_describe": False},
                document(
                    allow([*MESSAGING, "ssm:UpdateInstanceInformation", "ec2:DescribeTags", "ec2:DescribeVolumes"]),
                    metrics("CWAgent"),
                    CLOUDWATCH_CONFIGURATION,
                ),
            ),
            (
                {"quiet_agent": True, "legacy_messaging": True, "documents": True, "state_manager": True},
                document(
                    allow(
                        [
                            *DEFAULT_ACTIONS,
                            "ec2messages:GetMessages",
                            "ec2messages:AcknowledgeMessage",
                            "ec2messages:DeleteMessage",
                            "ec2messages:FailMessage",
                            "ec2messages:GetEndpoint",
                            "ec2messages:SendReply",
                        ]
                    ),
                    allow(["ssm:ListInstanceAssociations", "ssm:PutComplianceItems"], INSTANCES),
                    allow(["ssm:GetDocument"], SSM_DOCUMENTS),
                    allow(["ssm:UpdateInstanceAssociationStatus"], [INSTANCES, ASSOCIATIONS]),
                ),
            ),
        ],
        ids=lambda value: "" if "Version" in value else ",".join(f"{key}={value[key]}" for key in value),
    )
    def test_values_and_combinations(self, options, expected):
        assert policy.policy_document(options, LOCATION) == expected


class TestPublicParameters:
    """The ARNs of AWS's public parameters have no account. Those of references to secrets have."""

    PATHS = ("/app", "/aws/service/ecs", "/aws/reference/secretsmanager/db")

    @pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
    def test_arns(self, partition):
        key = KEY.replace("arn:aws:", f"arn:{partition}:")
        options = {"parameters": {"paths": self.PATHS, "recursive": True, "kms_key_arn": key}}
        _, read, decrypt = policy.policy_document(options, LOCATION | {"partition": partition})["Statement"]
        ssm = f"arn:{partition}:ssm:eu-central-1"

        assert read["Resource"] == [
            f"{ssm}:123456789012:parameter/app",
            f"{ssm}:123456789012:parameter/app/*",
            f"{ssm}:123456789012:parameter/aws/reference/secretsmanager/db",
            f"{ssm}:123456789012:parameter/aws/reference/secretsmanager/db/*",
            f"{ssm}::parameter/aws/service/ecs",
            f"{ssm}::parameter/aws/service/ecs/*",
        ]
        assert decrypt["Condition"]["StringLike"]["kms:EncryptionContext:PARAMETER_ARN"] == read["Resource"]

    @pytest.mark.parametrize(
        ("paths", "fields"),
        [
            (["/aws/service/ecs"], {"partition", "region"}),
            (["/aws/service/ecs", "/app"], {"partition", "region", "account"}),
        ],
    )
    def test_lookups(self, paths, fields):
        options = {"parameters": {"paths": paths}}
        location = {field: LOCATION[field] for field in fields}

        assert policy.lookups(options) == fields
        assert policy.policy_document(options, location) == policy.policy_document(options, LOCATION)


class TestManagedBuckets:
    def test_suffixes_depend_on_the_region(self):
        location = LOCATION | {"region": "me-south-1"}

        resources = policy.policy_document({"managed_buckets": True}, location)["Statement"][1]["Resource"]

        assert "arn:aws:s3:::aws-patch-manager-me-south-1-a53fc9dce/*" in resources
        assert "arn:aws:s3:::patch-baseline-snapshot-me-south-1-uduvl7q8/*" in resources

    @pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "ap-southeast-7"])
    def test_unlisted_region_is_refused(self, region):
        with pytest.raises(OptionsError) as error:
            policy.policy_document({"managed_buckets": True}, LOCATION | {"region": region})

        assert str(error.value) == (
            f"`managed_buckets` cannot be true in {region}: AWS does not publish the names of its buckets there "
            f"(as of {BUCKETS_DATE}). Leave it out."
        )


class TestText:
    def test_order_of_options_does_not_matter(self):
        options = {
            "scope_heartbeat": True,
            "quiet_agent": True,
            "ec2_describe_actions": ["DescribeTags", "DescribeHosts"],
        }
        shuffled = {
            "ec2_describe_actions": ["DescribeHosts", "DescribeTags"],
            "quiet_agent": True,
            "scope_heartbeat": True,
        }

        assert policy.to_json(policy.policy_document(options, LOCATION)) == policy.to_json(
            policy.policy_document(shuffled, LOCATION)
        )

    def test_size_counts_no_white_space(self):
        assert policy.size(DEFAULT) == len(json.dumps(DEFAULT, separators=(",", ":")))


class TestActions:
    def test_actions_are_sorted(self):
        """An explicit deny adds none."""
        assert policy.actions({"require_imdsv2": True}) == [
            "ec2:Describe*",
            "ssm:UpdateInstanceInformation",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ]

    @pytest.mark.parametrize("name", DOCUMENTS)
    def test_actions_are_those_of_the_document(self, name):
        allowed = [each["Action"] for each in DOCUMENTS[name]["Statement"] if each["Effect"] == "Allow"]

        assert policy.actions(expected_options(name)) == sorted({action for actions in allowed for action in actions})


class TestTrustPolicy:
    def test_default_principal_is_ec2(self):
        assert policy.trust_policy({}) == TRUST

    def test_one_principal(self):
        (statement,) = policy.trust_policy({"service_principals": ["ec2.amazonaws.com.cn"]})["Statement"]

        assert statement["Principal"] == {"Service": "ec2.amazonaws.com.cn"}

    def test_principals_are_sorted(self):
        principals = ["ssm.amazonaws.com", "ec2.amazonaws.com", "ssm.amazonaws.com"]

        assert policy.trust_policy({"service_principals": principals})["Statement"] == [
            {
                "Effect": "Allow",
                "Principal": {"Service": ["ec2.amazonaws.com", "ssm.amazonaws.com"]},
                "Action": "sts:AssumeRole",
            }
        ]


FORBIDDEN = ("iam:", "sts:", "ssm:SendCommand", "ssm:StartSession", "ssm:PutParameter")
"""What an instance must never have."""

NAMED_ONLY = ("s3:", "kms:", "secretsmanager:", "ssm:GetParameter")
"""What an instance may have on resources that the options or AWS name, and never on others."""

NAMED_RESOURCES = re.compile(
    r"parameter/(app/[ab]|AmazonCloudWatch-|shared/database$|inspector-aws/service/inspector-linux-application-paths$)"
    r"|:key/(1234abcd|56ef|78ab|90ab)|:::logs(/ssm/sessions/|$)"
    r"|123456789012:secret:aws/directory-services/d-1234567890/|210987654321:secret:aws/directory-services/d-0987654321/"
    r"|:::(scripts(/ansible/|$)|lists(/|$)|files/)|patchpolicy-210987654321-q4bkg/baseline_overrides.json$"
    r"|:::(amazon-ssm|aws-ssm|aws-ssm-document-attachments|aws-windows-downloads|patch-baseline-snapshot)-eu-central-1/"
    r"|:::aws-(patch-manager|patchmanager-macos)-eu-central-1-9163fdaaf/"
)


def scoped_actions(policy_document):
    """Each action of a document with its effect, its resources and its condition."""
    return {
        (statement["Effect"], action, str(statement["Resource"]), str(statement.get("Condition")))
        for statement in policy_document["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


class TestCombinations:
    def test_options_add_up(self):
        """Options together allow what each of them allows in its expected document, and nothing else."""
        default = scoped_actions(DEFAULT)
        added = {name: scoped_actions(expected) - default for name, expected in DOCUMENTS.items()}
        replaced = {name: default - scoped_actions(expected) for name, expected in DOCUMENTS.items()}
        # ec2:Describe* covers actions of other options, which are listed without it.
        names = [name for name in DOCUMENTS if not name.startswith("ec2_describe")]

        for size in (0, 1, 2, 3, len(names) - 1, len(names)):
            for combination in combinations(names, size):
                options = {key: value for name in combination for key, value in expected_options(name).items()}

                assert scoped_actions(policy.policy_document(options, LOCATION)) == (
                    default.difference(*(replaced[name] for name in combination)).union(
                        *(added[name] for name in combination)
                    )
                ), combination

    def test_no_combination_grants_too_much(self):
        statements = {
            str(statement): statement
            for options in combined_switches()
            for statement in policy.policy_document(options, LOCATION)["Statement"]
            if statement["Effect"] == "Allow"
        }

        for statement in statements.values():
            actions, resources = statement["Action"], statement["Resource"]
            assert [action for action in actions if action.startswith(FORBIDDEN)] == []
            assert [action for action in actions if re.match("ec2:(?!Describe)", action)] == []
            assert [action for action in actions if "*" in action] in ([], ["ec2:Describe*"])
            if any(action.startswith(NAMED_ONLY) for action in actions):
                for resource in resources if isinstance(resources, list) else [resources]:
                    assert NAMED_RESOURCES.search(resource), statement
                    assert not resource.endswith((":*", ":::*")), statement
        assert {KEY, "arn:aws:s3:::logs"} <= {str(statement["Resource"]) for statement in statements.values()}
