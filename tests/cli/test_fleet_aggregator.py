"""``fleet`` for an aggregator of AWS Config. The answers have the form of AWS's documents."""

import json
import re
from urllib.parse import quote

import pytest

from tests import require
from tests.cli.accounts import ACCOUNT, MINIMUM, names, trust
from tests.cli.policies import SCOPED_MINIMUM, allow, document

botocore = require("botocore")
validate = require("botocore.validate")

from ssm_profile.cli.fleet import aggregator, permissions  # noqa: E402
from ssm_profile.cli.fleet.progress import Progress  # noqa: E402

OTHER = "210987654321"
CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
NOTE = "The list has what AWS Config recorded last. Accounts and roles that it does not record are not in it."


def item(time="2026-11-20T00:00:00.000Z", **configuration):
    return {"configurationItemCaptureTime": time, "configuration": configuration}


def role(name, *statements, account=ACCOUNT, time="2026-11-20T00:00:00.000Z", **configuration):
    """A role with an inline policy. Without statements, the policy grants the minimum."""
    policy = document(*(statements or SCOPED_MINIMUM))
    properties = {
        "arn": f"arn:aws:iam::{account}:role/{name}",
        "roleName": name,
        "path": "/",
        "createDate": "2020-01-01T00:00:00.000Z",
        "assumeRolePolicyDocument": quote(json.dumps(trust())),
        "rolePolicyList": [{"policyName": "inline", "policyDocument": quote(policy)}],
        "attachedManagedPolicies": [],
        "instanceProfileList": [{"instanceProfileName": name, "arn": "arn", "roles": []}],
        **configuration,
    }
    return item(time, **{key: value for key, value in properties.items() if value is not ...})


def attached(*arns):
    return [{"policyName": arn.rpartition("/")[2], "policyArn": arn} for arn in arns]


class Config:
    """The answers of AWS. A test sets what the accounts record, and refuses operations."""

    def __init__(self):
        self.items, self.sources, self.refused, self.requests = {}, [], {}, []
        self.managed = {CORE: document(allow(MINIMUM))}

    def record(self, kind, *items, account=ACCOUNT):
        self.items[f"AWS::IAM::{kind}", account] = items

    def answer(self, operation, request):
        self.requests.append((operation, request))
        for refused, code in self.refused.items():
            if refused in f"{operation} {request}":
                raise botocore.exceptions.ClientError({"Error": {"Code": code, "Message": "The reason."}}, operation)
        return getattr(self, operation)(request)

    def SelectAggregateResourceConfig(self, request):
        query, limit, start = request["Expression"], request["Limit"], int(request.get("NextToken", 0))
        kind = re.search("resourceType = '([^']*)'", query)[1]
        assert "configurationItemStatus IN ('OK', 'ResourceDiscovered')" in query
        if "GROUP BY accountId" in query:
            rows = [{"accountId": account, "COUNT(*)": 1} for each, account in self.items if each == kind]
        else:
            rows = self.items.get((kind, re.search("accountId = '([^']*)'", query)[1]), ())
        more = {"NextToken": str(start + limit)} if len(rows) > start + limit else {}
        return {"Results": list(map(json.dumps, rows[start : start + limit])), **more}

    def DescribeConfigurationAggregatorSourcesStatus(self, request):
        wanted = request["UpdateStatus"]
        return {"AggregatedSourceStatusList": [each for each in self.sources if each["LastUpdateStatus"] in wanted]}

    def GetPolicy(self, request):
        return {"Policy": {"Arn": request["PolicyArn"], "DefaultVersionId": "v7"}}

    def GetPolicyVersion(self, request):
        assert request["VersionId"] == "v7"
        return {"PolicyVersion": {"Document": quote(self.managed[request["PolicyArn"]])}}


