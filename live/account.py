"""An AWS account: the clients, and where they call. Everything else in this package gets AWS through it."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ssm_profile.regions import Location

from . import CheckError, LiveError

TAG = "ssm-profile-live"
"""The key of the tag on everything that a run creates. Its value is the run."""

Found = TypeVar("Found")

_MASK = "*" * 12
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_IDENTITY = re.compile(r":(assumed-role|federated-user|user|session)/[\w+=,.@/-]+")
"""The end of an ARN that names a person: with SSO, the name of a session of a role is an e-mail address."""
_SESSION = re.compile(r"(?<![\w+=,.@-])(?!(?:ami|i|pb|sg|subnet|vpc)-)[\w+=,.@-]+-[0-9a-z]{17,}(?![\w-])")
"""The ID of a session of Session Manager, which begins with the name of the caller. IDs of EC2 look alike."""
_EMAIL = re.compile(r"[\w+=,.-]+@[\w.-]+")


@dataclass(frozen=True)
class Account:
    """An AWS account and region. With the clients of moto it is the emulated one of the tests."""

    location: Location
    """The partition, region and account."""
    client: Callable[[str], Any]
    """Returns the boto3 client of a service, such as ``ssm``."""
    client_with: Callable[[str, Mapping[str, Any]], Any]
    """Returns the boto3 client of a service with the credentials that STS returned."""
    sleep: Callable[[float], None] = time.sleep

    def wait_for(self, expected: str, probe: Callable[[], Found | None], seconds: int, every: int = 10) -> Found:
        """Ask until there is an answer.

        Args:
            expected: What the answer means, for the error: "the instance is Online".
            probe: Returns the answer, or None if there is none yet.
            seconds: How long to ask.
            every: The seconds between two questions.

        Raises:
            CheckError: If there is no answer in time.
        """
        for _ in range(0, seconds, every):
            if (found := probe()) is not None:
                return found
            self.sleep(every)
        raise CheckError(f"not within {seconds} s: {expected}")


def identify(session: Any, region: str | None) -> Account:
    """The account and region of a boto3 session.

    Args:
        session: The session.
        region: The region, if it is not that of the session.

    Raises:
        LiveError: If there is no region, or if the settings of the AWS SDK cannot be used.
    """
    if not (region := region or session.region_name):
        raise LiveError("There is no region. Pass one to --region, or set AWS_REGION.")
    try:
        caller = session.client("sts", region_name=region).get_caller_identity()
    except (BotoCoreError, ClientError):
        raise
    except Exception as error:
        raise LiveError(
            f"The settings of the AWS SDK cannot be used ({error}). Correct the environment variables that begin with "
            "AWS_, ~/.aws/config or ~/.aws/credentials."
        ) from error
    location = {"partition": caller["Arn"].split(":")[1], "region": region, "account": caller["Account"]}

    def client_with(service: str, credentials: Mapping[str, Any]) -> Any:
        return session.client(
            service,
            region_name=region,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )

    return Account(location, lambda service: session.client(service, region_name=region), client_with)


def masked(text: str, account: str | None = None) -> str:
    """A text without account numbers and without names of people: each becomes asterisks.

    Args:
        text: The text.
        account: The number of the account, which is masked also where it is a part of a longer number.
    """
    if account:
        text = text.replace(account, _MASK)
    text = _ACCOUNT.sub(_MASK, text)
    text = _IDENTITY.sub(rf":\1/{_MASK}", text)
    return _EMAIL.sub(_MASK, _SESSION.sub(_MASK, text))


def masked_account(account: str) -> str:
    """The number of an account as a person can recognize it: only its last four digits."""
    return "*" * 8 + account[-4:]
