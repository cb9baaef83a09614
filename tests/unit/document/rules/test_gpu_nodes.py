from __future__ import annotations

import pytest

from kubectl_snapshot.document.known_paths import Missing
from kubectl_snapshot.document.rules.gpu_nodes import (
    ACCELERATOR,
    GpuNodes,
    LabelCondition,
    find_breaking_nodes,
    parse_condition,
)
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", LabelCondition("a", "b")),
        (" a.b/c-d=e_f.g ", LabelCondition("a.b/c-d", "e_f.g")),
        ("a=", LabelCondition("a", "")),
        ("!a", LabelCondition("a", None)),
        ("! x.y/a", LabelCondition("x.y/a", None)),
        (f"{'k' * 63}={'v' * 63}", LabelCondition("k" * 63, "v" * 63)),
    ],
)
def test_a_condition_is_a_label_or_a_key_that_none_may_have(
    text: str, expected: LabelCondition
) -> None:
    assert parse_condition(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "=b", "!", "!a=b", "a==b", "a=b=c", "a b=c", "-a=b", "a-=b", "a=-b", "a/=b"),
        *("/a=b", "A.b/c=d", "a//b=c", ">= 1", "!= 1", "a=b\nc", "k" * 64 + "=v", "k=" + "v" * 64),
    ],
)
def test_what_no_label_can_be_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_condition(text)


def snapshot(data: dict[str, str], context: dict[str, str] | None = None) -> Snapshot:
    subtypes = (Subtype("label", data, context or {}),)
    return Snapshot({}, (Measurement("NodeTopology", subtypes),))


def test_each_gpu_node_that_breaks_the_condition_is_told() -> None:
    nodes = [f"n{index}" for index in range(9)]
    document = snapshot({ACCELERATOR: f"l4|{','.join(nodes)}", "x": "1|n0,n1,other"})
    found = find_breaking_nodes(document, LabelCondition("x", "1"))
    assert found == GpuNodes(9, tuple(nodes[2:]))
    assert found.text == "false of 7 of 9 GPU nodes: n2, n3, n4, n5, n6 and 2 more"
    none = find_breaking_nodes(document, LabelCondition("x", None))
    assert none == GpuNodes(9, ("n0", "n1"))
    assert none.text == "false of 2 of 9 GPU nodes: n0, n1"
    all_ = find_breaking_nodes(document, LabelCondition("y", None))
    assert isinstance(all_, GpuNodes)
    assert all_.text == "true of all 9 GPU nodes"
    five = GpuNodes(9, ("a", "b", "c", "d", "e"))
    assert five.text == "false of 5 of 9 GPU nodes: a, b, c, d, e"


@pytest.mark.parametrize(
    ("data", "context", "reason"),
    [
        ({}, {"status": "forbidden", "reason": "no"}, "NodeTopology.label is forbidden: no"),
        ({"x": "1|a"}, {}, f"no node has the label {ACCELERATOR}"),
        ({ACCELERATOR: "l4|a (+3 more)"}, {}, "NodeTopology.label does not list all nodes of"),
        ({ACCELERATOR: "l4|a", "x": "1|a,b (+3 more)"}, {}, "does not list all nodes of x"),
        ({ACCELERATOR: "l4|a", "x.1": "1|a"}, {}, "may mean another label by x.<value>"),
        ({ACCELERATOR: "l4|a", "x.1": "1|a", "x.2": "2|a"}, {}, "may mean another label"),
    ],
)
def test_what_is_not_told_of_all_nodes_is_missing(
    data: dict[str, str], context: dict[str, str], reason: str
) -> None:
    found = find_breaking_nodes(snapshot(data, context), LabelCondition("x", "1"))
    assert isinstance(found, Missing)
    assert reason in found.reason


def test_a_document_without_labels_tells_nothing() -> None:
    found = find_breaking_nodes(Snapshot(), LabelCondition("x", "1"))
    assert found == Missing("the snapshot has no NodeTopology.label")
