"""The emulated AWS enforces IAM: what credentials of the created role may call, and what they are refused."""

from urllib.request import Request, urlopen

import pytest

from tests import require

botocore = require("botocore.exceptions")


@pytest.fixture
def instance(sandbox, dev):
    """Clients with the credentials of an instance that has the dev stack's profile, IAM being enforced."""
    role = dev.outputs()["roleArn"].value
    session = sandbox.aws.client("sts").assume_role(RoleArn=role, RoleSessionName="i-0123456789abcdef0")["Credentials"]
    set_requests_without_auth(sandbox, "0")
    yield lambda service: sandbox.aws.client(
        service,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    set_requests_without_auth(sandbox, "inf")


def set_requests_without_auth(sandbox, count):
    """How many more requests the emulated AWS answers before it enforces IAM."""
    headers = {"Content-Type": "text/plain"}
    request = Request(f"{sandbox.aws.url}/moto-api/reset-auth", data=count.encode(), headers=headers, method="POST")
    urlopen(request, timeout=10).close()


@pytest.mark.parametrize("operation", ["describe_instances", "describe_volumes", "describe_tags"])
def test_what_the_policy_allows_is_answered(instance, operation):
    assert getattr(instance("ec2"), operation)()["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(
    ("service", "operation", "request_"),
    [
        ("ec2", "run_instances", {"ImageId": "ami-12345678", "MinCount": 1, "MaxCount": 1}),
        ("ec2", "terminate_instances", {"InstanceIds": ["i-0123456789abcdef0"]}),
        ("iam", "list_roles", {}),
        ("ssm", "send_command", {"DocumentName": "AWS-RunShellScript", "InstanceIds": ["i-0123456789abcdef0"]}),
        ("ssm", "get_parameter", {"Name": "/app/password"}),
        ("s3", "list_buckets", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_rest_is_refused(instance, service, operation, request_):
    with pytest.raises(botocore.ClientError) as error:
        getattr(instance(service), operation)(**request_)

    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
