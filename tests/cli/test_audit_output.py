"""The output of ``audit``: the answer first, exit codes, and JSON as documented."""

import json
import re

import pytest

from ssm_profile.policy import policy_document
from ssm_profile.risks import RISKS
from tests import ROOT, count_calls, require
from tests.cli.policies import MINIMUM, SCOPED_MINIMUM, allow, document
from tests.expected import KEY, LOCATION

jsonschema = require("jsonschema")

SCHEMA = json.loads((ROOT / "docs" / "audit.schema.json").read_text())
DETAILS = "Missing permissions, or what it depends on"
REGION = {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}
MANY_REGIONS = {"StringEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3"]}}
TEAM_INSTANCES = "arn:aws:ec2:eu-central-1:123456789012:instance/${aws:PrincipalTag/team}*"
DENY_HEARTBEAT = {"Sid": "NoAgent", "Effect": "Deny", "Action": "ssm:Update*", "Resource": "*"}
TEAM = {"StringEquals": {"aws:PrincipalTag/team": "web"}}
DENY_REGIONS = {
    "Sid": "DenyAllOutsideTheseRegions",
    "Effect": "Deny",
    "NotAction": ["iam:*", "sts:*", "organizations:*", "support:*"],
    "Resource": "*",
    "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3"]}},
}

POLICIES = {
    "clean": SCOPED_MINIMUM,
    "wide": [allow(MINIMUM), allow("ec2:Describe*")],
    "commands": [*SCOPED_MINIMUM, allow("ssm:SendCommand")],
    "parameters": [*SCOPED_MINIMUM, allow("ssm:GetParameter*")],
    "administrator": [allow("*")],
    "nothing": [allow("s3:ListBucket")],
    "deny": [*SCOPED_MINIMUM, DENY_HEARTBEAT],
    "condition": [allow(MINIMUM, Condition=REGION)],
    "variable": [*SCOPED_MINIMUM, allow("ssm:GetParameter", "arn:aws:ssm:*:*:parameter/${aws:PrincipalTag/app}/*")],
    "by region": [allow("*"), DENY_REGIONS],
    "several": [
        allow(MINIMUM, Condition=REGION),
        allow("ssm:GetParameter*", Condition=TEAM),
        allow(["s3:*", "iam:*"]),
        DENY_REGIONS,
        {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}},
        },
    ],
    "several broken": [
        allow(MINIMUM[:2], Condition=REGION),
        allow(MINIMUM[2], Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        allow(["ssm:*", "iam:*"], Condition=TEAM),
        allow(["s3:*", "secretsmanager:*"]),
        DENY_HEARTBEAT,
        DENY_REGIONS,
    ],
    "vpc": policy_document({"vpc_endpoints_only": True}, LOCATION)["Statement"],
    "mfa": [allow(MINIMUM, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})],
}


@pytest.fixture
def audit(run, policy_file):
    def run_audit(name, *flags):
        return run("audit", policy_file(*POLICIES[name]), *flags)

    return run_audit


class TestLevels:
    @pytest.mark.parametrize(
        ("name", "level", "codes"),
        [
            # The exit codes for --fail-on broken, risky, wide and never
            ("clean", "clean", [0, 0, 0, 0]),
            ("wide", "wide", [0, 0, 1, 0]),
            ("condition", "wide", [0, 0, 1, 0]),
            ("commands", "risky", [0, 1, 1, 0]),
            ("parameters", "risky", [0, 1, 1, 0]),
            ("administrator", "risky", [0, 1, 1, 0]),
            ("nothing", "broken", [1, 1, 1, 0]),
            ("deny", "broken", [1, 1, 1, 0]),
            ("mfa", "broken", [1, 1, 1, 0]),
        ],
    )
    def test_exit_codes(self, audit, name, level, codes):
        assert audit(name, "--json").audit["level"] == level
        assert [audit(name, "--fail-on", each).code for each in ("broken", "risky", "wide", "never")] == codes
        assert audit(name).code == codes[1]  # risky is the default

    def test_default_policy_of_the_project(self, run, tmp_path):
        """The project's default and the five actions of AWS pass."""
        file = tmp_path / "policy.json"
        file.write_text(run("policy").out)

        assert run("audit", str(file)).code == 0
        file.write_text(document(allow(MINIMUM)))
        assert run("audit", str(file)).code == 0


