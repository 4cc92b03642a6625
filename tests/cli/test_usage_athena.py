"""The query on Athena: moto answers it, and what moto does not have is answered as AWS documents it."""

from importlib import import_module

import pytest

from ssm_profile.cli.usage import Evidence, role_key, uses
from ssm_profile.cli.usage.evidence import Source
from ssm_profile.cli.usage.query import COLUMNS
from ssm_profile.errors import InputError
from tests import require

from .test_usage_query import NOTHING_IS_UNUSED, ROWS
from .trails import DAYS, NOW, OLD, WEB

boto3 = require("boto3")
moto = require("moto")
requests = require("requests")
athena = import_module("ssm_profile.cli.usage.athena")
jobs = import_module("ssm_profile.cli.usage.jobs")
answers = import_module("tests.cli.aws_answers")

SOURCE = "--used athena:logs.cloudtrail"
QUERY = "11111111-2222-3333-4444-555555555555"
HEADER = dict(zip(COLUMNS, COLUMNS, strict=True))
NO_COLUMN = (
    "COLUMN_NOT_FOUND: line 18:7: Column 'day' cannot be resolved or requester is not authorized to access requested "
    "resources"
)
NO_OUTPUT = (
    "No output location provided. An output location is required either through the Workgroup result configuration "
    "setting or as an API input."
)


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """The lengths of the pauses. None is made."""
    lengths = []
    monkeypatch.setattr(jobs, "sleep", lengths.append)
    return lengths


def column(name):
    return {"Name": name, "Type": "varchar"}


def data(rows):
    listed = [each if each is HEADER else {"total_rows": str(len(rows) - 1), **each} for each in rows]
    values = [[str(each[name]) for name in COLUMNS] for each in listed]
    return [{"Data": [{"VarCharValue": value} if value else {} for value in each]} for each in values]


def page(rows, **more):
    return {
        "ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": [column(each) for each in COLUMNS]}},
        **more,
    }


def status(state, reason=None):
    return {"QueryExecution": {"Status": {"State": state, **({"StateChangeReason": reason} if reason else {})}}}


@pytest.fixture
def stub(monkeypatch):
    """A client of Athena with other answers than those of a query that succeeds."""

    def create(**operations):
        client = answers.Answers(
            "athena",
            **{
                "start_query_execution": [{"QueryExecutionId": QUERY}],
                "get_query_execution": [status("QUEUED"), status("RUNNING"), status("SUCCEEDED")],
                "get_query_results": [page(data([HEADER, *ROWS]))],
                "stop_query_execution": [{}],
                **operations,
            },
        )
        monkeypatch.setattr(athena, "client", lambda *_, **__: client)
        return client

    return create


def add(evidence=None, **options):
    evidence = evidence or Evidence()
    athena.add_athena(evidence, "logs.cloudtrail", days=DAYS, now=NOW, **options)
    return evidence


def refused(**options):
    with pytest.raises(InputError) as raised:
        add(**options)
    return str(raised.value)


class TestResult:
    @pytest.fixture
    def queue(self, monkeypatch):
        """Sets what moto's Athena answers."""
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with moto.mock_aws():

            def set_result(rows):
                results = [{"rows": rows, "column_info": [column(each) for each in COLUMNS]}]
                url = "http://motoapi.amazonaws.com/moto-api/static/athena/query-results"
                assert requests.post(url, json={"results": results}, timeout=10).status_code == 201

            yield set_result

    def test_verdicts(self, queue):
        boto3.client("athena").create_work_group(Name="audit", Configuration={})
        queue(data([HEADER, *ROWS]))

        evidence = add(workgroup="audit", output="s3://results/audit")

        found = uses(["ssm:UpdateInstanceInformation", "ssm:GetDocument"], evidence, OLD, days=DAYS, now=NOW)
        assert [each["use"] for each in found] == ["used", "unused"]
        assert evidence.problems == []

    def test_request(self, stub):
        client = stub()
        add(partition="timestamp", workgroup="audit", output="s3://results/audit")

        (_, request), *_ = client.requests
        assert 'FROM "logs"."cloudtrail"\n' in request.pop("QueryString")
        assert request == {"WorkGroup": "audit", "ResultConfiguration": {"OutputLocation": "s3://results/audit"}}
        assert "stop_query_execution" not in client.names()

    def test_pages(self, stub):
        """Only the first row of the first page has the names of the columns."""
        rows = data([HEADER, *ROWS])
        stub(get_query_results=[page(rows[:2], NextToken="more"), page(rows[2:])])
        evidence = add()

        assert set(evidence.calls[role_key(WEB)]) == {"ssm:UpdateInstanceInformation", "ssm:GetParameters"}
        assert evidence.problems == []

    def test_missing_rows(self, stub):
        stub(get_query_results=[page(data([HEADER, *ROWS])[:-1])])
        evidence = add()

        assert evidence.problems == [f"The result of Athena has 2 of 3 rows. {NOTHING_IS_UNUSED}"]
        assert Source.ATHENA in evidence.incomplete

    def test_no_events(self, stub):
        stub(get_query_results=[page(data([HEADER]))])
        evidence = add()

        [problem] = evidence.problems
        assert problem == (
            "The table logs.cloudtrail has no events of the last 30 days. Check the table and the column of its "
            "partitions."
        )
        assert evidence.coverage == {}


