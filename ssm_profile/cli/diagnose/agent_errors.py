"""Errors in a log of the SSM Agent that are no denied calls, above all failures of the network.

Sources: the format in agent/hibernation/hibernatelogger_unix.go of https://github.com/aws/amazon-ssm-agent, and the
logs in its issues 109, 226, 292, 312, 381 and 432.
"""

import re
from collections.abc import Iterator
from typing import Any

from ssm_profile.cli.report import code

_START = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d+)? (?P<level>TRACE|DEBUG|INFO|WARN|ERROR|CRITICAL) ", re.ASCII
)
"""The beginning of an entry. The journal puts its own time before it."""
_AGENT = re.compile(
    r"ssm|HealthCheck|Health ping|Message(?:Gateway|ingDelivery)?Service|EC2Identity|EC2RoleProvider|hibernate mode"
    r"|Backing off health check|Agent failed to assume any identity",
    re.IGNORECASE,
)
"""Words of the agent. Other programs write entries of this form, too."""
_CONNECTION = re.compile(
    r"i/o timeout|no such host|x509: |proxyconnect|connection (?:refused|reset|timed out)|network is unreachable"
    r"|no route to host|TLS handshake|context deadline exceeded|Client\.Timeout|server misbehaving"
    r"|RequestError: send request failed|tls: failed to verify|Proxy Authentication Required"
    r'|(?:Get|Post|Put) "?https?://\S+: (?:unexpected )?EOF\b|connectex: |getaddrinfow: |wsarecv: |wsasend: '
    r"|actively refused",
    re.IGNORECASE,
)
"""Errors of Go's network library, also those of Windows, and of the AWS SDK for Go."""
_GIVES_UP = re.compile(
    r"Entering SSM Agent hibernate|(?:enters|is in) hibernate mode|Backing off health check"
    r"|Failed to connect to Systems Manager|failed to register identity|Agent failed to assume any identity",
    re.IGNORECASE,
)
"""What the agent says when it stops trying for a while. It says so as INFO or as WARN."""
_LENGTH_OF_TIME = len("2006-01-02 15:04:05")
_PASSWORD = re.compile(r"//[^/\s@]+@")
"""The name and the password in the URL of a proxy."""

_MOST_READ = 2000
"""How many characters of an entry are read. Stack traces can follow it."""
_MOST_SHOWN = 300
"""How many characters of an entry are shown."""
_MOST_OF_REASON = 120
"""How many of them are from the words about the network, where these come late."""

_CLOCK = "AWS refused the signature of the agent. Check the clock of the instance, then its credentials."
_CONNECTED = re.compile(r"Set up control channel successfully|Successfully connected with instance profile role")
"""What the agent says when it works."""
_REASONS: tuple[tuple[str, str], ...] = (
    (r"Signature expired|Signature not yet current|SignatureDoesNotMatch|RequestExpired", _CLOCK),
    (
        r"InvalidInstanceId|Not existing InstanceId",
        "Systems Manager does not know the ID of the instance. Register a hybrid node again.",
    ),
    (
        r"MachineFingerprintDoesNotMatch",
        "The machine is not the one that was registered. It can be a copy, or its hardware changed. Register it again.",
    ),
    (
        r"ExpiredToken",
        "The credentials of the agent have expired. Check the clock of the instance, and restart the agent.",
    ),
    (
        r"UnrecognizedClientException|InvalidClientTokenId",
        "AWS does not accept the credentials of the agent. Check them, and whether the account has enabled the region.",
    ),
    (r"ThrottlingException|Rate exceeded", "AWS limits the rate of the calls. The agent tries again by itself."),
    (
        r"failed to register identity|Agent failed to assume any identity",
        "The agent has no credentials. Check the instance: `ssm-profile diagnose INSTANCE`.",
    ),
    (
        _GIVES_UP.pattern,
        "The agent hibernates. amazon-ssm-agent.log says why. Check the instance: `ssm-profile diagnose INSTANCE`.",
    ),
)
"""Words of errors that are not about the network, and what to do. The first that an entry contains counts."""

_FIX = (
    "The agent did not reach a service. Check the network of the instance: `ssm-profile diagnose INSTANCE`. That "
    "command does not check proxies and certificates on the instance."
)


def read_errors(text: str) -> dict[str, Any] | None:
    """The entries with errors, as plain data: their number, the first, and what to do. None if no agent wrote the log.

    Args:
        text: The log. A failure of the network and the beginning of a hibernation count at each level, since the agent
            logs them as INFO, too.
    """
    count, connections, is_agent, last, is_connected = 0, 0, False, "", False
    first, first_connection, first_reason, advice = "", "", "", len(_REASONS)
    for level, entry in _entries(text):
        is_agent = is_agent or bool(_AGENT.search(entry))
        if is_connection := bool(_CONNECTION.search(entry)):
            connections, first_connection = connections + 1, first_connection or entry
        if is_connection or level in ("ERROR", "CRITICAL") or _GIVES_UP.search(entry):
            count, first = count + 1, first or entry
            last, is_connected = entry[:_LENGTH_OF_TIME], False
            if (rank := _reason_of(entry)) < advice:
                advice, first_reason = rank, entry
        elif _CONNECTED.search(entry):
            is_connected = True
    if not (count or is_agent):
        return None
    shown = first_connection or first_reason or first
    fix = _REASONS[advice][1] if first_reason else None
    return {
        "count": count,
        "connectionFailures": connections,
        "first": code(_excerpt(_PASSWORD.sub("//...@", " ".join(shown.split())))) if shown else None,
        "last": last or None,
        "connectedAfter": is_connected if count else None,
        "fix": _FIX if connections else fix,
    }


def _excerpt(entry: str) -> str:
    """What is shown of an entry: its beginning, and what it says about the network."""
    words = max(_CONNECTION.finditer(entry), key=lambda found: found.start(), default=None)  # Go says the reason last
    if words is None or words.end() <= _MOST_SHOWN:
        return entry[:_MOST_SHOWN]
    return f"{entry[: _MOST_SHOWN - _MOST_OF_REASON]} ... {entry[words.start() :][:_MOST_OF_REASON]}"


def _reason_of(entry: str) -> int:
    """The place of the first of the known reasons that an entry contains."""
    found = (place for place, (words, _) in enumerate(_REASONS) if re.search(words, entry, re.IGNORECASE))
    return next(found, len(_REASONS))


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """The level and the text of each entry. Lines without a level continue the entry above."""
    level, entry = "", ""
    for line in text.splitlines():
        if start := _START.search(line):
            if level:
                yield level, entry
            level, entry = start["level"], line[start.start() :][:_MOST_READ]
        elif level and len(entry) < _MOST_READ:
            entry = f"{entry} {line.strip()}"[:_MOST_READ]
    if level:
        yield level, entry
