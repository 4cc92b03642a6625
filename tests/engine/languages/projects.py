"""Projects in other languages than Python: how they are generated, and the commands that run them."""

import json
import re
import subprocess

from tests.engine.stacks import resource_changes

STACK = "test"
RUNTIMES = {"yaml": "yaml", "typescript": "nodejs", "go": "go"}
"""The name of each language's runtime in Pulumi."""


class Generator:
    """Pulumi's generators of SDKs and programs, which generator/main.go calls.

    Args:
        command: The program.
        schemas: The folder with the schemas of the packages.
    """

    def __init__(self, command, schemas):
        self.command = command
        self.schemas = schemas

    def write_sdk(self, language, package, folder):
        """Write the SDK of a package into a folder, as `pulumi package add` does."""
        self._run("sdk", language, folder, self.schemas / f"{package}.json")

    def write_program(self, language, source, folder):
        """Write a program that is converted from a text in PCL."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "main.pp").write_text(source)
        self._run("program", language, folder, folder / "main.pp", *self.schemas.glob("*.json"))
        if language == "go":
            (folder / "main.go").write_text(with_pointers((folder / "main.go").read_text()))

    def _run(self, *arguments):
        result = subprocess.run([self.command, *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 0, result.stderr


def with_pointers(source):
    """A program in Go with the pointers of optional plain inputs, which Pulumi's converter leaves out."""
    source = re.sub(r"^(\t+\w+: +)(true|false),$", r"\1pulumi.BoolRef(\2),", source, flags=re.MULTILINE)
    source = re.sub(r'^(\t+\w+: +)(".*"),$', r"\1pulumi.StringRef(\2),", source, flags=re.MULTILINE)
    source = re.sub(r"^(\t+\w+: +)(ssmprofile\.\w+Args\{)", r"\1&\2", source, flags=re.MULTILINE)
    return source.replace("[]pulumi.String{", "[]pulumi.StringInput{")


class Project:
    """A project in a folder, and its stack, which the Pulumi CLI runs.

    Args:
        cli: The Pulumi CLI.
        sandbox: The running sandbox.
        folder: The folder with Pulumi.yaml.
        host: The address of the language host, if it is not one of Pulumi's.
    """

    def __init__(self, cli, sandbox, folder, host=None):
        self.cli = cli
        self.sandbox = sandbox
        self.folder = folder
        self.client = ["--client", host] if host else []

    def create_stack(self, stack=STACK):
        """Create the stack."""
        self.cli.run("stack", "init", stack, cwd=self.folder)

    def run(self, operation, stack=STACK):
        """Run an operation and return what it changed."""
        options = [] if operation == "preview" else ["--yes", "--skip-preview"]
        return resource_changes(self.cli.run(operation, *options, "--stack", stack, *self.client, cwd=self.folder))

    def outputs(self):
        """The outputs of the stack."""
        return json.loads(self.cli.run("stack", "output", "--json", "--stack", STACK, cwd=self.folder).stdout)

    def resources(self):
        """The resources in the stack's state."""
        exported = self.cli.run("stack", "export", "--stack", STACK, cwd=self.folder).stdout
        return json.loads(exported)["deployment"]["resources"]
