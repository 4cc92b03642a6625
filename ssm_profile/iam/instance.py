"""What is known of the requests that an EC2 instance makes with the credentials of its role.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html, and for the keys of EC2
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from datetime import UTC, datetime

from .conditions import ABSENT, Context, Like, Present

_END_OF_TIME = "9999-12-31T23:59:59Z"


def instance_context(partition: str = "aws", role_arn: str | None = None, now: datetime | None = None) -> Context:
    """The condition keys of a request that an instance makes with the credentials of its role.

    A key that is not in it is not known: tags of the role and of resources, the region, addresses, VPCs, the
    organization.

    Args:
        partition: The partition of the role's account.
        role_arn: The ARN of the role, if it is known.
        now: The time of the requests. The default is the current time.
    """
    now = now or datetime.now(UTC)
    moment = now.isoformat()
    account = role_arn.split(":")[4] if role_arn else "?" * 12
    return {
        # From now on: what holds only until a date cannot be known, and what ended before now does not hold.
        "aws:currenttime": (moment, _END_OF_TIME),
        "aws:epochtime": (str(int(now.timestamp())), str(int(datetime.fromisoformat(_END_OF_TIME).timestamp()))),
        "aws:tokenissuetime": (moment, _END_OF_TIME),
        "aws:multifactorauthpresent": ("false", ABSENT),
        "aws:multifactorauthage": (ABSENT,),
        "aws:principaltype": ("AssumedRole",),
        "aws:principalarn": (role_arn or Like(f"arn:{partition}:iam::{account}:role/*"),),
        "aws:principalaccount": (Like(account),),
        "aws:principalisawsservice": ("false",),
        "aws:principalservicename": (ABSENT,),
        "aws:principalservicenameslist": (ABSENT,),
        "aws:userid": (Like("AROA*:i-*"),),
        "aws:username": (ABSENT,),
        "aws:federatedprovider": (ABSENT,),
        "aws:sourceidentity": (ABSENT,),
        "aws:securetransport": ("true",),
        "aws:viaawsservice": ("false",),
        "aws:calledvia": (ABSENT,),
        "aws:calledviafirst": (ABSENT,),
        "aws:calledvialast": (ABSENT,),
        # Only services that call other services for a resource of their own set these keys.
        "aws:sourcearn": (ABSENT,),
        "aws:sourceaccount": (ABSENT,),
        "aws:sourceorgid": (ABSENT,),
        "aws:ec2instancesourcevpc": (Like("vpc-*"),),
        "aws:ec2instancesourceprivateipv4": (Present(),),
        # The agent's SDK asks for credentials with a session token: IMDSv2.
        "ec2:roledelivery": ("2.0",),
        "ec2:sourceinstancearn": (Like(f"arn:{partition}:ec2:*:{account}:instance/i-*"),),
        "ssm:sourceinstancearn": (ABSENT,),
    }
