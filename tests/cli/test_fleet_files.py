"""What ``fleet`` reads."""

import gzip
import json
import os
import tracemalloc
from typing import ClassVar

import pytest

from tests import require
from tests.cli.accounts import ACCOUNT, attached, details, managed_policy, names, role, trust
from tests.cli.policies import allow

require("ijson")

from ssm_profile.cli.fleet import content, files, pages  # noqa: E402
from ssm_profile.cli.fleet.host_management import WITHOUT_CREDENTIALS  # noqa: E402

OTHER = "210987654321"
ALL = managed_policy("all", allow("*"))
NOT_COMPLETE = "The file is not complete"


@pytest.fixture
def rows(run, tmp_path):
    """Runs ``fleet --json`` on files that have these contents, and gives its rows."""

    def read(*contents, stdin="", names=("a.json", "b.json", "c.json"), fail_on="never"):
        paths = []
        for name, each in zip(names, contents, strict=False):
            path = tmp_path / name
            path.write_bytes(each if isinstance(each, bytes) else json.dumps(each).encode())
            paths.append(str(path))
        done = run("fleet", "--json", "--fail-on", fail_on, *(paths or ["-"]), stdin=stdin)
        return [json.loads(line) for line in done.out.splitlines()]

    return read


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
        output = [details(role("web", **attached(ALL))), details(policies=[ALL])]

        for text in (json.dumps(output), "\n".join(map(json.dumps, output))):
            (row,) = rows(text.encode())
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
        """A role that EC2 cannot assume is left out if no instance profile contains it."""
        found = rows(details(role("web"), role("function", service="lambda.amazonaws.com", profiles=())))

        assert names(found) == ["web"]
        assert not problems(found)

    @pytest.mark.parametrize(
        ("service", "more"),
        [
            ("lambda.amazonaws.com", {}),
            ("ec2.amazonaws.com", {"Condition": {"StringEquals": {"sts:ExternalId": "x"}}}),
            ("ec2.amazonaws.com", {"Effect": "Deny"}),
        ],
    )
    def test_ec2_cannot_assume(self, rows, service, more):
        """A role in an instance profile is broken then."""
        (statement,) = trust(service)["Statement"]
        document = {"Version": "2012-10-17", "Statement": [statement | more]}

        (row,) = rows(details(role("web", AssumeRolePolicyDocument=document)))

        assert (row["role"], row["level"]) == ("web", "broken")
        assert row["reasons"] == [
            "The trust policy does not let ec2.amazonaws.com assume the role.",
            WITHOUT_CREDENTIALS,
        ]

    def test_mixed_accounts(self, rows):
        found = rows(details(role("web"), role("web", account=OTHER)))

        assert [row["account"] for row in found] == [ACCOUNT, OTHER]

    def test_duplicate(self, rows):
        """A role of two files is counted once."""
        found = rows(details(role("web")), details(role("web", allow("*"))))

        assert names(found) == ["web"]
        assert f"a.json: arn:aws:iam::{ACCOUNT}:role/web." in problems(found)[0]
        assert found[0]["level"] != "risky"

    def test_many_duplicates(self, rows):
        """A file has one row for them, which names some."""
        account = details(*(role(name) for name in "abcde"))

        (problem,) = problems(rows(account, account))

        arns = ", ".join(f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in "abc")
        assert problem.startswith("It has 5 roles again, which are counted once, from ")
        assert problem.endswith(f"a.json: {arns} and 2 more.")

    def test_duplicate_without_arn(self, rows):
        """Each is counted, and the file has a row that says so."""
        nameless = [role(name, Arn=None) for name in ("web", "web", "job")]

        found = rows(details(*nameless), details(role("web", Arn=None)))

        assert names(found) == ["job", "web", "web", "web"]
        assert [each.split(".")[0] for each in problems(found)] == [
            "It has 2 or more roles without an ARN with the name `web`"
        ]

    def test_no_profile(self, rows):
        (row,) = rows(details(role("web", profiles=())))

        assert (row["level"], row["instanceProfiles"]) == ("broken", [])
        assert row["reasons"] == ["No instance profile contains the role, so no instance can use it."]


