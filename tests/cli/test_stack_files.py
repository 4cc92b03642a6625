"""Pulumi.yaml and Pulumi.STACK.yaml as the command reads them."""

import json

import pytest
import yaml

from ssm_profile.options import OPTIONS, camel_case
from ssm_profile.policy import GRANTING
from tests import ROOT
from tests.expected import DEFAULT
from tests.option_examples import with_config_keys

PROJECT = "name: web\nruntime: python\n"
NO_OPTIONS = (
    "Pulumi.yaml and Pulumi.dev.yaml set no options, so this is the default policy. "
    "--stack does not read options that a program sets in its code.\n"
)


class TestKeys:
    @pytest.mark.parametrize("key", ["quietAgent", "web:quietAgent", "web:config:quietAgent"])
    def test_namespace_is_the_project(self, explain_stack, key):
        explained = explain_stack(f"config: {{{key}: true}}")

        assert (explained.json["options"], explained.error) == ({"quiet_agent": True}, "")

    @pytest.mark.parametrize("name", [name for name in OPTIONS if name in GRANTING])
    def test_every_option(self, explain_stack, name):
        options = dict.fromkeys(OPTIONS[name].requires, True) | {name: OPTIONS[name].example}
        config = {camel_case(option): with_config_keys(value) for option, value in options.items()}

        explained = explain_stack(json.dumps({"config": {"aws:region": "eu-central-1", **config}}))

        assert explained.json["options"] == options

    @pytest.mark.parametrize("key", ["quietAgnet", "web:quietAgnet", "quiet_agent"])
    def test_mistyped_key(self, explain_stack, key):
        """The error names the nearest option."""
        refused = explain_stack(f"config: {{{key}: true}}")

        assert refused.code == 2
        name = key.removeprefix("web:")
        assert f"`web:{name}` is not an option. Did you mean `web:quietAgent`?" in refused.error

    def test_keys_of_a_provider(self, explain_stack):
        explained = explain_stack("config: {aws:defaultTags: {tags: {Team: web}}, quietAgent: true, db:password: x}")

        assert (explained.json["options"], explained.error) == ({"quiet_agent": True}, "")

    def test_key_of_a_provider_with_the_name_of_an_option(self, explain_stack):
        """``path`` does not decide what is granted, and is a usual name."""
        explained = explain_stack("config: {quietAgent: true, other:path: /usr}")

        assert (explained.json["options"], explained.error) == ({"quiet_agent": True}, "")

    def test_key_twice(self, explain_stack):
        """Pulumi takes one of the two at random."""
        refused = explain_stack("config: {quietAgent: true, web:quietAgent: false}")

        assert refused.code == 2
        assert "Pulumi.dev.yaml: `web:quietAgent` is given twice, once as `web:quietAgent`." in refused.error

    def test_key_with_too_many_colons(self, explain_stack):
        refused = explain_stack("config: {'web:a:b': 1}")

        assert refused.code == 2
        assert "`web:a:b` is not a config key. Write it as `namespace:name`." in refused.error


class TestOtherProjects:
    def test_renamed_project(self, explain_stack):
        """The keys of ssm-profile are refused in a project with another name."""
        refused = explain_stack("config: {ssm-profile:quietAgent: true}")

        assert refused.code == 2
        assert (
            "`ssm-profile:quietAgent` belongs to project ssm-profile, but this project is web. "
            "Rename it to `web:quietAgent`."
        ) in refused.error

    def test_mistyped_namespace(self, explain_stack):
        """A key of an unknown project can be that of a provider, so it is no error."""
        explained = explain_stack("config: {wbe:quietAgent: true}")

        assert explained.json["policy"] == DEFAULT
        assert explained.error == (
            "Pulumi.dev.yaml: wbe:quietAgent is not read, because this project is web. Its keys begin with `web:`.\n"
        )

    def test_program_with_keys_of_its_own(self, explain_stack):
        refused = explain_stack("config: {instanceType: t3.micro}")

        assert refused.code == 2
        assert "`web:instanceType` is not an option." in refused.error
        assert refused.error.endswith(
            "--stack reads projects whose config has no other keys than the options of SsmInstanceProfile. "
            "For other projects, pass the options as flags.\n"
        )

    @pytest.mark.parametrize("content", ["", "config:\n", "config: {aws:region: eu-central-1}"])
    def test_program_without_config(self, explain_stack, content):
        explained = explain_stack(content)

        assert (explained.json["policy"], explained.error) == (DEFAULT, NO_OPTIONS)

    def test_declared_options(self, explain_stack):
        """A stack that leaves all options at their defaults has no note."""
        assert explain_stack("", project=f"{PROJECT}config: {{quietAgent: false}}").error == ""


