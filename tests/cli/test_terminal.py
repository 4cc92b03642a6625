"""Every value of a report can be read and copied whole on a terminal of every width."""

from collections import Counter

import pytest

from ssm_profile.cli.stack_yaml import in_camel_case
from tests import ROOT
from tests.cli.policies import MINIMUM, SWITCHES, allow
from tests.expected import KEY

WIDTHS = (80, 100, 120, 200)
EXPLAIN = (
    "explain", "--region", "eu-central-1", *(f"--{switch.replace('_', '-')}" for switch in SWITCHES),
    "--parameters-paths", "/app", "--parameters-kms-key-arn", KEY, "--session-kms-key-arn", KEY,
    "--session-logs-bucket", "logs", "--session-logs-log-group", "/ssm", "--domain-join-directory-id", "d-1234567890",
    "--cloudwatch-agent-namespace", "Web",
)  # fmt: skip
STATEMENTS = (
    allow(MINIMUM[1:], "arn:aws:ssm:eu-central-1:123456789012:a-resource-with-a-long-name/and-a-long-path/*"),
    allow(["s3:Put*", "iam:PassRole", "cloudwatch:PutMetricData"], Condition={"StringEquals": {"aws:A b": ["c", "d"]}}),
    allow(["ssm:GetParameter", "ssm:GetParameters"], "arn:aws:ssm:eu-central-1:123456789012:parameter/app/database/*"),
    allow("logs:*"),
    {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:ViaAWSService": "true"}}},
)
MESSAGE = (
    "User: arn:aws:sts::123456789012:assumed-role/web/i-0123456789abcdef0 is not authorized to perform: "
    "ssm:GetDocument on resource: arn:aws:ssm:eu-central-1:123456789012:document/a-document-with-a-long-name"
)


def lines_of(condition):
    """The lines of a condition, as a report shows them."""
    return [
        f"{operator} {key} {', '.join([values] if isinstance(values, str) else values)}"
        for operator, keys in condition.items()
        for key, values in keys.items()
    ]


def names(rows):
    """The actions of rows, each as it is shown: alone, or as the pattern of its group."""
    return [row["action"] for row in rows]


def assert_whole(shown, values):
    """Each value is somewhere in the output without a break."""
    assert values
    assert [value for value in values if value not in shown] == []


def assert_words(shown, texts):
    """Each word of some prose is in the output as often as in the prose."""
    prose = Counter(word for text in texts for word in text.replace("`", "").split())
    assert prose
    assert prose - Counter(shown.split()) == Counter()


@pytest.mark.parametrize("width", WIDTHS)
class TestTerminal:
    def test_explain(self, run, run_on_terminal, width):
        explained = run(*EXPLAIN, "--json").json
        shown = run_on_terminal(width, *EXPLAIN)

        rows, denies = explained["actions"], explained["explicitDenies"]
        resources = [row["Resource"] for row in rows]
        assert_whole(shown, names(rows))
        assert_whole(shown, [each for some in resources for each in ([some] if isinstance(some, str) else some)])
        assert_whole(shown, [line for row in (*rows, *denies) for line in lines_of(row.get("Condition", {}))])
        assert_whole(shown, [source for row in (*rows, *denies) for source in row["sources"]])
        assert_whole(shown, [row["name"] for row in explained["endpoints"]])
        assert_words(shown, [text for row in rows for text in (row["purpose"], row["symptom"])])
        assert_words(shown, [text for row in denies for text in (row["summary"], row["breaks"])])
        assert_words(shown, [row["note"] for row in explained["endpoints"]])

    def test_compare(self, run, run_on_terminal, policy_file, width):
        arguments = ("compare", policy_file(*STATEMENTS), "--parameters-paths", "/app", "--region", "eu-central-1")
        compared = run(*arguments, "--json").json
        shown = run_on_terminal(width, *arguments)

        rows = [row for key in ("onlyHere", "onlyThere", "both", "noOption") for row in compared[key]]
        assert_whole(shown, names(rows))
        assert_whole(
            shown, [scope for row in rows for key in ("on", "onHere", "onThere") for scope in row.get(key, [])]
        )
        assert_whole(shown, compared["deniedThere"])
        assert_words(shown, [row["why"] for row in compared["noOption"]])
        (config,) = [block for block in run(*arguments).out.split("\n\n") if block.startswith("config:")]
        assert config in shown

    def test_audit(self, run, run_on_terminal, policy_file, width):
        arguments = ("audit", policy_file(*STATEMENTS))
        audited = run(*arguments, "--json").audit
        shown = run_on_terminal(width, *arguments)

        (partly,) = [row for row in audited["capabilities"] if row["capability"] == "messaging"]
        assert_whole(shown, ["messaging", "heartbeat"])
        assert_whole(shown, names([row for key in ("unneeded", "unscoped") for row in audited[key]]))
        assert_whole(shown, names(partly["missing"]))
        assert_words(shown, [row["symptom"] for row in partly["missing"]])
        assert_whole(shown, [row["resource"] for row in audited["unscoped"]])
        assert_whole(shown, [in_camel_case(line) for row in audited["unscoped"] for line in row["sufficient"]])
        assert_whole(shown, [row["text"] for row in audited["denies"]])
        assert_words(shown, [in_camel_case(row["why"]) for row in audited["unneeded"] if row["why"]])
        (yaml,) = [block for block in run(*arguments).out.split("\n\n") if block.startswith("config:\n")]
        assert_whole(shown, [yaml])

    def test_denied(self, run, run_on_terminal, policy_file, width):
        arguments = ("audit", "--denied", policy_file(text=MESSAGE))
        (answer,) = run(*arguments, "--json").json["answers"]
        shown = run_on_terminal(width, *arguments)

        assert_whole(shown, [answer["action"], answer["resource"]])
        assert_whole(shown, [each["option"] for each in answer["options"]])
        assert_whole(shown, [source for each in answer["options"] for source in each["sources"]])
        assert_words(shown, [text for each in answer["options"] for text in (each["purpose"], each["symptom"])])
        yaml = [block for block in run(*arguments).out.split("\n\n") if block.startswith("config:\n")]
        assert_whole(shown, yaml)

    def test_prose_fits(self, run_on_terminal, width):
        """A line that is longer than the terminal has one value and, before it, a name and nothing else."""
        long = [line for line in run_on_terminal(width, *EXPLAIN).split("\n") if len(line) > width]

        for line in long:
            value = line.strip().rsplit("  ", 1)[-1]
            assert value.startswith(("https://", "arn:", "StringLike ", "ForAnyValue:StringEquals "))

    def test_comparison_fits(self, run_on_terminal, width):
        """A heading with the names of policies wraps as prose does."""
        shown = run_on_terminal(width, "compare", "--stack", "prod", "-C", str(ROOT))

        assert "and granted" in shown
        assert [line for line in shown.split("\n") if len(line) > width] == []
