"""NVML through a library that works, lacks functions, loses GPUs, hangs and fails."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.clients.gpu.driver_files import DriverFiles
from kubectl_snapshot.clients.gpu.nvlink import build_peer, read_connection
from kubectl_snapshot.clients.gpu.nvml import (
    CannotLoad,
    Driver,
    DriverGpu,
    DriverMismatch,
    NoDeviceNode,
    build_driver,
    parse_records,
    read_driver,
    translate_init,
)
from kubectl_snapshot.errors import Internal, Timeout, Unavailable
from tests.unit.golden import check_golden
from tests.unit.gpus import configure

LONG_S = 60.0
# Longer than the child needs to start on a busy machine.
HANG_S = 5


def read(
    library: Path, within_s: float = LONG_S, run_directory: str = "", hang_s: float = LONG_S
) -> Driver:
    files = DriverFiles(library=str(library), run_directory=run_directory)
    return read_driver(files, time.monotonic() + within_s, hang_s)


def test_every_gpu_has_its_config_and_state(library: Path) -> None:
    driver = read(library)
    assert driver.system == {
        "driver": "570.124.06",
        "cuda-version": "12.8",
        "nvml-version": "12.570.124.06",
    }
    assert [gpu.index for gpu in driver.gpus] == [0, 1]
    first, second = driver.gpus
    assert first.error is None
    assert first.config["uuid"] == "GPU-00000001-0000-4000-8000-000000000000"
    assert second.config["pci.bus-id"] == "0000:2b:00.0"
    expected = {
        "name": "NVIDIA H100 80GB HBM3",
        "architecture": "Hopper",
        "cuda-compute-capability": "9.0",
        "pci.device-id": "0x233010DE",
        "memory.total-bytes": 85520809984,
        "ecc.current": True,
        "mig.pending": False,
        "power.max-limit-mw": 700000,
        "clocks.max.memory-mhz": 2619,
        "addressing-mode": "HMM",
        "gsp-firmware.version": "570.124.06",
        "cpu-affinity": "0-55",
    }
    assert {key: first.config.get(key) for key in expected} == expected
    assert (first.state["temperature.gpu-c"], second.state["temperature.gpu-c"]) == (30, 31)
    assert first.state["remapped-rows.pending"] is False


def test_all_readings_of_a_gpu_by_their_keys(library: Path) -> None:
    """With MIG on, and a board that has what others lack."""
    configure(
        library,
        gpus=2,
        mig=1,
        mig_devices=1,
        nvlinks=2,
        module_power=1,
        gsp_mode=1,
        sram_threshold=0,
        conf_compute=2,
        multi_gpu=1,
        chassis="1821325090001",
        capabilities=1,
        fabric_health=1,
        virtualization_mode=1,
        host_vgpu_mode=1,
        numa_node_id=2,
        pdi="0x1f",
        remapped=3,
        replays=7,
        energy=2**40,
        accounting=1,
        event_reasons=4,
        pages_pending=0,
        ecc_errors=100,
        clock=1200,
        applications_clock=1400,
        c2c_links=10,
    )
    driver = read(library)
    (gpu,) = driver.gpus[1:]
    check_golden("gpu/nvml.json", render_readings(driver.system, gpu))
    assert (gpu.failed, gpu.state_failed) == ({}, {})


def render_readings(system: Mapping[str, object], gpu: DriverGpu) -> str:
    parts = {"system": system, "config": gpu.config, "state": gpu.state}
    return json.dumps({**parts, "unsupported": gpu.unsupported}, indent=2, sort_keys=True) + "\n"


def test_an_unsupported_value_is_left_out_with_its_code(library: Path) -> None:
    gpu = read(library).gpus[0]
    assert "pdi" not in gpu.config
    assert (gpu.unsupported["pdi"], gpu.unsupported["c2c-mode"]) == (3, 13)
    assert (gpu.failed, gpu.state_failed) == ({}, {})


def test_the_fabric_structure_of_an_older_driver_is_read(library: Path) -> None:
    config = read(library).gpus[0].config
    assert config["fabric.state"] == "Completed"
    assert config["fabric.cluster-uuid"] == "00000000-0000-0000-0000-000000000000"
    assert "fabric.health-summary" not in config
    configure(library, fabric_state=2)
    config = read(library).gpus[0].config
    assert config["fabric.state"] == "In Progress"
    assert "fabric.clique-id" not in config


def test_links_through_switches_are_as_many_as_both_ends_have(library: Path) -> None:
    configure(library, gpu__0__nvlink__3__active=0)
    first, second = read(library).gpus
    assert first.config["nvlink.link-count"] == 18
    assert (first.config["nvlink.3.active"], second.config["nvlink.3.active"]) == (False, True)
    assert "nvlink.3.version" not in first.config
    assert second.config["nvlink.3.remote-type"] == "Switch"
    assert {**(first.links or {}), **(second.links or {})} in ({0: "NV17"}, {1: "NV17"})


def test_gpus_without_nvlinks_have_their_common_ancestor(library: Path) -> None:
    configure(library, nvlinks=0, ancestor=40)
    first, second = read(library).gpus
    assert {*(first.links or {}).values(), *(second.links or {}).values()} == {"NODE"}


def test_mig_devices_keep_their_index_with_gaps(library: Path) -> None:
    configure(library, gpu__1__mig=1, gpu__1__mig_devices=3)
    first, second = read(library).gpus
    assert first.config["mig.max-device-count"] == 7
    assert not [key for key in first.config if key.startswith("mig.0")]
    assert second.config["mig.0.name"] == "NVIDIA H100 80GB HBM3 MIG 1g.10gb"
    assert second.config["mig.2.gpu-instance-id"] == 9
    assert second.config["mig.2.placement"] == "2:1"
    assert not [key for key in second.config if key.startswith("mig.1.")]
    assert "remapped-rows.pending" not in second.state


def test_mig_devices_of_all_profiles_have_their_slices_and_placement(library: Path) -> None:
    configure(
        library,
        gpus=1,
        mig=1,
        mig_devices=3,
        mig__0__name="1c.4g.40gb",
        mig__0__gi=1,
        mig__0__ci=0,
        mig__1__name="3c.4g.40gb",
        mig__1__gi=1,
        mig__1__ci=1,
        mig__1__slices=3,
        mig__0__profile=5,
        mig__0__start=0,
        mig__0__size=4,
        mig__2__name="1g.10gb+me",
        mig__2__gi=13,
        mig__2__profile=20,
        mig__2__start=6,
        mig__2__memory_mib=9728,
        mig__2__sm=14,
        mig__1__gpu_slices=4,
    )
    (gpu,) = read(library).gpus
    assert (gpu.error, gpu.failed) == (None, {})
    mig = {key[4:]: value for key, value in gpu.config.items() if key.startswith("mig.")}
    # Two compute instances share the GPU instance, its profile and its place.
    assert [mig[f"{index}.placement"] for index in range(3)] == ["0:4", "0:4", "6:1"]
    assert [mig[f"{index}.profile-id"] for index in range(3)] == [5, 5, 20]
    assert [mig[f"{index}.gpu-instance-id"] for index in range(3)] == [1, 1, 13]
    assert [mig[f"{index}.compute-instance-id"] for index in range(3)] == [0, 1, 0]
    assert mig["1.gpu-instance-slice-count"] == 4
    assert mig["1.compute-instance-slice-count"] == 3
    assert mig["2.name"] == "NVIDIA H100 80GB HBM3 MIG 1g.10gb+me"
    assert (mig["2.memory-size-mib"], mig["2.multiprocessor-count"]) == (9728, 14)


WORDS = {2: "Invalid Argument", 3: "Not Supported", 4: "Insufficient Permissions", 6: "Not Found"}


@pytest.mark.parametrize("code", WORDS)
@pytest.mark.parametrize(
    ("function", "missing", "reason"),
    [
        ("nvmlDeviceGetAttributes_v2", 4, "attributes"),
        ("nvmlDeviceGetName", 1, "name"),
        ("nvmlDeviceGetUUID", 1, "uuid"),
        ("nvmlDeviceGetComputeInstanceId", 1, "compute-instance-id"),
        ("nvmlDeviceGetGpuInstanceId", 3, "gpu-instance-id"),
        ("nvmlGpuInstanceGetInfo", 2, "gpu-instance"),
    ],
)
def test_a_mig_device_that_does_not_answer_costs_itself_and_leaves_a_reason(
    library: Path, function: str, missing: int, reason: str, code: int
) -> None:
    configure(library, gpus=1, mig=1, mig_devices=3, **{f"mig__0__{function}": code})
    (gpu,) = read(library).gpus
    assert gpu.failed == {f"mig.0.{reason}": WORDS[code]}
    assert len([key for key in gpu.config if key.startswith("mig.0.")]) == 10 - missing
    assert len([key for key in gpu.config if key.startswith("mig.2.")]) == 10
    assert gpu.state["minor-number"] == 0


@pytest.mark.parametrize(("code", "failed"), [(3, {"mig.0": "Not Supported"}), (6, {}), (2, {})])
def test_an_index_without_mig_device_is_no_failure(
    library: Path, code: int, failed: dict[str, str]
) -> None:
    configure(
        library,
        gpus=1,
        mig=1,
        mig_devices=3,
        mig__0__nvmlDeviceGetMigDeviceHandleByIndex=code,
    )
    (gpu,) = read(library).gpus
    assert gpu.failed == failed
    assert gpu.config["mig.2.gpu-instance-id"] == 9
    assert not [key for key in gpu.config if key.startswith("mig.0")]


def test_a_gpu_without_mig_mode_keeps_its_maximum_of_devices(library: Path) -> None:
    configure(library, gpus=1, nvmlDeviceGetMigMode=3)
    (gpu,) = read(library).gpus
    assert gpu.config["mig.max-device-count"] == 7
    assert (gpu.unsupported["mig"], gpu.unsupported["mig-devices"]) == (3, 3)
    assert gpu.failed == {}


@pytest.mark.parametrize("code", WORDS)
def test_a_link_that_does_not_answer_costs_itself_and_leaves_a_reason(
    library: Path, code: int
) -> None:
    configure(library, gpu__0__nvlink__3__nvmlDeviceGetNvLinkState=code)
    first, second = read(library).gpus
    assert first.failed == {"nvlink.3": WORDS[code]}
    links = [key for key in first.config if key.startswith("nvlink.") and key.endswith(".active")]
    assert links == [f"nvlink.{link}.active" for link in range(18) if link != 3]
    assert first.config["nvlink.17.remote-pci-bus-id"] == "0000:06:00.0"
    assert (second.failed, second.config["nvlink.3.active"]) == ({}, True)
    assert {**(first.links or {}), **(second.links or {})} in ({0: "NV17"}, {1: "NV17"})


@pytest.mark.parametrize(
    ("function", "key"),
    [
        ("nvmlDeviceGetNvLinkVersion", "version"),
        ("nvmlDeviceGetNvLinkRemoteDeviceType", "remote-type"),
        ("nvmlDeviceGetNvLinkRemotePciInfo_v2", "remote-pci-bus-id"),
    ],
)
def test_a_detail_is_a_failure_only_if_another_link_has_it(
    library: Path, function: str, key: str
) -> None:
    configure(library, **{f"gpu__0__nvlink__3__{function}": 3})
    gpu = read(library).gpus[0]
    assert gpu.failed == {f"nvlink.3.{key}": "Not Supported"}
    assert f"nvlink.4.{key}" in gpu.config
    configure(library, **{function: 13})
    gpu = read(library).gpus[0]
    assert gpu.failed == {}
    assert gpu.unsupported[f"nvlink.3.{key}"] == 13
    assert gpu.config["nvlink.17.active"] is True


def test_the_hidden_ends_of_links_are_not_written(library: Path) -> None:
    configure(library, gpus=1, nvlink_remote_type=255)
    (gpu,) = read(library).gpus
    assert (gpu.failed, gpu.unsupported["nvlink.0.remote-type"]) == ({}, 3)
    configure(library, gpus=1, nvlink_remote_type=7)
    assert read(library).gpus[0].config["nvlink.0.remote-type"] == "unknown (7)"


def test_without_a_count_the_last_link_that_answers_is_the_last(library: Path) -> None:
    configure(library, gpus=1, nvlink_count=0, nvlinks=12, nvlink__5__nvmlDeviceGetNvLinkState=3)
    (gpu,) = read(library).gpus
    assert "nvlink.link-count" not in gpu.config
    assert gpu.config["nvlink.11.active"] is True
    assert "nvlink.12.active" not in gpu.config
    assert gpu.failed == {"nvlink.5": "Not Supported"}


@pytest.mark.parametrize(
    ("faults", "failed", "unsupported"),
    [
        ({"nvmlDeviceGetNvLinkState": 3}, {}, 3),
        ({"nvmlDeviceGetNvLinkState": 999}, {"nvlink": "Unknown Error"}, None),
        (
            {"nvmlDeviceGetNvLinkState": 3, "nvlink__5__nvmlDeviceGetNvLinkState": 0},
            {},
            3,
        ),
    ],
)
def test_links_of_which_none_answers_are_unsupported_or_one_failure(
    library: Path, faults: dict[str, int], failed: dict[str, str], unsupported: int | None
) -> None:
    configure(library, gpus=1, **faults)
    (gpu,) = read(library).gpus
    assert (gpu.failed, gpu.unsupported.get("nvlink")) == (failed, unsupported)
    assert gpu.config["nvlink.link-count"] == 18
    assert not [key for key in gpu.config if key.endswith(".active")]


def test_a_gpu_that_is_lost_between_two_links_is_lost(library: Path) -> None:
    configure(library, gpu__0__nvlink__3__nvmlDeviceGetNvLinkState=15)
    first, second = read(library).gpus
    assert isinstance(first.error, Internal)
    assert first.error.why == "GPU is lost"
    assert second.error is None


def test_a_gpu_that_requires_a_reset_says_so_for_each_value(library: Path) -> None:
    configure(library, gpu__1__nvmlDeviceGetSerial=16, gpu__1__nvmlDeviceGetPowerUsage=16)
    first, second = read(library).gpus
    assert second.failed == {"serial": "GPU requires restart"}
    assert second.state_failed == {"power.draw-mw": "GPU requires restart"}
    assert (first.failed, first.state_failed) == ({}, {})


@pytest.mark.parametrize(
    ("setting", "key", "name"),
    [
        ({"brand": 9}, "brand", "NVIDIA Virtual Compute Server"),
        ({"brand": 77}, "brand", "unknown (77)"),
        ({"architecture": 10}, "architecture", "Blackwell"),
        ({"architecture": 14}, "architecture", "unknown (14)"),
        ({"compute_mode": 1}, "compute-mode", "Exclusive_Thread"),
        ({"virtualization_mode": 2}, "virtualization-mode", "VGPU"),
        ({"virtualization_mode": 3}, "virtualization-mode", "Host VGPU"),
        ({"host_vgpu_mode": 1}, "host-vgpu-mode", "SR-IOV"),
        ({"addressing_mode": 2}, "addressing-mode", "ATS"),
        ({"fabric_health": 3}, "fabric.health-summary", "Limited Capacity"),
        ({"numa_node_id": 2}, "numa-node-id", 2),
        ({"pdi": 2**64 - 2}, "pdi", 2**64 - 2),
        ({"numa_nodes": "0,2-17"}, "memory-affinity", "0,2-17"),
        ({"cpus": "0-71,144-215"}, "cpu-affinity", "0-71,144-215"),
        ({"bus_id": "00000018:06:00.0"}, "pci.bus-id", "0018:06:00.0"),
        ({"fabric_status": 27}, "fabric.status", "System is not in ready state"),
    ],
)
def test_a_setting_has_nvmls_name(
    library: Path, setting: dict[str, object], key: str, name: object
) -> None:
    configure(library, gpus=1, **setting)
    (gpu,) = read(library).gpus
    assert gpu.config[key] == name
    assert (gpu.failed, gpu.state_failed) == ({}, {})


@pytest.mark.parametrize(
    ("setting", "key"),
    [({"brand": 0}, "brand"), ({"architecture": 0xFFFFFFFF}, "architecture")],
)
def test_what_nvml_does_not_know_is_a_reason(
    library: Path, setting: dict[str, int], key: str
) -> None:
    configure(library, gpus=1, **setting)
    (gpu,) = read(library).gpus
    assert key not in gpu.config
    assert gpu.failed == {key: "not known to NVML"}


def test_the_performance_state_32_is_unknown(library: Path) -> None:
    configure(library, gpus=1, pstate=32)
    assert read(library).gpus[0].state_failed == {"performance-state": "not known to NVML"}
    configure(library, gpus=1, pstate=8)
    assert read(library).gpus[0].state["performance-state"] == "P8"


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("power_limit", "power.limit-mw"),
        ("power_min", "power.min-limit-mw"),
        ("pcie_gen", "pcie.max-gen"),
        ("cores", "gpu-core-count"),
        ("numa_node_id", "numa-node-id"),
        ("fabric_clique", "fabric.clique-id"),
        ("mig__0__sm", "mig.0.multiprocessor-count"),
    ],
)
def test_a_sentinel_is_left_out_and_the_values_beside_it_stay(
    library: Path, setting: str, key: str
) -> None:
    configure(library, gpus=1, mig=1, mig_devices=1, **{setting: 0xFFFFFFFF})
    (gpu,) = read(library).gpus
    assert key not in gpu.config
    assert gpu.unsupported[key] == 3
    assert gpu.failed == {}
    assert gpu.config["power.max-limit-mw"] == 700000
    assert gpu.config["mig.0.memory-size-mib"] == 9984


def test_a_sentinel_of_64_bits_is_left_out(library: Path) -> None:
    configure(library, gpus=1, pdi=2**64 - 1, memory=2**64 - 1)
    (gpu,) = read(library).gpus
    assert not {"pdi", "memory.total-bytes"} & gpu.config.keys()
    assert gpu.state["memory.used-bytes"] == 4 << 20


@pytest.mark.parametrize(
    ("function", "key", "value"),
    [
        ("nvmlDeviceGetMemoryInfo_v2", "memory.total-bytes", 85520809984),
        ("nvmlDeviceGetGpuFabricInfoV", "fabric.state", "Completed"),
    ],
)
def test_a_structure_that_the_driver_refuses_is_read_in_an_older_version(
    library: Path, function: str, key: str, value: object
) -> None:
    configure(library, gpus=1, **{function: 25})
    (gpu,) = read(library).gpus
    assert gpu.config.get(key) == value
    assert gpu.failed == {}
    assert ("memory.reserved-bytes" in gpu.state) is (function != "nvmlDeviceGetMemoryInfo_v2")


def test_a_health_that_the_gpu_does_not_have_is_left_out(library: Path) -> None:
    configure(library, gpus=1, fabric_health=0, fabric_health_mask=0xA5)
    (gpu,) = read(library).gpus
    assert "fabric.health-summary" not in gpu.config
    assert gpu.config["fabric.health-mask"] == "0x000000A5"


def test_values_that_only_some_boards_have_are_read(library: Path) -> None:
    configure(
        library, gpus=1, module_power=1, gsp_mode=1, sram_threshold=1, conf_compute=2, multi_gpu=1
    )
    (gpu,) = read(library).gpus
    wanted = ("power.module.", "gsp-firmware.", "conf-compute.")
    assert {key: value for key, value in gpu.config.items() if key.startswith(wanted)} == {
        "power.module.min-limit-mw": 187_000,
        "power.module.max-limit-mw": 188_000,
        "power.module.default-limit-mw": 189_000,
        "power.module.current-limit-mw": 190_000,
        "power.module.requested-limit-mw": 192_000,
        "gsp-firmware.version": "570.124.06",
        "gsp-firmware.enabled": True,
        "gsp-firmware.default": False,
        "conf-compute.environment": "Production",
        "conf-compute.feature-enabled": True,
        "conf-compute.dev-tools-mode": False,
        "conf-compute.multi-gpu-mode": "Protected PCIe",
    }
    assert gpu.state["ecc.sram-threshold-exceeded"] is True
    configure(library, gpus=1, gsp_mode=0, sram_threshold=0)
    (gpu,) = read(library).gpus
    assert (gpu.config["gsp-firmware.enabled"], gpu.config["gsp-firmware.default"]) == (False, True)
    assert gpu.state["ecc.sram-threshold-exceeded"] is False


def test_a_gpu_in_a_rack_has_its_place(library: Path) -> None:
    configure(library, gpus=2, chassis="1821325090001", capabilities=1, gpu__1__capabilities=2)
    first, second = read(library).gpus
    assert {k: v for k, v in second.config.items() if k.startswith("platform.")} == {
        "platform.ib-guid": "005c" + "00" * 14,
        "platform.chassis-serial-number": "1821325090001",
        "platform.slot-number": 14,
        "platform.tray-index": 4,
        "platform.host-id": 1,
        "platform.peer-type": 2,
        "platform.module-id": 2,
    }
    assert (first.config["egm-capability"], second.config["egm-capability"]) == (True, False)


def test_the_fabric_of_a_driver_before_r550_is_read(library: Path) -> None:
    configure(library, gpus=1, nvmlDeviceGetGpuFabricInfoV=13, fabric_clique=7)
    (gpu,) = read(library).gpus
    fabric = {key: value for key, value in gpu.config.items() if key.startswith("fabric.")}
    assert fabric == {
        "fabric.state": "Completed",
        "fabric.status": "Success",
        "fabric.clique-id": 7,
        "fabric.cluster-uuid": "abababab-abab-abab-abab-abababababab",
    }


def test_a_deprecated_function_is_unsupported_with_its_code(library: Path) -> None:
    """As display mode since R580; the subtype smi has nvidia-smi's words for the code."""
    configure(library, gpus=1, nvmlDeviceGetDisplayMode=26)
    (gpu,) = read(library).gpus
    assert gpu.unsupported["display-mode"] == 26
    assert "display-mode" not in gpu.failed


