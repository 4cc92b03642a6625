"""The fake provider in the process of the tests. The engine uses it as it uses a provider that it has started."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox.plugin import LARGEST_MESSAGE
from sandbox.provider.servicer import AwsServicer
from sandbox.workspace import Sandbox

PLUGIN = "#!/bin/sh\necho {port}\nexec sleep 600\n"
"""What the engine starts instead: it prints a port as each plugin does, and the engine stops it."""


class Connections:
    """Gives each connection a provider of its own, since the engine connects once to each provider that it starts."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._providers: dict[str, AwsServicer] = {}

    def __getattr__(self, method: str) -> Any:
        return partial(self._answer, method)

    def _answer(self, method: str, request: Any, context: Any) -> Any:
        if method not in vars(AwsServicer):
            context.abort(grpc.StatusCode.UNIMPLEMENTED, method)  # the base class writes a traceback to the log as well
        peer = context.peer()
        if peer not in self._providers:
            self._providers.setdefault(peer, AwsServicer(version("pulumi_aws"), self._endpoint))
        return getattr(self._providers[peer], method)(request, context)


@contextmanager
def served_provider(sandbox: Sandbox) -> Iterator[None]:
    """Serve the provider for a sandbox."""
    (plugin,) = (sandbox.home / "plugins").glob("resource-aws-*/pulumi-resource-aws")
    with ThreadPoolExecutor(64) as threads:
        server = grpc.server(threads, options=[("grpc.max_receive_message_length", LARGEST_MESSAGE)])
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(Connections(sandbox.aws.url), server)
        plugin.write_text(PLUGIN.format(port=server.add_insecure_port("127.0.0.1:0")))
        server.start()
        try:
            yield
        finally:
            server.stop(None).wait()
