"""Stacks for the tests of the policy pack in policies/, which is in no package."""

import json
import sys
from importlib import import_module

from tests import ROOT
from tests.expected import TRUST

POLICIES = str(ROOT / "policies")

sys.path.insert(0, POLICIES)
resources, roles, rules, waits = map(import_module, ("resources", "roles", "rules", "waits"))
sys.path.remove(POLICIES)

UNKNOWN = resources.UNKNOWN
Resource = resources.Resource

CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
OTHER = "arn:aws:iam::123456789012:policy/other"
LAMBDA = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
}

ROLE = "aws:iam/role:Role"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
INLINE = "aws:iam/rolePolicy:RolePolicy"
MANAGED = "aws:iam/policy:Policy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
FOR_ROLES = "aws:iam/policyAttachment:PolicyAttachment"
FOR_USER = "aws:iam/userPolicyAttachment:UserPolicyAttachment"
EXCLUSIVE = "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive"
NATIVE_ROLE = "aws-native:iam:Role"
NATIVE_INLINE = "aws-native:iam:RolePolicy"
NATIVE_POLICY = "aws-native:iam:Policy"
NATIVE_MANAGED = "aws-native:iam:ManagedPolicy"
NATIVE_PROFILE = "aws-native:iam:InstanceProfile"


def make(type_name, name="web", *, called=None, after=(), sources=None, parent=None, **props):  # noqa: PLR0913 - the parts of a resource
    """A resource of a stack. `after` and the values of `sources` are resources, `called` is its name in IAM."""
    return Resource(
        type_name,
        name,
        f"urn:pulumi:dev::app::{type_name}::{name}",
        props if called is None else {"name": called} | props,
        frozenset(each.urn for each in after),
        {key: frozenset([value.urn]) for key, value in (sources or {}).items()},
        parent and parent.urn,
    )


def make_role(trust=TRUST, **props):
    """A role that instances can assume, named web-role."""
    return make(ROLE, **{"called": "web-role", "assumeRolePolicy": json.dumps(trust)} | props)


def make_native_role(trust=TRUST, **props):
    """A role of aws-native, named web-role."""
    return make(NATIVE_ROLE, **{"roleName": "web-role", "assumeRolePolicyDocument": trust} | props)


def allow(action="ssm:GetParameter", resource="*", **more):
    """A policy with one statement, as JSON. None leaves an element out."""
    return document({"Effect": "Allow", "Action": action, "Resource": resource, **more})


def document(*statements):
    """A policy as JSON. Elements that are None are left out."""
    kept = [{key: value for key, value in each.items() if value is not None} for each in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": kept})


def inline(policy, name="policy", role="web-role", **more):
    """An inline policy of web-role."""
    return make(INLINE, name, role=role, policy=policy, **more)


def attach(arn=CORE, name="core", role="web-role", **more):
    """An attachment of a managed policy to web-role."""
    return make(ATTACHMENT, name, role=role, policyArn=arn, **more)


def find(rule, *stack, exceptions=()):
    """Apply a rule: the name of each resource that breaks it, with the message."""
    return [(each.resource.name, each.message) for each in rules.findings(rule, stack, exceptions)]


def names(rule, *stack):
    """Apply a rule: the names of the resources that break it."""
    return [name for name, _ in find(rule, *stack)]
