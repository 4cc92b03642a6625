"""The flags of each command, which cog writes into docs/command.md."""

import click

from ssm_profile.cli.app import ssm_profile


def command_flags() -> str:
    """A Markdown table of flags for each set of commands that share them, and for each command."""
    commands = {name: _visible_flags(command) for name, command in ssm_profile.commands.items()}
    tables: dict[tuple[str, ...], dict[str, str]] = {}
    for flags in commands.values():
        for flag, text in flags.items():
            owners = tuple(name for name in commands if commands[name].get(flag) == text)
            tables.setdefault(owners, {})[flag] = text
    ordered = sorted(tables.items(), key=lambda table: -len(table[0]))
    return "\n".join(
        _table(" and ".join(", ".join(map(_code, owners)).rsplit(", ", 1)), flags) for owners, flags in ordered
    )


def _code(name: str) -> str:
    return f"`{name}`"


def _visible_flags(command: click.Command) -> dict[str, str]:
    flags: dict[str, str] = {}
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            value = "" if parameter.is_flag else f" {parameter.metavar or parameter.type.name.upper()}"
            flags[f"`{', '.join(parameter.opts)}{value}`"] = (parameter.help or "").replace("|", r"\|")
    return flags


def _table(title: str, flags: dict[str, str]) -> str:
    lines = [f"### {title}", "", "| flag | description |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {flag} | {text} |" for flag, text in flags.items()), ""])
