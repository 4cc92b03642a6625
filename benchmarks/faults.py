"""Faults planted in a synthetic account. What is wrong is stated here, and not asked of the command.

The findings are the words that the command has for risks and AWS managed policies, and these:

- ``trust``, ``no profile``: no instance can use the role.
- ``missing``, ``resource``, ``condition``, ``deny``, ``boundary``: why Systems Manager does not work with it.
- ``unread``: the content of a policy is not in the input.
- ``two documents``: it is not known which document of a policy counts.
- ``refused``: IAM would refuse a policy, so that the role is not real.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data

from .accounts import (
    CHANNELS,
    CORE,
    HEARTBEAT,
    MINIMUM,
    OLD,
    Json,
    Policies,
    allow,
    deny,
    distinct_policies,
    document,
    trust,
)

RISKS = frozenset(
    {
        "run_commands",
        "gain_permissions",
        "read_all_secrets",
        "read_all_parameters",
        "write_all_buckets",
        "read_all_buckets",
    }
)


@dataclass(frozen=True)
class Fault:
    """A fault of a role."""

    policies: Policies
    """The policies of the role, with all that is to be found in them."""
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Other values of the role's keys."""
    more: Sequence[Json] = ()
    """Further documents of the first policy of the account, all of which are marked as its default version."""
    has_profile: bool = True


def _works(*statements: Json, finds: str = "", **more: Any) -> Fault:
    """A role with the minimum and further statements."""
    return Fault(Policies((document(MINIMUM), document(*statements)), findings=_words(finds), **more))


def _broken(*statements: Json, finds: str, **more: Any) -> Fault:
    """A role with these statements only."""
    return Fault(Policies((document(*statements),), findings=_words(finds), **more))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split(", ")) if text else frozenset()


def _not_for_ec2(trust_policy: Json) -> Fault:
    return Fault(Policies((document(MINIMUM),), findings=_words("trust")), {"AssumeRolePolicyDocument": trust_policy})


def _without_profile(policies: Policies) -> Fault:
    return Fault(replace(policies, findings=policies.findings | {"no profile"}), has_profile=False)


def _bounded(name: str, *statements: Json, finds: str = "boundary") -> Fault:
    own = {name: document(*statements)}
    return Fault(Policies((document(MINIMUM),), own=own, boundary=f"own/{name}", findings=_words(finds)))


def _only_if(operator: str, key: str, value: object) -> Fault:
    """A role whose minimum depends on a condition that never holds for a call of an instance."""
    return _broken(MINIMUM | {"Condition": {operator: {key: value}}}, finds="condition")


def _aws_policy(arn: str, finds: str) -> Fault:
    """A role with an AWS managed policy whose document is in the input, as a policy of the account would be."""
    name = arn.rsplit("/", 1)[-1]
    documents = json.loads(aws_managed_policies_data)
    return Fault(Policies((document(MINIMUM),), (arn,), {arn: documents[name]["Document"]}, "", _words(finds)))


def _unread(finds: str = "unread", **policies: Any) -> Fault:
    return Fault(Policies((document(MINIMUM),), findings=_words(finds), **policies))


def _refused(**changes: Any) -> Fault:
    """A role with a statement that IAM refuses. A change to None takes the key away."""
    statement = {key: value for key, value in (allow("s3:GetObject") | changes).items() if value is not None}
    return Fault(Policies((document(MINIMUM), document(statement)), findings=_words("refused")))


def _two_documents(number: int, first: Json, second: Json) -> Fault:
    name = f"two-{number}"
    policies = Policies((document(MINIMUM),), (f"own/{name}",), {name: first}, "", _words("unread, two documents"))
    return Fault(policies, more=(second,))


def _except(*actions: str, effect: str = "Allow") -> Json:
    return {"Effect": effect, "NotAction": list(actions), "Resource": "*"}


