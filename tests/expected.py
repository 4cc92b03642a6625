"""Expected policy documents, written by hand and not made by the code under test."""

from generators import option_sets

LOCATION = option_sets.LOCATION

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY = "arn:aws:kms:eu-central-1:123456789012:key/56ef"
DIRECTORY_KEY = "arn:aws:kms:eu-central-1:210987654321:key/78ab"

SHARED_KEY = "arn:aws:kms:eu-central-1:210987654321:key/90ab"
SHARED_DOCUMENT = "arn:aws:ssm:eu-central-1:210987654321:document/Shared-Document"
SHARED_PARAMETER = "arn:aws:ssm:eu-central-1:210987654321:parameter/shared/database"

MAPS = {
    "patch_policy": {"account_id": "210987654321", "configuration_id": "q4bkg"},
    "read_buckets": [
        {"bucket": "scripts", "prefix": "/ansible/", "folders": True, "kms_key_arn": OTHER_KEY},
        {"bucket": "lists", "folders": True},
        {"bucket": "files"},
        {"bucket": "scripts", "prefix": "/ansible/", "folders": True, "kms_key_arn": OTHER_KEY},
    ],
    "parameters": {
        "paths": ["/app/b", "/app/a", "/app/b"],
        "recursive": True,
        "kms_key_arn": KEY,
        "shared_arns": [SHARED_PARAMETER],
        "shared_kms_key_arn": SHARED_KEY,
    },
    "session_kms_key_arn": KEY,
    "session_logs": {
        "bucket": "logs",
        "prefix": "ssm/sessions/",
        "kms_key_arn": OTHER_KEY,
        "log_group": "/ssm/sessions",
    },
    "cloudwatch_agent": {
        "namespace": "Web",
        "log_groups": ["/ec2/web", "/ec2/app"],
        "log_group_prefixes": ["/node/i-", "i-"],
        "retention": True,
        "traces": True,
    },
    "domain_join": {
        "directory_id": "d-1234567890",
        "owner_account_id": "210987654321",
        "owner_directory_id": "d-0987654321",
        "kms_key_arn": DIRECTORY_KEY,
    },
}
"""A value with every key for each option that grants something and is not a switch. Lists repeat an entry."""

MESSAGING = [
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenDataChannel",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:OpenControlChannel",
]

DEFAULT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenDataChannel",
                "ssmmessages:CreateControlChannel",
                "ssmmessages:OpenControlChannel",
                "ssm:UpdateInstanceInformation",
                "ec2:Describe*",
            ],
            "Resource": "*",
        }
    ],
}

PROD = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": MESSAGING, "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["ssm:UpdateInstanceInformation"],
            "Resource": "arn:aws:ec2:*:*:instance/*",
        },
        {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"NumericLessThan": {"ec2:RoleDelivery": "2.0"}},
        },
    ],
}

QUIET = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                *MESSAGING,
                "ssm:UpdateInstanceInformation",
                "ec2:Describe*",
                "ec2messages:GetMessages",
            ],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": ["ssm:ListInstanceAssociations"],
            "Resource": "arn:aws:ec2:*:*:instance/*",
        },
    ],
}


