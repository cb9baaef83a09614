"""The readings of a snapshot for conditions: by path pattern and device, and what is unknown. Pure.

One pass over the subtypes makes groups of those that differ in their first number only, so that a
pattern is matched once per group: documents may have ten thousand GPUs.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.findings.condition import COUNT, GAPS, LABEL, TAINT
from kubectl_snapshot.document.known_paths import Missing
from kubectl_snapshot.document.paths import describe_status, iter_subtypes, rest_of_pattern
from kubectl_snapshot.document.registry import UNSET
from kubectl_snapshot.document.rules.node_groups import find_on_node
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.document.snapshot import ABSENT, GAP_STATUSES, UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.findings.condition import Condition
    from kubectl_snapshot.document.snapshot import Scalar, Snapshot, Subtype

NUMBER = re.compile(r"(?<=-)[0-9]+(?=-|$)")
CONTEXT, STATE = "context.", "-state"
# All loaded modules: a module that is missing here is not loaded.
MODULES = "OS.kmod"
# The effect of a taint that a node does not have.
NONE = "none"


class Reading(NamedTuple):
    """One reading. `value` is None where it is unknown (`reason`) or missing (no reason).

    What the context of an unavailable subtype has may prove something, but rules nothing out: it
    has a reason, too. `note` is the reason of the subtype.
    """

    type: str
    name: str
    key: str
    value: Scalar | None = None
    reason: str = ""
    note: str = ""

    @property
    def path(self) -> str:
        return ".".join(filter(None, (self.type, self.name, self.key)))

    @property
    def number(self) -> str:
        """Return the device's number, "" if the subtype has none."""
        found = NUMBER.search(self.name)
        return found[0] if found else ""


