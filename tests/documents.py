"""Policy documents that several tests expect, written out by hand and not made by the code under test."""

PLACE = {"partition": "aws", "region": "eu-central-1", "account": "123456789012"}

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
