"""The nearest common ancestor of two PCI devices, by their paths in sysfs."""

from __future__ import annotations

import pytest

from kubectl_snapshot.clients.host.pci import find_pci_path
from kubectl_snapshot.collectors.network.proximity import (
    PciPlace,
    build_proximity,
    compare_places,
)

ROOT = "pci0000:15"
PORT = f"{ROOT}/0000:15:01.0"
SWITCH = f"{PORT}/0000:16:00.0"
GPU = f"{SWITCH}/0000:17:00.0/0000:19:00.0"
NESTED = f"{SWITCH}/0000:17:01.0/0000:1a:00.0/0000:1b:00.0/0000:1c:00.0"


def place(path: str, numa_node: str = "0") -> PciPlace:
    return PciPlace(find_pci_path(f"/sys/devices/{path}"), numa_node)


@pytest.mark.parametrize(
    ("path", "numa_node", "word"),
    [
        (f"{SWITCH}/0000:17:01.0/0000:18:00.0", "0", "PIX"),
        (f"{SWITCH}/0000:17:00.0/0000:19:00.1", "0", "PIX"),
        (NESTED, "0", "PXB"),
        (f"{PORT}/0000:16:00.1", "0", "PXB"),
        (f"{ROOT}/0000:15:02.0/0000:20:00.0", "0", "PHB"),
        (f"{ROOT}/0000:15:00.0", "0", "PHB"),
        ("pci0000:26/0000:26:01.0/0000:27:00.0", "0", "NODE"),
        ("pci0000:97/0000:97:01.0/0000:98:00.0", "1", "SYS"),
        ("pci0000:97/0000:97:01.0/0000:98:00.0", "", ""),
        ("pci0001:15/0001:15:01.0/0001:16:00.0", "1", "SYS"),
    ],
)
def test_the_nearest_common_ancestor_decides(path: str, numa_node: str, word: str) -> None:
    assert compare_places(place(GPU), place(path, numa_node)) == word
    assert compare_places(place(path, numa_node), place(GPU)) == word


def test_the_numa_node_counts_only_between_host_bridges() -> None:
    assert compare_places(place(GPU, ""), place(NESTED, "1")) == "PXB"


def test_a_pair_that_is_unknown_is_no_entry() -> None:
    gpus = {"0000:19:00.0": place(GPU)}
    cards = {"mlx5_0": place(NESTED), "eth0": place("pci0000:00/0000:00:03.0", "")}
    assert build_proximity(gpus, cards) == {"0000:19:00.0/mlx5_0": "PXB"}


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/sys/devices/virtual/net/lo", ()),
        ("/sys/devices/pci0000:00/0000:00:03.0/virtio2/net/eth0", ("pci0000:00", "0000:00:03.0")),
        ("/sys/devices/platform/soc/net/eth0", ()),
    ],
)
def test_a_path_has_its_pci_parts(path: str, parts: tuple[str, ...]) -> None:
    assert find_pci_path(path) == parts
