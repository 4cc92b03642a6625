"""The rules of the options, and the sentences that say what is wrong."""

import json

import pytest

from ssm_profile import validation
from ssm_profile.options import CONFLICTS, OPTIONS, camel_case, option_at, option_paths
from ssm_profile.regions import BUCKETS_DATE
from ssm_profile.validation import (
    UNKNOWN,
    find_bucket_mistakes,
    find_mistakes,
    find_name_mistakes,
    find_size_mistakes,
    unknown_option,
)
from tests.expected import KEY
from tests.option_examples import EXAMPLES, INVALID_COMBINATIONS, VALID_COMBINATIONS, exact_path, options_with

KMS_KEY = '"arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"'


def sentences(options, label=str):
    return [str(mistake) for mistake in find_mistakes(options, label)]


class TestValues:
    @pytest.mark.parametrize("path", EXAMPLES)
    def test_valid_values_are_accepted(self, path):
        for value in EXAMPLES[path].valid:
            assert sentences(options_with(path, value)) == [], value

    @pytest.mark.parametrize("path", EXAMPLES)
    def test_invalid_values_are_refused(self, path):
        for value in EXAMPLES[path].invalid:
            mistakes = find_mistakes(options_with(path, value))
            (reason, *_) = [each.reason for each in mistakes if each.path == exact_path(path)]
            rules = (option_at(path).expects, "must be known before", "requires `", "cannot contain")
            assert any(rule in reason for rule in rules), value

    @pytest.mark.parametrize("path", EXAMPLES)
    def test_placeholders_are_refused(self, path):
        """Nothing else is said of the value, in a list neither."""
        sentence = f"`{exact_path(path)}` is a placeholder: fill it in, or leave the option out (got {{}})."

        assert sentences(options_with(path, "...")) == [sentence.format('"..."')]
        if option_at(path).type == "array" and not option_at(path).is_list_of_maps:
            assert sentences(options_with(path, ["..."])) == [sentence.format('the entry "..."')]

    def test_placeholder_for_a_map(self):
        sentence = '`read_buckets[0]` is a placeholder: fill it in, or leave the option out (got "...").'

        assert sentences({"read_buckets": ["..."]}) == [sentence]

    @pytest.mark.parametrize("path", EXAMPLES)
    def test_every_rule_is_needed(self, path, monkeypatch):
        """Without the rule of an option, an invalid example is accepted."""
        rules = validation._value_mistakes

        def all_but_one(at, *arguments):
            return iter(()) if at == exact_path(path) else rules(at, *arguments)

        monkeypatch.setattr(validation, "_value_mistakes", all_but_one)

        assert any(not find_mistakes(options_with(path, value)) for value in EXAMPLES[path].invalid)

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"quiet_agent": "yes"}, '`quiet_agent` must be true or false (got "yes").'),
            (
                {"patch_policy": {"account_id": 123456789012, "configuration_id": "q4bkg"}},
                (
                    '`patch_policy.account_id` must be the ID of an account: 12 digits, for example "123456789012" '
                    "(got 123456789012, a number: put it in quotes)."
                ),
            ),
            ({"quiet_agent": 1}, "`quiet_agent` must be true or false (got 1)."),
            ({"policy_kind": "Managed"}, '`policy_kind` must be "inline" or "managed" (got "Managed").'),
            (
                {"path": "ssm"},
                (
                    '`path` must be a path that begins and ends with "/", of at most 512 printable ASCII characters, '
                    'for example "/ssm/" (got "ssm").'
                ),
            ),
            (
                {"session_kms_key_arn": "alias/x"},
                (
                    "`session_kms_key_arn` must be the ARN of a KMS key, not of an alias, for example "
                    f'{KMS_KEY} (got "alias/x").'
                ),
            ),
            (
                {"ec2_describe_actions": ["DescribeTags", "RunInstances"]},
                (
                    '`ec2_describe_actions` must be a list of EC2 actions that begin with Describe, without "ec2:" '
                    'and without wildcards, for example ["DescribeInstances", "DescribeTags"] '
                    '(got the entry "RunInstances").'
                ),
            ),
            (
                {"managed_policy_arns": ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]},
                (
                    '`managed_policy_arns` cannot contain "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore". '
                    "It reads every parameter and every document in the account."
                ),
            ),
            (
                {"parameters": UNKNOWN},
                (
                    "`parameters` must be known before the deployment, since it decides what is created. It cannot "
                    "be an output of another resource."
                ),
            ),
            (
                {"cloudwatch_agent": 1},
                (
                    "`cloudwatch_agent` must be a map with the keys namespace, log_groups, log_group_prefixes, "
                    "retention, traces (got 1)."
                ),
            ),
            ({"parameters": {}}, "`parameters` requires `parameters.paths` or `parameters.shared_arns` (got {})."),
            (
                {"read_buckets": "ls"},
                '`read_buckets` must be a list of maps with the keys bucket, prefix, folders, kms_key_arn (got "ls").',
            ),
            (
                {"read_buckets": [{"bucket": "scripts"}, 1]},
                "`read_buckets[1]` must be a map with the keys bucket, prefix, folders, kms_key_arn (got 1).",
            ),
            (
                {"read_buckets": [UNKNOWN]},
                (
                    "`read_buckets[0]` must be known before the deployment, since it decides what is created. It "
                    "cannot be an output of another resource."
                ),
            ),
            ({"read_buckets": [{}]}, "`read_buckets[0]` requires `read_buckets[0].bucket` (got {})."),
            (
                {"domain_join": {"owner_account_id": "210987654321"}},
                "`domain_join.owner_account_id` requires `domain_join.owner_directory_id`.",
            ),
            ({"read_buckets": [{"prefix": "a"}]}, "`read_buckets[0].prefix` requires `read_buckets[0].bucket`."),
            (
                {"read_buckets": [{"bucket": "scripts"}, {"bucket": "scripts", "prefix": "*"}]},
                (
                    "`read_buckets[1].prefix` must be a prefix of object keys: letters, digits and ! _ . ' ( ) / = -, "
                    'without wildcards, for example "ansible" (got "*").'
                ),
            ),
            (
                {"session_logs": {}},
                "`session_logs` requires `session_logs.bucket` or `session_logs.log_group` (got {}).",
            ),
            (
                {"tags": {"aws:x": "y"}},
                (
                    "`tags` must be a map of at most 50 tags. A key has 1 to 128 characters and does not begin with "
                    '"aws:", a value has at most 256; both consist of letters, digits, spaces and _ . : / = + - @, for '
                    'example {"Team": "web"} (got the tag {"aws:x": "y"}).'
                ),
            ),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
    )
    def test_sentence_names_value_and_rule(self, options, sentence):
        assert sentences(options) == [sentence]

    def test_long_value_is_cut(self):
        (longest,) = sentences({"role_name": "r" * 118})
        (cut,) = sentences({"role_name": "r" * 5000})

        assert longest.endswith(f'(got "{"r" * 118}").')
        assert cut.endswith(f'(got "{"r" * 119}... (5002 characters)).')

    def test_strange_values_are_shown(self):
        assert sentences({"tags": {(1, 2): "x"}})[0].endswith("(got the tag {(1, 2): 'x'}).")
        assert sentences({"parameters": [UNKNOWN]})[0].endswith('(got ["an output of another resource"]).')

    def test_look_alike_letters_are_escaped(self):
        (sentence,) = sentences({"ec2_describe_actions": ["DescribeTаgs"]})  # noqa: RUF001 - a Cyrillic letter

        assert r"DescribeT\u0430gs" in sentence

    def test_every_mistake_is_one_line(self):
        for path, examples in EXAMPLES.items():
            for value in examples.invalid:
                assert all(len(line) < 500 and "\n" not in line for line in sentences(options_with(path, value)))


