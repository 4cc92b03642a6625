"""``python -m sandbox``: the main job on an emulated AWS, that AWS kept running, or the CLI alone."""

import argparse
import shlex
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, NoReturn

import boto3
import yaml
from pulumi.automation import CommandError, Stack
from rich.console import Console
from rich.markup import escape

from ssm_profile.policy import Options, policy_document
from ssm_profile.settings import parse_config

from . import SandboxError
from .aws import ACCOUNT
from .pulumi_cli import find_pulumi
from .report import Steps, print_grants, print_outputs
from .workspace import ROOT, Sandbox

LAUNCH = ROOT / "examples" / "launch"
FAILED, INTERRUPTED = 1, 130
_WHERE_IT_WRITES = "the sandbox writes below the user's cache alone; XDG_CACHE_HOME names another place for it"


def main() -> int:
    """Run a command and give the exit code."""
    arguments = _parser().parse_args()
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    for ends in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ends, _interrupt)
    try:
        return arguments.command(console, arguments)
    except KeyboardInterrupt:
        console.print("\nInterrupted. Nothing is left of the run.")
        return INTERRUPTED
    except CommandError:
        console.print("[red]The engine refused or failed, for the reason above.[/] Nothing is left of the run.")
        return FAILED
    except SandboxError as error:
        console.print(f"[red]error:[/] {error}", soft_wrap=True)
        return FAILED
    except OSError as error:
        console.print(f"[red]error:[/] {escape(str(error))}: {_WHERE_IT_WRITES}", soft_wrap=True)
        return FAILED


def up(console: Console, arguments: argparse.Namespace) -> int:
    """Preview, deploy, read back and destroy one stack; and between, a stack of examples/launch that uses it."""
    stacks = sorted(file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml"))
    if arguments.stack not in stacks:
        raise SandboxError(f"there is no Pulumi.{arguments.stack}.yaml; the stacks are {', '.join(stacks)}")
    started = time.monotonic()
    pulumi = find_pulumi(console)
    asked_for = (ROOT / f"Pulumi.{arguments.stack}.yaml").read_text() + str(arguments.set)
    aws_policies = ":iam::aws:policy/" in asked_for
    with Sandbox(pulumi, arguments.port, aws_policies=aws_policies, real_provider=_real(arguments)) as sandbox:
        console.print(f"Pulumi {pulumi.version}, and an emulated AWS (account {ACCOUNT}) at {sandbox.aws.url}")
        steps = Steps(console)
        listeners = {"on_event": steps.on_event, "on_error": steps.on_error}
        try:
            stack = sandbox.stack(arguments.stack, config=dict(arguments.set))
            console.rule(f"pulumi preview --stack {arguments.stack}", align="left")
            stack.preview(**listeners)
            console.rule(f"pulumi up --stack {arguments.stack}", align="left")
            outputs = {name: output.value for name, output in stack.up(**listeners).outputs.items()}
            print_outputs(console, outputs)
            config = {key: setting.value for key, setting in stack.get_all_config().items()}
            options, _ = parse_config(config, stack.workspace.project_settings().name)
            print_grants(console, options)
            console.rule("Read back from the emulated IAM", align="left")
            location = _location(config["aws:region"])
            as_intended = _read_back(console, sandbox, outputs, options, location)
            launch = sandbox.stack(arguments.stack, LAUNCH, _launch_config(sandbox, stack, location))
            console.rule(f"examples/launch: pulumi up --stack {arguments.stack}", align="left")
            launched = {name: output.value for name, output in launch.up(**listeners).outputs.items()}
            print_outputs(console, launched)
            console.rule("Read back from the emulated EC2", align="left")
            as_intended &= _read_back_launch(console, sandbox, launched, outputs, location["region"])
            console.rule(f"examples/launch: pulumi destroy --stack {arguments.stack}", align="left")
            launch.destroy(**listeners)
            console.rule(f"pulumi destroy --stack {arguments.stack}", align="left")
            _destroy(console, sandbox, stack, listeners)
        except CommandError as error:
            steps.say_if_nothing_was_said(error)
            raise
        nothing_left = _nothing_left(console, sandbox, config["aws:region"])
    console.print(f"Done in {time.monotonic() - started:.0f} s.")
    return 0 if as_intended and nothing_left else FAILED


def cli(console: Console, _: argparse.Namespace) -> int:
    """Find or get the Pulumi CLI, and say which it is."""
    pulumi = find_pulumi(console)
    console.print(f"Pulumi {pulumi.version}: {shutil.which(pulumi.command)}", soft_wrap=True)
    return 0


def serve(console: Console, arguments: argparse.Namespace) -> int:
    """Keep an emulated AWS and a Pulumi home for it until Ctrl-C."""
    pulumi = find_pulumi(console)
    with Sandbox(pulumi, arguments.port, aws_policies=True, real_provider=_real(arguments)) as sandbox:
        console.print(f"An emulated AWS (account {ACCOUNT}) is at {sandbox.aws.url}. In another terminal:\n")
        for name, value in sandbox.by_hand().items():
            console.print(f"export {name}={shlex.quote(value)}", soft_wrap=True, markup=False)
        console.print("unset AWS_PROFILE AWS_SESSION_TOKEN")
        console.print("\nCtrl-C ends it, and everything in it is gone.")
        threading.Event().wait()
    return 0


def _real(arguments: argparse.Namespace) -> bool:
    return bool(arguments.provider == "real")


def _location(region: str) -> dict[str, str]:
    """Where the emulated AWS is, by what is known of it and not by the engine's word."""
    partition = boto3.Session().get_partition_for_region(region)
    return {"partition": partition, "region": region, "account": ACCOUNT}


def _read_back(
    console: Console, sandbox: Sandbox, outputs: dict[str, Any], options: Options, location: Options
) -> bool:
    """Say whether IAM has the policy that the options ask for, and the role and profile that the stack put out."""
    iam = sandbox.aws.client("iam", region_name=location["region"])
    role, further = outputs["roleName"], set(options.get("managed_policy_arns", []))
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    attached = {policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]}
    for arn in attached - further:
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        documents.append(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])
    profile = iam.get_instance_profile(InstanceProfileName=outputs["instanceProfileName"])["InstanceProfile"]
    checks = {
        "the role's only policy is the intended one": documents == [policy_document(options, location)],
        "what the options attach beside it is attached": further <= attached,
        "the instance profile holds the role": [held["RoleName"] for held in profile["Roles"]] == [role],
    }
    return _print_checks(console, checks)


