"""The report of an audit: the answer first, then the details."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ssm_profile.catalogue import (
    DEFAULT_HOST_MANAGEMENT,
    EC2_ADVICE,
    NO_DEFAULT_HOST_MANAGEMENT,
    NOT_NEEDED,
)
from ssm_profile.iam.evaluator import Kind
from ssm_profile.options import camel_case

from .audit import BROKEN, CLEAN, REQUIRED_FEATURES
from .audit_reasons import (
    Data,
    Options,
    all_conditions,
    depends_briefly_on,
    depends_on_option,
    is_unread,
    needed_conditions,
    short_trust_condition,
    statement_place,
    trust_conditions,
    why_missing,
    works_sentences,
)
from .report import CodeBlock, Items, Paragraph, Part, Report, Table, action_cell, code, code_lines, first_of
from .reverse_lookup import has_feature
from .stack_yaml import format_covered, format_stack_config, in_camel_case, options_as_code
from .verdicts import Verdict

_MOST_REASONS = 2
_MOST_RISKS = 3
_MOST_ACTIONS = 2
_MOST_LOST = 10

NOT_TOGETHER = "Its option excludes one of these. Keep the permissions for it in a policy of their own if you use it."
"""Why options leave out a capability that works."""


def format_audit(audit: Data, *, every_capability: bool = False) -> Report:
    """The report of :func:`~.audit.audit_policy`.

    Args:
        audit: The audit.
        every_capability: Whether to show the capabilities that the policy does not touch.
    """
    audit = _without_own_name(audit, audit["name"])
    shown = [row for row in audit["capabilities"] if every_capability or _is_touched(row)]
    hidden = len(audit["capabilities"]) - len(shown)
    return [
        Paragraph(_first_line(audit)),
        *([Items(tuple(summary))] if (summary := list(_summary(audit))) else []),
        Table(
            "Capabilities",
            ("Capability", "Verdict", "Missing permissions, or what it depends on"),
            list(_capability_rows(shown)),
        ),
        *(
            [Paragraph(f"The policy grants nothing of {hidden} further capabilities. `--all` shows them.")]
            if hidden
            else []
        ),
        Table(
            "Dangerous permissions",
            ("An instance can", "Actions", "Condition"),
            [_risk(row) for row in audit["risks"]],
        ),
        Table(
            "Policies to replace",
            ("Policy", "Reason"),
            [(code(row["policy"]), row["why"]) for row in audit["deprecated"]],
        ),
        Table(
            "Permissions that no capability needs",
            ("Action", "Reason"),
            [(action_cell(row), in_camel_case(row["why"] or NOT_NEEDED)) for row in audit["unneeded"]],
        ),
        Table(
            "Permissions on more resources than needed",
            ("Action", "Granted resource", "Sufficient scope"),
            [
                (code(row["action"]), code(row["resource"]), in_camel_case(_sufficient(row)))
                for row in audit["unscoped"]
            ],
        ),
        Table(
            "Statements that deny",
            ("Statement", "Location"),
            [(code(row["text"]), statement_place(row)) for row in audit["denies"]],
        ),
        *_default_host_management(audit),
        *_trust(audit),
        *_unknown(audit),
        *_copies(audit),
        *_replacement(audit),
    ]


def reasons(audit: Data, first: str = "") -> list[str]:
    """Why Systems Manager does not work, or what it depends on that it works: a sentence for each reason.

    Args:
        audit: The audit of a role.
        first: The action that is named first if it is missing.
    """
    required = [row for row in audit["capabilities"] if row["capability"] in REQUIRED_FEATURES]
    return list(_missing(required, first)) or list(_conditions(required, audit["denies"], depends_on_option))


def left_out(audit: Data, verdict: Verdict) -> list[Data]:
    """The capabilities with a verdict that the options leave out, although the policy grants or may grant them.

    A capability that only a statement that denies may prevent is in the options: whoever replaces the policy keeps the
    statement. One that is granted in part counts only with an action of its own: others have other uses.
    """
    covered = {row["capability"] for row in audit["covered"]}

    def is_left_out(row: Data) -> bool:
        if row["verdict"] == Verdict.PARTLY.value and not row["ownActions"]:
            return False
        may_be_granted = row["verdict"] == Verdict.WORKS.value or _depends_on_denies(row)
        name = row["capability"]
        return not may_be_granted or not (name in covered or has_feature(audit["options"], name))

    return [
        row
        for row in audit["capabilities"]
        if row["verdict"] == verdict.value and row["capability"] not in REQUIRED_FEATURES and is_left_out(row)
    ]


def conditions(row: Data) -> list[str]:
    """What it depends on whether a capability works: sentences."""
    return works_sentences("It", needed_conditions(row["dependsOn"]))


def in_plural(sentence: str) -> str:
    """One of the sentences of :func:`conditions`, for several capabilities."""
    for singular, plural in (
        ("It works ", "They work "),
        ("And it works ", "And they work "),
        ("And it does ", "And they do "),
    ):
        if sentence.startswith(singular):
            return plural + sentence.removeprefix(singular)
    return sentence


def additions(audit: Data) -> list[dict[str, Any]]:
    """What the options grant and the policy does not certainly grant, with the capabilities that they grant it for."""
    return [
        {"capability": row["capability"], **each}
        for row in audit["capabilities"]
        if has_feature(audit["options"], row["capability"])
        for each in row["additional"]
    ]


def denies_to_keep(audit: Data) -> list[str]:
    """The statements that deny and that no option adds, without those of the boundary, which the role keeps."""
    return [statement_place(row) for row in audit["denies"] if not row["option"] and not row["boundary"]]


def next_step(audit: Data) -> str:
    """What to do where no option helps, because a Deny or a permissions boundary limits the role. Empty elsewhere."""
    required = [row for row in audit["capabilities"] if row["capability"] in REQUIRED_FEATURES]
    step = "" if audit["options"] is not None else _change_limit(required).removeprefix("Next: ")
    return step[:1].upper() + step[1:]


def _without_own_name(data: Any, name: str) -> Any:
    """An audit in which statements of the audited policy itself do not repeat its name."""
    if isinstance(data, list):
        return [_without_own_name(each, name) for each in data]
    if not isinstance(data, dict):
        return data
    copy = {key: _without_own_name(value, name) for key, value in data.items()}
    return copy | {"policy": None} if copy.get("policy") == name and copy.get("statement") else copy


def _first_line(audit: Data) -> str:
    name = code(audit["name"])
    if audit["level"] == BROKEN:
        return f"Systems Manager does NOT work with {name}."
    if audit["systemsManager"] == Verdict.WORKS_IF.value:
        return f"Systems Manager may work with {name}."
    return f"Systems Manager works with {name}." + (" There is nothing to fix." if audit["level"] == CLEAN else "")


def _summary(audit: Data) -> Iterator[str]:
    """The answer in at most seven lines of 80 columns: what is missing and why, what is dangerous, what to do next."""
    required = [row for row in audit["capabilities"] if row["capability"] in REQUIRED_FEATURES]
    yield from audit["notes"]
    yield from short_trust_condition(audit["trust"])
    most = max(_MOST_REASONS - len(audit["notes"]) - bool(audit["trust"]), 1)
    if missing := list(_missing(required)):
        yield from _first(missing, most, "reasons")
    else:
        apart = list(_conditions(required, audit["denies"], depends_briefly_on, together=1))
        joined = list(_conditions(required, audit["denies"], depends_briefly_on))
        yield from joined if len(apart) <= most else _first(apart, most, "conditions")
    for start, certain in (("Dangerous: an instance can", True), ("Possible danger: an instance may", False)):
        names = [row["summary"] for row in audit["risks"] if row["certain"] is certain]
        if names:
            more = f"; and {len(names) - _MOST_RISKS} more" if len(names) > _MOST_RISKS else ""
            yield f"{start} {'; '.join(names[:_MOST_RISKS])}{more}."
    if next_step := _next_step(audit, required):
        yield next_step


def _first(sentences: Sequence[str], most: int, name: str) -> list[str]:
    """The sentences, or all but the last of those that there is room for, and how many more there are."""
    if len(sentences) <= most:
        return list(sentences)
    shown = sentences[: most - 1]
    return [*shown, f"{len(sentences) - len(shown)} {'further ' if shown else ''}{name} are below."]


def _missing(required: Iterable[Data], first: str = "") -> Iterator[str]:
    """Why Systems Manager does not work, a sentence for each reason."""
    groups = _by_reason([row for each in required for row in each["missing"]])
    for rows in sorted(groups, key=lambda rows: all(row["action"] != first for row in rows) if first else 0):
        # Each action depends on the ones after it: the last symptom is the one that shows.
        symptom = f" {rows[-1]['symptom']}" if len(groups) == 1 else ""
        reason = why_missing(rows[0]["reasons"], several=len(rows) > 1)
        actions = sorted((row["action"] for row in rows), key=lambda action: action != first if first else 0)
        yield f"{_short(actions)}: {reason}.{symptom}"


def _conditions(
    required: Sequence[Data], denies: Iterable[Data], worded: Callable[[Data, Options], str], *, together: int = 2
) -> Iterator[str]:
    """What it depends on whether Systems Manager works: sentences.

    Args:
        required: The capabilities that every other one requires.
        denies: The statements that deny.
        worded: Words a reason, given the options that add the statements that deny.
        together: How many conditions a sentence may have.
    """
    options = {statement_place(row): row["option"] for row in denies}
    uncertain = [row for row in required if row["dependsOn"]]
    names: dict[str, list[str]] = {}
    for row in uncertain:
        for each in needed_conditions(row["dependsOn"], lambda reason: worded(reason, options)):
            names.setdefault(each, []).append(options_as_code([row["capability"]]))
    subjects: dict[str, list[str]] = {}
    for condition, whose in names.items():
        subjects.setdefault("It" if len(set(whose)) == len(uncertain) else whose[0], []).append(condition)
    for subject, needed in subjects.items():
        yield from works_sentences(subject, needed, together)


def _next_step(audit: Data, required: Sequence[Data]) -> str:
    if audit["options"] is None:
        return _change_limit(required)
    if audit["level"] == BROKEN and audit["notes"]:
        return "Next: fix this first. The options below grant what the policies grant."
    if audit["level"] == BROKEN:
        return "Next: replace it with the options below. They grant what is missing."
    if audit["trust"]:
        then = "" if audit["level"] == CLEAN else " Then use the options at the end."
        return f"Next: check that an instance gets credentials, or take the condition out of the trust policy.{then}"
    if audit["systemsManager"] == Verdict.WORKS_IF.value:
        kinds = {each["kind"] for row in required for each in row["dependsOn"]}
        options = "" if Kind.EXPLICIT_DENY.value in kinds else ", or use the options at the end"
        return f"Next: check this on your instances{options}."
    keep = " Keep what else your software needs." if _has_further_permissions(audit) else ""
    return "" if audit["level"] == CLEAN else f"Next: replace it with the options below.{keep}"


def _change_limit(required: Iterable[Data]) -> str:
    """The next step where no option can help."""
    kinds = {each["kind"] for row in required for one in row["missing"] for each in one["reasons"]}
    if Kind.EXPLICIT_DENY.value in kinds:
        return "Next: change what denies it. No option lifts a Deny or a boundary."
    return "Next: let the permissions boundary allow it. No option can."


def _replacement(audit: Data) -> Iterator[Part]:
    if audit["options"] is None:
        return
    yield Paragraph(
        "These options replace the policy and keep every capability that works with it. "
        "Leave out those that you do not use:"
    )
    yield CodeBlock(format_stack_config(audit["options"]))
    yield from format_covered(audit["covered"])
    if sentences := list(_left_out(audit)):
        yield Paragraph("The options leave out:")
        yield Items(tuple(sentences))


def _left_out(audit: Data) -> Iterator[str]:
    """What the options do not grant or deny, although the policy may."""
    for verdict, why in (
        (Verdict.WORKS, NOT_TOGETHER),
        (Verdict.WORKS_IF, "It is not known whether the policy grants all that is needed. Add those that you use."),
        (Verdict.PARTLY, "The policy grants only a part of what is needed. Add those that you use."),
    ):
        if names := [row["capability"] for row in left_out(audit, verdict)]:
            yield f"{options_as_code(names)}. {why}"
    if lost := audit["notKept"]:
        yield _lost(lost)
    if _has_unneeded(audit):
        yield "Permissions that no capability needs. Keep those that your software needs in a policy of their own."
    if audit["boundary"]:
        boundary = code(audit["boundary"])
        yield f"The permissions boundary {boundary}, with what it denies. Keep it with `permissionsBoundaryArn`."
    if denies := denies_to_keep(audit):
        places = ", ".join(denies[:_MOST_REASONS])
        more = f" and {len(denies) - _MOST_REASONS} more" if len(denies) > _MOST_REASONS else ""
        yield f"Each statement that denies: {places}{more}. Keep it in a policy of its own."
    yield from audit["trustNotKept"]


def _lost(actions: Sequence[str]) -> str:
    """What to do about actions that the options do not grant."""
    if len(actions) == 1:
        return f"{code(actions[0])}. If your software needs it, keep it in a policy of its own."
    shown = first_of(map(code, actions), _MOST_LOST)
    return f"{shown}. Keep those that your software needs in a policy of their own."


def _depends_on_denies(row: Data) -> bool:
    """Whether a capability works where no statement of the input denies it."""
    reasons = row["dependsOn"]
    denies = [each for each in reasons if each["kind"] == Kind.EXPLICIT_DENY.value and not is_unread(each)]
    return bool(reasons) and denies == reasons


def _has_further_permissions(audit: Data) -> bool:
    """Whether the policy grants what other software than Systems Manager may use."""
    return _has_unneeded(audit) or bool(audit["notKept"])


def _has_unneeded(audit: Data) -> bool:
    """Whether the policy grants what Systems Manager never uses."""
    return any(row["why"] is None for row in audit["unneeded"])


def _default_host_management(audit: Data) -> Iterator[Part]:
    if audit["defaultHostManagement"] is not None:
        yield Paragraph(DEFAULT_HOST_MANAGEMENT if audit["defaultHostManagement"] else NO_DEFAULT_HOST_MANAGEMENT)


def _trust(audit: Data) -> Iterator[Part]:
    if sentences := trust_conditions(audit["trust"]):
        known = all(each["kind"] == Kind.UNKNOWN_VALUE.value for each in audit["trust"])
        why = "" if known else " This is not known: AWS does not document which condition keys EC2 sends."
        yield Paragraph(f"{' '.join(sentences)}{why}")


def _unknown(audit: Data) -> Iterator[Part]:
    """What the input does not say."""
    if missing := [each for each in audit["unread"] if each not in audit["ambiguous"]]:
        names = ", ".join(map(code, missing))
        yield Paragraph(f"The input does not contain {names}. Verdicts that depend on it are not certain.")
    if audit["ambiguous"]:
        names = ", ".join(map(code, audit["ambiguous"]))
        yield Paragraph(
            f"The input has several documents of {names} and does not say which one counts, so none was read. Verdicts "
            "that depend on it are not certain."
        )
    if audit["unknownValues"]:
        names = ", ".join(map(code, audit["unknownValues"]))
        yield Paragraph(f"The input does not say the values of {names}. Verdicts that depend on them are not certain.")


def _copies(audit: Data) -> Iterator[Part]:
    """The copies of AWS's data that the report shows something of."""
    *policies, actions = audit["copies"]
    shown = [*policies, *([actions] if audit["unneeded"] else [])]
    if shown:
        yield Paragraph(f"Read from copies of AWS's data: {', '.join(shown)}.")


