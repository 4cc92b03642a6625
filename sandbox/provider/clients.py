"""boto3 clients of the emulated AWS."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config

RETRIES = 7
"""How often a call that AWS throttles, or that fails on its side, is tried again, unless the provider's config says."""


class Clients:
    """Gives the client of a service, as in ``clients("iam")``; each is made once, when it is first asked for.

    Args:
        endpoint: The URL of the emulated AWS.
        region: The region of all of them.
        assume_roles: Roles to assume first, one with the credentials of the other: ``[{"roleArn": "arn:..."}]``.
        retries: How often a call is tried again.
    """

    def __init__(
        self, endpoint: str, region: str, assume_roles: Sequence[Mapping[str, str]] = (), retries: int = RETRIES
    ) -> None:
        self.endpoint = endpoint
        self.config = Config(retries={"mode": "standard", "total_max_attempts": retries + 1})
        self.session = boto3.Session(region_name=region)
        self._made: dict[str, Any] = {}
        self._making = threading.Lock()  # boto3's sessions are not safe for threads
        for role in assume_roles:
            self.session = self._assumed(region, role)
            self._made.clear()

    def __call__(self, service: str) -> Any:
        """The client of a service."""
        with self._making:
            if service not in self._made:
                self._made[service] = self.session.client(service, endpoint_url=self.endpoint, config=self.config)
            return self._made[service]

    def _assumed(self, region: str, role: Mapping[str, str]) -> boto3.Session:
        request = {"RoleArn": role["roleArn"], "RoleSessionName": role.get("sessionName") or "pulumi"}
        found = self("sts").assume_role(**request)["Credentials"]
        return boto3.Session(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], region)
