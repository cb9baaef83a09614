"""Documents of a fleet's nodes for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.selection import Selection
from kubectl_snapshot.document.fleet.forms import FormBuilder
from kubectl_snapshot.document.fleet.grouping import FleetFacts, Grouping, group_nodes
from kubectl_snapshot.document.fleet.outliers import Comparison, FleetGroup, compare_group
from kubectl_snapshot.document.snapshot import Measurement, Scalar, Snapshot, Subtype

READ = {"elapsed-ms": "1"}
Subtypes = Mapping[str, Subtype]


def subtype(name: str, data: Mapping[str, Scalar], **context: str) -> Subtype:
    return Subtype(name, data, {**READ, **context})


def gpu(number: int, node: str, **data: Scalar) -> Subtype:
    """Return one GPU with identifiers of its own."""
    own = {"uuid": f"GPU-{node}-{number}", "pci.bus-id": f"0000:{number:02x}:00.0"}
    return subtype(f"gpu-{number}", {"name": "H100", "vbios-version": "96", **own, **data})


def default(node: str) -> dict[str, Subtype]:
    """Return the subtypes of a usual node, by path."""
    links = {f"GPU-{node}-0/GPU-{node}-1": "NV18"}
    found = {
        "K8s.server": subtype("server", {"version": node}),
        "K8s.node": subtype("node", {"source-node": node, "os-image": "Ubuntu 24.04"}),
        "GPU.smi": subtype("smi", {"driver": "580", "gpu-count": 2}),
        "GPU.hardware": subtype("hardware", {"gpu-count": 2, "gpu-present": True}),
        "GPU.gpu-0": gpu(0, node),
        "GPU.gpu-1": gpu(1, node),
        "GPU.topology": subtype("topology", links),
        "OS.sysctl": subtype(
            "sysctl",
            {
                "/proc/sys/vm/swappiness": "10",
                "/proc/sys/kernel/hostname": node,
                "/proc/sys/fs/file-nr": f"{len(node)}\t0\t1",
            },
        ),
        "OS.kmod": subtype("kmod", {"nvidia": True, "xfs": True}),
        "SystemD.kubelet.service": subtype(
            "kubelet.service",
            {"ActiveState": "active", "ExecStart": f"kubelet --node-name={node} /pki/{node}.crt"},
        ),
    }
    return found


def build(node: str, subtypes: Subtypes, **metadata: str) -> Snapshot:
    types: dict[str, list[Subtype]] = {}
    for path, found in subtypes.items():
        types.setdefault(path.partition(".")[0], []).append(found)
    measurements = (Measurement(type_, tuple(found)) for type_, found in types.items())
    return Snapshot({"source-node": node, **metadata}, tuple(measurements))


def vary(
    node: str,
    changes: Mapping[str, Scalar | None] | None = None,
    without: Sequence[str] = (),
    status: Mapping[str, str] | None = None,
    **metadata: str,
) -> Snapshot:
    """Return a usual node with readings changed, or removed by None, and subtypes removed.

    `status` are subtypes that could not be read.
    """
    subtypes = default(node)
    for path, value in (changes or {}).items():
        name = max((n for n in subtypes if path.startswith(f"{n}.")), key=len)
        data = {**subtypes[name].data, path[len(name) + 1 :]: value}
        kept = {key: found for key, found in data.items() if found is not None}
        subtypes[name] = replace(subtypes[name], data=kept)
    for name, found in (status or {}).items():
        subtypes[name] = subtype(name.partition(".")[2], {}, status=found, reason="why")
    kept_subtypes = {name: s for name, s in subtypes.items() if name not in without}
    return build(node, kept_subtypes, **metadata)


def make_fleet(count: int, *others: Snapshot) -> dict[str, Snapshot]:
    """Return usual nodes, and others."""
    usual = {f"n{number}": vary(f"n{number}") for number in range(count)}
    return {**usual, **{snapshot.metadata["source-node"]: snapshot for snapshot in others}}


def describe(
    snapshots: Mapping[str, Snapshot], selection: Selection | None = None
) -> tuple[FormBuilder, Comparison]:
    builder = FormBuilder(REGISTRY)
    forms = {name: builder.build(snapshot) for name, snapshot in snapshots.items()}
    read = snapshots.__getitem__
    return builder, Comparison(forms, builder, read, REGISTRY, selection or Selection())


def compare(
    snapshots: Mapping[str, Snapshot],
    group_by: Sequence[str] = (),
    selection: Selection | None = None,
    labels: Subtype | None = None,
) -> tuple[Grouping, list[FleetGroup]]:
    """Return the groups of a fleet and their outliers."""
    builder, of = describe(snapshots, selection)
    grouping = group_nodes(FleetFacts(of.forms, builder.references, labels), group_by)
    return grouping, [compare_group(group, of) for group in grouping.groups]
