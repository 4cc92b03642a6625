"""The options as data: complete, consistent, and each with examples."""

import re

import pytest

from ssm_profile import SsmInstanceProfileArgs
from ssm_profile.catalogue import CAPABILITIES, EXPLICIT_DENIES
from ssm_profile.descriptions import option_descriptions
from ssm_profile.options import CONFLICTS, OPTIONS, camel_case, option_at, option_paths
from ssm_profile.validation import find_mistakes
from tests.option_examples import EXAMPLES, options_with

PATHS = list(option_paths())


def test_options_are_the_args():
    args = SsmInstanceProfileArgs.__annotations__

    assert args.keys() - OPTIONS.keys() == set(), "ssm_profile/options.py has no rule for these"
    assert OPTIONS.keys() - args.keys() == set(), "SsmInstanceProfileArgs in ssm_profile/component.py lacks these"
    assert list(OPTIONS) == list(args)


def test_every_option_has_a_description():
    assert set(PATHS) - option_descriptions().keys() == set(), "these have no docstring in ssm_profile/component.py"
    assert list(option_descriptions()) == PATHS


@pytest.mark.parametrize("path", PATHS)
def test_description_is_a_sentence(path):
    """It begins with a verb, since the command shows it as help."""
    verbs = "Grant|Deny|Set|Add|Attach|Let|Make|Remove|Limit"

    assert re.fullmatch(rf"({verbs}) .*[.]", option_descriptions()[path])


@pytest.mark.parametrize("path", PATHS)
def test_example_is_valid(path):
    assert find_mistakes(options_with(path, option_at(path).example)) == []


@pytest.mark.parametrize("path", [path for path in PATHS if option_at(path).default not in (None, False)])
def test_default_is_valid(path):
    assert find_mistakes(options_with(path, option_at(path).default)) == []


def test_every_option_has_examples():
    assert EXAMPLES.keys() == set(PATHS)
    assert all(examples.valid and examples.invalid for examples in EXAMPLES.values())
    assert sum(len(examples.invalid) for examples in EXAMPLES.values()) > 600


def test_capabilities_are_known():
    """A capability without an option is always granted."""
    without_option = {each.name for each in (*CAPABILITIES, *EXPLICIT_DENIES)} - OPTIONS.keys()

    assert without_option == {"messaging", "heartbeat"}, "ssm_profile/options.py has no rule for these"


def test_relations_name_options():
    required = {each for path in PATHS for each in option_at(path).requires}

    assert required <= set(PATHS)
    assert {name for conflict in CONFLICTS for name in (conflict.option, conflict.other)} <= OPTIONS.keys()


def test_camel_case():
    assert camel_case("session_logs.kms_key_arn") == "sessionLogs.kmsKeyArn"
    assert camel_case("require_imdsv2") == "requireImdsv2"
