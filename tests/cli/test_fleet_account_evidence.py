"""``fleet --used`` for many accounts, which give the evidence with the role in each."""

import json
import signal
from datetime import UTC, datetime

import pytest

from tests import ROOT, require
from tests.cli.accounts import ACCOUNT, details, role
from tests.cli.policies import MINIMUM, allow

require("moto")
jsonschema = require("jsonschema")

from ssm_profile.cli.fleet import account_evidence, accounts, permissions  # noqa: E402
from ssm_profile.cli.usage import Evidence, advisor  # noqa: E402
from tests.cli.organization import problems  # noqa: E402

SCHEMA = json.loads((ROOT / "docs" / "fleet.schema.json").read_text())
OLD = {"CreateDate": "2024-01-01T00:00:00+00:00"}
PATCHING = ("DescribeAssociation", "GetDeployablePatchSnapshotForInstance", "PutComplianceItems", "PutInventory")
ADVISOR = ("--used", "access-advisor")
GENERATE, GET = "GenerateServiceLastAccessedDetails", "GetServiceLastAccessedDetails"


def job_of(request):
    """The ID of a job, which is the ARN of its role."""
    return {"JobId": request["Arn"]}


def report(*attempted):
    """A report on the actions of Patch Manager, of which some were attempted today."""
    now = datetime.now(UTC)
    tracked = [{"ActionName": each, **({"LastAccessedTime": now} if each in attempted else {})} for each in PATCHING]
    return {
        "JobStatus": "COMPLETED",
        "JobType": "ACTION_LEVEL",
        "JobCreationDate": now,
        "JobCompletionDate": now,
        "ServicesLastAccessed": [
            {"ServiceName": "ssm", "ServiceNamespace": "ssm", "TrackedActionsLastAccessed": tracked}
        ],
        "IsTruncated": False,
    }


@pytest.fixture
def aws(aws, members):
    """Two accounts have a role each that can patch. Of its actions, Access Advisor knows no attempt."""
    patching = allow([f"ssm:{each}" for each in PATCHING])
    for account, name in zip(members, ("dev", "prod"), strict=True):
        found = details(role(name, allow(MINIMUM), patching, account=account, **OLD))
        aws.answers["GetAccountAuthorizationDetails", account] = found
    aws.answers |= {GENERATE: job_of, GET: report()}
    return aws


@pytest.fixture
def advice(fleet_of, members):
    """The exit code, the advice on Patch Manager for each role, and the problems."""

    def read(*arguments):
        code, rows = fleet_of("--accounts", ",".join(members), *ADVISOR, *arguments)
        for row in rows:
            jsonschema.Draft202012Validator(SCHEMA).validate(row)
        found = {
            row["role"]: each["advice"]
            for row in rows
            if row["kind"] == "role"
            for each in row["used"]["capabilities"]
            if each["capability"] == "patching"
        }
        return code, found, problems(rows)

    return read


class TestAccessAdvisor:
    def test_reports(self, advice, aws):
        """Each account reports on its own roles."""
        aws.answers[GET] = lambda request: report(*(["PutInventory"] if "role/dev" in request["JobId"] else []))

        assert advice() == (0, {"dev": "keep", "prod": "could be dropped"}, [])

    def test_session(self, advice, members, aws):
        """It can ask for reports only with the flag, and then do nothing else."""
        advice()

        policies = [json.loads(request["Policy"])["Statement"][0]["Action"] for _, request in aws.asked("AssumeRole")]
        assert sorted(policies) == sorted([[permissions.READ], list(advisor.READ_ACTIONS)] * 2)
        assert sorted(account for account, _ in aws.asked(GENERATE)) == sorted(members)

    @pytest.mark.parametrize("operation", [GENERATE, GET])
    def test_denied(self, advice, members, aws, operation):
        """The use of its roles cannot be seen. The other accounts are judged."""
        aws.refuse("AccessDenied", operation, members[0])

        code, found, ((place, reason),) = advice()

        assert (code, found, place) == (2, {"dev": "cannot be seen", "prod": "could be dropped"}, members[0])
        assert reason == (
            f"There is no report of Access Advisor on arn:aws:iam::{members[0]}:role/dev. AWS denies the request "
            f"(AccessDenied: The reason.). The role arn:aws:iam::{members[0]}:role/security/audit must have the "
            "permissions iam:GenerateServiceLastAccessedDetails, iam:GetServiceLastAccessedDetails."
        )

    def test_role_that_cannot_be_assumed(self, advice, members, aws, tmp_path):
        """The roles of a file of --resume stay."""
        advice("--resume", str(tmp_path))
        aws.refuse("AccessDenied", "AssumeRole", members[0])

        code, found, ((place, reason),) = advice("--resume", str(tmp_path))

        assert (code, found["dev"], place) == (2, "cannot be seen", members[0])
        assert "Its trust policy must allow sts:AssumeRole" in reason

    def test_own_account(self, fleet_of, aws):
        """It is asked with the credentials."""
        aws.answers["GetAccountAuthorizationDetails"] = details(role("own", **OLD))

        code, _ = fleet_of("--accounts", ACCOUNT, *ADVISOR)

        assert (code, aws.asked("AssumeRole")) == (0, [])
        assert [account for account, _ in aws.asked(GENERATE)] == [ACCOUNT]


class TestInterrupt:
    @pytest.fixture
    def interrupt(self, monkeypatch):
        """Presses Ctrl-C after the first account."""

        def press(module):
            def completed(work, wanted, interrupt, **_):
                yield wanted[0], work(wanted[0])
                signal.raise_signal(signal.SIGINT)
                assert interrupt.happened

            monkeypatch.setattr(module, "completed", completed)

        return press

    def test_reports(self, advice, members, aws, interrupt, monkeypatch):  # noqa: ARG002
        """The use of the roles of the other accounts cannot be seen."""
        monkeypatch.setattr(account_evidence, "_reports", lambda *_: Evidence())
        interrupt(account_evidence)
        last = max(members)

        code, _, found = advice()

        arn = f"arn:aws:iam::{last}:role/{['dev', 'prod'][members.index(last)]}"
        reason = f"There is no report of Access Advisor on {arn}. The command was interrupted. Run it again."
        assert (code, found) == (2, [(last, reason)])

    def test_roles(self, advice, aws, interrupt):
        """If the reading of the roles was interrupted, no report is asked for."""
        interrupt(accounts)

        _, found, listed = advice()

        assert found == {"dev": "cannot be seen"}
        assert listed[-1] == ("--used access-advisor", "The command was interrupted before it asked for reports.")
        assert aws.asked(GENERATE) == []


@pytest.mark.parametrize("source", [("--config-aggregator", "all"), ("file.json",)])
def test_source_without_accounts(run, source):
    done = run("fleet", *source, *ADVISOR)

    assert (done.code, done.out) == (2, "")
    assert done.error == (
        "Error: --used access-advisor: it asks the accounts of the roles for reports. Leave out the "
        f"{source[0] if len(source) > 1 else 'SOURCE'}, or pass files with reports.\n"
    )
