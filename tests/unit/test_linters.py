"""What third-party linters say of every policy that the options can produce."""

import json

import pytest

from ssm_profile import policy
from tests import require
from tests.expected import LOCATION, MAPS
from tests.unit.test_policy import SWITCHES, every_combination

parliament = require("parliament")
actions_table = require("policy_sentry.querying.actions")


def findings(document):
    return parliament.analyze_policy_string(json.dumps(document)).findings


def document_of(options, partition="aws"):
    return policy.policy_document(options, LOCATION | {"partition": partition})


FEW = [*every_combination((0, 1, 2)), *every_combination((len(SWITCHES),))]
"""All single switches, all pairs of them, and all of them: what can go wrong in a statement shows there."""


@pytest.mark.parametrize(("partition", "sizes"), [("aws", (0, 1, 2)), ("aws-cn", (1,)), ("aws-us-gov", (1,))])
def test_parliament_finds_nothing_but_the_star_of_the_design(partition, sizes):
    for options in every_combination((*sizes, len(SWITCHES))):
        found = findings(document_of(options | MAPS, partition)) + findings(document_of(options, partition))
        assert {finding.issue for finding in found} <= {"RESOURCE_STAR"}, options
        assert all(action.startswith("ec2:Describe") for finding in found for action in finding.detail), options


def test_parliament_finds_nothing_at_all_in_the_policy_of_production():
    assert findings(document_of({"ec2_describe": False, "scope_heartbeat": True, "require_imdsv2": True})) == []


def test_parliament_does_find_the_star_of_the_default():
    assert {finding.issue for finding in findings(document_of({}))} == {"RESOURCE_STAR"}


def test_parliament_would_find_a_misspelt_action():
    document = document_of({})
    document["Statement"][0]["Action"][0] = "ssmmessages:CreateDataChanel"

    assert "UNKNOWN_ACTION" in {finding.issue for finding in findings(document)}


def test_every_action_is_in_policy_sentry_s_table():
    for action in {action for options in FEW for action in policy.actions(options | MAPS)}:
        service, _, name = action.partition(":")
        known = {known.lower() for known in actions_table.get_actions_for_service(service)}
        if name.endswith("*"):
            assert [known_action for known_action in known if known_action.startswith(action[:-1].lower())]
        else:
            assert action.lower() in known


def test_policy_sentry_would_not_know_a_misspelt_action():
    assert "ssmmessages:CreateDataChanel" not in actions_table.get_actions_for_service("ssmmessages")
