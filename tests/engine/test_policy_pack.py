"""The engine runs the policy pack."""

import json
import re
import shutil

import pytest

from tests import ROOT, require
from tests.engine.stacks import ALLOW_ALL, single_line
from tests.expected import TRUST

CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
HAND_WRITTEN = f"""
role = aws.iam.Role("web", assume_role_policy='{json.dumps(TRUST)}')
attached = aws.iam.RolePolicyAttachment("core", role=role.name, policy_arn="{CORE}")
profile = aws.iam.InstanceProfile("web", role=role.name)
"""
COMPONENT = """
from ssm_profile import SsmInstanceProfile
SsmInstanceProfile("web", {"patching": True, "parameters": {"paths": ["/app"]}})
"""


NOT_KNOWN_YET = f"""
role = aws.iam.Role("web", assume_role_policy='{json.dumps(TRUST)}')
own = aws.iam.Policy("own", policy='{json.dumps(ALLOW_ALL).replace('"Action": "*"', '"Action": "s3:*"')}')
exclusive = aws.iam.RolePolicyAttachmentsExclusive("all", role_name=role.name, policy_arns=[own.arn, "{CORE}"])
"""
BY_GET = f"""
role = aws.iam.Role("web", assume_role_policy='{json.dumps(TRUST)}')
core = aws.iam.Policy.get("core", "{CORE}")
aws.iam.RolePolicyAttachment("by-get", role=role.name, policy_arn=core.arn)
"""
FUNCTION = f"""
role = aws.iam.Role("f", assume_role_policy='{json.dumps(TRUST).replace("ec2", "lambda")}')
aws.iam.RolePolicy("f", role=role.name, policy='{json.dumps(ALLOW_ALL)}')
aws.iam.RolePolicyAttachment("core", role=role.name, policy_arn="{CORE}")
"""
TRUST_LATER = f"""
other = aws.iam.Role("other", assume_role_policy='{json.dumps(TRUST).replace("ec2", "lambda")}')
trust = other.unique_id.apply(lambda _: '{json.dumps(TRUST)}')
role = aws.iam.Role("web", assume_role_policy=trust)
aws.iam.RolePolicyAttachment("core", role=role.name, policy_arn="{CORE}")
"""


@pytest.fixture
def run_pack(cli, project, tmp_path):
    """Runs a program with the policy pack. Returns the exit code and the output in one line."""
    require("pulumi_policy")
    pack = tmp_path / "pack"  # a copy without the virtual environment that its settings name
    shutil.copytree(ROOT / "policies", pack, ignore=shutil.ignore_patterns("__pycache__"))
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\n")

    def run(program, *command, **config):
        directory = project(program)
        options = ["--stack", "test", "--policy-pack", str(pack)]
        if config:
            (tmp_path / "config.json").write_text(json.dumps(config))
            options += ["--policy-pack-config", str(tmp_path / "config.json")]
        cli.run("stack", "init", "test", cwd=directory)
        result = cli.run(*command, *options, cwd=directory, check=False, PYTHONPATH=str(ROOT))
        return result.returncode, single_line(result.stdout, result.stderr)

    return run


@pytest.fixture
def preview(run_pack):
    """Previews a program with the policy pack. Returns the exit code and the output in one line."""
    return lambda program, **config: run_pack(program, "preview", **config)


def test_core_policy_is_rejected(preview):
    """Hand-written resources with AmazonSSMManagedInstanceCore violate both policies."""
    exit_code, output = preview(HAND_WRITTEN)

    assert exit_code != 0
    assert re.search(r"\[mandatory\] no-wide-ssm-policies .*\bcore: .*\bAmazonSSMManagedInstanceCore\b", output)
    assert re.search(r"\[advisory\] profile-after-policies .*\bweb: .*\bcore\b", output)


def test_component_passes(preview):
    exit_code, output = preview(COMPONENT)

    assert exit_code == 0, output
    assert "[mandatory]" not in output
    assert "[advisory]" not in output


def test_config_sets_level_and_exceptions(preview):
    """The pack's configuration changes the enforcement level of a policy and the resources that it ignores."""
    exit_code, output = preview(
        HAND_WRITTEN,
        **{
            "no-wide-ssm-policies": {"exceptions": ["*::core"]},
            "profile-after-policies": {"enforcementLevel": "mandatory"},
        },
    )

    assert exit_code != 0
    assert "AmazonSSMManagedInstanceCore" not in output
    assert re.search(r"\[mandatory\] profile-after-policies .*\bweb: .*\bcore\b", output)


@pytest.fixture
def core_policy(sandbox):
    """AWS's managed policy in the emulated AWS, which has none by default."""
    sandbox.aws.client("iam").list_roles()  # creates the account
    models = require("moto.iam.models")
    (account,) = models.iam_backends.values()
    name = CORE.rpartition("/")[2]
    times = dict.fromkeys(("CreateDate", "UpdateDate"), "2019-03-15T17:22:12+00:00")
    data = {"Path": "/", "DefaultVersionId": "v1", "Document": ALLOW_ALL} | times
    account["aws"].managed_policies[CORE] = models.AWSManagedPolicy.from_data(name, account.account_id, "aws", data)


@pytest.mark.usefixtures("core_policy")
@pytest.mark.parametrize(
    ("program", "name"),
    [(NOT_KNOWN_YET, "all"), (BY_GET, "by-get")],
    ids=["beside an unknown ARN", "by Policy.get"],
)
def test_core_policy_is_found(preview, program, name):
    """Before anything is created."""
    exit_code, output = preview(program)

    assert exit_code != 0
    assert re.search(rf"\[mandatory\] no-wide-ssm-policies .*\b{name}: .*\bAmazonSSMManagedInstanceCore\b", output)


def test_function_passes(preview):
    """Its role is not for instances."""
    exit_code, output = preview(FUNCTION)

    assert exit_code == 0, output
    assert "[mandatory]" not in output
    assert "[advisory]" not in output


@pytest.mark.usefixtures("core_policy")
def test_unknown_trust_is_judged_later(run_pack):
    """The preview cannot know it. The update does."""
    exit_code, output = run_pack(TRUST_LATER, "up", "--yes", "--skip-preview")

    assert exit_code != 0
    assert re.search(r"\[mandatory\] no-wide-ssm-policies .*\bcore: ", output)


def test_unknown_trust_is_not_reported(preview):
    exit_code, output = preview(TRUST_LATER)

    assert exit_code == 0, output
    assert "no-wide-ssm-policies" not in output
