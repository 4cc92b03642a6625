"""One instance profile for AWS Systems Manager per stack, with the options in the stack's config."""

import pulumi

from ssm_profile import SsmInstanceProfile, read_settings

name = f"{pulumi.get_project()}-{pulumi.get_stack()}"
settings = read_settings(name)
profile = SsmInstanceProfile(
    name,
    settings.args,
    pulumi.ResourceOptions(protect=settings.protect, transformations=settings.transformations),
)

# SsmInstanceProfileReference reads these outputs in other stacks.
pulumi.export("roleName", profile.role_name)
pulumi.export("roleArn", profile.role_arn)
pulumi.export("instanceProfileName", profile.instance_profile_name)
pulumi.export("instanceProfileArn", profile.instance_profile_arn)
pulumi.export("policyJson", profile.policy_json)
pulumi.export("actions", profile.actions)
