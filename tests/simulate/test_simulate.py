"""What the policies allow, by an evaluator that knows nothing of this project."""

from fnmatch import fnmatchcase

import pytest

from generators.option_sets import SMALLEST, SWITCHES, smallest_with
from ssm_profile import policy
from tests.expected import DEFAULT, KEY, LOCATION, MAPS, PROD

IMDSV2 = {"ec2:RoleDelivery": "2.0"}
OTHER_KEY = KEY.replace("1234abcd", "56ef56ef")
POLICIES = {
    "the default": {},
    "production": {**SMALLEST, "require_imdsv2": True},
    **{name: smallest_with(name) for name in SWITCHES if name not in (*SMALLEST, "vpc_endpoints_only")},
    **{name: {**SMALLEST, name: value} for name, value in MAPS.items()},
    "session_logs": {**SMALLEST, "session_logs": MAPS["session_logs"] | {"kms_key_arn": OTHER_KEY}},
    "ec2_describe_actions": {"scope_heartbeat": True, "ec2_describe_actions": ["DescribeTags"]},
}
"""Each environment, and each option on top of the smallest options."""

ALWAYS_ALLOWED = {"sts:GetCallerIdentity"}
"""What IAM asks no permission for."""

CONTEXT = {
    **IMDSV2,
    "cloudwatch:namespace": "Web",
    "kms:ViaService": "s3.eu-central-1.amazonaws.com",
}
"""What a call has beside its action and resource, such that the conditions hold."""


def documents(names):
    return {name: policy.policy_document(POLICIES[name], LOCATION) for name in names}


def intended(document, catalogue):
    """The actions of a catalogue that a document's text names."""
    patterns = [
        action.lower() for each in document["Statement"] if each["Effect"] == "Allow" for action in each["Action"]
    ]
    return {action for action in catalogue if any(fnmatchcase(action.lower(), pattern) for pattern in patterns)}


def everything(evaluator):
    """Every action that the evaluator knows."""
    allow_all = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    return evaluator({"policies": {"all": allow_all}, "context": IMDSV2})["allowed"]["all"]


def check_whole_catalogue(evaluator, names):
    catalogue = everything(evaluator)
    answer = evaluator({"policies": documents(names), "context": CONTEXT})

    assert answer["actions"] == len(catalogue) > 20_000
    for name, document in documents(names).items():
        expected = intended(document, catalogue) | ALWAYS_ALLOWED
        if name == "parameters":
            expected -= {"kms:Decrypt"}  # see below
        assert set(answer["allowed"][name]) == expected, name


def test_of_the_whole_catalogue_exactly_the_intended_actions_are_allowed(evaluator):
    check_whole_catalogue(evaluator, ["the default", "production"])


@pytest.mark.proof
def test_of_the_whole_catalogue_exactly_the_intended_actions_are_allowed_with_each_option(evaluator):
    check_whole_catalogue(evaluator, POLICIES)


def test_the_documents_are_the_ones_that_are_written_out_by_hand():
    assert documents(["the default", "production"]) == {"the default": DEFAULT, "production": PROD}


