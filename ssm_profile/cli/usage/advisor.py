"""Asks Access Advisor for its reports on roles. A role without a report is a problem, and the others go on."""

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
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

INTERRUPTED = "The command was interrupted. Run it again."
"""Why there is no report after Ctrl-C."""

_NAME = "Access Advisor"

Result = dict[str, Any] | InputError
"""A report, or why there is none."""


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
    with _errors():
        reader = Reader(client("iam", config=PATIENT), _errors)
    pool = ThreadPoolExecutor(_AT_A_TIME)
    try:
        jobs = {pool.submit(reader.report, arn): arn for arn in dict.fromkeys(role_arns)}
        for job in as_completed(jobs):
            arn = jobs[job]
            if problem := add_result(evidence, job.result(), arn):
                failures[arn] = problem
            if progress:
                progress(arn)
    finally:
        reader.ended.set()
        pool.shutdown(wait=False, cancel_futures=True)
        evidence.problems += missing_reports({arn: failures[arn] for arn in role_arns if arn in failures})


def add_result(evidence: Evidence, result: Result, role: str) -> str:
    """Add what :meth:`Reader.report` gives for a role.

    Returns:
        Why there is no report. Nothing if there is one.
    """
    return str(result) if isinstance(result, InputError) else add_report(evidence, result, role)


def _errors() -> AbstractContextManager[None]:
    return readable_errors(_NAME, READ_ACTIONS)


class Reader:
    """Reads reports on the roles of an account, in several threads."""

    def __init__(self, iam: Any, errors: Callable[[], AbstractContextManager[None]]) -> None:
        """Read with a client.

        Args:
            iam: The client of IAM.
            errors: Turns errors of AWS's API into errors of input.
        """
        self._iam = iam
        self._errors = errors
        self._unreached = list[InputError]()
        """Why AWS could not be reached, for each role for which it could not."""
        self.ended = Event()
        """Set when no further reports are read."""

    def report(self, role: str) -> Result:
        """The report on a role, with all its pages, or why there is none."""
        if self.ended.is_set():
            return self._unread()
        try:
            with self._errors():
                return self._read(role)
        except InputError as error:
            if isinstance(error.__context__, BotoCoreError):
                self._unreached.append(error)
            if len(self._unreached) >= _MOST_UNREACHED:
                self.ended.set()
            return error
        except CancelledError:
            return self._unread()

    def _unread(self) -> InputError:
        return self._unreached[-1] if self._unreached else InputError(INTERRUPTED)

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


def missing_reports(failures: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each reason, because most reasons are the same for all roles."""
    groups: dict[str, list[str]] = {}
    for arn, reason in failures.items():
        groups.setdefault(reason.replace(arn, "").replace(arn.rpartition("/")[2], ""), []).append(arn)
    for arns in groups.values():
        others = len(arns) - 1
        more = f" and {others:,} other role{'s' if others > 1 else ''}" if others else ""
        yield f"There is no report of {_NAME} on {arns[0]}{more}. {failures[arns[0]]}"
