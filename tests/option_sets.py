"""Sets of options for tests of the component in other languages."""

from ssm_profile.options import CONFLICTS, OPTIONS, camel_case
from tests.expected import MAPS
from tests.option_examples import with_config_keys

EXAMPLES = {name: option.example for name, option in OPTIONS.items()} | MAPS
ONLY_FOR_A_NEW_ROLE = {conflict.option for conflict in CONFLICTS if conflict.other == "existing_role_name"}
NEW_ROLE = {
    name: value for name, value in EXAMPLES.items() if name not in ("existing_role_name", "session_kms_key_alias")
}
BY_ALIAS = {
    name: value
    for name, value in EXAMPLES.items()
    # A managed policy is shorter than an inline one may be.
    if name not in ("existing_role_name", "session_kms_key_arn", "cloudwatch_agent", "domain_join", "read_buckets")
}
OPTION_SETS = {
    "defaults": {},
    "new role": {**NEW_ROLE, "policy_kind": "inline", "exclusive": False},
    "managed policy": BY_ALIAS,
    "existing role": {
        **{name: value for name, value in BY_ALIAS.items() if name not in ONLY_FOR_A_NEW_ROLE},
        "existing_role_name": "old",
    },
    "tags": {"tags": {"Team": "web", "with_underscore": "kept"}},
}
"""Sets of options that contain each option, each key of a map, and each way to make the role and the policy."""


def in_camel_case(value):
    """Inputs as a program in another language has them. The keys of tags stay as the user writes them."""
    return {camel_case(name): entry if name == "tags" else with_config_keys(entry) for name, entry in value.items()}
