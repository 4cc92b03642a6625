"""The command ``python -m sandbox``: deploy a stack to an emulated AWS, keep one running, or find the Pulumi CLI."""

import argparse
import errno
import os
import shlex
import shutil
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn

import boto3
import yaml
from pulumi.automation import CommandError, Stack
from rich.console import Console
from rich.markup import escape

from ssm_profile.policy import Options
from ssm_profile.regions import REGIONS
from ssm_profile.stack_config import parse_config

from . import SandboxError, UsageError
from .aws import ACCOUNT
from .checks import check_instance, check_role, remaining_resources
from .output import OutputConsole, OutputError, StepPrinter, print_checks, print_grants, print_heading, print_outputs
from .pulumi_cli import find_pulumi
from .workspace import ROOT, Sandbox, delete_runs

LAUNCH = ROOT / "examples" / "launch"
FAILED, WRONG_USAGE, NO_OUTPUT, INTERRUPTED = 1, 2, 2, 130
HIGHEST_PORT = 65535
_DISK_ERRORS = (errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EPERM, errno.EROFS)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WIDTH_OF_FILES = 140  # characters a line, where the output goes to a file or a pipe


def main() -> int:
    """Run a command and return the exit code."""
    arguments, unknown = _parser().parse_known_args()
    if unknown:
        arguments.parser.error(f"unrecognized arguments: {' '.join(unknown)}")  # with the usage of the command
    if sys.stdout is None:  # it was closed before Python started
        return _without_output(f"cannot write the output: {os.strerror(errno.EBADF)}.")
    has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    console = OutputConsole(width=None if has_width else WIDTH_OF_FILES, highlight=False)
    _on_signals(_interrupt)
    try:
        return _run(console, arguments)
    except OutputError as error:
        _on_signals(signal.SIG_IGN)
        return _without_output(f"{error}. {_what_is_left()}")


def _run(console: Console, arguments: argparse.Namespace) -> int:
    """Run a command, print why it failed, and return the exit code."""
    try:
        return arguments.command(console, arguments)
    except KeyboardInterrupt:
        _on_signals(signal.SIG_IGN)
        console.print(f"\nInterrupted. {_what_is_left()}", soft_wrap=True)
        return INTERRUPTED
    except CommandError:
        console.print(f"[red]Pulumi failed:[/] see the error above. {_what_is_left()}", soft_wrap=True)
        return FAILED
    except SandboxError as error:
        message, code = str(error), WRONG_USAGE if isinstance(error, UsageError) else FAILED
    except OSError as error:
        message, code = str(error), FAILED
        if error.errno in _DISK_ERRORS:
            message += ". The sandbox writes to the user's cache only: set XDG_CACHE_HOME to another directory."
    console.print(f"[red]error:[/] {escape(message)}", soft_wrap=True)
    return code


def _what_is_left() -> str:
    """Delete what an interruption has left of this run, and say whether this was possible."""
    if left := delete_runs(os.getpid()):
        return f"The emulated AWS is stopped, but {left[0]} could not be deleted. The next run deletes it."
    return "The emulated AWS and its state are deleted."


def _without_output(reason: str) -> int:
    """Write to standard error why there is no output, and return the exit code."""
    with suppress(OSError):
        os.write(2, f"error: {reason}\n".encode())
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # when Python ends, it writes what it could not write before
    return NO_OUTPUT


