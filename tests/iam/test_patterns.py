"""Patterns of actions and ARNs."""

from contextlib import suppress
from itertools import product

import pytest

from ssm_profile.errors import TooComplexError
from ssm_profile.iam.patterns import EVERYTHING, arn_glob, covers, find_string, glob, overlap
from tests import bounded, require

hypothesis = require("hypothesis")
st = require("hypothesis.strategies")

PARAMETERS = "arn:aws:ssm:*:*:parameter/*"
LETTERS = "ab:"
SHORT_STRINGS = ["".join(letters) for length in range(5) for letters in product(LETTERS, repeat=length)]


def matches(pattern, string):
    """Whether a pattern matches a string, by a second implementation: recursion."""
    if not pattern:
        return not string
    if pattern[0] == "*":
        return matches(pattern[1:], string) or bool(string and matches(pattern, string[1:]))
    return bool(string) and pattern[0] in ("?", string[0]) and matches(pattern[1:], string[1:])


class TestGlobs:
    """Patterns whose wildcards match every character."""

    patterns = st.lists(st.text(alphabet="ab:*?", max_size=4), min_size=1, max_size=3)

    @hypothesis.given(patterns, patterns, patterns)
    @hypothesis.settings(max_examples=400, deadline=None)
    def test_find_string(self, one, other, excluded):
        """A string is found if and only if there is one, and it is one."""
        found = find_string([list(map(glob, one)), list(map(glob, other))], list(map(glob, excluded)))

        def is_wanted(string):
            return (
                any(matches(each, string) for each in one)
                and any(matches(each, string) for each in other)
                and not any(matches(each, string) for each in excluded)
            )

        if found is None:
            assert not any(map(is_wanted, SHORT_STRINGS))
        else:
            assert is_wanted(found)

    @pytest.mark.parametrize(
        ("pattern", "other", "expected"),
        [
            ("a*", "a?", True),
            ("a?", "a*", False),
            ("a??", "a?", False),
            ("*", "", True),
            ("a*c", "ab*", False),
            ("*a*", "b*ab", True),
            ("[ab]*", "[ab]c", True),
            ("[ab]*", "ac", False),
            ("a${*}", "a*", False),
            ("a*", "a${*}", True),
            ("a${?}b", "a?b", False),
        ],
    )
    def test_covers(self, pattern, other, expected):
        assert covers(glob(pattern), glob(other)) is expected

    def test_many_wildcards_end(self):
        """The search ends in any case: with an answer, or with an error."""
        pattern = "*".join("abcdefghij" * 30)
        with bounded(), suppress(TooComplexError):
            assert overlap(glob(f"*{pattern}*"), glob(f"*{pattern[::-1]}*"))


class TestArns:
    @pytest.mark.parametrize(
        ("one", "other", "expected"),
        [
            (PARAMETERS, "arn:aws:ssm:eu-central-1:1:parameter/app", True),
            (PARAMETERS, "arn:aws:ssm:eu-central-1:1:document/app", False),
            (PARAMETERS, "arn:aws:ssm:eu-central-1:1:document/*", False),
            (PARAMETERS, "arn:aws:s3:::parameter/a", False),
            (PARAMETERS, "arn:aws-cn:ssm:cn-north-1:1:parameter/app", False),
            ("arn:*:ssm:*:*:parameter/*", "arn:aws-cn:ssm:cn-north-1:1:parameter/app", True),
            ("arn:aws:logs:*:*:log-group:/a:*", "arn:aws:logs:eu-central-1:1:log-group:/a:log-stream:b", True),
            ("arn:aws:ssm:eu-*:*:parameter/*", "arn:aws:ssm:us-east-1:eu-1:parameter/a", False),
            ("*", "arn:aws:s3:::logs", True),
            ("**", "arn:aws:s3:::logs", True),
        ],
    )
    def test_overlap(self, one, other, expected):
        """Two patterns of ARNs overlap part by part."""
        assert overlap(arn_glob(one), arn_glob(other)) is expected
        assert overlap(arn_glob(other), arn_glob(one)) is expected

    @pytest.mark.parametrize(
        ("pattern", "arn", "expected"),
        [
            ("arn:aws:kms:*", "arn:aws:kms:eu-central-1:123456789012:key/1", True),
            ("arn:aws:kms", "arn:aws:kms:eu-central-1:123456789012:key/1", True),
            ("arn:aws:kms:eu-central-1", "arn:aws:kms:eu-central-1:123456789012:key/1", True),
            ("arn:aws:kms:eu-central-1", "arn:aws:kms:us-east-1:123456789012:key/1", False),
            ("arn:aws:s3", "arn:aws:kms:eu-central-1:123456789012:key/1", False),
        ],
    )
    def test_missing_parts_are_wildcards(self, pattern, arn, expected):
        assert covers(arn_glob(pattern), arn_glob(arn)) is expected

    def test_wildcard_stays_in_its_part(self):
        """A wildcard in the first five parts of an ARN does not match a colon."""
        assert not overlap(arn_glob("arn:aws:ssm:*1:parameter/a:*:*"), arn_glob("arn:aws:ssm:x:1:parameter/a"))
        assert covers(arn_glob("arn:aws:logs:*:*:*b"), arn_glob("arn:aws:logs:x:1:log-group:a:b"))

    def test_object_is_no_bucket(self):
        assert not overlap(arn_glob("arn:aws:s3:::logs/*"), arn_glob("arn:aws:s3:::logs"))

    def test_union_covers_together(self):
        """Several patterns can cover one that none of them covers."""
        halves = [arn_glob("arn:aws:s3:::a*"), *(arn_glob(f"arn:aws:s3:::{each}*") for each in "bcd")]

        assert find_string([[arn_glob("arn:aws:s3:::?*")]], halves) is not None
        assert (
            find_string([[arn_glob("arn:aws:s3:::a?")]], [arn_glob("arn:aws:s3:::?a"), arn_glob("arn:aws:s3:::a*")])
            is None
        )

    def test_everything(self):
        assert covers(EVERYTHING, arn_glob(PARAMETERS))
        assert not covers(arn_glob("arn:*"), EVERYTHING)
