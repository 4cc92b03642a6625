"""Random stack config gives a valid policy or a sentence for each mistake, and never a traceback."""

import json
import re

import pulumi
import pytest

from ssm_profile import policy
from ssm_profile.options import OPTIONS, camel_case
from ssm_profile.settings import read_settings
from ssm_profile.stack_config import PROTECT
from ssm_profile.validation import find_mistakes
from tests import config_text, require
from tests.expected import LOCATION

hypothesis = require("hypothesis")
st = require("hypothesis.strategies")
moto_validation = require("moto.iam.policy_validation")


@pytest.fixture(scope="module", autouse=True)
def _project():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulumi, "get_project", lambda: "ssm-profile")
        yield


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
plausible = st.sampled_from(
    ["true", "false", "", "/", "/ssm/", "web", ["DescribeTags"], [], {}, {"Team": "web"}, ["ec2.amazonaws.com"]]
)
keys = st.sampled_from([camel_case(name) for name in [*OPTIONS, PROTECT]]) | st.text(min_size=1)
configs = st.dictionaries(keys, plausible | anything, max_size=6)
examples = st.fixed_dictionaries({}, optional={name: st.just(option.example) for name, option in OPTIONS.items()})


def validate(options):
    """Raise an error if IAM would not accept the policies of valid options."""
    permissions = policy.to_json(policy.policy_document(options, LOCATION))
    moto_validation.IAMPolicyDocumentValidator(permissions).validate()
    moto_validation.IAMTrustPolicyDocumentValidator(policy.to_json(policy.trust_policy(options))).validate()
    return permissions


@hypothesis.given(config=configs)
@hypothesis.settings(max_examples=300, deadline=None)
def test_config_is_valid_or_refused(config):
    pulumi.runtime.set_all_config({f"ssm-profile:{key}": config_text(value) for key, value in config.items()})
    try:
        args = read_settings("web").args
    except pulumi.RunError as error:
        first, *sentences = str(error).split("\n  ")
        assert first == "The stack config is not valid. Nothing was changed."
        assert sentences
        assert all(re.fullmatch(r"`ssm-profile:.*` .+\.", sentence, re.DOTALL) for sentence in sentences)
    else:
        assert set(args) <= set(OPTIONS)
        validate(args)


@hypothesis.given(options=st.dictionaries(st.sampled_from(list(OPTIONS)) | st.text(), anything, max_size=6))
@hypothesis.settings(max_examples=300, deadline=None)
def test_args_are_valid_or_refused(options):
    mistakes = find_mistakes(options)

    assert all(re.fullmatch(r"`.*` .+\.", str(mistake), re.DOTALL) for mistake in mistakes)
    if not mistakes:
        assert json.loads(validate(options))["Version"] == "2012-10-17"


@hypothesis.given(options=examples)
@hypothesis.settings(deadline=None)
def test_examples_give_the_same_text_again(options):
    """The order of options and of their entries does not matter."""
    hypothesis.assume(not find_mistakes(options))
    shuffled = {name: value[::-1] if isinstance(value, list) else value for name, value in reversed(options.items())}

    assert validate(shuffled) == validate(options)
