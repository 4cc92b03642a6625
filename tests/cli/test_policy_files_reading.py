"""Bytes, text and data: what is read and what is refused."""

import bz2
import gzip
import json
import os
import socket
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import pytest

from ssm_profile.cli.policy_files import LONGEST_FILE, decode, find_roles, parse, read_bytes, reading
from ssm_profile.errors import InputError
from tests import bounded, require
from tests.cli.test_policy_files import FILES

hypothesis = require("hypothesis")
st = require("hypothesis.strategies")


def refusal(function, *arguments):
    with pytest.raises(InputError) as refused:
        function(*arguments)
    return str(refused.value)


def outcome(function):
    """What a function returns, or the text of its refusal."""
    try:
        return function()
    except InputError as error:
        return str(error)


class _Stdin:
    def __init__(self, content=b"", *, terminal=False):
        self.buffer = self
        self.content = content
        self.terminal = terminal

    def isatty(self):
        return self.terminal

    def read(self, size):
        return self.content[:size]


class TestReadBytes:
    def test_file(self, tmp_path):
        file = tmp_path / "policy.json"
        file.write_bytes(b"\xff{}")

        assert read_bytes(str(file)) == b"\xff{}"

    def test_standard_input(self, monkeypatch):
        monkeypatch.setattr(sys, "stdin", _Stdin(b"{}"))

        assert read_bytes("-") == b"{}"

    def test_no_standard_input(self, monkeypatch):
        monkeypatch.setattr(sys, "stdin", None)

        assert refusal(read_bytes, "-").startswith("There is no standard input.")

    def test_terminal(self, monkeypatch, capsys):
        """A person at a terminal is told what the command waits for."""
        monkeypatch.setattr(sys, "stdin", _Stdin(b"{}", terminal=True))

        assert read_bytes("-") == b"{}"
        assert capsys.readouterr().err == "Reading standard input. Paste the text, and end it with Ctrl-D.\n"

    def test_too_long(self, tmp_path):
        file = tmp_path / "long"
        file.write_bytes(b" " * (LONGEST_FILE + 1))

        assert refusal(read_bytes, str(file)) == f"{file} has more than 10,000,000 bytes, the most that is read."

    @pytest.mark.parametrize(
        ("path", "reason"),
        [("nothing", "cannot be read: No such file or directory"), ("a\0b", "cannot be read: embedded null byte")],
    )
    def test_missing(self, path, reason):
        assert f"{path} {reason}. Pass an existing file" in refusal(read_bytes, path)

    def test_directory(self, tmp_path):
        assert refusal(read_bytes, str(tmp_path)).startswith(f"{tmp_path} is a directory. Pass a file")

    def test_device(self):
        assert refusal(read_bytes, os.devnull).startswith(f"{os.devnull} is a device.")

    def test_socket(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)  # a socket's path has a limit
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket")

            assert refusal(read_bytes, "socket").startswith("socket is a socket.")

    def test_pipe_without_writer(self, tmp_path, monkeypatch):
        """It ends with an error and does not wait for ever."""
        monkeypatch.setattr(reading, "WAIT_FOR_WRITER", 0.05)
        os.mkfifo(tmp_path / "pipe")

        assert "pipe is a pipe to which no process writes." in refusal(read_bytes, str(tmp_path / "pipe"))

    def test_pipe(self, tmp_path):
        """A writer can begin later, and can be slow, as in a process substitution of a shell."""
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)

        def write():
            time.sleep(0.1)
            with pipe.open("wb", buffering=0) as file:
                time.sleep(0.1)
                file.write(b"{")
                time.sleep(0.1)
                file.write(b"}" * 100_000)

        writer = threading.Thread(target=write)
        writer.start()
        content = read_bytes(str(pipe))
        writer.join()

        assert content == b"{" + b"}" * 100_000


class TestDecode:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
    @pytest.mark.parametrize("pack", [bytes, gzip.compress])
    def test_encoding(self, encoding, pack):
        """UTF-16 is what PowerShell of Windows writes."""
        assert decode(pack('{"ä": "😀"}'.encode(encoding)), "it") == '{"ä": "😀"}'

    @pytest.mark.parametrize("mark", [b"\xfe\xff", b"\x00\x00\xfe\xff"])
    def test_big_endian(self, mark):
        encoding = "utf-16-be" if len(mark) == 2 else "utf-32-be"

        assert decode(mark + "{}".encode(encoding), "it") == "{}"

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"\xe4", "it is not UTF-8 text: unexpected end of data at byte 0. Save it as UTF-8."),
            (b"\xff\xfe{", "it is not UTF-16-LE text: truncated data at byte 2. Save it as UTF-8."),
            ("{}".encode("utf-16-le"), "it is a binary file, or UTF-16 without a byte order mark. Save it as UTF-8."),
            (b"PK\x03\x04...", "it is a ZIP archive or a plan file of Terraform. For a plan, pass"),
            (bz2.compress(b"{}"), "it is a bzip2 file. Decompress it, or use gzip."),
            (gzip.compress(b"{}")[:-4], "it is a damaged gzip file (Compressed file ended"),
            (b"\x1f\x8b" + bytes(20), "it is a damaged gzip file (Unknown compression method"),
            (gzip.compress(b" " * (LONGEST_FILE + 1)), "it has more than 10,000,000 bytes after decompression"),
        ],
        ids=["utf-8", "utf-16", "no mark", "zip", "bzip2", "short gzip", "bad gzip", "long gzip"],
    )
    def test_refused(self, content, message):
        assert refusal(decode, content, "it").startswith(message)