class TestSummary:
    """The answer is in the first lines."""

    @pytest.mark.parametrize("name", POLICIES)
    def test_at_most_eight_lines(self, run_on_terminal, tmp_path, monkeypatch, name):
        (tmp_path / "web.json").write_text(document(*POLICIES[name]))
        monkeypatch.chdir(tmp_path)

        shown = run_on_terminal(80, "audit", "web.json")

        lines = shown[: shown.index("\n\nCapabilities\n")].split("\n")
        assert len([line for line in lines if line]) <= 8, lines

    def test_deny(self, audit):
        """The statement that denies is named, and no config pretends to help."""
        audited = audit("deny")

        assert audited.items[0].startswith("ssm:UpdateInstanceInformation: statement 3 (NoAgent)")
        assert " denies it. The instance does not appear in Systems Manager." in audited.items[0]
        assert audited.items[1] == "Next: change what denies it. No option lifts a Deny or a boundary."
        assert "config:" not in audited.out

    def test_condition(self, audit):
        audited = audit("condition")

        assert audited.out.startswith("Systems Manager may work with ")
        assert audited.items[0].startswith("It works if StringEquals aws:RequestedRegion eu-central-1")
        assert "Default Host Management" not in audited.out  # whether it applies depends on the condition

    def test_conditions_of_different_capabilities(self, run, policy_file):
        """A condition that only one capability has is said of that one."""
        heartbeat = allow(MINIMUM[4], Condition={"StringEquals": {"aws:PrincipalTag/team": "web"}})

        audited = run("audit", policy_file(allow(MINIMUM[:4], Condition=REGION), heartbeat))

        assert [item.split(" if ")[0] for item in audited.items[:2]] == ["messaging works", "heartbeat works"]

    def test_deny_of_an_option(self, audit):
        """The summary says what the statement of an option denies, and the table has its condition."""
        audited = audit("vpc")

        assert audited.items[0] == (
            "It works unless statement 2 applies, which denies every call that does not come through a VPC endpoint in "
            "the instance's own VPC."
        )
        (row,) = [row for row in audited.tables["Capabilities"] if "messaging" in row["Capability"]]
        assert "StringNotEquals aws:SourceVpc ${aws:Ec2InstanceSourceVpc}" in row[DETAILS]

    @pytest.mark.parametrize(
        ("statements", "summary", "details"),
        [
            (
                [allow(MINIMUM, Condition=MANY_REGIONS)],
                "It works if the condition of statement 1 holds (see Capabilities).",
                "if StringEquals aws:RequestedRegion eu-central-1, eu-west-1, eu-west-2, eu-west-3 holds (statement 1)",
            ),
            (
                [allow(MINIMUM), DENY_REGIONS | {"Sid": "Regions"}],
                "It works unless statement 2 (Regions) denies it (see Capabilities for its condition).",
                "unless StringNotEquals aws:RequestedRegion eu-central-1, eu-west-1, eu-west-2, eu-west-3 applies",
            ),
            (
                [allow(MINIMUM[:4]), allow(MINIMUM[4], TEAM_INSTANCES)],
                "It works if a resource of statement 2 matches (see Capabilities).",
                f"if {TEAM_INSTANCES} matches the resource (statement 2)",
            ),
        ],
        ids=["allow", "deny", "resources"],
    )
    def test_long_condition(self, run, policy_file, statements, summary, details):
        """A condition is not cut off: the table has all of it."""
        audited = run("audit", policy_file(*statements))

        assert audited.items[0] == summary
        assert any(details in row[DETAILS] for row in audited.tables["Capabilities"])

    def test_condition_that_does_not_hold(self, audit):
        audited = audit("mfa")

        assert audited.out.startswith("Systems Manager does NOT work with ")
        assert "the condition of statement 1 does not hold for these calls." in audited.items[0]

    def test_condition_for_another_service(self, run, policy_file):
        """The condition of S3's key holds for S3, so it is not said that it never holds."""
        options = {"read_buckets": [{"bucket": "scripts", "kms_key_arn": KEY}], "parameters": {"paths": ["/app"]}}

        audited = run("audit", policy_file(*policy_document(options, LOCATION)["Statement"]))

        (row,) = [row for row in audited.tables["Capabilities"] if row["Capability"] == "parameters.kmsKeyArn"]
        assert row[DETAILS].endswith(": the condition of statement 3 does not hold for this call.")

    def test_danger(self, audit):
        """The worst three dangers are in the answer, and all of them with their actions in a table."""
        audited = audit("administrator")

        assert (
            "Dangerous: an instance can run commands on other instances; give itself more permissions; read every "
            "secret; and 3 more."
        ) in audited.items
        rows = audited.tables["Dangerous permissions"]
        assert [row["An instance can"] for row in rows] == [risk.summary for risk in RISKS]
        assert rows[0]["Actions"].startswith("ssm:SendCommand ssm:StartSession ")
        assert "ec2:RunInstances with iam:PassRole" in rows[1]["Actions"]

    def test_strongest_symptom(self, audit):
        """Without a heartbeat the instance is not there, so that nobody sees that its sessions end."""
        assert audit("nothing").items[0] == (
            "ssmmessages:CreateDataChannel, ssmmessages:OpenDataChannel and 3 more: no statement allows them. "
            "The instance does not appear in Systems Manager."
        )

    def test_untouched_capabilities(self, audit):
        """Capabilities that the policy does not touch are shown with --all only."""
        shown, everything = audit("clean"), audit("clean", "--all")

        assert [row["Capability"] for row in shown.tables["Capabilities"]] == ["messaging", "heartbeat"]
        assert len(everything.tables["Capabilities"]) > 20
        assert "--all shows them." in shown.out
        assert "--all shows them." not in everything.out


