"""``fleet --instances`` for many accounts, which moto emulates."""

import csv
import gzip
import io
import json

import pytest

from tests import ROOT, require
from tests.cli.accounts import ACCOUNT, names

require("moto")
jsonschema = require("jsonschema")

from ssm_profile.cli.fleet import permissions  # noqa: E402
from ssm_profile.cli.fleet.account_instances import ACTIONS  # noqa: E402
from ssm_profile.cli.fleet.saved import Folder  # noqa: E402
from tests.cli.organization import problems  # noqa: E402

SCHEMA = json.loads((ROOT / "docs" / "fleet.schema.json").read_text())
IN_FRANKFURT = ("--instances", "--regions", "eu-central-1")
IN_BOTH = ("--instances", "--regions", "eu-central-1,eu-west-1")


def described(account, profile, instance="i-1"):
    arn = f"arn:aws:iam::{account}:instance-profile/{profile}"
    one = {"InstanceId": instance, "State": {"Name": "running"}, "IamInstanceProfile": {"Arn": arn}}
    return {"Reservations": [{"OwnerId": account, "Instances": [one]}]}


@pytest.fixture
def aws(aws, members):
    """Each Region of the account dev has an online instance of the role dev. The other accounts have none."""
    online = [{"InstanceId": "i-1", "PingStatus": "Online", "AgentVersion": "3.3.40.0"}]
    aws.answers |= {
        "DescribeRegions": {"Regions": [{"RegionName": "eu-central-1"}]},
        "DescribeInstances": {"Reservations": []},
        ("DescribeInstances", members[0]): described(members[0], "dev"),
        "DescribeInstanceInformation": {"InstanceInformationList": online},
    }
    return aws


@pytest.fixture
def instances_of(fleet_of):
    """The Regions in which each role has instances, null if this is not known, and the problems."""

    def read(*arguments):
        _, rows = fleet_of("--organization", *arguments)
        for row in rows:
            jsonschema.Draft202012Validator(SCHEMA).validate(row)
        listed = {row["role"]: row["instances"] for row in rows if row["kind"] == "role"}
        regions = {role: found and [each["region"] for each in found] for role, found in listed.items()}
        return regions, problems(rows)

    return read


class TestAccounts:
    def test_roles(self, fleet_of, members, aws):  # noqa: ARG002
        """An instance belongs to the role of its own account."""
        code, rows = fleet_of("--accounts", ",".join(members), *IN_FRANKFURT)

        instance = {"instance": "i-1", "region": "eu-central-1", "state": "running", "pingStatus": "Online"}
        found = {row["role"]: row["instances"] for row in rows}
        assert (code, found) == (0, {"dev": [instance | {"agentVersion": "3.3.40.0"}], "prod": []})

    def test_profile_of_another_account(self, fleet_of, members, aws):
        """The same name of an instance profile in another account is another profile."""
        aws.answers["DescribeInstances", members[1]] = described(members[1], "dev", "i-2")

        _, rows = fleet_of("--accounts", ",".join(members), *IN_FRANKFURT)

        assert [row["account"] for row in rows if row["kind"] == "instance"] == [members[1]]

    def test_regions(self, instances_of, members, aws):
        """Without --regions, they are those that each account has enabled."""
        aws.answers["DescribeRegions", members[0]] = {"Regions": [{"RegionName": "eu-west-1"}]}

        assert instances_of("--instances") == ({"dev": ["eu-west-1"], "management": [], "prod": []}, [])

    @pytest.mark.parametrize(("flags", "more"), [((), ()), (("--instances",), ACTIONS)])
    def test_session(self, fleet_of, members, aws, flags, more):
        """It can read instances only with the flag."""
        fleet_of("--accounts", members[0], *flags)

        ((_, request),) = aws.asked("AssumeRole")
        (statement,) = json.loads(request["Policy"])["Statement"]
        assert statement["Action"] == [permissions.READ, *more]

    def test_permissions(self, fleet_of, aws):
        """The command makes no calls but those that the documents list."""
        fleet_of("--organization", "--instances")

        listed = {action for source, action, *_ in permissions.PERMISSIONS if "--organization" in source}
        names = {action.partition(":")[2] for action in (*listed, *ACTIONS)}
        assert {operation for operation, *_ in aws.requests} == {"GetCallerIdentity", *names}


