"""Sample requests: a value for all that an option leaves open, and what is known of the conditions of its calls."""

from collections.abc import Mapping

from ssm_profile.catalogue import Grant
from ssm_profile.iam.conditions import ABSENT, PRESENT, Chosen, Like, Several, Value
from ssm_profile.options import option_at, option_paths
from ssm_profile.regions import OTHER_DNS_SUFFIXES, PATCH_BUCKET_SUFFIXES, SNAPSHOT_BUCKET_SUFFIXES

from .templates import SAMPLE_LOCATION, Values, filled

_SAMPLE_VALUES = {
    "parameters.paths": "/sample-path",
    "patch_policy.account_id": "000000000000",
    "patch_policy.configuration_id": "sample",
    "read_buckets.bucket": "sample-bucket",
    "read_buckets.prefix": "",
    "session_kms_key_alias": "alias/sample",
    "session_logs.bucket": "sample-bucket",
    "session_logs.prefix": "",
    "session_logs.log_group": "/sample-group",
    "cloudwatch_agent.log_groups": "/sample-group",
    "cloudwatch_agent.log_group_prefixes": "/sample-group",
    "domain_join.directory_id": "d-0000000000",
    "domain_join.owner_account_id": "888888888888",
    "domain_join.owner_directory_id": "d-0000000000",
}
"""Values that no policy names, so that only a policy that allows every value allows these."""

_OTHER_ACCOUNT = "888888888888"
"""An account that no policy names and that is not the role's, of which documents and parameters are shared."""
_SAMPLE_SHARED = {
    "document_arns": "arn:{partition}:ssm:{region}:{other}:document/sample-document",
    "parameters.shared_arns": "arn:{partition}:ssm:{region}:{other}:parameter/sample-parameter",
}
_SAMPLE_KEY = "arn:{partition}:kms:{region}:{account}:key/00000000-0000-0000-0000-000000000000"
_DNS_SUFFIX = ".amazonaws.com*"
_WITH_DNS_SUFFIX = ("aws", "aws-us-gov")
"""Partitions in which the names of hosts certainly end with ``amazonaws.com``."""
_ENCRYPTION_CONTEXT_KEYS = (
    "PARAMETER_ARN",
    "SecretARN",
    "SecretVersionId",
    "aws:ssm:SessionId",
    "aws:ssm:TargetId",
    "aws:s3:arn",
)
"""The keys of encryption contexts that services and the agent use.

Sources: https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html
https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
"""
_KEY_PATHS = tuple(path for path in option_paths() if path.endswith("kms_key_arn"))

Known = Mapping[str, tuple[Value, ...]]
"""Condition keys of a request, in lower case, each with its possible values."""


def completed(values: Values, partition: str, role_account: str | None) -> dict[str, str]:
    """The values, with a sample for each that is not given."""
    location = {**SAMPLE_LOCATION, **values, "partition": partition}
    if role_account:
        location["account"] = role_account
    key = _SAMPLE_KEY.format_map(location)
    keys = dict.fromkeys(_KEY_PATHS, key)
    shared = {path: arn.format_map({**location, "other": _OTHER_ACCOUNT}) for path, arn in _SAMPLE_SHARED.items()}
    suffixes = {
        "patch_suffix": PATCH_BUCKET_SUFFIXES.get(location["region"], "sample"),
        "snapshot_suffix": SNAPSHOT_BUCKET_SUFFIXES.get(location["region"], ""),
        "dns_suffix": OTHER_DNS_SUFFIXES.get(partition, ""),
    }
    namespace = {"cloudwatch_agent.namespace": str(option_at("cloudwatch_agent.namespace").default)}
    return {**_SAMPLE_VALUES, **namespace, **keys, **shared, **suffixes, **location}


def condition_values(grant: Grant, values: Values, partition: str) -> Known:
    """What is known of the requests for a grant, from the condition that the catalogue has for it."""
    known: dict[str, tuple[Value, ...]] = {}
    for keys in grant.condition.values():
        for key, templates in keys.items():
            known[key.lower()] = tuple(
                Chosen(_host(filled(each, grant, values), partition))
                for each in templates
                if partition in OTHER_DNS_SUFFIXES or "{dns_suffix}" not in each
            )
    if grant.action == "s3:ListBucket":
        # A document names the folder, so that each one must be allowed. A whole bucket is listed without the key.
        listed = f"{values['read_buckets.prefix']}*"
        known["s3:prefix"] = (Like(listed), ABSENT) if listed == "*" else (Like(listed),)
    if grant.action.startswith("kms:"):
        context = _encryption_context(grant)
        known["kms:encryptioncontextkeys"] = (Several(context),)
        for key in _ENCRYPTION_CONTEXT_KEYS:
            known.setdefault(f"kms:encryptioncontext:{key.lower()}", (PRESENT if key in context else ABSENT,))
    if grant.action in ("s3:PutObject", "s3:PutObjectAcl"):
        known["s3:x-amz-acl"] = ("bucket-owner-full-control",)  # the agent sends it with each object
    if grant.action.startswith("kms:"):
        via_service = "kms:viaservice" in known
        known.setdefault("kms:viaservice", (ABSENT,))
        known["aws:viaawsservice"] = ("true" if via_service else "false",)
    return known


def _host(text: str, partition: str) -> str:
    """A value of a condition, without the wildcard that stands for the DNS suffix of other partitions."""
    return text.removesuffix("*") if text.endswith(_DNS_SUFFIX) and partition in _WITH_DNS_SUFFIX else text


def _encryption_context(grant: Grant) -> tuple[str, ...]:
    """The keys of the encryption context with which a grant's action of KMS is called."""
    named = {key for keys in grant.condition.values() for key in keys}
    if "kms:EncryptionContextKeys" in named:
        return ("aws:ssm:SessionId", "aws:ssm:TargetId")
    if "kms:EncryptionContext:SecretARN" in named:
        return ("SecretARN", "SecretVersionId")
    return ("PARAMETER_ARN",) if "kms:EncryptionContext:PARAMETER_ARN" in named else ("aws:s3:arn",)
