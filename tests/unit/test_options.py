"""The rules of the options: what is accepted at each limit, and what the lines about mistakes say."""

import pytest

from ssm_profile import SsmInstanceProfileArgs
from ssm_profile.options import NEEDED, OPTIONS, UNKNOWN, find_mistakes, find_name_mistakes
from tests.expected import KEY, MAPS

KEY_WITHOUT_ID = "arn:aws:kms:eu-central-1:123456789012:key/"
POLICY_WITHOUT_NAME = "arn:aws:iam::123456789012:policy/"
SWITCHES = [name for name, option in OPTIONS.items() if option.kind == "boolean"]
PLAIN_MAPS = [name for name, option in OPTIONS.items() if option.fields]

GOOD = [
    *[(option, value) for option in SWITCHES for value in (True, False)],
    ("ec2_describe_actions", ["DescribeInstances", "DescribeTags"]),
    ("ec2_describe_actions", ("DescribeTags",)),
    ("ec2_describe_actions", ["DescribeIpv6Pools", "Describe" + "T" * 120]),
    *MAPS.items(),
    ("parameters", {"paths": ["/" + "/".join("a" * 15)]}),
    ("session_logs", {"bucket": UNKNOWN, "log_group": UNKNOWN}),
    ("session_logs", {"log_group": "/ssm/sessions"}),
    ("cloudwatch_agent", {}),
    ("session_kms_key_arn", KEY.replace("arn:aws:", "arn:aws-us-gov:")),
    ("session_kms_key_arn", f"{KEY_WITHOUT_ID}mrk-1234ABCD"),
    ("session_kms_key_arn", KEY_WITHOUT_ID + "a" * 2006),
    ("policy_kind", "inline"),
    ("policy_kind", "managed"),
    ("managed_policy_arns", ["arn:aws:iam::aws:policy/ReadOnlyAccess", UNKNOWN]),
    ("managed_policy_arns", [POLICY_WITHOUT_NAME + "a" * 2015]),
    ("existing_role_name", "old"),
    ("path", "/"),
    ("path", "/a/b/"),
    ("path", "/" + "p" * 510 + "/"),
    ("role_name", "r" * 64),
    ("role_name", "a+=,.@_-9"),
    ("instance_profile_name", "p" * 128),
    ("description", "Für die Web-Server.\tZwei\r\nZeilen."),
    ("description", "d" * 1000),
    ("tags", {}),
    ("tags", {"k": "v"}),
    ("tags", {"k" * 128: "v" * 256}),
    ("tags", {"Kosten stelle/ä_.:=+-@": ""}),
    ("tags", {f"k{number}": "v" for number in range(50)}),
    ("tags", {"Key": UNKNOWN}),
    ("tags", UNKNOWN),
    ("role_name", UNKNOWN),
    ("permissions_boundary_arn", "arn:aws:iam::123456789012:policy/boundary"),
    ("permissions_boundary_arn", "arn:aws-us-gov:iam::123456789012:policy/org/boundary"),
    ("permissions_boundary_arn", "arn:aws-cn:iam::aws:policy/PowerUserAccess"),
    ("permissions_boundary_arn", POLICY_WITHOUT_NAME + "a" * 2015),
    ("service_principals", ["ec2.amazonaws.com"]),
    ("service_principals", ["ec2.amazonaws.com.cn", "ssm.amazonaws.com"]),
    ("service_principals", ["a-0.b-1", "a." * 63 + "bc"]),
]

GOOD_KEYS = [
    ("parameters", "paths", ["/App_0.b-c", "/" + "a" * 1010]),
    ("session_logs", "bucket", "0.a-9"),
    ("session_logs", "bucket", "a1b"),
    ("session_logs", "bucket", "b" * 63),
    ("session_logs", "prefix", "Az09!_.'()/=-"),
    ("session_logs", "prefix", "p" * 512),
    ("session_logs", "log_group", "/AWS/ssm_0.a-b#c"),
    ("session_logs", "log_group", "g" * 512),
    ("cloudwatch_agent", "namespace", "AWS/ec2_0.a#b:c-d"),
    ("cloudwatch_agent", "namespace", "n" * 255),
    ("cloudwatch_agent", "log_groups", ["g" * 512]),
    ("domain_join", "directory_id", "d-0123abcdef"),
]
"""Values of keys of maps: every kind of letter, and the shortest and the longest."""

