"""Finds every mistake in a set of options. Pure functions, without Pulumi."""

import json
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

from .errors import Mistake, document
from .options import (
    CONFLICTS,
    MANAGED_POLICY_LIMIT,
    NAME_PATTERN,
    OPTIONS,
    POLICY_NAME_LIMIT,
    POLICY_SIZE_LIMITS,
    PROFILE_NAME_LIMIT,
    ROLE_NAME_LIMIT,
    TAG_KEY_LIMIT,
    TAG_LIMIT,
    TAG_PUNCTUATION,
    TAG_VALUE_LIMIT,
    Option,
    option_at,
    option_paths,
    own_tags,
)
from .regions import BUCKETS_DATE, PARTITION_PATTERN, PATCH_BUCKET_SUFFIXES

UNKNOWN: Any = object()
"""Stands for an output of another resource, whose value is known only while Pulumi deploys."""

FILL_IN = "..."
"""Stands in proposed options for a value that only the person who sets the option knows."""

RANDOM_SUFFIX_LENGTH = len("-1234567")
"""What Pulumi adds to the name of a resource that is not named by an option."""

_LONGEST_VALUE_SHOWN = 120
_NOT_IN_THE_POLICY = ("service_principals", "managed_policy_arns")
"""The lists that the permissions policy does not contain."""

_CONFIGURATION = "patch_policy.configuration_id"
"""The option from which a tag is made."""

_MUST_BE_KNOWN = (
    "must be known before the deployment, since it decides what is created. It cannot be an output of another resource"
)

Label = Callable[[str], str]
"""Writes the path of an option as the caller writes it: ``quietAgent``, ``ssm-profile:quietAgent``."""


@dataclass(frozen=True)
class _Writer:
    """Writes options and their values for one caller."""

    label: Label
    secret: Collection[str]
    """The options whose values are secret."""

    def __call__(self, path: str) -> str:
        return self.label(path)

    def show(self, path: str, value: Any) -> str:
        """A value of an option, unless it is secret."""
        return "a secret value" if _option_in(path) in self.secret else format_value(value)


def find_mistakes(options: Mapping[str, Any], label: Label = str, secret: Collection[str] = ()) -> list[Mistake]:
    """Every mistake in a set of options.

    Args:
        options: The options by their names in Python, with :data:`UNKNOWN` for each output of another resource.
        label: Writes the path of an option as the caller writes it.
        secret: The options whose values are not shown.
    """
    writer = _Writer(label, secret)
    mistakes: list[Mistake] = []
    for name, option in OPTIONS.items():
        if name in options:
            mistakes += _value_mistakes(name, option, options[name], writer)
    mistakes += _conflicts(options, writer)
    mistakes += _missing_requirements(options, writer)
    mistakes += find_partition_mistakes(options, label, secret=secret)
    mistakes += _managed_policy_mistakes(options, writer)
    if isinstance(options.get("tags"), Mapping) and isinstance(_value_at(options, _CONFIGURATION), str):
        mistakes += _own_tag_mistakes(options["tags"], own_tags(options), label)
    known = [label(name) for name in OPTIONS]
    return mistakes + [unknown_option(str(name), known) for name in options if name not in OPTIONS]


def find_value_mistakes(path: str, value: Any, *, is_secret: bool = False) -> list[Mistake]:
    """The mistakes in the value of one option, or of ``option.key``, whatever other options say."""
    writer = _Writer(str, [_option_in(path)] if is_secret else ())
    return list(_value_mistakes(path, option_at(path), value, writer))


def find_partition_mistakes(
    options: Mapping[str, Any], label: Label = str, partition: str | None = None, secret: Collection[str] = ()
) -> list[Mistake]:
    """A mistake for each ARN in another partition than the deployment.

    Args:
        options: The options by their names in Python.
        label: Writes the path of an option as the caller writes it.
        partition: The partition of the deployment. Where it is not known, all ARNs must be in that of the first.
        secret: The options whose values are not shown.
    """
    writer = _Writer(label, secret)
    arns = [
        (path, value, value.split(":")[1])
        for path, value in _arns(options)
        if isinstance(value, str) and re.match(rf"arn:{PARTITION_PATTERN}:", value)
    ]
    if partition is None and arns:
        first, _, expected = arns[0]
        where = f"`{label(first)}` is in {expected}"
    else:
        expected, where = partition, f"the deployment is in {partition}"
    return [
        Mistake(label(path), f"is in partition {actual}, but {where} (got {writer.show(path, arn)})")
        for path, arn, actual in arns
        if actual != expected
    ]


