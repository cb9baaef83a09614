"""The SystemD measurement of a real node against what systemd's own tools say of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from kubectl_snapshot.collectors.systemd.collector import DEFAULT_UNITS, EXCLUDED
from kubectl_snapshot.document.patterns import matches_any
from kubectl_snapshot.document.snapshot import Scalar, Snapshot
from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster
from tests.validation import parse_valid, subtype

Run = Callable[..., Finished]

NODE = "node2"
UNIT_PATH = "/org/freedesktop/systemd1/unit"
PROPERTIES = "org.freedesktop.DBus.Properties"
# What changes by itself between two questions (contract section 2.4).
UNSET = (2**64 - 1, 2**32 - 1)
VOLATILE = ("*Current", "CPUUsageNSec", "MemoryAvailable", "IO*", "IP*", "*TimestampMonotonic")
SCALARS = "bsotxdiuqny"
# systemctl 252 knows no word for the first ones, and capabilities are a mask.
NUMBERS = ("IO*", "CapabilityBoundingSet", "AmbientCapabilities", *EXCLUDED)
DROP_IN = "/run/systemd/system/kubelet.service.d/50-snapshot-test.conf"


def capture(run: Run, namespace: str, *words: str) -> Snapshot:
    ended = run("-n", namespace, "--node", NODE, *words)
    assert ended.returncode == 0, ended.stderr
    return parse_valid(ended.stdout)


def ask_busctl(cluster: Cluster, unit: str) -> dict[str, Any]:
    """Return {property: {"type", "data"}} as busctl reads them over the system bus."""
    path = f"{UNIT_PATH}/{unit.replace('.', '_2e').replace('@', '_40')}"
    call = ["busctl", "--json=short", "call", "org.freedesktop.systemd1", path, PROPERTIES]
    reported = json.loads(cluster.node_exec(NODE, *call, "GetAll", "s", ""))
    found: dict[str, Any] = reported["data"][0]
    return found


def ask_systemctl(cluster: Cluster, unit: str) -> dict[str, str]:
    show = ["systemctl", "show", "--all", "--timestamp=unix", unit]
    lines = cluster.node_exec(NODE, *show).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def expected_value(kind: str, data: Any) -> Scalar:
    """Return what contract 2.4 stores for a value, written apart from the collector."""
    if kind in tuple("bsotxd"):
        kept: Scalar = data
        return kept
    return go_text(data)


def go_text(data: Any) -> str:
    if isinstance(data, list):
        return f"[{' '.join(map(go_text, data))}]"
    return str(data).lower() if isinstance(data, bool) else str(data)


def has_words(reported: Mapping[str, Any]) -> bool:
    """Return whether systemctl writes a value as a word: an array of bytes, or "unset"."""
    return reported["type"] == "ay" or (reported["type"], reported["data"]) in (
        ("t", UNSET[0]),
        ("u", UNSET[1]),
    )


def steady(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if not matches_any(key, VOLATILE)}


@pytest.fixture
def drop_in(cluster: Cluster) -> Iterator[None]:
    write = f"mkdir -p {DROP_IN.rpartition('/')[0]}; echo '[Service]\nNice=0' > {DROP_IN}"
    cluster.node_exec(NODE, "sh", "-c", f"{write}; systemctl daemon-reload")
    yield
    cluster.node_exec(NODE, "sh", "-c", f"rm {DROP_IN}; systemctl daemon-reload")


@pytest.mark.parametrize("level", ["true", "host-read"])
def test_units_are_as_busctl_reads_them_value_by_value(
    cluster: Cluster, run_snapshot: Run, namespace: str, drop_in: None, level: str
) -> None:
    snapshot = capture(run_snapshot, namespace, f"--privileged={level}")
    for unit in ("containerd.service", "kubelet.service"):
        found = subtype(snapshot, "SystemD", unit)
        reported = {
            key: value
            for key, value in ask_busctl(cluster, unit).items()
            if not matches_any(key, EXCLUDED)
        }
        assert found.status == "ok"
        assert found.data.keys() == reported.keys()
        assert len(reported) > 380
        numbers = {
            key: expected_value(value["type"], value["data"])
            for key, value in steady(reported).items()
            if not has_words(value)
        }
        assert {key: found.data[key] for key in numbers} == numbers
        types = {key: type(value) for key, value in numbers.items()}
        assert {key: type(found.data[key]) for key in numbers} == types
    kubelet = subtype(snapshot, "SystemD", "kubelet.service")
    assert DROP_IN in str(kubelet.data["DropInPaths"])
    assert kubelet.data["ActiveState"] == "active"


# systemctl has words or time spans of its own for these.
WORDED = (
    "*ActionExitStatus",
    "*USec",
    "AmbientCapabilities",
    "CapabilityBoundingSet",
    "MountFlags",
    "NUMAPolicy",
    "RestrictNamespaces",
    "TTYColumns",
    "TTYRows",
)


def as_shown(key: str, kind: str, value: Scalar) -> str:
    """Return how systemctl writes a scalar (systemd, bus_print_property and its callers)."""
    if kind == "b":
        return "yes" if value else "no"
    if kind in "so":
        return str(value)
    number = int(value)
    if number in UNSET:
        return "unset"
    if key.endswith("Timestamp"):
        return f"@{number // 10**6}" if number else ""
    if key.endswith(("Mode", "UMask")):
        return f"{number:04o}"
    return hex(number) if key == "CoredumpFilter" else str(number)


def test_bytes_and_unset_numbers_are_as_systemctl_shows_them(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    snapshot = capture(run_snapshot, namespace)
    for unit in ("containerd.service", "kubelet.service"):
        found = subtype(snapshot, "SystemD", unit).data
        shown = ask_systemctl(cluster, unit)
        keys = {key for key, reported in ask_busctl(cluster, unit).items() if has_words(reported)}
        compared = {key for key in keys & shown.keys() if not matches_any(key, NUMBERS)}
        assert len(compared) > 30
        assert {key: found[key] for key in compared} == {key: shown[key] for key in compared}


def test_scalars_are_as_systemctl_shows_them(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    found = subtype(capture(run_snapshot, namespace), "SystemD", "containerd.service").data
    kinds = {
        key: reported["type"] for key, reported in ask_busctl(cluster, "containerd.service").items()
    }
    unset = dict.fromkeys(("infinity", "[not set]", "[no data]"), "unset")
    shown = {
        key: unset.get(text, text)
        for key, text in ask_systemctl(cluster, "containerd.service").items()
        if key in found and kinds[key] in SCALARS and not matches_any(key, (*VOLATILE, *WORDED))
    }
    assert len(shown) > 200
    assert shown == {
        key: unset.get(str(found[key])) or as_shown(key, kinds[key], found[key]) for key in shown
    }


def test_a_unit_that_is_not_there_is_absent_and_no_gap(run_snapshot: Run, namespace: str) -> None:
    snapshot = capture(run_snapshot, namespace)
    docker = subtype(snapshot, "SystemD", "docker.service")
    assert docker.status == "absent"
    assert docker.data == {"LoadState": "not-found", "ActiveState": "inactive"}
    assert docker.context["reason"] == "Unit docker.service not found."
    assert "SystemD" not in snapshot.metadata.get("gaps", "")


def test_the_flag_adds_units_and_patterns_of_them(run_snapshot: Run, namespace: str) -> None:
    words = ["--systemd-service", "getty@tty1.service", "--systemd-service", "systemd-journal*"]
    snapshot = capture(run_snapshot, namespace, *words, "--systemd-service", "no-such-*")
    units = {
        s.name: s.status for m in snapshot.measurements if m.type == "SystemD" for s in m.subtypes
    }
    assert units.pop("getty@tty1.service") == "ok"
    assert units.pop("no-such-*") == "absent"
    assert {"systemd-journald.service", "systemd-journald.socket"} <= units.keys()
    assert {*DEFAULT_UNITS} <= units.keys()
    added = units.keys() - {*DEFAULT_UNITS}
    assert all(name.startswith("systemd-journal") for name in added)


def test_a_name_that_is_no_units_is_refused_before_anything_is_made(
    run_snapshot: Run, namespace: str
) -> None:
    ended = run_snapshot("-n", namespace, "--systemd-service", "kubelet")
    assert ended.returncode == 2
    assert "hint: use kubelet.service" in ended.stderr


def test_a_restricted_pod_says_why_it_sees_no_unit(
    run_snapshot: Run, restricted_namespace: str
) -> None:
    snapshot = capture(run_snapshot, restricted_namespace, "--privileged=false")
    (measurement,) = [m for m in snapshot.measurements if m.type == "SystemD"]
    assert [s.name for s in measurement.subtypes] == [
        "containerd.service",
        "docker.service",
        "kubelet.service",
    ]
    for found in measurement.subtypes:
        assert (found.status, found.data) == ("unavailable", {})
        assert "--privileged=false" in found.context["reason"]
        assert f"SystemD.{found.name}=unavailable" in snapshot.metadata["gaps"]
