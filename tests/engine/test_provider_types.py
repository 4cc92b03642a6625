"""The resource types of the fake AWS provider that only examples use: create, update in place, and delete.

They run without the engine, which test_examples.py runs for what the examples create.
"""

import json

import pytest

from tests import require
from tests.engine.stacks import IMAGE

Clients = require("sandbox.provider.clients").Clients
TYPES = {known.type_name.split(":")[2]: known for known in require("sandbox.provider.resource_types").TYPES}
REGION = "eu-central-1"
BUCKET = {"bucket": "logs"}


class Resource:
    """A resource in the emulated AWS."""

    def __init__(self, kind, inputs):
        self.kind = kind
        self.inputs = self._check(inputs)
        self.id = kind.create(self.inputs)

    def _check(self, inputs):
        checked, failures = self.kind.check("web", {}, inputs, b"0")
        assert failures == {}
        return checked

    def update(self, **changed):
        """Update some inputs as the servicer does."""
        old, self.inputs = self.inputs, self._check(self.inputs | changed)
        changes = self.kind.changes(old, self.inputs)
        assert changes
        assert not any(changes.values())
        self.kind.update(self.id, set(changes), old, self.inputs)

    def delete(self):
        """Delete it. Nothing is left."""
        assert self.kind.read(self.id) is not None
        self.kind.delete(self.id, self.inputs)
        assert self.kind.read(self.id) is None


