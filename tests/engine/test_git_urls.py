"""The package and the template from a Git URL or a clone, as a new user's Pulumi fetches them."""

import shutil
import subprocess

import pytest
import yaml

from ssm_profile.version import __version__
from tests import ROOT, copy_repository
from tests.engine.git_server import serve_git
from tests.engine.lifecycle import case_parameters

TAG = f"v{__version__}"
NEWER = "9.0.0"
OWNER = "Some-Owner"
"""With capitals and a hyphen, as owners on GitHub have."""

URL = f"https://github.com/{OWNER}/ssm-profile.git"
SOURCES = {
    "tag": f"{URL}/ssm_profile@{TAG}",
    "latest tag": f"{URL}/ssm_profile",
    "hash": f"{URL}/ssm_profile@{{hash}}",
    "clone": "../ssm-profile/ssm_profile",
}


def git(folder, *arguments):
    author = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main"]
    result = subprocess.run(["git", *author, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return result.stdout.strip()


@pytest.fixture
def repository(tmp_path, cli):
    """This repository with a tag, at the URL. The commit after the tag has no package."""
    folder = tmp_path / "git" / OWNER / "ssm-profile.git"
    copy_repository(folder)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Release")
    git(folder, "tag", TAG)
    git(folder, "rm", "--quiet", "ssm_profile/PulumiPlugin.yaml", "ssm_profile/__main__.py")
    git(folder, "commit", "--quiet", "--message", "Break the package")
    certificates = tmp_path / "certificates.pem"
    with serve_git("github.com", tmp_path / "git", certificates) as proxy:
        cli.environment |= {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(certificates)}
        cli.environment.setdefault("https_proxy", "")  # pip, which Pulumi's own language host runs, prefers this one
        yield folder


@pytest.fixture
def program(repository, yaml_project, sandbox, tmp_path):
    """The example in YAML without its package, which Pulumi has not installed, beside a clone of the repository."""
    shutil.rmtree(sandbox.home / "plugins" / f"resource-ssm-profile-{TAG}")
    git(tmp_path, "clone", "--quiet", "--branch", TAG, str(repository), "ssm-profile")
    ignored = shutil.ignore_patterns("sdks")
    folder = shutil.copytree(ROOT / "examples" / "yaml", tmp_path / "program", ignore=ignored)
    content = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    del content["packages"]
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(content))
    return yaml_project(folder)


@pytest.mark.fake_provider
@pytest.mark.parametrize("case", case_parameters(SOURCES, ["tag"]))
def test_package_add(case, program, repository, cli):
    """`pulumi package add` writes the package into Pulumi.yaml, and the program is deployed with it."""
    source = SOURCES[case].format(hash=git(repository, "rev-parse", TAG))

    cli.run("package", "add", source, cwd=program.folder)

    packages = yaml.safe_load((program.folder / "Pulumi.yaml").read_text())["packages"]
    assert packages == {"ssm-profile": source.removeprefix("https://")}
    # The examples import it under this name, for example as @pulumi/ssm-profile.
    assert [each.name for each in (program.folder / "sdks").iterdir()] == ["pulumi-ssm-profile"]
    program.create_stack("dev")
    assert program.run("up", "dev") == {"create": 6}


@pytest.mark.proof
@pytest.mark.fake_provider
@pytest.mark.parametrize(("reference", "version"), [(f"@{TAG}", __version__), ("", NEWER)], ids=["tag", "none"])
def test_install(reference, version, program, repository, cli):
    """`pulumi install` on another machine installs the tag in Pulumi.yaml, or the latest tag if there is none."""
    git(repository, "tag", f"v{NEWER}", TAG)
    with (program.folder / "Pulumi.yaml").open("a") as file:
        file.write(f"packages:\n  ssm-profile: {URL.removeprefix('https://')}/ssm_profile{reference}\n")

    cli.run("install", cwd=program.folder)

    (sdk,) = (program.folder / "sdks" / "pulumi-ssm-profile").iterdir()
    assert sdk.name == f"ssm-profile-{version}.yaml"
    program.create_stack("dev")
    assert program.run("up", "dev") == {"create": 6}


@pytest.mark.usefixtures("repository")
def test_template_from_url(cli, tmp_path):
    project = tmp_path / "project"
    project.mkdir()

    options = ["--yes", "--name", "my-profiles", "--stack", "dev", "--dir", str(project)]
    cli.run("new", f"{URL}/template", *options, cwd=tmp_path)

    assert yaml.safe_load((project / "Pulumi.yaml").read_text())["name"] == "my-profiles"