class TestCombinations:
    @pytest.mark.parametrize("options", VALID_COMBINATIONS, ids=str)
    def test_valid_combinations_are_accepted(self, options):
        assert sentences(options) == []

    @pytest.mark.parametrize(("path", "options"), INVALID_COMBINATIONS, ids=str)
    def test_invalid_combinations_are_refused(self, path, options):
        assert path in {mistake.path for mistake in find_mistakes(options)}

    @pytest.mark.parametrize("path", [path for path in option_paths() if option_at(path).requires])
    def test_requirement_is_named(self, path):
        required = option_at(path).requires
        name = path.partition(".")[0]
        others = [key for key in OPTIONS[name].required_keys if f"{name}.{key}" not in required]
        options = {path: option_at(path).example}
        if "." in path:
            other = {key: OPTIONS[name].keys[key].example for key in others[:1]}
            options = {name: {**other, **_only(path)}, **dict.fromkeys(OPTIONS[name].requires, True)}
        value = " to be true" if "." not in path else ""

        names = " and ".join(f"`{each}`" for each in required)
        assert sentences(options) == [f"`{path}` requires {names}{value}."]

    def test_only_missing_requirements_are_named(self):
        options = {"inspector": True, "state_manager": True}

        assert sentences(options) == ["`inspector` requires `distributor` to be true."]

    def test_missing_key_is_named(self):
        """Keys that are there are not."""
        owner = {"owner_account_id": "210987654321", "owner_directory_id": "d-0987654321"}

        assert sentences({"domain_join": owner}) == [
            "`domain_join.owner_account_id` requires `domain_join.directory_id`.",
            "`domain_join.owner_directory_id` requires `domain_join.directory_id`.",
        ]

    def test_retention_requires_log_groups(self):
        """One of the two lists is sufficient."""
        assert sentences({"cloudwatch_agent": {"retention": True}}) == [
            (
                "`cloudwatch_agent.retention` requires `cloudwatch_agent.log_groups` or "
                "`cloudwatch_agent.log_group_prefixes`."
            )
        ]

    @pytest.mark.parametrize(
        ("prefix", "reason"),
        [
            ("/", "It would grant the log groups of the whole account"),
            ("/aws/", "It would grant the log groups of AWS's services"),
        ],
    )
    def test_prefix_of_every_log_group_is_refused(self, prefix, reason):
        assert sentences({"cloudwatch_agent": {"log_group_prefixes": [prefix]}}) == [
            f'`cloudwatch_agent.log_group_prefixes` cannot contain "{prefix}". {reason}.'
        ]

    def test_new_role_options_conflict_with_an_existing_role(self):
        only_new = [conflict.option for conflict in CONFLICTS if conflict.other == "existing_role_name"]

        assert sentences(
            options_with("patch_policy", OPTIONS["patch_policy"].example) | {"existing_role_name": "old"}
        ) == [
            (
                "`patch_policy` cannot be combined with `existing_role_name`: it needs a tag on the role, and the tags "
                "of an existing role are not changed here. See docs/choosing.md in the repository of ssm-profile."
            )
        ]
        only_new.remove("patch_policy")
        for option in only_new:
            assert sentences({option: OPTIONS[option].example, "existing_role_name": "old"}) == [
                (
                    f"`{option}` cannot be combined with `existing_role_name`: it applies only to a role created "
                    "here. Remove one of the two."
                )
            ]
        assert only_new == ["role_name", "description", "permissions_boundary_arn", "service_principals"]

    def test_no_describe_and_a_list_conflict(self):
        assert sentences({"ec2_describe": False, "ec2_describe_actions": ["DescribeTags"]}) == [
            "`ec2_describe` cannot be false together with `ec2_describe_actions`: set only one of the two."
        ]

    def test_tag_of_a_patch_policy_is_not_the_user_s(self):
        options = options_with("patch_policy", OPTIONS["patch_policy"].example) | {"tags": {"qsconfigid-q4bkg": "x"}}

        assert sentences(options, camel_case) == [
            '`tags` cannot contain the key "qsconfigid-q4bkg", which `patchPolicy` sets. Remove it.'
        ]

    def test_partitions_must_agree(self):
        options = {
            "session_kms_key_arn": KEY,
            "permissions_boundary_arn": "arn:aws-cn:iam::123456789012:policy/boundary",
        }

        assert sentences(options) == [
            (
                "`permissions_boundary_arn` is in partition aws-cn, but `session_kms_key_arn` is in aws "
                '(got "arn:aws-cn:iam::123456789012:policy/boundary").'
            )
        ]

    def test_managed_policies_are_counted(self):
        """Outputs of other resources count, and so does the component's own policy."""
        arns = [f"arn:aws:iam::123456789012:policy/{number}" for number in range(24)]

        (with_own,) = sentences({"managed_policy_arns": [*arns, UNKNOWN], "policy_kind": "managed"})
        assert with_own == (
            "`managed_policy_arns` cannot contain more than 24 policies (got 25). IAM allows 25 managed policies on a "
            "role with the component's own policy, and 10 unless AWS has raised the quota of the account."
        )
        (without_own,) = sentences({"managed_policy_arns": [*arns, UNKNOWN, UNKNOWN]})
        assert "more than 25 policies (got 26). IAM allows 25 managed policies on a role, and 10 unless" in without_own
        assert sentences({"managed_policy_arns": [arns[0], UNKNOWN, arns[0]]}) == [
            f'`managed_policy_arns` cannot contain a policy twice (got "{arns[0]}").'
        ]

    def test_mistake_is_reported_once(self):
        """A wrong value, or a map without its key, is not also reported for what it requires."""
        assert [mistake.path for mistake in find_mistakes({"inventory": "yes"})] == ["inventory"]
        assert [mistake.path for mistake in find_mistakes({"session_logs": {"prefix": "ssm"}})] == [
            "session_logs.prefix"
        ]

    def test_names_are_the_caller_s(self):
        options = {"inventory": True, "session_logs": {"prefix": "a", "log_group": "/ssm"}}

        assert sentences(options, camel_case) == [
            "`inventory` requires `stateManager` to be true.",
            "`sessionLogs.prefix` requires `sessionLogs.bucket`.",
        ]


