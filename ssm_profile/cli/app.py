"""The commands and their flags."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import rich_click as click

from ssm_profile.descriptions import option_descriptions
from ssm_profile.errors import InputError
from ssm_profile.options import OPTIONS, option_at
from ssm_profile.policy import GRANTING
from ssm_profile.validation import find_mistakes
from ssm_profile.version import __version__

from . import TROUBLE
from . import compare as comparing
from . import explain as explaining
from .report import Report, markdown, print_report
from .sources import Configured, configured, policy_from, read_text, stack_config

DIFFERENT, TO_MEND, NO_OPTION = 1, 1, 1


def _answering(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with errors of input as messages in place of tracebacks."""

    def run(**arguments: Any) -> None:
        try:
            command(**arguments)
        except InputError as error:
            # Not by click's own way, whose frame would break the message's lines.
            click.echo(f"{click.style('Error:', fg='red')} {error}", err=True)
            sys.exit(TROUBLE)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run


def _flag(path: str) -> str:
    return f"--{path.replace('.', '-').replace('_', '-')}"


def _flags(path: str) -> list[click.RichOption]:
    """The flags of an option, or of a key of one. A map has a flag for each key."""
    option, text = option_at(path), option_descriptions()[path]
    if option.keys:
        switch = [] if option.required_keys else [_switch(path, text, value=True)]
        return switch + [flag for key in option.keys for flag in _flags(f"{path}.{key}")]
    if option.requires:
        text += f" Requires {_flag(option.requires)}."
    if option.type == "boolean":
        texts = {True: text, False: f"Do not {text[0].lower()}{text[1:]}"}
        changed = not option.default
        # Both exist, so that a flag can override the file of a stack. The help shows the one that changes the default.
        return [
            _switch(path, texts[changed], value=changed),
            _switch(path, texts[not changed], value=not changed, hidden=True),
        ]
    is_list = option.type == "array"
    return [
        click.RichOption(
            [_variable(path), _flag(path)],
            multiple=is_list,
            default=None,
            metavar="TEXT",
            help=f"{text} Repeatable." if is_list else text,
            panel=_PERMISSIONS,
        )
    ]


def _switch(path: str, text: str, *, value: bool, hidden: bool = False) -> click.RichOption:
    flag = _flag(path) if value else f"--no-{_flag(path)[2:]}"
    return click.RichOption(
        [_variable(path), flag],
        is_flag=True,
        flag_value=value,
        default=None,
        help=text,
        hidden=hidden,
        panel=_PERMISSIONS,
    )


def _variable(path: str) -> str:
    return path.replace(".", "__")


_PERMISSIONS = "Permissions added to the baseline"


def _with_option_flags(command: click.Command) -> click.Command:
    """The command with a flag for each option that decides what is granted."""
    command.params += [flag for name in OPTIONS if name in GRANTING for flag in _flags(name)]
    return command


def _options_from(flags: Mapping[str, Any]) -> dict[str, Any]:
    """The options that flags set."""
    options: dict[str, Any] = {}
    for variable, value in flags.items():
        if value is None or value == ():
            continue
        name, _, key = variable.partition("__")
        entry = list(value) if isinstance(value, tuple) else value
        if OPTIONS[name].keys and not key:
            options.setdefault(name, {})
        elif key:
            options.setdefault(name, {})[key] = entry
        else:
            options[name] = entry
    return options


def _configured(stack: str | None, folder: Path, region: str | None, flags: Mapping[str, Any]) -> Configured:
    """The options of a stack and of flags together. A flag overrides the stack."""
    stack_options, stack_region = stack_config(stack, folder) if stack else ({}, None)
    flag_options = _options_from(flags)
    options = stack_options | {
        name: {**stack_options.get(name, {}), **value} if isinstance(value, dict) else value
        for name, value in flag_options.items()
    }
    if mistakes := find_mistakes(options, _flag):
        raise InputError("\n".join(["the options are not valid:", *(f"  {mistake}" for mistake in mistakes)]))
    name = f"stack {stack}" if stack else "these options" if flag_options else "the default"
    return configured(f"{name}, with flags" if stack and flag_options else name, options, region or stack_region)


def _print(found: Any, report: Report, form: str) -> None:
    if form == "json":
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    elif form == "markdown":
        sys.stdout.write(markdown(report))
    else:
        print_report(report)


def _forms(command: Callable[..., None]) -> Callable[..., None]:
    as_json = click.option("--json", "form", flag_value="json", help="Print JSON, for other programs.")
    as_markdown = click.option("--markdown", "form", flag_value="markdown", help="Print Markdown, for pull requests.")
    as_text = click.option("--text", "form", flag_value="text", default="text", help="Print text (the default).")
    return as_json(as_markdown(as_text(command)))


