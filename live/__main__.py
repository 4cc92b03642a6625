"""``python -m live``: the proof on a real AWS account, which asks before it creates anything; or delete leftovers."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pulumi.automation import CommandError
from rich.console import Console

from sandbox import SandboxError
from sandbox.pulumi_cli import find_pulumi
from ssm_profile.version import __version__

from . import LiveError, SkippedError, TimeBoxError
from .account import Account, identify, masked, masked_account
from .cleanup import KINDS, find_leftovers, remove
from .deployment import PulumiDeployment
from .page import PAGE, page
from .plan import Names, description, new_run_id
from .run import Run, check_place
from .session import find_plugin

FAILED, INTERRUPTED = 1, 130
Report = Callable[[str], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code."""
    parsed = _parser().parse_args(arguments)
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _interrupt)
    report = reporter()
    try:
        account = identify(boto3.Session(), parsed.region)
        report = reporter(account.location["account"])
        return clean(account, parsed, report) if parsed.command == "clean" else run(account, parsed, report)
    except KeyboardInterrupt:
        report("Interrupted.")
        return INTERRUPTED
    except (LiveError, TimeBoxError, SandboxError, CommandError, ClientError, BotoCoreError, OSError) as error:
        report(f"error: {error}")
        return FAILED


def reporter(account: str | None = None) -> Report:
    """Prints lines at once, without account numbers and names of people.

    Args:
        account: The number of the account, if it is known already.
    """

    def report(line: str) -> None:
        with suppress(OSError):  # a terminal that was closed must not end the deletion
            print(masked(line, account), flush=True)  # noqa: T201 - it also works where standard output was never open

    return report


def run(account: Account, parsed: argparse.Namespace, report: Report) -> int:
    """Show what is created and what it costs, ask, and make the run."""
    names = Names(new_run_id())
    if not parsed.page.parent.is_dir():
        raise LiveError(f"There is no directory {parsed.page.parent} for --page. Create it, or pass another file.")
    check_place(account, parsed.subnet)
    report(description(names, account.location, parsed.minutes))
    try:
        plugin = find_plugin()
    except SkippedError as error:
        plugin = "none"
        report(f"\nSessions will not be tried: {error}")
    if not (parsed.yes or confirm("create it", report)):
        report("Nothing has been created.")
        return FAILED
    pulumi = find_pulumi(Console(highlight=False))
    about = {
        "date": datetime.now(UTC).date().isoformat(),
        "region": account.location["region"],
        "ssm-profile": __version__,
        "Pulumi": str(pulumi.version),
        "AWS provider": version("pulumi_aws"),
        "session-manager-plugin": plugin,
    }
    with tempfile.TemporaryDirectory(prefix="ssm-profile-live-", ignore_cleanup_errors=True) as directory:
        deployment = PulumiDeployment(pulumi, Path(directory), report)
        this = Run(account, deployment, names, parsed.minutes, parsed.subnet, report)
        try:
            this.perform()
        finally:
            if this.results:
                text = page(this.results, about | this.versions, this.problems, account.location["account"])
                report(f"{parsed.page}: {parsed.page.write_text(text)} characters")
    return FAILED if any(each.outcome == "failed" for each in this.results) else 0


def confirm(purpose: str, report: Report) -> bool:
    """Ask whether to go on. Without a terminal the answer is no."""
    try:
        return input(f'\nType "yes" to {purpose}: ').strip() == "yes"
    except EOFError:
        report("Nobody can answer. Pass --yes where no person starts the command.")
        return False


def clean(account: Account, parsed: argparse.Namespace, report: Report) -> int:
    """Find what earlier runs have left, ask, and delete it."""
    found = [each for kind in KINDS for each in find_leftovers(account, kind)]
    where = f"account {masked_account(account.location['account'])}, region {account.location['region']}"
    if not found:
        report(f"Nothing is left in {where}.")
        return 0
    report("\n".join([f"Left in {where}:", *(f"  {each} of run {each.run}" for each in found)]))
    if not (parsed.yes or confirm("delete it", report)):
        report("Nothing has been deleted.")
        return FAILED
    remove(account, report=report)
    return 0


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _minutes(argument: str) -> int:
    if not (argument.isdecimal() and 10 <= int(argument) <= 240):  # noqa: PLR2004 - the message says what they are
        raise argparse.ArgumentTypeError(f"must be a number from 10 to 240 (got {argument!r})")
    return int(argument)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m live",
        description="Prove on a real AWS account that the component works: deploy it, use it with real instances, "
        "and delete everything again. It asks before it creates anything. It uses the credentials of the AWS SDK.",
        epilog="Exit codes: 0 success, 1 a check failed or the run did not end, 2 wrong usage, 130 interrupted.",
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=("run", "clean"),
        default="run",
        help="Make the run, or delete what killed runs have left, which has the tag ssm-profile-live (default: run)",
    )
    parser.add_argument("--yes", action="store_true", help="Do not ask. Needed where no person starts the run")
    parser.add_argument("--region", help="Use this region (default: the one of the AWS SDK)")
    parser.add_argument("--subnet", help="Launch the instances in this subnet, which needs outbound HTTPS")
    parser.add_argument(
        "--minutes", type=_minutes, default=60, help="End after so many minutes, from 10 to 240 (default: 60)"
    )
    parser.add_argument(
        "--page", type=Path, default=PAGE, help="Write the results to this file (default: docs/live.md)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
