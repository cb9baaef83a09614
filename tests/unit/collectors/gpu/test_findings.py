"""Faults of a real library, read by the real collector: the finding that names each comes first.

The reasons that findings look for are those that the collector writes, not texts of a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Callable

import pytest

from kubectl_snapshot.collectors.all_findings import find_all
from kubectl_snapshot.document.findings.spec import INFO, NodeFindings
from kubectl_snapshot.document.snapshot import Measurement, Snapshot
from tests.unit.collectors.gpu.test_collector import collect, place
from tests.unit.gpus import add_kernel_module, add_pci_device, configure

ADDRESSES = ("0000:1b:00.0", "0000:2b:00.0", "0000:3b:00.0")
Settings = Mapping[str, object]

# The finding, what it is on, and the settings of the driver of a node with three GPUs.
FAULTS: tuple[tuple[str, str, Settings], ...] = (
    ("driver-library-mismatch", "", {"fault": 18}),
    ("driver-failed", "", {"fault": 27}),
    ("gpu-lost", "gpu-1", {"gpu__1__fault": "lost"}),
    ("gpu-lost", "gpu-2", {"gpu__2__fault": 999}),
    ("gpu-lost", "gpu-0", {"gpu__0__fault": 16}),
    ("gpu-missing", "gpu-2", {"gpus": 2}),
    ("recovery-action", "gpu-1", {"gpu__1__recovery_action": 1}),
    ("recovery-action", "gpu-1", {"gpu__1__recovery_action": 2}),
    ("recovery-action", "gpu-1", {"gpu__1__recovery_action": 3}),
    ("row-remap-failed", "gpu-1", {"gpu__1__remap_failed": 1}),
    ("sram-threshold", "gpu-1", {"gpu__1__sram_threshold": 1}),
    ("fabric-not-completed", "gpu-1", {"gpu__1__fabric_state": 1}),
    ("fabric-not-completed", "gpu-[0-2]", {"fabric_state": 2}),
    ("fabric-failed", "gpu-1", {"gpu__1__fabric_status": 999}),
    ("nvlink-down", "gpu-[0-2]", {"nvlink__3__active": 0}),
    ("gpu-slowed-by-hardware", "gpu-1", {"event_reasons": 1, "gpu__1__event_reasons": 0x40}),
    ("gpu-slowed", "gpu-1", {"event_reasons": 1, "gpu__1__event_reasons": 0x20}),
    ("gpu-hot", "gpu-2", {"gpu__2__temperature": 90}),
    ("memory-repair-pending", "gpu-1", {"gpu__1__remap_pending": 1}),
    ("memory-repair-pending", "gpu-1", {"pages_pending": 0, "gpu__1__pages_pending": 1}),
    ("pcie-width", "gpu-1", {"gpu__1__pcie_current_width": 4}),
    ("pcie-generation", "gpu-1", {"gpu__1__pcie_gen": 3, "gpu__1__pcie_current_gen": 3}),
    (
        "pcie-generation-under-load",
        "gpu-1",
        {"gpu__1__pcie_current_gen": 1, "gpu__1__utilization": 80},
    ),
    ("ecc-off", "gpu-1", {"gpu__1__ecc": 0}),
    ("ecc-pending", "gpu-1", {"gpu__1__ecc_pending": 0}),
    ("mig-pending", "gpu-1", {"gpu__1__mig_pending": 1}),
    ("persistence-off", "gpu-1", {"gpu__1__persistence": 0}),
    ("gpu-models-differ", "gpu-1", {"gpu__1__model": "NVIDIA H200"}),
    ("gpu-models-differ", "gpu-1", {"gpu__1__memory": 42949672960}),
    ("vbios-differs", "gpu-1", {"gpu__1__vbios": "96.00.74.00.1A"}),
    ("gpu-limits-differ", "gpu-1", {"gpu__1__power_limit": 500000}),
    ("gsp-version", "gpu-1", {"gpu__1__gsp": "550.54.15"}),
    ("compute-prohibited", "gpu-1", {"gpu__1__compute_mode": 2}),
    ("rows-remapped", "gpu-1", {"gpu__1__remapped": 1}),
    ("pcie-slot", "gpu-[0-2]", {"pcie_gen": 4, "pcie_current_gen": 4}),
    ("power-capped", "gpu-[0-2]", {"power_limit": 600000}),
)
# Healthy, or what a site may want.
FINE: tuple[Settings, ...] = (
    {},
    {"event_reasons": 1},
    {"event_reasons": 4, "pcie_current_gen": 1},
    {"utilization": 99, "temperature": 80},
    {"mig": 1},
    {"nvlinks": 0, "fabric_state": 0},
    {"virtualization_mode": 2, "ecc": 0, "persistence": 0, "nvlinks": 0, "fabric_state": 0},
    {"nvmlDeviceGetRemappedRows": 3, "nvmlDeviceGetEccMode": 3, "nvmlDeviceGetTemperature": 3},
)


@pytest.fixture
def find(library: Path, tmp_path: Path) -> Callable[..., NodeFindings]:
    """Return a function that sets the driver of a node with three GPUs and finds what is wrong."""
    root = tmp_path / "host"

    def find_(
        drivers: tuple[str, ...] = ("nvidia",) * 3, has_module: bool = True, **settings: object
    ) -> NodeFindings:
        configure(library, **{"gpus": 3, **settings})
        place(library, root)
        (root / "proc/sys").mkdir(parents=True)
        if has_module:
            add_kernel_module(root)
        for address, driver in zip(ADDRESSES, drivers):
            add_pci_device(root, address, driver=driver)
        return find_all(Snapshot({}, (Measurement("GPU", tuple(collect(root))),)))

    return find_


@pytest.mark.parametrize(
    ("id_", "on", "settings"), FAULTS, ids=[f"{f[0]}-{n}" for n, f in enumerate(FAULTS)]
)
def test_a_fault_of_the_driver_is_the_first_finding(
    find: Callable[..., NodeFindings], id_: str, on: str, settings: Settings
) -> None:
    found = find(**settings).found
    assert [(f.spec.id, f.on) for f in found][:1] == [(id_, on)]
    assert all(f.spec.severity == INFO for f in found[1:]), [f.spec.id for f in found]


@pytest.mark.parametrize("settings", FINE, ids=map(str, range(len(FINE))))
def test_a_healthy_driver_is_no_alarm(
    find: Callable[..., NodeFindings], settings: Settings
) -> None:
    findings = find(**settings)
    assert [f.spec.id for f in findings.found if f.spec.severity != INFO] == []
    assert len(findings.fine) > 10


@pytest.mark.parametrize(
    ("drivers", "settings", "found"),
    [
        (("nvidia", "nvidia", ""), {"gpus": 2}, ["gpu-unbound"]),
        (("nvidia", "nvidia", "vfio-pci"), {"gpus": 2}, ["gpu-given-away"]),
        (("nvidia",) * 3, {"gpus": 2, "excluded": ADDRESSES[2]}, ["gpu-given-away"]),
        (("vfio-pci",) * 3, {"has_module": False}, ["gpu-given-away"]),
        (("",) * 3, {"has_module": False, "fault": 9}, ["driver-not-loaded"]),
        ((), {"gpus": 0}, []),
    ],
)
def test_a_gpu_that_the_driver_does_not_have_is_told_by_who_has_it(
    find: Callable[..., NodeFindings],
    drivers: tuple[str, ...],
    settings: Mapping[str, object],
    found: list[str],
) -> None:
    ids = [f.spec.id for f in find(drivers, **settings).found if f.spec.id != "unreadable"]
    assert ids == found


def test_a_gpu_that_hangs_costs_its_own_findings(find: Callable[..., NodeFindings]) -> None:
    found = find(gpu__1__fault="hang").found
    assert (found[0].spec.id, found[0].on) == ("gpu-hung", "gpu-1")


def test_a_driver_that_hangs_is_the_finding_and_no_gpu_is(
    find: Callable[..., NodeFindings],
) -> None:
    findings = find(fault="hang")
    assert [f.spec.id for f in findings.found] == ["driver-hung", "unreadable"]
    assert findings.is_unknown(("critical",))