class TestCompleteness:
    """Whether a file has the whole account."""

    @pytest.mark.parametrize("mark", [{"IsTruncated": True}, {"Marker": "x"}, {"NextToken": "x"}])
    def test_more_pages(self, rows, mark):
        found = rows(details(role("web", **attached(ALL))) | mark)

        assert problems(found)[0].startswith(NOT_COMPLETE)
        assert (names(found), found[0]["unread"]) == (["web"], [ALL["Arn"]])

    @pytest.mark.parametrize("last", [details(role("job")), details(policies=[managed_policy("x", account="aws")])])
    def test_last_page(self, rows, last):
        """Only the last page of an account counts. It may have nothing that names the account."""
        first = details(role("web")) | {"IsTruncated": True}

        assert not problems(rows([first, last | {"IsTruncated": False}]))
        assert problems(rows([details(role("job")), first]))[0].startswith(NOT_COMPLETE)

    def test_first_page_without_account(self, rows):
        assert not problems(rows([details() | {"IsTruncated": True}, details(role("web"))]))

    def test_object_of_something_else(self, rows):
        """It is no last page."""
        assert problems(rows([details(role("web")) | {"IsTruncated": True}, {"a": 1}]))

    def test_two_accounts(self, rows):
        found = rows([details(role("web")) | {"IsTruncated": True}, details(role("job", account=OTHER))])

        assert problems(found)[0].startswith(f"{NOT_COMPLETE} for account {ACCOUNT}: ")

    def test_page_per_file(self, rows):
        """The pages of an account are joined, in whatever order the files are read."""
        first = details(role("web", **attached(ALL))) | {"IsTruncated": True}
        last = details(policies=[ALL])

        for contents in ([first, last], [last, first]):
            found = rows(*contents)
            assert [row["unread"] for row in found if row["kind"] == "role"] == [[]]
            assert not problems(found)

    AWS = managed_policy("AdministratorAccess", allow("*"), account="aws")

    def test_page_of_policies_of_aws(self, rows):
        """It names no account, and is joined with the other pages in whatever order the files are read."""
        first, last = details(role("web", **attached(self.AWS))) | {"IsTruncated": True}, details(policies=[self.AWS])

        for contents in ([first, last], [last, first], [first, last | {"IsTruncated": True}, details(role("job"))]):
            found = rows(*contents)
            assert [row["unread"] for row in found if row.get("role") == "web"] == [[]]
            assert not problems(found)

    def test_page_of_policies_of_aws_is_not_the_last(self, rows):
        first, second = (
            details(*roles, policies=policies) | {"IsTruncated": True}
            for roles, policies in (([role("web")], ()), ([], [self.AWS]))
        )

        (problem,) = problems(rows(first, second))
        assert problem.startswith(NOT_COMPLETE)

    def test_page_of_policies_of_aws_of_two_accounts(self, rows):
        """It is not known whose last page it is, but what its policies grant is."""
        roles = [role("web", account=account, **attached(self.AWS)) for account in (ACCOUNT, OTHER)]

        found = rows(*(details(each) | {"IsTruncated": True} for each in roles), details(policies=[self.AWS]))

        assert [row["unread"] for row in found if row["kind"] == "role"] == [[], []]
        assert [each.startswith(NOT_COMPLETE) for each in problems(found)] == [True, True]

    def test_policies_of_aws_alone(self, rows):
        assert problems(rows(details(policies=[self.AWS])))[0].startswith("It has no roles.")

    def test_own_policy_of_aws_counts(self, rows):
        """Not that of a page of an account that is not known."""
        narrow = managed_policy("AdministratorAccess", allow("ec2:DescribeTags"), account="aws")
        found = rows(details(role("web", **attached(self.AWS)), policies=[narrow]), details(policies=[self.AWS]))

        assert found[0]["risks"] == []

    def test_older_output(self, rows):
        """A file with the same roles is another output, not the remaining pages."""
        found = rows(details(role("web")), details(role("web"), role("job")) | {"IsTruncated": True})

        assert problems(found)[0].startswith(NOT_COMPLETE)

    def test_policy_of_two_files(self, rows):
        """A role has the policy of its own file. If it has none, it is not known which one it has."""
        none = managed_policy("all", allow("ec2:DescribeTags"))
        found = rows(
            details(role("wide", **attached(ALL)), policies=[ALL]),
            details(role("narrow", **attached(ALL)), policies=[none]),
            details(role("unknown", **attached(ALL))),
        )

        assert {row["role"]: (row["readActions"] > 100, row["unread"]) for row in found} == {
            "wide": (True, []),
            "narrow": (False, []),
            "unknown": (False, [ALL["Arn"]]),
        }


