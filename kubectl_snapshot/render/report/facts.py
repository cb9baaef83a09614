"""The summary facts at the top of a report, each with the subtype it comes from. Pure.

A missing fact is unknown, with the reason that the document gives.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.paths import describe_status, iter_subtypes
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.document.snapshot import ABSENT, GAP_STATUSES, OK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.document.snapshot import Scalar, Snapshot, Subtype

    # The subtypes by `Type.Subtype`.
    Index = Mapping[str, Subtype]

RDMA_STATE = re.compile(r"port\.\d+\.state")
GPU_NAME = re.compile(r"GPU\.gpu-\d+")
# Suffix of a taint's context key that would collide with another (docs/format.md).
COLLISION = re.compile(r"#\d+$")

STATUS = "K8s.node-status"
TAINT, HELM, ARGO_CD = "NodeTopology.taint", "K8s.helm", "K8s.argocd"
# Sources of each value in order of precedence: subtype and key.
GPU_COUNT = (("GPU.hardware", "gpu-count"), ("GPU.smi", "gpu-count"))
DRIVER = (("GPU.device", "driver"), ("GPU.smi", "driver"))
CUDA = (("GPU.device", "cuda-version"), ("GPU.smi", "cuda-version"))
KERNEL = (("K8s.node", "kernel-version"), ("OS.sysctl", "/proc/sys/kernel/osrelease"))
SYSTEM = (("OS.release", "PRETTY_NAME"), ("K8s.node", "os-image"))


class Fact(NamedTuple):
    """One fact; an empty `text` means unknown, `note` has the reason. `path` may be empty."""

    label: str
    text: str
    note: str
    path: str


class Taint(NamedTuple):
    """A taint and the names of its nodes, which may be truncated."""

    key: str
    value: str
    effect: str
    nodes: str

    @property
    def text(self) -> str:
        return f"{self.key}{'=' if self.value else ''}{self.value}:{self.effect}"

    def holds(self, node: str) -> bool | None:
        """Return whether a node has the taint, None if the truncated list does not say."""
        names, cut, _ = self.nodes.partition(" (+")
        return True if node in names.split(",") else (None if cut else False)


def build_index(snapshot: Snapshot) -> dict[str, Subtype]:
    """Return the subtypes by path; of equal types and names, the first only."""
    return {f"{type_}.{subtype.name}": subtype for type_, subtype in iter_subtypes(snapshot)}


def build_facts(index: Index, metadata: Mapping[str, str]) -> tuple[Fact, ...]:
    """Return the facts in display order."""
    flavor = _find(index, ("GPU.device", "kernel-module-flavor"))
    distribution = index["K8s.node"].context.get("distribution") if "K8s.node" in index else ""
    provider = dict.fromkeys((_find(index, ("K8s.node", "provider")), distribution))
    kubelet = _named("kubelet", _find(index, ("K8s.node", "kubelet-version")))
    driver = (f"{flavor} kernel module" if flavor else "", _named("CUDA", _find(index, *CUDA)))
    return (
        _build_gpus(index),
        _build_fact(index, "Driver", *DRIVER, notes=driver),
        _build_fact(index, "Kernel", *KERNEL),
        _build_fact(index, "Operating system", *SYSTEM),
        _build_fact(index, "Kubernetes", ("K8s.server", "version"), notes=(kubelet, *provider)),
        _build_fact(index, "Container runtime", ("K8s.node", "container-runtime-id")),
        _build_size(index),
        _build_allocatable(index),
        _build_cards(index),
        _build_units(index),
        _build_fact(index, "Nodes in the cluster", ("NodeTopology.summary", "node-count")),
        _build_taints(index, find_node_name(index, metadata)),
        _build_list(index, "Helm releases", HELM, ("version",)),
        _build_list(index, "Argo CD applications", ARGO_CD, ("syncStatus", "healthStatus")),
    )


def find_node_name(index: Index, metadata: Mapping[str, str]) -> str:
    """Return the node's name in the cluster, "" if only a host name is known."""
    is_node = metadata.get("mode", "").startswith("agent")
    named = _find(index, ("K8s.node", "source-node"))
    return named or (metadata.get("source-node", "") if is_node else "")


