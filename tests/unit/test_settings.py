"""The settings of the current stack: every mistake in one error, and secrets that stay secret."""

import json

import pulumi
import pytest

from ssm_profile.settings import read_settings
from tests.expected import DEFAULT_ACTIONS, allow, document

pytestmark = pytest.mark.usefixtures("cloud")


def set_config(**values):
    pulumi.runtime.set_all_config({f"ssm-profile:{key}": value for key, value in values.items()})


def test_every_mistake_is_in_one_error():
    set_config(quietAgent="yes", inventory="true", quitAgent="true", protect="1")

    with pytest.raises(pulumi.RunError) as error:
        read_settings("ssm profile")

    assert str(error.value) == (
        "The stack config is not valid. Nothing was changed.\n"
        '  `name` must consist of letters, digits and + = , . @ _ - (got "ssm profile").\n'
        '  `ssm-profile:quietAgent` must be true or false (got "yes").\n'
        "  `ssm-profile:inventory` requires `ssm-profile:stateManager` to be true.\n"
        "  `ssm-profile:protect` must be true or false (got 1).\n"
        "  `ssm-profile:quitAgent` is not an option. Did you mean `ssm-profile:quietAgent`? docs/options.md lists all "
        "options."
    )


def test_stack_name_that_is_too_long():
    """The stack's name is part of the component's name."""
    name = f"ssm-profile-{'s' * 40}"

    with pytest.raises(pulumi.RunError) as error:
        read_settings(name)

    assert str(error.value) == (
        "The stack config is not valid. Nothing was changed.\n"
        f'  `name` "{name}" is too long. Its 52 characters, the 5 of "-role" and the 8 of Pulumi\'s random suffix make '
        "65. IAM allows 64 in the name of a role. Use at most 51 characters, or set `ssm-profile:roleName`."
    )


def test_policy_that_is_too_long():
    """It is measured where ARNs are shortest, since the location is not known yet."""
    paths = [f"/application/environment/{number:04}" for number in range(50)]
    arns = [f"arn:aws:ssm:us-east-1:123456789012:parameter{path}{end}" for path in paths for end in ("", "/*")]
    expected = document(allow(DEFAULT_ACTIONS), allow(["ssm:GetParameter", "ssm:GetParameters"], arns))
    size = len(json.dumps(expected, separators=(",", ":")))
    set_config(parameters=json.dumps({"paths": paths}), policyKind="managed")

    with pytest.raises(pulumi.RunError) as error:
        read_settings("ssm-profile-dev")

    assert str(error.value) == (
        "The stack config is not valid. Nothing was changed.\n"
        f"  `policy` is too long: it has {size:,} characters without spaces. IAM allows 10,240 in the inline policies "
        'of a role and 6,144 in a managed policy, and `ssm-profile:policyKind` is "managed". Use fewer or shorter '
        "`ssm-profile:parameters.paths`, `ssm-profile:cloudwatchAgent.logGroups` or `ssm-profile:ec2DescribeActions`."
    )


@pytest.mark.parametrize(("value", "protect"), [("true", True), ("false", False), ("", False)])
def test_protect_is_not_an_arg(value, protect):
    set_config(protect=value, quietAgent="true")

    settings = read_settings("ssm-profile-dev")

    assert (settings.args, settings.protect) == ({"quiet_agent": True}, protect)


def test_secret_stays_secret(deploy):
    def program():
        config = {"ssm-profile:description": "For the web servers.", "ssm-profile:quietAgent": "true"}
        pulumi.runtime.set_all_config(config, list(config))
        args = read_settings("web").args
        assert args["quiet_agent"] is True
        pulumi.export("description", args["description"])
        pulumi.export("secret", pulumi.Output.from_input(args["description"].is_secret()))

    assert deploy(program) == {"description": "For the web servers.", "secret": True}
