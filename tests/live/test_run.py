"""A run makes every check, and deletes everything, whatever happens."""

import os
import signal
import socket
import time
from dataclasses import replace

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from pulumi.automation import CommandError
from pulumi.automation._cmd import CommandResult

from live import LiveError, TimeBoxError
from live import run as run_module
from live.account import TAG
from live.cleanup import KINDS, PASS_SECONDS, find_leftovers, remove, remove_repeatedly
from live.plan import IAM_PATH, Names
from live.run import Run, time_box
from tests.live.emulated import CREDENTIALS, DEFAULT_HOST_MANAGEMENT_IS_ON, PERSON, EmulatedDeployment, moto_client

NAMES = Names("r0a1b2c3d")

ROLE_CHECKS = [
    "The role has the policy",
    "IAM's simulator allows what it grants",
    "IAM's simulator denies the rest",
]
CHECKS = {
    "dev": [*ROLE_CHECKS, "The instance is Online", "Run Command works", "A session types and reads", "Parameters"],
    "prod": [
        *ROLE_CHECKS,
        "The instance is Online",
        "The scoped heartbeat works",
        "Run Command works",
        "A session types and reads",
        "Parameters",
    ],
    "everything": [
        *ROLE_CHECKS,
        "The instance is Online",
        "Run Command works",
        "A session types and reads",
        "The session log is in S3",
        "The session log is in CloudWatch Logs",
        "Parameters",
        "The output of a command is in S3",
        "A patch scan works",
        "Inventory arrives",
    ],
    "questions": [
        "Do the channels work when they are granted on arn:aws:ssmmessages:eu-central-1:012345678901:*?",
        "Does S3 require s3:PutObjectAcl for the agent's uploads to a bucket without ACLs?",
        "Does S3 require s3:PutObjectAcl for the agent's uploads to a bucket with ACLs?",
    ],
}

CREATING = [
    "kms.create_key",
    "s3.create_bucket",
    "s3.put_bucket_tagging",
    "s3.put_bucket_encryption",
    "logs.create_log_group",
    "ssm.put_parameter",
    "ssm.create_document",
    "iam.create_role",
    "iam.put_role_policy",
    "iam.create_instance_profile",
    "iam.add_role_to_instance_profile",
    "ec2.create_security_group",
    "ec2.authorize_security_group_egress",
    "ssm.get_parameter",
    "ec2.run_instances",
]
"""Every call that a run makes beside the stacks before its checks. Each one fails in a test."""


def leftovers(aws, run=None):
    return [str(each) for kind in KINDS for each in find_leftovers(aws.account, kind, run)]


def create_key_and_interrupt(request):
    """Ctrl-C arrives before the answer."""
    moto_client("kms").create_key(**request)
    raise KeyboardInterrupt


@pytest.fixture
def make_run(aws):
    """Makes a run with a deployment. Its lines are in `lines`."""

    def make(deployment=None, minutes=10, names=NAMES):
        lines = []
        made = Run(aws.account, deployment or EmulatedDeployment(), names, minutes, report=lines.append)
        made.lines = lines
        return made

    return make


class Interrupted(EmulatedDeployment):
    """A signal arrives while it deploys, or while it destroys."""

    def __init__(self, operation, number=signal.SIGINT):
        super().__init__()
        self.operation, self.number = operation, number

    def deploy(self, stack, config):
        outputs = super().deploy(stack, config)
        self.signal("deploy")
        return outputs

    def destroy(self):
        self.signal("destroy")
        super().destroy()

    def signal(self, operation):
        if operation == self.operation:
            os.kill(os.getpid(), self.number)
            time.sleep(0)  # the handler runs before the next line


def test_every_check_passes(aws, make_run, plugin):  # noqa: ARG001
    """The same checks as on AWS, and the instances get the agent's version into the page."""
    run = make_run()

    results = run.perform()

    made = {stack: [each.check for each in results if each.stack == stack] for stack in CHECKS}
    assert made == CHECKS
    assert [each for each in results if each.outcome != "passed"] == []
    assert run.versions == {"agent": "3.3.5226.0"}
    assert [each for each in results if PERSON in each.detail] == []
    assert leftovers(aws) == []


