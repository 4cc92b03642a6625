"""AWS fails, for a moment or for good, at every call that a deployment makes."""

import re
from collections import Counter

import pytest
from pulumi.automation import CommandError

from tests.engine.conftest import changes, own_policy, policies_of, program_fails
from tests.engine.faults import CODES, REFUSALS, Wire
from tests.engine.lives import GRANTED, LIVES, PHASES, Life, calls_of, cases, every_call, left_in

KINDS = {"refused": ("throttled", "unavailable"), "done but lost": ("lost",)}
"""The faults that a call meets, one in each run."""

SOME = [
    ("inline", "up", "iam:CreateRole", 1, "refused"),
    ("inline", "up", "iam:CreateInstanceProfile", 1, "done but lost"),
    ("inline", "up", "iam:AddRoleToInstanceProfile", 1, "refused"),
    ("inline", "destroy", "iam:DeleteRole", 1, "refused"),
]
EVERY_ONE = [
    (*made, kinds)
    for made in every_call()
    for kinds in KINDS
    if kinds == "refused" or not re.search(":(Get|List)", made[2])  # of which nothing is lost but the answer
]

pytestmark = [program_fails, pytest.mark.fake_provider]  # whose calls these are


@pytest.fixture
def wire(sandbox):
    return Wire(sandbox.aws)


@pytest.mark.parametrize("life", LIVES)
def test_these_are_all_the_calls_of_a_stack_s_life(sandbox, iam, wire, life):
    own_policy(iam, "extra")
    stack = Life(sandbox, life, retries=0)
    found = {}

    for phase in PHASES:
        wire.clear()
        stack.go(phase)
        found[phase] = Counter(wire.calls)

    assert found == {phase: calls_of(life, phase) for phase in PHASES}


@pytest.mark.parametrize("kind", ["throttled", "unavailable"])
@pytest.mark.parametrize("life", ["inline", pytest.param("managed", marks=pytest.mark.proof)])
def test_what_fails_for_a_moment_is_tried_again_at_every_call(sandbox, iam, wire, life, kind):
    own_policy(iam, "extra")
    stack = Life(sandbox, life, retries=7)

    for phase in PHASES:
        wire.clear()
        wire.faults = lambda call, number: REFUSALS[kind] if number % 2 and ":" in call else None
        stack.go(phase)

        tried = Counter(wire.calls)
        assert all(tried[call] >= 2 * count for call, count in calls_of(life, phase).items()), tried
        wire.clear()
        if phase in ("up", "update"):
            role = stack.stack.outputs()["roleName"].value
            assert policies_of(iam, role) == [GRANTED[life][phase == "update"]]
    assert left_in(iam) == []


@pytest.mark.parametrize("case", cases(SOME, EVERY_ONE))
def test_what_fails_for_good_is_named_and_what_was_half_done_is_completed_and_destroyed(sandbox, iam, wire, case):
    life, phase, call, number, kinds = case
    own_policy(iam, "extra")
    stack = Life(sandbox, life, retries=1)
    for earlier in PHASES[: PHASES.index(phase)]:
        stack.go(earlier)

    for kind in KINDS[kinds]:
        first = number if kind == KINDS[kinds][0] else 1  # what was done before it is not done again
        wire.clear()
        wire.faults = lambda name, count: REFUSALS[kind] if name == call and count >= first else None  # noqa: B023
        with pytest.raises(CommandError) as error:
            stack.go(phase)
        told, operation = str(error.value), call.partition(":")[2]
        assert re.search(rf"\b{operation}\b.*\b{CODES[kind]}\b|\b{CODES[kind]}\b.*\b{operation}\b", told), told
        assert re.search(r"aws:iam:\w+ \(ssm-profile-dev-|aws:index/getCallerIdentity", told), told
        assert "Traceback" not in told or call == "sts:GetCallerIdentity"  # Pulumi's own, of every lookup that fails

    wire.clear()
    # After an answer that was lost, AWS is not as the state has it; without that, a plain up is enough.
    stack.go("up" if phase == "up" else "update", refresh=kinds == "done but lost")
    role = stack.stack.outputs()["roleName"].value
    assert policies_of(iam, role) == [GRANTED[life][phase != "up"]]
    assert changes(stack.stack.up()) == {}
    stack.go("destroy")
    left = left_in(iam)
    assert len(left) == (
        kinds == "done but lost" and operation in ("CreateRole", "CreateInstanceProfile", "CreatePolicy")
    )
    assert all(name in told for name in left)
