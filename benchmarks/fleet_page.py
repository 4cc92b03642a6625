"""The section of docs/benchmarks.md about `ssm-profile fleet`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .results import Results, Round, median
from .tables import number, seconds, table

FLEET = """
## How long does `ssm-profile fleet` take?

The input is a file of accounts as `aws iam get-account-authorization-details` writes it, with synthetic roles: with
AmazonSSMManagedInstanceCore alone and with other policies, with AmazonEC2RoleforSSM, with inline policies, conditions,
wildcards, Deny statements and permissions boundaries. One role in eleven is for another service. The output is JSON.

Each distinct set of policies is judged once, on all processors. The time grows with the number of roles, which are read
and printed, and with the number of distinct sets. The processor time is that of all processes together. Other work on
the machine lengthens the time more than the processor time.

"""

AIMS = """
- 10,000 roles in less than {seconds} s on 2 cores: {time}.
- 100,000 roles in less than {memory} MB: {is_met}. The memory grows with the rows, which the command sorts before it
  prints them.
"""

SIDE_BY_SIDE = """
### Which faults does it find?

The account has {roles:,} roles. Faults of {kinds} kinds are planted in {planted} of them, and
[benchmarks/faults.py](../benchmarks/faults.py) lists them. `fleet` finds a fault if it reports exactly what is planted.
Of the other {others:,} roles, it reports {wrong} wrongly.

[cloudsplaining](https://github.com/salesforce/cloudsplaining) {version} reads the same file. It asks another question:
which actions each policy allows without limits. It does not ask whether an instance can use a role and whether Systems
Manager works with it. Its findings are counted generously:

- A fault counts as found if there is a finding on a policy of the role that names an action which Systems Manager does
  not need. For an AWS managed policy to replace, this is a finding on its content.
- Content that is not in the input counts as found if cloudsplaining prints that a policy of the role is not found.
- Its list of exclusions is empty here. The default one skips AmazonEC2RoleforSSM.
{stops}
"""

STOPS = """- A policy that IAM would refuse stops it (`{error}`).
  It reads the account without these roles. AWS's own output has no such policy.
"""

TRAIL = """
### How long does it take to read CloudTrail files?

`fleet --used` reads {gzip:.0f} MB of CloudTrail files, {json:.0f} MB before compression, in {time}: {rate} MB of
compressed files each second. At this rate, 1 GB takes {minutes} minutes. The processor time is
{processor}, and the memory of all processes is {memory:.0f} MB. The files contain {events:,} events. They are the
recorded calls of the real agent, repeated.
"""

MOST_SECONDS, MOST_MB = 60, 500
"""The aims for 10,000 roles, and for 100,000."""


def fleet_section(results: Results) -> Iterator[str]:
    """The section."""
    measured = results["fleet"]
    yield FLEET
    heads = ("roles", "distinct sets", "time", "processor time", "time per role", "memory of all processes", "input")
    yield table(heads, [_run(each) for each in measured["runs"]])
    memory = median(measured["runs"][-1]["rounds"], "peak_mb")
    yield AIMS.format(
        seconds=MOST_SECONDS,
        time=", ".join(_times(measured["runs"])),
        memory=MOST_MB,
        is_met=_is_met(memory < MOST_MB),
    )
    yield from _side_by_side(measured["side_by_side"])
    yield _trail(measured["trail"])


def _run(each: Mapping[str, Any]) -> list[str]:
    rounds: list[Round] = each["rounds"]
    return [
        f"{each['roles']:,}",
        f"{each['distinct']:,}",
        seconds(median(rounds)),
        seconds(median(rounds, "processor")),
        seconds(median(rounds) / each["roles"]),
        f"{median(rounds, 'peak_mb'):.0f} MB",
        f"{median(rounds, 'input_mb'):.0f} MB",
    ]


def _times(runs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Whether the aim for 10,000 roles is met, for each number of distinct sets."""
    for each in runs:
        if each["roles"] == 10_000:  # noqa: PLR2004 - the aim is for this number
            yield f"{_is_met(median(each['rounds']) < MOST_SECONDS)} with {each['distinct']:,} distinct sets"


def _is_met(is_met: bool) -> str:  # noqa: FBT001 - the outcome of a comparison
    return "met" if is_met else "not met"


def _side_by_side(result: Mapping[str, Any]) -> Iterator[str]:
    kinds = result["kinds"]
    yield SIDE_BY_SIDE.format(
        roles=result["roles"],
        kinds=len(kinds),
        planted=sum(each["planted"] for each in kinds.values()),
        others=result["others"],
        wrong=result["wrong"] or "none",
        version=result["version"],
        stops=STOPS.format(error=result["stops"]) if result["stops"] else "",
    )
    names = {"fleet": "`ssm-profile fleet`", "cloudsplaining": "cloudsplaining"}
    measured = {name: result["rounds"][name][0] for name in names}
    rows = [
        ["time", *(seconds(each["seconds"]) for each in measured.values())],
        ["processor time", *(seconds(each["processor"]) for each in measured.values())],
        ["memory", *(f"{each['peak_mb']:.0f} MB" for each in measured.values())],
        *(
            [kind, *("not asked" if of[name] is None else f"{of[name]} of {of['planted']}" for name in names)]
            for kind, of in kinds.items()
        ),
    ]
    yield table(["", *names.values()], rows)


def _trail(result: Mapping[str, Any]) -> str:
    rate = result["gzip_mb"] / result["seconds"]
    return TRAIL.format(
        gzip=result["gzip_mb"],
        json=result["json_mb"],
        time=seconds(result["seconds"]),
        processor=seconds(result["processor"]),
        rate=number(rate),
        minutes=number(1000 / rate / 60),
        memory=result["peak_mb"],
        events=result["events"],
    )
