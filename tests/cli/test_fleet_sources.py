"""The sources of ``fleet``: files, folders, links and standard input."""

import json
import os
import socket
from pathlib import Path

import pytest

from tests import require
from tests.cli.accounts import details, names, role

require("ijson")

from ssm_profile.cli.fleet import files  # noqa: E402


@pytest.fixture
def file(tmp_path):
    """A file with a role, which is alone in a folder."""
    path = tmp_path / "folder" / "a.json"
    path.parent.mkdir()
    path.write_text(json.dumps(details(role("web"))))
    return path


def refusal(run, source):
    done = run("fleet", source)
    assert (done.code, done.out) == (2, "")
    return done.error


@pytest.mark.parametrize("make", [lambda _: None, lambda path: path.mkdir()])
def test_nothing(run, tmp_path, make):
    path = tmp_path / "missing"
    make(path)

    assert str(path) in refusal(run, str(path))


def test_empty_name(run):
    assert "A SOURCE is empty." in refusal(run, "")


def test_device(run):
    assert f"{os.devnull} is a device." in refusal(run, os.devnull)


def test_socket(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("socket")

        assert "socket is a socket." in refusal(run, "socket")


def test_link_to_itself(run, file):
    """In a folder, it is a problem."""
    link = file.with_name("b.json")
    link.symlink_to(link)

    assert "cannot be read: Too many levels of symbolic links." in refusal(run, str(link))
    found = list(files.read_files([str(file.parent)]))
    assert [each.reason for each in found if hasattr(each, "reason")] == [
        "It cannot be read: Too many levels of symbolic links."
    ]


def test_link_to_folder(run, file):
    """It is followed, also if it leads back."""
    (file.parent / "up").symlink_to(file.parent.parent)
    other = file.parent.parent / "other.json"
    other.write_text(json.dumps(details(role("job"))))

    assert names(map(json.loads, run("fleet", "--json", str(file.parent)).out.splitlines())) == ["job", "web"]


@pytest.mark.parametrize("again", ["", "folder", "link"])
def test_same_file(run, file, again):
    """It is read once."""
    second = file.parent if again == "folder" else file
    if again == "link":
        second = file.with_name("link")
        second.symlink_to(file)

    done = run("fleet", "--json", str(file), str(second))

    assert (done.code, len(done.out.splitlines())) == (0, 1)


def test_standard_input_twice(run):
    done = run("fleet", "--json", "-", "-", stdin=json.dumps(details(role("web"))))

    assert (done.code, len(done.out.splitlines())) == (0, 1)


def test_utf_16_of_standard_input(run):
    """It is read more than once, and stays open."""
    done = run("fleet", "--json", "-", stdin=json.dumps(details(role("web"))).encode("utf-16"))

    assert (done.code, len(done.out.splitlines())) == (0, 1)


def test_no_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)

    (found,) = files.read_files(["-"])

    assert found.reason == "There is no standard input. Pass a file."


def test_file_without_permission(file, monkeypatch):
    """The other files are read."""
    closed = file.with_name("b.json")
    closed.write_text("")
    open_path = Path.open

    def refuse(path, mode):
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return open_path(path, mode)

    monkeypatch.setattr(Path, "open", refuse)
    problem, found = files.read_files([str(file.parent)])

    assert (problem.reason, found.name) == ("It cannot be read: Permission denied.", "web")


def test_folder_without_permission(file, monkeypatch):
    closed, scandir = file.parent / "closed", os.scandir
    closed.mkdir()

    def refuse(path):
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    problem, _ = files.read_files([str(file.parent)])

    assert (problem.place, problem.reason) == (str(closed), "The folder cannot be read: Permission denied.")
