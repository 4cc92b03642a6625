"""The program: one instance profile for Systems Manager per stack, with the options in the stack's config."""

import pulumi

from ssm_profile import SsmInstanceProfile
from ssm_profile.component import OUTPUTS
from ssm_profile.options import camel_case
from ssm_profile.settings import read_settings

name = f"ssm-profile-{pulumi.get_stack()}"
settings = read_settings(name)
options = pulumi.ResourceOptions(protect=settings.protect, transformations=settings.transformations)
profile = SsmInstanceProfile(name, settings.args, options)

for output in OUTPUTS:
    pulumi.export(camel_case(output), getattr(profile, output))
