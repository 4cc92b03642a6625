"""The command ``diagnose``."""

import re
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import rich_click as click

from ssm_profile.cli import exit_codes
from ssm_profile.cli.completion import complete_region
from ssm_profile.cli.denied import plain as plain_answers
from ssm_profile.cli.forms import Command, print_result, with_forms, with_readable_errors
from ssm_profile.cli.interruption import interruptible
from ssm_profile.errors import CredentialsError, InputError

from .checks import Result
from .diagnosis import SCHEMA_VERSION, is_ok
from .diagnosis import diagnose as diagnosis_of
from .facts import Facts
from .formats import csv_lines
from .logs import NECESSARY, read_log
from .permissions import PERMISSIONS
from .report import format_diagnoses, plain


@click.command(
    cls=Command,
    epilog="Exit codes: 0 nothing is wrong; 1 something is wrong or could not be read; 2 wrong usage or input.",
)
@click.argument("instances", metavar="[INSTANCE]...", nargs=-1)
@click.option(
    "--all",
    "every_instance",
    is_flag=True,
    help="Diagnose every running instance that is not online in Systems Manager.",
)
@click.option(
    "--region",
    shell_complete=complete_region,
    help="Look for the instances in this Region, for example eu-central-1. The default is the Region of the AWS CLI.",
)
@click.option(
    "--log",
    "logs",
    metavar="FILE",
    multiple=True,
    help="Read this file: a log of the SSM Agent, or the output of `ssm-cli get-diagnostics`. It can be - for standard "
    "input. Repeatable.",
)
@click.option("--csv", "form", flag_value="csv", help="Print comma-separated values, for spreadsheets.")
@with_forms
@with_readable_errors
def diagnose(
    instances: tuple[str, ...], region: str | None, logs: tuple[str, ...], form: str, *, every_instance: bool
) -> None:
    """Find out why Systems Manager does not manage an instance.

    INSTANCE is the ID of an EC2 instance, for example i-0123456789abcdef0. The command checks its state, its metadata
    options, its instance profile, its role, Default Host Management Configuration, its agent and its network. It uses
    the same AWS credentials as the AWS CLI, and only reads. With --log and no instance, it does not call AWS.
    """
    if instances and every_instance:
        raise click.UsageError("Instance IDs and --all cannot be combined. Pass one of the two.")
    if not (instances or every_instance or logs):
        raise click.UsageError("Pass the ID of an instance, or --all, or --log FILE.")
    if form == "csv" and logs:
        raise click.UsageError(
            "--csv has a row for each instance, and none for files. It cannot be combined with --log."
        )
    for name in instances:
        _check_id(name)
    diagnosed = diagnose_all(instances, region, logs, every_instance=every_instance)
    printed = plain(diagnosed)
    for log in printed["logs"]:
        log["denied"] = plain_answers(log["denied"])
    if form == "csv":
        sys.stdout.writelines(csv_lines(printed))
    else:
        print_result(printed, format_diagnoses(diagnosed), form)
    sys.exit(0 if _is_ok(diagnosed) else exit_codes.FINDINGS)


def diagnose_all(
    instances: tuple[str, ...], region: str | None, logs: tuple[str, ...], *, every_instance: bool
) -> dict[str, Any]:
    """The diagnoses of instances and of files, as plain data. docs/diagnose.schema.json describes the keys.

    Args:
        instances: The IDs of instances.
        region: Their region. The default is that of the AWS SDK.
        logs: Paths of files.
        every_instance: Whether to diagnose every running instance that is not online.

    Raises:
        InputError: If no instance exists, or if nothing can be read.
    """
    read = [read_log(each) for each in logs]
    facts, running, left, stopped, where = list[Facts](), None, list[str](), "", None
    if instances or every_instance:
        from ssm_profile.cli.aws_client import readable_errors  # noqa: PLC0415 - boto3 is costly to import

        from .aws import Reader  # noqa: PLC0415 - the same

        try:
            with readable_errors("diagnose", PERMISSIONS):
                reader = Reader(region)
                where = reader.region
                if every_instance:
                    waiting, running = reader.unmanaged()
                    absent = []
                else:
                    waiting, absent = reader.of(instances)
                facts, stopped = _read(list(waiting.values()))
                left = list(waiting)[len(facts) :] + absent
                about_absent = reader.about_absent(absent) if absent else ""
                stopped = " ".join(filter(None, (stopped, about_absent)))
        except InputError as error:
            if not read:
                raise
            left, stopped = list(dict.fromkeys(instances)), str(error)  # what the files say is not lost
    return {
        "schemaVersion": SCHEMA_VERSION,
        "region": where,
        "running": running,
        "notDiagnosed": left,
        "stopped": stopped or None,
        "instances": [diagnosis_of(replace(each, has_proxy=_has_proxy(each.instance_id, read))) for each in facts],
        "logs": read,
    }


def _has_proxy(instance: str, logs: Sequence[dict[str, Any]]) -> bool:
    """Whether a file shows that the agent of an instance has a proxy. One that names no instance may be from each."""
    named = [each["proxyOf"] for each in logs if each["proxyOf"] is not None]
    return any(not each or instance in each for each in named)


def _read(waiting: Sequence[Callable[[], Facts]]) -> tuple[list[Facts], str]:
    """The facts that can be read until the user interrupts or the credentials expire, and which of the two happened.

    On a terminal, a bar shows how many are read.

    Raises:
        CredentialsError: If the credentials cannot be used, and nothing was read.
        KeyboardInterrupt: If the user interrupts, and nothing was read.
    """
    from rich.console import Console  # noqa: PLC0415 - a file alone needs no progress bar
    from rich.progress import MofNCompleteColumn, Progress  # noqa: PLC0415 - the same

    facts = list[Facts]()
    bar = Progress(
        *Progress.get_default_columns(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=len(waiting) == 1 or not sys.stderr.isatty(),
    )
    try:
        with interruptible(), bar:
            facts.extend(read() for read in bar.track(waiting, description="Reading instances"))
    except (CredentialsError, KeyboardInterrupt) as error:
        if not facts:
            if isinstance(error, KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            raise
        return facts, str(error) or "Interrupted."
    return facts, ""


def _check_id(name: str) -> None:
    if name.startswith("mi-"):
        raise InputError(
            f"{name} is a hybrid node, which has an activation and no instance profile. Pass an EC2 instance."
        )
    if not re.fullmatch(r"i-[0-9a-f]{8,17}", name):
        raise InputError(f"The ID of an instance has the form i-0123456789abcdef0 (got {name!r}).")


def _is_ok(diagnosed: dict[str, Any]) -> bool:
    rows = [row for each in diagnosed["instances"] for row in each["checks"]]
    rows += [row for each in diagnosed["logs"] for row in each["diagnostics"]]
    return is_ok(rows) and not diagnosed["stopped"] and all(map(_is_log_ok, diagnosed["logs"]))


def _is_log_ok(log: dict[str, Any]) -> bool:
    """Whether a file has no denied call and no error, and each of its outputs of ssm-cli the checks that matter."""
    if log["denied"] or (log["errors"] and log["errors"]["count"]):
        return False
    numbers = {row["output"] for row in log["diagnostics"]}
    return all(_is_complete([row for row in log["diagnostics"] if row["output"] == each]) for each in numbers)


def _is_complete(rows: list[dict[str, Any]]) -> bool:
    """Whether an output of ssm-cli shows each check that matters, and one that is ok."""
    judged = {row["check"]: row["result"] for row in rows if row["result"] in (Result.OK.value, Result.UNKNOWN.value)}
    return set(NECESSARY) <= set(judged) and Result.OK.value in judged.values()
