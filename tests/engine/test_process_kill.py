"""The engine or the provider is killed during a deployment, and a later run recovers."""

import json
import re
import shutil
from collections import Counter

import pytest
from pulumi.automation import CommandError

from tests.engine.faults import engine_pid, process_kill, provider_pid
from tests.engine.lifecycle import StackLifecycle, all_calls, case_parameters, remaining_resources
from tests.engine.stacks import (
    component_documents,
    create_managed_policy,
    ignore_unawaited_coroutines,
    resource_changes,
    state_files,
)
from tests.expected import TRUST

PROCESS_IDS = {"engine": engine_pid, "provider": provider_pid}

CREATED_ENTITIES = {
    "iam:CreateRole": "role",
    "iam:GetRole": "role",
    "iam:CreateInstanceProfile": "profile",
    "iam:AddRoleToInstanceProfile": "profile",
    "iam:GetInstanceProfile": "profile",
    "iam:CreatePolicy": "policy",
    "iam:GetPolicy": "policy",
    "iam:GetPolicyVersion": "policy",
}
"""The calls of `up` after which an entity exists although the engine has not stored its ID, and the kind of entity."""

PARALLEL_ENTITIES = ("role", "policy")
"""The entities that the engine creates in parallel if the policy is managed. A kill can interrupt both."""

KILLS = {
    "engine first": [("engine", "before"), ("provider", "after")],
    "provider first": [("provider", "before"), ("engine", "after")],
}
"""The process that is killed in the first run and in the second, before or after AWS handles the call."""

SELECTED_CASES = [("inline", "up", "iam:AddRoleToInstanceProfile", 1, "provider first")]
ALL_CASES = [(*call, order) for call in all_calls(("up", "update", "destroy")) for order in KILLS]

pytestmark = [ignore_unawaited_coroutines, pytest.mark.fake_provider]  # the calls are those of the fake provider


@pytest.mark.provider_process
@pytest.mark.parametrize("case", case_parameters(ALL_CASES, SELECTED_CASES))
def test_next_run_recovers(sandbox, iam, fault_injector, case):
    """The next run recovers from a kill at any call, and only an entity that was being created can remain."""
    variant, phase, call, number, order = case
    create_managed_policy(iam, "extra")
    stack = StackLifecycle(sandbox, variant, retries=0)
    stack.run_before(phase)

    for process, moment in KILLS[order]:
        first = number if process == KILLS[order][0][0] else 1  # the second run does not repeat the earlier calls
        fault_injector.reset()
        kill = process_kill(PROCESS_IDS[process], before=moment == "before")
        fault_injector.fault_for = lambda name, count: kill if (name, count) == (call, first) else None  # noqa: B023
        with pytest.raises(CommandError):
            stack.run(phase)
        fault_injector.reset()
        if process == "engine":
            repair_state(sandbox)
            with pytest.raises(CommandError, match=r"currently locked by 1 lock.*pulumi cancel"):
                stack.stack.up()
            stack.stack.cancel()

    deployment = "up" if phase == "up" else "update"
    stack.run(deployment, refresh=phase != "up")
    stack.check_documents(iam, deployment)
    stack.check_unchanged()
    orphans = sorted(orphaned_resources(iam, stack.stack))
    kinds = Counter(re.fullmatch("ssm-profile-dev-(.*)-[0-9a-f]{7}", name)[1] for name in orphans)
    expected = Counter(kind for _, moment in KILLS[order] if (kind := expected_orphan(phase, call, moment)))
    is_parallel = (variant, phase) == ("managed", "up")
    possible = Counter(dict.fromkeys(PARALLEL_ENTITIES, len(KILLS[order])) if is_parallel else ())
    assert expected <= kinds <= expected | possible
    stack.run("destroy")
    assert sorted(remaining_resources(iam)) == orphans


def expected_orphan(phase, call, moment):
    """The kind of entity that is then in IAM but not in the state. Pulumi's engine cannot recover from this case."""
    is_missing = call.startswith("iam:Create") and moment == "before"
    return CREATED_ENTITIES.get(call) if phase == "up" and not is_missing else None


def repair_state(sandbox):
    """Follow docs/recovery.md for a state file that the engine was writing when it was killed."""
    for state in state_files(sandbox, "stacks", "dev.json"):
        attributes = state.with_name("dev.json.attrs")
        if not attributes.read_bytes():
            attributes.unlink()
        if not state.read_bytes():
            shutil.copy(state.with_name("dev.json.bak"), state)


