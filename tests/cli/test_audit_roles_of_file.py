"""``ssm-profile audit FILE --role``: the roles of a file."""

import json

import pytest

from tests import ROOT, require
from tests.cli.accounts import details, role
from tests.cli.policies import SCOPED_MINIMUM

FILES = ROOT / "tests" / "data" / "policy_files"


@pytest.fixture
def audit(run, tmp_path):
    """Audits roles of an account's file: web, web-2, db and, for another service, function."""
    roles = [role(name, *SCOPED_MINIMUM) for name in ("web", "web-2", "db")]
    account = details(*roles, role("function", *SCOPED_MINIMUM, service="lambda.amazonaws.com", path="/a/"))
    (tmp_path / "account.json").write_text(json.dumps(account))

    def run_audit(*names):
        flags = [flag for name in names for flag in ("--role", name)]
        return run("audit", str(tmp_path / "account.json"), *flags, "--json")

    return run_audit


def names(printed):
    """The names of the audited roles."""
    return [each["name"].rsplit(", ", 1)[-1].removeprefix("role ") for each in printed.json["audits"]]


def test_too_long(audit, monkeypatch):
    """The message says what to do."""
    monkeypatch.setattr(require("ssm_profile.cli.policy_files.reading"), "LONGEST_FILE", 100)

    assert "Use `ssm-profile fleet` for many roles" in audit("web").error


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (["web"], ["web"]),
        (["web*"], ["web", "web-2"]),
        (["db", "web*", "web-2"], ["db", "web", "web-2"]),
        (["arn:aws:iam::123456789012:role/db"], ["db"]),
        (["function"], ["function"]),
        (["*"], ["web", "web-2", "db", "function"]),
    ],
)
def test_names_and_patterns(audit, chosen, expected):
    """Roles that EC2 cannot assume, too."""
    assert names(audit(*chosen)) == expected


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("web-3", "has no role web-3. The nearest names are web-2, web."),
        ("arn:aws:iam::123456789012:role/team/web", "The nearest names are web, web-2."),
        ("arn:aws:iam::210987654321:role/web", "The nearest names are web, web-2."),
        ("xyzzy", "has no role xyzzy. It has web, web-2, db, function. Pass"),
        ("app-*", "has no role app-*."),
    ],
)
def test_unknown_name(audit, name, error):
    refused = audit("db", name)

    assert (refused.code, refused.out) == (2, "")
    assert refused.error.startswith("Error: --role: ")
    assert error in refused.error


def test_many_names(run, tmp_path):
    (tmp_path / "account.json").write_text(json.dumps(details(*(role(f"app-{number}") for number in range(9)))))

    refused = run("audit", str(tmp_path / "account.json"), "--role", "xyz")

    assert "It has app-0, app-1, app-2, app-3, app-4 and 4 more." in refused.error


@pytest.mark.parametrize("source", ["policy.json", "AmazonSSMManagedInstanceCore"])
def test_policy_without_a_role(run, policy_file, source):
    refused = run("audit", policy_file(*SCOPED_MINIMUM) if source == "policy.json" else source, "--role", "web")

    assert refused.code == 2
    assert "Leave out --role." in refused.error


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("template.yaml", "WebRole"),
        ("template.yaml", "bastion"),
        ("plan.json", 'module.role["web"].aws_iam_role.this'),
        ("terraform.tfstate", 'aws_iam_role.web["blue"]'),
        ("terraform.tfstate", "web-blue"),
    ],
)
def test_names_in_other_files(run, file, name):
    """The name in the file, or that in IAM."""
    assert len(run("audit", str(FILES / file), "--role", name, "--json").json["audits"]) == 1


def test_refused_policy_of_another_role(run, tmp_path):
    """Only the chosen role is read."""
    refused = role("bad", {"Effect": "Maybe", "Action": "*", "Resource": "*"})
    (tmp_path / "account.json").write_text(json.dumps(details(role("web", *SCOPED_MINIMUM), refused)))

    assert run("audit", str(tmp_path / "account.json"), "--role", "web").code == 0
