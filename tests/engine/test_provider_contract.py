"""The fake provider replaces what the real one replaces, in the same order, and keeps secrets."""

import json
from dataclasses import dataclass

import pytest
from botocore.exceptions import ClientError
from google.protobuf import struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from tests import require

resource_types = require("sandbox.provider.resource_types").TYPES
AwsServicer = require("sandbox.provider.servicer").AwsServicer

TERRAFORM = "hashicorp/terraform-provider-aws, internal/service"
"""Its resource schemas say which properties replace a resource: ForceNew, or RequiresReplace in the newer ones."""

PULUMI = "pulumi/pulumi-aws, provider/resources.go"
"""It says which types are deleted before their replacement is created: DeleteBeforeReplace."""


@dataclass(frozen=True)
class Contract:
    """What the real provider does with one resource type."""

    source: str
    """Where the schema is in TERRAFORM."""
    replacing: set[str]
    """The properties whose change replaces the resource."""
    deleted_first: bool = False
    """Whether PULUMI says that a resource is deleted before its replacement is created.

    Not looked up for the types that test_provider_types.py tests, which only examples use.
    """


CONTRACTS = {
    "aws:iam/role:Role": Contract("iam/role.go", {"name", "path"}),
    "aws:iam/rolePolicy:RolePolicy": Contract("iam/role_policy.go", {"name", "role"}),
    "aws:iam/instanceProfile:InstanceProfile": Contract("iam/instance_profile.go", {"name", "path"}),
    "aws:iam/policy:Policy": Contract("iam/policy.go", {"description", "name", "path"}),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Contract(
        "iam/role_policy_attachment.go", {"policyArn", "role"}, deleted_first=True
    ),
    "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive": Contract("iam/role_policies_exclusive.go", {"roleName"}),
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": Contract(
        "iam/role_policy_attachments_exclusive.go", {"roleName"}
    ),
    "aws:ec2/securityGroup:SecurityGroup": Contract("ec2/vpc_security_group.go", {"description", "name", "vpcId"}),
    "aws:ec2/launchTemplate:LaunchTemplate": Contract("ec2/ec2_launch_template.go", {"name"}),
    "aws:ec2/instance:Instance": Contract("ec2/ec2_instance.go", {"launchTemplate", "subnetId"}),
    "aws:ec2/vpc:Vpc": Contract("ec2/vpc_.go", {"cidrBlock"}),
    "aws:ec2/subnet:Subnet": Contract("ec2/vpc_subnet.go", {"availabilityZone", "cidrBlock", "vpcId"}),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Contract("ec2/vpc_endpoint.go", {"serviceName", "vpcEndpointType", "vpcId"}),
    "aws:s3/bucket:Bucket": Contract("s3/bucket.go", {"bucket"}),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Contract("s3/bucket_public_access_block.go", {"bucket"}),
    "aws:s3/bucketVersioning:BucketVersioning": Contract("s3/bucket_versioning.go", {"bucket"}),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Contract(
        "s3/bucket_server_side_encryption_configuration.go", {"bucket"}
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Contract(
        "s3/bucket_lifecycle_configuration.go", {"bucket"}
    ),
    "aws:s3/bucketPolicy:BucketPolicy": Contract("s3/bucket_policy.go", {"bucket"}),
    "aws:kms/key:Key": Contract("kms/key.go", set()),
    "aws:cloudwatch/logGroup:LogGroup": Contract("logs/group.go", {"name"}),
    "aws:ssm/document:Document": Contract("ssm/document.go", {"name"}),
    "aws:autoscaling/group:Group": Contract("autoscaling/group.go", {"name"}),
    "aws:cloudformation/stackSet:StackSet": Contract("cloudformation/stack_set.go", {"autoDeployment", "name"}),
    "aws:cloudformation/stackInstances:StackInstances": Contract("cloudformation/stack_instances.go", {"stackSetName"}),
}

TYPES = {known.type_name: known for known in resource_types}
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "open sesame"}


@pytest.fixture
def servicer():
    """A provider that makes no calls to AWS."""
    configured = AwsServicer("7", "http://127.0.0.1:1")
    configured.types = {name: known(configured.client, {}) for name, known in TYPES.items()}
    return configured


def struct(properties):
    filled = struct_pb2.Struct()
    filled.update(properties)
    return filled


