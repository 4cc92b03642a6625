"""The real ``__main__.py``, with the config of each environment and with every kind of mistake in it."""

import json

import pulumi
import pytest
import yaml

from ssm_profile import policy
from ssm_profile.options import OPTIONS
from ssm_profile.settings import PROTECT, config_key, parse_config, read_settings
from tests import ROOT
from tests.conftest import stack_config
from tests.expected import DEFAULT, KEY, LOCATION, MAPS, OTHER_KEY, PROD

PULUMI_YAML = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
EXPORTS = {"roleName", "roleArn", "instanceProfileName", "instanceProfileArn", "policyJson", "actions"}


@pytest.mark.parametrize(("stack", "document", "protected"), [("dev", DEFAULT, False), ("prod", PROD, True)])
def test_environment(cloud, run_program, stack, document, protected):
    exports = run_program(stack_config(stack))

    assert cloud.policy == document
    assert exports.keys() == EXPORTS
    assert json.loads(exports["policyJson"]) == document
    allowed = [statement["Action"] for statement in document["Statement"] if statement["Effect"] == "Allow"]
    assert exports["actions"] == sorted(action for actions in allowed for action in actions)
    assert exports["roleName"] == "ssm-profile-test-role-1234567"
    assert exports["instanceProfileName"] == "ssm-profile-test-profile-1234567"
    assert {made.name: cloud.requests[made.name].protect for made in cloud.registered} == dict.fromkeys(
        ("ssm-profile-test", "ssm-profile-test-role", "ssm-profile-test-policy", "ssm-profile-test-profile"), protected
    )


def test_environments_set_nothing_that_the_sandbox_or_the_program_does_not_know():
    for stack in ("dev", "prod"):
        own = {key for key in stack_config(stack) if key.startswith("ssm-profile:")}
        assert own <= {f"ssm-profile:{key}" for key in PULUMI_YAML["config"]}
        assert stack_config(stack).keys() - own == {"aws:region", "aws:defaultTags"}


def test_the_default_of_every_key_gives_the_default_policy(cloud, run_program):
    run_program({})

    assert cloud.policy == DEFAULT
    assert cloud.of_type("aws:iam/instanceProfile:InstanceProfile").inputs == {
        "path": "/",
        "role": "ssm-profile-test-role-1234567",
    }


def test_pulumi_yaml_declares_every_option_with_its_type_and_a_description():
    declared = {f"ssm-profile:{key}": known for key, known in PULUMI_YAML["config"].items()}

    kinds = {config_key(name, "ssm-profile"): option.type for name, option in OPTIONS.items()}
    kinds |= {config_key(PROTECT, "ssm-profile"): "boolean"}
    assert {key: known["type"] for key, known in declared.items()} == kinds
    assert all(known["description"] and "default" in known for known in declared.values())


def test_every_option_of_the_config_reaches_the_component(cloud, run_program):
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
    assert json.loads(role_inputs.pop("assumeRolePolicy"))["Statement"][0]["Principal"]["Service"].endswith(".cn")
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


def test_maps_of_the_config_reach_the_policy_with_their_keys_in_camel_case(cloud, run_program):
    run_program(
        {
            "ssm-profile:parameters": {"paths": ["/app/b", "/app/a"], "recursive": True, "kmsKeyArn": KEY},
            "ssm-profile:sessionKmsKeyArn": KEY,
            "ssm-profile:sessionLogs": {
                "bucket": "logs",
                "prefix": "ssm/sessions",
                "kmsKeyArn": OTHER_KEY,
                "crossAccount": True,
                "logGroup": "/ssm/sessions",
            },
            "ssm-profile:cloudwatchAgent": {"namespace": "Web", "logGroups": ["/ec2/app", "/ec2/web"]},
            "ssm-profile:domainJoin": {"directoryId": "d-1234567890"},
        }
    )

    assert cloud.policy == policy.policy_document(MAPS, LOCATION)