def has_arns(options: Mapping[str, Any]) -> bool:
    """Whether options contain an ARN that is known."""
    return any(isinstance(value, str) for _, value in _arns(options))


def find_merged_tag_mistakes(
    tags: Mapping[str, Any], default_tags: Mapping[str, Any], own: Mapping[str, Any]
) -> list[Mistake]:
    """The mistakes in valid tags together with the default tags of the provider.

    Args:
        tags: The option ``tags``.
        default_tags: The provider's default tags, which the option's tags override.
        own: The tags that other options add.
    """
    if mistakes := list(_own_tag_mistakes(tags, own, str)):
        return mistakes
    given = {**tags, **own}
    merged = {**default_tags, **given}
    mistakes = list(_case_mistakes(merged, "tags"))
    if len(merged) > TAG_LIMIT:
        counts = f"{len(given)} tags and {len(merged) - len(given)} default tags of the provider"
        mistakes.append(Mistake("tags", f"has too many tags: IAM allows {TAG_LIMIT} (got {counts})"))
    return mistakes


def _own_tag_mistakes(tags: Iterable[Any], own: Mapping[str, Any], label: Label) -> Iterator[Mistake]:
    """A mistake for each tag whose key another option sets. IAM does not distinguish case."""
    keys = {key.lower() for key in own}
    for key in (key for key in tags if isinstance(key, str) and key.lower() in keys):
        yield Mistake(
            label("tags"),
            f"cannot contain the key {format_value(key)}, which `{label('patch_policy')}` sets. Remove it",
        )


def _case_mistakes(tags: Iterable[Any], path: str) -> Iterator[Mistake]:
    """A mistake for each tag key that differs from an earlier one only in case. IAM does not distinguish them."""
    first: dict[str, str] = {}
    for key in (key for key in tags if isinstance(key, str)):
        if (other := first.setdefault(key.lower(), key)) != key:
            keys = f"{format_value(other)} and {format_value(key)}"
            yield Mistake(
                path, f"cannot contain the keys {keys}, because IAM does not distinguish case. Write both alike"
            )


def find_name_mistakes(name: Any, options: Mapping[str, Any], label: Label = str) -> list[Mistake]:
    """The mistakes in the name of a component, from which Pulumi makes the names of its resources."""
    if not isinstance(name, str) or not re.fullmatch(NAME_PATTERN, name):
        return [Mistake("name", f"must consist of letters, digits and + = , . @ _ - (got {format_value(name)})")]
    mistakes: list[Mistake] = []
    for kind, suffix, limit, option in (
        ("a role", "-role", ROLE_NAME_LIMIT, "role_name"),
        ("a policy", "-policy", POLICY_NAME_LIMIT, None),
        ("an instance profile", "-profile", PROFILE_NAME_LIMIT, "instance_profile_name"),
    ):
        added = len(suffix) + RANDOM_SUFFIX_LENGTH
        if option in options or (kind == "a role" and "existing_role_name" in options):
            continue
        if len(name) + added > limit:
            alternative = f", or set `{label(option)}`" if option else ""
            reason = (
                f"{format_value(name)} is too long. Its {len(name)} characters, the {len(suffix)} of "
                f"{format_value(suffix)} and the {RANDOM_SUFFIX_LENGTH} of Pulumi's random suffix make "
                f"{len(name) + added}. IAM allows {limit} in the name of {kind}. "
                f"Use at most {limit - added} characters{alternative}"
            )
            mistakes.append(Mistake("name", reason))
    return mistakes


def find_size_mistakes(size: int, options: Mapping[str, Any], label: Label = str) -> list[Mistake]:
    """The mistake of a policy that is longer than IAM allows.

    Args:
        size: How many characters IAM counts in the policy.
        options: The options by their names in Python.
        label: Writes the path of an option as the caller writes it.
    """
    kind = options.get("policy_kind", option_at("policy_kind").default)
    if size <= POLICY_SIZE_LIMITS[kind]:
        return []
    kinds = {"inline": "the inline policies of a role", "managed": "a managed policy"}
    limits = " and ".join(f"{limit:,} in {kinds[kind]}" for kind, limit in POLICY_SIZE_LIMITS.items())
    lists = [
        f"`{label(path)}`"
        for path in option_paths(options)
        if option_at(path).type == "array" and path not in _NOT_IN_THE_POLICY and _value_at(options, path)
    ]
    reason = (
        f"is too long: it has {size:,} characters without spaces. IAM allows {limits}, and `{label('policy_kind')}` is "
        f"{format_value(kind)}. Set fewer options"
    )
    if lists:
        reason += f", or shorten {'these lists' if len(lists) > 1 else 'this list'}: {', '.join(lists)}"
    return [Mistake("policy", reason)]


