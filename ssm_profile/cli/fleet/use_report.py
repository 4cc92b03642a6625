"""The parts of a report that say what roles use."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ssm_profile.cli.report import Paragraph, Part, Table, code, count_of
from ssm_profile.cli.stack_yaml import options_as_code
from ssm_profile.cli.usage.blindness import Reason
from ssm_profile.cli.usage.features import Advice
from ssm_profile.risks import RISKS

from .configs import Configs, config_parts, fill_in, key_of, numbered
from .judgements import paths_to_fill_in
from .rows import Row, problems_of
from .used import EVIDENCE

_MOST_ACTIONS = 4
_MOST_ROLES = 20
ADDED_OPTION = "It keeps what an option that could be dropped grants, too, and what is not known to be unused."
"""Why a config without what could be dropped has an option that the other config of the role does not have."""
_DANGEROUS = {risk.name: {call.action for call in risk.calls} for risk in RISKS}
"""The actions of which one is enough for a risk."""
_WHAT_TO_DO = {
    Reason.NOT_KNOWN: "No evidence can show it. Decide by what your software does.",
    Reason.NEVER: "No trail can show it. Decide by what your instances do.",
    Reason.YOUNG: "Run the command again when the roles are older, or with fewer `--days`.",
    Reason.NO_EVIDENCE: "Pass evidence of the accounts of these roles. The problems say what could not be read.",
    Reason.CALLER: "Look at the events that do not name their caller.",
    Reason.LEFT_OUT: "Let a trail log all management events, and run the command again after the days.",
    Reason.PART: "Pass the log files under the names that CloudTrail gave them.",
    Reason.REGION: "Pass the events of each Region, and the Regions in which roles can call with `--regions`.",
    Reason.PERIOD: "Pass the events of more days, or fewer `--days`. The settings of trails help in quiet Regions.",
    Reason.DAMAGED: "Pass again what could not be read.",
    Reason.SHARED: "Decide by what your instances do: other capabilities make the same calls.",
    Reason.RARE: "Keep it if new instances need it.",
    Reason.REQUIRED: "Decide on the capabilities that require it first.",
    Reason.SESSIONS: "Keep what your session preferences ask for.",
}
"""The advice for each reason. The one for data events names their services."""


def use_summary(roles: Sequence[Row], rows: Sequence[Row]) -> Iterator[str]:
    """Sentences on what all roles use."""
    seen = [row for row in roles if row["used"]]
    if not seen:
        return
    dropped = Counter(name for row in seen for name in names_with(row, Advice.DROP))
    whose = sum(any(names_with(row, Advice.DROP)) for row in seen)
    days = count_of(seen[0]["used"]["days"], "day")
    if dropped:
        named = ", ".join(f"{options_as_code([name])} ({count:,})" for name, count in dropped.most_common())
        yield f"Could be dropped, not used in {days} of evidence: capabilities of {count_of(whose, 'role')}: {named}."
    else:
        yield f"Nothing is known to be unused in {days} of evidence."
    if missing := sum(row["place"].startswith(EVIDENCE) for row in problems_of(rows)):
        yield f"Missing in the evidence: {missing:,}. More can be used than it shows. The problems say why."
    if unseen := sum(any(names_with(row, Advice.UNSEEN)) for row in seen):
        yield f"Cannot be seen whether it is used: capabilities of {count_of(unseen, 'role')}.{_most_frequent(seen)}"
    if others := sum(bool(row["used"]["otherActions"]) for row in seen):
        used = f"Roles that used actions that the configs do not grant: {others:,}."
        yield f"{used} Keep those that your software needs in a policy of their own."
    if dangerous := sorted({action for row in seen for action in _dangerous(row)}):
        yield (
            f"Some of these make a role dangerous: {_listed(dangerous)}. Grant them only on the resources that are "
            "needed, or to another role."
        )


def _most_frequent(seen: Sequence[Row]) -> str:
    """Why capabilities of most roles cannot be seen, and what to do."""
    unseen = [[each for each in row["used"]["capabilities"] if each["advice"] == Advice.UNSEEN] for row in seen]
    reasons = Counter(reason for those in unseen for reason in {each["reason"] for each in those if each["reason"]})
    if not reasons:
        return ""
    reason = Reason(max(reasons, key=lambda each: (reasons[each], each)))
    count = count_of(reasons[reason], "role")
    first = {each["unseen"][0] for those in unseen for each in those if each["reason"] == reason and each["unseen"]}
    advice = _data_events_advice(first) if reason is Reason.DATA_EVENT else _WHAT_TO_DO[reason]
    return f" The most frequent reason, of {count}: {reason}. {advice}"


def _data_events_advice(actions: Iterable[str]) -> str:
    services = sorted({action.partition(":")[0] for action in actions})
    flags = " ".join(f"--data-events {service}" for service in services)
    return f"Let the trails log all data events of {', '.join(services)}, which AWS charges, and pass {code(flags)}."


def _dangerous(row: Row) -> set[str]:
    """The actions that a role used and that are one of its risks."""
    risky = {action for risk in row["risks"] for action in _DANGEROUS[risk["risk"]]}
    return risky & {each["action"] for each in row["used"]["otherActions"]}


def names_with(row: Row, advice: Advice) -> list[str]:
    """The capabilities of a role with an advice."""
    return [each["capability"] for each in row["used"]["capabilities"] if each["advice"] == advice]


def use_tables(roles: Sequence[Row]) -> Iterator[Part]:
    """Tables on what each role uses."""
    seen = [row for row in roles if row["used"]]
    yield Table(
        "Use of capabilities",
        ("Role", "Account", "Capabilities", "Use", "Why"),
        [cells for row in seen[:_MOST_ROLES] for cells in _of_role(row)],
        folds=True,
    )
    if len(seen) > _MOST_ROLES:
        yield Paragraph(
            f"`--json` has the same for {count_of(len(seen) - _MOST_ROLES, 'more role')}, and `--html`, too."
        )
    yield Table(
        "Used, and not in the config",
        ("Role", "Account", "Actions"),
        [(code(row["role"]), row["account"] or "", _others(row)) for row in seen if row["used"]["otherActions"]],
        folds=True,
    )


def narrower_configs(roles: Sequence[Row], *, first: int) -> Configs:
    """The distinct options without what could be dropped, with their numbers from the first on."""
    return numbered([row["used"]["options"] for row in roles if row["used"] and row["used"]["options"]], first)


def narrower_parts(configs: Configs, roles: Sequence[Row]) -> Iterator[Part]:
    """The configs without what could be dropped."""
    if not configs:
        return
    whose = dict[str, list[Row]]()
    for row in roles:
        if row["used"] and row["used"]["options"]:
            whose.setdefault(key_of(row["used"]["options"]), []).append(row)
    yield Paragraph(
        "These stack configs leave out what could be dropped, too. The command changes nothing: you decide."
    )
    yield from config_parts(configs, whose, _advice, "used.options")


def _advice(roles: Sequence[Row]) -> Sequence[str]:
    added = dict.fromkeys(name for row in roles for name in row["used"]["addedOptions"])
    kept = (f"{options_as_code([name])} is in no other config. {ADDED_OPTION}" for name in added)
    return [*kept, *fill_in(list(paths_to_fill_in("", roles[0]["used"]["options"])))]


def _of_role(row: Row) -> Iterator[tuple[str, ...]]:
    """A line for each verdict and its reason."""
    groups = dict[tuple[str, str], list[Row]]()
    for each in row["used"]["capabilities"]:
        groups.setdefault((each["advice"], each["why"]), []).append(each)
    for advice in (Advice.DROP, Advice.UNSEEN, Advice.KEEP):
        for (found, why), those in groups.items():
            if found == advice:
                names = options_as_code(each["capability"] for each in those)
                unseen = _listed(list(dict.fromkeys(action for each in those for action in each["unseen"])))
                yield code(row["role"]), row["account"] or "", names, found, f"{unseen}: {why}" if unseen else why


def _others(row: Row) -> str:
    return _listed([each["action"] for each in row["used"]["otherActions"]])


def _listed(actions: Sequence[str]) -> str:
    """The first of some actions, and how many more there are."""
    more = f" and {len(actions) - _MOST_ACTIONS:,} more" if len(actions) > _MOST_ACTIONS else ""
    return ", ".join(map(code, actions[:_MOST_ACTIONS])) + more
