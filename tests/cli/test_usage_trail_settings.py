"""The settings of an account's trails and its Regions, from an emulated AWS and as AWS documents its answers."""

from dataclasses import replace
from datetime import timedelta
from importlib import import_module

import pytest

from ssm_profile.cli.usage import Evidence, read_evidence, uses
from tests import require

from .test_usage_coverage import IN_TWO, OTHER_REGION, PROBE
from .trails import ACCOUNT, DAYS, NOW, OLD, REGION, background, event, quiet, settings, write_log

boto3 = require("boto3")
moto = require("moto")
trail_settings = import_module("ssm_profile.cli.usage.trail_settings")
answers = import_module("tests.cli.aws_answers")

REGIONS = frozenset({REGION, OTHER_REGION})
ALL = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}
WRITES = ALL | {"ReadWriteType": "WriteOnly"}


def arn_of(name, region=REGION, account=ACCOUNT):
    return f"arn:aws:cloudtrail:{region}:{account}:trail/{name}"


def trail(name="all", region=REGION, account=ACCOUNT, **changes):
    return {
        "Name": name,
        "TrailARN": arn_of(name, region, account),
        "HomeRegion": region,
        "IsMultiRegionTrail": True,
        "IsOrganizationTrail": False,
        "HasCustomEventSelectors": False,
        **changes,
    }


@pytest.fixture
def stub(monkeypatch):
    """Sets the answers of CloudTrail of each Region, and gives the clients."""

    def create(regions, account=ACCOUNT, **operations):
        found = {
            name: answers.Answers("cloudtrail", describe_trails=[each], **operations) for name, each in regions.items()
        }
        sts = answers.Answers("sts", get_caller_identity=[{"Account": account}])
        monkeypatch.setattr(trail_settings, "client", lambda *_, **__: sts)
        monkeypatch.setattr(trail_settings, "clients", lambda _service, names, _config: [found[name] for name in names])
        return found

    return create


def trails(*listed):
    return {"trailList": list(listed)}


def add(evidence=None):
    evidence = evidence or Evidence()
    trail_settings.add_trail_settings(evidence, REGIONS)
    return evidence


def is_complete(evidence, account=ACCOUNT):
    return bool(evidence.trails.complete_trails(account))


class TestTrails:
    def test_emulated_account(self, monkeypatch):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        monkeypatch.setenv("AWS_DEFAULT_REGION", OTHER_REGION)
        with moto.mock_aws():
            boto3.client("s3", REGION).create_bucket(Bucket="trail")
            boto3.client("cloudtrail", REGION).create_trail(Name="all", S3BucketName="trail", IsMultiRegionTrail=True)

            evidence = add()

        assert evidence.problems == []
        [found] = evidence.trails.complete_trails(ACCOUNT)
        assert (found.account, found.home_region) == (ACCOUNT, REGION)

    def test_quiet_region(self, stub, tmp_path):
        """The settings show what the Region would have had on days without events."""
        evidence = read_evidence([write_log(tmp_path, [*background(), *quiet(OTHER_REGION)])])
        [before] = uses([PROBE], evidence, IN_TWO, days=DAYS, now=NOW)
        stub(dict.fromkeys(REGIONS, trails(trail())))

        [after] = uses([PROBE], add(evidence), IN_TWO, days=DAYS, now=NOW)

        assert (before["use"], after["use"]) == ("cannot be seen", "unused")

    def test_trail_of_another_region_only(self, stub):
        """Only its own Region lists it."""
        other = trail("other", OTHER_REGION, IsMultiRegionTrail=False)
        stub({REGION: trails(trail()), OTHER_REGION: trails(trail(), other)})

        assert not is_complete(add())

    @pytest.mark.parametrize(("selector", "expected"), [(ALL, True), (WRITES, False)])
    def test_selectors_of_the_home_region(self, stub, selector, expected):
        own = trail(HasCustomEventSelectors=True)
        found = stub(
            dict.fromkeys(REGIONS, trails(own)),
            get_event_selectors=[{"TrailARN": own["TrailARN"], "EventSelectors": [selector]}],
        )

        assert is_complete(add()) is expected
        assert found[REGION].requests[-1] == ("get_event_selectors", {"TrailName": own["TrailARN"]})
        assert found[OTHER_REGION].names() == ["describe_trails"]

    def test_trail_of_an_organization_stands_beside_unknown_ones_of_other_accounts(self, stub):
        member = "210987654321"
        stub(dict.fromkeys(REGIONS, trails(trail(IsOrganizationTrail=True))))
        evidence = add()

        assert is_complete(evidence)
        assert not is_complete(evidence, member)
        stub(dict.fromkeys(REGIONS, trails(trail(IsOrganizationTrail=True))), account=member)
        assert is_complete(add(evidence), member)

    def test_trail_of_another_organization(self, stub):
        """Only an account in which AWS lists the trail has its events in it."""
        other = "210987654321"
        stub(dict.fromkeys(REGIONS, trails(trail(IsOrganizationTrail=True))))
        evidence = add()
        stub(dict.fromkeys(REGIONS, trails()), account=other)

        assert not is_complete(add(evidence), other)
        assert is_complete(evidence)

    @pytest.mark.parametrize(
        ("listed", "is_counted"),
        [
            (trail(), False),
            (trail(IsOrganizationTrail=True), True),
            (trail(account="2" * 12, IsOrganizationTrail=True), True),
            (None, True),
        ],
        ids=["own", "own of the organization", "of the organization", "not listed"],
    )
    def test_change_in_another_account(self, stub, tmp_path, listed, is_counted):
        """It counts unless AWS lists that no trail of an organization has the events of the account."""
        admin = f"arn:aws:iam::{'1' * 12}:role/admin"
        change = event("cloudtrail:StopLogging", NOW - timedelta(days=9), admin, recipientAccountId="1" * 12)
        evidence = read_evidence([write_log(tmp_path, [*background(), change])])
        stub(dict.fromkeys(REGIONS, trails(listed or trail())), account=ACCOUNT if listed else "2" * 12)

        [found] = uses([PROBE], add(evidence), OLD, days=DAYS, now=NOW)

        assert (found["reason"] == "left out of the evidence") is is_counted

    @pytest.mark.parametrize("is_in_file", [True, False])
    def test_trail_of_an_organization_that_is_not_listed(self, stub, tmp_path, is_in_file):
        """The account can have left the organization whose trail wrote the evidence."""
        stub(dict.fromkeys(REGIONS, trails(trail())))
        evidence = add()
        other = trail(account="2" * 12, IsOrganizationTrail=True)
        if is_in_file:
            file = settings(tmp_path / "trails.json", other)
            evidence.merge(read_evidence([file, write_log(tmp_path, background())]))
        else:
            stub(dict.fromkeys(REGIONS, trails(other)), account="2" * 12)
            add(evidence)

        assert evidence.trails.can_be_of_others(ACCOUNT) is is_in_file

    @pytest.mark.parametrize("is_first", [True, False])
    def test_file_of_settings_says_which_trail_wrote_the_evidence(self, stub, tmp_path, is_first):
        """Another account lists the trail, too."""
        member = "210987654321"
        stub(dict.fromkeys(REGIONS, trails(trail(IsOrganizationTrail=True))), account=member)
        settings(tmp_path / "trails.json", {"IsOrganizationTrail": True})
        write_log(tmp_path, background())
        parts = [read_evidence([str(tmp_path)]), add()][:: 1 if is_first else -1]
        parts[0].merge(parts[1])

        assert is_complete(parts[0])
        assert is_complete(parts[0], member)
        assert not is_complete(parts[0], "1" * 12)

    def test_no_trails(self, stub):
        stub(dict.fromkeys(REGIONS, trails()))
        evidence = add()

        assert (is_complete(evidence), evidence.problems) == (False, [])

    def test_regions_that_are_not_known(self, stub):
        found, evidence = stub({}), Evidence()
        trail_settings.add_trail_settings(evidence, frozenset())

        assert (found, evidence) == ({}, Evidence())


