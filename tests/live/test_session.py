"""A session types and reads with the plugin on PATH."""

import pytest

from live import session
from live.checks import check
from tests.live.emulated import CREDENTIALS

INSTANCE = "i-0123456789abcdef0"
VERSION = '#!/bin/sh\n[ "$1" = --version ] && echo 1.2.764.0 && exit\n'


@pytest.fixture
def talk(aws):
    aws.answers["ssm", "terminate_session"] = lambda request: aws.sessions.pop(request["SessionId"]) and request

    def perform(seconds=5):
        return check(lambda: session.type_and_read(aws.account, INSTANCE, "plain", seconds).text)

    return perform


@pytest.mark.usefixtures("plugin")
def test_reads_what_it_prints(aws, talk):
    """The result, which differs from what is typed. The session is ended."""
    outcome, text = talk()

    assert outcome == "passed"
    assert "result-42" in text
    assert aws.sessions == {}


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        ("echo 'Cannot perform start session: EOF'; exit 1", "the session ended, after "),
        ("sleep 30", "nothing within 1 s, after ''"),
        ("printf 'sh-5.2$ '; read -r line; exec sleep 30", "nothing within 1 s, after "),
        (
            "printf 'sh-5.2$ '; read -r line; eval \"$line\"; exec sleep 30",
            "the session did not end within 1 s after `exit`",
        ),
    ],
    ids=["refused", "no prompt", "no output", "no end"],
)
def test_fails(aws, plugin, talk, script, detail):
    """Whatever happens, the session is ended. What the terminal repeats is not mistaken for output."""
    plugin(VERSION + script)

    outcome, text = talk(seconds=1)

    assert (outcome, text[: len(detail)]) == ("failed", detail)
    assert aws.sessions == {}


def test_no_plugin(talk, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    assert talk() == ("skipped", "session-manager-plugin is not on PATH. Install it to start a session.")


def test_old_plugin(plugin, talk):
    plugin("#!/bin/sh\necho 1.2.497.0\n")

    assert talk() == ("skipped", "session-manager-plugin 1.2.497.0 is older than 1.2.498. Install a newer one.")


def test_token_is_in_no_process_list(plugin, talk, tmp_path):
    """The plugin gets the token in its environment, with the arguments that the AWS CLI passes."""
    plugin(f'{VERSION}echo "$@" > {tmp_path}/arguments; echo "$AWS_SSM_START_SESSION_RESPONSE" > {tmp_path}/response')

    talk(seconds=1)

    arguments = (tmp_path / "arguments").read_text()
    assert arguments.startswith(f"AWS_SSM_START_SESSION_RESPONSE {CREDENTIALS['region_name']} StartSession ")
    assert "https://ssm.eu-central-1.amazonaws.com" in arguments
    assert "secret-token" not in arguments
    assert "secret-token" in (tmp_path / "response").read_text()
