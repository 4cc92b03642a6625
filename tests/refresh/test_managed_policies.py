"""AWS managed policies from moto."""

import json

import pytest

from refresh import managed_policies
from refresh.source import Package, SourceError
from tests import require

from .conftest import moto, moto_policies

CORE = "AmazonSSMManagedInstanceCore"


def core(**changes):
    """All policies, with changes in one."""
    policies = moto_policies()
    policies[CORE] |= changes
    return policies


def update(project, recorded, policies):
    recorded.packages["moto"] = moto(policies)
    return managed_policies.update(recorded, project)


def document(*actions):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


def not_newer(label):
    """The message about a policy that does not replace the copy."""
    return (
        f"moto 9.1.0 has {CORE} {label}, which does not replace the copy: {CORE} v2 of 2019-05-23. Compare both, and "
        "wait for the next release if the copy is right."
    )


def test_same_versions_change_nothing(project, recorded):
    assert update(project, recorded, moto_policies()).files == {}


def test_new_version_replaces_the_copy(project, recorded):
    old = moto_policies()[CORE]["Document"]["Statement"]
    new = {
        "Version": "2012-10-17",
        "Statement": [*old[1:], *document("ssm:GetDocument", "ssm:PutWeather")["Statement"]],
    }
    newer = {"DefaultVersionId": "v10", "UpdateDate": "2026-12-24T10:00:00+00:00", "Document": new}
    removed = sorted(set(old[0]["Action"]) - {"ssm:GetDocument"})

    change = update(project, recorded, core(**newer))

    assert {path: json.loads(text) for path, text in change.files.items()} == {
        f"ssm_profile/cli/aws_policies/{CORE}.json": {
            "name": CORE,
            "arn": f"arn:aws:iam::aws:policy/{CORE}",
            "version": "v10",
            "created": "2026-12-24T10:00:00Z",
            "document": new,
        }
    }
    assert change.changes == (
        (
            f"{CORE} v10 of 2026-12-24 adds `ssm:PutWeather` and removes {', '.join(f'`{each}`' for each in removed)}. "
            "The copy was v2."
        ),
    )


def test_document_with_one_statement_is_kept(project, recorded):
    """IAM also accepts a statement that is no list. Keys that are not known come last."""
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Weather": 1}
    newer = {"DefaultVersionId": "v3", "UpdateDate": "2026-12-24T10:00:00+00:00"}

    (text,) = update(project, recorded, core(**newer, Document={"Statement": statement})).files.values()

    assert json.dumps(json.loads(text)["document"]) == json.dumps({"Statement": statement})


def test_new_version_with_the_same_actions(project, recorded):
    old = moto_policies()[CORE]["Document"]
    new = old | {"Statement": [each | {"Resource": "arn:aws:ssm:*:*:*"} for each in old["Statement"]]}

    sorted_keys = json.loads(json.dumps(new, sort_keys=True))  # as in moto

    change = update(
        project, recorded, core(DefaultVersionId="v3", UpdateDate="2026-12-24T10:00:00+00:00", Document=sorted_keys)
    )

    assert change.changes == (f"{CORE} v3 of 2026-12-24 has the same actions in other statements. The copy was v2.",)
    (text,) = change.files.values()
    assert json.dumps(json.loads(text)["document"]) == json.dumps(new)


@pytest.mark.parametrize(
    ("policies", "message"),
    [
        # a shrunk list
        (
            {CORE: moto_policies()[CORE]},
            "moto 9.1.0 has 1 AWS managed policies, and had at least 1,500.",
        ),
        # a policy that is gone
        (
            {name: policy for name, policy in moto_policies().items() if name != CORE} | {"New": {}},
            (
                f"moto 9.1.0 lacks {CORE}. If AWS has deleted the policy, delete "
                f"ssm_profile/cli/aws_policies/{CORE}.json, and run again."
            ),
        ),
        # an empty document
        (
            core(DefaultVersionId="v3", Document={"Version": "2012-10-17", "Statement": []}),
            (
                f"moto 9.1.0 has a broken policy: {CORE} has no statements. Pass a policy document with at least one "
                "statement."
            ),
        ),
        # an older default version
        (
            core(DefaultVersionId="v1", UpdateDate="2019-03-15T17:22:12+00:00", Document=document("ssm:GetDocument")),
            not_newer("v1 of 2019-03-15"),
        ),
        # the same version with another document, which IAM does not allow
        (
            core(UpdateDate="2026-12-24T10:00:00+00:00", Document=document("ssm:GetDocument")),
            not_newer("v2 of 2026-12-24"),
        ),
        # a newer version with an older date
        (
            core(DefaultVersionId="v3", UpdateDate="2019-03-15T17:22:12+00:00"),
            not_newer("v3 of 2019-03-15"),
        ),
        (
            core(DefaultVersionId="latest"),
            f"moto 9.1.0: the version of {CORE} is 'latest', not v1, v2, ...",
        ),
    ],
)
def test_broken_list_is_refused(project, recorded, policies, message):
    with pytest.raises(SourceError) as raised:
        update(project, recorded, policies)

    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, f"moto 9.1.0 has no file {managed_policies.PATH}. Find out where its data is now, and adapt refresh/."),
        (
            {managed_policies.PATH: "policies = 1\n"},
            (
                f"moto 9.1.0 has no aws_managed_policies_data in {managed_policies.PATH}. Adapt "
                "refresh/managed_policies.py."
            ),
        ),
    ],
)
def test_other_layout_is_refused(project, recorded, files, message):
    recorded.packages["moto"] = Package("moto", "9.1.0", files)

    with pytest.raises(SourceError) as raised:
        managed_policies.update(recorded, project)

    assert str(raised.value) == message


def test_installed_moto_has_this_form():
    """The recordings have the form of a real release."""
    path = require("moto.iam.aws_managed_policies").__file__
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - the path is a string of the module
        published = managed_policies.published_policies(Package("moto", "", {managed_policies.PATH: file.read()}))

    assert len(published) > managed_policies.FEWEST
    assert published[CORE].keys() >= moto_policies()[CORE].keys()
