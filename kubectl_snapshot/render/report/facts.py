"""What a node is, at a glance: the facts at the top of a report, each with where it is from. Pure.

What is not in the document is told as such, with the reason that the document has for it.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.paths import describe_status
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.document.snapshot import ABSENT, GAP_STATUSES, OK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.document.snapshot import Snapshot, Subtype

    # The subtypes by `Type.Subtype`.
    Index = Mapping[str, Subtype]

GPU_NAME = re.compile(r"GPU\.gpu-\d+")
# Of the key under which a context has a taint that had to share an entry (docs/format.md).
COLLISION = re.compile(r"#\d+$")

TAINT, HELM, ARGO_CD = "NodeTopology.taint", "K8s.helm", "K8s.argocd"
# Where each value is looked for, in this order: subtype and key.
GPU_COUNT = (("GPU.hardware", "gpu-count"), ("GPU.smi", "gpu-count"))
DRIVER = (("GPU.device", "driver"), ("GPU.smi", "driver"))
CUDA = (("GPU.device", "cuda-version"), ("GPU.smi", "cuda-version"))
KERNEL = (("K8s.node", "kernel-version"), ("OS.sysctl", "/proc/sys/kernel/osrelease"))
SYSTEM = (("OS.release", "PRETTY_NAME"), ("K8s.node", "os-image"))


class Fact(NamedTuple):
    """One line; `text` is empty where it is not known, and `note` says why. `path` may be empty."""

    label: str
    text: str
    note: str
    path: str


class Taint(NamedTuple):
    """A taint and the names of the nodes that have it, which may be cut short."""

    key: str
    value: str
    effect: str
    nodes: str

    @property
    def text(self) -> str:
        return f"{self.key}{'=' if self.value else ''}{self.value}:{self.effect}"

    def holds(self, node: str) -> bool | None:
        """Return whether a node has it, None where the list is cut before its name."""
        names, cut, _ = self.nodes.partition(" (+")
        return True if node in names.split(",") else (None if cut else False)


def build_index(snapshot: Snapshot) -> dict[str, Subtype]:
    """Return the subtypes that count: of equal names the first."""
    index: dict[str, Subtype] = {}
    for measurement in snapshot.measurements:
        for subtype in measurement.subtypes:
            index.setdefault(f"{measurement.type}.{subtype.name}", subtype)
    return index


def build_facts(index: Index, metadata: Mapping[str, str]) -> tuple[Fact, ...]:
    """Return the facts in the order of a report."""
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
        _build_fact(index, "Nodes in the cluster", ("NodeTopology.summary", "node-count")),
        _build_taints(index, find_node_name(index, metadata)),
        _build_list(index, "Helm releases", HELM, ("version",)),
        _build_list(index, "Argo CD applications", ARGO_CD, ("syncStatus", "healthStatus")),
    )


def find_node_name(index: Index, metadata: Mapping[str, str]) -> str:
    """Return the node's name in the cluster, "" where only a host name is known."""
    is_node = metadata.get("mode", "").startswith("agent")
    named = _find(index, ("K8s.node", "source-node"))
    return named or (metadata.get("source-node", "") if is_node else "")


def find_taints(index: Index) -> tuple[Taint, ...]:
    """Return the cluster's taints, each once."""
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
    """Return that a thing is not known, and why, by the first subtype that says."""
    found = [path for path in paths if path in index]
    told = [path for path in found if index[path].status != OK]
    note = "the snapshot does not say"
    if told:
        note = describe_status(told[0].partition(".")[0], index[told[0]])
    return Fact(label, "", note, (told or found or [""])[0])


def _build_gpus(index: Index) -> Fact:
    """Return how many GPUs of which model; one that does not tell its model is counted apart."""
    label = "GPUs"
    counted = _build_fact(index, label, *GPU_COUNT)
    names = [gpu.data.get("name") for path, gpu in index.items() if GPU_NAME.fullmatch(path)]
    if names:
        models = Counter(text_of(name) for name in names if name is not None)
        told = ", ".join(f"{count} × {model}" for model, count in models.items())
        silent = len(names) - sum(models.values())
        return Fact(label, told, f"{silent} without a name" if silent else "", counted.path)
    if counted.text == "0":
        reason = _unknown(index, label, counted.path)
        return reason._replace(text="none" if index[counted.path].status == ABSENT else "")
    return counted


def _build_taints(index: Index, node: str) -> Fact:
    label = "Taints of this node"
    if TAINT not in index or index[TAINT].status in GAP_STATUSES or not node:
        return _unknown(index, label, TAINT)
    taints = find_taints(index)
    held = ", ".join(taint.text for taint in taints if taint.holds(node))
    cut = ", ".join(taint.text for taint in taints if taint.holds(node) is None)
    note = f"perhaps also {cut}: the lists of their nodes are cut" if cut else ""
    return Fact(label, held or ("" if cut else "none"), note, TAINT)


def _build_list(index: Index, label: str, path: str, keys: tuple[str, ...]) -> Fact:
    """Return how many releases or applications there are, and which; nothing if nobody looked."""
    unknown = _unknown(index, label, path)
    subtype = index.get(path)
    if subtype is None or not (subtype.data or subtype.status == ABSENT):
        reason = subtype.context.get("reason") if subtype and subtype.status == OK else ""
        return unknown._replace(note=reason) if reason else unknown
    names = find_names(subtype)
    told = [
        [name, *(text_of(subtype.data.get(f"{name}.{key}", "")) for key in keys)] for name in names
    ]
    notes = [" ".join(filter(None, words)) for words in told]
    if subtype.status != OK:
        notes.append(unknown.note)
    return Fact(label, str(len(names)) if names else "none", ", ".join(notes), path)


def find_names(subtype: Subtype) -> list[str]:
    """Return the names of Helm's releases or Argo CD's applications; each has a namespace."""
    ending = ".namespace"
    return [
        key[: -len(ending)]
        for key in subtype.data
        if key.endswith(ending) and not re.search(r"\.values\.|\.helm\.", key)
    ]


def _find(index: Index, *sources: tuple[str, str]) -> str:
    """Return the first value that is there, as text; "" for none."""
    return _build_fact(index, "", *sources).text


def _named(name: str, value: str) -> str:
    return f"{name} {value}" if value else ""