MISTAKES = [
    ("ec2Describe", "maybe", 'found "maybe"; allowed: true or false'),
    ("scopeHeartbeat", 1, "found 1; allowed: true or false"),
    ("quietAgent", "True", 'found "True"; allowed: true or false'),
    ("requireImdsv2", [True], "found [true]; allowed: true or false"),
    ("protect", "yes", 'found "yes"; allowed: true or false'),
    ("ec2DescribeActions", "DescribeTags", 'found "DescribeTags"; allowed: a list of EC2 actions'),
    ("ec2DescribeActions", ["DescribeTags", "ec2:DescribeHosts"], 'found "ec2:DescribeHosts"; allowed: a list'),
    ("ec2DescribeActions", {"DescribeTags": True}, 'found {"DescribeTags": true}; allowed: a list'),
    ("path", "ssm", 'found "ssm"; allowed: a path that begins and ends with "/"'),
    ("roleName", "r" * 65, "allowed: 1 to 64 letters"),
    ("instanceProfileName", "a b", 'found "a b"; allowed: 1 to 128 letters'),
    ("description", "\u2603", r'found "\u2603"; allowed: up to 1,000 printable'),
    ("tags", "Team=web", 'found "Team=web"; allowed: up to 50 tags'),
    ("tags", {"aws:x": "y"}, 'found {"aws:x": "y"}; allowed: up to 50 tags'),
    ("tags", "[" * 100_000, "allowed: up to 50 tags"),
    ("permissionsBoundaryArn", "alias/x", 'found "alias/x"; allowed: the ARN of a managed policy'),
    ("servicePrincipals", ["*"], 'found "*"; allowed: a list of service principals'),
    ("inventory", True, "found true without ssm-profile:stateManager; allowed: true where both are"),
    ("patchBaselineTags", True, "found true without ssm-profile:patching; allowed: true where both are"),
    ("sessionKmsKeyArn", "alias/x", 'found "alias/x"; allowed: the ARN of a KMS key, not of an alias'),
    ("parameters", {"recursive": True}, 'found {"recursive": true}; allowed: a map of paths, recursive, kms_key_arn'),
    ("quietAgnet", True, "found an unknown key, nearest known key: ssm-profile:quietAgent; allowed: "),
    ("quiet_agent", True, "found an unknown key, nearest known key: ssm-profile:quietAgent; allowed: "),
    ("QuietAgent", True, "found an unknown key, nearest known key: ssm-profile:quietAgent; allowed: "),
    ("zzz", "", "found an unknown key; allowed: "),
]


@pytest.mark.parametrize(("key", "value", "line"), MISTAKES, ids=str)
def test_a_mistake_is_a_run_error_before_anything_is_registered(cloud, run_program, key, value, line):
    with pytest.raises(pulumi.RunError) as error:
        run_program({f"ssm-profile:{key}": value})

    first, found = str(error.value).splitlines()
    assert first == "The stack config cannot be used; nothing was changed:"
    assert found.startswith(f"  ssm-profile:{key}: ")
    assert line in found
    assert cloud.registered == []


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"sessionLogs": {"bucket": "*"}}, 'ssm-profile:sessionLogs.bucket: found "*"; allowed: the name of a bucket'),
        (
            {"sessionLogs": {"bucket": "logs", "kmsKeyArn": "x"}},
            'ssm-profile:sessionLogs.kmsKeyArn: found "x"; allowed: the ARN of a KMS key',
        ),
        (
            {"sessionLogs": {"bucket": "logs", "log_group": "x"}},
            "sessionLogs.log_group: found an unknown key, nearest known key: ssm-profile:sessionLogs.logGroup; ",
        ),
    ],
)
def test_a_mistake_in_a_map_is_named_by_the_key_as_it_is_written(cloud, run_program, config, line):
    with pytest.raises(pulumi.RunError) as error:
        run_program({f"ssm-profile:{key}": value for key, value in config.items()})

    assert line in str(error.value)
    assert cloud.registered == []


def test_managed_buckets_in_a_region_that_is_not_listed_are_refused_by_the_config_alone(cloud, run_program):
    with pytest.raises(pulumi.RunError, match=r"ssm-profile:managedBuckets: found true in the region cn-north-1, "):
        run_program({"aws:region": "cn-north-1", "ssm-profile:managedBuckets": True})

    assert cloud.registered == []


