"""The findings of third-party linters in every policy that the options can produce."""

import json

from ssm_profile import policy
from tests import require
from tests.expected import LOCATION, PROD, document
from tests.option_examples import combined_switches

parliament = require("parliament")
actions_table = require("policy_sentry.querying.actions")


def find(policy_document):
    return parliament.analyze_policy_string(json.dumps(policy_document)).findings


def test_parliament_finds_only_ec2_describe():
    """IAM has no resource but ``*`` for some of its actions. Parliament reports that for the others."""
    statements = {
        str(statement): statement
        for partition in ("aws", "aws-cn", "aws-us-gov")
        for options in combined_switches()
        for statement in policy.policy_document(options, LOCATION | {"partition": partition})["Statement"]
    }

    findings = [finding for statement in statements.values() for finding in find(document(statement))]

    assert {finding.issue for finding in findings} == {"RESOURCE_STAR"}
    assert [action for finding in findings for action in finding.detail if not action.startswith("ec2:Describe")] == []


def test_parliament_finds_nothing_in_prod():
    assert find(PROD) == []


def test_policy_sentry_knows_every_action():
    for action in {action for options in combined_switches() for action in policy.actions(options)}:
        service = action.partition(":")[0]
        known = {each.lower() for each in actions_table.get_actions_for_service(service)}
        if action.endswith("*"):
            assert [each for each in known if each.startswith(action[:-1].lower())], action
        else:
            assert action.lower() in known, action
