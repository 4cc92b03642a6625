"""Two instance profiles for two kinds of instances, with their own provider, log bucket and key.

The profile "web" lets the instances decrypt and log sessions. Turn both on in the preferences of Session Manager.
"""

import pulumi
import pulumi_aws as aws

from ssm_profile import SsmInstanceProfile

ireland = aws.Provider("ireland", region="eu-west-1", default_tags={"tags": {"Team": "web"}})
in_ireland = pulumi.ResourceOptions(provider=ireland)

session_key = aws.kms.Key("sessions", description="Encrypts sessions", enable_key_rotation=True, opts=in_ireland)
session_logs = aws.s3.Bucket("session-logs", opts=in_ireland)

# Options accept outputs of other resources for ARNs and names.
web = SsmInstanceProfile(
    "web",
    {
        "ec2_describe": False,
        "scope_heartbeat": True,
        "session_kms_key_arn": session_key.arn,
        "session_logs": {"bucket": session_logs.bucket, "prefix": "web"},
    },
    pulumi.ResourceOptions(providers=[ireland]),
)
batch = SsmInstanceProfile(
    "batch",
    {
        "ec2_describe_actions": ["DescribeTags"],
        "state_manager": True,
        "patching": True,
        "parameters": {"paths": ["/batch"]},
        "tags": {"Team": "batch"},
    },
    pulumi.ResourceOptions(providers=[ireland]),
)

pulumi.export("web", web.instance_profile_name)
pulumi.export("webPolicy", web.policy_json)
pulumi.export("batch", batch.instance_profile_name)
pulumi.export("batchPolicy", batch.policy_json)