def up(console: Console, arguments: argparse.Namespace) -> int:
    """Deploy a stack to an emulated AWS, launch an instance with it, check both, and destroy both."""
    config = _stack_config(arguments.stack, dict(arguments.set))
    location = _location(config)
    started = time.monotonic()
    pulumi = find_pulumi(console)
    aws_policies = ":iam::aws:policy/" in str(config)
    with Sandbox(pulumi, arguments.port, aws_policies=aws_policies, real_provider=_real(arguments)) as sandbox:
        console.print(f"Pulumi {pulumi.version} deploys to an emulated AWS (account {ACCOUNT}) at {sandbox.aws.url}")
        steps = StepPrinter(console)
        listeners = {"on_event": steps.on_event, "on_error": steps.on_error}
        try:
            stack = sandbox.stack(arguments.stack, config=dict(arguments.set))
            print_heading(console, f"pulumi preview --stack {arguments.stack}")
            stack.preview(**listeners)
            outputs = _deploy(console, "", stack, listeners)
            settings = {key: setting.value for key, setting in stack.get_all_config().items()}
            options, _ = parse_config(settings, stack.workspace.project_settings().name)
            print_grants(console, options)
            print_heading(console, "Checks in the emulated IAM")
            checks = check_role(sandbox.aws, outputs, options, location)
            print_checks(console, checks)

            launch = sandbox.stack(arguments.stack, LAUNCH, _launch_config(sandbox, stack, location))
            launch_outputs = _deploy(console, "examples/launch: ", launch, listeners)
            print_heading(console, "Checks in the emulated EC2")
            launch_checks = check_instance(sandbox.aws, launch_outputs["instanceId"], outputs, location)
            print_checks(console, launch_checks)

            print_heading(console, f"examples/launch: pulumi destroy --stack {arguments.stack}")
            launch.destroy(**listeners)
            print_heading(console, f"pulumi destroy --stack {arguments.stack}")
            _destroy(console, sandbox, stack, listeners)
        except CommandError as error:
            steps.print_error(error)
            raise
        remaining = remaining_resources(sandbox.aws, location)
    if remaining:
        console.print(f"\n[red]Not destroyed: {escape(', '.join(remaining))}[/]", soft_wrap=True)
    else:
        console.print("\n[green]Both stacks are destroyed: no resource is left.[/]")
    console.print(f"The run took {time.monotonic() - started:.0f} s.")
    return 0 if all((*checks.values(), *launch_checks.values(), not remaining)) else FAILED


def cli(console: Console, _: argparse.Namespace) -> int:
    """Find the Pulumi CLI, install or build it if there is none, and print its version and path."""
    pulumi = find_pulumi(console)
    console.print(f"Pulumi {pulumi.version}: {shutil.which(pulumi.command)}", soft_wrap=True, markup=False)
    return 0


def serve(console: Console, arguments: argparse.Namespace) -> int:
    """Keep an emulated AWS running for pulumi, the AWS CLI and boto3 in another terminal, until Ctrl-C."""
    region = _location(_stack_config(arguments.stack))["region"]
    pulumi = find_pulumi(console)
    with Sandbox(pulumi, arguments.port, aws_policies=True, real_provider=_real(arguments)) as sandbox:
        script = sandbox.write_activate_script(region)
        instructions = f"""\
An emulated AWS (account {ACCOUNT}, region {region}) runs at {sandbox.aws.url}

In another terminal, with bash or zsh, type:

  source {shlex.quote(str(script))}

This points pulumi, the AWS CLI and boto3 to the emulated AWS,
and goes to a copy of this project. Then type, for example:

  pulumi stack init {arguments.stack}
  pulumi up
  pulumi stack output
  pulumi destroy

To stop the emulated AWS and delete everything in it, and the copy, press Ctrl-C here."""
        console.print(instructions, soft_wrap=True, markup=False)
        threading.Event().wait()
    return 0


