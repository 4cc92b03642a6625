"""A role to audit: its policies together, and what is known of it besides."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ssm_profile.errors import InputError, TooLongError
from ssm_profile.iam.documents import Statement, statements_of
from ssm_profile.iam.evaluator import Policy, Reason
from ssm_profile.iam.trust import EC2, is_for_ec2, judge_trust
from ssm_profile.regions import PARTITIONS

from .policy_files import STDIN, FoundPolicy, FoundRole, find_roles, name_of, parse, read_text
from .sources import AwsPolicy, aws_policies

_PSEUDO_PARAMETERS = {"${AWS::Region}": "<region>", "${AWS::AccountId}": "<account>"}
"""The values of a CloudFormation template that are those of the deployment, and how the reports write them."""

_PARTITION = "${AWS::Partition}"
_OF_DEPLOYMENT = (_PARTITION, *_PSEUDO_PARAMETERS)

_MOST_NAMES = 5
"""How many names an error lists."""

MAX_LENGTH = 131_072
"""The longest policy document that IAM's API accepts, in characters without white space."""

AWS_POLICY = ":iam::aws:policy/"
"""What the ARN of an AWS managed policy contains."""


@dataclass(frozen=True)
class Role:
    """A role, or policies without one."""

    policy: Policy
    """All its policies together, with its permissions boundary."""
    arn: str | None = None
    attached: tuple[str, ...] = ()
    """The names of the AWS managed policies that are attached to it."""
    policy_arns: tuple[str, ...] = ()
    """The ARNs of all managed policies that are attached to it, as far as they are known."""
    notes: tuple[str, ...] = ()
    """The reasons why no instance can use it, a sentence for each."""
    unknown_values: tuple[str, ...] = field(default=())
    """The values of the policies that the input does not say, as it writes them."""
    copies: tuple[str, ...] = ()
    """The frozen copies of AWS managed policies that stand for policies of the role, with their versions and dates."""
    trust_policy: Mapping[str, Any] | None = field(default=None, hash=False)
    """Its trust policy. None if it is not known."""
    trust: tuple[Reason, ...] = ()
    """What it depends on whether EC2 can assume it. Empty if this is certain or if its trust policy is not known."""
    ambiguous: tuple[str, ...] = ()
    """The policies, among those whose content is not known, of which the input does not say which document counts."""

    @property
    def is_for_other_services(self) -> bool:
        """Whether EC2 cannot assume it."""
        return NOT_FOR_EC2 in self.notes


NO_POLICIES = "The role has no policies."
NO_PROFILE = "No instance profile contains the role, so no instance can use it."
NOT_FOR_EC2 = f"The trust policy does not let {EC2} assume the role."


def read_roles(source: str, names: Collection[str] = ()) -> list[Role]:
    """The roles that a name, a file or standard input holds.

    Without names, a role that EC2 cannot assume is left out, unless there are no others.

    Args:
        source: The name of one of :func:`aws_policies`, the path of a file, or ``-``. A policy document is one role.
        names: The roles to read: names, ARNs, or patterns of names such as ``web-*``. All if there are none.

    Raises:
        InputError: If the source does not exist, or if it has no policy of a role, or not the role of a name.
    """
    if source in aws_policies():
        if names:
            raise InputError(f"--role: {source} is a policy, not a file with roles. Leave out --role.")
        return [Role(aws_policies()[source].policy, copies=(aws_policies()[source].label,))]
    if source != STDIN and not Path(source).exists():
        raise InputError(
            f"{source} is neither a file nor one of the AWS managed policies {', '.join(aws_policies())}. "
            "Pass one of them, a file, or - for standard input."
        )
    name = name_of(source)
    try:
        found = find_roles(parse(read_text(source), name), name)
    except TooLongError as error:
        raise InputError(f"{error} Use `ssm-profile fleet` for many roles, or pass one role or policy of it.") from None
    if names:
        return [role_of(each) for each in _chosen(found, names, name)]
    roles = [role_of(each) for each in found]
    return [each for each in roles if not each.is_for_other_services] or roles


def is_pattern(name: str) -> bool:
    """Whether a name of ``--role`` is a pattern."""
    return bool(set(name) & set("*?["))


def _chosen(found: Collection[FoundRole], names: Collection[str], file: str) -> Iterable[FoundRole]:
    """The roles of a file that names stand for, each once.

    Raises:
        InputError: If there is none for a name.
    """
    chosen = dict[int, FoundRole]()
    for name in names:
        matching = {id(each): each for each in found if _is_called(each, name)}
        if not matching:
            raise InputError(_no_such_role(name, [called for each in found for called in each.names], file))
        chosen |= matching
    return chosen.values()


def _is_called(role: FoundRole, name: str) -> bool:
    if name == role.arn or name in role.names:  # the address of a resource can have brackets
        return True
    return is_pattern(name) and any(fnmatchcase(each, name) for each in role.names)


