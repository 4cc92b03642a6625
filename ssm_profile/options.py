"""What each option accepts, and every mistake in a set of options: pure functions, without Pulumi."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal, cast

Kind = Literal["boolean", "string", "array", "object"]
"""How stack config writes a value, in Pulumi.yaml's words."""

UNKNOWN: Any = object()
"""Stands for a value that is not known before the deployment runs: another resource's output."""

NAME = r"[A-Za-z0-9+=,.@_-]+"
"""What IAM accepts in the name of a role, a policy or an instance profile."""

PARTITION = "aws(?:-[a-z]+)*"
"""The partition in an ARN, as a regular expression."""

ROLE_NAME_LIMIT = 64
POLICY_NAME_LIMIT = 128
PROFILE_NAME_LIMIT = 128
RANDOM_SUFFIX = len("-1234567")
"""What Pulumi adds to the name of a resource whose name is not given."""

MOST_TAGS = 50
_TAG_PUNCTUATION = "_.:/=+-@"
_LONGEST_SHOWN = 80


@dataclass(frozen=True)
class Option:
    """The rule for one option."""

    kind: Kind
    allowed: str
    wrong_parts: Callable[[Any], Iterable[Any]]
    """Yields the parts of a value that break the rule: the value itself, or entries of it."""
    accepts_outputs: bool = True
    """Whether the value may be another resource's output, known only while the deployment runs."""
    fields: Mapping[str, "Option"] = field(default_factory=dict[str, "Option"])
    """The keys of a map that has keys of its own."""
    one_of: tuple[str, ...] = ()
    """The keys of which at least one must be there."""


def _not_a_bool(value: Any) -> Iterator[Any]:
    if type(value) is not bool:
        yield value


def _text(pattern: str, longest: int) -> Callable[[Any], Iterator[Any]]:
    accepted = re.compile(pattern, re.ASCII)

    def wrong_parts(value: Any) -> Iterator[Any]:
        if not isinstance(value, str) or len(value) > longest or not accepted.fullmatch(value):
            yield value

    return wrong_parts


def _texts(pattern: str, longest: int) -> Callable[[Any], Iterator[Any]]:
    wrong_text = _text(pattern, longest)

    def wrong_parts(value: Any) -> Iterator[Any]:
        if not isinstance(value, list | tuple) or not value:
            yield value
            return
        for entry in cast("Sequence[Any]", value):
            yield from wrong_text(entry)

    return wrong_parts


def _wrong_tags(value: Any) -> Iterator[Any]:
    if not isinstance(value, Mapping):
        yield value
        return
    tags = cast("Mapping[Any, Any]", value)
    if len(tags) > MOST_TAGS:
        yield tags
    for key, text in tags.items():
        good_key = _is_tag_text(key, 1, 128) and not key.lower().startswith("aws:")
        if not good_key or not (text is UNKNOWN or _is_tag_text(text, 0, 256)):
            yield {key: text}


def _is_tag_text(text: Any, shortest: int, longest: int) -> bool:
    return (
        isinstance(text, str)
        and shortest <= len(text) <= longest
        and all(letter in _TAG_PUNCTUATION or unicodedata.category(letter)[0] in "LZN" for letter in text)
    )


def _nothing_wrong(_: Any) -> Iterator[Any]:
    yield from ()


def _map(one_of: Iterable[str], **fields: Option) -> Option:
    """A map with keys of its own, at least one of some of them."""
    keys = tuple(one_of)
    needed = f", with {' or '.join(keys)}" if keys else ""
    allowed = f"a map of {', '.join(fields)}{needed}"
    return Option("object", allowed, _nothing_wrong, accepts_outputs=False, fields=fields, one_of=keys)


def _switch() -> Option:
    return Option("boolean", "true or false", _not_a_bool, accepts_outputs=False)


_KEY_ARN = Option(
    "string",
    'the ARN of a KMS key, not of an alias, such as "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd"',
    _text(rf"arn:{PARTITION}:kms:[a-z0-9-]+:\d{{12}}:key/[A-Za-z0-9-]+", 2048),
)
_LOG_GROUP_NAME = r"[A-Za-z0-9_/.#-]+"

