"""The deployment of `make live`, which needs a real account, with the real engine on the emulated one."""

import json

from ssm_profile import policy
from ssm_profile.options import own_tags
from tests import require
from tests.engine.stacks import inline_documents, is_empty, tag_dictionary

deployment = require("live.deployment")
plan = require("live.plan")

NAMES = plan.Names("r123456e7")
LOCATION = {"partition": "aws", "region": "eu-central-1", "account": "123456789012"}
KEYS = {name: f"arn:aws:kms:eu-central-1:123456789012:key/{name}" for name in plan.KEYS}


def test_deploys_and_destroys(sandbox, iam, tmp_path):
    """Each role has its policy, the path and the tag of the run. The protection of prod keeps nothing from deletion.

    The engine reads each value of the config as it is, also the account number, which YAML could take for a number.
    """
    lines = []
    live = deployment.PulumiDeployment(sandbox.pulumi, tmp_path, lines.append, sandbox.environment)

    for profile in ("prod", "everything"):
        options = plan.options_of(profile, NAMES, KEYS, LOCATION)
        config = plan.stack_config(options, NAMES, LOCATION)
        config["aws:allowedAccountIds"].append("012345678901")
        outputs = live.deploy(profile, config)

        for key in ("aws:allowedAccountIds", "aws:defaultTags"):
            assert read_config(sandbox, tmp_path / profile, profile, key) == config[key]
        role = iam.get_role(RoleName=outputs["roleName"])["Role"]
        assert role["Path"] == "/ssm-profile-live/"
        assert tag_dictionary(role) == {"ssm-profile-live": "r123456e7", **own_tags(options)}
        assert inline_documents(iam, outputs["roleName"]) == [policy.policy_document(options, LOCATION)]
        assert ":instance-profile/ssm-profile-live/" in outputs["instanceProfileArn"]
    live.destroy()
    assert is_empty(iam)
    assert any("deleted" in line for line in lines)


def read_config(sandbox, folder, stack, key):
    """A structured value in the config of a deployed stack, as the CLI reads it."""
    found = sandbox.pulumi.run(["config", "--json", "--stack", stack], str(folder), sandbox.environment)
    return json.loads(found.stdout)[key]["objectValue"]