BAD = [
    *[(option, value) for option in SWITCHES for value in ("true", 1, 0, [], UNKNOWN)],
    ("ec2_describe_actions", []),
    ("ec2_describe_actions", "DescribeTags"),
    ("ec2_describe_actions", ["Describe*"]),
    ("ec2_describe_actions", ["Describe"]),
    ("ec2_describe_actions", ["ec2:DescribeTags"]),
    ("ec2_describe_actions", ["RunInstances"]),
    ("ec2_describe_actions", ["DescribeTags", "DescribeT?gs"]),
    ("ec2_describe_actions", ["DescribeTаgs"]),  # noqa: RUF001 - a Cyrillic letter
    ("ec2_describe_actions", [{"Describe": 1}]),
    *[(option, UNKNOWN) for option in ("ec2_describe_actions", *PLAIN_MAPS, "service_principals")],
    ("parameters", {}),
    ("parameters", []),
    ("parameters", {"recursive": True}),
    ("session_logs", {}),
    ("session_logs", {"prefix": "ssm"}),
    ("domain_join", {}),
    ("cloudwatch_agent", "CWAgent"),
    ("session_kms_key_arn", KEY.replace("key/", "alias/")),
    ("session_kms_key_arn", "1234abcd-12ab-34cd-56ef-1234567890ab"),
    ("session_kms_key_arn", KEY.replace(":kms:", ":iam:")),
    ("session_kms_key_arn", "*"),
    ("policy_kind", "Managed"),
    ("policy_kind", UNKNOWN),
    ("managed_policy_arns", UNKNOWN),
    ("managed_policy_arns", []),
    ("managed_policy_arns", ["ReadOnlyAccess"]),
    ("managed_policy_arns", [None]),
    ("managed_policy_arns", ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]),
    ("managed_policy_arns", ["arn:aws-cn:iam::aws:policy/service-role/AmazonEC2RoleforSSM"]),
    ("managed_policy_arns", ["arn:aws:iam::aws:policy/AmazonSSMFullAccess"]),
    ("existing_role_name", "a/b"),
    ("path", ""),
    ("path", "ssm"),
    ("path", "/ssm"),
    ("path", "ssm/"),
    ("path", "/s sm/"),
    ("path", "/ssm/\n"),
    ("path", "/é/"),
    ("path", "/" + "p" * 511 + "/"),
    ("role_name", ""),
    ("role_name", "r" * 65),
    ("role_name", "web role"),
    ("role_name", "web/role"),
    ("role_name", "wéb"),
    ("role_name", "web\n"),
    ("instance_profile_name", "p" * 129),
    ("instance_profile_name", 3),
    ("description", "d" * 1001),
    ("description", "snow \u2603"),
    ("description", "bell \a"),
    ("tags", []),
    ("tags", {"aws:cloud": "x"}),
    ("tags", {"AWS:cloud": "x"}),
    ("tags", {"": "x"}),
    ("tags", {"k" * 129: "x"}),
    ("tags", {"k": "v" * 257}),
    ("tags", {"k": 3}),
    ("tags", {3: "v"}),
    ("tags", {"k": "a;b"}),
    ("tags", {"k": "line\nend"}),
    ("tags", {f"k{number}": "v" for number in range(51)}),
    ("permissions_boundary_arn", "boundary"),
    ("permissions_boundary_arn", "arn:aws:iam::123456789012:role/boundary"),
    ("permissions_boundary_arn", "arn:aws:iam::12345678901:policy/boundary"),
    ("permissions_boundary_arn", "arn:aws:iam::123456789012:policy/*"),
    ("permissions_boundary_arn", "arn:aws:iam::123456789012:policy/"),
    ("permissions_boundary_arn", "arn:aws:iam:eu-central-1:123456789012:policy/boundary"),
    ("permissions_boundary_arn", "arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:policy/boundary"),
    ("service_principals", []),
    ("service_principals", "ec2.amazonaws.com"),
    ("service_principals", ["*"]),
    ("service_principals", ["ec2"]),
    ("service_principals", ["arn:aws:iam::123456789012:root"]),
    ("service_principals", ["ec2.amazonaws.com", "*.amazonaws.com"]),
]  # fmt: skip


