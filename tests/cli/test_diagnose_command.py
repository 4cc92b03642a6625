"""The command `ssm-profile diagnose`: its arguments, several instances, its messages."""

import json
import re

import pytest

from tests import ROOT, require

jsonschema = require("jsonschema")
emulated = require("tests.cli.account")
report = require("ssm_profile.cli.diagnose.report")
Items = require("ssm_profile.cli.report").Items
SCHEMA = json.loads((ROOT / "docs" / "diagnose.schema.json").read_text())
LOST = "Systems Manager has lost the connection to"


class TestAll:
    def test_only_unmanaged(self, account, diagnose):
        other = account.launch()
        account.ec2.stop_instances(InstanceIds=[account.launch()])

        code, found = diagnose("--all")

        assert (code, found["instance"], found["causes"]) == (1, other, ["no instance profile"])

    def test_lost_connection(self, account, diagnose):
        account.disconnect()

        assert diagnose("--all")[1]["pingStatus"] == "ConnectionLost"

    def test_overview(self, account, run):
        others = [account.launch(), account.launch()]

        printed = run("diagnose", "--all", "--region", emulated.REGION)

        assert printed.out.startswith("Systems Manager does not manage 2 of 3 running instances.\n")
        assert printed.items[0] == f"2 instances: no instance profile: {others[0]}, {others[1]}"
        assert {row["Result"] for row in printed.tables[f"Checks of {others[0]}"]} == {"wrong", "not known"}
        assert f"Checks of {others[1]}" not in printed.tables

    def test_groups(self, account, run):
        """Instances with the same results are together."""
        account.disconnect()
        others = [account.launch() for _ in range(12)]

        printed = run("diagnose", "--all", "--region", emulated.REGION)

        assert printed.items[:2] == [
            f"12 instances: no instance profile: {', '.join(others)}",
            f"{LOST} {account.instance}. No check finds the cause.",
        ]
        assert [title for title in printed.tables if title.startswith("Checks of")] == [
            f"Checks of {others[0]}",
            f"Checks of {account.instance}",
        ]
        assert "11 more instances have the same results." in printed.out
        assert len(run("diagnose", "--all", "--region", emulated.REGION, "--json").json["instances"]) == 13

    @pytest.mark.parametrize("form", ["--text", "--json"])
    def test_interrupted(self, account, run, form):
        """Ctrl-C leaves what was done."""
        profiles = account.iam.get_instance_profile(InstanceProfileName="web")
        asked = []

        def interrupt(_):
            asked.append(1)
            if len(asked) == 1:
                raise KeyboardInterrupt
            return profiles

        others = [account.launch(), account.launch(IamInstanceProfile={"Name": "web"}), account.launch()]
        account.answers["iam", "get_instance_profile"] = interrupt

        printed = run("diagnose", "--all", "--region", emulated.REGION, form)

        assert printed.code == 1
        if form == "--json":
            assert [each["instance"] for each in printed.json["instances"]] == others[:1]
            assert (printed.json["notDiagnosed"], printed.json["stopped"]) == (others[1:], "Interrupted.")
        else:
            assert printed.out.startswith("Systems Manager does not manage 3 of 4 running instances.\n")
            assert f"Interrupted. Not diagnosed: {', '.join(others[1:])}." in printed.out

    def test_interrupted_before_the_first(self, account, run):
        def interrupt(_):
            raise KeyboardInterrupt

        account.disconnect()
        account.answers["iam", "get_instance_profile"] = interrupt

        printed = run("diagnose", "--all", "--region", emulated.REGION)

        assert (printed.code, printed.out) == (1, "")

    @pytest.mark.parametrize(
        ("code", "said"),
        [
            ("ExpiredToken", "The AWS credentials have expired (ExpiredToken"),
            ("InvalidClientTokenId", "AWS does not accept the credentials (InvalidClientTokenId"),
        ],
    )
    @pytest.mark.parametrize("form", ["--text", "--json", "--markdown"])
    def test_credentials_that_expire(self, account, run, form, code, said):
        """What was diagnosed until then is printed."""
        others = [account.launch(), account.launch(IamInstanceProfile={"Name": "web"}), account.launch()]
        account.deny("iam", "get_instance_profile", code)

        printed = run("diagnose", "--all", "--region", emulated.REGION, form)

        assert printed.code == 1
        assert said in printed.out
        if form == "--json":
            jsonschema.validate(printed.json, SCHEMA)
            assert [each["instance"] for each in printed.json["instances"]] == others[:1]
            assert printed.json["notDiagnosed"] == others[1:]
            assert "`" not in printed.out
        else:
            mark = "`" if form == "--markdown" else ""
            assert "no instance profile" in printed.out
            assert f"Not diagnosed: {mark}{others[1]}{mark}, {mark}{others[2]}{mark}." in printed.out

    def test_credentials_that_expire_after_a_managed_instance(self, account, run):
        """The exit code says that an instance was left."""
        other = account.launch(IamInstanceProfile={"Name": "web"})
        account.registrations[other] = emulated.ONLINE
        statuses = iter([{"Target": account.instance, "Status": "connected"}, "ExpiredToken"])
        account.answers["ssm", "get_connection_status"] = lambda _: next(statuses)

        printed = run("diagnose", account.instance, other, "--region", emulated.REGION, "--json")

        assert (printed.code, printed.json["notDiagnosed"]) == (1, [other])
        assert printed.json["instances"][0]["managed"] is True

    def test_every_instance_is_managed(self, account, run):  # noqa: ARG002
        printed = run("diagnose", "--all", "--region", emulated.REGION)

        assert (printed.code, printed.out) == (0, "Systems Manager manages all 1 running instances.\n")

    def test_no_instance_runs(self, account, run):
        account.ec2.stop_instances(InstanceIds=[account.instance])

        printed = run("diagnose", "--all", "--region", emulated.REGION)

        assert (printed.code, printed.out) == (0, "No instance is running in the region.\n")

    def test_not_known_which(self, account, run):
        account.deny("ssm", "describe_instance_information")

        refused = run("diagnose", "--all", "--region", emulated.REGION)

        assert (refused.code, refused.out) == (2, "")
        assert "the credentials do not allow ssm:DescribeInstanceInformation" in refused.error

    def test_each_question_once(self, account, run):
        """Instances with the same profile and subnet need no further calls."""
        for _ in range(3):
            account.launch(IamInstanceProfile={"Name": "web"})

        run("diagnose", "--all", "--region", emulated.REGION)

        counts = {name: account.calls.count(name) for name in account.calls}
        assert counts.pop("iam:GetRole") == counts.pop("ec2:DescribeRouteTables") == 2  # each for two purposes
        assert counts.pop("ec2:DescribeVpcAttribute") == 2
        assert set(counts.values()) == {1}


