"""Programs in YAML, TypeScript and Go, with SDKs that Pulumi's generators make from docs/schema.json."""

import json
import os
import re
import shutil
import subprocess

import pytest

from tests import ROOT, require
from tests.engine.conftest import needed
from tests.engine.languages.host import GO_PROGRAM, RUN_NODE, served_host
from tests.engine.languages.projects import RUNTIMES, Generator, Project

NODE_MODULES = RUN_NODE.parents[3]


def pytest_collection_modifyitems(items):
    for item in items:
        if "languages" in item.path.parts:
            item.add_marker("fake_provider")  # its schema is that of the fake provider


@pytest.fixture(scope="session")
def generator(tools, build_once):
    """Pulumi's generators of SDKs and programs."""

    def write_schemas(folder):
        shutil.copy(ROOT / "docs" / "schema.json", folder / "ssm-profile.json")
        schema = require("sandbox.provider.schema").package_schema(
            "7.0.0", require("sandbox.provider.resource_types").TYPES
        )
        (folder / "aws.json").write_text(json.dumps(schema))

    return Generator(tools / "generate", build_once("schemas", write_schemas))


@pytest.fixture(scope="session")
def host():
    """The address of the host of programs in TypeScript and Go."""
    with served_host() as address:
        yield address


@pytest.fixture(scope="session")
def node_packages(generator, build_once):
    """The folder for projects in TypeScript, in which Node.js finds the generated SDK and other packages."""
    if not shutil.which("node") or not RUN_NODE.is_dir():
        needed("Node.js and packages", "install npm, then run `make languages`")

    def build(folder):
        packages = folder / "node_modules"
        (packages / "@pulumi").mkdir(parents=True)
        for package in [*NODE_MODULES.glob("[!@]*"), *NODE_MODULES.glob("@*/*")]:
            link = packages / package.relative_to(NODE_MODULES)
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(package)
        sdk = packages / "@pulumi" / "ssm-profile"
        generator.write_sdk("nodejs", "ssm-profile", sdk)
        compile_typescript(sdk, "--noCheck")  # a test of its own checks the types
        shutil.copy(sdk / "package.json", sdk / "bin")  # as the SDK's own script does
        copy_package(folder)

    return build_once("node", build)


def copy_package(folder):
    """Copy the component package, to which the examples refer, two levels above their folder."""
    ignored = shutil.ignore_patterns("__pycache__")  # a language host of Pulumi creates an environment in the copy
    shutil.copytree(ROOT / "ssm_profile", folder / "ssm_profile", ignore=ignored)


def compile_typescript(folder, *flags):
    """Run the TypeScript compiler on a folder."""
    command = ["node", NODE_MODULES / "typescript" / "bin" / "tsc", "-p", folder, *flags]
    subprocess.run(command, text=True, capture_output=True, timeout=300, check=True)


@pytest.fixture
def typescript_project(cli, sandbox, host, node_packages, request):
    """Creates a project in TypeScript from a folder, beside the packages."""

    def create(folder):
        project = node_packages / request.node.name / folder.name
        shutil.copytree(folder, project, dirs_exist_ok=True)
        return Project(cli, sandbox, project, host)

    return create


@pytest.fixture
def project_of(request, tmp_path):
    """Creates the project "test" in a language. It is called with a function that writes the program into a folder."""

    def create(language, write):
        folder = tmp_path / language
        folder.mkdir()
        write(folder)
        program = folder / "Main.yaml"  # which YAML has in Pulumi.yaml
        content = program.read_text() if language == "yaml" else ""
        (folder / "Pulumi.yaml").write_text(f"name: test\nruntime: {RUNTIMES[language]}\n{content}")
        (folder / "Pulumi.test.yaml").write_text("config:\n  aws:region: eu-central-1\n")
        return request.getfixturevalue(f"{language}_project")(folder)

    return create


@pytest.fixture(scope="session")
def go_module(generator, build_once):
    """The folder with the generated SDKs for Go, and a go.mod for programs."""
    if not shutil.which("go"):
        needed("Go", "install Go 1.25 or newer")

    def build(folder):
        for package in ("ssm-profile", "aws"):
            generator.write_sdk("go", package, folder / "sdks" / package)
        write_go_module(folder, require("tests.engine.languages.tools").MODULE)

    return build_once("go", build)


def write_go_module(folder, generator_module):
    """Write a go.mod with the versions that the generator has, and with the generated SDKs."""
    text = (generator_module / "go.mod").read_text()
    for module, package in (("pulumi-ssm-profile/sdk/go", "ssm-profile"), ("pulumi-aws/sdk/v7/go", "aws")):
        text += f"\nrequire github.com/pulumi/{module} v0.0.0\n"
        text += f"replace github.com/pulumi/{module} => ./sdks/{package}\n"
    (folder / "go.mod").write_text(text)
    shutil.copy(generator_module / "go.sum", folder)


@pytest.fixture
def go_project(cli, sandbox, host, go_module, request):
    """Creates a project in Go from a folder, and builds its program beside the SDKs."""

    def create(folder):
        source = go_module / re.sub(r"\W+", "-", request.node.name)
        shutil.copytree(folder, source, ignore=shutil.ignore_patterns("go.mod", "go.sum"), dirs_exist_ok=True)
        go("build", "-o", folder / GO_PROGRAM, f"./{source.name}", cwd=go_module)
        return Project(cli, sandbox, folder, host)

    return create


def go(*arguments, cwd):
    """Run Go as the generators are built, so that builds share their parts."""
    environment = os.environ | require("sandbox.go_build").ENVIRONMENT
    subprocess.run(
        ["go", *arguments], cwd=cwd, env=environment, text=True, capture_output=True, timeout=600, check=True
    )
