"""The component package: the same component, constructed by the plugin for a program in any language."""

import json
import re
import tomllib

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import errors_pb2, provider_pb2, status_pb2

from ssm_profile import SsmInstanceProfile
from ssm_profile.component import OUTPUTS
from ssm_profile.options import OPTIONS, camel_case, option_at, option_paths
from ssm_profile.version import __version__
from tests import ROOT
from tests.expected import KEY
from tests.option_sets import OPTION_SETS, in_camel_case

SCHEMA = json.loads((ROOT / "docs" / "schema.json").read_text())
RESOURCE = SCHEMA["resources"]["ssm-profile:index:SsmInstanceProfile"]
INPUTS = RESOURCE["inputProperties"]


def schema_of(path):
    """The schema of an option or of a key of a map."""
    name, _, key = path.partition(".")
    assert camel_case(name) in INPUTS, f"docs/schema.json has no `{camel_case(name)}`: `make docs` writes it"
    if not key:
        return INPUTS[camel_case(name)]
    return SCHEMA["types"][type_of(name)]["properties"][camel_case(key)]


def type_of(name):
    """The name of the type of a map, or of the maps in a list."""
    schema = schema_of(name)
    return schema.get("items", schema)["$ref"].removeprefix("#/types/")


def output(value, **details):
    """An output of another resource as the engine passes it to a component."""
    return {rpc._special_sig_key: rpc._special_output_value_sig, "value": value, **details}


def secret(value):
    """A secret value as the engine passes it to a component."""
    return output(value, secret=True)


class TestConstruct:
    @pytest.mark.parametrize("args", OPTION_SETS.values(), ids=OPTION_SETS)
    def test_plugin_registers_the_same_resources(self, cloud, deploy, construct, args):
        def registered():
            return {
                each.name: (each.type, without_hash(each.inputs))
                for each in cloud.registered
                if each.type != "pulumi:pulumi:Stack"
            }

        def without_hash(inputs):  # the URN in the hash has another project in each of the two mocks
            return inputs | {"name": re.sub("-[0-9a-f]{7}$", "", inputs["name"])} if "name" in inputs else inputs

        def links():
            return {
                name: (
                    request.parent.split("$")[-1].split("::")[-1],
                    sorted(urn.split("::")[-1] for urn in request.dependencies),
                    request.protect,
                )
                for name, request in cloud.requests.items()
                if request.type.startswith("aws:")
            }

        construct(in_camel_case(args))
        from_plugin, links_from_plugin = registered(), links()
        cloud.registered, cloud.requests = [], {}
        deploy(lambda: SsmInstanceProfile("web", args))

        assert from_plugin == registered()
        assert "aws:iam/instanceProfile:InstanceProfile" in {resource_type for resource_type, _ in from_plugin.values()}
        assert links_from_plugin == links()

    def test_outputs_are_in_camel_case(self, construct):
        state = construct({"quietAgent": True})

        assert state.keys() == {camel_case(output) for output in OUTPUTS}
        assert state["roleName"] == "web-role-1234567"
        assert state["instanceProfileArn"] == "arn:aws:iam::123456789012:instance-profile/web-profile-1234567"
        assert "ec2messages:GetMessages" in state["actions"]
        assert json.loads(state["policyJson"])["Statement"][0]["Action"][0] == "ssmmessages:CreateDataChannel"

    def test_arns_are_unchanged(self, construct, cloud):
        construct({"sessionKmsKeyArn": KEY})

        assert cloud.policy["Statement"][-1]["Resource"] == KEY

    def test_tags_without_quotes(self, construct, cloud):
        """YAML makes numbers and booleans of them."""
        construct({"tags": {"Count": 1, "Build": 1234567890123456, "Share": 2.5, "Enabled": True, "Team": "web"}})

        assert cloud.of_type("aws:iam/role:Role").inputs["tags"] == {
            "Count": "1",
            "Build": "1234567890123456",
            "Share": "2.5",
            "Enabled": "true",
            "Team": "web",
        }

    @pytest.mark.parametrize(
        "wrap", [lambda tags: {key: output(tag) for key, tag in tags.items()}, output], ids=["values", "whole"]
    )
    def test_outputs_in_tags(self, construct, cloud, wrap):
        """An output of another resource can be a number or a boolean, too."""
        construct({"tags": wrap({"Count": 1, "Enabled": True, "Team": "web"})})

        assert cloud.of_type("aws:iam/role:Role").inputs["tags"] == {"Count": "1", "Enabled": "true", "Team": "web"}


