"""Format `name`: the node that a snapshot is of, as `kubectl get -o name` would print it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubectl_snapshot.document.snapshot import Snapshot


def render_name(snapshot: Snapshot) -> str:
    """Return `node/<name>` and a newline."""
    return f"node/{snapshot.metadata.get('source-node', '')}\n"
