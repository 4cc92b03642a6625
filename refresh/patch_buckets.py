"""The names of AWS's buckets for patching, from AWS's page about them. No package has them."""

import json
import re
from collections.abc import Mapping

from ssm_profile.regions import REGION_PATTERN

from .source import Downloads, Project, SourceError, Update, as_json, refuse_shrinking

FILE = "ssm_profile/aws_data/patch_buckets.json"

_LINUX = re.compile(rf"\baws-patch-manager-({REGION_PATTERN})-(\w+)(?![\w-])")
_MACOS = re.compile(rf"\baws-patchmanager-macos-({REGION_PATTERN})-(\w+)(?![\w-])")
_SNAPSHOT = re.compile(rf"\bpatch-baseline-snapshot-({REGION_PATTERN})((?:-\w+)?)(?![\w-])")

_SUFFIX = "[0-9a-f]{9}"
_SNAPSHOT_SUFFIX = "(-[0-9a-z]{8})?"


def update(downloads: Downloads, project: Project) -> Update:
    """The copy with the regions that the page has added.

    Raises:
        SourceError: If the page lacks a region, if a suffix differs from the copy, or if its tables do not agree.
        UnreachableError: If the page cannot be read.
    """
    before = json.loads(project.read(FILE))
    url = before["source"]
    patch, snapshot = _suffixes(url, downloads.page(url))
    copy = before["patch_suffixes"]
    refuse_shrinking(f"{url}: the list of regions", copy, patch, FILE)
    _refuse_changes(url, copy, patch)
    _refuse_changes(url, {region: before["snapshot_suffixes"].get(region, "") for region in copy}, snapshot)
    added = sorted(patch.keys() - copy.keys())
    if not added:
        return Update()
    suffixed = {region: suffix for region, suffix in snapshot.items() if suffix}
    content = {"source": url, "date": project.today, "patch_suffixes": patch, "snapshot_suffixes": suffixed}
    return Update({FILE: as_json(content)}, tuple(f"AWS has buckets for patching in `{region}`." for region in added))


def _suffixes(url: str, page: str) -> tuple[dict[str, str], dict[str, str]]:
    """The suffixes of the patch buckets and of the snapshot buckets, by region. The page may be HTML or Markdown."""
    patch, macos, snapshot = (_by_region(url, set(pattern.findall(page))) for pattern in (_LINUX, _MACOS, _SNAPSHOT))
    if not patch:
        raise SourceError(f"{url} names no bucket. Read the page, and adapt refresh/patch_buckets.py.")
    if macos != patch:
        differing = sorted({region for region, _ in patch.items() ^ macos.items()})
        raise SourceError(f"{url} has other buckets for macOS in {', '.join(differing)}. The catalogue has one suffix.")
    if snapshot.keys() != patch.keys():
        differing = sorted(snapshot.keys() ^ patch.keys())
        raise SourceError(f"{url} lists {', '.join(differing)} in one table and not in another. Read the page.")
    _refuse_forms(url, patch, _SUFFIX)
    _refuse_forms(url, snapshot, _SNAPSHOT_SUFFIX)
    return patch, snapshot


def _refuse_forms(url: str, suffixes: Mapping[str, str], form: str) -> None:
    """A suffix that is read wrong gives the name of a bucket that anybody can create."""
    for region, suffix in suffixes.items():
        if not re.fullmatch(form, suffix):
            raise SourceError(
                f"{url} has the suffix {suffix!r} in {region}, which has another form than those of other regions. "
                "Read the page, and adapt refresh/patch_buckets.py."
            )


def _by_region(url: str, found: set[tuple[str, str]]) -> dict[str, str]:
    suffixes = dict(sorted(found))
    if len(suffixes) != len(found):
        raise SourceError(f"{url} has two suffixes for one region: {sorted(found)}. Read the page.")
    return suffixes


def _refuse_changes(url: str, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """A bucket with another name can be somebody else's."""
    for region, suffix in before.items():
        if after[region] != suffix:
            raise SourceError(
                f"{url} has the suffix {after[region]!r} in {region}, and the copy has {suffix!r}. Make sure that AWS "
                f"owns the bucket, change {FILE} by hand, and run again."
            )
