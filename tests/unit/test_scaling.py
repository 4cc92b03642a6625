"""Each component costs the same, however many a program has. Operations are counted, not seconds."""

import cProfile
import gc
from collections import Counter
from itertools import count
from pathlib import Path
from types import CodeType

import pytest

import ssm_profile
from ssm_profile import SsmInstanceProfile

PACKAGE = Path(ssm_profile.__file__).parent
COMPONENT = "ssm-profile:index:SsmInstanceProfile"
WITH_LOOKUPS = {
    "scope_heartbeat": True,
    "parameters": {"paths": ["/app"]},
    "managed_policy_arns": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
    "exclusive": True,
}


@pytest.fixture
def measure(cloud, deploy):
    """Adds components to the cloud and counts registrations, invokes and function calls, by name."""
    number = count(1000)  # so that all names have the same length

    def measure(components, options):
        def program():
            for _ in range(components):
                SsmInstanceProfile(f"web-{next(number)}", options)

        cloud.requests.clear()
        cloud.invoked.clear()
        profile = cProfile.Profile()
        gc.disable()  # other tests leave callbacks of the collector, which the profile would count
        try:
            profile.runcall(deploy, program)
        finally:
            gc.enable()
        resources = Counter(each.type for each in cloud.requests.values() if each.type != "pulumi:pulumi:Stack")
        return resources, Counter(each.token for each in cloud.invoked), function_calls(profile)

    measure(1, WITH_LOOKUPS)  # Pulumi imports its modules at their first use
    return measure


def function_calls(profile):
    """Count the calls of each function of ssm_profile, and the calls that each of them makes."""
    calls = Counter()
    for entry in profile.getstats():
        if isinstance(entry.code, CodeType) and PACKAGE in Path(entry.code.co_filename).parents:
            calls[entry.code.co_qualname] += entry.callcount
            for callee in entry.calls or ():
                name = callee.code.co_qualname if isinstance(callee.code, CodeType) else callee.code
                calls[f"{entry.code.co_qualname} -> {name}"] += callee.callcount
    return calls


def divide(counts, components):
    return {name: number / components for name, number in counts.items()}


@pytest.mark.parametrize(("options", "counts"), [({}, (10, 30)), (WITH_LOOKUPS, (5,))], ids=["default", "lookups"])
def test_cost_is_the_same_per_component(measure, options, counts):
    """The number of components, and those that already exist, do not change the cost of one."""
    resources, invokes, calls = measure(1, options)
    assert resources[COMPONENT] == 1
    assert bool(invokes) == bool(options)
    assert calls["SsmInstanceProfile.__init__"] == 1

    for components in counts:
        more_resources, more_invokes, more_calls = measure(components, options)

        assert divide(more_resources, components) == resources
        assert divide(more_invokes, components) == invokes
        assert divide(more_calls, components) == calls
