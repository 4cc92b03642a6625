"""AWS fails, temporarily or permanently, at every call that a deployment makes."""

import re
from collections import Counter
from itertools import product

import pytest
from pulumi.automation import CommandError

from tests.engine.faults import ERROR_CODES, FAULTS
from tests.engine.lifecycle import (
    CONFIGS,
    PHASES,
    StackLifecycle,
    all_calls,
    case_parameters,
    expected_calls,
    remaining_resources,
)
from tests.engine.stacks import create_managed_policy, ignore_unawaited_coroutines

FAULTS_OF_CASE = {"error": ("throttling", "unavailable"), "lost response": ("lost response",)}
"""The faults of a case. Each one breaks the same call, one after the other."""

SELECTED_CASES = [
    ("inline", "up", "iam:CreateInstanceProfile", 1, "lost response"),
    ("inline", "destroy", "iam:DeleteRole", 1, "error"),
]
ALL_CASES = [
    (*call, kind)
    for call in all_calls()
    for kind in FAULTS_OF_CASE
    if kind == "error" or not re.search(":(Get|List)", call[2])  # a lost response of a read is like any error
]

pytestmark = [ignore_unawaited_coroutines, pytest.mark.fake_provider]  # the calls are those of the fake provider


@pytest.fixture
def lifecycle(sandbox, iam):
    """Creates the lifecycle of a variant, with the managed policy that its config names."""
    create_managed_policy(iam, "extra")
    return lambda variant, retries: StackLifecycle(sandbox, variant, retries)


@pytest.mark.parametrize("variant", case_parameters(CONFIGS, ["inline"]))
def test_expected_calls_are_complete(lifecycle, fault_injector, variant):
    """The calls of a stack's lifecycle are those that the tests of failures break."""
    stack = lifecycle(variant, retries=0)
    calls = {}

    for phase in PHASES:
        fault_injector.reset()
        stack.run(phase)
        calls[phase] = Counter(fault_injector.calls)

    assert calls == {phase: expected_calls(variant, phase) for phase in PHASES}


@pytest.mark.parametrize(
    "case", case_parameters(product(CONFIGS, ("throttling", "unavailable")), [("inline", "throttling")])
)
def test_temporary_failure_is_retried(lifecycle, iam, fault_injector, case):
    """Every call of a stack's lifecycle succeeds when AWS throttles it or returns a 5xx error at first."""
    variant, fault = case
    stack = lifecycle(variant, retries=7)

    for phase in PHASES:
        fault_injector.reset()
        fault_injector.fault_for = lambda call, number: FAULTS[fault] if number % 2 and ":" in call else None
        stack.run(phase)

        calls = Counter(fault_injector.calls)
        assert all(calls[call] >= 2 * count for call, count in expected_calls(variant, phase).items()), calls
        fault_injector.reset()
        if phase in ("up", "update"):
            stack.check_documents(iam, phase)
    assert remaining_resources(iam) == []


@pytest.mark.parametrize("case", case_parameters(ALL_CASES, SELECTED_CASES))
def test_permanent_failure_is_recoverable(lifecycle, iam, fault_injector, case):
    """An error at any call names the operation, and the next run completes the deployment."""
    variant, phase, call, number, kind = case
    stack = lifecycle(variant, retries=1)
    stack.run_before(phase)

    for fault in FAULTS_OF_CASE[kind]:
        first = number if fault == FAULTS_OF_CASE[kind][0] else 1  # the second run does not repeat the earlier calls
        fault_injector.reset()
        fault_injector.fault_for = lambda name, count: FAULTS[fault] if name == call and count >= first else None  # noqa: B023
        with pytest.raises(CommandError) as error:
            stack.run(phase)
        message, operation, code = str(error.value), call.partition(":")[2], ERROR_CODES[fault]
        assert re.search(rf"\b{operation}\b.*\b{code}\b|\b{code}\b.*\b{operation}\b", message), message
        assert re.search(r"aws:iam:\w+ \(ssm-profile-dev-|aws:index/getCallerIdentity", message), message
        # Pulumi prints a traceback for every failed lookup.
        assert "Traceback" not in message or call == "sts:GetCallerIdentity"

    fault_injector.reset()
    deployment = "up" if phase == "up" else "update"
    # After a lost response, AWS differs from the state, so only a refresh finds the difference.
    stack.run(deployment, refresh=kind == "lost response")
    stack.check_documents(iam, deployment)
    stack.check_unchanged()
    stack.run("destroy")
    remaining = remaining_resources(iam)
    is_creation = operation in ("CreateRole", "CreateInstanceProfile", "CreatePolicy")
    assert len(remaining) == (kind == "lost response" and is_creation)
    assert all(name in message for name in remaining)
