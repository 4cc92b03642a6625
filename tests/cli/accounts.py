"""The output of ``aws iam get-account-authorization-details``."""

import json

from tests.cli.policies import allow, document

ACCOUNT = "123456789012"

MINIMUM = [
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
    "ssm:UpdateInstanceInformation",
]


def trust(service="ec2.amazonaws.com"):
    """A trust policy."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def role(name, *statements, account=ACCOUNT, path="/", service="ec2.amazonaws.com", profiles=("profile",), **details):
    """A role with one inline policy. Without statements, the policy grants the minimum."""
    policy = json.loads(document(*(statements or [allow(MINIMUM)])))
    return {
        "RoleName": name,
        "Arn": f"arn:aws:iam::{account}:role{path}{name}",
        "AssumeRolePolicyDocument": trust(service),
        "InstanceProfileList": [{"InstanceProfileName": profile} for profile in profiles],
        "RolePolicyList": [{"PolicyName": "inline", "PolicyDocument": policy}],
        "AttachedManagedPolicies": [],
        **details,
    }


def managed_policy(name, *statements, account=ACCOUNT):
    """A managed policy of an account."""
    version = {"IsDefaultVersion": True, "Document": json.loads(document(*statements))}
    old = {"IsDefaultVersion": False, "Document": json.loads(document(allow("*")))}
    return {"Arn": f"arn:aws:iam::{account}:policy/{name}", "PolicyVersionList": [old, version]}


def attached(*policies):
    """What makes managed policies a role's own."""
    return {"AttachedManagedPolicies": [{"PolicyName": "name", "PolicyArn": policy["Arn"]} for policy in policies]}


def details(*roles, policies=()):
    """The whole output."""
    return {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [*roles], "Policies": [*policies]}


def names(rows):
    """The names of the roles of rows."""
    return sorted(row["role"] for row in rows if row["kind"] == "role")
