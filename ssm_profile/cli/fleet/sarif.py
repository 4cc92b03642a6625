"""The rows in SARIF 2.1.0, for code scanning.

Specification: https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from ssm_profile.catalogue import MESSAGING
from ssm_profile.cli.audit import BROKEN
from ssm_profile.cli.report import bare
from ssm_profile.options import SSM_WIDE_POLICIES
from ssm_profile.risks import RISKS
from ssm_profile.version import __version__

from .rows import Row, problems_of, roles_of

_BROKEN_RULE = "systems-manager"
_UNREAD_RULE = "content-not-known"
_FINGERPRINT = "roleAndRule/v1"


def sarif_log(rows: Sequence[Row]) -> dict[str, Any]:
    """A log with one run: a result for each role and finding, and a notification for each problem."""
    problems = [
        {"level": "error", "message": {"text": f"{row['place']}: {bare(row['reason'])}"}} for row in problems_of(rows)
    ]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "ssm-profile", "version": __version__, "rules": list(_rules())}},
                "invocations": [{"executionSuccessful": not problems, "toolExecutionNotifications": problems}],
                "results": [result for row in roles_of(rows) for result in _results(row)],
            }
        ],
    }


def _rules() -> Iterator[dict[str, Any]]:
    yield _rule(
        _BROKEN_RULE,
        "Systems Manager does not work with the role.",
        "Use the options that `ssm-profile audit` prints for the role.",
        MESSAGING.grants[0].sources[0],
    )
    yield _rule(
        _UNREAD_RULE,
        "The content of a policy of the role is not known, so that dangers may be missing.",
        "Write the input again without `--filter`, or add `LocalManagedPolicy` and `AWSManagedPolicy` to it.",
        "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html",
    )
    for risk in RISKS:
        yield _rule(
            risk.name,
            f"An instance with the role can {risk.summary}.",
            "Use the options that `ssm-profile audit` prints for the role. Keep what your software needs in a policy "
            "of its own.",
            risk.sources[0],
        )
    for policy, reason in SSM_WIDE_POLICIES.items():
        yield _rule(
            policy,
            f"The role has {policy}.",
            reason,
            f"https://docs.aws.amazon.com/aws-managed-policy/latest/reference/{policy}.html",
        )


def _rule(name: str, summary: str, advice: str, url: str) -> dict[str, Any]:
    return {
        "id": name,
        "shortDescription": {"text": summary},
        "fullDescription": {"text": summary},
        "help": {"text": bare(advice), "markdown": advice},
        "helpUri": url,
    }


def _results(row: Row) -> Iterator[dict[str, Any]]:
    if row["level"] == BROKEN:
        yield _result(row, _BROKEN_RULE, "error", ["Systems Manager does not work with it.", *row["reasons"]])
    for risk in row["risks"]:
        can, level = ("can", "error") if risk["certain"] else ("may be able to", "warning")
        yield _result(row, risk["risk"], level, [f"An instance with it {can} {risk['summary']}."])
    if row["unread"]:
        names = ", ".join(dict.fromkeys(row["unread"]))
        several = [f"The input has several documents of {each}." for each in row["ambiguous"]]
        yield _result(row, _UNREAD_RULE, "warning", [f"The content of {names} is not known.", *several])
    for policy in row["deprecated"]:
        yield _result(row, policy, "warning", [f"It has {policy}. {SSM_WIDE_POLICIES[policy]}"])


def _result(row: Row, rule: str, level: str, sentences: Iterable[str]) -> dict[str, Any]:
    arn = row["arn"] or row["role"]
    text = f"Role {row['role']}: {' '.join(map(bare, sentences))}"
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": text},
        "locations": [
            {
                # GitHub refuses a result without a file. The name of the input can change from run to run.
                "physicalLocation": {"artifactLocation": {"uri": _path(arn)}, "region": {"startLine": 1}},
                "logicalLocations": [{"name": row["role"], "fullyQualifiedName": arn, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {_FINGERPRINT: hashlib.sha256(f"{arn}\n{rule}".encode("utf-8", "replace")).hexdigest()},
    }


def _path(arn: str) -> str:
    """A relative path for a role, such as ``123456789012/role/web``."""
    account_and_name = arn.split(":", 4)[-1]
    return quote(account_and_name.replace(":", "/"), errors="replace")