def needed_beside(option):
    return {NEEDED[option]: True} if option in NEEDED else {}


@pytest.mark.parametrize(("option", "value"), GOOD)
def test_accepted(option, value):
    assert find_mistakes({option: value} | needed_beside(option)) == []


@pytest.mark.parametrize(("option", "key", "value"), GOOD_KEYS)
def test_accepted_in_a_map(option, key, value):
    assert find_mistakes({option: MAPS[option] | {key: value}}) == []


@pytest.mark.parametrize(("option", "value"), BAD)
def test_refused_with_the_option_what_was_found_and_what_is_allowed(option, value):
    line, *more = find_mistakes({option: value})

    assert all(": found a value without a bucket" in other for other in more)
    assert line.startswith(f"{option}: found ")
    assert f"; allowed: {OPTIONS[option].allowed}" in line
    assert "\n" not in line


BAD_KEYS = [
    ("parameters", "paths", []),
    ("parameters", "paths", "/app"),
    ("parameters", "paths", ["app"]),
    ("parameters", "paths", ["/"]),
    ("parameters", "paths", ["*"]),
    ("parameters", "paths", ["/*"]),
    ("parameters", "paths", ["/app/*"]),
    ("parameters", "paths", ["/app/?"]),
    ("parameters", "paths", ["/app/"]),
    ("parameters", "paths", ["/app//prod"]),
    ("parameters", "paths", ["/app/${aws:username}"]),
    ("parameters", "paths", ["/" + "/".join("a" * 16)]),
    ("parameters", "paths", UNKNOWN),
    ("parameters", "recursive", "true"),
    ("parameters", "recursive", UNKNOWN),
    ("parameters", "kms_key_arn", "alias/app"),
    ("session_logs", "bucket", "*"),
    ("session_logs", "bucket", "logs*"),
    ("session_logs", "bucket", "Logs"),
    ("session_logs", "bucket", "lo"),
    ("session_logs", "bucket", "l" * 64),
    ("session_logs", "bucket", "arn:aws:s3:::logs"),
    ("session_logs", "prefix", "ssm/*"),
    ("session_logs", "prefix", ""),
    ("session_logs", "kms_key_arn", "alias/logs"),
    ("session_logs", "cross_account", "yes"),
    ("session_logs", "cross_account", UNKNOWN),
    ("session_logs", "log_group", "*"),
    ("session_logs", "log_group", "/ssm/*"),
    ("session_logs", "log_group", "arn:aws:logs:eu-central-1:123456789012:log-group:/ssm"),
    ("cloudwatch_agent", "namespace", "*"),
    ("cloudwatch_agent", "log_groups", ["/ec2/*"]),
    ("cloudwatch_agent", "log_groups", []),
    ("cloudwatch_agent", "log_groups", UNKNOWN),
    ("domain_join", "directory_id", "d-*"),
    ("domain_join", "directory_id", "d-12345"),
]


@pytest.mark.parametrize(("option", "key", "value"), BAD_KEYS)
def test_what_would_widen_a_grant_is_refused_by_the_key_in_the_map(option, key, value):
    (line,) = find_mistakes({option: MAPS[option] | {key: value}})

    assert line.startswith(f"{option}.{key}: found ")
    assert f"; allowed: {OPTIONS[option].fields[key].allowed}" in line


def test_a_map_says_which_keys_it_has_and_which_it_needs():
    assert find_mistakes({"parameters": {}, "cloudwatch_agent": 1}) == [
        "parameters: found {}; allowed: a map of paths, recursive, kms_key_arn, with paths",
        "cloudwatch_agent: found 1; allowed: a map of namespace, log_groups",
    ]


def test_an_unknown_key_in_a_map_is_named_with_the_nearest_known_one():
    (line,) = find_mistakes({"session_logs": {"bucket": "logs", "logroup": "x"}})

    assert line.startswith("session_logs.logroup: found an unknown key, nearest known key: session_logs.log_group; ")


def test_what_is_of_a_bucket_needs_one():
    (line,) = find_mistakes({"session_logs": {"log_group": "/ssm", "prefix": "ssm"}})

    assert line == "session_logs.prefix: found a value without a bucket; allowed: a value beside a bucket"


def test_every_option_has_good_and_bad_examples_here():
    assert {option for option, _ in GOOD} == OPTIONS.keys()
    assert {option for option, _ in BAD} == OPTIONS.keys()


