"""The component: a role, its permissions policy and an instance profile."""

# No `from __future__ import annotations` here: Pulumi's schema analyser reads the annotations as objects.

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NotRequired, TypedDict, cast

import pulumi
import pulumi_aws as aws

from . import policy
from .errors import Mistake, OptionsError
from .options import OPTIONS, camel_case, own_tags
from .preview import check_preview
from .regions import SHORTEST_LOCATION, Location
from .validation import (
    UNKNOWN,
    find_merged_tag_mistakes,
    find_mistakes,
    find_name_mistakes,
    find_partition_mistakes,
    find_size_mistakes,
    find_value_mistakes,
    format_value,
    has_arns,
)


class PatchPolicy(TypedDict):
    """Which patch policy of Quick Setup patches the instances."""

    account_id: pulumi.Input[str]
    """Set the ID of the account in which the patch policy was created. It is part of the name of its bucket."""
    configuration_id: pulumi.Input[str]
    """Set the ID of the patch policy's configuration, such as q4bkg. It is part of the name of its bucket."""


class ReadBucket(TypedDict):
    """An S3 bucket that documents and Patch Manager read on the instances."""

    bucket: pulumi.Input[str]
    """Grant reading the objects in the S3 bucket of this name."""
    prefix: NotRequired[pulumi.Input[str]]
    """Limit the grant to object keys that begin with this prefix, as a folder: ansible grants ansible/."""
    folders: NotRequired[bool]
    """Grant s3:ListBucket on the prefix as well, for paths that end in "/": the agent then downloads the folder."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Grant decrypting objects with the KMS key of this ARN, which encrypts the bucket."""


class Parameters(TypedDict):
    """Which parameters of Parameter Store the instances may read."""

    paths: NotRequired[Sequence[str]]
    """Grant reading the parameters at and below these paths, such as /app/prod, or public ones below /aws/service."""
    recursive: NotRequired[bool]
    """Grant ssm:GetParametersByPath as well, which lists all parameters below a path."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Grant decrypting SecureString parameters with the KMS key of this ARN. The key aws/ssm needs no grant."""
    shared_arns: NotRequired[Sequence[pulumi.Input[str]]]
    """Grant reading the parameters of these ARNs, which other accounts share."""
    shared_kms_key_arn: NotRequired[pulumi.Input[str]]
    """Grant decrypting shared SecureString parameters with the owner's KMS key of this ARN."""


class SessionLogs(TypedDict):
    """Where logs of sessions and output of commands go: to a bucket, to a log group, or to both."""

    bucket: NotRequired[pulumi.Input[str]]
    """Grant writing logs to the S3 bucket of this name, which may belong to another account."""
    prefix: NotRequired[pulumi.Input[str]]
    """Limit the grant to object keys that begin with this prefix."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Grant encrypting logs with the KMS key of this ARN, which encrypts the bucket."""
    log_group: NotRequired[pulumi.Input[str]]
    """Grant writing logs to the CloudWatch Logs log group of this name. The log group must exist."""


class CloudwatchAgent(TypedDict):
    """What the CloudWatch agent may send."""

    namespace: NotRequired[pulumi.Input[str]]
    """Grant sending metrics in this namespace."""
    log_groups: NotRequired[Sequence[str]]
    """Grant writing to the log groups of these names."""
    log_group_prefixes: NotRequired[Sequence[str]]
    """Grant writing to the log groups whose names begin with one of these, such as /ec2/i- for /ec2/{instance_id}."""
    retention: NotRequired[bool]
    """Grant setting the retention time of these log groups, which retention_in_days needs."""
    traces: NotRequired[bool]
    """Grant sending traces to X-Ray."""


class DomainJoin(TypedDict):
    """Which directory the instances may join."""

    directory_id: pulumi.Input[str]
    """Grant joining the directory of this ID, such as d-1234567890. A shared directory has an ID in each account."""
    owner_account_id: NotRequired[pulumi.Input[str]]
    """Set the account that owns the directory, if it is shared and the secret is in that account."""
    owner_directory_id: NotRequired[pulumi.Input[str]]
    """Set the ID of the directory in the account that owns it."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Grant decrypting the secret with the KMS key of this ARN. The key aws/secretsmanager needs no grant."""


