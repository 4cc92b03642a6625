"""Files from an instance: logs of the agent, and the output of ``ssm-cli get-diagnostics``.

Source: https://github.com/aws/amazon-ssm-agent/blob/1c217c89b42d/agent/cli/clicommand/getdiagnostics.go
"""

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ssm_profile.catalogue import AGENT_SOURCE, USER_GUIDE, VPC_ENDPOINTS
from ssm_profile.cli.denied import answer_denials, read_denials, read_source
from ssm_profile.cli.denied.log_lines import LINES_BY_NAME
from ssm_profile.cli.policy_files import STDIN, name_of
from ssm_profile.cli.report import code
from ssm_profile.errors import InputError, TooLongError

from .agent_errors import read_errors
from .checks import ENDPOINTS, Check, Result
from .diagnosis import check_data

_SSM_CLI = f"{USER_GUIDE}/troubleshooting-managed-nodes-using-ssm-cli.html"
_CHECKS = f"{AGENT_SOURCE}/agent/cli/diagnostics"
_AGENT_STATUS = f"{USER_GUIDE}/ssm-agent-status-and-restart.html"
_PROXY = f"{USER_GUIDE}/configure-proxy-ssm-agent.html"


class Row(NamedTuple):
    """A row of an output: a check, its status and its note."""

    check: str
    status: str
    note: str


_CUT_OFF = Row("ssm-cli get-diagnostics", "", "")
"""Stands for an output that is not complete."""

_LOST = Row("ssm-cli get-diagnostics", "lost", "")
"""Stands for a table whose borders are lost."""

_ABOUT_LOST = (
    "Its borders were lost when it was saved, as PowerShell does it. Save it as JSON: "
    "`ssm-cli get-diagnostics --output json > diagnostics.json`."
)
_TABLE = re.compile(r"^[^\w\n]{0,20}(?:\w{1,4}[^\w\n]{1,20})?EC2 IMDS\s.*(?:Success|Failed|Skipped)", re.MULTILINE)
"""A row of a table, whatever its borders are."""

_UNREAD_ROWS = {
    _CUT_OFF: "The output is cut off, so it was not read. Save it again.",
    _LOST: f"The output is a table. {_ABOUT_LOST}",
}
"""What stands for outputs that are not read, and why they are not."""

_BORDER = "│"
_NEEDED = ("ssm", "ssmmessages")
"""The endpoints that every agent must reach."""
_NOTES = {endpoint.service: endpoint.note for endpoint in VPC_ENDPOINTS}

NECESSARY = (
    "EC2 IMDS",
    *(f"Connectivity to {service} endpoint" for service in _NEEDED),
    "AWS Credentials",
    "Agent service",
)
"""The checks without which an output does not show that nothing is wrong."""

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
_HARMLESS = re.compile(r"Credentials are for \S+ but failed to get|Agent service is running but")
"""Notes of failures that show that the credentials are there, or that the agent runs."""

_OPENING = re.compile(r'\{\s*"DiagnosticsOutput"\s*:')
_PASSWORD = re.compile(r"//[^/\s@]+@")
"""The name and the password in the URL of a proxy."""

_PROXY_SETTING = re.compile(r"\bhttps?_proxy[:=][ \t]*(?!NULL\b)[^\s\"']|proxyconnect ", re.IGNORECASE)
"""A proxy in a log of the agent, in a note of ssm-cli, or in the environment. An agent without one logs the name only.

Source: https://github.com/aws/amazon-ssm-agent/issues/571"""
_INSTANCE = re.compile(r"\bi-[0-9a-f]{17}\b|\bi-[0-9a-f]{8}\b")

_MOST_FAILURES = 50
"""How many outputs that are cut off are read."""

_LINE = LINES_BY_NAME["no instance profile"]
_NO_CREDENTIALS = (_LINE.name, LINES_BY_NAME["no default host management"].name)
"""The known lines that are about no denied call: the agent has no credentials."""


