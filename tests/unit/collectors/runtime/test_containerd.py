"""containerd's configuration: versions, imports, registries, places of distributions."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.collectors.runtime.collector import collect
from kubectl_snapshot.document.snapshot import Subtype

MAIN = "etc/containerd/config.toml"
OLD = "io.containerd.grpc.v1.cri"
RUNTIMES = f'[plugins."{OLD}".containerd.runtimes'
# As `nvidia-ctk runtime configure` leaves it, with a password and a key that must not leave.
VERSION_2 = f"""\
version = 2
root = "/data/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.zfs"]
[plugins."{OLD}"]
  enable_cdi = true
  cdi_spec_dirs = ["/etc/cdi", "/var/run/cdi"]
  sandbox_image = "registry.k8s.io/pause:3.9"
  [plugins."{OLD}".containerd]
    default_runtime_name = "nvidia"
    snapshotter = "overlayfs"
{RUNTIMES}.nvidia]
  runtime_type = "io.containerd.runc.v2"
{RUNTIMES}.nvidia.options]
  BinaryName = "/usr/bin/nvidia-container-runtime"
  SystemdCgroup = true
[plugins."{OLD}".registry]
  config_path = "/etc/containerd/certs.d:/etc/docker/certs.d"
[plugins."{OLD}".registry.mirrors."docker.io"]
  endpoint = ["https://user:hunter22@mirror"]
[plugins."{OLD}".registry.configs."reg.example:5000".auth]
  password = "hunter22"
[plugins."{OLD}".x509_key_pair_streaming]
  tls_key_file = "/key"
[plugins."io.containerd.internal.v1.opt"]
  path = "/opt"
"""
VERSION_3 = """\
version = 3
root = '/data/containerd'
disabled_plugins = ['io.containerd.snapshotter.v1.zfs']
[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'
  pinned_images = {sandbox = 'registry.k8s.io/pause:3.9'}
  registry.config_path = '/etc/containerd/certs.d:/etc/docker/certs.d'
[plugins.'io.containerd.cri.v1.images'.registry.mirrors.'docker.io']
[plugins.'io.containerd.cri.v1.images'.registry.configs.'reg.example:5000']
[plugins.'io.containerd.cri.v1.runtime']
  enable_cdi = true
  cdi_spec_dirs = ['/etc/cdi', '/var/run/cdi']
  [plugins.'io.containerd.cri.v1.runtime'.containerd]
    default_runtime_name = 'nvidia'
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.nvidia]
      runtime_type = 'io.containerd.runc.v2'
      options.BinaryName = '/usr/bin/nvidia-container-runtime'
      options.SystemdCgroup = true
