"""Files from an instance: logs of the agent, and the output of ``ssm-cli get-diagnostics``.

Source: https://github.com/aws/amazon-ssm-agent/blob/1c217c89b42d/agent/cli/clicommand/getdiagnostics.go
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ssm_profile.catalogue import AGENT_SOURCE, USER_GUIDE, VPC_ENDPOINTS
from ssm_profile.cli.denied import answer_denials, read_denials, read_source
from ssm_profile.cli.denied.log_lines import LINES_BY_NAME
from ssm_profile.cli.policy_files import name_of
from ssm_profile.cli.report import code
from ssm_profile.errors import InputError

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

_MOST_FAILURES = 50
"""How many outputs that are cut off are read."""

_LINE = LINES_BY_NAME["no instance profile"]


def read_log(source: str) -> dict[str, Any]:
    """What a file says, as plain data. Sentences are Markdown.

    Args:
        source: The path of a file, or ``-`` for standard input.

    Raises:
        InputError: If the file cannot be read, or if it contains nothing that is known.
    """
    outputs, rest = read_diagnostics(read_source(source))
    checks = [_checks_of(rows) for rows in outputs]
    try:
        denied = answer_denials(read_denials(rest))
    except InputError:
        denied = None
    errors = read_errors(rest)
    if denied is None and errors is None and all(rows == [_CUT_OFF] for rows in outputs):
        raise InputError(
            f"--log: {name_of(source)} is neither a log of the SSM Agent nor the output of `ssm-cli get-diagnostics`. "
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
    }


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
    return [
        Check(row.check, Result.UNREAD, "The output is cut off, so it was not read. Save it again.")
        if row is _CUT_OFF
        else _check(*row)
        for row in rows
    ]


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
        count = sum(each["count"] for each in denied["answers"])
        parts.append(f"{count:,} denied call{'' if count == 1 else 's'}.")
    if errors and (errors["connectionFailures"] or not denied):
        parts.append(_counted(errors, "" if parts else "no denied call; "))
    return f"{file}: {' '.join(parts)}"


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
        return "is cut off."
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
