"""``ssm-profile audit FILE``: verdicts, findings, and the options that replace the policy."""

import json
from urllib.parse import quote

import pytest

from ssm_profile import policy
from ssm_profile.options import OPTIONS, camel_case
from tests import ROOT, require
from tests.cli.policies import INSTANCES, MINIMUM, SCOPED_MINIMUM, SWITCHES, allow, document, working_features
from tests.expected import KEY, LOCATION, MAPS, SHARED_DOCUMENT, SHARED_KEY


@pytest.fixture
def audit(run, policy_file):
    """Audits a policy of some statements."""

    def run_audit(*statements):
        audited = run("audit", policy_file(*statements), "--json")
        return audited.audit | {"code": audited.code}

    return run_audit


def verdicts(audited):
    return {row["capability"]: row["verdict"] for row in audited["capabilities"]}


def missing(audited, feature):
    (row,) = [row for row in audited["capabilities"] if row["capability"] == feature]
    return row["missing"]


def test_scoped_minimum_is_clean(audit, run, policy_file):
    audited = audit(*SCOPED_MINIMUM)

    assert audited["code"] == 0
    assert audited["systemsManager"] == "works"
    assert working_features(audited) == {"messaging", "heartbeat"}
    assert (audited["unneeded"], audited["unscoped"], audited["deprecated"]) == ([], [], [])
    assert audited["options"] == {"ec2_describe": False, "scope_heartbeat": True}
    file = policy_file(*SCOPED_MINIMUM)
    assert run("audit", file).out.startswith(f"Systems Manager works with {file}. There is nothing to fix.\n")


def test_effective_policy(run):
    """``iam-lens principal-can`` prints what other policies leave of a role with the name of each action."""
    expanded = require("ssm_profile.cli.action_list").expanded
    actions = [action for pattern in policy.actions({}) for action in expanded(pattern)]
    left = document(allow(actions, ["*"]), allow(["ssm:GetParameter"], ["*"], Effect="Deny"))

    audited = run("audit", "-", "--json", stdin=left).audit

    assert len(actions) > 100
    assert working_features(audited) == {"messaging", "heartbeat", "ec2_describe"}
    assert audited["options"] == {"ec2_describe": True, "scope_heartbeat": True}


def test_core(run):
    """AmazonSSMManagedInstanceCore."""
    audited = run("audit", "AmazonSSMManagedInstanceCore", "--json").audit

    assert working_features(audited) == {
        "messaging",
        "heartbeat",
        "quiet_agent",
        "legacy_messaging",
        "documents",
        "state_manager",
        "inventory",
        "patching",
        "distributor",
        "parameters.paths",
        "parameters.shared_arns",
        "document_arns",
    }
    assert [row["action"] for row in audited["unneeded"]] == ["ssm:ListAssociations", "ssm:UpdateAssociationStatus"]
    assert {"ssm:GetParameter", "ssm:GetParameters", "ssm:GetDocument", "ssm:UpdateInstanceInformation"} <= {
        row["action"] for row in audited["unscoped"]
    }
    assert [row["policy"] for row in audited["deprecated"]] == ["AmazonSSMManagedInstanceCore"]
    assert audited["options"] == {
        "ec2_describe": False,
        "scope_heartbeat": True,
        "legacy_messaging": True,
        "state_manager": True,
        "patching": True,
        "distributor": True,
        "parameters": {"paths": ["..."], "shared_arns": ["..."]},
        "document_arns": ["..."],
    }


def test_deprecated_policy_of_an_account(run, policy_file):
    """AWS's details of an account contain the documents of attached policies, too."""
    attached = [
        f"arn:aws:iam::aws:policy/{name}" for name in ("service-role/AmazonEC2RoleforSSM", "AmazonS3ReadOnlyAccess")
    ]
    version = {"IsDefaultVersion": True, "Document": json.loads(document(allow(MINIMUM)))}
    role = {"RoleName": "web", "AttachedManagedPolicies": [{"PolicyArn": arn} for arn in attached]}
    policies = [{"Arn": arn, "PolicyVersionList": [version]} for arn in attached]

    audited = run(
        "audit", policy_file(text=json.dumps({"RoleDetailList": [role], "Policies": policies})), "--json"
    ).audit

    assert [row["policy"] for row in audited["deprecated"]] == ["AmazonEC2RoleforSSM"]


def test_role_whose_only_policy_is_unread(run, policy_file):
    """It has a policy, of which nothing is known."""
    policy = {"PolicyName": "inline", "PolicyDocument": None}
    details = {"RoleDetailList": [{"RoleName": "web", "RolePolicyList": [policy]}]}

    audited = run("audit", policy_file(text=json.dumps(details)), "--json").audit

    assert (audited["systemsManager"], audited["notes"], audited["level"]) == ("works if", [], "wide")


def test_unread_policy_is_not_clean(run, policy_file):
    """Whatever the policy grants, nobody knows that there is nothing to fix."""
    role = {
        "RoleName": "web",
        "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": json.loads(document(*SCOPED_MINIMUM))}],
        "AttachedManagedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"}],
    }

    done = run("audit", policy_file(text=json.dumps({"RoleDetailList": [role]})), "--json", "--fail-on", "wide")

    assert (done.code, done.audit["level"]) == (1, "wide")


def test_deprecated_policy_with_another_name(run, policy_file):
    """AWS's policies are recognised by their statements."""
    document = json.loads((ROOT / "ssm_profile/cli/aws_policies/AmazonEC2RoleforSSM.json").read_text())["document"]

    audited = run("audit", policy_file(*reversed(document["Statement"])))

    assert audited.code == 1
    (row,) = audited.tables["Policies to replace"]
    assert row["Policy"] == "AmazonEC2RoleforSSM"
    assert "AWS has deprecated it" in row["Reason"]