def read_log(source: str) -> dict[str, Any]:
    """What a file says, as plain data. Sentences are Markdown.

    Args:
        source: The path of a file, or ``-`` for standard input.

    Raises:
        InputError: If the file cannot be read, or if it contains nothing that is known.
    """
    text = _text_of(source)
    outputs, rest = read_diagnostics(text)
    if not outputs and _TABLE.search(rest):
        outputs = [[_LOST]]
    checks = [_checks_of(rows) for rows in outputs]
    try:
        denied = answer_denials(read_denials(rest))
    except InputError:
        denied = None
    errors = read_errors(rest)
    if denied is None and errors is None and all(rows in ([_CUT_OFF], [_LOST]) for rows in outputs):
        name = name_of(source)
        if outputs == [[_LOST]]:
            raise InputError(f"--log: {name} looks like a table of `ssm-cli get-diagnostics`. {_ABOUT_LOST}")
        raise InputError(
            f"--log: {name} is neither a log of the SSM Agent nor the output of `ssm-cli get-diagnostics`. "
            "Pass a log of the SSM Agent, or this complete output as JSON or as a table."
        )
    return {
        "file": name_of(source),
        "answer": _answer(code(name_of(source)), checks, denied, errors),
        "diagnostics": [
            check_data(each) | {"output": number} for number, listed in enumerate(checks, 1) for each in listed
        ],
        "denied": denied,
        "errors": errors,
        "proxyOf": sorted({*_INSTANCE.findall(text)}) if _has_proxy(outputs, rest) else None,
    }


def _text_of(source: str) -> str:
    """The text of a file.

    Raises:
        InputError: If it cannot be read or is too long.
    """
    try:
        text = read_source(source)
    except TooLongError as error:
        raise InputError(f"--log: {error} Pass its last lines: `{_last_lines(source)}`.") from None
    # UTF-16 without a byte order mark, of which ASCII is every second byte.
    return text.replace("\0", "") if text.count("\0") > len(text) // 3 else text


def _last_lines(source: str) -> str:
    """The command that passes the last lines of a file."""
    path = "amazon-ssm-agent.log" if source == STDIN else shlex.quote(source)
    tail = f"zcat {path} | tail -n 20000" if path.endswith(".gz") else f"tail -n 20000 {path}"
    return f"{tail} | ssm-profile diagnose --log -"


def _has_proxy(outputs: Iterable[Iterable[Row]], rest: str) -> bool:
    """Whether the agent has a proxy, by the outputs of ssm-cli or by the text of a log."""
    notes = (row.note for rows in outputs for row in rows)
    return any(_PROXY_SETTING.search(each) for each in (*notes, rest))


def read_diagnostics(text: str) -> tuple[list[list[Row]], str]:
    """The outputs of ``ssm-cli get-diagnostics`` in a text, each as JSON or as a table, and the text without them."""
    outputs, rest, position, failures = list[list[Row]](), list[str](), 0, 0
    while (found := _OPENING.search(text, position)) and failures < _MOST_FAILURES:
        tables, other = _read_tables(text[position : found.start()])
        outputs += tables
        rest.append(other)
        try:
            value, position = json.JSONDecoder().raw_decode(text, found.start())
        except (ValueError, RecursionError):
            failures, position = failures + 1, found.end()
            outputs.append([_CUT_OFF])
            continue
        if rows := _json_rows(value["DiagnosticsOutput"]):
            outputs.append(rows)
    tables, other = _read_tables(text[position:])
    return outputs + tables, "\n".join([*rest, other])


def _json_rows(listed: Any) -> list[Row]:
    return [
        Row(str(row["Check"]), str(row.get("Status", "")), str(row.get("Note", "")))
        for row in (listed if isinstance(listed, list) else [])
        if isinstance(row, dict) and "Check" in row
    ]


def _read_tables(text: str) -> tuple[list[list[Row]], str]:
    """The tables in a text, and the text without them. A line whose first cell is empty continues the note above."""
    lines, tables = text.splitlines(), list[list[Row]]()
    for line in lines:
        cells = [cell.strip() for cell in line.strip().strip(_BORDER).split(_BORDER)] if _BORDER in line else []
        if len(cells) != 3:  # noqa: PLR2004 - check, status, note
            continue
        if cells[0] == "Check":
            tables.append([])
        elif cells[0]:
            tables = tables or [[]]
            tables[-1].append(Row(*cells))
        elif tables and tables[-1]:
            last = tables[-1].pop()
            tables[-1].append(last._replace(note=f"{last.note} {cells[2]}"))
    found = [rows for rows in tables if rows]
    rest = [line for line in lines if not line.lstrip().startswith((_BORDER, "┌", "├", "└"))]
    return (found, "\n".join(rest)) if found else ([], text)


def _checks_of(rows: Sequence[Row]) -> list[Check]:
    """The checks of an output. A row that is not one of ssm-cli's own checks says that the output is cut off."""
    return [Check(row.check, Result.UNREAD, _UNREAD_ROWS[row]) if row in _UNREAD_ROWS else _check(*row) for row in rows]


def _check(name: str, status: str, note: str) -> Check:
    """A check of ssm-cli, judged by what Systems Manager needs."""
    shown = code(_PASSWORD.sub("//...@", note))
    if status == "Skipped":
        return Check(name, Result.SKIPPED, f"{shown}.")
    if why := _why_unknown(name, status, note):
        return Check(name, Result.UNKNOWN, f"{shown}. {why}", sources=(_SSM_CLI, _CHECKS))
    if status == "Success":
        return Check(name, Result.OK, f"{shown}.")
    return _failure(name, shown, note)


