from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from kubectl_snapshot.document.fleet.manifest import FleetManifest, FleetNode
from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.fleet.fleet import Fleet, load_fleet

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


def test_a_directory_without_a_manifest_is_no_fleet(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as caught:
        load_fleet(str(tmp_path))
    assert caught.value.what == f"{tmp_path} is not a fleet"
    assert caught.value.why == "it has no fleet.yaml"
    assert "--all-nodes" in caught.value.hint


def test_a_document_is_verified_by_its_digest(tmp_path: Path) -> None:
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "a.yaml").write_text("a: 1\n")
    digest = sha256(b"a: 1\n").hexdigest()
    fleet = Fleet(str(tmp_path), MANIFEST)
    fleet.verify(replace(NODE, sha256=digest))
    with pytest.raises(InvalidRequest, match="SHA-256"):
        fleet.verify(replace(NODE, sha256="00"))
    with pytest.raises(NotFound, match=r"nodes/b\.yaml"):
        fleet.verify(replace(NODE, file="nodes/b.yaml"))
