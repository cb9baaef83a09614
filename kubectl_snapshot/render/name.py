"""Format `name`: the snapshot's node, as `kubectl get -o name` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubectl_snapshot.document.snapshot import Snapshot


def render_name(snapshot: Snapshot) -> str:
    """Return `node/<name>` and a newline."""
    return f"node/{snapshot.metadata.get('source-node', '')}\n"
