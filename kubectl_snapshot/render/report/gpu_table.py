"""A node's GPUs as one table, a row per GPU; values that differ from most GPUs' are odd. Pure."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Callable, NamedTuple

from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.render.report.facts import GPU_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubectl_snapshot.document.snapshot import Scalar, Subtype
    from kubectl_snapshot.render.report.facts import Index

    Data = Mapping[str, Scalar]

ACTIVE_LINK = re.compile(r"nvlink\.\d+\.active")
ON_OFF = {True: "on", False: "off"}
# The bits of NVML's clocks.event-reasons that slow a GPU: HW slowdown, SW and HW thermal, brake.
SLOWED = 0xE8


class Cell(NamedTuple):
    """A value of a GPU; `most` is what most GPUs have, if this one is odd, else ""."""

    text: str
    most: str


class Row(NamedTuple):
    """One GPU; `path` is its subtype's."""

    name: str
    path: str
    uuid: str
    status: str
    reason: str
    cells: tuple[Cell, ...]


class GpuTable(NamedTuple):
    """The GPUs of a node; `heads` are the columns that any of them has a value in."""

    heads: tuple[str, ...]
    rows: tuple[Row, ...]


def build_gpu_table(index: Index) -> GpuTable:
    """Return the GPUs in the document's order."""
    gpus = {path: gpu for path, gpu in index.items() if GPU_NAME.fullmatch(path)}
    states = [index.get(f"{path}-state") for path in gpus]
    merged = [
        {**gpu.data, **(state.data if state else {})} for gpu, state in zip(gpus.values(), states)
    ]
    columns = {}
    for head, (read, is_compared) in COLUMNS.items():
        texts = [read(data) for data in merged]
        if any(texts):
            columns[head] = _mark_odd(texts) if is_compared else [Cell(text, "") for text in texts]
    rows = zip(gpus.items(), zip(*columns.values()) if columns else [()] * len(gpus))
    return GpuTable(
        tuple(columns), tuple(_build_row(path, gpu, cells) for (path, gpu), cells in rows)
    )


def _build_row(path: str, gpu: Subtype, cells: Iterable[Cell]) -> Row:
    uuid = _text(gpu.data, "uuid") or gpu.context.get("uuid", "")
    reason = gpu.context.get("reason", "")
    return Row(path.partition(".")[2], path, uuid, gpu.status, reason, tuple(cells))


def _mark_odd(texts: list[str]) -> list[Cell]:
    """Return cells, those that differ from what more GPUs have than not as odd."""
    known = [text for text in texts if text]
    most, count = Counter(known).most_common(1)[0]
    has_most = 2 * count > len(known)
    return [Cell(text, most if has_most and text and text != most else "") for text in texts]


def _of(key: str) -> Callable[[Data], str]:
    return lambda data: _text(data, key)


def _in_unit(key: str, unit: int, name: str) -> Callable[[Data], str]:
    """Return the reader of a number in a unit, to one decimal; of other values unchanged."""

    def read(data: Data) -> str:
        value = data.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return _text(data, key)
        return f"{f'{value / unit:.1f}'.removesuffix('.0')} {name}"

    return read


def _mode(name: str) -> Callable[[Data], str]:
    """Return the reader of a mode, with the one that the next reset sets."""

    def read(data: Data) -> str:
        now, then = _text(data, f"{name}.current"), _text(data, f"{name}.pending")
        return f"{now}, {then} after a reset" if then and then != now else now

    return read


def _pair(key: str, limit: str) -> Callable[[Data], str]:
    def read(data: Data) -> str:
        return " of ".join(filter(None, (_text(data, key), _text(data, limit))))

    return read


def _count_links(data: Data) -> str:
    links = [value for key, value in data.items() if ACTIVE_LINK.fullmatch(key)]
    return f"{links.count(True)} of {len(links)}" if links else ""


def _describe_rows(data: Data) -> str:
    """Return the remapped rows: correctable and uncorrectable, pending, failed."""
    start = "remapped-rows."
    counts = [_text(data, f"{start}{name}") for name in ("correctable", "uncorrectable")]
    words = {"pending": "pending", "failure-occurred": "failed"}
    marks = [word for key, word in words.items() if data.get(start + key) is True]
    return ", ".join(filter(None, (" + ".join(filter(None, counts)), *marks)))


def _describe_slowdown(data: Data) -> str:
    text = _text(data, "clocks.event-reasons")
    if not re.fullmatch(r"0x[0-9a-fA-F]{1,16}", text):
        return text
    return f"slowed, {text}" if int(text, 16) & SLOWED else "no"


def _text(data: Data, key: str) -> str:
    value = data.get(key)
    if isinstance(value, bool):
        return ON_OFF[value]
    return "" if value is None else text_of(value)


# How a column is read, and whether equal GPUs have equal values in it.
COLUMNS: Mapping[str, tuple[Callable[[Data], str], bool]] = {
    "Model": (_of("name"), True),
    "PCIe lanes": (_pair("pcie.current-width", "pcie.max-width"), True),
    "PCIe gen": (_pair("pcie.max-gen", "pcie.device-max-gen"), True),
    "NVLinks": (_count_links, True),
    "Fabric": (_of("fabric.state"), True),
    "Recovery": (_of("recovery-action"), True),
    "Remapped rows": (_describe_rows, True),
    "ECC errors": (_of("ecc.volatile-uncorrected-errors"), True),
    "Slowed": (_describe_slowdown, True),
    "Temperature": (_in_unit("temperature.gpu-c", 1, "°C"), False),
    "Power limit": (_in_unit("power.limit-mw", 1000, "W"), True),
    "ECC": (_mode("ecc"), True),
    "MIG": (_mode("mig"), True),
    "Persistence": (_of("persistence-mode"), True),
    "VBIOS": (_of("vbios-version"), True),
    "Memory": (_in_unit("memory.total-bytes", 1 << 30, "GiB"), True),
    "NUMA node": (_of("pci.numa-node"), False),
    "PCI bus": (_of("pci.bus-id"), False),
}