class TestValues:
    def test_yaml_of_pulumi(self, explain_stack):
        """``yes`` is a string for Pulumi, and true for YAML 1.1."""
        refused = explain_stack("config: {quietAgent: yes}")

        assert refused.code == 2
        assert '`web:quietAgent` must be true or false (got "yes").' in refused.error

    @pytest.mark.parametrize("value", ["", "null", "~", "''", "[]"])
    def test_empty_value(self, explain_stack, value):
        assert explain_stack(f"config:\n  quietAgent: {value}\n").json["options"] == {}

    @pytest.mark.parametrize("value", ["'true'", '"true"', "True", "!!bool true"])
    def test_true(self, explain_stack, value):
        assert explain_stack(f"config:\n  quietAgent: {value}\n").json["options"] == {"quiet_agent": True}

    def test_object_as_json(self, explain_stack):
        explained = explain_stack("""config: {sessionLogs: '{"bucket": "logs"}'}""")

        assert explained.json["options"] == {"session_logs": {"bucket": "logs"}}

    @pytest.mark.parametrize("value", [{"secure": "v1:x:y"}, {"bucket": {"secure": "v1:x:y"}}])
    def test_encrypted_option(self, explain_stack, value):
        refused = explain_stack(yaml.safe_dump({"config": {"sessionLogs": value}}))

        assert refused.code == 2
        assert "Pulumi.dev.yaml: the values of web:sessionLogs are encrypted" in refused.error
        assert "pass the options as flags" in refused.error

    def test_encrypted_region(self, explain_stack):
        refused = explain_stack("config: {quietAgent: true, aws:region: {secure: v1:x:y}}")

        assert refused.code == 2
        assert "the values of aws:region are encrypted" in refused.error

    def test_encrypted_value_of_a_provider(self, explain_stack):
        explained = explain_stack("config: {quietAgent: true, db:password: {secure: v1:x:y}}")

        assert (explained.json["options"], explained.error) == ({"quiet_agent": True}, "")

    def test_environment(self, explain_stack):
        """Only Pulumi can read an environment of Pulumi ESC."""
        explained = explain_stack("environment: [aws-login]\nconfig: {quietAgent: true}")

        assert explained.code == 0
        assert explained.error == (
            "Pulumi.dev.yaml imports a Pulumi ESC environment, which only Pulumi can read. "
            "Options that are set there are not taken into account.\n"
        )

    @pytest.mark.parametrize("region", ["middle-earth-1", "eu-central", "EU-CENTRAL-1", "eu-central-1a"])
    def test_region_is_validated(self, explain_stack, region):
        refused = explain_stack(f"config: {{aws:region: {region}}}")

        assert refused.code == 2
        assert refused.error == (
            "Error: Pulumi.dev.yaml: `aws:region` must be the name of a region, for example eu-central-1 "
            f"(got '{region}').\n"
        )

    def test_empty_region(self, explain_stack):
        explained = explain_stack("config: {documents: true, aws:region: ''}").json

        assert "<region>" in json.dumps(explained["policy"])

    def test_all_mistakes_at_once(self, explain_stack):
        refused = explain_stack("config: {quietAgnet: true, web:patching: 3}")

        assert refused.code == 2
        assert "`web:patching` must be true or false (got 3)." in refused.error
        assert "`web:quietAgnet` is not an option. Did you mean `web:quietAgent`?" in refused.error


