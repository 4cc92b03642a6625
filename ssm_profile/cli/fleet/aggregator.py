"""Reads the roles of all accounts of an aggregator of AWS Config."""

import json
import os
from collections.abc import Iterator
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

from ssm_profile.cli.aws_client import client, readable_errors
from ssm_profile.cli.interruption import noticed_interrupt
from ssm_profile.cli.policy_files.account_details import policy_arns
from ssm_profile.cli.roles import AWS_POLICY
from ssm_profile.errors import InputError

from .account import found_in_account
from .accounts import Account, read_accounts
from .config_items import (
    POLICY_PROPERTIES,
    ROLE_PROPERTIES,
    TIME,
    Item,
    account_details,
    policy_details,
    role_details,
)
from .members import Found, Problem
from .permissions import POLICIES, SELECT, STATUS
from .progress import Progress
from .requests import SETTINGS, readable

_RECORDED = "configurationItemStatus IN ('OK', 'ResourceDiscovered')"
_LARGEST_PAGE = 100
_GONE = ("NoSuchEntity", "NoSuchEntityException")


def read_aggregator(name: str, progress: Progress) -> Iterator[Found]:
    """The roles that the accounts of an aggregator record. Ctrl-C ends the reading.

    Args:
        name: The name of the aggregator.
        progress: Counts the accounts.

    Raises:
        InputError: If there is no such aggregator, if it cannot be read, or if it has no roles.
    """
    aggregator = _Aggregator(name)
    accounts = aggregator.accounts()
    with noticed_interrupt() as interrupt:
        yield from read_accounts(accounts, aggregator.found, interrupt, progress)
    if aggregator.policies.refusal:
        yield Problem("policies of AWS", aggregator.policies.refusal)
    if not interrupt.happened:
        yield from aggregator.problems()


