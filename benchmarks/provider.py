"""``python -m benchmarks.provider``: the sandbox's fake AWS provider, with marks of what it does when."""

import time
from collections.abc import Callable
from typing import Any

import grpc

from sandbox.provider import __main__ as fake_provider
from sandbox.provider.servicer import AwsServicer

from .marks import mark
from .memory import peak_memory


def main() -> None:
    """Serve as the fake provider does."""
    serve = fake_provider.serve

    def serve_marked(add_services: Callable[[grpc.Server], None]) -> None:
        def add(server: grpc.Server) -> None:
            add_services(server)
            mark("serving")  # the port is printed right after

        serve(add)

    fake_provider.serve = serve_marked
    create = AwsServicer.Create

    def create_marked(self: AwsServicer, request: Any, context: Any) -> Any:
        response = create(self, request, context)
        mark("created", cpu=time.process_time(), peak=peak_memory())
        return response

    AwsServicer.Create = create_marked
    fake_provider.main()


if __name__ == "__main__":
    main()
