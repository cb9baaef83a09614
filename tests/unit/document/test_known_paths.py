from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from kubectl_snapshot.clients.gpu import fields
from kubectl_snapshot.collectors.gpu import keys
from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.codec.tree import parse_tree
from kubectl_snapshot.document.known_paths import (
    Missing,
    explain_missing,
    find_lacking,
    find_spec,
    find_subtypes,
    refuse_impossible,
    refuse_impossible_subtype,
)
from kubectl_snapshot.document.paths import iter_subtypes
from kubectl_snapshot.document.patterns import matches_any
from kubectl_snapshot.document.registry import FALSE, UNSET
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[3]
HOSTS = sorted((ROOT / "docs/examples/snapshots").glob("*.yaml"))
# Readers of several keys whose own names are no key's beginning.
COMPOSED = ("mig-devices", "power.limits", "bar1-memory", "platform")
LOST = {"status": "error", "reason": "GPU is lost"}
SNAPSHOT = Snapshot(
    {"source-node": "gpu-17"},
    (
        Measurement(
            "K8s",
            (
                Subtype("server", {"version": "v1.34.2"}),
                Subtype("image", {"cilium": "v1.18.3", "pause": "3.9"}),
                Subtype("node", {}, {"status": "forbidden", "reason": "no"}),
                Subtype("helm", {}, {"status": "absent", "reason": "no release"}),
                Subtype("kubelet", {}, {"reason": "no right"}),
            ),
        ),
        Measurement(
            "GPU",
            (
                Subtype("smi", {"driver": "580.105.08"}),
                Subtype("gpu-0", {"uuid": "GPU-a", "nvlink.0.active": True}),
                Subtype("gpu-1", {}, LOST),
                Subtype("gpu-0-state", {"index": 0}),
            ),
        ),
        Measurement(
            "OS",
            (
                Subtype("sysctl", {"/proc/sys/vm/swappiness": "60"}),
                Subtype("kmod", {"nvidia_peermem": True, "raid0": True}),
                Subtype("grub", {"iommu": "pt"}),
            ),
        ),
        Measurement("SystemD", (Subtype("kubelet.service", {"Restart": "always"}),)),
        Measurement("Other", (Subtype("thing", {"a.b": 1}),)),
    ),
)


@pytest.mark.parametrize(
    ("path", "reason", "meaning"),
    [
        ("GPU.gpu-0.ecc.current", "GPU.gpu-0 has no ecc.current", ""),
        ("GPU.gpu-1.uuid", "GPU.gpu-1 is error: GPU is lost", ""),
        ("GPU.gpu-2.uuid", "GPU has the subtypes smi, gpu-[0-1], gpu-0-state", ""),
        ("GPU.device.driver", "GPU has the subtypes smi, gpu-[0-1], gpu-0-state", ""),
        ("K8s.server.platform", "K8s.server has no platform", ""),
        ("K8s.node.provider", "K8s.node is forbidden: no", ""),
        ("K8s.kubelet.cgroupDriver", "K8s.kubelet is not collected: no right", ""),
        ("K8s.helm.x.version", "K8s.helm is absent: no release", ""),
        ("K8s.image.etcd", "K8s.image has no etcd", UNSET),
        ("OS.grub.nokaslr", "OS.grub has no nokaslr", UNSET),
        ("OS.kmod.raid1", "OS.kmod has no raid1", FALSE),
        ("OS.kmod.nouveau", "OS.kmod has no nouveau", FALSE),
        ("SystemD.a.service.Restart", "SystemD has the subtypes kubelet.service", ""),
        (
            "NodeTopology.label.a/b",
            "the snapshot has no measurement of type NodeTopology",
            "",
        ),
    ],
)
def test_a_missing_reading_has_a_reason(path: str, reason: str, meaning: str) -> None:
    assert explain_missing(path, SNAPSHOT, REGISTRY) == Missing(reason, meaning)