def test_a_link_without_the_address_of_its_end_is_no_direct_one() -> None:
    nvml = SimpleNamespace(nvmlDeviceGetP2PStatus=lambda *_: 0, NVMLError=ValueError)
    active = {f"nvlink.{link}.active": True for link in range(3)}
    known = {"nvlink.0.remote-pci-bus-id": "0000:2b:00.0", "nvlink.9.active": False}
    one = build_peer("a", {"pci.bus-id": "0000:1b:00.0", **active, **known})
    other = build_peer("b", {"pci.bus-id": "0000:2b:00.0", **active})
    assert one.remotes == ("0000:2b:00.0", "", "")
    assert read_connection(nvml, one, other) == "NV1"
    assert read_connection(nvml, other, one) == "NV3"
    hidden = build_peer("c", active)
    assert (hidden.address, read_connection(nvml, hidden, other)) == ("", "NV3")


def test_an_excluded_gpu_has_its_address(library: Path) -> None:
    assert read(library).excluded == ()
    configure(library, excluded="00000000:3B:00.0")
    assert read(library).excluded == ("0000:3b:00.0",)
    configure(library, excluded="somewhere")
    assert read(library).excluded == ()
    configure(library, excluded="00000000:3B:00.0", nvmlGetExcludedDeviceCount=3)
    assert read(library).excluded == ()


