"""Devices, such as GPUs, that are gone or unreadable, and changes that follow from them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff.change import (
    ADDED,
    CHANGED,
    LETTERS,
    REMOVED,
    UNKNOWN,
    Change,
)
from kubectl_snapshot.document.diff.gaps import explain, is_unread
from kubectl_snapshot.document.diff.match import (
    count_devices,
    identify,
    is_counted_by_driver,
    lists_all_devices,
)
from kubectl_snapshot.document.snapshot import Subtype

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubectl_snapshot.document.diff.match import Pair
    from kubectl_snapshot.document.registry import Devices, Registry
    from kubectl_snapshot.document.snapshot import Snapshot


class DeviceFacts(NamedTuple):
    """The devices of one type in both documents.

    `gaps` is why each document does not list all its devices, empty where it does; `is_counted`
    whether the driver answered. `pairs` are the devices, without their states, `named` the
    same by their name in each document. `balance` is how many more devices the second one lists,
    `broken` how many more cannot be read there. `unlinked` are the ids of devices that only one
    document has or that one could not read.
    """

    devices: Devices
    gaps: tuple[str, str]
    is_counted: tuple[bool, bool]
    pairs: tuple[Pair, ...]
    named: tuple[Mapping[str, Pair], Mapping[str, Pair]]
    balance: int
    broken: int
    unlinked: frozenset[str]


def find_device_facts(
    before: Snapshot, after: Snapshot, pairs: Sequence[Pair], registry: Registry
) -> dict[str, DeviceFacts]:
    """Return the facts of each type that has devices."""
    return {
        spec.type: _find_facts((before, after), spec.type, spec.devices, pairs)
        for spec in registry
        if spec.devices
    }


def _find_facts(
    sides: tuple[Snapshot, Snapshot], type_: str, devices: Devices, pairs: Sequence[Pair]
) -> DeviceFacts:
    found = tuple(
        pair
        for pair in pairs
        if pair.devices and pair.type == type_ and not pair.name.endswith(devices.state_suffix)
    )
    gaps = [_explain_unlisted(side, type_, devices) for side in sides]
    counted = [is_counted_by_driver(side, type_, devices) for side in sides]
    return DeviceFacts(
        devices,
        (gaps[0], gaps[1]),
        (counted[0], counted[1]),
        found,
        (
            {p.before.name: p for p in found if p.before},
            {p.after.name: p for p in found if p.after},
        ),
        sum((pair.before is None) - (pair.after is None) for pair in found),
        sum(_is_unread(pair.after) - _is_unread(pair.before) for pair in found),
        frozenset(_list_unlinked(found, devices)),
    )


def describe_one_sided(pair: Pair, facts: DeviceFacts | None, why: str) -> Change:
    """Return the change for a subtype that only one document has; `why` it was not collected.

    A tool writes every subtype that it collects, so the other one did not collect it. Only devices
    are added and removed.
    """
    is_removed = pair.after is None
    subtype = pair.before or pair.after or Subtype("")
    gap = _explain_one_sided(pair, is_removed, facts, why)
    if gap or pair.devices is None:
        note = f"{LETTERS[is_removed]}: {gap}"
        return Change(pair.name, "", UNKNOWN, note=note, values=subtype.data)
    texts = (str(subtype.data.get(key, "")) for key in pair.devices.describe_by)
    note = " at ".join(text for text in texts if text)
    kind = REMOVED if is_removed else ADDED
    return Change(pair.name, "", kind, note=note, values=subtype.data)


def describe_status(pair: Pair, facts: DeviceFacts) -> Iterator[Change]:
    """Yield the change of a device that only one document could read, or for another reason.

    It is a difference where the driver answered for the others; else nothing is known.
    """
    old, new = pair.before, pair.after
    if old is None or new is None or pair.name.endswith(facts.devices.state_suffix):
        return
    unread = [is_unread(subtype) for subtype in (old, new)]
    knows = all(not gap or counted for gap, counted in zip(unread, facts.is_counted))
    if any(unread) and knows and old.status != new.status:
        note = (new if unread[1] else old).context.get("reason", "")
        yield Change(pair.name, "context.status", CHANGED, old.status, new.status, note)


def follows_from_devices(change: Change, facts: DeviceFacts) -> bool:
    """Return whether a change follows from a device that is gone or unreadable.

    Its state, its links, and the counts of devices do.
    """
    name = change.subtype.partition(".")[2]
    if name == facts.devices.links:
        keys = [*change.values] if not change.key else [change.key]
        return bool(keys) and all(_is_unlinked(key, facts) for key in keys)
    if not change.key and name.endswith(facts.devices.state_suffix) and change.kind != UNKNOWN:
        return True
    if (name, change.key) not in facts.devices.counts:
        return False
    before, after = change.before, change.after
    is_counted = isinstance(before, int) and isinstance(after, int)
    # The driver lists a lost device or does not.
    expected = (facts.balance, facts.balance - facts.broken)
    return is_counted and int(after or 0) - int(before or 0) in expected


def list_causes(facts: DeviceFacts) -> Iterator[str]:
    """Yield the names of devices that are gone or unreadable in one document only."""
    for pair in facts.pairs:
        if pair.is_one_sided or _is_unread(pair.before) != _is_unread(pair.after):
            yield pair.name


def is_links(name: str, facts: DeviceFacts | None) -> bool:
    """Return whether a subtype, as `GPU.topology`, lists the links between devices."""
    return facts is not None and name.partition(".")[2] == facts.devices.links


def _explain_one_sided(pair: Pair, is_removed: bool, facts: DeviceFacts | None, why: str) -> str:
    """Return why the other document lacks a subtype, empty if its device is gone."""
    if facts is None or pair.devices is None:
        return why
    device = _find_device(pair, facts)
    other = device and (device.after if is_removed else device.before)
    if other and device is not pair:
        return explain(other) or why
    return facts.gaps[is_removed]


def _find_device(pair: Pair, facts: DeviceFacts) -> Pair | None:
    """Return the pair of the device itself, of a pair that may be its state."""
    name = (pair.before or pair.after or Subtype("")).name.removesuffix(facts.devices.state_suffix)
    return facts.named[pair.before is None].get(name)


def _list_unlinked(pairs: Sequence[Pair], devices: Devices) -> Iterator[str]:
    for pair in pairs:
        both = [subtype for subtype in (pair.before, pair.after) if subtype]
        if pair.is_one_sided or any(is_unread(subtype) for subtype in both):
            yield from (identify(subtype, devices.identities[0]) for subtype in both)


def _is_unlinked(key: str, facts: DeviceFacts) -> bool:
    # A device without an id has its number in the driver's list.
    ids = [id_ for id_ in key.split("/") if id_]
    is_any = bool(facts.unlinked)
    return any(id_ in facts.unlinked or (is_any and id_.startswith("index ")) for id_ in ids)


def _explain_unlisted(snapshot: Snapshot, type_: str, devices: Devices) -> str:
    """Return why a document does not list all its devices, empty where it does."""
    if lists_all_devices(snapshot, type_, devices):
        return ""
    count = count_devices(snapshot, type_, devices)
    return f"counts {count} {type_}s but does not list them" if count else f"{type_}s not counted"


def _is_unread(subtype: Subtype | None) -> bool:
    return subtype is not None and is_unread(subtype)
