"""The NVIDIA container toolkit's configuration and CDI specifications."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.collectors.runtime.collector import collect
from kubectl_snapshot.document.snapshot import Subtype

CONFIG = "etc/nvidia-container-runtime/config.toml"
OPERATOR = "usr/local/nvidia/toolkit"
TOOLKIT = """\
#accept-nvidia-visible-devices-as-volume-mounts = false
disable-require = false
[nvidia-container-cli]
environment = []
ldconfig = "@/sbin/ldconfig.real"
[nvidia-container-runtime]
mode = "{}"
runtimes = ["runc", "crun"]
[nvidia-container-runtime.modes.cdi]
annotation-prefixes = ["cdi.k8s.io/"]
"""
# As nvidia-ctk writes it, shortened.
SPEC = """\
---
cdiVersion: 0.5.0
containerEdits:
  deviceNodes:
  - path: /dev/nvidiactl
  mounts:
  - containerPath: /usr/bin/nvidia-smi
    hostPath: {0}/usr/bin/nvidia-smi
    options:
    - ro
  - containerPath: /run/x
    hostPath: /run/y
devices:
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
      major: 195
  name: "0"
- containerEdits:
    mounts:
    - containerPath: /lib/a
      hostPath: {0}/lib/a
  name: GPU-8f2d
- name: all
- name: MIG-1
kind: nvidia.com/gpu
"""


def read(root: Path, name: str, **files: str) -> Subtype:
    (root / "etc").mkdir(exist_ok=True)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return {s.name: s for s in collect(Context(HostPath(str(root))))}[name]


def test_the_nodes_and_the_operators_toolkit_are_both_read(tmp_path: Path) -> None:
    own = f"{OPERATOR}/.config/nvidia-container-runtime/config.toml"
    library = {f"{OPERATOR}/libnvidia-container.so.{v}": "" for v in ("1", "1.17.8")}
    texts = {CONFIG: TOOLKIT.format("auto"), own: TOOLKIT.format("cdi"), **library}
    found = read(tmp_path, "nvidia-toolkit", **texts)
    settings = {
        "disable-require": False,
        "nvidia-container-cli.environment": "",
        "nvidia-container-cli.ldconfig": "@/sbin/ldconfig.real",
        "nvidia-container-runtime.mode": "auto",
        "nvidia-container-runtime.runtimes": "runc,crun",
        "nvidia-container-runtime.modes.cdi.annotation-prefixes": "cdi.k8s.io/",
    }
    operator = {**settings, "nvidia-container-runtime.mode": "cdi"}
    assert found == Subtype(
        "nvidia-toolkit",
        {
            "file": f"/{CONFIG}",
            **settings,
            "operator.file": f"/{own}",
            **{f"operator.{key}": value for key, value in operator.items()},
            "operator.version": "1.17.8",
        },
    )


def test_a_broken_file_is_told_and_none_is_absent(tmp_path: Path) -> None:
    assert read(tmp_path, "nvidia-toolkit").status == "absent"
    found = read(tmp_path, "nvidia-toolkit", **{CONFIG: "x"})
    assert (found.data, found.status) == ({}, "error")


@pytest.mark.parametrize("root", ["", "/run/nvidia/driver"])
def test_a_specification_has_kind_devices_and_the_drivers_root(tmp_path: Path, root: str) -> None:
    found = read(tmp_path, "cdi", **{"etc/cdi/nvidia.yaml": SPEC.format(root), "etc/cdi/x": "?"})
    place = "/etc/cdi/nvidia.yaml"
    assert found == Subtype(
        "cdi",
        {
            f"{place}.kind": "nvidia.com/gpu",
            f"{place}.version": "0.5.0",
            f"{place}.devices": "0,all",
            f"{place}.uuids": "GPU-8f2d,MIG-1",
            f"{place}.driver-root": root or "/",
        },
    )


def test_json_is_read_too_and_those_of_claims_are_counted(tmp_path: Path) -> None:
    spec: dict[str, Any] = {"cdiVersion": "0.3.0", "kind": "a.com/b", "devices": [{"name": "x"}, 1]}
    texts = {
        "var/run/cdi/b.json": json.dumps({**spec, "containerEdits": {"mounts": [1, {}]}}),
        "var/run/cdi/k8s.gpu.nvidia.com-claim_1.yaml": SPEC,
    }
    found = read(tmp_path, "cdi", **texts)
    assert found.data == {
        "/var/run/cdi/b.json.kind": "a.com/b",
        "/var/run/cdi/b.json.version": "0.3.0",
        "/var/run/cdi/b.json.devices": "x",
        "claim-count": 1,
    }
    assert found.status == "ok"


def test_a_broken_specification_is_told_and_too_many_are(tmp_path: Path) -> None:
    assert read(tmp_path, "cdi").status == "absent"
    found = read(tmp_path, "cdi", **{"etc/cdi/a.yaml": "- 1", "etc/cdi/b.yaml": SPEC.format("")})
    assert (found.data["/etc/cdi/b.yaml.kind"], found.status) == ("nvidia.com/gpu", "partial")
    assert "/etc/cdi/a.yaml of the node is no CDI specification" in found.context["reason"]
    many = {f"etc/cdi/m{number}.json": '{"kind": "m"}' for number in range(99)}
    found = read(tmp_path, "cdi", **many)
    assert "more than 100 CDI specifications" in found.context["reason"]
    assert len([key for key in found.data if key.endswith(".kind")]) == 99


def test_packages_are_those_that_dpkg_has_installed(tmp_path: Path) -> None:
    stanzas = (
        "Package: runc\nStatus: deinstall ok config-files\nVersion: 0.9\n",
        "Package: runc\nStatus: install ok installed\nDescription: x\n y\nVersion: 1.3.0-1\n",
        "Package: runc-dev\nStatus: install ok installed\nVersion: 7\n",
        "Package: crun\nStatus: deinstall ok config-files\nVersion: 1\n",
        "Package: containerd.io\nStatus: hold ok installed\nVersion: 1.7.27-1\n",
    )
    found = read(tmp_path, "packages", **{"var/lib/dpkg/status": "\n".join(stanzas)})
    assert found == Subtype("packages", {"containerd.io": "1.7.27-1", "runc": "1.3.0-1"})


def test_a_version_of_dpkg_that_may_be_cut_is_none(tmp_path: Path) -> None:
    stanza = "Package: runc\nStatus: install ok installed\nVersion: 1.3"
    found = read(tmp_path, "packages", **{"var/lib/dpkg/status": stanza})
    assert (found.data, found.status) == ({}, "error")
    assert found.context["reason"] == "/var/lib/dpkg/status of the node is truncated"
    for text in ("", "Package: runc\nStatus: install ok installed\n\n"):
        found = read(tmp_path, "packages", **{"var/lib/dpkg/status": text})
        assert found == Subtype("packages", {})


def test_packages_of_rpm_are_not_read_and_without_both_absent(tmp_path: Path) -> None:
    assert read(tmp_path, "packages").status == "absent"
    found = read(tmp_path, "packages", **{"usr/lib/sysimage/rpm/rpmdb.sqlite": ""})
    assert (found.data, found.status) == ({}, "unavailable")
    assert "RPM" in found.context["reason"]