def allow(actions, resource="*", condition=None):
    """A statement that allows actions."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


def document(*statements):
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


DEFAULT_ACTIONS = [*MESSAGING, "ssm:UpdateInstanceInformation", "ec2:Describe*"]
SSM = "arn:aws:ssm:eu-central-1:123456789012"
INSTANCES = "arn:aws:ec2:*:*:instance/*"
ASSOCIATIONS = f"{SSM}:association/*"
SSM_DOCUMENTS = ["arn:aws:ssm:eu-central-1::document/*", f"{SSM}:document/*"]
PATCH_BASELINES = "arn:aws:ssm:eu-central-1:*:patchbaseline/*"
LOG_GROUPS = "arn:aws:logs:eu-central-1:123456789012:log-group"
PARAMETERS = [
    f"{SSM}:parameter/app/a",
    f"{SSM}:parameter/app/a/*",
    f"{SSM}:parameter/app/b",
    f"{SSM}:parameter/app/b/*",
]
OWNER_IN_CONTROL = {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
AGENT_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
CLOUDWATCH_CONFIGURATION = allow(["ssm:GetParameter"], f"{SSM}:parameter/AmazonCloudWatch-*")
SESSION_LOG_GROUP = allow(
    ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
    [f"{LOG_GROUPS}:/ssm/sessions", f"{LOG_GROUPS}:/ssm/sessions:*"],
)


def metrics(namespace):
    """The statement that allows metrics in one namespace."""
    condition = {"StringEquals": {"cloudwatch:namespace": namespace}}
    return allow(["cloudwatch:PutMetricData"], condition=condition)


DOCUMENTS = {
    "ec2_describe": DEFAULT,
    "ec2_describe_actions": document(
        allow([*MESSAGING, "ssm:UpdateInstanceInformation", "ec2:DescribeInstances", "ec2:DescribeTags"])
    ),
    "scope_heartbeat": document(
        allow([*MESSAGING, "ec2:Describe*"]),
        allow(["ssm:UpdateInstanceInformation"], INSTANCES),
    ),
    "quiet_agent": QUIET,
    "legacy_messaging": document(
        allow(
            [
                *DEFAULT_ACTIONS,
                "ec2messages:AcknowledgeMessage",
                "ec2messages:DeleteMessage",
                "ec2messages:FailMessage",
                "ec2messages:GetEndpoint",
                "ec2messages:GetMessages",
                "ec2messages:SendReply",
            ]
        )
    ),
    "documents": document(
        allow(DEFAULT_ACTIONS),
        allow(["ssm:GetDocument"], SSM_DOCUMENTS),
    ),
    "document_arns": document(
        allow(DEFAULT_ACTIONS),
        allow(["ssm:GetDocument", "ssm:DescribeDocument"], SHARED_DOCUMENT),
    ),
    "state_manager": document(
        allow(DEFAULT_ACTIONS),
        allow(["ssm:ListInstanceAssociations", "ssm:PutComplianceItems"], INSTANCES),
        allow(["ssm:UpdateInstanceAssociationStatus"], [INSTANCES, ASSOCIATIONS]),
        allow(["ssm:GetDocument"], SSM_DOCUMENTS),
    ),
    "inventory": document(
        allow([*DEFAULT_ACTIONS, "ssm:PutInventory"]),
        allow(["ssm:ListInstanceAssociations", "ssm:PutComplianceItems"], INSTANCES),
        allow(["ssm:UpdateInstanceAssociationStatus"], [INSTANCES, ASSOCIATIONS]),
        allow(["ssm:GetDocument"], SSM_DOCUMENTS),
    ),
    "inspector": document(
        allow(
            [
                *DEFAULT_ACTIONS,
                "ssm:PutInventory",
                "inspector2:StartCisSession",
                "inspector2:StopCisSession",
                "inspector2:SendCisSessionTelemetry",
                "inspector2:SendCisSessionHealth",
                "ssm:GetManifest",
                "ssm:PutConfigurePackageResult",
            ]
        ),
        allow(["ssm:ListInstanceAssociations", "ssm:PutComplianceItems"], INSTANCES),
        allow(["ssm:UpdateInstanceAssociationStatus"], [INSTANCES, ASSOCIATIONS]),
        allow(["ssm:GetDocument", "ssm:DescribeDocument"], SSM_DOCUMENTS),
        allow(
            ["ssm:GetParameter"],
            f"{SSM}:parameter/inspector-aws/service/inspector-linux-application-paths",
        ),
    ),
    "patching": document(
        allow([*DEFAULT_ACTIONS, "ssm:GetDeployablePatchSnapshotForInstance", "ssm:PutInventory"]),
        allow(["ssm:PutComplianceItems"], INSTANCES),
        allow(["ssm:DescribeAssociation"], [INSTANCES, ASSOCIATIONS, *SSM_DOCUMENTS]),
    ),
    "patch_baseline_tags": document(
        allow(
            [
                *DEFAULT_ACTIONS,
                "ssm:GetDeployablePatchSnapshotForInstance",
                "ssm:PutInventory",
                "ssm:DescribePatchBaselines",
                "tag:GetResources",
            ]
        ),
        allow(["ssm:PutComplianceItems"], INSTANCES),
        allow(["ssm:DescribeAssociation"], [INSTANCES, ASSOCIATIONS, *SSM_DOCUMENTS]),
        allow(["ssm:GetPatchBaseline", "ssm:DescribeEffectivePatchesForPatchBaseline"], PATCH_BASELINES),
    ),
    "patch_policy": document(
        allow([*DEFAULT_ACTIONS, "ssm:GetDeployablePatchSnapshotForInstance", "ssm:PutInventory"]),
        allow(["ssm:ListInstanceAssociations", "ssm:PutComplianceItems"], INSTANCES),
        allow(["ssm:UpdateInstanceAssociationStatus"], [INSTANCES, ASSOCIATIONS]),
        allow(["ssm:GetDocument"], SSM_DOCUMENTS),
        allow(["ssm:DescribeAssociation"], [INSTANCES, ASSOCIATIONS, *SSM_DOCUMENTS]),
        allow(["s3:GetObject"], "arn:aws:s3:::aws-quicksetup-patchpolicy-210987654321-q4bkg/baseline_overrides.json"),
    ),
    "distributor": document(
        allow([*DEFAULT_ACTIONS, "ssm:GetManifest", "ssm:PutConfigurePackageResult"]),
        allow(["ssm:GetDocument", "ssm:DescribeDocument"], SSM_DOCUMENTS),
    ),
    "managed_buckets": document(
        allow(DEFAULT_ACTIONS),
        allow(
            ["s3:GetObject"],
            [
                "arn:aws:s3:::amazon-ssm-eu-central-1/*",
                "arn:aws:s3:::aws-ssm-eu-central-1/*",
                "arn:aws:s3:::aws-ssm-document-attachments-eu-central-1/*",
                "arn:aws:s3:::aws-windows-downloads-eu-central-1/*",
                "arn:aws:s3:::aws-patch-manager-eu-central-1-9163fdaaf/*",
                "arn:aws:s3:::aws-patchmanager-macos-eu-central-1-9163fdaaf/*",
                "arn:aws:s3:::patch-baseline-snapshot-eu-central-1/*",
            ],
        ),
    ),
    "read_buckets": document(
        allow(DEFAULT_ACTIONS),
        allow(["s3:GetObject"], "arn:aws:s3:::files/*"),
        allow(["s3:GetObject"], "arn:aws:s3:::lists/*"),
        allow(["s3:ListBucket"], "arn:aws:s3:::lists"),
        allow(["s3:GetObject"], "arn:aws:s3:::scripts/ansible/*"),
        allow(["s3:ListBucket"], "arn:aws:s3:::scripts", {"StringLike": {"s3:prefix": "ansible/*"}}),
        allow(["kms:Decrypt"], OTHER_KEY, {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com*"}}),
    ),
    "parameters": document(
        allow(DEFAULT_ACTIONS),
        allow(["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"], PARAMETERS),
        allow(
            ["kms:Decrypt"],
            KEY,
            {
                "StringLike": {
                    "kms:ViaService": "ssm.eu-central-1.amazonaws.com*",
                    "kms:EncryptionContext:PARAMETER_ARN": PARAMETERS,
                }
            },
        ),
        allow(["ssm:GetParameter", "ssm:GetParameters"], SHARED_PARAMETER),
        allow(
            ["kms:Decrypt"],
            SHARED_KEY,
            {
                "StringLike": {
                    "kms:ViaService": "ssm.*.amazonaws.com*",
                    "kms:EncryptionContext:PARAMETER_ARN": SHARED_PARAMETER,
                }
            },
        ),
    ),
    "session_kms_key_arn": document(
        allow(DEFAULT_ACTIONS),
        allow(["kms:Decrypt"], KEY, {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "aws:ssm:SessionId"}}),
    ),
    "session_kms_key_alias": document(
        allow(DEFAULT_ACTIONS),
        allow(
            ["kms:Decrypt"],
            "arn:aws:kms:eu-central-1:123456789012:key/*",
            {
                "ForAnyValue:StringEquals": {
                    "kms:ResourceAliases": "alias/ssm-sessions",
                    "kms:EncryptionContextKeys": "aws:ssm:SessionId",
                }
            },
        ),
    ),
    "session_logs": document(
        allow([*DEFAULT_ACTIONS, "logs:DescribeLogGroups"]),
        allow(["s3:PutObject", "s3:AbortMultipartUpload"], "arn:aws:s3:::logs/ssm/sessions/*"),
        allow(["s3:GetEncryptionConfiguration"], "arn:aws:s3:::logs"),
        allow(["s3:PutObjectAcl"], "arn:aws:s3:::logs/ssm/sessions/*", OWNER_IN_CONTROL),
        allow(
            ["kms:GenerateDataKey", "kms:Decrypt"],
            OTHER_KEY,
            {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com*"}},
        ),
        SESSION_LOG_GROUP,
    ),
    "cloudwatch_agent": document(
        allow(
            [
                *DEFAULT_ACTIONS,
                "logs:DescribeLogGroups",
                "xray:PutTraceSegments",
                "xray:PutTelemetryRecords",
                "xray:GetSamplingRules",
                "xray:GetSamplingTargets",
                "xray:GetSamplingStatisticSummaries",
            ]
        ),
        metrics("Web"),
        CLOUDWATCH_CONFIGURATION,
        allow(
            [*AGENT_LOGS, "logs:PutRetentionPolicy"],
            [
                f"{LOG_GROUPS}:/ec2/app",
                f"{LOG_GROUPS}:/ec2/app:*",
                f"{LOG_GROUPS}:/ec2/web",
                f"{LOG_GROUPS}:/ec2/web:*",
            ],
        ),
        allow(
            [*AGENT_LOGS, "logs:PutRetentionPolicy"],
            [f"{LOG_GROUPS}:/node/i-*", f"{LOG_GROUPS}:i-*"],
        ),
    ),
    "domain_join": document(
        allow([*DEFAULT_ACTIONS, "ds:DescribeDirectories"]),
        allow(["ds:CreateComputer"], "arn:aws:ds:eu-central-1:123456789012:directory/d-1234567890"),
        allow(
            ["secretsmanager:GetSecretValue"],
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
            "aws/directory-services/d-1234567890/seamless-domain-join-??????",
        ),
        allow(
            ["secretsmanager:GetSecretValue"],
            "arn:aws:secretsmanager:eu-central-1:210987654321:secret:"
            "aws/directory-services/d-0987654321/seamless-domain-join-??????",
        ),
        allow(
            ["kms:Decrypt"],
            DIRECTORY_KEY,
            {
                "StringLike": {
                    "kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com*",
                    "kms:EncryptionContext:SecretARN": "arn:aws:secretsmanager:eu-central-1:*:secret:"
                    "aws/directory-services/*/seamless-domain-join-??????",
                }
            },
        ),
    ),
    "require_imdsv2": document(
        allow(DEFAULT_ACTIONS),
        {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"NumericLessThan": {"ec2:RoleDelivery": "2.0"}},
        },
    ),
    "vpc_endpoints_only": document(
        allow(DEFAULT_ACTIONS),
        {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {
                "StringNotEquals": {"aws:SourceVpc": "${aws:Ec2InstanceSourceVpc}"},
                "Null": {"ec2:SourceInstanceARN": "false"},
                "BoolIfExists": {"aws:ViaAWSService": "false"},
            },
        },
    ),
}
"""The document of each option that grants or denies something, deployed to ``LOCATION``.

