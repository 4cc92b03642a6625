"""The plugin of the component package: it serves the component to programs in every Pulumi language."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

# Pulumi runs this directory. Without this, Python would look for modules in it instead of beside it.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

import pulumi  # noqa: E402
from pulumi.errors import InputPropertyErrorDetails  # noqa: E402
from pulumi.provider import server  # noqa: E402
from pulumi.provider.experimental.component import ComponentProvider  # noqa: E402

from ssm_profile.component import SsmInstanceProfile, known_options  # noqa: E402
from ssm_profile.errors import Mistake, OptionsError  # noqa: E402
from ssm_profile.options import OPTIONS, Option, camel_case  # noqa: E402
from ssm_profile.validation import find_mistakes, format_value, unknown_key  # noqa: E402
from ssm_profile.version import __version__  # noqa: E402

COMPONENT = "ssm-profile:index:SsmInstanceProfile"
NAMESPACE = "pulumi"
"""The beginning of the names of generated SDKs, such as ``@pulumi/ssm-profile``: that of a package in a folder.

Without it, a package from a Git URL gets the first part of the URL's path, which need not be a valid name.
"""


_LARGEST_EXACT_NUMBER = 2**53  # Pulumi passes numbers as floats


class Plugin(ComponentProvider):
    """Pulumi's component host, which reports mistakes in the caller's words and without a traceback."""

    def __init__(self) -> None:
        super().__init__([SsmInstanceProfile], name="ssm-profile", namespace=NAMESPACE, version=__version__)
        self.schema = json.dumps(_with_rules(json.loads(self.schema or "{}")))

    def map_inputs(self, inputs: Any, component_def: Any) -> Any:
        """The inputs as the component's args.

        Raises:
            OptionsError: If an input is wrong, with the path and the reason of each mistake.
        """
        if mistakes := list(_output_maps(inputs)):
            raise OptionsError(mistakes)
        args = cast("dict[str, Any]", super().map_inputs(inputs, component_def))
        if "tags" in args:
            args["tags"] = _as_text(args["tags"])
        if mistakes := [*find_mistakes(known_options(args), camel_case), *_unknown_keys(inputs)]:
            raise OptionsError(mistakes)
        return args


def _maps(inputs: dict[str, Any]) -> Iterator[tuple[Option, str, Any]]:
    """The inputs that are maps with known keys, also those in lists: the option, the path and the value of each."""
    for option_name, option in OPTIONS.items():
        name = camel_case(option_name)
        value: Any = inputs.get(name) if option.keys else None
        if isinstance(value, list):
            yield from ((option, f"{name}[{number}]", each) for number, each in enumerate(cast("list[Any]", value)))
        else:
            yield option, name, value


def _output_maps(inputs: dict[str, Any]) -> Iterator[Mistake]:
    """The mistake of each map that is an output or a secret as a whole. Pulumi takes it for an empty map."""
    for _, path, value in _maps(inputs):
        if isinstance(value, pulumi.Output):
            yield Mistake(path, "cannot be an output or a secret as a whole. Only the values in it can")


def _unknown_keys(inputs: dict[str, Any]) -> Iterator[Mistake]:
    """The mistake of each key in a map that the component does not have. Pulumi drops such keys without a word."""
    for option, path, entries in _maps(inputs):
        if isinstance(entries, dict):
            known = [f"{path}.{camel_case(key)}" for key in option.keys]
            written = [f"{path}.{key}" for key in cast("dict[str, Any]", entries)]
            yield from (unknown_key(key, known) for key in written if key not in known)


def _as_text(value: Any) -> Any:
    """Numbers and booleans of tags as text: YAML has no quotes around the value of a tag, and Pulumi makes 1.0 of 1."""
    if isinstance(value, pulumi.Output):
        return cast("pulumi.Output[Any]", value).apply(_as_text)
    if isinstance(value, dict):
        return {key: _as_text(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and abs(value) <= _LARGEST_EXACT_NUMBER:
        return str(int(value)) if value.is_integer() else str(value)
    return value  # a larger number may have lost digits already


class Servicer(server.ProviderServicer):
    """Pulumi's server. A mistake that the component finds is one in the inputs, too, and has no traceback."""

    async def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name of the base class
        """Construct the component."""
        try:
            return await super().Construct(request, context)
        except Exception as error:
            if (found := _options_error(error)) is None:
                raise
            # What map_inputs raises is not wrapped, and names options as the caller does. Other mistakes are found in
            # the component, or later.
            is_of_inputs = error.__context__ is found
            created, spelled = (". Nothing was created", str) if is_of_inputs else ("", _in_camel_case)
            # The engine prints the value at a path that it knows, even if the value is secret. It knows none with `.
            details: list[InputPropertyErrorDetails] = [
                {"property_path": f"`{spelled(each.path)}`", "reason": spelled(each.reason)} for each in found.mistakes
            ]
            status = self.create_grpc_invalid_properties_status(f"The inputs are not valid{created}", details)
            await context.abort_with_status(status)


def _options_error(error: BaseException | None) -> OptionsError | None:
    """The mistake that led to an error. Pulumi wraps what happens while it waits for outputs in errors of its own."""
    while error is not None and not isinstance(error, OptionsError):
        inner = getattr(error, "inner", None)
        error = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__
    return error


def _in_camel_case(text: str) -> str:
    """A path, or a sentence that has paths between backticks, as the caller writes them."""
    return re.sub(r"(?<![^`])[a-z][a-z0-9_.\[\]]*(?![^`])", lambda path: camel_case(path[0]), text)


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
    server.ProviderServicer = Servicer  # `main` takes no other one
    server.main(Plugin(), sys.argv[1:])
