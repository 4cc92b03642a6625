"""Faults to plant in the emulated account, with the check and the cause by which `diagnose` names each."""

import json

from tests.cli.policies import INSTANCES, MINIMUM, allow, document
from tests.expected import TRUST


def outbound(**destination):
    return {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **destination}


def remove_role(account):
    account.iam.remove_role_from_instance_profile(InstanceProfileName="web", RoleName="web")


def delete_profile(account):
    remove_role(account)
    account.iam.delete_instance_profile(InstanceProfileName="web")


def recreate_profile(account):
    """The ID of an instance profile begins with AIPA. Those of moto do not."""
    (profile,) = account.iam.list_instance_profiles()["InstanceProfiles"]
    account.change_instance(IamInstanceProfile={"Arn": profile["Arn"], "Id": "AIPAOLD1234567890123"})
    role = profile["Roles"][0] | {"AssumeRolePolicyDocument": json.dumps(TRUST)}
    new = {"InstanceProfile": profile | {"InstanceProfileId": "AIPANEW1234567890123", "Roles": [role]}}
    account.answers["iam", "get_instance_profile"] = lambda _: new


def without_profile(account):
    account.instance = account.launch()


def trust_another_service(account):
    trust = json.dumps(TRUST).replace("ec2.", "lambda.")
    account.iam.update_assume_role_policy(RoleName="web", PolicyDocument=trust)


def grant(*statements):
    def put(account):
        account.iam.put_role_policy(RoleName="web", PolicyName="a", PolicyDocument=document(*statements))

    return put


def limit(account):
    policy = account.iam.create_policy(PolicyName="boundary", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    account.iam.put_role_permissions_boundary(RoleName="web", PermissionsBoundary=policy)


def stop(account):
    account.ec2.stop_instances(InstanceIds=[account.instance])


def disable_metadata(account):
    account.ec2.modify_instance_metadata_options(InstanceId=account.instance, HttpEndpoint="disabled")


def policy_of_endpoint(*statements):
    def change(account):
        document = json.dumps({"Statement": [{"Principal": "*", "Resource": "*", **each} for each in statements]})
        rows = account.ec2.describe_vpc_endpoints()["VpcEndpoints"]
        changed = [row | ({"PolicyDocument": document} if row["ServiceName"].endswith(".ssm") else {}) for row in rows]
        account.answers["ec2", "describe_vpc_endpoints"] = lambda _: {"VpcEndpoints": changed}

    return change


FAULTS = {
    "stopped": (stop, "instance state", "the instance is stopped"),
    "metadata": (disable_metadata, "instance metadata", "the instance metadata service is off"),
    "no profile": (without_profile, "instance profile", "no instance profile"),
    "no role": (remove_role, "instance profile", "its instance profile contains no role"),
    "deleted profile": (delete_profile, "instance profile", "its instance profile was deleted"),
    "recreated profile": (
        recreate_profile,
        "instance profile",
        "its instance profile was deleted and created again",
    ),
    "trust": (trust_another_service, "trust policy", "EC2 cannot assume its role"),
    "heartbeat": (
        grant(allow(MINIMUM[:4])),
        "policies",
        "the role web does not allow ssm:UpdateInstanceInformation",
    ),
    "boundary": (limit, "policies", "the role web does not allow ssm:UpdateInstanceInformation and 4 more actions"),
    "no endpoint": (
        lambda account: account.delete_endpoints("ssm"),
        "VPC endpoint ssm",
        "no VPC endpoint for ssm",
    ),
    "no endpoints": (
        lambda account: account.delete_endpoints("ssm", "ssmmessages"),
        "route to the internet",
        "there is no way to AWS's endpoints",
    ),
    "dns": (
        lambda account: account.ec2.modify_vpc_attribute(VpcId=account.vpc, EnableDnsHostnames={"Value": False}),
        "DNS of the VPC",
        "the VPC has no private DNS names",
    ),
    "outbound": (
        lambda account: account.let_out(outbound(IpRanges=[{"CidrIp": "192.0.2.0/24"}])),
        "security groups of the instance",
        "its security groups do not allow HTTPS to AWS",
    ),
    "outbound of another protocol": (
        lambda account: account.let_out(outbound(IpRanges=[{"CidrIp": "0.0.0.0/0"}]) | {"IpProtocol": "udp"}),
        "security groups of the instance",
        "its security groups do not allow HTTPS to AWS",
    ),
    "endpoint policy": (
        policy_of_endpoint({"Effect": "Allow", "Action": "ssm:GetParameter"}),
        "VPC endpoint ssm",
        "the policy of the VPC endpoint ssm denies the agent's calls",
    ),
    "endpoint policy for others": (
        policy_of_endpoint(
            {"Effect": "Allow", "Action": "*", "Principal": {"AWS": "arn:aws:iam::123456789012:role/x"}}
        ),
        "VPC endpoint ssm",
        "the policy of the VPC endpoint ssm denies the agent's calls",
    ),
}


CHANNEL_FAULTS = {
    "policies": (
        grant(allow(MINIMUM[4], INSTANCES)),
        "policies",
        "the role web does not allow ssmmessages:CreateDataChannel and 3 more actions",
    ),
    "endpoint": (
        lambda account: account.delete_endpoints("ssmmessages"),
        "VPC endpoint ssmmessages",
        "no VPC endpoint for ssmmessages",
    ),
    "outbound": (
        lambda account: account.let_out(outbound(IpRanges=[{"CidrIp": f"{account.address('ssm')}/32"}])),
        "security groups of the instance",
        "its security groups do not allow HTTPS to AWS",
    ),
}
"""Faults of sessions and commands."""


NO_HEARTBEAT = grant(allow("s3:GetObject"))