def test_a_gpu_without_a_pci_address_is_read(library: Path) -> None:
    configure(library, gpus=1, nvmlDeviceGetPciInfo_v3=3, model="Orin (nvgpu)")
    (gpu,) = read(library).gpus
    assert (gpu.error, gpu.config["name"]) == (None, "Orin (nvgpu)")
    assert "pci.bus-id" not in gpu.config


def test_a_lost_gpu_does_not_affect_the_others(library: Path) -> None:
    configure(library, gpus=3, gpu__1__fault="lost")
    first, lost, third = read(library).gpus
    assert (first.error, third.error) == (None, None)
    assert isinstance(lost.error, Internal)
    assert lost.error.why == "GPU is lost"
    assert {**(first.links or {}), **(third.links or {})} in ({0: "NV18"}, {2: "NV18"})


def test_a_gpu_that_hangs_times_out_and_the_others_are_complete(library: Path) -> None:
    configure(library, gpus=8, gpu__5__fault="hang")
    started = time.monotonic()
    gpus = read(library, within_s=3).gpus
    assert time.monotonic() - started < 10
    assert [gpu.index for gpu in gpus if gpu.error] == [5]
    assert isinstance(gpus[5].error, Timeout)
    assert gpus[5].error.why == "no answer before the deadline"
    assert all(gpu.state for gpu in gpus if not gpu.error)


