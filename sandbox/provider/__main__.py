"""The plugin's process, which the Pulumi engine starts in place of the real pulumi-resource-aws."""

import os
import sys
from importlib.metadata import version
from urllib.parse import urlsplit

from pulumi.runtime.proto import provider_pb2_grpc

from ..aws import CREDENTIALS, forget_real_aws
from ..plugin import serve
from .servicer import AwsServicer


def main() -> None:
    """Serve the provider, if there is an emulated AWS to talk to."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if urlsplit(endpoint).hostname not in ("127.0.0.1", "localhost", "::1"):
        sys.exit(
            "This fake AWS provider talks to an emulated AWS only, but AWS_ENDPOINT_URL is not on loopback "
            f"({endpoint!r}). `python -m sandbox serve` prints what to export."
        )
    forget_real_aws(keep=(*CREDENTIALS, "AWS_REGION"))
    servicer = AwsServicer(version("pulumi_aws"), endpoint)
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server))


if __name__ == "__main__":
    main()
