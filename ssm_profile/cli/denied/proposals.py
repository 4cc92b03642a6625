"""The options that grant one denied call. Each is checked against its own rules and against its policy."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

from ssm_profile.catalogue import (
    DOMAIN_JOIN,
    EC2_DESCRIBE,
    EC2_DESCRIBE_ACTIONS,
    MANAGED_BUCKETS,
    PARAMETERS,
    PATCH_POLICY,
    READ_BUCKETS,
    Capability,
    Grant,
)
from ssm_profile.cli.action_list import is_known, matches
from ssm_profile.cli.reverse_lookup import FEATURES, Feature
from ssm_profile.cli.templates import as_pattern, is_aws_bucket, path_of
from ssm_profile.options import OPTIONS, option_at
from ssm_profile.policy import PARAMETER_OWNER, Document, Options, is_granted_by_default, policy_document
from ssm_profile.regions import BUCKETS_DATE, PATCH_BUCKET_SUFFIXES, SHORTEST_LOCATION, Location, partition_of
from ssm_profile.validation import find_mistakes, find_value_mistakes

from .denial import Denial, account_of

_FEATURES = (
    *(
        feature
        for feature in FEATURES
        if feature.capability is not EC2_DESCRIBE and not feature.capability.alternative_to
    ),
    Feature(EC2_DESCRIBE_ACTIONS.name, EC2_DESCRIBE_ACTIONS, EC2_DESCRIBE_ACTIONS.grants),
)
"""Every feature except alternatives, and for Describe actions the option that grants the least.

A message names the key of a session, and not its alias.
"""

_SHARED = ("document_arns", "parameters.shared_arns")
"""The lists of ARNs that belong to other accounts."""

_COMMAND_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_INSTANCE_ID = r"m?i-[0-9a-f]+"
_SESSION_ID = r"[\w+=,.@-]+-0[0-9a-f]{16}"
_OF_ONE_INSTANCE = re.compile(rf"(?:^|/)(?P<folder>(?:{_COMMAND_ID}/)?(?:{_INSTANCE_ID}|{_SESSION_ID}))/")
"""The first folder in an object key that is of one command, instance or session, as the output of a command has it.

Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-rc-setting-up-sns-notifications.html
"""


_LOG_GROUPS = ("cloudwatch_agent.log_groups", "cloudwatch_agent.log_group_prefixes")
"""The list for log groups that all instances share, and the one for log groups of one instance each."""
_DIRECTORY = "domain_join.directory_id"
_SECRET = next(each for each in DOMAIN_JOIN.grants if each.needs == "domain_join.owner_directory_id")
"""The grant of the secret in the account that owns a shared directory."""
_JOIN_SECRET = re.compile(r"aws/directory-services/d-[0-9a-f]{10}/seamless-domain-join")
"""The name of a directory's secret. The agent's script asks for it by name, and AWS's message repeats the name."""
_INSTANCE_IN_LOG_GROUP = re.compile(r"\bm?i-(?P<digits>[0-9a-f]{8}(?:[0-9a-f]{9})?)\b")


@dataclass(frozen=True)
class Proposal:
    """An option that grants a denied call."""

    feature: Feature
    grant: Grant
    values: Mapping[str, Any]
    """The values by ``option`` or ``option.key``. None if the component always grants the call."""
    missing: tuple[str, ...] = ()
    """The options, or ``option.key``, that the message does not give a value for."""
    location: Location = field(default_factory=dict[str, str])
    """The region and the account in which the option grants the call, if they matter and are known."""
    notes: tuple[str, ...] = ()
    """What else the option does, or what must hold for it to help. Sentences in Markdown."""

    @property
    def is_default(self) -> bool:
        """Whether the component grants the call without an option."""
        return not self.values and not self.missing

    @property
    def options(self) -> dict[str, Any]:
        """The options by their names in Python."""
        return nested(self.values)


@dataclass(frozen=True)
class Refusal:
    """An option that is for the denied action and cannot grant this call."""

    option: str
    reason: str
    """Why, as a sentence in Markdown."""


