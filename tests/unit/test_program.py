"""The real ``__main__.py`` with the config of each environment, and the files of the project."""

import json

import pulumi
import pytest
import yaml

from ssm_profile import policy
from ssm_profile.component import OUTPUTS
from ssm_profile.options import OPTIONS, camel_case
from ssm_profile.stack_config import PROTECT
from tests import ROOT, stack_config
from tests.expected import DEFAULT, DIRECTORY_KEY, KEY, LOCATION, MAPS, OTHER_KEY, PROD, SHARED_KEY, SHARED_PARAMETER

PULUMI_YAML = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())


class TestEnvironments:
    @pytest.mark.parametrize(("stack", "document", "protected"), [("dev", DEFAULT, False), ("prod", PROD, True)])
    def test_environment(self, cloud, run_program, stack, document, protected):
        exports = run_program(stack_config(stack))

        assert cloud.policy == document
        assert list(exports) == [camel_case(output) for output in OUTPUTS]
        assert json.loads(exports["policyJson"]) == document
        allowed = [statement["Action"] for statement in document["Statement"] if statement["Effect"] == "Allow"]
        assert exports["actions"] == sorted(action for actions in allowed for action in actions)
        assert exports["roleName"] == "ssm-profile-test-role-1234567"
        assert exports["instanceProfileName"] == "ssm-profile-test-profile-1234567"
        assert {made.name: cloud.requests[made.name].protect for made in cloud.registered} == dict.fromkeys(
            ("ssm-profile-test", "ssm-profile-test-role", "ssm-profile-test-policy", "ssm-profile-test-profile"),
            protected,
        )

    @pytest.mark.parametrize("stack", ["dev", "prod"])
    def test_environment_sets_known_keys(self, stack):
        own = {key for key in stack_config(stack) if key.startswith("ssm-profile:")}

        assert own <= {f"ssm-profile:{key}" for key in PULUMI_YAML["config"]}
        assert stack_config(stack).keys() - own == {"aws:region", "aws:defaultTags"}


class TestPulumiYaml:
    def test_defaults_give_the_default_policy(self, cloud, run_program):
        run_program({})

        assert cloud.policy == DEFAULT
        assert cloud.of_type("aws:iam/instanceProfile:InstanceProfile").inputs == {
            "path": "/",
            "role": "ssm-profile-test-role-1234567",
        }

    def test_every_option_has_a_config_key(self):
        types = {camel_case(name): option.type for name, option in OPTIONS.items()} | {PROTECT: "boolean"}

        declared = {key: each["type"] for key, each in PULUMI_YAML["config"].items()}

        assert declared == types, "Pulumi.yaml does not have the options as config keys: `make docs` writes them"

    def test_every_config_key_has_a_default(self):
        """Without one, Pulumi asks for a value in each stack."""
        for declared in PULUMI_YAML["config"].values():
            assert declared["description"]
            assert "default" in declared


class TestConfig:
    def test_options_reach_the_component(self, cloud, run_program):
        run_program(
            {
                "ssm-profile:ec2DescribeActions": ["DescribeTags"],
                "ssm-profile:scopeHeartbeat": True,
                "ssm-profile:quietAgent": True,
                "ssm-profile:requireImdsv2": True,
                "ssm-profile:path": "/ssm/",
                "ssm-profile:roleName": "web",
                "ssm-profile:instanceProfileName": "web-profile",
                "ssm-profile:description": "true",
                "ssm-profile:tags": {"Team": "web"},
                "ssm-profile:permissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary",
                "ssm-profile:servicePrincipals": ["ec2.amazonaws.com.cn"],
                "ssm-profile:protect": True,
            }
        )

        role_inputs = cloud.of_type("aws:iam/role:Role").inputs
        trust_policy = json.loads(role_inputs.pop("assumeRolePolicy"))
        assert trust_policy["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com.cn"}
        assert role_inputs == {
            "name": "web",
            "path": "/ssm/",
            "description": "true",
            "tags": {"Team": "web"},
            "permissionsBoundary": "arn:aws:iam::123456789012:policy/boundary",
        }
        assert cloud.of_type("aws:iam/instanceProfile:InstanceProfile").inputs["name"] == "web-profile"
        assert [statement["Action"] for statement in cloud.policy["Statement"]][1:] == [
            ["ssm:UpdateInstanceInformation", "ssm:ListInstanceAssociations"],
            "*",
        ]
        assert "ec2:DescribeTags" in cloud.policy["Statement"][0]["Action"]
        assert cloud.requests["ssm-profile-test-role"].protect

    def test_maps_reach_the_policy(self, cloud, run_program):
        """Their keys are in camelCase in config."""
        run_program(
            {
                "ssm-profile:stateManager": True,
                "ssm-profile:patching": True,
                "ssm-profile:patchPolicy": {"accountId": "210987654321", "configurationId": "q4bkg"},
                "ssm-profile:readBuckets": [
                    {"bucket": "scripts", "prefix": "ansible", "folders": True, "kmsKeyArn": OTHER_KEY},
                    {"bucket": "lists", "folders": True},
                    {"bucket": "files"},
                ],
                "ssm-profile:parameters": {
                    "paths": ["/app/b", "/app/a"],
                    "recursive": True,
                    "kmsKeyArn": KEY,
                    "sharedArns": [SHARED_PARAMETER],
                    "sharedKmsKeyArn": SHARED_KEY,
                },
                "ssm-profile:sessionKmsKeyArn": KEY,
                "ssm-profile:sessionLogs": {
                    "bucket": "logs",
                    "prefix": "ssm/sessions",
                    "kmsKeyArn": OTHER_KEY,
                    "logGroup": "/ssm/sessions",
                },
                "ssm-profile:cloudwatchAgent": {
                    "namespace": "Web",
                    "logGroups": ["/ec2/app", "/ec2/web"],
                    "logGroupPrefixes": ["/node/i-", "i-"],
                    "retention": True,
                    "traces": True,
                },
                "ssm-profile:domainJoin": {
                    "directoryId": "d-1234567890",
                    "ownerAccountId": "210987654321",
                    "ownerDirectoryId": "d-0987654321",
                    "kmsKeyArn": DIRECTORY_KEY,
                },
            }
        )

        assert cloud.policy == policy.policy_document({**MAPS, "state_manager": True, "patching": True}, LOCATION)

    def test_other_namespaces_are_ignored(self, cloud, run_program):
        run_program({"aws:region": "eu-central-1", "other:quietAgnet": True, "ssm-profile-2:x": 1})

        assert cloud.policy == DEFAULT

    @pytest.mark.parametrize(
        "config",
        [
            {"ssm-profile:quietAgent": "yes"},
            {"ssm-profile:inventory": True},
            {"ssm-profile:quitAgent": True},
            {"ssm-profile:protect": "yes"},
            {"ssm-profile:managedBuckets": True, "aws:region": "cn-north-1"},
            {"ssm-profile:parameters": {"paths": [f"/{'a' * 1000}{number}" for number in range(11)]}},
        ],
        ids=str,
    )
    def test_mistake_registers_nothing(self, cloud, run_program, config):
        with pytest.raises(pulumi.RunError, match=r"^The stack config is not valid\. Nothing was changed\.\n  `"):
            run_program(config)

        assert cloud.registered == []
        assert cloud.invoked == []
