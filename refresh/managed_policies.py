"""AWS managed policies, from moto, whose maintainers read them from IAM every month."""

import ast
import json
from collections.abc import Mapping
from typing import Any

from ssm_profile.errors import InputError
from ssm_profile.iam.documents import statements_of

from .source import Downloads, Package, Project, SourceError, Update, as_json, named

PATH = "moto/iam/aws_managed_policies.py"
VARIABLE = "aws_managed_policies_data"

FOLDER = "ssm_profile/cli/aws_policies"

_DOCUMENT = ("Version", "Id", "Statement")
_STATEMENT = ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")
"""The keys of documents and of statements, in the order in which AWS writes them."""

FEWEST = 1_500
"""AWS had 1,582 managed policies in September 2026. A list with fewer than this is not all of them."""


def update(downloads: Downloads, project: Project) -> Update:
    """The copies that AWS has replaced by a new default version.

    Raises:
        SourceError: If the list is too short, or if a policy is missing, empty, older than the copy, or another one
            with the same version.
        UnreachableError: If moto cannot be downloaded.
    """
    package = downloads.wheel("moto", PATH)
    published = published_policies(package)
    if len(published) < FEWEST:
        raise SourceError(f"{package.label} has {len(published):,} AWS managed policies, and had at least {FEWEST:,}.")
    files: dict[str, str] = {}
    changes: list[str] = []
    for path in sorted(path.name for path in (project.root / FOLDER).glob("*.json")):
        before = json.loads(project.read(f"{FOLDER}/{path}"))
        after = _copy(before["name"], package, published)
        if after != before:
            _refuse_older(package, before, after)
            files[f"{FOLDER}/{path}"] = as_json(after)
            changes.append(_change(before, after))
    return Update(files, tuple(changes))


def published_policies(package: Package) -> dict[str, Any]:
    """The managed policies by name, as moto keeps them: JSON in a string of a Python module.

    Raises:
        SourceError: If the module has another form.
    """
    for node in ast.parse(package.text(PATH)).body:
        if isinstance(node, ast.Assign) and [ast.unparse(each) for each in node.targets] == [VARIABLE]:
            return json.loads(ast.literal_eval(node.value))
    raise SourceError(f"{package.label} has no {VARIABLE} in {PATH}. Adapt refresh/managed_policies.py.")


def _copy(name: str, package: Package, published: Mapping[str, Any]) -> dict[str, Any]:
    if name not in published:
        raise SourceError(
            f"{package.label} lacks {name}. If AWS has deleted the policy, delete {FOLDER}/{name}.json, and run again."
        )
    policy = published[name]
    try:
        statements_of(policy["Document"], name)
    except InputError as error:
        raise SourceError(f"{package.label} has a broken policy: {error}") from error
    return {
        "name": name,
        "arn": f"arn:aws:iam::aws:policy{policy['Path']}{name}",
        "version": policy["DefaultVersionId"],
        "created": policy["UpdateDate"].replace("+00:00", "Z"),
        "document": _ordered(policy["Document"]),
    }


def _ordered(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document in AWS's order of keys. moto sorts them, and its order would hide what has changed."""
    content = document["Statement"]
    if isinstance(content, list):
        statements = [_in_order(each, _STATEMENT) for each in content]
    else:
        statements = _in_order(content, _STATEMENT)
    return _in_order({**document, "Statement": statements}, _DOCUMENT)


def _in_order(values: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: values[key] for key in (*keys, *values) if key in values}


def _refuse_older(package: Package, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """IAM numbers the versions of a policy upwards and never changes one."""
    for each in (before, after):
        if not each["version"].removeprefix("v").isdecimal():
            raise SourceError(f"{package.label}: the version of {each['name']} is {each['version']!r}, not v1, v2, ...")
    if _order(after) <= _order(before) or after["created"] <= before["created"]:
        raise SourceError(
            f"{package.label} has {_label(after)}, which does not replace the copy: {_label(before)}. Compare both, "
            "and wait for the next release if the copy is right."
        )


def _order(policy: Mapping[str, Any]) -> int:
    return int(policy["version"].removeprefix("v"))


def _label(policy: Mapping[str, Any]) -> str:
    return f"{policy['name']} {policy['version']} of {policy['created'][:10]}"


def _change(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    old, new = (_actions(each) for each in (before, after))
    parts = [f"adds {named(new - old)}"] if new - old else []
    parts += [f"removes {named(old - new)}"] if old - new else []
    parts = parts or ["has the same actions in other statements"]
    return f"{_label(after)} {' and '.join(parts)}. The copy was {before['version']}."


def _actions(policy: Mapping[str, Any]) -> set[str]:
    return {action for each in statements_of(policy["document"], policy["name"]) for action in each.actions}
