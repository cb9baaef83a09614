"""Generations of AICR as readers: each gate is a few lines of that release's own rule."""

from __future__ import annotations

from typing import Any, Callable

from kubectl_snapshot.constants import API_VERSIONS

OLDEST, ALPHA2, V1 = API_VERSIONS
Document = dict[str, Any]


def is_usable(document: Document) -> bool:
    return any(m and m.get("type") for m in document.get("measurements") or ())


# pkg/snapshotter/loader.go of each release; the first ones decode whatever they get. The gates of
# v0.11.1 and v0.18 were compared with builds of these releases (docs/aicr.md).
GATES: dict[str, Callable[[Document], bool]] = {
    "v0.9 to v0.11": lambda document: True,
    "v0.18": lambda document: document.get("apiVersion", "") in ("", ALPHA2),
    "v0.21 and v0.22": lambda document: (
        document.get("kind", "") in ("", "Snapshot")
        and document.get("apiVersion", "") in ("", ALPHA2, V1)
        and is_usable(document)
    ),
    "v1": lambda document: (
        (document.get("kind") == "Snapshot" and document.get("apiVersion") == V1)
        and is_usable(document)
    ),
}
READ_BY = {
    OLDEST: ["v0.9 to v0.11"],
    ALPHA2: ["v0.9 to v0.11", "v0.18", "v0.21 and v0.22"],
    V1: ["v0.9 to v0.11", "v0.21 and v0.22", "v1"],
}


def find_readers(document: Document) -> list[str]:
    """Return the generations that read a decoded document."""
    return [gate for gate, accepts in GATES.items() if accepts(document)]
