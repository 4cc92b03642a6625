"""``fleet`` for many accounts, which moto emulates."""

import errno
import gzip
import json
import os
import signal
import stat
from threading import Event, Timer
from typing import ClassVar

import pytest

from tests import require
from tests.cli.accounts import ACCOUNT, names

require("moto")
botocore = require("botocore")

from ssm_profile.cli.fleet import accounts, assumed_roles, permissions, requests  # noqa: E402
from ssm_profile.cli.fleet.members import Problem  # noqa: E402
from ssm_profile.cli.fleet.progress import Progress  # noqa: E402
from ssm_profile.cli.interruption import Interrupt  # noqa: E402
from tests.cli.organization import ASSUME, problems  # noqa: E402


class TestOrganization:
    def test_every_account(self, fleet_of, members, aws):
        code, rows = fleet_of("--organization")

        assert (code, names(rows), problems(rows)) == (0, ["dev", "management", "prod"], [])
        assert {row["source"] for row in rows} == {
            f"{ACCOUNT} (master)",
            *(f"{account} ({name})" for account, name in zip(members, ("dev", "prod"), strict=True)),
        }
        assert sorted(account for account, _ in aws.asked("AssumeRole")) == sorted(members)

    def test_pages(self, fleet_of, members, aws):
        """A page can be empty although there are more."""
        pages = [[{"Id": members[0], "State": "ACTIVE"}], [], [{"Id": members[1], "State": "ACTIVE"}]]

        def page(request):
            number = int(request.get("NextToken", 0))
            more = {"NextToken": str(number + 1)} if number < 2 else {}
            return {"Accounts": pages[number], **more}

        aws.answers["ListAccounts"] = page

        assert names(fleet_of("--organization")[1]) == ["dev", "prod"]

    @pytest.mark.parametrize("key", ["State", "Status"])
    def test_not_active(self, run, members, aws, key):
        rows = [{"Id": members[0], "Name": "dev", key: "ACTIVE"}, {"Id": members[1], key: "SUSPENDED"}]
        aws.answers["ListAccounts"] = {"Accounts": rows}

        done = run("fleet", "--json", "--organization", *ASSUME)

        assert (done.code, names(map(json.loads, done.out.splitlines()))) == (0, ["dev"])
        assert done.error == "1 account of the organization left out: only active ones can be read.\n"

    @pytest.mark.parametrize("code", ["AccessDeniedException", "AWSOrganizationsNotInUseException"])
    def test_refused(self, run, aws, code):
        aws.refuse(code, "ListAccounts")

        done = run("fleet", "--organization", *ASSUME)

        assert (done.code, done.out) == (2, "")
        assert done.error == (
            f"Error: --organization: AWS does not list the accounts ({code}: The reason.). Use credentials of the "
            "management account, or of a delegated administrator, with the permission organizations:ListAccounts. Or "
            "pass --accounts.\n"
        )


class TestAccounts:
    def test_chosen(self, fleet_of, members):
        """Each is read once."""
        code, rows = fleet_of("--accounts", f"{members[1]}, {ACCOUNT},{members[1]}")

        assert (code, names(rows), problems(rows)) == (0, ["management", "prod"], [])

    def test_session(self, fleet_of, members, aws):
        """It can only read."""
        fleet_of("--accounts", members[0], "--external-id", "secret/1")

        ((_, request),) = aws.asked("AssumeRole")
        (statement,) = json.loads(request.pop("Policy"))["Statement"]
        assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Allow", [permissions.READ], "*")
        assert request == {
            "RoleArn": f"arn:aws:iam::{members[0]}:role/security/audit",
            "RoleSessionName": "ssm-profile",
            "ExternalId": "secret/1",
        }

    def test_other_partition(self, fleet_of, members, aws):
        arn = f"arn:aws-cn:iam::{ACCOUNT}:user/me"
        aws.answers["GetCallerIdentity"] = {"Account": ACCOUNT, "Arn": arn}

        fleet_of("--accounts", members[0])

        ((_, request),) = aws.asked("AssumeRole")
        assert request["RoleArn"] == f"arn:aws-cn:iam::{members[0]}:role/security/audit"

    def test_credentials(self, run, aws):
        """Without valid ones, nothing is read."""
        aws.refuse("ExpiredToken", "GetCallerIdentity")

        done = run("fleet", "--accounts", "111111111111", *ASSUME)

        assert (done.code, done.out) == (2, "")
        assert "The AWS credentials have expired (ExpiredToken: The reason)." in done.error

    def test_permissions(self, fleet_of, members, aws):
        """The command makes no other calls."""
        fleet_of("--organization")

        assert members
        listed = {action for source, action, *_ in permissions.PERMISSIONS if "--organization" in source}
        assert {operation for operation, *_ in aws.requests} == {
            "GetCallerIdentity",  # it needs none
            *(action.partition(":")[2] for action in listed),
        }


