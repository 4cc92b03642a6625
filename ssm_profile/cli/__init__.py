"""The command ``ssm-profile``: explain, print, compare and audit policies.

The extra ``ssm-profile[cli]`` installs it.
"""

import errno
import os
import signal
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import NoReturn, cast

from . import exit_codes


def main() -> None:
    """Run the command. If a package is missing, print how to install it. If the output cannot be written, say why.

    A reader that leaves gets no message. The exit code says that it did not read everything.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C: there is nothing to tidy up
    try:
        from .app import ssm_profile  # noqa: PLC0415 - the import fails where the extra is not installed
    except ImportError as error:
        _exit_without_package(error)
    if sys.stdout is None:  # it was closed before Python started
        _exit_without_output(errno.EBADF)
    try:
        sys.stdout = _standard_output()
        try:
            ssm_profile(prog_name="ssm-profile")
        except SystemExit as ending:
            if isinstance(ending.__context__, BrokenPipeError):  # for it, Click exits with 1, which stands for findings
                raise ending.__context__ from None
            sys.stdout.flush()
            raise
    except ImportError as error:  # a command imports some packages only when it needs them
        _exit_without_package(error)
    except OSError as error:
        if error.filename is not None:  # not of the output
            sys.stderr.write(f"Error: {error}\n")
            sys.exit(exit_codes.ERROR)
        _exit_without_output(error.errno or errno.EIO)


def _exit_without_package(error: ImportError) -> NoReturn:
    if (error.name or "").startswith("ssm_profile"):
        raise error
    sys.stderr.write(
        f"Error: the command requires the package {error.name}, which is not installed. Install it with:\n"
        "  pip install 'ssm-profile[cli]'\n"
    )
    sys.exit(exit_codes.ERROR)


def _standard_output() -> TextIOWrapper:
    """Standard output with a buffer, also where PYTHONUNBUFFERED is set.

    Without a buffer, Python does not notice that the reader of a pipe leaves in the middle of a text.
    """
    encoding = cast("TextIOWrapper", sys.stdout).encoding
    # A policy can have characters that the encoding of a terminal does not have.
    return open(sys.stdout.fileno(), "w", encoding=encoding, errors="backslashreplace", closefd=False)


def _exit_without_output(error: int) -> NoReturn:
    if error != errno.EPIPE:  # a reader such as head has what it wants
        with suppress(OSError):
            os.write(2, f"Error: cannot write the output: {os.strerror(error)}.\n".encode())
    os._exit(exit_codes.ERROR)  # Python itself would try to write the output again, and exit with another code