def diagnosis(name, **changes):
    """A diagnosis as the report gets it."""
    row = {"check": "instance profile", "result": "wrong", "finding": "x", "sources": []}
    values = {"instance": name, "answer": f"{name}: x.", "causes": ["x"], "checks": [row], "next": [f"See {name}."]}
    return {**values, "runbook": None, **changes}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["2 instances: x: `i-1`, `i-2`"]),
        ({"answer": "i-2: y."}, ["i-1: x.", "i-2: y."]),
        ({"next": ["Wait."]}, ["i-1: x.", "i-2: x."]),
        ({"checks": []}, ["i-1: x.", "i-2: x."]),
    ],
)
def test_group(changes, expected):
    """A group has the same answers, results and steps."""
    instances = [diagnosis("i-1"), diagnosis("i-2", **changes)]
    diagnosed = {"instances": instances, "running": 2, "notDiagnosed": [], "logs": []}

    parts = report.format_diagnoses(diagnosed)

    assert next(list(each.items) for each in parts if isinstance(each, Items)) == expected


@pytest.mark.parametrize(("count", "expected"), [(20, "`i-19`."), (22, "`i-19` and 2 more, which --json lists.")])
def test_many_that_are_left(count, expected):
    left = [f"i-{number}" for number in range(count)]
    diagnosed = {"instances": [diagnosis("i-x")], "running": None, "notDiagnosed": left, "stopped": "Why.", "logs": []}

    (first, *_) = report.format_diagnoses(diagnosed)

    assert first.text.startswith("Why. Not diagnosed: `i-0`, `i-1`, ")
    assert first.text.endswith(expected)


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "Pass the ID of an instance, or --all, or --log FILE."),
            (["i-0123456789abcdef0", "--all"], "Instance IDs and --all cannot be combined."),
            (["mi-0123456789abcdef0"], "mi-0123456789abcdef0 is a hybrid node"),
            (["web"], "The ID of an instance has the form i-0123456789abcdef0 (got 'web')."),
        ],
    )
    def test_wrong_usage(self, run, arguments, message):
        refused = run("diagnose", *arguments)

        assert refused.code == 2
        assert message in " ".join(refused.error.replace("│", "").split())

    def test_unknown_instance(self, account, run):  # noqa: ARG002
        refused = run("diagnose", "i-0123456789abcdef0", "--region", emulated.REGION)

        assert refused.code == 2
        assert "AWS does not find the instances in eu-central-1 (InvalidInstanceID.NotFound: " in refused.error

    def test_no_region(self, run, monkeypatch):
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nosuch")

        refused = run("diagnose", "i-0123456789abcdef0")

        assert refused.error == "Error: No region is set. Pass --region, or set one as for the AWS CLI.\n"


def test_flags_in_messages():
    """Messages name only commands and flags that exist."""
    main = require("ssm_profile.cli.app").ssm_profile
    text = "".join(path.read_text() for path in (ROOT / "ssm_profile" / "cli" / "diagnose").glob("*.py"))
    named = re.findall(r"`ssm-profile ([a-z]+)([^`]*)`", text)

    assert {name for name, _ in named} == {"audit", "diagnose", "policy"}
    for name, rest in named:
        flags = {flag for each in main.commands[name].params for flag in each.opts}
        assert {*re.findall(r"--[a-z-]+", rest)} <= flags