class TestVerdicts:
    @pytest.mark.parametrize("lost", MINIMUM)
    def test_without_a_required_action(self, run, policy_file, lost):
        """Systems Manager does not work, and the report has the symptom."""
        audited = run("audit", policy_file(allow([action for action in MINIMUM if action != lost])))

        assert audited.code == 1
        assert audited.out.startswith("Systems Manager does NOT work with ")
        feature = "heartbeat" if lost == MINIMUM[4] else "messaging"
        (row,) = [row for row in audited.tables["Capabilities"] if row["Capability"] == feature]
        assert row["Verdict"] == ("missing" if feature == "heartbeat" else "partly")
        assert row["Missing permissions, or what it depends on"].startswith(f"{lost}")

    def test_default_host_management(self, audit, run, policy_file):
        """It applies only without the heartbeat."""
        without = policy_file(allow(MINIMUM[:4]))

        assert audit(allow(MINIMUM[:4]))["defaultHostManagement"] is True
        assert "Default Host Management Configuration applies to the instance" in run("audit", without).out
        assert audit(allow(MINIMUM))["defaultHostManagement"] is False

    def test_describe_log_groups_on_one_group(self, audit):
        """The action supports no resources, so it fails there."""
        group = "arn:aws:logs:eu-central-1:123456789012:log-group:/ssm:*"
        logs = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]

        audited = audit(*SCOPED_MINIMUM, allow([*logs, "logs:DescribeLogGroups"], group))

        assert verdicts(audited)["session_logs.log_group"] == "partly"
        (row,) = missing(audited, "session_logs.log_group")
        assert (row["action"], row["resources"]) == ("logs:DescribeLogGroups", ["*"])
        assert [reason["kind"] for reason in row["reasons"]] == ["other resources"]
        granted = audit(*SCOPED_MINIMUM, allow(logs, group), allow("logs:DescribeLogGroups"))
        assert "session_logs.log_group" in working_features(granted)

    @pytest.mark.parametrize(
        ("ending", "expected"),
        [("", "partly"), (":*", "works"), (":log-stream:*", "works"), (":log-stream:i-*", "partly")],
    )
    @pytest.mark.parametrize("feature", ["session_logs.log_group", "cloudwatch_agent.log_groups"])
    def test_log_group(self, audit, feature, ending, expected):
        """AWS checks the streams of a log group, which an ARN without ``:*`` does not name."""
        base = [*SCOPED_MINIMUM, allow(["cloudwatch:PutMetricData", "ec2:Describe*", "logs:DescribeLogGroups"])]
        config = allow("ssm:GetParameter", "arn:aws:ssm:*:*:parameter/AmazonCloudWatch-*")
        logs = ["CreateLogStream", "DescribeLogStreams", "PutLogEvents"]
        logs += ["CreateLogGroup", "PutRetentionPolicy"] if feature == "cloudwatch_agent.log_groups" else []
        group = "arn:aws:logs:us-east-1:123456789012:log-group:/ssm/sessions"

        audited = audit(*base, config, allow([f"logs:{each}" for each in logs], group + ending))

        if feature == "cloudwatch_agent.log_groups" and not ending:
            expected = "missing"  # it needs nothing on the resource *
        assert verdicts(audited)[feature] == expected
        option, _, key = feature.partition(".")
        value = audited["options"].get(option, {}).get(key)
        assert value in (("/ssm/sessions", ["/ssm/sessions"]) if expected == "works" else (None,))
        if expected != "works":
            assert {reason["kind"] for row in missing(audited, feature) for reason in row["reasons"]} == {
                "other resources"
            }

    def test_alias_is_no_key(self, audit):
        alias = audit(*SCOPED_MINIMUM, allow("kms:Decrypt", "arn:aws:kms:eu-central-1:123456789012:alias/ssm"))
        key = audit(*SCOPED_MINIMUM, allow("kms:Decrypt", KEY))

        assert "session_kms_key_arn" not in working_features(alias)
        assert "session_kms_key_arn" in working_features(key)
        assert key["options"]["session_kms_key_arn"] == KEY

    def test_policy_variables(self, audit):
        """The value of a variable is not known."""
        path = "arn:aws:ssm:eu-central-1:123456789012:parameter/${aws:PrincipalTag/app}/*"
        actions = ["ssm:GetParameter", "ssm:GetParameters"]

        audited = audit(*SCOPED_MINIMUM, allow(actions, path))

        assert verdicts(audited)["parameters.paths"] == "works if"
        (parameters,) = [row for row in audited["capabilities"] if row["capability"] == "parameters.paths"]
        (reason,) = parameters["dependsOn"]
        assert (reason["kind"], reason["dependsOn"]) == ("unknown value", path)
        assert "parameters" not in audited["options"]
        other = audit(*SCOPED_MINIMUM, allow(actions, path.replace("parameter", "document")))
        assert verdicts(other)["parameters.paths"] == "missing"
        anything = audit(*SCOPED_MINIMUM, allow("kms:Decrypt", "${aws:PrincipalTag/key}"))
        assert verdicts(anything)["session_kms_key_arn"] == "works if"

    def test_wildcards_in_the_middle(self, audit):
        audited = audit(allow(["ssmmessages:*Channel", "SSM:Update?nstanceInformation"]))

        assert {"messaging", "heartbeat"} <= working_features(audited)

    def test_readable_resources(self, audit):
        """A resource has no wildcard beside another one, and no resource that another one covers."""
        resources = {
            (row["capability"], each["action"]): each["resources"]
            for row in audit(*SCOPED_MINIMUM)["capabilities"]
            for each in row["missing"]
        }

        assert resources["session_logs.bucket", "s3:PutObject"] == ["arn:aws:s3:::*/*"]
        assert resources["parameters.paths", "ssm:GetParameter"] == ["arn:aws:ssm:*:*:parameter/*"]
        assert resources["managed_buckets", "s3:GetObject"] == ["arn:aws:s3:::patch-baseline-snapshot-*/*"]
        assert not [each for listed in resources.values() for each in listed if "**" in each]

    def test_not_action_and_not_resource(self, audit):
        audited = audit({"Effect": "Allow", "NotAction": "ec2:*", "NotResource": "arn:aws:s3:::logs/*"})

        assert verdicts(audited)["ec2_describe"] == "missing"
        assert {"messaging", "heartbeat", "parameters.paths"} <= working_features(audited)
        (row,) = audited["unneeded"]
        assert row["action"] == "all except ec2:*"
        resources = {row["action"]: row["resource"] for row in audited["unscoped"]}
        assert resources["ssm:GetParameter"] == resources["kms:Decrypt"] == "all except arn:aws:s3:::logs/*"