def test_default_host_management(aws, make_run, plugin):  # noqa: ARG001
    """The instances could use its role, so that nothing is said of the scoped heartbeat and the scoped channels."""
    aws.answers["ssm", "get_service_setting"] = lambda _: DEFAULT_HOST_MANAGEMENT_IS_ON

    results = make_run().perform()

    skipped = [each for each in results if each.outcome != "passed"]
    assert [each.check for each in skipped] == ["The scoped heartbeat works", CHECKS["questions"][0]]
    assert {each.outcome for each in skipped} == {"skipped"}


class TestDeletion:
    @pytest.mark.parametrize("operation", CREATING)
    def test_after_a_failing_step(self, aws, make_run, operation):
        """A call that AWS denies ends the run, and what was created before it is deleted."""
        aws.answers[tuple(operation.split("."))] = lambda _: "AccessDenied"

        with pytest.raises(ClientError, match="AccessDenied"):
            make_run().perform()

        assert leftovers(aws) == []
        assert moto_client("s3").list_buckets()["Buckets"] == []

    def test_after_ctrl_c(self, aws, make_run):
        with pytest.raises(KeyboardInterrupt):
            make_run(Interrupted("deploy")).perform()

        assert leftovers(aws) == []

    def test_after_ctrl_c_in_create_bucket(self, aws, make_run):
        """The bucket has no tag yet. It is found by its name."""

        def create_bucket(request):
            moto_client("s3").create_bucket(**request)
            raise KeyboardInterrupt

        aws.answers["s3", "create_bucket"] = create_bucket

        with pytest.raises(KeyboardInterrupt):
            make_run().perform()

        assert moto_client("s3").list_buckets()["Buckets"] == []

    def test_key_that_is_not_listed(self, aws, make_run):
        """AWS lists a new key by its tag only after some time."""
        aws.answers["resourcegroupstaggingapi", "get_resources"] = lambda _: {"ResourceTagMappingList": []}
        aws.answers["s3", "create_bucket"] = lambda _: "AccessDenied"

        with pytest.raises(ClientError, match="AccessDenied"):
            make_run().perform()

        del aws.answers["resourcegroupstaggingapi", "get_resources"]
        assert leftovers(aws) == []

    def test_key_that_cannot_be_described(self, aws, make_run):
        """The policy of another key in the account denies it to the caller."""
        moto_client("kms").create_key()
        aws.answers["kms", "create_key"] = create_key_and_interrupt

        with pytest.raises(KeyboardInterrupt):
            make_run().perform()

        assert leftovers(aws) == []

    def test_key_is_deleted_by_its_tag(self, aws, make_run):
        """When the first deletion fails."""
        failures = iter(["ThrottlingException"] * 2)
        aws.answers["kms", "schedule_key_deletion"] = lambda request: next(failures, None) or aws.delete_key(request)
        aws.answers["s3", "create_bucket"] = lambda _: "AccessDenied"

        with pytest.raises(ClientError, match="AccessDenied"):
            make_run().perform()

        assert leftovers(aws) == []

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_is_not_interrupted(self, aws, make_run, number):
        """A second Ctrl-C, while everything is being deleted, only prints a line. So does a closed terminal."""
        aws.answers["ec2", "run_instances"] = lambda _: "AccessDenied"
        run = make_run(Interrupted("destroy", number))

        with pytest.raises(ClientError):
            run.perform()

        assert "Everything is being deleted. Please wait." in run.lines
        assert leftovers(aws) == []

    def test_after_the_time_box(self, aws, make_run):
        class Slow(EmulatedDeployment):
            def deploy(self, stack, config):
                super().deploy(stack, config)
                time.sleep(30)

        with pytest.raises(TimeBoxError, match=r"The time box of 0\.0333333 minutes has ended"):
            make_run(Slow(), minutes=2 / 60).perform()

        assert leftovers(aws) == []

    def test_without_pulumi(self, aws, make_run):
        """Roles are deleted by their tag when `pulumi destroy` fails."""

        class Stuck(EmulatedDeployment):
            def destroy(self):
                raise CommandError(CommandResult(stdout="", stderr="locked", code=1))

        aws.answers["ec2", "run_instances"] = lambda _: "AccessDenied"

        with pytest.raises(ClientError):
            make_run(Stuck()).perform()

        assert leftovers(aws) == []

    def test_names_what_is_left(self, aws, make_run):
        """A deletion that fails does not stop the next ones."""
        aws.answers["ec2", "run_instances"] = lambda _: "AccessDenied"
        aws.answers["logs", "delete_log_group"] = lambda _: "ThrottlingException"
        aws.answers["iam", "list_roles"] = lambda _: "AccessDenied"

        with pytest.raises(LiveError) as error:
            make_run().perform()

        assert "Run `make live ARGS=clean`" in str(error.value)
        assert "log group /ssm-profile-live/r0a1b2c3d: " in str(error.value)
        assert "cannot list role: " in str(error.value)
        del aws.answers["iam", "list_roles"]
        kinds = {each.rpartition(" ")[0] for each in leftovers(aws)}
        assert kinds == {"log group", "role"}

    def test_after_a_slow_destroy(self, aws, make_run, monkeypatch):
        """Roles are deleted by their tag when `pulumi destroy` takes too long."""
        monkeypatch.setattr(run_module, "DESTROY_MINUTES", 1 / 60)

        class Slow(EmulatedDeployment):
            def destroy(self):
                time.sleep(30)

        aws.answers["ec2", "run_instances"] = lambda _: "AccessDenied"

        with pytest.raises(ClientError):
            make_run(Slow()).perform()

        assert leftovers(aws) == []

    def test_instance_that_is_pending(self, aws):
        """EC2 can show this for some seconds after an instance is terminated that was just launched."""
        tags = [{"ResourceType": "instance", "Tags": [{"Key": TAG, "Value": NAMES.run}]}]
        ec2 = moto_client("ec2")
        launched = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, TagSpecifications=tags)
        instance = launched["Instances"][0]["InstanceId"]
        states = iter(["pending", "shutting-down"])

        def describe(request):
            found = {"Reservations": ec2.describe_instances(**request)["Reservations"]}
            if request.get("InstanceIds") and (state := next(states, None)):
                found["Reservations"][0]["Instances"][0]["State"]["Name"] = state
            return found

        aws.answers["ec2", "describe_instances"] = describe

        assert remove(aws.account, report=print) == [f"instance {instance}"]
        assert next(states, None) is None

    def test_instance_that_is_not_terminated(self, aws):
        """It is named, and the next deletions are made."""
        tags = [{"ResourceType": "instance", "Tags": [{"Key": TAG, "Value": NAMES.run}]}]
        ec2 = moto_client("ec2")
        ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, TagSpecifications=tags)
        moto_client("logs").create_log_group(logGroupName=NAMES.log_group, tags={TAG: NAMES.run})
        aws.answers["ec2", "terminate_instances"] = lambda _: {}

        with pytest.raises(LiveError, match="not within 300 s: the instance is terminated"):
            remove(aws.account, report=print)

        assert [each for each in leftovers(aws) if not each.startswith("instance")] == []


