"""A Python language host for a Pulumi CLI that was built from its Go module, which has no language hosts.

With it, ``pulumi up`` works in a terminal that uses ``python -m sandbox serve``. It runs a program as Pulumi's own host
does, but always with the sandbox's Python.
"""

import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from pulumi.automation._server import LanguageServer  # the host of inline programs, which has no public name
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from .plugin import serve


class PythonHost(LanguageServer):
    """Run the program in a directory.

    Args:
        engine: The address of the engine that started this process.
    """

    def __init__(self, engine: str) -> None:
        super().__init__(lambda: None)
        self.engine = engine

    def Run(self, request: Any, context: Any) -> Any:
        """Run the program once, for a preview or for an update."""
        directory = request.info.program_directory or request.pwd
        os.chdir(directory)

        def program() -> None:
            runpy.run_path(directory, run_name="__main__")

        self.program = program
        request.args[:] = [self.engine]
        return super().Run(request, context)

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        """Install nothing: the sandbox's Python has the packages that programs and plugins need."""
        yield from ()

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Run a policy pack or a component package in Python, and pass its output to the engine."""
        directory = request.info.program_directory
        is_policy_pack = request.kind == "analyzer"
        arguments = ["-m", "pulumi.policy", *request.args, directory] if is_policy_pack else [directory, *request.args]
        with subprocess.Popen(
            [sys.executable, "-u", *arguments],
            cwd=request.pwd,
            env=dict(entry.partition("=")[::2] for entry in request.env) or None,
            stdout=subprocess.PIPE,
        ) as plugin:
            assert plugin.stdout  # noqa: S101 - for the type checker
            context.add_callback(plugin.terminate)
            for line in plugin.stdout:
                yield language_pb2.RunPluginResponse(stdout=line)
        yield language_pb2.RunPluginResponse(exitcode=plugin.returncode)


if __name__ == "__main__":
    host = PythonHost(sys.argv[-1])
    serve(lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server))
