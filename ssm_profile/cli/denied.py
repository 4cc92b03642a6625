"""``audit --denied``: which option grants what was denied, or why none should."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ssm_profile.catalogue import EC2_DESCRIBE_ACTIONS, Grant
from ssm_profile.errors import InputError
from ssm_profile.policy import is_granted_by_default

from .action_list import is_known, matches
from .evaluator import overlap, read_json
from .report import Paragraph, Report, Table
from .reverse_lookup import FEATURES, Feature, as_pattern, option_values, options_switching_on, refusal
from .stack_yaml import format_stack_config

_MESSAGE = re.compile(
    r"(?:User: (?P<principal>arn:\S+) is )?not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on resource: (?P<resource>\S+?))?(?=[\s,;\"']|\.?$|\.\s)"
    r"(?P<context>[^\n\"]{0,200})",
    re.IGNORECASE,
)
"""What AWS's services write; "on resource" and the reason are not always there."""

_OPERATIONS = {
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:UploadPart": "s3:PutObject",
}
"""S3's operations that are authorised as an action of another name, by its service authorization reference."""

_PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag"}
"""Services whose events have another name than their actions."""


_BY_NAME = Feature(EC2_DESCRIBE_ACTIONS.name, EC2_DESCRIBE_ACTIONS, EC2_DESCRIBE_ACTIONS.grants)
"""No feature of its own, but the narrowest answer to a Describe action that was denied."""


@dataclass(frozen=True)
class Denial:
    """A call that was denied."""

    action: str
    resource: str | None
    principal: str | None
    explicit: bool
    """Whether a policy says so, and not only that none allows it."""
    elsewhere: str | None
    """The kind of policy that denied it, where it is none of the role's own."""


def denials_in(text: str) -> list[Denial]:
    """The denied calls that a text tells of, each once: messages, a log, or CloudTrail's events.

    Raises:
        InputError: If it tells of none.
    """
    stripped = text.strip()
    try:
        found = list(_in_json(read_json(stripped, "the text"))) if stripped[:1] in ("{", "[") else []
    except InputError:
        found = []
    found = found or list(_in_messages(text))
    if not found:
        raise InputError(
            "--denied: found no denied call in the text; allowed: AWS's message, such as "
            '"User: arn:... is not authorized to perform: ssm:GetParameter on resource: arn:...", '
            "or the event of the call in CloudTrail, in JSON"
        )
    return list(dict.fromkeys(found))


def answer(denial: Denial) -> dict[str, Any]:
    """Which options grant a call, as plain data; the names are those of ``--json``."""
    rows = [(feature, grant) for feature in FEATURES for grant in feature.grants if _grants(grant, denial)]
    rows += [(_BY_NAME, grant) for grant in _BY_NAME.grants if _grants(grant, denial)]
    options = [] if denial.elsewhere else [_option(feature, grant, denial) for feature, grant in rows]
    return {
        "action": denial.action,
        "resource": denial.resource,
        "principal": denial.principal,
        "options": options,
        "why": _why(denial, [feature for feature, _ in rows]),
    }


def report(answers: list[dict[str, Any]]) -> Report:
    """Answers for people."""
    parts: list[Paragraph | Table] = []
    for found in answers:
        on = f" on `{found['resource']}`" if found["resource"] else ""
        parts.append(Paragraph(f"`{found['action']}`{on}: {found['why']}"))
        parts += [
            Paragraph(format_stack_config(each["options"]), is_code=True)
            for each in found["options"]
            if each["options"]
        ]
        parts.append(
            Table(
                "Granted by",
                ("Option", "What for", "Without it", "Source"),
                [
                    (f"`{each['option']}`", each["purpose"], each["symptom"], "\n".join(each["sources"]))
                    for each in found["options"]
                ],
            )
        )
    return parts


def _in_messages(text: str) -> Iterator[Denial]:
    for found in _MESSAGE.finditer(text):
        context = found["context"]
        explicit = "explicit deny" in context
        kinds = re.search(
            r"(?:explicit deny in an? |because no )([\w -]+? polic(?:y|ies)|permissions boundary)", context
        )
        kind = kinds[1] if kinds else None
        own = kind is None or kind.startswith("identity-based")
        resource = found["resource"]
        yield Denial(
            action=found["action"],
            resource=resource.rstrip(".") if resource else None,
            principal=found["principal"],
            explicit=explicit,
            elsewhere=None if own else kind,
        )


def _in_json(value: Any) -> Iterator[Denial]:
    """The denied calls in CloudTrail's events: one, a file of records, or what lookup-events prints."""
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
    code, source, name = (str(event.get(key) or "") for key in ("errorCode", "eventSource", "eventName"))
    if not re.search("AccessDenied|Unauthorized", code):
        return
    told = list(_in_messages(str(event.get("errorMessage") or "")))
    if told:
        yield from told
    elif source and name:
        service = source.split(".")[0]
        action = f"{_PREFIXES.get(service, service)}:{name}"
        resources = event.get("resources") or [{}]
        identity = event.get("userIdentity") or {}
        yield Denial(
            action=_OPERATIONS.get(action, action),
            resource=_text_at(resources[0] if isinstance(resources, list) else {}, "ARN"),
            principal=_text_at(identity, "arn"),
            explicit=False,
            elsewhere=None,
        )


def _text_at(value: Any, key: str) -> str | None:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else None


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
    found = option_values(grant, denial.resource or "", is_pattern=False)
    if grant.each and "{each}" in grant.action:
        found = {grant.each: denial.action.split(":")[1]}
    return {
        "option": feature.name if feature.option else "always granted",
        "options": options_switching_on(feature, {path: [value] for path, value in found.items()}),
        "purpose": grant.purpose,
        "symptom": grant.symptom,
        "sources": list(grant.sources),
    }


def _why(denial: Denial, features: list[Feature]) -> str:
    if denial.elsewhere:
        return (
            f"no option can grant it, since the role's own policy is not what denies it: it is a {denial.elsewhere}. "
            "Ask those who keep it."
        )
    if denial.explicit:
        return (
            "a policy of the role denies it. Of this component's options, `require_imdsv2` does so for credentials "
            "that were fetched by IMDSv1, and `vpc_endpoints_only` for calls from outside the instance's own VPC."
        )
    if any(is_granted_by_default(feature.capability) for feature in features):
        return (
            "it is granted by default, so the role is not one of this component with its defaults; or another policy "
            "bounds the role: a permissions boundary, a service control policy, a VPC endpoint's policy."
        )
    return "an option grants it." if features else _why_no_option(denial.action)


def _why_no_option(action: str) -> str:
    if reason := refusal(action):
        return f"no option grants it, and none should. {reason}"
    if not is_known(action):
        return "no option grants it, and AWS has no action of that name."
    return (
        "no option grants it: no capability of Systems Manager needs it. Where software of yours on the instance does, "
        "attach a policy of your own to the role, with `managed_policy_arns` or by its name."
    )
