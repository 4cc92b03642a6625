"""The table of the roles in the report of a fleet."""

from collections.abc import Iterator, Sequence

from ssm_profile.cli.audit import BROKEN
from ssm_profile.cli.report import Table, code, count_of

from .configs import Configs, key_of, uncertain
from .host_management import WITHOUT_CREDENTIALS, WITHOUT_HEARTBEAT
from .rows import Row

ROLES_TITLE = "Roles"
LEVEL, SYSTEMS_MANAGER, RISKS, ACTIONS, PROPOSED = "Level", "Systems Manager", "Risks", "Actions", "Proposed"
CONFIG, NARROWER = "Config", "Narrower"
"""The columns with the numbers of configs, and of those without what is not used."""

_ACCOUNT = "Account"
"""The column that is left out if all roles are in one account. The first line of the report names it."""
_OPTIONAL = (NARROWER, "Last used", "Notes")
"""The columns that are left out if no role has anything in them."""
_MOST_REASONS = 2
_MOST_UNREAD = 3


def roles_table(roles: Sequence[Row], configs: Configs, narrower: Configs) -> Table:
    """The table, with a row for each role.

    Args:
        roles: The rows of the roles.
        configs: The configs.
        narrower: The same of the configs without what is not used.
    """
    accounts = {row["account"] for row in roles}
    hidden = [_ACCOUNT] if len(accounts) == 1 else []
    rows = [_cells(row, configs, narrower) for row in roles]
    hidden += [name for name in _OPTIONAL if not any(row[name] for row in rows)]
    shown = [name for name in (rows[0] if rows else ()) if name not in hidden]
    return Table(ROLES_TITLE, tuple(shown), [tuple(row[name] for name in shown) for row in rows], folds=True)


def verdict_of(row: Row) -> str:
    """The verdict on Systems Manager. A role that no instance can use is broken with any policies."""
    return BROKEN if row["level"] == BROKEN else row["systemsManager"]


def _cells(row: Row, configs: Configs, narrower: Configs) -> dict[str, str]:
    certain = [risk["summary"] for risk in row["risks"] if risk["certain"]]
    possible = [f"{risk['summary']} (possibly)" for risk in row["risks"] if not risk["certain"]]
    used = row["used"]
    return {
        "Role": code(row["role"]),
        _ACCOUNT: row["account"] or "",
        LEVEL: _level(row),
        SYSTEMS_MANAGER: _systems_manager(row),
        RISKS: ";\n".join([*certain, *possible]),
        ACTIONS: _actions(row),
        PROPOSED: _proposed_actions(row),
        CONFIG: configs[key_of(row["options"])] if row["options"] is not None else "",
        NARROWER: narrower[key_of(used["options"])] if used and used["options"] is not None else "",
        "Last used": _last_used(row),
        "Notes": ";\n".join(_notes(row)),
    }


def _level(row: Row) -> str:
    if not row["accepted"]:
        return row["level"]
    if row["openLevel"] == row["level"]:
        return f"{row['level']};\nin part accepted"
    return f"{row['level']};\n{row['openLevel']} without what is accepted"


def _systems_manager(row: Row) -> str:
    """Whether Systems Manager works, with the first reasons."""
    verdict = verdict_of(row)
    reasons = [_shortened(each) for each in row["reasons"]]
    if verdict == BROKEN:
        # A role that no instance can use can have policies that work under a condition.
        shown = [reason.replace("It works ", "Its policies work ", 1) for reason in reasons[:_MOST_REASONS]]
        shown[:1] = [f"does not work: {reason}" for reason in shown[:1]]
    else:
        first, *others = reasons[:_MOST_REASONS] or [verdict]
        continued = first.replace("It works ", "works ", 1)
        shown = [f"may work: {first}" if reasons and continued == first else continued, *others]
    if len(reasons) > _MOST_REASONS:
        shown.append(f"And {count_of(len(reasons) - _MOST_REASONS, 'more reason')}.")
    return "\n".join(shown)


def _shortened(reason: str) -> str:
    """A reason in a cell. The summary has the sentences on Default Host Management."""
    if reason in (WITHOUT_HEARTBEAT, WITHOUT_CREDENTIALS):
        return "Only if Default Host Management Configuration is off."
    return reason


def _proposed_actions(row: Row) -> str:
    """How many actions the config grants. A boundary whose content is not known can only take some away."""
    if row["proposedActions"] is None:
        return ""
    most = "at most " if row["permissionsBoundary"] in row["unread"] else ""
    return f"{most}{row['proposedActions']:,}"


def _actions(row: Row) -> str:
    """How many actions the policies grant. A permissions boundary can only take some away."""
    read, boundary = f"{row['readActions']:,}", row["permissionsBoundary"]
    if not row["unread"]:
        return read
    if boundary not in row["unread"]:
        return f"at least {read}" if row["readActions"] else "not known"
    return f"at most {read}" if row["unread"] == [boundary] else "not known"


def _last_used(row: Row) -> str:
    if row["lastUsed"]:
        return row["lastUsed"][: len("2026-01-31")]
    return "no use recorded" if row["lastUseKnown"] else ""


def _notes(row: Row) -> Iterator[str]:
    """What else a reader has to know of a role."""
    if unread := [each for each in dict.fromkeys(row["unread"]) if each != row["permissionsBoundary"]]:
        more = f" and {len(unread) - _MOST_UNREAD} more" if len(unread) > _MOST_UNREAD else ""
        yield f"not known: {', '.join(f'{code(each)}{_several(row, each)}' for each in unread[:_MOST_UNREAD])}{more}"
    if boundary := row["permissionsBoundary"]:
        unknown = " (content not known)" if boundary in row["unread"] else ""
        yield f"limited by boundary {code(boundary.split(':policy/', 1)[-1])}{_several(row, boundary) or unknown}"
    if row["deprecated"]:
        yield f"replace {', '.join(map(code, row['deprecated']))}"
    if lost := len(list(uncertain(row))):
        yield f"the config leaves out {count_of(lost, 'capability')} that may work today"


def _several(row: Row, policy: str) -> str:
    """Why the content of a policy is not known although the input has it, or an empty string."""
    return " (the input has several documents of it)" if policy in row["ambiguous"] else ""
