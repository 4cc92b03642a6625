"""The stack's state: two updates at once, a file that is broken, a passphrase that is wrong, a disk that is full."""

import shutil
import threading

import pytest
from pulumi.automation import CommandError, ConfigValue

from tests.engine.conftest import changes, documents, program_fails, state_files
from tests.engine.faults import Wire
from tests.engine.lives import left_in
from tests.expected import DEFAULT

pytestmark = program_fails


def test_a_second_update_is_refused_while_one_runs_and_the_state_stays_whole(sandbox, iam):
    arrived, go_on = threading.Event(), threading.Event()

    def held(answer, start_response):
        arrived.set()
        assert go_on.wait(60)
        return answer(start_response)

    wire = Wire(sandbox.aws)
    wire.faults = lambda call, _: held if call == "iam:PutRolePolicy" else None
    first, second = sandbox.stack("dev"), sandbox.stack("dev")
    results = []
    running = threading.Thread(target=lambda: results.append(first.up()))
    running.start()
    assert arrived.wait(60)

    try:
        with pytest.raises(CommandError, match=r"the stack is currently locked by 1 lock\(s\)"):
            second.up()
    finally:
        go_on.set()
        running.join(60)

    assert changes(results[0]) == {"create": 5}
    assert changes(second.up()) == {}
    assert documents(iam, results[0].outputs["roleName"].value) == [DEFAULT]
    assert len(left_in(iam)) == 2


@pytest.mark.parametrize("broken", [lambda _: b"", lambda good: good[: len(good) // 2], lambda _: b"\x00" * 512])
def test_a_state_file_that_is_broken_is_said_and_left_alone_and_the_last_checkpoint_brings_it_back(
    sandbox, iam, dev, broken
):
    before, state = left_in(iam), state_files(sandbox, "stacks", "dev.json")[0]
    state.write_bytes(found := broken(state.read_bytes()))

    for operation in (dev.up, dev.refresh, dev.destroy):
        with pytest.raises(CommandError, match=r"error: (getting snapshot: )?failed to load checkpoint: "):
            operation()

    assert state.read_bytes() == found
    assert left_in(iam) == before
    shutil.copy(state_files(sandbox, "history", "*.checkpoint.json")[-1], state)
    assert changes(dev.up()) == {}
    dev.destroy()
    assert left_in(iam) == []


def test_attributes_that_are_empty_as_a_killed_engine_leaves_them_are_not_needed(sandbox, dev):
    (attributes,) = state_files(sandbox, "stacks", "dev.json.attrs")
    attributes.write_bytes(b"")
    with pytest.raises(CommandError, match="error: failed to load checkpoint: EOF"):
        dev.up()

    attributes.unlink()

    assert changes(dev.up()) == {}


def test_a_wrong_passphrase_is_said_and_changes_nothing(sandbox, iam, dev):
    dev.set_config("description", ConfigValue("Nobody's business.", secret=True))
    dev.up()
    before, state = left_in(iam), state_files(sandbox, "stacks", "dev.json")[0].read_bytes()
    right = dev.workspace.env_vars["PULUMI_CONFIG_PASSPHRASE"]
    dev.workspace.env_vars["PULUMI_CONFIG_PASSPHRASE"] = "wrong"

    for operation in (dev.preview, dev.up, dev.destroy):
        with pytest.raises(CommandError, match=r"error: .*incorrect passphrase") as error:
            operation()
        assert "business" not in str(error.value)

    assert state_files(sandbox, "stacks", "dev.json")[0].read_bytes() == state
    assert left_in(iam) == before
    dev.workspace.env_vars["PULUMI_CONFIG_PASSPHRASE"] = right
    assert changes(dev.up()) == {}


@pytest.fixture
def disk(sandbox, small_disk):
    """A small disk of its own for the state."""
    return small_disk(sandbox.directory / "state", kilobytes=512)


def test_a_disk_that_is_full_or_read_only_is_said_before_anything_is_made(sandbox, iam, disk):
    stack = sandbox.stack("dev")

    disk.fill()
    with pytest.raises(CommandError, match="no space left on device"):
        stack.up()
    disk.empty()
    stack.cancel()  # of that update, whose lock could not be written whole
    disk.remount("ro")
    with pytest.raises(CommandError, match="read-only file system"):
        stack.up()
    disk.remount("rw")

    assert left_in(iam) == []
    stack.up()
    stack.destroy()
    assert left_in(iam) == []


@pytest.mark.proof  # the engine tries to write for half a minute
@pytest.mark.parametrize("call", ["iam:CreateRole", "iam:PutRolePolicy"])
def test_a_disk_that_fills_up_in_the_middle_is_said_and_the_copy_beside_the_state_brings_it_back(
    sandbox, iam, disk, call
):
    def filled(answer, start_response):
        disk.fill()
        return answer(start_response)

    wire = Wire(sandbox.aws)
    wire.faults = lambda name, _: filled if name == call else None
    stack = sandbox.stack("dev")

    with pytest.raises(CommandError, match=r"failed to save snapshot: .*no space left on device"):
        stack.up()

    wire.clear()
    disk.empty()
    state = state_files(sandbox, "stacks", "dev.json")[0]
    assert state.read_bytes() == b""  # what Pulumi's engine leaves
    shutil.copy(state.with_name("dev.json.bak"), state)
    role = stack.up().outputs["roleName"].value
    assert documents(iam, role) == [DEFAULT]
    assert changes(stack.up()) == {}
    stack.destroy()
    left = [name.rpartition("-")[0] for name in left_in(iam)]
    assert left == (["ssm-profile-dev-role"] if call == "iam:CreateRole" else [])