def find_bucket_mistakes(region: str, label: Label = str) -> list[Mistake]:
    """The mistake of ``managed_buckets`` in a region for which AWS does not list the names of its buckets."""
    if region in PATCH_BUCKET_SUFFIXES:
        return []
    reason = (
        f"cannot be true in {region}: AWS does not publish the names of its buckets there (as of {BUCKETS_DATE}). "
        "Leave it out"
    )
    return [Mistake(label("managed_buckets"), reason)]


def unknown_option(key: str, known: Iterable[str]) -> Mistake:
    """The mistake of an option that does not exist, with the nearest one that does.

    Args:
        key: The option as the caller wrote it.
        known: Every option as the caller would write it.
    """
    # The first word names the option in `ssm-profile:parameters.paths[0]`, which Pulumi did not take as a path.
    nearest = _nearest(re.split(r"[.\[]", key.rpartition(":")[2])[0], known)
    hint = f". Did you mean `{nearest}`?" if nearest else "."
    return Mistake(key, f"is not an option{hint} {document('options')} lists all options")


def format_value(value: Any) -> str:
    """A value as JSON, on one line and cut to a readable length."""
    if value is UNKNOWN:
        return "an output of another resource"
    try:
        text = json.dumps(value, default=_describe_other)
    except (TypeError, ValueError):  # a key that JSON has not, or a value that contains itself
        text = repr(value)
    if len(text) <= _LONGEST_VALUE_SHOWN:
        return text
    return f"{text[:_LONGEST_VALUE_SHOWN]}... ({len(text)} characters)"


def _describe_other(value: Any) -> str:
    """A value that JSON has not."""
    return "an output of another resource" if value is UNKNOWN else f"a {type(value).__name__}"


def _value_mistakes(path: str, option: Option, value: Any, writer: _Writer) -> Iterator[Mistake]:
    """The mistakes in a value, whatever other options say."""
    if value is UNKNOWN:
        if not option.accepts_outputs:
            yield Mistake(writer(path), _MUST_BE_KNOWN)
    elif value == FILL_IN:
        yield Mistake(writer(path), _placeholder(""))
    elif option.is_list_of_maps:
        yield from _list_of_maps_mistakes(path, option, value, writer)
    elif option.keys:
        yield from _map_mistakes(path, option, value, writer)
    elif option.type == "object":
        yield from _tag_mistakes(path, option, value, writer)
    elif option.type == "array":
        yield from _array_mistakes(path, option, value, writer)
    else:
        yield from _scalar_mistakes(path, option, value, writer)


def _placeholder(got: str) -> str:
    return f"is a placeholder: fill it in, or leave the option out (got {got}{format_value(FILL_IN)})"


def _expectation(option: Option, got: str) -> str:
    example = "" if option.choices or option.type == "boolean" else f", for example {format_value(option.example)}"
    expects = f"a list of {option.expects}" if option.type == "array" else option.expects
    return f"must be {expects}{example} (got {got})"


def _scalar_mistakes(path: str, option: Option, value: Any, writer: _Writer, got: str = "") -> Iterator[Mistake]:
    if not _is_accepted(option, value):
        shown = f"{got}{writer.show(path, value)}{_quotes_hint(option, value)}"
        yield Mistake(writer(path), _expectation(option, shown))
        return
    for pattern, reason in option.refused.items():
        if re.fullmatch(pattern, value):
            yield Mistake(writer(path), f"cannot contain {writer.show(path, value)}. {reason.rstrip('.')}")


