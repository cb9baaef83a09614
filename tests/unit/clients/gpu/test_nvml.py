"""NVML through a library that works, lacks functions, loses GPUs, hangs and fails."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.clients.gpu.driver_files import DriverFiles
from kubectl_snapshot.clients.gpu.nvml import (
    CannotLoad,
    Driver,
    DriverMismatch,
    NoDeviceNode,
    build_driver,
    parse_records,
    read_driver,
    translate_init,
)
from kubectl_snapshot.errors import Internal, Timeout, Unavailable
from tests.unit.gpus import configure

LONG_S = 60.0


def read(library: Path, within_s: float = LONG_S, run_directory: str = "") -> Driver:
    files = DriverFiles(library=str(library), run_directory=run_directory)
    return read_driver(files, time.monotonic() + within_s)


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


def test_an_unsupported_value_is_left_out_with_its_code(library: Path) -> None:
    gpu = read(library).gpus[0]
    assert "pdi" not in gpu.config
    assert gpu.unsupported["pdi"] == 13
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
    assert all(gpu.state for gpu in gpus if not gpu.error)


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
    with pytest.raises(Timeout, match="NVML does not respond"):
        read(library, within_s=1)
    assert time.monotonic() - started < 10


def test_a_version_mismatch_is_its_own_error(library: Path) -> None:
    configure(library, fault=18)
    with pytest.raises(DriverMismatch) as raised:
        read(library)
    assert raised.value.why == "RM has detected an NVML/RM version mismatch."


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