def find_proposals(denial: Denial) -> tuple[list[Proposal], list[Refusal]]:
    """The options that grant a denied call, and those that are for the action but cannot grant this call."""
    proposals: list[Proposal] = []
    refusals: list[Refusal] = []
    for feature, grant in _candidates(denial):
        found = _propose(feature, grant, denial)
        if isinstance(found, Proposal):
            proposals.append(found)
        elif found:
            refusals.append(found)
    if any(proposal.is_default for proposal in proposals):
        return [proposal for proposal in proposals if proposal.is_default], []
    return proposals, refusals


def grants_describe_by_default(action: str) -> bool:
    """Whether the component's default policy contains an action as part of ``ec2:Describe*``."""
    return any(matches(grant.action.lower(), action.lower()) for grant in EC2_DESCRIBE.grants)


def allows(document: Document, action: str, resource: str | None, *, conditions: bool = True) -> bool:
    """Whether a policy document of this component allows an action on a resource.

    Args:
        document: The policy document.
        action: The action.
        resource: The resource, or None for any. It is a string and no pattern: a ``*`` in it is only that character.
        conditions: Whether statements with a condition count. Their conditions are not judged.
    """
    return any(
        any(matches(pattern.lower(), action.lower()) for pattern in _listed(statement["Action"]))
        and (resource is None or any(_has_resource(pattern, resource) for pattern in _listed(statement["Resource"])))
        for statement in document["Statement"]
        if statement["Effect"] == "Allow" and (conditions or "Condition" not in statement)
    )


def document_of(options: Options, location: Location) -> Document:
    """The policy that options make, without ``ec2:Describe*`` of the default: a denied call shows that it is off."""
    return policy_document({EC2_DESCRIBE.name: False, **options}, location)


def location_of(denial: Denial) -> Location:
    """The location of a stack whose role is the caller: the region of the resource, and the account of the caller."""
    _, partition, _, region, account, _ = _parts(denial.resource or "")
    removed = account and not account_of(denial.resource)  # somebody removed the number, so it cannot be compared
    return {
        "partition": partition or _parts(denial.caller.arn or "")[1] or SHORTEST_LOCATION["partition"],
        "region": region or SHORTEST_LOCATION["region"],
        "account": account if removed else denial.caller.account or account,
    }


