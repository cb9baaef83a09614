"""Format `html`: a snapshot as one page, a summary first, then every value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.collectors.all_findings import find_all
from kubectl_snapshot.document.items import unfold
from kubectl_snapshot.document.snapshot import ABSENT, GAP_STATUSES
from kubectl_snapshot.render.report import facts, links
from kubectl_snapshot.render.report.findings import build_findings
from kubectl_snapshot.render.report.gpu_table import build_gpu_table
from kubectl_snapshot.render.report.page import anchor, render_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_snapshot.document.snapshot import Scalar, Snapshot, Subtype
    from kubectl_snapshot.render.report.facts import Index

TEMPLATE = "report.html.j2"
# Tables with more rows are collapsed.
MOST_OPEN_ROWS = 40
# Tables with more rows stay collapsed in print.
MOST_PRINTED_ROWS = 2000
SHOWN_ELSEWHERE = ("status", "reason", "elapsed-ms")


class Part(NamedTuple):
    """A subtype: `id` is its anchor, `notes` the rest of its context."""

    id: str
    name: str
    path: str
    status: str
    reason: str
    elapsed_ms: str
    rows: tuple[tuple[str, Scalar], ...]
    notes: tuple[tuple[str, str], ...]


class Section(NamedTuple):
    """A measurement."""

    id: str
    type: str
    parts: tuple[Part, ...]


def render_report(snapshot: Snapshot, mutes: Mapping[str, str] | None = None) -> str:
    """Return the page; deterministic. `mutes` are reasons by the ids of unwanted findings."""
    index = facts.build_index(snapshot)
    variables = {
        "facts": facts.build_facts(index, snapshot.metadata),
        "findings": build_findings(find_all(snapshot, mutes), index),
        "gpus": build_gpu_table(index),
        "links": links.build_links(index),
        "topology": index.get(links.TOPOLOGY),
        "sections": build_sections(snapshot),
    }
    return render_page(TEMPLATE, {**describe_side(snapshot, index), **variables, **LIMITS})


LIMITS = {"most_open": MOST_OPEN_ROWS, "most_printed": MOST_PRINTED_ROWS}


def describe_side(snapshot: Snapshot, index: Index) -> dict[str, object]:
    """Return the template variables that all reports have: node, metadata, gaps, absent parts."""
    return {
        "node": snapshot.metadata.get("source-node", ""),
        "metadata": snapshot.metadata,
        "gaps": _find(index, *GAP_STATUSES),
        "absent": _find(index, ABSENT),
        "tells_gaps": any("elapsed-ms" in subtype.context for subtype in index.values()),
    }


def build_sections(snapshot: Snapshot) -> tuple[Section, ...]:
    """Return all measurements, duplicates included; ids are unique."""
    used: set[str] = set()
    return tuple(
        Section(
            _unique(anchor(measurement.type), used),
            measurement.type,
            tuple(_build_part(measurement.type, subtype, used) for subtype in measurement.subtypes),
        )
        for measurement in unfold(snapshot).measurements
    )


def _find(index: Index, *statuses: str) -> list[tuple[str, Subtype]]:
    return [(path, subtype) for path, subtype in index.items() if subtype.status in statuses]


def _build_part(type_: str, subtype: Subtype, used: set[str]) -> Part:
    path = f"{type_}.{subtype.name}"
    return Part(
        _unique(anchor(path), used),
        subtype.name,
        path,
        subtype.status,
        subtype.context.get("reason", ""),
        subtype.context.get("elapsed-ms", ""),
        tuple(subtype.data.items()),
        tuple(_notes(subtype.context)),
    )


def _notes(context: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((key, text) for key, text in context.items() if key not in SHOWN_ELSEWHERE)


def _unique(name: str, used: set[str]) -> str:
    """Return a unique name: append a number to a duplicate."""
    number, free = 1, name
    while free in used:
        number += 1
        free = f"{name}:{number}"
    used.add(free)
    return free
