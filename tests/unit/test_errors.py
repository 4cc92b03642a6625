"""The errors that the package raises."""

import ast
import inspect
import pickle
import re

import pytest

from ssm_profile import errors
from ssm_profile.errors import Mistake, OptionsError, SsmProfileError
from tests import ROOT

MODULES = [path for path in (ROOT / "ssm_profile").rglob("*.py") if path.name != "errors.py"]
ERRORS = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, Exception)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_errors_are_defined_in_one_module(path):
    classes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]
    bases = {ast.unparse(base) for each in classes for base in each.bases}

    assert [base for base in bases if re.search("(Error|Exception)$", base)] == []


def test_errors_have_one_base():
    assert {each for each in ERRORS if not issubclass(each, SsmProfileError)} == set()
    assert issubclass(OptionsError, ValueError)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_docstring_of_module_lists_every_error(error):
    assert re.search(rf"^ *- {error.__name__}\b", errors.__doc__, re.MULTILINE)


def test_mistake_is_a_sentence():
    assert str(Mistake("session_logs.prefix", "requires `session_logs.bucket`")) == (
        "`session_logs.prefix` requires `session_logs.bucket`."
    )


def test_options_error_lists_mistakes():
    mistakes = [Mistake("path", "is wrong"), Mistake("tags", "are wrong, too")]

    error = OptionsError(mistakes)

    assert str(error) == "`path` is wrong.\n`tags` are wrong, too."
    assert error.mistakes == tuple(mistakes)


def test_options_error_can_be_copied():
    """A process pool pickles the errors of its workers."""
    error = OptionsError([Mistake("path", "is wrong"), Mistake("tags", "are wrong")])

    copied = pickle.loads(pickle.dumps(error))

    assert (copied.mistakes, str(copied)) == (error.mistakes, str(error))
