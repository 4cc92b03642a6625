"""The engine, or the provider, is killed in the middle of a deployment: what is left, and how it is mended."""

import json
import re
import shutil
from collections import Counter

import pytest
from pulumi.automation import CommandError

from tests.engine.conftest import changes, import_by_hand, own_policy, policies_of, program_fails, state_files
from tests.engine.faults import Wire, engine, killed, provider
from tests.engine.lives import GRANTED, PHASES, Life, cases, every_call, left_in
from tests.expected import TRUST

PROCESSES = {"the engine": engine, "the provider": provider}

AFTER_ITS_CREATION = {
    "iam:CreateRole": "role",
    "iam:GetRole": "role",
    "iam:CreateInstanceProfile": "profile",
    "iam:AddRoleToInstanceProfile": "profile",
    "iam:GetInstanceProfile": "profile",
    "iam:CreatePolicy": "policy",
    "iam:GetPolicy": "policy",
    "iam:GetPolicyVersion": "policy",
}
"""The calls of `up` after which something exists whose ID the engine has not written down yet, and what."""


def orphan(phase, call, moment):
    """What IAM then has that the state does not: the one case, for which Pulumi's engine has no remedy of its own."""
    is_first = call.startswith("iam:Create") and moment == "before"
    return AFTER_ITS_CREATION.get(call) if phase == "up" and not is_first else None


MADE_AT_ONCE = ("role", "policy")
"""What the engine makes at the same time where the policy is managed, so that both can be in the middle."""

KILLS = {
    "the engine first": [("the engine", "before"), ("the provider", "after")],
    "the provider first": [("the provider", "before"), ("the engine", "after")],
}
"""Which process is killed, before or after AWS does what it is asked, in one run and in the next."""

SOME = [
    ("inline", "up", "iam:CreateRole", 1, "the provider first"),
    ("inline", "up", "iam:PutRolePolicy", 1, "the provider first"),
    ("inline", "up", "iam:AddRoleToInstanceProfile", 1, "the engine first"),
]
EVERY_ONE = [(*made, kills) for made in every_call(("up", "update", "destroy")) for kills in KILLS]

pytestmark = [program_fails, pytest.mark.fake_provider]  # whose calls these are


@pytest.mark.parametrize("case", cases(SOME, EVERY_ONE))
def test_the_next_run_recovers_and_only_what_was_being_created_can_be_left(sandbox, iam, case):
    life, phase, call, number, kills = case
    own_policy(iam, "extra")
    wire = Wire(sandbox.aws)
    stack = Life(sandbox, life, retries=0)
    for earlier in PHASES[: PHASES.index(phase)]:
        stack.go(earlier)

    for process, moment in KILLS[kills]:
        first = number if (process, moment) == KILLS[kills][0] else 1  # what was done before it is not done again
        wire.clear()
        fault = killed(PROCESSES[process], before=moment == "before")
        wire.faults = lambda name, count: fault if (name, count) == (call, first) else None  # noqa: B023
        with pytest.raises(CommandError):
            stack.go(phase)
        wire.clear()
        if process == "the engine":
            mend_state(sandbox)
            with pytest.raises(CommandError, match=r"currently locked by 1 lock.*pulumi cancel"):
                stack.stack.up()
            stack.stack.cancel()

    stack.go("up" if phase == "up" else "update", refresh=phase != "up")
    role = stack.stack.outputs()["roleName"].value
    assert policies_of(iam, role) == [GRANTED[life][phase != "up"]]
    assert changes(stack.stack.up()) == {}
    known = ids(stack.stack)
    left = sorted(name for name in left_in(iam) if name not in known)
    kinds = Counter(re.fullmatch("ssm-profile-dev-(.*)-[0-9a-f]{7}", name)[1] for name in left)
    expected = Counter(kind for _, moment in KILLS[kills] if (kind := orphan(phase, call, moment)))
    at_once = Counter(dict.fromkeys(MADE_AT_ONCE, len(KILLS[kills])) if (life, phase) == ("managed", "up") else ())
    assert expected <= kinds <= expected | at_once
    stack.go("destroy")
    assert sorted(left_in(iam)) == left