def test_decompression_stops():
    """A small file that decompresses to a large one takes little memory."""
    bomb = gzip.compress(bytes(200_000_000), compresslevel=1)
    tracemalloc.start()
    message = refusal(decode, bomb, "it")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert "after decompression" in message
    assert peak < 50_000_000


YAML = """
version: 2012-10-17
on: yes
octal: 012
account: 012345678901
number: 12
fraction: 1.5
sexagesimal: 12:30:45
true: ~
merged: {<<: {a: 1, b: 2}, b: 3}
alias: [&x [1], *x]
ref: !Ref A
att: !GetAtt A.B.C
sub: !Sub ["${A}", {A: !Join [",", [a]]}]
condition: !Condition C
empty:
"""


class TestParse:
    def test_yaml(self):
        """The rules of YAML 1.2, and the tags of CloudFormation."""
        assert parse(YAML, "it") == {
            "version": "2012-10-17",
            "on": "yes",
            "octal": "012",
            "account": "012345678901",
            "number": 12,
            "fraction": 1.5,
            "sexagesimal": "12:30:45",
            "true": None,
            "merged": {"a": 1, "b": 3},
            "alias": [[1], [1]],
            "ref": {"Ref": "A"},
            "att": {"Fn::GetAtt": ["A", "B.C"]},
            "sub": {"Fn::Sub": ["${A}", {"A": {"Fn::Join": [",", ["a"]]}}]},
            "condition": {"Condition": "C"},
            "empty": None,
        }

    @pytest.mark.parametrize(
        ("text", "data"),
        [
            (' {"a": 1} ', {"a": 1}),
            ('\ufeff{"a": 1}', {"a": 1}),
            ("%7b%22a%22%3A1%7D", {"a": 1}),
            ('{"a": 1}\n{"b": 2}{"c": 3}', [{"a": 1}, {"b": 2}, {"c": 3}]),
            ("a: 1\n---\nb: 2", [{"a": 1}, {"b": 2}]),
            ('"a": 1', {"a": 1}),
            ('"\\ud800"', "\ufffd"),
            ('{"a\\udc00": ["\\ud83d\\ude00\\ud83d"]}', {"a\ufffd": ["😀\ufffd"]}),
            ("\ud800", "\ufffd"),
        ],
    )
    def test_data(self, text, data):
        assert parse(text, "it") == data

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (" \n", "it is empty. Pass a policy"),
            ('{"a": [{"b": 1, "c": 2, "b": 3}]}', 'it has the key "b" twice in a[0]. Readers disagree'),
            ('{"b": 1, "b": 1}', 'it has the key "b" twice. Readers disagree'),
            ("a:\n  b: 1\n  b: 2", 'it has the key "b" twice in a (line 3). Readers disagree'),
            ("[" * 100_000, "it is nested too deeply: it has more than 100 levels."),
            ("[" * 101 + "]" * 101, "it is nested too deeply: it has more than 100 levels."),
            ("a: &a [*a]", "it is nested too deeply"),
            ("- " * 100_000, "nest"),
            ("- " * 500 + "a", "it is nested too deeply"),
            ('{"a": NaN}', "it is not JSON (NaN is not JSON)."),
            ('{"a": 1,}', "column 9 (char 8)). It seems to be JSON with a comma before a closing bracket."),
            ('{\n  // note\n  "a": 1}', "It seems to be JSON with comments. Remove them."),
            (
                "{'Version': '2012-10-17', 'a': None}",
                "It seems to be a Python dict. Pass what `json.dumps` makes of it.",
            ),
            ("a: [", "it is neither JSON nor YAML ("),
            ("a: !secret b", "it, line 1: the tag !secret is not known."),
            (
                "a: !!python/object/apply:os.system [ls]",
                "it, line 1: the tag !!python/object/apply:os.system is not known.",
            ),
            ("? [a]\n: b", "it, line 1: a key must be a string"),
            ("a: *b", "it is neither JSON nor YAML (found undefined alias"),
            ('resource "aws_iam_role" "web" {\n  tags = {a: "b", c: [}\n', "It seems to be a Terraform configuration."),
        ],
    )
    def test_refused(self, text, message):
        assert message in refusal(parse, text, "it")

    @pytest.fixture
    def few_values(self, monkeypatch):
        """A lower limit, which is reached sooner."""
        monkeypatch.setattr("ssm_profile.cli.policy_files.parsing.MOST_VALUES", 50_000)

    @pytest.mark.usefixtures("few_values")
    def test_aliases(self):
        """Aliases that repeat each other end with an error."""
        lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]

        with bounded():
            assert "it has more than 50,000 values" in refusal(parse, "\n".join(lines), "it")

    @pytest.mark.usefixtures("few_values")
    def test_merged_aliases(self):
        lines = ["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 60))]

        assert "it has more than 50,000 values" in refusal(parse, "\n".join(lines), "it")

    @pytest.mark.parametrize(
        "text",
        [
            "[" + ",".join(['{"Sid":"' + "s" * 76 + '","Statement":[]}'] * 98_000) + "]",
            '{"' + "k" * 1_000_000 + '": [' + "[]," * 1_000_000 + "[]]}",
            "{" + " ,\t" * 3_000_000,
            "\n" * 9_000_000 + "a: [",
            "[" + "'" * 9_000_000,
        ],
        ids=["list", "long key", "commas", "lines", "quotes"],
    )
    def test_long(self, text):
        """A file of almost the longest length is read or refused."""
        with bounded():
            assert len(outcome(lambda: find_roles(parse(text, "it"), "it"))) < 1000


KEYS = [
    *("Statement", "Effect", "Action", "NotAction", "Resource", "Condition", "Principal", "Document", "PolicyDocument"),
    *("Resources", "Type", "Properties", "Policies", "ManagedPolicyArns", "PermissionsBoundary", "Roles", "RoleName"),
    *("Ref", "Fn::Sub", "Fn::If", "Fn::Join", "Fn::GetAtt", "Fn::Select", "RoleDetailList", "PolicyVersionList"),
    *("planned_values", "root_module", "child_modules", "resources", "configuration", "expressions", "references"),
    *("address", "mode", "type", "name", "values", "statement", "actions", "version", "instances", "attributes"),
    *(
        "deployment",
        "outputs",
        "urn",
        "prior_state",
        "module_calls",
        "role",
        "policy",
        "format_version",
        "TemplateBody",
    ),
]
TEXTS = [
    *("Allow", "ssm:*", "${x}", "${aws:x}", "{", '{"Statement": []}', "AWS::IAM::Role", "AWS::IAM::Policy", "a"),
    *(
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_iam_policy_document",
        "data",
        "aws_iam_role.a",
        "module.a.b",
        "\ud800",
    ),
    *("AWS::NoValue", "AWS::IAM::InstanceProfile", "aws:iam/role:Role", "var.a", "each.value", ""),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 4) | st.floats() | st.sampled_from(TEXTS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=25,
)
SETTINGS = hypothesis.settings(max_examples=400, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])


