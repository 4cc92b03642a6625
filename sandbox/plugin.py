"""Serve a plugin of the Pulumi engine on loopback, until the engine or the sandbox ends."""

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc

SANDBOX_PID = "SSM_PROFILE_SANDBOX"
"""The environment variable with the process ID of the sandbox to which a plugin belongs."""

LARGEST_MESSAGE = 400 * 1024 * 1024  # bytes, as in the engine


def serve(add_services: Callable[[grpc.Server], None]) -> None:
    """Serve on a free loopback port, and print the port for the engine.

    Args:
        add_services: A function that adds the plugin's services to a server.
    """
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))  # the engine's way to stop a plugin
    threading.Thread(target=_exit_with, args=(os.getppid(), int(os.environ[SANDBOX_PID])), daemon=True).start()
    server = grpc.server(
        ThreadPoolExecutor(max_workers=64), options=[("grpc.max_receive_message_length", LARGEST_MESSAGE)]
    )
    add_services(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201 - the protocol
    server.wait_for_termination()


def is_running(pid: int) -> bool:
    """Whether a process with this ID exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _exit_with(engine: int, sandbox: int) -> None:
    """Exit when the engine, which is the parent process, or the sandbox has ended, even if it was killed."""
    while os.getppid() == engine and is_running(sandbox):
        time.sleep(0.5)
    os._exit(0)
