"""The options of ``explain`` and ``compare``: from flags and from a stack's files."""

import pytest
import yaml

from ssm_profile import policy
from tests import ROOT
from tests.cli.policies import SWITCHES
from tests.expected import DEFAULT, KEY, LOCATION


@pytest.fixture
def explain_stack(run, tmp_path):
    """Explains a stack whose file has a content."""
    (tmp_path / "Pulumi.yaml").write_text("name: web\nruntime: python\n")

    def explain(content, *flags):
        (tmp_path / "Pulumi.dev.yaml").write_text(content)
        return run("explain", "--stack", "dev", "-C", str(tmp_path), "--json", *flags)

    return explain


class TestFlags:
    def test_every_option(self, run):
        flags = [f"--{switch.replace('_', '-')}" for switch in SWITCHES]
        flags += [
            "--parameters-paths", "/app/a", "--parameters-paths", "/app/b", "--parameters-recursive",
            "--parameters-kms-key-arn", KEY, "--session-kms-key-arn", KEY, "--session-logs-bucket", "logs",
            "--session-logs-prefix", "ssm", "--session-logs-kms-key-arn", KEY, "--session-logs-cross-account",
            "--session-logs-log-group", "/ssm",
            "--cloudwatch-agent-namespace", "Web", "--cloudwatch-agent-log-groups", "/web",
            "--domain-join-directory-id", "d-1234567890",
        ]  # fmt: skip

        explained = run("explain", "--json", "--region", "eu-central-1", *flags).json

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


class TestStackAndFlags:
    def test_flags_override_the_stack(self, run):
        explained = run(
            "explain", "--stack", "prod", "-C", str(ROOT), "--no-require-imdsv2", "--ec2-describe", "--json"
        ).json

        assert explained["name"] == "stack prod with flags"
        assert explained["explicitDenies"] == []
        assert "ec2:Describe*" in explained["expanded"]

    def test_keys_of_a_map_are_merged(self, explain_stack):
        explained = explain_stack("config: {web:sessionLogs: {bucket: logs, prefix: a}}", "--session-logs-prefix", "b")

        assert explained.json["options"]["session_logs"] == {"bucket": "logs", "prefix": "b"}


class TestStackFiles:
    def test_empty_file(self, explain_stack):
        assert explain_stack("").json["policy"] == DEFAULT

    def test_encrypted_value(self, explain_stack):
        refused = explain_stack(yaml.safe_dump({"config": {"web:sessionKmsKeyArn": {"secure": "v1:x:y"}}}))

        assert refused.code == 2
        assert "Pulumi.dev.yaml: the values of web:sessionKmsKeyArn are encrypted" in refused.error
        assert "pass the options as flags" in refused.error

    def test_unknown_stack(self, run):
        """The message lists the stacks that exist."""
        refused = run("explain", "--stack", "nope", "-C", str(ROOT))

        assert refused.code == 2
        assert refused.error.endswith("Pulumi.nope.yaml does not exist. The stacks are dev, prod.\n")

    def test_all_mistakes_at_once(self, explain_stack):
        refused = explain_stack("config: {web:quietAgnet: true, web:patching: 3}")

        assert refused.code == 2
        assert "`web:patching` must be true or false (got 3)." in refused.error
        assert "`web:quietAgnet` is not an option. Did you mean `web:quietAgent`?" in refused.error

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("[]", "Pulumi.dev.yaml must be a YAML map"),
            ("config: 3", "Pulumi.dev.yaml: `config` must be a map of keys and values (got 3)."),
            ("a: [", "Pulumi.dev.yaml is not YAML: "),
            ("\x00", "Pulumi.dev.yaml is not YAML: "),
        ],
    )
    def test_broken_file(self, explain_stack, content, message):
        refused = explain_stack(content)

        assert refused.code == 2
        assert message in refused.error