def _why_unknown(name: str, status: str, note: str) -> str:
    """Why a check says neither that something works nor that something is wrong. Empty if it says one of them."""
    if name == "Hybrid instance registration":
        return "If this is an EC2 instance, the agent uses the role of the activation instead of the profile's."
    if status == "Success":
        return ""
    if status != "Failed":
        return f"ssm-cli says the status {code(status or 'empty')}, which this command does not know."
    if _HARMLESS.search(note):
        return "This does not keep the agent from working."
    service = _service_of(name)
    if service and service not in _NEEDED:
        return f"It is not always needed. {_NOTES.get(service, '')}".strip()
    only_sts = "Only ssm-cli calls STS. Systems Manager does not, so this says nothing about the credentials."
    return only_sts if _UNREACHABLE_STS.search(note) else ""


def _service_of(check: str) -> str:
    """The service of a check of the connectivity. Empty if it is another check."""
    match = re.fullmatch(r"Connectivity to (\S+) endpoint", check)
    return match[1] if match else ""


def _failure(name: str, shown: str, note: str) -> Check:
    """A check of ssm-cli that failed, and that must not."""
    if service := _service_of(name):
        cause = f"the instance does not reach the endpoint {service}"
        fix = f"Check the VPC endpoint {service}, the route and the security groups: `ssm-profile diagnose INSTANCE`."
        return Check(name, Result.WRONG, f"{shown}.", cause=cause, fix=fix, sources=(ENDPOINTS, _CHECKS))
    if _LINE.pattern.search(note):
        cause, fix, sources = "no instance profile, or no role in it", _LINE.cause, _LINE.sources
    else:
        cause = f"{name} failed"
        fix, sources = _FIXES.get(name, ("See AWS's page about this check.", ()))
    return Check(name, Result.WRONG, f"{shown}.", cause=cause, fix=fix, sources=(*sources, _SSM_CLI, _CHECKS))


def _answer(file: str, outputs: Sequence[Sequence[Check]], denied: Any, errors: Mapping[str, Any] | None) -> str:
    parts = list[str]()
    for number, checks in enumerate(outputs, 1):
        name = "ssm-cli" if len(outputs) == 1 else f"Output {number} of ssm-cli"
        parts.append(f"{name} {_reported(checks)}")
    if denied:
        parts += _counted_denials(denied["answers"])
    if errors and (errors["connectionFailures"] or not denied):
        parts.append(_counted(errors, "" if parts else "no denied call; "))
    return f"{file}: {' '.join(parts)}"


def _counted_denials(answers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """How many calls are denied, and how many entries say that there are no credentials to call with."""
    count = missing = 0
    for each in answers:
        names = {line["name"] for line in each["knownLines"]}
        if each["action"] is None and names and names <= {*_NO_CREDENTIALS}:
            missing += each["count"]
        else:
            count += each["count"]
    if count:
        yield f"{count:,} denied call{'' if count == 1 else 's'}."
    if missing:
        yield f"{missing:,} {'entry says' if missing == 1 else 'entries say'} that the agent has no credentials."


def _counted(errors: Mapping[str, Any], start: str) -> str:
    """How many entries of a log have errors."""
    count, failures = errors["count"], errors["connectionFailures"]
    if not count:
        return f"{start}no entry with an error."
    network = f", of which {failures:,} about the network" if failures else ""
    return f"{start}{count:,} entr{'y' if count == 1 else 'ies'} with an error{network}."


def _reported(checks: Sequence[Check]) -> str:
    """What an output reports, worded to follow its name."""
    if any(each.result is Result.UNREAD for each in checks):
        return "is cut off." if any(each.finding == _UNREAD_ROWS[_CUT_OFF] for each in checks) else "could not be read."
    wrong = [each for each in checks if each.result is Result.WRONG]
    shown = {each.name for each in checks if each.result is Result.OK}
    missing = [name for name in NECESSARY if name not in shown | {each.name for each in wrong}]
    if wrong:
        open_checks = f" It does not show the result of: {', '.join(missing)}." if missing else ""
        return f"reports: {'; '.join(each.cause for each in wrong)}.{open_checks}"
    if len(missing) == len(NECESSARY):
        return "does not show whether something is wrong: none of the checks that matter succeeded."
    open_checks = f", but does not show the result of: {', '.join(missing)}" if missing else ""
    return f"reports nothing that is wrong{open_checks}."
