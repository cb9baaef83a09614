"""Paths `Type.Subtype.key`, with `*` for any text, and the readings at a path.

Names of subtypes and keys may contain dots. A path selects the subtype with the longest matching
name: `SystemD.containerd.service.ActiveState` is a property of the unit `containerd.service`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.items import resolve_selector, unfold
from kubectl_snapshot.document.patterns import matches_pattern
from kubectl_snapshot.document.snapshot import GAP_STATUSES, OK, TYPES
from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.records import NamedTuple
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from kubectl_snapshot.document.snapshot import Scalar, Snapshot, Subtype

METADATA = "metadata"
# The path of a device, and what precedes its number in the path of its state.
DEVICE = compile_late(r"[^.]+\.[^.]+-[0-9]+\.")
STATE = compile_late(r"([^.]+\.[^.]+-)[0-9]+-state\.")
# The patterns of a device that do not match its state (matches_path).
STATE_APART = compile_late(r"[^.]+\.[^.]+-\*\.")
# What may follow a `*` that stands for the end of a subtype's name and the start of a key: a name
# of a subtype has no `/`, and a key may have dots.
KEY_BEHIND = compile_late(r"[^.]*/|[^.]*$")


class ConstraintPath(NamedTuple):
    """A path split at its first two dots; `text` is the whole path."""

    type: str
    subtype: str
    key: str

    @property
    def text(self) -> str:
        return ".".join(self)


def parse_path(text: str, types: Sequence[str] | None = TYPES) -> ConstraintPath:
    """Return a path of one of these types, None for any; subtype and key may be empty or a `*`."""
    parts = text.split(".", 2)
    if len(parts) < 3:
        raise InvalidRequest(
            f'invalid path "{text}"', hint="write it as Type.Subtype.key, as in K8s.server.version"
        )
    if types is not None and parts[0] not in types:
        raise InvalidRequest(
            f'invalid path "{text}"',
            why=f'unknown measurement type "{parts[0]}"',
            hint=f"begin with one of {', '.join(types)}",
        )
    return ConstraintPath(*parts)


def find_value(snapshot: Snapshot, path: ConstraintPath) -> Scalar:
    """Return the reading at a path without `*`; raise NotFound with the reason if missing.

    Of equal types, and of equal subtypes in one, the first counts (contract 1.2).
    """
    _, _, rest = resolve_selector(snapshot, path.text).partition(".")
    named = [
        subtype
        for type_, subtype in iter_subtypes(snapshot)
        if type_ == path.type and rest.startswith(f"{subtype.name}.")
    ]
    named.sort(key=lambda subtype: len(subtype.name), reverse=True)
    for subtype in named:
        key = rest[len(subtype.name) + 1 :]
        if key in subtype.data:
            return subtype.data[key]
    raise NotFound(
        f"the snapshot has no {path.text}", why=_explain_missing(snapshot, path, named[:1])
    )


def find_readings(snapshot: Snapshot, pattern: str) -> dict[str, Scalar]:
    """Return the readings whose paths match a pattern, by path, in document order.

    `metadata.<key>` is a path, too. A path that exists literally is not used as a pattern.
    """
    readings = list_readings(snapshot)
    pattern = resolve_selector(snapshot, pattern)
    if pattern in readings:
        return {pattern: readings[pattern]}
    return {path: value for path, value in readings.items() if matches_path(path, pattern)}


def list_readings(snapshot: Snapshot) -> dict[str, Scalar]:
    """Return all readings by path; where two subtypes give one path, the longer name's."""
    readings: dict[str, Scalar] = {f"{METADATA}.{k}": v for k, v in snapshot.metadata.items()}
    lengths: dict[str, int] = {}
    for type_, subtype in iter_subtypes(snapshot):
        for key, value in subtype.data.items():
            path = f"{type_}.{subtype.name}.{key}"
            if len(subtype.name) >= lengths.get(path, 0):
                readings[path], lengths[path] = value, len(subtype.name)
    return readings


