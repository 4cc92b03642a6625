"""``python -m benchmarks.terraform``: applies the same three resources with Terraform.

Prints the seconds of `terraform apply` and the versions as JSON, or the reason why Terraform cannot run here.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from sandbox.aws import CREDENTIALS, EmulatedAws, forget_real_aws

from .programs import DESCRIPTION, POLICY, TRUST

PROVIDER = "hashicorp/aws"
TIMEOUT = 300
"""Seconds after which a command of Terraform counts as failed."""


def configuration(endpoint: str) -> dict[str, Any]:
    """Return the configuration: the resources of :func:`benchmarks.programs.written_resources`.

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
    role = {"name_prefix": "web-role-", "description": DESCRIPTION, "assume_role_policy": json.dumps(TRUST)}
    role_name = "${aws_iam_role.web.name}"
    policy = {"name_prefix": "web-policy-", "role": role_name, "policy": json.dumps(POLICY)}
    profile = {"name_prefix": "web-profile-", "role": role_name, "depends_on": ["aws_iam_role_policy.web"]}
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
    """Apply the configuration once, to an emulated AWS of its own."""
    if not shutil.which("terraform"):
        print(json.dumps({"skipped": "`terraform` is not on PATH"}))
        return
    forget_real_aws()
    aws = EmulatedAws()
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "main.tf.json").write_text(json.dumps(configuration(aws.url)))
        if _terraform(directory, "init").returncode:
            print(json.dumps({"skipped": f"`terraform init` cannot download the provider {PROVIDER}"}))
            return
        start = time.perf_counter()
        apply = _terraform(directory, "apply", "-auto-approve")
        seconds = time.perf_counter() - start
        if apply.returncode:
            raise RuntimeError(f"`terraform apply` failed:\n{apply.stdout}{apply.stderr}")
        versions = json.loads(_terraform(directory, "version", "-json").stdout)
    if len(aws.client("iam").list_instance_profiles()["InstanceProfiles"]) != 1:
        raise RuntimeError("Terraform did not create the instance profile.")
    aws.stop()
    provider = next(iter(versions["provider_selections"].values()))
    print(json.dumps({"seconds": seconds, "terraform": versions["terraform_version"], "provider": provider}))


def _terraform(directory: str, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["terraform", command, *options],  # noqa: S607 - main() has looked for it on PATH
        cwd=directory,
        env=os.environ | {"TF_IN_AUTOMATION": "true", "TF_INPUT": "false", "CHECKPOINT_DISABLE": "true"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


if __name__ == "__main__":
    main()
