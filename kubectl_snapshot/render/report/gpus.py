"""A node's GPUs as cards, and their links as a diagram and a table. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.document.snapshot import OK
from kubectl_snapshot.render.report.facts import GPU_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.document.snapshot import Scalar, Subtype
    from kubectl_snapshot.render.report.facts import Index

TOPOLOGY = "GPU.topology"
ACTIVE_LINK = re.compile(r"nvlink\.\d+\.active")
NVLINK = re.compile(r"NV(\d+)")
# Link types of `nvidia-smi topo -m`, nearest first.
KINDS = {
    "INT": "on one board",
    "PIX": "through one PCIe switch",
    "PXB": "through several PCIe switches",
    "PHB": "through a PCIe host bridge",
    "NODE": "between host bridges of one NUMA node",
    "SYS": "between NUMA nodes",
}
ON_OFF = {True: "on", False: "off"}

# With more GPUs the diagram is illegible; the table remains.
MOST_IN_PICTURE = 16
NODE_WIDTH, NODE_HEIGHT, MARGIN = 72, 46, 8


class Card(NamedTuple):
    """One GPU; `path` is its subtype's."""

    name: str
    path: str
    title: str
    uuid: str
    status: str
    reason: str
    rows: tuple[tuple[str, str], ...]


class Kind(NamedTuple):
    """A link type and its number of GPU pairs; `style` is a CSS class."""

    word: str
    meaning: str
    pairs: int
    style: str


class Box(NamedTuple):
    """A GPU in the diagram, by its centre."""

    x: int
    y: int
    name: str
    place: str
    status: str


class Line(NamedTuple):
    """A link in the diagram."""

    x1: int
    y1: int
    x2: int
    y2: int
    word: str
    style: str


@dataclass(frozen=True)
class Links:
    """All links: `table` has a row per GPU with a link type per GPU, "" if unknown."""

    kinds: tuple[Kind, ...]
    table: tuple[tuple[str, tuple[str, ...]], ...]
    width: int = 0
    height: int = 0
    boxes: tuple[Box, ...] = ()
    lines: tuple[Line, ...] = ()

    @property
    def sentence(self) -> str:
        """Return the diagram's text alternative."""
        parts = [f"{k.pairs} by {k.word}, {k.meaning}" for k in self.kinds]
        count = len(self.table)
        return f"{count} GPUs, {count * (count - 1) // 2} pairs: {'; '.join(parts)}."


def build_cards(index: Index) -> tuple[Card, ...]:
    """Return a card for each GPU, in the document's order."""
    return tuple(
        Card(
            path.partition(".")[2],
            path,
            text_of(gpu.data.get("name", "")),
            _text(gpu.data, "uuid") or gpu.context.get("uuid", ""),
            gpu.status,
            gpu.context.get("reason", ""),
            _build_rows(gpu, index.get(f"{path}-state")),
        )
        for path, gpu in index.items()
        if GPU_NAME.fullmatch(path)
    )


def build_links(index: Index) -> Links | None:
    """Return the links between GPUs; None if the document has none."""
    words = _read_words(index)
    if not words:
        return None
    gpus = {name: index[name] for name in index if GPU_NAME.fullmatch(name)}
    by_uuid = {_uuid(gpu): path.partition(".")[2] for path, gpu in gpus.items()}
    # A GPU that only the topology lists keeps the topology's name.
    ends = dict.fromkeys([*by_uuid, *(end for pair in words for end in pair)])
    names = [by_uuid.get(end, end) for end in ends]
    rows = tuple(
        tuple("—" if one == other else words.get((one, other), "") for other in ends)
        for one in ends
    )
    found = Links(_count_kinds(rows), tuple(zip(names, rows)))
    if len(names) > MOST_IN_PICTURE:
        return found
    places = {_uuid(gpu): _numa(gpu.data) for gpu in gpus.values()}
    statuses = {_uuid(gpu): gpu.status for gpu in gpus.values()}
    gpu_boxes = [(name, places.get(e, ""), statuses.get(e, OK)) for name, e in zip(names, ends)]
    return _draw(found, gpu_boxes)


def describe_kind(word: str) -> str:
    """Return the meaning of a link type."""
    nvlink = NVLINK.fullmatch(word)
    if nvlink:
        return "1 NVLink" if nvlink[1] == "1" else f"{nvlink[1]} NVLinks"
    return KINDS.get(word, "reported by the driver")


def style_of(word: str) -> str:
    """Return the CSS class of a link."""
    if NVLINK.fullmatch(word):
        return "nvlink"
    if word in ("INT", "PIX", "PXB"):
        return "near"
    return "far" if word else "unknown"


