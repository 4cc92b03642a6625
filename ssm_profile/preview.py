"""Finds changes that IAM cannot make without a gap, in the preview, before anything happens."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from .errors import Mistake, document
from .validation import format_value

GUIDE = document("changing")

_GET_ROLE = "aws:iam/getRole:getRole"
_GET_PROFILE = "aws:iam/getInstanceProfile:getInstanceProfile"

_ROLE_CHANGES = (
    "This instance profile is about to get another role. IAM allows one role in an instance profile, so the profile "
    "contains no role between two calls, and running instances can be without credentials for up to an hour. To avoid "
    f"it, add a second component, move the instances to its profile, and then remove this one: see {GUIDE}."
)


def check_preview(
    component: pulumi.Resource, role: aws.iam.Role, profile: aws.iam.InstanceProfile, inputs: Mapping[str, Any]
) -> None:
    """Refuse or warn, in a preview only, of changes for which IAM has no safe order.

    Args:
        component: The component. Its provider looks the role and the profile up, only if they change.
        role: The component's role.
        profile: The component's instance profile.
        inputs: The options, with outputs.

    Raises:
        pulumi.RunError: While Pulumi previews, if a new role or profile needs a name that is taken.
    """
    if not pulumi.runtime.is_dry_run():
        return
    opts = pulumi.InvokeOptions(parent=component)
    if "role_name" in inputs:
        pulumi.Output.from_input(_refuse_taken_name("role_name", _GET_ROLE, role, inputs, opts))
    if "instance_profile_name" in inputs:
        pulumi.Output.from_input(_refuse_taken_name("instance_profile_name", _GET_PROFILE, profile, inputs, opts))
    pulumi.Output.from_input(_warn_of_role_change(role, profile, opts, is_existing="existing_role_name" in inputs))


async def _refuse_taken_name(
    option: str, function: str, resource: Any, inputs: Mapping[str, Any], opts: pulumi.InvokeOptions
) -> None:
    """Refuse a fixed name that IAM has already, if Pulumi is about to create a role or profile of that name."""
    given = pulumi.Output.from_input(inputs[option])
    name = await given.future()
    if name is None or await given.is_secret() or await resource.arn.is_known():
        return
    if not (taken := await _look_up(function, str(name), opts)):
        return
    path = await pulumi.Output.from_input(inputs.get("path", "/")).future()
    if path is not None and path != taken["path"]:
        reason = (
            f"cannot stay {format_value(name)} while `path` changes from {format_value(taken['path'])} to "
            f"{format_value(path)}: IAM would have to delete {taken['arn']} first, and instances would lose their "
            f"permissions. Change the name as well, or leave `path` as it is. See {GUIDE}"
        )
    else:
        reason = (
            f"is {format_value(name)}, and {taken['arn']} exists already. Choose another name, or adopt what exists: "
            f"see {document('adopting')}"
        )
    raise pulumi.RunError(str(Mistake(option, reason)))


async def _warn_of_role_change(
    role: aws.iam.Role, profile: aws.iam.InstanceProfile, opts: pulumi.InvokeOptions, *, is_existing: bool
) -> None:
    """Warn if the profile stays and its role does not."""
    if not await profile.arn.is_known():
        return
    changes = not await role.arn.is_known()
    if is_existing and not changes:
        name = await profile.name.future()
        now = await _look_up(_GET_PROFILE, str(name), opts)
        changes = bool(now) and now["roleName"] != await role.name.future()
    if changes:
        pulumi.log.warn(_ROLE_CHANGES, profile)


async def _look_up(function: str, name: str, opts: pulumi.InvokeOptions) -> Mapping[str, Any]:
    """What IAM has of this name, or an empty map if it has nothing, or if the caller may not read it."""
    try:
        return dict(await pulumi.runtime.invoke_async(function, {"name": name}, opts))
    except Exception as error:  # noqa: BLE001 - Pulumi raises this type for every failure of a function
        pulumi.log.debug(f"{function} of {name}: {error}")
        return {}
