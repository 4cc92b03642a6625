"""``ssm-profile audit FILE``: what the options keep of a role's trust policy."""

import json

import pytest

from ssm_profile.cli.trust_options import kept_trust
from tests.cli.accounts import details, role
from tests.cli.policies import MINIMUM, SCOPED_MINIMUM, allow

EC2, SYSTEMS_MANAGER = "ec2.amazonaws.com", "ssm.amazonaws.com"
EVERY_NODE = [allow(MINIMUM)]


def trust(*principals):
    """A trust policy with a statement for each principal."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": each, "Action": "sts:AssumeRole"} for each in principals],
    }


@pytest.fixture
def audit(run, tmp_path):
    """Audits a role with principals in its trust policy."""

    def run_audit(*principals, policy=EVERY_NODE, form="--json"):
        account = details(role("web", *policy, AssumeRolePolicyDocument=trust(*principals)))
        (tmp_path / "account.json").write_text(json.dumps(account))
        return run("audit", str(tmp_path / "account.json"), form)

    return run_audit


def test_ec2_only(audit):
    audited = audit({"Service": EC2}).audit

    assert (audited["options"], audited["trustNotKept"]) == ({"ec2_describe": False, "scope_heartbeat": True}, [])


def test_hybrid_nodes(audit):
    """They can register with the options if they can today."""
    options = {"ec2_describe": False, "service_principals": [EC2, SYSTEMS_MANAGER]}

    assert audit({"Service": [EC2, SYSTEMS_MANAGER]}).audit["options"] == options
    scoped = audit({"Service": [EC2, SYSTEMS_MANAGER]}, policy=SCOPED_MINIMUM).audit["options"]
    assert scoped == options | {"scope_heartbeat": True}


def test_without_options(audit):
    denied = [*EVERY_NODE, allow(MINIMUM[4]) | {"Effect": "Deny"}]
    audited = audit({"Service": [EC2, SYSTEMS_MANAGER]}, "*", policy=denied).audit

    assert (audited["options"], audited["trustNotKept"]) == (None, [])


def test_policy_without_role(run, policy_file):
    """Its trust policy is not known."""
    audited = run("audit", policy_file(*EVERY_NODE), "--json").audit

    assert (audited["options"]["scope_heartbeat"], audited["trustNotKept"]) == (True, [])


def test_report(audit):
    shown = audit({"Service": EC2}, {"AWS": "123456789012"}, form="--markdown").out

    assert (
        "- The trust policy also lets `123456789012` assume the role. The component's trust policy does not.\n" in shown
    )


@pytest.mark.parametrize("domain", ["${AWS::URLSuffix}", "${data.aws_partition.current.dns_suffix}"])
def test_domain_of_a_template(audit, domain):
    """The names of services are the same in each partition."""
    audited = audit({"Service": [f"ec2.{domain}", f"ssm.{domain}"]}).audit

    assert audited["options"]["service_principals"] == [EC2, SYSTEMS_MANAGER]
    assert audited["trustNotKept"] == []


@pytest.mark.parametrize(
    "principals", [({"Service": [EC2, "${var.other}"]},), ({"Service": EC2}, "${var.other}")], ids=["service", "whole"]
)
def test_unknown_principal(audit, principals):
    """It may be Systems Manager, so the heartbeat is not limited."""
    audited = audit(*principals).audit

    assert audited["options"] == {"ec2_describe": False}
    assert audited["trustNotKept"] == [
        (
            "The trust policy has values that the input does not say: `${var.other}`. Add each that is a service to "
            "`servicePrincipals`."
        )
    ]


def test_unknown_statement():
    kept = kept_trust({"Statement": [*trust({"Service": EC2})["Statement"], "${var.statement}"]})

    assert kept.may_be_for_hybrid_nodes
    assert "the input does not say: `${var.statement}`" in kept.not_kept[0]


def test_account_of_a_template(audit):
    """It is no service."""
    audited = audit({"Service": EC2}, {"AWS": "arn:aws:iam::${AWS::AccountId}:root"}).audit

    assert audited["options"]["scope_heartbeat"] is True
    assert "also lets `arn:aws:iam::${AWS::AccountId}:root` assume the role" in audited["trustNotKept"][0]
