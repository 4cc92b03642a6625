"""The policy documents, compared as whole values."""

import json
import re
import subprocess
import sys
from itertools import combinations

import pytest

from ssm_profile import policy
from ssm_profile.catalogue import EXPLICIT_DENIES
from ssm_profile.options import OPTIONS
from tests import ROOT
from tests.expected import DEFAULT, KEY, LOCATION, MAPS, MESSAGING, OTHER_KEY, PROD, QUIET, TRUST

REGIONAL = "arn:aws:ssm:eu-central-1:123456789012"
INSTANCES = "arn:aws:ec2:*:*:instance/*"
ASSOCIATIONS = f"{REGIONAL}:association/*"
DOCUMENTS = ["arn:aws:ssm:eu-central-1::document/*", f"{REGIONAL}:document/*"]
PATCH_BASELINES = "arn:aws:ssm:eu-central-1:*:patchbaseline/*"
LOGS = "arn:aws:logs:eu-central-1:123456789012:log-group"
SIX = DEFAULT["Statement"][0]["Action"]


def allow(actions, resource="*"):
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def metrics(namespace):
    return {
        "Effect": "Allow",
        "Action": ["cloudwatch:PutMetricData"],
        "Resource": "*",
        "Condition": {"StringEquals": {"cloudwatch:namespace": namespace}},
    }


LOG_GROUP = allow(
    ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
    [f"{LOGS}:/ssm/sessions", f"{LOGS}:/ssm/sessions:*"],
)
PARAMETERS = [
    f"{REGIONAL}:parameter/app/a",
    f"{REGIONAL}:parameter/app/a/*",
    f"{REGIONAL}:parameter/app/b",
    f"{REGIONAL}:parameter/app/b/*",
]


def test_default_is_six_actions_in_one_statement_in_the_order_of_the_design():
    assert policy.policy_document({}, {}) == DEFAULT


