"""Policies for the tests of the evaluator."""

from ssm_profile.iam.documents import statements_of
from ssm_profile.iam.evaluator import Evaluator, Policy
from ssm_profile.iam.instance import instance_context


def allow(actions="*", resources="*", **more):
    """A statement that allows."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources} | more


def deny(actions="*", resources="*", **more):
    """A statement that denies."""
    return allow(actions, resources, **more) | {"Effect": "Deny"}


def but(statement):
    """A statement whose resources are exceptions."""
    return {"NotResource" if key == "Resource" else key: value for key, value in statement.items()}


def evaluator(*statements, boundary=None, context=None, version="2012-10-17"):
    """The evaluator of a policy with some statements, for an EC2 instance unless another context is given."""
    return Evaluator(
        Policy(
            "web",
            statements_of({"Version": version, "Statement": list(statements)}, "web"),
            None if boundary is None else statements_of({"Version": version, "Statement": boundary}, "boundary"),
        ),
        instance_context() if context is None else context,
    )


def outcome(need, *statements, action="s3:PutObject", **more):
    """The outcome of a decision, as a word."""
    return evaluator(*statements, **more).decide(action, need).outcome.value