class Readings:
    """The subtypes of a snapshot, by type and by shape: their name with `0` as the number."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.groups: dict[tuple[str, str], dict[str, Subtype]] = {}
        self.located: dict[str, list[tuple[tuple[str, str], str]]] = {}
        self.majorities: dict[str, str] = {}
        for type_, subtype in iter_subtypes(snapshot):
            shape = NUMBER.sub("0", subtype.name, count=1)
            self.groups.setdefault((type_, shape), {})[subtype.name] = subtype

    def find(self, condition: Condition, near: Reading | None = None) -> Iterator[Reading]:
        """Yield what is at a condition's path; near a reading, of the same subtype or device."""
        if condition.function in (LABEL, TAINT):
            yield self._read_on_node(condition.function, condition.path)
        elif condition.function == GAPS:
            yield from self._read_gaps()
        else:
            yield from self._read(condition.path, condition.function == COUNT, near)

    def find_majority(self, condition: Condition) -> str:
        """Return the text that most subtypes have at a path; of equally many, the first."""
        known = self.majorities.get(condition.path)
        if known is None:
            found = [r.value for r in self.find(condition) if r.value is not None]
            counts = Counter(map(text_of, found)).most_common(1)
            known = self.majorities[condition.path] = counts[0][0] if counts else ""
        return known

    def _locate(self, pattern: str) -> list[tuple[tuple[str, str], str]]:
        """Return the groups that a pattern matches, each with the rest of the pattern: the key."""
        if pattern not in self.located:
            type_ = pattern.partition(".")[0]
            start = pattern.partition("*")[0]
            found = []
            for group in self.groups:
                prefix = f"{group[0]}.{group[1]}."
                is_near = prefix.startswith(start) or start.startswith(prefix)
                key = rest_of_pattern(prefix, pattern) if group[0] == type_ and is_near else None
                if key:
                    found.append((group, key))
            self.located[pattern] = found
        return self.located[pattern]

    def _read(self, pattern: str, is_count: bool, near: Reading | None) -> Iterator[Reading]:
        located = self._locate(pattern)
        own = [
            (g, k) for g, k in located if near and g[0] == near.type and near.name in self.groups[g]
        ]
        for group, key in own or located:
            for subtype in self._choose(group, near):
                yield from _read_key(group[0], subtype, key, is_count)
        if near is None:
            yield from self._read_devices_without_state(pattern)
            if not located:
                yield from self._explain(pattern)

    def _choose(self, group: tuple[str, str], near: Reading | None) -> Iterator[Subtype]:
        """Yield the subtypes of a group: near a reading its own, or those of its device."""
        subtypes = self.groups[group]
        name = group[1]
        if near and near.name in subtypes:
            name = near.name
        elif near and near.number:
            name = NUMBER.sub(near.number, name, count=1)
        else:
            yield from subtypes.values()
            return
        if name in subtypes:
            yield subtypes[name]

    def _read_devices_without_state(self, pattern: str) -> Iterator[Reading]:
        """Yield an unknown reading for each device whose state could not be read at all."""
        subtype, _, _ = pattern.partition(f"{STATE}.")
        if subtype == pattern:
            return
        for (type_, shape), _key in self._locate(f"{subtype}.context.status"):
            states = self.groups.get((type_, shape + STATE), {})
            for name, device in self.groups[type_, shape].items():
                if device.status in GAP_STATUSES and name + STATE not in states:
                    yield Reading(type_, name, "", reason=describe_status(type_, device))

    def _explain(self, pattern: str) -> Iterator[Reading]:
        """Yield an unknown reading where a snapshot lacks what a pattern is about."""
        type_ = pattern.partition(".")[0]
        subtypes = [
            s for (t, _), group in self.groups.items() if t == type_ for s in group.values()
        ]
        empty = [s for s in subtypes if s.status in GAP_STATUSES and not s.data]
        if empty:
            yield Reading(type_, empty[0].name, "", reason=describe_status(type_, empty[0]))
        elif not subtypes:
            yield Reading(type_, "", "", reason=f"the snapshot has no measurement of type {type_}")
        elif type_ != "SystemD" and all(s.status != ABSENT for s in subtypes):
            part = ".".join(pattern.split(".")[:2])
            yield Reading(type_, "", "", reason=f"the snapshot has no {part}")

    def _read_on_node(self, kind: str, key: str) -> Reading:
        found = find_on_node(self.snapshot, kind, key)
        name = f"{kind}({key})"
        if not isinstance(found, Missing):
            return Reading("", name, "", found)
        if found.meaning != UNSET:
            return Reading("", name, "", None, found.reason)
        return Reading("", name, "", NONE if kind == TAINT else None)

    def _read_gaps(self) -> Iterator[Reading]:
        for (type_, _), group in self.groups.items():
            for subtype in group.values():
                if subtype.status in GAP_STATUSES:
                    yield from _read_key(type_, subtype, "context.status", False)


def _read_key(type_: str, subtype: Subtype, key: str, is_count: bool) -> Iterator[Reading]:
    note = subtype.context.get("reason", "")
    if key.startswith(CONTEXT):
        name = key[len(CONTEXT) :]
        known = {"status": subtype.status, "name": subtype.name}
        text = known.get(name) or subtype.context.get(name)
        reason = describe_status(type_, subtype) if subtype.status == UNAVAILABLE else ""
        yield Reading(type_, subtype.name, key, text, reason, note)
        return
    found = {key: subtype.data[key]} if key in subtype.data else {}
    if "*" in key:
        head, _, tail = key.partition("*")
        near = ((k, v) for k, v in subtype.data.items() if k.startswith(head) and k.endswith(tail))
        found = {k: v for k, v in near if len(k) >= len(head) + len(tail)}
    if is_count and found:
        found = {key: sum(value is True for value in found.values())}
    for name, value in found.items():
        yield Reading(type_, subtype.name, name, value, note=note)
    if not found and f"{type_}.{subtype.name}" == MODULES and subtype.status not in GAP_STATUSES:
        yield Reading(type_, subtype.name, key, False)
    elif not found:
        is_gap = subtype.status in GAP_STATUSES
        reason = describe_status(type_, subtype) if is_gap else ""
        yield Reading(type_, subtype.name, key, None, reason, note)