class TestInstances:
    """A policy can name the instances of one region, or one instance."""

    ACTION = "ssm:UpdateInstanceInformation"
    IN_ONE_REGION = "arn:aws:ec2:eu-central-1:123456789012:instance/*"
    ONE = "arn:aws:ec2:eu-central-1:123456789012:instance/i-0123456789abcdef0"

    @pytest.mark.parametrize(
        ("statement", "expected"),
        [
            (allow(ACTION, IN_ONE_REGION), "works"),
            (allow(ACTION, ONE), "works if"),
            (allow(ACTION, "arn:aws:ssm:*:*:managed-instance/*"), "missing"),
            (allow(ACTION, IN_ONE_REGION, Condition={"Bool": {"aws:ViaAWSService": "true"}}), "missing"),
        ],
    )
    def test_allow(self, audit, statement, expected):
        audited = audit(allow(MINIMUM[:4]), statement)

        assert audited["systemsManager"] == expected

    @pytest.mark.parametrize("resource", [IN_ONE_REGION, ONE])
    def test_deny(self, audit, resource):
        """It is not known whether the instance is one of those."""
        audited = audit(allow(MINIMUM), {"Effect": "Deny", "Action": self.ACTION, "Resource": resource})

        assert audited["systemsManager"] == "works if"
        (heartbeat,) = [row for row in audited["capabilities"] if row["capability"] == "heartbeat"]
        assert [(each["kind"], each["dependsOn"]) for each in heartbeat["dependsOn"]] == [("explicit deny", resource)]


