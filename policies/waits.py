"""Which resources wait for which others, directly or through other resources."""

from collections.abc import Callable, Iterable, Sequence

from resources import Resource


def find_awaited(resources: Sequence[Resource], targets: Iterable[str]) -> Callable[[str, str], bool]:
    """Find what each resource waits for: its dependencies, its parent, and what those wait for.

    Args:
        resources: The resources of the stack.
        targets: The URNs of the resources that others may wait for.

    Returns:
        A function that says whether the resource with one URN waits for the target with another.
    """
    bits = {urn: 1 << number for number, urn in enumerate(dict.fromkeys(targets))}
    by_urn = {each.urn: each for each in resources}
    masks: dict[str, int] = {}
    """For each resource, the targets that it waits for. One number a resource, since each can wait for thousands."""
    for first in by_urn:
        stack = [first]
        while stack:
            urn = stack[-1]
            before = [each for each in _directly_before(by_urn[urn]) if each in by_urn]
            if urn not in masks:
                masks[urn] = 0  # also while it is open, so that a circle ends
                stack += [each for each in before if each not in masks]
                if stack[-1] is not urn:
                    continue
            stack.pop()
            for each in before:
                masks[urn] |= masks[each] | bits.get(each, 0)

    return lambda urn, target: bool(masks.get(urn, 0) & bits.get(target, 0))


def _directly_before(resource: Resource) -> frozenset[str]:
    return resource.dependencies | ({resource.parent} if resource.parent else frozenset())
