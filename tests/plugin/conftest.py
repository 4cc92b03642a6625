"""The plugin of the component package as a process, which is called as the engine calls it."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import (
    engine_pb2_grpc,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)

from tests import ROOT


class Monitor(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """The engine as a plugin sees it. The test's mocks answer."""

    def __init__(self, cloud):
        self.cloud = cloud

    def SupportsFeature(self, request, context):
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in ("secrets", "resourceReferences"))

    def RegisterResource(self, request, context):
        return self.cloud.RegisterResource(request)

    def ReadResource(self, request, context):
        return self.cloud.ReadResource(request)

    def RegisterResourceOutputs(self, request, context):
        return empty_pb2.Empty()

    def Invoke(self, request, context):
        return self.cloud.Invoke(request)

    def Log(self, request, context):
        return empty_pb2.Empty()


@pytest.fixture
def monitor(cloud):
    """The address of an engine, of which the test's cloud answers the calls."""
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    served = Monitor(cloud)
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(served, server)
    engine_pb2_grpc.add_EngineServicer_to_server(served, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield address
    server.stop(0).wait(10)


@pytest.fixture
def plugin(monitor, tmp_path):
    """A client of the plugin. The plugin runs in an empty directory, as Pulumi runs it."""
    command = [sys.executable, str(ROOT / "ssm_profile"), monitor]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        port = process.stdout.readline().strip()
        assert port.isdigit()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture
def construct(plugin, monitor):
    """Constructs the component in the plugin from inputs in camelCase, and returns its outputs."""

    def run(inputs, name="web"):
        request = provider_pb2.ConstructRequest(
            project="ssm-profile",
            stack="test",
            parallel=8,
            monitorEndpoint=monitor,
            type="ssm-profile:index:SsmInstanceProfile",
            name=name,
        )
        request.inputs.update(inputs)
        return rpc.deserialize_properties(plugin.Construct(request, timeout=30).state)

    return run
