"""Reads a corpus of tests/corpora, and edits a snapshot as its cases say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import yaml

from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from tests.docs_support import ROOT

CORPORA = ROOT / "tests" / "corpora"
GPU_17 = ROOT / "docs" / "examples" / "snapshots" / "gpu-17.yaml"
Case = Mapping[str, Any]


def read_cases(name: str) -> list[Case]:
    """Return the cases of a file of tests/corpora."""
    cases: list[Case] = yaml.safe_load((CORPORA / name).read_text(encoding="utf-8"))
    return cases


def read_gpu_17() -> Snapshot:
    """Return the example snapshot that the cases edit."""
    return parse_document(GPU_17.read_bytes())


def edit_snapshot(snapshot: Snapshot, edits: Iterable[Case]) -> Snapshot:
    """Return the snapshot with all edits made; fail if one names what it does not have."""
    for edit in edits:
        type_, _, rest = edit["path"].partition(".")
        if type_ == "metadata":
            snapshot = replace(snapshot, metadata=_edit_map(snapshot.metadata, rest, edit))
            continue
        (index,) = (n for n, m in enumerate(snapshot.measurements) if m.type == type_)
        measurements = list(snapshot.measurements)
        measurements[index] = _edit_measurement(measurements[index], rest, edit)
        snapshot = replace(snapshot, measurements=tuple(measurements))
    return snapshot


def _edit_measurement(measurement: Measurement, path: str, edit: Case) -> Measurement:
    names = [s.name for s in measurement.subtypes if f"{path}.".startswith(f"{s.name}.")]
    name = max(names, key=len)
    subtypes = [
        edited
        for subtype in measurement.subtypes
        for edited in (
            _edit_subtype(subtype, path[len(name) + 1 :], edit)
            if subtype.name == name
            else [subtype]
        )
    ]
    return replace(measurement, subtypes=tuple(subtypes))


def _edit_subtype(subtype: Subtype, key: str, edit: Case) -> list[Subtype]:
    if not key:
        return [] if edit.get("remove") else [Subtype(subtype.name, **edit["set"])]
    if key.startswith("context."):
        context = _edit_map(subtype.context, key.partition(".")[2], edit)
        return [replace(subtype, context=context)]
    return [replace(subtype, data=_edit_map(subtype.data, key, edit))]


def _edit_map(values: Mapping[str, Any], key: str, edit: Case) -> dict[str, Any]:
    assert (key in values) != edit.get("new", False), f"{edit['path']}: new is wrong"
    edited = dict(values)
    if edit.get("remove"):
        del edited[key]
    else:
        edited[key] = edit["set"]
    return edited
