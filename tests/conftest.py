"""Pulumi under mocks: each test has a cloud of its own, which records the resources of a program."""

import asyncio
import gc
import inspect
import json
import os
import runpy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pulumi
import pytest
import yaml
from botocore.loaders import create_loader
from pulumi.runtime import settings
from pulumi.runtime.mocks import MockMonitor

from ssm_profile.component import OUTPUTS
from ssm_profile.options import camel_case

from . import ROOT, config_text

# An output formatted into a string becomes an error, and not a policy that reads "Calling __str__ on an Output".
os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "true"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the engine's tests run with the real AWS provider, and the package's tests with a wheel that is built."""
    parser.addoption("--provider", choices=("fake", "real"), default="fake", help="the engine's AWS provider")
    parser.addoption("--wheel", type=Path, help="the wheel to test, in place of one that is built for the tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Write the first line of a proof test's docstring into the report, from which docs/proof.md is generated."""
    for item in items:
        docstring = inspect.getdoc(getattr(item, "obj", None))
        if docstring and item.get_closest_marker("proof"):
            item.user_properties.append(("description", docstring.splitlines()[0]))


@pytest.fixture(scope="session", autouse=True)
def aws_data_read_once() -> Iterator[None]:
    """Keeps what boto3 reads of its files for all clients of this process. One service takes 0.1 to 0.2 s each time."""
    with patch("botocore.session.create_loader", cache(create_loader)):
        yield


@pytest.fixture(scope="module", autouse=True)
def imports_frozen() -> None:
    """Excludes what exists from the garbage collection after each test, so that it takes no time."""
    gc.collect()
    gc.freeze()


@dataclass(frozen=True)
class Registered:
    """A resource as a program registered it."""

    type: str
    name: str
    inputs: dict[str, Any]
    provider: str


class Cloud(pulumi.runtime.Mocks, MockMonitor):
    """Answers a program as AWS would, and records its requests. It has no other functions than those in `answers`."""

    def __init__(self) -> None:
        MockMonitor.__init__(self, self)
        self.registered: list[Registered] = []
        self.requests: dict[str, Any] = {}
        self.urns: dict[str, str] = {}
        self.invoked: list[pulumi.runtime.MockCallArgs] = []
        self.answers: dict[str, dict[str, Any]] = {
            "aws:index/getPartition:getPartition": {"partition": "aws"},
            "aws:index/getRegion:getRegion": {"region": "eu-central-1"},
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": "123456789012"},
            "aws:index/getDefaultTags:getDefaultTags": {"tags": {}},
        }
        self.computed: dict[str, dict[str, Any]] = {}
        self.knows_computed = True
        self.stack_outputs = {camel_case(output): f"the {output} of the stack" for output in OUTPUTS}
        self.secret_outputs: list[str] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.registered.append(Registered(args.typ, args.name, args.inputs, args.provider))
        name = args.inputs.get("name", args.resource_id or f"{args.name}-1234567")
        computed = {"name": name}
        if self.knows_computed:
            service, _, kind = args.typ.split(":")[1].partition("/")
            scope = "kms:eu-central-1" if service == "kms" else "iam:"
            computed["arn"] = f"arn:aws:{scope}:123456789012:{kind.replace('eP', 'e-p')}/{name}"
        if args.typ == "pulumi:pulumi:StackReference":
            computed = {"outputs": self.stack_outputs, "secretOutputNames": self.secret_outputs}
        if args.typ == "aws:s3/bucket:Bucket":
            computed["bucket"] = name
        computed |= self.computed.get(args.typ, {})
        return name if self.knows_computed else "", args.inputs | computed

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        self.invoked.append(args)
        return self.answers[args.token]

    def RegisterResource(self, request: Any) -> Any:
        self.requests[request.name] = request
        answer = super().RegisterResource(request)
        self.urns[request.name] = answer.urn
        return answer

    def of_type(self, type_name: str) -> Registered:
        """The only resource of a type."""
        (match,) = [resource for resource in self.registered if resource.type == type_name]
        return match

    @property
    def policy(self) -> Any:
        """The permissions policy that was registered."""
        return json.loads(self.of_type("aws:iam/rolePolicy:RolePolicy").inputs["policy"])


