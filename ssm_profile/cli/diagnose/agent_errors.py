"""Errors in a log of the SSM Agent that are no denied calls, above all failures of the network.

Sources: the format in agent/hibernation/hibernatelogger_unix.go of https://github.com/aws/amazon-ssm-agent, and the
logs in its issues 226, 292, 312 and 432.
"""

import re
from collections.abc import Iterator
from typing import Any

from ssm_profile.cli.report import code

_START = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d+)? (?P<level>TRACE|DEBUG|INFO|WARN|ERROR|CRITICAL) ", re.ASCII
)
"""The beginning of an entry. The journal puts its own time before it."""
_AGENT = re.compile(r"ssm|HealthCheck|Health ping|Message(?:Gateway|ingDelivery)?Service|EC2Identity", re.IGNORECASE)
"""Words of the agent. Other programs write entries of this form, too."""
_CONNECTION = re.compile(
    r"i/o timeout|no such host|x509: |proxyconnect|connection (?:refused|reset|timed out)|network is unreachable"
    r"|no route to host|TLS handshake|context deadline exceeded|Client\.Timeout|server misbehaving"
    r"|RequestError: send request failed"
)
"""Errors of Go's network library, and of the AWS SDK for Go."""
_PASSWORD = re.compile(r"//[^/\s@]+@")
"""The name and the password in the URL of a proxy."""

_MOST_CHARACTERS = 300
"""How much of an entry is kept. Stack traces can follow it."""

_FIX = (
    "The agent did not reach a service. Check the network of the instance: `ssm-profile diagnose INSTANCE`. That "
    "command does not check proxies and certificates on the instance."
)


def read_errors(text: str) -> dict[str, Any] | None:
    """The entries with errors, as plain data: their number, the first, and what to do. None if no agent wrote the log.

    Args:
        text: The log. A failure of the network counts at each level, since an agent that hibernates logs it as INFO.
    """
    count, connections, first, first_connection, is_agent = 0, 0, "", "", False
    for level, entry in _entries(text):
        is_agent = is_agent or bool(_AGENT.search(entry))
        if is_connection := bool(_CONNECTION.search(entry)):
            connections, first_connection = connections + 1, first_connection or entry
        if is_connection or level in ("ERROR", "CRITICAL"):
            count, first = count + 1, first or entry
    if not (count or is_agent):
        return None
    shown = first_connection or first
    return {
        "count": count,
        "connectionFailures": connections,
        "first": code(_PASSWORD.sub("//...@", " ".join(shown.split()))) if shown else None,
        "fix": _FIX if connections else None,
    }


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """The level and the text of each entry. Lines without a level continue the entry above."""
    level, entry = "", ""
    for line in text.splitlines():
        if start := _START.search(line):
            if level:
                yield level, entry
            level, entry = start["level"], line[start.start() :][:_MOST_CHARACTERS]
        elif level and len(entry) < _MOST_CHARACTERS:
            entry = f"{entry} {line.strip()}"[:_MOST_CHARACTERS]
    if level:
        yield level, entry
