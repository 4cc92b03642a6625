"""Where options and policies come from: a stack's files, flags, AWS's policies by name, files, standard input."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from ssm_profile.catalogue import PATCH_BUCKET_SUFFIXES
from ssm_profile.policy import LIMITS, Options, lookups, policy_document, unknown_buckets
from ssm_profile.settings import PROTECT, parse_config

from .evaluator import InputError, Policy, Statement, read_statements, statements_of

STDIN = "-"
LONGEST_FILE = 10_000_000
"""The longest file that is read, in bytes."""


@dataclass(frozen=True)
class AwsPolicy:
    """A frozen copy of a policy of AWS's own."""

    name: str
    version: str
    created: str
    """When AWS made this version, as AWS has it."""
    document: Mapping[str, Any]

    @property
    def policy(self) -> Policy:
        """What it says."""
        return Policy(self.label, statements_of(self.document, self.name))

    @property
    def label(self) -> str:
        """Its name with its version and the day of it."""
        return f"{self.name} ({self.version} of {self.created[:10]})"


@dataclass(frozen=True)
class Configured:
    """Options, and where they would be deployed."""

    name: str
    options: Options
    location: Mapping[str, str]
    """Partition, region and account; what is not known is ``<region>`` and the like."""

    @property
    def document(self) -> dict[str, Any]:
        """The policy document."""
        return policy_document(self.options, self.location)

    @property
    def policy(self) -> Policy:
        """What it says."""
        return Policy(self.name, statements_of(self.document, self.name))

    @property
    def limit(self) -> int:
        """How many characters IAM allows."""
        return LIMITS[self.options.get("policy_kind", "inline")]


@cache
def aws_policies() -> dict[str, AwsPolicy]:
    """AWS's own policies, by name, in the order of their names."""
    folder = files("ssm_profile.cli").joinpath("aws_policies")
    read = [json.loads(file.read_text()) for file in folder.iterdir() if file.name.endswith(".json")]
    copies = [AwsPolicy(each["name"], each["version"], each["created"], each["document"]) for each in read]
    return {copy.name: copy for copy in sorted(copies, key=lambda copy: copy.name)}


def configured(name: str, options: Options, region: str | None) -> Configured:
    """Options that are to be deployed in a region, or nowhere in particular.

    Raises:
        InputError: If an option needs a region that is not known.
    """
    if options.get("managed_buckets"):
        if region is None:
            raise InputError(
                "managed_buckets: found no region, of which the names of the buckets depend; "
                "allowed: a stack with aws:region, or --region"
            )
        if region not in PATCH_BUCKET_SUFFIXES:
            raise InputError(f"managed_buckets: {unknown_buckets(region)}")
    location = {key: f"<{key}>" for key in lookups(options)}
    if region is not None:
        known = {"partition": _partition(region), "region": region}
        location |= {key: known[key] for key in known if key in location or key == "region"}
    return Configured(name, options, location)


def stack_config(stack: str, folder: Path) -> tuple[dict[str, Any], str | None]:
    """The options that a stack's files ask for, and the stack's region if it names one.

    Args:
        stack: The name of the stack, as in ``Pulumi.<stack>.yaml``.
        folder: Where Pulumi.yaml is.

    Raises:
        InputError: If a file is missing or cannot be used; the text has a line for each mistake.
    """
    project = _yaml(folder / "Pulumi.yaml")
    stacks = folder / str(project.get("stackConfigDir", "."))
    file = stacks / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        there = ", ".join(sorted(each.name.removeprefix("Pulumi.")[:-5] for each in stacks.glob("Pulumi.*.yaml")))
        raise InputError(f"--stack: found no file {file}; allowed: {there or 'none, there is no Pulumi.STACK.yaml'}")
    project_name = str(project.get("name", ""))
    declared = {
        key if ":" in key else f"{project_name}:{key}": spec.get("value", spec.get("default"))
        if isinstance(spec, Mapping)
        else spec
        for key, spec in _map(project, "config", "Pulumi.yaml").items()
    }
    config = {key: value for key, value in declared.items() if value is not None} | _map(
        _yaml(file), "config", file.name
    )
    if encrypted := [key for key, value in config.items() if _is_encrypted(value)]:
        raise InputError(
            f"{file.name}: found encrypted values of {', '.join(encrypted)}, which only Pulumi can read; "
            "allowed: values in plain text; leave --stack out and give the options as flags"
        )
    texts = {key: value if isinstance(value, str) else json.dumps(value, default=str) for key, value in config.items()}
    options, mistakes = parse_config(texts, project_name)
    if mistakes:
        raise InputError("\n".join([f"{file.name} cannot be used:", *(f"  {mistake}" for mistake in mistakes)]))
    options.pop(PROTECT, None)
    return options, texts.get("aws:region")


def policy_from(source: str) -> Policy:
    """The policy of a name, a file or standard input.

    Args:
        source: The name of one of :func:`aws_policies`, the path of a file, or ``-``.

    Raises:
        InputError: If there is no such thing, or it is no policy.
    """
    if source in aws_policies():
        return aws_policies()[source].policy
    if source != STDIN and not Path(source).exists():
        raise InputError(
            f"{source}: found neither a file nor a policy of that name; allowed: a file, - for standard input, or one "
            f"of {', '.join(aws_policies())}"
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
            raise InputError(f"{name}: found more than {LONGEST_FILE:,} bytes; allowed: up to that")
        return content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: found something that cannot be read ({error}); allowed: a text in UTF-8") from None


def identified(statements: tuple[Statement, ...]) -> AwsPolicy | None:
    """The policy of AWS's own that says the same, if one does."""

    def said(each: tuple[Statement, ...]) -> set[Any]:
        return {(frozenset(one.actions), frozenset(one.resources), one.allows, bool(one.condition)) for one in each}

    return next((copy for copy in aws_policies().values() if said(copy.policy.statements) == said(statements)), None)


def _partition(region: str) -> str:
    from botocore.session import Session  # noqa: PLC0415 - costly, and only needed for a region

    try:
        return Session().get_partition_for_region(region)
    except Exception:  # noqa: BLE001 - botocore's own error for a region that it does not know
        raise InputError(f"region: found {region!r}, which is none of AWS's; allowed: such as eu-central-1") from None


def _yaml(file: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(read_text(str(file)))
    except yaml.YAMLError as error:
        raise InputError(f"{file}: found text that is not YAML ({error}); allowed: a file of Pulumi's") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InputError(f"{file}: found no keys in it; allowed: a file of Pulumi's")
    return found


def _map(document: Mapping[str, Any], key: str, name: str) -> dict[str, Any]:
    found = document.get(key) or {}
    if not isinstance(found, dict):
        raise InputError(f"{name}: found {json.dumps(found, default=str)} as its {key}; allowed: keys with values")
    return found


def _is_encrypted(value: Any) -> bool:
    if isinstance(value, Mapping):
        entries = value
        return set(entries) == {"secure"} or any(map(_is_encrypted, entries.values()))
    return isinstance(value, list) and any(map(_is_encrypted, value))
