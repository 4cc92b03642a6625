"""``ssm-profile explain``."""

import pytest
import yaml

from ssm_profile import policy
from ssm_profile.catalogue import CAPABILITIES
from ssm_profile.options import OPTIONS
from tests import ROOT
from tests.expected import DEFAULT, KEY, LOCATION, PROD

SWITCHES = [name for name, option in OPTIONS.items() if name in policy.GRANTING and option.type == "boolean"]
SWITCHES.remove("ec2_describe")
DEFAULT_ACTIONS = DEFAULT["Statement"][0]["Action"]


def test_every_action_has_its_purpose_its_symptom_its_resource_and_its_source(run):
    explained = run("explain")

    assert explained.code == 0
    rows = explained.tables["Granted"]
    assert [row["Action"] for row in rows] == DEFAULT_ACTIONS
    catalogue = {grant.action: grant for capability in CAPABILITIES for grant in capability.grants}
    sources = {row["Number"]: row["Page or file"] for row in explained.tables["Sources"]}
    for row in rows:
        grant = catalogue[row["Action"]]
        assert row["What for"] == grant.purpose
        assert row["Without it"] == grant.symptom
        assert row["On"] == "on *"
        assert [sources[number] for number in row["Source"].split()] == list(grant.sources)
    assert [row["Option"] for row in rows] == ["always"] * 5 + ["option ec2_describe"]


def test_wildcards_are_counted_and_what_would_replace_them_is_named(run):
    explained = run("explain", "--json").json

    meant = explained["expanded"]["ec2:Describe*"]
    assert 150 < len(meant) < 300
    assert {"ec2:DescribeInstances", "ec2:DescribeTags"} <= set(meant)
    assert explained["expandedCount"] == len(meant) + 5
    assert explained["count"] == 6
    (row,) = run("explain").tables[f"Wildcards (AWS's actions as of {explained['dataOf']})"]
    assert row["Actions that it means"] == str(len(meant))
    assert "ec2_describe_actions" in row["In its place"]
    assert "ec2_describe: false" in row["In its place"]


def test_a_policy_without_wildcards_says_nothing_of_them(run):
    explained = run("explain", "--no-ec2-describe")

    assert "Wildcards" not in explained.out
    assert "5 actions;" in explained.out


@pytest.mark.parametrize(
    ("flags", "endpoints"),
    [
        (["--no-ec2-describe"], {"ssm", "ssmmessages"}),
        ([], {"ssm", "ssmmessages", "ec2"}),
        (["--legacy-messaging"], {"ssm", "ssmmessages", "ec2", "ec2messages"}),
        (["--no-ec2-describe", "--patching"], {"ssm", "ssmmessages", "s3"}),
        (["--no-ec2-describe", "--session-kms-key-arn", KEY], {"ssm", "ssmmessages", "kms"}),
        # Parameter Store and S3 ask KMS themselves.
        (
            ["--no-ec2-describe", "--parameters-paths", "/app", "--parameters-kms-key-arn", KEY],
            {"ssm", "ssmmessages"},
        ),
        (["--no-ec2-describe", "--session-logs-log-group", "/ssm"], {"ssm", "ssmmessages", "logs"}),
        (["--no-ec2-describe", "--cloudwatch-agent"], {"ssm", "ssmmessages", "ec2", "monitoring"}),
        (
            ["--no-ec2-describe", "--domain-join-directory-id", "d-1234567890"],
            {"ssm", "ssmmessages", "ds", "secretsmanager"},
        ),
    ],
)
def test_the_endpoints_that_a_private_subnet_needs(run, flags, endpoints):
    explained = run("explain", "--json", "--region", "eu-central-1", *flags).json

    assert {row["name"] for row in explained["endpoints"]} == {
        f"com.amazonaws.eu-central-1.{name}" for name in endpoints
    }


def test_default_host_management_is_said_not_to_apply(run):
    assert "Default Host Management Configuration does not apply" in run("explain").out
    assert run("explain", "--json").json["defaultHostManagement"] is False


def test_a_stack_is_explained_from_its_files(run):
    explained = run("explain", "--stack", "prod", "-C", str(ROOT), "--json").json

    assert explained["name"] == "stack prod"
    assert explained["policy"] == PROD
    assert [deny["option"] for deny in explained["explicitDenies"]] == ["require_imdsv2"]
    assert explained["size"] == policy.size(PROD)
    assert explained["limit"] == 10_240


def test_flags_count_more_than_the_stack(run):
    explained = run(
        "explain", "--stack", "prod", "-C", str(ROOT), "--no-require-imdsv2", "--ec2-describe", "--json"
    ).json

    assert explained["name"] == "stack prod, with flags"
    assert explained["explicitDenies"] == []
    assert "ec2:Describe*" in explained["expanded"]


