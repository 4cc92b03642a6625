"""What ``fleet --baseline`` accepts."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from tests import ROOT, require
from tests.cli.accounts import ACCOUNT, details, role
from tests.cli.policies import MINIMUM, SCOPED_MINIMUM, allow

jsonschema = require("jsonschema")
require("ijson")

SCHEMA = json.loads((ROOT / "docs" / "fleet.schema.json").read_text())
TODAY = datetime.now(UTC).date()
OPERATOR = f"arn:aws:iam::{ACCOUNT}:role/operator"
CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
ROLES = [
    role("operator", *SCOPED_MINIMUM, allow("ssm:SendCommand")),
    role("silent", allow(MINIMUM[4])),
    role("core", AttachedManagedPolicies=[{"PolicyArn": CORE, "PolicyName": CORE.rsplit("/", 1)[-1]}]),
    role("scoped", *SCOPED_MINIMUM),
]


def entry(finding="run_commands", role=OPERATOR, reason="Ticket 7", expires=None, **more):
    return {"role": role, "finding": finding, "reason": reason, "expires": str(expires or TODAY), **more}


@pytest.fixture
def fleet(run, tmp_path):
    """Runs ``fleet`` with the entries of a baseline."""

    def run_fleet(*arguments, entries, roles=ROLES):
        (tmp_path / "account.json").write_text(json.dumps(details(*roles)))
        content = entries if isinstance(entries, str) else json.dumps({"accepted": entries})
        (tmp_path / "baseline.yaml").write_text(content)
        return run("fleet", str(tmp_path / "account.json"), "--baseline", str(tmp_path / "baseline.yaml"), *arguments)

    return run_fleet


@pytest.fixture
def rows(fleet):
    """The rows of a run, valid by the schema."""

    def rows_of(*entries, **arguments):
        found = [json.loads(line) for line in fleet("--json", entries=list(entries), **arguments).out.splitlines()]
        for row in found:
            jsonschema.Draft202012Validator(SCHEMA).validate(row)
        return found

    return rows_of


def named(rows, name):
    return next(row for row in rows if row["kind"] == "role" and row["role"] == name)


class TestAcceptance:
    def test_risk(self, rows):
        row = named(rows(entry()), "operator")

        assert row["accepted"] == [{"finding": "run_commands", "reason": "Ticket 7", "expires": str(TODAY)}]
        assert (row["level"], row["openLevel"]) == ("risky", "wide")

    @pytest.mark.parametrize(
        ("name", "findings"),
        [
            ("operator", ["run_commands", "too-wide"]),
            ("silent", ["systems-manager", "too-wide"]),
        ],
    )
    def test_every_finding(self, rows, name, findings):
        """A role is clean if all its findings are accepted."""
        arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"

        assert named(rows(*(entry(each, arn) for each in findings)), name)["openLevel"] == "clean"

    def test_brackets_are_no_wildcard(self, rows):
        """A role name cannot have them, so that the entry is about no role."""
        assert named(rows(entry(role=OPERATOR.replace("operator", "[o]perator"))), "operator")["accepted"] == []

    def test_without_entries(self, rows):
        """The worst finding is the level."""
        for row in rows():
            assert row["openLevel"] == row["level"]

    def test_file_of_the_manual(self, fleet):
        """The block in docs/fleet.md is accepted as it stands, with a date without quotes."""
        page = (ROOT / "docs" / "fleet.md").read_text()
        (block,) = re.findall(r"```yaml\n(accepted:.*?)```", page, re.DOTALL)
        done = fleet("--json", entries=re.sub(r"expires: .*", f"expires: {TODAY}", block), roles=[ROLES[0]])

        assert done.json["accepted"][0]["finding"] == "run_commands"

    def test_pattern(self, rows):
        assert named(rows(entry(role="arn:aws:iam::*:role/op*")), "operator")["accepted"]

    def test_other_account(self, rows):
        assert not named(rows(entry(role="arn:aws:iam::210987654321:role/operator")), "operator")["accepted"]

    def test_exit_code(self, fleet):
        accepted = [entry(), entry("read_all_secrets", role="*/core"), entry("read_all_parameters", role="*/core")]

        assert fleet(entries=accepted, roles=[ROLES[0], ROLES[3]]).code == 0
        assert fleet(entries=[], roles=[ROLES[0], ROLES[3]]).code == 1

    def test_sarif(self, fleet):
        results = json.loads(fleet("--sarif", entries=[entry()]).out)["runs"][0]["results"]
        suppressed = [each for each in results if "suppressions" in each]

        assert [each["ruleId"] for each in suppressed] == ["run_commands"]
        assert suppressed[0]["suppressions"][0]["justification"] == "Ticket 7"


class TestNames:
    def test_one_role(self, rows):
        found = rows(entry(role="operator"))

        assert named(found, "operator")["accepted"]
        assert not [row for row in found if row["kind"] == "staleEntry"]

    def test_no_role(self, rows):
        [stale] = [row for row in rows(entry(role="operator-2")) if row["kind"] == "staleEntry"]

        assert stale["reason"].startswith("The input does not have the role.")

    def test_part_of_a_name(self, rows):
        """It is no pattern for ARNs."""
        assert not named(rows(entry(role="op*")), "operator")["accepted"]

    def test_role_without_arn(self, rows):
        [row] = rows(entry(role="operator"), roles=[{key: ROLES[0][key] for key in ROLES[0] if key != "Arn"}])

        assert (row["arn"], len(row["accepted"])) == (None, 1)

    @pytest.mark.parametrize(("count", "end"), [(2, "1:role/operator"), (5, "2:role/operator and 2 more")])
    def test_roles_of_several_accounts(self, fleet, count, end):
        """The name does not tell which of them a team knows."""
        arns = [OPERATOR.replace(ACCOUNT, f"21098765432{number}") for number in range(count)]
        done = fleet(entries=[entry(), entry(role="operator")], roles=[ROLES[0] | {"Arn": arn} for arn in arns])

        assert done.code == 2
        assert f"baseline.yaml, entry 2: operator is the name of {count} roles: {arns[0]}, " in done.error
        assert f"{end}. Use the ARN as `role`, in which * stands for any characters." in done.error


class TestCertainty:
    """An entry accepts what was known when it was written."""

    POSSIBLE = role(
        "operator", *SCOPED_MINIMUM, allow("ssm:SendCommand", Condition={"StringEquals": {"aws:PrincipalTag/a": "b"}})
    )

    @pytest.mark.parametrize("is_certain", [True, False])
    @pytest.mark.parametrize("is_entry_certain", [True, False])
    def test_only_the_same(self, rows, is_certain, is_entry_certain):
        more = {} if is_entry_certain else {"certain": False}
        found = rows(entry(**more), roles=[ROLES[0] if is_certain else self.POSSIBLE])
        row, stale = named(found, "operator"), [each["reason"] for each in found if each["kind"] == "staleEntry"]

        assert [each["certain"] for each in row["risks"]] == [is_certain]
        assert (row["openLevel"] == "risky") is (is_certain is not is_entry_certain)
        assert [each.partition(" that")[0] for each in stale] == (
            [] if is_certain is is_entry_certain else ["It is certain" if is_certain else "It is only possible"]
        )

    def test_both(self, rows):
        """A pattern can be about roles of both kinds."""
        roles = [ROLES[0], self.POSSIBLE | {"RoleName": "op", "Arn": OPERATOR[:-6]}]
        found = rows(*(entry(role="arn:*:role/op*", certain=each) for each in (True, False)), roles=roles)

        assert [row["openLevel"] for row in found if row["kind"] == "role"] == ["wide", "wide"]
        assert not [row for row in found if row["kind"] == "staleEntry"]


class TestStaleEntries:
    @pytest.mark.parametrize(
        ("stale", "reason"),
        [
            (entry(expires=TODAY - timedelta(days=1)), "It expired on"),
            (entry("gain_permissions"), "The role does not have the finding."),
            (entry(role=f"{OPERATOR}-2"), "The input does not have the role."),
        ],
    )
    def test_reasons(self, rows, stale, reason):
        found = rows(stale)

        assert [row["reason"].startswith(reason) for row in found if row["kind"] == "staleEntry"] == [True]
        assert not named(found, "operator")["accepted"]

    def test_valid_entry(self, rows):
        assert not [row for row in rows(entry()) if row["kind"] == "staleEntry"]

    def test_role_that_could_not_be_read(self, rows):
        """An entry for a role that is missing in a damaged input is not stale."""
        broken = role("broken", RolePolicyList=[{"PolicyName": "p", "PolicyDocument": {"Statement": "none"}}])
        found = rows(entry(role=f"{OPERATOR}-2"), roles=[*ROLES, broken])

        assert [row["kind"] for row in found if row["kind"] != "role"] == ["problem"]

    def test_text(self, fleet):
        done = fleet(entries=[entry(), entry("gain_permissions")])

        assert "Accepted by the baseline: 1 finding on 1 role." in done.items
        assert "To remove from the baseline: 1 entry. The reasons are at the end." in done.items
        assert [row["Finding"] for row in done.tables["Entries of the baseline to remove"]] == ["gain_permissions"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "must be a YAML map"),
        ("accepted: 1", "must have the key `accepted` with a list"),
        ("accepted: [1]", "entry 1: it must have the keys role, finding, reason, expires"),
        (json.dumps({"accepted": [entry(reason=" ")]}), "entry 1: `reason` must be a text."),
        (json.dumps({"accepted": [entry(certain="no")]}), "entry 1: `certain` must be true or false."),
        (json.dumps({"accepted": [entry("too-wide", certain=False)]}), "entry 1: too-wide is always certain."),
        (json.dumps({"accepted": [entry("run_command")]}), "run_command is not a finding. Did you mean run_commands?"),
        (
            json.dumps({"accepted": [entry(expires="never")]}),
            "`expires` must be a date such as 2027-01-31 (got never).",
        ),
    ],
)
def test_file_that_cannot_be_used(fleet, content, message):
    done = fleet(entries=content)

    assert done.code == 2
    assert message in done.error
