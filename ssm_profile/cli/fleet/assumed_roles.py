"""Clients of IAM for many accounts: the role of a name is assumed in each."""

import json
from threading import Lock
from typing import Any

import boto3

from ssm_profile.cli.aws_client import client, readable_errors

from .account import read_details
from .permissions import ASSUME, READ
from .requests import SETTINGS, readable

SESSION = "ssm-profile"
"""The name of the sessions, which CloudTrail shows."""

_READ_ONLY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": READ, "Resource": "*"}]})
"""The policy of the sessions. They cannot do anything else, whatever the role can."""


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
        with readable_errors("fleet", (ASSUME, READ)):
            self._sts = client("sts", config=SETTINGS)
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
            with readable(f"The identity of your credentials must have the permission {READ}."):
                return read_details(client("iam", config=SETTINGS))
        arn = f"arn:{self.partition}:iam::{account}:role/{self._role}"
        with readable(
            f"The role {arn} must exist. Its trust policy must allow {ASSUME} to the identity of your "
            "credentials, and the policies of this identity must allow it, too. If the trust policy has a condition on "
            "sts:ExternalId, pass --external-id."
        ):
            iam = self._client(arn)
        with readable(f"The role {arn} must have the permission {READ}."):
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
                config=SETTINGS,
            )