def _no_such_role(name: str, known: Collection[str], file: str) -> str:
    if not known:
        return f"--role: {file} has a policy without a role. Leave out --role."
    near = get_close_matches(name.rsplit("/", 1)[-1], known, n=_MOST_NAMES, cutoff=0.5)
    shown = near or list(dict.fromkeys(known))[:_MOST_NAMES]
    listed = f"{'The nearest names are' if near else 'It has'} {', '.join(shown)}"
    more = "" if near or len(known) <= _MOST_NAMES else f" and {len(known) - _MOST_NAMES:,} more"
    return f"--role: {file} has no role {name}. {listed}{more}. Pass the name of a role, its ARN, or a pattern."


def role_notes(
    name: str, statements: Iterable[Any], trust: Mapping[str, Any] | None, profiles: Iterable[Any] | None
) -> Iterator[str]:
    """The reasons why no instance can use a role.

    Args:
        name: The name of the role in error messages.
        statements: The statements of its policies, or what stands for them.
        trust: Its trust policy. None if it is not known.
        profiles: The instance profiles that contain it. None if they are not known.

    Raises:
        InputError: If IAM refuses the trust policy.
    """
    if not list(statements):
        yield NO_POLICIES
    if profiles is not None and not list(profiles):
        yield NO_PROFILE
    if trust is not None and not is_for_ec2(trust, f"The trust policy of {name}"):
        yield NOT_FOR_EC2


def trust_reasons(name: str, trust: Mapping[str, Any] | None) -> tuple[Reason, ...]:
    """What it depends on whether EC2 can assume a role.

    Args:
        name: The name of the role in error messages.
        trust: Its trust policy. None if it is not known.

    Raises:
        InputError: If IAM refuses the trust policy.
    """
    return () if trust is None else judge_trust(trust, f"The trust policy of {name}").reasons


def role_of(found: FoundRole) -> Role:
    """The role that a file contains.

    Raises:
        InputError: If IAM refuses one of its policies.
    """
    copies = {arn: copy for arn in found.managed_policy_arns if (copy := _aws_policy(arn))}
    documents = [*found.policies, *(FoundPolicy(copy.name, copy.document) for copy in copies.values())]
    unread = [arn for arn in found.managed_policy_arns if arn not in copies]
    boundary = found.boundary
    if isinstance(boundary, str) and (copy := _aws_policy(boundary)):
        copies[boundary], boundary = copy, FoundPolicy(copy.name, copy.document)
    partition = _partition_in(documents)
    statements = [statement for each in documents for statement in _statements(each, partition)]
    policy = Policy(
        found.name,
        tuple(statements),
        _statements(boundary, partition) if isinstance(boundary, FoundPolicy) else None,
        unread=(*unread, *found.incomplete),
        unread_boundary=boundary if isinstance(boundary, str) else None,
    )
    unknown = dict.fromkeys(value for each in documents for value in each.unknown)
    policy_arns = (*found.managed_policy_arns, *found.read_arns)
    known_or_not = [*statements, *unread, *found.incomplete]
    return Role(
        policy=policy,
        arn=found.arn,
        attached=tuple(arn.rsplit("/", 1)[-1] for arn in policy_arns if AWS_POLICY in arn),
        policy_arns=tuple(arn for arn in policy_arns if arn.startswith("arn:")),
        notes=tuple(role_notes(found.name, known_or_not, found.trust, found.instance_profiles)),
        unknown_values=tuple(each for each in unknown if not any(name[2:-1] in each for name in _OF_DEPLOYMENT)),
        copies=tuple(copy.label for copy in copies.values()),
        trust_policy=found.trust,
        trust=trust_reasons(found.name, found.trust),
        ambiguous=tuple(arn for arn in found.ambiguous_arns if arn not in copies),
    )


def _aws_policy(arn: str) -> AwsPolicy | None:
    """The copy of an AWS managed policy, if the command has one."""
    return aws_policies().get(arn.rsplit("/", 1)[-1]) if AWS_POLICY in arn else None


def _statements(policy: FoundPolicy, partition: str) -> tuple[Statement, ...]:
    """The statements of a policy, in which a value of the deployment is a placeholder such as ``<region>``."""
    if (length := len("".join(json.dumps(policy.document).split()))) > MAX_LENGTH:
        raise InputError(
            f"{policy.name} has {length:,} characters, not counting white space. Pass a policy document of at most "
            f"{MAX_LENGTH:,} characters."
        )
    known = {**_PSEUDO_PARAMETERS, _PARTITION: partition}
    return tuple(
        replace(
            each,
            resources=tuple(_replaced(resource, known) for resource in each.resources),
            condition=json.loads(_replaced(json.dumps(each.condition), known)),
        )
        for each in statements_of(policy.document, policy.name)
    )


def _replaced(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _partition_in(policies: Iterable[FoundPolicy]) -> str:
    """The partition that the policies name, or aws."""
    texts = [str(each.document) for each in policies]
    others = (each for each in PARTITIONS if each != "aws")
    return next((each for each in others if any(f"arn:{each}:" in text for text in texts)), "aws")


def only_role(source: str, roles: list[Role]) -> Role:
    """The only role of a file.

    Raises:
        InputError: If there are several.
    """
    if len(roles) > 1:
        names = ", ".join(role.policy.name for role in roles[:5])
        raise InputError(f"{source} has {len(roles)} roles ({names}...). Pass a file with one, or use `audit`.")
    return roles[0]