LONG_PATHS = [f"/app/{'a' * 900}{number}" for number in range(12)]


def mistakes(error):
    """The mistakes in an error of the plugin."""
    status = status_pb2.Status.FromString(dict(error.value.trailing_metadata())["grpc-status-details-bin"])
    assert status.message == error.value.details()
    details = errors_pb2.InputPropertiesError()
    assert status.details[0].Unpack(details)
    return details.errors


class TestMistakes:
    @pytest.mark.parametrize("name", [camel_case(name) for name, option in OPTIONS.items() if option.keys])
    def test_map_cannot_be_secret(self, construct, cloud, name):
        """Pulumi's component host takes a map that is an output for an empty one."""
        with pytest.raises(grpc.RpcError) as error:
            construct({name: secret({"bucket": "logs"})})

        assert [(each.property_path, each.reason) for each in mistakes(error)] == [
            (f"`{name}`", "cannot be an output or a secret as a whole. Only the values in it can")
        ]
        assert cloud.registered == []

    def test_map_in_a_list_cannot_be_secret(self, construct):
        with pytest.raises(grpc.RpcError) as error:
            construct({"readBuckets": [{"bucket": "a"}, secret({"bucket": "b"})]})

        assert [each.property_path for each in mistakes(error)] == ["`readBuckets[1]`"]

    def test_values_in_a_map_can_be_secret(self, construct, cloud):
        construct(
            {
                "readBuckets": [{"bucket": "lists"}, {"bucket": secret("scripts")}],
                "sessionLogs": {"bucket": secret("logs")},
            }
        )

        policy = str(cloud.of_type("aws:iam/rolePolicy:RolePolicy").inputs["policy"])  # is a secret itself
        assert all(f'"arn:aws:s3:::{bucket}/*"' in policy for bucket in ("lists", "scripts", "logs"))

    def test_every_mistake_has_path_and_reason(self, construct, cloud):
        inputs = {
            "inventory": True,
            "path": "x",
            "readBuckets": [{"bucket": "scripts"}, {"bucket": "scripts", "kmsKeyArn": "alias/x"}],
            "sessionLogs": {"prefix": "a"},
            "sessionKmsKeyArn": "alias/x",
        }

        with pytest.raises(grpc.RpcError) as error:
            construct(inputs)

        assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert error.value.details() == "The inputs are not valid. Nothing was created"
        assert [(each.property_path.strip("`"), each.reason) for each in mistakes(error)] == [
            (
                "readBuckets[1].kmsKeyArn",
                f'must be the ARN of a KMS key, not of an alias, for example "{KEY}" (got "alias/x")',
            ),
            (
                "sessionKmsKeyArn",
                f'must be the ARN of a KMS key, not of an alias, for example "{KEY}" (got "alias/x")',
            ),
            ("sessionLogs.prefix", "requires `sessionLogs.bucket`"),
            (
                "path",
                (
                    'must be a path that begins and ends with "/", of at most 512 printable ASCII characters, for '
                    'example "/ssm/" (got "x")'
                ),
            ),
            ("inventory", "requires `stateManager` to be true"),
        ]
        assert cloud.registered == []

    @pytest.mark.parametrize(
        ("name", "inputs", "reason"),
        [
            ("w" * 52, {}, "or set `roleName`"),
            ("web", {"parameters": {"paths": LONG_PATHS}}, "or shorten this list: `parameters.paths`"),
            ("web", {"parameters": {"paths": LONG_PATHS}}, 'and `policyKind` is "inline"'),
            ("web", {"managedBuckets": True}, "cannot be true in cn-north-1"),
        ],
    )
    def test_mistake_of_the_component_has_a_reason(self, construct, cloud, name, inputs, reason):
        """It is in the caller's spelling, and there is no traceback."""
        cloud.answers["aws:index/getRegion:getRegion"] = {"region": "cn-north-1"}

        with pytest.raises(grpc.RpcError) as error:
            construct(inputs, name)

        assert error.value.details() == "The inputs are not valid"
        assert [reason in each.reason for each in mistakes(error)] == [True]

    def test_unknown_key_of_a_map(self, construct, cloud):
        """Pulumi checks only the names of the inputs, and drops what it does not know in them."""
        with pytest.raises(grpc.RpcError) as error:
            construct(
                {"parameters": {"paths": ["/app"], "kms_key_arn": KEY}, "readBuckets": [{"bucket": "scripts", "x": 1}]}
            )

        assert {each.property_path: each.reason.partition(" The keys")[0] for each in mistakes(error)} == {
            "`readBuckets[0].x`": "is not a key.",
            "`parameters.kms_key_arn`": "is not a key. Did you mean `parameters.kmsKeyArn`?",
        }
        assert cloud.registered == []

    @pytest.mark.parametrize("value", [0, 1, 2.5, "true", [], {"a": 1}])
    def test_wrong_type_is_refused(self, construct, cloud, value):
        with pytest.raises(grpc.RpcError) as error:
            construct({"patching": value})

        assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert cloud.registered == []


