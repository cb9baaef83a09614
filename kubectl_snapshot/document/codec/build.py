"""Convert a Snapshot to the maps and lists that JSON and YAML share; codec/tree.py reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.document.snapshot import FINGERPRINT

if TYPE_CHECKING:
    from kubectl_snapshot.document.snapshot import Item, Measurement, Snapshot, Subtype

REPLACEMENT = "\ufffd"


def build_tree(snapshot: Snapshot) -> dict[str, object]:
    """Return the document as maps and lists, keys in the order of contract 1.1 and 1.2."""
    tree: dict[str, object] = {}
    if snapshot.kind:
        tree["kind"] = snapshot.kind
    if snapshot.api_version:
        tree["apiVersion"] = snapshot.api_version
    if snapshot.metadata:
        tree["metadata"] = dict(sorted(snapshot.metadata.items()))
    if snapshot.fingerprint:
        tree[FINGERPRINT] = {s.name: dict(s.data) for s in snapshot.fingerprint}
    tree["measurements"] = [_build_measurement(m) for m in snapshot.measurements]
    return tree


def _build_measurement(measurement: Measurement) -> dict[str, object]:
    tree: dict[str, object] = {"type": measurement.type}
    if measurement.subtypes:
        tree["subtypes"] = [_build_subtype(subtype) for subtype in measurement.subtypes]
    return tree


def _build_subtype(subtype: Subtype) -> dict[str, object]:
    tree: dict[str, object] = {"subtype": subtype.name} if subtype.name else {}
    if subtype.data or not subtype.items:
        tree["data"] = dict(sorted(subtype.data.items()))
    if subtype.context:
        tree["context"] = dict(sorted(subtype.context.items()))
    if subtype.items:
        tree["items"] = [_build_item(item) for item in subtype.items]
    return tree


def _build_item(item: Item) -> dict[str, object]:
    parts = (("context", item.context), ("data", item.data))
    return {name: dict(sorted(values.items())) for name, values in parts if values}


def without_surrogates(text: str) -> str:
    """Return a text that UTF-8 can hold: an unpaired surrogate becomes U+FFFD, as in Go."""
    return text if text.isascii() else re.sub("[\ud800-\udfff]", REPLACEMENT, text)
