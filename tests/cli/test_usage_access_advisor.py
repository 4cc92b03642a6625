"""Reports of Access Advisor."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from ssm_profile.cli.usage import Evidence, RoleFacts, read_evidence, role_key, uses
from ssm_profile.cli.usage.access_advisor import add_report
from tests import require

from .trails import ACCOUNT, DAYS, NOW, WEB, background, write_log

OLD = RoleFacts(WEB, created=NOW - timedelta(days=400))
ATTEMPT = "2026-11-20T10:00:00+00:00"


def tracked(name, time=None):
    attempt = {"LastAccessedEntity": WEB, "LastAccessedTime": time, "LastAccessedRegion": "us-east-1"} if time else {}
    return {"ActionName": name, **attempt}


def report(*actions, **changes):
    """A response of an action-level job on a role."""
    return {
        "JobStatus": "COMPLETED",
        "JobType": "ACTION_LEVEL",
        "JobCreationDate": "2026-11-27T08:00:00.466Z",
        "ServicesLastAccessed": [
            {
                "ServiceName": "AWS Systems Manager",
                "LastAuthenticated": ATTEMPT,
                "ServiceNamespace": "ssm",
                "LastAuthenticatedEntity": WEB,
                "TotalAuthenticatedEntities": 1,
                "TrackedActionsLastAccessed": list(actions),
            },
            {"ServiceName": "Amazon S3", "ServiceNamespace": "s3", "TotalAuthenticatedEntities": 0},
        ],
        "IsTruncated": False,
        **changes,
    }


ACTIONS = (tracked("GetDocument", ATTEMPT), tracked("PutInventory"))


def verdicts(evidence, *actions, now=NOW, role=OLD):
    return uses(actions, evidence, role, days=DAYS, now=now)


class TestReport:
    def evidence(self, *actions, **changes):
        evidence = Evidence()
        assert add_report(evidence, report(*actions, **changes)) == ""
        return evidence

    def test_attempt_is_kept_and_may_have_been_denied(self):
        found, *_ = verdicts(self.evidence(*ACTIONS), "ssm:GetDocument")

        assert found == {
            "action": "ssm:GetDocument",
            "use": "used",
            "calls": 0,
            "denied": 0,
            "last": "2026-11-20T10:00:00Z",
            "sources": ["Access Advisor"],
            "reason": None,
            "why": "Attempted on 2026-11-20. Access Advisor counts denied attempts, too.",
        }

    def test_attempt_of_an_action_of_a_wildcard(self):
        evidence = self.evidence(tracked("DescribeDocument", ATTEMPT), tracked("DescribeAssociation"))

        assert verdicts(evidence, "ssm:Describe*")[0]["use"] == "used"
        assert verdicts(evidence, "ssm:DescribeA*")[0]["use"] == "cannot be seen"

    def test_tracked_action_without_attempt_is_unused(self):
        found, *_ = verdicts(self.evidence(*ACTIONS), "ssm:PutInventory")

        assert (found["use"], found["sources"]) == ("unused", ["Access Advisor"])
        assert found["why"] == "No call from 2026-10-29 to 2026-11-27 (30 days). Access Advisor would have shown one."

    def test_service_says_nothing_of_an_action(self):
        """Neither an action that is not tracked nor a service without a call is unused."""
        found = verdicts(self.evidence(*ACTIONS), "ssm:GetParameter", "s3:GetObject", "s3:GetEncryptionConfiguration")

        assert {each["use"] for each in found} == {"cannot be seen"}

    def test_old_attempt_is_no_use(self):
        found, *_ = verdicts(self.evidence(tracked("GetDocument", "2026-06-01T10:00:00Z")), "ssm:GetDocument")

        assert (found["use"], found["last"]) == ("unused", "2026-06-01T10:00:00Z")

    def test_old_report(self):
        found, *_ = verdicts(self.evidence(*ACTIONS), "ssm:PutInventory", now=NOW + timedelta(days=8))

        assert (found["use"], found["reason"]) == ("cannot be seen", "evidence covers fewer days")

    def test_denied_in_a_trail_is_not_used(self, tmp_path):
        evidence = read_evidence([write_log(tmp_path, background(errorCode="AccessDenied"))])
        add_report(evidence, report(tracked("UpdateInstanceInformation", ATTEMPT)))

        assert verdicts(evidence, "ssm:UpdateInstanceInformation")[0]["use"] == "denied only"

    def test_pages_are_one_report(self):
        evidence = self.evidence(ACTIONS[0], IsTruncated=True, Marker="1")
        add_report(evidence, report(ACTIONS[1]))

        assert set(evidence.reports[role_key(WEB)].tracked) == {"ssm:GetDocument", "ssm:PutInventory"}

    def test_answer_of_boto3(self):
        """It has times instead of strings."""
        time = datetime(2026, 11, 27, 8, tzinfo=UTC)
        evidence = self.evidence(tracked("GetDocument", time), JobCreationDate=time)

        assert evidence.reports[role_key(WEB)].tracked == {"ssm:GetDocument": "2026-11-27T08:00:00Z"}


class TestOtherReports:
    def test_report_on_another_role(self):
        problem = add_report(Evidence(), report(*ACTIONS), f"{WEB}-2")

        assert problem == f"It is a report on {WEB}, and not on {WEB}-2."

    def test_report_of_some_days_ago(self):
        """Its days end when it was made."""
        evidence = Evidence()
        add_report(evidence, report(*ACTIONS, JobCreationDate="2026-11-22T08:00:00Z"))
        found, *_ = verdicts(evidence, "ssm:PutInventory")

        assert "to 2026-11-22 (30 days)" in found["why"]

    """A clear line, and the rest goes on."""

    def problems(self, tmp_path, details, source="{}"):
        (tmp_path / "a.json").write_text(details if isinstance(details, str) else json.dumps(details))
        trail = write_log(tmp_path, background())
        evidence = read_evidence([source.format(tmp_path / "a.json"), trail])
        assert len(evidence.calls[role_key(WEB)]) == 1
        return [each.removeprefix(f"{tmp_path}/a.json") for each in evidence.problems]

    def test_example_of_aws(self, tmp_path):
        """It is of a service-level job on a policy."""
        loader = require("botocore.loaders").Loader()
        examples = loader.load_service_model("iam", "examples-1")["examples"]["GetServiceLastAccessedDetails"]

        [problem] = self.problems(tmp_path, examples[0]["output"])
        assert problem == (
            ": It has no tracked actions. Generate it with --granularity ACTION_LEVEL: what is said of a service says "
            "nothing of an action. The report is left out."
        )

    def test_several_identities(self, tmp_path):
        user = f"arn:aws:iam::{ACCOUNT}:user/someone"
        details = report(tracked("GetDocument", ATTEMPT) | {"LastAccessedEntity": user})

        [problem] = self.problems(tmp_path, details)
        assert problem == (
            f": It must be of one role (it names {WEB}, {user}). Generate it with --arn ROLE_ARN, and pass it as "
            "ROLE_ARN=FILE if it names no role. The report is left out."
        )

    def test_role_that_the_report_does_not_name(self, tmp_path):
        details = report(tracked("GetDocument"))
        del details["ServicesLastAccessed"][0]["LastAuthenticatedEntity"]

        assert self.problems(tmp_path, details)[0].startswith(": It must be of one role (it names none).")
        assert self.problems(tmp_path, details, source=WEB + "={}") == []

    @pytest.mark.parametrize("status", ["IN_PROGRESS", "FAILED"])
    def test_job_that_is_not_completed(self, tmp_path, status):
        assert self.problems(tmp_path, {"JobStatus": status, "JobCreationDate": ATTEMPT}) == [
            f": The job is not completed (JobStatus is {status}). Get the report again later. The report is left out."
        ]

    def test_cut_off(self, tmp_path):
        assert self.problems(tmp_path, json.dumps(report(*ACTIONS))[:-20]) == [
            " is not a whole report of Access Advisor. It is left out."
        ]

    def test_time_that_is_none_is_no_sign_of_disuse(self):
        evidence = Evidence()
        add_report(evidence, report(tracked("GetDocument", "some day")))

        assert evidence.reports[role_key(WEB)].tracked == {}

    @pytest.mark.parametrize("listed", [None, "x", [None], [{"TrackedActionsLastAccessed": [None, "x", {}]}]])
    def test_other_values(self, listed):
        assert add_report(Evidence(), report(ServicesLastAccessed=listed)) != ""
