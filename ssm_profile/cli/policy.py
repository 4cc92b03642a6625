"""``policy``: the policy document alone, for tools that take JSON."""

import json
from collections.abc import Mapping, Sequence

from ssm_profile.errors import InputError
from ssm_profile.policy import Document, size, trust_policy

from .report import code
from .sources import Configured

_FLAGS = {"partition": "--partition or --region", "region": "--region", "account": "--account"}


def permissions_document(configured: Configured) -> Document:
    """The permissions policy.

    Raises:
        InputError: If it is longer than IAM allows.
    """
    document = configured.document
    if size(document) > configured.limit:
        raise InputError(
            f"{configured.name} has {size(document):,} characters without spaces, and IAM allows {configured.limit:,}. "
            "Set fewer options, or shorten their lists."
        )
    return document


def trust_document(configured: Configured) -> Document:
    """The trust policy of the role.

    Raises:
        InputError: If the stack creates no role.
    """
    if role := configured.options.get("existing_role_name"):
        raise InputError(
            f"{configured.name} adds its policy to the existing role {role} and does not change its trust policy. "
            f"`aws iam get-role --role-name {role}` prints that."
        )
    return trust_policy(configured.options)


def format_document(document: Document) -> str:
    """A document as indented JSON."""
    return json.dumps(document, indent=2) + "\n"


def format_placeholders(fields: Sequence[str]) -> str:
    """The sentence about the placeholders in a document, with the flag that fills each."""
    filled = ", ".join(f"<{field}> with {_FLAGS[field]}" for field in fields)
    return f"The policy has placeholders. Fill {filled}."


def format_tags(tags: Mapping[str, str]) -> str:
    """The sentences about the tags that a policy does not work without. Markdown.

    Args:
        tags: The tags, at least one.
    """
    named = " and ".join(f"the tag {code(key)} with the value {code(value)}" for key, value in tags.items())
    return (
        f"The role needs {named}, for which the bucket of the patch policy asks. The component adds it to the role and "
        "the instance profile. Add it to a role that you create yourself."
    )
