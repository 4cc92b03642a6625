"""IAM's simulator: what it is asked, and what its answers mean."""

from dataclasses import replace

import pytest

from live.checks import check
from live.plan import PROFILES, Names, options_of
from live.resources import create_role
from live.simulator import DENIED, Request, allowed_requests, check_allowed, check_denied, denied_requests
from ssm_profile import policy
from tests.agent_calls import encryption_keys_of
from tests.live.emulated import LOCATION
from tests.unit.test_agent_calls import LOCATION as RECORDED_LOCATION
from tests.unit.test_agent_calls import OPTIONAL_CALLS, OPTIONS, options_for

NAMES = Names("r0a1b2c3d")
KEYS = {name: f"arn:aws:kms:eu-central-1:012345678901:key/{name}" for name in ("sessions", "data")}
ROLE = "arn:aws:iam::012345678901:role/ssm-profile-live/web"


@pytest.mark.parametrize("profile", PROFILES)
def test_asks_for_every_action(profile):
    """Each action that the options grant, on a resource without wildcards."""
    options = options_of(profile, NAMES, KEYS, LOCATION)

    requests = allowed_requests(options, LOCATION)

    # The simulator takes no wildcards.
    concrete = {"ec2:Describe*": {"ec2:DescribeInstances", "ec2:DescribeTags"}}
    granted = set[str]().union(*(concrete.get(action, {action}) for action in policy.actions(options)))
    assert {action for request in requests for action in request.actions} == granted
    assert [request.resource for request in requests if "*" in request.resource.strip("*")] == []
    assert all(value for request in requests for _, value, _ in request.context)


def test_everything_is_on():
    """Every option that grants something, except those that are left out with a reason."""
    options = options_of("everything", NAMES, KEYS, LOCATION)
    granting = {grant.action for grant in policy.grants(options)}

    assert {"ssm:PutInventory", "s3:PutObject", "kms:Decrypt", "ssm:GetManifest", "logs:PutLogEvents"} <= granting
    assert "vpc_endpoints_only" not in options
    assert policy.size(policy.policy_document(options, LOCATION)) <= 10_240


def test_region_without_known_buckets():
    """AWS's own buckets are not known everywhere. The rest is deployed nevertheless."""
    options = options_of("everything", NAMES, KEYS, LOCATION | {"region": "cn-north-1", "partition": "aws-cn"})

    assert "managed_buckets" not in options


def test_imdsv1_is_denied():
    """The heartbeat itself, with credentials of IMDSv1, where the options require IMDSv2."""
    heartbeat = "arn:aws:ec2:eu-central-1:012345678901:instance/i-0123456789abcdef0"
    imdsv1 = Request(("ssm:UpdateInstanceInformation",), heartbeat, (("ec2:RoleDelivery", "1.0", "numeric"),))

    assert imdsv1 in denied_requests({"require_imdsv2": True}, LOCATION)
    assert imdsv1 not in denied_requests({}, LOCATION)
    assert sum(len(request.actions) for request in denied_requests({}, LOCATION)) == len(DENIED)