_ANY_RISK = ", ".join(sorted(RISKS))
_EC2 = {"Service": "ec2.amazonaws.com"}
_READ = document(allow("s3:GetObject", "arn:aws:s3:::a-bucket/*"))
_OTHER_ACCOUNT = "444455556666"

FAULTS: Mapping[str, Sequence[Fault]] = {
    "EC2 cannot assume the role": (
        _not_for_ec2(trust({"Service": "lambda.amazonaws.com"})),
        _not_for_ec2(trust({"AWS": f"arn:aws:iam::{_OTHER_ACCOUNT}:root"})),
        _not_for_ec2(trust(Condition={"StringEquals": {"sts:ExternalId": "secret"}})),
        _not_for_ec2(trust(action="sts:TagSession")),
        _not_for_ec2(
            {"Version": "2012-10-17", "Statement": [*trust()["Statement"], *trust(Effect="Deny")["Statement"]]}
        ),
    ),
    "no instance profile": tuple(_without_profile(distinct_policies(number)) for number in (0, 2, 3, 9, 15)),
    "the heartbeat is missing": (
        _broken(allow(CHANNELS), finds="missing"),
        _broken(allow(CHANNELS), allow("ssm:UpdateInstanceAssociationStatus"), finds="missing"),
        _broken(allow([*CHANNELS, "ssm:UpdateInstanceInfo"]), finds="missing"),
        _broken(
            allow("ssmmessages:*"), allow(["ssm:Get*", "ssm:List*"], "arn:aws:ssm:*:*:document/*"), finds="missing"
        ),
        _broken(allow([*CHANNELS, "ec2messages:*", "ssm:PutInventory"]), finds="missing"),
    ),
    "the message channel is missing": (
        *(_broken(allow([*CHANNELS[:at], *CHANNELS[at + 1 :], HEARTBEAT]), finds="missing") for at in (0, 1, 3)),
        _broken(allow(["ec2messages:*", HEARTBEAT]), finds="missing"),
        _broken(allow(["ssmmessages:Open*", HEARTBEAT]), finds="missing"),
    ),
    "the wrong resource": (
        _broken(allow(CHANNELS), allow(HEARTBEAT, "arn:aws:ssm:*:*:parameter/*"), finds="resource"),
        _broken(allow(CHANNELS), allow(HEARTBEAT, "arn:aws:ec2:*:*:volume/*"), finds="resource"),
        _broken(allow(CHANNELS, "arn:aws:ssm:*:*:session/*"), allow(HEARTBEAT), finds="resource"),
        _broken(allow(CHANNELS, "arn:aws:ec2:*:*:instance/*"), allow(HEARTBEAT), finds="resource"),
        _broken(allow(CHANNELS), allow(HEARTBEAT, f"arn:aws:ec2:*:{_OTHER_ACCOUNT}:instance/*"), finds="resource"),
    ),
    "a Deny": (
        _works(deny("ssmmessages:*"), finds="deny"),
        _works(deny("*"), finds="deny"),
        _works(deny("ssm:Update*"), allow("s3:ListBucket"), finds="deny"),
        _works(deny(["ec2:*", "ssmmessages:*DataChannel"]), finds="deny"),
        Fault(
            Policies(
                (document(MINIMUM),),
                ("own/guard",),
                {"guard": document(deny(HEARTBEAT, "arn:aws:ec2:*:*:instance/*"))},
                "",
                _words("deny"),
            )
        ),
    ),
    "a permissions boundary": (
        _bounded("storage", allow("s3:*")),
        _bounded("channels", allow(CHANNELS)),
        _bounded("services", allow(["ssm:*", "ec2messages:*", "logs:*"])),
        _bounded("denying", allow("*"), deny("ssmmessages:*"), finds="deny"),
        _bounded("parameters", allow("ssmmessages:*"), allow("ssm:*", "arn:aws:ssm:*:*:parameter/*")),
    ),
    "a condition that never holds": (
        _only_if("Bool", "aws:ViaAWSService", "true"),
        _only_if("StringEquals", "aws:PrincipalAccount", _OTHER_ACCOUNT),
        _only_if("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/another-role"),
        _only_if("StringEquals", "aws:PrincipalType", "User"),
        _only_if("DateLessThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"),
    ),
    "NotAction": (
        _works(_except("iam:CreateUser"), finds=_ANY_RISK),
        _works(_except("s3:*"), finds=", ".join(sorted(RISKS - {"read_all_buckets", "write_all_buckets"}))),
        _works(_except("s3:*", effect="Deny"), finds="deny"),
        _works(_except("ssmmessages:*", "ec2:*", effect="Deny"), finds="deny"),
        _broken(_except("ssm:*", "ec2:*"), finds=f"missing, {', '.join(sorted(RISKS - {'read_all_parameters'}))}"),
    ),
    "run_commands": (
        _works(allow("ssm:SendCommand"), finds="run_commands"),
        _works(allow("ssm:StartSession", "arn:aws:ec2:*:*:instance/*"), finds="run_commands"),
        _works(allow("ec2-instance-connect:Send*"), finds="run_commands"),
        _works(
            allow("ssm:Send*", ["arn:aws:ec2:*:*:instance/*", "arn:aws:ssm:*:*:document/AWS-Run*"]),
            finds="run_commands",
        ),
        _works(allow(["ec2:StopInstances", "ec2:StartInstances", "ec2:ModifyInstanceAttribute"]), finds="run_commands"),
    ),
    "gain_permissions": (
        _works(allow("sts:AssumeRole"), finds="gain_permissions"),
        _works(allow("iam:AttachRolePolicy", "arn:aws:iam::*:role/*"), finds="gain_permissions"),
        _works(allow(["iam:Create*", "iam:List*"]), finds="gain_permissions"),
        _works(allow(["iam:PassRole", "ec2:RunInstances"]), finds="gain_permissions"),
        _works(allow("iam:PassRole"), allow(["lambda:CreateFunction", "lambda:Invoke*"]), finds="gain_permissions"),
    ),
    "read_all_parameters": (
        _works(allow("ssm:GetParameter"), finds="read_all_parameters"),
        _works(allow("ssm:Get*"), finds="read_all_parameters"),
        _works(allow("ssm:GetParametersByPath", "arn:aws:ssm:*:*:parameter/*"), finds="read_all_parameters"),
        _works(allow("SSM:getparameters"), finds="read_all_parameters"),
        _works(
            {"Effect": "Allow", "Action": "ssm:GetParameter", "NotResource": "arn:aws:ssm:*:*:parameter/private/*"},
            finds="read_all_parameters",
        ),
    ),
    "read_all_secrets": (
        _works(allow("secretsmanager:GetSecretValue"), finds="read_all_secrets"),
        _works(allow("secretsmanager:*"), finds="read_all_secrets"),
        _works(allow("secretsmanager:Get*", "arn:aws:secretsmanager:*:*:secret:*"), finds="read_all_secrets"),
        _works(
            allow("secretsmanager:GetSecretValue", Condition={"Bool": {"aws:SecureTransport": "true"}}),
            finds="read_all_secrets",
        ),
        _works(allow("secretsmanager:?etSecretValue"), finds="read_all_secrets"),
    ),
    "write_all_buckets": (
        _works(allow("s3:PutObject"), finds="write_all_buckets"),
        _works(allow("s3:Put*", "arn:aws:s3:::*"), finds="write_all_buckets"),
        _works(allow("s3:PutObject", "arn:aws:s3:::*/*"), finds="write_all_buckets"),
        _works(allow("s3:*Object"), deny("s3:GetObject"), finds="write_all_buckets"),
        _works(allow("s3:PutObject", Condition={"StringLike": {"aws:UserId": "AROA*"}}), finds="write_all_buckets"),
    ),
    "read_all_buckets": (
        _works(allow("s3:GetObject"), finds="read_all_buckets"),
        _works(allow("s3:Get*", "arn:aws:s3:::*"), finds="read_all_buckets"),
        _works(allow(["s3:List*", "s3:GetObject*"]), finds="read_all_buckets"),
        _works(allow("s3:GetObject", "arn:*:s3:::*/*"), finds="read_all_buckets"),
        _works(allow("s3:*"), deny("s3:Put*"), finds="read_all_buckets"),
    ),
    "everything": (
        _broken(allow("*"), finds=_ANY_RISK),
        _broken(allow("*:*"), finds=_ANY_RISK),
        _broken(allow(["*"], ["*"]), finds=_ANY_RISK),
        Fault(Policies(attached=("own/all",), own={"all": document(allow("*"))}, findings=RISKS)),
        _broken(allow("*"), deny("s3:*"), finds=", ".join(sorted(RISKS - {"read_all_buckets", "write_all_buckets"}))),
    ),
    "an AWS managed policy to replace": (
        Fault(Policies(attached=(OLD,), findings=distinct_policies(2).findings)),
        Fault(Policies((_READ,), attached=(CORE,), findings=distinct_policies(0).findings)),
        _aws_policy("arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess", "AmazonSSMReadOnlyAccess, read_all_parameters"),
        _aws_policy(
            "arn:aws:iam::aws:policy/AmazonSSMFullAccess", "AmazonSSMFullAccess, read_all_parameters, run_commands"
        ),
        _aws_policy(
            "arn:aws:iam::aws:policy/service-role/AmazonSSMMaintenanceWindowRole",
            "AmazonSSMMaintenanceWindowRole, read_all_parameters, run_commands",
        ),
    ),
    "content not in the input": (
        _unread(attached=("own/elsewhere",)),
        _unread(attached=("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",)),
        _unread(boundary="own/elsewhere"),
        _unread(attached=(CORE, "own/elsewhere"), finds="unread, AmazonSSMManagedInstanceCore, read_all_parameters"),
        _unread(attached=("arn:aws:iam::aws:policy/job-function/ViewOnlyAccess", "own/elsewhere")),
    ),
    "a policy that IAM would refuse": (
        _refused(Effect="Maybe"),
        _refused(Resource=None),
        _refused(NotAction="s3:PutObject"),
        _refused(Action="GetObject"),
        _refused(Resource="a-bucket"),
    ),
    "two documents of one policy": tuple(
        _two_documents(number, first, _READ)
        for number, first in enumerate(
            (
                document(allow("*")),
                document(allow("ssm:SendCommand")),
                document(deny("*")),
                document(allow("s3:*")),
                document(allow("s3:GetObject", "arn:aws:s3:::another-bucket/*")),
            )
        )
    ),
}
"""The kinds of faults, each with roles that have it in different ways."""

