"""``fleet --used`` for many accounts, which give the evidence with the role in each."""

import json
import signal
from datetime import UTC, datetime

import pytest

from tests import ROOT, require
from tests.cli.accounts import ACCOUNT, details, role
from tests.cli.policies import MINIMUM, allow
from tests.cli.trails import NOW, REGION, background, write_log

require("moto")
jsonschema = require("jsonschema")

from ssm_profile.cli.fleet import account_evidence, accounts, permissions  # noqa: E402
from ssm_profile.cli.usage import advisor, read_evidence, trail_settings  # noqa: E402
from tests.cli.aws_answers import refusal  # noqa: E402
from tests.cli.organization import problems  # noqa: E402

SCHEMA = json.loads((ROOT / "docs" / "fleet.schema.json").read_text())
OLD = {"CreateDate": "2024-01-01T00:00:00+00:00"}
PATCHING = ("DescribeAssociation", "GetDeployablePatchSnapshotForInstance", "PutComplianceItems", "PutInventory")
OTHER = "eu-west-1"
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
        code, rows = fleet_of("--accounts", ",".join(members), *(arguments or ADVISOR))
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

        assert (code, found, place) == (
            2,
            {"dev": "cannot be seen", "prod": "could be dropped"},
            f"--used of account {members[0]}",
        )
        assert reason == (
            f"There is no report of Access Advisor on arn:aws:iam::{members[0]}:role/dev. AWS denies the request "
            f"(AccessDenied: The reason.). The role arn:aws:iam::{members[0]}:role/security/audit must have the "
            "permissions iam:GenerateServiceLastAccessedDetails, iam:GetServiceLastAccessedDetails."
        )

    def test_role_that_cannot_be_assumed(self, advice, members, aws, tmp_path):
        """The roles of a file of --resume stay."""
        advice(*ADVISOR, "--resume", str(tmp_path))
        aws.refuse("AccessDenied", "AssumeRole", members[0])

        code, found, ((place, reason),) = advice(*ADVISOR, "--resume", str(tmp_path))

        assert (code, found["dev"], place) == (2, "cannot be seen", f"--used of account {members[0]}")
        assert "Its trust policy must allow sts:AssumeRole" in reason

    def test_credentials_that_expire(self, advice, aws):
        """The roles that were read before stay."""
        identities = iter([{"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/me"}])
        expired = refusal("ExpiredToken", "GetCallerIdentity")

        def identity(_):
            if answered := next(identities, None):
                return answered
            raise expired

        aws.answers["GetCallerIdentity"] = identity

        code, found, ((place, reason),) = advice()

        assert (code, found, place) == (2, {"dev": "cannot be seen", "prod": "cannot be seen"}, "--used")
        assert reason.startswith("The accounts were not asked for evidence of use. The AWS credentials have expired")

    def test_own_account(self, fleet_of, aws):
        """It is asked with the credentials."""
        aws.answers["GetAccountAuthorizationDetails"] = details(role("own", **OLD))

        code, _ = fleet_of("--accounts", ACCOUNT, *ADVISOR)

        assert (code, aws.asked("AssumeRole")) == (0, [])
        assert [account for account, _ in aws.asked(GENERATE)] == [ACCOUNT]


