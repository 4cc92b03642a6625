"""Whatever stands in the stack config gives a valid policy or a clear error, and never a traceback."""

import json
import re

import pulumi
import pytest

from ssm_profile import policy
from ssm_profile.options import OPTIONS, find_mistakes
from ssm_profile.settings import config_key, read_settings
from tests import require
from tests.conftest import config_text
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
keys = st.sampled_from(
    [re.sub(r"_(.)", lambda match: match[1].upper(), name) for name in [*OPTIONS, "protect"]]
) | st.text(min_size=1)
configs = st.dictionaries(keys, plausible | anything, max_size=6)


@hypothesis.given(config=configs)
@hypothesis.settings(max_examples=300, deadline=None)
def test_a_valid_policy_or_a_line_for_each_mistake(config):
    pulumi.runtime.set_all_config({f"ssm-profile:{key}": config_text(value) for key, value in config.items()})
    try:
        args = read_settings("web").args
    except pulumi.RunError as error:
        first, *lines = str(error).split("\n  ")
        assert first == "The stack config cannot be used; nothing was changed:"
        assert lines
        assert all(re.match(r"ssm-profile:.*: found .*; allowed: .+", line, re.DOTALL) for line in lines)
    else:
        assert set(args) <= set(OPTIONS)
        document = policy.policy_document(args, LOCATION)
        moto_validation.IAMPolicyDocumentValidator(policy.to_json(document)).validate()
        moto_validation.IAMTrustPolicyDocumentValidator(policy.to_json(policy.trust_policy(args))).validate()


@hypothesis.given(options=st.dictionaries(st.sampled_from(list(OPTIONS)) | st.text(), anything, max_size=6))
@hypothesis.settings(max_examples=300, deadline=None)
def test_args_that_have_no_mistake_give_a_policy(options):
    lines = find_mistakes(options)

    assert all("; allowed: " in line for line in lines)
    if not lines:
        text = policy.to_json(policy.policy_document(options, LOCATION))
        assert json.loads(text)["Version"] == "2012-10-17"


@hypothesis.given(options=st.fixed_dictionaries({}, optional={
    "ec2_describe_actions": st.lists(st.from_regex(r"Describe[A-Za-z]{1,20}", fullmatch=True), min_size=1),
    "scope_heartbeat": st.booleans(),
    "quiet_agent": st.booleans(),
    "require_imdsv2": st.booleans(),
}))  # fmt: skip
def test_every_good_set_of_options_gives_a_valid_policy_and_the_same_text_again(options):
    assert find_mistakes(options) == []

    text = policy.to_json(policy.policy_document(options, LOCATION))

    moto_validation.IAMPolicyDocumentValidator(text).validate()
    shuffled = dict(reversed(options.items()))
    shuffled |= {key: value[::-1] for key, value in options.items() if isinstance(value, list)}
    assert policy.to_json(policy.policy_document(shuffled, LOCATION)) == text


def test_config_keys_are_the_options_in_camel_case():
    assert config_key("permissions_boundary_arn", "ssm-profile") == "ssm-profile:permissionsBoundaryArn"
