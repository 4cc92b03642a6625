"""``python -m benchmarks.side_by_side``: `ssm-profile fleet` and cloudsplaining on one account with planted faults.

Prints as JSON: the time and the memory of each, and how many of the planted faults of each kind each finds.
"""

import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .accounts import CHANNELS, HEARTBEAT
from .fleet import COMMAND
from .planted import PlantedAccount, planted_account
from .processes import measured

CLOUDSPLAINING = Path(__file__).parent.parent / ".venv-linters" / "bin" / "cloudsplaining"

REFUSED = "a policy that IAM would refuse"
"""A kind of fault at which cloudsplaining can stop, so that it gets the account without it then."""

NOT_READ = "content not in the input"
"""A kind of fault that cloudsplaining prints as an error in the role."""

ASKED = (
    "NotAction",
    "run_commands",
    "gain_permissions",
    "read_all_parameters",
    "read_all_secrets",
    "write_all_buckets",
    "read_all_buckets",
    "everything",
    "an AWS managed policy to replace",
)
"""The kinds that cloudsplaining asks for: what a policy allows without limits."""

# The default list of exclusions without its names of policies, some of which the account has.
_EXCLUSIONS = """
policies: [""]
roles: [""]
users: [""]
groups: [""]
include-actions: ["s3:GetObject", "ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath",
  "secretsmanager:GetSecretValue", "rds:CopyDBSnapshot", "rds:CreateDBSnapshot"]
exclude-actions: [""]
"""
_FINDINGS = (
    "PrivilegeEscalation",
    "DataExfiltration",
    "ResourceExposure",
    "CredentialsExposure",
    "InfrastructureModification",
)
"""The findings of cloudsplaining on a policy that name actions."""
_LISTS = ("inline_policies", "customer_managed_policies", "aws_managed_policies")
_NOT_FOUND = re.compile(r"Error in role (\S+): Managed Policy ARN \S+ not found")
_NEEDED = {each.lower() for each in (*CHANNELS, HEARTBEAT)}


def main() -> None:
    """Run both commands."""
    if not CLOUDSPLAINING.exists():
        raise RuntimeError("cloudsplaining is not installed. Install it with `make linters`.")
    account = planted_account()
    with TemporaryDirectory() as name:
        folder = Path(name)
        ours, found = _fleet(account, folder)
        theirs = _cloudsplaining(account, folder)
    planted = {name for names in account.faults.values() for name in names}
    print(
        json.dumps(
            {
                "roles": len(account.findings),
                "version": _version(),
                "rounds": {"fleet": [ours], "cloudsplaining": [theirs.measurement]},
                "kinds": {
                    kind: {
                        "planted": len(names),
                        "fleet": sum(found.get(name) == account.findings[name] for name in names),
                        "cloudsplaining": theirs.number_of(kind, names),
                    }
                    for kind, names in account.faults.items()
                },
                "stops": theirs.stops,
                "others": len(account.findings) - len(planted),
                "wrong": sum(found.get(name) != account.findings[name] for name in account.findings.keys() - planted),
            }
        )
    )


@dataclass(frozen=True)
class _Result:
    """What cloudsplaining says of an account."""

    measurement: dict[str, Any]
    with_findings: set[str]
    """The roles on which it has a finding about an action that Systems Manager does not need."""
    with_errors: set[str]
    """The roles of which it prints that a policy is not found."""
    stops: str
    """The error with which it stops on the whole account."""

    def number_of(self, kind: str, names: Iterable[str]) -> int | None:
        """How many of the roles with a kind of fault it reports. None if it does not ask."""
        if kind == NOT_READ:
            return len(self.with_errors & {*names})
        if kind in ASKED:
            return len(self.with_findings & {*names})
        return None


def _fleet(account: PlantedAccount, folder: Path) -> tuple[dict[str, Any], Mapping[str, frozenset[str]]]:
    source, output = _written(account, folder), folder / "rows.json"
    result = measured([*COMMAND, str(source)], output, allowed=(2,))  # there are policies that IAM would refuse
    return result, account.reported(map(json.loads, output.read_text().splitlines()))


def _cloudsplaining(account: PlantedAccount, folder: Path) -> _Result:
    exclusions, output = folder / "exclusions.yml", folder / "output.txt"
    exclusions.write_text(_EXCLUSIONS)
    options = ("--exclusions-file", str(exclusions), "--output", str(folder), "--skip-open-report")
    stops = ""
    for each in (account, account.without(REFUSED)):
        source = _written(each, folder)
        result = measured([str(CLOUDSPLAINING), "scan", "--input-file", str(source), *options], output, allowed=(0, 1))
        results = folder / f"iam-results-{source.stem}.json"
        if results.exists():
            content = json.loads(results.read_text())
            return _Result(result, {*_with_findings(content)}, {*_NOT_FOUND.findall(output.read_text())}, stops)
        stops = output.read_text().strip().splitlines()[-1]
    raise RuntimeError(f"cloudsplaining failed: {stops}")


def _with_findings(results: Mapping[str, Any]) -> Iterator[str]:
    """The roles with a policy on which there is a finding about an action that Systems Manager does not need."""
    for role in results["roles"].values():
        policies = (results[key][each] for key in _LISTS for each in role[key])
        if any(_actions(policies) - _NEEDED):
            yield role["name"]


def _actions(policies: Iterable[Mapping[str, Any]]) -> set[str]:
    findings = [each for policy in policies for key in _FINDINGS for each in policy[key]["findings"]]
    named = (each["actions"] if isinstance(each, dict) else [each] for each in findings)
    return {action.lower() for actions in named for action in actions}


def _written(account: PlantedAccount, folder: Path) -> Path:
    path = folder / "account.json"
    with path.open("w") as file:
        account.write(file)
    return path


def _version() -> str:
    command = [str(CLOUDSPLAINING), "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]


if __name__ == "__main__":
    main()