@pytest.fixture
def config(monkeypatch):
    """It checks requests and answers as botocore does."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    emulated = Config()

    def answer(self, operation, request):
        model = self.meta.service_model.operation_model(operation)
        validate.validate_parameters(request, model.input_shape)
        answered = emulated.answer(operation, request)
        validate.validate_parameters(answered, model.output_shape)
        return answered

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", answer)
    return emulated


@pytest.fixture
def read(run):
    """Runs ``fleet``, and gives the exit code and the rows."""

    def read_aggregator():
        done = run("fleet", "--json", "--config-aggregator", "all")
        assert done.error == f"{NOTE}\n"
        return done.code, [json.loads(line) for line in done.out.splitlines()]

    return read_aggregator


def problems(rows):
    return [(row["place"], row["reason"]) for row in rows if row["kind"] == "problem"]


class TestRoles:
    def test_of_all_accounts(self, read, config):
        config.record("Role", role("web"), role("job"))
        config.record("Role", role("web", account=OTHER), account=OTHER)

        code, rows = read()

        assert (code, problems(rows)) == (0, [])
        assert [(row["role"], row["source"], row["level"], row["instanceProfiles"]) for row in rows] == [
            ("job", ACCOUNT, "clean", ["job"]),
            ("web", ACCOUNT, "clean", ["web"]),
            ("web", OTHER, "clean", ["web"]),
        ]

    def test_policies(self, read, config):
        """Those of the account are recorded, in their default version. Those of AWS are read once."""
        own = f"arn:aws:iam::{ACCOUNT}:policy/own"
        versions = [
            {"isDefaultVersion": default, "versionId": "v1", "document": quote(document(*statements))}
            for default, statements in ((False, [allow("*")]), (True, SCOPED_MINIMUM))
        ]
        config.record("Policy", item(arn=own, policyVersionList=versions))
        config.record("Role", role("own", rolePolicyList=[], attachedManagedPolicies=attached(own)))
        for name, account in (("a", OTHER), ("b", "111111111111")):
            of_aws = role(name, rolePolicyList=[], attachedManagedPolicies=attached(CORE), account=account)
            config.record("Role", of_aws, account=account)

        _, rows = read()

        assert {row["role"]: (row["level"], row["unread"], row["actions"]) for row in rows} == {
            "a": ("wide", [], 5),
            "b": ("wide", [], 5),
            "own": ("clean", [], 5),
        }
        assert [name for name, _ in config.requests if name == "GetPolicyVersion"] == ["GetPolicyVersion"]

    def test_boundary(self, read, config):
        boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
        version = {"isDefaultVersion": True, "document": quote(document(allow("s3:*")))}
        config.record("Policy", item(arn=boundary, policyVersionList=[version]))
        config.record("Role", role("web", permissionsBoundary={"permissionsBoundaryArn": boundary}))

        _, (row,) = read()

        assert (row["permissionsBoundary"], row["level"]) == (boundary, "broken")

    def test_policy_that_is_not_recorded(self, read, config):
        """What it allows is not known."""
        own = f"arn:aws:iam::{ACCOUNT}:policy/own"
        config.record("Role", role("web", attachedManagedPolicies=attached(own)))

        assert [(row["unread"], row["actions"]) for row in read()[1]] == [([own], None)]

    @pytest.mark.parametrize("order", [1, -1])
    def test_several_regions(self, read, config, order):
        """Each records global resources. The newest counts."""
        old = role("web", allow("*"), time="2026-11-20T00:00:00.000Z")
        config.record("Role", *[old, role("web", time="2026-11-21T00:00:00.000Z")][::order])

        assert [row["level"] for row in read()[1]] == ["clean"]

    def test_pages(self, read, config):
        config.record("Role", *[role(f"web-{number}") for number in range(250)])

        assert len(read()[1]) == 250

    def test_configuration_as_text(self, read, config):
        text = role("web")
        config.record("Role", text | {"configuration": json.dumps(text["configuration"])})

        assert names(read()[1]) == ["web"]

    @pytest.mark.parametrize(
        "missing", ["roleName", "assumeRolePolicyDocument", "rolePolicyList", "attachedManagedPolicies"]
    )
    def test_property_that_is_not_recorded(self, read, config, missing):
        """The role is not judged without it."""
        config.record("Role", role("web", **{missing: ...}), role("job"))

        code, rows = read()

        reason = f"AWS Config has no {missing} of the role, so that it cannot be judged."
        assert (code, names(rows)) == (2, ["job"])
        assert problems(rows) == [
            (
                f"arn:aws:iam::{ACCOUNT}:role/web",
                f"{reason} Read its account with --accounts.",
            )
        ]

    def test_without_arn(self, read, config):
        config.record("Role", role("web", arn=...), role("job", arn=...))

        assert [place for place, _ in problems(read()[1])] == ["web", "job"]

    def test_boundary_without_arn(self, read, config):
        """It is not taken for none."""
        config.record("Role", role("web", permissionsBoundary={"permissionsBoundaryType": "Policy"}))

        ((_, reason),) = problems(read()[1])

        assert reason.startswith("AWS Config has no ARN of the permissions boundary of the role")

    def test_last_use(self, config):
        """It is not recorded, and so not known."""
        config.record("Role", role("web"))

        (found,) = aggregator.read_aggregator("all", Progress())

        assert (found.facts.is_last_use_known, found.facts.created.year) == (False, 2020)


class TestInstanceProfiles:
    """A role without one is broken only if it is known that it has none."""

    @pytest.fixture
    def profiles(self, read, config):
        def read_profiles(*profiles, **configuration):
            config.record("Role", role("web", time="2026-11-20", **configuration))
            config.record("InstanceProfile", *profiles)
            return [(row["instanceProfiles"], row["level"]) for row in read()[1]]

        return read_profiles

    @pytest.mark.parametrize("names", [("InstanceProfileName", "Roles"), ("instanceProfileName", "roles")])
    def test_recorded(self, profiles, names):
        """Also after the role."""
        profile = dict(zip(names, ("servers", ["web"]), strict=True))

        assert profiles(item(**profile), instanceProfileList=[]) == [(["servers"], "clean")]

    def test_both(self, profiles):
        profile = {"InstanceProfileName": "servers", "Roles": ["web"]}

        assert profiles(item(**profile)) == [(["web", "servers"], "clean")]

    @pytest.mark.parametrize("order", [1, -1])
    def test_several_regions(self, profiles, order):
        old = item("2026-11-20", InstanceProfileName="servers", Roles=["web"])
        new = item("2026-11-21", InstanceProfileName="servers", Roles=["job"])

        assert profiles(*[old, new][::order], instanceProfileList=[]) == [([], "broken")]

    @pytest.mark.parametrize(
        ("time", "of_role", "of_profile", "found"),
        [
            ("2026-11-21", ["servers"], [], []),
            ("2026-11-21", [], ["web"], ["servers"]),
            ("2026-11-20", ["servers"], [], []),
            ("2026-11-19", ["servers"], [], ["servers"]),
            ("2026-11-19", [], ["web"], []),
            ("2026-11-19", None, ["web"], ["servers"]),
        ],
    )
    def test_records_that_differ(self, profiles, time, of_role, of_profile, found):
        """The newer of the records of the role and of the instance profile counts."""
        listed = of_role and [{"instanceProfileName": name} for name in of_role]
        recorded = item(time, InstanceProfileName="servers", Roles=of_profile)

        assert profiles(recorded, instanceProfileList=listed) == [(found, "clean" if found else "broken")]

    @pytest.mark.parametrize("roles", [{}, {"Roles": [{"other": "job"}]}])
    def test_unreadable_record(self, profiles, roles):
        """It says nothing about the role."""
        recorded = item("2026-11-21", InstanceProfileName="servers", **roles)

        assert profiles(recorded) == [(["web"], "clean")]
        assert profiles(recorded, instanceProfileList=[]) == [(None, "clean")]

    def test_of_another_role(self, profiles):
        profile = {"InstanceProfileName": "servers", "Roles": ["job"]}

        assert profiles(item(**profile), instanceProfileList=[]) == [([], "broken")]

    @pytest.mark.parametrize("refused", [{}, {"AWS::IAM::InstanceProfile": "InvalidExpressionException"}])
    def test_not_recorded(self, profiles, config, refused):
        config.refused |= refused

        assert profiles(instanceProfileList=[]) == [(None, "clean")]


class TestProblems:
    def test_account(self, read, config):
        """The other accounts are read."""
        config.record("Role", role("web"))
        config.record("Role", "no object", account=OTHER)

        code, rows = read()

        assert (code, names(rows)) == (2, ["web"])
        assert problems(rows) == [(OTHER, "The answer of AWS Config is no list of resources. Run the command again.")]

    def test_policies_of_aws(self, read, config):
        """What they allow is not known."""
        config.refused["GetPolicy "] = "AccessDenied"
        other = CORE.replace("Core", "Other")
        config.record("Role", role("web", attachedManagedPolicies=attached(other)))

        code, rows = read()

        reason = (
            "AWS denies the request (AccessDenied: The reason.). The identity of your credentials must have the "
            "permissions iam:GetPolicy, iam:GetPolicyVersion. What these policies allow is not known."
        )
        assert (code, rows[0]["unread"]) == (2, [other])
        assert problems(rows) == [("policies of AWS", reason)]

    def test_policy_that_aws_deleted(self, read, config):
        config.refused["GetPolicy "] = "NoSuchEntity"
        gone = CORE.replace("Core", "Gone")
        config.record("Role", role("web", attachedManagedPolicies=attached(gone)))

        code, rows = read()

        assert (code, rows[0]["unread"], problems(rows)) == (0, [gone], [])

    def test_sources(self, read, config):
        """The accounts whose data is missing or old."""
        config.record("Role", role("web"))
        failed = {"SourceId": OTHER, "SourceType": "ACCOUNT", "LastErrorMessage": "Not authorized."}
        config.sources = [
            {**failed, "LastUpdateStatus": "FAILED", "AwsRegion": "us-east-1"},
            {**failed, "LastUpdateStatus": "FAILED", "AwsRegion": "eu-central-1"},
            {"SourceId": ACCOUNT, "LastUpdateStatus": "OUTDATED", "AwsRegion": "us-east-1"},
            {"SourceId": ACCOUNT, "LastUpdateStatus": "SUCCEEDED", "AwsRegion": "eu-central-1"},
        ]

        assert problems(read()[1]) == [
            (OTHER, "Its data in aggregator all could not be collected in eu-central-1, us-east-1 (Not authorized.)."),
            (ACCOUNT, "Its data in aggregator all is old in us-east-1."),
        ]

    def test_sources_without_permission(self, read, config):
        config.refused["DescribeConfigurationAggregatorSourcesStatus"] = "AccessDeniedException"
        config.record("Role", role("web"))

        ((place, reason),) = problems(read()[1])

        assert place == "aggregator all"
        assert reason.endswith(
            f"Without the permission {permissions.STATUS}, it is not known whether its data is complete."
        )

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            ("NoSuchConfigurationAggregatorException", "AWS Config has no aggregator all in eu-central-1."),
            ("AccessDeniedException", f"Use credentials with these permissions: {permissions.SELECT}."),
            (None, "--config-aggregator: all has no roles."),
        ],
    )
    def test_nothing(self, run, config, code, message):
        if code:
            config.refused["SelectAggregateResourceConfig"] = code

        done = run("fleet", "--config-aggregator", "all")

        assert (done.code, done.out) == (2, "")
        assert message in done.error


def test_interrupt(run, config, monkeypatch):
    """Nothing more is asked."""

    def completed(work, wanted, interrupt, **_):
        yield wanted[0], work(wanted[0])
        interrupt.happened = True

    monkeypatch.setattr("ssm_profile.cli.fleet.accounts.completed", completed)
    for account in (ACCOUNT, OTHER):
        config.record("Role", role("web", account=account), account=account)

    done = run("fleet", "--json", "--config-aggregator", "all")

    rows = list(map(json.loads, done.out.splitlines()))
    assert (names(rows), [place for place, _ in problems(rows)]) == (["web"], [OTHER])
    assert {operation for operation, _ in config.requests} == {"SelectAggregateResourceConfig"}


def test_first_lines(run, config):
    """They say what the list has."""
    config.record("Role", role("web"))

    assert run("fleet", "--config-aggregator", "all").out.split("\n\n")[1] == NOTE


def test_permissions(run, config):
    """The command makes no other calls."""
    config.record("Role", role("web", attachedManagedPolicies=attached(CORE)))

    run("fleet", "--config-aggregator", "all")

    listed = {action for source, action, *_ in permissions.PERMISSIONS if "--config-aggregator" in source}
    assert {operation for operation, _ in config.requests} == {action.partition(":")[2] for action in listed}
