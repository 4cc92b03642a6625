"""``python -m benchmarks.provider``: the sandbox's stand-in for the AWS provider, with marks of what it does when."""

import time
from collections.abc import Callable
from typing import Any

import grpc

from sandbox.provider import __main__ as stand_in
from sandbox.provider.servicer import AwsServicer

from .marks import mark
from .memory import peak_memory


def main() -> None:
    """Serve as the stand-in does."""
    serve = stand_in.serve

    def serve_marked(add_services: Callable[[grpc.Server], None]) -> None:
        def add(server: grpc.Server) -> None:
            add_services(server)
            mark("serving")  # the port is printed right after

        serve(add)

    stand_in.serve = serve_marked
    create = AwsServicer.Create

    def create_marked(self: AwsServicer, request: Any, context: Any) -> Any:
        response = create(self, request, context)
        mark("created", cpu=time.process_time(), peak=peak_memory())
        return response

    AwsServicer.Create = create_marked
    stand_in.main()


if __name__ == "__main__":
    main()
