"""Policy documents that several tests expect, written out by hand and not made by the code under test."""

LOCATION = {"partition": "aws", "region": "eu-central-1", "account": "123456789012"}

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY = "arn:aws:kms:eu-central-1:123456789012:key/56ef"

MAPS = {
    "parameters": {"paths": ["/app/b", "/app/a", "/app/b"], "recursive": True, "kms_key_arn": KEY},
    "session_kms_key_arn": KEY,
    "session_logs": {
        "bucket": "logs",
        "prefix": "ssm/sessions/",
        "kms_key_arn": OTHER_KEY,
        "cross_account": True,
        "log_group": "/ssm/sessions",
    },
    "cloudwatch_agent": {"namespace": "Web", "log_groups": ["/ec2/web", "/ec2/app"]},
    "domain_join": {"directory_id": "d-1234567890"},
}
"""A full value for each option that is not a switch, and grants something."""

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
            {"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": key},
            {
                "Effect": "Allow",
                "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
                "Resource": f"arn:aws:s3:::{bucket}/web/*",
            },
            {"Effect": "Allow", "Action": ["s3:GetEncryptionConfiguration"], "Resource": f"arn:aws:s3:::{bucket}"},
        ],
    }
