"""Clients of AWS's API for many accounts: the role of a name is assumed in each."""

import json
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import Lock
from typing import Any

import boto3

from ssm_profile.cli.aws_client import client, readable_errors
from ssm_profile.cli.usage.trail_settings import REGIONS_ACTION, listed_regions

from .permissions import ASSUME, READ
from .requests import SETTINGS, readable

SESSION = "ssm-profile"
"""The name of the sessions, which CloudTrail shows."""


@dataclass(frozen=True)
class Session:
    """Gives clients for an account. Several threads can use it, and its clients."""

    account: str
    identity: str
    """Who reads the account, in messages."""
    _session: boto3.Session
    _lock: Lock
    _settings: dict[str, Any]

    def client(self, service: str, region: str | None = None) -> Any:
        """A client.

        Args:
            service: The name of the service in botocore.
            region: The Region. The default is that of the settings.
        """
        place: dict[str, Any] = {"region_name": region} if region else {}
        with self._lock:  # several threads can use a client, but not create one
            return self._session.client(service, **(self._settings | place))

    def regions(self) -> frozenset[str]:
        """The Regions that the account has enabled.

        Raises:
            InputError: If they cannot be read.
        """
        with self.errors(REGIONS_ACTION):
            return listed_regions(self.client("ec2"))

    def errors(self, *actions: str, advice: str = "", subject: str = "") -> AbstractContextManager[None]:
        """Turn errors of AWS's API into errors of input.

        Args:
            actions: The permissions that the calls require.
            advice: What else to do if AWS denies them.
            subject: What is asked for, with which the errors begin.
        """
        permissions = f"permission{'s' if len(actions) > 1 else ''} {', '.join(actions)}"
        return readable(" ".join(filter(None, (f"{self.identity} must have the {permissions}.", advice))), subject)


class Caller:
    """The identity of the AWS credentials, which reads accounts. Several threads can use it."""

    def __init__(self, role: str = "", external_id: str | None = None, actions: Iterable[str] = (READ,)) -> None:
        """Find out which account the credentials are for.

        Args:
            role: The name of the role to assume in other accounts, or its path and name.
            external_id: The external ID that the trust policies of the roles require.
            actions: What the sessions of the roles can do. They cannot do anything else, whatever the roles can.

        Raises:
            InputError: If there are no credentials, or if they are not valid.
        """
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        self._role = role
        self._request = {
            "RoleSessionName": SESSION,
            "Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
            **({"ExternalId": external_id} if external_id else {}),
        }
        self._session, self._lock = boto3.Session(), Lock()
        with readable_errors("fleet", (ASSUME, READ)):
            self._sts = client("sts", config=SETTINGS)
            identity = self._sts.get_caller_identity()
            self.account: str = identity["Account"]
            self.partition: str = identity["Arn"].split(":")[1]

    def session(self, account: str | None = None) -> Session:
        """A session in an account. The account of the credentials is read with them, and another one with the role.

        Args:
            account: The ID of the account. The default is that of the credentials.

        Raises:
            InputError: If the role cannot be assumed. The message is for this account.
        """
        settings = {"region_name": self._sts.meta.region_name, "config": SETTINGS}
        if account in (None, self.account):
            return Session(self.account, "The identity of your credentials", self._session, self._lock, settings)
        arn = f"arn:{self.partition}:iam::{account}:role/{self._role}"
        with readable(
            f"The role {arn} must exist. Its trust policy must allow {ASSUME} to the identity of your "
            "credentials, and the policies of this identity must allow it, too. If the trust policy has a condition on "
            "sts:ExternalId, pass --external-id."
        ):
            credentials = self._sts.assume_role(RoleArn=arn, **self._request)["Credentials"]
            keys = {
                "aws_access_key_id": credentials["AccessKeyId"],
                "aws_secret_access_key": credentials["SecretAccessKey"],
                "aws_session_token": credentials["SessionToken"],
            }
        return Session(account, f"The role {arn}", self._session, self._lock, settings | keys)