class TestTrailsThatCannotBeRead:
    @pytest.mark.parametrize(
        ("code", "advice"), [("AccessDeniedException", "cloudtrail:DescribeTrails"), ("ThrottlingException", "later.")]
    )
    def test_one_region(self, stub, code, advice):
        """A trail in this Region can be what wrote the evidence."""
        stub({REGION: trails(trail()), OTHER_REGION: answers.refusal(code, "DescribeTrails")})
        evidence = add()

        [problem] = evidence.problems
        assert problem.startswith("The settings of trails: AWS ")
        assert advice in problem
        assert evidence.trails.trails == {}

    def test_selectors(self, stub):
        stub(
            dict.fromkeys(REGIONS, trails(trail(HasCustomEventSelectors=True))),
            get_event_selectors=[answers.refusal("AccessDeniedException", "GetEventSelectors")],
        )
        evidence = add()

        [problem] = evidence.problems
        assert problem.startswith(f"The event selectors of {arn_of('all')}: AWS refused the request")
        assert "cloudtrail:GetEventSelectors" in problem
        assert not is_complete(evidence)

    def test_trail_without_home(self, stub):
        incomplete = trail()
        del incomplete["HomeRegion"]
        stub(dict.fromkeys(REGIONS, trails(incomplete)))

        assert "without a home Region" in add().problems[0]


class TestRegions:
    @pytest.fixture
    def found(self, monkeypatch):
        def regions(answer):
            ec2 = answers.Answers("ec2", describe_regions=[answer])
            monkeypatch.setattr(trail_settings, "client", lambda *_, **__: ec2)
            evidence = Evidence()
            return trail_settings.enabled_regions(evidence), evidence.problems, ec2.requests

        return regions

    def test_enabled(self, found):
        listed = [
            {"RegionName": REGION, "OptInStatus": "opt-in-not-required"},
            {"RegionName": "af-south-1", "OptInStatus": "opted-in"},
        ]

        regions, problems, requests = found({"Regions": listed})

        assert (regions, problems) == ({REGION, "af-south-1"}, [])
        assert requests == [("describe_regions", {})]

    @pytest.mark.parametrize(
        ("code", "advice"), [("UnauthorizedOperation", "ec2:DescribeRegions"), ("RequestLimitExceeded", "later.")]
    )
    def test_refused(self, found, code, advice):
        regions, [problem], _ = found(answers.refusal(code, "DescribeRegions"))

        assert regions == frozenset()
        assert advice in problem

    def test_nothing_is_unused_without_regions(self, found, tmp_path):
        regions, *_ = found(answers.refusal("UnauthorizedOperation", "DescribeRegions"))
        evidence = read_evidence([write_log(tmp_path, background())])

        [verdict] = uses([PROBE], evidence, replace(IN_TWO, regions=regions), days=DAYS, now=NOW)

        assert verdict["reason"] == "Region not in the evidence"