def test_a_gpu_that_hangs_is_given_up_once_no_other_one_answers(library: Path) -> None:
    configure(library, gpus=3, gpu__1__fault="hang")
    started = time.monotonic()
    gpus = read(library, hang_s=HANG_S).gpus
    assert time.monotonic() - started < LONG_S / 3
    assert [gpu.error is None for gpu in gpus] == [True, False, True]
    assert str(gpus[1].error) == "[TIMEOUT] the GPU does not respond: no answer for 5 s"


def test_gpus_that_the_driver_initializes_one_by_one_are_no_hang(library: Path) -> None:
    configure(library, gpus=8, attach=700)
    started = time.monotonic()
    gpus = read(library, hang_s=HANG_S).gpus
    assert [gpu.error for gpu in gpus] == [None] * 8
    assert time.monotonic() - started > 8 * 0.7 > HANG_S


def test_a_gpu_that_answers_slowly_is_no_hang(library: Path) -> None:
    """It takes 6 s for all of its values."""
    configure(library, gpus=1, gpu__0__fault="slow:40")
    started = time.monotonic()
    (gpu,) = read(library, hang_s=HANG_S).gpus
    assert gpu.error is None
    assert time.monotonic() - started > HANG_S


def test_slow_gpus_take_the_time_of_one(library: Path) -> None:
    def measure(gpus: int) -> float:
        slow = {f"gpu__{index}__fault": "slow:4" for index in range(gpus)}
        configure(library, gpus=gpus, **slow)
        started = time.monotonic()
        assert [gpu.error for gpu in read(library).gpus] == [None] * gpus
        return time.monotonic() - started

    assert measure(8) < 2.5 * measure(1)


