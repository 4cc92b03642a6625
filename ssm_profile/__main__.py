"""The plugin of the component package: it serves the component to programs in every Pulumi language."""

import json
import sys
from pathlib import Path
from typing import Any

# Pulumi runs this directory. Without this, Python would look for modules in it instead of beside it.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from pulumi.errors import InputPropertiesError, InputPropertyErrorDetails  # noqa: E402
from pulumi.provider import main  # noqa: E402
from pulumi.provider.experimental.component import ComponentProvider  # noqa: E402

from ssm_profile.component import SsmInstanceProfile, known_options  # noqa: E402
from ssm_profile.options import OPTIONS, Option, camel_case  # noqa: E402
from ssm_profile.validation import find_mistakes, format_value  # noqa: E402
from ssm_profile.version import __version__  # noqa: E402

COMPONENT = "ssm-profile:index:SsmInstanceProfile"


class Plugin(ComponentProvider):
    """Pulumi's component host, which reports mistakes in the caller's words and without a traceback."""

    def __init__(self) -> None:
        super().__init__([SsmInstanceProfile], name="ssm-profile", version=__version__)
        self.schema = json.dumps(_with_rules(json.loads(self.schema or "{}")))

    def map_inputs(self, inputs: Any, component_def: Any) -> Any:
        """The inputs as the component's args.

        Raises:
            InputPropertiesError: If an input is wrong, with the path and the reason of each mistake.
        """
        args = super().map_inputs(inputs, component_def)
        errors: list[InputPropertyErrorDetails] = [
            {"property_path": mistake.path, "reason": mistake.reason}
            for mistake in find_mistakes(known_options(args), camel_case)
        ]
        if errors:
            raise InputPropertiesError("The inputs are not valid. Nothing was created", errors)
        return args


def _with_rules(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, whose descriptions say the default of each input and the input that it requires."""
    inputs = schema["resources"][COMPONENT]["inputProperties"]
    for name, option in OPTIONS.items():
        described = inputs[camel_case(name)]
        described["description"] += _rule(option)
        if option.keys:
            of_map = described["items"] if option.is_list_of_maps else described
            properties = schema["types"][of_map["$ref"].removeprefix("#/types/")]["properties"]
            for key, of_key in option.keys.items():
                properties[camel_case(key)]["description"] += _rule(of_key)
    return schema


def _rule(option: Option) -> str:
    requires = f" Requires {' and '.join(map(camel_case, option.requires))}." if option.requires else ""
    default = f" Default: {format_value(option.default)}." if option.default is not None else ""
    return requires + default


if __name__ == "__main__":
    # Pulumi passes flags and its own address. Without this, the plugin would wait for Pulumi for ever.
    if sys.argv[1:] and sys.argv[1].isalpha():
        sys.exit(
            f"Error: this module is the plugin that Pulumi runs. For the command, use `ssm-profile {sys.argv[1]}`."
        )
    main(Plugin(), sys.argv[1:])
