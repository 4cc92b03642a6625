"""Every error that this package raises.

- SsmProfileError

  - OptionsError (also a ValueError): options, or a component's name, that cannot be used
  - InputError: input of the command ``ssm-profile`` that cannot be used

    - CredentialsError: AWS credentials with which every call fails
    - TooLongError: a file that is too long

  - NotDetailsError: a file of ``fleet`` that is too long, or that is something else
  - NotJsonError: evidence that is not JSON
  - CutOffError: evidence that ends too early
  - TooComplexError: patterns of a policy with too many wildcards to compare them; a verdict then cannot be known

In a Pulumi program, :mod:`ssm_profile.settings` and :mod:`ssm_profile.reference` raise ``pulumi.RunError``, which
Pulumi shows without a traceback.
"""

from collections.abc import Sequence
from dataclasses import dataclass


def document(name: str) -> str:
    """Where a message finds a page of the documentation, which is not a part of the package."""
    return f"docs/{name}.md in the repository of ssm-profile"


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong with a set of options."""

    path: str
    """The option, or ``option.key``, as its caller writes it: ``session_logs.prefix``, ``ssm-profile:path``."""
    reason: str
    """What is wrong and what to do, worded to follow the path: ``must be true or false (got "yes")``."""

    def __str__(self) -> str:
        """The sentence."""
        return f"`{self.path}` {self.reason}."


class SsmProfileError(Exception):
    """The base of all errors of this package."""


class OptionsError(SsmProfileError, ValueError):
    """Options, or a component's name, that cannot be used. The text has a line for each mistake.

    Args:
        mistakes: What is wrong, one or more.
    """

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)

    def __reduce__(self) -> tuple[type["OptionsError"], tuple[Sequence[Mistake]]]:
        # Exceptions are copied from their text otherwise.
        return type(self), (self.mistakes,)


class InputError(SsmProfileError):
    """Input of the command that cannot be used. The text says what is wrong, with the value, and what to do."""


class CredentialsError(InputError):
    """AWS credentials with which every call fails."""


class TooLongError(InputError):
    """A file is too long."""


class NotDetailsError(SsmProfileError):
    """A file is too long, or it is not the output of the command. The text says what to do."""


class NotJsonError(SsmProfileError):
    """The content is not JSON, or has an object that is too long or too deep."""


class CutOffError(SsmProfileError):
    """The content ends within an object."""


class TooComplexError(SsmProfileError):
    """The patterns have too many wildcards to compare them in a reasonable time."""