def test_default_looks_nothing_up():
    assert policy.lookups({}) == set()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"ec2_describe": True}, DEFAULT),
        ({"ec2_describe": False}, document(allow([*MESSAGING, "ssm:UpdateInstanceInformation"]))),
        (
            {"ec2_describe_actions": ["DescribeTags", "DescribeInstances", "DescribeTags"]},
            document(allow([*MESSAGING, "ssm:UpdateInstanceInformation", "ec2:DescribeInstances", "ec2:DescribeTags"])),
        ),
        (
            {"scope_heartbeat": True},
            document(
                allow([*MESSAGING, "ec2:Describe*"]),
                allow(["ssm:UpdateInstanceInformation"], "arn:aws:ec2:*:*:instance/*"),
            ),
        ),
        ({"scope_heartbeat": False}, DEFAULT),
        ({"quiet_agent": True}, QUIET),
        ({"quiet_agent": False}, DEFAULT),
        (
            {"quiet_agent": True, "scope_heartbeat": True},
            document(
                allow([*MESSAGING, "ec2:Describe*", "ec2messages:GetMessages"]),
                allow(["ssm:UpdateInstanceInformation", "ssm:ListInstanceAssociations"], "arn:aws:ec2:*:*:instance/*"),
            ),
        ),
        ({"require_imdsv2": True}, document(*DEFAULT["Statement"], PROD["Statement"][2])),
        ({"require_imdsv2": False}, DEFAULT),
        ({"ec2_describe": False, "scope_heartbeat": True, "require_imdsv2": True}, PROD),
        (
            {"legacy_messaging": True},
            document(
                allow(
                    [
                        *SIX,
                        "ec2messages:AcknowledgeMessage",
                        "ec2messages:DeleteMessage",
                        "ec2messages:FailMessage",
                        "ec2messages:GetEndpoint",
                        "ec2messages:GetMessages",
                        "ec2messages:SendReply",
                    ]
                )
            ),
        ),
        ({"documents": True}, document(allow(SIX), allow(["ssm:GetDocument", "ssm:DescribeDocument"], DOCUMENTS))),
        (
            {"state_manager": True},
            document(
                allow(SIX),
                allow(["ssm:ListInstanceAssociations", "ssm:PutComplianceItems"], INSTANCES),
                allow(["ssm:UpdateInstanceAssociationStatus"], [INSTANCES, ASSOCIATIONS]),
                allow(["ssm:GetDocument"], DOCUMENTS),
            ),
        ),
        (
            {"state_manager": True, "inventory": True},
            document(
                allow([*SIX, "ssm:PutInventory"]),
                allow(["ssm:ListInstanceAssociations", "ssm:PutComplianceItems"], INSTANCES),
                allow(["ssm:UpdateInstanceAssociationStatus"], [INSTANCES, ASSOCIATIONS]),
                allow(["ssm:GetDocument"], DOCUMENTS),
            ),
        ),
        (
            {"patching": True},
            document(
                allow([*SIX, "ssm:GetDeployablePatchSnapshotForInstance", "ssm:PutInventory"]),
                allow(["ssm:PutComplianceItems"], INSTANCES),
                allow(["ssm:DescribeAssociation"], [INSTANCES, ASSOCIATIONS, *DOCUMENTS]),
            ),
        ),
        (
            {"patching": True, "patch_baseline_tags": True},
            document(
                allow(
                    [
                        *SIX,
                        "ssm:GetDeployablePatchSnapshotForInstance",
                        "ssm:PutInventory",
                        "ssm:DescribePatchBaselines",
                        "tag:GetResources",
                    ]
                ),
                allow(["ssm:PutComplianceItems"], INSTANCES),
                allow(["ssm:DescribeAssociation"], [INSTANCES, ASSOCIATIONS, *DOCUMENTS]),
                allow(["ssm:GetPatchBaseline", "ssm:DescribeEffectivePatchesForPatchBaseline"], PATCH_BASELINES),
            ),
        ),
        (
            {"distributor": True},
            document(
                allow([*SIX, "ssm:GetManifest", "ssm:PutConfigurePackageResult"]),
                allow(["ssm:GetDocument", "ssm:DescribeDocument"], DOCUMENTS),
            ),
        ),
        (
            {"managed_buckets": True},
            document(
                allow(SIX),
                allow(
                    ["s3:GetObject"],
                    [
                        "arn:aws:s3:::amazon-ssm-eu-central-1/*",
                        "arn:aws:s3:::aws-ssm-eu-central-1/*",
                        "arn:aws:s3:::aws-ssm-document-attachments-eu-central-1/*",
                        "arn:aws:s3:::aws-windows-downloads-eu-central-1/*",
                        "arn:aws:s3:::aws-patch-manager-eu-central-1-9163fdaaf/*",
                        "arn:aws:s3:::aws-patchmanager-macos-eu-central-1-9163fdaaf/*",
                        "arn:aws:s3:::patch-baseline-snapshot-eu-central-1/*",
                    ],
                ),
            ),
        ),
        (
            {"parameters": {"paths": ["/app/a"]}},
            document(
                allow(SIX),
                allow(
                    ["ssm:GetParameter", "ssm:GetParameters"],
                    [f"{REGIONAL}:parameter/app/a", f"{REGIONAL}:parameter/app/a/*"],
                ),
            ),
        ),
        (
            {"parameters": MAPS["parameters"]},
            document(
                allow(SIX),
                allow(["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"], PARAMETERS),
                {
                    "Effect": "Allow",
                    "Action": ["kms:Decrypt"],
                    "Resource": KEY,
                    "Condition": {
                        "StringLike": {
                            "kms:ViaService": "ssm.eu-central-1.amazonaws.com*",
                            "kms:EncryptionContext:PARAMETER_ARN": PARAMETERS,
                        }
                    },
                },
            ),
        ),
        ({"session_kms_key_arn": KEY}, document(allow(SIX), allow(["kms:Decrypt"], KEY))),
        (
            {"session_logs": {"bucket": "logs"}},
            document(
                allow(SIX),
                allow(["s3:PutObject", "s3:AbortMultipartUpload"], "arn:aws:s3:::logs/*"),
                allow(["s3:GetEncryptionConfiguration"], "arn:aws:s3:::logs"),
            ),
        ),
        (
            {"session_logs": {"log_group": "/ssm/sessions"}},
            document(allow([*SIX, "logs:DescribeLogGroups"]), LOG_GROUP),
        ),
        (
            {"session_logs": MAPS["session_logs"]},
            document(
                allow([*SIX, "logs:DescribeLogGroups"]),
                allow(
                    ["s3:PutObject", "s3:AbortMultipartUpload", "s3:PutObjectAcl"], "arn:aws:s3:::logs/ssm/sessions/*"
                ),
                allow(["s3:GetEncryptionConfiguration"], "arn:aws:s3:::logs"),
                {
                    "Effect": "Allow",
                    "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
                    "Resource": OTHER_KEY,
                    "Condition": {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com*"}},
                },
                LOG_GROUP,
            ),
        ),
        (
            {"cloudwatch_agent": {}, "ec2_describe": False},
            document(
                allow([*MESSAGING, "ssm:UpdateInstanceInformation", "ec2:DescribeTags", "ec2:DescribeVolumes"]),
                metrics("CWAgent"),
                allow(["ssm:GetParameter"], f"{REGIONAL}:parameter/AmazonCloudWatch-*"),
            ),
        ),
        (
            {"cloudwatch_agent": MAPS["cloudwatch_agent"]},
            document(
                allow([*SIX, "logs:DescribeLogGroups"]),
                metrics("Web"),
                allow(["ssm:GetParameter"], f"{REGIONAL}:parameter/AmazonCloudWatch-*"),
                allow(
                    [
                        "logs:CreateLogGroup",
                        "logs:CreateLogStream",
                        "logs:DescribeLogStreams",
                        "logs:PutLogEvents",
                        "logs:PutRetentionPolicy",
                    ],
                    [f"{LOGS}:/ec2/app", f"{LOGS}:/ec2/app:*", f"{LOGS}:/ec2/web", f"{LOGS}:/ec2/web:*"],
                ),
            ),
        ),
        (
            {"domain_join": MAPS["domain_join"]},
            document(
                allow([*SIX, "ds:DescribeDirectories"]),
                allow(["ds:CreateComputer"], "arn:aws:ds:eu-central-1:123456789012:directory/d-1234567890"),
                allow(
                    ["secretsmanager:GetSecretValue"],
                    "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
                    "aws/directory-services/d-1234567890/seamless-domain-join-??????",
                ),
            ),
        ),
        (
            {"vpc_endpoints_only": True},
            document(
                allow(SIX),
                {
                    "Effect": "Deny",
                    "Action": "*",
                    "Resource": "*",
                    "Condition": {
                        "StringNotEquals": {"aws:Ec2InstanceSourceVpc": "${aws:SourceVpc}"},
                        "Null": {"ec2:SourceInstanceARN": "false"},
                        "BoolIfExists": {"aws:ViaAWSService": "false"},
                    },
                },
            ),
        ),
        (
            {"quiet_agent": True, "legacy_messaging": True, "documents": True, "state_manager": True},
            document(
                allow(
                    [
                        *SIX,
                        "ec2messages:GetMessages",
                        "ec2messages:AcknowledgeMessage",
                        "ec2messages:DeleteMessage",
                        "ec2messages:FailMessage",
                        "ec2messages:GetEndpoint",
                        "ec2messages:SendReply",
                    ]
                ),
                allow(["ssm:ListInstanceAssociations", "ssm:PutComplianceItems"], INSTANCES),
                allow(["ssm:GetDocument", "ssm:DescribeDocument"], DOCUMENTS),
                allow(["ssm:UpdateInstanceAssociationStatus"], [INSTANCES, ASSOCIATIONS]),
            ),
        ),
    ],
    ids=lambda value: ",".join(f"{key}={value[key]}" for key in value) if "Version" not in value else "",
)
def test_each_option_gives_exactly_this_document(options, expected):
    assert policy.policy_document(options, LOCATION) == expected


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_scoped_resources_are_in_the_partition_of_deployment(partition):
    statements = policy.policy_document({"scope_heartbeat": True}, {"partition": partition})["Statement"]

    assert statements[1]["Resource"] == f"arn:{partition}:ec2:*:*:instance/*"