INCOMPLETE = (
    "The answer is not complete: its last page says that there are more roles or policies. Run the command again."
)


class TestFailures:
    """An account that cannot be read is a row, and the others are read."""

    ROLE = "The role arn:aws:iam::{}:role/security/audit must "
    TRUST = (
        f"{ROLE}exist. Its trust policy must allow sts:AssumeRole to the identity of your credentials, and the "
        "policies of this identity must allow it, too. If the trust policy has a condition on sts:ExternalId, pass "
        "--external-id."
    )
    REASONS: ClassVar = {
        "AssumeRole AccessDenied": f"AWS denies the request {{}}. {TRUST}",
        "AssumeRole ExpiredToken": (
            "Your credentials are not valid any more {}. Renew them, and run the command again."
        ),
        "AssumeRole RegionDisabledException": "AWS refuses the request {}.",
        "GetAccountAuthorizationDetails AccessDenied": (
            f"AWS denies the request {{}}. {ROLE}have the permission {permissions.READ}."
        ),
        "GetAccountAuthorizationDetails Throttling": (
            "AWS still limits the rate of requests after 10 attempts {}. Run the command again later."
        ),
    }

    @pytest.mark.parametrize("failure", REASONS)
    def test_refused(self, fleet_of, members, aws, failure):
        operation, code = failure.split()
        aws.refuse(code, operation, members[0])

        ended, rows = fleet_of("--organization")

        assert (ended, names(rows)) == (2, ["management", "prod"])
        reason = self.REASONS[failure].format(f"({code}: The reason.)", members[0])
        assert problems(rows) == [(f"{members[0]} (dev)", reason)]

    def test_own_account(self, fleet_of, members, aws):
        aws.refuse("AccessDenied", "GetAccountAuthorizationDetails", ACCOUNT)

        _, rows = fleet_of("--accounts", f"{ACCOUNT},{members[0]}")

        reason = f"The identity of your credentials must have the permission {permissions.READ}."
        assert names(rows) == ["dev"]
        assert problems(rows) == [(ACCOUNT, f"AWS denies the request (AccessDenied: The reason.). {reason}")]

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (
                botocore.exceptions.ReadTimeoutError(endpoint_url="https://iam"),
                'The request to AWS failed (Read timeout on endpoint URL: "https://iam"). Run the command again.',
            ),
            (
                {"UserDetailList": []},
                "The answer does not come from AWS. Check AWS_ENDPOINT_URL and the settings of your proxy.",
            ),
            ({"RoleDetailList": [], "IsTruncated": True}, INCOMPLETE),
        ],
    )
    def test_no_answer(self, fleet_of, members, aws, answer, reason):
        aws.answers["GetAccountAuthorizationDetails", members[0]] = answer

        _, rows = fleet_of("--accounts", ",".join(members))

        assert (names(rows), problems(rows)) == (["prod"], [(members[0], reason)])

    def test_order(self, fleet_of, members, aws):
        """Problems are in the order of the accounts, whichever is read first."""
        aws.refuse("AccessDenied", "AssumeRole")

        wanted = [members[1], *(f"{number:012}" for number in range(20)), members[0]]

        assert [place for place, _ in problems(fleet_of("--accounts", ",".join(wanted))[1])] == wanted

    def test_attempts(self, aws):  # noqa: ARG002
        """A request is repeated, ever more slowly."""
        settings = assumed_roles.Caller()._sts.meta.config.retries

        assert settings == {"mode": "adaptive", "total_max_attempts": requests.ATTEMPTS}


