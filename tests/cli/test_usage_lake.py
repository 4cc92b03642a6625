"""The query on CloudTrail Lake, answered as AWS documents it."""

import json
from datetime import timedelta
from importlib import import_module

import pytest

from ssm_profile.cli.usage import Evidence, read_evidence, role_key, uses
from ssm_profile.cli.usage.evidence import Source
from ssm_profile.cli.usage.query import COLUMNS
from ssm_profile.cli.usage.trails import add_store
from ssm_profile.errors import InputError
from tests import require

from .test_usage_query import NOTHING_IS_UNUSED, ROWS, write
from .trails import DAYS, NOW, OLD, WEB

require("boto3")
lake = import_module("ssm_profile.cli.usage.lake")
jobs = import_module("ssm_profile.cli.usage.jobs")
answers = import_module("tests.cli.aws_answers")

QUERY = "11111111-2222-3333-4444-555555555555"
STORE = "EXAMPLE-f852-4e8f-8bd1-bcf6cEXAMPLE"
SOURCE = f"--used lake:{STORE}"
SETTINGS = {
    "EventDataStoreArn": f"arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/{STORE}",
    "AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}],
}
UNSEEN = "cannot be seen"
CANCEL = ("cancel_query", {"QueryId": QUERY})


def page(rows, total=None, **more):
    listed = [each | {"origin": "CloudTrail Lake", "total_rows": str(total or len(rows))} for each in rows]
    return {
        "QueryStatus": "FINISHED",
        "QueryResultRows": [[{name: str(each[name])} for name in COLUMNS] for each in listed],
        **more,
    }


def status(state, **more):
    return {"QueryId": QUERY, "QueryStatus": state, **more}


@pytest.fixture
def stub(monkeypatch):
    """A client of CloudTrail with other answers than those of a query that succeeds."""
    monkeypatch.setattr(jobs, "sleep", lambda _: None)
    regions = []

    def create(**operations):
        client = answers.Answers(
            "cloudtrail",
            **{
                "start_query": [{"QueryId": QUERY}],
                "describe_query": [status("QUEUED"), status("RUNNING"), status("FINISHED")],
                "get_query_results": [page(ROWS)],
                "cancel_query": [status("CANCELLED")],
                "get_event_data_store": [SETTINGS],
                **operations,
            },
        )
        client.regions = regions
        monkeypatch.setattr(lake, "client", lambda _service, region, _config: regions.append(region) or client)
        return client

    return create


def add(store=STORE):
    evidence = Evidence()
    lake.add_lake(evidence, store, days=DAYS, now=NOW)
    return evidence


def refused():
    with pytest.raises(InputError) as raised:
        add()
    return str(raised.value)


class TestResult:
    def test_verdict(self, stub):
        client = stub()
        evidence = add()

        [found] = uses(["ssm:UpdateInstanceInformation"], evidence, OLD, days=DAYS, now=NOW)
        assert (found["use"], found["sources"], evidence.problems) == ("used", ["CloudTrail Lake"], [])
        assert "cancel_query" not in client.names()

    def test_pages(self, stub):
        client = stub(get_query_results=[page(ROWS[:1], 3, NextToken="more"), page(ROWS[1:], 3)])
        evidence = add()

        assert set(evidence.calls[role_key(WEB)]) == {"ssm:UpdateInstanceInformation", "ssm:GetParameters"}
        assert evidence.problems == []
        assert client.requests[-2][1] == {"QueryId": QUERY, "MaxQueryResults": 1000, "NextToken": "more"}

    def test_missing_rows(self, stub):
        stub(get_query_results=[page(ROWS, 4)])
        evidence = add()

        assert evidence.problems == [f"The result of CloudTrail Lake has 3 of 4 rows. {NOTHING_IS_UNUSED}"]
        assert Source.LAKE in evidence.incomplete

    def test_page_that_repeats_itself(self, stub):
        stub(get_query_results=[page(ROWS, 9, NextToken="more")])

        assert add().problems == [f"The result of CloudTrail Lake has 6 of 9 rows. {NOTHING_IS_UNUSED}"]

    def test_no_events(self, stub):
        stub(get_query_results=[page([])])
        evidence = add()

        assert evidence.problems == [f"The event data store {STORE} has no events of the last 30 days."]
        assert evidence.coverage == {}

    @pytest.mark.parametrize(
        ("store", "region"),
        [(STORE, None), (f"arn:aws:cloudtrail:eu-west-1:123456789012:eventdatastore/{STORE}", "eu-west-1")],
    )
    def test_region(self, stub, store, region):
        client = stub()
        add(store)

        assert client.regions == [region]


