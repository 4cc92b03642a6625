"""The templates of the catalogue: filled with values, as patterns, and matched with the resources of policies."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from string import Formatter
from typing import Any

from ssm_profile.catalogue import MANAGED_BUCKETS, Grant
from ssm_profile.iam.documents import Statement
from ssm_profile.options import OPTIONS, option_at
from ssm_profile.policy import PARAMETER_OWNER, owner_of_parameters
from ssm_profile.regions import LOCATION_FIELDS, OTHER_DNS_SUFFIXES, REGION_PATTERN
from ssm_profile.validation import find_value_mistakes

Values = Mapping[str, str]
"""Values for the fields of templates: ``region``, ``account``, ``parameters.paths``."""

KnownValues = Mapping[str, Sequence[Any]]
"""Known values by ``option`` or ``option.key``. For a feature of a list of maps, the maps by the feature's name."""

SAMPLE_LOCATION = {"region": "xx-sample-1", "account": "999999999999"}
"""A region and an account that no policy names."""

PLACE_FIELDS = (*LOCATION_FIELDS, "patch_suffix", "snapshot_suffix", "dns_suffix")
"""The fields of templates that the location decides."""

_HOST = re.compile(r"\w+\.{region}\.([\w.]+\*|{dns_suffix})")
"""A template of the host name of a service, such as ``ssm.{region}.amazonaws.com*``."""

_ARN_PATTERNS = {
    "kms_key_arn": "arn:{partition}:kms:*:*:key/*",
    "document_arns": "arn:{partition}:ssm:*:*:document/*",
    "shared_arns": "arn:{partition}:ssm:*:*:parameter/*",
}
"""What stands for an ARN that an option names, by the end of the option's path."""


def as_pattern(template: str, known: Mapping[str, str] = {}, each: str | None = None) -> str:
    """A resource template with a wildcard for each of its fields.

    Args:
        template: A resource in the catalogue.
        known: The fields that are known; their values are filled in.
        each: The path of the option in the field ``{each}``.
    """

    def value(field: str) -> str:
        path = path_of(field, each or "")
        for ending, arn in _ARN_PATTERNS.items():
            if path.endswith(ending) and path not in known:
                return arn.format(partition=known.get("partition", "*"))
        if path == PARAMETER_OWNER:
            return owner_of_parameters(known.get(each or "", ""), known.get("account", "*"))
        return known.get(path, "*")

    pattern = "".join(literal + ("" if field is None else value(field)) for literal, field in _parsed(template))
    pattern = re.sub(r"\*+", "*", pattern)
    return pattern.replace(":parameter*", ":parameter/*")  # the paths of parameters begin with a slash


def depends_on_options(template: str) -> bool:
    """Whether the value of an option decides what a template matches."""
    fields = {field for _, field in _parsed(template) if field}
    return bool(fields - {*PLACE_FIELDS})


def filled(template: str, grant: Grant, values: Values) -> str:
    """A template with a value for each of its fields."""

    def value(field: str) -> str:
        if field == PARAMETER_OWNER:
            return owner_of_parameters(values[grant.each or ""], values["account"])
        return values[path_of(field, grant.each or "")]

    return "".join(literal + ("" if field is None else value(field)) for literal, field in _parsed(template))


def option_fields(grant: Grant) -> list[str]:
    """The options and keys whose values the resources and the condition of a grant contain."""
    templates = (
        *grant.resources,
        *(each for keys in grant.condition.values() for some in keys.values() for each in some),
    )
    fields = [field for template in templates for _, field in _parsed(template) if field]
    return [path for path in dict.fromkeys(path_of(field, grant.each or "") for field in fields) if _is_option(path)]


def only_options(values: Values) -> dict[str, str]:
    """The values of options, without those of the location."""
    return {path: value for path, value in values.items() if _is_option(path)}


def values_by_path(found: Iterable[tuple[str, Values]]) -> KnownValues:
    """The known values, sorted, each once.

    Args:
        found: The values, each with the name of the feature that they are for.
    """
    texts: dict[str, set[str]] = {}
    maps: dict[str, dict[str, dict[str, str]]] = {}
    for feature, values in found:
        entry: dict[str, str] = {}
        for path, value in sorted(only_options(values).items()):
            name, _, key = path.partition(".")
            if OPTIONS[name].is_list_of_maps:
                entry[key] = value
            else:
                texts.setdefault(path, set()).add(value)
        if entry:
            maps.setdefault(feature, {})[str(entry)] = entry
    known: dict[str, Sequence[Any]] = {path: sorted(each) for path, each in texts.items()}
    return known | {feature: [entry for _, entry in sorted(each.items())] for feature, each in maps.items()}


