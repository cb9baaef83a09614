"""The kubelet's files and flags, in the places of several distributions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.collectors.runtime.collector import collect
from kubectl_snapshot.collectors.runtime.kubelet import MAX_VALUES, NO_FLAGS, parse_flags
from kubectl_snapshot.document.snapshot import Subtype
from tests.unit.hosts import write_files

HEAD = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
KUBEADM = f"""{HEAD}\
authentication:
  anonymous:
    enabled: false
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
clusterDNS:
- 10.96.0.10
cpuManagerPolicy: static
evictionHard:
  memory.available: 100Mi
  nodefs.available: 10%
featureGates:
  TopologyManager: true
httpCheckFrequency: 0s
maxPods: 110
memorySwap: {{}}
staticPodURLHeader:
  Authorization: ["Bearer hunter22"]
"""
EXPECTED = {
    "authentication.anonymous.enabled": "false",
    "authentication.x509.clientCAFile": "/etc/kubernetes/pki/ca.crt",
    "clusterDNS": '["10.96.0.10"]',
    "cpuManagerPolicy": "static",
    "evictionHard.memory.available": "100Mi",
    "evictionHard.nodefs.available": "10%",
    "featureGates.TopologyManager": "true",
    "httpCheckFrequency": "0s",
    "maxPods": "110",
}
UNIT = "system.slice/kubelet.service/cgroup.procs"


def read(root: Path, **files: str | bytes) -> Subtype:
    write_files(root, {"etc/os-release": "", "proc/stat": "", "sys/x": "", **files})
    return {s.name: s for s in collect(Context(HostPath(str(root))))}["kubelet"]


def run_kubelet(*words: str, program: str = "/usr/bin/kubelet") -> dict[str, str | bytes]:
    """Return the files of a running kubelet, whose cgroup is of version 2."""
    line = "\0".join((program, *words, ""))
    return {f"sys/fs/cgroup/{UNIT}": "812", "proc/812/cmdline": line.encode()}


def test_the_usual_file_is_read_without_the_process(tmp_path: Path) -> None:
    found = read(tmp_path, **{"var/lib/kubelet/config.yaml": KUBEADM})
    assert found.data == {**EXPECTED, "files": "/var/lib/kubelet/config.yaml"}
    assert found.context["note"] == NO_FLAGS
    assert found.status == "ok"


def test_the_process_says_which_file_and_has_flags(tmp_path: Path) -> None:
    words = ("--config=/opt/k.yaml", "--v", "2", "--node-ip", "10.0.0.7", "--enable-server")
    files: dict[str, str | bytes] = {
        "opt/k.yaml": f"{HEAD}maxPods: 30",
        "var/lib/kubelet/config.yaml": KUBEADM,
    }
    found = read(tmp_path, **files, **run_kubelet(*words))
    assert found.data == {
        "flag.config": "/opt/k.yaml",
        "flag.v": "2",
        "flag.node-ip": "10.0.0.7",
        "flag.enable-server": "true",
        "files": "/opt/k.yaml",
        "maxPods": "30",
    }
    assert "note" not in found.context


def test_drop_ins_replace_lists_and_add_to_maps_in_the_order_of_their_names(tmp_path: Path) -> None:
    directory = "etc/kubernetes/kubelet/config.json.d"
    files: dict[str, str | bytes] = {
        "etc/kubernetes/kubelet/config.json": json.dumps(
            {
                "kind": "KubeletConfiguration",
                "clusterDNS": ["10.0.0.1", "10.0.0.2"],
                "evictionHard": {"memory.available": "1Gi", "pid.available": "5%"},
                "maxPods": 17,
            }
        ),
        f"{directory}/20-last.conf": f"{HEAD}maxPods: 50\nclusterDNS: [10.0.0.3]",
        f"{directory}/10-first.conf": f"{HEAD}maxPods: 40\nevictionHard: {{pid.available: 9%}}",
        f"{directory}/30-no.yaml": f"{HEAD}maxPods: 60",
    }
    found = read(tmp_path, **files)
    names = ("config.json", "config.json.d/10-first.conf", "config.json.d/20-last.conf")
    assert found.data == {
        "files": ",".join(f"/etc/kubernetes/kubelet/{name}" for name in names),
        "clusterDNS": '["10.0.0.3"]',
        "evictionHard.memory.available": "1Gi",
        "evictionHard.pid.available": "9%",
        "maxPods": "50",
    }


@pytest.mark.parametrize(
    "path",
    [
        "etc/kubernetes/kubelet/kubelet-config.json",
        "home/kubernetes/kubelet-config.yaml",
        "etc/kubernetes/kubelet.conf",
        "etc/kubernetes/kubelet/config",
        "etc/kubernetes/kubelet.yaml",
        "etc/default/kubeletconfig.json",
        "var/lib/k0s/kubelet-config.yaml",
        "var/lib/rancher/k3s/agent/etc/kubelet.conf.d/00-k3s-defaults.conf",
        "var/lib/rancher/rke2/agent/etc/kubelet.conf.d/00-rke2-defaults.conf",
    ],
)
def test_each_distributions_file_is_found(tmp_path: Path, path: str) -> None:
    found = read(tmp_path, **{path: f"{HEAD}maxPods: 64"})
    assert found.data == {"files": f"/{path}", "maxPods": "64"}


def test_a_kubeconfig_of_the_same_name_is_no_configuration(tmp_path: Path) -> None:
    found = read(tmp_path, **{"etc/kubernetes/kubelet.conf": "kind: Config\nusers: []"})
    assert (found.data, found.status) == ({}, "absent")


def test_another_program_of_the_unit_has_no_flags_of_the_kubelet(tmp_path: Path) -> None:
    process = run_kubelet("--config", "/x", program="/bin/sh")
    found = read(tmp_path, **{"var/lib/kubelet/config.yaml": KUBEADM}, **process)
    assert "flag.config" not in found.data
    assert found.data["maxPods"] == "110"


def test_a_file_that_the_process_names_and_nobody_finds_is_a_gap(tmp_path: Path) -> None:
    found = read(tmp_path, **run_kubelet("--config", "/gone.yaml"))
    assert found.data == {"flag.config": "/gone.yaml"}
    assert found.status == "partial"
    assert found.context["reason"].startswith("/gone.yaml not found on the node")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("kind: [", "is not valid YAML"),
        ("[1, 2]", "is not a map of settings"),
        ("{maxPods: 8}", "/var/lib/kubelet/config.yaml of the node has no kind"),
        (f"{HEAD}x: .inf", "has values that JSON cannot have"),
        (f"{HEAD}x: !!binary aGk=", "has values that JSON cannot have"),
        (f"{HEAD}a: &a [x{', x' * 99}]\nb: &b [*a{', *a' * 99}]\nc: [*b{', *b' * 99}]", "values"),
        (f"{HEAD}x: &x [*x]", f"more than {MAX_VALUES} values"),
    ],
)
def test_what_is_no_configuration_is_a_gap_with_its_reason(
    tmp_path: Path, text: str, reason: str
) -> None:
    found = read(tmp_path, **{"var/lib/kubelet/config.yaml": text})
    assert (found.data, found.status) == ({}, "error")
    assert reason in found.context["reason"]


def test_a_drop_in_that_cannot_be_read_leaves_no_setting_known(tmp_path: Path) -> None:
    directory = "etc/kubernetes/kubelet/config.json.d"
    good: dict[str, str | bytes] = {"etc/kubernetes/kubelet/config.json": f"{HEAD}maxPods: 8"}
    found = read(tmp_path, **good, **{f"{directory}/1.conf": "kind: ["})
    file = "/etc/kubernetes/kubelet/config.json"
    assert (found.data, found.status) == ({"files": file}, "partial")
    found = read(tmp_path, **good, **{f"{directory}/1.conf": f"{HEAD}"})
    assert (found.data["maxPods"], found.status) == ("8", "ok")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), {}),
        (("--a=1=2", "--b", "--c", "x", "y"), {"a": "1=2", "b": "true", "c": "x"}),
        (("x", "--a", "-1"), {"a": "-1"}),
        (("--a=", "x"), {"a": ""}),
    ],
)
def test_flags_of_a_command_line(words: tuple[str, ...], expected: dict[str, str]) -> None:
    assert parse_flags(words) == expected


@pytest.mark.parametrize(("before", "expected"), [(7, {"flag.v": "2"}), (8, {})])
def test_the_kubelet_is_among_the_first_processes_of_its_unit(
    tmp_path: Path, before: int, expected: dict[str, str]
) -> None:
    files: dict[str, str | bytes] = {f"proc/{n}/cmdline": b"sh\0" for n in range(1, before + 1)}
    files["proc/812/cmdline"] = b"/usr/bin/kubelet\0--v=2\0"
    numbers = " ".join(map(str, (*range(1, before + 1), 812)))
    files[f"sys/fs/cgroup/{UNIT}"] = numbers
    found = read(tmp_path, **files)
    assert {key: value for key, value in found.data.items() if key.startswith("flag")} == expected


def test_what_is_no_number_is_no_process(tmp_path: Path) -> None:
    files = run_kubelet("--v=2")
    found = read(tmp_path, **{**files, f"sys/fs/cgroup/{UNIT}": "-1 x 812"})
    assert found.data == {"flag.v": "2"}
