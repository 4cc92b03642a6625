"""The component package: the same component, constructed by the plugin for a program in any language."""

import json
import runpy
import tomllib

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from ssm_profile import SsmInstanceProfile
from ssm_profile.component import SsmInstanceProfileArgs
from ssm_profile.options import OPTIONS, camel_case
from ssm_profile.version import __version__
from tests import ROOT
from tests.expected import KEY, MAPS

TOKEN = "ssm-profile:index:SsmInstanceProfile"
SCHEMA = json.loads((ROOT / "docs" / "schema.json").read_text())
INPUTS = SCHEMA["resources"][TOKEN]["inputProperties"]

SWITCHED_ON = {name: True for name, option in OPTIONS.items() if option.type == "boolean" and name != "exclusive"}
ROLE = {
    "path": "/ssm/",
    "role_name": "web-role",
    "instance_profile_name": "web-profile",
    "description": "For web",
    "tags": {"Team": "web", "with_underscore": "kept"},
    "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/boundary",
    "service_principals": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"],
}
POLICIES = {
    "policy_kind": "managed",
    "managed_policy_arns": ["arn:aws:iam::123456789012:policy/more"],
    "exclusive": True,
}
EVERYTHING = {
    "all at once": {**SWITCHED_ON, **MAPS, **ROLE, "managed_policy_arns": POLICIES["managed_policy_arns"]},
    "other ways to hold it": {"ec2_describe_actions": ["DescribeTags", "DescribeVolumes"], **POLICIES},
    "an existing role": {"existing_role_name": "old", "ec2_describe": False, "instance_profile_name": "web"},
    "nothing": {},
}


def in_camel_case(value):
    """Inputs as a program in another language has them; the keys of tags are the user's own."""
    return {
        camel_case(name): in_camel_case(entry) if isinstance(entry, dict) and name != "tags" else entry
        for name, entry in value.items()
    }


def test_every_option_is_tried():
    assert {name for args in EVERYTHING.values() for name in args} == set(OPTIONS)
    for name, option in OPTIONS.items():
        if option.keys:
            assert {key for args in EVERYTHING.values() for key in args.get(name, {})} == set(option.keys)


@pytest.mark.parametrize("args", EVERYTHING.values(), ids=EVERYTHING)
def test_it_registers_what_the_component_registers_by_itself(cloud, deploy, construct, args):
    construct(in_camel_case(args))
    remote, cloud.registered = cloud.registered, []
    remote_requests, cloud.requests = cloud.requests, {}
    deploy(lambda: SsmInstanceProfile("web", args))

    def by_name(registered):
        return {each.name: (each.type, each.inputs) for each in registered if each.type != "pulumi:pulumi:Stack"}

    def links(requests):
        return {
            name: (
                request.parent.split("$")[-1].split("::")[-1],
                sorted(urn.split("::")[-1] for urn in request.dependencies),
                request.protect,
            )
            for name, request in requests.items()
            if request.type.startswith("aws:")
        }

    assert by_name(remote) == by_name(cloud.registered)
    assert "aws:iam/instanceProfile:InstanceProfile" in {each.type for each in remote}
    assert links(remote_requests) == links(cloud.requests)


def test_its_outputs_are_the_component_s(construct):
    state = construct({"quietAgent": True})

    assert state.keys() == {camel_case(name) for name in SsmInstanceProfile.__annotations__}
    assert state["roleName"] == "web-role-1234567"
    assert state["instanceProfileArn"] == "arn:aws:iam::123456789012:instance-profile/web-profile-1234567"
    assert "ec2messages:GetMessages" in state["actions"]
    assert json.loads(state["policyJson"])["Statement"][0]["Action"][0] == "ssmmessages:CreateDataChannel"


def test_every_mistake_is_told_in_the_caller_s_words_and_nothing_is_registered(construct, cloud):
    inputs = {"inventory": True, "path": "x", "sessionLogs": {"prefix": "a"}, "sessionKmsKeyArn": "alias/x"}

    with pytest.raises(grpc.RpcError) as error:
        construct(inputs)

    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    details = dict(error.value.trailing_metadata())["grpc-status-details-bin"].decode("utf-8", "replace")
    for told in (
        "found true without stateManager",
        "sessionLogs",
        "a map of bucket, prefix",
        "sessionKmsKeyArn",
        "the ARN of a KMS key, not of an alias",
    ):
        assert told in details
    assert cloud.registered == []


@pytest.mark.parametrize("number", [0, 1, 2.5, "true", [], {"a": 1}])
def test_a_value_of_the_wrong_type_is_refused(construct, cloud, number):
    with pytest.raises(grpc.RpcError):
        construct({"patching": number})

    assert cloud.registered == []


def test_the_version_is_the_package_s(plugin):
    assert plugin.GetPluginInfo(empty_pb2.Empty(), timeout=10).version == __version__
    assert SCHEMA["version"] == __version__


def test_the_process_serves_the_schema_that_is_checked_in(plugin):
    served = json.loads(plugin.GetSchema(provider_pb2.GetSchemaRequest(), timeout=10).schema)

    assert served == SCHEMA, "it is stale: `make docs` writes docs/schema.json"


def test_make_docs_writes_that_schema():
    written = runpy.run_path(str(ROOT / "generators" / "schema.py"))

    assert written["schema"]() == written["PAGE"].read_text()


def test_the_schema_has_every_option_and_every_output_with_a_description():
    resource = SCHEMA["resources"][TOKEN]

    assert set(INPUTS) == {camel_case(name) for name in SsmInstanceProfileArgs.__annotations__}
    assert set(INPUTS) == {camel_case(name) for name in OPTIONS}
    assert set(resource["properties"]) == {camel_case(name) for name in SsmInstanceProfile.__annotations__}
    assert resource.get("requiredInputs", []) == []
    assert set(resource["required"]) == set(resource["properties"])
    described = [*INPUTS.values(), *resource["properties"].values()]
    for known in SCHEMA["types"].values():
        described += known["properties"].values()
    assert all(each["description"].strip() for each in described)
    for name, option in OPTIONS.items():
        if option.keys:
            fields = SCHEMA["types"][INPUTS[camel_case(name)]["$ref"].removeprefix("#/types/")]["properties"]
            assert set(fields) == {camel_case(key) for key in option.keys}


def test_what_decides_what_exists_is_plain_and_values_are_inputs():
    plain = {name for name, each in INPUTS.items() if each.get("plain")}

    outputs_accepted = {
        camel_case(name) for name, option in OPTIONS.items() if option.accepts_outputs and not option.keys
    }
    assert plain == set(INPUTS) - outputs_accepted


def test_the_plugin_s_requirements_are_the_package_s():
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    lines = (ROOT / "ssm_profile" / "requirements.txt").read_text().splitlines()

    assert [line for line in lines if not line.startswith("#")] == package
    assert yaml.safe_load((ROOT / "ssm_profile" / "PulumiPlugin.yaml").read_text()) == {"runtime": "python"}
    program = (ROOT / "requirements.txt").read_text().splitlines()
    assert set(package) <= set(program)


def test_keys_that_are_needed_for_a_session_are_intact(construct, cloud):
    construct({"sessionKmsKeyArn": KEY})

    assert cloud.policy["Statement"][-1] == {"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": KEY}
