from __future__ import annotations

import random

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.compare import diff_snapshots
from kubectl_snapshot.document.diff.selection import Selection
from kubectl_snapshot.document.fleet.drift import NodeComparer, build_drift
from kubectl_snapshot.document.fleet.node_part import keep_node
from kubectl_snapshot.document.snapshot import Snapshot
from tests.unit.document.fleet.nodes import vary
from tests.unit.document.fleet.test_outliers import mutate

DRIVER = "GPU.smi.driver"


def compare(before: Snapshot, after: Snapshot) -> list[str]:
    return [c.path for c in NodeComparer(REGISTRY, Selection()).compare(before, after)]


def test_counters_are_no_change_and_a_replaced_device_is() -> None:
    counter = {"OS.sysctl./proc/sys/fs/file-nr": "9\t9\t9"}
    assert compare(vary("a"), vary("a", counter)) == []
    assert compare(vary("a"), vary("a", {"GPU.gpu-0.serial": "2"})) == ["GPU.gpu-0.serial"]


@pytest.mark.parametrize("seed", range(40))
def test_a_node_changed_in_what_diff_says(seed: int) -> None:
    rng = random.Random(seed)
    before, after = mutate(rng, "a"), mutate(rng, "a")
    expected = diff_snapshots(keep_node(before), keep_node(after), REGISTRY)
    assert compare(before, after) == [change.path for change in expected.changes]


def test_equal_changes_of_several_nodes_are_one_and_unknown_ones_apart() -> None:
    comparer = NodeComparer(REGISTRY, Selection())
    nodes = ("a", "b", "c", "d")
    after = {
        "a": vary("a", {DRIVER: "590"}),
        "b": vary("b", {DRIVER: "590"}),
        "c": vary("c", status={"OS.kmod": "error"}),
        "d": vary("d"),
    }
    changes = {name: comparer.compare(vary(name), after[name]) for name in nodes}
    drift = build_drift(
        ("x", "y"), (nodes, (*nodes, "e2", "e10")), changes, comparer, REGISTRY, [("f", "why")]
    )
    assert [(o.nodes, o.agreeing) for o in drift.changed] == [(("a", "b"), 2)]
    assert [(u.paths, u.nodes) for u in drift.unknown] == [(("OS.kmod",), ("c",))]
    assert (drift.added, drift.removed, drift.compared) == (("e2", "e10"), (), 4)
    assert (drift.different, drift.missing) == (("a", "b"), (("f", "why"),))
    assert (drift.is_empty, drift.is_complete) == (False, False)


def test_another_value_before_is_another_change() -> None:
    comparer = NodeComparer(REGISTRY, Selection())
    changes = {
        name: comparer.compare(vary(name, {DRIVER: old}), vary(name, {DRIVER: "590"}))
        for name, old in (("a", "570"), ("b", "580"))
    }
    drift = build_drift(("x", "y"), ("ab", "ab"), changes, comparer, REGISTRY)
    assert sorted(o.nodes for o in drift.changed) == [("a",), ("b",)]
    assert build_drift(("x", "y"), ("a", "a"), {"a": ()}, comparer, REGISTRY).is_empty