class SsmInstanceProfileArgs(TypedDict):
    """What the instances may do, and how the role and the instance profile are made. Every key is optional."""

    ec2_describe: NotRequired[bool]
    """Grant ec2:Describe*, which software on the instance can use to read about its EC2 environment."""
    ec2_describe_actions: NotRequired[Sequence[str]]
    """Grant these EC2 actions instead of ec2:Describe*, such as DescribeInstances and DescribeTags."""
    scope_heartbeat: NotRequired[bool]
    """Grant ssm:UpdateInstanceInformation on EC2 instances only. Do not use it for hybrid nodes."""
    quiet_agent: NotRequired[bool]
    """Grant two calls that the agent always makes, so that its log has no AccessDenied errors."""
    legacy_messaging: NotRequired[bool]
    """Grant the ec2messages actions, for agents before 3.3.40.0 and for aws:updateAgent on Windows Server 2012."""
    documents: NotRequired[bool]
    """Grant reading SSM documents, for aws:runDocument, aws:downloadContent and AWS-RunPatchBaselineWithHooks."""
    document_arns: NotRequired[Sequence[pulumi.Input[str]]]
    """Grant reading the SSM documents of these ARNs, which other accounts share."""
    state_manager: NotRequired[bool]
    """Grant what State Manager associations need."""
    inventory: NotRequired[bool]
    """Grant uploading inventory data."""
    inspector: NotRequired[bool]
    """Grant what scans of Windows, deep inspection of Linux and CIS scans of Amazon Inspector need."""
    patching: NotRequired[bool]
    """Grant what Patch Manager needs."""
    patch_baseline_tags: NotRequired[bool]
    """Grant finding patch baselines by their tags."""
    patch_policy: NotRequired[PatchPolicy]
    """Grant reading the baselines of one patch policy of Quick Setup, and add its tag to the role and the profile."""
    distributor: NotRequired[bool]
    """Grant installing Distributor packages."""
    managed_buckets: NotRequired[bool]
    """Grant reading AWS's own S3 buckets, for VPCs whose S3 endpoint policy requires a principal."""
    read_buckets: NotRequired[Sequence[ReadBucket]]
    """Grant reading scripts, Ansible playbooks and patch lists in these S3 buckets, and in no others."""
    parameters: NotRequired[Parameters]
    """Grant reading parameters of Parameter Store at given paths or ARNs, and no others."""
    session_kms_key_arn: NotRequired[pulumi.Input[str]]
    """Grant decrypting sessions that are encrypted with the KMS key of this ARN."""
    session_kms_key_alias: NotRequired[pulumi.Input[str]]
    """Grant decrypting sessions that are encrypted with the KMS key that has this alias, such as alias/ssm-sessions."""
    session_logs: NotRequired[SessionLogs]
    """Grant logging sessions and command output to S3, CloudWatch Logs or both."""
    cloudwatch_agent: NotRequired[CloudwatchAgent]
    """Grant what the CloudWatch agent needs."""
    domain_join: NotRequired[DomainJoin]
    """Grant joining a directory of AWS Directory Service."""
    require_imdsv2: NotRequired[bool]
    """Deny every call made with credentials that were fetched through IMDSv1."""
    vpc_endpoints_only: NotRequired[bool]
    """Deny every call that does not come through a VPC endpoint in the instance's own VPC."""
    path: NotRequired[pulumi.Input[str]]
    """Set the IAM path of the role and the instance profile."""
    role_name: NotRequired[pulumi.Input[str]]
    """Set the name of the role. By default it is the component's name with "-role" and a random suffix."""
    instance_profile_name: NotRequired[pulumi.Input[str]]
    """Set the name of the instance profile. By default it is the component's name, "-profile" and a random suffix."""
    description: NotRequired[pulumi.Input[str]]
    """Set the description of the role. By default it says what the role is for."""
    tags: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """Add these tags to the role and the instance profile, in addition to the provider's default tags."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """Set the managed policy of this ARN as the permissions boundary of the role."""
    service_principals: NotRequired[Sequence[str]]
    """Let these services assume the role. The older form in China is ec2.amazonaws.com.cn."""
    policy_kind: NotRequired[str]
    """Make the policy an inline policy of the role, "inline", or a managed policy attached to it, "managed"."""
    managed_policy_arns: NotRequired[Sequence[pulumi.Input[str]]]
    """Attach these managed policies as well, but no AWS managed policy that grants Systems Manager as a whole."""
    existing_role_name: NotRequired[pulumi.Input[str]]
    """Add the policy to this existing role instead of creating a role. Destroying the stack keeps the role."""
    exclusive: NotRequired[bool]
    """Remove every policy from the role, attached or inline, that this component did not add."""


class SsmInstanceProfile(pulumi.ComponentResource):
    """A role, its permissions policy and an instance profile for EC2 instances that AWS Systems Manager manages."""

    role_name: pulumi.Output[str]
    """The name of the role."""
    role_arn: pulumi.Output[str]
    """The ARN of the role."""
    instance_profile_name: pulumi.Output[str]
    """The name of the instance profile. Instances are launched with it."""
    instance_profile_arn: pulumi.Output[str]
    """The ARN of the instance profile."""
    policy_json: pulumi.Output[str]
    """The permissions policy as a JSON string, as IAM receives it."""
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
            name: The name of the component. Pulumi makes the names of its resources from it.
            args: The options. Each is optional.
            opts: Pulumi's resource options. Providers and protection apply to all resources of the component.

        Raises:
            OptionsError: If the name or an option is wrong. The text has a line for each mistake. Nothing is created.
        """
        if not isinstance(args, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - not every caller is checked
            raise OptionsError([Mistake("args", f"must be a dict of options (got {format_value(args)})")])
        inputs = _without_none(args)
        options = known_options(args)
        _raise_for([*find_name_mistakes(name, options), *find_mistakes(options)])
        # A policy that is too long even at its shortest is refused before anything is registered.
        _policy_json(_replace_outputs(inputs, ""), SHORTEST_LOCATION)
        super().__init__("ssm-profile:index:SsmInstanceProfile", name, {}, opts)

        inputs = {option: _validated_input(option, value) for option, value in inputs.items()}
        if "tags" in inputs or "patch_policy" in inputs:
            inputs["tags"] = self._checked_tags(inputs.get("tags", {}), inputs.get("patch_policy"))
        role = self._role(name, options, inputs)
        policies, policy_json = self._policies(name, role.name, options, inputs)
        profile = aws.iam.InstanceProfile(
            f"{name}-profile",
            name=inputs.get("instance_profile_name"),
            path=inputs.get("path"),
            role=role.name,
            tags=inputs.get("tags"),
            # An instance that is launched with the profile must have its permissions at once.
            opts=self._child_options(depends_on=policies),
        )
        check_preview(self, role, profile, inputs)

        self.role_name = role.name
        self.role_arn = role.arn
        self.instance_profile_name = profile.name
        self.instance_profile_arn = profile.arn
        self.policy_json = policy_json
        # The actions are no secret, even where an option is.
        granting = pulumi.Output.from_input(_granting(inputs))
        self.actions = pulumi.Output.unsecret(granting.apply(lambda known: policy.actions(_without_none(known))))
        self.register_outputs({camel_case(output): getattr(self, output) for output in OUTPUTS})

    def _child_options(self, **options: Any) -> pulumi.ResourceOptions:
        """The options of a resource of this component. A new resource replaces an old one before that is deleted.

        The provider deletes attachments and resources with fixed names first, which takes permissions from instances.
        """
        return pulumi.ResourceOptions(parent=self, delete_before_replace=False, **options)

    def _checked_tags(
        self, tags: pulumi.Input[Mapping[str, str]], patch_policy: pulumi.Input[Mapping[str, str]] | None
    ) -> pulumi.Output[Mapping[str, str]]:
        """The tags with those that options add. They fail if IAM refuses them with the provider's default tags."""

        def check(known: Mapping[str, Any]) -> Mapping[str, str]:
            own = own_tags(known)
            # Mocks return no tags unless their author thinks of this function.
            tags: Mapping[str, str] = known["tags"] or {}
            _raise_for(find_merged_tag_mistakes(tags, known["default_tags"] or {}, own))
            return {**tags, **own}

        default_tags = aws.get_default_tags_output(opts=pulumi.InvokeOutputOptions(parent=self)).tags
        return pulumi.Output.all(tags=tags, default_tags=default_tags, patch_policy=patch_policy).apply(check)

    def _role(self, name: str, options: policy.Options, inputs: Mapping[str, Any]) -> aws.iam.Role:
        """A new role, or the existing one."""
        if "existing_role_name" in inputs:
            existing = self._in_partition(inputs["existing_role_name"], options)
            # A role of this stack that becomes an existing one has the same URN and ID, so that Pulumi keeps it.
            return aws.iam.Role.get(f"{name}-role", existing, opts=pulumi.ResourceOptions(parent=self))
        return aws.iam.Role(
            f"{name}-role",
            name=inputs.get("role_name"),
            path=inputs.get("path"),
            description=inputs.get("description") or "Lets AWS Systems Manager manage the EC2 instances that use it.",
            assume_role_policy=self._in_partition(policy.to_json(policy.trust_policy(options)), options),
            permissions_boundary=inputs.get("permissions_boundary_arn"),
            tags=inputs.get("tags"),
            opts=self._child_options(),
        )

    def _in_partition(self, value: pulumi.Input[str], options: policy.Options) -> pulumi.Input[str]:
        """An input of the first resource. It fails if an ARN is of another partition than the deployment.

        ARNs that are outputs are not checked: their resources are in the partition of the deployment.
        """
        if not has_arns(options):
            return value
        partition = aws.get_partition_output(opts=pulumi.InvokeOutputOptions(parent=self)).partition

        def check(known: Mapping[str, str]) -> str:
            # Mocks return no partition unless their author thinks of this function.
            _raise_for(find_partition_mistakes(options, partition=known["partition"] or None))
            return known["value"]

        return pulumi.Output.all(value=value, partition=partition).apply(check)

    def _policies(
        self, name: str, role: pulumi.Output[str], options: policy.Options, inputs: Mapping[str, Any]
    ) -> tuple[list[pulumi.Input[pulumi.Resource]], pulumi.Output[str]]:
        """The resources that give the role its permissions, and the policy that the component makes as JSON."""
        document = self._policy_input(options, inputs)
        arns: list[pulumi.Input[str]] = list(inputs.get("managed_policy_arns", []))
        policies: list[pulumi.Input[pulumi.Resource]] = self._attachments(name, role, arns)
        inline_names: list[pulumi.Output[str]] = []
        if options.get("policy_kind", OPTIONS["policy_kind"].default) == "managed":
            own = aws.iam.Policy(
                f"{name}-policy",
                path=inputs.get("path"),
                policy=document,
                tags=inputs.get("tags"),
                opts=self._child_options(),
            )
            attachment = aws.iam.RolePolicyAttachment(
                f"{name}-policy-attachment", role=role, policy_arn=own.arn, opts=self._child_options()
            )
            policies += [own, attachment]
            arns.append(own.arn)
        else:
            own = aws.iam.RolePolicy(
                f"{name}-policy",
                # A fixed name: after a killed deployment, the next one overwrites the policy and does not leave a
                # second one that no state knows. The hash keeps it from overwriting a policy of somebody else.
                name=self._policy_name(name),
                role=role,
                policy=document,
                opts=self._child_options(),
            )
            policies.append(own)
            inline_names.append(own.name)
        if options.get("exclusive"):
            exclusive = self._child_options(depends_on=list(policies))
            policies += [
                aws.iam.RolePoliciesExclusive(
                    f"{name}-exclusive-policies", role_name=role, policy_names=inline_names, opts=exclusive
                ),
                aws.iam.RolePolicyAttachmentsExclusive(
                    f"{name}-exclusive-attachments", role_name=role, policy_arns=arns, opts=exclusive
                ),
            ]
        return policies, own.policy

    async def _policy_name(self, name: str) -> str:
        return f"{name}-policy-{_short_hash(str(await self.urn.future()))}"

    def _attachments(
        self, name: str, role: pulumi.Output[str], arns: Sequence[pulumi.Input[str]]
    ) -> list[pulumi.Input[pulumi.Resource]]:
        """An attachment for each managed policy, named by the ARN's hash.

        A name that depended on an entry's position would give one attachment to two resources when the entries move,
        and the deletion of one would detach the policy of the other. An output is known only while Pulumi deploys, and
        its attachment is registered then. A preview in which the output is not known yet does not show the attachment.
        """
        attached: set[str] = set()

        def attach(arn: pulumi.Input[str], known: str, *, is_secret: bool) -> pulumi.Resource:
            if known in attached:
                got = "a secret value" if is_secret else format_value(known)
                raise OptionsError([Mistake("managed_policy_arns", f"cannot contain a policy twice (got {got})")])
            attached.add(known)
            return aws.iam.RolePolicyAttachment(
                f"{name}-attachment-{_short_hash(known)}", role=role, policy_arn=arn, opts=self._child_options()
            )

        def attach_output(arn: pulumi.Output[str]) -> pulumi.Output[pulumi.Resource]:
            return pulumi.Output.all(arn, arn.is_secret()).apply(
                lambda known: attach(arn, str(known[0]), is_secret=bool(known[1]))
            )

        return [
            attach(arn, arn, is_secret=False) if isinstance(arn, str) else attach_output(pulumi.Output.from_input(arn))
            for arn in arns
        ]

    def _policy_input(self, options: policy.Options, inputs: Mapping[str, Any]) -> pulumi.Input[str]:
        """The policy as JSON: a plain string where everything is known, so that a preview needs no credentials."""
        fields = policy.lookups(options)
        granting = _granting(inputs)
        if not fields and UNKNOWN not in _leaves(_replace_outputs(granting, UNKNOWN)):
            return _policy_json(options, {})
        opts = pulumi.InvokeOutputOptions(parent=self)  # the component's provider must answer, not the default one
        lookups = {
            "partition": lambda: aws.get_partition_output(opts=opts).partition,
            "region": lambda: aws.get_region_output(opts=opts).region,
            "account": lambda: aws.get_caller_identity_output(opts=opts).account_id,
        }
        location = {field: look_up() for field, look_up in lookups.items() if field in fields}
        return pulumi.Output.all(options=granting, location=location).apply(
            lambda known: _policy_json(_without_none(known["options"]), known["location"])
        )


OUTPUTS = tuple(SsmInstanceProfile.__annotations__)
"""The names of the component's outputs in Python. Stacks export them in camelCase."""


def known_options(args: Mapping[str, Any]) -> dict[str, Any]:
    """The args as plain values, with :data:`~ssm_profile.validation.UNKNOWN` for each output of another resource."""
    return _replace_outputs(_without_none(args), UNKNOWN)


def _policy_json(options: policy.Options, location: Location) -> str:
    """The policy as JSON, of a length that IAM accepts."""
    document = policy.policy_document(options, location)
    _raise_for(find_size_mistakes(policy.size(document), options))
    return policy.to_json(document)


def _granting(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The options that decide the policy."""
    return {key: value for key, value in inputs.items() if key in policy.GRANTING or key == "policy_kind"}


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:7]


def _without_none(value: Any) -> Any:
    """The value without the keys whose value is None, which count as not given."""
    if isinstance(value, Mapping):
        entries = cast("Mapping[Any, Any]", value)
        return {key: _without_none(entry) for key, entry in entries.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [_without_none(entry) for entry in cast("Sequence[Any]", value)]
    return value


def _replace_outputs(value: Any, placeholder: Any) -> Any:
    """The value with a placeholder for every output in it."""
    if isinstance(value, pulumi.Output | Awaitable):
        return placeholder
    if isinstance(value, Mapping):
        entries = cast("Mapping[Any, Any]", value)
        return {key: _replace_outputs(entry, placeholder) for key, entry in entries.items()}
    if isinstance(value, list | tuple):
        return [_replace_outputs(entry, placeholder) for entry in cast("Sequence[Any]", value)]
    return value


def _validated_input(option: str, value: Any) -> Any:
    """The value. Outputs in it are validated as soon as Pulumi knows them."""
    if OPTIONS[option].entries_accept_outputs:  # entry by entry, since Pulumi must know how many there are
        entries = cast("Sequence[Any]", value)
        return [_validated_when_known(option, entry, lambda known: [known]) for entry in entries]
    return _validated_when_known(option, value, lambda known: known)


def _validated_when_known(option: str, value: Any, as_option: Callable[[Any], Any]) -> Any:
    if UNKNOWN not in _leaves(_replace_outputs(value, UNKNOWN)):
        return value
    output = pulumi.Output.from_input(value)

    def validate(known: Mapping[str, Any]) -> Any:
        given = _without_none(known["value"])
        if given is None and option != "existing_role_name" and not OPTIONS[option].entries_accept_outputs:
            return None  # which counts as not given
        _raise_for(find_value_mistakes(option, as_option(given), is_secret=known["is_secret"]))
        return given

    return pulumi.Output.all(value=output, is_secret=output.is_secret()).apply(validate)


def _leaves(value: Any) -> list[Any]:
    """The value, or the values in a map or a list, and in the maps and lists in it."""
    if isinstance(value, Mapping):
        return [leaf for entry in cast("Mapping[Any, Any]", value).values() for leaf in _leaves(entry)]
    if isinstance(value, list | tuple):
        return [leaf for entry in cast("Sequence[Any]", value) for leaf in _leaves(entry)]
    return [value]


def _raise_for(mistakes: Sequence[Mistake]) -> None:
    if mistakes:
        raise OptionsError(mistakes)