@pytest.mark.parametrize(
    "config",
    [
        {"ssm-profile:managedBuckets": "true"},
        {"aws:region": "eu-central-1", "ssm-profile:managedBuckets": "true"},
        {"aws:region": "cn-north-1", "ssm-profile:managedBuckets": "false"},
        {"aws:region": "cn-north-1"},
    ],
)
def test_managed_buckets_are_accepted_where_no_region_says_otherwise(config):
    assert parse_config(config, "ssm-profile")[1] == []


def test_two_partitions_are_one_mistake_whatever_the_region():
    of_china = "an ARN of the partition aws-cn"
    config = {
        "aws:region": "eu-central-1",
        "ssm-profile:sessionKmsKeyArn": KEY,
        "ssm-profile:permissionsBoundaryArn": "arn:aws-cn:iam::123456789012:policy/boundary",
    }

    assert parse_config(config, "ssm-profile")[1] == [
        f"ssm-profile:permissionsBoundaryArn: found {of_china}; allowed: of aws, as the rest of the deployment"
    ]


def test_a_policy_that_is_too_long_is_a_run_error_before_anything_is_registered(cloud, run_program):
    paths = [f"/application/environment/{number:04}" for number in range(50)]

    with pytest.raises(pulumi.RunError, match=r"  policy: found \d,\d{3} characters, .*policy_kind is managed"):
        run_program({"ssm-profile:parameters": {"paths": paths}, "ssm-profile:policyKind": "managed"})

    assert cloud.registered == []


def test_all_mistakes_are_reported_together(cloud, run_program):
    wrong = [(key, value) for key, value, _ in MISTAKES if key not in ("ec2DescribeActions", "tags")]

    with pytest.raises(pulumi.RunError) as error:
        run_program({f"ssm-profile:{key}": value for key, value in wrong})

    lines = str(error.value).splitlines()[1:]
    assert sorted(line.strip().split(": ")[0] for line in lines) == sorted(f"ssm-profile:{key}" for key, _ in wrong)
    assert cloud.registered == []


def test_a_contradiction_is_named_by_its_config_keys(run_program):
    config = {"ssm-profile:ec2Describe": False, "ssm-profile:ec2DescribeActions": ["DescribeTags"]}

    with pytest.raises(pulumi.RunError, match="ssm-profile:ec2Describe: found false beside ssm-profile:ec2Describe"):
        run_program(config)


def test_a_stack_name_that_is_too_long_is_refused_with_the_arithmetic_and_the_way_out(deploy):
    name = f"ssm-profile-{'s' * 40}"

    with pytest.raises(pulumi.RunError, match=r"make a role name of 65; allowed: 64.*in ssm-profile:roleName"):
        deploy(lambda: read_settings(name))


def test_config_of_other_projects_and_of_providers_is_left_alone(cloud, run_program):
    run_program({"aws:region": "eu-central-1", "other:quietAgnet": True, "ssm-profile-2:x": 1})

    assert cloud.policy == DEFAULT


def test_a_secret_stays_a_secret(deploy):
    def program():
        config = {"ssm-profile:description": "For the web servers.", "ssm-profile:quietAgent": "true"}
        pulumi.runtime.set_all_config(config, list(config))
        args = read_settings("web").args
        assert args["quiet_agent"] is True
        pulumi.export("secret", pulumi.Output.from_input(args["description"].is_secret()))

    assert deploy(program) == {"secret": True}


def test_keys_of_another_project_s_name_are_refused_and_not_passed_over():
    config = {"ssm-profile:requireImdsv2": "true", "web:quietAgent": "true", "aws:region": "eu-central-1"}

    options, mistakes = parse_config(config, "web")

    assert options == {"quiet_agent": True}
    (mistake,) = mistakes
    assert mistake.startswith("ssm-profile:requireImdsv2: found a key of the project ssm-profile, and this one is web;")
    assert mistake.endswith("allowed: web:requireImdsv2")