def find_gaps(snapshot: Snapshot, pattern: str) -> dict[str, str]:
    """Return the reasons of gaps that a pattern may match, by the paths it would match there.

    A partly read subtype is a gap if none of its readings matches. A device that could not be read
    has no state subtype: it is the gap in its state, too.
    """
    subtypes = list(iter_subtypes(snapshot))
    prefixes = {f"{type_}.{subtype.name}." for type_, subtype in subtypes}
    gaps = {}
    for type_, subtype in subtypes:
        if subtype.status in GAP_STATUSES or subtype.is_left_out:
            path = _find_gap(f"{type_}.{subtype.name}.", subtype, pattern, prefixes)
            if path:
                gaps[path] = describe_status(type_, subtype)
    return gaps


def describe_status(type_: str, subtype: Subtype) -> str:
    """Return `OS.release is unavailable: <reason>`."""
    reason = subtype.context.get("reason", "")
    status = "not collected" if subtype.is_left_out else subtype.status
    return f"{type_}.{subtype.name} is {status}" + (f": {reason}" if reason else "")


def iter_subtypes(snapshot: Snapshot) -> Iterator[tuple[str, Subtype]]:
    """Yield the subtypes; of equal names the first only."""
    types: set[str] = set()
    for measurement in unfold(snapshot).measurements:
        if measurement.type in types:
            continue
        types.add(measurement.type)
        names: set[str] = set()
        for subtype in measurement.subtypes:
            if subtype.name not in names:
                names.add(subtype.name)
                yield measurement.type, subtype


def matches_path(path: str, pattern: str) -> bool:
    """Return whether a path matches a pattern; `GPU.gpu-*.` does not match `gpu-<n>-state`."""
    return matches_pattern(path, pattern) and not _is_of_state(path, pattern)


def rest_of_pattern(prefix: str, pattern: str) -> str | None:
    """Return the rest of a pattern below a subtype `Type.Subtype.`, None if it cannot match there.

    A `*` stands for no dot between subtype and key, unless no such dot can follow it: `K8s.*`.
    """
    name = prefix[:-1]
    for end in range(len(pattern) - 1, 0, -1):
        if pattern[end] == "." and matches_pattern(name, pattern[:end]):
            return None if _is_of_state(prefix, pattern) else pattern[end + 1 :] or "*"
    for end in range(len(pattern)):
        is_crossing = pattern[end] == "*" and KEY_BEHIND.match(pattern, end + 1)
        if is_crossing and matches_pattern(prefix, pattern[: end + 1]):
            return pattern[end:]
    return None


def _find_gap(prefix: str, subtype: Subtype, pattern: str, prefixes: Collection[str]) -> str:
    """Return the path that a pattern may match where a subtype has a gap, empty if none."""
    rest = rest_of_pattern(prefix, pattern)
    if rest is not None:
        is_read = any(matches_path(f"{prefix}{key}", pattern) for key in subtype.data)
        return "" if is_read else prefix + rest
    state = f"{prefix[:-1]}-state."
    if not DEVICE.fullmatch(prefix) or state in prefixes:
        return ""
    rest = rest_of_pattern(state, pattern)
    return "" if rest is None else state + rest


def _is_of_state(path: str, pattern: str) -> bool:
    state = STATE.match(path)
    return state is not None and pattern.startswith(f"{state[1]}*.")


def _explain_missing(snapshot: Snapshot, path: ConstraintPath, named: list[Subtype]) -> str:
    for subtype in named:
        if subtype.status != OK:
            return describe_status(path.type, subtype)
        key = path.text.partition(".")[2][len(subtype.name) + 1 :]
        return f"{path.type}.{subtype.name} has no key {key!r}"
    known = [subtype.name for type_, subtype in iter_subtypes(snapshot) if type_ == path.type]
    if not known:
        return f"it has no subtypes of type {path.type}"
    return f"{path.type} has the subtypes {', '.join(known)}"
