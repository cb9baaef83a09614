"""CRI-O's configuration and its drop-ins."""

from __future__ import annotations

from pathlib import Path

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.collectors.runtime.collector import collect
from kubectl_snapshot.document.snapshot import Subtype

MAIN = """\
[crio]
root = "/var/lib/containers/storage"
[crio.runtime]
default_runtime = "runc"
cgroup_manager = "systemd"
cdi_spec_dirs = ["/etc/cdi", "/var/run/cdi"]
[crio.runtime.runtimes.nvidia]
runtime_path = "/usr/bin/nvidia-container-runtime"
runtime_type = "oci"
"""
FIRST = """\
[crio.runtime]
default_runtime = "crun"
cdi_spec_dirs = ["/cdi"]
[crio.runtime.runtimes.nvidia]
runtime_path = "/opt/x"
"""


def read(root: Path, **files: str) -> Subtype:
    directory = root / "etc/crio/crio.conf.d"
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = root / "etc/crio/crio.conf" if name == "main" else directory / f"{name}.conf"
        path.write_text(text)
    return {s.name: s for s in collect(Context(HostPath(str(root))))}["cri-o"]


def test_drop_ins_are_read_by_name_and_replace_runtimes_as_a_whole(tmp_path: Path) -> None:
    last = '[crio.runtime]\ndefault_runtime = "nvidia"\n[other]\nx = 1\n'
    found = read(tmp_path, main=MAIN, b10=last, a99=FIRST)
    directory = "/etc/crio/crio.conf.d"
    assert found == Subtype(
        "cri-o",
        {
            "files": f"/etc/crio/crio.conf,{directory}/a99.conf,{directory}/b10.conf",
            "root": "/var/lib/containers/storage",
            "runtime.default_runtime": "nvidia",
            "runtime.cgroup_manager": "systemd",
            "runtime.cdi_spec_dirs": "/cdi",
            "runtime.runtimes.nvidia.runtime_path": "/opt/x",
        },
    )


def test_drop_ins_alone_are_a_configuration(tmp_path: Path) -> None:
    found = read(tmp_path, a=FIRST, empty="")
    assert found.data["runtime.default_runtime"] == "crun"
    assert found.status == "ok"


def test_a_broken_drop_in_is_told_and_nothing_at_all_is_absent(tmp_path: Path) -> None:
    assert read(tmp_path).status == "absent"
    found = read(tmp_path, broken="[crio", good=FIRST)
    assert (found.data, found.status) == ({"files": "/etc/crio/crio.conf.d/good.conf"}, "partial")
    assert "broken.conf of the node: invalid TOML in line 1" in found.context["reason"]
    (tmp_path / "etc/crio/crio.conf.d/good.conf").unlink()
    found = read(tmp_path)
    assert (found.data, found.status) == ({}, "error")
