"""Clients of AWS whose calls a test answers itself, and time that does not pass."""

from threading import Lock

import boto3
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from tests.live.emulated import CREDENTIALS


class Answers:
    """Answers for each operation, in this order. The last one is given again. AWS's own shapes check each."""

    def __init__(self, service, **operations):
        self._client = boto3.client(service, **CREDENTIALS)
        self._service = service
        self.meta = self._client.meta
        self.operations = {name: list(answers) for name, answers in operations.items()}
        self.requests = []
        self._lock = Lock()

    def __getattr__(self, operation):
        return lambda **request: self._locked_answer(operation, request)

    def names(self):
        """The operations that were called."""
        return [name for name, _ in self.requests]

    def can_paginate(self, operation):
        return self._client.can_paginate(operation)

    def get_paginator(self, operation):
        """The paginator of botocore, over these answers."""
        paginator = self._client.get_paginator(operation)
        paginator._method = getattr(self, operation)
        return paginator

    def _locked_answer(self, operation, request):
        with self._lock:  # a Stubber has one list of answers for all threads
            return self._answer(operation, request)

    def _answer(self, operation, request):
        self.requests.append((operation, request))
        answers = self.operations[operation]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, BaseException):
            raise answer
        with Stubber(self._client) as stubber:
            stubber.add_response(operation, answer, request)
            return getattr(self._client, operation)(**request)


def refusal(code, operation, message="Details."):
    """An error of AWS's API."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)