def _build_rows(gpu: Subtype, state: Subtype | None) -> tuple[tuple[str, str], ...]:
    data, now = gpu.data, state.data if state else {}
    rows = (
        ("PCI bus", _text(data, "pci.bus-id") or gpu.context.get("pci-bus-id", "")),
        ("NUMA node", _text(data, "pci.numa-node")),
        ("Memory", _in_unit(data, "memory.total-bytes", 1 << 30, "GiB")),
        ("NVLinks", _count_links(data)),
        ("ECC", _mode(data, "ecc.current", "ecc.pending")),
        ("MIG", _mode(data, "mig.current", "mig.pending")),
        ("Persistence", _mode(data, "persistence-mode", "persistence-mode")),
        ("Power limit", _in_unit(data, "power.limit-mw", 1000, "W")),
        ("Temperature", _in_unit(now, "temperature.gpu-c", 1, "°C")),
    )
    return tuple(row for row in rows if row[1])


def _count_links(data: Mapping[str, Scalar]) -> str:
    links = [value for key, value in data.items() if ACTIVE_LINK.fullmatch(key)]
    return f"{links.count(True)} of {len(links)} active" if links else ""


def _mode(data: Mapping[str, Scalar], current: str, pending: str) -> str:
    now, then = (data.get(key) for key in (current, pending))
    text = _word(now)
    return f"{text}, {_word(then)} after a reset" if then is not None and then != now else text


def _word(value: Scalar | None) -> str:
    if isinstance(value, bool):
        return ON_OFF[value]
    return "" if value is None else text_of(value)


def _in_unit(data: Mapping[str, Scalar], key: str, unit: int, name: str) -> str:
    """Return a number in a unit, to one decimal; other values unchanged."""
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _word(value)
    return f"{f'{value / unit:.1f}'.removesuffix('.0')} {name}"


def _text(data: Mapping[str, Scalar], key: str) -> str:
    return _word(data.get(key))


def _numa(data: Mapping[str, Scalar]) -> str:
    node = _text(data, "pci.numa-node")
    return f"NUMA {node}" if node else ""


def _uuid(gpu: Subtype) -> str:
    return _text(gpu.data, "uuid") or gpu.context.get("uuid") or gpu.context.get("pci-bus-id", "")


def _read_words(index: Index) -> dict[tuple[str, str], str]:
    """Return the link types by pair of GPUs, in both orders."""
    words: dict[tuple[str, str], str] = {}
    for pair, value in index[TOPOLOGY].data.items() if TOPOLOGY in index else ():
        one, _, other = pair.partition("/")
        if other:
            words[one, other] = words[other, one] = text_of(value)
    return words


def _count_kinds(rows: Sequence[Sequence[str]]) -> tuple[Kind, ...]:
    counts = Counter(word for n, row in enumerate(rows) for word in row[n + 1 :])
    return tuple(
        Kind(
            word or "unknown",
            describe_kind(word) if word else "not in the snapshot",
            counts[word],
            style_of(word),
        )
        for word in sorted(counts, key=_nearest_first)
    )


def _nearest_first(word: str) -> tuple[int, int, str]:
    nvlink = NVLINK.fullmatch(word)
    if nvlink:
        return 0, -int(nvlink[1]), word
    return (1, list(KINDS).index(word), word) if word in KINDS else (2, 0, word)


def _draw(links: Links, gpus: Sequence[tuple[str, str, str]]) -> Links:
    """Return the links with their diagram: GPUs on a circle, two GPUs side by side."""
    count = len(gpus)
    across = max(110, 40 + 15 * count) if count > 2 else 110
    down = across if count > 2 else 0
    # An even number has two GPUs at the top, so that rows are level.
    first = -90 - (0 if count % 2 else 180 / count) if count > 2 else 180
    width, height = (2 * (r + MARGIN) for r in (across + NODE_WIDTH // 2, down + NODE_HEIGHT // 2))
    boxes = []
    for number, (name, place, status) in enumerate(gpus):
        angle = math.radians(first + 360 * number / count)
        x, y = width / 2 + across * math.cos(angle), height / 2 + down * math.sin(angle)
        boxes.append(Box(round(x), round(y), name, place, status))
    lines = tuple(
        Line(one.x, one.y, other.x, other.y, word, style_of(word))
        for n, (one, (_, row)) in enumerate(zip(boxes, links.table))
        for other, word in zip(boxes[n + 1 :], row[n + 1 :])
        if word
    )
    # Alphabetical: nvlink is drawn last, on top.
    lines = tuple(sorted(lines, key=lambda line: line.style))
    return Links(links.kinds, links.table, width, height, tuple(boxes), lines)
