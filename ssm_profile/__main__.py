"""The plugin of the component package: serves the component to programs in every Pulumi language."""

import sys
from pathlib import Path

# Pulumi runs this directory, so Python would look for modules in it, and not for the package.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from pulumi.provider.experimental import component_provider_host  # noqa: E402

from ssm_profile import SsmInstanceProfile  # noqa: E402
from ssm_profile.version import __version__  # noqa: E402

if __name__ == "__main__":
    component_provider_host([SsmInstanceProfile], name="ssm-profile", version=__version__)
