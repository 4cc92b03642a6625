"""What a KMS key was used for, which decides the option: from the operation or from the encryption context."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NEAR = 500
"""How many characters before a message can say what the message is about."""

_AFTER = 300
"""How many characters after a message can name the operation."""

_PARAMETERS = ("parameters",)
_SESSION = ("session_kms_key_arn",)
_LOGS = ("session_logs",)
_READ = ("read_buckets",)

_OPERATIONS = {
    **dict.fromkeys(("GetParameter", "GetParameters", "GetParametersByPath", "GetParameterHistory"), _PARAMETERS),
    **dict.fromkeys(("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"), _LOGS),
    "GetObject": _READ,
    "Decrypt": _SESSION,
}
"""The operations that use a key, and the options for them. No option is for another operation."""

_SERVICES = {
    **dict.fromkeys(("ssm", "simplesystemsmanagement", "awssimplesystemsmanagement"), ("Systems Manager", _PARAMETERS)),
    **dict.fromkeys(("s3", "amazons3"), ("S3", (*_LOGS, *_READ))),
    **dict.fromkeys(("kms", "keymanagementservice"), ("KMS", _SESSION)),
}
"""The services whose operations use a key, as the exceptions of SDKs write them, and the options for them."""

_CONTEXTS = {"PARAMETER_ARN": _PARAMETERS, "aws:ssm:SessionId": _SESSION, "aws:s3:arn": (*_LOGS, *_READ)}
"""The keys of encryption contexts, and the options for them.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html
"""

_BEFORE = re.compile(
    r"""
    (?: when\s+calling\s+the\s+['"]?(?P<boto>\w+)['"]?\s+operation(?:\s+\([^()\n]{0,60}\))?:
      | operation\s+error\s+[\w ]{1,60}:\s+(?P<go>\w+)\b(?:(?!operation\s+error).){0,400}:
      | Error\s+executing\s+"(?P<php>\w+)"\s+on\s+"https?://[^"\s]+"(?:(?!Error\s+executing).){0,400}
      | error\s+details\s+-\s+(?P<agent>\w+)\s+Error:\s+\w+:
      | (?P<terraform>(?:reading|describing|getting)\s+SSM\s+parameters?|putting\s+object\s+in\s+S3\s+bucket)
        \s+\([^()\n]{1,300}\):\s+\w+:
      | \.services\.(?P<java>\w+)\.model\.\w+Exception:
      | \bAmazon\.(?P<dotnet>\w+)\.\w+Exception:
    )
    [\s"']*\Z
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
"""The words directly before a message, as the AWS CLI, SDKs and tools write them."""

_AFTERWARDS = re.compile(
    r"""
    \b(?:deserializeAws_(?:json1_\d|restJson1|restXml|query|ec2)|de_)(?P<javascript>[A-Z]\w+?)CommandError
    | \(Aws::(?P<ruby>\w+)::Errors::
    | \(Service:\s+(?P<java>Ssm|S3|Amazon\ S3|AWSSimpleSystemsManagement)[,;]
    """,
    re.VERBOSE,
)
"""The words after a message. Java names KMS there, too, whichever service used the key."""

_CALLER = re.compile(r"User:?\s+\S*\s+is\s+\Z", re.IGNORECASE)


@dataclass(frozen=True)
class KeyUse:
    """The use of a key."""

    options: tuple[str, ...]
    """The options for this use. Empty if no option is for it."""
    summary: str | None = None
    """What used the key, as a sentence in Markdown."""


def use_in_words(before: str, after: str) -> KeyUse | None:
    """The use that the words around a message name. None if they name none.

    Args:
        before: The text before the message.
        after: The text after the message.
    """
    found = _BEFORE.search(_CALLER.sub("", before[-NEAR:])) or _AFTERWARDS.search(after[:_AFTER])
    if not found:
        return None
    names = {form: name for form, name in found.groupdict().items() if name}
    ((form, name),) = names.items()
    if form in ("java", "dotnet", "ruby"):
        return _use_by_service(name)
    if form == "terraform":
        return use_by_operation("PutObject" if name.lower().startswith("putting") else "GetParameter")
    return use_by_operation(name)


def use_by_operation(operation: str) -> KeyUse:
    """The use by an operation of an API, for example ``GetParameter``."""
    options = _OPERATIONS.get(operation, ())
    return KeyUse(options, _summary(f"`{operation}`", options))


def use_in_context(context: Mapping[str, Any]) -> KeyUse | None:
    """The use that an encryption context says. None for an empty one."""
    if not context:
        return None
    options = tuple(option for key, each in _CONTEXTS.items() if key in context for option in each)
    keys = ", ".join(f"`{key}`" for key in context)
    return KeyUse(options, None if options else f"The encryption context of the call has the keys {keys}.")


def _use_by_service(name: str) -> KeyUse:
    service, options = _SERVICES.get(name.replace(" ", "").lower(), (f"`{name}`", ()))
    summary = _summary(service, options)
    if options == (*_LOGS, *_READ):
        summary += " The message does not say whether it was an upload or a download."
    return KeyUse(options, summary)


def _summary(user: str, options: tuple[str, ...]) -> str:
    if options == _SESSION:
        return (
            "The caller used KMS itself. The agent does so for an encrypted session, and the option is for that only."
        )
    return f"{user} used the key."