def selectors(*fields, category="Management"):
    found = [{"Field": "eventCategory", "Equals": [category]}, *fields]
    return SETTINGS | {"AdvancedEventSelectors": [{"FieldSelectors": found}]}


BY_NAME = selectors({"Field": "eventName", "NotEquals": ["GetDocument"]})
BY_CALLER = selectors({"Field": "userIdentity.arn", "NotEquals": [WEB]})


class TestSettings:
    """An event data store can leave out events by their names and callers."""

    PROBE = "ssm:GetDocument"

    def verdict(self, evidence, action=PROBE):
        [found] = uses([action], evidence, OLD, days=DAYS, now=NOW)
        return found

    @pytest.mark.parametrize(("settings", "use"), [(SETTINGS, "unused"), (BY_NAME, UNSEEN), (BY_CALLER, UNSEEN)])
    def test_of_the_store_that_is_asked(self, stub, settings, use):
        client = stub(get_event_data_store=[settings])
        found = self.verdict(add())

        assert found["use"] == use
        assert client.requests[-1] == ("get_event_data_store", {"EventDataStore": STORE})
        if use == UNSEEN:
            assert (found["reason"], found["why"]) == (
                "left out of the evidence",
                f"The event selectors of `{SETTINGS['EventDataStoreArn']}` do not log all management events.",
            )

    def test_that_cannot_be_read(self, stub):
        """The calls count nevertheless."""
        stub(get_event_data_store=[answers.refusal("AccessDeniedException", "GetEventDataStore")])
        evidence = add()
        [problem] = evidence.problems

        assert "cloudtrail:GetEventDataStore" in problem
        assert problem.endswith("No action counts as unused because CloudTrail Lake does not show it.")
        assert self.verdict(evidence)["use"] == UNSEEN
        assert self.verdict(evidence, "ssm:UpdateInstanceInformation")["use"] == "used"

    @pytest.mark.parametrize(("settings", "use"), [(None, UNSEEN), (SETTINGS, "unused"), (BY_NAME, UNSEEN)])
    def test_in_a_file(self, tmp_path, settings, use):
        evidence = self.read(tmp_path, settings)
        found = self.verdict(evidence)

        assert evidence.problems == []
        assert found["use"] == use
        assert settings or found["why"] == (
            f"It is not known which events the event data store of `{tmp_path}/a.csv` logs. Pass the output of `aws "
            "cloudtrail get-event-data-store`, too."
        )

    @pytest.mark.parametrize(("is_of_organization", "use"), [(False, UNSEEN), (True, "unused")])
    def test_of_another_account(self, stub, tmp_path, is_of_organization, use):
        """Only the store of an organization has the events of other accounts."""
        arn = SETTINGS["EventDataStoreArn"].replace("123456789012", "210987654321")
        settings = SETTINGS | {"EventDataStoreArn": arn, "OrganizationEnabled": is_of_organization}
        stub(get_event_data_store=[settings])

        for evidence in (self.read(tmp_path, settings), add()):
            found = self.verdict(evidence)
            assert found["use"] == use
            assert is_of_organization or found["why"] == (
                f"The event data store `{arn}` is of another account and not of an organization. Pass the output of "
                "`aws cloudtrail get-event-data-store` for the one that has the events of account 123456789012."
            )

    @pytest.mark.parametrize("name", ["Create", "Delete", "Restore", "Update"])
    def test_change_in_another_account(self, tmp_path, name):
        """The store of an organization can be of any account."""
        change = ROWS[0] | {
            "account": "210987654321",
            "role": "arn:aws:iam::210987654321:role/admin",
            "source": "cloudtrail.amazonaws.com",
            "event": f"{name}EventDataStore",
            "days": f"{NOW - timedelta(days=9):%Y-%m-%d}",
        }
        evidence = self.read(tmp_path, SETTINGS, change)
        evidence.trails.listed["123456789012"] = frozenset()

        assert self.verdict(evidence)["reason"] == "left out of the evidence"

    def read(self, tmp_path, settings, *more):
        write(tmp_path / "a.csv", [each | {"origin": "CloudTrail Lake"} for each in (*ROWS, *more)])
        if settings:
            (tmp_path / "store.json").write_text(json.dumps(settings))
        return read_evidence([str(tmp_path)])

    def test_of_another_store(self, stub, tmp_path):
        """Those that AWS is asked for say nothing of the store of a file."""
        stub()
        evidence = self.read(tmp_path, None)
        evidence.merge(add())

        assert self.verdict(evidence)["use"] == UNSEEN

    @pytest.mark.parametrize("is_first", [True, False])
    def test_of_the_same_store(self, stub, tmp_path, is_first):
        stub()
        parts = [self.read(tmp_path, SETTINGS), add()][:: 1 if is_first else -1]
        parts[0].merge(parts[1])

        assert self.verdict(parts[0])["use"] == "unused"

    @pytest.mark.parametrize(("settings", "is_some"), [(SETTINGS, True), (BY_NAME, True), ("all", False)])
    def test_data_events(self, settings, is_some):
        """They count more than what the user declares."""
        field = {"Field": "resources.type", "Equals": ["AWS::S3::Object"]}
        evidence = Evidence()
        add_store(evidence.trails, selectors(field, category="Data") if settings == "all" else settings)

        assert bool(evidence.trails.why_stores_log_less("123456789012", "s3")) is is_some


