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
        ("Throttling", "--role: AWS limits the rate of requests (Throttling: Details). Run the command again later."),
        ("ServiceFailure", "--role: AWS could not answer (ServiceFailure: Details). Run the command again later."),
        ("ExpiredToken", "expired (ExpiredToken: Details). Sign in again, and run the command again."),
        ("InvalidClientTokenId", "and check that your account has enabled the region."),
    ],
)
def test_refusal(code, expected):
    assert message(refusal(code)).endswith(expected)


def test_fault_of_aws():
    """An answer with a status of 500 or more is none, whatever its code."""
    error = exceptions.ClientError({"Error": {"Code": "502"}, "ResponseMetadata": {"HTTPStatusCode": 502}}, "GetRole")

    assert message(error) == "--role: AWS could not answer (502). Run the command again later."


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AccessDenied", "AWS does not accept the credentials (AccessDenied: Details). "),
        ("Throttling", "--role: AWS limits the rate of requests (Throttling: Details). "),
        ("ServiceFailure", "--role: AWS could not answer (ServiceFailure: Details). "),
    ],
)
def test_sign_in(code, said):
    """The SDK assumes the role of a profile. Other permissions of this role would not help."""
    error = exceptions.ClientError({"Error": {"Code": code, "Message": "Details."}}, "AssumeRole")

    assert message(error).startswith(said)


def test_no_credentials():
    assert message(exceptions.NoCredentialsError()).endswith("for example with AWS_PROFILE, or sign in again.")


def test_no_connection():
    error = exceptions.EndpointConnectionError(endpoint_url="https://iam.amazonaws.com/")

    assert message(error).startswith("--role: AWS cannot be reached (")


def test_answer_of_something_else():
    assert message(KeyError("Role")).startswith("--role: the answer does not come from AWS.")
