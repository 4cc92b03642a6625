"""Reads the options of a stack from Pulumi.yaml and Pulumi.STACK.yaml, as the Pulumi engine reads them.

Source: LoadProject, LoadProjectStack and mergeConfig in sdk/go/common/workspace of https://github.com/pulumi/pulumi.
tests/engine/test_stack_files.py compares this module with the engine.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssm_profile.errors import InputError
from ssm_profile.options import OPTIONS, camel_case
from ssm_profile.policy import GRANTING, Options
from ssm_profile.regions import REGION_PATTERN
from ssm_profile.stack_config import PROTECT, config_key, parse_config
from ssm_profile.validation import format_value

from .pulumi_yaml import read_yaml

REGION = "aws:region"
EXTENSIONS = (".json", ".yaml", ".yml")
"""The extensions of Pulumi's files, in the order in which Pulumi looks for them."""


@dataclass(frozen=True)
class StackOptions:
    """What the files of a stack say."""

    options: Options
    region: str | None
    """The region of the AWS provider, if the stack has one."""
    notes: tuple[str, ...]
    """Sentences about what the files contain and the options do not."""


@dataclass(frozen=True)
class Project:
    """The project that a Pulumi.yaml describes."""

    file: Path
    name: str
    stacks_folder: Path
    config: Mapping[str, Any]
    """What it declares about the config of its stacks."""

    @property
    def stacks(self) -> list[str]:
        """The names of the stacks that have a file."""
        extension = self.file.suffix
        files = self.stacks_folder.glob(f"Pulumi.*{extension}")
        return sorted(file.name.removeprefix("Pulumi.").removesuffix(extension) for file in files)

    def stack_file(self, stack: str) -> Path:
        """The file of a stack, whose name can be ``organization/project/stack``."""
        return self.stacks_folder / f"Pulumi.{stack.rpartition('/')[2]}{self.file.suffix}"

    def full_key(self, key: Any) -> str:
        """A config key with its namespace. A key without one is the project's.

        Raises:
            InputError: If Pulumi does not accept the key.
        """
        match str(key).split(":"):
            case [name]:
                return f"{self.name}:{name}"
            case [namespace, name] | [namespace, "config", name]:
                return f"{namespace}:{name}"
            case _:
                raise InputError(f"`{key}` is not a config key. Write it as `namespace:name`.")

    def defaults(self) -> dict[str, Any]:
        """The values that it declares for all stacks."""
        declared = {
            self.full_key(key): spec.get("value", spec.get("default")) if isinstance(spec, Mapping) else spec
            for key, spec in self.config.items()
        }
        return {key: value for key, value in declared.items() if value is not None}


@dataclass(frozen=True)
class StackFile:
    """The file of a stack."""

    project: Project
    file: Path
    document: Mapping[str, Any]

    @property
    def config(self) -> dict[str, str | None]:
        """The config of the stack by full keys, as Pulumi passes it to a program; None for an encrypted value.

        Raises:
            InputError: If a value is given twice, or if one is missing that the project requires.
        """
        own: dict[str, Any] = {}
        for key, value in _map(self.document, "config", self.file.name).items():
            full_key = self.project.full_key(key)
            if full_key in own:
                raise InputError(
                    f"{self.file.name}: `{full_key}` is given twice, once as `{key}`. Remove one of the two."
                )
            own[full_key] = value
        config = self.project.defaults() | own
        declared = {self.project.full_key(key) for key in self.project.config}
        missing = [key for key in sorted(declared - config.keys()) if key.startswith(f"{self.project.name}:")]
        if missing:
            raise InputError(
                f"{self.file.name} has no value for {', '.join(missing)}, "
                f"which {self.project.file.name} declares without a default. Add a value."
            )
        return {key: None if _is_encrypted(value) else _text(value) for key, value in config.items()}


