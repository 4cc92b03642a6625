"""The options of the component as data: type, rule, default and example of each, and which options exclude each other.

Names and descriptions are those of the args in :mod:`ssm_profile.component`. What an option grants, and why, is in the
catalogue. :mod:`ssm_profile.validation` applies the rules.
"""

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .errors import document
from .regions import ACCOUNT_PATTERN, PARTITION_PATTERN

OptionType = Literal["boolean", "string", "array", "object"]
"""The type of a value, as Pulumi.yaml names it."""

NAME_PATTERN = r"[A-Za-z0-9+=,.@_-]+"
"""What IAM accepts in the name of a role, a policy or an instance profile."""

ROLE_NAME_LIMIT = 64
POLICY_NAME_LIMIT = 128
PROFILE_NAME_LIMIT = 128

TAG_LIMIT = 50
TAG_KEY_LIMIT = 128
TAG_VALUE_LIMIT = 256
TAG_PUNCTUATION = "_.:/=+-@"
"""What IAM accepts in a tag in addition to letters, digits and spaces."""

MANAGED_POLICY_LIMIT = 25
"""How many managed policies IAM allows on a role at most. The quota of an account is 10 unless AWS has raised it.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

POLICY_SIZE_LIMITS = {"inline": 10_240, "managed": 6_144}
"""How many characters IAM allows in all inline policies of a role, and in a managed policy. Spaces do not count."""

SSM_WIDE_POLICIES = {
    "AmazonEC2RoleforSSM": "AWS has deprecated it. It reads and writes every bucket and reads every parameter.",
    "AmazonSSMAutomationRole": "It is for Automation and not for instances. An instance with it can run commands on "
    "every other instance and read every parameter.",
    "AmazonSSMFullAccess": "It is for administrators. An instance with it can run commands on every other instance.",
    "AmazonSSMMaintenanceWindowRole": "It is for maintenance windows and not for instances. An instance with it can "
    "run commands on every other instance and read every parameter.",
    "AmazonSSMManagedEC2InstanceDefaultPolicy": "It is for Default Host Management Configuration and not for instance "
    "profiles. It reads every document in the account.",
    "AmazonSSMManagedInstanceCore": "It reads every parameter and every document in the account.",
    "AmazonSSMReadOnlyAccess": "It is for people. It reads every parameter and every document in the account, and does "
    "not connect an instance to Systems Manager.",
}
"""AWS managed policies that grant Systems Manager as a whole, and why they do not belong on an instance."""


@dataclass(frozen=True)
class Option:
    """The rule for one option, or for one key of an option that is a map."""

    type: OptionType
    expects: str
    """What is accepted, worded to follow "must be", or "must be a list of" for an array."""
    example: Any
    """A valid value."""
    default: Any = None
    """The value that holds when the option is not given; None where there is none."""
    pattern: str = ""
    """The regular expression that a string, or each entry of an array, matches as a whole."""
    max_length: int | None = None
    """How many characters a string, or each entry of an array, may have."""
    choices: tuple[str, ...] = ()
    """The only strings that are accepted."""
    refused: Mapping[str, str] = field(default_factory=dict[str, str])
    """Regular expressions of values that match the pattern and are refused nevertheless, each with the reason."""
    accepts_outputs: bool = True
    """Whether the value may be an output of another resource, known only while Pulumi deploys."""
    entries_accept_outputs: bool = False
    """Whether each entry of an array may be one, although the number of entries must be known."""
    keys: Mapping[str, "Option"] = field(default_factory=dict[str, "Option"])
    """The keys of a map, or of each map in an array."""
    required_keys: tuple[str, ...] = ()
    """The keys of which at least one must be given in the map, or in each map of the array."""
    requires: tuple[str, ...] = ()
    """Each option, or ``option.key``, without which this one has no effect."""
    requires_any: tuple[str, ...] = ()
    """Each ``option.key`` of which at least one must be given, or this one has no effect."""

    @property
    def is_list_of_maps(self) -> bool:
        """Whether it is an array whose entries are maps."""
        return self.type == "array" and bool(self.keys)


@dataclass(frozen=True)
class Conflict:
    """Two options that cannot be given together."""

    option: str
    other: str
    reason: str
    """Why, or what to do."""
    value: Any = None
    """The value of *option* that conflicts; None where every value does."""


def _switch(*, default: bool = False, requires: tuple[str, ...] = (), requires_any: tuple[str, ...] = ()) -> Option:
    return Option(
        "boolean",
        "true or false",
        example=True,
        default=default,
        accepts_outputs=False,
        requires=requires,
        requires_any=requires_any,
    )


def _map(required_keys: tuple[str, ...] = (), requires: tuple[str, ...] = (), **keys: Option) -> Option:
    return Option(
        "object",
        "a map",
        {key: option.example for key, option in keys.items()},
        accepts_outputs=False,
        keys=keys,
        required_keys=required_keys,
        requires=requires,
    )


def _list_of_maps(required_keys: tuple[str, ...], **keys: Option) -> Option:
    of_entry = _map(required_keys, requires=(), **keys)
    return replace(of_entry, type="array", expects="maps", example=[of_entry.example])


def _bucket(example: str) -> Option:
    return Option(
        "string",
        "the name of a bucket: 3 to 63 lowercase letters, digits, dots and hyphens",
        example,
        pattern=r"[a-z0-9][a-z0-9.-]+[a-z0-9]",
        max_length=63,
    )


def _prefix(example: str, requires: tuple[str, ...] = ()) -> Option:
    return Option(
        "string",
        "a prefix of object keys: letters, digits and ! _ . ' ( ) / = -, without wildcards",
        example,
        pattern=r"[A-Za-z0-9!_.'()/=-]+",
        max_length=512,
        refused={"/+": "It would grant the whole bucket."},
        requires=requires,
    )


def _kms_key_arn(requires: tuple[str, ...] = ()) -> Option:
    return Option(
        "string",
        "the ARN of a KMS key, not of an alias",
        "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        pattern=rf"arn:{PARTITION_PATTERN}:kms:[a-z0-9-]+:\d{{12}}:key/[A-Za-z0-9-]+",
        max_length=2048,
        requires=requires,
    )


def _ssm_arns(expects: str, example: str, resource_pattern: str) -> Option:
    """A list of ARNs of Systems Manager."""
    return Option(
        "array",
        expects,
        [example],
        pattern=rf"arn:{PARTITION_PATTERN}:ssm:[a-z0-9-]+:\d{{12}}:{resource_pattern}",
        max_length=1011,
        accepts_outputs=False,
        entries_accept_outputs=True,
    )


def _directory_id(example: str, requires: tuple[str, ...] = ()) -> Option:
    return Option(
        "string",
        'the ID of a directory: "d-" and 10 hexadecimal digits',
        example,
        pattern=r"d-[0-9a-f]{10}",
        requires=requires,
    )


_LOG_GROUP_PATTERN = r"[A-Za-z0-9_/.#-]+"
_RESERVED_PARAMETER_PATHS = r"(?!/aws/service(/|$))(?!/aws/reference/secretsmanager/)/([Aa][Ww][Ss]|[Ss][Ss][Mm]).*"
"""Names that PutParameter refuses, without those that can be read.