def arn_of(denial: Denial) -> str | None:
    """The ARN of the denied resource. An ``s3://`` URL of a log names an object, and the name of a secret names it."""
    resource, location = denial.resource, location_of(denial)
    if resource and resource.startswith("s3://"):
        return f"arn:{location['partition']}:s3:::{resource.removeprefix('s3://')}"
    if resource and _JOIN_SECRET.fullmatch(resource):
        service = "arn:{partition}:secretsmanager:{region}:{account}".format_map(location)
        return f"{service}:secret:{resource}-??????"  # six characters, which Secrets Manager adds to every name
    return resource


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by path as options: ``{"session_logs.bucket": "logs"}`` is ``{"session_logs": {"bucket": "logs"}}``.

    An empty string stands for a key that is not set. In a list of maps, each map gets a key.
    """
    options: dict[str, Any] = {}
    for path, value in values.items():
        name, _, key = path.partition(".")
        if not key:
            options.setdefault(name, value)
        elif value != "" and OPTIONS[name].is_list_of_maps:
            options[name] = [{**entry, key: value} for entry in options.get(name, [{}])]
        elif value != "":
            options.setdefault(name, {})[key] = value
    return options


def _candidates(denial: Denial) -> Iterator[tuple[Feature, Grant]]:
    """The features and grants for the denied action, for its use if the message says it."""
    action = (denial.needed or "").lower()
    rows = [
        (feature, grant)
        for feature in _FEATURES
        for grant in feature.grants
        if matches(as_pattern(grant.action).lower(), action)
    ]
    if action.startswith("s3:"):
        other = _not_for(_bucket_of(arn_of(denial) or ""))
        rows = [row for row in rows if row[0].capability not in other]
    rows = [row for row in rows if denial.options is None or row[0].capability.name in denial.options]
    yield from (row for row in rows if not _is_for_others(row[1], denial))


def _is_for_others(grant: Grant, denial: Denial) -> bool:
    """Whether a grant is for other resources than the denied one, on which another grant of its option may be."""
    resource, own = arn_of(denial) or "", location_of(denial)["account"]
    if grant.each in _SHARED:
        return _owner(denial) in (None, own)
    if grant.each in _LOG_GROUPS:
        return grant.each != _LOG_GROUPS[_log_group_prefix_of(resource) is not None]
    if grant.action == _SECRET.action:
        return (account_of(resource) not in (None, own)) != (grant.needs == _SECRET.needs)
    return False


def _propose(feature: Feature, grant: Grant, denial: Denial) -> Proposal | Refusal | None:
    resource, action = arn_of(denial), str(denial.needed)
    if feature.capability is MANAGED_BUCKETS:
        return _propose_managed_buckets(feature, grant, denial)
    if is_granted_by_default(feature.capability):
        granted = allows(policy_document({}, location_of(denial)), action, resource)
        return Proposal(feature, grant, {}) if granted else None
    if feature.capability is EC2_DESCRIBE_ACTIONS and not (is_known(action) and action.startswith("ec2:Describe")):
        return None
    values, missing = _values(feature, grant, denial)
    complete = nested({**values, **{path: option_at(path).example for path in missing}})
    if mistake := _parameter_mistake(feature, grant, denial) or _first_mistake(values, complete):
        return Refusal(feature.name, mistake)
    if not allows(document_of(complete, location_of(denial)), action, resource):
        reason = _why_not(feature, complete, denial)
        return Refusal(feature.name, reason) if reason else None
    bound = _bound_location(grant, denial)
    return Proposal(feature, grant, values, tuple(missing), bound, tuple(_notes(feature, grant, values, bound, denial)))


def _owner(denial: Denial) -> str | None:
    """The account that owns the resource, or the parameter for which a key was used."""
    return account_of(denial.parameter or arn_of(denial))


def _parameter_mistake(feature: Feature, grant: Grant, denial: Denial) -> str | None:
    """Why an option cannot decrypt the parameter for which a key was used."""
    account = location_of(denial)["account"]
    if feature.capability is not PARAMETERS or denial.parameter is None or _owner(denial) == account:
        return None
    if grant.each in _SHARED:
        return None
    return (
        f"The key was used for `{denial.parameter}`. `{feature.name}` grants decrypting only parameters of the role's "
        f"own account, {account}."
    )


def _first_mistake(values: Mapping[str, Any], options: Mapping[str, Any]) -> str | None:
    """The first reason why options are refused, if they are."""
    if values.get("parameters.paths") == ["/"]:
        return (
            "The path `/` contains every parameter. `parameters.paths` cannot grant all of them: read a path below it."
        )
    for path, value in _single_values(values):
        if value != "" and (mistakes := find_value_mistakes(path, value)):
            return f"`{path}` cannot be set for it: {mistakes[0]}"
    mistakes = find_mistakes(options)
    return str(mistakes[0]) if mistakes else None


def _single_values(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Values by path, with a path for each value in a list of maps: a map can lack a value that nobody gave yet."""
    for path, value in values.items():
        if path in OPTIONS and OPTIONS[path].is_list_of_maps:
            yield from ((f"{path}.{key}", each) for entry in value for key, each in entry.items())
        else:
            yield path, value


def _propose_managed_buckets(feature: Feature, grant: Grant, denial: Denial) -> Proposal | Refusal | None:
    """The proposal for AWS's own buckets, whose names contain the region."""
    name = feature.capability.name
    if denial.resource is None:
        return Refusal(name, f"The message does not name the bucket. `{name}` grants only AWS's own buckets.")
    for region in PATCH_BUCKET_SUFFIXES:
        location = {"partition": partition_of(region), "region": region, "account": ""}
        if allows(policy_document({name: True}, location), str(denial.needed), arn_of(denial)):
            note = f"The stack must deploy to {region}, since the bucket is that of this region (as of {BUCKETS_DATE})."
            return Proposal(feature, grant, {name: True}, location={"region": region}, notes=(note,))
    return None


