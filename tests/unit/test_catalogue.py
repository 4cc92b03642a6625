"""The catalogue explains every action and gives a source."""

import re

import pytest

from ssm_profile.catalogue import CAPABILITIES, EXPLICIT_DENIES, NOT_GRANTED, VPC_ENDPOINTS, Capability
from ssm_profile.options import OPTIONS
from ssm_profile.policy import is_granted_by_default

GRANTS = [(capability, grant) for capability in CAPABILITIES for grant in capability.grants]
SENTENCES = r"[A-Z].+\."


def name_of(value):
    """The name of a capability, or the action of a grant."""
    return value.name if isinstance(value, Capability) else value.action


@pytest.mark.parametrize(("capability", "grant"), GRANTS, ids=name_of)
def test_grant_is_explained(capability, grant):
    for text in (grant.purpose, grant.symptom, grant.measured, capability.summary):
        assert re.fullmatch(SENTENCES, text)
    assert grant.sources
    assert all(source.startswith("https://") for source in grant.sources)
    assert re.fullmatch(r"[a-z0-9]+:([A-Za-z]+\*?|\{each\})", grant.action)


@pytest.mark.parametrize("deny", EXPLICIT_DENIES, ids=lambda deny: deny.name)
def test_explicit_deny_is_explained(deny):
    assert re.fullmatch(SENTENCES, deny.summary)
    assert re.fullmatch(SENTENCES, deny.breaks)
    assert deny.sources
    assert all(source.startswith("https://") for source in deny.sources)


@pytest.mark.parametrize("not_granted", NOT_GRANTED, ids=lambda not_granted: not_granted.actions[0])
def test_omission_is_explained(not_granted):
    assert re.fullmatch(rf"([A-Z]|({'|'.join(OPTIONS)}) ).+\.", not_granted.why)
    assert all(re.fullmatch(r"[a-z0-9]+:[A-Za-z]*\*?", action) for action in not_granted.actions)


@pytest.mark.parametrize("endpoint", VPC_ENDPOINTS, ids=lambda endpoint: endpoint.service)
def test_endpoint_is_explained(endpoint):
    assert re.fullmatch(SENTENCES, endpoint.note)
    assert set(endpoint.capabilities) <= {capability.name for capability in CAPABILITIES}


def test_capabilities_without_option_are_always_granted():
    without_option = [capability for capability in CAPABILITIES if capability.name not in OPTIONS]

    assert all(is_granted_by_default(capability) for capability in without_option)


def test_explicit_denies_have_options():
    assert {deny.name for deny in EXPLICIT_DENIES} <= OPTIONS.keys()


def test_names_are_unique():
    names = [each.name for each in (*CAPABILITIES, *EXPLICIT_DENIES)]

    assert len(names) == len(set(names))


def test_replaced_capabilities_exist():
    replaced = {capability.replaces for capability in CAPABILITIES} - {None}

    assert replaced <= {capability.name for capability in CAPABILITIES}


@pytest.mark.parametrize(("capability", "grant"), GRANTS, ids=name_of)
def test_grants_name_existing_options(capability, grant):
    for path in {grant.each, grant.needs} - {None}:
        name, _, key = path.partition(".")
        assert name == capability.name
        assert not key or key in OPTIONS[name].keys
