"""The links between a node's GPUs: a matrix as of `nvidia-smi topo -m`, and a diagram. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.document.snapshot import OK, Subtype
from kubectl_snapshot.records import dataclass, replace
from kubectl_snapshot.render.report.facts import GPU_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.document.snapshot import Scalar
    from kubectl_snapshot.render.report.facts import Index

TOPOLOGY, PROXIMITY = "GPU.topology", "Network.proximity"
NVLINK = re.compile(r"NV(\d+)")
NVLINK_STYLE, UNKNOWN_STYLE = "nvlink", "unknown"
# An NVLink's remote-type.
SWITCH = "Switch"
# Link types of `nvidia-smi topo -m`, nearest first.
KINDS = {
    "INT": "on one board",
    "PIX": "through one PCIe switch",
    "PXB": "through several PCIe switches",
    "PHB": "through a PCIe host bridge",
    "NODE": "between host bridges of one NUMA node",
    "SYS": "between NUMA nodes",
}

# With more GPUs the diagram is illegible; the table remains. No node has more than the second.
MOST_IN_PICTURE, MOST_IN_TABLE = 16, 64
NODE_WIDTH, NODE_HEIGHT, MARGIN = 72, 46, 8
# From the middle of a GPU to that of the NVSwitches.
DROP = 84


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
    """All links: `table` has a row per GPU with a link type per GPU, "" if unknown.

    `cards` are network cards, and `distances` how near each is to the GPU of a row.

    `places` are each GPU's CPUs and NUMA node. `switch` is the box of all NVSwitches, if each pair
    of GPUs that is known is linked through them.
    """

    kinds: tuple[Kind, ...]
    table: tuple[tuple[str, tuple[str, ...]], ...]
    places: tuple[tuple[str, str], ...] = ()
    width: int = 0
    height: int = 0
    boxes: tuple[Box, ...] = ()
    lines: tuple[Line, ...] = ()
    switch: Box | None = None
    cards: tuple[str, ...] = ()
    distances: tuple[tuple[str, ...], ...] = ()

    @property
    def sentence(self) -> str:
        """Return the diagram's text alternative."""
        parts = [f"{k.pairs} by {k.word}, {k.meaning}" for k in self.kinds]
        count = len(self.table)
        return f"{count} GPUs, {count * (count - 1) // 2} pairs: {'; '.join(parts)}."


def build_links(index: Index) -> Links | None:
    """Return the links between GPUs; None if the document has none, or more GPUs than a node."""
    words = _read_words(index)
    if not words:
        return None
    gpus = {name: index[name] for name in index if GPU_NAME.fullmatch(name)}
    by_uuid = {_uuid(gpu): path.partition(".")[2] for path, gpu in gpus.items()}
    # A GPU that only the topology lists keeps the topology's name.
    ends = dict.fromkeys([*by_uuid, *(end for pair in words for end in pair)])
    if len(ends) > MOST_IN_TABLE:
        return None
    names = [by_uuid.get(end, end) for end in ends]
    rows = tuple(
        tuple("—" if one == other else words.get((one, other), "") for other in ends)
        for one in ends
    )
    by_end = {_uuid(gpu): gpu for gpu in gpus.values()}
    found_gpus = [by_end.get(end, Subtype("")) for end in ends]
    places = [
        tuple(_text(g.data, k) for k in ("cpu-affinity", "pci.numa-node")) for g in found_gpus
    ]
    found = Links(_count_kinds(rows), tuple(zip(names, rows)), tuple((p[0], p[1]) for p in places))
    found = _add_cards(found, index, [_text(gpu.data, "pci.bus-id") for gpu in found_gpus])
    if len(names) > MOST_IN_PICTURE:
        return found
    boxes = [(n, _numa(gpu.data), gpu.status) for n, gpu in zip(names, found_gpus)]
    # A GPU that does not answer has no known link; the others are linked as before.
    known = [kind.style for kind in found.kinds if kind.style != UNKNOWN_STYLE]
    is_switched = set(known) == {NVLINK_STYLE} and any(
        value == SWITCH for gpu in found_gpus for value in gpu.data.values()
    )
    return _draw_switched(found, boxes) if is_switched else _draw(found, boxes)


def _add_cards(links: Links, index: Index, addresses: Sequence[str]) -> Links:
    """Return the links with the network cards that Network.proximity has, by PCI address."""
    words = index[PROXIMITY].data if PROXIMITY in index else {}
    cards = tuple(sorted({pair.partition("/")[2] for pair in words}, key=_by_number))
    distances = tuple(
        tuple(text_of(words.get(f"{address}/{card}", "")) for card in cards)
        for address in addresses
    )
    return replace(links, cards=cards[:MOST_IN_TABLE], distances=distances)


def _by_number(name: str) -> tuple[str, int]:
    """Sort `mlx5_10` after `mlx5_9`."""
    digits = re.search("[0-9]{1,9}$", name)
    return (name[: digits.start()], int(digits[0])) if digits else (name, -1)


def describe_kind(word: str) -> str:
    """Return the meaning of a link type."""
    nvlink = NVLINK.fullmatch(word)
    if nvlink:
        return "1 NVLink" if nvlink[1] == "1" else f"{nvlink[1]} NVLinks"
    return KINDS.get(word, "reported by the driver")


def style_of(word: str) -> str:
    """Return the CSS class of a link."""
    if NVLINK.fullmatch(word):
        return NVLINK_STYLE
    if word in ("INT", "PIX", "PXB"):
        return "near"
    return "far" if word else UNKNOWN_STYLE


def _text(data: Mapping[str, Scalar], key: str) -> str:
    return text_of(data.get(key, ""))


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
    return replace(links, width=width, height=height, boxes=tuple(boxes), lines=lines)


def _draw_switched(links: Links, gpus: Sequence[tuple[str, str, str]]) -> Links:
    """Return the links with their diagram: NUMA nodes above and below one box of NVSwitches."""
    numa = list(dict.fromkeys(place for _, place, _ in gpus))
    upper = [gpu for gpu in gpus if numa.index(gpu[1]) < (len(numa) + 1) // 2]
    lower = [gpu for gpu in gpus if gpu not in upper]
    if not lower:
        upper, lower = upper[: (len(upper) + 1) // 2], upper[(len(upper) + 1) // 2 :]
    width = max(len(upper), len(lower), 1) * (NODE_WIDTH + MARGIN) + MARGIN
    rows = ((upper, NODE_HEIGHT // 2 + MARGIN), (lower, NODE_HEIGHT // 2 + MARGIN + 2 * DROP))
    switch = Box(width // 2, NODE_HEIGHT // 2 + MARGIN + DROP, "NVSwitch", "", OK)
    linked = {name for name, words in links.table if any(map(NVLINK.fullmatch, words))}
    boxes, lines = [], []
    for row, y in rows:
        start = (width - len(row) * (NODE_WIDTH + MARGIN)) // 2
        for number, (name, place, status) in enumerate(row):
            x = start + (NODE_WIDTH + MARGIN) // 2 + number * (NODE_WIDTH + MARGIN)
            boxes.append(Box(x, y, name, place, status))
            style = NVLINK_STYLE if name in linked else UNKNOWN_STYLE
            lines.append(Line(x, y, x, switch.y, "", style))
    height = 2 * DROP + NODE_HEIGHT + 2 * MARGIN
    return replace(
        links, width=width, height=height, boxes=tuple(boxes), lines=tuple(lines), switch=switch
    )
