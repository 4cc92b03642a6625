"""Tests with the real Pulumi engine. `make cli` installs it."""

import pytest

# Without this, pytest shows no values for a failed assertion in a helper module.
pytest.register_assert_rewrite("tests.engine.lifecycle", "tests.engine.stacks")
