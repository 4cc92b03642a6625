"""Reads options from the files of a stack, and policies by name, from files and from standard input."""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from ssm_profile.errors import InputError, OptionsError
from ssm_profile.iam.documents import Statement, statements_of
from ssm_profile.iam.evaluator import Policy
from ssm_profile.options import OPTIONS, POLICY_SIZE_LIMITS
from ssm_profile.policy import Options, lookups, policy_document
from ssm_profile.regions import REGION_PATTERN, Location, partition_of
from ssm_profile.stack_config import PROTECT, parse_config
from ssm_profile.validation import Label, find_bucket_mistakes

from .evaluator import read_statements

STDIN = "-"
LONGEST_FILE = 10_000_000
"""The longest file that is read, in bytes."""


@dataclass(frozen=True)
class AwsPolicy:
    """A frozen copy of an AWS managed policy."""

    name: str
    version: str
    created: str
    """When AWS created this version, in ISO 8601."""
    document: Mapping[str, Any]

    @property
    def policy(self) -> Policy:
        """The policy with its statements."""
        return Policy(self.label, statements_of(self.document, self.name))

    @property
    def label(self) -> str:
        """The name with the version and its date."""
        return f"{self.name} ({self.version} of {self.created[:10]})"


@dataclass(frozen=True)
class Configured:
    """Options, and the location of their deployment."""

    name: str
    options: Options
    location: Location
    """Partition, region and account. A field that is not known is a placeholder such as ``<region>``."""

    @property
    def document(self) -> dict[str, Any]:
        """The policy document."""
        return policy_document(self.options, self.location)

    @property
    def policy(self) -> Policy:
        """The policy with its statements."""
        return Policy(self.name, statements_of(self.document, self.name))

    @property
    def limit(self) -> int:
        """How many characters IAM allows."""
        return POLICY_SIZE_LIMITS[self.options.get("policy_kind", OPTIONS["policy_kind"].default)]


@cache
def aws_policies() -> dict[str, AwsPolicy]:
    """The frozen copies of AWS managed policies, by name, sorted."""
    folder = files("ssm_profile.cli").joinpath("aws_policies")
    read = [json.loads(file.read_text(encoding="utf-8")) for file in folder.iterdir() if file.name.endswith(".json")]
    copies = [AwsPolicy(each["name"], each["version"], each["created"], each["document"]) for each in read]
    return {copy.name: copy for copy in sorted(copies, key=lambda copy: copy.name)}


def configured(name: str, options: Options, region: str | None, label: Label = str) -> Configured:
    """The options with the location that is known: a region, or none.

    Args:
        name: What the options are, for reports.
        options: Valid options.
        region: The region of the deployment, if it is known.
        label: Writes the path of an option as the caller writes it.

    Raises:
        InputError: If the region is not one, or if an option needs a region that is not given.
    """
    if region is not None and not re.fullmatch(REGION_PATTERN, region):
        raise InputError(f"{region!r} is not the name of an AWS region. Pass a name such as eu-central-1.")
    if options.get("managed_buckets"):
        if region is None:
            raise InputError(
                f"`{label('managed_buckets')}` requires a region, since the names of the buckets depend on it. "
                "Pass --region, or --stack for a stack with aws:region."
            )
        if mistakes := find_bucket_mistakes(region, label):
            raise InputError(str(OptionsError(mistakes)))
    location = {field: f"<{field}>" for field in lookups(options)}
    if region is not None:
        known = {"partition": partition_of(region), "region": region}
        location |= {field: known[field] for field in known if field in location or field == "region"}
    return Configured(name, options, location)


