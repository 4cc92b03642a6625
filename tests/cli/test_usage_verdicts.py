"""Verdicts on actions: no evidence never means unused."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ssm_profile.cli.usage import Evidence, read_evidence, uses
from ssm_profile.cli.usage.blindness import OLDEST
from ssm_profile.errors import InputError
from ssm_profile.visibility import VISIBILITY, Kind

from .trails import ACCOUNT, DAYS, NOW, OLD, RECORDED, WEB, background, event, events_of, write_log

OTHER = "arn:aws:iam::210987654321:role/web"
NO_CALL = "No call from 2026-10-29 to 2026-11-27 (30 days). CloudTrail files (us-east-1) would have shown one."
PROBE = "ssm:GetDocument"
"""A management event that the trail below does not have."""


@pytest.fixture
def trail(tmp_path):
    """Reads evidence from a log file with some events."""

    def read(*events, **arguments):
        return read_evidence([write_log(tmp_path, [each for group in events for each in group])], **arguments)

    return read


def verdict(evidence, action=PROBE, role=OLD, *, days=DAYS, now=NOW):
    [found] = uses([action], evidence, role, days=days, now=now)
    return found


def is_unseen(found, reason):
    return (found["use"], found["reason"]) == ("cannot be seen", reason)


class TestUsed:
    def test_when_and_how_often(self, trail):
        calls = [event(PROBE, NOW - timedelta(days=day)) for day in (2, 5, 9)]

        assert verdict(trail(background(), calls)) == {
            "action": PROBE,
            "use": "used",
            "calls": 3,
            "denied": 0,
            "last": "2026-11-25T12:00:00Z",
            "sources": ["CloudTrail files"],
            "reason": None,
            "why": "3 times in the evidence, the last time on 2026-11-25.",
        }

    def test_before_the_period(self, trail):
        found = verdict(trail(background(), [event(PROBE, NOW - timedelta(days=DAYS + 5))]))

        assert (found["use"], found["calls"], found["last"]) == ("unused", 1, "2026-10-23T12:00:00Z")

    def test_by_an_earlier_role_of_the_same_name(self, trail):
        role = replace(OLD, created=NOW - timedelta(days=3))

        assert is_unseen(
            verdict(trail(background(), [event(PROBE, NOW - timedelta(days=5))]), role=role), "role too young"
        )

    def test_by_a_wildcard(self, trail):
        """A grant of several actions is used by a call of one."""
        evidence = trail(background(), [event("ec2:DescribeTags", NOW), event("ec2:DescribeVpcs", NOW)])

        assert (verdict(evidence, "ec2:Describe*")["use"], verdict(evidence, "ec2:Describe*")["calls"]) == ("used", 2)
        assert verdict(trail(background()), "ec2:Describe*")["use"] == "unused"
        unnamed = [event("ec2:DescribeTags", NOW, userIdentity={})]
        assert is_unseen(verdict(trail(background(), unnamed), "ec2:Describe*"), "caller not known")

    def test_in_a_trail_without_the_rest(self, trail):
        """A call is a use, however little the evidence has."""
        assert verdict(trail([event(PROBE, NOW)]))["use"] == "used"


class TestDenied:
    def test_denied_only_is_neither_used_nor_unused(self, trail):
        found = verdict(trail(background(), [event(PROBE, NOW, errorCode="AccessDeniedException")]))

        assert (found["use"], found["calls"], found["denied"]) == ("denied only", 0, 1)
        assert found["why"] == (
            "Every call in the evidence since 2026-10-29 was denied, the last on 2026-11-27. Something calls the "
            "action, and the role does not get it."
        )

    def test_once_allowed_is_used(self, trail):
        calls = [event(PROBE, NOW - timedelta(days=1)), event(PROBE, NOW, errorCode="AccessDenied")]

        assert verdict(trail(background(), calls))["use"] == "used"


class TestUnused:
    def test_each_call_would_have_been_seen(self, trail):
        assert verdict(trail(background())) == {
            "action": PROBE,
            "use": "unused",
            "calls": 0,
            "denied": 0,
            "last": None,
            "sources": ["CloudTrail files"],
            "reason": None,
            "why": NO_CALL,
        }

    def test_evidence_that_ended_some_days_ago(self, trail):
        found = verdict(trail(background()), now=NOW + timedelta(days=OLDEST))

        assert found["use"] == "unused"
        assert "from 2026-10-29 to 2026-11-27" in found["why"]

    def test_role_that_nothing_uses(self, trail):
        """IAM agrees with the trail."""
        role = replace(OLD, last_used=None, last_region=None)

        assert verdict(trail(background(role=WEB + "2")), role=role)["use"] == "unused"


class TestCannotBeSeen:
    @pytest.mark.parametrize("action", [each for each, one in VISIBILITY.items() if one.kind is Kind.NEVER])
    def test_never_recorded(self, trail, action):
        assert is_unseen(verdict(trail(background()), action), "never recorded")

    @pytest.mark.parametrize("action", [each for each, one in VISIBILITY.items() if one.kind is Kind.DATA])
    def test_data_event(self, trail, action):
        assert is_unseen(verdict(trail(background()), action), "data event not in the evidence")

    def test_data_events_of_some_resources(self, trail):
        data = [event("s3:PutObject", NOW - timedelta(days=number), WEB + "2") for number in range(DAYS)]

        assert is_unseen(verdict(trail(background(), data), "s3:GetObject"), "data event not in the evidence")
        assert verdict(trail(background(), data, data_events=["s3"]), "s3:GetObject")["use"] == "unused"
        for some in ([], data[1:]):
            evidence = trail(background(), some, data_events=["s3"])
            assert is_unseen(verdict(evidence, "s3:GetObject"), "data event not in the evidence")

    @pytest.mark.parametrize(("region", "use"), [("us-east-1", "cannot be seen"), ("eu-west-1", "unused")])
    def test_data_events_of_some_regions(self, trail, region, use):
        """Each Region in which the role can call needs them."""
        role = replace(OLD, regions=OLD.regions | {"eu-west-1"})
        times = [NOW - timedelta(days=number) for number in range(DAYS)]
        data = [
            event("s3:PutObject", time, WEB + "2", awsRegion=each) for time in times for each in ("us-east-1", region)
        ]
        evidence = trail(background(), background(awsRegion="eu-west-1"), data, data_events=["s3"])

        assert verdict(evidence, "s3:GetObject", role)["use"] == use

    def test_action_that_no_option_grants(self, trail):
        assert is_unseen(verdict(trail(background()), "ssm:SendCommand"), "not known how it is recorded")

    @pytest.mark.parametrize("age", [0, DAYS - 1])
    def test_young_role(self, trail, age):
        role = replace(OLD, created=NOW - timedelta(days=age))

        assert is_unseen(verdict(trail(background()), role=role), "role too young")

    def test_role_of_unknown_age(self, trail):
        assert is_unseen(verdict(trail(background()), role=replace(OLD, created=None)), "role too young")

    @pytest.mark.parametrize(
        ("created", "why"),
        [
            ("2026-10-29T12:00:00Z", "on 2026-10-29, the first day of the period."),
            ("2026-10-28T23:30:00-11:00", "on 2026-10-29, the first day of the period."),
            ("2026-10-31T01:00:00+02:00", "on 2026-10-30, after the begin of the period, 2026-10-29."),
        ],
    )
    def test_day_of_its_creation(self, trail, created, why):
        """It is the day in UTC."""
        found = verdict(trail(background()), role=replace(OLD, created=datetime.fromisoformat(created)))

        assert found["why"] == f"The role was created {why}"

    def test_day_of_the_last_use(self, trail):
        """It is the day in UTC."""
        used = replace(OLD, arn=f"{WEB}-2", last_used=datetime.fromisoformat("2026-11-26T20:00:00-11:00"))

        assert verdict(trail(background()), role=used)["why"].endswith("it was used on 2026-11-27.")

    def test_fewer_days(self, trail):
        found = verdict(trail(background(DAYS - 1)))

        assert is_unseen(found, "evidence covers fewer days")
        assert found["why"] == (
            "The read management events in CloudTrail files of us-east-1 begin on 2026-10-30, after 2026-10-29."
        )

    def test_a_day_is_missing(self, trail):
        events = [each for each in background() if not each["eventTime"].startswith("2026-11-11")]
        found = verdict(trail(events))

        assert is_unseen(found, "evidence covers fewer days")
        assert found["why"] == "There are no read management events in CloudTrail files of us-east-1 on 2026-11-11."

    def test_old_evidence(self, trail):
        found = verdict(trail(background(DAYS * 3)), now=NOW + timedelta(days=OLDEST + 1))

        assert is_unseen(found, "evidence covers fewer days")

    def test_damaged_file(self, tmp_path):
        write_log(tmp_path, background())
        (tmp_path / f"{ACCOUNT}_CloudTrail_us-east-1_20261120T0420Z_a.json.gz").write_bytes(b"\x1f\x8b")

        assert is_unseen(verdict(read_evidence([str(tmp_path)])), "evidence incomplete")

    def test_damaged_part_of_unknown_content(self, tmp_path):
        write_log(tmp_path, background())
        (tmp_path / "b.json.gz").write_bytes(b"\x1f\x8b")

        assert is_unseen(verdict(read_evidence([str(tmp_path)])), "evidence incomplete")

    def test_damaged_file_of_another_account(self, tmp_path):
        write_log(tmp_path, background())
        (tmp_path / "210987654321_CloudTrail_us-east-1_20261120T0420Z_a.json.gz").write_bytes(b"\x1f\x8b")

        assert verdict(read_evidence([str(tmp_path)]))["use"] == "unused"

    def test_no_evidence_at_all(self):
        found = verdict(Evidence())

        assert is_unseen(found, "no evidence")
        assert found["why"] == f"There is no evidence of account {ACCOUNT}."

    def test_other_account(self, trail):
        assert is_unseen(verdict(trail(background()), role=replace(OLD, arn=OTHER)), "no evidence")

    def test_trail_without_reads(self, trail):
        events = [each for each in background() if not each["readOnly"]]

        assert is_unseen(verdict(trail(events)), "left out of the evidence")

    def test_trail_without_kms(self, trail):
        events = [each for each in background() if not each["eventSource"].startswith("kms")]

        assert is_unseen(verdict(trail(events), "kms:Decrypt"), "left out of the evidence")
        assert verdict(trail(events))["use"] == "unused"
        assert verdict(trail(background()), "kms:Decrypt")["use"] == "unused"

    def test_role_that_iam_saw_and_the_trail_did_not(self, trail):
        assert is_unseen(verdict(trail(background(role=WEB + "2"))), "no evidence")

    def test_role_without_calls_and_unknown_last_use(self, trail):
        role = replace(OLD, is_last_use_known=False, last_used=None)

        assert is_unseen(verdict(trail(background(role=WEB + "2")), role=role), "no evidence")

    def test_user(self):
        with pytest.raises(InputError, match="user/web is not the ARN of a role"):
            verdict(Evidence(), role=replace(OLD, arn=WEB.replace("role", "user")))


class TestRecordedAgent:
    """Trails made from the calls of the real agent."""

    def uses(self, trail, scenario, **arguments):
        evidence = trail(background(), events_of(scenario, **arguments))
        return {each["action"]: each["use"] for each in uses([*VISIBILITY], evidence, OLD, days=DAYS, now=NOW)}

    def test_sessions_leave_only_the_heartbeat_and_the_poll(self, trail):
        found = self.uses(trail, "A")

        assert {action for action, use in found.items() if use == "used"} == {
            "ssm:UpdateInstanceInformation",
            "ssm:ListInstanceAssociations",
        }
        assert {use for action, use in found.items() if action.startswith("ssmmessages:")} == {"cannot be seen"}

    def test_no_call_counts_as_unused(self, trail):
        """Whatever a recording has, and whatever the trail records of it."""
        for scenario, data_events in (("features", ()), ("features", ("s3",)), ("association", ()), ("A", ())):
            used = {call["action"] for call in RECORDED["agent-calls"][scenario]["calls"] if call["allowed"]}
            found = self.uses(trail, scenario, data_events=data_events)

            assert {action for action in used & set(found) if found[action] == "unused"} == set()

    def test_poll_that_is_denied(self, trail):
        assert self.uses(trail, "B")["ssm:ListInstanceAssociations"] == "denied only"
