"""What ``fleet`` reads."""

import gzip
import json

import pytest

from tests.cli.accounts import ACCOUNT, details, managed_policy, role
from tests.cli.policies import allow

OTHER = "210987654321"


@pytest.fixture
def rows(run, tmp_path):
    """Runs ``fleet --json`` on files that have these contents, and gives its rows."""

    def read(*contents, stdin="", names=("a.json", "b.json"), fail_on="never"):
        paths = []
        for name, content in zip(names, contents, strict=False):
            path = tmp_path / name
            path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
            paths.append(str(path))
        done = run("fleet", "--json", "--fail-on", fail_on, *(paths or ["-"]), stdin=stdin)
        return [json.loads(line) for line in done.out.splitlines()]

    return read


def names(rows):
    return sorted(row["role"] for row in rows if row["kind"] == "role")


def problems(rows):
    return [row["reason"] for row in rows if row["kind"] == "problem"]


class TestForms:
    def test_role(self, rows):
        (row,) = rows(details(role("web")))

        assert (row["account"], row["role"], row["arn"]) == (ACCOUNT, "web", f"arn:aws:iam::{ACCOUNT}:role/web")
        assert (row["instanceProfiles"], row["systemsManager"]) == (["profile"], "works")

    def test_gzip(self, rows):
        assert names(rows(gzip.compress(json.dumps(details(role("web"))).encode()))) == ["web"]

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_encoding(self, rows, encoding):
        """PowerShell writes both."""
        assert names(rows(json.dumps(details(role("wéb")), ensure_ascii=False).encode(encoding))) == ["wéb"]

    def test_standard_input(self, rows):
        assert names(rows(stdin=json.dumps(details(role("web"))))) == ["web"]

    def test_pages(self, rows):
        """A list of pages, and pages one after another. A policy can be on a later page than its role."""
        attached = {"AttachedManagedPolicies": [{"PolicyArn": managed_policy("all")["Arn"], "PolicyName": "all"}]}
        pages = [details(role("web", **attached)), details(policies=[managed_policy("all", allow("*"))])]

        for content in (json.dumps(pages), "\n".join(map(json.dumps, pages))):
            (row,) = rows(content.encode())
            assert (row["unread"], row["level"]) == ([], "risky")

    def test_folder(self, run, tmp_path):
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "a.json").write_text(json.dumps(details(role("web"))))
        (tmp_path / "b.json.gz").write_bytes(gzip.compress(json.dumps(details(role("job", account=OTHER))).encode()))
        (tmp_path / "notes.txt").write_text("not read")

        done = run("fleet", "--json", str(tmp_path))

        assert names(map(json.loads, done.out.splitlines())) == ["job", "web"]
        assert done.code == 0


class TestMembers:
    def test_only_for_instances(self, rows):
        """A role that EC2 cannot assume is left out."""
        found = rows(details(role("web"), role("function", service="lambda.amazonaws.com")))

        assert names(found) == ["web"]
        assert not problems(found)

    def test_mixed_accounts(self, rows):
        found = rows(details(role("web"), role("web", account=OTHER)))

        assert [row["account"] for row in found] == [ACCOUNT, OTHER]

    def test_duplicate(self, rows):
        """A role of two files is counted once."""
        found = rows(details(role("web")), details(role("web", allow("*"))))

        assert names(found) == ["web"]
        assert problems(found)[0].endswith("a.json.")
        assert found[0]["level"] != "risky"

    def test_no_profile(self, rows):
        (row,) = rows(details(role("web", profiles=())))

        assert (row["level"], row["instanceProfiles"]) == ("broken", [])
        assert row["reasons"] == ["No instance profile contains the role, so no instance can use it."]


class TestBrokenInput:
    """A line says what is wrong, and the rest is judged."""

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "The JSON ends too early. Write the file again."),
            (b'{"RoleDetailList": [', "The JSON ends too early. Write the file again."),
            (b"not JSON", "It is not JSON (lexical error: invalid string in json text.)."),
            (b"\xff" * 50, "It is not JSON ("),
            (gzip.compress(json.dumps(details(role("job"))).encode())[:-9], "It is a damaged gzip file ("),
            (b"{}", "It has no roles. Pass the output of `aws iam get-account-authorization-details`"),
            (b"3", "It has no roles."),
            (b'{"RoleDetailList": {"a": 1}}', "It has no roles."),
        ],
    )
    def test_file(self, rows, content, reason):
        found = rows(content, details(role("web")))

        assert problems(found)[0].startswith(reason)
        assert "web" in names(found)

    def test_long_file_of_something_else(self, rows):
        """It is read once, without keeping it."""
        found = rows(b'{"Records": [' + b'{"a": "b"},' * 100_000 + b"3]}", details(role("web")))

        assert problems(found)[0].startswith("It has no roles.")
        assert names(found) == ["web"]

    @pytest.mark.parametrize(
        "broken",
        [
            {"RolePolicyList": [{"PolicyName": "p", "PolicyDocument": {"Statement": [{"Effect": "Maybe"}]}}]},
            {"AssumeRolePolicyDocument": {"Statement": []}},
        ],
    )
    def test_policy_that_iam_refuses(self, rows, broken):
        found = rows(details(role("web"), role("bad", **broken)))

        assert names(found) == ["web"]
        assert [row["place"] for row in found if row["kind"] == "problem"] == [f"arn:aws:iam::{ACCOUNT}:role/bad"]

    @pytest.mark.parametrize("odd", [None, 3, "x", {}, {"Arn": 3}, {"RoleName": None, "RolePolicyList": 5}])
    def test_odd_role(self, rows, odd):
        assert "web" in names(rows(details(odd, role("web"))))

    def test_exit_code(self, run, tmp_path):
        """What could not be judged is no success."""
        (tmp_path / "a.json").write_text("{")

        assert run("fleet", str(tmp_path)).code == 2

    @pytest.mark.parametrize("make", [lambda _: None, lambda path: path.mkdir()])
    def test_no_source(self, run, tmp_path, make):
        path = tmp_path / "missing"
        make(path)

        done = run("fleet", str(path))

        assert (done.code, done.out) == (2, "")
        assert str(path) in done.error
