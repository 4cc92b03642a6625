"""Bad input of every kind, for every option: an error that names the option, and nothing is created."""

from dataclasses import replace

import pulumi
import pytest

from ssm_profile import SsmInstanceProfile
from ssm_profile.options import OPTIONS, camel_case, find_mistakes
from ssm_profile.settings import config_key, read_settings
from tests.conftest import config_text
from tests.expected import KEY

STRANGE = [
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
"""Texts that are no name of anything: wildcards, variables, pieces of JSON, control characters, look-alikes."""

NO_TEXTS = [0, 1.5, True, ["web"], {"a": "web"}]
NO_LISTS = [0, True, "web", {"a": "web"}]
NO_MAPS = [0, True, "web", ["web"]]
NO_SWITCHES = ["true", "yes", "", 0, 1, 1.0, ["true"], {"true": True}]

BUCKET = {"bucket": "logs"}
PATHS = {"paths": ["/app"]}
OTHER_KEYS = [
    "alias/web",
    KEY.replace("key/", "alias/"),
    KEY.replace(":kms:", ":s3:"),
    KEY.replace("arn:aws:", "arn:awsx:"),
    KEY.replace("arn:aws:", "arn:aws-:"),
    KEY.replace("arn:aws:", "arn:aws-*:"),
    KEY.replace("eu-central-1", ""),
    KEY.replace("123456789012", "12345678901"),
    KEY.replace("123456789012", "1234567890123"),
    KEY.replace("123456789012", "12345678901a"),
    KEY.split("/")[0] + "/",
    KEY.split("/")[0] + "/" + "a" * 2007,
    KEY.replace("key/", "key/*"),
    f"{KEY}*",
    f"{KEY},{KEY}",
    KEY.upper(),
    KEY.split(":")[-1],
]
OTHER_POLICIES = [
    "AdministratorAccess",
    "arn:aws:iam::123456789012:role/web",
    "arn:aws:iam::123456789012:policy/",
    "arn:aws:iam::12345:policy/web",
    "arn:awsx:iam::aws:policy/ReadOnlyAccess",
    "arn:aws:s3:::policy/web",
    "arn:aws:iam::aws:policy/*",
    "arn:aws:iam::12345678901a:policy/web",
    "arn:aws:iam::123456789012:policy//web",
    "arn:aws:iam::123456789012:policy/a b/web",
    "arn:aws:iam::123456789012:policy/" + "a" * 2016,
]
WIDE_POLICIES = [
    "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
    "arn:aws:iam::aws:policy/AmazonSSMFullAccess",
    "arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforSSM",
    "arn:aws-cn:iam::aws:policy/AmazonSSMManagedEC2InstanceDefaultPolicy",
]


def within(option, key, values, **beside):
    """A map with each of some values at a key."""
    return [{option: {**beside, key: value}} for value in values]


MISUSES = {
    **{name: [{name: value} for value in NO_SWITCHES] for name, option in OPTIONS.items() if option.kind == "boolean"},
    "ec2_describe_actions": [
        {"ec2_describe_actions": value}
        for value in (
            *NO_LISTS,
            *([entry] for entry in (*STRANGE, *NO_TEXTS)),
            ["Describe"],
            ["Describe*"],
            ["ec2:DescribeTags"],
            ["RunInstances"],
            ["DescribeTags", "GetPasswordData"],
            ["Describe" + "T" * 121],
        )
    ],
    "parameters": [{"parameters": value} for value in (*NO_MAPS, {"recursive": True}, {"kms_key_arn": KEY})],
    "parameters.paths": within(
        "parameters",
        "paths",
        [
            *NO_LISTS,
            *([entry] for entry in (*STRANGE, *NO_TEXTS)),
            ["/"],
            ["app"],
            ["app/prod"],
            ["/app/"],
            ["/app//prod"],
            ["/app/*"],
            ["/*"],
            ["/app/prod?"],
            ["//"],
            ["/app", "/"],
            ["/" + "/".join("a" * 16)],
            ["/" + "a" * 1011],
        ],
    ),
    "parameters.recursive": within("parameters", "recursive", NO_SWITCHES, **PATHS),
    "parameters.kms_key_arn": within("parameters", "kms_key_arn", [*STRANGE, *NO_TEXTS, *OTHER_KEYS], **PATHS),
    "session_kms_key_arn": [{"session_kms_key_arn": value} for value in (*STRANGE, *NO_TEXTS, *OTHER_KEYS)],
    "session_logs": [{"session_logs": value} for value in (*NO_MAPS, {"prefix": "ssm"}, {"cross_account": True})],
    "session_logs.bucket": within(
        "session_logs", "bucket", [*STRANGE, *NO_TEXTS, "Logs", "lo", "-logs", "logs-", "a" * 64, "arn:aws:s3:::logs"]
    ),
    "session_logs.prefix": within("session_logs", "prefix", [*STRANGE, *NO_TEXTS, "a" * 513], **BUCKET),
    "session_logs.kms_key_arn": within("session_logs", "kms_key_arn", [*STRANGE, *NO_TEXTS, *OTHER_KEYS], **BUCKET),
    "session_logs.cross_account": within("session_logs", "cross_account", NO_SWITCHES, **BUCKET),
    "session_logs.log_group": within("session_logs", "log_group", [*STRANGE, *NO_TEXTS, "a" * 513, "a:*"]),
    "cloudwatch_agent": [{"cloudwatch_agent": value} for value in NO_MAPS],
    "cloudwatch_agent.namespace": within("cloudwatch_agent", "namespace", [*STRANGE, *NO_TEXTS, "a" * 256]),
    "cloudwatch_agent.log_groups": within(
        "cloudwatch_agent", "log_groups", [*NO_LISTS, *([entry] for entry in (*STRANGE, *NO_TEXTS, "a:*", "a" * 513))]
    ),
    "domain_join": [{"domain_join": value} for value in NO_MAPS],
    "domain_join.directory_id": within(
        "domain_join",
        "directory_id",
        [*STRANGE, *NO_TEXTS, "d-123", "d-12345678901", "1234567890", "d-123456789g", "D-1234567890"],
    ),
    "path": [
        {"path": value}
        for value in (" ", "ssm", "/ssm", "ssm/", "/s m/", "/ssé/", "/a\n/", "//", "/" + "p" * 511 + "/", *NO_TEXTS)
    ],
    "role_name": [{"role_name": value} for value in (*STRANGE, *NO_TEXTS, "a/b", "r" * 65)],
    "instance_profile_name": [{"instance_profile_name": value} for value in (*STRANGE, *NO_TEXTS, "a/b", "p" * 129)],
    "description": [
        {"description": value} for value in ("", "d" * 1001, "a\x00b", "a\x1bb", "для", "a\u202eb", *NO_TEXTS)
    ],
    "tags": [
        {"tags": value}
        for value in (
            *NO_MAPS,
            {"": "x"},
            {"aws:name": "x"},
            {"AWS:name": "x"},
            {"k" * 129: "x"},
            {"k": "v" * 257},
            {"k": 1},
            {"k": None, "b!": "x"},
            {"k": ["x"]},
            {"k": "a\x00"},
            {"k*": "x"},
            {f"k{number}": "v" for number in range(51)},
        )
    ],
    "permissions_boundary_arn": [
        {"permissions_boundary_arn": value} for value in (*STRANGE, *NO_TEXTS, *OTHER_POLICIES)
    ],
    "service_principals": [
        {"service_principals": value}
        for value in (
            *NO_LISTS,
            *(
                [entry]
                for entry in (*STRANGE, *NO_TEXTS, "ec2", "EC2.amazonaws.com", "ec2.*", ".com", "ec2.", "a." * 64 + "b")
            ),
        )
    ],
    "policy_kind": [{"policy_kind": value} for value in (*STRANGE, *NO_TEXTS, "Inline", "both")],
    "managed_policy_arns": [
        {"managed_policy_arns": value}
        for value in (*NO_LISTS, *([entry] for entry in (*STRANGE, *NO_TEXTS, *OTHER_POLICIES, *WIDE_POLICIES)))
    ],
    "existing_role_name": [{"existing_role_name": value} for value in (*STRANGE, *NO_TEXTS, "a/b", "r" * 65)],
}
"""For each option and key of a map, sets of options with which it cannot be used."""

BESIDE = [
    ("inventory", {"inventory": True}),
    ("inventory", {"inventory": True, "state_manager": False}),
    ("patch_baseline_tags", {"patch_baseline_tags": True}),
    ("ec2_describe", {"ec2_describe": False, "ec2_describe_actions": ["DescribeTags"]}),
    ("role_name", {"existing_role_name": "old", "role_name": "new"}),
    ("description", {"existing_role_name": "old", "description": "new"}),
    ("service_principals", {"existing_role_name": "old", "service_principals": ["ec2.amazonaws.com"]}),
    (
        "permissions_boundary_arn",
        {"existing_role_name": "old", "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/boundary"},
    ),
    ("session_logs.prefix", {"session_logs": {"log_group": "/ssm", "prefix": "a"}}),
    ("session_logs.kms_key_arn", {"session_logs": {"log_group": "/ssm", "kms_key_arn": KEY}}),
    ("session_logs.cross_account", {"session_logs": {"log_group": "/ssm", "cross_account": True}}),
    (
        "managed_policy_arns",
        {"session_kms_key_arn": KEY, "managed_policy_arns": ["arn:aws-cn:iam::aws:policy/ReadOnlyAccess"]},
    ),
    (
        "session_logs.kms_key_arn",
        {
            "parameters": {**PATHS, "kms_key_arn": KEY},
            "session_logs": {**BUCKET, "kms_key_arn": KEY.replace("arn:aws:", "arn:aws-us-gov:")},
        },
    ),
    ("quiet_agnet", {"quiet_agnet": True}),
    ("quietAgent", {"quietAgent": True}),
    ("parameters.path", {"parameters": {**PATHS, "path": "/b"}}),
    ("session_logs.Bucket", {"session_logs": {**BUCKET, "Bucket": "b"}}),
    ("cloudwatch_agent.log_group", {"cloudwatch_agent": {"log_group": "/a"}}),
    ("domain_join.id", {"domain_join": {"directory_id": "d-1234567890", "id": "x"}}),
]
"""What contradicts something else, or is no option at all."""


def count():
    return sum(map(len, MISUSES.values())) + len(BESIDE)


def test_there_are_misuses_of_every_option_and_of_every_key():
    keys = {f"{name}.{key}" for name, option in OPTIONS.items() for key in option.fields}

    assert MISUSES.keys() == OPTIONS.keys() | keys
    assert count() > 600


@pytest.mark.parametrize(
    ("option", "misuses"),
    [*MISUSES.items(), *((option, [options]) for option, options in BESIDE)],
    ids=[*MISUSES, *(f"{option} beside something" for option, _ in BESIDE)],
)
def test_the_component_refuses_it_by_name_and_registers_nothing(cloud, option, misuses):
    for options in misuses:
        with pytest.raises(ValueError, match="; allowed: ") as error:
            SsmInstanceProfile("web", options)

        assert option in {line.split(":")[0] for line in str(error.value).splitlines()}, options
        assert all(len(line) < 1_000 for line in str(error.value).splitlines()), options

    assert cloud.registered == []
    assert cloud.invoked == []


@pytest.mark.parametrize("option", [path for path in MISUSES if "." in path or not OPTIONS[path].fields])
def test_each_rule_is_missed_when_it_is_taken_away(monkeypatch, option):
    name, _, key = option.partition(".")
    rule = OPTIONS[name].fields[key] if key else OPTIONS[name]
    without = replace(rule, wrong_parts=lambda _: iter(()))
    monkeypatch.setitem(
        OPTIONS, name, replace(OPTIONS[name], fields={**OPTIONS[name].fields, key: without}) if key else without
    )

    assert any(not find_mistakes(options) for options in MISUSES[option])


def in_config(options):
    """Options as the CLI passes them to the program; what it counts as not given is left out."""
    return {
        config_key(name, "ssm-profile"): config_text(
            {camel_case(key): entry for key, entry in value.items()}
            if isinstance(value, dict) and name != "tags"
            else value
        )
        for name, value in options.items()
    }


def says_the_same_in_config(option, options):
    """Whether a set of options can be written in stack config, and is as wrong there."""
    (value, *_) = options.values()
    written_as_text = OPTIONS.get(option) and OPTIONS[option].kind == "string"
    if written_as_text:  # every scalar is a text there
        return isinstance(value, str) and value.strip() not in ("", "true", "1.5", "0")
    if value in ("true", 1.0) and not isinstance(value, bool | int):
        return value != "true"  # which is a boolean there
    return value not in ("", [], {}) and "Bucket" not in str(value)


@pytest.mark.parametrize(
    ("option", "misuses"),
    [*MISUSES.items(), *((option, [options]) for option, options in BESIDE if option != "quietAgent")],
    ids=[*MISUSES, *(f"{option} beside something" for option, _ in BESIDE if option != "quietAgent")],
)
@pytest.mark.usefixtures("cloud")
def test_the_program_refuses_it_in_stack_config_by_its_key(option, misuses):
    tried = 0
    for options in misuses:
        if not says_the_same_in_config(option, options):
            continue
        tried += 1
        pulumi.runtime.set_all_config(in_config(options))
        with pytest.raises(pulumi.RunError, match="nothing was changed") as error:
            read_settings("ssm-profile-test")

        keys = {line.split(": found")[0].strip() for line in str(error.value).splitlines()}
        assert config_key(option, "ssm-profile") in keys, options

    assert tried or option == "session_logs.Bucket"


@pytest.mark.parametrize(
    ("region", "arn", "told"),
    [
        ("cn-north-1", KEY, "found an ARN of the partition aws; allowed: of aws-cn"),
        ("us-gov-west-1", KEY, "found an ARN of the partition aws; allowed: of aws-us-gov"),
        (
            "eu-central-1",
            KEY.replace("arn:aws:", "arn:aws-cn:"),
            "found an ARN of the partition aws-cn; allowed: of aws,",
        ),
    ],
)
@pytest.mark.usefixtures("cloud")
def test_an_arn_of_another_partition_than_the_stack_s_region_is_refused(region, arn, told):
    pulumi.runtime.set_all_config({"aws:region": region, "ssm-profile:sessionKmsKeyArn": arn})

    with pytest.raises(pulumi.RunError) as error:
        read_settings("ssm-profile-test")

    assert f"ssm-profile:sessionKmsKeyArn: {told}" in str(error.value)
