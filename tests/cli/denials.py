"""Messages of denied calls: the corpus in tests/data/denials, and what tests build messages from."""

import yaml

from tests import ROOT

_FILES = sorted((ROOT / "tests/data/denials").glob("*.yaml"))
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # each process of the tests reads the corpus
ENTRIES = {
    f"{file.stem}: {entry['name']}": entry for file in _FILES for entry in yaml.load(file.read_text(), Loader=_LOADER)
}
"""Each message with its source and its expected answers, by file and name."""

INSTANCE = "arn:aws:sts::123456789012:assumed-role/web/i-0123456789abcdef0"
ACCOUNT = "eu-central-1:123456789012"
PARAMETER = f"arn:aws:ssm:{ACCOUNT}:parameter/app/db"
KEY = f"arn:aws:kms:{ACCOUNT}:key/1234abcd"
LOG_GROUP = f"arn:aws:logs:{ACCOUNT}:log-group:/ssm/sessions:log-stream:x"
IMPLICIT = "because no identity-based policy allows the %s action"
EVENT = {
    "eventVersion": "1.11",
    "userIdentity": {"type": "AssumedRole", "arn": INSTANCE},
    "eventSource": "ssm.amazonaws.com",
    "eventName": "PutInventory",
    "errorCode": "AccessDenied",
}


def message(action, resource="*", caller=INSTANCE, reason=""):
    return f"User: {caller} is not authorized to perform: {action} on resource: {resource} {reason}\n"
