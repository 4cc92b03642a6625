"""``python -m benchmarks.trail MEGABYTES``: `ssm-profile fleet --used` on CloudTrail files of this size with gzip.

The events are the recorded calls of the real agent, again and again. Prints as JSON: the seconds, the largest resident
memory in MB, the size of the files with and without compression, and the number of events.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from .accounts import account_of, write_fleet
from .fleet import COMMAND
from .processes import measured

RECORDED = Path(__file__).parent.parent / "tests" / "data" / "agent-calls.json"
ROLES = 8
EVENTS_IN_FILE = 5_000
REGION = "eu-central-1"
_DAYS = 90


def main(megabytes: int) -> None:
    """Measure the command once."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        source, trail = folder / "account.json", folder / "trail"
        with source.open("w") as file:
            write_fleet(file, ROLES, ROLES)
        trail.mkdir()
        events, bytes_before, compressed = _write(trail, megabytes * 1_000_000)
        result = measured([*COMMAND, str(source), "--used", str(trail)], folder / "rows.json")
    print(json.dumps(result | {"gzip_mb": compressed / 1e6, "json_mb": bytes_before / 1e6, "events": events}))


def _write(folder: Path, size: int) -> tuple[int, int, int]:
    """Write files until they have a size.

    Returns:
        The number of events, and the sizes of all files before and after compression.
    """
    events, count, before, after = _events(), 0, 0, 0
    account, now = account_of(0), datetime.now(UTC)
    while after < size:
        content = json.dumps({"Records": list(islice(events, EVENTS_IN_FILE))}, separators=(",", ":")).encode()
        compressed = gzip.compress(content, 6)
        time = f"{now - timedelta(minutes=5 * count):%Y%m%dT%H%MZ}"
        (folder / f"{account}_CloudTrail_{REGION}_{time}_{count:016d}.json.gz").write_bytes(compressed)
        count, before, after = count + 1, before + len(content), after + len(compressed)
    return count * EVENTS_IN_FILE, before, after


def _events() -> Iterator[dict[str, Any]]:
    calls = [
        call
        for scenario in json.loads(RECORDED.read_text())["scenarios"].values()
        for call in scenario["calls"]
        if "instance profile" in call["signed_by"]
    ]
    random, now = Random(0), datetime.now(UTC)  # noqa: S311 - not for secrets
    for number, call in enumerate(cycle(calls)):
        yield _event(call, number, now - timedelta(seconds=random.randrange(_DAYS * 86_400)), random)


def _event(call: dict[str, Any], number: int, time: datetime, random: Random) -> dict[str, Any]:
    """An event as CloudTrail writes it."""
    service, _, action = call["action"].partition(":")
    account, role = account_of(0), f"app-{number % ROLES}-{number % ROLES}"
    instance, key = f"i-{random.getrandbits(68):017x}", f"ASIA{random.getrandbits(80):020X}"[:20]
    arn = f"arn:aws:iam::{account}:role/{role}"
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROA{number % ROLES:017d}:{instance}",
            "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{instance}",
            "accountId": account,
            "accessKeyId": key,
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": f"AROA{number % ROLES:017d}",
                    "arn": arn,
                    "accountId": account,
                    "userName": role,
                },
                "attributes": {"creationDate": f"{time:%Y-%m-%dT%H:00:00Z}", "mfaAuthenticated": "false"},
                "ec2RoleDelivery": "2.0",
            },
        },
        "eventTime": f"{time:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": action,
        "awsRegion": REGION,
        "sourceIPAddress": f"10.0.{number % 200}.{random.randrange(250)}",
        "userAgent": "aws-sdk-go/1.55.5 (go1.23; linux; amd64) amazon-ssm-agent/3.3.5226.0",
        **({} if call["allowed"] else {"errorCode": "AccessDenied", "errorMessage": f"{arn} is not authorized"}),
        "requestParameters": {"instanceId": instance, "resource": call["resource"]},
        "responseElements": None,
        "requestID": str(UUID(int=random.getrandbits(128))),
        "eventID": str(UUID(int=random.getrandbits(128))),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
