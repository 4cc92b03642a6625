"""The command `ssm-profile diagnose`: its arguments, several instances, its messages."""

import csv
import io
import json
import re

import pytest

from tests import ROOT, require
from tests.cli.policies import allow, document
from tests.expected import TRUST

jsonschema = require("jsonschema")
emulated = require("tests.cli.account")
report = require("ssm_profile.cli.diagnose.report")
command = require("ssm_profile.cli.diagnose.command")
formats = require("ssm_profile.cli.diagnose.formats")
Table = require("ssm_profile.cli.report").Table
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

        assert printed.out.startswith("Systems Manager does not manage 2 of 3 running instances in eu-central-1.\n")
        assert printed.tables["Causes"] == [
            {"Cause": "no instance profile", "Number": "2", "Instances": ", ".join(others), "Roles": "none"}
        ]
        rows = printed.tables[f"Checks of {others[0]} in eu-central-1"]
        assert {row["Result"] for row in rows} == {"wrong", "not known"}
        assert [title for title in printed.tables if title.startswith("Checks of")] == [
            f"Checks of {others[0]} in eu-central-1"
        ]

    def test_groups(self, account, run):
        """Instances with the same results are together."""
        account.disconnect()
        others = [account.launch() for _ in range(12)]

        printed = run("diagnose", "--all", "--region", emulated.REGION)

        assert [(row["Cause"], row["Number"], row["Roles"]) for row in printed.tables["Causes"]] == [
            ("no instance profile", "12", "none"),
            (f"{LOST} the instance. No check finds the cause.", "1", "web"),
        ]
        assert [title for title in printed.tables if title.startswith("Checks of")] == [
            f"Checks of {others[0]} in eu-central-1",
            f"Checks of {account.instance} in eu-central-1",
        ]
        assert "11 more instances have the same results." in printed.out
        assert len(run("diagnose", "--all", "--region", emulated.REGION, "--json").json["instances"]) == 13

    def test_own_roles(self, account, run):
        """Those with roles of their own and the same fault are together. What applies to all is said once."""
        others = []
        for name in ("app-a", "app-b", "app-c"):
            account.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
            account.iam.create_instance_profile(InstanceProfileName=name)
            account.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
            others.append(account.launch(IamInstanceProfile={"Name": name}))
        account.launch()

        printed = run("diagnose", "--all", "--region", emulated.REGION)

        (first, _) = printed.tables["Causes"]
        assert first["Cause"].startswith("the role does not allow ssm:UpdateInstanceInformation and ")
        assert (first["Number"], first["Roles"]) == ("3", "app-a, app-b, app-c")
        assert "2 more instances have the same results, with names of their own for roles, " in printed.out
        assert f"Checks of {others[0]} in eu-central-1" in printed.tables
        assert (
            printed.out.count("On the instance, run ") == printed.out.count("aws ssm start-automation-execution ") == 1
        )
        assert "--parameters InstanceId=INSTANCE " in printed.out
        assert printed.out.count("# Sources") == 1

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
            assert printed.out.startswith("Systems Manager does not manage 3 of 4 running instances in eu-central-1.\n")
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

        assert (printed.code, printed.out) == (0, "Systems Manager manages all 1 running instances in eu-central-1.\n")

    def test_no_instance_runs(self, account, run):
        account.ec2.stop_instances(InstanceIds=[account.instance])

        printed = run("diagnose", "--all", "--region", emulated.REGION)

        assert (printed.code, printed.out) == (0, "No instance is running in eu-central-1.\n")

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
        assert counts.pop("ec2:DescribeRouteTables") == counts.pop("ec2:DescribeVpcAttribute") == 2  # for two purposes
        assert set(counts.values()) == {1}

    def test_managed_policies_once(self, account, run):
        """Many roles have the same ones."""
        arn = account.iam.create_policy(PolicyName="b", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
        for name in ("a", "b", "c"):
            account.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), PermissionsBoundary=arn)
            account.iam.attach_role_policy(RoleName=name, PolicyArn=arn)
            account.iam.create_instance_profile(InstanceProfileName=name)
            account.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
            account.launch(IamInstanceProfile={"Name": name})

        run("diagnose", "--all", "--region", emulated.REGION)

        counts = {name: account.calls.count(f"iam:{name}") for name in ("GetPolicy", "GetPolicyVersion", "GetRole")}
        assert counts == {"GetPolicy": 1, "GetPolicyVersion": 1, "GetRole": 3}


