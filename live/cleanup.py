"""Find what runs have created, by the tag or by the name, and delete it.

This needs no state: it also works after a killed run.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from . import CheckError, LiveError
from .account import TAG, Account
from .plan import IAM_PATH, PARAMETER_PATH, PREFIX, RUN_ID

PASSES, PASS_SECONDS = 5, 10
"""How often what a run has created is looked for at most, and the time between two passes."""
KEY_WINDOW_DAYS = 7
"""How long KMS waits before it deletes a key: the shortest time that it accepts."""
TERMINATION_SECONDS = 300
Found = Iterator[tuple[str, str | None]]
_NOT_TERMINATED = ["pending", "running", "stopping", "stopped"]


@dataclass(frozen=True)
class Kind:
    """A kind of thing that a run creates."""

    name: str
    find: Callable[[Account], Found]
    """Finds the candidates: the ID of each, and the run in its tag or in its name, or None without a run."""
    delete: Callable[[Account, str], None]


@dataclass(frozen=True)
class Leftover:
    """Something that still exists."""

    kind: Kind
    id: str
    run: str

    def __str__(self) -> str:
        """The kind and the ID."""
        return f"{self.kind.name} {self.id}"


def find_leftovers(account: Account, kind: Kind, run: str | None = None) -> list[Leftover]:
    """Find what has the tag, with the ID of a run as its value, and still exists. A bucket is found by its name.

    Args:
        account: The account.
        kind: One of :data:`KINDS`.
        run: Only what this run created. The default is every run.
    """
    found = [(each, of_run) for each, of_run in kind.find(account) if of_run and RUN_ID.fullmatch(of_run)]
    return [Leftover(kind, each, of_run) for each, of_run in found if run in (None, of_run)]


def remove(account: Account, run: str | None = None, report: Callable[[str], None] = print) -> list[str]:
    """Delete what still exists. A deletion that fails does not stop the next ones.

    Args:
        account: The account.
        run: Only what this run created. The default is every run.
        report: Gets a line for each deletion.

    Returns:
        What has been deleted.

    Raises:
        LiveError: If something could not be deleted. The message names it.
    """
    deleted, failed = list[str](), list[str]()
    for kind in KINDS:
        try:
            found = find_leftovers(account, kind, run)
        except (ClientError, BotoCoreError) as error:
            failed.append(f"cannot list {kind.name}: {error}")
            continue
        for leftover in found:
            try:
                kind.delete(account, leftover.id)
                deleted.append(str(leftover))
                report(f"deleted {leftover}")
            except (ClientError, BotoCoreError, CheckError) as error:
                failed.append(f"{leftover}: {error}")
    if failed:
        raise LiveError(
            "Not everything could be deleted. Run `make live ARGS=clean` with permissions for it:\n  "
            + "\n  ".join(failed)
        )
    return deleted


def remove_repeatedly(account: Account, run: str, report: Callable[[str], None]) -> None:
    """Delete what a run has created, until nothing is found.

    A call that was interrupted may create something after the first pass, and AWS may list it only after some seconds.

    Raises:
        LiveError: If something could not be deleted in the last pass.
    """
    failure = None
    for number in range(PASSES):
        if number:
            account.sleep(PASS_SECONDS)
        try:
            deleted, failure = remove(account, run, report), None
        except LiveError as error:
            failure = error
            continue
        if number and not deleted:
            return
    if failure:
        raise failure


def _run(tags: Sequence[Mapping[str, str]]) -> str | None:
    """The run that tags name, in the spelling of any service."""
    pairs = {each.get("Key", each.get("TagKey")): each.get("Value", each.get("TagValue")) for each in tags}
    return pairs.get(TAG)


def _pages(client: Any, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page[key]


def _ssm_tags(account: Account, kind: str, name: str) -> str | None:
    return _run(account.client("ssm").list_tags_for_resource(ResourceType=kind, ResourceId=name)["TagList"])


def _associations(account: Account) -> Found:
    ssm = account.client("ssm")
    for each in _pages(ssm, "list_associations", "Associations"):
        if each.get("AssociationName", "").startswith(PREFIX):
            found = each["AssociationId"]
            yield found, _ssm_tags(account, "Association", found)


def _instances(account: Account) -> Found:
    filters = [
        {"Name": "tag-key", "Values": [TAG]},
        {"Name": "instance-state-name", "Values": [*_NOT_TERMINATED, "shutting-down"]},
    ]
    for reservation in _pages(account.client("ec2"), "describe_instances", "Reservations", Filters=filters):
        for each in reservation["Instances"]:
            yield each["InstanceId"], _run(each["Tags"])


def _terminate(account: Account, instance: str) -> None:
    ec2 = account.client("ec2")
    ec2.terminate_instances(InstanceIds=[instance])

    # botocore's waiter fails at `pending`, which EC2 shows for some seconds after the launch.
    def probe() -> bool | None:
        (reservation,) = ec2.describe_instances(InstanceIds=[instance])["Reservations"]
        return True if reservation["Instances"][0]["State"]["Name"] == "terminated" else None

    # A security group can be deleted only when no instance has it.
    account.wait_for("the instance is terminated", probe, TERMINATION_SECONDS)


def _security_groups(account: Account) -> Found:
    filters = [{"Name": "tag-key", "Values": [TAG]}]
    for each in _pages(account.client("ec2"), "describe_security_groups", "SecurityGroups", Filters=filters):
        yield each["GroupId"], _run(each["Tags"])


def _log_groups(account: Account) -> Found:
    logs = account.client("logs")
    for each in _pages(logs, "describe_log_groups", "logGroups", logGroupNamePrefix=f"/{PREFIX}/"):
        arn = each["arn"].removesuffix(":*")
        yield each["logGroupName"], logs.list_tags_for_resource(resourceArn=arn)["tags"].get(TAG)


def _buckets(account: Account) -> Found:
    # By their names, since an interrupted run leaves a bucket without the tag: it is created before it gets the tag.
    for each in account.client("s3").list_buckets()["Buckets"]:
        name = re.fullmatch(rf"{PREFIX}-({RUN_ID.pattern})-(logs|acl)", each["Name"])
        yield each["Name"], name[1] if name else None


def _delete_bucket(account: Account, name: str) -> None:
    s3 = account.client("s3")
    for each in _pages_of_objects(s3, name):
        s3.delete_object(Bucket=name, Key=each["Key"])
    s3.delete_bucket(Bucket=name)


def _pages_of_objects(s3: Any, bucket: str) -> Iterator[Any]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from page.get("Contents", [])


def _parameters(account: Account) -> Found:
    begins = [{"Key": "Name", "Option": "BeginsWith", "Values": [PARAMETER_PATH]}]
    for each in _pages(account.client("ssm"), "describe_parameters", "Parameters", ParameterFilters=begins):
        yield each["Name"], _ssm_tags(account, "Parameter", each["Name"])


def _documents(account: Account) -> Found:
    own = [{"Key": "Owner", "Values": ["Self"]}]
    for each in _pages(account.client("ssm"), "list_documents", "DocumentIdentifiers", Filters=own):
        if each["Name"].startswith(f"{PREFIX}-"):
            yield each["Name"], _ssm_tags(account, "Document", each["Name"])


def _keys(account: Account) -> Found:
    # By the tag, since the policy of another key can deny everything, also to an administrator.
    filters = {"TagFilters": [{"Key": TAG}], "ResourceTypeFilters": ["kms:key"]}
    tagging = account.client("resourcegroupstaggingapi")
    for each in _pages(tagging, "get_resources", "ResourceTagMappingList", **filters):
        arn = each["ResourceARN"]
        key = account.client("kms").describe_key(KeyId=arn)["KeyMetadata"]
        if key["KeyState"] in ("Enabled", "Disabled"):
            yield key["KeyId"], _run(each["Tags"])


def delete_key(account: Account, key: str) -> None:
    """Let KMS delete a key after :data:`KEY_WINDOW_DAYS`."""
    account.client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=KEY_WINDOW_DAYS)


def _profiles(account: Account) -> Found:
    iam = account.client("iam")
    for each in _pages(iam, "list_instance_profiles", "InstanceProfiles", PathPrefix=IAM_PATH):
        name = each["InstanceProfileName"]
        yield name, _run(iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Tags"])


def _delete_profile(account: Account, name: str) -> None:
    iam = account.client("iam")
    for role in iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]:
        iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role["RoleName"])
    iam.delete_instance_profile(InstanceProfileName=name)


def _roles(account: Account) -> Found:
    iam = account.client("iam")
    for each in _pages(iam, "list_roles", "Roles", PathPrefix=IAM_PATH):
        yield each["RoleName"], _run(iam.list_role_tags(RoleName=each["RoleName"])["Tags"])


def _delete_role(account: Account, name: str) -> None:
    iam = account.client("iam")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


KINDS: tuple[Kind, ...] = (
    Kind(
        "association",
        _associations,
        lambda account, found: account.client("ssm").delete_association(AssociationId=found),
    ),
    Kind("instance", _instances, _terminate),
    Kind(
        "security group",
        _security_groups,
        lambda account, found: account.client("ec2").delete_security_group(GroupId=found),
    ),
    Kind("instance profile", _profiles, _delete_profile),
    Kind("role", _roles, _delete_role),
    Kind("log group", _log_groups, lambda account, found: account.client("logs").delete_log_group(logGroupName=found)),
    Kind("bucket", _buckets, _delete_bucket),
    Kind("parameter", _parameters, lambda account, found: account.client("ssm").delete_parameter(Name=found)),
    Kind("session document", _documents, lambda account, found: account.client("ssm").delete_document(Name=found)),
    Kind("KMS key", _keys, delete_key),
)
"""Every kind, in the order in which they can be deleted."""
