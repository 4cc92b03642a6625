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
from ssm_profile.regions import partition_of
from ssm_profile.validation import find_mistakes, find_partition_mistakes
from ssm_profile.version import __version__

from . import exit_codes
from .audit import audit_policy, format_audit, is_clean
from .compare import compare_policies, differs, format_comparison
from .denied import answer_denials, format_answers, is_granted, plain, read_denials, read_source
from .explain import explain_policy, format_explanation
from .report import Report, format_markdown, print_report
from .sources import Configured, configured, policy_from, stack_config


def _with_readable_errors(command: Callable[..., None]) -> Callable[..., None]:
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


def _flag(path: str) -> str:
    """The flag of an option, or of a key of one."""
    return f"--{path.replace('.', '-').replace('_', '-')}"


def _flags(path: str) -> list[click.RichOption]:
    """The flags of an option, or of a key of one. A map has a flag for each key."""
    option, text = option_at(path), option_descriptions()[path]
    if option.keys:
        switch = [] if option.required_keys else [_switch(path, text, value=True)]
        return switch + [flag for key in option.keys for flag in _flags(f"{path}.{key}")]
    if option.requires:
        text += f" Requires {_flag(option.requires)}."
    if option.type != "boolean":
        text += f" Accepts {option.expects}."
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
    region = region or stack_region
    mistakes = find_mistakes(options, _flag)
    if region and not mistakes:
        mistakes = find_partition_mistakes(options, _flag, partition_of(region))
    if mistakes:
        raise InputError("\n".join(["the options are not valid:", *(f"  {mistake}" for mistake in mistakes)]))
    name = f"stack {stack}" if stack else "the policy of these flags" if flag_options else "the default policy"
    return configured(f"{name} with flags" if stack and flag_options else name, options, region, _flag)


def _print(result: Any, report: Report, form: str) -> None:
    if form == "json":
        sys.stdout.write(json.dumps(result, indent=2) + "\n")
    elif form == "markdown":
        sys.stdout.write(format_markdown(report))
    else:
        print_report(report)


def _forms(command: Callable[..., None]) -> Callable[..., None]:
    as_json = click.option("--json", "form", flag_value="json", help="Print JSON, for programs.")
    as_markdown = click.option("--markdown", "form", flag_value="markdown", help="Print Markdown, for pull requests.")
    as_text = click.option("--text", "form", flag_value="text", default="text", help="Print text (the default).")
    return as_json(as_markdown(as_text(command)))


_cwd = click.option(
    "-C",
    "--cwd",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    help="Read Pulumi.yaml in this folder. The default is the current folder.",
)
_region = click.option(
    "--region", help="Use this region in ARNs, for example eu-central-1. The default is the stack's region."
)


_HELP = click.RichHelpConfiguration(max_width=110)


@click.group(
    epilog="Exit codes: 0 no findings; 1 a difference, a finding, or a denied call that no option grants; "
    "2 wrong usage or input. The command changes nothing. Only `audit --role` calls AWS: it reads the role from IAM.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="ssm-profile")
@click.rich_config(help_config=_HELP)
def ssm_profile() -> None:
    """Explain, compare and audit the IAM permissions of EC2 instances for AWS Systems Manager."""


@_with_option_flags
@ssm_profile.command(
    panels=[click.RichOptionPanel("Options"), click.RichOptionPanel(_PERMISSIONS)],
    epilog="Exit codes: 0 explained; 2 wrong usage or input.",
)
@click.option("--stack", metavar="NAME", help="Explain the policy of this stack, whose file is Pulumi.NAME.yaml.")
@_cwd
@_region
@_forms
@_with_readable_errors
def explain(stack: str | None, folder: Path, region: str | None, form: str, **flags: Any) -> None:
    """Explain each action that a policy grants: resources, purpose, symptom when it is missing, and sources.

    Without --stack and flags, explain the default policy. With both, the flags override the options of the stack.
    """
    explanation = explain_policy(_configured(stack, folder, region, flags))
    _print(explanation, format_explanation(explanation), form)


@_with_option_flags
@ssm_profile.command(
    panels=[click.RichOptionPanel("Options"), click.RichOptionPanel(_PERMISSIONS)],
    epilog="Exit codes: 0 the policies grant the same; 1 they differ; 2 wrong usage or input.",
)
@click.argument("policy", required=False)
@click.option(
    "--stack",
    "stacks",
    metavar="NAME",
    multiple=True,
    help="Compare the policy of this stack. Repeat it to compare two stacks.",
)
@_cwd
@_region
@_forms
@_with_readable_errors
def compare(
    policy: str | None, stacks: tuple[str, ...], folder: Path, region: str | None, form: str, **flags: Any
) -> None:
    """Compare the policy of a stack or of flags with another policy, and list the options that grant the difference.

    POLICY is a file with a policy document, - for standard input, or the name of an AWS managed policy:
    AmazonSSMManagedInstanceCore (the default), AmazonSSMManagedEC2InstanceDefaultPolicy, AmazonEC2RoleforSSM or
    CloudWatchAgentServerPolicy. The command has copies of these four.
    """
    if len(stacks) > 2 or (len(stacks) == 2 and policy):  # noqa: PLR2004 - two sides
        raise click.UsageError("Pass one stack and a POLICY, or two stacks.")
    here = _configured(stacks[0] if stacks else None, folder, region, flags).policy
    if len(stacks) == 2:  # noqa: PLR2004 - two sides
        there = _configured(stacks[1], folder, region, flags).policy
    else:
        there = policy_from(policy or "AmazonSSMManagedInstanceCore")
    comparison = compare_policies(here, there)
    _print(comparison, format_comparison(comparison), form)
    sys.exit(exit_codes.FINDINGS if differs(comparison) else 0)


@ssm_profile.command(
    epilog="Exit codes: 0 nothing to fix, or an option grants each denied call; 1 findings, or no option grants a "
    "denied call; 2 wrong usage or input."
)
@click.argument("source", metavar="[FILE]", required=False)
@click.option("--role", metavar="NAME", help="Audit this role, with AWS credentials as for the AWS CLI. Read-only.")
@click.option(
    "--denied",
    is_flag=True,
    help="List the options that grant the denied calls in FILE or standard input: AccessDenied messages, a log of the "
    "SSM Agent, or CloudTrail events, also compressed with gzip.",
)
@_forms
@_with_readable_errors
def audit(source: str | None, role: str | None, form: str, *, denied: bool) -> None:
    """Check whether Systems Manager works with a policy, and list missing and unneeded permissions.

    The report ends with the options that replace the policy. FILE contains a policy document, or the output of an
    AWS CLI command that prints one. It can also be - for standard input, or the name of an AWS managed policy.
    """
    if denied and not role:
        answered = answer_denials(read_denials(read_source(source or "-")))
        _print(plain(answered), format_answers(answered), form)
        sys.exit(0 if is_granted(answered) else exit_codes.FINDINGS)
    if denied or bool(source) == bool(role):
        raise click.UsageError("Pass a FILE, or --role NAME, or --denied with a FILE or standard input.")
    if role:
        from .role import read_role  # noqa: PLC0415 - boto3 is costly to import

        read = read_role(role)
        result = audit_policy(read.policy, read.attached, read.notes)
    else:
        result = audit_policy(policy_from(str(source)))
    _print(result, format_audit(result), form)
    sys.exit(0 if is_clean(result) else exit_codes.FINDINGS)
