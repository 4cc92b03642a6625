"""The parts of a report that say which instances have roles."""

from collections.abc import Iterator, Sequence

from ssm_profile.cli.report import Part, Table, code

from .instances import ONLINE
from .rows import Row, instances_of

_MOST_INSTANCES = 3


def instance_tables(roles: Sequence[Row], rows: Sequence[Row]) -> Iterator[Part]:
    """Tables on the instances of roles, and on those without a role."""
    used = [row for row in roles if row["instances"]]
    yield Table(
        "Instances of the roles",
        ("Role", "Account", "Instances", "Online in Systems Manager", "Not online", "Agent versions"),
        [_use(row) for row in used],
        folds=True,
    )
    yield Table(
        "Instances without a role of the list",
        ("Instance", "Account", "Region", "State", "Systems Manager", "Reason"),
        [
            (
                code(row["instance"]),
                row["account"],
                row["region"],
                row["state"],
                row["pingStatus"] or "does not manage it",
                row["reason"],
            )
            for row in instances_of(rows)
        ],
    )


def _use(row: Row) -> tuple[str, ...]:
    """How many instances have a role, and the running ones that are not online."""
    instances = row["instances"]
    online = sum(each["pingStatus"] == ONLINE for each in instances)
    lost = [each["instance"] for each in instances if each["pingStatus"] != ONLINE and each["state"] == "running"]
    more = f" and {len(lost) - _MOST_INSTANCES:,} more" if len(lost) > _MOST_INSTANCES else ""
    versions = sorted({each["agentVersion"] for each in instances if each["agentVersion"]})
    return (
        code(row["role"]),
        row["account"] or "",
        f"{len(instances):,}",
        f"{online:,}",
        ", ".join(map(code, lost[:_MOST_INSTANCES])) + more,
        ", ".join(versions),
    )


def instance_summary(roles: Sequence[Row], rows: Sequence[Row]) -> Iterator[str]:
    """Sentences on all instances."""
    is_known = any(row["instances"] is not None for row in roles)
    if is_known and (unknown := sum(row["instances"] is None for row in roles)):
        yield f"Roles of which it is not known whether an instance has them: {unknown:,}. The problems say why."
    if not is_known:
        return
    instances = [each for row in roles for each in row["instances"] or ()]
    running = [each for each in instances if each["state"] == "running"]
    online = sum(each["pingStatus"] == ONLINE for each in running)
    yield (
        f"Running instances with a role of the list: {len(running):,}. Online in Systems Manager: {online:,}. "
        "`ssm-profile diagnose` says why another one is not."
    )
    if idle := sum(row["instances"] == [] for row in roles):
        yield f"Roles that no instance has in the Regions that were read: {idle:,}."
    if without := sum(1 for _ in instances_of(rows)):
        yield f"Instances without a role of the list: {without:,}."
