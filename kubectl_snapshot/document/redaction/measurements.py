"""Redact the credentials in measurements, at the places that collectors declare. Pure.

Applied where a reading was collected, before it leaves (collectors/run/compose). What a credential
looks like is document/redaction/detector's part.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.patterns import matches_any, matches_pattern
from kubectl_snapshot.document.redaction.detector import (
    may_hold_credential,
    names_credential,
    replace_credentials,
)
from kubectl_snapshot.document.redaction.nested import redact_value
from kubectl_snapshot.document.redaction.values import LEFT_OUT, Redaction, redact_text
from kubectl_snapshot.document.registry import EVERY_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from kubectl_snapshot.document.registry import Registry, SecretPlace
    from kubectl_snapshot.document.snapshot import Measurement, Scalar, Subtype

# Context keys that the document's schema gives a form.
_FORMED_KEYS = ("status", "elapsed-ms")


class _Scope(NamedTuple):
    """What to redact in one subtype. `path` is the prefix of its paths, `patterns` the user's."""

    path: str
    places: tuple[SecretPlace, ...]
    keys_are_words: bool
    patterns: tuple[str, ...]
    redact: Callable[[str], str]

    def matches(self, *keys: str) -> bool:
        """Return whether one of these keys matches the user's patterns."""
        return any(matches_any(self.path + key, self.patterns) for key in keys)

    def place_of(self, key: str) -> SecretPlace | None:
        """Return the first place that contains this key."""
        for place in self.places:
            if place.keys is EVERY_KEY or matches_any(key, place.keys):
                return place
        return None


def redact_measurements(
    measurements: Sequence[Measurement], redaction: Redaction, registry: Registry
) -> tuple[Measurement, ...]:
    """Return the measurements with their credentials redacted; the redaction must have a key."""
    if not redaction.is_on:
        return tuple(measurements)
    return tuple(
        replace(
            measurement,
            subtypes=tuple(
                _redact_subtype(
                    subtype, _find_scope(measurement.type, subtype.name, redaction, registry)
                )
                for subtype in measurement.subtypes
            ),
        )
        for measurement in measurements
    )


def _find_scope(
    type_name: str, subtype_name: str, redaction: Redaction, registry: Registry
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
        places=tuple(place for spec in specs for place in spec.secrets),
        keys_are_words=any(spec.keys_are_words for spec in specs),
        # The other patterns cannot match here, whatever the key.
        patterns=tuple(
            pattern
            for pattern in redaction.patterns
            if path.startswith(pattern.partition("*")[0][: len(path)])
        ),
        redact=partial(redact_text, key=redaction.key),
    )


def _redact_subtype(subtype: Subtype, scope: _Scope) -> Subtype:
    context = {key: _redact_context(key, value, scope) for key, value in subtype.context.items()}
    data = subtype.data
    if scope.patterns:
        # Numbers and booleans are dropped: a hash of so few values can be guessed, and the schema
        # allows no text there.
        data = {k: v for k, v in data.items() if isinstance(v, str) or not scope.matches(k)}
        if len(data) < len(subtype.data):
            context[LEFT_OUT] = str(len(subtype.data) - len(data))
    if scope.places or scope.patterns:
        data = {key: _redact_reading(key, value, scope) for key, value in data.items()}
    if scope.keys_are_words:
        words = set(_find_split_words(subtype.context, context))
        data = dict(_redact_words(data, words, scope.redact))
        context = {replace_credentials(key, scope.redact): context[key] for key in context}
    return replace(subtype, data=data, context=context)


def _redact_reading(key: str, value: Scalar, scope: _Scope) -> Scalar:
    if isinstance(value, str) and scope.patterns and scope.matches(key):
        return scope.redact(value)
    place = scope.place_of(key)
    if place is None:
        return value
    name = place.name_of(key)
    if isinstance(value, str) and not may_hold_credential(value, name):
        return value  # as nearly all are, and there may be tens of thousands
    return redact_value(value, name, scope.redact)


def _redact_context(key: str, value: str, scope: _Scope) -> str:
    """Return a context's text; `repeated.<key>` is redacted as `<key>` is."""
    if key in _FORMED_KEYS:
        return value
    kind, _, key_of_data = key.partition(".")
    if key != "reason" and scope.matches(key, key_of_data):
        return scope.redact(value)
    place = scope.place_of(key_of_data)
    name = place.name_of(key_of_data) if place else ""
    words = value.split(" ") if kind == "repeated" and names_credential(name) else [value]
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
