"""What ``fleet --used`` says of the use of roles."""

import csv
import io
import json
from datetime import timedelta
from typing import ClassVar

import pytest

from ssm_profile.cli.fleet import use_report
from ssm_profile.cli.fleet.members import roles_of_account
from ssm_profile.cli.usage.blindness import Reason
from ssm_profile.cli.usage.evidence import Calls
from ssm_profile.policy import actions
from tests import ROOT, require
from tests.cli.accounts import ACCOUNT, details, role
from tests.cli.policies import MINIMUM, SCOPED_MINIMUM, allow
from tests.cli.trails import NOW, REGION, WEB, background, event, events_of, settings, write_log

jsonschema = require("jsonschema")
require("ijson")

SCHEMA = json.loads((ROOT / "docs" / "fleet.schema.json").read_text())
OLD = {
    "CreateDate": "2024-01-01T00:00:00+00:00",
    "RoleLastUsed": {"LastUsedDate": f"{NOW:%Y-%m-%d}T00:00:00+00:00", "Region": REGION},
}
PATCHING = allow(
    [
        "ssm:DescribeAssociation",
        "ssm:GetDeployablePatchSnapshotForInstance",
        "ssm:PutComplianceItems",
        "ssm:PutInventory",
    ]
)


@pytest.fixture
def fleet(run, tmp_path, monkeypatch):
    """Runs ``fleet`` on roles, at the time of the events, with a trail of 120 days."""
    monkeypatch.setattr("ssm_profile.cli.fleet.evidence_options.now", lambda: NOW)

    def run_fleet(*arguments, roles, events=(), regions=REGION):
        (tmp_path / "account.json").write_text(json.dumps(details(*roles)))
        trail = write_log(tmp_path, [*background(days=120), *events])
        evidence = ("--used", trail, "--used", settings(tmp_path / "trails.json"))
        return run("fleet", str(tmp_path / "account.json"), *evidence, "--regions", regions, *arguments)

    return run_fleet


@pytest.fixture
def used(fleet):
    """What the row of a role says of its use."""

    def used_by(*statements, arguments=(), **inputs):
        roles = [role("web", allow(MINIMUM), *statements, **{**OLD, **inputs.pop("details", {})})]
        row = json.loads(fleet("--json", *arguments, roles=roles, **inputs).out)
        jsonschema.Draft202012Validator(SCHEMA).validate(row)
        return row["used"] and row["used"] | {each["capability"]: each for each in row["used"]["capabilities"]}

    return used_by


def days_ago(action, days, **changes):
    return event(action, NOW - timedelta(days=days), **changes)


