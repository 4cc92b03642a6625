"""Reads denied calls from text: AWS's messages in every wrapping, encoded messages, and known log lines."""

import html
import re
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import NamedTuple

from ssm_profile.cli.action_list import expanded, is_known

from .denial import Caller, Denial, caller_of
from .key_uses import NEAR, use_in_words
from .log_lines import LOG_LINES

_FIXES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\x1b\[[0-9;]*[A-Za-z]"), ""),  # colours of a terminal
    (re.compile(r"(?<!\\)\\+u001b\[[0-9;]*m"), ""),
    (re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad]"), ""),  # invisible characters
    (re.compile("[\u201c\u201d\u201e]"), '"'),
    (re.compile("[\u2018\u2019]"), "'"),
    (re.compile(r"#0(?:11|12|15)"), "\n"),  # control characters in syslog
    (re.compile(r"(?<!\\)\\+[nrt]"), "\n"),
    (re.compile(r"""(?<!\\)\\+(["'/<>_*.()\[\]`#+!|~{}-])"""), r"\1"),  # escapes of JSON, shells and Markdown
    (re.compile(r"(?m)^[ \t]*(?:[>\u2502\u2503\u2577\u2575|*+-]+[ \t]+)+"), ""),  # quotes, boxes, lists and tables
    (re.compile(r"(?<!\*)\*\*(?!\*)([^*\n]+?)\*\*(?!\*)"), r"\1"),
    (re.compile("`"), ""),
    (re.compile('""+'), '"'),  # quotes in a cell of CSV
    (re.compile(r"</[A-Za-z][\w:]*>|<(?:br|p|pre|code|em|strong|b|i|td|tr|li|div|span)(?:\s[^<>]*)?/?>"), "\n"),
    (re.compile(r"[^\S\n ]"), " "),
)

_UNICODE_ESCAPE = re.compile(r"(?<!\\)\\+u([0-9A-Fa-f]{4})")