class TestLeftOut:
    """The report says what the options at its end do not contain."""

    def left_out(self, run, policy_file, *statements):
        audited = run("audit", policy_file(*SCOPED_MINIMUM, *statements))
        assert "The options leave out:" in audited.out
        return [
            each for each in audited.items if "keep it in a policy of its own" not in each and "Keep those" not in each
        ][-1]

    def test_permissions_of_software(self, run, policy_file):
        audited = run("audit", policy_file(*SCOPED_MINIMUM, allow("dynamodb:GetItem", "arn:aws:dynamodb:*:*:table/a")))

        assert audited.items == [
            "Next: replace it with the options below. Keep what else your software needs.",
            "Permissions that no capability needs. Keep those that your software needs in a policy of their own.",
        ]

    def test_partly(self, run, policy_file):
        parameter = allow("ssm:GetParameter", "arn:aws:ssm:*:*:parameter/app/*")

        assert self.left_out(run, policy_file, parameter) == (
            "parameters.paths. The policy grants only a part of what is needed. Add those that you use."
        )

    def test_actions(self, run, policy_file):
        """All that the options do not grant, also of the capabilities that they leave out."""
        agent = allow(["cloudwatch:PutMetricData", "logs:CreateLogGroup"])
        lost = "cloudwatch:PutMetricData, logs:CreateLogGroup. Keep those that your software needs"

        assert run("audit", policy_file(*SCOPED_MINIMUM, agent)).items[-1].startswith(lost)

    def test_many_actions(self, run, policy_file, monkeypatch):
        monkeypatch.setattr(require("ssm_profile.cli.audit_report"), "_MOST_LOST", 1)
        agent = allow(["cloudwatch:PutMetricData", "logs:CreateLogGroup", "logs:PutLogEvents"])

        assert (
            "cloudwatch:PutMetricData and 2 more (--json). "
            in run("audit", policy_file(*SCOPED_MINIMUM, agent)).items[-1]
        )

    def test_action_with_other_uses(self, run, policy_file):
        """Reading secrets is no sign that instances join a directory."""
        audited = run("audit", policy_file(*SCOPED_MINIMUM, allow("secretsmanager:GetSecretValue")))

        assert audited.items[-2:] == [
            "Next: replace it with the options below. Keep what else your software needs.",
            "secretsmanager:GetSecretValue. If your software needs it, keep it in a policy of its own.",
        ]

    def test_action_of_a_capability_that_works(self, run, policy_file):
        """Reading parameters is no sign of the capabilities that read some of AWS as well."""
        audited = run("audit", policy_file(*SCOPED_MINIMUM, allow(["ssm:GetParameter", "ssm:GetParameters"])))

        assert "The options leave out:" not in audited.out

    def test_same_action_on_other_names(self, run, policy_file):
        """The capability that works reads other parameters."""
        agent = ["cloudwatch:PutMetricData", "ec2:DescribeTags", "ec2:DescribeVolumes"]
        read = ["arn:aws:ssm:*:*:parameter/AmazonCloudWatch-*", "arn:aws:ssm:*:*:parameter/app/*"]

        assert self.left_out(run, policy_file, allow(agent), allow("ssm:GetParameter", read)).startswith(
            "parameters.paths."
        )

    def test_uncertain(self, run, policy_file):
        parameters = allow(["ssm:GetParameter", "ssm:GetParameters"], "arn:aws:ssm:*:*:parameter/app/*", Condition=TEAM)

        assert self.left_out(run, policy_file, parameters) == (
            "parameters.paths. It is not known whether the policy grants all that is needed. Add those that you use."
        )

    def test_denies(self, run, policy_file):
        assert self.left_out(run, policy_file, allow("dynamodb:GetItem"), DENY_REGIONS) == (
            "Each statement that denies: statement 4 (DenyAllOutsideTheseRegions). Keep it in a policy of its own."
        )

    def test_what_a_deny_may_take_away(self, run, policy_file):
        """The options grant what works where the statement does not apply. It stays, in a policy of its own."""
        parameters = allow(["ssm:GetParameter", "ssm:GetParameters"], "arn:aws:ssm:*:*:parameter/app/*")

        audited = run("audit", policy_file(*SCOPED_MINIMUM, parameters, DENY_REGIONS), "--json").audit

        assert audited["options"]["parameters"] == {"paths": ["/app"]}
        assert self.left_out(run, policy_file, parameters, DENY_REGIONS).startswith("Each statement that denies: ")

    def test_part_that_a_deny_may_take_away(self, run, policy_file):
        """What the policy grants only in part is left out, whether or not a statement may deny it as well."""
        read = ["ssm:GetParameter", "ssm:GetParameters"]
        parameters = allow(read, ["arn:aws:ssm:*:*:parameter/a/*", "arn:aws:ssm:*:*:parameter/b/*"])
        recursive = allow("ssm:GetParametersByPath", "arn:aws:ssm:*:*:parameter/a/*")
        deny = {**allow("ssm:GetParametersByPath"), "Effect": "Deny", "Condition": TEAM}

        audited = run("audit", policy_file(*SCOPED_MINIMUM, parameters, recursive, deny))

        assert audited.items[-3] == (
            "parameters.recursive. The policy grants only a part of what is needed. Add those that you use."
        )

    @pytest.mark.parametrize(
        ("operator", "key", "value"),
        [
            ("NumericLessThan", "ec2:RoleDelivery", "2.0"),
            ("NumericLessThan", "ec2:RoleDelivery", ["2.0"]),
            ("numericlessthan", "ec2:roledelivery", 2),
        ],
    )
    def test_deny_of_an_option(self, run, policy_file, operator, key, value):
        """A statement that an option adds is not left out, in whatever form it is written."""
        deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {operator: {key: value}}}

        audited = run("audit", policy_file(*SCOPED_MINIMUM, deny))

        assert "requireImdsv2: true" in audited.out
        assert "leave out" not in audited.out.partition("config:")[2]

    def test_folders_that_only_a_deny_takes_away(self, run, policy_file):
        """The options contain the folder, so that they do not leave it out."""
        options = {"scope_heartbeat": True, "ec2_describe": False, "vpc_endpoints_only": True}
        options["read_buckets"] = [{"bucket": "scripts", "prefix": "ansible/", "folders": True}]

        audited = run("audit", policy_file(*policy_document(options, LOCATION)["Statement"]))

        assert "folders: true" in audited.out
        assert "leave out" not in audited.out.partition("config:")[2]


