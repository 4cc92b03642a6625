"""Valid and invalid values of every option: one table for the tests of rules, misuse and mutation."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from generators.option_sets import SWITCHES
from ssm_profile.options import OPTIONS, camel_case, option_at, option_paths
from ssm_profile.regions import PARTITION_PATTERN
from ssm_profile.validation import UNKNOWN
from tests.expected import KEY, MAPS, SHARED_DOCUMENT, SHARED_PARAMETER

Options = dict[str, Any]


@dataclass(frozen=True)
class Examples:
    """Values of one option, or of one key of a map."""

    valid: list[Any]
    invalid: list[Any]


STRANGE_STRINGS = [
    "",
    " ",
    "a b",
    "*",
    "web*",
    "we?",
    "${aws:PrincipalTag/x}",
    "{partition}",
    '","Resource":"*',
    '{"Effect":"Allow","Action":"*","Resource":"*"}',
    "web\n",
    "web\x00",
    "web\x7f",
    "\u202eweb",
    "wеb",  # noqa: RUF001 - a Cyrillic letter
    "ｗｅｂ",  # noqa: RUF001 - wide letters
    "wéb",
    "web\u200b",
    "../web/*",
]
"""Wildcards, variables, pieces of JSON, control characters, look-alikes: none of them names anything."""

NOT_STRINGS = [0, 1.5, True, ["web"], {"a": "web"}]
NOT_LISTS = [0, True, "web", {"a": "web"}, []]
NOT_MAPS = [0, True, "web", ["web"]]
NOT_BOOLEANS = ["true", "yes", "", 0, 1, 1.0, [], ["true"], {"true": True}, UNKNOWN]

KEY_PREFIX = "arn:aws:kms:eu-central-1:123456789012:key/"
SHARED_PREFIX = "arn:aws:ssm:eu-central-1:210987654321:"
LONGEST_NAME = 1011 - len(f"{SHARED_PREFIX}parameter/")
POLICY_PREFIX = "arn:aws:iam::123456789012:policy/"

NOT_KMS_KEYS = [
    *STRANGE_STRINGS,
    *NOT_STRINGS,
    "alias/web",
    "1234abcd-12ab-34cd-56ef-1234567890ab",
    KEY.replace("key/", "alias/"),
    KEY.replace(":kms:", ":s3:"),
    KEY.replace(":kms:", ":iam:"),
    KEY.replace("arn:aws:", "arn:awsx:"),
    KEY.replace("arn:aws:", "arn:aws-:"),
    KEY.replace("arn:aws:", "arn:aws-*:"),
    KEY.replace("eu-central-1", ""),
    KEY.replace("123456789012", "12345678901"),
    KEY.replace("123456789012", "1234567890123"),
    KEY.replace("123456789012", "12345678901a"),
    KEY_PREFIX,
    KEY_PREFIX + "a" * 2007,
    KEY.replace("key/", "key/*"),
    f"{KEY}*",
    f"{KEY},{KEY}",
    KEY.upper(),
]
KMS_KEYS = Examples(
    valid=[
        KEY,
        UNKNOWN,
        KEY.replace("arn:aws:", "arn:aws-us-gov:"),
        f"{KEY_PREFIX}mrk-1234ABCD",
        KEY_PREFIX + "a" * 2006,
    ],
    invalid=NOT_KMS_KEYS,
)

NOT_MANAGED_POLICIES = [
    *STRANGE_STRINGS,
    *NOT_STRINGS,
    "AdministratorAccess",
    "arn:aws:iam::123456789012:role/web",
    POLICY_PREFIX,
    "arn:aws:iam::12345:policy/web",
    "arn:aws:iam::12345678901:policy/web",
    "arn:aws:iam::12345678901a:policy/web",
    "arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:policy/web",
    "arn:aws:iam:eu-central-1:123456789012:policy/web",
    "arn:awsx:iam::aws:policy/ReadOnlyAccess",
    "arn:aws:s3:::policy/web",
    "arn:aws:iam::aws:policy/*",
    "arn:aws:iam::123456789012:policy/*",
    "arn:aws:iam::123456789012:policy//web",
    "arn:aws:iam::123456789012:policy/a b/web",
    POLICY_PREFIX + "a" * 2016,
]
SSM_WIDE_POLICIES = [
    "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
    "arn:aws:iam::aws:policy/AmazonSSMFullAccess",
    "arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforSSM",
    "arn:aws-cn:iam::aws:policy/service-role/AmazonEC2RoleforSSM",
    "arn:aws-cn:iam::aws:policy/AmazonSSMManagedEC2InstanceDefaultPolicy",
    "arn:aws:iam::aws:policy/service-role/AmazonSSMAutomationRole",
    "arn:aws:iam::aws:policy/service-role/AmazonSSMMaintenanceWindowRole",
    "arn:aws-us-gov:iam::aws:policy/AmazonSSMReadOnlyAccess",
]

BUCKETS = ["0.a-9", "a1b", "b" * 63, UNKNOWN]
NOT_BUCKETS = [
    *STRANGE_STRINGS,
    *NOT_STRINGS,
    "logs*",
    "Logs",
    "lo",
    "-logs",
    "logs-",
    "a" * 64,
    "arn:aws:s3:::logs",
]
PREFIXES = ["Az09!_.'()/=-", "p" * 512]
NOT_PREFIXES = [*STRANGE_STRINGS, *NOT_STRINGS, "ssm/*", "/", "///", "a" * 513]

DIRECTORY_IDS = Examples(
    valid=["d-0123abcdef", UNKNOWN],
    invalid=[
        *STRANGE_STRINGS,
        *NOT_STRINGS,
        "d-*",
        "d-123",
        "d-12345678901",
        "1234567890",
        "d-123456789g",
        "D-1234567890",
    ],
)

NOT_NAMES = [*STRANGE_STRINGS, *NOT_STRINGS, "a/b", "web role"]
BOOLEANS = Examples(valid=[True, False], invalid=NOT_BOOLEANS)


def entries(values):
    """A list of one entry for each value."""
    return [[value] for value in values]


def shared(*resources, refused):
    """ARNs of Systems Manager, with resources that are accepted and some that are refused."""
    good = f"{SHARED_PREFIX}{resources[0]}"
    return Examples(
        valid=[
            [UNKNOWN],
            [f"{SHARED_PREFIX}{each}" for each in resources],
            [good.replace("arn:aws:", "arn:aws-cn:"), UNKNOWN],
        ],
        invalid=[
            *NOT_LISTS,
            UNKNOWN,
            *entries([*STRANGE_STRINGS, *NOT_STRINGS, "/app", "document", SHARED_PREFIX]),
            *entries([f"{good}*", good.replace("210987654321", "*"), good.replace("eu-central-1", "*")]),
            [good.replace(":210987654321:", "::")],
            [good.replace("210987654321", "21098765432")],
            [good.replace("210987654321", "21098765432a")],
            [good.replace("eu-central-1", "")],
            *entries([f"{SHARED_PREFIX}{each}" for each in refused]),
            [good.replace(":ssm:", ":s3:")],
            [good.replace("arn:aws:", "arn:awsx:")],
            [good.replace(resources[0], f"automation-definition/{resources[0]}")],
            [f"{good}/"],
            [f"{good}:2"],
            [good + "a" * 1011],
        ],
    )


EXAMPLES: dict[str, Examples] = {
    **{path: BOOLEANS for path in option_paths() if option_at(path).type == "boolean"},
    "ec2_describe_actions": Examples(
        valid=[
            ["DescribeInstances", "DescribeTags"],
            ("DescribeTags",),
            ["DescribeIpv6Pools", "Describe" + "T" * 120],
        ],
        invalid=[
            *NOT_LISTS,
            UNKNOWN,
            [UNKNOWN],
            *entries([*STRANGE_STRINGS, *NOT_STRINGS]),
            ["Describe"],
            ["Describe*"],
            ["ec2:DescribeTags"],
            ["RunInstances"],
            ["DescribeTags", "DescribeT?gs"],
            ["DescribeTags", "GetPasswordData"],
            ["DescribeTаgs"],  # noqa: RUF001 - a Cyrillic letter
            ["Describe" + "T" * 121],
        ],
    ),
    "document_arns": shared(
        "document/abc", "document/" + "a" * 128, "document/Az_0.-", refused=["document/ab", "document/" + "a" * 129]
    ),
    "patch_policy": Examples(valid=[MAPS["patch_policy"]], invalid=[*NOT_MAPS, {}, UNKNOWN]),
    "patch_policy.account_id": Examples(
        valid=["000000000000", UNKNOWN],
        invalid=[*STRANGE_STRINGS, *NOT_STRINGS, "12345678901", "1234567890123", "12345678901a", "١٢٣٤٥٦٧٨٩٠١٢"],
    ),
    "patch_policy.configuration_id": Examples(
        valid=["a", "q4bkg" * 4 + "abc", UNKNOWN], invalid=[*STRANGE_STRINGS, *NOT_STRINGS, "Q4bkg", "q4-bkg", "a" * 24]
    ),
    "read_buckets": Examples(
        valid=[MAPS["read_buckets"], [{"bucket": "scripts"}], ({"bucket": UNKNOWN, "prefix": UNKNOWN},)],
        invalid=[0, True, "scripts", [], {"bucket": "scripts"}, UNKNOWN],
    ),
    "read_buckets.bucket": Examples(valid=BUCKETS, invalid=NOT_BUCKETS),
    "read_buckets.prefix": Examples(valid=[*PREFIXES, UNKNOWN], invalid=NOT_PREFIXES),
    "read_buckets.kms_key_arn": KMS_KEYS,
    "parameters": Examples(
        valid=[MAPS["parameters"], {"paths": ["/app"]}, {"shared_arns": [UNKNOWN], "shared_kms_key_arn": UNKNOWN}],
        invalid=[*NOT_MAPS, {}, UNKNOWN],
    ),
    "parameters.paths": Examples(
        valid=[
            ["/App_0.b-c", "/" + "a" * 1010],
            ["/" + "/".join("a" * 15)],
            ["/aws/service", "/aws/service/ecs"],
            ["/aws/reference/secretsmanager/database"],
            ["/app/aws", "/inspector-aws/ssm"],
            ["/ssa", "/sam", "/psm", "/awa", "/aas", "/bws"],
        ],
        invalid=[
            *NOT_LISTS,
            UNKNOWN,
            [UNKNOWN],
            *entries([*STRANGE_STRINGS, *NOT_STRINGS]),
            ["/"],
            ["app"],
            ["app/prod"],
            ["/app/"],
            ["/app//prod"],
            ["/app/*"],
            ["/app/?"],
            ["/*"],
            ["//"],
            ["/app/prod?"],
            ["/app/${aws:username}"],
            *entries(["/aws", "/aws/services", "/aws/reference", "/AWS/service/ecs", "/awslabs/x", "/ssm/x", "/SSM"]),
            ["/app", "/"],
            ["/" + "/".join("a" * 16)],
            ["/" + "a" * 1011],
        ],
    ),
    "parameters.kms_key_arn": KMS_KEYS,
    "parameters.shared_arns": shared(
        "parameter/app/db",
        "parameter/A9_.-",
        "parameter/" + "a" * LONGEST_NAME,
        "parameter/" + "/".join("a" * 15),
        refused=["parameter", "parameter/" + "a" * (LONGEST_NAME + 1), "parameter/" + "/".join("a" * 16)],
    ),
    "parameters.shared_kms_key_arn": Examples([KEY, UNKNOWN], NOT_KMS_KEYS),
    "session_kms_key_arn": KMS_KEYS,
    "session_kms_key_alias": Examples(
        valid=["alias/Ssm_0-a/b", "alias/" + "a" * 250, "alias/awsome", UNKNOWN],
        invalid=[
            *STRANGE_STRINGS,
            *NOT_STRINGS,
            "ssm-sessions",
            "alias/",
            "alias/*",
            "alias/a:b",
            "alias/aws/ssm",
            "alias/" + "a" * 251,
            KEY,
            KEY.replace("key/", "alias/"),
        ],
    ),
    "session_logs": Examples(
        valid=[
            MAPS["session_logs"],
            {"bucket": "logs"},
            {"log_group": "/ssm/sessions"},
            {"bucket": UNKNOWN, "log_group": UNKNOWN},
        ],
        invalid=[*NOT_MAPS, {}, UNKNOWN],
    ),
    "session_logs.bucket": Examples(valid=BUCKETS, invalid=NOT_BUCKETS),
    "session_logs.prefix": Examples(valid=PREFIXES, invalid=NOT_PREFIXES),
    "session_logs.kms_key_arn": KMS_KEYS,
    "session_logs.log_group": Examples(
        valid=["/AWS/ssm_0.a-b#c", "g" * 512],
        invalid=[
            *STRANGE_STRINGS,
            *NOT_STRINGS,
            "/ssm/*",
            "a:*",
            "a" * 513,
            "arn:aws:logs:eu-central-1:123456789012:log-group:/ssm",
        ],
    ),
    "cloudwatch_agent": Examples(valid=[MAPS["cloudwatch_agent"], {}], invalid=[*NOT_MAPS, UNKNOWN]),
    "cloudwatch_agent.namespace": Examples(
        valid=["AWS/ec2_0.a#b:c-d", "n" * 255], invalid=[*STRANGE_STRINGS, *NOT_STRINGS, "a" * 256]
    ),
    "cloudwatch_agent.log_groups": Examples(
        valid=[["g" * 512]],
        invalid=[
            *NOT_LISTS,
            UNKNOWN,
            [UNKNOWN],
            *entries([*STRANGE_STRINGS, *NOT_STRINGS, "/ec2/*", "a:*", "a" * 513]),
        ],
    ),
    "cloudwatch_agent.log_group_prefixes": Examples(
        valid=[["i-", "/a", "/aws/cwagent/", "g" * 512]],
        invalid=[
            *NOT_LISTS,
            UNKNOWN,
            [UNKNOWN],
            *entries([*STRANGE_STRINGS, *NOT_STRINGS, "/ec2/*", "{instance_id}", "a:", "a" * 513]),
            *entries(["/", "//", "-", "_", ".", "#", "aws", "aws/", "/aws", "/aws/"]),
        ],
    ),
    "domain_join": Examples(
        valid=[MAPS["domain_join"], {"directory_id": "d-1234567890"}], invalid=[*NOT_MAPS, {}, UNKNOWN]
    ),
    "domain_join.directory_id": DIRECTORY_IDS,
    "domain_join.owner_account_id": Examples(
        valid=["000000000000", UNKNOWN],
        invalid=[
            *STRANGE_STRINGS,
            *NOT_STRINGS,
            123456789012,
            "12345678901",
            "1234567890123",
            "1234-5678-9012",
            "١٢٣٤٥٦٧٨٩٠١٢",
        ],
    ),
    "domain_join.owner_directory_id": DIRECTORY_IDS,
    "domain_join.kms_key_arn": KMS_KEYS,
    "path": Examples(
        valid=["/", "/a/b/", "/" + "p" * 510 + "/", UNKNOWN],
        invalid=[
            *NOT_STRINGS,
            "",
            " ",
            "ssm",
            "/ssm",
            "ssm/",
            "/s m/",
            "/ssé/",
            "/ssm/\n",
            "//",
            "/" + "p" * 511 + "/",
        ],
    ),
    "role_name": Examples(valid=["r" * 64, "a+=,.@_-9", UNKNOWN], invalid=[*NOT_NAMES, "r" * 65]),
    "instance_profile_name": Examples(valid=["p" * 128, UNKNOWN], invalid=[*NOT_NAMES, "p" * 129]),
    "description": Examples(
        valid=["Für die Web-Server.\tZwei\r\nZeilen.", "d" * 1000, UNKNOWN],
        invalid=[
            *NOT_STRINGS,
            "",
            "d" * 1001,
            "a\x00b",
            "a\x1bb",
            "bell \a",
            "snow \u2603",
            "для",
            "a\u202eb",
        ],
    ),
    "tags": Examples(
        valid=[
            {},
            {"k": "v"},
            {"k" * 128: "v" * 256},
            {"Kosten stelle/ä_.:=+-@": ""},
            {f"k{number}": "v" for number in range(50)},
            {"Key": UNKNOWN},
            UNKNOWN,
        ],
        invalid=[
            *NOT_MAPS,
            [],
            {"": "x"},
            {"aws:name": "x"},
            {"AWS:name": "x"},
            {"k" * 129: "x"},
            {"k": "v" * 257},
            {"k": 1},
            {3: "v"},
            {"k": None, "b!": "x"},
            {"k": ["x"]},
            {"k": "a;b"},
            {"k": "line\nend"},
            {"k": "a\x00"},
            {"k*": "x"},
            {"Team": "x", "other": "x", "team": "x"},
            {f"k{number}": "v" for number in range(51)},
        ],
    ),
    "permissions_boundary_arn": Examples(
        valid=[
            f"{POLICY_PREFIX}boundary",
            "arn:aws-us-gov:iam::123456789012:policy/org/boundary",
            "arn:aws-cn:iam::aws:policy/PowerUserAccess",
            POLICY_PREFIX + "a" * 2015,
            UNKNOWN,
        ],
        invalid=NOT_MANAGED_POLICIES,
    ),
    "service_principals": Examples(
        valid=[["ec2.amazonaws.com"], ["ec2.amazonaws.com.cn", "ssm.amazonaws.com"], ["a-0.b-1", "a." * 63 + "bc"]],
        invalid=[
            *NOT_LISTS,
            UNKNOWN,
            [UNKNOWN],
            *entries([*STRANGE_STRINGS, *NOT_STRINGS]),
            *entries(["ec2", "EC2.amazonaws.com", "ec2.*", "*.amazonaws.com", ".com", "ec2.", "a." * 64 + "b"]),
            ["ec2.amazonaws.com", "*.amazonaws.com"],
            ["arn:aws:iam::123456789012:root"],
        ],
    ),
    "policy_kind": Examples(
        valid=["inline", "managed"], invalid=[*STRANGE_STRINGS, *NOT_STRINGS, "Inline", "both", UNKNOWN]
    ),
    "managed_policy_arns": Examples(
        valid=[
            ["arn:aws:iam::aws:policy/ReadOnlyAccess", UNKNOWN, UNKNOWN],
            [POLICY_PREFIX + "a" * 2015],
            # Policies of one's own whose names are, or end, like those of AWS.
            [f"{POLICY_PREFIX}AmazonSSMFullAccess", "arn:aws:iam::aws:policy/NotAmazonSSMFullAccess"],
        ],
        invalid=[*NOT_LISTS, UNKNOWN, [None], *entries([*NOT_MANAGED_POLICIES, *SSM_WIDE_POLICIES])],
    ),
    "existing_role_name": Examples(valid=["old", "r" * 64, UNKNOWN], invalid=[*NOT_NAMES, "r" * 65]),
}
"""Every option, and every key of a map, by its path."""

EXISTING_ROLE = {"existing_role_name": "old"}
PATCH_POLICY = {"state_manager": True, "patching": True, "patch_policy": MAPS["patch_policy"]}


def policies(count: int) -> list[str]:
    """The ARNs of some managed policies."""
    return [f"{POLICY_PREFIX}{number}" for number in range(count)]


INVALID_COMBINATIONS: list[tuple[str, Options]] = [
    ("inventory", {"inventory": True}),
    ("inventory", {"inventory": True, "state_manager": False}),
    ("inspector", {"inspector": True}),
    ("patch_baseline_tags", {"patch_baseline_tags": True}),
    ("ec2_describe", {"ec2_describe": False, "ec2_describe_actions": ["DescribeTags"]}),
    ("session_kms_key_alias", {"session_kms_key_alias": "alias/a", "session_kms_key_arn": KEY}),
    ("role_name", {**EXISTING_ROLE, "role_name": "new"}),
    ("description", {**EXISTING_ROLE, "description": "new"}),
    ("service_principals", {**EXISTING_ROLE, "service_principals": ["ec2.amazonaws.com"]}),
    ("permissions_boundary_arn", {**EXISTING_ROLE, "permissions_boundary_arn": f"{POLICY_PREFIX}boundary"}),
    ("managed_policy_arns", {"managed_policy_arns": policies(2) * 2}),
    ("managed_policy_arns", {"managed_policy_arns": policies(26)}),
    ("managed_policy_arns", {"managed_policy_arns": policies(25), "policy_kind": "managed"}),
    ("parameters.recursive", {"parameters": {"recursive": True}}),
    ("parameters.kms_key_arn", {"parameters": {"kms_key_arn": KEY}}),
    ("parameters.recursive", {"parameters": {"shared_arns": [SHARED_PARAMETER], "recursive": True}}),
    ("parameters.kms_key_arn", {"parameters": {"shared_arns": [SHARED_PARAMETER], "kms_key_arn": KEY}}),
    ("parameters.shared_kms_key_arn", {"parameters": {"paths": ["/app"], "shared_kms_key_arn": KEY}}),
    (
        "session_kms_key_arn",
        {"session_kms_key_arn": KEY.replace("arn:aws:", "arn:aws-cn:"), "document_arns": [SHARED_DOCUMENT]},
    ),
    (
        "session_kms_key_arn",
        {"session_kms_key_arn": KEY, "parameters": {"shared_arns": [SHARED_PARAMETER.replace("aws:", "aws-cn:", 1)]}},
    ),
    ("session_logs.prefix", {"session_logs": {"prefix": "ssm"}}),
    ("session_logs.prefix", {"session_logs": {"log_group": "/ssm", "prefix": "a"}}),
    ("session_logs.kms_key_arn", {"session_logs": {"log_group": "/ssm", "kms_key_arn": KEY}}),
    (
        "managed_policy_arns",
        {"session_kms_key_arn": KEY, "managed_policy_arns": ["arn:aws-cn:iam::aws:policy/ReadOnlyAccess"]},
    ),
    (
        "session_logs.kms_key_arn",
        {
            "parameters": {"paths": ["/app"], "kms_key_arn": KEY},
            "session_logs": {"bucket": "logs", "kms_key_arn": KEY.replace("arn:aws:", "arn:aws-us-gov:")},
        },
    ),
    ("patch_policy.account_id", {"patch_policy": {"account_id": "123456789012"}}),
    ("patch_policy.configuration_id", {"patch_policy": {"configuration_id": "q4bkg"}}),
    ("patch_policy.account_id", {"patch_policy": {"account_id": "123456789012"}, "tags": {"Team": "web"}}),
    ("tags", {**PATCH_POLICY, "tags": {3: "v"}}),
    ("patch_policy", {**EXISTING_ROLE, **PATCH_POLICY}),
    ("patch_policy", {**PATCH_POLICY, "patching": False}),
    ("patch_policy", {**PATCH_POLICY, "state_manager": False}),
    ("inspector", {"inspector": True, "state_manager": True}),
    ("inspector", {"inspector": True, "distributor": True}),
    ("tags", {**PATCH_POLICY, "tags": {"QSConfigId-q4bkg": "q4bkg"}}),
    ("tags", {**PATCH_POLICY, "tags": {"qsconfigid-Q4BKG": "q4bkg"}}),
    ("read_buckets[1].prefix", {"read_buckets": [{"bucket": "scripts"}, {"bucket": "scripts", "prefix": "*"}]}),
    ("read_buckets[0].folders", {"read_buckets": [{"folders": True}]}),
    ("read_buckets[0]", {"read_buckets": [{}]}),
    ("read_buckets[1]", {"read_buckets": [{"bucket": "scripts"}, "lists"]}),
    ("read_buckets[0].Bucket", {"read_buckets": [{"bucket": "scripts", "Bucket": "b"}]}),
    (
        "read_buckets[1].kms_key_arn",
        {
            "read_buckets": [
                {"bucket": "scripts", "kms_key_arn": KEY},
                {"bucket": "scripts", "kms_key_arn": KEY.replace("arn:aws:", "arn:aws-us-gov:")},
            ],
        },
    ),
    ("quiet_agnet", {"quiet_agnet": True}),
    ("quietAgent", {"quietAgent": True}),
    ("parameters.path", {"parameters": {"paths": ["/app"], "path": "/b"}}),
    ("session_logs.Bucket", {"session_logs": {"bucket": "logs", "Bucket": "b"}}),
    ("cloudwatch_agent.log_group", {"cloudwatch_agent": {"log_group": "/a"}}),
    ("cloudwatch_agent.retention", {"cloudwatch_agent": {"retention": True, "traces": True}}),
    (
        "domain_join.owner_account_id",
        {"domain_join": {"directory_id": "d-1234567890", "owner_account_id": "210987654321"}},
    ),
    (
        "domain_join.owner_directory_id",
        {"domain_join": {"directory_id": "d-1234567890", "owner_directory_id": "d-0987654321"}},
    ),
    (
        "domain_join.kms_key_arn",
        {
            "session_kms_key_arn": KEY,
            "domain_join": {"directory_id": "d-1234567890", "kms_key_arn": KEY.replace("arn:aws:", "arn:aws-cn:")},
        },
    ),
    ("domain_join.id", {"domain_join": {"directory_id": "d-1234567890", "id": "x"}}),
]
"""The path of the mistake, and options that contradict each other or that do not exist."""

VALID_COMBINATIONS: list[Options] = [
    {"ec2_describe": True, "ec2_describe_actions": ["DescribeTags"]},
    {"inventory": False},
    {"inventory": False, "state_manager": False},
    {**EXISTING_ROLE, "instance_profile_name": "web", "path": "/ssm/", "tags": {"Team": "web"}},
    {"session_kms_key_arn": KEY, "parameters": {"paths": ["/app"], "kms_key_arn": KEY}},
    {"managed_policy_arns": policies(25)},
    {"managed_policy_arns": policies(24), "policy_kind": "managed"},
    {"session_logs": {"bucket": "logs", "prefix": "/ssm/"}},
    {**PATCH_POLICY, "tags": {"QSConfigId-other": "other"}},
    {"cloudwatch_agent": {"log_groups": ["/a"], "retention": True}},
    {"cloudwatch_agent": {"log_group_prefixes": ["/a"], "retention": True}},
    {"cloudwatch_agent": {"retention": False}},
    {"domain_join": {"directory_id": "d-1234567890", "kms_key_arn": KEY}},
]
"""Options that go together although parts of them are refused in other combinations."""


def options_with(path: str, value: Any) -> Options:
    """Options that are valid if the value is: with what it requires, and with the other keys of a map."""
    name, _, key = path.partition(".")
    required = option_at(path).requires
    if key and option_at(name).is_list_of_maps:
        return {name: [{**MAPS[name][0], key: value}]}
    if key:
        # All ARNs must be in one partition, and the value can be an ARN in any.
        others = {
            other: given
            for other, given in MAPS[name].items()
            if f"{name}.{other}" in required or PARTITION_PATTERN not in option_at(f"{name}.{other}").pattern
        }
        return {name: {**others, key: value}} | dict.fromkeys(OPTIONS[name].requires, True)
    return {name: value} | dict.fromkeys(required, True)


def exact_path(path: str) -> str:
    """The path of a mistake in the value of :func:`options_with`: in a list of maps, it names the map."""
    name, _, key = path.partition(".")
    return f"{name}[0].{key}" if key and name in OPTIONS and option_at(name).is_list_of_maps else path


def with_config_keys(value: Any) -> Any:
    """A map, or a list of maps, with its keys in camelCase."""
    if isinstance(value, list):
        return [with_config_keys(entry) for entry in value]
    return {camel_case(key): entry for key, entry in value.items()} if isinstance(value, dict) else value


def expected_options(name: str) -> Options:
    """The options whose policy document is ``DOCUMENTS[name]`` of tests/expected.py."""
    assert name in OPTIONS, f"ssm_profile/options.py has no option `{name}`, of which tests/expected.py has a document"
    return options_with(name, MAPS.get(name, OPTIONS[name].example))


def combined_switches() -> Iterator[Options]:
    """No switch, each one, each pair, all but one and all of them.

    Each set comes with each way to grant ec2:Describe*, and with and without the options that are no switches. A switch
    adds its own grants or replaces those of one other option, so pairs show every effect.
    """
    switches = [name for name in SWITCHES if name != "ec2_describe"]
    for size in (0, 1, 2, len(switches) - 1, len(switches)):
        for names in combinations(switches, size):
            for describe in ({}, {"ec2_describe": False}, {"ec2_describe_actions": ["DescribeTags"]}):
                for maps in ({}, MAPS):
                    yield {**dict.fromkeys(names, True), **describe, **maps}


def valid_options() -> Iterator[Options]:
    """Every set of options that must be accepted."""
    yield from (options_with(path, value) for path, examples in EXAMPLES.items() for value in examples.valid)
    yield from VALID_COMBINATIONS


def invalid_options() -> Iterator[tuple[str, Options]]:
    """Every set of options that must be refused, with the path of the mistake."""
    for path, examples in EXAMPLES.items():
        yield from ((exact_path(path), options_with(path, value)) for value in examples.invalid)
    yield from INVALID_COMBINATIONS