HEALTHY: Sequence[Fault] = (
    _works(deny("ssm:SendCommand"), allow("ssm:Send*")),
    _works(allow("ssm:SendCommand", "arn:aws:ssm:*:*:document/AWS-UpdateSSMAgent"), allow("ssm:GetCommandInvocation")),
    _works(allow("iam:PassRole", "arn:aws:iam::*:role/batch"), allow("ec2:RunInstances")),
    _works(
        allow("ssm:GetParameter", "arn:aws:ssm:*:*:parameter/app/*"),
        deny("ssm:GetParameter", "arn:aws:ssm:*:*:*/private/*"),
    ),
    _works(allow("s3:*"), deny("s3:*Object*")),
    _works(_except("ssm:*", "ssmmessages:*", "ec2:*", effect="Deny")),
    _works(allow(["ec2:StopInstances", "ec2:StartInstances"])),
    _works(allow("*"), _except(*CHANNELS, HEARTBEAT, effect="Deny")),
    _works(allow("secretsmanager:GetSecretValue") | {"Condition": {"Bool": {"aws:ViaAWSService": "true"}}}),
    Fault(Policies((document(allow("*")),), own={"edge": document(MINIMUM)}, boundary="own/edge")),
)
"""Roles that look as if they had a fault, and have none."""