_POLICY_ARN = rf"arn:{PARTITION}:iam::(\d{{12}}|aws):policy/([\x21-\x7e]+/)?{NAME}"

SSM_WIDE_POLICIES = {
    "AmazonEC2RoleforSSM": "AWS has deprecated it: it reads and writes every bucket, and reads every parameter.",
    "AmazonSSMFullAccess": "It is for administrators: with it, an instance runs commands on every other one.",
    "AmazonSSMManagedEC2InstanceDefaultPolicy": "It is made for Default Host Management, not for instance profiles, "
    "and reads every document in the account.",
    "AmazonSSMManagedInstanceCore": "It reads every parameter and every document in the account.",
}
"""AWS's policies that grant Systems Manager as a whole, beside which the least privilege would be none, and why."""


def _wrong_policy_arns(value: Any) -> Iterator[Any]:
    if not isinstance(value, list | tuple) or not value:
        yield value
        return
    wrong_arn = _text(_POLICY_ARN, 2048)
    for arn in cast("Sequence[Any]", value):
        if arn is not UNKNOWN and (list(wrong_arn(arn)) or arn.endswith(tuple(SSM_WIDE_POLICIES))):
            yield arn


OPTIONS: dict[str, Option] = {
    "ec2_describe": _switch(),
    "ec2_describe_actions": Option(
        "array",
        'a list of EC2 actions that begin with Describe, without "ec2:" and without wildcards, such as '
        '["DescribeInstances", "DescribeTags"]; leave it out for all of them',
        _texts(r"Describe[A-Za-z0-9]+", 128),
        accepts_outputs=False,
    ),
    "scope_heartbeat": _switch(),
    "quiet_agent": _switch(),
    "legacy_messaging": _switch(),
    "documents": _switch(),
    "state_manager": _switch(),
    "inventory": _switch(),
    "patching": _switch(),
    "patch_baseline_tags": _switch(),
    "distributor": _switch(),
    "managed_buckets": _switch(),
    "parameters": _map(
        ["paths"],
        paths=Option(
            "array",
            'a list of paths that begin with "/" and are more than that, without wildcards, such as ["/app/prod"]',
            _texts(r"(/[A-Za-z0-9_.-]+){1,15}", 1011),
            accepts_outputs=False,
        ),
        recursive=_switch(),
        kms_key_arn=_KEY_ARN,
    ),
    "session_kms_key_arn": _KEY_ARN,
    "session_logs": _map(
        ["bucket", "log_group"],
        bucket=Option("string", 'the name of a bucket, such as "logs"', _text(r"[a-z0-9][a-z0-9.-]+[a-z0-9]", 63)),
        prefix=Option(
            "string",
            'a prefix of keys in the bucket, without wildcards, such as "ssm/sessions"',
            _text(r"[A-Za-z0-9!_.'()/=-]+", 512),
        ),
        kms_key_arn=_KEY_ARN,
        cross_account=_switch(),
        log_group=Option(
            "string",
            'the name of a log group, without wildcards, such as "/ssm/sessions"',
            _text(_LOG_GROUP_NAME, 512),
        ),
    ),
    "cloudwatch_agent": _map(
        [],
        namespace=Option("string", 'a namespace of metrics, such as "CWAgent"', _text(r"[A-Za-z0-9_./#:-]+", 255)),
        log_groups=Option(
            "array",
            'a list of names of log groups, without wildcards, such as ["/ec2/app"]',
            _texts(_LOG_GROUP_NAME, 512),
            accepts_outputs=False,
        ),
    ),
    "domain_join": _map(
        ["directory_id"],
        directory_id=Option("string", 'the ID of a directory, such as "d-1234567890"', _text(r"d-[0-9a-f]{10}", 12)),
    ),
    "require_imdsv2": _switch(),
    "vpc_endpoints_only": _switch(),
    "path": Option(
        "string",
        'a path that begins and ends with "/", of 1 to 512 printable ASCII characters, such as "/ssm/"',
        _text(r"/|/[\x21-\x7e]+/", 512),
    ),
    "role_name": Option(
        "string",
        f"1 to {ROLE_NAME_LIMIT} letters, digits and + = , . @ _ -",
        _text(NAME, ROLE_NAME_LIMIT),
    ),
    "instance_profile_name": Option(
        "string",
        f"1 to {PROFILE_NAME_LIMIT} letters, digits and + = , . @ _ -",
        _text(NAME, PROFILE_NAME_LIMIT),
    ),
    "description": Option(
        "string",
        "up to 1,000 printable characters of Latin-1, tabs and line ends",
        _text(r"[\t\n\r\x20-\x7e\xa1-\xff]+", 1000),
    ),
    "tags": Option(
        "object",
        f"up to {MOST_TAGS} tags, with keys of 1 to 128 and values of up to 256 letters, digits, spaces and "
        '_ . : / = + - @, and no key that begins with "aws:"',
        _wrong_tags,
    ),
    "permissions_boundary_arn": Option(
        "string",
        'the ARN of a managed policy, such as "arn:aws:iam::123456789012:policy/boundary"',
        _text(_POLICY_ARN, 2048),
    ),
    "service_principals": Option(
        "array",
        'a list of service principals, such as ["ec2.amazonaws.com"]',
        _texts(r"[a-z0-9-]+(\.[a-z0-9-]+)+", 128),
        accepts_outputs=False,
    ),
    "policy_kind": Option("string", '"inline" or "managed"', _text("inline|managed", 7), accepts_outputs=False),
    "managed_policy_arns": Option(
        "array",
        "a list of ARNs of managed policies, but none of those that grant Systems Manager as a whole: "
        f"{', '.join(SSM_WIDE_POLICIES)}",
        _wrong_policy_arns,
        accepts_outputs=False,
    ),
    "existing_role_name": Option(
        "string",
        f"the name of a role that exists: 1 to {ROLE_NAME_LIMIT} letters, digits and + = , . @ _ -",
        _text(NAME, ROLE_NAME_LIMIT),
    ),
    "exclusive": _switch(),
}
"""Every option of the component, in the order of the documents."""

