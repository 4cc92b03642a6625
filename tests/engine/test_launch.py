"""The example launch in the real engine: another stack launches an instance with the profile."""

import re

import pytest
from pulumi.automation import CommandError

from tests import ROOT, require
from tests.engine.stacks import IMAGE, ignore_unawaited_coroutines, resource_changes, set_options, single_line

LAUNCH = ROOT / "examples" / "launch"


@pytest.fixture
def ec2(sandbox):
    return sandbox.aws.client("ec2", region_name="eu-central-1")


def described_instance(ec2, outputs):
    """The instance of the launch stack as EC2 describes it."""
    response = ec2.describe_instances(InstanceIds=[outputs["instanceId"].value])
    return response["Reservations"][0]["Instances"][0]


def test_instance_has_profile(sandbox, ec2, dev):
    profile = dev.outputs()
    launch = sandbox.stack("dev", LAUNCH)

    outputs = launch.up().outputs

    instance = described_instance(ec2, outputs)
    assert instance["IamInstanceProfile"]["Arn"] == profile["instanceProfileArn"].value
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert "KeyName" not in instance
    assert {"Key": "Name", "Value": "launch-dev"} in instance["Tags"]
    (group,) = ec2.describe_security_groups(GroupIds=[group["GroupId"] for group in instance["SecurityGroups"]])[
        "SecurityGroups"
    ]
    assert group["IpPermissions"] == []
    assert [(rule["FromPort"], rule["ToPort"]) for rule in group["IpPermissionsEgress"]] == [(443, 443)]
    image = sandbox.aws.client("ssm", region_name="eu-central-1").get_parameter(
        Name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    )
    assert instance["ImageId"] == image["Parameter"]["Value"]
    assert outputs["startSession"].value == f"aws ssm start-session --target {instance['InstanceId']}"
    assert not any(output.secret for output in outputs.values())
    assert resource_changes(launch.up()) == {}
    launch.refresh()
    assert resource_changes(launch.up()) == {}
    launch.destroy()
    assert described_instance(ec2, outputs)["State"]["Name"] == "terminated"


def test_renamed_profile_reaches_launch(sandbox, ec2, dev):
    """After the profile is renamed, the next `up` of the launch stack uses the new one."""
    launch = sandbox.stack("dev", LAUNCH)
    launch.up()
    set_options(dev, instanceProfileName="renamed")
    dev.up()

    outputs = launch.up().outputs

    assert described_instance(ec2, outputs)["IamInstanceProfile"]["Arn"].endswith(":instance-profile/renamed")


def test_own_image_and_network(sandbox, ec2, dev):  # noqa: ARG001
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    config = {"imageId": IMAGE, "vpcId": vpc, "subnetId": subnet, "instanceType": "m7i.large"}

    outputs = sandbox.stack("dev", LAUNCH, config).up().outputs

    instance = described_instance(ec2, outputs)
    assert (instance["ImageId"], instance["VpcId"], instance["SubnetId"]) == (IMAGE, vpc, subnet)
    assert instance["InstanceType"] == "m7i.large"


def test_waits_for_visible_profile(sandbox, ec2, dev, monkeypatch):
    """The provider retries the launch while EC2 does not see a new instance profile yet."""
    responses = require("moto.ec2.responses.instances")
    exceptions = require("moto.ec2.exceptions")
    run_instances, rejections = responses.InstanceResponse.run_instances, []

    def reject_three_times(response):
        if len(rejections) < 3:
            rejections.append(True)
            raise exceptions.InvalidParameterValueError(
                "(web) for parameter iamInstanceProfile.name: Invalid IAM Instance Profile name;"
            )
        return run_instances(response)

    monkeypatch.setattr(responses.InstanceResponse, "run_instances", reject_three_times)

    outputs = sandbox.stack("dev", LAUNCH).up().outputs

    assert len(rejections) == 3
    assert described_instance(ec2, outputs)["IamInstanceProfile"]["Arn"] == dev.outputs()["instanceProfileArn"].value


@ignore_unawaited_coroutines
class TestUnusableProfileStack:
    """The stack with the profile does not exist or has no outputs."""

    def test_missing_stack(self, sandbox, ec2):
        launch = sandbox.stack("dev", LAUNCH, {"profileStack": "organization/ssm-profile/nowhere"})

        with pytest.raises(CommandError, match="organization/ssm-profile/nowhere"):
            launch.up()

        assert ec2.describe_instances()["Reservations"] == []

    def test_stack_without_outputs(self, sandbox, ec2):
        sandbox.stack("dev")
        launch = sandbox.stack("dev", LAUNCH)

        with pytest.raises(CommandError) as error:
            launch.up()

        message = single_line(str(error.value))
        assert re.search(r"\borganization/ssm-profile/dev\b.*\broleName\b.*\broleArn\b", message)
        assert "Traceback" not in message
        assert ec2.describe_instances()["Reservations"] == []
        assert ec2.describe_launch_templates()["LaunchTemplates"] == []
