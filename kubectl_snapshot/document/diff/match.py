"""Pair the subtypes of two documents. Pure.

Subtypes are paired by name, devices such as GPUs by identity: a device's number changes when
another device is gone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.document.paths import iter_subtypes
from kubectl_snapshot.document.snapshot import ABSENT, Subtype, rank_type
from kubectl_snapshot.records import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_snapshot.document.registry import Devices, Registry
    from kubectl_snapshot.document.snapshot import Snapshot

    Index = Mapping[tuple[str, str], Subtype]


@dataclass(frozen=True)
class Pair:
    """One subtype of both documents; None where a document has none.

    `devices` is set where the subtype is one device, configuration or state.
    """

    type: str
    before: Subtype | None
    after: Subtype | None
    devices: Devices | None = None

    @property
    def name(self) -> str:
        """Return the path, by the name in the first document if that has the subtype."""
        subtype = self.before or self.after
        return f"{self.type}.{subtype.name}" if subtype else self.type

    @property
    def is_one_sided(self) -> bool:
        """Return whether only one document has the subtype."""
        return self.before is None or self.after is None


def pair_subtypes(
    before: Snapshot, after: Snapshot, is_one_node: bool, registry: Registry
) -> tuple[Pair, ...]:
    """Return all subtypes of two documents in order, each with its counterpart."""
    old: Index = _index(before)
    new: Index = _index(after)
    names: dict[tuple[str, str], str] = {}
    devices = {spec.type: spec.devices for spec in registry if spec.devices}
    for type_, declared in devices.items():
        matched = _match_devices(old, new, type_, declared, is_one_node)
        new = _rename_links(old, new, type_, declared, matched)
        for name, other in matched.items():
            names[type_, name] = other
            names[type_, name + declared.state_suffix] = other + declared.state_suffix
    found = list(_pair(old, new, names, devices))
    found.sort(key=lambda pair: rank_type(pair.type))
    return tuple(found)


def count_devices(snapshot: Snapshot, type_: str, devices: Devices) -> int | None:
    """Return the number of devices that a document counts, None if nothing counted them.

    NVIDIA AICR also writes 0 where it could not look; a count of 0 needs the status `absent`.
    """
    index = _index(snapshot)
    for name, key in devices.counts:
        subtype = index.get((type_, name), Subtype(name))
        count = subtype.data.get(key)
        if isinstance(count, int) and (count > 0 or subtype.status == ABSENT):
            return int(count)
    return None


def is_counted_by_driver(snapshot: Snapshot, type_: str, devices: Devices) -> bool:
    """Return whether the driver answered, whatever it said of single devices."""
    name, key = devices.counts[0]
    subtype = _index(snapshot).get((type_, name))
    return subtype is not None and key in subtype.data


def lists_all_devices(snapshot: Snapshot, type_: str, devices: Devices) -> bool:
    """Return whether a document has a subtype for each device that was counted."""
    count = count_devices(snapshot, type_, devices)
    return count is not None and len(_list_devices(_index(snapshot), type_, devices)) >= count


def _index(snapshot: Snapshot) -> dict[tuple[str, str], Subtype]:
    return {(type_, subtype.name): subtype for type_, subtype in iter_subtypes(snapshot)}


def _pair(
    old: Index,
    new: Index,
    names: Mapping[tuple[str, str], str],
    devices: Mapping[str, Devices],
) -> Iterator[Pair]:
    taken = set()
    for (type_, name), subtype in old.items():
        declared = _devices_of(type_, name, devices)
        other = names.get((type_, name), "") if declared else name
        taken.add((type_, other))
        yield Pair(type_, subtype, new.get((type_, other)), declared)
    for (type_, name), subtype in new.items():
        if (type_, name) not in taken:
            yield Pair(type_, None, subtype, _devices_of(type_, name, devices))


def _devices_of(type_: str, name: str, devices: Mapping[str, Devices]) -> Devices | None:
    """Return the declaration of the devices that a subtype is one of, None if it is none."""
    declared = devices.get(type_)
    if declared is None or not _is_device(name.removesuffix(declared.state_suffix), declared):
        return None
    return declared


def _is_device(name: str, devices: Devices) -> bool:
    return re.fullmatch(rf"{re.escape(devices.prefix)}[0-9]+", name) is not None


def _list_devices(index: Index, type_: str, devices: Devices) -> dict[str, Subtype]:
    return {n: s for (t, n), s in index.items() if t == type_ and _is_device(n, devices)}


def _match_devices(
    old: Index, new: Index, type_: str, devices: Devices, is_one_node: bool
) -> dict[str, str]:
    """Return the names of the first document's devices, each with its name in the second."""
    left, right = _list_devices(old, type_, devices), _list_devices(new, type_, devices)
    matched: dict[str, str] = {}
    for keys in (*devices.identities, (devices.position, "")):
        ids = [{name: identify(d, keys) for name, d in side.items()} for side in (left, right)]
        for name, other in match_unique(*ids).items():
            matched[name] = other
            del left[name], right[other]
    if len(left) == len(right) or not is_one_node:
        # Devices of two nodes, and lost ones, share no identity: match the rest in order.
        matched.update(zip(left, right))
    return matched


def match_unique(left: Mapping[str, str], right: Mapping[str, str]) -> dict[str, str]:
    """Return the names whose identity occurs once on each side; an empty one is none."""
    names = [
        {id_: name for name, id_ in side.items() if id_ and list(side.values()).count(id_) == 1}
        for side in (left, right)
    ]
    return {name: names[1][id_] for id_, name in names[0].items() if id_ in names[1]}


def identify(device: Subtype, keys: tuple[str, str]) -> str:
    """Return one identity of a device, empty where the document has none."""
    return str(device.data.get(keys[0], "")) or device.context.get(keys[1], "")


def _rename_links(
    old: Index, new: Index, type_: str, devices: Devices, matched: Mapping[str, str]
) -> Index:
    """Return the second document with the first one's device ids in its links."""
    links = new.get((type_, devices.links))
    if links is None:
        return new
    keys = devices.identities[0]
    ids = {
        identify(new[type_, other], keys): identify(old[type_, name], keys)
        for name, other in matched.items()
    }
    theirs = old.get((type_, devices.links), Subtype(devices.links)).data
    known = {frozenset(pair.split("/")): pair for pair in theirs}
    data = {}
    for pair, link in links.data.items():
        both = [ids.get(id_) or id_ for id_ in pair.split("/")]
        data[known.get(frozenset(both), "/".join(both))] = link
    return {**new, (type_, devices.links): replace(links, data=data)}
