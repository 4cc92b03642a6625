"""The resources on which a feature needs its actions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from ssm_profile.catalogue import MANAGED_BUCKETS, PATCH_POLICY, Grant
from ssm_profile.iam.evaluator import NO_RESOURCE, Need
from ssm_profile.iam.patterns import arn_glob, covers

from .reverse_lookup import FEATURES, Feature, tight_templates
from .templates import as_pattern, depends_on_options

FEATURES_BY_KEY = {each.key: each for feature in FEATURES for each in (feature, *feature.alternatives)}
"""The features and their alternatives."""

_AWS_OBJECTS = tuple(
    as_pattern(each) for grant in (*MANAGED_BUCKETS.grants, *PATCH_POLICY.grants) for each in grant.resources
)


@dataclass(frozen=True)
class Group:
    """Resources of a grant, one of which is sufficient."""

    templates: tuple[str, ...]
    patterns: tuple[str, ...]
    parts: tuple[Need, ...]
    """Some of the resources of each pattern."""


@lru_cache(maxsize=1_000)  # the number of partitions that policies name has no limit
def resources_of(key: tuple[str | None, ...], partition: str) -> list[tuple[Grant, list[Group]]]:
    """The grants of a feature with their resources in a partition."""
    feature = FEATURES_BY_KEY[key]
    return [(grant, list(_groups_of(feature, grant, partition))) for grant in feature.grants]


def _groups_of(feature: Feature, grant: Grant, partition: str) -> Iterator[Group]:
    templates = tight_templates(feature, grant)
    # A value of an option is granted as a whole or below it, such as a path and the parameters below it.
    groups = [templates] if any(map(depends_on_options, templates)) else [(each,) for each in templates]
    for group in groups:
        patterns = _widest(tuple(as_pattern(each, {"partition": partition}, grant.each) for each in group))
        # A policy that does not name the ARNs of a list grants none of them, whatever else it grants.
        is_list = group == ("{each}",)
        parts = tuple(Need((each,), _exceptions(each)) for each in patterns if each != "*" and not is_list)
        yield Group(group, patterns, parts)


def need_of(pattern: str) -> Need:
    """The need of an action on all that a pattern matches."""
    return NO_RESOURCE if pattern == "*" else Need((pattern,), whole=True)


@cache
def _widest(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The patterns without those that another one covers."""
    globs = {each: arn_glob(each) for each in patterns}
    return tuple(
        each for each in globs if not any(covers(globs[other], globs[each]) for other in globs if other != each)
    )


def _exceptions(pattern: str) -> tuple[str, ...]:
    """What a pattern matches and does not mean: the objects in buckets, and AWS's own buckets."""
    if re.fullmatch(r"arn:[^:]*:s3:::\*/\*", pattern):
        return _AWS_OBJECTS
    return ("arn:*:s3:::*/*",) if re.fullmatch(r"arn:[^:]*:s3:::\*", pattern) else ()