def stack_config(stack: str, folder: Path) -> tuple[dict[str, Any], str | None]:
    """The options in the files of a stack, and its region if it has one.

    Args:
        stack: The name of the stack, as in ``Pulumi.<stack>.yaml``.
        folder: Where Pulumi.yaml is.

    Raises:
        InputError: If a file is missing or not valid. The text has a line for each mistake.
    """
    if not (folder / "Pulumi.yaml").is_file():
        raise InputError(f"There is no Pulumi.yaml in {folder.resolve()}. Pass the folder of the project with --cwd.")
    project = _yaml(folder / "Pulumi.yaml")
    stacks_folder = folder / str(project.get("stackConfigDir", "."))
    file = stacks_folder / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        stacks = ", ".join(
            sorted(each.name.removeprefix("Pulumi.")[:-5] for each in stacks_folder.glob("Pulumi.*.yaml"))
        )
        existing = f"The stacks are {stacks}" if stacks else "There is no Pulumi.STACK.yaml"
        raise InputError(f"--stack {stack}: the file {file} does not exist. {existing}.")
    project_name = str(project.get("name", ""))
    config = _defaults(project, project_name) | {
        _with_project(key, project_name): value for key, value in _map(_yaml(file), "config", file.name).items()
    }
    if encrypted := [key for key, value in config.items() if _is_encrypted(value)]:
        raise InputError(
            f"{file.name}: the values of {', '.join(encrypted)} are encrypted, and only Pulumi can read them. "
            "Leave out --stack and pass the options as flags."
        )
    strings = {
        key: value if isinstance(value, str) else json.dumps(value, default=str) for key, value in config.items()
    }
    options, mistakes = parse_config(strings, project_name)
    if mistakes:
        raise InputError("\n".join([f"{file.name} is not valid:", *(f"  {mistake}" for mistake in mistakes)]))
    options.pop(PROTECT, None)
    return options, strings.get("aws:region")


def policy_from(source: str) -> Policy:
    """The policy that a name, a file or standard input holds.

    Args:
        source: The name of one of :func:`aws_policies`, the path of a file, or ``-``.

    Raises:
        InputError: If it does not exist, or if it is not a policy.
    """
    if source in aws_policies():
        return aws_policies()[source].policy
    if source != STDIN and not Path(source).exists():
        raise InputError(
            f"{source} is neither a file nor one of the AWS managed policies {', '.join(aws_policies())}. "
            "Pass one of them, a file, or - for standard input."
        )
    name = "standard input" if source == STDIN else source
    return Policy(name, read_statements(read_text(source), name))


def read_text(source: str) -> str:
    """The text of a file or of standard input.

    Raises:
        InputError: If it cannot be read.
    """
    name = "standard input" if source == STDIN else source
    try:
        with sys.stdin.buffer if source == STDIN else Path(source).open("rb") as file:
            content = file.read(LONGEST_FILE + 1)
        if len(content) > LONGEST_FILE:
            raise InputError(f"{name} has more than {LONGEST_FILE:,} bytes, the most that is read.")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text: {error}. Save it as UTF-8.") from None
    except OSError as error:
        raise InputError(
            f"{name} cannot be read: {error.strerror}. Pass an existing file, or - for standard input."
        ) from None


def same_aws_policy(statements: tuple[Statement, ...]) -> AwsPolicy | None:
    """The AWS managed policy that has the same statements, if there is one."""
    contents = _contents(statements)
    return next((copy for name, copy in aws_policies().items() if _aws_contents()[name] == contents), None)


@cache
def _aws_contents() -> dict[str, set[Any]]:
    return {name: _contents(copy.policy.statements) for name, copy in aws_policies().items()}


def _contents(statements: tuple[Statement, ...]) -> set[Any]:
    return {(frozenset(one.actions), frozenset(one.resources), one.allows, bool(one.condition)) for one in statements}


def _defaults(project: Mapping[str, Any], project_name: str) -> dict[str, Any]:
    """The values that Pulumi.yaml declares for all stacks."""
    declared = {
        _with_project(key, project_name): spec.get("value", spec.get("default")) if isinstance(spec, Mapping) else spec
        for key, spec in _map(project, "config", "Pulumi.yaml").items()
    }
    return {key: value for key, value in declared.items() if value is not None}


def _with_project(key: str, project_name: str) -> str:
    """A config key. Pulumi takes a key without a namespace as the project's own."""
    return key if ":" in key else f"{project_name}:{key}"


def _yaml(file: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(read_text(str(file)))
    except yaml.YAMLError as error:
        raise InputError(f"{file} is not YAML: {error}.") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise InputError(f"{file} must be a YAML map with keys, as Pulumi writes it.")
    return document


def _map(document: Mapping[str, Any], key: str, name: str) -> dict[str, Any]:
    value = document.get(key) or {}
    if not isinstance(value, dict):
        raise InputError(f"{name}: `{key}` must be a map of keys and values (got {json.dumps(value, default=str)}).")
    return value


def _is_encrypted(value: Any) -> bool:
    if isinstance(value, Mapping):
        entries = value
        return set(entries) == {"secure"} or any(map(_is_encrypted, entries.values()))
    return isinstance(value, list) and any(map(_is_encrypted, value))