class TestPasses:
    """Deletion is repeated until nothing is found."""

    @pytest.fixture
    def create_log_group(self):
        return lambda: moto_client("logs").create_log_group(logGroupName=NAMES.log_group, tags={TAG: NAMES.run})

    def test_appears_late(self, aws, create_log_group):
        """A call that was interrupted creates something after the first pass."""
        slept = []

        def sleep(seconds):
            slept.append(seconds)
            if len(slept) == 1:
                create_log_group()

        aws.account = replace(aws.account, sleep=sleep)

        remove_repeatedly(aws.account, NAMES.run, print)

        assert leftovers(aws) == []
        assert slept == [PASS_SECONDS] * 2

    def test_fails_once(self, aws, create_log_group):
        create_log_group()
        failures = iter(["ThrottlingException"])

        def delete(request):
            return next(failures, None) or (moto_client("logs").delete_log_group(**request) and {})

        aws.answers["logs", "delete_log_group"] = delete

        remove_repeatedly(aws.account, NAMES.run, print)

        assert leftovers(aws) == []

    def test_is_bounded(self, aws, create_log_group):
        create_log_group()
        aws.answers["logs", "delete_log_group"] = lambda _: "ThrottlingException"

        with pytest.raises(LiveError, match="ThrottlingException"):
            remove_repeatedly(aws.account, NAMES.run, print)

        assert aws.slept == 4 * PASS_SECONDS


