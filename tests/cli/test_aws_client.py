"""What errors of AWS's API mean to a user."""

import pytest

from ssm_profile.errors import InputError
from tests import require

aws_client = require("ssm_profile.cli.aws_client")
exceptions = require("botocore.exceptions")


def message(error):
    with pytest.raises(InputError) as raised, aws_client.readable_errors("--role", ("iam:GetRole",)):
        raise error
    return str(raised.value)


def refusal(code):
    return exceptions.ClientError({"Error": {"Code": code, "Message": "Details."}}, "GetRole")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AccessDenied", "Use credentials with these permissions: iam:GetRole."),
        ("NoSuchEntity", "Check the name, the region, and that the credentials are those of its account."),
        ("ThrottlingException", "Run the command again later."),
    ],
)
def test_refusal(code, expected):
    assert message(refusal(code)).endswith(expected)


def test_no_credentials():
    assert message(exceptions.NoCredentialsError()).endswith("for example with AWS_PROFILE.")


def test_answer_of_something_else():
    assert message(KeyError("Role")).startswith("--role: the answer does not come from AWS.")
