"""Clients of AWS's API, and what its errors mean to a user."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from ssm_profile.errors import InputError

PATIENT = Config(retries={"mode": "adaptive", "total_max_attempts": 10})
"""Settings of a client that makes many calls: it slows down when AWS limits their rate."""

TOO_FAST = (
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
)
"""The codes with which AWS limits the rate of requests."""


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
        default = session.region_name or "us-east-1"
        return [session.client(service, region_name=region or default, config=config) for region in regions]
    except (BotoCoreError, ClientError):
        raise
    except Exception as error:  # noqa: BLE001 - botocore has no common base for wrong settings
        raise InputError(
            f"The settings of the AWS SDK cannot be used ({error}). Correct the environment variables that begin with "
            "AWS_, ~/.aws/config or ~/.aws/credentials."
        ) from None


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
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code in ("NoSuchEntity", "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"):
            raise InputError(
                f"{flag}: AWS does not find it ({message}). Check the name, the region, and that the credentials are "
                "those of its account."
            ) from None
        if code in TOO_FAST:
            raise InputError(
                f"{flag}: AWS limits the rate of requests ({code}: {message}). Run the command again later."
            ) from None
        raise InputError(
            f"{flag}: AWS refused the request ({code}: {message}). Use credentials with these permissions: "
            f"{', '.join(actions)}."
        ) from None
    except BotoCoreError as error:
        raise InputError(
            f"{flag}: the request to AWS failed ({error}). Set up credentials as for the AWS CLI, for example with "
            "AWS_PROFILE."
        ) from None
    except (ResponseParserError, KeyError):  # a page of a proxy, as an answer without what the call returns
        raise InputError(
            f"{flag}: the answer does not come from AWS. Check AWS_ENDPOINT_URL and the settings of your proxy."
        ) from None
