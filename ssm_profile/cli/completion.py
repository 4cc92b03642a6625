"""What a shell completes: stacks, regions, AWS managed policies and files. Click completes commands and flags."""

from collections.abc import Iterable
from pathlib import Path

from click.shell_completion import CompletionItem
from rich_click import Context, Parameter

from ssm_profile.errors import InputError
from ssm_profile.regions import REGIONS

from .sources import aws_policies
from .stack_files import find_project


def complete_stack(context: Context, _parameter: Parameter, incomplete: str) -> list[str]:
    """The stacks of the project in the folder of ``--cwd``. Without a project there are none."""
    try:
        stacks = find_project(Path(context.params.get("folder") or ".")).stacks
    except InputError:
        return []
    return _beginning_with(incomplete, stacks)


def complete_region(_context: Context, _parameter: Parameter, incomplete: str) -> list[str]:
    """The regions."""
    return _beginning_with(incomplete, REGIONS)


def complete_policy(context: Context, _parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    """The AWS managed policies and files. ``audit --denied`` reads files only."""
    policies = [] if context.params.get("denied") else _beginning_with(incomplete, aws_policies())
    # Files are first, since Click's script for bash drops what is before them.
    return [CompletionItem(incomplete, type="file"), *map(CompletionItem, policies)]


def _beginning_with(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
