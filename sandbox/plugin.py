"""What every plugin process of the Pulumi engine does: serve on loopback until the engine or the sandbox is gone."""

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc

SANDBOX = "SSM_PROFILE_SANDBOX"
"""The environment variable with the process ID of the sandbox that a plugin belongs to."""

LARGEST_MESSAGE = 400 * 1024 * 1024  # the engine's own limit


def serve(add_services: Callable[[grpc.Server], None]) -> None:
    """Serve on a free loopback port, and print it, which is how the engine finds the plugin.

    Args:
        add_services: Adds what is served to the server.
    """
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))  # how the engine, and only it, asks a plugin to end
    threading.Thread(target=_end_with, args=(os.getppid(), int(os.environ[SANDBOX])), daemon=True).start()
    server = grpc.server(
        ThreadPoolExecutor(max_workers=64), options=[("grpc.max_receive_message_length", LARGEST_MESSAGE)]
    )
    add_services(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201 - the protocol
    server.wait_for_termination()


def is_running(pid: int) -> bool:
    """Whether there is a process with this ID."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _end_with(engine: int, sandbox: int) -> None:
    """End this process when what started it, or what it serves, is gone, even if that was killed."""
    while os.getppid() == engine and is_running(sandbox):
        time.sleep(0.5)
    os._exit(0)
