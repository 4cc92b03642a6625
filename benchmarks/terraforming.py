"""``python -m benchmarks.terraforming``: the same three resources by Terraform; prints seconds as JSON, or why not."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from sandbox.aws import CREDENTIALS, EmulatedAws, forget_real_aws

from .by_hand import POLICY, TRUST

PROVIDER = "hashicorp/aws"
TIMEOUT = 300
"""Seconds after which a command of Terraform counts as failed."""


def configuration(endpoint: str) -> dict[str, Any]:
    """The same as :func:`benchmarks.by_hand.resources`, in Terraform's words.

    Args:
        endpoint: The URL of the emulated AWS.
    """
    provider = {
        "region": "eu-central-1",
        "access_key": CREDENTIALS["AWS_ACCESS_KEY_ID"],
        "secret_key": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_requesting_account_id": True,
        "endpoints": [{"iam": endpoint, "sts": endpoint}],
    }
    role = {
        "name_prefix": "web-role-",
        "description": "Lets AWS Systems Manager manage the EC2 instances that use it.",
        "assume_role_policy": json.dumps(TRUST),
    }
    policy = {
        "name_prefix": "web-policy-",
        "role": "${aws_iam_role.web.name}",
        "policy": json.dumps(POLICY),
    }
    profile = {
        "name_prefix": "web-profile-",
        "role": "${aws_iam_role.web.name}",
        "depends_on": ["aws_iam_role_policy.web"],
    }
    return {
        "terraform": {"required_providers": {"aws": {"source": PROVIDER}}},
        "provider": {"aws": provider},
        "resource": {
            "aws_iam_role": {"web": role},
            "aws_iam_role_policy": {"web": policy},
            "aws_iam_instance_profile": {"web": profile},
        },
    }


def main() -> None:
    """Apply them once, on an emulated AWS of this process's own."""
    if not shutil.which("terraform"):
        print(json.dumps({"skipped": "there is no `terraform` on PATH"}))
        return
    forget_real_aws()
    aws = EmulatedAws()
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "main.tf.json").write_text(json.dumps(configuration(aws.url)))
        if _terraform(directory, "init").returncode:
            print(json.dumps({"skipped": f"`terraform init` cannot get the provider {PROVIDER} here"}))
            return
        started = time.perf_counter()
        applied = _terraform(directory, "apply", "-auto-approve")
        seconds = time.perf_counter() - started
        if applied.returncode:
            raise RuntimeError(f"terraform apply failed:\n{applied.stdout}{applied.stderr}")
        versions = json.loads(_terraform(directory, "version", "-json").stdout)
    if len(aws.client("iam").list_instance_profiles()["InstanceProfiles"]) != 1:
        raise RuntimeError("terraform has not made the instance profile")
    aws.stop()
    provider = next(iter(versions["provider_selections"].values()))
    print(json.dumps({"seconds": seconds, "terraform": versions["terraform_version"], "provider": provider}))


def _terraform(directory: str, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Terraform, with the environment's own TF_ settings."""
    return subprocess.run(
        ["terraform", command, *options],  # noqa: S607 - whether there is one on PATH was the question
        cwd=directory,
        env=os.environ | {"TF_IN_AUTOMATION": "true", "TF_INPUT": "false", "CHECKPOINT_DISABLE": "true"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


if __name__ == "__main__":
    main()
