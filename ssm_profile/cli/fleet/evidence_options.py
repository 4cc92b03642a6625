"""The flags of ``fleet`` that give evidence of use."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import rich_click as click
from click.core import ParameterSource
from click.globals import get_current_context

from ssm_profile.cli.usage import Evidence, athena_sql, lake_sql, read_evidence
from ssm_profile.cli.usage.blindness import OLDEST
from ssm_profile.cli.usage.reading import BUCKET, DECLARABLE
from ssm_profile.errors import InputError
from ssm_profile.regions import REGION_PATTERN

from .account_options import Aggregator, Chosen
from .members import Member, Problem
from .progress import Progress
from .used import EVIDENCE, Asks, Usage

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
        help="Report what each role uses. EVIDENCE is a file or a folder, for example with log files of CloudTrail, or "
        f"s3://BUCKET/PREFIX, {ATHENA}TABLE, {LAKE}EVENT_DATA_STORE or {ADVISOR}. Repeatable.",
    ),
    _option(
        "--days",
        type=click.IntRange(1, 3650),
        default=90,
        show_default=True,
        help="Report a capability as unused if the role did not use it for this number of days.",
    ),
    _option(
        "--regions",
        metavar="REGIONS",
        help="List the Regions in which the roles can call AWS, for example eu-central-1,us-east-1. Leave out those "
        "that a service control policy denies. With --instances, list the Regions to read.",
    ),
    _option(
        "--data-events",
        type=click.Choice(DECLARABLE),
        multiple=True,
        help="Declare that the trails or the event data store log every data event of this service: reads and writes, "
        "all resources, callers and event names, each Region. Settings of trails that show otherwise count more. "
        "Repeatable.",
    ),
    _option("--athena-workgroup", metavar="NAME", help=f"Run the query of {ATHENA}TABLE in this workgroup of Athena."),
    _option(
        "--athena-output",
        metavar="S3_URI",
        help=f"Write the result of the query of {ATHENA}TABLE here, for example s3://bucket/athena/. The default is "
        "the location of the workgroup.",
    ),
    _option(
        "--athena-partition",
        metavar="COLUMN",
        help=f"Read only the partitions of the period from {ATHENA}TABLE. COLUMN is the partition column with the day, "
        "for example timestamp. Its values must look like 2026/11/27.",
    ),
    _option(
        "--print-sql",
        is_flag=True,
        help=f"Print the query of {ATHENA}TABLE or {LAKE}EVENT_DATA_STORE instead of running it.",
    ),
)

_DEPENDENT = {
    "days": "--days",
    "data_events": "--data-events",
    "athena_workgroup": "--athena-workgroup",
    "athena_output": "--athena-output",
    "athena_partition": "--athena-partition",
}
"""The flags that have no effect without evidence."""


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


def usage_from(options: Mapping[str, Any], inputs: Sequence[str], chosen: Chosen | Aggregator | None) -> Usage | None:
    """Read the evidence that flags name, without the reports of Access Advisor.

    Args:
        options: The values of the flags.
        inputs: The arguments of the command, from which the roles are read.
        chosen: The accounts from which the roles are read. If there are none of both, it is that of the credentials.

    Returns:
        None if the flags name no evidence.

    Raises:
        InputError: If there is no evidence, or if a value cannot be used.
    """
    sources: tuple[str, ...] = options["evidence"]
    if not sources:
        _refuse_without_evidence(options)
        return None
    if ADVISOR in sources and (inputs or isinstance(chosen, Aggregator)):
        raise InputError(
            f"--used {ADVISOR}: it asks the accounts of the roles for reports. Leave out the "
            f"{'SOURCE' if inputs else '--config-aggregator'}, or pass files with reports."
        )
    in_aws = [each for each in sources if each == ADVISOR or each.startswith((ATHENA, LAKE))]
    files = [each for each in sources if each not in in_aws]
    time, regions = now(), regions_of(options)
    evidence = read_evidence(
        files,
        data_events=options["data_events"],
        may_lack_calls=bool(in_aws),
        since=(time - timedelta(days=options["days"] + OLDEST)).date(),
    )
    for source in in_aws:
        _query_aws(source, evidence, options, time)
    if inputs or isinstance(chosen, Aggregator):
        return Usage(evidence, options["days"], time, regions)
    asks = _asks(sources, files, regions)
    if not chosen:
        regions = _ask_account(evidence, regions, asks)
    return Usage(evidence, options["days"], time, regions, asks)


def _asks(sources: Sequence[str], files: Sequence[str], regions: AbstractSet[str]) -> Asks:
    """What the accounts of the roles are asked for. A report of Access Advisor is of all Regions."""
    has_events = any(each != ADVISOR for each in sources)
    # The settings say what trails record, and not whether the files on a disk are all that they wrote.
    trails = has_events and all(each.startswith(BUCKET) for each in files)
    return Asks(ADVISOR in sources, trails or (has_events and not regions), trails)


def _refuse_without_evidence(options: Mapping[str, Any]) -> None:
    """Refuse flags that would have no effect.

    Raises:
        click.UsageError: If there are such flags.
    """
    source = get_current_context().get_parameter_source
    given = [flag for name, flag in _DEPENDENT.items() if source(name) is ParameterSource.COMMANDLINE]
    if options["regions"] is not None and not options["with_instances"]:
        given.append("--regions")
    if given:
        instances = " or --instances" if given[0] == "--regions" else ""
        raise click.UsageError(f"{given[0]} requires --used EVIDENCE{instances}.")


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


def _ask_account(evidence: Evidence, regions: frozenset[str], asks: Asks) -> frozenset[str]:
    """Ask the account for the Regions in which roles can call, if there are none, and for the settings of its trails.

    Returns:
        The Regions.
    """
    if not asks.regions:
        return regions
    from ssm_profile.cli.usage.trail_settings import (  # noqa: PLC0415 - boto3 is costly to import
        add_trail_settings,
        enabled_regions,
    )

    enabled = enabled_regions(evidence)
    if asks.trails:
        add_trail_settings(evidence, enabled)
    return regions or enabled


def with_evidence(
    members: Iterable[Member],
    usage: Usage,
    chosen: Chosen | Aggregator | None,
    progress: Progress,
    problems: list[Problem],
) -> Iterable[Member]:
    """The roles, after what only their accounts can give was added to the evidence.

    Args:
        members: The roles.
        usage: What to add to.
        chosen: The accounts of the roles.
        progress: Counts the accounts.
        problems: What to add the accounts to that do not give it.
    """
    if isinstance(chosen, Chosen) and (usage.asks.advisor or usage.asks.regions):
        listed = list(members)
        from .account_evidence import add_evidence  # noqa: PLC0415 - boto3 is costly to import
        from .accounts import was_interrupted  # noqa: PLC0415 - the same

        if was_interrupted(problems):
            problems.append(Problem(EVIDENCE, "The command was interrupted before it asked the accounts for evidence."))
        else:
            problems += add_evidence(usage, listed, chosen, progress)
        return listed
    if usage.asks.advisor:
        listed = list(members)
        from ssm_profile.cli.usage.advisor import add_access_advisor  # noqa: PLC0415 - the same

        add_access_advisor(usage.evidence, [each.arn for each in listed if each.arn])
        return listed
    return members


def regions_of(options: Mapping[str, Any]) -> frozenset[str]:
    """The Regions of the flags. None if they name none.

    Raises:
        InputError: If one is not a Region.
    """
    regions = frozenset(part for each in (options["regions"] or "").split(",") if (part := each.strip()))
    for region in sorted(regions):
        if not re.fullmatch(REGION_PATTERN, region):
            raise InputError(f"--regions: {region} is not a Region. Pass names such as eu-central-1,us-east-1.")
    return regions


def now() -> datetime:
    """The current time."""
    return datetime.now(UTC)
