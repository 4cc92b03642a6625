"""boto3 clients for the emulated AWS."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config

RETRIES = 7
"""How often boto3 retries a call that AWS throttles or that fails in AWS. `aws:maxRetries` overrides it."""


class Clients:
    """The boto3 clients of one provider: ``clients("iam")`` returns IAM's. Each is created when it is first used.

    Args:
        endpoint: The URL of the emulated AWS.
        region: The region of all clients.
        assume_roles: A chain of roles to assume, each with the credentials of the previous one:
            ``[{"roleArn": "arn:..."}]``.
        retries: How often boto3 retries a call.
    """

    def __init__(
        self, endpoint: str, region: str, assume_roles: Sequence[Mapping[str, str]] = (), retries: int = RETRIES
    ) -> None:
        self.endpoint = endpoint
        self.config = Config(retries={"mode": "standard", "total_max_attempts": retries + 1})
        self.session = boto3.Session(region_name=region)
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()  # boto3's sessions are not thread-safe
        for role in assume_roles:
            self.session = self._assume_role(region, role)
            self._clients.clear()

    def __call__(self, service: str) -> Any:
        """The client of a service."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self.session.client(service, endpoint_url=self.endpoint, config=self.config)
            return self._clients[service]

    def _assume_role(self, region: str, role: Mapping[str, str]) -> boto3.Session:
        request = {"RoleArn": role["roleArn"], "RoleSessionName": role.get("sessionName") or "pulumi"}
        credentials = self("sts").assume_role(**request)["Credentials"]
        return boto3.Session(
            credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"], region
        )
