"""The search for a Pulumi CLI and its installation, with small scripts as `pulumi` and `go`."""

import hashlib
import io
import os
import platform
import signal
import subprocess
import sys
import tarfile
import threading
import time
from contextlib import suppress
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
    """Adds scripts to a PATH with a few basic tools only. Pulumi's servers cannot be reached."""
    directory = tmp_path / "programs"
    directory.mkdir()
    for tool in ("sh", "mkdir", "dirname", "chmod", "sleep", "tar", "gzip"):
        (directory / tool).symlink_to(next(p for p in (Path("/bin") / tool, Path("/usr/bin") / tool) if p.exists()))
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GO_LOG", str(tmp_path / "go.log"))
    monkeypatch.setattr(pulumi_cli, "CHECKSUMS", "http://127.0.0.1:9/checksums.txt")

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


def test_path_comes_first(programs, cache):
    programs("pulumi", PULUMI)
    programs("go", GO)

    pulumi, printed = find()

    assert pulumi.command == "pulumi"
    assert printed == ""
    assert not list(cache.glob("pulumi-*/"))


def test_go_builds_it_once(programs, cache, tmp_path):
    programs("go", GO.format(sleep=""))

    pulumi, printed = find()

    kept = cache / f"pulumi-{pulumi_cli.VERSION}" / "bin" / "pulumi"
    assert pulumi.command == str(kept)
    assert kept.read_text() == PULUMI
    assert f"Building Pulumi {pulumi_cli.VERSION} with Go" in printed
    assert f"takes about 5 minutes on 2 cores. The result is kept in {cache}\n" in printed
    assert "3/3 packages" in printed
    built = (tmp_path / "go.log").read_text()
    again, printed = find()
    assert again.command == str(kept)
    assert printed == ""
    assert (tmp_path / "go.log").read_text() == built


@pytest.fixture
def published(programs, tmp_path, monkeypatch):
    """Publishes an archive with its checksum, in a folder in place of Pulumi's servers, and returns the archive."""
    programs("go", GO)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    name = f"pulumi-v{pulumi_cli.VERSION}-linux-x64.tar.gz"
    with tarfile.open(tmp_path / name, "w:gz") as archive:
        member = tarfile.TarInfo("pulumi/pulumi")
        member.mode, member.size = 0o755, len(PULUMI)
        archive.addfile(member, io.BytesIO(PULUMI.encode()))
    checksum = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    (tmp_path / "checksums.txt").write_text(f"{'0' * 64}  {name.replace('x64', 'arm64')}\n{checksum}  {name}\n")
    monkeypatch.setattr(pulumi_cli, "ARCHIVES", tmp_path.as_uri())
    monkeypatch.setattr(pulumi_cli, "CHECKSUMS", (tmp_path / "checksums.txt").as_uri())
    return tmp_path / name


@pytest.mark.usefixtures("published")
def test_download_comes_before_build(cache, tmp_path):
    pulumi, printed = find()

    assert pulumi.command == str(cache / f"pulumi-{pulumi_cli.VERSION}" / "bin" / "pulumi")
    assert printed == f"Downloading Pulumi {pulumi_cli.VERSION}. This happens once.\n"
    assert not (tmp_path / "go.log").exists()


def test_archive_with_wrong_checksum_is_not_run(published, programs, cache, tmp_path):
    programs("go", "#!/bin/sh\nexit 1\n")
    published_checksum = hashlib.sha256(published.read_bytes()).hexdigest()
    ran = tmp_path / "ran"
    with tarfile.open(published, "w:gz") as archive:
        member = tarfile.TarInfo("pulumi/pulumi")
        script = f"#!/bin/sh\n: > {ran}\necho v{pulumi_cli.VERSION}\n".encode()
        member.mode, member.size = 0o755, len(script)
        archive.addfile(member, io.BytesIO(script))
    checksum = hashlib.sha256(published.read_bytes()).hexdigest()

    with pytest.raises(sandbox.SandboxError) as error:
        find()

    assert (
        f"  download: {published.as_uri()} has the SHA-256 checksum {checksum}, and the published one is "
        f"{published_checksum}\n" in str(error.value)
    )
    assert not ran.exists()
    assert not list(cache.glob("pulumi-*/"))


