"""The plugin of the component package: serves the component to programs in every Pulumi language."""

import sys
from pathlib import Path
from typing import Any

# Pulumi runs this directory, so Python would look for modules in it, and not for the package.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from pulumi.errors import InputPropertiesError, InputPropertyErrorDetails  # noqa: E402
from pulumi.provider import main  # noqa: E402
from pulumi.provider.experimental.component import ComponentProvider  # noqa: E402

from ssm_profile import SsmInstanceProfile  # noqa: E402
from ssm_profile.component import known_options  # noqa: E402
from ssm_profile.options import camel_case, find_mistakes  # noqa: E402
from ssm_profile.version import __version__  # noqa: E402


class Plugin(ComponentProvider):
    """Pulumi's own host, which tells of mistakes in the caller's words and without a traceback."""

    def __init__(self) -> None:
        super().__init__([SsmInstanceProfile], name="ssm-profile", version=__version__)

    def map_inputs(self, inputs: Any, component_def: Any) -> Any:
        """The inputs as the component's args.

        Raises:
            InputPropertiesError: If any is wrong, with a reason for each mistake.
        """
        args = super().map_inputs(inputs, component_def)
        found = [mistake.split(": ", 1) for mistake in find_mistakes(known_options(args), camel_case)]
        if found:
            errors: list[InputPropertyErrorDetails] = [{"property_path": path, "reason": why} for path, why in found]
            raise InputPropertiesError("The inputs cannot be used; nothing was created", errors)
        return args


if __name__ == "__main__":
    main(Plugin(), sys.argv[1:])