ARN = "arn:aws:{service}:eu-central-1:123456789012:{resource}".format
INSTANCE = ARN(service="ec2", resource="instance/i-0123456789abcdef0")
DOCUMENT = ARN(service="ssm", resource="document/mine")
PARAMETER = ARN(service="ssm", resource="parameter/app/a")
LOGS = ARN(service="logs", resource="log-group:/ssm/sessions")
SCOPED = [
    (
        "scope_heartbeat",
        "ssm:UpdateInstanceInformation",
        INSTANCE,
        {},
        [ARN(service="ssm", resource="managed-instance/mi-1")],
    ),
    (
        "quiet_agent",
        "ssm:ListInstanceAssociations",
        INSTANCE,
        {},
        [ARN(service="ssm", resource="managed-instance/mi-1")],
    ),
    (
        "documents",
        "ssm:GetDocument",
        DOCUMENT,
        {},
        [
            DOCUMENT.replace("123456789012", "210987654321"),
            DOCUMENT.replace("eu-central-1", "eu-west-1"),
            "arn:aws:ssm:eu-west-1::document/AWS-RunShellScript",
        ],
    ),
    ("state_manager", "ssm:UpdateInstanceAssociationStatus", INSTANCE, {}, []),
    (
        "state_manager",
        "ssm:UpdateInstanceAssociationStatus",
        ARN(service="ssm", resource="association/a"),
        {},
        [ARN(service="ssm", resource="association/a").replace("123456789012", "210987654321")],
    ),
    (
        "patch_baseline_tags",
        "ssm:GetPatchBaseline",
        "arn:aws:ssm:eu-central-1:075727635805:patchbaseline/pb-1",
        {},
        ["arn:aws:ssm:eu-west-1:075727635805:patchbaseline/pb-1"],
    ),
    *(
        (
            "parameters",
            action,
            resource,
            {},
            [
                ARN(service="ssm", resource="parameter/app"),
                ARN(service="ssm", resource="parameter/app/ab"),
                ARN(service="ssm", resource="parameter/app/c"),
                ARN(service="ssm", resource="parameter/other/app/a"),
                PARAMETER.replace("123456789012", "210987654321"),
                PARAMETER.replace("eu-central-1", "eu-west-1"),
            ],
        )
        for action in ("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath")
        for resource in (PARAMETER, f"{PARAMETER}/b")
    ),
    ("session_kms_key_arn", "kms:Decrypt", KEY, {}, [OTHER_KEY, KEY.replace("eu-central-1", "eu-west-1")]),
    *(
        (
            "session_logs",
            action,
            "arn:aws:s3:::logs/ssm/sessions/x.log",
            {},
            [
                "arn:aws:s3:::logs/ssm/sessions-2/x.log",
                "arn:aws:s3:::logs/x.log",
                "arn:aws:s3:::logs-2/ssm/sessions/x.log",
                "arn:aws:s3:::log/ssm/sessions/x.log",
            ],
        )
        for action in ("s3:PutObject", "s3:PutObjectAcl", "s3:AbortMultipartUpload")
    ),
    (
        "session_logs",
        "s3:GetEncryptionConfiguration",
        "arn:aws:s3:::logs",
        {},
        ["arn:aws:s3:::logs-2", "arn:aws:s3:::log"],
    ),
    (
        "session_logs",
        "kms:GenerateDataKey",
        OTHER_KEY,
        {"kms:ViaService": "s3.eu-west-1.amazonaws.com"},
        [KEY],
    ),
    *(
        (
            "session_logs",
            action,
            f"{LOGS}:log-stream:i-1",
            {},
            [
                f"{LOGS}-2:log-stream:i-1",
                LOGS.replace("/ssm/sessions", "/ssm") + ":log-stream:i-1",
                f"{LOGS}:log-stream:i-1".replace("123456789012", "210987654321"),
                f"{LOGS}:log-stream:i-1".replace("eu-central-1", "eu-west-1"),
            ],
        )
        for action in ("logs:CreateLogStream", "logs:PutLogEvents")
    ),
    (
        "cloudwatch_agent",
        "ssm:GetParameter",
        ARN(service="ssm", resource="parameter/AmazonCloudWatch-linux"),
        {},
        [ARN(service="ssm", resource="parameter/AmazonCloudWatch"), ARN(service="ssm", resource="parameter/app/a")],
    ),
    (
        "domain_join",
        "ds:CreateComputer",
        ARN(service="ds", resource="directory/d-1234567890"),
        {},
        [ARN(service="ds", resource="directory/d-1234567891")],
    ),
    (
        "domain_join",
        "secretsmanager:GetSecretValue",
        ARN(
            service="secretsmanager", resource="secret:aws/directory-services/d-1234567890/seamless-domain-join-a1b2c3"
        ),
        {},
        [
            ARN(
                service="secretsmanager",
                resource="secret:aws/directory-services/d-1234567890/seamless-domain-join-2-a1b2c3",
            ),
            ARN(
                service="secretsmanager",
                resource="secret:aws/directory-services/d-1234567891/seamless-domain-join-a1b2c3",
            ),
            ARN(service="secretsmanager", resource="secret:database-a1b2c3"),
        ],
    ),
    (
        "managed_buckets",
        "s3:GetObject",
        "arn:aws:s3:::aws-patch-manager-eu-central-1-9163fdaaf/x",
        {},
        [
            "arn:aws:s3:::aws-patch-manager-eu-central-1-9163fdaag/x",
            "arn:aws:s3:::aws-patch-manager-eu-west-1-5522fb710/x",
            "arn:aws:s3:::aws-ssm-eu-central-1-2/x",
            "arn:aws:s3:::logs/x",
        ],
    ),
]
"""Option, action, a resource on which it is allowed, the call's context, and resources just outside.

Two things this evaluator cannot be asked: it knows no documents of AWS's own, whose ARNs have no account, and it passes
over keys of an encryption context, so that the kms:Decrypt of parameters is never allowed. The unit tests compare those
statements as values.
"""


