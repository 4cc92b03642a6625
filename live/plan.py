"""What a run creates, and what it costs at most."""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import yaml

from generators.option_sets import EVERYTHING
from sandbox.workspace import ROOT
from ssm_profile.options import camel_case
from ssm_profile.policy import Options
from ssm_profile.regions import PATCH_BUCKET_SUFFIXES, Location
from ssm_profile.stack_config import PROJECT, parse_config

from .account import masked_account

PREFIX = "ssm-profile-live"
IAM_PATH = f"/{PREFIX}/"
"""The path of every role and instance profile of a run."""

PARAMETER_PATH = f"/live/{PREFIX}/"
"""What the names of the parameters of all runs begin with. A name cannot begin with ssm."""

RUN_ID = re.compile(r"r[0-9a-f]{8}")
"""The form of the ID of a run. With the letter it is text in YAML too: 12345678 and 123456e7 would be numbers."""

PROFILES = ("dev", "prod", "everything")
"""The stacks that a run deploys."""

LEFT_OUT = {"vpc_endpoints_only": "the subnet need not have VPC endpoints"}
"""The options that the stack everything does not set, and why."""

HOURS_A_MONTH = 730
DISK_GIB = 8
PRICES = {"t3.micro": 0.0104, "public IPv4 address": 0.005, "gp3 GiB a month": 0.08, "KMS key a month": 1.0}
"""US dollars an hour if nothing else is said, in us-east-1, as published in October 2026.

Sources: https://aws.amazon.com/ec2/pricing/on-demand/, https://aws.amazon.com/vpc/pricing/,
https://aws.amazon.com/ebs/pricing/ and https://aws.amazon.com/kms/pricing/
"""
SMALL_CHANGE = 0.05
"""US dollars for some megabytes and some hundred requests of S3, CloudWatch Logs and KMS: far less than this."""


def new_run_id() -> str:
    """A random ID of a run."""
    return f"r{secrets.token_hex(4)}"


@dataclass(frozen=True)
class Names:
    """The names of what a run creates."""

    run: str
    """The ID of the run, in the form of :data:`RUN_ID`."""

    @property
    def base(self) -> str:
        """What most names begin with."""
        return f"{PREFIX}-{self.run}"

    @property
    def bucket(self) -> str:
        """The bucket for logs. Its owner owns every object: AWS's default since 2023."""
        return f"{self.base}-logs"

    @property
    def acl_bucket(self) -> str:
        """The bucket with ACLs, for the question about s3:PutObjectAcl."""
        return f"{self.base}-acl"

    @property
    def log_group(self) -> str:
        """The log group for session logs."""
        return f"/{PREFIX}/{self.run}"

    @property
    def parameters(self) -> str:
        """The path of the parameters that the stack everything may read."""
        return f"{PARAMETER_PATH}{self.run}/inside"

    @property
    def outside(self) -> str:
        """A parameter that no stack may read. Its name begins like the path."""
        return f"{PARAMETER_PATH}{self.run}/inside-not"

    def session_document(self, kind: str) -> str:
        """The document of sessions that are "plain" or "logged"."""
        return f"{self.base}-{kind}"


LOG_PREFIX = "sessions"

KEYS = ("sessions", "data")
"""The KMS keys of a run. Sessions have one of their own: its grant would hide those for parameters and logs."""


def options_of(profile: str, names: Names, keys: Mapping[str, str], location: Location) -> Options:
    """The options of a stack.

    Args:
        profile: One of :data:`PROFILES`.
        names: The names of the run.
        keys: The ARNs of the KMS keys of the run, by :data:`KEYS`.
        location: Where it is deployed.
    """
    if profile != "everything":
        config = yaml.safe_load((ROOT / f"Pulumi.{profile}.yaml").read_text())["config"]
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
        options, _ = parse_config(texts, PROJECT)
        options.pop("protect", None)
        return options
    options = {name: value for name, value in EVERYTHING.items() if name not in LEFT_OUT}
    if location["region"] not in PATCH_BUCKET_SUFFIXES:
        options.pop("managed_buckets", None)
    return options | {
        "parameters": {"paths": [names.parameters], "recursive": True, "kms_key_arn": keys["data"]},
        "session_kms_key_arn": keys["sessions"],
        "session_logs": {
            "bucket": names.bucket,
            "prefix": LOG_PREFIX,
            "kms_key_arn": keys["data"],
            "log_group": names.log_group,
        },
    }


def stack_config(options: Options, names: Names, location: Location) -> dict[str, Any]:
    """The config that a stack gets in addition to that of its file, or instead of it."""
    keys = {f"{PROJECT}:{camel_case(name)}": _camel_keys(value) for name, value in options.items()}
    return keys | {
        f"{PROJECT}:path": IAM_PATH,
        f"{PROJECT}:protect": False,
        "aws:region": location["region"],
        "aws:allowedAccountIds": [location["account"]],
        "aws:defaultTags": {"tags": {PREFIX: names.run}},
    }


def _camel_keys(value: Any) -> Any:
    """A map with the names of its keys in stack config, also in a list of maps."""
    if isinstance(value, list):
        return [_camel_keys(entry) for entry in cast("list[Any]", value)]
    return {camel_case(key): entry for key, entry in value.items()} if isinstance(value, Mapping) else value


def cost(instances: int, hours: float) -> float:
    """The most that a run costs, in US dollars."""
    instance = PRICES["t3.micro"] + PRICES["public IPv4 address"] + DISK_GIB * PRICES["gp3 GiB a month"] / HOURS_A_MONTH
    return hours * (instances * instance + len(KEYS) * PRICES["KMS key a month"] / HOURS_A_MONTH) + SMALL_CHANGE


def description(names: Names, location: Location, minutes: int) -> str:
    """What a run creates, where, and what it costs, for the person who confirms it."""
    instances = len(PROFILES) + 1
    return f"""\
Account {masked_account(location["account"])}, region {location["region"]}, run {names.run}

This creates, with the tag {PREFIX}={names.run}:
  - {len(PROFILES) + 2} roles and {instances} instance profiles under the path {IAM_PATH}
  - {instances} instances (t3.micro, {DISK_GIB} GiB gp3, no inbound traffic) and a security group
  - 2 buckets, a log group, 3 parameters, 2 session documents, an association, and 2 KMS keys

After {minutes} minutes at the latest, all of it is deleted. KMS deletes the keys seven days later, at no cost. Each
instance also terminates itself, for the case that this process is killed.

Cost: at most {cost(instances, minutes / 60):.2f} USD. This assumes {instances} instances with a public IPv4 address for
{minutes} minutes at the prices of us-east-1 of October 2026; other regions differ."""
