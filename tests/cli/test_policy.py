"""``ssm-profile policy``."""

import json
import re

import pytest

from generators.option_sets import EVERYTHING, smallest_with
from ssm_profile import policy
from ssm_profile.options import OPTIONS
from ssm_profile.policy import GRANTING
from tests import ROOT
from tests.expected import DEFAULT, LOCATION, PROD

LOCATION_FLAGS = ["--region", LOCATION["region"], "--account", LOCATION["account"]]
TAG = (
    "The role needs the tag QSConfigId-q4bkg with the value q4bkg, for which the bucket of the patch policy asks. The "
    "component adds it to the role and the instance profile. Add it to a role that you create yourself.\n"
)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


def flags_of(options):
    """The flags that set options."""
    flags = []
    for name, value in options.items():
        entries = {f"{name}.{key}": entry for key, entry in value.items()} if isinstance(value, dict) else {name: value}
        for path, entry in entries.items():
            flag = re.sub("[._]", "-", path)
            if isinstance(entry, bool):
                flags.append(f"--{'' if entry else 'no-'}{flag}")
            else:
                for each in entry if isinstance(entry, list) else [entry]:
                    flags += [f"--{flag}", pairs(each) if isinstance(each, dict) else each]
    return flags


def pairs(entry):
    """A map in the form of a flag."""
    texts = {key: str(value).lower() if isinstance(value, bool) else value for key, value in entry.items()}
    return ",".join(f"{key.replace('_', '-')}={text}" for key, text in texts.items())


class TestDocument:
    def test_default(self, run):
        printed = run("policy")

        assert (printed.code, printed.error) == (0, "")
        assert printed.out == json.dumps(DEFAULT, indent=2) + "\n"

    def test_stack(self, run):
        printed = run("policy", "--stack", "prod", "-C", str(ROOT))

        assert (printed.json, printed.error) == (PROD, "")

    @pytest.mark.parametrize("name", [name for name in OPTIONS if name in GRANTING])
    def test_every_option(self, run, name):
        options = smallest_with(name)

        printed = run("policy", *LOCATION_FLAGS, *flags_of(options))

        assert (printed.code, printed.error) == (0, TAG if name == "patch_policy" else "")
        assert printed.json == policy.policy_document(options, LOCATION)

    @pytest.mark.parametrize("location", [[], ["--partition", "aws-cn"], LOCATION_FLAGS], ids=len)
    @pytest.mark.parametrize("name", [name for name in OPTIONS if name in GRANTING] + ["everything"])
    def test_explain_says_the_same(self, run, name, location):
        options = dict(EVERYTHING if name == "everything" else smallest_with(name))
        if "--region" not in location:
            options.pop("managed_buckets", None)  # it requires a region
        if "aws-cn" in location:
            options = json.loads(json.dumps(options).replace("arn:aws:", "arn:aws-cn:"))
        flags = [*location, *flags_of(options)]

        assert run("explain", "--json", *flags).json["policy"] == run("policy", *flags).json

    def test_explain_says_the_same_of_a_stack(self, run):
        flags = ["--stack", "prod", "-C", str(ROOT), "--documents", "--account", "123456789012"]

        assert run("explain", "--json", *flags).json["policy"] == run("policy", *flags).json

    def test_too_long(self, run):
        """A document that IAM refuses is not printed."""
        paths = [f"/app/{'a' * 900}{number}" for number in range(12)]

        refused = run("policy", *flags_of({"parameters": {"paths": paths}}))

        assert (refused.code, refused.out) == (2, "")
        assert re.fullmatch(
            r"Error: the policy of these flags has [0-9]{2},[0-9]{3} characters without spaces, and IAM allows 10,240. "
            r"Set fewer options, or shorten their lists.\n",
            refused.error,
        )