class TestResume:
    @pytest.fixture
    def folder(self, tmp_path):
        return tmp_path / "new" / "folder"

    def test_files(self, run, fleet_of, members, folder):
        """They are as the AWS CLI writes them, and `fleet` reads the folder. Only its owner can."""
        _, rows = fleet_of("--organization", "--resume", str(folder))

        assert sorted(file.name for file in folder.iterdir()) == sorted(
            f"{each}.json.gz" for each in (ACCOUNT, *members)
        )
        assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())} == {0o700, 0o600}
        again = [json.loads(line) for line in run("fleet", "--json", str(folder)).out.splitlines()]
        assert [row | {"source": ""} for row in again] == [row | {"source": ""} for row in rows]

    def test_again(self, run, fleet_of, members, aws, folder):
        """Only the account without a file is read from AWS."""
        aws.refuse("AccessDenied", "AssumeRole", members[1])
        fleet_of("--organization", "--resume", str(folder))
        os.utime(folder / f"{ACCOUNT}.json.gz", (0, 0))
        aws.answers.clear()
        aws.requests.clear()

        done = run("fleet", "--json", "--organization", *ASSUME, "--resume", str(folder))

        assert names(map(json.loads, done.out.splitlines())) == ["dev", "management", "prod"]
        assert [account for account, _ in aws.asked("GetAccountAuthorizationDetails")] == [members[1]]
        assert done.error == f"2 of 3 accounts read from {folder}. The oldest file is of 1970-01-01.\n"

    def test_part_of_an_account(self, fleet_of, members, aws, folder):
        """It is not written."""
        aws.answers["GetAccountAuthorizationDetails", members[0]] = {"RoleDetailList": [{}], "IsTruncated": True}

        fleet_of("--accounts", members[0], "--resume", str(folder))

        assert list(folder.iterdir()) == []

    def test_damaged_file(self, fleet_of, members, folder):
        folder.mkdir(parents=True)
        file = folder / f"{members[0]}.json.gz"
        file.write_bytes(gzip.compress(b'{"RoleDetailList": ['))

        code, rows = fleet_of("--accounts", ",".join(members), "--resume", str(folder))

        advice = "Write the file again. If you delete the file, the command reads the account."
        reason = f"The JSON ends too early, or there is none. {advice}"
        assert (code, names(rows), problems(rows)) == (2, ["prod"], [(str(file), reason)])

    def test_file_of_another_account(self, fleet_of, members, folder):
        fleet_of("--accounts", members[0], "--resume", str(folder))
        (folder / f"{members[0]}.json.gz").rename(file := folder / f"{members[1]}.json.gz")

        reason = f"{file} has roles of account {members[0]}. Delete the file, or give it the name of its account."
        assert problems(fleet_of("--accounts", members[1], "--resume", str(folder))[1]) == [(members[1], reason)]

    def test_disk_is_full(self, fleet_of, members, folder, monkeypatch):
        """The roles are there, and no part of a file."""

        def fail(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("pathlib.Path.replace", fail)
        _, rows = fleet_of("--accounts", members[0], "--resume", str(folder))

        reason = "It cannot be written: No space left on device."
        assert (names(rows), problems(rows)) == (["dev"], [(str(folder / f"{members[0]}.json.gz"), reason)])
        assert list(folder.iterdir()) == []

    @pytest.mark.parametrize("name", ["file", "file/folder", "\0"])
    def test_wrong_folder(self, run, tmp_path, monkeypatch, name):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "file").touch()

        done = run("fleet", "--organization", *ASSUME, "--resume", name)

        assert (done.code, done.out) == (2, "")
        assert done.error.startswith(f"Error: --resume: {name} cannot be written to: ")


