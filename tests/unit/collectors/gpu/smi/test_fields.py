"""Which texts of nvidia-smi are values: by their shape, not by a list of its error messages."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

import pynvml
import pytest

from kubectl_snapshot.collectors.gpu.smi.fields import CONFIG, MIG_DEVICE, STATE, parse_words
from kubectl_snapshot.collectors.gpu.smi.report import SmiGpu, parse_report
from tests.unit.hosts import HOSTS

# Seen in public reports in place of values, beside NVML's own error strings.
SEEN = (
    "ERR!",
    "[Unknown Error]",
    "[GPU requires reset]",
    "GPU requires reset",
    "In use by another",
)
NVML_STRINGS = tuple(pynvml.NVMLError._errcode_to_string.values())
# Each reading: its element, a text of it, and the value.
READINGS = {
    "pci.bus-id": ("00000008:01:00.0", "0008:01:00.0"),
    "pci.device-id": ("294110DE", "0x294110DE"),
    "pci.subsystem-id": ("4610DE", "0x004610DE"),
    "uuid": ("GPU-5073f70b-3871-05ac-b28f-2c34c8ec31f9",) * 2,
    "name": ("Orin (nvgpu)",) * 2,
    "serial": ("1650000000001",) * 2,
    "board-part-number": ("900-2G548-A801-000",) * 2,
    "pdi": ("0x1f", 31),
    "brand": ("Quadro RTX",) * 2,
    "architecture": ("Ada Lovelace",) * 2,
    "module-id": ("7", 7),
    "platform.chassis-serial-number": ("1821325090001",) * 2,
    "platform.slot-number": ("14", 14),
    "platform.tray-index": ("4", 4),
    "platform.host-id": ("1", 1),
    "vbios-version": ("97.00.B9.00.69",) * 2,
    "gsp-firmware.version": ("580.95.05",) * 2,
    "inforom.image-version": ("G548.0201.00.06",) * 2,
    "inforom.oem-version": ("2.1",) * 2,
    "inforom.ecc-version": ("7.16",) * 2,
    "inforom.power-version": ("1.0",) * 2,
    "memory.total-mib": ("189471 MiB", 189471),
    "bar1-memory.total-mib": ("262144 MiB", 262144),
    **dict.fromkeys(
        (
            *("ecc.current", "ecc.pending", "mig.current", "mig.pending", "persistence-mode"),
            *("accounting-mode", "display-mode", "display-active", "c2c-mode"),
            *("dram-encryption.current", "dram-encryption.pending"),
        ),
        ("Enabled", True),
    ),
    "egm-capability": ("enabled", True),
    "compute-mode": ("Exclusive_Process",) * 2,
    "addressing-mode": ("None",) * 2,
    "virtualization-mode": ("Host VGPU",) * 2,
    "host-vgpu-mode": ("Non SR-IOV",) * 2,
    **{
        f"power.{name}limit-mw": ("1200.50 W", 1200500)
        for name in ("", "enforced-", "default-", "min-", "max-")
    },
    **{
        f"power.module.{name}-limit-mw": ("2500.00 W", 2500000)
        for name in ("min", "max", "default", "current", "requested")
    },
    **{
        f"clocks.{kind}.{name}-mhz": ("2062 MHz", 2062)
        for kind in ("max", "applications", "current")
        for name in ("graphics", "sm", "memory", "video")
        if kind != "applications" or name in ("graphics", "memory")
    },
    "pcie.max-gen": ("5", 5),
    "pcie.device-max-gen": ("6", 6),
    "pcie.max-width": ("16x", 16),
    "fabric.state": ("Not Started",) * 2,
    "fabric.status": ("Success",) * 2,
    "fabric.clique-id": ("32766", 32766),
    "fabric.cluster-uuid": ("00000001-0000-0000-0000-000000000001",) * 2,
    "fabric.health-summary": ("Limited Capacity",) * 2,
    "minor-number": ("3", 3),
    "temperature.gpu-c": ("27 C", 27),
    "power.draw-mw": ("165.90 W", 165900),
    "utilization.gpu-percent": ("99 %", 99),
    "utilization.memory-percent": ("0 %", 0),
    "performance-state": ("P12",) * 2,
    "pcie.current-gen": ("1", 1),
    "pcie.current-width": ("8x", 8),
    "pcie.replay-counter": ("150", 150),
    "remapped-rows.correctable": ("0", 0),
    "remapped-rows.uncorrectable": ("2", 2),
    "remapped-rows.pending": ("Yes", True),
    "remapped-rows.failure-occurred": ("No", False),
    **{
        f"remapped-rows.histogram.{name}-banks": ("3968 bank(s)", 3968)
        for name in ("max", "high", "partial", "low", "none")
    },
    "retired-pages.single-bit-ecc": ("3", 3),
    "retired-pages.double-bit-ecc": ("1", 1),
    "retired-pages.pending": ("No", False),
    "ecc.sram-threshold-exceeded": ("Yes", True),
    "repair.channel-pending": ("No", False),
    "repair.tpc-pending": ("Yes", True),
    "recovery-action": ("Drain P2P",) * 2,
}
PATHS = [(key, path) for key, paths, _ in CONFIG + STATE for path in paths]


def read_gpu(path: str, text: str) -> SmiGpu:
    """Return what is read of a GPU whose report has one element."""
    root = ElementTree.Element("r")
    element = ElementTree.SubElement(root, "gpu")
    for tag in path.split("/"):
        element = ElementTree.SubElement(element, tag)
    element.text = text
    (found,) = parse_report(ElementTree.tostring(root)).gpus
    return found


def values(found: SmiGpu) -> dict[str, object]:
    return {**found.config, **found.state}


def reasons(found: SmiGpu) -> dict[str, str]:
    return {**found.failed, **found.state_failed}


def test_every_reading_has_an_example() -> None:
    assert {key for key, _ in PATHS} == READINGS.keys()


@pytest.mark.parametrize(("key", "path"), PATHS)
def test_a_text_of_the_right_shape_is_a_value(key: str, path: str) -> None:
    text, value = READINGS[key]
    found = read_gpu(path, f"\n\t{text} ")
    assert (values(found), reasons(found)) == ({key: value}, {})


@pytest.mark.parametrize(("key", "path"), PATHS)
def test_an_error_is_never_a_value(key: str, path: str) -> None:
    for text in (*NVML_STRINGS, *SEEN):
        found = read_gpu(path, text)
        reason = {} if text == "Not Supported" else {key: text}
        assert (text, values(found), reasons(found)) == (text, {}, reason)


@pytest.mark.parametrize("text", ["-1", "4294967295", "18446744073709551615", "9" * 23])
def test_a_sentinel_is_never_a_number(text: str) -> None:
    for _, path in PATHS:
        assert not [value for value in values(read_gpu(path, text)).values() if value == int(text)]


@pytest.mark.parametrize("text", ["", "N/A", "[N/A]", "[Not Supported]"])
def test_what_a_gpu_does_not_have_needs_no_reason(text: str) -> None:
    for _, path in PATHS:
        found = read_gpu(path, text)
        assert (values(found), reasons(found)) == ({}, {})


def test_a_new_architecture_is_read_without_being_known() -> None:
    assert read_gpu("product_architecture", "Feynman").config == {"architecture": "Feynman"}


@pytest.mark.parametrize(
    "text", ["165.90", "165.90 C", "1e3 W", "inf W", "W", " W", "-5.00 W", "5.00  W"]
)
def test_a_number_needs_its_unit(text: str) -> None:
    found = read_gpu("gpu_power_readings/current_power_limit", text)
    assert found.config == {}
    assert found.failed.keys() == {"power.enforced-limit-mw"}


def read_names() -> Iterator[str]:
    for report in HOSTS.glob("*/nvidia-smi-q-x.xml"):
        for tag in ("product_name", "product_brand", "product_architecture", "compute_mode"):
            yield from (e.text or "" for e in ElementTree.parse(report).iter(tag))


def test_the_names_of_all_host_trees_are_values() -> None:
    names = {*read_names(), "NVIDIA TITAN V", "Graphics Device", "GRID V100D-8Q", "Tesla T4"}
    assert {name for name in names if parse_words(name) != name} == set()


def test_the_numbers_of_a_mig_device_are_numbers() -> None:
    assert [key for key, _, convert in MIG_DEVICE if convert("12") != 12] == []
