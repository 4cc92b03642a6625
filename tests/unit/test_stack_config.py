"""Stack config as options, and the sentences about keys and values that are wrong."""

import pytest

from ssm_profile.options import OPTIONS, camel_case
from ssm_profile.regions import BUCKETS_DATE
from ssm_profile.stack_config import PROJECT, PROTECT, config_key, parse_config
from tests import config_text
from tests.expected import KEY
from tests.option_examples import with_config_keys

NAME = "letters, digits and + = , . @ _ -"
ACTIONS = 'a list of EC2 actions that begin with Describe, without "ec2:" and without wildcards'
ACTIONS_EXAMPLE = 'for example ["DescribeInstances", "DescribeTags"]'
TAGS = (
    'a map of at most 50 tags. A key has 1 to 128 characters and does not begin with "aws:", a value has at most 256; '
    "both consist of letters, digits, spaces and _ . : / = + - @"
)


def parse(config, project=PROJECT, region=None):
    """The options, and the mistakes as sentences, in config of which the keys have no project."""
    texts = {f"{project}:{key}": config_text(value) for key, value in config.items()}
    options, mistakes = parse_config(texts | ({"aws:region": region} if region else {}), project)
    return options, [str(mistake) for mistake in mistakes]


def test_keys_are_in_camel_case():
    assert config_key("permissions_boundary_arn", PROJECT) == "ssm-profile:permissionsBoundaryArn"
    assert config_key("session_logs.log_group", "web") == "web:sessionLogs.logGroup"


class TestValues:
    @pytest.mark.parametrize("name", OPTIONS)
    def test_every_option_is_read(self, name):
        example = OPTIONS[name].example
        written = with_config_keys(example) if OPTIONS[name].keys else example

        options, _ = parse({camel_case(name): written})

        assert options == {name: example}

    @pytest.mark.parametrize("value", ["", [], {}])
    def test_empty_value_counts_as_not_given(self, value):
        """``[]`` and ``{}`` are text in the value of a string."""
        names = [name for name, option in OPTIONS.items() if value == "" or option.type != "string"]

        assert parse(dict.fromkeys([*map(camel_case, names), PROTECT], value)) == ({}, [])

    def test_numbers_are_valid_names(self):
        assert parse({"roleName": "1", "description": "true"}) == ({"role_name": "1", "description": "true"}, [])

    def test_other_projects_are_ignored(self):
        assert parse_config({"other:quietAgnet": "true", "ssm-profile-2:x": "1"}, PROJECT) == ({}, [])