def _stack_config(stack: str, added: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Read the config of a stack's file.

    Args:
        stack: The name of the stack.
        added: Config that is added, or replaces that of the file.

    Raises:
        UsageError: If there is no such stack, or if the file is not valid.
    """
    file = ROOT / f"Pulumi.{stack}.yaml"
    if not file.exists():
        stacks = sorted(file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in ROOT.glob("Pulumi.*.yaml"))
        raise UsageError(
            f"There is no stack {stack!r}, because there is no file Pulumi.{stack}.yaml. "
            f"Pass one of these to --stack: {', '.join(stacks)}."
        )
    try:
        content = yaml.safe_load(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file.name} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{file.name} cannot be read as YAML: {error}") from error
    config = content.get("config") if isinstance(content, dict) else content
    if not isinstance(config, dict | None):
        raise UsageError(f"{file.name} must have a map of keys and values as `config` (got {config!r}).")
    return {**(config or {}), **(added or {})}


def _real(arguments: argparse.Namespace) -> bool:
    return bool(arguments.provider == "real")


def _location(config: Mapping[str, Any]) -> dict[str, str]:
    """The partition, region and account of the stacks, independently of the engine.

    Raises:
        UsageError: If the region is missing, or is not one of AWS.
    """
    region = config.get("aws:region")
    if not isinstance(region, str) or region not in REGIONS:
        reason = "is missing" if region is None else f"must be a region of AWS (got {region!r})"
        raise UsageError(f"`aws:region` {reason}. Set it, for example with --set aws:region=eu-central-1.")
    return {"partition": boto3.Session().get_partition_for_region(region), "region": region, "account": ACCOUNT}


def _deploy(console: Console, project: str, stack: Stack, listeners: dict[str, Any]) -> dict[str, Any]:
    """Deploy a stack, and print and return its outputs."""
    print_heading(console, f"{project}pulumi up --stack {stack.name}")
    outputs = {name: output.value for name, output in stack.up(**listeners).outputs.items()}
    print_outputs(console, outputs)
    return outputs


def _launch_config(sandbox: Sandbox, stack: Stack, location: Options) -> dict[str, str]:
    """The config with which examples/launch uses a stack."""
    config = {
        "aws:region": location["region"],
        "profileStack": f"organization/{stack.workspace.project_settings().name}/{stack.name}",
    }
    if location["partition"] != "aws":  # moto has the public parameters with images in this partition only
        images = sandbox.aws.client("ec2", region_name=location["region"]).describe_images()["Images"]
        config["imageId"] = images[0]["ImageId"]
    return config


def _destroy(console: Console, sandbox: Sandbox, stack: Stack, listeners: dict[str, Any]) -> None:
    resources = (stack.export_stack().deployment or {}).get("resources", [])
    if any(resource.get("protect") for resource in resources):
        console.print("  The stack protects its resources from deletion. The sandbox removes the protection first.")
        sandbox.unprotect(stack)
    stack.destroy(**listeners)


def _setting(argument: str) -> tuple[str, Any]:
    key, separator, value = argument.partition("=")
    if not (key and separator):
        raise argparse.ArgumentTypeError(f"{argument!r} must have the form KEY=VALUE, for example quietAgent=true")
    try:
        return key, yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"the value of {key!r} must be YAML (got {value!r}): {error}") from error


def _port(argument: str) -> int:
    if not (argument.isdecimal() and int(argument) <= HIGHEST_PORT):
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {HIGHEST_PORT} (got {argument!r})")
    return int(argument)


def _on_signals(handler: Callable[..., Any] | signal.Handlers) -> None:
    for each in SIGNALS:
        signal.signal(each, handler)


def _interrupt(*_: object) -> NoReturn:
    warnings.simplefilter("ignore")  # the Automation API warns when the CLI ends before its stream of events
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Run the real Pulumi engine against an AWS that is emulated on this machine. "
        "No AWS account is needed, and no real account is used.",
        epilog="Exit codes: 0 success, 1 a check or Pulumi failed, 2 wrong usage or output that cannot be written, "
        "130 interrupted.",
    )
    commands = parser.add_subparsers(required=True, metavar="up | serve | cli")
    up_parser = commands.add_parser("up", help="Deploy, check and destroy a stack", description=up.__doc__)
    up_parser.set_defaults(command=up, parser=up_parser)
    up_parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        type=_setting,
        help="Set a config key of the stack, for example --set quietAgent=true or --set 'parameters={paths: [/app]}'. "
        "Repeatable",
    )
    serve_parser = commands.add_parser("serve", help="Keep an emulated AWS running", description=serve.__doc__)
    serve_parser.set_defaults(command=serve, parser=serve_parser)
    cli_parser = commands.add_parser("cli", help="Find or install the Pulumi CLI", description=cli.__doc__)
    cli_parser.set_defaults(command=cli, parser=cli_parser)
    for command, purpose in ((up_parser, "Deploy this stack"), (serve_parser, "Use the region of this stack")):
        command.add_argument(
            "--stack", default="dev", help=f"{purpose}, whose config is in Pulumi.STACK.yaml (default: dev)"
        )
        command.add_argument(
            "--provider",
            choices=("fake", "real"),
            default="fake",
            help="Use the sandbox's fake AWS provider, or the real one, pulumi-resource-aws (default: fake)",
        )
        command.add_argument(
            "--port", type=_port, default=0, help="Serve the emulated AWS on this port (default: a free one)"
        )
    return parser
