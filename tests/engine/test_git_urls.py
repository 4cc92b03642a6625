"""The Git URLs in the documents: a package and a template from a repository, as a new user's Pulumi fetches them."""

import json
import subprocess

import pytest
import yaml

from ssm_profile.version import __version__
from tests import copy_repository
from tests.engine.git_server import serve_git

TAG = f"v{__version__}"
OWNER = "Some-Owner"
"""With capitals and a hyphen, as owners on GitHub have."""


def git(folder, *arguments):
    author = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main"]
    result = subprocess.run(["git", *author, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return result.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """This repository with a tag. The commit after the tag has no package."""
    folder = tmp_path / "git" / OWNER / "ssm-profile.git"
    copy_repository(folder)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Release")
    git(folder, "tag", TAG)
    git(folder, "rm", "--quiet", "ssm_profile/PulumiPlugin.yaml", "ssm_profile/__main__.py")
    git(folder, "commit", "--quiet", "--message", "Break the package")
    return folder


@pytest.fixture
def url(repository, tmp_path, cli):
    """The repository's URL, whose certificate the CLI trusts."""
    certificates = tmp_path / "certificates.pem"
    with serve_git(tmp_path / "git", certificates) as server:
        cli.environment["SSL_CERT_FILE"] = str(certificates)
        yield f"{server}/{repository.relative_to(tmp_path / 'git')}"


def test_package_from_url(url, repository, cli, tmp_path):
    """A tag, no version and a hash give the package under the name that the examples import."""
    versions = [f"@{TAG}", "", f"@{git(repository, 'rev-parse', TAG)}"]

    sources = [f"{url}/ssm_profile{version}" for version in versions]
    schemas = [json.loads(cli.run("package", "get-schema", source, cwd=tmp_path).stdout) for source in sources]

    assert [(schema["namespace"], schema["name"]) for schema in schemas] == [("pulumi", "ssm-profile")] * 3
    assert all("ssm-profile:index:SsmInstanceProfile" in schema["resources"] for schema in schemas)


def test_template_from_url(url, cli, tmp_path):
    project = tmp_path / "project"
    project.mkdir()

    options = ["--yes", "--name", "my-profiles", "--stack", "dev", "--dir", str(project)]
    cli.run("new", f"{url}/template", *options, cwd=tmp_path)

    assert yaml.safe_load((project / "Pulumi.yaml").read_text())["name"] == "my-profiles"
