"""The workflow that refreshes AWS's data every month. Its scripts run here with a remote in a folder and a fake gh."""

import os
import re
import shutil
import subprocess

import pytest
import yaml

from tests import IN_CI, ROOT

PATH = ROOT / ".github" / "workflows" / "refresh.yml"
WORKFLOW = yaml.safe_load(PATH.read_text())
JOBS = WORKFLOW["jobs"]

GH = """#!/bin/sh
echo "$@" >> "$CALLS"
[ "$2" != list ] || echo "$OPEN_PULL_REQUESTS"
"""
"""A gh that records its arguments."""


def scripts(job):
    """What the steps of a job run."""
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def test_runs_monthly_and_by_hand():
    on = WORKFLOW[True]  # YAML 1.1 reads the key "on" as true

    (schedule,) = on["schedule"]
    assert on.keys() == {"schedule", "workflow_dispatch"}
    assert re.fullmatch(r"\d+ \d+ \d+ \* \*", schedule["cron"])


def test_only_the_job_that_runs_nothing_of_others_can_write():
    assert WORKFLOW["permissions"] == {}
    assert JOBS["refresh"]["permissions"] == {"contents": "read"}
    assert JOBS["pull-request"]["permissions"] == {"contents": "write", "pull-requests": "write"}
    lines = "".join(scripts("pull-request")).splitlines()
    assert {line.split()[0] for line in lines} == {"git", "number=$(gh", "if", "gh", "else", "fi"}


def test_has_no_secrets():
    assert set(re.findall(r"secrets\.\w+|github\.token", PATH.read_text())) == {"github.token"}
    assert "github.token" not in str(JOBS["refresh"])


def test_refresh_is_strict():
    """A source that cannot be reached fails the job, and its linters' page is refreshed with the policies."""
    first, second, _ = scripts("refresh")

    assert "make refresh " in first
    assert "--skip-unreachable" not in first
    assert second == "make linters"


@pytest.fixture
def checkout(tmp_path):
    """Returns the folder of a checkout whose remote is a folder, and a function that runs a script in it."""
    if not (shutil.which("git") and shutil.which("bash")):
        assert not IN_CI
        pytest.skip("needs git and bash")
    temporary, folder, commands = (tmp_path / name for name in ("temp", "project", "bin"))
    for each in (temporary / "refresh", folder, commands):
        each.mkdir(parents=True)
    (commands / "gh").write_text(GH)
    (commands / "gh").chmod(0o755)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "PATH": f"{commands}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "RUNNER_TEMP": str(temporary),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "CALLS": str(tmp_path / "calls"),
        **{name: value for name, value in JOBS["pull-request"]["env"].items() if name != "GH_TOKEN"},
    }

    def run(script, **variables):
        command = ["bash", "-e", "-o", "pipefail", "-c", script]
        done = subprocess.run(
            command, cwd=folder, env=environment | variables, text=True, capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(
        "git init -q -b main && git config user.name a && git config user.email a@example.com && echo old > data.json "
        "&& git add . && git commit -q -m first && git init -q --bare ../remote.git && git remote add origin "
        "../remote.git && git push -q origin main"
    )
    (temporary / "refresh" / "body.md").write_text("### Bucket suffixes\n\nNothing is new.\n")
    return folder, run


def test_nothing_new_changes_nothing(checkout, tmp_path):
    _, run = checkout

    run(scripts("refresh")[-1])

    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("pull_requests", "call"),
    [
        ("", "pr create --base main --head refresh-aws-data --title Refresh the copies of AWS's data"),
        ("7", "pr edit 7"),
    ],
)
def test_pull_request_has_the_changes(checkout, tmp_path, pull_requests, call):
    """The first one is opened. A month later, one that is still open gets the newer changes."""
    folder, run = checkout
    (folder / "data.json").write_text("new\n")
    (folder / "added.json").write_text("added\n")

    run(scripts("refresh")[-1])
    run("git reset -q --hard")  # the other job has a checkout of its own
    for script in scripts("pull-request"):
        run(script, OPEN_PULL_REQUESTS=pull_requests)

    assert (tmp_path / "output").read_text() == "changed=true\n"
    assert run("git show --format=%s --stat=80 --no-color origin/refresh-aws-data").splitlines() == [
        "Refresh the copies of AWS's data",
        "",
        " added.json | 1 +",
        " data.json  | 2 +-",
        " 2 files changed, 2 insertions(+), 1 deletion(-)",
    ]
    body = tmp_path / "temp" / "refresh" / "body.md"
    assert (tmp_path / "calls").read_text().splitlines()[2:] == [f"{call} --body-file {body}"]
    assert body.read_text() == (
        "### Bucket suffixes\n\nNothing is new.\n\n### Files\n\n```\n added.json | 1 +\n data.json  | 2 +-\n"
        " 2 files changed, 2 insertions(+), 1 deletion(-)\n```\n\nThe checks of this pull request start when a "
        "maintainer approves them, or closes and reopens it.\n"
    )
    assert (tmp_path / "summary").read_text() == body.read_text()


def test_second_push_replaces_the_branch(checkout):
    folder, run = checkout
    for content in ("second", "third"):
        (folder / "data.json").write_text(f"{content}\n")
        run(scripts("refresh")[-1])
        run("git reset -q --hard")
        run(scripts("pull-request")[0])
        run("git switch -q main && git branch -q -D refresh-aws-data")

    assert run("git log --format=%s origin/refresh-aws-data").splitlines() == [
        "Refresh the copies of AWS's data",
        "first",
    ]
    assert run("git show origin/refresh-aws-data:data.json") == "third\n"
