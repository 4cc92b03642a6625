"""Reports that Access Advisor makes, answered as AWS documents it."""

from datetime import UTC, datetime
from importlib import import_module

import pytest

from ssm_profile.cli.usage import Evidence, role_key, uses
from tests import require

from .test_usage_access_advisor import OLD
from .trails import ACCOUNT, DAYS, NOW, WEB

require("boto3")
advisor = import_module("ssm_profile.cli.usage.advisor")
jobs = import_module("ssm_profile.cli.usage.jobs")
answers = import_module("tests.cli.aws_answers")
exceptions = import_module("botocore.exceptions")

TIME = datetime(2026, 11, 27, 8, tzinfo=UTC)
ROLES = tuple(f"arn:aws:iam::{ACCOUNT}:role/web-{number}" for number in range(12))
GENERATE, GET = "generate_service_last_accessed_details", "get_service_last_accessed_details"


def service(prefix, *tracked):
    return {
        "ServiceName": prefix,
        "ServiceNamespace": prefix,
        "TotalAuthenticatedEntities": 0,
        "TrackedActionsLastAccessed": list(tracked),
    }


def report(*services, **changes):
    return {
        "JobStatus": "COMPLETED",
        "JobType": "ACTION_LEVEL",
        "JobCreationDate": TIME,
        "JobCompletionDate": TIME,
        "ServicesLastAccessed": list(services),
        "IsTruncated": False,
        **changes,
    }


SSM = service("ssm", {"ActionName": "GetDocument"}, {"ActionName": "PutInventory", "LastAccessedTime": TIME})
RUNNING = report(JobStatus="IN_PROGRESS")


def job_of(request):
    """The ID of a job, which ends with the name of its role."""
    return {"JobId": request["Arn"].rpartition("/")[2].rjust(36, "0")}


@pytest.fixture
def stub(monkeypatch):
    """A client of IAM with other answers than those of reports that are there at once."""
    monkeypatch.setattr(jobs, "_FIRST_PAUSE", 0.001)

    def create(**operations):
        client = answers.Answers("iam", **{GENERATE: [job_of], GET: [report(SSM)], **operations})
        monkeypatch.setattr(advisor, "client", lambda *_, **__: client)
        return client

    return create


def add(*roles, progress=None):
    evidence = Evidence()
    advisor.add_access_advisor(evidence, roles or [WEB], progress)
    return evidence


class TestReports:
    def test_role_that_the_report_does_not_name(self, stub):
        """An action that was never attempted names no role."""
        client = stub(**{GET: [RUNNING, report(SSM)]})
        evidence = add()

        found = uses(["ssm:GetDocument", "ssm:PutInventory"], evidence, OLD, days=DAYS, now=NOW)
        assert [each["use"] for each in found] == ["unused", "used"]
        assert client.requests[0] == (GENERATE, {"Arn": WEB, "Granularity": "ACTION_LEVEL"})
        assert evidence.problems == []

    def test_pages(self, stub):
        """A page can have no tracked action."""
        empty = {"ServiceName": "s3", "ServiceNamespace": "s3", "TotalAuthenticatedEntities": 0}
        client = stub(**{GET: [report(empty, IsTruncated=True, Marker="more"), report(SSM)]})
        evidence = add()

        assert set(evidence.reports[role_key(WEB)].tracked) == {"ssm:GetDocument", "ssm:PutInventory"}
        assert client.requests[-1][1]["Marker"] == "more"

    def test_role_without_tracked_actions(self, stub):
        stub(**{GET: [report()]})
        evidence = add()

        assert (evidence.problems, evidence.reports[role_key(WEB)].tracked) == ([], {})

    def test_many_roles(self, stub):
        stub()
        seen = []
        evidence = add(*ROLES, progress=seen.append)

        assert set(evidence.reports) == {role_key(each) for each in ROLES}
        assert sorted(seen) == sorted(ROLES)

    def test_no_roles(self, stub):
        client, evidence = stub(), Evidence()
        advisor.add_access_advisor(evidence, [])

        assert (evidence, client.requests) == (Evidence(), [])


class TestRolesThatFail:
    def test_others_go_on(self, stub):
        def generate(request):
            gone = request["Arn"] == ROLES[3]
            return answers.refusal("NoSuchEntity", "Generate", f"ARN {ROLES[3]} not found") if gone else job_of(request)

        stub(**{GENERATE: [generate]})
        evidence = add(*ROLES)

        assert len(evidence.reports) == 11
        [problem] = evidence.problems
        assert problem.startswith(f"There is no report of Access Advisor on {ROLES[3]}. Access Advisor: AWS does not ")

    @pytest.mark.parametrize(
        ("code", "advice"),
        [
            ("AccessDenied", ": iam:GenerateServiceLastAccessedDetails, iam:GetServiceLastAccessedDetails."),
            ("Throttling", "Run the command again later."),
        ],
    )
    def test_same_reason_is_one_problem(self, stub, code, advice):
        def refuse(request):
            name = request["Arn"].rpartition("/")[2]
            return answers.refusal(code, "Generate", f"User x is not authorized on resource: role {name}")

        stub(**{GENERATE: [refuse]})
        evidence = add(*ROLES)

        [problem] = evidence.problems
        assert problem.startswith(f"There is no report of Access Advisor on {ROLES[0]} and 11 other roles. Access ")
        assert problem.endswith(advice)
        assert evidence.reports == {}

    def test_job_that_fails(self, stub):
        failed = report(JobStatus="FAILED", Error={"Code": "x", "Message": "No data"})
        stub(**{GET: [failed]})

        [problem] = add().problems
        assert problem.endswith(f" on {WEB}. Access Advisor: the report failed (No data). Try again later.")

    def test_job_that_takes_too_long(self, stub, monkeypatch):
        stub(**{GET: [RUNNING]})
        monkeypatch.setattr(advisor, "LONGEST_JOB", 0)

        assert add().problems[0].endswith("Access Advisor: the report is not done after 0 minutes. Try again later.")

    def test_page_that_is_missing_leaves_no_half_report(self, stub):
        first = report(SSM, IsTruncated=True, Marker="more")
        stub(**{GET: [first, answers.refusal("AccessDenied", "Get")]})
        evidence = add()

        assert evidence.reports == {}
        assert len(evidence.problems) == 1

    def test_aws_that_cannot_be_reached_is_asked_a_few_times_only(self, stub):
        client = stub(**{GENERATE: [exceptions.NoCredentialsError()]})
        roles = [f"{WEB}-{number}" for number in range(100)]
        evidence = add(*roles)

        assert len(client.requests) < 20
        [problem] = evidence.problems
        assert problem.startswith(f"There is no report of Access Advisor on {roles[0]} and 99 other roles. ")
        assert "for example with AWS_PROFILE" in problem

    def test_interrupt_leaves_what_was_done(self, stub):
        stub()

        def interrupt(_):
            raise KeyboardInterrupt

        evidence = Evidence()
        with pytest.raises(KeyboardInterrupt):
            advisor.add_access_advisor(evidence, ROLES, interrupt)
        assert len(evidence.reports) == 1
