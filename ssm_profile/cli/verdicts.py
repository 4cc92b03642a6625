"""The verdict on each feature: whether a policy grants what the feature's option would grant.

The options of a feature leave values open: a path, a bucket, the region of the deployment. A feature works if there are
values for which the policy grants everything that the feature needs. What its option would grant in addition is part of
the verdict.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache, lru_cache
from itertools import combinations, islice

from ssm_profile.catalogue import ANY_INSTANCE, MANAGED_BUCKETS, PATCH_POLICY, Grant
from ssm_profile.iam.conditions import ABSENT, PRESENT, Chosen, Like, Several, Value
from ssm_profile.iam.documents import Statement
from ssm_profile.iam.evaluator import (
    NO_RESOURCE,
    Decision,
    Evaluator,
    Kind,
    Need,
    Outcome,
    Policy,
    Reason,
    as_alternatives,
)
from ssm_profile.iam.instance import instance_context
from ssm_profile.iam.patterns import arn_glob, covers
from ssm_profile.options import OPTIONS, option_at, option_paths
from ssm_profile.regions import ACCOUNT_PATTERN, OTHER_DNS_SUFFIXES, PATCH_BUCKET_SUFFIXES, SNAPSHOT_BUCKET_SUFFIXES

from .reverse_lookup import FEATURES, Feature, actions_of, tight_templates
from .templates import (
    SAMPLE_LOCATION,
    KnownValues,
    Values,
    as_pattern,
    depends_on_options,
    filled,
    named_values,
    only_options,
    sample_of,
    values_by_path,
)

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
_LISTS_OF_MAPS = {name for name, option in OPTIONS.items() if option.is_list_of_maps}
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
_WHOLE_ARN = re.compile(
    "|".join(option_at(path).pattern for path in option_paths() if option_at(path).pattern.startswith("arn:"))
)
"""An ARN that is the value of an option."""
_KEY_PATHS = tuple(path for path in option_paths() if path.endswith("kms_key_arn"))
_MOST_LOCATIONS = 50
_MOST_PAIRED = 20
_MOST_NAMED = 500

Known = Mapping[str, tuple[Value, ...]]
"""Condition keys of a request, in lower case, each with its possible values."""


class Verdict(Enum):
    """Whether a feature works."""

    WORKS = "works"
    WORKS_IF = "works if"
    """It depends on a condition or a value that is not known."""
    PARTLY = "partly"
    MISSING = "missing"


_RANK = {verdict: rank for rank, verdict in enumerate(Verdict)}
"""The verdicts, the best first."""


@dataclass(frozen=True)
class Row:
    """One action of a feature on its resources, and what the policy decides."""

    grant: Grant
    action: str
    resources: tuple[str, ...]
    """Patterns of ARNs, without the values that the option or the deployment decides."""
    decision: Decision
    is_allowed_on_some: bool
    """Whether the policy allows or may allow the action on some of the resources."""


@dataclass(frozen=True)
class Addition:
    """What the option of a feature grants with the values of the verdict, and the policy does not certainly grant."""

    action: str
    resources: tuple[str, ...]
    """ARNs, with wildcards for what the option or the deployment decides."""


@dataclass(frozen=True)
class FeatureVerdict:
    """The verdict on one feature."""

    feature: Feature
    verdict: Verdict
    rows: tuple[Row, ...]
    values: tuple[Values, ...] = ()
    """The values of options with which the feature works best. Empty where the policy allows every value."""
    requires: str | None = None
    """The feature that does not work, and without which this one has no effect."""
    additions: tuple[Addition, ...] = ()
    """For a feature that works, what its option grants beyond the policy."""

    @property
    def missing(self) -> list[Row]:
        """The rows that the policy does not allow, with those that the feature works without."""
        return [row for row in self.rows if row.decision.outcome is Outcome.DENIED]

    @property
    def reasons(self) -> list[Reason]:
        """What a verdict :attr:`Verdict.WORKS_IF` depends on, each once."""
        return list(
            dict.fromkeys(
                reason
                for row in self.rows
                if row.decision.outcome is Outcome.CONDITIONAL and not row.grant.is_optional
                for reason in row.decision.reasons
            )
        )


def rank(verdict: FeatureVerdict) -> int:
    """The place of a verdict among all, the best first."""
    return _RANK[verdict.verdict]


@dataclass
class Judge:
    """Judges the features of one policy."""

    policy: Policy
    partition: str
    role_arn: str | None = None
    account: str | None = None
    """The account of the role, if the ARN of the role is not known."""
    _evaluators: dict[tuple[object, ...], Evaluator] = field(default_factory=dict[tuple[object, ...], Evaluator])

    def __post_init__(self) -> None:
        self._context = instance_context(self.partition, self.role_arn)
        self._found_locations: dict[tuple[str | None, ...], list[Values]] = {}
        self._named_values: dict[tuple[str | None, ...], list[Values]] = {}
        self._with_action: dict[str, list[Statement]] = {}
        self._touched = [_features_with(each.actions, each.except_actions) for each in self.policy.statements]
        self._found_relevant: dict[tuple[int, ...], _Relevant] = {}
        self._with_unread = self.policy.with_unread()
        self._role_account = self.role_arn.split(":")[4] if self.role_arn else None
        self._own_account = self._role_account or self.account or _own_account(self.policy)

    def verdicts(self) -> list[FeatureVerdict]:
        """The verdict on every feature, in the order of the catalogue. An alternative counts if the policy names it."""
        judged = (each for each in FEATURES if not each.capability.alternative_to or self._named(each))
        found = {feature.name: min(map(self._remembered, feature.alternatives), key=rank) for feature in judged}
        return [self._with_required(each, found) for each in found.values()]

    def _remembered(self, feature: Feature) -> FeatureVerdict:
        """The verdict on a feature. Only the statements decide it that apply to one of its actions."""
        relevant = self._relevant(feature)
        if _TIME.search(relevant.text):
            return self.verdict(feature)
        return _verdict_on(feature.key, relevant, self.partition, self.role_arn, self._own_account)

    def _relevant(self, feature: Feature) -> "_Relevant":
        """The policy with only the statements that apply to an action of a feature."""
        numbers = tuple(number for number, touched in enumerate(self._touched) if feature.key in touched)
        if numbers not in self._found_relevant:
            statements = tuple(self.policy.statements[number] for number in numbers)
            # The boundary stays whole, since its first statement has its name.
            policy = replace(self.policy, name="", statements=statements)
            self._found_relevant[numbers] = _Relevant(repr(policy), policy)
        return self._found_relevant[numbers]

    def _with_required(self, verdict: FeatureVerdict, found: Mapping[str, FeatureVerdict]) -> FeatureVerdict:
        """The verdict on a feature, which works only where the features that it requires do."""
        for name in verdict.feature.requires:
            if name in found and verdict.verdict in _WORKING:
                verdict = self._with(verdict, found[name])
        return verdict

    def _with(self, verdict: FeatureVerdict, required: FeatureVerdict) -> FeatureVerdict:
        """The verdict on a feature that works by itself, with the verdict on one that it requires."""
        if required.verdict not in _WORKING:
            return replace(verdict, verdict=Verdict.PARTLY, requires=required.feature.name)
        if required.verdict is Verdict.WORKS_IF:
            uncertain = (row for row in required.rows if row.decision.outcome is Outcome.CONDITIONAL)
            return replace(verdict, verdict=Verdict.WORKS_IF, rows=(*verdict.rows, *uncertain), additions=())
        if verdict.verdict is Verdict.WORKS and not self._grants_each(verdict, required):
            return replace(verdict, verdict=Verdict.PARTLY)
        return verdict

    def _grants_each(self, verdict: FeatureVerdict, required: FeatureVerdict) -> bool:
        """Whether the policy grants a part of a capability with every value of a list that the two share.

        In a list of maps, each map says whether it has the part, so that one is sufficient.
        """
        if required.feature.name in _LISTS_OF_MAPS:
            pairs = ((part, whole) for part in verdict.values or [{}] for whole in required.values or [{}])
            return any(
                self._grants(verdict.feature, {**part, **whole})
                for part, whole in pairs
                if all(part[path] == whole[path] for path in set(part) & set(whole))
            )
        known = known_values([verdict, required])
        lists = {grant.each for grant in verdict.feature.grants if grant.each} & set(known)
        others = {path: values[0] for path, values in known.items() if path not in lists}
        return all(self._grants(verdict.feature, others | {path: value}) for path in lists for value in known[path])

    def _grants(self, feature: Feature, values: Values) -> bool:
        """Whether the policy certainly grants everything that a feature grants with some values."""
        locations: list[Values] = [SAMPLE_LOCATION, *self._locations(feature)]
        return any(
            _worst(self._rows(feature, completed)) == _ALLOWED
            for completed in (self._completed({**location, **values}) for location in locations)
        )

    def decide(self, action: str, need: Need, known: Known | None = None) -> Decision:
        """What the policy decides about an action, whatever its use. Policies that cannot be read do not count.

        Args:
            action: The action, such as ``ssm:GetParameter``.
            need: The resources on which it must be allowed.
            known: What is known of the request in addition.
        """
        return self._evaluator(self.policy, known or {}).decide(action, need)

    def regions(self) -> list[str]:
        """The regions that the policy names, and a sample."""
        named = [each.split(":") for one in self.policy.statements for each in one.resources]
        found = {sample_of("region", parts[3]): None for parts in named if len(parts) > 5 and parts[3]}  # noqa: PLR2004
        return list(found | {SAMPLE_LOCATION["region"]: None})[-_MOST_LOCATIONS:]

    def without_uncertain_denies(self, verdicts: Iterable[FeatureVerdict]) -> "Judge":
        """The judge of the policy without the statements that deny if something unknown holds.

        Whoever replaces the policy keeps these statements. The options grant what works where they do not apply.

        Args:
            verdicts: The verdicts of this judge.
        """
        reasons = (reason for verdict in verdicts for reason in verdict.reasons)
        uncertain = {each.statement for each in reasons if each.kind is Kind.EXPLICIT_DENY and each.statement}
        policy = self.policy
        statements = tuple(each for each in policy.statements if each not in uncertain)
        boundary = policy.boundary and tuple(each for each in policy.boundary if each not in uncertain)
        if (statements, boundary) == (policy.statements, policy.boundary):
            return self
        policy = replace(policy, statements=statements, boundary=boundary)
        return Judge(policy, self.partition, self.role_arn, self.account)

    def verdict(self, feature: Feature) -> FeatureVerdict:
        """The verdict on one feature by itself, without those that it requires."""
        results = list[tuple[Values, tuple[Row, ...]]]()
        for values in self._candidates(feature):
            results.append((values, tuple(self._rows(feature, self._completed(values)))))
        worst = [_worst(rows) for _, rows in results]
        best = min(worst)
        working = [result for result, badness in zip(results, worst, strict=True) if badness == best]
        if best == _DENIED:
            most = max(sum(map(_allowed, rows)) for _, rows in results)
            best_results = [result for result in results if sum(map(_allowed, result[1])) == most]
            rows = best_results[0][1]
            if not any(row.is_allowed_on_some for row in rows):
                return FeatureVerdict(feature, Verdict.MISSING, rows)
            return FeatureVerdict(feature, Verdict.PARTLY, rows, _given(values for values, _ in best_results))
        verdict = Verdict.WORKS if best == _ALLOWED else Verdict.WORKS_IF
        found = FeatureVerdict(feature, verdict, working[0][1], _given(values for values, _ in working))
        if verdict is Verdict.WORKS_IF:
            return found
        return replace(found, additions=tuple(self._additions(feature, [values for values, _ in working])))

    def _additions(self, feature: Feature, working: Iterable[Values]) -> Iterator[Addition]:
        """What the option grants beyond the policy with the values with which a feature works."""
        found: dict[str, dict[str, None]] = {}
        for values in working:
            completed = self._completed(values)
            known = {path: value for path, value in values.items() if value != SAMPLE_LOCATION.get(path)}
            for grant in feature.grants:
                evaluator = self._evaluator(self._with_unread, self._condition_values(grant, completed))
                for template in tight_templates(feature, grant):
                    need = _need(filled(template, grant, completed))
                    shown = as_pattern(template, {**known, "partition": self.partition}, grant.each)
                    for action in actions_of(grant):
                        if evaluator.decide(action, need).outcome is not Outcome.ALLOWED:
                            found.setdefault(action, {})[shown] = None
        for action, resources in found.items():
            yield Addition(action, tuple(resources))

    def _rows(self, feature: Feature, values: Values) -> Iterator[Row]:
        for grant, groups in _resources_of(feature.key, self.partition):
            evaluator = self._evaluator(self._with_unread, self._condition_values(grant, values))
            for group in groups:
                # Most policies grant what is below a value, whose template comes last.
                needs = [_need(filled(each, grant, values)) for each in reversed(group.templates)]
                for action in actions_of(grant):
                    decision = _most_favorable(evaluator, action, needs)
                    if group.templates == (ANY_INSTANCE,) and decision.outcome is Outcome.DENIED:
                        decision = self._on_one_instance(evaluator, action, values, decision)
                    on_some = decision.outcome is not Outcome.DENIED or any(
                        evaluator.decide(action, part).outcome is not Outcome.DENIED for part in group.parts
                    )
                    yield Row(grant, action, group.patterns, decision, on_some)

    def _on_one_instance(self, evaluator: Evaluator, action: str, values: Values, on_all: Decision) -> Decision:
        """The decision on the instance's own ARN, where the action is not allowed on every instance.

        A policy can name one region and one account: the instance is there. Which instance it is cannot be known.
        """
        instances = ANY_INSTANCE.replace("*:*", "{region}:{account}").format_map(values)
        here = evaluator.decide(action, Need((instances,), whole=True))
        is_denied = any(reason.kind is Kind.EXPLICIT_DENY for reason in on_all.reasons)
        if here.outcome is not Outcome.DENIED and not is_denied:
            return here
        account = values["account"] if self.role_arn else "*"
        anywhere = ANY_INSTANCE.replace("*:*", f"*:{account}").format_map(values)
        if evaluator.decide(action, Need((anywhere,))).outcome is Outcome.DENIED:
            return on_all
        return Decision(Outcome.CONDITIONAL, tuple(self._which_instance(action, on_all.reasons)))

    def _which_instance(self, action: str, reasons: Sequence[Reason]) -> Iterator[Reason]:
        """The statements that name some instances, as what a decision depends on."""
        named = [each.statement for each in reasons if each.statement and each.kind is Kind.OTHER_RESOURCES]
        yield from as_alternatives(map(_unknown_resources, named))
        for each in reasons:
            if each.statement and each.kind is Kind.EXPLICIT_DENY:
                yield Reason(Kind.EXPLICIT_DENY, each.statement, ", ".join(each.statement.scope()))
            elif each.kind is Kind.BOUNDARY:
                limits = [one for one in self.policy.boundary or () if one.allows and one.has_action(action)]
                yield from as_alternatives(map(_unknown_resources, limits))

    def _candidates(self, feature: Feature) -> Iterator[Values]:
        """Values with which the policy may grant a feature: those that it names, and samples."""
        locations = self._locations(feature)
        yield from locations
        named = [_with_known_location(each) for each in self._named(feature) if only_options(each)]
        # One statement can name the key, and another one the path.
        pairs = [
            {**one, **other} for one, other in combinations(named[:_MOST_PAIRED], 2) if _are_compatible(one, other)
        ]
        located = (
            {**location, **values}
            for location in locations
            for values in (*named, *pairs)
            if location is locations[0] or "region" not in values
        )
        yield from islice(located, _MOST_NAMED)

    def _locations(self, feature: Feature) -> list[Values]:
        """The regions and accounts that the policy names for the actions of a feature, and a sample."""
        if (key := feature.key) not in self._found_locations:
            found: dict[tuple[str, str], None] = {}
            for statement in (each for grant in feature.grants for each in self._statements(grant)):
                for parts in (resource.split(":") for resource in statement.resources):
                    if len(parts) > 5:  # noqa: PLR2004 - an ARN as a whole
                        found[sample_of("region", parts[3]), sample_of("account", parts[4])] = None
            conditions = (values for grant in feature.grants for values in self._named_in_denies(grant))
            for values in (*self._named(feature), *conditions):
                if "region" in values:
                    found[values["region"], values.get("account", SAMPLE_LOCATION["account"])] = None
            locations: list[Values] = [
                {"region": region, "account": account} for region, account in _completed_locations(found)
            ]
            self._found_locations[key] = locations[-_MOST_LOCATIONS:]
        return self._found_locations[key]

    def _named(self, feature: Feature) -> list[Values]:
        """The values with which the policy names the resources and conditions of a feature, each once."""
        if (key := feature.key) not in self._named_values:
            found = (
                values
                for grant in feature.grants
                for statement in self._statements(grant)
                for values in named_values(statement, grant)
                if self._is_of_right_account(values)
            )
            self._named_values[key] = list({tuple(sorted(each.items())): each for each in found}.values())
        return self._named_values[key]

    def _is_of_right_account(self, values: Values) -> bool:
        """Whether what values name belongs to the account of the role, or to another one if an option is for those."""
        if arn := values.get("document_arns"):
            return arn.split(":")[4] != self._role_account
        if arn := values.get("parameters.shared_arns"):
            return arn.split(":")[4] != self._own_account
        if owner := values.get("domain_join.owner_account_id"):
            return owner != self._own_account
        return "parameters.paths" not in values or values.get("account", "") in (
            "",
            SAMPLE_LOCATION["account"],
            self._own_account,
        )

    def _named_in_denies(self, grant: Grant) -> Iterator[Values]:
        """The values with which statements that deny name the condition of a grant: they may exempt these values."""
        for statement in self.policy.denies() if grant.condition else ():
            if statement.condition and any(map(statement.has_action, actions_of(grant))):
                yield from named_values(statement, replace(grant, resources=(), sufficient=()))

    def _statements(self, grant: Grant) -> list[Statement]:
        if grant.action not in self._with_action:
            actions = actions_of(grant)
            statements = (*self.policy.statements, *(self.policy.boundary or ()))
            of_service = [each for each in statements if each.allows and each.has_service(grant.action)]
            self._with_action[grant.action] = [each for each in of_service if any(map(each.has_action, actions))]
        return self._with_action[grant.action]

    def _completed(self, values: Values) -> dict[str, str]:
        """The values, with a sample for each that is not given."""
        location = {**SAMPLE_LOCATION, **values, "partition": self.partition}
        if self._role_account:
            location["account"] = self._role_account
        key = _SAMPLE_KEY.format_map(location)
        keys = dict.fromkeys(_KEY_PATHS, key)
        shared = {path: arn.format_map({**location, "other": _OTHER_ACCOUNT}) for path, arn in _SAMPLE_SHARED.items()}
        suffixes = {
            "patch_suffix": PATCH_BUCKET_SUFFIXES.get(location["region"], "sample"),
            "snapshot_suffix": SNAPSHOT_BUCKET_SUFFIXES.get(location["region"], ""),
            "dns_suffix": OTHER_DNS_SUFFIXES.get(self.partition, ""),
        }
        namespace = {"cloudwatch_agent.namespace": str(option_at("cloudwatch_agent.namespace").default)}
        return {**_SAMPLE_VALUES, **namespace, **keys, **shared, **suffixes, **location}

    def _condition_values(self, grant: Grant, values: Values) -> Known:
        """What is known of the requests for a grant, from the condition that the catalogue has for it."""
        known: dict[str, tuple[Value, ...]] = {}
        for keys in grant.condition.values():
            for key, templates in keys.items():
                known[key.lower()] = tuple(
                    Chosen(self._host(filled(each, grant, values)))
                    for each in templates
                    if self.partition in OTHER_DNS_SUFFIXES or "{dns_suffix}" not in each
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

    def _host(self, text: str) -> str:
        """A value of a condition, without the wildcard that stands for the DNS suffix of other partitions."""
        return text.removesuffix("*") if text.endswith(_DNS_SUFFIX) and self.partition in _WITH_DNS_SUFFIX else text

    def _evaluator(self, policy: Policy, known: Known) -> Evaluator:
        key = (id(policy), *sorted(known.items(), key=lambda item: item[0]))
        if key not in self._evaluators:
            self._evaluators[key] = Evaluator(policy, {**self._context, **known})
        return self._evaluators[key]


def _encryption_context(grant: Grant) -> tuple[str, ...]:
    """The keys of the encryption context with which a grant's action of KMS is called."""
    named = {key for keys in grant.condition.values() for key in keys}
    if "kms:EncryptionContextKeys" in named:
        return ("aws:ssm:SessionId", "aws:ssm:TargetId")
    if "kms:EncryptionContext:SecretARN" in named:
        return ("SecretARN", "SecretVersionId")
    return ("PARAMETER_ARN",) if "kms:EncryptionContext:PARAMETER_ARN" in named else ("aws:s3:arn",)


