"""Formats `aicr-table`, the reference's, and `wide`: one line per value. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.items import unfold
from kubectl_snapshot.document.paths import METADATA
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.document.snapshot import OK
from kubectl_snapshot.render.columns import fit_pairs, render_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Snapshot, Subtype

TABLE_HEAD = [("FIELD", "VALUE"), ("-----", "-----")]
WIDE_HEAD = [("PATH", "STATUS", "VALUE OR REASON"), ("----", "------", "---------------")]
# Shown once for the whole subtype, or another one in each capture.
OMITTED = ("status", "reason", "elapsed-ms")


def render_table(snapshot: Snapshot, width: int = 0) -> str:
    """Return a line for each value under the reference's names (contract 4.4), sorted.

    Lines are truncated to `width`, unless it is 0.
    """
    return render_columns(fit_pairs([*TABLE_HEAD, *sorted(_fields(snapshot))], width))


def render_wide(snapshot: Snapshot) -> str:
    """Return a line for each value by its `query` path, in document order, not truncated.

    A subtype with a reason, or without values, has a line of its own first.
    """
    return render_columns([*WIDE_HEAD, *_rows(snapshot)])


def _fields(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    yield "Header.Kind", snapshot.kind
    yield "Header.APIVersion", snapshot.api_version
    for key, text in snapshot.metadata.items():
        yield f"Header.Metadata.{key}", text
    for index, measurement in enumerate(snapshot.measurements):
        place = f"Measurements.[{index}]"
        yield f"{place}.Type", measurement.type
        for number, subtype in enumerate(measurement.subtypes):
            yield from _subtype_fields(f"{place}.Subtypes.[{number}]", subtype)


def _subtype_fields(place: str, subtype: Subtype) -> Iterator[tuple[str, str]]:
    yield f"{place}.Name", subtype.name
    for key, value in subtype.data.items():
        yield f"{place}.Data.{key}.V", text_of(value)
    for key, text in subtype.context.items():
        yield f"{place}.Context.{key}", text
    for index, item in enumerate(subtype.items):
        for key, text in item.context.items():
            yield f"{place}.Items.[{index}].Context.{key}", text
        for key, value in item.data.items():
            yield f"{place}.Items.[{index}].Data.{key}.V", text_of(value)


def _rows(snapshot: Snapshot) -> Iterator[tuple[str, str, str]]:
    for key in sorted(snapshot.metadata):
        yield f"{METADATA}.{key}", "", snapshot.metadata[key]
    for measurement in unfold(snapshot).measurements:
        for subtype in measurement.subtypes:
            yield from _subtype_rows(f"{measurement.type}.{subtype.name}", subtype)


def _subtype_rows(path: str, subtype: Subtype) -> Iterator[tuple[str, str, str]]:
    reason = subtype.context.get("reason", "")
    if reason or subtype.status != OK or not subtype.data:
        yield path, subtype.status, reason
    for key in sorted(subtype.data):
        yield f"{path}.{key}", subtype.status, text_of(subtype.data[key])
    for key in sorted(subtype.context):
        if key not in OMITTED:
            yield f"{path}.context.{key}", subtype.status, subtype.context[key]