Sources: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
"""
_NO_RESERVED_PARAMETERS = (
    "AWS reserves the names that begin with aws or ssm, so no such parameter exists. Public parameters are below "
    "/aws/service, and references to secrets below /aws/reference/secretsmanager"
)
_POLICY_ARN_PATTERN = rf"arn:{PARTITION_PATTERN}:iam::(\d{{12}}|aws):policy/([\x21-\x7e]+/)?{NAME_PATTERN}"

OPTIONS: dict[str, Option] = {
    "ec2_describe": _switch(default=True),
    "ec2_describe_actions": Option(
        "array",
        'EC2 actions that begin with Describe, without "ec2:" and without wildcards',
        ["DescribeInstances", "DescribeTags"],
        pattern=r"Describe[A-Za-z0-9]+",
        max_length=128,
        accepts_outputs=False,
    ),
    "scope_heartbeat": _switch(),
    "quiet_agent": _switch(),
    "legacy_messaging": _switch(),
    "documents": _switch(),
    "document_arns": _ssm_arns(
        "ARNs of SSM documents with the account that owns them",
        "arn:aws:ssm:eu-central-1:210987654321:document/Shared-Document",
        r"document/[A-Za-z0-9_.-]{3,128}",
    ),
    "state_manager": _switch(),
    "inventory": _switch(requires=("state_manager",)),
    "inspector": _switch(requires=("state_manager", "distributor")),
    "patching": _switch(),
    "patch_baseline_tags": _switch(requires=("patching",)),
    "patch_policy": _map(
        ("account_id",),
        requires=("state_manager", "patching"),
        account_id=Option(
            "string",
            "the ID of an account: 12 digits",
            "123456789012",
            pattern=ACCOUNT_PATTERN,
            requires=("patch_policy.configuration_id",),
        ),
        configuration_id=Option(
            "string",
            "the ID of a configuration of Quick Setup: lowercase letters and digits",
            "q4bkg",
            pattern=r"[a-z0-9]+",
            max_length=23,  # the rest of the 63 characters in the name of the bucket
            requires=("patch_policy.account_id",),
        ),
    ),
    "distributor": _switch(),
    "managed_buckets": _switch(),
    "read_buckets": _list_of_maps(
        ("bucket",),
        bucket=_bucket("scripts"),
        prefix=_prefix("ansible"),
        folders=_switch(),
        kms_key_arn=_kms_key_arn(),
    ),
    "parameters": _map(
        ("paths", "shared_arns"),
        paths=Option(
            "array",
            'paths that begin with "/" and do not end with it, without wildcards',
            ["/app/prod"],
            pattern=r"(/[A-Za-z0-9_.-]+){1,15}",
            max_length=1011,
            refused={_RESERVED_PARAMETER_PATHS: _NO_RESERVED_PARAMETERS},
            accepts_outputs=False,
        ),
        recursive=_switch(requires=("parameters.paths",)),
        kms_key_arn=_kms_key_arn(requires=("parameters.paths",)),
        shared_arns=_ssm_arns(
            "ARNs of parameters with the account that owns them, without wildcards",
            "arn:aws:ssm:eu-central-1:210987654321:parameter/shared/database",
            r"parameter(/[A-Za-z0-9_.-]+){1,15}",
        ),
        shared_kms_key_arn=_kms_key_arn(requires=("parameters.shared_arns",)),
    ),
    "session_kms_key_arn": _kms_key_arn(),
    "session_kms_key_alias": Option(
        "string",
        'the name of an alias of a KMS key: "alias/" and letters, digits and / _ -',
        "alias/ssm-sessions",
        pattern=r"alias/[A-Za-z0-9/_-]+",
        max_length=256,
        refused={"alias/aws/.*": "AWS reserves these aliases for the keys that it manages."},
    ),
    "session_logs": _map(
        ("bucket", "log_group"),
        bucket=_bucket("logs"),
        prefix=_prefix("ssm/sessions", requires=("session_logs.bucket",)),
        kms_key_arn=_kms_key_arn(requires=("session_logs.bucket",)),
        log_group=Option(
            "string",
            "the name of a log group: letters, digits and _ / . # -, without wildcards",
            "/ssm/sessions",
            pattern=_LOG_GROUP_PATTERN,
            max_length=512,
        ),
    ),
    "cloudwatch_agent": _map(
        namespace=Option(
            "string",
            "a namespace of CloudWatch metrics: letters, digits and _ . / # : -, without spaces",
            "Web",
            "CWAgent",
            pattern=r"[A-Za-z0-9_./#:-]+",
            max_length=255,
        ),
        log_groups=Option(
            "array",
            "names of log groups: letters, digits and _ / . # -, without wildcards",
            ["/ec2/app"],
            pattern=_LOG_GROUP_PATTERN,
            max_length=512,
            accepts_outputs=False,
        ),
        log_group_prefixes=Option(
            "array",
            "beginnings of names of log groups: letters, digits and _ / . # -, without wildcards",
            ["/ec2/i-"],
            pattern=_LOG_GROUP_PATTERN,
            max_length=512,
            refused={
                "[_/.#-]+": "It would grant the log groups of the whole account.",
                "/?aws/?": "It would grant the log groups of AWS's services.",
            },
            accepts_outputs=False,
        ),
        retention=_switch(requires_any=("cloudwatch_agent.log_groups", "cloudwatch_agent.log_group_prefixes")),
        traces=_switch(),
    ),
    "domain_join": _map(
        ("directory_id",),
        directory_id=_directory_id("d-1234567890"),
        owner_account_id=Option(
            "string",
            "the ID of an account: 12 digits",
            "210987654321",
            pattern=ACCOUNT_PATTERN,
            requires=("domain_join.owner_directory_id",),
        ),
        owner_directory_id=_directory_id("d-0987654321", requires=("domain_join.owner_account_id",)),
        kms_key_arn=_kms_key_arn(),
    ),
    "require_imdsv2": _switch(),
    "vpc_endpoints_only": _switch(),
    "path": Option(
        "string",
        'a path that begins and ends with "/", of at most 512 printable ASCII characters',
        "/ssm/",
        "/",
        pattern=r"/|/[\x21-\x7e]+/",
        max_length=512,
    ),
    "role_name": Option(
        "string",
        f"1 to {ROLE_NAME_LIMIT} letters, digits and + = , . @ _ -",
        "web-role",
        pattern=NAME_PATTERN,
        max_length=ROLE_NAME_LIMIT,
    ),
    "instance_profile_name": Option(
        "string",
        f"1 to {PROFILE_NAME_LIMIT} letters, digits and + = , . @ _ -",
        "web-profile",
        pattern=NAME_PATTERN,
        max_length=PROFILE_NAME_LIMIT,
    ),
    "description": Option(
        "string",
        "1 to 1,000 printable Latin-1 characters, tabs and line breaks",
        "Web servers",
        pattern=r"[\t\n\r\x20-\x7e\xa1-\xff]+",
        max_length=1000,
    ),
    "tags": Option(
        "object",
        f"a map of at most {TAG_LIMIT} tags. A key has 1 to {TAG_KEY_LIMIT} characters and does not begin with "
        f'"aws:", a value has at most {TAG_VALUE_LIMIT}; both consist of letters, digits, spaces and '
        f"{' '.join(TAG_PUNCTUATION)}",
        {"Team": "web"},
    ),
    "permissions_boundary_arn": Option(
        "string",
        "the ARN of a managed policy",
        "arn:aws:iam::123456789012:policy/boundary",
        pattern=_POLICY_ARN_PATTERN,
        max_length=2048,
    ),
    "service_principals": Option(
        "array",
        "service principals",
        ["ec2.amazonaws.com"],
        ["ec2.amazonaws.com"],
        pattern=r"[a-z0-9-]+(\.[a-z0-9-]+)+",
        max_length=128,
        accepts_outputs=False,
    ),
    "policy_kind": Option(
        "string", '"inline" or "managed"', "managed", "inline", choices=("inline", "managed"), accepts_outputs=False
    ),
    "managed_policy_arns": Option(
        "array",
        "ARNs of managed policies",
        ["arn:aws:iam::123456789012:policy/web"],
        pattern=_POLICY_ARN_PATTERN,
        max_length=2048,
        refused={
            rf"arn:{PARTITION_PATTERN}:iam::aws:policy/(.+/)?{name}": reason
            for name, reason in SSM_WIDE_POLICIES.items()
        },
        accepts_outputs=False,
        entries_accept_outputs=True,
    ),
    "existing_role_name": Option(
        "string",
        f"the name of an existing role: 1 to {ROLE_NAME_LIMIT} letters, digits and + = , . @ _ -",
        "web-role",
        pattern=NAME_PATTERN,
        max_length=ROLE_NAME_LIMIT,
    ),
    "exclusive": _switch(),
}
"""Every option of the component, in the order of the documents."""

_ONLY_FOR_A_NEW_ROLE = "it applies only to a role created here. Remove one of the two"

CONFLICTS: tuple[Conflict, ...] = (
    Conflict("ec2_describe", "ec2_describe_actions", "set only one of the two", value=False),
    Conflict("session_kms_key_alias", "session_kms_key_arn", "set only one of the two"),
    Conflict("role_name", "existing_role_name", _ONLY_FOR_A_NEW_ROLE),
    Conflict("description", "existing_role_name", _ONLY_FOR_A_NEW_ROLE),
    Conflict("permissions_boundary_arn", "existing_role_name", _ONLY_FOR_A_NEW_ROLE),
    Conflict("service_principals", "existing_role_name", _ONLY_FOR_A_NEW_ROLE),
    Conflict(
        "patch_policy",
        "existing_role_name",
        "it needs a tag on the role, and the tags of an existing role are not changed here. See "
        + document("choosing"),
    ),
)
"""Every pair of options that exclude each other."""


def own_tags(options: Mapping[str, Any]) -> dict[str, str]:
    """The tags that options add to the role and the instance profile.

    Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/quick-setup-patch-manager.html
    """
    if (patch_policy := options.get("patch_policy")) is None:
        return {}
    return {f"QSConfigId-{patch_policy['configuration_id']}": patch_policy["configuration_id"]}


def option_at(path: str) -> Option:
    """The option, or the key of an option, at a path such as ``session_logs.prefix``."""
    name, _, key = path.partition(".")
    return OPTIONS[name].keys[key] if key else OPTIONS[name]


def option_paths(names: Container[str] = OPTIONS) -> Iterator[str]:
    """The path of every option, or of those with these names, each followed by those of its keys."""
    for name, option in OPTIONS.items():
        if name in names:
            yield name
            yield from (f"{name}.{key}" for key in option.keys)


def camel_case(name: str) -> str:
    """The name of an option, or of ``option.key``, as stack config and other languages write it."""
    return re.sub("_(.)", lambda letter: letter[1].upper(), name)
