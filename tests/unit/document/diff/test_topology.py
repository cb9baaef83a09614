"""Labels and taints as sets of nodes, made by the collector from nodes as the API has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from kubectl_snapshot.collectors.node_topology import build_topology
from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.change import ADDED, CHANGED, REMOVED, UNKNOWN, Change
from kubectl_snapshot.document.diff.compare import diff_snapshots
from kubectl_snapshot.document.diff.selection import Selection
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.render.diff_text import render_text

Node = dict[str, Any]


def node(name: str, labels: Mapping[str, str], taints: Iterable[str] = ()) -> Node:
    """Return a core/v1 Node; a taint is `key=value:effect`."""
    parsed = []
    for taint in taints:
        key, _, rest = taint.partition("=")
        value, _, effect = rest.partition(":")
        parsed.append({"key": key, "value": value, "effect": effect})
    every = {"kubernetes.io/hostname": name, "os": "linux", **labels}
    return {"metadata": {"name": name, "labels": every}, "spec": {"taints": parsed}}


def topology(nodes: Iterable[Node], most: int = 0) -> Snapshot:
    subtypes = [
        Subtype(s.name, s.data, {**s.context, "elapsed-ms": "1"})
        for s in build_topology(nodes, most)
    ]
    return Snapshot({"source-node": "a"}, (Measurement("NodeTopology", tuple(subtypes)),))


def compare(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    return diff_snapshots(before, after, REGISTRY).changes


def label(key: str, kind: str, before: str | None, after: str | None) -> Change:
    return Change("NodeTopology.label", key, kind, before, after)


def pool(values: Mapping[str, str]) -> list[Node]:
    return [node(name, {"count": value}) for name, value in values.items()]


EIGHT = {"n1": "8", "n2": "8", "n3": "8"}


def count_changed(before: int, after: int, note: str) -> Change:
    return Change("NodeTopology.summary", "node-count", CHANGED, before, after, note)


def big_cluster(count: int, most: int = 0) -> Snapshot:
    nodes = (
        node(
            f"node-{n}",
            {f"label-{i}": f"value-{i % 3}-{n % (i % 7 + 1)}" for i in range(60)},
            ("nvidia.com/gpu=present:NoSchedule",),
        )
        for n in range(count)
    )
    return topology(nodes, most)


@pytest.mark.parametrize("most", [0, 10])
def test_one_node_less_of_5000_is_one_line(most: int) -> None:
    before, after = big_cluster(5000, most), big_cluster(4999, most)
    diff = diff_snapshots(before, after, REGISTRY)
    assert diff.changes == (count_changed(5000, 4999, "-1: node-4999"),)
    lines = render_text(diff).splitlines()
    assert lines[3:6] == ["NodeTopology.summary", "  ~ node-count: 5000 → 4999 (-1: node-4999)", ""]
    back = diff_snapshots(after, before, REGISTRY).changes
    assert back == (count_changed(4999, 5000, "+1: node-4999"),)


def test_another_number_of_nodes_per_entry_is_reported_once() -> None:
    before, after = big_cluster(100, 10), big_cluster(100, 20)
    note = "not comparable: taken with another --max-nodes-per-entry"
    expected = (Change("NodeTopology", "", UNKNOWN, note=note),)
    for pair in ((before, after), (after, before), (before, big_cluster(100))):
        assert compare(*pair) == expected
    # A limit that no entry reaches is none.
    assert compare(topology(pool(EIGHT), 50), topology(pool(EIGHT))) == ()


def test_a_node_that_moves_to_another_value_is_one_plus_and_one_minus() -> None:
    before, after = topology(pool(EIGHT)), topology(pool({**EIGHT, "n2": "7"}))
    assert compare(before, after) == (
        label("count.7", ADDED, None, "7|n2"),
        label("count.8", REMOVED, "8|n2", None),
    )
    both = topology(pool({**EIGHT, "n2": "7", "n3": "7"}))
    assert compare(after, both) == (
        label("count.7", ADDED, None, "7|n3"),
        label("count.8", REMOVED, "8|n3", None),
    )
    assert compare(both, after) == (
        label("count.7", REMOVED, "7|n3", None),
        label("count.8", ADDED, None, "8|n3"),
    )


def test_nodes_that_swap_values_are_changes_of_both() -> None:
    before, after = topology(pool({"a": "1", "b": "2"})), topology(pool({"a": "2", "b": "1"}))
    assert compare(before, after) == (
        label("count.1", CHANGED, "1|a", "1|b"),
        label("count.2", CHANGED, "2|b", "2|a"),
    )


def test_a_label_with_one_value_for_all_is_one_change() -> None:
    before, after = (topology(pool(dict.fromkeys(EIGHT, value))) for value in "87")
    assert compare(before, after) == (label("count", CHANGED, "8|n1,n2,n3", "7|n1,n2,n3"),)


def test_a_new_label_and_one_that_is_gone() -> None:
    before = topology([node("n1", {}), node("n10", {}), node("n9", {})])
    after = topology([node("n1", {}), node("n10", {"a": "b"}), node("n9", {"a": "b"})])
    assert compare(before, after) == (label("a", ADDED, None, "b|n9,n10"),)
    assert compare(after, before) == (label("a", REMOVED, "b|n9,n10", None),)


def test_a_new_node_does_not_hide_what_the_others_got() -> None:
    after = topology(pool({**EIGHT, "n2": "7", "n4": "7"}))
    assert compare(topology(pool(EIGHT)), after) == (
        count_changed(3, 4, "+1: n4"),
        label("count.7", ADDED, None, "7|n2"),
        label("count.8", REMOVED, "8|n2", None),
    )


def test_a_node_in_the_place_of_another_is_reported() -> None:
    after = topology(pool({"n1": "8", "n2": "8", "n9": "8"}))
    assert compare(topology(pool(EIGHT)), after) == (count_changed(3, 3, "-1: n3; +1: n9"),)


def test_many_nodes_are_counted_and_some_named() -> None:
    after = topology(pool({f"n{n}": "8" for n in range(1, 12)}))
    (change,) = compare(topology(pool(EIGHT)), after)
    assert change.note == "+8: n4, n5, n6 and 5 more"


def test_taints_are_sets_too() -> None:
    names, key = ("a", "b", "c"), "k=v:NoSchedule"
    before = topology(node(name, {}, [key]) for name in names)
    without = topology(node(name, {}, [key] if name != "c" else []) for name in names)
    taint = Change("NodeTopology.taint", "k", REMOVED, "NoSchedule|v|c")
    assert compare(before, without) == (taint,)
    # The key of an entry has the effect if there are several.
    two = topology(node(n, {}, [key, "k=v:NoExecute"] if n == "a" else [key]) for n in names)
    (change,) = compare(before, two)
    assert change == Change("NodeTopology.taint", "k.NoExecute", ADDED, None, "v|a")
    (change,) = compare(two, before)
    assert change == Change("NodeTopology.taint", "k.NoExecute", REMOVED, "v|a")
    other = topology(node(name, {}, ["k=w:NoSchedule"]) for name in names)
    (change,) = compare(before, other)
    assert (change.key, change.kind) == ("k", CHANGED)
    assert (change.before, change.after) == ("NoSchedule|v|a,b,c", "NoSchedule|w|a,b,c")


def test_a_second_effect_leaves_the_first_as_it_was() -> None:
    one = topology([node("a", {}, ["k=1:NoSchedule"]), node("b", {}, [])])
    two = topology([node("a", {}, ["k=1:NoSchedule"]), node("b", {}, ["k=1:NoExecute"])])
    for before, after, kind in ((one, two, ADDED), (two, one, REMOVED)):
        (change,) = compare(before, after)
        assert (change.key, change.kind) == ("k.NoExecute", kind)


def test_taints_that_share_an_entry_are_compared() -> None:
    values = (["k=1:NoSchedule"], ["k=2:NoSchedule"], ["k=2:NoSchedule"])
    before = topology(node(n, {}, t) for n, t in zip("abc", values))
    after = topology(node(n, {}, t) for n, t in zip("abc", (values[0], values[1], values[0])))
    assert compare(before, before) == ()
    (change,) = compare(before, after)
    assert (change.subtype, change.key, change.kind) == (
        "NodeTopology.taint",
        "k.NoSchedule",
        CHANGED,
    )
    assert (change.before, change.after) == ("2|c", "1|c")
    # Without both, the entry is gone.
    (change,) = compare(before, topology(node(name, {}) for name in "abc"))
    assert (change.key, change.kind, change.after) == ("k.NoSchedule", REMOVED, None)
    (change,) = compare(topology(node(name, {}) for name in "abc"), before)
    assert (change.key, change.kind, change.before) == ("k.NoSchedule", ADDED, None)


def test_a_label_whose_key_ends_in_its_value_is_the_same_in_both_forms() -> None:
    before = topology([node("a", {"x.y": "y"}), node("b", {"x.y": "y"})])
    after = topology([node("a", {"x.y": "y"}), node("b", {"x.y": "z"})])
    changes = compare(before, after)
    assert [(c.key, c.before, c.after) for c in changes] == [
        ("x.y.y", "y|b", None),
        ("x.y.z", None, "z|b"),
    ]


def summary_of(snapshot: Snapshot, **counts: int) -> Snapshot:
    (measurement,) = snapshot.measurements
    subtypes = [
        Subtype(
            s.name, {**s.data, **{k.replace("_", "-"): v for k, v in counts.items()}}, s.context
        )
        if s.name == "summary"
        else s
        for s in measurement.subtypes
    ]
    return Snapshot(snapshot.metadata, (Measurement("NodeTopology", tuple(subtypes)),))


def test_counts_that_entries_do_not_explain_are_reported() -> None:
    before = topology(pool(EIGHT))
    for key in ("label_count", "taint_count", "node_count"):
        (change,) = compare(before, summary_of(before, **{key: 17}))
        assert (change.path, change.after) == (f"NodeTopology.summary.{key.replace('_', '-')}", 17)


def test_nodes_that_are_not_named_hide_nothing() -> None:
    # A document that does not name as many nodes as it counts: a node without labels.
    before, after = topology(pool(EIGHT)), topology(pool({"n1": "8", "n2": "8"}))
    kinds = {c.key: c.kind for c in compare(before, summary_of(after, node_count=3))}
    assert kinds["count"] == REMOVED
    assert kinds["os"] == REMOVED


def test_entries_that_are_cut_are_compared_as_far_as_they_are_named() -> None:
    names = [f"n{n:02}" for n in range(20)]
    before = topology(pool(dict.fromkeys(names, "8")), 5)
    early = topology(pool({**dict.fromkeys(names, "8"), "n02": "7"}), 5)
    found = {c.key: c.kind for c in compare(before, early)}
    assert found == {"count.7": ADDED, "count.8": CHANGED}
    late = topology(pool({**dict.fromkeys(names, "8"), "n18": "7"}), 5)
    found = {c.key: (c.kind, c.note) for c in compare(before, late)}
    assert found == {"count.7": (ADDED, ""), "count.8": (CHANGED, "-1")}
    less = topology(pool(dict.fromkeys(names[1:], "8")), 5)
    assert compare(before, less) == (count_changed(20, 19, "-1: n00"),)
    assert compare(less, before) == (count_changed(19, 20, "+1: n00"),)


def test_all_and_gaps_leave_the_entries_as_they_are() -> None:
    before, after = topology(pool(EIGHT)), topology(pool({"n1": "8"}))
    diff = diff_snapshots(before, after, REGISTRY, selection=Selection(everything=True))
    assert ("NodeTopology.label.os", CHANGED) in [(c.path, c.kind) for c in diff.changes]
    (measurement,) = after.measurements
    gap = Subtype("label", {}, {"status": "forbidden", "reason": "no", "elapsed-ms": "1"})
    subtypes = tuple(gap if s.name == "label" else s for s in measurement.subtypes)
    unread = Snapshot({"source-node": "a"}, (Measurement("NodeTopology", subtypes),))
    found = {(c.path, c.kind) for c in compare(before, unread)}
    assert ("NodeTopology.label", UNKNOWN) in found
    assert ("NodeTopology.label.os", CHANGED) not in found


def test_entries_that_only_one_collected_are_unknown() -> None:
    before = topology(pool(EIGHT))
    (measurement,) = before.measurements
    less = tuple(s for s in measurement.subtypes if s.name != "label")
    after = Snapshot({"source-node": "a"}, (Measurement("NodeTopology", less),))
    for pair, note in (((before, after), "B"), ((after, before), "A")):
        (change,) = compare(*pair)
        assert (change.path, change.note) == ("NodeTopology.label", f"{note}: not collected")


def test_entries_that_are_cut_and_whose_nodes_are_not_known() -> None:
    def of(names: list[str], count: int) -> Snapshot:
        nodes = [node(name, {"a": "b"}) for name in names]
        for one in nodes:
            del one["metadata"]["labels"]["kubernetes.io/hostname"]
        return summary_of(topology(nodes, 2), node_count=count)

    names = ["n1", "n2", "n3", "n4"]
    (change,) = compare(of(names, 4), of(names[1:], 3))
    assert (change.path, change.note) == ("NodeTopology.summary.node-count", "-1")
    (change,) = compare(of(names[1:], 3), of(names, 4))
    assert (change.path, change.note) == ("NodeTopology.summary.node-count", "+1")
    keys = [c.key for c in compare(of(names, 4), of(["n1", "n2", "n3", "n5", "n6"], 4))]
    assert keys == ["a", "os"]
    assert [c.key for c in compare(of(names, 4), of(["n0", "n2", "n3", "n4"], 4))] == ["a", "os"]


@pytest.mark.parametrize(
    "text", ["", "|", "a", "x|a (+", "x|a (+²² more)", "x|a (+9999999999 more)", "|||"]
)
def test_text_that_is_no_list_of_nodes_is_compared_as_it_is(text: str) -> None:
    def of(value: str) -> Snapshot:
        subtypes = (Subtype("label", {"k": value}, {"k#1": value, "elapsed-ms": "1"}),)
        return Snapshot({}, (Measurement("NodeTopology", subtypes),))

    assert compare(of(text), of(text)) == ()
    assert compare(of(text), of("x|other"))[0].kind in (ADDED, REMOVED, CHANGED)


@pytest.mark.parametrize("limits", [(3, 3), (0, 3), (3, 0)])
def test_labels_that_are_counts_do_not_hide_which_node_is_gone(limits: tuple[int, int]) -> None:
    nodes = [node(f"n{number:03}", {}) for number in range(110)]
    before, after = topology(nodes, limits[0]), topology([*nodes[:50], *nodes[51:]], limits[1])
    change, *others = compare(before, after)
    assert (change.path, change.before, change.after) == (
        "NodeTopology.summary.node-count",
        110,
        109,
    )
    assert change.note == "-1: n050"
    assert [other.kind for other in others] == ([] if limits[0] == limits[1] else [UNKNOWN])


def test_a_label_that_is_a_count_in_one_document_only_is_not_compared() -> None:
    nodes = [node(f"n{number:03}", {}) for number in range(101)]
    (change,) = compare(topology(nodes, 3), topology(nodes[:-1], 3))
    assert (change.kind, change.note) == (CHANGED, "-1: n100")
