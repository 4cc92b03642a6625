"""The lifecycle of a stack in four phases, and every call to AWS that each phase makes."""

from collections import Counter

import pytest

from ssm_profile import policy
from tests.engine.stacks import component_documents, resource_changes
from tests.expected import DEFAULT, LOCATION, QUIET

EXTRA_POLICY = "arn:aws:iam::123456789012:policy/extra"
MANAGED = {"policyKind": "managed", "exclusive": True, "stateManager": True}
CONFIGS = {
    "inline": {
        "up": {},
        "update": {
            "quietAgent": True,
            "description": "Changed.",
            "servicePrincipals": ["ec2.amazonaws.com.cn"],
            "tags": {"Team": "web"},
            "permissionsBoundaryArn": EXTRA_POLICY,
        },
    },
    "managed": {
        "up": {
            **MANAGED,
            "managedPolicyArns": [EXTRA_POLICY],
            "tags": {"Team": "web"},
            "permissionsBoundaryArn": EXTRA_POLICY,
        },
        "update": {**MANAGED, "documents": True},
    },
}
"""The config of `up` and of `update` for each variant of the policy. Together they make every kind of call."""

EXPECTED_DOCUMENTS = {
    "inline": {"up": DEFAULT, "update": QUIET},
    "managed": {
        "up": policy.policy_document({"state_manager": True}, LOCATION),
        "update": policy.policy_document({"state_manager": True, "documents": True}, LOCATION),
    },
}
"""The policy document of each variant after `up` and after `update`."""

PHASES = ("up", "update", "refresh", "destroy")

EXPECTED_CALLS = {
    "inline": {
        "up": """
            iam:CreateRole iam:GetRole
            iam:PutRolePolicy iam:GetRolePolicy
            iam:CreateInstanceProfile iam:AddRoleToInstanceProfile iam:GetInstanceProfile
        """,
        "update": """
            iam:UpdateAssumeRolePolicy iam:UpdateRoleDescription iam:PutRolePermissionsBoundary iam:TagRole iam:GetRole
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
"""Every call to AWS of each variant in each phase. A line has the calls for one resource, or for parallel ones."""


class StackLifecycle:
    """The dev stack of a sandbox, run phase by phase.

    Args:
        sandbox: The running sandbox. Its account must have the managed policy "extra".
        variant: A key of `CONFIGS`.
        retries: How often the provider retries a call.
    """

    def __init__(self, sandbox, variant, retries):
        self.sandbox = sandbox
        self.configs = {phase: {**config, "aws:maxRetries": retries} for phase, config in CONFIGS[variant].items()}
        self.documents = EXPECTED_DOCUMENTS[variant]
        self.stack = None

    def run(self, phase, **options):
        """Run a phase with options of the Automation API. Returns its result."""
        if phase in self.configs:
            self.stack = self.sandbox.stack("dev", config=self.configs[phase])
        return getattr(self.stack, "up" if phase == "update" else phase)(**options)

    def run_before(self, phase):
        """Run all phases before a phase."""
        for earlier in PHASES[: PHASES.index(phase)]:
            self.run(earlier)

    def check_documents(self, iam, phase):
        """Check that the role has the policy document of a phase, and no other that the component created."""
        assert component_documents(iam, self.stack.outputs()["roleName"].value) == [self.documents[phase]]

    def check_unchanged(self):
        """Check that a further `up` changes nothing."""
        assert resource_changes(self.stack.up()) == {}


def remaining_resources(iam):
    """The names of the roles, instance profiles and managed policies in IAM, without the policy "extra"."""
    policies = iam.list_policies(Scope="Local")["Policies"]
    return [
        *(role["RoleName"] for role in iam.list_roles()["Roles"]),
        *(profile["InstanceProfileName"] for profile in iam.list_instance_profiles()["InstanceProfiles"]),
        *(policy["PolicyName"] for policy in policies if policy["Arn"] != EXTRA_POLICY),
    ]


def expected_calls(variant, phase):
    """The number of calls in a phase, by name."""
    return Counter(EXPECTED_CALLS[variant][phase].split())


def all_calls(phases=PHASES):
    """Each call of all variants in some phases as (variant, phase, name, number among the calls of that name)."""
    return [
        (variant, phase, call, number)
        for variant in CONFIGS
        for phase in phases
        for call, count in expected_calls(variant, phase).items()
        for number in range(1, count + 1)
    ]


def case_parameters(all_cases, selected):
    """The cases as pytest parameters. `make test` runs the selected cases, and `make proof` runs the others."""
    return [
        pytest.param(
            case,
            id=case if isinstance(case, str) else "-".join(map(str, case)),
            marks=() if case in selected else pytest.mark.proof,
        )
        for case in all_cases
    ]