def named_values(statement: Statement, grant: Grant) -> Iterator[dict[str, str]]:
    """The values with which a statement names the resources or the condition of a grant, location included."""
    for resource in () if statement.except_resources else statement.resources:
        for template in (*grant.resources, *grant.sufficient):
            if values := match_template(template, grant, resource):
                yield values
    wanted = {key.lower(): templates for keys in grant.condition.values() for key, templates in keys.items()}
    for key, text in _condition_values(statement) if wanted else ():
        for template in wanted.get(key.lower(), ()):
            if values := match_template(template, grant, text):
                yield values


def match_template(template: str, grant: Grant, text: str) -> dict[str, str]:
    """The values with which a template becomes a text. Empty if there are none, or if an option refuses one.

    Args:
        template: One of the grant's templates.
        grant: A grant of the catalogue.
        text: A resource of a policy, or a value of a condition. A wildcard matches only the same wildcard, except in
            the region and the account, and in the name of a host.
    """
    pattern, paths = _compiled(template, grant.each or "")
    match = pattern.fullmatch(text)
    if not match:
        return {}
    values = {path: match[f"f{number}"] for number, path in enumerate(paths)}
    options = {path: value for path, value in only_options(values).items() if value}
    if PARAMETER_OWNER in values and owner_of_parameters(options[grant.each or ""], "own"):
        values["account"] = values[PARAMETER_OWNER]
    location = {field: sample_of(field, values[field]) for field in LOCATION_FIELDS if field in values}
    return {**location, **options} if all(map(_is_accepted, options, options.values())) else {}


@cache
def _compiled(template: str, each: str) -> tuple[re.Pattern[str], list[str]]:
    """A template as a regular expression, and the paths of its groups."""
    pattern, paths = "", list[str]()
    for literal, field in _parsed(template):
        pattern += re.escape(literal)
        if field is not None:
            path = path_of(field, each)
            again = path in paths
            pattern += f"(?P=f{paths.index(path)})" if again else f"(?P<f{len(paths)}>{_value_pattern(path)})"
            paths += [] if again else [path]
    if _HOST.fullmatch(template):
        # A policy can name the host without the wildcard at the end, or every service of a region.
        pattern = re.sub(r"^(\w+)", r"(?:\1|\\*)", pattern).removesuffix(r"\*") + ".*"
    return re.compile(pattern), paths


def sample_of(field: str, pattern: str) -> str:
    """A region or an account that a pattern matches."""
    if set(pattern) <= {"*", "?"} and field in SAMPLE_LOCATION:
        return SAMPLE_LOCATION[field]
    return pattern.replace("*", "x").replace("?", "x")


def _condition_values(statement: Statement) -> Iterator[tuple[str, str]]:
    """The keys and values of a condition."""
    for keys in statement.condition.values() if isinstance(statement.condition, Mapping) else ():
        for key, content in keys.items() if isinstance(keys, Mapping) else ():
            for value in content if isinstance(content, list) else [content]:
                if isinstance(value, str):
                    yield str(key), value


@cache
def path_of(field: str, each: str) -> str:
    """The path of the option in a field of a template. The name of the field if it is no option.

    Args:
        field: The field, such as ``session_logs[bucket]``, ``each`` or ``each[bucket]``.
        each: The path of the option in the field ``each``.
    """
    return re.sub(r"^each(?=$|\[)", each, field).replace("[", ".").rstrip("]")


def is_aws_bucket(name: str) -> bool:
    """Whether a bucket is one of AWS's own, in any region. Another option than ``read_buckets`` grants it."""
    return any(re.fullmatch(pattern, name) for pattern in _aws_buckets())


@cache
def _aws_buckets() -> list[str]:
    templates = [template for grant in MANAGED_BUCKETS.grants for template in grant.resources]
    buckets = [template.split(":::")[1].split("/")[0] for template in templates]
    suffix = "[a-z0-9-]*"
    fields = {"region": f"(?:{REGION_PATTERN})", "patch_suffix": suffix, "snapshot_suffix": suffix}
    return [bucket.format_map(fields) for bucket in buckets]


@cache
def _parsed(template: str) -> tuple[tuple[str, str | None], ...]:
    """The parts of a template: each a literal and the field after it."""
    return tuple((literal, field) for literal, field, _, _ in Formatter().parse(template))


def _is_option(path: str) -> bool:
    return path.split(".", maxsplit=1)[0] in OPTIONS


def _value_pattern(path: str) -> str:
    """What matches the value of a field, as a regular expression."""
    if path == "dns_suffix":
        return "|".join(map(re.escape, OTHER_DNS_SUFFIXES.values()))
    if not _is_option(path):
        return "[^:/]*"
    if path.endswith("bucket"):
        return r"[^/*?]+"
    if path.endswith("prefix"):
        return r"[^*?]*?"
    return r"[^*?]+?"


@cache
def _is_accepted(path: str, value: str) -> bool:
    if path == "read_buckets.bucket" and is_aws_bucket(value):
        return False
    return not find_value_mistakes(path, [value] if option_at(path).type == "array" else value)
