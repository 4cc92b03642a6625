"""What each role of a fleet uses: the part of its row that evidence gives."""

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from ssm_profile.cli.action_list import is_known
from ssm_profile.cli.granted import granted_by
from ssm_profile.cli.reverse_lookup import FEATURES
from ssm_profile.cli.usage import Evidence, feature_uses, options_without, role_key, uses
from ssm_profile.cli.usage.blindness import Reason
from ssm_profile.cli.usage.features import Advice
from ssm_profile.cli.usage.verdicts import Use
from ssm_profile.cli.verdicts import Verdict

from .judgements import Judgement
from .members import Member

_ACTIONS = {feature.name: frozenset(feature.actions()) for feature in FEATURES}
EVIDENCE = "--used"
"""The place of problems with the evidence."""
_HELD = (Verdict.WORKS.value, Verdict.WORKS_IF.value)
_WITHOUT_PERMISSION = "sts:GetCallerIdentity"
"""An action that needs no permission.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""
_NO_ARN = "The input does not have the ARN of the role, so that no call is known to be one of it."


@dataclass(frozen=True)
class Asks:
    """What the accounts of the roles are asked for."""

    advisor: bool = False
    """For reports of Access Advisor."""
    regions: bool = False
    """For the Regions that they have enabled."""
    trails: bool = False
    """For the settings of their trails. This requires the Regions."""


@dataclass(frozen=True)
class Usage:
    """Tells what a role uses."""

    evidence: Evidence
    days: int
    """For how many days an action must not have been called to be unused."""
    now: datetime
    """The time of the verdicts, with a time zone."""
    regions: frozenset[str] = frozenset()
    """The Regions in which the roles of all accounts can call. Empty if the flags name none."""
    asks: Asks = field(default_factory=Asks)
    of_accounts: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """The Regions that each account has enabled, if they are known."""

    def of(self, member: Member, judgement: Judgement, options: Mapping[str, Any] | None) -> dict[str, Any]:
        """What a role uses, as plain data.

        Args:
            member: The role.
            judgement: The judgement on its policies.
            options: The options that grant what its policies grant, if any option helps.
        """
        held = [name for name, verdict in judgement.capabilities if verdict in _HELD]
        asked = {action for name in held for action in _ACTIONS[name]}
        rows = feature_uses(held, self._uses(sorted(asked), member))
        covered = [{"capability": name, "by": list(by)} for name, by in judgement.covered]
        without = None if options is None else _options_without(options, rows, covered)
        granted = asked if options is None else _granted(json.dumps(without or options))
        return {
            "days": self.days,
            "capabilities": rows,
            "options": without,
            "addedOptions": [
                name for name, value in (without or {}).items() if value is True and not (options or {}).get(name)
            ],
            "otherActions": self._other_actions(member, granted),
        }

    def _uses(self, asked: list[str], member: Member) -> list[dict[str, Any]]:
        if role_key(member.arn) is None:
            unseen = {"use": Use.UNSEEN.value, "reason": Reason.NO_EVIDENCE.value, "why": _NO_ARN}
            return [{"action": action, **unseen} for action in asked]
        regions = self.regions or self.of_accounts.get(member.account, frozenset())
        facts = replace(member.facts, regions=regions)
        return uses(asked, self.evidence, facts, days=self.days, now=self.now)

    def _other_actions(self, member: Member, granted: AbstractSet[str]) -> list[dict[str, Any]]:
        """The actions that the role called in the period, without those that the options grant."""
        key, created = role_key(member.arn), member.facts.created
        calls = self.evidence.calls.get(key, {}) if key else {}
        # An earlier role can have had the same name.
        begin = max(filter(None, (self.now - timedelta(days=self.days), created)))
        return [
            {"action": action, "calls": found.allowed, "last": found.last_allowed}
            for action, found in sorted(calls.items())
            if found.last_allowed >= f"{begin.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
            and action not in granted
            and _is_granted_by_policies(action)
        ]


def _is_granted_by_policies(action: str) -> bool:
    """Whether a policy can grant an action. The names of some events are no actions."""
    return is_known(action) and action != _WITHOUT_PERMISSION


@lru_cache(maxsize=1024)  # many roles have the same options
def _granted(options: str) -> frozenset[str]:
    """Every action that options grant, as JSON."""
    return granted_by(json.loads(options))


def _options_without(
    options: Mapping[str, Any], rows: list[dict[str, Any]], covered: list[dict[str, Any]]
) -> dict[str, Any] | None:
    """The options without what could be dropped. None if nothing could be."""
    if not any(row["advice"] == Advice.DROP or row["narrower"] for row in rows):
        return None
    return options_without(options, rows, covered)
