"""Asks many accounts for evidence of use. An account that does not give it is a problem, and its roles stay."""

import sys
from collections.abc import Iterable, Iterator, Sequence

from ssm_profile.cli.interruption import Interrupt, noticed_interrupt
from ssm_profile.cli.report import count_of
from ssm_profile.cli.usage import Evidence
from ssm_profile.cli.usage.advisor import INTERRUPTED, READ_ACTIONS, Reader, add_result, missing_reports
from ssm_profile.errors import InputError

from .account_options import Chosen
from .assumed_roles import Caller
from .members import Member, Problem
from .parallel import completed
from .progress import Progress

_ACCOUNTS_AT_A_TIME = 10
_ROLES_AT_A_TIME = 10
"""How many roles of an account are asked for at a time."""


def add_reports(evidence: Evidence, members: Iterable[Member], chosen: Chosen, progress: Progress) -> Iterator[Problem]:
    """Add the reports of Access Advisor on the roles of many accounts. Ctrl-C ends this.

    Args:
        evidence: What to add to.
        members: The roles.
        chosen: How to read their accounts.
        progress: Counts the accounts.

    Raises:
        InputError: If the credentials are not valid.
    """
    roles = dict[str, list[str]]()
    for each in members:
        if each.account:
            roles.setdefault(each.account, []).append(each.arn)
    accounts, problems = sorted(roles), dict[str, list[str]]()
    caller = Caller(chosen.role, chosen.external_id, READ_ACTIONS)
    progress.begin_accounts(len(accounts), "asked")
    with noticed_interrupt() as interrupt:

        def ask(account: str) -> Evidence:
            return _reports(caller, account, roles[account], interrupt)

        for account, found in completed(ask, accounts, interrupt, at_a_time=_ACCOUNTS_AT_A_TIME):
            progress.account_read()
            problems[account], found.problems = found.problems, []
            evidence.merge(found)
    if left := len(accounts) - len(problems):
        sys.stderr.write(f"Interrupted: {count_of(left, 'account')} not asked for reports of Access Advisor.\n")
    for account in accounts:
        reasons = problems[account] if account in problems else _without_reports(roles[account], INTERRUPTED)
        yield from (Problem(account, each) for each in reasons)


def _reports(caller: Caller, account: str, roles: Sequence[str], interrupt: Interrupt) -> Evidence:
    """The reports on the roles of an account. Its problems say why others are missing."""
    evidence = Evidence()
    try:
        session = caller.session(account)
    except InputError as error:
        evidence.problems += _without_reports(roles, str(error))
        return evidence
    reader = Reader(session.client("iam"), lambda: session.errors(*READ_ACTIONS))
    failures = dict.fromkeys(roles, INTERRUPTED)
    for role, result in completed(reader.report, roles, interrupt, at_a_time=_ROLES_AT_A_TIME):
        failures[role] = add_result(evidence, result, role)
    evidence.problems += missing_reports({role: reason for role, reason in failures.items() if reason})
    return evidence


def _without_reports(roles: Sequence[str], reason: str) -> Iterator[str]:
    return missing_reports(dict.fromkeys(roles, reason))
