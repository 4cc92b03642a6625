"""The flags of each command, which cog writes into docs/command.md."""

import click

from ssm_profile.cli.app import ssm_profile


def command_flags() -> str:
    """A Markdown table of flags for each command. Flags that two commands share are listed once."""
    commands = {name: _visible_flags(command) for name, command in ssm_profile.commands.items()}
    shared = {flag: text for flag, text in commands["explain"].items() if commands["compare"].get(flag) == text}
    sections = [_table("All of `explain` and `compare`", shared)]
    for name, flags in commands.items():
        own = {flag: text for flag, text in flags.items() if flag not in shared}
        sections.append(_table(f"`{name}`", own))
    return "\n".join(sections)


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
