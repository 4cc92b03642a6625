"""The catalogue is complete: every option is there, and every action is explained with its source."""

import re

import pytest

from ssm_profile.catalogue import CAPABILITIES, EXPLICIT_DENIES
from ssm_profile.options import OPTIONS

GRANTS = [(capability, grant) for capability in CAPABILITIES for grant in capability.grants]


@pytest.mark.parametrize(
    ("capability", "grant"), GRANTS, ids=lambda value: getattr(value, "name", None) or value.action
)
def test_every_action_is_explained_in_sentences_with_a_source(capability, grant):
    for text in (grant.purpose, grant.symptom, grant.measured, capability.summary):
        assert re.fullmatch(r"[A-Z].+\.", text)
    assert grant.sources
    assert all(source.startswith("https://") for source in grant.sources)
    assert re.fullmatch(r"[a-z0-9]+:([A-Za-z]+\*?|\{each\})", grant.action)


@pytest.mark.parametrize("deny", EXPLICIT_DENIES, ids=lambda deny: deny.name)
def test_every_guard_says_what_it_breaks(deny):
    assert re.fullmatch(r"[A-Z].+\.", deny.summary)
    assert re.fullmatch(r"[A-Z].+\.", deny.breaks)
    assert deny.sources


def test_names_are_options_or_on_by_default():
    without_option = {capability.name for capability in CAPABILITIES if capability.name not in OPTIONS}

    assert without_option == {"messaging", "heartbeat"}
    assert all(capability.default for capability in CAPABILITIES if capability.name in without_option)
    assert {deny.name for deny in EXPLICIT_DENIES} <= OPTIONS.keys()


def test_only_the_design_s_six_are_on_by_default():
    on = [grant.action for capability, grant in GRANTS if capability.default]

    assert on == [
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenDataChannel",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:OpenControlChannel",
        "ssm:UpdateInstanceInformation",
        "ec2:Describe*",
    ]


def test_what_is_replaced_exists():
    names = [capability.name for capability in CAPABILITIES]

    assert len(names) == len(set(names))
    assert {capability.replaces for capability in CAPABILITIES} - {None} <= set(names)