NEEDED = {"inventory": "state_manager", "patch_baseline_tags": "patching"}
"""Options that do nothing without another one."""

_OF_A_NEW_ROLE = ("role_name", "description", "permissions_boundary_arn", "service_principals")
OF_THE_BUCKET = ("prefix", "kms_key_arn", "cross_account")
"""The keys of session_logs that do nothing without a bucket."""


def find_mistakes(options: Mapping[str, Any], label: Callable[[str], str] = str) -> list[str]:
    """Every mistake in a set of options, a line for each: the option, what was found, what is allowed.

    Args:
        options: The options by their names in Python, with :data:`UNKNOWN` in place of values that are not known yet.
        label: Writes an option's name as the person who gave it writes it.
    """
    lines: list[str] = []
    for name, option in OPTIONS.items():
        if name in options:
            lines += _mistakes(name, option, options[name], label)
    if options.get("ec2_describe") is False and options.get("ec2_describe_actions"):
        lines.append(
            f"{label('ec2_describe')}: found false beside {label('ec2_describe_actions')}; "
            "allowed: one of the two, no Describe action or a list of them"
        )
    for name, needed in NEEDED.items():
        if options.get(name) is True and not options.get(needed):
            lines.append(f"{label(name)}: found true without {label(needed)}; allowed: true where both are")
    if "existing_role_name" in options:
        lines += [
            f"{label(name)}: found a value beside {label('existing_role_name')}; allowed: a value for a new role only"
            for name in _OF_A_NEW_ROLE
            if name in options
        ]
    logs = options.get("session_logs")
    if isinstance(logs, Mapping) and "bucket" not in logs:
        lines += [
            f"{label(f'session_logs.{key}')}: found a value without a bucket; allowed: a value beside a bucket"
            for key in OF_THE_BUCKET
            if key in logs
        ]
    lines += find_other_partitions(options, label)
    return lines + [unknown_key(str(name), OPTIONS) for name in options if name not in OPTIONS]