def _not_for(bucket: str | None) -> tuple[Capability, ...]:
    """The capabilities that are for other buckets. A bucket that is not named can be any, so none is for it."""
    if bucket is None:
        return (PATCH_POLICY, READ_BUCKETS)
    if is_aws_bucket(bucket) or _QUICK_SETUP.match(bucket):
        return (READ_BUCKETS,)
    return (PATCH_POLICY,)


def _bound_location(grant: Grant, denial: Denial) -> Location:
    """The region and the account that a denial gives to the fields of a grant."""
    location, resource = location_of(denial), denial.resource or ""
    conditions = (template for keys in grant.condition.values() for each in keys.values() for template in each)
    fields = {field for template in (*grant.resources, *conditions) for _, field, _, _ in Formatter().parse(template)}
    bound: dict[str, str] = {}
    if "region" in fields and _parts(resource)[3]:
        bound["region"] = location["region"]
    if fields & {"account", PARAMETER_OWNER} and account_of(resource):
        bound["account"] = location["account"]
    return bound


def _values(feature: Feature, grant: Grant, denial: Denial) -> tuple[dict[str, Any], list[str]]:
    """The values that a denial gives to the options of a grant, and the required options without a value."""
    values: dict[str, Any] = {}
    missing: list[str] = []
    for path in dict.fromkeys((*_required(feature, grant), *_fields(grant))):
        option = option_at(path)
        if option.type == "boolean":
            values[path] = True
            continue
        # The secret of another account names only the directory ID in that account.
        is_known = (path, grant.needs) != (_DIRECTORY, _SECRET.needs)
        value = _value(path, denial) if is_known else None
        if value is not None:
            values[path] = [value] if option.type == "array" else value
        elif path in _required(feature, grant):
            missing.append(path)
    prefixes = {"session_logs.bucket": "session_logs.prefix", "read_buckets.bucket": "read_buckets.prefix"}
    # Without its prefix, an option grants the whole bucket.
    missing += [prefix for bucket, prefix in prefixes.items() if bucket in values and prefix not in values]
    if OPTIONS[feature.capability.name].is_list_of_maps:
        values = nested(values)
    return values if values or missing else {feature.capability.name: {}}, missing


def _value(path: str, denial: Denial) -> str | None:
    if path == EC2_DESCRIBE_ACTIONS.name:
        return str(denial.needed).split(":")[1]
    found = (_VALUES[path](arn) for arn in (arn_of(denial), denial.parameter) if arn)
    return next((value for value in found if value is not None), None)


def _required(feature: Feature, grant: Grant) -> list[str]:
    """The options and keys without which a grant has no effect."""
    name = feature.capability.name
    option = OPTIONS[name]
    paths = [grant.needs, grant.each] if option.keys else [name, grant.each]
    if option.is_list_of_maps:
        paths = [grant.needs]
    paths += [path for path in _fields(grant) if path.partition(".")[2] in option.required_keys]
    if len(option.required_keys) == 1:
        paths.append(f"{name}.{option.required_keys[0]}")
    paths += [required for path in paths if path for required in option_at(path).requires]
    paths += option.requires
    if grant.needs and grant.each is None:
        paths += option_at(grant.needs).requires_any[:1]
    return [path for path in dict.fromkeys(paths) if path]


def _fields(grant: Grant) -> list[str]:
    """The options and keys whose values the resources of a grant contain."""
    fields = [field for template in grant.resources for _, field, _, _ in Formatter().parse(template) if field]
    paths = [path_of(field, grant.each or "") for field in fields]
    return [path for path in dict.fromkeys(paths) if path.partition(".")[0] in OPTIONS]


def _path_of(resource: str) -> str | None:
    """The path for a parameter. The ARN of a parameter contains its name without the first slash."""
    match = re.fullmatch(r"arn:[^:]*:ssm:[^:]*:[^:]*:parameter/(.*)", resource, re.DOTALL)
    return "/" + match[1].strip("/") if match else None


def _shared_document_of(resource: str) -> str | None:
    return resource if re.fullmatch(r"arn:[^:]*:ssm:[^:]*:[^:]*:document/.*", resource, re.DOTALL) else None


