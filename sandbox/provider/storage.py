"""The resource types of pulumi-aws for S3 and KMS: log buckets and encryption keys."""

from collections.abc import Mapping
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from .resource import Property, ResourceType, State, tag_list, tag_map, to_aws


class Bucket(ResourceType):
    """aws.s3.Bucket."""

    type_name = "aws:s3/bucket:Bucket"
    title = "S3 Bucket"
    name_property = "bucket"
    name_limit = 63
    computed = ("arn", "tagsAll")
    properties: ClassVar = {
        "bucket": Property(replaces=True),
        "forceDestroy": Property(default=False),
        "tags": Property(default={}),
    }

    @property
    def s3(self) -> Any:
        return self.client("s3")

    def create(self, inputs: State) -> str:
        region = self.s3.meta.region_name
        location = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.s3.create_bucket(Bucket=inputs["bucket"], **location)
        self._tag(inputs["bucket"], inputs)
        return str(inputs["bucket"])

    def read(self, resource_id: str) -> State | None:
        try:
            self.s3.head_bucket(Bucket=resource_id)
        except ClientError as error:
            if error.response["Error"]["Code"] == "404":
                return None
            raise
        try:
            tags = {tag["Key"]: tag["Value"] for tag in self.s3.get_bucket_tagging(Bucket=resource_id)["TagSet"]}
        except ClientError:
            tags = {}  # S3 returns an error if a bucket has no tags
        return {"arn": f"arn:aws:s3:::{resource_id}", "bucket": resource_id, "tagsAll": tags}

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        if "tagsAll" in changed:
            self._tag(resource_id, new)

    def delete(self, resource_id: str, state: State) -> None:
        if state.get("forceDestroy"):
            for entry in self.s3.list_objects_v2(Bucket=resource_id).get("Contents", []):
                self.s3.delete_object(Bucket=resource_id, Key=entry["Key"])
        self.s3.delete_bucket(Bucket=resource_id)

    def _tag(self, bucket: str, inputs: State) -> None:
        if inputs["tagsAll"]:
            self.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tag_list(inputs["tagsAll"])})


_BUCKET = Property(required=True, replaces=True)


class BucketSetting(ResourceType):
    """A setting of a bucket that has a resource type of its own. Its ID is the name of the bucket."""

    operation: ClassVar[str]
    """The end of the names of S3's operations on it."""
    delete_operation: ClassVar[str | None] = None
    """The end of the name of the operation that deletes it, if it is another one."""
    argument: ClassVar[str]
    """The setting in the request of the operation."""

    @property
    def s3(self) -> Any:
        return self.client("s3")

    def request(self, inputs: State) -> Any:
        """The setting in the form of S3's request."""
        return to_aws(self.given(inputs, "bucket"), _S3_NAMES)

    def create(self, inputs: State) -> str:
        put = getattr(self.s3, f"put_{self.operation}")
        put(Bucket=inputs["bucket"], **{self.argument: self.request(inputs)})
        return str(inputs["bucket"])

    def read(self, resource_id: str) -> State | None:
        try:
            getattr(self.s3, f"get_{self.operation}")(Bucket=resource_id)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == _NOT_FOUND:
                return None
            raise
        return {"bucket": resource_id}

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        self.create(new)

    def delete(self, resource_id: str, state: State) -> None:
        getattr(self.s3, f"delete_{self.delete_operation or self.operation}")(Bucket=resource_id)


class BucketPublicAccessBlock(BucketSetting):
    """aws.s3.BucketPublicAccessBlock."""

    type_name = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    title = "S3 Bucket Public Access Block"
    operation, argument = "public_access_block", "PublicAccessBlockConfiguration"
    properties: ClassVar = {
        "blockPublicAcls": Property(default=False),
        "blockPublicPolicy": Property(default=False),
        "bucket": _BUCKET,
        "ignorePublicAcls": Property(default=False),
        "restrictPublicBuckets": Property(default=False),
    }


class BucketVersioning(BucketSetting):
    """aws.s3.BucketVersioning."""

    type_name = "aws:s3/bucketVersioning:BucketVersioning"
    title = "S3 Bucket Versioning"
    operation, argument = "bucket_versioning", "VersioningConfiguration"
    properties: ClassVar = {"bucket": _BUCKET, "versioningConfiguration": Property(required=True, type="object")}

    def request(self, inputs: State) -> Any:
        return to_aws(inputs["versioningConfiguration"])

    def delete(self, resource_id: str, state: State) -> None:
        self.s3.put_bucket_versioning(Bucket=resource_id, VersioningConfiguration={"Status": "Suspended"})


