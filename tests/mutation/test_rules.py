"""An example notices each rule that is taken away, and each limit that moves by one."""

import sys
from functools import lru_cache
from types import ModuleType

import pytest

from ssm_profile import options, validation
from tests import ROOT
from tests.mutation.mutants import mutants
from tests.option_examples import invalid_options, valid_options

VALID, INVALID = list(valid_options()), list(invalid_options())

NOT_ABOUT_VALUES = (
    "camel_case",
    "find_bucket_mistakes",
    "find_name_mistakes",
    "find_size_mistakes",
    "format_value",
    "unknown_key",
    "unknown_option",
    "_missing_keys",
    "_nearest",
    "_quotes_hint",
    "_required_keys",
)
"""Functions that decide nothing about a value. tests/unit/test_validation.py compares what they return."""

UNNOTICED = {
    "options": {
        # The rules stay the same.
        "@dataclass(frozen=False)",
        "if True:",
        "requires=(),",  # of patch_policy.configuration_id: the map has account_id as a required key
        '"[_/.#-]*": "It would grant the log groups of the whole account.",',
        # Defaults, examples, and limits of names and sizes, which tests/unit compares.
        '"ec2_describe": _switch(default=False),',
        (
            "def _switch(*, default: bool = True, requires: tuple[str, ...] = (), requires_any: tuple[str, ...] = ()) "
            "-> Option:"
        ),
        "example=False,",
        "['DescribeInstances'],",
        "['DescribeTags'],",
        "[],",
        '{"another": "web"},',
        "POLICY_NAME_LIMIT = (127)",
        "POLICY_NAME_LIMIT = 129",
        'POLICY_SIZE_LIMITS = {"another": 10_240, "managed": 6_144}',
        'POLICY_SIZE_LIMITS = {"inline": (10239), "managed": 6_144}',
        'POLICY_SIZE_LIMITS = {"inline": 10241, "managed": 6_144}',
        'POLICY_SIZE_LIMITS = {"inline": 10_240, "another": 6_144}',
        'POLICY_SIZE_LIMITS = {"inline": 10_240, "managed": (6143)}',
        'POLICY_SIZE_LIMITS = {"inline": 10_240, "managed": 6145}',
    },
    "validation": {
        # The rules stay the same.
        "@dataclass(frozen=False)",
        "if not is_key or not (text is UNKNOWN or _is_tag_string(text, (-1), TAG_VALUE_LIMIT)):",
        # Words and the partition of the deployment: test_validation.py and test_refusal.py compare them.
        "_NOT_IN_THE_POLICY = ('managed_policy_arns',)",
        "_NOT_IN_THE_POLICY = ('service_principals',)",
        "_LONGEST_VALUE_SHOWN = (119)",
        "_LONGEST_VALUE_SHOWN = 121",
        'example = "" if False else f", for example {format_value(option.example)}"',
        'example = "" if False or option.type == "boolean" else f", for example {format_value(option.example)}"',
        'example = "" if True else f", for example {format_value(option.example)}"',
        'example = "" if option.choices or False else f", for example {format_value(option.example)}"',
        'expects = f"a list of {option.expects}" if False else option.expects',
        'expects = f"a list of {option.expects}" if True else option.expects',
        "if True and arns:",
        'with_own = " with the component\'s own policy" if False else ""',
        'with_own = " with the component\'s own policy" if True else ""',
        'return ", ".join(writer(f"{path}.{key}").rpartition(".")[(1)] for key in option.keys)',
        "def find_value_mistakes(path: str, value: Any, *, is_secret: bool = True) -> list[Mistake]:",
        'return "a secret value" if False else format_value(value)',
        'return "a secret value" if True else format_value(value)',
        'return re.split(r"[.]", path)[0]',
        "writer = _Writer(str, [_option_in(path)] if False else ())",
        "writer = _Writer(str, [_option_in(path)] if True else ())",
        'return "an output of another resource" if False else f"a {type(value).__name__}"',
        'return "an output of another resource" if True else f"a {type(value).__name__}"',
        # A mistake is reported once: test_validation.py compares all sentences.
        "if False:",
        "if True:",
        "for key in (key for key in option.keys if True):",
        "if False or _lacks_required_keys(OPTIONS[name], options[name]):",
        "if is_wrong or False:",
        'value = " to be true" if False else ""',
        'value = " to be true" if True else ""',
    },
}
"""Changes that no example can notice, by the module: the changed line, with the reason above it."""


@lru_cache(2)
def compiled(source):
    """The code of a source. One of two modules stays the same from change to change."""
    return compile(source, "changed", "exec")


def module_of(name, source):
    """The module that a source makes."""
    module = ModuleType(f"ssm_profile.changed_{name}")
    module.__package__ = "ssm_profile"
    sys.modules[module.__name__] = module  # where dataclasses look for it
    try:
        exec(compiled(source), module.__dict__)
    finally:
        del sys.modules[module.__name__]
    return module


def rules_of(name, source):
    """The function that finds mistakes, with the source of one module changed."""
    if name == "validation":
        changed = module_of("validation", source)
        changed.UNKNOWN = validation.UNKNOWN  # which is in the examples
        return changed.find_mistakes
    changed = module_of("options", source)
    rules = module_of("validation", (ROOT / "ssm_profile" / "validation.py").read_text())
    rules.UNKNOWN = validation.UNKNOWN
    for imported in vars(changed).keys() & vars(rules).keys():
        if not imported.startswith("__"):
            setattr(rules, imported, getattr(changed, imported))
    return rules.find_mistakes


def is_noticed(name, source):
    """Whether an example is judged differently with a changed source."""
    try:
        find_mistakes = rules_of(name, source)
        return any(map(find_mistakes, VALID)) or any(
            path not in {mistake.path for mistake in find_mistakes(given)} for path, given in INVALID
        )
    except Exception:  # noqa: BLE001 - a source that fails is noticed, however it fails
        return True


@pytest.mark.parametrize("module", [options, validation], ids=["options", "validation"])
class TestRules:
    def test_unchanged_rules_judge_every_example(self, module):
        name = module.__name__.rpartition(".")[2]

        assert not is_noticed(name, (ROOT / "ssm_profile" / f"{name}.py").read_text())

    @pytest.mark.proof
    def test_every_change_is_noticed(self, module):
        """An example notices each rule that is taken away, and each limit that moves by one."""
        name = module.__name__.rpartition(".")[2]
        source = (ROOT / "ssm_profile" / f"{name}.py").read_text()

        unnoticed = [line for line, changed in mutants(source, NOT_ABOUT_VALUES) if not is_noticed(name, changed)]

        assert sorted(set(unnoticed) - UNNOTICED[name]) == []
        assert sorted(UNNOTICED[name] - set(unnoticed)) == []
