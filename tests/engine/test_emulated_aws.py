"""The emulated AWS, without an engine."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import require


@pytest.fixture
def concurrency(monkeypatch):
    """The number of requests that moto handled at the same time, recorded at the start of each."""
    application = require("moto.moto_server.werkzeug_app").DomainDispatcherApplication
    handle, open_requests, counts = application.__call__, [], []

    def count(*arguments):
        open_requests.append(None)
        counts.append(len(open_requests))
        time.sleep(0.01)
        try:
            return handle(*arguments)
        finally:
            open_requests.pop()

    monkeypatch.setattr(application, "__call__", count)
    return counts


def test_requests_are_handled_one_by_one(concurrency):
    aws = require("sandbox.aws").EmulatedAws()
    iam = aws.client("iam")
    with ThreadPoolExecutor(8) as threads:
        for name in range(8):
            threads.submit(iam.create_instance_profile, InstanceProfileName=f"web{name}")
    profiles = iam.list_instance_profiles()["InstanceProfiles"]
    aws.stop()

    assert len(profiles) == 8
    assert set(concurrency) == {1}