def diagnosis(name, **changes):
    """A diagnosis as the report gets it."""
    row = {"check": "instance profile", "result": "wrong", "finding": "x", "sources": []}
    values = {"instance": name, "answer": f"{name}: x.", "causes": ["x"], "checks": [row], "next": [f"See {name}."]}
    values |= {"region": "eu-central-1", "managed": False, "pingStatus": None, "runbook": None}
    return {**values, "instanceProfile": None, "role": None, "securityGroups": [], **changes}


def row(finding, result="wrong"):
    return {"check": "ping status", "result": result, "finding": finding, "sources": []}


def pair(role, finding):
    """What a diagnosis has of a role."""
    return {"role": f"arn:aws:iam::123456789012:role/{role}", "next": [f"Change `{role}`."], "checks": [row(finding)]}


@pytest.mark.parametrize(
    ("first", "second", "is_group"),
    [
        ({}, {}, True),
        ({}, {"causes": ["y"]}, False),
        ({}, {"managed": None}, False),
        ({}, {"next": ["Wait."]}, False),
        ({}, {"checks": []}, False),
        ({"checks": [row("To `tgw-1`.")]}, {"checks": [row("To `pcx-1`.")]}, False),
        ({"checks": [row("To 1.", "not known")]}, {"checks": [row("To 2.", "not known")]}, False),
        ({"checks": [row("To 1.", "not read")]}, {"checks": [row("To 2.", "not read")]}, False),
        ({"checks": [row("To 1.", "ok")]}, {"checks": [row("To 2.", "ok")]}, True),
        ({"checks": [row("Since 2 minutes ago.")]}, {"checks": [row("Since less than a minute ago.")]}, True),
        ({"checks": [row("At 2020-01-01 10:00 UTC.")]}, {"checks": [row("At 2021-01-02 11:00 UTC.")]}, True),
        (pair("a", "`a` is x."), pair("b", "`b` is x."), True),
        (pair("a", "`c` is x."), pair("b", "`d` is x."), False),
        (
            {"securityGroups": ["sg-1"], "next": ["In `sg-1`."]},
            {"securityGroups": ["sg-2"], "next": ["In `sg-2`."]},
            True,
        ),
    ],
)
def test_group(first, second, is_group):
    """A group has the same findings and steps, but for times and for names of its own."""
    instances = [diagnosis("i-1", **first), diagnosis("i-2", **second)]
    diagnosed = {"instances": instances, "region": "x", "running": 2, "notDiagnosed": [], "logs": []}
    diagnosed["stopped"] = None

    parts = report.format_diagnoses(diagnosed)

    assert sum(isinstance(each, Table) and each.title.startswith("Checks of") for each in parts) == 2 - is_group


class TestCsv:
    def test_rows(self, account, run):
        other, last = account.launch(), account.launch(IamInstanceProfile={"Name": "web"})
        account.registrations[last] = emulated.ONLINE | {"PingStatus": "ConnectionLost"}
        account.ec2.modify_instance_metadata_options(InstanceId=other, HttpEndpoint="disabled")

        printed = run("diagnose", account.instance, other, last, "--region", emulated.REGION, "--csv")

        rows = list(csv.DictReader(io.StringIO(printed.out)))
        assert printed.code == 1
        assert {(row["account"], row["region"]) for row in rows} == {(emulated.ACCOUNT, emulated.REGION)}
        assert [row["instance"] for row in rows] == [account.instance, other, last]
        assert [row["state"] for row in rows] == ["Online", "not registered", "ConnectionLost"]
        assert rows[0]["role"] == rows[2]["role"] == f"arn:aws:iam::{emulated.ACCOUNT}:role/ssm/web"
        assert [row["cause"] for row in rows] == ["", "the instance metadata service is off; no instance profile", ""]
        assert rows[1]["fix"].startswith("Turn it on: aws ec2 modify-instance-metadata-options ")
        assert rows[2]["answer"] == f"{LOST} {last}. No check finds the cause."
        assert (rows[0]["fix"], rows[2]["fix"]) == ("", "")

    def test_formula(self):
        """A spreadsheet reads a cell that begins with an equals sign as a formula."""
        changes = {"account": None, "role": "=x", "causes": ["+1", "-2"], "answer": "a\nb"}

        *_, line = formats.csv_lines({"instances": [diagnosis("i-1", **changes)], "notDiagnosed": []})

        assert line == '"","eu-central-1","i-1","\'=x","not registered","a\\nb","\'+1; \'-2","See i-1."\n'

    def test_instances_that_are_left(self):
        diagnosed = {"instances": [], "region": "x", "notDiagnosed": ["i-1"], "stopped": "Interrupted."}

        assert list(formats.csv_lines(diagnosed))[1:] == ['"","x","i-1","","not diagnosed","Interrupted.","",""\n']

    def test_with_a_file(self, run):
        assert "It cannot be combined with --log." in " ".join(
            run("diagnose", "--csv", "--log", "x").error.replace("│", "").split()
        )


