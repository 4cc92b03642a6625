"""What evidence must cover before an action counts as unused: each Region, each day, reads and writes."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

import pytest

from ssm_profile.cli.usage import read_evidence, role_key, uses
from ssm_profile.cli.usage.evidence import Source

from .trails import ACCOUNT, DAYS, NOW, OLD, REGION, WEB, background, event, log_name, quiet, settings, write, write_log

OTHER = "210987654321"
OTHER_REGION = "eu-west-1"
IN_TWO = replace(OLD, regions=frozenset({REGION, OTHER_REGION}))
PROBE = "ssm:GetDocument"
"""A management event that no trail below has."""


@pytest.fixture
def verdict(tmp_path):
    """The verdict on an action from events, and from settings of trails."""

    def find(*groups, role=IN_TWO, action=PROBE, trails=None, now=NOW):
        sources = [write_log(tmp_path, [each for group in groups for each in group])]
        if trails is not None:
            sources.append(settings(tmp_path / "trails.json", *trails))
        [found] = uses([action], read_evidence(sources), role, days=DAYS, now=now)
        return found

    return find


def reason(found):
    assert found["use"] == "cannot be seen"
    return found["reason"]


class TestEventsThatCanBeFiltered:
    """They show what is used, and never that something is not."""

    EVENTS = tuple(background(DAYS + 10))
    LOG = log_name(NOW - timedelta(days=DAYS + 9)).removesuffix(".gz")

    def uses(self, tmp_path):
        actions = [PROBE, "s3:GetObject", "ssm:UpdateInstanceInformation"]
        evidence = read_evidence([str(tmp_path)], data_events=["s3"])
        return uses(actions, evidence, OLD, days=DAYS, now=NOW)

    @pytest.mark.parametrize("form", ["lookup", "lines"])
    def test_other_forms(self, tmp_path, form):
        lookup = json.dumps({"Events": [{"CloudTrailEvent": json.dumps(each)} for each in self.EVENTS]})
        (tmp_path / self.LOG).write_text(lookup if form == "lookup" else "\n".join(map(json.dumps, self.EVENTS)))

        assert [each["use"] for each in self.uses(tmp_path)] == ["cannot be seen", "cannot be seen", "used"]

    @pytest.mark.parametrize(
        ("name", "use"),
        [
            (LOG, "unused"),
            (f"{LOG}.gz", "unused"),
            ("a.json", "cannot be seen"),
            (f"my-{LOG}", "cannot be seen"),
            (LOG.replace(".json", " (1).json"), "cannot be seen"),
            (LOG.replace(".json", "_ssm.json"), "cannot be seen"),
            (f"{LOG}.tmp", "cannot be seen"),
            (LOG.replace("CloudTrail", "Other"), "cannot be seen"),
        ],
    )
    def test_names(self, tmp_path, name, use):
        write(tmp_path / name, self.EVENTS)

        assert [each["use"] for each in self.uses(tmp_path)] == [use, "cannot be seen", "used"]

    def test_reason(self, tmp_path):
        write(tmp_path / "a.json", self.EVENTS)
        management, data, _ = self.uses(tmp_path)
        name = f"`{tmp_path}/a.json` does not have the name and the form of CloudTrail's log files"

        assert reason(management) == "part of a log file"
        assert management["why"] == (
            "There are no management events of the account in CloudTrail files. "
            f"{name}: events can be missing in it. It shows only what was called."
        )
        assert reason(data) == "data event not in the evidence"
        assert name in data["why"]

    def test_data_events(self, tmp_path):
        """A file with another name does not show that there were no others."""
        objects = [event("s3:PutObject", NOW - timedelta(days=day), WEB + "2") for day in range(DAYS)]
        write_log(tmp_path, self.EVENTS)
        write(tmp_path / "a.json", objects)
        _, before, _ = self.uses(tmp_path)
        write_log(tmp_path, [*self.EVENTS, *objects])
        _, after, _ = self.uses(tmp_path)

        assert [before["use"], after["use"]] == ["cannot be seen", "unused"]

    def test_beside_whole_files(self, tmp_path):
        write_log(tmp_path, self.EVENTS)
        write(tmp_path / "a.json", [event(PROBE, NOW - timedelta(days=1))])

        assert self.uses(tmp_path)[0]["use"] == "used"


def without(events, *, day, is_read=None):
    """Events without those of some day."""
    return [each for each in events if not (each["eventTime"].startswith(day) and is_read in (None, each["readOnly"]))]


class TestRegions:
    def test_each_region_covered(self, verdict):
        found = verdict(background(), background(awsRegion=OTHER_REGION))

        assert found["use"] == "unused"
        assert found["why"].endswith("CloudTrail files (eu-west-1, us-east-1) would have shown one.")

    def test_files_of_one_region(self, verdict):
        found = verdict(background())

        assert reason(found) == "Region not in the evidence"
        assert found["why"] == "The role can call in eu-west-1, and CloudTrail files have no events of it."

    def test_enabled_regions_not_known(self, verdict):
        assert reason(verdict(background(), role=replace(OLD, regions=frozenset()))) == "Region not in the evidence"

    def test_region_of_the_last_use(self, verdict):
        """IAM names it, even if the Region is disabled now."""
        found = verdict(background(), role=replace(OLD, last_region=OTHER_REGION))

        assert reason(found) == "Region not in the evidence"

    def test_one_day_of_a_region(self, verdict):
        found = verdict(background(), background(1, awsRegion=OTHER_REGION))

        assert reason(found) == "evidence covers fewer days"
        assert found["why"] == (
            "The read management events in CloudTrail files of eu-west-1 begin on 2026-11-27, after 2026-10-29."
        )

    def test_region_with_events_that_is_not_enabled(self, verdict):
        """It was enabled when the events happened."""
        found = verdict(background(), background(1, awsRegion=OTHER_REGION), role=OLD)

        assert reason(found) == "evidence covers fewer days"

    def test_region_that_was_disabled(self, verdict):
        """The role could call in it before."""
        disabled = event("account:DisableRegion", NOW - timedelta(days=9), WEB + "2")

        assert reason(verdict(background(), [disabled], role=OLD)) == "left out of the evidence"

    def test_kms_in_each_region(self, verdict):
        """One trail of a Region can leave KMS out."""
        other = [each for each in background(awsRegion=OTHER_REGION) if not each["eventSource"].startswith("kms")]

        assert reason(verdict(background(), other, action="kms:Decrypt")) == "left out of the evidence"
        assert verdict(background(), other)["use"] == "unused"

    def test_kms_without_reads(self, verdict):
        """A trail can log the writes of KMS alone."""
        others = [each for each in background() if not each["eventSource"].startswith("kms")]
        writes = [event("kms:CreateGrant", NOW - timedelta(days=number)) for number in range(DAYS)]

        assert reason(verdict(others, writes, role=OLD, action="kms:Decrypt")) == "left out of the evidence"


class TestReadsAndWrites:
    @pytest.mark.parametrize("is_read", [True, False])
    def test_a_day_without_one_kind(self, verdict, is_read):
        events = without(background(), day="2026-11-11", is_read=is_read)
        found = verdict(events, role=OLD)

        kind = "read" if is_read else "write"
        assert reason(found) == "evidence covers fewer days"
        assert found["why"] == f"There are no {kind} management events in CloudTrail files of us-east-1 on 2026-11-11."

    @pytest.mark.parametrize("kept", [True, False])
    def test_one_kind_on_one_day_only(self, verdict, kept):
        """The trail logged the other kind on all days."""
        events = [each for each in background() if each["readOnly"] is kept or each["eventTime"] > "2026-11-27"]

        assert reason(verdict(events, role=OLD)) == "evidence covers fewer days"

    def test_events_that_do_not_say_it(self, verdict):
        events = [{key: value for key, value in each.items() if key != "readOnly"} for each in background()]

        assert reason(verdict(events, role=OLD)) == "Region not in the evidence"

    def test_events_of_other_kinds_cover_nothing(self, verdict):
        network = background(eventCategory="NetworkActivity", managementEvent=False)

        assert reason(verdict(network, role=OLD)) == "evidence covers fewer days"

    def test_old_events_of_a_data_action(self, verdict):
        """Before version 1.06, events do not say whether they are management events."""
        events = [event("s3:DeleteObject", NOW - timedelta(days=number), readOnly=True) for number in range(DAYS)]
        for each in events:
            del each["managementEvent"]

        assert reason(verdict(events, without(background(), day="2026-11-11", is_read=True), role=OLD)) == (
            "evidence covers fewer days"
        )

    def test_clock_ahead(self, verdict):
        """An event of tomorrow does not move the period."""
        tomorrow = [event("kms:Encrypt", NOW + timedelta(days=1), WEB + "2", readOnly=each) for each in (True, False)]

        assert verdict(background(), tomorrow, role=OLD)["why"].startswith("No call from 2026-10-29 to 2026-11-27")


class TestLogFiles:
    """A log file has some of the events of the day before its own."""

    @pytest.fixture
    def read(self, tmp_path):
        """The evidence of log files, each of which has the events of some days."""

        def find(files):
            for number, days in files.items():
                name = (
                    f"{ACCOUNT}_CloudTrail_{REGION}_{NOW - timedelta(days=number):%Y%m%d}T0005Z_Mu0KsOhtH1ar15ZZ.json"
                )
                times = [f"{NOW - timedelta(days=day):%Y-%m-%d}" for day in days]
                write(tmp_path / name, (each for each in background() if each["eventTime"][:10] in times))
            return read_evidence([str(tmp_path)])

        return find

    @pytest.mark.parametrize(("first", "use"), [(DAYS - 1, "unused"), (DAYS - 2, "cannot be seen")])
    def test_day_before_the_first_file(self, read, first, use):
        evidence = read({number: [number, min(number + 1, DAYS - 1)] for number in range(first + 1)})

        [found] = uses([PROBE], evidence, OLD, days=DAYS, now=NOW)
        assert found["use"] == use

    def test_call_of_the_day_before_is_a_use(self, read):
        evidence = read({0: [1]})

        assert evidence.coverage[Source.FILES, ACCOUNT].days() == set()
        assert role_key(WEB) in evidence.calls


class TestTrail:
    """The settings of a trail show what it logs where nothing happened."""

    QUIET = tuple(quiet(OTHER_REGION))
    BASIC: ClassVar = {"ReadWriteType": "All", "IncludeManagementEvents": True}
    MANAGEMENT: ClassVar = {"Field": "eventCategory", "Equals": ["Management"]}

    def test_all_management_events_of_all_regions(self, verdict):
        assert verdict(background(), self.QUIET, trails=())["use"] == "unused"
        assert verdict(background(), self.QUIET, trails=(), action="kms:Decrypt")["use"] == "unused"

    def test_files_of_one_region(self, verdict):
        """A Region without any event shows that its files can be missing."""
        assert reason(verdict(background(), trails=())) == "Region not in the evidence"

    @pytest.mark.parametrize("first", [0, 8])
    def test_files_of_some_days(self, verdict, first):
        """A week without any event shows that files can be missing, before or after those that are there."""
        days = [each for each in self.QUIET if each["eventTime"] >= f"{NOW - timedelta(days=DAYS - first):%Y-%m-%d}"]
        found = verdict(background(), days, trails=())

        assert found["use"] == ("cannot be seen" if first else "unused")
        assert not first or found["why"].endswith("Files may be missing.")

    @pytest.mark.parametrize(
        "change",
        [{"IsMultiRegionTrail": False}, {"HasCustomEventSelectors": True}, {"HomeRegion": "eu-central-1"}],
        ids=["one region", "selectors", "home region without events"],
    )
    def test_other_settings(self, verdict, change):
        assert reason(verdict(background(), self.QUIET, trails=[change])) == "evidence covers fewer days"

    def test_second_trail_that_logs_less(self, verdict):
        """A log file does not name its trail."""
        arn = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/less"
        trails = [{}, {"TrailARN": arn, "IsMultiRegionTrail": False}]

        assert reason(verdict(background(), self.QUIET, trails=trails)) == "evidence covers fewer days"

    @pytest.mark.parametrize("name", ["UpdateTrail", "PutEventSelectors", "StopLogging"])
    def test_settings_that_changed(self, verdict, name):
        change = event(f"cloudtrail:{name}", NOW - timedelta(days=9), WEB + "2")

        assert reason(verdict(background(), self.QUIET, [change], trails=())) == "left out of the evidence"
        denied = change | {"errorCode": "AccessDenied"}
        assert verdict(background(), self.QUIET, [denied], trails=())["use"] == "unused"

    def test_gap_that_the_events_show(self, verdict):
        """A trail that was stopped has no events for hours, although each day has some."""
        stop = event("cloudtrail:StopLogging", NOW - timedelta(days=9), WEB + "2")

        assert reason(verdict(background(), [stop])) == "left out of the evidence"

    def test_change_after_the_end_of_the_events(self, verdict):
        """It can be missing."""
        found = verdict(background(), self.QUIET, trails=(), now=NOW + timedelta(days=2))

        assert reason(found) == "evidence covers fewer days"

    def test_trail_of_another_account(self, verdict):
        trail = {"TrailARN": f"arn:aws:cloudtrail:{REGION}:210987654321:trail/all"}

        assert reason(verdict(background(), self.QUIET, trails=[trail])) == "evidence covers fewer days"

    def test_trail_of_an_organization(self, verdict):
        """Its settings do not say which other accounts are in the organization."""
        trail = {"TrailARN": f"arn:aws:cloudtrail:{REGION}:{OTHER}:trail/all", "IsOrganizationTrail": True}
        management = background(account=OTHER, role=f"arn:aws:iam::{OTHER}:role/web")

        assert reason(verdict(background(), self.QUIET, management, trails=[trail])) == "evidence covers fewer days"
        assert verdict(background(), self.QUIET, trails=[{"IsOrganizationTrail": True}])["use"] == "unused"

    @pytest.mark.parametrize("trails", [None, [{}], [{"IsMultiRegionTrail": False}], [{"IsOrganizationTrail": True}]])
    def test_change_in_another_account(self, verdict, trails):
        """A delegated administrator can change the trail of an organization."""
        admin = f"arn:aws:iam::{OTHER}:role/admin"
        change = event("cloudtrail:PutEventSelectors", NOW - timedelta(days=9), admin, recipientAccountId=OTHER)
        found = verdict(background(), [change], role=OLD, trails=trails)

        assert reason(found) == "left out of the evidence"
        assert found["why"] == (
            f"Account {OTHER} changed a trail, an event data store or a Region on 2026-11-18, so that events can be "
            "missing."
        )

    @pytest.mark.parametrize("account", [ACCOUNT, OTHER])
    def test_change_after_the_period(self, verdict, account):
        """The settings of today can be other ones than those of the period."""
        ended = [each for each in self.QUIET if not each["eventTime"].startswith("2026-11-27")]
        admin = f"arn:aws:iam::{account}:role/admin"
        change = event("cloudtrail:UpdateTrail", NOW - timedelta(days=1), admin, recipientAccountId=account)

        assert verdict(background(DAYS + 9), ended, trails=())["use"] == "unused"
        assert reason(verdict(background(DAYS + 9), ended, [change], trails=())) == "evidence covers fewer days"

    def test_damaged_file_of_another_account(self, tmp_path):
        """It can have had a change."""
        write_log(tmp_path, [*background(), *self.QUIET])
        settings(tmp_path / "trails.json", {"IsOrganizationTrail": True})
        (tmp_path / f"{OTHER}_CloudTrail_us-east-1_20261120T0420Z_a.json.gz").write_bytes(b"\x1f\x8b")

        [found] = uses([PROBE], read_evidence([str(tmp_path)]), IN_TWO, days=DAYS, now=NOW)

        assert reason(found) == "evidence covers fewer days"

    @pytest.mark.parametrize(
        ("selectors", "is_complete"),
        [
            ([BASIC], True),
            ([BASIC | {"ReadWriteType": "WriteOnly"}, BASIC], True),
            ([BASIC | {"ReadWriteType": "WriteOnly"}], False),
            ([BASIC | {"IncludeManagementEvents": False}], False),
            ([BASIC | {"ExcludeManagementEventSources": ["kms.amazonaws.com"]}], False),
            ([{"FieldSelectors": [MANAGEMENT]}], True),
            ([{"FieldSelectors": [MANAGEMENT, {"Field": "readOnly", "Equals": ["false"]}]}], False),
            ([{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}], False),
            ([], False),
        ],
    )
    def test_selectors(self, tmp_path, selectors, is_complete):
        """They are the output of get-event-selectors."""
        key = "AdvancedEventSelectors" if "FieldSelectors" in str(selectors) else "EventSelectors"
        selectors = {key: selectors}
        arn = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/all"
        (tmp_path / "selectors.json").write_text(json.dumps({"TrailARN": arn, **selectors}))
        write_log(tmp_path, [*background(), *self.QUIET])
        settings(tmp_path / "trails.json", {"HasCustomEventSelectors": True})

        [found] = uses([PROBE], read_evidence([str(tmp_path)]), IN_TWO, days=DAYS, now=NOW)

        assert (found["use"] == "unused") is is_complete

    @pytest.mark.parametrize("text", ['{"trailList": [{}]}', '{"trailList": []}', '{"Trail": 1}', '{"TrailARN": "x"'])
    def test_broken_settings(self, tmp_path, text):
        (tmp_path / "trails.json").write_text(text)
        write_log(tmp_path, background())

        [problem] = read_evidence([str(tmp_path)]).problems
        assert problem.startswith(f"{tmp_path}/trails.json cannot be used as the settings of a trail. It ")


class TestCallers:
    """An event that can be of the role keeps the action from being unused."""

    CALL = event(PROBE, NOW - timedelta(days=1))

    def call(self, **identity):
        return [self.CALL | {"userIdentity": identity}]

    def test_session_without_issuer(self, verdict):
        """The ARN of a session has no path of the role."""
        role = replace(OLD, arn=WEB.replace("role/", "role/team/"))
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/web/i-0123456789abcdef0"

        assert verdict(background(), self.call(type="AssumedRole", arn=arn), role=role)["use"] == "used"

    @pytest.mark.parametrize(
        "identity",
        [
            {},
            {"type": "AssumedRole", "accountId": ACCOUNT, "principalId": "AROAIDPPEZS35WEXAMPLE:i-0123456789abcdef0"},
            {"type": "Unknown", "arn": "HIDDEN_DUE_TO_SECURITY_REASONS"},
            {"type": "AWSAccount", "accountId": ACCOUNT},
        ],
    )
    def test_caller_without_a_name(self, verdict, identity):
        found = verdict(background(), self.call(**identity), role=OLD)

        assert reason(found) == "caller not known"
        assert found["why"] == "An event of it on 2026-11-26 does not name its caller."
        assert verdict(background(), self.call(**identity), role=OLD, action="ssm:PutInventory")["use"] == "unused"

    def test_caller_without_a_name_before_the_period(self, verdict):
        old = event(PROBE, NOW - timedelta(days=DAYS + 5), userIdentity={})

        assert verdict(background(), [old], role=OLD)["use"] == "unused"

    @pytest.mark.parametrize(
        "identity",
        [
            {"type": "AWSService", "invokedBy": "ssm.amazonaws.com"},
            {"type": "IAMUser", "accountId": ACCOUNT, "principalId": "AIDAJ45Q7YFFAREXAMPLE"},
            {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root"},
            {"type": "AWSAccount", "accountId": "210987654321", "principalId": "AROAIDPPEZS35WEXAMPLE:i-0"},
        ],
    )
    def test_caller_that_is_another_identity(self, verdict, identity):
        assert verdict(background(), self.call(**identity), role=OLD)["use"] == "unused"

    def test_service_on_behalf_of_the_role(self, verdict):
        """It needs the grant of the role."""
        identity = self.CALL["userIdentity"] | {"invokedBy": "ssm.amazonaws.com"}

        assert verdict(background(), self.call(**identity), role=OLD)["use"] == "used"

    def test_call_into_another_account(self, verdict):
        """The owner's trail names only the account of the caller, whose own trail has the role."""
        call = self.CALL | {
            "recipientAccountId": "210987654321",
            "userIdentity": {"type": "AWSAccount", "accountId": ACCOUNT, "principalId": "AROAIDPPEZS35WEXAMPLE:i-0"},
        }

        assert verdict(background(), [call], role=OLD)["use"] == "unused"

    def test_account_of_a_caller_without_a_name(self, verdict):
        """It is that of the identity, not the one whose trail has the event."""
        call = self.CALL | {"recipientAccountId": "210987654321", "userIdentity": {"accountId": ACCOUNT}}

        assert reason(verdict(background(), [call], role=OLD)) == "caller not known"
