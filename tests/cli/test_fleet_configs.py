"""The configs in the report of ``fleet``: which of them it shows, for whom, and who can assume the role."""

import json
from typing import ClassVar

import pytest

from tests import ROOT, require
from tests.cli.accounts import ACCOUNT, role, trust
from tests.cli.fleet_rows import a_role
from tests.cli.policies import MINIMUM, SCOPED_MINIMUM, allow

jsonschema = require("jsonschema")
require("ijson")

from ssm_profile.cli.fleet import configs, use_report  # noqa: E402

SCHEMA = json.loads((ROOT / "docs" / "fleet.schema.json").read_text())
EC2, SYSTEMS_MANAGER = "ec2.amazonaws.com", "ssm.amazonaws.com"


def reader(name, *buckets, **more):
    """A role that reads buckets."""
    statements = (allow("s3:GetObject", f"arn:aws:s3:::bucket-{each}/*") for each in buckets)
    return role(name, allow(MINIMUM), *statements, **more)


@pytest.fixture
def headings(fleet):
    """The lines above the configs of roles."""

    def shown(*roles):
        return [line for line in fleet(roles=roles).out.splitlines() if line.startswith("Stack config ")]

    return shown


class TestRoles:
    def test_configs(self, fleet):
        """Roles with the same proposal share one."""
        out = fleet(
            roles=[role("a", allow(MINIMUM)), role("b", allow(MINIMUM)), role("c", allow([*MINIMUM, "ec2:*"]))]
        ).out

        assert "Stack config 1, for 2 roles: a, b\n\nconfig:\n  ssm-profile:ec2Describe: false\n" in out
        assert "Stack config 2, for 1 role: c\n\nconfig:\n  ssm-profile:ec2Describe: true\n" in out

    def test_many(self, headings):
        assert headings(*(role(name) for name in "abcde")) == ["Stack config 1, for 5 roles: a, b, c and 2 more"]

    def test_same_name(self, headings):
        """It is shown once."""
        accounts = (f"{number:012}" for number in range(9))

        assert headings(*(role("web", account=each) for each in accounts)) == ["Stack config 1, for 9 roles: web"]


class TestOnlyNamesDiffer:
    """Configs for single roles that differ only in names."""

    ROLES: ClassVar = [reader("a", "x"), reader("b", "y", "z"), reader("c", "w")]

    def test_first(self, fleet):
        """It stands for all."""
        shown = fleet(roles=self.ROLES)

        assert shown.out.count("\nconfig:\n") == 1
        assert shown.items[-1] == (
            "The configs of 2 other roles (b, c) differ only in names. --json has them as options."
        )
        assert [row["Config"] for row in shown.tables["Roles"]] == ["1", "like 1", "like 1"]

    def test_one_other(self, fleet):
        assert fleet(roles=self.ROLES[:2]).items[-1] == (
            "The config of 1 other role (b) differs only in names. --json has it as options."
        )

    def test_several_roles(self, headings):
        """A config for several roles is shown."""
        assert headings(*self.ROLES[:1], reader("d", "y"), reader("e", "y")) == [
            "Stack config 1, for 2 roles: d, e",
        ]
        assert headings(*(reader(f"{name}{number}", name) for name in "xy" for number in "12")) == [
            "Stack config 1, for 2 roles: x1, x2",
            "Stack config 2, for 2 roles: y1, y2",
        ]

    def test_numbers(self, headings):
        """They follow one another."""
        roles = [reader("a", "x"), role("b"), reader("c", "y"), role("d", allow([*MINIMUM, "ec2:*"])), reader("e", "z")]

        assert headings(*roles) == [
            "Stack config 1, for 1 role: d",
            "Stack config 2, for 1 role: a",
            "Stack config 3, for 1 role: b",
        ]

    @pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject"])
    def test_other_options(self, headings, action):
        """What is granted is no name."""
        other = role("b", allow(MINIMUM), allow([action, "ec2:DescribeTags"], ["arn:aws:s3:::bucket-y/*", "*"]))

        assert len(headings(reader("a", "x"), other)) == 2

    def test_actions(self, headings):
        """The actions in an option are no names."""
        assert len(headings(*(role(each, allow([*MINIMUM, f"ec2:Describe{each}"])) for each in ("Tags", "Vpcs")))) == 2

    def test_value_to_fill_in(self):
        """It is no name."""
        kinds = {configs._kind_of(json.dumps({"session_logs": {"bucket": name}})) for name in ("a", "b", "...")}

        assert len(kinds) == 2


