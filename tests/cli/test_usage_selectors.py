"""What the event selectors of trails log of data events."""

import json
from datetime import timedelta

import pytest

from ssm_profile.cli.usage import read_evidence, uses
from ssm_profile.cli.usage.evidence import Source
from ssm_profile.cli.usage.selectors import Logged, data_events_of

from .trails import ACCOUNT, DAYS, NOW, OLD, REGION, WEB, background, event, settings, write_log

ARN = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/all"
OBJECTS = "AWS::S3::Object"


def field(name, *values, operator="Equals"):
    return {"Field": name, operator: list(values)}


DATA, S3 = field("eventCategory", "Data"), field("resources.type", OBJECTS)


def advanced(*selectors):
    return {"AdvancedEventSelectors": [{"Name": "a", "FieldSelectors": list(each)} for each in selectors]}


def basic(*values, **changes):
    resources = [{"Type": OBJECTS, "Values": list(values)}]
    selector = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": resources, **changes}
    return {"EventSelectors": [selector]}


ALL, SOME = advanced([DATA, S3]), advanced([DATA, S3, field("readOnly", "false")])


class TestServices:
    @pytest.mark.parametrize(
        ("type_", "service"),
        [
            ("AWS::CloudWatch::Metric", "cloudwatch"),
            ("AWS::S3::Object", "s3"),
            ("AWS::SSMMessages::ControlChannel", "ssmmessages"),
            ("AWS::XRay::Trace", "xray"),
        ],
    )
    def test_type(self, type_, service):
        found = data_events_of(advanced([DATA, field("resources.type", type_)]))

        assert {name for name, logged in found.items() if logged is Logged.ALL} == {service}
        assert {logged for name, logged in found.items() if name != service} == {Logged.NONE}

    @pytest.mark.parametrize(
        "selectors",
        [
            ALL,
            advanced([S3, DATA]),
            advanced([DATA, S3, field("readOnly", "false")], [DATA, S3]),
            advanced([DATA, S3], [DATA, S3, field("readOnly", "false")]),
            basic("arn:aws:s3"),
            basic("arn:aws-cn:s3:::"),
            basic("arn:aws:s3:::a/", "arn:aws:s3"),
        ],
    )
    def test_all(self, selectors):
        assert data_events_of(selectors)["s3"] is Logged.ALL

    @pytest.mark.parametrize(
        "selectors",
        [
            *(
                advanced([DATA, S3, each])
                for each in (
                    field("readOnly", "true"),
                    field("readOnly", "false"),
                    field("eventName", "PutObject"),
                    field("eventName", "GetObject", operator="NotEquals"),
                    field("resources.ARN", "arn:aws:s3:::a/", operator="StartsWith"),
                    field("userIdentity.arn", WEB, operator="NotEquals"),
                    field("sessionCredentialFromConsole", "true"),
                    field("eventType", "AwsApiCall"),
                    field("a new field", "a"),
                    S3,
                )
            ),
            advanced([DATA]),
            advanced([DATA, {"Field": "resources.type", "NotEquals": ["AWS::Lambda::Function"]}]),
            advanced([S3 | {"NotStartsWith": ["a"]}, DATA]),
            advanced([S3]),
            advanced([S3, field("readOnly", "false")]),
            advanced([field("eventCategory", "Data", "Management"), S3]),
            basic("arn:aws:s3:::bucket/"),
            basic("arn:aws:s3", ReadWriteType="WriteOnly"),
            basic(),
        ],
    )
    def test_some(self, selectors):
        assert data_events_of(selectors)["s3"] is Logged.SOME

    @pytest.mark.parametrize(
        "selectors",
        [
            {},
            advanced([field("eventCategory", "Management")]),
            advanced([DATA, field("resources.type", "AWS::Lambda::Function")]),
            {"EventSelectors": [{"ReadWriteType": "All", "DataResources": [{"Type": "AWS::Lambda::Function"}]}]},
            {"EventSelectors": 1, "AdvancedEventSelectors": [1]},
        ],
    )
    def test_none(self, selectors):
        assert data_events_of(selectors)["s3"] is Logged.NONE


class TestVerdicts:
    @pytest.fixture
    def verdict(self, tmp_path):
        """The verdict on a data event that is declared, from the settings and the selectors of trails."""

        def find(trails, selectors):
            calls = (event("s3:PutObject", NOW - timedelta(days=day), WEB + "2") for day in range(DAYS))
            write_log(tmp_path, [*background(), *calls])
            settings(tmp_path / "trails.json", *({"HasCustomEventSelectors": True} | each for each in trails))
            for number, (arn, each) in enumerate(selectors.items()):
                (tmp_path / f"selectors-{number}.json").write_text(json.dumps({"TrailARN": arn} | each))
            evidence = read_evidence([str(tmp_path)], data_events=["s3"])
            assert evidence.problems == []
            [found] = uses(["s3:GetObject"], evidence, OLD, days=DAYS, now=NOW)
            return found

        return find

    def test_all(self, verdict):
        assert verdict([{}], {ARN: ALL})["use"] == "unused"

    def test_some(self, verdict):
        found = verdict([{}], {ARN: SOME})

        assert (found["use"], found["reason"]) == ("cannot be seen", "data event not in the evidence")
        assert found["why"] == f"The event selectors of `{ARN}` do not log all data events of s3."

    def test_other_trail_that_logs_some(self, verdict):
        """A log file does not name its trail."""
        assert verdict([{}, {"TrailARN": ARN + "2"}], {ARN: ALL, ARN + "2": SOME})["use"] == "cannot be seen"

    def test_other_trail_that_logs_none(self, verdict):
        """The data events of each day are those of the first one."""
        trails = [{}, {"TrailARN": ARN + "2", "HasCustomEventSelectors": False}]

        assert verdict(trails, {ARN: ALL})["use"] == "unused"

    def test_none(self, verdict):
        found = verdict([{"HasCustomEventSelectors": False}], {})

        assert found["why"] == "By the settings of the trails, none of them logs data events of s3."

    @pytest.mark.parametrize(("is_of_organization", "use"), [(False, "unused"), (True, "cannot be seen")])
    def test_trail_of_another_account(self, verdict, is_of_organization, use):
        arn = ARN.replace(ACCOUNT, "210987654321")
        trails = [{}, {"TrailARN": arn, "IsOrganizationTrail": is_of_organization}]

        assert verdict(trails, {ARN: ALL, arn: SOME})["use"] == use

    @pytest.mark.parametrize("others", [[], [{"TrailARN": ARN + "2", "HasCustomEventSelectors": False}]])
    def test_selectors_that_are_not_known(self, verdict, others):
        """What their owner declares counts."""
        assert verdict([{}, *others], {})["use"] == "unused"

    def test_selectors_of_trails_do_not_matter_for_a_lake(self, verdict, tmp_path):
        verdict([{}], {ARN: SOME})
        evidence = read_evidence([str(tmp_path)], data_events=["s3"])
        evidence.coverage = {(Source.LAKE, ACCOUNT): evidence.coverage[Source.FILES, ACCOUNT]}

        assert uses(["s3:GetObject"], evidence, OLD, days=DAYS, now=NOW)[0]["use"] == "unused"