class TestTimeBox:
    def test_ends_an_aws_call(self):
        """An Exception would become an error of the connection in botocore, which tries again."""
        silent = socket.create_server(("127.0.0.1", 0))  # accepts connections, and never answers
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        config = Config(read_timeout=1, retries={"mode": "standard"})
        client = boto3.client("sts", endpoint_url=endpoint, config=config, **CREDENTIALS)

        with silent, pytest.raises(TimeBoxError), time_box(0.5):
            client.get_caller_identity()

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_ends_after_a_destructor(self, monkeypatch):
        """Python ignores an exception in a destructor."""
        monkeypatch.setattr(run_module, "REPEAT_SECONDS", 0.5)

        class Busy:
            def __del__(self):
                time.sleep(1)

        def work():
            Busy()
            time.sleep(5)

        with pytest.raises(TimeBoxError), time_box(0.2):
            work()


class TestOnlyTheTag:
    """Nothing else in the account is deleted."""

    def test_untagged(self, aws):
        """Things whose names are like those of a run."""
        trust = '{"Version": "2012-10-17", "Statement": []}'
        moto_client("iam").create_role(RoleName="own", Path=IAM_PATH, AssumeRolePolicyDocument=trust)
        moto_client("iam").create_instance_profile(InstanceProfileName="own", Path=IAM_PATH)
        moto_client("s3").create_bucket(
            Bucket="ssm-profile-live-own", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        moto_client("logs").create_log_group(logGroupName="/ssm-profile-live/own")
        moto_client("ssm").put_parameter(Name="/live/ssm-profile-live/own", Value="x", Type="String")
        moto_client("kms").create_key()
        moto_client("ec2").run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)
        moto_client("ec2").create_security_group(GroupName="ssm-profile-live", Description="own")

        assert remove(aws.account, report=print) == []

    def test_other_value(self, aws):
        """The tag with a value that is not the ID of a run."""
        tags = [{"Key": TAG, "Value": "own"}]
        of = {kind: [{"ResourceType": kind, "Tags": tags}] for kind in ("instance", "security-group")}
        ec2 = moto_client("ec2")
        ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, TagSpecifications=of["instance"])
        ec2.create_security_group(GroupName="own", Description="own", TagSpecifications=of["security-group"])
        moto_client("kms").create_key(Tags=[{"TagKey": TAG, "TagValue": "own"}])

        assert remove(aws.account, report=print) == []

    def test_other_run(self, aws, make_run):
        """A run deletes only what it has created; `clean` deletes that of every run."""
        names = Names("rffffffff")
        aws.answers["ec2", "terminate_instances"] = lambda _: "UnauthorizedOperation"
        with pytest.raises(LiveError):
            self.interrupt(aws, make_run(names=names))
        del aws.answers["ec2", "terminate_instances"]
        left = leftovers(aws)
        assert left

        with pytest.raises(KeyboardInterrupt):
            self.interrupt(aws, make_run())

        assert leftovers(aws) == left
        assert remove(aws.account, report=print) == left
        assert leftovers(aws) == []

    @staticmethod
    def interrupt(aws, run):
        def stop(_):
            raise KeyboardInterrupt

        aws.answers["iam", "simulate_principal_policy"] = stop
        run.perform()


def test_instances_terminate_themselves(aws, make_run):
    """Also when this process is killed: they have IMDSv2, no inbound traffic, and shut down by themselves."""
    requests = []

    def record(request):
        requests.append(request)
        return "UnauthorizedOperation"

    aws.answers["ec2", "run_instances"] = record

    with pytest.raises(ClientError):
        make_run().perform()

    (request,) = requests
    assert request["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert request["UserData"] == "#!/bin/sh\nshutdown -h +40\n"
    assert request["MetadataOptions"] == {"HttpTokens": "required"}
    assert [each["ResourceType"] for each in request["TagSpecifications"]] == ["instance", "volume"]


def test_waits_for_a_visible_profile(aws, make_run):
    """EC2 sees a new instance profile only after some seconds."""
    answers = iter(["InvalidParameterValue", "UnauthorizedOperation"])

    def reject(_):
        raise ClientError(
            {"Error": {"Code": next(answers), "Message": "Invalid IAM Instance Profile name"}}, "RunInstances"
        )

    aws.answers["ec2", "run_instances"] = reject

    with pytest.raises(StopIteration):
        make_run().perform()

    assert aws.slept == 5 + 5 + PASS_SECONDS