class BucketEncryption(BucketSetting):
    """aws.s3.BucketServerSideEncryptionConfiguration."""

    type_name = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    title = "S3 Bucket Server-side Encryption Configuration"
    operation, argument = "bucket_encryption", "ServerSideEncryptionConfiguration"
    properties: ClassVar = {"bucket": _BUCKET, "rules": Property(required=True, type="array")}


class BucketLifecycle(BucketSetting):
    """aws.s3.BucketLifecycleConfiguration."""

    type_name = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    title = "S3 Bucket Lifecycle Configuration"
    operation, argument = "bucket_lifecycle_configuration", "LifecycleConfiguration"
    delete_operation = "bucket_lifecycle"
    properties: ClassVar = {"bucket": _BUCKET, "rules": Property(default=[])}


class BucketPolicy(BucketSetting):
    """aws.s3.BucketPolicy."""

    type_name = "aws:s3/bucketPolicy:BucketPolicy"
    title = "S3 Bucket Policy"
    operation, argument = "bucket_policy", "Policy"
    properties: ClassVar = {"bucket": _BUCKET, "policy": Property(required=True, document=True)}

    def request(self, inputs: State) -> Any:
        return inputs["policy"]


class Key(ResourceType):
    """aws.kms.Key."""

    type_name = "aws:kms/key:Key"
    title = "KMS Key"
    computed = ("arn", "keyId", "tagsAll")
    properties: ClassVar = {
        "deletionWindowInDays": Property(default=30),
        "description": Property(default=""),
        "enableKeyRotation": Property(default=False),
        "policy": Property(document=True, chosen_by_aws=True),
        "tags": Property(default={}),
    }

    @property
    def kms(self) -> Any:
        return self.client("kms")

    def create(self, inputs: State) -> str:
        policy = {"Policy": inputs["policy"]} if inputs.get("policy") else {}
        created = self.kms.create_key(
            Description=inputs.get("description") or "", Tags=_key_tags(inputs["tagsAll"]), **policy
        )
        key = str(created["KeyMetadata"]["KeyId"])
        if inputs.get("enableKeyRotation"):
            self.kms.enable_key_rotation(KeyId=key)
        return key

    def read(self, resource_id: str) -> State | None:
        try:
            key = self.kms.describe_key(KeyId=resource_id)["KeyMetadata"]
        except self.kms.exceptions.NotFoundException:
            return None
        if key["KeyState"] == "PendingDeletion":
            return None
        tags = self.kms.list_resource_tags(KeyId=resource_id)["Tags"]
        return {
            "arn": key["Arn"],
            "description": key["Description"],
            "enableKeyRotation": self.kms.get_key_rotation_status(KeyId=resource_id)["KeyRotationEnabled"],
            "keyId": key["KeyId"],
            "policy": self.kms.get_key_policy(KeyId=resource_id, PolicyName="default")["Policy"],
            "tagsAll": tag_map({"Tags": [{"Key": tag["TagKey"], "Value": tag["TagValue"]} for tag in tags]}),
        }

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        if "description" in changed:
            self.kms.update_key_description(KeyId=resource_id, Description=new.get("description") or "")
        if "enableKeyRotation" in changed:
            set_rotation = (
                self.kms.enable_key_rotation if new.get("enableKeyRotation") else self.kms.disable_key_rotation
            )
            set_rotation(KeyId=resource_id)
        if "policy" in changed:
            self.kms.put_key_policy(KeyId=resource_id, PolicyName="default", Policy=new["policy"])
        if "tagsAll" in changed:
            self.kms.untag_resource(KeyId=resource_id, TagKeys=list(old.get("tagsAll") or {}))
            self.kms.tag_resource(KeyId=resource_id, Tags=_key_tags(new["tagsAll"]))

    def delete(self, resource_id: str, state: State) -> None:
        days = int(state.get("deletionWindowInDays") or 30)
        self.kms.schedule_key_deletion(KeyId=resource_id, PendingWindowInDays=days)


TYPES: tuple[type[ResourceType], ...] = (
    Bucket,
    BucketPublicAccessBlock,
    BucketVersioning,
    BucketEncryption,
    BucketLifecycle,
    BucketPolicy,
    Key,
)

_NOT_FOUND = 404
"""S3's status for a bucket or a setting that does not exist. Each setting has an error code of its own."""
_S3_NAMES: Mapping[str, str] = {"id": "ID", "kmsMasterKeyId": "KMSMasterKeyID", "sseAlgorithm": "SSEAlgorithm"}
"""S3's names for properties that it names in another way."""


def _key_tags(tags: State) -> list[dict[str, str]]:
    return [{"TagKey": key, "TagValue": value} for key, value in tags.items()]
