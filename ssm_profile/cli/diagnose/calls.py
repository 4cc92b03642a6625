"""Calls of AWS's API, each made once. A call that fails is a fact that could not be read."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's name
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)
from botocore.parsers import ResponseParserError

from ssm_profile.cli.aws_client import NO_CREDENTIALS, REFUSALS, SIGN_IN, missing_credentials, refused_credentials
from ssm_profile.errors import CredentialsError, InputError

from .facts import Unread

_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")

_NECESSARY = ("ec2", "ssm")
"""The services without which nothing can be said."""

Clients = Callable[[str], Any]
"""Gives the client of a service."""


class Calls:
    """Calls of one region."""

    def __init__(self, create: Clients, where: str) -> None:
        """Set up the calls.

        Args:
            create: Gives the client of a service.
            where: The region, for messages.
        """
        self._where = where
        self._create = create
        self._clients: dict[str, Any] = {}
        self._answers: dict[str, Any] = {}
        self._unreachable: dict[str, Unread] = {}

    def _pages(self, service: str, operation: str, key: str, **arguments: Any) -> list[Any] | Unread:
        """The rows of all pages of an answer."""

        def call(of_service: Any) -> list[Any]:
            pages: Iterator[Mapping[str, Any]] = of_service.get_paginator(operation).paginate(**arguments)
            return [row for page in pages for row in page[key]]

        return self._once(f"{operation} {json.dumps(arguments)}", service, call)

    def _ask(self, service: str, operation: str, **arguments: Any) -> Any:
        return self._once(
            f"{operation} {json.dumps(arguments)}", service, lambda of: getattr(of, operation)(**arguments)
        )

    def _once(self, question: str, service: str, call: Callable[[Any], Any]) -> Any:
        if question not in self._answers:
            self._answers[question] = self._called(service, call)
        return self._answers[question]

    def _called(self, service: str, call: Callable[[Any], Any]) -> Any:
        """The answer of a call, or why there is none.

        Raises:
            CredentialsError: If AWS refuses the credentials, so that no call can succeed.
        """
        if service in self._unreachable:
            return self._unreachable[service]
        of_service = self._client(service)
        try:
            return call(of_service)
        except (KeyError, ResponseParserError):
            text = f"The answer of `{service}` is not AWS's. Check AWS_ENDPOINT_URL and the settings of your proxy."
            return Unread("", is_denied=False, message=text)
        except InputError as error:  # a document that IAM would refuse
            return Unread("", is_denied=False, message=f"A policy cannot be judged: {error}")
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
            if code in REFUSALS or error.operation_name in SIGN_IN:
                raise self._refused(error) from None
            if code == "OptInRequired" and service in _NECESSARY:
                raise CredentialsError(
                    f"The region {self._where} is not enabled for the account, or the account has not signed up for "
                    f"{service} ({code}: {message}). Enable it, or pass another region with --region."
                ) from None
            return Unread(f"{service}:{error.operation_name}", code in _DENIED, f"{code}: {message}")
        except NO_CREDENTIALS as error:
            raise missing_credentials(error) from None
        except (ConnectionError, HTTPClientError) as error:
            unread = Unread("", is_denied=False, message=f"The service `{service}` cannot be reached: {error}")
            if isinstance(error, EndpointConnectionError | ConnectTimeoutError):  # not a time-out of one answer
                self._unreachable[service] = unread
            return unread

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            try:
                self._clients[service] = self._create(service)
            except ClientError as error:  # the SDK asks for credentials
                raise self._refused(error) from None
            except NO_CREDENTIALS as error:
                raise missing_credentials(error) from None
        return self._clients[service]

    def _refused(self, error: ClientError) -> CredentialsError:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        return refused_credentials(
            code,
            f"{code}: {message}".rstrip("."),
            f"They are wrong, or the region {self._where} is not enabled for the account. Check them with `aws sts "
            "get-caller-identity`, and the region with `aws account get-region-opt-status --region-name "
            f"{self._where}`.",
        )
