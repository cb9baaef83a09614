"""Versions and parameters of modules in a small sysfs."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.driver.collector import collect
from kubectl_snapshot.collectors.driver.modules import is_driver
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.document.snapshot import Subtype


def add(root: Path, module: str, **files: str) -> Path:
    directory = root / "sys/module" / module
    directory.mkdir(parents=True)
    for name, text in files.items():
        place = directory if name in ("version", "srcversion") else directory / "parameters"
        place.mkdir(exist_ok=True)
        (place / name).write_text(f"{text}\n")
    return directory


def read(root: Path) -> Subtype:
    return {s.name: s for s in collect(Context(HostPath(str(root))))}["modules"]


def test_a_module_has_its_version_and_parameters(tmp_path: Path) -> None:
    add(tmp_path, "nvidia", version="570.124.06", srcversion="A1")
    add(tmp_path, "nvme_core", multipath="Y", io_timeout="30")
    add(tmp_path, "ext4", version="1")
    assert read(tmp_path) == Subtype(
        "modules",
        {
            "nvidia.version": "570.124.06",
            "nvidia.srcversion": "A1",
            "nvme_core.parameter.io_timeout": "30",
            "nvme_core.parameter.multipath": "Y",
        },
    )


def test_a_node_without_such_modules_is_absent_and_without_sysfs_unavailable(
    tmp_path: Path,
) -> None:
    add(tmp_path, "ext4", version="1")
    assert read(tmp_path).status == "absent"
    (tmp_path / "other").mkdir()
    assert read(tmp_path / "other").status == "unavailable"


def test_a_parameter_that_cannot_be_read_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    place = add(tmp_path, "ice", a="1", b="2") / "parameters"
    (place / "a").write_bytes(b"x" * (1024 * 1024 + 1))  # too large, whoever reads
    found = read(tmp_path)
    assert (found.data, found.status) == ({"ice.parameter.b": "2"}, "partial")
    assert "/sys/module/ice/parameters/a" in found.context["reason"]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *((name, True) for name in ("nvidia_peermem", "mlx5_ib", "ib_core", "ice", "gdrdrv")),
        *((name, True) for name in ("efa", "i40e", "bnxt_re", "nvme", "iw_cm", "rdma_cm")),
        *((name, False) for name in ("iceland", "ext4", "snd", "in_nvidia", "iw_cmx")),
    ],
)
def test_which_modules_are_read(name: str, is_one: bool) -> None:
    assert is_driver(name) == is_one
