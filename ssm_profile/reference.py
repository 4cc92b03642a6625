"""The outputs of a stack of the program, for the programs of other stacks."""

from collections.abc import Sequence
from typing import Any

import pulumi

from .component import OUTPUTS
from .options import camel_case


class SsmInstanceProfileReference:
    """The instance profile of another stack that runs the ssm-profile program.

    It has the outputs of `SsmInstanceProfile` under the same names.
    """

    role_name: pulumi.Output[str]
    role_arn: pulumi.Output[str]
    instance_profile_name: pulumi.Output[str]
    instance_profile_arn: pulumi.Output[str]
    policy_json: pulumi.Output[str]
    actions: pulumi.Output[Sequence[str]]

    def __init__(self, stack_name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        """Read the outputs of a stack.

        Args:
            stack_name: The full name of the stack, such as ``organization/ssm-profile/dev``. It begins with the name of
                your organization on Pulumi Cloud, and with ``organization`` on other backends.
            opts: Pulumi's resource options for the stack reference.

        Raises:
            pulumi.RunError: If the stack lacks an output, as soon as an output is used. The text names the stack.
        """
        reference = pulumi.StackReference(stack_name, opts=opts)
        # The names of outputs are no secret, even where a value is.
        complete = pulumi.Output.unsecret(reference.outputs.apply(lambda outputs: _require_all(stack_name, outputs)))

        def read(output: str) -> pulumi.Output[Any]:
            both = pulumi.Output.all(complete, reference.get_output(output))
            return both.apply(lambda values: values[1])

        for output in OUTPUTS:
            setattr(self, output, read(camel_case(output)))


def _require_all(stack_name: str, outputs: dict[str, Any]) -> None:
    """Raise an error if the stack lacks an output."""
    required = [camel_case(output) for output in OUTPUTS]
    if missing := [output for output in required if output not in outputs]:
        existing = f"It has only {', '.join(sorted(outputs))}" if outputs else "It has no outputs"
        raise pulumi.RunError(
            f"stack {stack_name} lacks the outputs {', '.join(missing)}. {existing}. "
            "Deploy it with this version of ssm-profile, or name another stack."
        )
