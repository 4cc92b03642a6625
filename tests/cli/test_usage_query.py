"""The query of all calls by role, and its result."""

import csv
import gzip
import io
import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from ssm_profile.cli.usage import athena_sql, lake_sql, read_evidence, role_key, uses
from ssm_profile.cli.usage.evidence import Source
from ssm_profile.cli.usage.query import COLUMNS
from ssm_profile.errors import InputError

from .trails import ACCOUNT, DAYS, NOW, OLD, WEB, settings

ALL_DAYS = " ".join(f"{NOW - timedelta(days=number):%Y-%m-%d}" for number in range(DAYS))
NOTHING_IS_UNUSED = "No action counts as unused because a query does not show it."
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/admin"


def row(action, role=WEB, **values):
    service, _, event = action.partition(":")
    return {
        "origin": "Athena",
        "account": ACCOUNT,
        "role": role,
        "source": f"{service}.amazonaws.com",
        "event": event,
        "error": "",
        "calls": "12",
        "last_time": "2026-11-26T10:00:00Z",
        "read_only": "false",
        "days": ALL_DAYS,
        "region": "us-east-1",
    } | values


ROWS = (
    row("ssm:UpdateInstanceInformation"),
    row("ssm:GetParameters", read_only="true", error="AccessDenied", calls="3"),
    row("ec2:DescribeTags", ADMIN, read_only="true"),
)


def write(path, rows, columns=COLUMNS):
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, quoting=csv.QUOTE_ALL, extrasaction="ignore")
    writer.writeheader()
    writer.writerows({"total_rows": len(rows), **each} for each in rows)
    path.write_bytes(gzip.compress(text.getvalue().encode()) if path.suffix == ".gz" else text.getvalue().encode())
    return str(path)


class TestSql:
    def test_athena(self):
        assert athena_sql("audit.cloudtrail_logs", days=90, now=NOW, partition="timestamp") == (
            """\
SELECT 'Athena' AS origin,
  recipientAccountId AS account,
  CASE
    WHEN userIdentity.type IN ('AWSService', 'Directory', 'FederatedUser', 'IAMUser', 'IdentityCenterUser', 'Root', \
'SAMLUser', 'WebIdentityUser') OR eventType = 'AwsServiceEvent' THEN ''
    WHEN userIdentity.type = 'AWSAccount' AND userIdentity.accountId <> recipientAccountId THEN ''
    ELSE coalesce(userIdentity.sessionContext.sessionIssuer.arn, userIdentity.arn, 'unknown')
  END AS role,
  eventSource AS source,
  eventName AS event,
  coalesce(errorCode, '') AS error,
  awsRegion AS region,
  coalesce(lower(CAST(readOnly AS varchar)), '') AS read_only,
  count(*) AS calls,
  max(eventTime) AS last_time,
  array_join(array_sort(array_agg(DISTINCT substr(eventTime, 1, 10))), ' ') AS days,
  count(*) OVER () AS total_rows
FROM "audit"."cloudtrail_logs"
WHERE eventTime >= '2026-08-29T00:00:00Z'
  AND "timestamp" >= '2026/08/29'
GROUP BY 2, 3, 4, 5, 6, 7, 8
"""
        )

    def test_lake(self):
        name = "arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/EXAMPLE-f852-4e8f-8bd1-bcf6cEXAMPLE"
        sql = lake_sql(name, days=90, now=NOW)

        assert "\nFROM EXAMPLE-f852-4e8f-8bd1-bcf6cEXAMPLE\nWHERE eventTime >= '2026-08-29 00:00:00'\n" in sql
        assert "max(date_format(eventTime, '%Y-%m-%dT%H:%i:%sZ')) AS last_time" in sql

    @pytest.mark.parametrize("sql", [athena_sql("t", days=1, now=NOW), lake_sql("a-b", days=1, now=NOW)])
    def test_columns_are_those_that_are_read(self, sql):
        assert tuple(re.findall(r" AS (\w+)(?:,|\nFROM)", sql)) == COLUMNS

    @pytest.mark.parametrize("name", ['a"; DROP TABLE b', "a.b.c.d", "", "a b"])
    def test_other_names_are_refused(self, name):
        with pytest.raises(InputError, match="is not the name of a table of Athena"):
            athena_sql(name, days=90, now=NOW)
        with pytest.raises(InputError, match=r"is not the name of an? (event data store|column of Athena)"):
            lake_sql(f"{name};", days=90, now=NOW)

    def test_path_is_no_event_data_store(self):
        with pytest.raises(InputError, match="is not the name of an event data store"):
            lake_sql("x/../y", days=90, now=NOW)