_cwd = click.option(
    "-C",
    "--cwd",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    help="The folder of Pulumi.yaml; by default this one.",
)
_region = click.option("--region", help="The region to deploy to, such as eu-central-1; by default the stack's.")


_HELP = click.RichHelpConfiguration(max_width=110)


@click.group(
    epilog="Exit codes: 0 nothing to report, 1 a difference, something to mend or no option, 2 wrong usage or input. "
    "Nothing is changed, and nothing is called but IAM's read-only actions by `audit --role`.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="ssm-profile")
@click.rich_config(help_config=_HELP)
def ssm_profile() -> None:
    """What EC2 instances may do with AWS Systems Manager, and why."""


@_with_option_flags
@ssm_profile.command(
    panels=[click.RichOptionPanel("Options"), click.RichOptionPanel(_PERMISSIONS)],
    epilog="Exit code: 0; 2 for wrong usage or input.",
)
@click.option("--stack", metavar="NAME", help="Explain the policy of this stack, by Pulumi.NAME.yaml.")
@_cwd
@_region
@_forms
@_answering
def explain(stack: str | None, folder: Path, region: str | None, form: str, **flags: Any) -> None:
    """Every action that a policy grants: what for, what is seen without it, on which resources, by which source.

    Without anything, the default policy; with flags, those options; with both, the stack's with the flags on top.
    """
    found = explaining.explanation(_configured(stack, folder, region, flags))
    _print(found, explaining.report(found), form)


@_with_option_flags
@ssm_profile.command(
    panels=[click.RichOptionPanel("Options"), click.RichOptionPanel(_PERMISSIONS)],
    epilog="Exit code: 0 if the two grant the same, 1 if not; 2 for wrong usage or input.",
)
@click.argument("policy", required=False)
@click.option("--stack", "stacks", metavar="NAME", multiple=True, help="Compare this stack; given twice, the two.")
@_cwd
@_region
@_forms
@_answering
def compare(
    policy: str | None, stacks: tuple[str, ...], folder: Path, region: str | None, form: str, **flags: Any
) -> None:
    """This policy beside another: granted only here, only there, in both; and the options that would match it.

    POLICY is a file with a policy document, - for standard input, or one of AWS's own by name, of which there are
    frozen copies: AmazonEC2RoleforSSM, AmazonSSMManagedEC2InstanceDefaultPolicy, AmazonSSMManagedInstanceCore (the
    default), CloudWatchAgentServerPolicy.
    """
    if len(stacks) > 2 or (len(stacks) == 2 and policy):  # noqa: PLR2004 - two sides
        raise click.UsageError("There are two sides: one stack beside a POLICY, or two stacks.")
    here = _configured(stacks[0] if stacks else None, folder, region, flags).policy
    if len(stacks) == 2:  # noqa: PLR2004 - two sides
        there = _configured(stacks[1], folder, region, flags).policy
    else:
        there = policy_from(policy or "AmazonSSMManagedInstanceCore")
    found = comparing.comparison(here, there)
    _print(found, comparing.report(found), form)
    sys.exit(DIFFERENT if comparing.differs(found) else 0)


@ssm_profile.command(
    epilog="Exit code: 0 if there is nothing to mend, or an option grants what was denied; 1 if not; "
    "2 for wrong usage or input."
)
@click.argument("source", metavar="[FILE]", required=False)
@click.option("--role", metavar="NAME", help="Audit this role, with AWS credentials as for the AWS CLI. Read-only.")
@click.option(
    "--denied",
    is_flag=True,
    help="Say which option grants what AccessDenied messages or CloudTrail events in FILE (or standard input) tell of.",
)
@_forms
@_answering
def audit(source: str | None, role: str | None, form: str, *, denied: bool) -> None:
    """Whether a policy lets Systems Manager work, what it lacks, what it should lose, and the options that replace it.

    FILE has a policy document, or what the AWS CLI prints for one; - is standard input. The name of one of AWS's own
    policies does as well.
    """
    if denied and not role:
        from . import denied as denials  # noqa: PLC0415 - so that the other commands start sooner

        answers = [denials.answer(denial) for denial in denials.denials_in(read_text(source or "-"))]
        _print(answers, denials.report(answers), form)
        sys.exit(0 if all(found["options"] for found in answers) else NO_OPTION)
    if denied or bool(source) == bool(role):
        raise click.UsageError("Give a FILE, or --role NAME, or --denied with a FILE or standard input.")
    from . import audit as auditing  # noqa: PLC0415 - the same

    if role:
        from .role import read_role  # noqa: PLC0415 - the same

        read = read_role(role)
        found = auditing.audit(read.policy, read.attached, read.notes)
    else:
        found = auditing.audit(policy_from(str(source)))
    _print(found, auditing.report(found), form)
    sys.exit(0 if auditing.is_clean(found) else TO_MEND)