_PERFORM = re.compile(r"not\s+authorized\s+to\s+perform", re.IGNORECASE)
_BEFORE = re.compile(r"(?:User:?\s+)?['\"]?(?P<caller>arn:[^\s'\"]+)['\"]?\s+is\s+$", re.IGNORECASE)
_AFTER = re.compile(
    r"""
    :?\s+(?:the\s+)?(?:action:?\s+)?['"]?(?P<action>[A-Za-z0-9-]+:[A-Za-z][A-Za-z0-9*]*)['"]?
    (?:\s+on\s+
        (?:resources?:+\s*
            (?: "(?P<quoted>[^"\n]{1,2048})"
              | '(?P<single>[^'\n]{1,2048})'
              | (?P<plain>(?:(?:role|user|group|policy|instance\s+profile)\s+(?=\S))?[^\s"'`,;]{1,2048})
            )?
          | (?:this|the)\s+resource(?:\s+associated\s+with\s+this\s+ciphertext)?
        )
    )?
    """,
    re.IGNORECASE | re.VERBOSE,
)
_KIND = r"[A-Za-z-]+(?:\s+[A-Za-z-]+){0,3}?\s+(?:policy|policies|boundary|boundaries)"
_REASON = re.compile(
    rf"""
    [\s"'.,;)\]>]*
    (?: because\s+no\s+(?P<implicit>{_KIND})\s+allows?\s+(?:the\s+)?(?P<missing>[\w-]+:\w+|access)?(?:\s+action)?
      | with\s+an\s+explicit\s+deny(?:\s+in\s+(?:an?\s+|the\s+)?(?P<explicit>{_KIND}))?
      | because\s+the\s+resource\s+does\s+not\s+exist\s+in\s+this\s+Region,\s+no\s+(?P<key>resource-based)\s+policies
      | because\s+[\w\s]{{1,60}}\s+(?:in|by)\s+(?:the\s+\w+\s+setting\s+in\s+)?(?P<public>S3\s+Block\s+Public\s+Access)
    )
    (?::\s*(?P<policy>arn:[^\s"',;)\]}}<>]+))?
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ENCODED = re.compile(
    r"Encoded\s+authorization\s+failure\s+message:\s*(?P<encoded>[A-Za-z0-9_=+/-]{20,})", re.IGNORECASE
)
_ENCODED_AFTER = re.compile(rf"[^\n]{{0,200}}?\.?\s*{_ENCODED.pattern}", re.IGNORECASE)

_REFUSED = r"(?:Access\s+Denied|Forbidden|You\s+are\s+not\s+authorized\s+to\s+perform\s+this\s+operation)"
_OPERATION = re.compile(
    rf"""
    (?: \((?P<code>AccessDenied|403|UnauthorizedOperation)\)\s+when\s+calling\s+the\s+(?P<operation>\w+)\s+operation
        (?:\s+\(reached\s+max\s+retries:\s+\d+\))?:\s+
      | operation\s+error\s+(?P<service>\w[\w ]*?):\s+(?P<named>\w+),\s+
        (?:exceeded\s+maximum\s+number\s+of\s+attempts,\s+\d+,\s+)?
        https\s+response\s+error\s+StatusCode:\s+\d+,[^\n]{{0,300}}?\bapi\s+error\s+\w+:\s+
      | (?P<full>ec2:\w+)\s+
    )
    {_REFUSED}(?!\.?\s+User:)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_TRIGGER = re.compile(
    "|".join(["perform", "authorization", "forbidden", "denied", *sorted({line.keyword for line in LOG_LINES})]),
    re.IGNORECASE,
)
"""A word that every text with a denied call contains. Most texts have none of them."""

_S3_OBJECT = re.compile(r"s3://[^\s\"',;]+")

S3_ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "SelectObjectContent": "GetObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
"""S3 operations whose IAM action has another name.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

_PREFIXES = {"monitoring": "cloudwatch", "cloudwatch": "cloudwatch", "tagging": "tag", "cloudwatch logs": "logs"}
"""Services whose name in events and SDKs is not the prefix of their actions."""


def messages_in(text: str) -> Iterator[Denial]:
    """The denied calls that a text names, in its order, as often as the text has them."""
    if not _TRIGGER.search(text):
        return
    text = _normalized(text)
    sentences = list(_sentences(text))
    spans = _Spans((start, end) for start, end, _ in sentences)
    others = [*_operations(text, spans), *_encoded(text, spans)]
    lines = [line for line in _lines(text) if not spans.overlap(line.start, line.end)]
    pending: list[_Place] = []
    for place in sorted([*sentences, *others, *lines], key=lambda place: place.start):
        if place.denial.line:
            if pending and pending[-1].denial == place.denial and "\n" not in text[pending[-1].end : place.start]:
                pending[-1] = place  # one line of a log can say it in several ways
            else:
                pending.append(place)
            continue
        # A known line directly before a message says what the message is about.
        about = next((one for one in reversed(pending) if _is_about(one, place)), None)
        yield from (one.denial for one in pending if one is not about)
        pending.clear()
        denial = place.denial
        yield _with_line(denial, about.denial) if about else denial
    yield from (one.denial for one in pending)


_VERSION = re.compile(r"_?\d{4}_?\d\d_?\d\d(v\d)?$")
"""The date that Lambda and CloudFront put behind the names of events, such as ``ListFunctions20150331``.

Source: https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html
"""


def action_of(service: str, operation: str) -> str:
    """The IAM action of an operation.

    Args:
        service: The service as CloudTrail or an SDK names it: ``ssm``, ``monitoring``, ``CloudWatch Logs``.
        operation: The operation as the API names it.
    """
    prefix = _PREFIXES.get(service.lower(), service.lower())
    name = S3_ACTIONS.get(operation, operation) if prefix == "s3" else operation
    action = f"{prefix}:{name}"
    if not is_known(action):
        undated = f"{prefix}:{_VERSION.sub('', name)}"
        action = undated if is_known(undated) else action
    if not is_known(action) and prefix == "ssm":
        # CloudTrail files the calls of the message services under ssm.amazonaws.com.
        others = [f"{other}:{name}" for other in ("ssmmessages", "ec2messages")]
        action = next(filter(is_known, others), action)
    return canonical(action)


def canonical(action: str) -> str:
    """An action with the upper and lower case of AWS."""
    return action if "*" in action else expanded(action)[0]


def _normalized(text: str) -> str:
    """The text without what terminals, logs, JSON, HTML and Markdown add to a message."""
    if "&" in text:
        text = html.unescape(text)
    if "\\u" in text:
        text = _UNICODE_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)
    for pattern, by in _FIXES:
        text = pattern.sub(by, text)
    return text


class _Place(NamedTuple):
    """A place in a text, and the denial that it names."""

    start: int
    end: int
    denial: Denial


class _Spans:
    """The parts of a text that are read already. They do not overlap."""

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._spans = sorted(spans)

    def add(self, start: int, end: int) -> None:
        insort(self._spans, (start, end))

    def overlap(self, start: int, end: int) -> bool:
        """Whether a part of the text is read already."""
        after = bisect_left(self._spans, (end,))
        return after > 0 and self._spans[after - 1][1] > start


def _sentences(text: str) -> Iterator[_Place]:
    """The sentences of AWS's services."""
    performs = list(_PERFORM.finditer(text))
    last_end = 0
    for perform, following in zip_longest(performs, performs[1:]):
        after = _AFTER.match(text, perform.end())
        if after is None:
            continue
        start = max(0, perform.start() - NEAR)
        before = _BEFORE.search(text[start : perform.start()])
        reason = _REASON.match(text, after.end())
        end = reason.end() if reason else after.end()
        encoded = _ENCODED_AFTER.match(text, end)
        if encoded and _PERFORM.search(text, end, encoded.end()):
            encoded = None
        resource = after["quoted"] or after["single"] or _trimmed(after["plain"])
        denial = Denial(
            action=canonical(after["action"]),
            resource=" ".join(resource.split()) if resource else None,
            caller=caller_of(before["caller"]) if before else Caller(),
            encoded=encoded["encoded"] if encoded else None,
        )
        place = _Place(
            start + before.start() if before else perform.start(),
            encoded.end() if encoded else end,
            _with_reason(denial, reason) if reason else denial,
        )
        if denial.is_of_key:
            # What belongs to another message does not name the operation of this one.
            words = text[max(last_end, place.start - NEAR) : place.start]
            rest = text[place.end : following.start() if following else len(text)]
            place = place._replace(denial=place.denial.with_use(use_in_words(words, rest)))
        yield place
        last_end = place.end


def _with_reason(denial: Denial, reason: re.Match[str]) -> Denial:
    """A denial with the policy that the reason names."""
    if reason["key"]:
        return replace(denial, kind="resource-based policy")
    if reason["public"]:
        return replace(denial, kind="S3 Block Public Access", explicit=True)
    name = reason["implicit"] or reason["explicit"]
    missing = canonical(reason["missing"]) if reason["missing"] and ":" in reason["missing"] else denial.action
    return replace(
        denial,
        kind=_policy_kind(name) if name else None,
        explicit=not reason["implicit"],
        policy=reason["policy"].rstrip(".:") if reason["policy"] else None,
        missing_action=missing if missing != denial.action else None,
    )


def _policy_kind(words: str) -> str:
    """The kind of a policy as :data:`POLICY_OWNERS` writes it."""
    kind = " ".join(words.lower().split()).replace("policies", "policy").replace("boundaries", "boundary")
    return kind.replace("vpc", "VPC").replace("y based", "y-based").replace("e based", "e-based")


def _trimmed(resource: str | None) -> str | None:
    """A resource without the punctuation of its sentence."""
    if not resource:
        return None
    resource = resource.split("</")[0].rstrip(".!?\\")
    if not resource.endswith("log-stream:"):  # the ARN of a log group's streams ends with a colon
        resource = resource.rstrip(":")
    for opening, closing in ("()", "[]", "{}", "<>"):
        while resource.endswith(closing) and resource.count(closing) > resource.count(opening):
            resource = resource[:-1].rstrip(".\\")
    return resource or None


def _operations(text: str, spans: _Spans) -> Iterator[_Place]:
    """Refused operations whose message names neither the caller nor the resource."""
    for match in _OPERATION.finditer(text):
        action = _action_of_operation(match)
        encoded = _ENCODED_AFTER.match(text, match.end())
        end = encoded.end() if encoded else match.end()
        if (action or encoded) and not spans.overlap(match.start(), end):
            spans.add(match.start(), end)
            resource = _object_before(text, match.start()) if action and action.startswith("s3:") else None
            yield _Place(match.start(), end, Denial(action, resource, encoded=encoded["encoded"] if encoded else None))


def _encoded(text: str, spans: _Spans) -> Iterator[_Place]:
    """Encoded messages with no action before them."""
    for match in _ENCODED.finditer(text):
        if not spans.overlap(match.start(), match.end()):
            yield _Place(match.start(), match.end(), Denial(encoded=match["encoded"]))


def _action_of_operation(match: re.Match[str]) -> str | None:
    if match["full"]:
        return canonical(match["full"])
    if match["service"]:
        action = action_of(match["service"].strip(), match["named"])
    else:
        # Only EC2 and S3 word their refusals so, and the message does not name the service.
        action = action_of("ec2" if match["code"] == "UnauthorizedOperation" else "s3", match["operation"])
    return action if is_known(action) else None


def _object_before(text: str, position: int) -> str | None:
    """The S3 object that the words before an error name, on the same line."""
    line = text[max(0, position - NEAR) : position].rpartition("\n")[2]
    objects = _S3_OBJECT.findall(line)
    return objects[-1] if objects else None


def _lines(text: str) -> Iterator[_Place]:
    """The known log lines."""
    lowered = text.lower()
    spans = _Spans()
    for line in LOG_LINES:
        if line.keyword.lower() not in lowered:
            continue
        for match in line.pattern.finditer(text):
            if not spans.overlap(match.start(), match.end()):
                spans.add(match.start(), match.end())
                resource = match["object"] if "object" in line.pattern.groupindex else None
                yield _Place(
                    match.start(),
                    match.end(),
                    Denial(line.action, resource, line=line.name, options=line.options or None),
                )


def _with_line(denial: Denial, line: Denial) -> Denial:
    """A denial with the known log line that says what it is about."""
    return replace(denial, line=line.line, options=denial.options if line.options is None else line.options)


def _is_about(line: _Place, message: _Place) -> bool:
    return (
        message.start - line.end <= NEAR
        and line.denial.action is not None
        and (line.denial.action == message.denial.needed)
    )