def _shared_parameter_of(resource: str) -> str | None:
    return resource if _path_of(resource) else None


def _bucket_of(resource: str) -> str | None:
    match = re.fullmatch(r"arn:[^:]*:s3:::([^/]+)(/.*)?", resource, re.DOTALL)
    return match[1] if match else None


def _prefix_of(resource: str) -> str | None:
    """The prefix for an object: its folder, without what is of one instance. Empty for an object in no folder."""
    key = _object_key(resource)
    if key is None:
        return None
    of_one = _OF_ONE_INSTANCE.search(key)
    return key[: of_one.start()] if of_one else key.rpartition("/")[0]


def _object_key(resource: str) -> str | None:
    match = re.fullmatch(r"arn:[^:]*:s3:::[^/]+/(.+)", resource, re.DOTALL)
    return match[1] if match else None


def _log_group_of(resource: str) -> str | None:
    match = re.fullmatch(r"arn:[^:]*:logs:[^:]*:[^:]*:log-group:([^:]+)(:.*)?", resource, re.DOTALL)
    return match[1] if match and match[1] != "*" else None


def _log_group_prefix_of(resource: str) -> str | None:
    """The beginning of the name of an instance's log group, up to the hexadecimal digits of the instance ID."""
    match = _INSTANCE_IN_LOG_GROUP.search(_log_group_of(resource) or "")
    return match.string[: match.start("digits")] if match else None


def _key_of(resource: str) -> str | None:
    return resource if re.match(r"arn:[^:]*:kms:", resource) else None


def _directory_of(resource: str) -> str | None:
    match = re.search(r"(?:directory|directory-services)/(d-[0-9a-f]{10})(?:/|$)", resource)
    return match[1] if match else None


_QUICK_SETUP = re.compile(r"aws-quicksetup-patchpolicy-(?P<account>\d{12})-(?P<configuration>[a-z0-9]+)(?:/|$)")


def _patch_policy_account_of(resource: str) -> str | None:
    match = _QUICK_SETUP.search(resource)
    return match["account"] if match else None


def _patch_policy_configuration_of(resource: str) -> str | None:
    match = _QUICK_SETUP.search(resource)
    return match["configuration"] if match else None


def _owner_of(resource: str) -> str | None:
    """The account that owns the secret of a directory."""
    is_secret = ":secret:aws/directory-services/" in resource
    return account_of(resource) if is_secret else None


_VALUES: Mapping[str, Callable[[str], str | None]] = {
    "parameters.paths": _path_of,
    "parameters.kms_key_arn": _key_of,
    "patch_policy.account_id": _patch_policy_account_of,
    "patch_policy.configuration_id": _patch_policy_configuration_of,
    "read_buckets.bucket": _bucket_of,
    "read_buckets.prefix": _prefix_of,
    "read_buckets.kms_key_arn": _key_of,
    "parameters.shared_arns": _shared_parameter_of,
    "parameters.shared_kms_key_arn": _key_of,
    "document_arns": _shared_document_of,
    "session_kms_key_arn": _key_of,
    "session_logs.bucket": _bucket_of,
    "session_logs.prefix": _prefix_of,
    "session_logs.kms_key_arn": _key_of,
    "session_logs.log_group": _log_group_of,
    "cloudwatch_agent.log_groups": _log_group_of,
    "cloudwatch_agent.log_group_prefixes": _log_group_prefix_of,
    _DIRECTORY: _directory_of,
    "domain_join.owner_account_id": _owner_of,
    "domain_join.owner_directory_id": _directory_of,
    "domain_join.kms_key_arn": _key_of,
}
"""The value that an ARN gives to each option. Nothing if the ARN does not contain it."""


