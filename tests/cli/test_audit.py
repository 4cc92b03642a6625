"""``ssm-profile audit FILE``: verdicts, what is too much, and the options that replace it."""

import json
from urllib.parse import quote

import pytest

from ssm_profile import policy
from ssm_profile.options import NEEDED
from tests import ROOT
from tests.cli.conftest import BASE, allow
from tests.cli.test_explain import SWITCHES
from tests.expected import KEY, LOCATION, MAPS

INSTANCES = "arn:aws:ec2:*:*:instance/*"
TIGHT = [allow(BASE[:4]), allow(BASE[4], INSTANCES)]


@pytest.fixture
def audit(run, policy_file):
    """Audits a policy of some statements."""

    def run_audit(*statements):
        audited = run("audit", policy_file(*statements), "--json")
        return audited.json | {"code": audited.code}

    return run_audit


def verdicts(found):
    return {row["feature"]: row["verdict"] for row in found["verdicts"]}


def working(found):
    return {name for name, verdict in verdicts(found).items() if verdict == "works"}


def missing(found, feature):
    (row,) = [row for row in found["verdicts"] if row["feature"] == feature]
    return [each["action"] for each in row["missing"]]


def test_the_tight_minimum_has_nothing_to_mend(audit):
    found = audit(*TIGHT)

    assert found["code"] == 0
    assert found["works"] is True
    assert working(found) == {"messaging", "heartbeat"}
    assert (found["unneeded"], found["unscoped"], found["deprecated"]) == ([], [], [])
    assert found["options"] == {"ec2_describe": False, "scope_heartbeat": True}


def test_core(run):
    found = run("audit", "AmazonSSMManagedInstanceCore", "--json").json

    assert working(found) == {
        "messaging",
        "heartbeat",
        "quiet_agent",
        "legacy_messaging",
        "documents",
        "state_manager",
        "inventory",
        "patching",
        "distributor",
        "parameters",
    }
    assert [row["action"] for row in found["unneeded"]] == ["ssm:ListAssociations", "ssm:UpdateAssociationStatus"]
    assert {"ssm:GetParameter", "ssm:GetParameters", "ssm:GetDocument", "ssm:UpdateInstanceInformation"} <= {
        row["action"] for row in found["unscoped"]
    }
    assert [row["policy"] for row in found["deprecated"]] == ["AmazonSSMManagedInstanceCore"]
    assert found["options"] == {
        "ec2_describe": False,
        "scope_heartbeat": True,
        "legacy_messaging": True,
        "state_manager": True,
        "patching": True,
        "distributor": True,
        "parameters": {"paths": ["..."]},
    }


def test_the_deprecated_policy_is_recognised_by_what_it_says(run, policy_file):
    document = json.loads((ROOT / "ssm_profile/cli/aws_policies/AmazonEC2RoleforSSM.json").read_text())["document"]

    audited = run("audit", policy_file(*reversed(document["Statement"])))

    assert audited.code == 1
    (row,) = audited.tables["Policies to replace"]
    assert row["Policy"] == "AmazonEC2RoleforSSM"
    assert "AWS has deprecated it" in row["Why"]


@pytest.mark.parametrize("lost", BASE)
def test_without_any_one_of_the_five_it_does_not_work_and_the_symptom_is_named(run, policy_file, lost):
    audited = run("audit", policy_file(allow([action for action in BASE if action != lost])))

    assert audited.code == 1
    assert "Systems Manager does NOT work with it." in audited.out
    feature = "heartbeat" if lost == BASE[4] else "messaging"
    (row,) = [row for row in audited.tables["Capabilities"] if row["Capability"] == feature]
    assert row["Verdict"] != "works"
    assert row["Missing"].startswith(f"{lost}: ")


def test_without_the_heartbeat_default_host_management_applies(audit, run, policy_file):
    assert audit(allow(BASE[:4]))["defaultHostManagement"] is True
    assert "Management Configuration applies where" in run("audit", policy_file(allow(BASE[:4]))).out
    assert audit(allow(BASE))["defaultHostManagement"] is False


def test_describe_log_groups_on_one_group_breaks_logging(audit):
    group = "arn:aws:logs:eu-central-1:123456789012:log-group:/ssm:*"
    logs = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]

    found = audit(*TIGHT, allow([*logs, "logs:DescribeLogGroups"], group))

    assert verdicts(found)["session_logs.log_group"] == "partly"
    (row,) = [row for row in found["verdicts"] if row["feature"] == "session_logs.log_group"]
    assert row["missing"] == [row["missing"][0]]
    assert row["missing"][0]["action"] == "logs:DescribeLogGroups"
    assert row["missing"][0]["on"] == ["*"]
    assert row["missing"][0]["grantedElsewhere"] is True
    assert "session_logs.log_group" in working(audit(*TIGHT, allow(logs, group), allow("logs:DescribeLogGroups")))


