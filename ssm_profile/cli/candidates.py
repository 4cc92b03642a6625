"""The values with which a policy may grant a feature: those that the policy names, and samples."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations, islice

from ssm_profile.catalogue import Grant
from ssm_profile.iam.documents import Statement
from ssm_profile.iam.evaluator import Policy
from ssm_profile.options import option_at, option_paths
from ssm_profile.regions import ACCOUNT_PATTERN

from .reverse_lookup import Feature, actions_of
from .templates import SAMPLE_LOCATION, Values, named_values, only_options, sample_of

_WHOLE_ARN = re.compile(
    "|".join(option_at(path).pattern for path in option_paths() if option_at(path).pattern.startswith("arn:"))
)
"""An ARN that is the value of an option."""
MOST_LOCATIONS = 50
"""How many regions with accounts are tried."""
_MOST_PAIRED = 20
_MOST_NAMED = 500


class Candidates:
    """Finds the values for the features of one policy, and remembers them."""

    def __init__(self, policy: Policy, role_account: str | None, account: str | None) -> None:
        """Set up.

        Args:
            policy: The policy.
            role_account: The account in the ARN of the role. None if it is not known.
            account: The account of the role, as far as it can be told. None if it is not known.
        """
        self._policy = policy
        self._role_account = role_account
        self._account = account
        self._found_locations: dict[tuple[str | None, ...], list[Values]] = {}
        self._named_values: dict[tuple[str | None, ...], list[Values]] = {}
        self._with_action: dict[str, list[Statement]] = {}

    def of(self, feature: Feature) -> Iterator[Values]:
        """Values with which the policy may grant a feature: those that it names, and samples."""
        locations = self.locations(feature)
        yield from locations
        named = [_with_known_location(each) for each in self.named(feature) if only_options(each)]
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

    def locations(self, feature: Feature) -> list[Values]:
        """The regions and accounts that the policy names for the actions of a feature, and a sample."""
        if (key := feature.key) not in self._found_locations:
            found: dict[tuple[str, str], None] = {}
            for statement in (each for grant in feature.grants for each in self._statements(grant)):
                for parts in (resource.split(":") for resource in statement.resources):
                    if len(parts) > 5:  # noqa: PLR2004 - an ARN as a whole
                        found[sample_of("region", parts[3]), sample_of("account", parts[4])] = None
            conditions = (values for grant in feature.grants for values in self._named_in_denies(grant))
            for values in (*self.named(feature), *conditions):
                if "region" in values:
                    found[values["region"], values.get("account", SAMPLE_LOCATION["account"])] = None
            locations: list[Values] = [
                {"region": region, "account": account} for region, account in _completed_locations(found)
            ]
            self._found_locations[key] = locations[-MOST_LOCATIONS:]
        return self._found_locations[key]

    def named(self, feature: Feature) -> list[Values]:
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
            return arn.split(":")[4] != self._account
        if owner := values.get("domain_join.owner_account_id"):
            return owner != self._account
        return "parameters.paths" not in values or values.get("account", "") in (
            "",
            SAMPLE_LOCATION["account"],
            self._account,
        )

    def _named_in_denies(self, grant: Grant) -> Iterator[Values]:
        """The values with which statements that deny name the condition of a grant: they may exempt these values."""
        for statement in self._policy.denies() if grant.condition else ():
            if statement.condition and any(map(statement.has_action, actions_of(grant))):
                yield from named_values(statement, replace(grant, resources=(), sufficient=()))

    def _statements(self, grant: Grant) -> list[Statement]:
        if grant.action not in self._with_action:
            actions = actions_of(grant)
            statements = (*self._policy.statements, *(self._policy.boundary or ()))
            of_service = [each for each in statements if each.allows and each.has_service(grant.action)]
            self._with_action[grant.action] = [each for each in of_service if any(map(each.has_action, actions))]
        return self._with_action[grant.action]


def own_account(policy: Policy) -> str | None:
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