def test_a_driver_that_hangs_times_out(library: Path) -> None:
    configure(library, fault="hang")
    started = time.monotonic()
    with pytest.raises(Timeout, match="NVML does not respond: no answer before the deadline"):
        read(library, within_s=1)
    with pytest.raises(Timeout, match="NVML does not respond: no answer for 5 s"):
        read(library, hang_s=HANG_S)
    assert time.monotonic() - started < LONG_S / 3


def test_a_version_mismatch_is_its_own_error(library: Path) -> None:
    configure(library, fault=18)
    with pytest.raises(DriverMismatch) as raised:
        read(library)
    assert raised.value.why == "RM has detected an NVML/RM version mismatch."
    assert str(translate_init(4, "Insufficient Permissions", "")) == (
        "[SERVICE_UNAVAILABLE] no permission to use NVML: Insufficient Permissions"
    )
    assert str(translate_init(999, "Unknown Error", "")) == (
        "[INTERNAL] NVML cannot be initialized: Unknown Error"
    )


def test_another_error_of_nvml_init_has_nvmls_message(library: Path) -> None:
    configure(library, fault=16)
    with pytest.raises(Internal) as raised:
        read(library)
    assert raised.value.why == "GPU requires restart"
    assert isinstance(translate_init(999, "Unknown Error", ""), Internal)


