"""Wrong options are refused by the component and by the program, and nothing is registered."""

import re

import pulumi
import pytest

from ssm_profile import OptionsError, SsmInstanceProfile
from ssm_profile.options import OPTIONS
from ssm_profile.settings import read_settings
from ssm_profile.stack_config import config_key
from ssm_profile.validation import UNKNOWN
from tests import config_text
from tests.expected import KEY
from tests.option_examples import EXAMPLES, INVALID_COMBINATIONS, exact_path, invalid_options, with_config_keys

KEY_IN_CHINA = KEY.replace("arn:aws:", "arn:aws-cn:")
INVALID = {path: [] for path, _ in invalid_options()}
for path, options in invalid_options():
    INVALID[path].append(options)

IN_CONFIG_ALSO_RIGHT = ("quietAgent", "session_logs.Bucket", "read_buckets[0].Bucket")
"""Names that are mistakes in Python. In config they are keys in camelCase, or become equal to a key that exists."""


def to_config(options):
    """Options as the CLI passes them to a program."""
    return {
        config_key(name, "ssm-profile"): config_text(value if name == "tags" else with_config_keys(value))
        for name, value in options.items()
    }


def is_as_wrong_in_config(path, options):
    """Whether stack config can hold the options, and whether they are wrong there.

    Config holds strings. A number is a valid string there, "true" is a valid boolean, and an empty value counts as not
    given. Outputs do not occur.
    """
    name = re.split(r"[.\[]", path)[0]
    value = options.get(name)
    if holds_output(options) or value in ("", [], {}):
        return False
    option_type = OPTIONS[name].type if name in OPTIONS else None
    if option_type == "string":
        return isinstance(value, str)
    if option_type == "boolean" and value == "true":
        return False
    return not (isinstance(value, dict) and any(not isinstance(key, str) for key in value))


def holds_output(value):
    if isinstance(value, dict):
        return any(map(holds_output, value.values()))
    if isinstance(value, list | tuple):
        return any(map(holds_output, value))
    return value is UNKNOWN


@pytest.mark.parametrize("path", INVALID)
def test_component_refuses(cloud, path):
    for options in INVALID[path]:
        if holds_output(options):  # test_component.py has real ones
            continue
        with pytest.raises(OptionsError) as error:
            SsmInstanceProfile("web", options)

        assert path in {mistake.path for mistake in error.value.mistakes}, options

    assert cloud.registered == []
    assert cloud.invoked == []


@pytest.mark.parametrize("path", [path for path in INVALID if path not in IN_CONFIG_ALSO_RIGHT])
@pytest.mark.usefixtures("cloud")
def test_program_refuses_in_stack_config(path):
    tried = 0
    for options in INVALID[path]:
        if not is_as_wrong_in_config(path, options):
            continue
        tried += 1
        pulumi.runtime.set_all_config(to_config(options))
        with pytest.raises(pulumi.RunError, match=r"The stack config is not valid. Nothing was changed\.") as error:
            read_settings("ssm-profile-test")

        assert f"  `{config_key(path, 'ssm-profile')}` " in str(error.value), options

    assert tried


@pytest.mark.parametrize(
    ("region", "arn", "partitions"),
    [
        ("cn-north-1", KEY, "is in partition aws, but the deployment is in aws-cn"),
        ("us-gov-west-1", KEY, "is in partition aws, but the deployment is in aws-us-gov"),
        (
            "eu-central-1",
            KEY_IN_CHINA,
            "is in partition aws-cn, but the deployment is in aws",
        ),
    ],
)
@pytest.mark.usefixtures("cloud")
def test_program_refuses_another_partition(region, arn, partitions):
    pulumi.runtime.set_all_config({"aws:region": region, "ssm-profile:sessionKmsKeyArn": arn})

    with pytest.raises(pulumi.RunError) as error:
        read_settings("ssm-profile-test")

    assert f'`ssm-profile:sessionKmsKeyArn` {partitions} (got "{arn}").' in str(error.value)


def test_every_option_is_tried():
    assert INVALID.keys() == {exact_path(path) for path in EXAMPLES} | {path for path, _ in INVALID_COMBINATIONS}