def find_taints(index: Index) -> tuple[Taint, ...]:
    """Return the cluster's taints without duplicates."""
    subtype = index[TAINT]
    taints = [_parse_taint(key, text_of(value)) for key, value in subtype.data.items()]
    for key, text in subtype.context.items():
        parts = text.split("|")
        if COLLISION.search(key) and len(parts) == 4:
            taints.append(Taint(*parts))
    return tuple(dict.fromkeys(taints))


def _parse_taint(key: str, text: str) -> Taint:
    parts = text.split("|")
    if len(parts) == 3:
        return Taint(key, parts[1], parts[0], parts[2])
    key, _, effect = key.rpartition(".")
    return Taint(key, parts[0], effect, parts[-1])


def _build_fact(
    index: Index, label: str, *sources: tuple[str, str], notes: tuple[str | None, ...] = ()
) -> Fact:
    for path, key in sources:
        if path in index and key in index[path].data:
            text = text_of(index[path].data[key])
            return Fact(label, text, ", ".join(filter(None, notes)), path)
    return _unknown(index, label, *(path for path, _ in sources))


def _unknown(index: Index, label: str, *paths: str) -> Fact:
    """Return an unknown fact with the reason of the first subtype that has one."""
    found = [path for path in paths if path in index]
    failed = [path for path in found if index[path].status != OK]
    note = "not in the snapshot"
    if failed:
        note = describe_status(failed[0].partition(".")[0], index[failed[0]])
    return Fact(label, "", note, (failed or found or [""])[0])


def _build_gpus(index: Index) -> Fact:
    """Return how many GPUs answer: those with a name. Their models are the note."""
    label = "GPUs"
    counted = _build_fact(index, label, *GPU_COUNT)
    names = [gpu.data.get("name") for path, gpu in index.items() if GPU_NAME.fullmatch(path)]
    if names:
        models = Counter(text_of(name) for name in names if name is not None)
        text = f"{sum(models.values())} of {len(names)} answer"
        note = ", ".join(f"{count} × {model}" for model, count in models.items())
        return Fact(label, text, note, counted.path)
    if counted.text == "0":
        reason = _unknown(index, label, counted.path)
        return reason._replace(text="none" if index[counted.path].status == ABSENT else "")
    return counted


def _build_size(index: Index) -> Fact:
    """Return the CPUs and the memory of the node, as its kubelet counts them."""
    memory = _find(index, (STATUS, "capacity.memory"))
    cpus = _build_fact(index, "CPU and memory", (STATUS, "capacity.cpu"))
    if not cpus.text:
        return cpus
    words = [f"{cpus.text} CPU{'' if cpus.text == '1' else 's'}", _in_gib(memory)]
    return cpus._replace(text=", ".join(filter(None, words)))


def _build_allocatable(index: Index) -> Fact:
    """Return what pods may request of the node, extended resources first; then conditions."""
    label, start = "Allocatable", "allocatable."
    found = index[STATUS].data if STATUS in index else {}
    amounts = {k[len(start) :]: text_of(v) for k, v in found.items() if k.startswith(start)}
    if not amounts:
        return _unknown(index, label, STATUS)
    extended = [f"{text} {name}" for name, text in amounts.items() if "/" in name]
    native = [f"{amounts[k]} {k}" for k in ("cpu", "pods") if k in amounts]
    memory = f"{_in_gib(amounts['memory'])} memory" if "memory" in amounts else ""
    marks = ["cordoned"] if found.get("unschedulable") is True else []
    return Fact(
        label,
        ", ".join(extended) or "no GPU",
        ", ".join([*marks, *native, memory]).rstrip(", "),
        STATUS,
    )


