"""A language host for programs in TypeScript and Go, which runs them as Pulumi's own hosts do.

A Pulumi CLI that was built from its Go module has no language hosts, and not every machine can download them. The host
of TypeScript starts a script of `@pulumi/pulumi`. The host of Go starts the program. Both pass on what the engine says.
"""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

HERE = Path(__file__).parent
RUN_NODE = HERE / "node_modules" / "@pulumi" / "pulumi" / "cmd" / "run"
GO_PROGRAM = "program"
"""The name of the binary in the directory of a program in Go."""


class ProgramHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs the program in a directory in a process of its own."""

    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo()

    def About(self, request, context):
        return language_pb2.AboutResponse()

    def GetRequiredPackages(self, request, context):
        return language_pb2.GetRequiredPackagesResponse()

    def InstallDependencies(self, request, context):
        yield from ()

    def Run(self, request, context):
        directory = Path(request.info.program_directory)
        (engine, *_) = request.args
        settings = {
            "monitor": request.monitor_address,
            "engine": engine,
            "organization": request.organization,
            "project": request.project,
            "stack": request.stack,
            "parallel": str(request.parallel),
        }
        environment = os.environ | {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        if (directory / GO_PROGRAM).exists():
            command = [directory / GO_PROGRAM]
            environment |= {f"PULUMI_{name.upper()}": value for name, value in settings.items()}
            environment["PULUMI_DRY_RUN"] = str(request.dryRun).lower()
        else:
            dry_run = ["--dry-run"] if request.dryRun else []
            flags = [f"--{name}={value}" for name, value in settings.items() if value]
            command = ["node", RUN_NODE, *flags, f"--pwd={directory}", *dry_run, "."]
            # A test of its own checks the types, which takes half a minute.
            environment |= {"PULUMI_NODEJS_TYPESCRIPT": "true", "PULUMI_NODEJS_TRANSPILE_ONLY": "true"}
        done = subprocess.run(
            command, cwd=directory, env=environment, text=True, capture_output=True, timeout=120, check=False
        )
        error = f"exit code {done.returncode}: {done.stdout}{done.stderr}" if done.returncode else ""
        return language_pb2.RunResponse(error=error)


@contextmanager
def served_host():
    """Serve the host on a loopback port, and give its address."""
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(ProgramHost(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait(10)