def test_a_missing_device_node_is_not_a_driver_that_is_not_loaded() -> None:
    without_node = translate_init(9, "Driver Not Loaded", "/dev/nvidiactl: No such file")
    assert isinstance(without_node, NoDeviceNode)
    assert "--privileged" in without_node.why
    not_loaded = translate_init(9, "Driver Not Loaded", "")
    assert type(not_loaded) is Unavailable
    assert not_loaded.what == "the NVIDIA driver is not loaded"


def test_a_library_that_cannot_be_loaded_has_the_linkers_message(tmp_path: Path) -> None:
    library = tmp_path / "libnvidia-ml.so.1"
    library.write_bytes(b"not a library")
    with pytest.raises(CannotLoad) as raised:
        read(library)
    assert "invalid ELF header" in raised.value.why or "file too short" in raised.value.why


@pytest.mark.skipif(os.geteuid() != 0, reason="bind mounts need root")
def test_persistence_mode_is_read_through_the_nodes_daemon(library: Path, tmp_path: Path) -> None:
    configure(library, persistenced=1)
    assert read(library).gpus[0].config["persistence-mode"] is False
    run = tmp_path / "run"
    (run / "nvidia-persistenced").mkdir(parents=True)
    (run / "nvidia-persistenced/socket").touch()
    assert read(library, run_directory=str(run)).gpus[0].config["persistence-mode"] is True
    assert not Path("/run/nvidia-persistenced/socket").exists()