class TestUnknownOptions:
    def test_nearest_option_is_the_caller_s(self):
        (sentence,) = sentences({"quietAgnt": True}, camel_case)

        assert "Did you mean `quietAgent`?" in sentence

    @pytest.mark.parametrize(
        ("key", "nearest"),
        [
            ("quitAgent", "quiet_agent"),
            ("session_logs.kms_key_arn", "session_logs"),
            ("domain_join.directory_id", "domain_join"),
            ("parameters.paths[0]", "parameters"),
            ("sessionLogs", "session_logs"),
        ],
    )
    def test_nearest_option_is_offered(self, key, nearest):
        (sentence,) = sentences({key: True})

        assert sentence == (
            f"`{key}` is not an option. Did you mean `{nearest}`? docs/options.md in the repository of ssm-profile "
            "lists all options."
        )

    def test_nothing_like_it_is_not_guessed(self):
        assert sentences({"zzz": True}) == [
            "`zzz` is not an option. docs/options.md in the repository of ssm-profile lists all options."
        ]

    def test_config_key_is_compared_without_its_project(self):
        mistake = unknown_option("ssm-profile:parameters.paths[0]", ["ssm-profile:parameters", "ssm-profile:path"])

        assert "Did you mean `ssm-profile:parameters`?" in mistake.reason

    def test_keys_of_a_map_in_a_list_are_the_caller_s(self):
        assert sentences({"read_buckets": [{"bucket": "logs"}, {"bucket": "logs", "prefx": "x"}]}, camel_case) == [
            (
                "`readBuckets[1].prefx` is not a key. Did you mean `readBuckets[1].prefix`? The keys are "
                "readBuckets[1].bucket, readBuckets[1].prefix, readBuckets[1].folders, readBuckets[1].kmsKeyArn."
            )
        ]

    def test_keys_of_a_map_are_listed(self):
        assert sentences({"session_logs": {"bucket": "logs", "logroup": "x"}}) == [
            (
                "`session_logs.logroup` is not a key. Did you mean `session_logs.log_group`? The keys are "
                "session_logs.bucket, session_logs.prefix, session_logs.kms_key_arn, session_logs.log_group."
            )
        ]


