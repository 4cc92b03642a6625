"""The component: a role, its permissions policy and an instance profile."""

# No `from __future__ import annotations` here: Pulumi's schema analyser reads the annotations as objects.

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, NotRequired, TypedDict, cast

import pulumi
import pulumi_aws as aws

from . import policy
from .options import UNKNOWN, find_mistakes, find_name_mistakes


class ParametersArgs(TypedDict):
    """Which parameters of Parameter Store the instances may read."""

    paths: Sequence[str]
    """The paths at and below which parameters may be read, such as /app/prod."""
    recursive: NotRequired[bool]
    """Grant ssm:GetParametersByPath too, which lists everything below a path. Default: false."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """The ARN of the KMS key of SecureString parameters. Not needed for the key aws/ssm."""


class SessionLogsArgs(TypedDict):
    """Where logs of sessions and output of commands go: a bucket, a log group, or both."""

    bucket: NotRequired[pulumi.Input[str]]
    """The name of the bucket."""
    prefix: NotRequired[pulumi.Input[str]]
    """The prefix of the keys in the bucket."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """The ARN of the KMS key that encrypts the bucket."""
    cross_account: NotRequired[bool]
    """Whether the bucket is in another account. Default: false."""
    log_group: NotRequired[pulumi.Input[str]]
    """The name of the log group."""


class CloudwatchAgentArgs(TypedDict):
    """What the CloudWatch agent may send."""

    namespace: NotRequired[pulumi.Input[str]]
    """The namespace of its metrics. Default: CWAgent."""
    log_groups: NotRequired[Sequence[str]]
    """The names of the log groups it may write to. Default: none."""


class DomainJoinArgs(TypedDict):
    """Which directory the instances may join."""

    directory_id: pulumi.Input[str]
    """The ID of the directory, such as d-1234567890."""


class SsmInstanceProfileArgs(TypedDict):
    """What the instances may do, and how the role and the profile look. Every key is optional."""

    ec2_describe: NotRequired[bool]
    """Grant ec2:Describe*, which lets software on the instance read about its environment. Default: true."""
    ec2_describe_actions: NotRequired[Sequence[str]]
    """Grant these EC2 actions in place of ec2:Describe*, such as DescribeInstances and DescribeTags."""
    scope_heartbeat: NotRequired[bool]
    """Grant ssm:UpdateInstanceInformation on EC2 instances only, in place of every resource. Default: false."""
    quiet_agent: NotRequired[bool]
    """Grant the two calls that the agent polls in any case, so that its log has no AccessDenied. Default: false."""
    legacy_messaging: NotRequired[bool]
    """Grant the ec2messages actions: agents before 3.1.821.0, Windows Server 2012 and older. Default: false."""
    documents: NotRequired[bool]
    """Grant reading SSM documents: aws:runDocument and aws:downloadContent. Default: false."""
    state_manager: NotRequired[bool]
    """Grant what State Manager's associations need. Default: false."""
    inventory: NotRequired[bool]
    """Grant uploading the inventory; needs state_manager. Default: false."""
    patching: NotRequired[bool]
    """Grant what Patch Manager needs. Default: false."""
    patch_baseline_tags: NotRequired[bool]
    """Grant finding patch baselines by their tags; needs patching. Default: false."""
    distributor: NotRequired[bool]
    """Grant installing Distributor's packages. Default: false."""
    managed_buckets: NotRequired[bool]
    """Grant reading AWS's own buckets of the region, for VPCs that reach S3 by an endpoint. Default: false."""
    parameters: NotRequired[ParametersArgs]
    """Grant reading Parameter Store below the given paths, and nowhere else."""
    session_kms_key_arn: NotRequired[pulumi.Input[str]]
    """The ARN of the KMS key with which sessions are encrypted."""
    session_logs: NotRequired[SessionLogsArgs]
    """Grant logging sessions and command output to S3, CloudWatch Logs or both."""
    cloudwatch_agent: NotRequired[CloudwatchAgentArgs]
    """Grant what the CloudWatch agent needs."""
    domain_join: NotRequired[DomainJoinArgs]
    """Grant joining a directory of AWS Directory Service."""
    require_imdsv2: NotRequired[bool]
    """Deny every call made with credentials that were fetched by IMDSv1. Default: false."""
    vpc_endpoints_only: NotRequired[bool]
    """Deny every call that does not come through an endpoint in the instance's own VPC. Default: false."""
    path: NotRequired[pulumi.Input[str]]
    """The IAM path of the role and the instance profile. Default: /."""
    role_name: NotRequired[pulumi.Input[str]]
    """The role's name. Default: the component's name, "-role" and a random suffix."""
    instance_profile_name: NotRequired[pulumi.Input[str]]
    """The instance profile's name. Default: the component's name, "-profile" and a random suffix."""
    description: NotRequired[pulumi.Input[str]]
    """The role's description. Default: what the role is for."""
    tags: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """Tags of the role and the instance profile, beside the provider's default tags."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """The ARN of the managed policy that bounds what the role can ever be allowed."""
    service_principals: NotRequired[Sequence[str]]
    """Who may assume the role. Default: ec2.amazonaws.com."""
    policy_kind: NotRequired[str]
    """Whether the policy is part of the role, "inline", or a policy of its own, "managed". Default: inline."""
    managed_policy_arns: NotRequired[Sequence[pulumi.Input[str]]]
    """Further policies to attach to the role, but none that grants Systems Manager as a whole."""
    existing_role_name: NotRequired[pulumi.Input[str]]
    """The role to give the policy to, in place of a new one."""
    exclusive: NotRequired[bool]
    """Remove from the role every policy that is not given here. Default: false."""


class SsmInstanceProfile(pulumi.ComponentResource):
    """An instance profile with exactly the permissions that AWS Systems Manager needs on an EC2 instance."""

    role_name: pulumi.Output[str]
    """The role's name."""
    role_arn: pulumi.Output[str]
    """The role's ARN."""
    instance_profile_name: pulumi.Output[str]
    """The instance profile's name, with which instances are launched."""
    instance_profile_arn: pulumi.Output[str]
    """The instance profile's ARN."""
    policy_json: pulumi.Output[str]
    """The permissions policy, as IAM receives it."""
    actions: pulumi.Output[Sequence[str]]
    """The actions that the policy allows, sorted."""

    def __init__(
        self,
        name: str,
        args: SsmInstanceProfileArgs = {},  # noqa: B006 - the schema analyser accepts no other default; never changed
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the role, its policy and the instance profile.

        Args:
            name: The component's name, of which the names of its resources are made.
            args: The options, each of them optional.
            opts: Pulumi's resource options. Providers and protection reach the component's resources.

        Raises:
            ValueError: If any option is wrong. The text has a line for each mistake; nothing was created.
        """
        if not isinstance(args, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - not every caller is checked
            raise ValueError(  # noqa: TRY004 - one kind of error for every mistake
                f"args: found a {type(args).__name__}; allowed: a dict of options"
            )
        given = _without_none(args)
        options = known_options(args)
        _refuse([*find_name_mistakes(name, options), *find_mistakes(options)])
        # What is too long even where it is shortest is refused right here.
        _policy_text(_with_outputs_as("", given), policy.SHORTEST_LOCATION)
        super().__init__("ssm-profile:index:SsmInstanceProfile", name, {}, opts)

        inputs = {key: _checked(key, value) for key, value in given.items()}
        role_name, role_arn = self._role(name, options, inputs)
        policies, policy_text = self._policies(name, role_name, options, inputs)
        profile = aws.iam.InstanceProfile(
            f"{name}-profile",
            name=inputs.get("instance_profile_name"),
            path=inputs.get("path"),
            role=role_name,
            tags=inputs.get("tags"),
            # An instance launched with a profile that exists must find its permissions there.
            opts=pulumi.ResourceOptions(parent=self, depends_on=policies),
        )

        self.role_name = role_name
        self.role_arn = role_arn
        self.instance_profile_name = profile.name
        self.instance_profile_arn = profile.arn
        self.policy_json = policy_text
        actions = policy.actions(options)
        self.actions = policy_text.apply(lambda _: actions)
        self.register_outputs(
            {
                "roleName": self.role_name,
                "roleArn": self.role_arn,
                "instanceProfileName": self.instance_profile_name,
                "instanceProfileArn": self.instance_profile_arn,
                "policyJson": self.policy_json,
                "actions": actions,
            }
        )

    def _role(
        self, name: str, options: policy.Options, inputs: Mapping[str, Any]
    ) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """The name and the ARN of a new role, or of the one that exists."""
        if "existing_role_name" in inputs:
            existing = aws.iam.get_role_output(
                name=inputs["existing_role_name"], opts=pulumi.InvokeOutputOptions(parent=self)
            )
            return existing.name, existing.arn
        role = aws.iam.Role(
            f"{name}-role",
            name=inputs.get("role_name"),
            path=inputs.get("path"),
            description=inputs.get("description") or "Lets AWS Systems Manager manage the EC2 instances that use it.",
            assume_role_policy=policy.to_json(policy.trust_policy(options)),
            permissions_boundary=inputs.get("permissions_boundary_arn"),
            tags=inputs.get("tags"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return role.name, role.arn

    def _policies(
        self, name: str, role: pulumi.Output[str], options: policy.Options, inputs: Mapping[str, Any]
    ) -> tuple[list[pulumi.Resource], pulumi.Output[str]]:
        """What gives the role its permissions, and the text of the policy among it."""
        child = pulumi.ResourceOptions(parent=self)
        text = self._policy_text(options, inputs)
        arns = dict(_attachment_names(inputs.get("managed_policy_arns", [])))
        if options.get("policy_kind") == "managed":
            own = aws.iam.Policy(
                f"{name}-policy", path=inputs.get("path"), policy=text, tags=inputs.get("tags"), opts=child
            )
            arns["policy-attachment"] = own.arn
            inline_names: list[pulumi.Output[str]] = []
        else:
            own = aws.iam.RolePolicy(
                f"{name}-policy",
                # On a role of the component's own the name is fixed: were the engine killed in the middle, a random one
                # would be made anew, and the first stay on the role, unknown to everybody. A role that exists may have
                # policies of other components, which must not be overwritten.
                name=None if "existing_role_name" in inputs else f"{name}-policy",
                role=role,
                policy=text,
                opts=pulumi.ResourceOptions(parent=self, delete_before_replace=False),
            )
            inline_names = [own.name]
        policies: list[pulumi.Resource] = [own]
        for suffix, arn in arns.items():
            policies.append(aws.iam.RolePolicyAttachment(f"{name}-{suffix}", role=role, policy_arn=arn, opts=child))
        if options.get("exclusive"):
            after = pulumi.ResourceOptions(parent=self, depends_on=list(policies))
            policies += [
                aws.iam.RolePoliciesExclusive(
                    f"{name}-exclusive-policies", role_name=role, policy_names=inline_names, opts=after
                ),
                aws.iam.RolePolicyAttachmentsExclusive(
                    f"{name}-exclusive-attachments", role_name=role, policy_arns=list(arns.values()), opts=after
                ),
            ]
        return policies, own.policy

    def _policy_text(self, options: policy.Options, inputs: Mapping[str, Any]) -> pulumi.Input[str]:
        """The policy's text: plain where all of it is known, so that a preview needs no credentials."""
        needed = policy.lookups(options)
        granting = {key: value for key, value in inputs.items() if key in policy.GRANTING or key == "policy_kind"}
        if not needed and not any(isinstance(value, pulumi.Output) for value in granting.values()):
            return _policy_text(options, {})
        opts = pulumi.InvokeOutputOptions(parent=self)  # so that it is the component's provider that is asked
        lookups = {
            "partition": lambda: aws.get_partition_output(opts=opts).partition,
            "region": lambda: aws.get_region_output(opts=opts).region,
            "account": lambda: aws.get_caller_identity_output(opts=opts).account_id,
        }
        location = {name: look_up() for name, look_up in lookups.items() if name in needed}
        return pulumi.Output.all(options=granting, location=location).apply(
            lambda known: _policy_text(known["options"], known["location"])
        )


def known_options(args: Mapping[str, Any]) -> dict[str, Any]:
    """The args as plain values, with :data:`~ssm_profile.options.UNKNOWN` in place of outputs."""
    return _with_outputs_as(UNKNOWN, _without_none(args))


def _policy_text(options: policy.Options, location: Mapping[str, str]) -> str:
    """The policy's text, if IAM accepts one of its length."""
    document = policy.policy_document(options, location)
    _refuse(policy.find_size_mistakes(options, document))
    return policy.to_json(document)


def _attachment_names(arns: Sequence[pulumi.Input[str]]) -> Iterator[tuple[str, pulumi.Input[str]]]:
    """Each ARN by the end of its attachment's name: by the ARN itself, so that the list's order does not matter."""
    for index, arn in enumerate(arns):
        known = hashlib.sha256(arn.encode()).hexdigest()[:8] if isinstance(arn, str) else str(index)
        yield f"attachment-{known}", arn


def _without_none(value: Any) -> Any:
    """The value without the keys whose value is None, which count as not given."""
    if isinstance(value, Mapping):
        entries = cast("Mapping[Any, Any]", value)
        return {key: _without_none(entry) for key, entry in entries.items() if entry is not None}
    return value


def _with_outputs_as(placeholder: Any, value: Any) -> Any:
    """The value with something else in place of every output in it."""
    if isinstance(value, pulumi.Output | Awaitable):
        return placeholder
    if isinstance(value, Mapping):
        return {key: _with_outputs_as(placeholder, entry) for key, entry in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_with_outputs_as(placeholder, entry) for entry in cast("Sequence[Any]", value)]
    return value


def _checked(option: str, value: Any) -> Any:
    """The value; where it holds outputs, one that fails if they turn out to be wrong."""
    if isinstance(value, list | tuple):  # entry by entry, since it has to be known how many there are
        entries = cast("Sequence[Any]", value)
        return [_checked_by(lambda known: find_mistakes({option: [known]}), entry) for entry in entries]
    return _checked_by(lambda known: find_mistakes({option: known}), value)


def _checked_by(mistakes_in: Callable[[Any], list[str]], value: Any) -> Any:
    if UNKNOWN not in _leaves(_with_outputs_as(UNKNOWN, value)):
        return value

    def check(resolved: Any) -> Any:
        _refuse(mistakes_in(resolved))
        return resolved

    return pulumi.Output.from_input(value).apply(check)


def _leaves(value: Any) -> list[Any]:
    """The value, or what a map and the maps in it hold."""
    if isinstance(value, Mapping):
        return [leaf for entry in cast("Mapping[Any, Any]", value).values() for leaf in _leaves(entry)]
    return [value]


def _refuse(mistakes: Sequence[str]) -> None:
    if mistakes:
        raise ValueError("\n".join(mistakes))
