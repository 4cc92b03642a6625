"""Asks Access Advisor for its reports on roles. A role without a report is a problem, and the others go on."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from threading import Event
from typing import Any

from botocore.exceptions import BotoCoreError

from ssm_profile.cli.aws_client import PATIENT, client, readable_errors
from ssm_profile.errors import InputError

from .access_advisor import add_report
from .evidence import Evidence
from .jobs import wait_for

READ_ACTIONS = ("iam:GenerateServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails")
"""The permissions that a report requires."""

LONGEST_JOB = 300
"""How many seconds a report may take."""

_AT_A_TIME = 10
_MOST_UNREACHED = 3
"""After this number of roles for which AWS could not be reached, no further ones are asked for."""

_NAME = "Access Advisor"


def add_access_advisor(
    evidence: Evidence, role_arns: Collection[str], progress: Callable[[str], None] | None = None
) -> None:
    """Add the action-level reports on roles of the account of the credentials. It requires :data:`READ_ACTIONS`.

    An interrupt leaves the reports that are there.

    Args:
        evidence: What to add to.
        role_arns: The ARNs of the roles.
        progress: Called with the ARN of each role when it is done.

    Raises:
        InputError: If the settings of the SDK cannot be used.
    """
    failures = dict[str, str]()
    with readable_errors(_NAME, READ_ACTIONS):
        reader = _Reader(client("iam", config=PATIENT))
    pool = ThreadPoolExecutor(_AT_A_TIME)
    try:
        jobs = {pool.submit(reader.report, arn): arn for arn in dict.fromkeys(role_arns)}
        for job in as_completed(jobs):
            arn = jobs[job]
            try:
                if problem := add_report(evidence, job.result(), arn):
                    failures[arn] = problem
            except CancelledError:
                failures[arn] = reader.unreached[-1]
            except InputError as error:
                failures[arn] = str(error)
            if progress:
                progress(arn)
    finally:
        reader.ended.set()
        pool.shutdown(wait=False, cancel_futures=True)
        evidence.problems += _problems({arn: failures[arn] for arn in role_arns if arn in failures})


class _Reader:
    """Reads reports, in several threads."""

    def __init__(self, iam: Any) -> None:
        self._iam = iam
        self.unreached = list[str]()
        """Why AWS could not be reached, for each role for which it could not."""
        self.ended = Event()
        """Set when no further reports are read."""

    def report(self, role: str) -> dict[str, Any]:
        """The report on a role, with all its pages.

        Raises:
            InputError: If there is none.
            CancelledError: If no further reports are read.
        """
        if self.ended.is_set():
            raise CancelledError
        try:
            with readable_errors(_NAME, READ_ACTIONS):
                return self._read(role)
        except InputError as error:
            if isinstance(error.__context__, BotoCoreError):
                self.unreached.append(str(error))
            if len(self.unreached) >= _MOST_UNREACHED:
                self.ended.set()
            raise

    def _read(self, role: str) -> dict[str, Any]:
        iam = self._iam
        job = iam.generate_service_last_accessed_details(Arn=role, Granularity="ACTION_LEVEL")["JobId"]

        def done() -> dict[str, Any] | None:
            page = iam.get_service_last_accessed_details(JobId=job)
            return page if page["JobStatus"] != "IN_PROGRESS" else None

        report = wait_for(done, seconds=LONGEST_JOB, pause=self._pause)
        if report is None:
            raise InputError(f"{_NAME}: the report is not done after {LONGEST_JOB // 60} minutes. Try again later.")
        if report["JobStatus"] != "COMPLETED":
            reason = report.get("Error", {}).get("Message", "IAM gives no reason")
            raise InputError(f"{_NAME}: the report failed ({reason}). Try again later.")
        services, page = list(report["ServicesLastAccessed"]), report
        while page.get("IsTruncated"):
            page = iam.get_service_last_accessed_details(JobId=job, Marker=page["Marker"])
            services += page["ServicesLastAccessed"]
        return report | {"ServicesLastAccessed": services}

    def _pause(self, seconds: float) -> None:
        if self.ended.wait(seconds):
            raise CancelledError


def _problems(failures: dict[str, str]) -> Iterator[str]:
    """A sentence for each reason, because most reasons are the same for all roles."""
    groups: dict[str, list[str]] = {}
    for arn, reason in failures.items():
        groups.setdefault(reason.replace(arn, "").replace(arn.rpartition("/")[2], ""), []).append(arn)
    for arns in groups.values():
        others = len(arns) - 1
        more = f" and {others:,} other role{'s' if others > 1 else ''}" if others else ""
        yield f"There is no report of {_NAME} on {arns[0]}{more}. {failures[arns[0]]}"
