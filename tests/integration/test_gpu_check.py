"""scripts/gpu-check on a machine whose driver is the lab's: its table, its bundle, its errors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from gpu_check.compare import Evidence, compare
from gpu_check.machine import read_bus, read_module
from gpu_check.sources import parse_report

from kubectl_snapshot.clients.gpu import nvml
from kubectl_snapshot.clients.host import pci
from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.gpu.inventory import NVML, GpuInventory
from kubectl_snapshot.collectors.gpu.subtypes import build_subtypes
from tests.integration.conftest import ROOT, Build
from tests.unit.gpus import LIBRARY, add_kernel_module, add_pci_device, build_driver, configure

ADDRESSES = ("0000:1b:00.0", "0000:2b:00.0")
HOST_NAME = "rack7-gpu-node"
UUIDS = [f"GPU-abcdef01-0000-4000-8000-00000000000{n}" for n in (0, 1)]
SERIALS = [str(1650000000000 + 1000 * 0xABCDEF01 + n) for n in (0, 1)]
# What neither the report nor sysfs has.
UNCONFIRMED = {
    "hardware.detection-source",
    "gpu-*.fabric.health-mask",
    "gpu-*.gpu-core-count",
    "gpu-*.memory.bus-width-bits",
    "gpu-*.mig.max-device-count",
    "gpu-*.nvlink.*.remote-type",
    "gpu-*.nvlink.*.version",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The file tree of a machine with two GPUs of the lab's driver."""
    root = tmp_path / "host"
    libraries = root / "usr/lib/x86_64-linux-gnu"
    libraries.mkdir(parents=True)
    (root / "usr/bin").mkdir()
    build_driver(libraries)
    (libraries / "nvidia-smi").rename(root / "usr/bin/nvidia-smi")
    configure(libraries / LIBRARY, seed=0xABCDEF01)
    add_kernel_module(root)
    files = {"proc/sys/kernel/hostname": HOST_NAME, "proc/sys/kernel/osrelease": "6.8.0-41-generic"}
    for path, text in {**files, "proc/cmdline": f"quiet host={HOST_NAME} ip=10.1.2.3"}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{text}\n")
    for address in ADDRESSES:
        add_pci_device(root, address, driver="nvidia")
    return root


def check(build: Build, python: str, root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [python, "-B", str(ROOT / "scripts/gpu-check"), str(build.zipapp), f"--root={root}"]
    return subprocess.run([*command, *words], capture_output=True, encoding="utf-8", check=False)


def test_every_reading_of_the_lab_driver_is_confirmed(
    build: Build, root: Path, python: str
) -> None:
    done = check(build, python, root)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    lacking = {line.split()[0] for line in lines if "×" in line}
    assert lacking == UNCONFIRMED
    rows = [line for line in lines[1:-1] if " equal" in line]
    assert lines[-1].startswith(f"{len(rows)} rows compared: {len(rows)} equal, 0 differ")
    assert len(rows) > 200


def test_a_reading_that_another_source_contradicts_is_named(build: Build, root: Path) -> None:
    device = root / "sys/bus/pci/devices" / ADDRESSES[0]
    (device / "device").write_text("0x2331\n")
    (device / "local_cpulist").write_text("0-55\n")
    done = check(build, sys.executable, root)
    assert done.returncode == 1
    (row,) = (line for line in done.stdout.splitlines() if " differs" in line)
    assert row.split() == [
        "gpu-0.pci.device-id",
        "0x233010DE",
        "233110de",
        "sys:device-id",
        "differs",
    ]


def test_a_bundle_has_the_machine_without_what_identifies_it(
    build: Build, root: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "two-h100"
    done = check(build, sys.executable, root, f"--bundle={bundle}")
    assert done.returncode == 0, done.stderr
    files = {path: path.read_text() for path in bundle.rglob("*") if path.is_file()}
    texts = [done.stdout, *files.values(), *map(str, files)]
    for secret in (HOST_NAME, "10.1.2.3", *UUIDS, *SERIALS):
        assert not [text for text in texts if secret in text], secret
    assert (bundle / "proc/cmdline").read_text() == "quiet host=gpu-host ip=192.0.2.1\n"
    assert len(pci.read_pci_gpus(HostPath(str(bundle)))) == 2
    assert read_module(bundle)["proc:version"] == "570.124.06"
    host = (bundle / "HOST.md").read_text()
    assert host.startswith("# two-h100\n\n2 × NVIDIA H100 80GB HBM3, driver 570.124.06 with open ")
    assert "kernel 6.8.0-41-generic" in host
    assert json.loads((bundle / "snapshot.json").read_text())["measurements"][0]["type"] == "GPU"


def test_the_record_of_a_bundle_gives_the_snapshot_again(
    build: Build, root: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "two-h100"
    check(build, sys.executable, root, f"--bundle={bundle}")
    lines, others = nvml.parse_records((bundle / "nvml.jsonl").read_bytes())
    driver = nvml.build_driver(lines, 0, others)
    gpus_on_bus = pci.read_pci_gpus(HostPath(str(bundle)))
    inventory = GpuInventory(gpus_on_bus, None, NVML, driver.system, driver.gpus)
    subtypes = {
        subtype.name: {"data": subtype.data, "context": subtype.context}
        for subtype in build_subtypes(inventory)
    }
    report = parse_report((bundle / "nvidia-smi-q-x.xml").read_text())
    on_bus = read_bus(bundle)
    gpus = {address: {**texts, **on_bus[address]} for address, texts in report.gpus.items()}
    found = compare(subtypes, *[Evidence(report.system, gpus)] * 2)
    assert found.is_equal, [row for row in found.rows if row.result != "equal"]
    assert found.compared > 100


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (["--nvidia-smi=/nowhere/nvidia-smi"], "cannot run /nowhere/nvidia-smi", "--nvidia-smi"),
        (["--bundle=."], ". is not empty", "--bundle"),
    ],
)
def test_what_cannot_be_checked_says_what_to_do(
    build: Build, root: Path, words: list[str], what: str, hint: str
) -> None:
    done = check(build, sys.executable, root, *words)
    assert (done.returncode, done.stdout) == (2, "")
    first, *rest = done.stderr.splitlines()
    assert first == f"error: {what}"
    assert rest[-1].startswith(" hint: ")
    assert hint in rest[-1]


def test_a_driver_that_does_not_start_is_reported_in_its_words(build: Build, root: Path) -> None:
    configure(root / "usr/lib/x86_64-linux-gnu" / LIBRARY, fault=18)
    done = check(build, sys.executable, root)
    assert (done.returncode, done.stdout) == (2, "")
    assert "version mismatch" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_report_that_is_missing_questions_leaves_their_readings_unconfirmed(
    build: Build, root: Path, tmp_path: Path
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f'#!/bin/sh\n[ "$1" = -q ] && exec {root}/usr/bin/nvidia-smi "$@"\nexit 2\n')
    program.chmod(0o755)
    done = check(build, sys.executable, root, f"--nvidia-smi={program}")
    assert (done.returncode, done.stderr) == (0, "")
    lacking = {line.split()[0] for line in done.stdout.splitlines() if "×" in line}
    further = {"link-count", "*.active", "*.remote-pci-bus-id"}
    assert not any(uuid in done.stdout for uuid in UUIDS)
    assert lacking - UNCONFIRMED == {
        "gpu-*.cpu-affinity",
        "gpu-*.cuda-compute-capability",
        "gpu-*.memory-affinity",
        "topology.GPU-00000000-0000-4000-8000-000000000001/GPU-00000000-0000-4000-8000-000000000002",
        *(f"gpu-*.nvlink.{name}" for name in further),
    }