class TestNames:
    def test_longest_name_leaves_room_for_suffixes(self):
        assert find_name_mistakes("n" * 51, {}) == []
        (mistake,) = find_name_mistakes("n" * 52, {})

        assert str(mistake) == (
            f'`name` "{"n" * 52}" is too long. Its 52 characters, the 5 of "-role" and the 8 of Pulumi\'s random '
            "suffix make 65. IAM allows 64 in the name of a role. Use at most 51 characters, or set `role_name`."
        )

    def test_names_by_options_lift_limits(self):
        role = {"role_name": "web"}
        role_and_profile = role | {"instance_profile_name": "web"}

        assert find_name_mistakes("n" * 112, role) == []
        assert (
            "make 129. IAM allows 128 in the name of an instance profile"
            in find_name_mistakes("n" * 113, role)[0].reason
        )
        assert find_name_mistakes("n" * 113, role_and_profile) == []
        (mistake,) = find_name_mistakes("n" * 114, role_and_profile)
        assert mistake.reason.endswith("make 129. IAM allows 128 in the name of a policy. Use at most 113 characters")

    def test_existing_role_lifts_the_limit_of_its_name(self):
        existing = {"existing_role_name": "old"}

        assert find_name_mistakes("n" * 112, existing) == []
        assert "an instance profile" in find_name_mistakes("n" * 113, existing)[0].reason

    @pytest.mark.parametrize("name", ["", "web/role", "web role", "wéb", 3, None])
    def test_name_must_be_accepted_by_iam(self, name):
        (mistake,) = find_name_mistakes(name, {})

        assert str(mistake) == (f"`name` must consist of letters, digits and + = , . @ _ - (got {json.dumps(name)}).")


