"""The rows in SARIF 2.1.0, for code scanning.

Specification: https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from ssm_profile.catalogue import MESSAGING
from ssm_profile.cli.audit import BROKEN, CLEAN, RISKY, WIDE
from ssm_profile.cli.report import bare
from ssm_profile.options import SSM_WIDE_POLICIES
from ssm_profile.risks import RISKS
from ssm_profile.version import __version__

from .findings import NOT_CERTAIN, NOT_KNOWN, NOT_WORKING, TOO_WIDE, findings_on
from .rows import Row, problems_of, roles_of

_FINGERPRINT = "roleAndRule/v1"
_FINGERPRINT_OF_GITHUB = "primaryLocationLineHash"
"""The only fingerprint that GitHub reads. It makes one of the lines of the file if there is none.

Source: https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""


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
        NOT_WORKING,
        "Systems Manager does not work with the role.",
        "Use the options that `ssm-profile audit` prints for the role.",
        MESSAGING.grants[0].sources[0],
    )
    yield _rule(
        NOT_CERTAIN,
        "It depends on a condition or on a value that is not known whether Systems Manager works with the role.",
        "Check what the message names.",
        MESSAGING.grants[0].sources[0],
    )
    yield _rule(
        NOT_KNOWN,
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
    yield _rule(
        TOO_WIDE,
        "The policies of the role grant more than its capabilities need.",
        "Use the options that `ssm-profile audit` prints for the role. Keep what your software needs in a policy of "
        "its own.",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html",
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


_LEVELS = {BROKEN: "error", RISKY: "error", WIDE: "warning", CLEAN: "note"}


def _results(row: Row) -> Iterator[dict[str, Any]]:
    reasons = {each["finding"]: each["reason"] for each in row["accepted"]}
    findings = list(findings_on(row))
    for finding in findings:
        if finding.name == TOO_WIDE and len(findings) > 1:  # almost every role has it, and GitHub shows 5,000 results
            continue
        level = "warning" if finding.level == RISKY and not finding.is_certain else _LEVELS[finding.level]
        if finding.name == TOO_WIDE:
            level = "note"
        result = _result(row, finding.name, level, finding.sentences)
        if finding.name in reasons:
            result["suppressions"] = [
                {"kind": "external", "status": "accepted", "justification": reasons[finding.name]}
            ]
        yield result


def _result(row: Row, rule: str, level: str, sentences: Iterable[str]) -> dict[str, Any]:
    arn = row["arn"] or row["role"]
    text = f"Role {row['role']}: {' '.join(map(bare, sentences))}"
    fingerprint = hashlib.sha256(f"{arn}\n{rule}".encode("utf-8", "replace")).hexdigest()
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
        "partialFingerprints": dict.fromkeys((_FINGERPRINT, _FINGERPRINT_OF_GITHUB), fingerprint),
    }


def _path(arn: str) -> str:
    """A relative path for a role, such as ``123456789012/role/web``."""
    account_and_name = arn.split(":", 4)[-1]
    return quote(account_and_name.replace(":", "/"), errors="replace")