class TestDenied:
    """The roles are judged. Whether an instance has them is not known."""

    @pytest.mark.parametrize(
        ("action", "code"),
        [
            ("ec2:DescribeInstances", "UnauthorizedOperation"),
            ("ssm:DescribeInstanceInformation", "AccessDeniedException"),
        ],
    )
    def test_instances(self, instances_of, members, aws, action, code):
        aws.refuse(code, action.partition(":")[2], members[0])

        regions, found = instances_of(*IN_BOTH)

        assert regions == {"dev": None, "management": [], "prod": []}
        reason = (
            "Its instances in eu-central-1, eu-west-1 are not known. "
            f"AWS denies the request ({code}: The reason.). "
            f"The role arn:aws:iam::{members[0]}:role/security/audit must have the permission {action}. "
            "If a service control policy denies the Region, leave it out of --regions."
        )
        assert found == [(f"{members[0]} (dev)", reason)]

    def test_names_of_regions(self, instances_of, members, aws):
        aws.refuse("UnauthorizedOperation", "DescribeRegions", members[0])

        regions, ((place, reason),) = instances_of("--instances")

        assert (regions["dev"], place) == (None, f"{members[0]} (dev)")
        assert "must have the permission ec2:DescribeRegions. Or pass --regions." in reason

    def test_one_region(self, instances_of, members, aws):
        """The instances of the others are reported, and a role without any there can have some in this one."""
        for account in members:
            aws.refuse("UnauthorizedOperation", "DescribeInstances", account, "eu-west-1")

        regions, found = instances_of(*IN_BOTH)

        assert regions == {"dev": ["eu-central-1"], "management": [], "prod": None}
        assert [reason.partition(".")[0] for _, reason in found] == ["Its instances in eu-west-1 are not known"] * 2

    @pytest.mark.parametrize(
        ("operation", "code"),
        [
            ("DescribeInstances", "AuthFailure"),
            ("DescribeInstances", "OptInRequired"),
            ("DescribeInstanceInformation", "UnrecognizedClientException"),
        ],
    )
    def test_region_that_is_not_enabled(self, instances_of, members, aws, operation, code):
        aws.refuse(code, operation, members[0], "eu-west-1")

        regions, ((_, reason),) = instances_of(*IN_BOTH)

        assert regions["dev"] == ["eu-central-1"]
        assert reason == (
            f"Its instances in eu-west-1 are not known. AWS does not accept the credentials ({code}: The reason.). "
            "Check that the account has enabled the Region."
        )

    def test_account(self, instances_of, members, aws):
        """An account without readable roles is one problem."""
        aws.refuse("AccessDenied", "AssumeRole", members[0])

        regions, found = instances_of(*IN_FRANKFURT)

        assert (regions, len(found)) == ({"management": [], "prod": []}, 1)

    def test_spreadsheet(self, run, members, aws):
        """A cell tells that no instance has a role from that this is not known."""
        aws.refuse("UnauthorizedOperation", "DescribeInstances", members[0])

        done = run("fleet", "--csv", "--accounts", ",".join(members), "--assume-role", "audit", *IN_FRANKFURT)

        cells = {row["role"]: row["instances"] for row in csv.DictReader(io.StringIO(done.out)) if row["role"]}
        assert cells == {"dev": "", "prod": "none"}

    def test_report(self, run, members, aws):
        aws.refuse("UnauthorizedOperation", "DescribeInstances", members[0])

        done = run("fleet", "--accounts", ",".join(members), "--assume-role", "audit", *IN_FRANKFURT)

        assert done.code == 2
        assert "Roles of which it is not known whether an instance has them: 1. The problems say why." in done.items