@pytest.mark.usefixtures("published")
def test_archive_without_checksum_is_not_downloaded(monkeypatch, programs):
    programs("go", "#!/bin/sh\nexit 1\n")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")

    with pytest.raises(
        sandbox.SandboxError, match=r"checksums.txt has no checksum of pulumi-v\S+-linux-riscv64.tar.gz"
    ):
        find()


def test_build_uses_pinned_version(programs, tmp_path):
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
def test_broken_cli_on_path_is_ignored(programs, broken, cache):
    programs("pulumi", broken)
    programs("go", GO.format(sleep=""))

    assert find()[0].command.startswith(str(cache))


@pytest.mark.usefixtures("programs")
def test_error_lists_instructions_and_failures(cache):
    with pytest.raises(sandbox.SandboxError) as error:
        find()

    text = str(error.value)
    assert "1. Install the Pulumi CLI" in text
    assert "2. Allow access to get.pulumi.com and github.com" in text
    assert "3. Install Go 1.25 or newer" in text
    assert text.partition("The sandbox tried:")[2].splitlines()[1:] == [
        "  `pulumi` on PATH: not found",
        "  download: <urlopen error [Errno 111] Connection refused>",
        "  build with Go: `go` is not on PATH",
    ]
    assert [file.name for file in cache.iterdir()] == [f"pulumi-{pulumi_cli.VERSION}.lock"]


def test_no_home_directory(monkeypatch):
    """In a container, HOME can be unset and the user unknown to the system."""
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)

    with pytest.raises(sandbox.SandboxError, match="There is no home directory"):
        pulumi_cli.cache_directory()


def test_failed_build_shows_output(programs, cache):
    programs("go", "#!/bin/sh\necho 'go: module lookup disabled'\nexit 1\n")

    with pytest.raises(sandbox.SandboxError, match="build with Go: `go list` failed: go: module lookup disabled"):
        find()

    assert not list(cache.glob("pulumi-*/"))


def test_broken_build_is_deleted(programs, cache):
    programs("go", GO.format(sleep="").replace(f"echo v{pulumi_cli.VERSION}", "exit 3"))

    with pytest.raises(sandbox.SandboxError, match=r"build with Go: .*non-zero exit status 3"):
        find()

    assert not list(cache.glob("pulumi-*/"))


def test_installation_can_be_forbidden(programs, tmp_path):
    programs("go", GO)

    with pytest.raises(sandbox.SandboxError, match="There is no Pulumi CLI"):
        find(install=False)

    assert not (tmp_path / "go.log").exists()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_build_starts_again(programs, cache, tmp_path, sent):
    build = tmp_path / "build.pid"
    programs("go", GO.format(sleep=f"echo $$ > {build}; sleep 60"))
    code = (
        "import signal, sandbox.pulumi_cli as c, rich.console;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        "c.CHECKSUMS = 'http://127.0.0.1:9/'; c.find_pulumi(rich.console.Console())"
    )
    interrupted = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE)
    wait_for(lambda: build.exists() and build.read_text().endswith("\n"))
    assert [file.read_text() for file in cache.glob("*.part-*/bin/pulumi")] == ["half"]

    interrupted.send_signal(sent)
    interrupted.communicate(timeout=30)

    assert not (cache / f"pulumi-{pulumi_cli.VERSION}").exists()
    programs("go", GO.format(sleep=""))
    assert Path(find()[0].command).read_text() == PULUMI
    assert not list(cache.glob("*.part-*"))
    with suppress(ProcessLookupError):  # after SIGINT the build has ended with the run
        os.killpg(int(build.read_text()), signal.SIGKILL)


def test_second_run_waits_for_first(programs, tmp_path):
    programs("go", GO.format(sleep="sleep 0.5"))
    results = []
    threads = [threading.Thread(target=lambda: results.append(find())) for _ in range(2)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert len({pulumi.command for pulumi, _ in results}) == 1
    assert "Waiting for another run" in "".join(printed for _, printed in results)
    assert (tmp_path / "go.log").read_text().count("build ") == 1


def wait_for(condition):
    for _ in range(300):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("the condition did not become true")
