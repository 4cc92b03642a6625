"""Measures the audit on all AWS managed policies, as moto ships them: ``python -m benchmarks.public_policies``."""

import json
import sys
import time
from statistics import median

from moto.iam.aws_managed_policies import aws_managed_policies_data

from ssm_profile.cli.audit import audit_role
from ssm_profile.cli.roles import Role
from ssm_profile.errors import InputError
from ssm_profile.iam.documents import statements_of
from ssm_profile.iam.evaluator import Policy


def main() -> None:
    """Print the number of policies, those that are refused, and the processor time of an audit."""
    documents = {name: entry["Document"] for name, entry in json.loads(aws_managed_policies_data).items()}
    seconds: dict[str, float] = {}
    refused: dict[str, str] = {}
    for name, document in documents.items():
        started = time.process_time()
        try:
            audit_role(Role(Policy(name, statements_of(document, name))))
        except InputError as error:
            refused[name] = str(error)
        seconds[name] = time.process_time() - started
    slowest = max(seconds, key=lambda name: seconds[name])
    sys.stdout.write(
        f"{len(documents):,} policies, {len(refused):,} refused {refused or ''}\n"
        f"median {1000 * median(seconds.values()):.0f} ms, at most {1000 * seconds[slowest]:.0f} ms ({slowest})\n"
    )


if __name__ == "__main__":
    main()