def _quotes_hint(option: Option, value: Any) -> str:
    """What to do with digits that YAML or JSON took for a number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return ", a number: put it in quotes" if is_number and option.type != "boolean" else ""


def _is_accepted(option: Option, value: Any) -> bool:
    if option.type == "boolean":
        return type(value) is bool
    if not isinstance(value, str):
        return False
    if option.choices:
        return value in option.choices
    is_short = option.max_length is None or len(value) <= option.max_length
    return is_short and re.fullmatch(option.pattern, value, re.ASCII) is not None


def _array_mistakes(path: str, option: Option, value: Any, writer: _Writer) -> Iterator[Mistake]:
    if not isinstance(value, list | tuple) or not value:
        yield Mistake(writer(path), _expectation(option, writer.show(path, value)))
        return
    for entry in cast("Sequence[Any]", value):
        if entry == FILL_IN:
            yield Mistake(writer(path), _placeholder("the entry "))
        elif entry is not UNKNOWN:
            yield from _scalar_mistakes(path, option, entry, writer, got="the entry ")
        elif not option.entries_accept_outputs:
            yield Mistake(writer(path), _MUST_BE_KNOWN)


def _list_of_maps_mistakes(path: str, option: Option, value: Any, writer: _Writer) -> Iterator[Mistake]:
    if not isinstance(value, list | tuple) or not value:
        keys = _key_names(path, option, writer)
        yield Mistake(writer(path), f"must be a list of maps with the keys {keys} (got {writer.show(path, value)})")
        return
    for number, entry in enumerate(cast("Sequence[Any]", value)):
        at = f"{path}[{number}]"
        if entry is UNKNOWN:
            yield Mistake(writer(at), _MUST_BE_KNOWN)
        elif entry == FILL_IN:
            yield Mistake(writer(at), _placeholder(""))
        else:
            yield from _map_mistakes(at, option, entry, writer)


def _key_names(path: str, option: Option, writer: _Writer) -> str:
    return ", ".join(writer(f"{path}.{key}").rpartition(".")[2] for key in option.keys)


def _required_keys(path: str, option: Option, writer: _Writer) -> str:
    return " or ".join(f"`{writer(f'{path}.{key}')}`" for key in option.required_keys)


def _missing_keys(path: str, option: Option, entries: Mapping[str, Any], key: str, writer: _Writer) -> str:
    """The keys that a key of a map requires and that are missing, or those that the map requires."""
    missing = [each for each in option.keys[key].requires if each.rpartition(".")[2] not in entries]
    return " and ".join(f"`{writer(each)}`" for each in missing) or _required_keys(path, option, writer)


def _map_mistakes(path: str, option: Option, value: Any, writer: _Writer) -> Iterator[Mistake]:
    if not isinstance(value, Mapping):
        keys = _key_names(path, option, writer)
        yield Mistake(writer(path), f"must be a map with the keys {keys} (got {writer.show(path, value)})")
        return
    entries = cast("Mapping[str, Any]", value)
    if _lacks_required_keys(option, entries):
        for key in (key for key in option.keys if key in entries):
            yield Mistake(writer(f"{path}.{key}"), f"requires {_missing_keys(path, option, entries, key, writer)}")
        if not entries:
            yield Mistake(writer(path), f"requires {_required_keys(path, option, writer)} (got {{}})")
    for key, known in option.keys.items():
        if key in entries:
            yield from _value_mistakes(f"{path}.{key}", known, entries[key], writer)
    known_keys = [writer(f"{path}.{key}") for key in option.keys]
    yield from (unknown_key(f"{writer(path)}.{key}", known_keys) for key in entries if key not in option.keys)


def unknown_key(key: str, known: Sequence[str]) -> Mistake:
    """The mistake of a key that a map does not have, with those that it has."""
    nearest = _nearest(key.rpartition(".")[2], known)
    hint = f"Did you mean `{nearest}`? " if nearest else ""
    return Mistake(key, f"is not a key. {hint}The keys are {', '.join(known)}")


def _tag_mistakes(path: str, option: Option, value: Any, writer: _Writer) -> Iterator[Mistake]:
    if not isinstance(value, Mapping):
        yield Mistake(writer(path), _expectation(option, writer.show(path, value)))
        return
    tags = cast("Mapping[Any, Any]", value)
    if len(tags) > TAG_LIMIT:
        yield Mistake(writer(path), _expectation(option, f"{len(tags)} tags"))
    yield from _case_mistakes(tags, writer(path))
    for key, text in tags.items():
        is_key = _is_tag_string(key, 1, TAG_KEY_LIMIT) and not key.lower().startswith("aws:")
        if not is_key or not (text is UNKNOWN or _is_tag_string(text, 0, TAG_VALUE_LIMIT)):
            yield Mistake(writer(path), _expectation(option, f"the tag {writer.show(path, {key: text})}"))


def _is_tag_string(value: Any, shortest: int, longest: int) -> bool:
    return (
        isinstance(value, str)
        and shortest <= len(value) <= longest
        and all(letter in TAG_PUNCTUATION or unicodedata.category(letter)[0] in "LZN" for letter in value)
    )


def _managed_policy_mistakes(options: Mapping[str, Any], writer: _Writer) -> Iterator[Mistake]:
    arns = options.get("managed_policy_arns")
    if not isinstance(arns, list | tuple):
        return
    entries = cast("Sequence[Any]", arns)
    path = writer("managed_policy_arns")
    known = [arn for arn in entries if isinstance(arn, str)]
    for arn in dict.fromkeys(arn for arn in known if known.count(arn) > 1):
        yield Mistake(path, f"cannot contain a policy twice (got {writer.show('managed_policy_arns', arn)})")
    own = options.get("policy_kind") == "managed"
    limit = MANAGED_POLICY_LIMIT - own
    if len(entries) > limit:
        with_own = " with the component's own policy" if own else ""
        reason = (
            f"cannot contain more than {limit} policies (got {len(entries)}). IAM allows {MANAGED_POLICY_LIMIT} "
            f"managed policies on a role{with_own}, and 10 unless AWS has raised the quota of the account"
        )
        yield Mistake(path, reason)


def _conflicts(options: Mapping[str, Any], writer: _Writer) -> Iterator[Mistake]:
    for conflict in CONFLICTS:
        if conflict.option not in options or not options.get(conflict.other):
            continue
        other, value = writer(conflict.other), options[conflict.option]
        if conflict.value is None:
            yield Mistake(writer(conflict.option), f"cannot be combined with `{other}`: {conflict.reason}")
        elif value is conflict.value:
            reason = f"cannot be {format_value(value)} together with `{other}`: {conflict.reason}"
            yield Mistake(writer(conflict.option), reason)


def _missing_requirements(options: Mapping[str, Any], writer: _Writer) -> Iterator[Mistake]:
    for path in option_paths(options):
        option, name = option_at(path), _option_in(path)
        missing, word = [each for each in option.requires if not _value_at(options, each)], " and "
        if option.requires_any and not any(_value_at(options, each) for each in option.requires_any):
            missing, word = list(option.requires_any), " or "
        if not missing or not _value_at(options, path):
            continue
        is_wrong = find_value_mistakes(path, _value_at(options, path))
        if is_wrong or _lacks_required_keys(OPTIONS[name], options[name]):
            continue  # which is reported already
        value = " to be true" if all(option_at(each).type == "boolean" for each in missing) else ""
        yield Mistake(writer(path), f"requires {word.join(f'`{writer(each)}`' for each in missing)}{value}")


def _lacks_required_keys(option: Option, value: Any) -> bool:
    return bool(option.required_keys) and not any(key in value for key in option.required_keys)


def _option_in(path: str) -> str:
    """The option in a path such as ``read_buckets[0].prefix``."""
    return re.split(r"[.\[]", path)[0]


def _value_at(options: Mapping[str, Any], path: str) -> Any:
    name, _, key = path.partition(".")
    value = options.get(name)
    if not key:
        return value
    return cast("Mapping[str, Any]", value).get(key) if isinstance(value, Mapping) else None


def _arns(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each value of an option that takes ARNs, with the path of the option."""
    for path in option_paths(options):
        if PARTITION_PATTERN in option_at(path).pattern:
            yield from _values_at(options, path)


def _values_at(options: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """The values of an option or of ``option.key``, each with its exact path: an array has several."""
    name, _, key = path.partition(".")
    if OPTIONS[name].is_list_of_maps:
        for number, entry in enumerate(_list(options.get(name))):
            if isinstance(entry, Mapping):
                yield f"{name}[{number}].{key}", cast("Mapping[str, Any]", entry).get(key)
        return
    value = _value_at(options, path)
    yield from ((path, each) for each in _list(value) or [value])


def _list(value: Any) -> Sequence[Any]:
    """A value that is an array. Nothing for another one."""
    return cast("Sequence[Any]", value) if isinstance(value, list | tuple) else ()


def _nearest(word: str, known: Iterable[str]) -> str | None:
    """The known option or key whose last word is most like a word."""
    last_words = {re.split("[.:]", name)[-1]: name for name in known}
    matches = get_close_matches(word, last_words, n=1)
    return last_words[matches[0]] if matches else None