class TestKeys:
    """Conditions on the service through which KMS is called."""

    PATH = "arn:aws:ssm:us-east-1:123456789012:parameter/app/*"
    KEYS = "arn:aws:kms:us-east-1:123456789012:key"
    HERE = "ssm.us-east-1.amazonaws.com"
    ELSEWHERE = "ssm.eu-west-1.amazonaws.com"

    @pytest.fixture
    def verdict(self, audit):
        """The verdict on the key of parameters."""

        def judge(*statements, path=self.PATH):
            return verdicts(
                audit(*SCOPED_MINIMUM, allow(["ssm:GetParameter", "ssm:GetParameters"], path), *statements)
            )["parameters.kms_key_arn"]

        return judge

    @pytest.mark.parametrize("resource", ["*", f"{KEYS}/*", f"{KEYS}/1234abcd-12ab-34cd-56ef-1234567890ab"])
    @pytest.mark.parametrize(
        ("operator", "services"),
        [
            ("StringEquals", HERE),
            ("StringEquals", [ELSEWHERE, HERE]),
            ("StringLike", HERE),
            ("StringLike", "ssm.*.amazonaws.com"),
            ("StringLike", "ssm.us-*.amazonaws.com"),
            ("StringLike", "*.us-east-1.amazonaws.com"),
        ],
    )
    def test_parameters(self, verdict, resource, operator, services):
        """Every region that the condition names is possible."""
        assert verdict(allow("kms:Decrypt", resource, Condition={operator: {"kms:ViaService": services}})) == "works"

    @pytest.mark.parametrize("services", ["s3.us-east-1.amazonaws.com", ["ec2.us-east-1.amazonaws.com"]])
    def test_another_service(self, verdict, services):
        condition = {"StringEquals": {"kms:ViaService": services}}

        assert verdict(allow("kms:Decrypt", Condition=condition)) == "missing"

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ({}, "works"),
            ({"Null": {"kms:EncryptionContext:aws:ssm:SessionId": "false"}}, "works"),
            ({"Null": {"kms:EncryptionContext:aws:ssm:TargetId": ["false"]}}, "works"),
            ({"StringLike": {"kms:EncryptionContext:aws:ssm:TargetId": "i-*"}}, "works if"),
            ({"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "aws:ssm:TargetId"}}, "works"),
            ({"ForAllValues:StringLike": {"kms:EncryptionContextKeys": "aws:ssm:*"}}, "works"),
            ({"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/sessions"}}, "works if"),
            ({"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": "aws:ssm:SessionId"}}, "missing"),
            ({"Null": {"kms:EncryptionContext:PARAMETER_ARN": "false"}}, "missing"),
        ],
    )
    def test_sessions(self, audit, condition, expected):
        """The agent sends two keys of an encryption context. A policy need not ask for them."""
        statement = allow("kms:Decrypt", f"{self.KEYS}/1", **({"Condition": condition} if condition else {}))

        audited = audit(*SCOPED_MINIMUM, statement)

        assert verdicts(audited)["session_kms_key_arn"] == expected
        assert audited["unscoped"] == []

    def test_key_that_only_sessions_use(self, verdict):
        condition = {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "aws:ssm:SessionId"}}

        assert verdict(allow("kms:Decrypt", Condition=condition)) == "missing"

    def test_alias_is_an_alternative(self, audit):
        """It is judged only if the policy names it, and proposed only if the ARN of the key does not work."""
        by_alias = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/sessions"}}
        alias = allow("kms:Decrypt", f"{self.KEYS}/*", Condition=by_alias)

        plain, named, both = (
            audit(*SCOPED_MINIMUM, *some)
            for some in ([allow("kms:Decrypt")], [alias], [alias, allow("kms:Decrypt", f"{self.KEYS}/1")])
        )

        assert "session_kms_key_alias" not in verdicts(plain)
        assert named["options"]["session_kms_key_alias"] == "alias/sessions"
        assert both["options"].keys() & {"session_kms_key_alias", "session_kms_key_arn"} == {"session_kms_key_arn"}

    def test_region_of_the_key(self, audit):
        """Each key works in its own region."""
        actions = ["ssm:GetParameter", "ssm:GetParameters"]
        statements = [
            allow(
                "kms:Decrypt",
                f"arn:aws:kms:{region}:123456789012:key/{name}",
                Condition={"StringEquals": {"kms:ViaService": f"ssm.{service}.amazonaws.com"}},
            )
            for region, name, service in [
                ("us-east-1", "1-here", "us-east-1"),
                ("eu-west-1", "2-here", "eu-west-1"),
                ("eu-west-1", "3-elsewhere", "us-east-1"),
            ]
        ]

        first, both, wrong = (
            audit(*SCOPED_MINIMUM, allow(actions, self.PATH), *some)
            for some in (statements[:1], statements[:2], statements[2:])
        )

        assert first["options"]["parameters"]["kms_key_arn"] == f"{self.KEYS}/1-here"
        assert both["options"]["parameters"]["kms_key_arn"] == "..."
        assert "parameters.kms_key_arn" not in working_features(wrong)

    @pytest.mark.parametrize("account", ["*", "123456789012"])
    @pytest.mark.parametrize("keys", ["*", "arn:aws:kms:*:*:key/*", f"{KEYS}/1-here"])
    def test_parameters_of_any_region(self, verdict, keys, account):
        """The condition on the parameters leaves the region to the condition on the service."""
        parameters = [f"arn:aws:ssm:*:{account}:parameter/app{ending}" for ending in ("", "/*")]
        condition = {
            "StringEquals": {"kms:ViaService": self.HERE},
            "StringLike": {"kms:EncryptionContext:PARAMETER_ARN": parameters},
        }

        path = [each.replace(account, "*") for each in parameters]
        elsewhere = allow("kms:Decrypt", "arn:aws:kms:eu-west-1:123456789012:key/2-elsewhere")
        unrelated = elsewhere | {"Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}}
        assert verdict(unrelated, allow("kms:Decrypt", keys, Condition=condition), path=path) == "works"

    @pytest.mark.parametrize(
        ("operator", "services", "expected"),
        [
            ("StringNotEquals", HERE, "works"),
            ("StringNotEquals", [HERE, ELSEWHERE], "works"),
            ("StringNotLike", "ssm.*.amazonaws.com", "works"),
            ("StringNotEquals", "s3.us-east-1.amazonaws.com", "missing"),
            ("StringLike", "ssm.*", "missing"),
        ],
    )
    def test_deny(self, verdict, operator, services, expected):
        """A Deny can except the service in one region."""
        deny = {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}

        assert verdict(allow("kms:Decrypt"), deny | {"Condition": {operator: {"kms:ViaService": services}}}) == expected

    @pytest.mark.parametrize(
        ("partition", "operator", "service", "expected"),
        [
            ("aws", "StringNotLike", "s3.*.amazonaws.com", "works"),
            ("aws-cn", "StringNotLike", "s3.*.amazonaws.com*", "works"),
            # The DNS suffix that KMS has in this partition is not confirmed.
            ("aws-cn", "StringNotLike", "s3.*.amazonaws.com", "works if"),
            ("aws", "StringNotEquals", "s3.us-east-1.amazonaws.com", "works if"),
            ("aws-eusc", "StringNotLike", ["s3.*.amazonaws.com*", "s3.*.amazonaws.eu"], "works"),
            ("aws-eusc", "StringNotLike", "s3.*.amazonaws.com*", "works if"),
            ("aws-eusc", "StringNotLike", "s3.*.amazonaws.eu", "works if"),
            ("aws-eusc", "StringNotLike", "ssm.*.amazonaws.eu", "missing"),
        ],
    )
    def test_deny_for_logs(self, audit, partition, operator, service, expected):
        bucket = [f"arn:{partition}:s3:::logs", f"arn:{partition}:s3:::logs/*"]
        deny = {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}

        audited = audit(
            *SCOPED_MINIMUM[:1],
            allow(["s3:PutObject", "s3:GetEncryptionConfiguration"], bucket),
            allow(["kms:Decrypt", "kms:GenerateDataKey"]),
            deny | {"Condition": {operator: {"kms:ViaService": service}}},
        )

        assert verdicts(audited)["session_logs.kms_key_arn"] == expected


class TestDenies:
    def test_deny(self, audit):
        audited = audit(*SCOPED_MINIMUM, {"Effect": "Deny", "Action": "ssm:Update*", "Resource": "*"})

        assert audited["systemsManager"] == "missing"
        assert [row["action"] for row in missing(audited, "heartbeat")] == ["ssm:UpdateInstanceInformation"]

    def test_deny_on_other_resources(self, audit):
        deny = {"Effect": "Deny", "Action": "ssm:*", "Resource": "arn:aws:ssm:*:*:parameter/*"}

        assert audit(*SCOPED_MINIMUM, deny)["systemsManager"] == "works"

    def test_deny_with_not_action(self, audit):
        audited = audit(*SCOPED_MINIMUM, {"Effect": "Deny", "NotAction": "ssmmessages:*", "Resource": "*"})

        assert verdicts(audited)["messaging"] == "works"
        assert verdicts(audited)["heartbeat"] == "missing"

    @pytest.mark.parametrize(
        ("operator", "service", "expected"),
        [
            ("StringNotEquals", "s3.eu-central-1.amazonaws.com", "works if"),
            ("StringEquals", "s3.eu-west-1.amazonaws.com", "works if"),
            ("StringEquals", "ssm.eu-central-1.amazonaws.com", "works"),
        ],
    )
    def test_deny_by_service(self, audit, operator, service, expected):
        """The region of the bucket is not known, so a Deny for one region need not apply."""
        options = {"scope_heartbeat": True, "session_logs": {"bucket": "logs", "kms_key_arn": KEY}}
        statements = policy.policy_document(options, LOCATION)["Statement"]
        condition = {operator: {"kms:ViaService": service}}

        audited = audit(*statements, {"Effect": "Deny", "Action": "kms:*", "Resource": "*", "Condition": condition})

        assert verdicts(audited)["session_logs.kms_key_arn"] == expected

    def test_acl(self, audit):
        """The agent sends an ACL with each object, and with no other request."""
        condition = {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
        upload = allow("s3:PutObject", "arn:aws:s3:::logs/*", Condition=condition)
        encryption = allow("s3:GetEncryptionConfiguration", "arn:aws:s3:::logs")

        on_upload = audit(*SCOPED_MINIMUM, upload, encryption)
        on_all = audit(*SCOPED_MINIMUM, upload, encryption | {"Condition": condition})

        assert verdicts(on_upload)["session_logs.bucket"] == "works"
        assert verdicts(on_all)["session_logs.bucket"] == "works if"

    def test_deny_that_never_applies(self, run, policy_file):
        """It is shown, and its option is proposed."""
        condition = {"NumericLessThan": {"ec2:RoleDelivery": "2.0"}}
        deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}

        audited = run("audit", policy_file(*SCOPED_MINIMUM, deny))

        assert audited.code == 0
        assert "There is nothing to fix." in audited.out
        (row,) = audited.tables["Statements that deny"]
        assert row["Statement"] == "* on * if NumericLessThan ec2:RoleDelivery 2.0"
        assert "ssm-profile:requireImdsv2: true" in audited.out


class TestAdditional:
    """What an option grants and the policy does not, although the capability works."""

    BUCKET = ["arn:aws:s3:::logs", "arn:aws:s3:::logs/ssm/*"]  # noqa: RUF012 - data
    PARAMETER = "arn:aws:ssm:eu-central-1:123456789012:parameter/app"

    def capability(self, audited, name):
        (row,) = [row for row in audited["capabilities"] if row["capability"] == name]
        return row

    @pytest.mark.parametrize(
        ("feature", "granted", "lost", "on"),
        [
            (
                "session_logs.bucket",
                allow(["s3:PutObject", "s3:PutObjectAcl", "s3:GetEncryptionConfiguration"], BUCKET),
                "s3:AbortMultipartUpload",
                BUCKET[1],
            ),
            (
                "session_logs.bucket",
                allow(["s3:PutObject", "s3:AbortMultipartUpload", "s3:GetEncryptionConfiguration"], BUCKET),
                "s3:PutObjectAcl",
                BUCKET[1],
            ),
            (
                "distributor",
                allow(["ssm:GetDocument", "ssm:DescribeDocument", "ssm:GetManifest"]),
                "ssm:PutConfigurePackageResult",
                "*",
            ),
        ],
    )
    def test_optional_permission(self, run, policy_file, feature, granted, lost, on):  # noqa: PLR0913, PLR0917 - data
        """The capability works without it, and the report says that it is missing and that the option grants it."""
        file = policy_file(*SCOPED_MINIMUM, granted)
        audited = run("audit", file, "--json").audit

        row = self.capability(audited, feature)
        assert row["verdict"] == "works"
        assert [each["action"] for each in row["missing"]] == [lost]
        assert row["additional"] == [{"action": lost, "resources": [on]}]
        assert feature.partition(".")[0] in audited["options"]
        capabilities = run("audit", file).tables["Capabilities"]
        (shown,) = [each for each in capabilities if each["Capability"] == camel_case(feature)]
        details = shown["Missing permissions, or what it depends on"]
        assert row["missing"][0]["symptom"] in details
        assert f"The option also grants {lost} on {on}." in details

    @pytest.mark.parametrize("lost", ["s3:PutObject", "s3:GetEncryptionConfiguration"])
    def test_only_the_optional_permission(self, audit, lost):
        """Every other permission is needed."""
        actions = {"s3:PutObject", "s3:GetEncryptionConfiguration", "s3:AbortMultipartUpload"} - {lost}

        row = self.capability(audit(*SCOPED_MINIMUM, allow(sorted(actions), self.BUCKET)), "session_logs.bucket")

        assert row["verdict"] == "partly"
        assert row["additional"] == []

    def test_optional_permission_under_a_condition(self, audit):
        """Whether the condition holds decides nothing about the capability."""
        condition = {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}
        needed = allow(["s3:PutObject", "s3:PutObjectAcl", "s3:GetEncryptionConfiguration"], self.BUCKET)

        row = self.capability(
            audit(*SCOPED_MINIMUM, needed, allow("s3:AbortMultipartUpload", Condition=condition)), "session_logs.bucket"
        )

        assert (row["verdict"], row["dependsOn"]) == ("works", [])
        assert [each["action"] for each in row["additional"]] == ["s3:AbortMultipartUpload"]

    @pytest.mark.parametrize(
        ("granted", "additional"),
        [([""], "/*"), (["/*"], ""), (["", "/*"], None)],
        ids=["one parameter", "below a path", "both"],
    )
    def test_parameters(self, audit, granted, additional):
        """A path means the parameter with that name, and the parameters below it."""
        actions = ["ssm:GetParameter", "ssm:GetParameters"]

        audited = audit(*SCOPED_MINIMUM, allow(actions, [self.PARAMETER + ending for ending in granted]))

        assert audited["options"]["parameters"] == {"paths": ["/app"]}
        assert self.capability(audited, "parameters.paths")["additional"] == [
            {"action": action, "resources": [self.PARAMETER + additional]}
            for action in (actions if additional is not None else [])
        ]

    def test_instances_of_one_region(self, audit):
        """An option names the instances of all regions."""
        here = "arn:aws:ec2:eu-central-1:123456789012:instance/*"

        audited = audit(*SCOPED_MINIMUM, allow("ec2messages:GetMessages"), allow("ssm:ListInstanceAssociations", here))

        row = self.capability(audited, "quiet_agent")
        assert row["verdict"] == "works"
        assert row["additional"] == [{"action": "ssm:ListInstanceAssociations", "resources": [INSTANCES]}]


class TestFindings:
    @pytest.mark.parametrize(
        ("resource", "too_broad"),
        [
            ("*", True),
            ("arn:aws:ssm:*:*:parameter/*", True),
            ("arn:aws:ssm:eu-central-1:123456789012:parameter/*", True),
            ("arn:aws:ssm:eu-central-1:123456789012:parameter/app/*", False),
        ],
    )
    def test_resources_of_parameters(self, audit, resource, too_broad):
        audited = audit(*SCOPED_MINIMUM, allow(["ssm:GetParameter", "ssm:GetParameters"], resource))

        assert "parameters.paths" in working_features(audited)
        assert {row["action"] for row in audited["unscoped"]} == (
            {"ssm:GetParameter", "ssm:GetParameters"} if too_broad else set()
        )
        assert audited["options"]["parameters"]["paths"] == ["..." if too_broad else "/app"]

    @pytest.mark.parametrize(
        ("account", "paths"),
        [("", ["/aws/service/ecs"]), ("*", ["/aws/service/ecs"]), ("123456789012", None)],
        ids=["none", "any", "of the deployment"],
    )
    def test_public_parameters(self, audit, account, paths):
        """AWS owns them, so the ARN with an account matches none."""
        resource = f"arn:aws:ssm:eu-central-1:{account}:parameter/aws/service/ecs/*"

        audited = audit(*SCOPED_MINIMUM, allow(["ssm:GetParameter", "ssm:GetParameters"], resource))

        assert audited["options"].get("parameters", {}).get("paths") == paths

    def test_own_documents_are_no_shared_ones(self, audit):
        """A policy that names no ARN of another account grants nothing of the option for them, not even a part."""
        audited = audit(*SCOPED_MINIMUM, allow("ssm:GetDocument", "arn:aws:ssm:eu-central-1:123456789012:document/*"))

        assert verdicts(audited)["document_arns"] == "missing"

    def test_own_parameters_have_an_account(self, audit):
        resource = "arn:aws:ssm:eu-central-1::parameter/app/*"

        audited = audit(*SCOPED_MINIMUM, allow(["ssm:GetParameter", "ssm:GetParameters"], resource))

        assert "parameters" not in audited["options"]

    @pytest.mark.parametrize("ending", ["", ":*", ":log-stream:*"])
    def test_resources_of_log_groups(self, audit, ending):
        """The sufficient scope is what the option grants."""
        audited = audit(*SCOPED_MINIMUM, allow("logs:PutLogEvents", f"arn:aws:logs:*:*:log-group:*{ending}"))

        group = "arn:<partition>:logs:<region>:<account>:log-group:<{}>"
        names = [group.format(name) for name in ("session_logs.log_group", "cloudwatch_agent.log_groups")]
        assert [row["sufficient"] for row in audited["unscoped"]] == [
            [
                *(f"{name}{end}" for name in names for end in ("", ":*")),
                f"{group.format('cloudwatch_agent.log_group_prefixes')}*",
            ]
        ]

    def test_sufficient_for_what_works(self, run):
        """The resources are those of the features that work: of a package, and of parameters at paths."""
        audited = run("audit", "AmazonSSMManagedInstanceCore", "--json").audit

        rows = {row["action"]: set(row["sufficient"]) for row in audited["unscoped"]}
        arn = "arn:<partition>:ssm:<region>:<account>"
        assert rows["ssm:DescribeDocument"] == {
            "<document_arns>",
            "arn:<partition>:ssm:<region>::document/*",
            f"{arn}:document/*",
        }
        assert rows["ssm:GetParameter"] == {
            "<parameters.shared_arns>",
            f"{arn}:parameter<parameters.paths>",
            f"{arn}:parameter<parameters.paths>/*",
        }

    def test_metrics_without_a_namespace(self, audit):
        namespace = {"StringEquals": {"cloudwatch:namespace": "CWAgent"}}

        any_namespace = audit(*SCOPED_MINIMUM, allow("cloudwatch:PutMetricData"))
        one_namespace = audit(*SCOPED_MINIMUM, allow("cloudwatch:PutMetricData", Condition=namespace))

        assert [row["conditionKeys"] for row in any_namespace["unscoped"]] == [["cloudwatch:namespace"]]
        assert one_namespace["unscoped"] == []

    def test_aws_buckets_are_not_read_buckets(self, audit):
        """Their capability is another one, whatever the region."""
        audited = audit(*SCOPED_MINIMUM, allow("s3:GetObject", "arn:aws:s3:::patch-baseline-snapshot-eu-west-1/*"))

        verdicts = {row["capability"]: row["verdict"] for row in audited["capabilities"]}
        assert (verdicts["managed_buckets"], verdicts["read_buckets"]) == ("partly", "missing")
        assert "read_buckets" not in audited["options"]

    def test_unneeded_actions(self, audit, run, policy_file):
        statement = allow(["ssm:SendCommand", "lambda:InvokeFunction"])

        audited = audit(*SCOPED_MINIMUM, statement)

        assert audited["code"] == 1
        reasons = {row["action"]: row["why"] for row in audited["unneeded"]}
        assert set(reasons) == {"ssm:SendCommand", "lambda:InvokeFunction"}
        assert "take over every other instance" in reasons["ssm:SendCommand"]
        table = run("audit", policy_file(*SCOPED_MINIMUM, statement)).tables["Permissions that no capability needs"]
        assert {"Action": "lambda:InvokeFunction", "Reason": "No capability of Systems Manager needs it."} in table

    def test_administrator(self, audit):
        audited = audit(allow("*"))

        assert set(verdicts(audited).values()) == {"works"}
        (row,) = audited["unneeded"]
        assert row["action"] == "*"
        assert len(row["actions"]) > 10_000
        assert len(audited["unscoped"]) > 20


class TestRisks:
    INSTANCES = "arn:aws:ec2:*:*:instance/*"

    @pytest.mark.parametrize(
        ("document", "is_risk"),
        [
            ("arn:aws:ssm:*:*:document/*", True),
            ("arn:aws:ssm:eu-central-1::document/AWS-RunShellScript", True),
            ("arn:aws:ssm:eu-central-1::document/AWS-RunPowerShellScript", True),
            ("arn:aws:ssm:*::document/AWS-RunDocument", True),
            ("arn:aws:ssm:*::document/AWS-*", True),
            ("arn:aws:ssm:*:123456789012:document/*", True),
            ("arn:aws:ssm:*::document/AWS-RunPatchBaseline", False),
            ("arn:aws:ssm:eu-central-1:123456789012:document/Restart", False),
            ("arn:aws:ssm:eu-central-1:123456789012:document/AWS-RunShellScript", False),
        ],
    )
    def test_run_commands(self, audit, document, is_risk):
        """A document that runs any command is enough. The ARNs of AWS's documents have no account."""
        audited = audit(*SCOPED_MINIMUM, allow("ssm:SendCommand", [self.INSTANCES, document]))

        assert [row["risk"] for row in audited["risks"]] == (["run_commands"] if is_risk else [])

    def test_acl(self, audit):
        """Software on the instance can send another ACL than the agent."""
        condition = {"StringEquals": {"s3:x-amz-acl": "private"}}

        audited = audit(*SCOPED_MINIMUM, allow("s3:PutObject", Condition=condition))

        assert [(row["risk"], row["certain"]) for row in audited["risks"]] == [("write_all_buckets", False)]


class TestDocumentForms:
    def test_single_values_instead_of_lists(self, run, policy_file):
        statement = {"Effect": "Allow", "Action": "ssm:UpdateInstanceInformation", "Resource": INSTANCES}

        audited = run("audit", policy_file(text=json.dumps({"Statement": statement})), "--json").audit

        assert working_features(audited) == {"heartbeat"}

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda document: {"RoleName": "r", "PolicyName": "p", "PolicyDocument": document},
            lambda document: {"PolicyVersion": {"VersionId": "v1", "Document": document}},
            lambda document: {"PolicyDocument": quote(json.dumps(document))},
            json.dumps,
        ],
        ids=["get-role-policy", "get-policy-version", "URL-encoded", "JSON in a string"],
    )
    def test_output_of_the_aws_cli(self, run, policy_file, wrap):
        document = {"Version": "2012-10-17", "Statement": SCOPED_MINIMUM}

        assert run("audit", policy_file(text=json.dumps(wrap(document)))).code == 0


