"""Reads policies by name, from files, from standard input and from options."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ssm_profile.errors import InputError, OptionsError
from ssm_profile.iam.documents import Statement, statements_of
from ssm_profile.iam.evaluator import Policy
from ssm_profile.options import OPTIONS, POLICY_SIZE_LIMITS, own_tags
from ssm_profile.policy import Options, lookups, policy_document
from ssm_profile.regions import ACCOUNT_PATTERN, LOCATION_FIELDS, PARTITIONS, REGION_PATTERN, Location, partition_of
from ssm_profile.validation import Label, find_bucket_mistakes


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
    def placeholders(self) -> list[str]:
        """The fields of the location that the document needs and that are not known."""
        return [field for field in LOCATION_FIELDS if self.location.get(field) == f"<{field}>"]

    @property
    def tags(self) -> dict[str, str]:
        """The tags on the role that the policy does not work without."""
        return own_tags(self.options)

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


def configured(name: str, options: Options, known: Location, label: Label = str) -> Configured:
    """The options with the location that is known.

    Args:
        name: What the options are, for reports.
        options: Valid options.
        known: The location of the deployment: some or none of partition, region and account.
        label: Writes the path of an option as the caller writes it.

    Raises:
        InputError: If the location is not one, or if an option needs a region that is not given.
    """
    known = complete_location(known)
    region = known.get("region")
    if options.get("managed_buckets"):
        if region is None:
            raise InputError(
                f"`{label('managed_buckets')}` requires a region, since the names of the buckets depend on it. "
                "Pass --region, or --stack for a stack with aws:region."
            )
        if mistakes := find_bucket_mistakes(region, label):
            raise InputError(str(OptionsError(mistakes)))
    placeholders = {field: f"<{field}>" for field in lookups(options)}
    location = {field: known.get(field, placeholder) for field, placeholder in placeholders.items()}
    return Configured(name, options, {"region": region, **location} if region else location)


def complete_location(known: Location) -> Location:
    """A location with the partition of its region.

    Raises:
        InputError: If a value is not a region, an account or a partition, or if region and partition contradict.
    """
    region, partition, account = (known.get(field) for field in ("region", "partition", "account"))
    if region is not None and not re.fullmatch(REGION_PATTERN, region, re.ASCII):
        raise InputError(f"{region!r} is not the name of an AWS region. Pass a name such as eu-central-1.")
    if account is not None and not re.fullmatch(ACCOUNT_PATTERN, account, re.ASCII):
        raise InputError(f"{account!r} is not the ID of an AWS account. Pass 12 digits such as 123456789012.")
    if partition is not None and partition not in PARTITIONS:
        raise InputError(f"{partition!r} is not a partition of AWS. The partitions are {', '.join(PARTITIONS)}.")
    if region is None:
        return known
    if partition not in (None, partition_of(region)):
        raise InputError(
            f"{region} is in the partition {partition_of(region)}, not in {partition}. "
            "Leave out --partition, or pass a region of that partition."
        )
    return {**known, "partition": partition_of(region)}


def same_aws_policy(statements: tuple[Statement, ...]) -> AwsPolicy | None:
    """The AWS managed policy that has the same statements, if there is one."""
    contents = _contents(statements)
    return next((copy for name, copy in aws_policies().items() if _aws_contents()[name] == contents), None)


@cache
def _aws_contents() -> dict[str, set[Any]]:
    return {name: _contents(copy.policy.statements) for name, copy in aws_policies().items()}


def _contents(statements: tuple[Statement, ...]) -> set[Any]:
    return {(frozenset(one.actions), frozenset(one.resources), one.allows, bool(one.condition)) for one in statements}
