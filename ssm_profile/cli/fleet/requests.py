"""Requests to AWS for one of many accounts. One that fails is a problem of this account."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from ssm_profile.cli.aws_client import TOO_FAST
from ssm_profile.errors import InputError

ATTEMPTS = 10
"""How often a request is sent before it is a problem."""

SETTINGS = Config(retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS}, connect_timeout=10, read_timeout=30)
"""Settings of a client: requests become fewer when AWS limits their rate, and no request waits for long."""

DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_NOT_VALID = ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "RequestExpired")
_NOT_ENABLED = ("AuthFailure", "OptInRequired", "UnrecognizedClientException")
"""The codes in a Region that the account has not enabled. Wrong credentials have them, too."""


@contextmanager
def readable(advice: str, subject: str = "") -> Iterator[None]:
    """Turn errors of AWS's API into errors of input.

    Args:
        advice: What to do if AWS denies the request.
        subject: What is asked for, with which the errors begin.

    Raises:
        InputError: If the request fails.
    """
    try:
        yield
    except ClientError as error:
        reason = _reason(error.response["Error"]["Code"], error.response["Error"]["Message"], advice)
        raise _error(subject, reason) from None
    except BotoCoreError as error:
        raise _error(subject, f"The request to AWS failed ({error}). Run the command again.") from None
    except (ResponseParserError, KeyError):  # a page of a proxy, as an answer without what the call returns
        reason = "The answer does not come from AWS. Check AWS_ENDPOINT_URL and the settings of your proxy."
        raise _error(subject, reason) from None


def _error(subject: str, reason: str) -> InputError:
    return InputError(f"{subject}: {reason}" if subject else reason)


def _reason(code: str, message: str, advice: str) -> str:
    answer = f"({code}: {message})"
    if code in DENIED:
        return f"AWS denies the request {answer}. {advice}"
    if code in _NOT_VALID:
        return f"Your credentials are not valid any more {answer}. Renew them, and run the command again."
    if code in _NOT_ENABLED:
        return f"AWS does not accept the credentials {answer}. Check that the account has enabled the Region."
    if code in TOO_FAST:
        return f"AWS still limits the rate of requests after {ATTEMPTS} attempts {answer}. Run the command again later."
    return f"AWS refuses the request {answer}."
