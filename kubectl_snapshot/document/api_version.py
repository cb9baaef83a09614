"""Write a document for a version of AICR: what newer ones have besides the readings. Pure.

The `aicr.run` versions have a fingerprint and the taints and labels of all nodes as records. Both
follow from the readings: they are added where they are missing, and removed for the version that
does not know them unless they say something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.constants import FULL_API_VERSION
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype


def write_for(snapshot: Snapshot, api_version: str) -> Snapshot:
    """Return the document as readers of an API version expect it."""
    is_known = api_version != FULL_API_VERSION
    if api_version == snapshot.api_version and not is_known:
        return snapshot
    # Late: 2 ms, and most documents are written as they are.
    from kubectl_snapshot.document.fingerprint import build_fingerprint

    computed = build_fingerprint(snapshot)
    fingerprint = snapshot.fingerprint
    if is_known:
        fingerprint = fingerprint or computed
    elif fingerprint == computed:
        fingerprint = ()
    return replace(
        snapshot,
        api_version=api_version,
        fingerprint=fingerprint,
        measurements=tuple(_write(m, is_known) for m in snapshot.measurements),
    )


def _write(measurement: Measurement, is_known: bool) -> Measurement:
    from kubectl_snapshot.document.topology_items import LABEL, TAINT, TYPE

    if measurement.type != TYPE:
        return measurement
    subtypes = (
        _write_subtype(s, is_known) if s.name in (TAINT, LABEL) else s for s in measurement.subtypes
    )
    return replace(measurement, subtypes=tuple(subtypes))


def _write_subtype(subtype: Subtype, is_known: bool) -> Subtype:
    from kubectl_snapshot.document.topology_items import build_items

    if is_known:
        return replace(subtype, items=subtype.items or build_items(subtype))
    return replace(subtype, items=()) if subtype.items == build_items(subtype) else subtype
