"""The settings of the current stack: every mistake in one error, and secrets that stay secret."""

import json

import pulumi
import pytest

from ssm_profile import SsmInstanceProfile
from ssm_profile.options import OPTIONS, camel_case, option_paths
from ssm_profile.settings import read_settings
from tests import config_text
from tests.expected import DEFAULT_ACTIONS, allow, document
from tests.option_examples import EXAMPLES

pytestmark = pytest.mark.usefixtures("cloud")


MARK = "opensesame"
ARN = "arn:aws:iam::123456789012:policy/web"


def set_secret_config(**values):
    """Set config values that Pulumi has encrypted."""
    keys = {f"ssm-profile:{key}": value for key, value in values.items()}
    pulumi.runtime.set_all_config(keys, list(keys))


def with_mark(value):
    """The value, with a mark in each string, number and key of it."""
    if isinstance(value, dict):
        return {key: with_mark(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [with_mark(entry) for entry in value]
    return f"{value}{MARK}\x00"


def contains_output(value):
    return "UNKNOWN" in repr(value) or "<object" in repr(value)


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
        "  `ssm-profile:quitAgent` is not an option. Did you mean `ssm-profile:quietAgent`? docs/options.md in "
        "the repository of ssm-profile lists all options."
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
        'of a role and 6,144 in a managed policy, and `ssm-profile:policyKind` is "managed". Set fewer options, '
        "or shorten this list: `ssm-profile:parameters.paths`."
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


class TestSecrets:
    @pytest.mark.parametrize("name", [name for name, option in OPTIONS.items() if option.type != "boolean"])
    def test_wrong_secret_is_not_shown(self, name):
        """Each value that an option refuses is hidden, whatever is wrong with it."""
        for value in EXAMPLES[name].invalid:
            is_text = OPTIONS[name].type == "string" and not isinstance(value, str)  # config has it as a string
            if contains_output(value) or value in ("", [], {}) or is_text:
                continue
            marked = with_mark(value)
            set_secret_config(**{camel_case(name): config_text(marked)})

            with pytest.raises(pulumi.RunError) as error:
                read_settings("web")

            assert MARK not in str(error.value), marked

    @pytest.mark.parametrize("path", [path for path in option_paths() if "." in path])
    def test_wrong_secret_leaf_is_not_shown(self, path):
        name, _, key = path.partition(".")
        value = {camel_case(key): MARK + "\x00"}
        set_secret_config(**{camel_case(name): config_text([value] if OPTIONS[name].is_list_of_maps else value)})

        with pytest.raises(pulumi.RunError) as error:
            read_settings("web")

        assert MARK not in str(error.value)
        assert "a secret value" in str(error.value)

    def test_leaves_stay_secret(self, deploy):
        """Each leaf that may be an output is a secret one."""
        set_secret_config(
            sessionLogs=json.dumps({"bucket": "logs", "prefix": "ssm"}),
            readBuckets=json.dumps([{"bucket": "scripts", "folders": True}]),
            managedPolicyArns=json.dumps([ARN]),
            tags=json.dumps({"Team": "web"}),
        )
        secret = {}

        def note(name, output):
            pulumi.Output.from_input(output.is_secret()).apply(lambda value: secret.update({name: value}))

        def program():
            settings = read_settings("web")
            assert not settings.has_secret_policy
            for name, output in settings.args["session_logs"].items():
                note(name, output)
            (bucket,) = settings.args["read_buckets"]
            assert bucket["folders"] is True
            note("scripts", bucket["bucket"])
            note("arn", settings.args["managed_policy_arns"][0])
            note("tags", settings.args["tags"])

        deploy(program)

        assert secret == dict.fromkeys(("bucket", "prefix", "scripts", "arn", "tags"), True)

    @pytest.mark.parametrize(
        ("config", "is_secret"),
        [
            ({"parameters": {"paths": ["/app"]}}, True),
            ({"cloudwatchAgent": {"logGroups": ["/app"]}}, True),
            ({"ec2DescribeActions": ["DescribeTags"]}, True),
            ({"cloudwatchAgent": {"namespace": "Web"}}, False),
            ({"quietAgent": True}, False),
        ],
        ids=str,
    )
    def test_policy_with_plain_values_stays_secret(self, deploy, config, is_secret):
        """The policy is secret if it contains a secret that must be known before the deployment."""
        set_secret_config(**{key: config_text(value) for key, value in config.items()})

        def program():
            settings = read_settings("web")
            assert settings.has_secret_policy == is_secret
            options = pulumi.ResourceOptions(transformations=settings.transformations)
            profile = SsmInstanceProfile("web", settings.args, options)
            pulumi.export("secret", pulumi.Output.from_input(profile.policy_json.is_secret()))
            pulumi.export("actions", pulumi.Output.from_input(profile.actions.is_secret()))

        outputs = deploy(program)

        assert outputs["actions"] is False
        assert outputs["secret"] == (is_secret or "cloudwatchAgent" in config)