class TestJson:
    @pytest.mark.parametrize("name", POLICIES)
    def test_schema(self, audit, name):
        printed = audit(name, "--json").json

        jsonschema.Draft202012Validator(SCHEMA).validate(printed)
        assert "`" not in json.dumps(printed["audits"][0]["capabilities"])

    def test_schema_of_aws_policies(self, run):
        for name in ("AmazonSSMManagedInstanceCore", "AmazonEC2RoleforSSM"):
            jsonschema.Draft202012Validator(SCHEMA).validate(run("audit", name, "--json").json)

    def test_schema_of_risks(self):
        assert SCHEMA["$defs"]["risk"]["properties"]["risk"]["enum"] == [risk.name for risk in RISKS]

    def test_schema_is_strict(self, audit):
        """A key that the schema does not have is refused."""
        printed = audit("clean", "--json").json
        printed["audits"][0]["new"] = True

        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(SCHEMA).validate(printed)


TEMPLATE = """
Resources:
  WebRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: "sts:AssumeRole"}
      ManagedPolicyArns: [!Sub "arn:${AWS::Partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"]
      Policies:
        - PolicyName: app
          PolicyDocument:
            Version: 2012-10-17
            Statement:
              Effect: Allow
              Action: ["ssm:GetParameter", "ssm:GetParameters"]
              Resource: !Sub "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/app/*"
        - PolicyName: logs
          PolicyDocument:
            Statement: {Effect: Allow, Action: "s3:PutObject", Resource: !Sub "${LogBucket.Arn}/*"}
  Function:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}
      Policies: [{PolicyName: all, PolicyDocument: {Statement: {Effect: Allow, Action: "*", Resource: "*"}}}]
  Profile:
    Type: AWS::IAM::InstanceProfile
    Properties: {Roles: [!Ref WebRole]}
"""


