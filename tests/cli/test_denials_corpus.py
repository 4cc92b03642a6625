"""Real and documented messages, each with the answer that AWS's rules give. tests/data/denials contains them."""

import json
from collections import Counter

import pytest

from tests.cli.denials import ENTRIES

FORMS = {"agent", "callers", "cloudtrail", "encoded", "keys", "policies", "resources", "tools", "wrapping"}


@pytest.fixture
def answers_for(denied):
    """The answers for a text."""

    def answer(text):
        return denied.answer_denials(denied.read_denials(text))

    return answer


def summary(answer):
    """An answer, in the terms of the corpus."""
    policies = answer["policies"]
    return {
        "action": answer["action"],
        "missing_action": answer["missingAction"],
        "resource": answer["resource"],
        "kinds": {policy["kind"] for policy in policies},
        "explicit": any(policy["explicit"] for policy in policies),
        "policy": next((policy["policy"] for policy in policies if policy["policy"]), None),
        "caller": answer["callers"][0]["kind"],
        "callers": len(answer["callers"]),
        "count": answer["count"],
        "line": next((line["name"] for line in answer["knownLines"]), None),
        "encoded": answer["decodeCommand"].split()[-1] if answer["decodeCommand"] else None,
        "missing": sorted({path for option in answer["options"] for path in option["missing"]}),
    }


def expectation(expected):
    """What the corpus expects, with what it leaves out."""
    return {
        "action": expected["action"],
        "missing_action": expected.get("missing_action"),
        "resource": expected["resource"],
        "kinds": {expected.get("kind")},
        "explicit": expected.get("explicit", False),
        "policy": expected.get("policy"),
        "caller": expected.get("caller", "instance"),
        "callers": expected.get("callers", 1),
        "count": expected.get("count", 1),
        "line": expected.get("line"),
        "encoded": expected.get("encoded"),
        "missing": sorted(expected.get("missing", [])),
    }


def sorted_options(options):
    return sorted(json.dumps(each, sort_keys=True) for each in options)


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
class TestCorpus:
    def test_reading(self, answers_for, entry):
        """Action, resource, policy and caller."""
        answers = answers_for(entry["text"])["answers"]

        assert [summary(answer) for answer in answers] == list(map(expectation, entry["expected"]))

    def test_options(self, answers_for, entry):
        """Exactly the options that grant it, or none."""
        answers = answers_for(entry["text"])["answers"]

        for answer, expected in zip(answers, entry["expected"], strict=True):
            options = [option["options"] for option in answer["options"]]
            names = {option["option"] for option in answer["options"]}
            if expected["options"] == "default":
                assert (options, names) == ([{}], {"always granted"})
            else:
                assert sorted_options(options) == sorted_options(expected["options"])
                assert "always granted" not in names

    def test_reason(self, answers_for, entry):
        """An answer without an option says why."""
        for answer in answers_for(entry["text"])["answers"]:
            assert answer["why"]


class TestTheCorpusItself:
    def test_size(self):
        assert len(ENTRIES) >= 100
        assert {name.partition(":")[0] for name in ENTRIES} == FORMS

    def test_sources(self):
        assert all(entry["source"].startswith(("https://", "Form: ", "GitHub, ")) for entry in ENTRIES.values())

    def test_no_entry_twice(self):
        counts = Counter(entry["text"] for entry in ENTRIES.values())

        assert [text for text, count in counts.items() if count > 1] == []
