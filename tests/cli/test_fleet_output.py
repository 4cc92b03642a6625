"""What ``fleet`` prints."""

import csv
import io
import json
import string
from typing import ClassVar
from urllib.parse import quote

import pytest

from ssm_profile.cli.action_list import data_date
from ssm_profile.errors import InputError
from tests import ROOT, require
from tests.cli.accounts import ACCOUNT, details, managed_policy, role
from tests.cli.policies import MINIMUM, SCOPED_MINIMUM, allow, document

jsonschema = require("jsonschema")
require("ijson")

SCHEMA = json.loads((ROOT / "docs" / "fleet.schema.json").read_text())
CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
ATTACHED = {"AttachedManagedPolicies": [{"PolicyArn": CORE, "PolicyName": CORE.rsplit("/", 1)[-1]}]}
ADMINISTRATOR = {"AttachedManagedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}]}
ROLES = [
    role("scoped", *SCOPED_MINIMUM),
    role("core", *SCOPED_MINIMUM, **ATTACHED),
    role("operator", allow(MINIMUM), allow(["ssm:SendCommand"])),
    role("silent", allow(MINIMUM[4])),
    role("idle", *SCOPED_MINIMUM, profiles=()),
    role("broken", RolePolicyList=[{"PolicyName": "p", "PolicyDocument": {"Statement": [{"Effect": "Maybe"}]}}]),
]


@pytest.fixture
def fleet(fleet):
    """Runs ``fleet`` on these roles, or on others."""

    def run_fleet(*arguments, **account):
        return fleet(*arguments, **{"roles": ROLES, **account})

    return run_fleet


def test_summary(fleet):
    assert [each for each in fleet().items if not each.startswith("Read from copies")][:6] == [
        "Systems Manager works with 3, does not work with 2.",
        (
            "Dangerous: 2 roles. An instance can run commands on other instances (1); "
            "read every parameter, secrets included (1)."
        ),
        "Policies to replace: AmazonSSMManagedInstanceCore (1).",
        (
            "Without an instance profile, so that no instance can use it: 1 role (idle). Delete the role if nothing "
            "uses it, or add it to an instance profile."
        ),
        f"The numbers of actions are those of AWS's list of {data_date()}.",
        "Problems: 1. They are at the end, with what to do.",
    ]


def test_order_of_dangers(fleet):
    """The worst is the first, however many roles have another one."""
    parameters = allow("ssm:GetParameter")
    roles = [role("a", *SCOPED_MINIMUM, parameters), role("b", *SCOPED_MINIMUM, parameters, allow("ssm:SendCommand"))]

    assert fleet(roles=roles).items[1] == (
        "Dangerous: 2 roles. An instance can run commands on other instances (1); "
        "read every parameter, secrets included (2)."
    )


def test_possible_risks(fleet):
    """They are in the summary, and make the exit code 1."""
    condition = {"StringEquals": {"aws:PrincipalTag/team": "web"}}
    done = fleet(roles=[role("a", allow(MINIMUM), allow("ssm:SendCommand", Condition=condition))])

    assert done.code == 1
    assert done.items[1] == "Possible danger: 1 role. An instance may run commands on other instances (1)."


class TestOtherServices:
    LAMBDA: ClassVar = {"service": "lambda.amazonaws.com"}

    @pytest.mark.parametrize(
        ("own", "first"),
        [
            (ROLES[:1], "1 of 3 roles is for EC2 instances in account 123456789012.\n"),
            (ROLES[:2], "2 of 4 roles are for EC2 instances in account 123456789012.\n"),
            ([], "0 of 2 roles are for EC2 instances.\n"),
        ],
    )
    def test_count(self, fleet, own, first):
        """A role that is read twice is counted once."""
        others = [role(name, profiles=(), **self.LAMBDA) for name in ("f", "g", "f")]

        assert fleet(roles=[*own, *others]).out.startswith(first)

    def test_in_an_instance_profile(self, fleet):
        """It is a role of EC2 instances that does not work."""
        shown = fleet(roles=[role("f", **self.LAMBDA)])
        items = shown.items

        assert shown.code == 1
        assert any(each.startswith("In an instance profile, but EC2 cannot assume it: 1 role (f). ") for each in items)
        assert shown.tables["Roles"][0]["Systems Manager"].startswith(
            "does not work: The trust policy does not let ec2.amazonaws.com assume the role. Only if Default Host"
        )


def test_refused_policies_are_not_counted(fleet):
    """The first line counts the sets of policies of the roles that are listed."""
    assert fleet(roles=[ROLES[0], ROLES[5]]).out.startswith("1 role for EC2 instances in account 123456789012.\n")


def test_refused_policy_is_named(fleet):
    """A problem names the role and the policy, as ``audit`` does."""
    (problem,) = fleet(roles=ROLES[5:]).tables["Problems"]

    assert problem["Reason"].startswith("role broken, policy p, statement 1: ")
    assert "Maybe" in problem["Reason"]


def test_table(fleet):
    """The most dangerous role is first."""
    rows = fleet().tables["Roles"]

    assert [row["Role"] for row in rows] == ["operator", "core", "idle", "silent", "scoped"]
    assert [row["Systems Manager"] for row in rows] == [
        "works",
        "works",
        "does not work: No instance profile contains the role, so no instance can use it.",
        (
            "does not work: ssmmessages:CreateDataChannel, ssmmessages:OpenDataChannel and 2 more: "
            "no statement allows them. Sessions cannot start, because the instance never connects to Session Manager."
        ),
        "works",
    ]
    assert [row["Config"] for row in rows][-1] == ""


class TestReasons:
    """Why Systems Manager does not work with a role, in the table."""

    HEARTBEAT = MINIMUM[4]

    @staticmethod
    def only_if(actions, value, key="aws:PrincipalTag/a"):
        return allow(actions, Condition={"StringEquals": {key: value}})

    @pytest.fixture
    def cell(self, fleet):
        def shown(*statements, **more):
            (row,) = fleet(roles=[role("a", *statements, **more)]).tables["Roles"]
            return row["Systems Manager"]

        return shown

    def test_without_profile(self, cell):
        """What the policies lack is shown, too."""
        assert cell(allow(MINIMUM[:4]), profiles=()) == (
            "does not work: No instance profile contains the role, so no instance can use it. "
            "ssm:UpdateInstanceInformation: no statement allows it. "
            "The instance does not appear in Systems Manager."
        )

    def test_condition_of_one_capability(self, cell):
        shown = cell(self.only_if(MINIMUM[:4], "x"), allow(self.HEARTBEAT))

        assert shown == "works if StringEquals aws:PrincipalTag/a x holds (statement 1 of policy inline)."

    def test_two_conditions(self, cell):
        shown = cell(self.only_if(MINIMUM[:4], "x"), self.only_if(self.HEARTBEAT, "y"))

        assert shown == (
            "may work: messaging works if StringEquals aws:PrincipalTag/a x holds (statement 1 of policy inline). "
            "heartbeat works if StringEquals aws:PrincipalTag/a y holds (statement 2 of policy inline)."
        )

    def test_denied_instances(self, cell):
        """A resource matches, and a condition applies."""
        there = f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/*"
        deny = {"Effect": "Deny", "Action": self.HEARTBEAT, "Resource": there}

        assert cell(allow(MINIMUM), deny) == (
            f"works unless {there} matches the resource (statement 2 of policy inline denies)."
        )

    def test_many_conditions(self, cell):
        shown = cell(*(self.only_if(action, action) for action in MINIMUM))

        assert shown.endswith("And 2 more reasons.")

    ON_A = "StringEquals aws:PrincipalTag/a {}"

    def test_one_of_two_statements(self, cell):
        shown = cell(self.only_if(MINIMUM, "x"), self.only_if(MINIMUM, "y"))

        assert shown == (
            f"works if {self.ON_A.format('x')} holds (statement 1 of policy inline) or {self.ON_A.format('y')} holds "
            "(statement 2 of policy inline)."
        )

    def test_policy_and_boundary(self, fleet):
        """Both must allow the actions."""
        boundary = managed_policy("limit", self.only_if("*", "y"))
        limited = {"PermissionsBoundary": {"PermissionsBoundaryArn": boundary["Arn"]}}

        ran = fleet("--json", roles=[role("a", self.only_if(MINIMUM, "x"), **limited)], policies=[boundary])

        (reason,) = json.loads(ran.out)["reasons"]
        assert reason == (
            f"It works if `{self.ON_A.format('x')}` holds (statement 1 of `policy inline`) and if "
            f"`{self.ON_A.format('y')}` holds (statement 1 of `policy {boundary['Arn']}`)."
        )

    def test_alternatives_and_denies(self, cell):
        denies = [
            {
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:PrincipalTag/b": each}},
            }
            for each in "12"
        ]
        shown = cell(self.only_if(MINIMUM, "x"), self.only_if(MINIMUM, "y"), *denies)

        assert shown == (
            f"works if either {self.ON_A.format('x')} holds (statement 1 of policy inline) or {self.ON_A.format('y')} "
            "holds (statement 2 of policy inline), unless StringEquals aws:PrincipalTag/b 1 applies "
            "(statement 3 of policy inline denies). And it does not work if StringEquals aws:PrincipalTag/b 2 applies "
            "(statement 4 of policy inline denies)."
        )

    @pytest.mark.parametrize("form", ["--text", "--json", "--markdown"])
    def test_long_condition(self, fleet, form):
        """A condition is in the sentence, since there is no table of capabilities."""
        regions = [f"eu-west-{number}" for number in range(1, 9)]
        roles = [role("a", allow(MINIMUM, Condition={"StringEquals": {"aws:RequestedRegion": regions}}))]

        shown = fleet(form, roles=roles).out

        assert f"StringEquals aws:RequestedRegion {', '.join(regions)}" in shown
        assert "see Capabilities" not in shown

    def test_condition_without_profile(self, cell):
        shown = cell(self.only_if(MINIMUM, "x"), profiles=())

        assert "no instance can use it. Its policies work if StringEquals" in shown


def test_levels(fleet):
    """Those of --fail-on."""
    assert [row["Level"] for row in fleet().tables["Roles"]] == ["risky", "risky", "broken", "broken", "clean"]


def test_several_risks(fleet):
    """In a pipe, where they are on one line, they can be told apart."""
    (row,) = fleet(roles=[role("a", allow(MINIMUM), allow(["ssm:SendCommand", "ssm:GetParameter"]))]).tables["Roles"]

    assert row["Risks"] == "run commands on other instances; read every parameter, secrets included"


def test_json(fleet):
    rows = [json.loads(line) for line in fleet("--json").out.splitlines()]

    for row in rows:
        jsonschema.Draft202012Validator(SCHEMA).validate(row)
    assert [row["kind"] for row in rows] == ["role"] * 5 + ["problem"]


def test_schema_is_strict(fleet):
    row = json.loads(fleet("--json").out.splitlines()[0])

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(row | {"new": 1})


class TestCapabilities:
    """The verdict of ``audit`` on each capability that the policies touch."""

    ROLES: ClassVar = [role("a", allow(MINIMUM), allow("ssm:GetParameter", Condition={"Null": {"aws:a": "true"}}))]

    def test_json(self, fleet, run, tmp_path):
        row = json.loads(fleet("--json", roles=self.ROLES).out)

        audit = run("audit", "--json", str(tmp_path / "account.json")).audit
        assert row["capabilities"] == [
            {"capability": each["capability"], "verdict": each["verdict"]}
            for each in audit["capabilities"]
            if each["verdict"] != "missing"
        ]
        assert {each["verdict"] for each in row["capabilities"]} == {"works", "partly"}

    def test_csv(self, fleet):
        (row,) = csv.DictReader(io.StringIO(fleet("--csv", roles=self.ROLES).out))

        assert row["capabilities"].startswith("messaging: works; heartbeat: works; ")


class TestCsv:
    def test_rows(self, fleet):
        rows = list(csv.DictReader(io.StringIO(fleet("--csv").out)))

        assert [row["role"] for row in rows] == ["operator", "core", "idle", "silent", "scoped", ""]
        assert [row["kind"] for row in rows] == ["role"] * 5 + ["problem"]
        assert rows[0]["account"] == ACCOUNT
        assert rows[-1]["place"] == f"arn:aws:iam::{ACCOUNT}:role/broken"
        assert "Maybe" in rows[-1]["reason"]
        assert json.loads(rows[0]["options"]) == {"ec2_describe": False, "scope_heartbeat": True}

    @pytest.mark.parametrize("name", ["=cmd", "+a", "-a", "@a", " =a", "\uff1da"])
    def test_formula(self, fleet, name):
        """A spreadsheet does not run the name of a role or, in a list, of an instance profile."""
        (row,) = csv.DictReader(io.StringIO(fleet("--csv", roles=[role(name, profiles=["a", name])]).out))

        assert (row["role"], row["instanceProfiles"]) == (f"'{name}", f"a; '{name}")

    @pytest.mark.parametrize("name", ["a\n=b", "a\rb", "\t=b", "a\0b"])
    def test_control_characters(self, fleet, name):
        """Each row is one line, and no character is lost."""
        lines = fleet("--csv", roles=[role(name)]).out.split("\n")

        assert len(lines) == 3
        assert f'"{repr(name)[1:-1]}"' in lines[1]

    def test_quotes(self, fleet):
        name = 'a"b,=c'

        (row,) = csv.DictReader(io.StringIO(fleet("--csv", roles=[role(name)]).out))

        assert row["role"] == name


class TestProposal:
    """What a proposal leaves out, and what must be filled in, is in each form."""

    OBJECTS = "arn:aws:s3:::data/*"
    TAGGED = allow("s3:GetObject", OBJECTS, Condition={"StringEquals": {"aws:PrincipalTag/team": "web"}})
    PARAMETERS = allow(["ssm:GetParameter", "ssm:GetParameters", "cloudwatch:PutMetricData"])
    ROLES: ClassVar = [role("a", allow(MINIMUM), TAGGED, PARAMETERS), role("b", allow(MINIMUM), PARAMETERS)]

    def test_json(self, fleet):
        rows = [json.loads(line) for line in fleet("--json", roles=self.ROLES).out.splitlines()]

        partly = [{"capability": "cloudwatch_agent", "verdict": "partly", "reasons": []}]
        reason = "It works if `StringEquals aws:PrincipalTag/team web` holds (statement 2 of `policy inline`)."
        assert [row["leftOut"] for row in rows] == [
            [{"capability": "read_buckets", "verdict": "works if", "reasons": [reason]}, *partly],
            partly,
        ]
        assert [row["fillIn"] for row in rows] == [["parameters.paths", "parameters.shared_arns"]] * 2
        assert rows[0]["options"] == rows[1]["options"]

    def test_text(self, fleet):
        shown = fleet(roles=self.ROLES)

        assert [each for each in shown.items if not each.startswith("It takes away")][-5:] == [
            "The configs leave out capabilities that may work today, of 1 role. The lists below the configs name them.",
            f"The numbers of actions are those of AWS's list of {data_date()}.",
            "Fill in parameters.paths, parameters.sharedArns, or leave out those that you do not use.",
            (
                "It leaves out readBuckets of 1 role (a). It works if StringEquals aws:PrincipalTag/team web holds "
                "(statement 2 of policy inline). Add those that you use."
            ),
            (
                "It leaves out cloudwatchAgent. The policies grant only a part of what is needed. "
                "Add those that you use."
            ),
        ]
        assert [row["Config"] for row in shown.tables["Roles"]] == ["1", "1"]

    def test_options_that_exclude_each_other(self, fleet):
        """The key of sessions has two options, of which a config has one."""
        key = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        alias = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/web"}}
        keys = allow("kms:Decrypt", "arn:aws:kms:*:123456789012:key/*", Condition=alias)

        shown = fleet(roles=[role("a", allow(MINIMUM), allow("kms:Decrypt", key), keys)])

        assert (
            "It leaves out sessionKmsKeyAlias. Its option excludes one of these. Keep the permissions for it in a "
            "policy of their own if you use it."
        ) in shown.items
        assert shown.tables["Roles"][0]["Notes"] == "the config leaves out 1 capability that may work today"

    def test_several_capabilities(self, fleet):
        """Of several capabilities, the sentences are in the plural."""
        condition = {"StringEquals": {"aws:PrincipalTag/a": "x"}}
        managed = allow(["s3:GetObject", "ssm:PutInventory", "ssm:PutComplianceItems"], Condition=condition)
        deployed = allow(["ssm:GetDeployablePatchSnapshotForInstance", "ssm:DescribeAssociation"], Condition=condition)

        shown = fleet(roles=[role("a", allow(MINIMUM), managed, deployed)]).items

        (sentence,) = [each for each in shown if each.startswith("It leaves out") and ". They" in each]
        assert ". They work if StringEquals aws:PrincipalTag/a x holds (statement 2 of policy inline)" in sentence

    def test_many_reasons(self, fleet):
        """All of those are shown that may work today."""
        condition = "aws:PrincipalTag/{}"
        roles = [
            role(
                f"r{number}", allow(MINIMUM), self.TAGGED | {"Condition": {"Null": {condition.format(number): "true"}}}
            )
            for number in range(7)
        ]

        shown = fleet(roles=roles).items

        assert len([each for each in shown if each.startswith("It leaves out readBuckets of 1 role (")]) == 7

    def test_many_parts(self, fleet, monkeypatch):
        """Those that are granted in part are shown for the most frequent sets, and of the others, only their names."""
        monkeypatch.setattr(require("ssm_profile.cli.fleet.configs"), "_MOST_PARTLY", 1)
        put, parameter = allow("logs:PutLogEvents"), allow("ssm:GetParameter")
        parts = [[parameter], [parameter], [put], [self.TAGGED]]
        shown = fleet(roles=[role(f"r{number}", allow(MINIMUM), *each) for number, each in enumerate(parts)]).items

        first, second, third = [each.split(" of ")[0] for each in shown if each.startswith("It leaves out")]
        assert first == "It leaves out readBuckets"
        assert "parameters.paths" in second
        assert "logGroup" in third
        assert any(each.endswith("--json contains what each role loses.") for each in shown)

    def test_almost_all(self, fleet):
        """Their number is shown, not their names."""
        roles = [role("a", **ADMINISTRATOR)]
        count = len(json.loads(fleet("--json", roles=roles).out)["leftOut"])

        assert count > 30
        assert [each.split(".")[0] for each in fleet(roles=roles).items if each.startswith("It leaves out")] == [
            f"It leaves out {count} capabilities (--json names them)"
        ]

    def test_markdown(self, fleet):
        assert (
            "\n- It leaves out `readBuckets` of 1 role (`a`). It works if `"
            in fleet("--markdown", roles=self.ROLES).out
        )

    def test_additional(self, fleet):
        """A config for a parameter also grants the parameters below it."""
        parameter = "arn:aws:ssm:*:{}:parameter/app"
        roles = [
            role(name, allow(MINIMUM), allow(["ssm:GetParameter", "ssm:GetParameters"], arns), account=account)
            for name, account, arns in (
                ("a", ACCOUNT, parameter.format(ACCOUNT)),
                ("b", "210987654321", [parameter.format("210987654321"), parameter.format("210987654321") + "/*"]),
                ("c", "345678901234", parameter.format("345678901234")),
            )
        ]

        rows = [json.loads(line) for line in fleet("--json", roles=roles).out.splitlines()]

        assert [row["additional"] for row in rows] == [
            []
            if row["role"] == "b"
            else [
                {
                    "capability": "parameters.paths",
                    "action": action,
                    "resources": [f"{parameter.format(row['account'])}/*"],
                }
                for action in ("ssm:GetParameter", "ssm:GetParameters")
            ]
            for row in rows
        ]
        actions = "ssm:GetParameter, ssm:GetParameters on"
        assert [each for each in fleet(roles=roles).items if each.startswith("It grants more")] == [
            f"It grants more than the policies of 1 role ({row['role']}): {actions} "
            f"{parameter.format(row['account'])}/*."
            for row in (rows[0], rows[2])
        ]
        first = next(csv.DictReader(io.StringIO(fleet("--csv", roles=roles).out)))
        assert first["additional"].startswith(f"ssm:GetParameter on {parameter.format(ACCOUNT)}/*; ssm:GetParameters")

    def test_one_value_to_fill_in(self, fleet):
        bucket = allow("s3:GetObject", "arn:aws:s3:::*")

        assert (
            "Fill in readBuckets[0].bucket, or leave it out." in fleet(roles=[role("a", allow(MINIMUM), bucket)]).items
        )

    def test_csv(self, fleet):
        row = next(csv.DictReader(io.StringIO(fleet("--csv", roles=self.ROLES).out)))

        assert (row["leftOut"], row["fillIn"]) == (
            "read_buckets; cloudwatch_agent",
            "parameters.paths; parameters.shared_arns",
        )

    def test_covered(self, fleet):
        """What needs no option of its own is lost with the options that cover it."""
        row = json.loads(fleet("--json", roles=ROLES[1:2]).out)

        assert {"capability": "documents", "by": ["state_manager", "distributor"]} in row["covered"]
        assert "documents (by stateManager, distributor)" in fleet(roles=ROLES[1:2]).items[-1]
        assert "documents" in next(csv.DictReader(io.StringIO(fleet("--csv", roles=ROLES[1:2]).out)))["covered"]

    def test_deny(self, fleet):
        """What only a Deny may prevent is kept, and the Deny must be."""
        deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:a": "true"}}}
        roles = [role("a", allow(MINIMUM), allow("s3:GetObject", self.OBJECTS), deny)]

        row = json.loads(fleet("--json", roles=roles).out)

        assert (row["options"]["read_buckets"], row["leftOut"]) == ([{"bucket": "data"}], [])
        assert row["denies"] == ["statement 3 of `policy inline`"]
        assert fleet(roles=roles).items[-1] == (
            "Keep each statement that denies in a policy of its own: statement 3 of policy inline."
        )


class TestSarif:
    @pytest.fixture
    def sarif_run(self, fleet):
        """The only run in the log."""
        (only,) = fleet("--sarif").json["runs"]
        return only

    def test_results(self, sarif_run):
        """One for each role and finding. A finding that is not certain is a warning."""
        found = [
            (each["locations"][0]["logicalLocations"][0]["name"], each["ruleId"], each["level"])
            for each in sarif_run["results"]
        ]

        assert found == [
            ("operator", "run_commands", "error"),
            ("core", "read_all_parameters", "error"),
            ("core", "AmazonSSMManagedInstanceCore", "warning"),
            ("idle", "systems-manager", "error"),
            ("silent", "systems-manager", "error"),
        ]

    def test_possible_risk(self, fleet):
        statement = allow("ssm:SendCommand", Condition={"StringEquals": {"aws:PrincipalTag/team": "web"}})
        ((result,),) = (
            each["results"] for each in fleet("--sarif", roles=[role("a", allow(MINIMUM), statement)]).json["runs"]
        )

        assert result["level"] == "warning"
        assert result["message"]["text"].startswith("Role a: An instance with it may be able to run commands")

    def test_condition(self, fleet):
        """A role that works only under a condition has a note."""
        condition = {"StringEquals": {"aws:PrincipalTag/team": "web"}}
        (only,) = fleet("--sarif", roles=[role("a", allow(MINIMUM, Condition=condition))]).json["runs"]
        (result,) = only["results"]

        assert (result["ruleId"], result["level"]) == ("systems-manager-condition", "note")
        assert "aws:PrincipalTag/team" in result["message"]["text"]

    def test_rules(self, sarif_run):
        """Each result has a rule with a help text and a page."""
        rules = {rule["id"]: rule for rule in sarif_run["tool"]["driver"]["rules"]}

        assert {each["ruleId"] for each in sarif_run["results"]} <= set(rules)
        for rule in rules.values():
            assert rule["help"]["text"]
            assert rule["helpUri"].startswith("https://")

    def test_locations(self, sarif_run):
        """A path and an ARN that do not depend on the file that was read."""
        location = sarif_run["results"][0]["locations"][0]

        assert location["physicalLocation"]["artifactLocation"] == {"uri": f"{ACCOUNT}/role/operator"}
        assert location["logicalLocations"][0]["fullyQualifiedName"] == f"arn:aws:iam::{ACCOUNT}:role/operator"

    def test_fingerprints(self, fleet, sarif_run):
        """Those that GitHub reads distinguish results, and are the same in another run with another order."""
        (other,) = fleet("--sarif", roles=ROLES[::-1]).json["runs"]
        fingerprints, others = (
            [each["partialFingerprints"]["primaryLocationLineHash"] for each in one["results"]]
            for one in (sarif_run, other)
        )

        assert len(set(fingerprints)) == len(fingerprints) == 5
        assert sorted(fingerprints) == sorted(others)

    def test_problems(self, sarif_run):
        (invocation,) = sarif_run["invocations"]
        (problem,) = invocation["toolExecutionNotifications"]

        assert invocation["executionSuccessful"] is False
        assert problem["message"]["text"].startswith(f"arn:aws:iam::{ACCOUNT}:role/broken: role broken, policy p")

    @pytest.mark.parametrize("name", ["a b:c", "\ud800", "a/../b%"])
    def test_any_name(self, fleet, name):
        """A location is a relative reference, whatever the name contains."""
        (only,) = fleet("--sarif", "--fail-on", "never", roles=[role(name, allow("*"))]).json["runs"]
        uri = only["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]

        assert set(uri) <= set(string.ascii_letters + string.digits + "/%._-~")


def test_markdown(fleet):
    out = fleet("--markdown").out

    assert "| `operator` | risky | works |" in out
    assert "### Problems" in out


@pytest.mark.parametrize(
    ("roles", "level", "code"),
    [
        (ROLES[:1], "wide", 0),
        (ROLES[:2], "risky", 1),
        (ROLES[3:4], "broken", 1),
        (ROLES[2:3], "broken", 0),
        (ROLES[2:3], "never", 0),
        (ROLES[5:], "never", 2),
    ],
)
def test_exit_codes(fleet, roles, level, code):
    assert fleet("--fail-on", level, roles=roles).code == code


@pytest.mark.parametrize("width", [80, 120])
def test_terminal(run_on_terminal, tmp_path, width):
    (tmp_path / "account.json").write_text(json.dumps(details(*ROLES)))

    lines = run_on_terminal(width, "fleet", str(tmp_path / "account.json")).splitlines()

    assert lines[0].startswith("5 roles for EC2 instances in account 123456789012")
    assert [line for line in lines if len(line) > width] == []


@pytest.mark.parametrize(("width", "is_table"), [(80, False), (120, True), (160, True)])
def test_long_names_on_a_terminal(run_on_terminal, tmp_path, width, is_table):
    """A long ARN or name does not turn the table of all roles into records."""
    arn = f"arn:aws:iam::{ACCOUNT}:policy/{'team/' * 10}{'x' * 80}"
    limits = {"PermissionsBoundary": {"PermissionsBoundaryArn": arn}}
    roles = [*ROLES, role("y" * 64), role("a", **limits), role("b", AttachedManagedPolicies=[{"PolicyArn": arn}])]
    (tmp_path / "account.json").write_text(json.dumps(details(*roles)))

    lines = run_on_terminal(width, "fleet", str(tmp_path / "account.json")).splitlines()

    table = lines[lines.index("Roles") :]
    assert table[1].startswith("Role  ") is is_table
    if is_table:
        assert max(map(len, table[: table.index("")])) <= width


class TestAccount:
    """The account of the credentials, which moto emulates."""

    @pytest.fixture
    def iam(self, monkeypatch):
        moto, boto3 = require("moto"), require("boto3")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        with moto.mock_aws():
            yield boto3.client("iam", region_name="us-east-1")

    def test_roles(self, run, iam):
        for name in ("web", "job"):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(role(name)["AssumeRolePolicyDocument"]))
        iam.create_instance_profile(InstanceProfileName="web")
        iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
        iam.put_role_policy(RoleName="web", PolicyName="p", PolicyDocument=document(*SCOPED_MINIMUM))
        policy = iam.create_policy(PolicyName="q", PolicyDocument=document(allow("*")))["Policy"]
        iam.attach_role_policy(RoleName="job", PolicyArn=policy["Arn"])

        rows = [json.loads(line) for line in run("fleet", "--json").out.splitlines()]

        assert [(row["role"], row["level"], row["instanceProfiles"]) for row in rows] == [
            ("job", "broken", []),
            ("web", "clean", ["web"]),
        ]

    @pytest.fixture
    def answers(self, run, monkeypatch):
        """Runs ``fleet`` with the answers of IAM, or with its refusal."""
        stubber = require("botocore.stub").Stubber
        client = require("boto3").client("iam", "us-east-1", aws_access_key_id="x", aws_secret_access_key="y")
        monkeypatch.setattr(require("ssm_profile.cli.fleet.account"), "client", lambda *_, **__: client)

        def run_fleet(*pages, refusal="AccessDenied"):
            with stubber(client) as stubbed:
                for page in pages:
                    stubbed.add_response("get_account_authorization_details", page)
                if not pages:
                    stubbed.add_client_error("get_account_authorization_details", refusal, "Details.")
                return run("fleet", "--json", "--fail-on", "never")

        return run_fleet

    @staticmethod
    def page(*roles, **more):
        """A page, whose policies are URL-encoded strings of JSON, as those of the API."""
        encoded = [
            {key: quote(json.dumps(value)) if "Document" in key else value for key, value in each.items()}
            for each in (role | {"RolePolicyList": [], "InstanceProfileList": []} for role in roles)
        ]
        return {"RoleDetailList": encoded, **more}

    def test_without_permission(self, answers):
        """The error names the permission."""
        done = answers()

        assert (done.code, done.out) == (2, "")
        assert done.error.endswith("Use credentials with these permissions: iam:GetAccountAuthorizationDetails.\n")

    def test_throttling(self, answers):
        """The error does not advise other permissions."""
        done = answers(refusal="Throttling")

        assert done.error == (
            "Error: fleet: AWS limits the rate of requests (Throttling: Details). Run the command again later.\n"
        )

    def test_patience(self, run, monkeypatch):
        """The SDK slows down when AWS limits the rate of requests."""
        settings = []

        def refuse(_service, config):
            settings.append(config.retries)
            raise InputError("It is enough.")

        monkeypatch.setattr(require("ssm_profile.cli.fleet.account"), "client", refuse)
        run("fleet")

        assert settings == [{"mode": "adaptive", "total_max_attempts": 10}]

    def test_page_without_policies(self, answers):
        """It has roles only."""
        (row,) = answers(self.page(role("web"))).out.splitlines()

        assert json.loads(row)["role"] == "web"

    def test_page_without_roles(self, answers):
        assert (answers({"Policies": []}).code, answers({"Policies": []}).out) == (0, "")

    def test_something_else(self, answers):
        """A page without a list is not an answer of IAM."""
        done = answers({"UserDetailList": []})

        assert (done.code, done.out) == (2, "")
        assert "the answer does not come from AWS." in done.error

    def test_truncated(self, answers):
        """A last page that says that there are more is a problem, and its roles are judged."""
        done = answers(self.page(role("web"), IsTruncated=True))

        assert done.code == 2
        assert [json.loads(line)["kind"] for line in done.out.splitlines()] == ["role", "problem"]
        assert "The answer is not complete: its last page says" in done.out

    def test_repeated_marker(self, answers):
        more = {"IsTruncated": True, "Marker": "m"}
        done = answers(self.page(role("web"), **more), self.page(role("job"), **more))

        assert (done.code, done.out) == (2, "")
        assert "IAM repeats a page of its answer" in done.error


def test_sarif_of_a_wide_role(fleet):
    """It says what is wide."""
    (only,) = fleet("--sarif", roles=[role("a", *SCOPED_MINIMUM, allow("sqs:SendMessage"))]).json["runs"]
    (result,) = only["results"]

    assert (result["ruleId"], result["level"]) == ("too-wide", "note")
    assert "No capability needs 1 action: sqs:SendMessage." in result["message"]["text"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            {"RoleLastUsed": {"LastUsedDate": "2026-11-20T08:00:00Z", "Region": "eu-central-1"}},
            ("2026-11-20T08:00:00+00:00", "eu-central-1", True),
        ),
        ({"RoleLastUsed": {}}, (None, None, True)),
        ({}, (None, None, False)),
    ],
)
def test_last_use(fleet, said, expected):
    """A role that was not used in the tracking period is told from one of which nothing is known."""
    row = json.loads(fleet("--json", roles=[role("a", **said)]).out)
    jsonschema.Draft202012Validator(SCHEMA).validate(row)

    assert (row["lastUsed"], row["lastUsedRegion"], row["lastUseKnown"]) == expected