class TestSizes:
    @pytest.mark.parametrize(("options", "limit"), [({}, 10_240), ({"policy_kind": "managed"}, 6_144)])
    def test_limit_depends_on_the_kind(self, options, limit):
        assert find_size_mistakes(limit, options) == []
        (mistake,) = find_size_mistakes(limit + 1, options)

        kind = options.get("policy_kind", "inline")
        assert str(mistake) == (
            f"`policy` is too long: it has {limit + 1:,} characters without spaces. IAM allows 10,240 in the inline "
            f'policies of a role and 6,144 in a managed policy, and `policy_kind` is "{kind}". Set fewer options.'
        )

    def test_given_lists_are_named(self):
        """Only those that make the policy longer."""
        options = {
            "parameters": {"paths": ["/app"], "shared_arns": []},
            "read_buckets": [{"bucket": "scripts"}],
            "service_principals": ["ec2.amazonaws.com"],
        }

        (one,) = find_size_mistakes(10_241, {"document_arns": ["arn:aws:ssm:eu-west-1:210987654321:document/Shared"]})
        (several,) = find_size_mistakes(10_241, options)

        assert one.reason.endswith("Set fewer options, or shorten this list: `document_arns`")
        assert several.reason.endswith("Set fewer options, or shorten these lists: `read_buckets`, `parameters.paths`")

    def test_buckets_of_other_regions_are_unknown(self):
        assert find_bucket_mistakes("eu-central-1") == []
        (mistake,) = find_bucket_mistakes("cn-north-1")

        assert str(mistake) == (
            "`managed_buckets` cannot be true in cn-north-1: AWS does not publish the names of its buckets there "
            f"(as of {BUCKETS_DATE}). Leave it out."
        )


def _only(path):
    key = path.partition(".")[2]
    return {key: option_at(path).example}
