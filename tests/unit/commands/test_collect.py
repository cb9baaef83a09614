"""`collect` as a process of its own, on a host tree where something is stuck."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kubectl_snapshot.document.snapshot import Snapshot
from tests.servers.systemd_peer import answer_units, read_units, serve_systemd
from tests.unit.hosts import VM_UBUNTU, copy_host
from tests.validation import parse_valid, subtype

TIMEOUT_S = 1.0
# What starting Python and the other collectors may take on a busy machine.
START_S = 10.0
UNITS = ("containerd.service", "docker.service", "kubelet.service")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return copy_host(VM_UBUNTU, tmp_path)


def collect(root: Path, *words: str) -> Snapshot:
    command = [sys.executable, "-m", "kubectl_snapshot", "collect", f"--host-root={root}", *words]
    env = {"PATH": os.environ["PATH"], "HOME": str(root), "NODE_NAME": "n"}
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
    return parse_valid(ended.stdout)


def test_a_dead_systemd_costs_the_timeout_and_nothing_else(root: Path) -> None:
    before = time.monotonic()
    with serve_systemd(root, answer_units({}), auth_reply=b""):
        snapshot = collect(root, f"--timeout={TIMEOUT_S:g}s")
    assert time.monotonic() - before < TIMEOUT_S + START_S
    for unit in UNITS:
        found = subtype(snapshot, "SystemD", unit)
        assert (found.status, found.data) == ("timeout", {})
        assert found.context["reason"] == "the node's systemd did not answer in time"
    for name in ("grub", "kmod", "release", "sysctl"):
        assert subtype(snapshot, "OS", name).status == "ok", name


def test_pipes_where_files_should_be_are_not_waited_for(root: Path) -> None:
    (root / "proc/cmdline").unlink()
    os.mkfifo(root / "proc/cmdline")
    os.mkfifo(root / "proc/sys/vm/pipe")
    (root / "run/systemd").mkdir(parents=True)
    os.mkfifo(root / "run/systemd/private")
    before = time.monotonic()
    snapshot = collect(root)
    assert time.monotonic() - before < START_S
    assert subtype(snapshot, "OS", "grub").status == "error"
    assert "not a regular file" in subtype(snapshot, "OS", "grub").context["reason"]
    assert "/proc/sys/vm/pipe" not in subtype(snapshot, "OS", "sysctl").data
    assert subtype(snapshot, "SystemD", "kubelet.service").status == "unavailable"


def test_the_flag_adds_units(root: Path) -> None:
    with serve_systemd(root, answer_units(read_units(root / "systemd"))):
        snapshot = collect(root, "--systemd-service=kube*", "--systemd-service=docker.service")
    (found,) = [m.subtypes for m in snapshot.measurements if m.type == "SystemD"]
    assert [s.name for s in found] == ["containerd.service", "docker.service", "kubelet.service"]
    assert {s.data["ActiveState"] for s in found} == {"active"}


def test_the_reference_profile_is_what_aicr_has_and_nothing_else(root: Path) -> None:
    with serve_systemd(root, answer_units(read_units(root / "systemd"))):
        snapshot = collect(root, "--profile=reference")
    found = {m.type: [s.name for s in m.subtypes] for m in snapshot.measurements}
    assert found == {
        "K8s": ["server", "image", "policy", "node"],
        "GPU": ["smi"],
        "OS": ["grub", "sysctl", "kmod", "release"],
        "SystemD": list(UNITS),
        "NodeTopology": ["summary", "taint", "label"],
    }
    assert snapshot.metadata["profile"] == "reference"
    assert collect(root).metadata["profile"] == "standard"


def test_only_the_chosen_types_are_in_the_document(root: Path) -> None:
    snapshot = collect(root, "--collect=SystemD,OS", "--collect", "GPU", "--skip", "SystemD")
    assert [m.type for m in snapshot.measurements] == ["GPU", "OS"]
    assert snapshot.metadata["collectors"] == "GPU,OS"
    assert "collectors" not in collect(root).metadata