class TestWait:
    @pytest.mark.parametrize("operation", ["describe_query", "get_query_results"])
    def test_interrupt_cancels_the_query(self, stub, operation):
        first = {"describe_query": status("RUNNING"), "get_query_results": page(ROWS, NextToken="more")}
        client = stub(**{operation: [first[operation], KeyboardInterrupt()]})

        with pytest.raises(KeyboardInterrupt):
            add()
        assert client.requests[-1] == CANCEL

    def test_query_that_takes_too_long_is_cancelled(self, stub, monkeypatch):
        client = stub(describe_query=[status("RUNNING")])
        monkeypatch.setattr(lake, "LONGEST_QUERY", 0)

        assert refused() == f"{SOURCE}: the query is not done after 0 minutes. Pass fewer days."
        assert client.requests[-1] == CANCEL

    def test_query_that_timed_out_has_some_rows_only(self, stub):
        client = stub(describe_query=[status("TIMED_OUT")], cancel_query=[inactive()])

        assert refused() == f"{SOURCE}: the query took longer than CloudTrail Lake allows. Pass fewer days."
        assert "get_query_results" not in client.names()


def inactive():
    return answers.refusal("InactiveQueryException", "CancelQuery")


class TestErrors:
    @pytest.mark.parametrize(
        ("code", "advice"),
        [
            ("EventDataStoreNotFoundException", "Pass the ARN of an event data store that is enabled"),
            ("MaxConcurrentQueriesException", "Run the command again when"),
            ("InvalidQueryStatementException", "Run the SQL of --print-sql"),
            ("AccessDeniedException", "cloudtrail:StartQuery, cloudtrail:DescribeQuery"),
            ("ThrottlingException", "Run the command again later."),
        ],
    )
    def test_query_that_does_not_start(self, stub, code, advice):
        client = stub(start_query=[answers.refusal(code, "StartQuery")])

        assert advice in refused()
        assert client.names() == ["start_query"]

    def test_query_that_fails(self, stub):
        stub(describe_query=[status("FAILED", ErrorMessage="Query failed.")], cancel_query=[inactive()])

        assert refused().startswith(f"{SOURCE}: the query failed: Query failed. Run the SQL of --print-sql")

    def test_result_that_may_not_be_read(self, stub):
        stub(get_query_results=[answers.refusal("AccessDeniedException", "GetQueryResults")])

        assert "cloudtrail:GetQueryResults" in refused()