@pytest.mark.parametrize("option", ["scope_heartbeat", "quiet_agent"])
def test_only_scoped_resources_need_the_partition(option):
    assert policy.lookups({option: True}) == {"partition"}


@pytest.mark.parametrize("option", ["documents", "state_manager", "patching", "distributor"])
def test_regional_resources_need_the_account_too(option):
    assert policy.lookups({option: True}) == {"partition", "region", "account"}


@pytest.mark.parametrize("option", ["ec2_describe", "require_imdsv2", "legacy_messaging", "vpc_endpoints_only"])
def test_what_is_granted_on_every_resource_needs_no_lookup(option):
    assert policy.lookups({option: True}) == set()


def test_managed_buckets_have_the_suffixes_of_their_region():
    location = LOCATION | {"region": "me-south-1"}

    resources = policy.policy_document({"managed_buckets": True}, location)["Statement"][1]["Resource"]

    assert "arn:aws:s3:::aws-patch-manager-me-south-1-a53fc9dce/*" in resources
    assert "arn:aws:s3:::patch-baseline-snapshot-me-south-1-uduvl7q8/*" in resources


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "ap-southeast-7"])
def test_managed_buckets_of_a_region_that_is_not_listed_are_refused(region):
    with pytest.raises(
        ValueError, match=f"managed_buckets: found true in the region {region}, .* allowed: true in af-"
    ):
        policy.policy_document({"managed_buckets": True}, LOCATION | {"region": region})