def _build_cards(index: Index) -> Fact:
    """Return how many network cards are up; their speeds and the RDMA ports are the note."""
    named = {p: s.data for p, s in index.items() if p.startswith("Network.interface-")}
    cards = {path: data for path, data in named.items() if "pci-address" in data}
    if not cards:
        return _unknown(index, "NICs", "Network.proximity")._replace(path=next(iter(named), ""))
    up = [data for data in cards.values() if data.get("operstate") == "up"]
    speeds = Counter(d["speed-mbps"] for d in up if isinstance(d.get("speed-mbps"), int))
    notes = [f"{count} × {_in_gigabits(speed)}" for speed, count in speeds.items()]
    ports = [
        text_of(value) == "ACTIVE"
        for path, subtype in index.items()
        if path.startswith("Network.rdma-")
        for key, value in subtype.data.items()
        if RDMA_STATE.fullmatch(key)
    ]
    if ports:
        notes.append(f"{sum(ports)} of {len(ports)} RDMA ports active")
    return Fact("NICs", f"{len(up)} of {len(cards)} up", ", ".join(notes), next(iter(cards)))


def _in_gigabits(speed: Scalar) -> str:
    return f"{float(speed) / 1000:g} Gb/s"


def _in_gib(quantity: str) -> str:
    """Return an amount of memory as the kubelet writes it (KiB) in GiB; other texts unchanged."""
    number = quantity[:-2]
    is_kib = quantity.endswith("Ki") and number.isascii() and number.isdigit() and len(number) < 16
    return f"{int(number) / (1 << 20):.0f} GiB" if is_kib else quantity


def _build_units(index: Index) -> Fact:
    """Return how many units are in each state, and the names of those that failed."""
    label, units = "Units", {p: s for p, s in index.items() if p.startswith("SystemD.")}
    states = {path: text_of(unit.data.get("ActiveState", "")) for path, unit in units.items()}
    known = {
        path: state for path, state in states.items() if state and units[path].status != ABSENT
    }
    if not known:
        return _unknown(index, label, *units)
    failed = [path for path, state in known.items() if state == "failed"]
    counts = ", ".join(f"{number} {state}" for state, number in Counter(known.values()).items())
    names = ", ".join(path.partition(".")[2] for path in failed)
    return Fact(label, counts, names, (failed or list(known))[0])


def _build_taints(index: Index, node: str) -> Fact:
    label = "Taints of this node"
    if TAINT not in index or index[TAINT].status in GAP_STATUSES or not node:
        return _unknown(index, label, TAINT)
    taints = find_taints(index)
    held = ", ".join(taint.text for taint in taints if taint.holds(node))
    cut = ", ".join(taint.text for taint in taints if taint.holds(node) is None)
    note = f"possibly also {cut} (truncated node lists)" if cut else ""
    return Fact(label, held or ("" if cut else "none"), note, TAINT)


def _build_list(index: Index, label: str, path: str, keys: tuple[str, ...]) -> Fact:
    """Return the number and names of releases or applications; unknown if they were not read."""
    unknown = _unknown(index, label, path)
    subtype = index.get(path)
    if subtype is None or not (subtype.data or subtype.status == ABSENT):
        reason = subtype.context.get("reason") if subtype and subtype.status == OK else ""
        return unknown._replace(note=reason) if reason else unknown
    names = find_names(subtype)
    described = [
        [name, *(text_of(subtype.data.get(f"{name}.{key}", "")) for key in keys)] for name in names
    ]
    notes = [" ".join(filter(None, words)) for words in described]
    if subtype.status != OK:
        notes.append(unknown.note)
    return Fact(label, str(len(names)) if names else "none", ", ".join(notes), path)


def find_names(subtype: Subtype) -> list[str]:
    """Return the names of Helm releases or Argo CD applications; each has a namespace key."""
    ending = ".namespace"
    return [
        key[: -len(ending)]
        for key in subtype.data
        if key.endswith(ending) and not re.search(r"\.values\.|\.helm\.", key)
    ]


def _find(index: Index, *sources: tuple[str, str]) -> str:
    """Return the first value present, as text; "" for none."""
    return _build_fact(index, "", *sources).text


def _named(name: str, value: str) -> str:
    return f"{name} {value}" if value else ""
