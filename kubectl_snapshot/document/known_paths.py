"""Which paths can exist: refuse a mistyped one, and explain a reading that is missing. Pure.

A path can exist where a collector declares it (`keys` of its SubtypeSpec), where the document has
it, or where something could not be read. Anything else is a mistake, never an unknown value: a gate
must not pass because a path is mistyped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.constants import REFERENCE
from kubectl_snapshot.document.items import explain_missing_item, resolve_selector
from kubectl_snapshot.document.number_ranges import collapse_numbers
from kubectl_snapshot.document.path_hints import is_mistyped, suggest_path
from kubectl_snapshot.document.paths import (
    METADATA,
    describe_status,
    find_gaps,
    find_readings,
    iter_subtypes,
    matches_path,
    rest_of_pattern,
)
from kubectl_snapshot.document.patterns import matches_pattern
from kubectl_snapshot.document.registry import FALSE, MISTAKE, UNSET
from kubectl_snapshot.document.snapshot import OK, TYPES, list_types
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.registry import Registry, SubtypeSpec
    from kubectl_snapshot.document.snapshot import Snapshot, Subtype

# A path of a systemd unit: type, name with the type of the unit (systemd.unit(5)), property.
UNIT_PATH = compile_late(
    r"SystemD\.(.*\*.*|.+\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)"
    r"(\..*)?)"
)


class Missing(NamedTuple):
    """Why a document has no reading at a path.

    `meaning` is UNSET or FALSE where everything was read and this is not there, else "".
    """

    reason: str
    meaning: str = ""


class _Place(NamedTuple):
    """A subtype that a document has (`subtype`), or that a collector declares, or both."""

    type: str
    name: str
    subtype: Subtype | None
    spec: SubtypeSpec | None

    @property
    def prefix(self) -> str:
        return f"{self.type}.{self.name}."

    @property
    def path(self) -> str:
        return f"{self.type}.{self.name}"


def find_spec(registry: Registry, type_: str, name: str) -> SubtypeSpec | None:
    """Return what is declared of a subtype: by its name, else by the longest pattern for it."""
    specs = [s for m in registry if m.type == type_ for s in m.subtypes]
    matching = [spec for spec in specs if matches_pattern(name, spec.name)]
    return max(matching, key=lambda spec: (not spec.is_pattern, len(spec.name)), default=None)


def refuse_impossible(path: str, snapshot: Snapshot, registry: Registry) -> None:
    """Raise InvalidRequest for a path or pattern that no document of this kind can have.

    The key of an `ok` subtype that has no such key passes here: explain_missing decides.
    """
    path = resolve_selector(snapshot, path)
    if path.startswith(f"{METADATA}.") or find_readings(snapshot, path):
        return
    reason = ""
    if UNIT_PATH.fullmatch(path) or explain_missing_item(snapshot, path):
        return
    for place in _iter_places(snapshot, registry, path):
        key = rest_of_pattern(place.prefix, path)
        if key is None:
            continue
        if _can_have(place, key):
            return
        reason = reason or f"{place.path} has no key {key!r}"
    raise _impossible(path, reason or _name_subtypes(path, snapshot, registry), snapshot, registry)


def refuse_impossible_subtype(pattern: str, snapshot: Snapshot, registry: Registry) -> None:
    """Raise InvalidRequest for a `Type.Subtype` or type that no document of this kind can have."""
    if find_subtypes(snapshot, pattern) or UNIT_PATH.fullmatch(pattern):
        return
    if pattern in (*list_types(snapshot), *(measurement.type for measurement in registry)):
        return
    places = _iter_places(snapshot, registry, pattern)
    if any(matches_path(place.prefix, f"{pattern}.") for place in places):
        return
    why = _name_subtypes(pattern, snapshot, registry)
    raise _impossible(pattern, why, snapshot, registry)


def find_subtypes(snapshot: Snapshot, pattern: str) -> dict[str, Subtype]:
    """Return the subtypes at a path `Type.Subtype`, which may have a `*`, by their paths."""
    found = {f"{type_}.{subtype.name}": subtype for type_, subtype in iter_subtypes(snapshot)}
    if pattern in found:
        return {pattern: found[pattern]}
    return {p: s for p, s in found.items() if matches_path(f"{p}.", f"{pattern}.")}


def explain_missing(path: str, snapshot: Snapshot, registry: Registry) -> Missing:
    """Return why a document has no reading at a path without `*`.

    Raises InvalidRequest where it is a mistake: an `ok` subtype does not have the key.
    """
    path = resolve_selector(snapshot, path)
    refuse_impossible(path, snapshot, registry)
    missing_item = explain_missing_item(snapshot, path)
    if missing_item:
        return Missing(missing_item)
    places = _iter_places(snapshot, registry)
    named = [p for p in places if p.subtype and path.startswith(p.prefix)]
    if not named:
        is_reference = snapshot.metadata.get("profile") == REFERENCE
        note = f"; it was captured with --profile {REFERENCE}" if is_reference else ""
        return Missing(_name_subtypes(path, snapshot) + note)
    place = max(named, key=lambda p: len(p.name))
    assert place.subtype
    if place.subtype.status != OK or place.subtype.is_left_out:
        return Missing(describe_status(place.type, place.subtype))
    key = path[len(place.prefix) :]
    reason = f"{place.path} has no {key}"
    spec = place.spec
    if spec and spec.keys:
        return Missing(reason)
    meaning = spec.missing if spec else MISTAKE
    if meaning not in (UNSET, FALSE) or is_mistyped(key, place.subtype.data):
        raise _impossible(path, f"{place.path} has no key {key!r}", snapshot, registry)
    return Missing(reason, meaning)


def explain_path(path: str, snapshot: Snapshot, registry: Registry) -> str:
    """Return why a document has nothing at a path or pattern, or below it; "" if nothing says so.

    Raises InvalidRequest if no document can have it.
    """
    if path.startswith(f"{METADATA}.") or path == "*":
        return ""
    if path.count(".") < 2 and "*" not in path:
        refuse_impossible_subtype(path, snapshot, registry)
    elif "*" in path:
        refuse_impossible(path, snapshot, registry)
    else:
        return explain_missing(path, snapshot, registry).reason
    gaps = [*find_gaps(snapshot, path).values(), *find_gaps(snapshot, f"{path}.*").values()]
    return gaps[0] if gaps else ""


def find_lacking(pattern: str, snapshot: Snapshot, registry: Registry) -> dict[str, str]:
    """Return the paths that a pattern with a plain key names and `ok` subtypes do not have.

    Only where a collector declares the key: a GPU of several that has no `ecc.current`.
    """
    lacking = {}
    for place in _iter_places(snapshot, registry):
        subtype, spec = place.subtype, place.spec
        if subtype is None or subtype.status != OK or spec is None or not spec.keys:
            continue
        key = rest_of_pattern(place.prefix, pattern)
        if key and "*" not in key and key not in subtype.data and _can_have(place, key):
            lacking[place.prefix + key] = f"{place.path} has no {key}"
    return lacking


def _can_have(place: _Place, key: str) -> bool:
    if place.spec is None:
        # A subtype of another program: what it may have is not known, but what it has is.
        return place.subtype is not None
    if not place.spec.keys:
        return True
    data = place.subtype.data if place.subtype else ()
    return any(_may_match(key, k) for k in (*place.spec.keys, *data))


def _may_match(key: str, declared: str) -> bool:
    return matches_pattern(declared.replace("*", "0"), key) or matches_pattern(
        key.replace("*", "0"), declared
    )


def _iter_places(snapshot: Snapshot, registry: Registry, path: str = "") -> Iterator[_Place]:
    """Yield the document's subtypes, then those that collectors declare.

    Of a pattern such as `gpu-*`, the one that the path names, else an example.
    """
    for type_, subtype in iter_subtypes(snapshot):
        yield _Place(type_, subtype.name, subtype, find_spec(registry, type_, subtype.name))
    named = "".join(path.split(".")[1:2])
    for measurement in registry:
        for spec in measurement.subtypes:
            if spec.name == "*":  # units: see UNIT_PATH
                continue
            is_named = spec.is_pattern and find_spec(registry, measurement.type, named) == spec
            name = named if is_named and "*" not in named else spec.name.replace("*", "0")
            yield _Place(measurement.type, name, None, spec)


def _name_subtypes(path: str, snapshot: Snapshot, registry: Registry = ()) -> str:
    type_ = path.partition(".")[0]
    found = [subtype.name for t, subtype in iter_subtypes(snapshot) if t == type_]
    declared = [spec.name for m in registry if m.type == type_ for spec in m.subtypes]
    if found:
        return f"{type_} has the subtypes {', '.join(collapse_numbers(found))}"
    if declared:
        return f"{type_} can have the subtypes {', '.join(declared)}"
    if type_ in TYPES:
        return f"the snapshot has no measurement of type {type_}"
    return f'unknown measurement type "{type_}"'


def _impossible(path: str, why: str, snapshot: Snapshot, registry: Registry) -> InvalidRequest:
    hint = suggest_path(path, snapshot, registry)
    listing = "list all paths with `kubectl snapshot query SNAPSHOT -o table`"
    return InvalidRequest(
        f"no snapshot has {path}", why, f"did you mean {hint}?" if hint else listing
    )
