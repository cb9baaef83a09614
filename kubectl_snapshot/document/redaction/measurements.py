"""Redact the credentials in measurements. Pure.

Every reading is searched unless its collector declares it public (document/registry). Applied to
each subtype where it was read, before it leaves (collectors/run). What a credential looks like is
document/redaction/detector's part.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from kubectl_snapshot.document.patterns import matches_any, matches_pattern
from kubectl_snapshot.document.redaction.detector import replace_credentials, replace_shapes
from kubectl_snapshot.document.redaction.hints import find_keys, find_texts
from kubectl_snapshot.document.redaction.names import NONE, judge_name
from kubectl_snapshot.document.redaction.nested import redact_value
from kubectl_snapshot.document.redaction.values import LEFT_OUT, Redaction, redact_text
from kubectl_snapshot.document.registry import EVERY_KEY
from kubectl_snapshot.document.snapshot import PARTIAL, Subtype
from kubectl_snapshot.records import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from kubectl_snapshot.document.registry import Registry
    from kubectl_snapshot.document.snapshot import Measurement, Scalar

# Longer texts, and lists, which may be a command without any hint, are searched one by one.
LONG = 4096
# Context keys that the document's schema gives a form.
_FORMED_KEYS = ("status", "elapsed-ms")


class _Scope(NamedTuple):
    """What to redact in one subtype. `path` is the prefix of its paths, `patterns` the user's."""

    path: str
    public: tuple[str, ...]
    keys_are_names: bool
    keys_are_words: bool
    patterns: tuple[str, ...]
    redact: Callable[[str], str]
    is_late: Callable[[], bool]

    def matches(self, *keys: str) -> bool:
        """Return whether one of these keys matches the user's patterns."""
        return any(matches_any(self.path + key, self.patterns) for key in keys)

    def is_public(self, key: str) -> bool:
        """Return whether a key's value is declared to be public."""
        return bool(self.public) and matches_any(key, self.public)


def never_late() -> bool:
    """Return that there is time left."""
    return False


def redact_measurements(
    measurements: Sequence[Measurement], redaction: Redaction, registry: Registry
) -> tuple[Measurement, ...]:
    """Return the measurements with their credentials redacted; the redaction must have a key."""
    return tuple(
        replace(
            measurement,
            subtypes=tuple(
                redact_subtype(measurement.type, subtype, redaction, registry)
                for subtype in measurement.subtypes
            ),
        )
        for measurement in measurements
    )


def redact_subtype(
    type_name: str,
    subtype: Subtype,
    redaction: Redaction,
    registry: Registry,
    is_late: Callable[[], bool] = never_late,
) -> Subtype:
    """Return a subtype with its credentials redacted; the redaction must have a key.

    Once `is_late` returns true, readings that are not yet searched are left out, and the status and
    the reason say so.
    """
    if not redaction.is_on:
        return subtype
    scope = _find_scope(type_name, subtype.name, redaction, registry, is_late)
    context = {key: _redact_context(key, value, scope) for key, value in subtype.context.items()}
    data = subtype.data
    if scope.patterns:
        # Numbers and booleans are dropped: a hash of so few values can be guessed, and the schema
        # allows no text there.
        data = {k: v for k, v in data.items() if isinstance(v, str) or not scope.matches(k)}
        if len(data) < len(subtype.data):
            context[LEFT_OUT] = str(len(subtype.data) - len(data))
    count = len(data)
    data = _redact_data(data, scope)
    if len(data) < count:
        context = _describe_unsearched(context, count - len(data))
    if scope.keys_are_words:
        words = set(_find_split_words(subtype.context, context))
        data = dict(_redact_words(data, words, scope.redact))
        context = {replace_credentials(key, scope.redact): context[key] for key in context}
    return replace(subtype, data=data, context=context)