@pytest.fixture
def events(members, monkeypatch, tmp_path):
    """Writes a trail of both accounts, with few events in eu-west-1, at the time of the events."""
    monkeypatch.setattr("ssm_profile.cli.fleet.evidence_options.now", lambda: NOW)
    monkeypatch.setattr("ssm_profile.cli.usage.lake.add_lake", lambda *_, **__: None)

    def write_events(*regions):
        listed = []
        for account, name in zip(members, ("dev", "prod"), strict=True):
            arn = f"arn:aws:iam::{account}:role/{name}"
            for region in regions:
                found = background(40, role=arn, account=account, awsRegion=region)
                listed += (each for number, each in enumerate(found) if region == REGION or number // 3 % 4 == 0)
        return write_log(tmp_path, listed)

    return write_events


def enabled(*regions):
    return {"Regions": [{"RegionName": each} for each in regions]}


class TestRegions:
    def test_of_each_account(self, advice, members, aws, events):
        """A role can call in the Regions that its account has enabled."""
        aws.answers["DescribeRegions"] = enabled(REGION)
        aws.answers["DescribeRegions", members[1]] = enabled(REGION, OTHER)

        assert advice("--used", events(REGION), "--days", "30") == (
            0,
            {"dev": "could be dropped", "prod": "cannot be seen"},
            [],
        )

    def test_denied(self, advice, members, aws, events):
        aws.answers["DescribeRegions"] = enabled(REGION)
        aws.refuse("UnauthorizedOperation", "DescribeRegions", members[0])

        code, found, ((place, reason),) = advice("--used", events(REGION), "--days", "30")

        assert (code, found, place) == (
            2,
            {"dev": "cannot be seen", "prod": "could be dropped"},
            f"--used of account {members[0]}",
        )
        assert reason == (
            "Its Regions are not known. AWS denies the request (UnauthorizedOperation: The reason.). The role "
            f"arn:aws:iam::{members[0]}:role/security/audit must have the permission ec2:DescribeRegions. No action "
            "counts as unused because a trail does not show it."
        )


class TestTrails:
    """Without the settings of its trails, a Region with few events can be one that no trail logs."""

    @pytest.fixture(autouse=True)
    def athena(self, aws, members, events, monkeypatch):
        """The query gives the events. Each account has a trail that logs everything."""
        file = events(REGION, OTHER)
        monkeypatch.setattr(
            "ssm_profile.cli.usage.athena.add_athena",
            lambda evidence, *_, **__: evidence.merge(read_evidence([file])),
        )
        aws.answers["DescribeRegions"] = enabled(REGION, OTHER)
        for account in members:
            aws.answers["DescribeTrails", account] = trails(account)

    ATHENA = ("--used", "athena:logs.all", "--days", "30")

    def test_settings(self, advice):
        assert advice(*self.ATHENA) == (0, {"dev": "could be dropped", "prod": "could be dropped"}, [])

    @pytest.mark.parametrize("flags", [(), ("--regions", f"{REGION},{OTHER}")])
    @pytest.mark.parametrize("operation", ["DescribeRegions", "DescribeTrails"])
    def test_denied(self, advice, members, aws, operation, flags):
        aws.refuse("AccessDeniedException", operation, members[0])

        code, found, ((place, reason),) = advice(*self.ATHENA, *flags)

        assert (code, found, place) == (
            2,
            {"dev": "cannot be seen", "prod": "could be dropped"},
            f"--used of account {members[0]}",
        )
        assert f"role/security/audit must have the permission{'s' if operation == 'DescribeTrails' else ''} " in reason

    def test_denied_in_one_region(self, advice, members, aws):
        aws.refuse("AccessDeniedException", "DescribeTrails", members[0], OTHER)

        _, found, ((_, reason),) = advice(*self.ATHENA)

        assert found == {"dev": "cannot be seen", "prod": "could be dropped"}
        assert reason == (
            "The settings of trails: AWS denies the request (AccessDeniedException: The reason.). The role "
            f"arn:aws:iam::{members[0]}:role/security/audit must have the permissions cloudtrail:DescribeTrails, "
            "cloudtrail:GetEventSelectors. Without all of them, only the events in the evidence show what the trails "
            "record. If a service control policy denies a Region, pass the settings in a file with --used."
        )

    def test_selectors_of_an_organization(self, advice, members, aws):
        """The account that owns the trail is asked for them, and the others are not."""
        listed = trails(members[0], IsOrganizationTrail=True, HasCustomEventSelectors=True)
        aws.answers["DescribeTrails", members[0]] = aws.answers["DescribeTrails", members[1]] = listed
        selector = {"ReadWriteType": "All", "IncludeManagementEvents": True}
        aws.answers["GetEventSelectors"] = {"EventSelectors": [selector]}

        _, found, _ = advice(*self.ATHENA)

        assert found == {"dev": "could be dropped", "prod": "could be dropped"}
        assert [account for account, _ in aws.asked("GetEventSelectors")] == [members[0]]


def trails(account, **changes):
    trail = {
        "TrailARN": f"arn:aws:cloudtrail:{REGION}:{account}:trail/all",
        "HomeRegion": REGION,
        "IsMultiRegionTrail": True,
        "IsOrganizationTrail": False,
        "HasCustomEventSelectors": False,
    }
    return {"trailList": [trail | changes]}


@pytest.mark.parametrize(
    ("flags", "actions"),
    [
        (("--used", "FILE", "--regions", "us-east-1"), None),
        (("--used", "FILE"), [trail_settings.REGIONS_ACTION]),
        (("--used", "lake:id"), [trail_settings.REGIONS_ACTION, *trail_settings.READ_ACTIONS]),
        (
            ("--used", "lake:id", *ADVISOR),
            [*advisor.READ_ACTIONS, trail_settings.REGIONS_ACTION, *trail_settings.READ_ACTIONS],
        ),
    ],
)
def test_session(advice, aws, events, flags, actions):
    """It can do what the flags need, and nothing else."""
    aws.answers |= {"DescribeRegions": enabled(REGION), "DescribeTrails": {"trailList": []}}

    advice(*(events(REGION) if each == "FILE" else each for each in flags))

    policies = [json.loads(request["Policy"])["Statement"][0]["Action"] for _, request in aws.asked("AssumeRole")]
    assert [each for each in policies if each != [permissions.READ]] == ([actions] * 2 if actions else [])


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
        monkeypatch.setattr(account_evidence._Reader, "found", lambda *_: account_evidence._Found())
        interrupt(account_evidence)
        last = max(members)

        code, _, found = advice()

        arn = f"arn:aws:iam::{last}:role/{['dev', 'prod'][members.index(last)]}"
        reason = f"There is no report of Access Advisor on {arn}. The command was interrupted. Run it again."
        assert (code, found) == (2, [(f"--used of account {last}", reason)])

    def test_roles(self, advice, aws, interrupt):
        """If the reading of the roles was interrupted, no report is asked for."""
        interrupt(accounts)

        _, found, listed = advice()

        assert found == {"dev": "cannot be seen"}
        assert listed[-1] == ("--used", "The command was interrupted before it asked the accounts for evidence.")
        assert aws.asked(GENERATE) == []


@pytest.mark.parametrize("source", [("--config-aggregator", "all"), ("file.json",)])
def test_source_without_accounts(run, source):
    done = run("fleet", *source, *ADVISOR)

    assert (done.code, done.out) == (2, "")
    assert done.error == (
        "Error: --used access-advisor: it asks the accounts of the roles for reports. Leave out the "
        f"{source[0] if len(source) > 1 else 'SOURCE'}, or pass files with reports.\n"
    )