class TestMostConfigs:
    @pytest.fixture
    def shown(self, fleet, monkeypatch):
        def run_fleet(*more):
            monkeypatch.setattr(configs, "_MOST_CONFIGS", 2)
            roles = [reader(f"{name}{number}", name) for name in "wxyz" for number in "12"]
            return fleet(*more, roles=roles)

        return run_fleet

    def test_text(self, shown):
        """The most frequent ones are shown, and the number of the others."""
        out = shown().out

        assert out.count("\nconfig:\n") == 2
        assert (
            "\n\n2 more configs, for 4 roles, are not shown here. --html has the config of each role, and --json has "
            "it as options.\n"
        ) in out

    def test_table(self, shown):
        """It says which ones are not shown."""
        column = [row["Config"] for row in shown().tables["Roles"]]

        assert column == ["1", "1", "2", "2", "not shown", "not shown", "not shown", "not shown"]

    def test_names(self, fleet, monkeypatch):
        """No config stands for another one that is not shown, either."""
        monkeypatch.setattr(configs, "_MOST_CONFIGS", 1)
        roles = [role("a"), role("b"), *(reader(name, name) for name in "yz")]

        assert [row["Config"] for row in fleet(roles=roles).tables["Roles"]] == ["1", "1", "not shown", "not shown"]

    def test_json(self, shown):
        """It has all."""
        buckets = [json.loads(line)["options"]["read_buckets"] for line in shown("--json").out.splitlines()]

        assert buckets == [[{"bucket": f"bucket-{name}"}] for name in "wxyz" for _ in "12"]

    def test_what_they_leave_out(self, fleet):
        """The summary says where it is."""
        condition = {"StringEquals": {"aws:PrincipalTag/a": "b"}}
        tagged = allow("s3:GetObject", "arn:aws:s3:::bucket/*", Condition=condition)
        read = [
            allow(["ssm:GetParameter", "ssm:GetParameters"], f"arn:aws:ssm:*:*:parameter/{each}/*") for each in "xy"
        ]
        roles = [role("a", allow(MINIMUM), read[0]), role("b", allow(MINIMUM), read[1], tagged)]

        said = "The configs leave out capabilities that may work today, of 1 role. {} them."
        assert said.format("--html and leftOut in --json name") in fleet(roles=roles).items
        assert said.format("The lists below the configs name") in fleet(roles=roles[1:]).items