class TestCapabilities:
    def test_unused(self, used):
        found = used(PATCHING)["patching"]

        assert found["advice"] == "could be dropped"
        assert found["why"].endswith("(90 days). CloudTrail files (us-east-1) would have shown one.")

    def test_used(self, used):
        assert used(PATCHING, events=[days_ago("ssm:PutComplianceItems", 89)])["patching"]["advice"] == "keep"

    def test_used_before_the_days(self, used):
        found = used(PATCHING, events=[days_ago("ssm:PutComplianceItems", 31)], arguments=["--days", "30"])

        assert found["patching"]["advice"] == "could be dropped"

    def test_sessions_stay(self, used):
        """No trail shows the session actions of an agent that used sessions only."""
        assert used(events=events_of("A"))["messaging"]["advice"] == "keep"

    def test_young_role(self, used):
        found = used(PATCHING, details={"CreateDate": "2026-11-20T00:00:00+00:00"})["patching"]

        assert (found["advice"], found["reason"]) == ("cannot be seen", "role too young")
        assert found["unseen"] == PATCHING["Action"]

    def test_role_without_creation_date(self, used):
        assert used(PATCHING, details={"CreateDate": None})["patching"]["advice"] == "cannot be seen"

    def test_last_use_that_no_event_shows(self, used):
        """Another role's events are no evidence for this one."""
        found = used(PATCHING, details={"Arn": f"{WEB}-2"})["patching"]

        assert found["why"].startswith("There is no call of the role, although IAM says")

    def test_last_use_that_cannot_be_read(self, used):
        last = {"LastUsedDate": "yesterday"}

        assert used(PATCHING, details={"Arn": f"{WEB}-2", "RoleLastUsed": last})["patching"]["advice"] != (
            "could be dropped"
        )

    def test_role_without_arn(self, used):
        assert used(PATCHING, details={"Arn": None})["patching"]["reason"] == "no evidence"

    def test_region_without_events(self, used):
        found = used(PATCHING, regions=f"{REGION},eu-central-1")["patching"]

        assert found["reason"] == "Region not in the evidence"

    def test_data_events(self, used, tmp_path):
        """The owner of a trail declares that it logs those of all resources, and its settings must not deny it."""
        objects = allow("s3:GetObject")
        calls = [days_ago("s3:GetObject", day, role=f"{WEB}-2") for day in range(91)]
        fields = [
            {"Field": "eventCategory", "Equals": ["Data"]},
            {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        ]
        arn = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/data"
        selectors = {"TrailARN": arn, "AdvancedEventSelectors": [{"FieldSelectors": fields}]}
        (tmp_path / "selectors.json").write_text(json.dumps(selectors))
        flag, settings_of_it = ("--data-events", "s3"), ("--used", str(tmp_path / "selectors.json"))

        found = [
            used(objects, events=calls, arguments=each)["managed_buckets"]["advice"]
            for each in (settings_of_it, flag, (*flag, *settings_of_it))
        ]

        assert found == ["cannot be seen", "cannot be seen", "could be dropped"]


class TestOptions:
    @pytest.mark.parametrize("wide", [[], [allow("ssm:SendCommand")]], ids=["clean", "risky"])
    def test_without_unused(self, used, wide):
        """Also those of a role whose policies need no replacement."""
        assert "patching" not in used(PATCHING, *wide)["options"]

    def test_nothing_unused(self, used):
        assert used(allow("ssm:SendCommand"))["options"] is None

    LEGACY: ClassVar = allow(list(actions({"state_manager": True, "legacy_messaging": True})))

    def test_option_that_keeps_what_another_one_granted(self, used):
        """State Manager's option grants what an agent without it calls, too."""
        found = used(self.LEGACY)

        assert found["state_manager"]["advice"] == "could be dropped"
        assert found["options"]["quiet_agent"] is True
        assert found["addedOptions"] == ["quiet_agent"]

    def test_no_added_option(self, used):
        assert used(PATCHING)["addedOptions"] == []

    def test_added_option_in_the_text(self, fleet):
        done = fleet(roles=[role("web", self.LEGACY, **OLD)])

        assert [each for each in done.items if each.startswith("quietAgent is in no other config. It keeps what an")]

    def test_boundary(self, used):
        """The options keep it."""
        boundary = "arn:aws:iam::123456789012:policy/boundary"
        found = used(PATCHING, details={"PermissionsBoundary": {"PermissionsBoundaryArn": boundary}})

        assert found["options"]["permissions_boundary_arn"] == boundary


def test_other_actions(used):
    """What the role called besides, without what was denied."""
    events = [
        days_ago("dynamodb:Query", 3),
        days_ago("dynamodb:Query", 2),
        days_ago("dynamodb:Scan", 2, errorCode="AccessDenied"),
    ]

    assert used(events=events)["otherActions"] == [
        {"action": "dynamodb:Query", "calls": 2, "last": f"{NOW - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"}
    ]


class TestOtherActions:
    """Calls that are no permission to keep."""

    @pytest.mark.parametrize("action", ["sts:GetCallerIdentity", "dynamodb:NoSuchAction"])
    def test_no_permission(self, used, action):
        assert used(events=[days_ago(action, 3)])["otherActions"] == []

    def test_name_with_a_date(self, used):
        [found] = used(events=[days_ago("lambda:ListFunctions20150331", 3)])["otherActions"]

        assert found["action"] == "lambda:ListFunctions"

    def test_before_the_period(self, used):
        assert used(events=[days_ago("dynamodb:Query", 92)])["otherActions"] == []

    def test_earlier_role_of_the_name(self, used):
        """The role of today was created after the call."""
        details = {"CreateDate": f"{NOW - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"}

        assert used(events=[days_ago("dynamodb:Query", 3)], details=details)["otherActions"] == []


def test_without_evidence(run, tmp_path):
    (tmp_path / "account.json").write_text(json.dumps(details(role("web"))))

    assert json.loads(run("fleet", str(tmp_path / "account.json"), "--json").out)["used"] is None


class TestText:
    ROLES: ClassVar = [role("web", allow(MINIMUM), PATCHING, **OLD), role("young", *SCOPED_MINIMUM, PATCHING)]

    def test_summary(self, fleet):
        done = fleet(roles=self.ROLES, events=[days_ago("dynamodb:Query", 3)])

        assert "Could be dropped, not used in 90 days of evidence: capabilities of 1 role: patching (1)." in done.items
        assert (
            "Cannot be seen whether it is used: capabilities of 1 role. The most frequent reason, of 1 role: role too "
            "young. Run the command again when the roles are older, or with fewer --days."
        ) in done.items

    def test_most_frequent_reason(self, fleet):
        """It is counted by roles, and its advice names the services."""
        objects = allow("s3:GetObject")
        roles = [*self.ROLES, *(role(name, *SCOPED_MINIMUM, objects, **OLD) for name in "ab")]
        [found] = [each for each in fleet(roles=roles).items if each.startswith("Cannot be seen")]

        assert found == (
            "Cannot be seen whether it is used: capabilities of 3 roles. The most frequent reason, of 2 roles: data "
            "event not in the evidence. Let the trails log all data events of s3, which AWS charges, and pass "
            "--data-events s3."
        )

    def test_less_frequent_reason(self, fleet):
        objects = role("a", *SCOPED_MINIMUM, allow("s3:GetObject"), **OLD)
        young = [role(name, *SCOPED_MINIMUM, PATCHING) for name in "bc"]
        [found] = [each for each in fleet(roles=[objects, *young]).items if each.startswith("Cannot be seen")]

        assert "capabilities of 3 roles. The most frequent reason, of 2 roles: role too young." in found

    def test_advice_for_each_reason(self):
        assert {*use_report._WHAT_TO_DO, Reason.DATA_EVENT} == {*Reason}

    @pytest.mark.parametrize(("roles", "first"), [(ROLES[:1], "Could be dropped"), (ROLES[1:], "Nothing is known")])
    def test_evidence_with_problems(self, fleet, tmp_path, roles, first):
        """What it shows is not all."""
        (tmp_path / "broken.json").write_text("{}")
        done = fleet("--used", str(tmp_path / "broken.json"), roles=roles)
        number = next(number for number, each in enumerate(done.items) if each.startswith(first))

        assert done.items[number + 1] == (
            "Missing in the evidence: 1. More can be used than it shows. The problems say why."
        )
        assert not [each for each in fleet(roles=roles).items if each.startswith("Missing in the evidence")]

    def test_one_day(self, fleet):
        done = fleet("--days", "1", roles=self.ROLES[:1])

        assert any(each.startswith("Could be dropped, not used in 1 day of evidence:") for each in done.items)
        assert "(1 day)." in done.out

    def test_dangerous_action(self, fleet):
        """It is not to be kept as it is."""
        operator = role("web", allow([*MINIMUM, "ssm:SendCommand"]), **OLD)
        done = fleet(roles=[operator], events=[days_ago("ssm:SendCommand", 3)])

        assert any(each.startswith("Some of these make a role dangerous: ssm:SendCommand.") for each in done.items)

    def test_many_roles(self, fleet):
        """The table has those with the most dangerous permissions, and the JSON has all."""
        done = fleet(roles=[role(f"r{number}", *SCOPED_MINIMUM, PATCHING, **OLD) for number in range(22)])

        assert len({row["Role"] for row in done.tables["Use of capabilities"]}) == 20
        assert "--json has the same for 2 more roles, and --html, too." in done.out

    def test_csv(self, fleet):
        done = fleet("--csv", roles=self.ROLES, events=[days_ago("dynamodb:Query", 3)])
        rows = {row["role"]: row for row in csv.DictReader(io.StringIO(done.out))}

        assert rows["web"]["unused"] == "patching"
        assert rows["web"]["otherActions"] == "dynamodb:Query"
        assert rows["young"]["notSeen"] == "patching"


class TestUsage:
    def test_damaged_evidence(self, fleet, tmp_path):
        (tmp_path / "cut.json.gz").write_bytes(b"\x1f\x8b\x08")
        done = fleet("--used", str(tmp_path / "cut.json.gz"), "--fail-on", "never", roles=[role("web")])

        assert done.code == 2
        assert "cut.json.gz cannot be read to its end" in done.out

    @pytest.mark.parametrize("regions", ["US East", "us-east-1,", "eu"])
    def test_region_that_is_none(self, fleet, regions):
        done = fleet(roles=[role("web")], regions=regions)

        assert (done.code == 2) is (regions != "us-east-1,")

    @pytest.mark.parametrize(
        "flags", [("--days", "30"), ("--regions", REGION), ("--data-events", "s3"), ("--athena-output", "s3://b/")]
    )
    def test_flag_without_evidence(self, run, tmp_path, flags):
        (tmp_path / "account.json").write_text(json.dumps(details(role("web"))))
        done = run("fleet", str(tmp_path / "account.json"), *flags)

        assert done.code == 2
        instances = " or --instances" if flags[0] == "--regions" else ""
        assert f"{flags[0]} requires --used EVIDENCE{instances}." in done.error

    def test_print_sql(self, run):
        done = run("fleet", "--used", "athena:logs.cloudtrail", "--athena-partition", "timestamp", "--print-sql")

        assert 'FROM "logs"."cloudtrail"' in done.out
        assert '"timestamp" >= ' in done.out

    def test_print_sql_of_files(self, run):
        done = run("fleet", "--used", "trail.json", "--print-sql")

        assert done.code == 2
        assert "requires --used athena:TABLE or --used lake:EVENT_DATA_STORE" in done.error


class TestAws:
    """Evidence that AWS's API gives. The modules of each service have tests of their own."""

    @pytest.fixture
    def calls(self, monkeypatch):
        """The calls of the functions that ask AWS. They give a call by the role, and one Region."""
        found = {}

        def replace(place, answer=None):
            def asked(evidence, *arguments, **more):
                found[place.rpartition(".")[2]] = (arguments, more)
                evidence.add_calls((ACCOUNT, "web"), "ssm:PutComplianceItems", Calls(1, last_allowed=f"{NOW:%FT%TZ}"))
                return answer

            monkeypatch.setattr(f"ssm_profile.cli.usage.{place}", asked)

        replace("athena.add_athena")
        replace("lake.add_lake")
        replace("advisor.add_access_advisor")
        replace("trail_settings.enabled_regions", frozenset({REGION}))
        replace("trail_settings.add_trail_settings")
        monkeypatch.setattr("ssm_profile.cli.fleet.evidence_options.now", lambda: NOW)
        return found

    @pytest.fixture
    def own_account(self, monkeypatch):
        """The account of the credentials has a role."""
        found = list(roles_of_account([], [role("web", allow(MINIMUM), PATCHING, **OLD)], "the account"))
        monkeypatch.setattr("ssm_profile.cli.fleet.account.read_account", lambda: iter(found))

    def test_athena(self, run, tmp_path, calls):
        (tmp_path / "account.json").write_text(json.dumps(details(role("web", allow(MINIMUM), PATCHING, **OLD))))
        flags = ("--athena-workgroup", "w", "--athena-output", "s3://b/", "--athena-partition", "day", "--days", "30")
        done = run("fleet", str(tmp_path / "account.json"), "--json", "--used", "athena:logs.all", *flags)

        assert {each["capability"]: each["advice"] for each in done.json["used"]["capabilities"]}["patching"] == "keep"
        assert calls == {
            "add_athena": (
                ("logs.all",),
                {"days": 30, "now": NOW, "partition": "day", "workgroup": "w", "output": "s3://b/"},
            )
        }

    @pytest.mark.usefixtures("own_account")
    def test_lake(self, run, calls):
        """The account of the credentials tells its Regions and its trails, too."""
        done = run("fleet", "--json", "--used", "lake:store")

        assert {each["capability"]: each["advice"] for each in done.json["used"]["capabilities"]}["patching"] == "keep"
        assert calls == {
            "add_lake": (("store",), {"days": 90, "now": NOW}),
            "enabled_regions": ((), {}),
            "add_trail_settings": ((frozenset({REGION}),), {}),
        }

    @pytest.mark.usefixtures("own_account")
    def test_files(self, run, tmp_path, calls):
        """They can be a part of what the trails wrote, so that the settings of the trails prove nothing."""
        run("fleet", "--json", "--used", write_log(tmp_path, background()))

        assert list(calls) == ["enabled_regions"]

    @pytest.mark.usefixtures("own_account")
    def test_access_advisor(self, run, calls):
        """A report is of all Regions, and does not depend on trails."""
        run("fleet", "--json", "--used", "access-advisor")

        assert calls == {"add_access_advisor": (([WEB],), {})}

    def test_access_advisor_of_files(self, run, tmp_path):
        (tmp_path / "account.json").write_text(json.dumps(details(role("web"))))
        done = run("fleet", str(tmp_path / "account.json"), "--used", "access-advisor")

        assert done.code == 2
        assert "Leave out the SOURCE" in done.error
