"""What ``fleet`` says of what it does not know, and of what limits a role: trust policies, boundaries, contents."""

import json
from typing import ClassVar

import pytest

from tests import ROOT, require
from tests.cli.accounts import ACCOUNT, details, role
from tests.cli.policies import MINIMUM, SCOPED_MINIMUM, allow

jsonschema = require("jsonschema")
require("ijson")

SCHEMA = json.loads((ROOT / "docs" / "fleet.schema.json").read_text())


class TestBoundary:
    ARN = f"arn:aws:iam::{ACCOUNT}:policy/team/limit"
    DENY: ClassVar = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}
    ROLE: ClassVar = role("a", allow(MINIMUM), PermissionsBoundary={"PermissionsBoundaryArn": ARN})
    POLICY: ClassVar = {
        "Arn": ARN,
        "PolicyVersionList": [{"IsDefaultVersion": True, "Document": {"Statement": [allow("*"), DENY]}}],
    }

    @pytest.mark.parametrize("policies", [[POLICY], []])
    def test_option(self, fleet, policies):
        """The role keeps its boundary, also one whose content is not known."""
        row = json.loads(fleet("--json", roles=[self.ROLE], policies=policies).out)

        assert row["permissionsBoundary"] == row["options"]["permissions_boundary_arn"] == self.ARN

    def test_risk(self, fleet):
        """It is not certain behind a boundary whose content is not known."""
        risky = role(
            "a", allow([*MINIMUM, "ssm:SendCommand"]), PermissionsBoundary={"PermissionsBoundaryArn": self.ARN}
        )

        row = json.loads(fleet("--json", roles=[risky]).out)

        assert [(each["risk"], each["certain"]) for each in row["risks"]] == [("run_commands", False)]
        assert row["level"] == "risky"

    def test_risk_on_itself(self, fleet):
        """The same of an action on the role itself."""
        change = allow("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/a")
        risky = role("a", allow(MINIMUM), change, PermissionsBoundary={"PermissionsBoundaryArn": self.ARN})

        row = json.loads(fleet("--json", roles=[risky]).out)

        assert [(each["risk"], each["certain"]) for each in row["risks"]] == [("gain_permissions", False)]

    def test_unread_in_the_summary(self, fleet):
        """A boundary cannot hide a danger."""
        (sentence,) = [each for each in fleet(roles=[self.ROLE]).items if each.startswith("Content not known")]

        assert sentence.startswith("Content not known: permissions boundaries of 1 role, which may take away some of ")

    def test_unread_and_attached(self, fleet):
        """The boundary can be a policy of the role, too, which may hide dangers."""
        attached = {"AttachedManagedPolicies": [{"PolicyName": "limit", "PolicyArn": self.ARN}]}
        items = fleet(roles=[self.ROLE | attached]).items

        assert any("policies of 1 role, so that dangers may be missing here." in each for each in items)

    def test_denies(self, fleet):
        """Those of the boundary stay in it."""
        row = json.loads(fleet("--json", roles=[self.ROLE], policies=[self.POLICY]).out)

        assert row["denies"] == []

    def test_own_deny(self, fleet):
        own = role("a", allow(MINIMUM), self.DENY, PermissionsBoundary={"PermissionsBoundaryArn": self.ARN})

        row = json.loads(fleet("--json", roles=[own], policies=[self.POLICY]).out)

        assert row["denies"] == ["statement 2 of `policy inline`"]

    def test_text(self, fleet):
        shown = fleet(roles=[self.ROLE], policies=[self.POLICY])

        assert shown.tables["Roles"][0]["Notes"] == "limited by boundary team/limit"
        assert shown.items[-1] == "Keep the permissions boundary of the role. What it denies stays in it."
        assert f"ssm-profile:permissionsBoundaryArn: {self.ARN}\n" in shown.out

    def test_several_roles(self, fleet):
        """They are named."""
        roles = [self.ROLE, self.ROLE | {"RoleName": "b", "Arn": f"arn:aws:iam::{ACCOUNT}:role/b"}]

        assert (
            fleet(roles=roles, policies=[self.POLICY])
            .items[-1]
            .startswith("Keep the permissions boundary of 2 roles (a, b). ")
        )

    def limited(self, *statements):
        return self.POLICY | {"PolicyVersionList": [{"IsDefaultVersion": True, "Document": {"Statement": statements}}]}

    def test_proposed_actions(self, fleet):
        """What the boundary or a Deny takes away is not counted, such as a permission that is not essential."""
        logs = [
            allow("s3:PutObject", "arn:aws:s3:::logs/*"),
            allow("s3:GetEncryptionConfiguration", "arn:aws:s3:::logs"),
        ]
        deny = {"Effect": "Deny", "Action": "s3:AbortMultipartUpload", "Resource": "*"}
        bound = {"PermissionsBoundary": {"PermissionsBoundaryArn": self.ARN}}

        def proposed(*statements, boundary=(), **more):
            roles = [role("a", allow(MINIMUM), *logs, *statements, **more)]
            row = json.loads(fleet("--json", roles=roles, policies=[self.limited(*boundary)]).out)
            return row["proposedActions"]

        everything = proposed()
        assert proposed(boundary=[allow("*")], **bound) == everything
        assert proposed(boundary=[allow("*"), deny], **bound) == proposed(deny) == everything - 1
        assert proposed(boundary=[allow([*MINIMUM, "s3:PutObject", "s3:Get*"])], **bound) < everything

    def test_why_it_does_not_work(self, fleet):
        limit = self.limited(allow(MINIMUM[:4]))
        (shown,) = fleet(roles=[self.ROLE], policies=[limit]).tables["Roles"]

        assert f"the permissions boundary policy {self.ARN} does not allow it" in shown["Systems Manager"]

    def test_attached_policy(self, fleet):
        """A policy that is also the boundary denies for itself, and this Deny is kept."""
        statements = [allow("*"), self.DENY]
        attached = {"AttachedManagedPolicies": [{"PolicyArn": self.ARN, "PolicyName": "limit"}]}

        row = json.loads(fleet("--json", roles=[self.ROLE | attached], policies=[self.limited(*statements)]).out)

        assert row["denies"] == [f"statement 2 of `policy {self.ARN}`"]


