"""CloudTrail files made from the recorded calls of the real agent."""

import gzip
import json
from datetime import UTC, datetime, timedelta

from ssm_profile.cli.usage import RoleFacts
from ssm_profile.visibility import Kind, visibility_of
from tests import ROOT

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAYS = 30
ACCOUNT = "123456789012"
WEB = f"arn:aws:iam::{ACCOUNT}:role/web"
REGION = "us-east-1"
OLD = RoleFacts(
    WEB,
    created=NOW - timedelta(days=400),
    is_last_use_known=True,
    last_used=NOW,
    last_region=REGION,
    regions=frozenset({REGION}),
)
"""A role that can call in one Region only."""

RECORDED = {
    name: json.loads((ROOT / "tests" / "data" / f"{name}.json").read_text())["scenarios"]
    for name in ("agent-calls", "agent-calls-2026-11")
}
_SOURCES = {"ssmmessages": "ssm", "cloudwatch": "monitoring", "tag": "tagging"}
_EVENTS = {"s3:GetEncryptionConfiguration": "GetBucketEncryption", "s3:ListBucket": "HeadBucket"}


def event(action, time, role=WEB, **changes):
    """An event of a call, with changes of its fields. The account that receives it is the one whose trail has it."""
    service, _, name = action.partition(":")
    visibility = visibility_of(action)
    issuer = {"type": "Role", "arn": role, "accountId": role.split(":")[4], "userName": role.rsplit("/", 1)[-1]}
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "accountId": role.split(":")[4],
            "sessionContext": {"sessionIssuer": issuer, "ec2RoleDelivery": "2.0"},
        },
        "eventTime": f"{time:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": f"{_SOURCES.get(service, service)}.amazonaws.com",
        "eventName": _EVENTS.get(action, name),
        "awsRegion": REGION,
        "readOnly": False,
        "managementEvent": visibility is None or visibility.kind is Kind.MANAGEMENT,
        "recipientAccountId": ACCOUNT,
        **changes,
    }


def background(days=DAYS, role=WEB, account=ACCOUNT, **changes):
    """A trail of an account with an instance: each day a heartbeat, and a read and a use of KMS by an administrator."""
    admin = f"arn:aws:iam::{account}:role/admin"
    for number in range(days):
        day = NOW - timedelta(days=number)
        for action, caller, is_read in (
            ("ssm:UpdateInstanceInformation", role, False),
            ("ec2:DescribeInstances", admin, True),
            ("kms:Decrypt", admin, True),
        ):
            yield event(action, day, caller, readOnly=is_read, recipientAccountId=account, **changes)


def quiet(region):
    """A trail of an account that has calls in a Region on every fourth day."""
    return (each for number, each in enumerate(background(awsRegion=region)) if number // 3 % 4 == 0)


def events_of(scenario, *, data_events=(), name="agent-calls", day=3):
    """The events that a trail has of a recording: management events, and the data events of some services."""
    for call in RECORDED[name][scenario]["calls"]:
        action, visibility = call["action"], visibility_of(call["action"])
        is_recorded = visibility and (
            visibility.kind is Kind.MANAGEMENT
            or (visibility.kind is Kind.DATA and action.partition(":")[0] in data_events)
        )
        if is_recorded and "instance profile" in call["signed_by"]:
            error = {} if call["allowed"] else {"errorCode": "AccessDenied"}
            yield from (event(action, NOW - timedelta(days=day), **error) for _ in range(call["times"]))


def settings(path, *trails):
    """Write the output of describe-trails with trails like this one, which logs all management events everywhere."""
    trail = {
        "Name": "all",
        "TrailARN": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/all",
        "HomeRegion": REGION,
        "IsMultiRegionTrail": True,
        "IsOrganizationTrail": False,
        "HasCustomEventSelectors": False,
    }
    path.write_text(json.dumps({"trailList": [trail | each for each in trails or ({},)]}))
    return str(path)


def log_name(day=NOW, account=ACCOUNT, unique="Mu0KsOhtH1ar15ZZ"):
    """The name that CloudTrail gives a log file."""
    return f"{account}_CloudTrail_{REGION}_{day:%Y%m%d}T0420Z_{unique}.json.gz"


def write_log(folder, events):
    """Write a log file with the name that CloudTrail gives, of the day of its first event."""
    events = list(events)
    first = min((each["eventTime"] for each in events), default=f"{NOW:%Y-%m-%d}")
    return write(folder / log_name(datetime.fromisoformat(first[:10])), events)


def write(path, events):
    """Write events as a log file has them, compressed if the name ends so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps({"Records": list(events)}).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return str(path)