class TestFiles:
    @pytest.fixture
    def template(self, tmp_path):
        def write(text=TEMPLATE):
            (tmp_path / "template.yaml").write_text(text)
            return str(tmp_path / "template.yaml")

        return write

    @pytest.mark.parametrize("partition", ["aws-cn", "aws-iso-b"])
    def test_partition_that_one_policy_names(self, run, template, partition):
        """It is that of the others as well."""
        text = TEMPLATE.replace('!Sub "${LogBucket.Arn}/*"', f'"arn:{partition}:s3:::logs/*"')

        audited = run("audit", "--json", template(text)).audit

        verdicts = {row["capability"]: row["verdict"] for row in audited["capabilities"]}
        assert (verdicts["parameters.paths"], verdicts["session_logs.bucket"]) == ("works", "partly")

    def test_template(self, run, template):
        """The roles that EC2 can assume are audited, and AWS's policies are known."""
        audited = run("audit", template(), "--json").audit

        verdicts = {row["capability"]: row["verdict"] for row in audited["capabilities"]}
        assert "WebRole" in audited["name"]
        assert audited["systemsManager"] == "works"
        assert (
            verdicts["parameters.paths"] == "works"
        )  # the region and the account of the deployment are no unknown values
        assert audited["unknownValues"] == ["Fn::Sub LogBucket.Arn"]
        assert [row["policy"] for row in audited["deprecated"]] == ["AmazonSSMManagedInstanceCore"]

    @pytest.mark.parametrize("key", ["ManagedPolicyArns: [%s]", "PermissionsBoundary: %s"])
    def test_copy_of_a_policy(self, run, template, key):
        """The report says the version and the date of a copy that stands for a policy of the role."""
        attached = 'ManagedPolicyArns: [!Sub "arn:${AWS::Partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"]'
        path = template(TEMPLATE.replace(attached, key % "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"))

        *policies, actions = run("audit", path, "--json").audit["copies"]

        assert policies == ["AmazonSSMManagedInstanceCore (v2 of 2019-05-23)"]
        assert re.fullmatch(r"AWS's actions as of \d{4}-\d\d-\d\d", actions)
        assert f"\nRead from copies of AWS's data: {policies[0]}" in run("audit", path).out

    def test_copies_that_change_nothing(self, run, policy_file):
        """The list of actions is named only where the report shows actions that a wildcard stands for."""
        assert "copies of AWS's data" not in run("audit", policy_file(*SCOPED_MINIMUM)).out
        assert (
            "copies of AWS's data: AWS's actions" in run("audit", policy_file(*SCOPED_MINIMUM, allow("s3:List*"))).out
        )

    def test_policy_that_is_not_in_the_file(self, run, template):
        """A policy whose document is not in the file can allow and deny, so that nothing is certain."""
        known = '[!Sub "arn:${AWS::Partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"]'
        printed = run("audit", template(TEMPLATE.replace(known, "[!Ref Shared]")), "--json")

        assert printed.audit["systemsManager"] == "works if"
        assert printed.audit["unread"] == ["${Shared}"]
        assert printed.code == 0

    def test_policy_that_is_not_in_the_file_is_named_once(self, run, template):
        """It may allow or deny. The report says the one of the two that matters."""
        known = '[!Sub "arn:${AWS::Partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"]'
        missing = run("audit", template(TEMPLATE.replace(known, "[!Ref Shared]")))
        in_addition = run("audit", template(TEMPLATE.replace(known, f"{known[:-1]}, !Ref Shared]")))

        assert missing.items[0] == "It works if ${Shared} allows it, whose content is not known."
        assert in_addition.items[0] == "It works unless ${Shared} denies it, whose content is not known."

    def test_boundary_that_is_not_in_the_file(self, run, template):
        text = TEMPLATE.replace("Policies:\n", "PermissionsBoundary: !Ref Limit\n      Policies:\n", 1)
        printed = run("audit", template(text), "--json")

        assert printed.audit["systemsManager"] == "works if"
        assert printed.audit["unread"] == ["${Limit}"]

    def test_role_of_another_service_alone(self, run, template):
        """If there is no other role, it is audited, and the audit says that no instance can use it."""
        text = TEMPLATE.replace("ec2.amazonaws.com", "ecs-tasks.amazonaws.com")
        printed = run("audit", template(text), "--json").json["audits"]

        assert [audit["level"] for audit in printed] == ["broken", "broken"]

    def test_compare_takes_one_role(self, run, template):
        text = TEMPLATE.replace("lambda.amazonaws.com", "ec2.amazonaws.com")

        refused = run("compare", template(text))

        assert refused.code == 2
        assert "has 2 roles" in refused.error


