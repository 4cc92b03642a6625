"""The commands and their flags."""

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import rich_click as click

from ssm_profile.descriptions import option_descriptions
from ssm_profile.errors import InputError, TooLongError
from ssm_profile.options import OPTIONS, option_at
from ssm_profile.policy import GRANTING
from ssm_profile.regions import PARTITIONS, Location
from ssm_profile.validation import find_mistakes, find_partition_mistakes
from ssm_profile.version import __version__

from . import exit_codes
from .audit import CLEAN, LEVELS, SCHEMA_VERSION, audit_role, has_level
from .audit_report import format_audit
from .compare import compare_policies, differs, format_comparison
from .completion import complete_policy, complete_region, complete_stack
from .denied import answer_denials, format_answers, is_granted, plain, read_denials, read_source
from .diagnose.command import diagnose
from .explain import explain_policy, format_explanation
from .fleet.command import fleet
from .forms import Command, print_result, with_forms, with_readable_errors
from .policy import format_document, format_placeholders, format_tags, permissions_document, trust_document
from .report import bare
from .roles import Role, only_role, read_roles
from .sources import Configured, complete_location, configured
from .stack_files import StackOptions, read_stack


def _flag(path: str, value: Any = True) -> str:  # noqa: FBT002 - with one argument it is a label
    """The flag that gives an option, or a key of one, a value. A map in a list is ``--read-buckets[0].prefix``."""
    name = path if "[" in path else path.replace(".", "-")
    return f"--{'no-' if value is False else ''}{name.replace('_', '-')}"


def _flags(path: str) -> list[click.RichOption]:
    """The flags of an option, or of a key of one. A map has a flag for each key, a list of maps has one for all."""
    option, text = option_at(path), option_descriptions()[path]
    if option.is_list_of_maps:
        keys = ", ".join(key.replace("_", "-") for key in option.keys)
        text += f" Accepts KEY=VALUE pairs with commas between them, with the keys {keys}. Repeatable."
        return [
            click.RichOption(
                [_variable(path), _flag(path)],
                multiple=True,
                default=None,
                metavar="KEY=VALUE,...",
                help=text,
                panel=_PERMISSIONS,
            )
        ]
    if option.keys:
        switch = [] if option.required_keys else [_switch(path, text, value=True)]
        return switch + [flag for key in option.keys for flag in _flags(f"{path}.{key}")]
    if option.requires:
        text += f" Requires {' and '.join(map(_flag, option.requires))}."
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
    return click.RichOption(
        [_variable(path), _flag(path, value)],
        is_flag=True,
        flag_value=value,
        default=None,
        help=text,
        hidden=hidden,
        panel=_PERMISSIONS,
    )


def _variable(path: str) -> str:
    return path.replace(".", "__")


_PERMISSIONS = "Options for the policy"


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
        if OPTIONS[name].is_list_of_maps:
            options[name] = [_map_from(name, text) for text in entry]
        elif OPTIONS[name].keys and not key:
            options.setdefault(name, {})
        elif key:
            options.setdefault(name, {})[key] = entry
        else:
            options[name] = entry
    return options


def _map_from(name: str, text: str) -> dict[str, Any]:
    """A map that a flag has as ``bucket=scripts,kms-key-arn=...``.

    Raises:
        InputError: If the text is not in this form.
    """
    entry: dict[str, Any] = {}
    for pair in text.split(","):
        written, equals, value = pair.partition("=")
        key = written.replace("-", "_")
        if not equals or key in entry:
            problem = "has a key twice" if equals else "must consist of KEY=VALUE pairs with commas between them"
            example = ",".join(f"{key}={value}" for key, value in list(OPTIONS[name].example[0].items())[:2])
            raise InputError(f"`{_flag(name)}` {problem}. Write it as {example} (got {text!r}).")
        is_switch = key in OPTIONS[name].keys and OPTIONS[name].keys[key].type == "boolean"
        entry[key] = {"true": True, "false": False}.get(value, value) if is_switch else value
    return entry


def _configured(stack: str | None, folder: Path, location: Location, flags: Mapping[str, Any]) -> Configured:
    """The options and the location of a stack and of flags together. A flag overrides the stack."""
    of_stack = read_stack(stack, folder) if stack else StackOptions({}, None, ())
    for note in of_stack.notes:
        click.echo(note, err=True)
    flag_options = _options_from(flags)
    options = {
        **of_stack.options,
        **{
            name: {**of_stack.options.get(name, {}), **value} if isinstance(value, dict) else value
            for name, value in flag_options.items()
        },
    }
    known = complete_location(({"region": of_stack.region} if of_stack.region else {}) | dict(location))
    mistakes = find_mistakes(options, _flag)
    if "partition" in known and not mistakes:
        mistakes = find_partition_mistakes(options, _flag, known["partition"])
    if mistakes:
        raise InputError("\n".join(["the options are not valid:", *(f"  {mistake}" for mistake in mistakes)]))
    name = f"stack {stack}" if stack else "the policy of these flags" if flag_options else "the default policy"
    return configured(f"{name} with flags" if stack and flag_options else name, options, known, _flag)