def _why_not(feature: Feature, options: Options, denial: Denial) -> str | None:
    """Why an option cannot grant a call on a resource. Nothing if the option is for other resources."""
    resource, location = arn_of(denial), location_of(denial)
    account, name = _parts(resource or "")[4:]
    if name == "*":
        return (
            f"The message does not name the resource, only `{resource}`. Which resource it is cannot be known from "
            "it: look up the name in the code or the document that makes the call."
        )
    in_owner = document_of(options, {**location, "account": account})
    if account and account != location["account"] and allows(in_owner, str(denial.needed), resource):
        return (
            f"The resource belongs to the account {account}. `{feature.name}` grants only resources of the role's own "
            f"account, {location['account']}."
        )
    return None


def _notes(feature: Feature, grant: Grant, values: Mapping[str, Any], bound: Location, denial: Denial) -> Iterator[str]:
    """What else the option does, and what must hold for it to help."""
    resource = arn_of(denial) or ""
    if "parameters.paths" in values:
        yield f"The option grants the parameters below `{values['parameters.paths'][0]}` as well. It cannot grant less."
    if "session_logs.bucket" in values:
        yield from _notes_on_session_logs(resource, values)
    if feature.capability is READ_BUCKETS:
        yield from _notes_on_reading(grant, values)
    if grant.each in _SHARED:
        yield _note_on_sharing(denial)
    if grant.action == "cloudwatch:PutMetricData":
        yield (
            "The message does not name the namespace. The option grants CWAgent, or the one in "
            "`cloudwatch_agent.namespace`."
        )
    if feature.capability is EC2_DESCRIBE_ACTIONS:
        yield "The list replaces `ec2:Describe*`. If the stack has a list, add the action to it."
    places = [bound.get("region", ""), f"in the account {bound['account']}" if "account" in bound else ""]
    if any(places):
        yield f"The stack must deploy {'to ' if places[0] else ''}{', '.join(filter(None, places))}."
    owner = account_of(resource)
    if ":kms:" in resource and owner and denial.caller.account not in (None, owner):
        yield f"The key belongs to the account {owner}. Its key policy must allow the role, too."


def _note_on_sharing(denial: Denial) -> str:
    """What the other account must share: the denied resource, or the parameter that the denied key decrypts."""
    if denial.is_of_key and denial.parameter is None:
        return "The account that owns the parameter must share it with the account of the role."
    shared = f"the parameter `{denial.parameter}`" if denial.is_of_key else "it"
    return f"The account {_owner(denial)} must share {shared} with the account of the role."


def _notes_on_session_logs(resource: str, values: Mapping[str, Any]) -> Iterator[str]:
    folder = "/".join(filter(None, [values["session_logs.bucket"], values.get("session_logs.prefix")]))
    if of_one := _OF_ONE_INSTANCE.search(_object_key(resource) or ""):
        yield (
            f"The option grants writing every object in `{folder}`. The folder `{of_one['folder']}` is not part of "
            "the prefix, since it is of one instance, and every instance with the role needs its own."
        )
    elif "session_logs.prefix" in values:
        yield f"The option grants writing every object in `{folder}`. It cannot grant less."
    else:
        yield (
            "Leave out `session_logs.prefix` only if your session preferences have none: the option then grants "
            "writing every object in the bucket."
        )


def _notes_on_reading(grant: Grant, values: Mapping[str, Any]) -> Iterator[str]:
    yield (
        "The option is for what documents and Patch Manager download. If your own software makes the call, attach a "
        "policy of your own to the role."
    )
    if grant.action == "s3:ListBucket":
        yield "It is needed only for a path that ends in `/`. The agent downloads a file without it."
    elif grant.action == "s3:GetObject":
        folder = "/".join(values["read_buckets"][0].values())
        yield f"The option grants reading every object in `{folder}`. It cannot grant less."


def _has_resource(pattern: str, resource: str) -> bool:
    """Whether a pattern of a policy matches a resource. A wildcard does not cross the first five colons of an ARN."""
    if pattern == "*":
        return True
    return all(matches(part, text) for part, text in zip(_parts(pattern), _parts(resource), strict=True))


def _parts(arn: str) -> list[str]:
    """The six parts of an ARN. What is not an ARN has only the last part."""
    parts = arn.split(":", 5)
    return parts if len(parts) == 6 else [""] * 5 + [arn]  # noqa: PLR2004 - the parts of an ARN


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value
