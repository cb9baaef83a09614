"""The gaps of a snapshot, for people: which readings are missing, and why. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.snapshot import GAP_STATUSES

if TYPE_CHECKING:
    from kubectl_snapshot.document.snapshot import Measurement, Snapshot


def explain_gaps(snapshot: Snapshot) -> tuple[str, ...]:
    """Return a text for each reason: `GPU.{gpu-1,gpu-2}, OS.release: REASON`, in document order.

    A type without any reading stands for all its subtypes. Without a reason, the status is it.
    """
    places: dict[str, dict[str, list[str]]] = {}
    for measurement in snapshot.measurements:
        for subtype in measurement.subtypes:
            if subtype.status in GAP_STATUSES:
                reason = subtype.context.get("reason", "") or subtype.status
                names = places.setdefault(reason, {}).setdefault(measurement.type, [])
                names.append(subtype.name)
    empty = {m.type for m in snapshot.measurements if _has_one_gap(m)}
    texts = []
    for reason, by_type in places.items():
        listed = (_render_place(t, names, t in empty) for t, names in by_type.items())
        texts.append(f"{', '.join(listed)}: {reason}")
    return tuple(texts)


def _has_one_gap(measurement: Measurement) -> bool:
    """Return whether nothing of a type was read, for one reason."""
    gaps = [s for s in measurement.subtypes if s.status in GAP_STATUSES]
    has_data = any(subtype.data for subtype in measurement.subtypes)
    return not has_data and len({gap.context.get("reason", "") for gap in gaps}) == 1


def _render_place(type_: str, names: list[str], is_whole: bool) -> str:
    if is_whole:
        return type_
    return f"{type_}.{names[0]}" if len(names) == 1 else f"{type_}.{{{','.join(names)}}}"
