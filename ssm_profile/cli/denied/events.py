"""Reads denied calls from JSON: CloudTrail events in every envelope, decoded messages, and logs in JSON."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ssm_profile.cli.action_list import resource_types
from ssm_profile.policy import owner_of_parameters
from ssm_profile.regions import partition_of

from .denial import Caller, Denial, account_of, caller_of
from .key_uses import KeyUse, use_by_operation, use_in_context
from .messages import action_of, canonical, messages_in

_DENIED = re.compile("AccessDenied|Unauthorized|NotAuthorized|Forbidden")

_REGION_LOOKUP = KeyUse(
    (),
    "`HeadBucket` finds the region of a bucket. The agent does so before it uses a bucket. An AccessDenied response "
    "contains the region too, so nothing fails.",
)

_SSM_PARAMETERS = ("name", "names", "path")
"""The request parameters of Parameter Store's operations that name parameters."""


def is_denied(code: str) -> bool:
    """Whether an error code, as CloudTrail has it, says that a call was denied."""
    return _DENIED.search(code) is not None


def denials_in_json(value: Any) -> Iterator[Denial]:
    """The denied calls in a value: of every event and every string in it, in its order.

    Args:
        value: A value of :func:`json.loads`. A string in it can contain JSON, as in the output of lookup-events.
    """
    rest = [value]
    while rest:
        entry = rest.pop()
        if isinstance(entry, list):
            rest += reversed(entry)
        elif isinstance(entry, str):
            nested = parse_json(entry)
            if nested is None:
                yield from messages_in(entry)
            else:
                rest.append(nested)
        elif isinstance(entry, Mapping):
            if isinstance(entry.get("eventSource"), str) and isinstance(entry.get("eventName"), str):
                yield from _in_event(entry)
            elif "allowed" in entry and isinstance(entry.get("context"), Mapping):
                yield from _in_decoded(entry)
            else:
                rest += reversed(list(entry.values()))


def parse_json(text: str) -> Any:
    """The value of a text that is a JSON object or array as a whole. None otherwise."""
    text = text.strip()
    if text[:1] + text[-1:] not in ("{}", "[]"):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _in_event(event: Mapping[str, Any]) -> Iterator[Denial]:
    """The denied calls in a CloudTrail event: one for each resource."""
    code, message = _text(event, "errorCode"), _text(event, "errorMessage")
    if not is_denied(code):
        return
    caller = _caller(event)
    action = action_of(event["eventSource"].split(".")[0], event["eventName"])
    in_message = list(messages_in(message))
    if code == "VpceAccessDenied":
        denied = Denial(action, caller=caller, kind="VPC endpoint policy", policy=_text(event, "vpcEndpointId") or None)
        in_message = []
    else:
        denied = Denial(action, caller=caller)
    in_message = [
        replace(each, action=each.action or action, caller=_better(caller, each.caller)) for each in in_message
    ]
    if named := [each for each in in_message if _is_named(each)]:
        yield from (_with_use(each, event) for each in named)
        yield from _requested_with(named, event, action)
        return
    denied = _with_use([denied, *in_message][-1], event)
    requested = _resources(event, action) if denied.action == action else []
    for resource in requested or [denied.resource]:
        yield replace(denied, resource=resource)


def _is_named(denial: Denial) -> bool:
    """Whether a message names the resource. Some messages name only the region and the account."""
    return denial.resource is not None and not re.fullmatch(r"arn(:[^:]*){4}:\*", denial.resource)


def _requested_with(named: Sequence[Denial], event: Mapping[str, Any], action: str) -> Iterator[Denial]:
    """The other resources of a denied request. Its message names only the first one that is denied.

    An explicit deny and another policy than that of the role say nothing of them, nor does another action, for
    example of KMS.
    """
    first = named[0]
    if not first.can_be_granted or first.action != action:
        return
    known = {_type_and_name(str(each.resource)) for each in named}
    for resource in _resources(event, action):
        type_, name = _type_and_name(resource)
        if (type_, name) not in known and type_ == _type_and_name(str(first.resource))[0]:
            yield Denial(action, resource, first.caller, requested_with=first.resource)


def _type_and_name(arn: str) -> tuple[str, str]:
    """The type and the name in an ARN: ``parameter`` and ``app/db``."""
    type_, _, name = arn.split(":", 5)[-1].partition("/")
    return type_, name


