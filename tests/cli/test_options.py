"""The options of ``explain``, ``compare`` and ``policy`` from flags."""

import pytest

from ssm_profile import policy
from tests import ROOT
from tests.cli.policies import SWITCHES
from tests.expected import KEY, LOCATION


class TestFlags:
    def test_every_option(self, run):
        flags = [f"--{switch.replace('_', '-')}" for switch in SWITCHES]
        flags += [
            "--parameters-paths", "/app/a", "--parameters-paths", "/app/b", "--parameters-recursive",
            "--parameters-kms-key-arn", KEY, "--session-kms-key-arn", KEY, "--session-logs-bucket", "logs",
            "--session-logs-prefix", "ssm", "--session-logs-kms-key-arn", KEY,
            "--session-logs-log-group", "/ssm",
            "--cloudwatch-agent-namespace", "Web", "--cloudwatch-agent-log-groups", "/web",
            "--cloudwatch-agent-log-group-prefixes", "i-", "--cloudwatch-agent-retention", "--cloudwatch-agent-traces",
            "--domain-join-directory-id", "d-1234567890", "--domain-join-owner-account-id", "210987654321",
            "--domain-join-owner-directory-id", "d-0987654321", "--domain-join-kms-key-arn", KEY,
        ]  # fmt: skip

        explained = run("explain", "--json", "--region", "eu-central-1", *flags).json

        expected = dict.fromkeys(SWITCHES, True) | {
            "parameters": {"paths": ["/app/a", "/app/b"], "recursive": True, "kms_key_arn": KEY},
            "session_kms_key_arn": KEY,
            "session_logs": {
                "bucket": "logs",
                "prefix": "ssm",
                "kms_key_arn": KEY,
                "log_group": "/ssm",
            },
            "cloudwatch_agent": {
                "namespace": "Web",
                "log_groups": ["/web"],
                "log_group_prefixes": ["i-"],
                "retention": True,
                "traces": True,
            },
            "domain_join": {
                "directory_id": "d-1234567890",
                "owner_account_id": "210987654321",
                "owner_directory_id": "d-0987654321",
                "kms_key_arn": KEY,
            },
        }
        assert explained["options"] == expected
        assert explained["policy"] == policy.policy_document(expected, LOCATION | {"account": "<account>"})

    def test_map_without_required_keys(self, run):
        assert run("explain", "--cloudwatch-agent", "--json").json["options"] == {"cloudwatch_agent": {}}

    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            (["--inventory"], "`--inventory` requires `--state-manager"),
            (["--parameters-recursive"], "`--parameters-recursive` requires `--parameters-paths`."),
            (["--parameters-paths", "app"], "`--parameters-paths` must be a list of paths"),
            (["--managed-buckets"], "`--managed-buckets` requires a region"),
            (["--managed-buckets", "--region", "cn-north-1"], "`--managed-buckets` cannot be true in cn-north-1"),
            (["--scope-heartbeat", "--region", "middle-earth-1"], "'middle-earth-1' is not the name of an AWS region"),
        ],
    )
    def test_errors(self, run, flags, message):
        refused = run("explain", *flags)

        assert refused.code == 2
        assert message in refused.error


class TestContradictions:
    @pytest.mark.parametrize("command", ["explain", "compare", "audit"])
    def test_two_forms(self, run, command):
        refused = run(command, "--json", "--markdown")

        assert (refused.code, refused.out) == (2, "")
        assert "--json and --markdown cannot be combined. Pass one of the two." in refused.error

    @pytest.mark.parametrize("command", ["explain", "compare", "policy"])
    def test_both_values_of_an_option(self, run, command):
        refused = run(command, "--patching", "--no-patching")

        assert refused.code == 2
        assert "--patching and --no-patching cannot be combined." in refused.error

    @pytest.mark.parametrize("command", ["explain", "policy"])
    def test_two_stacks(self, run, command):
        refused = run(command, "--stack", "dev", "--stack", "prod", "-C", str(ROOT))

        assert (refused.code, refused.out) == (2, "")
        assert "--stack can be passed only once." in refused.error

    @pytest.mark.parametrize("flag", ["--region", "--account", "--session-kms-key-arn"])
    def test_two_values(self, run, flag):
        refused = run("explain", flag, "a", flag, "b")

        assert refused.code == 2
        assert f"{flag} can be passed only once." in refused.error

    def test_same_flag_twice(self, run):
        """It changes nothing, so a script can add a flag to others."""
        assert run("explain", "--json", "--patching", "--json", "--patching").json["options"] == {"patching": True}

    def test_repeatable_flag(self, run):
        flags = ["--parameters-paths", "/a", "--parameters-paths", "/b"]

        assert run("explain", "--json", *flags).json["options"] == {"parameters": {"paths": ["/a", "/b"]}}


class TestStackAndFlags:
    def test_flags_override_the_stack(self, run):
        explained = run(
            "explain", "--stack", "prod", "-C", str(ROOT), "--no-require-imdsv2", "--ec2-describe", "--json"
        ).json

        assert explained["name"] == "stack prod with flags"
        assert explained["explicitDenies"] == []
        assert "ec2:Describe*" in explained["expanded"]

    def test_keys_of_a_map_are_merged(self, explain_stack):
        explained = explain_stack("config: {sessionLogs: {bucket: logs, prefix: a}}", "--session-logs-prefix", "b")

        assert explained.json["options"]["session_logs"] == {"bucket": "logs", "prefix": "b"}