def find_project(folder: Path) -> Project:
    """The project of a folder: like Pulumi, the nearest one in it or above it.

    Raises:
        InputError: If there is none, or if its Pulumi.yaml is not valid.
    """
    here = folder.resolve()
    candidates = (parent / f"Pulumi{extension}" for parent in (here, *here.parents) for extension in EXTENSIONS)
    file = next((each for each in candidates if each.is_file()), None)
    if file is None:
        raise InputError(f"There is no Pulumi.yaml in {here} or above it. Pass the folder of the project with --cwd.")
    document = read_yaml(file)
    name, config = document.get("name"), document.get("config")
    if not isinstance(name, str) or not name:
        raise InputError(f"{file} must have the name of the project as `name` (got {format_value(name)}).")
    if isinstance(config, str):  # the older form of stackConfigDir
        return Project(file, name, file.parent / config, {})
    stacks_folder = file.parent / str(document.get("stackConfigDir") or ".")
    return Project(file, name, stacks_folder, _map(document, "config", file.name))


def find_stack_file(stack: str, folder: Path) -> StackFile:
    """The file of a stack.

    Raises:
        InputError: If it is missing or not valid.
    """
    project = find_project(folder)
    file = project.stack_file(stack)
    if not file.is_file():
        stacks = f"The stacks are {', '.join(project.stacks)}" if project.stacks else "There is no Pulumi.STACK.yaml"
        raise InputError(f"--stack {stack}: the file {file} does not exist. {stacks}.")
    return StackFile(project, file, read_yaml(file))


def read_stack(stack: str, folder: Path) -> StackOptions:
    """The options in the files of a stack.

    Args:
        stack: The name of the stack, as in ``Pulumi.<stack>.yaml``.
        folder: The folder of Pulumi.yaml, or one below it.

    Raises:
        InputError: If a file is missing or not valid. The text has a line for each mistake.
    """
    stack_file = find_stack_file(stack, folder)
    project, name, config = stack_file.project.name, stack_file.file.name, stack_file.config
    known = {config_key(option, project) for option in (*OPTIONS, PROTECT)}
    if encrypted := [key for key, text in config.items() if text is None and key in {*known, REGION}]:
        raise InputError(
            f"{name}: the values of {', '.join(encrypted)} are encrypted, and only Pulumi can read them. "
            "Leave out --stack and pass the options as flags."
        )
    texts = {key: text or "" for key, text in config.items()}
    region = texts.get(REGION) or None
    if region and not re.fullmatch(REGION_PATTERN, region):
        raise InputError(f"{name}: `{REGION}` must be the name of a region, for example eu-central-1 (got {region!r}).")
    options, mistakes = parse_config(texts, project)
    if mistakes:
        lines = [
            f"the config of {name} is not valid for SsmInstanceProfile:",
            *(f"  {mistake}" for mistake in mistakes),
        ]
        if any(key.startswith(f"{project}:") for key in config.keys() - known):
            lines.append(
                "--stack reads projects whose config has no other keys than the options of SsmInstanceProfile. "
                "For other projects, pass the options as flags."
            )
        raise InputError("\n".join(lines))
    options.pop(PROTECT, None)
    return StackOptions(options, region, tuple(_notes(stack_file, config)))


def _notes(stack_file: StackFile, config: Mapping[str, Any]) -> Iterator[str]:
    name, project = stack_file.file.name, stack_file.project
    if stack_file.document.get("environment"):
        yield (
            f"{name} imports a Pulumi ESC environment, which only Pulumi can read. "
            "Options that are set there are not taken into account."
        )
    own, granting = f"{project.name}:", {camel_case(option) for option in OPTIONS if option in GRANTING}
    foreign = [key for key in config if not key.startswith(own) and key.partition(":")[2] in granting]
    if foreign:
        yield (
            f"{name}: {', '.join(foreign)} is not read, because this project is {project.name}. "
            f"Its keys begin with `{own}`."
        )
    elif not any(key.startswith(own) for key in config):
        yield (
            f"{project.file.name} and {name} set no options, so this is the default policy. "
            "--stack does not read options that a program sets in its code."
        )


def _text(value: Any) -> str:
    """A config value as Pulumi passes it to a program."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _map(document: Mapping[str, Any], key: str, name: str) -> dict[str, Any]:
    value = document.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InputError(
            f"{name}: `{key}` must be a map of keys and values (got {format_value(value)}). Write the keys below it, "
            "or remove it."
        )
    return value


def _is_encrypted(value: Any) -> bool:
    if isinstance(value, Mapping):
        is_secure = set(value) == {"secure"} and isinstance(value["secure"], str)
        return is_secure or any(map(_is_encrypted, value.values()))
    return isinstance(value, list) and any(map(_is_encrypted, value))