def mend_state(sandbox):
    """What the recovery page says of a state that the engine was just writing when it was killed."""
    for state in state_files(sandbox, "stacks", "dev.json"):
        attributes = state.with_name("dev.json.attrs")
        if not attributes.read_bytes():
            attributes.unlink()
        if not state.read_bytes():
            shutil.copy(state.with_name("dev.json.bak"), state)


def kill_the_engine(sandbox, stack, after):
    """Have `up` killed once AWS has done what a call asks for, and take the lock away that is left."""
    wire = Wire(sandbox.aws)
    fault = killed(engine, before=False)
    wire.faults = lambda name, _: fault if name == after else None
    with pytest.raises(CommandError):
        stack.up()
    wire.clear()
    stack.cancel()


def ids(stack):
    """The names of what the state knows."""
    resources = stack.export_stack().deployment["resources"]
    return {str(resource.get("id", "")).rsplit("/", 1)[-1] for resource in resources}


@pytest.mark.parametrize(("call", "kind"), [("iam:CreateRole", "role"), ("iam:AddRoleToInstanceProfile", "profile")])
def test_what_was_being_created_when_the_engine_was_killed_is_named_until_it_is_cleared_and_can_be_deleted(
    sandbox, iam, call, kind
):
    stack = sandbox.stack("dev")
    kill_the_engine(sandbox, stack, after=call)
    said = []

    stack.up(on_output=said.append)

    assert any(f"::ssm-profile-dev-{kind}, interrupted while creating" in line for line in said)
    (left,) = [name for name in left_in(iam) if name not in ids(stack)]
    assert left.startswith(f"ssm-profile-dev-{kind}-")
    if kind == "role":  # it has no permissions, and nothing uses it
        assert policies_of(iam, left) == []
        assert iam.list_instance_profiles_for_role(RoleName=left)["InstanceProfiles"] == []
    clear = ["refresh", "--clear-pending-creates", "--yes", "--non-interactive", "--stack", "dev"]
    sandbox.pulumi.run(clear, stack.workspace.work_dir, sandbox.environment)
    said.clear()
    assert changes(stack.up(on_output=said.append)) == {}
    assert not any("interrupted while creating" in line for line in said)
    if kind == "role":
        iam.delete_role(RoleName=left)
    else:
        (held,) = iam.get_instance_profile(InstanceProfileName=left)["InstanceProfile"]["Roles"]
        assert held["RoleName"] == stack.outputs()["roleName"].value
        iam.remove_role_from_instance_profile(InstanceProfileName=left, RoleName=held["RoleName"])
        iam.delete_instance_profile(InstanceProfileName=left)
    assert changes(stack.up()) == {}
    assert [name for name in left_in(iam) if name not in ids(stack)] == []


def test_on_a_role_that_exists_a_second_policy_can_be_left_since_others_may_have_the_name(sandbox, iam):
    iam.create_role(RoleName="old", AssumeRolePolicyDocument=json.dumps(TRUST))
    stack = sandbox.stack("dev", config={"existingRoleName": "old"})
    kill_the_engine(sandbox, stack, after="iam:PutRolePolicy")

    stack.up()

    names = iam.list_role_policies(RoleName="old")["PolicyNames"]
    assert len(names) == 2
    (left,) = [name for name in names if f"old:{name}" not in ids(stack)]
    assert left.startswith("ssm-profile-dev-policy-")
    stack.destroy()
    assert iam.list_role_policies(RoleName="old")["PolicyNames"] == [left]


def test_a_role_with_a_given_name_that_was_left_is_refused_by_name_and_can_be_imported(sandbox, iam):
    stack = sandbox.stack("dev", config={"roleName": "web"})
    kill_the_engine(sandbox, stack, after="iam:CreateRole")
    with pytest.raises(CommandError, match="creating IAM Role \\(web\\): CreateRole: EntityAlreadyExists"):
        stack.up()

    component = "urn:pulumi:dev::ssm-profile::ssm-profile:index:SsmInstanceProfile::ssm-profile-dev"
    role = ("aws:iam/role:Role", "ssm-profile-dev-role", "web")
    import_by_hand(sandbox, stack, *role, "--parent", f"ssm-profile-dev={component}")

    assert stack.up().outputs["roleName"].value == "web"
    stack.destroy()
    assert left_in(iam) == []
