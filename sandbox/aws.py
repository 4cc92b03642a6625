"""The emulated AWS: moto, served on loopback from this very process, so that it never outlives it."""

import logging
import os
import socket
import threading
from typing import Any
from urllib.request import Request, urlopen

from . import SandboxError

ACCOUNT = "123456789012"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox"}


class EmulatedAws:
    """moto's server in a thread.

    Args:
        port: The loopback port, or 0 for a free one.
        aws_policies: Whether AWS's own managed policies are there, which takes a second or two.

    Raises:
        SandboxError: If the port is taken, or moto cannot be started.
    """

    def __init__(self, port: int = 0, *, aws_policies: bool = False) -> None:
        os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = str(aws_policies).lower()
        try:
            from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
            from werkzeug.serving import make_server
        except ImportError as error:
            raise SandboxError(f"moto, the emulated AWS, is not installed ({error}): run `make setup`") from error
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError as error:
                raise SandboxError(
                    f"port {port} on 127.0.0.1 is not free ({error.strerror}): "
                    "name another with --port, or leave it out for a free one"
                ) from error
            listener.listen()
            host, self.port = listener.getsockname()
            self._application = DomainDispatcherApplication(create_backend_app)
            self._answering = threading.Lock()
            self._server = make_server(host, self.port, self._answer, threaded=True, fd=listener.fileno())
        self.url = f"http://{host}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def client(self, service: str, **settings: str) -> Any:
        """A boto3 client of a service, with the sandbox's credentials, or with other ones or another region."""
        import boto3

        usual = {name.lower(): value for name, value in CREDENTIALS.items()} | {"region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=self.url, **(usual | settings))

    def stop(self) -> None:
        """Forget everything that was made in it, and stop serving."""
        urlopen(Request(f"{self.url}/moto-api/reset", method="POST"), timeout=10).close()  # noqa: S310 - our own
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer one request at a time: moto goes over its dictionaries while other threads add to them, and fails."""
        with self._answering:
            return self._application(environ, start_response)


def forget_real_aws(keep: tuple[str, ...] = ()) -> None:
    """Take every AWS setting out of this process's environment, so that nothing in it reaches a real account."""
    for name in [name for name in os.environ if name.startswith("AWS_") and name not in keep]:
        del os.environ[name]
    os.environ |= {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
