"""The sample of the report in docs/fleet.md is what the command prints."""

import json
import re

from tests import ROOT
from tests.cli.accounts import details, role
from tests.cli.policies import MINIMUM, SCOPED_MINIMUM, allow

USED = {"RoleLastUsed": {"LastUsedDate": "2026-11-01T08:00:00+00:00", "Region": "eu-central-1"}}
ROLES = [
    role("operator", allow(MINIMUM), allow("ssm:SendCommand"), **USED),
    role("web", *SCOPED_MINIMUM, **USED),
    role("app", allow(MINIMUM), allow("s3:GetObject", "arn:aws:s3:::app-config/*"), **USED),
    role("batch", *SCOPED_MINIMUM, profiles=(), RoleLastUsed={}),
]


def test_sample(run_on_terminal, tmp_path):
    (tmp_path / "account.json").write_text(json.dumps(details(*ROLES)))
    printed = run_on_terminal(110, "fleet", str(tmp_path / "account.json"))
    (sample,) = re.findall(r"```text\n(.*?)```", (ROOT / "docs" / "fleet.md").read_text(), re.DOTALL)

    assert printed.replace("\r", "").startswith(re.sub(r"list of \S+\.", _date_of(printed), sample))


def _date_of(printed):
    """The date of AWS's list changes with each version of it."""
    return re.search(r"list of \S+\.", printed)[0]
