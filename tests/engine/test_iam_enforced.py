"""The emulated AWS enforces IAM: what credentials of the created role may call, and what they are refused."""

from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest

from tests import require

botocore = require("botocore.exceptions")


@pytest.fixture
def instance(sandbox, dev):
    """Clients with the credentials of an instance that has the dev stack's profile, IAM being enforced."""
    with enforced(sandbox, dev.outputs()["roleArn"].value) as client:
        yield client


@contextmanager
def enforced(sandbox, role):
    session = sandbox.aws.client("sts").assume_role(RoleArn=role, RoleSessionName="i-0123456789abcdef0")["Credentials"]
    set_requests_without_auth(sandbox, "0")
    try:
        yield lambda service: sandbox.aws.client(
            service,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )
    finally:
        set_requests_without_auth(sandbox, "inf")


def set_requests_without_auth(sandbox, count):
    """How many more requests the emulated AWS answers before it enforces IAM."""
    headers = {"Content-Type": "text/plain"}
    request = Request(f"{sandbox.aws.url}/moto-api/reset-auth", data=count.encode(), headers=headers, method="POST")
    urlopen(request, timeout=10).close()


def test_what_the_policy_allows_is_answered_and_the_rest_is_refused(instance):
    ec2, iam, ssm, s3 = (instance(service) for service in ("ec2", "iam", "ssm", "s3"))
    for allowed in (ec2.describe_instances, ec2.describe_volumes, ec2.describe_tags):
        assert allowed()["ResponseMetadata"]["HTTPStatusCode"] == 200
    for refused, request in (
        (ec2.run_instances, {"ImageId": "ami-12345678", "MinCount": 1, "MaxCount": 1}),
        (ec2.terminate_instances, {"InstanceIds": ["i-0123456789abcdef0"]}),
        (iam.list_roles, {}),
        (ssm.send_command, {"DocumentName": "AWS-RunShellScript", "InstanceIds": ["i-0123456789abcdef0"]}),
        (ssm.get_parameter, {"Name": "/app/password"}),
        (s3.list_buckets, {}),
    ):
        with pytest.raises(botocore.ClientError) as error:
            refused(**request)
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403, request


@pytest.fixture
def resources_judged(monkeypatch):
    """Has moto judge calls of SSM, CloudWatch Logs and KMS by their resource, as of S3; else it takes "*" for it.

    The resources are those of the service authorization reference.
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


@pytest.mark.usefixtures("resources_judged")
def test_capabilities_allow_what_they_name_and_refuse_what_is_beside_it(sandbox):
    admin = sandbox.aws.client
    for name in ("/app/prod/password", "/app/prod-2/password"):
        admin("ssm").put_parameter(Name=name, Value="x", Type="String")
    for bucket in ("logs", "logs-2"):
        admin("s3").create_bucket(Bucket=bucket)
    for group in ("/ssm/sessions", "/ssm/sessions-2"):
        admin("logs").create_log_group(logGroupName=group)
    keys = [admin("kms").create_key()["KeyMetadata"]["Arn"] for _ in range(2)]
    sealed = [admin("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"] for key in keys]
    config = {
        "aws:region": "us-east-1",
        "sessionKmsKeyArn": keys[0],
        "parameters": {"paths": ["/app/prod"], "recursive": True},
        "sessionLogs": {"bucket": "logs", "prefix": "ssm", "logGroup": "/ssm/sessions"},
    }
    role = sandbox.stack("dev", config=config).up().outputs["roleArn"].value

    with enforced(sandbox, role) as client:
        s3, logs, ssm, kms = client("s3"), client("logs"), client("ssm"), client("kms")
        kms.decrypt(KeyId=keys[0], CiphertextBlob=sealed[0])
        ssm.get_parameter(Name="/app/prod/password")
        ssm.get_parameters_by_path(Path="/app/prod", Recursive=True)
        s3.put_object(Bucket="logs", Key="ssm/session.log", Body=b"x")
        logs.describe_log_groups()
        logs.create_log_stream(logGroupName="/ssm/sessions", logStreamName="i-0")
        for refused, request in (
            (ssm.get_parameter, {"Name": "/app/prod-2/password"}),
            (ssm.get_parameters_by_path, {"Path": "/app", "Recursive": True}),
            (ssm.put_parameter, {"Name": "/app/prod/password", "Value": "y", "Overwrite": True}),
            (s3.put_object, {"Bucket": "logs", "Key": "other/session.log", "Body": b"x"}),
            (s3.put_object, {"Bucket": "logs-2", "Key": "ssm/session.log", "Body": b"x"}),
            (s3.get_object, {"Bucket": "logs", "Key": "ssm/session.log"}),
            (logs.create_log_stream, {"logGroupName": "/ssm/sessions-2", "logStreamName": "i-0"}),
            (logs.delete_log_group, {"logGroupName": "/ssm/sessions"}),
            (kms.decrypt, {"KeyId": keys[1], "CiphertextBlob": sealed[1]}),
            (kms.encrypt, {"KeyId": keys[0], "Plaintext": b"x"}),
            (kms.generate_data_key, {"KeyId": keys[0], "KeySpec": "AES_256"}),
        ):
            with pytest.raises(botocore.ClientError) as error:
                refused(**request)
            assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403, request
