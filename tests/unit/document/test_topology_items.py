"""Taints and labels as records: what the readings of a cluster's nodes tell, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.collectors.node_topology import build_topology
from kubectl_snapshot.document.snapshot import Item, Subtype
from kubectl_snapshot.document.topology_items import build_items, iter_all

OURS = {"elapsed-ms": "1"}
Taints = list[tuple[str, str, str]]


def node(name: str, labels: dict[str, str], taints: Taints = []) -> dict[str, Any]:  # noqa: B006
    listed = [dict(zip(("key", "value", "effect"), taint)) for taint in taints]
    return {"metadata": {"name": name, "labels": labels}, "spec": {"taints": listed}}


def read(*nodes: dict[str, Any], max_nodes: int = 0) -> tuple[Subtype, Subtype]:
    """Return taint and label as the runner leaves them."""
    _, taint, label = build_topology(nodes, max_nodes)
    made = [replace(subtype, context={**subtype.context, **OURS}) for subtype in (taint, label)]
    return made[0], made[1]


def test_a_label_is_a_record_of_its_nodes_and_their_number() -> None:
    _, label = read(node("a", {"x": "1"}), node("b", {"x": "1"}), node("c", {"x": "2", "y": ""}))
    assert build_items(label) == (
        Item({"key": "x", "value": "1"}, {"node-count": 2, "node-list": "a,b", "truncated": False}),
        Item({"key": "x", "value": "2"}, {"node-count": 1, "node-list": "c", "truncated": False}),
        Item({"key": "y", "value": ""}, {"node-count": 1, "node-list": "c", "truncated": False}),
    )


def test_a_shortened_list_has_the_number_of_all_nodes() -> None:
    _, label = read(*(node(name, {"x": "1"}) for name in "abcd"), max_nodes=1)
    (item,) = build_items(label)
    assert item.data == {"node-count": 4, "node-list": "a (+3 more)", "truncated": True}


def test_a_taint_has_its_effect_and_sorts_by_it_before_the_value() -> None:
    taint, _ = read(
        node("a", {}, [("g", "x", "NoSchedule"), ("g", "y", "NoExecute")]),
        node("b", {}, [("h", "", "PreferNoSchedule")]),
    )
    assert [dict(item.context) for item in build_items(taint)] == [
        {"key": "g", "effect": "NoExecute", "value": "y"},
        {"key": "g", "effect": "NoSchedule", "value": "x"},
        {"key": "h", "effect": "PreferNoSchedule", "value": ""},
    ]


@pytest.mark.parametrize(
    "nodes",
    [
        [node("a", {"z": "b", "z.b": "q"}), node("b", {"z": "c"})],
        [node("a", {"z.b": "b", "z.c": "c"})],
        [node("a", {"z": "c", "z.b": "b"}), node("b", {"z": "d"})],
        [node("a", {"z": ""}), node("b", {"z": "z"})],
        [node("a", {}, [("k", "x", "NoSchedule")]), node("b", {}, [("k", "y", "NoSchedule")])],
        [node("a", {}, [("k.NoSchedule", "x", "NoSchedule"), ("k", "", "NoExecute")])],
    ],
)
def test_what_one_key_might_mean_twice_is_told_apart(nodes: list[Any]) -> None:
    for subtype, wanted in zip(read(*nodes), expected(nodes)):
        assert {(g.key, g.effect, g.value, g.nodes) for g in iter_all(subtype)} == wanted
        assert len(build_items(subtype)) == len(wanted)


def expected(nodes: list[Any]) -> tuple[set[tuple[str, ...]], set[tuple[str, ...]]]:
    taints: dict[tuple[str, ...], list[str]] = {}
    labels: dict[tuple[str, ...], list[str]] = {}
    for one in nodes:
        name = one["metadata"]["name"]
        for taint in one["spec"]["taints"]:
            group = (taint["key"], taint["effect"], taint["value"])
            taints.setdefault(group, []).append(name)
        for key, value in one["metadata"]["labels"].items():
            labels.setdefault((key, "", value), []).append(name)
    found = [
        {(*group, ",".join(sorted(names))) for group, names in g.items()} for g in (taints, labels)
    ]
    return found[0], found[1]


WORDS = st.text("ab.", max_size=4).map(lambda text: text.strip("."))
KEYS = WORDS.filter(bool)
TAINTS = st.tuples(KEYS, WORDS, st.sampled_from(["NoSchedule", "NoExecute"]))


@given(
    st.lists(
        st.tuples(
            st.dictionaries(KEYS, WORDS, max_size=4), st.lists(TAINTS, max_size=3, unique=True)
        ),
        max_size=4,
    )
)
def test_every_group_comes_back(drawn: list[tuple[dict[str, str], Taints]]) -> None:
    nodes = [node(f"n{i}", labels, taints) for i, (labels, taints) in enumerate(drawn)]
    for subtype, wanted in zip(read(*nodes), expected(nodes)):
        assert {(g.key, g.effect, g.value, g.nodes) for g in iter_all(subtype)} == wanted


@pytest.mark.parametrize("context", [{}, {**OURS, "status": "partial", "reason": "x"}])
def test_what_may_lack_a_group_has_no_records(context: dict[str, str]) -> None:
    assert build_items(Subtype("label", {"x": "1|a"}, context)) == ()


def test_a_group_without_nodes_has_none() -> None:
    (item,) = build_items(Subtype("label", {"x": "1|"}, OURS))
    assert item.data["node-count"] == 0