def test_same_options_in_another_order_give_the_same_text():
    options = {"scope_heartbeat": True, "quiet_agent": True, "ec2_describe_actions": ["DescribeTags", "DescribeHosts"]}
    shuffled = {"ec2_describe_actions": ["DescribeHosts", "DescribeTags"], "quiet_agent": True, "scope_heartbeat": True}

    assert policy.to_json(policy.policy_document(options, LOCATION)) == policy.to_json(
        policy.policy_document(shuffled, LOCATION)
    )


def test_actions_are_sorted_and_leave_out_what_is_denied():
    assert policy.actions({"require_imdsv2": True}) == [
        "ec2:Describe*",
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ]


def test_trust_policy_lets_ec2_and_nobody_else_assume_the_role():
    assert policy.trust_policy({}) == TRUST


def test_trust_policy_with_other_principals_does_not_depend_on_their_order():
    several = {"service_principals": ["ssm.amazonaws.com", "ec2.amazonaws.com", "ssm.amazonaws.com"]}

    assert policy.trust_policy(several)["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["ec2.amazonaws.com", "ssm.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ]
    assert policy.trust_policy({"service_principals": ["ec2.amazonaws.com.cn"]})["Statement"][0]["Principal"] == {
        "Service": "ec2.amazonaws.com.cn"
    }


def test_text_is_the_document():
    assert json.loads(policy.to_json(DEFAULT)) == DEFAULT


def test_policy_and_catalogue_do_not_import_pulumi():
    code = "import sys, types; sys.modules['ssm_profile'] = package = types.ModuleType('ssm_profile'); "
    code += "package.__path__ = ['ssm_profile']; import ssm_profile.policy, ssm_profile.options; "
    code += "assert 'pulumi' not in sys.modules"

    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=30)


FORBIDDEN = ("iam:", "sts:", "ssm:SendCommand", "ssm:StartSession", "ssm:PutParameter")
ONLY_ON_WHAT_IS_NAMED = ("s3:", "kms:", "secretsmanager:", "ssm:GetParameter")


SWITCHES = [name for name, option in OPTIONS.items() if option.type == "boolean" and name != "ec2_describe"]


def every_combination(sizes, switches=SWITCHES):
    """Every way to switch on this many options, with each way to treat ec2:Describe*."""
    describing = ({}, {"ec2_describe": False}, {"ec2_describe_actions": ["DescribeTags"]})
    for size in sizes:
        for names in combinations(switches, size):
            for describe in describing:
                yield describe | dict.fromkeys(names, True)


def test_no_combination_grants_what_an_instance_must_not_have():
    tried = 0
    statements = {}
    granting = [name for name in SWITCHES if name not in {deny.name for deny in EXPLICIT_DENIES}]  # a deny only denies
    for options in every_combination(range(len(granting) + 1), granting):
        for maps in ({}, MAPS):
            for statement in policy.policy_document({**options, **maps}, LOCATION)["Statement"]:
                statements[str(statement)] = statement
            tried += 1

    assert tried == 2 * 3 * 2 ** len(granting)
    check(statements.values())


def check(statements):
    for statement in statements:
        if statement["Effect"] == "Deny":
            continue
        actions = statement["Action"]
        assert [action for action in actions if action.startswith(FORBIDDEN)] == []
        assert [action for action in actions if action.startswith("ec2:") and "ec2:Describe" not in action] == []
        assert [action for action in actions if "*" in action] in ([], ["ec2:Describe*"])
        if any(action.startswith(ONLY_ON_WHAT_IS_NAMED) for action in actions):
            resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            assert [resource for resource in resources if resource.endswith((":*", ":::*")) or resource == "*"] == []
            assert all(NAMED.search(resource) for resource in resources), resources


NAMED = re.compile(
    r"parameter/(app/[ab]|AmazonCloudWatch-)|:key/(1234abcd|56ef)|:::logs(/ssm/sessions/|$)|/d-1234567890/"
    r"|:::(amazon-ssm|aws-ssm|aws-ssm-document-attachments|aws-windows-downloads|patch-baseline-snapshot)-eu-central-1/"
    r"|:::aws-(patch-manager|patchmanager-macos)-eu-central-1-9163fdaaf/"
)


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        ("us-east-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_the_partition_of_a_region(region, partition):
    assert policy.partition_of(region) == partition
