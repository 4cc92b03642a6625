"""Jobs that AWS runs: waits for their end, cancels those that nobody waits for, and says what their errors mean."""

import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ssm_profile.cli.interruption import interruptible
from ssm_profile.errors import InputError

_T = TypeVar("_T")

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10

Advice = Sequence[tuple[str, str]]
"""Patterns of messages, each with what to do. The first one that matches counts."""


def wait_for(
    ask: Callable[[], _T | None], *, seconds: float, pause: Callable[[float], object] | None = None
) -> _T | None:
    """Ask with growing pauses until there is an answer.

    Args:
        ask: Gives the answer, or None while there is none.
        seconds: How long to wait.
        pause: Waits for some seconds.

    Returns:
        The answer. None if there is none in time.
    """
    end, length = monotonic() + seconds, _FIRST_PAUSE
    while (answer := ask()) is None:
        if monotonic() + length > end:
            return None
        (pause or sleep)(length)
        length = min(length * 1.5, _LONGEST_PAUSE)
    return answer


@contextmanager
def cancelled_early(cancel: Callable[[], object]) -> Iterator[None]:
    """Cancel a job if its end is not awaited, because of an error or because of Ctrl-C.

    Args:
        cancel: Cancels the job. Its own errors do not matter: the job can have ended.
    """
    try:
        with interruptible():
            try:
                yield
            except BaseException:
                with suppress(BotoCoreError, ClientError):
                    cancel()
                raise
    except KeyboardInterrupt:
        signal.raise_signal(signal.SIGINT)
        raise


def failure(source: str, message: str, advice: Advice, otherwise: str) -> InputError:
    """The error for a job that fails.

    Args:
        source: What the error names.
        message: What AWS says.
        advice: What to do about some messages.
        otherwise: What to do about others.
    """
    return InputError(f"{source}: {message.rstrip('.')}. {_advice_on(message, advice) or otherwise}")


@contextmanager
def advised(source: str, advice: Advice) -> Iterator[None]:
    """Turn the errors of AWS's API for which there is advice into errors of input."""
    try:
        yield
    except ClientError as error:
        message = error.response["Error"].get("Message", "")
        if what := _advice_on(f"{error.response['Error']['Code']}: {message}", advice):
            raise InputError(f"{source}: {message.rstrip('.')}. {what}") from None
        raise


def _advice_on(message: str, advice: Advice) -> str:
    return next((what for pattern, what in advice if re.search(pattern, message, re.IGNORECASE)), "")
