"""Clients of IAM for many accounts: the role of a name is assumed in each."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from ssm_profile.cli.aws_client import TOO_FAST, client, readable_errors
from ssm_profile.errors import InputError

from .account import READ_ACTION, read_details

ASSUME_ACTION = "sts:AssumeRole"
"""The permission that reading another account requires of the caller, on the role in that account."""

SESSION = "ssm-profile"
"""The name of the sessions, which CloudTrail shows."""

ATTEMPTS = 10
"""How often a request is sent before its account is a problem."""

_SETTINGS = Config(retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS}, connect_timeout=10, read_timeout=30)
_READ_ONLY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": READ_ACTION, "Resource": "*"}]}
)
"""The policy of the sessions. They cannot do anything else, whatever the role can."""

_DENIED = ("AccessDenied", "AccessDeniedException")
_NOT_VALID = ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "RequestExpired")


class Caller:
    """The identity of the AWS credentials, which reads accounts. Several threads can use it."""

    def __init__(self, role: str, external_id: str | None) -> None:
        """Find out which account the credentials are for.

        Args:
            role: The name of the role to assume in other accounts, or its path and name.
            external_id: The external ID that the trust policies of the roles require.

        Raises:
            InputError: If there are no credentials, or if they are not valid.
        """
        self._role = role
        self._external_id = {"ExternalId": external_id} if external_id else {}
        self._session, self._lock = boto3.Session(), Lock()
        with readable_errors("fleet", (ASSUME_ACTION, READ_ACTION)):
            self._sts = client("sts", config=_SETTINGS)
            identity = self._sts.get_caller_identity()
            self.account: str = identity["Account"]
            self.partition: str = identity["Arn"].split(":")[1]

    def details(self, account: str) -> dict[str, Any]:
        """The roles and policies of an account, as :func:`read_details` gives them.

        The account of the credentials is read with them, and another one with the role.

        Raises:
            InputError: If they cannot be read. The message is for this account.
        """
        if account == self.account:
            with _readable(f"The identity of your credentials must have the permission {READ_ACTION}."):
                return read_details(client("iam", config=_SETTINGS))
        arn = f"arn:{self.partition}:iam::{account}:role/{self._role}"
        with _readable(
            f"The role {arn} must exist. Its trust policy must allow {ASSUME_ACTION} to the identity of your "
            "credentials, and the policies of this identity must allow it, too. If the trust policy has a condition on "
            "sts:ExternalId, pass --external-id."
        ):
            iam = self._client(arn)
        with _readable(f"The role {arn} must have the permission {READ_ACTION}."):
            return read_details(iam)

    def _client(self, arn: str) -> Any:
        session = {"RoleSessionName": SESSION, "Policy": _READ_ONLY, **self._external_id}
        credentials = self._sts.assume_role(RoleArn=arn, **session)["Credentials"]
        with self._lock:  # several threads can use a client, but not create one
            return self._session.client(
                "iam",
                region_name=self._sts.meta.region_name,
                aws_access_key_id=credentials["AccessKeyId"],
                aws_secret_access_key=credentials["SecretAccessKey"],
                aws_session_token=credentials["SessionToken"],
                config=_SETTINGS,
            )


@contextmanager
def _readable(advice: str) -> Iterator[None]:
    """Turn errors of AWS's API into errors of input, for one of many accounts.

    Args:
        advice: What to do if AWS denies the call.

    Raises:
        InputError: If the call fails.
    """
    try:
        yield
    except ClientError as error:
        raise InputError(_reason(error.response["Error"]["Code"], error.response["Error"]["Message"], advice)) from None
    except BotoCoreError as error:
        raise InputError(f"The request to AWS failed ({error}). Run the command again.") from None
    except (ResponseParserError, KeyError):  # a page of a proxy, as an answer without what the call returns
        raise InputError(
            "The answer does not come from AWS. Check AWS_ENDPOINT_URL and the settings of your proxy."
        ) from None


def _reason(code: str, message: str, advice: str) -> str:
    answer = f"({code}: {message})"
    if code in _DENIED:
        return f"AWS denies the request {answer}. {advice}"
    if code in _NOT_VALID:
        return f"Your credentials are not valid any more {answer}. Renew them, and run the command again."
    if code in TOO_FAST:
        return f"AWS still limits the rate of requests after {ATTEMPTS} attempts {answer}. Run the command again later."
    return f"AWS refuses the request {answer}."