class TestMistakes:
    @pytest.mark.parametrize(
        ("key", "value", "sentence"),
        [
            ("ec2Describe", "maybe", 'must be true or false (got "maybe")'),
            ("scopeHeartbeat", 1, "must be true or false (got 1)"),
            ("quietAgent", "True", 'must be true or false (got "True")'),
            ("requireImdsv2", [True], "must be true or false (got [true])"),
            ("protect", "yes", 'must be true or false (got "yes")'),
            ("ec2DescribeActions", "DescribeTags", f'must be {ACTIONS}, {ACTIONS_EXAMPLE} (got "DescribeTags")'),
            (
                "ec2DescribeActions",
                ["DescribeTags", "ec2:DescribeHosts"],
                f'must be {ACTIONS}, {ACTIONS_EXAMPLE} (got the entry "ec2:DescribeHosts")',
            ),
            (
                "ec2DescribeActions",
                {"DescribeTags": True},
                f'must be {ACTIONS}, {ACTIONS_EXAMPLE} (got {{"DescribeTags": true}})',
            ),
            (
                "path",
                "ssm",
                (
                    'must be a path that begins and ends with "/", of at most 512 printable ASCII characters, for '
                    'example "/ssm/" (got "ssm")'
                ),
            ),
            ("roleName", "r" * 65, f'must be 1 to 64 {NAME}, for example "web-role" (got "{"r" * 65}")'),
            ("instanceProfileName", "a b", f'must be 1 to 128 {NAME}, for example "web-profile" (got "a b")'),
            (
                "description",
                "\u2603",
                (
                    "must be 1 to 1,000 printable Latin-1 characters, tabs and line breaks, for example "
                    r'"Web servers" (got "\u2603")'
                ),
            ),
            ("tags", "Team=web", f'must be {TAGS}, for example {{"Team": "web"}} (got "Team=web")'),
            ("tags", {"aws:x": "y"}, f'must be {TAGS}, for example {{"Team": "web"}} (got the tag {{"aws:x": "y"}})'),
            (
                "permissionsBoundaryArn",
                "alias/x",
                (
                    'must be the ARN of a managed policy, for example "arn:aws:iam::123456789012:policy/boundary" '
                    '(got "alias/x")'
                ),
            ),
            (
                "servicePrincipals",
                ["*"],
                'must be a list of service principals, for example ["ec2.amazonaws.com"] (got the entry "*")',
            ),
            (
                "sessionKmsKeyArn",
                "alias/x",
                f'must be the ARN of a KMS key, not of an alias, for example "{KEY}" (got "alias/x")',
            ),
            ("inventory", True, "requires `ssm-profile:stateManager` to be true"),
            ("patchBaselineTags", True, "requires `ssm-profile:patching` to be true"),
        ],
        ids=str,
    )
    def test_sentence_names_the_key(self, key, value, sentence):
        assert parse({key: value})[1] == [f"`ssm-profile:{key}` {sentence}."]

    def test_sentence_names_a_key_of_a_map(self):
        assert parse({"parameters": {"recursive": True}})[1] == [
            "`ssm-profile:parameters.recursive` requires `ssm-profile:parameters.paths`."
        ]

    def test_deeply_nested_text_is_refused(self):
        (sentence,) = parse({"tags": "[" * 100_000})[1]

        assert sentence == (
            f'`ssm-profile:tags` must be {TAGS}, for example {{"Team": "web"}} '
            f'(got "{"[" * 119}... (100002 characters)).'
        )

    @pytest.mark.parametrize(
        ("value", "sentence"),
        [
            (
                {"bucket": "*"},
                (
                    "`ssm-profile:sessionLogs.bucket` must be the name of a bucket: 3 to 63 lowercase letters, digits, "
                    'dots and hyphens, for example "logs" (got "*").'
                ),
            ),
            (
                {"bucket": "logs", "kmsKeyArn": "x"},
                (
                    "`ssm-profile:sessionLogs.kmsKeyArn` must be the ARN of a KMS key, not of an alias, for example "
                    f'"{KEY}" (got "x").'
                ),
            ),
            (
                {"bucket": "logs", "log_group": "x"},
                (
                    "`ssm-profile:sessionLogs.log_group` is not a key. Did you mean "
                    "`ssm-profile:sessionLogs.logGroup`? The keys are ssm-profile:sessionLogs.bucket, "
                    "ssm-profile:sessionLogs.prefix, ssm-profile:sessionLogs.kmsKeyArn, "
                    "ssm-profile:sessionLogs.logGroup."
                ),
            ),
        ],
        ids=str,
    )
    def test_keys_of_maps_are_named(self, value, sentence):
        assert parse({"sessionLogs": value})[1] == [sentence]

    def test_keys_of_a_map_in_a_list_are_named(self):
        buckets = [{"bucket": "scripts"}, {"bucket": "scripts", "kms_key_arn": KEY}]

        assert parse({"readBuckets": buckets}) == (
            {"read_buckets": [{"bucket": "scripts"}, {"bucket": "scripts"}]},
            [
                (
                    "`ssm-profile:readBuckets[1].kms_key_arn` is not a key. Did you mean "
                    "`ssm-profile:readBuckets[1].kmsKeyArn`? The keys are ssm-profile:readBuckets[1].bucket, "
                    "ssm-profile:readBuckets[1].prefix, ssm-profile:readBuckets[1].folders, "
                    "ssm-profile:readBuckets[1].kmsKeyArn."
                )
            ],
        )

    @pytest.mark.parametrize("key", ["quietAgnet", "quiet_agent", "QuietAgent"])
    def test_nearest_key_is_offered(self, key):
        assert parse({key: True}) == (
            {},
            [
                (
                    f"`ssm-profile:{key}` is not an option. Did you mean `ssm-profile:quietAgent`? "
                    "docs/options.md in the repository of ssm-profile lists all options."
                )
            ],
        )

    def test_unknown_empty_key_is_refused(self):
        assert parse({"zzz": ""})[1] == [
            "`ssm-profile:zzz` is not an option. docs/options.md in the repository of ssm-profile lists all options."
        ]

    def test_conflict_names_both_keys(self):
        assert parse({"ec2Describe": False, "ec2DescribeActions": ["DescribeTags"]})[1] == [
            (
                "`ssm-profile:ec2Describe` cannot be false together with `ssm-profile:ec2DescribeActions`: "
                "set only one of the two."
            )
        ]


class TestRegion:
    def test_unlisted_region_refuses_managed_buckets(self):
        assert parse({"managedBuckets": True}, region="cn-north-1")[1] == [
            (
                "`ssm-profile:managedBuckets` cannot be true in cn-north-1: AWS does not publish the names of its "
                f"buckets there (as of {BUCKETS_DATE}). Leave it out."
            )
        ]

    @pytest.mark.parametrize(("value", "region"), [(True, None), (True, "eu-central-1"), (False, "cn-north-1")])
    def test_other_regions_accept_managed_buckets(self, value, region):
        assert parse({"managedBuckets": value}, region=region) == ({"managed_buckets": value}, [])

    @pytest.mark.parametrize(
        ("region", "partition"),
        [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
    )
    def test_partition_of_the_region_is_required(self, region, partition):
        assert parse({"sessionKmsKeyArn": KEY}, region=region)[1] == [
            f'`ssm-profile:sessionKmsKeyArn` is in partition aws, but the deployment is in {partition} (got "{KEY}").'
        ]

    def test_two_partitions_are_one_mistake(self):
        boundary = "arn:aws-cn:iam::123456789012:policy/boundary"
        config = {"sessionKmsKeyArn": KEY, "permissionsBoundaryArn": boundary}

        assert parse(config, region="eu-central-1")[1] == [
            (
                "`ssm-profile:permissionsBoundaryArn` is in partition aws-cn, but `ssm-profile:sessionKmsKeyArn` is in "
                'aws (got "arn:aws-cn:iam::123456789012:policy/boundary").'
            )
        ]


class TestRenamedProject:
    def test_keys_begin_with_the_project(self):
        assert parse({"quietAgent": True, "inventory": True}, project="web") == (
            {"quiet_agent": True, "inventory": True},
            ["`web:inventory` requires `web:stateManager` to be true."],
        )

    def test_old_keys_are_refused(self):
        """Pulumi ignores them, and with them what they protect."""
        config = {"ssm-profile:requireImdsv2": "true", "web:quietAgent": "true"}

        options, mistakes = parse_config(config, "web")

        assert options == {"quiet_agent": True}
        assert list(map(str, mistakes)) == [
            (
                "`ssm-profile:requireImdsv2` belongs to project ssm-profile, but this project is web. "
                "Rename it to `web:requireImdsv2`."
            )
        ]
