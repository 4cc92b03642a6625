"""The launch example in the real engine: another stack that launches with the profile."""

import pytest
from pulumi.automation import CommandError

from tests import ROOT, require
from tests.engine.conftest import changes, program_fails, switch

LAUNCH = ROOT / "examples" / "launch"


@pytest.fixture
def ec2(sandbox):
    return sandbox.aws.client("ec2", region_name="eu-central-1")


def instance(ec2, launched):
    found = ec2.describe_instances(InstanceIds=[launched["instanceId"].value])
    return found["Reservations"][0]["Instances"][0]


def test_the_instance_carries_the_profile_of_the_environment(sandbox, ec2, dev):
    profile = dev.outputs()
    launch = sandbox.stack("dev", LAUNCH)

    launched = launch.up().outputs

    found = instance(ec2, launched)
    assert found["IamInstanceProfile"]["Arn"] == profile["instanceProfileArn"].value
    assert found["MetadataOptions"]["HttpTokens"] == "required"
    assert "KeyName" not in found
    assert {"Key": "Name", "Value": "launch-dev"} in found["Tags"]
    (group,) = ec2.describe_security_groups(GroupIds=[group["GroupId"] for group in found["SecurityGroups"]])[
        "SecurityGroups"
    ]
    assert group["IpPermissions"] == []
    assert [(rule["FromPort"], rule["ToPort"]) for rule in group["IpPermissionsEgress"]] == [(443, 443)]
    image = sandbox.aws.client("ssm", region_name="eu-central-1").get_parameter(
        Name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    )
    assert found["ImageId"] == image["Parameter"]["Value"]
    assert launched["startSession"].value == f"aws ssm start-session --target {found['InstanceId']}"
    assert not any(output.secret for output in launched.values())
    assert changes(launch.up()) == {}
    launch.refresh()
    assert changes(launch.up()) == {}
    launch.destroy()
    assert instance(ec2, launched)["State"]["Name"] == "terminated"


def test_another_profile_reaches_the_launch_by_the_outputs(sandbox, ec2, dev):
    launch = sandbox.stack("dev", LAUNCH)
    launch.up()
    switch(dev, instanceProfileName="renamed")
    dev.up()

    launched = launch.up().outputs

    assert instance(ec2, launched)["IamInstanceProfile"]["Arn"].endswith(":instance-profile/renamed")


@program_fails
def test_a_stack_that_does_not_exist_is_named_and_nothing_is_made(sandbox, ec2):
    launch = sandbox.stack("dev", LAUNCH, {"profileStack": "organization/ssm-profile/nowhere"})

    with pytest.raises(CommandError) as error:
        launch.up()

    assert "organization/ssm-profile/nowhere" in str(error.value)
    assert ec2.describe_instances()["Reservations"] == []


@program_fails
def test_a_stack_that_is_not_deployed_is_named_with_what_is_missing_and_nothing_is_made(sandbox, ec2):
    sandbox.stack("dev")
    launch = sandbox.stack("dev", LAUNCH)

    with pytest.raises(CommandError) as error:
        launch.up()

    told = " ".join(str(error.value).split())
    assert "stack organization/ssm-profile/dev: found no outputs at all; missing: roleName, roleArn" in told
    assert "Traceback" not in told
    assert ec2.describe_instances()["Reservations"] == []
    assert ec2.describe_launch_templates()["LaunchTemplates"] == []


def test_one_s_own_image_and_network_are_used(sandbox, ec2, dev):  # noqa: ARG001
    image = ec2.describe_images()["Images"][0]["ImageId"]
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    own = {"imageId": image, "vpcId": vpc, "subnetId": subnet, "instanceType": "m7i.large"}

    launched = sandbox.stack("dev", LAUNCH, own).up().outputs

    found = instance(ec2, launched)
    assert (found["ImageId"], found["VpcId"], found["SubnetId"], found["InstanceType"]) == (
        image,
        vpc,
        subnet,
        "m7i.large",
    )


def test_an_instance_profile_that_ec2_does_not_see_yet_is_waited_for(sandbox, ec2, dev, monkeypatch):
    responses = require("moto.ec2.responses.instances")
    exceptions = require("moto.ec2.exceptions")
    run_instances, refused = responses.InstanceResponse.run_instances, []

    def not_visible_yet(response):
        if len(refused) < 3:
            refused.append(True)
            raise exceptions.InvalidParameterValueError(
                "(web) for parameter iamInstanceProfile.name: Invalid IAM Instance Profile name;"
            )
        return run_instances(response)

    monkeypatch.setattr(responses.InstanceResponse, "run_instances", not_visible_yet)

    launched = sandbox.stack("dev", LAUNCH).up().outputs

    assert len(refused) == 3
    assert instance(ec2, launched)["IamInstanceProfile"]["Arn"] == dev.outputs()["instanceProfileArn"].value
