"""The part of the report that has the configs, and what each leaves out."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from ssm_profile.cli.audit_report import NOT_TOGETHER, format_additions, in_plural
from ssm_profile.cli.report import CodeBlock, Items, Paragraph, Part, code, count_of, first_of
from ssm_profile.cli.reverse_lookup import FILL_IN
from ssm_profile.cli.stack_yaml import format_stack_config, options_as_code
from ssm_profile.cli.verdicts import Verdict

from .findings import action_group
from .host_management import is_decisive
from .rows import Row

_MOST_CONFIGS = 20
_MOST_ROLES = 3
_MOST_TRUSTS = 5
_MOST_SETS = 5
"""How many sets of actions or conditions, each of some roles, are shown for a config."""
_MOST_PARTLY = 5
"""How many sets of capabilities that are granted in part are shown for a config."""
_MOST_NAMES = 12
_MOST_ADDITIONS = 3
_CHOICES = ("ec2_describe_actions", "service_principals")
"""The options whose strings are not names of the account."""

NOT_SHOWN = "not shown"
_LIKE = "like "
Configs = dict[str, str]
"""Distinct options as JSON. Each has its number, that of the config that stands for it, or :data:`NOT_SHOWN`."""


def key_of(options: Any) -> str:
    """Options as JSON: equal for equal options."""
    return json.dumps(options)


def numbered(proposals: Sequence[Any], first: int = 1) -> Configs:
    """The distinct options, with numbers for those that the report shows.

    The most frequent come first, and those that differ only in names together.

    Args:
        proposals: The options of each role.
        first: The first number.
    """
    counts = Counter(map(key_of, proposals))
    kinds = dict[str, int]()
    places = {
        key: (-count, kinds.setdefault(_kind_of(key), len(kinds)), order)
        for order, (key, count) in enumerate(counts.most_common())
    }
    return _labels(sorted(places, key=places.__getitem__), counts, first)


def _labels(keys: Iterable[str], counts: Mapping[str, int], first: int) -> Configs:
    configs, first_of_kind, number = Configs(), dict[str, str](), first
    for key in keys:
        kin = first_of_kind.setdefault(_kind_of(key), key)
        if kin != key and counts[key] == 1:
            configs[key] = f"{_LIKE}{configs[kin]}" if configs[kin].isdigit() else NOT_SHOWN
        elif number < first + _MOST_CONFIGS:
            configs[key] = str(number)
            number += 1
        else:
            configs[key] = NOT_SHOWN
    return configs


def next_number(configs: Configs) -> int:
    """The number of the first config of a following list."""
    return sum(label.isdigit() for label in configs.values()) + 1


def _kind_of(key: str) -> str:
    """Options without the names in them: equal for options that differ only in names."""
    return json.dumps(
        {name: each if name in _CHOICES else _without_names(each) for name, each in json.loads(key).items()}
    )


def _without_names(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_names(each) for key, each in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return sorted({json.dumps(_without_names(each)) for each in cast("list[Any]", value)})
    return "" if isinstance(value, str) and value != FILL_IN else value


def config_parts(
    configs: Configs, whose: Mapping[str, Sequence[Row]], advice: Callable[[Sequence[Row]], Sequence[str]], key: str
) -> Iterator[Part]:
    """The configs that the report shows, and how many more there are.

    Args:
        configs: The configs.
        whose: The roles of each.
        advice: What to say of a config of roles.
        key: The key that has the config of a role in the JSON.
    """
    with_label = dict[str, list[str]]()
    for config, label in configs.items():
        with_label.setdefault(label, []).append(config)
    for config, number in configs.items():
        if not number.isdigit():
            continue
        yield Paragraph(f"Stack config {number}, for {_roles(whose[config])}")
        yield CodeBlock(format_stack_config(json.loads(config)))
        others = [row for other in with_label.get(f"{_LIKE}{number}", ()) for row in whose[other]]
        items = [*advice(whose[config]), *_others(others, key)]
        if items:
            yield Items(tuple(items))
    if hidden := with_label.get(NOT_SHOWN):
        roles = count_of(sum(len(whose[each]) for each in hidden), "role")
        more = f"{count_of(len(hidden), 'more config')}, for {roles}, {'is' if len(hidden) == 1 else 'are'} not shown"
        yield Paragraph(f"{more} here. `--html` has the config of each role, and `--json` has it as `{key}`.")


def _roles(roles: Sequence[Row]) -> str:
    """How many roles, and the first names."""
    return f"{count_of(len(roles), 'role')}: {_names_of(roles)}"


def _others(roles: Sequence[Row], key: str) -> Iterator[str]:
    """What is said of the roles with configs that a config stands for."""
    if len(roles) == 1:
        yield f"The config of 1 other role ({_names_of(roles)}) differs only in names. `--json` has it as `{key}`."
    elif roles:
        many = f"The configs of {len(roles):,} other roles ({_names_of(roles)})"
        yield f"{many} differ only in names. `--json` has them as `{key}`."


def proposed_configs(roles: Sequence[Row]) -> Configs:
    """The configs that replace the policies of roles."""
    return numbered([row["options"] for row in roles if row["options"] is not None])


def is_any_hidden(roles: Sequence[Row]) -> bool:
    """Whether the report does not show the config of some role."""
    return any(not label.isdigit() for label in proposed_configs(roles).values())


def replacements(configs: Configs, roles: Sequence[Row]) -> Iterator[Part]:
    """The configs that replace the policies."""
    if not configs:
        return
    replaced = dict[str, list[Row]]()
    for row in roles:
        if row["options"] is not None:
            replaced.setdefault(key_of(row["options"]), []).append(row)
    yield Paragraph(
        "These stack configs replace the policies and keep every capability that certainly works with them. Keep the "
        "permissions that your software needs in a policy of their own. `ssm-profile audit` explains a single role."
    )
    yield from config_parts(configs, replaced, _advice, "options")


def _advice(roles: Sequence[Row]) -> Sequence[str]:
    return [
        *fill_in(roles[0]["fillIn"]),
        *_left_out(roles),
        *_taken_away(roles),
        *_conditions(roles),
        *_added(roles),
        *_covered(roles),
        *_additional(roles),
        *_host_management(roles),
        *_trusts(roles),
        *_boundaries(roles),
        *_denies(roles),
    ]


def uncertain(row: Row) -> Iterator[str]:
    """The capabilities that the config leaves out and that work or may work today."""
    return (each["capability"] for each in row["leftOut"] if each["verdict"] != Verdict.PARTLY.value)


def fill_in(paths: Sequence[str]) -> Iterator[str]:
    """What to do with the options whose values are not known."""
    if paths:
        several = len(paths) > 1
        yield f"Fill in {options_as_code(paths)}, or leave {'out those that you do not use' if several else 'it out'}."


def _left_out(roles: Sequence[Row]) -> Iterator[str]:
    """The capabilities that a config leaves out: all that work or may work today, then those granted in part."""
    for (names, _), those in _by_reason(roles, Verdict.WORKS):
        yield f"It leaves out {_names(names)}{_of(those, roles)}. {NOT_TOGETHER}"
    for (names, reasons), those in _by_reason(roles, Verdict.WORKS_IF):
        why = " ".join(in_plural(each) if len(names) > 1 else each for each in reasons)
        yield f"It leaves out {_names(names)}{_of(those, roles)}. {why} Add those that you use."
    partly = _by_reason(roles, Verdict.PARTLY)
    for (names, _), those in partly[:_MOST_PARTLY]:
        yield (
            f"It leaves out {_names(names)}{_of(those, roles)}. The policies grant only a part of what is needed. "
            "Add those that you use."
        )
    if further := {name for (names, _), _ in partly[_MOST_PARTLY:] for name in names}:
        yield (
            f"It leaves out {_names(sorted(further))} of other roles, whose policies grant a part of what is needed. "
            "`--json` contains what each role loses."
        )


def _conditions(roles: Sequence[Row]) -> Iterator[str]:
    """The conditions that a config does not have."""
    groups = _grouped([row["conditionsNotKept"] for row in roles], roles)
    for conditions, those in groups[:_MOST_SETS]:
        hold, them = ("holds", "that condition") if len(conditions) == 1 else ("hold", "these conditions")
        yield (
            f"Today the policies{_of(those, roles)} grant what Systems Manager needs only if "
            f"{' and '.join(map(code, conditions))} {hold}. The config grants it without {them}."
        )
    if len(groups) > _MOST_SETS:
        yield "The policies of other roles have other conditions. `--json` has them as `conditionsNotKept`."


def _added(roles: Sequence[Row]) -> Iterator[str]:
    for names, whose in _sets([[] if row["unread"] else list(map(code, row["addedActions"])) for row in roles], roles):
        yield (
            f"It grants actions that the policies{whose} do not grant today, because "
            f"Systems Manager or an option of the config needs them: {first_of(names)}."
        )


def _taken_away(roles: Sequence[Row]) -> Iterator[str]:
    """The actions that a config takes away."""
    for names, whose in _sets(
        [[*map(action_group, row["unneeded"]), *map(code, row["notKept"])] for row in roles], roles
    ):
        yield (
            f"It takes away{whose}: {first_of(names)}. Keep those that your software needs in a policy of their own."
        )


def _sets(found: Sequence[Sequence[str]], roles: Sequence[Row]) -> Iterator[tuple[Sequence[str], str]]:
    """What was found in roles: the sets of the most roles, and together those of the others, each with whose it is."""
    groups = _grouped(found, roles)
    for names, those in groups[:_MOST_SETS]:
        yield names, _of(those, roles)
    if others := groups[_MOST_SETS:]:
        count = count_of(sum(len(those) for _, those in others), "other role")
        names = list(dict.fromkeys(name for each, _ in others for name in each))
        yield names, f" of {count} (some of these each)" if len(others) > 1 else f" of {count}"


def _grouped(found: Sequence[Sequence[str]], roles: Sequence[Row]) -> list[tuple[tuple[str, ...], list[Row]]]:
    """What was found in roles, each set with its roles, those of the most roles first. Nothing is no set."""
    groups = dict[tuple[str, ...], list[Row]]()
    for row, names in zip(roles, found, strict=True):
        if names:
            groups.setdefault(tuple(names), []).append(row)
    return sorted(groups.items(), key=lambda each: -len(each[1]))


_Reasons = tuple[tuple[str, ...], tuple[str, ...]]
"""Names of capabilities, and why they are left out."""


def _by_reason(roles: Sequence[Row], verdict: Verdict) -> list[tuple[_Reasons, list[Row]]]:
    """The capabilities with the same reasons, each time with the roles, those of the most roles first."""
    found = dict[_Reasons, list[Row]]()
    for row in roles:
        capabilities = dict[tuple[str, ...], list[str]]()
        for each in row["leftOut"]:
            if each["verdict"] == verdict.value:
                capabilities.setdefault(tuple(each["reasons"]), []).append(each["capability"])
        for reasons, names in capabilities.items():
            found.setdefault((tuple(names), reasons), []).append(row)
    return sorted(found.items(), key=lambda each: -len(each[1]))


def _names(capabilities: Sequence[str]) -> str:
    """The names of some capabilities, or how many there are of almost all."""
    if len(capabilities) > _MOST_NAMES:
        return f"{len(capabilities)} capabilities (`--json` names them)"
    return options_as_code(capabilities)


def _of(those: Sequence[Row], roles: Sequence[Row]) -> str:
    """Whose something is, unless it is of all roles of a config."""
    return "" if len(those) == len(roles) else f" of {_named(those)}"


def _named(roles: Sequence[Row]) -> str:
    """How many roles, and the first names."""
    return f"{count_of(len(roles), 'role')} ({_names_of(roles)})"


def _names_of(roles: Sequence[Row]) -> str:
    names = list(dict.fromkeys(row["role"] for row in roles))[:_MOST_ROLES]
    further = sum(row["role"] not in names for row in roles)
    return ", ".join(map(code, names)) + (f" and {further:,} more" if further else "")


def _covered(roles: Sequence[Row]) -> Iterator[str]:
    covered = {each["capability"]: each["by"] for row in roles for each in row["covered"]}
    if covered:
        names = ", ".join(f"{options_as_code([name])} (by {options_as_code(by)})" for name, by in covered.items())
        yield f"It also covers {names}. Set the option of one that you use if you leave out or narrow what covers it."


def _additional(roles: Sequence[Row]) -> Iterator[str]:
    """What a config grants on more resources than the policies, without the actions that :func:`_added` names."""
    found = [
        [each for each in row["additional"] if row["unread"] or each["action"] not in row["addedActions"]]
        for row in roles
    ]
    for texts, whose in _sets([list(format_additions(each)) for each in found], roles):
        more = f"; and {len(texts) - _MOST_ADDITIONS:,} more (`--json`)" if len(texts) > _MOST_ADDITIONS else ""
        yield f"It grants more than the policies{whose}: {'; '.join(texts[:_MOST_ADDITIONS])}{more}."


def _boundaries(roles: Sequence[Row]) -> Iterator[str]:
    if bounded := [row for row in roles if row["permissionsBoundary"]]:
        whose = "the role" if len(roles) == 1 else _named(bounded)
        yield f"Keep the permissions boundary of {whose}. What it denies stays in it."


def _denies(roles: Sequence[Row]) -> Iterator[str]:
    denying = [row for row in roles if row["denies"]]
    if len(denying) == len(roles) == 1:
        yield f"Keep each statement that denies in a policy of its own: {', '.join(denying[0]['denies'])}."
    elif denying:
        yield f"Keep the statements that deny, of {_named(denying)}, in policies of their own."


def _host_management(roles: Sequence[Row]) -> Iterator[str]:
    """What a config changes for instances that the account's default role manages."""
    if deciding := [row for row in roles if is_decisive(row)]:
        whose = "the role" if len(roles) == 1 else _named(deciding)
        yield (
            f"With this config, Default Host Management Configuration no longer applies to the instances of {whose}. "
            "Grant everything that they need to the role."
        )


def _trusts(roles: Sequence[Row]) -> Iterator[str]:
    """What the component's trust policy does not have."""
    whose = dict[str, list[Row]]()
    for row in roles:
        for sentence in row["trustNotKept"]:
            whose.setdefault(sentence, []).append(row)
    for sentence, those in sorted(whose.items(), key=lambda each: -len(each[1]))[:_MOST_TRUSTS]:
        yield sentence if len(those) == len(roles) else f"{_named(those)}: {sentence}"
    if len(whose) > _MOST_TRUSTS:
        yield "More of the trust policies is not kept. `--json` has it as `trustNotKept`."