_cwd = click.option(
    "-C",
    "--cwd",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    help="Read Pulumi.yaml in this folder. The default is the current folder.",
)


def _with_location(command: Callable[..., None]) -> Callable[..., None]:
    """The command with a flag for each field of the location. It receives those that are given."""

    @wraps(command)  # with the flags that the command already has
    def run(region: str | None, account: str | None, partition: str | None, **arguments: Any) -> None:
        fields = {"region": region, "account": account, "partition": partition}
        command(location={field: value for field, value in fields.items() if value is not None}, **arguments)

    flags = (
        click.option(
            "--region",
            shell_complete=complete_region,
            help="Use this region in ARNs, for example eu-central-1. The default is the stack's region.",
        ),
        click.option("--account", metavar="ID", help="Use this account in ARNs, for example 123456789012."),
        click.option(
            "--partition",
            metavar="NAME",
            type=click.Choice(PARTITIONS),
            help=f"Use this partition in ARNs. The default is the region's. Accepts {', '.join(PARTITIONS)}.",
        ),
    )
    for flag in reversed(flags):
        run = flag(run)
    return run


class _Group(click.RichGroup):
    command_class = Command


_HELP = click.RichHelpConfiguration(max_width=110)


@click.group(
    cls=_Group,
    epilog="Exit codes: 0 no findings; 1 a difference, a finding, or a denied call that no option grants; "
    "2 wrong usage or input, or output that cannot be written. The command changes nothing. Only `audit --role` "
    "without a file, `audit --instance`, `fleet` and `diagnose` call AWS. They only read.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="ssm-profile")
@click.rich_config(help_config=_HELP)
def ssm_profile() -> None:
    """Explain, print, compare and audit the IAM permissions of EC2 instances for AWS Systems Manager."""


@_with_option_flags
@ssm_profile.command(
    panels=[click.RichOptionPanel("Options"), click.RichOptionPanel(_PERMISSIONS)],
    epilog="Exit codes: 0 explained; 2 wrong usage or input.",
)
@click.option(
    "--stack",
    metavar="NAME",
    shell_complete=complete_stack,
    help="Explain the policy of this stack, whose file is Pulumi.NAME.yaml.",
)
@_cwd
@_with_location
@with_forms
@with_readable_errors
def explain(stack: str | None, folder: Path, location: Location, form: str, **flags: Any) -> None:
    """Explain each action that a policy grants: resources, purpose, symptom when it is missing, and sources.

    Without --stack and flags, explain the default policy. With both, the flags override the options of the stack.
    """
    explanation = explain_policy(_configured(stack, folder, location, flags))
    print_result(explanation, format_explanation(explanation), form)


@_with_option_flags
@ssm_profile.command(
    "policy",
    panels=[click.RichOptionPanel("Options"), click.RichOptionPanel(_PERMISSIONS)],
    epilog="Exit codes: 0 printed; 2 wrong usage or input.",
)
@click.option(
    "--stack",
    metavar="NAME",
    shell_complete=complete_stack,
    help="Print the policy of this stack, whose file is Pulumi.NAME.yaml.",
)
@_cwd
@_with_location
@click.option("--trust", is_flag=True, help="Print the trust policy of the role instead of the permissions policy.")
@with_readable_errors
def print_policy(stack: str | None, folder: Path, location: Location, *, trust: bool, **flags: Any) -> None:
    """Print a policy document as JSON: the permissions policy, or the trust policy of the role with --trust.

    Standard output has only the document. A part of an ARN that is not known is a placeholder such as <account>, and
    standard error names it. It also names the tag that a patch policy needs on the role. Without --stack and flags,
    print the default policy.
    """
    given = [_flag(name.replace("__", "."), value) for name, value in flags.items() if value not in (None, ())]
    if trust and given:
        raise click.UsageError(
            f"--trust and {given[0]} cannot be combined, because the trust policy has no permissions. "
            "Pass one of the two."
        )
    chosen = _configured(stack, folder, location, flags)
    if trust:
        sys.stdout.write(format_document(trust_document(chosen)))
        return
    sys.stdout.write(format_document(permissions_document(chosen)))
    if chosen.placeholders:
        click.echo(format_placeholders(chosen.placeholders), err=True)
    if chosen.tags:
        click.echo(bare(format_tags(chosen.tags)), err=True)


@_with_option_flags
@ssm_profile.command(
    panels=[click.RichOptionPanel("Options"), click.RichOptionPanel(_PERMISSIONS)],
    epilog="Exit codes: 0 the policies grant the same; 1 they differ; 2 wrong usage or input.",
)
@click.argument("policy", required=False, shell_complete=complete_policy)
@click.option(
    "--stack",
    "stacks",
    metavar="NAME",
    multiple=True,
    shell_complete=complete_stack,
    help="Compare the policy of this stack. Repeat it to compare two stacks.",
)
@_cwd
@_with_location
@with_forms
@with_readable_errors
def compare(
    policy: str | None, stacks: tuple[str, ...], folder: Path, location: Location, form: str, **flags: Any
) -> None:
    """Compare the policy of a stack or of flags with another policy, and list the options that grant the difference.

    POLICY is a file with a policy document, - for standard input, or the name of an AWS managed policy:
    AmazonSSMManagedInstanceCore (the default), AmazonSSMManagedEC2InstanceDefaultPolicy, AmazonEC2RoleforSSM or
    CloudWatchAgentServerPolicy. The command has copies of these four.
    """
    if len(stacks) > 2 or (len(stacks) == 2 and policy):  # noqa: PLR2004 - two sides
        raise click.UsageError("Pass one stack and a POLICY, or two stacks.")
    here = _configured(stacks[0] if stacks else None, folder, location, flags).policy
    if len(stacks) == 2:  # noqa: PLR2004 - two sides
        there = _configured(stacks[1], folder, location, flags).policy
    else:
        source = policy or "AmazonSSMManagedInstanceCore"
        there = only_role(source, read_roles(source)).policy
    comparison = compare_policies(here, there, location.get("account"))
    print_result(comparison, format_comparison(comparison), form)
    sys.exit(exit_codes.FINDINGS if differs(comparison) else 0)


@ssm_profile.command(
    epilog="Exit codes: 0 no policy or role is at the level of --fail-on; 1 one is; 2 wrong usage or input. With "
    "--denied: 0 options grant each denied call; 1 no option grants one of them; 2 wrong usage or input."
)
@click.argument("source", metavar="[FILE]", required=False, shell_complete=complete_policy)
@click.option(
    "--role",
    "role_names",
    metavar="NAME",
    multiple=True,
    help="Audit this role of FILE. Without FILE, read it from the account of your AWS credentials. NAME is a name, an "
    "ARN or a pattern such as 'web-*'. Repeatable.",
)
@click.option(
    "--instance", metavar="ID", help="Audit the role of this EC2 instance in the account of your AWS credentials."
)
@click.option(
    "--denied",
    is_flag=True,
    help="List the options that grant denied calls. FILE or standard input contains AccessDenied messages, a log of "
    "the SSM Agent, or CloudTrail events. It can be compressed with gzip.",
)
@click.option(
    "--fail-on",
    type=click.Choice([*(level for level in LEVELS if level != CLEAN), "never"]),
    default="risky",
    show_default=True,
    help="Exit with 1 if a policy or role is at this level or at a worse one.",
)
@click.option(
    "--all", "every_capability", is_flag=True, help="Also show the capabilities that the policy does not grant."
)
@with_forms
@with_readable_errors
def audit(  # noqa: PLR0913 - one for each flag
    source: str | None,
    role_names: tuple[str, ...],
    instance: str | None,
    form: str,
    *,
    denied: bool,
    fail_on: str,
    every_capability: bool,
) -> None:
    """Check whether Systems Manager works with a policy, and list missing and unneeded permissions.

    The report ends with the options that replace the policy. FILE contains a policy document, or one of these: the
    output of an AWS CLI command that prints a policy, a CloudFormation template, a plan or a state of Terraform, or the
    export of a Pulumi stack. FILE can also be - for standard input, or the name of an AWS managed policy. With --role
    or --instance, the command can read from AWS. It never changes anything there.
    """
    if denied and not (role_names or instance):
        answered = answer_denials(read_denials(_log_of(source or "-")))
        print_result(plain(answered), format_answers(answered), form)
        sys.exit(0 if is_granted(answered) else exit_codes.FINDINGS)
    if role_names and instance:
        raise click.UsageError("--role and --instance cannot be combined. Pass one of the two.")
    if denied or bool(source or role_names) == bool(instance):
        raise click.UsageError(
            "Pass a FILE, or --role NAME, or both, or --instance ID, or --denied with a FILE or standard input."
        )
    audits = [audit_role(role) for role in _roles(source, role_names, instance)]
    report = [part for each in audits for part in format_audit(each, every_capability=every_capability)]
    print_result({"schemaVersion": SCHEMA_VERSION, "audits": audits}, report, form)
    sys.exit(exit_codes.FINDINGS if fail_on != "never" and any(has_level(each, fail_on) for each in audits) else 0)


ssm_profile.add_command(fleet)
ssm_profile.add_command(diagnose)


def _log_of(source: str) -> str:
    """The text of a file with denied calls."""
    try:
        return read_source(source)
    except TooLongError as error:
        raise InputError(f"--denied: {error} Pass the lines with denied calls, or one file of CloudTrail.") from None


def _roles(source: str | None, names: tuple[str, ...], instance: str | None) -> list[Role]:
    """The roles to audit: of a file, or of the AWS account."""
    if source:
        return read_roles(source, names)
    from .iam_roles import read_role_of_instance, read_roles_by_name  # noqa: PLC0415 - boto3 is costly to import

    return [read_role_of_instance(instance)] if instance else read_roles_by_name(names)
