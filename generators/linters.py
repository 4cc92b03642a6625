"""``make linters``: writes linters.md, what third-party linters find in these policies and in others' ones."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ssm_profile.cli.sources import aws_policies
from ssm_profile.policy import policy_document, trust_policy

from .option_sets import EVERYTHING, LOCATION, SMALLEST

PAGE = Path(__file__).parent.parent / "docs" / "linters.md"
TOOLS = Path(__file__).parent.parent / ".venv-linters" / "bin"

BASTION_HOST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["ssmmessages:*", "ssm:UpdateInstanceInformation", "ec2messages:*"],
            "Resource": "*",
        }
    ],
}

INTRODUCTION = """<!-- Written by `make linters`. Do not edit. -->

# What linters find

[cloudsplaining](https://github.com/salesforce/cloudsplaining) {cloudsplaining} and
[checkov](https://github.com/bridgecrewio/checkov) {checkov}, on this project's policies and on others'.
checkov sees each as part of a role in a CloudFormation template. `make linters` writes this page; `make proof` fails
when it is not true any more.

What the default has is the heartbeat on `*`: `scope_heartbeat` takes it away, and the environment prod has that.

| policy | cloudsplaining | checkov |
| --- | --- | --- |
"""


def page() -> str:
    """The whole page."""
    versions = {tool: _run(tool, "--version").split()[-1] for tool in ("cloudsplaining", "checkov")}
    rows = [
        f"| {name} | {_cell(cloudsplaining(document))} | {_cell(checkov(document))} |"
        for name, document in documents().items()
    ]
    return INTRODUCTION.format(**versions) + "\n".join([*rows, ""])


def documents() -> dict[str, Mapping[str, Any]]:
    """The policies, by what they are called."""
    return {
        "the default (the environment dev)": policy_document({}, LOCATION),
        "the environment prod": policy_document({**SMALLEST, "require_imdsv2": True}, LOCATION),
        "every option at once": policy_document(EVERYTHING, LOCATION),
        **{copy.label: copy.document for copy in aws_policies().values()},
        "AWS CDK's BastionHostLinux": BASTION_HOST,
    }


def cloudsplaining(document: Mapping[str, Any]) -> list[str]:
    """What cloudsplaining finds in a policy."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "policy.json"
        file.write_text(json.dumps(document))
        shown = re.sub("\x1b\\[[0-9;]*m", "", _run("cloudsplaining", "scan-policy-file", "--input-file", str(file)))
    found = re.findall(r"Policy is capable of (.+)\nActions: (.+)", shown)
    return [f"{risk}: {', '.join(f'`{action}`' for action in actions.split(', '))}" for risk, actions in found]


def checkov(document: Mapping[str, Any]) -> list[str]:
    """What checkov finds in a role with a policy."""
    policy = {"PolicyName": "policy", "PolicyDocument": document}
    role = {"AssumeRolePolicyDocument": trust_policy({}), "Policies": [policy]}
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": role}},
    }
    with TemporaryDirectory() as folder:
        file = Path(folder) / "template.json"
        file.write_text(json.dumps(template))
        options = ("--framework", "cloudformation", "--output", "json", "--quiet", "--compact", "--soft-fail")
        report = json.loads(_run("checkov", "--file", str(file), *options))
    if report["summary"]["parsing_errors"] or not report["summary"]["resource_count"]:
        raise RuntimeError(f"checkov has not read the template: {report['summary']}")
    return sorted(
        f"{check['check_id']}: {check['check_name'].removeprefix('Ensure IAM policies does not ')}"
        for check in report["results"]["failed_checks"]
    )


def _cell(found: list[str]) -> str:
    return "<br>".join(found) or "nothing"


def _run(tool: str, *arguments: str) -> str:
    command = [str(TOOLS / tool), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout  # noqa: S603 - our own


if __name__ == "__main__":
    sys.stdout.write(f"{PAGE.name}: {PAGE.write_text(page())} characters\n")
