"""Faults between the provider and the emulated AWS: error responses, lost responses and killed processes."""

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

Handler = Callable[[Any], Iterable[bytes]]
"""Handles one call to AWS and returns the response. Its argument is WSGI's start_response."""

Fault = Callable[[Handler, Any], Iterable[bytes]]
"""Replaces the handling of one call. Its arguments are the call's handler and WSGI's start_response."""


class FaultInjector:
    """Stands between the provider and the emulated AWS, records each call, and breaks the calls that a test names.

    Attributes:
        calls: The calls since the last reset, each as IAM policies name it: iam:CreateRole.
        fault_for: Chooses the fault of a call from its name and its number among the calls of that name, from 1. It
            returns None if the call must succeed.
        on_handled: Is called with the name of each call after AWS has handled it, before the next one is handled.
    """

    def __init__(self, aws):
        self.calls: list[str] = []
        self.on_handled: Callable[[str], None] = lambda _call: None
        self.reset()
        self._application = aws._server.app
        self._lock = threading.Lock()
        aws._server.app = self

    def reset(self):
        """Forget the recorded calls, and let all further calls succeed."""
        self.calls.clear()
        self.fault_for: Callable[[str, int], Fault | None] = lambda _call, _number: None

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        call = action_name(environ, body)
        with self._lock:
            self.calls.append(call)
            fault = self.fault_for(call, self.calls.count(call))

        def handler(start):
            with self._lock:
                response = list(self._application(environ, start))
                self.on_handled(call)
            return response

        return fault(handler, start_response) if fault else handler(start_response)


def action_name(environ, body):
    """The name of a call in IAM policies: iam:CreateRole."""
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split(",")[0].split("/")
    service = scope[3] if len(scope) > 3 else "none"
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    (action,) = parse_qs(body.decode("latin1")).get("Action", [target or environ["PATH_INFO"]])
    return f"{service}:{action}"


def error_response(status: str, code: str, message: str) -> Fault:
    """A fault in which AWS does nothing and returns an error. IAM, STS and EC2 all use this form of an error."""
    error = f"<Error><Type>Receiver</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    root = f"<ErrorResponse>{error}<Errors>{error}</Errors><RequestId>0</RequestId></ErrorResponse>"

    def fault(_handler, start_response):
        start_response(status, [("Content-Type", "text/xml")])
        return [root.encode()]

    return fault


throttling = error_response("400 Bad Request", "Throttling", "Rate exceeded")
service_unavailable = error_response(
    "503 Service Unavailable", "ServiceUnavailable", "Service is unable to handle request."
)
internal_failure = error_response("500 Internal Server Error", "InternalFailure", "The request processing has failed.")


def lost_response(handler, start_response):
    """A fault in which AWS handles the call, but the caller receives an error."""
    with suppress(Exception):  # moto raises one if a retry deletes what the first call has already deleted
        handler(lambda *_: None)
    return internal_failure(handler, start_response)


FAULTS = {"throttling": throttling, "unavailable": service_unavailable, "lost response": lost_response}
ERROR_CODES = {"throttling": "Throttling", "unavailable": "ServiceUnavailable", "lost response": "InternalFailure"}


def process_kill(find_pid: Callable[[], int], *, before: bool) -> Fault:
    """A fault in which a process gets SIGKILL when a call arrives.

    Args:
        find_pid: Returns the ID of the process to kill.
        before: Whether the process dies before AWS handles the call, or after it. The response is lost in both cases.
    """

    def fault(handler, start_response):
        if not before:
            handler(lambda *_: None)
        pid = find_pid()
        os.kill(pid, signal.SIGKILL)
        while _is_alive(pid):
            time.sleep(0.01)
        return internal_failure(handler, start_response)

    return fault


def engine_pid():
    """The process ID of the Pulumi engine that this process has started."""
    (engine,) = [pid for pid, command in child_processes(os.getpid()) if Path(command.split()[0]).name == "pulumi"]
    return engine


def provider_pid():
    """The process ID of the provider that the engine has started."""
    (provider,) = [
        pid
        for pid, command in child_processes(engine_pid())
        if "resource-aws" in command or "sandbox.provider" in command
    ]
    return provider


def child_processes(parent):
    """The ID and command line of each child of a process."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], text=True, capture_output=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listing.splitlines()]
    return [(int(pid), command) for pid, ppid, command in rows if int(ppid) == parent]


def _is_alive(pid):
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], text=True, capture_output=True, check=False).stdout
    return bool(state) and not state.startswith("Z")
