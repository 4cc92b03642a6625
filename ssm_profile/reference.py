"""The outputs of a stack of the program, for programs of other stacks."""

from collections.abc import Sequence
from typing import Any

import pulumi


class SsmInstanceProfileReference:
    """The instance profile that another stack of the ssm-profile program has made.

    It has the outputs of :class:`~ssm_profile.SsmInstanceProfile`, by the same names.
    """

    role_name: pulumi.Output[str]
    """The role's name."""
    role_arn: pulumi.Output[str]
    """The role's ARN."""
    instance_profile_name: pulumi.Output[str]
    """The instance profile's name."""
    instance_profile_arn: pulumi.Output[str]
    """The instance profile's ARN."""
    policy_json: pulumi.Output[str]
    """The policy document, as JSON text."""
    actions: pulumi.Output[Sequence[str]]
    """The actions that the policy allows, sorted."""

    def __init__(self, stack_name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        """Read the outputs of a stack, once.

        Args:
            stack_name: The stack's full name: ``organization/ssm-profile/dev``, with the name of your organisation on
                Pulumi Cloud and ``organization`` itself on other backends.
            opts: Pulumi's resource options for the stack reference.

        Raises:
            pulumi.RunError: Where an output is missing, when the outputs are used. The text names the stack.
        """
        reference = pulumi.StackReference(stack_name, opts=opts)
        # The names alone are no secret, even where one of the values is.
        complete = pulumi.Output.unsecret(reference.outputs.apply(lambda outputs: _complete(stack_name, outputs)))

        def read(output: str) -> pulumi.Output[Any]:
            both = pulumi.Output.all(complete, reference.get_output(output))
            return both.apply(lambda values: values[1])

        self.role_name = read("roleName")
        self.role_arn = read("roleArn")
        self.instance_profile_name = read("instanceProfileName")
        self.instance_profile_arn = read("instanceProfileArn")
        self.policy_json = read("policyJson")
        self.actions = read("actions")


_OUTPUTS = ("roleName", "roleArn", "instanceProfileName", "instanceProfileArn", "policyJson", "actions")


def _complete(stack_name: str, outputs: dict[str, Any]) -> bool:
    """Whether the stack has every output; an error that says which it lacks if not."""
    if missing := [output for output in _OUTPUTS if output not in outputs]:
        found = f"only {', '.join(sorted(outputs))}" if outputs else "no outputs at all"
        raise pulumi.RunError(
            f"stack {stack_name}: found {found}; missing: {', '.join(missing)}; "
            "deploy it with this version of ssm-profile, or name another stack"
        )
    return True
