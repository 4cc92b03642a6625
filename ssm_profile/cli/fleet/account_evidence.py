"""Asks many accounts for evidence of use. An account that does not give it is a problem, and its roles stay."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from ssm_profile.cli.interruption import Interrupt, noticed_interrupt
from ssm_profile.cli.report import count_of
from ssm_profile.cli.usage import Evidence, advisor, trail_settings
from ssm_profile.errors import InputError

from .account_options import Chosen
from .assumed_roles import Caller, Session
from .members import Member, Problem
from .parallel import completed
from .progress import Progress
from .used import EVIDENCE, Asks, Usage

_ACCOUNTS_AT_A_TIME = 10
_ROLES_AT_A_TIME = 10
"""How many roles of an account Access Advisor is asked for at a time."""

_IN_A_FILE = "If a service control policy denies a Region, pass the settings in a file with --used."


def add_evidence(usage: Usage, members: Iterable[Member], chosen: Chosen, progress: Progress) -> Iterator[Problem]:
    """Add what the accounts of roles are asked for. Ctrl-C ends this.

    Args:
        usage: What to add to.
        members: The roles.
        chosen: How to read their accounts.
        progress: Counts the accounts.
    """
    roles = dict[str, list[str]]()
    for each in members:
        if each.account:
            roles.setdefault(each.account, []).append(each.arn)
    accounts, problems = sorted(roles), dict[str, Sequence[str]]()
    try:
        caller = Caller(chosen.role, chosen.external_id, _actions(usage.asks))
    except InputError as error:  # the credentials can expire after the accounts were read
        yield Problem(EVIDENCE, f"The accounts were not asked for evidence of use. {error}")
        return
    progress.begin_accounts(len(accounts), "asked")
    with noticed_interrupt() as interrupt:
        reader = _Reader(caller, usage, roles, interrupt)
        for account, found in completed(reader.found, accounts, interrupt, at_a_time=_ACCOUNTS_AT_A_TIME):
            progress.account_read()
            problems[account] = found.problems
            usage.evidence.merge(found.evidence)
            usage.of_accounts[account] = found.regions
    if left := len(accounts) - len(problems):
        sys.stderr.write(f"Interrupted: {count_of(left, 'account')} not asked for evidence of use.\n")
    for account in accounts:
        reasons = problems[account] if account in problems else reader.missing(account, advisor.INTERRUPTED)
        yield from (Problem(f"{EVIDENCE} of account {account}", each) for each in reasons)


def _actions(asks: Asks) -> Iterator[str]:
    """What the sessions of the roles need."""
    if asks.advisor:
        yield from advisor.READ_ACTIONS
    if asks.regions:
        yield trail_settings.REGIONS_ACTION
    if asks.trails:
        yield from trail_settings.READ_ACTIONS


@dataclass
class _Found:
    """What an account gives."""

    evidence: Evidence = field(default_factory=Evidence)
    regions: frozenset[str] = frozenset()
    problems: list[str] = field(default_factory=list[str])


class _Reader:
    """Asks accounts, in several threads."""

    def __init__(self, caller: Caller, usage: Usage, roles: dict[str, list[str]], interrupt: Interrupt) -> None:
        self._caller = caller
        self._asks = usage.asks
        self._are_regions_set = bool(usage.regions)
        self._roles = roles
        self._interrupt = interrupt

    def found(self, account: str) -> _Found:
        """What an account gives, and why it does not give the rest."""
        try:
            session = self._caller.session(account)
        except InputError as error:
            return _Found(problems=list(self.missing(account, str(error))))
        found = _Found()
        if self._asks.regions:
            self._add_regions(found, session)
        if self._asks.advisor:
            self._add_reports(found, session)
        # The evidence of all accounts has one list of problems, which does not name the account.
        found.problems += found.evidence.problems
        found.evidence.problems = []
        return found

    def missing(self, account: str, reason: str) -> Iterator[str]:
        """A sentence for each thing that an account does not give, with the reason."""
        if self._asks.regions:
            yield self._without_regions(reason)
        if self._asks.advisor:
            yield from advisor.missing_reports(dict.fromkeys(self._roles[account], reason))

    def _without_regions(self, reason: str) -> str:
        if self._are_regions_set:
            return f"The settings of its trails are not known. {reason} {trail_settings.WITHOUT_SETTINGS}"
        return f"Its Regions are not known. {reason} {trail_settings.WITHOUT_REGIONS}"

    def _add_regions(self, found: _Found, session: Session) -> None:
        try:
            found.regions = session.regions()
        except InputError as error:
            found.problems.append(self._without_regions(str(error)))
            return
        if self._asks.trails:
            self._add_trails(found, session)

    def _add_trails(self, found: _Found, session: Session) -> None:
        def errors(subject: str) -> AbstractContextManager[None]:
            return session.errors(*trail_settings.READ_ACTIONS, subject=subject)

        of_regions = {each: session.client("cloudtrail", each) for each in sorted(found.regions)}
        try:
            trail_settings.add_trails(found.evidence, session.account, of_regions, errors, self._roles)
        except InputError as error:
            found.problems.append(f"{error} {trail_settings.WITHOUT_SETTINGS} {_IN_A_FILE}")

    def _add_reports(self, found: _Found, session: Session) -> None:
        roles = self._roles[session.account]
        reader = advisor.Reader(session.client("iam"), lambda: session.errors(*advisor.READ_ACTIONS))
        failures = dict.fromkeys(roles, advisor.INTERRUPTED)
        for role, result in completed(reader.report, roles, self._interrupt, at_a_time=_ROLES_AT_A_TIME):
            failures[role] = advisor.add_result(found.evidence, result, role)
        found.problems += advisor.missing_reports({role: reason for role, reason in failures.items() if reason})
