"""Finding or getting the Pulumi CLI, with small scripts in place of `pulumi` and `go`."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests import ROOT, require

pulumi_cli = require("sandbox.pulumi_cli")
sandbox = require("sandbox")
rich_console = require("rich.console")

PULUMI = f"#!/bin/sh\necho v{pulumi_cli.VERSION}\n"

GO = f"""#!/bin/sh
echo "$@" >> "$GO_LOG"
case $1 in
list) printf 'go: downloading one\\none\\ntwo\\nthree\\n' ;;
build)
    for last; do
        case $previous in -o) output=$last ;; esac
        previous=$last
    done
    mkdir -p "$(dirname "$output")"
    printf half > "$output"
    echo one
    {{sleep}}
    printf '%s' '{PULUMI}' > "$output"
    chmod +x "$output"
    printf 'two\\nthree\\n' ;;
esac
"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Puts scripts on a PATH that has nothing else but a shell's own tools; no installer can be reached."""
    directory = tmp_path / "programs"
    directory.mkdir()
    for tool in ("sh", "mkdir", "dirname", "chmod", "sleep"):
        (directory / tool).symlink_to(next(p for p in (Path("/bin") / tool, Path("/usr/bin") / tool) if p.exists()))
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GO_LOG", str(tmp_path / "go.log"))
    monkeypatch.setattr(pulumi_cli, "INSTALLER", "http://127.0.0.1:9/install.sh")

    def add(name, script):
        (directory / name).write_text(script)
        (directory / name).chmod(0o755)

    return add


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache" / "ssm-profile"


def find(**options):
    console = rich_console.Console(file=io.StringIO(), width=200)
    return pulumi_cli.find_pulumi(console, **options), console.file.getvalue()


def test_the_one_on_path_comes_first(programs, cache):
    programs("pulumi", PULUMI)
    programs("go", GO)

    found, printed = find()

    assert found.command == "pulumi"
    assert printed == ""
    assert not list(cache.glob("pulumi-*/"))


def test_without_one_it_is_built_with_go_and_kept(programs, cache, tmp_path):
    programs("go", GO.format(sleep=""))

    found, printed = find()

    kept = cache / f"pulumi-{pulumi_cli.VERSION}" / "bin" / "pulumi"
    assert found.command == str(kept)
    assert kept.read_text() == PULUMI
    assert f"version {pulumi_cli.VERSION} is built with Go. This takes about 5 minutes on 2 cores, once" in printed
    assert "3/3 packages" in printed
    built = (tmp_path / "go.log").read_text()
    again, printed = find()
    assert again.command == str(kept)
    assert printed == ""
    assert (tmp_path / "go.log").read_text() == built


def test_where_its_site_can_be_reached_the_vendor_s_installer_comes_before_a_build(
    programs, cache, tmp_path, monkeypatch
):
    programs("go", GO)
    (tmp_path / "install.sh").touch()
    monkeypatch.setattr(pulumi_cli, "INSTALLER", (tmp_path / "install.sh").as_uri())

    def install(root, version):
        assert str(version) == pulumi_cli.VERSION
        (Path(root) / "bin").mkdir()
        (Path(root) / "bin" / "pulumi").write_text(PULUMI)
        (Path(root) / "bin" / "pulumi").chmod(0o755)

    monkeypatch.setattr(pulumi_cli.PulumiCommand, "install", install)

    found, printed = find()

    assert found.command == str(cache / f"pulumi-{pulumi_cli.VERSION}" / "bin" / "pulumi")
    assert f"Getting the Pulumi CLI {pulumi_cli.VERSION} with the vendor's installer, once." in printed
    assert not (tmp_path / "go.log").exists()