class TestRisks:
    @pytest.mark.parametrize(
        ("resource", "certain"),
        [
            ("*", True),
            ("arn:aws:ssm:eu-central-1:123456789012:parameter/*", True),
            ("arn:aws:ssm:*:*:*", True),
            ("arn:aws:ssm:*", True),
            ("arn:aws:ssm:*parameter/*", False),  # AWS does not say what such an ARN covers
            ("arn:aws:ssm:*:*:parameter/app/*", None),
            ("arn:aws:ssm:*:*:document/*", None),
        ],
    )
    def test_parameters(self, run, policy_file, resource, certain):
        statements = [*SCOPED_MINIMUM, allow("ssm:GetParameter", resource)]

        risks = run("audit", policy_file(*statements), "--json").audit["risks"]

        expected = [] if certain is None else [("read_all_parameters", certain)]
        assert [(row["risk"], row["certain"]) for row in risks] == expected

    def test_many_denies(self, run, policy_file):
        """Ten times as many statements that deny take about ten times as many calls."""

        def audit(count):
            denies = [
                {"Effect": "Deny", "Action": "s3:*", "Resource": f"arn:aws:s3:::{number}-{count}"}
                for number in range(count)
            ]
            assert run("audit", policy_file(allow("*"), *denies), "--json").audit["systemsManager"] == "works"

        audit(1)  # AWS's list of actions is read once
        assert count_calls(lambda: audit(500)) < 15 * count_calls(lambda: audit(50))
