from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubectl_snapshot.document.codec.tree import resolve
from kubectl_snapshot.document.codec.yaml.codec import load_yaml, render_tree
from kubectl_snapshot.document.fleet.manifest import (
    CAPTURED,
    FAILED,
    PARTIAL,
    SKIPPED,
    FleetManifest,
    FleetNode,
    FleetRun,
    build_head,
    build_record,
    coverage,
    parse_tree,
)
from kubectl_snapshot.errors import InvalidRequest

A = FleetNode("a", CAPTURED, file="nodes/a.yaml", sha256="0e5", seconds=1.5, uid="1", boot_id="2")
B = FleetNode("1e3", FAILED, "image pull", "why: not", seconds=3)
MANIFEST = FleetManifest(
    selection={"selector": "pool=gpu"},
    runs=(FleetRun("abc", "ops", "finished", seconds=2.5, redaction_key="12"),),
    settings={"parallel": 64},
    nodes=(A, B),
    arrived=("new",),
    departed=("old",),
    cluster_file="cluster.yaml",
)


def build_tree(manifest: FleetManifest) -> dict[str, Any]:
    return {**build_head(manifest), "nodes": [build_record(node) for node in manifest.nodes]}


def read_back(manifest: FleetManifest) -> FleetManifest:
    return parse_tree(resolve(load_yaml(render_tree(build_tree(manifest)))), "fleet.yaml")


def test_a_manifest_survives_being_written_and_read() -> None:
    assert read_back(MANIFEST) == MANIFEST


def test_the_summary_counts_every_status() -> None:
    assert build_tree(MANIFEST)["summary"] == {
        "selected": 2,
        "captured": 1,
        "partial": 0,
        "failed": 1,
        "skipped": 0,
    }


def test_coverage_is_the_share_of_nodes_with_a_document() -> None:
    nodes = [FleetNode(str(i), s) for i, s in enumerate((CAPTURED, PARTIAL, FAILED, SKIPPED))]
    assert coverage(nodes) == 0.5
    assert coverage([]) == 0


def spoil(**changes: Any) -> dict[str, Any]:
    return {**build_tree(MANIFEST), **changes}


def spoil_node(**changes: Any) -> dict[str, Any]:
    return spoil(nodes=[{"name": "a", "status": "captured", "file": "nodes/a.yaml", **changes}])


@pytest.mark.parametrize(
    ("tree", "why"),
    [
        (None, "its kind is not Fleet"),
        (spoil(kind="Snapshot"), "its kind is not Fleet"),
        (spoil(nodes={}), None),
        (spoil(nodes=3), "nodes is not a list"),
        (spoil(selection=[1]), "selection is not a map"),
        (spoil(nodes=["a"]), "an entry is not a map"),
        (spoil(nodes=[{"status": "failed"}]), "an entry has no name or status"),
        (spoil_node(status="lost"), 'node a has the unknown status "lost"'),
        (spoil_node(seconds="1"), "seconds of an entry is not a number"),
        (spoil_node(seconds=True), "seconds of an entry is not a number"),
        (spoil_node(name=1), "name of an entry is not text"),
        (spoil_node(file="/etc/passwd"), 'file "/etc/passwd" is not inside the fleet'),
        (spoil_node(file="nodes/../../x"), 'file "nodes/../../x" is not inside the fleet'),
        (spoil_node(file=""), 'file "" is not inside the fleet'),
        (spoil(**{"cluster-file": "../x"}), 'file "../x" is not inside the fleet'),
        (spoil(nodes=[{"name": "a", "status": "failed"}] * 2), "node a is listed twice"),
    ],
)
def test_a_manifest_of_someone_else_is_checked(tree: object, why: str | None) -> None:
    if why is None:
        assert parse_tree(tree, "f").nodes == ()
        return
    with pytest.raises(InvalidRequest, match="f is not the manifest of a fleet") as caught:
        parse_tree(tree, "f")
    assert caught.value.why == why


def test_unknown_keys_of_a_later_version_are_ignored() -> None:
    tree = build_tree(replace(MANIFEST, nodes=(A,)))
    tree["nodes"][0]["pool"] = "x"
    assert parse_tree(tree, "f").nodes == (A,)