class TestResult:
    @pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
    def test_calls(self, tmp_path, name):
        evidence = read_evidence([write(tmp_path / name, ROWS)])

        calls = evidence.calls[role_key(WEB)]
        assert calls["ssm:UpdateInstanceInformation"].allowed == 12
        assert (calls["ssm:GetParameters"].allowed, calls["ssm:GetParameters"].denied) == (0, 3)
        days = evidence.coverage[Source.ATHENA, ACCOUNT].region("us-east-1")
        assert days.reads == days.writes == set(ALL_DAYS.split())
        assert evidence.problems == []

    def test_copy_of_an_object_reads_it(self, tmp_path):
        evidence = read_evidence([write(tmp_path / "a.csv", [row("s3:CopyObject")])])

        assert set(evidence.calls[role_key(WEB)]) == {"s3:PutObject", "s3:GetObject"}

    def test_verdicts(self, tmp_path):
        evidence = read_evidence([write(tmp_path / "a.csv", ROWS)])

        found = uses(["ssm:UpdateInstanceInformation", "ssm:GetDocument"], evidence, OLD, days=DAYS, now=NOW)

        assert [each["use"] for each in found] == ["used", "unused"]
        assert found[1]["why"] == (
            "No call from 2026-10-29 to 2026-11-27 (30 days). Athena (us-east-1) would have shown one."
        )

    def verdict(self, tmp_path, *rows, role=OLD):
        evidence = read_evidence([write(tmp_path / "a.csv", [*ROWS, *rows])])
        [found] = uses(["ssm:GetDocument"], evidence, role, days=DAYS, now=NOW)
        return found["use"], found["reason"]

    def test_each_region_has_its_own_days(self, tmp_path):
        role = replace(OLD, regions=frozenset({"us-east-1", "eu-west-1"}))
        rows = [each | {"region": "eu-west-1"} for each in ROWS]

        assert self.verdict(tmp_path, role=role) == ("cannot be seen", "Region not in the evidence")
        assert self.verdict(tmp_path, rows[0], role=role) == ("cannot be seen", "left out of the evidence")
        assert self.verdict(tmp_path, *rows, role=role) == ("unused", None)

    def test_events_that_can_be_data_events_cover_nothing(self, tmp_path):
        role = replace(OLD, regions=frozenset({"us-east-1", "eu-west-1"}))
        rows = [row("s3:DeleteObject", region="eu-west-1", read_only=each) for each in ("true", "false")]

        assert self.verdict(tmp_path, *rows, role=role) == ("cannot be seen", "Region not in the evidence")

    def test_caller_without_a_name(self, tmp_path):
        assert self.verdict(tmp_path, row("ssm:GetDocument", "unknown")) == ("cannot be seen", "caller not known")
        assert self.verdict(tmp_path, row("ssm:GetDocument", "")) == ("unused", None)

    def test_session_without_issuer(self, tmp_path):
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/web/i-0123456789abcdef0"

        assert self.verdict(tmp_path, row("ssm:GetDocument", session)) == ("used", None)

    @pytest.mark.parametrize(
        ("rows", "use"), [((), "unused"), ((row("cloudtrail:UpdateTrail", ""),), "cannot be seen")]
    )
    def test_settings_of_the_trail(self, tmp_path, rows, use):
        """They show what a quiet Region would have had."""
        settings(tmp_path / "trails.json")
        quiet = row("ec2:DescribeTags", ADMIN, region="eu-west-1", days=" ".join(ALL_DAYS.split()[::8]))
        write(tmp_path / "a.csv", [*ROWS, quiet, *rows])

        [found] = uses(["ssm:GetDocument"], read_evidence([str(tmp_path)]), OLD, days=DAYS, now=NOW)

        assert found["use"] == use

    def test_event_data_store_can_leave_out_any_service(self, tmp_path):
        rows = [each | {"origin": "CloudTrail Lake"} for each in ROWS]
        selectors = [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]
        arn = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:eventdatastore/EXAMPLE"
        store = {"EventDataStoreArn": arn, "AdvancedEventSelectors": selectors}
        (tmp_path / "store.json").write_text(json.dumps(store))
        evidence = read_evidence([write(tmp_path / "a.csv", rows), str(tmp_path / "store.json")])

        found = uses(["ssm:GetDocument", "logs:CreateLogStream"], evidence, OLD, days=DAYS, now=NOW)

        assert [(each["use"], each["reason"]) for each in found] == [
            ("unused", None),
            ("cannot be seen", "left out of the evidence"),
        ]


class TestBrokenResult:
    def test_other_columns(self, tmp_path):
        write(tmp_path / "a.csv", ROWS, COLUMNS[:-2])
        write(tmp_path / "b.csv", ROWS)

        [problem] = read_evidence([str(tmp_path)]).problems
        assert problem == (
            f"{tmp_path}/a.csv has no column days. Pass the whole result of the query for Athena or CloudTrail Lake. "
            "It is left out."
        )

    @pytest.mark.parametrize(
        "wrong",
        [
            {"calls": "many"},
            {"last_time": "2026-11-26 10:00:00"},
            {"account": "me"},
            {"days": "soon"},
            {"origin": "x"},
            {"role": " " + WEB},
        ],
    )
    def test_other_rows(self, tmp_path, wrong):
        evidence = read_evidence([write(tmp_path / "a.csv", [*ROWS, row("ssm:GetDocument", **wrong)])])

        assert evidence.problems == [
            f"{tmp_path}/a.csv has rows that are not of the query: 1. They are left out. {NOTHING_IS_UNUSED}"
        ]
        assert evidence.incomplete == {Source.ATHENA, Source.LAKE}

    def test_missing_rows(self, tmp_path):
        path = tmp_path / "a.csv"
        write(path, ROWS)
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))

        assert read_evidence([str(path)]).problems == [f"{path} has 2 of 3 rows. {NOTHING_IS_UNUSED}"]

    def test_cut_off(self, tmp_path):
        path = tmp_path / "a.csv.gz"
        write(path, ROWS * 2000)
        path.write_bytes(path.read_bytes()[:-20])

        evidence = read_evidence([str(path)])

        assert evidence.problems[0].startswith(f"{path} cannot be read to its end")
        assert evidence.incomplete == {Source.ATHENA, Source.LAKE}
