"""The checks: each is a function that asks AWS and returns what it saw, or raises CheckError."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ssm_profile import policy
from ssm_profile.policy import Document, Options

from . import CheckError, SkippedError
from .account import Account
from .plan import LOG_PREFIX, Names
from .resources import PARAMETER_VALUE, Support, assume

ONLINE_SECONDS = 900
"""An agent whose first heartbeat is denied, since the role is new, sends the next one after five minutes."""
COMMAND_SECONDS = 180
PATCH_SECONDS = 600
LOG_SECONDS = 180
DENIALS = ("AccessDenied", "AccessDeniedException")
DEFAULT_HOST_MANAGEMENT = "/ssm/managed-instance/default-ec2-instance-management-role"
_RUNNING = ("Pending", "InProgress", "Delayed", "Cancelling")


def check_policy(account: Account, role: str, options: Options) -> str:
    """Check that the role has exactly the policy of its options, and no other one."""
    iam = account.client("iam")
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    if documents != [policy.policy_document(options, account.location)]:
        raise CheckError(f"the role has {len(documents)} inline policies, not the one of its options")
    if attached := iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        raise CheckError(f"{', '.join(each['PolicyArn'] for each in attached)} is attached to the role")
    return f"{policy.size(documents[0])} characters"


def check_online(account: Account, instance: str) -> str:
    """Check that the instance is Online in Systems Manager. Returns the version of its agent."""
    filters = [{"Key": "InstanceIds", "Values": [instance]}]

    def probe() -> str | None:
        found = account.client("ssm").describe_instance_information(Filters=filters)["InstanceInformationList"]
        return next((f"agent {each['AgentVersion']}" for each in found if each["PingStatus"] == "Online"), None)

    return account.wait_for("the instance is Online", probe, ONLINE_SECONDS)


def check_connected(account: Account, instance: str) -> str:
    """Check that the control channel of the instance is open."""

    def probe() -> str | None:
        status = account.client("ssm").get_connection_status(Target=instance)["Status"]
        return "connected" if status.lower() == "connected" else None

    return account.wait_for("the control channel is open", probe, ONLINE_SECONDS)


def require_own_role(account: Account) -> None:
    """Check that an instance can use only the role of its profile.

    Raises:
        SkippedError: If Default Host Management Configuration is on: the agent uses its role when its own is denied.
    """
    setting = account.client("ssm").get_service_setting(SettingId=DEFAULT_HOST_MANAGEMENT)["ServiceSetting"]
    if (value := setting["SettingValue"]) not in ("", "$None"):
        raise SkippedError(f"Default Host Management Configuration is on in the region, with the role {value}")


def check_scoped_heartbeat(account: Account, role: str, agent: str) -> str:
    """Check that the heartbeat which the instance has sent is granted on EC2 instances only.

    Args:
        account: The account.
        role: The role of the instance.
        agent: What :func:`check_online` returned for the instance.

    Raises:
        CheckError: If the role allows the heartbeat on another resource.
        SkippedError: If the instance could be Online with the default role of the account instead.
    """
    require_own_role(account)
    iam = account.client("iam")
    resources = [
        resource
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        for statement in iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow" and "ssm:UpdateInstanceInformation" in statement["Action"]
        for resource in ([statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"])
    ]
    scoped = f"arn:{account.location['partition']}:ec2:*:*:instance/*"
    if resources != [scoped]:
        raise CheckError(f"the heartbeat is granted on {', '.join(resources) or 'nothing'}")
    return f"Online ({agent}) with the heartbeat on {scoped}"


def run_script(account: Account, instance: str, *lines: str, **output: str) -> Mapping[str, Any]:
    """Run shell commands on the instance with Run Command, and wait for the result.

    Args:
        account: The account.
        instance: The instance.
        lines: The commands.
        output: Where the output goes, in addition: arguments of SendCommand.
    """
    return run_document(account, instance, "AWS-RunShellScript", {"commands": list(lines)}, COMMAND_SECONDS, **output)


def run_document(
    account: Account, instance: str, document: str, parameters: Mapping[str, list[str]], seconds: int, **output: str
) -> Mapping[str, Any]:
    """Run a document on the instance with Run Command, and wait for the result.

    Raises:
        CheckError: If it does not succeed.
    """
    ssm = account.client("ssm")
    command = ssm.send_command(InstanceIds=[instance], DocumentName=document, Parameters=parameters, **output)
    command_id = command["Command"]["CommandId"]

    def probe() -> Mapping[str, Any] | None:
        try:
            invocation = ssm.get_command_invocation(CommandId=command_id, InstanceId=instance)
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvocationDoesNotExist":
                return None
            raise
        return None if invocation["Status"] in _RUNNING else invocation

    invocation = account.wait_for(f"{document} ends", probe, seconds, every=5)
    if invocation["Status"] != "Success":
        details = invocation.get("StandardErrorContent", "").strip()
        raise CheckError(f"{document} ended with {invocation['Status']}: {details or 'no output'}")
    return {**invocation, "CommandId": command_id}


def check_command(account: Account, instance: str) -> str:
    """Check that Run Command runs a script and returns its output."""
    output = run_script(account, instance, 'echo "result-$((6*7))"')["StandardOutputContent"]
    if output.strip() != "result-42":
        raise CheckError(f"the output is {output!r}")
    return "AWS-RunShellScript returned its output"


def check_command_output(account: Account, instance: str, support: Support) -> str:
    """Check that the output of a command arrives in the bucket, encrypted with the KMS key."""
    prefix = f"{LOG_PREFIX}/commands"
    where = {"OutputS3BucketName": support.names.bucket, "OutputS3KeyPrefix": prefix}
    command = run_script(account, instance, 'echo "result-$((6*7))"', **where)["CommandId"]
    return _check_object(account, support, f"{prefix}/{command}/", command)


def check_parameters(account: Account, instance: str, names: Names, *, may_read: bool) -> str:
    """Check which parameters the instance reads with its role: those at the path, and none beside it.

    Args:
        account: The account.
        instance: The instance.
        names: The names of the run.
        may_read: Whether its profile grants the path.
    """
    inside = (f"{names.parameters}/plain", f"{names.parameters}/secret")
    for name in (*inside, names.outside):
        # The AWS CLI on the instance uses the credentials of the instance profile.
        command = f"aws ssm get-parameter --region {account.location['region']} --with-decryption --name {name}"
        output = run_script(account, instance, f"{command} 2>&1 || true")["StandardOutputContent"]
        if may_read and name in inside:
            if PARAMETER_VALUE not in output:
                raise CheckError(f"{name} cannot be read: {output.strip()}")
        elif PARAMETER_VALUE in output:
            raise CheckError(f"{name} can be read")
        elif "AccessDenied" not in output:
            raise CheckError(f"{name} is not denied by IAM: {output.strip()}")
    return "read inside of the path, denied outside" if may_read else "denied"


def check_session_log_in_s3(account: Account, support: Support, session: str, text: str) -> str:
    """Check that the log of a session arrives in the bucket, with what was printed, encrypted with the KMS key."""
    return _check_object(account, support, f"{LOG_PREFIX}/", session, text)


def _check_object(account: Account, support: Support, prefix: str, part: str, text: str = "") -> str:
    """Wait for an object whose key contains a part, and which contains a text. Check its encryption."""
    s3, bucket = account.client("s3"), support.names.bucket

    def probe() -> Mapping[str, Any] | None:
        found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        for key in (each["Key"] for each in found if part in each["Key"]):
            stored = s3.get_object(Bucket=bucket, Key=key)
            if text in stored["Body"].read().decode(errors="replace"):
                return stored
        return None

    stored = account.wait_for(f"an object under {prefix} is in the bucket", probe, LOG_SECONDS)
    arn = support.keys["data"]
    # S3 returns a key only for an object that KMS encrypts.
    encryption, key = stored.get("ServerSideEncryption"), stored.get("SSEKMSKeyId")
    if key not in (arn, arn.rpartition("/")[2]):
        raise CheckError(f"the object is encrypted with {encryption} and the key {key}, not with the KMS key {arn}")
    return "in the bucket, encrypted with the KMS key"


def check_session_log_in_cloudwatch(account: Account, support: Support, session: str, text: str) -> str:
    """Check that the log of a session arrives in the log group, with what was printed in the session."""
    logs, names = account.client("logs"), support.names

    def probe() -> bool | None:
        streams = logs.describe_log_streams(logGroupName=names.log_group, logStreamNamePrefix=session)["logStreams"]
        for stream in streams:
            where = {"logGroupName": names.log_group, "logStreamName": stream["logStreamName"]}
            if any(text in event["message"] for event in logs.get_log_events(**where)["events"]):
                return True
        return None

    account.wait_for("the log stream of the session has events", probe, LOG_SECONDS)
    return "in the log group"


def check_patch_scan(account: Account, instance: str) -> str:
    """Check that AWS-RunPatchBaseline scans, and that Patch Manager has the result."""
    run_document(account, instance, "AWS-RunPatchBaseline", {"Operation": ["Scan"]}, PATCH_SECONDS)
    states = account.client("ssm").describe_instance_patch_states(InstanceIds=[instance])["InstancePatchStates"]
    state = next((each for each in states if each["InstanceId"] == instance and each["Operation"] == "Scan"), None)
    if state is None:
        raise CheckError("Patch Manager has no result for the instance")
    return f"{state.get('InstalledCount', 0)} patches are installed, {state.get('MissingCount', 0)} are missing"


def check_inventory(account: Account, instance: str) -> str:
    """Check that the applications on the instance are in the inventory."""
    request = {"InstanceId": instance, "TypeName": "AWS:Application"}

    def probe() -> int | None:
        return len(account.client("ssm").list_inventory_entries(**request)["Entries"]) or None

    return f"{account.wait_for('the inventory has applications', probe, PATCH_SECONDS)} applications or more"


def channels_document(options: Options, account: Account) -> Document:
    """The policy of options with the four ssmmessages actions on ARNs of the account, instead of on ``*``."""
    statements = list[Any]()
    for statement in policy.policy_document(options, account.location)["Statement"]:
        allowed = statement["Action"] if isinstance(statement["Action"], list) else []
        channels = [action for action in allowed if action.startswith("ssmmessages:")]
        others = [action for action in allowed if action not in channels]
        if channels:
            arn = "arn:{partition}:ssmmessages:{region}:{account}:*".format_map(account.location)
            statements.append({**statement, "Action": channels, "Resource": arn})
        if others or not channels:
            statements.append({**statement, **({"Action": others} if channels else {})})
    return {"Version": policy.VERSION, "Statement": statements}


def acl_documents(account: Account, support: Support) -> tuple[Document, Document]:
    """The trust policy and the permissions of a role that may upload to both buckets, without s3:PutObjectAcl."""
    partition, number = account.location["partition"], account.location["account"]
    principal = {"AWS": f"arn:{partition}:iam::{number}:root"}
    objects = [f"arn:{partition}:s3:::{bucket}/*" for bucket in (support.names.bucket, support.names.acl_bucket)]
    key = {"Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": support.keys["data"]}
    upload = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": objects}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return (
        {"Version": policy.VERSION, "Statement": [trust]},
        {"Version": policy.VERSION, "Statement": [upload, key]},
    )


def ask_put_object_acl(account: Account, role_arn: str, bucket: str) -> str:
    """Ask whether S3 requires s3:PutObjectAcl for an upload with the ACL that the agent sends, in the same account.

    Args:
        account: The account.
        role_arn: A role with :func:`acl_documents`.
        bucket: The bucket.

    Returns:
        The answer.

    Raises:
        CheckError: If the role cannot upload without an ACL either, so that there is no answer.
    """
    s3 = assume(account, role_arn, "s3")

    def upload(key: str, **acl: str) -> bool | None:
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=b"x", **acl)
        except ClientError as error:
            if error.response["Error"]["Code"] in DENIALS:
                return None
            raise
        return True

    # The policy of a new role takes some seconds to hold. Without this upload a denial would say nothing.
    account.wait_for("the role can upload without an ACL", lambda: upload("without-acl"), seconds=60, every=5)
    if upload("with-acl", ACL="bucket-owner-full-control"):
        return "No. The upload with the ACL succeeded without it."
    return "Yes. The upload with the ACL was denied without it."


def check(perform: Callable[..., str], *arguments: Any, **options: Any) -> tuple[str, str]:
    """Make a check. An error of AWS, or of the connection to AWS, fails it, and does not stop the run.

    Returns:
        "passed", "failed" or "skipped", and the reason or what was seen.
    """
    try:
        return "passed", perform(*arguments, **options)
    except SkippedError as skipped:
        return "skipped", str(skipped)
    except (CheckError, ClientError, BotoCoreError) as error:
        return "failed", str(error)
