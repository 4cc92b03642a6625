"""``audit --denied``: the options that grant a denied call, or the reason why none does."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ssm_profile.catalogue import EC2_DESCRIBE_ACTIONS, EXPLICIT_DENIES, NOT_NEEDED, Grant
from ssm_profile.errors import InputError
from ssm_profile.policy import is_granted_by_default

from .action_list import is_known, matches
from .evaluator import overlap, read_json
from .report import CodeBlock, Paragraph, Report, Table, code
from .reverse_lookup import FEATURES, Feature, options_for, refusal
from .stack_yaml import format_stack_config
from .templates import as_pattern, option_values

_MESSAGE = re.compile(
    r"(?:User:\s+(?P<principal>arn:\S+)\s+is\s+)?not\s+authorized\s+to\s+perform:\s+(?P<action>[\w-]+:\w+)"
    r"(?:\s+on\s+resource:\s+(?P<resource>\S+?))?(?=[\s,;\"']|\.?$|\.\s)"
    r"(?P<context>[^\n\"]{0,200})",
    re.IGNORECASE,
)
"""The message of AWS's services, also when lines are wrapped between its words. Some have no resource or reason."""

_OPERATIONS = {
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:UploadPart": "s3:PutObject",
}
"""S3 operations whose IAM action has a different name. Source: the service authorization reference of S3."""

_PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag"}
"""Services whose name in CloudTrail events is not the prefix of their actions."""

_BY_NAME = Feature(EC2_DESCRIBE_ACTIONS.name, EC2_DESCRIBE_ACTIONS, EC2_DESCRIBE_ACTIONS.grants)
"""The narrowest option for a denied Describe action. It is not one of :data:`FEATURES`."""


@dataclass(frozen=True)
class Denial:
    """A call that was denied."""

    action: str
    resource: str | None
    principal: str | None
    explicit: bool
    """Whether a policy denies the call explicitly. Otherwise no policy allows it."""
    elsewhere: str | None
    """The kind of policy that denied the call, if it is not a policy of the role."""


def read_denials(text: str) -> list[Denial]:
    """The denied calls in a text, each once.

    Args:
        text: Error messages, a log, or CloudTrail events in JSON.

    Raises:
        InputError: If the text contains no denied call.
    """
    stripped = text.strip()
    try:
        denials = list(_in_json(read_json(stripped, "the input"))) if stripped[:1] in ("{", "[") else []
    except InputError:
        denials = []  # a log can begin with a bracket
    denials = denials or list(_in_messages(text))
    if not denials:
        raise InputError(
            "--denied: the input contains no denied call. Pass an error message of AWS, for example "
            '"User: arn:... is not authorized to perform: ssm:GetParameter on resource: arn:...", '
            "or a CloudTrail event in JSON."
        )
    return list(dict.fromkeys(denials))


def answer_denial(denial: Denial) -> dict[str, Any]:
    """The options that grant a denied call, as plain data. The keys are those of ``--json``."""
    rows = [(feature, grant) for feature in FEATURES for grant in feature.grants if _grants(grant, denial)]
    rows += [(_BY_NAME, grant) for grant in _BY_NAME.grants if _grants(grant, denial)]
    return {
        "action": denial.action,
        "resource": denial.resource,
        "principal": denial.principal,
        "options": [] if denial.elsewhere else [_option(feature, grant, denial) for feature, grant in rows],
        "why": _reason(denial, [feature for feature, _ in rows]),
    }


def format_denials(answers: Iterable[Mapping[str, Any]]) -> Report:
    """The report of several answers of :func:`answer_denial`."""
    parts: list[Paragraph | CodeBlock | Table] = []
    for answer in answers:
        on_resource = f" on {code(answer['resource'])}" if answer["resource"] else ""
        parts += [Paragraph(f"Denied: {code(answer['action'])}{on_resource}"), Paragraph(answer["why"])]
        for row in answer["options"]:
            if row["options"]:
                settings = CodeBlock(format_stack_config(row["options"]))
                parts += [Paragraph(f"To grant it with {code(row['option'])}, add this to the stack's file:"), settings]
        parts.append(
            Table(
                "Options that grant it",
                ("Option", "Purpose", "Symptom when missing", "Sources"),
                [
                    (code(row["option"]), row["purpose"], row["symptom"], "\n".join(row["sources"]))
                    for row in answer["options"]
                ],
            )
        )
    return parts