def find_other_partitions(
    options: Mapping[str, Any], label: Callable[[str], str] = str, partition: str | None = None
) -> list[str]:
    """A line for each ARN that is not of one partition with the others.

    Args:
        options: The options by their names in Python.
        label: Writes an option's name as the person who gave it writes it.
        partition: The partition of the deployment, if it is known; else it is that of the first ARN.
    """
    found = {
        path: text.split(":")[1]
        for path, text in _leaves(options)
        if isinstance(text, str) and re.match(rf"arn:{PARTITION}:", text)
    }
    partition = partition or next(iter(found.values()), None)
    return [
        f"{label(path)}: found an ARN of the partition {other}; allowed: of {partition}, as the rest of the deployment"
        for path, other in found.items()
        if other != partition
    ]


def _leaves(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each value that is no map and no list, with the option or ``option.key`` that it belongs to."""
    for name, value in options.items():
        entries = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {"": value}
        for key, entry in entries.items():
            several = cast("Sequence[Any]", entry) if isinstance(entry, list | tuple) else [entry]
            yield from ((f"{name}.{key}" if key else name, each) for each in several)


def find_name_mistakes(name: Any, options: Mapping[str, Any], label: Callable[[str], str] = str) -> list[str]:
    """Mistakes in the component's own name, of which the names of its resources are made, a line for each."""
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        return [f"name: found {show(name)}; allowed: letters, digits and + = , . @ _ -"]
    lines: list[str] = []
    for thing, suffix, limit, option in (
        ("role", "-role", ROLE_NAME_LIMIT, "role_name"),
        ("policy", "-policy", POLICY_NAME_LIMIT, None),
        ("instance profile", "-profile", PROFILE_NAME_LIMIT, "instance_profile_name"),
    ):
        added = len(suffix) + RANDOM_SUFFIX
        if thing == "role" and "existing_role_name" in options:
            continue
        if option not in options and len(name) + added > limit:
            way_out = f", or a {thing} name of your own in {label(option)}" if option else ""
            lines.append(
                f'name: found {show(name)}, whose {len(name)} characters, {len(suffix)} for "{suffix}" and '
                f"{RANDOM_SUFFIX} for Pulumi's random suffix make a {thing} name of {len(name) + added}; "
                f"allowed: {limit}, so a name of at most {limit - added} characters{way_out}"
            )
    return lines


def camel_case(option: str) -> str:
    """The name of an option, or of ``option.key``, as stack config and other languages have it."""
    return re.sub("_(.)", lambda letter: letter[1].upper(), option)


def unknown_key(key: str, known_keys: Iterable[str]) -> str:
    """The line for a key that does not exist, with the nearest one that does."""
    known = {re.split("[.:]", name)[-1]: name for name in known_keys}
    nearest = get_close_matches(re.split("[.:]", key)[-1], known, n=1)
    hint = f", nearest known key: {known[nearest[0]]}" if nearest else ""
    return f"{key}: found an unknown key{hint}; allowed: {', '.join(known.values())}"


def show(value: Any) -> str:
    """A value as JSON, on one line and not too long."""
    if value is UNKNOWN:
        return "another resource's output"
    text = json.dumps(value, default=lambda odd: f"a {type(odd).__name__}")
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}... ({len(text)} characters)"


def _mistakes(path: str, option: Option, value: Any, label: Callable[[str], str]) -> Iterator[str]:
    """A line for each thing that is wrong with a value, and with what is in it."""
    found = f"{label(path)}: found {show(value)}; allowed: {option.allowed}"
    if value is UNKNOWN:
        if not option.accepts_outputs:
            yield f"{found}, known beforehand, since it decides what is granted"
    elif not option.fields:
        for wrong in option.wrong_parts(value):
            yield f"{label(path)}: found {show(wrong)}; allowed: {option.allowed}"
    elif not isinstance(value, Mapping) or (option.one_of and not any(key in value for key in option.one_of)):
        yield found
    else:
        entries = cast("Mapping[str, Any]", value)
        for key, known in option.fields.items():
            if key in entries:
                yield from _mistakes(f"{path}.{key}", known, entries[key], label)
        known_keys = [label(f"{path}.{key}") for key in option.fields]
        yield from (unknown_key(f"{label(path)}.{key}", known_keys) for key in entries if key not in option.fields)
