"""From options to policy documents: pure functions, without Pulumi."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from string import Formatter
from typing import Any

from .capabilities import CAPABILITIES, GUARDS, Capability, Grant, Guard

Options = Mapping[str, Any]
"""The component's args as plain values, by their names in Python: ``{"quiet_agent": True}``."""

Document = dict[str, Any]
"""A policy document, ready for :func:`json.dumps`."""

VERSION = "2012-10-17"
EC2 = "ec2.amazonaws.com"


def capabilities(options: Options) -> list[Capability]:
    """The capabilities that are switched on, in the catalogue's order."""
    enabled = [capability for capability in CAPABILITIES if options.get(capability.name, capability.default)]
    replaced = {capability.replaces for capability in enabled}
    return [capability for capability in enabled if capability.name not in replaced]


def guards(options: Options) -> list[Guard]:
    """The guards that are switched on, in the catalogue's order."""
    return [guard for guard in GUARDS if options.get(guard.name)]


def grants(options: Options) -> list[Grant]:
    """The catalogue's rows that apply, one for each action, the baseline's first."""
    return [grant for capability in capabilities(options) for grant in _expanded(capability, options)]


def actions(options: Options) -> list[str]:
    """The actions that are allowed, sorted."""
    return sorted({grant.action for grant in grants(options)})


def lookups(options: Options) -> set[str]:
    """What must be known of the place of deployment: any of partition, region and account, or nothing."""
    return {
        field
        for grant in grants(options)
        for template in grant.resources
        for _, field, _, _ in Formatter().parse(template)
        if field
    }


def policy_document(options: Options, place: Mapping[str, str]) -> Document:
    """The permissions policy: grants on the same resources share a statement, guards come last.

    The same options always give the same document, in whatever order they were written.

    Args:
        options: The args as plain values.
        place: A value for each of :func:`lookups`, such as ``{"partition": "aws"}``.
    """
    statements: dict[tuple[str, ...], list[str]] = {}
    for grant in grants(options):
        resources = tuple(template.format_map(place) for template in grant.resources)
        allowed = statements.setdefault(resources, [])
        if grant.action not in allowed:  # two capabilities may need the same
            allowed.append(grant.action)
    return _document(
        [
            {"Effect": "Allow", "Action": allowed, "Resource": _one_or_many(resources)}
            for resources, allowed in statements.items()
        ]
        + [
            {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": guard.condition}
            for guard in guards(options)
        ]
    )


def trust_policy(options: Options) -> Document:
    """The policy that says who may assume the role."""
    principals = sorted(set(options.get("service_principals", [EC2])))
    return _document(
        [{"Effect": "Allow", "Principal": {"Service": _one_or_many(principals)}, "Action": "sts:AssumeRole"}]
    )


def to_json(document: Document) -> str:
    """The text of a document, as IAM receives it."""
    return json.dumps(document)


def _expanded(capability: Capability, options: Options) -> Iterator[Grant]:
    for grant in capability.grants:
        if "{each}" in grant.action:
            for each in sorted(set(options[capability.name])):
                yield replace(grant, action=grant.action.format(each=each))
        else:
            yield grant


def _document(statements: list[dict[str, Any]]) -> Document:
    return {"Version": VERSION, "Statement": statements}


def _one_or_many(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