def test_an_alias_is_no_key(audit):
    alias = audit(*TIGHT, allow("kms:Decrypt", "arn:aws:kms:eu-central-1:123456789012:alias/ssm"))
    key = audit(*TIGHT, allow("kms:Decrypt", KEY))

    assert "session_kms_key_arn" not in working(alias)
    assert "session_kms_key_arn" in working(key)
    assert key["options"]["session_kms_key_arn"] == KEY


@pytest.mark.parametrize(
    ("resource", "enough"),
    [
        ("*", True),
        ("arn:aws:ssm:*:*:parameter/*", True),
        ("arn:aws:ssm:eu-central-1:123456789012:parameter/*", True),
        ("arn:aws:ssm:eu-central-1:123456789012:parameter/app/*", False),
    ],
)
def test_reading_every_parameter_is_too_wide_and_a_path_is_not(audit, resource, enough):
    found = audit(*TIGHT, allow(["ssm:GetParameter", "ssm:GetParameters"], resource))

    assert "parameters" in working(found)
    assert {row["action"] for row in found["unscoped"]} == (
        {"ssm:GetParameter", "ssm:GetParameters"} if enough else set()
    )
    assert found["options"]["parameters"] == {"paths": ["..." if enough else "/app"]}


def test_a_policy_variable_means_whatever_it_may_stand_for(audit):
    path = "arn:aws:ssm:eu-central-1:123456789012:parameter/${aws:PrincipalTag/app}/*"

    found = audit(*TIGHT, allow(["ssm:GetParameter", "ssm:GetParameters"], path))
    outside = audit(*TIGHT, allow(["ssm:GetParameter", "ssm:GetParameters"], path.replace("parameter", "document")))
    anything = audit(*TIGHT, allow("kms:Decrypt", "${aws:PrincipalTag/key}"))

    assert "parameters" in working(found)
    assert "parameters" not in working(outside)
    assert "session_kms_key_arn" in working(anything)


def test_metrics_in_any_namespace_are_too_wide(audit):
    wide = audit(*TIGHT, allow("cloudwatch:PutMetricData"))
    bound = audit(
        *TIGHT, allow("cloudwatch:PutMetricData", Condition={"StringEquals": {"cloudwatch:namespace": "CWAgent"}})
    )

    assert [row["enough"] for row in wide["unscoped"]] == ["`*` under a condition on `cloudwatch:namespace`"]
    assert bound["unscoped"] == []


def test_what_no_capability_needs_is_named_and_why(audit):
    found = audit(*TIGHT, allow(["ssm:SendCommand", "s3:ListBucket", "lambda:InvokeFunction"]))

    assert found["code"] == 1
    reasons = {row["action"]: row["why"] for row in found["unneeded"]}
    assert set(reasons) == {"ssm:SendCommand", "s3:ListBucket", "lambda:InvokeFunction"}
    assert "take over every other instance" in reasons["ssm:SendCommand"]
    assert "nothing fails" in reasons["s3:ListBucket"]


def test_everything_on_everything(audit):
    found = audit(allow("*"))

    assert set(verdicts(found).values()) == {"works"}
    (row,) = found["unneeded"]
    assert row["action"] == "*"
    assert len(row["actions"]) > 10_000
    assert len(found["unscoped"]) > 20


def test_a_denial_counts(audit):
    found = audit(*TIGHT, {"Effect": "Deny", "Action": "ssm:Update*", "Resource": "*"})

    assert found["works"] is False
    assert missing(found, "heartbeat") == ["ssm:UpdateInstanceInformation"]


def test_a_denial_of_other_resources_does_not(audit):
    found = audit(*TIGHT, {"Effect": "Deny", "Action": "ssm:*", "Resource": "arn:aws:ssm:*:*:parameter/*"})

    assert found["works"] is True


def test_a_denial_by_exception_counts(audit):
    found = audit(*TIGHT, {"Effect": "Deny", "NotAction": "ssmmessages:*", "Resource": "*"})

    assert verdicts(found)["messaging"] == "works"
    assert verdicts(found)["heartbeat"] == "missing"


def test_a_denial_under_a_condition_is_shown_and_not_judged(run, policy_file):
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*"} | {
        "Condition": {"NumericLessThan": {"ec2:RoleDelivery": "2.0"}}
    }

    audited = run("audit", policy_file(*TIGHT, deny))

    assert audited.code == 0
    assert audited.tables["Denied under a condition, which is not judged here"] == [
        {"What and where": "* on * where NumericLessThan ec2:RoleDelivery 2.0"}
    ]


