"""What a file contains: roles and policies, with their unknown values and what was left out of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ssm_profile.iam.documents import as_list

_PLACEHOLDER = re.compile(r"\$\{([^{}]*)}")
_IAM_VARIABLE = re.compile(r"\s*(?:[*?$]|[\w./-]+:[^:].*)", re.DOTALL)


@dataclass(frozen=True)
class FoundPolicy:
    """A policy document in a file."""

    name: str
    """Where it is: ``template.yaml, resource WebRole, policy inline-1``."""
    document: Mapping[str, Any]
    """The document as JSON data, with at least one statement. An unknown value is written as ``${Name}``."""
    unknown: tuple[str, ...] = ()
    """The unknown values, as the file writes them: ``Ref LogBucket``, ``Fn::Sub AWS::AccountId``,
    ``aws_s3_bucket.logs.arn (known after apply)``."""
    left_out: tuple[str, ...] = ()
    """The statements, or the actions of a statement, that are missing in the document, since they are unknown:
    ``statement 2 (Fn::If IsProd)``. What the policy allows and denies is not certain if there are any."""


@dataclass(frozen=True)
class FoundRole:
    """A role in a file, or the policies that a file has for a role that it does not have."""

    name: str
    policies: tuple[FoundPolicy, ...]
    """Its inline policies, and its attached policies whose document is in the file."""
    managed_policy_arns: tuple[str, ...] = ()
    """The attached policies whose document is not in the file. Parts of an ARN can be unknown values."""
    boundary: FoundPolicy | str | None = None
    """The permissions boundary, or its ARN if its document is not in the file."""
    trust: Mapping[str, Any] | None = None
    """The trust policy, if the file has it."""
    instance_profiles: tuple[str, ...] | None = None
    """The names of the instance profiles that contain the role. None if the file does not say."""
    left_out: tuple[str, ...] = ()
    """The policies of the role that cannot be read, since they are unknown."""
    arn: str | None = None
    """Its ARN, if the file has it."""
    read_arns: tuple[str, ...] = ()
    """The ARNs of the attached policies whose document is in the file."""
    ambiguous_arns: tuple[str, ...] = ()
    """The ARNs of attached policies, and of the boundary, of which the file does not say which document counts."""
    names: tuple[str, ...] = field(default=(), compare=False)
    """What ``--role`` can call it: its name in IAM, and that in the file. Empty for policies without a role."""

    @property
    def incomplete(self) -> tuple[str, ...]:
        """Everything that is missing: policies, and parts of policies. A verdict on the role is not certain then."""
        found = [*self.policies, *([self.boundary] if isinstance(self.boundary, FoundPolicy) else [])]
        return (*self.left_out, *(f"{policy.name}, {part}" for policy in found for part in policy.left_out))


@dataclass
class Parts:
    """The parts of a role, while they are collected."""

    policies: list[FoundPolicy] = field(default_factory=list[FoundPolicy])
    arns: list[str] = field(default_factory=list[str])
    boundary: FoundPolicy | str | None = None
    trust: Mapping[str, Any] | None = None
    profiles: list[str] | None = None
    left_out: list[str] = field(default_factory=list[str])
    arn: str | None = None
    read_arns: list[str] = field(default_factory=list[str])
    ambiguous_arns: list[str] = field(default_factory=list[str])
    names: list[str] = field(default_factory=list[str])

    def add_policy(self, name: str, document: Any, unknown: tuple[str, ...] = ()) -> None:
        """Add a policy, or say that it was left out."""
        policy = policy_of(name, document, unknown)
        if isinstance(policy, FoundPolicy):
            self.policies.append(policy)
        else:
            self.left_out.append(policy)

    def set_boundary(self, boundary: FoundPolicy | str | None, arn: str | None) -> None:
        """Set the permissions boundary.

        Args:
            boundary: What :func:`policy_of` gives, or None if the document is not in the file.
            arn: Its ARN, or None if there is no boundary.
        """
        if isinstance(boundary, str):
            self.left_out.append(boundary)
        self.boundary = boundary if isinstance(boundary, FoundPolicy) else arn

    def add_profile(self, name: str) -> None:
        """Add an instance profile."""
        self.profiles = unique([*(self.profiles or []), name])

    def role(self, name: str) -> FoundRole:
        """The role."""
        return FoundRole(
            name=name,
            policies=tuple(self.policies),
            managed_policy_arns=tuple(unique(self.arns)),
            boundary=self.boundary,
            trust=self.trust,
            instance_profiles=None if self.profiles is None else tuple(self.profiles),
            left_out=tuple(unique(self.left_out)),
            arn=self.arn,
            read_arns=tuple(unique(self.read_arns)),
            ambiguous_arns=tuple(unique(self.ambiguous_arns)),
            names=tuple(unique([name for name in self.names if name])),
        )


def policy_of(name: str, document: Any, unknown: tuple[str, ...] = ()) -> FoundPolicy | str:
    """A policy without the statements that are unknown.

    Args:
        name: Where the policy is.
        document: JSON data, with unknown values as placeholders.
        unknown: The unknown values.

    Returns:
        The policy; or, if nothing of it can be read, a text that says so.
    """
    if not isinstance(document, Mapping):
        return f"{name} ({_shown(document)})"
    content = document.get("Statement")
    if not isinstance(content, list):
        if content is None:
            return f"{name} (no Statement)"
        content = [content]
    kept, left_out = list[Any](), list[str]()
    for number, statement in enumerate(content, 1):
        readable, missing = _readable(statement)
        left_out += [f"statement {number}{each}" for each in missing]
        if readable is not None or not missing:
            kept.append(readable)
    if content and not kept:
        return f"{name} ({'; '.join(left_out)})"
    return FoundPolicy(name, {**document, "Statement": kept}, tuple(unique([*unknown])), tuple(left_out))


def placeholder(name: str) -> str:
    """The text that stands for an unknown value in a policy document."""
    return f"${{{re.sub(r'[${}]', '', name)}}}"


def is_unknown(value: Any) -> bool:
    """Whether a value contains a placeholder of an unknown value. Use it where IAM allows no policy variables."""
    return isinstance(value, str) and "${" in value


def unrendered(value: Any) -> Iterator[str]:
    """The placeholders ``${name}`` in strings that are not policy variables of IAM such as ``${aws:username}``."""
    if isinstance(value, str):
        if "${" in value:
            yield from (match[0] for match in _PLACEHOLDER.finditer(value) if not _IAM_VARIABLE.fullmatch(match[1]))
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from unrendered(key)
            yield from unrendered(each)
    elif isinstance(value, list):
        for each in value:
            yield from unrendered(each)


def is_iam_variable(name: str) -> bool:
    """Whether ``${name}`` is a policy variable of IAM."""
    return _IAM_VARIABLE.fullmatch(name) is not None


def unique(names: list[str]) -> list[str]:
    """The names in their order, each once."""
    return list(dict.fromkeys(names))


def text_of(value: Any, default: str = "") -> str:
    """A string, or the default for anything else."""
    return value if isinstance(value, str) else default


def map_of(value: Any) -> Mapping[str, Any]:
    """A map, or an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def _readable(statement: Any) -> tuple[Any, list[str]]:
    """A statement without its unknown actions, and what was left out. None if the statement cannot be read."""
    if not isinstance(statement, Mapping):
        return (None, [f" ({_shown(statement)})"]) if is_unknown(statement) else (statement, [])
    for key in ("Effect", "Condition"):
        if is_unknown(statement.get(key)):
            return None, [f" ({key}: {_shown(statement[key])})"]
    # Without an unknown action, Action applies to less, and NotAction to more, than the file has.
    if unknown := [each for each in as_list(statement.get("NotAction")) if is_unknown(each)]:
        return None, [f" (NotAction: {_shown(unknown[0])})"]
    actions = as_list(statement.get("Action"))
    unknown = [each for each in actions if is_unknown(each)]
    if unknown and len(unknown) == len(actions):
        return None, [f" (Action: {_shown(unknown[0])})"]
    known = [each for each in actions if not is_unknown(each)]
    readable = {**statement, "Action": known} if unknown else statement
    return readable, [f", Action {_shown(each)}" for each in unknown]


def _shown(value: Any) -> str:
    if not isinstance(value, str):
        return "no document"
    match = _PLACEHOLDER.fullmatch(value)
    return match[1] if match else value[:80]