class TestInterrupt:
    ACCOUNTS = tuple(accounts.Account(f"{number:012}", f"name-{number}") for number in range(3))

    @pytest.fixture
    def answer(self):
        """What the accounts wait for that do not answer."""
        waited = Event()
        yield waited
        waited.set()

    def test_accounts_left(self, answer, capsys):
        """They are problems."""

        def read(account):
            if account == self.ACCOUNTS[1]:
                return [Problem("role", "reason")]
            return answer.wait()

        interrupt = Interrupt()
        found = accounts.read_accounts(self.ACCOUNTS, read, interrupt, Progress())
        Timer(0.1, setattr, (interrupt, "happened", True)).start()

        reason = "It was not read, because the command was interrupted. Run the command again."
        assert [(each.place, each.reason) for each in found] == [
            ("000000000000 (name-0)", reason),
            ("role", "reason"),
            ("000000000002 (name-2)", reason),
        ]
        assert capsys.readouterr().err.startswith("Interrupted: 2 accounts not read.")

    def test_nothing_read(self, answer):
        """The command ends."""
        interrupt = Interrupt()
        interrupt.happened = True

        with pytest.raises(KeyboardInterrupt):
            list(accounts.read_accounts(self.ACCOUNTS, lambda _: answer.wait(), interrupt, Progress()))

    def test_command(self, fleet_of, members, monkeypatch):
        """The roles that were read are printed."""

        def completed(work, wanted, interrupt, **_):
            yield wanted[0], work(wanted[0])
            signal.raise_signal(signal.SIGINT)
            assert interrupt.happened

        monkeypatch.setattr(accounts, "completed", completed)
        code, rows = fleet_of("--accounts", ",".join(members))

        assert (code, names(rows), [place for place, _ in problems(rows)]) == (2, ["dev"], [members[1]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--accounts", ACCOUNT], "--accounts requires --assume-role NAME, the role that reads each account."),
        (["--organization"], "--organization requires --assume-role NAME, the role that reads each account."),
        (
            ["--config-aggregator", "all", "--organization"],
            "--organization and --config-aggregator cannot be combined.",
        ),
        (["--config-aggregator", "all", *ASSUME], "--assume-role requires --accounts or --organization."),
        (["--config-aggregator", "a:b"], "--config-aggregator: 'a:b' is not the name of an aggregator."),
        (["--organization", "--accounts", ACCOUNT], "--accounts and --organization cannot be combined."),
        (["file", "--accounts", ACCOUNT, *ASSUME], "A SOURCE and --accounts cannot be combined."),
        (["file", *ASSUME], "--assume-role requires --accounts or --organization."),
        (["--organization", *ASSUME, "--resume", ""], "--resume: The name of the folder is empty."),
        (["--resume", "folder"], "--resume requires --accounts or --organization."),
        (["--external-id", "secret"], "--external-id requires --accounts or --organization."),
        (["--accounts", f"{ACCOUNT},1", *ASSUME], "--accounts: '1' is not the ID of an account."),
        (["--accounts", f"{ACCOUNT},", *ASSUME], "--accounts: '' is not the ID of an account."),
        (["--organization", "--assume-role", "arn:aws:iam::1:role/x"], "is not the name of a role."),
        (["--organization", "--assume-role", "security/"], "--assume-role: security/ is not the name of a role."),
        (["--organization", *ASSUME, "--external-id", "ä"], "--external-id: 'ä' is not an external ID."),
    ],
)
def test_usage(run, arguments, message):
    done = run("fleet", *arguments)

    assert (done.code, done.out) == (2, "")
    assert message in " ".join(done.error.replace("│", "").split())
