"""The emulated AWS: moto, which this process serves on loopback, so that it ends with the process."""

import logging
import os
import socket
import threading
from contextlib import suppress
from typing import Any
from urllib.request import Request, urlopen

from . import SandboxError

ACCOUNT = "123456789012"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox"}
AWS_FILES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
"""The environment variables that name the user's AWS files."""
LOOPBACK = "127.0.0.1,localhost"
"""The hosts that no proxy may handle."""


class EmulatedAws:
    """Serve moto in a thread.

    Args:
        port: The loopback port, or 0 for a free one.
        aws_policies: Whether to load AWS's managed policies, which takes one or two seconds.

    Raises:
        SandboxError: If the port is in use, or moto cannot be imported.
    """

    def __init__(self, port: int = 0, *, aws_policies: bool = False) -> None:
        os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = str(aws_policies).lower()
        try:
            from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
            from werkzeug.serving import make_server
        except ImportError as error:
            raise SandboxError(f"moto, the emulated AWS, cannot be imported ({error}). Run `make setup`.") from error
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError as error:
                raise SandboxError(
                    f"Port {port} on 127.0.0.1 cannot be used ({error.strerror}). "
                    "Pass another one to --port, or omit --port to use a free one."
                ) from error
            listener.listen()
            host, self.port = listener.getsockname()
            self._application = DomainDispatcherApplication(create_backend_app)
            self._lock = threading.Lock()
            self._server = make_server(host, self.port, self._handle, threaded=True, fd=listener.fileno())
        self.url = f"http://{host}:{self.port}"
        # A server ends only when it polls: with the default, `stop` would wait for half a second.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def client(self, service: str, **settings: str) -> Any:
        """Create a boto3 client of a service. Settings, such as region_name, replace the sandbox's own."""
        import boto3

        defaults = {name.lower(): value for name, value in CREDENTIALS.items()} | {"region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=self.url, **(defaults | settings))

    def stop(self) -> None:
        """Delete every resource, and stop serving."""
        unloaded = ("MOTO_EC2_LOAD_DEFAULT_AMIS", "MOTO_IAM_LOAD_MANAGED_POLICIES")
        before = {name: os.environ[name] for name in unloaded if name in os.environ}
        os.environ |= dict.fromkeys(unloaded, "false")  # moto would load AWS's data once more, and then delete them
        with suppress(OSError):  # on a busy machine the answer can be late, and the process ends anyway
            urlopen(Request(f"{self.url}/moto-api/reset", method="POST"), timeout=10).close()  # noqa: S310 - our own
        for name in unloaded:
            del os.environ[name]
        os.environ |= before
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handle(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Handle one request at a time: moto fails when one thread changes a dictionary that another reads."""
        with self._lock:
            return self._application(environ, start_response)


def forget_real_aws(keep: tuple[str, ...] = ()) -> None:
    """Remove every AWS setting but *keep* from this process's environment, so that no call reaches a real account."""
    for name in [name for name in os.environ if name.startswith("AWS_") and name not in keep]:
        del os.environ[name]
    os.environ |= dict.fromkeys(AWS_FILES, os.devnull)
    os.environ |= {"AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK}