class TestTwoVersions:
    """Which one of two different documents of a policy counts is not known."""

    NONE = managed_policy("all", allow("ec2:DescribeTags"))
    BOTH: ClassVar = ALL | {"PolicyVersionList": [*ALL["PolicyVersionList"], *NONE["PolicyVersionList"]]}

    @pytest.mark.parametrize("policies", [[ALL, NONE], [NONE, ALL], [BOTH]])
    def test_different(self, rows, policies):
        row, *others = rows(details(role("web", **attached(ALL)), policies=policies))

        assert (row["unread"], row["ambiguous"], row["risks"]) == ([ALL["Arn"]], [ALL["Arn"]], [])
        assert problems(others) == [
            f"It does not say which document of the policy {ALL['Arn']} counts. Write the file again."
        ]

    def test_equal(self, rows):
        (row,) = rows(details(role("web", **attached(ALL)), policies=[ALL, ALL]))

        assert row["unread"] == []

    def test_none(self, rows):
        """A policy without a document has not several."""
        (row,) = rows(details(role("web", **attached(ALL)), policies=[{"Arn": ALL["Arn"]}]))

        assert (row["unread"], row["ambiguous"]) == ([ALL["Arn"]], [])


class TestBrokenRole:
    """A role that cannot be judged is a problem. The others are judged."""

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"AssumeRolePolicyDocument": "nonsense"}, 'is not a policy document (got "nonsense")'),
            ({"AssumeRolePolicyDocument": 3}, "is not a policy document (got 3)"),
            ({"AssumeRolePolicyDocument": None}, "is missing"),
            ({"AssumeRolePolicyDocument": {"Statement": []}}, "has no statements"),
            ({"RolePolicyList": None}, "Its RolePolicyList is missing"),
            ({"AttachedManagedPolicies": "x"}, "Its AttachedManagedPolicies is missing"),
            (
                {"AttachedManagedPolicies": [{"PolicyName": "x"}]},
                "One of its AttachedManagedPolicies has no PolicyArn.",
            ),
            (
                {"RolePolicyList": [{"PolicyDocument": {"Statement": {"Resource": 1e999}}}]},
                "a number that is too large",
            ),
        ],
    )
    def test_reason(self, rows, changes, reason):
        text = json.dumps(details(role("web"), role("bad", **changes))).replace("Infinity", "1e999")
        found = rows(text.encode())

        assert names(found) == ["web"]
        assert reason in problems(found)[0]
        assert found[1]["place"] == f"arn:aws:iam::{ACCOUNT}:role/bad"

    @pytest.mark.parametrize(
        ("resource", "reason"),
        [
            ('"*", "Resource": "*"', 'It has the key "Resource" twice'),
            (f"{'[' * 101}{']' * 101}", "It has more than 100 levels"),
            (f"[{'0,' * pages.MOST_VALUES}0]", "It has more than 100,000 values"),
            (f'"{"x" * pages.MOST_CHARACTERS}"', "It has more than 100,000 values or 2,000,000 characters"),
        ],
        ids=["duplicate", "deep", "values", "characters"],
    )
    @pytest.mark.parametrize("place", ["role", "policy"])
    def test_document(self, rows, resource, reason, place):
        """The name of the role can be after it."""
        bad = role("bad", **(attached(ALL) if place == "policy" else {}))
        bad["RoleName"] = bad.pop("RoleName")
        sound, broken, policy = map(json.dumps, (role("web"), bad, ALL))
        broken, policy = (
            text.replace('"Resource": "*"', f'"Resource": {resource}') if place == name else text
            for text, name in ((broken, "role"), (policy, "policy"))
        )
        found = rows(f'{{"RoleDetailList": [{broken}, {sound}], "Policies": [{policy}]}}'.encode())

        assert names(found) == ["web"]
        assert [row["place"] for row in found if row["kind"] == "problem"] == [bad["Arn"]]
        assert reason in problems(found)[0]

    def test_duplicate_key(self, rows):
        text = json.dumps(details(role("bad"))).replace('"Action": "sts', '"Effect": "Deny", "Action": "sts')

        assert problems(rows(text.encode()))[0].startswith(
            'It has the key "Effect" twice in AssumeRolePolicyDocument.Statement[0]. '
        )

    def test_entries_that_are_not_roles(self, rows):
        """They are one problem of the file, and no roles."""
        found = rows(details(1, "a", None, {}, {"Arn": 3}, [[{}]], role("web")))

        assert names(found) == ["web"]
        assert problems(found) == ["Its RoleDetailList has 6 entries that are not roles. Write the file again."]


