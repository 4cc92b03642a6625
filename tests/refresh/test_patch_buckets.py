"""The names of AWS's buckets from AWS's page."""

import json

import pytest

from refresh import patch_buckets
from refresh.source import SourceError

from .conftest import BUCKET_URL, TODAY, bucket_page


def update(project, recorded, page):
    recorded.pages[BUCKET_URL] = page
    return patch_buckets.update(recorded, project)


NEW = {"mx-central-1": "0123456ab"}


def test_same_buckets_change_nothing(project, recorded):
    assert update(project, recorded, bucket_page()).files == {}


@pytest.mark.parametrize(("snapshot", "added"), [({}, {}), ({"mx-central-1": "-0a1b2c3d"},) * 2])
def test_new_region_is_written(project, recorded, snapshot, added):
    """With a suffix of the bucket for snapshots and without."""
    before = json.loads(project.read(patch_buckets.FILE))

    change = update(project, recorded, bucket_page(NEW, snapshot))

    assert {path: json.loads(text) for path, text in change.files.items()} == {
        patch_buckets.FILE: {
            "source": BUCKET_URL,
            "date": TODAY,
            "patch_suffixes": before["patch_suffixes"] | NEW,
            "snapshot_suffixes": before["snapshot_suffixes"] | added,
        }
    }
    assert change.changes == ("AWS has buckets for patching in `mx-central-1`.",)


def test_html_is_read_too(project, recorded):
    """AWS serves the page as HTML and as Markdown."""
    page = "".join(f'<td><code class="code">{cell}</code></td>' for cell in bucket_page(NEW).replace("|", " ").split())

    assert update(project, recorded, page).files == update(project, recorded, bucket_page(NEW)).files != {}


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("", "names no bucket. Read the page, and adapt refresh/patch_buckets.py."),
        (
            "<title>503 Service Unavailable</title>",
            "names no bucket. Read the page, and adapt refresh/patch_buckets.py.",
        ),
        (
            bucket_page().replace("eu-west-1", "eu-west-9"),
            (
                ": the list of regions lacks eu-west-1. If AWS has removed this, remove it from "
                "ssm_profile/aws_data/patch_buckets.json by hand, and run again."
            ),
        ),
        (
            bucket_page({"eu-west-1": "000000000"}),
            (
                "has the suffix '000000000' in eu-west-1, and the copy has '5522fb710'. Make sure that AWS owns the "
                "bucket, change ssm_profile/aws_data/patch_buckets.json by hand, and run again."
            ),
        ),
        (
            bucket_page(None, {"eu-west-1": "-00000000"}),
            (
                "has the suffix '-00000000' in eu-west-1, and the copy has ''. Make sure that AWS owns the bucket, "
                "change ssm_profile/aws_data/patch_buckets.json by hand, and run again."
            ),
        ),
        (
            bucket_page(eu_west_1="000000000"),
            "has other buckets for macOS in eu-west-1. The catalogue has one suffix.",
        ),
        (
            bucket_page().replace("patch-baseline-snapshot-eu-west-1", "-"),
            "lists eu-west-1 in one table and not in another. Read the page.",
        ),
    ],
)
def test_broken_page_is_refused(project, recorded, page, message):
    with pytest.raises(SourceError) as raised:
        update(project, recorded, page)

    assert str(raised.value) == BUCKET_URL + (message if message.startswith(":") else f" {message}")


@pytest.mark.parametrize("suffix", ["-0123abcde", "-0a1b2c3", "-0A1B2C3D", "-0a1b2c3d_"])
def test_suffix_of_another_form_is_refused(project, recorded, suffix):
    """Read as no suffix, it would be the name of a bucket that anybody can create."""
    with pytest.raises(SourceError, match=f"has the suffix '{suffix}' in mx-central-1, which has another form"):
        update(project, recorded, bucket_page(NEW, {"mx-central-1": suffix}))


@pytest.mark.parametrize("suffix", ["0123456abc", "0123456AB", "0123456xy"])
def test_suffix_of_a_patch_bucket_of_another_form_is_refused(project, recorded, suffix):
    with pytest.raises(SourceError, match=f"has the suffix '{suffix}' in mx-central-1, which has another form"):
        update(project, recorded, bucket_page({"mx-central-1": suffix}))


def test_longer_name_is_not_read(project, recorded):
    """A bucket with a further part in its name is another one."""
    with pytest.raises(SourceError, match="lists mx-central-1 in one table and not in another"):
        update(project, recorded, bucket_page(NEW, {"mx-central-1": "-0a1b2c3d-west"}))


def test_two_suffixes_of_a_region_are_refused(project, recorded):
    page = f"{bucket_page()} aws-patch-manager-eu-west-1-000000000"

    with pytest.raises(SourceError, match="has two suffixes for one region: ") as raised:
        update(project, recorded, page)

    assert "('eu-west-1', '000000000'), ('eu-west-1', '5522fb710')" in str(raised.value)
