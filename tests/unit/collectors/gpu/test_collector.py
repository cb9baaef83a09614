"""GPUs in a document: by a driver that answers, by one that does not, and by the bus alone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kubectl_snapshot.clients.gpu.driver_files import KernelModule
from kubectl_snapshot.clients.gpu.integrated import IntegratedGpu
from kubectl_snapshot.clients.gpu.nvml import DriverGpu
from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.clients.host.pci import PciGpu, read_pci_gpus
from kubectl_snapshot.collectors.gpu import collector as gpu
from kubectl_snapshot.collectors.gpu import inventory as gpu_inventory
from kubectl_snapshot.collectors.gpu.inventory import NVIDIA_SMI, NVML, GpuInventory, match_gpus
from kubectl_snapshot.collectors.gpu.smi.report import parse_report
from kubectl_snapshot.collectors.gpu.subtypes import build_subtypes
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.collectors.run.runner import run_collectors
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Internal, Timeout, Unavailable
from tests.unit.gpus import (
    add_kernel_module,
    add_pci_device,
    add_virtual_function,
    configure,
)
from tests.unit.hosts import HOSTS

ADDRESSES = ("0000:1b:00.0", "0000:2b:00.0", "0000:3b:00.0")
MODULE = KernelModule("570.124.06", "open")
SYSTEM = {"driver": "570.124.06", "cuda-version": "12.8", "nvml-version": "12.570.124.06"}
LONG_S = 60.0


def pci_gpus(*addresses: str, driver: str = "nvidia") -> tuple[PciGpu, ...]:
    return tuple(PciGpu(address, driver, 0) for address in addresses)


def driver_gpu(index: int, address: str = "", **changes: object) -> DriverGpu:
    config = {"name": "NVIDIA H100", "uuid": f"GPU-{index}", "persistence-mode": True}
    if address:
        config["pci.bus-id"] = address
    made = DriverGpu(index, config, {"temperature.gpu-c": 30}, {}, links={})
    return replace(made, **changes)  # type: ignore[arg-type]


def lost(index: int) -> DriverGpu:
    return DriverGpu(index, error=Internal("the GPU does not respond", why="GPU is lost"))


def two_of_two(**changes: object) -> GpuInventory:
    gpus = (driver_gpu(0, ADDRESSES[0]), driver_gpu(1, ADDRESSES[1], links={0: "NV18"}))
    inventory = GpuInventory(pci_gpus(*ADDRESSES[:2]), MODULE, NVML, SYSTEM, gpus)
    return replace(inventory, **changes)  # type: ignore[arg-type]


def unreadable(reason: Exception, **changes: object) -> GpuInventory:
    return GpuInventory(pci_gpus(*ADDRESSES), MODULE, error=reason, **changes)  # type: ignore[arg-type]


def build(inventory: GpuInventory) -> dict[str, Subtype]:
    return {subtype.name: subtype for subtype in build_subtypes(inventory)}


def statuses(subtypes: Mapping[str, Subtype]) -> set[str]:
    return {subtype.status for subtype in subtypes.values()}


def collect(root: Path | None, within_s: float = LONG_S) -> Sequence[Subtype]:
    host = HostPath(None if root is None else str(root))
    deadline = time.monotonic() + within_s
    (measurement,) = run_collectors([gpu], Context(host), deadline, lambda event: None)
    return measurement.subtypes


def place(library: Path, root: Path) -> None:
    """Install the fake driver in a host tree."""
    target = root / "usr/lib/x86_64-linux-gnu"
    target.mkdir(parents=True)
    for name in (library.name, "fake-nvml.conf"):
        (target / name).write_bytes((library.parent / name).read_bytes())


def test_two_gpus_are_reported_in_the_documents_order(library: Path, tmp_path: Path) -> None:
    root = tmp_path / "host"
    place(library, root)
    add_kernel_module(root)
    add_pci_device(root, "0000:1b:00.0", driver="nvidia")
    add_pci_device(root, "0000:2b:00.0", driver="nvidia")
    subtypes = collect(root)
    assert [subtype.name for subtype in subtypes] == [
        "smi",
        "device",
        "hardware",
        "gpu-0",
        "gpu-0-state",
        "gpu-1",
        "gpu-1-state",
        "topology",
    ]
    assert {subtype.status for subtype in subtypes} == {"ok"}
    by_name = {subtype.name: subtype for subtype in subtypes}
    assert by_name["smi"].data["gpu-count"] == 2
    assert by_name["smi"].data["gpu.gsp-firmware-version"] == "570.124.06"
    assert by_name["device"].data["kernel-module-flavor"] == "open"
    assert by_name["gpu-1"].data["pci.numa-node"] == 1
    assert by_name["hardware"].data["detection-source"] == "nvml"
    assert by_name["gpu-1"].context["uuid"] == "GPU-00000001-0000-4000-8000-000000000001"
    assert list(by_name["topology"].data.values()) == ["NV18"]


def test_the_installed_fabric_manager_is_beside_the_driver(library: Path, tmp_path: Path) -> None:
    place(library, tmp_path)
    add_kernel_module(tmp_path)
    packages = tmp_path / "var/lib/dpkg/status"
    packages.parent.mkdir(parents=True)
    packages.write_text(
        "Package: nvidia-fabricmanager-570\nStatus: hold ok installed\nVersion: 570.124.06-1\n"
    )
    (device,) = (s for s in collect(tmp_path) if s.name == "device")
    assert device.data["fabric-manager-version"] == device.data["driver"] == "570.124.06"
    packages.unlink()
    packages.mkdir()
    (device,) = (s for s in collect(tmp_path) if s.name == "device")
    assert "fabric-manager-version" not in device.data
    assert (
        "fabric-manager-version: /var/lib/dpkg/status of the node is not"
        in device.context["reason"]
    )


def test_a_node_without_gpu_has_none_and_that_is_no_gap(tmp_path: Path) -> None:
    (tmp_path / "sys/bus/pci/devices").mkdir(parents=True)
    (tmp_path / "proc/sys").mkdir(parents=True)
    subtypes = {subtype.name: subtype for subtype in collect(tmp_path)}
    assert statuses(subtypes) == {"absent"}
    assert subtypes["smi"].data == {"gpu-count": 0}
    assert subtypes["hardware"].data == {
        "gpu-present": False,
        "gpu-count": 0,
        "driver-loaded": False,
        "detection-source": "pci",
    }


def test_gpus_without_a_driver_are_reported_by_the_bus(tmp_path: Path) -> None:
    (tmp_path / "proc/sys").mkdir(parents=True)
    add_pci_device(tmp_path, ADDRESSES[0], driver="nouveau")
    subtypes = {subtype.name: subtype for subtype in collect(tmp_path)}
    assert subtypes["smi"].data == {}
    assert subtypes["smi"].context["reason"] == "no NVIDIA driver found on the node"
    assert subtypes["smi"].context["pci.gpu-count"] == "1"
    assert subtypes["hardware"].status == "partial"
    assert subtypes["hardware"].data["gpu-count"] == 1
    assert subtypes["gpu-0"].data["pci.driver"] == "nouveau"
    assert "gpu-0-state" not in subtypes


def test_without_the_nodes_files_nothing_is_counted_and_nothing_denied() -> None:
    subtypes = {subtype.name: subtype for subtype in collect(None)}
    assert statuses(subtypes) == {"unavailable"}
    assert [subtype.data for subtype in subtypes.values()] == [{}] * 4
    assert "--privileged=false" in subtypes["smi"].context["reason"]


def test_a_gpu_that_hangs_is_reported_before_the_deadline(library: Path, tmp_path: Path) -> None:
    configure(library, gpus=8, gpu__2__fault="hang")
    root = tmp_path / "host"
    place(library, root)
    add_kernel_module(root)
    (root / "sys/bus/pci/devices").mkdir(parents=True)
    started = time.monotonic()
    subtypes = collect(root, within_s=2.5)
    assert time.monotonic() - started < 10
    gaps = {subtype.name: subtype.status for subtype in subtypes if subtype.status != "ok"}
    assert gaps == {"gpu-2": "timeout", "gpu-2-state": "timeout", "topology": "partial"}


def test_a_gpu_that_only_the_bus_has_is_a_finding_with_its_address() -> None:
    inventory = two_of_two(pci=pci_gpus(ADDRESSES[0], ADDRESSES[1], ADDRESSES[2]))
    subtypes = build(inventory)
    for name in ("smi", "device", "hardware"):
        assert subtypes[name].status == "partial"
        assert subtypes[name].context["pci.missing"] == ADDRESSES[2]
        assert subtypes[name].context["pci.gpu-count"] == "3"
    reason = "3 GPUs are on the PCI bus and 2 in the driver: 0000:3b:00.0 missing"
    assert subtypes["hardware"].context["reason"] == reason
    assert subtypes["smi"].data["gpu-count"] == 2
    assert "the driver does not list it" in subtypes["gpu-2"].context["reason"]


@pytest.mark.parametrize(
    ("driver", "excluded", "reason"),
    [
        ("", (), "no driver is bound to it"),
        ("vfio-pci", (), "vfio-pci is bound to it"),
        ("nvidia", (ADDRESSES[0],), "the driver's configuration excludes it"),
    ],
)
def test_a_missing_gpu_says_why(driver: str, excluded: tuple[str, ...], reason: str) -> None:
    missing = pci_gpus(ADDRESSES[0], driver=driver)
    inventory = two_of_two(
        pci=missing + pci_gpus(ADDRESSES[1]),
        driver_gpus=(driver_gpu(0, ADDRESSES[1]),),
        excluded=excluded,
    )
    subtypes = build(inventory)
    reasons = subtypes["gpu-0"].context["reason"]
    assert reasons == f"the GPU is only on the PCI bus: {reason}"
    assert subtypes["gpu-1"].data["uuid"] == "GPU-0"


@pytest.mark.parametrize("driver", ["nvidia", "vfio-pci"])
def test_virtual_functions_are_no_gpus_and_none_is_missing(
    library: Path, tmp_path: Path, driver: str
) -> None:
    configure(library, gpus=1, virtualization_mode=3)
    root = tmp_path / "host"
    place(library, root)
    add_kernel_module(root)
    add_pci_device(root, ADDRESSES[0], driver="nvidia")
    for function in range(4, 8):
        add_virtual_function(root, f"0000:1b:00.{function}", ADDRESSES[0], driver)
    subtypes = {subtype.name: subtype for subtype in collect(root)}
    assert {name: s.status for name, s in subtypes.items() if s.status != "ok"} == {
        "topology": "absent"
    }
    assert subtypes["hardware"].data["gpu-count"] == 1
    assert subtypes["gpu-0"].data["virtualization-mode"] == "Host VGPU"


def test_a_gpu_given_to_a_virtual_machine_is_reported_from_one_that_the_driver_lost(
    tmp_path: Path,
) -> None:
    (tmp_path / "proc/sys").mkdir(parents=True)
    add_pci_device(tmp_path, ADDRESSES[0], driver="vfio-pci")
    add_pci_device(tmp_path, ADDRESSES[1])
    subtypes = {subtype.name: subtype for subtype in collect(tmp_path)}
    assert "vfio-pci is bound to it" in subtypes["gpu-0"].context["reason"]
    assert subtypes["gpu-1"].context["reason"] == "no NVIDIA driver found on the node"


def jetson(root: Path) -> Path:
    """A host tree of a Jetson, with a network card on the PCI bus."""
    (root / "proc/sys").mkdir(parents=True)
    (root / "proc/modules").write_text("nvgpu 2654208 21 - Live 0x0 (O)\n")
    (root / "sys/devices/platform/17000000.ga10b").mkdir(parents=True)
    add_pci_device(root, "0008:01:00.0", class_code="0x020000", vendor="0x10ec")
    return root


def test_an_integrated_gpu_is_there_and_cannot_be_read(tmp_path: Path) -> None:
    subtypes = {subtype.name: subtype for subtype in collect(jetson(tmp_path))}
    reason = (
        "the integrated GPU 17000000.ga10b cannot be read: "
        "NVML does not list GPUs of the driver nvgpu"
    )
    for name in ("smi", "device", "topology"):
        assert (subtypes[name].status, subtypes[name].data) == ("unavailable", {})
        assert subtypes[name].context["reason"] == reason
    assert subtypes["hardware"].status == "partial"
    assert subtypes["hardware"].data == {
        "gpu-present": True,
        "gpu-count": 1,
        "driver-loaded": True,
        "detection-source": "platform",
    }


def test_an_integrated_gpu_that_is_only_inferred_is_not_counted(tmp_path: Path) -> None:
    (tmp_path / "proc/sys").mkdir(parents=True)
    (tmp_path / "sys/devices/soc0").mkdir(parents=True)
    (tmp_path / "sys/devices/soc0/family").write_text("Tegra\n")
    subtypes = {subtype.name: subtype for subtype in collect(tmp_path)}
    assert subtypes["smi"].status == "unavailable"
    assert subtypes["hardware"].data == {
        "gpu-present": True,
        "driver-loaded": False,
        "detection-source": "platform",
    }


def test_a_driver_that_lists_no_gpu_does_not_read_the_integrated_one(
    library: Path, tmp_path: Path
) -> None:
    configure(library, gpus=0)
    root = jetson(tmp_path / "host")
    place(library, root)
    subtypes = {subtype.name: subtype for subtype in collect(root)}
    assert subtypes["smi"].status == "unavailable"
    assert "gpu-count" not in subtypes["smi"].data


def test_the_error_of_a_driver_on_a_tegra_keeps_its_status(library: Path, tmp_path: Path) -> None:
    configure(library, fault=16)
    root = jetson(tmp_path / "host")
    place(library, root)
    add_kernel_module(root)
    smi = collect(root)[0]
    assert smi.status == "error"
    assert smi.context["reason"].startswith("the integrated GPU 17000000.ga10b cannot be read: NV")


def test_an_integrated_gpu_that_nvml_lists_is_read_without_an_address(
    library: Path, tmp_path: Path
) -> None:
    configure(library, gpus=1, nvmlDeviceGetPciInfo_v3=3, model="Orin (nvgpu)")
    root = jetson(tmp_path / "host")
    place(library, root)
    subtypes = {subtype.name: subtype for subtype in collect(root)}
    assert subtypes["smi"].status == "ok"
    assert subtypes["smi"].data["gpu.model"] == "Orin (nvgpu)"
    assert subtypes["hardware"].data["gpu-count"] == 1
    assert "pci-bus-id" not in subtypes["gpu-0"].context


def test_an_integrated_gpu_beside_others_is_a_gap_and_gets_no_others_address() -> None:
    unread = IntegratedGpu(("17000000.ga10b",), has_driver=True)
    subtypes = build(two_of_two(integrated=unread))
    for name in ("smi", "device", "hardware"):
        reason = "the driver does not list the integrated GPU 17000000.ga10b"
        assert subtypes[name].context["reason"] == reason
    read = driver_gpu(2)  # no error, no address
    gpus = (driver_gpu(0, ADDRESSES[0]), driver_gpu(1, ADDRESSES[1]), read)
    subtypes = build(two_of_two(integrated=unread, driver_gpus=gpus, pci=pci_gpus(*ADDRESSES)))
    assert subtypes["hardware"].context["pci.missing"] == ADDRESSES[2]
    assert "integrated" not in subtypes["hardware"].context["reason"]
    assert build(two_of_two(integrated=IntegratedGpu()))["smi"].status == "ok"


def test_many_values_that_fail_alike_are_one_reason() -> None:
    failed = {f"key-{number}": "GPU requires reset" for number in range(5)}
    first = driver_gpu(0, ADDRESSES[0], failed={**failed, "vbios-version": "Timeout"})
    subtypes = build(two_of_two(pci=pci_gpus(ADDRESSES[0]), driver_gpus=(first,)))
    reason = "key-0, key-1, key-2 and 2 more: GPU requires reset; vbios-version: Timeout"
    assert subtypes["gpu-0"].context["reason"] == reason
    first = driver_gpu(0, ADDRESSES[0], failed=dict.fromkeys("abc", "Timeout"))
    subtypes = build(two_of_two(pci=pci_gpus(ADDRESSES[0]), driver_gpus=(first,)))
    assert subtypes["gpu-0"].context["reason"] == "a, b, c: Timeout"


def test_a_lost_gpu_gets_the_address_that_is_left_over_on_the_bus() -> None:
    gpus = (driver_gpu(0, ADDRESSES[0]), lost(1), driver_gpu(2, ADDRESSES[2]))
    subtypes = build(two_of_two(pci=pci_gpus(*ADDRESSES), driver_gpus=gpus))
    assert subtypes["gpu-1"].context["pci-bus-id"] == ADDRESSES[1]
    assert subtypes["gpu-1"].context["reason"] == "the GPU does not respond: GPU is lost"
    assert "pci.missing" not in subtypes["hardware"].context
    assert subtypes["smi"].status == "ok"


def test_a_lost_gpu_is_none_of_those_that_other_drivers_have_or_the_driver_excludes() -> None:
    lost_one, excluded = pci_gpus("0000:4b:00.0", "0000:5b:00.0")
    pci = (*pci_gpus(ADDRESSES[0]), *pci_gpus(ADDRESSES[1], driver="vfio-pci"), lost_one, excluded)
    gpus = (driver_gpu(0, ADDRESSES[0]), lost(1))
    subtypes = build(two_of_two(pci=pci, driver_gpus=gpus, excluded=(excluded.address,)))
    reasons = {
        subtypes[f"gpu-{n}"].context["pci-bus-id"]: subtypes[f"gpu-{n}"].context.get("reason")
        for n in range(4)
    }
    assert reasons == {
        ADDRESSES[0]: None,
        ADDRESSES[1]: "the GPU is only on the PCI bus: vfio-pci is bound to it",
        lost_one.address: "the GPU does not respond: GPU is lost",
        excluded.address: (
            "the GPU is only on the PCI bus: the driver's configuration excludes it"
        ),
    }


def test_an_excluded_gpu_is_reported_by_the_drivers_list(library: Path, tmp_path: Path) -> None:
    configure(library, gpus=2, excluded="00000000:3B:00.0")
    root = tmp_path / "host"
    place(library, root)
    add_kernel_module(root)
    for address in ADDRESSES:
        add_pci_device(root, address, driver="nvidia")
    subtypes = {subtype.name: subtype for subtype in collect(root)}
    assert "the driver's configuration excludes it" in subtypes["gpu-2"].context["reason"]
    assert subtypes["hardware"].context["pci.missing"] == ADDRESSES[2]


def test_a_display_gpu_of_another_driver_is_reported_beside_the_compute_gpus(
    library: Path, tmp_path: Path
) -> None:
    root = tmp_path / "host"
    place(library, root)
    add_kernel_module(root)
    add_pci_device(root, "0000:03:00.0", class_code="0x030000", vendor="0x1a03", driver="ast")
    add_pci_device(root, "0000:04:00.0", class_code="0x030000", driver="nouveau")
    for address in ADDRESSES[:2]:
        add_pci_device(root, address, driver="nvidia")
    subtypes = {subtype.name: subtype for subtype in collect(root)}
    assert subtypes["smi"].data["gpu-count"] == 2
    assert subtypes["smi"].context["pci.missing"] == "0000:04:00.0"
    assert "nouveau is bound to it" in subtypes["gpu-0"].context["reason"]
    assert (subtypes["gpu-1"].status, subtypes["gpu-2"].status) == ("ok", "ok")


def test_gpus_without_address_stand_after_those_that_the_driver_lists_before_them() -> None:
    gpus = (driver_gpu(0, ADDRESSES[0]), lost(1), lost(2), driver_gpu(3, ADDRESSES[2]))
    found = match_gpus(two_of_two(pci=(), driver_gpus=gpus))
    assert [gpu.driver_gpu and gpu.driver_gpu.index for gpu in found] == [0, 1, 2, 3]


def test_gpus_are_numbered_by_the_bus_and_not_by_the_driver() -> None:
    gpus = (driver_gpu(0, ADDRESSES[1]), driver_gpu(1, ADDRESSES[0], links={0: "PIX"}))
    subtypes = build(two_of_two(driver_gpus=gpus))
    assert subtypes["gpu-0"].data["uuid"] == "GPU-1"
    assert subtypes["topology"].data == {"GPU-1/GPU-0": "PIX"}


def test_smi_has_the_first_gpu_that_answers_and_says_which() -> None:
    subtypes = build(two_of_two(driver_gpus=(lost(0), driver_gpu(1, ADDRESSES[1]))))
    assert subtypes["smi"].data["gpu.model"] == "NVIDIA H100"
    assert subtypes["smi"].context["reason"] == "the values are those of gpu-1"
    subtypes = build(two_of_two(driver_gpus=(lost(0), lost(1))))
    assert subtypes["smi"].data == {"driver": "570.124.06", "cuda-version": "12.8", "gpu-count": 2}
    assert subtypes["smi"].status == "partial"


def test_smi_has_nvidia_smis_words_for_what_is_not_there() -> None:
    first = driver_gpu(0, ADDRESSES[0], unsupported={"display-mode": 26, "addressing-mode": 13})
    data = build(two_of_two(driver_gpus=(first,)))["smi"].data
    assert data["gpu.display-mode"] == "Requested functionality has been deprecated"
    assert data["gpu.addressing-mode"] == "N/A"
    assert data["gpu.persistence-mode"] == "Enabled"


def test_a_value_that_could_not_be_read_is_left_out_and_named() -> None:
    first = driver_gpu(0, ADDRESSES[0], failed={"vbios-version": "Unknown Error"})
    subtypes = build(two_of_two(pci=pci_gpus(ADDRESSES[0]), driver_gpus=(first,)))
    assert "gpu.vbios-version" not in subtypes["smi"].data
    assert subtypes["smi"].context["reason"] == "gpu.vbios-version: Unknown Error"
    assert subtypes["gpu-0"].context["reason"] == "vbios-version: Unknown Error"
    assert subtypes["gpu-0-state"].status == "ok"


def test_a_driver_that_does_not_answer_leaves_no_count() -> None:
    subtypes = build(unreadable(Timeout("NVML does not respond")))
    assert subtypes["smi"].data == {}
    assert {subtypes[name].status for name in ("smi", "device", "topology")} == {"timeout"}
    assert subtypes["device"].data == {
        "driver": "570.124.06",
        "kernel-module-flavor": "open",
    }
    assert subtypes["hardware"].data["gpu-count"] == 3
    assert subtypes["gpu-2"].status == "timeout"


@pytest.mark.parametrize(
    ("ids", "model", "note"),
    [
        (("2330", "2330"), "h100", ""),
        (("2330", "2331"), "h100", ""),
        (("2330", "1e30"), "h100", ""),
        (("2330", "26b9"), None, "model: 2 models: h100, l40s"),
        (("25b6", "25b6"), None, "model: no token for 25b6"),
        (("25b6", "1e30"), None, "model: no token for 25b6, 1e30"),
    ],
)
def test_the_model_is_told_by_the_bus_without_a_driver(
    ids: Sequence[str], model: str | None, note: str
) -> None:
    found = tuple(PciGpu(a, "", None, device_id) for a, device_id in zip(ADDRESSES, ids))
    hardware = build(GpuInventory(found, None, error=Unavailable("no driver")))["hardware"]
    assert hardware.data.get("model") == model
    assert hardware.context.get("note", "") == note
    assert (hardware.data["driver-loaded"], hardware.status) == (False, "partial")


def test_where_the_bus_does_not_tell_the_model_the_driver_does() -> None:
    def by(**config: str) -> object:
        gpu = DriverGpu(0, {"pci.bus-id": ADDRESSES[0], **config}, {}, {}, links={})
        inventory = GpuInventory(Unavailable("no /sys"), MODULE, NVML, SYSTEM, (gpu,))
        return build(inventory)["hardware"].data.get("model")

    assert by(**{"pci.device-id": "0x233510DE", "name": "NVIDIA H100"}) == "h200"
    assert by(**{"pci.device-id": "0x999910DE", "name": "NVIDIA H200 NVL"}) == "h200"
    assert by(name="NVIDIA A100-SXM4-80GB") == "a100"
    assert by() is None


def test_a_note_of_the_report_stays_beside_that_of_the_model() -> None:
    inventory = replace(two_of_two(pci=pci_gpus(*ADDRESSES[:2])), note="NVML: no glibc")
    gpus = tuple(
        replace(gpu, config={"pci.bus-id": gpu.config["pci.bus-id"]})
        for gpu in inventory.driver_gpus
    )
    note = build(replace(inventory, driver_gpus=gpus))["hardware"].context["note"]
    assert note == f"NVML: no glibc; model: no token for {', '.join(ADDRESSES[:2])}"


def test_the_bus_has_the_device_id_of_each_gpu(tmp_path: Path) -> None:
    add_pci_device(tmp_path, "0000:1b:00.0", driver="nvidia")
    place_ = tmp_path / "sys/bus/pci/devices/0000:1b:00.0/device"
    place_.write_text("0x2330\n")
    assert [gpu.device_id for gpu in read_pci_gpus(HostPath(str(tmp_path)))] == ["2330"]
    place_.unlink()
    assert [gpu.device_id for gpu in read_pci_gpus(HostPath(str(tmp_path)))] == [""]


def test_the_driver_is_described_whether_or_not_it_answers() -> None:
    module = {"driver": "570.124.06", "kernel-module-flavor": "open"}
    subtypes = build(two_of_two())
    assert subtypes["device"].data == {**module, **SYSTEM, "count": 2, "model": "NVIDIA H100"}
    assert subtypes["hardware"].data == {
        "driver-loaded": True,
        "detection-source": "nvml",
        "gpu-count": 2,
        "gpu-present": True,
        "model": "h100",
    }
    silent = build(unreadable(Timeout("NVML does not respond")))
    assert silent["hardware"].data == {
        "driver-loaded": True,
        "gpu-present": True,
        "gpu-count": 3,
        "detection-source": "pci",
    }
    none = build(GpuInventory((), MODULE, NVML, SYSTEM))
    assert none["device"].data == {**module, "count": 0}
    assert none["hardware"].data == {
        "driver-loaded": True,
        "gpu-present": False,
        "gpu-count": 0,
        "detection-source": "pci",
    }
    assert none["smi"].data == {"driver": "570.124.06", "cuda-version": "12.8", "gpu-count": 0}


def test_pairs_whose_connection_is_not_known_are_counted() -> None:
    gpus = tuple(driver_gpu(index, address) for index, address in enumerate(ADDRESSES))
    linked = (*gpus[:2], replace(gpus[2], links={0: "NV18"}))
    subtypes = build(two_of_two(pci=pci_gpus(*ADDRESSES), driver_gpus=linked))
    assert subtypes["topology"].data == {"GPU-0/GPU-2": "NV18"}
    assert subtypes["topology"].context == {
        "status": "partial",
        "reason": "the driver does not tell how 2 of 3 pairs of GPUs are linked",
    }


def test_a_gpu_that_no_driver_lists_has_no_uuid() -> None:
    subtypes = build(unreadable(Timeout("NVML does not respond")))
    assert "uuid" not in subtypes["gpu-0"].context
    nameless = build(two_of_two(driver_gpus=(driver_gpu(0, ADDRESSES[0], config={}), lost(1))))
    assert "uuid" not in nameless["gpu-0"].context
    assert "model" not in nameless["device"].data


def test_a_driver_without_gpus_on_a_bus_without_gpus_has_none() -> None:
    subtypes = build(GpuInventory((), MODULE, NVML, SYSTEM))
    assert statuses(subtypes) == {"absent"}
    reasons = {subtype.context["reason"] for subtype in subtypes.values()}
    assert reasons == {"there is no NVIDIA GPU on the PCI bus"}
    assert subtypes["smi"].data == {"driver": "570.124.06", "cuda-version": "12.8", "gpu-count": 0}


def test_a_loaded_driver_that_cannot_be_asked_is_not_taken_for_no_gpu() -> None:
    subtypes = build(GpuInventory((), MODULE, error=Unavailable("no device node")))
    assert statuses(subtypes) == {"unavailable"}
    assert "gpu-count" not in subtypes["hardware"].data


def test_a_bus_that_cannot_be_seen_is_reported_beside_the_drivers_answer() -> None:
    subtypes = build(two_of_two(pci=Unavailable("/sys of the node is not visible")))
    assert subtypes["hardware"].status == "partial"
    assert "GPUs that are not given to this pod" in subtypes["hardware"].context["reason"]


def test_one_gpu_has_no_peers() -> None:
    subtypes = build(
        two_of_two(pci=pci_gpus(ADDRESSES[0]), driver_gpus=(driver_gpu(0, ADDRESSES[0]),))
    )
    assert subtypes["topology"].status == "absent"


def test_where_nvml_cannot_be_loaded_nvidia_smi_is_asked(library: Path, tmp_path: Path) -> None:
    root = tmp_path / "host"
    (root / "usr/lib64").mkdir(parents=True)
    (root / "usr/lib64" / library.name).write_text("for another C library")
    (root / "usr/bin").mkdir()
    # As the real one it finds its library by itself, here beside it.
    smi = root / "usr/bin/nvidia-smi"
    smi.write_bytes((library.parent / "nvidia-smi").read_bytes())
    smi.chmod(0o755)
    beside = root / "usr/lib/x86_64-linux-gnu"
    beside.mkdir(parents=True)
    (beside / library.name).write_bytes(library.read_bytes())
    (beside / "fake-nvml.conf").write_text("gpus = 2\ndevice_node = 0\n")
    add_kernel_module(root)
    (root / "sys/bus/pci/devices").mkdir(parents=True)
    subtypes = {subtype.name: subtype for subtype in collect(root)}
    assert subtypes["smi"].data["gpu-count"] == 2
    assert subtypes["hardware"].data["detection-source"] == NVIDIA_SMI
    assert "cannot be loaded" in subtypes["hardware"].context["note"]
    assert subtypes["gpu-1"].data["pci.bus-id"] == "0000:2b:00.0"
    assert subtypes["gpu-1"].status == "partial"
    assert subtypes["gpu-1-state"].data["temperature.gpu-c"] == 31
    assert "cannot be loaded" in subtypes["gpu-1-state"].context["reason"]
    assert subtypes["topology"].status == "unavailable"


REPORT = """<?xml version="1.0" ?>
<nvidia_smi_log><driver_version>550.54.15</driver_version><cuda_version>12.4</cuda_version>
<attached_gpus>1</attached_gpus><gpu id="00000000:1B:00.0"><product_name>NVIDIA H100</product_name>
<vbios_version>GPU requires reset</vbios_version><uuid>GPU-1</uuid>
<temperature><gpu_temp>ERR!</gpu_temp></temperature>
<pci><pci_bus_id>00000000:1B:00.0</pci_bus_id></pci></gpu></nvidia_smi_log>"""


def test_the_report_is_kept_and_what_is_wrong_with_it_becomes_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_inventory, "_has_glibc", lambda: False)
    smi = tmp_path / "usr/bin/nvidia-smi"
    smi.parent.mkdir(parents=True)
    smi.write_text(f"#!/bin/sh\ncat <<E\n{REPORT}\nWARNING: infoROM is corrupted\nE\nexit 14\n")
    smi.chmod(0o755)
    add_kernel_module(tmp_path)
    add_pci_device(tmp_path, ADDRESSES[0], driver="nvidia")
    subtypes = {subtype.name: subtype for subtype in collect(tmp_path)}
    warning = "nvidia-smi exited with status 14: WARNING: infoROM is corrupted"
    assert subtypes["smi"].data["gpu-count"] == 1
    assert subtypes["smi"].context["reason"] == (
        f"{warning}; gpu.vbios-version: GPU requires reset"
    )
    assert subtypes["device"].context["reason"] == warning
    assert subtypes["device"].data["cuda-version"] == "12.4"
    note = "it needs glibc, and this image's Python uses another C library"
    loaded = f"the driver's library cannot be loaded: {note}"
    reason = f"vbios-version: GPU requires reset; {loaded}"
    assert subtypes["gpu-0"].context["reason"] == reason
    assert subtypes["gpu-0-state"].context["reason"] == f"temperature.gpu-c: ERR!; {loaded}"
    assert "vbios-version" not in subtypes["gpu-0"].data


@pytest.mark.parametrize("error", [ValueError("unknown name"), OSError(22, "Invalid argument")])
def test_a_c_library_that_does_not_know_glibc_is_another(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    assert gpu_inventory._has_glibc()

    def refuse(name: str) -> str:
        raise error

    monkeypatch.setattr("os.confstr", refuse)
    assert not gpu_inventory._has_glibc()


def test_on_musl_the_reason_says_so(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_inventory, "_has_glibc", lambda: False)
    root = tmp_path / "host"
    place(library, root)
    add_kernel_module(root)
    add_pci_device(root, ADDRESSES[0])
    subtypes = {subtype.name: subtype for subtype in collect(root)}
    assert "it needs glibc" in subtypes["smi"].context["reason"]
    assert "nvidia-smi not found on the node" in subtypes["smi"].context["reason"]


def test_a_mismatch_names_both_versions(library: Path, tmp_path: Path) -> None:
    configure(library, fault=18)
    root = tmp_path / "host"
    place(library, root)
    directory = root / "usr/lib/x86_64-linux-gnu"
    (directory / library.name).rename(directory / "libnvidia-ml.so.570.195.03")
    (directory / library.name).symlink_to("libnvidia-ml.so.570.195.03")
    add_kernel_module(root)
    add_pci_device(root, ADDRESSES[0], driver="nvidia")
    subtypes = {subtype.name: subtype for subtype in collect(root)}
    assert subtypes["smi"].status == "error"
    reason = subtypes["smi"].context["reason"]
    assert "kernel module 570.124.06, library 570.195.03" in reason
    assert subtypes["device"].data["driver"] == "570.124.06"


def test_a_mismatch_without_a_loaded_module_has_nvmls_message(
    library: Path, tmp_path: Path
) -> None:
    configure(library, fault=18)
    root = tmp_path / "host"
    place(library, root)
    add_pci_device(root, ADDRESSES[0])
    subtypes = {subtype.name: subtype for subtype in collect(root)}
    assert subtypes["smi"].context["reason"] == (
        "driver/library version mismatch: RM has detected an NVML/RM version mismatch."
    )


def test_without_the_nodes_proc_nothing_is_said_of_the_kernel_module(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    add_pci_device(tmp_path, ADDRESSES[0])
    subtypes = {subtype.name: subtype for subtype in collect(tmp_path)}
    assert subtypes["hardware"].data["gpu-count"] == 1
    assert "driver-loaded" not in subtypes["hardware"].data
    assert subtypes["device"].data == {}


@pytest.mark.parametrize(
    "name", sorted(path.parent.name for path in HOSTS.glob("*/nvidia-smi-q-x.xml"))
)
def test_bus_and_report_of_a_real_shaped_host_tell_the_same_gpus(name: str) -> None:
    root = HOSTS / name
    on_bus = [device.address for device in read_pci_gpus(HostPath(str(root)))]
    report = parse_report((root / "nvidia-smi-q-x.xml").read_bytes())
    assert on_bus == [found.config["pci.bus-id"] for found in report.gpus]
    assert [(found.failed, found.state_failed) for found in report.gpus] == [({}, {})] * len(on_bus)
    assert report.failed == {}
    assert len(on_bus) > 0
