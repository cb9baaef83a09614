"""Which subtypes of two documents stand for the same thing. Pure.

All go by their names but those of GPUs: a GPU is its UUID, else its place on the PCI bus. Its
number is neither, for it moves up when another GPU is gone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kubectl_snapshot.document.paths import iter_subtypes
from kubectl_snapshot.document.snapshot import ABSENT, TYPES, Subtype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kubectl_snapshot.document.snapshot import Snapshot

    Index = Mapping[tuple[str, str], Subtype]

GPU = "GPU"
GPU_NAME = re.compile(r"(gpu-[0-9]+)(-state)?")
TOPOLOGY = (GPU, "topology")
# Where the number of GPUs is told besides there being a subtype of each.
COUNTS = (("smi", "gpu-count"), ("hardware", "gpu-count"), ("device", "count"))


@dataclass(frozen=True)
class Pair:
    """One subtype of both documents; None where a document has none."""

    type: str
    before: Subtype | None
    after: Subtype | None

    @property
    def name(self) -> str:
        """Return its path: that of the first document, which has it in most cases."""
        subtype = self.before or self.after
        return f"{self.type}.{subtype.name}" if subtype else self.type


@dataclass(frozen=True)
class Pairs:
    """All subtypes of two documents in their order, and the UUIDs of GPUs that only one has."""

    pairs: tuple[Pair, ...]
    lone_gpus: frozenset[str] = field(default_factory=frozenset)


def pair_subtypes(before: Snapshot, after: Snapshot, is_one_node: bool) -> Pairs:
    """Return the subtypes of two documents, each with its counterpart."""
    old, new = _index(before), _index(after)
    twins = _match_gpus(old, new, is_one_node)
    uuids = {
        uuid_of(new[GPU, twin]): uuid_of(old[GPU, name])
        for name, twin in twins.items()
        if uuid_of(new[GPU, twin])
    }
    if TOPOLOGY in new:
        new = {**new, TOPOLOGY: _rename_links(new[TOPOLOGY], uuids)}
    found = list(_pair(old, new, twins))
    rank = {name: index for index, name in enumerate(TYPES)}
    found.sort(key=lambda pair: rank.get(pair.type, len(TYPES)))
    return Pairs(tuple(found), frozenset(_lone_gpus(found)))


def is_gpu(pair: Pair) -> bool:
    """Return whether a pair is of one GPU, configuration or state."""
    return pair.type == GPU and GPU_NAME.fullmatch(pair.name[len(GPU) + 1 :]) is not None


def count_gpus(snapshot: Snapshot) -> int | None:
    """Return how many GPUs a document says there are, None where nobody has counted.

    NVIDIA AICR also writes 0 where it could not look; a count of 0 needs the status `absent`.
    """
    index = _index(snapshot)
    for name, key in COUNTS:
        subtype = index.get((GPU, name), Subtype(name))
        count = subtype.data.get(key)
        if isinstance(count, int) and (count > 0 or subtype.status == ABSENT):
            return int(count)
    return None


def tells_all_gpus(snapshot: Snapshot) -> bool:
    """Return whether a document has a subtype for each GPU that was counted."""
    count = count_gpus(snapshot)
    told = [n for t, n in _index(snapshot) if t == GPU and re.fullmatch("gpu-[0-9]+", n)]
    return count is not None and len(told) >= count


def uuid_of(gpu: Subtype) -> str:
    """Return the UUID of a GPU, empty where it is not told."""
    return str(gpu.data.get("uuid") or gpu.context.get("uuid", ""))


def _index(snapshot: Snapshot) -> dict[tuple[str, str], Subtype]:
    return {(type_, subtype.name): subtype for type_, subtype in iter_subtypes(snapshot)}


def _pair(old: Index, new: Index, twins: Mapping[str, str]) -> Iterator[Pair]:
    taken = set()
    for (type_, name), subtype in old.items():
        gpu = GPU_NAME.fullmatch(name) if type_ == GPU else None
        twin = (twins[gpu[1]] + (gpu[2] or "") if gpu[1] in twins else "") if gpu else name
        taken.add((type_, twin))
        yield Pair(type_, subtype, new.get((type_, twin)))
    for (type_, name), subtype in new.items():
        if (type_, name) not in taken:
            yield Pair(type_, None, subtype)


def _match_gpus(old: Index, new: Index, is_one_node: bool) -> dict[str, str]:
    """Return the names of the first document's GPUs, each with the second one's name for it."""
    left, right = _gpus(old), _gpus(new)
    twins: dict[str, str] = {}
    for identify in (uuid_of, _address_of):
        _match(left, right, identify, twins)
    if not twins and not is_one_node:
        # A cloud gives each machine addresses of its own: the first to the first, and so on.
        twins.update(zip(left, right))
    return twins


def _match(
    left: dict[str, Subtype],
    right: dict[str, Subtype],
    identify: Callable[[Subtype], str],
    twins: dict[str, str],
) -> None:
    """Move what two sides have in common into `twins`."""
    named = {identify(gpu): name for name, gpu in right.items() if identify(gpu)}
    for name in list(left):
        twin = named.get(identify(left[name]), "")
        if twin in right:
            twins[name] = twin
            del left[name], right[twin]


def _gpus(index: Index) -> dict[str, Subtype]:
    return {
        name: subtype
        for (type_, name), subtype in index.items()
        if type_ == GPU and re.fullmatch("gpu-[0-9]+", name)
    }


def _address_of(gpu: Subtype) -> str:
    return str(gpu.data.get("pci.bus-id") or gpu.context.get("pci-bus-id", ""))


def _rename_links(topology: Subtype, uuids: Mapping[str, str]) -> Subtype:
    """Return the links between GPUs by the UUIDs that the first document has for them."""
    data = {
        "/".join(uuids.get(uuid) or uuid for uuid in pair.split("/")): link
        for pair, link in topology.data.items()
    }
    return replace(topology, data=data)


def _lone_gpus(pairs: list[Pair]) -> Iterator[str]:
    for pair in pairs:
        subtype = pair.before or pair.after
        if is_gpu(pair) and (pair.before is None or pair.after is None) and subtype:
            yield uuid_of(subtype)
