"""The command ``fleet``."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import rich_click as click

from ssm_profile.cli import exit_codes
from ssm_profile.cli.audit import CLEAN, LEVELS
from ssm_profile.cli.forms import Command, with_readable_errors
from ssm_profile.cli.report import format_markdown, print_report

from .account_options import PANEL as ACCOUNTS_PANEL
from .account_options import Aggregator, Chosen, chosen_accounts, with_account_options
from .baseline import Baseline, read_baseline
from .evidence_options import PANEL, queries, regions_of, usage_from, with_evidence, with_evidence_options
from .formats import csv_lines, json_lines
from .instances import Instances, add_instances
from .judgements import Judges
from .members import Found, Member, OtherRoles, Problem, for_instances
from .progress import Progress
from .report import Counts, format_fleet
from .rows import Row, fleet_rows, is_at, problems_of, roles_of
from .sarif import sarif_log
from .used import EVIDENCE

_OF_CONFIG = "The list has what AWS Config recorded last. Accounts and roles that it does not record are not in it."


@click.command(
    cls=Command,
    panels=[click.RichOptionPanel(each) for each in ("Options", ACCOUNTS_PANEL, PANEL)],
    epilog="Exit codes: 0 no role is at the level of --fail-on; 1 a role is; 2 wrong usage or input, or the report "
    "says what could not be read. The command only reads, but Athena writes the result of a query to S3.",
)
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option(
    "--fail-on",
    type=click.Choice([*(level for level in LEVELS if level != CLEAN), "never"]),
    default="risky",
    show_default=True,
    help="Exit with 1 if a role is at this level or at a worse one.",
)
@click.option(
    "--baseline",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Accept the findings that this YAML file lists. Each needs a reason and a last day.",
)
@click.option(
    "--instances",
    "with_instances",
    is_flag=True,
    help="List the instances of each role, and which of them are online in Systems Manager. Cannot be combined with a "
    "SOURCE or --config-aggregator.",
)
@with_account_options
@with_evidence_options
@click.option("--markdown", "form", flag_value="markdown", help="Print Markdown, for pull requests.")
@click.option("--csv", "form", flag_value="csv", help="Print comma-separated values, for spreadsheets.")
@click.option("--html", "form", flag_value="html", help="Print an HTML page to sort and filter, for browsers.")
@click.option("--json", "form", flag_value="json", help="Print JSON lines, one for each row, for programs.")
@click.option("--sarif", "form", flag_value="sarif", help="Print SARIF 2.1.0, for code scanning.")
@click.option("--text", "form", flag_value="text", default="text", help="Print text (the default).")
@with_readable_errors
def fleet(sources: tuple[str, ...], fail_on: str, form: str, baseline: Path | None, **options: Any) -> None:
    """List the roles of EC2 instances: what is wrong with each, what it grants, and the stack config to replace it.

    A SOURCE is a file with the output of `aws iam get-account-authorization-details`, a folder with such files, or -
    for standard input. Files can be compressed with gzip. Without a SOURCE, the command reads the account of your AWS
    credentials. To read other accounts, pass --accounts, --organization or --config-aggregator.
    """
    chosen = chosen_accounts(options, sources)
    if options["print_sql"]:
        sys.stdout.write("\n".join(queries(options)))
        return
    instances = _wanted_instances(options, sources, chosen)
    if form == "html":
        import_module(".page", __package__)  # without Jinja, this fails before the roles are judged
    problems, others = list[Problem](), OtherRoles()
    accepted = Baseline(read_baseline(baseline), datetime.now(UTC).date()) if baseline else None
    usage = usage_from(options, sources, chosen)
    with Progress() as progress, Judges() as judges:
        members = _without_problems(for_instances(_read(sources, chosen, progress, instances), others), problems)
        if usage:
            members = with_evidence(members, usage, chosen, progress, problems)
            problems += [Problem(EVIDENCE, each) for each in usage.evidence.problems]
        if instances and not chosen:
            problems += _read_instances(instances)
        rows = fleet_rows(progress.judged(judges.judge(members)), problems, usage)
        distinct = judges.distinct
    if instances:
        add_instances(rows, instances.accounts)
    if accepted:
        rows += accepted.apply(rows)
    note = _OF_CONFIG if isinstance(chosen, Aggregator) else ""
    if note and form in ("csv", "json", "sarif"):
        sys.stderr.write(f"{note}\n")
    _print(rows, Counts(distinct, others.count, note), form)
    if fail_on != "never" and any(is_at(row, fail_on) for row in roles_of(rows)):
        sys.exit(exit_codes.FINDINGS)
    if any(problems_of(rows)):
        sys.exit(exit_codes.ERROR)


def _print(rows: Sequence[Row], counts: Counts, form: str) -> None:
    if form == "json":
        sys.stdout.writelines(json_lines(rows))
    elif form == "sarif":
        sys.stdout.write(json.dumps(sarif_log(rows), indent=2) + "\n")
    elif form == "csv":
        sys.stdout.writelines(csv_lines(rows))
    elif form == "html":
        from .page import format_page  # noqa: PLC0415 - the other forms do not need Jinja

        sys.stdout.writelines(format_page(rows, counts))
    elif form == "markdown":
        sys.stdout.write(format_markdown(format_fleet(rows, counts)))
    else:
        print_report(format_fleet(rows, counts))


def _read(
    sources: tuple[str, ...], chosen: Chosen | Aggregator | None, progress: Progress, instances: Instances | None
) -> Iterable[Found]:
    if isinstance(chosen, Aggregator):
        from .aggregator import read_aggregator  # noqa: PLC0415 - boto3 is costly to import

        return read_aggregator(chosen.name, progress)
    if chosen:
        from .accounts import read_chosen  # noqa: PLC0415 - the same

        return read_chosen(chosen, progress, instances)
    if sources:
        from .files import read_files  # noqa: PLC0415 - ijson is not needed for an account

        return read_files(sources)
    from .account import read_account  # noqa: PLC0415 - the same

    return read_account()


def _wanted_instances(
    options: Mapping[str, Any], sources: Sequence[str], chosen: Chosen | Aggregator | None
) -> Instances | None:
    """The instances to read. None without ``--instances``.

    Raises:
        click.UsageError: If the source of the roles has no instances.
    """
    if not options["with_instances"]:
        return None
    if sources or isinstance(chosen, Aggregator):
        source = "a SOURCE" if sources else "--config-aggregator"
        raise click.UsageError(
            f"--instances cannot be combined with {source}, which does not say which instances are online in Systems "
            "Manager. Leave it out to read the account of your AWS credentials, or pass --accounts or --organization "
            "in its place."
        )
    return Instances(regions_of(options))


def _read_instances(instances: Instances) -> Sequence[Problem]:
    """Read the instances of the account of the AWS credentials."""
    from .account_instances import read_own_instances  # noqa: PLC0415 - boto3 is costly to import

    found = read_own_instances(instances.regions)
    instances.accounts.append(found)
    return found.problems


def _without_problems(found: Iterable[Found], problems: list[Problem]) -> Iterator[Member]:
    """The roles. The problems are added to a list."""
    for each in found:
        if isinstance(each, Problem):
            problems.append(each)
        else:
            yield each