@pytest.fixture
def create(sandbox, monkeypatch):
    """Creates a resource of a type."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    clients = Clients(sandbox.aws.url, REGION)
    return lambda type_name, **inputs: Resource(TYPES[type_name](clients, {}), inputs)


@pytest.fixture
def client(sandbox):
    return lambda service: sandbox.aws.client(service, region_name=REGION)


def lifecycle(days):
    return [{"id": "expire", "status": "Enabled", "filter": {"prefix": "sessions/"}, "expiration": {"days": days}}]


def encryption(key):
    return [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key}}]


def bucket_policy(action):
    statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "arn:aws:s3:::logs/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("type_name", "before", "after", "operation", "path", "expected"),
    [
        (
            "BucketPublicAccessBlock",
            {"blockPublicAcls": True},
            {"blockPublicPolicy": True},
            "get_public_access_block",
            ("PublicAccessBlockConfiguration", "BlockPublicPolicy"),
            True,
        ),
        (
            "BucketServerSideEncryptionConfiguration",
            {"rules": encryption("one")},
            {"rules": encryption("two")},
            "get_bucket_encryption",
            ("ServerSideEncryptionConfiguration", "Rules", 0, "ApplyServerSideEncryptionByDefault"),
            {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "two"},
        ),
        (
            "BucketLifecycleConfiguration",
            {"rules": lifecycle(30)},
            {"rules": lifecycle(60)},
            "get_bucket_lifecycle_configuration",
            ("Rules", 0, "Expiration", "Days"),
            60,
        ),
        (
            "BucketPolicy",
            {"policy": bucket_policy("s3:*")},
            {"policy": bucket_policy("s3:GetObject")},
            "get_bucket_policy",
            ("Policy",),
            bucket_policy("s3:GetObject"),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("Bucket") else "",
)
def test_bucket_setting(create, client, type_name, before, after, operation, path, expected):  # noqa: PLR0913, PLR0917
    client("s3").create_bucket(Bucket="logs", CreateBucketConfiguration={"LocationConstraint": REGION})
    setting = create(type_name, **BUCKET, **before)

    setting.update(**after)

    found = getattr(client("s3"), operation)(**{key.title(): value for key, value in BUCKET.items()})
    for step in path:
        found = found[step]
    assert found == expected
    setting.delete()


def test_deleted_versioning_is_suspended(create, client):
    """S3 cannot turn versioning off again."""
    client("s3").create_bucket(Bucket="logs", CreateBucketConfiguration={"LocationConstraint": REGION})
    versioning = create("BucketVersioning", **BUCKET, versioningConfiguration={"status": "Enabled"})
    assert client("s3").get_bucket_versioning(Bucket="logs")["Status"] == "Enabled"

    versioning.kind.delete(versioning.id, versioning.inputs)

    assert client("s3").get_bucket_versioning(Bucket="logs")["Status"] == "Suspended"


def test_key_policy(create, client):
    document = {"Version": "2012-10-17", "Statement": []}
    key = create("Key", policy=json.dumps(document))

    key.update(policy=json.dumps(document | {"Id": "changed"}))

    found = client("kms").get_key_policy(KeyId=key.id, PolicyName="default")["Policy"]
    assert json.loads(found) == document | {"Id": "changed"}
    key.delete()


def test_network(create, client):
    vpc = create("Vpc", cidrBlock="10.0.0.0/24")
    subnet = create("Subnet", vpcId=vpc.id, cidrBlock="10.0.0.0/24")
    endpoint = create("VpcEndpoint", vpcId=vpc.id, serviceName=f"com.amazonaws.{REGION}.s3", tags={"Step": "one"})

    vpc.update(enableDnsHostnames=True)
    subnet.update(tags={"Step": "two"})
    endpoint.update(tags={"Step": "two"})

    ec2 = client("ec2")
    dns = ec2.describe_vpc_attribute(VpcId=vpc.id, Attribute="enableDnsHostnames")
    assert dns["EnableDnsHostnames"] == {"Value": True}
    assert subnet.kind.read(subnet.id)["tagsAll"] == endpoint.kind.read(endpoint.id)["tagsAll"] == {"Step": "two"}
    lists = ec2.describe_managed_prefix_lists(PrefixListIds=[endpoint.kind.read(endpoint.id)["prefixListId"]])
    assert [each["PrefixListName"] for each in lists["PrefixLists"]] == [f"com.amazonaws.{REGION}.s3"]
    for resource in (endpoint, subnet, vpc):
        resource.delete()


def test_log_group(create, client):
    group = create("LogGroup", name="/ssm/sessions", retentionInDays=30)

    group.update(retentionInDays=365)

    (found,) = client("logs").describe_log_groups()["logGroups"]
    assert found["retentionInDays"] == 365
    group.update(retentionInDays=0)
    assert "retentionInDays" not in client("logs").describe_log_groups()["logGroups"][0]
    group.delete()


def test_document(create, client):
    """The new content becomes the default version."""
    content = {"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {}}
    document = create(
        "Document", name="SSM-SessionManagerRunShell", documentType="Session", content=json.dumps(content)
    )

    document.update(content=json.dumps(content | {"inputs": {"s3BucketName": "logs"}}))

    found = client("ssm").get_document(Name="SSM-SessionManagerRunShell")["Content"]
    assert json.loads(found)["inputs"] == {"s3BucketName": "logs"}
    document.delete()


def test_auto_scaling_group(create, client):
    """A new version of the launch template reaches the group."""
    ec2 = client("ec2")
    template = create("LaunchTemplate", imageId=IMAGE, instanceType="t3.micro")
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]][:2]
    launch = {"id": template.id, "version": "1"}
    group = create("Group", minSize=0, maxSize=1, launchTemplate=launch, vpcZoneIdentifiers=subnets)
    template.update(instanceType="t3.small")

    group.update(launchTemplate=launch | {"version": "2"}, maxSize=2)

    (found,) = client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert (found["LaunchTemplate"]["Version"], found["MaxSize"]) == ("2", 2)
    assert found["VPCZoneIdentifier"].split(",") == subnets
    group.delete()


def test_stack_set(create, client):
    body = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    stack_set = create("StackSet", name="profiles", templateBody=json.dumps(body), description="one")

    stack_set.update(description="two", operationPreferences={"maxConcurrentPercentage": 10})

    found = client("cloudformation").describe_stack_set(StackSetName="profiles")["StackSet"]
    assert (found["Description"], found["Status"]) == ("two", "ACTIVE")
    stack_set.delete()


def test_refused_updates_name_the_property(create):
    """What the fake provider cannot update does not look updated."""
    group = create("LogGroup", name="/ssm/sessions")

    with pytest.raises(NotImplementedError, match="cannot update kmsKeyId of aws:cloudwatch/logGroup:LogGroup"):
        group.update(kmsKeyId="arn:aws:kms:eu-central-1:123456789012:key/1")
