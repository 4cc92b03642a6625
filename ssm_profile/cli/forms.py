"""What every command shares: its forms of output, its errors, and the check of its flags."""

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import rich_click as click

from ssm_profile.errors import InputError

from . import exit_codes
from .report import Report, format_markdown, print_report


def with_readable_errors(command: Callable[..., None]) -> Callable[..., None]:
    """The command, which prints errors of input as messages, not as tracebacks."""

    def run(**arguments: Any) -> None:
        try:
            command(**arguments)
        except InputError as error:
            # Not with click's own errors: their frame breaks the lines of the message.
            click.echo(f"{click.style('Error:', fg='red')} {error}", err=True)
            sys.exit(exit_codes.ERROR)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run


def print_result(result: Any, report: Report, form: str) -> None:
    """Print a result in one of the forms of :func:`with_forms`.

    Args:
        result: Plain data, for JSON.
        report: The same for people.
        form: ``text``, ``json`` or ``markdown``.
    """
    if form == "json":
        sys.stdout.write(json.dumps(result, indent=2) + "\n")
    elif form == "markdown":
        sys.stdout.write(format_markdown(report))
    else:
        print_report(report)


def with_forms(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the flags ``--json``, ``--markdown`` and ``--text``. It receives the choice as ``form``."""
    as_json = click.option("--json", "form", flag_value="json", help="Print JSON, for programs.")
    as_markdown = click.option("--markdown", "form", flag_value="markdown", help="Print Markdown, for pull requests.")
    as_text = click.option("--text", "form", flag_value="text", default="text", help="Print text (the default).")
    return as_json(as_markdown(as_text(command)))


class Command(click.RichCommand):
    """A command that refuses flags that contradict each other. Click takes the last one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments as Click does, after the check."""
        if not ctx.resilient_parsing:
            _, _, given = self.make_parser(ctx).parse_args(list(args))
            _refuse_contradictions([each for each in given if isinstance(each, click.Option) and not each.multiple])
        return super().parse_args(ctx, args)


def _refuse_contradictions(given: Sequence[click.Option]) -> None:
    """Refuse two flags for one value, and a value that is passed twice.

    Args:
        given: The flags in the order of the command line.

    Raises:
        click.UsageError: If there are such flags.
    """
    first: dict[str | None, click.Option] = {}
    for flag in given:
        name, other = flag.opts[-1], first.setdefault(flag.name, flag)
        if other is not flag:
            raise click.UsageError(f"{other.opts[-1]} and {name} cannot be combined. Pass one of the two.")
    names = [flag.opts[-1] for flag in given if not flag.is_flag]
    for name in names:
        if names.count(name) > 1:
            raise click.UsageError(f"{name} can be passed only once.")
