"""Files from an instance: logs of the agent, and the output of ``ssm-cli get-diagnostics``.

Source: https://github.com/aws/amazon-ssm-agent/blob/1c217c89b42d/agent/cli/clicommand/getdiagnostics.go
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ssm_profile.catalogue import AGENT_SOURCE, USER_GUIDE, VPC_ENDPOINTS
from ssm_profile.cli.denied import answer_denials, read_denials, read_source
from ssm_profile.cli.denied.log_lines import LINES_BY_NAME
from ssm_profile.cli.policy_files import name_of
from ssm_profile.cli.report import code
from ssm_profile.errors import InputError

from .checks import ENDPOINTS, Check, Result
from .diagnosis import check_data

_SSM_CLI = f"{USER_GUIDE}/troubleshooting-managed-nodes-using-ssm-cli.html"
_CHECKS = f"{AGENT_SOURCE}/agent/cli/diagnostics"
_AGENT_STATUS = f"{USER_GUIDE}/ssm-agent-status-and-restart.html"
_PROXY = f"{USER_GUIDE}/configure-proxy-ssm-agent.html"

_BORDER = "│"
_NEEDED = ("ssm", "ssmmessages")
"""The endpoints that every agent must reach."""
_NOTES = {endpoint.service: endpoint.note for endpoint in VPC_ENDPOINTS}

_FIXES: dict[str, tuple[str, tuple[str, ...]]] = {
    "EC2 IMDS": (
        "Turn on the instance metadata service. A firewall or a proxy can be the cause, too (169.254.169.254).",
        (_PROXY,),
    ),
    "AWS Credentials": ("Attach the instance profile of this component, and check the trust policy of its role.", ()),
    "Agent service": ("Start the agent.", (_AGENT_STATUS,)),
    "Windows sysprep image state": ("Complete Sysprep. The agent does not start before.", ()),
}
"""What to do if a check of ssm-cli fails, and sources."""

_UNREACHABLE_STS = re.compile(r"STS call timed out|Failed call sts endpoint: (?:RequestError|RequestCanceled)")
_LINE = LINES_BY_NAME["no instance profile"]


def read_log(source: str) -> dict[str, Any]:
    """What a file says, as plain data. Sentences are Markdown.

    Args:
        source: The path of a file, or ``-`` for standard input.

    Raises:
        InputError: If the file cannot be read, or if it contains nothing that is known.
    """
    text = read_source(source)
    rows, rest = read_diagnostics(text)
    checks = [_check(*row) for row in rows]
    try:
        denied = answer_denials(read_denials(rest))
    except InputError:
        denied = None
    if not checks and denied is None:
        raise InputError(
            f"--log: {name_of(source)} contains neither a denied call nor the output of `ssm-cli get-diagnostics`. "
            "Pass a log of the SSM Agent, or this output as JSON or as a table."
        )
    return {
        "file": name_of(source),
        "answer": _answer(name_of(source), checks, denied),
        "diagnostics": [check_data(each) for each in checks],
        "denied": denied,
    }


def read_diagnostics(text: str) -> tuple[list[tuple[str, str, str]], str]:
    """The checks of ``ssm-cli get-diagnostics`` in a text, as JSON or as a table, and the text without them.

    Each check has a name, a status and a note.
    """
    if found := re.search(r'\{\s*"DiagnosticsOutput"', text):
        try:
            value, end = json.JSONDecoder().raw_decode(text, found.start())
        except (ValueError, RecursionError):
            return [], text
        listed = value["DiagnosticsOutput"] if isinstance(value["DiagnosticsOutput"], list) else []
        rows = [
            (str(row["Check"]), str(row.get("Status", "")), str(row.get("Note", "")))
            for row in listed
            if isinstance(row, dict) and "Check" in row
        ]
        return rows, text[: found.start()] + text[end:]
    lines = text.splitlines()
    rest = "\n".join(line for line in lines if not line.lstrip().startswith((_BORDER, "┌", "├", "└")))
    rows = list(_table_rows(lines))
    return (rows, rest) if rows else ([], text)


def _table_rows(lines: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """The rows of a table. A line whose first cell is empty continues the note of the row before it."""
    row: tuple[str, str, str] | None = None
    for line in lines:
        cells = [cell.strip() for cell in line.strip().strip(_BORDER).split(_BORDER)] if _BORDER in line else []
        if len(cells) != 3 or cells[0] == "Check":  # noqa: PLR2004 - check, status, note
            continue
        if cells[0]:
            if row:
                yield row
            row = (cells[0], cells[1], cells[2])
        elif row:
            row = (row[0], row[1], f"{row[2]} {cells[2]}")
    if row:
        yield row


def _check(name: str, status: str, note: str) -> Check:
    """A check of ssm-cli, judged by what Systems Manager needs."""
    shown, sources = code(note), (_SSM_CLI, _CHECKS)
    if status == "Skipped":
        return Check(name, Result.SKIPPED, f"{shown}.")
    if name == "Hybrid instance registration":
        text = (
            f"{shown}. If this is an EC2 instance, the agent uses the role of the activation instead of the profile's."
        )
        return Check(name, Result.UNKNOWN, text, sources=sources)
    if status == "Success":
        return Check(name, Result.OK, f"{shown}.")
    service = match[1] if (match := re.fullmatch(r"Connectivity to (\S+) endpoint", name)) else ""
    if service and service not in _NEEDED:
        text = f"{shown}. It is not always needed. {_NOTES.get(service, '')}".strip()
        return Check(name, Result.UNKNOWN, text, sources=sources)
    if _UNREACHABLE_STS.search(note):
        text = f"{shown}. Only ssm-cli calls STS. Systems Manager does not, so this says nothing about the credentials."
        return Check(name, Result.UNKNOWN, text, sources=sources)
    return _failure(name, service, note)


def _failure(name: str, service: str, note: str) -> Check:
    """A check of ssm-cli that failed, and that must not."""
    if service:
        cause = f"the instance does not reach the endpoint {service}"
        fix = f"Check the VPC endpoint {service}, the route and the security groups: `ssm-profile diagnose INSTANCE`."
        return Check(name, Result.WRONG, f"{code(note)}.", cause=cause, fix=fix, sources=(ENDPOINTS, _CHECKS))
    if _LINE.pattern.search(note):
        cause, fix, sources = "no instance profile, or no role in it", _LINE.cause, _LINE.sources
    else:
        cause = f"{name} failed"
        fix, sources = _FIXES.get(name, ("See AWS's page about this check.", ()))
    return Check(name, Result.WRONG, f"{code(note)}.", cause=cause, fix=fix, sources=(*sources, _SSM_CLI, _CHECKS))


def _answer(file: str, checks: Sequence[Check], denied: Any) -> str:
    parts = list[str]()
    if checks:
        causes = [each.cause for each in checks if each.result is Result.WRONG]
        parts.append(f"ssm-cli reports: {'; '.join(causes)}." if causes else "ssm-cli reports nothing that is wrong.")
    if denied:
        count = sum(each["count"] for each in denied["answers"])
        parts.append(f"{count:,} denied call{'' if count == 1 else 's'}.")
    return f"{file}: {' '.join(parts)}"
