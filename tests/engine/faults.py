"""Faults between the provider and the emulated AWS: calls that are refused, whose answers get lost, or that kill."""

import io
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

Answer = Callable[[Any], Iterable[bytes]]
"""What AWS does and answers; its argument is WSGI's start_response."""

Fault = Callable[[Answer, Any], Iterable[bytes]]
"""What happens in place of an answer."""


class Wire:
    """What passes between the provider and the emulated AWS: writes down each call, and breaks those that a test names.

    `faults` is asked about each call, by its name (such as iam:CreateRole) and its number among those of that name,
    from 1 on; it gives a fault, or None where the call is to pass.
    """

    def __init__(self, aws):
        self.calls: list[str] = []
        self.clear()
        self._passed_on = aws._server.app
        self._counting = threading.Lock()
        aws._server.app = self

    def clear(self):
        """Let everything pass, and forget what has passed."""
        self.calls.clear()
        self.faults = lambda _call, _number: None

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        call = name_of(environ, body)
        with self._counting:
            self.calls.append(call)
            fault = self.faults(call, self.calls.count(call))

        def answer(start):
            return list(self._passed_on(environ, start))

        return fault(answer, start_response) if fault else answer(start_response)


def name_of(environ, body):
    """A call as IAM policies name it: iam:CreateRole."""
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split(",")[0].split("/")
    service = scope[3] if len(scope) > 3 else "none"
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    (action,) = parse_qs(body.decode("latin1")).get("Action", [target or environ["PATH_INFO"]])
    return f"{service}:{action}"


def refused(status: str, code: str, message: str) -> Fault:
    """AWS answers with an error, in the form that all of IAM, STS and EC2 understand, and does nothing."""
    error = f"<Error><Type>Receiver</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    root = f"<ErrorResponse>{error}<Errors>{error}</Errors><RequestId>0</RequestId></ErrorResponse>"

    def fault(_answer, start_response):
        start_response(status, [("Content-Type", "text/xml")])
        return [root.encode()]

    return fault


throttled = refused("400 Bad Request", "Throttling", "Rate exceeded")
unavailable = refused("503 Service Unavailable", "ServiceUnavailable", "Service is unable to handle request.")
_failed = refused("500 Internal Server Error", "InternalFailure", "The request processing has failed.")


def lost(answer, start_response):
    """AWS does what it was asked, and answers with an error all the same."""
    with suppress(Exception):  # moto's, when it is to remove for a second time what it has removed
        answer(lambda *_: None)
    return _failed(answer, start_response)


REFUSALS = {"throttled": throttled, "unavailable": unavailable, "lost": lost}
CODES = {"throttled": "Throttling", "unavailable": "ServiceUnavailable", "lost": "InternalFailure"}


def killed(find: Callable[[], int], *, before: bool) -> Fault:
    """A process gets SIGKILL when the call arrives, before or after AWS does what it is asked; the answer is lost."""

    def fault(answer, start_response):
        if not before:
            answer(lambda *_: None)
        pid = find()
        os.kill(pid, signal.SIGKILL)
        while _is_alive(pid):
            time.sleep(0.01)
        return _failed(answer, start_response)

    return fault


def engine():
    """The process of the Pulumi engine that this process has started."""
    (found,) = [pid for pid, command in children(os.getpid()) if Path(command.split()[0]).name == "pulumi"]
    return found


def provider():
    """The provider's process, which the engine has started."""
    (found,) = [
        pid for pid, command in children(engine()) if "resource-aws" in command or "sandbox.provider" in command
    ]
    return found


def children(parent):
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], text=True, capture_output=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    return [(int(pid), command) for pid, ppid, command in rows if int(ppid) == parent]


def _is_alive(pid):
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], text=True, capture_output=True, check=False).stdout
    return bool(state) and not state.startswith("Z")