def test_keys_of_a_map_are_added_to_those_of_the_stack(run, tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: web\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {web:sessionLogs: {bucket: logs, prefix: a}}")

    explained = run("explain", "--stack", "dev", "-C", str(tmp_path), "--session-logs-prefix", "b", "--json").json

    assert explained["options"]["session_logs"] == {"bucket": "logs", "prefix": "b"}


def test_every_option_that_grants_has_a_flag(run):
    flags = [f"--{switch.replace('_', '-')}" for switch in SWITCHES]
    maps = [
        "--parameters-paths", "/app/a", "--parameters-paths", "/app/b", "--parameters-recursive",
        "--parameters-kms-key-arn", KEY, "--session-kms-key-arn", KEY, "--session-logs-bucket", "logs",
        "--session-logs-prefix", "ssm", "--session-logs-kms-key-arn", KEY, "--session-logs-cross-account",
        "--session-logs-log-group", "/ssm",
        "--cloudwatch-agent-namespace", "Web", "--cloudwatch-agent-log-groups", "/web", "--domain-join-directory-id",
        "d-1234567890",
    ]  # fmt: skip

    explained = run("explain", "--json", "--region", "eu-central-1", *flags, *maps).json

    expected = dict.fromkeys(SWITCHES, True) | {
        "parameters": {"paths": ["/app/a", "/app/b"], "recursive": True, "kms_key_arn": KEY},
        "session_kms_key_arn": KEY,
        "session_logs": {
            "bucket": "logs",
            "prefix": "ssm",
            "kms_key_arn": KEY,
            "cross_account": True,
            "log_group": "/ssm",
        },
        "cloudwatch_agent": {"namespace": "Web", "log_groups": ["/web"]},
        "domain_join": {"directory_id": "d-1234567890"},
    }
    assert explained["options"] == expected
    assert explained["policy"] == policy.policy_document(expected, LOCATION | {"account": "<account>"})


def test_the_cloudwatch_agent_alone_has_a_flag(run):
    assert run("explain", "--cloudwatch-agent", "--json").json["options"] == {"cloudwatch_agent": {}}


def test_what_is_not_known_of_the_place_is_left_open(run):
    (row,) = [
        row for row in run("explain", "--documents", "--json").json["actions"] if row["action"] == "ssm:GetDocument"
    ]

    assert row["Resource"] == [
        "arn:<partition>:ssm:<region>::document/*",
        "arn:<partition>:ssm:<region>:<account>:document/*",
    ]


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_region_decides_the_partition(run, region, partition):
    explained = run("explain", "--scope-heartbeat", "--region", region, "--json").json

    assert explained["policy"]["Statement"][1]["Resource"] == f"arn:{partition}:ec2:*:*:instance/*"


def test_markdown_is_for_pull_requests(run):
    text = run("explain", "--markdown").out

    assert "### Granted" in text
    assert "| `ssm:UpdateInstanceInformation` | on `*` | always |" in text
    assert "\t" not in text


def test_an_encrypted_value_is_not_guessed(run, tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: web\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(
        yaml.safe_dump({"config": {"web:sessionKmsKeyArn": {"secure": "v1:x:y"}}})
    )

    refused = run("explain", "--stack", "dev", "-C", str(tmp_path))

    assert refused.code == 2
    assert "found encrypted values of web:sessionKmsKeyArn" in refused.error
    assert "give the options as flags" in refused.error


def test_a_stack_that_is_not_there_is_named_with_those_that_are(run):
    refused = run("explain", "--stack", "nope", "-C", str(ROOT))

    assert refused.code == 2
    assert "Pulumi.nope.yaml; allowed: dev, prod" in refused.error


def test_mistakes_in_a_stack_are_all_reported_as_the_program_does(run, tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: web\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {web:quietAgnet: true, web:patching: 3}")

    refused = run("explain", "--stack", "dev", "-C", str(tmp_path))

    assert refused.code == 2
    assert "web:patching: found 3; allowed: true or false" in refused.error
    assert "nearest known key: web:quietAgent" in refused.error


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--inventory"], "--inventory: found true without --state-manager"),
        (["--parameters-paths", "app"], '--parameters-paths: found "app"'),
        (["--managed-buckets"], "managed_buckets: found no region"),
        (["--managed-buckets", "--region", "cn-north-1"], "managed_buckets: found true in the region cn-north-1"),
        (["--scope-heartbeat", "--region", "middle-earth-1"], "found 'middle-earth-1', which is none of AWS's"),
    ],
)
def test_wrong_flags_are_explained(run, flags, told):
    refused = run("explain", *flags)

    assert refused.code == 2
    assert told in refused.error


@pytest.mark.parametrize("text", ["[]", "config: 3", "a: [", "\x00"])
def test_a_broken_stack_file_is_a_message(run, tmp_path, text):
    (tmp_path / "Pulumi.yaml").write_text("name: web\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(text)

    refused = run("explain", "--stack", "dev", "-C", str(tmp_path))

    assert refused.code == 2
    assert "Pulumi.dev.yaml: found" in refused.error


def test_an_empty_stack_file_is_a_stack_with_the_defaults(run, tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: web\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("")

    assert run("explain", "--stack", "dev", "-C", str(tmp_path), "--json").json["policy"] == DEFAULT
