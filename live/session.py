"""A Session Manager session that types and reads, with AWS's own session-manager-plugin.

The plugin is the only maintained implementation of the protocol by AWS. It needs a terminal, so it gets a
pseudo-terminal: https://github.com/aws/amazon-ssm-agent/issues/354
"""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass

from . import CheckError, SkippedError
from .account import Account

PLUGIN = "session-manager-plugin"
RESPONSE = "AWS_SSM_START_SESSION_RESPONSE"
"""The environment variable with StartSession's response, as the AWS CLI passes it: the token is in no process list."""
OLDEST_PLUGIN = (1, 2, 498)
"""The AWS CLI passes the response in the environment to later versions than 1.2.497.0."""
TYPED = 'echo "result-$((6*7))"'
PRINTED = "result-42"
"""What the instance prints. It differs from what is typed, which the terminal prints as well."""
_PROMPT = re.compile(r"[$#] $")


@dataclass(frozen=True)
class Session:
    """A session that has ended, and what it printed."""

    id: str
    text: str


def find_plugin() -> str:
    """The version of the plugin on PATH.

    Raises:
        SkippedError: If there is none, or if it is too old.
    """
    if not shutil.which(PLUGIN):
        raise SkippedError(f"{PLUGIN} is not on PATH. Install it to start a session.")
    printed = subprocess.run([PLUGIN, "--version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    version = printed.stdout.strip()
    if tuple(int(part) for part in re.findall(r"\d+", version)) < OLDEST_PLUGIN:
        raise SkippedError(
            f"{PLUGIN} {version} is older than {'.'.join(map(str, OLDEST_PLUGIN))}. Install a newer one."
        )
    return version


def type_and_read(account: Account, instance: str, document: str, seconds: float = 60) -> Session:
    """Start a session, type a command, read what it prints, and end the session.

    Args:
        account: The account.
        instance: The instance.
        document: The session document.
        seconds: How long to wait for the prompt, and for the output.

    Raises:
        SkippedError: If there is no plugin.
        CheckError: If the instance does not print the result.
    """
    find_plugin()
    ssm = account.client("ssm")
    request = {"Target": instance, "DocumentName": document}
    response = ssm.start_session(**request)
    parts = {name: response[name] for name in ("SessionId", "TokenValue", "StreamUrl")}
    command = [
        PLUGIN, RESPONSE, account.location["region"], "StartSession", os.environ.get("AWS_PROFILE", ""),
        json.dumps(request), ssm.meta.endpoint_url,
    ]  # fmt: skip
    try:
        return Session(parts["SessionId"], _talk(command, {RESPONSE: json.dumps(parts)}, seconds))
    finally:
        ssm.terminate_session(SessionId=parts["SessionId"])


def check_session(account: Account, instance: str, document: str) -> str:
    """Check that a session types and reads."""
    type_and_read(account, instance, document)
    return f"it printed {PRINTED}"


def _talk(command: list[str], environment: Mapping[str, str], seconds: float) -> str:
    master, slave = pty.openpty()
    with subprocess.Popen(  # noqa: S603 - this module defines the command
        command, stdin=slave, stdout=slave, stderr=slave, env=os.environ | environment, start_new_session=True
    ) as plugin:
        os.close(slave)
        try:
            text = _read_until(master, _PROMPT, seconds)
            os.write(master, f"{TYPED}\n".encode())
            text += _read_until(master, re.compile(PRINTED), seconds)
            os.write(master, b"exit\n")
            plugin.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise CheckError(f"the session did not end within {seconds:.0f} s after `exit`") from error
        finally:
            plugin.kill()
            os.close(master)
    return text


def _read_until(terminal: int, expected: re.Pattern[str], seconds: float) -> str:
    text, end = "", time.monotonic() + seconds
    while not expected.search(text):
        ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
        try:
            data = os.read(terminal, 4096) if ready else b""
        except OSError:  # Linux reports the end of the other side in this way
            data = b""
        if not data:
            reason = f"nothing within {seconds:.0f} s" if not ready else "the session ended"
            raise CheckError(f"{reason}, after {text[-200:]!r}")
        text += data.decode(errors="replace")
    return text