class TestProgress:
    @pytest.mark.parametrize(("is_terminal", "count", "shown"), [(True, 2, True), (True, 1, False), (False, 2, False)])
    def test_bar(self, monkeypatch, is_terminal, count, shown):
        """Only a terminal gets the bar, and only if there are several instances."""
        error = io.StringIO()
        error.isatty = lambda: is_terminal
        monkeypatch.setattr("sys.stderr", error)
        monkeypatch.setenv("TERM", "xterm-256color")

        assert command._read([lambda: 1] * count) == ([1] * count, "")
        assert ("Reading instances" in error.getvalue()) == shown


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
        assert "AWS does not find i-0123456789abcdef0 in eu-central-1. Check the IDs" in refused.error

    @pytest.mark.parametrize("form", ["--text", "--json"])
    def test_one_unknown_instance(self, account, run, form):
        """The others are diagnosed."""
        unknown = "i-0123456789abcdef0"

        printed = run("diagnose", unknown, account.instance, "--region", emulated.REGION, form)

        assert printed.code == 1
        if form == "--json":
            assert [each["instance"] for each in printed.json["instances"]] == [account.instance]
            assert printed.json["notDiagnosed"] == [unknown]
        else:
            assert printed.out.startswith(f"AWS does not find {unknown} in eu-central-1. Check the IDs, ")
            assert f"Systems Manager manages {account.instance}." in printed.out

    @pytest.mark.parametrize("arguments", [["i-0123456789abcdef0"], ["--all"]])
    def test_error_of_aws_beside_a_file(self, account, run, tmp_path, arguments):
        """What the file says is printed."""
        account.deny("ec2", "describe_instances", "ExpiredToken")
        (tmp_path / "log").write_text("2018-09-17 13:12:46 INFO [amazon-ssm-agent] x")

        printed = run("diagnose", *arguments, "--region", emulated.REGION, "--log", str(tmp_path / "log"))

        assert printed.code == 1
        assert printed.out.startswith("The AWS credentials have expired (ExpiredToken: ). ")
        assert "no denied call; no entry with an error." in printed.out

    def test_no_region(self, run, monkeypatch):
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nosuch")

        refused = run("diagnose", "i-0123456789abcdef0")

        assert refused.error == "Error: No region is set. Pass --region, or set one as for the AWS CLI.\n"


class TestRegion:
    """The default is that of the AWS CLI, which reads AWS_REGION first."""

    @pytest.mark.parametrize(
        ("first", "second", "expected"),
        [("eu-west-1", "eu-west-2", "eu-west-1"), ("", "eu-west-2", "eu-west-2"), (None, "eu-west-2", "eu-west-2")],
    )
    def test_default(self, monkeypatch, first, second, expected):
        monkeypatch.setenv("AWS_DEFAULT_REGION", second)
        monkeypatch.delenv("AWS_REGION", raising=False)
        if first is not None:
            monkeypatch.setenv("AWS_REGION", first)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "x")

        assert require("ssm_profile.cli.iam_roles").client("ec2").meta.region_name == expected
        assert require("ssm_profile.cli.diagnose.aws").Reader().region == expected

    def test_is_named(self, account, run):
        """The report says where the command looked."""
        account.disconnect()

        printed = run("diagnose", account.instance, "--region", emulated.REGION)

        assert f"Checks of {account.instance} in eu-central-1" in printed.tables
        assert run("diagnose", account.instance, "--region", emulated.REGION, "--json").json["region"] == "eu-central-1"


def test_flags_in_messages():
    """Messages name only commands and flags that exist."""
    main = require("ssm_profile.cli.app").ssm_profile
    text = "".join(path.read_text() for path in (ROOT / "ssm_profile" / "cli" / "diagnose").glob("*.py"))
    named = re.findall(r"`ssm-profile ([a-z]+)([^`]*)`", text)

    assert {name for name, _ in named} == {"audit", "diagnose", "policy"}
    for name, rest in named:
        flags = {flag for each in main.commands[name].params for flag in each.opts}
        assert {*re.findall(r"--[a-z-]+", rest)} <= flags