def check(function):
    """Any input gives roles, or a refusal in sentences."""
    result = outcome(function)
    if isinstance(result, str):
        assert result.startswith("it")
        assert result.endswith(".")
    else:
        assert result
        for role in result:
            assert role.name.startswith("it")
            assert all(policy.document["Statement"] is not None for policy in role.policies)


class TestAnything:
    @hypothesis.given(VALUES)
    @SETTINGS
    def test_data(self, value):
        check(lambda: find_roles(value, "it"))

    @pytest.mark.parametrize("file", sorted(each.name for each in FILES.iterdir()))
    @hypothesis.given(st.data())
    @hypothesis.settings(SETTINGS, max_examples=60)
    def test_damaged_file(self, file, data):
        """A value of a real file is replaced by any other."""
        content = parse(decode(read_bytes(str(Path(FILES, file))), "it"), "it")
        place = content
        while True:
            key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
            if not (isinstance(place[key], dict | list) and place[key] and data.draw(st.integers(0, 9))):
                break
            place = place[key]
        place[key] = data.draw(VALUES)

        check(lambda: find_roles(content, "it"))

    @hypothesis.given(st.text() | st.text("{}[]:,'\"\\ \n-&*!<|>%@ab1~#?") | VALUES.map(json.dumps))
    @SETTINGS
    def test_text(self, text):
        check(lambda: find_roles(parse(text, "it"), "it"))

    @hypothesis.given(st.binary())
    @SETTINGS
    def test_bytes(self, content):
        check(lambda: find_roles(parse(decode(content, "it"), "it"), "it"))
