"""The programs that the sandbox runs in its own process."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import grpc
from pulumi.runtime.proto import resource_pb2, resource_pb2_grpc
from pulumi.runtime.settings import Settings

from tests import require

require("sandbox.workspace")  # it sets how Pulumi's programs connect to their engine


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    def SupportsFeature(self, request, context):  # noqa: ARG002 - the name in Pulumi's protocol
        return resource_pb2.SupportsFeatureResponse(hasSupport=True)


def has_support(settings):
    return settings.monitor.SupportsFeature(resource_pb2.SupportsFeatureRequest(id="secrets")).hasSupport


def test_engine_with_the_port_of_an_ended_one():
    """A program reaches its engine though the port belonged to an engine that had ended before its program did."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    ended = Settings(None, None, monitor=address)
    with suppress(grpc.RpcError):
        has_support(ended)
    with ThreadPoolExecutor(1) as threads:
        server = grpc.server(threads)
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(Monitor(), server)
        server.add_insecure_port(address)
        server.start()
        try:
            assert has_support(Settings(None, None, monitor=address))
        finally:
            server.stop(None).wait()