class TestRoles:
    """The policies of roles in moto, judged by this project's own evaluator."""

    def test_grants_nothing_else(self, aws):
        """A policy that grants too much, or too little, is noticed."""
        wide = {"Effect": "Allow", "Action": ["ssm:GetParameter", "iam:PassRole"], "Resource": "*"}
        document = {"Version": policy.VERSION, "Statement": [wide]}
        arn = create_role(aws.account, NAMES, "wide", policy.trust_policy({}), document)

        allowed = check(check_allowed, aws.account, arn, allowed_requests({}, LOCATION))
        denied = check(check_denied, aws.account, arn, denied_requests({}, LOCATION))

        assert allowed[0] == "failed"
        assert "ssmmessages:OpenDataChannel on *: implicitDeny" in allowed[1]
        assert denied[0] == "failed"
        assert denied[1].split("; ") == [
            "ssm:GetParameter on arn:aws:ssm:eu-central-1:012345678901:parameter/not-granted: allowed",
            "iam:PassRole on arn:aws:iam::012345678901:role/not-granted: allowed",
        ]

    def test_other_accounts(self, aws):
        """What AWS's simulator denies in any case is left out, and the result says so. S3 names no account."""
        own, foreign = (f"arn:aws:ssm:eu-central-1:{each}:document/x" for each in (LOCATION["account"], "210987654321"))
        bucket = "arn:aws:s3:::aws-quicksetup-patchpolicy-210987654321-q4bkg/x"
        granted = Request(("ssm:GetDocument", "ssm:DescribeDocument"), own)
        shared = Request(granted.actions, foreign)
        document = {"Version": policy.VERSION, "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        arn = create_role(aws.account, NAMES, "shared", policy.trust_policy({}), document)
        left_out = "2 on resources of other accounts are left out, since it has no answer for roles"

        outcome = check(check_allowed, aws.account, arn, [granted, shared, Request(("s3:GetObject",), bucket)])

        assert outcome == ("passed", f"3 requests; {left_out}")

    def test_recorded_calls(self, aws):
        """The calls of the real agent are allowed with the matching options, and denied without."""
        aws.account = replace(aws.account, location=RECORDED_LOCATION)
        requests = {
            Request((call["action"],), resource, context_of(call))
            for call in OPTIONAL_CALLS
            if options_for(call) == OPTIONS
            for resource in (call["resource"] if isinstance(call["resource"], list) else [call["resource"]])
        }
        matching, default = (
            create_role(
                aws.account, NAMES, kind, policy.trust_policy({}), policy.policy_document(options, RECORDED_LOCATION)
            )
            for kind, options in (("matching", OPTIONS), ("default", {}))
        )

        assert check_allowed(aws.account, matching, list(requests)) == f"{len(requests)} requests"
        assert check_denied(aws.account, default, list(requests)) == f"{len(requests)} requests"
        assert len(requests) > 20


def context_of(call):
    """The condition keys of a recorded call, as the simulator takes them."""
    context = call.get("context", {})
    # The emulated simulator takes one value of a list: that of the condition.
    keys = [("kms:EncryptionContextKeys", key, "stringList") for key in encryption_keys_of(context)[:1]]
    return (*((key, value, "string") for key, value in context.items()), *keys)


ALLOWED = {"EvalActionName": "ssm:GetParameter", "EvalDecision": "allowed"}


class TestAnswers:
    """The shapes of IAM's answers."""

    @pytest.mark.parametrize(
        ("result", "reason"),
        [
            ({"EvalDecision": "explicitDeny"}, "explicitDeny"),
            (
                {"EvalDecision": "implicitDeny", "MissingContextValues": ["aws:SourceVpc"]},
                "implicitDeny, the simulator had no value for aws:SourceVpc",
            ),
            (
                {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False}},
                "allowed, the permissions boundary does not allow it",
            ),
            (
                {"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}},
                "allowed, a policy of the organization does not allow it",
            ),
        ],
        ids=["explicit deny", "missing value", "boundary", "organization"],
    )
    def test_denied(self, aws, result, reason):
        aws.answers["iam", "simulate_principal_policy"] = lambda _: {"EvaluationResults": [ALLOWED | result]}
        request = [Request(("ssm:GetParameter",), "*")]

        assert check(check_allowed, aws.account, ROLE, request) == ("failed", f"ssm:GetParameter on *: {reason}")
        assert check(check_denied, aws.account, ROLE, request) == ("passed", "1 requests")

    def test_allowed(self, aws):
        details = {
            "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": True},
            "OrganizationsDecisionDetail": {"AllowedByOrganizations": True},
        }
        aws.answers["iam", "simulate_principal_policy"] = lambda _: {"EvaluationResults": [ALLOWED | details]}
        request = [Request(("ssm:GetParameter",), "*")]

        assert check(check_allowed, aws.account, ROLE, request) == ("passed", "1 requests")
        assert check(check_denied, aws.account, ROLE, request) == ("failed", "ssm:GetParameter on *: allowed")

    def test_no_answer(self, aws):
        aws.answers["iam", "simulate_principal_policy"] = lambda _: {"EvaluationResults": []}

        outcome = check(check_denied, aws.account, ROLE, [Request(("ssm:GetParameter",), "*")])

        assert outcome == ("failed", "ssm:GetParameter on *: no answer")

    def test_pages(self, aws):
        """IAM returns at most 100 results at once, and may return fewer."""

        def answer(request):
            last = request.get("Marker") == "next"
            action = "ssm:GetParameters" if last else "ssm:GetParameter"
            page = {
                "EvaluationResults": [{"EvalActionName": action, "EvalDecision": "allowed"}],
                "IsTruncated": not last,
            }
            return page if last else {**page, "Marker": "next"}

        aws.answers["iam", "simulate_principal_policy"] = answer

        request = [Request(("ssm:GetParameter", "ssm:GetParameters"), "*")]
        assert check(check_allowed, aws.account, ROLE, request) == ("passed", "2 requests")