class TestPlaceholders:
    @pytest.mark.parametrize(
        ("flags", "sentence"),
        [
            (
                [],
                (
                    "The policy has placeholders. Fill <partition> with --partition or --region, <region> with "
                    "--region, <account> with --account.\n"
                ),
            ),
            (["--region", "eu-central-1"], "The policy has placeholders. Fill <account> with --account.\n"),
            (
                ["--partition", "aws", "--account", "123456789012"],
                "The policy has placeholders. Fill <region> with --region.\n",
            ),
            (["--region", "eu-central-1", "--account", "123456789012"], ""),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_sentence(self, run, flags, sentence):
        printed = run("policy", "--documents", *flags)

        assert (printed.code, printed.error) == (0, sentence)
        left = set(re.findall(r"<\w+>", printed.out))
        assert left == set(re.findall(r"<\w+>", sentence))

    def test_only_what_the_policy_needs(self, run):
        assert run("policy", "--scope-heartbeat").error == (
            "The policy has placeholders. Fill <partition> with --partition or --region.\n"
        )

    def test_region_of_the_stack(self, run):
        printed = run("policy", "--stack", "prod", "-C", str(ROOT), "--documents")

        assert printed.error == "The policy has placeholders. Fill <account> with --account.\n"


@pytest.mark.parametrize("command", ["explain", "policy", "compare"])
class TestLocation:
    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            (["--account", "12345678901"], "'12345678901' is not the ID of an AWS account. Pass 12 digits such as"),
            (["--account", "1234567890123"], "'1234567890123' is not the ID of an AWS account."),
            (["--account", "12345678901a"], "'12345678901a' is not the ID of an AWS account."),
            (["--account", "١٢٣٤٥٦٧٨٩٠١٢"], "is not the ID of an AWS account."),
            (["--account", ""], "'' is not the ID of an AWS account."),
            (["--region", "eu-central"], "'eu-central' is not the name of an AWS region."),
            (["--region", ""], "'' is not the name of an AWS region."),
            (["--partition", "aws-xx"], "'aws-xx' is not one of 'aws', 'aws-cn'"),
            (
                ["--partition", "aws-cn", "--region", "eu-central-1"],
                "eu-central-1 is in the partition aws, not in aws-cn. Leave out --partition, or",
            ),
            (["--partition", "aws-cn", "--stack", "prod", "-C", str(ROOT)], "eu-central-1 is in the partition aws"),
            (
                [
                    "--partition",
                    "aws-cn",
                    "--session-kms-key-arn",
                    "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
                ],
                "`--session-kms-key-arn` is in partition aws, but the deployment is in aws-cn",
            ),
        ],
        ids=lambda value: " ".join(value[:4]) if isinstance(value, list) else "",
    )
    def test_error(self, run, command, flags, message):
        refused = run(command, *flags)

        assert (refused.code, refused.out) == (2, "")
        assert message in " ".join(re.sub("[│\n]", " ", refused.error).split())

    def test_partition_of_the_region(self, run, command):
        assert run(command, "--partition", "aws-cn", "--region", "cn-north-1", "--documents").code in (0, 1)


class TestTrust:
    def test_default(self, run):
        printed = run("policy", "--trust")

        assert (printed.code, printed.error) == (0, "")
        assert printed.out == json.dumps(TRUST, indent=2) + "\n"

    @pytest.fixture
    def stack(self, tmp_path):
        """Writes the file of the stack dev, and gives the flags that read it."""

        def write(**config):
            (tmp_path / "Pulumi.yaml").write_text("name: web\nruntime: python\n")
            (tmp_path / "Pulumi.dev.yaml").write_text(json.dumps({"config": config}))
            return ["--stack", "dev", "-C", str(tmp_path)]

        return write

    def test_service_principals_of_the_stack(self, run, stack):
        principals = ["ssm.amazonaws.com", "ec2.amazonaws.com.cn"]

        printed = run("policy", "--trust", *stack(servicePrincipals=principals, patching=True)).json

        assert printed["Statement"][0]["Principal"] == {"Service": sorted(principals)}

    def test_existing_role(self, run, stack):
        """The component does not change the trust policy of a role that it does not create."""
        refused = run("policy", "--trust", *stack(existingRoleName="web-role"))

        assert (refused.code, refused.out) == (2, "")
        assert refused.error == (
            "Error: stack dev adds its policy to the existing role web-role and does not change its trust policy. "
            "`aws iam get-role --role-name web-role` prints that.\n"
        )

    def test_location(self, run):
        """A script can pass the same location for both documents."""
        assert run("policy", "--trust", *LOCATION_FLAGS).json == TRUST

    @pytest.mark.parametrize(
        "flags", [["--patching"], ["--no-ec2-describe"], ["--parameters-paths", "/app"], ["--cloudwatch-agent"]]
    )
    def test_permissions(self, run, flags):
        refused = run("policy", "--trust", *flags)

        assert refused.code == 2
        assert f"--trust and {flags[0]} cannot be combined" in refused.error