class TestSchema:
    def test_plugin_serves_the_schema_in_docs(self, plugin):
        served = json.loads(plugin.GetSchema(provider_pb2.GetSchemaRequest(), timeout=10).schema)

        assert served == SCHEMA, "docs/schema.json is stale: `make docs` writes it"

    def test_inputs_are_the_options(self):
        assert list(INPUTS) == [camel_case(name) for name in OPTIONS]
        assert RESOURCE.get("requiredInputs", []) == []

    @pytest.mark.parametrize("name", [name for name, option in OPTIONS.items() if option.keys])
    def test_maps_have_their_keys(self, name):
        of_map = SCHEMA["types"][type_of(name)]

        assert list(of_map["properties"]) == [camel_case(key) for key in OPTIONS[name].keys]

    def test_outputs_are_required(self):
        assert list(RESOURCE["properties"]) == [camel_case(output) for output in OUTPUTS]
        assert set(RESOURCE["required"]) == set(RESOURCE["properties"])

    @pytest.mark.parametrize("path", list(option_paths()))
    def test_description_says_default_and_requirement(self, path):
        option, description = option_at(path), schema_of(path)["description"]

        assert (f"Default: {json.dumps(option.default)}." in description) == (option.default is not None)
        assert ("Requires " in description) == bool(option.requires)
        for required in option.requires:
            assert re.search(rf"Requires .*\b{camel_case(required)}\b", description)

    def test_deciding_inputs_are_plain(self):
        """Their values must be known before the deployment. Others may be outputs."""
        plain = {name for name, schema in INPUTS.items() if schema.get("plain")}

        outputs_accepted = {
            camel_case(name) for name, option in OPTIONS.items() if option.accepts_outputs and not option.keys
        }
        assert plain == INPUTS.keys() - outputs_accepted


class TestPackage:
    def test_version_is_the_package_s(self, plugin):
        assert plugin.GetPluginInfo(empty_pb2.Empty(), timeout=10).version == __version__
        assert SCHEMA["version"] == __version__

    def test_requirements_are_the_package_s(self):
        dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
        lines = (ROOT / "ssm_profile" / "requirements.txt").read_text().splitlines()

        assert [line for line in lines if not line.startswith("#")] == dependencies
        assert set(dependencies) <= set((ROOT / "requirements.txt").read_text().splitlines())

    def test_runtime_is_python(self):
        assert yaml.safe_load((ROOT / "ssm_profile" / "PulumiPlugin.yaml").read_text()) == {"runtime": "python"}
