"""An emulated account for each test, and a plugin that plays a session."""

import os
from functools import cache
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests import require

require("boto3")
moto = require("moto")
emulated = require("tests.live.emulated")

PLUGIN = """#!/bin/sh
if [ "$1" = --version ]; then echo 1.2.764.0; exit; fi
test "$1" = AWS_SSM_START_SESSION_RESPONSE && test -n "$AWS_SSM_START_SESSION_RESPONSE" || exit 1
echo 'Starting session'
printf 'sh-5.2$ '
read -r line
eval "$line"
printf 'sh-5.2$ '
read -r line
"""
"""A session-manager-plugin that runs the first line that is typed, and ends at the second."""


@pytest.fixture(scope="session", autouse=True)
def one_private_key():
    """Gives all KMS keys the same RSA key. moto creates one for each, which takes up to half a second."""
    with patch.object(rsa, "generate_private_key", cache(rsa.generate_private_key)):
        yield


@pytest.fixture
def aws(monkeypatch):
    """The emulated account. It has no images, since loading moto's takes longer than a test."""
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    monkeypatch.setenv("MOTO_ACCOUNT_ID", emulated.LOCATION["account"])
    with moto.mock_aws(config={"iam": {"load_aws_managed_policies": False}}):
        yield emulated.EmulatedAws()


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Puts a session-manager-plugin on PATH. `plugin(text)` replaces it."""

    def install(text):
        program = tmp_path / "bin" / "session-manager-plugin"
        program.parent.mkdir(exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)

    install(PLUGIN)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return install