def test_the_build_is_what_go_mod_pins(programs, tmp_path):
    programs("go", GO.format(sleep=""))

    find()

    assert f"common/version.Version={pulumi_cli.VERSION} " in (tmp_path / "go.log").read_text()
    assert (
        f"github.com/pulumi/pulumi/pkg/v3 v{pulumi_cli.VERSION} h1:"
        in (ROOT / "sandbox" / "pulumi-cli" / "go.sum").read_text()
    )


@pytest.mark.parametrize(
    "broken", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho v2.0.0\n", "not a program", "#!/bin/sh\necho hi\n"]
)
def test_one_on_path_that_cannot_be_used_is_passed_over(programs, broken, cache):
    programs("pulumi", broken)
    programs("go", GO.format(sleep=""))

    assert find()[0].command.startswith(str(cache))


@pytest.mark.usefixtures("programs")
def test_where_nothing_can_provide_one_the_error_lists_the_three_ways_and_what_was_tried(cache):
    with pytest.raises(sandbox.SandboxError) as error:
        find()

    text = str(error.value)
    assert "1. `pulumi` on PATH" in text
    assert "2. access to get.pulumi.com" in text
    assert "3. Go 1.25 or newer" in text
    assert text.partition("What was tried:")[2].splitlines()[1:] == [
        "  on PATH: there is no `pulumi`",
        "  the vendor's installer: <urlopen error [Errno 111] Connection refused>",
        "  a build with Go: there is no `go` on PATH",
    ]
    assert [left.name for left in cache.iterdir()] == [f"pulumi-{pulumi_cli.VERSION}.lock"]


def test_a_build_that_fails_says_what_go_said(programs, cache):
    programs("go", "#!/bin/sh\necho 'go: module lookup disabled'\nexit 1\n")

    with pytest.raises(sandbox.SandboxError, match="a build with Go: `go list` failed: go: module lookup disabled"):
        find()

    assert not list(cache.glob("pulumi-*/"))


def test_a_build_that_gives_something_else_is_not_kept(programs, cache):
    programs("go", GO.format(sleep="").replace(f"echo v{pulumi_cli.VERSION}", "exit 3"))

    with pytest.raises(sandbox.SandboxError, match=r"a build with Go: .*non-zero exit status 3"):
        find()

    assert not list(cache.glob("pulumi-*/"))


def test_nothing_is_got_where_that_is_not_wanted(programs, tmp_path):
    programs("go", GO)

    with pytest.raises(sandbox.SandboxError, match="There is no Pulumi CLI"):
        find(get=False)

    assert not (tmp_path / "go.log").exists()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_after_an_interrupted_build_the_next_run_builds_again(programs, cache, sent):
    programs("go", GO.format(sleep="sleep 60"))
    code = (
        "import signal, sandbox.pulumi_cli as c, rich.console;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        "c.INSTALLER = 'http://127.0.0.1:9/'; c.find_pulumi(rich.console.Console())"
    )
    interrupted = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE)
    wait_for(lambda: [file for file in cache.glob("*.part-*/bin/pulumi") if file.read_text() == "half"])

    interrupted.send_signal(sent)
    interrupted.communicate(timeout=30)

    assert not (cache / f"pulumi-{pulumi_cli.VERSION}").exists()
    programs("go", GO.format(sleep=""))
    assert Path(find()[0].command).read_text() == PULUMI
    assert not list(cache.glob("*.part-*"))
    subprocess.run(["/usr/bin/env", "pkill", "-f", str(cache)], check=False, env=os.environ | {"PATH": "/usr/bin:/bin"})


def test_a_second_run_waits_for_the_first_and_uses_what_it_got(programs, tmp_path):
    programs("go", GO.format(sleep="sleep 0.5"))
    results = []
    threads = [threading.Thread(target=lambda: results.append(find())) for _ in range(2)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert len({found.command for found, _ in results}) == 1
    assert "Waiting for another run" in "".join(printed for _, printed in results)
    assert (tmp_path / "go.log").read_text().count("build ") == 1


def wait_for(condition):
    for _ in range(300):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come")