class TestTrust:
    """A condition of the trust policy."""

    CONDITION = "StringEquals aws:SourceAccount 123456789012"

    @pytest.fixture
    def rows(self, fleet):
        def run_fleet(form, *statements, **more):
            trust = role("a")["AssumeRolePolicyDocument"]
            (statement,) = trust["Statement"]
            statement["Condition"] = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
            roles = [role("a", *(statements or SCOPED_MINIMUM), AssumeRolePolicyDocument=trust, **more)]
            return fleet(form, roles=roles)

        return run_fleet

    def test_json(self, rows):
        row = json.loads(rows("--json").out)

        jsonschema.Draft202012Validator(SCHEMA).validate(row)
        assert row["systemsManager"] == "works if"
        assert row["reasons"] == [
            f"EC2 can assume the role if `{self.CONDITION}` holds (statement 1 of `trust policy`)."
        ]

    def test_text(self, rows):
        shown = rows("--text")

        assert shown.items[0] == "Systems Manager may work with 1."
        assert shown.tables["Roles"][0]["Systems Manager"] == (
            f"may work: EC2 can assume the role if {self.CONDITION} holds (statement 1 of trust policy)."
        )

    def test_what_policies_lack(self, rows):
        """It is said first."""
        reasons = json.loads(rows("--json", allow(MINIMUM[:4])).out)["reasons"]

        assert [each.split(" ")[0] for each in reasons] == ["`ssm:UpdateInstanceInformation`:", "If", "EC2"]

    def test_no_profile(self, rows):
        shown = rows("--text", profiles=()).tables["Roles"][0]["Systems Manager"]

        assert shown.startswith("does not work: No instance profile contains the role")
        assert "EC2 can assume the role if" in shown


class TestWithoutArn:
    """A role of an account that is not known."""

    ROLE: ClassVar = role("a", Arn=None)

    def test_first_line(self, fleet):
        assert fleet(roles=[self.ROLE]).out.startswith("1 role for EC2 instances.\n")
        assert fleet(roles=[self.ROLE, role("b")]).out.startswith("2 roles for EC2 instances in account 123456789012")

    def test_summary(self, fleet):
        assert "Account not known: 1 role, because the input does not have the ARN." in fleet(roles=[self.ROLE]).items


class TestSeveralDocuments:
    """A policy of which the input has two different documents."""

    POLICIES: ClassVar = [
        {**TestBoundary.POLICY, "PolicyVersionList": [{"IsDefaultVersion": True, "Document": {"Statement": [each]}}]}
        for each in (allow("*"), allow(MINIMUM))
    ]
    ARN = TestBoundary.ARN
    ATTACHED: ClassVar = {"AttachedManagedPolicies": [{"PolicyArn": ARN}]}
    SEVERAL = "(the input has several documents of it)"

    def test_attached(self, fleet):
        shown = fleet(roles=[role("a", **self.ATTACHED)], policies=self.POLICIES)

        assert shown.tables["Roles"][0]["Notes"].startswith(f"not known: {self.ARN} {self.SEVERAL};")
        assert [each for each in shown.items if each.startswith("Content not known")] == [
            (
                "Content not known: policies of 1 role, of which the input has several documents and does not say "
                "which one counts. Write the input again, with one file for each account."
            )
        ]

    def test_boundary(self, fleet):
        shown = fleet(roles=[TestBoundary.ROLE], policies=self.POLICIES).tables["Roles"][0]

        assert shown["Notes"] == f"limited by boundary team/limit {self.SEVERAL}"
        assert (shown["Actions"], shown["Proposed"][:8]) == ("at most 5", "at most ")

    def test_json(self, fleet):
        row, _ = map(json.loads, fleet("--json", roles=[TestBoundary.ROLE], policies=self.POLICIES).out.splitlines())

        jsonschema.Draft202012Validator(SCHEMA).validate(row)
        assert row["unread"] == row["ambiguous"] == [self.ARN]

    def test_sarif(self, fleet):
        (only,) = fleet("--sarif", roles=[role("a", **self.ATTACHED)], policies=self.POLICIES).json["runs"]

        assert only["results"][-1]["message"]["text"].endswith(f"The input has several documents of {self.ARN}.")

    def test_audit(self, run, tmp_path):
        """It says so, too."""
        (tmp_path / "a.json").write_text(json.dumps(details(role("a", **self.ATTACHED), policies=self.POLICIES)))

        out = run("audit", str(tmp_path / "a.json")).out

        assert f"The input has several documents of {self.ARN} and does not say which one counts" in out
        assert "The input does not contain" not in out