def test_rules_and_args_are_of_the_same_options():
    assert list(OPTIONS) == list(SsmInstanceProfileArgs.__annotations__)


def test_only_the_wrong_entries_of_a_list_are_shown():
    (line,) = find_mistakes({"ec2_describe_actions": ["DescribeTags", "ec2:DescribeHosts"]})

    assert 'found "ec2:DescribeHosts";' in line


def test_a_long_value_is_cut():
    (line,) = find_mistakes({"role_name": "r" * 5000})

    assert f'found "{"r" * 79}... (5002 characters);' in line


def test_the_longest_value_that_is_not_cut():
    (line,) = find_mistakes({"role_name": "r" * 78})

    assert f'found "{"r" * 78}";' in line


def test_look_alike_letters_are_shown_as_what_they_are():
    (line,) = find_mistakes({"ec2_describe_actions": ["DescribeTаgs"]})  # noqa: RUF001 - a Cyrillic letter

    assert r"DescribeT\u0430gs" in line


def test_no_describe_action_beside_a_list_of_them_is_a_contradiction():
    (line,) = find_mistakes({"ec2_describe": False, "ec2_describe_actions": ["DescribeTags"]})

    assert line == (
        "ec2_describe: found false beside ec2_describe_actions; "
        "allowed: one of the two, no Describe action or a list of them"
    )


@pytest.mark.parametrize("option", ["role_name", "description", "permissions_boundary_arn", "service_principals"])
def test_what_shapes_a_new_role_is_refused_beside_one_that_exists(option):
    value = next(value for name, value in GOOD if name == option)

    assert find_mistakes({option: value, "existing_role_name": "old"}) == [
        f"{option}: found a value beside existing_role_name; allowed: a value for a new role only"
    ]


@pytest.mark.parametrize(("option", "needed"), NEEDED.items())
def test_an_option_that_does_nothing_without_another_is_refused_alone(option, needed):
    line = f"{option}: found true without {needed}; allowed: true where both are"

    assert find_mistakes({option: True}) == find_mistakes({option: True, needed: False}) == [line]
    assert find_mistakes({option: False}) == []


def test_an_unknown_key_is_named_with_the_nearest_known_one():
    (line,) = find_mistakes({"quitAgent": True})

    assert line.startswith("quitAgent: found an unknown key, nearest known key: quiet_agent; allowed: ec2_describe, ")


def test_an_unknown_key_that_is_like_none_is_named_without_a_guess():
    (line,) = find_mistakes({"zzz": True})

    assert line.startswith("zzz: found an unknown key; allowed: ec2_describe, ")


def test_the_longest_name_is_accepted_and_one_more_is_refused_with_the_arithmetic():
    assert find_name_mistakes("n" * 51, {}) == []
    (line,) = find_name_mistakes("n" * 52, {})

    assert line == (
        f'name: found "{"n" * 52}", whose 52 characters, 5 for "-role" and 8 for Pulumi\'s random suffix make a role '
        "name of 65; allowed: 64, so a name of at most 51 characters, or a role name of your own in role_name"
    )


def test_names_of_one_s_own_lift_the_limits_that_they_concern():
    own_role = {"role_name": "web"}
    own_names = own_role | {"instance_profile_name": "web"}

    assert find_name_mistakes("n" * 112, own_role) == []
    assert "instance profile name of 129" in find_name_mistakes("n" * 113, own_role)[0]
    assert find_name_mistakes("n" * 113, own_names) == []
    (line,) = find_name_mistakes("n" * 114, own_names)
    assert line.endswith("make a policy name of 129; allowed: 128, so a name of at most 113 characters")


def test_beside_a_role_that_exists_the_limits_of_the_policy_and_the_profile_hold():
    existing = {"existing_role_name": "old"}

    assert find_name_mistakes("n" * 112, existing) == []
    assert "instance profile name of 129" in find_name_mistakes("n" * 113, existing)[0]


@pytest.mark.parametrize("name", ["", "web/role", "web role", "wéb", 3, None])
def test_a_name_that_iam_rejects_is_refused(name):
    (line,) = find_name_mistakes(name, {})

    assert line.startswith("name: found ")
    assert line.endswith("; allowed: letters, digits and + = , . @ _ -")
