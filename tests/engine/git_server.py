"""A Git server with TLS on a loopback address, for the Git URLs in the documents."""

import os
import ssl
import subprocess
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import trustme


class GitHandler(BaseHTTPRequestHandler):
    """Answers each request with `git http-backend`, Git's own server, which is a CGI program."""

    root: str

    def do_GET(self):
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length", 0))
        environment = {
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROJECT_ROOT": self.root,
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
        }
        answer = subprocess.run(
            ["git", "http-backend"],
            input=self.rfile.read(length),
            env=os.environ | environment,
            capture_output=True,
            check=True,
            timeout=30,
        )
        head, _, body = answer.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name of the base class

    def log_message(self, *_):
        pass


class Proxy(BaseHTTPRequestHandler):
    """Leads to the Git server, whatever host the client asks for."""

    context: ssl.SSLContext
    git: type[GitHandler]

    def do_CONNECT(self):
        self.send_response(200)
        self.end_headers()
        with self.context.wrap_socket(self.connection, server_side=True) as connection:
            self.git(connection, self.client_address, self.server)

    def log_message(self, *_):
        pass


@contextmanager
def serve_git(host, root, certificates):
    """Serve the Git repositories below a folder under the name of a host: `pulumi package add` crashes on a port.

    Yields the URL of the proxy that leads to it, and writes the certificate to trust into a file.
    """
    authority = trustme.CA()
    authority.cert_pem.write_to_path(certificates)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    git = type("Git", (GitHandler,), {"root": str(root)})
    proxy = type("GitProxy", (Proxy,), {"context": context, "git": git})
    with ThreadingHTTPServer(("127.0.0.1", 0), proxy) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
