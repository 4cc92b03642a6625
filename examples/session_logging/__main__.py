"""Encrypts sessions, logs them to S3 and CloudWatch Logs, and gives instances a profile that may do both."""

import pulumi
import pulumi_aws as aws

from ssm_profile import SsmInstanceProfile

LOG_GROUP = "/ssm/sessions"
PREFIX = "sessions"
RETENTION_DAYS = 365

account = aws.get_caller_identity_output().account_id
partition = aws.get_partition_output().partition
region = aws.get_region_output().region

# CloudWatch Logs itself uses the key for the log group. Instances use the key only through S3, with their role.
log_key = aws.kms.Key(
    "session-logs",
    description="Encrypts the logs of Session Manager",
    enable_key_rotation=True,
    policy=pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "IamOfThisAccount",
                    "Effect": "Allow",
                    "Principal": {"AWS": pulumi.Output.format("arn:{0}:iam::{1}:root", partition, account)},
                    "Action": "kms:*",
                    "Resource": "*",
                },
                {
                    "Sid": "CloudWatchLogs",
                    "Effect": "Allow",
                    "Principal": {"Service": pulumi.Output.format("logs.{0}.amazonaws.com", region)},
                    "Action": [
                        "kms:Encrypt*",
                        "kms:Decrypt*",
                        "kms:ReEncrypt*",
                        "kms:GenerateDataKey*",
                        "kms:Describe*",
                    ],
                    "Resource": "*",
                    "Condition": {
                        "ArnEquals": {
                            "kms:EncryptionContext:aws:logs:arn": pulumi.Output.format(
                                "arn:{0}:logs:{1}:{2}:log-group:{3}", partition, region, account, LOG_GROUP
                            )
                        }
                    },
                },
            ],
        }
    ),
)
session_key = aws.kms.Key("sessions", description="Encrypts sessions", enable_key_rotation=True)

bucket = aws.s3.Bucket("session-logs")
access_block = aws.s3.BucketPublicAccessBlock(
    "session-logs",
    bucket=bucket.bucket,
    block_public_acls=True,
    block_public_policy=True,
    ignore_public_acls=True,
    restrict_public_buckets=True,
)
versioning = aws.s3.BucketVersioning(
    "session-logs", bucket=bucket.bucket, versioning_configuration={"status": "Enabled"}
)
encryption = aws.s3.BucketServerSideEncryptionConfiguration(
    "session-logs",
    bucket=bucket.bucket,
    rules=[
        {
            "apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": log_key.arn},
            "bucket_key_enabled": True,
        }
    ],
)
aws.s3.BucketLifecycleConfiguration(
    "session-logs",
    bucket=bucket.bucket,
    rules=[
        {
            "id": "expire",
            "status": "Enabled",
            "filter": {"prefix": f"{PREFIX}/"},
            "expiration": {"days": RETENTION_DAYS},
            "noncurrent_version_expiration": {"noncurrent_days": 30},
            "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
        }
    ],
    # Rules about older versions need a bucket that has them.
    opts=pulumi.ResourceOptions(depends_on=[versioning]),
)
aws.s3.BucketPolicy(
    "session-logs",
    bucket=bucket.bucket,
    policy=pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "OnlyTls",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [bucket.arn, pulumi.Output.format("{0}/*", bucket.arn)],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ],
        }
    ),
    # S3 refuses two changes of a bucket's access at the same time.
    opts=pulumi.ResourceOptions(depends_on=[access_block]),
)
log_group = aws.cloudwatch.LogGroup(
    "session-logs", name=LOG_GROUP, kms_key_id=log_key.arn, retention_in_days=RETENTION_DAYS
)

profile = SsmInstanceProfile(
    "web",
    {
        "ec2_describe": False,
        "scope_heartbeat": True,
        "session_kms_key_arn": session_key.arn,
        "session_logs": {
            "bucket": bucket.bucket,
            "prefix": PREFIX,
            "kms_key_arn": log_key.arn,
            "log_group": log_group.name,
        },
    },
)

# Session Manager reads its preferences from the document of this name. A region of an account has only one.
preferences = aws.ssm.Document(
    "preferences",
    name="SSM-SessionManagerRunShell",
    document_type="Session",
    content=pulumi.Output.json_dumps(
        {
            "schemaVersion": "1.0",
            "description": "Preferences of Session Manager",
            "sessionType": "Standard_Stream",
            "inputs": {
                "s3BucketName": bucket.bucket,
                "s3KeyPrefix": PREFIX,
                "s3EncryptionEnabled": True,
                "cloudWatchLogGroupName": log_group.name,
                "cloudWatchEncryptionEnabled": True,
                "cloudWatchStreamingEnabled": False,
                "kmsKeyId": session_key.arn,
                "runAsEnabled": False,
                "runAsDefaultUser": "",
                "idleSessionTimeout": "20",
            },
        }
    ),
    # Sessions end if the instance lacks the grants, or if the bucket is not encrypted.
    opts=pulumi.ResourceOptions(depends_on=[profile, encryption]),
)

pulumi.export("instanceProfileName", profile.instance_profile_name)
pulumi.export("bucket", bucket.bucket)
pulumi.export("logGroup", log_group.name)
pulumi.export("sessionKey", session_key.arn)
