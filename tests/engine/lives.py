"""The life of a stack, phase by phase, and every call to AWS that it makes."""

from collections import Counter

import pytest

from ssm_profile import policy
from tests.expected import DEFAULT, LOCATION, QUIET

EXTRA = "arn:aws:iam::123456789012:policy/extra"
MANAGED = {"policyKind": "managed", "exclusive": True, "stateManager": True}
LIVES = {
    "inline": (
        {},
        {
            "quietAgent": True,
            "description": "Changed.",
            "servicePrincipals": ["ec2.amazonaws.com.cn"],
            "tags": {"Team": "web"},
            "permissionsBoundaryArn": EXTRA,
        },
    ),
    "managed": (
        {**MANAGED, "managedPolicyArns": [EXTRA], "tags": {"Team": "web"}, "permissionsBoundaryArn": EXTRA},
        {**MANAGED, "documents": True},
    ),
}
"""The config with which a stack is made, and the one to which it is changed: between them, every kind of call."""

GRANTED = {
    "inline": (DEFAULT, QUIET),
    "managed": tuple(
        policy.policy_document({"state_manager": True, **more}, LOCATION) for more in ({}, {"documents": True})
    ),
}

PHASES = ("up", "update", "refresh", "destroy")

CALLS = {
    "inline": {
        "up": """
            iam:CreateRole iam:GetRole
            iam:PutRolePolicy iam:GetRolePolicy
            iam:CreateInstanceProfile iam:AddRoleToInstanceProfile iam:GetInstanceProfile
        """,
        "update": """
            iam:UpdateAssumeRolePolicy iam:UpdateRole iam:PutRolePermissionsBoundary iam:TagRole iam:GetRole
            iam:PutRolePolicy iam:GetRolePolicy
            iam:TagInstanceProfile iam:GetInstanceProfile
        """,
        "refresh": "iam:GetRole iam:GetRolePolicy iam:GetInstanceProfile",
        "destroy": """
            iam:GetInstanceProfile iam:RemoveRoleFromInstanceProfile iam:DeleteInstanceProfile
            iam:DeleteRolePolicy
            iam:ListInstanceProfilesForRole iam:DeleteRole
        """,
    },
    "managed": {
        "up": """
            sts:GetCallerIdentity
            iam:CreateRole iam:GetRole
            iam:CreatePolicy iam:GetPolicy iam:GetPolicyVersion
            iam:AttachRolePolicy iam:ListAttachedRolePolicies
            iam:AttachRolePolicy iam:ListAttachedRolePolicies
            iam:ListRolePolicies iam:ListRolePolicies
            iam:ListAttachedRolePolicies iam:ListAttachedRolePolicies
            iam:CreateInstanceProfile iam:AddRoleToInstanceProfile iam:GetInstanceProfile
        """,
        "update": """
            sts:GetCallerIdentity
            iam:DeleteRolePermissionsBoundary iam:UntagRole iam:TagRole iam:GetRole
            iam:ListPolicyVersions iam:CreatePolicyVersion iam:UntagPolicy iam:TagPolicy
            iam:GetPolicy iam:GetPolicyVersion
            iam:ListAttachedRolePolicies iam:DetachRolePolicy iam:ListAttachedRolePolicies
            iam:UntagInstanceProfile iam:TagInstanceProfile iam:GetInstanceProfile
            iam:DetachRolePolicy iam:ListAttachedRolePolicies
        """,
        "refresh": """
            iam:GetRole iam:GetPolicy iam:GetPolicyVersion iam:GetInstanceProfile
            iam:ListAttachedRolePolicies iam:ListAttachedRolePolicies iam:ListRolePolicies
        """,
        "destroy": """
            iam:GetInstanceProfile iam:RemoveRoleFromInstanceProfile iam:DeleteInstanceProfile
            iam:DetachRolePolicy
            iam:ListPolicyVersions iam:DeletePolicyVersion iam:DeletePolicy
            iam:ListInstanceProfilesForRole iam:DeleteRole
        """,
    },
}
"""Every call to AWS of a stack's life, a line for each resource. Several resources may be at it at once."""


class Life:
    """A stack's life, phase by phase."""

    def __init__(self, sandbox, life, retries):
        self.sandbox = sandbox
        self.before, self.after = ({**config, "aws:maxRetries": retries} for config in LIVES[life])
        self.stack = None

    def go(self, phase, **options):
        if phase in ("up", "update"):
            self.stack = self.sandbox.stack("dev", config=self.before if phase == "up" else self.after)
        return getattr(self.stack, "up" if phase == "update" else phase)(**options)


def left_in(iam):
    """What IAM has, but for what the test made itself."""
    return [
        *(role["RoleName"] for role in iam.list_roles()["Roles"]),
        *(profile["InstanceProfileName"] for profile in iam.list_instance_profiles()["InstanceProfiles"]),
        *(each["PolicyName"] for each in iam.list_policies(Scope="Local")["Policies"] if each["Arn"] != EXTRA),
    ]


def calls_of(life, phase):
    """How often each call is made in a phase."""
    return Counter(CALLS[life][phase].split())


def every_call(phases=PHASES):
    """Each call of all lives, with its number among those of that name in its phase."""
    return [
        (life, phase, call, number)
        for life in LIVES
        for phase in phases
        for call, count in calls_of(life, phase).items()
        for number in range(1, count + 1)
    ]


def cases(some, every):
    """The cases as pytest's parameters: some in each run of the tests, the others in `make proof`."""
    return [
        pytest.param(case, id="-".join(map(str, case)), marks=() if case in some else pytest.mark.proof)
        for case in every
    ]
