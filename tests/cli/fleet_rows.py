"""Rows of a fleet, as docs/fleet.schema.json describes them, and their page."""

from importlib import import_module

ACCOUNT = "123456789012"
NEEDED = [{"capability": name, "verdict": "works"} for name in ("messaging", "heartbeat")]


def a_role(name, *, account=ACCOUNT, **changes):
    """The row of a role. Without changes, it is clean."""
    return {
        "schemaVersion": 1,
        "kind": "role",
        "account": account,
        "role": name,
        "arn": f"arn:aws:iam::{account}:role/{name}",
        "instanceProfiles": [f"profile-{name}"],
        "source": "account.json",
        "level": "clean",
        "openLevel": "clean",
        "accepted": [],
        "systemsManager": "works",
        "reasons": [],
        "defaultHostManagement": False,
        "risks": [],
        "tooWide": False,
        "unneeded": [],
        "unscoped": [],
        "notKept": [],
        "conditionsNotKept": [],
        "addedActions": [],
        "deprecated": [],
        "unread": [],
        "ambiguous": [],
        "permissionsBoundary": None,
        "actions": 5,
        "readActions": 5,
        "proposedActions": None,
        "options": None,
        "fillIn": [],
        "leftOut": [],
        "capabilities": NEEDED,
        "covered": [],
        "additional": [],
        "copies": [],
        "denies": [],
        "trustNotKept": [],
        "lastUsed": None,
        "lastUsedRegion": None,
        "lastUseKnown": False,
        "instances": None,
        "used": None,
    } | changes


def a_problem(place, reason):
    """The row of something that could not be judged."""
    return {"schemaVersion": 1, "kind": "problem", "place": place, "reason": reason}


RISKY = {
    "level": "risky",
    "risks": [{"risk": "run_commands", "summary": "run commands on other instances", "certain": True}],
    "deprecated": ["AmazonSSMFullAccess"],
    "actions": 1234,
    "readActions": 1234,
    "proposedActions": 6,
    "options": {"scope_heartbeat": True},
    "leftOut": [{"capability": "patching", "verdict": "works if", "reasons": ["It works if `x` holds."]}],
    "capabilities": [*NEEDED, {"capability": "patching", "verdict": "works if"}],
}
BROKEN = {
    "level": "broken",
    "systemsManager": "partly",
    "reasons": ["`ssm:UpdateInstanceInformation`: no statement allows it."],
    "actions": None,
    "readActions": 40,
    "unread": ["secret-policy"],
    "capabilities": [{"capability": "messaging", "verdict": "works"}, {"capability": "heartbeat", "verdict": "partly"}],
}


def page_of(*rows):
    """The page of some rows."""
    counts = import_module("ssm_profile.cli.fleet.report").Counts(distinct=len(rows), others=0)
    return "".join(import_module("ssm_profile.cli.fleet.page").format_page(rows, counts))
