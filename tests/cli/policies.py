"""Policies that the tests of the command share."""

import json

from ssm_profile import policy
from ssm_profile.options import OPTIONS

SWITCHES = [name for name, option in OPTIONS.items() if name in policy.GRANTING and option.type == "boolean"]
SWITCHES.remove("ec2_describe")  # it is on by default

MINIMUM = [
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenDataChannel",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:OpenControlChannel",
    "ssm:UpdateInstanceInformation",
]
"""The actions without which Systems Manager does not work."""

INSTANCES = "arn:aws:ec2:*:*:instance/*"


def allow(actions, resources="*", **more):
    """A statement."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources} | more


SCOPED_MINIMUM = [allow(MINIMUM[:4]), allow(MINIMUM[4], INSTANCES)]
"""The statements of the smallest policy with which an audit finds nothing to fix."""


def document(*statements):
    """A policy document, as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def working_features(audit):
    """The capabilities that work by an audit."""
    return {row["capability"] for row in audit["capabilities"] if row["verdict"] == "works"}