"""
READINGS = {
    "files": f"/{MAIN}",
    "root": "/data/containerd",
    "disabled_plugins": "io.containerd.snapshotter.v1.zfs",
    "default_runtime_name": "nvidia",
    "snapshotter": "overlayfs",
    "enable_cdi": True,
    "cdi_spec_dirs": "/etc/cdi,/var/run/cdi",
    "pinned_images.sandbox": "registry.k8s.io/pause:3.9",
    "runtimes.nvidia.runtime_type": "io.containerd.runc.v2",
    "runtimes.nvidia.options.BinaryName": "/usr/bin/nvidia-container-runtime",
    "runtimes.nvidia.options.SystemdCgroup": True,
    "registry.config_path": "/etc/containerd/certs.d:/etc/docker/certs.d",
    "registry.hosts": "_default,docker.io,nvcr.io,reg.example:5000",
}


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def read(root: Path, **files: str) -> Subtype:
    (root / "etc").mkdir(exist_ok=True)
    for name, text in files.items():
        path = MAIN if name == "main" else f"etc/containerd/conf.d/{name}.toml"
        write(root, path, text)
    return {s.name: s for s in collect(Context(HostPath(str(root))))}["containerd"]


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (VERSION_2, 2),
        (VERSION_3, 3),
        (VERSION_3.replace("version = 3", "version = 4"), 4),
        (VERSION_2.replace("version = 2\n", "").replace(f'"{OLD}"', "cri"), 1),
    ],
)
def test_each_version_of_the_file_has_the_same_readings(
    tmp_path: Path, text: str, version: int
) -> None:
    (tmp_path / "etc/containerd/certs.d/nvcr.io").mkdir(parents=True)
    (tmp_path / "etc/containerd/certs.d/_default").mkdir()
    found = read(tmp_path, main=text)
    assert found == Subtype("containerd", {**READINGS, "config-version": version})
    assert "hunter22" not in str(found)


IMPORTS = 'version = {}\nimports = ["conf.d/*.toml", "/etc/containerd/conf.d/b.toml"]\n'
ONE = f"""\
version = 2
oom_score = 5
disabled_plugins = ["x.y", "z.z"]
[proxy_plugins.soci]
address = "/a"
{RUNTIMES}.runc.options]
SystemdCgroup = true
BinaryName = "runc"
"""
OTHER = f"""\
version = 2
oom_score = 0
disabled_plugins = ["x.y", "w.w"]
[proxy_plugins.soci]
type = "snapshot"
{RUNTIMES}.runc.options]
SystemdCgroup = false
{RUNTIMES}.kata]
pod_annotations = ["a"]
"""


def install(root: Path, name: str, version: str) -> None:
    stanza = f"Package: {name}\nStatus: install ok installed\nVersion: {version}\n\n"
    write(root, "var/lib/dpkg/status", stanza)


@pytest.mark.parametrize(
    ("version", "package"),
    [(3, ("x", "1")), (2, ("containerd.io", "2.1.4-1")), (2, ("containerd", "5:2.0-1"))],
)
def test_containerd_2_merges_imports(
    tmp_path: Path, version: int, package: tuple[str, str]
) -> None:
    install(tmp_path, *package)
    found = read(tmp_path, main=IMPORTS.format(version), a=ONE, b=OTHER)
    assert found == Subtype(
        "containerd",
        {
            "files": f"/{MAIN},/etc/containerd/conf.d/a.toml,/etc/containerd/conf.d/b.toml",
            "config-version": version,
            "oom_score": 5,
            "disabled_plugins": "x.y,z.z,w.w",
            "proxy_plugins.soci.type": "snapshot",
            "runtimes.runc.options.SystemdCgroup": False,
            "runtimes.runc.options.BinaryName": "runc",
            "runtimes.kata.pod_annotations": "a",
        },
    )


def test_containerd_1_replaces_a_plugins_settings(tmp_path: Path) -> None:
    install(tmp_path, "containerd", "1.7.28-0ubuntu1")
    found = read(tmp_path, main=IMPORTS.format(2), a=ONE, b=OTHER)
    assert found.status == "ok"
    assert "runtimes.runc.options.BinaryName" not in found.data
    assert found.data["runtimes.runc.options.SystemdCgroup"] is False
    assert found.data["oom_score"] == 5


def test_what_depends_on_the_version_is_left_out_if_it_is_not_known(tmp_path: Path) -> None:
    found = read(tmp_path, main=IMPORTS.format(2), a=ONE, b=OTHER)
    assert found.status == "partial"
    assert found.context["reason"] == (
        "containerd 1 and 2 merge the files differently: runtimes.runc.options.BinaryName:"
        " its version is not known"
    )
    assert found.data["runtimes.runc.options.SystemdCgroup"] is False
    assert "runtimes.runc.options.BinaryName" not in found.data
    assert read(tmp_path, main=IMPORTS.format(2), a="", b=OTHER).status == "ok"


def test_a_distributions_own_file_is_read_and_the_other_named(tmp_path: Path) -> None:
    own = "var/lib/rancher/k3s/agent/etc/containerd/config.toml"
    write(tmp_path, own, "version = 3\n")
    found = read(tmp_path, main="version = 2\n")
    assert found == Subtype(
        "containerd", {"files": f"/{own}", "config-version": 3, "other-files": f"/{MAIN}"}
    )


def test_imports_in_a_circle_are_read_once_and_those_that_cannot_be_are_told(
    tmp_path: Path,
) -> None:
    imports = 'imports = ["/etc/containerd/config.toml", "none/*.toml", "*/x.toml"]\n'
    found = read(tmp_path, main=imports)
    assert found.data == {"files": f"/{MAIN}", "config-version": 1}
    assert found.context["reason"] == (
        "the imports /etc/containerd/*/x.toml are not read: a directory has a wildcard"
    )
    found = read(tmp_path, main='imports = ["gone.toml"]\nroot = "/data"\n')
    assert (found.data, found.status) == ({"files": f"/{MAIN}", "config-version": 1}, "partial")
    assert "/etc/containerd/gone.toml not found on the node" in found.context["reason"]


@pytest.mark.parametrize("text", ["version = ", "x = 1\nx = 1"])
def test_a_file_that_is_no_toml_is_an_error_with_its_line(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, main=text)
    assert (found.data, found.status) == ({}, "error")
    assert f"/{MAIN} of the node: invalid TOML in line" in found.context["reason"]


def test_values_of_the_wrong_kind_are_not_read(tmp_path: Path) -> None:
    text = 'version = "x"\nimports = "y"\nplugins = 3\n[proxy_plugins]\n'
    assert read(tmp_path, main=text).data == {"files": f"/{MAIN}"}
    text = f'version = 2\nplugins."{OLD}" = 1\nplugins.cri.registry = 2'
    assert read(tmp_path, main=text).data == {"files": f"/{MAIN}", "config-version": 2}


def test_without_containerd_it_is_absent_and_without_files_unavailable(tmp_path: Path) -> None:
    assert read(tmp_path).status == "absent"
    for subtype in collect(Context(HostPath(None))):
        assert (subtype.data, subtype.status) == ({}, "unavailable"), subtype.name
        assert "--privileged=false" in subtype.context["reason"]
