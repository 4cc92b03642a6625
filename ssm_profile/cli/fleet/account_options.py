"""The flags of ``fleet`` that name accounts."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import rich_click as click

from ssm_profile.errors import InputError

PANEL = "Many accounts"
"""The title of the flags in the help."""

_ACCOUNT = re.compile(r"[0-9]{12}")
_ROLE = re.compile(r"/?(?!arn:)(?:[!-.0-~]+/)*[\w+=,.@-]{1,64}", re.ASCII)
_AGGREGATOR = re.compile(r"[\w-]{1,256}", re.ASCII)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)

_option = partial(click.option, panel=PANEL)

_OPTIONS = (
    _option(
        "--accounts",
        metavar="IDS",
        help="Read the accounts with these IDs, for example 111111111111,222222222222.",
    ),
    _option(
        "--organization",
        is_flag=True,
        help="Read every active account of the organization. This requires credentials of its management account or of "
        "a delegated administrator.",
    ),
    _option(
        "--assume-role",
        metavar="NAME",
        help="Assume the role with this name in each account, for example audit or security/audit. In the account of "
        "your credentials, no role is assumed.",
    ),
    _option("--external-id", metavar="ID", help="Pass this external ID when assuming the roles."),
    _option(
        "--resume",
        "folder",
        metavar="DIR",
        help="Save what AWS answers in this folder, in a file for each account. To go on after an interruption, run "
        "the same command again. It does not ask AWS again for what a file has.",
    ),
    _option(
        "--config-aggregator",
        metavar="NAME",
        help="Read the accounts of this AWS Config aggregator, without a role in each account. AWS_REGION is the "
        "Region of the aggregator.",
    ),
)

_SOURCES = {
    "accounts": "--accounts",
    "organization": "--organization",
    "config_aggregator": "--config-aggregator",
}
_DEPENDENT = {"assume_role": "--assume-role", "external_id": "--external-id", "folder": "--resume"}


@dataclass(frozen=True)
class Chosen:
    """The accounts to read, and how."""

    ids: tuple[str, ...] | None
    """None for those of the organization."""
    role: str
    """The name of the role to assume in each, or its path and name."""
    external_id: str | None
    folder: str | None
    """Where the answers of AWS are kept."""


@dataclass(frozen=True)
class Aggregator:
    """An aggregator of AWS Config."""

    name: str


def with_account_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the flags. It receives them as keyword arguments for :func:`chosen_accounts`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen_accounts(options: Mapping[str, Any], sources: Sequence[str]) -> Chosen | Aggregator | None:
    """The accounts that flags name, if they name any.

    Args:
        options: The values of the flags.
        sources: The arguments of the command.

    Raises:
        click.UsageError: If the flags contradict each other or the arguments.
        InputError: If a value cannot be used.
    """
    chosen = [flag for name, flag in _SOURCES.items() if options[name] not in (None, False)]
    if sources and chosen:
        raise click.UsageError(f"A SOURCE and {chosen[0]} cannot be combined. Pass one of the two.")
    if len(chosen) > 1:
        raise click.UsageError(f"{chosen[0]} and {chosen[1]} cannot be combined. Pass one of the two.")
    aggregator = options["config_aggregator"]
    if not chosen or aggregator is not None:
        if given := [flag for name, flag in _DEPENDENT.items() if options[name] is not None]:
            raise click.UsageError(f"{given[0]} requires --accounts or --organization.")
        return None if aggregator is None else Aggregator(_aggregator(aggregator))
    if options["assume_role"] is None:
        raise click.UsageError(f"{chosen[0]} requires --assume-role NAME, the role that reads each account.")
    return Chosen(
        None if options["organization"] else _ids(options["accounts"]),
        _role(options["assume_role"]),
        _external_id(options["external_id"]),
        options["folder"],
    )


def _aggregator(name: str) -> str:
    if not _AGGREGATOR.fullmatch(name):
        raise InputError(
            f"--config-aggregator: {name!r} is not the name of an aggregator. Pass a name such as "
            "organization-aggregator, not an ARN."
        )
    return name


def _ids(text: str) -> tuple[str, ...]:
    ids = dict.fromkeys(each.strip() for each in text.split(","))
    if wrong := [each for each in ids if not _ACCOUNT.fullmatch(each)]:
        raise InputError(
            f"--accounts: {wrong[0]!r} is not the ID of an account. Pass IDs of 12 digits, for example "
            "111111111111,222222222222."
        )
    return tuple(ids)


def _role(role: str) -> str:
    if not _ROLE.fullmatch(role):
        raise InputError(
            f"--assume-role: {role} is not the name of a role. Pass its name, or its path and name, for example audit "
            "or security/audit. It is the same in every account."
        )
    return role.removeprefix("/")


def _external_id(external_id: str | None) -> str | None:
    if external_id is not None and not _EXTERNAL_ID.fullmatch(external_id):
        raise InputError(
            f"--external-id: {external_id!r} is not an external ID. Pass 2 to 1,224 letters, digits and _ + = , . @ : "
            "/ -."
        )
    return external_id
