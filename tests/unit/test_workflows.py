"""What the linters of the workflows, zizmor and actionlint, do not check."""

import re

import yaml

from tests import ROOT

FOLDER = ROOT / ".github" / "workflows"
FILES = [*FOLDER.glob("*.yml"), *ROOT.glob("examples/*/deploy.yml")]


def jobs(name):
    return yaml.safe_load((FOLDER / name).read_text())["jobs"]


def test_action_has_one_version():
    used = {line for path in FILES for line in re.findall(r"uses: (.*)", path.read_text())}
    repositories = {"/".join(line.split("@")[0].split("/")[:2]) for line in used}
    pins = {line.split("@")[1] for line in used}

    assert [line for line in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []
    assert len(pins) == len(repositories)


def test_cli_is_the_one_of_the_sandbox():
    module = (ROOT / "sandbox" / "pulumi-cli" / "go.mod").read_text()

    version = yaml.safe_load((FOLDER / "ci.yml").read_text())["env"]["PULUMI_VERSION"]

    assert f"github.com/pulumi/pulumi/pkg/v3 v{version} " in module


class TestPreview:
    """The job that has AWS credentials. The program that it previews is code of the pull request."""

    JOB = jobs("ci.yml")["preview"]

    def test_installs_with_base_branch(self):
        (base,) = [step["with"] for step in self.JOB["steps"] if "path" in step.get("with", {})]

        assert base["ref"] == "${{ github.event.pull_request.base.sha }}"
        assert [step["run"] for step in self.JOB["steps"] if "run" in step] == [
            f"make -C {base['path']} setup && ln -s {base['path']}/.venv .venv"
        ]

    def test_runs_after_approval_and_not_for_forks(self):
        assert self.JOB["environment"] == "preview"
        assert "&& github.event.pull_request.head.repo.full_name == github.repository" in self.JOB["if"]


class TestRelease:
    JOBS = jobs("release.yml")

    def test_only_jobs_without_own_code_get_tokens(self):
        """A job whose token can sign or publish runs actions alone."""
        trusted = {name: job for name, job in self.JOBS.items() if "id-token" in job["permissions"]}

        assert trusted.keys() == {"attest", "publish"}
        assert not [
            step for job in trusted.values() for step in job["steps"] if "run" in step or "checkout" in step["uses"]
        ]

    def test_only_build_makes_packages(self):
        uploads = {
            name: step["with"]["name"]
            for name, job in self.JOBS.items()
            for step in job["steps"]
            if "upload-artifact" in step.get("uses", "")
        }

        assert uploads == {"build": "dist", "test": "sbom"}
        assert self.JOBS["publish"]["steps"][0]["with"] == {"name": "dist", "path": "dist"}

    def test_publishes_what_was_tested_after_approval(self):
        needs = {name: job.get("needs") for name, job in self.JOBS.items()}

        assert needs == {
            "build": None,
            "test": "build",
            "attest": "test",
            "publish": "attest",
            "github-release": "publish",
        }
        assert self.JOBS["publish"]["environment"] == "pypi"

    def test_has_no_cache(self):
        assert "cache" not in (FOLDER / "release.yml").read_text()