def test_scoped_actions_are_allowed_on_their_resources_and_on_none_beside_them(evaluator):
    requests, expected = [], []
    for option, action, inside, context, outside in SCOPED:
        document = policy.policy_document(POLICIES.get(option, SMALLEST), LOCATION)
        for resource in (inside, *outside):
            requests.append({"policy": document, "action": action, "resource": resource, "context": context})
            expected.append(resource == inside)

    answers = evaluator({"requests": requests})

    assert [
        (request["action"], request["resource"])
        for request, answer, allowed in zip(requests, answers, expected, strict=True)
        if answer != allowed
    ] == []
    assert expected.count(False) > 50


@pytest.mark.parametrize(
    "case",
    [
        ("production", "ssmmessages:CreateDataChannel", "*", {"ec2:RoleDelivery": "1.0"}, False),
        ("production", "ssmmessages:CreateDataChannel", "*", IMDSV2, True),
        ("production", "ssm:UpdateInstanceInformation", INSTANCE, {"ec2:RoleDelivery": "1.0"}, False),
        ("production", "ssm:UpdateInstanceInformation", INSTANCE, IMDSV2, True),
        ("the default", "ssm:UpdateInstanceInformation", INSTANCE, {"ec2:RoleDelivery": "1.0"}, True),
        ("cloudwatch_agent", "cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "Web"}, True),
        ("cloudwatch_agent", "cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "CWAgent"}, False),
        ("cloudwatch_agent", "cloudwatch:PutMetricData", "*", {}, False),
        ("session_logs", "kms:GenerateDataKey", OTHER_KEY, {}, False),
        ("session_logs", "kms:GenerateDataKey", OTHER_KEY, {"kms:ViaService": "ebs.eu-west-1.amazonaws.com"}, False),
    ],
)
def test_conditions_decide(evaluator, case):
    option, action, resource, context, allowed = case
    document = policy.policy_document(POLICIES[option], LOCATION)

    request = {"policy": document, "action": action, "resource": resource, "context": context}

    assert evaluator({"requests": [request]}) == [allowed]


def test_a_call_from_outside_the_instance_s_vpc_is_denied(evaluator):
    document = policy.policy_document({**SMALLEST, "vpc_endpoints_only": True}, LOCATION)
    inside = {
        "aws:Ec2InstanceSourceVpc": "vpc-1",
        "aws:SourceVpc": "vpc-1",
        "ec2:SourceInstanceARN": INSTANCE,
        "aws:ViaAWSService": "false",
    }
    outside = {**inside, "aws:SourceVpc": "vpc-2"}
    # A call by a NAT or internet gateway has no aws:SourceVpc. AWS has it that a negated operator matches a variable
    # without a value, so the call is denied; this evaluator has it that such a statement never matches. So it is not
    # asked. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html

    answers = evaluator(
        {
            "requests": [
                {"policy": document, "action": "ssmmessages:OpenDataChannel", "resource": "*", "context": context}
                for context in (inside, outside)
            ]
        }
    )

    assert answers == [True, False]