def state_names(stack):
    """The names of the resources in the state."""
    resources = stack.export_stack().deployment["resources"]
    return {str(resource.get("id", "")).rsplit("/", 1)[-1] for resource in resources}


def orphaned_resources(iam, stack):
    """The names of the resources that are in IAM but not in the state."""
    known = state_names(stack)
    return [name for name in remaining_resources(iam) if name not in known]


@pytest.fixture
def kill_engine(fault_injector):
    """Runs `up`, kills the engine after AWS has handled a call, and removes the stack's lock."""

    def kill(stack, after):
        fault = process_kill(engine_pid, before=False)
        # the provider outlives the engine and can repeat the call, which must not kill the next command
        fault_injector.fault_for = lambda name, number: fault if (name, number) == (after, 1) else None
        with pytest.raises(CommandError):
            stack.up()
        fault_injector.reset()
        stack.cancel()

    return kill


class TestOrphan:
    """An orphan exists in IAM but not in the state, because the engine was killed while it was being created."""

    @pytest.mark.parametrize(
        ("call", "kind"), [("iam:CreateRole", "role"), ("iam:AddRoleToInstanceProfile", "profile")]
    )
    def test_can_be_cleared_and_deleted(self, sandbox, iam, kill_engine, call, kind):
        """Pulumi warns about the interrupted creation until it is cleared, and the orphan can be deleted."""
        stack = sandbox.stack("dev")
        kill_engine(stack, after=call)
        printed = []

        stack.up(on_output=printed.append)

        assert any(f"::ssm-profile-dev-{kind}, interrupted while creating" in line for line in printed)
        (orphan,) = orphaned_resources(iam, stack)
        assert orphan.startswith(f"ssm-profile-dev-{kind}-")
        if kind == "role":  # it has no permissions, and nothing uses it
            assert component_documents(iam, orphan) == []
            assert iam.list_instance_profiles_for_role(RoleName=orphan)["InstanceProfiles"] == []
        clear = ["refresh", "--clear-pending-creates", "--yes", "--non-interactive", "--stack", "dev"]
        sandbox.pulumi.run(clear, stack.workspace.work_dir, sandbox.environment)
        printed.clear()
        assert resource_changes(stack.up(on_output=printed.append)) == {}
        assert not any("interrupted while creating" in line for line in printed)
        if kind == "role":
            iam.delete_role(RoleName=orphan)
        else:
            (role,) = iam.get_instance_profile(InstanceProfileName=orphan)["InstanceProfile"]["Roles"]
            assert role["RoleName"] == stack.outputs()["roleName"].value
            iam.remove_role_from_instance_profile(InstanceProfileName=orphan, RoleName=role["RoleName"])
            iam.delete_instance_profile(InstanceProfileName=orphan)
        assert resource_changes(stack.up()) == {}
        assert orphaned_resources(iam, stack) == []

    def test_no_policy_on_existing_role(self, sandbox, iam, kill_engine):
        """The next run overwrites a policy that no state knows, because the policy has a fixed name."""
        iam.create_role(RoleName="old", AssumeRolePolicyDocument=json.dumps(TRUST))
        stack = sandbox.stack("dev", config={"existingRoleName": "old"})
        kill_engine(stack, after="iam:PutRolePolicy")

        stack.up()

        (name,) = iam.list_role_policies(RoleName="old")["PolicyNames"]
        assert f"old:{name}" in state_names(stack)
        stack.destroy()
        assert iam.list_role_policies(RoleName="old")["PolicyNames"] == []

    def test_named_role_can_be_imported(self, sandbox, iam, cli, kill_engine):
        """An orphaned role with a fixed name conflicts with the next run, and `pulumi import` adopts it."""
        stack = sandbox.stack("dev", config={"roleName": "web"})
        kill_engine(stack, after="iam:CreateRole")
        with pytest.raises(CommandError, match="creating IAM Role \\(web\\): CreateRole: EntityAlreadyExists"):
            stack.up()

        component = "urn:pulumi:dev::ssm-profile::ssm-profile:index:SsmInstanceProfile::ssm-profile-dev"
        role = ("aws:iam/role:Role", "ssm-profile-dev-role", "web")
        cli.import_resources(stack, *role, "--parent", f"ssm-profile-dev={component}")

        assert stack.up().outputs["roleName"].value == "web"
        stack.destroy()
        assert remaining_resources(iam) == []
