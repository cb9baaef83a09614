"""The integrated GPU of a Tegra system: by its device, its driver, or the system on a chip."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.gpu.integrated import IntegratedGpu, read_integrated_gpu
from kubectl_snapshot.clients.host.hostpath import HostPath


def write(root: Path, path: str, text: str = "0\n") -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def read(root: Path) -> IntegratedGpu | None:
    return read_integrated_gpu(HostPath(str(root)))


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("sys/devices/platform/17000000.ga10b/load", "0", (("17000000.ga10b",), False)),
        ("sys/bus/platform/devices/17000000.gv11b/load", "0", (("17000000.gv11b",), False)),
        ("sys/devices/57000000.gpu/load", "0", None),
        ("proc/modules", "nvgpu 2654208 21 - Live 0x0 (O)\n", ((), True)),
        ("proc/modules", "nvgpu_fake 1 0 nvgpu, Live 0x0\n", None),
        ("etc/nv_tegra_release", "# R35 (release)\n", ((), False)),
        ("proc/device-tree/compatible", "nvidia,p3737\0nvidia,tegra234\0", ((), False)),
        ("proc/device-tree/compatible", "acme,nvidia,tegra2\0nvidia,tegra\0", None),
        ("sys/devices/soc0/family", "Tegra\n", ((), False)),
        ("sys/devices/soc0/family", "Snapdragon\n", None),
    ],
)
def test_each_sign_is_enough(
    tmp_path: Path, path: str, text: str, found: tuple[tuple[str, ...], bool] | None
) -> None:
    (tmp_path / "proc/sys").mkdir(parents=True)
    write(tmp_path, path, text)
    assert read(tmp_path) == (found and IntegratedGpu(*found))


def test_a_cpu_of_the_tegra_family_has_no_gpu(tmp_path: Path) -> None:
    write(tmp_path, "sys/devices/soc0/family", "Tegra\n")
    write(tmp_path, "sys/devices/soc0/soc_id", "36\n")
    assert read(tmp_path) is None


def test_a_device_named_gpu_is_nvidias_on_a_tegra_only(tmp_path: Path) -> None:
    write(tmp_path, "sys/devices/platform/ff9a0000.gpu/load")
    assert read(tmp_path) is None
    write(tmp_path, "etc/nv_tegra_release", "# R36\n")
    assert read(tmp_path) == IntegratedGpu(("ff9a0000.gpu",))


def test_a_device_that_both_buses_list_is_one(tmp_path: Path) -> None:
    write(tmp_path, "sys/devices/platform/17000000.ga10b/load")
    write(tmp_path, "sys/bus/platform/devices/17000000.ga10b/load")
    assert read(tmp_path) == IntegratedGpu(("17000000.ga10b",))


def test_nothing_is_seen_without_the_nodes_files() -> None:
    assert read_integrated_gpu(HostPath("/nonexistent")) is None


def test_only_the_gpu_itself_is_certain() -> None:
    assert IntegratedGpu(("17000000.ga10b",)).is_certain
    assert IntegratedGpu(has_driver=True).is_certain
    assert not IntegratedGpu().is_certain


def test_it_is_described_by_its_devices_or_the_system() -> None:
    assert IntegratedGpu(("a.gpu", "b.gpu")).describe() == "the integrated GPU a.gpu, b.gpu"
    assert IntegratedGpu().describe() == "the integrated GPU of the Tegra system"
