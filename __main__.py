"""The program: one instance profile for Systems Manager per stack, as the stack's config has it."""

import pulumi

from ssm_profile import SsmInstanceProfile
from ssm_profile.settings import read_settings

name = f"ssm-profile-{pulumi.get_stack()}"
settings = read_settings(name)
profile = SsmInstanceProfile(name, settings.args, pulumi.ResourceOptions(protect=settings.protect))

pulumi.export("roleName", profile.role_name)
pulumi.export("roleArn", profile.role_arn)
pulumi.export("instanceProfileName", profile.instance_profile_name)
pulumi.export("instanceProfileArn", profile.instance_profile_arn)
pulumi.export("policyJson", profile.policy_json)
pulumi.export("actions", profile.actions)
