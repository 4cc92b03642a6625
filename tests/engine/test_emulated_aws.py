"""The emulated AWS by itself, without an engine."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import require


@pytest.fixture
def overlapping(monkeypatch):
    """How many requests moto had at a time, each time that one came."""
    application = require("moto.moto_server.werkzeug_app").DomainDispatcherApplication
    answer, at_once, seen = application.__call__, [], []

    def counted(*arguments):
        at_once.append(None)
        seen.append(len(at_once))
        time.sleep(0.01)
        try:
            return answer(*arguments)
        finally:
            at_once.pop()

    monkeypatch.setattr(application, "__call__", counted)
    return seen


def test_moto_has_one_request_at_a_time(overlapping):
    aws = require("sandbox.aws").EmulatedAws()
    iam = aws.client("iam")
    with ThreadPoolExecutor(8) as threads:
        for name in range(8):
            threads.submit(iam.create_instance_profile, InstanceProfileName=f"web{name}")
    made = iam.list_instance_profiles()["InstanceProfiles"]
    aws.stop()

    assert len(made) == 8
    assert set(overlapping) == {1}
