"""Builds policy documents from options. Pure functions, without Pulumi."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from string import Formatter
from typing import Any

from .catalogue import CAPABILITIES, EXPLICIT_DENIES, VPC_ENDPOINTS, Capability, ExplicitDeny, Grant, VpcEndpoint
from .errors import OptionsError
from .options import OPTIONS, option_at
from .regions import LOCATION_FIELDS, OTHER_DNS_SUFFIXES, PATCH_BUCKET_SUFFIXES, SNAPSHOT_BUCKET_SUFFIXES, Location
from .validation import find_bucket_mistakes

Options = Mapping[str, Any]
"""The component's args as plain values, by their names in Python: ``{"quiet_agent": True}``."""

Document = dict[str, Any]
"""A policy document, ready for :func:`json.dumps`."""

VERSION = "2012-10-17"
PARAMETER_OWNER = "parameter_owner"
"""The field of templates for :func:`owner_of_parameters` at the path in the field ``{each}``."""
GRANTING = {capability.name for capability in CAPABILITIES} | {deny.name for deny in EXPLICIT_DENIES}
"""The options that decide the content of the permissions policy."""


def capabilities(options: Options) -> list[Capability]:
    """The capabilities that the options turn on, in the order of the catalogue."""
    enabled = [capability for capability in CAPABILITIES if _is_enabled(capability, options)]
    replaced = {capability.replaces for capability in enabled}
    return [capability for capability in enabled if capability.name not in replaced]


def is_granted_by_default(capability: Capability) -> bool:
    """Whether a capability is granted when no option is set."""
    return capability in capabilities({})


def explicit_denies(options: Options) -> list[ExplicitDeny]:
    """The explicit denies that the options turn on, in the order of the catalogue."""
    return [deny for deny in EXPLICIT_DENIES if options.get(deny.name)]


def grants(options: Options) -> list[Grant]:
    """The grants that apply, in the order of the catalogue."""
    return [grant for capability in capabilities(options) for grant in grants_of(capability, options)]


def grants_of(capability: Capability, options: Options) -> list[Grant]:
    """The grants of one capability that apply: of a list of maps, those of each map."""
    if capability.name in OPTIONS and OPTIONS[capability.name].is_list_of_maps:
        return [
            _of_map(row, entry)
            for entry in _maps(options, capability.name)
            for row in capability.grants
            if row.needs is None or entry.get(row.needs.partition(".")[2])
        ]
    return [
        grant
        for row in capability.grants
        if all(_value(options, path) for path in (row.needs, row.each) if path)
        for grant in _each_action(row, options)
    ]


def actions(options: Options) -> list[str]:
    """The allowed actions, sorted."""
    return sorted(_without_covered({grant.action for grant in grants(options)}))


def vpc_endpoints(options: Options) -> list[VpcEndpoint]:
    """The VPC endpoints that instances in a private subnet need, in the order of the catalogue."""
    prefixes = {action.split(":")[0] for action in actions(options)}
    enabled = {capability.name for capability in capabilities(options)}
    return [
        endpoint
        for endpoint in VPC_ENDPOINTS
        if endpoint.prefix in prefixes or enabled.intersection(endpoint.capabilities)
    ]


def lookups(options: Options) -> set[str]:
    """The fields of the location that the policy needs: a subset of ``partition``, ``region`` and ``account``."""
    fields = {
        field
        for grant in grants(options)
        for group in (grant.resources, *(values for keys in grant.condition.values() for values in keys.values()))
        for template in group
        for _, field, _, _ in Formatter().parse(template)
    }
    if PARAMETER_OWNER in fields and any(owner_of_parameters(path, "own") for path in options["parameters"]["paths"]):
        fields.add("account")
    if "dns_suffix" in fields:
        fields.add("partition")
    return {field for field in LOCATION_FIELDS if field in fields}


def owner_of_parameters(path: str, account: str) -> str:
    """The account in the ARNs of the parameters at and below a path: none for AWS's public parameters.

    Args:
        path: A path of parameters, such as ``/app/prod``.
        account: The account of the deployment.

    Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-finding-public-parameters.html
    """
    return "" if f"{path}/".startswith("/aws/service/") else account


