"""The stack's state: parallel updates, a damaged file, a wrong passphrase and a full disk."""

import json
import shutil
import threading

import pytest
from pulumi.automation import CommandError, ConfigValue

from tests.engine.lifecycle import case_parameters, remaining_resources
from tests.engine.stacks import ignore_unawaited_coroutines, inline_documents, resource_changes, state_files
from tests.expected import DEFAULT

pytestmark = ignore_unawaited_coroutines


def test_second_update_is_locked_out(sandbox, iam, fault_injector):
    """Pulumi refuses a second update while the first one runs, and the first one completes."""
    arrived, released = threading.Event(), threading.Event()

    def hold(handler, start_response):
        arrived.set()
        assert released.wait(60)
        return handler(start_response)

    fault_injector.fault_for = lambda call, _: hold if call == "iam:PutRolePolicy" else None
    first, second = sandbox.stack("dev"), sandbox.stack("dev")
    results = []
    thread = threading.Thread(target=lambda: results.append(first.up()))
    thread.start()
    assert arrived.wait(60)

    try:
        with pytest.raises(CommandError, match=r"the stack is currently locked by 1 lock\(s\)"):
            second.up()
    finally:
        released.set()
        thread.join(60)

    assert resource_changes(results[0]) == {"create": 5}
    assert resource_changes(second.up()) == {}
    assert inline_documents(iam, results[0].outputs["roleName"].value) == [DEFAULT]
    assert len(remaining_resources(iam)) == 2


DAMAGES = {"empty": lambda _: b"", "half": lambda content: content[: len(content) // 2], "zeros": lambda _: bytes(512)}
TYPICAL_DAMAGES = [("half",)]


class TestDamagedState:
    @pytest.mark.parametrize("case", case_parameters([(name,) for name in DAMAGES], TYPICAL_DAMAGES))
    def test_checkpoint_restores_state(self, sandbox, iam, dev, case):
        """Pulumi reports a damaged state and does not change it, and the last checkpoint replaces it."""
        resources, state = remaining_resources(iam), state_files(sandbox, "stacks", "dev.json")[0]
        damaged = DAMAGES[case[0]](state.read_bytes())
        state.write_bytes(damaged)

        for operation in (dev.up, dev.refresh, dev.destroy):
            with pytest.raises(CommandError, match=r"error: (getting snapshot: )?failed to load checkpoint: "):
                operation()

        assert state.read_bytes() == damaged
        assert remaining_resources(iam) == resources
        shutil.copy(state_files(sandbox, "history", "*.checkpoint.json")[-1], state)
        assert resource_changes(dev.up()) == {}
        dev.destroy()
        assert remaining_resources(iam) == []

    def test_empty_attributes_can_be_deleted(self, sandbox, dev):
        """A killed engine can leave an empty attributes file. The state is usable without it."""
        (attributes,) = state_files(sandbox, "stacks", "dev.json.attrs")
        attributes.write_bytes(b"")
        with pytest.raises(CommandError, match="error: failed to load checkpoint: EOF"):
            dev.up()

        attributes.unlink()

        assert resource_changes(dev.up()) == {}


def test_wrong_passphrase_changes_nothing(sandbox, iam, dev):
    dev.set_config("description", ConfigValue("Nobody's business.", secret=True))
    dev.up()
    resources, state = remaining_resources(iam), state_files(sandbox, "stacks", "dev.json")[0].read_bytes()
    passphrase = dev.workspace.env_vars["PULUMI_CONFIG_PASSPHRASE"]
    dev.workspace.env_vars["PULUMI_CONFIG_PASSPHRASE"] = "wrong"

    for operation in (dev.preview, dev.up, dev.destroy):
        with pytest.raises(CommandError, match=r"error: .*incorrect passphrase") as error:
            operation()
        assert "business" not in str(error.value)

    assert state_files(sandbox, "stacks", "dev.json")[0].read_bytes() == state
    assert remaining_resources(iam) == resources
    dev.workspace.env_vars["PULUMI_CONFIG_PASSPHRASE"] = passphrase
    assert resource_changes(dev.up()) == {}


def test_secrets_in_maps_stay_secret(sandbox, iam):
    """Secret leaves of options are encrypted in the state and in the outputs, also those that the policy contains."""
    stack = sandbox.stack("dev")
    secrets = {"sessionLogs.bucket": "open-bucket", "parameters.paths[0]": "/open/sesame", "tags.Team": "open-team"}
    for path, value in secrets.items():
        stack.set_config(path, ConfigValue(value, secret=True), path=True)

    outputs = stack.up().outputs

    (policy,) = inline_documents(iam, outputs["roleName"].value)
    for value in ("open-bucket", "/open/sesame"):
        assert value in json.dumps(policy)
    assert outputs["policyJson"].secret
    assert not outputs["actions"].secret
    state = "".join(file.read_text() for file in state_files(sandbox, "stacks", "*.json"))
    assert "ssm-profile-dev-policy" in state
    assert not [value for value in secrets.values() if value in state]


class TestDisk:
    @pytest.fixture
    def disk(self, sandbox, small_disk):
        """A small disk that holds only the state."""
        return small_disk(sandbox.directory / "state", kilobytes=512)

    def test_unwritable_disk_creates_nothing(self, sandbox, iam, disk):
        """Pulumi reports a full or read-only disk before it creates a resource."""
        stack = sandbox.stack("dev")

        disk.fill()
        with pytest.raises(CommandError, match="no space left on device"):
            stack.up()
        disk.empty()
        stack.cancel()  # removes the incomplete lock of that update
        disk.remount("ro")
        with pytest.raises(CommandError, match="read-only file system"):
            stack.up()
        disk.remount("rw")

        assert remaining_resources(iam) == []
        stack.up()
        stack.destroy()
        assert remaining_resources(iam) == []

    @pytest.mark.proof  # the engine retries the write for half a minute
    @pytest.mark.parametrize("call", ["iam:CreateRole", "iam:PutRolePolicy"])
    def test_disk_fills_up_during_update(self, sandbox, iam, disk, fault_injector, call):
        """Pulumi reports a disk that fills up during an update, and the backup restores the state."""

        def fill_disk(handler, start_response):
            disk.fill()
            return handler(start_response)

        fault_injector.fault_for = lambda name, _: fill_disk if name == call else None
        stack = sandbox.stack("dev")

        with pytest.raises(CommandError, match=r"failed to save snapshot: .*no space left on device"):
            stack.up()

        fault_injector.reset()
        disk.empty()
        state = state_files(sandbox, "stacks", "dev.json")[0]
        assert state.read_bytes() == b""  # Pulumi's engine leaves an empty file
        shutil.copy(state.with_name("dev.json.bak"), state)
        role = stack.up().outputs["roleName"].value
        assert inline_documents(iam, role) == [DEFAULT]
        assert resource_changes(stack.up()) == {}
        stack.destroy()
        remaining = [name.rpartition("-")[0] for name in remaining_resources(iam)]
        # The profile is created at the same time as the policy.
        possible = {
            "iam:CreateRole": [["ssm-profile-dev-role"]],
            "iam:PutRolePolicy": [[], ["ssm-profile-dev-profile"]],
        }
        assert remaining in possible[call]