@pytest.fixture
def loops_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Closes every event loop that the test created. Pulumi leaves those of its threads open."""
    loops = []
    new_event_loop = asyncio.new_event_loop

    def recorded_loop() -> asyncio.AbstractEventLoop:
        loops.append(new_event_loop())
        return loops[-1]

    monkeypatch.setattr(asyncio, "new_event_loop", recorded_loop)
    yield
    for loop in loops:
        if not loop.is_closed():
            left = asyncio.all_tasks(loop)  # if a program failed early or registered nothing
            for task in left:
                task.cancel()
            if left:
                loop.run_until_complete(asyncio.wait(left))
            loop.close()
    gc.collect()  # Pulumi logs failures when objects are freed. That must not happen within another test.
    gc.freeze()


@pytest.fixture
def cloud(request: pytest.FixtureRequest, loops_closed: None) -> Iterator[Cloud]:  # noqa: ARG001
    """The cloud of this test. With `@pytest.mark.parametrize("cloud", ["preview"], indirect=True)` it is a preview."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    settings.ROOT.set(None)  # which has the exports of the test before
    pulumi.runtime.set_all_config({})
    preview = getattr(request, "param", None) == "preview"
    mocked = Cloud()
    mocked.knows_computed = not preview
    pulumi.runtime.set_mocks(mocked, project="ssm-profile", stack="test", preview=preview, monitor=mocked)
    yield mocked
    asyncio.set_event_loop(None)


Deploy = Callable[[Callable[[], Any]], dict[str, Any]]


@pytest.fixture
def deploy(cloud: Cloud) -> Deploy:  # noqa: ARG001
    """Runs a program until everything is registered, and returns its exports."""

    def run(program: Callable[[], Any]) -> dict[str, Any]:
        exports: dict[str, Any] = {}

        def program_and_exports() -> pulumi.Output[None]:
            program()
            return pulumi.Output.all(**settings.ROOT.get().outputs).apply(exports.update)

        pulumi.runtime.test(program_and_exports)()
        return exports

    return run


@pytest.fixture
def run_program(deploy: Deploy) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Runs the real ``__main__.py`` with a config. Like the CLI, it adds the defaults of Pulumi.yaml."""

    def run(config: Mapping[str, Any]) -> dict[str, Any]:
        declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
        complete = {f"ssm-profile:{key}": known["default"] for key, known in declared.items()} | dict(config)
        pulumi.runtime.set_all_config({key: config_text(value) for key, value in complete.items()})
        return deploy(lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__"))

    return run


@pytest.fixture
def run_example(cloud: Cloud, deploy: Deploy) -> Callable[..., Any]:
    """Runs an example with a stack's config, completed by the defaults of its Pulumi.yaml."""
    cloud.answers["aws:ssm/getParameter:getParameter"] = {"insecureValue": "ami-1"}
    cloud.answers["aws:ec2/getSubnets:getSubnets"] = {"ids": ["subnet-1", "subnet-2"]}

    def run(name: str, stack: str = "dev", **config: Any) -> Any:
        declared = yaml.safe_load((ROOT / "examples" / name / "Pulumi.yaml").read_text()).get("config", {})
        settings = yaml.safe_load((ROOT / "examples" / name / f"Pulumi.{stack}.yaml").read_text()).get("config", {})
        complete = {f"{name}:{key}": known["default"] for key, known in declared.items() if "default" in known}
        complete |= settings | {f"{name}:{key}": value for key, value in config.items()}
        # The project is ssm-profile under these mocks, so the keys are as well.
        texts = {key.replace(f"{name}:", "ssm-profile:"): config_text(value) for key, value in complete.items()}
        pulumi.runtime.set_all_config(texts)
        return deploy(lambda: runpy.run_path(str(ROOT / "examples" / name / "__main__.py"), run_name="__main__"))

    return run