class TestCopies:
    """AWS managed policies whose content the input does not have."""

    NAMES = ("AmazonSSMManagedInstanceCore", "CloudWatchAgentServerPolicy")
    ARNS: ClassVar = [f"arn:aws:iam::aws:policy/{name}" for name in NAMES]

    @staticmethod
    def version(name):
        copy = json.loads((ROOT / "ssm_profile" / "cli" / "aws_policies" / f"{name}.json").read_text())
        return f"{name} ({copy['version']} of {copy['created'][:10]})"

    def role(self, name, *arns):
        return role(name, allow(MINIMUM), AttachedManagedPolicies=[{"PolicyArn": arn} for arn in arns])

    def test_json(self, fleet):
        """Each role has its own."""
        roles = [self.role("a", *self.ARNS), self.role("b", self.ARNS[1]), role("c")]
        rows = [json.loads(line) for line in fleet("--json", roles=roles).out.splitlines()]

        for row in rows:
            jsonschema.Draft202012Validator(SCHEMA).validate(row)
        both = list(map(self.version, self.NAMES))
        assert {row["role"]: row["copies"] for row in rows} == {"a": both, "b": both[1:], "c": []}

    def test_boundary(self, fleet):
        bound = role("a", PermissionsBoundary={"PermissionsBoundaryArn": self.ARNS[0]})

        assert json.loads(fleet("--json", roles=[bound]).out)["copies"] == [self.version(self.NAMES[0])]

    def test_text(self, fleet):
        """The summary names each once."""
        core, agent = map(self.version, self.NAMES)

        assert (
            f"Read from copies in this command, because the input does not have their content: {agent} (2 roles), "
            f"{core} (1 role). AWS may have newer versions."
        ) in fleet(roles=[self.role("b", self.ARNS[1]), self.role("a", *self.ARNS)]).items

    def test_content_in_the_input(self, fleet):
        version = {"IsDefaultVersion": True, "Document": {"Statement": [allow(MINIMUM)]}}
        policies = [{"Arn": self.ARNS[0], "PolicyVersionList": [version]}]
        shown = fleet(roles=[self.role("a", self.ARNS[0])], policies=policies)

        assert "copies" not in shown.out


class TestUnread:
    """A policy whose content is not in the input."""

    ARN = "arn:aws:iam::aws:policy/AdministratorAccess"
    ATTACHED: ClassVar = {"AttachedManagedPolicies": [{"PolicyArn": ARN}]}
    BOUNDARY: ClassVar = {"PermissionsBoundary": {"PermissionsBoundaryArn": ARN}}

    @pytest.mark.parametrize(
        ("unread", "actions", "note"),
        [
            (ATTACHED, "at least 5", f"not known: {ARN}"),
            (BOUNDARY, "at most 5", "limited by boundary AdministratorAccess (content not known)"),
            (ATTACHED | BOUNDARY, "not known", "limited by boundary AdministratorAccess (content not known)"),
        ],
    )
    def test_actions(self, fleet, unread, actions, note):
        roles = [role("a", **unread)]

        row = json.loads(fleet("--json", roles=roles).out)
        (shown,) = fleet(roles=roles).tables["Roles"]

        jsonschema.Draft202012Validator(SCHEMA).validate(row)
        assert (row["actions"], row["readActions"], shown["Actions"]) == (None, 5, actions)
        assert shown["Notes"].split("; ")[-2 if unread is not self.BOUNDARY else -1] == note

    def test_nothing_read(self, fleet):
        """At least 0 would say nothing."""
        (shown,) = fleet(roles=[role("a", **self.ATTACHED, RolePolicyList=[])]).tables["Roles"]

        assert shown["Actions"] == "not known"

    def test_summary(self, fleet):
        """The exit code is 0, so that the report must tell."""
        shown = fleet(roles=[role("a", **self.ATTACHED), role("b")])

        assert shown.code == 0
        assert shown.items[1] == (
            "Content not known: policies of 1 role, so that dangers may be missing here. If the input was written with "
            "--filter, add LocalManagedPolicy and AWSManagedPolicy to it."
        )

    def test_fail_on(self, fleet):
        """No role with such a policy is clean."""
        assert fleet("--fail-on", "wide", roles=[role("a", *SCOPED_MINIMUM, **self.ATTACHED)]).code == 1

    def test_sarif(self, fleet):
        (only,) = fleet("--sarif", roles=[role("a", **self.ATTACHED)]).json["runs"]
        result = only["results"][-1]

        assert (result["ruleId"], result["level"]) == ("content-not-known", "warning")
        assert self.ARN in result["message"]["text"]