def policy_document(options: Options, location: Location) -> Document:
    """The permissions policy.

    Grants with the same resources and condition share a statement. Explicit denies come last. The order in which the
    options are written does not change the document.

    Args:
        options: The args as plain values.
        location: A value for each of :func:`lookups`, such as ``{"partition": "aws"}``.

    Raises:
        OptionsError: If an option needs the names of AWS's buckets and they are not known for the region.
    """
    statements: dict[str, tuple[dict[str, Any], list[str]]] = {}
    for grant in grants(options):
        scope = scope_of(grant, options, location)
        statements.setdefault(json.dumps(scope), (scope, []))[1].append(grant.action)
    return _document(
        [{"Effect": "Allow", "Action": _without_covered(allowed), **scope} for scope, allowed in statements.values()]
        + [
            {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": deny.condition}
            for deny in explicit_denies(options)
        ]
    )


def scope_of(grant: Grant, options: Options, location: Location) -> Document:
    """The ``Resource`` of a grant, and its ``Condition`` if it has one, as a statement contains them.

    Args:
        grant: One of :func:`grants`.
        options: The args as plain values.
        location: A value for each of :func:`lookups`.

    Raises:
        OptionsError: If the grant needs the names of AWS's buckets and they are not known for the region.
    """
    dns_suffix = OTHER_DNS_SUFFIXES.get(location.get("partition", ""))
    values = {**_completed(options), **location, "dns_suffix": dns_suffix}
    if options.get("managed_buckets"):
        values |= _bucket_suffixes(location["region"])
    scope: Document = {"Resource": _one_or_many(_filled(grant.resources, grant, values))}
    if grant.condition:
        scope["Condition"] = {
            operator: {key: _one_or_many(_filled(templates, grant, values)) for key, templates in keys.items()}
            for operator, keys in grant.condition.items()
        }
    return scope


def trust_policy(options: Options) -> Document:
    """The trust policy: the services that can assume the role."""
    principals = sorted(set(options.get("service_principals", OPTIONS["service_principals"].default)))
    return _document(
        [{"Effect": "Allow", "Principal": {"Service": _one_or_many(principals)}, "Action": "sts:AssumeRole"}]
    )


def to_json(document: Document) -> str:
    """A document as a JSON string, as IAM receives it."""
    return json.dumps(document)


def size(document: Document) -> int:
    """The number of characters that IAM counts in a document. IAM does not count white space."""
    return len("".join(to_json(document).split()))


def _bucket_suffixes(region: str) -> dict[str, str]:
    if mistakes := find_bucket_mistakes(region):
        raise OptionsError(mistakes)
    return {
        "patch_suffix": PATCH_BUCKET_SUFFIXES[region],
        "snapshot_suffix": SNAPSHOT_BUCKET_SUFFIXES.get(region, ""),
    }


def _is_enabled(capability: Capability, options: Options) -> bool:
    """Whether a capability is on. It is on if it has no option, or if its option turns it on."""
    if capability.name not in OPTIONS:
        return True
    # An empty map turns the capability on with its defaults.
    return options.get(capability.name, OPTIONS[capability.name].default) not in (None, False)


def _value(options: Options, path: str) -> Any:
    """The value of an option, or of ``option.key``."""
    option, _, key = path.partition(".")
    value = options.get(option)
    return value.get(key) if key and value is not None else value


def _entries(options: Options, path: str) -> list[str]:
    """The entries of a list option, sorted and without duplicates."""
    return sorted(set(_value(options, path)))


def _maps(options: Options, name: str) -> list[dict[str, Any]]:
    """The entries of a list of maps as templates expect them, sorted and without duplicates."""
    entries = [{**entry, "prefix": _folder(entry.get("prefix"))} for entry in options[name]]
    return [entry for _, entry in sorted({str(sorted(entry.items())): entry for entry in entries}.items())]


def _of_map(row: Grant, entry: Mapping[str, Any]) -> Grant:
    """The grant for one entry of a list of maps. Its values have no braces, so that the other fields stay."""

    def filled(templates: Sequence[str]) -> tuple[str, ...]:
        return tuple(
            re.sub(r"\{each\[(\w+)\]\}", lambda field: str(entry[field[1]]), template) for template in templates
        )

    condition = {
        operator: {key: values for key, templates in keys.items() if (values := filled(templates)) != ("*",)}
        for operator, keys in row.condition.items()
    }
    return replace(
        row,
        resources=filled(row.resources),
        # The agent lists a whole bucket without the key s3:prefix, and `*` does not match a key that is absent.
        condition={operator: keys for operator, keys in condition.items() if keys},
        each=None,
    )


def _each_action(row: Grant, options: Options) -> list[Grant]:
    """The grant, or one grant for each entry of its list if the action is a template."""
    if row.each is None or "{each}" not in row.action:
        return [row]
    return [replace(row, action=row.action.format(each=entry)) for entry in _entries(options, row.each)]


def _filled(templates: Sequence[str], grant: Grant, values: Mapping[str, Any]) -> list[str]:
    """The templates with their values, repeated for each entry of the list that the grant names."""
    templates = [template for template in templates if values["dns_suffix"] or "{dns_suffix}" not in template]
    each = grant.each if any("{each}" in template for template in templates) else None
    entries = _entries(values, each) if each else [""]
    filled: list[str] = []
    for entry in entries:
        own = {"each": entry, PARAMETER_OWNER: owner_of_parameters(entry, values.get("account", ""))}
        filled += [template.format_map({**values, **own}) for template in templates]
    return filled


def _completed(options: Options) -> dict[str, Any]:
    """The options as templates expect them: a prefix ends with a slash, and the namespace has its default."""
    completed = dict(options)
    if (logs := completed.get("session_logs")) is not None:
        completed["session_logs"] = {**logs, "prefix": _folder(logs.get("prefix"))}
    if (agent := completed.get("cloudwatch_agent")) is not None:
        completed["cloudwatch_agent"] = {"namespace": option_at("cloudwatch_agent.namespace").default, **agent}
    return completed


def _folder(prefix: Any) -> str:
    """A prefix that ends with a slash. Empty if there is none."""
    folder = str(prefix or "").strip("/")
    return f"{folder}/" if folder else ""


def _without_covered(allowed: Iterable[str]) -> list[str]:
    """The actions without duplicates and without those that the wildcard of another one covers."""
    once = list(dict.fromkeys(allowed))
    wildcards = [action for action in once if "*" in action]
    return [
        action
        for action in once
        if not any(action != wildcard and fnmatchcase(action, wildcard) for wildcard in wildcards)
    ]


def _document(statements: list[dict[str, Any]]) -> Document:
    return {"Version": VERSION, "Statement": statements}


def _one_or_many(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
