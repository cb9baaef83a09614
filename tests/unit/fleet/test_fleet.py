from __future__ import annotations

from collections.abc import Generator

import pytest

from kubectl_snapshot.document.fleet.manifest import FleetManifest, FleetNode
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.fleet.fleet import Fleet

NODE = FleetNode("a", "captured", file="nodes/a.yaml")
MANIFEST = FleetManifest({"all-nodes": True}, nodes=(NODE, FleetNode("b", "failed")))


def test_a_capture_runs_while_it_is_iterated_and_then_has_its_manifest() -> None:
    steps: list[str] = []

    def run() -> Generator[FleetNode, None, FleetManifest]:
        steps.append("began")
        yield NODE
        steps.append("ended")
        return MANIFEST

    fleet = Fleet("d", _running=run())
    with pytest.raises(InvalidRequest, match="the capture of this fleet has not ended"):
        _ = fleet.manifest
    assert steps == []
    nodes = iter(fleet)
    assert (next(nodes), steps) == (NODE, ["began"])
    assert list(nodes) == []
    assert (fleet.manifest, steps) == (MANIFEST, ["began", "ended"])
    assert list(fleet) == list(MANIFEST.nodes), "again: all of them"


def test_a_fleet_without_cluster_wide_facts_has_none() -> None:
    assert Fleet("d", MANIFEST).read_cluster() is None
