"""Clients of AWS's API, and what its errors mean to a user."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's name
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from ssm_profile.errors import CredentialsError, InputError
from ssm_profile.regions import partition_of

PATIENT = Config(retries={"mode": "adaptive", "total_max_attempts": 10})
"""Settings of a client that makes many calls: it slows down when AWS limits their rate."""

TOO_FAST = (
    "EC2ThrottledException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
)
"""The codes with which AWS limits the rate of requests."""

_NOT_FOUND = ("NoSuchEntity", "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed")

_FAULTS = ("InternalError", "InternalFailure", "InternalServerError", "ServiceFailure", "ServiceUnavailable")
"""The codes of faults of AWS itself."""
_FIRST_STATUS_OF_FAULTS = 500

_EXPIRED = ("ExpiredToken", "ExpiredTokenException")
REFUSALS = (
    *_EXPIRED,
    "AuthFailure",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
"""The codes with which AWS refuses every call, because of the credentials."""
SIGN_IN = ("AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "CreateToken", "GetRoleCredentials")
"""The operations with which the AWS SDK gets credentials. It calls them before any other call."""
NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
"""Errors of the AWS SDK that finds no credentials, or none that are valid."""


def client(service: str, region: str | None = None, config: Config | None = None) -> Any:
    """A client of AWS's API, with the settings and credentials of the AWS SDK.

    Args:
        service: The name of the service in botocore.
        region: The region. The default is that of the settings.
        config: Settings of the client.

    Raises:
        InputError: If the settings of the SDK cannot be used.
    """
    return clients(service, [region], config)[0]


def clients(service: str, regions: Iterable[str | None], config: Config | None = None) -> list[Any]:
    """A client for each of some regions. Together they take less time than one by one.

    Args:
        service: The name of the service in botocore.
        regions: The regions. None stands for that of the settings.
        config: Settings of the clients.

    Raises:
        InputError: If the settings of the SDK cannot be used.
    """
    session = boto3.Session()
    try:
        if credentials := session.get_credentials():
            credentials.get_frozen_credentials()  # some sources are read only now
        # IAM is the same in all regions of a partition.
        default = default_region() or "us-east-1"
        return [session.client(service, region_name=region or default, config=config) for region in regions]
    except (BotoCoreError, ClientError):
        raise
    except Exception as error:  # noqa: BLE001 - botocore has no common base for wrong settings
        raise InputError(
            f"The settings of the AWS SDK cannot be used ({error}). Correct the environment variables that begin with "
            "AWS_, ~/.aws/config or ~/.aws/credentials."
        ) from None


def default_region() -> str | None:
    """The region of the settings, which is that of the AWS CLI. boto3 does not read AWS_REGION.

    Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
    """
    return os.environ.get("AWS_REGION") or boto3.Session().region_name


def has_regions(service: str, region: str) -> bool:
    """Whether the AWS SDK knows regions with a service in the partition of a region."""
    return bool(boto3.Session().get_available_regions(service, partition_of(region)))


@contextmanager
def readable_errors(flag: str, actions: Iterable[str]) -> Iterator[None]:
    """Turn errors of AWS's API into errors of input.

    Args:
        flag: The flag that the messages name.
        actions: The permissions that the calls require.

    Raises:
        InputError: If a call fails.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise credentials_error(error) or InputError(f"{flag}: {_meaning(error, actions)}") from None
    except (ResponseParserError, KeyError):  # a page of a proxy, as an answer without what the call returns
        raise InputError(
            f"{flag}: the answer does not come from AWS. Check AWS_ENDPOINT_URL and the settings of your proxy."
        ) from None


def credentials_error(error: Exception) -> CredentialsError | None:
    """What an error of the AWS SDK says of the credentials. None if it says nothing of them."""
    if isinstance(error, NO_CREDENTIALS):
        return missing_credentials(error)
    if not isinstance(error, ClientError):
        return None
    if _code(error) in REFUSALS or (error.operation_name in SIGN_IN and not _is_passing(error)):
        return refused_credentials(
            _code(error),
            _said(error),
            "Check them with `aws sts get-caller-identity`, and check that your account has enabled the region.",
        )
    return None


def missing_credentials(error: Exception) -> CredentialsError:
    """The error of credentials that the AWS SDK does not find, or cannot get."""
    said = str(error).rstrip(".")
    return CredentialsError(
        f"There are no AWS credentials that can be used ({said}). Set them up as for the AWS CLI, for example with "
        "AWS_PROFILE, or sign in again."
    )


def refused_credentials(code: str, said: str, advice: str) -> CredentialsError:
    """The error of credentials that AWS refuses.

    Args:
        code: The code that AWS answers.
        said: The code and the message.
        advice: What to do if the credentials have not expired.
    """
    if code in _EXPIRED:
        return CredentialsError(f"The AWS credentials have expired ({said}). Sign in again, and run the command again.")
    return CredentialsError(f"AWS does not accept the credentials ({said}). {advice}")


def _meaning(error: ClientError | BotoCoreError, actions: Iterable[str]) -> str:
    """What an error means that is not one of the credentials, and what to do."""
    if isinstance(error, ConnectionError | HTTPClientError):
        return (
            f"AWS cannot be reached ({str(error).rstrip('.')}). Check your network, the settings of your proxy and "
            "AWS_ENDPOINT_URL."
        )
    if not isinstance(error, ClientError):
        return (
            f"the request to AWS failed ({error}). Set up credentials as for the AWS CLI, for example with AWS_PROFILE."
        )
    code, said, message = _code(error), _said(error), error.response["Error"].get("Message", "")
    if code in _NOT_FOUND:
        return (
            f"AWS does not find it ({message}). Check the name, the region, and that the credentials are those of its "
            "account."
        )
    if code in TOO_FAST:
        return f"AWS limits the rate of requests ({said}). Run the command again later."
    if _is_passing(error):
        return f"AWS could not answer ({said}). Run the command again later."
    return f"AWS refused the request ({said}). Use credentials with these permissions: {', '.join(actions)}."


def _is_passing(error: ClientError) -> bool:
    """Whether the same request can succeed later."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return _code(error) in (*TOO_FAST, *_FAULTS) or status >= _FIRST_STATUS_OF_FAULTS


def _code(error: ClientError) -> str:
    return error.response["Error"].get("Code", "")


def _said(error: ClientError) -> str:
    """The code and the message of an error, without a full stop."""
    return f"{_code(error)}: {error.response['Error'].get('Message', '')}".rstrip(".: ")