class _Aggregator:
    """An aggregator. Several threads can read its accounts."""

    def __init__(self, name: str) -> None:
        self._name = name
        with readable_errors("--config-aggregator", (SELECT,)):
            # boto3 does not read AWS_REGION, which the AWS CLI prefers.
            self._config = client("config", os.environ.get("AWS_REGION"), SETTINGS)
            self.policies = _AwsPolicies(client("iam", config=SETTINGS))

    def accounts(self) -> list[Account]:
        """The accounts that record roles.

        Raises:
            InputError: If there are none, or if they cannot be read.
        """
        query = f"SELECT accountId, COUNT(*) WHERE resourceType = 'AWS::IAM::Role' AND {_RECORDED} GROUP BY accountId"
        try:
            with readable_errors("--config-aggregator", (SELECT,)):
                ids = sorted({json.loads(row)["accountId"] for row in self._rows(query)})
        except InputError as error:
            cause = error.__context__
            if isinstance(cause, ClientError) and "NoSuchConfigurationAggregator" in cause.response["Error"]["Code"]:
                region = self._config.meta.region_name
                raise InputError(
                    f"--config-aggregator: AWS Config has no aggregator {self._name} in {region}. Check the name, the "
                    "account of your credentials, and AWS_REGION, which is the Region of the aggregator."
                ) from None
            raise
        if not ids:
            raise InputError(
                f"--config-aggregator: {self._name} has no roles. AWS Config must record AWS::IAM::Role in one Region "
                "of each account, and the aggregator must collect from this Region."
            )
        return [Account(each) for each in ids]

    def found(self, account: Account) -> list[Found]:
        """The roles of an account."""
        try:
            with readable(f"The identity of your credentials must have the permission {SELECT}."):
                roles = role_details(
                    self._items("Role", account, *_configurations(ROLE_PROPERTIES)),
                    self._profiles(account),
                )
                policies = policy_details(self._items("Policy", account, *_configurations(POLICY_PROPERTIES)))
        except InputError as error:
            return [Problem(account.place, str(error))]
        whole = [each for each in roles if not isinstance(each, Problem)]
        of_aws = {arn for role in whole for arn in policy_arns(role) if AWS_POLICY in arn}
        details = account_details(whole, [*policies, *self.policies.details(of_aws)])
        return [*(each for each in roles if isinstance(each, Problem)), *found_in_account(details, account.place)]

    def problems(self) -> Iterator[Problem]:
        """What is missing or old in the aggregator, as far as Config says so."""
        place = f"aggregator {self._name}"
        try:
            with readable(f"Without the permission {STATUS}, it is not known whether its data is complete."):
                pages = self._config.get_paginator("describe_configuration_aggregator_sources_status").paginate(
                    ConfigurationAggregatorName=self._name, UpdateStatus=["FAILED", "OUTDATED"]
                )
                sources = [each for page in pages for each in page["AggregatedSourceStatusList"]]
        except InputError as error:
            yield Problem(place, str(error))
            return
        regions = dict[tuple[str, ...], list[str]]()
        for each in sources:
            key = (each["SourceId"], each["LastUpdateStatus"], each.get("LastErrorMessage", ""))
            regions.setdefault(key, []).append(each.get("AwsRegion", ""))
        for (source, status, message), names in regions.items():
            what = "is old" if status == "OUTDATED" else "could not be collected"
            reason = f" ({message})" if message else ""
            yield Problem(source, f"Its data in {place} {what} in {', '.join(sorted(names))}{reason}.")

    def _profiles(self, account: Account) -> list[Item]:
        try:
            return list(self._items("InstanceProfile", account, "configuration"))
        except ClientError as error:
            # AWS does not list this type among those that queries support.
            if error.response["Error"]["Code"] != "InvalidExpressionException":
                raise
            return []

    def _items(self, kind: str, account: Account, *properties: str) -> Iterator[Item]:
        """What an account records of a kind of resource."""
        return map(
            _item,
            self._rows(
                f"SELECT {', '.join((TIME, *properties))} WHERE resourceType = 'AWS::IAM::{kind}' "
                f"AND accountId = '{account.id}' AND {_RECORDED}"
            ),
        )

    def _rows(self, query: str) -> Iterator[str]:
        pages = self._config.get_paginator("select_aggregate_resource_config").paginate(
            ConfigurationAggregatorName=self._name, Expression=query, PaginationConfig={"PageSize": _LARGEST_PAGE}
        )
        for page in pages:
            yield from page["Results"]


class _AwsPolicies:
    """The policies of AWS, each read once. Several threads can use them."""

    def __init__(self, iam: Any) -> None:
        self._iam = iam
        self._lock = Lock()
        self._known = dict[str, dict[str, Any] | None]()
        self.refusal = ""
        """Why policies could not be read."""

    def details(self, arns: set[str]) -> list[dict[str, Any]]:
        """Those that can be read, as ``Policies`` has them. Of the others, the content is not known."""
        with self._lock:
            for arn in arns - self._known.keys():
                self._known[arn] = self._read(arn)
            return [policy for arn in arns if (policy := self._known[arn])]

    def _read(self, arn: str) -> dict[str, Any] | None:
        if self.refusal:
            return None
        try:
            with readable(f"The identity of your credentials must have the permissions {', '.join(POLICIES)}."):
                version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
                read = self._iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
                return {"Arn": arn, "PolicyVersionList": [{"IsDefaultVersion": True, "Document": read["Document"]}]}
        except InputError as error:
            cause = error.__context__
            if not (isinstance(cause, ClientError) and cause.response["Error"]["Code"] in _GONE):
                self.refusal = f"{error} What these policies allow is not known."
            return None


def _item(row: str) -> Item:
    try:
        item = json.loads(row)
        if isinstance(item["configuration"], str):
            item["configuration"] = json.loads(item["configuration"])
    except (ValueError, TypeError, KeyError):
        raise InputError("The answer of AWS Config is no list of resources. Run the command again.") from None
    return item


def _configurations(properties: tuple[str, ...]) -> Iterator[str]:
    return (f"configuration.{each}" for each in properties)
