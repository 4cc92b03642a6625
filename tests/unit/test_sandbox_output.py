"""What the sandbox prints, at the usual widths of a terminal."""

import io
import json
import re
from types import SimpleNamespace

import pytest

from ssm_profile.policy import grants
from tests import require

rich_console = require("rich.console")
output = require("sandbox.output")

LONG_ARN = "arn:aws:iam::123456789012:instance-profile/" + "path/" * 20 + "web-profile-1234567"
OUTPUTS = {
    "actions": ["ec2:Describe*", "ssm:UpdateInstanceInformation"],
    "instanceProfileArn": LONG_ARN,
    "policyJson": json.dumps({"Version": "2012-10-17", "Statement": [{"Resource": [LONG_ARN, "*"]}]}),
    "startSession": "aws ssm start-session --target i-0123456789abcdef0 --region eu-central-1 --profile [default]",
}


@pytest.fixture(params=[80, 100, 120])
def console(request):
    return rich_console.Console(width=request.param, file=io.StringIO(), highlight=False)


def diagnostic(message, severity="error"):
    return event(diagnostic_event=SimpleNamespace(severity=severity, message=message))


def event(**parts):
    names = ("resource_pre_event", "res_outputs_event", "res_op_failed_event", "diagnostic_event")
    return SimpleNamespace(**(dict.fromkeys(names) | parts))


def test_outputs_stay_whole(console):
    output.print_outputs(console, OUTPUTS)

    printed = console.file.getvalue()
    for value in (*OUTPUTS["actions"], OUTPUTS["instanceProfileArn"], OUTPUTS["startSession"]):
        assert value in printed
    policy, _ = json.JSONDecoder().raw_decode(printed, printed.index("{"))
    assert policy == json.loads(OUTPUTS["policyJson"])


def test_grants_stay_whole(console):
    """Each action is in one piece, and each purpose has all its words."""
    options = {"quiet_agent": True, "patching": True, "state_manager": True, "distributor": True}
    output.print_grants(console, options)

    printed = console.file.getvalue()
    words = " ".join(printed.split())
    for grant in grants(options):
        assert f"  {grant.action}  " in printed
        assert " ".join(grant.purpose.split()) in words
    assert max(map(len, printed.splitlines())) <= console.width


def test_steps_stay_whole(console):
    kind = "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive"
    name = "a-component-with-a-long-name-attachments-exclusive"
    metadata = SimpleNamespace(op="create", type=kind, urn=f"urn:pulumi:dev::project::{kind}::{name}")
    steps = output.StepPrinter(console)

    steps.on_event(event(resource_pre_event=SimpleNamespace(planning=True, metadata=metadata)))
    steps.on_event(event(res_outputs_event=SimpleNamespace(planning=False, metadata=metadata)))
    steps.on_event(event(res_op_failed_event=SimpleNamespace(metadata=metadata)))

    assert re.sub(" +", " ", console.file.getvalue()).splitlines() == [
        f" + create {kind} {name}",
        f" + created {kind} {name}",
        f" x failed {kind} {name}",
    ]


def test_messages_are_printed_once(console):
    """Pulumi sends an error of a program twice, the second time with a prefix."""
    steps = output.StepPrinter(console)
    message = f"creating IAM Role ({LONG_ARN}): [AccessDenied]"

    steps.on_event(diagnostic(f"{message}<{{%reset%}}>\n"))
    steps.on_event(diagnostic(f"an unhandled error occurred: {message}"))
    steps.on_event(diagnostic("registering resource", severity="debug"))
    steps.print_error(RuntimeError("code: 255"))

    assert console.file.getvalue() == f"  error: {message}\n"


def test_error_of_cli_is_printed(console):
    """The CLI writes its own errors to standard error only; warnings before them are not the reason."""
    steps = output.StepPrinter(console)

    for line in ("warning: old version", "error: validating stack config:", f"  key {LONG_ARN}"):
        steps.on_error(line)
    steps.print_error(RuntimeError("code: 255"))

    assert console.file.getvalue() == f"  error: validating stack config:\n  key {LONG_ARN}\n"


def test_unexplained_failure_is_printed(console):
    output.StepPrinter(console).print_error(RuntimeError("code: 255"))

    assert console.file.getvalue() == "  error: code: 255\n"


def test_checks_show_results(console):
    output.print_checks(console, {"The role exists.": True, "The policy exists.": False})

    assert console.file.getvalue() == "  yes  The role exists.\n  NO   The policy exists.\n"