@pytest.mark.parametrize(
    ("path", "why", "meant"),
    [
        ("K8s.servr.version", "K8s has the subtypes server, image", "K8s.server.version"),
        ("K8s.server.versoin", "K8s.server has no key 'versoin'", "K8s.server.version"),
        ("K8s.node.provder", "K8s.node has no key 'provder'", "K8s.node.provider"),
        ("GPU.gpu-1.uid", "GPU.gpu-1 has no key 'uid'", "GPU.gpu-1.uuid"),
        ("GPU.gpu-7.uid", "GPU.gpu-7 has no key 'uid'", "GPU.gpu-7.uuid"),
        (
            "GPU.gpu-0.memory.total-mib",
            "GPU.gpu-0 has no key 'memory.total-mib'",
            "GPU.gpu-0.memory.total-bytes",
        ),
        ("OS.kmod.nvidia_permem", "OS.kmod has no key", "OS.kmod.nvidia_peermem"),
        ("OS.grub.iomu", "OS.grub has no key 'iomu'", "OS.grub.iommu"),
        ("OS.sysctl./proc/sys/vm/swapiness", "has no key", "OS.sysctl./proc/sys/vm/swappiness"),
        ("SystemD.kubelet.service.Restrat", "no key 'Restrat'", "SystemD.kubelet.service.Restart"),
        ("SystemD.kubelet.Restart", "SystemD has the", "SystemD.kubelet.service.Restart"),
        ("SystemD.kubelet.servce.Restart", "SystemD has", "SystemD.kubelet.service.Restart"),
        ("Other.thing.a.c", "Other.thing has no key 'a.c'", "Other.thing.a.b"),
        ("Other.thin.a.b", "Other has the subtypes thing", "Other.thing.a.b"),
        ("Os.kmod.nvidia_peermem", 'type "Os"', "OS.kmod.nvidia_peermem"),
        ("NodeTopology.labels.a", "NodeTopology can have the subtypes", "NodeTopology.label"),
    ],
)
def test_a_path_that_cannot_exist_is_a_mistake(path: str, why: str, meant: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        explain_missing(path, SNAPSHOT, REGISTRY)
    assert caught.value.what == f"no snapshot has {path}"
    assert why in caught.value.why
    assert caught.value.hint == f"did you mean {meant}?"


def test_a_mistake_that_resembles_nothing_names_the_way_to_all_paths() -> None:
    with pytest.raises(InvalidRequest) as caught:
        explain_missing("K8s.server.x", SNAPSHOT, REGISTRY)
    assert caught.value.hint == "list all paths with `kubectl snapshot query SNAPSHOT -o table`"


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "OS.*",
        "*.driver",
        "metadata.x",
        "GPU.gpu-*.ecc.current",
        "GPU.gpu-*.nvlink.*.active",
        "GPU.gpu-*.nvlink.*",
        "GPU.gpu-9.*",
        "GPU.gpu-*-state.recovery-action",
        "GPU.*.uuid",
        "K8s.node.*version",
        "K8s.image.x*",
        "OS.sysctl.*/nope",
        "SystemD.*.Nope",
        "SystemD.a.timer.*",
        "Other.thing.*",
        "Other.th*.x*",
        "NodeTopology.label.*",
    ],
)
def test_a_pattern_that_may_match_is_accepted(pattern: str) -> None:
    refuse_impossible(pattern, SNAPSHOT, REGISTRY)


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("GPU.gpu-*.uid", "GPU.gpu-*.uuid"),
        ("GPU.GPU-*.uuid", "GPU.gpu-*.uuid"),
        ("GPU.gpu-*.nvlink.*.activ", "GPU.gpu-*.nvlink.*.active"),
        ("GPU.gpu-*-state.indx", "GPU.gpu-*-state.index"),
        ("GPU.gpu-*.index", ""),
        ("K8s.node.*versoin", ""),
        ("Otter.*", "Other.*"),
    ],
)
def test_a_pattern_that_cannot_match_is_a_mistake(pattern: str, meant: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        refuse_impossible(pattern, SNAPSHOT, REGISTRY)
    if meant:
        assert meant in caught.value.hint


@pytest.mark.parametrize(
    "path",
    [
        "GPU",
        "GPU.gpu-0",
        "GPU.gpu-7",
        "GPU.gpu-*",
        "GPU.*",
        "Other",
        "SystemD.a.service",
        "K8s.policy",
    ],
)
def test_a_subtype_that_may_exist_is_accepted(path: str) -> None:
    refuse_impossible_subtype(path, SNAPSHOT, REGISTRY)


@pytest.mark.parametrize(
    "path", ["GPUs", "GPU.gpus-*", "K8s.servr", "Other.x", "SystemD.a", "OS.x*"]
)
def test_a_subtype_that_cannot_exist_is_a_mistake(path: str) -> None:
    with pytest.raises(InvalidRequest, match="no snapshot has"):
        refuse_impossible_subtype(path, SNAPSHOT, REGISTRY)


def test_subtypes_are_found_by_name_or_pattern() -> None:
    assert list(find_subtypes(SNAPSHOT, "GPU.gpu-*")) == ["GPU.gpu-0", "GPU.gpu-1"]
    assert list(find_subtypes(SNAPSHOT, "GPU.gpu-*-state")) == ["GPU.gpu-0-state"]
    assert list(find_subtypes(SNAPSHOT, "SystemD.kubelet.service")) == ["SystemD.kubelet.service"]
    starred = Snapshot({}, (Measurement("X", (Subtype("a*"), Subtype("ab"))),))
    assert list(find_subtypes(starred, "X.a*")) == ["X.a*"]


def test_of_several_devices_one_lacks_a_declared_key() -> None:
    assert find_lacking("GPU.gpu-*.ecc.current", SNAPSHOT, REGISTRY) == {
        "GPU.gpu-0.ecc.current": "GPU.gpu-0 has no ecc.current"
    }
    for pattern in (
        "GPU.gpu-*.uuid",  # gpu-1 is lost: a gap, reported as such
        "GPU.gpu-*.nvlink.*.active",
        "GPU.*.uid",
        "SystemD.*.Nope",
        "Other.*.x",
    ):
        assert find_lacking(pattern, SNAPSHOT, REGISTRY) == {}
    # Only subtypes that can have the key: no smi.
    assert list(find_lacking("GPU.*.pdi", SNAPSHOT, REGISTRY)) == ["GPU.gpu-0.pdi"]


def test_the_most_specific_declaration_counts() -> None:
    for name, declared in (("gpu-3", "gpu-*"), ("gpu-3-state", "gpu-*-state"), ("smi", "smi")):
        spec = find_spec(REGISTRY, "GPU", name)
        assert spec and spec.name == declared
    assert find_spec(REGISTRY, "GPU", "nope") is None
    assert find_spec(REGISTRY, "Other", "smi") is None


@pytest.mark.parametrize("path", HOSTS, ids=[path.stem for path in HOSTS])
def test_every_key_of_a_document_is_declared(path: Path) -> None:
    snapshot = parse_tree(yaml.safe_load(path.read_text()))
    checked = 0
    for type_, subtype in iter_subtypes(snapshot):
        spec = find_spec(REGISTRY, type_, subtype.name)
        assert spec, subtype.name
        if spec.keys:
            checked += 1
            assert [key for key in subtype.data if not matches_any(key, spec.keys)] == []
    assert checked > 20


@pytest.mark.parametrize(
    ("readers", "declared"),
    [(fields.IDENTITY + fields.CONFIG, keys.GPU_KEYS), (fields.STATE, keys.STATE_KEYS)],
)
def test_every_reading_of_the_driver_is_declared(
    readers: Sequence[tuple[str, object]], declared: Sequence[str]
) -> None:
    for name, _ in readers:
        assert name in COMPOSED or any(
            key == name or key.startswith(f"{name}.") for key in declared
        ), name


def test_a_type_that_nobody_knows_is_quoted() -> None:
    with pytest.raises(InvalidRequest) as caught:
        refuse_impossible("Foo.a.b", Snapshot(), REGISTRY)
    assert caught.value.why == 'unknown measurement type "Foo"'


def test_what_the_reference_profile_left_out_is_told() -> None:
    measurement = Measurement("K8s", (Subtype("server", {"version": "v1"}),))
    for profile in ("reference", "standard"):
        snapshot = Snapshot({"profile": profile}, (measurement,))
        reason = explain_missing("K8s.kubelet.cgroupDriver", snapshot, REGISTRY).reason
        assert reason.endswith("captured with --profile reference") is (profile == "reference")