def _is_touched(row: Data) -> bool:
    """Whether a policy says something about a capability."""
    if row["verdict"] != Verdict.MISSING.value or row["capability"] in REQUIRED_FEATURES:
        return True
    return any(reason["kind"] != Kind.NOT_ALLOWED.value for each in row["missing"] for reason in each["reasons"])


def _capability_rows(shown: Iterable[Data]) -> Iterator[tuple[str, str, str]]:
    """The capabilities, with one row for all that depend on the same conditions."""
    groups: dict[tuple[str, ...], list[Data]] = {}
    for row in shown:
        details = _details(row)
        own = () if row["dependsOn"] else (row["capability"],)
        groups.setdefault((*details, *own), []).append(row)
    for rows in groups.values():
        yield (
            code_lines([camel_case(row["capability"]) for row in rows]),
            rows[0]["verdict"],
            "\n".join(_details(rows[0])),
        )


def _details(row: Data) -> list[str]:
    """What a capability lacks or depends on, a line for each."""
    if row["requires"]:
        return [f"It has no effect without {options_as_code([row['requires']])}, which does not work."]
    if row["dependsOn"]:
        first, *others = needed_conditions(row["dependsOn"])
        return [first, *(f"and {each}" for each in others), *_additional_lines(row)]
    if row["verdict"] == Verdict.PARTLY.value and not row["missing"]:
        return [f"It is granted with some of the values of {options_as_code([row['option']])} only."]
    if row["capability"] == "ec2_describe" and row["missing"]:
        return [f"{len(row['missing']):,} actions of `ec2:Describe*` are missing"]
    # Nobody waits for a feature of which the policy grants nothing, unless every other feature requires it.
    brief = row["verdict"] == Verdict.MISSING.value and row["capability"] not in REQUIRED_FEATURES
    missing = [
        f"{code(each['action'])}{_on(each)}: {why_missing(each['reasons'])}." + ("" if brief else f" {each['symptom']}")
        for each in row["missing"]
    ]
    return missing + _additional_lines(row)


