"""What every plugin process of the Pulumi engine does: serve on loopback until the engine is gone."""

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc

LARGEST_MESSAGE = 400 * 1024 * 1024  # the engine's own limit


def serve(add_services: Callable[[grpc.Server], None]) -> None:
    """Serve on a free loopback port, and print it, which is how the engine finds the plugin.

    Args:
        add_services: Adds what is served to the server.
    """
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))  # how the engine, and only it, asks a plugin to end
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    server = grpc.server(
        ThreadPoolExecutor(max_workers=64), options=[("grpc.max_receive_message_length", LARGEST_MESSAGE)]
    )
    add_services(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201 - the protocol
    server.wait_for_termination()


def _end_with(engine: int) -> None:
    """End this process when the engine that started it is gone, even if it was killed."""
    while os.getppid() == engine:
        time.sleep(0.5)
    os._exit(0)
