"""The NVIDIA module's parameters, and modprobe's configuration."""

from __future__ import annotations

from pathlib import Path

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.driver.collector import collect
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.document.snapshot import Subtype


def read(root: Path, name: str, **files: str) -> Subtype:
    for directory in ("etc/modprobe.d", "proc", "sys"):
        (root / directory / "x").mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return {s.name: s for s in collect(Context(HostPath(str(root))))}[name]


def test_parameters_have_the_modules_own_names(tmp_path: Path) -> None:
    assert read(tmp_path, "nvidia-params").status == "absent"
    text = (
        'ResmanDebugLevel: 4294967295\nEnableGpuFirmware: 18\nRegistryDwords: "RMx=1;b:2"\n#a: 1\n'
    )
    found = read(tmp_path, "nvidia-params", **{"proc/driver/nvidia/params": text})
    assert found == Subtype(
        "nvidia-params",
        {
            "ResmanDebugLevel": "4294967295",
            "EnableGpuFirmware": "18",
            "RegistryDwords": "RMx=1;b:2",
            "#a": "1",
        },
    )


def test_commands_about_drivers_are_read_in_modprobes_order(tmp_path: Path) -> None:
    files = {
        "usr/lib/modprobe.d/10-nv.conf": "blacklist nouveau\nblacklist floppy\nblacklist ib-core\n",
        "usr/lib/modprobe.d/20-nv.conf": "options nvidia NVreg_A=1\n",
        "etc/modprobe.d/20-nv.conf": "# options nvidia B=2\noptions nvidia  B=3 \\\n C=4\n",
        "etc/modprobe.d/30-x.conf": "options nvidia D=5\ninstall nvidia-uvm /sbin/modprobe -i x\n"
        "softdep nvidia post: nvidia-uvm\nalias nvidia y\nremove mlx5_core /bin/true\noptions\n",
        "etc/modprobe.d/40-x": "blacklist nvme\n",
        "run/modprobe.d/05-a.conf": "blacklist nouveau\ninstall nouveau\n",
    }
    assert read(tmp_path, "modprobe", **files) == Subtype(
        "modprobe",
        {
            "blacklist.nouveau": "/run/modprobe.d/05-a.conf /usr/lib/modprobe.d/10-nv.conf",
            "install.nouveau": "",
            "blacklist.ib_core": "/usr/lib/modprobe.d/10-nv.conf",
            "options.nvidia": "B=3 C=4 D=5",
            "install.nvidia_uvm": "/sbin/modprobe -i x",
            "softdep.nvidia": "post: nvidia-uvm",
            "remove.mlx5_core": "/bin/true",
        },
    )


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert read(tmp_path, "modprobe").status == "absent"
    files = {"etc/modprobe.d/a.conf": "blacklist nouveau\n", "etc/modprobe.d/b.conf": "x" * 1048577}
    found = read(tmp_path, "modprobe", **files)
    assert found.data == {"blacklist.nouveau": "/etc/modprobe.d/a.conf"}
    assert found.status == "partial"
    assert "/etc/modprobe.d/b.conf of the node is larger" in found.context["reason"]
