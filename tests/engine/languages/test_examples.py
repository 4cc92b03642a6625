"""The examples in other languages run as their users run them."""

import shutil

import pytest

from tests import ROOT
from tests.engine.languages.conftest import copy_package
from tests.engine.stacks import inline_documents, is_empty
from tests.expected import MESSAGING


@pytest.fixture
def example(request, tmp_path):
    """Creates a project with a copy of an example and of the component package beside it."""

    def create(language):
        folder = tmp_path / "examples" / language
        ignored = shutil.ignore_patterns("node_modules", "sdks")
        shutil.copytree(ROOT / "examples" / language, folder, ignore=ignored)
        copy_package(tmp_path)
        project = request.getfixturevalue(f"{language}_project")(folder)
        project.create_stack("dev")
        return project

    return create


def check_policy(iam):
    """Check that the only role has the policy of the examples."""
    (role,) = iam.list_roles()["Roles"]
    (document,) = inline_documents(iam, role["RoleName"])
    statements = {action: each["Resource"] for each in document["Statement"] for action in each["Action"]}
    assert statements.keys() > {*MESSAGING, "ssm:PutInventory", "ssm:UpdateInstanceAssociationStatus"}
    assert "ec2:Describe*" not in statements
    assert statements["ssm:GetParameters"] == [
        "arn:aws:ssm:eu-central-1:123456789012:parameter/web",
        "arn:aws:ssm:eu-central-1:123456789012:parameter/web/*",
    ]
    assert statements["s3:PutObject"].endswith("/web/*")


def test_yaml_example_is_deployed(example, iam):
    project = example("yaml")

    assert project.run("up", "dev") == {"create": 6}

    check_policy(iam)
    project.run("destroy", "dev")
    assert is_empty(iam)


@pytest.mark.proof
@pytest.mark.parametrize("language", ["yaml", "typescript", "go"])
def test_life_of_an_example(example, language, iam):
    """The examples in YAML, TypeScript and Go are previewed, deployed, deployed again, refreshed and destroyed."""
    project = example(language)

    assert project.run("preview", "dev") == {"create": 6}
    assert project.run("up", "dev") == {"create": 6}
    check_policy(iam)
    assert project.run("up", "dev") == {}
    assert project.run("refresh", "dev") == {}
    assert project.run("destroy", "dev") == {"delete": 6}
    assert is_empty(iam)
