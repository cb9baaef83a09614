"""How near two PCI devices are, by the bridges between them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class PciPlace(NamedTuple):
    """A device: its host bridge, the bridges to it and itself; its NUMA node, "" if unknown."""

    path: tuple[str, ...]
    numa_node: str


def build_proximity(gpus: Mapping[str, PciPlace], cards: Mapping[str, PciPlace]) -> dict[str, str]:
    """Return the word of each pair as `<GPU's address>/<card>`, without those that are unknown."""
    words = {
        f"{gpu}/{card}": compare_places(place, other)
        for gpu, place in gpus.items()
        for card, other in cards.items()
    }
    return {pair: word for pair, word in words.items() if word}


def compare_places(one: PciPlace, other: PciPlace) -> str:
    """Return the nearest common ancestor in the words of `nvidia-smi topo -m`; "" if unknown.

    A switch is two bridges in a row, its upstream port and one downstream port (PCI Express Base
    Specification, 1.3.3): below one switch the rest of a path is a port and the device.
    """
    common = _count_common(one.path, other.path)
    if common >= 2:
        rest = max(len(one.path), len(other.path)) - common
        return "PIX" if rest <= 2 else "PXB"
    if common == 1:
        return "PHB"
    if not (one.numa_node and other.numa_node):
        return ""
    return "NODE" if one.numa_node == other.numa_node else "SYS"


def _count_common(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for mine, theirs in zip(one, other):
        if mine != theirs:
            break
        count += 1
    return count
