from __future__ import annotations

import pytest

from kubectl_snapshot.collectors.node_topology import build_topology
from kubectl_snapshot.document.known_paths import Missing
from kubectl_snapshot.document.registry import UNSET
from kubectl_snapshot.document.rules.node_groups import find_on_node, read_labels
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype


def node(name: str, labels: dict[str, str], *taints: tuple[str, str, str]) -> dict[str, object]:
    keys = ("key", "value", "effect")
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": [dict(zip(keys, taint)) for taint in taints]},
    }


NODES = [
    node("a", {"zone": "x", "one": "1", "v": "1.2"}, ("gpu", "yes", "NoSchedule")),
    node("b", {"zone": "y", "zone.z": "q"}, ("gpu", "yes", "NoExecute"), ("gpu", "", "NoSchedule")),
    node("ab", {"zone": "x", "v": "1.3"}, ("only", "", "NoSchedule")),
]


def snapshot(name: str, max_nodes: int = 0) -> Snapshot:
    subtypes = build_topology(NODES, max_nodes)
    metadata = {"source-node": name} if name else {}
    return Snapshot(metadata, (Measurement("NodeTopology", subtypes),))


@pytest.mark.parametrize(
    ("name", "kind", "key", "value"),
    [
        ("a", "label", "zone", "x"),
        ("b", "label", "zone", "y"),
        ("ab", "label", "zone", "x"),
        ("a", "label", "one", "1"),
        ("a", "label", "v", "1.2"),
        ("b", "label", "zone.z", "q"),
        ("a", "taint", "gpu", "NoSchedule"),
        ("b", "taint", "gpu", "NoExecute,NoSchedule"),
        ("ab", "taint", "only", "NoSchedule"),
    ],
)
def test_a_nodes_own_labels_and_taints_are_found(
    name: str, kind: str, key: str, value: str
) -> None:
    assert find_on_node(snapshot(name), kind, key) == value


def test_a_label_that_reads_like_another_ones_value_is_its_own() -> None:
    nodes = [node("a", {"zone.b": "b", "zone.c": "c"}), node("b", {"k.true": "true"})]
    found = Snapshot({"source-node": "a"}, (Measurement("NodeTopology", build_topology(nodes)),))
    assert find_on_node(found, "label", "zone.b") == "b"
    assert find_on_node(found, "label", "zone") == Missing("node a has no label zone", UNSET)
    context = found.measurements[0].subtypes[2].context
    assert context["zone.b#1"] == "zone.b|b||a"
    assert set(context) == {"zone.b#1", "zone.c#1", "k.true#1"}


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([node("a", {"z": "b", "z.b": "q"}), node("b", {"z": "c"})], ["z=b a", "z=c b", "z.b=q a"]),
        ([node("a", {"z.b": "b", "z.c": "c"})], ["z.b=b a", "z.c=c a"]),
        ([node("a", {"z": "b"}), node("b", {"z": "c"})], ["z=b a", "z=c b"]),
        ([node("a", {"z": "b", "y.t": "t"}), node("b", {"z": "b"})], ["y.t=t a", "z=b a,b"]),
    ],
)
def test_every_label_is_read_once(nodes: list[dict[str, object]], expected: list[str]) -> None:
    label = build_topology(nodes)[2]
    found = [f"{e.key}={e.group.value} {','.join(e.group.nodes)}" for e in read_labels(label)]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("name", "kind", "key"),
    [("b", "label", "one"), ("ab", "taint", "gpu"), ("a", "label", "nope"), ("a", "label", "zo")],
)
def test_what_a_node_has_not_is_not_set(name: str, kind: str, key: str) -> None:
    missing = Missing(f"node {name} has no {kind} {key}", UNSET)
    assert find_on_node(snapshot(name), kind, key) == missing


def test_what_is_not_known_is_not_unset() -> None:
    found = find_on_node(snapshot(""), "label", "zone")
    assert found == Missing("the snapshot does not tell its node (metadata.source-node)")
    found = find_on_node(Snapshot({"source-node": "a"}), "label", "zone")
    assert found == Missing("the snapshot has no NodeTopology.label")
    found = find_on_node(snapshot("ab", max_nodes=1), "label", "zone")
    assert found == Missing("NodeTopology.label does not list all nodes (--max-nodes-per-entry)")
    assert find_on_node(snapshot("a", max_nodes=1), "label", "zone") == "x"
    assert find_on_node(snapshot("a", max_nodes=1), "label", "nope") == Missing(
        "node a has no label nope", UNSET
    )
    forbidden = Subtype("label", {}, {"status": "forbidden", "reason": "no"})
    gap = Snapshot({"source-node": "a"}, (Measurement("NodeTopology", (forbidden,)),))
    assert find_on_node(gap, "label", "zone") == Missing("NodeTopology.label is forbidden: no")