class TestProject:
    @pytest.mark.parametrize(
        "config",
        [
            "{quietAgent: true}",
            "{web:quietAgent: true}",
            "{quietAgent: {type: boolean, default: true}}",
            "{quietAgent: {value: true}}",
        ],
    )
    def test_default_of_the_project(self, explain_stack, config):
        project = f"{PROJECT}config: {config}"

        assert explain_stack("", project=project).json["options"] == {"quiet_agent": True}
        assert explain_stack("config: {quietAgent: false}", project=project).json["options"] == {"quiet_agent": False}

    def test_missing_value(self, explain_stack):
        refused = explain_stack("", project=f"{PROJECT}config: {{quietAgent: {{type: boolean}}}}")

        assert refused.code == 2
        assert refused.error == (
            "Error: Pulumi.dev.yaml has no value for web:quietAgent, which Pulumi.yaml declares without a default. "
            "Add a value.\n"
        )

    @pytest.mark.parametrize("key", ["stackConfigDir", "config"])
    def test_folder_of_the_stacks(self, run, tmp_path, key):
        """An older project has the folder as ``config``."""
        (tmp_path / "Pulumi.yaml").write_text(f"{PROJECT}{key}: stacks")
        (tmp_path / "stacks").mkdir()
        (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text("config: {quietAgent: true}")

        explained = run("explain", "--stack", "dev", "-C", str(tmp_path), "--json").json

        assert explained["options"] == {"quiet_agent": True}

    def test_folder_below_the_project(self, run):
        explained = run("explain", "--stack", "prod", "-C", str(ROOT / "tests" / "cli"), "--json")

        assert explained.json["options"]["require_imdsv2"] is True

    @pytest.mark.parametrize(
        ("extension", "content"), [("yml", "{name: web, runtime: python}"), ("json", '{"name": "web"}')]
    )
    def test_extension(self, run, tmp_path, extension, content):
        """The file of the stack has the extension of the project's file."""
        (tmp_path / f"Pulumi.{extension}").write_text(content)
        (tmp_path / f"Pulumi.dev.{extension}").write_text('{"config": {"quietAgent": true}}')

        explained = run("explain", "--stack", "dev", "-C", str(tmp_path), "--json").json

        assert explained["options"] == {"quiet_agent": True}

    def test_name_with_organization(self, run):
        explained = run("explain", "--stack", "acme/ssm-profile/prod", "-C", str(ROOT), "--json").json

        assert explained["options"]["require_imdsv2"] is True

    @pytest.mark.parametrize("content", ["runtime: python", "name: 3", "name: ''"])
    def test_without_a_name(self, explain_stack, content):
        refused = explain_stack("", project=content)

        assert refused.code == 2
        assert "Pulumi.yaml must have the name of the project as `name`" in refused.error

    def test_no_project(self, run, tmp_path):
        refused = run("explain", "--stack", "dev", "-C", str(tmp_path))

        assert refused.code == 2
        assert f"There is no Pulumi.yaml in {tmp_path.resolve()} or above it." in refused.error

    def test_unknown_stack(self, run):
        """The message lists the stacks that exist."""
        refused = run("explain", "--stack", "nope", "-C", str(ROOT))

        assert refused.code == 2
        assert refused.error.endswith("Pulumi.nope.yaml does not exist. The stacks are dev, prod.\n")


class TestBrokenFiles:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("[]", "Pulumi.dev.yaml must be a YAML map"),
            ("config: 3", "`config` must be a map of keys and values (got 3). Write the keys below it"),
            ("config: []", "`config` must be a map of keys and values (got []). Write the keys below it"),
            ("a: [", "Pulumi.dev.yaml is not YAML: "),
            ("\x00", "Pulumi.dev.yaml is a binary file"),
            ("config: {quietAgent: true, quietAgent: false}", "the key 'quietAgent' is given twice"),
            ("config: {tags: {a: x, 'a': y}}", "the key 'a' is given twice"),
            ("a: &a [*a]", "Pulumi.dev.yaml is not YAML: "),
            ("[" * 10_000, "Pulumi.dev.yaml is not YAML: "),
            ("config: {tags: {[a]: b}}", "Pulumi.dev.yaml is not YAML: "),
        ],
    )
    def test_error(self, explain_stack, content, message):
        refused = explain_stack(content)

        assert refused.code == 2
        assert message in refused.error

    def test_merged_maps(self, explain_stack):
        """A key that overrides one of a merged map is not given twice."""
        explained = explain_stack(
            "logs: &logs {bucket: logs, prefix: a}\nconfig: {sessionLogs: {<<: *logs, prefix: b}}"
        )

        assert explained.json["options"] == {"session_logs": {"bucket": "logs", "prefix": "b"}}
