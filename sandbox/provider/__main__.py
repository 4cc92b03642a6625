"""The plugin's process. The Pulumi engine starts it instead of the real pulumi-resource-aws."""

import os
import sys
from importlib.metadata import version
from urllib.parse import urlsplit

from .protocol import skip_sdk

skip_sdk()

from pulumi.runtime.proto import provider_pb2_grpc  # noqa: E402

from ..aws import CREDENTIALS, forget_real_aws  # noqa: E402
from ..plugin import serve  # noqa: E402
from .servicer import AwsServicer  # noqa: E402


def main() -> None:
    """Serve the provider until the engine stops it.

    Raises:
        SystemExit: If ``AWS_ENDPOINT_URL`` is not on loopback.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if urlsplit(endpoint).hostname not in ("127.0.0.1", "localhost", "::1"):
        sys.exit(
            f"The fake AWS provider requires an emulated AWS on loopback (got AWS_ENDPOINT_URL={endpoint!r}). "
            "`python -m sandbox serve` starts one and prints the variables to export."
        )
    forget_real_aws(keep=(*CREDENTIALS, "AWS_REGION"))
    servicer = AwsServicer(version("pulumi_aws"), endpoint)
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server))


if __name__ == "__main__":
    main()
