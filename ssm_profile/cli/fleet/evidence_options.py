"""The flags of ``fleet`` that give evidence of use."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import rich_click as click

from ssm_profile.cli.usage import Evidence, athena_sql, lake_sql, read_evidence
from ssm_profile.cli.usage.blindness import OLDEST
from ssm_profile.cli.usage.reading import DECLARABLE
from ssm_profile.errors import InputError
from ssm_profile.regions import REGION_PATTERN

from .members import Member
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
        help="Say what each role uses, from a file or a folder of evidence, or from s3://BUCKET/PREFIX, "
        f"{ATHENA}TABLE, {LAKE}EVENT_DATA_STORE or {ADVISOR} in AWS. Repeatable.",
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


def usage_from(options: Mapping[str, Any], *, is_own_account: bool) -> Usage | None:
    """Read the evidence that flags name, without the reports of Access Advisor.

    Args:
        options: The values of the flags.
        is_own_account: Whether the roles are those of the account of the AWS credentials.

    Returns:
        None if the flags name no evidence.

    Raises:
        InputError: If there is no evidence, or if a value cannot be used.
    """
    sources: tuple[str, ...] = options["evidence"]
    if not sources:
        return None
    if ADVISOR in sources and not is_own_account:
        raise InputError(
            f"--used {ADVISOR}: it asks for the roles of the account of your AWS credentials. Leave out the SOURCE, or "
            "pass files with reports."
        )
    in_aws = [each for each in sources if each == ADVISOR or each.startswith((ATHENA, LAKE))]
    files = [each for each in sources if each not in in_aws]
    time, regions = now(), _regions(options["regions"] or "")
    evidence = read_evidence(
        files,
        data_events=options["data_events"],
        may_lack_calls=bool(in_aws),
        since=(time - timedelta(days=options["days"] + OLDEST)).date(),
    )
    for source in in_aws:
        _query_aws(source, evidence, options, time)
    if is_own_account:
        regions = _add_settings(evidence, regions)
    return Usage(evidence, options["days"], time, regions)


def _query_aws(source: str, evidence: Evidence, options: Mapping[str, Any], time: datetime) -> None:
    if source.startswith(ATHENA):
        from ssm_profile.cli.usage.athena import add_athena  # noqa: PLC0415 - boto3 is costly to import

        add_athena(
            evidence,
            source.removeprefix(ATHENA),
            days=options["days"],
            now=time,
            partition=options["athena_partition"],
            workgroup=options["athena_workgroup"],
            output=options["athena_output"],
        )
    elif source.startswith(LAKE):
        from ssm_profile.cli.usage.lake import add_lake  # noqa: PLC0415 - boto3 is costly to import

        add_lake(evidence, source.removeprefix(LAKE), days=options["days"], now=time)


def _add_settings(evidence: Evidence, regions: frozenset[str]) -> frozenset[str]:
    """Add the settings of the account's trails.

    Returns:
        The Regions in which roles can call.
    """
    from ssm_profile.cli.usage.trail_settings import (  # noqa: PLC0415 - boto3 is costly to import
        add_trail_settings,
        enabled_regions,
    )

    enabled = enabled_regions(evidence)
    add_trail_settings(evidence, enabled)
    return regions or enabled


def with_reports(members: Iterable[Member], usage: Usage, options: Mapping[str, Any]) -> Iterable[Member]:
    """The roles, of which the evidence has the reports of Access Advisor if the flags name it."""
    if ADVISOR not in options["evidence"]:
        return members
    from ssm_profile.cli.usage.advisor import add_access_advisor  # noqa: PLC0415 - boto3 is costly to import

    listed = list(members)
    add_access_advisor(usage.evidence, [each.arn for each in listed if each.arn])
    return listed


def _regions(text: str) -> frozenset[str]:
    regions = frozenset(part for each in text.split(",") if (part := each.strip()))
    for region in sorted(regions):
        if not re.fullmatch(REGION_PATTERN, region):
            raise InputError(f"--regions: {region} is not a Region. Pass names such as eu-central-1,us-east-1.")
    return regions


def now() -> datetime:
    """The current time."""
    return datetime.now(UTC)