def _in_decoded(message: Mapping[str, Any]) -> Iterator[Denial]:
    """The denied call in the output of ``aws sts decode-authorization-message``."""
    context = message["context"]
    if message.get("allowed") is not False or not _text(context, "action"):
        return
    statements = message.get("matchedStatements")
    items = statements.get("items") if isinstance(statements, Mapping) else None
    first = items[0] if isinstance(items, list) and items else {}
    yield Denial(
        action=canonical(context["action"]),
        resource=_text(context, "resource") or None,
        caller=caller_of(_text(context.get("principal"), "arn") or None),
        explicit=message.get("explicitDeny") is True,
        policy=_text(first, "sourcePolicyId") or None,
    )


def _caller(event: Mapping[str, Any]) -> Caller:
    identity = event.get("userIdentity")
    scope = identity.get("inScopeOf") if isinstance(identity, Mapping) else None
    return caller_of(_text(identity, "arn") or _text(identity, "invokedBy") or None, _text(scope, "issuerType") or None)


def _better(one: Caller, other: Caller) -> Caller:
    return one if one.arn else other


def _with_use(denial: Denial, event: Mapping[str, Any]) -> Denial:
    """A denial with its use. That of a key is in the encryption context, or is the operation that used the key."""
    if event["eventName"] == "HeadBucket":
        return denial.with_use(_REGION_LOOKUP)
    if not denial.is_of_key:
        return denial
    if not event["eventSource"].startswith("kms."):
        parameters = [arn for arn in _requested(event) if ":parameter/" in arn]
        only = parameters[0] if len(parameters) == 1 else None
        return replace(denial.with_use(use_by_operation(event["eventName"])), parameter=only)
    parameters = event.get("requestParameters")
    context = parameters.get("encryptionContext") if isinstance(parameters, Mapping) else None
    if not isinstance(context, Mapping):
        return denial
    return replace(denial.with_use(use_in_context(context)), parameter=_text(context, "PARAMETER_ARN") or None)


def _resources(event: Mapping[str, Any], action: str) -> list[str]:
    """The ARNs of the resources on which a call was denied."""
    listed = event.get("resources")
    arns = [_text(each, "ARN") or _text(each, "arn") for each in (listed if isinstance(listed, list) else [])]
    return [arn for arn in dict.fromkeys(arns or _requested(event)) if arn and _is_for(action, arn)]


def _requested(event: Mapping[str, Any]) -> list[str]:
    """The ARNs of the resources that the request parameters name."""
    parameters = event.get("requestParameters")
    region, service = _text(event, "awsRegion"), event["eventSource"].split(".")[0]
    identity = event.get("userIdentity")
    account = (
        _text(identity, "accountId") or _text(event, "recipientAccountId") or account_of(_text(identity, "arn")) or ""
    )
    if not isinstance(parameters, Mapping) or not region:
        return []
    partition = partition_of(region)
    if service == "s3" and (bucket := _text(parameters, "bucketName")):
        key = _text(parameters, "key")
        return [f"arn:{partition}:s3:::{bucket}" + (f"/{key}" if key else "")]
    if service == "kms":
        return [_text(parameters, "keyId")] if _text(parameters, "keyId").startswith("arn:") else []
    if service == "logs" and (group := _text(parameters, "logGroupName")):
        return [f"arn:{partition}:logs:{region}:{account}:log-group:{group}"] if account else []
    if service == "ssm" and "Parameter" in event["eventName"]:
        named = [parameters.get(key) for key in _SSM_PARAMETERS]
        names = [name for each in named for name in (each if isinstance(each, list) else [each])]
        return [_parameter(name, partition, region, account) for name in names if isinstance(name, str) and name]
    return []


def _parameter(name: str, partition: str, region: str, account: str) -> str:
    """The ARN of a parameter. A name can be an ARN, and can end with a version or a label."""
    if name.startswith("arn:"):
        return name
    path = name.partition(":")[0].removeprefix("/")
    owner = owner_of_parameters(f"/{path}", account)
    return f"arn:{partition}:ssm:{region}:{owner}:parameter/{path}"


def _is_for(action: str, arn: str) -> bool:
    """Whether an action applies to a resource. An event of S3 lists the bucket and the object."""
    if not action.startswith("s3:"):
        return True
    return ("object" in resource_types(action)) == ("/" in arn.split(":", 5)[-1])


def _text(value: Any, key: str) -> str:
    entry = value.get(key) if isinstance(value, Mapping) else None
    return entry if isinstance(entry, str) else ""
