"""Many captures at once in one namespace: each gets its own document, and nothing is left."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.cluster.conftest import FIGURES
from tests.cluster.support import Cluster, assert_nothing_left
from tests.validation import parse_valid, subtype

AT_ONCE = 12


def test_twelve_at_once_are_twelve_correct_documents(
    cluster: Cluster,
    start_snapshot: Callable[..., subprocess.Popen[str]],
    namespace: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    cluster.require_lab()
    asked = [(tmp_path / f"{index}.yaml", cluster.nodes[index % 2]) for index in range(AT_ONCE)]
    started = time.monotonic()
    clients = [
        start_snapshot("-n", namespace, "--node", node, "-o", str(path), "--log-json")
        for path, node in asked
    ]
    run_ids = set()
    for client, (path, node) in zip(clients, asked):
        _, reported = client.communicate(timeout=180)
        assert client.returncode == 0, reported
        snapshot = parse_valid(path.read_text())
        start = next(e for e in map(json.loads, reported.splitlines()) if e["event"] == "start")
        assert snapshot.metadata["run-id"] == start["run-id"]
        assert snapshot.metadata["source-node"] == node
        # A busy machine may be too slow for a collector's deadline.
        gaps = snapshot.metadata.get("gaps", "").split(",")
        assert all(gap.endswith("=timeout") for gap in filter(None, gaps)), gaps
        # Read on the node itself, and by the client's own half of the document.
        assert subtype(snapshot, "OS", "release").data.get("VARIANT_ID", node) == node
        sysctl = subtype(snapshot, "OS", "sysctl").data
        assert sysctl.get("/proc/sys/kernel/hostname", node) == node
        assert subtype(snapshot, "K8s", "node").data["source-node"] == node
        run_ids.add(start["run-id"])
    seconds = time.monotonic() - started
    assert len(run_ids) == AT_ONCE
    assert_nothing_left(cluster)
    record_property(FIGURES, f"{AT_ONCE} captures at once: {seconds:.1f} s in all")