class TestBrokenInput:
    """A line says what is wrong, and the rest is judged."""

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "The JSON ends too early, or there is none. Write the file again."),
            (b'{"RoleDetailList": [', "The JSON ends too early, or there is none. Write the file again."),
            (b"not JSON", "It is not JSON ("),
            (b"\xff" * 50, "It is not JSON ("),
            (gzip.compress(json.dumps(details(role("job"))).encode())[:-9], "It is a damaged gzip file ("),
            (b"{}", "It has no roles. Pass the output of `aws iam get-account-authorization-details`"),
            (b"3", "It has no roles."),
            (b'{"RoleDetailList": {"a": 1}}', "It has no roles."),
            (b'{"a": 1' + b"0" * 6000 + b"}", "It has a number that is too long."),
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

    def test_exit_code(self, run, tmp_path):
        """What could not be judged is no success."""
        (tmp_path / "a.json").write_text("{")

        assert run("fleet", str(tmp_path)).code == 2


class TestLimits:
    """The memory and the disk that a file can take are bounded."""

    @pytest.mark.parametrize(
        ("limit", "text", "reason"),
        [
            ("LONGEST_FILE", '{"RoleDetailList": ["', "It has more than 10 bytes. Pass a file for each account."),
            ("LONGEST_VALUE", '{"a": "', "It has a string or white space of more than 10 bytes."),
            ("LONGEST_START", '{"a": "', "It has no roles in its first 10 bytes."),
            ("MOST_SKIPPED", f'{{"a": [{"0," * 20}', "It has an object or a list with more than 10 values."),
        ],
    )
    def test_file(self, rows, monkeypatch, limit, text, reason):
        monkeypatch.setattr(pages, limit, 10)

        assert problems(rows(f"{text}{' ' * 100_000}".encode()))[0].startswith(reason)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (b" " * 20_000_000, "a string or white space of more than 10,000,000 bytes"),
            (b'{"RoleDetailList": [' + b"{}," * 20_000 + b"{}]}", "more than 10,000 entries that are not roles"),
            (b"[" * 1_100_000, "more than 1,000,000 levels"),
        ],
        ids=["space", "entries", "levels"],
    )
    def test_gzip_bomb(self, rows, text, reason):
        """It ends with a line, and soon."""
        assert reason in problems(rows(gzip.compress(text)))[0]

    def test_standard_input(self, run, monkeypatch, tmp_path):
        monkeypatch.setattr(content, "LONGEST_COPY", 10)
        (tmp_path / "a.json").write_text(json.dumps(details(role("web"))))

        found = [
            json.loads(line) for line in run("fleet", "--json", "-", str(tmp_path), stdin=" " * 11).out.splitlines()
        ]

        assert problems(found) == ["It has more than 10 bytes. Pass a file instead of a pipe."]
        assert names(found) == ["web"]

    @pytest.mark.parametrize("start", [b"", b'{"Records": ["', b"PK\x03\x04"], ids=["zeros", "JSON", "zip"])
    def test_gigabyte_of_something_else(self, tmp_path, start):
        """It is told at once, and the other file is read."""
        path, other = tmp_path / "a.json", tmp_path / "b.json"
        path.write_bytes(start)
        os.truncate(path, 1_000_000_000)  # the zeros take no space on the disk
        other.write_text(json.dumps(details(role("web"))))
        tracemalloc.start()

        problem, member = files.read_files([str(tmp_path)])

        assert tracemalloc.get_traced_memory()[1] < 5_000_000
        tracemalloc.stop()
        assert (problem.place, problem.reason[:16]) == (str(path), "It is not JSON (")
        assert member.name == "web"

    def test_levels(self, tmp_path):
        """The memory does not grow with the square of the levels."""
        path = tmp_path / "a.json"
        path.write_text(f'{{"RoleDetailList": {"[" * 10_000}{"]" * 10_000}}}')
        tracemalloc.start()

        found = list(files.read_files([str(path)]))

        assert tracemalloc.get_traced_memory()[1] < 20_000_000
        tracemalloc.stop()
        assert found[0].reason == "Its RoleDetailList has 1 entry that is not a role. Write the file again."