class TestResume:
    @pytest.fixture
    def saved(self, instances_of, aws, tmp_path):
        """Reads the accounts into a folder, then again. Gives the accounts that AWS is asked for, and the Regions."""

        def read_twice(first, second, damage=None):
            folder = ("--resume", str(tmp_path))
            instances_of(*first, *folder)
            for file in tmp_path.glob("*.instances.gz") if damage is not None else ():
                file.write_bytes(damage)
            aws.requests.clear()
            regions, _ = instances_of(*second, *folder)
            return {account for account, _ in aws.asked("GetAccountAuthorizationDetails")}, regions["dev"]

        return read_twice

    @pytest.mark.parametrize(
        ("first", "second", "regions"),
        [
            (IN_BOTH, IN_BOTH, ["eu-central-1", "eu-west-1"]),
            (IN_BOTH, IN_FRANKFURT, ["eu-central-1"]),
            (("--instances",), ("--instances",), ["eu-central-1"]),
            (("--instances",), IN_FRANKFURT, ["eu-central-1"]),
            (IN_BOTH, (), None),
        ],
    )
    def test_complete(self, saved, first, second, regions):
        assert saved(first, second) == (set(), regions)

    @pytest.mark.parametrize(
        ("first", "second", "regions"),
        [
            ((), IN_FRANKFURT, ["eu-central-1"]),
            (IN_FRANKFURT, IN_BOTH, ["eu-central-1", "eu-west-1"]),
            (IN_FRANKFURT, ("--instances",), ["eu-central-1"]),
        ],
    )
    def test_not_complete(self, saved, members, first, second, regions):
        """The file has not all that is asked for, so the account is read again."""
        assert saved(first, second) == ({ACCOUNT, *members}, regions)

    def test_damaged(self, saved, members):
        assert saved(IN_FRANKFURT, IN_FRANKFURT, b"text") == ({ACCOUNT, *members}, ["eu-central-1"])

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"", id="empty"),
            pytest.param(gzip.compress(b"{}")[:-9], id="truncated"),
            pytest.param(gzip.compress(b"\xff{"), id="not text"),
            pytest.param(gzip.compress(b"[]"), id="list"),
            pytest.param(gzip.compress(b'{"regions": ["eu-central-1"]}'), id="no instances"),
            pytest.param(gzip.compress(b'{"regions": ["eu-central-1"], "instances": [{"id": "i-2"}]}'), id="no Region"),
        ],
    )
    def test_damage(self, tmp_path, content):
        (tmp_path / f"{ACCOUNT}.instances.gz").write_bytes(content)

        assert Folder(str(tmp_path)).read_instances(ACCOUNT, {"eu-central-1"}) is None

    @pytest.mark.parametrize("flags", [IN_BOTH, ("--instances",)])
    def test_denied(self, instances_of, members, aws, tmp_path, flags):
        """Instances that are not all known are not written, so the account is read again."""
        aws.answers["DescribeRegions"] = {"Regions": [{"RegionName": each} for each in ("eu-central-1", "eu-west-1")]}
        aws.refuse("UnauthorizedOperation", "DescribeInstances", members[0], "eu-west-1")
        instances_of(*flags, "--resume", str(tmp_path))
        del aws.answers["DescribeInstances", members[0], "eu-west-1"]
        aws.requests.clear()

        regions, found = instances_of(*flags, "--resume", str(tmp_path))

        assert (regions["dev"], found) == (["eu-central-1", "eu-west-1"], [])
        assert [account for account, _ in aws.asked("GetAccountAuthorizationDetails")] == [members[0]]

    def test_source(self, run, instances_of, aws, tmp_path):  # noqa: ARG002
        """The folder is a source of roles."""
        instances_of(*IN_FRANKFURT, "--resume", str(tmp_path))

        done = run("fleet", "--json", str(tmp_path))

        assert (done.code, names(map(json.loads, done.out.splitlines()))) == (0, ["dev", "management", "prod"])


@pytest.mark.parametrize("source", [("--config-aggregator", "all"), ("file.json",)])
def test_refused(run, source):
    done = run("fleet", "--instances", *source)

    assert (done.code, done.out) == (2, "")
    name = source[0] if source[0].startswith("--") else "a SOURCE"
    assert f"--instances cannot be combined with {name}," in done.error
