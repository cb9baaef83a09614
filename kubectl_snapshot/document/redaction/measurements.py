"""Where in a document secrets may stand, and the tokens there instead. Pure.

It is applied where a reading was collected, before anything leaves (collectors/run/compose). What a
secret looks like is document/redaction/detector' part.
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
from kubectl_snapshot.document.redaction.nested import hide_in_value
from kubectl_snapshot.document.redaction.values import LEFT_OUT, Redaction, new_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from kubectl_snapshot.document.snapshot import Measurement, Scalar, Subtype

EVERY_KEY = ("*",)
# Context keys that the document's schema gives a form.
_FORMED_KEYS = ("status", "elapsed-ms")


class Place(NamedTuple):
    """Readings that may hold a credential: a type, and patterns of its subtypes and keys.

    `name_after` is what a key has before the name that its value goes by; None where it has none.
    """

    type: str
    subtype: str
    keys: tuple[str, ...] = EVERY_KEY
    name_after: str | None = None

    def name_of(self, key: str) -> str:
        """Return the name that the value of this key goes by, empty if it has none."""
        if self.name_after is None:
            return ""
        return key.partition(self.name_after)[2] if self.name_after else key


KERNEL_COMMAND_LINE = Place("OS", "grub", name_after="")
# The first place of a key counts. Labels, sysctls, images and versions are public by their nature.
PLACES = (
    KERNEL_COMMAND_LINE,
    Place("SystemD", "*", ("Environment", "Exec*")),
    Place("K8s", "policy", name_after=""),
    Place("K8s", "helm", name_after=".values."),
    Place("K8s", "argocd", ("*.helm.parameters.*",), name_after=".helm.parameters."),
    Place("K8s", "argocd", ("*.helm.valuesObject.*",), name_after=".helm.valuesObject."),
    Place("K8s", "argocd", ("*.source.*", "*.sources.*")),
)


class _Rules(NamedTuple):
    """What holds for one subtype; `path` is what each of its paths begins with."""

    path: str
    places: tuple[Place, ...]
    patterns: tuple[str, ...]
    hide: Callable[[str], str]

    def are_wanted(self, *keys: str) -> bool:
        """Return whether one of these keys is of the user's patterns."""
        return any(matches_any(self.path + key, self.patterns) for key in keys)

    def place_of(self, key: str) -> Place | None:
        """Return the first place that has this key."""
        for place in self.places:
            if place.keys is EVERY_KEY or matches_any(key, place.keys):
                return place
        return None


def redact_measurements(
    measurements: Sequence[Measurement], redaction: Redaction
) -> tuple[Measurement, ...]:
    """Return the measurements with a token for every secret; the redaction must have a key."""
    if not redaction.is_on:
        return tuple(measurements)
    return tuple(
        replace(
            measurement,
            subtypes=tuple(
                _redact_subtype(subtype, _choose_rules(measurement.type, subtype.name, redaction))
                for subtype in measurement.subtypes
            ),
        )
        for measurement in measurements
    )


def _choose_rules(type_name: str, subtype_name: str, redaction: Redaction) -> _Rules:
    path = f"{type_name}.{subtype_name}."
    return _Rules(
        path=path,
        places=tuple(
            place
            for place in PLACES
            if place.type == type_name and matches_pattern(subtype_name, place.subtype)
        ),
        # The rest cannot be of anything here, whatever the key.
        patterns=tuple(
            pattern
            for pattern in redaction.patterns
            if path.startswith(pattern.partition("*")[0][: len(path)])
        ),
        hide=partial(new_token, key=redaction.key),
    )


def _redact_subtype(subtype: Subtype, rules: _Rules) -> Subtype:
    context = {key: _redact_context(key, value, rules) for key, value in subtype.context.items()}
    data = subtype.data
    if rules.patterns:
        # A token of a number or a flag would hide nothing, and they may be of no other type.
        data = {k: v for k, v in data.items() if isinstance(v, str) or not rules.are_wanted(k)}
        if len(data) < len(subtype.data):
            context[LEFT_OUT] = str(len(subtype.data) - len(data))
    if rules.places or rules.patterns:
        data = {key: _redact_reading(key, value, rules) for key, value in data.items()}
    if KERNEL_COMMAND_LINE in rules.places:
        # Its keys are words of the line, too.
        words = set(_find_split_words(subtype.context, context))
        data = dict(_redact_words(data, words, rules.hide))
        context = {replace_credentials(key, rules.hide): context[key] for key in context}
    return replace(subtype, data=data, context=context)


def _redact_reading(key: str, value: Scalar, rules: _Rules) -> Scalar:
    if isinstance(value, str) and rules.patterns and rules.are_wanted(key):
        return rules.hide(value)
    place = rules.place_of(key)
    if place is None:
        return value
    name = place.name_of(key)
    if isinstance(value, str) and not may_hold_credential(value, name):
        return value  # as nearly all are, and there may be tens of thousands
    return hide_in_value(value, name, rules.hide)


def _redact_context(key: str, value: str, rules: _Rules) -> str:
    """Return a context's text; `repeated.<key>` and the like are redacted as that key is."""
    if key in _FORMED_KEYS:
        return value
    kind, _, key_of_data = key.partition(".")
    if key != "reason" and rules.are_wanted(key, key_of_data):
        return rules.hide(value)
    place = rules.place_of(key_of_data)
    name = place.name_of(key_of_data) if place else ""
    words = value.split(" ") if kind == "repeated" and names_credential(name) else [value]
    return " ".join(str(hide_in_value(word, name, rules.hide)) for word in words)


def _find_split_words(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Return the words of the quoted values that were redacted.

    The rules of a command line know no quotes: each word is a parameter in `data`.
    """
    for key, value in before.items():
        if key.startswith("quoted.") and after[key] != value:
            yield from (word.partition("=")[0] for word in value.split(" ")[1:])


def _redact_words(
    data: Mapping[str, Scalar], words: set[str], hide: Callable[[str], str]
) -> Iterator[tuple[str, Scalar]]:
    for key, value in data.items():
        if key.strip('"') in words:
            yield hide(key.strip('"')), hide(str(value)) if value else value
        else:
            yield replace_credentials(key, hide), value