def _in_messages(text: str) -> Iterator[Denial]:
    for message in _MESSAGE.finditer(text):
        context, resource = message["context"], message["resource"]
        kinds = re.search(
            r"(?:explicit deny in an? |because no )([\w -]+? polic(?:y|ies)|permissions boundary)", context
        )
        kind = kinds[1] if kinds else None
        of_role = kind is None or kind.startswith("identity-based")
        yield Denial(
            action=message["action"],
            resource=resource.rstrip(".") if resource else None,
            principal=message["principal"],
            explicit="explicit deny" in context,
            elsewhere=None if of_role else kind,
        )


def _in_json(value: Any) -> Iterator[Denial]:
    """The denied calls in CloudTrail events: a single event, a log file, or the output of lookup-events."""
    if isinstance(value, list):
        for entry in value:
            yield from _in_json(entry)
        return
    if not isinstance(value, Mapping):
        return
    event = value
    for key in ("Records", "Events", "detail"):
        if key in event:
            yield from _in_json(event[key])
    if isinstance(event.get("CloudTrailEvent"), str):
        yield from _in_json(read_json(event["CloudTrailEvent"], "the event"))
    error, source, name = (str(event.get(key) or "") for key in ("errorCode", "eventSource", "eventName"))
    if not re.search("AccessDenied|Unauthorized", error):
        return
    in_message = list(_in_messages(str(event.get("errorMessage") or "")))
    if in_message:
        yield from in_message
    elif source and name:
        service = source.split(".")[0]
        action = f"{_PREFIXES.get(service, service)}:{name}"
        resources = event.get("resources") or [{}]
        identity = event.get("userIdentity") or {}
        yield Denial(
            action=_OPERATIONS.get(action, action),
            resource=_string_at(resources[0] if isinstance(resources, list) else {}, "ARN"),
            principal=_string_at(identity, "arn"),
            explicit=False,
            elsewhere=None,
        )


def _string_at(value: Any, key: str) -> str | None:
    entry = value.get(key) if isinstance(value, Mapping) else None
    return entry if isinstance(entry, str) else None


def _grants(grant: Grant, denial: Denial) -> bool:
    action = as_pattern(grant.action)
    if not matches(action.lower(), denial.action.lower()):
        return False
    return (
        denial.resource is None
        or grant.resources == ("*",)
        or any(overlap(as_pattern(template), denial.resource) for template in grant.resources)
    )


def _option(feature: Feature, grant: Grant, denial: Denial) -> dict[str, Any]:
    values = option_values(grant, denial.resource or "", is_pattern=False)
    if grant.each and "{each}" in grant.action:
        values = {grant.each: denial.action.split(":")[1]}
    return {
        "option": feature.name if feature.option else "always granted",
        "options": options_for(feature, {path: [value] for path, value in values.items()}),
        "purpose": grant.purpose,
        "symptom": grant.symptom,
        "sources": list(grant.sources),
    }


def _reason(denial: Denial, features: list[Feature]) -> str:
    if denial.elsewhere:
        return (
            f"It is denied by a {denial.elsewhere}, not by a policy of the role. No option can grant it. "
            "Ask the owner of that policy."
        )
    if denial.explicit:
        denies = " ".join(f"`{deny.name}`: {deny.summary}" for deny in EXPLICIT_DENIES)
        return f"A policy of the role denies it explicitly. These options of this component deny calls: {denies}"
    if any(is_granted_by_default(feature.capability) for feature in features):
        return (
            "This component grants it by default. Either the role is not one that this component created with its "
            "defaults, or another policy limits the role: a permissions boundary, a service control policy, or the "
            "policy of a VPC endpoint."
        )
    if len(features) > 1:
        return "Each of these options grants it. Choose the one whose purpose fits."
    return "This option grants it." if features else _reason_for_no_option(denial.action)


def _reason_for_no_option(action: str) -> str:
    if reason := refusal(action):
        return f"No option grants it, for this reason: {reason}"
    if not is_known(action):
        return "No option grants it: AWS has no action with this name."
    return (
        f"No option grants it. {NOT_NEEDED} If other software on the instance needs it, attach "
        "a policy of your own to the role, for example with `managed_policy_arns`."
    )