A switch is true, and any other option has its value in ``MAPS`` or its example. What the option requires is set, too.
"""

_OF_INSTANCE = {
    "aws:Ec2InstanceSourceVpc": "vpc-1",
    "ec2:SourceInstanceARN": "arn:aws:ec2:eu-central-1:123456789012:instance/i-0a1b2c3d4e5f60718",
    "aws:ViaAWSService": "false",
}
NETWORKS = {
    "own endpoint": ({**_OF_INSTANCE, "aws:SourceVpc": "vpc-1"}, True),
    "endpoint of another VPC": ({**_OF_INSTANCE, "aws:SourceVpc": "vpc-2"}, False),
    # The request has no aws:SourceVpc, because no endpoint adds it.
    "NAT gateway": ({**_OF_INSTANCE, "aws:SourceIp": "192.0.2.7"}, False),
    "internet gateway": ({**_OF_INSTANCE, "aws:SourceIp": "198.51.100.7"}, False),
    # S3 calls KMS with the permissions of the role, and not from its VPC.
    "another service of AWS": ({**_OF_INSTANCE, "aws:ViaAWSService": "true"}, True),
    "no instance": ({"aws:ViaAWSService": "false"}, True),
}
"""The condition keys of a call that an instance in ``vpc-1`` makes, and whether ``vpc_endpoints_only`` allows it."""

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def web_policy(key, bucket):
    """The policy of the profile "web" in examples/two_profiles, with the ARN of its key and the name of its bucket."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": MESSAGING, "Resource": "*"},
            {"Effect": "Allow", "Action": ["ssm:UpdateInstanceInformation"], "Resource": "arn:aws:ec2:*:*:instance/*"},
            {
                "Effect": "Allow",
                "Action": ["kms:Decrypt"],
                "Resource": key,
                "Condition": {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "aws:ssm:SessionId"}},
            },
            {
                "Effect": "Allow",
                "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
                "Resource": f"arn:aws:s3:::{bucket}/web/*",
            },
            {"Effect": "Allow", "Action": ["s3:GetEncryptionConfiguration"], "Resource": f"arn:aws:s3:::{bucket}"},
            {
                "Effect": "Allow",
                "Action": ["s3:PutObjectAcl"],
                "Resource": f"arn:aws:s3:::{bucket}/web/*",
                "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
            },
        ],
    }
