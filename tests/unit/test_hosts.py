"""Each host tree of the fixtures as one whole document: files, units and all.

What is measured by a driver's library and not by files of a tree has tests of its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.node_collectors import load_node_collectors
from kubectl_snapshot.collectors.operating_system import collector as operating_system
from kubectl_snapshot.collectors.operating_system import sysctl
from kubectl_snapshot.collectors.run.compose import compose_snapshot
from kubectl_snapshot.collectors.run.context import Collector, Context
from kubectl_snapshot.collectors.run.runner import run_collectors
from kubectl_snapshot.collectors.systemd import collector as systemd
from kubectl_snapshot.collectors.systemd.collector import DEFAULT_UNITS
from kubectl_snapshot.document.codec.yaml.codec import render_yaml
from kubectl_snapshot.document.snapshot import Measurement, Snapshot
from kubectl_snapshot.settings import CollectSettings
from tests.servers.systemd_peer import answer_units, read_units, serve_systemd
from tests.unit.golden import check_golden
from tests.unit.hosts import ALL_HOSTS, copy_host
from tests.validation import parse_valid, subtype

COLLECTORS = (operating_system, systemd)
# Those of the types since Network; older trees do not have their files.
DISTRIBUTIONS = {
    "bottlerocket-aws": ("bottlerocket", "1.48.0"),
    "debian-vm": ("debian", "12"),
    "dgx-h100-ubuntu": ("ubuntu", "24.04"),
    "eks-al2023": ("amzn", "2023"),
    "gke-cos": ("cos", "121"),
    "rhcos-openshift": ("rhcos", "9.6"),
    "talos-metal": ("talos", "v1.11.5"),
}
GAPS = {"talos-metal": [f"SystemD.{unit}=unavailable" for unit in DEFAULT_UNITS]}
LIMIT_S = 60


def capture(host: Path, directory: Path) -> Snapshot:
    """Return the document of a host tree, its recorded units served by a systemd."""
    root = copy_host(host, directory)
    units = read_units(root / "systemd")
    context = Context(
        HostPath(str(root)),
        settings=CollectSettings(systemd_services=tuple(units)),
    )
    collectors: Sequence[Collector] = COLLECTORS
    if host.name in DISTRIBUTIONS:
        collectors = [c for type_, c in load_node_collectors().items() if type_ != "GPU"]
    with serve_systemd(root, answer_units(units)) if units else nullcontext():
        found = run_collectors(collectors, context, time.monotonic() + LIMIT_S, lambda event: None)
    metadata = {"source-node": host.name, "timestamp": "2026-11-23T09:12:44Z", "mode": "agent"}
    return compose_snapshot([without_times(m) for m in found], metadata)


def without_times(measurement: Measurement) -> Measurement:
    """Return a measurement without what differs from run to run."""
    subtypes = (
        replace(s, context={k: v for k, v in s.context.items() if k != "elapsed-ms"})
        for s in measurement.subtypes
    )
    return replace(measurement, subtypes=tuple(subtypes))


@pytest.mark.parametrize("host", ALL_HOSTS, ids=lambda host: host.name)
def test_a_host_tree_gives_a_whole_document_without_gaps(host: Path, tmp_path: Path) -> None:
    text = render_yaml(capture(host, tmp_path))
    check_golden(f"hosts/{host.name}.yaml", text)
    gaps = parse_valid(text).metadata.get("gaps", "")
    assert gaps == ",".join(GAPS.get(host.name, []))


@pytest.mark.parametrize("host", ALL_HOSTS, ids=lambda host: host.name)
def test_what_consumers_need_of_a_node_is_in_every_document(host: Path, tmp_path: Path) -> None:
    snapshot = capture(host, tmp_path)
    release = subtype(snapshot, "OS", "release").data
    if host.name in DISTRIBUTIONS:
        assert (release["ID"], release["VERSION_ID"]) == DISTRIBUTIONS[host.name]
        return
    assert (release["ID"], release["VERSION_ID"] in ("22.04", "24.04")) == ("ubuntu", True)
    kernel = subtype(snapshot, "OS", "sysctl").data["/proc/sys/kernel/osrelease"]
    assert f"vmlinuz-{kernel}" in str(subtype(snapshot, "OS", "grub").data["BOOT_IMAGE"])


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("dgx-h100-ubuntu", "repeated.console", "tty0 ttyS1,115200n8"),
        ("gb200-arm64", "quoted.dyndbg", "module nvidia +p; file svcsock.c +p"),
        ("aks-h100-mig", "repeated.console", "tty1 ttyS0"),
        ("vm-ubuntu", "quoted.dyndbg", "file svcsock.c +p"),
    ],
)
def test_parameters_that_the_rules_lose_are_kept(
    tmp_path: Path, name: str, key: str, value: str
) -> None:
    (host,) = (host for host in ALL_HOSTS if host.name == name)
    assert subtype(capture(host, tmp_path), "OS", "grub").context[key] == value


@pytest.mark.parametrize("host", ALL_HOSTS, ids=lambda host: host.name)
def test_from_a_pod_of_its_own_namespaces_nothing_namespaced_is_reported(
    host: Path, tmp_path: Path
) -> None:
    pod = HostPath(str(host), shares_network=False, shares_ipc=False, shares_pid=False)
    found = sysctl.read(pod)
    assert found.status == "partial"
    assert not {"/proc/sys/kernel/hostname", "/proc/sys/kernel/shmmax"} & found.data.keys()
    assert found.data["/proc/sys/kernel/osrelease"]


def test_every_host_tree_says_where_its_shape_comes_from() -> None:
    for host in ALL_HOSTS:
        text = (host / "HOST.md").read_text()
        assert text.startswith(f"# {host.name}\n"), host
        assert "- Shape: " in text, host
        assert "invented" in text, host