def urn(type_name):
    return f"urn:pulumi:test::test::{type_name}::web"


def diff(servicer, type_name, old, new):
    """The provider's answer for a change."""
    return servicer.Diff(provider_pb2.DiffRequest(urn=urn(type_name), olds=struct(old), news=struct(new)), None)


def test_unknown_value_is_that_of_pulumi():
    """The provider does not import Pulumi's SDK, which has this constant."""
    assert require("sandbox.provider.protocol").UNKNOWN == rpc.UNKNOWN


def test_every_type_has_a_contract():
    assert CONTRACTS.keys() == TYPES.keys()


@pytest.mark.parametrize("type_name", CONTRACTS)
def test_properties_replace(servicer, type_name):
    replacing = {
        name
        for name in TYPES[type_name].properties
        if name in diff(servicer, type_name, {name: "old"}, {name: "new"}).replaces
    }

    assert replacing == CONTRACTS[type_name].replacing, CONTRACTS[type_name].source


@pytest.mark.parametrize("type_name", [name for name, contract in CONTRACTS.items() if contract.replacing])
def test_given_name_is_deleted_first(servicer, type_name):
    """Pulumi's bridge to Terraform deletes a resource first if the program gives its name, even another name."""
    contract, name = CONTRACTS[type_name], TYPES[type_name].name_property
    has_name = name in TYPES[type_name].properties
    for changed in contract.replacing:
        old, new = ({changed: value} | ({name: "web"} if has_name and changed != name else {}) for value in "ab")

        answer = diff(servicer, type_name, old, new)

        assert answer.replaces == [changed]
        assert answer.deleteBeforeReplace == (contract.deleted_first or has_name), changed


@pytest.mark.parametrize("type_name", [name for name, contract in CONTRACTS.items() if contract.replacing])
def test_generated_name_is_deleted_last(servicer, type_name):
    contract, name = CONTRACTS[type_name], TYPES[type_name].name_property
    for changed in contract.replacing - {name}:
        old, new = ({changed: value, name: f"web-{value}", "__defaults": [name]} for value in "ab")

        assert diff(servicer, type_name, old, new).deleteBeforeReplace == contract.deleted_first, changed


def test_secret_tag_stays_secret(servicer):
    request = provider_pb2.CheckRequest(
        urn=urn("aws:iam/role:Role"), news=struct({"assumeRolePolicy": "{}", "tags": {"Team": SECRET}}), randomSeed=b"0"
    )

    inputs = servicer.Check(request, None).inputs

    for key in ("tags", "tagsAll"):
        assert dict(inputs[key]) == SECRET | {"value": inputs[key]["value"]}
        assert dict(inputs[key]["value"]) == {"Team": "open sesame"}
    assert "open sesame" not in json.dumps(inputs["assumeRolePolicy"])


class Gone:
    """A resource that does not exist, and whose deletion fails with an error of AWS."""

    title = "Thing"

    def __init__(self, code):
        self.code = code

    def delete(self, _resource_id, _state):
        raise ClientError({"Error": {"Code": self.code, "Message": "It failed."}}, "DeleteThing")

    def read(self, _resource_id):
        return None


class AbortedError(Exception):
    """The provider reported a failure."""


class Context:
    def abort(self, _code, message):
        raise AbortedError(message)


@pytest.mark.parametrize(
    "code",
    ["NoSuchEntity", "InvalidGroup.NotFound", "NoSuchBucket", "ResourceNotFoundException", "InvalidDocument", "404"],
)
def test_deletion_of_what_is_gone(servicer, code):
    """It succeeds, as in the real provider."""
    servicer.types = {"aws:x/y:Z": Gone(code)}

    servicer.Delete(provider_pb2.DeleteRequest(urn=urn("aws:x/y:Z"), id="web"), Context())


@pytest.mark.parametrize("code", ["InternalFailure", "Throttling", "AccessDenied"])
def test_failed_deletion(servicer, code):
    """It fails, even if the resource is gone, since another call may have to delete more."""
    servicer.types = {"aws:x/y:Z": Gone(code)}

    with pytest.raises(AbortedError, match=f"deleting Thing .web.: DeleteThing: {code}"):
        servicer.Delete(provider_pb2.DeleteRequest(urn=urn("aws:x/y:Z"), id="web"), Context())