class TestReplacement:
    """The options at the end of the report."""

    @pytest.mark.parametrize("option", SWITCHES)
    def test_switches(self, audit, option):
        options = {"ec2_describe": False, "scope_heartbeat": True, option: True}
        options |= dict.fromkeys(OPTIONS[option].requires, True)
        document = policy.policy_document(options, LOCATION)

        audited = audit(*document["Statement"])

        assert audited["code"] == 0, audited["unneeded"] + audited["unscoped"]
        assert option in working_features(audited) | {"scope_heartbeat", "require_imdsv2", "vpc_endpoints_only"}
        replacement = policy.policy_document(audited["options"], LOCATION)
        assert policy.actions(audited["options"]) == policy.actions(options)
        assert sorted(map(str, replacement["Statement"])) == sorted(map(str, document["Statement"]))

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("parameters", {"paths": ["/app/a", "/app/b"], "recursive": True}),
            ("parameters", {"paths": ["/app"], "kms_key_arn": KEY}),
            ("parameters", {"paths": ["/app", "/aws/service/ecs"], "recursive": True, "kms_key_arn": KEY}),
            ("parameters", MAPS["parameters"] | {"paths": ["/app/a", "/app/b"]}),
            ("document_arns", [SHARED_DOCUMENT]),
            ("session_kms_key_arn", KEY),
            ("session_kms_key_alias", "alias/ssm-sessions"),
            ("patch_policy", MAPS["patch_policy"]),
            ("read_buckets", [{"bucket": "files"}]),
            ("read_buckets", [{"bucket": "lists", "folders": True}, {"bucket": "scripts", "prefix": "a/b"}]),
            ("read_buckets", [{"bucket": "scripts", "prefix": "a", "folders": True, "kms_key_arn": KEY}]),
            ("session_logs", {"bucket": "logs"}),
            ("session_logs", {"log_group": "/ssm"}),
            ("session_logs", MAPS["session_logs"]),
            ("cloudwatch_agent", {}),
            ("cloudwatch_agent", {"log_group_prefixes": ["/node/i-", "i-"]}),
            ("cloudwatch_agent", {"log_group_prefixes": ["i-"], "retention": True}),
            ("cloudwatch_agent", {"traces": True}),
            ("domain_join", {"directory_id": "d-1234567890"}),
            ("domain_join", {"directory_id": "d-1234567890", "kms_key_arn": KEY}),
            ("ec2_describe_actions", ["DescribeInstances", "DescribeTags"]),
        ],
    )
    def test_options_with_values(self, audit, option, value):
        options = {"scope_heartbeat": True, option: value, **dict.fromkeys(OPTIONS[option].requires, True)}
        if option != "ec2_describe_actions":
            options["ec2_describe"] = False
        document = policy.policy_document(options, LOCATION)

        audited = audit(*document["Statement"])

        assert audited["code"] == 0, audited["unneeded"] + audited["unscoped"]
        replacement = policy.policy_document(audited["options"], LOCATION)
        assert sorted(map(str, replacement["Statement"])) == sorted(map(str, document["Statement"]))

    def test_ambiguous_values(self, audit):
        """A value that the policy does not decide is left for the reader."""
        options = {"ec2_describe": False, "scope_heartbeat": True, **MAPS}

        audited = audit(*policy.policy_document(options, LOCATION)["Statement"])

        assert audited["unneeded"] == []
        assert audited["unscoped"] == []
        agent = MAPS["cloudwatch_agent"]
        assert audited["options"]["cloudwatch_agent"] == agent | {"log_groups": sorted(agent["log_groups"])}
        assert audited["options"]["session_logs"] == MAPS["session_logs"] | {"log_group": "..."}
        assert audited["options"]["parameters"] == MAPS["parameters"] | {"paths": ["/app/a", "/app/b"]}

    AGENT = (
        allow(["cloudwatch:PutMetricData", "ec2:DescribeTags", "ec2:DescribeVolumes", "logs:DescribeLogGroups"]),
        allow("ssm:GetParameter", "arn:aws:ssm:*:*:parameter/AmazonCloudWatch-*"),
    )
    LOGS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")

    def agent_options(self, audit, *groups, others=()):
        """The options for a policy that grants the CloudWatch agent some log groups, and others for session logs."""
        arn = "arn:aws:logs:eu-central-1:123456789012:log-group:{}:*"
        audited = audit(
            *SCOPED_MINIMUM,
            *self.AGENT,
            allow([*self.LOGS, "logs:PutRetentionPolicy"], [arn.format(each) for each in groups]),
            allow(self.LOGS[1:], [arn.format(each) for each in (*groups, *others)]),
        )
        assert "session_logs.log_group" in working_features(audited)
        return audited["options"]

    MINIMAL = {"ec2_describe": False, "scope_heartbeat": True}  # noqa: RUF012 - data

    @pytest.mark.parametrize("groups", [["/a"], ["/a", "/b"]])
    def test_log_groups_of_two_features(self, audit, groups):
        """Session logs are not proposed if the CloudWatch agent's log groups are the same."""
        assert self.agent_options(audit, *groups) == self.MINIMAL | {
            "cloudwatch_agent": {"log_groups": groups, "retention": True}
        }

    @pytest.mark.parametrize(("groups", "others"), [(["/a"], ["/c"]), (["/a", "/b"], ["/c"])])
    def test_another_log_group(self, audit, groups, others):
        """Session logs are proposed if they have a log group of their own."""
        assert self.agent_options(audit, *groups, others=others) == self.MINIMAL | {
            "cloudwatch_agent": {"log_groups": groups, "retention": True},
            "session_logs": {"log_group": "..."},
        }

    def test_cloudwatch_agent(self, audit):
        """AWS's policy for the CloudWatch agent, beside what Systems Manager needs."""
        aws_policy = json.loads((ROOT / "ssm_profile/cli/aws_policies/CloudWatchAgentServerPolicy.json").read_text())

        audited = audit(*SCOPED_MINIMUM, *aws_policy["document"]["Statement"])

        assert {"cloudwatch_agent.log_groups", "session_logs.log_group"} <= working_features(audited)
        assert audited["options"] == self.MINIMAL | {
            "cloudwatch_agent": {"log_groups": ["..."], "retention": True, "traces": True}
        }

    @pytest.mark.parametrize("ending", ["", ":*", ":log-stream:*"])
    def test_log_group_prefixes(self, audit, ending):
        """One list is sufficient for the retention time."""
        group = f"arn:aws:logs:eu-central-1:123456789012:log-group:/node/i-*{ending}"

        audited = audit(*SCOPED_MINIMUM, *self.AGENT, allow([*self.LOGS, "logs:PutRetentionPolicy"], group))

        assert {"cloudwatch_agent.log_group_prefixes", "cloudwatch_agent.retention"} <= working_features(audited)
        assert audited["options"] == self.MINIMAL | {
            "cloudwatch_agent": {"log_group_prefixes": ["/node/i-"], "retention": True}
        }

    def test_retention_without_log_groups(self, audit):
        """The agent sets the retention time only of log groups that it writes to."""
        audited = audit(*SCOPED_MINIMUM, allow(["logs:DescribeLogGroups", "logs:PutRetentionPolicy"]))

        assert "cloudwatch_agent.retention" not in working_features(audited)
        assert audited["options"] == self.MINIMAL

    def test_secrets_of_two_accounts(self, audit):
        """The other account owns the directory, and not the one that most ARNs have. A key can be of either."""
        options = self.MINIMAL | {"domain_join": MAPS["domain_join"]}

        audited = audit(*policy.policy_document(options, LOCATION)["Statement"])

        assert {"domain_join.owner_directory_id", "domain_join.kms_key_arn"} <= working_features(audited)
        assert audited["options"] == options

    def test_keys_of_another_account(self, audit):
        """ARNs that options take as a whole do not decide which account is the role's."""
        options = self.MINIMAL | {
            "parameters": {key: MAPS["parameters"][key] for key in ("shared_arns", "kms_key_arn")}
        }
        options["parameters"] |= {"paths": ["/app"], "kms_key_arn": SHARED_KEY}
        options["session_kms_key_arn"] = SHARED_KEY.replace("90ab", "91ab")

        audited = audit(*policy.policy_document(options, LOCATION)["Statement"])

        assert audited["options"]["parameters"] == options["parameters"]

    def test_further_ec2_actions(self, audit):
        """The two actions of the CloudWatch agent are not listed again."""
        options = audit(*SCOPED_MINIMUM, *self.AGENT, allow("ec2:DescribeInstances"))["options"]

        assert options["ec2_describe_actions"] == ["DescribeInstances"]

    def test_keys_for_two_purposes(self, audit):
        """A key of sessions does not stand for the same key of parameters."""
        parameters = "arn:aws:ssm:eu-central-1:123456789012:parameter/app"
        paths = allow(["ssm:GetParameter", "ssm:GetParameters"], [parameters, f"{parameters}/*"])

        options = audit(*SCOPED_MINIMUM, paths, allow("kms:Decrypt", KEY))["options"]

        assert options == self.MINIMAL | {
            "parameters": {"paths": ["/app"], "kms_key_arn": KEY},
            "session_kms_key_arn": KEY,
        }

    def test_printed_as_stack_config(self, run, policy_file):
        text = run("audit", policy_file(*SCOPED_MINIMUM, allow("ec2messages:*"))).out

        assert "config:\n  ssm-profile:ec2Describe: false\n  ssm-profile:scopeHeartbeat: true\n" in text
        assert "  ssm-profile:legacyMessaging: true\n" in text


@pytest.mark.parametrize(
    "arguments",
    [[], ["a.json", "--instance", "i-0"], ["--denied", "--role", "r"]],
)
def test_exactly_one_source(run, arguments):
    refused = run("audit", *arguments)

    assert refused.code == 2
    assert "Pass a FILE, or --role NAME, or both, or --instance ID, or --denied" in refused.error


def test_role_and_instance(run):
    assert "--role and --instance cannot be combined." in run("audit", "--role", "r", "--instance", "i-0").error


def test_names_of_options_in_reasons(run):
    """They are those of the config that follows."""
    shown = run("audit", "AmazonEC2RoleforSSM", "--all").out

    assert "<documentArns>" in shown
    assert "document_arns" not in shown
    assert "ec2_describe" not in shown
