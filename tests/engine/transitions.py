"""Changes of options, and what the roles of running instances may do at each moment of the change."""

import json
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends

Grants = frozenset
"""The (action, resource) pairs that a role's policies allow."""


@dataclass(frozen=True)
class Moment:
    """What IAM holds after one call."""

    call: str
    profiles: dict[str, Grants | None]
    """The grants of the role in each instance profile, by the profile's name. None if the profile contains no role."""


@dataclass
class Recorder:
    """Records what every instance profile grants after each call that can change it."""

    moments: list[Moment] = field(default_factory=list)

    def start(self):
        """Forget the earlier moments, and record the present one."""
        self.moments = [Moment("start", profile_grants())]

    def __call__(self, call):
        if is_change(call):
            self.moments.append(Moment(call, profile_grants()))


def is_change(call):
    """Whether a call to AWS can change something."""
    return not call.startswith(("iam:Get", "iam:List", "sts:"))


def profile_grants():
    """The grants of each instance profile now, read from moto."""
    backend = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    return {
        profile.name: role_grants(backend, profile.roles[0]) if profile.roles else None
        for profile in backend.instance_profiles.values()
    }


def role_grants(backend, role):
    """The pairs that the role's inline and attached policies allow, within its permissions boundary."""
    documents = [*role.policies.values(), *map(current_document, role.managed_policies.values())]
    granted = {pair for document in documents for pair in allowed_pairs(document)}
    if role.permissions_boundary_arn:
        boundary = current_document(backend.managed_policies[role.permissions_boundary_arn])
        granted = {
            pair for pair in granted if any(fnmatchcase(pair[0], action) for action, _ in allowed_pairs(boundary))
        }
    return Grants(granted)


def current_document(policy):
    """The document of a managed policy's default version."""
    return next(version.document for version in policy.versions if version.is_default)


def allowed_pairs(document):
    """The (action, resource) pairs that the statements of a document allow."""
    statements = json.loads(document)["Statement"] if isinstance(document, str) else document["Statement"]
    return {
        (action, resource)
        for statement in statements
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def as_list(value):
    return value if isinstance(value, list) else [value]


def shared_grants(moments, old, new):
    """What the role in the old instance profile grants before a change, and that in the new one after it."""
    return (moments[0].profiles[old] or Grants()) & (moments[-1].profiles[new] or Grants())


def interruptions(moments, old, new):
    """Each moment of a change at which running instances lack a permission that they have before and after it.

    Args:
        moments: The moments of the change, in order.
        old: The instance profile before the change. Instances use it until its deletion begins.
        new: The instance profile after the change. Instances can use it as soon as it contains a role.
    """
    kept = shared_grants(moments, old, new)
    first = next(index for index, moment in enumerate(moments) if moment.profiles.get(new))
    last = len(moments) - 1
    if old not in moments[-1].profiles:  # its deletion begins when its role is removed, and the new one is ready then
        last = max(first, *(index for index, moment in enumerate(moments) if moment.profiles.get(old)))
    yield from lacking_moments(moments[: last + 1], old, kept)
    if new != old:
        yield from lacking_moments(moments[first:], new, kept)


def lacking_moments(moments, profile, kept):
    """Each moment at which the role in an instance profile does not grant all the given pairs."""
    for moment in moments:
        granted = moment.profiles.get(profile)
        if granted is None:
            yield f"{moment.call}: {profile} contains no role"
        elif missing := kept - granted:
            yield f"{moment.call}: {profile} lacks {', '.join(sorted(action for action, _ in missing))}"