class TestTrust:
    """Who else can assume the role."""

    @pytest.fixture
    def row(self, fleet):
        def only(*statements, policy=()):
            document = {"Version": "2012-10-17", "Statement": [*statements]}
            found = json.loads(fleet("--json", roles=[role("a", *policy, AssumeRolePolicyDocument=document)]).out)
            jsonschema.Draft202012Validator(SCHEMA).validate(found)
            return found

        return only

    @staticmethod
    def lets(principal, action="sts:AssumeRole", **more):
        """A statement for services or other principals."""
        listed = principal if principal == "*" or isinstance(principal, dict) else {"Service": principal}
        return {"Effect": "Allow", "Principal": listed, "Action": action, **more}

    def test_default(self, row):
        found = row(self.lets([EC2]))

        assert "service_principals" not in found["options"]
        assert found["trustNotKept"] == []

    @pytest.mark.parametrize(
        ("services", "expected"),
        [
            (["ecs-tasks.amazonaws.com", EC2], [EC2, "ecs-tasks.amazonaws.com"]),
            ([f"{EC2}.cn"], [f"{EC2}.cn"]),
            ([EC2, f"{EC2}.cn"], [EC2, f"{EC2}.cn"]),
            (["lambda.amazonaws.com"], [EC2, "lambda.amazonaws.com"]),
        ],
    )
    def test_services(self, row, services, expected):
        """They are in the options. EC2 is always one of them."""
        found = row(self.lets(services))

        assert (found["options"]["service_principals"], found["trustNotKept"]) == (expected, [])
        assert found["options"]["scope_heartbeat"] is True

    def test_several_statements(self, row):
        assert row(self.lets(EC2), self.lets(SYSTEMS_MANAGER))["options"]["service_principals"] == [
            EC2,
            SYSTEMS_MANAGER,
        ]

    @pytest.mark.parametrize(
        ("resources", "is_scoped"),
        [
            (["*"], False),
            (["arn:aws:ec2:*:*:instance/*", "arn:aws:ssm:*:*:managed-instance/*"], False),
            (["arn:aws:ec2:*:*:instance/*"], True),
        ],
    )
    def test_hybrid_nodes(self, row, resources, is_scoped):
        """They cannot register with a heartbeat for EC2 instances only, unless they cannot register today."""
        policy = [allow(MINIMUM[:4]), allow(MINIMUM[4], resources), allow("ssm:GetParameter")]
        found = row(self.lets([EC2, SYSTEMS_MANAGER]), policy=policy)

        assert ("scope_heartbeat" in found["options"]) is is_scoped

    @pytest.mark.parametrize(
        "principal",
        [
            {"AWS": f"arn:aws:iam::{ACCOUNT}:user/operator"},
            {"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/office"},
            {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},
        ],
    )
    def test_other_principals(self, row, principal):
        found = row(self.lets(EC2), self.lets({**principal}, "sts:AssumeRoleWithSAML"), self.lets({**principal}))

        (name,) = principal.values()
        assert "service_principals" not in found["options"]
        assert found["trustNotKept"] == [
            f"The trust policy also lets `{name}` assume the role. The component's trust policy does not."
        ]

    def test_everybody(self, row):
        assert "also lets `*` assume the role" in row(self.lets("*"))["trustNotKept"][0]

    def test_many_principals(self, row):
        users = [f"arn:aws:iam::{ACCOUNT}:user/{number}" for number in range(5)]

        assert (
            "user/2` and 2 more assume the role." in row(self.lets({"Service": EC2, "AWS": users}))["trustNotKept"][0]
        )

    @pytest.mark.parametrize(
        ("action", "shown"),
        [
            ({"Action": ["sts:AssumeRole", "sts:TagSession"]}, "sts:TagSession"),
            ({"Action": "sts:SetSourceIdentity"}, "sts:SetSourceIdentity"),
            ({"NotAction": "sts:TagSession"}, "NotAction sts:TagSession"),
        ],
    )
    def test_further_actions(self, row, action, shown):
        further = {"Effect": "Allow", "Principal": {"Service": EC2}, **action}

        assert row(self.lets(EC2), further)["trustNotKept"] == [
            f"The trust policy also allows `{shown}`. The component's trust policy does not."
        ]

    def test_condition(self, row):
        """Without it, the component's trust policy lets the service do more."""
        condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}

        assert row(self.lets(EC2), self.lets(SYSTEMS_MANAGER, Condition=condition))["trustNotKept"] == [
            (
                f"The trust policy has conditions: `StringEquals aws:SourceAccount {ACCOUNT}`. The component's trust "
                "policy has none."
            )
        ]

    def test_deny(self, row):
        deny = self.lets({"AWS": "*"}, Condition={"StringEquals": {"aws:PrincipalArn": "x"}}) | {"Effect": "Deny"}

        assert row(self.lets(EC2), deny)["trustNotKept"] == [
            "The trust policy has statements that deny. The component's trust policy has none."
        ]

    def test_clean(self, row):
        """Nothing is lost where nothing is replaced."""
        found = row(self.lets({"Service": EC2, "AWS": "*"}), policy=SCOPED_MINIMUM)

        assert (found["options"], found["trustNotKept"]) == (None, [])

    def test_same_policies(self, fleet):
        """Roles with one judgement can have different trust policies."""
        roles = [role("a"), role("b", AssumeRolePolicyDocument=trust(["ecs-tasks.amazonaws.com", EC2]))]
        shown = fleet(roles=roles)

        assert "1 different set of policies" in shown.out
        assert "Stack config 2, for 1 role: b\n" in shown.out
        assert "  ssm-profile:servicePrincipals:\n  - ec2.amazonaws.com\n  - ecs-tasks.amazonaws.com\n" in shown.out

    def test_text(self, fleet):
        """A sentence names the roles that it is about."""
        document = trust()
        document["Statement"].append(self.lets({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
        roles = [role("a"), role("b", AssumeRolePolicyDocument=document)]
        sentence = (
            f"The trust policy also lets arn:aws:iam::{ACCOUNT}:root assume the role. The component's trust policy "
            "does not."
        )

        assert f"1 role (b): {sentence}" in fleet(roles=roles).items
        assert sentence in fleet(roles=roles[1:]).items


class TestTakenAway:
    """What a config takes away."""

    def test_unneeded(self, fleet):
        """The patterns of the policies, with the number of their actions."""
        roles = [role("a", allow([*MINIMUM, "sqs:*", "sns:Publish"]))]
        row = json.loads(fleet("--json", roles=roles).out)
        jsonschema.Draft202012Validator(SCHEMA).validate(row)
        (item,) = (each for each in fleet(roles=roles).items if each.startswith("It takes away: "))

        assert [each["action"] for each in row["unneeded"]] == ["sqs:*", "sns:Publish"]
        assert item.startswith("It takes away: sqs:* (")
        assert item.endswith(" actions), sns:Publish. Keep those that your software needs in a policy of their own.")

    def test_other_resources(self, fleet):
        """An action that a capability needs on other resources is lost, too."""
        secret = allow("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:*:secret:app-*")
        row = json.loads(fleet("--json", roles=[role("a", allow(MINIMUM), secret)]).out)

        assert row["notKept"] == ["secretsmanager:GetSecretValue"]

    def test_several_roles(self, fleet):
        """Each action is said of the roles that have it."""
        roles = [role(name, allow([*MINIMUM, f"sqs:{name}"])) for name in ("AddPermission", "SendMessage")]
        said = [each.partition(". Keep")[0] for each in fleet(roles=roles).items if each.startswith("It takes away")]

        assert said == [f"It takes away of 1 role ({name}): sqs:{name}" for name in ("AddPermission", "SendMessage")]

    def test_many_roles(self, fleet, monkeypatch):
        """The actions of the last ones are shown together."""
        monkeypatch.setattr(configs, "_MOST_SETS", 1)
        roles = [role(f"r{name}", allow([*MINIMUM, f"sqs:{name}"])) for name in ("Create*", "Delete*", "List*")]

        assert any(
            each.startswith("It takes away of 2 other roles (some of these each): sqs:DeleteMessage")
            for each in fleet(roles=roles).items
        )

    @pytest.mark.parametrize(
        ("count", "shown"), [(6, "sqs:PurgeQueue, sqs:ReceiveMessage. "), (7, " and 2 more (--json).")]
    )
    def test_many(self, fleet, count, shown):
        """A single one is named: that there is one more takes as much room."""
        names = (
            "AddPermission",
            "CreateQueue",
            "DeleteQueue",
            "ListQueues",
            "PurgeQueue",
            "ReceiveMessage",
            "SendMessage",
        )
        found = fleet(roles=[role("a", allow([*MINIMUM, *(f"sqs:{each}" for each in names[:count])]))]).items

        assert any(shown in each for each in found)


def test_new_action_once(fleet):
    """It is not named again with its resources."""
    logs = allow(["s3:PutObject", "s3:GetEncryptionConfiguration"], ["arn:aws:s3:::logs/*", "arn:aws:s3:::logs"])
    shown = fleet(roles=[role("a", allow(MINIMUM), logs)]).items

    assert ["s3:PutObjectAcl" in each for each in shown].count(True) == 1


def test_condition(fleet):
    """The config does not have the one under which the policies work."""
    roles = [role("a", allow(MINIMUM, Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}}))]
    row = json.loads(fleet("--json", roles=roles).out)
    jsonschema.Draft202012Validator(SCHEMA).validate(row)

    assert row["conditionsNotKept"] == ["StringEquals aws:SourceVpc vpc-1"]
    assert (
        "Today the policies grant what Systems Manager needs only if StringEquals aws:SourceVpc vpc-1 holds. The "
        "config grants it without that condition."
    ) in fleet(roles=roles).items


def test_alternative_conditions(fleet):
    """One of them is enough."""
    conditions = [{"StringEquals": {"aws:SourceVpc": name}} for name in ("vpc-1", "vpc-2")]
    roles = [role("a", *(allow(MINIMUM, Condition=each) for each in conditions))]
    either = "StringEquals aws:SourceVpc vpc-1 or StringEquals aws:SourceVpc vpc-2"

    assert json.loads(fleet("--json", roles=roles).out)["conditionsNotKept"] == [either]
    assert any(f"only if {either} holds. " in each for each in fleet(roles=roles).items)


def test_alternative_that_is_no_condition(fleet):
    """A policy whose content is not known may allow the same without a condition."""
    condition = {"StringEquals": {"aws:SourceVpc": "vpc-1"}}
    unread = [{"PolicyName": "own", "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/own"}]
    roles = [role("a", allow(MINIMUM, Condition=condition), AttachedManagedPolicies=unread)]

    (condition,) = json.loads(fleet("--json", roles=roles).out)["conditionsNotKept"]
    assert condition == "StringEquals aws:SourceVpc vpc-1 or something that is not known"


def test_conditions_of_several_roles(fleet):
    """Each is said of its role, also where the roles have the same config."""
    names = {"a": "vpc-1", "b": "vpc-2"}
    roles = [
        role(name, allow(MINIMUM, Condition={"StringEquals": {"aws:SourceVpc": vpc}})) for name, vpc in names.items()
    ]
    items = fleet(roles=roles).items

    for name, vpc in names.items():
        whose = f"Today the policies of 1 role ({name}) grant what Systems Manager needs only if"
        assert any(each.startswith(f"{whose} StringEquals aws:SourceVpc {vpc} holds. ") for each in items)


def test_added_actions(fleet):
    roles = [role("a", allow(MINIMUM[:4]))]

    assert json.loads(fleet("--json", roles=roles).out)["addedActions"] == ["ssm:UpdateInstanceInformation"]
    assert any(
        each.endswith("an option of the config needs them: ssm:UpdateInstanceInformation.")
        for each in fleet(roles=roles).items
    )


def test_values_to_fill_in_of_a_narrower_config():
    """They are named, as those of the other configs."""
    used = {"options": {"scope_heartbeat": True, "parameters": {"paths": ["..."]}}, "addedOptions": []}
    roles = [a_role("a", used=used)]
    parts = use_report.narrower_parts(use_report.narrower_configs(roles, first=1), roles)

    assert any("Fill in `parameters.paths`, or leave it out." in getattr(each, "items", ()) for each in parts)