class TestWait:
    def test_pauses_grow(self, stub, pauses):
        stub(get_query_execution=[*[status("RUNNING")] * 20, status("SUCCEEDED")])
        add()

        assert pauses[:3] == [0.5, 0.75, 1.125]
        assert pauses[-1] == 10

    def test_query_that_takes_too_long_is_stopped(self, stub, monkeypatch):
        client = stub(get_query_execution=[status("RUNNING")])
        monkeypatch.setattr(athena, "LONGEST_QUERY", 0)

        assert refused().startswith(f"{SOURCE}: the query is not done after 0 minutes.")
        assert client.requests[-1] == ("stop_query_execution", {"QueryExecutionId": QUERY})

    @pytest.mark.parametrize("operation", ["get_query_execution", "get_query_results"])
    def test_interrupt_stops_the_query_and_adds_nothing(self, stub, operation):
        first = {"get_query_execution": status("RUNNING"), "get_query_results": page(data(ROWS), NextToken="more")}
        client, evidence = stub(**{operation: [first[operation], KeyboardInterrupt()]}), Evidence()

        with pytest.raises(KeyboardInterrupt):
            add(evidence)
        assert client.requests[-1] == ("stop_query_execution", {"QueryExecutionId": QUERY})
        assert evidence == Evidence()

    def test_query_that_has_ended_cannot_be_stopped(self, stub):
        gone = answers.refusal("InvalidRequestException", "StopQueryExecution")
        stub(get_query_execution=[status("FAILED", "HIVE_BAD_DATA: x")], stop_query_execution=[gone])

        assert refused().startswith(f"{SOURCE}: the query failed: HIVE_BAD_DATA: x. Run the SQL of --print-sql")


class TestErrors:
    @pytest.mark.parametrize(
        ("reason", "advice"),
        [
            ("TABLE_NOT_FOUND: line 16:6: Table 'awsdatacatalog.logs.cloudtrail' does not exist", "DATABASE.TABLE"),
            (NO_COLUMN, "the column of its partitions"),
            ("Access denied when writing output to url: s3://results/x.csv", "s3:PutObject"),
            ("Query exhausted resources", "--print-sql"),
        ],
    )
    def test_query_that_fails(self, stub, reason, advice):
        stub(get_query_execution=[status("FAILED", reason)])

        message = refused()
        assert message.startswith(f"{SOURCE}: the query failed: {reason}. ")
        assert advice in message

    def test_query_that_is_cancelled(self, stub):
        stub(get_query_execution=[status("CANCELLED")])

        assert refused().startswith(f"{SOURCE}: the query was cancelled: Athena gives no reason.")

    @pytest.mark.parametrize(
        ("code", "message", "advice"),
        [
            ("InvalidRequestException", NO_OUTPUT, "Pass --athena-output s3://BUCKET/PREFIX, or --athena-workgroup"),
            ("InvalidRequestException", "WorkGroup x is not found.", "with --athena-workgroup."),
            ("InvalidRequestException", "Unable to verify/create output bucket results", "with --athena-output"),
            ("AccessDeniedException", "You are not authorized to perform: athena:StartQueryExecution", "glue:GetTable"),
            ("TooManyRequestsException", "Rate exceeded", "Run the command again later."),
        ],
    )
    def test_query_that_does_not_start(self, stub, code, message, advice):
        client = stub(start_query_execution=[answers.refusal(code, "StartQueryExecution", message)])

        assert advice in refused()
        assert client.names() == ["start_query_execution"]

    def test_result_that_may_not_be_read(self, stub):
        """The query has ended, so nothing of it is known."""
        stub(get_query_results=[answers.refusal("AccessDeniedException", "GetQueryResults")])

        assert "athena:GetQueryResults" in refused()
