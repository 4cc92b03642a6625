"""The settings of the current stack: the args of the component, with every mistake in one error."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import pulumi
from pulumi.runtime import config as pulumi_config

from .component import SsmInstanceProfileArgs
from .options import OPTIONS, Option
from .policy import GRANTING, policy_document, size
from .regions import SHORTEST_LOCATION
from .stack_config import PROTECT, config_key, parse_config
from .validation import find_name_mistakes, find_size_mistakes


@dataclass(frozen=True)
class Settings:
    """What the config of a stack asks for."""

    args: SsmInstanceProfileArgs
    """The options. What is secret in the config is a secret output, if the option accepts outputs."""
    protect: bool
    """Whether all resources are protected from deletion."""
    has_secret_policy: bool
    """Whether the policy contains a secret that no output holds, such as a secret path of parameters."""

    @property
    def transformations(self) -> list[pulumi.ResourceTransformation]:
        """Pulumi's transformations for the component, which keep such a policy secret in state and outputs."""
        return [_keep_policy_secret] if self.has_secret_policy else []


def read_settings(component_name: str) -> Settings:
    """Read the config of the current stack.

    Args:
        component_name: The name of the component, which is validated as well.

    Raises:
        pulumi.RunError: If anything is wrong. The text has a line for each mistake. Pulumi shows no traceback.
    """
    # pulumi.Config returns keys that a program asks for. The keys that no option knows are only here.
    config: dict[str, str] = {**pulumi_config.get_config_env(), **pulumi_config.CONFIG.get()}
    project = pulumi.get_project()
    label = partial(config_key, project=project)
    options, mistakes = parse_config(config, project, list(filter(pulumi_config.is_config_secret, config)))
    mistakes = find_name_mistakes(component_name, options, label) + mistakes
    if not mistakes:
        mistakes = find_size_mistakes(size(policy_document(options, SHORTEST_LOCATION)), options, label)
    if mistakes:
        lines = ["The stack config is not valid. Nothing was changed.", *map(str, mistakes)]
        raise pulumi.RunError("\n  ".join(lines))
    protect = options.pop(PROTECT, False)
    secret = {name for name in options if pulumi_config.is_config_secret(label(name))}
    args = {name: _secret(OPTIONS[name], value) if name in secret else value for name, value in options.items()}
    has_secret_policy = any(name in GRANTING and _has_plain_values(args[name]) for name in secret)
    return Settings(cast("SsmInstanceProfileArgs", args), protect, has_secret_policy)


def _secret(option: Option, value: Any) -> Any:
    """The value, in which everything is a secret output that may be an output."""
    if option.is_list_of_maps:
        return [_secret(replace(option, type="object"), entry) for entry in value]
    if option.keys:
        return {key: _secret(option.keys[key], entry) for key, entry in value.items()}
    if option.entries_accept_outputs:
        return [pulumi.Output.secret(entry) for entry in value]
    return pulumi.Output.secret(value) if option.accepts_outputs else value


def _has_plain_values(value: Any) -> bool:
    """Whether a value contains a string that is no output."""
    if isinstance(value, Mapping):
        return any(map(_has_plain_values, cast("Mapping[str, Any]", value).values()))
    if isinstance(value, list):
        return any(map(_has_plain_values, cast("list[Any]", value)))
    return isinstance(value, str)


def _keep_policy_secret(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    if args.type_ not in ("aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy"):
        return None
    props = {**args.props, "policy": pulumi.Output.secret(args.props["policy"])}
    return pulumi.ResourceTransformationResult(props, args.opts)
