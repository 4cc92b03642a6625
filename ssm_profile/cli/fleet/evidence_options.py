"""The flags of ``fleet`` that give evidence of use."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import rich_click as click

from ssm_profile.cli.usage import athena_sql, lake_sql, read_evidence
from ssm_profile.cli.usage.reading import DECLARABLE
from ssm_profile.errors import InputError
from ssm_profile.regions import REGION_PATTERN

from .members import Problem
from .used import Usage

ATHENA, LAKE, ADVISOR = "athena:", "lake:", "access-advisor"
"""What sources in AWS begin with, or are."""

PANEL = "Evidence of use"
"""The title of the flags in the help."""

_option = partial(click.option, panel=PANEL)

_OPTIONS = (
    _option(
        "--used",
        "evidence",
        metavar="EVIDENCE",
        multiple=True,
        help=f"Say what each role uses, from a file or a folder of evidence, or from {ATHENA}TABLE, "
        f"{LAKE}EVENT_DATA_STORE or {ADVISOR} in AWS. Repeatable.",
    ),
    _option(
        "--days",
        type=click.IntRange(1, 3650),
        default=90,
        show_default=True,
        help="Say that an action is unused if it was not called for this number of days.",
    ),
    _option(
        "--regions",
        metavar="REGIONS",
        help="The Regions in which the roles can call, with commas between them, for example "
        "eu-central-1,us-east-1. They are enabled, and no service control policy denies them.",
    ),
    _option(
        "--data-events",
        type=click.Choice(DECLARABLE),
        multiple=True,
        help="The trails log the data events of this service for all resources. Repeatable.",
    ),
    _option("--athena-workgroup", metavar="NAME", help=f"With {ATHENA}TABLE: run the query in this workgroup."),
    _option(
        "--athena-output",
        metavar="S3_URI",
        help=f"With {ATHENA}TABLE: write the result here, for example s3://bucket/athena/. The default is that of "
        "the workgroup.",
    ),
    _option(
        "--athena-partition",
        metavar="COLUMN",
        help=f"With {ATHENA}TABLE: the column that has the day as 2026/11/27, for example timestamp. Athena reads "
        "only the days that are asked for then.",
    ),
    _option(
        "--print-sql",
        is_flag=True,
        help=f"Print the query of {ATHENA}TABLE or {LAKE}EVENT_DATA_STORE instead of running it.",
    ),
)


def with_evidence_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the flags. It receives them as keyword arguments for :func:`usage_from`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def queries(options: Mapping[str, Any]) -> list[str]:
    """The queries of the sources in AWS that flags name.

    Raises:
        click.UsageError: If there are none.
    """
    found = [query for source in options["evidence"] if (query := _query(source, options))]
    if not found:
        raise click.UsageError(f"--print-sql requires --used {ATHENA}TABLE or --used {LAKE}EVENT_DATA_STORE.")
    return found


def _query(source: str, options: Mapping[str, Any]) -> str:
    if source.startswith(ATHENA):
        table, partition = source.removeprefix(ATHENA), options["athena_partition"]
        return athena_sql(table, days=options["days"], now=now(), partition=partition)
    return lake_sql(source.removeprefix(LAKE), days=options["days"], now=now()) if source.startswith(LAKE) else ""


def usage_from(options: Mapping[str, Any], problems: list[Problem]) -> Usage | None:
    """Read the evidence that flags name.

    Args:
        options: The values of the flags.
        problems: What cannot be read is added to it.

    Returns:
        None if the flags name no evidence.

    Raises:
        InputError: If there is no evidence, or if a value cannot be used.
    """
    if not options["evidence"]:
        return None
    regions = _regions(options["regions"] or "")
    evidence = read_evidence(options["evidence"], data_events=options["data_events"])
    problems += [Problem("--used", each) for each in evidence.problems]
    return Usage(evidence, options["days"], now(), regions)


def _regions(text: str) -> frozenset[str]:
    regions = frozenset(part for each in text.split(",") if (part := each.strip()))
    for region in sorted(regions):
        if not re.fullmatch(REGION_PATTERN, region):
            raise InputError(f"--regions: {region} is not a Region. Pass names such as eu-central-1,us-east-1.")
    return regions


def now() -> datetime:
    """The current time."""
    return datetime.now(UTC)
