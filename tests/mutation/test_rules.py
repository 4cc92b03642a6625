"""Each rule of the options is missed when it is taken away, and each limit when it is moved by one."""

import sys
from types import ModuleType

from ssm_profile import options
from tests import ROOT
from tests.expected import MAPS
from tests.mutation.mutants import mutants
from tests.unit.test_misuse import BESIDE, MISUSES
from tests.unit.test_options import BAD, BAD_KEYS, GOOD, GOOD_KEYS, needed_beside

SOURCE = (ROOT / "ssm_profile" / "options.py").read_text()
WORDING = ("find_name_mistakes", "camel_case", "unknown_key", "show")
"""What test_options.py has tests of its own for, beside the tables."""

ACCEPTED = [
    *({option: value} | needed_beside(option) for option, value in GOOD),
    *({option: MAPS[option] | {key: value}} for option, key, value in GOOD_KEYS),
]
REFUSED = [
    *((option, {option: value}) for option, value in BAD),
    *((f"{option}.{key}", {option: MAPS[option] | {key: value}}) for option, key, value in BAD_KEYS),
    *((option, misuse) for option, misuses in MISUSES.items() for misuse in misuses),
    *BESIDE,
]


def notices(source):
    """Whether any example is judged otherwise by another source of the rules."""
    try:
        find_mistakes = module_of(source).find_mistakes
        return any(map(find_mistakes, ACCEPTED)) or any(
            option not in {line.split(":")[0] for line in find_mistakes(given)} for option, given in REFUSED
        )
    except Exception:  # noqa: BLE001 - whatever a changed source does, it is noticed
        return True


def module_of(source):
    module = ModuleType("changed_options")
    sys.modules[module.__name__] = module  # where dataclasses look for it
    try:
        exec(source, module.__dict__)
    finally:
        del sys.modules[module.__name__]
    module.UNKNOWN = options.UNKNOWN  # which is in the examples
    return module


ELSEWHERE = [
    "POLICY_NAME_LIMIT = 129",
    "POLICY_NAME_LIMIT = (127)",
    "_LONGEST_SHOWN = 81",
    "_LONGEST_SHOWN = (79)",
    """needed = f", with {' or '.join(keys)}" if True else \"\"""",
    """needed = f", with {' or '.join(keys)}" if False else \"\"""",
    "partition = False or next(iter(found.values()), None)",
]
"""Changes of which the tables know nothing, and other tests do: of names, of the lines' wording, of the deployment."""

WITHOUT_EFFECT = [
    "@dataclass(frozen=False)",
    "if not good_key or not (text is UNKNOWN or _is_tag_text(text, (-1), 256)):",
    """directory_id=Option("string", 'the ID of a directory, such as "d-1234567890"', _text(r"d-[0-9a-f]{10}", 13)),""",
    """"policy_kind": Option("string", '"inline" or "managed"', _text("inline|managed", 8), accepts_outputs=False),""",
]
"""Changes with which the rules mean the same."""


def test_the_rules_as_they_are_judge_every_example_as_it_is_meant():
    assert not notices(SOURCE)


def test_an_example_notices_every_change_of_a_rule():
    unnoticed = [line for line, source in mutants(SOURCE, WORDING) if not notices(source)]

    assert sorted(unnoticed) == sorted(ELSEWHERE + WITHOUT_EFFECT)
