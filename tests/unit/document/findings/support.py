"""Snapshots with one thing changed, for tests of findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Union

from kubectl_snapshot.document.snapshot import Measurement, Scalar, Snapshot, Subtype

# A new value, None to remove the key.
Edits = Mapping[str, Union[Scalar, None]]


def change(snapshot: Snapshot, edits: Edits) -> Snapshot:
    """Return a snapshot with other readings by path: `GPU.gpu-0.context.status`, too.

    A subtype that the snapshot does not have is added.
    """
    for path, value in edits.items():
        snapshot = _change(snapshot, path, value)
    return snapshot


def _change(snapshot: Snapshot, path: str, value: Scalar | None) -> Snapshot:
    type_, _, rest = path.partition(".")
    measurements = {m.type: m for m in snapshot.measurements}
    subtypes = list(measurements.get(type_, Measurement(type_)).subtypes)
    named = [s for s in subtypes if rest.startswith(f"{s.name}.")]
    if not named:
        named = [Subtype(rest.partition(".")[0])]
        subtypes += named
    subtype = max(named, key=lambda s: len(s.name))
    key = rest[len(subtype.name) + 1 :]
    name = key.removeprefix("context.")
    values = dict(subtype.data if name == key else subtype.context)
    values.pop(name, None)
    if value is not None:
        values[name] = value
    changed = replace(subtype, **{"data" if name == key else "context": values})  # type: ignore[arg-type]
    subtypes = [changed if s is subtype else s for s in subtypes]
    measurements[type_] = Measurement(type_, tuple(subtypes))
    return replace(snapshot, measurements=tuple(measurements.values()))


def drop(snapshot: Snapshot, *names: str) -> Snapshot:
    """Return a snapshot without some subtypes or types."""
    return replace(
        snapshot,
        measurements=tuple(
            replace(m, subtypes=tuple(s for s in m.subtypes if f"{m.type}.{s.name}" not in names))
            for m in snapshot.measurements
            if m.type not in names
        ),
    )