def test_persistence_mode_without_the_daemon_is_failed_not_disabled(
    library: Path, tmp_path: Path
) -> None:
    configure(library, persistenced=1)
    gpu = read(library, run_directory=str(tmp_path / "missing")).gpus[0]
    assert "persistence-mode" not in gpu.config
    assert "nvidia-persistenced" in gpu.failed["persistence-mode"]


def test_records_before_a_crash_are_kept() -> None:
    records = [
        {"system": {"driver": "1.2"}, "count": 2, "excluded": []},
        {"gpu": 0, "config": {"uuid": "a"}, "unsupported": {}, "failed": {}},
        {"gpu": 0, "done": True},
        {"gpu": 1, "config": {"uuid": "b"}, "unsupported": {}, "failed": {}},
    ]
    first, second = build_driver(records, -11, "").gpus
    assert (first.config, first.error) == ({"uuid": "a"}, None)
    assert second.config == {"uuid": "b"}
    assert isinstance(second.error, Internal)
    assert second.error.why == "it exited with status -11"


def test_a_child_without_records_is_an_error_with_its_last_line() -> None:
    records, message = parse_records(b"Traceback (most recent call last):\nImportError: no\n")
    with pytest.raises(Internal) as raised:
        build_driver(records, 1, message)
    assert raised.value.why == "ImportError: no"


@given(st.binary())
def test_any_bytes_are_records_or_a_message(content: bytes) -> None:
    records, message = parse_records(content)
    assert all(isinstance(record, dict) for record in records)
    message.encode()


def test_a_truncated_record_is_dropped() -> None:
    whole = json.dumps({"gpu": 0, "done": True}).encode()
    assert parse_records(whole + b"\n" + whole[:-4])[0] == [{"gpu": 0, "done": True}]