def _own_account(policy: Policy) -> str | None:
    """The account of the role: the one that most ARNs of its policy have. None if this is not known.

    An ARN that an option takes as a whole can be of any account. Such ARNs count only if there are no others.
    """
    arns = [resource for each in policy.statements for resource in each.resources]
    named = [arn for arn in arns if len(arn.split(":")) > 5 and re.fullmatch(ACCOUNT_PATTERN, arn.split(":")[4])]  # noqa: PLR2004
    counted = [arn.split(":")[4] for arn in [arn for arn in named if not _WHOLE_ARN.fullmatch(arn)] or named]
    return max(counted, key=counted.count) if counted else None


def _are_compatible(one: Values, other: Values) -> bool:
    """Whether two sets of values are about different options in one location."""
    common = set(one) & set(other)
    return not only_options(dict.fromkeys(common, "")) and all(one[path] == other[path] for path in common)


def _completed_locations(found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Regions with accounts, where one statement can name the region and another one the account. A sample is last."""
    any_region, any_account = sample = (SAMPLE_LOCATION["region"], SAMPLE_LOCATION["account"])
    listed = list(found)
    completed = [
        (region, account)
        for one, account in listed
        for region, other in listed
        if one == any_region and other == any_account
    ]
    return [*(each for each in dict.fromkeys([*listed, *completed]) if each != sample), sample]


def _with_known_location(values: Values) -> dict[str, str]:
    """Values without a location that stands for any, and with the region of a key, which is that of its requests."""
    known = {path: value for path, value in values.items() if value != SAMPLE_LOCATION.get(path)}
    regions = [each.split(":")[3] for each in only_options(values).values() if each.startswith("arn:")]
    return {"region": regions[0], **known} if regions else known


def known_values(verdicts: Iterable[FeatureVerdict]) -> KnownValues:
    """The values of options that a policy names, sorted."""
    return values_by_path((verdict.feature.name, values) for verdict in verdicts for values in verdict.values)


def partition_of_policy(policy: Policy, role_arn: str | None = None) -> str:
    """The partition in which a policy is judged: the role's, the one that most of its ARNs have, or aws."""
    if role_arn:
        return role_arn.split(":")[1]
    named = [
        parts[1]
        for each in (*policy.statements, *(policy.boundary or ()))
        for resource in each.resources
        if len(parts := resource.split(":")) > 1 and re.fullmatch("aws(-[a-z]+)*", parts[1])
    ]
    return max(named, key=named.count) if named else "aws"


_AWS_OBJECTS = tuple(
    as_pattern(each) for grant in (*MANAGED_BUCKETS.grants, *PATCH_POLICY.grants) for each in grant.resources
)
_TIME = re.compile("aws:(Current|Epoch|TokenIssue)Time", re.IGNORECASE)
"""What a policy contains if its answer can depend on the time."""
_WORKING = (Verdict.WORKS, Verdict.WORKS_IF)
_ALLOWED, _UNLESS_DENIED, _CONDITIONAL, _DENIED = range(4)


def _badness(decision: Decision) -> int:
    """How bad a decision is. What only a statement that denies may prevent is better than another condition."""
    if decision.outcome is Outcome.CONDITIONAL:
        only_denies = all(reason.kind is Kind.EXPLICIT_DENY for reason in decision.reasons)
        return _UNLESS_DENIED if only_denies else _CONDITIONAL
    return _ALLOWED if decision.outcome is Outcome.ALLOWED else _DENIED


def _worst(rows: Iterable[Row]) -> int:
    """The badness of the worst decision on what a feature does not work without."""
    return max((_badness(row.decision) for row in rows if not row.grant.is_optional), default=_ALLOWED)


def _most_favorable(evaluator: Evaluator, action: str, needs: Sequence[Need]) -> Decision:
    """The most favorable decision about an action, the first one of equals."""
    best = evaluator.decide(action, needs[0])
    for need in needs[1:]:
        if best.outcome is Outcome.ALLOWED:
            break
        other = evaluator.decide(action, need)
        best = min(best, other, key=_badness)
    return best


def _given(found: Iterable[Values]) -> tuple[Values, ...]:
    """The values of options, without those of the location."""
    return tuple(options for values in found if (options := only_options(values)))


def _unknown_resources(statement: Statement) -> Reason:
    """That it is not known whether the resources of a statement match."""
    return Reason(Kind.UNKNOWN_VALUE, statement, ", ".join(statement.scope()))


def _allowed(row: Row) -> int:
    return (row.decision.outcome is not Outcome.DENIED) + row.is_allowed_on_some


@dataclass(frozen=True)
class _Relevant:
    """The part of a policy that the verdict on a feature depends on."""

    text: str
    """All of it. Conditions that are equal need not have the same text: ``1`` equals ``true``."""
    policy: Policy = field(compare=False)


# The policies of a fleet have most statements in common. It has room for some hundreds of policies.
@lru_cache(maxsize=4_000)
def _verdict_on(
    key: tuple[str | None, ...], relevant: _Relevant, partition: str, role_arn: str | None, account: str | None
) -> FeatureVerdict:
    return Judge(relevant.policy, partition, role_arn, account).verdict(_FEATURES[key])


@lru_cache(maxsize=10_000)
def _features_with(actions: tuple[str, ...], except_actions: bool) -> frozenset[tuple[str | None, ...]]:  # noqa: FBT001
    """The keys of the features that have an action to which a statement with some patterns applies."""
    statement = Statement(True, actions, except_actions, (), False, {})  # noqa: FBT003
    return frozenset(key for key, feature in _FEATURES.items() if any(map(statement.has_action, feature.actions())))


@cache
def _widest(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The patterns without those that another one covers."""
    globs = {each: arn_glob(each) for each in patterns}
    return tuple(
        each for each in globs if not any(covers(globs[other], globs[each]) for other in globs if other != each)
    )


@dataclass(frozen=True)
class _Group:
    """Resources of a grant, one of which is sufficient."""

    templates: tuple[str, ...]
    patterns: tuple[str, ...]
    parts: tuple[Need, ...]
    """Some of the resources of each pattern."""


@lru_cache(maxsize=1_000)  # the number of partitions that policies name has no limit
def _resources_of(key: tuple[str | None, ...], partition: str) -> list[tuple[Grant, list[_Group]]]:
    """The grants of a feature with their resources in a partition."""
    feature = _FEATURES[key]
    return [(grant, list(_groups_of(feature, grant, partition))) for grant in feature.grants]


def _groups_of(feature: Feature, grant: Grant, partition: str) -> Iterator[_Group]:
    templates = tight_templates(feature, grant)
    # A value of an option is granted as a whole or below it, such as a path and the parameters below it.
    groups = [templates] if any(map(depends_on_options, templates)) else [(each,) for each in templates]
    for group in groups:
        patterns = _widest(tuple(as_pattern(each, {"partition": partition}, grant.each) for each in group))
        # A policy that does not name the ARNs of a list grants none of them, whatever else it grants.
        is_list = group == ("{each}",)
        parts = tuple(Need((each,), _exceptions(each)) for each in patterns if each != "*" and not is_list)
        yield _Group(group, patterns, parts)


_FEATURES = {each.key: each for feature in FEATURES for each in (feature, *feature.alternatives)}


def _need(pattern: str) -> Need:
    return NO_RESOURCE if pattern == "*" else Need((pattern,), whole=True)


def _exceptions(pattern: str) -> tuple[str, ...]:
    """What a pattern matches and does not mean: the objects in buckets, and AWS's own buckets."""
    if re.fullmatch(r"arn:[^:]*:s3:::\*/\*", pattern):
        return _AWS_OBJECTS
    return ("arn:*:s3:::*/*",) if re.fullmatch(r"arn:[^:]*:s3:::\*", pattern) else ()