def _launch_config(sandbox: Sandbox, stack: Stack, location: Options) -> dict[str, str]:
    """The config with which the launch example uses a stack."""
    config = {
        "aws:region": location["region"],
        "profileStack": f"organization/{stack.workspace.project_settings().name}/{stack.name}",
    }
    if location["partition"] != "aws":  # where moto has no public parameters with images
        images = sandbox.aws.client("ec2", region_name=location["region"]).describe_images()["Images"]
        config["imageId"] = images[0]["ImageId"]
    return config


def _read_back_launch(
    console: Console, sandbox: Sandbox, launched: dict[str, Any], outputs: dict[str, Any], region: str
) -> bool:
    """Say whether EC2 has launched an instance that carries the profile and can be reached by nothing else."""
    ec2 = sandbox.aws.client("ec2", region_name=region)
    found = ec2.describe_instances(InstanceIds=[launched["instanceId"]])["Reservations"][0]["Instances"][0]
    groups = ec2.describe_security_groups(GroupIds=[group["GroupId"] for group in found["SecurityGroups"]])
    checks = {
        "the instance carries the instance profile": found["IamInstanceProfile"]["Arn"]
        == outputs["instanceProfileArn"],
        "its metadata asks for IMDSv2": found["MetadataOptions"]["HttpTokens"] == "required",
        "it has no key pair": not found.get("KeyName"),
        "no port is open to it": not any(group["IpPermissions"] for group in groups["SecurityGroups"]),
    }
    return _print_checks(console, checks)


def _print_checks(console: Console, checks: Mapping[str, bool]) -> bool:
    for text, true in checks.items():
        console.print(f"  {'[green]yes[/]' if true else '[red]NO [/]'} {text}")
    return all(checks.values())


def _destroy(console: Console, sandbox: Sandbox, stack: Stack, listeners: dict[str, Any]) -> None:
    resources = (stack.export_stack().deployment or {}).get("resources", [])
    if any(resource.get("protect") for resource in resources):
        console.print("  The stack is protected, so `pulumi destroy` would refuse: unprotecting it first.")
        sandbox.unprotect(stack)
    stack.destroy(**listeners)


def _nothing_left(console: Console, sandbox: Sandbox, region: str) -> bool:
    """Say whether IAM is empty again, and nothing runs in EC2."""
    iam = sandbox.aws.client("iam", region_name=region)
    left = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    left += [policy["PolicyName"] for policy in iam.list_policies(Scope="Local")["Policies"]]
    left += [profile["InstanceProfileName"] for profile in iam.list_instance_profiles()["InstanceProfiles"]]
    running = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    reservations = sandbox.aws.client("ec2", region_name=region).describe_instances(Filters=running)["Reservations"]
    left += [instance["InstanceId"] for reservation in reservations for instance in reservation["Instances"]]
    console.print(f"[red]Left behind: {', '.join(left)}[/]" if left else "[green]Nothing is left.[/]")
    return not left


def _setting(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not (key and separator):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form KEY=VALUE, such as quietAgent=true")
    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise argparse.ArgumentTypeError(f"the value of {key} is not YAML: {error}") from error


def _interrupt(*_: object) -> NoReturn:
    # The threads that read from the CLI find its output closed, and would say so with a traceback.
    threading.excepthook = lambda _: None
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Runs the real Pulumi engine against an AWS emulated on this machine. Nothing outside is touched.",
        epilog="Exit codes: 0 all as intended, 1 something was not, 2 wrong usage, 130 interrupted.",
    )
    commands = parser.add_subparsers(required=True, metavar="up | serve | cli")
    up_parser = commands.add_parser("up", help="preview, deploy, read back and destroy a stack", description=up.__doc__)
    up_parser.set_defaults(command=up)
    up_parser.add_argument("--stack", default="dev", help="the stack, of Pulumi.STACK.yaml (default: dev)")
    up_parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        type=_setting,
        help="set a config key, beside those of the file: --set quietAgent=true (again for another)",
    )
    serve_parser = commands.add_parser("serve", help="keep an emulated AWS running", description=serve.__doc__)
    serve_parser.set_defaults(command=serve)
    cli_parser = commands.add_parser("cli", help="find or get the Pulumi CLI", description=cli.__doc__)
    cli_parser.set_defaults(command=cli)
    for command in (up_parser, serve_parser):
        command.add_argument(
            "--provider",
            choices=("fake", "real"),
            default="fake",
            help="what calls the emulated AWS: the sandbox's own fake provider (default), or pulumi-resource-aws",
        )
        command.add_argument("--port", type=int, default=0, help="the emulated AWS's port (default: a free one)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