def _additional_lines(row: Data) -> list[str]:
    return [f"The option also grants {each}." for each in format_additions(row["additional"])]


def format_additions(rows: Iterable[Data]) -> Iterator[str]:
    """Actions that have the same resources, with these resources."""
    by_resources: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        by_resources.setdefault(tuple(row["resources"]), []).append(code(row["action"]))
    for resources, actions in by_resources.items():
        yield f"{', '.join(actions)} on {_short(resources)}"


def _on(row: Data) -> str:
    return "" if row["resources"] == ["*"] else f" on {', '.join(map(code, row['resources']))}"


def _by_reason(rows: Iterable[Data]) -> list[list[Data]]:
    groups: dict[str, list[Data]] = {}
    for row in rows:
        groups.setdefault(why_missing(row["reasons"]), []).append(row)
    return list(groups.values())


def _risk(row: Data) -> tuple[str, str, str]:
    together = [" with ".join(map(code, each)) for each in row["combinations"]]
    conditions = "\n".join(all_conditions(row["dependsOn"]))
    return row["summary"], "\n".join([*map(code, row["actions"]), *together]), conditions


def _sufficient(row: Data) -> str:
    if row["action"] == "ec2:Describe*":
        return in_camel_case(EC2_ADVICE)
    if row["conditionKeys"]:
        return f"`*` with a condition on {', '.join(map(code, row['conditionKeys']))}"
    return code_lines([in_camel_case(each) for each in row["sufficient"]])


def _short(actions: Sequence[str]) -> str:
    """The first actions or resources, and how many more there are."""
    shown = ", ".join(map(code, actions[:_MOST_ACTIONS]))
    return shown + (f" and {len(actions) - _MOST_ACTIONS} more" if len(actions) > _MOST_ACTIONS else "")