def test_not_action_and_not_resource(audit):
    found = audit({"Effect": "Allow", "NotAction": "ec2:*", "NotResource": "arn:aws:s3:::logs/*"})

    assert verdicts(found)["ec2_describe"] == "missing"
    assert {"messaging", "heartbeat", "parameters"} <= working(found)
    (row,) = found["unneeded"]
    assert row["action"] == "all but ec2:*"
    wide = {row["action"]: row["on"] for row in found["unscoped"]}
    assert wide["ssm:GetParameter"] == wide["kms:Decrypt"] == "all but arn:aws:s3:::logs/*"


def test_wildcards_in_the_middle(audit):
    found = audit(allow(["ssmmessages:*Channel", "SSM:Update?nstanceInformation"]))

    assert {"messaging", "heartbeat"} <= working(found)


def test_statements_and_actions_as_single_values(run, policy_file):
    text = json.dumps(
        {"Statement": {"Effect": "Allow", "Action": "ssm:UpdateInstanceInformation", "Resource": INSTANCES}}
    )

    found = run("audit", policy_file(text=text), "--json").json

    assert working(found) == {"heartbeat"}


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda document: {"RoleName": "r", "PolicyName": "p", "PolicyDocument": document},
        lambda document: {"PolicyVersion": {"VersionId": "v1", "Document": document}},
        lambda document: {"PolicyDocument": quote(json.dumps(document))},
        json.dumps,
    ],
)
def test_what_the_aws_cli_prints_is_read(run, policy_file, wrapped):
    document = {"Version": "2012-10-17", "Statement": TIGHT}

    audited = run("audit", policy_file(text=json.dumps(wrapped(document))))

    assert audited.code == 0


@pytest.mark.parametrize("option", SWITCHES)
def test_the_policy_of_each_option_is_found_to_be_that_option(audit, option):
    options = {"ec2_describe": False, "scope_heartbeat": True, option: True}
    options |= {NEEDED[option]: True} if option in NEEDED else {}
    document = policy.policy_document(options, LOCATION)

    found = audit(*document["Statement"])

    assert found["code"] == 0, found["unneeded"] + found["unscoped"]
    assert option in working(found) | {"scope_heartbeat", "require_imdsv2", "vpc_endpoints_only"}
    again = policy.policy_document(found["options"], LOCATION)
    allowed = [each for each in document["Statement"] if each["Effect"] == "Allow"]
    assert policy.actions(found["options"]) == policy.actions(options)
    assert sorted(map(str, again["Statement"])) == sorted(map(str, allowed))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("parameters", {"paths": ["/app/a", "/app/b"], "recursive": True}),
        ("parameters", {"paths": ["/app"], "kms_key_arn": KEY}),
        ("session_kms_key_arn", KEY),
        ("session_logs", {"bucket": "logs"}),
        ("session_logs", {"log_group": "/ssm"}),
        ("session_logs", MAPS["session_logs"]),
        ("cloudwatch_agent", {}),
        ("domain_join", {"directory_id": "d-1234567890"}),
        ("ec2_describe_actions", ["DescribeInstances", "DescribeTags"]),
    ],
)
def test_the_policy_of_an_option_with_values_is_found_to_be_that_option(audit, option, value):
    options = {"scope_heartbeat": True, option: value} | (
        {} if option == "ec2_describe_actions" else {"ec2_describe": False}
    )
    document = policy.policy_document(options, LOCATION)

    found = audit(*document["Statement"])

    assert found["code"] == 0, found["unneeded"] + found["unscoped"]
    assert sorted(map(str, policy.policy_document(found["options"], LOCATION)["Statement"])) == sorted(
        map(str, document["Statement"])
    )


def test_values_that_the_policy_does_not_tell_apart_are_left_to_fill_in(audit):
    options = {"ec2_describe": False, "scope_heartbeat": True, **MAPS}

    found = audit(*policy.policy_document(options, LOCATION)["Statement"])

    assert found["unneeded"] == []
    assert found["unscoped"] == []
    assert found["options"]["cloudwatch_agent"] == {"log_groups": ["/ec2/app", "/ec2/web", "/ssm/sessions"]}
    assert found["options"]["session_logs"] == MAPS["session_logs"] | {"log_group": "...", "kms_key_arn": "..."}
    assert found["options"]["parameters"] == MAPS["parameters"] | {"paths": ["/app/a", "/app/b"]}


def test_the_options_are_printed_as_a_stack_s_file_has_them(run, policy_file):
    text = run("audit", policy_file(*TIGHT, allow("ec2messages:*"))).out

    assert "config:\n  ssm-profile:ec2Describe: false\n  ssm-profile:scopeHeartbeat: true\n" in text
    assert "  ssm-profile:legacyMessaging: true\n" in text


@pytest.mark.parametrize("arguments", [[], ["a.json", "--role", "r"], ["--denied", "--role", "r"]])
def test_one_source_is_asked_for(run, arguments):
    refused = run("audit", *arguments)

    assert refused.code == 2
    assert "Give a FILE, or --role NAME, or --denied" in refused.error