def _find_scope(
    type_name: str,
    subtype_name: str,
    redaction: Redaction,
    registry: Registry,
    is_late: Callable[[], bool],
) -> _Scope:
    path = f"{type_name}.{subtype_name}."
    specs = [
        subtype
        for measurement in registry
        if measurement.type == type_name
        for subtype in measurement.subtypes
        if matches_pattern(subtype_name, subtype.name)
    ]
    return _Scope(
        path=path,
        public=tuple(key for spec in specs for key in spec.public),
        keys_are_names=all(spec.keys_are_names for spec in specs),
        keys_are_words=any(spec.keys_are_words for spec in specs),
        # The other patterns cannot match here, whatever the key.
        patterns=tuple(
            pattern
            for pattern in redaction.patterns
            if path.startswith(pattern.partition("*")[0][: len(path)])
        ),
        redact=lru_cache(maxsize=4096)(partial(redact_text, key=redaction.key)),
        is_late=is_late,
    )


def _redact_data(data: Mapping[str, Scalar], scope: _Scope) -> dict[str, Scalar]:
    """Return the readings with their credentials redacted; those without time are missing.

    There may be tens of thousands, of which few have a hint: these are found in all at once.
    """
    if scope.public == EVERY_KEY and not scope.patterns:
        return dict(data)
    names, unsafe_keys = find_keys(data)
    suspects = _find_suspects(data, names, scope)
    redacted = dict(data)
    if unsafe_keys:
        redacted.clear()
    keys = list(data)
    for index in range(len(keys)) if unsafe_keys else sorted(suspects):
        key, value = keys[index], data[keys[index]]
        if index in suspects:
            if scope.is_late():
                redacted.pop(key, None)
                continue
            value = _redact_reading(key, value, scope)
        if index in unsafe_keys:
            key = _make_unique(replace_shapes(key, scope.redact), redacted)
        redacted[key] = value
    return redacted


def _find_suspects(data: Mapping[str, Scalar], names: set[int], scope: _Scope) -> set[int]:
    """Return the indexes of the readings that may hold a credential."""
    if scope.patterns:
        return set(range(len(data)))
    texts = [value if isinstance(value, str) else "" for value in data.values()]
    long = {i for i, v in enumerate(texts) if len(v) > LONG or v.__class__ is not str}
    suspects = long | find_texts(
        ["" if i in long else v for i, v in enumerate(texts)] if long else texts
    )
    if scope.keys_are_names:
        keys = list(data)
        suspects.update(i for i in names if judge_name(keys[i]) != NONE)
    return suspects


def _make_unique(key: str, data: Mapping[str, Scalar]) -> str:
    """Return a key that the data do not have: two logins may have one redacted value."""
    name, count = key, 1
    while name in data:
        count += 1
        name = f"{key}#{count}"
    return name


def _describe_unsearched(context: Mapping[str, str], count: int) -> dict[str, str]:
    reason = f"{count} readings left out: no time was left to search them for credentials"
    before = context.get("reason", "")
    status = context.get("status", PARTIAL)
    return {**context, "status": status, "reason": f"{before}; {reason}" if before else reason}


def _redact_reading(key: str, value: Scalar, scope: _Scope) -> Scalar:
    if isinstance(value, str) and scope.patterns and scope.matches(key):
        return scope.redact(value)
    if scope.is_public(key):
        return value
    return redact_value(value, key if scope.keys_are_names else "", scope.redact)


def _redact_context(key: str, value: str, scope: _Scope) -> str:
    """Return a context's text; `repeated.<key>` is redacted as `<key>` is."""
    if key in _FORMED_KEYS:
        return value
    kind, _, key_of_data = key.partition(".")
    if key != "reason" and scope.matches(key, key_of_data):
        return scope.redact(value)
    if key != "reason" and scope.is_public(key_of_data):
        return value
    name = key_of_data if scope.keys_are_names else ""
    words = value.split(" ") if kind == "repeated" and judge_name(name) != NONE else [value]
    return " ".join(str(redact_value(word, name, scope.redact)) for word in words)


def _find_split_words(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Return the words of the quoted values that were redacted.

    The rules of a command line know no quotes: each word is a parameter in `data`.
    """
    for key, value in before.items():
        if key.startswith("quoted.") and after[key] != value:
            yield from (word.partition("=")[0] for word in value.split(" ")[1:])


def _redact_words(
    data: Mapping[str, Scalar], words: set[str], redact: Callable[[str], str]
) -> Iterator[tuple[str, Scalar]]:
    for key, value in data.items():
        if key.strip('"') in words:
            yield redact(key.strip('"')), redact(str(value)) if value else value
        else:
            yield replace_credentials(key, redact), value
