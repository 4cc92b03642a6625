"""The emulated AWS enforces IAM: which calls the role's credentials may make, and which are denied."""

from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest

from tests import require

botocore = require("botocore.exceptions")


@contextmanager
def role_clients(sandbox, role):
    """Enforce IAM. Yields a function that returns the client of a service with the role's credentials."""
    credentials = sandbox.aws.client("sts").assume_role(RoleArn=role, RoleSessionName="i-0123456789abcdef0")[
        "Credentials"
    ]
    set_unauthenticated_requests(sandbox, "0")
    try:
        yield lambda service: sandbox.aws.client(
            service,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )
    finally:
        set_unauthenticated_requests(sandbox, "inf")


def set_unauthenticated_requests(sandbox, count):
    """Set how many more requests the emulated AWS answers before it enforces IAM."""
    headers = {"Content-Type": "text/plain"}
    request = Request(f"{sandbox.aws.url}/moto-api/reset-auth", data=count.encode(), headers=headers, method="POST")
    urlopen(request, timeout=10).close()


def check_denied(*calls):
    """Check that IAM denies each call, given as an operation and its request."""
    for operation, request in calls:
        with pytest.raises(botocore.ClientError) as error:
            operation(**request)
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403, request


def test_default_policy(sandbox, dev):
    with role_clients(sandbox, dev.outputs()["roleArn"].value) as client:
        ec2, iam, ssm, s3 = (client(service) for service in ("ec2", "iam", "ssm", "s3"))
        ec2.describe_instances()
        ec2.describe_volumes()
        ec2.describe_tags()
        check_denied(
            (ec2.run_instances, {"ImageId": "ami-12345678", "MinCount": 1, "MaxCount": 1}),
            (ec2.terminate_instances, {"InstanceIds": ["i-0123456789abcdef0"]}),
            (iam.list_roles, {}),
            (ssm.send_command, {"DocumentName": "AWS-RunShellScript", "InstanceIds": ["i-0123456789abcdef0"]}),
            (ssm.get_parameter, {"Name": "/app/password"}),
            (s3.list_buckets, {}),
        )


@pytest.fixture
def resource_arns(monkeypatch):
    """Lets moto check calls of SSM, CloudWatch Logs and KMS against their resource. Without it, moto uses "*".

    The ARNs are those of the service authorization reference.
    """

    def parameter(response):
        name = response._get_param("Name") or response._get_param("Path")
        return f"arn:aws:ssm:us-east-1:123456789012:parameter{name}"

    def log_group(response):
        name = response._get_param("logGroupName")
        return f"arn:aws:logs:us-east-1:123456789012:log-group:{name}:" if name else "*"

    def key(response):
        return response._get_param("KeyId") or "*"

    ssm, logs, kms = (require(f"moto.{service}.responses") for service in ("ssm", "logs", "kms"))
    monkeypatch.setattr(ssm.SimpleSystemManagerResponse, "_determine_resource", parameter, raising=False)
    monkeypatch.setattr(logs.LogsResponse, "_determine_resource", log_group, raising=False)
    monkeypatch.setattr(kms.KmsResponse, "_determine_resource", key, raising=False)


@pytest.mark.usefixtures("resource_arns")
def test_capabilities_are_limited_to_resources(sandbox):
    """Each capability allows calls on the resources that its options name, and no calls on similar resources."""
    admin = sandbox.aws.client
    for name in ("/app/prod/password", "/app/prod-2/password"):
        admin("ssm").put_parameter(Name=name, Value="x", Type="String")
    for bucket in ("logs", "logs-2"):
        admin("s3").create_bucket(Bucket=bucket)
    for group in ("/ssm/sessions", "/ssm/sessions-2"):
        admin("logs").create_log_group(logGroupName=group)
    keys = [admin("kms").create_key()["KeyMetadata"]["Arn"] for _ in range(2)]
    ciphertexts = [admin("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"] for key in keys]
    config = {
        "aws:region": "us-east-1",
        "sessionKmsKeyArn": keys[0],
        "parameters": {"paths": ["/app/prod"], "recursive": True},
        "sessionLogs": {"bucket": "logs", "prefix": "ssm", "logGroup": "/ssm/sessions"},
    }
    role = sandbox.stack("dev", config=config).up().outputs["roleArn"].value

    with role_clients(sandbox, role) as client:
        s3, logs, ssm, kms = client("s3"), client("logs"), client("ssm"), client("kms")
        kms.decrypt(KeyId=keys[0], CiphertextBlob=ciphertexts[0])
        ssm.get_parameter(Name="/app/prod/password")
        ssm.get_parameters_by_path(Path="/app/prod", Recursive=True)
        s3.put_object(Bucket="logs", Key="ssm/session.log", Body=b"x")
        logs.describe_log_groups()
        logs.create_log_stream(logGroupName="/ssm/sessions", logStreamName="i-0")
        check_denied(
            (ssm.get_parameter, {"Name": "/app/prod-2/password"}),
            (ssm.get_parameters_by_path, {"Path": "/app", "Recursive": True}),
            (ssm.put_parameter, {"Name": "/app/prod/password", "Value": "y", "Overwrite": True}),
            (s3.put_object, {"Bucket": "logs", "Key": "other/session.log", "Body": b"x"}),
            (s3.put_object, {"Bucket": "logs-2", "Key": "ssm/session.log", "Body": b"x"}),
            (s3.get_object, {"Bucket": "logs", "Key": "ssm/session.log"}),
            (logs.create_log_stream, {"logGroupName": "/ssm/sessions-2", "logStreamName": "i-0"}),
            (logs.delete_log_group, {"logGroupName": "/ssm/sessions"}),
            (kms.decrypt, {"KeyId": keys[1], "CiphertextBlob": ciphertexts[1]}),
            (kms.encrypt, {"KeyId": keys[0], "Plaintext": b"x"}),
            (kms.generate_data_key, {"KeyId": keys[0], "KeySpec": "AES_256"}),
        )
